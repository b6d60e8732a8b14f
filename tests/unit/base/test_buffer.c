/* Proves: the buffer's maximum and its sticky failure; the reader never leaves its window and yields zeros once it has failed.
 */
#include "base/buffer.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_append(void **state)
{
	struct buffer buffer;
	char large[1000];

	(void)state;
	memset(large, 'x', sizeof(large));
	buffer_init(&buffer, 10000);
	buffer_append_byte(&buffer, 0x01);
	buffer_append_u16(&buffer, 0x0203);
	buffer_append_u32(&buffer, 0x04050607);
	buffer_append_u64(&buffer, UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(buffer.size, 15);
	assert_memory_equal(buffer.data, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 15);
	buffer_consume(&buffer, 14);
	assert_int_equal(buffer.size, 1);
	assert_int_equal(buffer.data[0], 15);
	buffer_consume(&buffer, 100);
	assert_int_equal(buffer.size, 0);
	buffer_append(&buffer, large, sizeof(large));
	buffer_append(&buffer, NULL, 0);
	buffer_append_text(&buffer, "end");
	buffer_printf(&buffer, "%s %d", "of", 3);
	assert_int_equal(buffer.size, 1007);
	assert_string_equal(buffer_text(&buffer) + 1000, "endof 3");
	buffer_free(&buffer);
}

static void test_maximum(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 4);
	buffer_append_text(&buffer, "abcd");
	assert_false(buffer.failed);
	buffer_append_byte(&buffer, 'e');
	assert_true(buffer.failed);
	buffer_reset(&buffer);
	buffer_append_text(&buffer, "abcde");
	assert_true(buffer.failed);
	assert_int_equal(buffer.size, 0);
	buffer_append_byte(&buffer, 'a');
	assert_int_equal(buffer.size, 0);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_reset(&buffer);
	buffer_printf(&buffer, "%d", 123);
	assert_string_equal(buffer_text(&buffer), "123");
	buffer_free(&buffer);
	assert_int_equal(buffer.size_max, 4);
}

static void test_reader(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'h', 'i', 0, 'x'};
	struct reader reader = reader_of(bytes, sizeof(bytes));
	size_t size;

	(void)state;
	assert_int_equal(reader_u8(&reader), 1);
	assert_int_equal(reader_u16(&reader), 0x0203);
	assert_int_equal(reader_u32(&reader), 0x04050607);
	assert_true(reader_u64(&reader) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_string_equal(reader_cstring(&reader, &size), "hi");
	assert_int_equal(size, 2);
	assert_int_equal(reader_left(&reader), 1);
	assert_string_equal(reader_cstring(&reader, &size), "");
	assert_int_equal(size, 0);
	assert_true(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_null(reader_bytes(&reader, 0));
}

static void test_reader_short(void **state)
{
	static const uint8_t bytes[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	size_t size;

	(void)state;
	for (size = 0; size < 8; size++) {
		struct reader reader = reader_of(bytes, size);

		assert_true(reader_u64(&reader) == 0);
		assert_true(reader.failed);
		reader = reader_of(bytes, size);
		assert_int_equal(reader_u32(&reader), size < 4 ? 0 : 0xffffffff);
		assert_int_equal(reader.failed, size < 4);
		reader = reader_of(bytes, size);
		assert_int_equal(reader_u16(&reader), size < 2 ? 0 : 0xffff);
		reader = reader_of(bytes, size);
		assert_null(reader_bytes(&reader, SIZE_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_append),
	        cmocka_unit_test(test_maximum),
	        cmocka_unit_test(test_reader),
	        cmocka_unit_test(test_reader_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
