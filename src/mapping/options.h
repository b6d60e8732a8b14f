/*
 * mapping/options: every key of the mapping file, in one table: where it stands, what it takes, its range, its default, what it
 * means. The parser reads the file by it; the reference (docs/mapping.md) and the JSON schema are checked against it.
 */
#ifndef PGWEAVE_MAPPING_OPTIONS_H
#define PGWEAVE_MAPPING_OPTIONS_H

#include "base/buffer.h"

#include <stdint.h>

/* name, heading in the reference */
#define MAPPING_CONTEXTS(X)                                                                                                    \
	X(FILE, "the file")                                                                                                    \
	X(POSTGRES, "postgres")                                                                                                \
	X(NEO4J, "neo4j")                                                                                                      \
	X(SNAPSHOT, "snapshot")                                                                                                \
	X(STREAM, "stream")                                                                                                    \
	X(TENANT, "tenant")                                                                                                    \
	X(NODE, "a node")                                                                                                      \
	X(LINK, "a node's relationship")                                                                                       \
	X(JOIN, "a join table's relationship")                                                                                 \
	X(CHOOSER, "what a column chooses")                                                                                    \
	X(ELEMENT_ID, "an element id's table")                                                                                 \
	X(HISTORY, "a relationship's history")                                                                                 \
	X(PROPERTY, "a property")                                                                                              \
	X(SECRET, "a secret")

enum mapping_context {
#define X(name, heading) CONTEXT_##name,
	MAPPING_CONTEXTS(X)
#undef X
	        CONTEXTS_COUNT
};

/* name, what a value has to be, as a message says it */
#define MAPPING_KINDS(X)                                                                                                       \
	X(VERSION, "the number 1")                                                                                             \
	X(STRING, "text, or {file: path}")                                                                                     \
	X(PLAIN, "text")                                                                                                       \
	X(PIPELINE, "small letters, digits and _, beginning with a letter")                                                    \
	X(SLOT, "small letters, digits and _")                                                                                 \
	X(BOOLEAN, "true or false")                                                                                            \
	X(INTEGER, "a whole number")                                                                                           \
	X(SIZE, "a size such as 8MiB")                                                                                         \
	X(SECTION, "a map")                                                                                                    \
	X(NODES, "a map: label: {table: ...}, or label: {value: name}")                                                        \
	X(JOINS, "a map: type: {table: ..., from: ..., to: ...}")                                                              \
	X(LINKS, "a map: type: {to: label, column: name}")                                                                     \
	X(TABLE, "a table: name or schema.name")                                                                               \
	X(LABEL, "a label")                                                                                                    \
	X(NAME, "the name of a property")                                                                                      \
	X(UNUSED, "remove or keep")                                                                                            \
	X(LABELS, "a label, or {column: name, values: {value: label}}, or a list of these")                                    \
	X(CHOOSER, "{column: name, values: {value: type}}")                                                                    \
	X(VALUES, "a map: value: label or type")                                                                               \
	X(ELEMENT_ID, "the name of a column, or {table: schema.name}")                                                         \
	X(COLUMN, "the name of a column")                                                                                      \
	X(VALUE, "a value of a column")                                                                                        \
	X(COLUMNS, "the name of a column or a list of them")                                                                   \
	X(PROPERTIES, "a list of columns, or a map property: column")                                                          \
	X(END, "{label: column} or {label: [columns]}")                                                                        \
	X(AS, "text, float or integer")                                                                                        \
	X(LETTERS, "lower or upper")                                                                                           \
	X(EPOCH, "seconds, milliseconds or microseconds")                                                                      \
	X(FOLLOWING, "follow or stop")                                                                                         \
	X(DELETION, "detach, restrict, tombstone or keep")                                                                     \
	X(MISSING_END, "placeholder, skip or error")                                                                           \
	X(MISSING, "stop or leave_out")                                                                                        \
	X(DECIMAL, "a decimal number other than 0, such as 0.01")                                                              \
	X(PATH, "a path such as a.b.0, or a list of its steps")                                                                \
	X(CONDITION, "a condition such as deleted_at IS NULL")                                                                 \
	X(HISTORY, "true, or {from: name, to: name, version: name}")

enum mapping_kind {
#define X(name, what) KIND_##name,
	MAPPING_KINDS(X)
#undef X
	        KINDS_COUNT
};

struct mapping_option {
	enum mapping_context context;
	const char *name;
	enum mapping_kind kind;
	bool required;
	enum mapping_context section; /* KIND_SECTION: the context inside */
	size_t offset;                /* in the struct of its context */
	uint64_t least;               /* of a number; of text the size */
	uint64_t most;
	uint64_t number;           /* the default */
	const char *default_words; /* as the reference says it; NULL: none */
	const char *doc;
};

extern const struct mapping_option mapping_options[];
extern const uint32_t mapping_options_count;

const char *mapping_context_heading(enum mapping_context context);
const char *mapping_kind_what(enum mapping_kind kind);
/* NULL when there is none. */
const struct mapping_option *mapping_option_find(enum mapping_context context, const char *name);
/* The row of docs/mapping.md: "| `key` | what it takes | default | meaning |". */
void mapping_option_row(const struct mapping_option *option, struct buffer *buffer);

#endif
