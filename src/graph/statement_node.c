/* Statements that write nodes. */
#include "graph/element_id.h"
#include "graph/missing.h"
#include "graph/statement_room.h"
#include "mapping/quote.h"

#define ELEMENT_ID "`" MAPPING_LABEL_ELEMENT_ID "`"
#define MOVING "`_PgweaveMoving`"

bool graph_node_deletes_edges(const struct plan *plan, const struct plan_node *node)
{
	const struct plan_table *table = &plan->tables[node->table];

	if (node->on_delete == PLAN_DELETE_KEEP)
		return false;
	if (node->may_be_placeholder || node->deleted_label)
		return true;
	for (uint32_t i = 0; i < table->edges_count; i++)
		if (end__is_swept(plan, &table->edges[i]->from) || end__is_swept(plan, &table->edges[i]->to))
			return true;
	return false;
}

/* Those that the row has, and away with the others. */
static void text__chosen_labels(struct text *text, const struct plan_node *node, const uint8_t *mask)
{
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		uint8_t what = mask ? mask[node->properties_count + i] : GRAPH_MASK_TAKEN;

		if (what == GRAPH_MASK_UNKNOWN)
			continue;
		text__put(text, what == GRAPH_MASK_TAKEN ? "SET n:" : "REMOVE n:");
		text__name(text, node->labels_chosen[i].name);
		text__put(text, " ");
	}
}

void graph_labels_remove(struct buffer *cypher, const char *var, const char *prefix, const char *but)
{
	buffer_printf(cypher, "REMOVE %s:$([l IN labels(%s) WHERE l STARTS WITH ", var, var);
	cypher_quote_literal(cypher, prefix);
	if (but)
		buffer_printf(cypher, " AND l <> coalesce(%s, '')", but);
	buffer_append_text(cypher, "])");
}

/* The labels that values make, which stand behind the properties in a row. */
static void text__labels_by_value(struct text *text, const struct plan_node *node, const uint8_t *mask)
{
	uint32_t at = node->key_count;

	for (uint32_t i = 0; i < node->properties_count; i++) {
		const struct plan_property *property = &node->properties[i];
		struct buffer label;

		if (statement__masked(mask, i))
			continue;
		if (property->is_label) {
			buffer_init(&label, STATEMENT_SIZE_MAX);
			cypher_quote_literal(&label, property->name);
			buffer_printf(&label, " + r[%u]", at);
			graph_labels_remove(&text->buffer, "n", property->name, buffer_text(&label));
			buffer_printf(&text->buffer, " SET n:$(CASE WHEN r[%u] IS NULL THEN [] ELSE [%s] END) ", at,
			              buffer_text(&label));
			text->buffer.failed |= label.failed;
			buffer_free(&label);
		}
		at++;
	}
}

/* "var:`_PgweavePlaceholder` OR var:`Deleted`": the node is there and has no row */
static void text__without_row(struct text *text, const char *var, const struct plan_node *node)
{
	buffer_printf(&text->buffer, "%s:" PLACEHOLDER, var);
	if (!node->deleted_label)
		return;
	buffer_printf(&text->buffer, " OR %s:", var);
	text__name(text, node->deleted_label);
}

/* Whoever tells PostgreSQL of element ids is to look at nodes that are new, or whose rows are. */
static void text__mark_element_id(struct text *text, const struct plan_node *node, const uint8_t *mask)
{
	uint32_t renewed = node->key_count;

	if (!node->element_id)
		return;
	for (uint32_t i = 0; i < node->properties_count; i++)
		renewed += !statement__masked(mask, i);
	buffer_printf(&text->buffer, "FOREACH (m IN CASE WHEN r[%u] OR ", renewed);
	text__without_row(text, "n", node);
	text__put(text, " THEN [n] ELSE [] END | SET m:" ELEMENT_ID ") ");
}

/* PostgreSQL is to forget the element id that it has with this key. */
static void text__element_id_gone(struct text *text, const struct plan_node *node)
{
	if (!node->element_id || node->element_id->column)
		return;
	text__put(text, "CREATE (:");
	graph_element_id_gone_label(node, &text->buffer);
	for (uint32_t i = 0; i < node->key_count; i++) {
		text__put(text, i ? ", " : " {");
		text__name(text, node->key[i].name);
		text__put(text, ": n.");
		text__name(text, node->key[i].name);
	}
	text__put(text, "}) ");
}

/* MERGE by key, set what is known; a placeholder becomes a node. */
static void text__node_upsert(struct text *text, const struct plan_node *node, const uint8_t *mask)
{
	text__put(text, UNWIND "MERGE ");
	text__keyed(text, "n", node, 0);
	text__put(text, " ");
	if (node->where && statement__lacks(mask, node->properties_count)) {
		text__put(text, "ON CREATE SET n:" PLACEHOLDER " FOREACH (m IN CASE WHEN ");
		text__without_row(text, "n", node);
		text__put(text, " THEN [n] ELSE [] END | SET m.lacking = " LACKING ") ");
	} else if (node->element_id) {
		text__put(text, "ON CREATE SET n:" ELEMENT_ID " ");
	}
	text__mark_element_id(text, node, mask);
	text__set(text, "n", node->properties, node->properties_count, mask, node->key_count);
	for (uint32_t i = 0; i < node->labels_more_count; i++) {
		text__put(text, "SET n:");
		text__name(text, node->labels_more[i]);
		text__put(text, " ");
	}
	text__chosen_labels(text, node, mask);
	text__labels_by_value(text, node, mask);
	if (node->deleted_label) {
		text__put(text, "REMOVE n:");
		text__name(text, node->deleted_label);
		text__put(text, " ");
	}
	text__put(text, "REMOVE n:" PLACEHOLDER);
}

/* " + size([(n)<-[:`T`]-() | 1])" over the unenforced relationships that may still lead to the node */
static void text__held_count(struct text *text, const struct plan_node *node)
{
	const struct plan *plan = text->plan;

	text__put(text, "0");
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];

		for (int end = 0; end < 2; end++) {
			const struct plan_end *mine = end ? &edge->to : &edge->from;
			const struct plan_end *other = end ? &edge->from : &edge->to;

			if (mine->node != node->index || mine->enforced)
				continue;
			text__put(text, " + size([(n)");
			text__arrow(text, "", edge->type, !end);
			text__open(text, "", text__node(text, other->node));
			text__put(text, ") | 1])");
		}
	}
}

/* ", [(n)-[h:`T`]->(:`B`) | h] + ... AS past": all versions, of relationships that keep them; they go with the row. */
static bool text__past(struct text *text, const struct plan_node *node)
{
	const struct plan *plan = text->plan;
	bool any = false;

	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];

		for (int end = 0; end < 2 && edge->history; end++) {
			if ((end ? edge->to.node : edge->from.node) != node->index)
				continue;
			text__put(text, any ? " + [(n)" : ", [(n)");
			text__arrow(text, "h", edge->type, !end);
			text__open(text, "", text__node(text, end ? edge->from.node : edge->to.node));
			text__put(text, ") | h]");
			any = true;
		}
	}
	text__put(text, any ? " AS past" : "");
	return any;
}

/* A node that relationships still lead to becomes a placeholder; any other goes with all that hangs on it. */
static void text__delete_or_hold(struct text *text, const struct plan_node *node)
{
	text__put(text, "WITH n, ");
	text__held_count(text, node);
	text__put(text, " AS held");
	if (text__past(text, node))
		text__put(text, " FOREACH (h IN CASE WHEN held > 0 THEN past ELSE [] END | DELETE h)");
	text__put(text, " FOREACH (m IN CASE WHEN held > 0 THEN [n] ELSE [] END | SET m:" PLACEHOLDER);
	for (uint32_t i = 0; i < node->properties_count; i++) {
		if (node->properties[i].is_label) {
			text__put(text, " ");
			graph_labels_remove(&text->buffer, "m", node->properties[i].name, NULL);
			continue;
		}
		text__put(text, " SET m.");
		text__name(text, node->properties[i].name);
		text__put(text, " = null");
	}
	for (uint32_t i = 0; i < node->labels_more_count; i++) {
		text__put(text, " REMOVE m:");
		text__name(text, node->labels_more[i]);
	}
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		text__put(text, " REMOVE m:");
		text__name(text, node->labels_chosen[i].name);
	}
	text__put(text, ") FOREACH (m IN CASE WHEN held > 0 THEN [] ELSE [n] END | ");
	text__detach_delete(text, "m", node);
	text__put(text, ")");
}

/* A node stays, and says that its row is gone; a placeholder goes as ever, for it never had one. */
static void text__delete_or_mark(struct text *text, const struct plan_node *node)
{
	bool restricts = node->on_delete == PLAN_DELETE_RESTRICT;

	if (!restricts && !node->may_be_placeholder) {
		text__put(text, "SET n:");
		text__name(text, node->deleted_label);
		return;
	}
	text__put(text, "WITH n, CASE WHEN n:" PLACEHOLDER " THEN ");
	text__held_count(text, node);
	text__put(text, restricts ? " WHEN (n)--() THEN 1 ELSE 0" : " ELSE 1");
	text__put(text,
	          " END AS held FOREACH (m IN CASE WHEN held > 0 AND NOT n:" PLACEHOLDER " THEN [n] ELSE [] END | SET m:");
	text__name(text, node->deleted_label);
	text__put(text, ") FOREACH (m IN CASE WHEN held > 0 THEN [] ELSE [n] END | ");
	text__detach_delete(text, "m", node);
	text__put(text, ")");
}

/* What becomes of n. */
static void text__delete(struct text *text, const struct plan_node *node)
{
	text__element_id_gone(text, node);
	if (node->deleted_label)
		text__delete_or_mark(text, node);
	else if (node->may_be_placeholder)
		text__delete_or_hold(text, node);
	else
		text__detach_delete(text, "n", node);
}

static void text__node_delete(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "n", node, 0);
	if (plan_node_is_value(node))
		text__put(text, "WHERE NOT (n)--() DELETE n");
	else
		text__delete(text, node);
}

static void text__node_truncate(struct text *text, const struct plan_node *node)
{
	text__put(text, "MATCH ");
	text__open(text, "n", node);
	text__put(text, ") WHERE NOT n:" PLACEHOLDER " ");
	if (node->deleted_label) {
		text__put(text, "AND NOT n:");
		text__name(text, node->deleted_label);
		text__put(text, " ");
	}
	text__delete(text, node);
}

/* A row is the old key at 0 and the new key behind it. */
static void text__node_rename(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "n", node, 0);
	if (node->where)
		text__put(text, "WHERE NOT n:" PLACEHOLDER " ");
	text__element_id_gone(text, node);
	text__set(text, "n", node->key, node->key_count, NULL, node->key_count);
}

/* All give their keys up before any takes a new one, since the constraint looks at every single step; collect() is a barrier.
 */
static void text__node_exchange(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "n", node, 0);
	if (node->where)
		text__put(text, "WHERE NOT n:" PLACEHOLDER " ");
	text__element_id_gone(text, node);
	text__put(text, "SET n.");
	text__name(text, node->key->name);
	text__put(text, " = null WITH collect([n, r]) AS all UNWIND all AS x WITH x[0] AS n, x[1] AS r ");
	text__set(text, "n", node->key, node->key_count, NULL, node->key_count);
}

/* The row that moves there is why the key cannot stay with a node that has none. */
static void text__rename_displace(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "p", node, node->key_count);
	text__put(text, "WHERE p:");
	text__name(text, node->deleted_label);
	text__put(text, " AND EXISTS { MATCH ");
	text__keyed(text, "n", node, 0);
	text__put(text, " WHERE NOT n:" PLACEHOLDER " } ");
	text__detach_delete(text, "p", node);
}

/*
 * The placeholder keeps its new key aside (k0, k1, ...) until its relationships have moved. So does a node that has stayed
 * without its row: relationships of rows that refer to the key are to lead to the row that has it now.
 */
static void text__rename_vacate(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "p", node, node->key_count);
	text__put(text, "WHERE (");
	text__without_row(text, "p", node);
	text__put(text, ") ");
	/* a row that was no node is not renamed: what is there stays where it is, to be filled */
	if (node->where || node->deleted_label) {
		text__put(text, "AND EXISTS { MATCH ");
		text__keyed(text, "n", node, 0);
		text__put(text, " WHERE NOT n:" PLACEHOLDER " } ");
	}
	text__put(text, "SET p:" MOVING " ");
	for (uint32_t i = 0; i < node->key_count; i++)
		buffer_printf(&text->buffer, "SET p.`_pgweave_k%u` = r[%u] ", i, node->key_count + i);
	for (uint32_t i = 0; i < node->key_count; i++) {
		text__put(text, "SET p.");
		text__name(text, node->key[i].name);
		text__put(text, " = null ");
	}
}

void text__match_moving(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__put(text, "MATCH (p:" MOVING ":");
	text__name(text, node->label);
	text__put(text, ") WHERE ");
	for (uint32_t i = 0; i < node->key_count; i++)
		buffer_printf(&text->buffer, "%sp.`_pgweave_k%u` = r[%u]", i ? " AND " : "", i, node->key_count + i);
	text__put(text, " ");
}

static void text__rename_discard(struct text *text, const struct plan_node *node)
{
	text__match_moving(text, node);
	text__detach_delete(text, "p", node);
}

void text__write_node(struct text *text, enum graph_statement_kind kind, const struct plan_node *node, const uint8_t *mask)
{
	switch (kind) {
	case GRAPH_NODE_TRUNCATE:
		text__node_truncate(text, node);
		break;
	case GRAPH_NODE_RENAME_VACATE:
		text__rename_vacate(text, node);
		break;
	case GRAPH_NODE_RENAME_DISPLACE:
		text__rename_displace(text, node);
		break;
	case GRAPH_NODE_RENAME:
		text__node_rename(text, node);
		break;
	case GRAPH_NODE_EXCHANGE:
		text__node_exchange(text, node);
		break;
	case GRAPH_NODE_RENAME_DISCARD:
		text__rename_discard(text, node);
		break;
	case GRAPH_NODE_UPSERT:
		text__node_upsert(text, node, mask);
		break;
	case GRAPH_NODE_DELETE:
		text__node_delete(text, node);
		break;
	default:
		missing__write(&text->buffer, text->plan, kind, node->index);
		break;
	}
}
