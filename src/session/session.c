#include "session/session.h"

#include "postgres/catalog.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 15000
#define DIAGNOSTICS_SIZE_MAX ((size_t)256 * 1024)

/* ---- the loop ---- */

static void session__on_signal(uv_signal_t *handle, int number)
{
	struct session_loop *loop = handle->data;

	if (number == SIGHUP)
		loop->reload = true;
	else
		loop->stop = true;
}

int session_loop_init(struct session_loop *loop, struct error *error)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	int rc;

	*loop = (struct session_loop){0};
	rc = uv_loop_init(&loop->uv);
	if (rc < 0)
		return error_set(error, ERR_SYSTEM, "no event loop: %s", uv_strerror(rc));
	uv_timer_init(&loop->uv, &loop->timer);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		uv_signal_start(&loop->signals[i], session__on_signal, numbers[i]);
		uv_unref((uv_handle_t *)&loop->signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

void session_loop_close(struct session_loop *loop)
{
	for (size_t i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&loop->signals[i], NULL);
	uv_close((uv_handle_t *)&loop->timer, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
}

static bool session__gives_up(const struct session_loop *loop)
{
	return loop->stop || (loop->give_up && loop->give_up(loop->give_up_user));
}

void session_turn(struct session_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_ONCE);
}

static void session__on_timer(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

void session_sleep(struct session_loop *loop, uint64_t ms, bool until_reload)
{
	bool over = false;

	loop->timer.data = &over;
	uv_timer_start(&loop->timer, session__on_timer, ms, 0);
	while (!over && !session__gives_up(loop) && !(until_reload && loop->reload))
		session_turn(loop);
	uv_timer_stop(&loop->timer);
}

/* What one request came to. */
struct waiter {
	bool done;
	bool failed;
	struct error error;
};

static int waiter__result(const struct waiter *waiter, struct error *error)
{
	if (!waiter->failed)
		return 0;
	*error = waiter->error;
	return waiter->error.code;
}

static void waiter__fail(struct waiter *waiter, const struct error *error)
{
	waiter->done = true;
	waiter->failed = error != NULL;
	if (error)
		waiter->error = *error;
}

/* ---- Neo4j ---- */

/* A server's code, by prefix, and what it means for the work that met it; the first that fits counts. */
static const struct {
	const char *prefix;
	enum error_code code;
	enum error_class class;
} neo4j_codes[] = {
        {"Neo.ClientError.Security.Forbidden", ERR_PERMISSION, ERROR_FATAL},
        {"Neo.ClientError.Security.", ERR_AUTH, ERROR_FATAL},
        {"Neo.ClientError.Database.DatabaseNotFound", ERR_STATE, ERROR_FATAL},
        {"Neo.ClientError.Statement.SyntaxError", ERR_SERVER, ERROR_FATAL},
        {"Neo.ClientError.Statement.AccessMode", ERR_SERVER, ERROR_FATAL},
        {"Neo.ClientError.Database.", ERR_SERVER, ERROR_RETRY},
        {"Neo.ClientError.Cluster.", ERR_SERVER, ERROR_RETRY},
        {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", ERR_SERVER, ERROR_RETRY},
        {"Neo.ClientError.Transaction.", ERR_SERVER, ERROR_RETRY},
        {"Neo.ClientError.", ERR_SERVER, ERROR_POISON},
        {"Neo.DatabaseError.Statement.", ERR_SERVER, ERROR_POISON},
        {"Neo.DatabaseError.", ERR_SERVER, ERROR_RETRY},
        {"", ERR_SERVER, ERROR_FATAL},
};

static void session__classify(const struct bolt_error *bolt, struct error *error)
{
	for (size_t i = 0; i < sizeof(neo4j_codes) / sizeof(*neo4j_codes); i++) {
		if (strncmp(bolt->neo4j_code, neo4j_codes[i].prefix, strlen(neo4j_codes[i].prefix)) != 0)
			continue;
		error_set_class(error, neo4j_codes[i].code, neo4j_codes[i].class, "Neo4j: %s", bolt->message);
		break;
	}
	if (bolt->retriable)
		error->class = ERROR_RETRY;
}

void session_error_from_bolt(const struct bolt_error *bolt, struct error *error)
{
	static const struct {
		enum bolt_code from;
		enum error_code to;
		enum error_class class;
	} codes[] = {
	        {BOLT_ERR_NOMEM, ERR_NOMEM, ERROR_FATAL},         {BOLT_ERR_LIMIT, ERR_LIMIT, ERROR_FATAL},
	        {BOLT_ERR_ARGUMENT, ERR_CONFIG, ERROR_FATAL},     {BOLT_ERR_TRANSPORT, ERR_IO, ERROR_RETRY},
	        {BOLT_ERR_TIMEOUT, ERR_TIMEOUT, ERROR_RETRY},     {BOLT_ERR_TLS, ERR_TLS, ERROR_FATAL},
	        {BOLT_ERR_AUTH, ERR_AUTH, ERROR_FATAL},           {BOLT_ERR_PROTOCOL, ERR_PROTOCOL, ERROR_FATAL},
	        {BOLT_ERR_ROUTING, ERR_IO, ERROR_RETRY},          {BOLT_ERR_IGNORED, ERR_CANCELLED, ERROR_RETRY},
	        {BOLT_ERR_CANCELLED, ERR_CANCELLED, ERROR_RETRY}, {BOLT_ERR_STATE, ERR_IO, ERROR_RETRY},
	};

	error_set_class(error, ERR_IO, ERROR_RETRY, "Neo4j: %s", bolt->message);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].from == bolt->code)
			error_set_class(error, codes[i].to, codes[i].class, "Neo4j: %s", bolt->message);
	if (bolt->code == BOLT_ERR_SERVER)
		session__classify(bolt, error);
	if (bolt->code == BOLT_ERR_AUTH)
		error_hint(error, "check neo4j.user and neo4j.password in the mapping file");
	memcpy(error->origin, bolt->neo4j_code, sizeof(error->origin) - 1);
	error->origin[sizeof(error->origin) - 1] = '\0';
}

static void graph__on_ready(void *user, struct bolt_connection *connection)
{
	struct session_graph *graph = user;

	(void)connection;
	graph->ready = true;
}

static void graph__on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *bolt)
{
	struct session_graph *graph = user;

	(void)connection;
	graph->connection = NULL;
	graph->ready = false;
	if (bolt)
		session_error_from_bolt(bolt, &graph->error);
	else
		error_set_class(&graph->error, ERR_CANCELLED, ERROR_RETRY, "Neo4j: the connection was closed here");
}

static void graph__on_drain(void *user, struct bolt_connection *connection)
{
	struct session_graph *graph = user;

	(void)connection;
	if (graph->on_drain)
		graph->on_drain(graph->on_drain_user);
}

int session_graph_open(struct session_graph *graph, struct session_loop *loop, const struct mapping_settings *settings,
                       const struct session_graph_options *options, struct error *error)
{
	static const struct bolt_connection_events events = {
	        .on_ready = graph__on_ready,
	        .on_closed = graph__on_closed,
	        .on_drain = graph__on_drain,
	};
	struct bolt_config config;
	struct bolt_error bolt;

	*graph = (struct session_graph){.loop = loop};
	bolt_config_init(&config);
	config.uri = settings->neo4j_url;
	if (settings->neo4j_user)
		config.auth = (struct bolt_auth_token){
		        .kind = BOLT_AUTH_BASIC,
		        .principal = settings->neo4j_user,
		        .credentials = settings->neo4j_password ? settings->neo4j_password : "",
		};
	config.user_agent = "pgweave/" PGWEAVE_VERSION;
	config.database = settings->neo4j_database;
	config.ca_file = settings->neo4j_ca_file;
	config.client_certificate_file = settings->neo4j_client_cert_file;
	config.client_key_file = settings->neo4j_client_key_file;
	config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	config.notifications_off = true;
	if (options) {
		config.on_send = options->on_send;
		config.on_send_user = options->on_send_user;
	}
	if (bolt_connect(&loop->uv, &config, &events, graph, &graph->connection, &bolt) < 0) {
		graph->connection = NULL;
		session_error_from_bolt(&bolt, error);
		return error->code;
	}
	while (graph->connection && !graph->ready) {
		if (session__gives_up(loop))
			bolt_close(graph->connection);
		session_turn(loop);
	}
	if (graph->ready)
		return 0;
	*error = graph->error;
	return error->code;
}

void session_graph_close(struct session_graph *graph)
{
	if (!graph->connection)
		return;
	bolt_close(graph->connection);
	while (graph->connection)
		session_turn(graph->loop);
}

struct graph_run {
	struct waiter waiter;
	session_record_fn *on_record;
	void *user;
	int left; /* requests */
};

static void graph_run__on_record(void *user, const struct bolt_record *record)
{
	struct graph_run *run = user;

	if (run->on_record)
		run->on_record(run->user, record);
}

static void graph_run__on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *bolt)
{
	struct graph_run *run = user;

	(void)summary;
	if (bolt && !run->waiter.failed) {
		run->waiter.failed = true;
		session_error_from_bolt(bolt, &run->waiter.error);
	}
	run->waiter.done = --run->left == 0;
}

static const struct bolt_handler graph_run_handler = {
        .on_record = graph_run__on_record,
        .on_done = graph_run__on_done,
};

static int graph__wait(struct session_graph *graph, struct graph_run *run, struct error *error)
{
	bool closing = false;

	while (run->left) {
		if (graph->connection && !closing && session__gives_up(graph->loop)) {
			closing = true;
			bolt_close(graph->connection);
		}
		session_turn(graph->loop);
	}
	return waiter__result(&run->waiter, error);
}

static int graph__gone(const struct session_graph *graph, struct error *error)
{
	*error = graph->error;
	if (!error->code)
		error_set_class(error, ERR_IO, ERROR_RETRY, "Neo4j: there is no connection");
	return error->code;
}

static int graph__refused(int rc, struct error *error)
{
	return error_set_class(error, rc == BOLT_ERR_NOMEM ? ERR_NOMEM : ERR_IO, ERROR_RETRY,
	                       "Neo4j: the request was not taken: %s", bolt_code_what((enum bolt_code)rc));
}

int session_graph_reset(struct session_graph *graph, struct error *error)
{
	struct graph_run run = {.left = 1};
	int rc;

	if (!graph->connection)
		return graph__gone(graph, error);
	rc = bolt_reset(graph->connection, &graph_run_handler, &run);
	if (rc < 0)
		return graph__refused(rc, error);
	return graph__wait(graph, &run, error);
}

int session_graph_run(struct session_graph *graph, const char *text, const struct bolt_writer *params,
                      session_record_fn *on_record, void *user, struct error *error)
{
	struct graph_run run = {.on_record = on_record, .user = user, .left = 1};
	struct error ignored;
	int rc;

	if (!graph->connection)
		return graph__gone(graph, error);
	rc = bolt_run(graph->connection, text, params, NULL, &graph_run_handler, &run);
	if (rc < 0)
		return graph__refused(rc, error);
	if (bolt_pull(graph->connection, BOLT_ALL, BOLT_QID_LAST, &graph_run_handler, &run) == 0)
		run.left++;
	rc = graph__wait(graph, &run, error);
	if (rc < 0 && graph->connection && session_graph_reset(graph, &ignored) < 0)
		session_graph_close(graph);
	return rc;
}

/* ---- the mapping ---- */

int session_error_from_diagnostics(int rc, const struct diagnostics *diagnostics, const char *what, struct error *error)
{
	struct buffer text;

	buffer_init(&text, DIAGNOSTICS_SIZE_MAX);
	diagnostics_print(diagnostics, &text);
	error_set(error, (enum error_code)rc, "%s\n%s", what, buffer_text(&text));
	buffer_free(&text);
	return rc;
}

int session_compile(const struct mapping *mapping, const struct catalog *catalog, struct plan **ret_plan, struct error *error)
{
	struct diagnostics diagnostics;
	int rc;

	diagnostics_init(&diagnostics);
	rc = mapping_compile(mapping, catalog, ret_plan, &diagnostics);
	if (rc < 0)
		session_error_from_diagnostics(rc, &diagnostics, "the mapping does not fit the database; nothing was touched",
		                               error);
	diagnostics_free(&diagnostics);
	return rc;
}

/* ---- PostgreSQL ---- */

static void postgres__on_done(void *user, const struct error *error)
{
	waiter__fail(user, error);
}

static void postgres__on_lost(void *user, const struct error *error)
{
	struct session_postgres *postgres = user;

	postgres->lost = true;
	if (error)
		postgres->error = *error;
}

static int postgres__wait(struct session_postgres *postgres, struct waiter *waiter, struct error *error)
{
	while (!waiter->done) {
		if (postgres->connection && session__gives_up(postgres->loop)) {
			postgres_close(postgres->connection, NULL, NULL);
			postgres->connection = NULL;
		}
		session_turn(postgres->loop);
	}
	if (waiter->failed && (waiter->error.code == ERR_IO || waiter->error.code == ERR_TIMEOUT)) {
		postgres->lost = true;
		postgres->error = waiter->error;
	}
	return waiter__result(waiter, error);
}

static int postgres__gone(const struct session_postgres *postgres, struct error *error)
{
	if (postgres->connection && !postgres->lost)
		return 0;
	*error = postgres->error;
	if (!error->code)
		error_set_class(error, ERR_IO, ERROR_RETRY, "PostgreSQL: there is no connection");
	return error->code;
}

int session_postgres_open(struct session_postgres *postgres, struct session_loop *loop, const struct mapping_settings *settings,
                          bool replication, struct error *error)
{
	struct postgres_options options = {
	        .url = settings->postgres_url,
	        .pipeline = settings->pipeline,
	        .replication = replication,
	        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
	        .on_lost = postgres__on_lost,
	        .user = postgres,
	};
	struct waiter waiter = {0};
	int rc;

	*postgres = (struct session_postgres){.loop = loop};
	rc = postgres_connect(&loop->uv, &options, postgres__on_done, &waiter, &postgres->connection, error);
	if (rc < 0)
		return rc;
	rc = postgres__wait(postgres, &waiter, error);
	if (rc < 0)
		session_postgres_close(postgres);
	return rc;
}

static void postgres__on_closed(void *user)
{
	*(bool *)user = true;
}

void session_postgres_close(struct session_postgres *postgres)
{
	bool closed = false;

	if (!postgres->connection)
		return;
	postgres_close(postgres->connection, postgres__on_closed, &closed);
	postgres->connection = NULL;
	while (!closed)
		session_turn(postgres->loop);
}

struct query_run {
	struct waiter waiter;
	postgres_result_fn *on_result;
	void *user;
};

static void query_run__on_result(void *user, const struct postgres_result *result, const struct error *error)
{
	struct query_run *run = user;

	if (!error && run->on_result)
		run->on_result(run->user, result, NULL);
	waiter__fail(&run->waiter, error);
}

int session_postgres_query(struct session_postgres *postgres, const char *sql, const char *const *params, uint32_t params_count,
                           postgres_result_fn *on_result, void *user, struct error *error)
{
	struct query_run run = {.on_result = on_result, .user = user};
	int rc = postgres__gone(postgres, error);

	if (rc == 0)
		rc = postgres_query(postgres->connection, sql, params, params_count, query_run__on_result, &run, error);
	return rc < 0 ? rc : postgres__wait(postgres, &run.waiter, error);
}

int session_postgres_catalog(struct session_postgres *postgres, struct catalog *catalog, struct error *error)
{
	struct waiter waiter = {0};
	int rc = postgres__gone(postgres, error);

	if (rc == 0)
		rc = postgres_catalog_read(postgres->connection, catalog, postgres__on_done, &waiter, error);
	return rc < 0 ? rc : postgres__wait(postgres, &waiter, error);
}

int session_postgres_facts(struct session_postgres *postgres, const struct mapping_settings *settings,
                           struct postgres_facts *facts, struct error *error)
{
	struct waiter waiter = {0};
	int rc = postgres__gone(postgres, error);

	if (rc == 0)
		rc = postgres_facts_read(postgres->connection, settings->slot, settings->publication, facts, postgres__on_done,
		                         &waiter, error);
	return rc < 0 ? rc : postgres__wait(postgres, &waiter, error);
}

struct slot_run {
	struct waiter waiter;
	uint64_t lsn;
	char *snapshot;
	size_t snapshot_size;
};

static void slot_run__on_done(void *user, const struct postgres_slot *slot, const struct error *error)
{
	struct slot_run *run = user;

	if (!error) {
		run->lsn = slot->consistent_lsn;
		snprintf(run->snapshot, run->snapshot_size, "%s", slot->snapshot);
	}
	waiter__fail(&run->waiter, error);
}

int session_postgres_slot_create(struct session_postgres *postgres, const char *slot, bool temporary, uint64_t *ret_lsn,
                                 char *snapshot, size_t snapshot_size, struct error *error)
{
	struct slot_run run = {.snapshot = snapshot, .snapshot_size = snapshot_size};
	int rc = postgres__gone(postgres, error);

	if (rc == 0)
		rc = postgres_slot_create(postgres->connection, slot, temporary, slot_run__on_done, &run, error);
	if (rc == 0)
		rc = postgres__wait(postgres, &run.waiter, error);
	*ret_lsn = run.lsn;
	return rc;
}

int session_postgres_slot_drop(struct session_postgres *postgres, const char *slot, struct error *error)
{
	struct waiter waiter = {0};
	int rc = postgres__gone(postgres, error);

	if (rc == 0)
		rc = postgres_slot_drop(postgres->connection, slot, postgres__on_done, &waiter, error);
	return rc < 0 ? rc : postgres__wait(postgres, &waiter, error);
}
