/* Proves: a hexadecimal digit has its value, in small and capital letters, and nothing else has one. */
#include "base/hex.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_character(void **state)
{
	static const char small[] = "0123456789abcdef", capital[] = "0123456789ABCDEF";

	(void)state;
	for (int c = CHAR_MIN; c <= CHAR_MAX; c++) {
		const char *at = c ? strchr(small, c) : NULL;

		if (!at && c)
			at = strchr(capital, c) ? strchr(capital, c) - capital + small : NULL;
		assert_int_equal(hex_digit((char)c), at ? at - small : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_character)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
