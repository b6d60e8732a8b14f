#include "mapping/name.h"

#include "mapping/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WORD_SIZE_MAX 256
#define TABLE_SIZE_MAX ((size_t)4096)

/* Words whose plural follows no rule, and those that only look like plurals. Looked at as whole last words. */
static const struct {
	const char *plural;
	const char *singular;
} irregular[] = {
        {"people", "person"},     {"children", "child"},  {"men", "man"},
        {"women", "woman"},       {"mice", "mouse"},      {"feet", "foot"},
        {"teeth", "tooth"},       {"geese", "goose"},     {"criteria", "criterion"},
        {"indices", "index"},     {"matrices", "matrix"}, {"vertices", "vertex"},
        {"analyses", "analysis"}, {"theses", "thesis"},   {"crises", "crisis"},
        {"statuses", "status"},   {"buses", "bus"},       {"bonuses", "bonus"},
        {"viruses", "virus"},     {"campuses", "campus"}, {"aliases", "alias"},
        {"biases", "bias"},       {"gases", "gas"},       {"lenses", "lens"},
        {"movies", "movie"},      {"cookies", "cookie"},  {"ties", "tie"},
        {"pies", "pie"},          {"shoes", "shoe"},      {"toes", "toe"},
        {"knives", "knife"},      {"lives", "life"},      {"wives", "wife"},
        {"leaves", "leaf"},       {"shelves", "shelf"},   {"halves", "half"},
        {"wolves", "wolf"},       {"caches", "cache"},    {"axes", "axis"},
        {"quizzes", "quiz"},      {"series", "series"},   {"species", "species"},
        {"news", "news"},         {"data", "data"},       {"media", "media"},
        {"canvas", "canvas"},     {"atlas", "atlas"},     {"alias", "alias"},
        {"bias", "bias"},         {"gas", "gas"},         {"lens", "lens"},
        {"sms", "sms"},           {"gps", "gps"},         {"dns", "dns"},
        {"aws", "aws"},           {"os", "os"},
};

/* Endings, the first that fits; where it changes, at least two letters stand before it. */
static const struct {
	const char *plural;
	const char *singular;
} endings[] = {
        {"sses", "ss"}, {"shes", "sh"}, {"ches", "ch"}, {"xes", "x"}, {"zzes", "zz"}, {"ies", "y"},
        {"oes", "o"},   {"ss", "ss"},   {"us", "us"},   {"is", "is"}, {"s", ""},
};

static bool name__is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static void name__singular_word(struct buffer *buffer, const char *word, size_t size)
{
	for (size_t i = 0; i < sizeof(irregular) / sizeof(irregular[0]); i++)
		if (strlen(irregular[i].plural) == size && strncasecmp(irregular[i].plural, word, size) == 0) {
			buffer_append(buffer, word, 1);
			buffer_append_text(buffer, irregular[i].singular + 1);
			return;
		}
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i].plural);

		bool stays = strcmp(endings[i].plural, endings[i].singular) == 0;

		if (size < ending + (stays ? 0 : 2) || strncasecmp(word + size - ending, endings[i].plural, ending) != 0)
			continue;
		buffer_append(buffer, word, size - ending);
		buffer_append_text(buffer, endings[i].singular);
		return;
	}
	buffer_append(buffer, word, size);
}

/* Where the next word begins and how long it is: runs of letters and digits, also cut where small meets capital. */
static const char *name__next(const char *at, size_t *ret_size)
{
	size_t size = 0;

	while (*at && !name__is_word(*at))
		at++;
	while (at[size] && name__is_word(at[size])) {
		if (size && isupper((unsigned char)at[size]) && !isupper((unsigned char)at[size - 1]))
			break;
		/* HTTPServer is HTTP and Server */
		if (size && isupper((unsigned char)at[size]) && islower((unsigned char)at[size + 1]))
			break;
		size++;
	}
	*ret_size = size;
	return at;
}

static bool name__is_last(const char *after)
{
	size_t size;

	name__next(after, &size);
	return size == 0;
}

void name_singular(struct buffer *buffer, const char *name)
{
	const char *at = name;
	size_t size;

	for (;;) {
		const char *word = name__next(at, &size);

		if (!size)
			break;
		buffer_append(buffer, at, (size_t)(word - at));
		if (name__is_last(word + size))
			name__singular_word(buffer, word, size);
		else
			buffer_append(buffer, word, size);
		at = word + size;
	}
}

static void name__label(struct buffer *buffer, const char *table, bool singular)
{
	const char *at = table;
	size_t size;

	for (at = name__next(at, &size); size; at = name__next(at + size, &size)) {
		struct buffer word;

		buffer_init(&word, WORD_SIZE_MAX);
		if (singular && name__is_last(at + size))
			name__singular_word(&word, at, size);
		else
			buffer_append(&word, at, size);
		for (size_t i = 0; i < word.size; i++)
			word.data[i] = (char)(i ? tolower((unsigned char)word.data[i]) : toupper((unsigned char)word.data[i]));
		buffer_append(buffer, word.data, word.size);
		buffer_free(&word);
	}
}

void name_label(struct buffer *buffer, const char *table)
{
	name__label(buffer, table, true);
}

void name_label_plural(struct buffer *buffer, const char *table)
{
	name__label(buffer, table, false);
}

static void name__upper(struct buffer *buffer, const char *name, size_t words)
{
	const char *at;
	size_t size, count = 0;

	for (at = name__next(name, &size); size && count < words; at = name__next(at + size, &size), count++) {
		if (count)
			buffer_append_byte(buffer, '_');
		for (size_t i = 0; i < size; i++)
			buffer_append_byte(buffer, (uint8_t)toupper((unsigned char)at[i]));
	}
}

void name_type(struct buffer *buffer, const char *name)
{
	name__upper(buffer, name, SIZE_MAX);
}

size_t name_words(const char *name, const char **ret_last, size_t *ret_last_size)
{
	size_t words = 0, size;

	*ret_last = name;
	for (const char *at = name__next(name, &size); size; at = name__next(at + size, &size), words++)
		*ret_last = at;
	*ret_last = name__next(*ret_last, ret_last_size);
	return words;
}

void name_reference(struct buffer *buffer, const char *column)
{
	static const char *const suffixes[] = {"id", "uuid", "fk", "key", "ref"};
	size_t size;
	const char *last;
	size_t words = name_words(column, &last, &size);

	for (size_t i = 0; words > 1 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i]) == size && strncasecmp(last, suffixes[i], size) == 0) {
			name__upper(buffer, column, words - 1);
			return;
		}
	name__upper(buffer, column, words);
}

static void name__part(struct buffer *buffer, const char *part)
{
	if (!strpbrk(part, ".\"")) {
		buffer_append_text(buffer, part);
		return;
	}
	buffer_append_byte(buffer, '"');
	for (const char *at = part; *at; at++) {
		if (*at == '"')
			buffer_append_byte(buffer, '"');
		buffer_append_byte(buffer, (uint8_t)*at);
	}
	buffer_append_byte(buffer, '"');
}

/* Up to a dot, or in double quotes with those inside doubled. NULL when it is neither. */
static const char *name__part_read(const char **at, struct arena *arena)
{
	const char *start = *at;
	char *part;
	size_t size = 0;

	if (*start != '"') {
		size = strcspn(start, ".");
		*at += size;
		return size ? arena_strndup(arena, start, size) : NULL;
	}
	part = arena_strdup(arena, start);
	if (!part)
		return NULL;
	for (++*at; **at; ++*at) {
		if (**at == '"' && *++*at != '"') {
			part[size] = '\0';
			return size ? part : NULL;
		}
		part[size++] = **at;
	}
	return NULL;
}

bool name_table_read(const char *text, struct arena *arena, const char **ret_schema, const char **ret_name)
{
	const char *first = name__part_read(&text, arena);
	const char *second = NULL;

	if (first && *text == '.') {
		text++;
		second = name__part_read(&text, arena);
		if (!second)
			return false;
	}
	*ret_schema = second ? first : NULL;
	*ret_name = second ? second : first;
	return first && !*text;
}

/* What YAML would not take as text, in one of its versions or another. */
static bool name__is_plain(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	for (const char *at = text; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '_')
			return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], text) == 0)
			return false;
	return true;
}

/* Characters that YAML wants escaped, or that would break a line or the sight of it. */
static bool name__is_printable(uint32_t character)
{
	return character >= 0x20 && (character < 0x7f || character >= 0xa0) && character != 0x2028 && character != 0x2029 &&
	       character != 0xfeff && (character & 0xfffe) != 0xfffe && !(character >= 0x200b && character <= 0x200f) &&
	       !(character >= 0x202a && character <= 0x202e) && !(character >= 0xfdd0 && character <= 0xfdef);
}

void name_yaml(struct buffer *buffer, const char *text, bool is_key)
{
	const char *end = text + strlen(text);
	uint32_t character;
	size_t step;

	if (name__is_plain(text)) {
		buffer_append_text(buffer, text);
		return;
	}
	buffer_append_byte(buffer, '"');
	for (const char *at = text; (step = text_utf8_decode(at, end, &character)) != 0; at += step) {
		if (!is_key && strncmp(at, "${", 2) == 0)
			buffer_append_byte(buffer, '$');
		if (character == '"' || character == '\\')
			buffer_printf(buffer, "\\%c", (int)character);
		else if (name__is_printable(character))
			buffer_append(buffer, at, step);
		else if (character > 0xffff)
			buffer_printf(buffer, "\\U%08X", character);
		else
			buffer_printf(buffer, "\\u%04X", character);
	}
	buffer_append_byte(buffer, '"');
}

void name_table(struct buffer *buffer, const char *schema, const char *name, bool is_key)
{
	struct buffer text;

	/* A dot between plain words needs no quotes. */
	if (name__is_plain(name) && (!schema || name__is_plain(schema))) {
		buffer_printf(buffer, "%s%s%s", schema ? schema : "", schema ? "." : "", name);
		return;
	}
	buffer_init(&text, TABLE_SIZE_MAX);
	if (schema) {
		name__part(&text, schema);
		buffer_append_byte(&text, '.');
	}
	name__part(&text, name);
	if (text.failed)
		buffer->failed = true;
	else
		name_yaml(buffer, buffer_text(&text), is_key);
	buffer_free(&text);
}

void name_comment(struct buffer *buffer, const char *text, size_t size_max)
{
	size_t size = strlen(text);
	const char *end = text + text_utf8_cut(text, size, size_max);
	uint32_t character;

	for (const char *at = text; at < end;) {
		size_t step = text_utf8_decode(at, end, &character);

		if (step && name__is_printable(character))
			buffer_append(buffer, at, step);
		else
			buffer_append_byte(buffer, step && (character == '\n' || character == '\t') ? ' ' : '?');
		at += step ? step : 1;
	}
	if (text + size > end)
		buffer_append_text(buffer, "...");
}

bool name_is_reserved(const char *name)
{
	return strncmp(name, NAME_RESERVED_PREFIX, strlen(NAME_RESERVED_PREFIX)) == 0;
}
