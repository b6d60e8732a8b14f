/*
 * graph/element_id: the Cypher around element ids that PostgreSQL is told of. Only texts and packing; no I/O.
 *
 * A node whose element id PostgreSQL may not have carries a mark (MAPPING_LABEL_ELEMENT_ID), set in the transaction that makes
 * it or its row anew. Whoever tells PostgreSQL takes the mark and leaves another one (..._TAKEN) until PostgreSQL has
 * committed, so that a mark that is set meanwhile is not lost, and none that was taken by somebody who was killed. Where the
 * table beside the mapped one holds element ids by key, a key that has gone leaves a node with it
 * (graph_element_id_gone_label).
 *
 * All that writes holds the checkpoint's lock and epoch: behind the writer, never beside it, so that the two cannot deadlock.
 */
#ifndef PGWEAVE_GRAPH_ELEMENT_ID_H
#define PGWEAVE_GRAPH_ELEMENT_ID_H

#include "base/buffer.h"
#include "mapping/plan.h"

#include <bolt/packstream.h>

#define GRAPH_ELEMENT_IDS_MAX 1000 /* taken at once */

/* The quoted label of the nodes that are left for keys of such a node. */
void graph_element_id_gone_label(const struct plan_node *node, struct buffer *cypher);

/* One record when there is a marked node. */
void graph_element_id_any(const struct plan_node *node, struct buffer *cypher);
/* graph_element_id_pack. Takes some marks; a record for each node: its element id, then its key. */
void graph_element_id_take(const struct plan_node *node, struct buffer *cypher);
/* graph_element_id_pack. All that are taken are marked again; a batch of them: the count, until it is 0. */
void graph_element_id_put_back(const struct plan_node *node, struct buffer *cypher);
/* graph_element_id_pack, then texts in GRAPH_ROWS: the element ids of those that PostgreSQL has now. */
extern const char graph_element_id_done[];
/* The keys that have gone, some of them: a record for each: the element id of what is left for it, then the key. */
void graph_element_id_gone(const struct plan_node *node, struct buffer *cypher);
/* As graph_element_id_done, for those. */
void graph_element_id_forgotten(const struct plan_node *node, struct buffer *cypher);
/* GRAPH_ROWS, a key each: marks them. By anybody, for it says only that somebody should look. */
void graph_element_id_mark(const struct plan_node *node, struct buffer *cypher);
/* Counts the nodes that are marked or taken. */
void graph_element_id_count(const struct plan_node *node, bool taken, struct buffer *cypher);

/* What keeps PostgreSQL from being told, for `status`. $pipeline; one text or null. */
extern const char graph_element_id_problem[];
/* graph_element_id_pack_problem */
extern const char graph_element_id_set_problem[];

/* {pipeline, epoch}, and, where there are rows, the header of GRAPH_ROWS for rows_count of them, which follow. */
void graph_element_id_pack(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const size_t *rows_count);
/* problem: NULL: none any more. */
void graph_element_id_pack_problem(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const char *problem);

#endif
