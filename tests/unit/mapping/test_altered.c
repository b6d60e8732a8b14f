/*
 * Proves: what is said of tables that were altered since a text about them was kept, and which of them count as no longer
 * known: nothing where nothing was altered; and that a text which is none is refused.
 */
#include "fixture.h"
#include "mapping/altered.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                                                   \
	"version: 1\npipeline: test\npostgres: {url: postgresql://db/app}\nneo4j: {url: bolt://graph}\n"                       \
	"stream: {missing_columns: leave_out}\n"
#define MAPPING                                                                                                                \
	HEAD "nodes:\n  C: {table: customers}\n"                                                                               \
	     "  O: {table: orders, properties: [note], relationships: {BY: {to: C, column: customer_id}}}\n"
#define CUSTOMERS "table customers\nid bigint pk\nname text !\nborn date\n"
#define ORDERS "table orders\nid bigint pk\ncustomer_id bigint ->customers.id\nnote text\nother text\n"

struct found {
	struct buffer text;
	uint32_t load;
};

static struct plan *compile(const struct fixture *fixture)
{
	struct plan *plan = NULL;
	struct buffer messages;

	buffer_init(&messages, 65536);
	if (fixture_compile(fixture, MAPPING, &plan, &messages) != 0)
		fail_msg("%s", buffer_text(&messages));
	buffer_free(&messages);
	return plan;
}

static void remember(const struct fixture *fixture, struct buffer *text)
{
	struct plan *plan = compile(fixture);

	buffer_init(text, ALTERED_SIZE_MAX);
	assert_int_equal(altered_remember(plan, &fixture->catalog, text), 0);
	plan_free(plan);
}

/* "words (load)", "words (sweep) (leaf 16402)"; ... */
static void assert_alterations(const struct buffer *before, const struct fixture *fixture, bool planned, const char *expected)
{
	struct plan *plan = planned ? compile(fixture) : NULL;
	struct alterations alterations;
	struct buffer said;

	buffer_init(&said, 65536);
	assert_int_equal(altered_find((const char *)before->data, before->size, &fixture->catalog, plan, &alterations), 0);
	for (uint32_t i = 0; i < alterations.count; i++) {
		const struct alteration *found = &alterations.items[i];

		buffer_printf(&said, "%s%s%s%s", i ? "; " : "", found->words, found->load ? " (load)" : "",
		              found->sweep ? " (sweep)" : "");
		for (uint32_t l = 0; l < found->leaves_count; l++)
			buffer_printf(&said, " (leaf %u)", found->leaves[l]);
	}
	assert_string_equal(buffer_text(&said), expected);
	buffer_free(&said);
	arena_free(&alterations.arena);
	plan_free(plan);
}

static void test_tables(void **state)
{
	static const struct {
		const char *now;
		const char *says;
	} cases[] = {
	        {CUSTOMERS ORDERS, ""},
	        {CUSTOMERS "added text\n" ORDERS, "public.customers: column added was added (load)"},
	        {CUSTOMERS ORDERS "added text\n", "public.orders: column added was added"},
	        {"table customers\nid bigint pk\nname text !\n" ORDERS, "public.customers: column born was dropped"},
	        {"table customers\nid bigint pk\ntitle text !\nborn date\n" ORDERS,
	         "public.customers: column name is named title now"},
	        {"table customers\nid bigint pk\nname text\nborn text\n" ORDERS,
	         "public.customers: column name may be NULL now; "
	         "public.customers: column born is text now, it was date"},
	        {CUSTOMERS "table orders\nid bigint pk\ncustomer_id bigint ->customers.id\nnote text\nother date\n",
	         "public.orders: column other is date now, it was text"},
	        {CUSTOMERS "table orders\nid bigint\ncustomer_id bigint pk ->customers.id\nnote text\nother text\n",
	         "public.orders: column id may be NULL now; public.orders: column customer_id may not be NULL now; "
	         "public.orders: its primary key is another one now"},
	        {"table customers identity=f\nid bigint pk\nname text !\nborn date\n" ORDERS,
	         "public.customers: its replica identity is FULL now"},
	        {CUSTOMERS "table orders\nid bigint pk\ncustomer_id bigint ->customers.id?\nnote text\nother text\n",
	         "public.orders: its foreign keys are others now (load); what refers to it may be missing now, or may not "
	         "(load); "
	         "what refers to it may be missing now, or may not (load)"},
	};
	struct fixture *then = fixture_read(CUSTOMERS ORDERS);
	struct buffer before;

	(void)state;
	remember(then, &before);
	fixture_free(then);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *now = fixture_read(cases[i].now);

		assert_alterations(&before, now, true, cases[i].says);
		fixture_free(now);
	}
	buffer_free(&before);
}

/* The mapping does not fit any more: what to do is said for each. */
static void test_without_a_plan(void **state)
{
	struct fixture *then = fixture_read(CUSTOMERS ORDERS);
	struct fixture *now = fixture_read("table sales.clients\nid bigint pk\ntitle text !\n");
	struct alterations alterations;
	struct buffer before;
	const char *wanted[][3] = {
	        {"public.customers: the table is sales.clients now", "write `table: sales.clients` in the mapping",
	         "public.customers"},
	        {"public.customers: column name is named title now", "write title instead of name in the mapping", "name"},
	        {"public.customers: column born was dropped", "take column born out of the mapping", "born"},
	        {"public.orders: the table was dropped, or", "take it out of the mapping", "public.orders"},
	};

	(void)state;
	remember(then, &before);
	assert_int_equal(altered_find((const char *)before.data, before.size, &now->catalog, NULL, &alterations), 0);
	assert_int_equal(alterations.count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_non_null(strstr(alterations.items[i].words, wanted[i][0]));
		assert_non_null(strstr(alterations.items[i].mend, wanted[i][1]));
		assert_string_equal(alterations.items[i].about, wanted[i][2]);
		assert_false(alterations.items[i].load);
	}
	arena_free(&alterations.arena);
	buffer_free(&before);
	fixture_free(then);
	fixture_free(now);
}

static void test_type(void **state)
{
	struct fixture *fixture = fixture_read(CUSTOMERS ORDERS);
	struct buffer before;

	(void)state;
	remember(fixture, &before);
	/* born, and one that is not mapped */
	fixture->columns[0][2].type_oid = 25;
	fixture->columns[1][3].type_oid = 25;
	assert_alterations(&before, fixture, true,
	                   "public.customers: column born is date now, it was date (load); "
	                   "public.orders: column other is text now, it was text");
	buffer_free(&before);
	fixture_free(fixture);
}

static void test_made_again(void **state)
{
	struct fixture *then = fixture_read(CUSTOMERS ORDERS), *now = fixture_read(CUSTOMERS ORDERS);
	struct buffer before;

	(void)state;
	remember(then, &before);
	now->tables[0].oid += 1000;
	assert_alterations(&before, now, false, "public.customers: the table was dropped and made again");
	buffer_free(&before);
	fixture_free(then);
	fixture_free(now);
}

/* What changes rows without a change in the WAL. */
static void test_rows(void **state)
{
	static const struct {
		struct catalog_watch now;
		const char *says;
	} cases[] = {
	        {{"f", "l", "r", "1 7,2 8,3 9", "label 1 \"x\"\nlabel 2 \"y\""}, ""},
	        {{"f2", "l", "r2", "1 7,2 8,3 9", "label 1 \"x\"\nlabel 2 \"y\""}, ""},
	        {{"f2", "l", "r", "1 7,2 8,3 10", "label 1 \"x\"\nlabel 2 \"y\""}, ""},
	        {{"f2", "l", "r2", "1 7,2 8,3 9,4 10", "label 1 \"x\"\nlabel 2 \"y\""}, ""},
	        {{"f2", "l", "r2", "1 7,2 8,3 10", "label 1 \"x\"\nlabel 2 \"y\""},
	         "public.customers: its rows were rewritten (load)"},
	        {{"f2", "l", "r2", "1 70,2 8,3 9", "label 1 \"x\"\nlabel 2 \"y\""},
	         "public.customers: its rows were rewritten (load)"},
	        {{"f2", "l", "r", "1 7,2 8,3 9", "label 1 \"x\"\nlabel 2 \"y\"\nlabel 3 \"z\""}, ""},
	        {{"f2", "l", "r", "1 7,2 8,3 9", "label 1 \"x\"\nlabel 2 \"yy\""},
	         "public.customers: a label of an enum, or a composite type, was changed (load)"},
	};
	struct fixture *fixture = fixture_read(CUSTOMERS ORDERS);
	struct buffer before;

	(void)state;
	fixture->tables[0].watch = cases[0].now;
	remember(fixture, &before);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture->tables[0].watch = cases[i].now;
		assert_alterations(&before, fixture, true, cases[i].says);
	}
	buffer_free(&before);
	fixture_free(fixture);
}

static void test_partitions(void **state)
{
	static const struct {
		const char *leaves;
		const char *says;
	} cases[] = {
	        {"5 70,12 71,100 71 69", ""},
	        {"5 70,12 71,100 71 69,101 72",
	         "public.customers: partitions: 1 attached or made, 0 detached or dropped (leaf 101)"},
	        {"4 72,5 70,6 72,12 71,100 71 69",
	         "public.customers: partitions: 2 attached or made, 0 detached or dropped (leaf 4) (leaf 6)"},
	        {"12 71", "public.customers: partitions: 0 attached or made, 2 detached or dropped (sweep)"},
	        {"", "public.customers: partitions: 0 attached or made, 3 detached or dropped (sweep)"},
	        /* away for a while, by itself and with what is above it */
	        {"5 72,12 71,100 71 69",
	         "public.customers: partitions: 1 attached or made, 1 detached or dropped (sweep) (leaf 5)"},
	        {"5 70,12 71,100 72 69",
	         "public.customers: partitions: 1 attached or made, 1 detached or dropped (sweep) (leaf 100)"},
	        {"12 71,100 71 69,200 9",
	         "public.customers: partitions: 1 attached or made, 1 detached or dropped (sweep) (leaf 200)"},
	};
	struct fixture *fixture = fixture_read(CUSTOMERS ORDERS);
	struct catalog_watch watch = {"f", cases[0].leaves, "r", "1 7", ""};
	struct buffer before;

	(void)state;
	fixture->tables[0].watch = watch;
	remember(fixture, &before);
	fixture->tables[0].watch.files = "r2";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture->tables[0].watch.leaves = cases[i].leaves;
		assert_alterations(&before, fixture, true, cases[i].says);
	}
	/* with rewritten rows besides, all of them are loaded; without a plan none */
	fixture->tables[0].watch.leaves = cases[1].leaves;
	fixture->tables[0].watch.attributes = "1 8";
	assert_alterations(&before, fixture, true,
	                   "public.customers: partitions: 1 attached or made, 0 detached or dropped (load)");
	assert_alterations(&before, fixture, false, "public.customers: partitions: 1 attached or made, 0 detached or dropped");
	buffer_free(&before);
	fixture_free(fixture);
}

static void test_not_ours(void **state)
{
	static const char *const texts[] = {
	        "", "{}", "[1]", "[{}]", "[{\"oid\": 1}]", "[", "[{\"oid\": \"x\", \"schema\": 3}]"};
	struct fixture *fixture = fixture_read(CUSTOMERS ORDERS);
	struct alterations alterations;
	struct buffer before;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(altered_find(texts[i], strlen(texts[i]), &fixture->catalog, NULL, &alterations), ERR_PROTOCOL);
		arena_free(&alterations.arena);
	}
	/* cut short at any byte */
	remember(fixture, &before);
	for (size_t size = 0; size < before.size; size++) {
		assert_int_equal(altered_find((const char *)before.data, size, &fixture->catalog, NULL, &alterations),
		                 ERR_PROTOCOL);
		arena_free(&alterations.arena);
	}
	buffer_free(&before);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_tables),   cmocka_unit_test(test_without_a_plan), cmocka_unit_test(test_made_again),
	        cmocka_unit_test(test_type),     cmocka_unit_test(test_rows),           cmocka_unit_test(test_partitions),
	        cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
