/* Proves, over many random values: numbers and times read back as they were written, against libc's own strtod and timegm. */
#include "change/value.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 200000

static uint64_t seed = 88172645463325252;

/* xorshift64: the same values in each run */
static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void read_text(enum type_kind kind, const char *text, struct value *ret_value)
{
	const struct type type = {.kind = kind, .numeric_as = NUMERIC_AS_FLOAT};
	struct arena arena;
	struct error error;

	arena_init(&arena, 100000);
	if (value_from_text(&type, text, strlen(text), &arena, ret_value, &error))
		fail_msg("'%s': %s", text, error.text);
	arena_free(&arena);
}

static void test_ints(void **state)
{
	char text[32];
	struct value value;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		int64_t integer = (int64_t)next_random() >> (next_random() & 63);

		snprintf(text, sizeof(text), "%lld", (long long)integer);
		read_text(TYPE_INT, text, &value);
		assert_true(value.integer == integer);
	}
}

static void test_floats(void **state)
{
	static const char *const formats[] = {"%.17g", "%.6g", "%.15f", "%.2f", "%.0f"};
	char text[400];
	struct value value;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		uint64_t bits = next_random();
		double real;

		if (i % 2)
			real = (double)((int64_t)bits >> (bits & 63)) / 1000;
		else
			memcpy(&real, &bits, sizeof(real));
		if (real != real || real - real != 0)
			continue;
		snprintf(text, sizeof(text), formats[next_random() % 5], real);
		read_text(TYPE_FLOAT, text, &value);
		if (value.real != strtod(text, NULL))
			fail_msg("'%s' is not %.17g", text, value.real);
	}
}

static void test_timestamps(void **state)
{
	char text[64];
	struct value value;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		/* over the years -4000 to 290000 or so; libc's calendar goes that far too */
		time_t seconds = (time_t)(next_random() % UINT64_C(9300000000000)) - INT64_C(180000000000);
		struct tm tm;
		long year;
		bool bc;

		assert_non_null(gmtime_r(&seconds, &tm));
		year = (long)tm.tm_year + 1900;
		bc = year <= 0;
		snprintf(text, sizeof(text), "%04ld-%02d-%02d %02d:%02d:%02d.25+00%s", bc ? 1 - year : year, tm.tm_mon + 1,
		         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, bc ? " BC" : "");
		read_text(TYPE_TIMESTAMPTZ, text, &value);
		if (value.integer != seconds || value.nanos != 250000000)
			fail_msg("'%s' is not %lld", text, (long long)seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ints),
	        cmocka_unit_test(test_floats),
	        cmocka_unit_test(test_timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
