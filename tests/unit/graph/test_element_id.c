/*
 * Proves which nodes are marked, so that PostgreSQL is told of their element ids: those that are made, those whose rows are new
 * or have new keys, and no others; that keys which go leave a trace where a table beside has them; and the texts around the
 * marks.
 */
#include "fixture.h"

#include "graph/batch.h"
#include "graph/element_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BATCH_SIZE ((size_t)16 * 1024 * 1024)

static const struct plan_element_id column = {.column = "graph_id", .attnum = 3};
static const struct plan_element_id beside = {.schema = "s", .table = "t"};
static struct plan_node nodes[NODES];
static struct plan_table tables[TABLES];
static struct plan plan;

/* Teams are told of in a column, people in a table beside. */
static int setup(void **state)
{
	(void)state;
	fixture_reset();
	plan = fixture_plan;
	memcpy(nodes, fixture_plan.nodes, sizeof(nodes));
	memcpy(tables, fixture_plan.tables, sizeof(tables));
	nodes[NODE_TEAM].element_id = &column;
	nodes[NODE_PERSON].element_id = &beside;
	tables[TABLE_TEAM].node = &nodes[NODE_TEAM];
	tables[TABLE_PERSON].node = &nodes[NODE_PERSON];
	plan.nodes = nodes;
	plan.tables = tables;
	return 0;
}

static void expect_statement(enum graph_statement_kind kind, uint32_t index, const uint8_t *mask, const char *text)
{
	struct graph_statements statements;

	assert_int_equal(graph_statements_init(&statements, &plan), 0);
	assert_string_equal(graph_statement_get(&statements, kind, index, mask)->text, text);
	graph_statements_free(&statements);
}

static void test_marks(void **state)
{
	static const uint8_t mask[] = {GRAPH_MASK_LEFT_OUT, GRAPH_MASK_TAKEN};

	(void)state;
	expect_statement(GRAPH_NODE_UPSERT, NODE_TEAM, NULL,
	                 "UNWIND $p.rows AS r MERGE (n:`Team` {`id`: r[0]}) ON CREATE SET n:`_PgweaveElementId` "
	                 "FOREACH (m IN CASE WHEN r[2] OR n:`_PgweavePlaceholder` THEN [n] ELSE [] END | SET "
	                 "m:`_PgweaveElementId`) SET n.`name` = r[1] REMOVE n:`_PgweavePlaceholder`");
	/* what says that the row is new is behind the values that are known */
	expect_statement(GRAPH_NODE_UPSERT, NODE_PERSON, mask,
	                 "UNWIND $p.rows AS r MERGE (n:`Person` {`id`: r[0]}) ON CREATE SET n:`_PgweaveElementId` "
	                 "FOREACH (m IN CASE WHEN r[2] OR n:`_PgweavePlaceholder` THEN [n] ELSE [] END | SET "
	                 "m:`_PgweaveElementId`) SET n.`bio` = r[1] REMOVE n:`_PgweavePlaceholder`");
}

static void test_keys_that_go(void **state)
{
	(void)state;
	/* the column goes with its row */
	expect_statement(
	        GRAPH_NODE_DELETE, NODE_TEAM, NULL,
	        "UNWIND $p.rows AS r MATCH (n:`Team` {`id`: r[0]}) USING INDEX n:`Team`(`id`) REMOVE n:`Team` DETACH DELETE n");
	expect_statement(GRAPH_NODE_RENAME, NODE_PERSON, NULL,
	                 "UNWIND $p.rows AS r MATCH (n:`Person` {`id`: r[0]}) USING INDEX n:`Person`(`id`) CREATE "
	                 "(:`_PgweaveElementIdGone.Person` {`id`: n.`id`}) SET n.`id` = r[1] ");
	nodes[NODE_PERSON].may_be_placeholder = false;
	expect_statement(GRAPH_NODE_DELETE, NODE_PERSON, NULL,
	                 "UNWIND $p.rows AS r MATCH (n:`Person` {`id`: r[0]}) USING INDEX n:`Person`(`id`) CREATE "
	                 "(:`_PgweaveElementIdGone.Person` {`id`: n.`id`}) REMOVE n:`Person` DETACH DELETE n");
	expect_statement(GRAPH_NODE_TRUNCATE, NODE_PERSON, NULL,
	                 "MATCH (n:`Person`) WHERE NOT n:`_PgweavePlaceholder` CREATE (:`_PgweaveElementIdGone.Person` {`id`: "
	                 "n.`id`}) REMOVE n:`Person` DETACH DELETE n");
}

struct changes {
	struct graph_statements statements;
	struct graph_batch *batch;
	struct transaction *transaction;
};

static void change(struct changes *changes, enum change_kind kind, const struct cell *row, const struct cell *old)
{
	struct change *change = transaction_add(changes->transaction);

	change->kind = kind;
	change->table = TABLE_TEAM;
	change->row = row;
	change->old = old;
	changes->transaction->changes_count++;
}

static void begin(struct changes *changes)
{
	assert_int_equal(graph_statements_init(&changes->statements, &plan), 0);
	changes->batch = graph_batch_new(&changes->statements, BATCH_SIZE);
	changes->transaction = transaction_new(BATCH_SIZE);
}

/* Of the upserts' rows, in their order: y for those that are told to be new. */
static void finish(struct changes *changes, const char *expected)
{
	struct graph_operation *operation;
	struct error error;
	char said[16] = "";

	assert_int_equal(graph_batch_add(changes->batch, changes->transaction, &error), 0);
	assert_int_equal(graph_batch_operations(changes->batch, &operation, &error), 0);
	for (; operation; operation = operation->next) {
		for (uint32_t i = 0; operation->statement->kind == GRAPH_NODE_UPSERT && i < operation->rows_count; i++) {
			struct bolt_writer params;
			struct graph_row *bad;
			struct arena scratch;

			arena_init(&scratch, BATCH_SIZE);
			bolt_writer_init(&params, 4096);
			assert_true(operation->statement->tells_renewed);
			assert_int_equal(graph_operation_pack(operation, &plan, i, i + 1, &scratch, &params, &bad, &error), 0);
			strcat(said, params.data[params.size - 1] == 0xc3 ? "y" : "n");
			bolt_writer_free(&params);
			arena_free(&scratch);
		}
	}
	assert_string_equal(said, expected);
	transaction_free(changes->transaction);
	graph_batch_free(changes->batch);
	graph_statements_free(&changes->statements);
}

static void test_rows_that_are_new(void **state)
{
	struct changes changes;
	struct error error;

	(void)state;
	begin(&changes);
	change(&changes, CHANGE_UPDATE, CELLS("1", "a"), NULL);
	change(&changes, CHANGE_INSERT, CELLS("2", "b"), NULL);
	change(&changes, CHANGE_UPDATE, CELLS("2", "c"), NULL);
	finish(&changes, "ny");
	/* the node stays where a row goes and another one comes with its key */
	begin(&changes);
	change(&changes, CHANGE_DELETE, NULL, CELLS("1", NULL));
	change(&changes, CHANGE_INSERT, CELLS("1", "b"), NULL);
	change(&changes, CHANGE_UPDATE, CELLS("3", "a"), CELLS("2", NULL));
	finish(&changes, "yy");
	/* whatever is loaded is told of anew */
	begin(&changes);
	assert_int_equal(graph_batch_add_row(changes.batch, TABLE_TEAM, CELLS("1", "a"), false, 1, 0, &error), 0);
	finish(&changes, "y");
}

static void expect(struct buffer *text, const char *expected)
{
	assert_string_equal(buffer_text(text), expected);
	buffer_reset(text);
}

#define FENCE "MATCH (c:`_PgweaveCheckpoint` {pipeline: $pipeline}) SET c.lock = randomUUID() WITH c WHERE c.epoch = $epoch "

static void test_texts(void **state)
{
	const struct plan_property key[] = {{"a`b", 0, {.kind = TYPE_INT}}, {"c", 1, {.kind = TYPE_TEXT}}};
	const struct plan_node node = {.label = "L`", .key = key, .key_count = 2, .element_id = &beside};
	struct buffer text;

	(void)state;
	buffer_init(&text, 65536);
	graph_element_id_take(&node, &text);
	expect(&text, FENCE
	       "CALL { MATCH (n:`_PgweaveElementId`) USING SCAN n:`_PgweaveElementId` WHERE n:`L``` RETURN n LIMIT 1000 } "
	       "REMOVE n:`_PgweaveElementId` SET n:`_PgweaveElementIdTaken` RETURN elementId(n), n.`a``b`, n.`c`");
	graph_element_id_put_back(&node, &text);
	expect(&text,
	       FENCE "CALL { MATCH (n:`_PgweaveElementIdTaken`) USING SCAN n:`_PgweaveElementIdTaken` WHERE n:`L``` RETURN n "
	             "LIMIT 10000 } SET n:`_PgweaveElementId` REMOVE n:`_PgweaveElementIdTaken` RETURN count(n)");
	assert_string_equal(graph_element_id_done,
	                    FENCE "UNWIND $p.rows AS r MATCH (n) WHERE elementId(n) = r REMOVE n:`_PgweaveElementIdTaken`");
	graph_element_id_forgotten(&node, &text);
	expect(&text, FENCE "UNWIND $p.rows AS r MATCH (n) WHERE elementId(n) = r AND n:`_PgweaveElementIdGone.L``` DELETE n");
	graph_element_id_gone(&node, &text);
	expect(&text, "MATCH (n:`_PgweaveElementIdGone.L```) WITH n LIMIT 1000 RETURN elementId(n), n.`a``b`, n.`c`");
	graph_element_id_mark(&node, &text);
	expect(&text, "UNWIND $p.rows AS r MATCH (n:`L``` {`a``b`: r[0], `c`: r[1]}) USING INDEX n:`L```(`a``b`, `c`) SET "
	              "n:`_PgweaveElementId`");
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(test_marks, setup),
	        cmocka_unit_test_setup(test_keys_that_go, setup),
	        cmocka_unit_test_setup(test_rows_that_are_new, setup),
	        cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
