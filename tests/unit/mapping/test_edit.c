/*
 * Proves that a text of YAML can be added to in every shape that it may have, lines and braces, comments and odd ends, and that
 * all else in it stays as it is.
 */
#include "golden.h"

#include "mapping/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The text with an entry added to the collection under a/b, where the text has one, else under a. */
static void add(const char *input, struct buffer *output)
{
	const struct source source = {.file = "t.yaml", .text = input, .size = strlen(input)};
	struct diagnostics diagnostics;
	const struct yaml_node *root, *a, *b;
	struct arena arena;
	struct edit edit;
	int status;

	arena_init(&arena, (size_t)1 << 24);
	diagnostics_init(&diagnostics);
	root = yaml_read(&source, &arena, &diagnostics, &status);
	if (status)
		fail_msg("%s: %s", input, diagnostics.items[0].message);
	a = edit_find(root, "a");
	assert_non_null(a);
	b = edit_find(a, "b");
	b = b ? b : a;
	edit_init(&edit, &source, &arena);
	if (b->kind == YAML_SEQUENCE)
		edit_add(&edit, b, "- new   # it is\n", "new");
	else
		edit_add(&edit, b, "new:\n  x: y\n", "new: {x: y}");
	assert_int_equal(edit_apply(&edit, output), 0);
	diagnostics_free(&diagnostics);
	arena_free(&arena);
}

/* "A\n" stands for the end of the file without a newline when the case says so; \r is written as %. */
static void edit_case(void *user, const char *name, const char *input, struct buffer *output)
{
	char text[4096];
	size_t size = 0;

	(void)user;
	for (const char *at = input; *at; at++)
		text[size++] = *at == '%' ? '\r' : *at;
	if (strstr(name, "no newline"))
		size--;
	text[size] = '\0';
	add(text, output);
	for (size_t i = 0; i < output->size; i++)
		if (output->data[i] == '\r')
			output->data[i] = '%';
}

static void test_shapes(void **state)
{
	(void)state;
	golden_check("edit.txt", edit_case, NULL);
}

/* Changes come in the order of their places, those at one place in the order in which they were made. */
static void test_order(void **state)
{
	const struct source source = {.file = "t.yaml", .text = "one\ntwo\n", .size = 8};
	struct buffer output;
	struct arena arena;
	struct edit edit;

	(void)state;
	arena_init(&arena, (size_t)1 << 20);
	buffer_init(&output, 1024);
	edit_init(&edit, &source, &arena);
	edit_replace(&edit, 4, 7, "2");
	edit_lines_before(&edit, 5, 2, "# first\n");
	edit_lines_before(&edit, 4, 2, "# second\n");
	edit_replace(&edit, 0, 0, "[");
	edit_replace_lines(&edit, 8, 8, "end\n");
	assert_int_equal(edit_apply(&edit, &output), 0);
	assert_string_equal(buffer_text(&output), "[one\n  # first\n  # second\n2\nend\n");
	buffer_free(&output);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_shapes),
	        cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
