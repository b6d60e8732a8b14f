/*
 * Catalogues for tests, written as text:
 *
 *   table org_roles                     [view] [partitioned] [unlogged] [identity=n|d|f|i:INDEX] [rows=N]
 *                                       [unreadable] [secured] [inherits] [inherited]
 *   id bigint pk                        pk, ! (not null), generated, ->table.column (a foreign key), ->table.column? (not
 * validated) unique org_roles_slug slug          name columns [deferrable] foreign a,b other x,y               columns, table,
 * columns
 *
 * A table is schema.name or a name in public. Columns are listed with commas and without blanks.
 */
#ifndef PGWEAVE_TESTS_MAPPING_FIXTURE_H
#define PGWEAVE_TESTS_MAPPING_FIXTURE_H

#include "mapping/mapping.h"

#define FIXTURE_TABLES_MAX 64
#define FIXTURE_COLUMNS_MAX 64
#define FIXTURE_KEYS_MAX 8

struct fixture {
	struct catalog catalog;
	struct catalog_table tables[FIXTURE_TABLES_MAX];
	struct catalog_column columns[FIXTURE_TABLES_MAX][FIXTURE_COLUMNS_MAX];
	struct catalog_key keys[FIXTURE_TABLES_MAX][FIXTURE_KEYS_MAX];
	struct catalog_foreign_key foreign_keys[FIXTURE_TABLES_MAX][FIXTURE_KEYS_MAX];
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);
/* The building blocks; names are copied. */
struct catalog_table *fixture_table(struct fixture *fixture, const char *schema, const char *name);
int16_t fixture_column(struct fixture *fixture, struct catalog_table *table, const char *name, const char *type, bool not_null);
struct catalog_key *fixture_key(struct fixture *fixture, struct catalog_table *table, const char *name, const int16_t *attnums,
                                uint32_t count, bool primary);
void fixture_foreign(struct fixture *fixture, struct catalog_table *table, const int16_t *attnums,
                     const struct catalog_table *target, const int16_t *target_attnums, uint32_t count);
/* Sorts, and sets what an old tuple carries. Call once, last. */
void fixture_finish(struct fixture *fixture);
/* All of the above from a text. */
struct fixture *fixture_read(const char *text);

/* NAME is "secret of NAME"; UNSET is not set; a file holds "file PATH" unless PATH begins with "missing". */
extern const struct mapping_environment fixture_environment;

/* Parses and compiles; on failure what diagnostics_print says is in `messages`. Either may be NULL. */
int fixture_compile(const struct fixture *fixture, const char *yaml, struct plan **ret_plan, struct buffer *messages);

#endif
