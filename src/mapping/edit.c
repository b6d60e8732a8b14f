#include "mapping/edit.h"

#include <stdlib.h>
#include <string.h>

/* Of all the lines that go to one place. */
#define LINES_SIZE_MAX (2 * MAPPING_SIZE_MAX)
/* Of a map under a key that had no value. */
#define INDENT 2

struct edit_change {
	size_t start;
	size_t end;
	const char *text;
	bool lines; /* begins a line */
	size_t indent;
	uint32_t number;
	struct edit_change *next;
};

void edit_init(struct edit *edit, const struct source *source, struct arena *arena)
{
	*edit = (struct edit){.source = source, .arena = arena};
}

static void edit__change(struct edit *edit, size_t start, size_t end, const char *text, bool lines, size_t indent)
{
	struct edit_change *change = arena_calloc(edit->arena, 1, sizeof(*change));
	const char *copy = arena_strdup(edit->arena, text);

	if (!change || !copy) {
		edit->no_memory = true;
		return;
	}
	*change = (struct edit_change){
	        .start = start, .end = end, .text = copy, .lines = lines, .indent = indent, .number = edit->count++};
	if (edit->last)
		edit->last->next = change;
	else
		edit->first = change;
	edit->last = change;
}

void edit_replace(struct edit *edit, size_t start, size_t end, const char *text)
{
	edit__change(edit, start, end, text, false, 0);
}

static size_t edit__line_start(const struct edit *edit, size_t at)
{
	while (at && edit->source->text[at - 1] != '\n')
		at--;
	return at;
}

/* Behind the newline of the line that `at` is in, or the end. */
static size_t edit__line_end(const struct edit *edit, size_t at)
{
	const char *text = edit->source->text;
	const char *newline = memchr(text + at, '\n', edit->source->size - at);

	return newline ? (size_t)(newline + 1 - text) : edit->source->size;
}

static size_t edit__blanks(const struct edit *edit, size_t at)
{
	size_t count = 0;

	while (at + count < edit->source->size && edit->source->text[at + count] == ' ')
		count++;
	return count;
}

size_t edit_indent(const struct edit *edit, size_t at)
{
	return edit__blanks(edit, edit__line_start(edit, at));
}

/* A file with the line ends of Windows gets no others. */
static bool edit__has_returns(const struct edit *edit)
{
	size_t end = edit__line_end(edit, 0);

	return end >= 2 && edit->source->text[end - 1] == '\n' && edit->source->text[end - 2] == '\r';
}

static void edit__lines(struct edit *edit, size_t start, size_t end, size_t indent, const char *lines)
{
	const char *newline = edit__has_returns(edit) ? "\r\n" : "\n";
	struct buffer text;

	buffer_init(&text, LINES_SIZE_MAX);
	while (*lines) {
		size_t size = strcspn(lines, "\n");

		if (size)
			buffer_printf(&text, "%*s", (int)indent, "");
		buffer_append(&text, lines, size);
		buffer_append_text(&text, newline);
		lines += size + (lines[size] == '\n');
	}
	if (text.failed)
		edit->no_memory = true;
	else
		edit__change(edit, start, end, buffer_text(&text), true, indent);
	buffer_free(&text);
}

void edit_lines_before(struct edit *edit, size_t at, size_t indent, const char *lines)
{
	size_t start = edit__line_start(edit, at);

	edit__lines(edit, start, start, indent, lines);
}

void edit_replace_lines(struct edit *edit, size_t start, size_t end, const char *lines)
{
	edit__lines(edit, start, end, 0, lines);
}

/* Where lines can be added behind what ends at `at`: comments that are indented as deep belong to it. */
static size_t edit__behind(const struct edit *edit, size_t at, size_t indent)
{
	const struct source *source = edit->source;

	if (!at || source->text[at - 1] != '\n')
		at = edit__line_end(edit, at);
	for (;;) {
		size_t blanks = edit__blanks(edit, at);

		if (at + blanks >= source->size || blanks < indent || !blanks || source->text[at + blanks] != '#')
			return at;
		at = edit__line_end(edit, at);
	}
}

/* Whether a comma has to stand before another word: not behind the opening bracket, nor behind a comma. */
static bool edit__wants_comma(const struct edit *edit, const struct yaml_node *collection)
{
	size_t at = collection->last ? collection->last->end : collection->start + 1;

	if (!collection->last)
		return false;
	while (at + 1 < collection->end && strchr(" \t\r\n", edit->source->text[at]))
		at++;
	return edit->source->text[at] != ',';
}

static void edit__add_words(struct edit *edit, const struct yaml_node *collection, const char *words)
{
	size_t at = collection->last ? collection->last->end : collection->start + 1;
	bool comma = edit__wants_comma(edit, collection);
	struct buffer text;

	/* Behind a comma that ends the list the new words come, and bring none. */
	while (collection->last && !comma && edit->source->text[at - 1] != ',')
		at++;
	buffer_init(&text, LINES_SIZE_MAX);
	buffer_printf(&text, "%s%s", comma ? ", " : collection->last ? " " : "", words);
	if (text.failed)
		edit->no_memory = true;
	else
		edit_replace(edit, at, at, buffer_text(&text));
	buffer_free(&text);
}

void edit_add(struct edit *edit, const struct yaml_node *collection, const char *lines, const char *words)
{
	const struct yaml_node *first = collection->first;
	size_t at, indent;

	if (collection->flow) {
		edit__add_words(edit, collection, words);
		return;
	}
	if (collection->kind == YAML_SCALAR && collection->key) {
		/* A ~ or null makes room for the map. */
		if (collection->end > collection->start)
			edit_replace(edit, collection->start, collection->end, "");
		indent = edit_indent(edit, collection->key->start) + INDENT;
	} else if (first) {
		at = first->key ? first->key->start : first->start;
		indent = first->key ? at - edit__line_start(edit, at) : edit_indent(edit, at);
	} else {
		return;
	}
	at = edit__behind(edit, collection->end, indent ? indent : 1);
	edit__lines(edit, at, at, indent, lines);
}

static int edit__compare(const void *a, const void *b)
{
	const struct edit_change *first = *(const struct edit_change *const *)a;
	const struct edit_change *second = *(const struct edit_change *const *)b;

	if (first->start != second->start)
		return first->start < second->start ? -1 : 1;
	/* Lines come before the line that begins there, whatever else changes in it. */
	if (first->lines != second->lines)
		return first->lines ? -1 : 1;
	/* What ends there is ended from the inside out. */
	if (first->indent != second->indent)
		return first->indent > second->indent ? -1 : 1;
	return first->number < second->number ? -1 : first->number > second->number;
}

int edit_apply(struct edit *edit, struct buffer *text)
{
	const struct source *source = edit->source;
	const struct edit_change **sorted;
	size_t at = 0, count = 0;

	sorted = arena_calloc(edit->arena, (size_t)edit->count + 1, sizeof(const struct edit_change *));
	if (!sorted || edit->no_memory)
		return ERR_NOMEM;
	for (const struct edit_change *change = edit->first; change; change = change->next)
		sorted[count++] = change;
	qsort(sorted, count, sizeof(const struct edit_change *), edit__compare);
	for (size_t i = 0; i < count; i++) {
		if (sorted[i]->start > at)
			buffer_append(text, source->text + at, sorted[i]->start - at);
		if (sorted[i]->lines && text->size && text->data[text->size - 1] != '\n')
			buffer_append_text(text, edit__has_returns(edit) ? "\r\n" : "\n");
		buffer_append_text(text, sorted[i]->text);
		if (sorted[i]->end > at)
			at = sorted[i]->end;
		else if (sorted[i]->start > at)
			at = sorted[i]->start;
	}
	buffer_append(text, source->text + at, source->size - at);
	return text->failed ? ERR_NOMEM : 0;
}

const struct yaml_node *edit_find(const struct yaml_node *node, const char *key)
{
	if (!node || node->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *child = node->first; child; child = child->next)
		if (strcmp(child->key->text, key) == 0)
			return child;
	return NULL;
}
