/*
 * Proves against a real Neo4j, named by NEO4J_URI, NEO4J_USER and NEO4J_PASSWORD: every version logs in; every kind of value
 * goes there and comes back; transactions are pipelined, fail, are reset and go on; every request is answered once. Without
 * NEO4J_URI it is skipped.
 */
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void server_client(struct client *client)
{
	const char *uri = getenv("NEO4J_URI");

	if (!uri)
		skip();
	client_init(client, uri, getenv("NEO4J_USER"), getenv("NEO4J_PASSWORD"));
}

static void server_connect(struct client *client)
{
	assert_int_equal(client_connect(client), 0);
	client_wait_ready(client);
	if (!client->ready)
		fail_msg("%s", client->error.message);
	client->log[0] = '\0';
}

#define RUN(client, query, params, options)                                                                                    \
	assert_int_equal(                                                                                                      \
	        bolt_run((client)->connection, query, params, options, &client_handler, client_request(client, "run")), 0)
#define PULL(client)                                                                                                           \
	assert_int_equal(                                                                                                      \
	        bolt_pull((client)->connection, BOLT_ALL, BOLT_QID_LAST, &client_handler, client_request(client, "pull")), 0)
#define DO(client, what) assert_int_equal(bolt_##what((client)->connection, &client_handler, client_request(client, #what)), 0)
#define BEGIN(client, options)                                                                                                 \
	assert_int_equal(bolt_begin((client)->connection, options, &client_handler, client_request(client, "begin")), 0)

static void test_pipelined_transactions(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	server_connect(&client);
	BEGIN(&client, NULL);
	RUN(&client, "CREATE (n:BoltTest {id: 1}) RETURN n.id", NULL, NULL);
	PULL(&client);
	DO(&client, rollback);
	BEGIN(&client, NULL);
	RUN(&client, "MATCH (n:BoltTest) RETURN count(n)", NULL, NULL);
	PULL(&client);
	DO(&client, commit);
	assert_int_equal(bolt_requests_in_flight(client.connection), 8);
	client_wait(&client);
	assert_string_equal(client.log, "begin:ok run:ok record[1] pull:ok rollback:ok "
	                                "begin:ok run:ok record[1] pull:ok commit:ok");
	assert_true(client.bookmark[0]);
	client_end(&client);
}

static void test_failure_and_reset(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	server_connect(&client);
	BEGIN(&client, NULL);
	RUN(&client, "RETURN 1 /", NULL, NULL);
	PULL(&client);
	DO(&client, commit);
	client_wait(&client);
	assert_string_equal(client.log, "begin:ok run:SERVER pull:IGNORED commit:IGNORED");
	assert_true(bolt_connection_is_failed(client.connection));
	client.log[0] = '\0';
	RUN(&client, "RETURN 1", NULL, NULL);
	PULL(&client);
	DO(&client, reset);
	RUN(&client, "RETURN 1", NULL, NULL);
	PULL(&client);
	client_wait(&client);
	assert_string_equal(client.log, "run:IGNORED pull:IGNORED reset:ok run:ok record[1] pull:ok");
	assert_false(bolt_connection_is_failed(client.connection));
	client_end(&client);
}

static void test_every_version(void **state)
{
	static const struct bolt_version versions[] = {{4, 4}, {5, 0}, {5, 1}, {5, 2}, {5, 3}, {5, 4}, {5, 6}, {5, 7}, {5, 8}};
	static struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		for (int legacy = 0; legacy < 2; legacy++) {
			server_client(&client);
			client.config.version_min = client.config.version_max = versions[i];
			client.config.legacy_handshake = legacy;
			client.config.notifications_off = true;
			server_connect(&client);
			assert_int_equal(bolt_connection_version(client.connection).major, versions[i].major);
			assert_int_equal(bolt_connection_version(client.connection).minor, versions[i].minor);
			assert_true(bolt_connection_utc(client.connection));
			assert_memory_equal(bolt_connection_server(client.connection), "Neo4j/", 6);
			assert_true(bolt_connection_id(client.connection)[0]);
			RUN(&client, "RETURN 1", NULL, NULL);
			PULL(&client);
			RUN(&client, "RETURN 1 /", NULL, NULL);
			PULL(&client);
			client_wait(&client); /* a RESET behind them would interrupt them */
			DO(&client, reset);
			client_wait(&client);
			assert_string_equal(client.log, "run:ok record[1] pull:ok run:SERVER pull:IGNORED reset:ok");
			assert_string_equal(client.last_error.neo4j_code, "Neo.ClientError.Statement.SyntaxError");
			client_end(&client);
		}
	}
}

/* ---- values ---- */

static struct bolt_writer sent;
static bool same;

static void compare_record(struct client *client, const struct bolt_record *record)
{
	struct bolt_writer *params = client->user;
	/* the parameter map is A1 'x' and the value; the record in the message's bytes is the same value again */
	struct bolt_decoder *decoder = bolt_decoder_create(1 << 20, 64);
	const struct bolt_value *value;

	assert_int_equal(bolt_decoder_decode(decoder, params->data + 3, params->size - 3, &value, NULL), 0);
	same = record->values[0].type == value->type && record->values[0].size == value->size;
	if (same && (value->type == BOLT_TYPE_STRING || value->type == BOLT_TYPE_BYTES))
		same = !memcmp(value->bytes, record->values[0].bytes, value->size);
	else if (same && value->type == BOLT_TYPE_INT)
		same = value->integer == record->values[0].integer;
	else if (same && value->type == BOLT_TYPE_FLOAT)
		same = !memcmp(&value->number, &record->values[0].number, sizeof(double));
	for (uint32_t i = 0; same && value->type > BOLT_TYPE_MAP && i < value->size; i++) {
		const struct bolt_value *a = &value->items[i], *b = &record->values[0].items[i];

		same = a->type == b->type &&
		       (a->type == BOLT_TYPE_STRING ? a->size == b->size && !memcmp(a->string, b->string, a->size)
		                                    : a->integer == b->integer);
	}
	bolt_decoder_free(decoder);
}

static void echo(struct client *client)
{
	assert_false(sent.failed);
	same = false;
	client->user = &sent;
	client->on_record = compare_record;
	RUN(client, "RETURN $x", &sent, NULL);
	PULL(client);
	client_wait(client);
	if (!same)
		fail_msg("value of marker %02x: %s", sent.data[3], client->log);
	client->log[0] = '\0';
	bolt_writer_reset(&sent);
	bolt_writer_map(&sent, 1);
	bolt_writer_cstring(&sent, "x");
}

#define ECHOES(call)                                                                                                           \
	do {                                                                                                                   \
		call;                                                                                                          \
		echo(&client);                                                                                                 \
	} while (0)

static void test_every_value(void **state)
{
	static const struct bolt_version versions[] = {{4, 4}, {5, 8}};
	static struct client client;
	static char text[100000];

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		server_client(&client);
		client.config.version_min = client.config.version_max = versions[i];
		server_connect(&client);
		bolt_writer_init(&sent, 1 << 20);
		sent.utc = bolt_connection_utc(client.connection);
		bolt_writer_map(&sent, 1);
		bolt_writer_cstring(&sent, "x");
		ECHOES(bolt_writer_null(&sent));
		ECHOES(bolt_writer_bool(&sent, true));
		for (int shift = 0; shift < 64; shift++) {
			ECHOES(bolt_writer_int(&sent, (int64_t)(UINT64_C(1) << shift)));
			ECHOES(bolt_writer_int(&sent, -(int64_t)(UINT64_C(1) << shift) - 1));
		}
		ECHOES(bolt_writer_float(&sent, -1.1));
		memset(text, 'x', sizeof(text));
		ECHOES(bolt_writer_string(&sent, text, 0));
		ECHOES(bolt_writer_string(&sent, text, 15));
		ECHOES(bolt_writer_string(&sent, text, 16));
		ECHOES(bolt_writer_string(&sent, text, 300));
		ECHOES(bolt_writer_string(&sent, text, sizeof(text)));
		ECHOES(bolt_writer_cstring(&sent, "\xF0\x9F\x98\x80 \xC3\xA9"));
		ECHOES(bolt_writer_bytes(&sent, text, 5));
		ECHOES(bolt_writer_bytes(&sent, text, sizeof(text)));
		ECHOES((bolt_writer_list(&sent, 1), bolt_writer_int(&sent, 1)));
		ECHOES((bolt_writer_map(&sent, 1), bolt_writer_cstring(&sent, "k"), bolt_writer_int(&sent, 1)));
		ECHOES(bolt_writer_date(&sent, -719162));
		ECHOES(bolt_writer_time(&sent, 86399999999999, -3600));
		ECHOES(bolt_writer_local_time(&sent, 1));
		ECHOES(bolt_writer_datetime(&sent, -1, 999999999, 5400));
		ECHOES(bolt_writer_datetime_zone(&sent, 1700000000, 1, "Europe/Paris", 12, 3600));
		ECHOES(bolt_writer_local_datetime(&sent, -62135596800, 7));
		ECHOES(bolt_writer_duration(&sent, -1, 2, -3, 4));
		ECHOES(bolt_writer_point2d(&sent, 4326, 12.5, -3));
		ECHOES(bolt_writer_point3d(&sent, 9157, 1, 2, 3));
		bolt_writer_free(&sent);
		client_end(&client);
	}
}

static void graph_record(struct client *client, const struct bolt_record *record)
{
	bool old = bolt_connection_version(client->connection).major == 4;
	struct bolt_relationship relationship;
	struct bolt_path path;
	struct bolt_node node;

	assert_true(bolt_value_node(&record->values[0], &node));
	assert_true(node.labels->size == 1 && (old ? node.element_id.size == 0 : node.element_id.size > 0));
	assert_true(bolt_value_relationship(&record->values[1], &relationship));
	assert_true(bolt_value_is_string(relationship.type, "BOLT_TEST") && relationship.start_id == node.id);
	assert_true(bolt_value_path(&record->values[2], &path));
	assert_true(path.nodes->size == 2 && path.relationships->size == 1 && path.indices->size == 2);
}

static void test_graph_values(void **state)
{
	static const struct bolt_version versions[] = {{4, 4}, {5, 8}};
	static struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		server_client(&client);
		client.config.version_min = client.config.version_max = versions[i];
		client.on_record = graph_record;
		server_connect(&client);
		BEGIN(&client, NULL);
		RUN(&client, "CREATE p = (a:BoltTest {id: 1})-[r:BOLT_TEST {since: date()}]->(b:BoltTest) RETURN a, r, p", NULL,
		    NULL);
		PULL(&client);
		DO(&client, rollback);
		client_wait(&client);
		assert_string_equal(client.log, "begin:ok run:ok record[3] pull:ok rollback:ok");
		client_end(&client);
	}
}

/* ---- transactions ---- */

static void text_record(struct client *client, const struct bolt_record *record)
{
	if (record->values[0].type == BOLT_TYPE_STRING)
		client_log(client, "<%.*s>", (int)record->values[0].size, record->values[0].string);
	else if (record->values[0].type == BOLT_TYPE_INT)
		client_log(client, "<%lld>", (long long)record->values[0].integer);
}

static void test_transaction_options(void **state)
{
	static struct client client;
	struct bolt_tx_options options = {.timeout_ms = 60000};
	const char *bookmarks[1];
	struct bolt_writer metadata;
	char bookmark[256];

	(void)state;
	server_client(&client);
	client.on_record = text_record;
	server_connect(&client);
	bolt_writer_init(&metadata, 100);
	bolt_writer_map(&metadata, 1);
	bolt_writer_cstring(&metadata, "app");
	bolt_writer_cstring(&metadata, "bolt-test");
	options.metadata = &metadata;
	BEGIN(&client, &options);
	RUN(&client, "SHOW TRANSACTIONS YIELD metaData WHERE metaData.app = 'bolt-test' RETURN metaData.app", NULL, NULL);
	PULL(&client);
	DO(&client, commit);
	client_wait(&client);
	assert_string_equal(client.log, "begin:ok run:ok record[1] <bolt-test> pull:ok commit:ok");
	/* the bookmark of one is accepted by the next */
	snprintf(bookmark, sizeof(bookmark), "%s", client.bookmark);
	bookmarks[0] = bookmark;
	options = (struct bolt_tx_options){
	        .bookmarks = bookmarks, .bookmark_count = 1, .mode = BOLT_MODE_READ, .database = "neo4j"};
	client.log[0] = '\0';
	BEGIN(&client, &options);
	RUN(&client, "CREATE (:BoltTest)", NULL, NULL);
	PULL(&client);
	client_wait(&client);
	DO(&client, reset);
	client_wait(&client);
	assert_string_equal(client.log, "begin:ok run:SERVER pull:IGNORED reset:ok");
	/* autocommit, with options of its own */
	options = (struct bolt_tx_options){.metadata = &metadata, .timeout_ms = BOLT_TX_TIMEOUT_NONE};
	client.log[0] = '\0';
	client.bookmark[0] = '\0';
	RUN(&client, "RETURN 1", NULL, &options);
	PULL(&client);
	client_wait(&client);
	assert_string_equal(client.log, "run:ok record[1] <1> pull:ok");
	assert_true(client.bookmark[0]);
	/* a database that is not there */
	options = (struct bolt_tx_options){.database = "nosuchdatabase"};
	client.log[0] = '\0';
	RUN(&client, "RETURN 1", NULL, &options);
	client_wait(&client);
	DO(&client, reset);
	client_wait(&client);
	assert_string_equal(client.log, "run:SERVER reset:ok");
	assert_string_equal(client.last_error.neo4j_code, "Neo.ClientError.Database.DatabaseNotFound");
	bolt_writer_free(&metadata);
	client_end(&client);
}

static void test_pull_in_parts(void **state)
{
	static struct client client;
	int64_t first, second;

	(void)state;
	server_client(&client);
	client.on_record = text_record;
	server_connect(&client);
	BEGIN(&client, NULL);
	RUN(&client, "UNWIND range(1, 5) AS i RETURN i", NULL, NULL);
	client_wait(&client);
	first = client.qid;
	RUN(&client, "UNWIND range(11, 13) AS i RETURN i", NULL, NULL);
	client_wait(&client);
	second = client.qid;
	assert_true(first >= 0 && second > first);
	client.log[0] = '\0';
	assert_int_equal(bolt_pull(client.connection, 2, first, &client_handler, client_request(&client, "pull")), 0);
	client_wait(&client);
	assert_true(client.has_more);
	assert_int_equal(bolt_pull(client.connection, 1, BOLT_QID_LAST, &client_handler, client_request(&client, "pull")), 0);
	assert_int_equal(bolt_pull(client.connection, BOLT_ALL, first, &client_handler, client_request(&client, "pull")), 0);
	assert_int_equal(bolt_discard(client.connection, BOLT_ALL, second, &client_handler, client_request(&client, "discard")),
	                 0);
	DO(&client, commit);
	client_wait(&client);
	assert_string_equal(client.log,
	                    "record[1] <1> record[1] <2> pull:ok record[1] <11> pull:ok record[1] <3> record[1] <4> "
	                    "record[1] <5> pull:ok discard:ok commit:ok");
	client_end(&client);
}

static void test_transaction_timeout(void **state)
{
	const struct bolt_tx_options options = {.timeout_ms = 100};
	static struct client client;

	(void)state;
	server_client(&client);
	client.log_off = true;
	server_connect(&client);
	RUN(&client, "UNWIND range(1, 10000000000) AS i RETURN count(i)", NULL, &options);
	PULL(&client);
	client_wait(&client);
	assert_int_equal(client.record_count, 0);
	assert_non_null(strstr(client.last_error.neo4j_code, "TransactionTimedOut"));
	client_end(&client);
}

static void reset_soon(uv_timer_t *timer)
{
	struct client *client = timer->data;

	DO(client, reset);
	RUN(client, "RETURN 1", NULL, NULL);
	PULL(client);
	uv_close((uv_handle_t *)timer, NULL);
}

static void test_reset_interrupts(void **state)
{
	static struct client client;
	uv_timer_t timer;

	(void)state;
	server_client(&client);
	server_connect(&client);
	RUN(&client, "UNWIND range(1, 10000000000) AS i RETURN count(i)", NULL, NULL);
	PULL(&client);
	uv_timer_init(&client.loop, &timer);
	timer.data = &client;
	uv_timer_start(&timer, reset_soon, 300, 0);
	client_wait(&client);
	assert_non_null(strstr(client.log, "reset:ok run:ok record[1] pull:ok"));
	client_end(&client);
}

/* ---- volume ---- */

static void test_large_parameters(void **state)
{
	static struct client client;
	struct bolt_writer rows, params;

	(void)state;
	server_client(&client);
	client.on_record = text_record;
	server_connect(&client);
	bolt_writer_init(&rows, (size_t)64 << 20);
	bolt_writer_init(&params, (size_t)64 << 20);
	for (int i = 0; i < 200000; i++) {
		bolt_writer_list(&rows, 2);
		bolt_writer_int(&rows, i);
		bolt_writer_cstring(&rows, "some text that makes this row a little longer");
	}
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "rows");
	bolt_writer_list(&params, 200000);
	bolt_writer_append(&params, rows.data, rows.size);
	RUN(&client, "UNWIND $rows AS r RETURN sum(r[0])", &params, NULL);
	PULL(&client);
	assert_true(bolt_output_size(client.connection) > params.size);
	client_wait(&client);
	assert_string_equal(client.log, "drain run:ok record[1] <19999900000> pull:ok");
	assert_int_equal(bolt_output_size(client.connection), 0);
	bolt_writer_free(&rows);
	bolt_writer_free(&params);
	client_end(&client);
}

static void pause_record(struct client *client, const struct bolt_record *record)
{
	(void)record;
	if (client->record_count == 1000)
		bolt_pause(client->connection);
}

static void resume_later(uv_timer_t *timer)
{
	struct client *client = timer->data;

	assert_true(client->record_count >= 1000 && client->record_count < 300000);
	bolt_resume(client->connection);
	uv_close((uv_handle_t *)timer, NULL);
}

static void test_many_records_with_a_pause(void **state)
{
	static struct client client;
	uv_timer_t timer;

	(void)state;
	server_client(&client);
	client.on_record = pause_record;
	server_connect(&client);
	client.log_off = true;
	RUN(&client, "UNWIND range(1, 300000) AS i RETURN i, 'text ' + i, [i, i]", NULL, NULL);
	PULL(&client);
	uv_timer_init(&client.loop, &timer);
	timer.data = &client;
	uv_timer_start(&timer, resume_later, 500, 0);
	client_wait(&client);
	assert_int_equal(client.record_count, 300000);
	client_end(&client);
}

static void test_many_transactions(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	server_connect(&client);
	client.log_off = true;
	for (int i = 0; i < 1000; i++) {
		BEGIN(&client, NULL);
		RUN(&client, "RETURN 1", NULL, NULL);
		PULL(&client);
		DO(&client, commit);
	}
	assert_int_equal(bolt_requests_in_flight(client.connection), 4000);
	client_wait(&client);
	assert_int_equal(client.done_count, 4000);
	assert_int_equal(client.record_count, 1000);
	client_end(&client);
}

/* ---- the end, and the login ---- */

static void close_on_record(struct client *client, const struct bolt_record *record)
{
	(void)record;
	if (client->record_count == 10)
		bolt_close(client->connection);
}

static void test_close_in_the_middle(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	client.on_record = close_on_record;
	server_connect(&client);
	client.log_off = true;
	RUN(&client, "UNWIND range(1, 100000) AS i RETURN i", NULL, NULL);
	PULL(&client);
	RUN(&client, "RETURN 1", NULL, NULL);
	client_wait_closed(&client);
	assert_int_equal(client.record_count, 10);
	assert_int_equal(client.done_count, 3);
	assert_int_equal(client.last_error.code, BOLT_ERR_CANCELLED);
	client_end(&client);
}

static void test_goodbye(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	server_connect(&client);
	RUN(&client, "RETURN 1", NULL, NULL);
	PULL(&client);
	bolt_goodbye(client.connection);
	client_wait_closed(&client);
	assert_string_equal(client.log, "run:ok record[1] pull:ok closed");
	client_end(&client);
}

static void test_wrong_password(void **state)
{
	static const struct bolt_version versions[] = {{4, 4}, {5, 8}};
	static struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		server_client(&client);
		client.config.version_min = client.config.version_max = versions[i];
		client.config.auth.credentials = "wrong";
		assert_int_equal(client_connect(&client), 0);
		client_wait_closed(&client);
		assert_string_equal(client.log, "closed:AUTH");
		assert_string_equal(client.error.neo4j_code, "Neo.ClientError.Security.Unauthorized");
		client_end(&client);
	}
}

static void test_logoff_and_logon(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	server_connect(&client);
	DO(&client, logoff);
	assert_int_equal(bolt_logon(client.connection, &client.config.auth, &client_handler, client_request(&client, "logon")),
	                 0);
	assert_int_equal(bolt_telemetry(client.connection, 2, &client_handler, client_request(&client, "telemetry")), 0);
	RUN(&client, "RETURN 1", NULL, NULL);
	PULL(&client);
	client_wait(&client);
	assert_string_equal(client.log, "logoff:ok logon:ok telemetry:ok run:ok record[1] pull:ok");
	client_end(&client);
}

/* ---- routing, on a single server ---- */

static const char *routing_uri(void)
{
	static char uri[256];
	const char *host = strstr(getenv("NEO4J_URI") ? getenv("NEO4J_URI") : "", "://");

	if (!host)
		skip();
	snprintf(uri, sizeof(uri), "neo4j%s", host);
	return uri;
}

static void test_routing(void **state)
{
	static const enum bolt_mode modes[] = {BOLT_MODE_WRITE, BOLT_MODE_READ};
	static const struct bolt_version versions[] = {{4, 4}, {5, 8}};
	static struct client client;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		server_client(&client);
		client.config.uri = routing_uri();
		client.config.mode = modes[i % 2];
		client.config.version_min = client.config.version_max = versions[i / 2];
		client.config.database = "neo4j";
		server_connect(&client);
		RUN(&client, "RETURN 1", NULL, NULL);
		PULL(&client);
		assert_int_equal(
		        bolt_route(client.connection, NULL, 0, NULL, NULL, &client_handler, client_request(&client, "route")),
		        0);
		client_wait(&client);
		assert_string_equal(client.log, "run:ok record[1] pull:ok route:ok");
		client_end(&client);
	}
}

struct lease {
	struct client *client;
	struct bolt_pool *pool;
	struct bolt_connection *connection;
};

static unsigned leases_done;

static void lease_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct lease *lease = user;

	(void)summary;
	assert_null(error);
	leases_done++;
	bolt_pool_release(lease->pool, lease->connection);
}

static void lease_acquired(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	static const struct bolt_handler quiet = {0}, last = {.on_done = lease_done};
	struct lease *lease = user;

	if (error)
		fail_msg("%s", error->message);
	lease->connection = connection;
	assert_int_equal(bolt_run(connection, "RETURN 1", NULL, NULL, &quiet, NULL), 0);
	assert_int_equal(bolt_pull(connection, BOLT_ALL, BOLT_QID_LAST, &last, lease), 0);
}

static void pool_closed(void *user)
{
	client_log(user, "pool closed");
}

static void run_pool(struct client *client, const char *uri)
{
	static const struct bolt_pool_handler handler = {.on_acquired = lease_acquired};
	static struct lease leases[50];
	struct bolt_pool_config pool_config;
	struct bolt_pool *pool;

	client->config.uri = uri;
	bolt_pool_config_init(&pool_config);
	pool_config.connection_count_max = 3;
	assert_int_equal(bolt_pool_create(&client->loop, &client->config, &pool_config, &pool, &client->error), 0);
	leases_done = 0;
	for (size_t i = 0; i < 50; i++) {
		leases[i] = (struct lease){.client = client, .pool = pool};
		assert_int_equal(bolt_pool_acquire(pool, i % 2 ? BOLT_MODE_READ : BOLT_MODE_WRITE, i % 3 ? NULL : "neo4j",
		                                   &handler, &leases[i]),
		                 0);
	}
	while (leases_done < 50 && !client->guard_fired)
		uv_run(&client->loop, UV_RUN_ONCE);
	bolt_pool_close(pool, pool_closed, client);
	client_end(client);
	assert_string_equal(client->log, "pool closed");
}

static void test_pool(void **state)
{
	static struct client client;

	(void)state;
	server_client(&client);
	run_pool(&client, getenv("NEO4J_URI"));
	server_client(&client);
	run_pool(&client, routing_uri());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_pipelined_transactions),
	        cmocka_unit_test(test_failure_and_reset),
	        cmocka_unit_test(test_every_version),
	        cmocka_unit_test(test_every_value),
	        cmocka_unit_test(test_graph_values),
	        cmocka_unit_test(test_transaction_options),
	        cmocka_unit_test(test_pull_in_parts),
	        cmocka_unit_test(test_transaction_timeout),
	        cmocka_unit_test(test_reset_interrupts),
	        cmocka_unit_test(test_large_parameters),
	        cmocka_unit_test(test_many_records_with_a_pause),
	        cmocka_unit_test(test_many_transactions),
	        cmocka_unit_test(test_close_in_the_middle),
	        cmocka_unit_test(test_goodbye),
	        cmocka_unit_test(test_wrong_password),
	        cmocka_unit_test(test_logoff_and_logon),
	        cmocka_unit_test(test_routing),
	        cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests_name("bolt on a real server", tests, NULL, NULL);
}
