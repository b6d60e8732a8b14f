#include "sync/pipeline.h"

#include "postgres/copy.h"
#include "mapping/condition.h"
#include "mapping/quote.h"
#include "session/progress.h"
#include "verify/sweep.h"

#include <stdio.h>
#include <string.h>

#define WORKERS_MAX 16
#define SQLSTATE_UNDEFINED_COLUMN "42703"
#define SQLSTATE_UNDEFINED_TABLE "42P01"
#define SQL_SIZE_MAX ((size_t)1024 * 1024)

struct snapshot;

/* One connection that copies one table after the other. */
struct worker {
	struct snapshot *snapshot;
	struct session_postgres postgres;
	const struct plan_table *table; /* being copied, or NULL */
	struct graph_batch *open;
	bool full;   /* open waits for room at the writer; the COPY is paused */
	bool copied; /* the table's COPY is at its end */
};

struct snapshot {
	struct pipeline *pipeline;
	const struct pipeline_load *load;
	struct worker workers[WORKERS_MAX];
	uint32_t workers_count;
	uint32_t next_table;
	uint32_t tables_done;
	uint32_t tables_count; /* of those that are loaded */
	bool again;            /* those are copied that refer to other rows by more than keys: all rows are there now */
	bool failed;
	struct error error;
	struct progress progress;
};

static void snapshot__fail(struct snapshot *snapshot, const struct error *error)
{
	if (snapshot->failed)
		return;
	snapshot->failed = true;
	snapshot->error = *error;
}

/* Sends the worker's batch; false when the writer has no room. */
static bool worker__flush(struct worker *worker)
{
	struct writer *writer = &worker->snapshot->pipeline->writer;
	struct error error;

	if (!graph_batch_changes(worker->open))
		return true;
	if (!writer_has_room(writer))
		return false;
	if (writer_submit(writer, worker->open, &writer->submitted, &error) < 0)
		snapshot__fail(worker->snapshot, &error);
	worker->open = writer_batch_new(writer);
	if (!worker->open) {
		error_set(&error, ERR_NOMEM, "no memory for a batch");
		snapshot__fail(worker->snapshot, &error);
		return false;
	}
	return true;
}

static void worker__on_row(void *user, const struct cell *cells, uint32_t cells_count)
{
	struct worker *worker = user;
	struct snapshot *snapshot = worker->snapshot;
	const struct mapping_settings *settings = snapshot->pipeline->settings;
	struct error error;

	if (snapshot->failed)
		return;
	if (cells_count != worker->table->columns_count) {
		error_set(&error, ERR_PROTOCOL, "COPY of %s.%s has %u columns instead of %u", worker->table->schema,
		          worker->table->name, cells_count, worker->table->columns_count);
		snapshot__fail(snapshot, &error);
		return;
	}
	if (graph_batch_add_row(worker->open, worker->table->index, cells, snapshot->load->fresh && !snapshot->again,
	                        snapshot->load->lsn, snapshot->load->time_us, &error) < 0) {
		snapshot__fail(snapshot, &error);
		return;
	}
	snapshot->progress.done++;
	if (graph_batch_changes(worker->open) < settings->batch_rows_max &&
	    graph_batch_size(worker->open) < settings->transaction_size_max)
		return;
	if (!worker__flush(worker)) {
		worker->full = true;
		postgres_copy_pause(worker->postgres.connection);
	}
}

static void worker__start(struct worker *worker);

static void worker__finish_table(struct worker *worker)
{
	if (!worker__flush(worker)) {
		worker->full = true;
		return;
	}
	worker->copied = false;
	worker->table = NULL;
	worker->snapshot->tables_done++;
	worker__start(worker);
}

static void worker__on_copied(void *user, const struct error *error)
{
	struct worker *worker = user;
	struct error failure;

	if (error) {
		failure = *error;
		/* altered since the plan was made: the next session makes another one */
		if (strcmp(error->origin, SQLSTATE_UNDEFINED_COLUMN) == 0 ||
		    strcmp(error->origin, SQLSTATE_UNDEFINED_TABLE) == 0) {
			failure.class = ERROR_RETRY;
			snprintf(failure.origin, sizeof(failure.origin), PIPELINE_ORIGIN_ALTERED);
		}
		snapshot__fail(worker->snapshot, &failure);
		return;
	}
	worker->copied = true;
	worker__finish_table(worker);
}

/* Columns in the plan's order. Children by inheritance are tables of their own; partitions are not. */
static void snapshot__copy_sql(struct buffer *sql, const struct plan_table *table, const char *part)
{
	const char *word = " WHERE ";

	buffer_append_text(sql, "COPY (SELECT ");
	for (uint32_t i = 0; i < table->columns_count; i++) {
		buffer_append_text(sql, i ? ", " : "");
		sql_quote_identifier(sql, table->columns[i].name);
	}
	buffer_printf(sql, " FROM %s", table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(sql, table->schema, table->name);
	if (part) {
		buffer_printf(sql, "%s(%s)", word, part);
		word = " AND ";
	}
	if (table->where) {
		buffer_printf(sql, "%s(", word);
		condition_sql(sql, table->where, table, NULL);
		buffer_append_byte(sql, ')');
	}
	buffer_append_text(sql, ") TO STDOUT");
}

/* A placeholder has nothing but its key, so what refers to anything else waits for its row. */
static bool snapshot__refers_to_other_keys(const struct plan_table *table)
{
	for (uint32_t i = 0; i < table->edges_count; i++)
		if (!table->edges[i]->from.by_key || !table->edges[i]->to.by_key)
			return true;
	return false;
}

static bool snapshot__loads(const struct snapshot *snapshot, uint32_t table)
{
	if (snapshot->again && !snapshot__refers_to_other_keys(&snapshot->pipeline->plan->tables[table]))
		return false;
	return !snapshot->load->tables || snapshot->load->tables[table];
}

static void worker__start(struct worker *worker)
{
	struct snapshot *snapshot = worker->snapshot;
	const struct plan *plan = snapshot->pipeline->plan;
	struct buffer sql;
	struct error error;

	while (snapshot->next_table < plan->tables_count && !snapshot__loads(snapshot, snapshot->next_table))
		snapshot->next_table++;
	if (snapshot->failed || snapshot->next_table == plan->tables_count)
		return;
	worker->table = &plan->tables[snapshot->next_table++];
	buffer_init(&sql, SQL_SIZE_MAX);
	snapshot__copy_sql(&sql, worker->table, snapshot->load->parts ? snapshot->load->parts[worker->table->index] : NULL);
	if (postgres_copy_out(worker->postgres.connection, buffer_text(&sql), worker__on_row, worker__on_copied, worker,
	                      &error) < 0)
		snapshot__fail(snapshot, &error);
	buffer_free(&sql);
}

/* The writer has room again. */
static void snapshot__pump(struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->workers_count && !snapshot->failed; i++) {
		struct worker *worker = &snapshot->workers[i];

		if (!worker->full || !worker__flush(worker))
			continue;
		worker->full = false;
		if (worker->copied)
			worker__finish_table(worker);
		else
			postgres_copy_resume(worker->postgres.connection);
	}
}

static void snapshot__on_committed(void *user, uint64_t changes)
{
	(void)changes;
	snapshot__pump(user);
}

int pipeline__open_snapshot(struct pipeline *pipeline, const char *name, struct session_postgres *postgres, struct error *error)
{
	struct buffer sql;
	int rc = session_postgres_open(postgres, &pipeline->loop, pipeline->settings, false, error);

	if (rc < 0)
		return rc;
	buffer_init(&sql, SQL_SIZE_MAX);
	buffer_append_text(&sql, "SET TRANSACTION SNAPSHOT ");
	sql_quote_literal(&sql, name);
	/* rows that a policy hides would be deleted from the graph: refused is better */
	buffer_append_text(&sql, "; SET LOCAL row_security = off");
	rc = session_postgres_query(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0, NULL, NULL, error);
	if (rc == 0)
		rc = session_postgres_query(postgres, buffer_text(&sql), NULL, 0, NULL, NULL, error);
	buffer_free(&sql);
	return rc;
}

/* Every worker reads under the exported snapshot, so that all of them see the same commit. */
static int worker__open(struct worker *worker, const char *name, struct error *error)
{
	struct pipeline *pipeline = worker->snapshot->pipeline;
	int rc = pipeline__open_snapshot(pipeline, name, &worker->postgres, error);

	if (rc < 0)
		return rc;
	worker->open = writer_batch_new(&pipeline->writer);
	return worker->open ? 0 : error_set(error, ERR_NOMEM, "no memory for a batch");
}

static bool snapshot__goes_on(const struct snapshot *snapshot)
{
	const struct pipeline *pipeline = snapshot->pipeline;

	return !snapshot->failed && !pipeline->loop.stop &&
	       (snapshot->tables_done < snapshot->tables_count || pipeline->writer.in_flight);
}

static int snapshot__copy(struct snapshot *snapshot, struct error *error)
{
	struct pipeline *pipeline = snapshot->pipeline;

	pipeline->writer.on_committed = snapshot__on_committed;
	pipeline->writer.user = snapshot;
	for (uint32_t i = 0; i < snapshot->workers_count; i++)
		worker__start(&snapshot->workers[i]);
	while (snapshot__goes_on(snapshot)) {
		session_turn(&pipeline->loop);
		progress_show(&snapshot->progress, false);
		if (pipeline->writer.failed) {
			int rc = writer_recover(&pipeline->writer, error);

			if (rc < 0)
				return rc;
			snapshot__pump(snapshot);
		}
		if (!pipeline->graph.connection) {
			*error = pipeline->graph.error;
			return error->code;
		}
	}
	if (pipeline->loop.stop)
		return error_set(error, ERR_CANCELLED, "stopped during the snapshot");
	if (snapshot->failed) {
		*error = snapshot->error;
		return error->code;
	}
	return 0;
}

/* Of what is about to be copied. */
static void snapshot__count(struct snapshot *snapshot)
{
	const struct plan *plan = snapshot->pipeline->plan;

	snapshot->next_table = 0;
	snapshot->tables_done = 0;
	snapshot->tables_count = 0;
	for (uint32_t i = 0; i < plan->tables_count; i++) {
		if (!snapshot__loads(snapshot, i))
			continue;
		snapshot->tables_count++;
		if (plan->tables[i].rows_estimate > 0)
			snapshot->progress.total += (uint64_t)plan->tables[i].rows_estimate;
	}
}

static int snapshot__on_delete(void *user, const char *text, const struct bolt_writer *params, uint32_t rows_count,
                               struct error *error)
{
	struct pipeline *pipeline = user;

	log_event(pipeline->log, LOG_DEBUG, "deleting %u entities that PostgreSQL does not have", rows_count);
	return writer_run(&pipeline->writer, text, params, error);
}

/* What a load before this one, or somebody else, left under our labels and PostgreSQL does not have. */
static int snapshot__sweep(struct snapshot *snapshot, struct error *error)
{
	struct pipeline *pipeline = snapshot->pipeline;
	struct verify_sweep_counts counts = {0};
	struct verify_sweep_scope scope = snapshot->load->sweep;
	int rc;

	scope.time_us = snapshot->load->time_us;
	rc = verify_sweep(&pipeline->loop, &snapshot->workers[0].postgres, &pipeline->graph, pipeline->plan,
	                  &pipeline->statements, &scope, snapshot__on_delete, pipeline, &counts, error);

	if (rc == 0)
		log_event(pipeline->log, LOG_INFO, "deleted %llu nodes and %llu relationships that PostgreSQL does not have",
		          (unsigned long long)counts.nodes, (unsigned long long)counts.edges);
	return rc;
}

static int snapshot__open(struct snapshot *snapshot, struct error *error)
{
	struct pipeline *pipeline = snapshot->pipeline;
	int rc = 0;

	for (uint32_t i = 0; i < pipeline->settings->snapshot_workers && i < WORKERS_MAX && rc == 0; i++) {
		snapshot->workers[i].snapshot = snapshot;
		snapshot->workers_count++;
		rc = worker__open(&snapshot->workers[i], snapshot->load->snapshot, error);
	}
	return rc;
}

int pipeline__load_tables(struct pipeline *pipeline, const struct pipeline_load *load, struct error *error)
{
	struct snapshot snapshot = {.pipeline = pipeline, .load = load};
	int rc = snapshot__open(&snapshot, error);

	progress_init(&snapshot.progress, pipeline->log, "snapshot", pipeline->options->progress);
	for (int pass = 0; pass < 2 && rc == 0; pass++) {
		snapshot.again = pass == 1;
		snapshot__count(&snapshot);
		rc = snapshot__copy(&snapshot, error);
	}
	progress_show(&snapshot.progress, true);
	pipeline->writer.on_committed = NULL;
	if (rc == 0 && !load->fresh)
		rc = snapshot__sweep(&snapshot, error);
	for (uint32_t i = 0; i < snapshot.workers_count; i++) {
		session_postgres_close(&snapshot.workers[i].postgres);
		graph_batch_free(snapshot.workers[i].open);
	}
	return rc;
}

static void clock__on_time(void *user, const struct postgres_result *result, const struct error *error)
{
	(void)error;
	*(int64_t *)user = postgres_result_int(result, 0, 0);
}

int pipeline__clock(struct pipeline *pipeline, int64_t *ret_time_us, struct error *error)
{
	return session_postgres_query(&pipeline->sql,
	                              "SELECT ((extract(epoch FROM clock_timestamp()) - 946684800) * 1000000)::bigint", NULL, 0,
	                              clock__on_time, ret_time_us, error);
}

/* A slot of an attempt that did not end is of no use: its snapshot is gone. */
static int snapshot__new_slot(struct pipeline *pipeline, struct pipeline_load *load, struct error *error)
{
	const char *slot = pipeline->settings->slot;
	char lsn[LSN_TEXT_SIZE];
	int rc = 0;

	if (pipeline->facts.slot.exists) {
		log_event(pipeline->log, LOG_INFO, "slot %s of the load before is dropped", slot);
		rc = session_postgres_slot_drop(&pipeline->replication, slot, error);
	}
	if (rc == 0)
		rc = pipeline__clock(pipeline, &load->time_us, error);
	if (rc == 0)
		rc = session_postgres_slot_create(&pipeline->replication, slot, false, &load->lsn, load->snapshot,
		                                  sizeof(load->snapshot), error);
	if (rc == 0)
		rc = pipeline__read_facts(pipeline, error);
	if (rc == 0)
		log_event(pipeline->log, LOG_INFO, "slot %s made; the snapshot shows PostgreSQL at %s", slot,
		          lsn_print(load->lsn, lsn));
	return rc;
}

int pipeline__snapshot(struct pipeline *pipeline, bool fresh, struct error *error)
{
	struct pipeline_load load = {.fresh = fresh};
	struct graph_checkpoint *checkpoint = &pipeline->checkpoint;
	int rc;

	checkpoint->phase = GRAPH_PHASE_SNAPSHOT;
	checkpoint->position = (struct graph_position){0};
	checkpoint->system_identifier = pipeline->facts.server.system_identifier;
	checkpoint->timeline = pipeline->facts.server.timeline;
	checkpoint->problem[0] = '\0';
	snprintf(checkpoint->slot, sizeof(checkpoint->slot), "%s", pipeline->settings->slot);
	snprintf(checkpoint->mapping_digest, sizeof(checkpoint->mapping_digest), "%s", pipeline->plan->digest);
	rc = pipeline__describe_plan(pipeline, error);
	/* now, and not at the end: what is altered meanwhile has to show */
	if (rc == 0)
		rc = tables_remember(pipeline, error);
	if (rc == 0)
		rc = snapshot__new_slot(pipeline, &load, error);
	pipeline->statements.shown = true;
	if (rc == 0 && !fresh)
		rc = pipeline__show_waiting(pipeline, error);
	if (rc == 0)
		rc = pipeline__load_tables(pipeline, &load, error);
	if (rc == 0)
		rc = pipeline__hide_waiting(pipeline, error);
	if (rc < 0)
		return rc;
	checkpoint->phase = GRAPH_PHASE_STREAMING;
	checkpoint->position.lsn = load.lsn;
	rc = pipeline__publication_digest(&pipeline->facts.publication, pipeline->plan, checkpoint->publication_digest, error);
	if (rc == 0)
		rc = pipeline__describe(pipeline, NULL, error);
	pipeline->writer.committed = checkpoint->position;
	pipeline->writer.submitted = checkpoint->position;
	return rc;
}
