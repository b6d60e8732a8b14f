#include "graph/statement.h"

#include "base/buffer.h"
#include "graph/element_id.h"
#include "graph/missing.h"
#include "mapping/quote.h"

#include <bolt/packstream.h>
#include <string.h>

#define STATEMENT_SIZE_MAX ((size_t)1024 * 1024)
#define STATEMENTS_SIZE_MAX ((size_t)16 * 1024 * 1024)
/* both ends and the key, each of at most as many columns as an index of PostgreSQL has; with room */
#define FIELDS_OF_KEYS_MAX ((size_t)4 * 32)
#define UNWIND "UNWIND " GRAPH_ROWS " AS r "
#define PLACEHOLDER "`" GRAPH_LABEL_PLACEHOLDER "`"
#define ELEMENT_ID "`" MAPPING_LABEL_ELEMENT_ID "`"
#define MOVING "`_PgweaveMoving`"
#define NOTED "_pgweave_by"
/*
 * Evaluates to an error that says so; with a variable in it, or the server would evaluate it when it plans. A row that comes
 * back into the mapping is made from what the UPDATE brought, and a large value that it did not touch is not in there.
 */
#define LACKING "toInteger([r[0], 'the row came back without its large values: REPLICA IDENTITY FULL brings them'])"

/* The text under construction. */
struct text {
	struct buffer buffer;
	const struct plan *plan;
};

static void text__put(struct text *text, const char *words)
{
	buffer_append_text(&text->buffer, words);
}

static void text__name(struct text *text, const char *name)
{
	cypher_quote(&text->buffer, name);
}

/* "(var:`L`" */
static void text__open(struct text *text, const char *var, const struct plan_node *node)
{
	buffer_printf(&text->buffer, "(%s:", var);
	text__name(text, node->label);
}

/* "{`id`: r[at], ...}" */
static void text__key(struct text *text, const struct plan_property *key, uint32_t count, uint32_t at)
{
	text__put(text, "{");
	for (uint32_t i = 0; i < count; i++) {
		text__put(text, i ? ", " : "");
		text__name(text, key[i].name);
		buffer_printf(&text->buffer, ": r[%u]", at + i);
	}
	text__put(text, "}");
}

/* "(var:`L` {`id`: r[at]})" */
static void text__keyed(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__open(text, var, node);
	text__put(text, " ");
	text__key(text, node->key, node->key_count, at);
	text__put(text, ")");
}

/* "USING INDEX var:`L`(`id`) ": the planner may not choose otherwise, also while the index is still empty. */
static void text__hint(struct text *text, const char *var, const char *name, const struct plan_property *key, uint32_t count)
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

static void text__match(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__put(text, "MATCH ");
	text__keyed(text, var, node, at);
	text__hint(text, var, node->label, node->key, node->key_count);
}

static void text__on_create(struct text *text, const char *var, const struct plan_node *node)
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

/* A missing end becomes a placeholder; one made of a value is all there with its key. */
static void text__merge_end(struct text *text, const char *var, const struct plan_node *node, uint32_t at)
{
	text__put(text, "MERGE ");
	text__keyed(text, var, node, at);
	text__on_create(text, var, node);
}

/* "-[var:`T`]->" or, turned round, "<-[var:`T`]-" */
static void text__arrow(struct text *text, const char *var, const char *type, bool forward)
{
	buffer_printf(&text->buffer, "%s[%s:", forward ? "-" : "<-", var);
	text__name(text, type);
	text__put(text, forward ? "]->" : "]-");
}

static bool statement__masked(const uint8_t *mask, uint32_t i)
{
	return mask && mask[i];
}

/* Whether a property's value is not known. */
static bool statement__lacks(const uint8_t *mask, uint32_t properties_count)
{
	return mask && memchr(mask, GRAPH_MASK_LEFT_OUT, properties_count);
}

/* "SET var.`p` = r[at], ..." for the properties that the mask leaves */
static void text__set(struct text *text, const char *var, const struct plan_property *properties, uint32_t count,
                      const uint8_t *mask, uint32_t at)
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

static const struct plan_node *text__node(const struct text *text, uint32_t index)
{
	return &text->plan->nodes[index];
}

/* Whether a node at that end may have to go when the relationship does. */
static bool end__is_swept(const struct plan *plan, const struct plan_end *end)
{
	return !end->enforced && !plan->nodes[end->node].keep;
}

/* "(x:`_PgweavePlaceholder` OR x:`Country`)" for an edge whose ends are swept */
static void text__sweepable(struct text *text, const struct plan_edge *edge)
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

/*
 * Without its label first, a node that got it in the same transaction (see graph/missing) would be found by its key after it is
 * gone: see text__detach_delete.
 */
static void text__sweep_delete(struct text *text, const struct plan_edge *edge)
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

static void text__sweep_ends(struct text *text, const struct plan_edge *edge, const char *a, const char *b)
{
	bool from = end__is_swept(text->plan, &edge->from), to = end__is_swept(text->plan, &edge->to);

	if (from && to)
		text__sweep(text, edge, a, b);
	else if (from || to)
		text__sweep(text, edge, from ? a : b, NULL);
}

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

/* Whoever tells PostgreSQL of element ids is to look at nodes that are new, or whose rows are. */
static void text__mark_element_id(struct text *text, const struct plan_node *node, const uint8_t *mask)
{
	uint32_t renewed = node->key_count;

	if (!node->element_id)
		return;
	for (uint32_t i = 0; i < node->properties_count; i++)
		renewed += !statement__masked(mask, i);
	buffer_printf(&text->buffer, "FOREACH (m IN CASE WHEN r[%u] OR n:" PLACEHOLDER, renewed);
	if (node->deleted_label) {
		text__put(text, " OR n:");
		text__name(text, node->deleted_label);
	}
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
		text__put(text, "ON CREATE SET n:" PLACEHOLDER " FOREACH (m IN CASE WHEN n:" PLACEHOLDER);
		if (node->deleted_label) {
			text__put(text, " OR n:");
			text__name(text, node->deleted_label);
		}
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

/*
 * Without its label first, a node whose unique key was changed in the same transaction would be found by that key after it is
 * gone (seen with Neo4j 5.26: "Unable to load NODE"), by whatever row has the key then.
 */
static void text__detach_delete(struct text *text, const char *var, const struct plan_node *node)
{
	buffer_printf(&text->buffer, "REMOVE %s:", var);
	text__name(text, node->label);
	buffer_printf(&text->buffer, " DETACH DELETE %s", var);
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
	text__put(text, " WHERE NOT n:" PLACEHOLDER " } DETACH DELETE p");
}

/* The placeholder keeps its new key aside (k0, k1, ...) until its relationships have moved. */
static void text__rename_vacate(struct text *text, const struct plan_node *node)
{
	text__put(text, UNWIND);
	text__match(text, "p", node, node->key_count);
	text__put(text, "WHERE p:" PLACEHOLDER " ");
	/* a row that was no node is not renamed: the placeholder stays where it is, to be filled */
	if (node->where) {
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

static void text__match_moving(struct text *text, const struct plan_node *node)
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
	if (plan_node_waits(node))
		text__detach_delete(text, "p", node);
	else
		text__put(text, "DETACH DELETE p");
}

/* Re-creates one end of an edge at another node: (old_end)-o-(x) becomes (new_end)-e-(x), properties and all. */
static void text__move_end(struct text *text, const struct plan_edge *edge, bool at_to, const char *old_end,
                           const char *new_end)
{
	const struct plan_end *other = at_to ? &edge->from : &edge->to;

	buffer_printf(&text->buffer, "MATCH (%s)", old_end);
	text__arrow(text, "o", edge->type, !at_to);
	text__open(text, "x", text__node(text, other->node));
	buffer_printf(&text->buffer, ") WITH r, x, o, %s, properties(o) AS q DELETE o WITH r, x, %s, q ", new_end, new_end);
}

static void text__create_moved(struct text *text, const struct plan_edge *edge, bool at_to, const char *new_end)
{
	buffer_printf(&text->buffer, "CREATE (%s)", new_end);
	text__arrow(text, "e", edge->type, !at_to);
	text__put(text, "(x) SET e = q");
}

/* After the rename: what a row elsewhere says of the old key stays with the old key, on a placeholder. */
static void text__rename_leave(struct text *text, const struct plan_edge *edge, bool at_to)
{
	const struct plan_node *node = text__node(text, at_to ? edge->to.node : edge->from.node);

	text__put(text, UNWIND);
	text__match(text, "n", node, node->key_count);
	if (node->where)
		text__put(text, "WHERE NOT n:" PLACEHOLDER " ");
	text__move_end(text, edge, at_to, "n", "n");
	text__merge_end(text, "p", node, 0);
	text__put(text, "WITH x, p, q ");
	text__create_moved(text, edge, at_to, "p");
}

static void text__rename_absorb(struct text *text, const struct plan_edge *edge, bool at_to)
{
	const struct plan_node *node = text__node(text, at_to ? edge->to.node : edge->from.node);

	text__match_moving(text, node);
	text__match(text, "n", node, node->key_count);
	text__move_end(text, edge, at_to, "p", "n");
	text__create_moved(text, edge, at_to, "n");
}

/* What is made anew may have the key, or the ends, of what another row had: all of that has to be gone. */
static void text__old_ones_first(struct text *text, bool exchange)
{
	if (exchange)
		text__put(text, "WITH collect([r, a, b, c, d, q]) AS all UNWIND all AS x "
		                "WITH x[0] AS r, x[1] AS a, x[2] AS b, x[3] AS c, x[4] AS d, x[5] AS q ");
	else
		text__put(text, "WITH r, a, b, c, d, q ");
}

/*
 * The key's properties are not changed in place: Neo4j would refuse, in the same transaction, to move a relationship whose
 * unique property was changed (seen with 5.26). It is made anew between its new ends, all its properties kept.
 */
static void text__keyed_rekey(struct text *text, const struct plan_edge *edge, bool exchange)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);
	uint32_t ends = a->key_count + b->key_count, row = ends + edge->key_count;

	text__put(text, UNWIND "MATCH ");
	text__open(text, "a", a);
	text__put(text, ")-[o:");
	text__name(text, edge->type);
	text__put(text, " ");
	text__key(text, edge->key, edge->key_count, ends);
	text__put(text, "]->");
	text__open(text, "b", b);
	text__put(text, ")");
	text__hint(text, "o", edge->type, edge->key, edge->key_count);
	text__merge_end(text, "c", a, row);
	text__merge_end(text, "d", b, row + a->key_count);
	text__put(text, "WITH r, a, b, c, d, o, properties(o) AS q DELETE o ");
	text__old_ones_first(text, exchange);
	text__put(text, "CREATE (c)");
	text__arrow(text, "e", edge->type, true);
	/* never with the old key: by now it may be another's */
	text__put(text, "(d) SET e = q {.*");
	for (uint32_t i = 0; i < edge->key_count; i++) {
		text__put(text, ", ");
		text__name(text, edge->key[i].name);
		buffer_printf(&text->buffer, ": r[%u]", row + ends + i);
	}
	text__put(text, "} ");
	text__sweep_ends(text, edge, "a", "b");
}

static void text__edge_rekey(struct text *text, const struct plan_edge *edge, bool exchange)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);
	uint32_t ends = a->key_count + b->key_count;

	if (edge->kind == PLAN_EDGE_JOIN_KEYED) {
		text__keyed_rekey(text, edge, exchange);
		return;
	}
	text__put(text, UNWIND);
	text__match(text, "a", a, 0);
	text__match(text, "b", b, a->key_count);
	text__put(text, "MATCH (a)");
	text__arrow(text, "o", edge->type, true);
	text__put(text, "(b) ");
	text__merge_end(text, "c", a, ends);
	text__merge_end(text, "d", b, ends + a->key_count);
	text__put(text, "WITH r, a, b, c, d, o, properties(o) AS q DELETE o ");
	text__old_ones_first(text, exchange);
	text__put(text, "MERGE (c)");
	text__arrow(text, "e", edge->type, true);
	text__put(text, "(d) SET e += q ");
	text__sweep_ends(text, edge, "a", "b");
}

/* MATCH (a)-[o:T]->(b) of the row, for deletion */
static void text__edge_delete(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);

	text__put(text, UNWIND);
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
		text__match(text, edge->owner_is_from ? "a" : "b", edge->owner_is_from ? a : b, 0);
		text__put(text, "MATCH ");
		text__open(text, "a", a);
		text__put(text, ")");
		text__arrow(text, "o", edge->type, true);
		text__open(text, "b", b);
		text__put(text, ") ");
	} else if (edge->kind == PLAN_EDGE_JOIN_ENDS) {
		text__match(text, "a", a, 0);
		text__match(text, "b", b, a->key_count);
		text__put(text, "MATCH (a)");
		text__arrow(text, "o", edge->type, true);
		text__put(text, "(b) ");
	} else {
		text__put(text, "MATCH ");
		text__open(text, "a", a);
		text__put(text, ")-[o:");
		text__name(text, edge->type);
		text__put(text, " ");
		text__key(text, edge->key, edge->key_count, 0);
		text__put(text, "]->");
		text__open(text, "b", b);
		text__put(text, ")");
		text__hint(text, "o", edge->type, edge->key, edge->key_count);
	}
	text__put(text, "DELETE o ");
	text__sweep_ends(text, edge, "a", "b");
}

static void text__edge_truncate(struct text *text, const struct plan_edge *edge)
{
	text__put(text, "MATCH ");
	text__open(text, "a", text__node(text, edge->from.node));
	text__put(text, ")");
	text__arrow(text, "o", edge->type, true);
	text__open(text, "b", text__node(text, edge->to.node));
	text__put(text, ") DELETE o ");
	text__sweep_ends(text, edge, "a", "b");
}

/* What another key than the node's refers to is there, for the database vouches for it; only a key can hold a place. */
static void text__far_end(struct text *text, const char *var, const struct plan_end *end, uint32_t at)
{
	const struct plan_node *node = text__node(text, end->node);

	if (end->by_key) {
		text__merge_end(text, var, node, at);
		return;
	}
	text__put(text, "MATCH ");
	text__open(text, var, node);
	text__put(text, " ");
	text__key(text, end->by, end->by_count, at);
	text__put(text, ")");
	text__hint(text, var, node->label, end->by, end->by_count);
}

/* The row's own node is matched: when its row is a dead letter, there is nothing to hang a relationship on. */
static void text__ends(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);
	bool owned = edge->kind == PLAN_EDGE_FOREIGN_KEY;

	text__put(text, UNWIND);
	if (owned && edge->owner_is_from) {
		text__match(text, "a", a, 0);
		text__far_end(text, "b", &edge->to, a->key_count);
	} else if (owned) {
		text__match(text, "b", b, edge->from.by_count);
		text__far_end(text, "a", &edge->from, 0);
	} else {
		text__merge_end(text, "a", a, 0);
		text__merge_end(text, "b", b, a->key_count);
	}
}

/* MERGE (a)-[e:T {key}]->(b), and its properties */
static void text__edge_merge(struct text *text, const struct plan_edge *edge, const uint8_t *mask, const char *on_create)
{
	uint32_t at = text__node(text, edge->from.node)->key_count + text__node(text, edge->to.node)->key_count;

	text__put(text, "MERGE (a)-[e:");
	text__name(text, edge->type);
	if (edge->key_count) {
		text__put(text, " ");
		text__key(text, edge->key, edge->key_count, at);
	}
	text__put(text, "]->(b) ");
	text__put(text, on_create);
	text__set(text, "e", edge->properties, edge->properties_count, mask, at + edge->key_count);
}

static const struct plan_end *edge__owner(const struct plan_edge *edge)
{
	return edge->owner_is_from ? &edge->from : &edge->to;
}

static const struct plan_end *edge__far(const struct plan_edge *edge)
{
	return edge->owner_is_from ? &edge->to : &edge->from;
}

/* "(n)<-[o:`T`]-(x:`X`) " of the node that the row is, at the far end */
static void text__match_far(struct text *text, const struct plan_edge *edge)
{
	text__match(text, "n", text__node(text, edge__far(edge)->node), 0);
	text__put(text, "MATCH (n)");
	text__arrow(text, "o", edge->type, !edge->owner_is_from);
	text__open(text, "x", text__node(text, edge__owner(edge)->node));
	text__put(text, ") ");
}

/*
 * The database checks at a statement's end that somebody has the values which a row refers to, and not that it is who had them:
 * rows may take such values from one another while those that refer to them do not change. So the relationship notes the values
 * that its node had before the rows were written.
 */
static void text__edge_note(struct text *text, const struct plan_edge *edge)
{
	const struct plan_end *far = edge__far(edge);
	uint32_t at = text__node(text, far->node)->key_count;

	text__put(text, UNWIND);
	text__match_far(text, edge);
	text__put(text, "WHERE ");
	for (uint32_t i = 0; i < far->by_count; i++) {
		text__put(text, i ? " OR coalesce(n." : "coalesce(n.");
		text__name(text, far->by[i].name);
		buffer_printf(&text->buffer, " <> r[%u], true)", at + i);
	}
	for (uint32_t i = 0; i < far->by_count; i++) {
		buffer_printf(&text->buffer, "%s o.`" NOTED "%u` = n.", i ? "," : " SET", i);
		text__name(text, far->by[i].name);
	}
}

/* Behind the write of the rows. Where nobody has the values any more, the row that refers to them changes as well. */
static void text__edge_settle(struct text *text, const struct plan_edge *edge)
{
	const struct plan_end *far = edge__far(edge);
	const struct plan_node *node = text__node(text, far->node);

	text__put(text, UNWIND);
	text__match_far(text, edge);
	text__put(text, "WHERE o.`" NOTED "0` IS NOT NULL OPTIONAL MATCH ");
	text__open(text, "m", node);
	text__put(text, " {");
	for (uint32_t i = 0; i < far->by_count; i++) {
		text__put(text, i ? ", " : "");
		text__name(text, far->by[i].name);
		buffer_printf(&text->buffer, ": o.`" NOTED "%u`", i);
	}
	text__put(text, "})");
	text__hint(text, "m", node->label, far->by, far->by_count);
	text__put(text, "WITH n, o, x, head(collect(m)) AS m SET ");
	for (uint32_t i = 0; i < far->by_count; i++)
		buffer_printf(&text->buffer, "%so.`" NOTED "%u` = null", i ? ", " : "", i);
	text__put(text, " WITH n, o, x, m, properties(o) AS q WHERE m <> n DELETE o CREATE (x)");
	text__arrow(text, "e", edge->type, edge->owner_is_from);
	text__put(text, "(m) SET e = q");
}

/* The owner at 0, and behind its key the list of elements, or of pairs of an element and its place. */
static void text__each_upsert(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *owner = text__node(text, edge__owner(edge)->node),
	                       *far = text__node(text, edge__far(edge)->node);
	const char *var = edge->owner_is_from ? "b" : "a";

	text__put(text, UNWIND);
	text__match(text, edge->owner_is_from ? "a" : "b", owner, 0);
	buffer_printf(&text->buffer, "UNWIND r[%u] AS v MERGE ", owner->key_count);
	text__open(text, var, far);
	text__put(text, " {");
	text__name(text, far->key->name);
	text__put(text, edge->key_count ? ": v[0]})" : ": v})");
	text__on_create(text, var, far);
	text__put(text, "MERGE (a)-[e:");
	text__name(text, edge->type);
	if (edge->key_count) {
		text__put(text, " {");
		text__name(text, edge->key->name);
		text__put(text, ": v[1]}");
	}
	text__put(text, "]->(b)");
}

/* A large array has elements: an owner without a relationship is one whose row came back into the mapping. */
static void text__each_kept(struct text *text, const struct plan_edge *edge)
{
	const char *var = edge->owner_is_from ? "a" : "b";

	text__put(text, UNWIND);
	text__match(text, var, text__node(text, edge__owner(edge)->node), 0);
	buffer_printf(&text->buffer, "WHERE NOT EXISTS { MATCH (%s)", var);
	text__arrow(text, "", edge->type, edge->owner_is_from);
	text__open(text, "", text__node(text, edge__far(edge)->node));
	buffer_printf(&text->buffer, ") } SET %s.lacking = " LACKING, var);
}

/* What the list does not have any more; a place that is none counts as not had. */
static void text__each_prune(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *owner = text__node(text, edge__owner(edge)->node),
	                       *far = text__node(text, edge__far(edge)->node);
	const char *var = edge->owner_is_from ? "b" : "a";

	text__put(text, UNWIND);
	text__match(text, edge->owner_is_from ? "a" : "b", owner, 0);
	text__put(text, "MATCH ");
	text__open(text, "a", text__node(text, edge->from.node));
	text__put(text, ")");
	text__arrow(text, "o", edge->type, true);
	text__open(text, "b", text__node(text, edge->to.node));
	buffer_printf(&text->buffer, ") WHERE NOT coalesce(%s%s.", edge->key_count ? "[" : "", var);
	text__name(text, far->key->name);
	if (edge->key_count) {
		text__put(text, ", o.");
		text__name(text, edge->key->name);
		text__put(text, "]");
	}
	buffer_printf(&text->buffer, " IN r[%u], false) DELETE o ", owner->key_count);
	text__sweep_ends(text, edge, "a", "b");
}

static void text__edge_upsert_fresh(struct text *text, const struct plan_edge *edge, const uint8_t *mask)
{
	if (edge->each) {
		text__each_upsert(text, edge);
		return;
	}
	text__ends(text, edge);
	text__edge_merge(
	        text, edge, mask,
	        edge->where && statement__lacks(mask, edge->properties_count) ? "ON CREATE SET e.lacking = " LACKING " " : "");
}

/* First what leads elsewhere goes, then the relationship is made or kept. */
static void text__foreign_key_upsert(struct text *text, const struct plan_edge *edge)
{
	const char *other = edge->owner_is_from ? "b" : "a";
	const struct plan_end *far = edge__far(edge);

	if (edge->each) {
		text__each_upsert(text, edge);
		return;
	}
	text__ends(text, edge);
	buffer_printf(&text->buffer, "WITH a, b OPTIONAL MATCH (%s)", edge->owner_is_from ? "a" : "b");
	text__arrow(text, "o", edge->type, edge->owner_is_from);
	text__open(text, "y", text__node(text, far->node));
	buffer_printf(&text->buffer, ") WHERE y <> %s DELETE o WITH a, b, collect(y) AS ys MERGE (a)", other);
	text__arrow(text, "", edge->type, true);
	text__put(text, "(b) ");
	if (!end__is_swept(text->plan, far))
		return;
	text__put(text, "WITH collect(ys) AS all UNWIND all AS ys UNWIND ys AS x WITH DISTINCT x WHERE ");
	text__sweepable(text, edge);
	text__sweep_delete(text, edge);
}

/* A relationship cannot change its ends: it is made anew with all its properties, those of others included. */
static void text__keyed_upsert(struct text *text, const struct plan_edge *edge, const uint8_t *mask)
{
	uint32_t at = text__node(text, edge->from.node)->key_count + text__node(text, edge->to.node)->key_count;

	text__ends(text, edge);
	text__put(text, "WITH r, a, b OPTIONAL MATCH ");
	text__open(text, "c", text__node(text, edge->from.node));
	text__put(text, ")-[o:");
	text__name(text, edge->type);
	text__put(text, " ");
	text__key(text, edge->key, edge->key_count, at);
	text__put(text, "]->");
	text__open(text, "d", text__node(text, edge->to.node));
	text__put(text, ")");
	text__hint(text, "o", edge->type, edge->key, edge->key_count);
	text__put(text, "WITH r, a, b, c, d, o, properties(o) AS q "
	                "FOREACH (m IN CASE WHEN o IS NOT NULL AND (c <> a OR d <> b) THEN [o] ELSE [] END | DELETE m) "
	                "WITH r, a, b, c, d, q ");
	text__edge_merge(text, edge, mask,
	                 edge->where && statement__lacks(mask, edge->properties_count)
	                         ? "ON CREATE SET e += coalesce(q, {lacking: " LACKING "}) "
	                         : "ON CREATE SET e += coalesce(q, {}) ");
	text__sweep_ends(text, edge, "c", "d");
}

static void text__edge_upsert(struct text *text, const struct plan_edge *edge, const uint8_t *mask)
{
	switch (edge->kind) {
	case PLAN_EDGE_FOREIGN_KEY:
		text__foreign_key_upsert(text, edge);
		break;
	case PLAN_EDGE_JOIN_ENDS:
		text__edge_upsert_fresh(text, edge, mask);
		break;
	case PLAN_EDGE_JOIN_KEYED:
		text__keyed_upsert(text, edge, mask);
		break;
	}
}

/* ---- relationships that keep their history ---- */

void graph_history_current(struct buffer *cypher, const char *variable, const struct plan_history *history)
{
	buffer_printf(cypher, "coalesce(%s.", variable);
	cypher_quote(cypher, history->to);
	buffer_append_text(cypher, ", " GRAPH_FOREVER ") = " GRAPH_FOREVER);
}

/* "var.`validFrom`" */
static void text__of(struct text *text, const char *var, const char *name)
{
	buffer_printf(&text->buffer, "%s.", var);
	text__name(text, name);
}

static void text__current(struct text *text, const struct plan_edge *edge)
{
	text__put(text, "WHERE ");
	graph_history_current(&text->buffer, "o", edge->history);
	text__put(text, " ");
}

/* "(var_a:`A`)-[var:`T` {key}]->(var_b:`B`)" and the hint for the key's index */
static void text__match_keyed(struct text *text, const struct plan_edge *edge, const char *var, uint32_t at)
{
	text__open(text, "", text__node(text, edge->from.node));
	buffer_printf(&text->buffer, ")-[%s:", var);
	text__name(text, edge->type);
	text__put(text, " ");
	text__key(text, edge->key, edge->key_count, at);
	text__put(text, "]->");
	text__open(text, "", text__node(text, edge->to.node));
	text__put(text, ")");
	text__hint(text, var, edge->type, edge->key, edge->key_count);
}

/* "CASE WHEN var.`name` > r[time] THEN var.`name` ELSE r[time] END": clocks may run backwards a little, versions do not. */
static void text__not_before(struct text *text, const char *var, const char *name, uint32_t time)
{
	text__put(text, "CASE WHEN ");
	text__of(text, var, name);
	buffer_printf(&text->buffer, " > r[%u] THEN ", time);
	text__of(text, var, name);
	buffer_printf(&text->buffer, " ELSE r[%u] END", time);
}

/*
 * What becomes of the version o at the time of the row: `opened`: this transaction has made it, so it has never been; `until`:
 * when it ends.
 */
static void text__ending(struct text *text, const struct plan_edge *edge, uint32_t time)
{
	text__put(text, "coalesce(");
	text__of(text, "o", edge->history->from);
	buffer_printf(&text->buffer, " = r[%u], true) AS opened, ", time);
	text__not_before(text, "o", edge->history->from, time);
	text__put(text, " AS until ");
}

/* Of the versions o, `opened` and `until` among the variables. */
static void text__close(struct text *text, const struct plan_edge *edge)
{
	text__put(text, "FOREACH (x IN CASE WHEN opened THEN [] ELSE [o] END | SET ");
	text__of(text, "x", edge->history->to);
	text__put(text, " = until) FOREACH (x IN CASE WHEN opened THEN [o] ELSE [] END | DELETE x)");
}

/* "SET e.`validFrom` = since, e.`validTo` = ..., e.`version` = number " */
static void text__open_version(struct text *text, const struct plan_edge *edge, const char *since)
{
	text__put(text, "SET ");
	text__of(text, "e", edge->history->from);
	buffer_printf(&text->buffer, " = %s, ", since);
	text__of(text, "e", edge->history->to);
	text__put(text, " = " GRAPH_FOREVER ", ");
	text__of(text, "e", edge->history->version);
	text__put(text, " = number ");
}

static void text__history_delete(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);
	uint32_t time = edge->kind == PLAN_EDGE_FOREIGN_KEY  ? (edge->owner_is_from ? a : b)->key_count
	                : edge->kind == PLAN_EDGE_JOIN_KEYED ? edge->key_count
	                                                     : a->key_count + b->key_count;

	text__put(text, UNWIND);
	if (edge->kind == PLAN_EDGE_JOIN_KEYED) {
		text__put(text, "MATCH ");
		text__match_keyed(text, edge, "o", 0);
	} else if (edge->kind == PLAN_EDGE_JOIN_ENDS) {
		text__match(text, "a", a, 0);
		text__match(text, "b", b, a->key_count);
		text__put(text, "MATCH (a)");
		text__arrow(text, "o", edge->type, true);
		text__put(text, "(b) ");
	} else {
		text__match(text, edge->owner_is_from ? "a" : "b", edge->owner_is_from ? a : b, 0);
		text__put(text, "MATCH ");
		text__open(text, "a", a);
		text__put(text, ")");
		text__arrow(text, "o", edge->type, true);
		text__open(text, "b", b);
		text__put(text, ") ");
	}
	text__current(text, edge);
	text__put(text, "WITH r, o, ");
	text__ending(text, edge, time);
	text__close(text, edge);
}

static void text__history_truncate(struct text *text, const struct plan_edge *edge)
{
	text__put(text, UNWIND "MATCH ");
	text__open(text, "", text__node(text, edge->from.node));
	text__put(text, ")");
	text__arrow(text, "o", edge->type, true);
	text__open(text, "", text__node(text, edge->to.node));
	text__put(text, ") ");
	text__current(text, edge);
	text__put(text, "WITH r, o, ");
	text__ending(text, edge, 0);
	text__close(text, edge);
}

/* The current version at the old ends or the old key is closed, and goes on at the new ones. */
static void text__history_rekey(struct text *text, const struct plan_edge *edge)
{
	const struct plan_node *a = text__node(text, edge->from.node), *b = text__node(text, edge->to.node);
	uint32_t ends = a->key_count + b->key_count, row = ends + edge->key_count;
	bool keyed = edge->kind == PLAN_EDGE_JOIN_KEYED;

	text__put(text, UNWIND);
	if (keyed) {
		text__put(text, "MATCH ");
		text__match_keyed(text, edge, "o", ends);
	} else {
		text__match(text, "a", a, 0);
		text__match(text, "b", b, a->key_count);
		text__put(text, "MATCH (a)");
		text__arrow(text, "o", edge->type, true);
		text__put(text, "(b) ");
	}
	text__current(text, edge);
	text__merge_end(text, "c", a, row);
	text__merge_end(text, "d", b, row + a->key_count);
	text__put(text, "WITH r, o, c, d OPTIONAL MATCH ");
	if (keyed) {
		text__match_keyed(text, edge, "v", row + ends);
	} else {
		text__put(text, "(c)");
		text__arrow(text, "v", edge->type, true);
		text__put(text, "(d) ");
	}
	text__put(text, "WITH r, o, c, d, coalesce(max(");
	text__of(text, "v", edge->history->version);
	text__put(text, "), 0) + 1 AS number WITH r, o, c, d, number, properties(o) AS q, ");
	text__ending(text, edge, row * 2);
	text__put(text, "CREATE (c)");
	text__arrow(text, "e", edge->type, true);
	text__put(text, "(d) SET e = q ");
	text__set(text, "e", edge->key, edge->key_count, NULL, row + ends);
	text__open_version(text, edge, "until");
	text__close(text, edge);
}

/* Another row has the key now, and so the current version that leads to it. */
static void text__history_leave(struct text *text, const struct plan_edge *edge, bool at_to)
{
	const struct plan_end *mine = at_to ? &edge->to : &edge->from, *other = at_to ? &edge->from : &edge->to;
	const struct plan_node *node = text__node(text, mine->node);

	text__put(text, UNWIND);
	text__match(text, "n", node, node->key_count);
	text__put(text, "MATCH (n)");
	text__arrow(text, "o", edge->type, !at_to);
	text__open(text, "x", text__node(text, other->node));
	text__put(text, ") ");
	text__current(text, edge);
	text__merge_end(text, "p", node, 0);
	text__put(text, "WITH r, o, x, p OPTIONAL MATCH (x)");
	text__arrow(text, "v", edge->type, at_to);
	text__put(text, "(p) WITH r, o, x, p, coalesce(max(");
	text__of(text, "v", edge->history->version);
	text__put(text, "), 0) AS top WITH r, o, x AS other, p, top, properties(o) AS q, ");
	text__ending(text, edge, 2 * node->key_count);
	text__put(text, "WITH o, other, p, q, opened, until, ");
	if (edge->kind == PLAN_EDGE_JOIN_ENDS) {
		text__put(text, "top + 1");
	} else {
		text__put(text, "coalesce(");
		text__of(text, "o", edge->history->version);
		text__put(text, ", 1) + CASE WHEN opened THEN 0 ELSE 1 END");
	}
	text__put(text, " AS number CREATE (other)");
	text__arrow(text, "e", edge->type, at_to);
	text__put(text, "(p) SET e = q ");
	text__open_version(text, edge, "until");
	text__close(text, edge);
}

/* Whether a value of that type may be a list of numbers that are not equal to themselves. */
static bool text__may_list_nan(const struct type *type)
{
	return type->array && (type->kind == TYPE_FLOAT || type->kind == TYPE_NUMERIC);
}

/* "coalesce(o.`p` = r[at], o.`p` IS NULL AND r[at] IS NULL)", and NaN is NaN */
static void text__same_value(struct text *text, const struct plan_property *property, uint32_t at)
{
	struct buffer *buffer = &text->buffer;

	text__put(text, "coalesce(");
	text__of(text, "o", property->name);
	buffer_printf(buffer, " = r[%u]", at);
	if (text__may_list_nan(&property->type)) {
		text__put(text, " OR (size(");
		text__of(text, "o", property->name);
		buffer_printf(buffer, ") = size(r[%u]) AND all(k IN range(0, size(r[%u]) - 1) WHERE r[%u][k] = ", at, at, at);
		text__of(text, "o", property->name);
		buffer_printf(buffer, "[k] OR (r[%u][k] <> r[%u][k] AND ", at, at);
		text__of(text, "o", property->name);
		text__put(text, "[k] <> ");
		text__of(text, "o", property->name);
		text__put(text, "[k])))");
	} else if (property->type.kind != TYPE_POINT && property->type.kind != TYPE_GEOMETRY && !property->type.array) {
		buffer_printf(buffer, " OR (r[%u] <> r[%u] AND ", at, at);
		text__of(text, "o", property->name);
		text__put(text, " <> ");
		text__of(text, "o", property->name);
		text__put(text, ")");
	}
	text__put(text, ", ");
	text__of(text, "o", property->name);
	buffer_printf(buffer, " IS NULL AND r[%u] IS NULL) ", at);
}

/* All values that are known; where it leads is looked at besides. */
static void text__same_values(struct text *text, const struct plan_edge *edge, const uint8_t *mask, uint32_t at)
{
	bool any = false;

	for (uint32_t i = 0; i < edge->properties_count; i++) {
		if (statement__masked(mask, i))
			continue;
		text__put(text, any ? "AND " : "");
		text__same_value(text, &edge->properties[i], at++);
		any = true;
	}
	text__put(text, any ? "" : "true ");
}

/* The newest version of the row's relationship, as o, or null. */
static void text__newest(struct text *text, const struct plan_edge *edge, uint32_t key_at)
{
	const struct plan_end *far = edge->owner_is_from ? &edge->to : &edge->from;

	text__put(text, "WITH r, a, b OPTIONAL MATCH ");
	if (edge->kind == PLAN_EDGE_JOIN_KEYED) {
		text__match_keyed(text, edge, "v", key_at);
	} else if (edge->kind == PLAN_EDGE_JOIN_ENDS) {
		text__put(text, "(a)");
		text__arrow(text, "v", edge->type, true);
		text__put(text, "(b) ");
	} else {
		buffer_printf(&text->buffer, "(%s)", edge->owner_is_from ? "a" : "b");
		text__arrow(text, "v", edge->type, edge->owner_is_from);
		text__open(text, "", text__node(text, far->node));
		text__put(text, ") ");
	}
	text__put(text, "WITH r, a, b, reduce(o = null, v IN collect(v) | CASE WHEN o IS NULL OR coalesce(");
	text__of(text, "v", edge->history->version);
	text__put(text, ", 0) >= coalesce(");
	text__of(text, "o", edge->history->version);
	text__put(text, ", 0) THEN v ELSE o END) AS o ");
}

/* since, number: of the version that is to be opened, if one is */
static void text__next_version(struct text *text, const struct plan_edge *edge, uint32_t time)
{
	const struct plan_history *history = edge->history;

	buffer_printf(&text->buffer, "CASE WHEN o IS NULL OR (live AND opened) THEN r[%u] WHEN live THEN until ELSE ", time);
	text__not_before(text, "o", history->to, time);
	text__put(text, " END AS since, CASE WHEN live AND opened THEN coalesce(");
	text__of(text, "o", history->version);
	text__put(text, ", 1) ELSE coalesce(");
	text__of(text, "o", history->version);
	text__put(text, ", 0) + 1 END AS number, CASE WHEN live THEN properties(o) ELSE {} END AS q ");
}

/* A version that stays, and all that there is to be set is. */
static void text__keep_version(struct text *text, const struct plan_edge *edge, const uint8_t *mask, uint32_t at, uint32_t time)
{
	const struct plan_history *history = edge->history;

	text__put(text, "FOREACH (e IN CASE WHEN kept AND NOT whole THEN [o] ELSE [] END | SET ");
	text__of(text, "e", history->from);
	text__put(text, " = coalesce(");
	text__of(text, "e", history->from);
	buffer_printf(&text->buffer, ", r[%u]), ", time);
	text__of(text, "e", history->to);
	text__put(text, " = " GRAPH_FOREVER ", ");
	text__of(text, "e", history->version);
	text__put(text, " = coalesce(");
	text__of(text, "e", history->version);
	text__put(text, ", 1) ");
	text__set(text, "e", edge->properties, edge->properties_count, mask, at);
	text__put(text, ") ");
}

/*
 * live: o is the current version, or this transaction has closed it. kept: it stays, being equal to the row or of this
 * transaction. whole: there is nothing to be written.
 */
static void text__history_upsert(struct text *text, const struct plan_edge *edge, const uint8_t *mask)
{
	const struct plan_history *history = edge->history;
	uint32_t key_at = text__node(text, edge->from.node)->key_count + text__node(text, edge->to.node)->key_count;
	uint32_t at = key_at + edge->key_count, time = at;

	for (uint32_t i = 0; i < edge->properties_count; i++)
		time += !statement__masked(mask, i);
	text__ends(text, edge);
	text__newest(text, edge, key_at);
	text__put(text, "WITH r, a, b, o, o IS NOT NULL AND (");
	graph_history_current(&text->buffer, "o", history);
	text__put(text, " OR ");
	text__of(text, "o", history->to);
	buffer_printf(&text->buffer, " = r[%u]) AS live, startNode(o) = a AND endNode(o) = b AS there, ", time);
	text__same_values(text, edge, mask, at);
	text__put(text, "AS same, ");
	text__ending(text, edge, time);
	text__put(text, "WITH r, a, b, o, live, opened, until, live AND there AND (opened OR same) AS kept, same AND ");
	text__of(text, "o", history->from);
	text__put(text, " IS NOT NULL AND ");
	text__of(text, "o", history->version);
	text__put(text, " IS NOT NULL AND coalesce(");
	text__of(text, "o", history->to);
	text__put(text, " = " GRAPH_FOREVER ", false) AS whole, ");
	text__next_version(text, edge, time);
	text__keep_version(text, edge, mask, at, time);
	text__put(text, "FOREACH (m IN CASE WHEN kept THEN [] ELSE [1] END | CREATE (a)");
	text__arrow(text, "e", edge->type, true);
	text__put(text, "(b) SET e = q ");
	text__set(text, "e", edge->key, edge->key_count, NULL, key_at);
	text__set(text, "e", edge->properties, edge->properties_count, mask, at);
	if (edge->where && statement__lacks(mask, edge->properties_count))
		text__put(text, "SET e.lacking = CASE WHEN live THEN null ELSE " LACKING " END ");
	text__open_version(text, edge, "since");
	text__put(text, ") WITH o, until, live AND NOT kept AS left, opened WHERE left ");
	text__close(text, edge);
}

/* False for what is written as for any other relationship. */
static bool text__write_history(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge,
                                const uint8_t *mask)
{
	switch (kind) {
	case GRAPH_EDGE_TRUNCATE:
		text__history_truncate(text, edge);
		return true;
	case GRAPH_RENAME_LEAVE_FROM:
	case GRAPH_RENAME_LEAVE_TO:
		text__history_leave(text, edge, kind == GRAPH_RENAME_LEAVE_TO);
		return true;
	case GRAPH_EDGE_REKEY:
	case GRAPH_EDGE_EXCHANGE:
		text__history_rekey(text, edge);
		return true;
	case GRAPH_EDGE_LEAVE:
	case GRAPH_EDGE_DELETE:
		text__history_delete(text, edge);
		return true;
	case GRAPH_EDGE_UPSERT_FRESH:
	case GRAPH_EDGE_UPSERT:
		text__history_upsert(text, edge, mask);
		return true;
	default:
		return false;
	}
}

void graph_rows_pack_begin(struct bolt_writer *writer, size_t count)
{
	bolt_writer_map(writer, 1);
	bolt_writer_cstring(writer, "p");
	bolt_writer_map(writer, 1);
	bolt_writer_cstring(writer, "rows");
	bolt_writer_list(writer, count);
}

static void text__write_node(struct text *text, enum graph_statement_kind kind, const struct plan_node *node,
                             const uint8_t *mask)
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

static void text__write_edge(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge,
                             const uint8_t *mask)
{
	if (edge->history && text__write_history(text, kind, edge, mask))
		return;
	switch (kind) {
	case GRAPH_EDGE_TRUNCATE:
		text__edge_truncate(text, edge);
		break;
	case GRAPH_RENAME_LEAVE_FROM:
	case GRAPH_RENAME_LEAVE_TO:
		text__rename_leave(text, edge, kind == GRAPH_RENAME_LEAVE_TO);
		break;
	case GRAPH_RENAME_ABSORB_FROM:
	case GRAPH_RENAME_ABSORB_TO:
		text__rename_absorb(text, edge, kind == GRAPH_RENAME_ABSORB_TO);
		break;
	case GRAPH_EDGE_REKEY:
	case GRAPH_EDGE_EXCHANGE:
		text__edge_rekey(text, edge, kind == GRAPH_EDGE_EXCHANGE);
		break;
	case GRAPH_EDGE_NOTE:
		text__edge_note(text, edge);
		break;
	case GRAPH_EDGE_SETTLE:
		text__edge_settle(text, edge);
		break;
	case GRAPH_EDGE_LEAVE:
	case GRAPH_EDGE_DELETE:
		text__edge_delete(text, edge);
		break;
	case GRAPH_EDGE_UPSERT_FRESH:
		text__edge_upsert_fresh(text, edge, mask);
		break;
	case GRAPH_EDGE_UPSERT:
		text__edge_upsert(text, edge, mask);
		break;
	case GRAPH_EDGE_KEPT:
		text__each_kept(text, edge);
		break;
	case GRAPH_EDGE_PRUNE:
		text__each_prune(text, edge);
		break;
	default:
		missing__write(&text->buffer, text->plan, kind, edge->index);
		break;
	}
}

/* ---- layouts ---- */

struct layout {
	struct graph_field *fields;
	uint32_t count;
};

static void layout__properties(struct layout *layout, const struct plan_property *properties, uint32_t count,
                               const uint8_t *mask)
{
	for (uint32_t i = 0; i < count; i++)
		if (!statement__masked(mask, i))
			layout->fields[layout->count++] = (struct graph_field){.column = properties[i].column,
			                                                       .type = properties[i].type,
			                                                       .concatenation = properties[i].concatenation};
}

/* An end's values come from this table's columns, but are read as the node's properties are, so that both make the same value.
 */
static void layout__end(struct layout *layout, const struct plan_end *end)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		layout->fields[layout->count++] = (struct graph_field){.column = end->columns[i], .type = end->by[i].type};
}

struct graph_field statement__elements(const struct plan *plan, const struct plan_edge *edge)
{
	const struct plan_end *far = edge__far(edge);
	struct graph_field field = {
	        .column = far->columns[0], .type = far->by->type, .elements = true, .placed = edge->key_count};

	field.type.delimiter = plan->tables[edge->table].columns[field.column].type.delimiter;
	return field;
}

static void layout__each(struct layout *layout, const struct plan *plan, const struct plan_edge *edge)
{
	layout__end(layout, edge__owner(edge));
	layout->fields[layout->count++] = statement__elements(plan, edge);
}

static void layout__edge(struct layout *layout, const struct plan *plan, enum graph_statement_kind kind,
                         const struct plan_edge *edge, const uint8_t *mask)
{
	bool by_key = edge->kind == PLAN_EDGE_JOIN_KEYED;

	switch (kind) {
	case GRAPH_EDGE_LEAVE:
	case GRAPH_EDGE_DELETE:
		if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
			layout__end(layout, edge->owner_is_from ? &edge->from : &edge->to);
			break;
		}
		if (by_key) {
			layout__properties(layout, edge->key, edge->key_count, NULL);
			break;
		}
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		break;
	case GRAPH_EDGE_REKEY:
	case GRAPH_EDGE_EXCHANGE:
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		layout__properties(layout, edge->key, edge->key_count, NULL);
		break;
	case GRAPH_EDGE_NOTE:
	case GRAPH_EDGE_SETTLE: {
		const struct plan_end *far = edge__far(edge);
		const struct plan_node *node = &plan->nodes[far->node];

		layout__properties(layout, node->key, node->key_count, NULL);
		if (kind == GRAPH_EDGE_NOTE)
			layout__properties(layout, far->by, far->by_count, NULL);
		break;
	}
	case GRAPH_EDGE_KEPT:
		layout__end(layout, edge__owner(edge));
		break;
	case GRAPH_EDGE_PRUNE:
		layout__each(layout, plan, edge);
		break;
	case GRAPH_EDGE_UPSERT_FRESH:
	case GRAPH_EDGE_UPSERT:
		if (edge->each) {
			layout__each(layout, plan, edge);
			break;
		}
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		layout__properties(layout, edge->key, edge->key_count, NULL);
		layout__properties(layout, edge->properties, edge->properties_count, mask);
		break;
	case GRAPH_RENAME_LEAVE_FROM:
	case GRAPH_RENAME_LEAVE_TO:
	case GRAPH_RENAME_ABSORB_FROM:
	case GRAPH_RENAME_ABSORB_TO: {
		bool at_to = kind == GRAPH_RENAME_LEAVE_TO || kind == GRAPH_RENAME_ABSORB_TO;
		const struct plan_node *node = &plan->nodes[at_to ? edge->to.node : edge->from.node];

		layout__properties(layout, node->key, node->key_count, NULL);
		break;
	}
	default:
		layout->count = missing__fields(plan, kind, edge->index, layout->fields);
		break;
	}
}

static void layout__node(struct layout *layout, enum graph_statement_kind kind, const struct plan_node *node,
                         const uint8_t *mask)
{
	if (kind == GRAPH_NODE_TRUNCATE || kind == GRAPH_HIDE_NODE)
		return;
	layout__properties(layout, node->key, node->key_count, NULL);
	if (kind == GRAPH_NODE_UPSERT)
		layout__properties(layout, node->properties, node->properties_count, mask);
}

/* ---- the set ---- */

static bool statement__is_of_edge(enum graph_statement_kind kind)
{
	enum { NODE, EDGE };
	static const char of[] = {
#define X(name, of) of,
	        GRAPH_STATEMENTS(X)
#undef X
	};
	return of[kind] == EDGE;
}

int graph_statements_init(struct graph_statements *statements, const struct plan *plan)
{
	*statements = (struct graph_statements){.plan = plan};
	arena_init(&statements->arena, STATEMENTS_SIZE_MAX);
	for (int kind = 0; kind < GRAPH_STATEMENT_KINDS; kind++) {
		size_t count = statement__is_of_edge(kind) ? plan->edges_count : plan->nodes_count;

		statements->lists[kind] = arena_calloc(&statements->arena, count, sizeof(*statements->lists[kind]));
		if (!statements->lists[kind]) {
			graph_statements_free(statements);
			return ERR_NOMEM;
		}
	}
	return 0;
}

void graph_statements_free(struct graph_statements *statements)
{
	arena_free(&statements->arena);
}

static uint32_t statement__mask_size(const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	if (statement__is_of_edge(kind))
		return plan->edges[index]->properties_count;
	return plan->nodes[index].properties_count + plan->nodes[index].labels_chosen_count;
}

static const struct graph_statement *statement__build(struct graph_statements *statements, enum graph_statement_kind kind,
                                                      uint32_t index, const uint8_t *mask)
{
	const struct plan *plan = statements->plan;
	uint32_t count = statement__mask_size(plan, kind, index);
	struct text text = {.plan = plan};
	struct layout layout = {0};
	struct graph_statement *statement = arena_calloc(&statements->arena, 1, sizeof(*statement));
	char *words = NULL;
	uint8_t *mask_copy = NULL;

	buffer_init(&text.buffer, STATEMENT_SIZE_MAX);
	if (statement__is_of_edge(kind))
		text__write_edge(&text, kind, plan->edges[index], mask);
	else
		text__write_node(&text, kind, &plan->nodes[index], mask);
	if (!text.buffer.failed)
		words = arena_strndup(&statements->arena, text.buffer.data, text.buffer.size);
	buffer_free(&text.buffer);
	layout.fields = arena_calloc(&statements->arena, (size_t)count + FIELDS_OF_KEYS_MAX, sizeof(*layout.fields));
	if (mask)
		mask_copy = (uint8_t *)arena_strndup(&statements->arena, (const char *)mask, count);
	if (!statement || !words || !layout.fields || (mask && !mask_copy))
		return NULL;
	if (statement__is_of_edge(kind))
		layout__edge(&layout, plan, kind, plan->edges[index], mask);
	else
		layout__node(&layout, kind, &plan->nodes[index], mask);
	*statement = (struct graph_statement){
	        .kind = kind,
	        .index = index,
	        .text = words,
	        .fields = layout.fields,
	        .fields_count = layout.count,
	        .tells_renewed = kind == GRAPH_NODE_UPSERT && plan->nodes[index].element_id,
	        .old_and_new = (kind >= GRAPH_NODE_RENAME_VACATE && kind <= GRAPH_EDGE_EXCHANGE && kind != GRAPH_EDGE_LEAVE) ||
	                       missing__is_old_and_new(kind),
	        .timed = statement__is_of_edge(kind) && plan->edges[index]->history,
	        .mask = mask_copy,
	        .next = statements->lists[kind][index],
	};
	statements->lists[kind][index] = statement;
	return statement;
}

const struct graph_statement *graph_statement_get(struct graph_statements *statements, enum graph_statement_kind kind,
                                                  uint32_t index, const uint8_t *mask)
{
	uint32_t count = statement__mask_size(statements->plan, kind, index);
	const struct graph_statement *statement = statements->lists[kind][index];

	for (; statement; statement = statement->next) {
		if (!mask && !statement->mask)
			return statement;
		if (mask && statement->mask && memcmp(mask, statement->mask, count) == 0)
			return statement;
	}
	return statement__build(statements, kind, index, mask);
}
