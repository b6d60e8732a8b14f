#include "sync/element_ids.h"

#include "pgoutput/decoder.h"
#include "postgres/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH_INTERVAL_MS 5000
#define SQLSTATE_UNDEFINED_OBJECT "42704"
#define SQLSTATE_CLASS_INTERNAL "XX"
/* While nothing mapped is written, the checkpoint follows the WAL this often, so that the slot does. */
#define IDLE_INTERVAL_MS 1000

struct stream {
	struct pipeline *pipeline;
	struct pgoutput_decoder *decoder;
	struct element_ids *element_ids; /* or NULL */
	struct graph_batch *open;        /* being filled */
	struct graph_position open_position;
	bool open_closed;            /* it holds a piece of an oversized transaction: nothing may join it */
	struct transaction *pending; /* did not fit into the open batch */
	bool paused;
	bool ended; /* the server's side */
	bool failed;
	struct error error;
	uv_timer_t health_timer;
	uv_timer_t idle_timer;
	uint64_t idle_lsn; /* everything before it has been sent, and nothing of it is waiting here */
	uint64_t idle_written_ms;
	uint64_t target_lsn;                /* of until_caught_up */
	const struct pipeline_bound *bound; /* NULL: none */
	struct postgres_facts health;
	struct postgres_watch watch;
	bool health_busy;
	bool wal_warned;
	bool select_warned;
	bool replication_warned;
	int closing; /* handles still to close */
};

static void stream__fail(struct stream *stream, const struct error *error)
{
	if (stream->failed)
		return;
	stream->failed = true;
	stream->error = *error;
}

/* Everything before lsn has been sent, or has to be for now. */
static void stream__advance(struct stream *stream, uint64_t lsn)
{
	if (stream->bound && lsn > stream->bound->lsn)
		lsn = stream->bound->lsn;
	if (lsn > stream->idle_lsn)
		stream->idle_lsn = lsn;
}

static bool stream__is_idle(const struct stream *stream)
{
	return !stream->pipeline->writer.in_flight && !stream->pending && graph_batch_changes(stream->open) == 0 &&
	       !pgoutput_decoder_in_transaction(stream->decoder);
}

/* Sends the open batch if there is anything in it and room for it. */
static void stream__flush(struct stream *stream)
{
	struct writer *writer = &stream->pipeline->writer;
	struct error error;

	if (!writer_has_room(writer) ||
	    (!graph_batch_changes(stream->open) && !stream->open_closed && stream->open_position.lsn == writer->submitted.lsn))
		return;
	if (writer_submit(writer, stream->open, &stream->open_position, &error) < 0)
		stream__fail(stream, &error);
	stream->open = writer_batch_new(writer);
	stream->open_position = writer->submitted;
	stream->open_closed = false;
	if (!stream->open) {
		error_set(&error, ERR_NOMEM, "no memory for a batch");
		stream__fail(stream, &error);
	}
}

static bool stream__is_full(const struct stream *stream)
{
	return stream->open_closed || graph_batch_changes(stream->open) >= stream->pipeline->settings->batch_rows_max ||
	       graph_batch_size(stream->open) >= stream->pipeline->settings->transaction_size_max;
}

static void stream__set_position(struct stream *stream, const struct transaction *transaction)
{
	struct graph_position *position = &stream->open_position;

	position->commit_time_us = transaction->commit_time_us;
	if (transaction->end_lsn) {
		position->lsn = transaction->end_lsn;
		position->piece_lsn = 0;
		position->piece_changes = 0;
	} else {
		position->piece_lsn = transaction->commit_lsn;
		position->piece_changes = transaction->pieces_skip + transaction->rows_count;
	}
}

/*
 * A snapshot shows the transactions whose commit record starts before its LSN, and no others; and it shows the whole of the
 * tables that are loaded from it.
 */
static bool stream__is_beyond(const struct stream *stream, const struct transaction *transaction)
{
	return stream->bound && transaction->commit_lsn >= stream->bound->lsn;
}

static void stream__leave_out(const struct stream *stream, struct transaction *transaction)
{
	struct change **at = &transaction->first;

	while (stream->bound && *at) {
		struct change *change = *at;

		if (stream->bound->leave_out[change->table]) {
			*at = change->next;
			transaction->changes_count--;
		} else {
			at = &change->next;
		}
	}
}

/* True when it went into the open batch; false when that has to be sent first. */
static bool stream__add(struct stream *stream, struct transaction *transaction)
{
	bool piece = transaction->end_lsn == 0 || transaction->pieces_skip > 0;
	struct error error;

	if (graph_batch_changes(stream->open) &&
	    (stream->open_closed || piece || !graph_batch_fits(stream->open, transaction->arena.used)))
		return false;
	if (graph_batch_add(stream->open, transaction, &error) < 0)
		stream__fail(stream, &error);
	stream__set_position(stream, transaction);
	stream->open_closed = piece;
	return true;
}

/* Moves everything on as far as it goes; pauses the server when nothing more can be taken. */
static void stream__pump(struct stream *stream)
{
	struct postgres_connection *connection = stream->pipeline->replication.connection;
	bool full;

	if (stream->failed || stream->pipeline->writer.failed)
		return;
	stream__flush(stream);
	if (stream->pending && !stream->failed && stream__add(stream, stream->pending)) {
		transaction_free(stream->pending);
		stream->pending = NULL;
		stream__flush(stream);
	}
	full = stream->failed || stream->pending || stream__is_full(stream);
	if (full == stream->paused || !connection)
		return;
	stream->paused = full;
	if (full)
		postgres_stream_pause(connection);
	else
		postgres_stream_resume(connection);
}

static void stream__on_idle_timer(uv_timer_t *timer);

/* Nothing is waiting: the checkpoint follows the WAL, though not too often. */
static void stream__idle(struct stream *stream)
{
	struct session_loop *loop = &stream->pipeline->loop;
	uint64_t due = stream->idle_written_ms + IDLE_INTERVAL_MS, now = uv_now(&loop->uv);

	if (stream->failed || stream->idle_lsn <= stream->pipeline->writer.submitted.lsn || !stream__is_idle(stream))
		return;
	if (now < due) {
		if (!uv_is_active((uv_handle_t *)&stream->idle_timer))
			uv_timer_start(&stream->idle_timer, stream__on_idle_timer, due - now, 0);
		return;
	}
	stream->idle_written_ms = now;
	stream->open_position.lsn = stream->idle_lsn;
	stream__flush(stream);
}

static void stream__on_idle_timer(uv_timer_t *timer)
{
	stream__idle(timer->data);
}

/* Rows of a table that was another one when they were written: it is looked at, and loaded, anew. */
static void stream__refuse(struct stream *stream, struct error *error)
{
	struct error failure;

	if (error->code == ERR_CATALOG) {
		snprintf(error->origin, sizeof(error->origin), PIPELINE_ORIGIN_ALTERED);
		if (tables_reload(&stream->pipeline->tables, pgoutput_decoder_misfit(stream->decoder), &failure) < 0)
			*error = failure;
	}
	stream__fail(stream, error);
}

static void stream__tell_pieces(const struct stream *stream, const struct transaction *transaction)
{
	char lsn[LSN_TEXT_SIZE];

	if (transaction->end_lsn || transaction->pieces_skip)
		return;
	log_event(stream->pipeline->log, LOG_INFO,
	          "the transaction committed at %s is larger than transaction_size (%llu bytes): it is applied in pieces, and "
	          "until the last of them the graph is between two commits",
	          lsn_print(transaction->commit_lsn, lsn),
	          (unsigned long long)stream->pipeline->settings->transaction_size_max);
}

static void stream__on_frame(void *user, const struct pgoutput_frame *frame)
{
	struct stream *stream = user;
	struct transaction *transaction = NULL;
	struct error error;

	if (stream->failed)
		return;
	if (frame->kind == PGOUTPUT_FRAME_KEEPALIVE) {
		if (!pgoutput_decoder_in_transaction(stream->decoder))
			stream__advance(stream, frame->end_lsn);
		stream__idle(stream);
		return;
	}
	if (pgoutput_decoder_feed(stream->decoder, frame, &transaction, &error) < 0) {
		stream__refuse(stream, &error);
		return;
	}
	if (!transaction)
		return;
	if (stream__is_beyond(stream, transaction)) {
		stream__advance(stream, transaction->commit_lsn);
		transaction_free(transaction);
		stream__idle(stream);
		return;
	}
	stream__tell_pieces(stream, transaction);
	stream__advance(stream, transaction->end_lsn);
	stream__leave_out(stream, transaction);
	if (!transaction->changes_count && transaction->end_lsn && !transaction->pieces_skip) {
		/* nothing mapped in it: if something is waiting, the position goes with that, else as when idle */
		if (graph_batch_changes(stream->open) && !stream->open_closed && !stream->pending)
			stream__set_position(stream, transaction);
		transaction_free(transaction);
		stream__idle(stream);
		return;
	}
	if (stream__add(stream, transaction))
		transaction_free(transaction);
	else
		stream->pending = transaction;
	stream__pump(stream);
}

static void stream__on_end(void *user, const struct error *error)
{
	struct stream *stream = user;
	struct error failure;

	stream->ended = true;
	if (!error)
		return;
	failure = *error;
	/* the slot, or the publication when the next row came */
	if (strcmp(failure.origin, SQLSTATE_UNDEFINED_OBJECT) == 0)
		error_hint(&failure,
		           "pgweave apply makes what is missing; then load what was missed: pgweave run --resnapshot");
	/*
	 * Internal errors of the server while it decodes: 15.18 was seen to say once that it "could not map filenode ... to
	 * relation OID", of a table truncated by a transaction among others; decoded again, all was well.
	 */
	if (strncmp(failure.origin, SQLSTATE_CLASS_INTERNAL, strlen(SQLSTATE_CLASS_INTERNAL)) == 0)
		failure.class = ERROR_RETRY;
	stream__fail(stream, &failure);
}

static void stream__on_committed(void *user, uint64_t changes)
{
	struct stream *stream = user;
	struct pipeline *pipeline = stream->pipeline;

	if (changes)
		element_ids_wake(stream->element_ids);
	pipeline->checkpoint.position = pipeline->writer.committed;
	if (pipeline->replication.connection && !stream->ended)
		postgres_stream_confirm(pipeline->replication.connection, pipeline->writer.committed.lsn);
	if (stream->target_lsn && pipeline->writer.committed.lsn >= stream->target_lsn)
		pipeline->caught_up_end = true;
	stream__pump(stream);
	stream__idle(stream);
}

/* ---- health ---- */

static void stream__warn_wal(struct stream *stream)
{
	int64_t retained = stream->health.slot.retained_bytes;
	bool much = retained > 0 && (uint64_t)retained > stream->pipeline->settings->wal_retained_warn;

	if (much && !stream->wal_warned)
		log_event(stream->pipeline->log, LOG_WARN,
		          "slot %s holds back %lld MiB of WAL on the server; if Neo4j stays behind, PostgreSQL's disk fills: "
		          "mend "
		          "Neo4j, or set max_slot_wal_keep_size",
		          stream->pipeline->settings->slot, (long long)(retained >> 20));
	stream->wal_warned = much;
}

/* Nothing of it stops the stream, but the next connection, or the next load, would be refused. */
static void stream__warn_rights(struct stream *stream)
{
	const struct postgres_role_facts *role = &stream->health.role;
	const struct plan *plan = stream->pipeline->plan;
	bool replication = role->replication || role->superuser, select = true;

	if (!replication && !stream->replication_warned)
		log_event(stream->pipeline->log, LOG_WARN,
		          "role %s has lost REPLICATION: the next connection will be refused; ALTER ROLE \"%s\" REPLICATION",
		          role->name, role->name);
	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct postgres_watch_table *table = postgres_watch_find(&stream->watch, plan->tables[i].oid);

		if (!table || table->can_select)
			continue;
		if (select && !stream->select_warned)
			log_event(stream->pipeline->log, LOG_WARN,
			          "role %s may not read %s.%s any more: changes go on, but verify, and loading anew, need it; "
			          "GRANT "
			          "SELECT ON \"%s\".\"%s\" TO \"%s\"",
			          role->name, plan->tables[i].schema, plan->tables[i].name, plan->tables[i].schema,
			          plan->tables[i].name, role->name);
		select = false;
	}
	stream->replication_warned = !replication;
	stream->select_warned = !select;
}

/* Whether all tables are still as they were when the plan was made. */
static int stream__check_tables(const struct stream *stream, struct error *error)
{
	const struct plan *plan = stream->pipeline->plan;

	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct plan_table *table = &plan->tables[i];
		const struct postgres_watch_table *now = postgres_watch_find(&stream->watch, table->oid);

		if (now && table->fingerprint && strcmp(now->fingerprint, table->fingerprint) == 0)
			continue;
		error_set_class(error, ERR_STATE, ERROR_RETRY, "table %s.%s %s", table->schema, table->name,
		                now ? "was altered" : "is gone");
		snprintf(error->origin, sizeof(error->origin), PIPELINE_ORIGIN_ALTERED);
		return ERR_STATE;
	}
	return 0;
}

static void stream__end_health(struct stream *stream, const struct error *failure)
{
	stream->health_busy = false;
	if (failure)
		stream__fail(stream, failure);
	arena_free(&stream->watch.arena);
	arena_free(&stream->health.arena);
}

static void stream__on_watch(void *user, const struct error *failure)
{
	struct stream *stream = user;
	struct pipeline *pipeline = stream->pipeline;
	struct error error;
	int rc = 0;

	if (!failure) {
		stream__warn_wal(stream);
		stream__warn_rights(stream);
		/* what was dropped is not in the publication any more either, which would be taken for a gap */
		rc = stream__check_tables(stream, &error);
		if (rc == 0)
			rc = pipeline__check_sources(&stream->health, pipeline->plan, pipeline->settings, &pipeline->checkpoint,
			                             &error);
		if (rc == 0)
			pipeline->tables.sessions_in_a_row = 0;
	}
	stream__end_health(stream, rc < 0 ? &error : failure);
}

static void stream__on_health(void *user, const struct error *failure)
{
	struct stream *stream = user;
	const struct plan *plan = stream->pipeline->plan;
	uint32_t *oids = failure ? NULL : calloc(plan->tables_count, sizeof(*oids));
	struct error error;
	int rc = 0;

	if (failure) {
		stream__end_health(stream, failure);
		return;
	}
	for (uint32_t i = 0; oids && i < plan->tables_count; i++)
		oids[i] = plan->tables[i].oid;
	if (oids)
		rc = postgres_watch_read(stream->pipeline->sql.connection, oids, plan->tables_count, &stream->watch,
		                         stream__on_watch, stream, &error);
	else
		rc = error_set(&error, ERR_NOMEM, "no memory to watch the tables");
	free(oids);
	if (rc < 0)
		stream__end_health(stream, &error);
}

static void stream__on_health_timer(uv_timer_t *timer)
{
	struct stream *stream = timer->data;
	struct pipeline *pipeline = stream->pipeline;
	struct error error;

	if (stream->health_busy || !pipeline->sql.connection || pipeline->sql.lost)
		return;
	stream->health_busy = true;
	if (postgres_facts_read(pipeline->sql.connection, pipeline->settings->slot, pipeline->settings->publication,
	                        &stream->health, stream__on_health, stream, &error) < 0)
		stream__end_health(stream, &error);
}

/* ---- begin, run, end ---- */

static int stream__begin(struct stream *stream, struct pipeline *pipeline, struct error *error)
{
	struct pgoutput_limits limits = {
	        .transaction_size_max = pipeline->settings->transaction_size_max,
	        .row_size_max = PGOUTPUT_ROW_SIZE_MAX,
	};
	struct postgres_stream_options options = {
	        .slot = pipeline->settings->slot,
	        .publication = pipeline->settings->publication,
	        .start_lsn = pipeline->checkpoint.position.lsn,
	        .on_frame = stream__on_frame,
	        .on_end = stream__on_end,
	        .user = stream,
	};
	const struct pipeline_bound *bound = stream->bound;
	char lsn[LSN_TEXT_SIZE];
	int rc;

	stream->open = writer_batch_new(&pipeline->writer);
	if (!stream->open)
		return error_set(error, ERR_NOMEM, "no memory for a batch");
	stream->open_position = pipeline->writer.committed;
	stream->idle_lsn = pipeline->writer.committed.lsn;
	rc = pgoutput_decoder_new(pipeline->plan, &limits, &stream->decoder, error);
	if (rc < 0)
		return rc;
	pgoutput_decoder_pass_over_origin(stream->decoder, pipeline->settings->slot);
	for (uint32_t i = 0; bound && i < pipeline->plan->tables_count; i++)
		if (bound->load[i])
			pgoutput_decoder_pass_over(stream->decoder, pipeline->plan->tables[i].oid);
	if (pipeline->checkpoint.position.piece_lsn)
		pgoutput_decoder_skip(stream->decoder, pipeline->checkpoint.position.piece_lsn,
		                      pipeline->checkpoint.position.piece_changes);
	pipeline->writer.on_committed = stream__on_committed;
	pipeline->writer.user = stream;
	rc = postgres_stream_start(pipeline->replication.connection, &options, error);
	if (rc < 0) {
		stream->ended = true;
		return rc;
	}
	postgres_stream_confirm(pipeline->replication.connection, pipeline->writer.committed.lsn);
	uv_timer_start(&stream->health_timer, stream__on_health_timer, HEALTH_INTERVAL_MS, HEALTH_INTERVAL_MS);
	log_event(pipeline->log, LOG_INFO, "streaming from %s, slot %s, publication %s", lsn_print(options.start_lsn, lsn),
	          options.slot, options.publication);
	return 0;
}

/* Everything before the bound is in the graph. */
static bool stream__is_at_bound(const struct stream *stream)
{
	return stream->idle_lsn >= stream->bound->lsn && !stream->pending && !graph_batch_changes(stream->open) &&
	       !stream->pipeline->writer.in_flight;
}

static bool stream__goes_on(const struct stream *stream)
{
	const struct pipeline *pipeline = stream->pipeline;

	if (stream->bound)
		return !stream->failed && !stream->ended && !pipeline->loop.stop && !stream__is_at_bound(stream);
	return !stream->failed && !stream->ended && !pipeline->loop.stop && !pipeline->loop.reload && !pipeline->caught_up_end;
}

/* The main flow is needed here. */
static bool stream__needs(void *user)
{
	const struct stream *stream = user;
	const struct pipeline *pipeline = stream->pipeline;

	return !stream__goes_on(stream) || pipeline->writer.failed || !pipeline->graph.connection || pipeline->sql.lost;
}

static int stream__run(struct stream *stream, struct error *error)
{
	struct pipeline *pipeline = stream->pipeline;

	while (stream__goes_on(stream)) {
		session_turn(&pipeline->loop);
		if (pipeline->writer.failed) {
			int rc;

			postgres_stream_pause(pipeline->replication.connection);
			stream->paused = true;
			rc = writer_recover(&pipeline->writer, error);
			if (rc < 0)
				return rc;
			stream__pump(stream);
		}
		if (!pipeline->graph.connection) {
			*error = pipeline->graph.error;
			return error->code;
		}
		if (pipeline->sql.lost) {
			*error = pipeline->sql.error;
			return error->code;
		}
		element_ids_turn(stream->element_ids);
	}
	if (!stream->failed)
		return 0;
	*error = stream->error;
	return error->code;
}

static void stream__on_close(uv_handle_t *handle)
{
	struct stream *stream = handle->data;

	stream->closing--;
}

/* What is in flight is finished, or given up with its connection; what is still open here comes again from the slot. */
static int stream__end(struct stream *stream, int rc, struct error *error)
{
	struct pipeline *pipeline = stream->pipeline;
	int finished;

	uv_timer_stop(&stream->health_timer);
	uv_timer_stop(&stream->idle_timer);
	if (pipeline->replication.connection && !stream->ended)
		postgres_stream_pause(pipeline->replication.connection);
	stream->failed = true;
	if (rc == 0) {
		finished = writer_finish(&pipeline->writer, error);
		rc = finished < 0 && !pipeline->loop.stop ? finished : 0;
	}
	if (pipeline->replication.connection && !stream->ended) {
		postgres_stream_confirm(pipeline->replication.connection, pipeline->writer.committed.lsn);
		postgres_stream_stop(pipeline->replication.connection);
		while (!stream->ended)
			session_turn(&pipeline->loop);
	}
	/* a facts query under way refers to the stream: its connection goes first */
	while (stream->health_busy) {
		session_postgres_close(&pipeline->sql);
		session_turn(&pipeline->loop);
	}
	pipeline->writer.on_committed = NULL;
	stream->closing = 2;
	uv_close((uv_handle_t *)&stream->health_timer, stream__on_close);
	uv_close((uv_handle_t *)&stream->idle_timer, stream__on_close);
	while (stream->closing)
		session_turn(&pipeline->loop);
	graph_batch_free(stream->open);
	if (stream->pending)
		transaction_free(stream->pending);
	pgoutput_decoder_free(stream->decoder);
	return rc;
}

static int stream__whole(struct pipeline *pipeline, const struct pipeline_bound *bound, struct error *error)
{
	struct stream stream = {.pipeline = pipeline, .bound = bound};
	int rc;

	uv_timer_init(&pipeline->loop.uv, &stream.health_timer);
	uv_timer_init(&pipeline->loop.uv, &stream.idle_timer);
	stream.health_timer.data = &stream;
	stream.idle_timer.data = &stream;
	if (pipeline->options->until_caught_up && !bound) {
		stream.target_lsn = pipeline->facts.server.wal_lsn;
		pipeline->caught_up_end = pipeline->checkpoint.position.lsn >= stream.target_lsn;
	}
	rc = stream__begin(&stream, pipeline, error);
	if (rc == 0 && !bound)
		rc = element_ids_new(pipeline, stream__needs, &stream, &stream.element_ids, error);
	if (rc == 0) {
		pipeline->sessions_streaming++;
		rc = stream__run(&stream, error);
	}
	if (rc == 0 && pipeline->caught_up_end && !bound)
		element_ids_finish(stream.element_ids);
	rc = stream__end(&stream, rc, error);
	element_ids_free(stream.element_ids);
	return rc;
}

int pipeline__stream(struct pipeline *pipeline, struct error *error)
{
	return stream__whole(pipeline, NULL, error);
}

int pipeline__stream_until(struct pipeline *pipeline, const struct pipeline_bound *bound, struct error *error)
{
	int rc = stream__whole(pipeline, bound, error);

	if (rc == 0 && pipeline->loop.stop)
		rc = error_set(error, ERR_CANCELLED, "stopped on the way to a snapshot");
	/* a server process streams from a logical slot once: asked again it ends the stream at its beginning (seen with 15) */
	if (rc == 0) {
		session_postgres_close(&pipeline->replication);
		rc = pipeline__open_replication(pipeline, error);
	}
	return rc;
}
