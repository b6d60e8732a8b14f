/*
 * mapping/init: a first mapping file out of a catalogue, with comments on what a person should decide and on what was left out.
 *
 * A table with a usable key becomes a node; a join table (two foreign keys, nobody refers to it, and its key is just those
 * columns, or a key of its own beside them) becomes a relationship; every other foreign key becomes a relationship of its
 * table's node. What is written parses and compiles against the same catalogue. Pure: no I/O.
 */
#ifndef PGWEAVE_MAPPING_INIT_H
#define PGWEAVE_MAPPING_INIT_H

#include "base/buffer.h"
#include "mapping/catalog.h"

/* Any may be NULL: the file then refers to an environment variable, or says nothing. A password never gets into the file. */
struct mapping_init_options {
	const char *pipeline; /* NULL: from the database's name */
	const char *postgres_url;
	const char *neo4j_url;
	const char *neo4j_user;
	const char *neo4j_database;
};

/* Appends the file. ERR_CATALOG when no table can be mapped, ERR_NOMEM. */
int mapping_init(const struct catalog *catalog, const struct mapping_init_options *options, struct buffer *yaml,
                 struct error *error) _must_check;

#endif
