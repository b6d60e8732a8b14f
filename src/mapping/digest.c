#include "mapping/compile.h"
#include "mapping/condition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/*
 * The canonical text: everything that shapes the graph, one fact a line, names with their sizes so that no two mappings read
 * the same. Sorted by names, so that the order of the file does not count. A change of this form changes every digest: it needs
 * a new first line.
 */
#define DIGEST_FORM "pgweave mapping 1"
#define DIGEST_SIZE_MAX ((size_t)256 * 1024 * 1024)

static void digest__text(struct buffer *buffer, const char *text)
{
	buffer_printf(buffer, " %zu:", strlen(text));
	buffer_append_text(buffer, text);
}

static int digest__compare_properties(const void *a, const void *b)
{
	return strcmp((*(const struct plan_property *const *)a)->name, (*(const struct plan_property *const *)b)->name);
}

static int digest__compare_nodes(const void *a, const void *b)
{
	return strcmp((*(const struct plan_node *const *)a)->label, (*(const struct plan_node *const *)b)->label);
}

static int digest__compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Total: mapping_compile has refused two edges with the same three. */
static int digest__compare_edges(const void *a, const void *b, void *user)
{
	const struct plan_edge *first = *(const struct plan_edge *const *)a;
	const struct plan_edge *second = *(const struct plan_edge *const *)b;
	const struct plan *plan = user;
	int order = strcmp(first->type, second->type);

	if (order == 0)
		order = strcmp(plan->nodes[first->from.node].label, plan->nodes[second->from.node].label);
	if (order == 0)
		order = strcmp(plan->nodes[first->to.node].label, plan->nodes[second->to.node].label);
	return order;
}

static void digest__concatenation(struct buffer *buffer, const struct plan_table *table,
                                  const struct concatenation *concatenation)
{
	buffer_append_text(buffer, " concat");
	digest__text(buffer, concatenation->separator);
	for (uint32_t i = 0; i < concatenation->count; i++)
		digest__text(buffer, table->columns[concatenation->columns[i]].name);
}

static void digest__property(struct buffer *buffer, const struct plan_table *table, const struct plan_property *property)
{
	digest__text(buffer, property->name);
	if (property->concatenation)
		digest__concatenation(buffer, table, property->concatenation);
	else
		digest__text(buffer, table->columns[property->column].name);
	buffer_append_text(buffer, property->is_label ? " label" : "");
	buffer_printf(buffer, " %s%s %d\n", type_kind_name(property->type.kind), property->type.array ? "[]" : "",
	              property->type.kind == TYPE_NUMERIC ? (int)property->type.numeric_as : 0);
	if (property->type.conversion) {
		mapping_conversion_words(buffer, property->type.conversion);
		buffer_append_byte(buffer, '\n');
	}
}

static int digest__properties(struct buffer *buffer, const struct plan_table *table, const struct plan_property *key,
                              uint32_t key_count, const struct plan_property *properties, uint32_t count)
{
	const struct plan_property **sorted = calloc(count ? count : 1, sizeof(const struct plan_property *));

	if (!sorted)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < key_count; i++) {
		buffer_append_text(buffer, "key");
		digest__property(buffer, table, &key[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = &properties[i];
	qsort(sorted, count, sizeof(const struct plan_property *), digest__compare_properties);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(buffer, "property");
		digest__property(buffer, table, sorted[i]);
	}
	free(sorted);
	return 0;
}

static void digest__where(struct buffer *buffer, const struct plan_table *table, const struct condition *where)
{
	if (!where)
		return;
	buffer_append_text(buffer, "where ");
	condition_sql(buffer, where, table, NULL);
	buffer_append_byte(buffer, '\n');
}

/* Behind its labels. The columns that it comes from are said by its relationships. */
static void digest__value_node(struct buffer *buffer, const struct plan_node *node)
{
	buffer_append_text(buffer, node->keep ? "\nvalue keep" : "\nvalue");
	digest__text(buffer, node->key->name);
	buffer_printf(buffer, " %s\n", type_kind_name(node->key->type.kind));
}

static void digest__element_id(struct buffer *buffer, const struct plan_element_id *element_id)
{
	if (!element_id)
		return;
	buffer_append_text(buffer, element_id->column ? "element id column" : "element id table");
	if (element_id->column) {
		digest__text(buffer, element_id->column);
	} else {
		digest__text(buffer, element_id->schema);
		digest__text(buffer, element_id->table);
	}
	buffer_append_byte(buffer, '\n');
}

static int digest__node(struct buffer *buffer, const struct plan *plan, const struct plan_node *node)
{
	const struct plan_table *table;
	const char **labels = calloc(node->labels_more_count + 1, sizeof(const char *));

	if (!labels)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < node->labels_more_count; i++)
		labels[i] = node->labels_more[i];
	qsort(labels, node->labels_more_count, sizeof(const char *), digest__compare_texts);
	buffer_append_text(buffer, "node");
	digest__text(buffer, node->label);
	for (uint32_t i = 0; i < node->labels_more_count; i++)
		digest__text(buffer, labels[i]);
	free(labels);
	if (plan_node_is_value(node)) {
		digest__value_node(buffer, node);
		return 0;
	}
	table = &plan->tables[node->table];
	buffer_append_text(buffer, "\ntable");
	digest__text(buffer, table->schema);
	digest__text(buffer, table->name);
	buffer_append_byte(buffer, '\n');
	digest__where(buffer, table, node->where);
	if (node->deleted_label) {
		buffer_printf(buffer, "on_delete %s", plan_on_delete_names[node->on_delete]);
		digest__text(buffer, node->deleted_label);
		buffer_append_byte(buffer, '\n');
	}
	if (plan_node_waits(node))
		buffer_printf(buffer, "missing %s\n", plan_missing_names[node->missing]);
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		buffer_append_text(buffer, "label");
		digest__text(buffer, node->labels_chosen[i].name);
		buffer_append_byte(buffer, '\n');
		digest__where(buffer, table, node->labels_chosen[i].where);
	}
	digest__element_id(buffer, node->element_id);
	return digest__properties(buffer, table, node->key, node->key_count, node->properties, node->properties_count);
}

static void digest__end(struct buffer *buffer, const struct plan *plan, const struct plan_table *table, const char *name,
                        const struct plan_end *end)
{
	buffer_append_text(buffer, name);
	digest__text(buffer, plan->nodes[end->node].label);
	for (uint32_t i = 0; i < end->by_count; i++) {
		digest__text(buffer, table->columns[end->columns[i]].name);
		if (!end->by_key)
			digest__text(buffer, end->by[i].name);
	}
	buffer_append_byte(buffer, '\n');
}

static void digest__history(struct buffer *buffer, const struct plan_history *history)
{
	if (!history)
		return;
	buffer_append_text(buffer, "history");
	digest__text(buffer, history->from);
	digest__text(buffer, history->to);
	digest__text(buffer, history->version);
	buffer_append_byte(buffer, '\n');
}

static int digest__edge(struct buffer *buffer, const struct plan *plan, const struct plan_edge *edge)
{
	static const char *const kinds[] = {"foreign key", "join by ends", "join by key"};
	const struct plan_table *table = &plan->tables[edge->table];

	buffer_append_text(buffer, kinds[edge->kind]);
	digest__text(buffer, edge->type);
	buffer_append_text(buffer, "\ntable");
	digest__text(buffer, table->schema);
	digest__text(buffer, table->name);
	buffer_append_byte(buffer, '\n');
	digest__where(buffer, table, edge->where);
	if (edge->each)
		buffer_append_text(buffer, "for each element\n");
	digest__end(buffer, plan, table, "from", &edge->from);
	digest__end(buffer, plan, table, "to", &edge->to);
	digest__history(buffer, edge->history);
	return digest__properties(buffer, table, edge->key, edge->key_count, edge->properties, edge->properties_count);
}

static int digest__edges(struct buffer *buffer, struct plan *plan)
{
	const struct plan_edge **sorted = calloc(plan->edges_count + 1, sizeof(const struct plan_edge *));
	int status = sorted ? 0 : ERR_NOMEM;

	for (uint32_t i = 0; !status && i < plan->edges_count; i++)
		sorted[i] = plan->edges[i];
	if (!status)
		qsort_r(sorted, plan->edges_count, sizeof(const struct plan_edge *), digest__compare_edges, plan);
	for (uint32_t i = 0; !status && i < plan->edges_count; i++)
		status = digest__edge(buffer, plan, sorted[i]);
	free(sorted);
	return status;
}

static int digest__compare_tables(const void *a, const void *b)
{
	const struct plan_table *first = *(const struct plan_table *const *)a, *second = *(const struct plan_table *const *)b;
	int order = strcmp(first->schema, second->schema);

	return order ? order : strcmp(first->name, second->name);
}

/* Which columns are sent shapes no graph, but the publication has to follow. */
static int digest__published(struct buffer *buffer, const struct plan *plan)
{
	const struct plan_table **sorted = calloc(plan->tables_count + 1, sizeof(const struct plan_table *));

	if (!sorted)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < plan->tables_count; i++)
		sorted[i] = &plan->tables[i];
	qsort(sorted, plan->tables_count, sizeof(const struct plan_table *), digest__compare_tables);
	for (uint32_t i = 0; i < plan->tables_count; i++) {
		if (!sorted[i]->published)
			continue;
		buffer_append_text(buffer, "published");
		digest__text(buffer, sorted[i]->schema);
		digest__text(buffer, sorted[i]->name);
		for (uint32_t c = 0; c < sorted[i]->published_count; c++)
			digest__text(buffer, sorted[i]->published[c].name);
		buffer_append_byte(buffer, '\n');
	}
	free(sorted);
	return 0;
}

static int digest__write(struct buffer *buffer, struct plan *plan)
{
	const struct plan_node **sorted = calloc(plan->nodes_count + 1, sizeof(const struct plan_node *));
	int status = sorted ? 0 : ERR_NOMEM;

	buffer_append_text(buffer, DIGEST_FORM "\npipeline");
	digest__text(buffer, plan->pipeline);
	buffer_append_byte(buffer, '\n');
	for (uint32_t i = 0; !status && i < plan->nodes_count; i++)
		sorted[i] = &plan->nodes[i];
	if (!status)
		qsort(sorted, plan->nodes_count, sizeof(const struct plan_node *), digest__compare_nodes);
	for (uint32_t i = 0; !status && i < plan->nodes_count; i++)
		status = digest__node(buffer, plan, sorted[i]);
	free(sorted);
	if (!status)
		status = digest__edges(buffer, plan);
	return status ? status : digest__published(buffer, plan);
}

int mapping__digest(struct plan *plan)
{
	struct buffer buffer;
	XXH128_hash_t hash;
	int status;

	buffer_init(&buffer, DIGEST_SIZE_MAX);
	status = digest__write(&buffer, plan);
	if (!status && buffer.failed)
		status = ERR_NOMEM;
	if (!status) {
		hash = XXH3_128bits(buffer.data, buffer.size);
		plan->digest = arena_printf(&plan->arena, "%016llx%016llx", (unsigned long long)hash.high64,
		                            (unsigned long long)hash.low64);
		status = plan->digest ? 0 : ERR_NOMEM;
	}
	buffer_free(&buffer);
	return status;
}

/* ---- the file's own words ---- */

static void words__text(struct buffer *buffer, const char *text)
{
	if (text)
		digest__text(buffer, text);
	else
		buffer_append_text(buffer, " -");
}

static void words__list(struct buffer *buffer, const char *name, const struct words *words)
{
	buffer_printf(buffer, "\n%s %s%u", name, words->name.text ? "given " : "", words->count);
	for (uint32_t i = 0; i < words->count; i++)
		words__text(buffer, words->items[i].text);
}

static void words__table(struct buffer *buffer, const struct table_name *table)
{
	words__text(buffer, table->schema.text);
	words__text(buffer, table->name.text);
}

static void words__properties(struct buffer *buffer, const struct mapping_properties *properties)
{
	buffer_printf(buffer, "\nproperties %s", properties->name.text ? "given" : "all");
	for (uint32_t i = 0; i < properties->count; i++) {
		const struct mapping_property *property = &properties->items[i];

		buffer_append_byte(buffer, '\n');
		words__text(buffer, property->name.text);
		words__text(buffer, property->column.text);
		words__text(buffer, property->as.word.text);
		words__text(buffer, property->letters.word.text);
		words__text(buffer, property->epoch.word.text);
		words__text(buffer, property->scale.word.text);
		words__text(buffer, property->split);
		words__text(buffer, property->constant);
		buffer_append_text(buffer, property->trim ? " trim" : "");
		words__list(buffer, "path", &property->path);
		if (property->concat.name.text) {
			words__list(buffer, "concat", &property->concat);
			words__text(buffer, property->separator);
		}
	}
}

static void words__where(struct buffer *buffer, const struct word *where)
{
	if (!where->text)
		return;
	buffer_append_text(buffer, "\nwhere");
	words__text(buffer, where->text);
}

static void words__chooser(struct buffer *buffer, const struct mapping_chooser *chooser)
{
	if (!chooser->name.text)
		return;
	buffer_append_text(buffer, "\nchooser");
	words__text(buffer, chooser->column.text);
	for (uint32_t i = 0; i < chooser->values_count; i++) {
		words__text(buffer, chooser->values[i].value.text);
		words__text(buffer, chooser->values[i].name.text);
	}
	if (chooser->prefix.text) {
		buffer_append_text(buffer, "\nprefix");
		words__text(buffer, chooser->prefix.text);
	}
}

static void words__history(struct buffer *buffer, const struct mapping_history *history)
{
	if (!history->name.text)
		return;
	buffer_append_text(buffer, "\nhistory");
	words__text(buffer, history->from.text);
	words__text(buffer, history->to.text);
	words__text(buffer, history->version.text);
}

static void words__node(struct buffer *buffer, const struct mapping_node *node)
{
	buffer_append_text(buffer, "node");
	words__text(buffer, node->label.text);
	words__table(buffer, &node->table);
	words__where(buffer, &node->where);
	if (node->value.text) {
		buffer_append_text(buffer, "\nvalue");
		words__text(buffer, node->value.text);
		words__text(buffer, node->unused.word.text);
	}
	words__list(buffer, "labels", &node->labels);
	for (uint32_t i = 0; i < node->choosers_count; i++)
		words__chooser(buffer, &node->choosers[i]);
	words__list(buffer, "key", &node->key);
	words__properties(buffer, &node->properties);
	words__list(buffer, "except", &node->except);
	if (node->relational_only.name.text)
		words__list(buffer, "relational_only", &node->relational_only);
	if (node->on_delete.word.text) {
		buffer_append_text(buffer, "\non_delete");
		words__text(buffer, node->on_delete.word.text);
		words__text(buffer, node->deleted_label.text);
	}
	if (node->missing.word.text) {
		buffer_append_text(buffer, "\nmissing");
		words__text(buffer, node->missing.word.text);
	}
	if (node->element_id.name.text) {
		buffer_append_text(buffer, "\nelement_id");
		words__text(buffer, node->element_id.column.text);
		words__table(buffer, &node->element_id.table);
	}
	for (uint32_t i = 0; i < node->links.count; i++) {
		const struct mapping_link *link = &node->links.items[i];

		buffer_append_text(buffer, "\nlink");
		words__text(buffer, link->type.text);
		words__text(buffer, link->to.text);
		words__text(buffer, link->from.text);
		words__list(buffer, "columns", &link->columns);
		if (link->position.text) {
			buffer_append_text(buffer, "\nposition");
			words__text(buffer, link->position.text);
		}
		words__where(buffer, &link->where);
		words__chooser(buffer, &link->chooser);
		words__history(buffer, &link->history);
	}
}

static void words__join(struct buffer *buffer, const struct mapping_join *join)
{
	buffer_append_text(buffer, "join");
	words__text(buffer, join->type.text);
	words__table(buffer, &join->table);
	words__where(buffer, &join->where);
	words__chooser(buffer, &join->chooser);
	words__text(buffer, join->from.label.text);
	words__list(buffer, "from", &join->from.columns);
	words__text(buffer, join->to.label.text);
	words__list(buffer, "to", &join->to.columns);
	words__list(buffer, "key", &join->key);
	words__properties(buffer, &join->properties);
	words__list(buffer, "except", &join->except);
	if (join->relational_only.name.text)
		words__list(buffer, "relational_only", &join->relational_only);
	words__history(buffer, &join->history);
}

int mapping_words_digest(const struct mapping *mapping, char ret_text[MAPPING_DIGEST_SIZE])
{
	XXH128_hash_t sum = {0};
	struct buffer buffer;
	bool failed = false;

	buffer_init(&buffer, DIGEST_SIZE_MAX);
	if (mapping->tenant.column.text) {
		buffer_append_text(&buffer, "tenant");
		words__text(&buffer, mapping->tenant.column.text);
		words__text(&buffer, mapping->tenant.value.text);
		sum = XXH3_128bits(buffer.data, buffer.size);
	}
	/* a sum, so that their order does not count; no two of them read the same */
	for (uint32_t i = 0; i < mapping->nodes.count + mapping->joins.count; i++) {
		XXH128_hash_t hash;

		buffer_reset(&buffer);
		if (i < mapping->nodes.count)
			words__node(&buffer, &mapping->nodes.items[i]);
		else
			words__join(&buffer, &mapping->joins.items[i - mapping->nodes.count]);
		failed = failed || buffer.failed;
		hash = XXH3_128bits(buffer.data, buffer.size);
		sum.high64 += hash.high64;
		sum.low64 += hash.low64;
	}
	buffer_free(&buffer);
	snprintf(ret_text, MAPPING_DIGEST_SIZE, "%016llx%016llx", (unsigned long long)sum.high64,
	         (unsigned long long)sum.low64);
	return failed ? ERR_NOMEM : 0;
}
