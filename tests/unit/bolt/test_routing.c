/* Proves: routing tables are read, expire, lose servers, and are refused when they make no sense; codes of errors are classed.
 */
#include "bolt/error.h"
#include "bolt/routing.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct bolt_decoder *decoder;
static struct bolt__routing_table table;
static struct bolt_error error;

static int parse(const char *hex)
{
	static uint8_t bytes[8192];
	const struct bolt_value *value;
	size_t size = hex_parse(hex, bytes, sizeof(bytes));

	if (!decoder)
		decoder = bolt_decoder_create(1 << 20, 64);
	assert_int_equal(bolt_decoder_decode(decoder, bytes, size, &value, NULL), 0);
	return bolt__routing_parse(value, 1000, &table, &error);
}

#define W "A2 'role' 'WRITE' 'addresses' 91 'w:1'"
#define R "A2 'role' 'READ' 'addresses' 92 'r1:1' 'r2'"
#define RT "A2 'role' 'ROUTE' 'addresses' 91 'w:1'"

static void test_table(void **state)
{
	struct bolt__endpoint endpoint = {.host = "W", .port = 1};

	(void)state;
	assert_int_equal(parse("A1 'rt' A3 'ttl' C9 012C 'db' 'neo4j' 'servers' 94 " W R RT "A2 'role' 'NEW' 'addresses' 90"),
	                 0);
	assert_int_equal(table.roles[BOLT__ROLE_WRITE].count, 1);
	assert_int_equal(table.roles[BOLT__ROLE_READ].count, 2);
	assert_int_equal(table.roles[BOLT__ROLE_ROUTE].count, 1);
	assert_int_equal(table.roles[BOLT__ROLE_READ].endpoints[1].port, 7687);
	assert_string_equal(table.database, "neo4j");
	assert_true(bolt__routing_is_fresh(&table, 1000 + 300000));
	assert_false(bolt__routing_is_fresh(&table, 1000 + 300001));
	assert_true(bolt__servers_have(&table.roles[BOLT__ROLE_WRITE], &endpoint));
	bolt__routing_forget(&table, BOLT__ROLE_WRITE, &endpoint);
	assert_int_equal(table.roles[BOLT__ROLE_WRITE].count, 0);
	assert_false(bolt__routing_is_fresh(&table, 1000));
	assert_int_equal(table.roles[BOLT__ROLE_READ].count, 2);
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
	        "A0",
	        "A1 'rt' C0",
	        "A1 'rt' A1 'ttl' 01",
	        "A1 'rt' A2 'ttl' FF 'servers' 90",
	        "A1 'rt' A2 'ttl' 'x' 'servers' 90",
	        "A1 'rt' A2 'ttl' 01 'servers' 91 01",
	        "A1 'rt' A2 'ttl' 01 'servers' 91 A1 'role' 'READ'",
	        "A1 'rt' A2 'ttl' 01 'servers' 91 A2 'role' 'READ' 'addresses' 91 01",
	        "A1 'rt' A2 'ttl' 01 'servers' 91 A2 'role' 'READ' 'addresses' 91 'h:x'",
	};

	(void)state;
	table = (struct bolt__routing_table){.expires_ms = 7};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(rows[i]) != BOLT_ERR_PROTOCOL)
			fail_msg("%s is taken", rows[i]);
		assert_true(table.expires_ms == 7);
	}
}

static void test_many_servers(void **state)
{
	char hex[4096] = "A1 'rt' A2 'ttl' 01 'servers' 91 A2 'role' 'READ' 'addresses' D4 64 ";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(hex, "'r:1' ");
	assert_int_equal(parse(hex), 0);
	assert_int_equal(table.roles[BOLT__ROLE_READ].count, BOLT__SERVERS_MAX);
	bolt_decoder_free(decoder);
	decoder = NULL;
}

static void test_codes(void **state)
{
	static const struct {
		const char *code;
		bool transient;
		bool leader_change;
	} rows[] = {
	        {"Neo.TransientError.Transaction.DeadlockDetected", true, false},
	        {"Neo.TransientError.General.DatabaseUnavailable", true, true},
	        {"Neo.TransientError.Transaction.Terminated", false, false},
	        {"Neo.TransientError.Transaction.LockClientStopped", false, false},
	        {"Neo.ClientError.Cluster.NotALeader", true, true},
	        {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", true, true},
	        {"Neo.ClientError.Statement.SyntaxError", false, false},
	        {"Neo.ClientError.Schema.ConstraintValidationFailed", false, false},
	        {"Neo.DatabaseError.General.UnknownError", false, false},
	        {"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bolt_value code = {
		        .type = BOLT_TYPE_STRING, .size = (uint32_t)strlen(rows[i].code), .string = rows[i].code};

		bolt__error_set_server(&error, &code, NULL, NULL);
		assert_int_equal(bolt_error_is_transient(&error), rows[i].transient);
		assert_int_equal(bolt_neo4j_code_is_transient(rows[i].code), rows[i].transient);
		assert_int_equal(bolt_error_is_leader_change(&error), rows[i].leader_change);
		assert_string_equal(error.neo4j_code, rows[i].code);
		assert_false(error.fatal);
	}
	assert_string_equal(bolt_code_name(BOLT_ERR_TLS), "TLS");
	assert_string_equal(bolt_code_name(BOLT_OK), "OK");
}

static void test_long_messages(void **state)
{
	static char text[4096];
	struct bolt_value message = {.type = BOLT_TYPE_STRING, .size = sizeof(text), .string = text};

	(void)state;
	/* two bytes a letter: the cut must not fall between them */
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	bolt__error_set_server(&error, NULL, NULL, &message);
	assert_int_equal(strlen(error.message), 1022);
	bolt__error_prefix(&error, "%s", "host");
	assert_int_equal(strlen(error.message), 1023);
	assert_memory_equal(error.message, "host: \xC3\xA9", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_table), cmocka_unit_test(test_refused),       cmocka_unit_test(test_many_servers),
	        cmocka_unit_test(test_codes), cmocka_unit_test(test_long_messages),
	};

	return cmocka_run_group_tests_name("routing", tests, NULL, NULL);
}
