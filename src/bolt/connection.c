#include "bolt/connection.h"

#include "bolt/error.h"
#include "bolt/response.h"

#include <stdlib.h>

#define FIFO_CAPACITY_MIN 64
#define MESSAGE_KEPT_MAX ((size_t)1 << 20)
#define LOGIN_OUTPUT_MAX 65536
#define HEAD_SIZE_MAX ((size_t)16 << 20)

static const struct bolt_handler deaf_handler = {0};

static void connection_enter_defunct(struct bolt_connection *connection)
{
	connection->input.header_size = 0;
	connection->input.chunk_left = 0;
	connection->transport->on_defunct(connection, connection->closed_by_user);
}

static const char *const state_names[] = {
#define X(name) [BOLT__STATE_##name] = #name,
        BOLT_STATES(X)
#undef X
};

/* What happens on entry, per state. */
static void (*const state_entries[])(struct bolt_connection *connection) = {
        [BOLT__STATE_DEFUNCT] = connection_enter_defunct,
        [BOLT__STATE_CLOSED] = NULL,
};

static void connection_set_state(struct bolt_connection *connection, enum bolt__state state)
{
	const struct bolt_config *config = &connection->settings->config;
	enum bolt__state before = connection->state;

	connection->state = state;
	if (config->on_state && state != before)
		config->on_state(config->on_state_user, connection, state_names[before], state_names[state]);
	if (state_entries[state])
		state_entries[state](connection);
}

void bolt__connection_init(struct bolt_connection *connection, const struct bolt__settings *settings,
                           const struct bolt__transport *transport, const struct bolt_connection_events *events, void *user)
{
	*connection = (struct bolt_connection){
	        .settings = settings,
	        .transport = transport,
	        .events = events,
	        .user = user,
	        .utc = true,
	        .receive_timeout_ms = settings->config.receive_timeout_ms,
	        .connect_deadline_ms = BOLT__NO_DEADLINE,
	};
	arena_init(&connection->arena, settings->config.message_memory_max);
	buffer_init(&connection->input.message, settings->config.message_size_max);
	buffer_init(&connection->output, settings->config.output_size_max + LOGIN_OUTPUT_MAX);
	bolt_writer_init(&connection->head, HEAD_SIZE_MAX);
	bolt_writer_init(&connection->tail, HEAD_SIZE_MAX);
}

void bolt__connection_free(struct bolt_connection *connection)
{
	arena_free(&connection->arena);
	buffer_free(&connection->input.message);
	buffer_free(&connection->output);
	bolt_writer_free(&connection->head);
	bolt_writer_free(&connection->tail);
	free(connection->fifo.requests);
	connection->fifo = (struct bolt__fifo){0};
}

bool bolt__connection_is_defunct(const struct bolt_connection *connection)
{
	return connection->state >= BOLT__STATE_DEFUNCT;
}

void bolt__connection_fail(struct bolt_connection *connection, const struct bolt_error *error)
{
	if (bolt__connection_is_defunct(connection))
		return;
	connection->error = *error;
	connection->error.fatal = true;
	connection_set_state(connection, BOLT__STATE_DEFUNCT);
}

/* ---- the FIFO ---- */

static bool fifo_grow(struct bolt__fifo *fifo)
{
	size_t capacity = fifo->capacity ? fifo->capacity * 2 : FIFO_CAPACITY_MIN;
	struct bolt__request *requests = calloc(capacity, sizeof(*requests));

	if (!requests)
		return false;
	for (size_t i = 0; i < fifo->count; i++)
		requests[i] = fifo->requests[(fifo->head + i) & (fifo->capacity - 1)];
	free(fifo->requests);
	fifo->requests = requests;
	fifo->capacity = capacity;
	fifo->head = 0;
	return true;
}

static struct bolt__request fifo_pop(struct bolt__fifo *fifo)
{
	struct bolt__request request = fifo->requests[fifo->head];

	fifo->head = (fifo->head + 1) & (fifo->capacity - 1);
	fifo->count--;
	if (request.message == BOLT__RESET)
		fifo->reset_count--;
	return request;
}

static void fifo_push(struct bolt__fifo *fifo, struct bolt__request request)
{
	fifo->requests[(fifo->head + fifo->count) & (fifo->capacity - 1)] = request;
	fifo->count++;
	if (request.message == BOLT__RESET)
		fifo->reset_count++;
}

static bool connection_takes_requests(const struct bolt_connection *connection)
{
	switch (connection->state) {
	case BOLT__STATE_LOGIN:
		return true;
	case BOLT__STATE_READY:
	case BOLT__STATE_FAILED:
		return !connection->going;
	default:
		return false;
	}
}

int bolt__connection_queue(struct bolt_connection *connection, enum bolt__message message, const struct bolt__slice *slices,
                           size_t count, const struct bolt_handler *handler, void *user)
{
	const struct bolt_config *config = &connection->settings->config;
	struct bolt__fifo *fifo = &connection->fifo;
	size_t size = 0;
	int error;

	if (!connection_takes_requests(connection))
		return BOLT_ERR_STATE;
	if (!bolt__message_holds(message, connection->version))
		return BOLT_ERR_ARGUMENT;
	for (size_t i = 0; i < count; i++)
		size += slices[i].size;
	/* A RESET must always find room: it is the way out. */
	if (message != BOLT__RESET &&
	    (fifo->count >= config->request_count_max || bolt_output_size(connection) > config->output_size_max ||
	     size > config->output_size_max - bolt_output_size(connection)))
		return BOLT_ERR_LIMIT;
	if (fifo->count == fifo->capacity && !fifo_grow(fifo))
		return BOLT_ERR_NOMEM;
	error = bolt__output_message(&connection->output, slices, count);
	if (error)
		return error;
	if (!fifo->count)
		connection->activity_ms = connection->transport->now_ms(connection);
	fifo_push(fifo, (struct bolt__request){.handler = handler ? handler : &deaf_handler, .user = user, .message = message});
	if (bolt_output_size(connection) > config->output_size_high)
		connection->drain_wanted = true;
	connection->transport->on_output(connection);
	return 0;
}

/* ---- login ---- */

static void login_fail(struct bolt_connection *connection, const struct bolt_error *error)
{
	struct bolt_error copy = *error;

	if (copy.code == BOLT_ERR_SERVER && bolt__error_is_security(&copy))
		copy.code = BOLT_ERR_AUTH;
	bolt__error_prefix(&copy, "login at %s", connection->address);
	bolt__connection_fail(connection, &copy);
}

static void login_succeed(struct bolt_connection *connection)
{
	connection_set_state(connection, BOLT__STATE_READY);
	connection->transport->on_login(connection);
}

static void text_copy(char *to, size_t capacity, const struct bolt_value *value)
{
	size_t size = value && value->size < capacity ? value->size : 0;

	if (size)
		memcpy(to, value->string, size);
	to[size] = '\0';
}

static void hints_apply(struct bolt_connection *connection, const struct bolt_value *hints)
{
	const struct bolt_value *seconds = bolt_map_get_type(hints, "connection.recv_timeout_seconds", BOLT_TYPE_INT);
	uint64_t hint_ms;

	if (!seconds || seconds->integer <= 0 || seconds->integer > INT32_MAX)
		return;
	hint_ms = (uint64_t)seconds->integer * 1000;
	if (!connection->receive_timeout_ms || hint_ms < connection->receive_timeout_ms)
		connection->receive_timeout_ms = hint_ms;
}

static void on_hello(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct bolt_connection *connection = user;
	const struct bolt_value *patches;

	if (error) {
		login_fail(connection, error);
		return;
	}
	text_copy(connection->server, sizeof(connection->server),
	          bolt_map_get_type(summary->metadata, "server", BOLT_TYPE_STRING));
	text_copy(connection->id, sizeof(connection->id),
	          bolt_map_get_type(summary->metadata, "connection_id", BOLT_TYPE_STRING));
	hints_apply(connection, bolt_map_get(summary->metadata, "hints"));
	patches = bolt_map_get_type(summary->metadata, "patch_bolt", BOLT_TYPE_LIST);
	connection->utc = bolt__feature_holds(BOLT__FEATURE_UTC, connection->version);
	for (uint32_t i = 0; patches && i < patches->size; i++)
		if (bolt_value_is_string(&patches->items[i], "utc"))
			connection->utc = true;
	if (bolt__feature_holds(BOLT__FEATURE_HELLO_AUTH, connection->version))
		login_succeed(connection);
}

static void on_logon(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	(void)summary;
	if (error)
		login_fail(user, error);
	else
		login_succeed(user);
}

static const struct bolt_handler hello_handler = {.on_done = on_hello};
static const struct bolt_handler logon_handler = {.on_done = on_logon};

static void connection_login(struct bolt_connection *connection)
{
	struct bolt_error error;
	int code;

	connection->version = connection->handshake.version;
	connection_set_state(connection, BOLT__STATE_LOGIN);
	code = bolt__connection_login(connection, &hello_handler, &logon_handler, connection);
	if (!code)
		return;
	bolt__error_set(&error, code, "the login at %s could not be packed: %s", connection->address, bolt_code_what(code));
	bolt__connection_fail(connection, &error);
}

/* The handshake is written without messages, so its writes are checked here. */
static bool output_failed(struct bolt_connection *connection)
{
	struct bolt_error error;

	if (!connection->output.failed)
		return false;
	bolt__error_set(&error, BOLT_ERR_NOMEM, "out of memory for the handshake with %s", connection->address);
	bolt__connection_fail(connection, &error);
	return true;
}

void bolt__connection_start(struct bolt_connection *connection)
{
	const struct bolt_config *config = &connection->settings->config;

	connection_set_state(connection, BOLT__STATE_HANDSHAKE);
	connection->activity_ms = connection->transport->now_ms(connection);
	bolt__handshake_start(&connection->handshake, config->version_min, config->version_max, config->legacy_handshake,
	                      &connection->output);
	if (!output_failed(connection))
		connection->transport->on_output(connection);
}

void bolt__connection_restart(struct bolt_connection *connection)
{
	connection->fifo.head = connection->fifo.count = connection->fifo.reset_count = 0;
	connection->input.header_size = connection->input.chunk_left = 0;
	buffer_reset(&connection->input.message);
	buffer_reset(&connection->output);
	connection->unsent = 0;
	connection->receive_timeout_ms = connection->settings->config.receive_timeout_ms;
	connection->in_transaction = false;
	connection_set_state(connection, BOLT__STATE_IDLE);
}

void bolt__connection_announce(struct bolt_connection *connection)
{
	connection->connect_deadline_ms = BOLT__NO_DEADLINE;
	connection->announced = true;
	if (connection->events->on_ready)
		connection->events->on_ready(connection->user, connection);
}

/* ---- answers ---- */

static void violation(struct bolt_connection *connection, const char *what, enum bolt__message message)
{
	struct bolt_error error;

	bolt__error_set(&error, BOLT_ERR_PROTOCOL, "%s answered %s with %s", connection->address, bolt__message_name(message),
	                what);
	bolt__connection_fail(connection, &error);
}

static void request_fail(const struct bolt__request *request, const struct bolt_error *error)
{
	if (request->handler->on_done)
		request->handler->on_done(request->user, NULL, error);
}

static void answer_record(struct bolt_connection *connection, const struct bolt_value *values)
{
	const struct bolt__request *request = &connection->fifo.requests[connection->fifo.head];

	if (request->message != BOLT__PULL || connection->state != BOLT__STATE_READY) {
		violation(connection, "a RECORD", request->message);
		return;
	}
	if (request->handler->on_record) {
		const struct bolt_record record = {.values = values->items, .count = values->size};

		request->handler->on_record(request->user, &record);
	}
}

static void answer_success(struct bolt_connection *connection, const struct bolt_value *metadata)
{
	struct bolt__fifo *fifo = &connection->fifo;
	struct bolt_summary summary;
	struct bolt__request request;

	if (connection->state == BOLT__STATE_FAILED && fifo->requests[fifo->head].message != BOLT__RESET) {
		violation(connection, "a SUCCESS after a FAILURE", fifo->requests[fifo->head].message);
		return;
	}
	request = fifo_pop(fifo);
	if (request.message == BOLT__RESET) {
		connection->failure_retriable = false;
		connection_set_state(connection, BOLT__STATE_READY);
	}
	if (!request.handler->on_done)
		return;
	bolt__summary_fill(&summary, request.message, metadata, &connection->arena);
	request.handler->on_done(request.user, &summary, NULL);
}

static void answer_ignored(struct bolt_connection *connection)
{
	struct bolt__fifo *fifo = &connection->fifo;
	enum bolt__message message = fifo->requests[fifo->head].message;
	/* A RESET on its way interrupts what is before it. */
	size_t resets_behind = fifo->reset_count - (message == BOLT__RESET);
	struct bolt__request request;
	struct bolt_error error;

	if (!resets_behind && (connection->state != BOLT__STATE_FAILED || message == BOLT__RESET)) {
		violation(connection, "an IGNORED without a failure", message);
		return;
	}
	request = fifo_pop(fifo);
	bolt__error_set(&error, BOLT_ERR_IGNORED, "%s was not executed, since an earlier request failed or was reset",
	                bolt__message_name(message));
	error.retriable = connection->failure_retriable;
	request_fail(&request, &error);
}

static void answer_failure(struct bolt_connection *connection, const struct bolt_value *metadata)
{
	struct bolt__fifo *fifo = &connection->fifo;
	struct bolt__request request;
	struct bolt_error error;

	if (connection->state == BOLT__STATE_FAILED && fifo->requests[fifo->head].message != BOLT__RESET) {
		violation(connection, "a second FAILURE", fifo->requests[fifo->head].message);
		return;
	}
	bolt__failure_fill(&error, connection->version, metadata);
	request = fifo_pop(fifo);
	connection->failure_retriable = error.retriable;
	if (bolt_error_is_leader_change(&error))
		connection->leader_changed = true;
	if (connection->state != BOLT__STATE_LOGIN)
		connection_set_state(connection, BOLT__STATE_FAILED);
	error.fatal = request.message == BOLT__RESET;
	request_fail(&request, &error);
	if (request.message == BOLT__RESET)
		bolt__connection_fail(connection, &error);
}

static void connection_say_goodbye(struct bolt_connection *connection)
{
	connection->closed_by_user = true;
	bolt__error_set(&connection->error, BOLT_ERR_CANCELLED, "the connection was closed by this side");
	connection_set_state(connection, BOLT__STATE_DEFUNCT);
}

static void connection_take_message(struct bolt_connection *connection, const void *bytes, size_t size)
{
	struct bolt_error error;
	struct bolt__answer answer;

	arena_reset(&connection->arena);
	if (bolt__answer_parse(bytes, size, &connection->arena, connection->settings->config.depth_max, &answer, &error)) {
		bolt__error_prefix(&error, "an answer of %s", connection->address);
		bolt__connection_fail(connection, &error);
		return;
	}
	if (!connection->fifo.count) {
		bolt__error_set(&error, BOLT_ERR_PROTOCOL, "%s answered more than it was asked", connection->address);
		bolt__connection_fail(connection, &error);
		return;
	}
	switch (answer.response) {
	case BOLT__RECORD:
		answer_record(connection, &answer.field);
		break;
	case BOLT__SUCCESS:
		answer_success(connection, &answer.field);
		break;
	case BOLT__IGNORED:
		answer_ignored(connection);
		break;
	case BOLT__FAILURE:
		answer_failure(connection, &answer.field);
		break;
	}
	if (connection->going && !connection->fifo.count && !bolt__connection_is_defunct(connection))
		connection_say_goodbye(connection);
}

/* ---- input ---- */

static void message_too_large(struct bolt_connection *connection)
{
	struct bolt_error error;

	bolt__error_set(&error, BOLT_ERR_LIMIT, "a message of %s is larger than message_size_max (%zu bytes)",
	                connection->address, connection->settings->config.message_size_max);
	bolt__connection_fail(connection, &error);
}

/* A message that lies whole in one chunk in the bytes at hand is read where it is. */
static bool take_in_place(struct bolt_connection *connection, struct reader *reader)
{
	struct bolt__input *input = &connection->input;
	size_t size = input->chunk_left;
	const uint8_t *bytes = reader->at;

	if (input->message.size || reader_left(reader) < size + 2 || bytes[size] || bytes[size + 1])
		return false;
	if (size > connection->settings->config.message_size_max)
		return false;
	reader->at += size + 2;
	input->chunk_left = 0;
	connection_take_message(connection, bytes, size);
	return true;
}

static void take_chunk_bytes(struct bolt_connection *connection, struct reader *reader)
{
	struct bolt__input *input = &connection->input;
	size_t size = reader_left(reader) < input->chunk_left ? reader_left(reader) : input->chunk_left;

	buffer_append(&input->message, reader->at, size);
	if (input->message.failed) {
		message_too_large(connection);
		return;
	}
	reader->at += size;
	input->chunk_left -= size;
}

static void take_chunk_header(struct bolt_connection *connection, struct reader *reader)
{
	struct bolt__input *input = &connection->input;

	input->header[input->header_size++] = reader_u8(reader);
	if (input->header_size < sizeof(input->header))
		return;
	input->header_size = 0;
	input->chunk_left = (size_t)input->header[0] << 8 | input->header[1];
	/* A chunk of size 0 ends a message; where there is none, it is a NOOP that keeps the connection alive. */
	if (input->chunk_left || !input->message.size)
		return;
	connection_take_message(connection, input->message.data, input->message.size);
	/* One large message shall not hold its memory for ever. */
	if (input->message.capacity > MESSAGE_KEPT_MAX)
		buffer_free(&input->message);
	else
		buffer_reset(&input->message);
}

void bolt__connection_feed(struct bolt_connection *connection, const void *bytes, size_t size)
{
	struct reader reader = reader_of(bytes, size);
	struct bolt_error error;

	connection->activity_ms = connection->transport->now_ms(connection);
	while (reader_left(&reader) && connection->state != BOLT__STATE_IDLE && !bolt__connection_is_defunct(connection)) {
		if (connection->state == BOLT__STATE_HANDSHAKE) {
			if (bolt__handshake_feed(&connection->handshake, &reader, &connection->output, &error)) {
				bolt__error_prefix(&error, "handshake with %s", connection->address);
				bolt__connection_fail(connection, &error);
			} else if (!output_failed(connection) && connection->handshake.done) {
				connection_login(connection);
			}
		} else if (!connection->input.chunk_left) {
			take_chunk_header(connection, &reader);
		} else if (!take_in_place(connection, &reader)) {
			take_chunk_bytes(connection, &reader);
		}
	}
}

/* ---- output, time, end ---- */

bool bolt__connection_take(struct bolt_connection *connection, struct buffer *into)
{
	const struct bolt_config *config = &connection->settings->config;
	struct buffer swap = *into;

	if (!connection->output.size)
		return false;
	*into = connection->output;
	swap.size_max = connection->output.size_max;
	connection->output = swap;
	buffer_reset(&connection->output);
	connection->unsent += into->size;
	if (config->on_send)
		config->on_send(config->on_send_user, into->data, into->size);
	return true;
}

void bolt__connection_sent(struct bolt_connection *connection, size_t size)
{
	connection->unsent -= size < connection->unsent ? size : connection->unsent;
}

void bolt__connection_drain(struct bolt_connection *connection)
{
	if (!connection->drain_wanted || bolt__connection_is_defunct(connection) ||
	    bolt_output_size(connection) > connection->settings->config.output_size_high / 2)
		return;
	connection->drain_wanted = false;
	if (connection->events->on_drain)
		connection->events->on_drain(connection->user, connection);
}

static uint64_t receive_deadline(const struct bolt_connection *connection)
{
	bool waiting = connection->fifo.count || connection->state == BOLT__STATE_HANDSHAKE;

	if (!connection->receive_timeout_ms || !waiting || connection->paused)
		return BOLT__NO_DEADLINE;
	return connection->activity_ms + connection->receive_timeout_ms;
}

uint64_t bolt__connection_deadline(const struct bolt_connection *connection)
{
	uint64_t receive_ms = receive_deadline(connection);

	if (bolt__connection_is_defunct(connection))
		return BOLT__NO_DEADLINE;
	return receive_ms < connection->connect_deadline_ms ? receive_ms : connection->connect_deadline_ms;
}

void bolt__connection_on_time(struct bolt_connection *connection, uint64_t now_ms)
{
	struct bolt_error error;

	if (now_ms < bolt__connection_deadline(connection))
		return;
	if (now_ms >= connection->connect_deadline_ms)
		bolt__error_set(&error, BOLT_ERR_TIMEOUT, "no connection to %s within %u ms", connection->address,
		                connection->settings->config.connect_timeout_ms);
	else
		bolt__error_set(&error, BOLT_ERR_TIMEOUT, "not a byte from %s for %llu ms while an answer was due",
		                connection->address, (unsigned long long)connection->receive_timeout_ms);
	bolt__connection_fail(connection, &error);
}

void bolt__connection_finish(struct bolt_connection *connection)
{
	while (connection->fifo.count) {
		struct bolt__request request = fifo_pop(&connection->fifo);

		request_fail(&request, &connection->error);
	}
	connection_set_state(connection, BOLT__STATE_CLOSED);
	connection->events->on_closed(connection->user, connection, connection->closed_by_user ? NULL : &connection->error);
}

/* ---- the public side ---- */

void bolt_close(struct bolt_connection *connection)
{
	if (bolt__connection_is_defunct(connection))
		return;
	connection_say_goodbye(connection);
}

void bolt_goodbye(struct bolt_connection *connection)
{
	bool idle = !connection->announced || !connection->fifo.count;

	if (bolt__connection_is_defunct(connection))
		return;
	connection->going = true;
	if (idle)
		connection_say_goodbye(connection);
}

bool bolt_connection_is_ready(const struct bolt_connection *connection)
{
	return connection->announced && !connection->going &&
	       (connection->state == BOLT__STATE_READY || connection->state == BOLT__STATE_FAILED);
}

bool bolt_connection_is_failed(const struct bolt_connection *connection)
{
	return connection->state == BOLT__STATE_FAILED;
}

bool bolt_connection_utc(const struct bolt_connection *connection)
{
	return connection->utc;
}

struct bolt_version bolt_connection_version(const struct bolt_connection *connection)
{
	return connection->version;
}

const char *bolt_connection_server(const struct bolt_connection *connection)
{
	return connection->server;
}

const char *bolt_connection_id(const struct bolt_connection *connection)
{
	return connection->id;
}

const char *bolt_connection_address(const struct bolt_connection *connection)
{
	return connection->address;
}

size_t bolt_output_size(const struct bolt_connection *connection)
{
	return connection->output.size + connection->unsent;
}

size_t bolt_requests_in_flight(const struct bolt_connection *connection)
{
	return connection->fifo.count;
}

void bolt_flush(struct bolt_connection *connection)
{
	if (connection->output.size && !bolt__connection_is_defunct(connection))
		connection->transport->flush(connection);
}

void bolt_pause(struct bolt_connection *connection)
{
	if (connection->paused || bolt__connection_is_defunct(connection))
		return;
	connection->paused = true;
	connection->transport->on_pause(connection, true);
}

void bolt_resume(struct bolt_connection *connection)
{
	if (!connection->paused || bolt__connection_is_defunct(connection))
		return;
	connection->paused = false;
	connection->activity_ms = connection->transport->now_ms(connection);
	connection->transport->on_pause(connection, false);
}
