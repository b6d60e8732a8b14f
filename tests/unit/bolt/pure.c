#include "pure.h"

#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define REQUESTS_MAX 256

struct pure_request {
	struct pure *pure;
	const char *name;
};

static struct pure_request requests[REQUESTS_MAX];
static size_t request_count;

static struct pure *pure_of(struct bolt_connection *connection)
{
	return (struct pure *)connection;
}

static void pure_log(struct pure *pure, const char *format, ...)
{
	size_t size = strlen(pure->log);
	va_list args;

	if (size)
		pure->log[size++] = ' ';
	va_start(args, format);
	vsnprintf(pure->log + size, sizeof(pure->log) - size, format, args);
	va_end(args);
}

/* ---- transport ---- */

static void on_output(struct bolt_connection *connection)
{
	(void)connection;
}

static void on_login(struct bolt_connection *connection)
{
	bolt__connection_announce(connection);
}

static void on_defunct(struct bolt_connection *connection, bool goodbye)
{
	assert_false(pure_of(connection)->defunct);
	pure_of(connection)->defunct = true;
	pure_of(connection)->goodbye = goodbye;
}

static void on_pause(struct bolt_connection *connection, bool paused)
{
	pure_log(pure_of(connection), paused ? "pause" : "resume");
}

static uint64_t now_ms(struct bolt_connection *connection)
{
	return pure_of(connection)->now_ms;
}

static const struct bolt__transport transport = {
        .on_output = on_output,
        .flush = on_output,
        .on_login = on_login,
        .on_defunct = on_defunct,
        .on_pause = on_pause,
        .now_ms = now_ms,
};

/* ---- the user ---- */

static void on_ready(void *user, struct bolt_connection *connection)
{
	(void)connection;
	pure_log(user, "ready");
}

static void on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	struct pure *pure = user;

	(void)connection;
	assert_false(pure->closed);
	pure->closed = true;
	if (error)
		pure->error = *error;
	pure_log(pure, error ? "closed:%s" : "closed", error ? bolt_code_name(error->code) : "");
}

static void on_drain(void *user, struct bolt_connection *connection)
{
	(void)connection;
	pure_log(user, "drain");
}

static const struct bolt_connection_events events = {.on_ready = on_ready, .on_closed = on_closed, .on_drain = on_drain};

static void on_record(void *user, const struct bolt_record *record)
{
	struct pure_request *request = user;

	pure_log(request->pure, "record[%zu]", record->count);
	if (request->pure->on_record)
		request->pure->on_record(request->pure, record);
}

static void on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct pure_request *request = user;
	struct pure *pure = request->pure;

	assert_true(!summary != !error);
	if (error)
		pure->last_error = *error;
	else if (pure->on_summary)
		pure->on_summary(pure, summary);
	pure_log(pure, "%s:%s", request->name, error ? bolt_code_name(error->code) : "ok");
	if (pure->on_done)
		pure->on_done(pure, request->name);
}

const struct bolt_handler pure_handler = {.on_record = on_record, .on_done = on_done};

void *pure_request(struct pure *pure, const char *name)
{
	struct pure_request *request = &requests[request_count++ % REQUESTS_MAX];

	*request = (struct pure_request){.pure = pure, .name = name};
	return request;
}

/* ---- the test ---- */

void pure_init(struct pure *pure)
{
	*pure = (struct pure){.now_ms = 1000};
	bolt_config_init(&pure->config);
	pure->config.uri = "bolt://h";
	pure->config.user_agent = "t";
	pure->config.auth = (struct bolt_auth_token){.kind = BOLT_AUTH_BASIC, .principal = "u", .credentials = "p"};
}

void pure_start(struct pure *pure)
{
	struct bolt_error error;

	if (bolt__settings_create(&pure->config, &pure->settings, &error))
		fail_msg("%s", error.message);
	bolt__connection_init(&pure->connection, pure->settings, &transport, &events, pure);
	snprintf(pure->connection.address, sizeof(pure->connection.address), "h:7687");
	bolt__connection_start(&pure->connection);
}

static void output_drop(struct pure *pure)
{
	struct buffer output;

	buffer_init(&output, SIZE_MAX);
	if (bolt__connection_take(&pure->connection, &output))
		bolt__connection_sent(&pure->connection, output.size);
	buffer_free(&output);
}

void pure_ready(struct pure *pure, uint8_t major, uint8_t minor)
{
	char version[16];

	pure_start(pure);
	snprintf(version, sizeof(version), "0000%02X%02X", minor, major);
	pure_feed(pure, version);
	pure_answer(pure, "B1 70 A2 'server' 'S' 'connection_id' 'c'");
	if (bolt__message_holds(BOLT__LOGON, pure->connection.version))
		pure_answer(pure, "B1 70 A0");
	assert_string_equal(pure->log, "ready");
	output_drop(pure);
	pure->log[0] = '\0';
}

void pure_free(struct pure *pure)
{
	bolt__connection_free(&pure->connection);
	bolt__settings_free(pure->settings);
}

void assert_output(struct pure *pure, const char *hex)
{
	struct buffer output;

	buffer_init(&output, SIZE_MAX);
	bolt__connection_take(&pure->connection, &output);
	bolt__connection_sent(&pure->connection, output.size);
	assert_hex(output.data, output.size, hex);
	buffer_free(&output);
}

void assert_messages(struct pure *pure, ...)
{
	struct buffer output;
	const char *hex;
	size_t at = 0;
	va_list args;

	buffer_init(&output, SIZE_MAX);
	bolt__connection_take(&pure->connection, &output);
	bolt__connection_sent(&pure->connection, output.size);
	va_start(args, pure);
	while ((hex = va_arg(args, const char *))) {
		size_t size;

		if (at + 4 > output.size)
			fail_msg("no message where %s is expected", hex);
		size = (size_t)(uint8_t)output.data[at] << 8 | (uint8_t)output.data[at + 1];
		assert_true(at + size + 4 <= output.size);
		assert_hex(output.data + at + 2, size, hex);
		assert_memory_equal(output.data + at + 2 + size, "\0\0", 2);
		at += size + 4;
	}
	va_end(args);
	assert_int_equal(at, output.size);
	buffer_free(&output);
}

static void feed_bytes(struct pure *pure, const uint8_t *bytes, size_t size)
{
	size_t step = pure->byte_by_byte ? 1 : size;

	for (size_t at = 0; at < size; at += step) {
		/* memory of its own, so that the sanitizer sees a read past it */
		uint8_t *copy = malloc(step);

		memcpy(copy, bytes + at, step);
		bolt__connection_feed(&pure->connection, copy, step);
		memset(copy, 0xEE, step);
		free(copy);
	}
}

void pure_feed(struct pure *pure, const char *hex)
{
	static uint8_t bytes[1 << 20];

	feed_bytes(pure, bytes, hex_parse(hex, bytes, sizeof(bytes)));
}

void pure_answer(struct pure *pure, const char *hex)
{
	static uint8_t bytes[1 << 16];
	size_t size = hex_parse(hex, bytes + 2, sizeof(bytes) - 4);

	bytes[0] = (uint8_t)(size >> 8);
	bytes[1] = (uint8_t)size;
	bytes[size + 2] = bytes[size + 3] = 0;
	feed_bytes(pure, bytes, size + 4);
}

void pure_finish(struct pure *pure)
{
	assert_true(pure->defunct);
	bolt__connection_finish(&pure->connection);
	assert_true(pure->closed);
}
