#include "mapping/catalog.h"

#include <string.h>

const struct catalog_table *catalog_table_by_oid(const struct catalog *catalog, uint32_t oid)
{
	for (uint32_t i = 0; i < catalog->tables_count; i++)
		if (catalog->tables[i].oid == oid)
			return &catalog->tables[i];
	return NULL;
}

const struct catalog_table *catalog_table_by_name(const struct catalog *catalog, const char *schema, const char *name)
{
	for (uint32_t i = 0; i < catalog->tables_count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0 && strcmp(catalog->tables[i].schema, schema) == 0)
			return &catalog->tables[i];
	return NULL;
}

const struct catalog_column *catalog_column_by_name(const struct catalog_table *table, const char *name)
{
	for (uint32_t i = 0; i < table->columns_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	return NULL;
}

const struct catalog_column *catalog_column_by_attnum(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t i = 0; i < table->columns_count; i++)
		if (table->columns[i].attnum == attnum)
			return &table->columns[i];
	return NULL;
}

bool catalog_column_is_carried(const struct catalog_column *column)
{
	return column->type.kind != TYPE_UNSUPPORTED;
}
