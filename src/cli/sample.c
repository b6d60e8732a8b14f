#include "cli/sample.h"

#include "base/buffer.h"
#include "change/value.h"
#include "mapping/condition.h"
#include "mapping/quote.h"

#include <string.h>

#define SQL_SIZE_MAX ((size_t)1024 * 1024)
#define LINE_SIZE_MAX ((size_t)16 * 1024)
#define SCRATCH_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define VALUE_SIZE_MAX 40
#define LINES_MAX 4096

struct sample {
	const struct plan *plan;
	const struct plan_table *table;
	const struct postgres_result *result;
	uint32_t row;
	struct arena *arena;
	struct arena scratch;
	struct buffer line;
	const char **lines;
	uint32_t lines_count;
	uint32_t rows_max;
};

static struct cell sample__cell(const struct sample *sample, uint32_t column)
{
	const char *text = postgres_result_text(sample->result, sample->row, column);

	return text ? (struct cell){.kind = CELL_TEXT, .data = text, .size = (uint32_t)strlen(text)}
	            : (struct cell){.kind = CELL_NULL};
}

static void sample__value(struct sample *sample, const struct cell *cell, const struct type *type)
{
	struct error error;
	struct value value = {.kind = VALUE_NULL};

	if (cell->kind == CELL_TEXT && value_from_text(type, cell->data, cell->size, &sample->scratch, &value, &error) < 0) {
		buffer_append_text(&sample->line, "<cannot be carried over>");
		return;
	}
	value_print(&sample->line, &value, VALUE_SIZE_MAX);
}

/* What the property is made of. */
static struct cell sample__property(struct sample *sample, const struct plan_property *property)
{
	struct cell cells[PLAN_COLUMNS_MAX], made;
	struct error error;

	if (!property->concatenation)
		return sample__cell(sample, property->column);
	for (uint32_t i = 0; i < sample->table->columns_count; i++)
		cells[i] = sample__cell(sample, i);
	if (concatenation_cell(property->concatenation, cells, &sample->scratch, &made, &error) < 0)
		return (struct cell){.kind = CELL_NULL};
	return made;
}

static void sample__properties(struct sample *sample, const struct plan_property *properties, uint32_t count, bool *any)
{
	for (uint32_t i = 0; i < count; i++) {
		struct cell cell = sample__property(sample, &properties[i]);

		if (cell.kind != CELL_TEXT)
			continue;
		buffer_printf(&sample->line, "%s%s: ", *any ? ", " : " {", properties[i].name);
		sample__value(sample, &cell, &properties[i].type);
		*any = true;
	}
}

/* element: what stands in the column's array, instead of the column; NULL: the column. */
static void sample__end(struct sample *sample, const struct plan_end *end, const struct value *element)
{
	const struct plan_node *node = &sample->plan->nodes[end->node];

	buffer_printf(&sample->line, "(:%s {", node->label);
	if (element) {
		buffer_printf(&sample->line, "%s: ", end->by->name);
		value_print(&sample->line, element, VALUE_SIZE_MAX);
		buffer_append_text(&sample->line, "})");
		return;
	}
	for (uint32_t i = 0; i < end->by_count; i++) {
		struct cell cell = sample__cell(sample, end->columns[i]);

		buffer_printf(&sample->line, "%s%s: ", i ? ", " : "", end->by[i].name);
		sample__value(sample, &cell, &end->by[i].type);
	}
	buffer_append_text(&sample->line, "})");
}

static bool sample__end_is_null(const struct sample *sample, const struct plan_end *end)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		if (!postgres_result_text(sample->result, sample->row, end->columns[i]))
			return true;
	return false;
}

static bool sample__is_taken(const struct sample *sample, const struct condition *where)
{
	struct cell cells[PLAN_COLUMNS_MAX];

	if (!where)
		return true;
	for (uint32_t i = 0; i < sample->table->columns_count; i++)
		cells[i] = sample__cell(sample, i);
	return condition_decide(where, cells) == CONDITION_TRUE;
}

static void sample__keep_line(struct sample *sample)
{
	const char *line = arena_strdup(sample->arena, buffer_text(&sample->line));

	if (line && sample->lines_count < LINES_MAX)
		sample->lines[sample->lines_count++] = line;
	buffer_reset(&sample->line);
}

static void sample__edge(struct sample *sample, const struct plan_edge *edge)
{
	bool any = false;

	sample__end(sample, &edge->from, NULL);
	buffer_printf(&sample->line, "-[:%s", edge->type);
	sample__properties(sample, edge->key, edge->key_count, &any);
	sample__properties(sample, edge->properties, edge->properties_count, &any);
	buffer_append_text(&sample->line, any ? "}]->" : "]->");
	sample__end(sample, &edge->to, NULL);
	sample__keep_line(sample);
}

/* One line for each element of the array. */
static void sample__elements(struct sample *sample, const struct plan_edge *edge)
{
	const struct plan_end *far = edge->owner_is_from ? &edge->to : &edge->from;
	const char *text = postgres_result_text(sample->result, sample->row, far->columns[0]);
	struct type type = far->by->type;
	const struct value *values = NULL;
	struct error error;
	uint32_t count = 0;

	type.delimiter = sample->table->columns[far->columns[0]].type.delimiter;
	if (value_elements_from_text(&type, text, strlen(text), &sample->scratch, &values, &count, &error) < 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (values[i].kind == VALUE_NULL)
			continue;
		sample__end(sample, &edge->from, edge->owner_is_from ? NULL : &values[i]);
		buffer_printf(&sample->line, "-[:%s", edge->type);
		if (edge->key_count)
			buffer_printf(&sample->line, " {%s: %u}", edge->key->name, i + 1);
		buffer_append_text(&sample->line, "]->");
		sample__end(sample, &edge->to, edge->owner_is_from ? &values[i] : NULL);
		sample__keep_line(sample);
	}
}

static void sample__row(struct sample *sample)
{
	const struct plan_node *node = sample->table->node;
	bool any = false;

	if (node) {
		buffer_printf(&sample->line, "(:%s", node->label);
		sample__properties(sample, node->key, node->key_count, &any);
		sample__properties(sample, node->properties, node->properties_count, &any);
		buffer_append_text(&sample->line, any ? "})" : ")");
		sample__keep_line(sample);
	}
	for (uint32_t i = 0; i < sample->table->edges_count; i++) {
		const struct plan_edge *edge = sample->table->edges[i];

		if (sample__end_is_null(sample, &edge->from) || sample__end_is_null(sample, &edge->to) ||
		    !sample__is_taken(sample, edge->where))
			continue;
		if (edge->each)
			sample__elements(sample, edge);
		else
			sample__edge(sample, edge);
	}
}

static void sample__on_result(void *user, const struct postgres_result *result, const struct error *error)
{
	struct sample *sample = user;

	(void)error;
	sample->result = result;
	for (sample->row = 0; sample->row < postgres_result_rows(result); sample->row++) {
		sample__row(sample);
		arena_reset(&sample->scratch);
	}
}

static int sample__table(struct sample *sample, struct session_postgres *postgres, struct error *error)
{
	const struct plan_table *table = sample->table;
	struct buffer sql;
	int rc;

	buffer_init(&sql, SQL_SIZE_MAX);
	buffer_append_text(&sql, "SELECT ");
	for (uint32_t i = 0; i < table->columns_count; i++) {
		buffer_append_text(&sql, i ? ", " : "");
		sql_quote_identifier(&sql, table->columns[i].name);
	}
	buffer_printf(&sql, " FROM %s", table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(&sql, table->schema, table->name);
	if (table->where) {
		buffer_append_text(&sql, " WHERE ");
		condition_sql(&sql, table->where, table, NULL);
	}
	buffer_printf(&sql, " LIMIT %u", sample->rows_max);
	rc = session_postgres_query(postgres, buffer_text(&sql), NULL, 0, sample__on_result, sample, error);
	buffer_free(&sql);
	return rc;
}

int sample_read(struct session_postgres *postgres, const struct plan *plan, uint32_t rows_max, struct arena *arena,
                struct plan_sample *ret_sample, struct error *error)
{
	struct sample sample = {.plan = plan, .arena = arena, .rows_max = rows_max};
	int rc = 0;

	*ret_sample = (struct plan_sample){0};
	sample.lines = arena_calloc(arena, LINES_MAX, sizeof(*sample.lines));
	if (!sample.lines)
		return error_set(error, ERR_NOMEM, "no memory for the samples");
	arena_init(&sample.scratch, SCRATCH_SIZE_MAX);
	buffer_init(&sample.line, LINE_SIZE_MAX);
	for (uint32_t i = 0; i < plan->tables_count && rc == 0; i++) {
		sample.table = &plan->tables[i];
		rc = sample__table(&sample, postgres, error);
	}
	buffer_free(&sample.line);
	arena_free(&sample.scratch);
	ret_sample->lines = sample.lines;
	ret_sample->lines_count = sample.lines_count;
	return rc;
}
