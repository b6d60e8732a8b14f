/*
 * sync/pipeline: one PostgreSQL database kept in one graph: the daemon's work.
 *
 * A session connects to both sides, checks that they still belong together, loads the snapshot where that is due, and streams.
 * Whatever breaks ends the session; the next one starts from the graph's checkpoint. So there is one way to recover from
 * everything, a kill included. Sessions go on for ever, with backoff, until a signal comes or an error that waiting cannot
 * mend.
 */
#ifndef PGWEAVE_SYNC_PIPELINE_H
#define PGWEAVE_SYNC_PIPELINE_H

#include "graph/checkpoint.h"
#include "graph/statement.h"
#include "mapping/difference.h"
#include "session/session.h"
#include "sync/tables.h"
#include "sync/writer.h"
#include "verify/sweep.h"

struct pipeline_options {
	const struct log *log;
	/* Reads and checks the mapping file anew; for the start and for SIGHUP. The mapping is the caller's to free. */
	int (*load)(void *user, struct mapping **ret_mapping, struct error *error);
	void *user;
	bool resnapshot;      /* load everything anew although the graph has a checkpoint */
	bool adopt;           /* the first load may take over, and delete from, nodes that are there already */
	bool until_caught_up; /* end when the graph has all that was committed when the stream began */
	bool apply;           /* only change the graph to the mapping, approved or not, and end; failures are not repeated */
	bool progress;        /* standard error is a terminal: draw a bar */
	void (*on_send)(void *user, const void *bytes, size_t size); /* see struct bolt_config */
	void *on_send_user;
};

struct pipeline {
	const struct pipeline_options *options;
	const struct log *log;
	struct session_loop loop;
	struct mapping *mapping;
	const struct mapping_settings *settings;
	struct plan *plan;
	struct graph_statements statements;
	struct session_graph graph;
	struct session_postgres sql;
	struct session_postgres replication;
	struct writer writer;
	struct graph_checkpoint checkpoint;
	struct postgres_facts facts;
	struct pipeline_tables tables;
	bool resnapshot;             /* still due */
	bool caught_up_end;          /* until_caught_up has come true */
	uint64_t sessions_streaming; /* that got as far as the stream */
};

/* Runs until SIGTERM or SIGINT (0), or until an error that waiting does not mend. */
int pipeline_run(const struct pipeline_options *options, struct error *error) _must_check;

/* ---- between the files of this room ---- */

/* Loads everything under a new slot's snapshot and sets the checkpoint to its position. */
int pipeline__snapshot(struct pipeline *pipeline, bool fresh, struct error *error) _must_check;
/* What is read under an exported snapshot, by several connections. */
#define PIPELINE_SNAPSHOT_MAX 64
struct pipeline_load {
	const bool *tables;       /* which, by index in the plan; NULL: all */
	const char *const *parts; /* of which only the rows where this is true, in SQL; NULL: of none */
	bool fresh; /* the graph has nothing of them; else it is brought in line, and what they do not have is deleted */
	uint64_t lsn;
	int64_t time_us;                      /* when it was taken; not after the commit of anything that it does not show */
	char snapshot[PIPELINE_SNAPSHOT_MAX]; /* its name */
	struct verify_sweep_scope sweep;
};
/* A connection in a transaction that sees it; to be closed after an error too. */
int pipeline__open_snapshot(struct pipeline *pipeline, const char *name, struct session_postgres *postgres,
                            struct error *error) _must_check;
int pipeline__load_tables(struct pipeline *pipeline, const struct pipeline_load *load, struct error *error) _must_check;
/* PostgreSQL's clock, in microseconds since 2000-01-01 UTC. */
int pipeline__clock(struct pipeline *pipeline, int64_t *ret_time_us, struct error *error) _must_check;
/* The connection that streams, and with it the pipeline's lock (sync/lock). pipeline->sql is open. */
int pipeline__open_replication(struct pipeline *pipeline, struct error *error) _must_check;
/* Streams from the checkpoint until a signal, an error, or being caught up where that is asked for. */
int pipeline__stream(struct pipeline *pipeline, struct error *error) _must_check;
/* Where a snapshot was taken, and which tables are about to be loaded from it; both by index in the plan. */
struct pipeline_bound {
	uint64_t lsn;
	const bool *load;      /* their rows may be in a form that the plan cannot read */
	const bool *leave_out; /* of those: nothing of them is applied */
};
/* Streams exactly what the snapshot shows: all that was committed before, and nothing else. */
int pipeline__stream_until(struct pipeline *pipeline, const struct pipeline_bound *bound, struct error *error) _must_check;

/*
 * Changes the graph from the mappings that the checkpoint describes to the plan, and loads pipeline->tables.reload, online: the
 * stream waits, nothing is lost. The epoch is ours. Afterwards the checkpoint is the plan's. Interrupted at any moment, it is
 * done again from the start, and all that was done is found done. ERR_STATE when the difference cannot be carried out.
 */
int pipeline__remap(struct pipeline *pipeline, struct error *error) _must_check;
/* Runs `batch`, each time as a fenced transaction of its own, for as long as `left` returns a 1. */
int pipeline__repeat(struct pipeline *pipeline, const char *left, const char *batch, struct error *error) _must_check;
/*
 * Shows all that waits for a row (see graph/missing), by the names of the plan or of mappings that the graph was made with;
 * from then on batches leave it so. Hides it again, and from then on batches do so.
 */
int pipeline__show_waiting(struct pipeline *pipeline, struct error *error) _must_check;
int pipeline__show_described(struct pipeline *pipeline, const struct descriptions *from, struct error *error) _must_check;
int pipeline__hide_waiting(struct pipeline *pipeline, struct error *error) _must_check;
/* The difference between the mapping that made the graph and a plan. */
struct pipeline_change {
	struct buffer mappings; /* as the checkpoint has them */
	struct descriptions from;
	struct difference difference;
};
/* ERR_PROTOCOL when the checkpoint's descriptions cannot be read. pipeline__change_free is due in any case. */
int pipeline__change_read(struct session_graph *graph, const struct plan *plan, struct pipeline_change *change,
                          struct error *error) _must_check;
void pipeline__change_free(struct pipeline_change *change);
/* Creates what is missing: the publication, the constraints. */
int pipeline__apply(struct session_graph *graph, struct session_postgres *sql, const struct mapping_settings *settings,
                    const struct plan *plan, const struct log *log, struct error *error) _must_check;
/* The same; what only the mappings before needed stays for now. */
int pipeline__apply_more(struct session_graph *graph, struct session_postgres *sql, const struct mapping_settings *settings,
                         const struct plan *plan, const struct log *log, struct error *error) _must_check;
/* Drops that: their constraints (and interim indexes), and their tables from the publication. */
int pipeline__drop_constraints(struct pipeline *pipeline, const struct descriptions *before, struct error *error) _must_check;
int pipeline__drop_tables(struct pipeline *pipeline, const struct descriptions *before, struct error *error) _must_check;
/* The statement that makes the publication, or where it exists gives it the plan's tables. */
void pipeline__publication_sql(struct buffer *sql, const struct mapping_settings *settings, const struct plan *plan,
                               bool exists, int server_version_num);
/* Writes phase, position and the rest of pipeline->checkpoint, as long as the epoch is ours. mappings: as in graph/checkpoint.
 */
int pipeline__describe(struct pipeline *pipeline, const char *mappings, struct error *error) _must_check;
/* The same, with the plan as the only mapping. */
int pipeline__describe_plan(struct pipeline *pipeline, struct error *error) _must_check;
int pipeline__read_checkpoint(struct session_graph *graph, const char *name, struct graph_checkpoint *checkpoint,
                              struct error *error) _must_check;
/* From now on the graph may be changed to the mapping with that digest, by whoever comes first. */
int pipeline__approve(struct session_graph *graph, const char *name, const char *digest, struct error *error) _must_check;
/* Reads the facts anew. */
int pipeline__read_facts(struct pipeline *pipeline, struct error *error) _must_check;
/* Of the mapped tables only: what else a publication publishes may come and go. */
int pipeline__publication_digest(const struct postgres_publication_facts *publication, const struct plan *plan,
                                 char digest[POSTGRES_DIGEST_SIZE], struct error *error) _must_check;
/* ERR_STATE when nodes of a mapped label are there already, unless adopted. nodes: which, by index in the plan; NULL: all. */
int pipeline__check_free(struct pipeline *pipeline, const bool *nodes, bool adopt, bool *ret_empty,
                         struct error *error) _must_check;
/*
 * ERR_STATE when the slot alone, or publication or slot, no longer are what the checkpoint was made with: names it, and the
 * command that mends it.
 */
#define PIPELINE_ORIGIN_GAP "publication" /* error.origin where changes were missed for good */
int pipeline__check_slot(const struct postgres_facts *facts, const struct mapping_settings *settings,
                         const struct graph_checkpoint *checkpoint, struct error *error) _must_check;
int pipeline__check_sources(const struct postgres_facts *facts, const struct plan *plan,
                            const struct mapping_settings *settings, const struct graph_checkpoint *checkpoint,
                            struct error *error) _must_check;

#endif
