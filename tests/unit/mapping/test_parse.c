/*
 * Proves that the settings of a good file arrive, with their defaults, variables and secret files; that what no parser should
 * be given is refused cheaply; and that all examples of the repository parse.
 */
#include "fixture.h"
#include "golden.h"

#include "mapping/text.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NODES "nodes: {F: {table: functions}}\n"

static struct mapping *parse(const char *yaml)
{
	struct diagnostics diagnostics;
	struct mapping *mapping = NULL;
	struct buffer messages;

	diagnostics_init(&diagnostics);
	if (mapping_parse("pgweave.yaml", yaml, strlen(yaml), &fixture_environment, &mapping, &diagnostics) != 0) {
		buffer_init(&messages, 65536);
		diagnostics_print(&diagnostics, &messages);
		fail_msg("%s", buffer_text(&messages));
	}
	assert_int_equal(diagnostics.count, 0);
	diagnostics_free(&diagnostics);
	return mapping;
}

static void test_defaults(void **state)
{
	struct mapping *mapping = parse("version: 1\npipeline: vital\npostgres: {url: postgresql://db/app}\n"
	                                "neo4j: {url: bolt://graph}\n" NODES);
	const struct mapping_settings *settings = mapping_settings(mapping);

	(void)state;
	assert_string_equal(settings->pipeline, "vital");
	assert_string_equal(settings->postgres_url, "postgresql://db/app");
	assert_string_equal(settings->neo4j_url, "bolt://graph");
	assert_null(settings->neo4j_user);
	assert_null(settings->neo4j_password);
	assert_null(settings->neo4j_database);
	assert_null(settings->neo4j_ca_file);
	assert_string_equal(settings->slot, "pgweave_vital");
	assert_string_equal(settings->publication, "pgweave_vital");
	assert_true(settings->publication_managed);
	assert_int_equal(settings->snapshot_workers, 2);
	assert_int_equal(settings->batch_rows_max, 2000);
	assert_int_equal(settings->transaction_size_max, 8 << 20);
	assert_int_equal(settings->wal_retained_warn, 1 << 30);
	assert_int_equal(settings->schema_changes, MAPPING_SCHEMA_FOLLOW);
	assert_int_equal(settings->missing_columns, MAPPING_MISSING_STOP);
	mapping_free(mapping);
}

static void test_settings(void **state)
{
	struct mapping *mapping = parse("version: 1\npipeline: p2_x\n"
	                                "postgres:\n  url: 'host=db user=${PGUSER} password=\"$${x\"'\n"
	                                "neo4j:\n  url: neo4j+s://graph\n  user: ${NEO4J_USER}\n"
	                                "  password: {file: '/run/${DIR}/it'}\n  database: people\n  ca_file: ca.pem\n"
	                                "  client_cert_file: c.pem\n  client_key_file: k.pem\n"
	                                "snapshot: {workers: 16}\n"
	                                "stream:\n  slot: s1\n  publication: Some Publication\n  managed: false\n"
	                                "  batch_rows: 100000\n  transaction_size: 64 KiB\n  wal_retained_warn: 2TB\n"
	                                "  schema_changes: stop\n  missing_columns: leave_out\n" NODES);
	const struct mapping_settings *settings = mapping_settings(mapping);

	(void)state;
	assert_string_equal(settings->postgres_url, "host=db user=secret of PGUSER password=\"${x\"");
	assert_string_equal(settings->neo4j_user, "secret of NEO4J_USER");
	assert_string_equal(settings->neo4j_password, "file /run/secret of DIR/it");
	assert_string_equal(settings->neo4j_database, "people");
	assert_string_equal(settings->neo4j_ca_file, "ca.pem");
	assert_string_equal(settings->neo4j_client_cert_file, "c.pem");
	assert_string_equal(settings->neo4j_client_key_file, "k.pem");
	assert_int_equal(settings->snapshot_workers, 16);
	assert_string_equal(settings->slot, "s1");
	assert_string_equal(settings->publication, "Some Publication");
	assert_false(settings->publication_managed);
	assert_int_equal(settings->batch_rows_max, 100000);
	assert_int_equal(settings->transaction_size_max, 65536);
	assert_true(settings->wal_retained_warn == 2000000000000ull);
	assert_int_equal(settings->schema_changes, MAPPING_SCHEMA_STOP);
	assert_int_equal(settings->missing_columns, MAPPING_MISSING_LEAVE_OUT);
	mapping_free(mapping);
}

static void test_examples(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(SOURCE_FOLDER "/examples/*/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 5);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *text = golden_read(SOURCE_FOLDER, found.gl_pathv[i] + strlen(SOURCE_FOLDER "/"));

		mapping_free(parse(text));
		free(text);
	}
	globfree(&found);
}

/* Refused with one diagnostic that begins like this. */
static void refuse(const char *text, size_t size, int status, const char *message, uint32_t line, uint32_t column)
{
	struct diagnostics diagnostics;
	struct mapping *mapping;

	diagnostics_init(&diagnostics);
	assert_int_equal(mapping_parse("f", text, size, NULL, &mapping, &diagnostics), status);
	assert_null(mapping);
	assert_int_equal(diagnostics.count, 1);
	if (strncmp(diagnostics.items[0].message, message, strlen(message)) != 0)
		fail_msg("%s", diagnostics.items[0].message);
	assert_int_equal(diagnostics.items[0].line, line);
	assert_int_equal(diagnostics.items[0].column, column);
	diagnostics_free(&diagnostics);
}

static void test_bad_bytes(void **state)
{
	(void)state;
	refuse("a: b\nc: d\xff", 10, ERR_CONFIG, "byte 0xff is not part of any UTF-8 text", 2, 5);
	refuse("a: b\r\nc: d\r", 11, ERR_CONFIG, "a carriage return stands by itself", 2, 5);
	refuse("a:\r b: c\n", 9, ERR_CONFIG, "a carriage return stands by itself", 1, 3);
	refuse("\xc3\xa4\xc3", 3, ERR_CONFIG, "byte 0xc3", 1, 2);
	refuse("a: \xed\xa0\x80", 6, ERR_CONFIG, "byte 0xed", 1, 4);
	refuse("a\0b", 3, ERR_CONFIG, "byte 0x00", 1, 2);
	refuse("\xff\xfe"
	       "a\0",
	       4, ERR_CONFIG, "the file is in UTF-16", 1, 1);
	/* libfyaml takes control characters; they reach no name unseen, since messages print them as question marks. */
}

/* Floods of what nests, repeats or looks ahead: each refused, and none takes seconds. */
static void test_floods(void **state)
{
	static const char *const patterns[] = {"[",   "{a: ",       "- ",  "? ", ": ", "a:\n", "&a ",
	                                       "!a ", "a\n",        "[],", "'a", "\"", "#",    "%a\n",
	                                       "[?",  "a: |\n b\n", "-\n", "\n", "\t", ", ",   "x: y\n"};
	const size_t size = MAPPING_SIZE_MAX / 8;
	char *text = malloc(size + 1);
	clock_t start = clock();

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct diagnostics diagnostics;
		struct mapping *mapping;

		for (size_t at = 0; at < size; at++)
			text[at] = patterns[i][at % strlen(patterns[i])];
		diagnostics_init(&diagnostics);
		assert_int_equal(mapping_parse("f", text, size, NULL, &mapping, &diagnostics), ERR_CONFIG);
		assert_true(diagnostics.count > 0);
		diagnostics_free(&diagnostics);
	}
	refuse("", MAPPING_SIZE_MAX + 1, ERR_LIMIT, "the file has 4194305 bytes", 0, 0);
	/* About 1 s of processor time is normal; sanitizers take more. Quadratic behaviour would be minutes. */
	assert_true((clock() - start) / CLOCKS_PER_SEC < 120);
	free(text);
}

static void test_suggestions(void **state)
{
	static const struct {
		const char *wanted;
		const char *candidate;
		bool near;
	} cases[] = {
	        {"table", "tabel", true},
	        {"table", "table", true},
	        {"Table", "table", true},
	        {"id", "di", true},
	        {"ab", "xy", false},
	        {"a", "b", false},
	        {"column", "colum", true},
	        {"column", "labels", false},
	        {"function", "functions", true},
	        {"", "a", false},
	        {"properties", "propertys", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct suggestion suggestion = suggestion_of(cases[i].wanted);

		suggestion_offer(&suggestion, cases[i].candidate);
		if ((suggestion.nearest != NULL) != cases[i].near)
			fail_msg("%s, %s", cases[i].wanted, cases[i].candidate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_settings), cmocka_unit_test(test_examples),
	        cmocka_unit_test(test_bad_bytes), cmocka_unit_test(test_floods),   cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
