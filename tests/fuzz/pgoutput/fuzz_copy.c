/* Any bytes as a line of COPY's text format. */
#include "postgres/copy_text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cell cells[64];
	struct error error;
	uint32_t count, i;
	char *line = malloc(size ? size : 1);

	if (!line)
		return 0;
	memcpy(line, data, size);
	if (copy_text_read(line, size, cells, 64, &count, &error) == 0) {
		for (i = 0; i < count; i++) {
			if (cells[i].kind == CELL_TEXT && (cells[i].data < line || cells[i].data + cells[i].size > line + size))
				abort();
		}
	}
	free(line);
	return 0;
}
