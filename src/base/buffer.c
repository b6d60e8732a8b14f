#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_CAPACITY_MIN 256

void buffer_init(struct buffer *buffer, size_t size_max)
{
	*buffer = (struct buffer){.size_max = size_max};
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.size_max = buffer->size_max};
}

void buffer_reset(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = false;
}

static bool buffer__grow(struct buffer *buffer, size_t need)
{
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_CAPACITY_MIN;
	char *data;

	while (capacity < need)
		capacity = capacity > buffer->size_max / 2 ? buffer->size_max : capacity * 2;
	if (capacity > buffer->size_max)
		capacity = buffer->size_max;
	data = realloc(buffer->data, capacity);
	if (!data)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (buffer->failed)
		return NULL;
	if (size > buffer->size_max - buffer->size ||
	    (size > buffer->capacity - buffer->size && !buffer__grow(buffer, buffer->size + size))) {
		buffer->failed = true;
		return NULL;
	}
	return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	char *to = size ? buffer_reserve(buffer, size) : NULL;

	if (!to)
		return;
	memcpy(to, bytes, size);
	buffer->size += size;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_append_u16(struct buffer *buffer, uint16_t value)
{
	uint16_t wire = __builtin_bswap16(value);

	buffer_append(buffer, &wire, sizeof(wire));
}

void buffer_append_u32(struct buffer *buffer, uint32_t value)
{
	uint32_t wire = __builtin_bswap32(value);

	buffer_append(buffer, &wire, sizeof(wire));
}

void buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	uint64_t wire = __builtin_bswap64(value);

	buffer_append(buffer, &wire, sizeof(wire));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args, again;
	char *to;
	int size;

	va_start(args, format);
	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, args);
	to = size < 0 ? NULL : buffer_reserve(buffer, (size_t)size + 1);
	if (to) {
		vsnprintf(to, (size_t)size + 1, format, again);
		buffer->size += (size_t)size;
	}
	va_end(again);
	va_end(args);
}

void buffer_consume(struct buffer *buffer, size_t size)
{
	if (size > buffer->size)
		size = buffer->size;
	buffer->size -= size;
	if (buffer->size)
		memmove(buffer->data, buffer->data + size, buffer->size);
}

const char *buffer_text(struct buffer *buffer)
{
	char *to = buffer_reserve(buffer, 1);

	if (!to)
		return "";
	*to = '\0';
	return buffer->data;
}

const uint8_t *reader_bytes(struct reader *reader, size_t size)
{
	const uint8_t *bytes = reader->at;

	if (reader->failed || size > reader_left(reader)) {
		reader->failed = true;
		return NULL;
	}
	reader->at += size;
	return bytes;
}

uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, 1);

	return bytes ? *bytes : 0;
}

uint16_t reader_u16(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, sizeof(uint16_t));
	uint16_t wire = 0;

	if (bytes)
		memcpy(&wire, bytes, sizeof(wire));
	return __builtin_bswap16(wire);
}

uint32_t reader_u32(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, sizeof(uint32_t));
	uint32_t wire = 0;

	if (bytes)
		memcpy(&wire, bytes, sizeof(wire));
	return __builtin_bswap32(wire);
}

uint64_t reader_u64(struct reader *reader)
{
	const uint8_t *bytes = reader_bytes(reader, sizeof(uint64_t));
	uint64_t wire = 0;

	if (bytes)
		memcpy(&wire, bytes, sizeof(wire));
	return __builtin_bswap64(wire);
}

const char *reader_cstring(struct reader *reader, size_t *ret_size)
{
	const uint8_t *start = reader->at;
	const uint8_t *nul = reader->failed ? NULL : memchr(start, 0, reader_left(reader));

	if (!nul) {
		reader->failed = true;
		if (ret_size)
			*ret_size = 0;
		return "";
	}
	reader->at = nul + 1;
	if (ret_size)
		*ret_size = (size_t)(nul - start);
	return (const char *)start;
}
