/*
 * mapping/condition: an SQL condition over one table's columns: from the file's text to a tree, and back to SQL.
 *
 * A small part of SQL, the part in which pgweave and PostgreSQL surely come to the same: AND, OR, NOT, parentheses, and of a
 * column IS [NOT] NULL, IS [NOT] TRUE or FALSE, = <> < <= > >=, [NOT] IN, [NOT] BETWEEN, IS [NOT] DISTINCT FROM with
 * literals. Which types can be compared how is in docs/mapping.md.
 */
#ifndef PGWEAVE_MAPPING_CONDITION_H
#define PGWEAVE_MAPPING_CONDITION_H

#include "change/condition.h"
#include "mapping/plan.h"

#define CONDITION_SIZE_MAX 4096
#define CONDITION_DEPTH_MAX 32
#define CONDITION_NODES_MAX 512

/* SQL: names quoted, "prefix." before them where prefix is not NULL. */
void condition_sql(struct buffer *buffer, const struct condition *condition, const struct plan_table *table,
                   const char *prefix);
/* The same for a person: only names that need it are quoted. */
void condition_words(struct buffer *buffer, const struct condition *condition, const struct plan_table *table);

#endif
