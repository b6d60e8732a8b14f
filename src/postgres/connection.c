#include "postgres/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void connection_pump(struct postgres_connection *connection);

/* --- requests */

void *request__new(size_t size, const char *sql, const char *const *params, uint32_t params_count)
{
	struct request *request = calloc(1, size);
	uint32_t i;

	if (!request)
		return NULL;
	request->sql = strdup(sql);
	request->params_count = params_count;
	for (i = 0; i < params_count && request->sql; i++) {
		if (!params[i])
			continue;
		request->params[i] = strdup(params[i]);
		if (!request->params[i])
			break;
	}
	if (i < params_count || !request->sql) {
		request__free(request);
		return NULL;
	}
	return request;
}

void request__free(struct request *request)
{
	uint32_t i;

	if (request->release)
		request->release(request);
	for (i = 0; i < request->params_count; i++)
		free(request->params[i]);
	free(request->sql);
	free(request);
}

int connection__queue(struct postgres_connection *connection, struct request *request, struct error *error)
{
	int rc = 0;

	if (connection->state == CONNECTION_STATE_DEAD) {
		if (error)
			*error = connection->dead_error;
		rc = ERR_STATE;
	} else if (connection->state == CONNECTION_STATE_CLOSING) {
		rc = error_set(error, ERR_STATE, "the connection is being closed");
	} else if (connection->requests_count == POSTGRES_QUEUE_MAX) {
		rc = error_set(error, ERR_LIMIT, "more than %d statements are waiting on one connection", POSTGRES_QUEUE_MAX);
	}
	if (rc) {
		request__free(request);
		return rc;
	}
	*connection->last = request;
	connection->last = &request->next;
	connection->requests_count++;
	connection__kick(connection);
	return 0;
}

static struct request *connection_dequeue(struct postgres_connection *connection)
{
	struct request *request = connection->first;

	connection->first = request->next;
	if (!connection->first)
		connection->last = &connection->first;
	connection->requests_count--;
	request->next = NULL;
	connection->paused = false;
	if ((void *)connection->stream == (void *)request)
		connection->stream = NULL;
	return request;
}

static void connection_complete(struct postgres_connection *connection, const struct error *error)
{
	struct request *request = connection_dequeue(connection);

	request->complete(connection, request, error);
	request__free(request);
}

void request__fail(struct postgres_connection *connection, struct request *request, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (request->error.code)
		return;
	if (status == PGRES_FATAL_ERROR || status == PGRES_NONFATAL_ERROR || status == PGRES_BAD_RESPONSE)
		sqlstate__error_of_result(&request->error, connection->address, result);
	else
		error_set(&request->error, ERR_PROTOCOL, "PostgreSQL %s: an answer (%s) that does not fit the statement",
		          connection->address, PQresStatus(status));
}

enum request_step request__next_result(struct postgres_connection *connection, PGresult **ret_result)
{
	*ret_result = NULL;
	if (PQisBusy(connection->pg))
		return REQUEST_WAIT;
	*ret_result = PQgetResult(connection->pg);
	return *ret_result ? REQUEST_MORE : REQUEST_DONE;
}

void request__refuse_input(struct postgres_connection *connection)
{
	(void)PQputCopyEnd(connection->pg, "no data");
	connection__flush(connection);
}

static bool request_send(struct postgres_connection *connection, struct request *request)
{
	int sent;

	if (request->params_count)
		sent = PQsendQueryParams(connection->pg, request->sql, (int)request->params_count, NULL,
		                         (const char *const *)request->params, NULL, NULL, 0);
	else
		sent = PQsendQuery(connection->pg, request->sql);
	request->sent = true;
	return sent == 1;
}

/* --- the socket */

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void connection_poll_drop(struct postgres_connection *connection)
{
	if (!connection->poll)
		return;
	connection->poll->connection = NULL;
	uv_close((uv_handle_t *)&connection->poll->poll, on_poll_closed);
	connection->poll = NULL;
}

static void connection_connect_step(struct postgres_connection *connection);

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct postgres_connection *connection = ((struct poll_handle *)poll->data)->connection;
	struct error error;

	if (!connection)
		return;
	if (connection->state == CONNECTION_STATE_CONNECTING) {
		connection_connect_step(connection);
		return;
	}
	connection->message_size = strlen(PQerrorMessage(connection->pg));
	if (events & UV_WRITABLE)
		connection__flush(connection);
	if ((status < 0 || (events & UV_READABLE)) && connection->state == CONNECTION_STATE_READY &&
	    !PQconsumeInput(connection->pg)) {
		/* What came before the end may still hold the reason. */
		if (connection->first)
			connection_pump(connection);
		else
			(void)PQisBusy(connection->pg);
		if (connection->state != CONNECTION_STATE_READY)
			return;
		connection__lost_error(connection, &error);
		connection__lost(connection, &error);
		return;
	}
	connection_pump(connection);
}

/* One handle for a socket: libpq goes from one to the next while it connects. */
static int connection_poll_start(struct postgres_connection *connection, int events)
{
	int fd = PQsocket(connection->pg);
	int rc;

	if (fd < 0)
		return UV_EBADF;
	if (connection->poll && connection->poll->fd != fd)
		connection_poll_drop(connection);
	if (!connection->poll) {
		struct poll_handle *poll = calloc(1, sizeof(*poll));

		if (!poll)
			return UV_ENOMEM;
		rc = uv_poll_init(connection->loop, &poll->poll, fd);
		if (rc) {
			free(poll);
			return rc;
		}
		poll->poll.data = poll;
		poll->connection = connection;
		poll->fd = fd;
		connection->poll = poll;
	}
	return events ? uv_poll_start(&connection->poll->poll, events, on_poll) : uv_poll_stop(&connection->poll->poll);
}

void connection__poll_update(struct postgres_connection *connection)
{
	struct error error;
	int events = (connection->paused ? 0 : UV_READABLE) | (connection->flush_wanted ? UV_WRITABLE : 0);
	int rc;

	if (connection->state != CONNECTION_STATE_READY)
		return;
	rc = connection_poll_start(connection, events);
	if (!rc)
		return;
	/* libpq closes its socket by itself when it breaks */
	if (PQstatus(connection->pg) == CONNECTION_BAD)
		connection__lost_error(connection, &error);
	else
		error_set_class(&error, ERR_IO, ERROR_RETRY, "PostgreSQL %s: %s", connection->address, uv_strerror(rc));
	connection__lost(connection, &error);
}

void connection__flush(struct postgres_connection *connection)
{
	/* A failure shows again, with its reason, when the answer is read. */
	connection->flush_wanted = PQflush(connection->pg) == 1;
}

static void on_kick(uv_timer_t *timer)
{
	struct postgres_connection *connection = timer->data;

	if (connection->state == CONNECTION_STATE_CONNECTING)
		connection_connect_step(connection);
	else
		connection_pump(connection);
}

void connection__kick(struct postgres_connection *connection)
{
	if (connection->state == CONNECTION_STATE_READY)
		uv_timer_start(&connection->kick, on_kick, 0, 0);
}

/* --- the turn of requests */

static enum request_step connection_step(struct postgres_connection *connection)
{
	struct request *request = connection->first;
	struct error error;
	enum request_step step;

	if (!request->sent) {
		if (!request_send(connection, request)) {
			connection__lost_error(connection, &error);
			connection__lost(connection, &error);
			return REQUEST_WAIT;
		}
		connection__flush(connection);
	}
	step = request->step(connection, request);
	if (step != REQUEST_DONE || connection->state != CONNECTION_STATE_READY)
		return step;
	if (PQstatus(connection->pg) == CONNECTION_BAD) {
		connection__lost_error(connection, &error);
		connection__lost(connection, &error);
		return REQUEST_WAIT;
	}
	connection_complete(connection, request->error.code ? &request->error : NULL);
	return REQUEST_MORE;
}

static void connection_pump(struct postgres_connection *connection)
{
	enum request_step step = REQUEST_MORE;

	if (connection->pumping)
		return;
	connection->pumping = true;
	while (connection->state == CONNECTION_STATE_READY && connection->first && !connection->paused && step != REQUEST_WAIT)
		step = connection_step(connection);
	/* Has notices and the server's farewell handed over. */
	if (connection->state == CONNECTION_STATE_READY && !connection->first)
		(void)PQisBusy(connection->pg);
	connection->pumping = false;
	connection__poll_update(connection);
}

void connection__lost_error(const struct postgres_connection *connection, struct error *ret_error)
{
	const char *message = PQerrorMessage(connection->pg);

	/* What the server said last explains what libpq found afterwards. */
	if (connection->farewell.code) {
		*ret_error = connection->farewell;
		return;
	}
	if (connection->first && connection->first->error.code) {
		*ret_error = connection->first->error;
		return;
	}
	/* libpq appends, and what stands before is the error of an earlier statement. */
	if (connection->message_size < strlen(message))
		message += connection->message_size;
	sqlstate__error_of_connection(ret_error, connection->address, message);
}

void connection__lost(struct postgres_connection *connection, const struct error *error)
{
	bool idle = !connection->first;

	if (connection->state == CONNECTION_STATE_DEAD || connection->state == CONNECTION_STATE_CLOSING)
		return;
	connection->state = CONNECTION_STATE_DEAD;
	connection->dead_error = *error;
	uv_timer_stop(&connection->timer);
	uv_timer_stop(&connection->kick);
	uv_timer_stop(&connection->status_timer);
	connection_poll_drop(connection);
	/* A callback may close the connection: then the rest of the requests is for on_handle_closed. */
	while (connection->first && connection->state == CONNECTION_STATE_DEAD)
		connection_complete(connection, &connection->dead_error);
	if (idle && connection->state == CONNECTION_STATE_DEAD && connection->on_lost)
		connection->on_lost(connection->on_lost_user, &connection->dead_error);
}

/* --- connecting */

static void connection_connected(struct postgres_connection *connection, const struct error *error)
{
	postgres_done_fn *on_connected = connection->on_connected;

	connection->on_connected = NULL;
	if (on_connected)
		on_connected(connection->on_connected_user, error);
}

static void connection_connect_failed(struct postgres_connection *connection, const struct error *error)
{
	postgres_done_fn *on_lost = connection->on_lost;

	/* on_connected says it. */
	connection->on_lost = NULL;
	connection__lost(connection, error);
	connection->on_lost = on_lost;
	if (connection->state == CONNECTION_STATE_DEAD)
		connection_connected(connection, &connection->dead_error);
}

static char *connection_address(const PGconn *pg)
{
	const char *host = PQhost(pg);
	char *address;
	int size = asprintf(&address, "%s@%s:%s/%s", PQuser(pg) ? PQuser(pg) : "", host && *host ? host : "?",
	                    PQport(pg) ? PQport(pg) : "", PQdb(pg) ? PQdb(pg) : "");

	return size < 0 ? NULL : address;
}

static void set_result_ignored(struct postgres_connection *connection, struct request *request, const struct error *error)
{
	(void)connection;
	(void)request;
	(void)error;
}

static enum request_step session_step(struct postgres_connection *connection, struct request *request)
{
	PGresult *result;
	enum request_step step = request__next_result(connection, &result);

	/* For the other requests' sake, when it is the session's end. */
	if (result && PQresultStatus(result) != PGRES_COMMAND_OK)
		request__fail(connection, request, result);
	PQclear(result);
	return step;
}

/* The session's settings that depend on the version go before everything that is queued already. */
static bool connection_set_session(struct postgres_connection *connection)
{
	const char *sql = session__statement(PQserverVersion(connection->pg));
	struct request *request = sql ? request__new(sizeof(*request), sql, NULL, 0) : NULL;

	if (!request)
		return !sql;
	request->step = session_step;
	request->complete = set_result_ignored;
	request->next = connection->first;
	if (!connection->first)
		connection->last = &request->next;
	connection->first = request;
	connection->requests_count++;
	return true;
}

static void connection_ready(struct postgres_connection *connection)
{
	struct error error;

	uv_timer_stop(&connection->timer);
	connection->state = CONNECTION_STATE_READY;
	if (PQsetnonblocking(connection->pg, 1) || !connection_set_session(connection)) {
		error_set(&error, ERR_NOMEM, "no memory for a connection");
		connection_connect_failed(connection, &error);
		return;
	}
	PQsetErrorVerbosity(connection->pg, PQERRORS_DEFAULT);
	connection__kick(connection);
	connection__poll_update(connection);
	connection_connected(connection, NULL);
}

static void connection_connect_step(struct postgres_connection *connection)
{
	struct error error;
	PostgresPollingStatusType status;
	char *address;
	int rc = 0;

	/* libpq may close this socket now: the loop must have let go of it before. */
	if (connection->poll)
		uv_poll_stop(&connection->poll->poll);
	status = PQconnectPoll(connection->pg);
	address = connection_address(connection->pg);
	if (address) {
		free(connection->address);
		connection->address = address;
	}
	switch (status) {
	case PGRES_POLLING_OK:
		connection_ready(connection);
		return;
	case PGRES_POLLING_READING:
		rc = connection_poll_start(connection, UV_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		rc = connection_poll_start(connection, UV_WRITABLE);
		break;
	default:
		sqlstate__error_of_login(&error, connection->address, connection->pg);
		connection_connect_failed(connection, &error);
		return;
	}
	if (rc) {
		error_set_class(&error, ERR_IO, ERROR_RETRY, "cannot connect to PostgreSQL %s: %s", connection->address,
		                uv_strerror(rc));
		connection_connect_failed(connection, &error);
	}
}

static void on_connect_timeout(uv_timer_t *timer)
{
	struct postgres_connection *connection = timer->data;
	struct error error;

	if (connection->state != CONNECTION_STATE_CONNECTING)
		return;
	error_set_class(&error, ERR_TIMEOUT, ERROR_RETRY, "cannot connect to PostgreSQL %s: no answer in %llu s",
	                connection->address, (unsigned long long)connection->connect_timeout_ms / 1000);
	error_hint(&error, "check host and port in postgres.url, and firewalls in between");
	connection_connect_failed(connection, &error);
}

/* Keeps the last words of a server that ends the session on its own account; other notices are not for us. */
static void on_notice(void *user, const PGresult *result)
{
	struct postgres_connection *connection = user;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		sqlstate__error_of_result(&connection->farewell, connection->address, result);
}

static void connection_timer_init(struct postgres_connection *connection, uv_timer_t *timer)
{
	uv_timer_init(connection->loop, timer);
	timer->data = connection;
	connection->handles_open++;
}

int postgres_connect(uv_loop_t *loop, const struct postgres_options *options, postgres_done_fn *on_done, void *user,
                     struct postgres_connection **ret_connection, struct error *error)
{
	struct postgres_connection *connection = calloc(1, sizeof(*connection));
	struct session session;
	int rc;

	if (!connection)
		return error_set(error, ERR_NOMEM, "no memory for a connection");
	rc = session__init(&session, options, error);
	if (rc)
		goto fail;
	connection->pg = PQconnectStartParams(session.keywords, session.values, 0);
	connection->address = connection->pg ? connection_address(connection->pg) : NULL;
	if (!connection->address) {
		rc = error_set(error, ERR_NOMEM, "no memory for a connection");
		goto fail;
	}
	connection->loop = loop;
	connection->last = &connection->first;
	connection->connect_timeout_ms = session.connect_timeout_ms;
	connection->on_connected = on_done;
	connection->on_connected_user = user;
	connection->on_lost = options->on_lost;
	connection->on_lost_user = options->user;
	PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(connection->pg, on_notice, connection);
	connection_timer_init(connection, &connection->timer);
	connection_timer_init(connection, &connection->kick);
	connection_timer_init(connection, &connection->status_timer);
	uv_timer_start(&connection->timer, on_connect_timeout, connection->connect_timeout_ms, 0);
	/* As if the last poll had said WRITING; when there is no socket at all, the step finds out. */
	if (PQstatus(connection->pg) == CONNECTION_BAD || connection_poll_start(connection, UV_WRITABLE))
		uv_timer_start(&connection->kick, on_kick, 0, 0);
	*ret_connection = connection;
	session__free(&session);
	return 0;
fail:
	session__free(&session);
	PQfinish(connection->pg);
	free(connection->address);
	free(connection);
	return rc;
}

/* --- closing */

static void on_handle_closed(uv_handle_t *handle)
{
	struct postgres_connection *connection = handle->data;
	struct error error;

	if (--connection->handles_open)
		return;
	error_set(&error, ERR_CANCELLED, "cancelled: the connection to PostgreSQL was closed");
	while (connection->first)
		connection_complete(connection, &error);
	PQfinish(connection->pg);
	connection_connected(connection, &error);
	if (connection->on_closed)
		connection->on_closed(connection->on_closed_user);
	free(connection->address);
	free(connection);
}

void postgres_close(struct postgres_connection *connection, void (*on_closed)(void *user), void *user)
{
	if (!connection || connection->state == CONNECTION_STATE_CLOSING)
		return;
	connection->state = CONNECTION_STATE_CLOSING;
	connection->on_closed = on_closed;
	connection->on_closed_user = user;
	connection_poll_drop(connection);
	uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
	uv_close((uv_handle_t *)&connection->kick, on_handle_closed);
	uv_close((uv_handle_t *)&connection->status_timer, on_handle_closed);
}

bool postgres_is_alive(const struct postgres_connection *connection)
{
	return connection->state == CONNECTION_STATE_CONNECTING || connection->state == CONNECTION_STATE_READY;
}

int postgres_server_version(const struct postgres_connection *connection)
{
	return PQserverVersion(connection->pg);
}

const char *postgres_address(const struct postgres_connection *connection)
{
	return connection->address;
}

int postgres_backend_pid(const struct postgres_connection *connection)
{
	return PQbackendPID(connection->pg);
}
