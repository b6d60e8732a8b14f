/* postgres/typemap: which of PostgreSQL's types is which of ours. For use inside the room and its tests. */
#ifndef PGWEAVE_POSTGRES_TYPEMAP_H
#define PGWEAVE_POSTGRES_TYPEMAP_H

#include "mapping/catalog.h"

#include <stdint.h>

/* What pg_type says of a type (domains already resolved), or of the elements of an array. */
struct typemap_facts {
	uint32_t oid;
	const char *name;
	char typtype;       /* b base, c composite, e enum, r range, m multirange, p pseudo */
	char delimiter;     /* typdelim */
	bool of_extension;  /* an extension made it */
	bool array;         /* the column is an array of it */
	bool deterministic; /* so is the column's collation, or it has none */
};

/* By OID; by kind where the text is what arrives; by name where an extension made it. */
struct type typemap_type(const struct typemap_facts *facts);

/* When two values of it are equal; of texts that are no array. */
enum catalog_equality typemap_equality(const struct typemap_facts *facts);

#endif
