/* Proves: the outer frames on golden bytes, each also cut short at every byte; the status update's bytes. */
#include "pgoutput/frame.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static const char data_frame[] =
        "w\x00\x00\x00\x16\xb3\x74\xd8\x48\x00\x00\x00\x16\xb3\x74\xd8\x50\x00\x02\x8f\x5c\x29\x00\x00\x01"
        "Body";
static const char keepalive[] = "k\x00\x00\x00\x16\xb3\x74\xd8\x48\xff\xff\xff\xff\xff\xff\xff\xff\x01";

static void test_data(void **state)
{
	struct pgoutput_frame frame;
	struct error error;
	size_t size;

	(void)state;
	assert_int_equal(pgoutput_frame_read(data_frame, sizeof(data_frame) - 1, &frame, &error), 0);
	assert_int_equal(frame.kind, PGOUTPUT_FRAME_DATA);
	assert_true(frame.start_lsn == UINT64_C(0x16B374D848));
	assert_true(frame.end_lsn == UINT64_C(0x16B374D850));
	assert_true(frame.time_us == INT64_C(0x00028f5c29000001));
	assert_int_equal(frame.size, 4);
	assert_memory_equal(frame.bytes, "Body", 4);
	for (size = 0; size < 25; size++)
		assert_int_equal(pgoutput_frame_read(data_frame, size, &frame, &error), ERR_PROTOCOL);
	assert_int_equal(pgoutput_frame_read(data_frame, 25, &frame, &error), 0);
	assert_int_equal(frame.size, 0);
}

static void test_keepalive(void **state)
{
	struct pgoutput_frame frame;
	struct error error;
	size_t size;

	(void)state;
	assert_int_equal(pgoutput_frame_read(keepalive, 18, &frame, &error), 0);
	assert_int_equal(frame.kind, PGOUTPUT_FRAME_KEEPALIVE);
	assert_true(frame.end_lsn == UINT64_C(0x16B374D848));
	assert_true(frame.time_us == -1);
	assert_true(frame.reply_requested);
	for (size = 0; size < 18; size++)
		assert_int_equal(pgoutput_frame_read(keepalive, size, &frame, &error), ERR_PROTOCOL);
	assert_int_equal(pgoutput_frame_read(keepalive, 19, &frame, &error), ERR_PROTOCOL);
}

static void test_unknown(void **state)
{
	struct pgoutput_frame frame;
	struct error error;

	(void)state;
	assert_int_equal(pgoutput_frame_read("", 0, &frame, &error), ERR_PROTOCOL);
	assert_non_null(strstr(error.text, "empty"));
	assert_int_equal(pgoutput_frame_read("x", 1, &frame, &error), ERR_PROTOCOL);
	assert_non_null(strstr(error.text, "0x78"));
}

static void test_status(void **state)
{
	const struct pgoutput_status status = {
	        .written_lsn = 0x0102, .flushed_lsn = 0x0304, .applied_lsn = 0x0506, .time_us = -2, .reply_requested = true};
	static const char golden[] =
	        "r\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x00\x00\x03\x04\x00\x00\x00\x00\x00\x00\x05\x06"
	        "\xff\xff\xff\xff\xff\xff\xff\xfe\x01";
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, PGOUTPUT_STATUS_SIZE);
	pgoutput_status_write(&buffer, &status);
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, PGOUTPUT_STATUS_SIZE);
	assert_memory_equal(buffer.data, golden, PGOUTPUT_STATUS_SIZE);
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_data),
	        cmocka_unit_test(test_keepalive),
	        cmocka_unit_test(test_unknown),
	        cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
