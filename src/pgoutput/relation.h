/*
 * pgoutput/relation: the relation cache: which column of the wire is which column of the plan. For use inside the room.
 *
 * One slot for each table of the plan, found by OID; relations that are not in the plan take no room at all.
 */
#ifndef PGWEAVE_PGOUTPUT_RELATION_H
#define PGWEAVE_PGOUTPUT_RELATION_H

#include "mapping/plan.h"
#include "pgoutput/message.h"

struct relation {
	uint32_t oid;
	const struct plan_table *table;
	bool bound;             /* a RELATION was seen since the last reset */
	uint16_t columns_count; /* on the wire */
	int32_t *column_of;     /* for each of them the index in table->columns, or -1 */
	uint32_t *type_oids;    /* for each of table->columns, as last seen; 0: not yet; kept over a reset */
};

struct relations {
	struct relation *items; /* by OID */
	uint32_t count;
	struct relation *last; /* found last: rows of one table come in runs */
};

int relations_init(struct relations *relations, const struct plan *plan, struct error *error) _must_check;
void relations_free(struct relations *relations);
/* Unbinds all. */
void relations_reset(struct relations *relations);
/* NULL when the plan does not have the table. */
struct relation *relations_find(struct relations *relations, uint32_t oid);
/* Takes a RELATION. ERR_CATALOG when a mapped table no longer fits the plan; ERR_NOMEM. */
int relations_bind(struct relations *relations, const struct pgoutput_message *message, struct error *error) _must_check;

#endif
