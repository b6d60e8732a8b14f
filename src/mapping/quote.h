/*
 * mapping/quote: names and literals as they are written into Cypher and SQL: one function each, used everywhere.
 *
 * Any UTF-8 without NUL comes out as one token that means exactly that name; nothing in it can end the token. The buffer's
 * sticky failure reports a lack of room.
 */
#ifndef PGWEAVE_MAPPING_QUOTE_H
#define PGWEAVE_MAPPING_QUOTE_H

#include "base/buffer.h"

/*
 * `name` in backticks, those inside doubled. Neo4j replaces \uXXXX before it splits the text into tokens, so a backslash could
 * spell a closing backtick: it is written as its own escape. (Neo4j 5, Cypher manual, "Parsing": unicode escapes.)
 */
void cypher_quote(struct buffer *buffer, const char *name);
/* 'text', quotes and backslashes inside escaped. */
void cypher_quote_literal(struct buffer *buffer, const char *text);
/* "name", quotes inside doubled. */
void sql_quote_identifier(struct buffer *buffer, const char *name);
/* "schema"."name" */
void sql_quote_qualified(struct buffer *buffer, const char *schema, const char *name);
/* 'text', quotes inside doubled; with a backslash in it E'text', so that it does not depend on standard_conforming_strings. */
void sql_quote_literal(struct buffer *buffer, const char *text);

/* The same for replication commands, whose grammar knows no E'': backslashes stand for themselves. */
void sql_quote_replication_literal(struct buffer *buffer, const char *text);

#endif
