/*
 * graph/remap: the Cypher that changes a graph from one mapping to another, step by step. Texts and packing; no I/O.
 *
 * Each step of mapping/difference that needs no rows is one statement, run in batches until nothing is left for it to match:
 * so it may be begun again at any time. What is graph-only stays: a relationship that gets another type is made anew with all
 * its properties.
 */
#ifndef PGWEAVE_GRAPH_REMAP_H
#define PGWEAVE_GRAPH_REMAP_H

#include "base/buffer.h"
#include "mapping/difference.h"

#define GRAPH_REMAP_BATCH 10000 /* nodes or relationships in one transaction */

/* Only for steps in the graph alone (difference_when). A lack of room is the buffer's sticky failure. */
/* Returns how many nodes or relationships the step still matches. */
void graph_remap_count(const struct difference_step *step, struct buffer *cypher);
/* Returns 1 when it still matches any, else nothing. */
void graph_remap_left(const struct difference_step *step, struct buffer *cypher);
/* Changes GRAPH_REMAP_BATCH of them. */
void graph_remap_batch(const struct difference_step *step, struct buffer *cypher);
/* Of NODE_REMOVED: how many relationships, of types that none of the descriptions has, would go along. */
void graph_remap_hanging(const struct difference_step *step, const struct descriptions *descriptions, struct buffer *cypher);
/* Of KEY_CHANGED with something to be set: GRAPH_ROWS are lists of the values of step->rekey.fields. */
void graph_remap_rekey(const struct difference_step *step, struct buffer *cypher);
/* Makes the index by which that finds the old key (graph_schema_drop drops it again); false when it needs none. */
bool graph_remap_rekey_index(const struct difference_step *step, uint32_t number, struct buffer *cypher);

#endif
