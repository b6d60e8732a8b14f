/* Proves: each step of a conversion, alone and in its place in the chain, and what each refuses. */
#include "base/buffer.h"
#include "change/conversion.h"
#include "change/value.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH(...)                                                                                                              \
	.path = (const char *const[]){__VA_ARGS__}, .path_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)
#define PAIR(key) PATH(key), .pairs = true
#define PAIRS                                                                                                                  \
	"\"a\"=>\"1\", \"b c\"=>\"\", \"n\"=>NULL, \"m\"=>\"NULL\", \"x\\\"\\\\y\"=>\"say \\\"\\\\hi\\\", => NULL\", "         \
	"\"z\"=>\"9\""
#define SCALE(mantissa, decimals) .scale_mantissa = (mantissa), .scale_decimals = (decimals)
#define DOCUMENT                                                                                                               \
	"{\"s\": \" x\\u00e9 \", \"i\": 7, \"r\": 1.50, \"big\": 123456789012345678901, \"t\": true, \"n\": null, \"o\": "     \
	"{\"a.b\": [1, \"z\"]}, "                                                                                              \
	"\"is\": [1, 2], \"rs\": [1, 2.5], \"ss\": [\"a\", \"b\"], \"mixed\": [1, \"a\"], \"nulls\": [null], \"e\": [], "      \
	"\"num\": \"42\"}"

static const struct {
	enum type_kind kind;
	bool array;
	struct conversion conversion;
	const char *text;
	const char *printed; /* NULL: refused */
} rows[] = {
        {TYPE_TEXT, false, {.constant = "crm"}, "whatever", "'crm'"},
        {TYPE_INT, false, {.constant = "7"}, "x", "7"},

        {TYPE_JSON, false, {PATH("s")}, DOCUMENT, "' x\xc3\xa9 '"},
        {TYPE_JSON, false, {PATH("i")}, DOCUMENT, "7"},
        {TYPE_JSON, false, {PATH("r")}, DOCUMENT, "1.5"},
        {TYPE_JSON, false, {PATH("big")}, DOCUMENT, "1.2345678901234568e+20"},
        {TYPE_JSON,
         false,
         {PATH("a")},
         "{\"a\": [\"\\\"12345678901234567890\", 1, 9223372036854775807, -12345678901234567890, 1e2]}",
         "'[\"\\\\\"12345678901234567890\",1,9223372036854775807,-1.2345678901234567e19,100.0]'"},
        {TYPE_JSON, false, {PATH("0")}, "[12345678901234567890, 12345678901234567890.5e1]", "1.2345678901234567e+19"},
        {TYPE_JSON, false, {PATH("t")}, DOCUMENT, "true"},
        {TYPE_JSON, false, {PATH("n")}, DOCUMENT, "null"},
        {TYPE_JSON, false, {PATH("nothing", "here")}, DOCUMENT, "null"},
        {TYPE_JSON, false, {PATH("o")}, DOCUMENT, "'{\"a.b\":[1,\"z\"]}'"},
        {TYPE_JSON, false, {PATH("o", "a.b", "1")}, DOCUMENT, "'z'"},
        {TYPE_JSON, false, {PATH("o", "a.b", "2")}, DOCUMENT, "null"},
        {TYPE_JSON, false, {PATH("o", "a.b", "-1")}, DOCUMENT, "null"},
        {TYPE_JSON, false, {PATH("is")}, DOCUMENT, "[1, 2]"},
        {TYPE_JSON, false, {PATH("rs")}, DOCUMENT, "[1, 2.5]"},
        {TYPE_JSON, false, {PATH("ss")}, DOCUMENT, "['a', 'b']"},
        {TYPE_JSON, false, {PATH("e")}, DOCUMENT, "[]"},
        {TYPE_JSON, false, {PATH("mixed")}, DOCUMENT, "'[1,\"a\"]'"},
        {TYPE_JSON, false, {PATH("nulls")}, DOCUMENT, "'[null]'"},
        {TYPE_JSON, false, {PATH("mixed"), .as = CONVERT_AS_TEXT}, DOCUMENT, "['1', 'a']"},
        {TYPE_JSON, false, {PATH("i"), .as = CONVERT_AS_TEXT}, DOCUMENT, "'7'"},
        {TYPE_JSON, false, {PATH("t"), .as = CONVERT_AS_TEXT}, DOCUMENT, "'true'"},
        {TYPE_JSON, false, {PATH("i"), .as = CONVERT_AS_FLOAT}, DOCUMENT, "7"},
        {TYPE_JSON, false, {PATH("num"), .as = CONVERT_AS_INTEGER}, DOCUMENT, "42"},
        {TYPE_JSON, false, {PATH("r"), .as = CONVERT_AS_INTEGER}, DOCUMENT, NULL},
        {TYPE_JSON, false, {PATH("t"), .as = CONVERT_AS_INTEGER}, DOCUMENT, NULL},
        {TYPE_JSON, false, {PATH("s"), .as = CONVERT_AS_FLOAT}, DOCUMENT, NULL},
        {TYPE_JSON, false, {PATH("s"), .trim = true, .letters = LETTERS_UPPER}, DOCUMENT, "'X\xc3\x89'"},
        {TYPE_JSON, false, {PATH("i"), SCALE(1, 1)}, DOCUMENT, "0.7"},
        {TYPE_JSON, false, {PATH("t"), SCALE(1, 1)}, DOCUMENT, NULL},
        {TYPE_JSON, false, {PATH("n"), SCALE(1, 1)}, DOCUMENT, "null"},
        {TYPE_JSON, false, {PATH("i"), .epoch = EPOCH_SECONDS}, DOCUMENT, "1970-01-01T00:00:07Z"},
        {TYPE_JSON, false, {PATH("s"), .epoch = EPOCH_SECONDS}, DOCUMENT, NULL},
        {TYPE_JSON, false, {PATH("a")}, "{\"a\": \"\\ud800\"}", NULL},
        {TYPE_JSON, false, {PATH("a")}, "{\"a\": \"x\\u0000y\"}", "'x\\x00y'"},
        {TYPE_JSON, false, {PATH("a")}, "{\"a\": 1e999}", NULL},
        {TYPE_JSON, false, {PATH("a")}, "{", NULL},
        {TYPE_JSON, false, {PATH("a")}, "\"text\"", "null"},

        {TYPE_TEXT, false, {PAIR("a")}, PAIRS, "'1'"},
        {TYPE_TEXT, false, {PAIR("b c")}, PAIRS, "''"},
        {TYPE_TEXT, false, {PAIR("x\"\\y")}, PAIRS, "'say \"\\\\hi\", => NULL'"},
        {TYPE_TEXT, false, {PAIR("n")}, PAIRS, "null"},
        {TYPE_TEXT, false, {PAIR("m")}, PAIRS, "'NULL'"},
        {TYPE_TEXT, false, {PAIR("z")}, PAIRS, "'9'"},
        {TYPE_TEXT, false, {PAIR("hi")}, PAIRS, "null"},
        {TYPE_TEXT, false, {PAIR("a")}, "", "null"},
        {TYPE_TEXT, false, {PAIR("a"), .as = CONVERT_AS_INTEGER}, PAIRS, "1"},
        {TYPE_TEXT, false, {PAIR("a"), .as = CONVERT_AS_FLOAT, SCALE(5, 1)}, PAIRS, "0.5"},
        {TYPE_TEXT, false, {PAIR("m"), .as = CONVERT_AS_INTEGER}, PAIRS, NULL},
        {TYPE_TEXT, false, {PAIR("n"), .as = CONVERT_AS_INTEGER}, PAIRS, "null"},
        {TYPE_TEXT, false, {PAIR("m"), .letters = LETTERS_LOWER, .split = "u"}, PAIRS, "['n', 'll']"},
        {TYPE_TEXT, false, {PAIR("a")}, "a=>1", NULL},
        {TYPE_TEXT, false, {PAIR("a")}, "\"a\"=>\"\xff\"", NULL},
        {TYPE_TEXT, false, {PAIR("a")}, "\"a\"=>", NULL},
        {TYPE_TEXT, false, {PAIR("a")}, "\"a\"=>\"1", NULL},
        {TYPE_TEXT, false, {PAIR("a")}, "\"a\"=>\"1\\", NULL},
        {TYPE_TEXT, false, {PAIR("b")}, "\"a\"=>\"1\" \"b\"=>\"2\"", NULL},
        {TYPE_TEXT, false, {PAIR("b")}, "\"a\"", NULL},

        {TYPE_TEXT, false, {.trim = true}, " \t a b \n", "'a b'"},
        {TYPE_TEXT, false, {.trim = true}, "   ", "''"},
        {TYPE_TEXT,
         false,
         {.letters = LETTERS_UPPER},
         "stra\xc3\x9f"
         "e",
         "'STRASSE'"},
        {TYPE_TEXT,
         false,
         {.letters = LETTERS_LOWER},
         "\xc3\x84"
         "B",
         "'\xc3\xa4"
         "b'"},
        {TYPE_TEXT, false, {.letters = LETTERS_LOWER}, "", "''"},
        {TYPE_TEXT, true, {.trim = true, .letters = LETTERS_UPPER}, "{\" a\",b}", "['A', 'B']"},
        {TYPE_TEXT, true, {.trim = true}, "{}", "[]"},
        {TYPE_TEXT, false, {.split = ","}, "", "[]"},
        {TYPE_TEXT, false, {.split = ","}, "a,,b, c", "['a', '', 'b', ' c']"},
        {TYPE_TEXT, false, {.split = ",", .trim = true}, " a, b ,", "['a', 'b', '']"},
        {TYPE_TEXT, false, {.split = "--", .letters = LETTERS_UPPER}, "a--b-", "['A', 'B-']"},

        {TYPE_INT, false, {SCALE(1, 2)}, "1999", "19.99"},
        {TYPE_INT, false, {SCALE(-3, 0)}, "9223372036854775807", "-2.7670116110564327e+19"},
        {TYPE_INT, false, {SCALE(-25, 1)}, "0", "0"},
        {TYPE_INT, false, {SCALE(INT64_MIN, 18)}, "-9223372036854775808", "8.507059173023462e+19"},
        {TYPE_FLOAT, false, {SCALE(3, 0)}, "0.1", "0.3"},
        {TYPE_FLOAT, false, {SCALE(-3, 2)}, "-1.5e-7", "4.5e-09"},
        {TYPE_FLOAT, false, {SCALE(5, 1)}, "1e+30", "5e+29"},
        {TYPE_NUMERIC, false, {SCALE(3, 0)}, "123456789012345678901234567890.123456789", "3.703703670370371e+29"},
        {TYPE_NUMERIC, false, {SCALE(1, 18)}, "-0.00000000000000000000000000000000000000000000001999", "-1.999e-65"},
        {TYPE_FLOAT, false, {SCALE(-25, 1)}, "0", "0"},
        {TYPE_FLOAT, false, {SCALE(25, 1)}, "-0", "-0"},
        {TYPE_FLOAT, false, {SCALE(1, 1)}, "Infinity", "Infinity"},
        {TYPE_FLOAT, false, {SCALE(10, 0)}, "1e308", NULL},

        {TYPE_INT, false, {.epoch = EPOCH_SECONDS}, "-1", "1969-12-31T23:59:59Z"},
        {TYPE_INT, false, {.epoch = EPOCH_MILLISECONDS}, "-1", "1969-12-31T23:59:59.999000Z"},
        {TYPE_INT, false, {.epoch = EPOCH_MICROSECONDS}, "1700000000000001", "2023-11-14T22:13:20.000001Z"},
        {TYPE_FLOAT, false, {.epoch = EPOCH_SECONDS}, "1700000000.25", "2023-11-14T22:13:20.250000Z"},
        {TYPE_FLOAT, false, {.epoch = EPOCH_SECONDS}, "0.9999999", "1970-01-01T00:00:01Z"},
        {TYPE_FLOAT, false, {.epoch = EPOCH_SECONDS}, "NaN", NULL},
        {TYPE_INT, false, {.epoch = EPOCH_SECONDS}, "9223372036854775807", NULL},
        {TYPE_DATE, false, {.epoch = EPOCH_SECONDS}, "1970-01-02", "86400"},
        {TYPE_DATE, false, {.epoch = EPOCH_SECONDS}, "infinity", NULL},
        {TYPE_TIMESTAMPTZ, false, {.epoch = EPOCH_MILLISECONDS}, "1969-12-31 23:59:59.9999+00", "-1"},
        {TYPE_TIMESTAMP, false, {.epoch = EPOCH_MICROSECONDS}, "2023-11-14 22:13:20.000001", "1700000000000001"},
        {TYPE_TIMESTAMP, false, {.epoch = EPOCH_MICROSECONDS}, "-infinity", NULL},
        {TYPE_DATE, false, {.epoch = EPOCH_MICROSECONDS}, "5874897-12-31", NULL},
};

static void test_rows(void **state)
{
	struct buffer printed;
	struct arena arena;

	(void)state;
	arena_init(&arena, 100000);
	buffer_init(&printed, 10000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct type type = {.kind = rows[i].kind,
		                          .numeric_as = NUMERIC_AS_FLOAT,
		                          .array = rows[i].array,
		                          .conversion = &rows[i].conversion};
		struct error error = {0};
		struct value value;
		int rc = value_from_text(&type, rows[i].text, strlen(rows[i].text), &arena, &value, &error);

		buffer_reset(&printed);
		if (rc == 0)
			value_print(&printed, &value, 200);
		if (rows[i].printed ? rc != 0 || strcmp(buffer_text(&printed), rows[i].printed) != 0
		                    : rc != ERR_VALUE || error.class != ERROR_POISON)
			fail_msg("row %zu, '%s': %d %s %s", i, rows[i].text, rc, buffer_text(&printed), error.text);
		arena_reset(&arena);
	}
	buffer_free(&printed);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
