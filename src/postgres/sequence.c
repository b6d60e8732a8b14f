#include "postgres/sequence.h"

#include <stdlib.h>
#include <string.h>

struct sequence_run {
	struct sequence sequence;
	struct postgres_connection *connection;
	uint32_t at;
	struct error error;
};

static int sequence_next(struct sequence_run *run, struct error *error);

static void sequence_end(struct sequence_run *run)
{
	run->sequence.on_done(run->sequence.user, run->error.code ? &run->error : NULL);
	free(run);
}

static void on_ended(void *user, const struct postgres_result *result, const struct error *error)
{
	(void)result;
	(void)error;
	sequence_end(user);
}

static void sequence_fail(struct sequence_run *run)
{
	struct error error;

	/* A connection that is gone takes no more statements, and has ended the transaction itself. */
	if (!run->sequence.ending || postgres_query(run->connection, run->sequence.ending, NULL, 0, on_ended, run, &error))
		sequence_end(run);
}

/* 42501: no permission; 42883: no such function. */
static bool is_missing(const struct error *error)
{
	return strcmp(error->origin, "42501") == 0 || strcmp(error->origin, "42883") == 0;
}

static void on_step(void *user, const struct postgres_result *result, const struct error *error)
{
	struct sequence_run *run = user;
	const struct sequence_step *step = &run->sequence.steps[run->at];

	if (error && error->code == ERR_CANCELLED) {
		run->error = *error;
		sequence_end(run);
		return;
	}
	if (error && !(step->optional && is_missing(error)))
		run->error = *error;
	else if (!error && step->take)
		(void)!step->take(run->sequence.context, result, &run->error);
	run->at++;
	if (!run->error.code)
		(void)!sequence_next(run, &run->error);
	if (run->error.code)
		sequence_fail(run);
	else if (run->at == run->sequence.steps_count)
		sequence_end(run);
}

/* Queues the next step that has a statement; none is left when run->at is steps_count. */
static int sequence_next(struct sequence_run *run, struct error *error)
{
	const struct sequence *sequence = &run->sequence;
	const struct sequence_step *step;
	struct buffer sql;
	int rc = 0;

	buffer_init(&sql, SEQUENCE_SQL_MAX);
	for (; run->at < sequence->steps_count && !sql.size && !sql.failed; run->at++)
		sequence->steps[run->at].sql(&sql, postgres_server_version(run->connection), sequence->context);
	if (!sql.size && !sql.failed)
		goto out;
	run->at--;
	step = &sequence->steps[run->at];
	(void)buffer_text(&sql);
	if (sql.failed)
		rc = error_set(error, ERR_NOMEM, "no memory for a statement");
	else
		rc = postgres_query(run->connection, sql.data, sequence->params + step->params_first, step->params_count,
		                    on_step, run, error);
out:
	buffer_free(&sql);
	return rc;
}

int sequence_run(struct postgres_connection *connection, const struct sequence *sequence, struct error *error)
{
	struct sequence_run *run = calloc(1, sizeof(*run));
	int rc;

	if (!run)
		return error_set(error, ERR_NOMEM, "no memory for a row of statements");
	run->sequence = *sequence;
	run->connection = connection;
	rc = sequence_next(run, error);
	if (!rc && run->at == run->sequence.steps_count)
		rc = error_set(error, ERR_USAGE, "a row of no statements");
	if (rc || run->at == run->sequence.steps_count)
		free(run);
	return rc; /* on_step owns it now. NOLINT(clang-analyzer-unix.Malloc) */
}
