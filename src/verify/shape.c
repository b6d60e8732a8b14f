#include "verify/shape.h"

#include "graph/missing.h"
#include "mapping/condition.h"
#include "mapping/quote.h"
#include "verify/order.h"

#include <string.h>

#define PLACEHOLDER "`" GRAPH_LABEL_PLACEHOLDER "`"

/* ---- making ---- */

struct maker {
	struct verify_shape *shape;
	struct verify_field *fields;
};

static void maker__properties(struct maker *maker, char variable, const struct plan_property *properties, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		maker->fields[maker->shape->fields_count++] = (struct verify_field){
		        .column = properties[i].column,
		        .type = properties[i].type,
		        .variable = variable,
		        .property = properties[i].name,
		        .prefixes = properties[i].is_label,
		        .concatenation = properties[i].concatenation,
		};
}

static void maker__labels(struct maker *maker, const struct plan_node *node)
{
	for (uint32_t i = 0; i < node->labels_chosen_count; i++)
		maker->fields[maker->shape->fields_count++] = (struct verify_field){
		        .type.kind = TYPE_BOOL,
		        .variable = 'n',
		        .property = node->labels_chosen[i].name,
		        .label = node->labels_chosen[i].where,
		};
}

/* An end's columns are read as what they refer to is. */
static void maker__end(struct maker *maker, bool is_from)
{
	struct verify_shape *shape = maker->shape;
	const struct plan_end *end = is_from ? &shape->edge->from : &shape->edge->to;
	bool element = shape->edge->each && is_from != shape->edge->owner_is_from;

	*(is_from ? &shape->from_at : &shape->to_at) = shape->fields_count;
	for (uint32_t i = 0; i < end->by_count; i++)
		maker->fields[shape->fields_count++] = (struct verify_field){
		        .column = end->columns[i],
		        .source = element ? VERIFY_SOURCE_ELEMENT : VERIFY_SOURCE_COLUMN,
		        .type = end->by[i].type,
		        .variable = is_from ? 'a' : 'b',
		        .property = end->by[i].name,
		};
}

static void maker__finish(struct maker *maker)
{
	struct verify_shape *shape = maker->shape;

	shape->fields = maker->fields;
	shape->ordered = true;
	for (uint32_t i = 0; i < shape->identity_count; i++)
		shape->ordered = shape->ordered && verify_type_is_ordered(&shape->fields[i].type);
}

int verify_shape_node(struct verify_shape *shape, const struct plan *plan, const struct plan_node *node, struct arena *arena)
{
	struct maker maker = {.shape = shape};

	*shape = (struct verify_shape){.plan = plan, .node = node};
	if (!plan_node_is_value(node))
		shape->table = &plan->tables[node->table];
	/* one more for the element id */
	maker.fields = arena_calloc(arena, (size_t)node->key_count + node->properties_count + node->labels_chosen_count + 1,
	                            sizeof(*maker.fields));
	if (!maker.fields)
		return ERR_NOMEM;
	maker__properties(&maker, 'n', node->key, node->key_count);
	shape->identity_count = shape->fields_count;
	shape->probe_count = shape->fields_count;
	maker__properties(&maker, 'n', node->properties, node->properties_count);
	maker__labels(&maker, node);
	shape->flags_count = VERIFY_FLAG_LABELS + node->labels_more_count;
	maker__finish(&maker);
	return 0;
}

void verify_shape_add_element_id(struct verify_shape *shape)
{
	struct verify_field *fields = (struct verify_field *)(uintptr_t)shape->fields;

	if (!shape->node || !shape->node->element_id)
		return;
	fields[shape->fields_count++] = (struct verify_field){.type.kind = TYPE_TEXT, .variable = 'n', .element_id = true};
	shape->marked_at = shape->flags_count++;
}

int verify_shape_edge(struct verify_shape *shape, const struct plan *plan, const struct plan_edge *edge, struct arena *arena)
{
	struct maker maker = {.shape = shape};
	size_t ends = (size_t)edge->from.by_count + edge->to.by_count;
	bool from_first = edge->kind != PLAN_EDGE_FOREIGN_KEY || edge->owner_is_from;

	*shape = (struct verify_shape){.plan = plan, .table = &plan->tables[edge->table], .edge = edge};
	maker.fields = arena_calloc(arena, ends + edge->key_count + edge->properties_count, sizeof(*maker.fields));
	if (!maker.fields)
		return ERR_NOMEM;
	maker__end(&maker, from_first);
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY)
		shape->probe_count = shape->fields_count;
	maker__end(&maker, !from_first);
	if (edge->kind == PLAN_EDGE_JOIN_ENDS)
		shape->probe_count = shape->fields_count;
	shape->key_at = shape->fields_count;
	maker__properties(&maker, 'e', edge->key, edge->key_count);
	if (edge->each && edge->key_count)
		maker.fields[shape->key_at].source = VERIFY_SOURCE_PLACE;
	if (edge->kind == PLAN_EDGE_JOIN_KEYED) {
		shape->probe_at = shape->key_at;
		shape->probe_count = edge->key_count;
	}
	shape->identity_count = shape->fields_count;
	maker__properties(&maker, 'e', edge->properties, edge->properties_count);
	if (plan_edge_waits(plan, edge))
		shape->flags_count = VERIFY_EDGE_FLAGS;
	maker__finish(&maker);
	return 0;
}

bool verify_shape_is_of(const struct verify_shape *shape, const bool *tables)
{
	const struct plan *plan = shape->plan;

	if (!tables || shape->table)
		return !tables || tables[shape->table->index];
	for (uint32_t i = 0; i < plan->edges_count; i++)
		if (tables[plan->edges[i]->table] && plan_edge_has_end(plan->edges[i], shape->node))
			return true;
	return false;
}

const char *verify_shape_name(const struct verify_shape *shape)
{
	return shape->node ? shape->node->label : shape->edge->words;
}

/* ---- SQL ---- */

static const struct plan_column *shape__column(const struct verify_shape *shape, uint32_t field)
{
	return &shape->table->columns[shape->fields[field].column];
}

/* " FROM table AS s WHERE ...": what the table beside has of the label */
static void sql__entries(struct buffer *sql, const struct verify_shape *shape)
{
	buffer_append_text(sql, " FROM ");
	sql_quote_qualified(sql, shape->node->element_id->schema, shape->node->element_id->table);
	buffer_append_text(sql, " AS s WHERE s.pipeline = ");
	sql_quote_literal(sql, shape->plan->pipeline);
	buffer_append_text(sql, " AND s.label = ");
	sql_quote_literal(sql, shape->node->label);
}

static void sql__entry_key(struct buffer *sql, const struct verify_shape *shape)
{
	buffer_append_text(sql, "s.key = jsonb_build_array(");
	for (uint32_t i = 0; i < shape->identity_count; i++) {
		buffer_append_text(sql, i ? ", t." : "t.");
		sql_quote_identifier(sql, shape__column(shape, i)->name);
	}
	buffer_append_byte(sql, ')');
}

static void sql__element_id(struct buffer *sql, const struct verify_shape *shape)
{
	const struct plan_element_id *element_id = shape->node->element_id;

	if (element_id->column) {
		buffer_append_text(sql, "t.");
		sql_quote_identifier(sql, element_id->column);
		return;
	}
	buffer_append_text(sql, "(SELECT s.element_id");
	sql__entries(sql, shape);
	buffer_append_text(sql, " AND ");
	sql__entry_key(sql, shape);
	buffer_append_byte(sql, ')');
}

/* concat_ws() makes the text that COPY prints of each; of nothing but NULLs an empty one. */
static void sql__concatenation(struct buffer *sql, const struct verify_shape *shape, const struct concatenation *concatenation)
{
	buffer_append_text(sql, "CASE WHEN num_nonnulls(");
	for (uint32_t i = 0; i < concatenation->count; i++) {
		buffer_append_text(sql, i ? ", t." : "t.");
		sql_quote_identifier(sql, shape->table->columns[concatenation->columns[i]].name);
	}
	buffer_append_text(sql, ") > 0 THEN concat_ws(");
	sql_quote_literal(sql, concatenation->separator);
	for (uint32_t i = 0; i < concatenation->count; i++) {
		buffer_append_text(sql, ", t.");
		sql_quote_identifier(sql, shape->table->columns[concatenation->columns[i]].name);
	}
	buffer_append_text(sql, ") END");
}

static void sql__column(struct buffer *sql, const struct verify_shape *shape, uint32_t field)
{
	if (shape->fields[field].element_id) {
		sql__element_id(sql, shape);
		return;
	}
	if (shape->fields[field].label) {
		buffer_append_byte(sql, '(');
		condition_sql(sql, shape->fields[field].label, shape->table, "t.");
		buffer_append_text(sql, ") IS TRUE");
		return;
	}
	if (shape->fields[field].source != VERIFY_SOURCE_COLUMN) {
		buffer_append_text(sql, shape->fields[field].source == VERIFY_SOURCE_ELEMENT ? "x.e" : "x.i");
		return;
	}
	if (shape->fields[field].concatenation) {
		sql__concatenation(sql, shape, shape->fields[field].concatenation);
		return;
	}
	buffer_append_text(sql, "t.");
	sql_quote_identifier(sql, shape__column(shape, field)->name);
}

static void sql__fields(struct buffer *sql, const struct verify_shape *shape)
{
	for (uint32_t i = 0; i < shape->fields_count; i++) {
		buffer_append_text(sql, i ? ", " : "");
		sql__column(sql, shape, i);
	}
}

static void sql__table(struct buffer *sql, const struct verify_shape *shape)
{
	/* children by inheritance are tables of their own, partitions are not */
	buffer_append_text(sql, shape->table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(sql, shape->table->schema, shape->table->name);
	buffer_append_text(sql, " AS t");
}

/*
 * LATERAL, and "x": the elements of each row's array, with their places, or each only once. In a list of results unnest() gives
 * a composite type as one value, and runs in step with the numbers; what is equal to the type may be several texts, and so
 * several nodes. concat() of a NULL is the empty text, which is an element too.
 */
static void sql__elements(struct buffer *sql, const struct verify_shape *shape, const char *before, const char *behind)
{
	const struct plan_end *far;

	if (!shape->edge || !shape->edge->each)
		return;
	far = shape->edge->owner_is_from ? &shape->edge->to : &shape->edge->from;
	buffer_printf(sql, "%sLATERAL (", before);
	buffer_append_text(sql,
	                   shape->edge->key_count
	                           ? "SELECT unnest(t."
	                           : "SELECT DISTINCT ON (u.e IS NULL, concat(u.e) COLLATE \"C\") u.e FROM (SELECT unnest(t.");
	sql_quote_identifier(sql, shape->table->columns[far->columns[0]].name);
	buffer_append_text(sql, ") AS e");
	if (shape->edge->key_count) {
		buffer_append_text(sql, ", generate_series(1, cardinality(t.");
		sql_quote_identifier(sql, shape->table->columns[far->columns[0]].name);
		buffer_append_text(sql, ")) AS i");
	} else {
		buffer_append_text(sql, ") AS u");
	}
	buffer_printf(sql, ") AS x%s", behind);
}

/* Those of the mapping: of the row's node, and of the relationship. */
static void sql__conditions(struct buffer *sql, const struct verify_shape *shape, const char *word)
{
	const struct condition *all[] = {
	        shape->table->node ? shape->table->node->where : NULL,
	        shape->edge ? shape->edge->where : NULL,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i])
			continue;
		buffer_printf(sql, "%s(", word);
		condition_sql(sql, all[i], shape->table, "t.");
		buffer_append_byte(sql, ')');
		word = " AND ";
	}
}

/* A row with a NULL among its ends makes no relationship. */
static void sql__where(struct buffer *sql, const struct verify_shape *shape)
{
	const char *word = " WHERE ";

	for (uint32_t i = 0; i < shape->identity_count; i++) {
		bool null_too = shape->fields[i].source == VERIFY_SOURCE_ELEMENT || !shape__column(shape, i)->not_null;

		if (!null_too || shape->fields[i].source == VERIFY_SOURCE_PLACE)
			continue;
		buffer_append_text(sql, word);
		sql__column(sql, shape, i);
		buffer_append_text(sql, " IS NOT NULL");
		word = " AND ";
	}
	sql__conditions(sql, shape, word);
}

/*
 * concat() makes the text that COPY prints, where a cast would cut a char(n)'s blanks off; bytes in UTF-8 are ordered alike
 * whatever the database's encoding and collation.
 */
static void sql__order(struct buffer *sql, const struct verify_shape *shape)
{
	for (uint32_t i = 0; i < shape->identity_count; i++) {
		bool text = verify_type_kind(&shape->fields[i].type) == VALUE_STRING;

		buffer_append_text(sql, i ? ", " : " ORDER BY ");
		buffer_append_text(sql, text ? "convert_to(concat(" : "");
		sql__column(sql, shape, i);
		buffer_append_text(sql, text ? "), 'UTF8')" : "");
	}
}

void verify_shape_scan_sql(const struct verify_shape *shape, bool sorted, struct buffer *sql)
{
	buffer_append_text(sql, "COPY (SELECT ");
	sql__fields(sql, shape);
	buffer_append_text(sql, " FROM ");
	sql__table(sql, shape);
	sql__elements(sql, shape, ", ", "");
	sql__where(sql, shape);
	if (sorted)
		sql__order(sql, shape);
	buffer_append_text(sql, ") TO STDOUT");
}

void verify_shape_forget_sql(const struct verify_shape *shape, struct buffer *sql)
{
	buffer_append_text(sql, "DELETE");
	sql__entries(sql, shape);
	buffer_append_text(sql, " AND NOT EXISTS (SELECT FROM ");
	sql__table(sql, shape);
	buffer_append_text(sql, " WHERE ");
	sql__entry_key(sql, shape);
	sql__conditions(sql, shape, " AND ");
	buffer_append_byte(sql, ')');
}

void verify_shape_probe_sql(const struct verify_shape *shape, struct buffer *sql)
{
	buffer_append_text(sql, "SELECT v.i, t.tableoid::text || ' ' || t.ctid::text || ' ' || t.xmin::text, ");
	sql__fields(sql, shape);
	buffer_append_text(sql, " FROM unnest(");
	for (uint32_t i = 0; i < shape->probe_count; i++)
		buffer_printf(sql, "%s$%u::text[]", i ? ", " : "", i + 1);
	buffer_append_text(sql, ") WITH ORDINALITY AS v(");
	for (uint32_t i = 0; i < shape->probe_count; i++)
		buffer_printf(sql, "k%u, ", i);
	buffer_append_text(sql, "i) JOIN ");
	sql__table(sql, shape);
	for (uint32_t i = 0; i < shape->probe_count; i++) {
		uint32_t field = shape->probe_at + i;

		buffer_append_text(sql, i ? " AND " : " ON ");
		sql__column(sql, shape, field);
		buffer_printf(sql, " = v.k%u::%s", i, shape__column(shape, field)->type_name);
	}
	sql__conditions(sql, shape, " AND ");
	sql__elements(sql, shape, " LEFT JOIN ", " ON true");
}

/* ---- Cypher ---- */

/* What stands behind the prefix; of several labels all, with what no value has between them. */
static void cypher__label_rest(struct buffer *cypher, const struct verify_field *field)
{
	buffer_printf(cypher, "reduce(x = null, l IN [l IN labels(%c) WHERE l STARTS WITH ", field->variable);
	cypher_quote_literal(cypher, field->property);
	buffer_printf(cypher, " | substring(l, %zu)] | CASE WHEN x IS NULL THEN l ELSE x + '\\u0000' + l END)",
	              strlen(field->property));
}

static void cypher__property(struct buffer *cypher, const struct verify_field *field)
{
	if (field->prefixes) {
		cypher__label_rest(cypher, field);
		return;
	}
	if (field->element_id) {
		buffer_printf(cypher, "elementId(%c)", field->variable);
		return;
	}
	buffer_printf(cypher, "%c%c", field->variable, field->label ? ':' : '.');
	cypher_quote(cypher, field->property);
}

/* Whether relationships of the shape may wait for a row. */
static bool shape__waits(const struct verify_shape *shape)
{
	return shape->edge && shape->flags_count;
}

static const struct plan_node *shape__end(const struct verify_shape *shape, bool to)
{
	return &shape->plan->nodes[to ? shape->edge->to.node : shape->edge->from.node];
}

/* Whether the node at that end may be hidden; a foreign key's own row has a node that is not. */
static bool shape__end_waits(const struct verify_shape *shape, bool to)
{
	if (!shape__waits(shape) || (shape->edge->kind == PLAN_EDGE_FOREIGN_KEY && shape->edge->owner_is_from != to))
		return false;
	return plan_node_waits(shape__end(shape, to));
}

static void cypher__waiting_flags(struct buffer *cypher, const struct verify_shape *shape)
{
	buffer_append_text(cypher, ", type(e) STARTS WITH '" MAPPING_WAITING "'");
	buffer_printf(cypher, " AS f%u, a:", VERIFY_EDGE_FLAG_WAITS);
	graph_waiting_quote(cypher, shape__end(shape, false)->label);
	buffer_append_text(cypher, " OR b:");
	graph_waiting_quote(cypher, shape__end(shape, true)->label);
	buffer_printf(cypher, " AS f%u", VERIFY_EDGE_FLAG_SHOULD);
}

static void cypher__returns(struct buffer *cypher, const struct verify_shape *shape, bool sorted)
{
	for (uint32_t i = 0; i < shape->fields_count; i++) {
		buffer_append_text(cypher, i ? ", " : "");
		cypher__property(cypher, &shape->fields[i]);
		buffer_printf(cypher, " AS c%u", i);
	}
	if (shape->node) {
		buffer_append_text(cypher, ", n:" PLACEHOLDER " AS f0, CASE WHEN ");
		if (!plan_node_is_value(shape->node))
			buffer_append_text(cypher, "n:" PLACEHOLDER " AND ");
		buffer_append_text(cypher, "(n)--() THEN true ELSE false END AS f1");
		for (uint32_t i = 0; i < shape->node->labels_more_count; i++) {
			buffer_append_text(cypher, ", n:");
			cypher_quote(cypher, shape->node->labels_more[i]);
			buffer_printf(cypher, " AS f%u", VERIFY_FLAG_LABELS + i);
		}
	}
	if (shape__waits(shape))
		cypher__waiting_flags(cypher, shape);
	if (shape->marked_at)
		buffer_printf(cypher, ", n:`" MAPPING_LABEL_ELEMENT_ID "` OR n:`" MAPPING_LABEL_ELEMENT_ID_TAKEN "` AS f%u",
		              shape->marked_at);
	for (uint32_t i = 0; sorted && i < shape->identity_count; i++)
		buffer_printf(cypher, "%sc%u", i ? ", " : " ORDER BY ", i);
}

/* "(a:`A`)-[e:`T`]->(b:`B`)", or "(n:`L`)" */
static void cypher__pattern(struct buffer *cypher, const struct verify_shape *shape)
{
	if (shape->node) {
		buffer_append_text(cypher, "(n:");
		cypher_quote(cypher, shape->node->label);
		buffer_append_text(cypher, ")");
		return;
	}
	buffer_append_text(cypher, "(a:");
	cypher_quote(cypher, shape->plan->nodes[shape->edge->from.node].label);
	buffer_append_text(cypher, ")-[e:");
	cypher_quote(cypher, shape->edge->type);
	buffer_append_text(cypher, "]->(b:");
	cypher_quote(cypher, shape->plan->nodes[shape->edge->to.node].label);
	buffer_append_text(cypher, ")");
}

/* The same, with those that wait among them; which nodes these are is for cypher__either_ends. */
static void cypher__pattern_either(struct buffer *cypher, const struct verify_shape *shape)
{
	if (!shape__waits(shape)) {
		cypher__pattern(cypher, shape);
		return;
	}
	for (int to = 0; to < 2; to++) {
		buffer_append_text(cypher, to ? "(b" : "(a");
		if (!shape__end_waits(shape, to)) {
			buffer_append_text(cypher, ":");
			cypher_quote(cypher, shape__end(shape, to)->label);
		}
		buffer_append_text(cypher, to ? ")" : ")-[e:");
		if (to)
			return;
		cypher_quote(cypher, shape->edge->type);
		buffer_append_text(cypher, "|");
		graph_waiting_quote(cypher, shape->edge->type);
		buffer_append_text(cypher, "]->");
	}
}

/* "AND (b:`B` OR b:`_PgweaveWaiting_B`)"; returns the word for the next condition. */
static const char *cypher__either_ends(struct buffer *cypher, const struct verify_shape *shape, const char *word)
{
	for (int to = 0; to < 2 && shape__waits(shape); to++) {
		if (!shape__end_waits(shape, to))
			continue;
		buffer_printf(cypher, " %s (%c:", word, to ? 'b' : 'a');
		cypher_quote(cypher, shape__end(shape, to)->label);
		buffer_printf(cypher, " OR %c:", to ? 'b' : 'a');
		graph_waiting_quote(cypher, shape__end(shape, to)->label);
		buffer_append_text(cypher, ")");
		word = "AND";
	}
	return word;
}

/* "AND NOT n:`Deleted`": what is there without a row by choice. Of relationships that stay, too, it is the node that says so.
 */
static void cypher__stays(struct buffer *cypher, const struct verify_shape *shape, const char *word)
{
	const struct plan_node *node = shape->node;
	char variable = 'n';

	if (shape->edge && shape->edge->kind == PLAN_EDGE_FOREIGN_KEY) {
		node = shape->table->node;
		variable = shape->edge->owner_is_from ? 'a' : 'b';
		if (node->on_delete != PLAN_DELETE_KEEP)
			return;
	}
	if (!node || !node->deleted_label)
		return;
	buffer_printf(cypher, " %s NOT %c:", word, variable);
	cypher_quote(cypher, node->deleted_label);
}

/* The label or type of a field's variable. */
static const char *shape__label(const struct verify_shape *shape, uint32_t field)
{
	switch (shape->fields[field].variable) {
	case 'a':
		return shape->plan->nodes[shape->edge->from.node].label;
	case 'b':
		return shape->plan->nodes[shape->edge->to.node].label;
	case 'e':
		return shape->edge->type;
	default:
		return shape->node->label;
	}
}

/* Of a relationship that keeps its history, only what is current has a row. */
static void cypher__current(struct buffer *cypher, const struct verify_shape *shape, const char *word)
{
	if (!shape->edge || !shape->edge->history)
		return;
	buffer_append_text(cypher, word);
	graph_history_current(cypher, "e", shape->edge->history);
}

/* How many fields from `at` belong to the same variable. */
static uint32_t shape__run(const struct verify_shape *shape, uint32_t at, uint32_t end)
{
	uint32_t count = 1;

	while (at + count < end && shape->fields[at + count].variable == shape->fields[at].variable)
		count++;
	return count;
}

static void cypher__hint_name(struct buffer *cypher, const struct verify_shape *shape, uint32_t at, uint32_t count,
                              bool waiting)
{
	buffer_printf(cypher, " USING INDEX %c:", shape->fields[at].variable);
	if (waiting)
		graph_waiting_quote(cypher, shape__label(shape, at));
	else
		cypher_quote(cypher, shape__label(shape, at));
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : "(");
		cypher_quote(cypher, shape->fields[at + i].property);
	}
	buffer_append_text(cypher, ")");
}

/* A hint for the key's index: it gives the order, and no plan made over an empty graph can miss it. */
static void cypher__hint(struct buffer *cypher, const struct verify_shape *shape, uint32_t at, uint32_t count)
{
	cypher__hint_name(cypher, shape, at, count, false);
}

void verify_shape_scan_cypher(const struct verify_shape *shape, bool sorted, struct buffer *cypher)
{
	uint32_t lead = shape->node ? shape->identity_count : shape__run(shape, 0, shape->key_at);

	buffer_append_text(cypher, "MATCH ");
	cypher__pattern_either(cypher, shape);
	/* of two labels neither's index has them all */
	if (!shape__end_waits(shape, shape->fields[0].variable == 'b'))
		cypher__hint(cypher, shape, 0, lead);
	for (uint32_t i = 0; i < lead; i++) {
		buffer_append_text(cypher, i ? " AND " : " WHERE ");
		cypher__property(cypher, &shape->fields[i]);
		buffer_append_text(cypher, " IS NOT NULL");
	}
	cypher__either_ends(cypher, shape, "AND");
	cypher__stays(cypher, shape, "AND");
	cypher__current(cypher, shape, " AND ");
	buffer_append_text(cypher, " RETURN ");
	cypher__returns(cypher, shape, sorted);
}

void verify_shape_keyless_cypher(const struct verify_shape *shape, struct buffer *cypher)
{
	buffer_append_text(cypher, "MATCH ");
	cypher__pattern_either(cypher, shape);
	for (uint32_t i = 0; i < shape->identity_count; i++) {
		buffer_append_text(cypher, i ? " OR " : " WHERE (");
		cypher__property(cypher, &shape->fields[i]);
		buffer_append_text(cypher, " IS NULL");
	}
	buffer_append_byte(cypher, ')');
	cypher__either_ends(cypher, shape, "AND");
	cypher__current(cypher, shape, " AND ");
	buffer_append_text(cypher, " RETURN ");
	cypher__returns(cypher, shape, false);
}

/* "MATCH (a:`A` {`id`: r[at]}) USING INDEX ..." for the count fields from `first` of one node */
static void cypher__match_end(struct buffer *cypher, const struct verify_shape *shape, uint32_t first, uint32_t count,
                              uint32_t at)
{
	buffer_printf(cypher, " MATCH (%c:", shape->fields[first].variable);
	cypher_quote(cypher, shape__label(shape, first));
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : " {");
		cypher_quote(cypher, shape->fields[first + i].property);
		buffer_printf(cypher, ": r[%u]", at + i);
	}
	buffer_append_text(cypher, "})");
	cypher__hint(cypher, shape, first, count);
}

/* The same where it may be hidden. */
static void cypher__match_either_end(struct buffer *cypher, const struct verify_shape *shape, uint32_t first, uint32_t count,
                                     uint32_t at)
{
	char variable = shape->fields[first].variable;

	if (!shape__end_waits(shape, variable == 'b')) {
		cypher__match_end(cypher, shape, first, count, at);
		return;
	}
	buffer_append_text(cypher, " CALL { WITH r");
	cypher__match_end(cypher, shape, first, count, at);
	buffer_printf(cypher, " RETURN %c UNION ALL WITH r MATCH (%c:", variable, variable);
	graph_waiting_quote(cypher, shape__label(shape, first));
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(cypher, i ? ", " : " {");
		cypher_quote(cypher, shape->fields[first + i].property);
		buffer_printf(cypher, ": r[%u]", at + i);
	}
	buffer_append_text(cypher, "})");
	cypher__hint_name(cypher, shape, first, count, true);
	buffer_printf(cypher, " RETURN %c }", variable);
}

/* By its own key, of one of the two types. */
static void cypher__match_keyed(struct buffer *cypher, const struct verify_shape *shape, bool waiting)
{
	buffer_append_text(cypher, " MATCH ");
	if (shape__waits(shape)) {
		buffer_append_text(cypher, "(a)-[e:");
		if (waiting)
			graph_waiting_quote(cypher, shape->edge->type);
		else
			cypher_quote(cypher, shape->edge->type);
		buffer_append_text(cypher, "]->(b)");
	} else {
		cypher__pattern(cypher, shape);
	}
	cypher__hint_name(cypher, shape, shape->key_at, shape->edge->key_count, waiting);
	for (uint32_t i = 0; i < shape->edge->key_count; i++) {
		buffer_append_text(cypher, i ? " AND " : " WHERE ");
		cypher__property(cypher, &shape->fields[shape->key_at + i]);
		buffer_printf(cypher, " = r[%u]", i + 1);
	}
}

static void cypher__probe_keyed(struct buffer *cypher, const struct verify_shape *shape)
{
	const char *word;

	if (!shape__waits(shape)) {
		cypher__match_keyed(cypher, shape, false);
		cypher__current(cypher, shape, " AND ");
		return;
	}
	buffer_append_text(cypher, " CALL { WITH r");
	cypher__match_keyed(cypher, shape, false);
	buffer_append_text(cypher, " RETURN a, e, b UNION ALL WITH r");
	cypher__match_keyed(cypher, shape, true);
	buffer_append_text(cypher, " RETURN a, e, b } WITH r, a, e, b");
	word = cypher__either_ends(cypher, shape, "WHERE");
	for (int to = 0; to < 2; to++) {
		if (shape__end_waits(shape, to))
			continue;
		buffer_printf(cypher, " %s %c:", word, to ? 'b' : 'a');
		cypher_quote(cypher, shape__end(shape, to)->label);
		word = "AND";
	}
}

void verify_shape_probe_cypher(const struct verify_shape *shape, struct buffer *cypher)
{
	uint32_t end = shape->probe_at + shape->probe_count;
	const char *word = "WHERE";

	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r");
	if (shape->edge && shape->edge->kind == PLAN_EDGE_JOIN_KEYED) {
		cypher__probe_keyed(cypher, shape);
	} else {
		for (uint32_t i = shape->probe_at; i < end; i += shape__run(shape, i, end))
			cypher__match_either_end(cypher, shape, i, shape__run(shape, i, end), i - shape->probe_at + 1);
		if (shape->edge) {
			buffer_append_text(cypher, " MATCH ");
			cypher__pattern_either(cypher, shape);
			cypher__current(cypher, shape, " WHERE ");
			word = cypher__either_ends(cypher, shape, "WHERE");
		}
		cypher__stays(cypher, shape, shape->edge && shape->edge->history ? "AND" : word);
	}
	buffer_append_text(cypher, " RETURN r[0] AS i, ");
	cypher__returns(cypher, shape, false);
}

/* What never was a version goes; a version is closed. The newest stays where one may. */
static void cypher__close(struct buffer *cypher, const struct verify_shape *shape)
{
	const struct plan_history *history = shape->edge->history;
	uint32_t keep = shape->identity_count, time = keep + 1;

	buffer_append_text(cypher, " WITH r, e ORDER BY coalesce(e.");
	cypher_quote(cypher, history->version);
	buffer_printf(cypher, ", 0) DESC WITH r, collect(DISTINCT e) AS es UNWIND es[r[%u]..] AS e WITH r, e, e.", keep);
	cypher_quote(cypher, history->from);
	buffer_append_text(cypher,
	                   " AS since FOREACH (x IN CASE WHEN since IS NULL THEN [e] ELSE [] END | DELETE x) FOREACH (x IN "
	                   "CASE WHEN since IS NULL THEN [] ELSE [e] END | SET x.");
	cypher_quote(cypher, history->to);
	buffer_printf(cypher, " = CASE WHEN since > r[%u] THEN since ELSE r[%u] END)", time, time);
}

void verify_shape_surplus_cypher(const struct verify_shape *shape, struct buffer *cypher)
{
	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r");
	for (uint32_t i = 0; i < shape->key_at; i += shape__run(shape, i, shape->key_at))
		cypher__match_end(cypher, shape, i, shape__run(shape, i, shape->key_at), i);
	buffer_append_text(cypher, " MATCH ");
	cypher__pattern(cypher, shape);
	for (uint32_t i = shape->key_at; i < shape->identity_count; i++) {
		buffer_append_text(cypher, i > shape->key_at ? " AND " : " WHERE ");
		cypher__property(cypher, &shape->fields[i]);
		buffer_printf(cypher, " = r[%u]", i);
	}
	cypher__current(cypher, shape, shape->key_at < shape->identity_count ? " AND " : " WHERE ");
	if (shape->edge->history) {
		cypher__close(cypher, shape);
		return;
	}
	buffer_printf(cypher, " WITH r, collect(DISTINCT e) AS es UNWIND es[r[%u]..] AS e DELETE e", shape->identity_count);
}
