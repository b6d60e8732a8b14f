#include "mapping/init_room.h"

#include "mapping/name.h"
#include "mapping/yaml.h"

#include <string.h>

static const char notes_begin[] = "# -- init's notes, written anew by `pgweave init --update` --";
static const char notes_end[] = "# -- end of init's notes --";
/* What was seen of a table: YAML behind this. */
static const char notes_mark[] = "#= ";

static bool notes__is_at(const struct source *source, size_t at, const char *mark)
{
	size_t size = strlen(mark);

	return source->size - at >= size && memcmp(source->text + at, mark, size) == 0;
}

static size_t notes__next_line(const struct source *source, size_t at)
{
	const char *newline = memchr(source->text + at, '\n', source->size - at);

	return newline ? (size_t)(newline + 1 - source->text) : source->size;
}

void init__notes_span(const struct source *source, size_t *ret_start, size_t *ret_end)
{
	size_t at = 0;

	while (at < source->size && !notes__is_at(source, at, notes_begin))
		at = notes__next_line(source, at);
	*ret_start = at;
	/* Without its end mark it ends with its comments. */
	for (; at < source->size && source->text[at] == '#'; at = notes__next_line(source, at))
		if (notes__is_at(source, at, notes_end)) {
			at = notes__next_line(source, at);
			break;
		}
	*ret_end = at;
}

bool init__notes_has(const char **names, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* ---- reading ---- */

static const char **notes__names(struct init *init, const struct yaml_node *list, uint32_t *ret_count)
{
	const char **names = arena_calloc(&init->arena, (size_t)list->count + 1, sizeof(const char *));

	*ret_count = 0;
	if (!names)
		init->no_memory = true;
	for (const struct yaml_node *item = list->first; item && names; item = item->next)
		if (item->kind == YAML_SCALAR)
			names[(*ret_count)++] = item->text;
	return names;
}

/* table: [column, ..., [foreign key, ...]] */
static bool notes__take(struct init *init, const struct yaml_node *node, struct init_notes *notes)
{
	if (node->kind != YAML_SEQUENCE || !name_table_read(node->key->text, &init->arena, &notes->schema, &notes->name) ||
	    !notes->schema)
		return false;
	notes->columns = notes__names(init, node, &notes->columns_count);
	if (node->last && node->last->kind == YAML_SEQUENCE)
		notes->foreign_keys = notes__names(init, node->last, &notes->foreign_keys_count);
	return !init->no_memory;
}

static int notes__refuse(const struct diagnostics *diagnostics, struct error *error)
{
	struct buffer text;

	buffer_init(&text, sizeof(error->text));
	diagnostics_print(diagnostics, &text);
	error_set(error, ERR_CONFIG, "init's notes at the end of the file cannot be read\n%s", buffer_text(&text));
	error_hint(error, "delete the line that is wrong: its table is then offered anew");
	buffer_free(&text);
	return ERR_CONFIG;
}

/* The marked lines alone, all others empty, so that what is wrong with one is said with its place. */
static void notes__extract(const struct source *source, size_t start, size_t end, struct buffer *text)
{
	for (size_t at = 0, next; at < end; at = next) {
		next = notes__next_line(source, at);
		if (at >= start && notes__is_at(source, at, notes_mark)) {
			at += strlen(notes_mark);
			buffer_append_text(text, "   ");
			buffer_append(text, source->text + at, next - at);
		} else {
			buffer_append_byte(text, '\n');
		}
	}
}

static int notes__parse(struct init *init, const struct source *lines, struct diagnostics *diagnostics)
{
	int status;
	const struct yaml_node *root = yaml_read(lines, &init->arena, diagnostics, &status);

	if (status || diagnostics->count)
		return status ? status : ERR_CONFIG;
	if (!root || root->kind != YAML_MAPPING)
		return 0;
	init->notes = arena_calloc(&init->arena, (size_t)root->count + 1, sizeof(*init->notes));
	if (!init->notes)
		return ERR_NOMEM;
	for (const struct yaml_node *child = root->first; child; child = child->next) {
		if (notes__take(init, child, &init->notes[init->notes_count])) {
			init->notes_count++;
			continue;
		}
		if (init->no_memory)
			return ERR_NOMEM;
		diagnostic_add(diagnostics, lines, child->key->place, "this is no note of a table");
		diagnostic_expect(diagnostics, "schema.table: [column, ..., [foreign key, ...]]");
		return ERR_CONFIG;
	}
	return 0;
}

int init__notes_read(struct init *init, struct error *error)
{
	const struct source *source = &init->file->source;
	struct diagnostics diagnostics;
	struct source lines = {.file = source->file};
	struct buffer text;
	size_t start, end;
	int status;

	init__notes_span(source, &start, &end);
	init->has_notes = start < source->size;
	if (!init->has_notes)
		return 0;
	buffer_init(&text, INIT_LINES_SIZE_MAX);
	diagnostics_init(&diagnostics);
	notes__extract(source, start, end, &text);
	lines.text = buffer_text(&text);
	lines.size = text.size;
	status = text.failed ? ERR_NOMEM : notes__parse(init, &lines, &diagnostics);
	if (status == ERR_CONFIG)
		notes__refuse(&diagnostics, error);
	else if (status)
		error_set(error, status, "no memory for init's notes");
	diagnostics_free(&diagnostics);
	buffer_free(&text);
	return status;
}

/* ---- writing ---- */

static void notes__write_left_out(const struct init *init, struct buffer *yaml)
{
	bool any = false;

	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		const struct init_table *mapped = &init->tables[i];

		if (mapped->role != INIT_LEFT_OUT || mapped->removed)
			continue;
		buffer_append_text(yaml, any ? "#   " : "# Left out:\n#   ");
		any = true;
		init__write_name(yaml, mapped->table);
		buffer_printf(yaml, ": %s\n", mapped->why);
		if (mapped->mend) {
			buffer_append_text(yaml, "#     ");
			name_comment(yaml, mapped->mend, 512);
			buffer_append_byte(yaml, '\n');
		}
	}
}

/* Foreign keys that cannot be relationships are not noted: they are offered as soon as they can. */
static void notes__write_table(struct buffer *yaml, const struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool any = false;

	buffer_append_text(yaml, notes_mark);
	name_table(yaml, table->schema, table->name, true);
	buffer_append_text(yaml, ": [");
	for (uint32_t i = 0; i < table->columns_count; i++) {
		buffer_append_text(yaml, i ? ", " : "");
		name_yaml(yaml, table->columns[i].name, true);
	}
	for (uint32_t i = 0; i < mapped->links_count; i++) {
		if (mapped->links[i].why)
			continue;
		buffer_append_text(yaml, any ? ", " : ", [");
		any = true;
		name_yaml(yaml, mapped->links[i].foreign->name, true);
	}
	buffer_append_text(yaml, any ? "]]\n" : "]\n");
}

void init__notes_write(const struct init *init, struct buffer *yaml)
{
	bool any = false;

	buffer_printf(yaml, "%s\n", notes_begin);
	notes__write_left_out(init, yaml);
	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		const struct init_table *mapped = &init->tables[i];

		if (mapped->role == INIT_LEFT_OUT && !mapped->removed)
			continue;
		if (!any)
			buffer_append_text(
			        yaml, "# Seen: an update adds what is not in this list. A table that was taken out of this "
			              "file stays out; delete its line\n"
			              "# here and it is offered again.\n");
		any = true;
		notes__write_table(yaml, mapped);
	}
	buffer_printf(yaml, "%s\n", notes_end);
}
