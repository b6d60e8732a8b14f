#include "mapping/render.h"

#include "change/conversion.h"
#include "mapping/compile.h"
#include "mapping/condition.h"
#include "mapping/text.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_WIDTH 100
#define TEXT_INDENT 16

/* Words with commas, broken at the width, each line as deep as the first word. */
struct wrapped {
	struct buffer *buffer;
	size_t column;
	bool any;
};

static void wrapped__begin(struct wrapped *wrapped, struct buffer *buffer, const char *title)
{
	*wrapped = (struct wrapped){.buffer = buffer, .column = TEXT_INDENT};
	buffer_printf(buffer, "    %-*s", TEXT_INDENT - 4, title);
}

static void wrapped__word(struct wrapped *wrapped, const char *word)
{
	size_t size = text_utf8_length(word, strlen(word));

	if (wrapped->any) {
		buffer_append_byte(wrapped->buffer, ',');
		wrapped->column++;
	}
	if (wrapped->any && wrapped->column + size + 2 > TEXT_WIDTH) {
		buffer_printf(wrapped->buffer, "\n%*s", TEXT_INDENT, "");
		wrapped->column = TEXT_INDENT;
	} else if (wrapped->any) {
		buffer_append_byte(wrapped->buffer, ' ');
		wrapped->column++;
	}
	buffer_append_text(wrapped->buffer, word);
	wrapped->column += size;
	wrapped->any = true;
}

static bool text__is_constant(const struct plan_property *property)
{
	return property->type.conversion && property->type.conversion->constant;
}

/* "title" or "title <- name" where the column is called otherwise */
static void text__properties(struct buffer *buffer, const char *title, const struct plan_table *table,
                             const struct plan_property *properties, uint32_t count)
{
	struct wrapped wrapped;
	struct buffer word;

	if (!count)
		return;
	buffer_init(&word, (size_t)64 * 1024);
	wrapped__begin(&wrapped, buffer, title);
	for (uint32_t i = 0; i < count; i++) {
		const char *column = table->columns[properties[i].column].name;

		buffer_reset(&word);
		buffer_append_text(&word, properties[i].name);
		if (properties[i].concatenation || text__is_constant(&properties[i]))
			buffer_append_text(&word, " <-");
		if (properties[i].concatenation)
			mapping_concatenation_words(&word, table, properties[i].concatenation);
		else if (strcmp(column, properties[i].name) != 0 && !text__is_constant(&properties[i]))
			buffer_printf(&word, " <- %s", column);
		if (properties[i].type.conversion)
			mapping_conversion_words(&word, properties[i].type.conversion);
		wrapped__word(&wrapped, buffer_text(&word));
	}
	buffer_append_byte(buffer, '\n');
	buffer_free(&word);
}

static void text__table(struct buffer *buffer, const struct plan_table *table)
{
	buffer_printf(buffer, "    %-*s%s.%s", TEXT_INDENT - 4, "table", table->schema, table->name);
	if (table->partitioned)
		buffer_append_text(buffer, " (partitioned)");
	if (table->rows_estimate >= 0)
		buffer_printf(buffer, ", about %" PRId64 " rows", table->rows_estimate);
	buffer_append_byte(buffer, '\n');
}

static void text__where(struct buffer *buffer, const struct plan_table *table, const struct condition *where)
{
	if (!where)
		return;
	buffer_printf(buffer, "    %-*s", TEXT_INDENT - 4, "where");
	condition_words(buffer, where, table);
	buffer_append_byte(buffer, '\n');
}

/* The columns whose values they are, and what becomes of those that no relationship is left at. */
static void text__value_node(struct buffer *buffer, const struct plan *plan, const struct plan_node *node)
{
	struct wrapped wrapped;
	struct buffer word;

	buffer_init(&word, (size_t)64 * 1024);
	wrapped__begin(&wrapped, buffer, "values of");
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		const struct plan_edge *edge = plan->edges[i];
		const struct plan_table *table = &plan->tables[edge->table];
		const struct plan_end *ends[] = {&edge->from, &edge->to};

		for (int e = 0; e < 2; e++) {
			if (ends[e]->node != node->index)
				continue;
			buffer_reset(&word);
			buffer_printf(&word, "%s.%s.%s", table->schema, table->name, table->columns[ends[e]->columns[0]].name);
			wrapped__word(&wrapped, buffer_text(&word));
		}
	}
	buffer_printf(buffer, "\n    %-*s%s\n    %-*s%s\n", TEXT_INDENT - 4, "key", node->key->name, TEXT_INDENT - 4, "unused",
	              node->keep ? "stays" : "goes when no relationship is left at it");
	buffer_free(&word);
}

static void text__node(struct buffer *buffer, const struct plan *plan, const struct plan_node *node)
{
	const struct plan_table *table;
	uint32_t labels_at = plan_node_labels_at(node);

	buffer_printf(buffer, "  %s", node->label);
	for (uint32_t i = 0; i < node->labels_more_count; i++)
		buffer_printf(buffer, ":%s", node->labels_more[i]);
	buffer_append_byte(buffer, '\n');
	if (plan_node_is_value(node)) {
		text__value_node(buffer, plan, node);
		return;
	}
	table = &plan->tables[node->table];
	text__table(buffer, table);
	text__where(buffer, table, node->where);
	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		buffer_printf(buffer, "    %-*s%s where ", TEXT_INDENT - 4, "label", node->labels_chosen[i].name);
		condition_words(buffer, node->labels_chosen[i].where, table);
		buffer_append_byte(buffer, '\n');
	}
	text__properties(buffer, "key", table, node->key, node->key_count);
	text__properties(buffer, "properties", table, node->properties, labels_at);
	for (uint32_t i = labels_at; i < node->properties_count; i++)
		buffer_printf(buffer, "    %-*s%s<%s>\n", TEXT_INDENT - 4, "label", node->properties[i].name,
		              table->columns[node->properties[i].column].name);
	if (node->deleted_label)
		buffer_printf(buffer, "    %-*s%s: %s, as :%s\n", TEXT_INDENT - 4, "on delete",
		              plan_on_delete_names[node->on_delete],
		              node->on_delete == PLAN_DELETE_RESTRICT ? "it stays while something hangs on it"
		              : node->on_delete == PLAN_DELETE_KEEP   ? "it stays with its relationships"
		                                                      : "it stays",
		              node->deleted_label);
	if (node->element_id)
		buffer_printf(buffer, "    %-*sto %s%s%s%s\n", TEXT_INDENT - 4, "element id",
		              node->element_id->column ? "column " : "table ",
		              node->element_id->column ? node->element_id->column : node->element_id->schema,
		              node->element_id->column ? "" : ".", node->element_id->column ? "" : node->element_id->table);
	if (plan_node_waits(node))
		buffer_printf(buffer, "    %-*s%s: relationships that lack its row wait, unseen, until it comes%s\n",
		              TEXT_INDENT - 4, "missing", plan_missing_names[node->missing],
		              node->missing == PLAN_MISSING_ERROR ? ", and a dead letter tells of each" : "");
	else if (node->may_be_placeholder)
		buffer_append_text(buffer, "    placeholder where no foreign key vouches for it: a node with its key alone, "
		                           "filled when its row comes\n");
}

static void text__edge(struct buffer *buffer, const struct plan *plan, const struct plan_edge *edge)
{
	static const char *const kinds[] = {
	        [PLAN_EDGE_FOREIGN_KEY] = NULL,
	        [PLAN_EDGE_JOIN_ENDS] = "one between two nodes",
	        [PLAN_EDGE_JOIN_KEYED] = "one for each row",
	};
	const struct plan_table *table = &plan->tables[edge->table];

	buffer_printf(buffer, "  %s\n", edge->words);
	if (edge->kind != PLAN_EDGE_FOREIGN_KEY)
		text__table(buffer, table);
	text__where(buffer, table, edge->where);
	if (edge->each)
		buffer_printf(buffer, "    %-*sone for each element%s%s\n", TEXT_INDENT - 4, "makes",
		              edge->key_count ? ", its place as " : "", edge->key_count ? edge->key->name : "");
	if (edge->history)
		buffer_printf(buffer, "    %-*sits versions, by %s, %s, %s\n", TEXT_INDENT - 4, "keeps", edge->history->from,
		              edge->history->to, edge->history->version);
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY)
		return;
	buffer_printf(buffer, "    %-*s%s\n", TEXT_INDENT - 4, "makes", kinds[edge->kind]);
	text__properties(buffer, "key", table, edge->key, edge->key_count);
	text__properties(buffer, "properties", table, edge->properties, edge->properties_count);
}

void plan_render_text(const struct plan *plan, const struct plan_sample *sample, struct buffer *buffer)
{
	buffer_printf(buffer, "pipeline %s, mapping %s\n\n", plan->pipeline, plan->digest);
	buffer_printf(buffer, "Nodes (%u)\n", plan->nodes_count);
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		text__node(buffer, plan, &plan->nodes[i]);
	buffer_printf(buffer, "\nRelationships (%u)\n", plan->edges_count);
	for (uint32_t i = 0; i < plan->edges_count; i++)
		text__edge(buffer, plan, plan->edges[i]);
	buffer_append_text(buffer, "\nLoading order\n  ");
	for (uint32_t i = 0; i < plan->tables_count; i++)
		buffer_printf(buffer, "%s%s.%s", i ? ", " : "", plan->tables[i].schema, plan->tables[i].name);
	buffer_append_byte(buffer, '\n');
	if (!sample || !sample->lines_count)
		return;
	buffer_append_text(buffer, "\nSample\n");
	for (uint32_t i = 0; i < sample->lines_count; i++)
		buffer_printf(buffer, "  %s\n", sample->lines[i]);
}
