#include "mapping/text.h"

#include <ctype.h>
#include <string.h>

/* Longer words are never "nearly" another one in a way that helps. */
#define SUGGESTION_SIZE_MAX 64
/* Costs are in quarters, so that a wrong case weighs less than a wrong letter. */
#define COST_LETTER 4
#define COST_CASE 1

static const struct {
	uint8_t lead_mask;
	uint8_t lead;
	uint8_t size;
	uint32_t least;
} utf8_forms[] = {
        {0x80, 0x00, 1, 0},
        {0xe0, 0xc0, 2, 0x80},
        {0xf0, 0xe0, 3, 0x800},
        {0xf8, 0xf0, 4, 0x10000},
};

size_t text_utf8_decode(const char *text, const char *end, uint32_t *ret_character)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = (size_t)(end - text);

	for (size_t f = 0; left && f < sizeof(utf8_forms) / sizeof(utf8_forms[0]); f++) {
		size_t size = utf8_forms[f].size;
		uint32_t character = at[0] & (uint8_t)~utf8_forms[f].lead_mask;

		if ((at[0] & utf8_forms[f].lead_mask) != utf8_forms[f].lead)
			continue;
		if (size > left)
			return 0;
		for (size_t i = 1; i < size; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			character = character << 6 | (at[i] & 0x3f);
		}
		if (character < utf8_forms[f].least || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
			return 0;
		*ret_character = character;
		return size;
	}
	return 0;
}

size_t text_utf8_check(const char *text, size_t size)
{
	const char *end = text + size;
	const char *at = text;
	uint32_t character;

	while (at < end) {
		size_t step = text_utf8_decode(at, end, &character);

		if (!step)
			break;
		at += step;
	}
	return (size_t)(at - text);
}

size_t text_utf8_length(const char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < size; i++)
		length += ((uint8_t)text[i] & 0xc0) != 0x80;
	return length;
}

size_t text_utf8_cut(const char *text, size_t size, size_t size_max)
{
	if (size <= size_max)
		return size;
	while (size_max && ((uint8_t)text[size_max] & 0xc0) == 0x80)
		size_max--;
	return size_max;
}

static uint32_t suggestion__cost(char a, char b)
{
	if (a == b)
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ? COST_CASE : COST_LETTER;
}

static uint32_t suggestion__min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein with swaps of neighbours; three rows are enough. */
static uint32_t suggestion__distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	uint32_t rows[3][SUGGESTION_SIZE_MAX + 1];

	for (uint32_t j = 0; j <= b_size; j++)
		rows[0][j] = j * COST_LETTER;
	for (size_t i = 1; i <= a_size; i++) {
		uint32_t *row = rows[i % 3];
		const uint32_t *above = rows[(i + 2) % 3];
		const uint32_t *above2 = rows[(i + 1) % 3];

		row[0] = (uint32_t)i * COST_LETTER;
		for (size_t j = 1; j <= b_size; j++) {
			uint32_t best = above[j - 1] + suggestion__cost(a[i - 1], b[j - 1]);

			best = suggestion__min(best, above[j] + COST_LETTER);
			best = suggestion__min(best, row[j - 1] + COST_LETTER);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = suggestion__min(best, above2[j - 2] + COST_LETTER);
			row[j] = best;
		}
	}
	return rows[a_size % 3][b_size];
}

struct suggestion suggestion_of(const char *wanted)
{
	size_t size = strlen(wanted);
	uint32_t allowed = size > SUGGESTION_SIZE_MAX ? 0 : (uint32_t)size * COST_LETTER / 3;

	/* Also allow the one slip in a short word. */
	if (size >= 2 && allowed < COST_LETTER)
		allowed = COST_LETTER;
	return (struct suggestion){.wanted = wanted, .distance = allowed + 1};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
	size_t size = strlen(candidate);
	size_t wanted_size = strlen(suggestion->wanted);
	uint32_t distance;

	if (size > SUGGESTION_SIZE_MAX || wanted_size > SUGGESTION_SIZE_MAX)
		return;
	distance = suggestion__distance(suggestion->wanted, wanted_size, candidate, size);
	if (distance < suggestion->distance) {
		suggestion->distance = distance;
		suggestion->nearest = candidate;
	}
}
