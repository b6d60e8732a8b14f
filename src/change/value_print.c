#include "base/buffer.h"
#include "change/value_room.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_string(struct buffer *buffer, const struct value *value, size_t size_max)
{
	size_t size = value->size > size_max ? size_max : value->size;
	size_t i;

	/* not in the middle of a character */
	while (size && size < value->size && ((uint8_t)value->bytes[size] & 0xc0) == 0x80)
		size--;
	buffer_append_byte(buffer, '\'');
	for (i = 0; i < size; i++) {
		uint8_t c = (uint8_t)value->bytes[i];

		if (c == '\'' || c == '\\')
			buffer_printf(buffer, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buffer_printf(buffer, "\\x%02x", c);
		else
			buffer_append_byte(buffer, c);
	}
	buffer_append_text(buffer, size < value->size ? "...'" : "'");
}

static void print_bytes(struct buffer *buffer, const struct value *value, size_t size_max)
{
	size_t size = value->size > size_max / 2 ? size_max / 2 : value->size;
	size_t i;

	buffer_append_text(buffer, "0x");
	for (i = 0; i < size; i++)
		buffer_printf(buffer, "%02x", (uint8_t)value->bytes[i]);
	if (size < value->size)
		buffer_append_text(buffer, "...");
}

void value__print_float(struct buffer *buffer, double real)
{
	char text[32];
	int precision;

	if (isnan(real) || isinf(real)) {
		buffer_append_text(buffer, isnan(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity");
		return;
	}
	for (precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, real);
		if (strtod(text, NULL) == real)
			break;
	}
	buffer_append_text(buffer, text);
}

static void print_date(struct buffer *buffer, int64_t days)
{
	uint32_t month, day;
	int64_t year;

	value__civil_of_days(days, &year, &month, &day);
	if (year < 0 || year > 9999)
		buffer_printf(buffer, "%c%04" PRId64, year < 0 ? '-' : '+', year < 0 ? -year : year);
	else
		buffer_printf(buffer, "%04" PRId64, year);
	buffer_printf(buffer, "-%02u-%02u", month, day);
}

static void print_time(struct buffer *buffer, int64_t seconds, int64_t nanos)
{
	buffer_printf(buffer, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
	if (nanos % 1000)
		buffer_printf(buffer, ".%09d", (int)nanos);
	else if (nanos)
		buffer_printf(buffer, ".%06d", (int)(nanos / 1000));
}

static void print_offset(struct buffer *buffer, int32_t offset_s)
{
	int32_t size_s = offset_s < 0 ? -offset_s : offset_s;

	if (!offset_s) {
		buffer_append_byte(buffer, 'Z');
		return;
	}
	buffer_printf(buffer, "%c%02d:%02d", offset_s < 0 ? '-' : '+', size_s / 3600, size_s / 60 % 60);
	if (size_s % 60)
		buffer_printf(buffer, ":%02d", size_s % 60);
}

static void print_datetime(struct buffer *buffer, const struct value *value)
{
	int64_t days = value->integer / VALUE_S_PER_DAY;
	int64_t seconds = value->integer % VALUE_S_PER_DAY;

	if (seconds < 0) {
		seconds += VALUE_S_PER_DAY;
		days--;
	}
	print_date(buffer, days);
	buffer_append_byte(buffer, 'T');
	print_time(buffer, seconds, value->nanos);
}

static void print_duration(struct buffer *buffer, const struct value_duration *duration)
{
	buffer_printf(buffer, "P%" PRId64 "M%" PRId64 "DT%" PRId64, duration->months, duration->days, duration->seconds);
	if (duration->nanos)
		buffer_printf(buffer, " + 0.%09d", duration->nanos);
	buffer_append_byte(buffer, 'S');
}

static void print_point(struct buffer *buffer, const struct value_point *point)
{
	buffer_printf(buffer, "point(srid %d: ", point->srid);
	for (uint32_t i = 0; i < point->dimensions; i++) {
		if (i)
			buffer_append_text(buffer, ", ");
		value__print_float(buffer, point->at[i]);
	}
	buffer_append_byte(buffer, ')');
}

static void print_list(struct buffer *buffer, const struct value *value, size_t size_max)
{
	size_t start = buffer->size;
	uint32_t i;

	buffer_append_byte(buffer, '[');
	for (i = 0; i < value->size && buffer->size - start < size_max; i++) {
		if (i)
			buffer_append_text(buffer, ", ");
		value_print(buffer, &value->list[i], size_max);
	}
	buffer_append_text(buffer, i < value->size ? ", ...]" : "]");
}

void value_print(struct buffer *buffer, const struct value *value, size_t size_max)
{
	switch (value->kind) {
	case VALUE_NULL:
		buffer_append_text(buffer, "null");
		break;
	case VALUE_BOOL:
		buffer_append_text(buffer, value->boolean ? "true" : "false");
		break;
	case VALUE_INT:
		buffer_printf(buffer, "%" PRId64, value->integer);
		break;
	case VALUE_FLOAT:
		value__print_float(buffer, value->real);
		break;
	case VALUE_STRING:
		print_string(buffer, value, size_max);
		break;
	case VALUE_BYTES:
		print_bytes(buffer, value, size_max);
		break;
	case VALUE_DATE:
		print_date(buffer, value->integer);
		break;
	case VALUE_TIME:
	case VALUE_LOCAL_TIME:
		print_time(buffer, value->integer / VALUE_NANOS_PER_S, value->integer % VALUE_NANOS_PER_S);
		if (value->kind == VALUE_TIME)
			print_offset(buffer, value->offset_s);
		break;
	case VALUE_DATETIME:
	case VALUE_LOCAL_DATETIME:
		print_datetime(buffer, value);
		if (value->kind == VALUE_DATETIME)
			buffer_append_byte(buffer, 'Z');
		break;
	case VALUE_DURATION:
		print_duration(buffer, value->duration);
		break;
	case VALUE_POINT:
		print_point(buffer, value->point);
		break;
	case VALUE_LIST:
		print_list(buffer, value, size_max);
		break;
	}
}
