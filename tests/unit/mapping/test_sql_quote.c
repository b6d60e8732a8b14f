/* Proves: names and literals come out quoted as SQL wants it, on chosen and on random texts, by reading them back. */
#include "mapping/quote.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	const char *identifier;
	const char *literal;
	const char *replication;
} cases[] = {
        {"a", "\"a\"", "'a'", "'a'"},
        {"", "\"\"", "''", "''"},
        {"Order", "\"Order\"", "'Order'", "'Order'"},
        {"it's", "\"it's\"", "'it''s'", "'it''s'"},
        {"say \"hi\"", "\"say \"\"hi\"\"\"", "'say \"hi\"'", "'say \"hi\"'"},
        {"a\\b", "\"a\\b\"", "E'a\\\\b'", "'a\\b'"},
        {"\\'; DROP TABLE t; --", "\"\\'; DROP TABLE t; --\"", "E'\\\\''; DROP TABLE t; --'", "'\\''; DROP TABLE t; --'"},
        {"\"; --", "\"\"\"; --\"", "'\"; --'", "'\"; --'"},
        {"\xc3\xa4", "\"\xc3\xa4\"", "'\xc3\xa4'", "'\xc3\xa4'"},
};

static void test_cases(void **state)
{
	struct buffer buffer;
	size_t i;

	(void)state;
	buffer_init(&buffer, 1000);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buffer_reset(&buffer);
		sql_quote_identifier(&buffer, cases[i].text);
		assert_string_equal(buffer_text(&buffer), cases[i].identifier);
		buffer_reset(&buffer);
		sql_quote_literal(&buffer, cases[i].text);
		assert_string_equal(buffer_text(&buffer), cases[i].literal);
		buffer_reset(&buffer);
		sql_quote_replication_literal(&buffer, cases[i].text);
		assert_string_equal(buffer_text(&buffer), cases[i].replication);
	}
	buffer_reset(&buffer);
	sql_quote_qualified(&buffer, "my schema", "t\"x");
	assert_string_equal(buffer_text(&buffer), "\"my schema\".\"t\"\"x\"");
	buffer_free(&buffer);
}

/*
 * Reads one quoted text as PostgreSQL's lexer does; returns where it ends, which has to be the very end, or something got out
 * of its quotes.
 */
static const char *unquote(const char *at, struct buffer *ret_text)
{
	bool escapes = *at == 'E';
	char quote;

	at += escapes;
	quote = *at++;
	while (*at) {
		if (*at == quote && at[1] != quote)
			return at + 1;
		if (*at == quote || (escapes && *at == '\\'))
			at++;
		buffer_append_byte(ret_text, (uint8_t)*at++);
	}
	return NULL;
}

static void test_random(void **state)
{
	static void (*const quotes[])(struct buffer *, const char *) = {
	        sql_quote_identifier,
	        sql_quote_literal,
	        sql_quote_replication_literal,
	};
	struct buffer quoted, again;
	char text[33];
	int round;

	(void)state;
	srand48(5);
	buffer_init(&quoted, 1000);
	buffer_init(&again, 1000);
	for (round = 0; round < 100000; round++) {
		size_t size = (size_t)lrand48() % 32;
		size_t i;

		for (i = 0; i < size; i++)
			text[i] = (char)(lrand48() % 2 ? "'\"\\E x;-$"[lrand48() % 9] : 1 + lrand48() % 255);
		text[size] = '\0';
		buffer_reset(&quoted);
		buffer_reset(&again);
		quotes[round % 3](&quoted, text);
		assert_ptr_equal(unquote(buffer_text(&quoted), &again), quoted.data + quoted.size);
		assert_string_equal(buffer_text(&again), text);
	}
	buffer_free(&quoted);
	buffer_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cases),
	        cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
