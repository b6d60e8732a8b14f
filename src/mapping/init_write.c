#include "mapping/init_room.h"

#include "mapping/name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PIPELINE_SIZE_MAX 48
/* The column at which comments behind a line begin. */
#define COMMENT_COLUMN 40

static void init__write_columns(struct buffer *yaml, const struct catalog_table *table, const int16_t *attnums, uint32_t count)
{
	if (count > 1)
		buffer_append_byte(yaml, '[');
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(yaml, i ? ", " : "");
		name_yaml(yaml, catalog_column_by_attnum(table, attnums[i])->name, false);
	}
	if (count > 1)
		buffer_append_byte(yaml, ']');
}

/* In the order of what it refers to. */
static void init__write_paired(struct buffer *yaml, const struct init_table *mapped, const struct init_link *link)
{
	if (link->by_count > 1)
		buffer_append_byte(yaml, '[');
	for (uint32_t i = 0; i < link->by_count; i++) {
		buffer_append_text(yaml, i ? ", " : "");
		name_yaml(yaml, init__paired(mapped->table, link->foreign, link->by[i])->name, false);
	}
	if (link->by_count > 1)
		buffer_append_byte(yaml, ']');
}

static void init__write_table(const struct init *init, struct buffer *yaml, const struct catalog_table *table)
{
	const char *home = init->catalog->search_path_schema;

	buffer_append_text(yaml, "    table: ");
	name_table(yaml, home && strcmp(home, table->schema) == 0 ? NULL : table->schema, table->name, false);
	buffer_append_byte(yaml, '\n');
}

void init__write_name(struct buffer *yaml, const struct catalog_table *table)
{
	name_comment(yaml, table->schema, INIT_COMMENT_SIZE_MAX);
	buffer_append_byte(yaml, '.');
	name_comment(yaml, table->name, INIT_COMMENT_SIZE_MAX);
}

/* Pads the line that began at `start` and puts a comment behind it. */
void init__write_behind(struct buffer *yaml, size_t start, const char *comment)
{
	size_t width = yaml->size - start;

	buffer_printf(yaml, "%*s# ", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 1, "");
	name_comment(yaml, comment, INIT_COMMENT_SIZE_MAX);
	buffer_append_byte(yaml, '\n');
}

/* What is known of a table, above its entry. */
static void init__write_rows(const struct init *init, struct buffer *yaml, const struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool comment = table->comment && *table->comment;

	if (!init->file && table->rows_estimate < 0 && table->kind != CATALOG_PARTITIONED && !table->inherited && !comment)
		return;
	buffer_append_text(yaml, init->file ? "  # new: " : "  # ");
	init__write_name(yaml, table);
	if (table->rows_estimate >= 0)
		buffer_printf(yaml, ", about %lld rows", (long long)table->rows_estimate);
	if (table->kind == CATALOG_PARTITIONED)
		buffer_append_text(yaml, ", partitioned: all its partitions come through it");
	if (table->inherited)
		buffer_append_text(yaml, ", without the rows of the tables that inherit from it");
	if (comment) {
		buffer_append_text(yaml, ": ");
		name_comment(yaml, table->comment, INIT_COMMENT_SIZE_MAX);
	}
	buffer_append_byte(yaml, '\n');
}

static void init__write_key(struct buffer *yaml, const struct init_table *mapped)
{
	if (mapped->key->primary)
		return;
	buffer_append_text(yaml, "    key: ");
	init__write_columns(yaml, mapped->table, mapped->key->attnums, mapped->key->attnums_count);
	buffer_append_byte(yaml, '\n');
}

/* The columns that would be properties but cannot, each with its reason. */
static void init__write_except(struct buffer *yaml, const struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool any = false;

	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct catalog_column *column = &table->columns[i];
		const char *why = init__column_refused(column);
		size_t start;

		if (!why || init__in_key(mapped->key, column->attnum) || init__in_foreign_key(table, column->attnum))
			continue;
		if (!any)
			buffer_append_text(yaml, "    except:\n");
		any = true;
		start = yaml->size;
		buffer_append_text(yaml, "      - ");
		name_yaml(yaml, column->name, false);
		buffer_printf(yaml, "%*s# ",
		              yaml->size - start < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - (yaml->size - start)) : 1, "");
		name_comment(yaml, column->type_name, INIT_COMMENT_SIZE_MAX);
		buffer_printf(yaml, ": %s\n", why);
	}
}

/* numeric columns are the one thing where a person has a choice of types. */
static void init__write_numerics(struct buffer *yaml, const struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool any = false;

	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct catalog_column *column = &table->columns[i];

		if (column->type.kind != TYPE_NUMERIC || column->generated || init__in_foreign_key(table, column->attnum))
			continue;
		buffer_append_text(yaml, any ? ", "
		                             : "    # decide: numeric arrives as text, every digit kept; `as: float` or `as: "
		                               "integer` under properties changes that: ");
		name_comment(yaml, column->name, INIT_COMMENT_SIZE_MAX);
		any = true;
	}
	if (any)
		buffer_append_byte(yaml, '\n');
}

/* Whether a relationship of this node shows what the column holds. */
static bool init__is_linked(const struct init_table *mapped, int16_t attnum)
{
	for (uint32_t i = 0; i < mapped->links_count; i++)
		for (uint32_t k = 0; !mapped->links[i].why && k < mapped->links[i].foreign->attnums_count; k++)
			if (mapped->links[i].foreign->attnums[k] == attnum)
				return true;
	return false;
}

void init__write_link(struct buffer *yaml, const struct init_table *mapped, const struct init_link *link)
{
	name_yaml(yaml, link->type, true);
	buffer_append_text(yaml, ": {to: ");
	name_yaml(yaml, link->target->name, false);
	buffer_append_text(yaml, link->foreign->attnums_count > 1 ? ", columns: " : ", column: ");
	init__write_paired(yaml, mapped, link);
	buffer_append_byte(yaml, '}');
}

/* A foreign key that cannot be a relationship, and which of its columns are therefore nowhere in the graph. */
static void init__write_refused(struct buffer *yaml, const struct init_table *mapped, const struct init_link *link)
{
	const struct catalog_table *table = mapped->table;
	bool any = false;

	buffer_append_text(yaml, "    # left out: the foreign key ");
	name_comment(yaml, link->foreign->name, INIT_COMMENT_SIZE_MAX);
	if (link->target) {
		buffer_append_text(yaml, " to ");
		name_comment(yaml, link->target->table->name, INIT_COMMENT_SIZE_MAX);
	}
	buffer_printf(yaml, ": %s", link->why);
	for (uint32_t i = 0; i < link->foreign->attnums_count; i++) {
		const struct catalog_column *column = catalog_column_by_attnum(table, link->foreign->attnums[i]);

		if (!column || init__column_refused(column) || init__in_key(mapped->key, column->attnum) ||
		    init__is_linked(mapped, column->attnum))
			continue;
		buffer_append_text(yaml, any ? ", " : "; only where `properties` lists it is this a property: ");
		any = true;
		name_comment(yaml, column->name, INIT_COMMENT_SIZE_MAX);
	}
	buffer_append_byte(yaml, '\n');
}

static void init__write_links(struct buffer *yaml, const struct init_table *mapped)
{
	bool any = false;

	for (uint32_t i = 0; i < mapped->links_count; i++) {
		const struct init_link *link = &mapped->links[i];
		size_t start;

		if (link->why)
			continue;
		if (!any)
			buffer_append_text(yaml, "    relationships:\n");
		any = true;
		start = yaml->size;
		buffer_append_text(yaml, "      ");
		init__write_link(yaml, mapped, link);
		if (link->foreign->validated)
			buffer_append_byte(yaml, '\n');
		else
			init__write_behind(yaml, start, "NOT VALID: older rows may refer to nothing");
	}
	for (uint32_t i = 0; i < mapped->links_count; i++)
		if (mapped->links[i].why)
			init__write_refused(yaml, mapped, &mapped->links[i]);
}

void init__write_node(const struct init *init, struct buffer *yaml, const struct init_table *mapped)
{
	init__write_rows(init, yaml, mapped);
	buffer_append_text(yaml, "  ");
	name_yaml(yaml, mapped->name, true);
	buffer_append_text(yaml, ":\n");
	init__write_table(init, yaml, mapped->table);
	init__write_key(yaml, mapped);
	if (mapped->maybe_join)
		buffer_append_text(yaml, "    # decide: with two foreign keys and nothing that refers to it, it could be a "
		                         "relationship instead\n");
	init__write_numerics(yaml, mapped);
	init__write_except(yaml, mapped);
	init__write_links(yaml, mapped);
	init__write_pairs(init, yaml, mapped);
}

void init__write_join(const struct init *init, struct buffer *yaml, const struct init_table *mapped)
{
	static const char *const ends[] = {"    from: {", "    to: {"};

	init__write_rows(init, yaml, mapped);
	buffer_append_text(yaml, "  ");
	name_yaml(yaml, mapped->name, true);
	buffer_append_text(yaml, ":\n");
	init__write_table(init, yaml, mapped->table);
	init__write_key(yaml, mapped);
	for (int e = 0; e < 2; e++) {
		buffer_append_text(yaml, ends[e]);
		name_yaml(yaml, mapped->links[e].target->name, true);
		buffer_append_text(yaml, ": ");
		init__write_paired(yaml, mapped, &mapped->links[e]);
		buffer_append_text(yaml, "}\n");
	}
	init__write_numerics(yaml, mapped);
	init__write_except(yaml, mapped);
}

static void init__write_pipeline(const struct init *init, struct buffer *yaml)
{
	const char *name = init->options->pipeline ? init->options->pipeline : init->catalog->database;
	size_t start, before;

	start = yaml->size;
	buffer_append_text(yaml, "pipeline: ");
	before = yaml->size;
	if (!isalpha((unsigned char)*name))
		buffer_append_text(yaml, "p");
	for (; *name && yaml->size - before < PIPELINE_SIZE_MAX; name++)
		buffer_append_byte(yaml, (unsigned char)*name < 0x80 && isalnum((unsigned char)*name)
		                                 ? (uint8_t)tolower((unsigned char)*name)
		                                 : (uint8_t)'_');
	init__write_behind(yaml, start, "names the slot, the publication and the checkpoint");
}

static void init__write_url(struct buffer *yaml, const char *url)
{
	/* Double quotes would need escapes that a URL seldom has; what is plain enough goes in as it is. */
	if (strpbrk(url, " \t\n\r\"'\\#{}[],&*!|>%@`") == NULL || strncmp(url, "${", 2) == 0 ||
	    (strstr(url, "://") && !strpbrk(url, " \t\n\r\"\\#")))
		buffer_append_text(yaml, url);
	else
		name_yaml(yaml, url, true);
}

/* A URL's password, and any other, stays out of the file: a reference to the environment stands for it. */
static void init__write_postgres(const struct init *init, struct buffer *yaml)
{
	const char *url = init->options->postgres_url;
	const char *rest = url ? strstr(url, "://") : NULL;
	const char *at = rest ? strchr(rest + 3, '@') : NULL;
	const char *slash = rest ? strpbrk(rest + 3, "/?") : NULL;
	const char *colon = rest ? strchr(rest + 3, ':') : NULL;
	bool has_secret = url && (strcasestr(url, "password") || (!rest && strcasestr(url, "pass")));

	buffer_append_text(yaml, "\npostgres:\n  url: ");
	/* More than one @, or one behind the host: only libpq knows what is what. */
	has_secret = has_secret || (at && colon && colon < at && (strchr(at + 1, '@') || (slash && slash < at)));
	has_secret = has_secret || (rest && strchr(rest, '?') && strchr(strchr(rest, '?'), '%'));
	if (!url || has_secret) {
		buffer_append_text(yaml, "${PGWEAVE_PG_URL}");
		buffer_append_text(yaml, url ? "   # the URL given had a password in it: it stays in the environment\n"
		                             : "   # postgresql://user@host/database?sslmode=verify-full\n");
	} else if (at && colon && colon < at) {
		buffer_append(yaml, url, (size_t)(colon + 1 - url));
		buffer_append_text(yaml, "${PGWEAVE_PG_PASSWORD}");
		buffer_append_text(yaml, at);
		buffer_append_text(yaml, "   # the password, as it stands in a URL (percent-encoded), from the environment\n");
	} else {
		init__write_url(yaml, url);
		buffer_append_byte(yaml, '\n');
	}
}

static void init__write_neo4j(const struct init *init, struct buffer *yaml)
{
	const char *url = init->options->neo4j_url;
	const char *rest = url ? strstr(url, "://") : NULL;
	const char *at = rest ? strrchr(rest, '@') : NULL;

	buffer_append_text(yaml, "neo4j:\n  url: ");
	if (url && at) {
		buffer_append(yaml, url, (size_t)(rest + 3 - url));
		buffer_append_text(yaml, at + 1);
	} else if (url) {
		init__write_url(yaml, url);
	} else {
		buffer_append_text(yaml, "${NEO4J_URI}   # bolt+s://host or neo4j+s://host");
	}
	buffer_append_text(yaml, "\n  user: ");
	if (init->options->neo4j_user)
		name_yaml(yaml, init->options->neo4j_user, false);
	else
		buffer_append_text(yaml, "neo4j");
	buffer_append_text(yaml, "\n  password: ${NEO4J_PASSWORD}   # or {file: /path/to/it}\n");
	if (init->options->neo4j_database) {
		buffer_append_text(yaml, "  database: ");
		name_yaml(yaml, init->options->neo4j_database, false);
		buffer_append_byte(yaml, '\n');
	}
}

void init__write(const struct init *init, struct buffer *yaml)
{
	bool any = false;

	buffer_append_text(yaml, "# A first mapping of the database ");
	name_comment(yaml, init->catalog->database, INIT_COMMENT_SIZE_MAX);
	buffer_append_text(
	        yaml,
	        ", written by `pgweave init`. `pgweave plan` shows what it makes.\n"
	        "# Yours to decide: the names of labels and types, the direction of each relationship (`from:` turns\n"
	        "# one around), which columns are properties (without `properties:`, all that are in no foreign key),\n"
	        "# and what to delete from here. docs/mapping.md has every key. `pgweave init --update` adds what is new in\n"
	        "# the database, and leaves the rest as it is.\n"
	        "version: 1\n");
	init__write_pipeline(init, yaml);
	init__write_postgres(init, yaml);
	init__write_neo4j(init, yaml);
	buffer_append_text(yaml, "\nnodes:\n");
	for (uint32_t i = 0; i < init->catalog->tables_count; i++)
		if (init->tables[i].role == INIT_NODE)
			init__write_node(init, yaml, &init->tables[i]);
	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		if (init->tables[i].role != INIT_JOIN)
			continue;
		if (!any)
			buffer_append_text(yaml, "\nrelationships:\n");
		any = true;
		init__write_join(init, yaml, &init->tables[i]);
	}
	buffer_append_byte(yaml, '\n');
	init__notes_write(init, yaml);
}
