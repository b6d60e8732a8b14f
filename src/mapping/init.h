/*
 * mapping/init: a first mapping file out of a catalogue, with comments on what a person should decide and on what was left out;
 * and the same file brought up to date later.
 *
 * A table with a usable key becomes a node; a join table (two foreign keys, nobody refers to it, and its key is just those
 * columns, or a key of its own beside them) becomes a relationship; every other foreign key becomes a relationship of its
 * table's node. What is written parses and compiles against the same catalogue.
 *
 * The file ends with notes of what was seen of the database: so a table that a person has removed is told from one that is new.
 * An update adds what is new, and leaves every byte outside the notes as it is. Pure: no I/O.
 */
#ifndef PGWEAVE_MAPPING_INIT_H
#define PGWEAVE_MAPPING_INIT_H

#include "base/buffer.h"
#include "mapping/mapping.h"

/* How many different values of a type's column are of use; and how many pairs are looked at. */
#define MAPPING_INIT_VALUES_MAX 20
#define MAPPING_INIT_PAIRS_MAX 256

/* Two columns that together refer to rows of several tables: imageable_type names the table, imageable_id the row. */
struct mapping_init_pair {
	const struct catalog_table *table;
	const struct catalog_column *type;
	const struct catalog_column *id;
	const char *const *values; /* found in the type's column; NULL: it was not looked at. The caller's */
	uint32_t values_count;
	bool more; /* there are further values */
};

struct mapping_init_pairs {
	struct mapping_init_pair items[MAPPING_INIT_PAIRS_MAX];
	uint32_t count;
};

/* Finds them by their names and types, among the tables that can become nodes; those beyond the maximum are left out. */
void mapping_init_find_pairs(const struct catalog *catalog, struct mapping_init_pairs *pairs);

/* Any may be NULL: the file then refers to an environment variable, or says nothing. A password never gets into the file. */
struct mapping_init_options {
	const char *pipeline; /* NULL: from the database's name */
	const char *postgres_url;
	const char *neo4j_url;
	const char *neo4j_user;
	const char *neo4j_database;
	const struct mapping_init_pairs *pairs; /* NULL: found, and their values not known */
};

/* Appends the file. ERR_CATALOG when no table can be mapped, ERR_LIMIT when the file would be larger than one may be,
 * ERR_NOMEM. */
int mapping_init(const struct catalog *catalog, const struct mapping_init_options *options, struct buffer *yaml,
                 struct error *error) _must_check;

/* What an update has done, or seen. */
struct mapping_init_change {
	const char *kind; /* "added", "offered" (as a comment), "carried" (without a change to the file), "gone", "left out" */
	const char *text;
	const struct mapping_init_change *next;
};

struct mapping_init_changes {
	struct arena arena;
	const struct mapping_init_change *first;
	uint32_t count;
};

void mapping_init_changes_free(struct mapping_init_changes *changes);

/*
 * Appends the mapping's own text with what is new in the catalogue. Of the options only `pairs` is used. The changes are the
 * caller's, freed after an error too. ERR_CONFIG when the text is of a shape that cannot be added to, or its notes cannot be
 * read; ERR_LIMIT, ERR_NOMEM.
 */
int mapping_init_update(const struct mapping *mapping, const struct catalog *catalog,
                        const struct mapping_init_options *options, struct buffer *yaml, struct mapping_init_changes *changes,
                        struct error *error) _must_check;

#endif
