/*
 * The first byte chooses the type, the second how a numeric is carried, the conversion and whether it is an array; the rest is
 * the text. What is read is equal to what is read once more, can be printed, and never lies outside the text and the arena.
 */
#include "base/buffer.h"
#include "change/conversion.h"
#include "change/value.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const path[] = {"a", "0"};
static const struct conversion conversions[] = {
        {.path = path, .path_count = 2},
        {.path = path, .path_count = 1, .as = CONVERT_AS_FLOAT, .epoch = EPOCH_SECONDS},
        {.path = path, .path_count = 1, .as = CONVERT_AS_INTEGER, .scale_mantissa = -7, .scale_decimals = 3},
        {.path = path, .as = CONVERT_AS_TEXT, .trim = true, .letters = LETTERS_UPPER, .split = ","},
        {.trim = true, .letters = LETTERS_LOWER, .split = ", "},
        {.scale_mantissa = 1, .scale_decimals = 18, .epoch = EPOCH_MICROSECONDS},
        {.epoch = EPOCH_MILLISECONDS},
        {.path = path, .path_count = 1, .pairs = true},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct type type = {0};
	struct arena arena;
	struct value value, again;
	const struct value *elements;
	uint32_t count;
	struct error error;
	struct buffer buffer;
	const char *text;

	if (size < 2)
		return 0;
	type.kind = (enum type_kind)(data[0] % (TYPE_JSON + 1));
	type.numeric_as = (enum numeric_as)(data[1] % 3);
	type.array = (data[1] & 0x80) != 0;
	type.conversion = data[1] & 0x40 ? &conversions[data[1] / 3 % (sizeof(conversions) / sizeof(conversions[0]))] : NULL;
	text = (const char *)data + 2;
	arena_init(&arena, 1 << 22);
	buffer_init(&buffer, 1 << 20);
	if (value_from_text(&type, text, size - 2, &arena, &value, &error) == 0) {
		value_print(&buffer, &value, 200);
		if (value_from_text(&type, text, size - 2, &arena, &again, &error) == 0 && !value_equal(&value, &again))
			abort();
	}
	/* what is one list is the same elements */
	if (!type.conversion && value_elements_from_text(&type, text, size - 2, &arena, &elements, &count, &error) == 0 &&
	    type.array && value_from_text(&type, text, size - 2, &arena, &again, &error) == 0) {
		if (again.size != count)
			abort();
		for (uint32_t i = 0; i < count; i++)
			if (!value_equal(&again.list[i], &elements[i]))
				abort();
	}
	buffer_free(&buffer);
	arena_free(&arena);
	return 0;
}
