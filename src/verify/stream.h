/*
 * verify/stream: records of one side on their way into the comparison: a queue in bounded memory, checked for order. Pure.
 *
 * Who fills it asks verify_stream_is_full after each record and stops reading until it is not. A stream that the servers cannot
 * sort is collected whole, and sorted when it ends; its limit is VERIFY_SORT_SIZE_MAX.
 */
#ifndef PGWEAVE_VERIFY_STREAM_H
#define PGWEAVE_VERIFY_STREAM_H

#include "verify/shape.h"
#include "change/value.h"

#define VERIFY_QUEUE_SIZE ((size_t)4 * 1024 * 1024)
#define VERIFY_SORT_SIZE_MAX ((size_t)512 * 1024 * 1024)

/* What is wrong with a single value. */
enum verify_mark {
	VERIFY_MARK_NONE,
	VERIFY_MARK_UNREADABLE, /* a row's text that cannot be carried over; the value is that text */
	VERIFY_MARK_FOREIGN,    /* of a type that pgweave does not write; the value is null */
};

/* One row, or what the graph has of one. */
struct verify_record {
	struct value *values; /* shape->fields_count */
	uint8_t *marks;       /* one enum verify_mark for each */
	bool *flags;          /* shape->flags_count, by enum verify_flag; the graph's only */
	bool odd;             /* its identity is none that the other side can have: it has no place in the order */
	uint32_t ordinal;     /* sorts before the identity; 0 in a scan */
	struct verify_record *next;
};

struct verify_chunk;
typedef void verify_odd_fn(void *user, const struct verify_record *record);

struct verify_stream {
	const struct verify_shape *shape;
	const char *side; /* for messages */
	bool sort;        /* here, at the end */
	bool ended;
	bool disordered;       /* the server does not keep to the order */
	struct error error;    /* its end, when code is set */
	verify_odd_fn *on_odd; /* gets the odd ones as they are pushed; they are not queued */
	void *user;
	struct verify_chunk *first;
	struct verify_chunk *last;
	struct verify_chunk *tail; /* holds the record pushed last, for the check of the order */
	struct verify_record **sorted;
	size_t sorted_at;
	size_t count; /* records pushed */
	size_t size;  /* bytes queued */
};

void verify_stream_init(struct verify_stream *stream, const struct verify_shape *shape, const char *side, bool sort);
void verify_stream_free(struct verify_stream *stream);

/* An empty record, to be filled and pushed; NULL when memory or the limit is out, and then the stream's error is set. */
struct verify_record *verify_stream_new(struct verify_stream *stream) _must_check;
/* Where the values of that record live. */
struct arena *verify_stream_arena(struct verify_stream *stream);
void verify_stream_push(struct verify_stream *stream, struct verify_record *record);
/* No more come; error may be NULL. The first error stays. */
void verify_stream_end(struct verify_stream *stream, const struct error *error);

bool verify_stream_is_full(const struct verify_stream *stream);
/* True when the head is known: a record, or the end. */
bool verify_stream_is_ready(const struct verify_stream *stream);
/* The head, NULL at the end; it lasts until the next pop. */
const struct verify_record *verify_stream_peek(const struct verify_stream *stream);
void verify_stream_pop(struct verify_stream *stream);

/* By ordinal, then identity. */
int verify_record_order(const struct verify_shape *shape, const struct verify_record *a, const struct verify_record *b);

#endif
