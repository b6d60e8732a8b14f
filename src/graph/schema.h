/*
 * graph/schema: the constraints and indexes that a plan needs in Neo4j. Texts only; no I/O.
 */
#ifndef PGWEAVE_GRAPH_SCHEMA_H
#define PGWEAVE_GRAPH_SCHEMA_H

#include "base/arena.h"
#include "mapping/describe.h"

struct graph_schema_item {
	const char *words;     /* "Package(name) is unique" */
	const char *statement; /* CREATE CONSTRAINT / CREATE INDEX ... IF NOT EXISTS */
	const char *label_or_type;
	bool of_relationship;
	bool unique;
	const struct plan_property *key;
	uint32_t key_count;
};

struct graph_schema {
	struct arena arena;
	struct graph_schema_item *items;
	uint32_t count;
};

/*
 * relationship_constraints: the server has relationship uniqueness constraints (Neo4j 5.7 and later); else a plain index is
 * made. The schema is freed by arena_free(&schema->arena). ERR_NOMEM.
 */
int graph_schema_make(const struct plan *plan, bool relationship_constraints, struct graph_schema *schema) _must_check;

/*
 * Lists what is there: records of label or type, list of properties, "NODE" or "RELATIONSHIP", whether unique, for
 * graph_schema_is_there.
 */
extern const char graph_schema_show[];
struct bolt_value;
bool graph_schema_matches(const struct graph_schema_item *item, const struct bolt_value *values, size_t count);

/* Begins the names of indexes that are needed while a graph is changed from one mapping to another. */
#define GRAPH_SCHEMA_INTERIM "_pgweave_interim_"
/* Lists what is there with its name, for graph_schema_drop. */
extern const char graph_schema_list[];
/*
 * Appends the statement that drops it, when Neo4j named it (so that nobody else did) and it contradicts the schema: an index
 * where a constraint is wanted, or the other way round. With before also when one of those mappings needed it and the schema
 * does not, or when it is an interim one. Else appends nothing.
 */
void graph_schema_drop(const struct graph_schema *schema, const struct descriptions *before, const struct bolt_value *values,
                       size_t count, struct buffer *cypher);

#endif
