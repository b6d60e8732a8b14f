/*
 * mapping/yaml: YAML text -> a tree of scalars, sequences and mappings, each with its place. Private to the room.
 *
 * The only user of libfyaml: it is read event by event, so that depth and size are bounded here. Not taken, each with a
 * diagnostic: anchors, aliases and tags (nothing in a mapping file needs them, and they are how a small file becomes a huge
 * one), more than one document, keys that are not words, the same key twice, text that is not UTF-8.
 */
#ifndef PGWEAVE_MAPPING_YAML_H
#define PGWEAVE_MAPPING_YAML_H

#include "mapping/tree.h"

enum yaml_kind {
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
};

struct yaml_node {
	enum yaml_kind kind;
	bool plain; /* a scalar without quotes: may mean null, a number, a boolean */
	bool flow;  /* a collection in brackets or braces */
	struct place place;
	size_t start; /* bytes of the text: [start, end), quotes, brackets and braces among them; what is written as lines ends
	               */
	size_t end;   /* with the last word in it */
	const char *text;      /* a scalar's; NUL-terminated, UTF-8, no NUL inside */
	struct yaml_node *key; /* of a mapping's child: a scalar */
	struct yaml_node *first;
	struct yaml_node *last;
	struct yaml_node *next;
	uint32_t count;
};

/* The root, in the arena; NULL with ret_status set to 0 for an empty file, else ERR_CONFIG, ERR_LIMIT or ERR_NOMEM. */
const struct yaml_node *yaml_read(const struct source *source, struct arena *arena, struct diagnostics *diagnostics,
                                  int *ret_status);

/* An absent value: nothing, ~ or null. */
bool yaml_is_null(const struct yaml_node *node);
/* "a list", "a map", "nothing", "text" ... for messages. */
const char *yaml_kind_words(const struct yaml_node *node);

#endif
