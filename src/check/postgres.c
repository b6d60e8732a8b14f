#include "check/room.h"

#include "mapping/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION_MIN 100000
#define VERSION_TESTED_MAX 189999
#define CLOCK_SKEW_WARN_S 5
#define TABLE_SIZE_MAX 256
#define STATEMENT_SIZE_MAX ((size_t)1024)
/* So many tables are named one by one. */
#define BLIND_SHOWN 5

static void postgres__version(struct check *check, const struct postgres_server_facts *server)
{
	if (server->version_num < VERSION_MIN)
		check__add(check, CHECK_ERROR, NULL, "PostgreSQL",
		           "version %s is older than 10, the first with logical replication", server->version);
	else if (server->version_num > VERSION_TESTED_MAX)
		check__add(check, CHECK_WARNING, NULL, "PostgreSQL",
		           "version %s is newer than those that pgweave was tested with", server->version);
	else
		check__add(check, CHECK_OK, NULL, "PostgreSQL", "version %s", server->version);
	if (server->in_recovery)
		check__add(check, CHECK_ERROR, "connect to the primary", "PostgreSQL",
		           "this server is a standby; slots and publications are made on the primary");
	if (strcmp(server->server_encoding, "SQL_ASCII") == 0)
		check__add(check, CHECK_WARNING, NULL, "PostgreSQL",
		           "the database's encoding is SQL_ASCII: text that is not valid UTF-8 cannot be carried over");
}

static void postgres__wal(struct check *check, const struct postgres_facts *facts)
{
	const struct postgres_server_facts *server = &facts->server;
	int32_t slots = server->max_replication_slots - server->replication_slots_used;
	int32_t senders = server->max_wal_senders - server->wal_senders_used;

	if (strcmp(server->wal_level, "logical") != 0)
		check__add(check, CHECK_ERROR, "ALTER SYSTEM SET wal_level = logical; then restart PostgreSQL", "PostgreSQL",
		           "wal_level is %s; logical replication needs logical", server->wal_level);
	else
		check__add(check, CHECK_OK, NULL, "PostgreSQL", "wal_level is logical");
	if (facts->slot.exists || slots > 0)
		check__add(check, CHECK_OK, NULL, "PostgreSQL", "%d of %d replication slots are free", slots,
		           server->max_replication_slots);
	else
		check__add(check, CHECK_ERROR, "ALTER SYSTEM SET max_replication_slots = 20; then restart PostgreSQL",
		           "PostgreSQL", "all %d replication slots are used", server->max_replication_slots);
	if (senders < 1 && !facts->slot.active)
		check__add(check, CHECK_ERROR, "ALTER SYSTEM SET max_wal_senders = 20; then restart PostgreSQL", "PostgreSQL",
		           "all %d WAL senders are used", server->max_wal_senders);
	if (server->max_slot_wal_keep_size < 0)
		check__add(check, CHECK_WARNING, "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf()",
		           "PostgreSQL",
		           "max_slot_wal_keep_size is unlimited: while the graph is away, WAL is kept until the disk is full");
}

static void postgres__clock(struct check *check, const struct postgres_server_facts *server)
{
	long long skew = llabs((long long)time(NULL) - (long long)(server->clock_us / 1000000));

	if (skew > CLOCK_SKEW_WARN_S)
		check__add(check, CHECK_WARNING, "synchronise the clocks (NTP)", "clock",
		           "this machine and PostgreSQL differ by %lld s: reported lags are wrong by that much", skew);
	else
		check__add(check, CHECK_OK, NULL, "clock", "this machine and PostgreSQL agree");
}

static bool postgres__is_remote(const char *url)
{
	return !strstr(url, "127.0.0.1") && !strstr(url, "localhost") && !strstr(url, "[::1]") && !strstr(url, "host=/");
}

static void postgres__mend_role(struct check *check, const char *role, const char *after)
{
	struct buffer statement;

	buffer_init(&statement, STATEMENT_SIZE_MAX);
	buffer_append_text(&statement, "ALTER ROLE ");
	sql_quote_identifier(&statement, role);
	buffer_append_text(&statement, after);
	check__mend(check, "%s", buffer_text(&statement));
	buffer_free(&statement);
}

static void postgres__role(struct check *check, const struct postgres_facts *facts, const struct mapping_settings *settings)
{
	const struct postgres_role_facts *role = &facts->role;

	if (role->replication || role->superuser) {
		check__add(check, CHECK_OK, NULL, "role", "%s may use replication", role->name);
	} else {
		check__add(check, CHECK_ERROR, NULL, "role", "%s has no REPLICATION attribute", role->name);
		postgres__mend_role(check, role->name, " REPLICATION");
	}
	if (settings->publication_managed && !facts->publication.exists && !role->can_create_in_database && !role->superuser) {
		check__add(check, CHECK_ERROR, NULL, "role", "%s may not make a publication in database %s", role->name,
		           role->database);
		check__mend(check, "GRANT CREATE ON DATABASE \"%s\" TO \"%s\"", role->database, role->name);
	}
	if (settings->publication_managed && facts->publication.exists && !facts->publication.owned)
		check__add(check, CHECK_WARNING, NULL, "role", "%s does not own publication %s, so it cannot alter it",
		           role->name, settings->publication);
	if (!facts->server.ssl && postgres__is_remote(settings->postgres_url))
		check__add(check, CHECK_WARNING, "add sslmode=verify-full to postgres.url", "TLS",
		           "the connection to PostgreSQL is not encrypted");
}

static void postgres__slot(struct check *check, const struct postgres_slot_facts *slot, const struct mapping_settings *settings)
{
	if (!slot->exists)
		check__add(check, CHECK_OK, NULL, "slot", "%s does not exist yet; run makes it with its snapshot",
		           settings->slot);
	else if (slot->wal_status && strcmp(slot->wal_status, "lost") == 0)
		check__add(check, CHECK_ERROR, "pgweave run --resnapshot", "slot", "%s was invalidated: its WAL is gone",
		           settings->slot);
	else if (!slot->own_database || !slot->plugin || strcmp(slot->plugin, "pgoutput") != 0)
		check__add(check, CHECK_ERROR, "set stream.slot to another name", "slot",
		           "%s is not a pgoutput slot of this database", settings->slot);
	else if (slot->active)
		check__add(check, CHECK_OK, NULL, "slot", "%s is in use by server process %d", settings->slot,
		           slot->active_pid);
	else
		check__add(check, CHECK_OK, NULL, "slot", "%s exists and is free; it holds back %lld MiB of WAL",
		           settings->slot, (long long)(slot->retained_bytes >> 20));
	if (slot->exists && slot->retained_bytes > 0 && (uint64_t)slot->retained_bytes > settings->wal_retained_warn)
		check__add(check, CHECK_WARNING, "start pgweave run, or drop the slot", "slot", "%s holds back %lld MiB of WAL",
		           settings->slot, (long long)(slot->retained_bytes >> 20));
}

static bool postgres__publishes(const struct postgres_publication_facts *publication, uint32_t oid)
{
	for (uint32_t i = 0; i < publication->tables_count; i++)
		if (publication->tables[i].oid == oid)
			return true;
	return false;
}

/* Whether the table is mapped, and the row filter is not the mapping's own. */
static bool postgres__is_filtered(const struct plan *plan, const struct postgres_publication_table *published)
{
	int64_t table = plan && published->row_filter ? plan_table_by_oid(plan, published->oid) : -1;

	return table >= 0 && !plan->tables[table].where_published;
}

static void postgres__publication(struct check *check, const struct postgres_publication_facts *publication,
                                  const struct mapping_settings *settings, const struct plan *plan)
{
	bool managed = settings->publication_managed;
	uint32_t missing = 0;

	if (!publication->exists) {
		check__add(check, managed ? CHECK_OK : CHECK_ERROR, managed ? NULL : "have an administrator make it",
		           "publication", "%s does not exist%s", settings->publication,
		           managed ? " yet; apply or run makes it" : "");
		return;
	}
	for (uint32_t i = 0; plan && i < plan->tables_count; i++) {
		if (postgres__publishes(publication, plan->tables[i].oid))
			continue;
		missing++;
		check__add(check, CHECK_ERROR, "pgweave apply, then pgweave run --resnapshot", "publication",
		           "%s does not publish %s.%s", settings->publication, plan->tables[i].schema, plan->tables[i].name);
	}
	if (!publication->inserts || !publication->updates || !publication->deletes || !publication->truncates) {
		check__add(check, CHECK_ERROR, NULL, "publication",
		           "%s does not publish all of insert, update, delete, truncate", settings->publication);
		check__mend(check, "ALTER PUBLICATION \"%s\" SET (publish = 'insert, update, delete, truncate')",
		            settings->publication);
	}
	for (uint32_t i = 0; i < publication->tables_count; i++)
		if (postgres__is_filtered(plan, &publication->tables[i]))
			check__add(check, CHECK_ERROR, "pgweave apply, then pgweave run --resnapshot", "publication",
			           "%s publishes %s.%s with a row filter (%s), which the mapping does not know",
			           settings->publication, publication->tables[i].schema, publication->tables[i].name,
			           publication->tables[i].row_filter);
	if (!missing)
		check__add(check, CHECK_OK, NULL, "publication", "%s publishes all mapped tables", settings->publication);
}

void check__postgres(struct check *check, const struct postgres_facts *facts, const struct mapping_settings *settings,
                     const struct plan *plan)
{
	postgres__version(check, &facts->server);
	postgres__wal(check, facts);
	postgres__clock(check, &facts->server);
	postgres__role(check, facts, settings);
	postgres__slot(check, &facts->slot, settings);
	postgres__publication(check, &facts->publication, settings, plan);
}

/* A statement about the table just spoken of, with a name at its end or none. */
static void postgres__mend(struct check *check, const char *before, const struct catalog_table *table, const char *after,
                           const char *name)
{
	struct buffer statement;

	buffer_init(&statement, STATEMENT_SIZE_MAX);
	buffer_append_text(&statement, before);
	sql_quote_qualified(&statement, table->schema, table->name);
	buffer_append_text(&statement, after);
	if (name)
		sql_quote_identifier(&statement, name);
	check__mend(check, "%s", buffer_text(&statement));
	buffer_free(&statement);
}

/* Values that PostgreSQL may store apart, and then does not send with an UPDATE that leaves them alone. */
static bool postgres__column_may_be_large(const struct plan_table *table, uint32_t column)
{
	const struct type *type = &table->columns[column].type;

	if (column < table->key_count)
		return false;
	return type->array || type->kind == TYPE_TEXT || type->kind == TYPE_JSON || type->kind == TYPE_BYTEA ||
	       type->kind == TYPE_GEOMETRY || type->kind == TYPE_VECTOR || type->kind == TYPE_UNSUPPORTED;
}

static bool postgres__may_be_large(const struct plan_table *table)
{
	for (uint32_t i = table->key_count; i < table->columns_count; i++)
		if (postgres__column_may_be_large(table, i))
			return true;
	return false;
}

static bool postgres__rows_come_back(const struct plan_table *table)
{
	bool any = table->node && table->node->where;

	for (uint32_t i = 0; i < table->edges_count; i++)
		any |= table->edges[i]->where != NULL;
	return any;
}

static void postgres__conditions(struct check *check, const struct catalog_table *table, const struct plan_table *planned)
{
	char object[TABLE_SIZE_MAX];

	if (table->replica_identity == 'f' || !postgres__rows_come_back(planned) || !postgres__may_be_large(planned))
		return;
	snprintf(object, sizeof(object), "table %s.%s", table->schema, table->name);
	check__add(check, CHECK_WARNING, NULL, object,
	           "a row that an UPDATE brings back into \"where\" becomes a dead letter if it has values over 2 kB, which "
	           "PostgreSQL does not send along");
	postgres__mend(check, "ALTER TABLE ", table, " REPLICA IDENTITY FULL", NULL);
}

/* Whether an UPDATE may bring only some of what a property is made of. */
static bool postgres__may_lack_parts(const struct plan_table *table, const struct concatenation *parts)
{
	uint32_t changing = 0, large = 0;

	for (uint32_t i = 0; i < parts->count; i++) {
		changing += parts->columns[i] >= table->key_count;
		large += postgres__column_may_be_large(table, parts->columns[i]);
	}
	return large && changing > 1;
}

static const char *postgres__first_concatenation(const struct plan_table *table, const struct plan_property *properties,
                                                 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (properties[i].concatenation && postgres__may_lack_parts(table, properties[i].concatenation))
			return properties[i].name;
	return NULL;
}

static void postgres__concatenations(struct check *check, const struct catalog_table *table, const struct plan_table *planned)
{
	const struct plan_node *node = planned->node;
	const char *name = node ? postgres__first_concatenation(planned, node->properties, node->properties_count) : NULL;
	char object[TABLE_SIZE_MAX];

	for (uint32_t i = 0; i < planned->edges_count && !name; i++)
		name = postgres__first_concatenation(planned, planned->edges[i]->properties,
		                                     planned->edges[i]->properties_count);
	if (table->replica_identity == 'f' || !name)
		return;
	snprintf(object, sizeof(object), "table %s.%s", table->schema, table->name);
	check__add(check, CHECK_WARNING, NULL, object,
	           "an UPDATE of a row that has values over 2 kB among those that \"%s\" is made of becomes a dead letter: "
	           "PostgreSQL sends such values only when they change",
	           name);
	postgres__mend(check, "ALTER TABLE ", table, " REPLICA IDENTITY FULL", NULL);
}

static void postgres__table(struct check *check, const struct catalog_table *table, const struct postgres_role_facts *role,
                            bool publish)
{
	char object[TABLE_SIZE_MAX];

	snprintf(object, sizeof(object), "table %s.%s", table->schema, table->name);
	if (!table->can_select) {
		check__add(check, CHECK_ERROR, NULL, object, "%s may not read it", role->name);
		postgres__mend(check, "GRANT SELECT ON ", table, " TO ", role->name);
	}
	if (publish && !table->owned && !role->superuser)
		check__add(check, CHECK_ERROR,
		           "have its owner, or a superuser, make the publication; then stream.managed: false", object,
		           "%s does not own it, so it cannot publish it", role->name);
	if (table->row_security && !role->bypass_rls && !role->superuser) {
		check__add(check, CHECK_ERROR, NULL, object, "row security hides rows from %s: the snapshot would lack them",
		           role->name);
		postgres__mend_role(check, role->name, " BYPASSRLS");
	}
	if (table->unlogged) {
		check__add(check, CHECK_ERROR, NULL, object, "it is unlogged: its changes are not in the WAL");
		postgres__mend(check, "ALTER TABLE ", table, " SET LOGGED", NULL);
	}
	if (table->replica_identity == 'f')
		check__add(check, CHECK_OK, NULL, object,
		           "REPLICA IDENTITY FULL: more WAL than pgweave needs, which finds its way with the key");
}

/* Of a database just restored no table was ever analysed: that is one thing to know, not hundreds. */
static void postgres__analysed(struct check *check, const struct catalog *catalog, const struct plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->tables_count; i++)
		count += plan->tables[i].rows_estimate < 0;
	if (count > BLIND_SHOWN)
		check__add(check, CHECK_WARNING, "ANALYZE", "tables",
		           "%u of %u were never analysed, so progress and estimates are blind", count, plan->tables_count);
	for (uint32_t i = 0; count <= BLIND_SHOWN && i < plan->tables_count; i++) {
		const struct catalog_table *table = catalog_table_by_oid(catalog, plan->tables[i].oid);
		char object[TABLE_SIZE_MAX];

		if (!table || plan->tables[i].rows_estimate >= 0)
			continue;
		snprintf(object, sizeof(object), "table %s.%s", table->schema, table->name);
		check__add(check, CHECK_WARNING, NULL, object, "it was never analysed, so progress and estimates are blind");
		postgres__mend(check, "ANALYZE ", table, "", NULL);
	}
}

void check__tables(struct check *check, const struct catalog *catalog, const struct plan *plan,
                   const struct postgres_role_facts *role, const struct mapping_settings *settings,
                   const struct postgres_publication_facts *publication)
{
	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct catalog_table *table = catalog_table_by_oid(catalog, plan->tables[i].oid);
		bool publish = settings->publication_managed && !postgres__publishes(publication, plan->tables[i].oid);

		if (!table)
			continue;
		postgres__table(check, table, role, publish);
		postgres__conditions(check, table, &plan->tables[i]);
		postgres__concatenations(check, table, &plan->tables[i]);
	}
	postgres__analysed(check, catalog, plan);
	for (uint32_t i = 0; i < plan->left_out_count; i++)
		check__add(check, CHECK_WARNING, "add the column again, or take the property out of the mapping", "mapping",
		           "left out: %s", plan->left_out[i]);
	check__add(check, CHECK_OK, NULL, "mapping", "%u tables, %u labels, %u relationship types fit the catalogue",
	           plan->tables_count, plan->nodes_count, plan->edges_count);
}
