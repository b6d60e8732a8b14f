#include "mapping/quote.h"

#include <string.h>

/* Copies text between two marks, doubling the mark inside and replacing each backslash. */
static void quote__between(struct buffer *buffer, const char *text, char mark, const char *backslash)
{
	buffer_append_byte(buffer, (uint8_t)mark);
	for (const char *at = text; *at; at++) {
		if (*at == '\\') {
			buffer_append_text(buffer, backslash);
			continue;
		}
		if (*at == mark)
			buffer_append_byte(buffer, (uint8_t)mark);
		buffer_append_byte(buffer, (uint8_t)*at);
	}
	buffer_append_byte(buffer, (uint8_t)mark);
}

void cypher_quote(struct buffer *buffer, const char *name)
{
	quote__between(buffer, name, '`', "\\u005C");
}

void sql_quote_identifier(struct buffer *buffer, const char *name)
{
	quote__between(buffer, name, '"', "\\");
}

void sql_quote_qualified(struct buffer *buffer, const char *schema, const char *name)
{
	sql_quote_identifier(buffer, schema);
	buffer_append_byte(buffer, '.');
	sql_quote_identifier(buffer, name);
}

void sql_quote_literal(struct buffer *buffer, const char *text)
{
	if (strchr(text, '\\'))
		buffer_append_byte(buffer, 'E');
	quote__between(buffer, text, '\'', "\\\\");
}

void sql_quote_replication_literal(struct buffer *buffer, const char *text)
{
	quote__between(buffer, text, '\'', "\\");
}
