/*
 * Any bytes as a server: the first say which requests are queued and how the rest is cut, the rest is fed. Never a read
 * outside; every request completes exactly once and in order.
 */
#include "bolt/connection.h"

#include <stdio.h>
#include <stdlib.h>

#define PLAN_SIZE 16

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct bolt__settings *settings[2];
static size_t queued, done;
static bool closed;

static void check(bool right)
{
	if (!right)
		abort();
}

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
	(void)connection, (void)goodbye;
}

static void on_pause(struct bolt_connection *connection, bool paused)
{
	(void)connection, (void)paused;
}

static uint64_t now_ms(struct bolt_connection *connection)
{
	(void)connection;
	return 0;
}

static const struct bolt__transport transport = {
        .on_output = on_output,
        .flush = on_output,
        .on_login = on_login,
        .on_defunct = on_defunct,
        .on_pause = on_pause,
        .now_ms = now_ms,
};

static void on_record(void *user, const struct bolt_record *record)
{
	(void)user;
	for (size_t i = 0; i < record->count; i++)
		check(bolt_type_name(record->values[i].type)[0] != '?');
}

static void on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	check((size_t)user == done++);
	check(!summary != !error);
	if (error)
		check(error->code && strnlen(error->message, sizeof(error->message)) < sizeof(error->message));
	else if (summary->bookmark)
		check(strlen(summary->bookmark) < ((size_t)1 << 20));
}

static const struct bolt_handler handler = {.on_record = on_record, .on_done = on_done};

static int queue(struct bolt_connection *connection, uint8_t what)
{
	void *user = (void *)queued;

	switch (what % 10) {
	case 0:
		return bolt_begin(connection, NULL, &handler, user);
	case 1:
		return bolt_run(connection, "q", NULL, NULL, &handler, user);
	case 2:
		return bolt_pull(connection, BOLT_ALL, BOLT_QID_LAST, &handler, user);
	case 3:
		return bolt_commit(connection, &handler, user);
	case 4:
		return bolt_reset(connection, &handler, user);
	case 5:
		return bolt_route(connection, NULL, 0, NULL, NULL, &handler, user);
	case 6:
		return bolt_logoff(connection, &handler, user);
	case 7:
		bolt_goodbye(connection);
		return -1;
	default:
		return bolt_discard(connection, 1, 0, &handler, user);
	}
}

static void on_ready(void *user, struct bolt_connection *connection)
{
	const uint8_t *plan = user;

	for (size_t i = 2; i < PLAN_SIZE; i++)
		queued += !queue(connection, plan[i]);
}

static void on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	(void)user, (void)connection, (void)error;
	check(!closed);
	closed = true;
}

static const struct bolt_connection_events events = {.on_ready = on_ready, .on_closed = on_closed};

static void settings_make(void)
{
	struct bolt_config config;
	struct bolt_error error;

	bolt_config_init(&config);
	config.message_size_max = 1 << 16;
	config.message_memory_max = 1 << 20;
	config.depth_max = 16;
	config.uri = "bolt://h";
	check(!bolt__settings_create(&config, &settings[0], &error));
	config.uri = "neo4j://h?a=b";
	check(!bolt__settings_create(&config, &settings[1], &error));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bolt_connection connection;
	struct buffer output;
	size_t step;

	if (size < PLAN_SIZE)
		return 0;
	if (!settings[0])
		settings_make();
	queued = done = 0;
	closed = false;
	step = bytes[1] ? bytes[1] : size;
	bolt__connection_init(&connection, settings[bytes[0] & 1], &transport, &events, (void *)(uintptr_t)bytes);
	bolt__connection_start(&connection);
	for (size_t at = PLAN_SIZE; at < size; at += step) {
		size_t part = size - at < step ? size - at : step;
		uint8_t *copy = malloc(part);

		memcpy(copy, bytes + at, part);
		bolt__connection_feed(&connection, copy, part);
		free(copy);
	}
	buffer_init(&output, SIZE_MAX);
	bolt__connection_take(&connection, &output);
	buffer_free(&output);
	bolt_close(&connection);
	bolt__connection_finish(&connection);
	check(closed && done == queued);
	bolt__connection_free(&connection);
	return 0;
}
