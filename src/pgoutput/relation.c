#include "pgoutput/relation.h"

#include <stdlib.h>
#include <string.h>

static int compare_oid(const void *a, const void *b)
{
	const struct relation *x = a;
	const struct relation *y = b;

	return x->oid < y->oid ? -1 : x->oid > y->oid;
}

int relations_init(struct relations *relations, const struct plan *plan, struct error *error)
{
	uint32_t i;

	*relations = (struct relations){0};
	relations->items = calloc(plan->tables_count ? plan->tables_count : 1, sizeof(*relations->items));
	if (!relations->items)
		goto nomem;
	for (i = 0; i < plan->tables_count; i++) {
		struct relation *relation = &relations->items[i];
		const struct plan_table *table = &plan->tables[i];

		relation->oid = table->oid;
		relation->table = table;
		relation->type_oids = calloc(table->columns_count ? table->columns_count : 1, sizeof(*relation->type_oids));
		relations->count++;
		if (!relation->type_oids)
			goto nomem;
	}
	qsort(relations->items, relations->count, sizeof(*relations->items), compare_oid);
	return 0;
nomem:
	relations_free(relations);
	return error_set(error, ERR_NOMEM, "no memory for the relation cache of %u tables", plan->tables_count);
}

void relations_free(struct relations *relations)
{
	uint32_t i;

	for (i = 0; relations->items && i < relations->count; i++) {
		free(relations->items[i].column_of);
		free(relations->items[i].type_oids);
	}
	free(relations->items);
	*relations = (struct relations){0};
}

void relations_reset(struct relations *relations)
{
	uint32_t i;

	for (i = 0; i < relations->count; i++)
		relations->items[i].bound = false;
}

struct relation *relations_find(struct relations *relations, uint32_t oid)
{
	const struct relation wanted = {.oid = oid};
	struct relation *found;

	if (relations->last && relations->last->oid == oid)
		return relations->last;
	found = bsearch(&wanted, relations->items, relations->count, sizeof(wanted), compare_oid);
	if (found)
		relations->last = found;
	return found;
}

/* Types whose text reads the same: changing from one to another changes nothing for us. */
static uint32_t type_family(uint32_t type_oid)
{
	static const struct {
		uint32_t type_oid;
		uint32_t family;
	} families[] = {
	        {21, 20},     {23, 20},                   /* int2, int4: int8 */
	        {1043, 25},                               /* varchar: text */
	        {1005, 1016}, {1007, 1016}, {1015, 1009}, /* their arrays */
	};
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (families[i].type_oid == type_oid)
			return families[i].family;
	}
	return type_oid;
}

static int64_t column_by_name(const struct plan_table *table, const char *name)
{
	uint32_t i;

	for (i = 0; i < table->columns_count; i++) {
		if (strcmp(table->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

/*
 * A type other than the plan's is no error at first: WAL from before an ALTER TABLE is read under the catalogue of after it,
 * and the text decides. But when it turns from what it was into what the plan does not know, the plan is out of date.
 */
static int bind_column(struct relation *relation, int64_t index, const struct pgoutput_column *column, struct error *error)
{
	const struct plan_table *table = relation->table;
	uint32_t planned = table->columns[index].type_oid;
	uint32_t before = relation->type_oids[index];

	relation->type_oids[index] = column->type_oid;
	if (!before || type_family(before) == type_family(column->type_oid) ||
	    type_family(planned) == type_family(column->type_oid))
		return 0;
	error_set(error, ERR_CATALOG, "column %s of table %s.%s has changed its type (from OID %u to %u) since the start",
	          column->name, table->schema, table->name, before, column->type_oid);
	error_hint(error, "check the mapping with `pgweave plan`, and start again");
	return ERR_CATALOG;
}

/* The plan's columns were read from the catalogue of now; the stream may be older or newer than that. */
static int refuse_missing(const struct relation *relation, const bool *seen, struct error *error)
{
	const struct plan_table *table = relation->table;
	uint32_t i;

	for (i = 0; i < table->columns_count; i++) {
		if (seen[i])
			continue;
		error_set(error, ERR_CATALOG, "the stream has no column %s of table %s.%s, which the mapping needs",
		          table->columns[i].name, table->schema, table->name);
		error_hint(error,
		           "if the column was dropped or renamed, change the mapping; if the publication has a column list, "
		           "add the column to it (`pgweave apply` does so for its own publication)");
		return ERR_CATALOG;
	}
	return 0;
}

static int bind_columns(struct relation *relation, const struct pgoutput_message *message, struct error *error)
{
	struct reader reader = reader_of(message->relation.columns, message->relation.columns_size);
	bool *seen = calloc(relation->table->columns_count + 1, sizeof(*seen));
	int rc = 0;
	uint16_t i;

	if (!seen)
		return error_set(error, ERR_NOMEM, "no memory for the columns of a table");
	for (i = 0; i < message->relation.columns_count && !rc; i++) {
		struct pgoutput_column column = pgoutput_relation_column_next(&reader);
		int64_t index = column_by_name(relation->table, column.name);

		relation->column_of[i] = (int32_t)index;
		if (index < 0)
			continue;
		if (seen[index])
			rc = error_set(error, ERR_PROTOCOL, "table %s.%s came with two columns named %s",
			               message->relation.schema, message->relation.name, column.name);
		else
			rc = bind_column(relation, index, &column, error);
		seen[index] = true;
	}
	if (!rc)
		rc = refuse_missing(relation, seen, error);
	free(seen);
	return rc;
}

static int refuse_namesake(const struct relations *relations, const struct pgoutput_message *message, struct error *error)
{
	uint32_t i;

	for (i = 0; i < relations->count; i++) {
		const struct plan_table *table = relations->items[i].table;

		if (strcmp(table->name, message->relation.name) != 0 || strcmp(table->schema, message->relation.schema) != 0)
			continue;
		error_set(error, ERR_CATALOG,
		          "table %s.%s of the stream (OID %u) is not the one that the mapping was compiled for (OID %u)",
		          table->schema, table->name, message->relation.oid, table->oid);
		error_hint(error, "the table was dropped and made again: its nodes have to be loaded anew");
		return ERR_CATALOG;
	}
	return 0;
}

int relations_bind(struct relations *relations, const struct pgoutput_message *message, struct error *error)
{
	struct relation *relation = relations_find(relations, message->relation.oid);
	uint16_t columns_count = message->relation.columns_count;
	int rc;

	if (!relation)
		return refuse_namesake(relations, message, error);
	relation->bound = false;
	free(relation->column_of);
	relation->column_of = malloc((columns_count + 1u) * sizeof(*relation->column_of));
	if (!relation->column_of)
		return error_set(error, ERR_NOMEM, "no memory for the columns of a table");
	relation->columns_count = columns_count;
	rc = bind_columns(relation, message, error);
	relation->bound = !rc;
	return rc;
}
