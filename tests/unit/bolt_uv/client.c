#include "client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define GUARD_MS 60000

void client_log(struct client *client, const char *format, ...)
{
	size_t size = strlen(client->log);
	va_list args;

	if (client->log_off)
		return;
	if (size && size + 1 < sizeof(client->log))
		client->log[size++] = ' ';
	va_start(args, format);
	vsnprintf(client->log + size, sizeof(client->log) - size, format, args);
	va_end(args);
}

static void on_record(void *user, const struct bolt_record *record)
{
	struct client_request *request = user;

	request->client->record_count++;
	client_log(request->client, "record[%zu]", record->count);
	if (request->client->on_record)
		request->client->on_record(request->client, record);
}

static void on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct client_request *request = user;
	struct client *client = request->client;

	client->done_count++;
	assert_true(!summary != !error);
	client_log(client, "%s:%s", request->name, error ? bolt_code_name(error->code) : "ok");
	if (error) {
		/* what follows from a failure shall not hide it */
		if (error->code != BOLT_ERR_IGNORED)
			client->last_error = *error;
	} else {
		if (summary->bookmark)
			snprintf(client->bookmark, sizeof(client->bookmark), "%s", summary->bookmark);
		client->qid = summary->qid;
		client->has_more = summary->has_more;
	}
	if (client->on_done)
		client->on_done(client, request->name);
}

static void on_ready(void *user, struct bolt_connection *connection)
{
	struct client *client = user;

	assert_ptr_equal(client->connection, connection);
	client->ready = true;
	client_log(client, "ready");
	if (client->on_ready)
		client->on_ready(client);
}

static void on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	struct client *client = user;

	assert_ptr_equal(client->connection, connection);
	assert_false(client->closed);
	client->closed = true;
	if (error)
		client->error = *error;
	client_log(client, error ? "closed:%s" : "closed", error ? bolt_code_name(error->code) : "");
}

static void on_drain(void *user, struct bolt_connection *connection)
{
	(void)connection;
	client_log(user, "drain");
}

const struct bolt_handler client_handler = {.on_record = on_record, .on_done = on_done};
const struct bolt_connection_events client_events = {.on_ready = on_ready, .on_closed = on_closed, .on_drain = on_drain};

static void on_guard(uv_timer_t *timer)
{
	((struct client *)timer->data)->guard_fired = true;
}

void client_init(struct client *client, const char *uri, const char *user, const char *password)
{
	*client = (struct client){.qid = -1};
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(uv_loop_init(&client->loop), 0);
	uv_timer_init(&client->loop, &client->guard);
	client->guard.data = client;
	uv_timer_start(&client->guard, on_guard, GUARD_MS, 0);
	bolt_config_init(&client->config);
	client->config.uri = uri;
	if (!user)
		return;
	client->config.auth = (struct bolt_auth_token){.kind = BOLT_AUTH_BASIC, .principal = user, .credentials = password};
}

int client_connect(struct client *client)
{
	return bolt_connect(&client->loop, &client->config, &client_events, client, &client->connection, &client->error);
}

void *client_request(struct client *client, const char *name)
{
	struct client_request *request = &client->requests[client->request_count++ % CLIENT_PENDING_MAX];

	*request = (struct client_request){.client = client, .name = name};
	return request;
}

static void client_turn(struct client *client)
{
	uv_run(&client->loop, UV_RUN_ONCE);
	assert_false(client->guard_fired);
}

void client_wait(struct client *client)
{
	while (!client->closed && bolt_requests_in_flight(client->connection))
		client_turn(client);
}

void client_wait_ready(struct client *client)
{
	while (!client->closed && !client->ready)
		client_turn(client);
}

void client_wait_closed(struct client *client)
{
	while (!client->closed)
		client_turn(client);
}

void client_end(struct client *client)
{
	if (client->connection && !client->closed) {
		bolt_close(client->connection);
		client_wait_closed(client);
	}
	uv_close((uv_handle_t *)&client->guard, NULL);
	uv_run(&client->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&client->loop), 0);
}
