/*
 * Proves: each message of pgoutput on golden bytes; each also cut short at every byte, and with a byte too many: always an
 * error, and never a read outside the bytes (they are copied to their exact size, so that the sanitizer would see it).
 */
#include "pgoutput/message.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LSN_1 "\x00\x00\x00\x00\x01\x56\xf1\x08"
#define LSN_2 "\x00\x00\x00\x00\x01\x56\xf1\x38"
#define TIME "\x00\x02\x8f\x5c\x29\x00\x00\x01"
#define OID "\x00\x00\x40\x01"

static void check_begin(const struct pgoutput_message *message)
{
	assert_true(message->begin.final_lsn == 0x156f108);
	assert_true(message->begin.time_us == INT64_C(0x00028f5c29000001));
	assert_int_equal(message->begin.xid, 772);
}

static void check_commit(const struct pgoutput_message *message)
{
	assert_true(message->commit.commit_lsn == 0x156f108);
	assert_true(message->commit.end_lsn == 0x156f138);
}

static void check_origin(const struct pgoutput_message *message)
{
	assert_true(message->origin.lsn == 0x156f108);
	assert_string_equal(message->origin.name, "back");
}

static void check_relation(const struct pgoutput_message *message)
{
	struct reader reader = reader_of(message->relation.columns, message->relation.columns_size);
	struct pgoutput_column column;

	assert_int_equal(message->relation.oid, 16385);
	assert_string_equal(message->relation.schema, "public");
	assert_string_equal(message->relation.name, "person");
	assert_int_equal(message->relation.identity, 'd');
	assert_int_equal(message->relation.columns_count, 2);
	column = pgoutput_relation_column_next(&reader);
	assert_true(column.key);
	assert_string_equal(column.name, "id");
	assert_int_equal(column.type_oid, 23);
	column = pgoutput_relation_column_next(&reader);
	assert_false(column.key);
	assert_string_equal(column.name, "name");
	assert_int_equal(column.type_oid, 1043);
	assert_int_equal(reader_left(&reader), 0);
}

static void check_catalog_relation(const struct pgoutput_message *message)
{
	assert_string_equal(message->relation.schema, "pg_catalog");
	assert_int_equal(message->relation.columns_count, 0);
}

static void check_type(const struct pgoutput_message *message)
{
	assert_int_equal(message->type.oid, 16385);
	assert_string_equal(message->type.schema, "public");
	assert_string_equal(message->type.name, "mood");
}

static void check_insert(const struct pgoutput_message *message)
{
	struct reader reader = reader_of(message->row.new.bytes, message->row.new.size);
	struct pgoutput_datum datum;

	assert_int_equal(message->row.oid, 16385);
	assert_int_equal(message->row.old_kind, 0);
	assert_int_equal(message->row.new.columns_count, 3);
	datum = pgoutput_tuple_next(&reader);
	assert_int_equal(datum.kind, 't');
	assert_int_equal(datum.size, 2);
	assert_memory_equal(datum.bytes, "42", 2);
	assert_int_equal(pgoutput_tuple_next(&reader).kind, 'n');
	datum = pgoutput_tuple_next(&reader);
	assert_int_equal(datum.kind, 't');
	assert_int_equal(datum.size, 0);
}

static void check_update(const struct pgoutput_message *message)
{
	assert_int_equal(message->row.old_kind, 0);
	assert_int_equal(message->row.new.columns_count, 1);
	assert_int_equal(message->row.new.bytes[0], 'u');
}

static void check_update_old(const struct pgoutput_message *message)
{
	assert_int_equal(message->row.old.columns_count, 1);
	assert_memory_equal(message->row.old.bytes, "t\0\0\0\1a", 6);
	assert_memory_equal(message->row.new.bytes, "t\0\0\0\1b", 6);
}

static void check_delete(const struct pgoutput_message *message)
{
	assert_int_equal(message->row.old.columns_count, 1);
	assert_int_equal(message->row.new.columns_count, 0);
}

static void check_truncate(const struct pgoutput_message *message)
{
	assert_int_equal(message->truncate.count, 2);
	assert_true(message->truncate.cascade);
	assert_true(message->truncate.restart_identity);
	assert_memory_equal(message->truncate.oids, OID "\x00\x00\x40\x02", 8);
}

static void check_message(const struct pgoutput_message *message)
{
	assert_true(message->message.transactional);
	assert_true(message->message.lsn == 0x156f108);
	assert_string_equal(message->message.prefix, "pgweave");
	assert_int_equal(message->message.size, 3);
	assert_memory_equal(message->message.bytes, "a\0b", 3);
}

#define GOLDEN(kind, bytes, check)                                                                                             \
	{                                                                                                                      \
		kind, bytes, sizeof(bytes) - 1, check                                                                          \
	}

static const struct {
	enum pgoutput_message_kind kind;
	const char *bytes;
	size_t size;
	void (*check)(const struct pgoutput_message *message);
} golden[] = {
        GOLDEN(PGOUTPUT_BEGIN, "B" LSN_1 TIME "\x00\x00\x03\x04", check_begin),
        GOLDEN(PGOUTPUT_COMMIT, "C\0" LSN_1 LSN_2 TIME, check_commit),
        GOLDEN(PGOUTPUT_ORIGIN, "O" LSN_1 "back\0", check_origin),
        GOLDEN(PGOUTPUT_RELATION,
               "R" OID "public\0person\0d\0\2\1id\0\x00\x00\x00\x17\xff\xff\xff\xff\0name\0\x00\x00\x04\x13\x00\x00\x00\x18",
               check_relation),
        GOLDEN(PGOUTPUT_RELATION, "R" OID "\0t\0n\0\0", check_catalog_relation),
        GOLDEN(PGOUTPUT_TYPE, "Y" OID "public\0mood\0", check_type),
        GOLDEN(PGOUTPUT_INSERT,
               "I" OID "N\0\3t\0\0\0\2"
               "42"
               "nt\0\0\0\0",
               check_insert),
        GOLDEN(PGOUTPUT_UPDATE, "U" OID "N\0\1u", check_update),
        GOLDEN(PGOUTPUT_UPDATE, "U" OID "K\0\1t\0\0\0\1aN\0\1t\0\0\0\1b", check_update_old),
        GOLDEN(PGOUTPUT_UPDATE, "U" OID "O\0\1t\0\0\0\1aN\0\1t\0\0\0\1b", check_update_old),
        GOLDEN(PGOUTPUT_DELETE, "D" OID "K\0\1t\0\0\0\1a", check_delete),
        GOLDEN(PGOUTPUT_DELETE, "D" OID "O\0\1t\0\0\0\1a", check_delete),
        GOLDEN(PGOUTPUT_TRUNCATE, "T\0\0\0\2\3" OID "\x00\x00\x40\x02", check_truncate),
        GOLDEN(PGOUTPUT_MESSAGE, "M\1" LSN_1 "pgweave\0\0\0\0\3a\0b", check_message),
};

static int read_exactly(const char *bytes, size_t size, struct pgoutput_message *ret_message, uint8_t **ret_copy)
{
	struct error error;

	*ret_copy = malloc(size ? size : 1);
	memcpy(*ret_copy, bytes, size);
	return pgoutput_message_read(*ret_copy, size, ret_message, &error);
}

static void test_golden(void **state)
{
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct pgoutput_message message;
		char longer[256];
		uint8_t *copy;

		assert_int_equal(read_exactly(golden[i].bytes, golden[i].size, &message, &copy), 0);
		assert_int_equal(message.kind, golden[i].kind);
		golden[i].check(&message);
		free(copy);
		for (size = 0; size < golden[i].size; size++) {
			assert_int_equal(read_exactly(golden[i].bytes, size, &message, &copy), ERR_PROTOCOL);
			free(copy);
		}
		memcpy(longer, golden[i].bytes, golden[i].size);
		longer[golden[i].size] = 0;
		assert_int_equal(read_exactly(longer, golden[i].size + 1, &message, &copy), ERR_PROTOCOL);
		free(copy);
	}
}

static const struct {
	const char *bytes;
	size_t size;
	enum error_code code;
	const char *says;
} refused[] = {
#define REFUSED(bytes, code, says)                                                                                             \
	{                                                                                                                      \
		bytes, sizeof(bytes) - 1, code, says                                                                           \
	}
        REFUSED("S\0\0\0\1\1", ERR_PROTOCOL, "unknown kind"), /* STREAM START, of protocol 2 */
        REFUSED("I" OID "N\0\1b\0\0\0\1x", ERR_PROTOCOL, "binary"),
        REFUSED("I" OID "N\0\1x", ERR_PROTOCOL, "unknown format"),
        REFUSED("I" OID "K\0\1n", ERR_PROTOCOL, "unknown kind"),
        REFUSED("I" OID "N\xff\xffn", ERR_LIMIT, "65535 columns"),
        REFUSED("I" OID "N\0\1t\xff\xff\xff\xff", ERR_PROTOCOL, "cut short"),
        REFUSED("D" OID "N\0\1n", ERR_PROTOCOL, "unknown kind"),
        REFUSED("U" OID "K\0\1nK\0\1n", ERR_PROTOCOL, "unknown kind"),
        REFUSED("R" OID "s\0n\0d\xff\xff", ERR_LIMIT, "65535 columns"),
        REFUSED("T\xff\xff\xff\xff\0", ERR_LIMIT, "TRUNCATE"),
        REFUSED("T\0\x0f\x42\x40\0", ERR_PROTOCOL, "cut short"),
        REFUSED("M\0" LSN_1 "p\0\xff\xff\xff\xff", ERR_PROTOCOL, "cut short"),
};

static void test_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pgoutput_message message;
		struct error error;

		assert_int_equal(pgoutput_message_read((const uint8_t *)refused[i].bytes, refused[i].size, &message, &error),
		                 refused[i].code);
		if (!strstr(error.text, refused[i].says))
			fail_msg("%s", error.text);
	}
}

static void test_long_names(void **state)
{
	struct pgoutput_message message;
	struct buffer wire;
	struct error error;
	size_t size, i;

	(void)state;
	for (size = PGOUTPUT_NAME_SIZE_MAX; size <= PGOUTPUT_NAME_SIZE_MAX + 1; size++) {
		buffer_init(&wire, 10000);
		buffer_append(&wire, "O" LSN_1, 9);
		for (i = 0; i < size; i++)
			buffer_append_byte(&wire, 'n');
		buffer_append_byte(&wire, 0);
		assert_int_equal(pgoutput_message_read((const uint8_t *)wire.data, wire.size, &message, &error),
		                 size > PGOUTPUT_NAME_SIZE_MAX ? ERR_PROTOCOL : 0);
		buffer_free(&wire);
	}
}

/* Whatever the bytes: an answer, and no crash. */
static void test_random(void **state)
{
	uint8_t bytes[64];
	struct pgoutput_message message;
	struct error error;
	int i;

	(void)state;
	srand48(7);
	for (i = 0; i < 300000; i++) {
		size_t pick = (size_t)lrand48() % (sizeof(golden) / sizeof(golden[0]));
		size_t size = golden[pick].size < sizeof(bytes) ? golden[pick].size : sizeof(bytes);
		int flips = (int)(lrand48() % 4);

		memcpy(bytes, golden[pick].bytes, size);
		while (flips--)
			bytes[(size_t)lrand48() % size] = (uint8_t)lrand48();
		(void)!pgoutput_message_read(bytes, size, &message, &error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_golden),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_long_names),
	        cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
