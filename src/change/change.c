#include "change/change.h"

#include "base/hex.h"

#include <stdlib.h>
#include <string.h>

struct transaction *transaction_new(size_t size_max)
{
	struct transaction *transaction = calloc(1, sizeof(*transaction));

	if (!transaction)
		return NULL;
	arena_init(&transaction->arena, size_max);
	transaction->last = &transaction->first;
	return transaction;
}

void transaction_free(struct transaction *transaction)
{
	if (!transaction)
		return;
	arena_free(&transaction->arena);
	free(transaction);
}

struct change *transaction_add(struct transaction *transaction)
{
	struct change *change = arena_calloc(&transaction->arena, 1, sizeof(*change));

	if (!change)
		return NULL;
	*transaction->last = change;
	transaction->last = &change->next;
	transaction->changes_count++;
	return change;
}

static char *lsn__print_half(uint32_t half, char *to)
{
	static const char digits[] = "0123456789ABCDEF";
	int shift = 28;

	while (shift > 0 && !(half >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = digits[(half >> shift) & 15];
	return to;
}

const char *lsn_print(uint64_t lsn, char text[LSN_TEXT_SIZE])
{
	char *to = lsn__print_half((uint32_t)(lsn >> 32), text);

	*to++ = '/';
	to = lsn__print_half((uint32_t)lsn, to);
	*to = '\0';
	return text;
}

static const char *lsn__parse_half(const char *at, uint32_t *ret_half)
{
	uint32_t half = 0;
	int count;

	for (count = 0; count < 8; count++) {
		int digit = hex_digit(at[count]);

		if (digit < 0)
			break;
		half = half << 4 | (uint32_t)digit;
	}
	*ret_half = half;
	return count ? at + count : NULL;
}

int lsn_parse(const char *text, uint64_t *ret_lsn)
{
	uint32_t high, low;
	const char *at = lsn__parse_half(text, &high);

	if (!at || *at != '/')
		return ERR_VALUE;
	at = lsn__parse_half(at + 1, &low);
	if (!at || *at)
		return ERR_VALUE;
	*ret_lsn = (uint64_t)high << 32 | low;
	return 0;
}
