#include "postgres/copy_text.h"

#include "base/hex.h"

#include <string.h>

/* Reads what follows the backslash; returns where it ends. */
static const char *read_escape(const char *at, const char *end, char *ret_char)
{
	static const char letters[] = "bfnrtv";
	static const char controls[] = "\b\f\n\r\t\v";
	const char *letter = strchr(letters, *at);
	uint32_t code = 0;
	int count;

	if (*at && letter) {
		*ret_char = controls[letter - letters];
		return at + 1;
	}
	if (*at == 'x' && at + 1 < end && hex_digit(at[1]) >= 0) {
		at++;
		for (count = 0; count < 2 && at < end && hex_digit(*at) >= 0; count++)
			code = code << 4 | (uint32_t)hex_digit(*at++);
		*ret_char = (char)code;
		return at;
	}
	for (count = 0; count < 3 && at < end && *at >= '0' && *at <= '7'; count++)
		code = code << 3 | (uint32_t)(*at++ - '0');
	*ret_char = (char)(count ? code : (uint8_t)*at);
	return count ? at : at + 1;
}

/* Returns the tab or the end of the line; NULL when it ends inside an escape. */
static const char *read_cell(char *start, const char *end, struct cell *cell)
{
	const char *at = start;
	char *to;

	while (at < end && *at != '\t' && *at != '\\')
		at++;
	to = (char *)(uintptr_t)at;
	cell->kind = CELL_TEXT;
	cell->data = start;
	if (at == start && end - at >= 2 && at[0] == '\\' && at[1] == 'N') {
		*cell = (struct cell){.kind = CELL_NULL};
		return at + 2;
	}
	while (at < end && *at != '\t') {
		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		if (++at == end)
			return NULL;
		at = read_escape(at, end, to++);
	}
	cell->size = (uint32_t)(to - start);
	return at;
}

int copy_text_read(char *line, size_t size, struct cell *cells, uint32_t cells_max, uint32_t *ret_cells_count,
                   struct error *error)
{
	const char *end = line + size;
	uint32_t count = 0;

	if (size > UINT32_MAX)
		return error_set(error, ERR_LIMIT, "COPY sent a row of %zu bytes", size);
	if (size && end[-1] == '\n')
		end--;
	for (;;) {
		const char *at;

		if (count == cells_max)
			return error_set(error, ERR_PROTOCOL, "COPY sent a row of more than %u columns", cells_max);
		at = read_cell(line, end, &cells[count++]);
		if (!at || (at < end && *at != '\t'))
			return error_set(error, ERR_PROTOCOL, "COPY sent a row that ends inside an escape (column %u)", count);
		if (at == end)
			break;
		line = (char *)(uintptr_t)at + 1;
	}
	*ret_cells_count = count;
	return 0;
}
