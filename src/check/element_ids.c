#include "check/room.h"

#include "mapping/quote.h"

#include <stdio.h>

#define OBJECT_SIZE_MAX 256
#define STATEMENT_SIZE_MAX ((size_t)2048)
#define ORIGIN_FUNCTIONS                                                                                                       \
	"pg_replication_origin_oid(text), pg_replication_origin_create(text), pg_replication_origin_session_setup(text), "     \
	"pg_replication_origin_session_reset()"

struct answers {
	bool items[4];
};

static void element_ids__on_answers(void *user, const struct postgres_result *result, const struct error *error)
{
	struct answers *answers = user;

	for (uint32_t i = 0; !error && i < 4; i++)
		answers->items[i] = postgres_result_bool(result, 0, i);
}

/* "GRANT rights ON "s"."t" TO "role"" */
static void element_ids__mend(struct check *check, const char *rights, const char *column, const char *schema,
                              const char *table, const char *role)
{
	struct buffer statement;

	buffer_init(&statement, STATEMENT_SIZE_MAX);
	buffer_printf(&statement, "GRANT %s", rights);
	if (column) {
		buffer_append_text(&statement, " (");
		sql_quote_identifier(&statement, column);
		buffer_append_byte(&statement, ')');
	}
	buffer_append_text(&statement, " ON ");
	sql_quote_qualified(&statement, schema, table);
	buffer_append_text(&statement, " TO ");
	sql_quote_identifier(&statement, role);
	check__mend(check, "%s", buffer_text(&statement));
	buffer_free(&statement);
}

static int element_ids__column(struct check *check, struct session_postgres *postgres, const struct plan_table *table,
                               const struct plan_element_id *element_id, const char *role, struct error *error)
{
	char oid[16], attnum[16], object[OBJECT_SIZE_MAX];
	const char *params[] = {oid, attnum};
	struct answers answers = {0};
	int rc;

	snprintf(oid, sizeof(oid), "%u", table->oid);
	snprintf(attnum, sizeof(attnum), "%d", element_id->attnum);
	snprintf(object, sizeof(object), "table %s.%s", table->schema, table->name);
	rc = session_postgres_query(
	        postgres,
	        "SELECT pg_catalog.has_column_privilege($1::pg_catalog.oid, $2::pg_catalog.int2, 'UPDATE'), "
	        "pg_catalog.has_column_privilege($1::pg_catalog.oid, $2::pg_catalog.int2, 'SELECT')",
	        params, 2, element_ids__on_answers, &answers, error);
	if (rc < 0)
		return rc;
	if (answers.items[0] && answers.items[1]) {
		check__add(check, CHECK_OK, NULL, object, "%s may write element ids to %s", role, element_id->column);
		return 0;
	}
	check__add(check, CHECK_ERROR, NULL, object, "%s may not %s the column %s, which element ids are written to", role,
	           answers.items[0] ? "read" : "update", element_id->column);
	element_ids__mend(check, answers.items[0] ? "SELECT" : "UPDATE", element_id->column, table->schema, table->name, role);
	return 0;
}

static int element_ids__beside(struct check *check, struct session_postgres *postgres, const struct plan_element_id *element_id,
                               const struct postgres_role_facts *role, struct error *error)
{
	const char *params[] = {element_id->schema, element_id->table};
	struct answers answers = {0};
	char object[OBJECT_SIZE_MAX];
	int rc = session_postgres_query(
	        postgres,
	        "SELECT c.oid IS NOT NULL, coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT') "
	        "AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') "
	        "AND pg_catalog.has_table_privilege(c.oid, 'DELETE'), false), "
	        "coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), "
	        "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')), "
	        "coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), true) "
	        "FROM (SELECT) x LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1 "
	        "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = $2",
	        params, 2, element_ids__on_answers, &answers, error);

	if (rc < 0)
		return rc;
	snprintf(object, sizeof(object), "table %s.%s", element_id->schema, element_id->table);
	if (answers.items[0] && answers.items[1] && answers.items[3]) {
		check__add(check, CHECK_OK, NULL, object, "%s may write element ids to it", role->name);
	} else if (answers.items[0]) {
		check__add(check, CHECK_ERROR, NULL, object, "%s may not write element ids to it", role->name);
		element_ids__mend(check, "SELECT, INSERT, UPDATE, DELETE", NULL, element_id->schema, element_id->table,
		                  role->name);
	} else if (answers.items[2]) {
		check__add(check, CHECK_OK, NULL, object, "does not exist yet; apply or run makes it for element ids");
	} else {
		check__add(check, CHECK_ERROR, NULL, object, "does not exist, and %s may not make it for element ids",
		           role->name);
		check__mend(check, "GRANT CREATE ON DATABASE \"%s\" TO \"%s\"", role->database, role->name);
	}
	return 0;
}

static int element_ids__origin(struct check *check, struct session_postgres *postgres, const struct mapping_settings *settings,
                               const char *role, struct error *error)
{
	struct answers answers = {0};
	int rc = session_postgres_query(postgres, postgres_may_use_origin_sql, NULL, 0, element_ids__on_answers, &answers,
	                                error);

	if (rc < 0)
		return rc;
	if (answers.items[0]) {
		check__add(check, CHECK_OK, NULL, "replication origin", "%s is used when element ids are written",
		           settings->slot);
		return 0;
	}
	check__add(check, CHECK_WARNING, NULL, "replication origin",
	           "%s may not use one: what it writes to mapped tables comes back once as a change, and is written to the "
	           "graph again",
	           role);
	check__mend(check, "GRANT EXECUTE ON FUNCTION " ORIGIN_FUNCTIONS " TO \"%s\"", role);
	return 0;
}

int check__element_ids(struct check *check, struct session_postgres *postgres, const struct plan *plan,
                       const struct mapping_settings *settings, const struct postgres_role_facts *role, struct error *error)
{
	bool column = false;
	int rc = 0;

	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++) {
		const struct plan_node *node = &plan->nodes[i];

		if (!node->element_id)
			continue;
		column = column || node->element_id->column;
		rc = node->element_id->column ? element_ids__column(check, postgres, &plan->tables[node->table],
		                                                    node->element_id, role->name, error)
		                              : element_ids__beside(check, postgres, node->element_id, role, error);
	}
	return rc == 0 && column ? element_ids__origin(check, postgres, settings, role->name, error) : rc;
}
