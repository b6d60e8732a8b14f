#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_SIZE_MAX ((size_t)16 * 1024 * 1024)

char *golden_read(const char *folder, const char *file)
{
	char path[4096], bytes[4096];
	struct buffer buffer;
	size_t size;
	FILE *stream;
	char *text;

	buffer_init(&buffer, FILE_SIZE_MAX);
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	stream = fopen(path, "r");
	if (!stream)
		fail_msg("cannot read %s", path);
	while ((size = fread(bytes, 1, sizeof(bytes), stream)) > 0)
		buffer_append(&buffer, bytes, size);
	fclose(stream);
	text = strdup(buffer_text(&buffer));
	buffer_free(&buffer);
	assert_non_null(text);
	return text;
}

/* Where the next line begins that starts with mark, or the end. */
static char *golden__find(char *at, const char *mark)
{
	while (*at && strncmp(at, mark, strlen(mark)) != 0) {
		at = strchr(at, '\n');
		if (!at)
			return NULL;
		at++;
	}
	return *at ? at : NULL;
}

static bool golden__case(char *at, char *end, golden_run *run, void *user, struct buffer *written)
{
	char *name = at + 4;
	char *input = strchr(name, '\n') + 1;
	char *expected = golden__find(input, "---\n");
	struct buffer output;
	bool same;

	assert_true(expected && (!end || expected < end));
	input[-1] = '\0';
	*expected = '\0';
	expected += 4;
	if (end)
		*end = '\0';
	buffer_init(&output, FILE_SIZE_MAX);
	run(user, name, input, &output);
	same = strcmp(buffer_text(&output), expected) == 0;
	if (!same && !getenv("PGWEAVE_GOLDEN_WRITE"))
		fprintf(stderr, "=== %s\n%s--- expected\n%s--- came\n%s", name, input, expected, buffer_text(&output));
	buffer_printf(written, "=== %s\n%s---\n%s", name, input, buffer_text(&output));
	buffer_free(&output);
	if (end)
		*end = '=';
	return same;
}

void golden_check(const char *file, golden_run *run, void *user)
{
	char *text = golden_read(GOLDEN_FOLDER, file);
	uint32_t wrong = 0, count = 0;
	struct buffer written;

	buffer_init(&written, FILE_SIZE_MAX);
	for (char *at = golden__find(text, "=== "); at;) {
		char *next = golden__find(at + 1, "=== ");

		wrong += !golden__case(at, next, run, user, &written);
		count++;
		at = next;
	}
	assert_true(count > 0);
	if (getenv("PGWEAVE_GOLDEN_WRITE")) {
		char path[4096];
		FILE *stream;

		snprintf(path, sizeof(path), "%s/%s", GOLDEN_FOLDER, file);
		stream = fopen(path, "w");
		assert_non_null(stream);
		fwrite(written.data, 1, written.size, stream);
		fclose(stream);
		wrong = 0;
	}
	buffer_free(&written);
	free(text);
	if (wrong)
		fail_msg("%u of %u cases of %s differ", wrong, count, file);
}
