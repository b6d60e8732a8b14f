#include "base/buffer.h"
#include "change/conversion.h"
#include "change/value_room.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>

#define EPOCH_S_MAX ((double)VALUE_DAYS_MAX * VALUE_S_PER_DAY)
#define INDEX_DIGITS_MAX 9

static int refuse(struct error *error, const char *what, const char *why)
{
	return error_set_class(error, ERR_VALUE, ERROR_POISON, "%s %s", what, why);
}

static int no_memory(struct error *error)
{
	return error_set(error, ERR_NOMEM, "no memory to convert a value");
}

static int make_string(const char *text, size_t size, struct arena *arena, struct value *ret_value, struct error *error)
{
	const char *copy = arena_strndup(arena, text, size);

	if (!copy)
		return no_memory(error);
	*ret_value = (struct value){.kind = VALUE_STRING, .size = (uint32_t)size, .bytes = copy};
	return 0;
}

/* --- JSON */

/* True when the digits, a minus in front of them or not, are an integer beyond 64 bits. */
static bool is_beyond(const char *digits, size_t count, bool minus)
{
	static const char largest[] = "9223372036854775807", smallest[] = "9223372036854775808";
	const size_t limit = sizeof(largest) - 1;

	return count > limit || (count == limit && memcmp(digits, minus ? smallest : largest, limit) > 0);
}

/* A copy in which integers that 64 bits do not hold end in ".0": jansson then reads them, and only them, as real numbers. */
static char *widen(const char *text, size_t size, size_t *ret_size)
{
	char *copy = malloc(size * 2 + 1), *to = copy;
	const char *at = text, *end = text + size;
	bool quoted = false;

	while (copy && at < end) {
		size_t digits = 0;

		while (!quoted && at + digits < end && at[digits] >= '0' && at[digits] <= '9')
			digits++;
		if (digits) {
			bool whole =
			        (at == text || !strchr(".eE+", at[-1])) && (at + digits == end || !strchr(".eE", at[digits]));

			to = (char *)memcpy(to, at, digits) + digits;
			if (whole && is_beyond(at, digits, at > text && at[-1] == '-'))
				to = (char *)memcpy(to, ".0", 2) + 2;
			at += digits;
			continue;
		}
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\' && at + 1 < end)
			*to++ = *at++;
		*to++ = *at++;
	}
	*ret_size = copy ? (size_t)(to - copy) : 0;
	return copy;
}

static json_t *load(const char *text, size_t size, struct error *error)
{
	json_error_t why;
	json_t *document = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (!document && json_error_code(&why) == json_error_numeric_overflow) {
		size_t wide_size;
		char *wide = widen(text, size, &wide_size);

		if (wide)
			document = json_loadb(wide, wide_size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
		free(wide);
	}
	if (!document)
		error_set_class(error, ERR_VALUE, ERROR_POISON, "a JSON document cannot be read: %s", why.text);
	return document;
}

static const json_t *step(const json_t *at, const char *name)
{
	size_t digits = strspn(name, "0123456789");

	if (json_is_object(at))
		return json_object_get(at, name);
	if (!json_is_array(at) || !digits || digits > INDEX_DIGITS_MAX || name[digits])
		return NULL;
	return json_array_get(at, strtoul(name, NULL, 10));
}

static int read_dump(const json_t *json, struct arena *arena, struct value *ret_value, struct error *error)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	int rc;

	if (!text)
		return no_memory(error);
	rc = make_string(text, strlen(text), arena, ret_value, error);
	free(text);
	return rc;
}

static int read_as_number(const json_t *json, const struct type *type, struct arena *arena, struct value *ret_value,
                          struct error *error)
{
	if (json_is_string(json))
		return value_from_text(type, json_string_value(json), json_string_length(json), arena, ret_value, error);
	if (!json_is_number(json))
		return refuse(error, "a JSON value", "that is no number");
	if (type->kind == TYPE_FLOAT)
		*ret_value = (struct value){.kind = VALUE_FLOAT, .real = json_number_value(json)};
	else if (json_is_integer(json))
		*ret_value = (struct value){.kind = VALUE_INT, .integer = json_integer_value(json)};
	else
		return refuse(error, "a JSON number", "that is no INTEGER: it has a fraction or is out of range");
	return 0;
}

/* What a text is read as. */
static const struct type as_types[] = {[CONVERT_AS_IT_IS] = {.kind = TYPE_TEXT},
                                       [CONVERT_AS_TEXT] = {.kind = TYPE_TEXT},
                                       [CONVERT_AS_FLOAT] = {.kind = TYPE_FLOAT},
                                       [CONVERT_AS_INTEGER] = {.kind = TYPE_INT}};

static int read_scalar(const json_t *json, enum conversion_as as, struct arena *arena, struct value *ret_value,
                       struct error *error)
{
	if (as == CONVERT_AS_FLOAT || as == CONVERT_AS_INTEGER)
		return read_as_number(json, &as_types[as], arena, ret_value, error);
	if (json_is_string(json))
		return make_string(json_string_value(json), json_string_length(json), arena, ret_value, error);
	if (as == CONVERT_AS_TEXT)
		return read_dump(json, arena, ret_value, error);
	if (json_is_integer(json))
		*ret_value = (struct value){.kind = VALUE_INT, .integer = json_integer_value(json)};
	else if (json_is_real(json))
		*ret_value = (struct value){.kind = VALUE_FLOAT, .real = json_real_value(json)};
	else
		*ret_value = (struct value){.kind = VALUE_BOOL, .boolean = json_is_true(json)};
	return 0;
}

static bool is_scalar(const json_t *json)
{
	return json_is_string(json) || json_is_number(json) || json_is_boolean(json);
}

/* What a list in Neo4j can hold: scalars that are all texts, all truth values, or all numbers. */
static bool is_list(const json_t *array, enum conversion_as as, bool *ret_mixed_numbers)
{
	const json_t *first = json_array_get(array, 0);
	size_t reals = 0;

	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);
		bool same = (json_is_string(first) && json_is_string(item)) ||
		            (json_is_number(first) && json_is_number(item)) ||
		            (json_is_boolean(first) && json_is_boolean(item));

		if (!is_scalar(item) || (as == CONVERT_AS_IT_IS && !same))
			return false;
		reals += json_is_real(item);
	}
	*ret_mixed_numbers = reals != 0 && as == CONVERT_AS_IT_IS;
	return true;
}

static int read_list(const json_t *array, enum conversion_as as, struct arena *arena, struct value *ret_value,
                     struct error *error)
{
	size_t count = json_array_size(array);
	struct value *list = arena_calloc(arena, count, sizeof(*list));
	int rc = 0;

	if (!list && count)
		return no_memory(error);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = read_scalar(json_array_get(array, i), as, arena, &list[i], error);
	*ret_value = (struct value){.kind = VALUE_LIST, .size = (uint32_t)count, .list = list};
	return rc;
}

static int read_path(const struct conversion *conversion, const char *text, size_t size, struct arena *arena,
                     struct value *ret_value, struct error *error)
{
	json_t *document = load(text, size, error);
	const json_t *at = document;
	bool floats = false;
	int rc = 0;

	if (!document)
		return ERR_VALUE;
	for (uint32_t i = 0; i < conversion->path_count && at; i++)
		at = step(at, conversion->path[i]);
	*ret_value = (struct value){.kind = VALUE_NULL};
	if (at && is_scalar(at))
		rc = read_scalar(at, conversion->as, arena, ret_value, error);
	else if (json_is_array(at) && is_list(at, conversion->as, &floats))
		rc = read_list(at, floats ? CONVERT_AS_FLOAT : conversion->as, arena, ret_value, error);
	else if (at && !json_is_null(at))
		rc = read_dump(at, arena, ret_value, error);
	json_decref(document);
	return rc;
}

/* --- hstore */

static int read_pair(const struct conversion *conversion, const char *text, size_t size, struct arena *arena,
                     struct value *ret_value, struct error *error)
{
	struct value found;
	int rc = value__read_pair(conversion->path[0], text, size, arena, &found, error);

	*ret_value = found;
	if (rc < 0 || found.kind == VALUE_NULL)
		return rc;
	return value_from_text(&as_types[conversion->as], found.bytes, found.size, arena, ret_value, error);
}

/* --- texts */

static void trim(struct value *value)
{
	static const char blanks[] = " \t\n\r\f\v";

	while (value->size && strchr(blanks, value->bytes[value->size - 1]) && value->bytes[value->size - 1])
		value->size--;
	while (value->size && strchr(blanks, *value->bytes) && *value->bytes) {
		value->bytes++;
		value->size--;
	}
}

/* Unicode's full mapping, without regard to a language. */
static int change_letters(enum conversion_letters letters, struct arena *arena, struct value *value, struct error *error)
{
	size_t size = 0;
	uint8_t *text;
	int rc;

	if (!value->size)
		return 0;
	text = letters == LETTERS_LOWER ? u8_tolower((const uint8_t *)value->bytes, value->size, NULL, NULL, NULL, &size)
	                                : u8_toupper((const uint8_t *)value->bytes, value->size, NULL, NULL, NULL, &size);
	if (!text)
		return no_memory(error);
	rc = make_string((const char *)text, size, arena, value, error);
	free(text);
	return rc;
}

static int convert_text(const struct conversion *conversion, struct arena *arena, struct value *value, struct error *error)
{
	if (value->kind != VALUE_STRING)
		return 0;
	if (conversion->trim)
		trim(value);
	return conversion->letters == LETTERS_KEEP ? 0 : change_letters(conversion->letters, arena, value, error);
}

/* Of a list each element. */
static int convert_texts(const struct conversion *conversion, struct arena *arena, struct value *value, struct error *error)
{
	struct value *list;
	int rc = 0;

	if (value->kind != VALUE_LIST || !value->size)
		return convert_text(conversion, arena, value, error);
	list = arena_calloc(arena, value->size, sizeof(*list));
	if (!list)
		return no_memory(error);
	memcpy(list, value->list, value->size * sizeof(*list));
	for (uint32_t i = 0; i < value->size && rc == 0; i++)
		rc = convert_text(conversion, arena, &list[i], error);
	value->list = list;
	return rc;
}

/* An empty text has no parts. Each part is trimmed when the whole was to be. */
static int split(const struct conversion *conversion, struct arena *arena, struct value *value, struct error *error)
{
	size_t separator_size = strlen(conversion->split);
	const char *at = value->bytes, *end = value->bytes + value->size, *found;
	size_t count = value->size != 0;
	struct value *list;
	uint32_t made = 0;

	if (value->kind != VALUE_STRING)
		return 0;
	while (at < end && (found = memmem(at, (size_t)(end - at), conversion->split, separator_size))) {
		at = found + separator_size;
		count++;
	}
	list = arena_calloc(arena, count, sizeof(*list));
	if (!list && count)
		return no_memory(error);
	for (at = value->bytes; made < count; made++) {
		found = at < end ? memmem(at, (size_t)(end - at), conversion->split, separator_size) : NULL;
		list[made] = (struct value){.kind = VALUE_STRING, .size = (uint32_t)((found ? found : end) - at), .bytes = at};
		if (conversion->trim)
			trim(&list[made]);
		at = found ? found + separator_size : end;
	}
	*value = (struct value){.kind = VALUE_LIST, .size = made, .list = list};
	return 0;
}

/* --- numbers */

/* Room for a sign, what a mantissa of 64 bits adds, "e", an exponent, and the end. */
#define SCALED_EXTRA 64

/* The digits of a decimal number times `factor`, from the last to the first; the point is passed over. At least one is written.
 */
static char *multiply_digits(const char *text, size_t size, uint64_t factor, char *end)
{
	unsigned __int128 carry = 0;

	for (size_t i = size; i--;) {
		if (text[i] < '0' || text[i] > '9')
			continue;
		carry += (unsigned __int128)factor * (unsigned)(text[i] - '0');
		*--end = (char)('0' + (int)(carry % 10));
		carry /= 10;
	}
	for (; carry; carry /= 10)
		*--end = (char)('0' + (int)(carry % 10));
	return end;
}

/*
 * Exactly, in decimal, and then rounded once: 1999 by 0.01 is 19.99 and not the number beside it, and of a numeric of many
 * digits none is lost. text: a finite number other than zero, as PostgreSQL or value_print writes it.
 */
static int scale_decimal(const struct conversion *conversion, const char *text, size_t size, struct arena *arena,
                         double *ret_product, struct error *error)
{
	int64_t mantissa = conversion->scale_mantissa, exponent = 0;
	bool negative = (mantissa < 0) != (*text == '-');
	const char *exponent_at = memchr(text, 'e', size), *text_end = text + size;
	const char *digits_end = exponent_at ? exponent_at : text_end;
	const char *point = memchr(text, '.', (size_t)(digits_end - text));
	char *room = arena_alloc(arena, size + SCALED_EXTRA), *end, *start;

	if (!room)
		return no_memory(error);
	if (exponent_at) {
		exponent_at += exponent_at + 1 < text_end && exponent_at[1] == '+' ? 2 : 1;
		if (!value__parse_int(exponent_at, (size_t)(text_end - exponent_at), &exponent))
			return refuse(error, "a number", "that PostgreSQL would not have printed");
	}
	exponent -= conversion->scale_decimals + (point ? digits_end - point - 1 : 0);
	end = room + size + SCALED_EXTRA / 2;
	start = multiply_digits(text, (size_t)(digits_end - text), mantissa < 0 ? -(uint64_t)mantissa : (uint64_t)mantissa,
	                        end);
	if (negative)
		*--start = '-';
	snprintf(end, SCALED_EXTRA / 2, "e%lld", (long long)exponent);
	*ret_product = strtod(start, NULL);
	return 0;
}

/* text: the number as PostgreSQL prints it; NULL where it was found inside something. */
static int scale(const struct conversion *conversion, const char *text, size_t size, struct arena *arena, struct value *value,
                 struct error *error)
{
	double number = value->kind == VALUE_INT ? (double)value->integer : value->real;
	struct buffer printed;
	int rc = 0;

	if (value->kind != VALUE_INT && value->kind != VALUE_FLOAT)
		return value->kind == VALUE_NULL ? 0 : refuse(error, "a value", "that is no number cannot be scaled");
	/* a zero stays the one that it is: what is exact has no negative one */
	if (!isfinite(number)) {
		number *= conversion->scale_mantissa < 0 ? -1 : 1;
	} else if (number != 0) {
		buffer_init(&printed, SCALED_EXTRA);
		if (!text) {
			value_print(&printed, value, SCALED_EXTRA);
			text = buffer_text(&printed);
			size = strlen(text);
		}
		rc = printed.failed ? no_memory(error) : scale_decimal(conversion, text, size, arena, &number, error);
		buffer_free(&printed);
		if (rc == 0 && !isfinite(number))
			return refuse(error, "a number", "that is out of the range of FLOAT when scaled");
	}
	*value = (struct value){.kind = VALUE_FLOAT, .real = number};
	return rc;
}

static const int64_t epoch_units[] = {
        [EPOCH_NONE] = 1, [EPOCH_SECONDS] = 1, [EPOCH_MILLISECONDS] = 1000, [EPOCH_MICROSECONDS] = 1000000};

static int to_moment(int64_t unit, struct value *value, struct error *error)
{
	double seconds = value->kind == VALUE_INT ? (double)value->integer / (double)unit : value->real / (double)unit;
	struct value moment = {.kind = VALUE_DATETIME};

	if (!isfinite(seconds) || fabs(seconds) > EPOCH_S_MAX)
		return refuse(error, "a number of seconds since 1970", "that is out of the range of ZONED DATETIME");
	if (value->kind == VALUE_INT) {
		int64_t rest = value->integer % unit;

		moment.integer = value->integer / unit - (rest < 0);
		moment.nanos = (int32_t)((rest < 0 ? rest + unit : rest) * (VALUE_NANOS_PER_S / unit));
	} else {
		/* to the microsecond, which is what a double holds of a moment in our days */
		int64_t micros = (int64_t)llround((seconds - floor(seconds)) * 1e6);

		moment.integer = (int64_t)floor(seconds) + micros / 1000000;
		moment.nanos = (int32_t)(micros % 1000000 * 1000);
	}
	*value = moment;
	return 0;
}

static int from_moment(int64_t unit, struct value *value, struct error *error)
{
	int64_t count = value->integer;

	if (value->kind == VALUE_DATE && __builtin_mul_overflow(count, VALUE_S_PER_DAY, &count))
		return refuse(error, "a date", "that has no number of seconds since 1970");
	if (__builtin_mul_overflow(count, unit, &count) ||
	    __builtin_add_overflow(count, value->nanos / (VALUE_NANOS_PER_S / unit), &count))
		return refuse(error, "a moment", "that has no number of seconds since 1970 in 64 bits");
	*value = (struct value){.kind = VALUE_INT, .integer = count};
	return 0;
}

static int convert_epoch(enum conversion_epoch epoch, struct value *value, struct error *error)
{
	switch (value->kind) {
	case VALUE_NULL:
		return 0;
	case VALUE_INT:
	case VALUE_FLOAT:
		return to_moment(epoch_units[epoch], value, error);
	case VALUE_DATE:
	case VALUE_DATETIME:
	case VALUE_LOCAL_DATETIME:
		return from_moment(epoch_units[epoch], value, error);
	default:
		return refuse(error, "a value", "that is neither a number nor a moment");
	}
}

static bool is_infinity(const char *text, size_t size)
{
	return size >= 8 && memcmp(text + size - 8, "infinity", 8) == 0;
}

int value__convert(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                   struct error *error)
{
	const struct conversion *conversion = type->conversion;
	bool found = conversion->constant || conversion->path_count;
	struct type plain = *type;
	int rc;

	plain.conversion = NULL;
	if (conversion->constant)
		rc = value_from_text(&plain, conversion->constant, strlen(conversion->constant), arena, ret_value, error);
	else if (conversion->pairs)
		rc = read_pair(conversion, text, size, arena, ret_value, error);
	else if (conversion->path_count)
		rc = read_path(conversion, text, size, arena, ret_value, error);
	else
		rc = value_from_text(&plain, text, size, arena, ret_value, error);
	if (rc == 0 && (conversion->trim || conversion->letters != LETTERS_KEEP))
		rc = convert_texts(conversion, arena, ret_value, error);
	if (rc == 0 && conversion->split)
		rc = split(conversion, arena, ret_value, error);
	if (rc == 0 && conversion->scale_mantissa)
		rc = scale(conversion, found ? NULL : text, size, arena, ret_value, error);
	if (rc == 0 && conversion->epoch != EPOCH_NONE) {
		if (ret_value->kind > VALUE_BYTES && is_infinity(text, size))
			return refuse(error, "an infinite date", "has no number of seconds since 1970");
		rc = convert_epoch(conversion->epoch, ret_value, error);
	}
	return rc;
}
