/*
 * graph/missing: relationships that wait, unseen, for the row of an end.
 *
 * Between two transactions of Neo4j a node without a row, of a label whose mapping says so (plan_node_waits), has the label
 * with MAPPING_WAITING in front of it instead of its own, and the relationships that lead to it, or from it, have such a type.
 * Inside a transaction all that is concerned is shown: it becomes an ordinary placeholder with ordinary relationships, so that
 * no other statement has to know. What is still a placeholder at the end is hidden again. Of the relationships of a node only
 * those are shown that the changed rows are about; all of them where the node's own row is.
 *
 * For loads and changes of the mapping everything is shown before and hidden behind them (struct graph_statements.shown).
 *
 * A placeholder at which an enforced relationship ends is not hidden: its row comes with the next piece of the transaction.
 *
 * Texts only; no I/O. Depends on mapping/ (plan, quoting).
 */
#ifndef PGWEAVE_GRAPH_MISSING_H
#define PGWEAVE_GRAPH_MISSING_H

#include "graph/batch.h"

#define GRAPH_MISSING_BATCH 10000 /* nodes or relationships in one transaction */

/* On a relationship that waits: a dead letter tells of it already. */
#define GRAPH_PROPERTY_TOLD "_pgweave_told"

/* A node's label, or the type of relationships between two labels, in a graph; by the names that it has there. */
struct graph_waiting {
	const char *type; /* NULL: a node's label, `from` */
	const char *from;
	const char *to;
};

/* Appends the quoted name with MAPPING_WAITING in front of it. */
void graph_waiting_quote(struct buffer *cypher, const char *name);

/* Shows GRAPH_MISSING_BATCH of them; the other returns 1 while there are any, else nothing. */
void graph_missing_show_batch(const struct graph_waiting *waiting, struct buffer *cypher);
void graph_missing_show_left(const struct graph_waiting *waiting, struct buffer *cypher);
/* The same of a statement that hides (GRAPH_HIDE_*) the node or edge of that index. */
void graph_missing_hide_batch(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct buffer *cypher);
void graph_missing_hide_left(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct buffer *cypher);
/* The same of what relationships that do not wait any more still have of the time when they did. */
void graph_missing_forget_batch(const struct plan *plan, uint32_t edge, struct buffer *cypher);
void graph_missing_forget_left(const struct plan *plan, uint32_t edge, struct buffer *cypher);

/* Whether the plan has a statement of that kind (GRAPH_SHOW_*, GRAPH_HIDE_*) for the node or edge of that index. */
bool graph_missing_has(const struct plan *plan, enum graph_statement_kind kind, uint32_t index);

/* Whether what it hides (GRAPH_HIDE_FROM, GRAPH_HIDE_TO) makes dead letters; such go before the others. */
bool graph_missing_tells(const struct plan *plan, enum graph_statement_kind kind, uint32_t index);

/* ---- for the room itself ---- */

/* How the list of an array's elements is packed. */
struct graph_field statement__elements(const struct plan *plan, const struct plan_edge *edge);
/* The text of such a statement, and its fields; returns how many. */
void missing__write(struct buffer *cypher, const struct plan *plan, enum graph_statement_kind kind, uint32_t index);
uint32_t missing__fields(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct graph_field *fields);
/* Whether a row of such a statement is the old one, and behind it the new one. */
bool missing__is_old_and_new(enum graph_statement_kind kind);
/* Puts what shows in front of the operations, and what hides behind them. ERR_LIMIT, ERR_NOMEM. */
int missing__surround(struct graph_statements *statements, struct arena *arena,
                      struct graph_operation **operations) _must_check;

#endif
