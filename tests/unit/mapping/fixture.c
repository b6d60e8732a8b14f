#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 8

static const struct {
	const char *name;
	enum type_kind kind;
} types[] = {
        {"smallint", TYPE_INT},
        {"integer", TYPE_INT},
        {"bigint", TYPE_INT},
        {"real", TYPE_FLOAT},
        {"double", TYPE_FLOAT},
        {"numeric", TYPE_NUMERIC},
        {"boolean", TYPE_BOOL},
        {"text", TYPE_TEXT},
        {"uuid", TYPE_TEXT},
        {"json", TYPE_JSON},
        {"hstore", TYPE_TEXT},
        {"bytea", TYPE_BYTEA},
        {"date", TYPE_DATE},
        {"time", TYPE_TIME},
        {"timetz", TYPE_TIMETZ},
        {"timestamp", TYPE_TIMESTAMP},
        {"timestamptz", TYPE_TIMESTAMPTZ},
        {"point", TYPE_POINT},
        {"complex", TYPE_UNSUPPORTED},
        {"character(2)", TYPE_TEXT},
        {"character(5)", TYPE_TEXT},
        {"numeric(10,2)", TYPE_NUMERIC},
};

static char *fixture__copy(struct fixture *fixture, const char *text)
{
	char *copy = arena_strdup(&fixture->catalog.arena, text);

	if (!copy)
		abort();
	return copy;
}

static int16_t *fixture__attnums(struct fixture *fixture, const int16_t *attnums, uint32_t count)
{
	int16_t *copy = arena_alloc(&fixture->catalog.arena, (count + 1) * sizeof(*copy));

	if (!copy)
		abort();
	memcpy(copy, attnums, count * sizeof(*copy));
	return copy;
}

struct fixture *fixture_new(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		abort();
	arena_init(&fixture->catalog.arena, (size_t)16 * 1024 * 1024);
	fixture->catalog.database = "app";
	fixture->catalog.role = "sync";
	fixture->catalog.search_path_schema = "public";
	fixture->catalog.server_version_num = 150004;
	fixture->catalog.tables = fixture->tables;
	return fixture;
}

void fixture_free(struct fixture *fixture)
{
	arena_free(&fixture->catalog.arena);
	free(fixture);
}

static ptrdiff_t fixture__index(const struct fixture *fixture, const struct catalog_table *table)
{
	return table - fixture->tables;
}

struct catalog_table *fixture_table(struct fixture *fixture, const char *schema, const char *name)
{
	uint32_t index = fixture->catalog.tables_count++;
	struct catalog_table *table = &fixture->tables[index];

	if (index >= FIXTURE_TABLES_MAX)
		abort();
	*table = (struct catalog_table){
	        .oid = 16384 + index,
	        .schema = fixture__copy(fixture, schema),
	        .name = fixture__copy(fixture, name),
	        .replica_identity = 'd',
	        .can_select = true,
	        .owned = true,
	        .rows_estimate = -1,
	        .columns = fixture->columns[index],
	        .keys = fixture->keys[index],
	        .foreign_keys = fixture->foreign_keys[index],
	};
	return table;
}

int16_t fixture_column(struct fixture *fixture, struct catalog_table *table, const char *name, const char *type, bool not_null)
{
	struct catalog_column *column = &fixture->columns[fixture__index(fixture, table)][table->columns_count++];
	size_t size = strlen(type);
	bool array = size > 2 && strcmp(type + size - 2, "[]") == 0;

	if (table->columns_count > FIXTURE_COLUMNS_MAX)
		abort();
	*column = (struct catalog_column){
	        .name = fixture__copy(fixture, name),
	        .type_name = fixture__copy(fixture, type),
	        .attnum = (int16_t)table->columns_count,
	        .not_null = not_null,
	        .type.array = array,
	        .type.pairs = strcmp(type, "hstore") == 0,
	};
	if (!array && (strcmp(type, "text") == 0 || strcmp(type, "uuid") == 0 || strncmp(type, "character", 9) == 0))
		column->equality = *type == 't' ? EQUALITY_OF_BYTES : *type == 'u' ? EQUALITY_UUID : EQUALITY_PADDED;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(types[i].name, type, size - (array ? 2 : 0)) == 0 &&
		    strlen(types[i].name) == size - (array ? 2 : 0))
			column->type.kind = types[i].kind;
	return column->attnum;
}

struct catalog_key *fixture_key(struct fixture *fixture, struct catalog_table *table, const char *name, const int16_t *attnums,
                                uint32_t count, bool primary)
{
	ptrdiff_t index = fixture__index(fixture, table);
	struct catalog_key *key = &fixture->keys[index][table->keys_count++];

	if (table->keys_count > FIXTURE_KEYS_MAX)
		abort();
	*key = (struct catalog_key){
	        .name = fixture__copy(fixture, name),
	        .attnums = fixture__attnums(fixture, attnums, count),
	        .attnums_count = count,
	        .primary = primary,
	        .not_null = true,
	};
	for (uint32_t i = 0; i < count; i++) {
		struct catalog_column *column = &fixture->columns[index][attnums[i] - 1];

		if (primary)
			column->not_null = true;
		key->not_null = key->not_null && column->not_null;
	}
	return key;
}

void fixture_foreign(struct fixture *fixture, struct catalog_table *table, const int16_t *attnums,
                     const struct catalog_table *target, const int16_t *target_attnums, uint32_t count)
{
	struct catalog_foreign_key *foreign =
	        &fixture->foreign_keys[fixture__index(fixture, table)][table->foreign_keys_count++];
	char name[32];

	if (table->foreign_keys_count > FIXTURE_KEYS_MAX)
		abort();
	snprintf(name, sizeof(name), "fkey%u", table->foreign_keys_count);
	*foreign = (struct catalog_foreign_key){
	        .name = fixture__copy(fixture, name),
	        .attnums = fixture__attnums(fixture, attnums, count),
	        .target_attnums = fixture__attnums(fixture, target_attnums, count),
	        .attnums_count = count,
	        .target_oid = target->oid,
	        .validated = true,
	};
}

static void fixture__identity(struct fixture *fixture, struct catalog_table *table)
{
	int16_t all[FIXTURE_COLUMNS_MAX];

	for (uint32_t i = 0; i < table->columns_count; i++)
		all[i] = table->columns[i].attnum;
	if (table->replica_identity == 'f') {
		table->identity_attnums = fixture__attnums(fixture, all, table->columns_count);
		table->identity_attnums_count = table->columns_count;
	}
	if (table->replica_identity == 'd' && table->keys_count && table->keys[0].primary && !table->keys[0].deferrable) {
		table->identity_attnums = table->keys[0].attnums;
		table->identity_attnums_count = table->keys[0].attnums_count;
	}
}

static int fixture__compare(const void *a, const void *b)
{
	const struct catalog_table *first = a;
	const struct catalog_table *second = b;
	int order = strcmp(first->schema, second->schema);

	return order ? order : strcmp(first->name, second->name);
}

void fixture_finish(struct fixture *fixture)
{
	for (uint32_t i = 0; i < fixture->catalog.tables_count; i++)
		fixture__identity(fixture, &fixture->tables[i]);
	qsort(fixture->tables, fixture->catalog.tables_count, sizeof(fixture->tables[0]), fixture__compare);
}

static struct catalog_table *fixture__find(struct fixture *fixture, const char *name)
{
	for (uint32_t i = 0; i < fixture->catalog.tables_count; i++)
		if (strcmp(fixture->tables[i].name, name) == 0)
			return &fixture->tables[i];
	fprintf(stderr, "fixture: no table %s\n", name);
	abort();
}

/* "a,b" -> attnums */
static uint32_t fixture__names(const struct catalog_table *table, char *names, int16_t *attnums)
{
	uint32_t count = 0;
	char *rest = NULL;

	for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		const struct catalog_column *column = catalog_column_by_name(table, name);

		if (!column || count == NAMES_MAX) {
			fprintf(stderr, "fixture: no column %s in %s\n", name, table->name);
			abort();
		}
		attnums[count++] = column->attnum;
	}
	return count;
}

static struct catalog_table *fixture__read_table(struct fixture *fixture, char **words, uint32_t count)
{
	char *dot = strchr(words[1], '.');
	struct catalog_table *table;

	if (dot)
		*dot = '\0';
	table = fixture_table(fixture, dot ? words[1] : "public", dot ? dot + 1 : words[1]);
	for (uint32_t i = 2; i < count; i++) {
		if (strcmp(words[i], "view") == 0)
			table->kind = CATALOG_VIEW;
		else if (strcmp(words[i], "partitioned") == 0)
			table->kind = CATALOG_PARTITIONED;
		else if (strcmp(words[i], "unlogged") == 0)
			table->unlogged = true;
		else if (strncmp(words[i], "identity=", 9) == 0)
			table->replica_identity = words[i][9];
		else if (strcmp(words[i], "unreadable") == 0)
			table->can_select = false;
		else if (strcmp(words[i], "secured") == 0)
			table->row_security = true;
		else if (strcmp(words[i], "inherits") == 0)
			table->inherits = true;
		else if (strcmp(words[i], "inherited") == 0)
			table->inherited = true;
		else if (strncmp(words[i], "rows=", 5) == 0)
			table->rows_estimate = atoll(words[i] + 5);
		else
			abort();
	}
	return table;
}

static void fixture__read_column(struct fixture *fixture, struct catalog_table *table, char **words, uint32_t count,
                                 int16_t *primary, uint32_t *primary_count)
{
	int16_t attnum = fixture_column(fixture, table, words[0], words[1], false);
	struct catalog_column *column = &fixture->columns[fixture__index(fixture, table)][attnum - 1];

	for (uint32_t i = 2; i < count; i++) {
		if (strcmp(words[i], "pk") == 0)
			primary[(*primary_count)++] = attnum;
		if (strcmp(words[i], "pk") == 0 || strcmp(words[i], "!") == 0)
			column->not_null = true;
		if (strcmp(words[i], "generated") == 0)
			column->generated = true;
		if (strncmp(words[i], "->", 2) == 0) {
			char *dot = strchr(words[i], '.');
			char *unvalidated = strchr(words[i], '?');
			struct catalog_table *target;
			int16_t there;

			*dot = '\0';
			if (unvalidated)
				*unvalidated = '\0';
			target = fixture__find(fixture, words[i] + 2);
			there = catalog_column_by_name(target, dot + 1)->attnum;
			fixture_foreign(fixture, table, &attnum, target, &there, 1);
			if (unvalidated)
				fixture->foreign_keys[fixture__index(fixture, table)][table->foreign_keys_count - 1].validated =
				        false;
		}
	}
}

static void fixture__read_unique(struct fixture *fixture, struct catalog_table *table, char **words, uint32_t count)
{
	int16_t attnums[NAMES_MAX];
	uint32_t attnums_count = fixture__names(table, words[2], attnums);
	struct catalog_key *key = fixture_key(fixture, table, words[1], attnums, attnums_count, false);

	key->deferrable = count > 3;
}

static void fixture__read_foreign(struct fixture *fixture, struct catalog_table *table, char **words)
{
	struct catalog_table *target = fixture__find(fixture, words[2]);
	int16_t here[NAMES_MAX], there[NAMES_MAX];
	uint32_t count = fixture__names(table, words[1], here);

	if (count != fixture__names(target, words[3], there))
		abort();
	fixture_foreign(fixture, table, here, target, there, count);
}

struct fixture *fixture_read(const char *text)
{
	struct fixture *fixture = fixture_new();
	char *copy = fixture__copy(fixture, text);
	struct catalog_table *table = NULL;
	int16_t primary[NAMES_MAX];
	uint32_t primary_count = 0;
	char *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest);; line = strtok_r(NULL, "\n", &rest)) {
		char *words[NAMES_MAX], *left = NULL;
		uint32_t count = 0;
		bool is_key;

		for (char *word = line ? strtok_r(line, " \t", &left) : NULL; word && count < NAMES_MAX;
		     word = strtok_r(NULL, " \t", &left))
			words[count++] = word;
		if (line && !count)
			continue;
		is_key = line && (strcmp(words[0], "unique") == 0 || strcmp(words[0], "foreign") == 0);
		/* The primary key is complete when the columns are. */
		if (primary_count && (!line || is_key || strcmp(words[0], "table") == 0)) {
			fixture_key(fixture, table, "pkey", primary, primary_count, true);
			primary_count = 0;
		}
		if (!line)
			break;
		if (strcmp(words[0], "table") == 0)
			table = fixture__read_table(fixture, words, count);
		else if (strcmp(words[0], "unique") == 0)
			fixture__read_unique(fixture, table, words, count);
		else if (strcmp(words[0], "foreign") == 0)
			fixture__read_foreign(fixture, table, words);
		else
			fixture__read_column(fixture, table, words, count, primary, &primary_count);
	}
	fixture_finish(fixture);
	return fixture;
}

static const char *fixture__variable(void *user, const char *name)
{
	static char value[256];

	(void)user;
	if (strcmp(name, "UNSET") == 0)
		return NULL;
	snprintf(value, sizeof(value), "%s%s", strstr(name, "URI") ? "bolt://" : "secret of ", name);
	return value;
}

static int fixture__file(void *user, const char *path, struct buffer *text, struct error *error)
{
	(void)user;
	if (strncmp(path, "missing", 7) == 0)
		return error_set(error, ERR_SYSTEM, "%s: No such file or directory", path);
	buffer_printf(text, "file %s", path);
	return 0;
}

const struct mapping_environment fixture_environment = {.variable = fixture__variable, .file = fixture__file};

int fixture_compile(const struct fixture *fixture, const char *yaml, struct plan **ret_plan, struct buffer *messages)
{
	struct mapping *mapping = NULL;
	struct diagnostics diagnostics;
	struct plan *plan = NULL;
	int status;

	diagnostics_init(&diagnostics);
	status = mapping_parse("pgweave.yaml", yaml, strlen(yaml), &fixture_environment, &mapping, &diagnostics);
	if (!status)
		status = mapping_compile(mapping, &fixture->catalog, &plan, &diagnostics);
	if (messages)
		diagnostics_print(&diagnostics, messages);
	mapping_free(mapping);
	diagnostics_free(&diagnostics);
	if (ret_plan)
		*ret_plan = plan;
	else
		plan_free(plan);
	return status;
}
