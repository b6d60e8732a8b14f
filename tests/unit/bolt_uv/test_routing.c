/*
 * Proves on fake servers: neo4j:// asks for the routing table and goes to the right server; tables that are empty, wrong or
 * refused end in one clear error; a pool lends, takes back, notices lost connections, expiry and a change of leader, and
 * answers every acquire once.
 */
#include "client.h"
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static struct client client;
static struct fake router, writer_a, writer_b;
static char uri[64];
static char table[512];                   /* what the router answers, after SUCCESS or FAILURE */
static const char *_Atomic answer_of_run; /* of writer_a; NULL: success */

static const char success[] = "B1 70 A0";

static void serve_worker(struct fake_peer *peer)
{
	bool failed = false;
	int tag;

	if (!peer_login(peer, 5, 4))
		return;
	while ((tag = peer_message(peer)) >= 0) {
		const char *refusal = peer->fake == &writer_a && tag == 0x10 ? answer_of_run : NULL;
		const char *answer = refusal ? refusal : success;

		failed = failed && tag != 0x0F;
		if (tag == 0x66) {
			peer->fake->route_count++;
			answer = peer->fake == &router ? table : "B1 7F A2 'code' 'Neo.ClientError.X' 'message' 'not I'";
		}
		if (!peer_answer(peer, failed ? "B0 7E" : answer))
			return;
		failed = failed || !strncmp(answer, "B1 7F", 5);
	}
}

/* ttl: packed */
static void table_set(const char *ttl, const struct fake *writer, const struct fake *reader)
{
	char writers[64] = "90", readers[64] = "90";

	if (writer)
		snprintf(writers, sizeof(writers), "91 '127.0.0.1:%u'", writer->port);
	if (reader)
		snprintf(readers, sizeof(readers), "91 '127.0.0.1:%u'", reader->port);
	snprintf(table, sizeof(table),
	         "B1 70 A1 'rt' A3 'ttl' %s 'db' 'neo4j' 'servers' 93 A2 'role' 'WRITE' 'addresses' %s A2 'role' 'READ' "
	         "'addresses' %s A2 'role' 'ROUTE' 'addresses' 91 '127.0.0.1:%u'",
	         ttl, writers, readers, router.port);
}

static int setup(void **state)
{
	(void)state;
	answer_of_run = NULL;
	fake_start(&router, serve_worker, NULL, NULL);
	fake_start(&writer_a, serve_worker, NULL, NULL);
	fake_start(&writer_b, serve_worker, NULL, NULL);
	snprintf(uri, sizeof(uri), "neo4j://127.0.0.1:%u", router.port);
	client_init(&client, uri, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	client_end(&client);
	fake_stop(&router);
	fake_stop(&writer_a);
	fake_stop(&writer_b);
	return 0;
}

static void connect_to(const struct fake *expected)
{
	char address[64];

	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	if (!client.ready)
		fail_msg("%s", client.error.message);
	snprintf(address, sizeof(address), "127.0.0.1:%u", expected->port);
	assert_string_equal(bolt_connection_address(client.connection), address);
}

static void connect_fails(enum bolt_code code)
{
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_int_equal(client.error.code, code);
	assert_non_null(strstr(client.error.message, "routing table from 127.0.0.1"));
	assert_false(client.ready);
}

static void test_to_the_writer(void **state)
{
	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	connect_to(&writer_a);
	assert_int_equal(router.route_count, 1);
}

static void test_to_the_reader(void **state)
{
	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	client.config.mode = BOLT_MODE_READ;
	connect_to(&writer_b);
}

static void test_to_itself(void **state)
{
	(void)state;
	table_set("C9012C", &router, &writer_b);
	connect_to(&router);
	assert_int_equal(router.peer_count, 1);
}

static void test_dead_target(void **state)
{
	(void)state;
	/* nobody listens at port 1 */
	snprintf(table, sizeof(table),
	         "B1 70 A1 'rt' A2 'ttl' 01 'servers' 91 A2 'role' 'WRITE' 'addresses' 92 '127.0.0.1:1' '127.0.0.1:%u'",
	         writer_b.port);
	connect_to(&writer_b);
}

static void test_no_writer(void **state)
{
	(void)state;
	table_set("C9012C", NULL, &writer_b);
	connect_fails(BOLT_ERR_ROUTING);
	assert_true(client.error.retriable);
}

static void test_wrong_table(void **state)
{
	(void)state;
	snprintf(table, sizeof(table), "B1 70 A1 'rt' A1 'ttl' 01");
	connect_fails(BOLT_ERR_PROTOCOL);
}

static void test_table_refused(void **state)
{
	(void)state;
	snprintf(table, sizeof(table),
	         "B1 7F A2 'code' 'Neo.ClientError.Database.DatabaseNotFound' 'message' 'no such database'");
	connect_fails(BOLT_ERR_SERVER);
	assert_string_equal(client.error.neo4j_code, "Neo.ClientError.Database.DatabaseNotFound");
}

/* ---- the pool ---- */

static struct bolt_pool *pool;

struct lease {
	struct bolt_connection *connection;
	struct bolt_error error;
	unsigned acquired_count;
	unsigned lost_count;
	unsigned done_count;
};

static void on_acquired(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	struct lease *lease = user;

	assert_true(!connection != !error);
	lease->acquired_count++;
	lease->connection = connection;
	lease->error = error ? *error : (struct bolt_error){0};
}

static void on_lost(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	struct lease *lease = user;

	assert_ptr_equal(lease->connection, connection);
	lease->lost_count++;
	lease->error = *error;
}

static const struct bolt_pool_handler pool_handler = {.on_acquired = on_acquired, .on_lost = on_lost};

static void on_run(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct lease *lease = user;

	(void)summary;
	lease->done_count++;
	lease->error = error ? *error : (struct bolt_error){0};
}

static void pool_open(const char *pool_uri, size_t count_max, uint32_t timeout_ms)
{
	struct bolt_pool_config pool_config;

	client.config.uri = pool_uri;
	bolt_pool_config_init(&pool_config);
	pool_config.connection_count_max = count_max;
	pool_config.acquire_timeout_ms = timeout_ms;
	assert_int_equal(bolt_pool_create(&client.loop, &client.config, &pool_config, &pool, &client.error), 0);
}

static void on_pool_closed(void *user)
{
	*(bool *)user = true;
}

static void pool_end(void)
{
	bool closed = false;

	bolt_pool_close(pool, on_pool_closed, &closed);
	assert_false(closed);
	while (!closed && !client.guard_fired)
		uv_run(&client.loop, UV_RUN_ONCE);
	assert_true(closed);
}

static void acquire(struct lease *lease, enum bolt_mode mode)
{
	*lease = (struct lease){0};
	assert_int_equal(bolt_pool_acquire(pool, mode, NULL, &pool_handler, lease), 0);
}

static void acquire_wait(struct lease *lease, enum bolt_mode mode)
{
	acquire(lease, mode);
	assert_int_equal(lease->acquired_count, 0);
	while (!lease->acquired_count && !client.guard_fired)
		uv_run(&client.loop, UV_RUN_ONCE);
	assert_int_equal(lease->acquired_count, 1);
}

static void assert_at(const struct lease *lease, const struct fake *expected)
{
	char address[64];

	if (!lease->connection)
		fail_msg("%s", lease->error.message);
	snprintf(address, sizeof(address), "127.0.0.1:%u", expected->port);
	assert_string_equal(bolt_connection_address(lease->connection), address);
}

static void run_wait(struct lease *lease)
{
	static const struct bolt_handler handler = {.on_done = on_run};

	lease->done_count = 0;
	assert_int_equal(bolt_run(lease->connection, "q", NULL, NULL, &handler, lease), 0);
	while (!lease->done_count && !client.guard_fired)
		uv_run(&client.loop, UV_RUN_ONCE);
	assert_int_equal(lease->done_count, 1);
}

static void test_pool_reuses(void **state)
{
	struct lease lease;

	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	pool_open(uri, 4, 5000);
	for (int i = 0; i < 5; i++) {
		acquire_wait(&lease, BOLT_MODE_WRITE);
		assert_at(&lease, &writer_a);
		bolt_pool_release(pool, lease.connection);
		acquire_wait(&lease, BOLT_MODE_READ);
		assert_at(&lease, &writer_b);
		bolt_pool_release(pool, lease.connection);
	}
	assert_int_equal(router.route_count, 1);
	assert_int_equal(writer_a.peer_count, 1);
	assert_int_equal(writer_b.peer_count, 1);
	pool_end();
}

static void test_pool_leader_change(void **state)
{
	struct lease lease;

	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	pool_open(uri, 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	answer_of_run = "B1 7F A2 'code' 'Neo.ClientError.Cluster.NotALeader' 'message' 'not me'";
	table_set("C9012C", &writer_b, &writer_a);
	run_wait(&lease);
	assert_true(bolt_error_is_leader_change(&lease.error));
	assert_true(bolt_error_is_transient(&lease.error));
	bolt_pool_release(pool, lease.connection);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_b);
	run_wait(&lease);
	assert_int_equal(lease.error.code, BOLT_OK);
	bolt_pool_release(pool, lease.connection);
	assert_int_equal(router.route_count, 2);
	pool_end();
}

static void test_pool_table_expires(void **state)
{
	struct lease lease;

	(void)state;
	table_set("00", &writer_a, &writer_b);
	pool_open(uri, 4, 5000);
	for (int i = 0; i < 3; i++) {
		acquire_wait(&lease, BOLT_MODE_WRITE);
		bolt_pool_release(pool, lease.connection);
		usleep(10000);
		uv_update_time(&client.loop);
	}
	assert_true(router.route_count >= 2);
	pool_end();
}

static void test_pool_waits_for_release(void **state)
{
	struct lease one, two;

	(void)state;
	pool_open(writer_a.uri, 1, 5000);
	acquire_wait(&one, BOLT_MODE_WRITE);
	acquire(&two, BOLT_MODE_WRITE);
	for (int i = 0; i < 10; i++)
		uv_run(&client.loop, UV_RUN_NOWAIT);
	assert_int_equal(two.acquired_count, 0);
	assert_int_equal(bolt_begin(one.connection, NULL, NULL, NULL), 0);
	bolt_pool_release(pool, one.connection); /* the transaction is reset */
	while (!two.acquired_count)
		uv_run(&client.loop, UV_RUN_ONCE);
	assert_ptr_equal(one.connection, two.connection);
	assert_int_equal(bolt_requests_in_flight(two.connection), 0);
	assert_int_equal(writer_a.peer_count, 1);
	pool_end();
	assert_int_equal(two.lost_count, 1);
	assert_int_equal(two.error.code, BOLT_ERR_CANCELLED);
}

static void test_pool_acquire_timeout(void **state)
{
	struct lease one, two;

	(void)state;
	pool_open(writer_a.uri, 1, 100);
	acquire_wait(&one, BOLT_MODE_WRITE);
	acquire_wait(&two, BOLT_MODE_WRITE);
	assert_null(two.connection);
	assert_int_equal(two.error.code, BOLT_ERR_TIMEOUT);
	bolt_pool_release(pool, one.connection);
	pool_end();
}

static void test_pool_loses_a_connection(void **state)
{
	struct lease lease;

	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	pool_open(uri, 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	shutdown(writer_a.peers[0]->socket, SHUT_RDWR);
	while (!lease.lost_count && !client.guard_fired)
		uv_run(&client.loop, UV_RUN_ONCE);
	assert_int_equal(lease.lost_count, 1);
	assert_int_equal(lease.error.code, BOLT_ERR_TRANSPORT);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	bolt_pool_release(pool, lease.connection);
	/* an idle one is lost without a word */
	shutdown(writer_a.peers[1]->socket, SHUT_RDWR);
	usleep(10000);
	uv_run(&client.loop, UV_RUN_NOWAIT);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	assert_int_equal(writer_a.peer_count, 3);
	pool_end();
}

static void test_pool_no_server(void **state)
{
	struct lease lease;

	(void)state;
	pool_open("bolt://127.0.0.1:1", 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_null(lease.connection);
	assert_int_equal(lease.error.code, BOLT_ERR_TRANSPORT);
	pool_end();
	pool_open("neo4j://127.0.0.1:1", 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_null(lease.connection);
	assert_int_equal(lease.error.code, BOLT_ERR_TRANSPORT);
	pool_end();
	/* the table names a server that is not there */
	snprintf(table, sizeof(table),
	         "B1 70 A1 'rt' A2 'ttl' C9012C 'servers' 91 A2 'role' 'WRITE' 'addresses' 91 '127.0.0.1:1'");
	pool_open(uri, 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_null(lease.connection);
	assert_int_equal(lease.error.code, BOLT_ERR_TRANSPORT);
	assert_true(router.route_count >= 2);
	acquire_wait(&lease, BOLT_MODE_READ);
	assert_null(lease.connection);
	assert_int_equal(lease.error.code, BOLT_ERR_ROUTING);
	pool_end();
}

static void test_pool_close_with_waiters(void **state)
{
	struct lease leases[10];

	(void)state;
	table_set("C9012C", &writer_a, &writer_b);
	for (int turns = 0; turns < 20; turns++) {
		pool_open(uri, 2, 5000);
		for (int i = 0; i < 10; i++)
			acquire(&leases[i], BOLT_MODE_WRITE);
		for (int i = 0; i < turns; i++) {
			uv_run(&client.loop, UV_RUN_NOWAIT);
			usleep(100);
		}
		pool_end();
		for (int i = 0; i < 10; i++) {
			assert_int_equal(leases[i].acquired_count, 1);
			assert_int_equal(leases[i].lost_count, leases[i].connection ? 1 : 0);
			assert_int_equal(leases[i].error.code, BOLT_ERR_CANCELLED);
		}
	}
}

static void test_pool_table_refused(void **state)
{
	struct lease lease;

	(void)state;
	pool_open(uri, 4, 5000);
	snprintf(table, sizeof(table),
	         "B1 7F A2 'code' 'Neo.ClientError.Database.DatabaseNotFound' 'message' 'no such database'");
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_int_equal(lease.error.code, BOLT_ERR_SERVER);
	snprintf(table, sizeof(table), "B1 70 A1 'rt' A1 'ttl' 01");
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_int_equal(lease.error.code, BOLT_ERR_PROTOCOL);
	/* the connection to the router has survived both, and is asked again */
	table_set("C9012C", &writer_a, &writer_b);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	assert_int_equal(router.peer_count, 1);
	assert_int_equal(router.route_count, 3);
	pool_end();
}

static void test_pool_goes_back_to_the_seed(void **state)
{
	struct lease lease;

	(void)state;
	/* a table of no duration whose only router knows nothing */
	snprintf(table, sizeof(table),
	         "B1 70 A1 'rt' A2 'ttl' 00 'servers' 92 A2 'role' 'WRITE' 'addresses' 91 '127.0.0.1:%u' A2 'role' 'ROUTE' "
	         "'addresses' "
	         "91 '127.0.0.1:%u'",
	         writer_a.port, writer_b.port);
	pool_open(uri, 4, 5000);
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	bolt_pool_release(pool, lease.connection);
	/* so that no idle connection to the seed is at hand */
	shutdown(router.peers[0]->socket, SHUT_RDWR);
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		uv_run(&client.loop, UV_RUN_NOWAIT);
	}
	acquire_wait(&lease, BOLT_MODE_WRITE);
	assert_at(&lease, &writer_a);
	assert_int_equal(router.route_count, 2);
	pool_end();
}

static void test_pool_idle_too_long(void **state)
{
	struct bolt_pool_config pool_config;
	struct lease lease;

	(void)state;
	client.config.uri = writer_a.uri;
	bolt_pool_config_init(&pool_config);
	pool_config.idle_max_ms = 20;
	assert_int_equal(bolt_pool_create(&client.loop, &client.config, &pool_config, &pool, &client.error), 0);
	for (int i = 0; i < 3; i++) {
		acquire_wait(&lease, BOLT_MODE_WRITE);
		assert_at(&lease, &writer_a);
		bolt_pool_release(pool, lease.connection);
		bolt_pool_release(pool, lease.connection); /* once too often: nothing */
		usleep(40000);
		uv_update_time(&client.loop);
	}
	assert_int_equal(writer_a.peer_count, 3);
	pool_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_to_the_writer),
	        TEST(test_to_the_reader),
	        TEST(test_to_itself),
	        TEST(test_dead_target),
	        TEST(test_no_writer),
	        TEST(test_wrong_table),
	        TEST(test_table_refused),
	        TEST(test_pool_reuses),
	        TEST(test_pool_leader_change),
	        TEST(test_pool_table_expires),
	        TEST(test_pool_waits_for_release),
	        TEST(test_pool_acquire_timeout),
	        TEST(test_pool_loses_a_connection),
	        TEST(test_pool_no_server),
	        TEST(test_pool_close_with_waiters),
	        TEST(test_pool_table_refused),
	        TEST(test_pool_goes_back_to_the_seed),
	        TEST(test_pool_idle_too_long),
	};

	return cmocka_run_group_tests_name("bolt routing and pool", tests, NULL, NULL);
}
