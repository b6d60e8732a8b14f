#include "hex.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

size_t hex_parse(const char *text, uint8_t *bytes, size_t capacity)
{
	size_t size = 0;

	while (*text) {
		char pair[3] = {text[0], text[1], 0};

		if (*text == '\'') {
			size_t length = strcspn(text + 1, "'");

			assert_true(size + length + 2 < capacity && length < 256);
			if (length > 15)
				bytes[size++] = 0xD0;
			bytes[size++] = (uint8_t)(length > 15 ? length : 0x80 | length);
			memcpy(bytes + size, text + 1, length);
			size += length;
			text += length + 2;
			continue;
		}
		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		assert_true(size < capacity);
		bytes[size++] = (uint8_t)strtoul(pair, NULL, 16);
		text += 2;
	}
	return size;
}

void assert_hex(const void *bytes, size_t size, const char *expected)
{
	static uint8_t wanted[1 << 20];
	static char shown[1 << 16];
	size_t wanted_size = hex_parse(expected, wanted, sizeof(wanted)), at = 0;

	if (size == wanted_size && (!size || !memcmp(bytes, wanted, size)))
		return;
	for (size_t i = 0; i < size && at + 4 < sizeof(shown); i++)
		at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%02X ", ((const uint8_t *)bytes)[i]);
	shown[at] = '\0';
	fail_msg("got      %s\nexpected %s", shown, expected);
}
