/*
 * sync/writer: batches -> Neo4j transactions, in order, pipelined, exactly once.
 *
 * Each batch is one Neo4j transaction: the checkpoint's fenced move first (it locks the node, so that two writers queue up),
 * then the data, then COMMIT, all sent at once; the next batch is filled meanwhile. When something of it fails, the server
 * ignores what was sent behind that, and the main flow calls writer_recover: it repeats what was not committed, and sets aside
 * the rows that cannot be written.
 *
 * The writer owns the batches given to it. It depends on graph/ and session/session.
 */
#ifndef PGWEAVE_SYNC_WRITER_H
#define PGWEAVE_SYNC_WRITER_H

#include "graph/batch.h"
#include "graph/checkpoint.h"
#include "session/session.h"

/* One: behind a failed transaction Neo4j ignores everything but a BEGIN; for that it ends the connection (seen with 5.26). */
#define WRITER_IN_FLIGHT_MAX 1
#define WRITER_DEAD_LETTERS_MAX 1000 /* in one batch; more means that something else is wrong */

struct writer_batch;

struct writer {
	struct session_graph *graph;
	struct graph_statements *statements;
	const struct plan *plan;
	const struct log *log;
	int64_t epoch;
	struct graph_position committed; /* what the graph has */
	struct graph_position submitted; /* what it will have when all in flight is done */
	struct writer_batch *first;      /* in flight, in order */
	struct writer_batch **last;
	struct graph_batch *spare; /* an empty batch for reuse, or NULL */
	uint32_t in_flight;
	bool failed; /* writer_recover is needed */
	struct bolt_writer params;
	struct arena scratch;
	int64_t token;
	size_t batch_size_max;
	uint64_t changes_committed;
	uint64_t transactions_committed; /* Neo4j's */
	uint64_t dead_letters;
	/* A batch is in the graph; committed has moved. */
	void (*on_committed)(void *user, uint64_t changes);
	void *user;
};

int writer_init(struct writer *writer, struct session_graph *graph, struct graph_statements *statements, const struct log *log,
                size_t batch_size_max) _must_check;
/* Drops what is in flight; the connection must be closed or idle. */
void writer_free(struct writer *writer);

/* An empty batch, reused where possible; NULL when memory is out. */
struct graph_batch *writer_batch_new(struct writer *writer) _must_check;
void writer_batch_recycle(struct writer *writer, struct graph_batch *batch);
bool writer_has_room(const struct writer *writer);
/* Sends it; afterwards the graph is at position. Takes the batch, on failure too. ERR_NOMEM, or the batch's own errors. */
int writer_submit(struct writer *writer, struct graph_batch *batch, const struct graph_position *position,
                  struct error *error) _must_check;

/*
 * Main flow only. Brings everything in flight into the graph; transient errors are repeated with backoff for as long as it
 * takes. ERR_IO and the like when the connection is gone; ERR_FENCED when another writer took over; ERR_STATE or the server's
 * error when nothing helps; ERR_CANCELLED on a stop signal.
 */
int writer_recover(struct writer *writer, struct error *error) _must_check;
/* Main flow only, with nothing in flight: one statement in a fenced transaction of its own that leaves the position as it is.
 */
int writer_run(struct writer *writer, const char *text, const struct bolt_writer *params, struct error *error) _must_check;
/* Main flow only: waits until nothing is in flight, recovering where necessary. */
int writer_finish(struct writer *writer, struct error *error) _must_check;

#endif
