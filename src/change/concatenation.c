#include "change/concatenation.h"

#include <string.h>

static bool concatenation__has(const struct concatenation *concatenation, const struct cell *cells, enum cell_kind kind)
{
	for (uint32_t i = 0; i < concatenation->count; i++)
		if (cells[concatenation->columns[i]].kind == kind)
			return true;
	return false;
}

static size_t concatenation__size(const struct concatenation *concatenation, const struct cell *cells, size_t separator_size)
{
	size_t size = 0;
	bool any = false;

	for (uint32_t i = 0; i < concatenation->count; i++) {
		const struct cell *cell = &cells[concatenation->columns[i]];

		if (cell->kind != CELL_TEXT)
			continue;
		size += cell->size + (any ? separator_size : 0);
		any = true;
	}
	return size;
}

static char *concatenation__copy(char *to, const char *bytes, size_t size)
{
	return size ? (char *)memcpy(to, bytes, size) + size : to;
}

int concatenation_cell(const struct concatenation *concatenation, const struct cell *cells, struct arena *arena,
                       struct cell *ret_cell, struct error *error)
{
	size_t separator_size = strlen(concatenation->separator);
	size_t size = concatenation__size(concatenation, cells, separator_size);
	bool any = false;
	char *bytes, *to;

	*ret_cell = (struct cell){.kind = CELL_NULL};
	if (concatenation__has(concatenation, cells, CELL_UNCHANGED)) {
		ret_cell->kind = CELL_UNCHANGED;
		return 0;
	}
	if (!concatenation__has(concatenation, cells, CELL_TEXT))
		return 0;
	if (size > UINT32_MAX)
		return error_set_class(error, ERR_VALUE, ERROR_POISON, "a text of %zu bytes is too long", size);
	bytes = to = arena_alloc(arena, size ? size : 1);
	if (!bytes)
		return error_set(error, ERR_NOMEM, "no memory to put a text together");
	for (uint32_t i = 0; i < concatenation->count; i++) {
		const struct cell *cell = &cells[concatenation->columns[i]];

		if (cell->kind != CELL_TEXT)
			continue;
		if (any)
			to = concatenation__copy(to, concatenation->separator, separator_size);
		to = concatenation__copy(to, cell->data, cell->size);
		any = true;
	}
	*ret_cell = (struct cell){.kind = CELL_TEXT, .data = bytes, .size = (uint32_t)size};
	return 0;
}
