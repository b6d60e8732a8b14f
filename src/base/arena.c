#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double in size: thousands of small transactions must not cost the largest block each. */
#define ARENA_BLOCK_SIZE_MIN ((size_t)1024)
#define ARENA_BLOCK_SIZE_MAX ((size_t)64 * 1024)
#define ARENA_ALIGN alignof(max_align_t)

struct arena_block {
	struct arena_block *previous;
	size_t size;
	size_t used;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t size_max)
{
	*arena = (struct arena){.size_max = size_max};
}

static void arena__free_until(struct arena *arena, const struct arena_block *last)
{
	while (arena->block != last) {
		struct arena_block *previous = arena->block->previous;

		free(arena->block);
		arena->block = previous;
	}
}

void arena_free(struct arena *arena)
{
	arena__free_until(arena, NULL);
	arena->used = 0;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *block = arena->block;
	struct arena_block *kept = NULL;

	while (block) {
		struct arena_block *previous = block->previous;
		bool better = block->size <= ARENA_BLOCK_SIZE_MAX && (!kept || block->size > kept->size);

		free(better ? kept : block);
		kept = better ? block : kept;
		block = previous;
	}
	if (kept) {
		kept->previous = NULL;
		kept->used = 0;
	}
	arena->block = kept;
	arena->used = 0;
}

static size_t arena__block_size(const struct arena *arena, size_t need)
{
	size_t size = arena->block ? arena->block->size * 2 : ARENA_BLOCK_SIZE_MIN;

	if (size > ARENA_BLOCK_SIZE_MAX)
		size = ARENA_BLOCK_SIZE_MAX;
	return need > size ? need : size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->block;
	size_t need;
	void *memory;

	/* no object is larger than that; and rounding up cannot wrap */
	if (size > arena->size_max || size > PTRDIFF_MAX / 2)
		return NULL;
	need = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (need > arena->size_max - arena->used)
		return NULL;
	if (!block || need > block->size - block->used) {
		size_t block_size = arena__block_size(arena, need);

		block = malloc(sizeof(*block) + block_size);
		if (!block)
			return NULL;
		block->previous = arena->block;
		block->size = block_size;
		block->used = 0;
		arena->block = block;
	}
	memory = block->data + block->used;
	block->used += need;
	arena->used += need;
	return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	void *memory;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	memory = arena_alloc(arena, total);
	if (memory)
		memset(memory, 0, total);
	return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t size)
{
	char *copy;

	if (size == SIZE_MAX)
		return NULL;
	copy = arena_alloc(arena, size + 1);
	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text = NULL;
	int size;

	va_start(args, format);
	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, args);
	if (size >= 0)
		text = arena_alloc(arena, (size_t)size + 1);
	if (text)
		vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

struct arena_mark arena_mark(const struct arena *arena)
{
	return (struct arena_mark){
	        .block = arena->block,
	        .block_used = arena->block ? arena->block->used : 0,
	        .used = arena->used,
	};
}

void arena_rollback(struct arena *arena, struct arena_mark mark)
{
	arena__free_until(arena, mark.block);
	if (arena->block)
		arena->block->used = mark.block_used;
	arena->used = mark.used;
}
