/*
 * graph/chain: what the changes of one table come to, row by row, whatever keys a row passes through on its way.
 *
 * The stream tells a row by the key that it has at that moment. Rows that exchange keys pass them on in any order, and where
 * the key is DEFERRABLE two rows may even have the same one for a while. A chain is one row followed through all of it: what it
 * was before the first change, and what it is behind the last one. No I/O. Depends on change/, mapping/ (plan).
 */
#ifndef PGWEAVE_GRAPH_CHAIN_H
#define PGWEAVE_GRAPH_CHAIN_H

#include "base/arena.h"
#include "change/change.h"
#include "mapping/plan.h"

struct graph_chain {
	const struct cell *was; /* the old key, as of struct change; NULL: it was not there */
	const struct cell *now; /* the row; NULL: it is gone */
	uint64_t lsn;           /* of its last change */
	struct graph_chain *next;
	struct graph_chain *meets; /* the next one of the same bucket, by the key that it has now */
};

struct graph_chains {
	const struct plan_table *table;
	struct arena *arena;
	struct graph_chain *first; /* in the order of their first changes */
	struct graph_chain **last;
	uint64_t count;
	struct graph_chain **buckets; /* a power of two */
	uint64_t buckets_count;
};

/* All that is added later lives in the arena; the changes are referred to and not copied. */
void graph_chains_init(struct graph_chains *chains, const struct plan_table *table, struct arena *arena);

/*
 * Adds an INSERT, UPDATE or DELETE of the table. A row is known by its key, and where the table's key is DEFERRABLE by all that
 * the change says of the old row: rows that are equal in all of it cannot be told apart, nor could anybody who looks. NULL when
 * the arena is full; the chain lives in it.
 */
struct graph_chain *graph_chains_add(struct graph_chains *chains, const struct change *change) _must_check;
/* TRUNCATE: no row is there now. */
void graph_chains_truncate(struct graph_chains *chains);

uint64_t graph_key_hash(const struct plan_table *table, const struct cell *key);
bool graph_key_equal(const struct plan_table *table, const struct cell *a, const struct cell *b);
/* Bytes and kinds. */
bool graph_cell_equal(const struct cell *a, const struct cell *b);

#endif
