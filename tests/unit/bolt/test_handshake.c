/* Proves: both handshakes agree on the newest version in common, whole and byte by byte, and refuse everything else. */
#include "bolt/handshake.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct buffer output;
static struct bolt__handshake handshake;
static struct bolt_error error;

static void start(struct bolt_version min, struct bolt_version max, bool legacy)
{
	buffer_free(&output);
	buffer_init(&output, 1024);
	bolt__handshake_start(&handshake, min, max, legacy, &output);
}

/* Feeds it whole (and then leaves what follows) or byte by byte; returns the error. */
static int feed(const char *hex, bool bytewise, size_t *ret_left)
{
	uint8_t bytes[2048];
	size_t size = hex_parse(hex, bytes, sizeof(bytes)), at = 0;
	int code = 0;

	while (!code && !handshake.done && at < size) {
		struct reader reader = reader_of(bytes + at, bytewise ? 1 : size - at);
		size_t before = reader_left(&reader);

		code = bolt__handshake_feed(&handshake, &reader, &output, &error);
		at += before - reader_left(&reader);
	}
	*ret_left = size - at;
	return code;
}

#define NEWEST                                                                                                                 \
	(struct bolt_version)                                                                                                  \
	{                                                                                                                      \
		5, 8                                                                                                           \
	}
#define OLDEST                                                                                                                 \
	(struct bolt_version)                                                                                                  \
	{                                                                                                                      \
		4, 4                                                                                                           \
	}

static void test_proposals(void **state)
{
	(void)state;
	start(OLDEST, NEWEST, false);
	assert_hex(output.data, output.size, "6060B017 000001FF 00080805 00000404 00000000");
	start(OLDEST, NEWEST, true);
	assert_hex(output.data, output.size, "6060B017 00080805 00000404 00000000 00000000");
	start((struct bolt_version){5, 1}, (struct bolt_version){5, 4}, false);
	assert_hex(output.data, output.size, "6060B017 00030405 00000000 00000000 00000000");
	start(OLDEST, OLDEST, false);
	assert_hex(output.data, output.size, "6060B017 00000404 00000000 00000000 00000000");
	start((struct bolt_version){5, 7}, (struct bolt_version){5, 200}, false);
	assert_hex(output.data, output.size, "6060B017 000001FF 00010805 00000000 00000000");
	buffer_free(&output);
}

static void test_legacy(void **state)
{
	size_t left;

	(void)state;
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		start(OLDEST, NEWEST, false);
		assert_int_equal(feed("00000405 AABB", bytewise, &left), 0);
		assert_true(handshake.done && handshake.version.major == 5 && handshake.version.minor == 4);
		assert_int_equal(left, 2);
		assert_int_equal(output.size, 20);
	}
	buffer_free(&output);
}

static void test_manifest(void **state)
{
	static const struct {
		const char *answer;
		const char *choice; /* NULL: refused */
	} rows[] = {
	        {"000001FF 01 00080805 00 AABB", "00000805 00"},
	        {"000001FF 02 00000404 00010305 00 AABB", "00000305 00"},
	        {"000001FF 02 00000106 00000404 8001 AABB", "00000404 00"}, /* 6.1 is not known; two bytes of capabilities */
	        {"000001FF 01 00FF0905 00 AABB", "00000805 00"},
	        {"000001FF 00 00 AABB", NULL},
	        {"000001FF 01 00000106 00", NULL},
	        {"000001FF FF7F", NULL},
	        {"000001FF FFFFFFFFFFFFFFFFFFFF", NULL},
	        {"000001FF 01 00000404 FFFFFFFFFFFFFFFFFF", NULL},
	};
	size_t left;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int bytewise = 0; bytewise < 2; bytewise++) {
			start(OLDEST, NEWEST, false);
			output.size = 0;
			if (!rows[i].choice) {
				assert_int_equal(feed(rows[i].answer, bytewise, &left), BOLT_ERR_PROTOCOL);
				continue;
			}
			assert_int_equal(feed(rows[i].answer, bytewise, &left), 0);
			assert_true(handshake.done);
			assert_int_equal(left, 2);
			assert_hex(output.data, output.size, rows[i].choice);
		}
	}
	buffer_free(&output);
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
	        "00000000", "48545450", "00000304", "00000106", "00000905", "15030300", "FFFFFFFF",
	};
	size_t left;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(OLDEST, NEWEST, false);
		assert_int_equal(feed(rows[i], false, &left), BOLT_ERR_PROTOCOL);
		assert_true(error.fatal && !error.retriable && error.message[0]);
	}
	/* a version that the bounds exclude */
	start((struct bolt_version){5, 1}, NEWEST, false);
	assert_int_equal(feed("00000404", false, &left), BOLT_ERR_PROTOCOL);
	buffer_free(&output);
}

static void test_endless_manifest(void **state)
{
	static char hex[4096];
	size_t left;

	(void)state;
	strcpy(hex, "000001FF FF01");
	for (int i = 0; i < 255; i++)
		strcat(hex, "00000106");
	strcat(hex, "00");
	start(OLDEST, NEWEST, false);
	assert_int_equal(feed(hex, false, &left), BOLT_ERR_PROTOCOL);
	buffer_free(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_proposals), cmocka_unit_test(test_legacy),           cmocka_unit_test(test_manifest),
	        cmocka_unit_test(test_refused),   cmocka_unit_test(test_endless_manifest),
	};

	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
