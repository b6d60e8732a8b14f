/*
 * verify/shape: how the rows of one node label or one relationship mapping look on both sides, and the statements that read
 * them.
 *
 * A shape is a list of fields: first the identity, in the order by which both sides are sorted (a node: its key; a
 * relationship: the key of the end that its table is nearest to, that of the other end, its own key), then the owned
 * properties. Both sides deliver one value per field, so that the comparison knows no tables. Texts only; no I/O.
 */
#ifndef PGWEAVE_VERIFY_SHAPE_H
#define PGWEAVE_VERIFY_SHAPE_H

#include "base/buffer.h"
#include "mapping/plan.h"

/* Where a row has a field's value. */
enum verify_source {
	VERIFY_SOURCE_COLUMN,
	VERIFY_SOURCE_ELEMENT, /* of the array in the column: one record for each */
	VERIFY_SOURCE_PLACE,   /* of that element */
};

struct verify_field {
	uint32_t column; /* of the table */
	enum verify_source source;
	struct type type;
	char variable; /* in the Cypher statements: n; a and b for the ends, e */
	const char *property;
	const struct condition *label; /* property is a label instead: whether the node has it; true for these rows */
	bool prefixes;                 /* property is how a label begins: the value is the rest of it */
	const struct concatenation *concatenation; /* of the table's columns, instead of the one; NULL: of the one */
	bool element_id;                           /* there is no property: what PostgreSQL was told is the node's element id */
};

/* Behind a node's fields the graph says so much more. */
enum verify_flag {
	VERIFY_FLAG_PLACEHOLDER,
	VERIFY_FLAG_CONNECTED, /* a placeholder, or a node made of a value, with a relationship of whatever type */
	VERIFY_FLAG_LABELS,    /* from here on: has the label labels_more[i] */
};

/* Behind the fields of a relationship that may wait for the row of an end (see graph/missing). */
enum verify_edge_flag {
	VERIFY_EDGE_FLAG_WAITS,  /* it is hidden */
	VERIFY_EDGE_FLAG_SHOULD, /* an end of it is */
	VERIFY_EDGE_FLAGS,
};

struct verify_shape {
	const struct plan *plan;
	const struct plan_table *table; /* NULL: a node made of values, which has no rows */
	const struct plan_node *node;   /* one of the two */
	const struct plan_edge *edge;
	const struct verify_field *fields;
	uint32_t fields_count;
	uint32_t identity_count; /* the first so many fields */
	uint32_t flags_count;
	uint32_t marked_at; /* the flag that says whether PostgreSQL is yet to be told of the element id; 0: there is none */
	uint32_t from_at;   /* of an edge: where in the fields an end's key, its own key begin */
	uint32_t to_at;
	uint32_t key_at;
	uint32_t probe_at; /* by these fields its row, and what the row makes in the graph, is found again */
	uint32_t probe_count;
	bool ordered; /* the servers can sort by the identity; else it is sorted here */
};

int verify_shape_node(struct verify_shape *shape, const struct plan *plan, const struct plan_node *node,
                      struct arena *arena) _must_check;
/* Adds what PostgreSQL was told of the node's element id, where the plan tells it. */
void verify_shape_add_element_id(struct verify_shape *shape);
int verify_shape_edge(struct verify_shape *shape, const struct plan *plan, const struct plan_edge *edge,
                      struct arena *arena) _must_check;
/*
 * Whether it is among the tables (by plan table; NULL: all): the one that it comes from; of what is made of values, one with a
 * relationship that leads to it.
 */
bool verify_shape_is_of(const struct verify_shape *shape, const bool *tables);
/* "Package", "Package DEPENDS_ON Package by target" */
const char *verify_shape_name(const struct verify_shape *shape);

/* The statements in SQL are for shapes with a table. */
/* All rows: "COPY (SELECT fields ... ORDER BY identity) TO STDOUT". sorted: ask for the order. */
void verify_shape_scan_sql(const struct verify_shape *shape, bool sorted, struct buffer *sql);
/* Of a node with a table beside for element ids: deletes from that the entries of keys that no row has. */
void verify_shape_forget_sql(const struct verify_shape *shape, struct buffer *sql);
/* All of the graph's. Nodes without a complete key are not among them. */
void verify_shape_scan_cypher(const struct verify_shape *shape, bool sorted, struct buffer *cypher);
/* Nodes without a complete key. */
void verify_shape_keyless_cypher(const struct verify_shape *shape, struct buffer *cypher);
/*
 * A few, by their probes. SQL: one parameter per probe field, an array of texts; in front of the fields come the position in
 * the arrays, from 1, and the row's version. by_text: compare texts, where a value might not fit the column's type: slow, but
 * it cannot fail.
 */
void verify_shape_probe_sql(const struct verify_shape *shape, struct buffer *sql);
/* GRAPH_ROWS: lists of the position and the probe's values; a record begins with the position. */
void verify_shape_probe_cypher(const struct verify_shape *shape, struct buffer *cypher);
/* GRAPH_ROWS: lists of the identity's values and how many of those relationships may stay. */
void verify_shape_surplus_cypher(const struct verify_shape *shape, struct buffer *cypher);

#endif
