/*
 * Descriptions of mappings as a server may return them: whatever the bytes are, nothing breaks. What reads as a list can be
 * set against a plan, and each step says what it is about; with the plan's own description behind it the list reads again.
 */
#include "fixture.h"

#include "mapping/difference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char catalogue[] = "table functions rows=10\nid bigint pk\nname text !\nslug text\n"
                                "table roles\nid bigint pk\nname text\nbudget numeric\nfunction_id bigint ->functions.id\n"
                                "table role_functions\nrole_id bigint pk ->roles.id\nfunction_id bigint pk ->functions.id\n"
                                "score numeric\n"
                                "table grants\nid bigint pk\nrole_id bigint ! ->roles.id\nfunction_id bigint !\nsince date\n";
static const char yaml[] = "version: 1\npipeline: fuzz\npostgres: {url: 'postgresql://db/app'}\nneo4j: {url: 'bolt://graph'}\n"
                           "nodes:\n  F: {table: functions, labels: [A]}\n"
                           "  R: {table: roles, relationships: {IN: {to: F, column: function_id}}}\n"
                           "relationships:\n  J: {table: role_functions, from: {R: role_id}, to: {F: function_id}}\n"
                           "  G: {table: grants, from: {R: role_id}, to: {F: function_id}}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static const struct plan *the_plan(void)
{
	static struct plan *plan;
	struct fixture *fixture;
	struct buffer messages;

	if (plan)
		return plan;
	buffer_init(&messages, (size_t)1 << 20);
	fixture = fixture_read(catalogue);
	if (fixture_compile(fixture, yaml, &plan, &messages) != 0)
		abort();
	fixture_free(fixture);
	buffer_free(&messages);
	return plan;
}

static void check_step(const struct plan *plan, struct difference *difference, const struct difference_step *step)
{
	struct difference_step before;

	if (step->kind == DIFFERENCE_REFUSED) {
		if (!step->words || !difference_refused(difference))
			abort();
		return;
	}
	if (!step->label || !*step->label || (step->type && !step->end))
		abort();
	if (difference_when(step->kind) == DIFFERENCE_ROWS &&
	    (step->table < 0 || step->table >= plan->tables_count || !difference->load[step->table]))
		abort();
	if (difference_step_before(difference, step, &before) != 0 || !before.label)
		abort();
}

static void check_list(const struct plan *plan, const struct descriptions *read, const char *text)
{
	struct descriptions again;
	struct buffer list;
	int rc;

	buffer_init(&list, DESCRIPTIONS_SIZE_MAX);
	rc = plan_describe_after(plan, read, text, &list);
	if (rc != (read->count == DESCRIPTIONS_MAX ? ERR_LIMIT : 0))
		abort();
	if (rc == 0) {
		if (descriptions_read(list.data, list.size, &again) != 0 || again.count != read->count + 1)
			abort();
		arena_free(&again.arena);
	}
	buffer_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plan *plan = the_plan();
	struct descriptions read;
	struct difference difference;
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (descriptions_read(text, size, &read) == 0) {
		if (mapping_difference(&read, plan, &difference) == 0)
			for (uint32_t i = 0; i < difference.count; i++)
				check_step(plan, &difference, difference.steps[i]);
		difference_free(&difference);
		check_list(plan, &read, text);
	}
	arena_free(&read.arena);
	free(text);
	return 0;
}
