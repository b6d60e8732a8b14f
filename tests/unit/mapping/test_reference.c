/*
 * Proves that docs/mapping.md and docs/pgweave.schema.json know just the keys that the parser knows, with the same meanings.
 * With PGWEAVE_GOLDEN_WRITE set in the environment both are written anew from the option table.
 */
#include "golden.h"

#include "mapping/options.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One for each kind; what is in the context of a section or an entry is "$ref"ed. */
static const char *const fragments[KINDS_COUNT] = {
        [KIND_VERSION] = "{\"const\": 1}",
        [KIND_STRING] = "{\"anyOf\": [{\"$ref\": \"#/$defs/word\"}, {\"$ref\": \"#/$defs/SECRET\"}]}",
        [KIND_PLAIN] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_PIPELINE] = "{\"type\": \"string\", \"pattern\": \"^([a-z][a-z0-9_]{0,47}|.*\\\\$\\\\{.*)$\"}",
        [KIND_SLOT] = "{\"type\": \"string\", \"pattern\": \"^([a-z0-9_]{1,63}|.*\\\\$\\\\{.*)$\"}",
        [KIND_BOOLEAN] = "{\"type\": \"boolean\"}",
        [KIND_INTEGER] = "{\"type\": \"integer\"}",
        [KIND_SIZE] = "{\"anyOf\": [{\"type\": \"integer\"}, {\"type\": \"string\", \"pattern\": \"^[0-9]+ "
                      "*(B|[kMGT]B|[KMGT]iB)?$\"}]}",
        [KIND_SECTION] = NULL,
        [KIND_NODES] = "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": {\"$ref\": \"#/$defs/NODE\"}}",
        [KIND_JOINS] =
                "{\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/$defs/JOIN\"}, "
                "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/JOIN\"}}]}}",
        [KIND_LINKS] =
                "{\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"anyOf\": [{\"$ref\": \"#/$defs/LINK\"}, "
                "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/LINK\"}}]}}",
        [KIND_TABLE] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_LABEL] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_NAME] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_UNUSED] = "{\"enum\": [\"remove\", \"keep\"]}",
        [KIND_LABELS] = "{\"anyOf\": [{\"$ref\": \"#/$defs/word\"}, {\"$ref\": \"#/$defs/CHOOSER\"}, {\"type\": \"array\", "
                        "\"items\": {\"anyOf\": [{\"$ref\": \"#/$defs/word\"}, {\"$ref\": \"#/$defs/CHOOSER\"}]}}]}",
        [KIND_CHOOSER] = "{\"$ref\": \"#/$defs/CHOOSER\"}",
        [KIND_VALUES] = "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": {\"$ref\": \"#/$defs/word\"}}",
        [KIND_ELEMENT_ID] = "{\"anyOf\": [{\"$ref\": \"#/$defs/word\"}, {\"$ref\": \"#/$defs/ELEMENT_ID\"}]}",
        [KIND_COLUMN] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_VALUE] = "{\"$ref\": \"#/$defs/word\"}",
        [KIND_COLUMNS] = "{\"$ref\": \"#/$defs/words\"}",
        [KIND_PROPERTIES] =
                "{\"anyOf\": [{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/word\"}}, {\"type\": \"object\", "
                "\"additionalProperties\": {\"anyOf\": [{\"type\": \"null\"}, {\"$ref\": \"#/$defs/word\"}, "
                "{\"$ref\": \"#/$defs/PROPERTY\"}]}}]}",
        [KIND_END] = "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, \"additionalProperties\": "
                     "{\"$ref\": \"#/$defs/words\"}}",
        [KIND_AS] = "{\"enum\": [\"text\", \"float\", \"integer\"]}",
        [KIND_LETTERS] = "{\"enum\": [\"lower\", \"upper\"]}",
        [KIND_EPOCH] = "{\"enum\": [\"seconds\", \"milliseconds\", \"microseconds\"]}",
        [KIND_FOLLOWING] = "{\"enum\": [\"follow\", \"stop\"]}",
        [KIND_DELETION] = "{\"enum\": [\"detach\", \"restrict\", \"tombstone\", \"keep\"]}",
        [KIND_MISSING_END] = "{\"enum\": [\"placeholder\", \"skip\", \"error\"]}",
        [KIND_MISSING] = "{\"enum\": [\"stop\", \"leave_out\"]}",
        [KIND_DECIMAL] =
                "{\"anyOf\": [{\"type\": \"number\"}, {\"type\": \"string\", \"pattern\": \"^-?[0-9]+(\\\\.[0-9]+)?$\"}]}",
        [KIND_PATH] = "{\"$ref\": \"#/$defs/words\"}",
        [KIND_CONDITION] = "{\"type\": \"string\"}",
        [KIND_HISTORY] = "{\"anyOf\": [{\"type\": \"boolean\"}, {\"$ref\": \"#/$defs/HISTORY\"}]}",
};

static const char *const context_names[] = {
#define X(name, heading) #name,
        MAPPING_CONTEXTS(X)
#undef X
};

static json_t *parse_json(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		fail_msg("%s in %s", error.text, text);
	return value;
}

static json_t *option_schema(const struct mapping_option *option)
{
	char reference[64];
	json_t *schema;

	if (option->kind == KIND_SECTION) {
		snprintf(reference, sizeof(reference), "{\"$ref\": \"#/$defs/%s\"}", context_names[option->section]);
		schema = parse_json(reference);
	} else {
		schema = parse_json(fragments[option->kind]);
	}
	if (option->kind == KIND_INTEGER) {
		json_object_set_new(schema, "minimum", json_integer((json_int_t)option->least));
		json_object_set_new(schema, "maximum", json_integer((json_int_t)option->most));
	}
	json_object_set_new(schema, "description", json_string(option->doc));
	return schema;
}

static json_t *context_schema(enum mapping_context context)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array();

	for (uint32_t i = 0; i < mapping_options_count; i++) {
		if (mapping_options[i].context != context)
			continue;
		json_object_set_new(properties, mapping_options[i].name, option_schema(&mapping_options[i]));
		if (mapping_options[i].required)
			json_array_append_new(required, json_string(mapping_options[i].name));
	}
	json_object_set_new(schema, "type", json_string("object"));
	json_object_set_new(schema, "properties", properties);
	json_object_set_new(schema, "required", required);
	json_object_set_new(schema, "additionalProperties", json_false());
	return schema;
}

static char *schema_text(void)
{
	json_t *schema = context_schema(CONTEXT_FILE), *all = json_object(), *definitions = json_object();
	struct buffer buffer;
	char *dumped, *text;

	json_object_set_new(all, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(all, "title", json_string("pgweave.yaml"));
	json_object_update(all, schema);
	json_object_set_new(definitions, "word", parse_json("{\"type\": [\"string\", \"number\", \"boolean\"]}"));
	json_object_set_new(definitions, "words",
	                    parse_json("{\"anyOf\": [{\"$ref\": \"#/$defs/word\"}, {\"type\": \"array\", \"items\": {\"$ref\": "
	                               "\"#/$defs/word\"}}]}"));
	for (uint32_t c = CONTEXT_FILE + 1; c < CONTEXTS_COUNT; c++)
		json_object_set_new(definitions, context_names[c], context_schema((enum mapping_context)c));
	json_object_set_new(all, "$defs", definitions);
	dumped = json_dumps(all, JSON_INDENT(2));
	buffer_init(&buffer, (size_t)1 << 20);
	buffer_printf(&buffer, "%s\n", dumped);
	text = strdup(buffer_text(&buffer));
	buffer_free(&buffer);
	free(dumped);
	json_decref(all);
	json_decref(schema);
	return text;
}

static void write_file(const char *file, const char *text)
{
	char path[4096];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", SOURCE_FOLDER, file);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static void test_schema(void **state)
{
	char *expected = schema_text();
	char *text;

	(void)state;
	if (getenv("PGWEAVE_GOLDEN_WRITE"))
		write_file("docs/pgweave.schema.json", expected);
	text = golden_read(SOURCE_FOLDER, "docs/pgweave.schema.json");
	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

/* The rows of all tables under the headings, in the order of the option table. */
static void test_manual(void **state)
{
	char *text = golden_read(SOURCE_FOLDER, "docs/mapping.md");
	const char *at = text;
	struct buffer row;
	uint32_t rows = 0;

	(void)state;
	buffer_init(&row, 65536);
	for (uint32_t i = 0; i < mapping_options_count; i++) {
		const char *found;

		buffer_reset(&row);
		mapping_option_row(&mapping_options[i], &row);
		found = strstr(at, buffer_text(&row));
		if (!found)
			fail_msg("docs/mapping.md lacks, or has not in this order:\n%s", buffer_text(&row));
		at = found + row.size;
	}
	/* And no row more: those of the key tables begin with a key in backticks. */
	for (const char *line = text; (line = strstr(line, "\n| `")) != NULL; line++)
		rows++;
	assert_int_equal(rows, mapping_options_count);
	buffer_free(&row);
	free(text);
}

/* The file's own form: every kind of value has a fragment, and a message that says what it is. */
static void test_kinds(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < mapping_options_count; i++) {
		const struct mapping_option *option = &mapping_options[i];

		assert_true(*mapping_kind_what(option->kind));
		assert_true(*option->doc);
		assert_true(option->kind == KIND_SECTION || fragments[option->kind]);
		assert_ptr_equal(mapping_option_find(option->context, option->name), option);
		if (option->kind == KIND_INTEGER || option->kind == KIND_SIZE)
			assert_true(option->least <= option->number && option->number <= option->most);
	}
	assert_null(mapping_option_find(CONTEXT_FILE, "url"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_schema),
	        cmocka_unit_test(test_manual),
	        cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
