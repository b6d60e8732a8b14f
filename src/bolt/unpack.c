#include "bolt/unpack.h"

#include <stdlib.h>

/*
 * The grammar, by the first byte:
 *   00..7F, F0..FF  an integer, itself         C8 C9 CA CB  integers of 1, 2, 4, 8 bytes
 *   80..8F  string   D0 D1 D2                  C0 null, C2 false, C3 true, C1 a float of 8 bytes
 *   90..9F  list     D4 D5 D6                  CC CD CE     bytes
 *   A0..AF  map      D8 D9 DA                  B0..BF       structure: then its tag, then its fields
 * where the low half is the size, or 1, 2, 4 bytes of size follow.
 */

/*
 * Known structures. fields, one letter each: i integer, j integer or null, f float, s string, M map, S list of strings, N list
 * of nodes, U list of unbound relationships, I list of integers.
 */
static const struct structure_rule {
	uint8_t tag;
	uint8_t type;
	const char *fields;
} structure_rules[] = {
        {'N', BOLT_TYPE_NODE, "jSMs"},
        {'N', BOLT_TYPE_NODE, "jSM"}, /* Bolt 4.4, like the next threes */
        {'R', BOLT_TYPE_RELATIONSHIP, "jjjsMsss"},
        {'R', BOLT_TYPE_RELATIONSHIP, "jjjsM"},
        {'r', BOLT_TYPE_UNBOUND_RELATIONSHIP, "jsMs"},
        {'r', BOLT_TYPE_UNBOUND_RELATIONSHIP, "jsM"},
        {'P', BOLT_TYPE_PATH, "NUI"},
        {'D', BOLT_TYPE_DATE, "i"},
        {'T', BOLT_TYPE_TIME, "ii"},
        {'t', BOLT_TYPE_LOCAL_TIME, "i"},
        {'I', BOLT_TYPE_DATETIME, "iii"},
        {'F', BOLT_TYPE_DATETIME, "iii"},
        {'i', BOLT_TYPE_DATETIME_ZONE, "iis"},
        {'f', BOLT_TYPE_DATETIME_ZONE, "iis"},
        {'d', BOLT_TYPE_LOCAL_DATETIME, "ii"},
        {'E', BOLT_TYPE_DURATION, "iiii"},
        {'X', BOLT_TYPE_POINT2D, "iff"},
        {'Y', BOLT_TYPE_POINT3D, "ifff"},
};

struct unpacker {
	struct reader *reader;
	struct arena *arena;
};

static int unpack_value(struct unpacker *unpacker, unsigned depth_left, struct bolt_value *ret_value);

static bool list_is_of(const struct bolt_value *value, enum bolt_type type)
{
	if (value->type != BOLT_TYPE_LIST)
		return false;
	for (uint32_t i = 0; i < value->size; i++)
		if (value->items[i].type != type)
			return false;
	return true;
}

static bool field_fits(const struct bolt_value *value, char letter)
{
	switch (letter) {
	case 'i':
		return value->type == BOLT_TYPE_INT;
	case 'j':
		return value->type == BOLT_TYPE_INT || value->type == BOLT_TYPE_NULL;
	case 'f':
		return value->type == BOLT_TYPE_FLOAT;
	case 's':
		return value->type == BOLT_TYPE_STRING;
	case 'M':
		return value->type == BOLT_TYPE_MAP;
	case 'S':
		return list_is_of(value, BOLT_TYPE_STRING);
	case 'N':
		return list_is_of(value, BOLT_TYPE_NODE);
	case 'U':
		return list_is_of(value, BOLT_TYPE_UNBOUND_RELATIONSHIP);
	default:
		return list_is_of(value, BOLT_TYPE_INT);
	}
}

/* Whoever walks a path trusts its indices, so they are checked once, here. */
static bool path_is_sound(const struct bolt_value *path)
{
	const struct bolt_value *nodes, *relationships, *indices;

	if (path->size != 3 || !path->items)
		return false;
	nodes = &path->items[0];
	relationships = &path->items[1];
	indices = &path->items[2];
	if (indices->size % 2 || !nodes->size)
		return false;
	for (uint32_t i = 0; i < indices->size; i += 2) {
		int64_t relationship = indices->items[i].integer, node = indices->items[i + 1].integer;

		if (!relationship || relationship > relationships->size || relationship < -(int64_t)relationships->size)
			return false;
		if (node < 0 || node >= nodes->size)
			return false;
	}
	return true;
}

/* Names the structure's type, or refuses it. */
static int structure_check(struct bolt_value *value)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(structure_rules) / sizeof(structure_rules[0]); i++) {
		const struct structure_rule *rule = &structure_rules[i];
		uint32_t fitting = 0;

		if (rule->tag != value->tag)
			continue;
		known = true;
		if (strlen(rule->fields) != value->size)
			continue;
		while (fitting < value->size && field_fits(&value->items[fitting], rule->fields[fitting]))
			fitting++;
		if (fitting < value->size)
			return BOLT_ERR_PROTOCOL;
		value->type = rule->type;
		return rule->type == BOLT_TYPE_PATH && !path_is_sound(value) ? BOLT_ERR_PROTOCOL : 0;
	}
	return known ? BOLT_ERR_PROTOCOL : 0;
}

/* Memory for count elements, when the bytes left can hold as many of that size at all. */
static void *unpack_room(struct unpacker *unpacker, size_t count, size_t wire_size_min, size_t memory_size, int *ret_error)
{
	void *memory;

	if (count > reader_left(unpacker->reader) / wire_size_min) {
		*ret_error = BOLT_ERR_PROTOCOL;
		return NULL;
	}
	memory = arena_alloc(unpacker->arena, count * memory_size);
	*ret_error = memory ? 0 : BOLT_ERR_LIMIT;
	return memory;
}

static int unpack_items(struct unpacker *unpacker, unsigned depth_left, size_t count, struct bolt_value *ret_value)
{
	struct bolt_value *items;
	int error;

	ret_value->type = BOLT_TYPE_LIST;
	ret_value->size = (uint32_t)count;
	ret_value->items = NULL;
	if (!count)
		return 0;
	items = unpack_room(unpacker, count, 1, sizeof(*items), &error);
	for (size_t i = 0; !error && i < count; i++)
		error = unpack_value(unpacker, depth_left, &items[i]);
	ret_value->items = items;
	return error;
}

static int unpack_map(struct unpacker *unpacker, unsigned depth_left, size_t count, struct bolt_value *ret_value)
{
	struct bolt_pair *pairs;
	int error;

	ret_value->type = BOLT_TYPE_MAP;
	ret_value->size = (uint32_t)count;
	ret_value->pairs = NULL;
	if (!count)
		return 0;
	pairs = unpack_room(unpacker, count, 2, sizeof(*pairs), &error);
	for (size_t i = 0; !error && i < count; i++) {
		error = unpack_value(unpacker, depth_left, &pairs[i].key);
		if (!error && pairs[i].key.type != BOLT_TYPE_STRING)
			error = BOLT_ERR_PROTOCOL;
		if (!error)
			error = unpack_value(unpacker, depth_left, &pairs[i].value);
	}
	ret_value->pairs = pairs;
	return error;
}

static int unpack_structure(struct unpacker *unpacker, unsigned depth_left, size_t count, struct bolt_value *ret_value)
{
	uint8_t tag = reader_u8(unpacker->reader);
	int error = unpack_items(unpacker, depth_left, count, ret_value);

	ret_value->type = BOLT_TYPE_STRUCTURE;
	ret_value->tag = tag;
	return error ? error : structure_check(ret_value);
}

static int unpack_text(struct unpacker *unpacker, enum bolt_type type, size_t size, struct bolt_value *ret_value)
{
	const uint8_t *bytes = reader_bytes(unpacker->reader, size);

	if (!bytes || size > UINT32_MAX)
		return BOLT_ERR_PROTOCOL;
	ret_value->type = (uint8_t)type;
	ret_value->size = (uint32_t)size;
	ret_value->bytes = bytes;
	return 0;
}

static int unpack_number(struct bolt_value *ret_value, int64_t integer)
{
	ret_value->type = BOLT_TYPE_INT;
	ret_value->integer = integer;
	return 0;
}

static int unpack_float(struct unpacker *unpacker, struct bolt_value *ret_value)
{
	uint64_t bits = reader_u64(unpacker->reader);

	ret_value->type = BOLT_TYPE_FLOAT;
	memcpy(&ret_value->number, &bits, sizeof(bits));
	return 0;
}

/* The size behind a marker whose two low bits say its width: 0, 1, 2 for 1, 2, 4 bytes. */
static size_t unpack_size(struct reader *reader, uint8_t marker)
{
	switch (marker & 3) {
	case 0:
		return reader_u8(reader);
	case 1:
		return reader_u16(reader);
	default:
		return reader_u32(reader);
	}
}

static int unpack_marked(struct unpacker *unpacker, unsigned depth_left, uint8_t marker, struct bolt_value *ret_value)
{
	struct reader *reader = unpacker->reader;

	switch (marker) {
	case 0xC0:
		ret_value->type = BOLT_TYPE_NULL;
		return 0;
	case 0xC1:
		return unpack_float(unpacker, ret_value);
	case 0xC2:
	case 0xC3:
		ret_value->type = BOLT_TYPE_BOOL;
		ret_value->boolean = marker == 0xC3;
		return 0;
	case 0xC8:
		return unpack_number(ret_value, (int8_t)reader_u8(reader));
	case 0xC9:
		return unpack_number(ret_value, (int16_t)reader_u16(reader));
	case 0xCA:
		return unpack_number(ret_value, (int32_t)reader_u32(reader));
	case 0xCB:
		return unpack_number(ret_value, (int64_t)reader_u64(reader));
	case 0xCC ... 0xCE:
		return unpack_text(unpacker, BOLT_TYPE_BYTES, unpack_size(reader, marker), ret_value);
	case 0xD0 ... 0xD2:
		return unpack_text(unpacker, BOLT_TYPE_STRING, unpack_size(reader, marker), ret_value);
	case 0xD4 ... 0xD6:
		return unpack_items(unpacker, depth_left, unpack_size(reader, marker), ret_value);
	case 0xD8 ... 0xDA:
		return unpack_map(unpacker, depth_left, unpack_size(reader, marker), ret_value);
	default:
		return BOLT_ERR_PROTOCOL;
	}
}

static int unpack_value(struct unpacker *unpacker, unsigned depth_left, struct bolt_value *ret_value)
{
	uint8_t marker = reader_u8(unpacker->reader);
	size_t tiny = marker & 0x0F;
	int error;

	*ret_value = (struct bolt_value){.type = BOLT_TYPE_NULL};
	if (!depth_left)
		return BOLT_ERR_LIMIT;
	switch (marker >> 4) {
	case 0x0 ... 0x7:
	case 0xF:
		error = unpack_number(ret_value, (int8_t)marker);
		break;
	case 0x8:
		error = unpack_text(unpacker, BOLT_TYPE_STRING, tiny, ret_value);
		break;
	case 0x9:
		error = unpack_items(unpacker, depth_left - 1, tiny, ret_value);
		break;
	case 0xA:
		error = unpack_map(unpacker, depth_left - 1, tiny, ret_value);
		break;
	case 0xB:
		error = unpack_structure(unpacker, depth_left - 1, tiny, ret_value);
		break;
	default:
		error = unpack_marked(unpacker, depth_left - 1, marker, ret_value);
	}
	return !error && unpacker->reader->failed ? BOLT_ERR_PROTOCOL : error;
}

int bolt__unpack(struct reader *reader, struct arena *arena, unsigned depth_max, struct bolt_value *ret_value)
{
	struct unpacker unpacker = {.reader = reader, .arena = arena};

	return unpack_value(&unpacker, depth_max, ret_value);
}

struct bolt_decoder {
	struct arena arena;
	unsigned depth_max;
	struct bolt_value value;
};

struct bolt_decoder *bolt_decoder_create(size_t memory_max, unsigned depth_max)
{
	struct bolt_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	arena_init(&decoder->arena, memory_max);
	decoder->depth_max = depth_max;
	return decoder;
}

void bolt_decoder_free(struct bolt_decoder *decoder)
{
	if (!decoder)
		return;
	arena_free(&decoder->arena);
	free(decoder);
}

int bolt_decoder_decode(struct bolt_decoder *decoder, const void *bytes, size_t size, const struct bolt_value **ret_value,
                        size_t *ret_used)
{
	struct reader reader = reader_of(bytes, size);
	int error;

	arena_reset(&decoder->arena);
	*ret_value = NULL;
	error = bolt__unpack(&reader, &decoder->arena, decoder->depth_max, &decoder->value);
	if (!error && !ret_used && reader_left(&reader))
		error = BOLT_ERR_PROTOCOL;
	if (error)
		return error;
	if (ret_used)
		*ret_used = size - reader_left(&reader);
	*ret_value = &decoder->value;
	return 0;
}
