#include "mapping/render.h"

#include "mapping/compile.h"
#include "mapping/condition.h"

#include <jansson.h>

#define CONVERSION_SIZE_MAX ((size_t)64 * 1024)
#define WHERE_SIZE_MAX ((size_t)256 * 1024)

/* jansson's *_set_new and *_append_new take the value even when they fail, so one flag is enough. */
struct json_writer {
	const struct plan *plan;
	bool failed;
};

static void json__set(struct json_writer *writer, json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new(object, key, value) != 0)
		writer->failed = true;
}

static void json__append(struct json_writer *writer, json_t *array, json_t *value)
{
	if (!value || json_array_append_new(array, value) != 0)
		writer->failed = true;
}

static void json__concatenation(struct json_writer *writer, json_t *object, const struct plan_table *table,
                                const struct concatenation *concatenation)
{
	json_t *columns = json_array();

	for (uint32_t i = 0; i < concatenation->count; i++)
		json__append(writer, columns, json_string(table->columns[concatenation->columns[i]].name));
	json__set(writer, object, "column", json_null());
	json__set(writer, object, "columns", columns);
	json__set(writer, object, "separator", json_string(concatenation->separator));
	json__set(writer, object, "type", json_string("text"));
}

static json_t *json__property(struct json_writer *writer, const struct plan_table *table, const struct plan_property *property)
{
	static const char *const forms[] = {"text", "float", "integer"};
	const struct plan_column *column = &table->columns[property->column];
	json_t *object = json_object();

	json__set(writer, object, "name", json_string(property->name));
	if (property->concatenation) {
		json__concatenation(writer, object, table, property->concatenation);
	} else {
		json__set(writer, object, "column", json_string(column->name));
		json__set(writer, object, "type", json_string(column->type_name));
	}
	if (property->type.kind == TYPE_NUMERIC)
		json__set(writer, object, "as", json_string(forms[property->type.numeric_as]));
	if (property->type.conversion) {
		struct buffer words;

		buffer_init(&words, CONVERSION_SIZE_MAX);
		mapping_conversion_words(&words, property->type.conversion);
		json__set(writer, object, "conversion", json_string(buffer_text(&words)));
		buffer_free(&words);
	}
	return object;
}

static json_t *json__properties(struct json_writer *writer, const struct plan_table *table,
                                const struct plan_property *properties, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json__append(writer, array, json__property(writer, table, &properties[i]));
	return array;
}

static void json__where(struct json_writer *writer, json_t *object, const struct plan_table *table,
                        const struct condition *where)
{
	struct buffer words;

	if (!where)
		return;
	buffer_init(&words, WHERE_SIZE_MAX);
	condition_words(&words, where, table);
	json__set(writer, object, "where", json_string(buffer_text(&words)));
	buffer_free(&words);
}

/* The keys are those of any node. */
static void json__value_node(struct json_writer *writer, json_t *object, const struct plan_node *node)
{
	json_t *property = json_object(), *key = json_array();

	json__set(writer, property, "name", json_string(node->key->name));
	json__set(writer, property, "column", json_null());
	json__set(writer, property, "type", json_null());
	json__append(writer, key, property);
	json__set(writer, object, "unused", json_string(node->keep ? "keep" : "remove"));
	json__set(writer, object, "schema", json_null());
	json__set(writer, object, "table", json_null());
	json__set(writer, object, "labels_chosen", json_array());
	json__set(writer, object, "key", key);
	json__set(writer, object, "properties", json_array());
	json__set(writer, object, "may_be_placeholder", json_false());
	json__set(writer, object, "rows_estimate", json_null());
}

static json_t *json__element_id(struct json_writer *writer, const struct plan_element_id *element_id)
{
	json_t *object = element_id ? json_object() : json_null();

	if (!element_id)
		return object;
	if (element_id->column) {
		json__set(writer, object, "column", json_string(element_id->column));
	} else {
		json__set(writer, object, "schema", json_string(element_id->schema));
		json__set(writer, object, "table", json_string(element_id->table));
	}
	return object;
}

static json_t *json__node(struct json_writer *writer, const struct plan_node *node)
{
	const struct plan_table *table;
	json_t *object = json_object(), *labels = json_array(), *chosen;
	uint32_t labels_at = plan_node_labels_at(node);

	json__append(writer, labels, json_string(node->label));
	for (uint32_t i = 0; i < node->labels_more_count; i++)
		json__append(writer, labels, json_string(node->labels_more[i]));
	json__set(writer, object, "label", json_string(node->label));
	json__set(writer, object, "labels", labels);
	if (plan_node_is_value(node)) {
		json__value_node(writer, object, node);
		return object;
	}
	table = &writer->plan->tables[node->table];
	chosen = json_array();
	json__set(writer, object, "schema", json_string(table->schema));
	json__set(writer, object, "table", json_string(table->name));
	json__where(writer, object, table, node->where);
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		json_t *label = json_object();

		json__set(writer, label, "label", json_string(node->labels_chosen[i].name));
		json__where(writer, label, table, node->labels_chosen[i].where);
		json__append(writer, chosen, label);
	}
	json__set(writer, object, "labels_chosen", chosen);
	json__set(writer, object, "key", json__properties(writer, table, node->key, node->key_count));
	json__set(writer, object, "properties", json__properties(writer, table, node->properties, labels_at));
	json__set(writer, object, "labels_by_value",
	          json__properties(writer, table, node->properties + labels_at, node->properties_count - labels_at));
	json__set(writer, object, "on_delete", json_string(plan_on_delete_names[node->on_delete]));
	json__set(writer, object, "deleted_label", node->deleted_label ? json_string(node->deleted_label) : json_null());
	json__set(writer, object, "element_id", json__element_id(writer, node->element_id));
	json__set(writer, object, "missing", json_string(plan_missing_names[node->missing]));
	json__set(writer, object, "may_be_placeholder", json_boolean(node->may_be_placeholder && !plan_node_waits(node)));
	json__set(writer, object, "rows_estimate",
	          table->rows_estimate < 0 ? json_null() : json_integer((json_int_t)table->rows_estimate));
	return object;
}

static json_t *json__end(struct json_writer *writer, const struct plan_table *table, const struct plan_end *end)
{
	const struct plan_node *node = &writer->plan->nodes[end->node];
	json_t *object = json_object();
	json_t *columns = json_array(), *by = json_array();

	for (uint32_t i = 0; i < end->by_count; i++) {
		json__append(writer, columns, json_string(table->columns[end->columns[i]].name));
		json__append(writer, by, json_string(end->by[i].name));
	}
	json__set(writer, object, "label", json_string(node->label));
	json__set(writer, object, "columns", columns);
	json__set(writer, object, "by", by);
	json__set(writer, object, "enforced", json_boolean(end->enforced));
	return object;
}

static void json__history(struct json_writer *writer, json_t *object, const struct plan_history *history)
{
	json_t *names;

	if (!history)
		return;
	names = json_object();
	json__set(writer, names, "from", json_string(history->from));
	json__set(writer, names, "to", json_string(history->to));
	json__set(writer, names, "version", json_string(history->version));
	json__set(writer, object, "history", names);
}

static json_t *json__edge(struct json_writer *writer, const struct plan_edge *edge)
{
	static const char *const kinds[] = {"foreign_key", "join_ends", "join_keyed"};
	const struct plan_table *table = &writer->plan->tables[edge->table];
	json_t *object = json_object();

	json__set(writer, object, "type", json_string(edge->type));
	json__set(writer, object, "kind", json_string(kinds[edge->kind]));
	json__set(writer, object, "schema", json_string(table->schema));
	json__set(writer, object, "table", json_string(table->name));
	json__where(writer, object, table, edge->where);
	json__set(writer, object, "from", json__end(writer, table, &edge->from));
	json__set(writer, object, "to", json__end(writer, table, &edge->to));
	json__set(writer, object, "each", json_boolean(edge->each));
	json__set(writer, object, "position", edge->each && edge->key_count ? json_string(edge->key->name) : json_null());
	json__set(writer, object, "key", json__properties(writer, table, edge->key, edge->each ? 0 : edge->key_count));
	json__set(writer, object, "properties", json__properties(writer, table, edge->properties, edge->properties_count));
	json__history(writer, object, edge->history);
	json__set(writer, object, "words", json_string(edge->words));
	return object;
}

static json_t *json__plan(struct json_writer *writer, const struct plan_sample *sample)
{
	const struct plan *plan = writer->plan;
	json_t *object = json_object(), *nodes = json_array(), *edges = json_array(), *order = json_array();
	json_t *lines = json_array();

	for (uint32_t i = 0; i < plan->nodes_count; i++)
		json__append(writer, nodes, json__node(writer, &plan->nodes[i]));
	for (uint32_t i = 0; i < plan->edges_count; i++)
		json__append(writer, edges, json__edge(writer, plan->edges[i]));
	for (uint32_t i = 0; i < plan->tables_count; i++)
		json__append(writer, order, json_sprintf("%s.%s", plan->tables[i].schema, plan->tables[i].name));
	for (uint32_t i = 0; sample && i < sample->lines_count; i++)
		json__append(writer, lines, json_string(sample->lines[i]));
	json__set(writer, object, "pipeline", json_string(plan->pipeline));
	json__set(writer, object, "digest", json_string(plan->digest));
	json__set(writer, object, "nodes", nodes);
	json__set(writer, object, "relationships", edges);
	json__set(writer, object, "loading_order", order);
	json__set(writer, object, "sample", lines);
	return object;
}

static int json__to_buffer(const char *bytes, size_t size, void *user)
{
	buffer_append(user, bytes, size);
	return 0;
}

int plan_render_json(const struct plan *plan, const struct plan_sample *sample, struct buffer *buffer)
{
	struct json_writer writer = {.plan = plan};
	json_t *object = json__plan(&writer, sample);

	if (!writer.failed && json_dump_callback(object, json__to_buffer, buffer, JSON_INDENT(2)) != 0)
		writer.failed = true;
	buffer_append_byte(buffer, '\n');
	json_decref(object);
	return writer.failed || buffer->failed ? ERR_NOMEM : 0;
}
