/*
 * Proves: every type packs to the bytes of the specification and unpacks to itself; every cut of a value is refused; counts,
 * depth and memory are bounded before anything is built; a writer fails once and stays failed.
 */
#include "bolt/bolt.h"
#include "hex.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct bolt_writer writer;
static struct bolt_decoder *decoder;

static int setup(void **state)
{
	(void)state;
	bolt_writer_init(&writer, 1 << 20);
	decoder = bolt_decoder_create(1 << 20, 16);
	return !decoder;
}

static int teardown(void **state)
{
	(void)state;
	bolt_writer_free(&writer);
	bolt_decoder_free(decoder);
	return 0;
}

#define PACKS(call, hex)                                                                                                       \
	do {                                                                                                                   \
		bolt_writer_reset(&writer);                                                                                    \
		call;                                                                                                          \
		assert_false(writer.failed);                                                                                   \
		assert_hex(writer.data, writer.size, hex);                                                                     \
		assert_cuts_refused(writer.data, writer.size);                                                                 \
	} while (0)

/* No proper beginning of a value is a value; each lies in memory of its own, so that the sanitizer sees a read past it. */
static void assert_cuts_refused(const uint8_t *bytes, size_t size)
{
	const struct bolt_value *value;

	for (size_t cut = 0; cut < size && cut < 64; cut++) {
		uint8_t *copy = malloc(cut + !cut);

		memcpy(copy, bytes, cut);
		assert_int_equal(bolt_decoder_decode(decoder, copy, cut, &value, NULL), BOLT_ERR_PROTOCOL);
		free(copy);
	}
	assert_int_equal(bolt_decoder_decode(decoder, bytes, size, &value, NULL), 0);
}

static const struct bolt_value *unpack(const char *hex)
{
	static uint8_t bytes[4096];
	const struct bolt_value *value;
	size_t size = hex_parse(hex, bytes, sizeof(bytes));

	assert_int_equal(bolt_decoder_decode(decoder, bytes, size, &value, NULL), 0);
	return value;
}

static int unpack_error(const char *hex)
{
	static uint8_t bytes[4096];
	const struct bolt_value *value;
	size_t size = hex_parse(hex, bytes, sizeof(bytes));

	return bolt_decoder_decode(decoder, bytes, size, &value, NULL);
}

static void test_scalars(void **state)
{
	(void)state;
	PACKS(bolt_writer_null(&writer), "C0");
	PACKS(bolt_writer_bool(&writer, false), "C2");
	PACKS(bolt_writer_bool(&writer, true), "C3");
	PACKS(bolt_writer_float(&writer, 1.5), "C1 3FF8000000000000");
	PACKS(bolt_writer_float(&writer, -INFINITY), "C1 FFF0000000000000");
	assert_int_equal(unpack("C0")->type, BOLT_TYPE_NULL);
	assert_true(unpack("C3")->boolean);
	assert_true(unpack("C1 BFF199999999999A")->number == -1.1);
}

static void test_integers(void **state)
{
	static const struct {
		int64_t value;
		const char *hex;
	} rows[] = {
	        {0, "00"},
	        {1, "01"},
	        {127, "7F"},
	        {-1, "FF"},
	        {-16, "F0"},
	        {-17, "C8 EF"},
	        {-128, "C8 80"},
	        {128, "C9 0080"},
	        {-129, "C9 FF7F"},
	        {32767, "C9 7FFF"},
	        {-32768, "C9 8000"},
	        {32768, "CA 00008000"},
	        {-32769, "CA FFFF7FFF"},
	        {INT32_MAX, "CA 7FFFFFFF"},
	        {INT32_MIN, "CA 80000000"},
	        {(int64_t)INT32_MAX + 1, "CB 0000000080000000"},
	        {(int64_t)INT32_MIN - 1, "CB FFFFFFFF7FFFFFFF"},
	        {INT64_MAX, "CB 7FFFFFFFFFFFFFFF"},
	        {INT64_MIN, "CB 8000000000000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		PACKS(bolt_writer_int(&writer, rows[i].value), rows[i].hex);
		assert_int_equal(unpack(rows[i].hex)->type, BOLT_TYPE_INT);
		assert_true(unpack(rows[i].hex)->integer == rows[i].value);
	}
	/* longer forms than needed are legal to receive */
	assert_true(unpack("CB 0000000000000001")->integer == 1);
	assert_true(unpack("C8 01")->integer == 1);
}

static void pack_sized(char kind, size_t size)
{
	static char text[70000];

	memset(text, 'a', sizeof(text));
	bolt_writer_reset(&writer);
	switch (kind) {
	case 's':
		bolt_writer_string(&writer, text, size);
		break;
	case 'b':
		bolt_writer_bytes(&writer, text, size);
		break;
	case 'l':
		bolt_writer_list(&writer, size);
		break;
	default:
		bolt_writer_map(&writer, size);
	}
	for (size_t i = 0; i < size && (kind == 'l' || kind == 'm'); i++) {
		if (kind == 'm')
			bolt_writer_cstring(&writer, "k");
		bolt_writer_int(&writer, 1);
	}
	assert_false(writer.failed);
}

static void test_sizes(void **state)
{
	static const struct {
		char kind;
		size_t size;
		const char *header;
		enum bolt_type type;
	} rows[] = {
	        {'s', 0, "80", BOLT_TYPE_STRING},
	        {'s', 15, "8F", BOLT_TYPE_STRING},
	        {'s', 16, "D0 10", BOLT_TYPE_STRING},
	        {'s', 255, "D0 FF", BOLT_TYPE_STRING},
	        {'s', 256, "D1 0100", BOLT_TYPE_STRING},
	        {'s', 65535, "D1 FFFF", BOLT_TYPE_STRING},
	        {'s', 65536, "D2 00010000", BOLT_TYPE_STRING},
	        {'b', 0, "CC 00", BOLT_TYPE_BYTES},
	        {'b', 255, "CC FF", BOLT_TYPE_BYTES},
	        {'b', 256, "CD 0100", BOLT_TYPE_BYTES},
	        {'b', 65536, "CE 00010000", BOLT_TYPE_BYTES},
	        {'l', 0, "90", BOLT_TYPE_LIST},
	        {'l', 15, "9F", BOLT_TYPE_LIST},
	        {'l', 16, "D4 10", BOLT_TYPE_LIST},
	        {'l', 256, "D5 0100", BOLT_TYPE_LIST},
	        {'l', 65536, "D6 00010000", BOLT_TYPE_LIST},
	        {'m', 0, "A0", BOLT_TYPE_MAP},
	        {'m', 15, "AF", BOLT_TYPE_MAP},
	        {'m', 16, "D8 10", BOLT_TYPE_MAP},
	        {'m', 256, "D9 0100", BOLT_TYPE_MAP},
	};

	(void)state;
	bolt_decoder_free(decoder);
	decoder = bolt_decoder_create(16 << 20, 16);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct bolt_value *value;
		uint8_t header[8];
		size_t size = hex_parse(rows[i].header, header, sizeof(header));

		pack_sized(rows[i].kind, rows[i].size);
		assert_hex(writer.data, size, rows[i].header);
		assert_cuts_refused(writer.data, writer.size);
		assert_int_equal(bolt_decoder_decode(decoder, writer.data, writer.size, &value, NULL), 0);
		assert_int_equal(value->type, rows[i].type);
		assert_int_equal(value->size, rows[i].size);
	}
}

static void test_containers(void **state)
{
	const struct bolt_value *value;

	(void)state;
	PACKS((bolt_writer_map(&writer, 2), bolt_writer_cstring(&writer, "a"), bolt_writer_list(&writer, 2),
	       bolt_writer_int(&writer, 1), bolt_writer_cstring(&writer, "x"), bolt_writer_cstring(&writer, "b"),
	       bolt_writer_null(&writer)),
	      "A2 8161 92 01 8178 8162 C0");
	value = unpack("A2 8161 92 01 8178 8162 C0");
	assert_int_equal(bolt_map_get(value, "a")->size, 2);
	assert_true(bolt_value_is_string(&bolt_map_get(value, "a")->items[1], "x"));
	assert_int_equal(bolt_map_get(value, "b")->type, BOLT_TYPE_NULL);
	assert_null(bolt_map_get(value, "c"));
	assert_null(bolt_map_get_type(value, "b", BOLT_TYPE_INT));
	assert_null(bolt_map_get(NULL, "c"));
	PACKS((bolt_writer_list(&writer, 2), bolt_writer_append(&writer, "\x01\x02", 2)), "92 01 02");
}

static void test_temporal(void **state)
{
	struct bolt_datetime datetime;
	struct bolt_duration duration;
	int64_t days, ns;
	int32_t offset_s;

	(void)state;
	PACKS(bolt_writer_date(&writer, 19000), "B1 44 C9 4A38");
	PACKS(bolt_writer_time(&writer, 3600000000000, 7200), "B2 54 CB 000003 4630B8A000 C9 1C20");
	PACKS(bolt_writer_local_time(&writer, 1), "B1 74 01");
	PACKS(bolt_writer_local_datetime(&writer, 100, 5), "B2 64 64 05");
	PACKS(bolt_writer_datetime(&writer, 100, 5, 3600), "B3 49 64 05 C9 0E10");
	PACKS(bolt_writer_datetime_zone(&writer, 100, 5, "UTC", 3, 0), "B3 69 64 05 83 555443");
	PACKS(bolt_writer_duration(&writer, 1, 2, 3, 4), "B4 45 01 02 03 04");
	writer.utc = false;
	PACKS(bolt_writer_datetime(&writer, 100, 5, 3600), "B3 46 C9 0E74 05 C9 0E10");
	PACKS(bolt_writer_datetime_zone(&writer, 0, 5, "Etc/GMT-1", 9, 3600), "B3 66 C9 0E10 05 89 4574632F474D542D31");
	writer.utc = true;

	assert_true(bolt_value_date(unpack("B1 44 C9 4A38"), &days));
	assert_true(days == 19000);
	assert_true(bolt_value_time(unpack("B2 54 01 C9 1C20"), &ns, &offset_s));
	assert_true(ns == 1 && offset_s == 7200);
	assert_true(bolt_value_time(unpack("B1 74 01"), &ns, &offset_s));
	assert_true(ns == 1 && offset_s == 0);
	assert_true(bolt_value_datetime(unpack("B3 49 64 05 C9 0E10"), &datetime));
	assert_true(datetime.seconds == 100 && datetime.ns == 5 && datetime.offset_s == 3600 && !datetime.seconds_are_local);
	assert_true(bolt_value_datetime(unpack("B3 46 C9 0E74 05 C9 0E10"), &datetime));
	assert_true(datetime.seconds == 100 && datetime.offset_s == 3600 && !datetime.seconds_are_local);
	assert_true(bolt_value_datetime(unpack("B3 66 64 05 83 555443"), &datetime));
	assert_true(datetime.seconds_are_local && bolt_value_is_string(datetime.zone, "UTC"));
	assert_true(bolt_value_datetime(unpack("B3 69 64 05 83 555443"), &datetime));
	assert_false(datetime.seconds_are_local);
	assert_true(bolt_value_datetime(unpack("B2 64 64 05"), &datetime));
	assert_true(datetime.seconds_are_local && !datetime.zone);
	assert_true(bolt_value_duration(unpack("B4 45 01 02 03 04"), &duration));
	assert_true(duration.months == 1 && duration.days == 2 && duration.seconds == 3 && duration.ns == 4);
	assert_false(bolt_value_duration(unpack("01"), &duration));
	assert_false(bolt_value_date(NULL, &days));
}

static void test_points(void **state)
{
	struct bolt_point point;

	(void)state;
	PACKS(bolt_writer_point2d(&writer, 4326, 1, 2), "B3 58 C9 10E6 C1 3FF0000000000000 C1 4000000000000000");
	PACKS(bolt_writer_point3d(&writer, 9157, 1, 2, 3),
	      "B4 59 C9 23C5 C1 3FF0000000000000 C1 4000000000000000 C1 4008000000000000");
	assert_true(bolt_value_point(unpack("B3 58 C9 10E6 C1 3FF0000000000000 C1 4000000000000000"), &point));
	assert_true(point.srid == 4326 && point.dimensions == 2 && point.x == 1 && point.y == 2);
	assert_true(
	        bolt_value_point(unpack("B4 59 C9 23C5 C1 3FF0000000000000 C1 4000000000000000 C1 4008000000000000"), &point));
	assert_true(point.dimensions == 3 && point.z == 3);
}

#define NODE "B4 4E 01 91 8141 A1 8161 02 82 6E31"
#define NODE_OLD "B3 4E 01 91 8141 A1 8161 02"

static void test_graph(void **state)
{
	struct bolt_relationship relationship;
	struct bolt_path path;
	struct bolt_node node;

	(void)state;
	assert_true(bolt_value_node(unpack(NODE), &node));
	assert_true(node.id == 1 && node.labels->size == 1 && node.properties->size == 1);
	assert_true(bolt_value_is_string(&node.element_id, "n1"));
	assert_true(bolt_value_node(unpack(NODE_OLD), &node));
	assert_int_equal(node.element_id.size, 0);
	assert_true(bolt_value_node(unpack("B4 4E C0 90 A0 82 6E31"), &node));
	assert_true(node.id == -1);
	assert_true(bolt_value_relationship(unpack("B8 52 01 02 03 8154 A0 8172 8173 8165"), &relationship));
	assert_true(relationship.id == 1 && relationship.start_id == 2 && relationship.end_id == 3);
	assert_true(bolt_value_is_string(relationship.type, "T"));
	assert_true(bolt_value_is_string(&relationship.end_element_id, "e"));
	assert_true(bolt_value_relationship(unpack("B5 52 01 02 03 8154 A0"), &relationship));
	assert_int_equal(relationship.start_element_id.size, 0);
	assert_true(bolt_value_relationship(unpack("B4 72 01 8154 A0 8172"), &relationship));
	assert_true(relationship.start_id == -1 && bolt_value_is_string(&relationship.element_id, "r"));
	assert_true(bolt_value_relationship(unpack("B3 72 01 8154 A0"), &relationship));
	assert_true(bolt_value_path(unpack("B3 50 92" NODE NODE "91 B4 72 01 8154 A0 8172 92 01 01"), &path));
	assert_true(path.nodes->size == 2 && path.relationships->size == 1 && path.indices->size == 2);
}

static void test_unknown_structure(void **state)
{
	const struct bolt_value *value;

	(void)state;
	value = unpack("B2 7A 01 02");
	assert_int_equal(value->type, BOLT_TYPE_STRUCTURE);
	assert_int_equal(value->tag, 'z');
	assert_int_equal(value->size, 2);
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
	        "C4", /* no such marker */
	        "DF",
	        "01 01",                                                  /* bytes behind */
	        "A1 01 01",                                               /* a key that is a number */
	        "B1 44 C0",                                               /* a date of null */
	        "B2 44 01 01",                                            /* a date of two */
	        "B2 4E 01 90",                                            /* a node of two */
	        "B4 4E 01 91 01 A0 8161",                                 /* a label that is a number */
	        "B3 58 01 01 01",                                         /* a point of integers */
	        "B3 50 91" NODE "90 92 01 00",                            /* a path with an index past its relationships */
	        "B3 50 92" NODE NODE "91 B4 72 01 8154 A0 8172 92 00 01", /* index 0 */
	        "B3 50 92" NODE NODE "91 B4 72 01 8154 A0 8172 92 01 02", /* past its nodes */
	        "B3 50 92" NODE NODE "91 B4 72 01 8154 A0 8172 91 01",    /* odd */
	        "B3 50 90 90 90",                                         /* no node */
	        "D6 7FFFFFFF",                                            /* counts beyond the bytes */
	        "D6 FFFFFFFF 01",
	        "DA FFFFFFFF 8161 01",
	        "D2 FFFFFFFF 61",
	        "CE FFFFFFFF 61",
	        "9F 01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (unpack_error(rows[i]) != BOLT_ERR_PROTOCOL)
			fail_msg("%s is taken", rows[i]);
}

static void test_depth(void **state)
{
	uint8_t bytes[100000];
	const struct bolt_value *value;

	(void)state;
	memset(bytes, 0x91, sizeof(bytes));
	assert_int_equal(bolt_decoder_decode(decoder, bytes, sizeof(bytes), &value, NULL), BOLT_ERR_LIMIT);
	memset(bytes, 0xB1, sizeof(bytes));
	assert_int_equal(bolt_decoder_decode(decoder, bytes, sizeof(bytes), &value, NULL), BOLT_ERR_LIMIT);
	memset(bytes, 0x91, 15);
	bytes[15] = 1;
	assert_int_equal(bolt_decoder_decode(decoder, bytes, 16, &value, NULL), 0);
	memset(bytes, 0x91, 16);
	bytes[16] = 1;
	assert_int_equal(bolt_decoder_decode(decoder, bytes, 17, &value, NULL), BOLT_ERR_LIMIT);
}

static void test_memory(void **state)
{
	const struct bolt_value *value;

	(void)state;
	pack_sized('l', 65535);
	bolt_decoder_free(decoder);
	decoder = bolt_decoder_create(65535 * sizeof(struct bolt_value) / 2, 16);
	assert_int_equal(bolt_decoder_decode(decoder, writer.data, writer.size, &value, NULL), BOLT_ERR_LIMIT);
	assert_null(value);
}

static void test_used(void **state)
{
	const struct bolt_value *value;
	size_t used;

	(void)state;
	assert_int_equal(bolt_decoder_decode(decoder, "\x92\x01\x02\x03", 4, &value, &used), 0);
	assert_int_equal(used, 3);
}

static void test_writer_limit(void **state)
{
	static const char zeros[100];
	struct bolt_writer small;

	(void)state;
	bolt_writer_init(&small, 64);
	for (int i = 0; i < 1000; i++)
		bolt_writer_cstring(&small, "0123456789");
	assert_true(small.failed);
	assert_true(small.size <= 64 + 16);
	bolt_writer_null(&small);
	assert_true(small.failed);
	bolt_writer_reset(&small);
	assert_false(small.failed);
	bolt_writer_null(&small);
	assert_int_equal(small.size, 1);
	bolt_writer_structure(&small, 'x', 16);
	assert_true(small.failed);
	bolt_writer_reset(&small);
	bolt_writer_bytes(&small, zeros, sizeof(zeros));
	assert_true(small.failed);
	bolt_writer_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_scalars, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_integers, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_containers, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_temporal, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_points, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_graph, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_unknown_structure, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_used, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_writer_limit, setup, teardown),
	};

	return cmocka_run_group_tests_name("packstream", tests, NULL, NULL);
}
