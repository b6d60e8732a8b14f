/* Proves: COPY's text format, table-driven; each line also cut short at every byte; and that any text survives its escaping. */
#include "base/buffer.h"
#include "postgres/copy_text.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CELLS_MAX 16

/* Cells as "a|b|<NULL>", with bytes below 0x20 as \xx. */
static void print_cells(struct buffer *buffer, const struct cell *cells, uint32_t count)
{
	uint32_t i, k;

	for (i = 0; i < count; i++) {
		if (i)
			buffer_append_byte(buffer, '|');
		if (cells[i].kind == CELL_NULL)
			buffer_append_text(buffer, "<NULL>");
		for (k = 0; k < cells[i].size; k++) {
			uint8_t c = (uint8_t)cells[i].data[k];

			if (c < 0x20)
				buffer_printf(buffer, "\\%02x", c);
			else
				buffer_append_byte(buffer, c);
		}
	}
}

static int read_line(const char *line, size_t size, struct buffer *buffer)
{
	char *copy = malloc(size ? size : 1);
	struct cell cells[CELLS_MAX];
	struct error error;
	uint32_t count = 0;
	int rc;

	memcpy(copy, line, size);
	rc = copy_text_read(copy, size, cells, CELLS_MAX, &count, &error);
	buffer_reset(buffer);
	if (!rc)
		print_cells(buffer, cells, count);
	free(copy);
	return rc;
}

static const struct {
	const char *line;
	const char *cells;
} lines[] = {
        {"\n", ""},
        {"", ""},
        {"a\n", "a"},
        {"1\tAnn\t\\N\n", "1|Ann|<NULL>"},
        {"\\N\t\\N\n", "<NULL>|<NULL>"},
        {"\t\n", "|"},
        {"\t\t", "||"},
        {"a\\tb\\nc\\\\d\n", "a\\09b\\0ac\\d"},
        {"\\b\\f\\n\\r\\t\\v\n", "\\08\\0c\\0a\\0d\\09\\0b"},
        {"\\\\N\n", "\\N"},
        {"a\\N\n", "aN"},
        {"\\101\\60\\7x\n", "A0\\07x"},
        {"\\x41\\x4\\xg\n", "A\\04xg"},
        {"\\q\\\t\n", "q\\09"},
        {"\xc3\xa4\t\xe2\x82\xac\n", "\xc3\xa4|\xe2\x82\xac"},
};

static void test_lines(void **state)
{
	struct buffer buffer;
	size_t i, size;

	(void)state;
	buffer_init(&buffer, 1000);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(read_line(lines[i].line, strlen(lines[i].line), &buffer), 0);
		assert_string_equal(buffer_text(&buffer), lines[i].cells);
		/* cut short it is another line, or none; never a read past its end */
		for (size = 0; size < strlen(lines[i].line); size++)
			(void)!read_line(lines[i].line, size, &buffer);
	}
	buffer_free(&buffer);
}

static void test_refused(void **state)
{
	struct buffer buffer;
	struct cell cells[2];
	struct error error;
	uint32_t count;
	char three[] = "1\t2\t3\n";
	char two[] = "1\t2\n";

	(void)state;
	buffer_init(&buffer, 1000);
	assert_int_equal(read_line("a\\", 2, &buffer), ERR_PROTOCOL);
	assert_int_equal(read_line("\\Nx\n", 4, &buffer), ERR_PROTOCOL);
	assert_int_equal(copy_text_read(three, 6, cells, 2, &count, &error), ERR_PROTOCOL);
	assert_int_equal(copy_text_read(two, 4, cells, 2, &count, &error), 0);
	assert_int_equal(count, 2);
	buffer_free(&buffer);
}

/* As the server escapes: CopyAttributeOutText. */
static void escape(struct buffer *line, const uint8_t *bytes, size_t size)
{
	static const char controls[] = "\b\f\n\r\t\v\\";
	static const char letters[] = "bfnrtv\\";
	size_t i;

	for (i = 0; i < size; i++) {
		const char *at = bytes[i] ? strchr(controls, bytes[i]) : NULL;

		if (at)
			buffer_append_byte(line, '\\');
		buffer_append_byte(line, at ? (uint8_t)letters[at - controls] : bytes[i]);
	}
}

static void test_round_trip(void **state)
{
	uint8_t texts[3][40];
	size_t sizes[3];
	struct buffer line;
	int round;

	(void)state;
	srand48(3);
	buffer_init(&line, 1000);
	for (round = 0; round < 20000; round++) {
		struct cell cells[CELLS_MAX];
		struct error error;
		uint32_t count;
		size_t i, k;

		buffer_reset(&line);
		for (i = 0; i < 3; i++) {
			sizes[i] = (size_t)lrand48() % sizeof(texts[i]);
			for (k = 0; k < sizes[i]; k++)
				texts[i][k] = (uint8_t)(lrand48() % 3 ? lrand48() % 128 : "\\\t\nN"[lrand48() % 4]);
			if (i)
				buffer_append_byte(&line, '\t');
			escape(&line, texts[i], sizes[i]);
		}
		buffer_append_byte(&line, '\n');
		assert_int_equal(copy_text_read(line.data, line.size, cells, CELLS_MAX, &count, &error), 0);
		assert_int_equal(count, 3);
		for (i = 0; i < 3; i++) {
			assert_int_equal(cells[i].size, sizes[i]);
			assert_memory_equal(cells[i].data, texts[i], sizes[i]);
		}
	}
	buffer_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lines),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
