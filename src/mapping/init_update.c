#include "mapping/init_room.h"

#include "mapping/edit.h"
#include "mapping/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHANGES_SIZE_MAX ((size_t)16 * 1024 * 1024)
/* Entries are written with two blanks before them, and moved to where the file has its own. */
#define ENTRY_INDENT 2

struct update {
	struct init init;
	struct edit edit;
	struct mapping_init_changes *changes;
	struct mapping_init_change *last;
	const struct yaml_node *root;
	const struct yaml_node *nodes;
	const struct yaml_node *joins; /* NULL: the file has none */
	struct error *error;
	int status;
};

static void update__change(struct update *update, const char *kind, const char *format, ...) _printf_like(3, 4);

static void update__change(struct update *update, const char *kind, const char *format, ...)
{
	struct arena *arena = &update->changes->arena;
	struct mapping_init_change *change = arena_calloc(arena, 1, sizeof(*change));
	struct buffer text;
	va_list args;
	char line[1024];

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buffer_init(&text, sizeof(line) * 4);
	name_comment(&text, line, sizeof(line));
	if (change) {
		change->kind = kind;
		change->text = arena_strdup(arena, buffer_text(&text));
	}
	buffer_free(&text);
	if (!change || !change->text) {
		update->init.no_memory = true;
		return;
	}
	if (update->last)
		update->last->next = change;
	else
		update->changes->first = change;
	update->last = change;
	update->changes->count++;
}

static void update__refuse(struct update *update, const struct yaml_node *node, const char *what)
{
	const struct source *source = &update->init.file->source;

	if (update->status)
		return;
	update->status =
	        error_set(update->error, ERR_CONFIG, "%s:%u: %s is written in braces, so that nothing can be added to it",
	                  source->file, node->place.line, what);
	error_hint(update->error, "write it as lines: each entry on one of its own");
}

/* ---- what the file has ---- */

static struct init_table *update__table(struct update *update, const struct table_name *wanted)
{
	const struct catalog *catalog = update->init.catalog;
	const char *schema = wanted->schema.text ? wanted->schema.text : catalog->search_path_schema;
	const struct catalog_table *table = schema ? catalog_table_by_name(catalog, schema, wanted->name.text) : NULL;

	if (table)
		return &update->init.tables[table - catalog->tables];
	update__change(update, "gone", "table %s.%s, which line %u of the file maps", schema ? schema : "public",
	               wanted->name.text, wanted->name.place.line);
	return NULL;
}

/* The key that the file gives a node, in the file's order; NULL when the table has no such columns. */
static const struct catalog_key *update__key(struct update *update, const struct catalog_table *table,
                                             const struct words *words)
{
	struct catalog_key *key;
	int16_t *attnums;

	if (!words->name.text)
		return table->keys_count && table->keys[0].primary ? &table->keys[0] : NULL;
	key = arena_calloc(&update->init.arena, 1, sizeof(*key));
	attnums = arena_calloc(&update->init.arena, (size_t)words->count + 1, sizeof(*attnums));
	if (!key || !attnums) {
		update->init.no_memory = true;
		return NULL;
	}
	key->attnums = attnums;
	for (uint32_t i = 0; i < words->count; i++) {
		const struct catalog_column *column = catalog_column_by_name(table, words->items[i].text);

		if (!column)
			return NULL;
		attnums[key->attnums_count++] = column->attnum;
	}
	return key;
}

static void update__adopt_file(struct update *update)
{
	const struct mapping *file = update->init.file;

	for (uint32_t i = 0; i < file->nodes.count; i++) {
		const struct mapping_node *node = &file->nodes.items[i];
		struct init_table *mapped = node->value.text ? NULL : update__table(update, &node->table);

		if (!mapped)
			continue;
		mapped->kept = true;
		mapped->role = INIT_NODE;
		mapped->name = node->label.text;
		mapped->node = node;
		mapped->key = update__key(update, mapped->table, &node->key);
	}
	for (uint32_t i = 0; i < file->joins.count; i++) {
		const struct mapping_join *join = &file->joins.items[i];
		struct init_table *mapped = update__table(update, &join->table);

		if (!mapped || mapped->kept)
			continue;
		mapped->kept = true;
		mapped->role = INIT_JOIN;
		mapped->name = join->type.text;
		mapped->key = update__key(update, mapped->table, &join->key);
	}
}

static void update__report_gone(struct update *update, const struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	const struct init_notes *notes = mapped->notes;

	for (uint32_t i = 0; i < notes->columns_count; i++)
		if (!catalog_column_by_name(table, notes->columns[i]))
			update__change(update, "gone", "column %s of %s.%s", notes->columns[i], table->schema, table->name);
	for (uint32_t i = 0; i < notes->foreign_keys_count; i++) {
		bool found = false;

		for (uint32_t f = 0; f < table->foreign_keys_count; f++)
			found = found || strcmp(table->foreign_keys[f].name, notes->foreign_keys[i]) == 0;
		if (!found)
			update__change(update, "gone", "foreign key %s of %s.%s", notes->foreign_keys[i], table->schema,
			               table->name);
	}
}

static void update__adopt_notes(struct update *update)
{
	struct init *init = &update->init;

	for (uint32_t i = 0; i < init->notes_count; i++) {
		const struct init_notes *notes = &init->notes[i];
		const struct catalog_table *table = catalog_table_by_name(init->catalog, notes->schema, notes->name);
		struct init_table *mapped = table ? &init->tables[table - init->catalog->tables] : NULL;

		if (!mapped) {
			update__change(update, "gone", "table %s.%s", notes->schema, notes->name);
			continue;
		}
		mapped->notes = notes;
		mapped->removed = !mapped->kept;
		update__report_gone(update, mapped);
	}
}

/* A file without notes says all that is wanted: what it does not map has been left out by its person. */
static void update__adopt_silence(struct update *update)
{
	struct init *init = &update->init;

	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		struct init_table *mapped = &init->tables[i];

		if (mapped->kept)
			continue;
		init__classify(init, mapped);
		if (mapped->role == INIT_LEFT_OUT)
			continue;
		mapped->role = INIT_LEFT_OUT;
		mapped->key = NULL;
		mapped->removed = true;
		update__change(update, "left out",
		               "%s.%s: the file has no notes of init and does not map it; delete its line there to have it",
		               mapped->table->schema, mapped->table->name);
	}
}

/* ---- additions ---- */

/* Takes the blanks from the beginning of each line that were written there. */
static void update__unindent(const char *text, struct buffer *lines)
{
	while (*text) {
		size_t size = strcspn(text, "\n");
		size_t blanks = strspn(text, " ");

		if (blanks > ENTRY_INDENT)
			blanks = ENTRY_INDENT;
		buffer_append(lines, text + blanks, size - blanks);
		buffer_append_byte(lines, '\n');
		text += size + (text[size] == '\n');
	}
}

static void update__add_entries(struct update *update, const struct yaml_node *map, struct buffer *entries, const char *what)
{
	struct buffer lines;

	if (map->flow) {
		update__refuse(update, map, what);
		return;
	}
	buffer_init(&lines, INIT_LINES_SIZE_MAX);
	update__unindent(buffer_text(entries), &lines);
	if (lines.failed || entries->failed)
		update->init.no_memory = true;
	else
		edit_add(&update->edit, map, buffer_text(&lines), "");
	buffer_free(&lines);
}

/* All tables that become nodes, or relationships, now. */
static bool update__entries(struct update *update, enum init_role role, struct buffer *entries)
{
	struct init *init = &update->init;

	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		const struct init_table *mapped = &init->tables[i];

		if (mapped->role != role || mapped->kept)
			continue;
		if (role == INIT_NODE)
			init__write_node(init, entries, mapped);
		else
			init__write_join(init, entries, mapped);
		update__change(update, "added", "%s %s for %s.%s", role == INIT_NODE ? "node" : "relationship", mapped->name,
		               mapped->table->schema, mapped->table->name);
	}
	return entries->size > 0;
}

static void update__add_tables(struct update *update)
{
	struct buffer entries;

	buffer_init(&entries, INIT_LINES_SIZE_MAX);
	if (update__entries(update, INIT_NODE, &entries))
		update__add_entries(update, update->nodes, &entries, "nodes");
	buffer_reset(&entries);
	if (update->joins) {
		if (update__entries(update, INIT_JOIN, &entries))
			update__add_entries(update, update->joins, &entries, "relationships");
	} else {
		buffer_append_text(&entries, "\nrelationships:\n");
		if (!update__entries(update, INIT_JOIN, &entries) || entries.size == strlen("\nrelationships:\n"))
			goto out;
		if (update->root->flow)
			update__refuse(update, update->root, "the file");
		else if (entries.failed)
			update->init.no_memory = true;
		else
			edit_add(&update->edit, update->root, buffer_text(&entries), "");
	}
out:
	buffer_free(&entries);
}

/* In a line of braces there is no room for a comment: it goes above. */
static void update__mark(struct update *update, const struct yaml_node *collection, const char *what)
{
	struct buffer line;

	buffer_init(&line, 1024);
	buffer_append_text(&line, "# new: ");
	name_comment(&line, what, INIT_COMMENT_SIZE_MAX);
	buffer_append_byte(&line, '\n');
	edit_lines_before(&update->edit, collection->start, edit_indent(&update->edit, collection->start), buffer_text(&line));
	buffer_free(&line);
}

/* Under a key of the entry; where that has no such key yet, with it. */
static void update__add_under(struct update *update, const struct yaml_node *entry, const char *key, struct buffer *lines,
                              struct buffer *words, const char *open, const char *close)
{
	const struct yaml_node *there = edit_find(entry, key);
	const struct yaml_node *target = there ? there : entry;
	struct buffer all_lines, all_words;

	if (target->flow)
		update__mark(update, target, buffer_text(words));
	buffer_init(&all_lines, INIT_LINES_SIZE_MAX);
	buffer_init(&all_words, INIT_LINES_SIZE_MAX);
	if (there) {
		edit_add(&update->edit, there, buffer_text(lines), buffer_text(words));
		goto out;
	}
	buffer_printf(&all_lines, "%s:\n", key);
	for (const char *line = buffer_text(lines); *line; line += strcspn(line, "\n") + 1) {
		buffer_append_text(&all_lines, "  ");
		buffer_append(&all_lines, line, strcspn(line, "\n") + 1);
	}
	buffer_printf(&all_words, "%s: %s%s%s", key, open, buffer_text(words), close);
	if (all_lines.failed || all_words.failed)
		update->init.no_memory = true;
	else
		edit_add(&update->edit, entry, buffer_text(&all_lines), buffer_text(&all_words));
out:
	buffer_free(&all_lines);
	buffer_free(&all_words);
}

/* New foreign keys of a node that the file has. */
static void update__add_links(struct update *update, const struct init_table *mapped, const struct yaml_node *entry)
{
	struct buffer lines, words;

	buffer_init(&lines, INIT_LINES_SIZE_MAX);
	buffer_init(&words, INIT_LINES_SIZE_MAX);
	for (uint32_t i = 0; i < mapped->links_count; i++) {
		const struct init_link *link = &mapped->links[i];
		size_t start = lines.size;

		if (link->why || link->kept)
			continue;
		init__write_link(&lines, mapped, link);
		init__write_behind(&lines, start,
		                   link->foreign->validated ? "new" : "new; NOT VALID: older rows may refer to nothing");
		buffer_append_text(&words, words.size ? ", " : "");
		init__write_link(&words, mapped, link);
		update__change(update, "added", "relationship (%s)-[%s]->(%s) for the foreign key %s of %s.%s", mapped->name,
		               link->type, link->target->name, link->foreign->name, mapped->table->schema, mapped->table->name);
	}
	if (lines.size)
		update__add_under(update, entry, "relationships", &lines, &words, "{", "}");
	buffer_free(&lines);
	buffer_free(&words);
}

/* ---- columns ---- */

/* What an entry of the file says of its table's columns, node or join. */
struct entry_columns {
	const struct mapping_properties *properties;
	const struct words *except;
	const struct words *used[2]; /* a join's ends */
	const struct mapping_links *links;
};

/* Whether the file speaks of a column. */
static bool update__is_used(const struct entry_columns *columns, const char *name)
{
	for (uint32_t i = 0; i < columns->properties->count; i++)
		if (mapping__comes_from(&columns->properties->items[i], name))
			return true;
	for (uint32_t i = 0; columns->links && i < columns->links->count; i++)
		if (mapping__words_have(&columns->links->items[i].columns, name))
			return true;
	for (int i = 0; i < 2; i++)
		if (columns->used[i] && mapping__words_have(columns->used[i], name))
			return true;
	return mapping__words_have(columns->except, name);
}

/* `except: a` becomes a list; what stands there as it is may need quotes in brackets. */
static void update__add_except(struct update *update, const struct yaml_node *entry, struct buffer *lines, struct buffer *words)
{
	const struct yaml_node *except = edit_find(entry, "except");
	struct buffer text;

	if (!except || except->kind != YAML_SCALAR) {
		update__add_under(update, entry, "except", lines, words, "[", "]");
		return;
	}
	buffer_init(&text, INIT_LINES_SIZE_MAX);
	buffer_append_byte(&text, '[');
	name_yaml(&text, except->text, true);
	buffer_printf(&text, ", %s]", buffer_text(words));
	update__mark(update, except, buffer_text(words));
	if (text.failed)
		update->init.no_memory = true;
	else
		edit_replace(&update->edit, except->start, except->end, buffer_text(&text));
	buffer_free(&text);
}

/* Columns that would be properties but cannot. */
static void update__except(struct update *update, const struct init_table *mapped, const struct entry_columns *columns,
                           const struct yaml_node *entry)
{
	const struct catalog_table *table = mapped->table;
	struct buffer lines, words;

	buffer_init(&lines, INIT_LINES_SIZE_MAX);
	buffer_init(&words, INIT_LINES_SIZE_MAX);
	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct catalog_column *column = &table->columns[i];
		const char *why = init__column_refused(column);

		if (!why || update__is_used(columns, column->name) || init__in_foreign_key(table, column->attnum) ||
		    (mapped->key && init__in_key(mapped->key, column->attnum)))
			continue;
		buffer_append_text(&lines, "- ");
		name_yaml(&lines, column->name, false);
		buffer_append_text(&lines, "   # new: ");
		name_comment(&lines, column->type_name, INIT_COMMENT_SIZE_MAX);
		buffer_printf(&lines, ": %s\n", why);
		buffer_append_text(&words, words.size ? ", " : "");
		name_yaml(&words, column->name, false);
		update__change(update, "added", "except for the column %s of %s.%s: %s", column->name, table->schema,
		               table->name, why);
	}
	if (lines.size)
		update__add_except(update, entry, &lines, &words);
	buffer_free(&lines);
	buffer_free(&words);
}

static void update__offer(struct update *update, const struct init_table *mapped, const struct catalog_column *column,
                          const struct yaml_node *properties)
{
	struct buffer line;

	buffer_init(&line, 4096);
	buffer_append_text(&line, "# new: the column ");
	name_comment(&line, column->name, INIT_COMMENT_SIZE_MAX);
	buffer_append_text(&line, " (");
	name_comment(&line, column->type_name, INIT_COMMENT_SIZE_MAX);
	buffer_append_text(&line, "); `properties` does not list it\n");
	edit_lines_before(&update->edit, properties->key->start, edit_indent(&update->edit, properties->key->start),
	                  buffer_text(&line));
	buffer_free(&line);
	update__change(update, "offered", "column %s of %s.%s: the properties are listed, and it is not among them",
	               column->name, mapped->table->schema, mapped->table->name);
}

/* Columns that nobody has seen before: offered where properties are listed, else they come by themselves. */
static void update__new_columns(struct update *update, const struct init_table *mapped, const struct entry_columns *columns,
                                const struct yaml_node *entry)
{
	const struct catalog_table *table = mapped->table;
	const struct yaml_node *properties = edit_find(entry, "properties");

	for (uint32_t i = 0; mapped->notes && i < table->columns_count; i++) {
		const struct catalog_column *column = &table->columns[i];

		if (init__notes_has(mapped->notes->columns, mapped->notes->columns_count, column->name) ||
		    init__column_refused(column) || update__is_used(columns, column->name) ||
		    init__in_foreign_key(table, column->attnum))
			continue;
		if (properties)
			update__offer(update, mapped, column, properties);
		else
			update__change(update, "carried", "column %s of %s.%s", column->name, table->schema, table->name);
	}
}

static void update__entry(struct update *update, const struct init_table *mapped, const struct entry_columns *columns,
                          const struct yaml_node *entry)
{
	if (!columns->properties->name.text)
		update__except(update, mapped, columns, entry);
	update__new_columns(update, mapped, columns, entry);
}

static const struct init_table *update__kept(const struct update *update, const struct table_name *wanted)
{
	const struct catalog *catalog = update->init.catalog;
	const char *schema = wanted->schema.text ? wanted->schema.text : catalog->search_path_schema;
	const struct catalog_table *table =
	        schema && wanted->name.text ? catalog_table_by_name(catalog, schema, wanted->name.text) : NULL;

	return table ? &update->init.tables[table - catalog->tables] : NULL;
}

static void update__nodes(struct update *update)
{
	const struct mapping_nodes *nodes = &update->init.file->nodes;

	for (uint32_t i = 0; i < nodes->count; i++) {
		const struct mapping_node *node = &nodes->items[i];
		const struct init_table *mapped = update__kept(update, &node->table);
		const struct yaml_node *entry = edit_find(update->nodes, node->label.text);
		const struct entry_columns columns = {
		        .properties = &node->properties, .except = &node->except, .links = &node->links};

		if (!mapped || !entry)
			continue;
		update__add_links(update, mapped, entry);
		update__entry(update, mapped, &columns, entry);
	}
}

static void update__join(struct update *update, const struct mapping_join *join, const struct yaml_node *entry)
{
	const struct init_table *mapped = update__kept(update, &join->table);
	const struct entry_columns columns = {
	        .properties = &join->properties, .except = &join->except, .used = {&join->from.columns, &join->to.columns}};

	if (mapped)
		update__entry(update, mapped, &columns, entry);
}

/* In the order of the file, which is that of the mapping's joins. */
static void update__joins(struct update *update)
{
	const struct mapping_joins *joins = &update->init.file->joins;
	uint32_t count = 0;

	for (const struct yaml_node *child = update->joins ? update->joins->first : NULL; child; child = child->next) {
		bool is_list = child->kind == YAML_SEQUENCE;

		for (const struct yaml_node *item = is_list ? child->first : child; item && count < joins->count;
		     item = is_list ? item->next : NULL)
			update__join(update, &joins->items[count++], item);
	}
}

/* ---- all of it ---- */

/* Tables that are left out for a reason, and were not when the notes were written. */
static void update__report_left_out(struct update *update, size_t start, size_t end)
{
	const struct init *init = &update->init;
	struct buffer line;

	buffer_init(&line, 1024);
	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		const struct init_table *mapped = &init->tables[i];

		if (mapped->role != INIT_LEFT_OUT || mapped->removed)
			continue;
		buffer_reset(&line);
		buffer_append_text(&line, "#   ");
		init__write_name(&line, mapped->table);
		buffer_append_text(&line, ": ");
		if (!memmem(init->file->source.text + start, end - start, line.data, line.size))
			update__change(update, "left out", "%s.%s: %s", mapped->table->schema, mapped->table->name,
			               mapped->why);
	}
	buffer_free(&line);
}

static void update__notes(struct update *update)
{
	const struct source *source = &update->init.file->source;
	struct buffer notes;
	size_t start, end;

	init__notes_span(source, &start, &end);
	update__report_left_out(update, start, end);
	buffer_init(&notes, INIT_LINES_SIZE_MAX);
	if (start == source->size)
		buffer_append_byte(&notes, '\n');
	init__notes_write(&update->init, &notes);
	if (notes.failed)
		update->init.no_memory = true;
	else
		edit_replace_lines(&update->edit, start, end, buffer_text(&notes));
	buffer_free(&notes);
}

static int update__read(struct update *update)
{
	struct init *init = &update->init;
	struct diagnostics diagnostics;
	int status = 0;

	if (!init__begin(init))
		return error_set(update->error, ERR_NOMEM, "no memory for a mapping of %u tables", init->catalog->tables_count);
	diagnostics_init(&diagnostics);
	update->root = yaml_read(&init->file->source, &init->arena, &diagnostics, &status);
	update->nodes = edit_find(update->root, "nodes");
	update->joins = edit_find(update->root, "relationships");
	if (status || !update->nodes)
		status = error_set(update->error, status ? status : ERR_CONFIG, "%s cannot be read again",
		                   init->file->source.file);
	diagnostics_free(&diagnostics);
	if (status == 0)
		status = init__notes_read(init, update->error);
	return status;
}

static int update__finish(struct update *update, struct buffer *yaml)
{
	size_t before = yaml->size;

	if (update->status)
		return update->status;
	if (update->init.no_memory || edit_apply(&update->edit, yaml) < 0)
		return error_set(update->error, ERR_NOMEM, "no memory for the mapping file");
	if (yaml->size - before > MAPPING_SIZE_MAX)
		return error_set(update->error, ERR_LIMIT, "%s would have %zu bytes, and may have %zu",
		                 update->init.file->source.file, yaml->size - before, MAPPING_SIZE_MAX);
	return 0;
}

int mapping_init_update(const struct mapping *mapping, const struct catalog *catalog,
                        const struct mapping_init_options *options, struct buffer *yaml, struct mapping_init_changes *changes,
                        struct error *error)
{
	struct update update = {
	        .init = {.catalog = catalog, .options = options, .pairs = options->pairs, .file = mapping},
	        .changes = changes,
	        .error = error,
	};
	int status;

	*changes = (struct mapping_init_changes){0};
	arena_init(&changes->arena, CHANGES_SIZE_MAX);
	status = update__read(&update);
	if (status == 0) {
		edit_init(&update.edit, &mapping->source, &update.init.arena);
		update__adopt_file(&update);
		if (update.init.has_notes)
			update__adopt_notes(&update);
		else
			update__adopt_silence(&update);
		init__decide(&update.init);
		update__nodes(&update);
		update__joins(&update);
		update__add_tables(&update);
		update__notes(&update);
		status = update__finish(&update, yaml);
	}
	arena_free(&update.init.arena);
	return status;
}

void mapping_init_changes_free(struct mapping_init_changes *changes)
{
	arena_free(&changes->arena);
}
