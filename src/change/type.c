#include "change/type.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *graph_name;
} type_kinds[] = {
#define X(name, what) [TYPE_##name] = {#name, what},
        TYPE_KINDS(X)
#undef X
};

#define TYPE_KINDS_COUNT (sizeof(type_kinds) / sizeof(type_kinds[0]))

const char *type_kind_name(enum type_kind kind)
{
	return (size_t)kind < TYPE_KINDS_COUNT ? type_kinds[kind].name : "UNKNOWN";
}

const char *type_kind_graph_name(enum type_kind kind)
{
	return (size_t)kind < TYPE_KINDS_COUNT ? type_kinds[kind].graph_name : "UNKNOWN";
}
