/*
 * verify/recheck: reads a few entities from both sides and compares them: the second look of verify/verify.h.
 */
#ifndef PGWEAVE_VERIFY_RECHECK_H
#define PGWEAVE_VERIFY_RECHECK_H

#include "session/session.h"
#include "verify/merge.h"

#define VERIFY_BATCH_MAX 500

/* What one row makes in the graph: a node, or the relationships of one mapping. */
struct verify_entity {
	const struct verify_shape *shape;
	const struct value *probe; /* shape->probe_count */
	uint64_t version;          /* of its row; 0: there is none */
	bool disagreed;            /* the last look found a difference */
};

/* By shape, then probe: for sorting and for finding doubles. */
int verify_entity_order(const struct verify_entity *a, const struct verify_entity *b);

/* Reads the versions of count entities of one shape, at most VERIFY_BATCH_MAX. */
int verify_recheck_versions(struct session_postgres *postgres, const struct verify_entity *entities, uint32_t count,
                            uint64_t *ret_versions, struct error *error) _must_check;
/*
 * Reads the graph, then the rows, and compares: the sink is told of every difference, with the entity's place, from 0, as the
 * ordinal.
 */
int verify_recheck(struct session_postgres *postgres, struct session_graph *graph, const struct verify_entity *entities,
                   uint32_t count, struct verify_sink *sink, uint64_t *ret_versions, struct error *error) _must_check;

/* The value as PostgreSQL reads it, appended. Inside the room and for its tests. */
void verify__value_sql(struct buffer *text, const struct value *value);
/* The same as an item of an array of texts, with a comma or the array's brace before it. */
void verify_value_array_add(struct buffer *array, const struct value *value);

#endif
