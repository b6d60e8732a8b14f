#include "mapping/compile.h"

#include "mapping/name.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <stdlib.h>
#include <string.h>

/* How many names an expectation lists before it only says that there are more. */
#define NAMES_SHOWN 12
#define EDGES_FIRST 64
/* verify has PostgreSQL's concat_ws() make the same text, and a function takes 100 arguments. */
#define CONCATENATION_PARTS_MAX 64

bool mapping__compile_is_done(const struct compiler *compiler)
{
	return compiler->no_memory || compiler->diagnostics->more;
}

void *mapping__compile_calloc(struct compiler *compiler, size_t count, size_t size)
{
	void *memory = arena_calloc(&compiler->arena, count ? count : 1, size);

	if (!memory)
		compiler->no_memory = true;
	return memory;
}

#define resolve__add(compiler, place, ...) diagnostic_add((compiler)->diagnostics, (compiler)->source, place, __VA_ARGS__)
#define resolve__expect(compiler, ...) diagnostic_expect((compiler)->diagnostics, __VA_ARGS__)

/* Says what is there instead: the same name in another schema, or a similar one. */
static void resolve__suggest_table(struct compiler *compiler, const struct table_name *wanted)
{
	struct suggestion suggestion = suggestion_of(wanted->name.text);
	const struct catalog_table *nearest = NULL;

	for (uint32_t i = 0; i < compiler->catalog->tables_count; i++) {
		const struct catalog_table *table = &compiler->catalog->tables[i];

		suggestion_offer(&suggestion, table->name);
		if (suggestion.nearest == table->name)
			nearest = table;
	}
	if (nearest)
		resolve__expect(compiler, "a table of the database \"%s\"; did you mean \"%s.%s\"?",
		                compiler->catalog->database, nearest->schema, nearest->name);
	else
		resolve__expect(compiler, "a table of the database \"%s\" that %s may read", compiler->catalog->database,
		                compiler->catalog->role);
}

/* A statement about the table. */
static void resolve__expect_statement(struct compiler *compiler, const char *before, const struct catalog_table *table,
                                      const char *after)
{
	struct buffer statement;

	buffer_init(&statement, 1024);
	buffer_append_text(&statement, before);
	sql_quote_qualified(&statement, table->schema, table->name);
	buffer_append_text(&statement, after);
	resolve__expect(compiler, "%s", buffer_text(&statement));
	buffer_free(&statement);
}

static const struct catalog_table *resolve__table(struct compiler *compiler, const struct table_name *wanted)
{
	static const char *const refused[] = {
	        [CATALOG_VIEW] = "is a view",
	        [CATALOG_FOREIGN] = "is a foreign table",
	        [CATALOG_OTHER] = "is no table",
	};
	const char *schema = wanted->schema.text ? wanted->schema.text : compiler->catalog->search_path_schema;
	const struct catalog_table *table = schema ? catalog_table_by_name(compiler->catalog, schema, wanted->name.text) : NULL;

	if (!table) {
		resolve__add(compiler, wanted->name.place, "there is no table \"%s.%s\"", schema ? schema : "public",
		             wanted->name.text);
		resolve__suggest_table(compiler, wanted);
		return NULL;
	}
	if (table->kind != CATALOG_TABLE && table->kind != CATALOG_PARTITIONED) {
		resolve__add(compiler, wanted->name.place, "\"%s.%s\" %s: its changes are not in the WAL", table->schema,
		             table->name, refused[table->kind]);
		resolve__expect(compiler, "a table");
		return NULL;
	}
	if (table->unlogged) {
		bool partitioned = table->kind == CATALOG_PARTITIONED;

		resolve__add(compiler, wanted->name.place, "\"%s.%s\" is unlogged%s: its changes are not in the WAL",
		             table->schema, table->name, partitioned ? ", or one of its partitions is" : "");
		resolve__expect_statement(compiler, "a logged table: ALTER TABLE ", table,
		                          partitioned ? " SET LOGGED; or the same of its partitions" : " SET LOGGED;");
		return NULL;
	}
	return table;
}

const struct catalog_column *mapping__column(struct compiler *compiler, const struct catalog_table *table,
                                             const struct word *wanted)
{
	const struct catalog_column *column = catalog_column_by_name(table, wanted->text);
	struct suggestion suggestion = suggestion_of(wanted->text);
	struct buffer names;

	if (column)
		return column;
	resolve__add(compiler, wanted->place, "the table \"%s.%s\" has no column \"%s\"", table->schema, table->name,
	             wanted->text);
	buffer_init(&names, 4096);
	for (uint32_t i = 0; i < table->columns_count; i++) {
		suggestion_offer(&suggestion, table->columns[i].name);
		if (i < NAMES_SHOWN)
			buffer_printf(&names, "%s%s", i ? ", " : "", table->columns[i].name);
	}
	if (suggestion.nearest)
		resolve__expect(compiler, "a column of it; did you mean \"%s\"?", suggestion.nearest);
	else
		resolve__expect(compiler, "one of %s%s", buffer_text(&names),
		                table->columns_count > NAMES_SHOWN ? ", ..." : "");
	buffer_free(&names);
	return NULL;
}

bool mapping__is_left_out(struct compiler *compiler, const struct catalog_table *table, const char *property,
                          const struct word *column)
{
	struct left_out *left_out;

	if (compiler->mapping->settings.missing_columns != MAPPING_MISSING_LEAVE_OUT ||
	    catalog_column_by_name(table, column->text))
		return false;
	left_out = mapping__compile_calloc(compiler, 1, sizeof(*left_out));
	if (!left_out)
		return true;
	left_out->words = arena_printf(&compiler->arena, "property %s: table %s.%s has no column %s", property, table->schema,
	                               table->name, column->text);
	left_out->next = compiler->left_out;
	compiler->left_out = left_out;
	compiler->left_out_count++;
	compiler->no_memory = compiler->no_memory || !left_out->words;
	return true;
}

/* False when one of them is not there. */
static bool resolve__columns(struct compiler *compiler, const struct catalog_table *table, const struct words *words,
                             struct resolved_columns *ret_columns)
{
	bool all = true;

	ret_columns->items = mapping__compile_calloc(compiler, words->count, sizeof(*ret_columns->items));
	if (!ret_columns->items)
		return false;
	for (uint32_t i = 0; i < words->count && !mapping__compile_is_done(compiler); i++) {
		const struct catalog_column *column = mapping__column(compiler, table, &words->items[i]);

		if (column)
			ret_columns->items[ret_columns->count++] = column;
		else
			all = false;
	}
	return all && !mapping__compile_is_done(compiler);
}

static bool resolve__has(const struct resolved_columns *columns, const struct catalog_column *column)
{
	for (uint32_t i = 0; i < columns->count; i++)
		if (columns->items[i] == column)
			return true;
	return false;
}

static bool resolve__has_attnum(const int16_t *attnums, uint32_t count, int16_t attnum)
{
	for (uint32_t i = 0; i < count; i++)
		if (attnums[i] == attnum)
			return true;
	return false;
}

const struct catalog_key *mapping__unique(const struct catalog_table *table, const struct resolved_columns *columns)
{
	const struct catalog_key *best = NULL;

	for (uint32_t k = 0; k < table->keys_count; k++) {
		const struct catalog_key *key = &table->keys[k];
		bool same = key->attnums_count == columns->count;

		for (uint32_t i = 0; same && i < columns->count; i++)
			same = resolve__has_attnum(key->attnums, key->attnums_count, columns->items[i]->attnum);
		if (same && (!best || (best->deferrable && !key->deferrable)))
			best = key;
	}
	return best;
}

/* "key: [a, b]" for each unique key that would do, or how to make one. */
static void resolve__expect_key(struct compiler *compiler, const struct catalog_table *table)
{
	struct buffer names;

	buffer_init(&names, 1024);
	for (uint32_t k = 0; k < table->keys_count; k++) {
		const struct catalog_key *key = &table->keys[k];

		if (!key->primary && !key->not_null)
			continue;
		buffer_printf(&names, "%skey: [", names.size ? " or " : "");
		for (uint32_t i = 0; i < key->attnums_count; i++) {
			const struct catalog_column *column = catalog_column_by_attnum(table, key->attnums[i]);

			buffer_printf(&names, "%s%s", i ? ", " : "", column ? column->name : "?");
		}
		buffer_append_byte(&names, ']');
	}
	if (names.size)
		resolve__expect(compiler, "%s", buffer_text(&names));
	else
		resolve__expect_statement(compiler, "a primary key: ALTER TABLE ", table, " ADD PRIMARY KEY (...);");
	buffer_free(&names);
}

/* Why nodes cannot be told apart by what the column holds; NULL: they can. */
static const char *resolve__no_key(const struct catalog_column *column, const struct type *type)
{
	if (column->generated)
		return "is generated, and PostgreSQL does not replicate generated columns";
	if (type->kind == TYPE_UNSUPPORTED)
		return "is of a type that pgweave does not know";
	if (type->conversion)
		return "is converted, and two rows' keys might become one";
	if (type->array)
		return "is an array";
	if (type->kind == TYPE_FLOAT || (type->kind == TYPE_NUMERIC && type->numeric_as == NUMERIC_AS_FLOAT))
		return "is a floating point number, and NaN equals nothing in the graph";
	if (type->kind == TYPE_INTERVAL || type->kind == TYPE_POINT || type->kind == TYPE_GEOMETRY || type->kind == TYPE_VECTOR)
		return "is of a type without an order that both databases share";
	return NULL;
}

/* What a key's column has to be so that rows and nodes can be told apart by it. */
static bool resolve__check_key_type(struct compiler *compiler, const struct catalog_column *column, const struct type *type,
                                    struct place place)
{
	const char *why = resolve__no_key(column, type);

	if (!why)
		return true;
	resolve__add(compiler, place, "the key's column \"%s\" (%s) %s", column->name, column->type_name, why);
	if (column->generated)
		resolve__expect(compiler, "a key of other columns");
	else
		resolve__expect(compiler, "a key of other columns, or properties: {%s: {as: text}}", column->name);
	return false;
}

/* What an application notices first of a table that has no replica identity. */
static const char *resolve__refusal(const struct catalog_table *table)
{
	return table->identity_attnums_count ? ""
	                                     : "; and while it is published, PostgreSQL refuses every UPDATE and DELETE of it";
}

/* An UPDATE or DELETE brings only the replica identity of the old row: the key has to be in it. */
static bool resolve__check_identity(struct compiler *compiler, const struct catalog_table *table,
                                    const struct resolved_columns *columns, const struct catalog_key *key, struct place place)
{
	struct buffer statement;
	bool covered = key && (!key->deferrable || table->replica_identity != 'd');

	for (uint32_t i = 0; covered && i < columns->count; i++)
		covered =
		        resolve__has_attnum(table->identity_attnums, table->identity_attnums_count, columns->items[i]->attnum);
	if (covered)
		return true;
	resolve__add(compiler, place,
	             "the replica identity of \"%s.%s\" does not hold its key, so a DELETE would not say which row went%s",
	             table->schema, table->name, resolve__refusal(table));
	buffer_init(&statement, 1024);
	buffer_append_text(&statement, "ALTER TABLE ");
	sql_quote_qualified(&statement, table->schema, table->name);
	buffer_append_text(&statement, " REPLICA IDENTITY ");
	if (!key || key->deferrable) {
		buffer_append_text(&statement, "FULL");
	} else if (key->primary) {
		buffer_append_text(&statement, "DEFAULT");
	} else {
		buffer_append_text(&statement, "USING INDEX ");
		sql_quote_identifier(&statement, key->name);
	}
	buffer_append_byte(&statement, ';');
	if (table->kind == CATALOG_PARTITIONED)
		buffer_append_text(&statement, " and the same of each partition");
	resolve__expect(compiler, "%s", buffer_text(&statement));
	buffer_free(&statement);
	return false;
}

static bool resolve__primary_columns(struct compiler *compiler, const struct catalog_table *table, struct place place,
                                     struct resolved_columns *ret_columns)
{
	const struct catalog_key *key = table->keys_count && table->keys[0].primary ? &table->keys[0] : NULL;

	if (!key) {
		resolve__add(compiler, place, "the table \"%s.%s\" has no primary key%s", table->schema, table->name,
		             resolve__refusal(table));
		resolve__expect_key(compiler, table);
		return false;
	}
	ret_columns->items = mapping__compile_calloc(compiler, key->attnums_count, sizeof(*ret_columns->items));
	if (!ret_columns->items)
		return false;
	for (uint32_t i = 0; i < key->attnums_count; i++) {
		const struct catalog_column *column = catalog_column_by_attnum(table, key->attnums[i]);

		if (column)
			ret_columns->items[ret_columns->count++] = column;
	}
	return ret_columns->count == key->attnums_count;
}

/* The row's key: as the file says, or the primary one; unique, never NULL, and in the replica identity. */
static bool resolve__key(struct compiler *compiler, const struct catalog_table *table, const struct words *words,
                         struct place owner, struct resolved_columns *ret_columns)
{
	struct place place = words->name.text ? words->name.place : owner;
	const struct catalog_key *key;

	if (words->name.text && !resolve__columns(compiler, table, words, ret_columns))
		return false;
	if (!words->name.text && !resolve__primary_columns(compiler, table, owner, ret_columns))
		return false;
	key = mapping__unique(table, ret_columns);
	if (!key) {
		resolve__add(compiler, place, "no unique key of \"%s.%s\" has just these columns, so two rows may share them",
		             table->schema, table->name);
		resolve__expect_key(compiler, table);
		return false;
	}
	if (!key->primary && !key->not_null) {
		resolve__add(compiler, place, "a column of this key of \"%s.%s\" may be NULL", table->schema, table->name);
		resolve__expect_key(compiler, table);
		return false;
	}
	return resolve__check_identity(compiler, table, ret_columns, key, place);
}

/* What a column has to be to be carried at all. */
static bool resolve__check_property(struct compiler *compiler, const struct catalog_table *table,
                                    const struct resolved_property *property, bool implicit)
{
	const struct catalog_column *column = property->column;
	const char *why = NULL;

	if (column->generated)
		why = "is generated, and PostgreSQL does not replicate generated columns";
	else if (property->type.kind == TYPE_UNSUPPORTED)
		why = "is of a type that pgweave does not know";
	if (why) {
		resolve__add(compiler, property->name.place, "the column \"%s\" (%s) of \"%s.%s\" %s", column->name,
		             column->type_name, table->schema, table->name, why);
		if (column->generated)
			resolve__expect(compiler,
			                implicit ? "to leave it out: except: [%s]" : "another column than \"%s\", or none",
			                column->name);
		else if (implicit)
			resolve__expect(compiler,
			                "to leave it out: except: [%s]; or to list it under properties with {as: text}",
			                column->name);
		else
			resolve__expect(compiler, "{%s: {column: %s, as: text}}, as PostgreSQL prints it", property->name.text,
			                column->name);
		return false;
	}
	if (name_is_reserved(property->name.text)) {
		resolve__add(compiler, property->name.place, "the property \"%s\" is reserved", property->name.text);
		resolve__expect(compiler, "another name: properties: {name: %s}", column->name);
		return false;
	}
	return true;
}

/* The property that the file gives a column; NULL when it names none. */
static const struct mapping_property *resolve__named(const struct mapping_properties *properties,
                                                     const struct catalog_column *column)
{
	for (uint32_t i = 0; i < properties->count; i++)
		if (mapping__is_of_column(&properties->items[i], column->name))
			return &properties->items[i];
	return NULL;
}

/* What `as` makes of the column's type; with a path or a constant it says what those are read as. */
static bool resolve__set_as(struct compiler *compiler, const struct mapping_property *named, struct resolved_property *property)
{
	if (!named->as.word.text || named->path.count || named->constant)
		return true;
	if (property->type.kind == TYPE_NUMERIC && !(property->type.array && named->as.index == NUMERIC_AS_TEXT)) {
		property->type.numeric_as = (enum numeric_as)named->as.index;
		return true;
	}
	if (named->as.index == NUMERIC_AS_TEXT) {
		property->type = (struct type){.kind = TYPE_TEXT};
		return true;
	}
	resolve__add(compiler, named->as.word.place, "\"as: %s\" is for numeric columns, and \"%s\" is %s", named->as.word.text,
	             property->column->name, property->column->type_name);
	resolve__expect(compiler, "\"as: text\", or no \"as\"");
	return false;
}

static bool resolve__set_type(struct compiler *compiler, const struct mapping_property *named,
                              struct resolved_property *property)
{
	property->type = property->parts.count ? (struct type){.kind = TYPE_TEXT} : property->column->type;
	return !named || (resolve__set_as(compiler, named, property) && mapping__conversion(compiler, named, property));
}

/* The key's columns as properties, under the names that `properties` gives them. */
static bool resolve__key_properties(struct compiler *compiler, const struct resolved_columns *key,
                                    const struct mapping_properties *mapped, struct place owner,
                                    struct resolved_properties *properties)
{
	bool all = true;

	properties->key = mapping__compile_calloc(compiler, key->count, sizeof(*properties->key));
	for (uint32_t i = 0; properties->key && i < key->count; i++) {
		const struct mapping_property *named = resolve__named(mapped, key->items[i]);
		struct resolved_property *property = &properties->key[i];

		property->column = key->items[i];
		property->name = named ? named->name : (struct word){key->items[i]->name, owner};
		all = resolve__set_type(compiler, named, property) && all;
		all = resolve__check_key_type(compiler, property->column, &property->type, property->name.place) && all;
		if (name_is_reserved(property->name.text)) {
			resolve__add(compiler, owner, "the property \"%s\" is reserved", property->name.text);
			resolve__expect(compiler, "another name: properties: {name: %s}", property->column->name);
			all = false;
		}
		properties->key_count++;
	}
	return all && !mapping__compile_is_done(compiler);
}

static bool resolve__is_key_name(const struct resolved_properties *properties, const char *name)
{
	for (uint32_t i = 0; i < properties->key_count; i++)
		if (strcmp(properties->key[i].name.text, name) == 0)
			return true;
	return false;
}

/* The columns that it is made of, the first of which also is its column. False when it is not to be a property. */
static bool resolve__parts(struct compiler *compiler, const struct catalog_table *table, const struct mapping_property *named,
                           struct resolved_property *property)
{
	const struct words *concat = &named->concat;

	if (concat->count > CONCATENATION_PARTS_MAX) {
		resolve__add(compiler, concat->name.place, "\"concat\" of \"%s\" is a list of %u", named->name.text,
		             concat->count);
		resolve__expect(compiler, "at most %d columns", CONCATENATION_PARTS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < concat->count; i++)
		if (mapping__is_left_out(compiler, table, named->name.text, &concat->items[i]))
			return false;
	if (!resolve__columns(compiler, table, concat, &property->parts))
		return false;
	for (uint32_t i = 0; i < property->parts.count; i++) {
		const struct catalog_column *column = property->parts.items[i];

		if (!column->generated)
			continue;
		resolve__add(
		        compiler, concat->items[i].place,
		        "the column \"%s\" (%s) of \"%s.%s\" is generated, and PostgreSQL does not replicate generated columns",
		        column->name, column->type_name, table->schema, table->name);
		resolve__expect(compiler, "other columns than \"%s\"", column->name);
		return false;
	}
	property->column = property->parts.items[0];
	property->separator = named->separator ? named->separator : "";
	return true;
}

/* The column that a property is read from. False when there is none. */
static bool resolve__source(struct compiler *compiler, const struct catalog_table *table, const struct mapping_property *named,
                            const struct resolved_columns *key, struct resolved_property *property)
{
	if (named->concat.name.text)
		return resolve__parts(compiler, table, named, property);
	if (!named->constant && mapping__is_left_out(compiler, table, named->name.text, &named->column))
		return false;
	/* a constant stands beside the row's key, which every row has */
	property->column = named->constant && key ? key->items[0] : mapping__column(compiler, table, &named->column);
	return property->column != NULL;
}

/* The columns that `properties` lists. */
static void resolve__listed(struct compiler *compiler, const struct catalog_table *table,
                            const struct mapping_properties *mapped, const struct resolved_columns *key,
                            struct resolved_properties *properties)
{
	properties->rest = mapping__compile_calloc(compiler, mapped->count, sizeof(*properties->rest));
	for (uint32_t i = 0; properties->rest && i < mapped->count && !mapping__compile_is_done(compiler); i++) {
		const struct mapping_property *named = &mapped->items[i];
		struct resolved_property property = {.name = named->name};
		bool is_key = false;

		if (!resolve__source(compiler, table, named, key, &property))
			continue;
		for (uint32_t k = 0; k < properties->key_count; k++)
			is_key = is_key || properties->key[k].name.text == named->name.text;
		if (is_key)
			continue;
		if (resolve__is_key_name(properties, named->name.text)) {
			resolve__add(compiler, named->name.place, "the property \"%s\" is the name of a key's property already",
			             named->name.text);
			resolve__expect(compiler, "another name");
			continue;
		}
		if (resolve__set_type(compiler, named, &property) && resolve__check_property(compiler, table, &property, false))
			properties->rest[properties->rest_count++] = property;
	}
}

static bool resolve__in_foreign_key(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t i = 0; i < table->foreign_keys_count; i++)
		if (resolve__has_attnum(table->foreign_keys[i].attnums, table->foreign_keys[i].attnums_count, attnum))
			return true;
	return false;
}

static void resolve__check_except(struct compiler *compiler, const struct words *except,
                                  const struct mapping_properties *mapped, const struct resolved_columns *key,
                                  const struct resolved_columns *columns)
{
	if (mapped->name.text && except->name.text) {
		resolve__add(compiler, except->name.place, "\"except\" beside \"properties\"");
		resolve__expect(compiler, "one of them: \"except\" takes away from all columns, \"properties\" lists them");
	}
	for (uint32_t i = 0; i < columns->count; i++) {
		if (!resolve__has(key, columns->items[i]))
			continue;
		resolve__add(compiler, except->items[i].place, "\"%s\" is of the key, which always is a property",
		             columns->items[i]->name);
		resolve__expect(compiler, "columns that are not of the key");
	}
}

/*
 * Without `properties`: every column that is in no foreign key, neither the database's nor one that this file declares. key:
 * what is a property already.
 */
static void resolve__implied(struct compiler *compiler, const struct catalog_table *table, struct place owner,
                             const struct resolved_columns *key, const struct resolved_columns *except,
                             const struct resolved_columns *stay, const struct resolved_columns *used,
                             struct resolved_properties *properties)
{
	properties->rest = mapping__compile_calloc(compiler, table->columns_count, sizeof(*properties->rest));
	for (uint32_t i = 0; properties->rest && i < table->columns_count && !mapping__compile_is_done(compiler); i++) {
		const struct catalog_column *column = &table->columns[i];
		struct resolved_property property = {.name = {column->name, owner}, .column = column, .type = column->type};

		if (resolve__has(key, column) || resolve__has(except, column) || resolve__has(stay, column) ||
		    resolve__has(used, column) || resolve__in_foreign_key(table, column->attnum))
			continue;
		if (resolve__check_property(compiler, table, &property, true))
			properties->rest[properties->rest_count++] = property;
	}
}

/*
 * used: columns that the file's relationships take from this table. key: the row's, NULL when it is not known, so that the rest
 * is looked at all the same; as_key: whether it becomes properties.
 */
static bool resolve__properties(struct compiler *compiler, const struct catalog_table *table, struct place owner,
                                const struct mapping_properties *mapped, const struct words *except_words,
                                const struct words *relational_only, const struct resolved_columns *key, bool as_key,
                                const struct resolved_columns *used, struct resolved_properties *properties)
{
	struct resolved_columns except = {0}, stay = {0}, none = {0};
	bool fine = key != NULL;

	if (except_words->name.text) {
		fine = resolve__columns(compiler, table, except_words, &except) && fine;
		if (fine)
			resolve__check_except(compiler, except_words, mapped, key, &except);
	}
	if (relational_only->name.text)
		fine = resolve__columns(compiler, table, relational_only, &stay) && fine;
	if (as_key && key)
		fine = resolve__key_properties(compiler, key, mapped, owner, properties) && fine;
	if (mapped->name.text)
		resolve__listed(compiler, table, mapped, key, properties);
	else if (fine)
		resolve__implied(compiler, table, owner, as_key ? key : &none, &except, &stay, used, properties);
	return fine;
}

static int resolve__compare_labels(const void *a, const void *b)
{
	return strcmp((*(struct resolved_node *const *)a)->mapped->label.text,
	              (*(struct resolved_node *const *)b)->mapped->label.text);
}

static const struct resolved_node *resolve__find_label(const struct compiler *compiler, const char *label)
{
	uint32_t from = 0, to = compiler->nodes_count;

	while (from < to) {
		uint32_t middle = (from + to) / 2;
		int order = strcmp(label, compiler->nodes_by_label[middle]->mapped->label.text);

		if (order == 0)
			return compiler->nodes_by_label[middle];
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static const struct resolved_node *resolve__label(struct compiler *compiler, const struct word *label)
{
	const struct resolved_node *node = resolve__find_label(compiler, label->text);
	struct suggestion suggestion = suggestion_of(label->text);

	if (node)
		return node;
	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		suggestion_offer(&suggestion, compiler->nodes[i].mapped->label.text);
	resolve__add(compiler, label->place, "no node has the label \"%s\"", label->text);
	if (suggestion.nearest)
		resolve__expect(compiler, "a label under \"nodes\"; did you mean \"%s\"?", suggestion.nearest);
	else
		resolve__expect(compiler, "a label under \"nodes\"");
	return NULL;
}

/* A further label that is another mapping's own would make this node look like one of that mapping's. */
static void resolve__check_labels(struct compiler *compiler, const struct mapping_node *mapped)
{
	for (uint32_t i = 0; i < mapped->labels.count && !mapping__compile_is_done(compiler); i++) {
		const struct word *label = &mapped->labels.items[i];

		if (!resolve__find_label(compiler, label->text))
			continue;
		resolve__add(compiler, label->place, "\"%s\" is a node's own label already", label->text);
		resolve__expect(compiler, "further labels that are not a key under \"nodes\"");
	}
}

/* All columns that the node's relationships take; those that do not exist are reported with the relationship. */
static void resolve__used_columns(struct compiler *compiler, const struct resolved_node *node,
                                  struct resolved_columns *ret_columns)
{
	const struct mapping_links *links = &node->mapped->links;

	ret_columns->items = mapping__compile_calloc(compiler, node->table->columns_count, sizeof(*ret_columns->items));
	for (uint32_t l = 0; ret_columns->items && l < links->count; l++)
		for (uint32_t i = 0; i < links->items[l].columns.count; i++) {
			const struct catalog_column *column =
			        catalog_column_by_name(node->table, links->items[l].columns.items[i].text);

			if (column && !resolve__has(ret_columns, column))
				ret_columns->items[ret_columns->count++] = column;
		}
}

static bool resolve__has_label(const struct resolved_node *node, const char *label)
{
	for (uint32_t i = 0; i < node->mapped->labels.count; i++)
		if (strcmp(node->mapped->labels.items[i].text, label) == 0)
			return true;
	for (uint32_t i = 0; i < node->labels_count; i++)
		if (strcmp(node->labels[i].name.text, label) == 0)
			return true;
	return false;
}

static int resolve__compare_choices(const void *a, const void *b)
{
	return strcmp(((const struct resolved_choice *)a)->name.text, ((const struct resolved_choice *)b)->name.text);
}

/* The labels that columns choose: each from one place, and none that is something else already. */
static bool resolve__chosen_labels(struct compiler *compiler, struct resolved_node *node)
{
	const struct mapping_node *mapped = node->mapped;

	for (uint32_t c = 0; c < mapped->choosers_count; c++) {
		struct resolved_choice *all;
		struct resolved_choices choices;

		if (mapped->choosers[c].prefix.text)
			continue;
		if (!mapping__choices(compiler, node->table, &mapped->choosers[c], &choices))
			return false;
		all = mapping__compile_calloc(compiler, (size_t)node->labels_count + choices.count, sizeof(*all));
		if (!all)
			return false;
		for (uint32_t i = 0; i < choices.count; i++) {
			const struct word *name = &choices.items[i].name;
			bool own = resolve__find_label(compiler, name->text) != NULL;

			if (!own && !resolve__has_label(node, name->text))
				continue;
			resolve__add(compiler, name->place, "\"%s\" is %s already", name->text,
			             own ? "a node's own label" : "a label of this node");
			resolve__expect(compiler,
			                own ? "further labels that are not a key under \"nodes\"" : "each label once");
			return false;
		}
		if (node->labels_count)
			memcpy(all, node->labels, node->labels_count * sizeof(*all));
		memcpy(all + node->labels_count, choices.items, choices.count * sizeof(*all));
		node->labels = all;
		node->labels_count += choices.count;
	}
	if (node->labels_count)
		qsort(node->labels, node->labels_count, sizeof(*node->labels), resolve__compare_choices);
	return true;
}

static bool resolve__begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool resolve__has_prefix(const struct resolved_node *node, const char *label)
{
	for (uint32_t i = 0; i < node->prefixes_count; i++)
		if (resolve__begins(label, node->prefixes[i].name.text))
			return true;
	return false;
}

/* What begins so is the column's alone: other labels that do so would be taken off. */
static bool resolve__check_prefix(struct compiler *compiler, const struct resolved_node *node, const struct word *prefix)
{
	const char *taken = resolve__begins(NAME_RESERVED_PREFIX, prefix->text) ? NAME_RESERVED_PREFIX : NULL;

	for (const char *at = prefix->text; *at; at++) {
		if ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || *at == '_' ||
		    (at > prefix->text && *at >= '0' && *at <= '9'))
			continue;
		resolve__add(compiler, prefix->place, "the prefix \"%s\" is not made of letters, digits and _", prefix->text);
		resolve__expect(compiler, "a beginning of labels such as Tenant_");
		return false;
	}
	for (uint32_t i = 0; i < compiler->nodes_count && !taken; i++)
		if (resolve__begins(compiler->nodes[i].mapped->label.text, prefix->text))
			taken = compiler->nodes[i].mapped->label.text;
	for (uint32_t i = 0; i < node->mapped->labels.count && !taken; i++)
		if (resolve__begins(node->mapped->labels.items[i].text, prefix->text))
			taken = node->mapped->labels.items[i].text;
	for (uint32_t i = 0; i < node->labels_count && !taken; i++)
		if (resolve__begins(node->labels[i].name.text, prefix->text))
			taken = node->labels[i].name.text;
	for (uint32_t i = 0; i < node->prefixes_count && !taken; i++)
		if (resolve__begins(node->prefixes[i].name.text, prefix->text) ||
		    resolve__begins(prefix->text, node->prefixes[i].name.text))
			taken = node->prefixes[i].name.text;
	if (!taken)
		return true;
	resolve__add(compiler, prefix->place, "labels that begin with \"%s\" are the column's, and \"%s\" is there already",
	             prefix->text, taken);
	resolve__expect(compiler, "a prefix that no other label begins with");
	return false;
}

/* A text, or what is as good as one: a number, a uuid, an enum. */
static bool resolve__prefixed(struct compiler *compiler, struct resolved_node *node, const struct mapping_chooser *chooser)
{
	const struct catalog_column *column = mapping__column(compiler, node->table, &chooser->column);

	if (!column)
		return false;
	if (chooser->values_count) {
		resolve__add(compiler, chooser->prefix.place, "\"%s\" has both \"prefix\" and \"values\"", column->name);
		resolve__expect(compiler, "one of them");
		return false;
	}
	if (column->generated || column->type.array || (column->type.kind != TYPE_TEXT && column->type.kind != TYPE_INT)) {
		resolve__add(compiler, chooser->column.place, "\"%s\" (%s%s) cannot be part of a label", column->name,
		             column->type_name, column->generated ? ", generated" : "");
		resolve__expect(compiler, "a column of text, of whole numbers, of uuid or of an enum");
		return false;
	}
	if (!resolve__check_prefix(compiler, node, &chooser->prefix))
		return false;
	node->prefixes[node->prefixes_count++] = (struct resolved_property){
	        .name = chooser->prefix,
	        .column = column,
	        .type = {.kind = TYPE_TEXT},
	};
	return true;
}

/* Behind the labels that are known. */
static bool resolve__prefixes(struct compiler *compiler, struct resolved_node *node)
{
	const struct mapping_node *mapped = node->mapped;
	bool fine = true;

	node->prefixes = mapping__compile_calloc(compiler, mapped->choosers_count, sizeof(*node->prefixes));
	for (uint32_t c = 0; c < mapped->choosers_count && node->prefixes; c++)
		if (mapped->choosers[c].prefix.text)
			fine = resolve__prefixed(compiler, node, &mapped->choosers[c]) && fine;
	return fine && node->prefixes;
}

/* It says of a node that it has no row, so it may say nothing else. */
static bool resolve__deleted_label(struct compiler *compiler, const struct resolved_node *node)
{
	const struct mapping_node *mapped = node->mapped;
	const struct word *named = &mapped->deleted_label;
	const char *label = named->text ? named->text : MAPPING_DELETED_LABEL;
	struct place place = named->text ? named->place : mapped->on_delete.word.place;
	bool own;

	if (mapped->on_delete.index == PLAN_DELETE_DETACH) {
		if (!named->text)
			return true;
		resolve__add(compiler, place, "\"%s\" has a \"deleted_label\", but none of its nodes stay", mapped->label.text);
		resolve__expect(compiler, "with it \"on_delete\": restrict, tombstone or keep");
		return false;
	}
	own = resolve__find_label(compiler, label) != NULL;
	if (!own && !resolve__has_label(node, label) && !resolve__has_prefix(node, label))
		return true;
	resolve__add(compiler, place, "\"%s\", the label of nodes without a row, is %s already", label,
	             own ? "a node's own label" : "a label of this node");
	resolve__expect(compiler, "deleted_label: a label that nothing else has");
	return false;
}

/* The column that says whose the table's rows are, or NULL: they are everybody's. */
static const struct catalog_column *resolve__tenant_column(const struct compiler *compiler, const struct catalog_table *table)
{
	const struct word *column = &compiler->mapping->tenant.column;

	return column->text ? catalog_column_by_name(table, column->text) : NULL;
}

/* Narrows a condition to the tenant's rows. */
static bool resolve__tenant(struct compiler *compiler, const struct catalog_table *table, const struct condition **where)
{
	const struct catalog_column *column = resolve__tenant_column(compiler, table);
	const struct condition *equal;

	if (!column)
		return true;
	if (!mapping__condition_equal(compiler, table, column, &compiler->mapping->tenant.value, &equal))
		return false;
	*where = mapping__condition_pair(compiler, CONDITION_AND, equal, *where);
	return *where != NULL;
}

/* Its key's type is said by the columns that lead to it, see resolve__value_end(). */
static void resolve__value_node(struct compiler *compiler, struct resolved_node *node)
{
	node->key =
	        (struct resolved_columns){.items = mapping__compile_calloc(compiler, 1, sizeof(*node->key.items)), .count = 1};
	node->properties.key = mapping__compile_calloc(compiler, 1, sizeof(*node->properties.key));
	if (!node->properties.key)
		return;
	node->properties.key[0].name = node->mapped->value;
	node->properties.key_count = 1;
	node->fine = !compiler->no_memory;
}

static void resolve__node(struct compiler *compiler, struct resolved_node *node)
{
	const struct mapping_node *mapped = node->mapped;
	struct resolved_columns used = {0};
	bool key;

	resolve__check_labels(compiler, mapped);
	if (mapped->value.text) {
		resolve__value_node(compiler, node);
		return;
	}
	node->table = resolve__table(compiler, &mapped->table);
	if (!node->table)
		return;
	resolve__used_columns(compiler, node, &used);
	if (!used.items)
		return;
	key = resolve__key(compiler, node->table, &mapped->key, mapped->label.place, &node->key);
	key = mapping__condition(compiler, node->table, &mapped->where, &node->where) && key;
	key = key && resolve__tenant(compiler, node->table, &node->where);
	key = resolve__chosen_labels(compiler, node) && key;
	key = resolve__prefixes(compiler, node) && key;
	key = resolve__deleted_label(compiler, node) && key;
	key = mapping__element_id(compiler, node) && key;
	if (node->element_id && !resolve__has(&used, node->element_id))
		used.items[used.count++] = node->element_id;
	node->fine = resolve__properties(compiler, node->table, mapped->label.place, &mapped->properties, &mapped->except,
	                                 &mapped->relational_only, key ? &node->key : NULL, true, &used, &node->properties) &&
	             key;
}

/* The same table in two nodes, or in a node and a join. */
static void resolve__check_tables(struct compiler *compiler)
{
	uint32_t count = compiler->catalog->tables_count;
	const struct resolved_node **users = mapping__compile_calloc(compiler, count, sizeof(const struct resolved_node *));

	for (uint32_t i = 0; users && i < compiler->nodes_count && !mapping__compile_is_done(compiler); i++) {
		const struct resolved_node *node = &compiler->nodes[i];
		const struct resolved_node **user = node->table ? &users[node->table - compiler->catalog->tables] : NULL;

		if (user && *user) {
			resolve__add(compiler, node->mapped->table.name.place, "the table \"%s.%s\" is the node \"%s\" already",
			             node->table->schema, node->table->name, (*user)->mapped->label.text);
			resolve__expect(compiler, "one node for a table; further labels go under \"labels\"");
		} else if (user) {
			*user = node;
		}
	}
	for (uint32_t i = 0; users && i < compiler->edges_count && !mapping__compile_is_done(compiler); i++) {
		const struct resolved_edge *edge = &compiler->edges[i];
		const struct resolved_node *user =
		        edge->join && edge->table ? users[edge->table - compiler->catalog->tables] : NULL;

		/* all the types that one mapping's column chooses stand side by side */
		if (!user || (i && compiler->edges[i - 1].join == edge->join))
			continue;
		resolve__add(compiler, edge->join->table.name.place, "the table \"%s.%s\" is the node \"%s\" already",
		             edge->table->schema, edge->table->name, user->mapped->label.text);
		resolve__expect(compiler, "its foreign keys as relationships of that node, or no node");
	}
}

/*
 * Whether a validated foreign key ties just these columns to just that key, pair by pair. A deferrable one does not count:
 * within a transaction that is applied in parts its end may be away for a while, and must not take the relationship with it.
 */
static void resolve__enforced(const struct catalog_table *table, const struct resolved_columns *columns,
                              const struct resolved_node *node, struct resolved_end *ret_end)
{
	for (uint32_t f = 0; f < table->foreign_keys_count; f++) {
		const struct catalog_foreign_key *foreign = &table->foreign_keys[f];
		uint32_t paired = 0;

		if (!foreign->validated || foreign->deferrable || foreign->target_oid != node->table->oid ||
		    foreign->attnums_count != columns->count)
			continue;
		for (uint32_t i = 0; i < columns->count; i++)
			for (uint32_t k = 0; k < foreign->attnums_count; k++)
				paired += foreign->attnums[k] == columns->items[i]->attnum &&
				          foreign->target_attnums[k] == node->key.items[i]->attnum;
		if (paired != columns->count)
			continue;
		ret_end->stays =
		        (!ret_end->enforced || ret_end->stays) && (foreign->on_update == 'a' || foreign->on_update == 'r');
		ret_end->enforced = true;
	}
}

bool mapping__is_plain(const struct type *property, const struct type *column)
{
	return property->kind == column->kind && property->array == column->array && !property->conversion &&
	       property->numeric_as == NUMERIC_AS_TEXT;
}

/* The one foreign key over just these columns to the node's table, where it does not refer to the node's key; else NULL. */
static const struct catalog_foreign_key *resolve__to_other_key(const struct catalog_table *table,
                                                               const struct resolved_columns *columns,
                                                               const struct resolved_node *node)
{
	const struct catalog_foreign_key *found = NULL;

	for (uint32_t f = 0; f < table->foreign_keys_count; f++) {
		const struct catalog_foreign_key *foreign = &table->foreign_keys[f];
		uint32_t here = 0, there = 0;

		if (foreign->target_oid != node->table->oid || foreign->attnums_count != columns->count)
			continue;
		for (uint32_t i = 0; i < columns->count; i++)
			here += resolve__has_attnum(foreign->attnums, foreign->attnums_count, columns->items[i]->attnum);
		for (uint32_t i = 0; i < node->key.count; i++)
			there += resolve__has_attnum(foreign->target_attnums, foreign->attnums_count,
			                             node->key.items[i]->attnum);
		if (here != columns->count)
			continue;
		if (there == node->key.count && node->key.count == columns->count)
			return NULL;
		found = foreign;
	}
	return found;
}

/* Whether the node carries the column just as it is, in a property of a type that can tell nodes apart. */
static bool resolve__carries(const struct resolved_node *node, const struct catalog_column *column)
{
	bool carried = resolve__has(&node->key, column);

	for (uint32_t i = 0; i < node->properties.rest_count && !carried; i++)
		carried = node->properties.rest[i].column == column && !node->properties.rest[i].parts.count &&
		          mapping__is_plain(&node->properties.rest[i].type, &column->type);
	return carried && !column->type.array && column->type.kind != TYPE_FLOAT && column->type.kind != TYPE_INTERVAL &&
	       column->type.kind != TYPE_POINT && column->type.kind != TYPE_GEOMETRY && column->type.kind != TYPE_VECTOR;
}

/* Makes the node carry it, where the file leaves to us what it carries. False when it does not. */
static bool resolve__carry(struct resolved_node *node, const struct catalog_column *column)
{
	const struct mapping_node *mapped = node->mapped;
	struct resolved_property property = {
	        .name = {column->name, mapped->label.place}, .column = column, .type = column->type};

	if (resolve__carries(node, column))
		return true;
	if (mapped->properties.name.text || mapping__words_have(&mapped->except, column->name) ||
	    mapping__words_have(&mapped->relational_only, column->name) || column == node->element_id || column->generated ||
	    column->type.kind == TYPE_UNSUPPORTED || name_is_reserved(column->name) ||
	    node->properties.rest_count == node->table->columns_count)
		return false;
	node->properties.rest[node->properties.rest_count++] = property;
	return resolve__carries(node, column);
}

/* The other unique key that the foreign key refers to: the database has to vouch for it, and the graph to have it. */
static bool resolve__by_other_key(struct compiler *compiler, const struct catalog_foreign_key *foreign,
                                  const struct word *label, const struct words *words, struct resolved_end *end)
{
	const struct resolved_node *node = end->node;

	if (!foreign->validated || foreign->deferrable) {
		resolve__add(compiler, words->name.place,
		             "the foreign key \"%s\" does not refer to the key of \"%s\", and is %s", foreign->name,
		             label->text, foreign->validated ? "DEFERRABLE" : "NOT VALID");
		resolve__expect(compiler, "one that is validated and not deferrable, so that the node is always there");
		return false;
	}
	if (node->where) {
		resolve__add(compiler, words->name.place,
		             "the foreign key \"%s\" does not refer to the key of \"%s\", which has a \"where\"", foreign->name,
		             label->text);
		resolve__expect(compiler, "a reference to its key: a placeholder for a row that is left out has nothing else");
		return false;
	}
	if (node->mapped->on_delete.index != PLAN_DELETE_DETACH) {
		resolve__add(compiler, words->name.place,
		             "the foreign key \"%s\" does not refer to the key of \"%s\", whose nodes stay when their rows go",
		             foreign->name, label->text);
		resolve__expect(compiler, "a reference to its key: another row may have the same values by now");
		return false;
	}
	end->by.items = mapping__compile_calloc(compiler, end->columns.count, sizeof(*end->by.items));
	for (uint32_t i = 0; end->by.items && i < end->columns.count; i++)
		for (uint32_t k = 0; k < foreign->attnums_count; k++) {
			const struct catalog_column *there = catalog_column_by_attnum(node->table, foreign->target_attnums[k]);

			if (foreign->attnums[k] != end->columns.items[i]->attnum || !there)
				continue;
			end->by.items[end->by.count++] = there;
			if (resolve__carry(&compiler->nodes[node - compiler->nodes], there))
				continue;
			resolve__add(
			        compiler, words->name.place,
			        "the foreign key \"%s\" refers to \"%s\" of \"%s\", which is not a property there as it is",
			        foreign->name, there->name, label->text);
			resolve__expect(compiler, "%s among the properties of %s", there->name, label->text);
			return false;
		}
	end->enforced = true;
	end->stays = foreign->on_update == 'a' || foreign->on_update == 'r';
	return end->by.count == end->columns.count;
}

/*
 * A column whose values are nodes: all the columns that lead to one label hold values of one kind, and of one that can tell
 * nodes apart.
 */
static bool resolve__value_end(struct compiler *compiler, struct resolved_node *node, const struct words *words,
                               const struct resolved_end *end)
{
	const char *label = node->mapped->label.text, *why;
	const struct catalog_column *column = end->columns.items[0];
	struct type type = column->type;

	type.array = type.array && !end->each;
	if (end->columns.count != 1) {
		resolve__add(compiler, words->name.place, "%u columns cannot be the value of \"%s\"", end->columns.count,
		             label);
		resolve__expect(compiler, "one column");
		return false;
	}
	why = resolve__no_key(column, &type);
	if (why) {
		resolve__add(compiler, words->items[0].place, "\"%s\" (%s) cannot be the value of \"%s\": it %s", column->name,
		             column->type_name, label, why);
		resolve__expect(compiler, "a column of a type that a key can have");
		return false;
	}
	if (node->value && node->value->type.kind != column->type.kind) {
		resolve__add(compiler, words->items[0].place, "\"%s\" (%s) and \"%s\" (%s) both lead to \"%s\"", column->name,
		             column->type_name, node->value->name, node->value->type_name, label);
		resolve__expect(compiler, "columns of one kind of type for one label");
		return false;
	}
	if (!node->value) {
		node->value = column;
		node->properties.key[0].type = type;
	}
	return true;
}

/* Whether the columns can hold what they are paired with. */
static bool resolve__check_end(struct compiler *compiler, const struct word *label, const struct words *words,
                               const struct resolved_end *end)
{
	bool fine = true;

	for (uint32_t i = 0; i < end->by.count; i++) {
		const struct catalog_column *here = end->columns.items[i], *there = end->by.items[i];

		if (here->type.kind == there->type.kind && here->type.array == (there->type.array || end->each) &&
		    !here->generated)
			continue;
		resolve__add(compiler, words->items[i].place, "\"%s\" (%s) cannot hold \"%s\" (%s) of the key of \"%s\"%s",
		             here->name, here->type_name, there->name, there->type_name, label->text,
		             here->generated ? ": generated columns are not replicated" : "");
		resolve__expect(compiler, "a column of a type like that one's");
		fine = false;
	}
	return fine;
}

/* The columns here that tell which node is meant: as many as its key has, each of the same kind, or another unique key's. */
static bool resolve__end(struct compiler *compiler, const struct catalog_table *table, const struct word *label,
                         const struct words *words, bool link, struct resolved_end *ret_end)
{
	const struct resolved_node *node = resolve__label(compiler, label);
	bool fine = resolve__columns(compiler, table, words, &ret_end->columns);
	const struct catalog_foreign_key *other;

	if (node)
		compiler->nodes[node - compiler->nodes].led_to = true;
	if (!node || !node->fine || !fine)
		return false;
	ret_end->node = node;
	ret_end->by = node->key;
	ret_end->each = link && ret_end->columns.count == 1 && ret_end->columns.items[0]->type.array &&
	                !(node->table && node->key.items[0]->type.array);
	if (!node->table)
		return resolve__value_end(compiler, &compiler->nodes[node - compiler->nodes], words, ret_end);
	other = resolve__to_other_key(table, &ret_end->columns, node);
	if (other && link) {
		ret_end->by = (struct resolved_columns){0};
		return resolve__by_other_key(compiler, other, label, words, ret_end) &&
		       resolve__check_end(compiler, label, words, ret_end);
	}
	if (other) {
		resolve__add(compiler, words->name.place, "the foreign key \"%s\" does not refer to the key of \"%s\"",
		             other->name, label->text);
		resolve__expect(compiler, "the table as a node, with its foreign keys as relationships");
		return false;
	}
	if (ret_end->columns.count != node->key.count) {
		resolve__add(compiler, words->name.place, "%u column%s cannot hold the key of \"%s\", which has %u",
		             ret_end->columns.count, ret_end->columns.count == 1 ? "" : "s", label->text, node->key.count);
		resolve__expect(compiler, "one column for each column of that key, in its order");
		return false;
	}
	fine = resolve__check_end(compiler, label, words, ret_end);
	/* a row that is there may still be no node, so its foreign key does not vouch for one */
	if (fine && !node->where)
		resolve__enforced(table, &ret_end->columns, node, ret_end);
	return fine;
}

/* Whether the key's columns are just the two ends' columns, beside one that is always the same here; NULL: none is. */
static bool resolve__is_ends(const struct resolved_edge *edge, const struct catalog_column *same)
{
	for (uint32_t i = 0; i < edge->key.count; i++)
		if (edge->key.items[i] != same && !resolve__has(&edge->from.columns, edge->key.items[i]) &&
		    !resolve__has(&edge->to.columns, edge->key.items[i]))
			return false;
	for (uint32_t i = 0; i < edge->from.columns.count; i++)
		if (!resolve__has(&edge->key, edge->from.columns.items[i]))
			return false;
	for (uint32_t i = 0; i < edge->to.columns.count; i++)
		if (!resolve__has(&edge->key, edge->to.columns.items[i]))
			return false;
	return true;
}

/* What a join's relationship is found by, and what it carries; `same` as above. */
static void resolve__join_kind(struct compiler *compiler, struct resolved_edge *edge, const struct catalog_column *same)
{
	const struct mapping_join *join = edge->join;
	struct resolved_columns used = {0};

	edge->kind = resolve__is_ends(edge, same) ? PLAN_EDGE_JOIN_ENDS : PLAN_EDGE_JOIN_KEYED;
	edge->properties = (struct resolved_properties){0};
	used.items = mapping__compile_calloc(compiler, edge->from.columns.count + edge->to.columns.count, sizeof(*used.items));
	for (uint32_t i = 0; used.items && i < edge->from.columns.count; i++)
		used.items[used.count++] = edge->from.columns.items[i];
	for (uint32_t i = 0; used.items && i < edge->to.columns.count; i++)
		used.items[used.count++] = edge->to.columns.items[i];
	edge->fine = used.items && resolve__properties(compiler, edge->table, join->type.place, &join->properties,
	                                               &join->except, &join->relational_only, &edge->key,
	                                               edge->kind == PLAN_EDGE_JOIN_KEYED, &used, &edge->properties);
}

static void resolve__append(struct compiler *compiler, const struct resolved_edge *edge)
{
	uint32_t capacity = compiler->edges_capacity ? compiler->edges_capacity * 2 : EDGES_FIRST;

	if (compiler->edges_count == MAPPING_EDGES_MAX) {
		resolve__add(compiler, edge->type.place, "there are more than %d relationships", MAPPING_EDGES_MAX);
		compiler->diagnostics->more = true;
		return;
	}
	if (compiler->edges_count == compiler->edges_capacity) {
		struct resolved_edge *edges = mapping__compile_calloc(compiler, capacity, sizeof(*edges));

		if (!edges)
			return;
		if (compiler->edges_count)
			memcpy(edges, compiler->edges, compiler->edges_count * sizeof(*edges));
		compiler->edges = edges;
		compiler->edges_capacity = capacity;
	}
	compiler->edges[compiler->edges_count++] = *edge;
}

/* The relationship for the rows that `choice` takes; NULL: for all. */
static void resolve__append_choice(struct compiler *compiler, const struct resolved_edge *edge,
                                   const struct catalog_column *column, const struct resolved_choice *choice)
{
	struct resolved_edge chosen = *edge;

	if (choice) {
		chosen.type = choice->name;
		chosen.where = mapping__condition_pair(compiler, CONDITION_AND, edge->where, choice->where);
		if (resolve__has(&edge->key, column))
			chosen.mine = choice->where;
	}
	if (chosen.join)
		resolve__join_kind(compiler, &chosen, choice && choice->single ? column : NULL);
	resolve__append(compiler, &chosen);
}

/* Takes the edge in; where a column chooses its type, one for each. */
static void resolve__take(struct compiler *compiler, struct resolved_edge *edge, const struct mapping_chooser *chooser)
{
	struct resolved_choice other = {.name = edge->type};
	struct resolved_choices choices;

	if (edge->fine && !chooser->name.text) {
		resolve__append_choice(compiler, edge, NULL, NULL);
		return;
	}
	edge->fine = edge->fine && mapping__choices(compiler, edge->table, chooser, &choices);
	if (!edge->fine) {
		resolve__append(compiler, edge);
		return;
	}
	other.where = choices.other;
	for (uint32_t i = 0; i < choices.count && !mapping__compile_is_done(compiler); i++) {
		struct resolved_choice *choice = &choices.items[i];

		if (other.where && strcmp(choice->name.text, other.name.text) == 0) {
			choice->where = mapping__condition_pair(compiler, CONDITION_OR, choice->where, other.where);
			choice->single = false;
			other.where = NULL;
		}
		resolve__append_choice(compiler, edge, choices.column, choice);
	}
	if (other.where && !mapping__compile_is_done(compiler))
		resolve__append_choice(compiler, edge, choices.column, &other);
}

/* The place of an array's element: what tells one relationship from another between the same nodes. */
static bool resolve__position(struct compiler *compiler, const struct mapping_link *link, const struct resolved_end *far,
                              struct resolved_properties *properties)
{
	if (!link->position.text)
		return true;
	if (!far->each) {
		resolve__add(compiler, link->position.place, "\"position\" of a column that is no array");
		resolve__expect(compiler, "it only beside a column of an array type");
		return false;
	}
	properties->key = mapping__compile_calloc(compiler, 1, sizeof(*properties->key));
	if (!properties->key)
		return false;
	properties->key_count = 1;
	properties->key[0] =
	        (struct resolved_property){.name = link->position, .column = far->columns.items[0], .type.kind = TYPE_INT};
	return true;
}

/* Versions cannot hang on placeholders, which come and go. */
static bool resolve__history_end(struct compiler *compiler, const struct resolved_edge *edge, const struct word *place,
                                 const struct resolved_end *end)
{
	const char *label = end->node->mapped->label.text;

	if (end->enforced && end->by.items == end->node->key.items)
		return true;
	if (end->enforced)
		resolve__add(compiler, place->place, "%s keeps its history, and refers to another key than that of \"%s\"",
		             edge->type.text, label);
	else if (end->node->where)
		resolve__add(compiler, place->place, "%s keeps its history, and \"%s\" does not take every row",
		             edge->type.text, label);
	else
		resolve__add(compiler, place->place, "%s keeps its history, and no foreign key vouches for its end \"%s\"",
		             edge->type.text, label);
	resolve__expect(
	        compiler,
	        "a foreign key of \"%s.%s\" (%s) to the key of \"%s\", VALID and not DEFERRABLE, and no \"where\" there",
	        edge->table->schema, edge->table->name, end->columns.items[0]->name, label);
	return false;
}

static bool resolve__history(struct compiler *compiler, struct resolved_edge *edge, const struct mapping_history *history,
                             const struct mapping_chooser *chooser)
{
	if (!history->name.text)
		return true;
	if (chooser->name.text) {
		resolve__add(compiler, history->name.place, "%s keeps its history, and a column chooses its type",
		             edge->type.text);
		resolve__expect(compiler, "\"history\" or \"type\"");
		return false;
	}
	if (strcmp(history->from.text, history->to.text) == 0 || strcmp(history->from.text, history->version.text) == 0 ||
	    strcmp(history->to.text, history->version.text) == 0) {
		resolve__add(compiler, history->name.place, "two properties of %s's history have one name", edge->type.text);
		resolve__expect(compiler, "three names; they are validFrom, validTo and version where the file says none");
		return false;
	}
	edge->history = history;
	return resolve__history_end(compiler, edge, &history->name, &edge->from) &&
	       resolve__history_end(compiler, edge, &history->name, &edge->to);
}

static void resolve__link(struct compiler *compiler, const struct resolved_node *owner, const struct mapping_link *link)
{
	bool to_other = link->to.text != NULL;
	struct resolved_edge edge = {
	        .type = link->type, .kind = PLAN_EDGE_FOREIGN_KEY, .owner = owner, .owner_is_from = to_other};
	struct resolved_end *far = to_other ? &edge.to : &edge.from;
	struct resolved_end *near = to_other ? &edge.from : &edge.to;

	if (owner->table &&
	    resolve__end(compiler, owner->table, to_other ? &link->to : &link->from, &link->columns, true, far)) {
		*near = (struct resolved_end){.node = owner, .columns = owner->key, .by = owner->key, .enforced = true};
		edge.table = owner->table;
		edge.fine = mapping__condition(compiler, owner->table, &link->where, &edge.where) && owner->fine;
		edge.fine = resolve__position(compiler, link, far, &edge.properties) && edge.fine;
		edge.fine = edge.fine && resolve__history(compiler, &edge, &link->history, &link->chooser);
	}
	resolve__take(compiler, &edge, &link->chooser);
}

static void resolve__join(struct compiler *compiler, const struct mapping_join *join)
{
	const struct catalog_table *table = resolve__table(compiler, &join->table);
	struct resolved_edge edge = {.type = join->type, .table = table, .join = join};

	if (table) {
		edge.fine = resolve__end(compiler, table, &join->from.label, &join->from.columns, false, &edge.from);
		edge.fine = resolve__end(compiler, table, &join->to.label, &join->to.columns, false, &edge.to) && edge.fine;
		edge.fine = mapping__condition(compiler, table, &join->where, &edge.where) && edge.fine;
		edge.fine = edge.fine && resolve__tenant(compiler, table, &edge.where);
		edge.fine = edge.fine && resolve__history(compiler, &edge, &join->history, &join->chooser);
		edge.fine = edge.fine && resolve__key(compiler, table, &join->key, join->type.place, &edge.key);
	}
	resolve__take(compiler, &edge, &join->chooser);
}

static int resolve__compare_edges(const void *a, const void *b)
{
	const struct resolved_edge *first = *(const struct resolved_edge *const *)a;
	const struct resolved_edge *second = *(const struct resolved_edge *const *)b;
	int order = strcmp(first->type.text, second->type.text);

	if (order == 0 && first->from.node != second->from.node)
		order = first->from.node < second->from.node ? -1 : 1;
	if (order == 0 && first->to.node != second->to.node)
		order = first->to.node < second->to.node ? -1 : 1;
	if (order == 0)
		order = first < second ? -1 : first > second;
	return order;
}

static bool resolve__has_property(const struct resolved_edge *edge, const char *name)
{
	if (resolve__is_key_name(&edge->properties, name))
		return true;
	for (uint32_t i = 0; i < edge->properties.rest_count; i++)
		if (strcmp(edge->properties.rest[i].name.text, name) == 0)
			return true;
	return false;
}

static void resolve__check_history(struct compiler *compiler, const struct resolved_edge *edge)
{
	const struct word *names[] = {&edge->history->from, &edge->history->to, &edge->history->version};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!resolve__has_property(edge, names[i]->text))
			continue;
		resolve__add(compiler, names[i]->place, "%s has a property \"%s\" beside that of its history", edge->type.text,
		             names[i]->text);
		resolve__expect(compiler, "another name: history: {from: ..., to: ..., version: ...}");
	}
}

/* A keyed relationship's key is unique over its whole type: another mapping of that type must not carry the same properties. */
static bool resolve__check_keyed(struct compiler *compiler, const struct resolved_edge *keyed,
                                 const struct resolved_edge *other)
{
	if (keyed->kind != PLAN_EDGE_JOIN_KEYED)
		return true;
	for (uint32_t i = 0; i < keyed->properties.key_count; i++)
		if (!resolve__has_property(other, keyed->properties.key[i].name.text))
			return true;
	resolve__add(compiler, keyed->type.place, "%s by its own key, and another %s with the same properties",
	             keyed->type.text, other->type.text);
	resolve__expect(compiler, "another type for one of them, or another name for the key's property (%s)",
	                keyed->properties.key[0].name.text);
	return false;
}

/* Nobody could tell which of two mappings made a relationship if both make the same type between the same labels. */
static void resolve__check_edges(struct compiler *compiler)
{
	const struct resolved_edge **sorted =
	        mapping__compile_calloc(compiler, compiler->edges_count, sizeof(const struct resolved_edge *));
	uint32_t count = 0;

	for (uint32_t i = 0; sorted && i < compiler->edges_count; i++) {
		if (!compiler->edges[i].fine)
			continue;
		sorted[count++] = &compiler->edges[i];
		if (compiler->edges[i].history)
			resolve__check_history(compiler, &compiler->edges[i]);
	}
	if (sorted)
		qsort(sorted, count, sizeof(const struct resolved_edge *), resolve__compare_edges);
	for (uint32_t i = 0; sorted && i < count; i++) {
		if (i && strcmp(sorted[i]->type.text, sorted[i - 1]->type.text) == 0 &&
		    sorted[i]->from.node == sorted[i - 1]->from.node && sorted[i]->to.node == sorted[i - 1]->to.node) {
			resolve__add(compiler, sorted[i]->type.place, "(%s)-[%s]->(%s) is mapped twice",
			             sorted[i]->from.node->mapped->label.text, sorted[i]->type.text,
			             sorted[i]->to.node->mapped->label.text);
			resolve__expect(compiler, "a type of its own for each: nobody could tell whose relationship it is");
			continue;
		}
		for (uint32_t k = i + 1; k < count && strcmp(sorted[i]->type.text, sorted[k]->type.text) == 0; k++) {
			if (mapping__compile_is_done(compiler))
				return;
			if (resolve__check_keyed(compiler, sorted[i], sorted[k]))
				(void)resolve__check_keyed(compiler, sorted[k], sorted[i]);
		}
	}
}

/* A row has one key, so all the relationships from one join table agree on it. */
static void resolve__check_join_keys(struct compiler *compiler)
{
	const struct resolved_edge **firsts =
	        mapping__compile_calloc(compiler, compiler->catalog->tables_count, sizeof(const struct resolved_edge *));

	for (uint32_t i = 0; firsts && i < compiler->edges_count; i++) {
		const struct resolved_edge *edge = &compiler->edges[i];
		const struct resolved_edge **first;
		bool same;

		if (!edge->fine || edge->kind == PLAN_EDGE_FOREIGN_KEY)
			continue;
		first = &firsts[edge->table - compiler->catalog->tables];
		if (!*first)
			*first = edge;
		same = (*first)->key.count == edge->key.count;
		for (uint32_t k = 0; same && k < edge->key.count; k++)
			same = (*first)->key.items[k] == edge->key.items[k];
		if (same)
			continue;
		resolve__add(compiler, edge->type.place, "%s and %s take different keys of \"%s.%s\"", (*first)->type.text,
		             edge->type.text, edge->table->schema, edge->table->name);
		resolve__expect(compiler, "the same key for all relationships from one table");
	}
}

/* Of no column, it would be of no type. */
static void resolve__check_values(struct compiler *compiler)
{
	for (uint32_t i = 0; i < compiler->nodes_count && !mapping__compile_is_done(compiler); i++) {
		const struct mapping_node *mapped = compiler->nodes[i].mapped;

		if (!mapped->value.text || compiler->nodes[i].led_to)
			continue;
		resolve__add(compiler, mapped->label.place, "no relationship leads to \"%s\", which is made of values",
		             mapped->label.text);
		resolve__expect(compiler, "a relationship of some table's rows: {to: %s, column: name}", mapped->label.text);
	}
}

static void resolve__nodes(struct compiler *compiler)
{
	const struct mapping_nodes *mapped = &compiler->mapping->nodes;

	compiler->nodes = mapping__compile_calloc(compiler, mapped->count, sizeof(*compiler->nodes));
	compiler->nodes_by_label = mapping__compile_calloc(compiler, mapped->count, sizeof(*compiler->nodes_by_label));
	if (compiler->no_memory)
		return;
	compiler->nodes_count = mapped->count;
	for (uint32_t i = 0; i < mapped->count; i++) {
		compiler->nodes[i].mapped = &mapped->items[i];
		compiler->nodes_by_label[i] = &compiler->nodes[i];
	}
	qsort(compiler->nodes_by_label, mapped->count, sizeof(*compiler->nodes_by_label), resolve__compare_labels);
	for (uint32_t i = 0; i < mapped->count && !mapping__compile_is_done(compiler); i++)
		resolve__node(compiler, &compiler->nodes[i]);
}

/* What the node has to expect of those that refer to it. */
static void resolve__note_end(struct compiler *compiler, const struct resolved_end *end)
{
	struct resolved_node *node = &compiler->nodes[end->node - compiler->nodes];

	node->may_be_placeholder |= node->table && !end->enforced;
	node->other_key_stays |= end->stays && end->by.items != node->key.items;
}

static void resolve__edges(struct compiler *compiler)
{
	const struct mapping_joins *joins = &compiler->mapping->joins;

	for (uint32_t i = 0; i < compiler->nodes_count; i++) {
		const struct mapping_links *links = &compiler->nodes[i].mapped->links;

		for (uint32_t l = 0; l < links->count && !mapping__compile_is_done(compiler); l++)
			resolve__link(compiler, &compiler->nodes[i], &links->items[l]);
	}
	for (uint32_t i = 0; i < joins->count && !mapping__compile_is_done(compiler); i++)
		resolve__join(compiler, &joins->items[i]);
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		struct resolved_edge *edge = &compiler->edges[i];

		if (!edge->fine)
			continue;
		resolve__note_end(compiler, &edge->from);
		resolve__note_end(compiler, &edge->to);
	}
}

static bool resolve__is_tenants(const struct compiler *compiler, const struct resolved_node *node)
{
	return node->table && resolve__tenant_column(compiler, node->table);
}

/* What belongs to everybody and leads to what belongs to one would lead to the others' nodes as well. */
static void resolve__check_tenant(struct compiler *compiler)
{
	const struct word *column = &compiler->mapping->tenant.column;
	bool any = !column->text;

	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		any = any || resolve__is_tenants(compiler, &compiler->nodes[i]);
	if (!any) {
		resolve__add(compiler, column->place, "no node's table has a column \"%s\"", column->text);
		resolve__expect(compiler, "a column that says whose a row is");
	}
	for (uint32_t i = 0; i < compiler->edges_count && !mapping__compile_is_done(compiler); i++) {
		const struct resolved_edge *edge = &compiler->edges[i];
		const struct resolved_node *end;

		if (!edge->fine || resolve__tenant_column(compiler, edge->table))
			continue;
		end = resolve__is_tenants(compiler, edge->from.node) ? edge->from.node : edge->to.node;
		if (!resolve__is_tenants(compiler, end))
			continue;
		resolve__add(compiler, edge->type.place,
		             "the table \"%s.%s\" has no column \"%s\", and leads to \"%s\", which has", edge->table->schema,
		             edge->table->name, column->text, end->mapped->label.text);
		resolve__expect(compiler, "that column in both, or in neither: whose the relationship is could not be told");
	}
}

void mapping__resolve(struct compiler *compiler)
{
	resolve__nodes(compiler);
	if (!mapping__compile_is_done(compiler))
		resolve__edges(compiler);
	if (mapping__compile_is_done(compiler))
		return;
	resolve__check_values(compiler);
	resolve__check_tables(compiler);
	resolve__check_edges(compiler);
	resolve__check_join_keys(compiler);
	resolve__check_tenant(compiler);
	mapping__check_element_ids(compiler);
}
