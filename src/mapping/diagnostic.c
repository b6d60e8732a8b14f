#include "mapping/text.h"
#include "mapping/tree.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DIAGNOSTICS_ARENA_SIZE ((size_t)512 * 1024)
#define DIAGNOSTIC_TEXT_MAX ((size_t)2048)
#define LINE_SIZE_MAX 8192
#define LINE_WIDTH 100 /* characters shown of a source line */
#define LINE_BEFORE 60 /* of them before the place, where the line is cut on the left */

void diagnostics_init(struct diagnostics *diagnostics)
{
	memset(diagnostics, 0, sizeof(*diagnostics));
	arena_init(&diagnostics->arena, DIAGNOSTICS_ARENA_SIZE);
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	arena_free(&diagnostics->arena);
	diagnostics->count = 0;
	diagnostics->more = false;
}

/* What could move a terminal's cursor becomes a question mark. */
static void diagnostic__clean(char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		uint32_t character;
		size_t step = text_utf8_decode(text, end, &character);

		if (!step || (character < 0x20 && character != '\t') || character == 0x7f)
			*text = '?';
		text += step ? step : 1;
	}
}

static const char *diagnostic__vprint(struct diagnostics *diagnostics, const char *format, va_list args)
{
	char text[DIAGNOSTIC_TEXT_MAX];
	int size = vsnprintf(text, sizeof(text), format, args);
	char *copy;

	if (size < 0)
		return "";
	copy = arena_strndup(&diagnostics->arena, text, text_utf8_cut(text, strlen(text), sizeof(text) - 4));
	if (!copy)
		return "out of memory";
	diagnostic__clean(copy);
	return copy;
}

/* The bytes of a line, without its end; empty when there is none such. */
static const char *source__line(const struct source *source, uint32_t line, size_t *ret_size)
{
	const char *at = source->text;
	const char *end = source->text + source->size;
	const char *newline;

	*ret_size = 0;
	for (; line > 1 && at; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (!at || !line)
		return "";
	newline = memchr(at, '\n', (size_t)(end - at));
	*ret_size = (size_t)((newline ? newline : end) - at);
	if (*ret_size && at[*ret_size - 1] == '\r')
		--*ret_size;
	return at;
}

/* Skips characters, not bytes. The line may hold anything, since bad encoding is reported through here too. */
static const char *line__skip(const char *at, const char *end, size_t characters)
{
	for (; at < end && characters; characters--) {
		at++;
		while (at < end && ((uint8_t)*at & 0xc0) == 0x80)
			at++;
	}
	return at;
}

struct span {
	const char *from;
	const char *to;
};

/*
 * The value behind a key like password:, unless it only refers to one: ${VAR} or {file: path}. It ends at its closing quote,
 * where the flow form or a URL's query ends it, else with the line.
 */
static struct span diagnostic__password(const char *line, const char *at, const char *end)
{
	struct span span = {end, end};
	const char *stops = memchr(line, '{', (size_t)(at - line)) ? ",}" : "";
	char quote = '\0';

	while (at < end && strchr("\"' ", *at))
		at++;
	if (at == end || (*at != ':' && *at != '='))
		return span;
	if (*at == '=')
		stops = "& \"'";
	for (at++; at < end && strchr("\"' ", *at); at++) {
		if (*at != ' ')
			quote = *at;
	}
	if (at < end && (*at == '{' || (*at == '$' && at + 1 < end && at[1] == '{')))
		return span;
	span.from = at;
	while (at < end && (quote ? *at != quote : !strchr(stops, *at)))
		at++;
	span.to = at;
	return span;
}

/* What stands between the first : and the last @ of user:password@host. */
static struct span diagnostic__user(const char *at, const char *end)
{
	struct span span = {end, end};
	const char *colon = NULL;

	for (; at < end && !strchr(" \"',}", *at); at++) {
		if (*at == ':' && !colon)
			colon = at;
		if (*at == '@' && colon)
			span = (struct span){colon + 1, at};
	}
	if (span.from + 1 < span.to && span.from[0] == '$' && span.from[1] == '{')
		span = (struct span){end, end};
	return span;
}

/* The line with what may be a password as asterisks, one for a character, since messages also go to a log. Returns the size. */
static size_t diagnostic__hide(const char *line, size_t size, char *ret_line)
{
	const char *end = line + size;
	struct span secret = {end, end};
	size_t written = 0;

	for (const char *at = line; at < end; at++) {
		if (at >= secret.to || secret.from == end) {
			if (end - at > 8 && strncasecmp(at, "password", 8) == 0)
				secret = diagnostic__password(line, at + 8, end);
			else if (end - at > 3 && strncmp(at, "://", 3) == 0)
				secret = diagnostic__user(at + 3, end);
		}
		if (at < secret.from || at >= secret.to)
			ret_line[written++] = *at;
		else if (((uint8_t)*at & 0xc0) != 0x80)
			ret_line[written++] = '*';
	}
	return written;
}

/* Cuts the line around the place, and makes it printable. */
static void diagnostic__line(struct diagnostics *diagnostics, const struct source *source, struct diagnostic *diagnostic)
{
	char line[LINE_SIZE_MAX];
	size_t size, skipped = 0;
	const char *text = source__line(source, diagnostic->line, &size);
	const char *start, *end, *stop;
	char *copy;

	diagnostic->line_text = "";
	/* What stands far in a line of such a size could be anything; the place has to do. */
	if (size > sizeof(line)) {
		diagnostic->caret = 0;
		return;
	}
	start = line;
	end = line + diagnostic__hide(text, size, line);
	diagnostic->caret = diagnostic->column ? diagnostic->column - 1 : 0;
	if (diagnostic->caret > LINE_WIDTH - 1) {
		skipped = diagnostic->caret - LINE_BEFORE;
		start = line__skip(line, end, skipped);
		diagnostic->caret = LINE_BEFORE + 3;
	}
	stop = line__skip(start, end, LINE_WIDTH);
	copy = arena_printf(&diagnostics->arena, "%s%.*s%s", skipped ? "..." : "", (int)(stop - start), start,
	                    stop < end ? "..." : "");
	if (!copy)
		return;
	diagnostic__clean(copy);
	diagnostic->line_text = copy;
}

void diagnostic_add(struct diagnostics *diagnostics, const struct source *source, struct place place, const char *format, ...)
{
	struct diagnostic *diagnostic;
	va_list args;

	if (diagnostics->count == MAPPING_DIAGNOSTICS_MAX) {
		diagnostics->more = true;
		return;
	}
	diagnostic = &diagnostics->items[diagnostics->count++];
	*diagnostic = (struct diagnostic){.line = place.line, .column = place.column};
	diagnostic->file = arena_strdup(&diagnostics->arena, source->file);
	if (!diagnostic->file)
		diagnostic->file = "";
	va_start(args, format);
	diagnostic->message = diagnostic__vprint(diagnostics, format, args);
	va_end(args);
	diagnostic__line(diagnostics, source, diagnostic);
}

void diagnostic_expect(struct diagnostics *diagnostics, const char *format, ...)
{
	va_list args;

	if (diagnostics->more || !diagnostics->count)
		return;
	va_start(args, format);
	diagnostics->items[diagnostics->count - 1].expected = diagnostic__vprint(diagnostics, format, args);
	va_end(args);
}

static bool diagnostic__before(const struct diagnostic *a, const struct diagnostic *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
	for (uint32_t i = 1; i < diagnostics->count; i++) {
		struct diagnostic moved = diagnostics->items[i];
		uint32_t at = i;

		for (; at && diagnostic__before(&moved, &diagnostics->items[at - 1]); at--)
			diagnostics->items[at] = diagnostics->items[at - 1];
		diagnostics->items[at] = moved;
	}
}

static void diagnostic__print_line(const struct diagnostic *diagnostic, struct buffer *buffer)
{
	const char *at = diagnostic->line_text;

	buffer_printf(buffer, "  %s\n  ", diagnostic->line_text);
	/* Tabs are kept under tabs, so that the caret stands right whatever their width. */
	for (uint32_t i = 0; i < diagnostic->caret; i++) {
		buffer_append_byte(buffer, *at == '\t' ? '\t' : ' ');
		at = line__skip(at, at + strlen(at), 1);
	}
	buffer_append_text(buffer, "^\n");
}

void diagnostics_print(const struct diagnostics *diagnostics, struct buffer *buffer)
{
	for (uint32_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *diagnostic = &diagnostics->items[i];

		if (diagnostic->line) {
			buffer_printf(buffer, "%s:%u:%u: %s\n", diagnostic->file, diagnostic->line, diagnostic->column,
			              diagnostic->message);
			diagnostic__print_line(diagnostic, buffer);
		} else {
			buffer_printf(buffer, "%s: %s\n", diagnostic->file, diagnostic->message);
		}
		if (diagnostic->expected)
			buffer_printf(buffer, "  expected: %s\n", diagnostic->expected);
	}
	if (diagnostics->more)
		buffer_printf(buffer, "There is more; these are the first %d.\n", MAPPING_DIAGNOSTICS_MAX);
}
