/*
 * What waits for a row is shown before rows are loaded or the mapping is changed, and hidden behind that: so that neither has
 * to know. A kill in between means that the load, or the change, is done again, and with it this.
 */
#include "sync/pipeline.h"

#include "graph/missing.h"

#include <string.h>

#define TEXT_SIZE_MAX ((size_t)1024 * 1024)

static int missing__repeat(struct pipeline *pipeline, struct buffer *left, struct buffer *batch, struct error *error)
{
	int rc = left->failed || batch->failed ? error_set(error, ERR_LIMIT, "a statement is too long")
	                                       : pipeline__repeat(pipeline, buffer_text(left), buffer_text(batch), error);

	buffer_free(left);
	buffer_free(batch);
	return rc;
}

static int missing__show(struct pipeline *pipeline, const struct graph_waiting *waiting, struct error *error)
{
	struct buffer left, batch;

	buffer_init(&left, TEXT_SIZE_MAX);
	buffer_init(&batch, TEXT_SIZE_MAX);
	graph_missing_show_left(waiting, &left);
	graph_missing_show_batch(waiting, &batch);
	return missing__repeat(pipeline, &left, &batch, error);
}

static int missing__hide(struct pipeline *pipeline, enum graph_statement_kind kind, uint32_t index, struct error *error)
{
	struct buffer left, batch;

	if (!graph_missing_has(pipeline->plan, kind, index))
		return 0;
	buffer_init(&left, TEXT_SIZE_MAX);
	buffer_init(&batch, TEXT_SIZE_MAX);
	graph_missing_hide_left(pipeline->plan, kind, index, &left);
	graph_missing_hide_batch(pipeline->plan, kind, index, &batch);
	return missing__repeat(pipeline, &left, &batch, error);
}

static int missing__hide_edges(struct pipeline *pipeline, bool tells, struct error *error)
{
	int rc = 0;

	for (int kind = GRAPH_HIDE_FROM; kind <= GRAPH_HIDE_TO; kind++)
		for (uint32_t i = 0; i < pipeline->plan->edges_count && rc == 0; i++)
			if (graph_missing_tells(pipeline->plan, (enum graph_statement_kind)kind, i) == tells)
				rc = missing__hide(pipeline, (enum graph_statement_kind)kind, i, error);
	return rc;
}

/* The end that waits has a row now, and nobody needs to know any more that a dead letter told of it. */
static int missing__forget(struct pipeline *pipeline, uint32_t edge, struct error *error)
{
	const struct plan *plan = pipeline->plan;
	struct buffer left, batch;

	if (!plan_edge_waits(plan, plan->edges[edge]))
		return 0;
	buffer_init(&left, TEXT_SIZE_MAX);
	buffer_init(&batch, TEXT_SIZE_MAX);
	graph_missing_forget_left(plan, edge, &left);
	graph_missing_forget_batch(plan, edge, &batch);
	return missing__repeat(pipeline, &left, &batch, error);
}

static bool missing__waits(const struct description *description)
{
	bool waits = false;

	for (uint32_t i = 0; i < description->nodes_count; i++)
		waits |= strcmp(description->nodes[i].missing, plan_missing_names[PLAN_MISSING_PLACEHOLDER]) != 0;
	return waits;
}

static int missing__show_description(struct pipeline *pipeline, const struct description *description, struct error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < description->edges_count && rc == 0; i++) {
		const struct described_edge *edge = &description->edges[i];

		rc = missing__show(pipeline, &(struct graph_waiting){edge->type, edge->from.label, edge->to.label}, error);
	}
	for (uint32_t i = 0; i < description->nodes_count && rc == 0; i++)
		rc = missing__show(pipeline, &(struct graph_waiting){.from = description->nodes[i].label}, error);
	return rc;
}

int pipeline__show_described(struct pipeline *pipeline, const struct descriptions *from, struct error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < from->count && rc == 0; i++)
		if (missing__waits(&from->items[i]))
			rc = missing__show_description(pipeline, &from->items[i], error);
	pipeline->statements.shown = true;
	return rc;
}

int pipeline__show_waiting(struct pipeline *pipeline, struct error *error)
{
	const struct plan *plan = pipeline->plan;
	int rc = 0;

	for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = plan->edges[i];

		rc = missing__show(pipeline,
		                   &(struct graph_waiting){edge->type, plan->nodes[edge->from.node].label,
		                                           plan->nodes[edge->to.node].label},
		                   error);
	}
	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		rc = missing__show(pipeline, &(struct graph_waiting){.from = plan->nodes[i].label}, error);
	pipeline->statements.shown = true;
	return rc;
}

int pipeline__hide_waiting(struct pipeline *pipeline, struct error *error)
{
	int rc = 0;

	for (int tells = 1; tells >= 0 && rc == 0; tells--)
		rc = missing__hide_edges(pipeline, tells, error);
	for (uint32_t i = 0; i < pipeline->plan->nodes_count && rc == 0; i++)
		rc = missing__hide(pipeline, GRAPH_HIDE_NODE, i, error);
	for (uint32_t i = 0; i < pipeline->plan->edges_count && rc == 0; i++)
		rc = missing__forget(pipeline, i, error);
	if (rc == 0)
		pipeline->statements.shown = false;
	return rc;
}
