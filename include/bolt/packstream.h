/*
 * bolt/packstream: the value format of the Bolt protocol, both ways. Part of the Bolt client library; needs libc only.
 *
 * It packs values into a growing array of bytes (struct bolt_writer) and unpacks bytes into trees of struct bolt_value. It does
 * no I/O, knows no message and keeps no global state. The format: https://neo4j.com/docs/bolt/current/packstream/ and, for the
 * structures, https://neo4j.com/docs/bolt/current/bolt/structure-semantics/.
 *
 * Ownership: a writer owns its bytes; what is passed to it is copied. A value tree belongs to the decoder or to the message
 * that it came with, its strings point into the message's bytes: both last until the next decode, or until the callback
 * returns.
 *
 * Limits: a writer has a maximum given at its birth, a decoder one for memory and one for depth. A count that the bytes claim
 * is checked against the bytes left before anything is allocated. Not thread-safe per object.
 */
#ifndef BOLT_PACKSTREAM_H
#define BOLT_PACKSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- packing ---- */

/*
 * Sticky-fail: after the first failure (no memory, or size_max reached) every later write does nothing and `failed` stays set,
 * so that it is checked once at the end. The packed bytes are data[0..size); they may move with any write. The size may
 * pass size_max by up to 16 bytes. Lists, maps and structures are headers: the caller writes as many elements as
 * announced.
 *
 * `utc` chooses the form of the date-times with a zone: true for Bolt 5 and for 4.4 with the "utc" patch. Take it from
 * bolt_connection_utc() when the connection is ready, it is true at birth.
 */
struct bolt_writer {
	uint8_t *data;
	size_t size;
	size_t limit; /* writes below it need no growth; 0 after a failure */
	size_t capacity;
	size_t size_max;
	bool failed;
	bool utc;
};

/* Allocates nothing yet. */
void bolt_writer_init(struct bolt_writer *writer, size_t size_max);
void bolt_writer_free(struct bolt_writer *writer);
/* Empties it and clears `failed`; keeps the memory. */
void bolt_writer_reset(struct bolt_writer *writer);
/* The slow path of bolt_writer_reserve. */
uint8_t *bolt_writer_grow(struct bolt_writer *writer, size_t size);

/* Room for size more bytes (at least 1), or NULL. The caller adds to writer->size what it wrote. */
static inline uint8_t *bolt_writer_reserve(struct bolt_writer *writer, size_t size)
{
	if (writer->size < writer->limit && size <= writer->limit - writer->size)
		return writer->data + writer->size;
	return bolt_writer_grow(writer, size);
}

/* Appends bytes that are packed already: whole values written elsewhere, with the same `utc`. */
static inline void bolt_writer_append(struct bolt_writer *writer, const void *bytes, size_t size)
{
	uint8_t *to = size ? bolt_writer_reserve(writer, size) : NULL;

	if (!to)
		return;
	memcpy(to, bytes, size);
	writer->size += size;
}

static inline void bolt_writer_byte(struct bolt_writer *writer, uint8_t byte)
{
	uint8_t *to = bolt_writer_reserve(writer, 1);

	if (!to)
		return;
	*to = byte;
	writer->size++;
}

static inline void bolt_writer_null(struct bolt_writer *writer)
{
	bolt_writer_byte(writer, 0xC0);
}

static inline void bolt_writer_bool(struct bolt_writer *writer, bool value)
{
	bolt_writer_byte(writer, value ? 0xC3 : 0xC2);
}

static inline void bolt_writer_int(struct bolt_writer *writer, int64_t value)
{
	uint8_t *to = bolt_writer_reserve(writer, 9);

	if (!to)
		return;
	if (value >= -16 && value <= 127) {
		to[0] = (uint8_t)value;
		writer->size += 1;
	} else if (value == (int8_t)value) {
		to[0] = 0xC8;
		to[1] = (uint8_t)value;
		writer->size += 2;
	} else if (value == (int16_t)value) {
		uint16_t wire = __builtin_bswap16((uint16_t)value);

		to[0] = 0xC9;
		memcpy(to + 1, &wire, sizeof(wire));
		writer->size += 3;
	} else if (value == (int32_t)value) {
		uint32_t wire = __builtin_bswap32((uint32_t)value);

		to[0] = 0xCA;
		memcpy(to + 1, &wire, sizeof(wire));
		writer->size += 5;
	} else {
		uint64_t wire = __builtin_bswap64((uint64_t)value);

		to[0] = 0xCB;
		memcpy(to + 1, &wire, sizeof(wire));
		writer->size += 9;
	}
}

static inline void bolt_writer_float(struct bolt_writer *writer, double value)
{
	uint8_t *to = bolt_writer_reserve(writer, 9);
	uint64_t wire;

	if (!to)
		return;
	memcpy(&wire, &value, sizeof(wire));
	wire = __builtin_bswap64(wire);
	to[0] = 0xC1;
	memcpy(to + 1, &wire, sizeof(wire));
	writer->size += 9;
}

/* The header of anything sized. tiny: the marker of 0..15, or 0 when there is none; wide: that of one byte of size. */
void bolt_writer_header(struct bolt_writer *writer, uint8_t tiny, uint8_t wide, size_t count);

/* The text is UTF-8; nothing checks it here, the server does. */
static inline void bolt_writer_string(struct bolt_writer *writer, const char *text, size_t size)
{
	if (size < 16) {
		uint8_t *to = bolt_writer_reserve(writer, 16);

		if (!to)
			return;
		to[0] = (uint8_t)(0x80 | size);
		if (size)
			memcpy(to + 1, text, size);
		writer->size += size + 1;
		return;
	}
	bolt_writer_header(writer, 0x80, 0xD0, size);
	bolt_writer_append(writer, text, size);
}

static inline void bolt_writer_cstring(struct bolt_writer *writer, const char *text)
{
	bolt_writer_string(writer, text, strlen(text));
}

static inline void bolt_writer_bytes(struct bolt_writer *writer, const void *bytes, size_t size)
{
	bolt_writer_header(writer, 0, 0xCC, size);
	bolt_writer_append(writer, bytes, size);
}

/* count values follow. */
static inline void bolt_writer_list(struct bolt_writer *writer, size_t count)
{
	if (count < 16)
		bolt_writer_byte(writer, (uint8_t)(0x90 | count));
	else
		bolt_writer_header(writer, 0x90, 0xD4, count);
}

/* count pairs follow, each a string and a value. */
static inline void bolt_writer_map(struct bolt_writer *writer, size_t count)
{
	if (count < 16)
		bolt_writer_byte(writer, (uint8_t)(0xA0 | count));
	else
		bolt_writer_header(writer, 0xA0, 0xD8, count);
}

/* count values follow, at most 15: more sets `failed`. */
void bolt_writer_structure(struct bolt_writer *writer, uint8_t tag, size_t count);

/* days since 1970-01-01 */
void bolt_writer_date(struct bolt_writer *writer, int64_t days);
/* nanoseconds since midnight on the clock with that offset; seconds east of UTC */
void bolt_writer_time(struct bolt_writer *writer, int64_t ns_of_day, int32_t offset_s);
void bolt_writer_local_time(struct bolt_writer *writer, int64_t ns_of_day);
/* An instant: seconds since 1970-01-01T00:00:00Z whatever `utc` says, 0..999999999 ns more; shown with that offset. */
void bolt_writer_datetime(struct bolt_writer *writer, int64_t seconds, int32_t ns, int32_t offset_s);
/*
 * The same in a named zone ("Europe/Paris"). offset_s is the zone's offset at that instant; only the old form (`utc` false)
 * needs it, since it carries the local time.
 */
void bolt_writer_datetime_zone(struct bolt_writer *writer, int64_t seconds, int32_t ns, const char *zone, size_t zone_size,
                               int32_t offset_s);
/* seconds since 1970-01-01T00:00:00 on the wall, no zone */
void bolt_writer_local_datetime(struct bolt_writer *writer, int64_t seconds, int32_t ns);
void bolt_writer_duration(struct bolt_writer *writer, int64_t months, int64_t days, int64_t seconds, int32_t ns);
/* srid: 4326 WGS-84, 7203 Cartesian; 4979 and 9157 in three dimensions */
void bolt_writer_point2d(struct bolt_writer *writer, int32_t srid, double x, double y);
void bolt_writer_point3d(struct bolt_writer *writer, int32_t srid, double x, double y, double z);

/* ---- unpacked values ---- */

enum bolt_type {
	BOLT_TYPE_NULL,
	BOLT_TYPE_BOOL,
	BOLT_TYPE_INT,
	BOLT_TYPE_FLOAT,
	BOLT_TYPE_STRING,
	BOLT_TYPE_BYTES,
	BOLT_TYPE_LIST,
	BOLT_TYPE_MAP,
	/* structures: the fields have the counts and types of the specification, or the message is refused */
	BOLT_TYPE_NODE,
	BOLT_TYPE_RELATIONSHIP,
	BOLT_TYPE_UNBOUND_RELATIONSHIP, /* in paths only */
	BOLT_TYPE_PATH,
	BOLT_TYPE_DATE,
	BOLT_TYPE_TIME,
	BOLT_TYPE_LOCAL_TIME,
	BOLT_TYPE_DATETIME,      /* with an offset */
	BOLT_TYPE_DATETIME_ZONE, /* with a zone's name */
	BOLT_TYPE_LOCAL_DATETIME,
	BOLT_TYPE_DURATION,
	BOLT_TYPE_POINT2D,
	BOLT_TYPE_POINT3D,
	BOLT_TYPE_STRUCTURE, /* a tag that this library does not know */
};

struct bolt_pair;

/* Read `type` first, it says which member of the union holds. Constant for the user. */
struct bolt_value {
	uint8_t type;  /* enum bolt_type */
	uint8_t tag;   /* of a structure */
	uint32_t size; /* bytes of a string or of bytes; elements of a list; pairs of a map; fields of a structure */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *string; /* UTF-8, no NUL behind it */
		const uint8_t *bytes;
		const struct bolt_value *items; /* a list's elements, a structure's fields */
		const struct bolt_pair *pairs;
	};
};

struct bolt_pair {
	struct bolt_value key; /* always a string */
	struct bolt_value value;
};

/* "integer", "node", ...: for messages */
const char *bolt_type_name(enum bolt_type type);
/* The value of that key, or NULL when there is none or `map` is NULL or no map. */
const struct bolt_value *bolt_map_get(const struct bolt_value *map, const char *key);
/* The same for a value of that type only. */
const struct bolt_value *bolt_map_get_type(const struct bolt_value *map, const char *key, enum bolt_type type);
/* True when value is a string equal to text. */
bool bolt_value_is_string(const struct bolt_value *value, const char *text);

struct bolt_node {
	int64_t id;
	struct bolt_value element_id;        /* string; of size 0 from Bolt 4.4, which has none */
	const struct bolt_value *labels;     /* list of strings */
	const struct bolt_value *properties; /* map */
};

/* Of an unbound one the ends are -1 and empty. */
struct bolt_relationship {
	int64_t id;
	int64_t start_id;
	int64_t end_id;
	struct bolt_value element_id; /* strings; of size 0 from Bolt 4.4 */
	struct bolt_value start_element_id;
	struct bolt_value end_element_id;
	const struct bolt_value *type;       /* string */
	const struct bolt_value *properties; /* map */
};

struct bolt_path {
	const struct bolt_value *nodes;         /* list of nodes, without doubles */
	const struct bolt_value *relationships; /* list of unbound relationships, without doubles */
	const struct bolt_value
	        *indices; /* list of integers: relationship (from 1, negative: against its direction), node, ... */
};

struct bolt_datetime {
	int64_t seconds; /* see seconds_are_local */
	int32_t ns;
	int32_t offset_s;              /* of BOLT_TYPE_DATETIME */
	const struct bolt_value *zone; /* string; of BOLT_TYPE_DATETIME_ZONE, else NULL */
	/*
	 * False: seconds count from 1970-01-01T00:00:00Z. True for a named zone in the old form (Bolt 4.4): they count on the
	 * zone's wall clock, and only a time zone database can tell the instant. Always true for BOLT_TYPE_LOCAL_DATETIME.
	 */
	bool seconds_are_local;
};

struct bolt_duration {
	int64_t months;
	int64_t days;
	int64_t seconds;
	int32_t ns;
};

struct bolt_point {
	int32_t srid;
	int dimensions; /* 2 or 3 */
	double x;
	double y;
	double z;
};

/* Views of structures. False when the value is NULL or of another type; then the output is untouched. */
bool bolt_value_node(const struct bolt_value *value, struct bolt_node *ret_node);
/* both kinds of relationship */
bool bolt_value_relationship(const struct bolt_value *value, struct bolt_relationship *ret_relationship);
bool bolt_value_path(const struct bolt_value *value, struct bolt_path *ret_path);
bool bolt_value_date(const struct bolt_value *value, int64_t *ret_days);
/* local and with offset; ret_offset_s becomes 0 for a local one */
bool bolt_value_time(const struct bolt_value *value, int64_t *ret_ns_of_day, int32_t *ret_offset_s);
/* with offset, with zone, and local */
bool bolt_value_datetime(const struct bolt_value *value, struct bolt_datetime *ret_datetime);
bool bolt_value_duration(const struct bolt_value *value, struct bolt_duration *ret_duration);
bool bolt_value_point(const struct bolt_value *value, struct bolt_point *ret_point);

/* ---- unpacking without a connection ---- */

struct bolt_decoder;

/* memory_max: bytes that one tree may take; depth_max: nesting, 1 for a scalar. NULL when memory is out. */
struct bolt_decoder *bolt_decoder_create(size_t memory_max, unsigned depth_max);
void bolt_decoder_free(struct bolt_decoder *decoder);
/*
 * Unpacks the value at the head of the bytes; ret_used says how many it took (NULL: it must take all). Returns 0,
 * BOLT_ERR_PROTOCOL, BOLT_ERR_LIMIT or BOLT_ERR_NOMEM (bolt.h). The tree lasts until the next call and while the bytes last.
 */
int bolt_decoder_decode(struct bolt_decoder *decoder, const void *bytes, size_t size, const struct bolt_value **ret_value,
                        size_t *ret_used) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
