#include "graph/statement.h"

#include "base/buffer.h"
#include "graph/missing.h"
#include "graph/statement_room.h"

#include <bolt/packstream.h>
#include <string.h>

#define STATEMENTS_SIZE_MAX ((size_t)16 * 1024 * 1024)
/* both ends and the key, each of at most as many columns as an index of PostgreSQL has; with room */
#define FIELDS_OF_KEYS_MAX ((size_t)4 * 32)

void graph_rows_pack_begin(struct bolt_writer *writer, size_t count)
{
	bolt_writer_map(writer, 1);
	bolt_writer_cstring(writer, "p");
	bolt_writer_map(writer, 1);
	bolt_writer_cstring(writer, "rows");
	bolt_writer_list(writer, count);
}

/* ---- layouts ---- */

struct layout {
	struct graph_field *fields;
	uint32_t count;
};

static void layout__properties(struct layout *layout, const struct plan_property *properties, uint32_t count,
                               const uint8_t *mask)
{
	for (uint32_t i = 0; i < count; i++)
		if (!statement__masked(mask, i))
			layout->fields[layout->count++] = (struct graph_field){.column = properties[i].column,
			                                                       .type = properties[i].type,
			                                                       .concatenation = properties[i].concatenation};
}

/* An end's values come from this table's columns, but are read as the node's properties are, so that both make the same value.
 */
static void layout__end(struct layout *layout, const struct plan_end *end)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		layout->fields[layout->count++] = (struct graph_field){.column = end->columns[i], .type = end->by[i].type};
}

struct graph_field statement__elements(const struct plan *plan, const struct plan_edge *edge)
{
	const struct plan_end *far = edge__far(edge);
	struct graph_field field = {
	        .column = far->columns[0], .type = far->by->type, .elements = true, .placed = edge->key_count};

	field.type.delimiter = plan->tables[edge->table].columns[field.column].type.delimiter;
	return field;
}

static void layout__each(struct layout *layout, const struct plan *plan, const struct plan_edge *edge)
{
	layout__end(layout, edge__owner(edge));
	layout->fields[layout->count++] = statement__elements(plan, edge);
}

static void layout__edge(struct layout *layout, const struct plan *plan, enum graph_statement_kind kind,
                         const struct plan_edge *edge, const uint8_t *mask)
{
	bool by_key = edge->kind == PLAN_EDGE_JOIN_KEYED;

	switch (kind) {
	case GRAPH_EDGE_LEAVE:
	case GRAPH_EDGE_DELETE:
		if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
			layout__end(layout, edge->owner_is_from ? &edge->from : &edge->to);
			break;
		}
		if (by_key) {
			layout__properties(layout, edge->key, edge->key_count, NULL);
			break;
		}
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		break;
	case GRAPH_EDGE_REKEY:
	case GRAPH_EDGE_EXCHANGE:
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		layout__properties(layout, edge->key, edge->key_count, NULL);
		break;
	case GRAPH_EDGE_NOTE:
	case GRAPH_EDGE_SETTLE: {
		const struct plan_end *far = edge__far(edge);
		const struct plan_node *node = &plan->nodes[far->node];

		layout__properties(layout, node->key, node->key_count, NULL);
		if (kind == GRAPH_EDGE_NOTE)
			layout__properties(layout, far->by, far->by_count, NULL);
		break;
	}
	case GRAPH_EDGE_KEPT:
		layout__end(layout, edge__owner(edge));
		break;
	case GRAPH_EDGE_PRUNE:
		layout__each(layout, plan, edge);
		break;
	case GRAPH_EDGE_UPSERT_FRESH:
	case GRAPH_EDGE_UPSERT:
		if (edge->each) {
			layout__each(layout, plan, edge);
			break;
		}
		layout__end(layout, &edge->from);
		layout__end(layout, &edge->to);
		layout__properties(layout, edge->key, edge->key_count, NULL);
		layout__properties(layout, edge->properties, edge->properties_count, mask);
		break;
	case GRAPH_RENAME_LEAVE_FROM:
	case GRAPH_RENAME_LEAVE_TO:
	case GRAPH_RENAME_ABSORB_FROM:
	case GRAPH_RENAME_ABSORB_TO: {
		bool at_to = kind == GRAPH_RENAME_LEAVE_TO || kind == GRAPH_RENAME_ABSORB_TO;
		const struct plan_node *node = &plan->nodes[at_to ? edge->to.node : edge->from.node];

		layout__properties(layout, node->key, node->key_count, NULL);
		break;
	}
	default:
		layout->count = missing__fields(plan, kind, edge->index, layout->fields);
		break;
	}
}

static void layout__node(struct layout *layout, enum graph_statement_kind kind, const struct plan_node *node,
                         const uint8_t *mask)
{
	if (kind == GRAPH_NODE_TRUNCATE || kind == GRAPH_HIDE_NODE)
		return;
	layout__properties(layout, node->key, node->key_count, NULL);
	if (kind == GRAPH_NODE_UPSERT)
		layout__properties(layout, node->properties, node->properties_count, mask);
}

/* ---- the set ---- */

static bool statement__is_of_edge(enum graph_statement_kind kind)
{
	enum { NODE, EDGE };
	static const char of[] = {
#define X(name, of) of,
	        GRAPH_STATEMENTS(X)
#undef X
	};
	return of[kind] == EDGE;
}

int graph_statements_init(struct graph_statements *statements, const struct plan *plan)
{
	*statements = (struct graph_statements){.plan = plan};
	arena_init(&statements->arena, STATEMENTS_SIZE_MAX);
	for (int kind = 0; kind < GRAPH_STATEMENT_KINDS; kind++) {
		size_t count = statement__is_of_edge(kind) ? plan->edges_count : plan->nodes_count;

		statements->lists[kind] = arena_calloc(&statements->arena, count, sizeof(*statements->lists[kind]));
		if (!statements->lists[kind]) {
			graph_statements_free(statements);
			return ERR_NOMEM;
		}
	}
	return 0;
}

void graph_statements_free(struct graph_statements *statements)
{
	arena_free(&statements->arena);
}

static uint32_t statement__mask_size(const struct plan *plan, enum graph_statement_kind kind, uint32_t index)
{
	if (statement__is_of_edge(kind))
		return plan->edges[index]->properties_count;
	return plan->nodes[index].properties_count + plan->nodes[index].labels_chosen_count;
}

static const struct graph_statement *statement__build(struct graph_statements *statements, enum graph_statement_kind kind,
                                                      uint32_t index, const uint8_t *mask)
{
	const struct plan *plan = statements->plan;
	uint32_t count = statement__mask_size(plan, kind, index);
	struct text text = {.plan = plan};
	struct layout layout = {0};
	struct graph_statement *statement = arena_calloc(&statements->arena, 1, sizeof(*statement));
	char *words = NULL;
	uint8_t *mask_copy = NULL;

	buffer_init(&text.buffer, STATEMENT_SIZE_MAX);
	if (statement__is_of_edge(kind))
		text__write_edge(&text, kind, plan->edges[index], mask);
	else
		text__write_node(&text, kind, &plan->nodes[index], mask);
	if (!text.buffer.failed)
		words = arena_strndup(&statements->arena, text.buffer.data, text.buffer.size);
	buffer_free(&text.buffer);
	layout.fields = arena_calloc(&statements->arena, (size_t)count + FIELDS_OF_KEYS_MAX, sizeof(*layout.fields));
	if (mask)
		mask_copy = (uint8_t *)arena_strndup(&statements->arena, (const char *)mask, count);
	if (!statement || !words || !layout.fields || (mask && !mask_copy))
		return NULL;
	if (statement__is_of_edge(kind))
		layout__edge(&layout, plan, kind, plan->edges[index], mask);
	else
		layout__node(&layout, kind, &plan->nodes[index], mask);
	*statement = (struct graph_statement){
	        .kind = kind,
	        .index = index,
	        .text = words,
	        .fields = layout.fields,
	        .fields_count = layout.count,
	        .tells_renewed = kind == GRAPH_NODE_UPSERT && plan->nodes[index].element_id,
	        .old_and_new = (kind >= GRAPH_NODE_RENAME_VACATE && kind <= GRAPH_EDGE_EXCHANGE && kind != GRAPH_EDGE_LEAVE) ||
	                       missing__is_old_and_new(kind),
	        .timed = statement__is_of_edge(kind) && plan->edges[index]->history,
	        .mask = mask_copy,
	        .next = statements->lists[kind][index],
	};
	statements->lists[kind][index] = statement;
	return statement;
}

const struct graph_statement *graph_statement_get(struct graph_statements *statements, enum graph_statement_kind kind,
                                                  uint32_t index, const uint8_t *mask)
{
	uint32_t count = statement__mask_size(statements->plan, kind, index);
	const struct graph_statement *statement = statements->lists[kind][index];

	for (; statement; statement = statement->next) {
		if (!mask && !statement->mask)
			return statement;
		if (mask && statement->mask && memcmp(mask, statement->mask, count) == 0)
			return statement;
	}
	return statement__build(statements, kind, index, mask);
}
