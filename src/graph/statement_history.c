/* Statements that write relationships which keep their history. */
#include "graph/statement_room.h"
#include "mapping/quote.h"

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
	text__match_row(text, edge);
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
		text__keyed_pattern(text, "", edge, "o", "", ends);
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
		text__keyed_pattern(text, "", edge, "v", "", row + ends);
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
		text__keyed_pattern(text, "", edge, "v", "", key_at);
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

bool text__write_history(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge, const uint8_t *mask)
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
