#include "pgoutput/relation.h"

#include <stdio.h>
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
		return error_set(error, ERR_NOMEM, "no memory for the relation cache of %u tables", plan->tables_count);
	for (i = 0; i < plan->tables_count; i++) {
		struct relation *relation = &relations->items[i];
		const struct plan_table *table = &plan->tables[i];

		relation->oid = table->oid;
		relation->table = table;
		relations->count++;
	}
	qsort(relations->items, relations->count, sizeof(*relations->items), compare_oid);
	return 0;
}

void relations_free(struct relations *relations)
{
	uint32_t i;

	for (i = 0; relations->items && i < relations->count; i++)
		free(relations->items[i].column_of);
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

#define WHY_SIZE 256

/*
 * Whether what the wire calls so is the plan's column. The stream may be older or newer than the plan: WAL is decoded by the
 * catalogue of when it was written. Columns come in the order of their numbers, so names that were exchanged show too.
 */
static bool fits(const struct plan_table *table, uint32_t index, const struct pgoutput_column *column, int32_t *attnum,
                 char why[WHY_SIZE])
{
	const struct plan_column *planned = &table->columns[index];

	if (planned->type_oid && type_family(planned->type_oid) != type_family(column->type_oid))
		snprintf(why, WHY_SIZE, "column %s was of another type (OID %u)", column->name, column->type_oid);
	else if (planned->attnum < *attnum)
		snprintf(why, WHY_SIZE, "column %s was called otherwise", column->name);
	else if (index < table->key_count && !table->partitioned && !column->key)
		snprintf(why, WHY_SIZE, "column %s was not in its replica identity", column->name);
	else
		*attnum = planned->attnum;
	return !why[0];
}

static int bind_columns(struct relation *relation, const struct pgoutput_message *message, char why[WHY_SIZE],
                        struct error *error)
{
	const struct plan_table *table = relation->table;
	struct reader reader = reader_of(message->relation.columns, message->relation.columns_size);
	bool *seen = calloc(table->columns_count + 1, sizeof(*seen));
	int32_t attnum = 0;
	int rc = 0;
	uint32_t i;

	if (!seen)
		return error_set(error, ERR_NOMEM, "no memory for the columns of a table");
	for (i = 0; i < message->relation.columns_count && !rc && !why[0]; i++) {
		struct pgoutput_column column = pgoutput_relation_column_next(&reader);
		int64_t index = column_by_name(table, column.name);

		relation->column_of[i] = (int32_t)index;
		if (index < 0)
			continue;
		if (seen[index])
			rc = error_set(error, ERR_PROTOCOL, "table %s.%s came with two columns named %s",
			               message->relation.schema, message->relation.name, column.name);
		seen[index] = fits(table, (uint32_t)index, &column, &attnum, why);
	}
	for (i = 0; i < table->columns_count && !rc && !why[0]; i++)
		if (!seen[i])
			snprintf(why, WHY_SIZE, "there was no column %s", table->columns[i].name);
	free(seen);
	return rc;
}

int relations_refuse(struct relations *relations, const struct relation *relation, const char *why, struct error *error)
{
	relations->misfit_oid = relation->oid;
	return error_set_class(error, ERR_CATALOG, ERROR_RETRY, "table %s.%s was another one when it was written to: %s",
	                       relation->table->schema, relation->table->name, why);
}

static int refuse_namesake(struct relations *relations, const struct pgoutput_message *message, struct error *error)
{
	uint32_t i;

	for (i = 0; i < relations->count; i++) {
		const struct relation *relation = &relations->items[i];
		char why[WHY_SIZE];

		if (relation->pass_over || strcmp(relation->table->name, message->relation.name) != 0 ||
		    strcmp(relation->table->schema, message->relation.schema) != 0)
			continue;
		snprintf(why, sizeof(why), "that of OID %u, where it now has %u", message->relation.oid, relation->oid);
		return relations_refuse(relations, relation, why, error);
	}
	return 0;
}

int relations_bind(struct relations *relations, const struct pgoutput_message *message, struct error *error)
{
	struct relation *relation = relations_find(relations, message->relation.oid);
	uint16_t columns_count = message->relation.columns_count;
	char why[WHY_SIZE] = "";
	int rc;

	if (!relation)
		return refuse_namesake(relations, message, error);
	relation->bound = false;
	free(relation->column_of);
	relation->column_of = malloc((columns_count + 1u) * sizeof(*relation->column_of));
	if (!relation->column_of)
		return error_set(error, ERR_NOMEM, "no memory for the columns of a table");
	relation->columns_count = columns_count;
	rc = bind_columns(relation, message, why, error);
	relation->misfit = why[0] != '\0';
	relation->bound = !rc;
	return rc || !relation->misfit || relation->pass_over ? rc : relations_refuse(relations, relation, why, error);
}
