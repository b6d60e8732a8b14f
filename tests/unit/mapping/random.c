#include "random.h"

#include <stdio.h>
#include <string.h>

static uint64_t seed;

uint32_t random_below(uint32_t bound)
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
	        "x_type",
	        "x_id",
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
	                                    "complex", "text[]", "bytea", "date",    "point"};
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
		fixture_column(fixture, table, name, types[random_below(random_below(2) ? 10 : 2)], random_below(2));
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

/* Foreign keys from and to anything that has as many columns; what has been mapped already keeps its types. */
static void random_foreign(struct fixture *fixture, bool retype)
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
		if (retype && random_below(8) && table != target)
			fixture->columns[table - fixture->tables][attnums[i] - 1].type =
			        target->columns[key->attnums[i] - 1].type;
	/* what is of a type to refer to one key of a table is of none to refer to another */
	for (uint32_t f = 0; !retype && f < table->foreign_keys_count; f++)
		if (table->foreign_keys[f].target_oid == target->oid && table->foreign_keys[f].attnums[0] == attnums[0])
			return;
	fixture_foreign(fixture, table, attnums, target, key->attnums, key->attnums_count);
}

/* More columns at the end of a table that is there. */
static void random_columns(struct fixture *fixture, struct catalog_table *table)
{
	static const char *const types[] = {"bigint", "text", "numeric", "complex", "bytea"};
	char name[80];

	for (uint32_t i = random_below(3); i; i--) {
		snprintf(name, sizeof(name), "later%u", table->columns_count);
		fixture_column(fixture, table, name, types[random_below(5)], false);
	}
}

struct fixture *random_catalogue(uint32_t number, uint32_t more)
{
	struct fixture *fixture = fixture_new();
	uint32_t tables;

	seed = number * 2654435761u + 1;
	tables = 1 + random_below(14);
	for (uint32_t t = 0; t < tables; t++)
		random_table(fixture);
	for (uint32_t f = random_below(2 * tables + 1); f; f--)
		random_foreign(fixture, true);
	for (uint32_t i = 0; i < more; i++) {
		for (uint32_t t = 0; t < tables; t++)
			random_columns(fixture, &fixture->tables[t]);
		for (uint32_t t = random_below(4); t; t--)
			random_table(fixture);
		for (uint32_t f = random_below(2 * tables + 1); f; f--)
			random_foreign(fixture, false);
	}
	fixture_finish(fixture);
	return fixture;
}
