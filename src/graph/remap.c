#include "graph/remap.h"

#include "graph/statement.h"
#include "mapping/quote.h"

#include <stdio.h>

static void remap__label(struct buffer *cypher, const char *label)
{
	buffer_append_text(cypher, ":");
	cypher_quote(cypher, label);
}

static void remap__property(struct buffer *cypher, const char *var, const char *name)
{
	buffer_printf(cypher, "%s.", var);
	cypher_quote(cypher, name);
}

/* " AND n.`id` IS NOT NULL ..." */
static void remap__has_key(struct buffer *cypher, const char *var, const struct difference_key *key)
{
	for (uint32_t i = 0; i < key->count; i++) {
		buffer_append_text(cypher, " AND ");
		remap__property(cypher, var, key->names[i]);
		buffer_append_text(cypher, " IS NOT NULL");
	}
}

/* " AND (n.`uuid` IS NULL OR ...)" */
static void remap__lacks_key(struct buffer *cypher, const char *var, const struct difference_key *key)
{
	for (uint32_t i = 0; i < key->count; i++) {
		buffer_append_text(cypher, i ? " OR " : " AND (");
		remap__property(cypher, var, key->names[i]);
		buffer_append_text(cypher, " IS NULL");
	}
	buffer_append_text(cypher, key->count ? ")" : "");
}

static void remap__match(const struct difference_step *step, struct buffer *cypher)
{
	buffer_append_text(cypher, step->type ? "MATCH (a" : "MATCH (n");
	remap__label(cypher, step->label);
	if (step->kind == DIFFERENCE_PLACEHOLDERS)
		remap__label(cypher, GRAPH_LABEL_PLACEHOLDER);
	if (step->type) {
		buffer_append_text(cypher, ")-[e");
		remap__label(cypher, step->type);
		buffer_append_text(cypher, "]->(b");
		remap__label(cypher, step->end);
	}
	buffer_append_text(cypher, ") WHERE true");
}

/* What the step still has to do with it; a step that is done matches nothing. */
static void remap__where(const struct difference_step *step, struct buffer *cypher)
{
	const char *var = step->type ? "e" : "n";

	remap__has_key(cypher, var, &step->key);
	switch (step->kind) {
	case DIFFERENCE_PROPERTY_RENAMED:
	case DIFFERENCE_PROPERTY_REMOVED:
		buffer_append_text(cypher, " AND ");
		remap__property(cypher, var, step->name);
		buffer_append_text(cypher, " IS NOT NULL");
		break;
	case DIFFERENCE_LABEL_ADDED:
		buffer_append_text(cypher, " AND NOT n");
		remap__label(cypher, step->name);
		buffer_append_text(cypher, " AND NOT n");
		remap__label(cypher, GRAPH_LABEL_PLACEHOLDER);
		break;
	case DIFFERENCE_LABEL_REMOVED:
		buffer_append_text(cypher, " AND n");
		remap__label(cypher, step->name);
		break;
	case DIFFERENCE_KEYLESS_REMOVED:
		remap__lacks_key(cypher, var, &step->key_new);
		break;
	case DIFFERENCE_NODE_REMOVED:
		for (uint32_t i = 0; i < step->except_count; i++) {
			buffer_append_text(cypher, " AND NOT n");
			remap__label(cypher, step->except[i]);
		}
		break;
	case DIFFERENCE_PLACEHOLDERS:
		buffer_append_text(cypher, " AND NOT (n)--()");
		break;
	default:
		break;
	}
}

/* It is deleted before it is made anew, so that a uniqueness constraint of its type sees one of them at a time. */
static void remap__make_anew(const struct difference_step *step, struct buffer *cypher)
{
	buffer_printf(cypher, "WITH a, b, e, properties(e) AS q DELETE e WITH a, b, q CREATE (%s)-[f", step->turned ? "b" : "a");
	remap__label(cypher, step->name_new);
	buffer_printf(cypher, "]->(%s) SET f = q", step->turned ? "a" : "b");
}

static void remap__act(const struct difference_step *step, struct buffer *cypher)
{
	const char *var = step->type ? "e" : "n";

	switch (step->kind) {
	case DIFFERENCE_LABEL_RENAMED:
		buffer_append_text(cypher, "SET n");
		remap__label(cypher, step->name_new);
		buffer_append_text(cypher, " REMOVE n");
		remap__label(cypher, step->label);
		break;
	case DIFFERENCE_EDGE_RENAMED:
		remap__make_anew(step, cypher);
		break;
	case DIFFERENCE_PROPERTY_RENAMED:
		buffer_append_text(cypher, "SET ");
		remap__property(cypher, var, step->name_new);
		buffer_append_text(cypher, " = ");
		remap__property(cypher, var, step->name);
		buffer_append_text(cypher, " REMOVE ");
		remap__property(cypher, var, step->name);
		break;
	case DIFFERENCE_LABEL_ADDED:
	case DIFFERENCE_LABEL_REMOVED:
		buffer_append_text(cypher, step->kind == DIFFERENCE_LABEL_ADDED ? "SET n" : "REMOVE n");
		remap__label(cypher, step->name);
		break;
	case DIFFERENCE_PROPERTY_REMOVED:
		buffer_append_text(cypher, "REMOVE ");
		remap__property(cypher, var, step->name);
		break;
	default:
		buffer_append_text(cypher, step->type ? "DELETE e" : "DETACH DELETE n");
		break;
	}
}

void graph_remap_count(const struct difference_step *step, struct buffer *cypher)
{
	remap__match(step, cypher);
	remap__where(step, cypher);
	buffer_append_text(cypher, " RETURN count(*)");
}

void graph_remap_left(const struct difference_step *step, struct buffer *cypher)
{
	remap__match(step, cypher);
	remap__where(step, cypher);
	buffer_append_text(cypher, " RETURN 1 LIMIT 1");
}

void graph_remap_batch(const struct difference_step *step, struct buffer *cypher)
{
	remap__match(step, cypher);
	remap__where(step, cypher);
	buffer_printf(cypher, " WITH %s LIMIT %d ", step->type ? "a, b, e" : "n", GRAPH_REMAP_BATCH);
	remap__act(step, cypher);
}

void graph_remap_hanging(const struct difference_step *step, const struct descriptions *descriptions, struct buffer *cypher)
{
	remap__match(step, cypher);
	remap__where(step, cypher);
	buffer_append_text(cypher, " MATCH (n)-[g]-() WHERE true");
	for (uint32_t i = 0; i < descriptions->count; i++)
		for (uint32_t j = 0; j < descriptions->items[i].edges_count; j++) {
			buffer_append_text(cypher, " AND NOT g");
			remap__label(cypher, descriptions->items[i].edges[j].type);
		}
	buffer_append_text(cypher, " RETURN count(DISTINCT g)");
}

void graph_remap_rekey(const struct difference_step *step, struct buffer *cypher)
{
	uint32_t at = 0;

	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r MATCH (n");
	remap__label(cypher, step->label);
	for (; at < step->key.count; at++) {
		buffer_append_text(cypher, at ? ", " : " {");
		cypher_quote(cypher, step->key.names[at]);
		buffer_printf(cypher, ": r[%u]", at);
	}
	buffer_append_text(cypher, "}) SET ");
	for (uint32_t i = 0; i < step->node->key_count; i++) {
		buffer_append_text(cypher, i ? ", " : "");
		remap__property(cypher, "n", step->node->key[i].name);
		buffer_printf(cypher, " = r[%u]", at + i);
	}
}

void graph_remap_rekey_index(const struct difference_step *step, bool drop, struct buffer *cypher)
{
	char name[32];

	snprintf(name, sizeof(name), "_pgweave_rekey_%u", step->node->index);
	buffer_append_text(cypher, drop ? "DROP INDEX " : "CREATE INDEX ");
	cypher_quote(cypher, name);
	if (drop) {
		buffer_append_text(cypher, " IF EXISTS");
		return;
	}
	buffer_append_text(cypher, " IF NOT EXISTS FOR (n");
	remap__label(cypher, step->label);
	buffer_append_text(cypher, ") ON (");
	for (uint32_t i = 0; i < step->key.count; i++) {
		buffer_append_text(cypher, i ? ", " : "");
		remap__property(cypher, "n", step->key.names[i]);
	}
	buffer_append_text(cypher, ")");
}
