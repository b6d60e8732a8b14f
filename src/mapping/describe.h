/*
 * mapping/describe: what a plan makes of the graph, as a text that is kept beside the graph, and read back.
 *
 * The checkpoint holds a list of descriptions in JSON: one of the mapping that made the graph, or, while the graph is being
 * changed from one mapping to another, of every mapping that may have left its traces. A description has only what shapes the
 * graph, no connections and no secrets. What is read comes from a server: it is bounded, checked, and owned by an arena.
 *
 * A field that this version does not know is kept as text, and so makes what it stands in differ from any plan's.
 */
#ifndef PGWEAVE_MAPPING_DESCRIBE_H
#define PGWEAVE_MAPPING_DESCRIBE_H

#include "base/buffer.h"
#include "mapping/plan.h"

#define DESCRIPTIONS_SIZE_MAX ((size_t)32 * 1024 * 1024) /* of the JSON text */
#define DESCRIPTIONS_MAX 8

struct described_property {
	const char *name;
	const char *column;
	int16_t attnum;
	const char *columns;   /* of one that is made of several, the words for them; NULL: of the one column */
	const char *source;    /* type, conversion and whatever else is known of it, as one text */
	struct type type;      /* of `source`, without the conversion; for keys, which have none */
	const char *converted; /* the conversion's words, or NULL */
};

struct described_properties {
	const struct described_property *items;
	uint32_t count;
};

struct described_table {
	uint32_t oid;
	const char *schema;
	const char *name;
};

struct described_node {
	const char *label;
	const char *const *labels_more;
	uint32_t labels_more_count;
	const char *const *labels_chosen; /* by columns' values; which choose them is in `further` */
	uint32_t labels_chosen_count;
	const char *const *prefixes; /* of labels that values make */
	uint32_t prefixes_count;
	const char *where; /* which rows it takes; NULL: all */
	const char *value; /* DESCRIBED_VALUE_*: it is made of values, and `table` is all 0 or NULL; NULL: of rows */
	struct described_table table;
	struct described_properties key; /* in key order */
	struct described_properties properties;
	const char *missing;    /* one of plan_missing_names, or a word that this version does not know */
	const char *element_id; /* where element ids go, as one text; NULL: nowhere */
	bool element_id_beside; /* to a table beside the node's, where they are found by label and key */
	const char *further;    /* what this version does not know, as one text */
};

struct described_column {
	const char *name;
	int16_t attnum;
};

struct described_end {
	const char *label;
	const struct described_column *columns;
	uint32_t columns_count;
};

/* Names of properties. */
struct described_history {
	const char *from;
	const char *to;
	const char *version;
};

struct described_edge {
	const char *kind; /* DESCRIBED_* */
	const char *type;
	const char *where;
	struct described_table table;
	struct described_end from;
	struct described_end to;
	struct described_properties key;
	struct described_properties properties;
	bool keeps_history;
	struct described_history history;
	const char *further;
};

#define DESCRIBED_VALUE_REMOVE "remove" /* it goes when nothing is left at it */
#define DESCRIBED_VALUE_KEEP "keep"
#define DESCRIBED_FOREIGN_KEY "foreign_key"
#define DESCRIBED_JOIN_ENDS "join_ends"
#define DESCRIBED_JOIN_KEYED "join_keyed"

struct description {
	struct described_node *nodes; /* of a plan's own description: in the plan's order */
	uint32_t nodes_count;
	struct described_edge *edges; /* likewise */
	uint32_t edges_count;
};

struct descriptions {
	struct arena arena;
	struct description *items;
	uint32_t count;
};

/* Appends one description as a JSON object on one line. 0 or ERR_NOMEM. */
int plan_describe(const struct plan *plan, struct buffer *json) _must_check;
/*
 * Appends the description to a list of them: "" or what was read from a checkpoint before. ERR_NOMEM; ERR_LIMIT when the list
 * has DESCRIPTIONS_MAX already.
 */
int plan_describe_after(const struct plan *plan, const struct descriptions *before, const char *list,
                        struct buffer *json) _must_check;
/*
 * Reads a list. "" is an empty one. ERR_PROTOCOL when it is not one, ERR_LIMIT, ERR_NOMEM. The caller frees
 * descriptions->arena, after an error too.
 */
int descriptions_read(const char *json, size_t size, struct descriptions *descriptions) _must_check;

#endif
