#include "postgres/replication.h"

#include "change/change.h"
#include "mapping/quote.h"
#include "postgres/room.h"

#include <sys/time.h>

#define COMMAND_SIZE_MAX 4096
#define CONFIRM_INTERVAL_MS 100
/* Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch. */
#define POSTGRES_EPOCH_S 946684800

enum stream_state {
	STREAM_STATE_STARTING, /* START_REPLICATION is not answered yet */
	STREAM_STATE_RUNNING,
	STREAM_STATE_STOPPING, /* we sent CopyDone; what still comes is dropped */
	STREAM_STATE_ENDED,    /* the server's CopyDone came */
};

struct stream_request {
	struct request request;
	enum stream_state state;
	bool stop_asked;
	bool status_due; /* confirmed_lsn has moved since the last status */
	bool ping_asked; /* the server was asked for a sign of life */
	uint64_t interval_ms;
	uint64_t status_ms; /* loop time of the last status */
	uint64_t heard_ms;  /* loop time of the last frame */
	uint64_t stop_ms;   /* loop time of the CopyDone */
	uint64_t received_lsn;
	uint64_t confirmed_lsn;
	postgres_frame_fn *on_frame;
	postgres_done_fn *on_end;
	void *user;
};

static void on_status_timer(uv_timer_t *timer);

static void status_timer_arm(struct postgres_connection *connection, const struct stream_request *stream)
{
	uint64_t now_ms = uv_now(connection->loop);
	uint64_t due_ms = stream->status_ms + (stream->status_due ? CONFIRM_INTERVAL_MS : stream->interval_ms);

	uv_timer_start(&connection->status_timer, on_status_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void status_send(struct postgres_connection *connection, struct stream_request *stream, bool reply_requested)
{
	struct pgoutput_status status = {
	        .written_lsn = stream->received_lsn > stream->confirmed_lsn ? stream->received_lsn : stream->confirmed_lsn,
	        .flushed_lsn = stream->confirmed_lsn,
	        .applied_lsn = stream->confirmed_lsn,
	        .reply_requested = reply_requested,
	};
	struct buffer buffer;
	struct timeval now;

	gettimeofday(&now, NULL);
	status.time_us = ((int64_t)now.tv_sec - POSTGRES_EPOCH_S) * 1000000 + now.tv_usec;
	buffer_init(&buffer, PGOUTPUT_STATUS_SIZE);
	pgoutput_status_write(&buffer, &status);
	/* 0: libpq's buffer is full; the next status says the same and more. Errors show when reading. */
	if (!buffer.failed && PQputCopyData(connection->pg, buffer.data, (int)buffer.size) == 1)
		stream->status_due = false;
	buffer_free(&buffer);
	connection__flush(connection);
	stream->status_ms = uv_now(connection->loop);
	status_timer_arm(connection, stream);
}

static void stream_silent(struct postgres_connection *connection)
{
	struct error error;

	error_set_class(&error, ERR_TIMEOUT, ERROR_RETRY, "PostgreSQL %s: the replication stream fell silent for %d s",
	                connection->address, POSTGRES_SILENCE_MAX_MS / 1000);
	connection__lost(connection, &error);
}

static void stream_stop_timeout(struct postgres_connection *connection)
{
	struct error error = connection->stream->request.error;

	if (!error.code)
		error_set_class(&error, ERR_TIMEOUT, ERROR_RETRY, "PostgreSQL %s: the replication stream did not end in %d s",
		                connection->address, POSTGRES_STOP_TIMEOUT_MS / 1000);
	connection__lost(connection, &error);
}

/* From here on the server has only so long to bring the request to its end. */
static void stream_await_end(struct postgres_connection *connection, struct stream_request *stream)
{
	stream->stop_ms = uv_now(connection->loop);
	uv_timer_start(&connection->status_timer, on_status_timer, POSTGRES_STOP_TIMEOUT_MS, 0);
}

static bool stream_is_ending(const struct stream_request *stream)
{
	return stream->state == STREAM_STATE_STOPPING || stream->state == STREAM_STATE_ENDED ||
	       (stream->state == STREAM_STATE_STARTING && stream->stop_asked);
}

static void on_status_timer(uv_timer_t *timer)
{
	struct postgres_connection *connection = timer->data;
	struct stream_request *stream = connection->stream;
	uint64_t now_ms = uv_now(connection->loop);
	uint64_t silence_ms;

	if (!stream)
		return;
	if (stream_is_ending(stream)) {
		if (now_ms - stream->stop_ms >= POSTGRES_STOP_TIMEOUT_MS)
			stream_stop_timeout(connection);
		else
			uv_timer_start(timer, on_status_timer, POSTGRES_STOP_TIMEOUT_MS - (now_ms - stream->stop_ms), 0);
		return;
	}
	if (stream->state != STREAM_STATE_RUNNING)
		return;
	/* Nothing is heard while we do not listen. */
	if (connection->paused)
		stream->heard_ms = now_ms;
	silence_ms = now_ms - stream->heard_ms;
	if (silence_ms >= POSTGRES_SILENCE_MAX_MS && stream->ping_asked) {
		stream_silent(connection);
		return;
	}
	if (silence_ms < POSTGRES_SILENCE_MAX_MS / 2)
		stream->ping_asked = false;
	status_send(connection, stream, silence_ms >= POSTGRES_SILENCE_MAX_MS / 2 && !stream->ping_asked);
	if (silence_ms >= POSTGRES_SILENCE_MAX_MS / 2)
		stream->ping_asked = true;
	connection__poll_update(connection);
}

static void stream_begin_stop(struct postgres_connection *connection, struct stream_request *stream)
{
	status_send(connection, stream, false);
	(void)PQputCopyEnd(connection->pg, NULL);
	connection__flush(connection);
	stream->state = STREAM_STATE_STOPPING;
	stream_await_end(connection, stream);
}

static void stream_started(struct postgres_connection *connection, struct stream_request *stream)
{
	stream->state = STREAM_STATE_RUNNING;
	stream->heard_ms = uv_now(connection->loop);
	if (stream->stop_asked)
		stream_begin_stop(connection, stream);
	else
		status_send(connection, stream, false);
}

static void stream_frame(struct postgres_connection *connection, struct stream_request *stream, const char *bytes, int size)
{
	struct pgoutput_frame frame;
	uint64_t seen_lsn;

	stream->heard_ms = uv_now(connection->loop);
	if (stream->state != STREAM_STATE_RUNNING || stream->request.error.code)
		return;
	if (pgoutput_frame_read(bytes, (size_t)size, &frame, &stream->request.error)) {
		stream_begin_stop(connection, stream);
		return;
	}
	seen_lsn = frame.kind == PGOUTPUT_FRAME_KEEPALIVE ? frame.end_lsn : frame.start_lsn;
	if (seen_lsn > stream->received_lsn)
		stream->received_lsn = seen_lsn;
	stream->on_frame(stream->user, &frame);
	if (frame.reply_requested && connection->state == CONNECTION_STATE_READY && stream->state == STREAM_STATE_RUNNING)
		status_send(connection, stream, false);
}

static enum request_step stream_copy_step(struct postgres_connection *connection, struct stream_request *stream)
{
	char *bytes;
	int size = PQgetCopyData(connection->pg, &bytes, 1);

	if (size == 0)
		return REQUEST_WAIT;
	if (size > 0) {
		stream_frame(connection, stream, bytes, size);
		PQfreemem(bytes);
		return REQUEST_MORE;
	}
	/* By a CopyDone, an error, or just the command's end: the next result tells. */
	stream->state = STREAM_STATE_ENDED;
	stream_await_end(connection, stream);
	return REQUEST_MORE;
}

static enum request_step stream_end_ours(struct postgres_connection *connection)
{
	struct error error;

	if (PQputCopyEnd(connection->pg, NULL) == 1) {
		connection__flush(connection);
		return REQUEST_MORE;
	}
	connection__lost_error(connection, &error);
	connection__lost(connection, &error);
	return REQUEST_WAIT;
}

static enum request_step stream_step(struct postgres_connection *connection, struct request *request)
{
	struct stream_request *stream = (struct stream_request *)request;
	PGresult *result;
	enum request_step step;

	if (stream->state == STREAM_STATE_RUNNING || stream->state == STREAM_STATE_STOPPING)
		return stream_copy_step(connection, stream);
	step = request__next_result(connection, &result);
	if (step != REQUEST_MORE) {
		if (step == REQUEST_DONE && !stream->stop_asked && !request->error.code)
			error_set_class(&request->error, ERR_IO, ERROR_RETRY,
			                "PostgreSQL %s: the server ended the replication stream", connection->address);
		return step;
	}
	switch (PQresultStatus(result)) {
	case PGRES_COPY_BOTH:
		stream_started(connection, stream);
		break;
	case PGRES_COPY_IN: /* the server's CopyDone came and wants ours */
		step = stream_end_ours(connection);
		break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK: /* the next timeline, after the end of an old one */
		break;
	default:
		request__fail(connection, request, result);
		break;
	}
	PQclear(result);
	return step;
}

static void stream_complete(struct postgres_connection *connection, struct request *request, const struct error *error)
{
	struct stream_request *stream = (struct stream_request *)request;

	if (connection->state != CONNECTION_STATE_CLOSING)
		uv_timer_stop(&connection->status_timer);
	stream->on_end(stream->user, error);
}

/* publication_names is a list of identifiers inside a literal. */
static void stream_command(struct buffer *sql, const struct postgres_stream_options *options)
{
	char lsn[LSN_TEXT_SIZE];
	struct buffer names;

	buffer_init(&names, COMMAND_SIZE_MAX);
	sql_quote_identifier(&names, options->publication);
	buffer_append_text(sql, "START_REPLICATION SLOT ");
	sql_quote_identifier(sql, options->slot);
	buffer_printf(sql, " LOGICAL %s (proto_version '1', publication_names ", lsn_print(options->start_lsn, lsn));
	sql_quote_replication_literal(sql, buffer_text(&names));
	buffer_append_text(sql, ")");
	sql->failed |= names.failed;
	buffer_free(&names);
}

int postgres_stream_start(struct postgres_connection *connection, const struct postgres_stream_options *options,
                          struct error *error)
{
	struct stream_request *stream = NULL;
	struct buffer sql;
	const char *text;
	int rc = 0;

	if (connection->stream)
		return error_set(error, ERR_STATE, "a connection carries one replication stream at a time");
	buffer_init(&sql, COMMAND_SIZE_MAX);
	stream_command(&sql, options);
	text = buffer_text(&sql);
	if (sql.failed)
		rc = error_set(error, ERR_LIMIT, "the names of slot and publication are too long");
	else if (!(stream = request__new(sizeof(*stream), text, NULL, 0)))
		rc = error_set(error, ERR_NOMEM, "no memory for a replication stream");
	buffer_free(&sql);
	if (!stream)
		return rc;
	stream->request.step = stream_step;
	stream->request.complete = stream_complete;
	stream->interval_ms = options->status_interval_ms ? options->status_interval_ms : POSTGRES_STATUS_INTERVAL_MS;
	stream->received_lsn = options->start_lsn;
	stream->confirmed_lsn = options->start_lsn;
	stream->on_frame = options->on_frame;
	stream->on_end = options->on_end;
	stream->user = options->user;
	rc = connection__queue(connection, &stream->request, error);
	if (!rc)
		connection->stream = stream;
	return rc;
}

void postgres_stream_pause(struct postgres_connection *connection)
{
	if (connection->state != CONNECTION_STATE_READY || !connection->stream ||
	    (void *)connection->stream != (void *)connection->first)
		return;
	connection->paused = true;
	if (!connection->pumping)
		connection__poll_update(connection);
}

void postgres_stream_resume(struct postgres_connection *connection)
{
	if (!connection->paused)
		return;
	connection->paused = false;
	if (connection->stream)
		connection->stream->heard_ms = uv_now(connection->loop);
	connection__kick(connection);
}

void postgres_stream_confirm(struct postgres_connection *connection, uint64_t lsn)
{
	struct stream_request *stream = connection->stream;

	if (!stream || lsn <= stream->confirmed_lsn)
		return;
	stream->confirmed_lsn = lsn;
	stream->status_due = true;
	if (connection->state == CONNECTION_STATE_READY && stream->state == STREAM_STATE_RUNNING)
		status_timer_arm(connection, stream);
}

uint64_t postgres_stream_confirmed_lsn(const struct postgres_connection *connection)
{
	return connection->stream ? connection->stream->confirmed_lsn : 0;
}

uint64_t postgres_stream_received_lsn(const struct postgres_connection *connection)
{
	return connection->stream ? connection->stream->received_lsn : 0;
}

void postgres_stream_stop(struct postgres_connection *connection)
{
	struct stream_request *stream = connection->stream;

	if (!stream || stream->stop_asked)
		return;
	stream->stop_asked = true;
	postgres_stream_resume(connection);
	if (connection->state == CONNECTION_STATE_READY && stream->state == STREAM_STATE_RUNNING)
		stream_begin_stop(connection, stream);
	else if (connection->state == CONNECTION_STATE_READY && stream->state == STREAM_STATE_STARTING)
		stream_await_end(connection, stream);
	connection__kick(connection);
}
