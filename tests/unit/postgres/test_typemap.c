/* Proves: the types of docs/mapping.md are carried, and no other. */
#include "postgres/typemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_types(void **state)
{
	(void)state;
	assert_int_equal(typemap_kind(16, "bool", false, false), TYPE_BOOL);
	assert_int_equal(typemap_kind(20, "int8", false, false), TYPE_INT);
	assert_int_equal(typemap_kind(26, "oid", false, false), TYPE_INT);
	assert_int_equal(typemap_kind(700, "float4", false, false), TYPE_FLOAT);
	assert_int_equal(typemap_kind(1700, "numeric", false, false), TYPE_NUMERIC);
	assert_int_equal(typemap_kind(2950, "uuid", false, false), TYPE_TEXT);
	assert_int_equal(typemap_kind(3802, "jsonb", false, false), TYPE_TEXT);
	assert_int_equal(typemap_kind(1184, "timestamptz", false, false), TYPE_TIMESTAMPTZ);
	assert_int_equal(typemap_kind(99999, "mood", true, false), TYPE_TEXT);
	assert_int_equal(typemap_kind(99999, "citext", false, true), TYPE_TEXT);
	/* a composite type of a user's, called citext */
	assert_int_equal(typemap_kind(99999, "citext", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(1186, "interval", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(790, "money", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(869, "inet", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(600, "point", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(1007, "_int4", false, false), TYPE_UNSUPPORTED);
	assert_int_equal(typemap_kind(0, "", false, false), TYPE_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_types)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
