/* postgres/typemap: which of PostgreSQL's types is which of ours. For use inside the room and its tests. */
#ifndef PGWEAVE_POSTGRES_TYPEMAP_H
#define PGWEAVE_POSTGRES_TYPEMAP_H

#include "change/type.h"

#include <stdint.h>

/*
 * A base type (domains already resolved) by its OID; by name where an extension made it. is_enum: typtype is 'e'.
 */
enum type_kind typemap_kind(uint32_t type_oid, const char *type_name, bool is_enum, bool of_extension);

#endif
