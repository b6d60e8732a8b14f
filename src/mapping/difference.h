/*
 * mapping/difference: from the mapping that made the graph to the plan of now: what has to be done to the graph, step by step.
 *
 * A node is the same when its table is (by OID, so a table may be renamed), or else its label; one made of values only when its
 * label is; a relationship when its table,
 * its ends and their columns are, or else its type between the same labels. A property is the same when its column (by number,
 * so a column may be renamed), type and conversion are. What differs is a list of steps in the order in which they are carried
 * out. What needs an interim name (two labels that change places) is refused with words: it is done in two changes.
 *
 * Every step may be carried out again after it was begun or done. Pure; what it makes lives in its arena.
 */
#ifndef PGWEAVE_MAPPING_DIFFERENCE_H
#define PGWEAVE_MAPPING_DIFFERENCE_H

#include "mapping/describe.h"

/* name, as `plan --json` says it, how it is carried out; in this order */
#define DIFFERENCE_KINDS(X)                                                                                                    \
	X(REFUSED, "refused", NEVER)                                                                                           \
	X(EDGE_CLEARED, "relationship_cleared", FIRST)                                                                         \
	X(LABEL_RENAMED, "label_renamed", FIRST)                                                                               \
	X(EDGE_RENAMED, "relationship_renamed", FIRST)                                                                         \
	X(PROPERTY_RENAMED, "property_renamed", FIRST)                                                                         \
	X(HISTORY_REMOVED, "history_removed", FIRST)                                                                           \
	X(LABEL_ADDED, "label_added", FIRST)                                                                                   \
	X(LABELS_REMOVED, "labels_removed", FIRST)                                                                             \
	X(LABEL_REMOVED, "label_removed", FIRST)                                                                               \
	X(VALUES_CHANGED, "values_changed", FIRST)                                                                             \
	X(MISSING_CHANGED, "missing_changed", FIRST)                                                                           \
	X(KEY_CHANGED, "key_changed", ROWS)                                                                                    \
	X(NODE_ADDED, "node_added", ROWS)                                                                                      \
	X(EDGE_ADDED, "relationship_added", ROWS)                                                                              \
	X(EDGE_CHANGED, "relationship_changed", ROWS)                                                                          \
	X(PROPERTY_ADDED, "property_added", ROWS)                                                                              \
	X(PROPERTY_CHANGED, "property_changed", ROWS)                                                                          \
	X(CHANGED, "changed", ROWS)                                                                                            \
	X(KEYLESS_REMOVED, "without_the_new_key", LAST)                                                                        \
	X(PROPERTY_REMOVED, "property_removed", LAST)                                                                          \
	X(EDGE_REMOVED, "relationship_removed", LAST)                                                                          \
	X(NODE_REMOVED, "node_removed", LAST)                                                                                  \
	X(PLACEHOLDERS, "placeholders", LAST)                                                                                  \
	X(UNUSED, "unused", LAST)

enum difference_kind {
#define X(name, text, when) DIFFERENCE_##name,
	DIFFERENCE_KINDS(X)
#undef X
};

/* FIRST: in the graph alone; ROWS: by loading a table; LAST: in the graph alone, when the rest is done */
enum difference_when {
	DIFFERENCE_NEVER,
	DIFFERENCE_FIRST,
	DIFFERENCE_ROWS,
	DIFFERENCE_LAST,
};

struct difference_key {
	const char *const *names; /* of properties, as the graph has them when the step begins */
	uint32_t count;
};

/* One value of a row. */
struct difference_field {
	const char *column;   /* of the step's table, by its name of now */
	struct type type;     /* as which it is, or becomes, a property */
	const char *property; /* of the node or the relationship, or of an end of that */
};

/* A node, or a relationship with a key, is found by its old key; a relationship without one by its ends. */
struct difference_rekey {
	const struct difference_field *fields; /* those by which it is found come first */
	uint32_t found_count;                  /* 0: there is nothing to be set */
	uint32_t from_count;                   /* of those, by the start's and the end's keys; both 0: by its own properties */
	uint32_t to_count;
	uint32_t set_count;
};

struct difference_step {
	enum difference_kind kind;
	const char *words; /* for a person; NULL: not worth one */
	const char *label; /* of the node, or of the relationship's start; as the graph has it when the step begins */
	const char *type;  /* of the relationship; NULL for a node */
	const char *end;   /* the label of its end */
	const char *name;  /* the label, the beginning of labels, the property; of a history which says when a version ended */
	const char *name_new;          /* the new label, property or type */
	bool turned;                   /* EDGE_RENAMED: and the other way round */
	struct difference_key key;     /* what has no value for one of these is not ours */
	struct difference_key key_new; /* KEYLESS_REMOVED: what has all of these stays */
	int64_t table;                 /* ROWS: index into plan->tables; else, and for what is made of values, -1 */
	/* KEY_CHANGED where the graph does not have the new key yet, but its rows can be found: by what, and what is set */
	struct difference_rekey rekey;
	const char *const *except; /* NODE_REMOVED: labels of nodes that stay */
	uint32_t except_count;
};

struct difference {
	struct arena arena;
	struct descriptions now; /* the plan's own, alone */
	struct difference_step **steps;
	uint32_t count;
	uint32_t capacity;
	bool *load;        /* for each of plan->tables: its rows are loaded */
	bool *skip;        /* its changes are left out until they are: the graph has nothing of it, or not its key */
	bool *sweep_nodes; /* for each of plan->nodes: what has no row is deleted then */
	bool *sweep_edges; /* for each of plan->edges */
};

const char *difference_kind_name(enum difference_kind kind);
enum difference_when difference_when(enum difference_kind kind);

/*
 * From each of the descriptions to the plan. An empty list is no difference: the caller knows what it means. ERR_NOMEM,
 * ERR_LIMIT. The caller keeps the descriptions as long as the difference, and calls difference_free, after an error too.
 */
int mapping_difference(const struct descriptions *from, const struct plan *plan, struct difference *difference) _must_check;
void difference_free(struct difference *difference);
/* Has what no row of a table makes deleted. ERR_NOMEM, ERR_LIMIT. */
int difference_sweep(struct difference *difference, const struct plan *plan, uint32_t table) _must_check;
/* Has it loaded whole, besides. ERR_NOMEM, ERR_LIMIT. */
int difference_load(struct difference *difference, const struct plan *plan, uint32_t table) _must_check;
/* The label that the graph has for it before any is renamed. */
const char *difference_label_before(const struct difference *difference, const char *label);
/*
 * The same step with the names that the graph has before any step is taken, so that it can be counted; what is new in it
 * (name_new, key_new) stays. ERR_NOMEM.
 */
int difference_step_before(struct difference *difference, const struct difference_step *step,
                           struct difference_step *ret_step) _must_check;
/* The first step that cannot be carried out, or NULL. */
const struct difference_step *difference_refused(const struct difference *difference);

#endif
