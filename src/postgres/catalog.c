#include "postgres/catalog.h"

#include "change/value.h"
#include "postgres/sequence.h"
#include "postgres/typemap.h"
#include "postgres/watch.h"

#include <stdlib.h>
#include <string.h>

/* Where to find a table by its OID while the parts come in. */
struct table_at {
	uint32_t oid;
	uint32_t index;
};

struct catalog_reader {
	struct catalog *catalog;
	struct catalog_table *tables; /* catalog->tables, while they may still be written */
	struct table_at *by_oid;
	postgres_done_fn *on_done;
	void *user;
};

/* --- statements; of one transaction, so that they agree */

static void sql_role(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	/* a role of that name has a schema of pgweave's own first in its path, once there is one */
	buffer_append_text(sql, "SELECT current_database(), current_user, coalesce((SELECT s.name FROM "
	                        "unnest(current_schemas(false)) WITH ORDINALITY AS s(name, place) WHERE s.name <> 'pgweave' "
	                        "ORDER BY s.place LIMIT 1), 'public'), current_setting('server_version_num')");
}

static void sql_system(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(
	        sql,
	        "SELECT s.system_identifier::text, c.timeline_id, "
	        "pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c");
}

/* Of a primary just promoted the control file is behind until its first checkpoint; the name of a WAL file is not. */
static void sql_timeline(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(sql,
	                   "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN ('x' || "
	                   "substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END");
}

static void sql_begin(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

static void sql_commit(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(sql, "COMMIT");
}

/*
 * What is listed at all; joined by the later statements too. Temporary tables cannot be published; an extension's belong to the
 * extension.
 */
#define LISTED_FROM " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
#define LISTED_WHERE                                                                                                           \
	" WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't' "                  \
	"AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' "                                                       \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "     \
	"AND d.objid = c.oid AND d.deptype = 'e')"

/*
 * A partitioned root has no rows of its own: its leaves are added up, those never analysed left out. What a leaf is, the root
 * is for us: with one unlogged leaf some changes are not in the WAL, and an old tuple carries what the leaf's identity says.
 */
static void sql_tables(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(
	        sql,
	        "WITH RECURSIVE tree(root, leaf) AS (SELECT c.oid, c.oid FROM pg_catalog.pg_class c "
	        "WHERE c.relkind = 'p' AND NOT c.relispartition "
	        "UNION ALL SELECT t.root, i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.leaf), "
	        "sums AS (SELECT t.root, coalesce(sum(l.reltuples) FILTER (WHERE l.reltuples >= 0), -1) AS tuples, "
	        "sum(pg_catalog.pg_table_size(l.oid)) AS bytes, bool_or(l.relpersistence = 'u') AS unlogged, "
	        "bool_and(l.relreplident = 'i') AS indexed, bool_and(l.relreplident = 'f') AS whole, "
	        "bool_and(l.relreplident IN ('d', 'f')) AS keyed "
	        "FROM tree t JOIN pg_catalog.pg_class l ON l.oid = t.leaf WHERE l.relkind = 'r' GROUP BY t.root) "
	        "SELECT c.oid, n.nspname, c.relname, pg_catalog.obj_description(c.oid, 'pg_class'), c.relkind, "
	        "CASE WHEN s.root IS NULL OR c.relreplident = 'n' OR (c.relreplident = 'i' AND s.indexed) THEN c.relreplident "
	        "WHEN s.whole THEN 'f' WHEN s.keyed THEN 'd' ELSE 'n' END, "
	        "c.relpersistence = 'u' OR coalesce(s.unlogged, false), pg_catalog.row_security_active(c.oid), "
	        "pg_catalog.has_table_privilege(c.oid, 'SELECT'), pg_catalog.pg_has_role(c.relowner, 'USAGE'), "
	        "(CASE c.relkind WHEN 'p' THEN coalesce(s.tuples, -1) ELSE c.reltuples END)::int8, "
	        "coalesce(CASE c.relkind WHEN 'p' THEN s.bytes ELSE pg_catalog.pg_table_size(c.oid) END, 0)::int8, "
	        "c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = "
	        "c.oid), "
	        "c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) " LISTED_FROM
	        "LEFT JOIN sums s ON s.root = c.oid" LISTED_WHERE " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"");
}

static void sql_columns(struct buffer *sql, int version, void *context)
{
	(void)context;
	buffer_printf(sql,
	              "WITH RECURSIVE step(domain, base) AS (SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE "
	              "t.typtype = 'd' "
	              "UNION ALL SELECT s.domain, t.typbasetype FROM step s JOIN pg_catalog.pg_type t ON t.oid = s.base "
	              "WHERE t.typtype = 'd'), "
	              "domains AS (SELECT s.domain, s.base FROM step s JOIN pg_catalog.pg_type t ON t.oid = s.base WHERE "
	              "t.typtype <> 'd') "
	              "SELECT a.attrelid, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid, "
	              "a.attnotnull, "
	              "%s, %s, pg_catalog.col_description(a.attrelid, a.attnum), "
	              "e.oid IS NOT NULL, f.oid, f.typname, f.typtype, coalesce(e.typdelim, ','), "
	              "EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass "
	              "AND d.objid = f.oid AND d.deptype = 'e'), "
	              "%s, (SELECT array_agg(l.enumlabel ORDER BY l.enumsortorder)::text FROM pg_catalog.pg_enum l "
	              "WHERE l.enumtypid = f.oid AND e.oid IS NULL) "
	              "FROM pg_catalog.pg_attribute a "
	              "LEFT JOIN domains d1 ON d1.domain = a.atttypid "
	              "JOIN pg_catalog.pg_type b ON b.oid = coalesce(d1.base, a.atttypid) "
	              "LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem AND e.typarray = b.oid "
	              "LEFT JOIN domains d2 ON d2.domain = e.oid "
	              "JOIN pg_catalog.pg_type f ON f.oid = coalesce(d2.base, e.oid, b.oid) "
	              "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT c.oid" LISTED_FROM LISTED_WHERE
	              ") ORDER BY a.attrelid, a.attnum",
	              version >= 120000 ? "a.attgenerated <> ''" : "false", version >= 100000 ? "a.attidentity <> ''" : "false",
	              version >= 120000 ? "coalesce((SELECT x.collisdeterministic FROM pg_catalog.pg_collation x "
	                                  "WHERE x.oid = a.attcollation), true)"
	                                : "true");
}

/* Only what identifies a row for sure: unique, valid, over plain columns, over all rows. */
static void sql_keys(struct buffer *sql, int version, void *context)
{
	(void)context;
	buffer_printf(sql,
	              "SELECT i.indrelid, coalesce(k.conname, x.relname), i.indexrelid, "
	              "(SELECT string_agg(u.attnum::text, ' ' ORDER BY u.place) FROM unnest(i.indkey::int2[]) "
	              "WITH ORDINALITY u(attnum, place) WHERE u.place <= %s), "
	              "i.indisprimary, NOT i.indimmediate, i.indisreplident "
	              "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid "
	              "LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid "
	              "AND k.contype IN ('p', 'u') "
	              "WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL "
	              "AND i.indrelid IN (SELECT c.oid" LISTED_FROM LISTED_WHERE ") "
	              "ORDER BY i.indrelid, i.indisprimary DESC, coalesce(k.conname, x.relname) COLLATE \"C\"",
	              version >= 110000 ? "i.indnkeyatts" : "i.indnatts");
}

/* A key to a partitioned table has copies for its partitions, which are left out. */
static void sql_foreign_keys(struct buffer *sql, int version, void *context)
{
	(void)context;
	buffer_printf(
	        sql,
	        "SELECT k.conrelid, k.conname, array_to_string(k.conkey, ' '), array_to_string(k.confkey, ' '), k.confrelid, "
	        "k.convalidated, k.condeferrable, k.confupdtype FROM pg_catalog.pg_constraint k "
	        "WHERE k.contype = 'f' %s AND k.conrelid IN (SELECT c.oid" LISTED_FROM LISTED_WHERE ") "
	        "ORDER BY k.conrelid, k.conname COLLATE \"C\"",
	        version >= 110000 ? "AND k.conparentid = 0" : "");
}

static void sql_watch(struct buffer *sql, int version, void *context)
{
	(void)context;
	watch__sql(sql, version, "c.oid IN (SELECT c.oid" LISTED_FROM LISTED_WHERE " AND c.relkind IN ('r', 'p'))", true);
}

/* --- taking the answers */

static int full(struct error *error)
{
	return error_set(error, ERR_LIMIT, "the database's catalogue is larger than %zu MiB", POSTGRES_CATALOG_SIZE_MAX >> 20);
}

/* NULL for an SQL NULL; sets failed when there is no room. */
static const char *keep(struct catalog *catalog, const struct postgres_result *result, uint32_t row, uint32_t column,
                        bool *failed)
{
	const char *text = postgres_result_text(result, row, column);
	char *copy;

	if (!text)
		return NULL;
	copy = arena_strdup(&catalog->arena, text);
	*failed |= !copy;
	return copy;
}

static uint32_t result_oid(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	return (uint32_t)postgres_result_int(result, row, column);
}

/* "1 3 2" */
static const int16_t *keep_attnums(struct catalog *catalog, const char *text, uint32_t *ret_count, bool *failed)
{
	const char *at = text ? text : "";
	uint32_t count = 0;
	int16_t *attnums;
	char *end;

	attnums = arena_alloc(&catalog->arena, (strlen(at) / 2 + 1) * sizeof(*attnums));
	*failed |= !attnums;
	while (attnums && *at) {
		long attnum = strtol(at, &end, 10);

		if (end == at)
			break;
		attnums[count++] = (int16_t)attnum;
		at = end;
	}
	*ret_count = count;
	return attnums;
}

static int take_role(void *context, const struct postgres_result *result, struct error *error)
{
	struct catalog *catalog = ((struct catalog_reader *)context)->catalog;
	bool failed = false;

	catalog->database = keep(catalog, result, 0, 0, &failed);
	catalog->role = keep(catalog, result, 0, 1, &failed);
	catalog->search_path_schema = keep(catalog, result, 0, 2, &failed);
	catalog->server_version_num = (int)postgres_result_int(result, 0, 3);
	return failed ? full(error) : 0;
}

static int take_system(void *context, const struct postgres_result *result, struct error *error)
{
	struct catalog *catalog = ((struct catalog_reader *)context)->catalog;
	const char *identifier = postgres_result_text(result, 0, 0);

	(void)error;
	catalog->system_identifier = identifier ? strtoull(identifier, NULL, 10) : 0;
	catalog->timeline = (uint32_t)postgres_result_int(result, 0, 1);
	return 0;
}

static int take_timeline(void *context, const struct postgres_result *result, struct error *error)
{
	struct catalog *catalog = ((struct catalog_reader *)context)->catalog;

	(void)error;
	if (postgres_result_text(result, 0, 0))
		catalog->timeline = (uint32_t)postgres_result_int(result, 0, 0);
	return 0;
}

static enum catalog_table_kind table_kind(const char *relkind)
{
	switch (relkind ? *relkind : '\0') {
	case 'r':
		return CATALOG_TABLE;
	case 'p':
		return CATALOG_PARTITIONED;
	case 'v':
	case 'm':
		return CATALOG_VIEW;
	case 'f':
		return CATALOG_FOREIGN;
	default:
		return CATALOG_OTHER;
	}
}

static int compare_table_at(const void *a, const void *b)
{
	const struct table_at *x = a;
	const struct table_at *y = b;

	return x->oid < y->oid ? -1 : x->oid > y->oid;
}

static struct catalog_table *find_table(const struct catalog_reader *reader, uint32_t oid)
{
	const struct table_at wanted = {.oid = oid};
	const struct table_at *found =
	        bsearch(&wanted, reader->by_oid, reader->catalog->tables_count, sizeof(wanted), compare_table_at);

	return found ? &reader->tables[found->index] : NULL;
}

static int take_tables(void *context, const struct postgres_result *result, struct error *error)
{
	struct catalog_reader *reader = context;
	struct catalog *catalog = reader->catalog;
	uint32_t count = postgres_result_rows(result);
	bool failed = false;
	uint32_t i;

	reader->tables = arena_calloc(&catalog->arena, count, sizeof(*reader->tables));
	reader->by_oid = arena_calloc(&catalog->arena, count, sizeof(*reader->by_oid));
	if (!reader->tables || !reader->by_oid)
		return full(error);
	for (i = 0; i < count && !failed; i++) {
		struct catalog_table *table = &reader->tables[i];
		const char *identity = postgres_result_text(result, i, 5);

		table->oid = result_oid(result, i, 0);
		table->schema = keep(catalog, result, i, 1, &failed);
		table->name = keep(catalog, result, i, 2, &failed);
		table->comment = keep(catalog, result, i, 3, &failed);
		table->kind = table_kind(postgres_result_text(result, i, 4));
		table->replica_identity = (char)(identity ? *identity : 'n');
		table->unlogged = postgres_result_bool(result, i, 6);
		table->row_security = postgres_result_bool(result, i, 7);
		table->can_select = postgres_result_bool(result, i, 8);
		table->owned = postgres_result_bool(result, i, 9);
		table->rows_estimate = postgres_result_int(result, i, 10);
		table->bytes = postgres_result_int(result, i, 11);
		table->inherits = postgres_result_bool(result, i, 12);
		table->inherited = postgres_result_bool(result, i, 13);
		reader->by_oid[i] = (struct table_at){.oid = table->oid, .index = i};
	}
	qsort(reader->by_oid, count, sizeof(*reader->by_oid), compare_table_at);
	catalog->tables = reader->tables;
	catalog->tables_count = count;
	return failed ? full(error) : 0;
}

/* How many rows from first on belong to the same table. */
static uint32_t run_length(const struct postgres_result *result, uint32_t first)
{
	uint32_t oid = result_oid(result, first, 0);
	uint32_t row = first;

	while (row < postgres_result_rows(result) && result_oid(result, row, 0) == oid)
		row++;
	return row - first;
}

typedef bool take_run_fn(struct catalog *catalog, struct catalog_table *table, const struct postgres_result *result,
                         uint32_t first, uint32_t count);

/* The rows come ordered by table. */
static int take_runs(struct catalog_reader *reader, const struct postgres_result *result, take_run_fn *take,
                     struct error *error)
{
	uint32_t first = 0;

	while (first < postgres_result_rows(result)) {
		uint32_t count = run_length(result, first);
		struct catalog_table *table = find_table(reader, result_oid(result, first, 0));

		if (table && !take(reader->catalog, table, result, first, count))
			return full(error);
		first += count;
	}
	return 0;
}

static char result_char(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	const char *text = postgres_result_text(result, row, column);

	return (char)(text ? *text : '\0');
}

static struct typemap_facts take_facts(const struct postgres_result *result, uint32_t row)
{
	const char *name = postgres_result_text(result, row, 11);

	return (struct typemap_facts){
	        .array = postgres_result_bool(result, row, 9),
	        .oid = result_oid(result, row, 10),
	        .name = name ? name : "",
	        .typtype = result_char(result, row, 12),
	        .delimiter = result_char(result, row, 13),
	        .of_extension = postgres_result_bool(result, row, 14),
	        .deterministic = postgres_result_bool(result, row, 15),
	};
}

/* "{draft,\"in review\"}", as PostgreSQL prints an array of texts */
static bool take_enum(struct catalog *catalog, struct catalog_column *column, const char *text)
{
	static const struct type type = {.kind = TYPE_TEXT, .array = true};
	const char **labels;
	struct value list;
	struct error error;

	if (!text)
		return true;
	text = arena_strdup(&catalog->arena, text);
	if (!text || value_from_text(&type, text, strlen(text), &catalog->arena, &list, &error) < 0)
		return false;
	labels = arena_calloc(&catalog->arena, list.size, sizeof(const char *));
	for (uint32_t i = 0; labels && i < list.size; i++) {
		labels[i] = arena_strndup(&catalog->arena, list.list[i].bytes, list.list[i].size);
		if (!labels[i])
			return false;
	}
	column->enum_labels = labels;
	column->enum_labels_count = list.size;
	return labels != NULL;
}

static bool take_table_columns(struct catalog *catalog, struct catalog_table *table, const struct postgres_result *result,
                               uint32_t first, uint32_t count)
{
	struct catalog_column *columns = arena_calloc(&catalog->arena, count, sizeof(*columns));
	bool failed = !columns;
	uint32_t i;

	for (i = 0; i < count && !failed; i++) {
		struct catalog_column *column = &columns[i];
		struct typemap_facts facts;
		uint32_t row = first + i;

		column->attnum = (int16_t)postgres_result_int(result, row, 1);
		column->name = keep(catalog, result, row, 2, &failed);
		column->type_name = keep(catalog, result, row, 3, &failed);
		column->type_oid = result_oid(result, row, 4);
		column->not_null = postgres_result_bool(result, row, 5);
		column->generated = postgres_result_bool(result, row, 6);
		column->identity = postgres_result_bool(result, row, 7);
		column->comment = keep(catalog, result, row, 8, &failed);
		facts = take_facts(result, row);
		column->type = typemap_type(&facts);
		column->equality = typemap_equality(&facts);
		failed |= !take_enum(catalog, column, postgres_result_text(result, row, 16));
	}
	table->columns = columns;
	table->columns_count = failed ? 0 : count;
	return !failed;
}

static bool all_not_null(const struct catalog_table *table, const struct catalog_key *key)
{
	uint32_t i, k;

	for (k = 0; k < key->attnums_count; k++) {
		for (i = 0; i < table->columns_count && table->columns[i].attnum != key->attnums[k]; i++)
			;
		if (i == table->columns_count || !table->columns[i].not_null)
			return false;
	}
	return true;
}

static bool take_table_keys(struct catalog *catalog, struct catalog_table *table, const struct postgres_result *result,
                            uint32_t first, uint32_t count)
{
	struct catalog_key *keys = arena_calloc(&catalog->arena, count, sizeof(*keys));
	bool failed = !keys;
	uint32_t i;

	for (i = 0; i < count && !failed; i++) {
		struct catalog_key *key = &keys[i];
		uint32_t row = first + i;
		bool chosen = postgres_result_bool(result, row, 6);

		key->name = keep(catalog, result, row, 1, &failed);
		key->index_oid = result_oid(result, row, 2);
		key->attnums = keep_attnums(catalog, postgres_result_text(result, row, 3), &key->attnums_count, &failed);
		key->primary = postgres_result_bool(result, row, 4);
		key->deferrable = postgres_result_bool(result, row, 5);
		key->not_null = !failed && all_not_null(table, key);
		/* PostgreSQL takes no deferrable primary key for an identity. */
		if ((table->replica_identity == 'd' && key->primary && !key->deferrable) ||
		    (table->replica_identity == 'i' && chosen)) {
			table->identity_attnums = key->attnums;
			table->identity_attnums_count = key->attnums_count;
		}
	}
	table->keys = keys;
	table->keys_count = failed ? 0 : count;
	return !failed;
}

static bool take_table_foreign_keys(struct catalog *catalog, struct catalog_table *table, const struct postgres_result *result,
                                    uint32_t first, uint32_t count)
{
	struct catalog_foreign_key *keys = arena_calloc(&catalog->arena, count, sizeof(*keys));
	bool failed = !keys;
	uint32_t i;

	for (i = 0; i < count && !failed; i++) {
		struct catalog_foreign_key *key = &keys[i];
		uint32_t row = first + i;
		uint32_t targets_count;

		key->name = keep(catalog, result, row, 1, &failed);
		key->attnums = keep_attnums(catalog, postgres_result_text(result, row, 2), &key->attnums_count, &failed);
		key->target_attnums = keep_attnums(catalog, postgres_result_text(result, row, 3), &targets_count, &failed);
		if (targets_count < key->attnums_count)
			key->attnums_count = targets_count;
		key->target_oid = result_oid(result, row, 4);
		key->validated = postgres_result_bool(result, row, 5);
		key->deferrable = postgres_result_bool(result, row, 6);
		key->on_update = result_char(result, row, 7);
	}
	table->foreign_keys = keys;
	table->foreign_keys_count = failed ? 0 : count;
	return !failed;
}

static bool set_full_identity(struct catalog *catalog, struct catalog_table *table)
{
	int16_t *attnums = arena_calloc(&catalog->arena, table->columns_count, sizeof(*attnums));
	uint32_t i;

	if (!attnums)
		return false;
	for (i = 0; i < table->columns_count; i++)
		attnums[i] = table->columns[i].attnum;
	table->identity_attnums = attnums;
	table->identity_attnums_count = table->columns_count;
	return true;
}

static int take_columns(void *context, const struct postgres_result *result, struct error *error)
{
	struct catalog_reader *reader = context;
	int rc = take_runs(reader, result, take_table_columns, error);
	uint32_t i;

	for (i = 0; i < reader->catalog->tables_count && !rc; i++) {
		struct catalog_table *table = &reader->tables[i];

		if (table->replica_identity == 'f' && !set_full_identity(reader->catalog, table))
			rc = full(error);
	}
	return rc;
}

static int take_keys(void *context, const struct postgres_result *result, struct error *error)
{
	return take_runs(context, result, take_table_keys, error);
}

static int take_foreign_keys(void *context, const struct postgres_result *result, struct error *error)
{
	return take_runs(context, result, take_table_foreign_keys, error);
}

static bool take_table_watch(struct catalog *catalog, struct catalog_table *table, const struct postgres_result *result,
                             uint32_t first, uint32_t count)
{
	bool failed = false;

	(void)count;
	table->watch = (struct catalog_watch){
	        .fingerprint = keep(catalog, result, first, WATCH_FINGERPRINT, &failed),
	        .leaves = keep(catalog, result, first, WATCH_LEAVES, &failed),
	        .files = keep(catalog, result, first, WATCH_FILES, &failed),
	        .attributes = keep(catalog, result, first, WATCH_ATTRIBUTES, &failed),
	        .types = keep(catalog, result, first, WATCH_TYPES, &failed),
	};
	return !failed;
}

static int take_watch(void *context, const struct postgres_result *result, struct error *error)
{
	return take_runs(context, result, take_table_watch, error);
}

static const struct sequence_step steps[] = {
        {.sql = sql_role, .take = take_role},
        {.sql = sql_system, .take = take_system, .optional = true},
        {.sql = sql_timeline, .take = take_timeline, .optional = true},
        {.sql = sql_begin},
        {.sql = sql_tables, .take = take_tables},
        {.sql = sql_columns, .take = take_columns},
        {.sql = sql_keys, .take = take_keys},
        {.sql = sql_foreign_keys, .take = take_foreign_keys},
        {.sql = sql_watch, .take = take_watch},
        {.sql = sql_commit},
};

static void on_read(void *user, const struct error *error)
{
	struct catalog_reader *reader = user;
	postgres_done_fn *on_done = reader->on_done;
	void *on_done_user = reader->user;

	free(reader);
	on_done(on_done_user, error);
}

int postgres_catalog_read(struct postgres_connection *connection, struct catalog *catalog, postgres_done_fn *on_done,
                          void *user, struct error *error)
{
	struct catalog_reader *reader = calloc(1, sizeof(*reader));
	struct sequence sequence = {
	        .steps = steps,
	        .steps_count = sizeof(steps) / sizeof(steps[0]),
	        .ending = "ROLLBACK",
	        .context = reader,
	        .on_done = on_read,
	        .user = reader,
	};
	int rc;

	*catalog = (struct catalog){0};
	arena_init(&catalog->arena, POSTGRES_CATALOG_SIZE_MAX);
	if (!reader)
		return error_set(error, ERR_NOMEM, "no memory to read the catalogue");
	*reader = (struct catalog_reader){.catalog = catalog, .on_done = on_done, .user = user};
	rc = sequence_run(connection, &sequence, error);
	if (rc)
		free(reader);
	return rc;
}
