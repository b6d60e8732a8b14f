/*
 * verify/sweep: deletes what the graph has and PostgreSQL has not, after a load over an older graph.
 *
 * A load writes every row; what an earlier, interrupted or outdated load left behind it does not see. The sweep compares the
 * graph with the snapshot that was loaded and has the surplus deleted: relationships without a row, the second of two that are
 * the same, nodes without a row (those that relationships without an enforced foreign key lead to become placeholders), and
 * placeholders that nothing leads to. It works in rounds of VERIFY_SWEEP_MAX and goes on until a pass finds nothing.
 *
 * It never touches what has no key that a row could have (it is somebody else's, and verify tells of it), nor anything else
 * than nodes of the mapping's labels and relationships of its types between them.
 */
#ifndef PGWEAVE_VERIFY_SWEEP_H
#define PGWEAVE_VERIFY_SWEEP_H

#include "graph/statement.h"
#include "session/session.h"

#define VERIFY_SWEEP_MAX 10000

/*
 * Runs the statement with its packed parameters in a transaction of its own, fenced as the caller's are, and returns when
 * it is committed. rows_count is how many. The graph's connection given to verify_sweep is idle meanwhile, so it may be used.
 */
typedef int verify_delete_fn(void *user, const char *text, const struct bolt_writer *params, uint32_t rows_count,
                             struct error *error);

struct verify_sweep_counts {
	uint64_t nodes; /* deleted, or made placeholders */
	uint64_t edges;
};

/* Which are swept, by index in the plan; NULL: all. */
struct verify_sweep_scope {
	const bool *nodes;
	const bool *edges;
	int64_t time_us; /* when what they keep the history of is closed; since 2000-01-01 UTC */
};

/*
 * postgres: idle, inside the transaction with the snapshot that was loaded; it is still so afterwards, unless an error is
 * returned. ret_counts may be NULL. Errors: those of verify_compare and of on_delete; ERR_STATE when what was deleted is found
 * again.
 */
int verify_sweep(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                 const struct plan *plan, struct graph_statements *statements, const struct verify_sweep_scope *scope,
                 verify_delete_fn *on_delete, void *user, struct verify_sweep_counts *ret_counts,
                 struct error *error) _must_check;

#endif
