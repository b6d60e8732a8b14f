#include "base/hex.h"
#include "base/buffer.h"
#include "change/value_room.h"

#include <math.h>
#include <string.h>

/*
 * Points and shapes. PostgreSQL's own point prints as "(x,y)", pgvector's vector as "[x,y,...]", and PostGIS prints extended
 * well-known binary in hexadecimal (its EWKB, doc/ZMSgeoms.txt of PostGIS):
 *
 *   geometry = order:u8 type:u32 [ srid:u32 ] body
 *   type     = one of the shapes below | 0x80000000 with z | 0x40000000 with m | 0x20000000 with srid
 *   body     = coordinates                   of a POINT; all NaN when it is empty
 *            | count:u32 coordinates...      of a line
 *            | count:u32 line...             of a polygon: its rings
 *            | count:u32 geometry...         of everything else
 */
struct ewkb {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

/* What stands before a body. */
struct ewkb_head {
	uint32_t shape;
	uint32_t dimensions; /* numbers in a coordinate: 2 to 4 */
	bool big_endian;
	bool with_z;
	bool with_m;
	uint32_t srid;
};

enum shape_body { BODY_POINT, BODY_LINE, BODY_RINGS, BODY_PARTS };

/* name, body, and the shape that its parts have without saying so */
static const struct {
	const char *name;
	enum shape_body body;
	uint32_t part;
} shapes[] = {
        [1] = {"POINT", BODY_POINT, 0},
        [2] = {"LINESTRING", BODY_LINE, 0},
        [3] = {"POLYGON", BODY_RINGS, 0},
        [4] = {"MULTIPOINT", BODY_PARTS, 1},
        [5] = {"MULTILINESTRING", BODY_PARTS, 2},
        [6] = {"MULTIPOLYGON", BODY_PARTS, 3},
        [7] = {"GEOMETRYCOLLECTION", BODY_PARTS, 0},
        [8] = {"CIRCULARSTRING", BODY_LINE, 0},
        [9] = {"COMPOUNDCURVE", BODY_PARTS, 2},
        [10] = {"CURVEPOLYGON", BODY_PARTS, 2},
        [11] = {"MULTICURVE", BODY_PARTS, 2},
        [12] = {"MULTISURFACE", BODY_PARTS, 3},
        [15] = {"POLYHEDRALSURFACE", BODY_PARTS, 3},
        [16] = {"TIN", BODY_PARTS, 17},
        [17] = {"TRIANGLE", BODY_RINGS, 0},
};

#define SHAPE_POINT 1
#define SHAPES_COUNT (sizeof(shapes) / sizeof(shapes[0]))
#define DEPTH_MAX 32
#define FLAG_Z 0x80000000u
#define FLAG_M 0x40000000u
#define FLAG_SRID 0x20000000u
#define NUMBER_TEXT_MAX 26 /* "-2.2250738585072014e-308" and what stands between two */
#define LONGITUDE_MAX 180
#define LATITUDE_MAX 90

static uint64_t ewkb_bytes(struct ewkb *ewkb, size_t size, bool big_endian)
{
	uint64_t sum = 0;

	if ((size_t)(ewkb->end - ewkb->at) < size) {
		ewkb->failed = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		sum = sum << 8 | ewkb->at[big_endian ? i : size - 1 - i];
	ewkb->at += size;
	return sum;
}

static double ewkb_double(struct ewkb *ewkb, bool big_endian)
{
	uint64_t bits = ewkb_bytes(ewkb, sizeof(bits), big_endian);
	double real;

	memcpy(&real, &bits, sizeof(real));
	return real;
}

static struct ewkb_head ewkb_head(struct ewkb *ewkb)
{
	struct ewkb_head head = {0};
	uint64_t order = ewkb_bytes(ewkb, 1, true);
	uint32_t type;

	head.big_endian = order == 0;
	type = (uint32_t)ewkb_bytes(ewkb, sizeof(type), head.big_endian);
	head.with_z = type & FLAG_Z;
	head.with_m = type & FLAG_M;
	head.dimensions = 2 + head.with_z + head.with_m;
	if (type & FLAG_SRID)
		head.srid = (uint32_t)ewkb_bytes(ewkb, sizeof(head.srid), head.big_endian);
	head.shape = type & ~(FLAG_Z | FLAG_M | FLAG_SRID);
	if (order > 1 || head.shape >= SHAPES_COUNT || !shapes[head.shape].name)
		ewkb->failed = true;
	return head;
}

/* How many follow, each of at least size_min bytes. */
static uint32_t ewkb_count(struct ewkb *ewkb, const struct ewkb_head *head, size_t size_min)
{
	uint32_t count = (uint32_t)ewkb_bytes(ewkb, sizeof(count), head->big_endian);

	if (count > (size_t)(ewkb->end - ewkb->at) / size_min)
		ewkb->failed = true;
	return ewkb->failed ? 0 : count;
}

/* --- extended well-known text */

/* "POINT EMPTY", but "(EMPTY" */
static void text_empty(struct buffer *text)
{
	char last = (char)(text->size ? text->data[text->size - 1] : '(');

	buffer_append_text(text, last >= 'A' && last <= 'Z' ? " EMPTY" : "EMPTY");
}

static void text_coordinates(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head)
{
	for (uint32_t i = 0; i < head->dimensions; i++) {
		if (i)
			buffer_append_byte(text, ' ');
		value__print_float(text, ewkb_double(ewkb, head->big_endian));
	}
}

/* count:u32, then each of at least size_min bytes */
static void text_list(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head, size_t size_min,
                      void (*one)(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head))
{
	uint32_t count = ewkb_count(ewkb, head, size_min);

	if (!count) {
		text_empty(text);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_byte(text, i ? ',' : '(');
		one(text, ewkb, head);
	}
	buffer_append_byte(text, ')');
}

static void text_line(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head)
{
	text_list(text, ewkb, head, head->dimensions * sizeof(double), text_coordinates);
}

static void text_rings(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head)
{
	text_list(text, ewkb, head, sizeof(uint32_t), text_line);
}

static bool is_empty_point(const struct ewkb *ewkb, const struct ewkb_head *head)
{
	struct ewkb ahead = *ewkb;

	for (uint32_t i = 0; i < head->dimensions; i++)
		if (!isnan(ewkb_double(&ahead, head->big_endian)))
			return false;
	return true;
}

static void text_point(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head)
{
	if (is_empty_point(ewkb, head)) {
		text_empty(text);
		ewkb->at += head->dimensions * sizeof(double);
		return;
	}
	buffer_append_byte(text, '(');
	text_coordinates(text, ewkb, head);
	buffer_append_byte(text, ')');
}

/* unnamed: the shape that needs no name here. The depth is bounded, so is the recursion. */
static void text_geometry(struct buffer *text, struct ewkb *ewkb, const struct ewkb_head *head, uint32_t unnamed, int depth)
{
	uint32_t count;

	if (ewkb->failed || depth == DEPTH_MAX) {
		ewkb->failed = true;
		return;
	}
	if (head->shape != unnamed)
		buffer_printf(text, "%s%s", shapes[head->shape].name, head->with_m && !head->with_z ? "M" : "");
	switch (shapes[head->shape].body) {
	case BODY_POINT:
		text_point(text, ewkb, head);
		return;
	case BODY_LINE:
		text_line(text, ewkb, head);
		return;
	case BODY_RINGS:
		text_rings(text, ewkb, head);
		return;
	case BODY_PARTS:
		break;
	}
	count = ewkb_count(ewkb, head, 1 + sizeof(uint32_t));
	if (!count)
		text_empty(text);
	else
		buffer_append_byte(text, '(');
	for (uint32_t i = 0; i < count && !ewkb->failed; i++) {
		struct ewkb_head part = ewkb_head(ewkb);

		if (i)
			buffer_append_byte(text, ',');
		text_geometry(text, ewkb, &part, shapes[head->shape].part, depth + 1);
	}
	if (count)
		buffer_append_byte(text, ')');
}

static int read_shape(const struct type *type, struct ewkb *ewkb, const struct ewkb_head *head, struct arena *arena,
                      struct value *ret_value, struct error *error)
{
	struct buffer text;
	char *copy;
	int rc = 0;

	buffer_init(&text, ((size_t)(ewkb->end - ewkb->at) + 64) * NUMBER_TEXT_MAX);
	if (head->srid)
		buffer_printf(&text, "SRID=%u;", head->srid);
	text_geometry(&text, ewkb, head, 0, 0);
	copy = arena_strndup(arena, text.data, text.size);
	if (ewkb->failed || ewkb->at != ewkb->end)
		rc = error_set_class(error, ERR_VALUE, ERROR_POISON, "a %s whose bytes make no shape",
		                     type_kind_name(type->kind));
	else if (!copy || text.failed)
		rc = error_set(error, ERR_NOMEM, "no memory for a shape's text");
	else
		*ret_value = (struct value){.kind = VALUE_STRING, .size = (uint32_t)text.size, .bytes = copy};
	buffer_free(&text);
	return rc;
}

/* --- points */

static int make_point(const struct value_point *point, struct arena *arena, struct value *ret_value, struct error *error)
{
	struct value_point *copy = arena_alloc(arena, sizeof(*copy));

	if (!copy)
		return error_set(error, ERR_NOMEM, "no memory for a point");
	*copy = *point;
	*ret_value = (struct value){.kind = VALUE_POINT, .point = copy};
	return 0;
}

/* True when the geometry is a point that one of Neo4j's coordinate systems holds. */
static bool point_of_ewkb(const struct ewkb *ewkb, const struct ewkb_head *head, struct value_point *point)
{
	struct ewkb ahead = *ewkb;

	if (head->shape != SHAPE_POINT || head->with_m || (head->srid != 0 && head->srid != VALUE_WGS_84))
		return false;
	point->dimensions = head->dimensions;
	if (head->srid)
		point->srid = head->with_z ? VALUE_WGS_84_3D : VALUE_WGS_84;
	else
		point->srid = head->with_z ? VALUE_CARTESIAN_3D : VALUE_CARTESIAN;
	for (uint32_t i = 0; i < head->dimensions; i++) {
		point->at[i] = ewkb_double(&ahead, head->big_endian);
		if (!isfinite(point->at[i]))
			return false;
	}
	if (ahead.failed || ahead.at != ahead.end)
		return false;
	return !head->srid || (fabs(point->at[0]) <= LONGITUDE_MAX && fabs(point->at[1]) <= LATITUDE_MAX);
}

int value__read_geometry(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                         struct error *error)
{
	uint8_t *bytes = arena_alloc(arena, size / 2 + 1);
	struct ewkb ewkb = {.at = bytes, .end = bytes + size / 2, .failed = size % 2};
	struct value_point point = {0};
	struct ewkb_head head;

	if (!bytes)
		return error_set(error, ERR_NOMEM, "no memory for a shape of %zu bytes", size / 2);
	for (size_t i = 0; i < size / 2; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return value__refuse(type, text, size, error);
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	head = ewkb_head(&ewkb);
	if (ewkb.failed)
		return value__refuse(type, text, size, error);
	if (point_of_ewkb(&ewkb, &head, &point))
		return make_point(&point, arena, ret_value, error);
	return read_shape(type, &ewkb, &head, arena, ret_value, error);
}

int value__read_point(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error)
{
	const char *comma = size ? memchr(text, ',', size) : NULL;
	const struct type real = {.kind = TYPE_FLOAT};
	struct value_point point = {.srid = VALUE_CARTESIAN, .dimensions = 2};
	struct value x, y;

	if (size < 5 || text[0] != '(' || text[size - 1] != ')' || !comma)
		return value__refuse(type, text, size, error);
	if (value__read_float(&real, text + 1, (size_t)(comma - text) - 1, arena, &x, error) < 0 ||
	    value__read_float(&real, comma + 1, (size_t)(text + size - 1 - comma) - 1, arena, &y, error) < 0)
		return value__refuse(type, text, size, error);
	if (!isfinite(x.real) || !isfinite(y.real))
		return error_set_class(error, ERR_VALUE, ERROR_POISON,
		                       "a point that is not finite, which Neo4j cannot hold: %.*s", (int)size, text);
	point.at[0] = x.real;
	point.at[1] = y.real;
	return make_point(&point, arena, ret_value, error);
}

/* --- vectors */

int value__read_vector(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                       struct error *error)
{
	const struct type real = {.kind = TYPE_FLOAT};
	const char *at = text + 1, *end = text + size - 1;
	uint32_t count = 0;
	struct value *list;

	if (size < 2 || *text != '[' || *end != ']')
		return value__refuse(type, text, size, error);
	list = arena_calloc(arena, size / 2 + 1, sizeof(*list));
	if (!list)
		return error_set(error, ERR_NOMEM, "no memory for a vector of %zu bytes", size);
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;

		if (value__read_float(&real, at, (size_t)(stop - at), arena, &list[count++], error) < 0)
			return value__refuse(type, text, size, error);
		at = comma ? comma + 1 : end;
		if (comma && at == end)
			return value__refuse(type, text, size, error);
	}
	*ret_value = (struct value){.kind = VALUE_LIST, .size = count, .list = list};
	return 0;
}
