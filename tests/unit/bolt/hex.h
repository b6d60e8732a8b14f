/*
 * Bytes as text, for golden tests: "B1 01 A0", blanks anywhere; 'text' in single quotes stands for the PackStream string of up
 * to 255 bytes, its header included.
 */
#ifndef PGWEAVE_TEST_HEX_H
#define PGWEAVE_TEST_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Returns how many bytes there are; fails the test when they do not fit. */
size_t hex_parse(const char *text, uint8_t *bytes, size_t capacity);
/* Fails the test with both as text. */
void assert_hex(const void *bytes, size_t size, const char *expected);

#endif
