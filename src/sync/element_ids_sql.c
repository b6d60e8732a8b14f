#include "sync/element_ids.h"

#include "mapping/condition.h"
#include "mapping/quote.h"

/* The lock that the UPDATE took keeps all of these from being made before the transaction ends. */
const char element_ids_origin_sql[] =
        "WITH RECURSIVE tree(oid) AS (SELECT $1::pg_catalog.oid UNION ALL SELECT i.inhrelid FROM tree t "
        "JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid "
        "JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition) "
        "SELECT pg_catalog.pg_replication_origin_session_setup($3) "
        "WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g JOIN tree t ON t.oid = g.tgrelid "
        "WHERE g.tgenabled <> 'D' AND NOT g.tgisinternal AND g.tgtype & 16 <> 0) "
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r JOIN tree t ON t.oid = r.ev_class "
        "WHERE r.ev_enabled <> 'D' AND r.ev_type = '2') "
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k JOIN tree t ON t.oid = k.confrelid "
        "WHERE k.contype = 'f' AND $2::pg_catalog.int2 = ANY(k.confkey))";

static const struct plan_table *sql__table(const struct plan *plan, const struct plan_node *node)
{
	return &plan->tables[node->table];
}

/*
 * "(SELECT v.k0::type AS k0, ..., v.e, v.i FROM unnest(...) ...) AS v". There is no WITH in any of this: PostgreSQL has none
 * where a rule makes several statements of one.
 */
static void sql__values(struct buffer *sql, const struct plan *plan, const struct plan_node *node, bool element_ids)
{
	const struct plan_table *table = sql__table(plan, node);

	buffer_append_text(sql, "(SELECT ");
	for (uint32_t i = 0; i < node->key_count; i++)
		buffer_printf(sql, "v.k%u::%s AS k%u, ", i, table->columns[node->key[i].column].type_name, i);
	buffer_printf(sql, "%sv.i FROM unnest(", element_ids ? "v.e, " : "");
	for (uint32_t i = 0; i < node->key_count + element_ids; i++)
		buffer_printf(sql, "%s$%u::text[]", i ? ", " : "", i + 1);
	buffer_append_text(sql, ") WITH ORDINALITY AS v(");
	for (uint32_t i = 0; i < node->key_count; i++)
		buffer_printf(sql, "k%u, ", i);
	buffer_printf(sql, "%si)) AS v", element_ids ? "e, " : "");
}

/* "ONLY "s"."t" AS t" */
static void sql__from(struct buffer *sql, const struct plan *plan, const struct plan_node *node)
{
	const struct plan_table *table = sql__table(plan, node);

	buffer_append_text(sql, table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(sql, table->schema, table->name);
	buffer_append_text(sql, " AS t");
}

/* "t."id" = with.k0 AND ..." */
static void sql__same_key(struct buffer *sql, const struct plan *plan, const struct plan_node *node, const char *with)
{
	for (uint32_t i = 0; i < node->key_count; i++) {
		buffer_append_text(sql, i ? " AND t." : "t.");
		sql_quote_identifier(sql, sql__table(plan, node)->columns[node->key[i].column].name);
		buffer_printf(sql, " = %s.k%u", with, i);
	}
}

static void sql__taken(struct buffer *sql, const struct plan *plan, const struct plan_node *node)
{
	if (!node->where)
		return;
	buffer_append_text(sql, " AND (");
	condition_sql(sql, node->where, sql__table(plan, node), "t.");
	buffer_append_byte(sql, ')');
}

static void sql__key_json(struct buffer *sql, const struct plan_node *node)
{
	buffer_append_text(sql, "jsonb_build_array(");
	for (uint32_t i = 0; i < node->key_count; i++)
		buffer_printf(sql, "%sv.k%u", i ? ", " : "", i);
	buffer_append_byte(sql, ')');
}

/* "v JOIN t ON ... WHERE t."column" IS DISTINCT FROM v.e" */
static void sql__untold(struct buffer *sql, const struct plan *plan, const struct plan_node *node)
{
	sql__values(sql, plan, node, true);
	buffer_append_text(sql, " JOIN ");
	sql__from(sql, plan, node);
	buffer_append_text(sql, " ON ");
	sql__same_key(sql, plan, node, "v");
	buffer_append_text(sql, " WHERE t.");
	sql_quote_identifier(sql, node->element_id->column);
	buffer_append_text(sql, " IS DISTINCT FROM v.e");
}

static void sql__write_column(struct buffer *sql, const struct plan *plan, const struct plan_node *node)
{
	buffer_append_text(sql, "UPDATE ");
	sql__from(sql, plan, node);
	buffer_append_text(sql, " SET ");
	sql_quote_identifier(sql, node->element_id->column);
	buffer_append_text(sql, " = free.e FROM (SELECT v.* FROM ");
	sql__untold(sql, plan, node);
	buffer_append_text(sql, " FOR NO KEY UPDATE OF t SKIP LOCKED) AS free WHERE ");
	sql__same_key(sql, plan, node, "free");
	buffer_append_text(sql, " RETURNING free.i");
}

void element_ids_untold_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql)
{
	buffer_append_text(sql, "SELECT v.i FROM ");
	sql__untold(sql, plan, node);
}

static void sql__beside(struct buffer *sql, const struct plan_node *node)
{
	sql_quote_qualified(sql, node->element_id->schema, node->element_id->table);
	buffer_append_text(sql, " AS s");
}

static void sql__write_beside(struct buffer *sql, const struct plan *plan, const struct plan_node *node)
{
	buffer_append_text(sql, "INSERT INTO ");
	sql__beside(sql, node);
	buffer_printf(sql, " (pipeline, label, key, element_id) SELECT $%u::text, $%u::text, ", node->key_count + 2,
	              node->key_count + 3);
	sql__key_json(sql, node);
	buffer_append_text(sql, ", v.e FROM ");
	sql__values(sql, plan, node, true);
	buffer_append_text(sql, " JOIN ");
	sql__from(sql, plan, node);
	buffer_append_text(sql, " ON ");
	sql__same_key(sql, plan, node, "v");
	sql__taken(sql, plan, node);
	buffer_append_text(sql, " ON CONFLICT (pipeline, label, key) DO UPDATE SET element_id = EXCLUDED.element_id "
	                        "WHERE s.element_id IS DISTINCT FROM EXCLUDED.element_id");
}

void element_ids_write_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql)
{
	if (node->element_id->column)
		sql__write_column(sql, plan, node);
	else
		sql__write_beside(sql, plan, node);
}

void element_ids_forget_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql)
{
	buffer_append_text(sql, "DELETE FROM ");
	sql__beside(sql, node);
	buffer_append_text(sql, " USING ");
	sql__values(sql, plan, node, false);
	buffer_printf(sql, " WHERE s.pipeline = $%u::text AND s.label = $%u::text AND s.key = ", node->key_count + 1,
	              node->key_count + 2);
	sql__key_json(sql, node);
	buffer_append_text(sql, " AND NOT EXISTS (SELECT FROM ");
	sql__from(sql, plan, node);
	buffer_append_text(sql, " WHERE ");
	sql__same_key(sql, plan, node, "v");
	sql__taken(sql, plan, node);
	buffer_append_byte(sql, ')');
}
