#include "postgres/facts.h"

#include "postgres/sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FACTS_SIZE_MAX ((size_t)64 * 1024 * 1024)

struct facts_reader {
	struct postgres_facts *facts;
	const char *slot;
	const char *publication;
	postgres_done_fn *on_done;
	void *user;
};

/* --- statements */

static void sql_server(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	/* max_slot_wal_keep_size came with 13, so it is asked for in a way that does not mind. */
	buffer_append_text(
	        sql, "SELECT current_setting('server_version_num'), current_setting('server_version'), "
	             "current_setting('wal_level'), "
	             "current_setting('server_encoding'), current_setting('max_replication_slots'), "
	             "(SELECT count(*) FROM pg_catalog.pg_replication_slots), current_setting('max_wal_senders'), "
	             "(SELECT count(*) FROM pg_catalog.pg_stat_replication), "
	             "(SELECT CASE WHEN s.setting::int8 < 0 THEN -1 ELSE s.setting::int8 * 1048576 END FROM "
	             "pg_catalog.pg_settings s "
	             "WHERE s.name = 'max_slot_wal_keep_size'), "
	             "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
	             "ELSE pg_catalog.pg_current_wal_lsn() END, "
	             "CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN ('x' || "
	             "substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END, "
	             "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8, pg_catalog.pg_is_in_recovery(), "
	             "(SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid())");
}

static void sql_system(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(sql, "SELECT s.system_identifier::text, c.timeline_id "
	                        "FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c");
}

static void sql_role(struct buffer *sql, int version, void *context)
{
	(void)version;
	(void)context;
	buffer_append_text(sql, "SELECT r.rolname, r.rolsuper, r.rolreplication, r.rolbypassrls, "
	                        "pg_catalog.has_database_privilege(current_database(), 'CREATE'), current_database() "
	                        "FROM pg_catalog.pg_roles r WHERE r.rolname = current_user");
}

static void sql_slot(struct buffer *sql, int version, void *context)
{
	struct facts_reader *reader = context;

	if (!reader->slot)
		return;
	buffer_printf(
	        sql,
	        "SELECT slot_type = 'logical', active, temporary, database = current_database(), active_pid, plugin, "
	        "database, %s, restart_lsn, confirmed_flush_lsn, "
	        "pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() "
	        "THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)::int8, %s "
	        "FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
	        version >= 130000 ? "wal_status" : "NULL", version >= 130000 ? "safe_wal_size" : "NULL::int8");
}

static void sql_publication(struct buffer *sql, int version, void *context)
{
	struct facts_reader *reader = context;

	if (!reader->publication)
		return;
	buffer_printf(sql,
	              "SELECT p.oid, p.puballtables, %s, p.pubinsert, p.pubupdate, p.pubdelete, %s, "
	              "pg_catalog.pg_get_userbyid(p.pubowner), pg_catalog.pg_has_role(p.pubowner, 'USAGE') "
	              "FROM pg_catalog.pg_publication p WHERE p.pubname = $1",
	              version >= 130000 ? "p.pubviaroot" : "false", version >= 110000 ? "p.pubtruncate" : "false");
}

static void sql_publication_tables(struct buffer *sql, int version, void *context)
{
	struct facts_reader *reader = context;

	if (!reader->publication || !reader->facts->publication.exists)
		return;
	buffer_printf(sql,
	              "SELECT c.oid, coalesce(m.oid, 0), n.nspname, c.relname, c.relreplident, c.relispartition, %s "
	              "FROM pg_catalog.pg_publication p "
	              "CROSS JOIN LATERAL pg_catalog.pg_get_publication_tables(p.pubname::text) t "
	              "JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	              "LEFT JOIN pg_catalog.pg_publication_rel m ON m.prpubid = p.oid AND m.prrelid = c.oid "
	              "WHERE p.pubname = $1 ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	              version >= 150000 ? "array_to_string(m.prattrs::int2[], ' '), pg_catalog.pg_get_expr(m.prqual, m.prrelid)"
	                                : "NULL, NULL");
}

/* --- taking the answers */

static int full(struct error *error)
{
	return error_set(error, ERR_LIMIT, "the publication's list of tables is larger than %zu MiB", FACTS_SIZE_MAX >> 20);
}

static const char *keep(struct postgres_facts *facts, const struct postgres_result *result, uint32_t row, uint32_t column,
                        bool *failed)
{
	const char *text = postgres_result_text(result, row, column);
	char *copy;

	if (!text)
		return NULL;
	copy = arena_strdup(&facts->arena, text);
	*failed |= !copy;
	return copy;
}

/* What is NULL is unknown: -1. */
static int64_t int_or_unknown(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	return postgres_result_text(result, row, column) ? postgres_result_int(result, row, column) : -1;
}

static int take_server(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_facts *facts = ((struct facts_reader *)context)->facts;
	struct postgres_server_facts *server = &facts->server;
	bool failed = false;

	server->version_num = (int)postgres_result_int(result, 0, 0);
	server->version = keep(facts, result, 0, 1, &failed);
	server->wal_level = keep(facts, result, 0, 2, &failed);
	server->server_encoding = keep(facts, result, 0, 3, &failed);
	server->max_replication_slots = (int32_t)postgres_result_int(result, 0, 4);
	server->replication_slots_used = (int32_t)postgres_result_int(result, 0, 5);
	server->max_wal_senders = (int32_t)postgres_result_int(result, 0, 6);
	server->wal_senders_used = (int32_t)postgres_result_int(result, 0, 7);
	server->max_slot_wal_keep_size = int_or_unknown(result, 0, 8);
	server->wal_lsn = postgres_result_lsn(result, 0, 9);
	server->timeline = (uint32_t)postgres_result_int(result, 0, 10);
	server->clock_us = postgres_result_int(result, 0, 11);
	server->in_recovery = postgres_result_bool(result, 0, 12);
	server->ssl = postgres_result_bool(result, 0, 13);
	return failed ? full(error) : 0;
}

static int take_system(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_server_facts *server = &((struct facts_reader *)context)->facts->server;
	const char *identifier = postgres_result_text(result, 0, 0);

	(void)error;
	server->system_identifier = identifier ? strtoull(identifier, NULL, 10) : 0;
	/* The control file's is behind on a primary just promoted: only where nothing better is known. */
	if (!server->timeline)
		server->timeline = (uint32_t)postgres_result_int(result, 0, 1);
	return 0;
}

static int take_role(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_facts *facts = ((struct facts_reader *)context)->facts;
	struct postgres_role_facts *role = &facts->role;
	bool failed = false;

	role->name = keep(facts, result, 0, 0, &failed);
	role->superuser = postgres_result_bool(result, 0, 1);
	role->replication = postgres_result_bool(result, 0, 2);
	role->bypass_rls = postgres_result_bool(result, 0, 3);
	role->can_create_in_database = postgres_result_bool(result, 0, 4);
	role->database = keep(facts, result, 0, 5, &failed);
	return failed ? full(error) : 0;
}

static int take_slot(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_facts *facts = ((struct facts_reader *)context)->facts;
	struct postgres_slot_facts *slot = &facts->slot;
	bool failed = false;

	slot->exists = postgres_result_rows(result) == 1;
	if (!slot->exists)
		return 0;
	slot->logical = postgres_result_bool(result, 0, 0);
	slot->active = postgres_result_bool(result, 0, 1);
	slot->temporary = postgres_result_bool(result, 0, 2);
	slot->own_database = postgres_result_bool(result, 0, 3);
	slot->active_pid = (int32_t)postgres_result_int(result, 0, 4);
	slot->plugin = keep(facts, result, 0, 5, &failed);
	slot->database = keep(facts, result, 0, 6, &failed);
	slot->wal_status = keep(facts, result, 0, 7, &failed);
	slot->restart_lsn = postgres_result_lsn(result, 0, 8);
	slot->confirmed_flush_lsn = postgres_result_lsn(result, 0, 9);
	slot->retained_bytes = int_or_unknown(result, 0, 10);
	slot->safe_wal_size = int_or_unknown(result, 0, 11);
	return failed ? full(error) : 0;
}

static int take_publication(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_facts *facts = ((struct facts_reader *)context)->facts;
	struct postgres_publication_facts *publication = &facts->publication;
	bool failed = false;

	publication->exists = postgres_result_rows(result) == 1;
	if (!publication->exists)
		return 0;
	publication->oid = (uint32_t)postgres_result_int(result, 0, 0);
	publication->all_tables = postgres_result_bool(result, 0, 1);
	publication->via_root = postgres_result_bool(result, 0, 2);
	publication->inserts = postgres_result_bool(result, 0, 3);
	publication->updates = postgres_result_bool(result, 0, 4);
	publication->deletes = postgres_result_bool(result, 0, 5);
	publication->truncates = postgres_result_bool(result, 0, 6);
	publication->owner = keep(facts, result, 0, 7, &failed);
	publication->owned = postgres_result_bool(result, 0, 8);
	return failed ? full(error) : 0;
}

/* "1 3 2"; NULL stays NULL. */
static const int16_t *keep_attnums(struct postgres_facts *facts, const char *text, uint32_t *ret_count, bool *failed)
{
	uint32_t count = 0;
	int16_t *attnums;
	char *end;

	*ret_count = 0;
	if (!text)
		return NULL;
	attnums = arena_alloc(&facts->arena, (strlen(text) / 2 + 1) * sizeof(*attnums));
	*failed |= !attnums;
	while (attnums && *text) {
		long attnum = strtol(text, &end, 10);

		if (end == text)
			break;
		attnums[count++] = (int16_t)attnum;
		text = end;
	}
	*ret_count = count;
	return attnums;
}

static int take_publication_tables(void *context, const struct postgres_result *result, struct error *error)
{
	struct postgres_facts *facts = ((struct facts_reader *)context)->facts;
	uint32_t count = postgres_result_rows(result);
	struct postgres_publication_table *tables = arena_calloc(&facts->arena, count, sizeof(*tables));
	bool failed = !tables;
	uint32_t i;

	for (i = 0; i < count && !failed; i++) {
		struct postgres_publication_table *table = &tables[i];
		const char *identity = postgres_result_text(result, i, 4);

		table->oid = (uint32_t)postgres_result_int(result, i, 0);
		table->membership_oid = (uint32_t)postgres_result_int(result, i, 1);
		table->schema = keep(facts, result, i, 2, &failed);
		table->name = keep(facts, result, i, 3, &failed);
		table->replica_identity = (char)(identity ? *identity : 'n');
		table->partition = postgres_result_bool(result, i, 5);
		table->attnums = keep_attnums(facts, postgres_result_text(result, i, 6), &table->attnums_count, &failed);
		table->row_filter = keep(facts, result, i, 7, &failed);
	}
	if (failed)
		return full(error);
	facts->publication.tables = tables;
	facts->publication.tables_count = count;
	return 0;
}

/* --- the digest */

/* Each part's hash seeds the next. */
static uint64_t digest_publication(const struct postgres_publication_facts *publication)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%u %d%d%d%d%d%d\n", publication->oid, publication->all_tables,
	                    publication->via_root, publication->inserts, publication->updates, publication->deletes,
	                    publication->truncates);

	return XXH64(text, (size_t)size, 0);
}

static uint64_t digest_table(uint64_t digest, const struct postgres_publication_table *table)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%u %u\n", table->oid, table->membership_oid);

	return XXH64(text, (size_t)size, digest);
}

static bool is_wanted(uint32_t oid, const uint32_t *oids, uint32_t oids_count)
{
	uint32_t i;

	for (i = 0; i < oids_count; i++) {
		if (oids[i] == oid)
			return true;
	}
	return false;
}

const char *postgres_publication_digest(const struct postgres_publication_facts *publication, const uint32_t *table_oids,
                                        uint32_t table_oids_count, char text[POSTGRES_DIGEST_SIZE])
{
	uint64_t digest;
	uint32_t i;

	text[0] = '\0';
	if (!publication->exists)
		return text;
	digest = digest_publication(publication);
	/* A sum, so that their order does not matter: the tables come in that of their names, which may change. */
	for (i = 0; i < publication->tables_count; i++) {
		if (is_wanted(publication->tables[i].oid, table_oids, table_oids_count))
			digest += digest_table(0, &publication->tables[i]);
	}
	snprintf(text, POSTGRES_DIGEST_SIZE, "%016" PRIx64, digest);
	return text;
}

static int digest_all(struct postgres_facts *facts, struct error *error)
{
	struct postgres_publication_facts *publication = &facts->publication;
	uint64_t digest;
	uint32_t i;

	if (!publication->exists)
		return 0;
	digest = digest_publication(publication);
	for (i = 0; i < publication->tables_count; i++)
		digest = digest_table(digest, &publication->tables[i]);
	publication->digest = arena_printf(&facts->arena, "%016" PRIx64, digest);
	return publication->digest ? 0 : full(error);
}

static const struct sequence_step steps[] = {
        {.sql = sql_server, .take = take_server},
        {.sql = sql_system, .take = take_system, .optional = true},
        {.sql = sql_role, .take = take_role},
        {.sql = sql_slot, .take = take_slot, .params_first = 0, .params_count = 1},
        {.sql = sql_publication, .take = take_publication, .params_first = 1, .params_count = 1},
        {.sql = sql_publication_tables, .take = take_publication_tables, .params_first = 1, .params_count = 1},
};

static void on_read(void *user, const struct error *error)
{
	struct facts_reader *reader = user;
	struct facts_reader copy = *reader;
	struct error full_error;

	free(reader);
	if (!error && digest_all(copy.facts, &full_error))
		error = &full_error;
	copy.on_done(copy.user, error);
}

int postgres_facts_read(struct postgres_connection *connection, const char *slot, const char *publication,
                        struct postgres_facts *facts, postgres_done_fn *on_done, void *user, struct error *error)
{
	struct facts_reader *reader = calloc(1, sizeof(*reader));
	struct sequence sequence = {
	        .steps = steps,
	        .steps_count = sizeof(steps) / sizeof(steps[0]),
	        .context = reader,
	        .on_done = on_read,
	        .user = reader,
	};
	int rc;

	*facts = (struct postgres_facts){0};
	facts->slot.retained_bytes = -1;
	facts->slot.safe_wal_size = -1;
	arena_init(&facts->arena, FACTS_SIZE_MAX);
	if (!reader)
		return error_set(error, ERR_NOMEM, "no memory to read the server's facts");
	facts->slot.name = slot ? arena_strdup(&facts->arena, slot) : NULL;
	facts->publication.name = publication ? arena_strdup(&facts->arena, publication) : NULL;
	*reader = (struct facts_reader){
	        .facts = facts,
	        .slot = facts->slot.name,
	        .publication = facts->publication.name,
	        .on_done = on_done,
	        .user = user,
	};
	sequence.params[0] = reader->slot;
	sequence.params[1] = reader->publication;
	rc = sequence_run(connection, &sequence, error);
	if (rc)
		free(reader);
	return rc;
}

const char postgres_may_use_origin_sql[] =
        "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_oid(text)', 'EXECUTE') "
        "AND pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_create(text)', 'EXECUTE') "
        "AND pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_session_setup(text)', 'EXECUTE') "
        "AND pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_session_reset()', 'EXECUTE')";
