#include "mapping/plan.h"

#include <stdlib.h>

const char *const plan_on_delete_names[] = {
        [PLAN_DELETE_DETACH] = "detach",
        [PLAN_DELETE_RESTRICT] = "restrict",
        [PLAN_DELETE_TOMBSTONE] = "tombstone",
        [PLAN_DELETE_KEEP] = "keep",
        NULL,
};

const char *const plan_missing_names[] = {
        [PLAN_MISSING_PLACEHOLDER] = "placeholder",
        [PLAN_MISSING_SKIP] = "skip",
        [PLAN_MISSING_ERROR] = "error",
        NULL,
};

void plan_free(struct plan *plan)
{
	struct arena arena;

	if (!plan)
		return;
	/* The plan lives in its own arena, so the arena must outlive the struct. */
	arena = plan->arena;
	arena_free(&arena);
}

uint32_t plan_node_labels_at(const struct plan_node *node)
{
	uint32_t at = 0;

	while (at < node->properties_count && !node->properties[at].is_label)
		at++;
	return at;
}

bool plan_node_is_value(const struct plan_node *node)
{
	return node->table == PLAN_TABLE_NONE;
}

bool plan_edge_has_end(const struct plan_edge *edge, const struct plan_node *node)
{
	return edge->from.node == node->index || edge->to.node == node->index;
}

bool plan_node_waits(const struct plan_node *node)
{
	return node->missing != PLAN_MISSING_PLACEHOLDER;
}

bool plan_end_waits(const struct plan *plan, const struct plan_end *end)
{
	return !end->enforced && plan_node_waits(&plan->nodes[end->node]);
}

bool plan_edge_waits(const struct plan *plan, const struct plan_edge *edge)
{
	return plan_end_waits(plan, &edge->from) || plan_end_waits(plan, &edge->to);
}

int64_t plan_table_by_oid(const struct plan *plan, uint32_t oid)
{
	for (uint32_t i = 0; i < plan->tables_count; i++)
		if (plan->tables[i].oid == oid)
			return i;
	return -1;
}
