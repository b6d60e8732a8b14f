/* Proves: every message of the client has the bytes of the specification, in each version where they differ. */
#include "hex.h"
#include "pure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define AGENT "'user_agent' 't'"
#define BASIC "'scheme' 'basic' 'principal' 'u' 'credentials' 'p'"
#define PRODUCT "'bolt_agent' A2 'product' 'pgweave-bolt/" PGWEAVE_VERSION "' 'language' 'C'"
#define ROUTING "'routing' A2 'address' 'h:7687' 'r' 'x'"

static struct pure pure;

static void login(uint8_t major, uint8_t minor)
{
	char version[16];

	pure_start(&pure);
	assert_output(&pure, "6060B017 000001FF 00080805 00000404 00000000");
	snprintf(version, sizeof(version), "0000%02X%02X", minor, major);
	pure_feed(&pure, version);
}

static void test_hello(void **state)
{
	(void)state;
	pure_init(&pure);
	login(4, 4);
	assert_messages(&pure, "B1 01 A5" AGENT "'patch_bolt' 91 'utc'" BASIC, NULL);
	pure_free(&pure);

	pure_init(&pure);
	pure.config.uri = "neo4j://h?r=x";
	login(5, 0);
	assert_messages(&pure, "B1 01 A5" AGENT ROUTING BASIC, NULL);
	pure_free(&pure);

	pure_init(&pure);
	pure.config.notifications_off = true;
	login(5, 1);
	assert_messages(&pure, "B1 01 A1" AGENT, "B1 6A A3" BASIC, NULL);
	pure_free(&pure);

	pure_init(&pure);
	pure.config.notifications_off = true;
	login(5, 2);
	assert_messages(&pure, "B1 01 A2" AGENT "'notifications_minimum_severity' 'OFF'", "B1 6A A3" BASIC, NULL);
	pure_free(&pure);

	pure_init(&pure);
	login(5, 8);
	assert_messages(&pure, "B1 01 A2" AGENT PRODUCT, "B1 6A A3" BASIC, NULL);
	pure_free(&pure);
}

static void test_manifest_choice_goes_first(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_start(&pure);
	assert_output(&pure, "6060B017 000001FF 00080805 00000404 00000000");
	pure_feed(&pure, "000001FF 01 00000105 00");
	assert_output(&pure, "00000105 00 0010 B1 01 A1" AGENT "0000 002A B1 6A A3" BASIC "0000");
	pure_free(&pure);
}

static void test_auth(void **state)
{
	struct bolt_writer parameters;

	(void)state;
	bolt_writer_init(&parameters, 100);
	bolt_writer_map(&parameters, 1);
	bolt_writer_cstring(&parameters, "a");
	bolt_writer_int(&parameters, 1);

	static const struct {
		struct bolt_auth_token auth;
		const char *hex;
	} rows[] = {
	        {{BOLT_AUTH_NONE, .principal = "x"}, "B1 6A A1 'scheme' 'none'"},
	        {{BOLT_AUTH_BASIC, .principal = "u", .credentials = "p", .realm = "r"}, "B1 6A A4" BASIC "'realm' 'r'"},
	        {{BOLT_AUTH_BEARER, .credentials = "tok"}, "B1 6A A2 'scheme' 'bearer' 'credentials' 'tok'"},
	        {{BOLT_AUTH_KERBEROS, .credentials = "tic"}, "B1 6A A3 'scheme' 'kerberos' 'principal' '' 'credentials' 'tic'"},
	        {{BOLT_AUTH_CUSTOM, .scheme = "s", .principal = "u", .credentials = "p"},
	         "B1 6A A4 'scheme' 's' 'principal' 'u' 'credentials' 'p' 'parameters' A1 'a' 01"},
	};

	pure_init(&pure);
	pure_ready(&pure, 5, 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bolt_auth_token auth = rows[i].auth;

		auth.parameters = auth.kind == BOLT_AUTH_CUSTOM ? &parameters : NULL;
		PURE(&pure, logon, "logon", &auth);
		assert_messages(&pure, rows[i].hex, NULL);
	}
	PURE(&pure, logoff, "logoff");
	assert_messages(&pure, "B0 6B", NULL);
	bolt_writer_free(&parameters);
	pure_free(&pure);
}

static void test_begin(void **state)
{
	static const char *const bookmarks[] = {"b1", "b2"};
	struct bolt_tx_options options = {0};
	struct bolt_writer metadata;

	(void)state;
	bolt_writer_init(&metadata, 100);
	bolt_writer_map(&metadata, 1);
	bolt_writer_cstring(&metadata, "app");
	bolt_writer_cstring(&metadata, "w");
	pure_init(&pure);
	pure_ready(&pure, 5, 8);
	PURE(&pure, begin, "begin", NULL);
	assert_messages(&pure, "B1 11 A0", NULL);
	options = (struct bolt_tx_options){
	        .metadata = &metadata,
	        .bookmarks = bookmarks,
	        .bookmark_count = 2,
	        .timeout_ms = 5000,
	        .mode = BOLT_MODE_READ,
	        .database = "d",
	        .impersonated_user = "i",
	};
	PURE(&pure, begin, "begin", &options);
	assert_messages(&pure,
	                "B1 11 A6 'bookmarks' 92 'b1' 'b2' 'tx_timeout' C9 1388 'tx_metadata' A1 'app' 'w' 'mode' 'r' 'db' 'd' "
	                "'imp_user' 'i'",
	                NULL);
	options = (struct bolt_tx_options){.timeout_ms = BOLT_TX_TIMEOUT_NONE};
	PURE(&pure, begin, "begin", &options);
	assert_messages(&pure, "B1 11 A1 'tx_timeout' 00", NULL);
	options.metadata = &metadata;
	metadata.size = 0;
	assert_int_equal(bolt_begin(&pure.connection, &options, NULL, NULL), BOLT_ERR_ARGUMENT);
	bolt_writer_free(&metadata);
	pure_free(&pure);
}

static void test_run(void **state)
{
	const struct bolt_tx_options read = {.mode = BOLT_MODE_READ, .database = ""};
	struct bolt_writer params;

	(void)state;
	bolt_writer_init(&params, 100);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_int(&params, 7);
	pure_init(&pure);
	pure.config.database = "d";
	pure_ready(&pure, 5, 8);
	PURE(&pure, run, "run", "RETURN $x", &params, NULL);
	assert_messages(&pure, "B3 10 'RETURN $x' A1 'x' 07 A1 'db' 'd'", NULL);
	PURE(&pure, run, "run", "RETURN 1", NULL, &read);
	assert_messages(&pure, "B3 10 'RETURN 1' A0 A1 'mode' 'r'", NULL);
	PURE(&pure, begin, "begin", NULL);
	PURE(&pure, run, "run", "RETURN 1", NULL, NULL);
	PURE(&pure, commit, "commit");
	PURE(&pure, run, "run", "RETURN 1", NULL, NULL);
	assert_messages(&pure, "B1 11 A1 'db' 'd'", "B3 10 'RETURN 1' A0 A0", "B0 12", "B3 10 'RETURN 1' A0 A1 'db' 'd'", NULL);
	PURE(&pure, begin, "begin", NULL);
	assert_int_equal(bolt_run(&pure.connection, "RETURN 1", NULL, &read, NULL, NULL), BOLT_ERR_ARGUMENT);
	params.data[0] = 0x91;
	assert_int_equal(bolt_run(&pure.connection, "RETURN 1", &params, NULL, NULL, NULL), BOLT_ERR_ARGUMENT);
	bolt_writer_free(&params);
	pure_free(&pure);
}

static void test_fetch(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_ready(&pure, 4, 4);
	PURE(&pure, pull, "pull", BOLT_ALL, BOLT_QID_LAST);
	PURE(&pure, pull, "pull", 1000, 3);
	PURE(&pure, discard, "discard", BOLT_ALL, BOLT_QID_LAST);
	PURE(&pure, discard, "discard", 1, 0);
	assert_messages(&pure, "B1 3F A1 'n' FF", "B1 3F A2 'n' C903E8 'qid' 03", "B1 2F A1 'n' FF", "B1 2F A2 'n' 01 'qid' 00",
	                NULL);
	assert_int_equal(bolt_pull(&pure.connection, 0, BOLT_QID_LAST, NULL, NULL), BOLT_ERR_ARGUMENT);
	assert_int_equal(bolt_pull(&pure.connection, 1, -2, NULL, NULL), BOLT_ERR_ARGUMENT);
	pure_free(&pure);
}

static void test_bare(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_ready(&pure, 5, 4);
	PURE(&pure, commit, "commit");
	PURE(&pure, rollback, "rollback");
	PURE(&pure, reset, "reset");
	PURE(&pure, telemetry, "telemetry", 3);
	assert_messages(&pure, "B0 12", "B0 13", "B0 0F", "B1 54 03", NULL);
	bolt__connection_queue_goodbye(&pure.connection);
	assert_messages(&pure, "B0 02", NULL);
	pure_free(&pure);
}

static void test_route(void **state)
{
	static const char *const bookmarks[] = {"b"};

	(void)state;
	pure_init(&pure);
	pure.config.uri = "neo4j://h:1?r=x";
	pure_ready(&pure, 4, 4);
	PURE(&pure, route, "route", NULL, 0, NULL, NULL);
	PURE(&pure, route, "route", bookmarks, 1, "d", "i");
	assert_messages(&pure, "B3 66 A2 'address' 'h:1' 'r' 'x' 90 A0",
	                "B3 66 A2 'address' 'h:1' 'r' 'x' 91 'b' A2 'db' 'd' 'imp_user' 'i'", NULL);
	pure_free(&pure);
}

static void test_versions(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_ready(&pure, 5, 0);
	assert_int_equal(bolt_logoff(&pure.connection, NULL, NULL), BOLT_ERR_ARGUMENT);
	assert_int_equal(bolt_telemetry(&pure.connection, 0, NULL, NULL), BOLT_ERR_ARGUMENT);
	assert_int_equal(bolt_requests_in_flight(&pure.connection), 0);
	pure_free(&pure);
	pure_init(&pure);
	pure_ready(&pure, 5, 1);
	assert_int_equal(bolt_logoff(&pure.connection, NULL, NULL), 0);
	assert_int_equal(bolt_telemetry(&pure.connection, 0, NULL, NULL), BOLT_ERR_ARGUMENT);
	pure_free(&pure);
}

static void test_chunks(void **state)
{
	static uint8_t expected[200000];
	struct bolt_writer params;
	struct buffer output;
	size_t at = 0, params_size = 2 + 3 + 131072 + 3, size = 2 + 2 + params_size + 1;

	(void)state;
	bolt_writer_init(&params, 1 << 20);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_bytes(&params, expected, 131072);
	assert_int_equal(params.size, params_size);
	pure_init(&pure);
	pure_ready(&pure, 5, 8);
	PURE(&pure, run, "run", "q", &params, NULL);
	buffer_init(&output, SIZE_MAX);
	assert_true(bolt__connection_take(&pure.connection, &output));
	/* 65535, 65535, the rest, end */
	assert_memory_equal(output.data, "\xFF\xFF\xB3\x10\x81q\xA1", 7);
	at = 2 + 65535;
	assert_memory_equal(output.data + at, "\xFF\xFF", 2);
	at += 2 + 65535;
	size -= 2 * 65535;
	assert_int_equal((uint8_t)output.data[at] << 8 | (uint8_t)output.data[at + 1], size);
	assert_int_equal(output.size, at + 2 + size + 2);
	assert_memory_equal(output.data + output.size - 3, "\xA0\0\0", 3);
	buffer_free(&output);
	bolt_writer_free(&params);
	pure_free(&pure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hello),    cmocka_unit_test(test_manifest_choice_goes_first),
	        cmocka_unit_test(test_auth),     cmocka_unit_test(test_begin),
	        cmocka_unit_test(test_run),      cmocka_unit_test(test_fetch),
	        cmocka_unit_test(test_bare),     cmocka_unit_test(test_route),
	        cmocka_unit_test(test_versions), cmocka_unit_test(test_chunks),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
