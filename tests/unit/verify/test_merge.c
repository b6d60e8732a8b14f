/*
 * Proves that merging two ordered streams tells every difference and nothing else: missing, extra, doubled, different; that
 * placeholders are right just where they may be; that what the graph alone has is never told; that a stream that is not in
 * order is noticed; and, against a model with random histories, that the memory and the pace of the streams do not matter.
 */
#include "common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct verify_shape shape;
	struct verify_sink sink;
	struct verify_counts counts;
	struct verify_merge merge;
	struct common_told told;
};

static void setup(struct fixture *fixture, bool edge, bool sort)
{
	*fixture = (struct fixture){0};
	arena_init(&fixture->arena, 1024 * 1024);
	if (edge)
		assert_int_equal(verify_shape_edge(&fixture->shape, &common_plan, common_plan.edges[0], &fixture->arena), 0);
	else
		assert_int_equal(verify_shape_node(&fixture->shape, &common_plan, &common_plan.nodes[0], &fixture->arena), 0);
	common_told_init(&fixture->told, &fixture->sink);
	verify_merge_init(&fixture->merge, &fixture->shape, sort, &fixture->sink, &fixture->counts);
}

static void teardown(struct fixture *fixture)
{
	verify_merge_free(&fixture->merge);
	buffer_free(&fixture->told.text);
	arena_free(&fixture->arena);
}

static void row(struct fixture *fixture, const char *fields)
{
	common_push(&fixture->merge.rows, 0, fields, "");
}

static void graph(struct fixture *fixture, const char *fields, const char *flags)
{
	common_push(&fixture->merge.graph, 0, fields, flags);
}

static void finish(struct fixture *fixture, const char *expected)
{
	struct error error;

	verify_stream_end(&fixture->merge.rows, NULL);
	verify_stream_end(&fixture->merge.graph, NULL);
	assert_int_equal(verify_merge_step(&fixture->merge, &error), 1);
	assert_string_equal(buffer_text(&fixture->told.text), expected);
}

/* Only what leads to it keeps a node made of a value; its further labels are looked at. */
static void test_values(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, false, false);
	assert_int_equal(verify_shape_node(&fixture.shape, &common_plan, &common_plan.nodes[2], &fixture.arena), 0);
	graph(&fixture, "a", "ct");
	graph(&fixture, "b", "c");
	graph(&fixture, "c", "t");
	finish(&fixture, "node_label 'b' Thing\nnode_extra 'c' (made of a value that nothing leads to)\n");
	teardown(&fixture);
}

static void test_equal(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, false, false);
	row(&fixture, "a 1 one");
	row(&fixture, "b - -");
	graph(&fixture, "a 1 one", "t");
	graph(&fixture, "b - -", "t");
	finish(&fixture, "");
	assert_int_equal(fixture.counts.missing + fixture.counts.extra + fixture.counts.different, 0);
	teardown(&fixture);
	assert_int_equal(fixture.counts.rows, 2);
	assert_int_equal(fixture.counts.records, 2);
}

static void test_nodes(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, false, false);
	row(&fixture, "a 1 one");
	row(&fixture, "c 3 three");
	row(&fixture, "d 4 four");
	row(&fixture, "e ? five");
	row(&fixture, "f 6 six");
	graph(&fixture, "a 2 -", "t");
	graph(&fixture, "b 2 two", "t");
	graph(&fixture, "c 3 three", "");
	graph(&fixture, "e - five", "t");
	graph(&fixture, "f 6 ?", "t");
	graph(&fixture, "f 6 six", "t");
	finish(&fixture, "node_property 'a' size 1 2\n"
	                 "node_property 'a' summary 'one' null\n"
	                 "node_extra 'b'\n"
	                 "node_label 'c' Thing\n"
	                 "node_missing 'd'\n"
	                 "node_property 'e' size null null (the row's value cannot be carried over)\n"
	                 "node_property 'f' summary 'six' null (the graph holds a type that pgweave does not write)\n"
	                 "node_extra 'f' (there is one of it already)\n");
	assert_int_equal(fixture.counts.missing, 1);
	assert_int_equal(fixture.counts.extra, 2);
	assert_int_equal(fixture.counts.different, 4);
	teardown(&fixture);
}

static void test_placeholders(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, false, false);
	row(&fixture, "b 1 one");
	graph(&fixture, "a - -", "pc");
	graph(&fixture, "b - -", "pc");
	graph(&fixture, "c - -", "p");
	graph(&fixture, "d 7 -", "pc");
	finish(&fixture, "node_missing 'b' (there is only a placeholder)\n"
	                 "node_extra 'c' (a placeholder that nothing leads to)\n"
	                 "node_property 'd' size null 7\n");
	teardown(&fixture);
}

/* Told where it differs; not of what is marked, which is on its way, nor of a placeholder, which has no row to tell it in. */
static void test_element_ids(void **state)
{
	static const struct plan_element_id column = {.column = "graph_id"};
	struct plan_node node = common_plan.nodes[0];
	struct fixture fixture = {0};

	(void)state;
	node.element_id = &column;
	arena_init(&fixture.arena, 1024 * 1024);
	assert_int_equal(verify_shape_node(&fixture.shape, &common_plan, &node, &fixture.arena), 0);
	verify_shape_add_element_id(&fixture.shape);
	common_told_init(&fixture.told, &fixture.sink);
	verify_merge_init(&fixture.merge, &fixture.shape, false, &fixture.sink, &fixture.counts);
	row(&fixture, "a 1 one x");
	row(&fixture, "b 1 one -");
	row(&fixture, "c 1 one old");
	row(&fixture, "d 1 one old");
	graph(&fixture, "a 1 one x", "t");
	graph(&fixture, "b 1 one x", "t");
	graph(&fixture, "c 1 one x", "tm");
	graph(&fixture, "d 1 one x", "");
	graph(&fixture, "e - - x", "pc");
	finish(&fixture, "node_element_id 'b' null 'x'\nnode_element_id 'd' 'old' 'x'\nnode_label 'd' Thing\n");
	assert_int_equal(fixture.counts.different, 2);
	teardown(&fixture);
}

static void test_edges(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, true, false);
	row(&fixture, "a b 1 x");
	row(&fixture, "a b 2 x");
	row(&fixture, "a c 3 x");
	row(&fixture, "b a 4 x");
	graph(&fixture, "a b 1 y", "");
	graph(&fixture, "a b 2 x", "");
	graph(&fixture, "a b 2 x", "");
	graph(&fixture, "a b ! x", "");
	graph(&fixture, "a b 5 x", "");
	graph(&fixture, "b a 4 x", "");
	graph(&fixture, "b c 3 x", "");
	finish(&fixture, "edge_extra 'a'->'b' null (its key is none that a row can have)\n"
	                 "edge_property 'a'->'b' 1 kind 'x' 'y'\n"
	                 "edge_extra 'a'->'b' 2 (there is one of it already)\n"
	                 "edge_extra 'a'->'b' 5\n"
	                 "edge_missing 'a'->'c' 3\n"
	                 "edge_extra 'b'->'c' 3\n");
	teardown(&fixture);
}

static void test_disorder(void **state)
{
	struct fixture fixture;
	struct error error;

	(void)state;
	setup(&fixture, false, false);
	row(&fixture, "a 1 one");
	graph(&fixture, "b 1 one", "");
	graph(&fixture, "a 1 one", "");
	assert_int_equal(verify_merge_step(&fixture.merge, &error), ERR_STATE);
	assert_non_null(strstr(error.text, "Neo4j"));
	teardown(&fixture);
	/* sorted here, the same is no trouble */
	setup(&fixture, false, true);
	row(&fixture, "b 1 one");
	row(&fixture, "a 1 one");
	graph(&fixture, "b 1 one", "t");
	graph(&fixture, "a 1 one", "t");
	finish(&fixture, "");
	teardown(&fixture);
}

static void test_stop_and_error(void **state)
{
	struct fixture fixture;
	struct error error, cause;

	(void)state;
	setup(&fixture, false, false);
	fixture.told.stop_at = 2;
	row(&fixture, "a 1 one");
	row(&fixture, "b 1 one");
	row(&fixture, "c 1 one");
	finish(&fixture, "node_missing 'a'\nnode_missing 'b'\n");
	teardown(&fixture);
	setup(&fixture, false, false);
	row(&fixture, "a 1 one");
	error_set(&cause, ERR_IO, "gone");
	verify_stream_end(&fixture.merge.graph, &cause);
	assert_int_equal(verify_merge_step(&fixture.merge, &error), ERR_IO);
	assert_string_equal(buffer_text(&fixture.told.text), "");
	teardown(&fixture);
}

/* Several entities looked at together do not get mixed up. */
static void test_ordinals(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, true, true);
	common_push(&fixture.merge.rows, 2, "a b 1 x", "");
	common_push(&fixture.merge.rows, 1, "b b 7 x", "");
	common_push(&fixture.merge.graph, 2, "a c 1 x", "");
	common_push(&fixture.merge.graph, 1, "b b 7 x", "");
	finish(&fixture, "edge_missing #2 'a'->'b' 1\nedge_extra #2 'a'->'c' 1\n");
	teardown(&fixture);
}

#define MODEL_KEYS 4000

/* What the model knows of one key: 0 absent, else the size; on both sides. */
static void push_model(struct fixture *fixture, const int *sizes, int *at, int many, bool is_graph)
{
	char fields[300];

	for (; *at < MODEL_KEYS && many; ++*at) {
		if (!sizes[*at])
			continue;
		many--;
		snprintf(fields, sizeof(fields), "k%05d %d %0*d", *at, sizes[*at], 1 + sizes[*at] % 200, 7);
		if (is_graph)
			graph(fixture, fields, "t");
		else
			row(fixture, fields);
	}
}

static void test_model(void **state)
{
	static int rows[MODEL_KEYS], records[MODEL_KEYS];

	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct verify_counts expected = {0};
		struct fixture fixture;
		struct error error;
		int rows_at = 0, graph_at = 0, rc = 0;

		srand(seed);
		for (int i = 0; i < MODEL_KEYS; i++) {
			rows[i] = rand() % 5 ? 1 + rand() % 250 : 0;
			records[i] = rand() % 10 ? rows[i] : rand() % 250;
			expected.missing += rows[i] && !records[i];
			expected.extra += !rows[i] && records[i];
			expected.different += rows[i] && records[i] && rows[i] != records[i];
		}
		setup(&fixture, false, false);
		while (rc == 0) {
			push_model(&fixture, rows, &rows_at, rand() % 400, false);
			push_model(&fixture, records, &graph_at, rand() % 400, true);
			if (rows_at == MODEL_KEYS)
				verify_stream_end(&fixture.merge.rows, NULL);
			if (graph_at == MODEL_KEYS)
				verify_stream_end(&fixture.merge.graph, NULL);
			rc = verify_merge_step(&fixture.merge, &error);
		}
		assert_int_equal(rc, 1);
		assert_int_equal(fixture.counts.missing, expected.missing);
		assert_int_equal(fixture.counts.extra, expected.extra);
		assert_int_equal(fixture.counts.different, expected.different);
		teardown(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_values),       cmocka_unit_test(test_equal),          cmocka_unit_test(test_nodes),
	        cmocka_unit_test(test_placeholders), cmocka_unit_test(test_element_ids),    cmocka_unit_test(test_edges),
	        cmocka_unit_test(test_disorder),     cmocka_unit_test(test_stop_and_error), cmocka_unit_test(test_ordinals),
	        cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
