/* Proves: memory is aligned and its own, the maximum holds to the byte, marks give back exactly what came after them. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_aligned_and_apart(void **state)
{
	struct arena arena;
	char *blocks[1000];
	size_t i, k;

	(void)state;
	arena_init(&arena, (size_t)1 << 30);
	for (i = 0; i < 1000; i++) {
		blocks[i] = arena_alloc(&arena, i);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i & 255), i);
	}
	for (i = 0; i < 1000; i++) {
		for (k = 0; k < i; k++)
			assert_int_equal((uint8_t)blocks[i][k], i & 255);
	}
	arena_free(&arena);
	assert_int_equal(arena.used, 0);
}

static void test_maximum(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 64);
	assert_null(arena_alloc(&arena, 65));
	assert_non_null(arena_alloc(&arena, 48));
	assert_null(arena_alloc(&arena, 17));
	assert_non_null(arena_alloc(&arena, 16));
	assert_null(arena_alloc(&arena, 1));
	assert_null(arena_calloc(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_strndup(&arena, "", SIZE_MAX));
	arena_reset(&arena);
	assert_non_null(arena_alloc(&arena, 64));
	arena_free(&arena);
	arena_init(&arena, SIZE_MAX);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 7));
	arena_free(&arena);
}

static void test_large_among_small(void **state)
{
	struct arena arena;
	char *small, *large, *again;

	(void)state;
	arena_init(&arena, (size_t)1 << 30);
	small = arena_strdup(&arena, "small");
	large = arena_calloc(&arena, 1, 1000000);
	again = arena_strndup(&arena, "again and", 5);
	assert_string_equal(small, "small");
	assert_int_equal(large[999999], 0);
	assert_string_equal(again, "again");
	assert_string_equal(arena_printf(&arena, "%s-%d", small, 7), "small-7");
	arena_free(&arena);
}

static void test_rollback(void **state)
{
	struct arena arena;
	struct arena_mark empty, mark;
	const char *kept;
	void *first, *again;
	size_t used;

	(void)state;
	arena_init(&arena, (size_t)1 << 30);
	empty = arena_mark(&arena);
	kept = arena_strdup(&arena, "kept");
	used = arena.used;
	mark = arena_mark(&arena);
	first = arena_alloc(&arena, 100);
	assert_non_null(arena_alloc(&arena, 200000));
	assert_non_null(arena_alloc(&arena, 200000));
	arena_rollback(&arena, mark);
	assert_int_equal(arena.used, used);
	assert_string_equal(kept, "kept");
	again = arena_alloc(&arena, 100);
	assert_ptr_equal(first, again);
	arena_rollback(&arena, empty);
	assert_int_equal(arena.used, 0);
	assert_null(arena.block);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_aligned_and_apart),
	        cmocka_unit_test(test_maximum),
	        cmocka_unit_test(test_large_among_small),
	        cmocka_unit_test(test_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
