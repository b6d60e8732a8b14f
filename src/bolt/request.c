#include "bolt/connection.h"

#include <string.h>

/*
 * The requests of bolt.h -> packed messages. A message is one structure: head (marker, tag, first fields) in one scratch
 * writer, parameters where the caller has them, the rest in the other scratch writer.
 */

struct request {
	struct bolt_connection *connection;
	struct bolt_writer *head;
	enum bolt__message message;
};

static struct request request_start(struct bolt_connection *connection, enum bolt__message message, size_t field_count)
{
	struct request request = {.connection = connection, .head = &connection->head, .message = message};

	bolt_writer_reset(request.head);
	bolt_writer_structure(request.head, bolt__message_tag(message), field_count);
	return request;
}

static int request_end(struct request *request, const struct bolt_handler *handler, void *user)
{
	const struct bolt__slice slice = {request->head->data, request->head->size};

	if (request->head->failed)
		return BOLT_ERR_LIMIT;
	return bolt__connection_queue(request->connection, request->message, &slice, 1, handler, user);
}

/* Requests of the user's wait for READY; those of the login are queued before. */
static int request_check(const struct bolt_connection *connection)
{
	return bolt_connection_is_ready(connection) ? 0 : BOLT_ERR_STATE;
}

static void pair_text(struct bolt_writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	bolt_writer_cstring(writer, key);
	bolt_writer_cstring(writer, value);
}

static bool is_set(const char *text)
{
	return text && *text;
}

static bool is_packed_map(const struct bolt_writer *writer)
{
	uint8_t marker = writer->size ? writer->data[0] : 0;

	return !writer->failed && ((marker & 0xF0) == 0xA0 || (marker >= 0xD8 && marker <= 0xDA));
}

/* ---- login ---- */

static const char *const auth_schemes[] = {
        [BOLT_AUTH_NONE] = "none",
        [BOLT_AUTH_BASIC] = "basic",
        [BOLT_AUTH_BEARER] = "bearer",
        [BOLT_AUTH_KERBEROS] = "kerberos",
};

struct auth_fields {
	const char *scheme;
	const char *principal;
	const char *credentials;
	const char *realm;
	const struct bolt_writer *parameters;
};

static struct auth_fields auth_fields_of(const struct bolt_auth_token *auth)
{
	struct auth_fields fields = {
	        .scheme = auth->kind == BOLT_AUTH_CUSTOM ? auth->scheme : auth_schemes[auth->kind],
	};

	if (auth->kind == BOLT_AUTH_NONE)
		return fields;
	fields.credentials = auth->credentials ? auth->credentials : "";
	if (auth->kind == BOLT_AUTH_BEARER)
		return fields;
	fields.principal = auth->principal ? auth->principal : "";
	if (auth->kind != BOLT_AUTH_KERBEROS)
		fields.realm = is_set(auth->realm) ? auth->realm : NULL;
	if (auth->kind == BOLT_AUTH_CUSTOM)
		fields.parameters = auth->parameters;
	return fields;
}

static size_t auth_count(const struct auth_fields *fields)
{
	return 1u + !!fields->principal + !!fields->credentials + !!fields->realm + !!fields->parameters;
}

static void auth_write(struct bolt_writer *writer, const struct auth_fields *fields)
{
	pair_text(writer, "scheme", fields->scheme);
	pair_text(writer, "principal", fields->principal);
	pair_text(writer, "credentials", fields->credentials);
	pair_text(writer, "realm", fields->realm);
	if (fields->parameters) {
		bolt_writer_cstring(writer, "parameters");
		bolt_writer_append(writer, fields->parameters->data, fields->parameters->size);
	}
}

static void routing_write(struct bolt_writer *writer, const struct bolt__settings *settings)
{
	const struct bolt__uri *uri = &settings->uri;
	char address[BOLT__HOST_MAX + 16];

	bolt__endpoint_format(&uri->endpoint, address, sizeof(address));
	bolt_writer_map(writer, 1 + uri->context_count);
	pair_text(writer, "address", address);
	for (size_t i = 0; i < uri->context_count; i++)
		pair_text(writer, uri->context[i].key, uri->context[i].value);
}

static void hello_write(struct bolt_writer *writer, const struct bolt__settings *settings, struct bolt_version version)
{
	const struct auth_fields auth = auth_fields_of(&settings->config.auth);
	bool has_auth = bolt__feature_holds(BOLT__FEATURE_HELLO_AUTH, version);
	bool has_patch = bolt__feature_holds(BOLT__FEATURE_UTC_PATCH, version);
	bool has_agent = bolt__feature_holds(BOLT__FEATURE_BOLT_AGENT, version);
	bool has_severity = settings->config.notifications_off && bolt__feature_holds(BOLT__FEATURE_NOTIFICATIONS, version);

	bolt_writer_map(writer,
	                1u + settings->uri.routing + has_patch + has_agent + has_severity + (has_auth ? auth_count(&auth) : 0));
	pair_text(writer, "user_agent", settings->config.user_agent);
	if (settings->uri.routing) {
		bolt_writer_cstring(writer, "routing");
		routing_write(writer, settings);
	}
	if (has_patch) {
		bolt_writer_cstring(writer, "patch_bolt");
		bolt_writer_list(writer, 1);
		bolt_writer_cstring(writer, "utc");
	}
	if (has_agent) {
		bolt_writer_cstring(writer, "bolt_agent");
		bolt_writer_map(writer, 2);
		pair_text(writer, "product", "pgweave-bolt/" PGWEAVE_VERSION);
		pair_text(writer, "language", "C");
	}
	if (has_severity)
		pair_text(writer, "notifications_minimum_severity", "OFF");
	if (has_auth)
		auth_write(writer, &auth);
}

static int queue_logon(struct bolt_connection *connection, const struct bolt_auth_token *auth,
                       const struct bolt_handler *handler, void *user)
{
	const struct auth_fields fields = auth_fields_of(auth);
	struct request request = request_start(connection, BOLT__LOGON, 1);

	bolt_writer_map(request.head, auth_count(&fields));
	auth_write(request.head, &fields);
	return request_end(&request, handler, user);
}

int bolt__connection_login(struct bolt_connection *connection, const struct bolt_handler *hello,
                           const struct bolt_handler *logon, void *user)
{
	struct request request = request_start(connection, BOLT__HELLO, 1);
	int error;

	hello_write(request.head, connection->settings, connection->version);
	error = request_end(&request, hello, user);
	if (error || bolt__feature_holds(BOLT__FEATURE_HELLO_AUTH, connection->version))
		return error;
	return queue_logon(connection, &connection->settings->config.auth, logon, user);
}

int bolt_logon(struct bolt_connection *connection, const struct bolt_auth_token *auth, const struct bolt_handler *handler,
               void *user)
{
	int error = request_check(connection);

	if (error)
		return error;
	if ((auth->kind == BOLT_AUTH_CUSTOM && !auth->scheme) || (auth->parameters && !is_packed_map(auth->parameters)))
		return BOLT_ERR_ARGUMENT;
	return queue_logon(connection, auth, handler, user);
}

/* Messages without a field. */
static int queue_bare(struct bolt_connection *connection, enum bolt__message message, const struct bolt_handler *handler,
                      void *user)
{
	int error = request_check(connection);
	struct request request;

	if (error)
		return error;
	request = request_start(connection, message, 0);
	return request_end(&request, handler, user);
}

int bolt_logoff(struct bolt_connection *connection, const struct bolt_handler *handler, void *user)
{
	return queue_bare(connection, BOLT__LOGOFF, handler, user);
}

/* ---- transactions ---- */

static void bookmarks_write(struct bolt_writer *writer, const char *const *bookmarks, size_t count)
{
	bolt_writer_list(writer, count);
	for (size_t i = 0; i < count; i++)
		bolt_writer_cstring(writer, bookmarks[i]);
}

/* The map of BEGIN and of a RUN outside a transaction. */
static int tx_write(struct bolt_writer *writer, const struct bolt_connection *connection, const struct bolt_tx_options *options)
{
	static const struct bolt_tx_options defaults = {0};
	const char *database;

	if (!options)
		options = &defaults;
	if ((options->metadata && !is_packed_map(options->metadata)) || options->timeout_ms < BOLT_TX_TIMEOUT_NONE)
		return BOLT_ERR_ARGUMENT;
	database = options->database ? options->database : connection->settings->config.database;
	bolt_writer_map(writer, 0u + !!options->bookmark_count + !!options->timeout_ms + !!options->metadata +
	                                (options->mode == BOLT_MODE_READ) + is_set(database) +
	                                is_set(options->impersonated_user));
	if (options->bookmark_count) {
		bolt_writer_cstring(writer, "bookmarks");
		bookmarks_write(writer, options->bookmarks, options->bookmark_count);
	}
	if (options->timeout_ms) {
		bolt_writer_cstring(writer, "tx_timeout");
		bolt_writer_int(writer, options->timeout_ms == BOLT_TX_TIMEOUT_NONE ? 0 : options->timeout_ms);
	}
	if (options->metadata) {
		bolt_writer_cstring(writer, "tx_metadata");
		bolt_writer_append(writer, options->metadata->data, options->metadata->size);
	}
	if (options->mode == BOLT_MODE_READ)
		pair_text(writer, "mode", "r");
	if (is_set(database))
		pair_text(writer, "db", database);
	if (is_set(options->impersonated_user))
		pair_text(writer, "imp_user", options->impersonated_user);
	return 0;
}

int bolt_begin(struct bolt_connection *connection, const struct bolt_tx_options *options, const struct bolt_handler *handler,
               void *user)
{
	struct request request;
	int error = request_check(connection);

	if (error)
		return error;
	request = request_start(connection, BOLT__BEGIN, 1);
	error = tx_write(request.head, connection, options);
	if (!error)
		error = request_end(&request, handler, user);
	if (!error)
		connection->in_transaction = true;
	return error;
}

static int queue_end(struct bolt_connection *connection, enum bolt__message message, const struct bolt_handler *handler,
                     void *user)
{
	int error = queue_bare(connection, message, handler, user);

	if (!error)
		connection->in_transaction = false;
	return error;
}

int bolt_commit(struct bolt_connection *connection, const struct bolt_handler *handler, void *user)
{
	return queue_end(connection, BOLT__COMMIT, handler, user);
}

int bolt_rollback(struct bolt_connection *connection, const struct bolt_handler *handler, void *user)
{
	return queue_end(connection, BOLT__ROLLBACK, handler, user);
}

int bolt_reset(struct bolt_connection *connection, const struct bolt_handler *handler, void *user)
{
	return queue_end(connection, BOLT__RESET, handler, user);
}

/* ---- statements ---- */

int bolt_run(struct bolt_connection *connection, const char *query, const struct bolt_writer *params,
             const struct bolt_tx_options *autocommit, const struct bolt_handler *handler, void *user)
{
	static const uint8_t no_params = 0xA0;
	struct bolt__slice slices[3];
	struct request request;
	int error = request_check(connection);

	if (error)
		return error;
	if ((params && !is_packed_map(params)) || (autocommit && connection->in_transaction))
		return BOLT_ERR_ARGUMENT;
	request = request_start(connection, BOLT__RUN, 3);
	bolt_writer_cstring(request.head, query);
	bolt_writer_reset(&connection->tail);
	if (connection->in_transaction)
		bolt_writer_map(&connection->tail, 0);
	else
		error = tx_write(&connection->tail, connection, autocommit);
	if (error)
		return error;
	if (request.head->failed || connection->tail.failed)
		return BOLT_ERR_LIMIT;
	slices[0] = (struct bolt__slice){request.head->data, request.head->size};
	slices[1] = params ? (struct bolt__slice){params->data, params->size} : (struct bolt__slice){&no_params, 1};
	slices[2] = (struct bolt__slice){connection->tail.data, connection->tail.size};
	return bolt__connection_queue(connection, BOLT__RUN, slices, 3, handler, user);
}

static int queue_fetch(struct bolt_connection *connection, enum bolt__message message, int64_t n, int64_t qid,
                       const struct bolt_handler *handler, void *user)
{
	struct request request;
	int error = request_check(connection);

	if (error)
		return error;
	if ((n <= 0 && n != BOLT_ALL) || qid < BOLT_QID_LAST)
		return BOLT_ERR_ARGUMENT;
	request = request_start(connection, message, 1);
	bolt_writer_map(request.head, qid == BOLT_QID_LAST ? 1 : 2);
	bolt_writer_cstring(request.head, "n");
	bolt_writer_int(request.head, n);
	if (qid != BOLT_QID_LAST) {
		bolt_writer_cstring(request.head, "qid");
		bolt_writer_int(request.head, qid);
	}
	return request_end(&request, handler, user);
}

int bolt_pull(struct bolt_connection *connection, int64_t n, int64_t qid, const struct bolt_handler *handler, void *user)
{
	return queue_fetch(connection, BOLT__PULL, n, qid, handler, user);
}

int bolt_discard(struct bolt_connection *connection, int64_t n, int64_t qid, const struct bolt_handler *handler, void *user)
{
	return queue_fetch(connection, BOLT__DISCARD, n, qid, handler, user);
}

/* ---- the rest ---- */

int bolt__connection_route(struct bolt_connection *connection, const char *const *bookmarks, size_t bookmark_count,
                           const char *database, const char *impersonated_user, const struct bolt_handler *handler, void *user)
{
	struct request request = request_start(connection, BOLT__ROUTE, 3);

	if (!database)
		database = connection->settings->config.database;
	routing_write(request.head, connection->settings);
	bookmarks_write(request.head, bookmarks, bookmark_count);
	bolt_writer_map(request.head, 0u + is_set(database) + is_set(impersonated_user));
	if (is_set(database))
		pair_text(request.head, "db", database);
	if (is_set(impersonated_user))
		pair_text(request.head, "imp_user", impersonated_user);
	return request_end(&request, handler, user);
}

int bolt_route(struct bolt_connection *connection, const char *const *bookmarks, size_t bookmark_count, const char *database,
               const char *impersonated_user, const struct bolt_handler *handler, void *user)
{
	int error = request_check(connection);

	return error ? error
	             : bolt__connection_route(connection, bookmarks, bookmark_count, database, impersonated_user, handler,
	                                      user);
}

int bolt_telemetry(struct bolt_connection *connection, int64_t api, const struct bolt_handler *handler, void *user)
{
	struct request request;
	int error = request_check(connection);

	if (error)
		return error;
	request = request_start(connection, BOLT__TELEMETRY, 1);
	bolt_writer_int(request.head, api);
	return request_end(&request, handler, user);
}

void bolt__connection_queue_goodbye(struct bolt_connection *connection)
{
	struct request request = request_start(connection, BOLT__GOODBYE, 0);
	const struct bolt__slice slice = {request.head->data, request.head->size};

	/* Without memory the server learns of the end from the closed socket. */
	if (!request.head->failed && bolt__output_message(&connection->output, &slice, 1))
		return;
}
