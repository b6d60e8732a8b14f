/*
 * graph/checkpoint: pgweave's own nodes in the graph: the checkpoint with its fence, and the dead letters.
 *
 * There is one (:_PgweaveCheckpoint {pipeline}) per pipeline. It is moved in the same transaction as the data, by a statement
 * that fails unless it finds the position and the epoch that the writer last saw: a second writer cannot get in between, and no
 * transaction of PostgreSQL is applied twice. Only texts and packing; no I/O.
 */
#ifndef PGWEAVE_GRAPH_CHECKPOINT_H
#define PGWEAVE_GRAPH_CHECKPOINT_H

#include "base/error.h"

#include <bolt/packstream.h>

/* How far the graph is. */
struct graph_position {
	uint64_t lsn;       /* end of the last transaction that is whole in the graph; 0 while the snapshot is being loaded */
	uint64_t piece_lsn; /* the commit LSN of an oversized transaction of which a part is in the graph; else 0 */
	uint64_t piece_changes; /* how many of its row changes are, those of tables that are not mapped included */
	int64_t commit_time_us; /* when PostgreSQL committed the last transaction, since 2000-01-01 UTC; 0 when unknown */
};

/* name, as the node's property "phase" */
#define GRAPH_PHASES(X)                                                                                                        \
	X(NONE, "none")           /* no checkpoint: this graph was never loaded */                                             \
	X(SNAPSHOT, "snapshot")   /* the first load began and did not end */                                                   \
	X(STREAMING, "streaming") /* equal to PostgreSQL at `lsn` */                                                           \
	X(REMAPPING, "remapping") /* on its way from one mapping to another; `mapping_digest` is the other's */                \
	X(BROKEN, "broken")       /* changes may have been missed: see `problem`; only a new snapshot mends it */

enum graph_phase {
#define X(name, text) GRAPH_PHASE_##name,
	GRAPH_PHASES(X)
#undef X
};

#define GRAPH_TEXT_MAX 256
#define GRAPH_PROBLEM_MAX sizeof(((struct error *)0)->text)

struct graph_checkpoint {
	enum graph_phase phase;
	int64_t epoch; /* counts the writers */
	struct graph_position position;
	uint64_t system_identifier;
	int64_t timeline;
	char slot[GRAPH_TEXT_MAX];
	char mapping_digest[GRAPH_TEXT_MAX];
	char publication_digest[GRAPH_TEXT_MAX];
	char problem[GRAPH_PROBLEM_MAX];
	char approved_digest[GRAPH_TEXT_MAX]; /* of the mapping that the graph may be changed to; empty: of none */
	bool described;                       /* it holds descriptions of mappings, see mapping/describe.h */
	int64_t dead_letters;                 /* not settled */
	int64_t updated_ms;                   /* when it was last moved, by the graph's clock; since 1970 */
};

const char *graph_phase_name(enum graph_phase phase);

extern const char graph_checkpoint_constraint[]; /* DDL: one node per pipeline */
extern const char graph_checkpoint_read[];       /* $pipeline; one record for graph_checkpoint_unpack, or none */
/*
 * $pipeline; makes the node, takes the next epoch, and then returns what `read` does: no other writer can change it any more,
 * and what one who is gone had sent last is in it, since the node's lock was waited for.
 */
extern const char graph_checkpoint_acquire[];
extern const char graph_checkpoint_describe[]; /* $pipeline, $epoch and the fields of graph_checkpoint_pack_describe */
extern const char graph_checkpoint_mappings[]; /* $pipeline; one text: the list of descriptions, or null */
extern const char graph_checkpoint_approve[];  /* graph_checkpoint_pack_approve */
extern const char graph_checkpoint_move[];     /* graph_checkpoint_pack_move; fails when the fence does not hold */
extern const char graph_dead_letters_create[]; /* graph_dead_letter_pack_* */
/*
 * What is kept of the tables (mapping/altered.h): $pipeline; one record: that text, the digest of the mapping's words, and
 * numbers that say which tables are to be loaded or swept, because their changes may have been left out.
 */
extern const char graph_checkpoint_tables[];
extern const char graph_checkpoint_remember[]; /* graph_checkpoint_pack_remember; returns the epoch; all is loaded */
extern const char graph_checkpoint_reload[];   /* graph_checkpoint_pack_reload; returns the epoch */

/* Fills *checkpoint from the one record of `read` or `acquire`; ERR_PROTOCOL when it is not what they return. */
int graph_checkpoint_unpack(const struct bolt_value *values, size_t count, struct graph_checkpoint *checkpoint) _must_check;
/* Whether both tell of the same graph, whatever their positions and epochs. */
bool graph_checkpoint_is_same(const struct graph_checkpoint *a, const struct graph_checkpoint *b);
void graph_checkpoint_pack_pipeline(struct bolt_writer *writer, const char *pipeline);
/* mappings: the list of descriptions; NULL: as it is. An approval that has been followed is taken back. */
void graph_checkpoint_pack_describe(struct bolt_writer *writer, const char *pipeline, const struct graph_checkpoint *checkpoint,
                                    const char *mappings);
void graph_checkpoint_pack_approve(struct bolt_writer *writer, const char *pipeline, const char *mapping_digest);
void graph_checkpoint_pack_remember(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const char *tables,
                                    const char *mapping_words);
/* The numbers follow, as many as count says. */
void graph_checkpoint_pack_reload(struct bolt_writer *writer, const char *pipeline, int64_t epoch, uint32_t count);
/* token differs from move to move, so that the node is locked before it is read. */
void graph_checkpoint_pack_move(struct bolt_writer *writer, const char *pipeline, int64_t epoch,
                                const struct graph_position *from, const struct graph_position *to, int64_t token);
/* True when the server's error says that the fence did not hold. */
bool graph_checkpoint_fence_failed(const char *neo4j_code);

/* A row that was set aside. */
struct graph_dead_letter {
	const char *table; /* schema.name */
	const char *key;
	const char *row; /* the values as PostgreSQL prints them, as JSON */
	const char *code;
	const char *message;
	uint64_t lsn;
};

void graph_dead_letter_pack_begin(struct bolt_writer *writer, const char *pipeline, size_t count);
void graph_dead_letter_pack(struct bolt_writer *writer, const struct graph_dead_letter *letter);

#endif
