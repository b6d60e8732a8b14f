/* postgres/typemap: which of PostgreSQL's types is which of ours. For use inside the room and its tests. */
#ifndef PGWEAVE_POSTGRES_TYPEMAP_H
#define PGWEAVE_POSTGRES_TYPEMAP_H

#include "change/type.h"

#include <stdint.h>

/* What pg_type says of a type (domains already resolved), or of the elements of an array. */
struct typemap_facts {
	uint32_t oid;
	const char *name;
	char typtype;      /* b base, c composite, e enum, r range, m multirange, p pseudo */
	char delimiter;    /* typdelim */
	bool of_extension; /* an extension made it */
	bool array;        /* the column is an array of it */
};

/* By OID; by kind where the text is what arrives; by name where an extension made it. */
struct type typemap_type(const struct typemap_facts *facts);

#endif
