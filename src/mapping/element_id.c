#include "mapping/compile.h"

#include <stdlib.h>
#include <string.h>

/* "4:" and a UUID and ":" and a number: what Neo4j 5 makes is that long at most. */
#define ELEMENT_ID_SIZE 64
#define VARCHAR "character varying"
#define FIRST_USER_OID 16384

/* Why the column cannot hold an element id; NULL: it can. Of a domain PostgreSQL alone knows what it refuses. */
static const char *element_id__refuses(const struct catalog_column *column)
{
	const char *size = strchr(column->type_name, '(');

	if (column->generated)
		return "is generated";
	if (column->type.kind != TYPE_TEXT || column->type.array)
		return "is neither text nor character varying";
	if (strncmp(column->type_name, VARCHAR, strlen(VARCHAR)) == 0)
		return size && atoi(size + 1) < ELEMENT_ID_SIZE ? "is too short for an element id" : NULL;
	if (strcmp(column->type_name, "text") == 0)
		return NULL;
	return column->type_oid >= FIRST_USER_OID && column->equality == EQUALITY_OF_BYTES
	               ? NULL
	               : "is neither text nor character varying";
}

static bool element_id__is_property(const struct mapping_node *mapped, const char *column)
{
	for (uint32_t i = 0; i < mapped->properties.count; i++)
		if (mapping__comes_from(&mapped->properties.items[i], column))
			return true;
	return false;
}

static bool element_id__is_in_key(const struct resolved_columns *key, const struct catalog_column *column)
{
	for (uint32_t i = 0; i < key->count; i++)
		if (key->items[i] == column)
			return true;
	return false;
}

bool mapping__element_id(struct compiler *compiler, struct resolved_node *node)
{
	const struct mapping_node *mapped = node->mapped;
	const struct word *word = &mapped->element_id.column;
	const struct catalog_column *column;
	const char *refuses;

	if (!word->text || mapping__is_left_out(compiler, node->table, "element_id", word))
		return true;
	column = mapping__column(compiler, node->table, word);
	if (!column)
		return false;
	refuses = element_id__refuses(column);
	if (refuses) {
		diagnostic_add(compiler->diagnostics, compiler->source, word->place,
		               "the column \"%s\" (%s) for element ids %s", column->name, column->type_name, refuses);
		diagnostic_expect(compiler->diagnostics, "a column of type text, or character varying of %d or more",
		                  ELEMENT_ID_SIZE);
		return false;
	}
	if (element_id__is_property(mapped, column->name) || element_id__is_in_key(&node->key, column)) {
		diagnostic_add(compiler->diagnostics, compiler->source, word->place,
		               "the column \"%s\" for element ids is a property", column->name);
		diagnostic_expect(compiler->diagnostics,
		                  "a column for element ids alone: the graph is not told what it knows itself");
		return false;
	}
	node->element_id = column;
	return true;
}

const char *mapping__element_id_schema(const struct compiler *compiler, const struct mapping_element_id *element_id)
{
	if (element_id->table.schema.text)
		return element_id->table.schema.text;
	return compiler->catalog->search_path_schema ? compiler->catalog->search_path_schema : "public";
}

/* ---- what is written must not come back as a change ---- */

struct looked_for {
	uint32_t column; /* of the catalogue's table */
	bool found;
};

static void element_id__on_column(void *user, uint32_t column)
{
	struct looked_for *looked_for = user;

	looked_for->found = looked_for->found || looked_for->column == column;
}

static void element_id__look(struct looked_for *looked_for, const struct condition *condition)
{
	if (condition)
		mapping__condition_columns(condition, element_id__on_column, looked_for);
}

static bool element_id__is_looked_at(const struct compiler *compiler, const struct resolved_node *node)
{
	struct looked_for looked_for = {.column = (uint32_t)(node->element_id - node->table->columns)};

	element_id__look(&looked_for, node->where);
	for (uint32_t i = 0; i < node->labels_count; i++)
		element_id__look(&looked_for, node->labels[i].where);
	for (uint32_t i = 0; i < node->prefixes_count; i++)
		looked_for.found = looked_for.found || node->prefixes[i].column == node->element_id;
	for (uint32_t i = 0; i < compiler->edges_count; i++) {
		const struct resolved_edge *edge = &compiler->edges[i];

		if (edge->owner != node || !edge->fine)
			continue;
		element_id__look(&looked_for, edge->where);
		looked_for.found = looked_for.found || element_id__is_in_key(&edge->from.columns, node->element_id) ||
		                   element_id__is_in_key(&edge->to.columns, node->element_id);
	}
	return looked_for.found;
}

static bool element_id__is_table(const struct catalog_table *table, const char *schema, const char *name)
{
	return table && strcmp(table->schema, schema) == 0 && strcmp(table->name, name) == 0;
}

static bool element_id__is_mapped(const struct compiler *compiler, const char *schema, const char *name)
{
	bool mapped = false;

	for (uint32_t i = 0; i < compiler->nodes_count; i++)
		mapped = mapped || element_id__is_table(compiler->nodes[i].table, schema, name);
	for (uint32_t i = 0; i < compiler->edges_count; i++)
		mapped = mapped || element_id__is_table(compiler->edges[i].table, schema, name);
	return mapped;
}

void mapping__check_element_ids(struct compiler *compiler)
{
	for (uint32_t i = 0; i < compiler->nodes_count && !mapping__compile_is_done(compiler); i++) {
		const struct resolved_node *node = &compiler->nodes[i];
		const struct mapping_element_id *mapped = &node->mapped->element_id;

		if (node->element_id && element_id__is_looked_at(compiler, node)) {
			diagnostic_add(compiler->diagnostics, compiler->source, mapped->column.place,
			               "the mapping looks at the column \"%s\" for element ids", node->element_id->name);
			diagnostic_expect(compiler->diagnostics,
			                  "a column for element ids alone: what is written to it would be a change of the row");
		}
		if (mapped->table.name.text &&
		    element_id__is_mapped(compiler, mapping__element_id_schema(compiler, mapped), mapped->table.name.text)) {
			diagnostic_add(compiler->diagnostics, compiler->source, mapped->table.name.place,
			               "the table \"%s.%s\" for element ids is mapped",
			               mapping__element_id_schema(compiler, mapped), mapped->table.name.text);
			diagnostic_expect(compiler->diagnostics, "a table for element ids alone, such as pgweave.element_ids");
		}
	}
}
