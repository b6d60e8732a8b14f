/*
 * postgres/sequence: a row of statements run one after the other, each result handed to a taker. For use inside the room.
 *
 * The first error ends it; an `ending` statement is still run then (ROLLBACK), and on_done gets the first error.
 */
#ifndef PGWEAVE_POSTGRES_SEQUENCE_H
#define PGWEAVE_POSTGRES_SEQUENCE_H

#include "base/buffer.h"
#include "postgres/connection.h"

#define SEQUENCE_SQL_MAX ((size_t)64 * 1024)

struct sequence_step {
	/* Appends the statement; nothing appended: the step is passed over. */
	void (*sql)(struct buffer *sql, int server_version, void *context);
	/* NULL: the result does not matter. */
	int (*take)(void *context, const struct postgres_result *result, struct error *error);
	bool optional;         /* a missing permission or function is no error: take is not called */
	uint32_t params_first; /* of the sequence's params, those that go with this statement */
	uint32_t params_count;
};

struct sequence {
	const struct sequence_step *steps;
	uint32_t steps_count;
	const char *ending;
	const char *params[4]; /* kept by the caller until on_done */
	void *context;
	postgres_done_fn *on_done;
	void *user;
};

/* Copies *sequence. Returns as postgres_query does. */
int sequence_run(struct postgres_connection *connection, const struct sequence *sequence, struct error *error) _must_check;

#endif
