#include "change/conversion.h"

#include "base/buffer.h"
#include "change/value.h"
#include "mapping/compile.h"
#include "mapping/quote.h"

#include <inttypes.h>
#include <string.h>

#define refuse(compiler, place, ...) diagnostic_add((compiler)->diagnostics, (compiler)->source, place, __VA_ARGS__)
#define expect(compiler, ...) diagnostic_expect((compiler)->diagnostics, __VA_ARGS__)

#define CONSTANT_MEMORY_MAX ((size_t)64 * 1024)

static bool is_converted(const struct mapping_property *named)
{
	return named->constant || named->path.count || named->trim || named->letters.word.text || named->split ||
	       named->scale.word.text || named->epoch.word.text;
}

bool mapping__is_as_it_is(const struct mapping_property *named)
{
	return !named->as.word.text && !is_converted(named);
}

bool mapping__is_of_column(const struct mapping_property *named, const char *column)
{
	return !named->constant && !named->concat.name.text && strcmp(named->column.text, column) == 0;
}

bool mapping__comes_from(const struct mapping_property *named, const char *column)
{
	return mapping__words_have(&named->concat, column) || mapping__is_of_column(named, column);
}

static bool is_number(const struct type *type)
{
	return !type->array && (type->kind == TYPE_INT || type->kind == TYPE_FLOAT || type->kind == TYPE_NUMERIC);
}

static bool is_moment(const struct type *type)
{
	return !type->array && (type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP || type->kind == TYPE_TIMESTAMPTZ);
}

/* The constant, read once here so that it cannot fail later. */
static bool check_constant(struct compiler *compiler, const struct mapping_property *named, struct resolved_property *property)
{
	static const enum type_kind kinds[] = {
	        [NUMERIC_AS_TEXT] = TYPE_TEXT, [NUMERIC_AS_FLOAT] = TYPE_FLOAT, [NUMERIC_AS_INTEGER] = TYPE_INT};
	struct arena arena;
	struct value value;
	struct error error;
	int rc;

	property->type = (struct type){.kind = kinds[named->as.index]};
	arena_init(&arena, CONSTANT_MEMORY_MAX);
	rc = value_from_text(&property->type, named->constant, strlen(named->constant), &arena, &value, &error);
	arena_free(&arena);
	if (rc == 0)
		return true;
	refuse(compiler, named->name.place, "the value of \"%s\" is %s", named->name.text, error.text);
	expect(compiler, "one that fits \"as: %s\"", named->as.word.text);
	return false;
}

/* What a path into an hstore cannot be, or what cannot follow. */
static const char *wrong_key(const struct mapping_property *named, const char **ret_expected)
{
	bool number = named->as.word.text && named->as.index != NUMERIC_AS_TEXT;

	if (named->path.count > 1) {
		*ret_expected = "one key; one with a dot in it as a list: path: [\"a.b\"]";
		return "path";
	}
	*ret_expected = "\"as: float\" or \"as: integer\" beside it: the values of an hstore are texts";
	if (named->scale.word.text && !number)
		return "scale";
	return named->epoch.word.text && !number ? "epoch" : NULL;
}

/* Which step needs what. */
static const char *wrong_step(const struct mapping_property *named, const struct type *type, const char **ret_expected)
{
	bool path = named->path.count != 0;

	if (path && type->pairs)
		return wrong_key(named, ret_expected);
	if (path && (type->kind != TYPE_JSON || type->array)) {
		*ret_expected = "a column of json, jsonb or hstore";
		return "path";
	}
	*ret_expected = "a column of text, or a path that leads to one";
	if (!path && type->kind != TYPE_TEXT && (named->trim || named->letters.word.text))
		return named->trim ? "trim" : "case";
	if (named->split && !path && (type->kind != TYPE_TEXT || type->array))
		return "split";
	*ret_expected = "a column that is a number, or a path that leads to one";
	if (named->scale.word.text && !path && !is_number(type))
		return "scale";
	*ret_expected = "a number, a date or a timestamp, or a path that leads to a number";
	if (named->epoch.word.text && !path && !is_number(type) && !is_moment(type))
		return "epoch";
	return NULL;
}

static const char *const *keep_path(struct compiler *compiler, const struct words *path)
{
	const char **steps = mapping__compile_calloc(compiler, path->count, sizeof(*steps));

	for (uint32_t i = 0; steps && i < path->count; i++)
		steps[i] = path->items[i].text;
	return steps;
}

/* as of a path; a column's own `as` has been seen to */
static enum conversion_as path_as(const struct mapping_property *named)
{
	static const enum conversion_as forms[] = {[NUMERIC_AS_TEXT] = CONVERT_AS_TEXT,
	                                           [NUMERIC_AS_FLOAT] = CONVERT_AS_FLOAT,
	                                           [NUMERIC_AS_INTEGER] = CONVERT_AS_INTEGER};

	return named->as.word.text ? forms[named->as.index] : CONVERT_AS_IT_IS;
}

bool mapping__conversion(struct compiler *compiler, const struct mapping_property *named, struct resolved_property *property)
{
	struct conversion *conversion;
	const char *expected, *wrong;

	if (!is_converted(named))
		return true;
	if (named->constant && !check_constant(compiler, named, property))
		return false;
	wrong = wrong_step(named, &property->type, &expected);
	if (wrong) {
		refuse(compiler, named->name.place, "\"%s\" of \"%s\" does not fit %s", wrong, named->name.text,
		       named->constant         ? "a constant"
		       : property->parts.count ? "a text of several columns"
		                               : property->column->type_name);
		expect(compiler, "%s", expected);
		return false;
	}
	conversion = mapping__compile_calloc(compiler, 1, sizeof(*conversion));
	if (!conversion)
		return false;
	*conversion = (struct conversion){
	        .constant = named->constant,
	        .path = named->path.count ? keep_path(compiler, &named->path) : NULL,
	        .path_count = named->path.count,
	        .pairs = named->path.count && property->type.pairs,
	        .as = path_as(named),
	        .trim = named->trim,
	        .letters = named->letters.word.text ? (enum conversion_letters)(named->letters.index + LETTERS_LOWER)
	                                            : LETTERS_KEEP,
	        .split = named->split,
	        .scale_mantissa = named->scale.mantissa,
	        .scale_decimals = named->scale.decimals,
	        .epoch = named->epoch.word.text ? (enum conversion_epoch)(named->epoch.index + EPOCH_SECONDS) : EPOCH_NONE,
	};
	if (property->type.kind == TYPE_NUMERIC && (conversion->scale_mantissa || conversion->epoch != EPOCH_NONE) &&
	    property->type.numeric_as == NUMERIC_AS_TEXT)
		property->type.numeric_as = NUMERIC_AS_FLOAT;
	property->type.conversion = conversion;
	return true;
}

const struct conversion *mapping__conversion_copy(const struct conversion *conversion, struct arena *arena)
{
	struct conversion *copy = arena_alloc(arena, sizeof(*copy));
	const char **path;

	if (!copy)
		return NULL;
	*copy = *conversion;
	path = arena_calloc(arena, conversion->path_count, sizeof(*path));
	for (uint32_t i = 0; path && i < conversion->path_count; i++) {
		path[i] = arena_strdup(arena, conversion->path[i]);
		if (!path[i])
			return NULL;
	}
	copy->path = path;
	copy->constant = conversion->constant ? arena_strdup(arena, conversion->constant) : NULL;
	copy->split = conversion->split ? arena_strdup(arena, conversion->split) : NULL;
	if ((conversion->path_count && !path) || !copy->constant != !conversion->constant || !copy->split != !conversion->split)
		return NULL;
	return copy;
}

void mapping_concatenation_words(struct buffer *buffer, const struct plan_table *table,
                                 const struct concatenation *concatenation)
{
	for (uint32_t i = 0; i < concatenation->count; i++) {
		if (i && *concatenation->separator) {
			buffer_append_byte(buffer, ' ');
			sql_quote_literal(buffer, concatenation->separator);
		}
		buffer_printf(buffer, " %s", table->columns[concatenation->columns[i]].name);
	}
}

/* Unambiguous, since the digest is made of it: what a person wrote comes with its length. */
void mapping_conversion_words(struct buffer *buffer, const struct conversion *conversion)
{
	static const char *const as[] = {"", " as text", " as float", " as integer"};
	static const char *const letters[] = {"", " case lower", " case upper"};
	static const char *const epochs[] = {"", " epoch seconds", " epoch milliseconds", " epoch microseconds"};

	if (conversion->constant)
		buffer_printf(buffer, " value(%zu) %s", strlen(conversion->constant), conversion->constant);
	for (uint32_t i = 0; i < conversion->path_count; i++)
		buffer_printf(buffer, " path(%zu) %s", strlen(conversion->path[i]), conversion->path[i]);
	buffer_append_text(buffer, conversion->path_count ? as[conversion->as] : "");
	buffer_append_text(buffer, conversion->trim ? " trim" : "");
	buffer_append_text(buffer, letters[conversion->letters]);
	if (conversion->split)
		buffer_printf(buffer, " split(%zu) %s", strlen(conversion->split), conversion->split);
	if (conversion->scale_mantissa)
		buffer_printf(buffer, " scale %" PRId64 "e-%u", conversion->scale_mantissa, conversion->scale_decimals);
	buffer_append_text(buffer, epochs[conversion->epoch]);
}
