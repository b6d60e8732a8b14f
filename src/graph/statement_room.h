/* graph/statement, inside the room: what a statement's text is put together from, and who puts which together. */
#ifndef PGWEAVE_GRAPH_STATEMENT_ROOM_H
#define PGWEAVE_GRAPH_STATEMENT_ROOM_H

#include "base/buffer.h"
#include "graph/statement.h"

#define STATEMENT_SIZE_MAX ((size_t)1024 * 1024)
#define UNWIND "UNWIND " GRAPH_ROWS " AS r "
#define PLACEHOLDER "`" GRAPH_LABEL_PLACEHOLDER "`"
/*
 * Evaluates to an error that says so; with a variable in it, or the server would evaluate it when it plans. A row that comes
 * back into the mapping is made from what the UPDATE brought, and a large value that it did not touch is not in there.
 */
#define LACKING "toInteger([r[0], 'the row came back without its large values: REPLICA IDENTITY FULL brings them'])"

/* The text under construction. */
struct text {
	struct buffer buffer;
	const struct plan *plan;
};

/* ---- statement_text.c ---- */

void text__put(struct text *text, const char *words);
/* Quoted. */
void text__name(struct text *text, const char *name);
/* "(var:`L`" */
void text__open(struct text *text, const char *var, const struct plan_node *node);
/* "{`id`: r[at], ...}" */
void text__key(struct text *text, const struct plan_property *key, uint32_t count, uint32_t at);
/* "(var:`L` {`id`: r[at]})" */
void text__keyed(struct text *text, const char *var, const struct plan_node *node, uint32_t at);
/* "USING INDEX var:`L`(`id`) ": the planner may not choose otherwise, also while the index is still empty. */
void text__hint(struct text *text, const char *var, const char *name, const struct plan_property *key, uint32_t count);
/* "MATCH (var:`L` {`id`: r[at]}) USING INDEX ... " */
void text__match(struct text *text, const char *var, const struct plan_node *node, uint32_t at);
/* What makes a node that MERGE has made a placeholder, or gives one made of a value its further labels. */
void text__on_create(struct text *text, const char *var, const struct plan_node *node);
/* A missing end becomes a placeholder; one made of a value is all there with its key. */
void text__merge_end(struct text *text, const char *var, const struct plan_node *node, uint32_t at);
/* "-[var:`T`]->" or, turned round, "<-[var:`T`]-" */
void text__arrow(struct text *text, const char *var, const char *type, bool forward);
/* mask as of struct graph_statement. */
bool statement__masked(const uint8_t *mask, uint32_t i);
/* Whether a property's value is not known. */
bool statement__lacks(const uint8_t *mask, uint32_t properties_count);
/* "SET var.`p` = r[at], ..." for the properties that the mask leaves */
void text__set(struct text *text, const char *var, const struct plan_property *properties, uint32_t count, const uint8_t *mask,
               uint32_t at);
const struct plan_node *text__node(const struct text *text, uint32_t index);
/* Whether a node at that end may have to go when the relationship does. */
bool end__is_swept(const struct plan *plan, const struct plan_end *end);
/* "(x:`_PgweavePlaceholder` OR x:`Country`)" for an edge whose ends are swept */
void text__sweepable(struct text *text, const struct plan_edge *edge);
/*
 * Without its label first, a node that got it in the same transaction (see graph/missing) would be found by its key after it is
 * gone: see text__detach_delete.
 */
void text__sweep_delete(struct text *text, const struct plan_edge *edge);
/* Placeholders, and nodes made of values, at the ends a and b to which nothing leads any more go. */
void text__sweep_ends(struct text *text, const struct plan_edge *edge, const char *a, const char *b);
/*
 * Without its label first, a node whose unique key was changed in the same transaction would be found by that key after it is
 * gone (seen with Neo4j 5.26: "Unable to load NODE"), by whatever row has the key then.
 */
void text__detach_delete(struct text *text, const char *var, const struct plan_node *node);
/* "(from:`A`)-[var:`T` {key}]->(to:`B`) USING INDEX ... " */
void text__keyed_pattern(struct text *text, const char *from, const struct plan_edge *edge, const char *var, const char *to,
                         uint32_t at);
/* MATCH (a)-[o:T]->(b) of the row, from what layout__edge lays out for EDGE_DELETE. */
void text__match_row(struct text *text, const struct plan_edge *edge);
/* Of FOREIGN_KEY: the end that is the row's own node, and the other one. */
const struct plan_end *edge__owner(const struct plan_edge *edge);
const struct plan_end *edge__far(const struct plan_edge *edge);

/* ---- statement_node.c ---- */

/* The placeholder p that has put its new key aside. */
void text__match_moving(struct text *text, const struct plan_node *node);
void text__write_node(struct text *text, enum graph_statement_kind kind, const struct plan_node *node, const uint8_t *mask);

/* ---- statement_edge.c ---- */

/* The row's own node is matched: when its row is a dead letter, there is nothing to hang a relationship on. */
void text__ends(struct text *text, const struct plan_edge *edge);
void text__write_edge(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge, const uint8_t *mask);

/* ---- statement_history.c ---- */

/* False for what is written as for any other relationship. */
bool text__write_history(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge, const uint8_t *mask);

#endif
