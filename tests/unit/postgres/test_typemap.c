/* Proves: the types of docs/types.md are known for what they are, and no other. */
#include "postgres/typemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_types(void **state)
{
	static const struct {
		struct typemap_facts facts;
		enum type_kind kind;
	} rows[] = {
	        {{.oid = 16, .name = "bool", .typtype = 'b'}, TYPE_BOOL},
	        {{.oid = 20, .name = "int8", .typtype = 'b'}, TYPE_INT},
	        {{.oid = 26, .name = "oid", .typtype = 'b'}, TYPE_INT},
	        {{.oid = 700, .name = "float4", .typtype = 'b'}, TYPE_FLOAT},
	        {{.oid = 1700, .name = "numeric", .typtype = 'b'}, TYPE_NUMERIC},
	        {{.oid = 2950, .name = "uuid", .typtype = 'b'}, TYPE_TEXT},
	        {{.oid = 3802, .name = "jsonb", .typtype = 'b'}, TYPE_JSON},
	        {{.oid = 1184, .name = "timestamptz", .typtype = 'b'}, TYPE_TIMESTAMPTZ},
	        {{.oid = 1186, .name = "interval", .typtype = 'b'}, TYPE_INTERVAL},
	        {{.oid = 600, .name = "point", .typtype = 'b'}, TYPE_POINT},
	        {{.oid = 869, .name = "inet", .typtype = 'b'}, TYPE_TEXT},
	        {{.oid = 3904, .name = "int4range", .typtype = 'r'}, TYPE_TEXT},
	        {{.oid = 4451, .name = "int4multirange", .typtype = 'm'}, TYPE_TEXT},
	        {{.oid = 99999, .name = "mood", .typtype = 'e'}, TYPE_TEXT},
	        {{.oid = 99999, .name = "address", .typtype = 'c'}, TYPE_TEXT},
	        {{.oid = 99999, .name = "citext", .typtype = 'b', .of_extension = true}, TYPE_TEXT},
	        {{.oid = 99999, .name = "geometry", .typtype = 'b', .of_extension = true}, TYPE_GEOMETRY},
	        {{.oid = 99999, .name = "vector", .typtype = 'b'}, TYPE_VECTOR},
	        /* types of a user's, called like those of extensions */
	        {{.oid = 99999, .name = "citext", .typtype = 'b'}, TYPE_UNSUPPORTED},
	        {{.oid = 99999, .name = "geometry", .typtype = 'b'}, TYPE_UNSUPPORTED},
	        {{.oid = 99999, .name = "complex", .typtype = 'b'}, TYPE_UNSUPPORTED},
	        {{.oid = 2249, .name = "record", .typtype = 'p'}, TYPE_UNSUPPORTED},
	        {{.oid = 1007, .name = "_int4", .typtype = 'b'}, TYPE_UNSUPPORTED},
	        {{.name = "", .typtype = '\0'}, TYPE_UNSUPPORTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct type type = typemap_type(&rows[i].facts);

		if (type.kind != rows[i].kind)
			print_error("%s: %s\n", rows[i].facts.name, type_kind_name(type.kind));
		assert_int_equal(type.kind, rows[i].kind);
		assert_false(type.array);
	}
}

/* Only an hstore is one, and only that of the extension. */
static void test_pairs(void **state)
{
	struct typemap_facts facts = {.oid = 99999, .name = "hstore", .typtype = 'b', .delimiter = ',', .of_extension = true};

	(void)state;
	assert_true(typemap_type(&facts).pairs);
	assert_int_equal(typemap_type(&facts).kind, TYPE_TEXT);
	facts.array = true;
	assert_false(typemap_type(&facts).pairs);
	facts = (struct typemap_facts){.oid = 99999, .name = "hstore", .typtype = 'b'};
	assert_false(typemap_type(&facts).pairs);
	facts = (struct typemap_facts){.oid = 99999, .name = "citext", .typtype = 'b', .of_extension = true};
	assert_false(typemap_type(&facts).pairs);
}

static void test_arrays(void **state)
{
	const struct typemap_facts integers = {.oid = 23, .name = "int4", .typtype = 'b', .delimiter = ',', .array = true};
	const struct typemap_facts boxes = {.oid = 603, .name = "box", .typtype = 'b', .delimiter = ';', .array = true};
	const struct typemap_facts bytes = {.oid = 17, .name = "bytea", .typtype = 'b', .delimiter = ',', .array = true};
	const struct typemap_facts vectors = {.oid = 99999, .name = "vector", .typtype = 'b', .delimiter = ',', .array = true};
	struct type type;

	(void)state;
	type = typemap_type(&integers);
	assert_true(type.array);
	assert_int_equal(type.kind, TYPE_INT);
	assert_int_equal(type.delimiter, 0);
	assert_int_equal(typemap_type(&boxes).delimiter, ';');
	assert_int_equal(typemap_type(&bytes).kind, TYPE_TEXT);
	assert_int_equal(typemap_type(&vectors).kind, TYPE_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_pairs),
	                                   cmocka_unit_test(test_arrays)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
