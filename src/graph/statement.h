/*
 * graph/statement: the fixed set of Cypher statements that a plan needs.
 *
 * Each statement takes GRAPH_ROWS, a list of rows; a row is a list of values in the order of the statement's layout. Labels,
 * types and property names are in the text, quoted; values never are. Texts are written once and kept, so that the server's
 * query cache always hits. No I/O. Depends on mapping/ (plan, quoting).
 *
 * A relationship that keeps its history is never changed but in the transaction that opened the version: else the version is
 * closed and another opened. What one transaction writes in several statements is one version, since it has one time: a version
 * that began at that time is written in place, and one that ended at that time is current still.
 *
 * Notation in the comments: L the node's label, T the type, a the start, b the end of a relationship.
 */
#ifndef PGWEAVE_GRAPH_STATEMENT_H
#define PGWEAVE_GRAPH_STATEMENT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "mapping/plan.h"

/* Labels of pgweave's own nodes and marks. */
#define GRAPH_LABEL_PLACEHOLDER "_PgweavePlaceholder"
#define GRAPH_LABEL_CHECKPOINT "_PgweaveCheckpoint"
#define GRAPH_LABEL_DEAD_LETTER "_PgweaveDeadLetter"

/* Until when the current version of a relationship holds. */
#define GRAPH_FOREVER "datetime('9999-12-31T00:00:00Z')"

/*
 * The list of rows is in a map. Neo4j plans a statement anew for each order of magnitude that a list given as a parameter has
 * (seen with 5.26: 1, 10, 100, ... rows, a second each on a cold server); into a map it does not look.
 */
#define GRAPH_ROWS "$p.rows"
struct bolt_writer;
/* {p: {rows: [ and the header for count rows, which follow. */
void graph_rows_pack_begin(struct bolt_writer *writer, size_t count);

/* name, of a node or an edge, its row; in the order in which a segment runs them */
#define GRAPH_STATEMENTS(X)                                                                                                    \
	X(SHOW_ALL, EDGE)             /* these and those below: see graph/missing; no row */                                   \
	X(SHOW_NODE, NODE)            /* key */                                                                                \
	X(SHOW_MOVED_NODE, NODE)      /* old key, new key */                                                                   \
	X(SHOW_FILLED_FROM, EDGE)     /* key of `from`: relationships of the placeholder */                                    \
	X(SHOW_FILLED_TO, EDGE)       /* the same of `to` */                                                                   \
	X(SHOW_LEFT_FROM, EDGE)       /* key of `from`: relationships of the node, which may go */                             \
	X(SHOW_LEFT_TO, EDGE)         /* the same of `to` */                                                                   \
	X(SHOW_MOVED_FROM, EDGE)      /* old key, new key of `from` */                                                         \
	X(SHOW_MOVED_TO, EDGE)        /* the same of `to` */                                                                   \
	X(SHOW_END_FROM, EDGE)        /* `from` as the row has it; `each`: the list */                                         \
	X(SHOW_END_TO, EDGE)          /* the same of `to` */                                                                   \
	X(SHOW_MOVED_END_FROM, EDGE)  /* `from` as the old row and as the new row has it */                                    \
	X(SHOW_MOVED_END_TO, EDGE)    /* the same of `to` */                                                                   \
	X(SHOW_ROW, EDGE)             /* FOREIGN_KEY: owner's key; JOIN_ENDS: ends; JOIN_KEYED: key */                         \
	X(SHOW_MOVED_ROW, EDGE)       /* the same of the old row, and of the new one */                                        \
	X(EDGE_TRUNCATE, EDGE)        /* no row */                                                                             \
	X(NODE_TRUNCATE, NODE)        /* no row */                                                                             \
	X(NODE_RENAME_VACATE, NODE)   /* old key, new key: a node without a row that holds the new key gives it up */          \
	X(NODE_RENAME_DISPLACE, NODE) /* the same where it goes: no row can refer to it */                                     \
	X(NODE_RENAME, NODE)          /* old key, new key */                                                                   \
	X(NODE_EXCHANGE, NODE)        /* the same, of nodes that take keys from one another */                                 \
	X(RENAME_LEAVE_FROM, EDGE)    /* old key, new key of `from`: unenforced relationships stay with the old key */         \
	X(RENAME_LEAVE_TO, EDGE)      /* the same of `to` */                                                                   \
	X(RENAME_ABSORB_FROM, EDGE)   /* old key, new key of `from`: relationships of who gave it up move to the node */       \
	X(RENAME_ABSORB_TO, EDGE)     /* the same of `to` */                                                                   \
	X(NODE_RENAME_DISCARD, NODE)  /* old key, new key: who gave it up goes */                                              \
	X(EDGE_LEAVE, EDGE)           /* as EDGE_DELETE: of a row that has another key by now */                               \
	X(EDGE_REKEY, EDGE)           /* old ends, old key, new ends, new key; of JOIN_KEYED the old ends are null */          \
	X(EDGE_EXCHANGE, EDGE)        /* the same, of rows that take keys from one another */                                  \
	X(EDGE_NOTE, EDGE)   /* far node's key, values of `by`: relationships note the values that are about to change */      \
	X(NODE_UPSERT, NODE) /* key, properties that are known */                                                              \
	X(EDGE_SETTLE, EDGE) /* far node's key: what noted values goes to the node that has these now, if there is one */      \
	X(EDGE_DELETE, EDGE) /* FOREIGN_KEY: owner's key; JOIN_ENDS: ends; JOIN_KEYED: key */                                  \
	/* a's key, b's key, JOIN_KEYED: key, properties: there is none of this row yet; `each`: owner's key, list */          \
	X(EDGE_UPSERT_FRESH, EDGE)                                                                                             \
	X(EDGE_UPSERT, EDGE) /* the same: the row's relationship may lead elsewhere */                                         \
	X(EDGE_KEPT, EDGE)   /* `each`, the owner's key: an array that nobody knows, whose relationships are there */          \
	X(EDGE_PRUNE, EDGE)  /* `each`, behind its upsert: relationships of elements that are not there any more */            \
	X(NODE_DELETE, NODE) /* key; a node made of a value goes only when nothing leads to it */                              \
	X(HIDE_FROM, EDGE)   /* no row */                                                                                      \
	X(HIDE_TO, EDGE)     /* no row */                                                                                      \
	X(HIDE_NODE, NODE)   /* no row */

enum graph_statement_kind {
#define X(name, of) GRAPH_##name,
	GRAPH_STATEMENTS(X)
#undef X
	        GRAPH_STATEMENT_KINDS
};

/* In a mask. */
enum graph_mask {
	GRAPH_MASK_TAKEN,
	GRAPH_MASK_LEFT_OUT,
	GRAPH_MASK_UNKNOWN,
};

/* One value of a row: from which column of the table, and as what type it is read. */
struct graph_field {
	uint32_t column;
	struct type type;
	bool elements; /* the column is an array, `type` its elements': they are packed as a list, see graph_elements_pack */
	bool placed;
	const struct concatenation *concatenation; /* of several columns, one of which `column` is; NULL: of the one */
};

struct graph_statement {
	enum graph_statement_kind kind;
	uint32_t index; /* of the node or edge */
	const char *text;
	const struct graph_field *fields;
	uint32_t fields_count;
	bool old_and_new;   /* a row is `fields` of the old row, then of the new one */
	bool tells_renewed; /* behind the fields a row says whether it is, see struct graph_row */
	bool timed;         /* and then the time of the change; what takes no row takes one that has only that */
	/*
	 * One byte per property of the node or edge: 1 where it is left out. Behind them one for each of the node's chosen
	 * labels: 1 where the row does not have it, 2 where nobody knows. NULL: nothing is left out, every label is had.
	 */
	const uint8_t *mask;
	const struct graph_statement *next;
};

/* All statements of one plan; they live as long as it does. */
struct graph_statements {
	const struct plan *plan;
	struct arena arena;
	/* What waits is shown for now, and stays so: a load, or a change of the mapping. Batches neither show nor hide. */
	bool shown;
	const struct graph_statement **lists[GRAPH_STATEMENT_KINDS]; /* by kind and index: the variants by mask */
};

/* Appends whether the relationship `variable` is a current version, or none that was ever closed. */
struct buffer;
void graph_history_current(struct buffer *cypher, const char *variable, const struct plan_history *history);

int graph_statements_init(struct graph_statements *statements, const struct plan *plan) _must_check;
void graph_statements_free(struct graph_statements *statements);

/*
 * The statement of that kind for the node or edge of that index, without the properties that mask leaves out (mask as in
 * struct graph_statement, copied). NULL when memory or the limit on variants is out.
 */
const struct graph_statement *graph_statement_get(struct graph_statements *statements, enum graph_statement_kind kind,
                                                  uint32_t index, const uint8_t *mask);

/* "REMOVE var:$(...)": its labels that begin with the prefix; but for the one that `but`, an expression, is. */
void graph_labels_remove(struct buffer *cypher, const char *var, const char *prefix, const char *but);

/*
 * True when deleting a row of the node, which has a table, has to delete its relationships one by one, so that placeholders and
 * nodes made of values are seen to, or because the node may stay.
 */
bool graph_node_deletes_edges(const struct plan *plan, const struct plan_node *node);

#endif
