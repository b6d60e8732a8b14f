/*
 * mapping/compile: between the file's tree and the plan: the tree's words set against the catalogue. Private to the room.
 *
 * resolve.c finds what each word means and says what does not fit; compile.c makes the plan of it; order.c finds the loading
 * order; digest.c the digest. What could not be resolved is not `fine`, and its diagnostic has been made.
 */
#ifndef PGWEAVE_MAPPING_COMPILE_H
#define PGWEAVE_MAPPING_COMPILE_H

#include "change/condition.h"
#include "mapping/tree.h"

struct resolved_columns {
	const struct catalog_column **items;
	uint32_t count;
};

struct resolved_property {
	struct word name;
	const struct catalog_column *column; /* of a concatenation the first of its parts */
	struct type type;
	struct resolved_columns parts; /* of a concatenation, in the order of the text; else none */
	const char *separator;
};

struct resolved_properties {
	struct resolved_property *key; /* in key order */
	uint32_t key_count;
	struct resolved_property *rest;
	uint32_t rest_count;
};

/* Of nodes that stay although their rows are gone, unless the file names another. */
#define MAPPING_DELETED_LABEL "Deleted"

/* A label or type that rows have by the value of a column. */
struct resolved_choice {
	struct word name;
	const struct condition *where; /* the values that choose it */
	bool single;                   /* it is one value */
};

struct resolved_choices {
	const struct catalog_column *column;
	struct resolved_choice *items;
	uint32_t count;
	const struct condition *other; /* all other values, NULL among them; NULL: there are none */
};

struct resolved_node {
	const struct mapping_node *mapped;
	const struct catalog_table *table;  /* NULL, with `fine`: a value node, whose key has no column */
	const struct catalog_column *value; /* of a value node: the first column that leads to it; its key is of that type */
	bool led_to;                        /* a relationship of the file names it */
	const struct condition *where; /* its columns are indexes into the catalogue's table, as in an edge's; NULL: none */
	struct resolved_columns key;
	struct resolved_properties properties;
	struct resolved_choice *labels; /* that columns choose */
	uint32_t labels_count;
	struct resolved_property *prefixes; /* of labels that columns' values make */
	uint32_t prefixes_count;
	const struct catalog_column *element_id; /* where element ids go; NULL: to no column */
	bool may_be_placeholder;
	bool other_key_stays;
	bool fine;
};

struct resolved_end {
	const struct resolved_node *node;
	struct resolved_columns columns;
	struct resolved_columns by; /* of the node's table, paired with `columns`: its key, or another unique one */
	bool enforced;
	bool stays;
	bool each; /* the column is an array of what tells the nodes apart */
};

struct resolved_edge {
	struct word type;
	enum plan_edge_kind kind;
	const struct catalog_table *table;
	const struct mapping_join *join; /* JOIN_* */
	const struct condition *where;
	const struct condition *mine;      /* see struct plan_edge */
	const struct resolved_node *owner; /* FOREIGN_KEY */
	bool owner_is_from;
	struct resolved_end from;
	struct resolved_end to;
	struct resolved_columns key; /* of the row */
	struct resolved_properties properties;
	const struct mapping_history *history; /* NULL: it keeps none */
	bool fine;
};

/* A property whose column is not there. */
struct left_out {
	const char *words;
	struct left_out *next;
};

struct compiler {
	const struct mapping *mapping;
	const struct source *source;
	const struct catalog *catalog;
	struct diagnostics *diagnostics;
	struct arena arena; /* for all that dies with the compiler */
	struct resolved_node *nodes;
	uint32_t nodes_count;
	struct resolved_node **nodes_by_label; /* sorted */
	struct resolved_edge *edges;
	uint32_t edges_count;
	uint32_t edges_capacity;
	struct left_out *left_out; /* the last one first */
	uint32_t left_out_count;
	bool no_memory;
};

/* Fills nodes and edges. */
void mapping__resolve(struct compiler *compiler);
/* Nothing more can be said, or kept. */
bool mapping__compile_is_done(const struct compiler *compiler);
/* Cleared memory of the compiler's own arena; NULL with no_memory set. */
void *mapping__compile_calloc(struct compiler *compiler, size_t count, size_t size);

/*
 * A loading order of `count` tables: what a table needs comes before it where there is no cycle, else the one that lacks least.
 * needs holds pairs (table, needed). Ties keep the given order. ret_order has room for count; needs_count may be 0.
 */
struct order_need {
	uint32_t table;
	uint32_t needed;
};
int mapping__order(uint32_t count, const struct order_need *needs, uint32_t needs_count, uint32_t *ret_order) _must_check;

/* Sets plan->digest; the plan is otherwise complete. */
int mapping__digest(struct plan *plan) _must_check;

/*
 * Reads the condition that the word is; *ret_condition is NULL where the file says none. False, with its diagnostic, when it
 * cannot be read or does not fit the table.
 */
bool mapping__condition(struct compiler *compiler, const struct catalog_table *table, const struct word *word,
                        const struct condition **ret_condition);
/* The unique key over just these columns, rather one that is not deferrable; NULL: there is none. */
const struct catalog_key *mapping__unique(const struct catalog_table *table, const struct resolved_columns *columns);
/* Whether a property of that type holds the column's values just as they are. */
bool mapping__is_plain(const struct type *property, const struct type *column);
/* The table's column of that name; NULL, with a diagnostic, when there is none. */
const struct catalog_column *mapping__column(struct compiler *compiler, const struct catalog_table *table,
                                             const struct word *wanted);
/* True when the column is not there, and the file says that this does not matter: notes it. */
bool mapping__is_left_out(struct compiler *compiler, const struct catalog_table *table, const char *property,
                          const struct word *column);
/* Finds the column for element ids. False, with its diagnostic, when it does not fit. */
bool mapping__element_id(struct compiler *compiler, struct resolved_node *node);
/* When all is resolved: nothing else of the mapping may look at that column, and no row of a mapped table be beside it. */
void mapping__check_element_ids(struct compiler *compiler);
/* The schema of the table beside a node's. */
const char *mapping__element_id_schema(const struct compiler *compiler, const struct mapping_element_id *element_id);
/* column = literal, as the word writes it. False, with its diagnostic, when it does not fit. */
bool mapping__condition_equal(struct compiler *compiler, const struct catalog_table *table, const struct catalog_column *column,
                              const struct word *literal, const struct condition **ret_condition);
const struct condition *mapping__condition_is_null(struct compiler *compiler, const struct catalog_table *table,
                                                   const struct catalog_column *column);
/* Both, one or NULL of two conditions that may be NULL; NULL with no_memory set. `right` of CONDITION_NOT is left out. */
const struct condition *mapping__condition_pair(struct compiler *compiler, enum condition_kind kind,
                                                const struct condition *left, const struct condition *right);
/* What the column chooses. False, with its diagnostic, when something does not fit. */
bool mapping__choices(struct compiler *compiler, const struct catalog_table *table, const struct mapping_chooser *chooser,
                      struct resolved_choices *choices);
/* With the columns' indexes looked up in index_of. NULL without memory. */
const struct condition *mapping__condition_copy(const struct condition *condition, const uint32_t *index_of,
                                                struct arena *arena);
/* Each column that it looks at, as often as it does. */
typedef void mapping__column_fn(void *user, uint32_t column);
void mapping__condition_columns(const struct condition *condition, mapping__column_fn *on_column, void *user);

/*
 * Makes property->type carry the conversion that the file asks for; property->type has the column's type, as `as` has it.
 * False, with its diagnostic, when a step does not fit.
 */
bool mapping__conversion(struct compiler *compiler, const struct mapping_property *named, struct resolved_property *property);
/* NULL without memory. */
struct conversion;
const struct conversion *mapping__conversion_copy(const struct conversion *conversion, struct arena *arena);
/* " path(1) a path(1) b as text trim case lower split(1) , scale 1e-2 epoch seconds": one text for one conversion */
void mapping_conversion_words(struct buffer *buffer, const struct conversion *conversion);
/* " first_name ' ' last_name", for people */
void mapping_concatenation_words(struct buffer *buffer, const struct plan_table *table,
                                 const struct concatenation *concatenation);

#endif
