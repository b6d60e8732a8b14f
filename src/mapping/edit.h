/*
 * mapping/edit: changes to a text of YAML that leave every other byte of it as it is. Private to the room.
 *
 * Changes are collected first, by their place in the unchanged text, then made in one go. What is added to a map takes the
 * map's own shape: lines indented as the map's other lines are, or words before the closing brace. Texts are copied into the
 * arena.
 */
#ifndef PGWEAVE_MAPPING_EDIT_H
#define PGWEAVE_MAPPING_EDIT_H

#include "mapping/yaml.h"

struct edit_change;

struct edit {
	const struct source *source;
	struct arena *arena;
	struct edit_change *first;
	struct edit_change *last;
	uint32_t count;
	bool no_memory;
};

void edit_init(struct edit *edit, const struct source *source, struct arena *arena);
/*
 * Puts text in the place of [start, end). Changes must not overlap. At one place lines come before words, what is indented
 * deeper before what is less, and else what was changed first.
 */
void edit_replace(struct edit *edit, size_t start, size_t end, const char *text);
/* Whole lines, each with `indent` blanks before it, in front of the line that `at` is in. */
void edit_lines_before(struct edit *edit, size_t at, size_t indent, const char *lines);
/* Whole lines in the place of [start, end), which begins a line. */
void edit_replace_lines(struct edit *edit, size_t start, size_t end, const char *lines);
/*
 * One entry or more for a map or a list: `lines` where it is written as lines, `words` where it is in brackets or braces. An
 * empty value becomes a map.
 */
void edit_add(struct edit *edit, const struct yaml_node *collection, const char *lines, const char *words);
/* The blanks before the line that `at` is in. */
size_t edit_indent(const struct edit *edit, size_t at);
/* Appends the changed text. ERR_NOMEM when one of the changes, or the buffer, had no room. */
int edit_apply(struct edit *edit, struct buffer *text) _must_check;

/* The value under a key of a map; NULL where there is none, or node is no map. */
const struct yaml_node *edit_find(const struct yaml_node *node, const char *key);

#endif
