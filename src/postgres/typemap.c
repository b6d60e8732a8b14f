#include "postgres/typemap.h"

#include <stddef.h>
#include <string.h>

/* pg_type.dat: these OIDs never change. What has no form of its own in the graph is the text that PostgreSQL prints. */
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
        {22, TYPE_TEXT},          /* int2vector */
        {23, TYPE_INT},           /* int4 */
        {24, TYPE_TEXT},          /* regproc */
        {25, TYPE_TEXT},          /* text */
        {26, TYPE_INT},           /* oid */
        {27, TYPE_TEXT},          /* tid */
        {28, TYPE_TEXT},          /* xid */
        {29, TYPE_TEXT},          /* cid */
        {30, TYPE_TEXT},          /* oidvector */
        {114, TYPE_JSON},         /* json */
        {142, TYPE_TEXT},         /* xml */
        {600, TYPE_POINT},        /* point */
        {601, TYPE_TEXT},         /* lseg */
        {602, TYPE_TEXT},         /* path */
        {603, TYPE_TEXT},         /* box */
        {604, TYPE_TEXT},         /* polygon */
        {628, TYPE_TEXT},         /* line */
        {650, TYPE_TEXT},         /* cidr */
        {700, TYPE_FLOAT},        /* float4 */
        {701, TYPE_FLOAT},        /* float8 */
        {718, TYPE_TEXT},         /* circle */
        {774, TYPE_TEXT},         /* macaddr8 */
        {790, TYPE_TEXT},         /* money */
        {829, TYPE_TEXT},         /* macaddr */
        {869, TYPE_TEXT},         /* inet */
        {1033, TYPE_TEXT},        /* aclitem */
        {1042, TYPE_TEXT},        /* bpchar */
        {1043, TYPE_TEXT},        /* varchar */
        {1082, TYPE_DATE},        /* date */
        {1083, TYPE_TIME},        /* time */
        {1114, TYPE_TIMESTAMP},   /* timestamp */
        {1184, TYPE_TIMESTAMPTZ}, /* timestamptz */
        {1186, TYPE_INTERVAL},    /* interval */
        {1266, TYPE_TIMETZ},      /* timetz */
        {1560, TYPE_TEXT},        /* bit */
        {1562, TYPE_TEXT},        /* varbit */
        {1700, TYPE_NUMERIC},     /* numeric */
        {1790, TYPE_TEXT},        /* refcursor */
        {2202, TYPE_TEXT},        /* regprocedure */
        {2203, TYPE_TEXT},        /* regoper */
        {2204, TYPE_TEXT},        /* regoperator */
        {2205, TYPE_TEXT},        /* regclass */
        {2206, TYPE_TEXT},        /* regtype */
        {2950, TYPE_TEXT},        /* uuid */
        {2970, TYPE_TEXT},        /* txid_snapshot */
        {3220, TYPE_TEXT},        /* pg_lsn */
        {3614, TYPE_TEXT},        /* tsvector */
        {3615, TYPE_TEXT},        /* tsquery */
        {3734, TYPE_TEXT},        /* regconfig */
        {3769, TYPE_TEXT},        /* regdictionary */
        {3802, TYPE_JSON},        /* jsonb */
        {4072, TYPE_TEXT},        /* jsonpath */
        {4089, TYPE_TEXT},        /* regnamespace */
        {4096, TYPE_TEXT},        /* regrole */
        {4191, TYPE_TEXT},        /* regcollation */
        {5038, TYPE_TEXT},        /* pg_snapshot */
        {5069, TYPE_TEXT},        /* xid8 */
};

/* Types of extensions, and of whoever makes one that prints like them. */
static const struct {
	const char *name;
	enum type_kind kind;
	bool of_extension; /* only of one: the name alone says too little */
} named_types[] = {
        {"citext", TYPE_TEXT, true},       {"hstore", TYPE_TEXT, true},        {"ltree", TYPE_TEXT, true},
        {"lquery", TYPE_TEXT, true},       {"ltxtquery", TYPE_TEXT, true},     {"cube", TYPE_TEXT, true},
        {"seg", TYPE_TEXT, true},          {"ean13", TYPE_TEXT, true},         {"isbn", TYPE_TEXT, true},
        {"isbn13", TYPE_TEXT, true},       {"ismn", TYPE_TEXT, true},          {"ismn13", TYPE_TEXT, true},
        {"issn", TYPE_TEXT, true},         {"issn13", TYPE_TEXT, true},        {"upc", TYPE_TEXT, true},
        {"geometry", TYPE_GEOMETRY, true}, {"geography", TYPE_GEOMETRY, true}, {"box2d", TYPE_TEXT, true},
        {"box3d", TYPE_TEXT, true},        {"vector", TYPE_VECTOR, false},     {"halfvec", TYPE_VECTOR, false},
        {"sparsevec", TYPE_TEXT, false},
};

static enum type_kind typemap_kind(const struct typemap_facts *facts)
{
	size_t i;

	switch (facts->typtype) {
	case 'c':
	case 'e':
	case 'm':
	case 'r':
		return TYPE_TEXT;
	case 'b':
		break;
	default:
		return TYPE_UNSUPPORTED;
	}
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type_oid == facts->oid)
			return types[i].kind;
	}
	for (i = 0; i < sizeof(named_types) / sizeof(named_types[0]); i++) {
		if ((facts->of_extension || !named_types[i].of_extension) && strcmp(named_types[i].name, facts->name) == 0)
			return named_types[i].kind;
	}
	return TYPE_UNSUPPORTED;
}

enum catalog_equality typemap_equality(const struct typemap_facts *facts)
{
	if (facts->array)
		return EQUALITY_BY_SERVER;
	if (facts->typtype == 'e')
		return EQUALITY_ENUM;
	switch (facts->oid) {
	case 18:   /* "char" */
	case 19:   /* name */
	case 25:   /* text */
	case 1043: /* varchar */
		return facts->deterministic ? EQUALITY_OF_BYTES : EQUALITY_BY_SERVER;
	case 1042: /* bpchar */
		return facts->deterministic ? EQUALITY_PADDED : EQUALITY_BY_SERVER;
	case 2950: /* uuid */
		return EQUALITY_UUID;
	default:
		return EQUALITY_BY_SERVER;
	}
}

struct type typemap_type(const struct typemap_facts *facts)
{
	struct type type = {.kind = typemap_kind(facts), .array = facts->array};

	type.pairs = !facts->array && facts->typtype == 'b' && facts->of_extension && strcmp(facts->name, "hstore") == 0;
	if (!facts->array)
		return type;
	if (facts->delimiter != ',')
		type.delimiter = facts->delimiter;
	/* a property is no list of BYTES, of lists, or of points and texts mixed: the elements stay as PostgreSQL prints them
	 */
	if (type.kind == TYPE_BYTEA || type.kind == TYPE_VECTOR || type.kind == TYPE_GEOMETRY)
		type.kind = TYPE_TEXT;
	return type;
}
