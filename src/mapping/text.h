/*
 * mapping/text: small helpers on names: UTF-8, nearness of words. Pure; nothing is allocated.
 */
#ifndef PGWEAVE_MAPPING_TEXT_H
#define PGWEAVE_MAPPING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The offset of the first byte that is not UTF-8 (overlong forms and surrogates are not), or size when all of it is. */
size_t text_utf8_check(const char *text, size_t size);
/* Decodes one character of valid UTF-8; returns its bytes, 0 at the end. */
size_t text_utf8_decode(const char *text, const char *end, uint32_t *ret_character);
/* Characters, not bytes. */
size_t text_utf8_length(const char *text, size_t size);
/* The longest prefix of at most size_max bytes that does not cut a character. */
size_t text_utf8_cut(const char *text, size_t size, size_t size_max);

/*
 * "Did you mean": feed it candidates, read nearest. It stays NULL while none is near enough to be a slip of the same word: at
 * most a third of the letters wrong (insert, delete, replace, swap), upper and lower case being nearly the same.
 */
struct suggestion {
	const char *wanted;
	const char *nearest;
	uint32_t distance;
};

struct suggestion suggestion_of(const char *wanted);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
