/*
 * Proves: +s accepts only a certificate of the given authority that names the host or address; +ssc accepts any; client
 * certificates are shown; large messages pass both ways; a server without TLS, or torn in the handshake, ends in one error; the
 * hostname goes along (SNI).
 */
#include "certificates.h"
#include "client.h"
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <cmocka.h>

static struct certificates certificates;
static struct client client;
static struct fake fake;
static char uri[128];
static char seen_name[64]; /* that the client asked for */

static int group_setup(void **state)
{
	(void)state;
	certificates_make(&certificates);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	certificates_remove(&certificates);
	return 0;
}

static void serve_echo(struct fake_peer *peer)
{
	static uint8_t zeros[60000];
	int tag;

	if (peer->ssl) {
		const char *name = SSL_get_servername(peer->ssl, TLSEXT_NAMETYPE_host_name);

		snprintf(seen_name, sizeof(seen_name), "%s", name ? name : "");
	}
	if (!peer_login(peer, 5, 4))
		return;
	while ((tag = peer_message(peer)) >= 0) {
		/* a PULL is answered with records, a RUN with how much came */
		for (int i = 0; tag == 0x3F && i < 100; i++) {
			if (!peer_write(peer, "\0\6\xB1\x71\x91\xCD\xEA\x60", 8) || !peer_write(peer, "\xEA\x60", 2) ||
			    !peer_write(peer, zeros, sizeof(zeros)) || !peer_write(peer, "\0", 2))
				return;
		}
		if (!peer_answer(peer, "B1 70 A0"))
			return;
	}
}

static void start(const char *scheme, const char *host, int client_certificate)
{
	SSL_CTX *context = certificates_server(&certificates, client_certificate);

	seen_name[0] = '\0';
	fake_start(&fake, serve_echo, NULL, context);
	snprintf(uri, sizeof(uri), "%s://%s:%u", scheme, host, fake.port);
	client_init(&client, uri, NULL, NULL);
	client.config.ca_file = certificates.ca;
}

static void end(void)
{
	SSL_CTX *context = fake.tls;

	client_end(&client);
	fake_stop(&fake);
	SSL_CTX_free(context);
}

static void assert_ready(void)
{
	assert_int_equal(client_connect(&client), 0);
	client_wait_ready(&client);
	if (!client.ready)
		fail_msg("%s", client.error.message);
}

static void assert_tls_error(const char *text)
{
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:TLS");
	if (!strstr(client.error.message, text))
		fail_msg("%s", client.error.message);
}

static void test_name_and_address(void **state)
{
	(void)state;
	start("bolt+s", "localhost", 0);
	assert_ready();
	assert_string_equal(seen_name, "localhost");
	end();
	start("bolt+s", "127.0.0.1", 0);
	assert_ready();
	assert_string_equal(seen_name, "");
	end();
}

static void test_wrong_name(void **state)
{
	(void)state;
	/* the same machine by an address that the certificate does not name */
	start("bolt+s", "127.0.0.1", 0);
	snprintf(uri, sizeof(uri), "bolt+s://[::ffff:127.0.0.1]:%u", fake.port);
	assert_tls_error("certificate is not accepted");
	end();
}

static void test_wrong_authority(void **state)
{
	(void)state;
	start("bolt+s", "localhost", 0);
	client.config.ca_file = certificates.other_ca;
	assert_tls_error("certificate is not accepted");
	end();
	/* the system's authorities did not sign it either */
	start("bolt+s", "localhost", 0);
	client.config.ca_file = NULL;
	assert_tls_error("certificate is not accepted");
	end();
}

static void test_any_certificate(void **state)
{
	(void)state;
	start("bolt+ssc", "localhost", 0);
	client.config.ca_file = certificates.other_ca;
	assert_ready();
	end();
}

static void test_client_certificate(void **state)
{
	(void)state;
	start("bolt+s", "localhost", 1);
	client.config.client_certificate_file = certificates.client;
	assert_ready();
	end();
	/* without it the server ends the connection; when the client learns of it depends on the version of TLS */
	start("bolt+s", "localhost", 1);
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_false(client.ready);
	assert_true(client.error.code == BOLT_ERR_TLS || client.error.code == BOLT_ERR_TRANSPORT);
	end();
}

static void test_tls_1_2(void **state)
{
	(void)state;
	start("bolt+s", "localhost", 0);
	SSL_CTX_set_max_proto_version(fake.tls, TLS1_2_VERSION);
	assert_ready();
	end();
}

static void test_large_both_ways(void **state)
{
	static uint8_t zeros[5000000];
	struct bolt_writer params;

	(void)state;
	start("bolt+s", "localhost", 0);
	assert_ready();
	client.log_off = true;
	bolt_writer_init(&params, sizeof(zeros) + 100);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_bytes(&params, zeros, sizeof(zeros));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		        bolt_run(client.connection, "q", &params, NULL, &client_handler, client_request(&client, "run")), 0);
		assert_int_equal(
		        bolt_pull(client.connection, BOLT_ALL, BOLT_QID_LAST, &client_handler, client_request(&client, "pull")),
		        0);
	}
	client_wait(&client);
	assert_int_equal(client.done_count, 6);
	assert_int_equal(client.record_count, 300);
	assert_int_equal(client.last_error.code, BOLT_OK);
	bolt_writer_free(&params);
	end();
}

static void serve_plain(struct fake_peer *peer)
{
	peer_write(peer, "this is no TLS", 14);
	peer_wait(peer);
}

static void serve_nothing(struct fake_peer *peer)
{
	(void)peer;
}

static void test_server_without_tls(void **state)
{
	(void)state;
	fake_start(&fake, serve_plain, NULL, NULL);
	snprintf(uri, sizeof(uri), "bolt+s://localhost:%u", fake.port);
	client_init(&client, uri, NULL, NULL);
	assert_tls_error("TLS handshake failed");
	client_end(&client);
	fake_stop(&fake);
	fake_start(&fake, serve_nothing, NULL, NULL);
	snprintf(uri, sizeof(uri), "bolt+s://127.0.0.1:%u", fake.port);
	client_init(&client, uri, NULL, NULL);
	assert_int_equal(client_connect(&client), 0);
	client_wait_closed(&client);
	assert_string_equal(client.log, "closed:TRANSPORT");
	client_end(&client);
	fake_stop(&fake);
}

static void test_close_after_any_turn(void **state)
{
	(void)state;
	for (int turns = 0; turns < 20; turns++) {
		start("bolt+s", "127.0.0.1", 0);
		assert_int_equal(client_connect(&client), 0);
		for (int i = 0; i < turns && !client.closed; i++) {
			uv_run(&client.loop, UV_RUN_NOWAIT);
			usleep(300);
		}
		bolt_close(client.connection);
		client_wait_closed(&client);
		assert_int_equal(client.error.code, BOLT_OK);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_name_and_address),     cmocka_unit_test(test_wrong_name),
	        cmocka_unit_test(test_wrong_authority),      cmocka_unit_test(test_any_certificate),
	        cmocka_unit_test(test_client_certificate),   cmocka_unit_test(test_tls_1_2),
	        cmocka_unit_test(test_large_both_ways),      cmocka_unit_test(test_server_without_tls),
	        cmocka_unit_test(test_close_after_any_turn),
	};

	return cmocka_run_group_tests_name("bolt over TLS", tests, group_setup, group_teardown);
}
