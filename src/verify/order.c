#include "verify/order.h"

#include <math.h>
#include <string.h>

/* type, what it becomes, whether Neo4j's order of it is PostgreSQL's: its bytes are signed, its zoned times have a last hour
 * less */
static const struct {
	enum value_kind kind;
	bool ordered;
} types[] = {
        [TYPE_UNSUPPORTED] = {VALUE_NULL, false},
        [TYPE_BOOL] = {VALUE_BOOL, true},
        [TYPE_INT] = {VALUE_INT, true},
        [TYPE_FLOAT] = {VALUE_FLOAT, true},
        [TYPE_NUMERIC] = {VALUE_STRING, true},
        [TYPE_TEXT] = {VALUE_STRING, true},
        [TYPE_BYTEA] = {VALUE_BYTES, false},
        [TYPE_DATE] = {VALUE_DATE, true},
        [TYPE_TIME] = {VALUE_LOCAL_TIME, true},
        [TYPE_TIMETZ] = {VALUE_TIME, false},
        [TYPE_TIMESTAMP] = {VALUE_LOCAL_DATETIME, true},
        [TYPE_TIMESTAMPTZ] = {VALUE_DATETIME, true},
        [TYPE_INTERVAL] = {VALUE_DURATION, false},
        [TYPE_POINT] = {VALUE_POINT, false},
        [TYPE_GEOMETRY] = {VALUE_POINT, false},
        [TYPE_VECTOR] = {VALUE_LIST, false},
        [TYPE_JSON] = {VALUE_STRING, true},
};

enum value_kind verify_type_kind(const struct type *type)
{
	if (type->array)
		return VALUE_LIST;
	if (type->kind == TYPE_NUMERIC && type->numeric_as == NUMERIC_AS_FLOAT)
		return VALUE_FLOAT;
	if (type->kind == TYPE_NUMERIC && type->numeric_as == NUMERIC_AS_INTEGER)
		return VALUE_INT;
	return types[type->kind].kind;
}

bool verify_type_is_ordered(const struct type *type)
{
	return !type->array && types[type->kind].ordered;
}

static int order__int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int order__real(double a, double b)
{
	if (isnan(a) || isnan(b))
		return (isnan(a) != 0) - (isnan(b) != 0);
	return (a > b) - (a < b);
}

static int order__bytes(const struct value *a, const struct value *b)
{
	uint32_t size = a->size < b->size ? a->size : b->size;
	int order = size ? memcmp(a->bytes, b->bytes, size) : 0;

	return order ? order : order__int(a->size, b->size);
}

static int order__time(const struct value *a, const struct value *b)
{
	const int64_t nanos_per_s = 1000000000;
	int order = order__int(a->integer - a->offset_s * nanos_per_s, b->integer - b->offset_s * nanos_per_s);

	return order ? order : order__int(a->offset_s, b->offset_s);
}

int verify_value_order(const struct value *a, const struct value *b)
{
	int order;

	if (a->kind != b->kind)
		return order__int(a->kind, b->kind);
	switch (a->kind) {
	case VALUE_NULL:
		return 0;
	case VALUE_BOOL:
		return order__int(a->boolean, b->boolean);
	case VALUE_INT:
	case VALUE_DATE:
	case VALUE_LOCAL_TIME:
		return order__int(a->integer, b->integer);
	case VALUE_FLOAT:
		return order__real(a->real, b->real);
	case VALUE_STRING:
	case VALUE_BYTES:
		return order__bytes(a, b);
	case VALUE_TIME:
		return order__time(a, b);
	case VALUE_DATETIME:
	case VALUE_LOCAL_DATETIME:
		order = order__int(a->integer, b->integer);
		return order ? order : order__int(a->nanos, b->nanos);
	case VALUE_DURATION: /* no key is one of these two */
	case VALUE_POINT:
		return 0;
	case VALUE_LIST:
		order = verify_values_order(a->list, b->list, a->size < b->size ? a->size : b->size);
		return order ? order : order__int(a->size, b->size);
	}
	return 0;
}

int verify_values_order(const struct value *a, const struct value *b, uint32_t count)
{
	int order = 0;

	for (uint32_t i = 0; i < count && !order; i++)
		order = verify_value_order(&a[i], &b[i]);
	return order;
}

static bool copy__list(struct arena *arena, const struct value *value, uint32_t size_max, struct value *ret_value)
{
	struct value *list = arena_calloc(arena, ret_value->size, sizeof(*list));

	if (!list)
		return false;
	ret_value->list = list;
	/* lists do not nest: graph_value_unpack and value_from_text see to it */
	for (uint32_t i = 0; i < ret_value->size; i++)
		if (value->list[i].kind == VALUE_LIST || !verify_value_copy(arena, &value->list[i], size_max, &list[i]))
			return false;
	return true;
}

static void *copy__bytes(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size);

	return copy ? memcpy(copy, bytes, size) : NULL;
}

bool verify_value_copy(struct arena *arena, const struct value *value, uint32_t size_max, struct value *ret_value)
{
	*ret_value = *value;
	if (value->kind == VALUE_DURATION)
		return (ret_value->duration = copy__bytes(arena, value->duration, sizeof(*value->duration))) != NULL;
	if (value->kind == VALUE_POINT)
		return (ret_value->point = copy__bytes(arena, value->point, sizeof(*value->point))) != NULL;
	if (value->kind != VALUE_STRING && value->kind != VALUE_BYTES && value->kind != VALUE_LIST)
		return true;
	if (ret_value->size > size_max)
		ret_value->size = size_max;
	if (!ret_value->size)
		return true;
	if (value->kind == VALUE_LIST)
		return copy__list(arena, value, size_max, ret_value);
	ret_value->bytes = arena_strndup(arena, value->bytes, ret_value->size);
	return ret_value->bytes != NULL;
}
