#include "base/hex.h"
#include "change/value_room.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_TEXT_MAX 60
#define FLOAT_TEXT_MAX 512 /* a float8 has 24 characters at most; a numeric has more than 150,000 */

int value__refuse(const struct type *type, const char *text, size_t size, struct error *error)
{
	return error_set_class(error, ERR_VALUE, ERROR_POISON, "not a %s: '%.*s'%s", type_kind_name(type->kind),
	                       (int)(size > REFUSED_TEXT_MAX ? REFUSED_TEXT_MAX : size), text,
	                       size > REFUSED_TEXT_MAX ? "..." : "");
}

static bool text_is(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(text, word, size) == 0;
}

static int read_bool(const struct type *type, const char *text, size_t size, struct value *ret_value, struct error *error)
{
	if (size != 1 || (*text != 't' && *text != 'f'))
		return value__refuse(type, text, size, error);
	*ret_value = (struct value){.kind = VALUE_BOOL, .boolean = *text == 't'};
	return 0;
}

bool value__parse_int(const char *text, size_t size, int64_t *ret_integer)
{
	const char *at = text;
	const char *end = text + size;
	bool minus = at < end && *at == '-';
	uint64_t limit = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t sum = 0;

	at += minus;
	if (at == end)
		return false;
	for (; at < end; at++) {
		uint32_t digit = (uint32_t)(uint8_t)*at - '0';

		if (digit > 9 || __builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum) || sum > limit)
			return false;
	}
	*ret_integer = minus ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

static int read_int(const struct type *type, const char *text, size_t size, struct value *ret_value, struct error *error)
{
	*ret_value = (struct value){.kind = VALUE_INT};
	if (!value__parse_int(text, size, &ret_value->integer))
		return value__refuse(type, text, size, error);
	return 0;
}

/*
 * Up to 15 digits with a power of ten up to 22 are exact in double arithmetic (Clinger 1990, "How to read floating point
 * numbers accurately"). Only [-]digits[.digits]; anything else is left to strtod.
 */
static bool parse_short_float(const char *text, size_t size, double *ret_real)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	const char *at = text;
	const char *end = text + size;
	const char *point = NULL;
	int64_t digits = 0;
	bool minus;

	if (size > 16 || !size)
		return false;
	minus = *at == '-';
	at += minus;
	if (at == end || end - at > 16)
		return false;
	for (; at < end; at++) {
		if (*at == '.' && !point && at > text + minus && at + 1 < end)
			point = at;
		else if (*at >= '0' && *at <= '9')
			digits = digits * 10 + (*at - '0');
		else
			return false;
	}
	if (digits > INT64_C(999999999999999))
		return false;
	*ret_real = (double)digits / powers[point ? end - point - 1 : 0];
	if (minus)
		*ret_real = -*ret_real;
	return true;
}

/* True when the text is a finite decimal number of SQL's form; strtod alone would take hexadecimal and words as well. */
static bool is_decimal(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (!strchr("0123456789+-.eE", text[i]) || !text[i])
			return false;
	}
	return size > 0;
}

static bool parse_long_float(const char *text, size_t size, char *copy, double *ret_real)
{
	static locale_t c_locale;
	char *end;

	if (!c_locale)
		c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	memcpy(copy, text, size);
	copy[size] = '\0';
	*ret_real = c_locale ? strtod_l(copy, &end, c_locale) : strtod(copy, &end);
	return end == copy + size;
}

int value__read_float(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error)
{
	char copy[FLOAT_TEXT_MAX + 1];
	char *room = copy;

	*ret_value = (struct value){.kind = VALUE_FLOAT};
	if (parse_short_float(text, size, &ret_value->real))
		return 0;
	if (text_is(text, size, "NaN"))
		ret_value->real = NAN;
	else if (text_is(text, size, "Infinity"))
		ret_value->real = INFINITY;
	else if (text_is(text, size, "-Infinity"))
		ret_value->real = -INFINITY;
	if (ret_value->real != 0)
		return 0;
	if (!is_decimal(text, size))
		return value__refuse(type, text, size, error);
	if (size > FLOAT_TEXT_MAX)
		room = arena_alloc(arena, size + 1);
	if (!room)
		return error_set(error, ERR_NOMEM, "no memory for a number of %zu digits", size);
	if (!parse_long_float(text, size, room, &ret_value->real))
		return value__refuse(type, text, size, error);
	if (isinf(ret_value->real))
		return error_set_class(error, ERR_VALUE, ERROR_POISON, "a %s of %zu characters is out of the range of FLOAT",
		                       type_kind_name(type->kind), size);
	return 0;
}

/* digits.000 is an integer too. */
static int read_numeric_integer(const struct type *type, const char *text, size_t size, struct value *ret_value,
                                struct error *error)
{
	const char *point = memchr(text, '.', size);
	size_t whole = point ? (size_t)(point - text) : size;
	size_t i;

	*ret_value = (struct value){.kind = VALUE_INT};
	for (i = whole + 1; i < size && text[i] == '0'; i++)
		;
	if (i < size || !value__parse_int(text, whole, &ret_value->integer)) {
		value__refuse(type, text, size, error);
		return error_set_class(error, ERR_VALUE, ERROR_POISON,
		                       "no INTEGER: the numeric '%.*s'%s has a fraction, is out of range, or is no number",
		                       (int)(size > REFUSED_TEXT_MAX ? REFUSED_TEXT_MAX : size), text,
		                       size > REFUSED_TEXT_MAX ? "..." : "");
	}
	return 0;
}

/* The length of the UTF-8 sequence at `at`, or 0 when it is none (overlong forms and surrogates included). */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = *at < 0x80                  ? 1
	              : *at >= 0xc2 && *at < 0xe0 ? 2
	              : *at >= 0xe0 && *at < 0xf0 ? 3
	              : *at >= 0xf0 && *at < 0xf5 ? 4
	                                          : 0;
	uint32_t point;
	size_t i;

	if (size < 2)
		return size;
	if (size > left)
		return 0;
	point = (uint32_t)(*at & (0x7f >> size));
	for (i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	return size;
}

static bool is_utf8(const char *text, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	const uint8_t *end = at + size;

	while (at < end) {
		uint64_t eight;
		size_t step;

		if (end - at >= 8) {
			memcpy(&eight, at, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				at += 8;
				continue;
			}
		}
		step = utf8_sequence(at, (size_t)(end - at));
		if (!step)
			return false;
		at += step;
	}
	return true;
}

/* A database of encoding SQL_ASCII hands out whatever bytes it was given; a graph's strings are Unicode. */
static int read_text(const char *text, size_t size, struct value *ret_value, struct error *error)
{
	if (!is_utf8(text, size))
		return error_set_class(error, ERR_VALUE, ERROR_POISON, "a text of %zu bytes is not UTF-8", size);
	*ret_value = (struct value){.kind = VALUE_STRING, .size = (uint32_t)size, .bytes = text};
	return 0;
}

static int read_bytea(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error)
{
	size_t count = size / 2 - 1;
	uint8_t *bytes;
	size_t i;

	if (size < 2 || size % 2 || text[0] != '\\' || text[1] != 'x')
		return value__refuse(type, text, size, error);
	bytes = arena_alloc(arena, count + 1);
	if (!bytes)
		return error_set(error, ERR_NOMEM, "no memory for a bytea of %zu bytes", count);
	for (i = 0; i < count; i++) {
		int high = hex_digit(text[2 + 2 * i]);
		int low = hex_digit(text[3 + 2 * i]);

		if (high < 0 || low < 0)
			return value__refuse(type, text, size, error);
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_value = (struct value){.kind = VALUE_BYTES, .size = (uint32_t)count, .bytes = (const char *)bytes};
	return 0;
}

static int read_numeric(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                        struct error *error)
{
	switch (type->numeric_as) {
	case NUMERIC_AS_FLOAT:
		return value__read_float(type, text, size, arena, ret_value, error);
	case NUMERIC_AS_INTEGER:
		return read_numeric_integer(type, text, size, ret_value, error);
	case NUMERIC_AS_TEXT:
		break;
	}
	return read_text(text, size, ret_value, error);
}

int value_from_text(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                    struct error *error)
{
	if (size > INT32_MAX)
		return error_set_class(error, ERR_VALUE, ERROR_POISON, "a value of %zu bytes is too large", size);
	if (!text)
		text = "";
	if (type->conversion)
		return value__convert(type, text, size, arena, ret_value, error);
	if (type->array)
		return value__read_array(type, text, size, arena, ret_value, error);
	switch (type->kind) {
	case TYPE_BOOL:
		return read_bool(type, text, size, ret_value, error);
	case TYPE_INT:
		return read_int(type, text, size, ret_value, error);
	case TYPE_FLOAT:
		return value__read_float(type, text, size, arena, ret_value, error);
	case TYPE_NUMERIC:
		return read_numeric(type, text, size, arena, ret_value, error);
	case TYPE_TEXT:
	case TYPE_JSON:
		return read_text(text, size, ret_value, error);
	case TYPE_BYTEA:
		return read_bytea(type, text, size, arena, ret_value, error);
	case TYPE_DATE:
	case TYPE_TIME:
	case TYPE_TIMETZ:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return value__read_time(type, text, size, ret_value, error);
	case TYPE_INTERVAL:
		return value__read_interval(type, text, size, arena, ret_value, error);
	case TYPE_POINT:
		return value__read_point(type, text, size, arena, ret_value, error);
	case TYPE_GEOMETRY:
		return value__read_geometry(type, text, size, arena, ret_value, error);
	case TYPE_VECTOR:
		return value__read_vector(type, text, size, arena, ret_value, error);
	case TYPE_UNSUPPORTED:
		break;
	}
	return error_set_class(error, ERR_VALUE, ERROR_POISON, "a value of a type that cannot be carried over");
}

static bool list_equal(const struct value *a, const struct value *b)
{
	uint32_t i;

	for (i = 0; i < a->size; i++) {
		if (!value_equal(&a->list[i], &b->list[i]))
			return false;
	}
	return true;
}

static bool duration_equal(const struct value_duration *a, const struct value_duration *b)
{
	return a->months == b->months && a->days == b->days && a->seconds == b->seconds && a->nanos == b->nanos;
}

static bool point_equal(const struct value_point *a, const struct value_point *b)
{
	return a->srid == b->srid && a->dimensions == b->dimensions && a->at[0] == b->at[0] && a->at[1] == b->at[1] &&
	       a->at[2] == b->at[2];
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOL:
		return a->boolean == b->boolean;
	case VALUE_FLOAT:
		return a->real == b->real || (isnan(a->real) && isnan(b->real));
	case VALUE_STRING:
	case VALUE_BYTES:
		return a->size == b->size && (!a->size || memcmp(a->bytes, b->bytes, a->size) == 0);
	case VALUE_LIST:
		return a->size == b->size && list_equal(a, b);
	case VALUE_INT:
	case VALUE_DATE:
	case VALUE_LOCAL_TIME:
		return a->integer == b->integer;
	case VALUE_TIME:
		return a->integer == b->integer && a->offset_s == b->offset_s;
	case VALUE_DATETIME:
	case VALUE_LOCAL_DATETIME:
		return a->integer == b->integer && a->nanos == b->nanos;
	case VALUE_DURATION:
		return duration_equal(a->duration, b->duration);
	case VALUE_POINT:
		return point_equal(a->point, b->point);
	}
	return false;
}
