/*
 * Proves that a batch writes each row once, in an order that is right whatever the transactions did: which statements come out,
 * in which order, with which rows.
 */
#include "fixture.h"

#include "graph/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BATCH_SIZE ((size_t)16 * 1024 * 1024)

struct state {
	struct graph_statements statements;
	struct graph_batch *batch;
	struct transaction *transaction;
	char said[8192];
};

static const char *const kind_names[] = {
#define X(name, of) #name,
        GRAPH_STATEMENTS(X)
#undef X
};

static int setup(void **user)
{
	static struct state state;

	memset(&state, 0, sizeof(state));
	fixture_reset();
	assert_int_equal(graph_statements_init(&state.statements, &fixture_plan), 0);
	state.batch = graph_batch_new(&state.statements, BATCH_SIZE);
	state.transaction = transaction_new(BATCH_SIZE);
	assert_non_null(state.batch);
	assert_non_null(state.transaction);
	*user = &state;
	return 0;
}

static int teardown(void **user)
{
	struct state *state = *user;

	transaction_free(state->transaction);
	graph_batch_free(state->batch);
	graph_statements_free(&state->statements);
	fixture_person_waits(false);
	return 0;
}

static void change(struct state *state, enum change_kind kind, uint32_t table, const struct cell *row, const struct cell *old)
{
	struct change *change = transaction_add(state->transaction);

	assert_non_null(change);
	change->kind = kind;
	change->table = table;
	change->row = row;
	change->old = old;
	state->transaction->changes_count++;
}

/* Ends the transaction and adds it to the batch. */
static void commit(struct state *state)
{
	struct error error;

	assert_int_equal(graph_batch_add(state->batch, state->transaction, &error), 0);
	transaction_free(state->transaction);
	state->transaction = transaction_new(BATCH_SIZE);
	assert_non_null(state->transaction);
}

static void say_key(struct state *state, const struct plan_table *table, const struct cell *cells)
{
	for (uint32_t i = 0; i < table->key_count; i++) {
		strcat(state->said, i ? "," : "");
		strncat(state->said, cells[i].data, cells[i].size);
	}
}

/* "NODE_UPSERT 0: 1 2; ..." */
static const char *operations(struct state *state)
{
	struct graph_operation *operation;
	struct error error;

	state->said[0] = '\0';
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	for (; operation; operation = operation->next) {
		sprintf(state->said + strlen(state->said), "%s %u:", kind_names[operation->statement->kind],
		        operation->statement->index);
		for (uint32_t i = 0; i < operation->rows_count; i++) {
			const struct plan_table *table = &fixture_plan.tables[operation->rows[i]->table];

			strcat(state->said, " ");
			if (operation->statement->old_and_new) {
				say_key(state, table, operation->rows[i]->old);
				strcat(state->said, ">");
			}
			say_key(state, table, operation->rows[i]->cells);
		}
		strcat(state->said, "; ");
	}
	return state->said;
}

static void test_nothing_gives_nothing(void **user)
{
	assert_string_equal(operations(*user), "");
	assert_int_equal(graph_batch_changes(((struct state *)*user)->batch), 0);
}

static void test_a_row_is_written_once(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "a"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "c"), NULL);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("2", "d"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1 2; ");
	assert_int_equal(graph_batch_changes(state->batch), 4);
}

static void test_foreign_keys_of_new_and_of_changed_rows(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", "7", NULL, "x", NULL), NULL);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", "7", NULL, "x", NULL), NULL);
	commit(state);
	/* a new row with NULL has no relationship to delete; a changed one may have */
	assert_string_equal(operations(state),
	                    "NODE_UPSERT 1: 1 2; EDGE_DELETE 1: 2; EDGE_UPSERT_FRESH 0: 1; EDGE_UPSERT 0: 2; ");
}

static void test_a_full_old_row_spares_nothing(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", NULL, "x", NULL), CELLS("1", "7", "3", "x", NULL));
	state->transaction->first->old_is_full = true;
	commit(state);
	/* the graph may lack what the row had: it may have been set aside as a dead letter */
	assert_string_equal(operations(state), "NODE_UPSERT 1: 1; EDGE_DELETE 1: 1; EDGE_UPSERT 0: 1; ");
}

static void test_an_unchanged_value_is_left_out_unless_it_is_known(void **user)
{
	struct state *state = *user;
	struct graph_operation *operation;
	struct error error;

	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", "7", "x", FIXTURE_UNCHANGED), NULL);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", "7", "7", "x", "known"), NULL);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", "7", "7", "y", FIXTURE_UNCHANGED), NULL);
	commit(state);
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	for (int found = 0; operation; operation = operation->next) {
		if (operation->statement->kind != GRAPH_NODE_UPSERT)
			continue;
		assert_int_equal(operation->rows_count, 1);
		if (memcmp(operation->rows[0]->cells[0].data, "1", 1) == 0)
			assert_null(strstr(operation->statement->text, "bio"));
		else
			assert_memory_equal(operation->rows[0]->cells[4].data, "known", 5);
		assert_true(++found <= 2);
	}
}

/* The summary that the row of that key would get in the graph; "-" where it stays; NULL where the row cannot be packed. */
static const char *summary_of(struct state *state, const char *key)
{
	struct graph_operation *operation;
	struct graph_row *bad = NULL;
	struct bolt_writer writer;
	struct arena scratch;
	struct error error = {0};
	int rc = 0;

	strcpy(state->said, "-");
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	arena_init(&scratch, BATCH_SIZE);
	bolt_writer_init(&writer, BATCH_SIZE);
	for (; operation && rc == 0; operation = operation->next) {
		const char *last;

		if (operation->statement->kind != GRAPH_NODE_UPSERT || !operation->rows_count ||
		    memcmp(operation->rows[0]->cells[0].data, key, strlen(key)) != 0)
			continue;
		assert_int_equal(operation->rows_count, 1);
		rc = graph_operation_pack(operation, &fixture_plan, 0, 1, &scratch, &writer, &bad, &error);
		/* the last value of the row, a short text */
		last = memmem(writer.data, writer.size, ": ", 2);
		if (rc == 0 && strstr(operation->statement->text, "summary") && last)
			sprintf(state->said, "%.*s", (int)((const char *)writer.data + writer.size - last + 1), last - 1);
	}
	if (rc < 0) {
		assert_int_equal(error.class, ERROR_POISON);
		assert_non_null(bad);
		assert_non_null(strstr(error.text, "\"summary\""));
		assert_non_null(strstr(error.hint, "REPLICA IDENTITY FULL"));
	}
	bolt_writer_free(&writer);
	arena_free(&scratch);
	return rc < 0 ? NULL : state->said;
}

/* Each row in a batch of its own. */
static void test_a_text_of_several_cells_is_right_or_not_written(void **user)
{
	struct state *state = *user;

	fixture_concatenates(true);
	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", "7", NULL, "Ann", "a baker"), NULL);
	commit(state);
	assert_string_equal(summary_of(state, "1"), "1: Ann: a baker");
	/* what an earlier change brought of the row is known */
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", NULL, "Eve", FIXTURE_UNCHANGED), NULL);
	commit(state);
	assert_string_equal(summary_of(state, "1"), "1: Eve: a baker");
	graph_batch_reset(state->batch);
	/* the name may have changed, and the rest is not known */
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", NULL, "Ann", FIXTURE_UNCHANGED), NULL);
	commit(state);
	assert_null(summary_of(state, "1"));
	/* a later change brings it */
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", NULL, "Ann", "x"), NULL);
	commit(state);
	assert_string_equal(summary_of(state, "1"), "1: Ann: x");
	graph_batch_reset(state->batch);
	/* nothing of it was sent but the key, which is the same */
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "8", NULL, FIXTURE_UNCHANGED, FIXTURE_UNCHANGED), NULL);
	commit(state);
	assert_string_equal(summary_of(state, "1"), "-");
	graph_batch_reset(state->batch);
	/* and one that is not */
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", "8", NULL, FIXTURE_UNCHANGED, FIXTURE_UNCHANGED),
	       CELLS("1", NULL, NULL, NULL, NULL));
	commit(state);
	assert_null(summary_of(state, "2"));
	graph_batch_reset(state->batch);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", "8", NULL, NULL, "y"), CELLS("1", NULL, NULL, NULL, NULL));
	commit(state);
	assert_string_equal(summary_of(state, "2"), "2: y");
	fixture_concatenates(false);
}

static void test_an_array_makes_relationships_and_then_prunes(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_POST, CELLS("1", "{a,b}"), NULL);
	change(state, CHANGE_UPDATE, TABLE_POST, CELLS("2", "{}"), NULL);
	change(state, CHANGE_UPDATE, TABLE_POST, CELLS("3", NULL), NULL);
	change(state, CHANGE_UPDATE, TABLE_POST, CELLS("4", FIXTURE_UNCHANGED), NULL);
	change(state, CHANGE_DELETE, TABLE_POST, NULL, CELLS("5", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 2: 1 2 3 4; EDGE_DELETE 4: 3 5; EDGE_UPSERT_FRESH 4: 1; "
	                                       "EDGE_UPSERT 4: 2; EDGE_PRUNE 4: 2; NODE_DELETE 2: 5; ");
}

static void test_the_texts_of_arrays(void **user)
{
	static const struct {
		enum graph_statement_kind kind;
		const char *text;
	} texts[] = {
	        {GRAPH_EDGE_UPSERT,
	         "UNWIND $p.rows AS r MATCH (a:`Post` {`id`: r[0]}) USING INDEX a:`Post`(`id`) UNWIND r[1] AS "
	         "v MERGE (b:`Tag` {`name`: v[0]}) MERGE (a)-[e:`TAGGED` {`at`: v[1]}]->(b)"},
	        {GRAPH_EDGE_KEPT,
	         "UNWIND $p.rows AS r MATCH (a:`Post` {`id`: r[0]}) USING INDEX a:`Post`(`id`) WHERE NOT EXISTS { MATCH "
	         "(a)-[:`TAGGED`]->(:`Tag`) } SET a.lacking = toInteger([r[0], 'the row came back without its large values: "
	         "REPLICA IDENTITY FULL brings them'])"},
	        {GRAPH_EDGE_PRUNE,
	         "UNWIND $p.rows AS r MATCH (a:`Post` {`id`: r[0]}) USING INDEX a:`Post`(`id`) MATCH "
	         "(a:`Post`)-[o:`TAGGED`]->(b:`Tag`) WHERE NOT coalesce([b.`name`, o.`at`] IN r[1], false) DELETE o WITH "
	         "collect(DISTINCT b) AS xs UNWIND xs AS x WITH DISTINCT x WHERE (x:`_PgweavePlaceholder` OR x:`Tag`) AND NOT "
	         "(x)--() DELETE x"},
	};
	struct state *state = *user;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_string_equal(graph_statement_get(&state->statements, texts[i].kind, EDGE_TAGGED, NULL)->text,
		                    texts[i].text);
}

/* Pairs of what is not NULL and its place among all. */
static void test_the_list_of_an_array(void **user)
{
	static const uint8_t expected[] = {0xa1, 0x81, 'p',  0xa1, 0x84, 'r',  'o',  'w', 's', 0x91, /* one row */
	                                   0x92, 0x07,                                               /* its key */
	                                   0x92, 0x92, 0x81, 'a',  0x01, 0x92, 0x81, 'b', 0x03};
	struct state *state = *user;
	struct graph_operation *operation;
	struct graph_row *bad;
	struct bolt_writer writer;
	struct arena scratch;
	struct error error;

	change(state, CHANGE_INSERT, TABLE_POST, CELLS("7", "{{a,NULL},{b,NULL}}"), NULL);
	commit(state);
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	while (operation->statement->kind != GRAPH_EDGE_UPSERT_FRESH)
		operation = operation->next;
	arena_init(&scratch, BATCH_SIZE);
	bolt_writer_init(&writer, BATCH_SIZE);
	assert_int_equal(graph_operation_pack(operation, &fixture_plan, 0, 1, &scratch, &writer, &bad, &error), 0);
	assert_int_equal(writer.size, sizeof(expected));
	assert_memory_equal(writer.data, expected, sizeof(expected));
	bolt_writer_free(&writer);
	arena_free(&scratch);
}

static void test_delete_and_insert_in_one_transaction_is_an_update(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("1", NULL));
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1; ");
}

static void test_delete_and_insert_in_two_transactions_is_another_node(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("1", NULL));
	commit(state);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_DELETE 0: 1; NODE_UPSERT 0: 1; ");
}

static void test_what_came_and_went_leaves_nothing(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("1", NULL));
	commit(state);
	assert_string_equal(operations(state), "");
}

/* Each transaction leaves what the next one finds; and what is inserted may be there already. */
static void test_what_stays_is_written_before(void **user)
{
	struct state *state = *user;

	fixture_team_stays(true);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("1", NULL));
	commit(state);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "c"), CELLS("2", NULL));
	commit(state);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("3", "d"), NULL);
	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("3", NULL));
	commit(state);
	assert_string_equal(operations(state),
	                    "NODE_UPSERT 0: 1; NODE_DELETE 0: 1; NODE_RENAME_DISPLACE 0: 2>1; NODE_RENAME 0: 2>1; "
	                    "NODE_UPSERT 0: 1; NODE_DELETE 0: 3; ");
	fixture_team_stays(false);
}

/* A row that comes and goes within one transaction leaves nothing, whatever keys it had on the way, and however it goes. */
static void test_what_passes_does_not_stay(void **user)
{
	struct state *state = *user;

	fixture_team_stays(true);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "a"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", NULL));
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("2", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1; ");
	assert_int_equal(graph_batch_changes(state->batch), 4);

	graph_batch_reset(state->batch);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("3", "c"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("5", "d"), CELLS("4", NULL));
	change(state, CHANGE_TRUNCATE, TABLE_TEAM, NULL, NULL);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("6", "e"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME_DISPLACE 0: 4>5; NODE_RENAME 0: 4>5; NODE_UPSERT 0: 5; "
	                                       "NODE_TRUNCATE 0:; NODE_UPSERT 0: 6; ");
	assert_int_equal(graph_batch_changes(state->batch), 4);
	fixture_team_stays(false);
}

static void test_relationships_go_before_their_node(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_DELETE, TABLE_PERSON, NULL, CELLS("1", NULL, NULL, NULL, NULL));
	change(state, CHANGE_DELETE, TABLE_MEMBER, NULL, CELLS("7", "1", NULL));
	change(state, CHANGE_DELETE, TABLE_CALL, NULL, CELLS("5", NULL, NULL, NULL));
	commit(state);
	assert_string_equal(operations(state),
	                    "EDGE_DELETE 0: 1; EDGE_DELETE 1: 1; EDGE_DELETE 2: 7,1; EDGE_DELETE 3: 5; NODE_DELETE 1: 1; ");
}

static void test_a_changed_key_renames_before_it_writes(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "b"), CELLS("1", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 1>2; NODE_UPSERT 0: 2; ");
}

static void test_keys_that_shift_keep_their_order(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "b"), CELLS("2", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 2>3 1>2; NODE_UPSERT 0: 3 2; ");
}

/* Team 2 takes the key of team 1: who is in team 1, by a foreign key that does not cascade, is in that one now. */
static void test_relationships_stay_with_a_key_that_is_taken(void **user)
{
	struct state *state = *user;

	fixture_key_stays(true);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "a"), CELLS("1", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), CELLS("2", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 1>3 2>1; RENAME_LEAVE_TO 0: 1>3; NODE_UPSERT 0: 3 1; ");
	fixture_key_stays(false);
}

static void test_a_key_that_meets_a_pending_change_begins_a_segment(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "b"), CELLS("1", NULL));
	commit(state);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "b"), CELLS("2", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 1>2; NODE_UPSERT 0: 2; NODE_RENAME 0: 2>3; NODE_UPSERT 0: 3; ");
}

/* Two statements, one behind the other. */
static void test_a_key_that_changes_twice_is_one_change(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "b"), CELLS("2", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("4", "c"), CELLS("3", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", FIXTURE_UNCHANGED), CELLS("2", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 2>4 1>3; NODE_UPSERT 0: 4 3; ");
}

/* By way of a third one, as no DEFERRABLE key is there. */
static void test_rows_that_exchange_their_keys(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("9", "a"), CELLS("1", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), CELLS("2", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("9", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_EXCHANGE 0: 1>2 2>1; NODE_UPSERT 0: 2 1; ");
}

static void test_a_key_that_comes_back_is_no_change(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), CELLS("2", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1; ");
}

/* What the transaction has written before must not part those that pass a key on. */
static void test_a_statements_keys_change_in_one_segment(void **user)
{
	struct state *state = *user;

	fixture_key_stays(true);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "x"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "b"), CELLS("2", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "x"), CELLS("1", NULL));
	commit(state);
	assert_string_equal(operations(state),
	                    "NODE_UPSERT 0: 1; NODE_RENAME 0: 2>3 1>2; RENAME_LEAVE_TO 0: 2>3; NODE_UPSERT 0: 3 2; ");
	fixture_key_stays(false);
}

/* 1 and 2 have one key between the two changes, and only what else they hold tells them apart. */
static void test_a_deferrable_key_is_known_by_its_row(void **user)
{
	struct state *state = *user;

	fixture_keys_are_deferrable(true);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", "a"));
	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", "2", NULL, NULL, NULL), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), CELLS("2", "b"));
	commit(state);
	assert_string_equal(operations(state),
	                    "NODE_EXCHANGE 0: 1>2 2>1; NODE_UPSERT 0: 2 1; NODE_UPSERT 1: 1; EDGE_UPSERT_FRESH 0: 1; ");
	graph_batch_reset(state->batch);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", "a"));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "c"), CELLS("2", "a"));
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1; ");
	fixture_keys_are_deferrable(false);
}

static void test_a_deferrable_key_is_taken_before_it_is_free(void **user)
{
	struct state *state = *user;

	fixture_keys_are_deferrable(true);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "new"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "b"), CELLS("3", "b"));
	change(state, CHANGE_DELETE, TABLE_TEAM, NULL, CELLS("2", "a"));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("4", "a"), CELLS("1", "a"));
	commit(state);
	assert_string_equal(operations(state), "NODE_DELETE 0: 2; NODE_RENAME 0: 3>2 1>4; NODE_UPSERT 0: 2 4 1; ");
	fixture_keys_are_deferrable(false);
}

static void test_truncate_ends_what_waits(void **user)
{
	struct state *state = *user;

	fixture_keys_are_deferrable(true);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", "a"), CELLS("1", "a"));
	change(state, CHANGE_TRUNCATE, TABLE_TEAM, NULL, NULL);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "b"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_TRUNCATE 0:; NODE_UPSERT 0: 1; ");
	fixture_keys_are_deferrable(false);
}

/* Call 1 loses an end and its key to call 2: its relationship goes before that one comes. */
static void test_rows_of_a_join_table_exchange_their_keys(void **user)
{
	struct state *state = *user;

	fixture_keys_are_deferrable(true);
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("2", "7", "8", "3"), CELLS("1", "7", "8", "3"));
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("1", "5", "6", "4"), CELLS("2", "5", "6", "4"));
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("4", NULL, "6", "4"), CELLS("3", "7", "6", "4"));
	commit(state);
	assert_string_equal(operations(state),
	                    "EDGE_LEAVE 3: 3; EDGE_EXCHANGE 3: 1>2 2>1; EDGE_DELETE 3: 4; EDGE_UPSERT 3: 2 1; ");
	fixture_keys_are_deferrable(false);
}

static void test_who_has_the_values_has_the_relationships(void **user)
{
	struct state *state = *user;

	fixture_refers_to_name(true);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("3", "c"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), NULL);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("2", FIXTURE_UNCHANGED), NULL);
	commit(state);
	assert_string_equal(operations(state), "EDGE_NOTE 0: 1; NODE_UPSERT 0: 2; NODE_UPSERT 0: 3 1; EDGE_SETTLE 0: 1; ");
	fixture_refers_to_name(false);
}

static void test_join_rows_are_written_before_their_ends_change_keys(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_DELETE, TABLE_MEMBER, NULL, CELLS("1", "7", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "a"), CELLS("1", NULL));
	commit(state);
	assert_string_equal(operations(state), "EDGE_DELETE 2: 1,7; NODE_RENAME 0: 1>3; NODE_UPSERT 0: 3; ");
}

static void test_a_join_row_that_follows_its_end_is_not_looked_for_at_the_old_key(void **user)
{
	struct state *state = *user;

	/* one statement: both teams first, then what cascades; team 2 has taken the key of team 1 */
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("3", "a"), CELLS("1", NULL));
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("1", "b"), CELLS("2", NULL));
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("3", "7", FIXTURE_UNCHANGED), CELLS("1", "7", NULL));
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("1", "7", FIXTURE_UNCHANGED), CELLS("2", "7", NULL));
	/* this one moves by itself too */
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("1", "9", FIXTURE_UNCHANGED), CELLS("2", "8", NULL));
	commit(state);
	assert_string_equal(operations(state), "NODE_RENAME 0: 1>3 2>1; EDGE_REKEY 2: 1,8>1,9; NODE_UPSERT 0: 3 1; "
	                                       "EDGE_UPSERT 2: 3,7 1,7 1,9; ");
}

static void test_a_rename_sees_to_placeholders(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("2", NULL, NULL, "b", NULL), CELLS("1", NULL, NULL, NULL, NULL));
	commit(state);
	assert_string_equal(operations(state),
	                    "NODE_RENAME_VACATE 1: 1>2; NODE_RENAME 1: 1>2; "
	                    "RENAME_LEAVE_FROM 3: 1>2; RENAME_LEAVE_TO 1: 1>2; RENAME_LEAVE_TO 3: 1>2; "
	                    "RENAME_ABSORB_FROM 3: 1>2; RENAME_ABSORB_TO 1: 1>2; RENAME_ABSORB_TO 3: 1>2; "
	                    "NODE_RENAME_DISCARD 1: 1>2; NODE_UPSERT 1: 2; EDGE_DELETE 0: 2; EDGE_DELETE 1: 2; ");
}

static void test_truncate_comes_in_its_place(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "a"), NULL);
	change(state, CHANGE_TRUNCATE, TABLE_TEAM, NULL, NULL);
	change(state, CHANGE_TRUNCATE, TABLE_CALL, NULL, NULL);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("2", "b"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 0: 1; EDGE_TRUNCATE 3:; NODE_TRUNCATE 0:; NODE_UPSERT 0: 2; ");
}

static void test_a_join_row_without_an_end_has_no_relationship(void **user)
{
	struct state *state = *user;

	change(state, CHANGE_INSERT, TABLE_CALL, CELLS("1", "7", NULL, "3"), NULL);
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("2", "7", NULL, "3"), NULL);
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("4", NULL, "7", "3"), CELLS("3", NULL, NULL, NULL));
	commit(state);
	assert_string_equal(operations(state), "EDGE_LEAVE 3: 3; EDGE_DELETE 3: 2 4; ");
}

static void test_dead_rows_are_left_out(void **user)
{
	struct state *state = *user;
	struct graph_operation *operation;
	struct error error;

	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "a"), NULL);
	change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("2", "b"), NULL);
	commit(state);
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	operation->rows[0]->dead = true;
	assert_string_equal(operations(state), "NODE_UPSERT 0: 2; ");
}

static void test_a_bad_value_names_its_row_and_column(void **user)
{
	struct state *state = *user;
	struct graph_operation *operation;
	struct graph_row *bad;
	struct bolt_writer writer;
	struct arena scratch;
	struct error error;

	change(state, CHANGE_INSERT, TABLE_CALL, CELLS("1", "7", "8", "many"), NULL);
	commit(state);
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	bolt_writer_init(&writer, BATCH_SIZE);
	arena_init(&scratch, BATCH_SIZE);
	assert_int_equal(graph_operation_pack(operation, &fixture_plan, 0, 1, &scratch, &writer, &bad, &error), ERR_VALUE);
	assert_ptr_equal(bad, operation->rows[0]);
	assert_non_null(strstr(error.text, "public.calls.minutes"));
	bolt_writer_free(&writer);
	arena_free(&scratch);
}

static void test_a_batch_has_a_limit(void **user)
{
	struct state *state = *user;
	struct graph_batch *batch = graph_batch_new(&state->statements, 4096);
	struct error error;

	for (int i = 0; i < 100; i++)
		change(state, CHANGE_INSERT, TABLE_TEAM, CELLS("1", "a"), NULL);
	assert_false(graph_batch_fits(batch, 4096));
	assert_int_equal(graph_batch_add(batch, state->transaction, &error), ERR_LIMIT);
	graph_batch_free(batch);
}

/* "1@5": the row and the time of its version */
static const char *times(struct state *state, enum graph_statement_kind kind)
{
	struct graph_operation *operation;
	struct error error;

	state->said[0] = '\0';
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	for (; operation; operation = operation->next) {
		for (uint32_t i = 0; operation->statement->kind == kind && i < operation->rows_count; i++) {
			say_key(state, &fixture_plan.tables[operation->rows[i]->table], operation->rows[i]->cells);
			sprintf(state->said + strlen(state->said), "@%d ", (int)operation->rows[i]->time_us);
		}
		if (operation->statement->kind == kind && operation->rows_count == 0)
			sprintf(state->said + strlen(state->said), "all@%d ", (int)operation->time_us);
	}
	return state->said;
}

static void commit_at(struct state *state, int64_t time_us)
{
	state->transaction->commit_time_us = time_us;
	commit(state);
}

static void test_each_transaction_has_a_version_of_its_own(void **user)
{
	struct state *state = *user;

	fixture_keeps_history(true);
	change(state, CHANGE_INSERT, TABLE_MEMBER, CELLS("7", "1", "a"), NULL);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "1", "b"), NULL);
	commit_at(state, 1);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "1", "c"), NULL);
	commit_at(state, 2);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "1", "c"), NULL);
	commit_at(state, 3);
	change(state, CHANGE_DELETE, TABLE_MEMBER, NULL, CELLS("7", "1", NULL));
	commit_at(state, 4);
	change(state, CHANGE_INSERT, TABLE_MEMBER, CELLS("7", "1", "c"), NULL);
	commit_at(state, 5);
	/* the third changes nothing of it; there may be versions of a new row all the same */
	assert_string_equal(operations(state),
	                    "EDGE_UPSERT 2: 7,1; EDGE_UPSERT 2: 7,1; EDGE_DELETE 2: 7,1; EDGE_UPSERT 2: 7,1; ");
	assert_string_equal(times(state, GRAPH_EDGE_UPSERT), "7,1@1 7,1@2 7,1@5 ");
	assert_string_equal(times(state, GRAPH_EDGE_DELETE), "7,1@4 ");
	fixture_keeps_history(false);
}

static void test_what_else_changes_of_a_row_is_no_version(void **user)
{
	struct state *state = *user;

	fixture_keeps_history(true);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", NULL, "a", FIXTURE_UNCHANGED), NULL);
	commit_at(state, 1);
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "7", "2", "b", "x"), NULL);
	commit_at(state, 2);
	assert_string_equal(operations(state), "NODE_UPSERT 1: 1; EDGE_UPSERT 0: 1; EDGE_UPSERT 1: 1; ");
	assert_string_equal(times(state, GRAPH_EDGE_UPSERT), "1@1 1@1 ");
	fixture_keeps_history(false);
}

/* All that it does to one row stands in one segment, though another row is what ends the one before. */
static void test_a_transaction_that_ends_a_version_begins_a_segment(void **user)
{
	struct state *state = *user;

	fixture_keeps_history(true);
	change(state, CHANGE_INSERT, TABLE_MEMBER, CELLS("7", "1", "a"), NULL);
	commit_at(state, 1);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "2", "b"), NULL);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "1", "b"), NULL);
	change(state, CHANGE_UPDATE, TABLE_MEMBER, CELLS("7", "2", "a"), NULL);
	commit_at(state, 2);
	assert_string_equal(operations(state), "EDGE_UPSERT 2: 7,1; EDGE_UPSERT 2: 7,2 7,1; ");
	fixture_keeps_history(false);
}

static void test_versions_are_written_before_their_ends_change_keys(void **user)
{
	struct state *state = *user;

	fixture_keeps_history(true);
	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", "7", NULL, NULL, NULL), NULL);
	commit_at(state, 1);
	change(state, CHANGE_UPDATE, TABLE_TEAM, CELLS("8", "b"), CELLS("7", NULL));
	change(state, CHANGE_UPDATE, TABLE_PERSON, CELLS("1", "8", NULL, NULL, NULL), NULL);
	commit_at(state, 2);
	assert_string_equal(operations(state), "NODE_UPSERT 1: 1; EDGE_UPSERT 0: 1; NODE_RENAME 0: 7>8; NODE_UPSERT 0: 8; "
	                                       "NODE_UPSERT 1: 1; EDGE_DELETE 1: 1; EDGE_UPSERT 0: 1; ");
	fixture_keeps_history(false);
}

static void test_truncate_has_a_time(void **user)
{
	struct state *state = *user;
	struct bolt_writer writer, expected;
	struct graph_operation *operation;
	struct graph_row *bad;
	struct arena scratch;
	struct error error;

	fixture_keeps_history(true);
	change(state, CHANGE_TRUNCATE, TABLE_MEMBER, NULL, NULL);
	commit_at(state, -1);
	assert_string_equal(times(state, GRAPH_EDGE_TRUNCATE), "all@-1 ");
	assert_int_equal(graph_batch_operations(state->batch, &operation, &error), 0);
	bolt_writer_init(&writer, BATCH_SIZE);
	bolt_writer_init(&expected, BATCH_SIZE);
	arena_init(&scratch, BATCH_SIZE);
	assert_int_equal(graph_operation_pack(operation, &fixture_plan, 0, 0, &scratch, &writer, &bad, &error), 0);
	graph_rows_pack_begin(&expected, 1);
	bolt_writer_list(&expected, 1);
	/* a microsecond before 2000 */
	bolt_writer_datetime(&expected, 946684799, 999999000, 0);
	assert_int_equal(writer.size, expected.size);
	assert_memory_equal(writer.data, expected.data, expected.size);
	bolt_writer_free(&writer);
	bolt_writer_free(&expected);
	arena_free(&scratch);
	fixture_keeps_history(false);
}

#define HIDE "HIDE_FROM 3:; HIDE_TO 1:; HIDE_TO 3:; HIDE_NODE 1:; "

/* IDOL (1) and CALLED (3) may lead to a person without a row. */
static void test_what_waits_is_shown_before_and_hidden_behind(void **user)
{
	struct state *state = *user;

	fixture_person_waits(true);
	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", NULL, "2", "a", "b"), NULL);
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("7", "1", "3", "5"), NULL);
	commit(state);
	assert_string_equal(operations(state),
	                    "SHOW_NODE 1: 1; SHOW_FILLED_FROM 1: 1; SHOW_FILLED_FROM 3: 1; SHOW_FILLED_TO 1: 1; "
	                    "SHOW_FILLED_TO 3: 1; SHOW_END_FROM 3: 7; SHOW_END_TO 1: 1; SHOW_END_TO 3: 7; "
	                    "SHOW_ROW 3: 7; NODE_UPSERT 1: 1; EDGE_UPSERT_FRESH 1: 1; EDGE_UPSERT 3: 7; " HIDE);
}

static void test_what_waits_is_shown_where_a_node_goes_or_moves(void **user)
{
	struct state *state = *user;

	fixture_person_waits(true);
	change(state, CHANGE_DELETE, TABLE_PERSON, NULL, CELLS("1", NULL, NULL, NULL, NULL));
	change(state, CHANGE_DELETE, TABLE_CALL, NULL, CELLS("7", NULL, NULL, NULL));
	commit(state);
	assert_string_equal(operations(state),
	                    "SHOW_NODE 1: 1; SHOW_LEFT_FROM 1: 1; SHOW_LEFT_FROM 3: 1; SHOW_LEFT_TO 1: 1; "
	                    "SHOW_LEFT_TO 3: 1; SHOW_ROW 1: 1; SHOW_ROW 3: 7; EDGE_DELETE 0: 1; EDGE_DELETE 1: 1; "
	                    "EDGE_DELETE 3: 7; NODE_DELETE 1: 1; " HIDE);
	graph_batch_reset(state->batch);
	change(state, CHANGE_UPDATE, TABLE_CALL, CELLS("8", "1", "3", "5"), CELLS("7", "1", "3", "5"));
	commit(state);
	assert_string_equal(
	        operations(state),
	        "SHOW_END_FROM 3: 8; SHOW_END_TO 3: 8; SHOW_MOVED_END_FROM 3: 7>8; SHOW_MOVED_END_TO 3: 7>8; SHOW_ROW 3: 8; "
	        "SHOW_MOVED_ROW 3: 7>8; EDGE_REKEY 3: 7>8; EDGE_UPSERT 3: 8; " HIDE);
	graph_batch_reset(state->batch);
	change(state, CHANGE_TRUNCATE, TABLE_PERSON, NULL, NULL);
	commit(state);
	assert_string_equal(operations(state),
	                    "SHOW_ALL 1:; SHOW_ALL 3:; EDGE_TRUNCATE 0:; EDGE_TRUNCATE 1:; NODE_TRUNCATE 1:; " HIDE);
}

static void test_what_nothing_waits_for_is_left_as_it_is(void **user)
{
	struct state *state = *user;

	fixture_person_waits(true);
	state->statements.shown = true;
	change(state, CHANGE_INSERT, TABLE_PERSON, CELLS("1", NULL, "2", "a", "b"), NULL);
	commit(state);
	assert_string_equal(operations(state), "NODE_UPSERT 1: 1; EDGE_UPSERT_FRESH 1: 1; ");
	state->statements.shown = false;
	fixture_person_waits(false);
	assert_string_equal(operations(state), "NODE_UPSERT 1: 1; EDGE_UPSERT_FRESH 1: 1; ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(test_nothing_gives_nothing),
	        TEST(test_a_row_is_written_once),
	        TEST(test_foreign_keys_of_new_and_of_changed_rows),
	        TEST(test_a_full_old_row_spares_nothing),
	        TEST(test_a_text_of_several_cells_is_right_or_not_written),
	        TEST(test_an_unchanged_value_is_left_out_unless_it_is_known),
	        TEST(test_an_array_makes_relationships_and_then_prunes),
	        TEST(test_the_texts_of_arrays),
	        TEST(test_the_list_of_an_array),
	        TEST(test_delete_and_insert_in_one_transaction_is_an_update),
	        TEST(test_delete_and_insert_in_two_transactions_is_another_node),
	        TEST(test_what_came_and_went_leaves_nothing),
	        TEST(test_what_stays_is_written_before),
	        TEST(test_what_passes_does_not_stay),
	        TEST(test_relationships_go_before_their_node),
	        TEST(test_a_changed_key_renames_before_it_writes),
	        TEST(test_keys_that_shift_keep_their_order),
	        TEST(test_a_key_that_meets_a_pending_change_begins_a_segment),
	        TEST(test_a_key_that_changes_twice_is_one_change),
	        TEST(test_rows_that_exchange_their_keys),
	        TEST(test_a_key_that_comes_back_is_no_change),
	        TEST(test_a_statements_keys_change_in_one_segment),
	        TEST(test_a_deferrable_key_is_known_by_its_row),
	        TEST(test_a_deferrable_key_is_taken_before_it_is_free),
	        TEST(test_truncate_ends_what_waits),
	        TEST(test_rows_of_a_join_table_exchange_their_keys),
	        TEST(test_who_has_the_values_has_the_relationships),
	        TEST(test_join_rows_are_written_before_their_ends_change_keys),
	        TEST(test_relationships_stay_with_a_key_that_is_taken),
	        TEST(test_a_join_row_that_follows_its_end_is_not_looked_for_at_the_old_key),
	        TEST(test_a_rename_sees_to_placeholders),
	        TEST(test_truncate_comes_in_its_place),
	        TEST(test_a_join_row_without_an_end_has_no_relationship),
	        TEST(test_dead_rows_are_left_out),
	        TEST(test_a_bad_value_names_its_row_and_column),
	        TEST(test_a_batch_has_a_limit),
	        TEST(test_each_transaction_has_a_version_of_its_own),
	        TEST(test_what_else_changes_of_a_row_is_no_version),
	        TEST(test_a_transaction_that_ends_a_version_begins_a_segment),
	        TEST(test_versions_are_written_before_their_ends_change_keys),
	        TEST(test_truncate_has_a_time),
	        TEST(test_what_waits_is_shown_before_and_hidden_behind),
	        TEST(test_what_waits_is_shown_where_a_node_goes_or_moves),
	        TEST(test_what_nothing_waits_for_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
