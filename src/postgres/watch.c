#include "postgres/watch.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define SQL_SIZE_MAX ((size_t)64 * 1024)
#define OIDS_SIZE_MAX ((size_t)1024 * 1024)

/*
 * tree: a table and, of a partitioned one, all below it. A partition that is being detached is not read any more, though it is
 * still there. path: the transactions that attached what is above and the table itself, so that one that was away for a while
 * shows. types: what the columns' texts depend on besides their types' OIDs: labels can be renamed, composite types
 * altered.
 */
static void watch__sql_parts(struct buffer *sql, int version, const char *which)
{
	buffer_printf(
	        sql,
	        "WITH RECURSIVE roots AS (SELECT c.oid FROM pg_catalog.pg_class c WHERE %s), "
	        "tree(root, oid, path, away) AS (SELECT r.oid, r.oid, '', false FROM roots r "
	        "UNION ALL SELECT t.root, i.inhrelid, t.path || ' ' || i.xmin::text, t.away OR %s FROM tree t "
	        "JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid "
	        "JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition), "
	        "trees AS (SELECT t.root, "
	        "coalesce(string_agg(c.oid || t.path, ',' ORDER BY c.oid) FILTER (WHERE c.relkind <> 'p' AND NOT t.away), '') "
	        "AS leaves, "
	        "md5(string_agg(c.oid || ' ' || c.relfilenode, ',' ORDER BY c.oid)) AS files, "
	        "md5(string_agg(concat_ws(' ', c.oid, c.relreplident, c.relpersistence, c.relkind), ',' ORDER BY c.oid)) AS "
	        "kinds "
	        "FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid GROUP BY t.root), "
	        "types(root, oid) AS (SELECT a.attrelid, a.atttypid FROM roots r "
	        "JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped "
	        "UNION SELECT t.root, p.oid FROM types t JOIN pg_catalog.pg_type y ON y.oid = t.oid "
	        "CROSS JOIN LATERAL (SELECT y.typbasetype AS oid WHERE y.typtype = 'd' "
	        "UNION ALL SELECT y.typelem WHERE y.typcategory = 'A' AND y.typtype = 'b' "
	        "UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a "
	        "WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p), "
	        "lines AS (SELECT t.root, 'label ' || e.oid || ' ' || to_json(e.enumlabel::text)::text AS line FROM types t "
	        "JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid "
	        "UNION ALL SELECT t.root, 'composite ' || y.oid || ' ' || "
	        "string_agg(a.attnum || ' ' || a.atttypid, ',' ORDER BY a.attnum) FROM types t "
	        "JOIN pg_catalog.pg_type y ON y.oid = t.oid AND y.typtype = 'c' "
	        "JOIN pg_catalog.pg_attribute a ON a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped "
	        "GROUP BY t.root, y.oid), "
	        "texts AS (SELECT root, string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") AS types FROM lines GROUP BY "
	        "root) ",
	        which, version >= 140000 ? "i.inhdetachpending" : "false");
}

/* An attribute's xmin tells of a rewrite by ALTER TYPE ... USING, even to the type that it had. */
static void watch__sql_columns(struct buffer *sql, int version)
{
	buffer_printf(
	        sql,
	        "CROSS JOIN LATERAL (SELECT md5(string_agg(concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, "
	        "a.attnotnull, %s), "
	        "E'\\n' ORDER BY a.attnum)) AS shape, "
	        "string_agg(a.attnum || ' ' || a.xmin::text, ',' ORDER BY a.attnum) AS attributes "
	        "FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a "
	        "CROSS JOIN LATERAL (SELECT md5(string_agg(concat_ws(' ', i.indexrelid, i.indkey, i.indisprimary, "
	        "i.indisreplident, "
	        "i.indisvalid, i.indimmediate), E'\\n' ORDER BY i.indexrelid)) AS keys "
	        "FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique) i "
	        "CROSS JOIN LATERAL (SELECT md5(string_agg(concat_ws(' ', k.conkey, k.confrelid, k.confkey, k.convalidated, "
	        "k.condeferrable, k.confupdtype), E'\\n' ORDER BY k.oid)) AS foreign_keys "
	        "FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f') k ",
	        version >= 120000 ? "a.attgenerated" : "''");
}

void watch__sql(struct buffer *sql, int server_version, const char *which, bool whole)
{
	watch__sql_parts(sql, server_version, which);
	buffer_printf(sql,
	              "SELECT c.oid, md5(concat_ws('|', n.nspname, c.relname, c.relispartition, t.kinds, t.leaves, "
	              "a.shape, a.attributes, coalesce(i.keys, ''), coalesce(k.foreign_keys, ''), x.types)), "
	              "pg_catalog.has_table_privilege(c.oid, 'SELECT')%s "
	              "FROM trees t JOIN pg_catalog.pg_class c ON c.oid = t.root "
	              "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	              "LEFT JOIN texts x ON x.root = c.oid ",
	              whole ? ", t.leaves, t.files, a.attributes, coalesce(x.types, '')" : "");
	watch__sql_columns(sql, server_version);
	buffer_append_text(sql, "ORDER BY c.oid");
}

struct watch_reader {
	struct postgres_watch *watch;
	postgres_done_fn *on_done;
	void *user;
};

static int watch__take(struct postgres_watch *watch, const struct postgres_result *result, struct error *error)
{
	uint32_t count = postgres_result_rows(result);
	struct postgres_watch_table *tables = arena_calloc(&watch->arena, count, sizeof(*tables));
	bool failed = !tables;

	for (uint32_t i = 0; i < count && !failed; i++) {
		const char *fingerprint = postgres_result_text(result, i, WATCH_FINGERPRINT);

		tables[i] = (struct postgres_watch_table){
		        .oid = (uint32_t)postgres_result_int(result, i, WATCH_OID),
		        .fingerprint = arena_strdup(&watch->arena, fingerprint ? fingerprint : ""),
		        .can_select = postgres_result_bool(result, i, WATCH_CAN_SELECT),
		};
		failed = !tables[i].fingerprint;
	}
	watch->tables = tables;
	watch->tables_count = failed ? 0 : count;
	return failed ? error_set(error, ERR_LIMIT, "what is watched of the tables is larger than %zu MiB",
	                          POSTGRES_WATCH_SIZE_MAX >> 20)
	              : 0;
}

static void watch__on_result(void *user, const struct postgres_result *result, const struct error *failure)
{
	struct watch_reader reader = *(struct watch_reader *)user;
	struct error error;

	free(user);
	if (!failure && watch__take(reader.watch, result, &error) < 0)
		failure = &error;
	reader.on_done(reader.user, failure);
}

void postgres_oids_text(struct buffer *text, const uint32_t *oids, uint32_t count)
{
	buffer_append_byte(text, '{');
	for (uint32_t i = 0; i < count; i++)
		buffer_printf(text, "%s%u", i ? "," : "", oids[i]);
	buffer_append_byte(text, '}');
}

int postgres_watch_read(struct postgres_connection *connection, const uint32_t *oids, uint32_t oids_count,
                        struct postgres_watch *watch, postgres_done_fn *on_done, void *user, struct error *error)
{
	struct watch_reader *reader = calloc(1, sizeof(*reader));
	struct buffer sql, list;
	const char *params[1];
	int rc;

	*watch = (struct postgres_watch){0};
	arena_init(&watch->arena, POSTGRES_WATCH_SIZE_MAX);
	if (!reader)
		return error_set(error, ERR_NOMEM, "no memory to watch the tables");
	*reader = (struct watch_reader){.watch = watch, .on_done = on_done, .user = user};
	buffer_init(&sql, SQL_SIZE_MAX);
	buffer_init(&list, OIDS_SIZE_MAX);
	watch__sql(&sql, postgres_server_version(connection), "c.oid = ANY($1::pg_catalog.oid[])", false);
	postgres_oids_text(&list, oids, oids_count);
	params[0] = buffer_text(&list);
	(void)buffer_text(&sql);
	if (sql.failed || list.failed)
		rc = error_set(error, ERR_NOMEM, "no memory to watch the tables");
	else
		rc = postgres_query(connection, sql.data, params, 1, watch__on_result, reader, error);
	buffer_free(&list);
	buffer_free(&sql);
	if (rc < 0)
		free(reader);
	return rc; /* watch__on_result owns it now. NOLINT(clang-analyzer-unix.Malloc) */
}

const struct postgres_watch_table *postgres_watch_find(const struct postgres_watch *watch, uint32_t oid)
{
	for (uint32_t i = 0; i < watch->tables_count; i++)
		if (watch->tables[i].oid == oid)
			return &watch->tables[i];
	return NULL;
}
