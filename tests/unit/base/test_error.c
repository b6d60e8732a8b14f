/* Proves: an error is set whole, its texts are cut and never overrun, and each code has a name and an exit status. */
#include "base/error.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
	struct error error = {.hint = "old", .origin = "old"};

	(void)state;
	assert_int_equal(error_set(&error, ERR_IO, "cannot %s", "read"), ERR_IO);
	assert_int_equal(error.class, ERROR_FATAL);
	assert_string_equal(error.text, "cannot read");
	assert_string_equal(error.hint, "");
	assert_string_equal(error.origin, "");
	error_hint(&error, "try %d", 1);
	error_prefix(&error, "table %s", "t");
	assert_string_equal(error.text, "table t: cannot read");
	assert_string_equal(error.hint, "try 1");
	assert_int_equal(error_set_class(&error, ERR_VALUE, ERROR_POISON, "x"), ERR_VALUE);
	assert_int_equal(error.class, ERROR_POISON);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERR_IO, "x"), ERR_IO);
	error_hint(NULL, "x");
	error_prefix(NULL, "x");
}

static void test_cut(void **state)
{
	struct error error;
	static char large[2 * sizeof(error.text)];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	error_set(&error, ERR_IO, "%s", large);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	error_hint(&error, "%s", large);
	assert_int_equal(strlen(error.hint), sizeof(error.hint) - 1);
	error_prefix(&error, "before");
	assert_memory_equal(error.text, "before: xxx", 11);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	error_prefix(&error, "%s", large);
	assert_true(strlen(error.text) < sizeof(error.text));
}

static void test_codes(void **state)
{
	(void)state;
	assert_string_equal(error_code_name(ERR_OK), "OK");
	assert_int_equal(error_code_exit(ERR_OK), 0);
	assert_string_equal(error_code_name(ERR_CONFIG), "CONFIG");
	assert_int_equal(error_code_exit(ERR_CONFIG), 78);
	assert_string_equal(error_code_name((enum error_code) - 999), "UNKNOWN");
	assert_string_equal(error_code_what((enum error_code) - 999), "unknown error");
	assert_int_equal(error_code_exit((enum error_code) - 999), 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_set),
	        cmocka_unit_test(test_null),
	        cmocka_unit_test(test_cut),
	        cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
