#include "bolt/output.h"

struct chunker {
	char *to;
	size_t message_left; /* bytes of the message not yet written */
	size_t chunk_left;   /* room in the chunk that is open */
};

static void chunk_header(struct chunker *chunker, size_t size)
{
	chunker->to[0] = (char)(size >> 8);
	chunker->to[1] = (char)size;
	chunker->to += 2;
}

static void chunker_write(struct chunker *chunker, const char *bytes, size_t size)
{
	while (size) {
		size_t part;

		if (!chunker->chunk_left) {
			chunker->chunk_left =
			        chunker->message_left < BOLT__CHUNK_SIZE_MAX ? chunker->message_left : BOLT__CHUNK_SIZE_MAX;
			chunk_header(chunker, chunker->chunk_left);
		}
		part = size < chunker->chunk_left ? size : chunker->chunk_left;
		memcpy(chunker->to, bytes, part);
		chunker->to += part;
		chunker->chunk_left -= part;
		chunker->message_left -= part;
		bytes += part;
		size -= part;
	}
}

int bolt__output_message(struct buffer *output, const struct bolt__slice *slices, size_t count)
{
	struct chunker chunker = {0};
	size_t total;

	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(chunker.message_left, slices[i].size, &chunker.message_left))
			return BOLT_ERR_LIMIT;
	if (chunker.message_left > SIZE_MAX / 2)
		return BOLT_ERR_LIMIT;
	total = chunker.message_left + 2 * ((chunker.message_left + BOLT__CHUNK_SIZE_MAX - 1) / BOLT__CHUNK_SIZE_MAX) + 2;
	if (total > output->size_max - output->size)
		return BOLT_ERR_LIMIT;
	chunker.to = buffer_reserve(output, total);
	if (!chunker.to) {
		output->failed = false;
		return BOLT_ERR_NOMEM;
	}
	for (size_t i = 0; i < count; i++)
		chunker_write(&chunker, slices[i].bytes, slices[i].size);
	chunk_header(&chunker, 0);
	output->size += total;
	return 0;
}
