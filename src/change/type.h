/*
 * change/type: the PostgreSQL types that pgweave carries, as the catalogue names them.
 *
 * A domain has been replaced by its base type, an array is its element's type with `array` set, and what arrives as PostgreSQL
 * prints it (enums, ranges, composite types, ...) is TEXT. Pure data.
 */
#ifndef PGWEAVE_CHANGE_TYPE_H
#define PGWEAVE_CHANGE_TYPE_H

#include <stdbool.h>

/* name, what arrives in Neo4j */
#define TYPE_KINDS(X)                                                                                                          \
	X(UNSUPPORTED, "nothing: the column has to be left out")                                                               \
	X(BOOL, "BOOLEAN")                                                                                                     \
	X(INT, "INTEGER")                                                                                                      \
	X(FLOAT, "FLOAT")                                                                                                      \
	X(NUMERIC, "STRING, FLOAT or INTEGER, by choice")                                                                      \
	X(TEXT, "STRING")                                                                                                      \
	X(BYTEA, "BYTES")                                                                                                      \
	X(DATE, "DATE")                                                                                                        \
	X(TIME, "LOCAL TIME")                                                                                                  \
	X(TIMETZ, "ZONED TIME")                                                                                                \
	X(TIMESTAMP, "LOCAL DATETIME")                                                                                         \
	X(TIMESTAMPTZ, "ZONED DATETIME")                                                                                       \
	X(INTERVAL, "DURATION")                                                                                                \
	X(POINT, "POINT")                                /* of PostgreSQL itself: cartesian */                                 \
	X(GEOMETRY, "POINT, or STRING of another shape") /* PostGIS, geography too */                                          \
	X(VECTOR, "LIST OF FLOAT")                       /* pgvector, and types that print alike */                            \
	X(JSON, "STRING")                                /* json, jsonb: as text, or what a path leads to */

enum type_kind {
#define X(name, what) TYPE_##name,
	TYPE_KINDS(X)
#undef X
};

/* How a numeric is carried: TEXT keeps every digit; the other two are chosen in the mapping. */
enum numeric_as {
	NUMERIC_AS_TEXT,
	NUMERIC_AS_FLOAT,
	NUMERIC_AS_INTEGER,
};

struct conversion;

struct type {
	enum type_kind kind;
	enum numeric_as numeric_as; /* for NUMERIC only */
	bool array;
	bool pairs;                          /* of a TEXT: an hstore, whose text is keys with their values */
	char delimiter;                      /* between an array's elements; 0: the usual comma */
	const struct conversion *conversion; /* of a property that is computed from the column; NULL: its value as it is */
};

const char *type_kind_name(enum type_kind kind);
const char *type_kind_graph_name(enum type_kind kind);

#endif
