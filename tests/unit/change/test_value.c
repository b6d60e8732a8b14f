/* Proves: the rules of docs/types.md for each type, one row a text, by what a person would read; and what each type refuses.
 */
#include "base/buffer.h"
#include "change/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIST true
#define ONE false
#define INT64_BEYOND "9223372036854775808"

struct accepted {
	enum type_kind kind;
	bool array;
	enum numeric_as numeric_as;
	const char *text;
	enum value_kind value_kind;
	const char *printed;
};

#define MAX_DATE "+999999999-12-31"
#define MIN_DATE "-999999999-01-01"

static const struct accepted accepted[] = {
        {TYPE_BOOL, ONE, 0, "t", VALUE_BOOL, "true"},
        {TYPE_BOOL, ONE, 0, "f", VALUE_BOOL, "false"},
        {TYPE_INT, ONE, 0, "0", VALUE_INT, "0"},
        {TYPE_INT, ONE, 0, "-1", VALUE_INT, "-1"},
        {TYPE_INT, ONE, 0, "9223372036854775807", VALUE_INT, "9223372036854775807"},
        {TYPE_INT, ONE, 0, "-9223372036854775808", VALUE_INT, "-9223372036854775808"},
        {TYPE_FLOAT, ONE, 0, "0", VALUE_FLOAT, "0"},
        {TYPE_FLOAT, ONE, 0, "-0", VALUE_FLOAT, "-0"},
        {TYPE_FLOAT, ONE, 0, "0.1", VALUE_FLOAT, "0.1"},
        {TYPE_FLOAT, ONE, 0, "-123.456", VALUE_FLOAT, "-123.456"},
        {TYPE_FLOAT, ONE, 0, "123456789012345", VALUE_FLOAT, "123456789012345"},
        {TYPE_FLOAT, ONE, 0, "0.1234567890123", VALUE_FLOAT, "0.1234567890123"},
        {TYPE_FLOAT, ONE, 0, "2.2250738585072014e-308", VALUE_FLOAT, "2.2250738585072014e-308"},
        {TYPE_FLOAT, ONE, 0, "1.7976931348623157e+308", VALUE_FLOAT, "1.7976931348623157e+308"},
        {TYPE_FLOAT, ONE, 0, "5e-324", VALUE_FLOAT, "4.94065645841247e-324"},
        {TYPE_FLOAT, ONE, 0, "NaN", VALUE_FLOAT, "NaN"},
        {TYPE_FLOAT, ONE, 0, "Infinity", VALUE_FLOAT, "Infinity"},
        {TYPE_FLOAT, ONE, 0, "-Infinity", VALUE_FLOAT, "-Infinity"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_TEXT, "1.10", VALUE_STRING, "'1.10'"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_TEXT, "NaN", VALUE_STRING, "'NaN'"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_FLOAT, "1.10", VALUE_FLOAT, "1.1"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_FLOAT, "NaN", VALUE_FLOAT, "NaN"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_FLOAT, "-Infinity", VALUE_FLOAT, "-Infinity"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, "12", VALUE_INT, "12"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, "-12.000", VALUE_INT, "-12"},
        {TYPE_TEXT, ONE, 0, "", VALUE_STRING, "''"},
        {TYPE_TEXT, ONE, 0, "it's \\ \n", VALUE_STRING, "'it\\'s \\\\ \\x0a'"},
        {TYPE_TEXT, ONE, 0, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98", VALUE_STRING, "'\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98'"},
        {TYPE_BYTEA, ONE, 0, "\\x", VALUE_BYTES, "0x"},
        {TYPE_BYTEA, ONE, 0, "\\x00fFa0", VALUE_BYTES, "0x00ffa0"},
        {TYPE_DATE, ONE, 0, "1970-01-01", VALUE_DATE, "1970-01-01"},
        {TYPE_DATE, ONE, 0, "2024-02-29", VALUE_DATE, "2024-02-29"},
        {TYPE_DATE, ONE, 0, "0044-03-15 BC", VALUE_DATE, "-0043-03-15"},
        {TYPE_DATE, ONE, 0, "0001-12-31 BC", VALUE_DATE, "0000-12-31"},
        {TYPE_DATE, ONE, 0, "0001-02-29 BC", VALUE_DATE, "0000-02-29"},
        {TYPE_DATE, ONE, 0, "4714-11-24 BC", VALUE_DATE, "-4713-11-24"},
        {TYPE_DATE, ONE, 0, "5874897-12-31", VALUE_DATE, "+5874897-12-31"},
        {TYPE_DATE, ONE, 0, "infinity", VALUE_DATE, MAX_DATE},
        {TYPE_DATE, ONE, 0, "-infinity", VALUE_DATE, MIN_DATE},
        {TYPE_TIME, ONE, 0, "00:00:00", VALUE_LOCAL_TIME, "00:00:00"},
        {TYPE_TIME, ONE, 0, "23:59:59.999999", VALUE_LOCAL_TIME, "23:59:59.999999"},
        {TYPE_TIME, ONE, 0, "12:34:56.7", VALUE_LOCAL_TIME, "12:34:56.700000"},
        {TYPE_TIME, ONE, 0, "24:00:00", VALUE_LOCAL_TIME, "23:59:59.999999999"},
        {TYPE_TIMETZ, ONE, 0, "12:34:56+02", VALUE_TIME, "12:34:56+02:00"},
        {TYPE_TIMETZ, ONE, 0, "12:34:56.5-03:30", VALUE_TIME, "12:34:56.500000-03:30"},
        {TYPE_TIMETZ, ONE, 0, "12:34:56+00", VALUE_TIME, "12:34:56Z"},
        {TYPE_TIMETZ, ONE, 0, "12:34:56+15:59:59", VALUE_TIME, "12:34:56+15:59:59"},
        {TYPE_TIMETZ, ONE, 0, "24:00:00-01", VALUE_TIME, "23:59:59.999999999-01:00"},
        {TYPE_TIMESTAMP, ONE, 0, "2024-01-02 03:04:05.678901", VALUE_LOCAL_DATETIME, "2024-01-02T03:04:05.678901"},
        {TYPE_TIMESTAMP, ONE, 0, "1969-12-31 23:59:59.5", VALUE_LOCAL_DATETIME, "1969-12-31T23:59:59.500000"},
        {TYPE_TIMESTAMP, ONE, 0, "4714-11-24 00:00:00 BC", VALUE_LOCAL_DATETIME, "-4713-11-24T00:00:00"},
        {TYPE_TIMESTAMP, ONE, 0, "294276-12-31 23:59:59.999999", VALUE_LOCAL_DATETIME, "+294276-12-31T23:59:59.999999"},
        {TYPE_TIMESTAMP, ONE, 0, "infinity", VALUE_LOCAL_DATETIME, MAX_DATE "T23:59:59.999999999"},
        {TYPE_TIMESTAMP, ONE, 0, "-infinity", VALUE_LOCAL_DATETIME, MIN_DATE "T00:00:00"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "2024-01-02 03:04:05+00", VALUE_DATETIME, "2024-01-02T03:04:05Z"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "2024-01-02 03:04:05.25+05:30", VALUE_DATETIME, "2024-01-01T21:34:05.250000Z"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "0044-03-15 12:00:00+00 BC", VALUE_DATETIME, "-0043-03-15T12:00:00Z"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "infinity", VALUE_DATETIME, MAX_DATE "T23:59:59.999999999Z"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "-infinity", VALUE_DATETIME, MIN_DATE "T00:00:00Z"},
        {TYPE_INT, LIST, 0, "{}", VALUE_LIST, "[]"},
        {TYPE_INT, LIST, 0, "{1,-2,3}", VALUE_LIST, "[1, -2, 3]"},
        {TYPE_INT, LIST, 0, "[0:2]={1,2,3}", VALUE_LIST, "[1, 2, 3]"},
        {TYPE_INT, LIST, 0, "[-5:-4]={1,2}", VALUE_LIST, "[1, 2]"},
        {TYPE_BOOL, LIST, 0, "{t,f}", VALUE_LIST, "[true, false]"},
        {TYPE_FLOAT, LIST, 0, "{NaN,1.5}", VALUE_LIST, "[NaN, 1.5]"},
        {TYPE_TEXT, LIST, 0, "{a,\"b c\",\"\",\"x,y\",\"q\\\"q\",\"b\\\\s\",\"NULL\",\"{}\"}", VALUE_LIST,
         "['a', 'b c', '', 'x,y', 'q\"q', 'b\\\\s', 'NULL', '{}']"},
        {TYPE_BYTEA, LIST, 0, "{\"\\\\x01\",\"\\\\x\"}", VALUE_LIST, "[0x01, 0x]"},
        {TYPE_NUMERIC, LIST, NUMERIC_AS_INTEGER, "{1.0,2}", VALUE_LIST, "[1, 2]"},
        {TYPE_DATE, LIST, 0, "{2024-01-01,\"0044-03-15 BC\",infinity}", VALUE_LIST, "[2024-01-01, -0043-03-15, " MAX_DATE "]"},
        {TYPE_TIMESTAMP, LIST, 0, "{\"2024-01-01 00:00:00\"}", VALUE_LIST, "[2024-01-01T00:00:00]"},
        {TYPE_INTERVAL, ONE, 0, "PT0S", VALUE_DURATION, "P0M0DT0S"},
        {TYPE_INTERVAL, ONE, 0, "P1Y2M3DT4H5M6.789S", VALUE_DURATION, "P14M3DT14706 + 0.789000000S"},
        {TYPE_INTERVAL, ONE, 0, "P-1Y-2M3DT-4H-5M-6.789S", VALUE_DURATION, "P-14M3DT-14707 + 0.211000000S"},
        {TYPE_INTERVAL, ONE, 0, "P1M-30DT23H", VALUE_DURATION, "P1M-30DT82800S"},
        {TYPE_INTERVAL, ONE, 0, "PT-0.000001S", VALUE_DURATION, "P0M0DT-1 + 0.999999000S"},
        {TYPE_INTERVAL, ONE, 0, "P-178000000Y", VALUE_DURATION, "P-2136000000M0DT0S"},
        {TYPE_INTERVAL, ONE, 0, "PT2562047788H54.775807S", VALUE_DURATION, "P0M0DT9223372036854 + 0.775807000S"},
        {TYPE_INTERVAL, LIST, 0, "{P1D,PT-1S}", VALUE_LIST, "[P0M1DT0S, P0M0DT-1S]"},
        {TYPE_POINT, ONE, 0, "(1,-2.5)", VALUE_POINT, "point(srid 7203: 1, -2.5)"},
        {TYPE_POINT, LIST, 0, "{\"(1,2)\",\"(3,4)\"}", VALUE_LIST, "[point(srid 7203: 1, 2), point(srid 7203: 3, 4)]"},
        {TYPE_VECTOR, ONE, 0, "[]", VALUE_LIST, "[]"},
        {TYPE_VECTOR, ONE, 0, "[1,-2.5,3e-07]", VALUE_LIST, "[1, -2.5, 3e-07]"},
        {TYPE_GEOMETRY, ONE, 0, "0101000020E6100000CDCCCCCCCCCC0240CDCCCCCCCC6C4840", VALUE_POINT,
         "point(srid 4326: 2.35, 48.85)"},
        {TYPE_GEOMETRY, ONE, 0, "01010000A0E6100000CDCCCCCCCCCC0240CDCCCCCCCC6C48400000000000005940", VALUE_POINT,
         "point(srid 4979: 2.35, 48.85, 100)"},
        {TYPE_GEOMETRY, ONE, 0, "0101000000000000000000F03F0000000000000040", VALUE_POINT, "point(srid 7203: 1, 2)"},
        {TYPE_GEOMETRY, ONE, 0, "0101000080000000000000F03F00000000000000400000000000000840", VALUE_POINT,
         "point(srid 9157: 1, 2, 3)"},
        {TYPE_GEOMETRY, ONE, 0, "00000000013FF00000000000004000000000000000", VALUE_POINT, "point(srid 7203: 1, 2)"},
        {TYPE_GEOMETRY, ONE, 0, "0101000020E610000000000000000069400000000000002440", VALUE_STRING,
         "'SRID=4326;POINT(200 10)'"},
        {TYPE_GEOMETRY, ONE, 0, "0101000020110F0000000000000000F03F0000000000000040", VALUE_STRING, "'SRID=3857;POINT(1 2)'"},
        {TYPE_GEOMETRY, ONE, 0, "0101000040000000000000F03F00000000000000400000000000000840", VALUE_STRING, "'POINTM(1 2 3)'"},
        {TYPE_GEOMETRY, ONE, 0, "01010000C0000000000000F03F000000000000004000000000000008400000000000001040", VALUE_STRING,
         "'POINT(1 2 3 4)'"},
        {TYPE_GEOMETRY, ONE, 0, "0101000020E6100000000000000000F87F000000000000F87F", VALUE_STRING, "'SRID=4326;POINT EMPTY'"},
        {TYPE_GEOMETRY, ONE, 0, "0102000020E61000000200000000000000000000000000000000000000000000000000F03F000000000000F83F",
         VALUE_STRING, "'SRID=4326;LINESTRING(0 0,1 1.5)'"},
        {TYPE_GEOMETRY, ONE, 0, "010200000000000000", VALUE_STRING, "'LINESTRING EMPTY'"},
        {TYPE_GEOMETRY, ONE, 0,
         "010300000002000000040000000000000000000000000000000000000000000000000022400000000000000000000000000000224000000000000"
         "022400000000000000000000000000000000004000000000000000000F03F000000000000F03F0000000000000040000000000000F03F00000000"
         "000000400000000000000040000000000000F03F000000000000F03F",
         VALUE_STRING, "'POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))'"},
        {TYPE_GEOMETRY, ONE, 0,
         "0104000000020000000101000000000000000000F03F000000000000F03F010100000000000000000000400000000000000040", VALUE_STRING,
         "'MULTIPOINT((1 1),(2 2))'"},
        {TYPE_GEOMETRY, ONE, 0,
         "010600000001000000010300000001000000040000000000000000000000000000000000000000000000000022400000000000000000000000000"
         "0002240000000000000224000000000000000000000000000000000",
         VALUE_STRING, "'MULTIPOLYGON(((0 0,9 0,9 9,0 0)))'"},
        {TYPE_GEOMETRY, ONE, 0,
         "0107000000020000000101000000000000000000F03F000000000000F03F010200000002000000000000000000000000000000000000000000000"
         "00000F03F000000000000F03F",
         VALUE_STRING, "'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'"},
        {TYPE_GEOMETRY, ONE, 0,
         "01090000000200000001080000000300000000000000000000000000000000000000000000000000F03F000000000000F03F000000000000F03F0"
         "000000000000000010200000002000000000000000000F03F00000000000000000000000000000000000000000000F03F",
         VALUE_STRING, "'COMPOUNDCURVE(CIRCULARSTRING(0 0,1 1,1 0),(1 0,0 1))'"},
        {TYPE_GEOMETRY, ONE, 0,
         "011000000001000000011100000001000000040000000000000000000000000000000000000000000000000022400000000000000000000000000"
         "0002240000000000000224000000000000000000000000000000000",
         VALUE_STRING, "'TIN(((0 0,9 0,9 9,0 0)))'"},
};

static void test_accepted(void **state)
{
	struct buffer buffer;
	struct arena arena;
	size_t i;

	(void)state;
	buffer_init(&buffer, 10000);
	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		const struct type type = {accepted[i].kind, accepted[i].numeric_as, accepted[i].array};
		size_t size = strlen(accepted[i].text);
		char *copy = malloc(size + 1); /* without its NUL, so that a read past the end shows */
		struct value value, again;
		struct error error;

		memcpy(copy, accepted[i].text, size);
		copy = realloc(copy, size ? size : 1);
		if (value_from_text(&type, copy, size, &arena, &value, &error))
			fail_msg("%s '%s': %s", type_kind_name(type.kind), accepted[i].text, error.text);
		assert_int_equal(value.kind, accepted[i].value_kind);
		buffer_reset(&buffer);
		value_print(&buffer, &value, 1000);
		assert_string_equal(buffer_text(&buffer), accepted[i].printed);
		assert_int_equal(value_from_text(&type, accepted[i].text, size, &arena, &again, &error), 0);
		assert_true(value_equal(&value, &again));
		free(copy);
		arena_reset(&arena);
	}
	arena_free(&arena);
	buffer_free(&buffer);
}

static const struct {
	enum type_kind kind;
	bool array;
	enum numeric_as numeric_as;
	const char *text;
	const char *says;
} refused[] = {
        {TYPE_UNSUPPORTED, ONE, 0, "x", "cannot be carried"},
        {TYPE_BOOL, ONE, 0, "", "BOOL"},
        {TYPE_BOOL, ONE, 0, "true", "BOOL"},
        {TYPE_INT, ONE, 0, "", "INT"},
        {TYPE_INT, ONE, 0, "-", "INT"},
        {TYPE_INT, ONE, 0, "+1", "INT"},
        {TYPE_INT, ONE, 0, " 1", "INT"},
        {TYPE_INT, ONE, 0, "1x", "INT"},
        {TYPE_INT, ONE, 0, INT64_BEYOND, "INT"},
        {TYPE_INT, ONE, 0, "-9223372036854775809", "INT"},
        {TYPE_INT, ONE, 0, "99999999999999999999999999", "INT"},
        {TYPE_FLOAT, ONE, 0, "", "FLOAT"},
        {TYPE_FLOAT, ONE, 0, ".", "FLOAT"},
        {TYPE_FLOAT, ONE, 0, "0x10", "FLOAT"},
        {TYPE_FLOAT, ONE, 0, "inf", "FLOAT"},
        {TYPE_FLOAT, ONE, 0, "1,5", "FLOAT"},
        {TYPE_FLOAT, ONE, 0, "1e999", "out of the range"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_FLOAT, "1e400", "out of the range"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, "1.5", "has a fraction"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, "NaN", "no number"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, INT64_BEYOND, "out of range"},
        {TYPE_NUMERIC, ONE, NUMERIC_AS_INTEGER, "", "no number"},
        {TYPE_TEXT, ONE, 0, "\xff", "not UTF-8"},
        {TYPE_TEXT, ONE, 0, "\xc0\x80", "not UTF-8"},
        {TYPE_TEXT, ONE, 0, "\xed\xa0\x80", "not UTF-8"},
        {TYPE_TEXT, ONE, 0, "\xf4\x90\x80\x80", "not UTF-8"},
        {TYPE_TEXT, ONE, 0, "abcdefgh\xe2\x82", "not UTF-8"},
        {TYPE_TEXT, ONE, 0, "\x80", "not UTF-8"},
        {TYPE_BYTEA, ONE, 0, "", "BYTEA"},
        {TYPE_BYTEA, ONE, 0, "\\x0", "BYTEA"},
        {TYPE_BYTEA, ONE, 0, "\\x0g", "BYTEA"},
        {TYPE_BYTEA, ONE, 0, "abcd", "BYTEA"},
        {TYPE_DATE, ONE, 0, "", "DATE"},
        {TYPE_DATE, ONE, 0, "24-01-01", "DATE"},
        {TYPE_DATE, ONE, 0, "2024-13-01", "DATE"},
        {TYPE_DATE, ONE, 0, "2024-00-01", "DATE"},
        {TYPE_DATE, ONE, 0, "2023-02-29", "DATE"},
        {TYPE_DATE, ONE, 0, "2024-01-00", "DATE"},
        {TYPE_DATE, ONE, 0, "2024-01-01 AD", "DATE"},
        {TYPE_DATE, ONE, 0, "9999999999-01-01", "DATE"},
        {TYPE_DATE, ONE, 0, "Infinity", "DATE"},
        {TYPE_TIME, ONE, 0, "infinity", "TIME"},
        {TYPE_TIME, ONE, 0, "24:00:01", "TIME"},
        {TYPE_TIME, ONE, 0, "12:60:00", "TIME"},
        {TYPE_TIME, ONE, 0, "12:00", "TIME"},
        {TYPE_TIME, ONE, 0, "12:00:00.", "TIME"},
        {TYPE_TIME, ONE, 0, "12:00:00.1234567890", "TIME"},
        {TYPE_TIMETZ, ONE, 0, "12:00:00", "TIMETZ"},
        {TYPE_TIMETZ, ONE, 0, "12:00:00+19", "TIMETZ"},
        {TYPE_TIMESTAMP, ONE, 0, "2024-01-01", "TIMESTAMP"},
        {TYPE_TIMESTAMP, ONE, 0, "2024-01-01T00:00:00", "TIMESTAMP"},
        {TYPE_TIMESTAMP, ONE, 0, "2024-01-01 00:00:00+00", "TIMESTAMP"},
        {TYPE_TIMESTAMPTZ, ONE, 0, "2024-01-01 00:00:00", "TIMESTAMPTZ"},
        {TYPE_INT, LIST, 0, "", "does not begin"},
        {TYPE_INT, LIST, 0, "1", "does not begin"},
        {TYPE_INT, LIST, 0, "{", "ends too early"},
        {TYPE_INT, LIST, 0, "{1", "without a delimiter or }"},
        {TYPE_INT, LIST, 0, "{1,", "ends too early"},
        {TYPE_INT, LIST, 0, "{1,}", "empty element"},
        {TYPE_INT, LIST, 0, "{,1}", "empty element"},
        {TYPE_INT, LIST, 0, "{1}x", "something behind"},
        {TYPE_INT, LIST, 0, "{1,NULL}", "NULL element"},
        {TYPE_TEXT, LIST, 0, "{null}", "NULL element"},
        {TYPE_INT, LIST, 0, "{{1,2},{3,4}}", "more than one dimension"},
        {TYPE_INT, LIST, 0, "[1:2][0:1]={{1,2},{3,4}}", "more than one dimension"},
        {TYPE_INT, LIST, 0, "[0:2]{1}", "bounds"},
        {TYPE_INT, LIST, 0, "[0:2", "bounds"},
        {TYPE_TEXT, LIST, 0, "{\"a", "inside a quoted"},
        {TYPE_TEXT, LIST, 0, "{\"a\\", "inside a quoted"},
        {TYPE_TEXT, LIST, 0, "{\"a\"b}", "without a delimiter or }"},
        {TYPE_INT, LIST, 0, "{1,x}", "INT"},
        {TYPE_INTERVAL, ONE, 0, "", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "P", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "1 day", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "P1", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "P1H", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "PT1D", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "P1.5D", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "PT1.S", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "P999999999999999999Y", "INTERVAL"},
        {TYPE_INTERVAL, ONE, 0, "infinity", "INTERVAL"},
        {TYPE_POINT, ONE, 0, "", "POINT"},
        {TYPE_POINT, ONE, 0, "(1)", "POINT"},
        {TYPE_POINT, ONE, 0, "(1,2,3)", "POINT"},
        {TYPE_POINT, ONE, 0, "(1,2", "POINT"},
        {TYPE_POINT, ONE, 0, "(NaN,2)", "not finite"},
        {TYPE_POINT, ONE, 0, "(1,-Infinity)", "not finite"},
        {TYPE_VECTOR, ONE, 0, "", "VECTOR"},
        {TYPE_VECTOR, ONE, 0, "[", "VECTOR"},
        {TYPE_VECTOR, ONE, 0, "[1,]", "VECTOR"},
        {TYPE_VECTOR, ONE, 0, "[,1]", "VECTOR"},
        {TYPE_VECTOR, ONE, 0, "[1;2]", "VECTOR"},
        {TYPE_GEOMETRY, ONE, 0, "", "GEOMETRY"},
        {TYPE_GEOMETRY, ONE, 0, "01", "GEOMETRY"},
        {TYPE_GEOMETRY, ONE, 0, "0G", "GEOMETRY"},
        {TYPE_GEOMETRY, ONE, 0, "01010000000", "GEOMETRY"},
        {TYPE_GEOMETRY, ONE, 0, "010d000000", "GEOMETRY"},
        {TYPE_GEOMETRY, ONE, 0, "01020000000200000000000000000000000000000000000000", "no shape"},
        {TYPE_GEOMETRY, ONE, 0, "0102000000ffffffff", "no shape"},
        {TYPE_GEOMETRY, ONE, 0, "0101000000000000000000f03f000000000000004078", "no shape"},
        {TYPE_GEOMETRY, ONE, 0, "0101000000000000000000f03f", "no shape"},
        {TYPE_GEOMETRY, ONE, 0,
         "010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000"
         "001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000"
         "010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000"
         "001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000"
         "010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000"
         "001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000010700000001000000"
         "0107000000010000000101000000000000000000f03f000000000000f03f",
         "no shape"},
        {TYPE_GEOMETRY, ONE, 0, "0201000000000000000000f03f0000000000000040", "GEOMETRY"},
};

static void test_refused(void **state)
{
	struct arena arena;
	size_t i;

	(void)state;
	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct type type = {refused[i].kind, refused[i].numeric_as, refused[i].array};
		struct value value;
		struct error error;
		int rc = value_from_text(&type, refused[i].text, strlen(refused[i].text), &arena, &value, &error);

		if (rc != ERR_VALUE || error.class != ERROR_POISON || !strstr(error.text, refused[i].says))
			fail_msg("%s '%s' gave %d %s", type_kind_name(type.kind), refused[i].text, rc, rc ? error.text : "");
	}
	arena_free(&arena);
}

static int read_one(enum type_kind kind, const char *text, size_t size, struct arena *arena, struct value *ret_value)
{
	const struct type type = {.kind = kind, .numeric_as = NUMERIC_AS_FLOAT};
	struct error error;

	return value_from_text(&type, text, size, arena, ret_value, &error);
}

static void test_bounds(void **state)
{
	struct arena arena;
	struct value value;
	char *digits = malloc(200000);
	const struct type list = {.kind = TYPE_INT, .array = true};
	struct error error;

	(void)state;
	memset(digits, '1', 200000);
	arena_init(&arena, 1000);
	/* a text costs nothing; a number of many digits, a list and bytes need room */
	assert_int_equal(read_one(TYPE_TEXT, digits, 200000, &arena, &value), 0);
	assert_ptr_equal(value.bytes, digits);
	assert_int_equal(read_one(TYPE_NUMERIC, digits, 200000, &arena, &value), ERR_NOMEM);
	assert_int_equal(read_one(TYPE_NUMERIC, digits, 300, &arena, &value), 0);
	assert_true(value.real > 1e299);
	digits[0] = '{';
	memset(digits + 1, ',', 100000);
	assert_int_equal(value_from_text(&list, digits, 100000, &arena, &value, &error), ERR_NOMEM);
	memcpy(digits, "\\x", 2);
	assert_int_equal(read_one(TYPE_BYTEA, digits, 200000, &arena, &value), ERR_NOMEM);
	assert_int_equal(read_one(TYPE_TEXT, NULL, 0, &arena, &value), 0);
	arena_free(&arena);
	free(digits);
}

/* All dimensions, one after the other; "." is a NULL. */
static void test_elements(void **state)
{
	static const struct {
		const char *text;
		char delimiter;
		const char *expected; /* NULL: refused */
	} arrays[] = {
	        {"{}", 0, ""},
	        {"{a,b,a}", 0, "a|b|a|"},
	        {"{a,NULL,\"NULL\",null}", 0, "a|.|NULL|.|"},
	        {"{\"\",\"a \\\"b\\\" {,}\"}", 0, "|a \"b\" {,}|"},
	        {"[0:1]={a,b}", 0, "a|b|"},
	        {"[1:1][-2:-1]={{a,b}}", 0, "a|b|"},
	        {"{{a,b},{NULL,c}}", 0, "a|b|.|c|"},
	        {"{{{a},{b}},{{c},{d}}}", 0, "a|b|c|d|"},
	        {"{{{{{{a}}}}}}", 0, "a|"},
	        {"{a,b;c}", ';', "a,b|c|"},
	        {"", 0, NULL},
	        {"{", 0, NULL},
	        {"a", 0, NULL},
	        {"{a", 0, NULL},
	        {"{a,", 0, NULL},
	        {"{a,}", 0, NULL},
	        {"{a}}", 0, NULL},
	        {"{a}b", 0, NULL},
	        {"{{a}", 0, NULL},
	        {"{{}}", 0, NULL},
	        {"{{a}{b}}", 0, NULL},
	        {"{{{{{{{a}}}}}}}", 0, NULL},
	        {"{\"a}", 0, NULL},
	};
	struct buffer text;

	(void)state;
	buffer_init(&text, 4096);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		const struct type type = {.kind = TYPE_TEXT, .delimiter = arrays[i].delimiter};
		const struct value *values = NULL;
		uint32_t count = 0;
		struct arena arena;
		struct error error;
		int rc;

		arena_init(&arena, 4096);
		rc = value_elements_from_text(&type, arrays[i].text, strlen(arrays[i].text), &arena, &values, &count, &error);
		assert_int_equal(rc, arrays[i].expected ? 0 : ERR_VALUE);
		buffer_reset(&text);
		for (uint32_t k = 0; k < count; k++) {
			if (values[k].kind == VALUE_NULL)
				buffer_append_byte(&text, '.');
			else
				buffer_append(&text, values[k].bytes, values[k].size);
			buffer_append_byte(&text, '|');
		}
		if (arrays[i].expected)
			assert_string_equal(buffer_text(&text), arrays[i].expected);
		arena_free(&arena);
	}
	buffer_free(&text);
}

static void test_seconds(void **state)
{
	struct value value;

	(void)state;
	assert_int_equal(read_one(TYPE_TIMESTAMP, "1969-12-31 23:59:59.5", 21, NULL, &value), 0);
	assert_int_equal(value.integer, -1);
	assert_int_equal(value.nanos, 500000000);
	assert_int_equal(read_one(TYPE_DATE, "infinity", 8, NULL, &value), 0);
	assert_true(value.integer == INT64_C(365241780471));
	assert_int_equal(read_one(TYPE_DATE, "2000-03-01", 10, NULL, &value), 0);
	assert_int_equal(value.integer, 11017);
	assert_int_equal(read_one(TYPE_TIMETZ, "01:00:00-01", 11, NULL, &value), 0);
	assert_true(value.integer == INT64_C(3600000000000));
	assert_int_equal(value.offset_s, -3600);
}

static void test_equal(void **state)
{
	const struct value one[] = {{.kind = VALUE_INT, .integer = 1}};
	const struct value two[] = {{.kind = VALUE_INT, .integer = 2}};
	const struct value values[] = {
	        {.kind = VALUE_NULL},
	        {.kind = VALUE_BOOL, .boolean = true},
	        {.kind = VALUE_BOOL, .boolean = false},
	        {.kind = VALUE_INT, .integer = 1},
	        {.kind = VALUE_INT, .integer = 2},
	        {.kind = VALUE_FLOAT, .real = 1},
	        {.kind = VALUE_FLOAT, .real = (double)NAN},
	        {.kind = VALUE_FLOAT, .real = 0.0},
	        {.kind = VALUE_STRING, .size = 1, .bytes = "a"},
	        {.kind = VALUE_STRING, .size = 1, .bytes = "b"},
	        {.kind = VALUE_STRING, .size = 2, .bytes = "ab"},
	        {.kind = VALUE_STRING},
	        {.kind = VALUE_BYTES, .size = 1, .bytes = "a"},
	        {.kind = VALUE_DATE, .integer = 1},
	        {.kind = VALUE_TIME, .integer = 1},
	        {.kind = VALUE_TIME, .integer = 1, .offset_s = 60},
	        {.kind = VALUE_LOCAL_TIME, .integer = 1},
	        {.kind = VALUE_DATETIME, .integer = 1},
	        {.kind = VALUE_DATETIME, .integer = 1, .nanos = 1},
	        {.kind = VALUE_LOCAL_DATETIME, .integer = 1},
	        {.kind = VALUE_LIST, .size = 1, .list = one},
	        {.kind = VALUE_LIST, .size = 1, .list = two},
	        {.kind = VALUE_LIST},
	};
	const struct value minus_zero = {.kind = VALUE_FLOAT, .real = -0.0};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			assert_int_equal(value_equal(&values[i], &values[k]), i == k);
	}
	assert_true(value_equal(&minus_zero, &values[7]));
}

static void test_print_cut(void **state)
{
	const struct value text = {.kind = VALUE_STRING,
	                           .size = 6,
	                           .bytes = "ab\xe2\x82\xac"
	                                    "c"};
	const struct value bytes = {.kind = VALUE_BYTES, .size = 4, .bytes = "\1\2\3\4"};
	struct value items[100];
	const struct value list = {.kind = VALUE_LIST, .size = 100, .list = items};
	struct buffer buffer;
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		items[i] = (struct value){.kind = VALUE_INT, .integer = 7};
	buffer_init(&buffer, 1000);
	value_print(&buffer, &text, 4);
	assert_string_equal(buffer_text(&buffer), "'ab...'");
	buffer_reset(&buffer);
	value_print(&buffer, &bytes, 4);
	assert_string_equal(buffer_text(&buffer), "0x0102...");
	buffer_reset(&buffer);
	value_print(&buffer, &list, 8);
	assert_string_equal(buffer_text(&buffer), "[7, 7, 7, ...]");
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_accepted),  cmocka_unit_test(test_refused), cmocka_unit_test(test_bounds),
	        cmocka_unit_test(test_elements),  cmocka_unit_test(test_seconds), cmocka_unit_test(test_equal),
	        cmocka_unit_test(test_print_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
