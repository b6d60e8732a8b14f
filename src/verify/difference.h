/*
 * verify/difference: what can differ between a row and the graph, and how a comparison tells of it. Pure data.
 */
#ifndef PGWEAVE_VERIFY_DIFFERENCE_H
#define PGWEAVE_VERIFY_DIFFERENCE_H

#include "change/value.h"
#include "mapping/plan.h"

/* name, as reports have it, in words */
#define VERIFY_KINDS(X)                                                                                                        \
	X(NODE_MISSING, "node_missing", "the row has no node")                                                                 \
	X(NODE_EXTRA, "node_extra", "the node has no row")                                                                     \
	X(NODE_PROPERTY, "node_property", "a property differs")                                                                \
	X(NODE_LABEL, "node_label", "a label is missing")                                                                      \
	X(NODE_LABEL_EXTRA, "node_label_extra", "a label that the row does not choose")                                        \
	X(NODE_ELEMENT_ID, "node_element_id", "its element id is not what PostgreSQL was told")                                \
	X(EDGE_MISSING, "edge_missing", "the row has no relationship")                                                         \
	X(EDGE_EXTRA, "edge_extra", "the relationship has no row")                                                             \
	X(EDGE_PROPERTY, "edge_property", "a property differs")

enum verify_kind {
#define X(name, text, what) VERIFY_##name,
	VERIFY_KINDS(X)
#undef X
};

/* name, what a report adds in words */
#define VERIFY_NOTES(X)                                                                                                        \
	X(NONE, "")                                                                                                            \
	X(DOUBLED, "there is one of it already")                                                                               \
	X(NO_KEY, "its key is none that a row can have")                                                                       \
	X(PLACEHOLDER, "there is only a placeholder")                                                                          \
	X(LEFTOVER, "a placeholder that nothing leads to")                                                                     \
	X(SEEN, "a placeholder, where none is to be seen")                                                                     \
	X(HIDDEN, "it waits for a row that is there")                                                                          \
	X(NOT_HIDDEN, "it should wait, unseen, for a row that is not there")                                                   \
	X(UNUSED, "made of a value that nothing leads to")                                                                     \
	X(UNREADABLE, "the row's value cannot be carried over")                                                                \
	X(FOREIGN, "the graph holds a type that pgweave does not write")

enum verify_note {
#define X(name, text) VERIFY_NOTE_##name,
	VERIFY_NOTES(X)
#undef X
};

struct verify_difference {
	enum verify_kind kind;
	enum verify_note note;
	const struct plan_node *node; /* one of the two */
	const struct plan_edge *edge;
	const struct value *key;  /* of the node, or the relationship's own: as many as plan_node or plan_edge has */
	const struct value *from; /* of an edge: the keys of its ends */
	const struct value *to;
	uint32_t from_count;
	uint32_t to_count;
	const char *property;         /* *_PROPERTY: which; NODE_LABEL*: the label; else NULL */
	const struct value *expected; /* *_PROPERTY: from the row; VALUE_NULL for none */
	const struct value *actual;   /* *_PROPERTY: in the graph */
};

/* The values last until it returns. 0 to go on; anything else stops the comparison. */
typedef int verify_difference_fn(void *user, const struct verify_difference *difference);

/* Of one node label or relationship mapping. */
struct verify_counts {
	uint64_t rows;      /* in PostgreSQL that should be in the graph */
	uint64_t records;   /* in the graph, placeholders included */
	uint64_t missing;   /* rows that the graph lacks */
	uint64_t extra;     /* in the graph without a row */
	uint64_t different; /* rows with a property or label that differs */
	uint64_t unsettled; /* never stood still long enough to tell */
};

const char *verify_kind_name(enum verify_kind kind);
const char *verify_kind_what(enum verify_kind kind);
const char *verify_note_text(enum verify_note note);
/* Copies all values into the arena, strings cut to size_max bytes. False without memory. */
bool verify_difference_copy(struct arena *arena, const struct verify_difference *difference, uint32_t size_max,
                            struct verify_difference *ret_difference) _must_check;

#endif
