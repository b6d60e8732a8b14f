#include "base/buffer.h"
#include "change/change.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NAME_WIDTH_MAX 60
#define VALUE_SIZE_MAX 120
#define TEXT_SIZE_MAX ((size_t)64 * 1024)

/* The counts of a report, as columns and as members. */
#define REPORT_COUNTS(X)                                                                                                       \
	X(rows)                                                                                                                \
	X(equal)                                                                                                               \
	X(missing)                                                                                                             \
	X(extra)                                                                                                               \
	X(different)                                                                                                           \
	X(unsettled)

struct line {
	const char *kind;
	const char *name;
	const struct plan_table *table; /* NULL: made of values */
#define X(name) uint64_t name;
	REPORT_COUNTS(X)
#undef X
};

static bool report__line(const struct verify_report *report, uint32_t i, struct line *line)
{
	const struct plan *plan = report->plan;
	bool is_node = i < plan->nodes_count;
	const struct plan_edge *edge = is_node ? NULL : plan->edges[i - plan->nodes_count];
	const struct verify_counts *counts = is_node ? &report->stats.nodes[i] : &report->stats.edges[i - plan->nodes_count];
	uint64_t not_equal = counts->missing + counts->different + counts->unsettled;
	uint32_t table = is_node ? plan->nodes[i].table : edge->table;
	const struct verify_shape shape = {.plan = plan, .node = is_node ? &plan->nodes[i] : NULL};

	*line = (struct line){
	        .kind = is_node ? "node" : "relationship",
	        .name = is_node ? plan->nodes[i].label : edge->words,
	        .table = table == PLAN_TABLE_NONE ? NULL : &plan->tables[table],
	        .rows = counts->rows,
	        .equal = counts->rows > not_equal ? counts->rows - not_equal : 0,
	        .missing = counts->missing,
	        .extra = counts->extra,
	        .different = counts->different,
	        .unsettled = counts->unsettled,
	};
	return line->table ? !report->tables || report->tables[table] : verify_shape_is_of(&shape, report->tables);
}

static uint32_t report__lines(const struct verify_report *report)
{
	return report->plan->nodes_count + report->plan->edges_count;
}

bool verify_report_is_equal(const struct verify_report *report)
{
	struct line line;

	for (uint32_t i = 0; i < report__lines(report); i++)
		if (report__line(report, i, &line) && line.missing + line.extra + line.different + line.unsettled > 0)
			return false;
	return !report->at_least;
}

/* ---- text ---- */

static void text__values(struct buffer *text, const struct plan_property *key, const struct value *values, uint32_t count)
{
	buffer_append_text(text, "(");
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(text, i ? ", " : "");
		if (count > 1)
			buffer_printf(text, "%s: ", key[i].name);
		value_print(text, &values[i], VALUE_SIZE_MAX);
	}
	buffer_append_text(text, ")");
}

static void text__end(struct buffer *text, const struct plan *plan, const struct plan_end *end, const struct value *values)
{
	buffer_append_text(text, plan->nodes[end->node].label);
	text__values(text, end->by, values, end->by_count);
}

static void text__entity(struct buffer *text, const struct plan *plan, const struct verify_difference *difference)
{
	const struct plan_edge *edge = difference->edge;

	if (difference->node) {
		buffer_append_text(text, difference->node->label);
		text__values(text, difference->node->key, difference->key, difference->node->key_count);
		return;
	}
	text__end(text, plan, &edge->from, difference->from);
	buffer_printf(text, " -%s", edge->type);
	if (edge->key_count)
		text__values(text, edge->key, difference->key, edge->key_count);
	buffer_append_text(text, "-> ");
	text__end(text, plan, &edge->to, difference->to);
}

static void text__difference(struct buffer *text, const struct plan *plan, const struct verify_difference *difference)
{
	const char *note = verify_note_text(difference->note);

	buffer_append_text(text, "  ");
	text__entity(text, plan, difference);
	buffer_printf(text, ": %s", verify_kind_what(difference->kind));
	if (difference->property)
		buffer_printf(text, ": %s", difference->property);
	if (difference->expected) {
		buffer_append_text(text, ": PostgreSQL has ");
		value_print(text, difference->expected, VALUE_SIZE_MAX);
		buffer_append_text(text, ", the graph ");
		value_print(text, difference->actual, VALUE_SIZE_MAX);
	}
	if (*note)
		buffer_printf(text, " (%s)", note);
	buffer_append_text(text, "\n");
}

static int report__width(const struct verify_report *report)
{
	size_t width = 4;
	struct line line;

	for (uint32_t i = 0; i < report__lines(report); i++)
		if (report__line(report, i, &line) && strlen(line.name) > width)
			width = strlen(line.name);
	return (int)(width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX);
}

static void text__table(struct buffer *text, const struct verify_report *report)
{
	int width = report__width(report);
	struct line line;

	buffer_printf(text, "%-*s", width, "");
#define X(name) buffer_printf(text, " %10s", #name);
	REPORT_COUNTS(X)
#undef X
	buffer_append_text(text, "\n");
	for (uint32_t i = 0; i < report__lines(report); i++) {
		if (!report__line(report, i, &line))
			continue;
		buffer_printf(text, "%-*s", width, line.name);
#define X(name) buffer_printf(text, " %10" PRIu64, line.name);
		REPORT_COUNTS(X)
#undef X
		buffer_append_text(text, "\n");
	}
}

static void text__state(struct buffer *text, const struct verify_report *report)
{
	char postgres[LSN_TEXT_SIZE], graph[LSN_TEXT_SIZE];

	lsn_print(report->postgres_lsn, postgres);
	buffer_printf(text, "compared with PostgreSQL at %s in %" PRIu64 ".%01" PRIu64 " s; ", postgres,
	              report->duration_ms / 1000, report->duration_ms % 1000 / 100);
	if (report->phase == GRAPH_PHASE_STREAMING)
		buffer_printf(text, "the graph is at %s\n", lsn_print(report->graph_lsn, graph));
	else
		buffer_printf(text, "the graph's phase is \"%s\": it was not loaded to its end\n",
		              graph_phase_name(report->phase));
	if (!report->pipeline_running && report->phase == GRAPH_PHASE_STREAMING)
		buffer_append_text(
		        text, "the pipeline is not running: what was changed since is not in the graph yet (pgweave run)\n");
	if (report->element_ids_marked)
		buffer_printf(text, "%" PRIu64 " element ids are marked to be written again%s\n", report->element_ids_marked,
		              report->pipeline_running ? "" : ", which the pipeline does when it runs (pgweave run)");
	if (report->element_ids_forgotten)
		buffer_printf(text, "%" PRIu64 " element ids of keys that no row has are deleted from PostgreSQL\n",
		              report->element_ids_forgotten);
	if (report->element_ids_waiting)
		buffer_printf(text,
		              "%" PRIu64 " element ids are on their way to PostgreSQL (pgweave status says what holds them)\n",
		              report->element_ids_waiting);
	if (report->dead_letters)
		buffer_printf(text,
		              "%" PRId64 " rows were set aside as dead letters, the likely reason for what is missing: "
		              "MATCH (d:_PgweaveDeadLetter) RETURN d\n",
		              report->dead_letters);
}

static void text__result(struct buffer *text, const struct verify_report *report)
{
	uint64_t unsettled = 0;
	struct line line;

	for (uint32_t i = 0; i < report__lines(report); i++)
		unsettled += report__line(report, i, &line) ? line.unsettled : 0;
	if (verify_report_is_equal(report)) {
		buffer_append_text(text, "equal\n");
		return;
	}
	buffer_printf(text, "%s%" PRIu64 " differences", report->at_least ? "at least " : "", report->differences_total);
	if (unsettled)
		buffer_printf(text, ", %" PRIu64 " rows that never stood still long enough to tell", unsettled);
	buffer_append_text(text, "\n");
}

void verify_report_text(const struct verify_report *report, struct buffer *text)
{
	text__table(text, report);
	if (report->differences_count + report->unsettled_count)
		buffer_append_text(text, "\n");
	for (uint32_t i = 0; i < report->differences_count; i++)
		text__difference(text, report->plan, &report->differences[i]);
	if (report->differences_total > report->differences_count)
		buffer_printf(text, "  ... and %" PRIu64 " more\n", report->differences_total - report->differences_count);
	for (uint32_t i = 0; i < report->unsettled_count; i++)
		buffer_printf(text, "  %s: unsettled: it changed again and again\n", report->unsettled[i]);
	buffer_append_text(text, "\n");
	text__state(text, report);
	text__result(text, report);
}

/* ---- JSON ---- */

/* Numbers, booleans and texts as such; the rest as people read it. */
static json_t *json__value(const struct value *value)
{
	struct buffer text;
	json_t *json;

	switch (value->kind) {
	case VALUE_NULL:
		return json_null();
	case VALUE_BOOL:
		return json_boolean(value->boolean);
	case VALUE_INT:
		return json_integer(value->integer);
	case VALUE_FLOAT:
		if (isfinite(value->real))
			return json_real(value->real);
		break;
	case VALUE_STRING:
		json = json_stringn(value->bytes, value->size);
		if (json)
			return json;
		break;
	default:
		break;
	}
	buffer_init(&text, TEXT_SIZE_MAX);
	value_print(&text, value, VALUE_SIZE_MAX);
	json = json_string(buffer_text(&text));
	buffer_free(&text);
	return json ? json : json_string("?");
}

static json_t *json__key(const struct plan_property *key, const struct value *values, uint32_t count)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < count; i++)
		json_object_set_new(object, key[i].name, json__value(&values[i]));
	return object;
}

static json_t *json__end(const struct plan *plan, const struct plan_end *end, const struct value *values)
{
	json_t *object = json_object();

	json_object_set_new(object, "label", json_string(plan->nodes[end->node].label));
	json_object_set_new(object, "key", json__key(end->by, values, end->by_count));
	return object;
}

static json_t *json__difference(const struct plan *plan, const struct verify_difference *difference)
{
	const struct plan_edge *edge = difference->edge;
	const char *note = verify_note_text(difference->note);
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string(verify_kind_name(difference->kind)));
	json_object_set_new(object, "name", json_string(edge ? edge->words : difference->node->label));
	if (!edge) {
		json_object_set_new(object, "key",
		                    json__key(difference->node->key, difference->key, difference->node->key_count));
	} else {
		json_object_set_new(object, "type", json_string(edge->type));
		json_object_set_new(object, "from", json__end(plan, &edge->from, difference->from));
		json_object_set_new(object, "to", json__end(plan, &edge->to, difference->to));
		if (edge->key_count)
			json_object_set_new(object, "key", json__key(edge->key, difference->key, edge->key_count));
	}
	if (difference->property)
		json_object_set_new(object,
		                    difference->kind == VERIFY_NODE_LABEL || difference->kind == VERIFY_NODE_LABEL_EXTRA
		                            ? "label"
		                            : "property",
		                    json_string(difference->property));
	if (difference->expected) {
		json_object_set_new(object, "expected", json__value(difference->expected));
		json_object_set_new(object, "actual", json__value(difference->actual));
	}
	if (*note)
		json_object_set_new(object, "note", json_string(note));
	return object;
}

static json_t *json__line(const struct line *line)
{
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string(line->kind));
	json_object_set_new(object, "name", json_string(line->name));
	json_object_set_new(object, "table",
	                    line->table ? json_sprintf("%s.%s", line->table->schema, line->table->name) : json_null());
#define X(name) json_object_set_new(object, #name, json_integer((json_int_t)line->name));
	REPORT_COUNTS(X)
#undef X
	return object;
}

json_t *verify_report_json(const struct verify_report *report)
{
	char lsn[LSN_TEXT_SIZE];
	json_t *object = json_object(), *entities = json_array(), *differences = json_array(), *unsettled = json_array();
	struct line line;

	json_object_set_new(object, "pipeline", json_string(report->plan->pipeline));
	json_object_set_new(object, "equal", json_boolean(verify_report_is_equal(report)));
	json_object_set_new(object, "at_least", json_boolean(report->at_least));
	json_object_set_new(object, "postgres_lsn", json_string(lsn_print(report->postgres_lsn, lsn)));
	json_object_set_new(object, "graph_lsn", json_string(lsn_print(report->graph_lsn, lsn)));
	json_object_set_new(object, "phase", json_string(graph_phase_name(report->phase)));
	json_object_set_new(object, "pipeline_running", json_boolean(report->pipeline_running));
	json_object_set_new(object, "dead_letters", json_integer(report->dead_letters));
	json_object_set_new(object, "element_ids_waiting", json_integer((json_int_t)report->element_ids_waiting));
	json_object_set_new(object, "element_ids_marked", json_integer((json_int_t)report->element_ids_marked));
	json_object_set_new(object, "element_ids_forgotten", json_integer((json_int_t)report->element_ids_forgotten));
	json_object_set_new(object, "rechecked", json_integer((json_int_t)report->candidates));
	json_object_set_new(object, "duration_ms", json_integer((json_int_t)report->duration_ms));
	for (uint32_t i = 0; i < report__lines(report); i++)
		if (report__line(report, i, &line))
			json_array_append_new(entities, json__line(&line));
	for (uint32_t i = 0; i < report->differences_count; i++)
		json_array_append_new(differences, json__difference(report->plan, &report->differences[i]));
	json_object_set_new(object, "entities", entities);
	json_object_set_new(object, "differences", differences);
	for (uint32_t i = 0; i < report->unsettled_count; i++)
		json_array_append_new(unsettled, json_string(report->unsettled[i]));
	json_object_set_new(object, "unsettled", unsettled);
	json_object_set_new(object, "differences_total", json_integer((json_int_t)report->differences_total));
	return object;
}

/* ---- which tables ---- */

static bool report__is_called(const struct plan_table *table, const char *name)
{
	size_t schema = strlen(table->schema);

	return strcmp(table->name, name) == 0 || (strncmp(name, table->schema, schema) == 0 && name[schema] == '.' &&
	                                          strcmp(name + schema + 1, table->name) == 0);
}

/* A node made of values has no table: its label names those that lead to it. */
static bool report__leads_to_value(const struct plan *plan, const struct plan_edge *edge, const char *label)
{
	const struct plan_node *ends[] = {&plan->nodes[edge->from.node], &plan->nodes[edge->to.node]};

	for (int i = 0; i < 2; i++)
		if (plan_node_is_value(ends[i]) && strcmp(ends[i]->label, label) == 0)
			return true;
	return false;
}

uint32_t verify_tables_add(const struct plan *plan, const char *name, bool *tables)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct plan_table *table = &plan->tables[i];
		bool called = report__is_called(table, name) || (table->node && strcmp(table->node->label, name) == 0);

		for (uint32_t k = 0; k < table->edges_count; k++)
			called = called || strcmp(table->edges[k]->type, name) == 0 ||
			         report__leads_to_value(plan, table->edges[k], name);
		tables[i] = tables[i] || called;
		count += called;
	}
	return count;
}
