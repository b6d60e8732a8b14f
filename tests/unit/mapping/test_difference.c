/*
 * Proves what is done to a graph when its mapping changes: a table of cases, each an old mapping, what happens to the
 * catalogue, and a new mapping. That a description reads back as what it was made of, that what it does not know makes a
 * difference, and that no other text is taken for one. That a difference is none once it is carried out.
 */
#include "fixture.h"
#include "golden.h"

#include "mapping/difference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "version: 1\npipeline: test\npostgres: {url: 'postgresql://db/app'}\nneo4j: {url: 'bolt://graph'}\n"
#define TEXT_MAX ((size_t)1024 * 1024)
#define WORDS_MAX 4

/* What the other tests have, and tables with several keys that a DELETE brings. */
static struct fixture *catalog__fixture(void)
{
	char *text = golden_read(GOLDEN_FOLDER, "catalog.txt");
	struct fixture *fixture;
	struct buffer more;

	buffer_init(&more, TEXT_MAX);
	buffer_printf(&more,
	              "%stable people identity=f\nid bigint pk\ncode text !\nnumber bigint !\nboss bigint\n"
	              "unique people_code code\nunique people_number number\n"
	              "table ratings identity=f\nrole_id bigint pk ->roles.id\nfunction_id bigint pk "
	              "->functions.id\nid bigint !\nsince date\nunique ratings_id id\n",
	              text);
	fixture = fixture_read(buffer_text(&more));
	buffer_free(&more);
	free(text);
	return fixture;
}

static struct plan *plan_of(const struct fixture *fixture, const char *yaml, struct buffer *output)
{
	struct plan *plan = NULL;
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	buffer_printf(&text, "%s%s", HEAD, yaml);
	if (fixture_compile(fixture, buffer_text(&text), &plan, output) != 0)
		fail_msg("%s", buffer_text(output));
	buffer_free(&text);
	return plan;
}

/* ---- the catalogue changes: "! column functions name title", "! table functions new", "! remade functions" ---- */

static struct catalog_table *table_named(struct fixture *fixture, const char *name)
{
	for (uint32_t i = 0; i < fixture->catalog.tables_count; i++)
		if (strcmp(fixture->tables[i].name, name) == 0)
			return &fixture->tables[i];
	fail_msg("no table %s", name);
	return NULL;
}

static void alter_column(struct fixture *fixture, struct catalog_table *table, const char *name, const char *renamed)
{
	for (uint32_t i = 0; i < FIXTURE_TABLES_MAX; i++)
		for (uint32_t j = 0; fixture->columns[i] == table->columns && j < table->columns_count; j++)
			if (strcmp(table->columns[j].name, name) == 0) {
				fixture->columns[i][j].name = arena_strdup(&fixture->catalog.arena, renamed);
				return;
			}
	fail_msg("no column %s", name);
}

static void alter(struct fixture *fixture, char *line)
{
	char *words[WORDS_MAX] = {0}, *at = line;
	struct catalog_table *table;

	for (size_t i = 0; i < WORDS_MAX; i++)
		words[i] = strsep(&at, " ");
	table = table_named(fixture, words[1]);
	if (strcmp(words[0], "column") == 0)
		alter_column(fixture, table, words[2], words[3]);
	else if (strcmp(words[0], "table") == 0)
		table->name = arena_strdup(&fixture->catalog.arena, words[2]);
	else if (strcmp(words[0], "remade") == 0)
		table->oid += 1000;
	else
		fail_msg("%s?", words[0]);
}

/* ---- a difference in words ---- */

static void print_names(struct buffer *output, const char *title, const struct plan *plan, const bool *which)
{
	bool any = false;

	for (uint32_t i = 0; i < plan->tables_count; i++)
		if (which[i]) {
			buffer_printf(output, "%s %s", any ? "" : title, plan->tables[i].name);
			any = true;
		}
	buffer_append_text(output, any ? "\n" : "");
}

static void print_key(struct buffer *output, const char *title, const struct difference_key *key)
{
	for (uint32_t i = 0; i < key->count; i++)
		buffer_printf(output, "%s%s", i ? ", " : title, key->names[i]);
}

static void print_step(const struct difference_step *step, struct buffer *output)
{
	buffer_printf(output, "%s: %s%s%s%s%s", difference_kind_name(step->kind), step->label ? step->label : "",
	              step->type ? " -" : "", step->type ? step->type : "", step->type ? "-> " : "",
	              step->end ? step->end : "");
	if (step->name)
		buffer_printf(output, ", %s", step->name);
	if (step->name_new)
		buffer_printf(output, " => %s%s", step->name_new, step->turned ? " turned" : "");
	print_key(output, ", with ", &step->key);
	print_key(output, ", without ", &step->key_new);
	for (uint32_t i = 0; i < step->except_count; i++)
		buffer_printf(output, ", but %s", step->except[i]);
	buffer_printf(output, "%s\n",
	              step->rekey.from_count    ? ", found by its ends"
	              : step->rekey.found_count ? ", found by its old key"
	                                        : "");
	if (step->words)
		buffer_printf(output, "  %s\n", step->words);
}

static void print_difference(const struct difference *difference, const struct plan *plan, struct buffer *output)
{
	for (uint32_t i = 0; i < difference->count; i++)
		print_step(difference->steps[i], output);
	print_names(output, "loads", plan, difference->load);
	print_names(output, "leaves out", plan, difference->skip);
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		if (difference->sweep_nodes[i])
			buffer_printf(output, "sweeps %s\n", plan->nodes[i].label);
	for (uint32_t i = 0; i < plan->edges_count; i++)
		if (difference->sweep_edges[i])
			buffer_printf(output, "sweeps %s\n", plan->edges[i]->words);
}

/* The list of descriptions grows as it does in the checkpoint. */
static void describe_after(const struct plan *plan, struct buffer *list)
{
	struct descriptions before;
	struct buffer longer;

	buffer_init(&longer, TEXT_MAX);
	assert_int_equal(descriptions_read(buffer_text(list), list->size, &before), 0);
	assert_int_equal(plan_describe_after(plan, &before, buffer_text(list), &longer), 0);
	arena_free(&before.arena);
	buffer_free(list);
	*list = longer;
}

static void difference_of(struct buffer *list, const struct plan *plan, struct buffer *output)
{
	struct descriptions from;
	struct difference difference;

	assert_int_equal(descriptions_read(buffer_text(list), list->size, &from), 0);
	assert_int_equal(mapping_difference(&from, plan, &difference), 0);
	print_difference(&difference, plan, output);
	difference_free(&difference);
	arena_free(&from.arena);
}

/* Mappings with "=>" lines between them; each but the last was begun, and the "!" lines behind one come after it. */
static void difference_case(void *user, const char *name, const char *input, struct buffer *output)
{
	struct fixture *fixture = catalog__fixture();
	char *copy = strdup(input), *at = copy, *line;
	struct buffer yaml, list;
	struct plan *plan = NULL;

	(void)user;
	(void)name;
	buffer_init(&yaml, TEXT_MAX);
	buffer_init(&list, TEXT_MAX);
	while ((line = strsep(&at, "\n"))) {
		if (strcmp(line, "=>") == 0) {
			plan = plan_of(fixture, buffer_text(&yaml), output);
			describe_after(plan, &list);
			plan_free(plan);
			buffer_reset(&yaml);
		} else if (line[0] == '!') {
			alter(fixture, line + 2);
		} else {
			buffer_printf(&yaml, "%s\n", line);
		}
	}
	fixture_finish(fixture);
	plan = plan_of(fixture, buffer_text(&yaml), output);
	difference_of(&list, plan, output);
	plan_free(plan);
	buffer_free(&yaml);
	buffer_free(&list);
	free(copy);
	fixture_free(fixture);
}

static void test_differences(void **state)
{
	(void)state;
	golden_check("difference.txt", difference_case, NULL);
}

/* ---- descriptions ---- */

static const char whole[] = "nodes:\n"
                            "  F: {table: functions, labels: [B, A], properties: {name: {case: upper}, key: id}}\n"
                            "  R: {table: roles, properties: {id: , budget: {as: float}, \"odd \\\"`name\": name}, "
                            "relationships: {TO: {to: R, column: manager_id}}}\n"
                            "relationships:\n"
                            "  J: {table: role_functions, from: {R: role_id}, to: {F: function_id}}\n"
                            "  G: {table: grants, from: {F: function_id}, to: {R: role_id}, properties: [since]}\n";

/* What is the same is no difference, and one that was carried out is none any more. */
static void test_no_difference(void **state)
{
	struct fixture *fixture = catalog__fixture();
	struct buffer list, output;
	struct plan *plan;

	(void)state;
	buffer_init(&list, TEXT_MAX);
	buffer_init(&output, TEXT_MAX);
	plan = plan_of(fixture, whole, &output);
	describe_after(plan, &list);
	difference_of(&list, plan, &output);
	assert_string_equal(buffer_text(&output), "");
	plan_free(plan);
	buffer_free(&list);
	buffer_free(&output);
	fixture_free(fixture);
}

static void test_round_trip(void **state)
{
	struct fixture *fixture = catalog__fixture();
	struct descriptions read;
	struct buffer list, output;
	struct plan *plan;

	(void)state;
	buffer_init(&list, TEXT_MAX);
	buffer_init(&output, TEXT_MAX);
	plan = plan_of(fixture, whole, &output);
	describe_after(plan, &list);
	assert_int_equal(descriptions_read(buffer_text(&list), list.size, &read), 0);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.items[0].nodes_count, plan->nodes_count);
	assert_int_equal(read.items[0].edges_count, plan->edges_count);
	for (uint32_t i = 0; i < plan->nodes_count; i++) {
		const struct described_node *node = &read.items[0].nodes[i];
		const struct plan_table *table = &plan->tables[plan->nodes[i].table];

		assert_string_equal(node->label, plan->nodes[i].label);
		assert_int_equal(node->table.oid, table->oid);
		assert_string_equal(node->table.name, table->name);
		assert_int_equal(node->labels_more_count, plan->nodes[i].labels_more_count);
		assert_int_equal(node->key.count, plan->nodes[i].key_count);
		assert_int_equal(node->properties.count, plan->nodes[i].properties_count);
		for (uint32_t j = 0; j < node->properties.count; j++) {
			const struct plan_property *property = &plan->nodes[i].properties[j];

			assert_string_equal(node->properties.items[j].name, property->name);
			assert_string_equal(node->properties.items[j].column, table->columns[property->column].name);
			assert_int_equal(node->properties.items[j].attnum, table->columns[property->column].attnum);
			assert_int_equal(node->properties.items[j].type.kind, property->type.kind);
			assert_int_equal(node->properties.items[j].type.numeric_as, property->type.numeric_as);
		}
		assert_string_equal(node->further, "{}");
	}
	arena_free(&read.arena);
	plan_free(plan);
	buffer_free(&list);
	buffer_free(&output);
	fixture_free(fixture);
}

/* A later version's description, of which this one does not know everything. */
static void test_further_fields(void **state)
{
	static const char *const places[] = {"{\"key\":", "{\"attnum\":"};
	struct fixture *fixture = catalog__fixture();

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct buffer list, later, output;
		struct plan *plan;
		const char *at;

		buffer_init(&list, TEXT_MAX);
		buffer_init(&later, TEXT_MAX);
		buffer_init(&output, TEXT_MAX);
		plan = plan_of(fixture, "nodes:\n  F: {table: functions}\n", &output);
		describe_after(plan, &list);
		at = strstr(buffer_text(&list), places[i]);
		assert_non_null(at);
		buffer_append(&later, list.data, (size_t)(at + 1 - list.data));
		buffer_append_text(&later, "\"a_later_thing\":{\"text\":\"a > 1\"},");
		buffer_append_text(&later, at + 1);
		difference_of(&later, plan, &output);
		assert_non_null(strstr(buffer_text(&output), "loads functions"));
		plan_free(plan);
		buffer_free(&list);
		buffer_free(&later);
		buffer_free(&output);
	}
	fixture_free(fixture);
}

static void test_what_is_no_description(void **state)
{
	static const char *const texts[] = {
	        "{}",
	        "[{}]",
	        "[1]",
	        "[[]]",
	        "[{\"nodes\":[],\"relationships\":{}}]",
	        "[{\"nodes\":[{}],\"relationships\":[]}]",
	        "[{\"nodes\":[1],\"relationships\":[]}]",
	        "[{\"nodes\":[{\"label\":\"\"}],\"relationships\":[]}]",
	        "[{\"nodes\":[],\"relationships\":[]}",
	        "[{\"nodes\":[],\"nodes\":[],\"relationships\":[]}]",
	        "[{\"nodes\":[{\"label\":\"L\",\"labels\":[],\"table\":{\"oid\":0,\"schema\":\"s\",\"name\":\"t\"},\"key\":[],"
	        "\"properties\":[]}],\"relationships\":[]}]",
	        "[{\"nodes\":[{\"label\":\"L\",\"labels\":[],\"table\":{\"oid\":1,\"schema\":\"s\",\"name\":\"t\"},\"key\":[],"
	        "\"properties\":[]}],\"relationships\":[]}]",
	};
	static const char with_nul[] = "[{\"nodes\":[],\"relationships\":[],\"version\":1\0}]";
	struct descriptions read;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(descriptions_read(texts[i], strlen(texts[i]), &read), ERR_PROTOCOL);
		arena_free(&read.arena);
	}
	/* a text with a NUL in it, where the JSON parser would not mind */
	assert_int_equal(descriptions_read(with_nul, sizeof(with_nul) - 1, &read), ERR_PROTOCOL);
	arena_free(&read.arena);
	assert_int_equal(descriptions_read("", 0, &read), 0);
	assert_int_equal(read.count, 0);
	arena_free(&read.arena);
}

/* Changes that were begun and not carried out do not pile up for ever. */
static void test_too_many(void **state)
{
	struct fixture *fixture = catalog__fixture();
	struct descriptions read;
	struct buffer list, longer, output;
	struct plan *plan;

	(void)state;
	buffer_init(&list, TEXT_MAX);
	buffer_init(&longer, TEXT_MAX);
	buffer_init(&output, TEXT_MAX);
	plan = plan_of(fixture, "nodes:\n  F: {table: functions}\n", &output);
	for (int i = 0; i < DESCRIPTIONS_MAX; i++)
		describe_after(plan, &list);
	assert_int_equal(descriptions_read(buffer_text(&list), list.size, &read), 0);
	assert_int_equal(plan_describe_after(plan, &read, buffer_text(&list), &longer), ERR_LIMIT);
	arena_free(&read.arena);
	plan_free(plan);
	buffer_free(&list);
	buffer_free(&longer);
	buffer_free(&output);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_differences),
	        cmocka_unit_test(test_no_difference),
	        cmocka_unit_test(test_round_trip),
	        cmocka_unit_test(test_further_fields),
	        cmocka_unit_test(test_what_is_no_description),
	        cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
