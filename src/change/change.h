/*
 * change/change: the one currency of the program: row changes, grouped into transactions.
 *
 * A source (logical replication now; queue, Kafka later) makes a `struct transaction`; a sink applies it. A row is already cut
 * down to the columns that the plan needs (mapping/plan.h), in the plan's order, as PostgreSQL's text. All bytes of a
 * transaction live in its arena and die with it. Pure: no I/O, no logging.
 */
#ifndef PGWEAVE_CHANGE_CHANGE_H
#define PGWEAVE_CHANGE_CHANGE_H

#include "base/arena.h"

#include <stdint.h>

/* One column of one row. UNCHANGED is a TOAST value that the UPDATE did not touch: nobody knows it, it stays as it is. */
enum cell_kind {
	CELL_NULL,
	CELL_TEXT,
	CELL_UNCHANGED,
};

struct cell {
	const char *data; /* CELL_TEXT only; not NUL-terminated */
	uint32_t size;
	enum cell_kind kind;
};

enum change_kind {
	CHANGE_INSERT,
	CHANGE_UPDATE,
	CHANGE_DELETE,
	CHANGE_TRUNCATE,
};

struct change {
	enum change_kind kind;
	bool old_is_full;       /* `old` is the whole row (REPLICA IDENTITY FULL), not only the key */
	uint32_t table;         /* index into plan->tables */
	const struct cell *row; /* INSERT, UPDATE: plan_table.columns_count cells; else NULL */
	/*
	 * DELETE, UPDATE of a key (or of a row whose key is in TOAST, where it may equal the new one), UPDATE with REPLICA
	 * IDENTITY FULL: as above, what the identity lacks is CELL_NULL; else NULL.
	 */
	const struct cell *old;
	uint64_t lsn; /* of this row change */
	struct change *next;
};

/* One PostgreSQL transaction, or a piece of an oversized one. */
struct transaction {
	struct arena arena;
	struct change *first;
	struct change **last;
	uint64_t changes_count;
	uint32_t xid;
	uint64_t commit_lsn; /* where its commit record starts: names the transaction */
	uint64_t end_lsn; /* where its commit record ends: the position once it is applied; 0 in a piece that is not the last */
	int64_t commit_time_us;   /* since 2000-01-01 UTC, as PostgreSQL counts */
	uint64_t pieces_skip;     /* row changes of the same transaction in earlier pieces, mapped or not */
	uint64_t rows_count;      /* of this piece, mapped or not; once it is handed out */
	struct transaction *next; /* for queues */
};

/* size_max bounds the arena. NULL when there is no memory. */
struct transaction *transaction_new(size_t size_max) _must_check;
void transaction_free(struct transaction *transaction);
/* Appends a zeroed change that is the transaction's own; NULL when the arena is full. */
struct change *transaction_add(struct transaction *transaction) _must_check;

/* "16/B374D848" */
#define LSN_TEXT_SIZE 18
const char *lsn_print(uint64_t lsn, char text[LSN_TEXT_SIZE]);
int lsn_parse(const char *text, uint64_t *ret_lsn) _must_check;

#endif
