#include "verify/stream.h"

#include "verify/order.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SIZE ((size_t)48 * 1024) /* inside one block of an arena */
#define CHUNK_SIZE_MAX ((size_t)1024 * 1024 * 1024)

struct verify_chunk {
	struct arena arena;
	size_t counted;             /* bytes of the arena that are in stream->size */
	struct verify_record *head; /* the first that was not popped */
	struct verify_record *tail; /* the last that was pushed */
	struct verify_chunk *next;
};

void verify_stream_init(struct verify_stream *stream, const struct verify_shape *shape, const char *side, bool sort)
{
	*stream = (struct verify_stream){.shape = shape, .side = side, .sort = sort};
}

static void stream__drop_first(struct verify_stream *stream)
{
	struct verify_chunk *chunk = stream->first;

	stream->first = chunk->next;
	if (!stream->first)
		stream->last = NULL;
	stream->size -= chunk->counted;
	arena_free(&chunk->arena);
	free(chunk);
}

void verify_stream_free(struct verify_stream *stream)
{
	while (stream->first)
		stream__drop_first(stream);
	free(stream->sorted);
	stream->sorted = NULL;
}

int verify_record_order(const struct verify_shape *shape, const struct verify_record *a, const struct verify_record *b)
{
	if (a->ordinal != b->ordinal)
		return a->ordinal < b->ordinal ? -1 : 1;
	return verify_values_order(a->values, b->values, shape->identity_count);
}

static void stream__fail(struct verify_stream *stream, const struct error *error)
{
	if (!stream->error.code)
		stream->error = *error;
}

static bool stream__add_chunk(struct verify_stream *stream)
{
	struct verify_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return false;
	arena_init(&chunk->arena, CHUNK_SIZE_MAX);
	if (stream->last)
		stream->last->next = chunk;
	else
		stream->first = chunk;
	stream->last = chunk;
	return true;
}

static bool record__init(struct verify_record *record, const struct verify_shape *shape, struct arena *arena)
{
	size_t bytes = (size_t)shape->fields_count + shape->flags_count;

	if (!record)
		return false;
	record->values = arena_calloc(arena, shape->fields_count, sizeof(*record->values));
	record->marks = arena_calloc(arena, bytes, 1);
	record->flags = record->marks ? (bool *)record->marks + shape->fields_count : NULL;
	return record->values && record->marks;
}

struct verify_record *verify_stream_new(struct verify_stream *stream)
{
	struct verify_record *record = NULL;
	struct error error;

	if (stream->sort && stream->size > VERIFY_SORT_SIZE_MAX) {
		error_set(&error, ERR_LIMIT,
		          "%s: more than %zu MiB would have to be sorted here, since the servers do not sort its key alike",
		          verify_shape_name(stream->shape), VERIFY_SORT_SIZE_MAX / 1024 / 1024);
		stream__fail(stream, &error);
		return NULL;
	}
	if ((stream->last && stream->last->arena.used < CHUNK_SIZE) || stream__add_chunk(stream))
		record = arena_calloc(&stream->last->arena, 1, sizeof(*record));
	if (record__init(record, stream->shape, &stream->last->arena))
		return record;
	error_set(&error, ERR_NOMEM, "no memory for a row of %s", verify_shape_name(stream->shape));
	stream__fail(stream, &error);
	return NULL;
}

struct arena *verify_stream_arena(struct verify_stream *stream)
{
	return &stream->last->arena;
}

void verify_stream_push(struct verify_stream *stream, struct verify_record *record)
{
	struct verify_chunk *chunk = stream->last;

	stream->count++;
	stream->size += chunk->arena.used - chunk->counted;
	chunk->counted = chunk->arena.used;
	if (record->odd) {
		stream->on_odd(stream->user, record);
		return;
	}
	if (stream->tail && !stream->sort && verify_record_order(stream->shape, stream->tail->tail, record) > 0)
		stream->disordered = true;
	if (chunk->head)
		chunk->tail->next = record;
	else
		chunk->head = record;
	chunk->tail = record;
	stream->tail = chunk;
}

/* qsort_r's */
static int stream__compare(const void *a, const void *b, void *shape)
{
	const struct verify_record *const *left = a, *const *right = b;

	return verify_record_order(shape, *left, *right);
}

static void stream__sort(struct verify_stream *stream)
{
	struct error error;
	size_t at = 0;

	stream->sorted = calloc(stream->count + 1, sizeof(struct verify_record *));
	if (!stream->sorted) {
		error_set(&error, ERR_NOMEM, "no memory to sort %zu rows of %s", stream->count,
		          verify_shape_name(stream->shape));
		stream__fail(stream, &error);
		return;
	}
	for (const struct verify_chunk *chunk = stream->first; chunk; chunk = chunk->next)
		for (struct verify_record *record = chunk->head; record; record = record->next)
			stream->sorted[at++] = record;
	qsort_r(stream->sorted, at, sizeof(struct verify_record *), stream__compare, (void *)(uintptr_t)stream->shape);
}

void verify_stream_end(struct verify_stream *stream, const struct error *error)
{
	if (stream->ended)
		return;
	if (error)
		stream__fail(stream, error);
	if (stream->sort && !stream->error.code)
		stream__sort(stream);
	stream->ended = true;
}

bool verify_stream_is_full(const struct verify_stream *stream)
{
	return !stream->sort && stream->size > VERIFY_QUEUE_SIZE;
}

const struct verify_record *verify_stream_peek(const struct verify_stream *stream)
{
	if (stream->sort)
		return stream->sorted ? stream->sorted[stream->sorted_at] : NULL;
	for (const struct verify_chunk *chunk = stream->first; chunk; chunk = chunk->next)
		if (chunk->head)
			return chunk->head;
	return NULL;
}

bool verify_stream_is_ready(const struct verify_stream *stream)
{
	return stream->ended || (!stream->sort && verify_stream_peek(stream));
}

void verify_stream_pop(struct verify_stream *stream)
{
	struct verify_chunk *chunk = stream->first;

	if (stream->sort) {
		stream->sorted_at++;
		return;
	}
	while (!chunk->head)
		chunk = chunk->next;
	chunk->head = chunk->head->next;
	while (stream->first != stream->last && stream->first != stream->tail && !stream->first->head)
		stream__drop_first(stream);
}
