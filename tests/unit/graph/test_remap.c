/*
 * Proves what Cypher each step of a difference is, and that a step that is done matches nothing; which constraints and indexes
 * are dropped when a mapping changes, and that none is that somebody else made.
 */
#include "graph/remap.h"
#include "graph/schema.h"

#include <bolt/packstream.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX ((size_t)64 * 1024)

static const char *const id[] = {"id"};
static const char *const odd[] = {"o`d", "d"};
static const char *const labels[] = {"X"};
#define KEY(list)                                                                                                              \
	{                                                                                                                      \
		.names = (list), .count = sizeof(list) / sizeof(*(list))                                                       \
	}

static const struct {
	struct difference_step step;
	const char *left;
	const char *batch; /* what follows the limit */
} texts[] = {
        {{.kind = DIFFERENCE_LABEL_RENAMED, .label = "A", .name_new = "B", .key = KEY(id)},
         "MATCH (n:`A`) WHERE true AND n.`id` IS NOT NULL RETURN 1 LIMIT 1",
         "SET n:`B` REMOVE n:`A`"},
        {{.kind = DIFFERENCE_LABEL_ADDED, .label = "A", .name = "M", .key = KEY(odd)},
         "MATCH (n:`A`) WHERE true AND n.`o``d` IS NOT NULL AND n.`d` IS NOT NULL AND NOT n:`M` AND NOT "
         "n:`_PgweavePlaceholder` RETURN 1 LIMIT 1",
         "SET n:`M`"},
        {{.kind = DIFFERENCE_LABEL_REMOVED, .label = "A", .name = "M"},
         "MATCH (n:`A`) WHERE true AND n:`M` RETURN 1 LIMIT 1",
         "REMOVE n:`M`"},
        {{.kind = DIFFERENCE_LABELS_REMOVED, .label = "A", .name = "M'_"},
         "MATCH (n:`A`) WHERE true AND any(l IN labels(n) WHERE l STARTS WITH 'M\\'_') RETURN 1 LIMIT 1",
         "REMOVE n:$([l IN labels(n) WHERE l STARTS WITH 'M\\'_'])"},
        {{.kind = DIFFERENCE_PROPERTY_RENAMED, .label = "A", .name = "p", .name_new = "q"},
         "MATCH (n:`A`) WHERE true AND n.`p` IS NOT NULL RETURN 1 LIMIT 1",
         "SET n.`q` = n.`p` REMOVE n.`p`"},
        {{.kind = DIFFERENCE_PROPERTY_REMOVED, .label = "A", .type = "T", .end = "B", .name = "p"},
         "MATCH (a:`A`)-[e:`T`]->(b:`B`) WHERE true AND e.`p` IS NOT NULL RETURN 1 LIMIT 1",
         "REMOVE e.`p`"},
        {{.kind = DIFFERENCE_EDGE_RENAMED, .label = "A", .type = "T", .end = "B", .name_new = "U"},
         "MATCH (a:`A`)-[e:`T`]->(b:`B`) WHERE true RETURN 1 LIMIT 1",
         "WITH a, b, e, properties(e) AS q DELETE e WITH a, b, q CREATE (a)-[f:`U`]->(b) SET f = q"},
        {{.kind = DIFFERENCE_EDGE_RENAMED, .label = "A", .type = "T", .end = "B", .name_new = "T", .turned = true},
         "MATCH (a:`A`)-[e:`T`]->(b:`B`) WHERE true RETURN 1 LIMIT 1",
         "WITH a, b, e, properties(e) AS q DELETE e WITH a, b, q CREATE (b)-[f:`T`]->(a) SET f = q"},
        {{.kind = DIFFERENCE_KEYLESS_REMOVED, .label = "A", .key = KEY(id), .key_new = KEY(odd)},
         "MATCH (n:`A`) WHERE true AND n.`id` IS NOT NULL AND (n.`o``d` IS NULL OR n.`d` IS NULL) RETURN 1 LIMIT 1",
         "DETACH DELETE n"},
        {{.kind = DIFFERENCE_EDGE_REMOVED, .label = "A", .type = "T", .end = "B"},
         "MATCH (a:`A`)-[e:`T`]->(b:`B`) WHERE true RETURN 1 LIMIT 1",
         "DELETE e"},
        {{.kind = DIFFERENCE_NODE_REMOVED, .label = "A", .key = KEY(id), .except = labels, .except_count = 1},
         "MATCH (n:`A`) WHERE true AND n.`id` IS NOT NULL AND NOT n:`X` RETURN 1 LIMIT 1",
         "DETACH DELETE n"},
        {{.kind = DIFFERENCE_PLACEHOLDERS, .label = "A"},
         "MATCH (n:`A`:`_PgweavePlaceholder`) WHERE true AND NOT (n)--() RETURN 1 LIMIT 1",
         "DETACH DELETE n"},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const struct difference_step *step = &texts[i].step;
		struct buffer left, batch, expected;

		buffer_init(&left, TEXT_MAX);
		buffer_init(&batch, TEXT_MAX);
		buffer_init(&expected, TEXT_MAX);
		graph_remap_left(step, &left);
		graph_remap_batch(step, &batch);
		assert_string_equal(buffer_text(&left), texts[i].left);
		/* the same match, so that what is left is what is changed */
		buffer_append(&expected, texts[i].left, strlen(texts[i].left) - strlen("RETURN 1 LIMIT 1"));
		buffer_printf(&expected, "WITH %s LIMIT 10000 %s", step->type ? "a, b, e" : "n", texts[i].batch);
		assert_string_equal(buffer_text(&batch), buffer_text(&expected));
		buffer_free(&left);
		buffer_free(&batch);
		buffer_free(&expected);
	}
}

static void test_rekey(void **state)
{
	static const struct difference_field fields[] = {{.property = "id"}, {.property = "x"}, {.property = "y"}};
	static const struct {
		struct difference_step step;
		const char *cypher;
		const char *index;
	} cases[] = {
	        {{.label = "A", .rekey = {.fields = fields, .found_count = 1, .set_count = 2}},
	         "UNWIND $p.rows AS r MATCH (n:`A` {`id`: r[0]}) SET n.`x` = r[1], n.`y` = r[2]",
	         "CREATE INDEX _pgweave_interim_7 IF NOT EXISTS FOR (n:`A`) ON (n.`id`)"},
	        {{.label = "A", .type = "T", .end = "B", .rekey = {.fields = fields, .found_count = 2, .set_count = 1}},
	         "UNWIND $p.rows AS r MATCH (a:`A`)-[e:`T` {`id`: r[0], `x`: r[1]}]->(b:`B`) SET e.`y` = r[2]",
	         "CREATE INDEX _pgweave_interim_7 IF NOT EXISTS FOR ()-[e:`T`]-() ON (e.`id`, e.`x`)"},
	        {{.label = "A",
	          .type = "T",
	          .end = "B",
	          .rekey = {.fields = fields, .found_count = 2, .from_count = 1, .to_count = 1, .set_count = 1}},
	         "UNWIND $p.rows AS r MATCH (a:`A` {`id`: r[0]})-[e:`T`]->(b:`B` {`x`: r[1]}) SET e.`y` = r[2]",
	         ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer text;

		buffer_init(&text, TEXT_MAX);
		graph_remap_rekey(&cases[i].step, &text);
		assert_string_equal(buffer_text(&text), cases[i].cypher);
		buffer_reset(&text);
		assert_int_equal(graph_remap_rekey_index(&cases[i].step, 7, &text), cases[i].index[0] != '\0');
		assert_string_equal(buffer_text(&text), cases[i].index);
		buffer_free(&text);
	}
}

/* ---- constraints ---- */

static struct bolt_value text_of(const char *text)
{
	return (struct bolt_value){.type = BOLT_TYPE_STRING, .size = (uint32_t)strlen(text), .string = text};
}

static const struct plan_property wanted_key[] = {{.name = "id"}};
static struct graph_schema_item wanted_items[] = {
        {.label_or_type = "L", .unique = true, .key = wanted_key, .key_count = 1},
        {.label_or_type = "T", .of_relationship = true, .unique = false, .key = wanted_key, .key_count = 1},
};
static const struct described_property old_key[] = {{.name = "code"}};
static struct described_node old_node = {.label = "L", .key = {old_key, 1}};
static struct described_edge old_edge = {.type = "T", .key = {old_key, 1}};
static struct description old_description = {&old_node, 1, &old_edge, 1};

static void test_drops(void **state)
{
	static const struct {
		const char *label, *property, *kind;
		bool unique;
		const char *name;
		bool before; /* with the mapping of before */
		const char *statement;
	} cases[] = {
	        {"L", "id", "NODE", true, "constraint_1a", true, ""}, /* as wanted */
	        {"L", "code", "NODE", true, "constraint_1a", true, "DROP CONSTRAINT constraint_1a IF EXISTS"},
	        {"L", "code", "NODE", true, "constraint_1a", false, ""},        /* may be needed still */
	        {"L", "code", "NODE", true, "person_code", true, ""},           /* somebody named it */
	        {"L", "code", "NODE", true, "constraint_of_mine", true, ""},    /* likewise */
	        {"L", "code", "RELATIONSHIP", true, "constraint_1a", true, ""}, /* another L */
	        {"L", "email", "NODE", true, "constraint_1a", true, ""},        /* nobody's of ours */
	        {"T", "code", "RELATIONSHIP", false, "index_f", true, "DROP INDEX index_f IF EXISTS"},
	        {"T", "id", "RELATIONSHIP", true, "constraint_2b", false, "DROP CONSTRAINT constraint_2b IF EXISTS"},
	        {"L", "id", "NODE", false, "index_9", false, "DROP INDEX index_9 IF EXISTS"},
	        {"L", "id", "NODE", false, "mine", false, ""},
	        {"L", "code", "NODE", false, "_pgweave_interim_3", true, "DROP INDEX _pgweave_interim_3 IF EXISTS"},
	        {"L", "code", "NODE", false, "_pgweave_interim_3", false, ""},
	};
	const struct graph_schema schema = {.items = wanted_items, .count = 2};
	const struct descriptions before = {.items = &old_description, .count = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct bolt_value property = text_of(cases[i].property);
		const struct bolt_value values[] = {
		        text_of(cases[i].label), {.type = BOLT_TYPE_LIST, .size = 1, .items = &property},
		        text_of(cases[i].kind),  {.type = BOLT_TYPE_BOOL, .boolean = cases[i].unique},
		        text_of(cases[i].name),
		};
		struct buffer text;

		buffer_init(&text, TEXT_MAX);
		graph_schema_drop(&schema, cases[i].before ? &before : NULL, values, 5, &text);
		assert_string_equal(buffer_text(&text), cases[i].statement);
		buffer_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_texts),
	        cmocka_unit_test(test_rekey),
	        cmocka_unit_test(test_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
