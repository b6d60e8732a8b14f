/* change/value, inside the room: one reader for each family of types. */
#ifndef PGWEAVE_CHANGE_VALUE_ROOM_H
#define PGWEAVE_CHANGE_VALUE_ROOM_H

#include "change/value.h"

/* What Neo4j can hold: from -999999999-01-01T00:00 to +999999999-12-31T23:59:59.999999999. PostgreSQL's infinities become
 * these. */
#define VALUE_DAYS_MIN (-365243219162)
#define VALUE_DAYS_MAX INT64_C(365241780471)
#define VALUE_NANOS_PER_S 1000000000
#define VALUE_S_PER_DAY 86400

/* Date, time, timetz, timestamp, timestamptz. */
int value__read_time(const struct type *type, const char *text, size_t size, struct value *ret_value,
                     struct error *error) _must_check;
int value__read_array(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error) _must_check;
/* ISO 8601, as intervalstyle iso_8601 prints it. */
int value__read_interval(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                         struct error *error) _must_check;
/* "(x,y)" */
int value__read_point(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error) _must_check;
/* PostGIS's extended well-known binary in hexadecimal: a point of a system that Neo4j has, else extended well-known text. */
int value__read_geometry(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                         struct error *error) _must_check;
/* type->conversion carried out. */
int value__convert(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                   struct error *error) _must_check;
/* The value of a key of an hstore, as STRING; NULL where that is its value, or the key is not there. */
int value__read_pair(const char *key, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                     struct error *error) _must_check;
/* "[1,2,3]" */
int value__read_vector(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                       struct error *error) _must_check;
/* A decimal number, NaN or an infinity, as float8 is printed. */
int value__read_float(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error) _must_check;
/* [-]digits; false when it is something else, or out of range. */
bool value__parse_int(const char *text, size_t size, int64_t *ret_integer);
/* The shortest text that reads back as the same number; NaN, Infinity, -Infinity. */
struct buffer;
void value__print_float(struct buffer *buffer, double real);
/* "not a TIMESTAMP: '...'" */
int value__refuse(const struct type *type, const char *text, size_t size, struct error *error);

/* The proleptic Gregorian calendar, for years within +-10^9. */
int64_t value__days_of_civil(int64_t year, uint32_t month, uint32_t day);
void value__civil_of_days(int64_t days, int64_t *ret_year, uint32_t *ret_month, uint32_t *ret_day);

#endif
