/*
 * The way of a mapping file: text -> tree -> plan -> text, JSON and picture. Whatever the bytes are, nothing breaks, every
 * refusal has a diagnostic that prints, and a plan is whole.
 */
#include "fixture.h"

#include "mapping/quote.h"
#include "mapping/render.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char catalogue[] = "table functions rows=10\nid bigint pk\nname text !\nslug text\n"
                                "table roles\nid bigint pk\nname text\nbudget numeric\nfunction_id bigint ->functions.id\n"
                                "manager_id bigint ->roles.id?\nwhere_at point\n"
                                "table role_functions\nrole_id bigint pk ->roles.id\nfunction_id bigint pk ->functions.id\n"
                                "score numeric\n"
                                "table grants\nid uuid pk\nrole_id bigint ! ->roles.id\nfunction_id bigint !\nsince date\n"
                                "table lines\norder_id bigint pk\nline_no integer pk\nproduct text\n"
                                "table sales.functions\nid bigint pk\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses memory on some texts in single quotes that hold nothing but doubled ones. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static void check_quote(const char *name)
{
	struct buffer buffer;
	const char *text;
	size_t end;

	buffer_init(&buffer, (size_t)1 << 20);
	cypher_quote(&buffer, name);
	text = buffer_text(&buffer);
	end = strlen(text) - 1;
	if (text[0] != '`' || text[end] != '`')
		abort();
	for (size_t i = 1; i < end; i++) {
		if (text[i] == '`' && text[++i] != '`')
			abort();
		if (text[i] == '\\' && strncmp(text + i, "\\u005C", 6) != 0)
			abort();
	}
	buffer_free(&buffer);
}

static void check_plan(const struct plan *plan)
{
	struct buffer buffer;

	buffer_init(&buffer, (size_t)64 << 20);
	plan_render_text(plan, NULL, &buffer);
	buffer_reset(&buffer);
	if (plan_render_json(plan, NULL, &buffer) != 0 || strlen(plan->digest) != 32)
		abort();
	buffer_reset(&buffer);
	if (plan_render_svg(plan, &buffer) != 0)
		abort();
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		check_quote(plan->nodes[i].label);
	buffer_free(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture *fixture;
	struct mapping *mapping = NULL;
	struct diagnostics diagnostics;
	struct plan *plan = NULL;
	struct buffer messages;
	int status;

	if (!fixture)
		fixture = fixture_read(catalogue);
	diagnostics_init(&diagnostics);
	status = mapping_parse("fuzz.yaml", (const char *)data, size, &fixture_environment, &mapping, &diagnostics);
	if (!status)
		status = mapping_compile(mapping, &fixture->catalog, &plan, &diagnostics);
	if ((status == ERR_CONFIG || status == ERR_CATALOG) != (diagnostics.count > 0))
		abort();
	buffer_init(&messages, (size_t)1 << 20);
	diagnostics_print(&diagnostics, &messages);
	if (messages.failed)
		abort();
	if (plan)
		check_plan(plan);
	buffer_free(&messages);
	plan_free(plan);
	mapping_free(mapping);
	diagnostics_free(&diagnostics);
	return 0;
}
