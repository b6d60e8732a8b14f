/*
 * Quoting: whatever the name is, the quoted form is one token that means it, before and after Neo4j has replaced \uXXXX; in SQL
 * and in YAML likewise.
 */
#include "mapping/name.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a token back: `inner` standing for the mark inside, `backslash` for one backslash. Aborts where it is not the name. */
static void check_token(const char *text, char mark, const char *inner, const char *backslash, const char *name)
{
	if (*text++ != mark)
		abort();
	for (; *name; name++) {
		const char *form = *name == '\\' ? backslash : *name == mark ? inner : NULL;

		if (form && strncmp(text, form, strlen(form)) != 0)
			abort();
		if (!form && *text != *name)
			abort();
		text += form ? strlen(form) : 1;
	}
	if (text[0] != mark || text[1])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NAME_SIZE_MAX + 1];
	struct buffer buffer;
	const char *text;

	if (size > NAME_SIZE_MAX || memchr(data, 0, size) || text_utf8_check((const char *)data, size) != size)
		return 0;
	memcpy(name, data, size);
	name[size] = '\0';
	buffer_init(&buffer, 65536);
	cypher_quote(&buffer, name);
	check_token(buffer_text(&buffer), '`', "``", "\\u005C", name);
	buffer_reset(&buffer);
	cypher_quote_literal(&buffer, name);
	check_token(buffer_text(&buffer), '\'', "\\'", "\\u005C\\u005C", name);
	buffer_reset(&buffer);
	sql_quote_identifier(&buffer, name);
	check_token(buffer_text(&buffer), '"', "\"\"", "\\", name);
	buffer_reset(&buffer);
	sql_quote_literal(&buffer, name);
	text = buffer_text(&buffer);
	check_token(text + (*text == 'E'), '\'', "''", "\\\\", name);
	buffer_reset(&buffer);
	name_comment(&buffer, name, NAME_SIZE_MAX);
	if (strchr(buffer_text(&buffer), '\n'))
		abort();
	buffer_reset(&buffer);
	name_label(&buffer, name);
	name_type(&buffer, name);
	name_reference(&buffer, name);
	buffer_free(&buffer);
	return 0;
}
