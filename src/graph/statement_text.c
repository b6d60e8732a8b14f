/* The words that statements have in common. */
#include "graph/statement_room.h"

#include "mapping/quote.h"

#include <string.h>

void text__put(struct text *text, const char *words)
{
	buffer_append_text(&text->buffer, words);
}

void text__name(struct text *text, const char *name)
{
	cypher_quote(&text->buffer, name);
}

void text__open(struct text *text, const char *var, const struct plan_node *node)
{
	buffer_printf(&text->buffer, "(%s:", var);
	text__name(text, node->label);
}

void text__key(struct text *text, const struct plan_property *key, uint32_t count, uint32_t at)
{
	text__put(text, "{");
	for (uint32_t i = 0; i < count; i++) {
		text__put(text, i ? ", " : "");
		text__name(text, key[i].name);
		buffer_printf(&text->buffer, ": r[%u]", at + i);
	}
	text__put(text, "}");
}

void text__keyed(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__open(text, var, node);
	text__put(text, " ");
	text__key(text, node->key, node->key_count, at);
	text__put(text, ")");
}

void text__hint(struct text *text, const char *var, const char *name, const struct plan_property *key, uint32_t count)
{
	buffer_printf(&text->buffer, " USING INDEX %s:", var);
	text__name(text, name);
	text__put(text, "(");
	for (uint32_t i = 0; i < count; i++) {
		text__put(text, i ? ", " : "");
		text__name(text, key[i].name);
	}
	text__put(text, ") ");
}

void text__match(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__put(text, "MATCH ");
	text__keyed(text, var, node, at);
	text__hint(text, var, node->label, node->key, node->key_count);
}

void text__on_create(struct text *text, const char *var, const struct plan_node *node)
{
	bool value = plan_node_is_value(node);

	if (!value)
		buffer_printf(&text->buffer, " ON CREATE SET %s:" PLACEHOLDER, var);
	for (uint32_t i = 0; value && i < node->labels_more_count; i++) {
		buffer_printf(&text->buffer, "%s%s:", i ? ", " : " ON CREATE SET ", var);
		text__name(text, node->labels_more[i]);
	}
	text__put(text, " ");
}

void text__merge_end(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__put(text, "MERGE ");
	text__keyed(text, var, node, at);
	text__on_create(text, var, node);
}

void text__arrow(struct text *text, const char *var, const char *type, bool forward)
{
	buffer_printf(&text->buffer, "%s[%s:", forward ? "-" : "<-", var);
	text__name(text, type);
	text__put(text, forward ? "]->" : "]-");
}

bool statement__masked(const uint8_t *mask, uint32_t i)
{
	return mask && mask[i];
}

bool statement__lacks(const uint8_t *mask, uint32_t properties_count)
{
	return mask && memchr(mask, GRAPH_MASK_LEFT_OUT, properties_count);
}

void text__set(struct text *text, const char *var, const struct plan_property *properties, uint32_t count, const uint8_t *mask,
               uint32_t at)
{
	bool first = true;

	for (uint32_t i = 0; i < count && !properties[i].is_label; i++) {
		if (statement__masked(mask, i))
			continue;
		buffer_printf(&text->buffer, "%s%s.", first ? "SET " : ", ", var);
		text__name(text, properties[i].name);
		buffer_printf(&text->buffer, " = r[%u]", at++);
		first = false;
	}
	if (!first)
		text__put(text, " ");
}

const struct plan_node *text__node(const struct text *text, uint32_t index)
{
	return &text->plan->nodes[index];
}

bool end__is_swept(const struct plan *plan, const struct plan_end *end)
{
	return !end->enforced && !plan->nodes[end->node].keep;
}

void text__sweepable(struct text *text, const struct plan_edge *edge)
{
	const struct plan_end *ends[] = {&edge->from, &edge->to};

	text__put(text, "(x:" PLACEHOLDER);
	for (int i = 0; i < 2; i++) {
		const struct plan_node *node = text__node(text, ends[i]->node);

		if (!plan_node_is_value(node) || !end__is_swept(text->plan, ends[i]))
			continue;
		text__put(text, " OR x:");
		text__name(text, node->label);
	}
	text__put(text, ")");
}

void text__sweep_delete(struct text *text, const struct plan_edge *edge)
{
	const struct plan_end *ends[] = {&edge->from, &edge->to};

	text__put(text, " AND NOT (x)--() ");
	for (int i = 0; i < 2; i++) {
		const struct plan_node *node = text__node(text, ends[i]->node);

		if (!plan_node_waits(node))
			continue;
		text__put(text, "REMOVE x:");
		text__name(text, node->label);
		text__put(text, " ");
	}
	text__put(text, "DELETE x");
}

/*
 * Placeholders, and nodes made of values, among the variables that nothing leads to any more go. collect() is a barrier: it
 * makes all the deletions of the statement happen before the first look.
 */
static void text__sweep(struct text *text, const struct plan_edge *edge, const char *first, const char *second)
{
	if (second)
		buffer_printf(&text->buffer, "WITH collect(DISTINCT %s) + collect(DISTINCT %s) AS xs ", first, second);
	else
		buffer_printf(&text->buffer, "WITH collect(DISTINCT %s) AS xs ", first);
	text__put(text, "UNWIND xs AS x WITH DISTINCT x WHERE ");
	text__sweepable(text, edge);
	text__sweep_delete(text, edge);
}

void text__sweep_ends(struct text *text, const struct plan_edge *edge, const char *a, const char *b)
{
	bool from = end__is_swept(text->plan, &edge->from), to = end__is_swept(text->plan, &edge->to);

	if (from && to)
		text__sweep(text, edge, a, b);
	else if (from || to)
		text__sweep(text, edge, from ? a : b, NULL);
}

void text__detach_delete(struct text *text, const char *var, const struct plan_node *node)
{
	buffer_printf(&text->buffer, "REMOVE %s:", var);
	text__name(text, node->label);
	buffer_printf(&text->buffer, " DETACH DELETE %s", var);
}

const struct plan_end *edge__owner(const struct plan_edge *edge)
{
	return edge->owner_is_from ? &edge->from : &edge->to;
}

const struct plan_end *edge__far(const struct plan_edge *edge)
{
	return edge->owner_is_from ? &edge->to : &edge->from;
}

void text__keyed_pattern(struct text *text, const char *from, const struct plan_edge *edge, const char *var, const char *to,
                         uint32_t at)
{
	text__open(text, from, text__node(text, edge->from.node));
	buffer_printf(&text->buffer, ")-[%s:", var);
	text__name(text, edge->type);
	text__put(text, " ");
	text__key(text, edge->key, edge->key_count, at);
	text__put(text, "]->");
	text__open(text, to, text__node(text, edge->to.node));
	text__put(text, ")");
	text__hint(text, var, edge->type, edge->key, edge->key_count);
}

void text__match_row(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);

	switch (edge->kind) {
	case PLAN_EDGE_FOREIGN_KEY:
		text__match(text, edge->owner_is_from ? "a" : "b", edge->owner_is_from ? a : b, 0);
		text__put(text, "MATCH ");
		text__open(text, "a", a);
		text__put(text, ")");
		text__arrow(text, "o", edge->type, true);
		text__open(text, "b", b);
		text__put(text, ") ");
		break;
	case PLAN_EDGE_JOIN_ENDS:
		text__match(text, "a", a, 0);
		text__match(text, "b", b, a->key_count);
		text__put(text, "MATCH (a)");
		text__arrow(text, "o", edge->type, true);
		text__put(text, "(b) ");
		break;
	case PLAN_EDGE_JOIN_KEYED:
		text__put(text, "MATCH ");
		text__keyed_pattern(text, "a", edge, "o", "b", 0);
		break;
	}
}
