#include "graph/remap.h"

#include "graph/missing.h"
#include "graph/schema.h"
#include "graph/statement.h"
#include "mapping/quote.h"

#include <string.h>

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

/* Nodes without a row, as the mapping before had them. */
static void remap__match_missing(const struct difference_step *step, struct buffer *cypher)
{
	buffer_append_text(cypher, "MATCH (n");
	if (strcmp(step->name, plan_missing_names[PLAN_MISSING_PLACEHOLDER]) == 0) {
		remap__label(cypher, step->label);
		remap__label(cypher, GRAPH_LABEL_PLACEHOLDER);
	} else {
		buffer_append_byte(cypher, ':');
		graph_waiting_quote(cypher, step->label);
	}
	buffer_append_text(cypher, ") WHERE true");
}

static void remap__match(const struct difference_step *step, struct buffer *cypher)
{
	if (step->kind == DIFFERENCE_MISSING_CHANGED) {
		remap__match_missing(step, cypher);
		return;
	}
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
	case DIFFERENCE_HISTORY_REMOVED:
		buffer_append_text(cypher, " AND ");
		remap__property(cypher, var, step->name);
		buffer_append_text(cypher, " <> " GRAPH_FOREVER);
		break;
	case DIFFERENCE_LABEL_ADDED:
		buffer_append_text(cypher, " AND NOT n");
		remap__label(cypher, step->name);
		buffer_append_text(cypher, " AND NOT n");
		remap__label(cypher, GRAPH_LABEL_PLACEHOLDER);
		break;
	case DIFFERENCE_LABELS_REMOVED:
		buffer_append_text(cypher, " AND any(l IN labels(n) WHERE l STARTS WITH ");
		cypher_quote_literal(cypher, step->name);
		buffer_append_byte(cypher, ')');
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
	case DIFFERENCE_UNUSED:
		buffer_append_text(cypher, " AND NOT (n)--()");
		break;
	default:
		break;
	}
}

/* It is deleted before it is made anew, so that a uniqueness constraint of its type sees one of them at a time. */
static void remap__make_anew(const struct difference_step *step, struct buffer *cypher)
{
	buffer_printf(cypher, "WITH a, b, e, properties(e) AS q DELETE e WITH a, b, q CREATE (%s)-[f",
	              step->turned ? "b" : "a");
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
	case DIFFERENCE_LABELS_REMOVED:
		graph_labels_remove(cypher, "n", step->name, NULL);
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

/* "{`id`: r[at], ...}" */
static void remap__found_by(struct buffer *cypher, const struct difference_rekey *rekey, uint32_t at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : " {");
		cypher_quote(cypher, rekey->fields[at + i].property);
		buffer_printf(cypher, ": r[%u]", at + i);
	}
	buffer_append_text(cypher, count ? "}" : "");
}

void graph_remap_rekey(const struct difference_step *step, struct buffer *cypher)
{
	const struct difference_rekey *rekey = &step->rekey;
	uint32_t own = rekey->from_count ? 0 : rekey->found_count;

	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r MATCH ");
	if (step->type) {
		buffer_append_text(cypher, "(a");
		remap__label(cypher, step->label);
		remap__found_by(cypher, rekey, 0, rekey->from_count);
		buffer_append_text(cypher, ")-[e");
		remap__label(cypher, step->type);
		remap__found_by(cypher, rekey, 0, own);
		buffer_append_text(cypher, "]->(b");
		remap__label(cypher, step->end);
		remap__found_by(cypher, rekey, rekey->from_count, rekey->to_count);
	} else {
		buffer_append_text(cypher, "(n");
		remap__label(cypher, step->label);
		remap__found_by(cypher, rekey, 0, own);
	}
	buffer_append_text(cypher, ") SET ");
	for (uint32_t i = 0; i < rekey->set_count; i++) {
		buffer_append_text(cypher, i ? ", " : "");
		remap__property(cypher, step->type ? "e" : "n", rekey->fields[rekey->found_count + i].property);
		buffer_printf(cypher, " = r[%u]", rekey->found_count + i);
	}
}

bool graph_remap_rekey_index(const struct difference_step *step, uint32_t number, struct buffer *cypher)
{
	const char *var = step->type ? "e" : "n";

	if (step->rekey.from_count)
		return false;
	buffer_printf(cypher, "CREATE INDEX " GRAPH_SCHEMA_INTERIM "%u", number);
	buffer_append_text(cypher, step->type ? " IF NOT EXISTS FOR ()-[e" : " IF NOT EXISTS FOR (n");
	remap__label(cypher, step->type ? step->type : step->label);
	buffer_append_text(cypher, step->type ? "]-() ON (" : ") ON (");
	for (uint32_t i = 0; i < step->rekey.found_count; i++) {
		buffer_append_text(cypher, i ? ", " : "");
		remap__property(cypher, var, step->rekey.fields[i].property);
	}
	buffer_append_text(cypher, ")");
	return true;
}
