/*
 * verify/compare: one plan's tables against the graph: both are streamed in the same order and merged, in bounded memory.
 *
 * Told are: rows without a node or relationship, nodes and relationships of the mapping without a row, properties that differ,
 * fixed labels that are missing. Never told: properties, labels and relationships of other types, which are the graph's own. A
 * placeholder is right when no row has its key and anything is attached to it. It is a comparison of two moments: on a live
 * pipeline what is told may be on its way; verify/verify.h settles that.
 *
 * Neo4j is read in one query per label and relationship mapping, PostgreSQL by one COPY, each in the order of the key's
 * index. Keys that the servers sort differently (bytea, timetz) are sorted here, up to VERIFY_SORT_SIZE_MAX; so is a table
 * whose server turns out not to keep to the order. Memory: two queues of VERIFY_QUEUE_SIZE and what the sockets hold.
 */
#ifndef PGWEAVE_VERIFY_COMPARE_H
#define PGWEAVE_VERIFY_COMPARE_H

#include "session/session.h"
#include "verify/difference.h"
#include "verify/merge.h"

struct verify_options {
	const bool *tables; /* by plan table; NULL: all */
	/* May be NULL. Everything told of that node label or mapping so far is void: it is compared again. */
	void (*on_restart)(void *user);
	/* May be NULL. Called now and then; done counts rows. */
	void (*on_progress)(void *user, uint64_t done);
	void *user;
};

struct verify_stats {
	struct arena arena;
	struct verify_counts *nodes; /* by plan node */
	struct verify_counts *edges; /* by plan edge */
	bool stopped;                /* by the callback: the rest was not compared */
};

int verify_stats_init(struct verify_stats *stats, const struct plan *plan) _must_check;
void verify_stats_free(struct verify_stats *stats);

/*
 * postgres: idle and inside a REPEATABLE READ transaction. graph: idle. options may be NULL. Returns 0 also when on_difference
 * stopped it. After a stop or an error postgres is closed, since a COPY cannot be ended otherwise. Errors: the servers' own;
 * ERR_LIMIT (a table too large to be sorted here); ERR_CANCELLED on a stop signal.
 */
int verify_compare(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                   const struct plan *plan, const struct verify_options *options, verify_difference_fn *on_difference,
                   void *user, struct verify_stats *stats, struct error *error) _must_check;

/* ---- between the files of this room ---- */

/* One shape. Retries it with a sort of its own when a server does not keep to the order, after on_restart. */
int verify__compare_shape(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                          const struct verify_shape *shape, const struct verify_options *options, struct verify_sink *sink,
                          struct verify_counts *counts, struct error *error) _must_check;

#endif
