#include "sync/pipeline.h"

#include "graph/schema.h"
#include "mapping/condition.h"
#include "mapping/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_OF_VIA_ROOT 130000
#define SQL_SIZE_MAX ((size_t)4 * 1024 * 1024)
/* Neo4j 5.7 brought relationship uniqueness constraints; Bolt 5.1 came with 5.5, 5.2 with 5.7. */
#define BOLT_MINOR_OF_RELATIONSHIP_CONSTRAINTS 2

static int apply__schema(struct session_graph *graph, const struct plan *plan, struct graph_schema *schema, struct error *error)
{
	struct bolt_version version = bolt_connection_version(graph->connection);
	bool constraints = version.major > 5 || (version.major == 5 && version.minor >= BOLT_MINOR_OF_RELATIONSHIP_CONSTRAINTS);
	int rc = graph_schema_make(plan, constraints, schema);

	return rc < 0 ? error_set(error, (enum error_code)rc, "no memory for the graph's constraints") : 0;
}

struct drops {
	const struct graph_schema *schema;
	const struct descriptions *before;
	struct buffer statements; /* each with a NUL behind it */
};

static void apply__on_index(void *user, const struct bolt_record *record)
{
	struct drops *drops = user;
	size_t size = drops->statements.size;

	graph_schema_drop(drops->schema, drops->before, record->values, record->count, &drops->statements);
	if (drops->statements.size > size)
		buffer_append_byte(&drops->statements, 0);
}

/* See graph_schema_drop. */
static int apply__drop(struct session_graph *graph, const struct graph_schema *schema, const struct descriptions *before,
                       const struct log *log, struct error *error)
{
	struct drops drops = {.schema = schema, .before = before};
	size_t at = 0;
	int rc;

	buffer_init(&drops.statements, SQL_SIZE_MAX);
	rc = session_graph_run(graph, graph_schema_list, NULL, apply__on_index, &drops, error);
	if (rc == 0 && drops.statements.failed)
		rc = error_set(error, ERR_NOMEM, "no memory for the graph's constraints");
	while (rc == 0 && at < drops.statements.size) {
		const char *statement = drops.statements.data + at;

		log_event(log, LOG_DEBUG, "Neo4j: %s", statement);
		rc = session_graph_run(graph, statement, NULL, NULL, NULL, error);
		at += strlen(statement) + 1;
	}
	buffer_free(&drops.statements);
	return rc;
}

static int apply__constraints(struct session_graph *graph, const struct plan *plan, const struct log *log, struct error *error)
{
	struct graph_schema schema = {0};
	int rc = apply__schema(graph, plan, &schema, error);

	if (rc == 0)
		rc = session_graph_run(graph, graph_checkpoint_constraint, NULL, NULL, NULL, error);
	if (rc == 0)
		rc = apply__drop(graph, &schema, NULL, log, error);
	for (uint32_t i = 0; i < schema.count && rc == 0; i++) {
		rc = session_graph_run(graph, schema.items[i].statement, NULL, NULL, NULL, error);
		if (rc < 0)
			error_prefix(error, "constraint %s", schema.items[i].words);
		else
			log_event(log, LOG_DEBUG, "Neo4j: %s", schema.items[i].words);
	}
	if (rc == 0)
		rc = session_graph_run(graph, "CALL db.awaitIndexes(300)", NULL, NULL, NULL, error);
	arena_free(&schema.arena);
	return rc;
}

static bool apply__covers(const struct postgres_publication_facts *publication, uint32_t oid)
{
	for (uint32_t i = 0; i < publication->tables_count; i++)
		if (publication->tables[i].oid == oid)
			return true;
	return false;
}

static bool apply__publishes_column(const struct postgres_publication_table *published, int16_t attnum)
{
	for (uint32_t i = 0; i < published->attnums_count; i++)
		if (published->attnums[i] == attnum)
			return true;
	return !published->attnums;
}

/* What of the table the publication leaves out, in words; NULL: nothing. */
static const char *apply__left_out(const struct postgres_publication_facts *publication, const struct plan_table *table)
{
	for (uint32_t i = 0; i < publication->tables_count; i++) {
		const struct postgres_publication_table *published = &publication->tables[i];

		if (published->oid != table->oid)
			continue;
		if (published->row_filter && !table->where_published)
			return "rows, by a row filter";
		for (uint32_t c = 0; c < table->columns_count; c++)
			if (!apply__publishes_column(published, table->columns[c].attnum))
				return "mapped columns, by a column list";
	}
	return NULL;
}

/* Whether columns are published that the mapping keeps back; or, where it is ours to say, a list that nobody needs any more. */
static bool apply__lists_other_columns(const struct postgres_publication_facts *publication, const struct plan_table *table,
                                       bool managed)
{
	for (uint32_t i = 0; i < publication->tables_count; i++) {
		const struct postgres_publication_table *published = &publication->tables[i];
		uint32_t wanted = 0;

		if (published->oid != table->oid)
			continue;
		if (!table->published)
			return managed && published->attnums;
		for (uint32_t c = 0; c < table->published_count; c++)
			wanted += published->attnums && apply__publishes_column(published, table->published[c].attnum);
		return !published->attnums || published->attnums_count > wanted;
	}
	return false;
}

/* ", ONLY schema.table": without ONLY PostgreSQL adds every table that inherits from it, and refuses their UPDATEs where they
 * have no key. */
static void apply__table_sql(struct buffer *sql, const struct plan_table *table, bool first)
{
	buffer_append_text(sql, first ? "" : ", ");
	buffer_append_text(sql, table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(sql, table->schema, table->name);
	for (uint32_t i = 0; i < table->published_count; i++) {
		buffer_append_text(sql, i ? ", " : " (");
		sql_quote_identifier(sql, table->published[i].name);
	}
	buffer_append_text(sql, table->published ? ")" : "");
	if (!table->where_published)
		return;
	buffer_append_text(sql, " WHERE (");
	condition_sql(sql, table->where, table, NULL);
	buffer_append_byte(sql, ')');
}

static void apply__tables_sql(struct buffer *sql, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->tables_count; i++)
		apply__table_sql(sql, &plan->tables[i], i == 0);
}

void pipeline__publication_sql(struct buffer *sql, const struct mapping_settings *settings, const struct plan *plan,
                               bool exists, int server_version_num)
{
	buffer_append_text(sql, exists ? "ALTER PUBLICATION " : "CREATE PUBLICATION ");
	sql_quote_identifier(sql, settings->publication);
	buffer_append_text(sql, exists ? " SET TABLE " : " FOR TABLE ");
	apply__tables_sql(sql, plan);
	if (!exists && server_version_num >= VERSION_OF_VIA_ROOT)
		buffer_append_text(sql, " WITH (publish_via_partition_root = true)");
}

static bool apply__covers_tables(const struct postgres_publication_facts *publication, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->tables_count; i++)
		if (!apply__covers(publication, plan->tables[i].oid))
			return false;
	return true;
}

/* PostgreSQL alone can say whether two row filters are the same: to set one that is there already changes nothing. */
static bool apply__filters(const struct postgres_publication_facts *publication, const struct plan *plan)
{
	bool any = false;

	for (uint32_t i = 0; i < publication->tables_count; i++)
		any |= publication->tables[i].row_filter != NULL;
	for (uint32_t i = 0; i < plan->tables_count; i++)
		any |= plan->tables[i].where_published;
	return any;
}

static bool apply__covers_all(const struct postgres_publication_facts *publication, const struct mapping_settings *settings,
                              const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->tables_count; i++)
		if (apply__left_out(publication, &plan->tables[i]) ||
		    apply__lists_other_columns(publication, &plan->tables[i], settings->publication_managed))
			return false;
	return apply__covers_tables(publication, plan) && publication->inserts && publication->updates &&
	       publication->deletes && publication->truncates &&
	       !(settings->publication_managed && apply__filters(publication, plan));
}

/* The plan's tables, and behind them those that are published by name besides. What is there already stays as it is. */
static void apply__add_tables_sql(struct buffer *sql, const struct mapping_settings *settings, const struct plan *plan,
                                  const struct postgres_publication_facts *publication)
{
	buffer_append_text(sql, "ALTER PUBLICATION ");
	sql_quote_identifier(sql, settings->publication);
	buffer_append_text(sql, " SET TABLE ");
	apply__tables_sql(sql, plan);
	for (uint32_t i = 0; i < publication->tables_count; i++) {
		const struct postgres_publication_table *table = &publication->tables[i];

		if (!table->membership_oid || plan_table_by_oid(plan, table->oid) >= 0)
			continue;
		buffer_append_text(sql, ", ONLY ");
		sql_quote_qualified(sql, table->schema, table->name);
		if (table->row_filter)
			buffer_printf(sql, " WHERE (%s)", table->row_filter);
	}
}

/*
 * Made where it is not there, widened where it lacks a table; only_more: what it has beyond the plan stays. An administrator's
 * is only looked at.
 */
static int apply__publication(struct session_postgres *sql, const struct mapping_settings *settings, const struct plan *plan,
                              bool only_more, const struct log *log, struct error *error)
{
	struct postgres_facts facts = {0};
	struct buffer text;
	int rc = session_postgres_facts(sql, settings, &facts, error);
	bool exists = facts.publication.exists;

	buffer_init(&text, SQL_SIZE_MAX);
	if (rc < 0 || (exists && apply__covers_all(&facts.publication, settings, plan)))
		goto out;
	if (!settings->publication_managed) {
		rc = error_set(error, ERR_STATE, "publication %s %s", settings->publication,
		               exists ? "does not publish just what the mapping needs" : "does not exist");
		error_hint(error,
		           "the mapping says that an administrator keeps it: ask for CREATE PUBLICATION or ALTER PUBLICATION");
		goto out;
	}
	if (exists && only_more)
		apply__add_tables_sql(&text, settings, plan, &facts.publication);
	else
		pipeline__publication_sql(&text, settings, plan, exists, facts.server.version_num);
	rc = session_postgres_query(sql, buffer_text(&text), NULL, 0, NULL, NULL, error);
	if (rc < 0)
		error_prefix(error, "publication %s", settings->publication);
	else
		log_event(log, LOG_INFO, "publication %s %s for %u tables", settings->publication, exists ? "altered" : "made",
		          plan->tables_count);
out:
	buffer_free(&text);
	arena_free(&facts.arena);
	return rc;
}

int pipeline__apply(struct session_graph *graph, struct session_postgres *sql, const struct mapping_settings *settings,
                    const struct plan *plan, const struct log *log, struct error *error)
{
	int rc = apply__publication(sql, settings, plan, false, log, error);

	return rc < 0 ? rc : apply__constraints(graph, plan, log, error);
}

int pipeline__apply_more(struct session_graph *graph, struct session_postgres *sql, const struct mapping_settings *settings,
                         const struct plan *plan, const struct log *log, struct error *error)
{
	int rc = apply__publication(sql, settings, plan, true, log, error);

	return rc < 0 ? rc : apply__constraints(graph, plan, log, error);
}

static bool apply__was_mapped(const struct descriptions *before, uint32_t oid)
{
	for (uint32_t i = 0; i < before->count; i++) {
		const struct description *description = &before->items[i];

		for (uint32_t j = 0; j < description->nodes_count; j++)
			if (description->nodes[j].table.oid == oid)
				return true;
		for (uint32_t j = 0; j < description->edges_count; j++)
			if (description->edges[j].table.oid == oid)
				return true;
	}
	return false;
}

int pipeline__drop_tables(struct pipeline *pipeline, const struct descriptions *before, struct error *error)
{
	const struct postgres_publication_facts *publication = &pipeline->facts.publication;
	struct buffer text;
	uint32_t count = 0;
	int rc = pipeline__read_facts(pipeline, error);

	buffer_init(&text, SQL_SIZE_MAX);
	buffer_append_text(&text, "ALTER PUBLICATION ");
	sql_quote_identifier(&text, pipeline->settings->publication);
	buffer_append_text(&text, " DROP TABLE ");
	for (uint32_t i = 0; rc == 0 && pipeline->settings->publication_managed && i < publication->tables_count; i++) {
		const struct postgres_publication_table *table = &publication->tables[i];

		if (plan_table_by_oid(pipeline->plan, table->oid) >= 0 || !table->membership_oid ||
		    !apply__was_mapped(before, table->oid))
			continue;
		buffer_append_text(&text, count++ ? ", ONLY " : "ONLY ");
		sql_quote_qualified(&text, table->schema, table->name);
	}
	if (rc == 0 && count)
		rc = session_postgres_query(&pipeline->sql, buffer_text(&text), NULL, 0, NULL, NULL, error);
	buffer_free(&text);
	return rc;
}

int pipeline__drop_constraints(struct pipeline *pipeline, const struct descriptions *before, struct error *error)
{
	struct graph_schema schema = {0};
	int rc = apply__schema(&pipeline->graph, pipeline->plan, &schema, error);

	if (rc == 0)
		rc = apply__drop(&pipeline->graph, &schema, before, pipeline->log, error);
	arena_free(&schema.arena);
	return rc;
}

/* ---- do slot and publication still belong to the checkpoint? ---- */

int pipeline__publication_digest(const struct postgres_publication_facts *publication, const struct plan *plan,
                                 char digest[POSTGRES_DIGEST_SIZE], struct error *error)
{
	uint32_t *oids = calloc((size_t)plan->tables_count + 1, sizeof(*oids));

	if (!oids)
		return error_set(error, ERR_NOMEM, "no memory for the publication's tables");
	for (uint32_t i = 0; i < plan->tables_count; i++)
		oids[i] = plan->tables[i].oid;
	postgres_publication_digest(publication, oids, plan->tables_count, digest);
	free(oids);
	return 0;
}

static int sources__slot(const struct postgres_slot_facts *slot, const struct mapping_settings *settings,
                         const struct graph_checkpoint *checkpoint, struct error *error)
{
	char graph[LSN_TEXT_SIZE], server[LSN_TEXT_SIZE];

	if (!slot->exists)
		error_set(error, ERR_STATE, "slot %s is gone: changes since %s are lost to this pipeline", settings->slot,
		          lsn_print(checkpoint->position.lsn, graph));
	else if (slot->wal_status && strcmp(slot->wal_status, "lost") == 0)
		error_set(error, ERR_STATE, "slot %s was invalidated by the server: the WAL that it needs is gone",
		          settings->slot);
	else if (!slot->logical || !slot->plugin || strcmp(slot->plugin, "pgoutput") != 0 || !slot->own_database)
		error_set(error, ERR_STATE, "slot %s is not a logical pgoutput slot of this database", settings->slot);
	else if (slot->confirmed_flush_lsn > checkpoint->position.lsn)
		error_set(
		        error, ERR_STATE,
		        "the graph is at %s, but slot %s was confirmed up to %s: the graph is older than it was (restored from "
		        "a backup?), or another program has read from the slot",
		        lsn_print(checkpoint->position.lsn, graph), settings->slot,
		        lsn_print(slot->confirmed_flush_lsn, server));
	else
		return 0;
	error_hint(error, "load everything anew: pgweave run --resnapshot");
	return ERR_STATE;
}

static int sources__publication(const struct postgres_publication_facts *publication, const struct plan *plan,
                                const struct mapping_settings *settings, const struct graph_checkpoint *checkpoint,
                                struct error *error)
{
	char digest[POSTGRES_DIGEST_SIZE];
	int rc;

	if (!publication->exists) {
		error_set(error, ERR_STATE, "publication %s is gone: changes made without it are lost to this pipeline",
		          settings->publication);
		error_hint(error, "pgweave apply makes it; then load what was missed: pgweave run --resnapshot");
		return ERR_STATE;
	}
	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const char *left_out = apply__left_out(publication, &plan->tables[i]);

		if (left_out) {
			error_set(error, ERR_STATE,
			          "publication %s leaves out of table %s.%s %s: they are lost to this pipeline",
			          settings->publication, plan->tables[i].schema, plan->tables[i].name, left_out);
			error_hint(error,
			           "pgweave apply publishes all of it; then load what was missed: pgweave run --resnapshot");
			return ERR_STATE;
		}
		if (apply__covers(publication, plan->tables[i].oid))
			continue;
		error_set(error, ERR_STATE,
		          "publication %s does not publish table %s.%s (any more): its changes are lost to this "
		          "pipeline",
		          settings->publication, plan->tables[i].schema, plan->tables[i].name);
		error_hint(error, "pgweave apply adds it; then load what was missed: pgweave run --resnapshot");
		return ERR_STATE;
	}
	if (!publication->inserts || !publication->updates || !publication->deletes || !publication->truncates) {
		error_set(error, ERR_STATE, "publication %s does not publish all of insert, update, delete, truncate",
		          settings->publication);
		error_hint(error,
		           "ALTER PUBLICATION \"%s\" SET (publish = 'insert, update, delete, truncate'); then: pgweave run "
		           "--resnapshot",
		           settings->publication);
		return ERR_STATE;
	}
	rc = pipeline__publication_digest(publication, plan, digest, error);
	if (rc < 0 || !checkpoint->publication_digest[0] || strcmp(digest, checkpoint->publication_digest) == 0)
		return rc;
	error_set(error, ERR_STATE,
	          "publication %s was altered since the graph was made from it: a table left it for a while, or is "
	          "new; changes may be missing",
	          settings->publication);
	error_hint(error, "load what was missed: pgweave run --resnapshot");
	return ERR_STATE;
}

int pipeline__check_slot(const struct postgres_facts *facts, const struct mapping_settings *settings,
                         const struct graph_checkpoint *checkpoint, struct error *error)
{
	return sources__slot(&facts->slot, settings, checkpoint, error);
}

int pipeline__check_sources(const struct postgres_facts *facts, const struct plan *plan,
                            const struct mapping_settings *settings, const struct graph_checkpoint *checkpoint,
                            struct error *error)
{
	int rc = sources__slot(&facts->slot, settings, checkpoint, error);

	if (rc == 0) {
		rc = sources__publication(&facts->publication, plan, settings, checkpoint, error);
		if (rc < 0)
			snprintf(error->origin, sizeof(error->origin), PIPELINE_ORIGIN_GAP);
	}
	return rc;
}
