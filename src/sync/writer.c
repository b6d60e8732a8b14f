#include "sync/writer.h"

#include "session/backoff.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define SCRATCH_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define ATTEMPTS_MAX 5
#define NO_OPERATION UINT32_MAX
/* BEGIN, RUN and DISCARD of the checkpoint's move; then two for each operation */
#define REQUESTS_BEFORE 3
#define REQUESTS_PER_OPERATION 2

struct dead_letter {
	struct graph_dead_letter letter;
	struct dead_letter *next;
};

struct writer_batch {
	struct writer *writer;
	struct graph_batch *batch;
	struct graph_position from;
	struct graph_position to;
	uint32_t requests; /* sent and not answered */
	uint32_t answered;
	uint32_t failed_request; /* which one failed, by count; valid when failed */
	bool failed;
	bool careful; /* writer_recover is at it and takes it off itself */
	struct error error;
	struct arena arena; /* of the dead letters */
	struct dead_letter *dead;
	uint32_t dead_count;
	struct writer_batch *next;
};

int writer_init(struct writer *writer, struct session_graph *graph, struct graph_statements *statements, const struct log *log,
                size_t batch_size_max)
{
	*writer = (struct writer){
	        .graph = graph,
	        .statements = statements,
	        .plan = statements->plan,
	        .log = log,
	        .batch_size_max = batch_size_max,
	};
	writer->last = &writer->first;
	bolt_writer_init(&writer->params, PARAMS_SIZE_MAX);
	arena_init(&writer->scratch, SCRATCH_SIZE_MAX);
	return 0;
}

static void writer__batch_free(struct writer_batch *entry)
{
	arena_free(&entry->arena);
	free(entry);
}

void writer_free(struct writer *writer)
{
	while (writer->first) {
		struct writer_batch *entry = writer->first;

		writer->first = entry->next;
		graph_batch_free(entry->batch);
		writer__batch_free(entry);
	}
	graph_batch_free(writer->spare);
	bolt_writer_free(&writer->params);
	arena_free(&writer->scratch);
}

struct graph_batch *writer_batch_new(struct writer *writer)
{
	struct graph_batch *batch = writer->spare;

	writer->spare = NULL;
	return batch ? batch : graph_batch_new(writer->statements, writer->batch_size_max);
}

void writer_batch_recycle(struct writer *writer, struct graph_batch *batch)
{
	if (!batch)
		return;
	graph_batch_reset(batch);
	if (writer->spare)
		graph_batch_free(batch);
	else
		writer->spare = batch;
}

bool writer_has_room(const struct writer *writer)
{
	return !writer->failed && writer->in_flight < WRITER_IN_FLIGHT_MAX && writer->graph->connection &&
	       bolt_output_size(writer->graph->connection) < writer->batch_size_max;
}

/* Takes the batch off the front: it is in the graph. */
static void writer__committed(struct writer *writer, struct writer_batch *entry)
{
	uint64_t changes = graph_batch_changes(entry->batch);

	writer->first = entry->next;
	if (!writer->first)
		writer->last = &writer->first;
	writer->in_flight--;
	writer->committed = entry->to;
	writer->changes_committed += changes;
	writer->transactions_committed++;
	writer->dead_letters += entry->dead_count;
	writer_batch_recycle(writer, entry->batch);
	writer__batch_free(entry);
	if (writer->on_committed)
		writer->on_committed(writer->user, changes);
}

static void writer__on_answer(struct writer_batch *entry, const struct bolt_error *bolt)
{
	if (bolt && !entry->failed) {
		entry->failed = true;
		entry->failed_request = entry->answered;
		session_error_from_bolt(bolt, &entry->error);
		entry->writer->failed = true;
	}
	entry->answered++;
	entry->requests--;
}

static void writer__on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *bolt)
{
	(void)summary;
	writer__on_answer(user, bolt);
}

static void writer__on_commit(void *user, const struct bolt_summary *summary, const struct bolt_error *bolt)
{
	struct writer_batch *entry = user;

	(void)summary;
	writer__on_answer(entry, bolt);
	if (!bolt && !entry->failed && !entry->careful)
		writer__committed(entry->writer, entry);
}

static const struct bolt_handler on_done = {.on_done = writer__on_done};
static const struct bolt_handler on_commit = {.on_done = writer__on_commit};

/* ---- one transaction, request by request ---- */

static int writer__refused(int rc, struct error *error)
{
	return error_set_class(error, rc == BOLT_ERR_NOMEM ? ERR_NOMEM : ERR_IO, ERROR_RETRY,
	                       "Neo4j: a request was not taken: %s", bolt_code_what((enum bolt_code)rc));
}

static int writer__send_run(struct writer_batch *entry, const char *text, const struct bolt_writer *params, struct error *error)
{
	struct writer *writer = entry->writer;
	int rc = bolt_run(writer->graph->connection, text, params, NULL, &on_done, entry);

	if (rc < 0)
		return writer__refused(rc, error);
	entry->requests++;
	rc = bolt_discard(writer->graph->connection, BOLT_ALL, BOLT_QID_LAST, &on_done, entry);
	if (rc < 0)
		return writer__refused(rc, error);
	entry->requests++;
	return 0;
}

static void writer__reset_params(struct writer *writer)
{
	bolt_writer_reset(&writer->params);
	writer->params.utc = bolt_connection_utc(writer->graph->connection);
}

static int writer__send_begin(struct writer_batch *entry, struct error *error)
{
	struct writer *writer = entry->writer;
	struct bolt_tx_options options = {.metadata = &writer->params};
	int rc;

	/* "app" is what a capture of graph changes looks for, so that it skips our own writes */
	writer__reset_params(writer);
	bolt_writer_map(&writer->params, 2);
	bolt_writer_cstring(&writer->params, "app");
	bolt_writer_cstring(&writer->params, "pgweave");
	bolt_writer_cstring(&writer->params, "pipeline");
	bolt_writer_cstring(&writer->params, writer->plan->pipeline);
	rc = bolt_begin(writer->graph->connection, &options, &on_done, entry);
	if (rc < 0)
		return writer__refused(rc, error);
	entry->requests++;
	writer__reset_params(writer);
	graph_checkpoint_pack_move(&writer->params, writer->plan->pipeline, writer->epoch, &entry->from, &entry->to,
	                           ++writer->token);
	return writer__send_run(entry, graph_checkpoint_move, &writer->params, error);
}

static int writer__send_operation(struct writer_batch *entry, const struct graph_operation *operation, uint32_t rows,
                                  struct graph_row **ret_bad, struct error *error)
{
	struct writer *writer = entry->writer;
	int rc;

	writer__reset_params(writer);
	rc = graph_operation_pack(operation, writer->plan, 0, rows, &writer->scratch, &writer->params, ret_bad, error);
	return rc < 0 ? rc : writer__send_run(entry, operation->statement->text, &writer->params, error);
}

static int writer__send_dead_letters(struct writer_batch *entry, struct error *error)
{
	struct writer *writer = entry->writer;

	if (!entry->dead)
		return 0;
	writer__reset_params(writer);
	graph_dead_letter_pack_begin(&writer->params, writer->plan->pipeline, entry->dead_count);
	for (const struct dead_letter *dead = entry->dead; dead; dead = dead->next)
		graph_dead_letter_pack(&writer->params, &dead->letter);
	return writer__send_run(entry, graph_dead_letters_create, &writer->params, error);
}

static int writer__send_end(struct writer_batch *entry, bool commit, struct error *error)
{
	struct bolt_connection *connection = entry->writer->graph->connection;
	int rc = commit ? bolt_commit(connection, &on_commit, entry) : bolt_rollback(connection, &on_done, entry);

	if (rc < 0)
		return writer__refused(rc, error);
	entry->requests++;
	return 0;
}

/* All of it. On a value that cannot be packed nothing is committed, and the rest is left to writer_recover. */
static int writer__send(struct writer_batch *entry, struct error *error)
{
	struct graph_operation *operations;
	struct graph_row *bad = NULL;
	int rc = graph_batch_operations(entry->batch, &operations, error);

	if (rc == 0)
		rc = writer__send_begin(entry, error);
	for (; operations && rc == 0; operations = operations->next)
		rc = writer__send_operation(entry, operations, operations->rows_count, &bad, error);
	if (bad) {
		entry->failed = true;
		entry->failed_request = NO_OPERATION;
		entry->error = *error;
		entry->writer->failed = true;
		return writer__send_end(entry, false, error);
	}
	return rc < 0 ? rc : writer__send_end(entry, true, error);
}

static struct writer_batch *writer__entry_new(struct writer *writer, struct graph_batch *batch, const struct graph_position *to)
{
	struct writer_batch *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->writer = writer;
	entry->batch = batch;
	entry->from = writer->submitted;
	entry->to = *to;
	arena_init(&entry->arena, SCRATCH_SIZE_MAX);
	*writer->last = entry;
	writer->last = &entry->next;
	writer->in_flight++;
	writer->submitted = *to;
	return entry;
}

int writer_submit(struct writer *writer, struct graph_batch *batch, const struct graph_position *position, struct error *error)
{
	struct writer_batch *entry = writer__entry_new(writer, batch, position);
	int rc;

	if (!entry) {
		graph_batch_free(batch);
		return error_set(error, ERR_NOMEM, "no memory for a batch");
	}
	if (!writer->graph->connection) {
		entry->failed = true;
		writer->failed = true;
		return 0;
	}
	rc = writer__send(entry, error);
	if (rc < 0) {
		entry->failed = true;
		entry->error = *error;
		writer->failed = true;
	}
	/* what went wrong with the connection shows there; the batch is kept, and recovered or dropped with it */
	return rc == ERR_NOMEM || rc == ERR_LIMIT ? rc : 0;
}

/* ---- recovery ---- */

static int writer__wait(struct writer_batch *entry, struct error *error)
{
	struct session_graph *graph = entry->writer->graph;

	while (entry->requests) {
		if (graph->loop->stop && graph->connection)
			session_graph_close(graph);
		else
			session_turn(graph->loop);
	}
	if (graph->connection)
		return 0;
	*error = graph->error;
	return error->code ? error->code : error_set_class(error, ERR_IO, ERROR_RETRY, "Neo4j: the connection is gone");
}

static uint32_t writer__failed_operation(const struct writer_batch *entry)
{
	if (entry->failed_request == NO_OPERATION || entry->failed_request < REQUESTS_BEFORE)
		return NO_OPERATION;
	return (entry->failed_request - REQUESTS_BEFORE) / REQUESTS_PER_OPERATION;
}

/*
 * Tries the first `whole` operations and, of the one behind them, the first `rows`. With commit: all, for good. 0 when the
 * server took it; else entry->error and entry->failed_request say what it said. A row that cannot be packed is returned in
 * ret_bad.
 */
static int writer__try(struct writer_batch *entry, const struct graph_operation *operations, uint32_t whole, uint32_t rows,
                       bool commit, struct graph_row **ret_bad, struct error *error)
{
	uint32_t i = 0;
	int rc;

	entry->failed = false;
	entry->answered = 0;
	*ret_bad = NULL;
	rc = writer__send_begin(entry, error);
	for (; operations && rc == 0 && i < whole; operations = operations->next, i++)
		rc = writer__send_operation(entry, operations, operations->rows_count, ret_bad, error);
	if (operations && rc == 0 && rows)
		rc = writer__send_operation(entry, operations, rows, ret_bad, error);
	if (rc == 0 && commit)
		rc = writer__send_dead_letters(entry, error);
	if (rc == 0 || *ret_bad) {
		struct error ignored;
		int end = writer__send_end(entry, commit && rc == 0, &ignored);

		rc = rc < 0 ? rc : end;
	}
	if (*ret_bad) {
		struct error lost;

		return writer__wait(entry, &lost) < 0 ? (*error = lost, lost.code) : rc;
	}
	if (rc < 0)
		return rc;
	rc = writer__wait(entry, error);
	if (rc < 0)
		return rc;
	if (!entry->failed)
		return 0;
	*error = entry->error;
	return error->code;
}

static char *writer__row_json(const struct plan_table *table, const struct cell *cells, bool key_only)
{
	json_t *row = json_object();
	char *text;

	for (uint32_t i = 0; row && i < (key_only ? table->key_count : table->columns_count); i++) {
		json_t *value = cells[i].kind == CELL_TEXT ? json_stringn(cells[i].data, cells[i].size) : json_null();

		if (cells[i].kind != CELL_UNCHANGED)
			json_object_set_new(row, table->columns[i].name, value);
	}
	text = row ? json_dumps(row, JSON_COMPACT) : NULL;
	json_decref(row);
	return text;
}

static struct dead_letter *writer__dead_letter(struct writer_batch *entry, const struct graph_row *row, const struct error *why)
{
	const struct plan_table *table = &entry->writer->plan->tables[row->table];
	char *json = writer__row_json(table, row->cells, false), *key = writer__row_json(table, row->cells, true);
	struct dead_letter *dead = json && key ? arena_calloc(&entry->arena, 1, sizeof(*dead)) : NULL;

	if (dead)
		dead->letter = (struct graph_dead_letter){
		        .table = arena_printf(&entry->arena, "%s.%s", table->schema, table->name),
		        .key = arena_strdup(&entry->arena, key),
		        .row = arena_strdup(&entry->arena, json),
		        .code = arena_strdup(&entry->arena, why->origin[0] ? why->origin : error_code_name(why->code)),
		        .message = arena_printf(&entry->arena, "%s%s%s", why->text, why->hint[0] ? ": " : "", why->hint),
		        .lsn = row->lsn,
		};
	free(json);
	free(key);
	return dead && dead->letter.table && dead->letter.key && dead->letter.row && dead->letter.code && dead->letter.message
	               ? dead
	               : NULL;
}

/* Sets the row aside. Its dead letter is written with the batch that goes on without it. */
static int writer__bury(struct writer_batch *entry, struct graph_row *row, const struct error *why, struct error *error)
{
	struct dead_letter *dead = writer__dead_letter(entry, row, why);

	if (!dead)
		return error_set(error, ERR_NOMEM, "no memory for a dead letter");
	row->dead = true;
	dead->next = entry->dead;
	entry->dead = dead;
	log_event(entry->writer->log, LOG_WARN, "row %s of %s is set aside as a dead letter: %s", dead->letter.key,
	          dead->letter.table, dead->letter.message);
	if (++entry->dead_count > WRITER_DEAD_LETTERS_MAX)
		return error_set(error, ERR_STATE, "more than %d rows of one batch were refused, the last because of: %s",
		                 WRITER_DEAD_LETTERS_MAX, dead->letter.message);
	return 0;
}

static bool writer__is_lost(const struct writer *writer)
{
	return !writer->graph->connection;
}

static const struct graph_operation *operation__at(const struct graph_operation *operations, uint32_t i)
{
	while (operations && i--)
		operations = operations->next;
	return operations;
}

/*
 * The operation fails with all its rows: finds, by halving, the first row without which it would not. *ret_row is NULL when it
 * does not fail any more.
 */
static int writer__bisect(struct writer_batch *entry, const struct graph_operation *operations, uint32_t failing,
                          struct graph_row **ret_row, struct error *why, struct error *error)
{
	const struct graph_operation *operation = operation__at(operations, failing);
	uint32_t good = 0, bad = operation->rows_count;
	struct graph_row *unpackable;

	*ret_row = NULL;
	while (bad - good > 1) {
		uint32_t middle = good + (bad - good) / 2;
		int rc = writer__try(entry, operations, failing, middle, false, &unpackable, error);

		if (writer__is_lost(entry->writer))
			return rc;
		if (rc == 0) {
			good = middle;
			continue;
		}
		if (error->class != ERROR_POISON || writer__failed_operation(entry) != failing)
			return rc;
		*why = *error;
		bad = middle;
		rc = session_graph_reset(entry->writer->graph, error);
		if (rc < 0)
			return rc;
	}
	*ret_row = bad ? operation->rows[bad - 1] : NULL;
	return 0;
}

/* ERR_FENCED when the graph's checkpoint is not where this writer left it; 1 when the batch is in it already. */
static void writer__on_checkpoint(void *user, const struct bolt_record *record)
{
	if (graph_checkpoint_unpack(record->values, record->count, user) < 0)
		((struct graph_checkpoint *)user)->epoch = -1;
}

static int writer__look_at_fence(struct writer_batch *entry, struct error *error)
{
	struct writer *writer = entry->writer;
	struct graph_checkpoint checkpoint = {0};
	char lsn[LSN_TEXT_SIZE], mine[LSN_TEXT_SIZE];
	int rc;

	writer__reset_params(writer);
	graph_checkpoint_pack_pipeline(&writer->params, writer->plan->pipeline);
	rc = session_graph_run(writer->graph, graph_checkpoint_read, &writer->params, writer__on_checkpoint, &checkpoint,
	                       error);
	if (rc < 0)
		return rc;
	if (checkpoint.epoch == writer->epoch && checkpoint.position.lsn == entry->to.lsn &&
	    checkpoint.position.piece_lsn == entry->to.piece_lsn &&
	    checkpoint.position.piece_changes == entry->to.piece_changes)
		return 1;
	error_set(error, ERR_FENCED,
	          "another writer has taken over pipeline %s: its checkpoint is at %s, epoch %lld; this process left it at %s, "
	          "epoch %lld",
	          writer->plan->pipeline, lsn_print(checkpoint.position.lsn, lsn), (long long)checkpoint.epoch,
	          lsn_print(entry->from.lsn, mine), (long long)writer->epoch);
	error_hint(error, "run one pgweave per pipeline; stop the other one, or start this one again to take over");
	return ERR_FENCED;
}

/* The server refused a statement for what looks like one row's fault: finds the row and sets it aside. */
static int writer__isolate(struct writer_batch *entry, const struct graph_operation *operations, uint32_t failing,
                           struct error *error)
{
	struct error why = *error;
	struct graph_row *row;
	int rc;

	if (!operation__at(operations, failing) || !operation__at(operations, failing)->rows_count)
		return error->code;
	log_failure(entry->writer->log, LOG_WARN, "a batch was refused, looking for the row that caused it", error);
	rc = writer__bisect(entry, operations, failing, &row, &why, error);
	if (rc < 0 || !row)
		return rc;
	return writer__bury(entry, row, &why, error);
}

/* One try to commit the whole batch, and what follows from a failure. 1: done. 0: try again. Negative: give up. */
static int writer__attempt(struct writer_batch *entry, struct backoff *backoff, struct error *error)
{
	struct writer *writer = entry->writer;
	struct graph_operation *operations;
	struct graph_row *bad;
	uint32_t failing;
	int rc = graph_batch_operations(entry->batch, &operations, error);

	if (rc < 0)
		return rc;
	rc = writer__try(entry, operations, NO_OPERATION, 0, true, &bad, error);
	if (rc == 0)
		return 1;
	if (writer__is_lost(writer))
		return rc;
	if (bad)
		return writer__bury(entry, bad, error, error);
	failing = writer__failed_operation(entry);
	if (!bolt_connection_is_failed(writer->graph->connection) && !entry->failed)
		return rc;
	if (graph_checkpoint_fence_failed(error->origin) && entry->failed_request < REQUESTS_BEFORE) {
		struct error ignored;

		rc = session_graph_reset(writer->graph, &ignored);
		return rc < 0 ? rc : writer__look_at_fence(entry, error);
	}
	if (error->class == ERROR_FATAL)
		return rc;
	if (error->class == ERROR_POISON && failing == NO_OPERATION && backoff->attempt >= ATTEMPTS_MAX)
		return rc;
	if (error->class == ERROR_RETRY || failing == NO_OPERATION)
		log_failure(writer->log, LOG_WARN, "a batch failed and is tried again", error);
	{
		struct error cause = *error;

		rc = session_graph_reset(writer->graph, error);
		if (rc < 0)
			return rc;
		*error = cause;
	}
	if (error->class == ERROR_POISON && failing != NO_OPERATION)
		return writer__isolate(entry, operations, failing, error);
	session_sleep(writer->graph->loop, backoff_next(backoff), false);
	return writer->graph->loop->stop ? error_set(error, ERR_CANCELLED, "stopped") : 0;
}

/* A batch that is still waiting for answers, or NULL. */
static struct writer_batch *writer__unanswered(struct writer *writer)
{
	struct writer_batch *entry = writer->first;

	while (entry && !entry->requests)
		entry = entry->next;
	return entry;
}

int writer_recover(struct writer *writer, struct error *error)
{
	int rc;

	while (writer__unanswered(writer)) {
		if (writer->graph->loop->stop && writer->graph->connection)
			session_graph_close(writer->graph);
		else
			session_turn(writer->graph->loop);
	}
	rc = session_graph_reset(writer->graph, error);
	while (rc >= 0 && writer->first) {
		struct writer_batch *entry = writer->first;
		struct backoff backoff = {0};

		entry->careful = true;
		do
			rc = writer__attempt(entry, &backoff, error);
		while (rc == 0);
		if (rc > 0)
			writer__committed(writer, entry);
	}
	writer->failed = rc < 0;
	return rc < 0 ? rc : 0;
}

int writer_run(struct writer *writer, const char *text, const struct bolt_writer *params, struct error *error)
{
	struct writer_batch entry = {.writer = writer, .from = writer->committed, .to = writer->committed, .careful = true};
	struct error failure;
	int rc, waited;

	if (!writer->graph->connection) {
		*error = writer->graph->error;
		return error->code;
	}
	rc = writer__send_begin(&entry, error);
	if (rc == 0)
		rc = writer__send_run(&entry, text, params, error);
	if (rc == 0)
		rc = writer__send_end(&entry, true, error);
	/* also after a failure: the requests refer to the entry */
	waited = writer__wait(&entry, &failure);
	writer->failed = false;
	if (rc == 0 && waited == 0 && !entry.failed)
		return 0;
	if (rc == 0)
		*error = waited < 0 ? failure : entry.error;
	return error->code;
}

int writer_finish(struct writer *writer, struct error *error)
{
	while (writer->first && !writer->failed && writer->graph->connection)
		session_turn(writer->graph->loop);
	return writer->first ? writer_recover(writer, error) : 0;
}
