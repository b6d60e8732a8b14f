/* Proves: cells become one text in the order of the columns; NULLs are left out, and what nobody knows makes nothing known. */
#include "change/concatenation.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_SIZE ((size_t)64 * 1024)

static const char UNCHANGED[] = "unchanged";

static const struct {
	const char *separator;
	const char *parts[3];
	const char *made; /* NULL: an SQL NULL */
} rows[] = {
        {" ", {"Ann", "B.", "Clark"}, "Ann B. Clark"},
        {" ", {"Ann", NULL, "Clark"}, "Ann Clark"},
        {" ", {NULL, NULL, "Clark"}, "Clark"},
        {" ", {"Ann", NULL, NULL}, "Ann"},
        {", ", {"", "", ""}, ", , "},
        {", ", {NULL, "", NULL}, ""},
        {", ", {NULL, NULL, NULL}, NULL},
        {"", {"a", "b", "c"}, "abc"},
        {"", {"", NULL, ""}, ""},
        {" ", {"a", UNCHANGED, "c"}, UNCHANGED},
        {" ", {NULL, NULL, UNCHANGED}, UNCHANGED},
};

static struct cell cell_of(const char *text)
{
	if (!text)
		return (struct cell){.kind = CELL_NULL};
	if (text == UNCHANGED)
		return (struct cell){.kind = CELL_UNCHANGED};
	return (struct cell){.kind = CELL_TEXT, .data = text, .size = (uint32_t)strlen(text)};
}

/* The columns stand in another order than in the row, beside one that has nothing to do with it. */
static void test_rows(void **state)
{
	static const uint32_t columns[] = {3, 0, 2};
	struct arena arena;
	struct error error;

	(void)state;
	arena_init(&arena, ARENA_SIZE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct concatenation concatenation = {rows[i].separator, columns, 3};
		const struct cell cells[] = {cell_of(rows[i].parts[1]), cell_of("no part"), cell_of(rows[i].parts[2]),
		                             cell_of(rows[i].parts[0])};
		const struct cell expected = cell_of(rows[i].made);
		struct cell cell;

		assert_int_equal(concatenation_cell(&concatenation, cells, &arena, &cell, &error), 0);
		assert_int_equal(cell.kind, expected.kind);
		assert_int_equal(cell.size, expected.size);
		if (cell.size)
			assert_memory_equal(cell.data, expected.data, cell.size);
	}
	arena_free(&arena);
}

static void test_no_room(void **state)
{
	static const uint32_t columns[] = {0, 0};
	const struct concatenation concatenation = {"", columns, 2};
	char large[600];
	const struct cell cells[] = {{.kind = CELL_TEXT, .data = large, .size = sizeof(large)}};
	struct arena arena;
	struct error error;
	struct cell cell;

	(void)state;
	memset(large, 'x', sizeof(large));
	arena_init(&arena, 1024);
	assert_int_equal(concatenation_cell(&concatenation, cells, &arena, &cell, &error), ERR_NOMEM);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_no_room)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
