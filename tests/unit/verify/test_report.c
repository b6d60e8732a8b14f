/*
 * Proves what a report says in text and as JSON, and when it says "equal".
 */
#include "common.h"
#include "verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct value name_a = {.kind = VALUE_STRING, .size = 1, .bytes = "a"};
static const struct value name_b = {.kind = VALUE_STRING, .size = 1, .bytes = "b"};
static const struct value one = {.kind = VALUE_INT, .integer = 1};
static const struct value nothing = {.kind = VALUE_NULL};

static void setup(struct verify_report *report)
{
	*report = (struct verify_report){
	        .plan = &common_plan,
	        .postgres_lsn = 0x16B374D848,
	        .graph_lsn = 0x16B374D848,
	        .phase = GRAPH_PHASE_STREAMING,
	        .pipeline_running = true,
	        .duration_ms = 1250,
	};
	arena_init(&report->arena, 1024 * 1024);
	assert_int_equal(verify_stats_init(&report->stats, &common_plan), 0);
	report->stats.nodes[0].rows = 10;
	report->stats.edges[0].rows = 5;
}

static bool says(const struct verify_report *report, const char *words)
{
	struct buffer text;
	bool found;

	buffer_init(&text, 1024 * 1024);
	verify_report_text(report, &text);
	found = strstr(buffer_text(&text), words) != NULL;
	if (!found)
		print_message("%s", buffer_text(&text));
	buffer_free(&text);
	return found;
}

static void test_equal(void **state)
{
	struct verify_report report;

	(void)state;
	setup(&report);
	assert_true(verify_report_is_equal(&report));
	assert_true(says(&report, "\nequal\n"));
	assert_true(says(&report, "compared with PostgreSQL at 16/B374D848 in 1.2 s; the graph is at 16/B374D848\n"));
	assert_true(says(&report, "Package                                     10         10          0"));
	report.at_least = true;
	assert_false(verify_report_is_equal(&report));
	verify_report_free(&report);
}

static void test_unsettled_is_not_equal(void **state)
{
	struct verify_report report;

	(void)state;
	setup(&report);
	report.stats.edges[0].unsettled = 2;
	assert_false(verify_report_is_equal(&report));
	assert_true(says(&report, "0 differences, 2 rows that never stood still long enough to tell\n"));
	verify_report_free(&report);
}

static void test_differences(void **state)
{
	const struct plan_edge *edge = common_plan.edges[0];
	struct verify_difference differences[] = {
	        {.kind = VERIFY_NODE_PROPERTY,
	         .node = &common_plan.nodes[0],
	         .key = &name_a,
	         .property = "size",
	         .expected = &one,
	         .actual = &nothing},
	        {.kind = VERIFY_EDGE_EXTRA,
	         .note = VERIFY_NOTE_DOUBLED,
	         .edge = edge,
	         .key = &one,
	         .from = &name_a,
	         .to = &name_b,
	         .from_count = 1,
	         .to_count = 1},
	};
	struct verify_report report;
	json_t *json, *difference;

	(void)state;
	setup(&report);
	report.differences = differences;
	report.differences_count = 2;
	report.differences_total = 7;
	report.stats.nodes[0].different = 1;
	report.stats.edges[0].extra = 1;
	report.pipeline_running = false;
	report.dead_letters = 3;
	assert_true(says(&report, "  Package('a'): a property differs: size: PostgreSQL has 1, the graph null\n"));
	assert_true(says(&report,
	                 "  Package('a') -DEPENDS_ON(1)-> Package('b'): the relationship has no row (there is one of it "
	                 "already)\n  ... and 5 more\n"));
	assert_true(says(&report, "the pipeline is not running"));
	assert_true(says(&report, "3 rows were set aside"));
	assert_true(says(&report, "7 differences\n"));
	json = verify_report_json(&report);
	assert_false(json_is_true(json_object_get(json, "equal")));
	assert_int_equal(json_array_size(json_object_get(json, "entities")), 4);
	difference = json_array_get(json_object_get(json, "differences"), 0);
	assert_string_equal(json_string_value(json_object_get(difference, "kind")), "node_property");
	assert_string_equal(json_string_value(json_object_get(json_object_get(difference, "key"), "name")), "a");
	assert_true(json_is_null(json_object_get(difference, "actual")));
	difference = json_array_get(json_object_get(json, "differences"), 1);
	assert_string_equal(json_string_value(json_object_get(json_object_get(difference, "to"), "label")), "Package");
	json_decref(json);
	verify_report_free(&report);
}

static void test_tables(void **state)
{
	bool tables[3] = {false};

	(void)state;
	assert_int_equal(verify_tables_add(&common_plan, "nothing", tables), 0);
	assert_int_equal(verify_tables_add(&common_plan, "DEPENDS_ON", tables), 1);
	assert_true(tables[1]);
	assert_int_equal(verify_tables_add(&common_plan, "other.sections", tables), 1);
	assert_true(tables[2]);
	assert_int_equal(verify_tables_add(&common_plan, "other.packages", tables), 0);
	assert_int_equal(verify_tables_add(&common_plan, "Package", tables), 1);
	assert_true(tables[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_equal),
	        cmocka_unit_test(test_unsettled_is_not_equal),
	        cmocka_unit_test(test_differences),
	        cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
