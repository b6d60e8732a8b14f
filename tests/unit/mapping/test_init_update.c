/*
 * Proves that bringing a file up to date adds what is new in the catalogue, leaves every byte of a person's outside the notes
 * as it is, never brings back what a person has taken out, and comes to rest: over written cases and over many random
 * catalogues that grow.
 */
#include "fixture.h"
#include "golden.h"
#include "random.h"

#include "mapping/init.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "version: 1\npipeline: test\npostgres: {url: 'postgresql://db/app'}\nneo4j: {url: 'bolt://graph'}\n"
#define RANDOM_CATALOGUES 300
#define NOTES "# -- init's notes"

static void print_changes(const struct mapping_init_changes *changes, struct buffer *output)
{
	uint32_t count = 0;

	for (const struct mapping_init_change *change = changes->first; change; change = change->next, count++)
		buffer_printf(output, "%s: %s\n", change->kind, change->text);
	assert_int_equal(count, changes->count);
}

/* What the text becomes; what is wrong with it goes to output. */
static int update(const struct fixture *fixture, const char *text, struct buffer *yaml, struct buffer *output)
{
	const struct mapping_init_options options = {0};
	struct mapping_init_changes changes = {0};
	struct diagnostics diagnostics;
	struct mapping *mapping = NULL;
	struct error error = {0};
	int status;

	diagnostics_init(&diagnostics);
	status = mapping_parse("test.yaml", text, strlen(text), &fixture_environment, &mapping, &diagnostics);
	diagnostics_print(&diagnostics, output);
	diagnostics_free(&diagnostics);
	if (status)
		return status;
	status = mapping_init_update(mapping, &fixture->catalog, &options, yaml, &changes, &error);
	if (status)
		buffer_printf(output, "%s\n%s\n", error.text, error.hint);
	else
		print_changes(&changes, output);
	mapping_init_changes_free(&changes);
	mapping_free(mapping);
	return status;
}

/* The catalogue, %%, and the file without its head. */
static void update_case(void *user, const char *name, const char *input, struct buffer *output)
{
	char *catalogue = strdup(input);
	char *file = strstr(catalogue, "%%\n");
	struct fixture *fixture;
	struct buffer text, yaml, again;

	(void)user;
	(void)name;
	assert_non_null(file);
	*file = '\0';
	fixture = fixture_read(catalogue);
	buffer_init(&text, (size_t)1 << 20);
	buffer_init(&yaml, (size_t)1 << 20);
	buffer_init(&again, (size_t)1 << 20);
	buffer_printf(&text, "%s%s", HEAD, file + 3);
	if (update(fixture, buffer_text(&text), &yaml, output) == 0) {
		buffer_append_text(output, "...\n");
		buffer_append_text(output, buffer_text(&yaml) + strlen(HEAD));
		if (fixture_compile(fixture, buffer_text(&yaml), NULL, output) != 0)
			buffer_append_text(output, "DOES NOT COMPILE\n");
		buffer_reset(&text);
		assert_int_equal(update(fixture, buffer_text(&yaml), &again, &text), 0);
		assert_string_equal(buffer_text(&again), buffer_text(&yaml));
	}
	buffer_free(&again);
	buffer_free(&yaml);
	buffer_free(&text);
	fixture_free(fixture);
	free(catalogue);
}

static void test_written(void **state)
{
	(void)state;
	golden_check("update.txt", update_case, NULL);
}

/* Whether each line of the old text, up to its notes, stands in the new one, in the same order. */
static bool keeps_lines(const char *old, const char *new)
{
	const char *notes = strstr(old, NOTES);

	while (old < notes) {
		size_t size = strcspn(old, "\n") + 1;

		while (*new &&strncmp(old, new, size) != 0)
			new += strcspn(new, "\n") + 1;
		if (!*new)
			return false;
		new += size;
		old += size;
	}
	return true;
}

/* A catalogue grows: the file of the first fits the second once it is up to date, and then nothing more changes. */
static void check_growth(uint32_t number, uint32_t *written)
{
	const struct mapping_init_options options = {.neo4j_url = "bolt://graph"};
	struct fixture *before = random_catalogue(number, 0);
	struct fixture *after = random_catalogue(number, 2);
	struct buffer first, second, third, messages;
	struct error error = {0};

	buffer_init(&first, (size_t)1 << 22);
	buffer_init(&second, (size_t)1 << 22);
	buffer_init(&third, (size_t)1 << 22);
	buffer_init(&messages, (size_t)1 << 22);
	if (mapping_init(&before->catalog, &options, &first, &error) == 0) {
		++*written;
		if (update(after, buffer_text(&first), &second, &messages) != 0 ||
		    fixture_compile(after, buffer_text(&second), NULL, &messages) != 0)
			fail_msg("catalogue %u:\n%s\n%s", number, buffer_text(&messages), buffer_text(&second));
		if (!keeps_lines(buffer_text(&first), buffer_text(&second)))
			fail_msg("catalogue %u:\n%s\n---\n%s", number, buffer_text(&first), buffer_text(&second));
		buffer_reset(&messages);
		assert_int_equal(update(after, buffer_text(&second), &third, &messages), 0);
		assert_string_equal(buffer_text(&third), buffer_text(&second));
		assert_string_equal(buffer_text(&messages), "");
	}
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&third);
	buffer_free(&messages);
	fixture_free(before);
	fixture_free(after);
}

static void test_growth(void **state)
{
	uint32_t written = 0;

	(void)state;
	for (uint32_t i = 0; i < RANDOM_CATALOGUES; i++)
		check_growth(i, &written);
	assert_true(written > RANDOM_CATALOGUES / 2);
}

/* The text without the last node: without everything from its label to the next empty line. */
static char *without_last_node(const char *text, char *label, size_t size)
{
	const char *end = strstr(strstr(text, "\nnodes:\n"), "\n\n");
	const char *start = NULL;
	char *rest;

	for (const char *at = strstr(text, "\nnodes:\n") + 7; at < end; at += strcspn(at + 1, "\n") + 1)
		if (strncmp(at, "\n  ", 3) == 0 && at[3] != ' ' && at[3] != '#')
			start = at;
	if (!start)
		return NULL;
	snprintf(label, size, "%.*s", (int)strcspn(start + 1, "\n") + 1, start);
	rest = malloc(strlen(text) + 1);
	assert_non_null(rest);
	memcpy(rest, text, (size_t)(start - text));
	strcpy(rest + (start - text), end);
	return rest;
}

/* A node that nothing refers to is taken out: it does not come back, whatever else is new. */
static void test_removed(void **state)
{
	const struct mapping_init_options options = {.neo4j_url = "bolt://graph"};
	uint32_t removed = 0;

	(void)state;
	for (uint32_t i = 0; i < RANDOM_CATALOGUES; i++) {
		struct fixture *before = random_catalogue(i, 0);
		struct fixture *after = random_catalogue(i, 1);
		struct buffer first, second, messages;
		struct error error = {0};
		char label[256], *text = NULL;

		buffer_init(&first, (size_t)1 << 22);
		buffer_init(&second, (size_t)1 << 22);
		buffer_init(&messages, (size_t)1 << 22);
		if (mapping_init(&before->catalog, &options, &first, &error) == 0)
			text = without_last_node(buffer_text(&first), label, sizeof(label));
		if (text && fixture_compile(before, text, NULL, NULL) == 0) {
			removed++;
			if (update(after, text, &second, &messages) != 0 ||
			    fixture_compile(after, buffer_text(&second), NULL, &messages) != 0)
				fail_msg("catalogue %u:\n%s\n%s", i, buffer_text(&messages), buffer_text(&second));
			if (strstr(buffer_text(&second), label) && !strstr(buffer_text(&second), "# new: "))
				fail_msg("catalogue %u: %s came back\n%s", i, label, buffer_text(&second));
		}
		free(text);
		buffer_free(&first);
		buffer_free(&second);
		buffer_free(&messages);
		fixture_free(before);
		fixture_free(after);
	}
	assert_true(removed > RANDOM_CATALOGUES / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_written),
	        cmocka_unit_test(test_growth),
	        cmocka_unit_test(test_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
