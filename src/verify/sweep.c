#include "verify/sweep.h"

#include "graph/value.h"
#include "verify/compare.h"

#define PARAMS_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define SHAPES_SIZE_MAX ((size_t)4 * 1024 * 1024)

struct sweep {
	struct session_loop *loop;
	struct session_postgres *postgres;
	struct session_graph *graph;
	struct graph_statements *statements;
	const struct verify_sweep_scope *scope;
	verify_delete_fn *on_delete;
	void *user;
	const struct verify_shape *shape;
	struct bolt_writer rows; /* those collected, without the list's header */
	struct bolt_writer params;
	uint32_t rows_count;
	uint64_t found; /* more than fit are counted only */
};

static void sweep__pack(struct sweep *sweep, const struct value *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		graph_value_pack(&sweep->rows, &values[i]);
}

/* The identity in the shape's order, and how many of those relationships are right: one, when it is only doubled. */
static void sweep__pack_edge(struct sweep *sweep, const struct verify_difference *difference)
{
	const struct verify_shape *shape = sweep->shape;
	bool from_first = shape->from_at < shape->to_at;

	bolt_writer_list(&sweep->rows, (size_t)shape->identity_count + (shape->edge->history ? 2 : 1));
	sweep__pack(sweep, from_first ? difference->from : difference->to,
	            from_first ? difference->from_count : difference->to_count);
	sweep__pack(sweep, from_first ? difference->to : difference->from,
	            from_first ? difference->to_count : difference->from_count);
	sweep__pack(sweep, difference->key, shape->edge->key_count);
	bolt_writer_int(&sweep->rows, difference->note == VERIFY_NOTE_DOUBLED);
	if (shape->edge->history)
		graph_time_pack(&sweep->rows, sweep->scope->time_us);
}

static int sweep__on_difference(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	struct sweep *sweep = user;
	bool node = difference->kind == VERIFY_NODE_EXTRA;

	(void)ordinal;
	if (!node && difference->kind != VERIFY_EDGE_EXTRA)
		return 0;
	/* it is hidden behind the load */
	if (difference->note == VERIFY_NOTE_SEEN)
		return 0;
	/* a node is deleted by its key: of two with the same, which the constraint rules out, both would go */
	if (difference->note == VERIFY_NOTE_NO_KEY || (node && difference->note == VERIFY_NOTE_DOUBLED))
		return 0;
	sweep->found++;
	if (sweep->rows_count == VERIFY_SWEEP_MAX || sweep->rows.size > PARAMS_SIZE_MAX / 4)
		return 0;
	if (node) {
		bolt_writer_list(&sweep->rows, difference->node->key_count);
		sweep__pack(sweep, difference->key, difference->node->key_count);
	} else {
		sweep__pack_edge(sweep, difference);
	}
	sweep->rows_count++;
	return 0;
}

static void sweep__forget(void *user)
{
	struct sweep *sweep = user;

	bolt_writer_reset(&sweep->rows);
	sweep->rows.utc = sweep->graph->connection ? bolt_connection_utc(sweep->graph->connection) : true;
	sweep->rows_count = 0;
	sweep->found = 0;
}

static int sweep__delete(struct sweep *sweep, struct error *error)
{
	const struct verify_shape *shape = sweep->shape;
	const struct graph_statement *statement;
	struct buffer cypher;
	int rc;

	bolt_writer_reset(&sweep->params);
	graph_rows_pack_begin(&sweep->params, sweep->rows_count);
	bolt_writer_append(&sweep->params, sweep->rows.data, sweep->rows.size);
	if (sweep->rows.failed || sweep->params.failed)
		return error_set(error, ERR_LIMIT, "%s: keys too large to delete by", verify_shape_name(shape));
	if (shape->node) {
		statement = graph_statement_get(sweep->statements, GRAPH_NODE_DELETE, shape->node->index, NULL);
		if (!statement)
			return error_set(error, ERR_NOMEM, "no memory for a statement");
		return sweep->on_delete(sweep->user, statement->text, &sweep->params, sweep->rows_count, error);
	}
	buffer_init(&cypher, SHAPES_SIZE_MAX);
	verify_shape_surplus_cypher(shape, &cypher);
	if (cypher.failed)
		rc = error_set(error, ERR_LIMIT, "%s: the statement is too long", verify_shape_name(shape));
	else
		rc = sweep->on_delete(sweep->user, buffer_text(&cypher), &sweep->params, sweep->rows_count, error);
	buffer_free(&cypher);
	return rc;
}

/* Compares and deletes until there is nothing to delete. */
static int sweep__shape(struct sweep *sweep, uint64_t *ret_deleted, struct error *error)
{
	const struct verify_options options = {.on_restart = sweep__forget, .user = sweep};
	uint64_t before = UINT64_MAX;

	*ret_deleted = 0;
	for (;;) {
		struct verify_sink sink = {.on_difference = sweep__on_difference, .user = sweep};
		struct verify_counts counts = {0};
		int rc;

		sweep__forget(sweep);
		rc = verify__compare_shape(sweep->loop, sweep->postgres, sweep->graph, sweep->shape, &options, &sink, &counts,
		                           error);
		if (rc < 0 || !sweep->found)
			return rc;
		if (sweep->found >= before)
			return error_set(error, ERR_STATE,
			                 "%s: %llu extra in the graph are there again after they were deleted",
			                 verify_shape_name(sweep->shape), (unsigned long long)sweep->found);
		before = sweep->found;
		*ret_deleted += sweep->rows_count;
		rc = sweep__delete(sweep, error);
		if (rc < 0)
			return rc;
	}
}

static bool sweep__covers(const struct sweep *sweep, bool edge, uint32_t index)
{
	const bool *covered = edge ? sweep->scope->edges : sweep->scope->nodes;

	return !covered || covered[index];
}

/* One node or relationship mapping. */
static int sweep__one(struct sweep *sweep, const struct plan *plan, bool edge, uint32_t index, uint64_t *deleted,
                      struct error *error)
{
	struct verify_shape shape;
	struct arena arena;
	uint64_t count = 0;
	int rc;

	if (!sweep__covers(sweep, edge, index))
		return 0;
	arena_init(&arena, SHAPES_SIZE_MAX);
	rc = edge ? verify_shape_edge(&shape, plan, plan->edges[index], &arena)
	          : verify_shape_node(&shape, plan, &plan->nodes[index], &arena);
	sweep->shape = &shape;
	if (rc < 0)
		error_set(error, ERR_NOMEM, "no memory for a comparison");
	else
		rc = sweep__shape(sweep, &count, error);
	sweep->shape = NULL;
	arena_free(&arena);
	*deleted += count;
	return rc;
}

/*
 * Relationships first: what they lead to may be a placeholder that goes with them. But nodes that keep theirs have to say so
 * before.
 */
static int sweep__pass(struct sweep *sweep, const struct plan *plan, struct verify_sweep_counts *counts, uint64_t *ret_deleted,
                       struct error *error)
{
	uint64_t nodes = 0, edges = 0;
	int rc = 0;

	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		if (plan->nodes[i].on_delete == PLAN_DELETE_KEEP)
			rc = sweep__one(sweep, plan, false, i, &nodes, error);
	for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++)
		rc = sweep__one(sweep, plan, true, i, &edges, error);
	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		if (plan->nodes[i].on_delete != PLAN_DELETE_KEEP)
			rc = sweep__one(sweep, plan, false, i, &nodes, error);
	counts->nodes += nodes;
	counts->edges += edges;
	*ret_deleted = nodes + edges;
	return rc;
}

int verify_sweep(struct session_loop *loop, struct session_postgres *postgres, struct session_graph *graph,
                 const struct plan *plan, struct graph_statements *statements, const struct verify_sweep_scope *scope,
                 verify_delete_fn *on_delete, void *user, struct verify_sweep_counts *ret_counts, struct error *error)
{
	struct verify_sweep_counts counts = {0};
	struct sweep sweep = {
	        .loop = loop,
	        .postgres = postgres,
	        .graph = graph,
	        .statements = statements,
	        .scope = scope,
	        .on_delete = on_delete,
	        .user = user,
	};
	uint64_t deleted;
	int rc;

	bolt_writer_init(&sweep.rows, PARAMS_SIZE_MAX);
	bolt_writer_init(&sweep.params, PARAMS_SIZE_MAX);
	do {
		rc = sweep__pass(&sweep, plan, &counts, &deleted, error);
	} while (rc == 0 && deleted);
	bolt_writer_free(&sweep.rows);
	bolt_writer_free(&sweep.params);
	if (ret_counts)
		*ret_counts = counts;
	return rc;
}
