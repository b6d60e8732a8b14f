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

void cypher_quote_literal(struct buffer *buffer, const char *text)
{
	buffer_append_byte(buffer, '\'');
	for (const char *at = text; *at; at++) {
		/* Neo4j replaces \uXXXX first, wherever it stands, and reads the escapes of the literal then */
		if (*at == '\\')
			buffer_append_text(buffer, "\\u005C\\u005C");
		else if (*at == '\'')
			buffer_append_text(buffer, "\\'");
		else
			buffer_append_byte(buffer, (uint8_t)*at);
	}
	buffer_append_byte(buffer, '\'');
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
