/*
 * change/concatenation: one text made of several cells of a row, as PostgreSQL prints them.
 *
 * mapping/ builds it; whoever reads a property's cell asks here for the cell that the others make. It is made of the row when
 * the row is written, and not when it comes in: only then is known what earlier changes have brought of it. Plain, immutable
 * data; whoever made it owns it.
 */
#ifndef PGWEAVE_CHANGE_CONCATENATION_H
#define PGWEAVE_CHANGE_CONCATENATION_H

#include "change/change.h"

struct concatenation {
	const char *separator;   /* between two parts; may be empty */
	const uint32_t *columns; /* of the row, in the order of the text */
	uint32_t count;
};

/*
 * What the row's cells make: NULLs are left out with their separators, and nothing but NULLs makes NULL. UNCHANGED as soon as
 * one cell is. The text is in the arena. ERR_NOMEM when that is full; ERR_VALUE, class POISON, when it is longer than a text
 * may be.
 */
int concatenation_cell(const struct concatenation *concatenation, const struct cell *cells, struct arena *arena,
                       struct cell *ret_cell, struct error *error) _must_check;

#endif
