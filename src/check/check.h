/*
 * check: everything that could go wrong with a pipeline, looked at before it does.
 *
 * Findings, each with what was looked at, what is wrong with it, and the statement that mends it. Changes nothing. What cannot
 * be looked at (a server that does not answer) is a finding too. Depends on session/, graph/, mapping/, postgres/.
 */
#ifndef PGWEAVE_CHECK_CHECK_H
#define PGWEAVE_CHECK_CHECK_H

#include "graph/checkpoint.h"
#include "session/session.h"

/* Of a mapping of 4096 tables, several each. */
#define CHECK_FINDINGS_MAX 32768

enum check_level {
	CHECK_OK,      /* looked at, and well */
	CHECK_WARNING, /* `run` works, but a person should know */
	CHECK_ERROR,   /* `run` would stop, or lose something */
};

struct check_finding {
	enum check_level level;
	const char *object; /* "PostgreSQL", "table public.orders", "slot pgweave_shop"... */
	const char *text;
	const char *mend; /* a statement or command, or NULL */
};

struct check {
	struct arena arena;
	struct check_finding *findings; /* in the arena */
	uint32_t count;
	uint32_t capacity;
	uint32_t counts[3]; /* by level, those beyond the maximum too */
};

/*
 * Looks at all of it. The connections are opened, and left open for the caller where that went well; *ret_plan is NULL when the
 * mapping does not fit. Only ERR_NOMEM and ERR_CANCELLED are errors of this function.
 */
int check_pipeline(const struct mapping *mapping, struct session_loop *loop, struct session_postgres *postgres,
                   struct session_graph *graph, struct plan **ret_plan, struct check *check, struct error *error) _must_check;
void check_free(struct check *check);

#endif
