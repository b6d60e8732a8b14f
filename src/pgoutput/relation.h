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
	bool misfit;            /* and the plan cannot read its rows */
	bool pass_over;         /* that is no error: such rows are left out */
	uint16_t columns_count; /* on the wire */
	int32_t *column_of;     /* for each of them the index in table->columns, or -1 */
};

struct relations {
	struct relation *items; /* by OID */
	uint32_t count;
	struct relation *last; /* found last: rows of one table come in runs */
	uint32_t misfit_oid;   /* of the plan's table whose RELATION or row was refused last; 0: none */
};

int relations_init(struct relations *relations, const struct plan *plan, struct error *error) _must_check;
void relations_free(struct relations *relations);
/* Unbinds all. */
void relations_reset(struct relations *relations);
/* NULL when the plan does not have the table. */
struct relation *relations_find(struct relations *relations, uint32_t oid);
/* Takes a RELATION. ERR_CATALOG, RETRY, when a mapped table was another one than the plan's; ERR_PROTOCOL, ERR_NOMEM. */
int relations_bind(struct relations *relations, const struct pgoutput_message *message, struct error *error) _must_check;
/* The table was another one when this was written: notes it, and returns ERR_CATALOG with why. */
int relations_refuse(struct relations *relations, const struct relation *relation, const char *why, struct error *error);

#endif
