#include "verify/difference.h"

#include "verify/order.h"

const char *verify_kind_name(enum verify_kind kind)
{
	static const char *const names[] = {
#define X(name, text, what) text,
	        VERIFY_KINDS(X)
#undef X
	};
	return names[kind];
}

const char *verify_kind_what(enum verify_kind kind)
{
	static const char *const whats[] = {
#define X(name, text, what) what,
	        VERIFY_KINDS(X)
#undef X
	};
	return whats[kind];
}

const char *verify_note_text(enum verify_note note)
{
	static const char *const texts[] = {
#define X(name, text) text,
	        VERIFY_NOTES(X)
#undef X
	};
	return texts[note];
}

static bool difference__copy_values(struct arena *arena, const struct value **values, uint32_t count, uint32_t size_max)
{
	struct value *copy;

	if (!*values)
		return true;
	copy = arena_calloc(arena, count, sizeof(*copy));
	if (!copy && count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!verify_value_copy(arena, &(*values)[i], size_max, &copy[i]))
			return false;
	*values = copy;
	return true;
}

bool verify_difference_copy(struct arena *arena, const struct verify_difference *difference, uint32_t size_max,
                            struct verify_difference *ret_difference)
{
	const struct plan_node *node = difference->node;
	uint32_t keys = node ? node->key_count : difference->edge->key_count;

	*ret_difference = *difference;
	return difference__copy_values(arena, &ret_difference->key, keys, size_max) &&
	       difference__copy_values(arena, &ret_difference->from, difference->from_count, size_max) &&
	       difference__copy_values(arena, &ret_difference->to, difference->to_count, size_max) &&
	       difference__copy_values(arena, &ret_difference->expected, 1, size_max) &&
	       difference__copy_values(arena, &ret_difference->actual, 1, size_max);
}
