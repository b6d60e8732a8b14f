/*
 * Proves that `init` writes what a person would, keeps passwords out, and that whatever it writes parses and compiles against
 * the same catalogue: over a written one and over many random ones with odd names, keys and types.
 */
#include "fixture.h"
#include "golden.h"
#include "random.h"

#include "mapping/init.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RANDOM_CATALOGUES 400

static void init_case(void *user, const char *name, const char *input, struct buffer *output)
{
	struct fixture *fixture = fixture_read(input);
	static const char *const classes[] = {"Product",      "Blog::Post", "App\\Models\\Person",
	                                      "shop.product", "it's",       "Legacy\nThing"};
	struct mapping_init_pairs pairs;
	const struct mapping_init_options options = {.postgres_url = "postgresql://sync@db/app",
	                                             .neo4j_url = "bolt://graph",
	                                             .neo4j_user = "pgweave",
	                                             .pairs = &pairs};
	struct error error = {0};

	(void)user;
	mapping_init_find_pairs(&fixture->catalog, &pairs);
	for (uint32_t i = 0; strstr(name, "classes") && i < pairs.count; i++) {
		pairs.items[i].values = strstr(name, "unknown classes") ? classes + 4 : classes;
		pairs.items[i].values_count = strstr(name, "unknown classes") ? 2 : 6;
		pairs.items[i].more = i == 0;
	}
	if (mapping_init(&fixture->catalog, &options, output, &error) != 0)
		buffer_printf(output, "%s\n%s\n", error.text, error.hint);
	else if (fixture_compile(fixture, buffer_text(output), NULL, output) != 0)
		buffer_append_text(output, "DOES NOT COMPILE\n");
	fixture_free(fixture);
}

static void test_written(void **state)
{
	(void)state;
	golden_check("init.txt", init_case, NULL);
}

/* The line that begins with this, of what is written for these options. */
static void check_line(const struct mapping_init_options *options, const char *begin, const char *expected, const char *secret)
{
	struct fixture *fixture = fixture_read("table users\nid bigint pk\n");
	struct error error = {0};
	struct buffer yaml;
	const char *line;

	buffer_init(&yaml, 65536);
	assert_int_equal(mapping_init(&fixture->catalog, options, &yaml, &error), 0);
	line = strstr(buffer_text(&yaml), begin);
	assert_non_null(line);
	if (strncmp(line, expected, strlen(expected)) != 0)
		fail_msg("%.80s", line);
	if (secret)
		assert_null(strstr(buffer_text(&yaml), secret));
	assert_int_equal(fixture_compile(fixture, buffer_text(&yaml), NULL, NULL), 0);
	buffer_free(&yaml);
	fixture_free(fixture);
}

static void test_secrets(void **state)
{
	static const struct {
		const char *url;
		const char *written;
	} urls[] = {
	        {"postgresql://sync@db:5432/app?sslmode=verify-full",
	         "url: postgresql://sync@db:5432/app?sslmode=verify-full\n"},
	        {"postgresql://sync:hunter2@db/app", "url: postgresql://sync:${PGWEAVE_PG_PASSWORD}@db/app "},
	        {"postgresql://sync:hunter2@a@db/app", "url: ${PGWEAVE_PG_URL} "},
	        {"postgresql://sync:hunt/er2@db/app", "url: ${PGWEAVE_PG_URL} "},
	        {"postgresql://db/app?password=hunter2", "url: ${PGWEAVE_PG_URL} "},
	        {"postgresql://db/app?pass%77ord=hunter2", "url: ${PGWEAVE_PG_URL} "},
	        {"postgresql://db/app?sslpassword=hunter2", "url: ${PGWEAVE_PG_URL} "},
	        {"host=db password = hunter2", "url: ${PGWEAVE_PG_URL} "},
	        {"host=db user=sync", "url: \"host=db user=sync\"\n"},
	        {"postgresql:///app", "url: postgresql:///app\n"},
	        {NULL, "url: ${PGWEAVE_PG_URL} "},
	};
	struct mapping_init_options options = {.neo4j_url = "bolt://neo4j:hunter2@graph:7687"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		options.postgres_url = urls[i].url;
		check_line(&options, "url: ", urls[i].written, "hunt");
	}
	check_line(&options, "url: bolt", "url: bolt://graph:7687\n", "hunter2");
	check_line(&options, "password: ", "password: ${NEO4J_PASSWORD}", "hunter2");
	options.pipeline = "9 My-App";
	check_line(&options, "pipeline: ", "pipeline: p9_my_app ", NULL);
	options.neo4j_database = "yes";
	check_line(&options, "database: ", "database: \"yes\"\n", NULL);
}

static void test_random(void **state)
{
	uint32_t written = 0;

	(void)state;
	for (uint32_t i = 0; i < RANDOM_CATALOGUES; i++) {
		struct fixture *fixture = random_catalogue(i, 0);
		const struct mapping_init_options options = {.neo4j_url = "bolt://graph"};
		struct error error = {0};
		struct buffer yaml, messages;

		buffer_init(&yaml, (size_t)1 << 20);
		buffer_init(&messages, (size_t)1 << 20);
		if (mapping_init(&fixture->catalog, &options, &yaml, &error) != 0) {
			assert_int_equal(error.code, ERR_CATALOG);
		} else {
			written++;
			if (fixture_compile(fixture, buffer_text(&yaml), NULL, &messages) != 0)
				fail_msg("catalogue %u:\n%s\n%s", i, buffer_text(&yaml), buffer_text(&messages));
		}
		buffer_free(&yaml);
		buffer_free(&messages);
		fixture_free(fixture);
	}
	/* The property would prove nothing over catalogues without keys. */
	assert_true(written > RANDOM_CATALOGUES / 2);
}

/* More tables than a mapping may have nodes: no file that could not be read again. */
static void test_limits(void **state)
{
	static struct catalog_table tables[MAPPING_TABLES_MAX + 1];
	static const int16_t attnums[] = {1};
	static const struct catalog_column column = {
	        .name = "id", .type_name = "bigint", .type = {.kind = TYPE_INT}, .attnum = 1, .not_null = true};
	static const struct catalog_key key = {
	        .name = "pkey", .attnums = attnums, .attnums_count = 1, .primary = true, .not_null = true};
	struct catalog catalog = {.database = "app", .role = "sync", .tables = tables, .tables_count = MAPPING_TABLES_MAX + 1};
	const struct mapping_init_options options = {0};
	struct error error = {0};
	struct buffer yaml;
	char names[MAPPING_TABLES_MAX + 1][16];

	(void)state;
	for (uint32_t i = 0; i <= MAPPING_TABLES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "t%u", i);
		tables[i] = (struct catalog_table){.oid = i + 1,
		                                   .schema = "public",
		                                   .name = names[i],
		                                   .replica_identity = 'd',
		                                   .can_select = true,
		                                   .columns = &column,
		                                   .columns_count = 1,
		                                   .keys = &key,
		                                   .keys_count = 1,
		                                   .identity_attnums = attnums,
		                                   .identity_attnums_count = 1};
	}
	buffer_init(&yaml, 2 * MAPPING_SIZE_MAX);
	assert_int_equal(mapping_init(&catalog, &options, &yaml, &error), ERR_LIMIT);
	assert_non_null(strstr(error.text, "4097 tables"));
	assert_non_null(strstr(error.hint, "pipelines"));
	buffer_reset(&yaml);
	catalog.tables_count--;
	assert_int_equal(mapping_init(&catalog, &options, &yaml, &error), 0);
	assert_true(yaml.size < MAPPING_SIZE_MAX);
	buffer_free(&yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_written),
	        cmocka_unit_test(test_secrets),
	        cmocka_unit_test(test_random),
	        cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
