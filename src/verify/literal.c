#include "verify/recheck.h"

#include <stdlib.h>

#define YEAR_LIMIT 999999999 /* what value_from_text makes of PostgreSQL's infinities is in these years */
#define NANOS_PER_DAY INT64_C(86400000000000)
#define ARRAY_ITEM_SIZE_MAX ((size_t)64 * 1024 * 1024)

/*
 * A key's value as PostgreSQL reads it: the inverse of value_from_text. What PostgreSQL cannot hold (a year too large, more
 * than microseconds) makes a text that is refused, or is another value: no row has it, either way.
 */

/* value_print writes ISO 8601, which PostgreSQL reads but for the year: it counts 1 BC where ISO has 0. */
static void literal__dated(struct buffer *text, const struct value *value)
{
	struct buffer iso;
	long long year;
	char *rest;
	bool bc;

	buffer_init(&iso, 256);
	value_print(&iso, value, 256);
	year = strtoll(buffer_text(&iso), &rest, 10);
	bc = year < 1;
	if (year == YEAR_LIMIT || year == -YEAR_LIMIT)
		buffer_append_text(text, year < 0 ? "-infinity" : "infinity");
	else
		buffer_printf(text, "%04lld%s%s", bc ? 1 - year : year, rest, bc ? " BC" : "");
	buffer_free(&iso);
}

/* The last nanosecond stands for the end of the day, see value_from_text. */
static void literal__time(struct buffer *text, const struct value *value)
{
	struct value midnight = *value;

	if (value->integer != NANOS_PER_DAY - 1) {
		value_print(text, value, 256);
		return;
	}
	buffer_append_text(text, "24:00:00");
	midnight.integer = 0;
	if (value->kind == VALUE_TIME) {
		struct buffer iso;

		buffer_init(&iso, 256);
		value_print(&iso, &midnight, 256);
		buffer_append_text(text, buffer_text(&iso) + sizeof("00:00:00") - 1);
		buffer_free(&iso);
	}
}

static void literal__bytes(struct buffer *text, const struct value *value)
{
	buffer_append_text(text, "\\x");
	for (uint32_t i = 0; i < value->size; i++)
		buffer_printf(text, "%02x", (uint8_t)value->bytes[i]);
}

void verify__value_sql(struct buffer *text, const struct value *value)
{
	switch (value->kind) {
	case VALUE_BOOL:
		buffer_append_byte(text, value->boolean ? 't' : 'f');
		break;
	case VALUE_INT:
	case VALUE_FLOAT:
		value_print(text, value, 256);
		break;
	case VALUE_STRING:
		buffer_append(text, value->bytes, value->size);
		break;
	case VALUE_BYTES:
		literal__bytes(text, value);
		break;
	case VALUE_TIME:
	case VALUE_LOCAL_TIME:
		literal__time(text, value);
		break;
	case VALUE_DATE:
	case VALUE_DATETIME:
	case VALUE_LOCAL_DATETIME:
		literal__dated(text, value);
		break;
	case VALUE_NULL:
	case VALUE_DURATION: /* no key is one of these */
	case VALUE_POINT:
	case VALUE_LIST:
		break;
	}
}

void verify_value_array_add(struct buffer *array, const struct value *value)
{
	struct buffer text;

	buffer_init(&text, ARRAY_ITEM_SIZE_MAX);
	verify__value_sql(&text, value);
	buffer_append_text(array, array->size ? ",\"" : "{\"");
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buffer_append_byte(array, '\\');
		buffer_append_byte(array, (uint8_t)text.data[i]);
	}
	buffer_append_text(array, "\"");
	array->failed |= text.failed;
	buffer_free(&text);
}
