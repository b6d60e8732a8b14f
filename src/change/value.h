/*
 * change/value: PostgreSQL's text output -> a typed value that a graph can hold.
 *
 * The sessions that feed this are set to datestyle ISO, intervalstyle iso_8601, timezone UTC, bytea_output hex and
 * extra_float_digits 3, so there is one text per value. Text kinds point into the input; arrays, bytea, durations, points and
 * shapes are built in the caller's arena. Pure: no I/O, no logging. docs/types.md has every rule (infinity, 24:00:00, NULL
 * elements, ...).
 */
#ifndef PGWEAVE_CHANGE_VALUE_H
#define PGWEAVE_CHANGE_VALUE_H

#include "base/arena.h"
#include "change/type.h"

#include <stdint.h>

enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_BYTES,
	VALUE_DATE,           /* days */
	VALUE_TIME,           /* nanos of the day, offset_s */
	VALUE_LOCAL_TIME,     /* nanos of the day */
	VALUE_DATETIME,       /* seconds since 1970 in UTC, nanos; the offset is always 0 */
	VALUE_LOCAL_DATETIME, /* seconds since 1970 as if in UTC, nanos */
	VALUE_DURATION,
	VALUE_POINT,
	VALUE_LIST,
};

/* As Neo4j normalizes it: months, days and seconds each have their own sign; nanos are from 0 to 10^9 - 1. */
struct value_duration {
	int64_t months;
	int64_t days;
	int64_t seconds;
	int32_t nanos;
};

/* The four coordinate reference systems of Neo4j. */
enum value_srid {
	VALUE_WGS_84 = 4326,
	VALUE_WGS_84_3D = 4979,
	VALUE_CARTESIAN = 7203,
	VALUE_CARTESIAN_3D = 9157,
};

struct value_point {
	int32_t srid;
	uint32_t dimensions; /* 2 or 3 */
	double at[3];        /* x or longitude, y or latitude, z or height; 0 beyond the dimensions */
};

struct value {
	enum value_kind kind;
	int32_t offset_s;
	int32_t nanos; /* below 10^9, of a second */
	uint32_t size; /* bytes of string and bytes, elements of list */
	union {
		bool boolean;
		int64_t integer; /* also days, nanos of the day, seconds */
		double real;
		const char *bytes;
		const struct value *list;
		const struct value_duration *duration;
		const struct value_point *point;
	};
};

/*
 * Reads one value of the given type. ERR_VALUE, class POISON, for what the type's rule refuses (an array with a NULL element or
 * of more than one dimension, a numeric that is no integer where INTEGER was chosen) and for text that the type cannot have.
 * ERR_NOMEM when the arena is full.
 */
int value_from_text(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                    struct error *error) _must_check;

/*
 * An array's elements, those of several dimensions one after the other, a NULL as VALUE_NULL. type is the element's, with the
 * array's delimiter. Errors as above.
 */
int value_elements_from_text(const struct type *type, const char *text, size_t size, struct arena *arena,
                             const struct value **ret_values, uint32_t *ret_count, struct error *error) _must_check;

/* Equality as the graph sees it: NaN equals NaN, -0.0 equals 0.0, kinds must be the same. */
bool value_equal(const struct value *a, const struct value *b);

/* Appends the value for a person to read: strings quoted, long ones cut at size_max bytes. */
struct buffer;
void value_print(struct buffer *buffer, const struct value *value, size_t size_max);

#endif
