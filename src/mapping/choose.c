#include "mapping/compile.h"

#include "mapping/name.h"

#include <string.h>

/* The choice of that name, made where there is none. */
static struct resolved_choice *choose__named(struct resolved_choices *choices, const struct word *name)
{
	struct resolved_choice *choice;

	for (uint32_t i = 0; i < choices->count; i++)
		if (strcmp(choices->items[i].name.text, name->text) == 0)
			return &choices->items[i];
	choice = &choices->items[choices->count++];
	choice->name = *name;
	return choice;
}

static bool choose__add(struct compiler *compiler, const struct catalog_table *table, struct resolved_choices *choices,
                        const struct word *value, const struct word *name)
{
	const struct condition *equal;
	struct resolved_choice *choice;

	if (!mapping__condition_equal(compiler, table, choices->column, value, &equal))
		return false;
	choice = choose__named(choices, name);
	choice->single = !choice->where;
	choice->where = mapping__condition_pair(compiler, CONDITION_OR, choice->where, equal);
	return choice->where != NULL;
}

/* Without `values` the enum's own values are the names. */
static bool choose__enum(struct compiler *compiler, const struct catalog_table *table, const struct mapping_chooser *chooser,
                         struct resolved_choices *choices)
{
	const struct catalog_column *column = choices->column;
	bool fine = column->enum_labels_count != 0;

	if (!fine) {
		diagnostic_add(compiler->diagnostics, compiler->source, chooser->name.place,
		               "the values of \"%s\" (%s) are not known", column->name, column->type_name);
		diagnostic_expect(compiler->diagnostics, "values: {value: name, ...}; only an enum needs none");
	}
	for (uint32_t i = 0; i < column->enum_labels_count && fine; i++) {
		const struct word word = {column->enum_labels[i], chooser->name.place};

		if (!*word.text || name_is_reserved(word.text)) {
			diagnostic_add(compiler->diagnostics, compiler->source, chooser->name.place,
			               "the value '%s' of \"%s\" is no name", word.text, column->name);
			diagnostic_expect(compiler->diagnostics, "values: {value: name, ...}");
			return false;
		}
		fine = choose__add(compiler, table, choices, &word, &word);
	}
	return fine;
}

/* NULL when every value is one of those named. */
static const struct condition *choose__other(struct compiler *compiler, const struct catalog_table *table,
                                             const struct resolved_choices *choices, bool all)
{
	const struct condition *any = NULL, *null = NULL;

	if (!choices->column->not_null)
		null = mapping__condition_is_null(compiler, table, choices->column);
	if (all)
		return null;
	for (uint32_t i = 0; i < choices->count; i++)
		any = mapping__condition_pair(compiler, CONDITION_OR, any, choices->items[i].where);
	return mapping__condition_pair(compiler, CONDITION_OR, null,
	                               mapping__condition_pair(compiler, CONDITION_NOT, any, NULL));
}

bool mapping__choices(struct compiler *compiler, const struct catalog_table *table, const struct mapping_chooser *chooser,
                      struct resolved_choices *choices)
{
	const struct catalog_column *column = mapping__column(compiler, table, &chooser->column);
	uint32_t most;
	bool fine = true;

	*choices = (struct resolved_choices){.column = column};
	if (!column)
		return false;
	if (chooser->prefix.text) {
		diagnostic_add(compiler->diagnostics, compiler->source, chooser->prefix.place,
		               "a \"prefix\" makes labels of values, and this is a type");
		diagnostic_expect(compiler->diagnostics, "values: {value: type}");
		return false;
	}
	if (column->generated) {
		diagnostic_add(compiler->diagnostics, compiler->source, chooser->column.place,
		               "\"%s\" is generated, and PostgreSQL does not replicate generated columns", column->name);
		return false;
	}
	most = chooser->values_count ? chooser->values_count : column->enum_labels_count;
	choices->items = mapping__compile_calloc(compiler, most, sizeof(*choices->items));
	if (!choices->items)
		return false;
	if (!chooser->values_count && !choose__enum(compiler, table, chooser, choices))
		return false;
	for (uint32_t i = 0; i < chooser->values_count; i++)
		fine = choose__add(compiler, table, choices, &chooser->values[i].value, &chooser->values[i].name) && fine;
	if (fine)
		choices->other =
		        choose__other(compiler, table, choices, column->enum_labels_count && column->enum_labels_count == most);
	return fine && !compiler->no_memory;
}
