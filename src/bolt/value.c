#include "bolt/packstream.h"

/* The decoder has checked the fields of every known structure, so the views below only pick them. */

static const char *const type_names[] = {
        [BOLT_TYPE_NULL] = "null",
        [BOLT_TYPE_BOOL] = "boolean",
        [BOLT_TYPE_INT] = "integer",
        [BOLT_TYPE_FLOAT] = "float",
        [BOLT_TYPE_STRING] = "string",
        [BOLT_TYPE_BYTES] = "bytes",
        [BOLT_TYPE_LIST] = "list",
        [BOLT_TYPE_MAP] = "map",
        [BOLT_TYPE_NODE] = "node",
        [BOLT_TYPE_RELATIONSHIP] = "relationship",
        [BOLT_TYPE_UNBOUND_RELATIONSHIP] = "unbound relationship",
        [BOLT_TYPE_PATH] = "path",
        [BOLT_TYPE_DATE] = "date",
        [BOLT_TYPE_TIME] = "time",
        [BOLT_TYPE_LOCAL_TIME] = "local time",
        [BOLT_TYPE_DATETIME] = "date-time",
        [BOLT_TYPE_DATETIME_ZONE] = "date-time with a zone",
        [BOLT_TYPE_LOCAL_DATETIME] = "local date-time",
        [BOLT_TYPE_DURATION] = "duration",
        [BOLT_TYPE_POINT2D] = "point",
        [BOLT_TYPE_POINT3D] = "3D point",
        [BOLT_TYPE_STRUCTURE] = "unknown structure",
};

static const struct bolt_value empty_string = {.type = BOLT_TYPE_STRING, .string = ""};

const char *bolt_type_name(enum bolt_type type)
{
	return (size_t)type < sizeof(type_names) / sizeof(type_names[0]) ? type_names[type] : "?";
}

bool bolt_value_is_string(const struct bolt_value *value, const char *text)
{
	size_t size = strlen(text);

	return value && value->type == BOLT_TYPE_STRING && value->size == size && (!size || !memcmp(value->string, text, size));
}

const struct bolt_value *bolt_map_get(const struct bolt_value *map, const char *key)
{
	if (!map || map->type != BOLT_TYPE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->size; i++)
		if (bolt_value_is_string(&map->pairs[i].key, key))
			return &map->pairs[i].value;
	return NULL;
}

const struct bolt_value *bolt_map_get_type(const struct bolt_value *map, const char *key, enum bolt_type type)
{
	const struct bolt_value *value = bolt_map_get(map, key);

	return value && value->type == type ? value : NULL;
}

static bool value_is(const struct bolt_value *value, enum bolt_type type)
{
	return value && value->type == type;
}

static int64_t id_of(const struct bolt_value *value)
{
	return value->type == BOLT_TYPE_INT ? value->integer : -1;
}

static int32_t int32_of(const struct bolt_value *value)
{
	if (value->integer > INT32_MAX)
		return INT32_MAX;
	return value->integer < INT32_MIN ? INT32_MIN : (int32_t)value->integer;
}

bool bolt_value_node(const struct bolt_value *value, struct bolt_node *ret_node)
{
	if (!value_is(value, BOLT_TYPE_NODE))
		return false;
	*ret_node = (struct bolt_node){
	        .id = id_of(&value->items[0]),
	        .element_id = value->size > 3 ? value->items[3] : empty_string,
	        .labels = &value->items[1],
	        .properties = &value->items[2],
	};
	return true;
}

bool bolt_value_relationship(const struct bolt_value *value, struct bolt_relationship *ret_relationship)
{
	bool bound = value_is(value, BOLT_TYPE_RELATIONSHIP);
	const struct bolt_value *items;

	if (!bound && !value_is(value, BOLT_TYPE_UNBOUND_RELATIONSHIP))
		return false;
	items = value->items;
	*ret_relationship = (struct bolt_relationship){
	        .id = id_of(&items[0]),
	        .start_id = bound ? id_of(&items[1]) : -1,
	        .end_id = bound ? id_of(&items[2]) : -1,
	        .element_id = empty_string,
	        .start_element_id = empty_string,
	        .end_element_id = empty_string,
	        .type = &items[bound ? 3 : 1],
	        .properties = &items[bound ? 4 : 2],
	};
	if (value->size == 8) {
		ret_relationship->element_id = items[5];
		ret_relationship->start_element_id = items[6];
		ret_relationship->end_element_id = items[7];
	} else if (value->size == 4) {
		ret_relationship->element_id = items[3];
	}
	return true;
}

bool bolt_value_path(const struct bolt_value *value, struct bolt_path *ret_path)
{
	if (!value_is(value, BOLT_TYPE_PATH))
		return false;
	*ret_path = (struct bolt_path){
	        .nodes = &value->items[0],
	        .relationships = &value->items[1],
	        .indices = &value->items[2],
	};
	return true;
}

bool bolt_value_date(const struct bolt_value *value, int64_t *ret_days)
{
	if (!value_is(value, BOLT_TYPE_DATE))
		return false;
	*ret_days = value->items[0].integer;
	return true;
}

bool bolt_value_time(const struct bolt_value *value, int64_t *ret_ns_of_day, int32_t *ret_offset_s)
{
	bool local = value_is(value, BOLT_TYPE_LOCAL_TIME);

	if (!local && !value_is(value, BOLT_TYPE_TIME))
		return false;
	*ret_ns_of_day = value->items[0].integer;
	*ret_offset_s = local ? 0 : int32_of(&value->items[1]);
	return true;
}

bool bolt_value_datetime(const struct bolt_value *value, struct bolt_datetime *ret_datetime)
{
	struct bolt_datetime datetime = {0};

	if (!value || value->type < BOLT_TYPE_DATETIME || value->type > BOLT_TYPE_LOCAL_DATETIME)
		return false;
	datetime.seconds = value->items[0].integer;
	datetime.ns = int32_of(&value->items[1]);
	switch ((enum bolt_type)value->type) {
	case BOLT_TYPE_DATETIME:
		datetime.offset_s = int32_of(&value->items[2]);
		if (value->tag == 'F' &&
		    __builtin_sub_overflow(datetime.seconds, (int64_t)datetime.offset_s, &datetime.seconds))
			return false;
		break;
	case BOLT_TYPE_DATETIME_ZONE:
		datetime.zone = &value->items[2];
		datetime.seconds_are_local = value->tag == 'f';
		break;
	default:
		datetime.seconds_are_local = true;
	}
	*ret_datetime = datetime;
	return true;
}

bool bolt_value_duration(const struct bolt_value *value, struct bolt_duration *ret_duration)
{
	if (!value_is(value, BOLT_TYPE_DURATION))
		return false;
	*ret_duration = (struct bolt_duration){
	        .months = value->items[0].integer,
	        .days = value->items[1].integer,
	        .seconds = value->items[2].integer,
	        .ns = int32_of(&value->items[3]),
	};
	return true;
}

bool bolt_value_point(const struct bolt_value *value, struct bolt_point *ret_point)
{
	bool flat = value_is(value, BOLT_TYPE_POINT2D);

	if (!flat && !value_is(value, BOLT_TYPE_POINT3D))
		return false;
	*ret_point = (struct bolt_point){
	        .srid = int32_of(&value->items[0]),
	        .dimensions = flat ? 2 : 3,
	        .x = value->items[1].number,
	        .y = value->items[2].number,
	        .z = flat ? 0 : value->items[3].number,
	};
	return true;
}
