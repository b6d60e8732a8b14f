#include "bolt/packstream.h"

#include <stdlib.h>

#define WRITER_CAPACITY_MIN 512
/* bolt_writer_int asks for 9 bytes to write 1, bolt_writer_string for 16; the last write below size_max shall not fail for
 * that. */
#define WRITER_SLACK 16

#define TAG_DATE 'D'
#define TAG_TIME 'T'
#define TAG_LOCAL_TIME 't'
#define TAG_DATETIME_UTC 'I'
#define TAG_DATETIME_ZONE_UTC 'i'
#define TAG_DATETIME_OLD 'F'
#define TAG_DATETIME_ZONE_OLD 'f'
#define TAG_LOCAL_DATETIME 'd'
#define TAG_DURATION 'E'
#define TAG_POINT2D 'X'
#define TAG_POINT3D 'Y'

void bolt_writer_init(struct bolt_writer *writer, size_t size_max)
{
	*writer = (struct bolt_writer){.size_max = size_max, .utc = true};
}

void bolt_writer_free(struct bolt_writer *writer)
{
	free(writer->data);
	*writer = (struct bolt_writer){.size_max = writer->size_max, .utc = writer->utc};
}

void bolt_writer_reset(struct bolt_writer *writer)
{
	writer->size = 0;
	writer->limit = writer->capacity;
	writer->failed = false;
}

static uint8_t *writer_fail(struct bolt_writer *writer)
{
	writer->failed = true;
	writer->limit = 0;
	return NULL;
}

uint8_t *bolt_writer_grow(struct bolt_writer *writer, size_t size)
{
	size_t capacity_max, capacity, need;
	uint8_t *data;

	if (writer->failed || __builtin_add_overflow(writer->size_max, (size_t)WRITER_SLACK, &capacity_max) ||
	    __builtin_add_overflow(writer->size, size, &need) || need > capacity_max)
		return writer_fail(writer);
	capacity = writer->capacity ? writer->capacity : WRITER_CAPACITY_MIN;
	while (capacity < need)
		capacity = capacity > capacity_max / 2 ? capacity_max : capacity * 2;
	if (capacity > capacity_max)
		capacity = capacity_max;
	if (capacity > writer->capacity) {
		data = realloc(writer->data, capacity);
		if (!data)
			return writer_fail(writer);
		writer->data = data;
		writer->capacity = capacity;
	}
	writer->limit = writer->capacity;
	return writer->data + writer->size;
}

void bolt_writer_header(struct bolt_writer *writer, uint8_t tiny, uint8_t wide, size_t count)
{
	uint8_t *to = bolt_writer_reserve(writer, 5);

	if (!to)
		return;
	if (tiny && count < 16) {
		to[0] = (uint8_t)(tiny | count);
		writer->size += 1;
	} else if (count <= UINT8_MAX) {
		to[0] = wide;
		to[1] = (uint8_t)count;
		writer->size += 2;
	} else if (count <= UINT16_MAX) {
		uint16_t wire = __builtin_bswap16((uint16_t)count);

		to[0] = (uint8_t)(wide + 1);
		memcpy(to + 1, &wire, sizeof(wire));
		writer->size += 3;
	} else if (count <= INT32_MAX) {
		/* The server reads the size as a signed integer. */
		uint32_t wire = __builtin_bswap32((uint32_t)count);

		to[0] = (uint8_t)(wide + 2);
		memcpy(to + 1, &wire, sizeof(wire));
		writer->size += 5;
	} else {
		writer_fail(writer);
	}
}

void bolt_writer_structure(struct bolt_writer *writer, uint8_t tag, size_t count)
{
	uint8_t *to = count < 16 ? bolt_writer_reserve(writer, 2) : writer_fail(writer);

	if (!to)
		return;
	to[0] = (uint8_t)(0xB0 | count);
	to[1] = tag;
	writer->size += 2;
}

void bolt_writer_date(struct bolt_writer *writer, int64_t days)
{
	bolt_writer_structure(writer, TAG_DATE, 1);
	bolt_writer_int(writer, days);
}

void bolt_writer_time(struct bolt_writer *writer, int64_t ns_of_day, int32_t offset_s)
{
	bolt_writer_structure(writer, TAG_TIME, 2);
	bolt_writer_int(writer, ns_of_day);
	bolt_writer_int(writer, offset_s);
}

void bolt_writer_local_time(struct bolt_writer *writer, int64_t ns_of_day)
{
	bolt_writer_structure(writer, TAG_LOCAL_TIME, 1);
	bolt_writer_int(writer, ns_of_day);
}

/* The old form carries the seconds on the wall clock. */
static int64_t wire_seconds(const struct bolt_writer *writer, int64_t seconds, int32_t offset_s)
{
	int64_t local;

	if (writer->utc || __builtin_add_overflow(seconds, (int64_t)offset_s, &local))
		return seconds;
	return local;
}

void bolt_writer_datetime(struct bolt_writer *writer, int64_t seconds, int32_t ns, int32_t offset_s)
{
	bolt_writer_structure(writer, writer->utc ? TAG_DATETIME_UTC : TAG_DATETIME_OLD, 3);
	bolt_writer_int(writer, wire_seconds(writer, seconds, offset_s));
	bolt_writer_int(writer, ns);
	bolt_writer_int(writer, offset_s);
}

void bolt_writer_datetime_zone(struct bolt_writer *writer, int64_t seconds, int32_t ns, const char *zone, size_t zone_size,
                               int32_t offset_s)
{
	bolt_writer_structure(writer, writer->utc ? TAG_DATETIME_ZONE_UTC : TAG_DATETIME_ZONE_OLD, 3);
	bolt_writer_int(writer, wire_seconds(writer, seconds, offset_s));
	bolt_writer_int(writer, ns);
	bolt_writer_string(writer, zone, zone_size);
}

void bolt_writer_local_datetime(struct bolt_writer *writer, int64_t seconds, int32_t ns)
{
	bolt_writer_structure(writer, TAG_LOCAL_DATETIME, 2);
	bolt_writer_int(writer, seconds);
	bolt_writer_int(writer, ns);
}

void bolt_writer_duration(struct bolt_writer *writer, int64_t months, int64_t days, int64_t seconds, int32_t ns)
{
	bolt_writer_structure(writer, TAG_DURATION, 4);
	bolt_writer_int(writer, months);
	bolt_writer_int(writer, days);
	bolt_writer_int(writer, seconds);
	bolt_writer_int(writer, ns);
}

void bolt_writer_point2d(struct bolt_writer *writer, int32_t srid, double x, double y)
{
	bolt_writer_structure(writer, TAG_POINT2D, 3);
	bolt_writer_int(writer, srid);
	bolt_writer_float(writer, x);
	bolt_writer_float(writer, y);
}

void bolt_writer_point3d(struct bolt_writer *writer, int32_t srid, double x, double y, double z)
{
	bolt_writer_structure(writer, TAG_POINT3D, 4);
	bolt_writer_int(writer, srid);
	bolt_writer_float(writer, x);
	bolt_writer_float(writer, y);
	bolt_writer_float(writer, z);
}
