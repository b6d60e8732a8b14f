/*
 * base/buffer: a growing array of bytes with a maximum given at its birth.
 *
 * Writers are sticky-fail: after the first failure every later write does nothing, `failed` stays set and is checked once. The
 * content is data[0..size); it may move with any write. No NUL is kept behind it unless buffer_text adds one.
 */
#ifndef PGWEAVE_BASE_BUFFER_H
#define PGWEAVE_BASE_BUFFER_H

#include "base/error.h"

#include <stdint.h>

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	size_t size_max;
	bool failed;
};

void buffer_init(struct buffer *buffer, size_t size_max);
void buffer_free(struct buffer *buffer);
/* Empties it and clears `failed`; keeps the memory. */
void buffer_reset(struct buffer *buffer);
/* Room for size more bytes at data + size, or NULL. The caller adds to buffer->size what it wrote. */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_u16(struct buffer *buffer, uint16_t value); /* big endian, like the next two */
void buffer_append_u32(struct buffer *buffer, uint32_t value);
void buffer_append_u64(struct buffer *buffer, uint64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...) _printf_like(2, 3);
/* Drops the first size bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
/* The content with a NUL behind it; "" after a failure. Valid until the next write. */
const char *buffer_text(struct buffer *buffer);

/*
 * The reader of the same: a window over bytes that it does not own. Sticky-fail: reading past the end sets `failed` and yields
 * zeros, so that all the fields are read first and the check is made once.
 */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct reader reader_of(const void *bytes, size_t size)
{
	return (struct reader){.at = bytes, .end = (const uint8_t *)bytes + size};
}

static inline size_t reader_left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader); /* big endian, like the next two */
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* A pointer to size bytes inside the window, or NULL. */
const uint8_t *reader_bytes(struct reader *reader, size_t size);
/* A NUL-terminated string inside the window, its size without the NUL in ret_size; "" when there is no NUL. */
const char *reader_cstring(struct reader *reader, size_t *ret_size);

#endif
