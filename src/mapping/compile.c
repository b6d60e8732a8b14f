#include "mapping/compile.h"

#include <stdlib.h>
#include <string.h>

#define PLAN_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define COMPILE_SIZE_MAX ((size_t)512 * 1024 * 1024)
/* From here on PostgreSQL numbers what people make. */
#define FIRST_USER_OID 16384
#define VERSION_OF_ROW_FILTERS 150000
#define NO_INDEX UINT32_MAX

/* One table of the plan while it is made. */
struct building {
	const struct catalog_table *table;
	const struct resolved_node *node; /* or NULL: a join table */
	const struct resolved_columns *key;
	uint32_t *index_of; /* catalogue column -> plan column; NO_INDEX: not needed */
	uint32_t edges_count;
	uint32_t place; /* in loading order */
};

struct builder {
	struct compiler *compiler;
	struct plan *plan;
	struct building *tables; /* in the file's order */
	uint32_t tables_count;
	struct building **by_catalog; /* catalogue table -> the same, or NULL */
	struct plan_table *plan_tables;
	struct plan_node *plan_nodes;
	const struct plan_edge **plan_edges;
};

static void *builder__calloc(struct builder *builder, size_t count, size_t size)
{
	void *memory = arena_calloc(&builder->plan->arena, count ? count : 1, size);

	if (!memory)
		builder->compiler->no_memory = true;
	return memory;
}

static const char *builder__strdup(struct builder *builder, const char *text)
{
	const char *copy = arena_strdup(&builder->plan->arena, text);

	if (!copy)
		builder->compiler->no_memory = true;
	return copy;
}

static struct building *builder__building(const struct builder *builder, const struct catalog_table *table)
{
	return builder->by_catalog[table - builder->compiler->catalog->tables];
}

static void builder__add_table(struct builder *builder, const struct catalog_table *table, const struct resolved_node *node,
                               const struct resolved_columns *key)
{
	struct building **slot = &builder->by_catalog[table - builder->compiler->catalog->tables];
	struct building *building;

	if (*slot)
		return;
	building = &builder->tables[builder->tables_count++];
	*building = (struct building){.table = table, .node = node, .key = key};
	building->index_of = mapping__compile_calloc(builder->compiler, table->columns_count, sizeof(*building->index_of));
	for (uint32_t i = 0; building->index_of && i < table->columns_count; i++)
		building->index_of[i] = NO_INDEX;
	*slot = building;
}

static void builder__need(struct building *building, const struct catalog_column *column)
{
	building->index_of[column - building->table->columns] = 0;
}

static void builder__need_all(struct building *building, const struct resolved_columns *columns,
                              const struct resolved_properties *properties)
{
	for (uint32_t i = 0; columns && i < columns->count; i++)
		builder__need(building, columns->items[i]);
	for (uint32_t i = 0; properties && i < properties->key_count; i++)
		builder__need(building, properties->key[i].column);
	for (uint32_t i = 0; properties && i < properties->rest_count; i++) {
		const struct resolved_property *property = &properties->rest[i];

		builder__need(building, property->column);
		for (uint32_t p = 0; p < property->parts.count; p++)
			builder__need(building, property->parts.items[p]);
	}
}

static void builder__on_column(void *user, uint32_t column)
{
	struct building *building = user;

	building->index_of[column] = 0;
}

static void builder__need_condition(struct building *building, const struct condition *condition)
{
	if (condition)
		mapping__condition_columns(condition, builder__on_column, building);
}

static void builder__collect(struct builder *builder)
{
	struct compiler *compiler = builder->compiler;

	builder->tables =
	        mapping__compile_calloc(compiler, compiler->nodes_count + compiler->edges_count, sizeof(*builder->tables));
	builder->by_catalog = mapping__compile_calloc(compiler, compiler->catalog->tables_count, sizeof(*builder->by_catalog));
	if (compiler->no_memory)
		return;
	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		if (compiler->nodes[i].table)
			builder__add_table(builder, compiler->nodes[i].table, &compiler->nodes[i], &compiler->nodes[i].key);
	for (uint32_t i = 0; i < compiler->edges_count; i++)
		builder__add_table(builder, compiler->edges[i].table, NULL, &compiler->edges[i].key);
	if (compiler->no_memory)
		return;
	for (uint32_t i = 0; i < compiler->nodes_count; i++) {
		struct building *building;

		if (!compiler->nodes[i].table)
			continue;
		building = builder__building(builder, compiler->nodes[i].table);
		builder__need_all(building, &compiler->nodes[i].key, &compiler->nodes[i].properties);
		builder__need_condition(building, compiler->nodes[i].where);
		for (uint32_t l = 0; l < compiler->nodes[i].labels_count; l++)
			builder__need_condition(building, compiler->nodes[i].labels[l].where);
		for (uint32_t l = 0; l < compiler->nodes[i].prefixes_count; l++)
			builder__need(building, compiler->nodes[i].prefixes[l].column);
	}
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		const struct resolved_edge *edge = &compiler->edges[i];
		struct building *building = builder__building(builder, edge->table);

		builder__need_all(building, building->key, &edge->properties);
		builder__need_all(building, &edge->from.columns, NULL);
		builder__need_all(building, &edge->to.columns, NULL);
		builder__need_condition(building, edge->where);
		building->edges_count++;
	}
}

static void builder__order(struct builder *builder)
{
	const struct compiler *compiler = builder->compiler;
	struct order_need *needs =
	        mapping__compile_calloc(builder->compiler, (size_t)compiler->edges_count * 2, sizeof(*needs));
	uint32_t *order = mapping__compile_calloc(builder->compiler, builder->tables_count, sizeof(*order));
	uint32_t count = 0;

	if (compiler->no_memory)
		return;
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		const struct resolved_edge *edge = &compiler->edges[i];
		uint32_t table = (uint32_t)(builder__building(builder, edge->table) - builder->tables);
		const struct catalog_table *ends[] = {edge->from.node->table, edge->to.node->table};

		for (int e = 0; e < 2; e++)
			if (ends[e])
				needs[count++] = (struct order_need){
				        table, (uint32_t)(builder__building(builder, ends[e]) - builder->tables)};
	}
	if (mapping__order(builder->tables_count, needs, count, order) != 0) {
		builder->compiler->no_memory = true;
		return;
	}
	for (uint32_t i = 0; i < builder->tables_count; i++)
		builder->tables[order[i]].place = i;
}

static void builder__column(struct builder *builder, struct building *building, const struct catalog_column *column,
                            struct plan_column *columns, uint32_t index)
{
	columns[index] = (struct plan_column){
	        .name = builder__strdup(builder, column->name),
	        .type_name = builder__strdup(builder, column->type_name),
	        .type = column->type,
	        .attnum = column->attnum,
	        .type_oid = column->type_oid,
	        .not_null = column->not_null,
	};
	building->index_of[column - building->table->columns] = index;
}

/* The key's columns first, in key order, then the other needed ones by attnum. */
static void builder__columns(struct builder *builder, struct building *building, struct plan_table *table)
{
	const struct catalog_table *source = building->table;
	const struct catalog_key *key;
	struct plan_column *columns;
	uint32_t count = 0;

	for (uint32_t i = 0; i < source->columns_count; i++)
		count += building->index_of[i] != NO_INDEX;
	columns = builder__calloc(builder, count, sizeof(*columns));
	if (!columns)
		return;
	for (uint32_t i = 0; i < source->columns_count; i++)
		if (building->index_of[i] != NO_INDEX)
			building->index_of[i] = NO_INDEX - 1; /* needed, without an index yet */
	count = 0;
	for (uint32_t i = 0; i < building->key->count; i++)
		builder__column(builder, building, building->key->items[i], columns, count++);
	for (uint32_t i = 0; i < source->columns_count; i++)
		if (building->index_of[i] == NO_INDEX - 1)
			builder__column(builder, building, &source->columns[i], columns, count++);
	table->columns = columns;
	table->columns_count = count;
	table->key_count = building->key->count;
	key = mapping__unique(source, building->key);
	table->key_deferrable = key && key->deferrable;
}

static void builder__tables(struct builder *builder)
{
	builder->plan_tables = builder__calloc(builder, builder->tables_count, sizeof(*builder->plan_tables));
	for (uint32_t i = 0; builder->plan_tables && i < builder->tables_count; i++) {
		struct building *building = &builder->tables[i];
		struct plan_table *table = &builder->plan_tables[building->place];

		*table = (struct plan_table){
		        .index = building->place,
		        .oid = building->table->oid,
		        .schema = builder__strdup(builder, building->table->schema),
		        .name = builder__strdup(builder, building->table->name),
		        .partitioned = building->table->kind == CATALOG_PARTITIONED,
		        .rows_estimate = building->table->rows_estimate,
		};
		if (building->table->watch.fingerprint)
			table->fingerprint = builder__strdup(builder, building->table->watch.fingerprint);
		builder__columns(builder, building, table);
	}
}

static const struct concatenation *builder__concatenation(struct builder *builder, const struct building *building,
                                                          const struct resolved_property *source)
{
	struct concatenation *concatenation = builder__calloc(builder, 1, sizeof(*concatenation));
	uint32_t *columns = builder__calloc(builder, source->parts.count, sizeof(*columns));

	if (!concatenation || !columns)
		return NULL;
	for (uint32_t i = 0; i < source->parts.count; i++)
		columns[i] = building->index_of[source->parts.items[i] - building->table->columns];
	*concatenation = (struct concatenation){
	        .separator = builder__strdup(builder, source->separator), .columns = columns, .count = source->parts.count};
	return concatenation;
}

static struct plan_property *builder__properties(struct builder *builder, const struct building *building,
                                                 const struct resolved_property *source, uint32_t count)
{
	struct plan_property *properties = builder__calloc(builder, count, sizeof(*properties));

	for (uint32_t i = 0; properties && i < count; i++)
		properties[i] = (struct plan_property){
		        .name = builder__strdup(builder, source[i].name.text),
		        .column = building->index_of[source[i].column - building->table->columns],
		        .type = source[i].type,
		};
	for (uint32_t i = 0; properties && i < count; i++) {
		struct type *type = &properties[i].type;

		if (source[i].parts.count)
			properties[i].concatenation = builder__concatenation(builder, building, &source[i]);
		if (type->conversion && !(type->conversion = mapping__conversion_copy(type->conversion, &builder->plan->arena)))
			builder->compiler->no_memory = true;
	}
	return properties;
}

static const struct condition *builder__condition(struct builder *builder, const struct building *building,
                                                  const struct condition *source)
{
	const struct condition *condition;

	if (!source)
		return NULL;
	condition = mapping__condition_copy(source, building->index_of, &builder->plan->arena);
	if (!condition)
		builder->compiler->no_memory = true;
	return condition;
}

/* With the labels that are made of values. */
static const struct plan_property *builder__node_properties(struct builder *builder, const struct building *building,
                                                            const struct resolved_node *source)
{
	const struct resolved_properties *properties = &source->properties;
	uint32_t count = properties->rest_count + source->prefixes_count;
	struct resolved_property *all = mapping__compile_calloc(builder->compiler, count, sizeof(*all));
	struct plan_property *made;

	if (!all)
		return NULL;
	if (properties->rest_count)
		memcpy(all, properties->rest, properties->rest_count * sizeof(*all));
	if (source->prefixes_count)
		memcpy(all + properties->rest_count, source->prefixes, source->prefixes_count * sizeof(*all));
	made = builder__properties(builder, building, all, count);
	for (uint32_t i = properties->rest_count; made && i < count; i++)
		made[i].is_label = true;
	return made;
}

static const char *builder__deleted_label(struct builder *builder, const struct mapping_node *mapped)
{
	if (mapped->on_delete.index == PLAN_DELETE_DETACH)
		return NULL;
	return builder__strdup(builder, mapped->deleted_label.text ? mapped->deleted_label.text : MAPPING_DELETED_LABEL);
}

static const char *const *builder__labels_more(struct builder *builder, const struct resolved_node *source)
{
	const struct words *labels = &source->mapped->labels;
	const char **labels_more = builder__calloc(builder, labels->count, sizeof(const char *));

	for (uint32_t l = 0; labels_more && l < labels->count; l++)
		labels_more[l] = builder__strdup(builder, labels->items[l].text);
	return labels_more;
}

static void builder__value_node(struct builder *builder, const struct resolved_node *source, struct plan_node *node)
{
	struct plan_property *key = builder__calloc(builder, 1, sizeof(*key));

	if (key)
		*key = (struct plan_property){
		        .name = builder__strdup(builder, source->mapped->value.text),
		        .type = source->properties.key[0].type,
		};
	*node = (struct plan_node){
	        .index = (uint32_t)(source - builder->compiler->nodes),
	        .table = PLAN_TABLE_NONE,
	        .keep = source->mapped->unused.index,
	        .label = builder__strdup(builder, source->mapped->label.text),
	        .labels_more = builder__labels_more(builder, source),
	        .labels_more_count = source->mapped->labels.count,
	        .key = key,
	        .key_count = 1,
	};
}

static const struct plan_element_id *builder__element_id(struct builder *builder, const struct resolved_node *source)
{
	const struct mapping_element_id *mapped = &source->mapped->element_id;
	struct plan_element_id *element_id;

	if (!source->element_id && !mapped->table.name.text)
		return NULL;
	element_id = builder__calloc(builder, 1, sizeof(*element_id));
	if (!element_id)
		return NULL;
	if (source->element_id) {
		element_id->column = builder__strdup(builder, source->element_id->name);
		element_id->attnum = source->element_id->attnum;
	} else {
		element_id->schema = builder__strdup(builder, mapping__element_id_schema(builder->compiler, mapped));
		element_id->table = builder__strdup(builder, mapped->table.name.text);
	}
	return element_id;
}

static void builder__nodes(struct builder *builder)
{
	const struct compiler *compiler = builder->compiler;

	builder->plan_nodes = builder__calloc(builder, compiler->nodes_count, sizeof(*builder->plan_nodes));
	for (uint32_t i = 0; builder->plan_nodes && i < compiler->nodes_count; i++) {
		const struct resolved_node *source = &compiler->nodes[i];
		const struct building *building;
		struct plan_label *chosen;

		if (!source->table) {
			builder__value_node(builder, source, &builder->plan_nodes[i]);
			continue;
		}
		building = builder__building(builder, source->table);
		chosen = builder__calloc(builder, source->labels_count, sizeof(*chosen));
		for (uint32_t l = 0; chosen && l < source->labels_count; l++)
			chosen[l] = (struct plan_label){
			        .name = builder__strdup(builder, source->labels[l].name.text),
			        .where = builder__condition(builder, building, source->labels[l].where),
			};
		builder->plan_nodes[i] = (struct plan_node){
		        .index = i,
		        .table = building->place,
		        .where = builder__condition(builder, building, source->where),
		        .label = builder__strdup(builder, source->mapped->label.text),
		        .labels_more = builder__labels_more(builder, source),
		        .labels_more_count = source->mapped->labels.count,
		        .labels_chosen = chosen,
		        .labels_chosen_count = source->labels_count,
		        .key = builder__properties(builder, building, source->properties.key, source->properties.key_count),
		        .key_count = source->properties.key_count,
		        .properties = builder__node_properties(builder, building, source),
		        .properties_count = source->properties.rest_count + source->prefixes_count,
		        .on_delete = (enum plan_on_delete)source->mapped->on_delete.index,
		        .deleted_label = builder__deleted_label(builder, source->mapped),
		        .may_be_placeholder = source->may_be_placeholder,
		        .other_key_stays = source->other_key_stays,
		        .missing = source->may_be_placeholder ? (enum plan_missing)source->mapped->missing.index
		                                              : PLAN_MISSING_PLACEHOLDER,
		        .element_id = builder__element_id(builder, source),
		};
		builder->plan_tables[building->place].node = &builder->plan_nodes[i];
		builder->plan_tables[building->place].where = builder->plan_nodes[i].where;
	}
}

/* The properties that carry the columns of another unique key; resolve.c has made sure that there are such. */
static const struct plan_property *builder__by(struct builder *builder, const struct resolved_end *source,
                                               const struct plan_node *node)
{
	const struct building *target = builder__building(builder, source->node->table);
	struct plan_property *by = builder__calloc(builder, source->by.count, sizeof(*by));

	for (uint32_t i = 0; by && i < source->by.count; i++) {
		uint32_t column = target->index_of[source->by.items[i] - target->table->columns];

		for (uint32_t p = 0; p < node->key_count; p++)
			if (node->key[p].column == column)
				by[i] = node->key[p];
		for (uint32_t p = 0; p < node->properties_count && !by[i].name; p++)
			if (node->properties[p].column == column && !node->properties[p].is_label &&
			    !node->properties[p].concatenation &&
			    mapping__is_plain(&node->properties[p].type, &source->by.items[i]->type))
				by[i] = node->properties[p];
	}
	return by;
}

static void builder__end(struct builder *builder, const struct building *building, const struct resolved_end *source,
                         struct plan_end *end)
{
	uint32_t *columns = builder__calloc(builder, source->columns.count, sizeof(*columns));

	const struct plan_node *node = &builder->plan_nodes[source->node - builder->compiler->nodes];
	bool by_key = source->by.items == source->node->key.items;

	for (uint32_t i = 0; columns && i < source->columns.count; i++)
		columns[i] = building->index_of[source->columns.items[i] - building->table->columns];
	*end = (struct plan_end){
	        .node = node->index,
	        .by = by_key ? node->key : builder__by(builder, source, node),
	        .by_count = source->by.count,
	        .by_key = by_key,
	        .columns = columns,
	        .enforced = source->enforced,
	        .stays = source->stays,
	};
}

static void builder__print_columns(struct buffer *buffer, const struct resolved_columns *columns)
{
	for (uint32_t i = 0; i < columns->count; i++)
		buffer_printf(buffer, "%s%s", i ? ", " : "", columns->items[i]->name);
}

/* "Department BELONGS_TO Function by function_id"; "User MEMBER_OF Team by team_members (user_id -> team_id)" */
static const char *builder__words(struct builder *builder, const struct resolved_edge *edge)
{
	struct buffer buffer;
	const char *words;

	buffer_init(&buffer, (size_t)64 * 1024);
	buffer_printf(&buffer, "%s %s %s by ", edge->from.node->mapped->label.text, edge->type.text,
	              edge->to.node->mapped->label.text);
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
		buffer_append_text(&buffer, edge->from.each || edge->to.each ? "each of " : "");
		builder__print_columns(&buffer, edge->owner_is_from ? &edge->to.columns : &edge->from.columns);
		if (!edge->owner_is_from)
			buffer_printf(&buffer, " of %s", edge->owner->mapped->label.text);
	} else {
		buffer_printf(&buffer, "%s (", edge->table->name);
		builder__print_columns(&buffer, &edge->from.columns);
		buffer_append_text(&buffer, " -> ");
		builder__print_columns(&buffer, &edge->to.columns);
		buffer_append_byte(&buffer, ')');
	}
	words = builder__strdup(builder, buffer_text(&buffer));
	buffer_free(&buffer);
	return words;
}

static const struct plan_history *builder__history(struct builder *builder, const struct mapping_history *source)
{
	struct plan_history *history = source ? builder__calloc(builder, 1, sizeof(*history)) : NULL;

	if (history)
		*history = (struct plan_history){
		        .from = builder__strdup(builder, source->from.text),
		        .to = builder__strdup(builder, source->to.text),
		        .version = builder__strdup(builder, source->version.text),
		};
	return history;
}

static void builder__edge(struct builder *builder, const struct resolved_edge *source, uint32_t index)
{
	const struct building *building = builder__building(builder, source->table);
	struct plan_edge *edge = builder__calloc(builder, 1, sizeof(*edge));

	if (!edge)
		return;
	*edge = (struct plan_edge){
	        .index = index,
	        .kind = source->kind,
	        .table = building->place,
	        .where = builder__condition(builder, building, source->where),
	        .mine = builder__condition(builder, building, source->mine),
	        .type = builder__strdup(builder, source->type.text),
	        .owner_is_from = source->owner_is_from,
	        .each = source->from.each || source->to.each,
	        .key = builder__properties(builder, building, source->properties.key, source->properties.key_count),
	        .key_count = source->properties.key_count,
	        .properties = builder__properties(builder, building, source->properties.rest, source->properties.rest_count),
	        .properties_count = source->properties.rest_count,
	        .history = builder__history(builder, source->history),
	        .words = builder__words(builder, source),
	};
	builder__end(builder, building, &source->from, &edge->from);
	builder__end(builder, building, &source->to, &edge->to);
	builder->plan_edges[index] = edge;
}

/* What a row filter may look at: built-in types, and for us the row's key alone, which its replica identity has to hold anyway.
 */
struct filter_check {
	const struct plan_table *table;
	bool fits;
};

static void filter__on_column(void *user, uint32_t column)
{
	struct filter_check *check = user;

	check->fits =
	        check->fits && column < check->table->key_count && check->table->columns[column].type_oid < FIRST_USER_OID;
}

static bool builder__is_filter(const struct builder *builder, const struct plan_table *table)
{
	struct filter_check check = {.table = table, .fits = true};

	if (!table->where || builder->compiler->catalog->server_version_num < VERSION_OF_ROW_FILTERS)
		return false;
	mapping__condition_columns(table->where, filter__on_column, &check);
	return check.fits;
}

/* Of a join table: what one of its relationships takes. */
static void builder__join_where(struct builder *builder, struct plan_table *table)
{
	for (uint32_t i = 0; i < table->edges_count; i++) {
		const struct condition *where = table->edges[i]->where;
		struct condition *either;

		if (!where) {
			table->where = NULL;
			return;
		}
		if (i == 0) {
			table->where = where;
			continue;
		}
		either = builder__calloc(builder, 1, sizeof(*either));
		if (!either)
			return;
		*either = (struct condition){.kind = CONDITION_OR, .left = table->where, .right = where};
		table->where = either;
	}
}

/* All edges, and for each table those that its rows make. */
static void builder__edges(struct builder *builder)
{
	const struct compiler *compiler = builder->compiler;

	builder->plan_edges = builder__calloc(builder, compiler->edges_count, sizeof(*builder->plan_edges));
	for (uint32_t i = 0; builder->plan_edges && i < compiler->edges_count; i++)
		builder__edge(builder, &compiler->edges[i], i);
	if (compiler->no_memory || !builder->plan_edges)
		return;
	for (uint32_t t = 0; t < builder->tables_count; t++) {
		const struct building *building = &builder->tables[t];
		struct plan_table *table = &builder->plan_tables[building->place];

		table->edges = builder__calloc(builder, building->edges_count, sizeof(*table->edges));
		if (!table->edges)
			return;
	}
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		struct plan_table *table = &builder->plan_tables[builder->plan_edges[i]->table];

		((const struct plan_edge **)(uintptr_t)table->edges)[table->edges_count++] = builder->plan_edges[i];
	}
	for (uint32_t t = 0; t < builder->tables_count && !compiler->no_memory; t++) {
		struct plan_table *table = &builder->plan_tables[t];

		if (!table->node)
			builder__join_where(builder, table);
		table->where_published = !compiler->no_memory && builder__is_filter(builder, table);
	}
}

static bool builder__is_identity(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t i = 0; i < table->identity_attnums_count; i++)
		if (table->identity_attnums[i] == attnum)
			return true;
	return false;
}

/* A column that never leaves PostgreSQL can be no part of anything that does. */
static void builder__check_relational_only(struct builder *builder, const struct building *building, const struct words *words)
{
	struct compiler *compiler = builder->compiler;
	const struct catalog_table *table = building->table;

	for (uint32_t i = 0; i < words->count; i++) {
		const struct catalog_column *column = mapping__column(compiler, table, &words->items[i]);
		bool used = column && building->index_of[column - table->columns] != NO_INDEX;

		if (!column || (!used && !builder__is_identity(table, column->attnum)))
			continue;
		diagnostic_add(compiler->diagnostics, compiler->source, words->items[i].place, "\"%s\" is %s", column->name,
		               used ? "part of the graph" : "part of the replica identity, which PostgreSQL has to send");
		diagnostic_expect(compiler->diagnostics, "columns that no key, property, relationship or condition needs");
	}
	if (compiler->catalog->server_version_num < VERSION_OF_ROW_FILTERS) {
		diagnostic_add(compiler->diagnostics, compiler->source, words->name.place,
		               "PostgreSQL before 15 cannot leave columns out of a publication");
		diagnostic_expect(compiler->diagnostics, "no \"relational_only\"");
	}
}

static void builder__publish(struct builder *builder, const struct building *building)
{
	const struct catalog_table *table = building->table;
	struct plan_table *planned = &builder->plan_tables[building->place];
	struct plan_published *published = builder__calloc(builder, table->columns_count, sizeof(*published));

	for (uint32_t i = 0; published && i < table->columns_count; i++)
		if (building->index_of[i] != NO_INDEX || builder__is_identity(table, table->columns[i].attnum))
			published[planned->published_count++] = (struct plan_published){
			        .name = builder__strdup(builder, table->columns[i].name), .attnum = table->columns[i].attnum};
	planned->published = published;
}

static void builder__keep_back(struct builder *builder, const struct catalog_table *table, const struct words *words)
{
	const struct building *building;

	if (!words->name.text)
		return;
	building = builder__building(builder, table);
	builder__check_relational_only(builder, building, words);
	if (!builder->plan_tables[building->place].published)
		builder__publish(builder, building);
}

/* The columns that are published, where some must not be. */
static void builder__published(struct builder *builder)
{
	const struct compiler *compiler = builder->compiler;

	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		builder__keep_back(builder, compiler->nodes[i].table, &compiler->nodes[i].mapped->relational_only);
	/* all the types that one mapping's column chooses stand side by side */
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		const struct resolved_edge *edge = &compiler->edges[i];

		if (edge->join && (!i || compiler->edges[i - 1].join != edge->join))
			builder__keep_back(builder, edge->table, &edge->join->relational_only);
	}
}

/* In the file's order; they were noted from the last to the first. */
static void builder__left_out(struct builder *builder)
{
	const struct compiler *compiler = builder->compiler;
	const char **words = builder__calloc(builder, compiler->left_out_count, sizeof(const char *));
	uint32_t at = compiler->left_out_count;

	for (const struct left_out *left_out = compiler->left_out; words && left_out; left_out = left_out->next)
		words[--at] = builder__strdup(builder, left_out->words);
	builder->plan->left_out = words;
	builder->plan->left_out_count = compiler->left_out_count;
}

static int builder__run(struct builder *builder)
{
	struct compiler *compiler = builder->compiler;
	struct plan *plan = builder->plan;
	uint32_t diagnostics = compiler->diagnostics->count;

	builder__collect(builder);
	if (!compiler->no_memory)
		builder__order(builder);
	if (!compiler->no_memory)
		builder__tables(builder);
	if (!compiler->no_memory)
		builder__nodes(builder);
	if (!compiler->no_memory)
		builder__edges(builder);
	if (!compiler->no_memory)
		builder__published(builder);
	if (!compiler->no_memory)
		builder__left_out(builder);
	plan->pipeline = builder__strdup(builder, compiler->mapping->settings.pipeline);
	if (compiler->no_memory)
		return ERR_NOMEM;
	plan->tables = builder->plan_tables;
	plan->tables_count = builder->tables_count;
	plan->nodes = builder->plan_nodes;
	plan->nodes_count = compiler->nodes_count;
	plan->edges = builder->plan_edges;
	plan->edges_count = compiler->edges_count;
	return compiler->diagnostics->count != diagnostics ? ERR_CATALOG : mapping__digest(plan);
}

static int compiler__build(struct compiler *compiler, struct plan **ret_plan)
{
	struct builder builder = {.compiler = compiler};
	struct arena arena;
	int status;

	arena_init(&arena, PLAN_SIZE_MAX);
	builder.plan = arena_calloc(&arena, 1, sizeof(*builder.plan));
	if (!builder.plan)
		return ERR_NOMEM;
	builder.plan->arena = arena;
	status = builder__run(&builder);
	if (status)
		plan_free(builder.plan);
	else
		*ret_plan = builder.plan;
	return status;
}

/* Without a diagnostic all is resolved, unless the catalogue contradicts itself, as one read across a change may. */
static bool compiler__is_whole(const struct compiler *compiler)
{
	bool whole = true;

	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		whole = whole && compiler->nodes[i].fine;
	for (uint32_t i = 0; i < compiler->edges_count; i++)
		whole = whole && compiler->edges[i].fine;
	if (!whole && !compiler->diagnostics->count) {
		diagnostic_add(compiler->diagnostics, compiler->source, (struct place){0, 0},
		               "the catalogue of \"%s\" contradicts itself", compiler->catalog->database);
		diagnostic_expect(compiler->diagnostics, "another try: a table may just have been changed");
	}
	return whole;
}

int mapping_compile(const struct mapping *mapping, const struct catalog *catalog, struct plan **ret_plan,
                    struct diagnostics *diagnostics)
{
	struct compiler compiler = {
	        .mapping = mapping, .source = &mapping->source, .catalog = catalog, .diagnostics = diagnostics};
	uint32_t before = diagnostics->count;
	int status = ERR_CATALOG;

	*ret_plan = NULL;
	arena_init(&compiler.arena, COMPILE_SIZE_MAX);
	mapping__resolve(&compiler);
	diagnostics_sort(diagnostics);
	if (compiler.no_memory)
		status = ERR_NOMEM;
	else if (diagnostics->count == before && !diagnostics->more && compiler__is_whole(&compiler))
		status = compiler__build(&compiler, ret_plan);
	if (status == ERR_CATALOG)
		diagnostics_sort(diagnostics);
	arena_free(&compiler.arena);
	return status;
}
