/*
 * Proves the statements that tell PostgreSQL of element ids: values are parameters, names are quoted, locked rows are skipped,
 * what is there already is not written, and no key of another row, of a row that is no node, or of a child table is touched.
 */
#include "sync/element_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct plan_column columns[] = {
        {.name = "id", .type_name = "bigint", .type = {.kind = TYPE_INT}, .not_null = true},
        {.name = "odd\"", .type_name = "character(5)", .type = {.kind = TYPE_TEXT}, .not_null = true},
        {.name = "name", .type_name = "text", .type = {.kind = TYPE_TEXT}},
};
static const struct plan_property key[] = {{"id", 0, {.kind = TYPE_INT}}, {"b", 1, {.kind = TYPE_TEXT}}};
static const struct condition named = {.kind = CONDITION_IS_NULL, .column = 2};
static const struct plan_element_id column = {.column = "graph\"id", .attnum = 4};
static const struct plan_element_id beside = {.schema = "pg\"weave", .table = "ids"};

#define VALUES                                                                                                                 \
	"(SELECT v.k0::bigint AS k0, v.k1::character(5) AS k1, v.e, v.i FROM unnest($1::text[], $2::text[], $3::text[]) WITH " \
	"ORDINALITY AS v(k0, k1, e, i)) AS v"
#define TABLE "ONLY \"public\".\"roles\" AS t"
#define SAME "t.\"id\" = v.k0 AND t.\"odd\"\"\" = v.k1"

static void check(const struct plan_element_id *element_id,
                  void (*make)(const struct plan *plan, const struct plan_node *node, struct buffer *sql), const char *expected)
{
	const struct plan_node node = {.label = "Role",
	                               .key = key,
	                               .key_count = 2,
	                               .element_id = element_id,
	                               .where = element_id->column ? NULL : &named};
	const struct plan_table table = {
	        .schema = "public", .name = "roles", .columns = columns, .columns_count = 3, .node = &node};
	const struct plan plan = {.tables = &table, .tables_count = 1, .nodes = &node, .nodes_count = 1};
	struct buffer sql;

	buffer_init(&sql, 65536);
	make(&plan, &node, &sql);
	assert_string_equal(buffer_text(&sql), expected);
	buffer_free(&sql);
}

static void test_column(void **state)
{
	(void)state;
	check(&column, element_ids_write_sql,
	      "UPDATE " TABLE " SET \"graph\"\"id\" = free.e FROM (SELECT v.* FROM " VALUES " JOIN " TABLE " ON " SAME
	      " WHERE t.\"graph\"\"id\" IS DISTINCT FROM v.e FOR NO KEY UPDATE OF t SKIP LOCKED) AS free WHERE t.\"id\" = "
	      "free.k0 "
	      "AND t.\"odd\"\"\" = free.k1 RETURNING free.i");
	check(&column, element_ids_untold_sql,
	      "SELECT v.i FROM " VALUES " JOIN " TABLE " ON " SAME " WHERE t.\"graph\"\"id\" IS DISTINCT FROM v.e");
}

static void test_table_beside(void **state)
{
	(void)state;
	check(&beside, element_ids_write_sql,
	      "INSERT INTO \"pg\"\"weave\".\"ids\" AS s (pipeline, label, key, element_id) SELECT $4::text, $5::text, "
	      "jsonb_build_array(v.k0, v.k1), v.e FROM " VALUES " JOIN " TABLE " ON " SAME
	      " AND (t.\"name\" IS NULL) ON CONFLICT (pipeline, label, key) DO UPDATE SET element_id = EXCLUDED.element_id "
	      "WHERE "
	      "s.element_id IS DISTINCT FROM EXCLUDED.element_id");
	check(&beside, element_ids_forget_sql,
	      "DELETE FROM \"pg\"\"weave\".\"ids\" AS s USING (SELECT v.k0::bigint AS k0, v.k1::character(5) AS k1, v.i FROM "
	      "unnest($1::text[], $2::text[]) WITH ORDINALITY AS v(k0, k1, i)) AS v WHERE s.pipeline = $3::text AND s.label = "
	      "$4::text AND s.key = jsonb_build_array(v.k0, v.k1) AND NOT EXISTS (SELECT FROM " TABLE " WHERE " SAME
	      " AND (t.\"name\" IS NULL))");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_column),
	        cmocka_unit_test(test_table_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
