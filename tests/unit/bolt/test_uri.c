/* Proves: URIs and addresses are taken apart, and put together again; wrong ones are refused with a reason. */
#include "bolt/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text;
		bool routing;
		enum bolt__tls_mode tls;
		const char *host;
		uint16_t port;
	} rows[] = {
	        {"bolt://localhost", false, BOLT__TLS_NONE, "localhost", 7687},
	        {"bolt+s://db.example.org:1234", false, BOLT__TLS_VERIFY, "db.example.org", 1234},
	        {"BOLT+SSC://h/", false, BOLT__TLS_TRUST_ANY, "h", 7687},
	        {"neo4j://[::1]:99", true, BOLT__TLS_NONE, "::1", 99},
	        {"neo4j+s://[fe80::1%25eth0]", true, BOLT__TLS_VERIFY, "fe80::1%25eth0", 7687},
	        {"neo4j+ssc://127.0.0.1:65535", true, BOLT__TLS_TRUST_ANY, "127.0.0.1", 65535},
	};
	struct bolt_error error;
	struct bolt__uri uri;
	struct arena arena;

	(void)state;
	arena_init(&arena, 65536);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (bolt__uri_parse(rows[i].text, &arena, &uri, &error))
			fail_msg("%s: %s", rows[i].text, error.message);
		assert_int_equal(uri.routing, rows[i].routing);
		assert_int_equal(uri.tls, rows[i].tls);
		assert_string_equal(uri.endpoint.host, rows[i].host);
		assert_int_equal(uri.endpoint.port, rows[i].port);
		assert_int_equal(uri.context_count, 0);
	}
	arena_free(&arena);
}

static void test_context(void **state)
{
	struct bolt_error error;
	struct bolt__uri uri;
	struct arena arena;

	(void)state;
	arena_init(&arena, 65536);
	assert_int_equal(bolt__uri_parse("neo4j://h:1/?region=europe&policy=a%20b%26", &arena, &uri, &error), 0);
	assert_int_equal(uri.context_count, 2);
	assert_string_equal(uri.context[0].key, "region");
	assert_string_equal(uri.context[0].value, "europe");
	assert_string_equal(uri.context[1].value, "a b&");
	assert_int_equal(uri.endpoint.port, 1);
	assert_int_equal(bolt__uri_parse("neo4j://h?", &arena, &uri, &error), 0);
	arena_free(&arena);
}

static void test_bad(void **state)
{
	static const char *const rows[] = {
	        "",
	        "localhost",
	        "http://localhost",
	        "boltx://localhost",
	        "://localhost",
	        "bolt://",
	        "bolt:///",
	        "bolt://:7687",
	        "bolt://h:0",
	        "bolt://h:65536",
	        "bolt://h:",
	        "bolt://h:7a",
	        "bolt://[::1",
	        "bolt://[::1]7687",
	        "bolt://[]",
	        "bolt://user@h",
	        "bolt://h/path",
	        "bolt://h?a=b", /* no routing, no context */
	        "neo4j://h?a",
	        "neo4j://h?=b",
	        "neo4j://h?a=",
	        "neo4j://h?a=%4",
	        "neo4j://h?a=%zz",
	        "neo4j://h?a=1&a=2&a=3&a=4&a=5&a=6&a=7&a=8&a=9&a=1&a=2&a=3&a=4&a=5&a=6&a=7&a=8",
	};
	static char long_host[600] = "bolt://";
	struct bolt_error error;
	struct bolt__uri uri;
	struct arena arena;

	(void)state;
	arena_init(&arena, 65536);
	memset(long_host + 7, 'h', 300);
	assert_int_equal(bolt__uri_parse(long_host, &arena, &uri, &error), BOLT_ERR_ARGUMENT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error.message[0] = '\0';
		if (bolt__uri_parse(rows[i], &arena, &uri, &error) != BOLT_ERR_ARGUMENT)
			fail_msg("\"%s\" is taken", rows[i]);
		assert_true(error.message[0]);
	}
	arena_free(&arena);
}

static void test_endpoints(void **state)
{
	struct bolt__endpoint a, b;
	char text[300];

	(void)state;
	assert_int_equal(bolt__endpoint_parse("[::1]:1", 7, &a, NULL), 0);
	bolt__endpoint_format(&a, text, sizeof(text));
	assert_string_equal(text, "[::1]:1");
	assert_int_equal(bolt__endpoint_parse("::1", 3, &b, NULL), 0);
	assert_false(bolt__endpoint_is_same(&a, &b));
	assert_int_equal(bolt__endpoint_parse("Host:1", 6, &a, NULL), 0);
	assert_int_equal(bolt__endpoint_parse("host:1xx", 6, &b, NULL), 0);
	assert_true(bolt__endpoint_is_same(&a, &b));
	bolt__endpoint_format(&b, text, sizeof(text));
	assert_string_equal(text, "host:1");
	assert_int_equal(bolt__endpoint_parse("a\0b", 3, &b, NULL), BOLT_ERR_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good),
	        cmocka_unit_test(test_context),
	        cmocka_unit_test(test_bad),
	        cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
