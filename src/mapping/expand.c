#include "mapping/expand.h"

#include "mapping/text.h"

#include <string.h>

#define VARIABLE_NAME_MAX 128

/* The size of the name that stands after "${", or 0 when this is no reference. */
static size_t expand__name(const char *at)
{
	size_t size = 0;

	while ((at[size] >= 'A' && at[size] <= 'Z') || (at[size] >= 'a' && at[size] <= 'z') || at[size] == '_' ||
	       (size && at[size] >= '0' && at[size] <= '9'))
		size++;
	return at[size] == '}' && size < VARIABLE_NAME_MAX ? size : 0;
}

/* Appends the value of the variable; false with a diagnostic when it has none that can be used. */
static bool expand__variable(const char *name, const struct mapping_environment *environment, struct buffer *buffer,
                             const struct source *source, struct place place, struct diagnostics *diagnostics)
{
	const char *value = environment && environment->variable ? environment->variable(environment->user, name) : NULL;
	size_t size = value ? strlen(value) : 0;

	if (!value) {
		diagnostic_add(diagnostics, source, place, "the environment variable %s is not set", name);
		diagnostic_expect(diagnostics, "%s=... in the environment; a ${ that is meant as it stands is written $${",
		                  name);
		return false;
	}
	if (text_utf8_check(value, size) != size) {
		diagnostic_add(diagnostics, source, place, "the environment variable %s is not UTF-8", name);
		return false;
	}
	buffer_append(buffer, value, size);
	return true;
}

static bool expand__into(const char *text, const struct mapping_environment *environment, struct buffer *buffer,
                         const struct source *source, struct place place, struct diagnostics *diagnostics)
{
	for (const char *at = text; *at; at++) {
		char name[VARIABLE_NAME_MAX];
		size_t size;

		if (strncmp(at, "$${", 3) == 0) {
			buffer_append_text(buffer, "${");
			at += 2;
			continue;
		}
		if (strncmp(at, "${", 2) != 0) {
			buffer_append_byte(buffer, (uint8_t)*at);
			continue;
		}
		size = expand__name(at + 2);
		if (!size) {
			diagnostic_add(diagnostics, source, place, "\"${\" begins no name of a variable here");
			diagnostic_expect(diagnostics, "${NAME}; a ${ that is meant as it stands is written $${");
			return false;
		}
		memcpy(name, at + 2, size);
		name[size] = '\0';
		if (!expand__variable(name, environment, buffer, source, place, diagnostics))
			return false;
		at += size + 2;
	}
	return true;
}

const char *expand_text(const char *text, const struct mapping_environment *environment, struct arena *arena,
                        const struct source *source, struct place place, struct diagnostics *diagnostics)
{
	const char *expanded = NULL;
	struct buffer buffer;

	if (!strstr(text, "${"))
		return text;
	buffer_init(&buffer, EXPAND_SIZE_MAX);
	if (!expand__into(text, environment, &buffer, source, place, diagnostics))
		goto out;
	if (buffer.failed)
		diagnostic_add(diagnostics, source, place, "this text with its variables filled in is longer than 64 KiB");
	else
		expanded = arena_strndup(arena, buffer.data ? buffer.data : "", buffer.size);
out:
	/* It may hold a password. */
	if (buffer.data)
		explicit_bzero(buffer.data, buffer.size);
	buffer_free(&buffer);
	return expanded;
}
