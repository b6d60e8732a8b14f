#include "verify/compare.h"

#include "postgres/copy.h"
#include "verify/record.h"

#define TEXT_SIZE_MAX ((size_t)4 * 1024 * 1024)
#define PULL_COUNT 2000
#define PROGRESS_STEP 10000
#define STATEMENTS_MAX 2

/* Both readers and the merge of one shape. */
struct run {
	const struct verify_shape *shape;
	const struct verify_options *options;
	struct session_loop *loop;
	struct session_postgres *postgres;
	struct session_graph *graph;
	struct verify_merge merge;
	struct buffer sql;
	struct buffer cypher[STATEMENTS_MAX]; /* one after the other */
	int cypher_at;
	int cypher_started;
	int cypher_count;
	bool rows_done;
	bool graph_done;
	bool rows_paused;
	bool graph_paused;
	bool pull_due;
	bool over;    /* nothing that still arrives is wanted */
	int requests; /* of the graph, not answered */
	uint64_t told;
};

/* ---- PostgreSQL's side ---- */

static void run__rows_fail(struct run *run, struct error *error)
{
	run->over = true;
	verify_stream_end(&run->merge.rows, error);
}

static void run__on_row(void *user, const struct cell *cells, uint32_t cells_count)
{
	struct run *run = user;
	struct verify_stream *stream = &run->merge.rows;
	struct verify_record *record;
	struct error error;

	if (run->over)
		return;
	if (cells_count != run->shape->fields_count) {
		error_set(&error, ERR_PROTOCOL, "%s: COPY has %u columns instead of %u", verify_shape_name(run->shape),
		          cells_count, run->shape->fields_count);
		run__rows_fail(run, &error);
		return;
	}
	record = verify_stream_new(stream);
	if (!record || !verify_record_of_cells(stream, record, cells)) {
		error_set(&error, ERR_NOMEM, "no memory for a row of %s", verify_shape_name(run->shape));
		run__rows_fail(run, &error);
		return;
	}
	verify_stream_push(stream, record);
	if (!verify_stream_is_full(stream))
		return;
	run->rows_paused = true;
	postgres_copy_pause(run->postgres->connection);
}

static void run__on_copied(void *user, const struct error *error)
{
	struct run *run = user;

	run->rows_done = true;
	verify_stream_end(&run->merge.rows, error);
}

/* ---- Neo4j's side ---- */

static void run__graph_fail(struct run *run, const struct error *error)
{
	run->over = true;
	verify_stream_end(&run->merge.graph, error);
}

static void run__on_record(void *user, const struct bolt_record *bolt)
{
	struct run *run = user;
	struct verify_stream *stream = &run->merge.graph;
	struct verify_record *record;
	struct error error;

	if (run->over)
		return;
	if (bolt->count != (size_t)run->shape->fields_count + run->shape->flags_count) {
		error_set(&error, ERR_PROTOCOL, "%s: Neo4j's record has %zu values", verify_shape_name(run->shape),
		          bolt->count);
		run__graph_fail(run, &error);
		return;
	}
	record = verify_stream_new(stream);
	if (!record || !verify_record_of_bolt(stream, record, bolt->values)) {
		error_set(&error, ERR_NOMEM, "no memory for what the graph has of %s", verify_shape_name(run->shape));
		run__graph_fail(run, &error);
		return;
	}
	verify_stream_push(stream, record);
	if (!verify_stream_is_full(stream) || run->graph_paused)
		return;
	run->graph_paused = true;
	bolt_pause(run->graph->connection);
}

static void run__on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *bolt)
{
	struct run *run = user;
	struct error error;

	run->requests--;
	if (bolt) {
		session_error_from_bolt(bolt, &error);
		run__graph_fail(run, &error);
		return;
	}
	/* RUN's answer brings the fields, PULL's none */
	if (summary->fields)
		return;
	run->pull_due = true;
	if (!summary->has_more)
		run->cypher_at++;
}

static const struct bolt_handler run_handler = {.on_record = run__on_record, .on_done = run__on_done};

static int run__request(struct run *run, bool run_too, struct error *error)
{
	static const struct bolt_tx_options options = {.timeout_ms = BOLT_TX_TIMEOUT_NONE, .mode = BOLT_MODE_READ};
	struct bolt_connection *connection = run->graph->connection;
	int rc = 0;

	if (!connection)
		return error_set_class(error, ERR_IO, ERROR_RETRY, "Neo4j: there is no connection");
	if (run_too) {
		rc = bolt_run(connection, buffer_text(&run->cypher[run->cypher_at]), NULL, &options, &run_handler, run);
		run->requests += rc == 0;
	}
	if (rc == 0) {
		rc = bolt_pull(connection, PULL_COUNT, BOLT_QID_LAST, &run_handler, run);
		run->requests += rc == 0;
	}
	if (rc < 0)
		return error_set_class(error, ERR_IO, ERROR_RETRY, "Neo4j: the request was not taken: %s",
		                       bolt_code_what((enum bolt_code)rc));
	return 0;
}

/* The next PULL, or the next statement, when there is room. */
static int run__pump_graph(struct run *run, struct error *error)
{
	int at = run->cypher_at;

	if (run->graph_paused && run->graph->connection && !verify_stream_is_full(&run->merge.graph)) {
		run->graph_paused = false;
		bolt_resume(run->graph->connection);
	}
	if (!run->pull_due || run->over || verify_stream_is_full(&run->merge.graph))
		return 0;
	run->pull_due = false;
	if (at < run->cypher_count) {
		bool next = run->cypher_started <= at;

		run->cypher_started = at + 1;
		return run__request(run, next, error);
	}
	run->graph_done = true;
	verify_stream_end(&run->merge.graph, NULL);
	return 0;
}

static void run__pump_rows(struct run *run)
{
	if (!run->rows_paused || verify_stream_is_full(&run->merge.rows) || !run->postgres->connection)
		return;
	run->rows_paused = false;
	postgres_copy_resume(run->postgres->connection);
}

/* ---- the run ---- */

static int run__init(struct run *run, struct verify_sink *sink, struct verify_counts *counts, bool sort, struct error *error)
{
	verify_merge_init(&run->merge, run->shape, sort, sink, counts);
	buffer_init(&run->sql, TEXT_SIZE_MAX);
	for (int i = 0; i < STATEMENTS_MAX; i++)
		buffer_init(&run->cypher[i], TEXT_SIZE_MAX);
	if (run->shape->table)
		verify_shape_scan_sql(run->shape, !sort, &run->sql);
	verify_shape_scan_cypher(run->shape, !sort, &run->cypher[0]);
	run->cypher_count = 1;
	if (run->shape->node) {
		verify_shape_keyless_cypher(run->shape, &run->cypher[1]);
		run->cypher_count = 2;
	}
	if (run->sql.failed || run->cypher[0].failed || run->cypher[1].failed)
		return error_set(error, ERR_LIMIT, "%s: the statement is too long", verify_shape_name(run->shape));
	return 0;
}

static int run__start(struct run *run, struct error *error)
{
	int rc;

	if (!run->shape->table) {
		verify_stream_end(&run->merge.rows, NULL);
		run->pull_due = true;
		run->graph_done = false;
		return run__pump_graph(run, error);
	}
	if (!run->postgres->connection)
		return error_set_class(error, ERR_IO, ERROR_RETRY, "PostgreSQL: there is no connection");
	rc = postgres_copy_out(run->postgres->connection, buffer_text(&run->sql), run__on_row, run__on_copied, run, error);
	run->rows_done = rc < 0;
	run->pull_due = rc == 0;
	run->graph_done = rc < 0;
	return rc < 0 ? rc : run__pump_graph(run, error);
}

static void run__show(struct run *run)
{
	uint64_t count = run->merge.rows.count;

	if (!run->options || !run->options->on_progress || count - run->told < PROGRESS_STEP)
		return;
	run->options->on_progress(run->options->user, count - run->told);
	run->told = count;
}

/* Until both sides are at their end: 0; or until there is nothing to be had from them any more. */
static int run__merge(struct run *run, struct error *error)
{
	int rc = 0;

	while (rc == 0) {
		rc = verify_merge_step(&run->merge, error);
		if (rc != 0 || run->loop->stop)
			break;
		run__pump_rows(run);
		rc = run__pump_graph(run, error);
		run__show(run);
		if (rc == 0 && !(verify_stream_is_ready(&run->merge.rows) && verify_stream_is_ready(&run->merge.graph)))
			session_turn(run->loop);
	}
	if (rc == 0)
		return error_set(error, ERR_CANCELLED, "stopped during the comparison");
	return rc < 0 ? rc : 0;
}

/* Every callback refers to the run: it may go only when all of them have been. */
static void run__drain(struct run *run)
{
	struct error ignored;

	run->over = true;
	if (!run->rows_done)
		session_postgres_close(run->postgres);
	if (run->graph_paused && run->graph->connection)
		bolt_resume(run->graph->connection);
	if (!run->graph_done && run->graph->connection && session_graph_reset(run->graph, &ignored) < 0)
		session_graph_close(run->graph);
	while (!run->rows_done || run->requests)
		session_turn(run->loop);
	run->graph_done = true;
}

static void run__free(struct run *run)
{
	verify_merge_free(&run->merge);
	buffer_free(&run->sql);
	for (int i = 0; i < STATEMENTS_MAX; i++)
		buffer_free(&run->cypher[i]);
}

/* A COPY that has to be repeated is read to its end, so that the transaction and its snapshot live on. */
static int run__drain_copy(struct run *run, struct error *error)
{
	run->over = true;
	if (run->rows_paused && run->postgres->connection)
		postgres_copy_resume(run->postgres->connection);
	while (!run->rows_done && !run->loop->stop)
		session_turn(run->loop);
	return run->rows_done ? 0 : error_set(error, ERR_CANCELLED, "stopped during the comparison");
}

static int verify__compare_once(const struct run *model, bool sort, struct verify_sink *sink, struct verify_counts *counts,
                                bool *ret_disordered, struct error *error)
{
	struct run run = *model;
	int rc = run__init(&run, sink, counts, sort, error);

	run.rows_done = run.graph_done = true;
	if (rc == 0)
		rc = run__start(&run, error);
	if (rc == 0)
		rc = run__merge(&run, error);
	*ret_disordered = rc < 0 && (run.merge.rows.disordered || run.merge.graph.disordered);
	if (*ret_disordered)
		rc = run__drain_copy(&run, error);
	run__drain(&run);
	run__free(&run);
	return rc;
}

int verify__compare_shape(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                          const struct verify_shape *shape, const struct verify_options *options, struct verify_sink *sink,
                          struct verify_counts *counts, struct error *error)
{
	const struct run model = {.shape = shape, .options = options, .loop = loop, .postgres = postgres, .graph = graph};
	const struct verify_counts before = *counts;
	bool disordered;
	int rc = verify__compare_once(&model, !shape->ordered, sink, counts, &disordered, error);

	if (rc < 0 || !disordered)
		return rc;
	*counts = before;
	sink->stopped = 0;
	if (options && options->on_restart)
		options->on_restart(options->user);
	return verify__compare_once(&model, true, sink, counts, &disordered, error);
}

/* ---- all shapes ---- */

int verify_stats_init(struct verify_stats *stats, const struct plan *plan)
{
	size_t size = ((size_t)plan->nodes_count + plan->edges_count + 1) * sizeof(struct verify_counts);

	*stats = (struct verify_stats){0};
	arena_init(&stats->arena, 2 * size + 1024);
	stats->nodes = arena_calloc(&stats->arena, (size_t)plan->nodes_count + 1, sizeof(*stats->nodes));
	stats->edges = arena_calloc(&stats->arena, (size_t)plan->edges_count + 1, sizeof(*stats->edges));
	return stats->nodes && stats->edges ? 0 : ERR_NOMEM;
}

void verify_stats_free(struct verify_stats *stats)
{
	arena_free(&stats->arena);
}

struct told {
	verify_difference_fn *on_difference;
	void *user;
};

static int told__difference(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	struct told *told = user;

	(void)ordinal;
	return told->on_difference(told->user, difference);
}

/* The i-th of the plan: nodes first, then edges. */
static int compare__shape(const struct plan *plan, uint32_t i, struct verify_shape *shape, struct arena *arena)
{
	if (i < plan->nodes_count)
		return verify_shape_node(shape, plan, &plan->nodes[i], arena);
	return verify_shape_edge(shape, plan, plan->edges[i - plan->nodes_count], arena);
}

int verify_compare(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                   const struct plan *plan, const struct verify_options *options, verify_difference_fn *on_difference,
                   void *user, struct verify_stats *stats, struct error *error)
{
	struct told told = {.on_difference = on_difference, .user = user};
	struct verify_sink sink = {.on_difference = told__difference, .user = &told};
	struct arena arena;
	int rc = 0;

	arena_init(&arena, TEXT_SIZE_MAX);
	for (uint32_t i = 0; i < plan->nodes_count + plan->edges_count && rc == 0 && !sink.stopped; i++) {
		struct verify_counts *counts = i < plan->nodes_count ? &stats->nodes[i] : &stats->edges[i - plan->nodes_count];
		struct verify_shape shape;

		arena_reset(&arena);
		if (compare__shape(plan, i, &shape, &arena) < 0) {
			rc = error_set(error, ERR_NOMEM, "no memory for a comparison");
			break;
		}
		if (options && !verify_shape_is_of(&shape, options->tables))
			continue;
		rc = verify__compare_shape(loop, postgres, graph, &shape, options, &sink, counts, error);
	}
	stats->stopped = sink.stopped != 0;
	arena_free(&arena);
	if (rc < 0 || sink.stopped)
		session_postgres_close(postgres);
	return rc;
}
