/*
 * graph/batch: row changes of whole transactions -> a few statements for one Neo4j transaction.
 *
 * Changes are coalesced per entity (a row), so each is written once. A batch is a list of segments, executed in order; inside a
 * segment the order is that of GRAPH_STATEMENTS. A new segment begins where coalescing cannot express what happened: at a
 * TRUNCATE, at a changed key that meets a pending change of the old or new key or of a join row that is known by its ends,
 * where a row deleted by one transaction comes back in a later one, and where a later transaction changes what a relationship
 * that keeps its history has of a row. The batch copies what it keeps. No I/O. Depends on change/,
 * mapping/ (plan), bolt's packing.
 *
 * Memory: an arena of size_max given at birth, plus a hash table in proportion to the entities.
 */
#ifndef PGWEAVE_GRAPH_BATCH_H
#define PGWEAVE_GRAPH_BATCH_H

#include "change/change.h"
#include "graph/statement.h"

#include <bolt/packstream.h>

struct graph_batch;

/* One row of one statement. */
struct graph_row {
	uint32_t table;
	const struct cell *cells; /* the row; of a DELETE its key; of a changed key the new row */
	const struct cell *old;   /* of a changed key: the old key */
	uint64_t lsn;             /* of the last change that made it */
	int64_t time_us; /* when the transaction was committed that made what its relationships keep the history of; since 2000
	                  */
	bool dead;       /* set aside: it is left out from now on, and goes to the dead letters */
	bool renewed;    /* inserted, loaded, or given another key: PostgreSQL may lack its node's element id */
	bool undecided;  /* whether the mapping takes it hangs on a value that nobody knows: it cannot be packed */
	const struct plan_property *unmade; /* is made of several values, one of which nobody knows; NULL: all can be */
};

/* One statement with its rows, ready to be packed. */
struct graph_operation {
	const struct graph_statement *statement;
	struct graph_row **rows;
	uint32_t rows_count;
	int64_t time_us; /* of what takes no rows */
	struct graph_operation *next;
};

/* NULL when there is no memory. statements must outlive the batch. */
struct graph_batch *graph_batch_new(struct graph_statements *statements, size_t size_max) _must_check;
void graph_batch_free(struct graph_batch *batch);
/* Empties it for reuse; the memory is kept up to a bound. */
void graph_batch_reset(struct graph_batch *batch);

/*
 * Adds all changes of a transaction, or of a piece of one. ERR_LIMIT when it does not fit: the batch is then unusable until
 * reset (see graph_batch_fits). ERR_NOMEM.
 */
int graph_batch_add(struct graph_batch *batch, const struct transaction *transaction, struct error *error) _must_check;
/* True when a transaction with an arena of that size surely fits. */
bool graph_batch_fits(const struct graph_batch *batch, size_t transaction_size);
/*
 * Adds one row of a snapshot. fresh: the graph holds nothing of it; else it is brought in line with the row. time_us: when the
 * snapshot was taken. ERR_LIMIT as above.
 */
int graph_batch_add_row(struct graph_batch *batch, uint32_t table, const struct cell *cells, bool fresh, uint64_t lsn,
                        int64_t time_us, struct error *error) _must_check;

/* Row changes added; 0 when there is nothing to write. */
uint64_t graph_batch_changes(const struct graph_batch *batch);
size_t graph_batch_size(const struct graph_batch *batch);

/*
 * The statements, in order; NULL when there are none. They belong to the batch and hold until the next add or reset. Calling it
 * again makes them anew, without the rows that are dead by now.
 */
int graph_batch_operations(struct graph_batch *batch, struct graph_operation **ret_operations, struct error *error) _must_check;

/*
 * Packs the parameters: of the rows [from, to) that are not dead. ERR_VALUE when a value cannot be carried over:
 * *ret_bad is the row, and error says which column. ERR_LIMIT when writer is full. scratch is used and rolled back.
 */
int graph_operation_pack(const struct graph_operation *operation, const struct plan *plan, uint32_t from, uint32_t to,
                         struct arena *scratch, struct bolt_writer *writer, struct graph_row **ret_bad,
                         struct error *error) _must_check;

#endif
