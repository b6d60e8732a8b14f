/*
 * base/arena: memory that is freed all at once.
 *
 * An arena has a maximum given at its birth; past it, and when the system has none left, allocation returns NULL. Memory is
 * aligned for any type and not cleared. arena_mark and arena_rollback free what came after the mark. Not thread-safe.
 */
#ifndef PGWEAVE_BASE_ARENA_H
#define PGWEAVE_BASE_ARENA_H

#include "base/error.h"

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *block; /* the newest; each points at the one before */
	size_t used;               /* bytes given out, over all blocks */
	size_t size_max;
};

struct arena_mark {
	struct arena_block *block;
	size_t block_used;
	size_t used;
};

void arena_init(struct arena *arena, size_t size_max);
/* Frees everything; the arena may be used again. */
void arena_free(struct arena *arena);
/* Forgets everything but keeps its largest ordinary block (64 KiB at most), so that the next round seldom allocates. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size) _must_check;
void *arena_calloc(struct arena *arena, size_t count, size_t size) _must_check;
/* Copies size bytes and adds a NUL that is not counted. */
char *arena_strndup(struct arena *arena, const char *text, size_t size) _must_check;
char *arena_strdup(struct arena *arena, const char *text) _must_check;
char *arena_printf(struct arena *arena, const char *format, ...) _must_check _printf_like(2, 3);

struct arena_mark arena_mark(const struct arena *arena);
void arena_rollback(struct arena *arena, struct arena_mark mark);

#endif
