/*
 * Proves that `init` writes what a person would, keeps passwords out, and that whatever it writes parses and compiles against
 * the same catalogue: over a written one and over many random ones with odd names, keys and types.
 */
#include "fixture.h"
#include "golden.h"

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
	const struct mapping_init_options options = {
	        .postgres_url = "postgresql://sync@db/app", .neo4j_url = "bolt://graph", .neo4j_user = "pgweave"};
	struct error error = {0};

	(void)user;
	(void)name;
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

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % bound;
}

static void random_name(char *name, size_t size, uint32_t number)
{
	static const char *const names[] = {
	        "users",
	        "people",
	        "select",
	        "order",
	        "null",
	        "true",
	        "a b",
	        "a.b",
	        "\"quoted\"",
	        "it's",
	        "`back`",
	        "\\u0060",
	        "${HOME}",
	        "$",
	        "- x",
	        "# no",
	        "key: value",
	        "[x]",
	        "{y}",
	        "&a",
	        "*b",
	        "!c",
	        "%",
	        "@",
	        "\n",
	        "\t",
	        "\x01",
	        "\u00fc",
	        "\u6f22\u5b57",
	        "\U0001F600",
	        "\u2028",
	        "_Pgweave",
	        "_PgweavePlaceholder",
	        "___",
	        "id",
	        "team_id",
	        "teamId",
	        "TEAM",
	        "teams",
	        "team",
	        "1",
	        "~",
	        "?",
	        "'",
	        "  ",
	        "x_x",
	        "X X",
	        "\xff\xfe",
	        "<<",
	        "=",
	        "y",
	        "No",
	        "a_name_of_sixty_three_bytes_which_is_the_most_that_there_can_be",
	};

	if (random_below(3) == 0)
		snprintf(name, size, "t%u", number);
	else
		snprintf(name, size, "%s", names[random_below(sizeof(names) / sizeof(names[0]))]);
}

static void random_table(struct fixture *fixture)
{
	static const char *const types[] = {"bigint",  "text",   "uuid",  "numeric", "double",
	                                    "complex", "text[]", "bytea", "date"};
	static const char *const schemas[] = {"public", "public", "other", "odd.schema", "Q\"s"};
	char name[80];
	struct catalog_table *table;
	int16_t attnums[3];
	uint32_t columns = 1 + random_below(6), key = random_below(4);

	random_name(name, sizeof(name), fixture->catalog.tables_count);
	table = fixture_table(fixture, schemas[random_below(5)], name);
	for (uint32_t i = 0; i + 1 < fixture->catalog.tables_count; i++)
		if (strcmp(fixture->tables[i].name, table->name) == 0 &&
		    strcmp(fixture->tables[i].schema, table->schema) == 0) {
			snprintf(name, sizeof(name), "unique%u", fixture->catalog.tables_count);
			table->name = arena_strdup(&fixture->catalog.arena, name);
		}
	for (uint32_t i = 0; i < columns; i++) {
		bool again;

		do {
			random_name(name, sizeof(name), i);
			again = catalog_column_by_name(table, name) != NULL;
		} while (again);
		fixture_column(fixture, table, name, types[random_below(random_below(2) ? 9 : 2)], random_below(2));
		fixture->columns[table - fixture->tables][i].generated = random_below(12) == 0;
	}
	for (uint32_t i = 0; i < 3; i++)
		attnums[i] = (int16_t)(1 + i);
	if (key)
		fixture_key(fixture, table, "pkey", attnums, key > columns ? columns : key, true);
	if (random_below(3) == 0) {
		attnums[0] = (int16_t)(1 + random_below(columns));
		fixture_key(fixture, table, "a\"key", attnums, 1, false)->deferrable = random_below(2);
	}
	table->replica_identity = "ddddfn"[random_below(6)];
	table->kind = random_below(10) == 0 ? (enum catalog_table_kind)random_below(5) : CATALOG_TABLE;
	table->unlogged = random_below(20) == 0;
	table->rows_estimate = (int64_t)random_below(1000) - 1;
	table->comment = random_below(5) == 0 ? "first\nversion: 2" : NULL;
}

/* Foreign keys from and to anything that has as many columns. */
static void random_foreign(struct fixture *fixture)
{
	struct catalog_table *table = &fixture->tables[random_below(fixture->catalog.tables_count)];
	const struct catalog_table *target = &fixture->tables[random_below(fixture->catalog.tables_count)];
	const struct catalog_key *key = target->keys_count ? &target->keys[random_below(target->keys_count)] : NULL;
	int16_t attnums[3];

	if (!key || key->attnums_count > table->columns_count || table->foreign_keys_count == FIXTURE_KEYS_MAX)
		return;
	for (uint32_t i = 0; i < key->attnums_count; i++)
		attnums[i] = (int16_t)(1 + (random_below(2) ? i : (table->columns_count - 1 - i)));
	for (uint32_t i = 0; i < key->attnums_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (attnums[i] == attnums[k])
				return;
	/* A foreign key's columns have the types of the ones they refer to, mostly. */
	for (uint32_t i = 0; i < key->attnums_count; i++)
		if (random_below(8) && table != target)
			fixture->columns[table - fixture->tables][attnums[i] - 1].type =
			        target->columns[key->attnums[i] - 1].type;
	fixture_foreign(fixture, table, attnums, target, key->attnums, key->attnums_count);
}

static void test_random(void **state)
{
	uint32_t written = 0;

	(void)state;
	for (uint32_t i = 0; i < RANDOM_CATALOGUES; i++) {
		struct fixture *fixture = fixture_new();
		const struct mapping_init_options options = {.neo4j_url = "bolt://graph"};
		struct error error = {0};
		struct buffer yaml, messages;
		uint32_t tables;

		seed = i * 2654435761u + 1;
		tables = 1 + random_below(14);
		for (uint32_t t = 0; t < tables; t++)
			random_table(fixture);
		for (uint32_t f = random_below(2 * tables + 1); f; f--)
			random_foreign(fixture);
		fixture_finish(fixture);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_written),
	        cmocka_unit_test(test_secrets),
	        cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
