#include "mapping/describe.h"

#include "mapping/compile.h"
#include "mapping/condition.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CONVERSION_SIZE_MAX ((size_t)64 * 1024)
#define CONDITION_SQL_MAX ((size_t)256 * 1024)
#define DESCRIPTIONS_ARENA_MAX ((size_t)256 * 1024 * 1024)

static const char *const edge_kinds[] = {
        [PLAN_EDGE_FOREIGN_KEY] = DESCRIBED_FOREIGN_KEY,
        [PLAN_EDGE_JOIN_ENDS] = DESCRIBED_JOIN_ENDS,
        [PLAN_EDGE_JOIN_KEYED] = DESCRIBED_JOIN_KEYED,
};
static const char *const numeric_forms[] = {
        [NUMERIC_AS_TEXT] = "text",
        [NUMERIC_AS_FLOAT] = "float",
        [NUMERIC_AS_INTEGER] = "integer",
};
#define NUMERIC_FORMS (sizeof(numeric_forms) / sizeof(*numeric_forms))

/* ---- writing ---- */

/* jansson's *_set_new and *_append_new take the value even when they fail, so one flag is enough. */
struct describer {
	const struct plan *plan;
	bool failed;
};

static void describe__set(struct describer *describer, json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new(object, key, value) != 0)
		describer->failed = true;
}

static void describe__append(struct describer *describer, json_t *array, json_t *value)
{
	if (!value || json_array_append_new(array, value) != 0)
		describer->failed = true;
}

static json_t *describe__column(struct describer *describer, const struct plan_column *column)
{
	json_t *object = json_object();

	describe__set(describer, object, "column", json_string(column->name));
	describe__set(describer, object, "attnum", json_integer(column->attnum));
	return object;
}

/* The parts count by number; the words are for people. */
static void describe__concatenation(struct describer *describer, json_t *object, const struct plan_table *table,
                                    const struct concatenation *concatenation)
{
	json_t *parts = json_array();
	struct buffer words;

	buffer_init(&words, CONVERSION_SIZE_MAX);
	for (uint32_t i = 0; i < concatenation->count; i++)
		describe__append(describer, parts, json_integer(table->columns[concatenation->columns[i]].attnum));
	mapping_concatenation_words(&words, table, concatenation);
	describe__set(describer, object, "parts", parts);
	describe__set(describer, object, "separator", json_string(concatenation->separator));
	describe__set(describer, object, "columns", json_string(buffer_text(&words)));
	describer->failed = describer->failed || words.failed;
	buffer_free(&words);
}

static json_t *describe__property(struct describer *describer, const struct plan_table *table,
                                  const struct plan_property *property)
{
	json_t *object = describe__column(describer, &table->columns[property->column]);

	if (property->concatenation)
		describe__concatenation(describer, object, table, property->concatenation);
	describe__set(describer, object, "name", json_string(property->name));
	describe__set(describer, object, "type", json_string(type_kind_name(property->type.kind)));
	if (property->type.array)
		describe__set(describer, object, "array", json_true());
	if (property->type.kind == TYPE_NUMERIC)
		describe__set(describer, object, "as", json_string(numeric_forms[property->type.numeric_as]));
	if (property->type.conversion) {
		struct buffer words;

		buffer_init(&words, CONVERSION_SIZE_MAX);
		mapping_conversion_words(&words, property->type.conversion);
		describe__set(describer, object, "conversion", json_string(buffer_text(&words)));
		describer->failed = describer->failed || words.failed;
		buffer_free(&words);
	}
	return object;
}

static json_t *describe__properties(struct describer *describer, const struct plan_table *table,
                                    const struct plan_property *properties, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		describe__append(describer, array, describe__property(describer, table, &properties[i]));
	return array;
}

static json_t *describe__table(struct describer *describer, const struct plan_table *table)
{
	json_t *object = json_object();

	describe__set(describer, object, "oid", json_integer(table->oid));
	describe__set(describer, object, "schema", json_string(table->schema));
	describe__set(describer, object, "name", json_string(table->name));
	return object;
}

static void describe__where(struct describer *describer, json_t *object, const struct plan_table *table,
                            const struct condition *where)
{
	struct buffer sql;

	if (!where)
		return;
	buffer_init(&sql, CONDITION_SQL_MAX);
	condition_words(&sql, where, table);
	describe__set(describer, object, "where", json_string(buffer_text(&sql)));
	describer->failed = describer->failed || sql.failed;
	buffer_free(&sql);
}

/* Only where there are any, so that what was described before there could be some stays as it is. */
static void describe__labels_chosen(struct describer *describer, json_t *object, const struct plan_node *node)
{
	const struct plan_table *table = &describer->plan->tables[node->table];
	json_t *chosen;

	if (!node->labels_chosen_count)
		return;
	chosen = json_array();
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		json_t *label = json_object();

		describe__set(describer, label, "label", json_string(node->labels_chosen[i].name));
		describe__where(describer, label, table, node->labels_chosen[i].where);
		describe__append(describer, chosen, label);
	}
	describe__set(describer, object, "labels_chosen", chosen);
}

/* No column stands behind its key: the relationships say which ones. */
static void describe__value_node(struct describer *describer, json_t *object, const struct plan_node *node)
{
	const struct plan_column column = {.name = node->key->name};
	const struct plan_table none = {.columns = &column};

	describe__set(describer, object, "value", json_string(node->keep ? DESCRIBED_VALUE_KEEP : DESCRIBED_VALUE_REMOVE));
	describe__set(describer, object, "key", describe__properties(describer, &none, node->key, node->key_count));
	describe__set(describer, object, "properties", json_array());
}

static void describe__element_id(struct describer *describer, json_t *object, const struct plan_element_id *element_id)
{
	json_t *described;

	if (!element_id)
		return;
	described = json_object();
	if (element_id->column) {
		describe__set(describer, described, "attnum", json_integer(element_id->attnum));
	} else {
		describe__set(describer, described, "schema", json_string(element_id->schema));
		describe__set(describer, described, "table", json_string(element_id->table));
	}
	describe__set(describer, object, "element_id", described);
}

static json_t *describe__node(struct describer *describer, const struct plan_node *node)
{
	const struct plan_table *table;
	uint32_t labels_at = plan_node_labels_at(node);
	json_t *object = json_object(), *labels = json_array();

	for (uint32_t i = 0; i < node->labels_more_count; i++)
		describe__append(describer, labels, json_string(node->labels_more[i]));
	describe__set(describer, object, "label", json_string(node->label));
	describe__set(describer, object, "labels", labels);
	if (plan_node_is_value(node)) {
		describe__value_node(describer, object, node);
		return object;
	}
	table = &describer->plan->tables[node->table];
	describe__labels_chosen(describer, object, node);
	describe__where(describer, object, table, node->where);
	if (node->deleted_label) {
		describe__set(describer, object, "on_delete", json_string(plan_on_delete_names[node->on_delete]));
		describe__set(describer, object, "deleted_label", json_string(node->deleted_label));
	}
	if (plan_node_waits(node))
		describe__set(describer, object, "missing", json_string(plan_missing_names[node->missing]));
	describe__element_id(describer, object, node->element_id);
	describe__set(describer, object, "table", describe__table(describer, table));
	describe__set(describer, object, "key", describe__properties(describer, table, node->key, node->key_count));
	describe__set(describer, object, "properties", describe__properties(describer, table, node->properties, labels_at));
	if (labels_at < node->properties_count)
		describe__set(describer, object, "labels_by_value",
		              describe__properties(describer, table, node->properties + labels_at,
		                                   node->properties_count - labels_at));
	return object;
}

static json_t *describe__end(struct describer *describer, const struct plan_table *table, const struct plan_end *end)
{
	const struct plan_node *node = &describer->plan->nodes[end->node];
	json_t *object = json_object(), *columns = json_array();

	for (uint32_t i = 0; i < end->by_count; i++)
		describe__append(describer, columns, describe__column(describer, &table->columns[end->columns[i]]));
	describe__set(describer, object, "label", json_string(node->label));
	describe__set(describer, object, "columns", columns);
	return object;
}

/* Only where an end is found by something else than its key. */
static void describe__by(struct describer *describer, json_t *object, const struct plan_edge *edge)
{
	const struct plan_end *end = edge->from.by_key ? &edge->to : &edge->from;
	json_t *names;

	if (end->by_key)
		return;
	names = json_array();
	for (uint32_t i = 0; i < end->by_count; i++)
		describe__append(describer, names, json_string(end->by[i].name));
	describe__set(describer, object, "by", names);
}

/* The place is a property that may be renamed; with and without one, other relationships are made. */
static void describe__each(struct describer *describer, json_t *object, const struct plan_edge *edge)
{
	const struct plan_table *table = &describer->plan->tables[edge->table];

	describe__set(describer, object, "each", json_string(edge->key_count ? "place" : "element"));
	describe__set(describer, object, "key", json_array());
	describe__set(describer, object, "properties", describe__properties(describer, table, edge->key, edge->key_count));
}

/* Only where there is one, as above. */
static void describe__history(struct describer *describer, json_t *object, const struct plan_history *history)
{
	json_t *names;

	if (!history)
		return;
	names = json_object();
	describe__set(describer, names, "from", json_string(history->from));
	describe__set(describer, names, "to", json_string(history->to));
	describe__set(describer, names, "version", json_string(history->version));
	describe__set(describer, object, "history", names);
}

static json_t *describe__edge(struct describer *describer, const struct plan_edge *edge)
{
	const struct plan_table *table = &describer->plan->tables[edge->table];
	json_t *object = json_object();

	describe__set(describer, object, "kind", json_string(edge_kinds[edge->kind]));
	describe__set(describer, object, "type", json_string(edge->type));
	describe__set(describer, object, "table", describe__table(describer, table));
	describe__where(describer, object, table, edge->where);
	describe__by(describer, object, edge);
	describe__history(describer, object, edge->history);
	describe__set(describer, object, "from", describe__end(describer, table, &edge->from));
	describe__set(describer, object, "to", describe__end(describer, table, &edge->to));
	if (edge->each) {
		describe__each(describer, object, edge);
		return object;
	}
	describe__set(describer, object, "key", describe__properties(describer, table, edge->key, edge->key_count));
	describe__set(describer, object, "properties",
	              describe__properties(describer, table, edge->properties, edge->properties_count));
	return object;
}

static int describe__to_buffer(const char *bytes, size_t size, void *user)
{
	buffer_append(user, bytes, size);
	return 0;
}

int plan_describe(const struct plan *plan, struct buffer *json)
{
	struct describer describer = {.plan = plan};
	json_t *object = json_object(), *nodes = json_array(), *edges = json_array();

	for (uint32_t i = 0; i < plan->nodes_count; i++)
		describe__append(&describer, nodes, describe__node(&describer, &plan->nodes[i]));
	for (uint32_t i = 0; i < plan->edges_count; i++)
		describe__append(&describer, edges, describe__edge(&describer, plan->edges[i]));
	describe__set(&describer, object, "nodes", nodes);
	describe__set(&describer, object, "relationships", edges);
	if (!describer.failed && json_dump_callback(object, describe__to_buffer, json, JSON_COMPACT | JSON_SORT_KEYS) != 0)
		describer.failed = true;
	json_decref(object);
	return describer.failed || json->failed ? ERR_NOMEM : 0;
}

int plan_describe_after(const struct plan *plan, const struct descriptions *before, const char *list, struct buffer *json)
{
	int rc;

	if (before->count >= DESCRIPTIONS_MAX)
		return ERR_LIMIT;
	if (before->count) {
		buffer_append(json, list, (size_t)(strrchr(list, ']') - list));
		buffer_append_byte(json, ',');
	} else {
		buffer_append_byte(json, '[');
	}
	rc = plan_describe(plan, json);
	buffer_append_byte(json, ']');
	return rc < 0 ? rc : json->failed ? ERR_NOMEM : 0;
}

/* ---- reading ---- */

/* Sticky: the first thing wrong is kept, and what is read after it is empty. */
struct description_reader {
	struct arena *arena;
	int rc;
};

static void read__fail(struct description_reader *reader, int rc)
{
	if (!reader->rc)
		reader->rc = rc;
}

static void *read__calloc(struct description_reader *reader, size_t count, size_t size)
{
	void *memory = arena_calloc(reader->arena, count, size);

	if (!memory)
		read__fail(reader, ERR_NOMEM);
	return memory;
}

static const char *read__copy(struct description_reader *reader, const char *text)
{
	const char *copy = arena_strdup(reader->arena, text);

	if (!copy)
		read__fail(reader, ERR_NOMEM);
	return copy ? copy : "";
}

/* A name: text that is not empty. It is taken out of the object. */
static const char *read__text(struct description_reader *reader, json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	const char *copy;

	if (!text || !*text) {
		read__fail(reader, ERR_PROTOCOL);
		return "";
	}
	copy = read__copy(reader, text);
	json_object_del(object, key);
	return copy;
}

static int64_t read__int(struct description_reader *reader, json_t *object, const char *key, int64_t min, int64_t max)
{
	json_t *value = json_object_get(object, key);
	int64_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < min || number > max) {
		read__fail(reader, ERR_PROTOCOL);
		return 0;
	}
	json_object_del(object, key);
	return number;
}

static json_t *read__array(struct description_reader *reader, json_t *object, const char *key)
{
	json_t *array = json_object_get(object, key);

	if (!json_is_array(array))
		read__fail(reader, ERR_PROTOCOL);
	return array;
}

/* What is left in the object, as text. */
static const char *read__further(struct description_reader *reader, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	const char *copy;

	if (!text) {
		read__fail(reader, ERR_NOMEM);
		return "";
	}
	copy = read__copy(reader, text);
	free(text);
	return copy;
}

static struct type read__type(struct description_reader *reader, json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "type"));
	const char *as = json_string_value(json_object_get(object, "as"));
	struct type type = {.array = json_is_true(json_object_get(object, "array"))};

	if (!kind)
		read__fail(reader, ERR_PROTOCOL);
#define X(name, what)                                                                                                          \
	if (kind && strcmp(kind, type_kind_name(TYPE_##name)) == 0)                                                            \
		type.kind = TYPE_##name;
	TYPE_KINDS(X)
#undef X
	for (size_t i = 0; as && i < NUMERIC_FORMS; i++)
		if (strcmp(as, numeric_forms[i]) == 0)
			type.numeric_as = (enum numeric_as)i;
	return type;
}

static void read__property(struct description_reader *reader, json_t *object, struct described_property *property)
{
	const char *converted = json_string_value(json_object_get(object, "conversion"));

	property->name = read__text(reader, object, "name");
	property->column = read__text(reader, object, "column");
	property->attnum = (int16_t)read__int(reader, object, "attnum", INT16_MIN, INT16_MAX);
	property->type = read__type(reader, object);
	property->converted = converted ? read__copy(reader, converted) : NULL;
	if (json_object_get(object, "columns"))
		property->columns = read__text(reader, object, "columns");
	property->source = read__further(reader, object);
}

static struct described_properties read__properties(struct description_reader *reader, json_t *object, const char *key)
{
	json_t *array = read__array(reader, object, key);
	size_t count = json_array_size(array);
	struct described_property *items = read__calloc(reader, count, sizeof(*items));

	for (size_t i = 0; i < count && !reader->rc; i++)
		read__property(reader, json_array_get(array, i), &items[i]);
	json_object_del(object, key);
	return (struct described_properties){.items = items, .count = (uint32_t)count};
}

static struct described_table read__table(struct description_reader *reader, json_t *object)
{
	json_t *table = json_object_get(object, "table");
	struct described_table read = {
	        .oid = (uint32_t)read__int(reader, table, "oid", 1, UINT32_MAX),
	        .schema = read__text(reader, table, "schema"),
	        .name = read__text(reader, table, "name"),
	};

	json_object_del(object, "table");
	return read;
}

static void read__labels(struct description_reader *reader, json_t *object, struct described_node *node)
{
	json_t *array = read__array(reader, object, "labels");
	size_t count = json_array_size(array);
	const char **labels = read__calloc(reader, count, sizeof(*labels));

	for (size_t i = 0; i < count && !reader->rc; i++) {
		const char *label = json_string_value(json_array_get(array, i));

		if (!label || !*label)
			read__fail(reader, ERR_PROTOCOL);
		else
			labels[i] = read__copy(reader, label);
	}
	node->labels_more = labels;
	node->labels_more_count = (uint32_t)count;
	json_object_del(object, "labels");
}

/* The names alone, of what may be missing; with all else they stay in what is kept as text. */
static const char *const *read__names(struct description_reader *reader, json_t *object, const char *list, const char *key,
                                      uint32_t *ret_count)
{
	json_t *array = json_object_get(object, list);
	size_t count = json_array_size(array);
	const char **names = read__calloc(reader, count, sizeof(*names));

	for (size_t i = 0; i < count && !reader->rc; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(array, i), key));

		if (!name || !*name)
			read__fail(reader, ERR_PROTOCOL);
		else
			names[i] = read__copy(reader, name);
	}
	*ret_count = (uint32_t)count;
	return names;
}

static const char *read__where(struct description_reader *reader, json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "where"));
	const char *where = text ? read__copy(reader, text) : NULL;

	json_object_del(object, "where");
	return where;
}

/* NULL: it has a table. */
static const char *read__value(struct description_reader *reader, json_t *object)
{
	return json_object_get(object, "value") ? read__text(reader, object, "value") : NULL;
}

static void read__element_id(struct description_reader *reader, json_t *object, struct described_node *node)
{
	json_t *element_id = json_object_get(object, "element_id");
	char *text;

	if (!element_id)
		return;
	text = json_is_object(element_id) ? json_dumps(element_id, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!text) {
		read__fail(reader, ERR_PROTOCOL);
		return;
	}
	node->element_id = read__copy(reader, text);
	node->element_id_beside = json_object_get(element_id, "table") != NULL;
	free(text);
	json_object_del(object, "element_id");
}

static const char *read__missing(struct description_reader *reader, json_t *object)
{
	return json_object_get(object, "missing") ? read__text(reader, object, "missing")
	                                          : plan_missing_names[PLAN_MISSING_PLACEHOLDER];
}

static void read__node(struct description_reader *reader, json_t *object, struct described_node *node)
{
	node->label = read__text(reader, object, "label");
	node->value = read__value(reader, object);
	if (!node->value)
		node->table = read__table(reader, object);
	node->key = read__properties(reader, object, "key");
	node->properties = read__properties(reader, object, "properties");
	read__labels(reader, object, node);
	node->labels_chosen = read__names(reader, object, "labels_chosen", "label", &node->labels_chosen_count);
	node->prefixes = read__names(reader, object, "labels_by_value", "name", &node->prefixes_count);
	node->where = read__where(reader, object);
	node->missing = read__missing(reader, object);
	read__element_id(reader, object, node);
	node->further = read__further(reader, object);
	if (!node->key.count)
		read__fail(reader, ERR_PROTOCOL);
}

static struct described_end read__end(struct description_reader *reader, json_t *object, const char *key)
{
	json_t *end = json_object_get(object, key);
	json_t *array = read__array(reader, end, "columns");
	size_t count = json_array_size(array);
	struct described_column *columns = read__calloc(reader, count, sizeof(*columns));
	struct described_end read = {
	        .label = read__text(reader, end, "label"), .columns = columns, .columns_count = (uint32_t)count};

	for (size_t i = 0; i < count && !reader->rc; i++) {
		json_t *column = json_array_get(array, i);

		columns[i].name = read__text(reader, column, "column");
		columns[i].attnum = (int16_t)read__int(reader, column, "attnum", INT16_MIN, INT16_MAX);
	}
	json_object_del(object, key);
	return read;
}

static void read__history(struct description_reader *reader, json_t *object, struct described_edge *edge)
{
	json_t *names = json_object_get(object, "history");

	if (!names)
		return;
	edge->history = (struct described_history){
	        .from = read__text(reader, names, "from"),
	        .to = read__text(reader, names, "to"),
	        .version = read__text(reader, names, "version"),
	};
	edge->keeps_history = true;
	if (!json_object_size(names))
		json_object_del(object, "history");
}

static void read__edge(struct description_reader *reader, json_t *object, struct described_edge *edge)
{
	edge->kind = read__text(reader, object, "kind");
	edge->type = read__text(reader, object, "type");
	edge->table = read__table(reader, object);
	edge->from = read__end(reader, object, "from");
	edge->to = read__end(reader, object, "to");
	edge->key = read__properties(reader, object, "key");
	edge->properties = read__properties(reader, object, "properties");
	edge->where = read__where(reader, object);
	read__history(reader, object, edge);
	edge->further = read__further(reader, object);
}

static void read__description(struct description_reader *reader, json_t *object, struct description *description)
{
	json_t *nodes = read__array(reader, object, "nodes"), *edges = read__array(reader, object, "relationships");

	description->nodes_count = (uint32_t)json_array_size(nodes);
	description->edges_count = (uint32_t)json_array_size(edges);
	description->nodes = read__calloc(reader, description->nodes_count, sizeof(*description->nodes));
	description->edges = read__calloc(reader, description->edges_count, sizeof(*description->edges));
	for (uint32_t i = 0; i < description->nodes_count && !reader->rc; i++)
		read__node(reader, json_array_get(nodes, i), &description->nodes[i]);
	for (uint32_t i = 0; i < description->edges_count && !reader->rc; i++)
		read__edge(reader, json_array_get(edges, i), &description->edges[i]);
}

int descriptions_read(const char *json, size_t size, struct descriptions *descriptions)
{
	struct description_reader reader = {.arena = &descriptions->arena};
	json_t *array;

	*descriptions = (struct descriptions){0};
	arena_init(&descriptions->arena, DESCRIPTIONS_ARENA_MAX);
	if (size == 0)
		return 0;
	if (size > DESCRIPTIONS_SIZE_MAX)
		return ERR_LIMIT;
	/* Jansson passes over a NUL behind a number; the list has to be a text as well, see plan_describe_after() */
	array = memchr(json, '\0', size) ? NULL : json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(array) || json_array_size(array) > DESCRIPTIONS_MAX)
		read__fail(&reader, ERR_PROTOCOL);
	else
		descriptions->items = read__calloc(&reader, json_array_size(array), sizeof(*descriptions->items));
	for (size_t i = 0; !reader.rc && i < json_array_size(array); i++, descriptions->count++)
		read__description(&reader, json_array_get(array, i), &descriptions->items[i]);
	json_decref(array);
	return reader.rc;
}
