#include "mapping/init_room.h"

#include "mapping/name.h"
#include "mapping/quote.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NAME_SIZE_MAX ((size_t)256)
#define PREDICATE_SIZE_MAX ((size_t)1024)
/* A longer value is no name of a class. */
#define VALUE_SIZE_MAX 120

/* ---- finding ---- */

/* What stands before the last word, as a type's name, where the last word is one of these; empty where it is not. */
static void pair__prefix(const char *name, const char *const *words, size_t words_count, struct buffer *prefix)
{
	const char *last;
	size_t size;
	size_t count = name_words(name, &last, &size);

	buffer_reset(prefix);
	for (size_t i = 0; count > 1 && i < words_count; i++) {
		struct buffer before;

		if (strlen(words[i]) != size || strncasecmp(words[i], last, size) != 0)
			continue;
		buffer_init(&before, NAME_SIZE_MAX);
		buffer_append(&before, name, (size_t)(last - name));
		name_type(prefix, buffer_text(&before));
		buffer_free(&before);
	}
}

static void pair__type_prefix(const char *name, struct buffer *prefix)
{
	static const char *const words[] = {"type", "kind", "class"};

	pair__prefix(name, words, sizeof(words) / sizeof(words[0]), prefix);
}

static void pair__id_prefix(const char *name, struct buffer *prefix)
{
	static const char *const words[] = {"id", "uuid", "key"};

	pair__prefix(name, words, sizeof(words) / sizeof(words[0]), prefix);
}

static bool pair__is_own_key(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t k = 0; k < table->keys_count; k++)
		if (table->keys[k].attnums_count == 1 && table->keys[k].attnums[0] == attnum)
			return true;
	return false;
}

/* The column that holds the other table's key: of a key's type, in no foreign key, and not what tells this table's rows apart.
 */
static const struct catalog_column *pair__find_id(const struct catalog_table *table, const char *wanted)
{
	const struct catalog_column *found = NULL;
	struct buffer prefix;

	buffer_init(&prefix, NAME_SIZE_MAX);
	for (uint32_t i = 0; !found && i < table->columns_count; i++) {
		const struct catalog_column *column = &table->columns[i];

		if ((column->type.kind != TYPE_INT && column->type.kind != TYPE_TEXT) || column->type.array ||
		    init__column_refused(column) || init__in_foreign_key(table, column->attnum) ||
		    pair__is_own_key(table, column->attnum))
			continue;
		pair__id_prefix(column->name, &prefix);
		if (prefix.size && strcmp(buffer_text(&prefix), wanted) == 0)
			found = column;
	}
	buffer_free(&prefix);
	return found;
}

static void pair__find_in(const struct catalog_table *table, struct mapping_init_pairs *pairs)
{
	struct buffer prefix;

	buffer_init(&prefix, NAME_SIZE_MAX);
	for (uint32_t i = 0; i < table->columns_count && pairs->count < MAPPING_INIT_PAIRS_MAX; i++) {
		const struct catalog_column *column = &table->columns[i];
		const struct catalog_column *id;

		if (column->type.kind != TYPE_TEXT || column->type.array || init__column_refused(column) ||
		    init__in_foreign_key(table, column->attnum))
			continue;
		pair__type_prefix(column->name, &prefix);
		id = prefix.size ? pair__find_id(table, buffer_text(&prefix)) : NULL;
		if (id)
			pairs->items[pairs->count++] = (struct mapping_init_pair){.table = table, .type = column, .id = id};
	}
	buffer_free(&prefix);
}

void mapping_init_find_pairs(const struct catalog *catalog, struct mapping_init_pairs *pairs)
{
	pairs->count = 0;
	for (uint32_t i = 0; i < catalog->tables_count; i++) {
		const struct catalog_table *table = &catalog->tables[i];

		if ((table->kind == CATALOG_TABLE || table->kind == CATALOG_PARTITIONED) && table->keys_count &&
		    table->can_select && !table->row_security && !table->unlogged)
			pair__find_in(table, pairs);
	}
}

/* ---- which table a class is ---- */

/* The name of a class as a label: Blog::Post, App\Models\BlogPost and blog.post are BlogPost, Post or BlogPost, and so on. */
static void pair__class_label(const char *value, bool last_part, struct buffer *label)
{
	buffer_reset(label);
	for (const char *at = value; last_part && *at; at++)
		if (strchr(":\\./", *at))
			value = at + 1;
	name_label(label, value);
}

static bool pair__is_table(const struct init_table *mapped, const char *value, const char *label)
{
	return strcmp(mapped->table->name, value) == 0 || strcmp(mapped->name, value) == 0 ||
	       (*label && (strcasecmp(mapped->label, label) == 0 || strcasecmp(mapped->name, label) == 0));
}

/* The only node that a class can be, one in the connection's schema before all others; else NULL. */
static const struct init_table *pair__find_table(const struct init *init, const char *value, const char *label)
{
	const char *home = init->catalog->search_path_schema ? init->catalog->search_path_schema : "";
	const struct init_table *found[2] = {NULL, NULL};
	uint32_t counts[2] = {0, 0};

	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		const struct init_table *mapped = &init->tables[i];
		bool other = strcmp(mapped->table->schema, home) != 0;

		if (mapped->role != INIT_NODE || !mapped->key || !pair__is_table(mapped, value, label))
			continue;
		found[other] = mapped;
		counts[other]++;
	}
	if (counts[0])
		return counts[0] == 1 ? found[0] : NULL;
	return counts[1] == 1 ? found[1] : NULL;
}

static const struct init_table *pair__class(const struct init *init, const struct mapping_init_pair *pair, const char *value)
{
	const struct init_table *found = NULL;
	const struct catalog_column *key;
	struct buffer label;

	buffer_init(&label, NAME_SIZE_MAX);
	for (int last_part = 0; !found && strlen(value) <= VALUE_SIZE_MAX && last_part < 2; last_part++) {
		pair__class_label(value, last_part, &label);
		found = pair__find_table(init, value, buffer_text(&label));
	}
	buffer_free(&label);
	if (!found || found->key->attnums_count != 1)
		return NULL;
	key = catalog_column_by_attnum(found->table, found->key->attnums[0]);
	return key && key->type.kind == pair->id->type.kind && key->type.array == pair->id->type.array ? found : NULL;
}

/* ---- writing ---- */

static bool pair__is_plain(const char *name)
{
	for (const char *at = name; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || *at == '_' || (at > name && *at >= '0' && *at <= '9')))
			return false;
	return true;
}

/* {to: Product, column: imageable_id, where: "imageable_type = 'Product'"} */
static void pair__write_entry(struct buffer *yaml, const struct mapping_init_pair *pair, const char *label, const char *value)
{
	struct buffer predicate;

	buffer_init(&predicate, PREDICATE_SIZE_MAX);
	if (pair__is_plain(pair->type->name))
		buffer_append_text(&predicate, pair->type->name);
	else
		sql_quote_identifier(&predicate, pair->type->name);
	buffer_append_text(&predicate, " = ");
	sql_quote_literal(&predicate, value);
	buffer_append_text(yaml, "- {to: ");
	name_yaml(yaml, label, false);
	buffer_append_text(yaml, ", column: ");
	name_yaml(yaml, pair->id->name, false);
	buffer_append_text(yaml, ", where: ");
	name_yaml(yaml, buffer_text(&predicate), false);
	buffer_append_text(yaml, "}\n");
	buffer_free(&predicate);
}

/* One relationship of the type for each class that is known, each line behind `before`. */
static void pair__write_entries(const struct init *init, struct buffer *yaml, const struct mapping_init_pair *pair,
                                const char *before)
{
	struct buffer type;
	bool any = false;

	buffer_init(&type, NAME_SIZE_MAX);
	pair__type_prefix(pair->type->name, &type);
	buffer_printf(yaml, "%srelationships:\n%s  ", before, before);
	name_yaml(yaml, buffer_text(&type), true);
	buffer_append_text(yaml, ":\n");
	buffer_free(&type);
	for (uint32_t i = 0; i < pair->values_count; i++) {
		const struct init_table *target = pair__class(init, pair, pair->values[i]);

		if (!target)
			continue;
		any = true;
		buffer_printf(yaml, "%s    ", before);
		pair__write_entry(yaml, pair, target->name, pair->values[i]);
	}
	if (!any) {
		buffer_printf(yaml, "%s    ", before);
		pair__write_entry(yaml, pair, "Label", "...");
	}
}

static void pair__write_unknown(const struct init *init, struct buffer *yaml, const struct mapping_init_pair *pair)
{
	bool any = false;

	for (uint32_t i = 0; i < pair->values_count; i++) {
		if (strlen(pair->values[i]) > VALUE_SIZE_MAX || pair__class(init, pair, pair->values[i]))
			continue;
		buffer_append_text(yaml, any ? ", " : "    # no node is known for: ");
		name_comment(yaml, pair->values[i], VALUE_SIZE_MAX);
		any = true;
	}
	if (pair->more)
		buffer_append_text(yaml, any ? ", and more" : "    # there are more values than were looked at");
	if (any || pair->more)
		buffer_append_byte(yaml, '\n');
}

static void pair__write(const struct init *init, struct buffer *yaml, const struct mapping_init_pair *pair)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < pair->values_count; i++)
		known += pair__class(init, pair, pair->values[i]) != NULL;
	buffer_append_text(yaml, "    # decide: ");
	name_comment(yaml, pair->type->name, INIT_COMMENT_SIZE_MAX);
	buffer_append_text(yaml, " and ");
	name_comment(yaml, pair->id->name, INIT_COMMENT_SIZE_MAX);
	if (pair->values_count && !known) {
		/* What is in the column may be anything then, and is not repeated. */
		buffer_append_text(yaml, " look like a polymorphic association, but no value found names a node here\n");
		return;
	}
	buffer_append_text(
	        yaml, " are a polymorphic association: together they refer to rows of several tables. Both columns\n"
	              "    # are properties; for relationships as well, each with its condition, take these lines' # away:\n");
	pair__write_entries(init, yaml, pair, "    #   ");
	pair__write_unknown(init, yaml, pair);
}

void init__write_pairs(const struct init *init, struct buffer *yaml, const struct init_table *mapped)
{
	for (uint32_t i = 0; init->pairs && i < init->pairs->count; i++)
		if (init->pairs->items[i].table == mapped->table)
			pair__write(init, yaml, &init->pairs->items[i]);
}
