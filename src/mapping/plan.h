/*
 * mapping/plan: the mapping compiled against a catalogue: what every later room works from. Plain, immutable data.
 *
 * A table is mapped to a node, to relationships (a join table), or to a node that owns relationships (its foreign keys). All
 * strings are UTF-8, NUL-terminated, unquoted; quoting happens where SQL or Cypher is written. Everything lives in plan->arena.
 */
#ifndef PGWEAVE_MAPPING_PLAN_H
#define PGWEAVE_MAPPING_PLAN_H

#include "base/arena.h"
#include "change/concatenation.h"
#include "change/condition.h"

#include <stdint.h>

/* PostgreSQL allows no more in a table. */
#define PLAN_COLUMNS_MAX 1600
/* In place of a table's index: a value node has none. */
#define PLAN_TABLE_NONE UINT32_MAX

/* A column that the plan reads; a row of a table is an array of these, and cells follow the same order. */
struct plan_column {
	const char *name;
	const char *type_name;
	struct type type;
	int16_t attnum;
	bool not_null;
	uint32_t type_oid; /* as declared; 0: not known. Not for the digest: it differs from database to database */
};

/* property <- column of the same table */
struct plan_property {
	const char *name;
	uint32_t column;  /* index into plan_table.columns; of a concatenation the first of its parts */
	struct type type; /* the column's, with the mapping's numeric_as; of a concatenation TEXT */
	bool is_label;    /* of a node, not a property: the value is the rest of a label that begins with the name */
	const struct concatenation *concatenation; /* what it is made of, by the same indexes; NULL: of the one column */
};

/* A further label that only some rows have. */
struct plan_label {
	const char *name;
	const struct condition *where;
};

/* What becomes of a node whose row goes. */
enum plan_on_delete {
	PLAN_DELETE_DETACH,
	PLAN_DELETE_RESTRICT,  /* it stays while something hangs on it */
	PLAN_DELETE_TOMBSTONE, /* it stays, without the relationships of its row */
	PLAN_DELETE_KEEP,      /* it stays with these */
};

/* As the mapping file has them, in the enum's order; NULL behind the last. */
extern const char *const plan_on_delete_names[];

/* What becomes of relationships that lead to a node's label while there is no row for their end. */
enum plan_missing {
	PLAN_MISSING_PLACEHOLDER, /* they lead to a placeholder */
	PLAN_MISSING_SKIP,        /* they wait, unseen, until the row is there */
	PLAN_MISSING_ERROR,       /* the same, and each that begins to wait is told by a dead letter */
};

/* As the mapping file has them, in the enum's order; NULL behind the last. */
extern const char *const plan_missing_names[];

/*
 * In front of the label of nodes, and of the type of relationships, that wait: nobody who asks for the label or the type sees
 * them.
 */
#define MAPPING_WAITING "_PgweaveWaiting_"

/* On nodes whose element id PostgreSQL may not have, and on those of which it is being told. */
#define MAPPING_LABEL_ELEMENT_ID "_PgweaveElementId"
#define MAPPING_LABEL_ELEMENT_ID_TAKEN "_PgweaveElementIdTaken"

/* Where the element ids of a node's label are kept in PostgreSQL: in a column of its table, or in a table beside it. */
struct plan_element_id {
	const char *column; /* NULL: the table beside it */
	int16_t attnum;
	const char *schema; /* of that table */
	const char *table;
};

/*
 * A value node has no rows: it is a value of other tables' columns, which its one key property holds, and it is made by
 * whatever leads to it. It has no `where`, no chosen labels, no other properties, and never is a placeholder.
 */
struct plan_node {
	uint32_t index;                /* in plan->nodes */
	uint32_t table;                /* index into plan->tables; PLAN_TABLE_NONE: a value node */
	bool keep;                     /* of a value node: it stays when nothing leads to it any more */
	const struct condition *where; /* the rows that are nodes; NULL: all */
	const char *label;
	const char *const *labels_more; /* further fixed labels */
	uint32_t labels_more_count;
	const struct plan_label *labels_chosen; /* by columns' values */
	uint32_t labels_chosen_count;
	const struct plan_property *key; /* the key's columns, in key order */
	uint32_t key_count;
	const struct plan_property *properties; /* all but the key; then the labels that values make */
	uint32_t properties_count;
	enum plan_on_delete on_delete;
	const char *deleted_label; /* of nodes that stay without a row; NULL: none do */
	bool may_be_placeholder;   /* some relationship to it has no enforced foreign key, so its end may be missing for good */
	bool other_key_stays; /* some relationship refers to another key of it, whichever row has that, see plan_end.stays */
	enum plan_missing missing;                /* PLACEHOLDER where it may not be one */
	const struct plan_element_id *element_id; /* NULL: PostgreSQL is not told of them */
};

enum plan_edge_kind {
	PLAN_EDGE_FOREIGN_KEY, /* owned by a node's row: one end is that node; at most one relationship a row but for `each` */
	PLAN_EDGE_JOIN_ENDS,   /* a join table's row, found again by its two ends */
	PLAN_EDGE_JOIN_KEYED,  /* a join table's row with a key of its own, kept as properties of the relationship */
};

struct plan_end {
	uint32_t node;                  /* index into plan->nodes */
	const struct plan_property *by; /* the node's properties that tell which one it is: its key, or another unique one */
	uint32_t by_count;
	bool by_key;
	const uint32_t *columns; /* of the edge's table: paired with `by`, and read as those properties' types, or as arrays of
	                            them, see plan_edge.each */
	bool enforced; /* a validated foreign key to exactly these stands behind it, or the end is the row's own node */
	bool stays;    /* enforced, and ON UPDATE NO ACTION or RESTRICT: rows refer to these values, whichever row has them */
};

/* The properties in which a relationship keeps its versions, beside those of columns. */
struct plan_history {
	const char *from;
	const char *to;
	const char *version;
};

struct plan_edge {
	uint32_t index; /* in plan->edges */
	enum plan_edge_kind kind;
	uint32_t table;
	const struct condition *where; /* the rows that have one; of FOREIGN_KEY those that are nodes, besides; NULL: all */
	/* Over the row's key: rows for which it is not true have nothing to do with it, so nothing of it is deleted for them.
	 */
	const struct condition *mine;
	const char *type;
	struct plan_end from;
	struct plan_end to;
	bool owner_is_from; /* FOREIGN_KEY: which end is the row's own node */
	bool each; /* FOREIGN_KEY: the far end's one column is an array, and each of its elements makes a relationship */
	const struct plan_property *key; /* JOIN_KEYED: the key's columns; `each`: the element's place, from 1, or nothing */
	uint32_t key_count;
	const struct plan_property *properties; /* JOIN_*: all but the key and the ends' columns unless asked for */
	uint32_t properties_count;
	/* NULL: it keeps none. Else both ends are enforced, and each of its versions is a relationship of its own. */
	const struct plan_history *history;
	const char *words; /* "Department BELONGS_TO Function by function_id" */
};

struct plan_published {
	const char *name;
	int16_t attnum;
};

struct plan_table {
	uint32_t index; /* in plan->tables */
	uint32_t oid;
	const char *schema;
	const char *name;
	bool partitioned;
	const struct plan_column *columns; /* the key's first, in key order; then by attnum */
	uint32_t columns_count;
	uint32_t key_count;                   /* the first so many columns are the row's key */
	bool key_deferrable;                  /* two rows may have one key within a transaction */
	const struct plan_node *node;         /* or NULL */
	const struct plan_edge *const *edges; /* FOREIGN_KEY ones of the node, or JOIN_* ones */
	uint32_t edges_count;
	const struct condition *where; /* a row for which it is not true makes nothing; NULL: there are none such */
	bool where_published; /* PostgreSQL takes it as the publication's row filter, so that such rows are not even sent */
	const struct plan_published *published; /* the publication's column list, by attnum; NULL: every column */
	uint32_t published_count;
	int64_t rows_estimate;
	const char *fingerprint; /* of the table as it was compiled, see struct catalog_watch; NULL: not known. Not for the
	                            digest */
};

struct plan {
	struct arena arena;
	const char *pipeline;
	const char *digest; /* hex; of everything here that shapes the graph, not of comments or connections */
	const struct plan_table
	        *tables; /* in loading order: the ends of relationships before their owners, where there is no cycle */
	uint32_t tables_count;
	const struct plan_node *nodes;
	uint32_t nodes_count;
	const struct plan_edge *const *edges;
	uint32_t edges_count;
	const char *const *left_out; /* words for each property whose column is not there (missing_columns: leave_out) */
	uint32_t left_out_count;
};

void plan_free(struct plan *plan);
/* Where in the node's properties the labels begin; behind all that are properties. */
uint32_t plan_node_labels_at(const struct plan_node *node);
bool plan_node_is_value(const struct plan_node *node);
bool plan_edge_has_end(const struct plan_edge *edge, const struct plan_node *node);
/* Whether relationships to the node that lack its row wait. */
bool plan_node_waits(const struct plan_node *node);
/* Whether the relationship waits when the row of that end, or of either, is not there. */
bool plan_end_waits(const struct plan *plan, const struct plan_end *end);
bool plan_edge_waits(const struct plan *plan, const struct plan_edge *edge);
/* The table's index for a relation's OID (a partition's root, since that is what is published), or -1. */
int64_t plan_table_by_oid(const struct plan *plan, uint32_t oid);

#endif
