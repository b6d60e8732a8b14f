/*
 * Any bytes: unpacked or refused, never a read outside; what was unpacked can be walked, and packed again unpacks to the same.
 */
#include "bolt/bolt.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)16 << 20)
#define DEPTH_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void views_call(const struct bolt_value *value)
{
	struct bolt_relationship relationship;
	struct bolt_datetime datetime;
	struct bolt_duration duration;
	struct bolt_point point;
	struct bolt_path path;
	struct bolt_node node;
	int32_t offset_s;
	int64_t number;

	if (bolt_value_path(value, &path))
		for (uint32_t i = 0; i < path.indices->size; i += 2)
			check(bolt_value_node(&path.nodes->items[path.indices->items[i + 1].integer], &node));
	bolt_value_node(value, &node);
	bolt_value_relationship(value, &relationship);
	bolt_value_date(value, &number);
	bolt_value_time(value, &number, &offset_s);
	bolt_value_datetime(value, &datetime);
	bolt_value_duration(value, &duration);
	bolt_value_point(value, &point);
	bolt_map_get(value, "key");
	check(bolt_type_name(value->type)[0] != '?');
}

static void pack(struct bolt_writer *writer, const struct bolt_value *value)
{
	views_call(value);
	switch ((enum bolt_type)value->type) {
	case BOLT_TYPE_NULL:
		bolt_writer_null(writer);
		break;
	case BOLT_TYPE_BOOL:
		bolt_writer_bool(writer, value->boolean);
		break;
	case BOLT_TYPE_INT:
		bolt_writer_int(writer, value->integer);
		break;
	case BOLT_TYPE_FLOAT:
		bolt_writer_float(writer, value->number);
		break;
	case BOLT_TYPE_STRING:
		bolt_writer_string(writer, value->string, value->size);
		break;
	case BOLT_TYPE_BYTES:
		bolt_writer_bytes(writer, value->bytes, value->size);
		break;
	case BOLT_TYPE_MAP:
		bolt_writer_map(writer, value->size);
		for (uint32_t i = 0; i < value->size; i++) {
			pack(writer, &value->pairs[i].key);
			pack(writer, &value->pairs[i].value);
		}
		break;
	case BOLT_TYPE_LIST:
		bolt_writer_list(writer, value->size);
		for (uint32_t i = 0; i < value->size; i++)
			pack(writer, &value->items[i]);
		break;
	default:
		bolt_writer_structure(writer, value->tag, value->size);
		for (uint32_t i = 0; i < value->size; i++)
			pack(writer, &value->items[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bolt_decoder *decoder = bolt_decoder_create(MEMORY_MAX, DEPTH_MAX);
	struct bolt_writer first, second;
	const struct bolt_value *value;
	size_t used;

	bolt_writer_init(&first, MEMORY_MAX);
	bolt_writer_init(&second, MEMORY_MAX);
	if (!bolt_decoder_decode(decoder, bytes, size, &value, &used)) {
		check(used <= size);
		pack(&first, value);
		/* the shortest form is never longer */
		check(!first.failed && first.size <= used);
		check(!bolt_decoder_decode(decoder, first.data, first.size, &value, NULL));
		pack(&second, value);
		check(first.size == second.size && !memcmp(first.data, second.data, first.size));
	} else {
		check(!value);
	}
	bolt_writer_free(&first);
	bolt_writer_free(&second);
	bolt_decoder_free(decoder);
	return 0;
}
