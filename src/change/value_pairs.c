/* hstore: "key"=>"value", "other"=>NULL; in what is quoted, a backslash takes the next character as it is. */
#include "change/value_room.h"

#include <string.h>

struct pairs {
	const char *at;
	const char *end;
};

/* What stands between quotes, the backslashes still in it. */
struct quoted {
	const char *bytes;
	size_t size;
};

static bool pairs__take(struct pairs *pairs, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(pairs->end - pairs->at) < size || memcmp(pairs->at, word, size) != 0)
		return false;
	pairs->at += size;
	return true;
}

static bool pairs__quoted(struct pairs *pairs, struct quoted *ret_quoted)
{
	if (!pairs__take(pairs, "\""))
		return false;
	ret_quoted->bytes = pairs->at;
	while (pairs->at < pairs->end && *pairs->at != '"')
		pairs->at += *pairs->at == '\\' && pairs->end - pairs->at > 1 ? 2 : 1;
	ret_quoted->size = (size_t)(pairs->at - ret_quoted->bytes);
	return pairs__take(pairs, "\"");
}

/* Takes the next character off it. */
static char quoted__next(struct quoted *quoted)
{
	size_t size = *quoted->bytes == '\\' && quoted->size > 1 ? 2 : 1;
	char c = quoted->bytes[size - 1];

	quoted->bytes += size;
	quoted->size -= size;
	return c;
}

static bool quoted__is(struct quoted quoted, const char *text)
{
	while (quoted.size && *text)
		if (quoted__next(&quoted) != *text++)
			return false;
	return !quoted.size && !*text;
}

static int quoted__value(struct quoted quoted, struct arena *arena, struct value *ret_value, struct error *error)
{
	char *bytes = arena_strndup(arena, quoted.bytes, quoted.size);
	uint32_t size = 0;

	if (!bytes)
		return error_set(error, ERR_NOMEM, "no memory for the value of a key");
	while (quoted.size)
		bytes[size++] = quoted__next(&quoted);
	*ret_value = (struct value){.kind = VALUE_STRING, .size = size, .bytes = bytes};
	return 0;
}

/* One pair. The value is NULL, or `value` has it. */
static bool pairs__next(struct pairs *pairs, struct quoted *key, struct quoted *value, bool *ret_null)
{
	if (!pairs__quoted(pairs, key) || !pairs__take(pairs, "=>"))
		return false;
	*ret_null = pairs__take(pairs, "NULL");
	return *ret_null || pairs__quoted(pairs, value);
}

int value__read_pair(const char *key, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                     struct error *error)
{
	struct pairs pairs = {text, text + size};
	struct quoted name, value;
	bool null;

	*ret_value = (struct value){.kind = VALUE_NULL};
	while (pairs.at < pairs.end) {
		if (!pairs__next(&pairs, &name, &value, &null) || (pairs.at < pairs.end && !pairs__take(&pairs, ", ")))
			return error_set_class(error, ERR_VALUE, ERROR_POISON, "an hstore cannot be read");
		if (quoted__is(name, key))
			return null ? 0 : quoted__value(value, arena, ret_value, error);
	}
	return 0;
}
