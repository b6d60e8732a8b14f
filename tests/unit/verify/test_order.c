/*
 * Proves that keys are ordered as both servers order them, and that a key's value, written as SQL, is what PostgreSQL would
 * have printed: value_from_text of it is the same value again.
 */
#include "verify/order.h"
#include "verify/recheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct value read_value(const struct type *type, const char *text, struct arena *arena)
{
	struct value value;
	struct error error;

	if (value_from_text(type, text, strlen(text), arena, &value, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return value;
}

/* kind, texts in ascending order */
static const struct {
	struct type type;
	const char *texts[12];
} ordered[] = {
        {{.kind = TYPE_INT}, {"-9223372036854775808", "-1", "0", "2", "10", "9223372036854775807"}},
        {{.kind = TYPE_TEXT}, {"", "\x01", " ", "A", "a", "a ", "ab", "b", "\xc3\xa9", "\xef\xbf\xbf", "\xf0\x90\x80\x80"}},
        {{.kind = TYPE_NUMERIC}, {"-1.0", "1.0", "1.00", "10", "9", "NaN"}},
        {{.kind = TYPE_BOOL}, {"f", "t"}},
        {{.kind = TYPE_FLOAT}, {"-Infinity", "-1.5", "0", "1e300", "Infinity", "NaN"}},
        {{.kind = TYPE_BYTEA}, {"\\x", "\\x00", "\\x0001", "\\x7f", "\\x80", "\\xff"}},
        {{.kind = TYPE_DATE},
         {"-infinity", "4713-01-01 BC", "0001-12-31 BC", "0001-01-01", "2024-02-29", "12345-01-01", "infinity"}},
        {{.kind = TYPE_TIME}, {"00:00:00", "00:00:00.000001", "23:59:59.999999", "24:00:00"}},
        {{.kind = TYPE_TIMETZ}, {"00:00:00+12", "09:00:00+00", "10:00:00+01", "10:00:00+00", "24:00:00-01:30"}},
        {{.kind = TYPE_TIMESTAMP},
         {"-infinity", "0044-03-15 12:00:00 BC", "1969-12-31 23:59:59.5", "2020-01-01 00:00:00", "infinity"}},
        {{.kind = TYPE_TIMESTAMPTZ},
         {"-infinity", "0044-03-15 12:00:00+00 BC", "2020-01-01 00:00:00.000001+00", "10000-01-01 00:00:00+00", "infinity"}},
};

static void test_order(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024 * 1024);
	for (size_t i = 0; i < sizeof(ordered) / sizeof(*ordered); i++) {
		for (int k = 0; ordered[i].texts[k]; k++) {
			for (int j = 0; ordered[i].texts[j]; j++) {
				struct value a = read_value(&ordered[i].type, ordered[i].texts[k], &arena);
				struct value b = read_value(&ordered[i].type, ordered[i].texts[j], &arena);
				int order = verify_value_order(&a, &b);

				assert_int_equal((order > 0) - (order < 0), (k > j) - (k < j));
				assert_int_equal(a.kind, verify_type_kind(&ordered[i].type));
			}
		}
	}
	arena_free(&arena);
}

static void test_zeros(void **state)
{
	const struct value minus = {.kind = VALUE_FLOAT, .real = -0.0}, plus = {.kind = VALUE_FLOAT, .real = 0.0};

	(void)state;
	assert_int_equal(verify_value_order(&minus, &plus), 0);
}

static void test_sql_round_trip(void **state)
{
	struct arena arena;
	struct buffer text;

	(void)state;
	arena_init(&arena, 1024 * 1024);
	buffer_init(&text, 4096);
	for (size_t i = 0; i < sizeof(ordered) / sizeof(*ordered); i++) {
		for (int k = 0; ordered[i].texts[k]; k++) {
			struct value value = read_value(&ordered[i].type, ordered[i].texts[k], &arena), again;

			buffer_reset(&text);
			verify__value_sql(&text, &value);
			/* PostgreSQL reads T and Z too, our own reader needs what PostgreSQL prints */
			for (size_t at = 0; at < text.size; at++)
				if (text.data[at] == 'T' && ordered[i].type.kind >= TYPE_DATE)
					text.data[at] = ' ';
			if (strchr(buffer_text(&text), 'Z')) {
				char *z = strchr(text.data, 'Z');
				char rest[8];

				memcpy(rest, z + 1, strlen(z + 1) + 1);
				text.size = (size_t)(z - text.data);
				buffer_printf(&text, "+00%s", rest);
			}
			again = read_value(&ordered[i].type, buffer_text(&text), &arena);
			assert_true(value_equal(&value, &again));
		}
	}
	buffer_free(&text);
	arena_free(&arena);
}

static void test_copy(void **state)
{
	const struct value items[] = {{.kind = VALUE_STRING, .size = 5, .bytes = "abcde"}, {.kind = VALUE_INT, .integer = 3}};
	const struct value list = {.kind = VALUE_LIST, .size = 2, .list = items};
	struct value copy;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024);
	assert_true(verify_value_copy(&arena, &list, 100, &copy));
	assert_true(value_equal(&list, &copy));
	assert_ptr_not_equal(copy.list, items);
	assert_true(verify_value_copy(&arena, &items[0], 2, &copy));
	assert_int_equal(copy.size, 2);
	arena_free(&arena);
	arena_init(&arena, 8);
	assert_false(verify_value_copy(&arena, &list, 100, &copy));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_order),
	        cmocka_unit_test(test_zeros),
	        cmocka_unit_test(test_sql_round_trip),
	        cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
