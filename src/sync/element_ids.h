/*
 * sync/element_ids: tells PostgreSQL the element ids of nodes, behind the stream and never in its way.
 *
 * Nodes that are new, or whose rows are, carry a mark (graph/element_id.h). In rounds, on connections of its own: marks are
 * taken, PostgreSQL is told in one statement for all of them, and after its commit what was taken is let go. Killed anywhere in
 * between, it does the same again. Rows that somebody has locked are skipped and come again a little later; what PostgreSQL
 * refuses is logged once, kept in the checkpoint for `status`, and tried again. Nothing of it ever stops the stream: as soon as
 * that needs the main flow, the round is given up with its connections.
 *
 * What is written to a column of a mapped table comes back in the stream. Where no trigger, rule or foreign key of the table
 * can have changed anything else, the transaction has the pipeline's replication origin (named as the slot), and the stream
 * passes over it; else it comes as what it is: a row that is in the graph already.
 */
#ifndef PGWEAVE_SYNC_ELEMENT_IDS_H
#define PGWEAVE_SYNC_ELEMENT_IDS_H

#include "sync/pipeline.h"

struct element_ids;

/*
 * *ret_element_ids is NULL where the plan has none to tell of; all functions take that. is_needed: the main flow is needed
 * elsewhere. The pipeline must outlive it.
 */
int element_ids_new(struct pipeline *pipeline, bool (*is_needed)(void *user), void *user, struct element_ids **ret_element_ids,
                    struct error *error) _must_check;
/* Main flow only: closes its connections. */
void element_ids_free(struct element_ids *element_ids);
/* Something was written: there may be marks. */
void element_ids_wake(struct element_ids *element_ids);
/* Main flow only: does what is due. */
void element_ids_turn(struct element_ids *element_ids);
/* Main flow only: tells all that can be told now, whatever is due. */
void element_ids_finish(struct element_ids *element_ids);

/* Makes the tables beside mapped ones that are not there. */
int element_ids_make_tables(struct session_postgres *postgres, const struct plan *plan, const struct log *log,
                            struct error *error) _must_check;

/* ---- texts, for this room and its tests ---- */

/*
 * Parameters: an array of texts for each of the key's columns, then one of element ids; for a table beside, the pipeline and
 * the label behind them. For a column it returns which of them, from 1, it has written; those that others have locked are
 * skipped.
 */
void element_ids_write_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql);
/* For a column, the same parameters: which of them it does not hold. */
void element_ids_untold_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql);
/* The same as the first without element ids: of keys that have no such row any more nothing is kept. */
void element_ids_forget_sql(const struct plan *plan, const struct plan_node *node, struct buffer *sql);
/*
 * $1 the table's OID, $2 the column's number, $3 the origin. Gives the transaction the origin, and returns a row, unless
 * something that fires with the UPDATE before it may have changed more than the column.
 */
extern const char element_ids_origin_sql[];

#endif
