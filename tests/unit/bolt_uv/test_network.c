/*
 * Proves on a fake server, over loopback: a connection torn at any byte ends once, with every request answered once; silence
 * ends by the timeouts and NOOPs hold them off; backpressure is seen; a connection may be closed at any moment of its life;
 * what the tap saw is what was sent.
 */
#include "client.h"
#include "fake.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static struct client client;
static struct fake fake;

static void queue_transaction(struct client *c)
{
	assert_int_equal(bolt_begin(c->connection, NULL, &client_handler, client_request(c, "begin")), 0);
	assert_int_equal(bolt_run(c->connection, "q", NULL, NULL, &client_handler, client_request(c, "run")), 0);
	assert_int_equal(bolt_pull(c->connection, BOLT_ALL, BOLT_QID_LAST, &client_handler, client_request(c, "pull")), 0);
	assert_int_equal(bolt_commit(c->connection, &client_handler, client_request(c, "commit")), 0);
}

/* ---- torn ---- */

#define TRANSCRIPT                                                                                                             \
	"00000405 0003 B170A0 0000 0003 B170A0 0000 0003 B170A0 0000 0000 0003 B170A0 0000 0004 B1719101 0000 0002 B170 0001 " \
	"A0 "                                                                                                                  \
	"0000 0003 B170A0 0000"

static size_t cut;

static void serve_transcript(struct fake_peer *peer)
{
	uint8_t bytes[256];

	hex_parse(TRANSCRIPT, bytes, sizeof(bytes));
	if (peer_write(peer, bytes, cut))
		shutdown(peer->socket, SHUT_WR);
	peer_wait(peer);
}

static void test_torn_at_every_byte(void **state)
{
	uint8_t bytes[256];
	size_t size = hex_parse(TRANSCRIPT, bytes, sizeof(bytes));

	(void)state;
	fake_start(&fake, serve_transcript, NULL, NULL);
	for (cut = 0; cut <= size; cut++) {
		client_init(&client, fake.uri, NULL, NULL);
		client.on_ready = queue_transaction;
		assert_int_equal(client_connect(&client), 0);
		client_wait_closed(&client);
		assert_int_equal(client.error.code, BOLT_ERR_TRANSPORT);
		assert_true(client.error.retriable && client.error.fatal);
		if (client.ready)
			assert_int_equal(client.done_count, 4);
		if (cut == size)
			assert_string_equal(client.log, "ready begin:ok run:ok record[1] pull:ok commit:ok closed:TRANSPORT");
		client_end(&client);
	}
	fake_stop(&fake);
}

static void serve_reset(struct fake_peer *peer)
{
	const struct linger linger = {.l_onoff = 1};

	if (!peer_login(peer, 5, 4) || peer_message(peer) < 0)
		return;
	/* a close that is a RST */
	setsockopt(peer->socket, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(peer->socket);
	peer->socket = -1;
}

static void test_reset_by_peer(void **state)
{
	(void)state;
	fake_start(&fake, serve_reset, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.on_ready = queue_transaction;
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "ready begin:TRANSPORT run:TRANSPORT pull:TRANSPORT commit:TRANSPORT closed:TRANSPORT");
	client_end(&client);
	fake_stop(&fake);
}

static void serve_noops(struct fake_peer *peer)
{
	if (!peer_login(peer, 5, 4) || peer_message(peer) < 0)
		return;
	for (int i = 0; i < 10; i++) {
		usleep(50000);
		peer_write(peer, "\0", 2);
	}
	peer_answer(peer, "B1 70 A0");
	peer_wait(peer);
}

/* A loop that was held up for longer than the timeout while the answer lay in the socket. */
static void test_late_loop(void **state)
{
	(void)state;
	fake_start(&fake, serve_noops, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.receive_timeout_ms = 250;
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	assert_int_equal(bolt_commit(client.connection, &client_handler, client_request(&client, "commit")), 0);
	uv_run(&client.loop, UV_RUN_NOWAIT);
	usleep(700000);
	client_wait(&client);
	assert_string_equal(client.log, "ready commit:ok");
	client_end(&client);
	fake_stop(&fake);
}

/* ---- time ---- */

static void serve_silence(struct fake_peer *peer)
{
	peer_wait(peer);
}

static void test_connect_timeout(void **state)
{
	(void)state;
	fake_start(&fake, serve_silence, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.connect_timeout_ms = 100;
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:TIMEOUT");
	assert_non_null(strstr(client.error.message, "127.0.0.1"));
	client_end(&client);
	fake_stop(&fake);
}

static void serve_login_then_silence(struct fake_peer *peer)
{
	if (peer_login(peer, 5, 4))
		peer_wait(peer);
}

static void test_receive_timeout(void **state)
{
	(void)state;
	fake_start(&fake, serve_login_then_silence, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.receive_timeout_ms = 100;
	client.on_ready = queue_transaction;
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "ready begin:TIMEOUT run:TIMEOUT pull:TIMEOUT commit:TIMEOUT closed:TIMEOUT");
	client_end(&client);
	fake_stop(&fake);
}

static void test_noops_keep_alive(void **state)
{
	(void)state;
	fake_start(&fake, serve_noops, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.receive_timeout_ms = 250;
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	assert_int_equal(bolt_commit(client.connection, &client_handler, client_request(&client, "commit")), 0);
	client_wait(&client);
	assert_string_equal(client.log, "ready commit:ok");
	client_end(&client);
	fake_stop(&fake);
}

/* ---- no server, wrong server ---- */

static void test_refused(void **state)
{
	(void)state;
	fake_start(&fake, serve_silence, NULL, NULL);
	fake_stop(&fake);
	client_init(&client, fake.uri, NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:TRANSPORT");
	assert_non_null(strstr(client.error.message, "connection refused"));
	client_end(&client);
}

static void test_unknown_name(void **state)
{
	(void)state;
	client_init(&client, "bolt://nosuchhost.invalid", NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:TRANSPORT");
	client_end(&client);
}

static void test_name_with_several_addresses(void **state)
{
	char uri[64];

	(void)state;
	/* localhost may be ::1 first, where nobody listens */
	fake_start(&fake, serve_login_then_silence, NULL, NULL);
	snprintf(uri, sizeof(uri), "bolt://localhost:%u", fake.port);
	client_init(&client, uri, NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	assert_true(client.ready);
	client_end(&client);
	fake_stop(&fake);
}

static void serve_http(struct fake_peer *peer)
{
	peer_write(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	peer_wait(peer);
}

static void test_http(void **state)
{
	(void)state;
	fake_start(&fake, serve_http, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:PROTOCOL");
	assert_non_null(strstr(client.error.message, "HTTP"));
	client_end(&client);
	fake_stop(&fake);
}

static void test_bad_settings(void **state)
{
	(void)state;
	client_init(&client, "mysql://h", NULL, NULL);
	assert_int_equal(client_connect(&client), BOLT_ERR_ARGUMENT);
	client.config.uri = NULL;
	assert_int_equal(client_connect(&client), BOLT_ERR_ARGUMENT);
	client.config.uri = "bolt+s://h";
	client.config.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(client_connect(&client), BOLT_ERR_TLS);
	client.config.ca_file = NULL;
	client.config.client_certificate_file = "/nonexistent/cert.pem";
	assert_int_equal(client_connect(&client), BOLT_ERR_TLS);
	client.config.uri = "bolt://h";
	client.config.version_min = (struct bolt_version){3, 0};
	assert_int_equal(client_connect(&client), BOLT_ERR_ARGUMENT);
	assert_string_equal(client.log, "");
	client.connection = NULL;
	client_end(&client);
}

/* ---- backpressure ---- */

static atomic_bool may_read;

static void serve_slow_reader(struct fake_peer *peer)
{
	if (!peer_login(peer, 5, 4))
		return;
	while (!may_read)
		usleep(1000);
	while (peer_message(peer) >= 0)
		if (!peer_answer(peer, "B1 70 A0"))
			return;
}

static void test_backpressure(void **state)
{
	static uint8_t zeros[1 << 20];
	struct bolt_writer params;
	int code = 0, accepted = 0;

	(void)state;
	may_read = false;
	fake_start(&fake, serve_slow_reader, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.output_size_max = (size_t)32 << 20;
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	bolt_writer_init(&params, (size_t)2 << 20);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_bytes(&params, zeros, sizeof(zeros));
	while (!code && accepted < 1000) {
		code = bolt_run(client.connection, "q", &params, NULL, &client_handler, client_request(&client, "run"));
		accepted += !code;
		if (accepted % 7 == 0)
			uv_run(&client.loop, UV_RUN_NOWAIT);
		assert_true(bolt_output_size(client.connection) <= client.config.output_size_max);
	}
	assert_int_equal(code, BOLT_ERR_LIMIT);
	assert_true(accepted > 20);
	assert_null(strstr(client.log, "drain"));
	may_read = true;
	client.log_off = true;
	client_wait(&client);
	assert_int_equal(client.done_count, accepted);
	assert_int_equal(bolt_output_size(client.connection), 0);
	assert_int_equal(client.last_error.code, BOLT_OK);
	bolt_writer_free(&params);
	client_end(&client);
	fake_stop(&fake);
}

static void test_flush_and_drain(void **state)
{
	static uint8_t zeros[2 << 20];
	struct bolt_writer params;

	(void)state;
	may_read = true;
	fake_start(&fake, serve_slow_reader, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	client.log[0] = '\0';
	bolt_writer_init(&params, (size_t)4 << 20);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_bytes(&params, zeros, sizeof(zeros));
	assert_int_equal(bolt_run(client.connection, "q", &params, NULL, &client_handler, client_request(&client, "run")), 0);
	bolt_flush(client.connection);
	assert_string_equal(client.log, "");
	client_wait(&client);
	assert_string_equal(client.log, "drain run:ok");
	bolt_writer_free(&params);
	client_end(&client);
	fake_stop(&fake);
}

/* ---- close at any time ---- */

static void close_at_once(struct client *c)
{
	queue_transaction(c);
	bolt_close(c->connection);
	assert_int_equal(bolt_commit(c->connection, NULL, NULL), BOLT_ERR_STATE);
}

static void serve_ok(struct fake_peer *peer)
{
	if (!peer_login(peer, 5, 4))
		return;
	while (peer_message(peer) >= 0)
		if (!peer_answer(peer, "B1 70 A0"))
			return;
}

static void test_close_when_ready(void **state)
{
	(void)state;
	fake_start(&fake, serve_ok, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.on_ready = close_at_once;
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "ready begin:CANCELLED run:CANCELLED pull:CANCELLED commit:CANCELLED closed");
	client_end(&client);
	fake_stop(&fake);
}

static void test_close_after_any_turn(void **state)
{
	char by_name[64];

	(void)state;
	fake_start(&fake, serve_ok, NULL, NULL);
	snprintf(by_name, sizeof(by_name), "bolt://localhost:%u", fake.port);
	for (int turns = 0; turns < 40; turns++) {
		client_init(&client, turns % 2 ? fake.uri : by_name, NULL, NULL);
		client.on_ready = queue_transaction;
		assert_int_equal(client_connect(&client), 0);
		for (int i = 0; i < turns / 2 && !client.closed; i++) {
			uv_run(&client.loop, UV_RUN_NOWAIT);
			usleep(200);
		}
		bolt_close(client.connection);
		client_wait_closed(&client);
		assert_int_equal(client.error.code, BOLT_OK);
		assert_int_equal(client.done_count, client.ready ? 4 : 0);
		client_end(&client);
	}
	fake_stop(&fake);
}

/* ---- the tap ---- */

static struct bolt_writer tapped;

static void on_send(void *user, const void *bytes, size_t size)
{
	(void)user;
	bolt_writer_append(&tapped, bytes, size);
}

static void test_tap(void **state)
{
	(void)state;
	bolt_writer_init(&tapped, 1 << 20);
	fake_start(&fake, serve_ok, NULL, NULL);
	client_init(&client, fake.uri, NULL, NULL);
	client.config.on_send = on_send;
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	queue_transaction(&client);
	client_wait(&client);
	client_end(&client);
	fake_stop(&fake);
	assert_memory_equal(tapped.data, "\x60\x60\xB0\x17", 4);
	/* GOODBYE included */
	assert_memory_equal(tapped.data + tapped.size - 6, "\0\2\xB0\2\0\0", 6);
	bolt_writer_free(&tapped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_torn_at_every_byte),
	        cmocka_unit_test(test_reset_by_peer),
	        cmocka_unit_test(test_late_loop),
	        cmocka_unit_test(test_connect_timeout),
	        cmocka_unit_test(test_receive_timeout),
	        cmocka_unit_test(test_noops_keep_alive),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_unknown_name),
	        cmocka_unit_test(test_name_with_several_addresses),
	        cmocka_unit_test(test_http),
	        cmocka_unit_test(test_bad_settings),
	        cmocka_unit_test(test_backpressure),
	        cmocka_unit_test(test_flush_and_drain),
	        cmocka_unit_test(test_close_when_ready),
	        cmocka_unit_test(test_close_after_any_turn),
	        cmocka_unit_test(test_tap),
	};

	return cmocka_run_group_tests_name("bolt over a network", tests, NULL, NULL);
}
