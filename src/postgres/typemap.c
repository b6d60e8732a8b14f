#include "postgres/typemap.h"

#include <stddef.h>
#include <string.h>

/* pg_type.dat: these OIDs never change. */
static const struct {
	uint32_t type_oid;
	enum type_kind kind;
} types[] = {
        {16, TYPE_BOOL},          /* bool */
        {17, TYPE_BYTEA},         /* bytea */
        {18, TYPE_TEXT},          /* "char" */
        {19, TYPE_TEXT},          /* name */
        {20, TYPE_INT},           /* int8 */
        {21, TYPE_INT},           /* int2 */
        {23, TYPE_INT},           /* int4 */
        {25, TYPE_TEXT},          /* text */
        {26, TYPE_INT},           /* oid */
        {114, TYPE_TEXT},         /* json */
        {142, TYPE_TEXT},         /* xml */
        {700, TYPE_FLOAT},        /* float4 */
        {701, TYPE_FLOAT},        /* float8 */
        {1042, TYPE_TEXT},        /* bpchar */
        {1043, TYPE_TEXT},        /* varchar */
        {1082, TYPE_DATE},        /* date */
        {1083, TYPE_TIME},        /* time */
        {1114, TYPE_TIMESTAMP},   /* timestamp */
        {1184, TYPE_TIMESTAMPTZ}, /* timestamptz */
        {1266, TYPE_TIMETZ},      /* timetz */
        {1700, TYPE_NUMERIC},     /* numeric */
        {2950, TYPE_TEXT},        /* uuid */
        {3802, TYPE_TEXT},        /* jsonb */
};

enum type_kind typemap_kind(uint32_t type_oid, const char *type_name, bool is_enum, bool of_extension)
{
	size_t i;

	if (is_enum || (of_extension && strcmp(type_name, "citext") == 0))
		return TYPE_TEXT;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type_oid == type_oid)
			return types[i].kind;
	}
	return TYPE_UNSUPPORTED;
}
