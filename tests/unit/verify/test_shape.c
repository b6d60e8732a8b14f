/*
 * Proves the texts of the statements: fields in the order of the identity, the index hinted at, names quoted.
 */
#include "common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct verify_shape shape;
	struct buffer text;
};

#define VALUE_NODE (-2)

static void setup(struct fixture *fixture, int edge)
{
	arena_init(&fixture->arena, 1024 * 1024);
	buffer_init(&fixture->text, 1024 * 1024);
	if (edge < 0)
		assert_int_equal(verify_shape_node(&fixture->shape, &common_plan,
		                                   &common_plan.nodes[edge == VALUE_NODE ? 2 : 0], &fixture->arena),
		                 0);
	else
		assert_int_equal(verify_shape_edge(&fixture->shape, &common_plan, common_plan.edges[edge], &fixture->arena), 0);
}

static void teardown(struct fixture *fixture)
{
	buffer_free(&fixture->text);
	arena_free(&fixture->arena);
}

static void expect(struct fixture *fixture, const char *text)
{
	assert_string_equal(buffer_text(&fixture->text), text);
	buffer_reset(&fixture->text);
}

static void test_node(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, -1);
	verify_shape_scan_sql(&fixture.shape, true, &fixture.text);
	expect(&fixture, "COPY (SELECT t.\"name\", t.\"size\", t.\"summary\" FROM ONLY \"public\".\"packages\" AS t "
	                 "ORDER BY convert_to(concat(t.\"name\"), 'UTF8')) TO STDOUT");
	verify_shape_scan_cypher(&fixture.shape, true, &fixture.text);
	expect(&fixture, "MATCH (n:`Package`) USING INDEX n:`Package`(`name`) WHERE n.`name` IS NOT NULL RETURN n.`name` AS "
	                 "c0, n.`size` AS c1, "
	                 "n.`summary` AS c2, n:`_PgweavePlaceholder` AS f0, CASE WHEN n:`_PgweavePlaceholder` AND (n)--() THEN "
	                 "true ELSE false "
	                 "END AS f1, n:`Thing` AS f2 ORDER BY c0");
	verify_shape_probe_sql(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "SELECT v.i, t.tableoid::text || ' ' || t.ctid::text || ' ' || t.xmin::text, t.\"name\", t.\"size\", "
	       "t.\"summary\" FROM unnest($1::text[]) WITH ORDINALITY AS v(k0, i) JOIN ONLY \"public\".\"packages\" AS t "
	       "ON t.\"name\" = v.k0::text");
	teardown(&fixture);
}

/* PostgreSQL puts the columns together, and says nothing where all are NULL. */
static void test_several_columns(void **state)
{
	static const uint32_t columns[] = {1, 2, 0};
	static const struct concatenation concatenation = {"'", columns, 3};
	static const struct plan_property properties[] = {{"all", 1, {.kind = TYPE_TEXT}, .concatenation = &concatenation},
	                                                  {"size", 1, {.kind = TYPE_INT}}};
	struct plan_node node = common_plan.nodes[0];
	struct fixture fixture;

	(void)state;
	buffer_init(&fixture.text, 1024 * 1024);
	arena_init(&fixture.arena, 1024 * 1024);
	node.properties = properties;
	assert_int_equal(verify_shape_node(&fixture.shape, &common_plan, &node, &fixture.arena), 0);
	verify_shape_scan_sql(&fixture.shape, false, &fixture.text);
	expect(&fixture, "COPY (SELECT t.\"name\", CASE WHEN num_nonnulls(t.\"size\", t.\"summary\", t.\"name\") > 0 THEN "
	                 "concat_ws('''', t.\"size\", t.\"summary\", t.\"name\") END, t.\"size\" FROM ONLY "
	                 "\"public\".\"packages\" AS t) TO STDOUT");
	teardown(&fixture);
}

static void told_of(struct fixture *fixture, const struct plan_element_id *element_id)
{
	static struct plan_node node;

	buffer_init(&fixture->text, 1024 * 1024);
	arena_init(&fixture->arena, 1024 * 1024);
	node = common_plan.nodes[0];
	node.element_id = element_id;
	assert_int_equal(verify_shape_node(&fixture->shape, &common_plan, &node, &fixture->arena), 0);
	verify_shape_add_element_id(&fixture->shape);
}

/* What PostgreSQL was told stands behind the properties, and whether it is on its way behind the labels. */
static void test_element_id(void **state)
{
	const struct plan_element_id column = {.column = "neo\"id", .attnum = 5}, beside = {.schema = "s", .table = "t\""};
	struct fixture fixture;

	(void)state;
	told_of(&fixture, &column);
	verify_shape_scan_sql(&fixture.shape, false, &fixture.text);
	expect(&fixture,
	       "COPY (SELECT t.\"name\", t.\"size\", t.\"summary\", t.\"neo\"\"id\" FROM ONLY \"public\".\"packages\" AS t) "
	       "TO STDOUT");
	verify_shape_probe_cypher(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "UNWIND $p.rows AS r MATCH (n:`Package` {`name`: r[1]}) USING INDEX n:`Package`(`name`) RETURN r[0] AS i, "
	       "n.`name` AS c0, n.`size` AS c1, n.`summary` AS c2, elementId(n) AS c3, n:`_PgweavePlaceholder` AS f0, CASE "
	       "WHEN "
	       "n:`_PgweavePlaceholder` AND (n)--() THEN true ELSE false END AS f1, n:`Thing` AS f2, n:`_PgweaveElementId` OR "
	       "n:`_PgweaveElementIdTaken` AS f3");
	teardown(&fixture);
	told_of(&fixture, &beside);
	verify_shape_scan_sql(&fixture.shape, false, &fixture.text);
	expect(&fixture,
	       "COPY (SELECT t.\"name\", t.\"size\", t.\"summary\", (SELECT s.element_id FROM \"s\".\"t\"\"\" AS s WHERE "
	       "s.pipeline = 'test' AND s.label = 'Package' AND s.key = jsonb_build_array(t.\"name\")) FROM ONLY "
	       "\"public\".\"packages\" AS t) TO STDOUT");
	verify_shape_forget_sql(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "DELETE FROM \"s\".\"t\"\"\" AS s WHERE s.pipeline = 'test' AND s.label = 'Package' AND NOT EXISTS (SELECT FROM "
	       "ONLY \"public\".\"packages\" AS t WHERE s.key = jsonb_build_array(t.\"name\"))");
	teardown(&fixture);
}

/* The owner's key comes first although it is the relationship's end. */
static void test_foreign_key(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, 1);
	assert_int_equal(fixture.shape.probe_count, 1);
	verify_shape_scan_sql(&fixture.shape, true, &fixture.text);
	expect(&fixture,
	       "COPY (SELECT t.\"name\", t.\"section\" FROM ONLY \"public\".\"packages\" AS t WHERE t.\"section\" IS NOT "
	       "NULL ORDER BY convert_to(concat(t.\"name\"), 'UTF8'), convert_to(concat(t.\"section\"), 'UTF8')) TO STDOUT");
	verify_shape_scan_cypher(&fixture.shape, false, &fixture.text);
	expect(&fixture,
	       "MATCH (a:`Section`)-[e:`CONTAINS`]->(b:`Package`) USING INDEX b:`Package`(`name`) WHERE b.`name` IS NOT "
	       "NULL RETURN b.`name` AS c0, a.`name` AS c1");
	verify_shape_probe_cypher(&fixture.shape, &fixture.text);
	expect(&fixture, "UNWIND $p.rows AS r MATCH (b:`Package` {`name`: r[1]}) USING INDEX b:`Package`(`name`) MATCH "
	                 "(a:`Section`)-[e:`CONTAINS`]->(b:`Package`) RETURN r[0] AS i, b.`name` AS c0, a.`name` AS c1");
	teardown(&fixture);
}

static void test_keyed(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, 0);
	assert_int_equal(fixture.shape.identity_count, 3);
	verify_shape_probe_sql(&fixture.shape, &fixture.text);
	assert_non_null(strstr(buffer_text(&fixture.text), "ONLY \"public\".\"de\"\"ps\" AS t ON t.\"id\" = v.k0::bigint"));
	buffer_reset(&fixture.text);
	verify_shape_probe_cypher(&fixture.shape, &fixture.text);
	assert_non_null(
	        strstr(buffer_text(&fixture.text), "USING INDEX e:`DEPENDS_ON`(`id`) WHERE e.`id` = r[1] RETURN r[0] AS i"));
	buffer_reset(&fixture.text);
	verify_shape_surplus_cypher(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "UNWIND $p.rows AS r MATCH (a:`Package` {`name`: r[0]}) USING INDEX a:`Package`(`name`) MATCH (b:`Package` "
	       "{`name`: r[1]}) USING INDEX b:`Package`(`name`) MATCH (a:`Package`)-[e:`DEPENDS_ON`]->(b:`Package`) WHERE "
	       "e.`id` = r[2] WITH r, collect(DISTINCT e) AS es UNWIND es[r[3]..] AS e DELETE e");
	teardown(&fixture);
}

/* There are no rows of it. */
static void test_value(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, VALUE_NODE);
	assert_null(fixture.shape.table);
	verify_shape_scan_cypher(&fixture.shape, true, &fixture.text);
	expect(&fixture,
	       "MATCH (n:`Tag`) USING INDEX n:`Tag`(`name`) WHERE n.`name` IS NOT NULL RETURN n.`name` AS c0, "
	       "n:`_PgweavePlaceholder` AS f0, CASE WHEN (n)--() THEN true ELSE false END AS f1, n:`Thing` AS f2 ORDER "
	       "BY c0");
	verify_shape_keyless_cypher(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "MATCH (n:`Tag`) WHERE (n.`name` IS NULL) RETURN n.`name` AS c0, n:`_PgweavePlaceholder` AS f0, CASE WHEN "
	       "(n)--() THEN true ELSE false END AS f1, n:`Thing` AS f2");
	teardown(&fixture);
}

/* Each element once; the row is found by its own key, also when its array is empty. */
static void test_elements(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, 2);
	assert_int_equal(fixture.shape.probe_count, 1);
	assert_int_equal(fixture.shape.identity_count, 2);
	verify_shape_scan_sql(&fixture.shape, true, &fixture.text);
	expect(&fixture, "COPY (SELECT t.\"name\", x.e FROM ONLY \"public\".\"packages\" AS t, LATERAL (SELECT DISTINCT ON "
	                 "(u.e IS NULL, concat(u.e) COLLATE \"C\") u.e FROM (SELECT unnest(t.\"tags\") AS e) AS u) AS x WHERE "
	                 "x.e IS NOT NULL "
	                 "ORDER BY convert_to(concat(t.\"name\"), 'UTF8'), convert_to(concat(x.e), 'UTF8')) TO STDOUT");
	verify_shape_probe_sql(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "SELECT v.i, t.tableoid::text || ' ' || t.ctid::text || ' ' || t.xmin::text, t.\"name\", x.e FROM "
	       "unnest($1::text[]) WITH ORDINALITY AS v(k0, i) JOIN ONLY \"public\".\"packages\" AS t ON t.\"name\" = "
	       "v.k0::text LEFT JOIN LATERAL (SELECT DISTINCT ON (u.e IS NULL, concat(u.e) COLLATE \"C\") u.e FROM (SELECT "
	       "unnest(t.\"tags\") AS e) AS u) AS x ON true");
	teardown(&fixture);
}

static void test_places(void **state)
{
	struct fixture fixture;

	(void)state;
	setup(&fixture, 3);
	assert_int_equal(fixture.shape.identity_count, 3);
	verify_shape_scan_sql(&fixture.shape, false, &fixture.text);
	expect(&fixture, "COPY (SELECT t.\"name\", x.e, x.i FROM ONLY \"public\".\"packages\" AS t, LATERAL (SELECT "
	                 "unnest(t.\"tags\") AS e, generate_series(1, cardinality(t.\"tags\")) AS i) AS x WHERE x.e IS NOT "
	                 "NULL) TO STDOUT");
	verify_shape_surplus_cypher(&fixture.shape, &fixture.text);
	expect(&fixture,
	       "UNWIND $p.rows AS r MATCH (b:`Package` {`name`: r[0]}) USING INDEX b:`Package`(`name`) MATCH (a:`Tag` "
	       "{`name`: r[1]}) USING INDEX a:`Tag`(`name`) MATCH (a:`Tag`)-[e:`AT`]->(b:`Package`) WHERE e.`at` = r[2] WITH "
	       "r, collect(DISTINCT e) AS es UNWIND es[r[3]..] AS e DELETE e");
	teardown(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_several_columns), cmocka_unit_test(test_node),   cmocka_unit_test(test_element_id),
	        cmocka_unit_test(test_foreign_key),     cmocka_unit_test(test_keyed),  cmocka_unit_test(test_value),
	        cmocka_unit_test(test_elements),        cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
