#include "graph/value.h"

static void value__pack_point(struct bolt_writer *writer, const struct value_point *point)
{
	if (point->dimensions == 3)
		bolt_writer_point3d(writer, point->srid, point->at[0], point->at[1], point->at[2]);
	else
		bolt_writer_point2d(writer, point->srid, point->at[0], point->at[1]);
}

#define US_PER_S 1000000
#define POSTGRES_EPOCH_S 946684800 /* 2000-01-01 */

void graph_time_pack(struct bolt_writer *writer, int64_t time_us)
{
	int64_t us = (time_us % US_PER_S + US_PER_S) % US_PER_S;

	bolt_writer_datetime(writer, (time_us - us) / US_PER_S + POSTGRES_EPOCH_S, (int32_t)us * 1000, 0);
}

void graph_value_pack(struct bolt_writer *writer, const struct value *value)
{
	switch (value->kind) {
	case VALUE_NULL:
		bolt_writer_null(writer);
		break;
	case VALUE_BOOL:
		bolt_writer_bool(writer, value->boolean);
		break;
	case VALUE_INT:
		bolt_writer_int(writer, value->integer);
		break;
	case VALUE_FLOAT:
		bolt_writer_float(writer, value->real);
		break;
	case VALUE_STRING:
		bolt_writer_string(writer, value->bytes, value->size);
		break;
	case VALUE_BYTES:
		bolt_writer_bytes(writer, value->bytes, value->size);
		break;
	case VALUE_DATE:
		bolt_writer_date(writer, value->integer);
		break;
	case VALUE_TIME:
		bolt_writer_time(writer, value->integer, value->offset_s);
		break;
	case VALUE_LOCAL_TIME:
		bolt_writer_local_time(writer, value->integer);
		break;
	case VALUE_DATETIME:
		bolt_writer_datetime(writer, value->integer, value->nanos, 0);
		break;
	case VALUE_LOCAL_DATETIME:
		bolt_writer_local_datetime(writer, value->integer, value->nanos);
		break;
	case VALUE_DURATION:
		bolt_writer_duration(writer, value->duration->months, value->duration->days, value->duration->seconds,
		                     value->duration->nanos);
		break;
	case VALUE_POINT:
		value__pack_point(writer, value->point);
		break;
	case VALUE_LIST:
		bolt_writer_list(writer, value->size);
		for (uint32_t i = 0; i < value->size; i++)
			graph_value_pack(writer, &value->list[i]);
		break;
	}
}

int graph_cell_pack(struct bolt_writer *writer, const struct type *type, const struct cell *cell, struct arena *scratch,
                    struct error *error)
{
	struct value value;
	int rc;

	if (cell->kind != CELL_TEXT) {
		bolt_writer_null(writer);
		return 0;
	}
	if (type->kind == TYPE_TEXT && !type->array && !type->conversion) {
		bolt_writer_string(writer, cell->data, cell->size);
		return 0;
	}
	rc = value_from_text(type, cell->data, cell->size, scratch, &value, error);
	if (rc < 0)
		return rc;
	graph_value_pack(writer, &value);
	return 0;
}

int graph_elements_pack(struct bolt_writer *writer, const struct type *type, bool placed, const struct cell *cell,
                        struct arena *scratch, struct error *error)
{
	const struct value *values;
	uint32_t count, packed = 0;
	int rc;

	if (cell->kind != CELL_TEXT) {
		bolt_writer_null(writer);
		return 0;
	}
	rc = value_elements_from_text(type, cell->data, cell->size, scratch, &values, &count, error);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++)
		packed += values[i].kind != VALUE_NULL;
	bolt_writer_list(writer, packed);
	for (uint32_t i = 0; i < count; i++) {
		if (values[i].kind == VALUE_NULL)
			continue;
		if (placed)
			bolt_writer_list(writer, 2);
		graph_value_pack(writer, &values[i]);
		if (placed)
			bolt_writer_int(writer, (int64_t)i + 1);
	}
	return 0;
}

static void value__datetime(const struct bolt_value *bolt, struct value *value)
{
	struct bolt_datetime datetime;

	if (!bolt_value_datetime(bolt, &datetime))
		return;
	value->kind = bolt->type == BOLT_TYPE_LOCAL_DATETIME ? VALUE_LOCAL_DATETIME : VALUE_DATETIME;
	value->integer = datetime.seconds;
	value->nanos = datetime.ns;
}

static int value__duration(const struct bolt_value *bolt, struct arena *arena, struct value *value)
{
	struct value_duration *duration = arena_alloc(arena, sizeof(*duration));
	struct bolt_duration read;

	if (!duration)
		return ERR_NOMEM;
	if (!bolt_value_duration(bolt, &read))
		return 0;
	*duration =
	        (struct value_duration){.months = read.months, .days = read.days, .seconds = read.seconds, .nanos = read.ns};
	value->kind = VALUE_DURATION;
	value->duration = duration;
	return 0;
}

static int value__point(const struct bolt_value *bolt, struct arena *arena, struct value *value)
{
	struct value_point *point = arena_alloc(arena, sizeof(*point));
	struct bolt_point read;

	if (!point)
		return ERR_NOMEM;
	if (!bolt_value_point(bolt, &read))
		return 0;
	*point = (struct value_point){.srid = read.srid, .dimensions = (uint32_t)read.dimensions, .at = {read.x, read.y, 0}};
	if (read.dimensions == 3)
		point->at[2] = read.z;
	value->kind = VALUE_POINT;
	value->point = point;
	return 0;
}

static int value__list(const struct bolt_value *bolt, struct arena *arena, struct value *value, bool *ret_foreign)
{
	struct value *items = arena_calloc(arena, bolt->size, sizeof(*items));

	if (!items && bolt->size)
		return ERR_NOMEM;
	value->kind = VALUE_LIST;
	value->size = bolt->size;
	value->list = items;
	for (uint32_t i = 0; i < bolt->size; i++) {
		const struct bolt_value *item = &bolt->items[i];

		/* the graph's lists do not nest; what claims to is not ours */
		if (item->type == BOLT_TYPE_LIST) {
			*ret_foreign = true;
			continue;
		}
		if (graph_value_unpack(item, arena, &items[i], ret_foreign) < 0)
			return ERR_NOMEM;
	}
	return 0;
}

int graph_value_unpack(const struct bolt_value *bolt, struct arena *arena, struct value *ret_value, bool *ret_foreign)
{
	*ret_value = (struct value){.kind = VALUE_NULL};
	switch (bolt->type) {
	case BOLT_TYPE_NULL:
		break;
	case BOLT_TYPE_BOOL:
		*ret_value = (struct value){.kind = VALUE_BOOL, .boolean = bolt->boolean};
		break;
	case BOLT_TYPE_INT:
		*ret_value = (struct value){.kind = VALUE_INT, .integer = bolt->integer};
		break;
	case BOLT_TYPE_FLOAT:
		*ret_value = (struct value){.kind = VALUE_FLOAT, .real = bolt->number};
		break;
	case BOLT_TYPE_STRING:
		*ret_value = (struct value){.kind = VALUE_STRING, .size = bolt->size, .bytes = bolt->string};
		break;
	case BOLT_TYPE_BYTES:
		*ret_value = (struct value){.kind = VALUE_BYTES, .size = bolt->size, .bytes = (const char *)bolt->bytes};
		break;
	case BOLT_TYPE_LIST:
		return value__list(bolt, arena, ret_value, ret_foreign);
	case BOLT_TYPE_DATE:
		if (bolt_value_date(bolt, &ret_value->integer))
			ret_value->kind = VALUE_DATE;
		break;
	case BOLT_TYPE_TIME:
	case BOLT_TYPE_LOCAL_TIME:
		if (bolt_value_time(bolt, &ret_value->integer, &ret_value->offset_s))
			ret_value->kind = bolt->type == BOLT_TYPE_TIME ? VALUE_TIME : VALUE_LOCAL_TIME;
		break;
	case BOLT_TYPE_DATETIME:
	case BOLT_TYPE_LOCAL_DATETIME:
		value__datetime(bolt, ret_value);
		break;
	case BOLT_TYPE_DURATION:
		return value__duration(bolt, arena, ret_value);
	case BOLT_TYPE_POINT2D:
	case BOLT_TYPE_POINT3D:
		return value__point(bolt, arena, ret_value);
	default:
		*ret_foreign = true;
	}
	return 0;
}
