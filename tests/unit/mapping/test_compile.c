/*
 * Proves that a mapping that does not fit the catalogue is refused, each kind with its place and what mends it; what the plan
 * of a good one is; that its digest follows what shapes the graph and nothing else.
 */
#include "fixture.h"
#include "golden.h"

#include "mapping/compile.h"
#include "mapping/condition.h"
#include "mapping/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "version: 1\npipeline: test\npostgres: {url: 'postgresql://db/app'}\nneo4j: {url: 'bolt://graph'}\n"

static struct fixture *catalog__fixture(void)
{
	char *text = golden_read(GOLDEN_FOLDER, "catalog.txt");
	struct fixture *fixture = fixture_read(text);

	free(text);
	return fixture;
}

/* A name that begins with ! is a whole file, any other stands behind the head. */
static void compile_case(void *user, const char *name, const char *input, struct buffer *output)
{
	struct buffer yaml;
	int status;

	buffer_init(&yaml, 1024 * 1024);
	buffer_printf(&yaml, "%s%s", *name == '!' ? "" : HEAD, input);
	status = fixture_compile(user, buffer_text(&yaml), NULL, output);
	buffer_printf(output, "%s\n", error_code_name(status));
	buffer_free(&yaml);
}

static void test_wrong_files(void **state)
{
	struct fixture *fixture = catalog__fixture();

	(void)state;
	golden_check("wrong.txt", compile_case, fixture);
	fixture_free(fixture);
}

static void test_misfits(void **state)
{
	struct fixture *fixture = catalog__fixture();

	(void)state;
	golden_check("misfits.txt", compile_case, fixture);
	fixture_free(fixture);
}

static void print_properties(struct buffer *output, const char *title, const struct plan_table *table,
                             const struct plan_property *properties, uint32_t count)
{
	static const char *const forms[] = {"", " as float", " as integer"};

	for (uint32_t i = 0; i < count; i++)
		buffer_printf(output, "  %s %s <- %s%s\n", properties[i].is_label ? "label of" : title, properties[i].name,
		              table ? table->columns[properties[i].column].name : type_kind_name(properties[i].type.kind),
		              forms[properties[i].type.numeric_as]);
	for (uint32_t i = 0; i < count; i++) {
		const struct concatenation *parts = properties[i].concatenation;

		for (uint32_t p = 0; parts && p < parts->count; p++)
			buffer_printf(output, "    %s of %s, behind '%s'\n", table->columns[parts->columns[p]].name,
			              properties[i].name, parts->separator);
	}
}

static void print_end(struct buffer *output, const char *title, const struct plan *plan, const struct plan_table *table,
                      const struct plan_end *end)
{
	buffer_printf(output, "  %s %s", title, plan->nodes[end->node].label);
	for (uint32_t i = 0; i < plan->nodes[end->node].key_count; i++)
		buffer_printf(output, " %s", table->columns[end->columns[i]].name);
	buffer_append_text(output, end->enforced ? " enforced\n" : "\n");
}

/* As SQL has it, and as a person reads it. */
static void print_where(struct buffer *output, const struct plan_table *table, const struct condition *where)
{
	if (!where)
		return;
	buffer_append_text(output, "  where ");
	condition_sql(output, where, table, "t.");
	buffer_append_text(output, "\n     or ");
	condition_words(output, where, table);
	buffer_append_byte(output, '\n');
}

/* Everything in the plan. */
static void print_plan(const struct plan *plan, struct buffer *output)
{
	static const char *const kinds[] = {"foreign key", "join by ends", "join by key"};

	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct plan_table *table = &plan->tables[i];

		assert_int_equal(table->index, i);
		assert_int_equal(plan_table_by_oid(plan, table->oid), i);
		buffer_printf(output, "table %s.%s (", table->schema, table->name);
		for (uint32_t c = 0; c < table->columns_count; c++)
			buffer_printf(output, "%s%s", c == table->key_count ? " | " : c ? " " : "", table->columns[c].name);
		buffer_printf(output, ") node %s, %u edges\n", table->node ? table->node->label : "none", table->edges_count);
		print_where(output, table, table->where);
	}
	for (uint32_t i = 0; i < plan->nodes_count; i++) {
		const struct plan_node *node = &plan->nodes[i];
		const struct plan_table *table = plan_node_is_value(node) ? NULL : &plan->tables[node->table];

		assert_true(!table || table->node == node);
		buffer_printf(output, "%s %s", table ? "node" : node->keep ? "kept value" : "value", node->label);
		for (uint32_t l = 0; l < node->labels_more_count; l++)
			buffer_printf(output, " :%s", node->labels_more[l]);
		buffer_printf(output, "%s\n", node->may_be_placeholder ? " (may be a placeholder)" : "");
		print_where(output, table, node->where);
		if (plan_node_waits(node))
			buffer_printf(output, "  missing %s\n", plan_missing_names[node->missing]);
		if (node->deleted_label)
			buffer_printf(output, "  on delete %s :%s\n", plan_on_delete_names[node->on_delete],
			              node->deleted_label);
		for (uint32_t l = 0; l < node->labels_chosen_count; l++) {
			buffer_printf(output, "  label %s\n", node->labels_chosen[l].name);
			print_where(output, table, node->labels_chosen[l].where);
		}
		print_properties(output, "key", table, node->key, node->key_count);
		print_properties(output, "property", table, node->properties, node->properties_count);
		if (node->element_id && node->element_id->column)
			buffer_printf(output, "  element id -> column %s\n", node->element_id->column);
		else if (node->element_id)
			buffer_printf(output, "  element id -> %s.%s\n", node->element_id->schema, node->element_id->table);
	}
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];
		const struct plan_table *table = &plan->tables[edge->table];

		assert_int_equal(edge->index, i);
		buffer_printf(output, "edge %s, %s%s\n", edge->words, kinds[edge->kind], edge->each ? " of each element" : "");
		print_where(output, table, edge->where);
		if (edge->mine)
			print_where(output, table, edge->mine);
		print_end(output, "from", plan, table, &edge->from);
		print_end(output, "to", plan, table, &edge->to);
		if (edge->history)
			buffer_printf(output, "  history %s %s %s\n", edge->history->from, edge->history->to,
			              edge->history->version);
		print_properties(output, "key", table, edge->key, edge->key_count);
		print_properties(output, "property", table, edge->properties, edge->properties_count);
	}
	for (uint32_t i = 0; i < plan->left_out_count; i++)
		buffer_printf(output, "left out: %s\n", plan->left_out[i]);
}

static void plan_case(void *user, const char *name, const char *input, struct buffer *output)
{
	struct plan *plan = NULL;
	struct buffer yaml;

	(void)name;
	buffer_init(&yaml, 1024 * 1024);
	buffer_printf(&yaml, "%s%s", HEAD, input);
	if (fixture_compile(user, buffer_text(&yaml), &plan, output) == 0)
		print_plan(plan, output);
	plan_free(plan);
	buffer_free(&yaml);
}

static void test_plans(void **state)
{
	struct fixture *fixture = catalog__fixture();

	(void)state;
	golden_check("plans.txt", plan_case, fixture);
	fixture_free(fixture);
}

static void digest_of(const struct fixture *fixture, const char *yaml, char ret_digest[33])
{
	struct plan *plan = NULL;
	struct buffer messages;

	buffer_init(&messages, 65536);
	if (fixture_compile(fixture, yaml, &plan, &messages) != 0)
		fail_msg("%s", buffer_text(&messages));
	buffer_free(&messages);
	assert_int_equal(strlen(plan->digest), 32);
	strcpy(ret_digest, plan->digest);
	plan_free(plan);
}

static void test_digest(void **state)
{
	static const char base[] = HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	                                "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n";
	/* Another look, another server, another order: the same graph. */
	static const char *const same[] = {
	        "# a comment\n" HEAD "nodes:\n  D:\n    relationships:\n      IN: {column: function_id, to: F}\n"
	        "    table: public.departments\n\n  F:\n    properties: {slug: , name: name} # here too\n    table: "
	        "functions\n",
	        "version: 1\npipeline: test\npostgres: {url: 'postgresql://other/app'}\nneo4j: {url: 'neo4j://other'}\n"
	        "stream: {batch_rows: 7}\n"
	        "nodes:\n  F: {table: functions, properties: [slug, name, id]}\n"
	        "  D: {table: departments, except: [], relationships: {IN: {to: F, columns: [function_id]}}}\n",
	};
	static const char *const other[] = {
	        HEAD "nodes:\n  F: {table: functions, properties: [name]}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug], element_id: {table: a.b}}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	             "  D: {table: departments, properties: [], element_id: name, relationships: {IN: {to: F, column: "
	             "function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, where: slug IS NULL, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id, where: id > 1}}}\n",
	        HEAD "nodes:\n  F: {table: functions, labels: X, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: {name: slug, slug: name}}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: {name: {concat: [name]}, slug: }}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: {name: {concat: [name], separator: x}, slug: }}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: {name: {concat: [name, slug]}, slug: }}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: {name: {concat: [slug, name]}, slug: }}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {IN: {from: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {IN: {to: F, column: function_id, history: true}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	             "  D: {table: departments, relationships: {ON: {to: F, column: function_id}}}\n",
	        HEAD "nodes:\n  F: {table: functions, properties: [name, slug]}\n  D: {table: departments}\n",
	        "version: 1\npipeline: other\npostgres: {url: x}\nneo4j: {url: 'bolt://x'}\n"
	        "nodes:\n  F: {table: functions, properties: [name, slug]}\n"
	        "  D: {table: departments, relationships: {IN: {to: F, column: function_id}}}\n",
	};
	struct fixture *fixture = catalog__fixture();
	char expected[33], digest[33];

	(void)state;
	digest_of(fixture, base, expected);
	/* Kept in graphs: a change of this value makes every existing graph look like another mapping's. */
	assert_string_equal(expected, "5374314584e211f68b0157af1e940dfb");
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		digest_of(fixture, same[i], digest);
		assert_string_equal(digest, expected);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		char before[33];

		digest_of(fixture, other[i], digest);
		assert_string_not_equal(digest, expected);
		if (i) {
			digest_of(fixture, other[i - 1], before);
			assert_string_not_equal(digest, before);
		}
	}
	fixture_free(fixture);
}

static void words_of(const char *yaml, char digest[MAPPING_DIGEST_SIZE])
{
	struct mapping *mapping = NULL;
	struct diagnostics diagnostics;

	diagnostics_init(&diagnostics);
	assert_int_equal(mapping_parse("pgweave.yaml", yaml, strlen(yaml), &fixture_environment, &mapping, &diagnostics), 0);
	assert_int_equal(mapping_words_digest(mapping, digest), 0);
	assert_int_equal(strlen(digest), MAPPING_DIGEST_SIZE - 1);
	mapping_free(mapping);
	diagnostics_free(&diagnostics);
}

/* The file's own words, whatever the tables are like. */
static void test_words_digest(void **state)
{
	static const char base[] = HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	                                "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n";
	static const char same[] = "version: 1\npipeline: other\npostgres: {url: x}\nneo4j: {url: 'bolt://x'}\n"
	                           "stream: {missing_columns: leave_out}\n"
	                           "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n"
	                           "nodes:\n  B: {table: u}\n  A: {except: x, table: t} # a comment\n";
	static const char *const other[] = {
	        HEAD "nodes:\n  A: {table: t}\n  B: {table: u, except: [x]}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u, properties: []}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: s.u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: b}, to: {B: a}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: {p: {case: lower}}}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: {p: {concat: [p]}}}\n",
	        HEAD
	        "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	        "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: {p: {concat: [p], separator: q}}}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x], key: k}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u, relationships: {L: {to: A, column: c}}}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x], element_id: y}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x], element_id: {table: y}}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x], where: y}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x], labels: {column: y, values: {z: Z}}}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p]}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p], where: y}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p], type: {column: y}}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p], history: true}\n",
	        HEAD "nodes:\n  A: {table: t, except: [x]}\n  B: {table: u}\n"
	             "relationships:\n  R: {table: j, from: {A: a}, to: {B: b}, properties: [p], history: {to: until}}\n",
	};
	char expected[MAPPING_DIGEST_SIZE], digest[MAPPING_DIGEST_SIZE];

	(void)state;
	words_of(base, expected);
	/* Kept in graphs: with another value every changed table looks like a changed file. */
	assert_string_equal(expected, "6215001f6b7fc63bdc545601aa785c00");
	words_of(same, digest);
	assert_string_equal(digest, expected);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		words_of(other[i], digest);
		assert_string_not_equal(digest, expected);
	}
}

static void test_order(void **state)
{
	/* 0 needs 1, 1 needs 2, 2 needs 1 (a cycle), 3 needs itself */
	static const struct order_need needs[] = {{0, 1}, {1, 2}, {2, 1}, {3, 3}};
	uint32_t order[4];

	(void)state;
	assert_int_equal(mapping__order(4, needs, 4, order), 0);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 0);
	assert_int_equal(order[3], 3);
	assert_int_equal(mapping__order(0, NULL, 0, order), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_misfits),      cmocka_unit_test(test_plans),
	        cmocka_unit_test(test_digest),      cmocka_unit_test(test_words_digest), cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
