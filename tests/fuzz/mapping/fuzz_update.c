/*
 * A mapping file brought up to date: whatever a person has made of it, what comes out can be read, fits the catalogue where the
 * file did, has all of the file's lines that it was not told to change, and is at rest: a second time nothing changes.
 */
#include "fixture.h"

#include "mapping/init.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char catalogue[] = "table functions rows=10\nid bigint pk\nname text !\nslug text\n"
                                "table roles\nid bigint pk\nname text\nbudget numeric\nfunction_id bigint ->functions.id\n"
                                "manager_id bigint ->roles.id?\nwhere_at complex\n"
                                "table role_functions\nrole_id bigint pk ->roles.id\nfunction_id bigint pk ->functions.id\n"
                                "score numeric\narea complex\n"
                                "table grants\nid uuid pk\nrole_id bigint ! ->roles.id\nfunction_id bigint !\nsince date\n"
                                "table lines\norder_id bigint pk\nline_no integer pk\nproduct text\n"
                                "table images\nid bigint pk\nowner_type text\nowner_id bigint\n"
                                "table log\nat timestamptz\n"
                                "table sales.functions\nid bigint pk\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses memory on some texts in single quotes that hold nothing but doubled ones. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

/* NULL where it is none. */
static struct mapping *parse(const char *text, size_t size)
{
	struct mapping *mapping = NULL;
	struct diagnostics diagnostics;

	diagnostics_init(&diagnostics);
	if (mapping_parse("fuzz.yaml", text, size, &fixture_environment, &mapping, &diagnostics) != 0)
		mapping = NULL;
	diagnostics_free(&diagnostics);
	return mapping;
}

static bool fits(const struct mapping *mapping, const struct catalog *catalog)
{
	struct diagnostics diagnostics;
	struct plan *plan = NULL;
	bool fine;

	diagnostics_init(&diagnostics);
	fine = mapping_compile(mapping, catalog, &plan, &diagnostics) == 0;
	diagnostics_free(&diagnostics);
	plan_free(plan);
	return fine;
}

static bool update(const struct mapping *mapping, const struct catalog *catalog, struct buffer *yaml)
{
	static struct mapping_init_pairs pairs;
	const struct mapping_init_options options = {.pairs = &pairs};
	struct mapping_init_changes changes;
	struct error error = {0};
	int status;

	mapping_init_find_pairs(catalog, &pairs);
	status = mapping_init_update(mapping, catalog, &options, yaml, &changes, &error);
	if (status && (!error.text[0] || status == ERR_NOMEM))
		abort();
	mapping_init_changes_free(&changes);
	return status == 0;
}

/* libfyaml 0.7.12 takes some endings that are no YAML, until something follows. The command refuses what does not read back. */
static bool can_be_followed(const struct mapping *mapping)
{
	struct mapping *followed;
	struct buffer text;
	size_t size;

	buffer_init(&text, (size_t)16 << 20);
	buffer_append_text(&text, mapping_text(mapping, &size));
	buffer_append_text(&text, "\nstream: {}\n");
	followed = parse(buffer_text(&text), text.size);
	buffer_free(&text);
	mapping_free(followed);
	return followed != NULL;
}

static void check(const struct mapping *mapping, const struct catalog *catalog, struct buffer *first)
{
	struct mapping *updated = parse(buffer_text(first), first->size);
	struct buffer second;

	if (!updated && can_be_followed(mapping))
		abort();
	if (!updated)
		return;
	if (fits(mapping, catalog) && !fits(updated, catalog))
		abort();
	buffer_init(&second, (size_t)16 << 20);
	if (!update(updated, catalog, &second) || strcmp(buffer_text(&second), buffer_text(first)) != 0)
		abort();
	buffer_free(&second);
	mapping_free(updated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture *fixture;
	struct mapping *mapping = parse((const char *)data, size);
	struct buffer first;

	if (!fixture)
		fixture = fixture_read(catalogue);
	if (!mapping)
		return 0;
	buffer_init(&first, (size_t)16 << 20);
	if (update(mapping, &fixture->catalog, &first))
		check(mapping, &fixture->catalog, &first);
	buffer_free(&first);
	mapping_free(mapping);
	return 0;
}
