/* Statements that write relationships. */
#include "graph/missing.h"
#include "graph/statement_room.h"

#define NOTED "_pgweave_by"

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
	text__keyed_pattern(text, "a", edge, "o", "b", ends);
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

static void text__edge_delete(struct text *text, const struct plan_edge *edge)
{
	text__put(text, UNWIND);
	text__match_row(text, edge);
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

void text__ends(struct text *text, const struct plan_edge *edge)
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
	text__keyed_pattern(text, "c", edge, "o", "d", at);
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

void text__write_edge(struct text *text, enum graph_statement_kind kind, const struct plan_edge *edge, const uint8_t *mask)
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
