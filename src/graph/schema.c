#include "graph/schema.h"

#include "base/buffer.h"
#include "mapping/quote.h"

#include <bolt/packstream.h>
#include <string.h>

#define SCHEMA_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define SCHEMA_TEXT_MAX ((size_t)64 * 1024)

const char graph_schema_show[] = "SHOW INDEXES YIELD entityType, labelsOrTypes, properties, owningConstraint, state, type "
                                 "WHERE type = 'RANGE' OR type = 'BTREE' "
                                 "RETURN labelsOrTypes[0], properties, entityType, owningConstraint IS NOT NULL, state";

static void schema__properties(struct buffer *text, const char *var, const struct graph_schema_item *item)
{
	buffer_append_text(text, "(");
	for (uint32_t i = 0; i < item->key_count; i++) {
		buffer_printf(text, "%s%s.", i ? ", " : "", var);
		cypher_quote(text, item->key[i].name);
	}
	buffer_append_text(text, ")");
}

static void schema__statement(struct buffer *text, const struct graph_schema_item *item)
{
	buffer_printf(text, "CREATE %s IF NOT EXISTS FOR %s", item->unique ? "CONSTRAINT" : "INDEX",
	              item->of_relationship ? "()-[e:" : "(e:");
	cypher_quote(text, item->label_or_type);
	buffer_printf(text, "%s %s ", item->of_relationship ? "]-()" : ")", item->unique ? "REQUIRE" : "ON");
	schema__properties(text, "e", item);
	buffer_append_text(text, item->unique ? " IS UNIQUE" : "");
}

static void schema__words(struct buffer *text, const struct graph_schema_item *item)
{
	buffer_printf(text, "%s(", item->label_or_type);
	for (uint32_t i = 0; i < item->key_count; i++)
		buffer_printf(text, "%s%s", i ? ", " : "", item->key[i].name);
	buffer_printf(text, ") is %s", item->unique ? "unique" : "indexed");
}

/* A type that two tables write cannot have one uniqueness for both. */
static bool schema__type_is_shared(const struct plan *plan, const struct plan_edge *edge)
{
	for (uint32_t i = 0; i < plan->edges_count; i++)
		if (plan->edges[i] != edge && plan->edges[i]->kind == PLAN_EDGE_JOIN_KEYED &&
		    strcmp(plan->edges[i]->type, edge->type) == 0)
			return true;
	return false;
}

static int schema__finish(struct graph_schema *schema)
{
	struct buffer text;
	int rc = 0;

	buffer_init(&text, SCHEMA_TEXT_MAX);
	for (uint32_t i = 0; i < schema->count && rc == 0; i++) {
		struct graph_schema_item *item = &schema->items[i];

		buffer_reset(&text);
		schema__statement(&text, item);
		item->statement = arena_strdup(&schema->arena, buffer_text(&text));
		buffer_reset(&text);
		schema__words(&text, item);
		item->words = arena_strdup(&schema->arena, buffer_text(&text));
		if (text.failed || !item->statement || !item->words)
			rc = ERR_NOMEM;
	}
	buffer_free(&text);
	return rc;
}

/* What foreign keys refer to instead of the node's key is indexed; two rows may exchange such values, so it is no constraint.
 */
static void schema__other_key(struct graph_schema *schema, const struct plan *plan, const struct plan_end *end)
{
	const char *label = plan->nodes[end->node].label;

	if (end->by_key)
		return;
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct graph_schema_item *item = &schema->items[i];
		bool same =
		        !item->of_relationship && strcmp(item->label_or_type, label) == 0 && item->key_count == end->by_count;

		for (uint32_t k = 0; same && k < item->key_count; k++)
			same = strcmp(item->key[k].name, end->by[k].name) == 0;
		if (same)
			return;
	}
	schema->items[schema->count++] =
	        (struct graph_schema_item){.label_or_type = label, .key = end->by, .key_count = end->by_count};
}

/* Whether relationships of the item's type may wait. */
static bool schema__type_waits(const struct plan *plan, const struct graph_schema_item *item)
{
	for (uint32_t i = 0; i < plan->edges_count; i++)
		if (strcmp(plan->edges[i]->type, item->label_or_type) == 0 && plan_edge_waits(plan, plan->edges[i]))
			return true;
	return false;
}

static bool schema__label_waits(const struct plan *plan, const struct graph_schema_item *item)
{
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		if (strcmp(plan->nodes[i].label, item->label_or_type) == 0 && plan_node_waits(&plan->nodes[i]) &&
		    item->key == plan->nodes[i].key)
			return true;
	return false;
}

/* What waits is found by the same keys, under a label or type of its own. */
static int schema__waiting(struct graph_schema *schema, const struct plan *plan)
{
	uint32_t count = schema->count;

	for (uint32_t i = 0; i < count; i++) {
		struct graph_schema_item *item = &schema->items[i], *waiting = &schema->items[schema->count];

		if (!(item->of_relationship ? schema__type_waits(plan, item) : schema__label_waits(plan, item)))
			continue;
		*waiting = *item;
		waiting->label_or_type = arena_printf(&schema->arena, MAPPING_WAITING "%s", item->label_or_type);
		if (!waiting->label_or_type)
			return ERR_NOMEM;
		schema->count++;
	}
	return 0;
}

int graph_schema_make(const struct plan *plan, bool relationship_constraints, struct graph_schema *schema)
{
	int rc;

	*schema = (struct graph_schema){0};
	arena_init(&schema->arena, SCHEMA_SIZE_MAX);
	schema->items = arena_calloc(&schema->arena, 2 * (size_t)plan->nodes_count + 4 * (size_t)plan->edges_count,
	                             sizeof(*schema->items));
	if (!schema->items)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		schema->items[schema->count++] = (struct graph_schema_item){
		        .label_or_type = plan->nodes[i].label,
		        .unique = true,
		        .key = plan->nodes[i].key,
		        .key_count = plan->nodes[i].key_count,
		};
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];

		schema__other_key(schema, plan, &edge->from);
		schema__other_key(schema, plan, &edge->to);
		if (edge->kind != PLAN_EDGE_JOIN_KEYED)
			continue;
		schema->items[schema->count++] = (struct graph_schema_item){
		        .label_or_type = edge->type,
		        .of_relationship = true,
		        /* each version has the key */
		        .unique = relationship_constraints && !edge->history && !schema__type_is_shared(plan, edge),
		        .key = edge->key,
		        .key_count = edge->key_count,
		};
	}
	rc = schema__waiting(schema, plan);
	return rc < 0 ? rc : schema__finish(schema);
}

bool graph_schema_matches(const struct graph_schema_item *item, const struct bolt_value *values, size_t count)
{
	if (count != 5 || !bolt_value_is_string(&values[0], item->label_or_type) ||
	    !bolt_value_is_string(&values[2], item->of_relationship ? "RELATIONSHIP" : "NODE") ||
	    values[1].type != BOLT_TYPE_LIST || values[1].size != item->key_count)
		return false;
	if (item->unique && !(values[3].type == BOLT_TYPE_BOOL && values[3].boolean))
		return false;
	for (uint32_t i = 0; i < item->key_count; i++)
		if (!bolt_value_is_string(&values[1].items[i], item->key[i].name))
			return false;
	return bolt_value_is_string(&values[4], "ONLINE");
}

/* ---- what is not needed any more ---- */

const char graph_schema_list[] =
        "SHOW INDEXES YIELD name, entityType, labelsOrTypes, properties, owningConstraint, type "
        "WHERE type = 'RANGE' OR type = 'BTREE' "
        "RETURN labelsOrTypes[0], properties, entityType, owningConstraint IS NOT NULL, coalesce(owningConstraint, name)";

/* What Neo4j calls it when the statement that makes it does not: "constraint_" or "index_", and a number in hex. */
static bool schema__is_named_by_neo4j(const struct bolt_value *name)
{
	static const char *const prefixes[] = {"constraint_", "index_"};

	for (size_t i = 0; name->type == BOLT_TYPE_STRING && i < 2; i++) {
		size_t size = strlen(prefixes[i]), at = size;

		if (name->size <= size || memcmp(name->string, prefixes[i], size) != 0)
			continue;
		while (at < name->size && strchr("0123456789abcdef", name->string[at]))
			at++;
		return at == name->size;
	}
	return false;
}

static bool schema__is_on(const struct bolt_value *values, const char *label_or_type, bool of_relationship)
{
	return bolt_value_is_string(&values[0], label_or_type) &&
	       bolt_value_is_string(&values[2], of_relationship ? "RELATIONSHIP" : "NODE");
}

static bool schema__has_key(const struct bolt_value *values, const struct described_properties *key)
{
	if (!key->count || values[1].size != key->count)
		return false;
	for (uint32_t i = 0; i < key->count; i++)
		if (!bolt_value_is_string(&values[1].items[i], key->items[i].name))
			return false;
	return true;
}

/* The name without what is in front of it where something waits. */
static struct bolt_value schema__name(const struct bolt_value *name)
{
	size_t size = strlen(MAPPING_WAITING);
	struct bolt_value own = *name;

	if (own.type == BOLT_TYPE_STRING && own.size > size && memcmp(own.string, MAPPING_WAITING, size) == 0) {
		own.string += size;
		own.size -= (uint32_t)size;
	}
	return own;
}

static bool schema__was_needed(const struct descriptions *before, const struct bolt_value *shown)
{
	const struct bolt_value values[] = {schema__name(&shown[0]), shown[1], shown[2]};

	for (uint32_t i = 0; before && i < before->count; i++) {
		const struct description *description = &before->items[i];

		for (uint32_t j = 0; j < description->nodes_count; j++)
			if (schema__is_on(values, description->nodes[j].label, false) &&
			    schema__has_key(values, &description->nodes[j].key))
				return true;
		for (uint32_t j = 0; j < description->edges_count; j++)
			if (schema__is_on(values, description->edges[j].type, true) &&
			    schema__has_key(values, &description->edges[j].key))
				return true;
	}
	return false;
}

static bool schema__is_interim(const struct bolt_value *name)
{
	size_t size = strlen(GRAPH_SCHEMA_INTERIM);

	return name->type == BOLT_TYPE_STRING && name->size > size && memcmp(name->string, GRAPH_SCHEMA_INTERIM, size) == 0;
}

static const struct graph_schema_item *schema__wanted(const struct graph_schema *schema, const struct bolt_value *values)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct graph_schema_item *item = &schema->items[i];
		uint32_t same = 0;

		if (!schema__is_on(values, item->label_or_type, item->of_relationship) || values[1].size != item->key_count)
			continue;
		while (same < item->key_count && bolt_value_is_string(&values[1].items[same], item->key[same].name))
			same++;
		if (same == item->key_count)
			return item;
	}
	return NULL;
}

void graph_schema_drop(const struct graph_schema *schema, const struct descriptions *before, const struct bolt_value *values,
                       size_t count, struct buffer *cypher)
{
	bool unique = count == 5 && values[3].type == BOLT_TYPE_BOOL && values[3].boolean, stale;
	const struct graph_schema_item *item;

	if (count != 5 || values[1].type != BOLT_TYPE_LIST)
		return;
	item = schema__wanted(schema, values);
	if (schema__is_interim(&values[4]))
		stale = before != NULL;
	else
		stale = schema__is_named_by_neo4j(&values[4]) &&
		        (item ? item->unique != unique : schema__was_needed(before, values));
	if (!stale)
		return;
	buffer_append_text(cypher, unique ? "DROP CONSTRAINT " : "DROP INDEX ");
	buffer_append(cypher, values[4].string, values[4].size);
	buffer_append_text(cypher, " IF EXISTS");
}
