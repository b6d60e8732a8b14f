#include "graph/missing.h"

#include "graph/checkpoint.h"
#include "mapping/quote.h"

#include <string.h>

#define PLACEHOLDER "`" GRAPH_LABEL_PLACEHOLDER "`"
#define TOLD "`" GRAPH_PROPERTY_TOLD "`"

/* ---- names and patterns ---- */

void graph_waiting_quote(struct buffer *cypher, const char *name)
{
	struct buffer whole;

	buffer_init(&whole, cypher->size_max);
	buffer_printf(&whole, MAPPING_WAITING "%s", name);
	cypher_quote(cypher, buffer_text(&whole));
	cypher->failed |= whole.failed;
	buffer_free(&whole);
}

static const struct plan_end *missing__end(const struct plan_edge *edge, bool to)
{
	return to ? &edge->to : &edge->from;
}

static const struct plan_node *missing__node(const struct plan *plan, const struct plan_edge *edge, bool to)
{
	return &plan->nodes[missing__end(edge, to)->node];
}

static struct graph_waiting missing__names(const struct plan *plan, const struct plan_edge *edge)
{
	return (struct graph_waiting){
	        .type = edge->type,
	        .from = missing__node(plan, edge, false)->label,
	        .to = missing__node(plan, edge, true)->label,
	};
}

/* "{`id`: values[at], ...}" */
static void cypher__key(struct buffer *cypher, const struct plan_property *key, uint32_t count, const char *values, uint32_t at)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : "{");
		cypher_quote(cypher, key[i].name);
		buffer_printf(cypher, ": %s[%u]", values, at + i);
	}
	buffer_append_text(cypher, "}");
}

static void cypher__hint(struct buffer *cypher, const char *var, const char *name, bool waiting,
                         const struct plan_property *key, uint32_t count)
{
	buffer_printf(cypher, " USING INDEX %s:", var);
	if (waiting)
		graph_waiting_quote(cypher, name);
	else
		cypher_quote(cypher, name);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : "(");
		cypher_quote(cypher, key[i].name);
	}
	buffer_append_text(cypher, ") ");
}

/* "MATCH (n:`L` {key}) USING INDEX ... ", or of the label of nodes that wait */
static void cypher__match(struct buffer *cypher, const char *var, const struct plan_node *node, bool waiting,
                          const char *values, uint32_t at)
{
	buffer_printf(cypher, "MATCH (%s:", var);
	if (waiting)
		graph_waiting_quote(cypher, node->label);
	else
		cypher_quote(cypher, node->label);
	buffer_append_text(cypher, " ");
	cypher__key(cypher, node->key, node->key_count, values, at);
	buffer_append_text(cypher, ")");
	cypher__hint(cypher, var, node->label, waiting, node->key, node->key_count);
}

/* "(a:`A` OR a:`_PgweaveWaiting_A`)" */
static void cypher__either(struct buffer *cypher, const char *var, const char *label)
{
	buffer_printf(cypher, "(%s:", var);
	cypher_quote(cypher, label);
	buffer_printf(cypher, " OR %s:", var);
	graph_waiting_quote(cypher, label);
	buffer_append_text(cypher, ")");
}

/* "UNWIND rows AS r ", and of rows that are the old one with the new one behind it, each as k */
static const char *cypher__unwind(struct buffer *cypher, bool old_and_new, uint32_t count)
{
	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r ");
	if (!old_and_new)
		return "r";
	buffer_printf(cypher, "UNWIND [r[0..%u], r[%u..%u]] AS k ", count, count, 2 * count);
	return "k";
}

/* ---- what shows ---- */

/* n, if it waits, becomes a placeholder. */
static void show__node(struct buffer *cypher, const char *var, const char *label)
{
	buffer_printf(cypher, "SET %s:", var);
	cypher_quote(cypher, label);
	buffer_printf(cypher, ":" PLACEHOLDER " REMOVE %s:", var);
	graph_waiting_quote(cypher, label);
	buffer_append_text(cypher, " ");
}

static void show__end(struct buffer *cypher, const char *var, const char *label)
{
	buffer_printf(cypher, "FOREACH (m IN CASE WHEN %s:", var);
	graph_waiting_quote(cypher, label);
	buffer_printf(cypher, " THEN [%s] ELSE [] END | ", var);
	show__node(cypher, "m", label);
	buffer_append_text(cypher, ") ");
}

/* It is told of again should it wait again; not while its other end is missing anyway. */
static void show__forget(struct buffer *cypher, const struct graph_waiting *names)
{
	buffer_append_text(cypher, "SET e." TOLD " = CASE WHEN a:");
	graph_waiting_quote(cypher, names->from);
	buffer_append_text(cypher, " OR b:");
	graph_waiting_quote(cypher, names->to);
	buffer_append_text(cypher, " THEN q." TOLD " END ");
}

/* Of the relationships o, which may be there more than once: they are made anew with the type of those that do not wait. */
static void show__edges(struct buffer *cypher, const struct graph_waiting *names, bool forgets)
{
	buffer_append_text(cypher, "WITH DISTINCT o WITH o, startNode(o) AS a, endNode(o) AS b, properties(o) AS q DELETE o "
	                           "WITH a, b, q CREATE (a)-[e:");
	cypher_quote(cypher, names->type);
	buffer_append_text(cypher, "]->(b) SET e = q ");
	if (forgets)
		show__forget(cypher, names);
	show__end(cypher, "a", names->from);
	show__end(cypher, "b", names->to);
}

static void show__match_all(struct buffer *cypher, const struct graph_waiting *names)
{
	buffer_append_text(cypher, "MATCH (a)-[o:");
	graph_waiting_quote(cypher, names->type);
	buffer_append_text(cypher, "]->(b) WHERE ");
	cypher__either(cypher, "a", names->from);
	buffer_append_text(cypher, " AND ");
	cypher__either(cypher, "b", names->to);
	buffer_append_text(cypher, " ");
}

/* Those at n, which is shown already; the other end may wait. */
static void show__at_node(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to, bool forgets)
{
	const struct graph_waiting names = missing__names(plan, edge);

	buffer_append_text(cypher, to ? "MATCH (n)<-[o:" : "MATCH (n)-[o:");
	graph_waiting_quote(cypher, edge->type);
	buffer_append_text(cypher, to ? "]-(x) WHERE " : "]->(x) WHERE ");
	cypher__either(cypher, "x", to ? names.from : names.to);
	buffer_append_text(cypher, " ");
	show__edges(cypher, &names, forgets);
}

static void show__of_node(struct buffer *cypher, const struct plan *plan, enum graph_statement_kind kind,
                          const struct plan_edge *edge)
{
	bool moved = kind == GRAPH_SHOW_MOVED_FROM || kind == GRAPH_SHOW_MOVED_TO;
	bool filled = kind == GRAPH_SHOW_FILLED_FROM || kind == GRAPH_SHOW_FILLED_TO;
	bool to = kind == GRAPH_SHOW_MOVED_TO || kind == GRAPH_SHOW_FILLED_TO || kind == GRAPH_SHOW_LEFT_TO;
	const struct plan_node *node = missing__node(plan, edge, to);
	const char *values = cypher__unwind(cypher, moved, node->key_count);

	cypher__match(cypher, "n", node, false, values, 0);
	if (filled)
		buffer_append_text(cypher, "WHERE n:" PLACEHOLDER " ");
	show__at_node(cypher, plan, edge, to, moved || filled);
}

static void show__key(struct buffer *cypher, const struct plan_node *node, bool moved)
{
	const char *values = cypher__unwind(cypher, moved, node->key_count);

	cypher__match(cypher, "n", node, true, values, 0);
	show__node(cypher, "n", node->label);
}

/* The node that an end of the row, or of its elements, leads to. */
static void show__row_end(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to, bool moved)
{
	const struct plan_node *node = missing__node(plan, edge, to);
	const char *values;

	if (!edge->each || to != edge->owner_is_from) {
		values = cypher__unwind(cypher, moved, node->key_count);
		cypher__match(cypher, "n", node, true, values, 0);
	} else {
		buffer_printf(cypher, "UNWIND " GRAPH_ROWS " AS r UNWIND r[0] AS v WITH %s AS v ",
		              edge->key_count ? "[v[0]]" : "[v]");
		cypher__match(cypher, "n", node, true, "v", 0);
	}
	show__node(cypher, "n", node->label);
}

/* The relationships that the row has, and their ends. A row that is the old one and the new one begins with the old one. */
static void show__row(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge)
{
	const struct graph_waiting names = missing__names(plan, edge);
	const struct plan_node *a = missing__node(plan, edge, false), *b = missing__node(plan, edge, true);

	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r ");
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
		cypher__match(cypher, "n", edge->owner_is_from ? a : b, false, "r", 0);
		show__at_node(cypher, plan, edge, !edge->owner_is_from, false);
		return;
	}
	if (edge->kind == PLAN_EDGE_JOIN_ENDS) {
		cypher__match(cypher, "a", a, false, "r", 0);
		cypher__match(cypher, "b", b, false, "r", a->key_count);
		buffer_append_text(cypher, "MATCH (a)-[o:");
		graph_waiting_quote(cypher, edge->type);
		buffer_append_text(cypher, "]->(b) ");
	} else {
		buffer_append_text(cypher, "MATCH ()-[o:");
		graph_waiting_quote(cypher, edge->type);
		buffer_append_text(cypher, " ");
		cypher__key(cypher, edge->key, edge->key_count, "r", 0);
		buffer_append_text(cypher, "]->()");
		cypher__hint(cypher, "o", edge->type, true, edge->key, edge->key_count);
	}
	show__edges(cypher, &names, edge->kind == PLAN_EDGE_JOIN_KEYED);
}

/* ---- what hides ---- */

/*
 * "MATCH (p:placeholder:`L`) ..." without those that an enforced relationship holds. The mark is scanned for: all others of
 * such labels are hidden.
 */
static void hide__match(struct buffer *cypher, const struct plan *plan, const struct plan_node *node)
{
	const char *word = "WHERE";

	buffer_append_text(cypher, "MATCH (p:" PLACEHOLDER ":");
	cypher_quote(cypher, node->label);
	buffer_append_text(cypher, ") USING SCAN p:" PLACEHOLDER " ");
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];

		for (int to = 0; to < 2; to++) {
			bool own = edge->kind == PLAN_EDGE_FOREIGN_KEY && edge->owner_is_from != to;

			if (missing__node(plan, edge, to) != node || !missing__end(edge, to)->enforced || own)
				continue;
			buffer_printf(cypher, "%s NOT (p)%s[:", word, to ? "<-" : "-");
			cypher_quote(cypher, edge->type);
			buffer_append_text(cypher, to ? "]-(:" : "]->(:");
			cypher_quote(cypher, missing__node(plan, edge, !to)->label);
			buffer_append_text(cypher, ") ");
			word = "AND";
		}
	}
}

static void hide__match_edges(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to)
{
	hide__match(cypher, plan, missing__node(plan, edge, to));
	buffer_append_text(cypher, to ? "MATCH (p)<-[o:" : "MATCH (p)-[o:");
	cypher_quote(cypher, edge->type);
	buffer_append_text(cypher, to ? "]-(:" : "]->(:");
	cypher_quote(cypher, missing__node(plan, edge, !to)->label);
	buffer_append_text(cypher, ") ");
}

/* What stands around a value in JSON, as an expression for a text; what has no text is left as a question mark. */
static void letter__value(struct buffer *cypher, const char *var, const char *column, const char *property, bool first)
{
	struct buffer literal;

	buffer_init(&literal, cypher->size_max);
	buffer_printf(&literal, "%s\"%s\":\"", first ? "{" : ",", column);
	cypher_quote_literal(cypher, buffer_text(&literal));
	cypher->failed |= literal.failed;
	buffer_free(&literal);
	buffer_printf(cypher, " + replace(replace(replace(coalesce(toStringOrNull(%s.", var);
	cypher_quote(cypher, property);
	buffer_append_text(cypher, "), '?'), '\\\\', '\\\\\\\\'), '\"', '\\\\\"'), '\\n', '\\\\n') + '\"' + ");
}

/* The key of a node as JSON, by the names of the columns of its table, or of those of the table that refers to it. */
static void letter__node_key(struct buffer *cypher, const char *var, const struct plan_node *node,
                             const struct plan_table *table, const uint32_t *columns, bool first)
{
	for (uint32_t i = 0; i < node->key_count; i++)
		letter__value(cypher, var, table->columns[columns ? columns[i] : node->key[i].column].name, node->key[i].name,
		              first && i == 0);
}

/* The key of the row that made the relationship from a to b with the properties q. */
static void letter__row_key(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge)
{
	const struct plan_table *table = &plan->tables[edge->table];

	switch (edge->kind) {
	case PLAN_EDGE_FOREIGN_KEY:
		letter__node_key(cypher, edge->owner_is_from ? "a" : "b", missing__node(plan, edge, !edge->owner_is_from),
		                 table, NULL, true);
		break;
	case PLAN_EDGE_JOIN_ENDS:
		letter__node_key(cypher, "a", missing__node(plan, edge, false), table, edge->from.columns, true);
		letter__node_key(cypher, "b", missing__node(plan, edge, true), table, edge->to.columns, false);
		break;
	case PLAN_EDGE_JOIN_KEYED:
		for (uint32_t i = 0; i < edge->key_count; i++)
			letter__value(cypher, "q", table->columns[edge->key[i].column].name, edge->key[i].name, i == 0);
		break;
	}
	buffer_append_text(cypher, "'}'");
}

static void letter__message(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to)
{
	const struct plan_node *node = missing__node(plan, edge, to);
	struct buffer words;

	buffer_init(&words, cypher->size_max);
	buffer_printf(&words, "%s: there is no row of %s with the key ", edge->words, node->label);
	cypher_quote_literal(cypher, buffer_text(&words));
	buffer_append_text(cypher, " + ");
	letter__node_key(cypher, to ? "b" : "a", node, &plan->tables[node->table], NULL, true);
	buffer_append_text(cypher,
	                   "'}: the relationship waits for it; insert that row, or mend or delete the one that refers to it'");
	cypher->failed |= words.failed;
	buffer_free(&words);
}

/* A dead letter for each that nobody was told of. */
static void hide__tell(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to)
{
	const struct plan_table *table = &plan->tables[edge->table];
	struct buffer name;

	buffer_init(&name, cypher->size_max);
	buffer_append_text(cypher, "FOREACH (x IN CASE WHEN q." TOLD " IS NULL THEN [");
	letter__row_key(cypher, plan, edge);
	buffer_append_text(cypher, "] ELSE [] END | CREATE (:`" GRAPH_LABEL_DEAD_LETTER "` {pipeline: ");
	cypher_quote_literal(cypher, plan->pipeline);
	buffer_printf(&name, "%s.%s", table->schema, table->name);
	buffer_append_text(cypher, ", table: ");
	cypher_quote_literal(cypher, buffer_text(&name));
	cypher->failed |= name.failed;
	buffer_free(&name);
	buffer_append_text(cypher, ", key: x, row: x, code: 'missing', message: ");
	letter__message(cypher, plan, edge, to);
	buffer_append_text(cypher, ", lsn: lsn, at: datetime()})) ");
}

bool graph_missing_tells(const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	return missing__node(plan, plan->edges[index], kind == GRAPH_HIDE_TO)->missing == PLAN_MISSING_ERROR;
}

static void hide__edges(struct buffer *cypher, const struct plan *plan, const struct plan_edge *edge, bool to)
{
	bool tells = graph_missing_tells(plan, to ? GRAPH_HIDE_TO : GRAPH_HIDE_FROM, edge->index);

	buffer_append_text(cypher, "WITH DISTINCT o ");
	if (tells) {
		buffer_append_text(cypher, "OPTIONAL MATCH (c:`" GRAPH_LABEL_CHECKPOINT "` {pipeline: ");
		cypher_quote_literal(cypher, plan->pipeline);
		buffer_append_text(cypher, "}) ");
	}
	buffer_printf(cypher, "WITH o, %sstartNode(o) AS a, endNode(o) AS b, properties(o) AS q DELETE o WITH a, b, q%s ",
	              tells ? "c.lsn AS lsn, " : "", tells ? ", lsn" : "");
	if (tells)
		hide__tell(cypher, plan, edge, to);
	buffer_append_text(cypher, "CREATE (a)-[e:");
	graph_waiting_quote(cypher, edge->type);
	buffer_append_text(cypher, tells ? "]->(b) SET e = q, e." TOLD " = true" : "]->(b) SET e = q");
}

static void hide__node(struct buffer *cypher, const char *label)
{
	buffer_append_text(cypher, "SET p:");
	graph_waiting_quote(cypher, label);
	buffer_append_text(cypher, " REMOVE p:" PLACEHOLDER ":");
	cypher_quote(cypher, label);
}

static void hide__begin(struct buffer *cypher, const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	if (kind == GRAPH_HIDE_NODE)
		hide__match(cypher, plan, &plan->nodes[index]);
	else
		hide__match_edges(cypher, plan, plan->edges[index], kind == GRAPH_HIDE_TO);
}

static void hide__end(struct buffer *cypher, const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	if (kind == GRAPH_HIDE_NODE)
		hide__node(cypher, plan->nodes[index].label);
	else
		hide__edges(cypher, plan, plan->edges[index], kind == GRAPH_HIDE_TO);
}

/* ---- in batches, outside of transactions with rows ---- */

static void cypher__limit(struct buffer *cypher, const char *var)
{
	buffer_printf(cypher, "WITH DISTINCT %s LIMIT %d ", var, GRAPH_MISSING_BATCH);
}

static void show__match_nodes(struct buffer *cypher, const struct graph_waiting *waiting)
{
	buffer_append_text(cypher, "MATCH (n:");
	graph_waiting_quote(cypher, waiting->from);
	buffer_append_text(cypher, ") ");
}

void graph_missing_show_batch(const struct graph_waiting *waiting, struct buffer *cypher)
{
	if (waiting->type) {
		show__match_all(cypher, waiting);
		cypher__limit(cypher, "o");
		show__edges(cypher, waiting, false);
	} else {
		show__match_nodes(cypher, waiting);
		cypher__limit(cypher, "n");
		show__node(cypher, "n", waiting->from);
	}
}

void graph_missing_show_left(const struct graph_waiting *waiting, struct buffer *cypher)
{
	if (waiting->type)
		show__match_all(cypher, waiting);
	else
		show__match_nodes(cypher, waiting);
	buffer_append_text(cypher, "RETURN 1 LIMIT 1");
}

void graph_missing_hide_batch(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct buffer *cypher)
{
	hide__begin(cypher, plan, kind, index);
	cypher__limit(cypher, kind == GRAPH_HIDE_NODE ? "p" : "o");
	hide__end(cypher, plan, kind, index);
}

void graph_missing_hide_left(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct buffer *cypher)
{
	hide__begin(cypher, plan, kind, index);
	buffer_append_text(cypher, "RETURN 1 LIMIT 1");
}

static void forget__match(struct buffer *cypher, const struct plan *plan, uint32_t edge)
{
	const struct graph_waiting names = missing__names(plan, plan->edges[edge]);

	buffer_append_text(cypher, "MATCH (:");
	cypher_quote(cypher, names.from);
	buffer_append_text(cypher, ")-[o:");
	cypher_quote(cypher, names.type);
	buffer_append_text(cypher, "]->(:");
	cypher_quote(cypher, names.to);
	buffer_append_text(cypher, ") WHERE o." TOLD " IS NOT NULL ");
}

void graph_missing_forget_batch(const struct plan *plan, uint32_t edge, struct buffer *cypher)
{
	forget__match(cypher, plan, edge);
	cypher__limit(cypher, "o");
	buffer_append_text(cypher, "REMOVE o." TOLD);
}

void graph_missing_forget_left(const struct plan *plan, uint32_t edge, struct buffer *cypher)
{
	forget__match(cypher, plan, edge);
	buffer_append_text(cypher, "RETURN 1 LIMIT 1");
}

/* ---- as statements ---- */

bool missing__is_old_and_new(enum graph_statement_kind kind)
{
	switch (kind) {
	case GRAPH_SHOW_MOVED_NODE:
	case GRAPH_SHOW_MOVED_FROM:
	case GRAPH_SHOW_MOVED_TO:
	case GRAPH_SHOW_MOVED_END_FROM:
	case GRAPH_SHOW_MOVED_END_TO:
	case GRAPH_SHOW_MOVED_ROW:
		return true;
	default:
		return false;
	}
}

void missing__write(struct buffer *cypher, const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	struct graph_waiting names;

	switch (kind) {
	case GRAPH_SHOW_ALL:
		names = missing__names(plan, plan->edges[index]);
		show__match_all(cypher, &names);
		show__edges(cypher, &names, false);
		break;
	case GRAPH_SHOW_NODE:
	case GRAPH_SHOW_MOVED_NODE:
		show__key(cypher, &plan->nodes[index], kind == GRAPH_SHOW_MOVED_NODE);
		break;
	case GRAPH_SHOW_END_FROM:
	case GRAPH_SHOW_MOVED_END_FROM:
		show__row_end(cypher, plan, plan->edges[index], false, kind == GRAPH_SHOW_MOVED_END_FROM);
		break;
	case GRAPH_SHOW_END_TO:
	case GRAPH_SHOW_MOVED_END_TO:
		show__row_end(cypher, plan, plan->edges[index], true, kind == GRAPH_SHOW_MOVED_END_TO);
		break;
	case GRAPH_SHOW_ROW:
	case GRAPH_SHOW_MOVED_ROW:
		show__row(cypher, plan, plan->edges[index]);
		break;
	case GRAPH_HIDE_FROM:
	case GRAPH_HIDE_TO:
	case GRAPH_HIDE_NODE:
		hide__begin(cypher, plan, kind, index);
		hide__end(cypher, plan, kind, index);
		break;
	default:
		show__of_node(cypher, plan, kind, plan->edges[index]);
		break;
	}
}

static uint32_t fields__properties(struct graph_field *fields, uint32_t at, const struct plan_property *properties,
                                   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fields[at++] = (struct graph_field){.column = properties[i].column, .type = properties[i].type};
	return at;
}

static uint32_t fields__end(struct graph_field *fields, uint32_t at, const struct plan_end *end)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		fields[at++] = (struct graph_field){.column = end->columns[i], .type = end->by[i].type};
	return at;
}

static uint32_t fields__row(struct graph_field *fields, const struct plan_edge *edge)
{
	switch (edge->kind) {
	case PLAN_EDGE_FOREIGN_KEY:
		return fields__end(fields, 0, missing__end(edge, !edge->owner_is_from));
	case PLAN_EDGE_JOIN_ENDS:
		return fields__end(fields, fields__end(fields, 0, &edge->from), &edge->to);
	case PLAN_EDGE_JOIN_KEYED:
		return fields__properties(fields, 0, edge->key, edge->key_count);
	}
	return 0;
}

static uint32_t fields__row_end(struct graph_field *fields, const struct plan *plan, const struct plan_edge *edge, bool to)
{
	if (!edge->each || to != edge->owner_is_from)
		return fields__end(fields, 0, missing__end(edge, to));
	*fields = statement__elements(plan, edge);
	return 1;
}

uint32_t missing__fields(const struct plan *plan, enum graph_statement_kind kind, uint32_t index, struct graph_field *fields)
{
	const struct plan_edge *edge = plan->edges[index];
	const struct plan_node *from = missing__node(plan, edge, false), *to = missing__node(plan, edge, true);

	switch (kind) {
	case GRAPH_SHOW_FILLED_FROM:
	case GRAPH_SHOW_LEFT_FROM:
	case GRAPH_SHOW_MOVED_FROM:
		return fields__properties(fields, 0, from->key, from->key_count);
	case GRAPH_SHOW_FILLED_TO:
	case GRAPH_SHOW_LEFT_TO:
	case GRAPH_SHOW_MOVED_TO:
		return fields__properties(fields, 0, to->key, to->key_count);
	case GRAPH_SHOW_END_FROM:
	case GRAPH_SHOW_MOVED_END_FROM:
		return fields__row_end(fields, plan, edge, false);
	case GRAPH_SHOW_END_TO:
	case GRAPH_SHOW_MOVED_END_TO:
		return fields__row_end(fields, plan, edge, true);
	case GRAPH_SHOW_ROW:
	case GRAPH_SHOW_MOVED_ROW:
		return fields__row(fields, edge);
	default:
		return 0;
	}
}

/* ---- around the operations of a batch ---- */

bool graph_missing_has(const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	const struct plan_edge *edge;

	if (kind == GRAPH_SHOW_NODE || kind == GRAPH_SHOW_MOVED_NODE || kind == GRAPH_HIDE_NODE)
		return plan_node_waits(&plan->nodes[index]);
	edge = plan->edges[index];
	switch (kind) {
	case GRAPH_SHOW_FILLED_FROM:
		return plan_edge_waits(plan, edge) && plan_node_waits(missing__node(plan, edge, false));
	case GRAPH_SHOW_FILLED_TO:
		return plan_edge_waits(plan, edge) && plan_node_waits(missing__node(plan, edge, true));
	/* the row's own node is shown with its node */
	case GRAPH_SHOW_END_FROM:
	case GRAPH_SHOW_MOVED_END_FROM:
		return edge->from.by_key && plan_node_waits(missing__node(plan, edge, false)) &&
		       (edge->kind != PLAN_EDGE_FOREIGN_KEY || !edge->owner_is_from);
	case GRAPH_SHOW_END_TO:
	case GRAPH_SHOW_MOVED_END_TO:
		return edge->to.by_key && plan_node_waits(missing__node(plan, edge, true)) &&
		       (edge->kind != PLAN_EDGE_FOREIGN_KEY || edge->owner_is_from);
	case GRAPH_HIDE_FROM:
		return plan_end_waits(plan, &edge->from);
	case GRAPH_HIDE_TO:
		return plan_end_waits(plan, &edge->to);
	default:
		return plan_edge_waits(plan, edge);
	}
}

static bool missing__is_at(const struct plan_edge *edge, uint32_t node, bool from)
{
	return (from ? edge->from.node : edge->to.node) == node;
}

static bool missing__renames(enum graph_statement_kind kind)
{
	return kind == GRAPH_NODE_RENAME || kind == GRAPH_NODE_EXCHANGE;
}

static bool missing__deletes(enum graph_statement_kind kind)
{
	return kind == GRAPH_EDGE_DELETE || kind == GRAPH_EDGE_LEAVE;
}

/* Whether what the operation does needs the statement of that kind and index before. */
static bool missing__concerns(const struct plan *plan, enum graph_statement_kind kind, uint32_t index,
                              const struct graph_statement *statement)
{
	enum graph_statement_kind of = statement->kind;
	const struct plan_edge *edge;

	switch (kind) {
	case GRAPH_SHOW_NODE:
		return (of == GRAPH_NODE_UPSERT || of == GRAPH_NODE_DELETE) && statement->index == index;
	case GRAPH_SHOW_MOVED_NODE:
		return missing__renames(of) && statement->index == index;
	case GRAPH_SHOW_FILLED_FROM:
	case GRAPH_SHOW_FILLED_TO:
		return of == GRAPH_NODE_UPSERT &&
		       missing__is_at(plan->edges[index], statement->index, kind == GRAPH_SHOW_FILLED_FROM);
	case GRAPH_SHOW_LEFT_FROM:
	case GRAPH_SHOW_LEFT_TO:
		return of == GRAPH_NODE_DELETE &&
		       missing__is_at(plan->edges[index], statement->index, kind == GRAPH_SHOW_LEFT_FROM);
	case GRAPH_SHOW_MOVED_FROM:
	case GRAPH_SHOW_MOVED_TO:
		return missing__renames(of) &&
		       missing__is_at(plan->edges[index], statement->index, kind == GRAPH_SHOW_MOVED_FROM);
	case GRAPH_SHOW_ALL:
		if (of == GRAPH_NODE_TRUNCATE)
			return plan_edge_has_end(plan->edges[index], &plan->nodes[statement->index]);
		return of == GRAPH_EDGE_TRUNCATE && statement->index == index;
	default:
		break;
	}
	edge = plan->edges[index];
	if (statement->index != index)
		return false;
	switch (kind) {
	case GRAPH_SHOW_END_FROM:
	case GRAPH_SHOW_END_TO:
		return of == GRAPH_EDGE_UPSERT_FRESH || of == GRAPH_EDGE_UPSERT ||
		       (missing__deletes(of) && edge->kind == PLAN_EDGE_JOIN_ENDS);
	case GRAPH_SHOW_MOVED_END_FROM:
	case GRAPH_SHOW_MOVED_END_TO:
	case GRAPH_SHOW_MOVED_ROW:
		return of == GRAPH_EDGE_REKEY || of == GRAPH_EDGE_EXCHANGE;
	case GRAPH_SHOW_ROW:
		return of == GRAPH_EDGE_UPSERT || missing__deletes(of) || of == GRAPH_EDGE_KEPT;
	default:
		return false;
	}
}

struct surround {
	struct graph_statements *statements;
	struct arena *arena;
	struct graph_operation **last;
};

/* With the rows of `of`, which are not copied; NULL: without. */
static int surround__add(struct surround *surround, enum graph_statement_kind kind, uint32_t index,
                         const struct graph_operation *of)
{
	struct graph_operation *operation = arena_calloc(surround->arena, 1, sizeof(*operation));
	const struct graph_statement *statement = graph_statement_get(surround->statements, kind, index, NULL);

	if (!operation)
		return ERR_LIMIT;
	if (!statement)
		return ERR_NOMEM;
	operation->statement = statement;
	if (of) {
		operation->rows = of->rows;
		operation->rows_count = of->rows_count;
		operation->time_us = of->time_us;
	}
	*surround->last = operation;
	surround->last = &operation->next;
	return 0;
}

static bool surround__is_of_node(enum graph_statement_kind kind)
{
	return kind == GRAPH_SHOW_NODE || kind == GRAPH_SHOW_MOVED_NODE;
}

/* First what is told of: where both ends are missing, it is hidden once. */
static int surround__hide(struct surround *surround)
{
	const struct plan *plan = surround->statements->plan;
	int rc = 0;

	for (int tells = 1; tells >= 0; tells--)
		for (int kind = GRAPH_HIDE_FROM; kind <= GRAPH_HIDE_TO; kind++)
			for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++)
				if (graph_missing_has(plan, (enum graph_statement_kind)kind, i) &&
				    graph_missing_tells(plan, (enum graph_statement_kind)kind, i) == tells)
					rc = surround__add(surround, (enum graph_statement_kind)kind, i, NULL);
	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		if (graph_missing_has(plan, GRAPH_HIDE_NODE, i))
			rc = surround__add(surround, GRAPH_HIDE_NODE, i, NULL);
	return rc;
}

static int surround__kind(struct surround *surround, enum graph_statement_kind kind, const struct graph_operation *operations)
{
	const struct plan *plan = surround->statements->plan;
	uint32_t count = surround__is_of_node(kind) ? plan->nodes_count : plan->edges_count;
	int rc = 0;

	for (uint32_t i = 0; i < count && rc == 0; i++) {
		if (!graph_missing_has(plan, kind, i))
			continue;
		for (const struct graph_operation *of = operations; of && rc == 0; of = of->next) {
			if (!missing__concerns(plan, kind, i, of->statement))
				continue;
			rc = surround__add(surround, kind, i, kind == GRAPH_SHOW_ALL ? NULL : of);
			if (kind == GRAPH_SHOW_ALL)
				break;
		}
	}
	return rc;
}

static bool missing__any(const struct plan *plan)
{
	bool any = false;

	for (uint32_t i = 0; i < plan->nodes_count; i++)
		any |= plan_node_waits(&plan->nodes[i]);
	return any;
}

int missing__surround(struct graph_statements *statements, struct arena *arena, struct graph_operation **operations)
{
	struct graph_operation *inner = *operations, *before = NULL, *last = inner;
	struct surround surround = {.statements = statements, .arena = arena, .last = &before};
	int rc = 0;

	if (!inner || !missing__any(statements->plan))
		return 0;
	for (int kind = GRAPH_SHOW_ALL; kind <= GRAPH_SHOW_MOVED_ROW && rc == 0; kind++)
		rc = surround__kind(&surround, (enum graph_statement_kind)kind, inner);
	if (rc < 0)
		return rc;
	*surround.last = inner;
	while (last->next)
		last = last->next;
	surround.last = &last->next;
	rc = surround__hide(&surround);
	*operations = before ? before : inner;
	return rc;
}
