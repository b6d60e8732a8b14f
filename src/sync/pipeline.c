#include "sync/pipeline.h"

#include "change/change.h"
#include "graph/missing.h"
#include "mapping/quote.h"
#include "session/backoff.h"
#include "sync/lock.h"

#include <string.h>

/* With more tables than that the rest is planned as it comes. */
#define WARM_STATEMENTS_MAX 200
#define PARAMS_SIZE_MAX ((size_t)64 * 1024)
/* So many sessions end one after the other to look at the tables anew before one has to wait. */
#define ALTERED_IN_A_ROW_MAX 3
#define BATCH_SIZE_FACTOR 5
#define BATCH_SIZE_EXTRA ((size_t)4 * 1024 * 1024)

/* ---- the checkpoint ---- */

static void pipeline__on_checkpoint(void *user, const struct bolt_record *record)
{
	/* what is not a checkpoint of ours reads as none, and none is never streamed from */
	if (graph_checkpoint_unpack(record->values, record->count, user) < 0)
		*(struct graph_checkpoint *)user = (struct graph_checkpoint){0};
}

int pipeline__read_checkpoint(struct session_graph *graph, const char *name, struct graph_checkpoint *checkpoint,
                              struct error *error)
{
	struct bolt_writer params;
	int rc;

	*checkpoint = (struct graph_checkpoint){.phase = GRAPH_PHASE_NONE};
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_pipeline(&params, name);
	rc = session_graph_run(graph, graph_checkpoint_read, &params, pipeline__on_checkpoint, checkpoint, error);
	bolt_writer_free(&params);
	return rc;
}

static void pipeline__on_int(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(int64_t *)user = record->values[0].integer;
}

/*
 * From here on every other writer of this pipeline is fenced off. What one that is gone had sent last may have come into the
 * graph since the checkpoint was read: it is taken from where it stands now.
 */
static int pipeline__acquire(struct pipeline *pipeline, struct error *error)
{
	const char *name = pipeline->settings->pipeline;
	struct graph_checkpoint held = {0};
	struct bolt_writer params;
	int rc;

	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_pipeline(&params, name);
	rc = session_graph_run(&pipeline->graph, graph_checkpoint_acquire, &params, pipeline__on_checkpoint, &held, error);
	bolt_writer_free(&params);
	if (rc < 0)
		return rc;
	if (held.epoch == 0)
		return error_set(error, ERR_PROTOCOL, "Neo4j gave no epoch for pipeline %s", name);
	if (!graph_checkpoint_is_same(&held, &pipeline->checkpoint)) {
		error_set_class(error, ERR_STATE, ERROR_RETRY,
		                "another process changed the checkpoint of pipeline %s while this one took over", name);
		error_hint(error, "run one pgweave per pipeline");
		return ERR_STATE;
	}
	pipeline->checkpoint = held;
	pipeline->writer.epoch = held.epoch;
	return 0;
}

int pipeline__describe(struct pipeline *pipeline, const char *mappings, struct error *error)
{
	struct bolt_writer params;
	int64_t epoch = 0;
	int rc;

	bolt_writer_init(&params, PARAMS_SIZE_MAX + DESCRIPTIONS_SIZE_MAX);
	graph_checkpoint_pack_describe(&params, pipeline->settings->pipeline, &pipeline->checkpoint, mappings);
	rc = session_graph_run(&pipeline->graph, graph_checkpoint_describe, &params, pipeline__on_int, &epoch, error);
	bolt_writer_free(&params);
	if (rc == 0 && epoch == 0)
		rc = error_set(error, ERR_FENCED, "another writer has taken over pipeline %s", pipeline->settings->pipeline);
	return rc;
}

int pipeline__describe_plan(struct pipeline *pipeline, struct error *error)
{
	const struct descriptions none = {0};
	struct buffer list;
	int rc;

	buffer_init(&list, DESCRIPTIONS_SIZE_MAX);
	rc = plan_describe_after(pipeline->plan, &none, "", &list);
	if (rc < 0)
		error_set(error, (enum error_code)rc, "no memory for the mapping's description");
	if (rc == 0)
		rc = pipeline__describe(pipeline, buffer_text(&list), error);
	if (rc == 0)
		pipeline->checkpoint.described = true;
	buffer_free(&list);
	return rc;
}

int pipeline__approve(struct session_graph *graph, const char *name, const char *digest, struct error *error)
{
	struct bolt_writer params;
	int rc;

	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_approve(&params, name, digest);
	rc = session_graph_run(graph, graph_checkpoint_approve, &params, NULL, NULL, error);
	bolt_writer_free(&params);
	return rc;
}

int pipeline__read_facts(struct pipeline *pipeline, struct error *error)
{
	arena_free(&pipeline->facts.arena);
	pipeline->facts = (struct postgres_facts){0};
	return session_postgres_facts(&pipeline->sql, pipeline->settings, &pipeline->facts, error);
}

/* ---- what a session starts with ---- */

static int pipeline__compile(struct pipeline *pipeline, struct error *error)
{
	struct catalog catalog = {0};
	int rc = session_postgres_catalog(&pipeline->sql, &catalog, error);

	if (rc == 0) {
		rc = session_compile(pipeline->mapping, &catalog, &pipeline->plan, error);
		if (rc == ERR_CATALOG)
			tables_explain(pipeline, &catalog, error);
	}
	if (rc == 0)
		rc = tables_compare(pipeline, &catalog, error);
	arena_free(&catalog.arena);
	if (rc == 0 && graph_statements_init(&pipeline->statements, pipeline->plan) < 0)
		rc = error_set(error, ERR_NOMEM, "no memory for the statements");
	return rc;
}

int pipeline__open_replication(struct pipeline *pipeline, struct error *error)
{
	int rc = session_postgres_open(&pipeline->replication, &pipeline->loop, pipeline->settings, true, error);

	return rc < 0 ? rc : lock_take(&pipeline->replication, &pipeline->sql, pipeline->settings->slot, error);
}

static int pipeline__connect(struct pipeline *pipeline, struct error *error)
{
	const struct session_graph_options options = {
	        .on_send = pipeline->options->on_send,
	        .on_send_user = pipeline->options->on_send_user,
	};
	int rc = session_postgres_open(&pipeline->sql, &pipeline->loop, pipeline->settings, false, error);

	if (rc == 0)
		rc = session_graph_open(&pipeline->graph, &pipeline->loop, pipeline->settings, &options, error);
	if (rc == 0)
		rc = pipeline__open_replication(pipeline, error);
	if (rc == 0)
		log_event(pipeline->log, LOG_INFO, "connected to PostgreSQL %s and to Neo4j %s (%s)",
		          postgres_address(pipeline->sql.connection), bolt_connection_address(pipeline->graph.connection),
		          bolt_connection_server(pipeline->graph.connection));
	return rc;
}

static int pipeline__check_server(struct pipeline *pipeline, struct error *error)
{
	const struct postgres_server_facts *server = &pipeline->facts.server;

	if (strcmp(server->wal_level, "logical") != 0) {
		error_set(error, ERR_STATE, "wal_level is %s; logical replication needs logical", server->wal_level);
		error_hint(error, "ALTER SYSTEM SET wal_level = logical, then restart PostgreSQL");
		return ERR_STATE;
	}
	if (pipeline->facts.slot.active) {
		error_set_class(error, ERR_STATE, ERROR_RETRY,
		                "slot %s is in use by server process %d, which is no pgweave that runs this pipeline",
		                pipeline->settings->slot, pipeline->facts.slot.active_pid);
		error_hint(error, "end what streams from it, or give this pipeline another slot");
		return ERR_STATE;
	}
	return 0;
}

/* The checkpoint was made from this very cluster, or else it is of no use. */
static int pipeline__check_checkpoint(struct pipeline *pipeline, struct error *error)
{
	const struct graph_checkpoint *checkpoint = &pipeline->checkpoint;
	const struct postgres_server_facts *server = &pipeline->facts.server;

	if (checkpoint->phase == GRAPH_PHASE_BROKEN)
		error_set(error, ERR_STATE, "%s", checkpoint->problem);
	else if (checkpoint->system_identifier != server->system_identifier)
		error_set(error, ERR_STATE,
		          "the graph was made from another PostgreSQL cluster: system identifier %llu there, %llu here",
		          (unsigned long long)checkpoint->system_identifier, (unsigned long long)server->system_identifier);
	else if (checkpoint->timeline != server->timeline)
		error_set(error, ERR_STATE,
		          "PostgreSQL is on timeline %u, the graph was made from timeline %lld: it was restored, or a standby "
		          "was promoted",
		          server->timeline, (long long)checkpoint->timeline);
	else
		return pipeline__check_slot(&pipeline->facts, pipeline->settings, checkpoint, error);
	error_hint(error, "load everything anew, keeping what the mapping does not name: pgweave run --resnapshot");
	return ERR_STATE;
}

/* Changes were made that the publication did not publish. */
static bool pipeline__is_gap(const struct error *error)
{
	return error->code == ERR_STATE && strcmp(error->origin, PIPELINE_ORIGIN_GAP) == 0;
}

/* What was missed stays missed: it is written down, so that nobody streams on after the publication was mended. */
static void pipeline__mark_broken(struct pipeline *pipeline, const struct error *why)
{
	struct error ignored;

	if (!pipeline__is_gap(why) || !pipeline->graph.connection)
		return;
	pipeline->checkpoint.phase = GRAPH_PHASE_BROKEN;
	pipeline->checkpoint.position = pipeline->writer.committed;
	snprintf(pipeline->checkpoint.problem, sizeof(pipeline->checkpoint.problem), "%s", why->text);
	if (pipeline__describe(pipeline, NULL, &ignored) < 0)
		log_failure(pipeline->log, LOG_WARN, "the problem could not be written into the checkpoint", &ignored);
}

int pipeline__check_free(struct pipeline *pipeline, const bool *nodes, bool adopt, bool *ret_empty, struct error *error)
{
	struct buffer text;
	int rc = 0;

	*ret_empty = true;
	buffer_init(&text, PARAMS_SIZE_MAX);
	for (uint32_t i = 0; i < pipeline->plan->nodes_count && rc == 0; i++) {
		const struct plan_node *node = &pipeline->plan->nodes[i];
		int64_t count = 0;

		if (nodes && !nodes[i])
			continue;
		buffer_reset(&text);
		buffer_append_text(&text, "MATCH (n:");
		cypher_quote(&text, node->label);
		buffer_append_text(&text, ") RETURN count(n)");
		rc = session_graph_run(&pipeline->graph, buffer_text(&text), NULL, pipeline__on_int, &count, error);
		if (rc < 0 || count == 0)
			continue;
		*ret_empty = false;
		if (adopt)
			continue;
		rc = error_set(error, ERR_STATE,
		               "the graph already has %lld nodes with the mapped label %s, which pipeline %s has not made",
		               (long long)count, node->label, pipeline->settings->pipeline);
		error_hint(error,
		           "use an empty graph or another label; or --adopt: it makes them agree with PostgreSQL, and deletes "
		           "those that have no row");
	}
	buffer_free(&text);
	return rc;
}

/* First start, --resnapshot, or a load that was interrupted. */
static int pipeline__load(struct pipeline *pipeline, struct error *error)
{
	enum graph_phase phase = pipeline->checkpoint.phase;
	bool empty = false;
	int rc = 0;

	if (phase == GRAPH_PHASE_NONE && pipeline->facts.slot.exists && !pipeline->resnapshot) {
		rc = error_set(error, ERR_STATE,
		               "slot %s exists, but the graph has no checkpoint of pipeline %s: the graph was emptied, "
		               "or the slot belongs to something else",
		               pipeline->settings->slot, pipeline->settings->pipeline);
		error_hint(error,
		           "pgweave run --resnapshot drops the slot and loads everything; or: SELECT "
		           "pg_drop_replication_slot('%s')",
		           pipeline->settings->slot);
		return rc;
	}
	if (phase == GRAPH_PHASE_SNAPSHOT)
		log_event(pipeline->log, LOG_INFO, "the load before was interrupted; it begins anew over what is there");
	if (phase != GRAPH_PHASE_SNAPSHOT)
		rc = pipeline__check_free(pipeline, NULL, pipeline->options->adopt || pipeline->resnapshot, &empty, error);
	if (rc == 0)
		rc = pipeline__apply(&pipeline->graph, &pipeline->sql, pipeline->settings, pipeline->plan, pipeline->log,
		                     error);
	if (rc == 0)
		rc = pipeline__acquire(pipeline, error);
	if (rc == 0)
		rc = pipeline__snapshot(pipeline, empty, error);
	if (rc == 0)
		pipeline->resnapshot = false;
	return rc;
}

/* The epoch is ours when it returns, so that a gap can be written down. */
static int pipeline__resume_same(struct pipeline *pipeline, struct error *error)
{
	struct error why;
	int rc = pipeline__check_sources(&pipeline->facts, pipeline->plan, pipeline->settings, &pipeline->checkpoint, &why);
	int acquired = pipeline__acquire(pipeline, error);

	pipeline->writer.committed = pipeline->checkpoint.position;
	if (acquired < 0)
		return acquired;
	if (rc < 0) {
		if (pipeline->tables.said[0])
			error_prefix(&why, "%s", pipeline->tables.said);
		pipeline__mark_broken(pipeline, &why);
		*error = why;
		return rc;
	}
	return pipeline->checkpoint.described ? 0 : pipeline__describe_plan(pipeline, error);
}

/*
 * Who asked for the change: whoever altered the tables, unless a person is to decide; for another mapping file a person; and
 * nobody has to when both mappings make the same graph of the same rows.
 */
static int pipeline__check_approval(struct pipeline *pipeline, struct error *error)
{
	const struct graph_checkpoint *checkpoint = &pipeline->checkpoint;
	const char *digest = pipeline->plan->digest;
	struct pipeline_change change;
	uint32_t steps;
	int rc;

	if (pipeline->options->apply || strcmp(checkpoint->approved_digest, digest) == 0 ||
	    (checkpoint->phase == GRAPH_PHASE_REMAPPING && strcmp(checkpoint->mapping_digest, digest) == 0))
		return 0;
	rc = pipeline__change_read(&pipeline->graph, pipeline->plan, &change, error);
	steps = change.difference.count;
	pipeline__change_free(&change);
	if (rc < 0 || (!steps && !tables_are_due(&pipeline->tables)))
		return rc;
	if (!steps || tables_is_same_file(pipeline))
		return tables_ask(pipeline, steps > 0, error);
	rc = error_set(error, ERR_STATE, "the mapping, or a mapped table, is not the one that the graph was made with");
	error_hint(error,
	           "pgweave plan shows the difference, pgweave apply has it carried out; or load everything anew: pgweave "
	           "run --resnapshot");
	return rc;
}

static int pipeline__resume_changed(struct pipeline *pipeline, struct error *error)
{
	int rc;

	if (!pipeline->checkpoint.described) {
		rc = error_set(error, ERR_STATE, "the mapping, or a mapped table, is not the one that the graph was made with");
		error_hint(error, "load everything anew, keeping what the mapping does not name: pgweave run --resnapshot");
		return rc;
	}
	rc = pipeline__check_approval(pipeline, error);
	if (rc == 0)
		rc = pipeline__acquire(pipeline, error);
	if (rc == 0)
		rc = tables_keep_reload(pipeline, error);
	if (rc == 0)
		rc = pipeline__remap(pipeline, error);
	if (rc == 0)
		rc = tables_remember(pipeline, error);
	if (rc < 0)
		pipeline__mark_broken(pipeline, error);
	return rc;
}

static int pipeline__resume(struct pipeline *pipeline, struct error *error)
{
	const struct graph_checkpoint *checkpoint = &pipeline->checkpoint;
	int rc = pipeline__check_checkpoint(pipeline, error);

	if (rc < 0)
		return rc;
	if (checkpoint->phase == GRAPH_PHASE_REMAPPING || strcmp(checkpoint->mapping_digest, pipeline->plan->digest) != 0)
		return pipeline__resume_changed(pipeline, error);
	rc = pipeline__resume_same(pipeline, error);
	if (rc < 0)
		return rc;
	return tables_are_due(&pipeline->tables) ? pipeline__resume_changed(pipeline, error) : tables_remember(pipeline, error);
}

/* What an everyday change of a row needs. */
static const struct {
	enum graph_statement_kind kind;
	bool of_edge;
} warm_kinds[] = {
        {GRAPH_NODE_UPSERT, false},  {GRAPH_NODE_DELETE, false},     {GRAPH_EDGE_UPSERT_FRESH, true},
        {GRAPH_EDGE_UPSERT, true},   {GRAPH_EDGE_DELETE, true},      {GRAPH_EDGE_PRUNE, true},
        {GRAPH_SHOW_NODE, false},    {GRAPH_SHOW_FILLED_FROM, true}, {GRAPH_SHOW_FILLED_TO, true},
        {GRAPH_SHOW_END_FROM, true}, {GRAPH_SHOW_END_TO, true},      {GRAPH_SHOW_ROW, true},
};

static bool warm__is_used(const struct plan *plan, enum graph_statement_kind kind, bool of_edge, uint32_t index)
{
	if (kind <= GRAPH_SHOW_MOVED_ROW)
		return graph_missing_has(plan, kind, index);
	return of_edge ? kind != GRAPH_EDGE_PRUNE || plan->edges[index]->each : !plan_node_is_value(&plan->nodes[index]);
}

/*
 * Runs the usual statements over no rows: Neo4j then has planned them, which takes a cold server up to a second each, before
 * the first change waits for it.
 */
static int pipeline__warm(struct pipeline *pipeline, struct error *error)
{
	struct bolt_writer params;
	uint32_t left = WARM_STATEMENTS_MAX;
	int rc = 0;

	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_rows_pack_begin(&params, 0);
	for (size_t k = 0; k < sizeof(warm_kinds) / sizeof(*warm_kinds); k++) {
		uint32_t count = warm_kinds[k].of_edge ? pipeline->plan->edges_count : pipeline->plan->nodes_count;

		for (uint32_t i = 0; i < count && left && rc == 0; i++) {
			const struct graph_statement *statement;

			if (!warm__is_used(pipeline->plan, warm_kinds[k].kind, warm_kinds[k].of_edge, i))
				continue;
			left--;
			statement = graph_statement_get(&pipeline->statements, warm_kinds[k].kind, i, NULL);
			if (!statement)
				rc = error_set(error, ERR_NOMEM, "no memory for the statements");
			else
				rc = session_graph_run(&pipeline->graph, statement->text, &params, NULL, NULL, error);
		}
	}
	bolt_writer_free(&params);
	return rc;
}

/* ---- sessions ---- */

static int pipeline__begin(struct pipeline *pipeline, struct error *error)
{
	int rc = pipeline__connect(pipeline, error);

	/* the slot first: while nobody streams from it, what the checkpoint says next is not behind it */
	if (rc == 0)
		rc = pipeline__read_facts(pipeline, error);
	if (rc == 0)
		rc = pipeline__check_server(pipeline, error);
	if (rc == 0)
		rc = pipeline__read_checkpoint(&pipeline->graph, pipeline->settings->pipeline, &pipeline->checkpoint, error);
	if (rc == 0)
		rc = tables_read(pipeline, error);
	if (rc == 0)
		rc = pipeline__compile(pipeline, error);
	if (rc == 0)
		rc = writer_init(&pipeline->writer, &pipeline->graph, &pipeline->statements, pipeline->log,
		                 pipeline->settings->transaction_size_max * BATCH_SIZE_FACTOR + BATCH_SIZE_EXTRA);
	return rc;
}

static int pipeline__session(struct pipeline *pipeline, struct error *error)
{
	bool load;
	int rc = pipeline__begin(pipeline, error);

	if (rc < 0)
		return rc;
	load = pipeline->resnapshot || pipeline->checkpoint.phase == GRAPH_PHASE_NONE ||
	       pipeline->checkpoint.phase == GRAPH_PHASE_SNAPSHOT;
	rc = load ? pipeline__load(pipeline, error) : pipeline__resume(pipeline, error);
	if (rc < 0 || pipeline->options->apply)
		return rc;
	rc = pipeline__warm(pipeline, error);
	if (rc < 0)
		return rc;
	pipeline->writer.committed = pipeline->checkpoint.position;
	pipeline->writer.submitted = pipeline->checkpoint.position;
	rc = pipeline__stream(pipeline, error);
	if (rc < 0)
		pipeline__mark_broken(pipeline, error);
	return rc;
}

static void pipeline__end_session(struct pipeline *pipeline)
{
	session_graph_close(&pipeline->graph);
	session_postgres_close(&pipeline->replication);
	session_postgres_close(&pipeline->sql);
	if (pipeline->writer.statements)
		writer_free(&pipeline->writer);
	pipeline->writer = (struct writer){0};
	if (pipeline->plan) {
		graph_statements_free(&pipeline->statements);
		plan_free(pipeline->plan);
	}
	pipeline->plan = NULL;
	arena_free(&pipeline->facts.arena);
	pipeline->facts = (struct postgres_facts){0};
}

/* On SIGHUP a file that is wrong changes nothing. */
static void pipeline__reload(struct pipeline *pipeline)
{
	struct mapping *mapping;
	struct error error;

	pipeline->loop.reload = false;
	if (pipeline->options->load(pipeline->options->user, &mapping, &error) < 0) {
		log_failure(pipeline->log, LOG_ERROR, "the mapping file was not reloaded, the old one stays in force", &error);
		return;
	}
	mapping_free(pipeline->mapping);
	pipeline->mapping = mapping;
	pipeline->settings = mapping_settings(mapping);
	log_event(pipeline->log, LOG_INFO, "the mapping file was reloaded");
}

static bool pipeline__is_altered(const struct error *error)
{
	return strcmp(error->origin, PIPELINE_ORIGIN_ALTERED) == 0;
}

/* Waits before the next session, unless this one ended only to look at the tables anew. */
static void pipeline__pause(struct pipeline *pipeline, struct backoff *backoff, const struct error *error)
{
	uint64_t wait_ms;

	if (pipeline__is_altered(error) && ++pipeline->tables.sessions_in_a_row <= ALTERED_IN_A_ROW_MAX) {
		log_event(pipeline->log, LOG_INFO, "%s; the tables are looked at anew", error->text);
		return;
	}
	wait_ms = backoff_next(backoff);
	log_failure(pipeline->log, LOG_WARN, "the pipeline is interrupted", error);
	log_event(pipeline->log, LOG_INFO, "next try in %llu ms", (unsigned long long)wait_ms);
	session_sleep(&pipeline->loop, wait_ms, true);
}

static int pipeline__sessions(struct pipeline *pipeline, struct error *error)
{
	struct backoff backoff = {0};

	for (;;) {
		uint64_t streamed = pipeline->sessions_streaming;
		int rc = pipeline__session(pipeline, error);

		pipeline__end_session(pipeline);
		if (pipeline->options->apply && (rc == 0 || pipeline->loop.stop || !pipeline__is_altered(error)))
			return rc;
		if (pipeline->loop.stop || pipeline->caught_up_end) {
			log_event(pipeline->log, LOG_INFO, "stopped");
			return 0;
		}
		if (rc < 0 && error->class == ERROR_FATAL)
			return rc;
		if (pipeline->sessions_streaming != streamed)
			backoff.attempt = 0;
		if (rc < 0)
			pipeline__pause(pipeline, &backoff, error);
		if (pipeline->loop.reload)
			pipeline__reload(pipeline);
	}
}

int pipeline_run(const struct pipeline_options *options, struct error *error)
{
	struct pipeline pipeline = {.options = options, .log = options->log, .resnapshot = options->resnapshot};
	int rc = options->load(options->user, &pipeline.mapping, error);

	if (rc < 0)
		return rc;
	pipeline.settings = mapping_settings(pipeline.mapping);
	tables_init(&pipeline.tables);
	rc = session_loop_init(&pipeline.loop, error);
	if (rc == 0) {
		rc = pipeline__sessions(&pipeline, error);
		session_loop_close(&pipeline.loop);
	}
	tables_free(&pipeline.tables);
	mapping_free(pipeline.mapping);
	return rc;
}
