/*
 * Proves that a quoted name is one token that reads back as the name: by the rules of Cypher (backticks, \uXXXX before anything
 * else), of SQL, and of YAML; over chosen names and many random ones.
 */
#include "mapping/name.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME_MAX_SIZE 64
#define RANDOM_NAMES 20000

static uint64_t seed = 1;

static uint32_t random_below(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % bound;
}

/* Pieces that trouble quoting, glued together. */
static void random_name(char *name)
{
	static const char *const pieces[] = {"`",      "``",     "\\",   "\\\\", "\\u0060",  "\\u005C", "u0060",  "\"",
	                                     "'",      "''",     ";",    "--",   "/*",       "$$",      "${x}",   "\n",
	                                     " ",      "a",      "Z",    "0",    "_",        "\u00e9",  "\u6f22", "\U0001F600",
	                                     "\u2028", "\ufeff", "\x01", "\x7f", "\xc2\x85", ":",       "#",      "- ",
	                                     "null",   "{",      "]",    ","};
	uint32_t count = 1 + random_below(8);

	*name = '\0';
	for (uint32_t i = 0; i < count; i++)
		strcat(name, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
}

/* What Neo4j does first: \uXXXX anywhere becomes its character, unless the backslash is itself escaped. One byte is enough
 * here. */
static void decode_unicode(const char *text, char *ret_text)
{
	while (*text) {
		unsigned int character;

		if (sscanf(text, "\\u%4x", &character) == 1 && character < 0x80) {
			*ret_text++ = (char)character;
			text += 6;
		} else {
			*ret_text++ = *text++;
		}
	}
	*ret_text = '\0';
}

/* Reads one token between marks, doubled ones inside; NULL when it does not end with the text. */
static const char *read_token(const char *text, char mark, char *ret_name)
{
	char *at = ret_name;

	if (*text++ != mark)
		return NULL;
	for (;; text++) {
		if (!*text)
			return NULL;
		if (*text == mark && *++text != mark)
			break;
		*at++ = *text;
	}
	*at = '\0';
	return text;
}

static void check_cypher(const char *name)
{
	char decoded[4 * NAME_MAX_SIZE * 8], read[4 * NAME_MAX_SIZE * 8];
	struct buffer buffer;
	const char *end;

	buffer_init(&buffer, 65536);
	cypher_quote(&buffer, name);
	/* No backslash but those of \u005C: no decoder can make more of it. */
	for (const char *at = buffer_text(&buffer); *at; at++)
		if (*at == '\\')
			assert_memory_equal(at, "\\u005C", 6);
	/* The closing backtick must be found before decoding as well as after it. */
	end = read_token(buffer_text(&buffer), '`', read);
	assert_true(end && !*end);
	decode_unicode(read, decoded);
	assert_string_equal(decoded, name);
	buffer_free(&buffer);
}

static void check_sql(const char *name)
{
	char read[4 * NAME_MAX_SIZE * 8];
	struct buffer buffer;
	const char *end, *text;

	buffer_init(&buffer, 65536);
	sql_quote_identifier(&buffer, name);
	end = read_token(buffer_text(&buffer), '"', read);
	assert_true(end && !*end);
	assert_string_equal(read, name);
	buffer_reset(&buffer);
	sql_quote_literal(&buffer, name);
	text = buffer_text(&buffer);
	if (strchr(name, '\\')) {
		char *to = read;

		assert_int_equal(*text++, 'E');
		end = read_token(text, '\'', read);
		assert_true(end && !*end);
		/* In E'' a backslash is written twice. */
		for (const char *at = read; *at; at++) {
			if (*at == '\\')
				assert_int_equal(*++at, '\\');
			*to++ = *at;
		}
		*to = '\0';
	} else {
		end = read_token(text, '\'', read);
		assert_true(end && !*end);
	}
	assert_string_equal(read, name);
	buffer_free(&buffer);
}

static void test_cypher(void **state)
{
	static const char *const cases[][2] = {
	        {"Person", "`Person`"}, {"a`b", "`a``b`"},
	        {"\\", "`\\u005C`"},    {"\\u0060) DETACH DELETE n //", "`\\u005Cu0060) DETACH DELETE n //`"},
	        {"\u6f22", "`\u6f22`"},
	};
	struct buffer buffer;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buffer_init(&buffer, 1024);
		cypher_quote(&buffer, cases[i][0]);
		assert_string_equal(buffer_text(&buffer), cases[i][1]);
		buffer_free(&buffer);
	}
}

static void test_sql(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1024);
	sql_quote_qualified(&buffer, "pub\"lic", "Or.ders");
	assert_string_equal(buffer_text(&buffer), "\"pub\"\"lic\".\"Or.ders\"");
	buffer_reset(&buffer);
	sql_quote_literal(&buffer, "it's");
	assert_string_equal(buffer_text(&buffer), "'it''s'");
	buffer_reset(&buffer);
	sql_quote_literal(&buffer, "a\\'b");
	assert_string_equal(buffer_text(&buffer), "E'a\\\\''b'");
	buffer_free(&buffer);
}

static void test_random(void **state)
{
	char name[NAME_MAX_SIZE * 8];

	(void)state;
	for (uint32_t i = 0; i < RANDOM_NAMES; i++) {
		random_name(name);
		check_cypher(name);
		check_sql(name);
	}
}

static void check_name(void (*make)(struct buffer *, const char *), const char *from, const char *expected)
{
	struct buffer buffer;

	buffer_init(&buffer, 1024);
	make(&buffer, from);
	assert_string_equal(buffer_text(&buffer), expected);
	buffer_free(&buffer);
}

static void test_names(void **state)
{
	static const char *const labels[][2] = {
	        {"org_functions", "OrgFunction"},
	        {"people", "Person"},
	        {"children", "Child"},
	        {"categories", "Category"},
	        {"addresses", "Address"},
	        {"address", "Address"},
	        {"statuses", "Status"},
	        {"status", "Status"},
	        {"boxes", "Box"},
	        {"branches", "Branch"},
	        {"houses", "House"},
	        {"databases", "Database"},
	        {"heroes", "Hero"},
	        {"news", "News"},
	        {"analyses", "Analysis"},
	        {"series", "Series"},
	        {"bus", "Bus"},
	        {"users", "User"},
	        {"jtbd", "Jtbd"},
	        {"order-lines", "OrderLine"},
	        {"order lines", "OrderLine"},
	        {"OrderLines", "OrderLine"},
	        {"HTTPServers", "HttpServer"},
	        {"USERS", "User"},
	        {"pgbench_branches", "PgbenchBranch"},
	        {"\u00e9t\u00e9s", "\u00e9t\u00e9"},
	        {"2fa_tokens", "2faToken"},
	        {"!!", ""},
	};
	static const char *const types[][2] = {
	        {"team_members", "TEAM_MEMBERS"}, {"teamMembers", "TEAM_MEMBERS"}, {"team members", "TEAM_MEMBERS"}};
	static const char *const references[][2] = {
	        {"team_id", "TEAM"},          {"teamId", "TEAM"},
	        {"created_by", "CREATED_BY"}, {"id", "ID"},
	        {"manager_uuid", "MANAGER"},  {"billing_country", "BILLING_COUNTRY"},
	        {"parent_fk", "PARENT"},      {"TEAM_ID", "TEAM"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		check_name(name_label, labels[i][0], labels[i][1]);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		check_name(name_type, types[i][0], types[i][1]);
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		check_name(name_reference, references[i][0], references[i][1]);
}

static void test_yaml_words(void **state)
{
	static const char *const cases[][2] = {
	        {"name", "name"},          {"null", "\"null\""},
	        {"No", "\"No\""},          {"1a", "\"1a\""},
	        {"a b", "\"a b\""},        {"a\"\\", "\"a\\\"\\\\\""},
	        {"a\nb", "\"a\\u000Ab\""}, {"${x}", "\"$${x}\""},
	        {"\u200b", "\"\\u200B\""}, {"\U0001F600", "\"\U0001F600\""},
	};
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buffer_reset(&buffer);
		name_yaml(&buffer, cases[i][0], false);
		assert_string_equal(buffer_text(&buffer), cases[i][1]);
	}
	buffer_reset(&buffer);
	name_yaml(&buffer, "${x}", true);
	assert_string_equal(buffer_text(&buffer), "\"${x}\"");
	buffer_reset(&buffer);
	name_comment(&buffer, "a\nb\xff\x1b[2J", 100);
	assert_string_equal(buffer_text(&buffer), "a b??[2J");
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cypher), cmocka_unit_test(test_sql),        cmocka_unit_test(test_random),
	        cmocka_unit_test(test_names),  cmocka_unit_test(test_yaml_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
