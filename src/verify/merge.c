#include "verify/merge.h"

#include "verify/order.h"

/* One entity in comparison; row or graph is NULL where a side has none. */
struct pair {
	struct verify_merge *merge;
	const struct verify_record *row;
	const struct verify_record *graph;
	bool differs;
};

static const struct value null_value = {.kind = VALUE_NULL};

static void pair__tell(struct pair *pair, enum verify_kind kind, enum verify_note note, struct verify_difference *difference)
{
	const struct verify_shape *shape = pair->merge->shape;
	const struct verify_record *record = pair->row ? pair->row : pair->graph; /* one of them is always there */
	struct verify_sink *sink = pair->merge->sink;

	difference->kind = kind;
	difference->note = note;
	difference->node = shape->node;
	difference->edge = shape->edge;
	difference->key = record->values + shape->key_at; /* NOLINT(clang-analyzer-core.NullDereference): see above */
	if (shape->edge) {
		difference->from = record->values + shape->from_at;
		difference->to = record->values + shape->to_at;
		difference->from_count = shape->edge->from.by_count;
		difference->to_count = shape->edge->to.by_count;
	}
	if (!sink->stopped)
		sink->stopped = sink->on_difference(sink->user, record->ordinal, difference);
}

static void pair__missing(struct pair *pair, enum verify_note note)
{
	struct verify_difference difference = {0};

	pair->merge->counts->missing++;
	pair__tell(pair, pair->merge->shape->node ? VERIFY_NODE_MISSING : VERIFY_EDGE_MISSING, note, &difference);
}

static void pair__extra(struct pair *pair, enum verify_note note)
{
	struct verify_difference difference = {0};

	pair->merge->counts->extra++;
	pair__tell(pair, pair->merge->shape->node ? VERIFY_NODE_EXTRA : VERIFY_EDGE_EXTRA, note, &difference);
}

/* A label that a column chooses. Without a row there is none to choose it. */
static void pair__label(struct pair *pair, uint32_t i)
{
	const struct verify_shape *shape = pair->merge->shape;
	struct verify_difference difference = {.property = shape->fields[i].property};
	bool expected = pair->row && pair->row->values[i].kind == VALUE_BOOL && pair->row->values[i].boolean;
	bool actual = pair->graph->values[i].kind == VALUE_BOOL && pair->graph->values[i].boolean;

	if (expected == actual)
		return;
	pair->differs = true;
	pair__tell(pair, expected ? VERIFY_NODE_LABEL : VERIFY_NODE_LABEL_EXTRA, VERIFY_NOTE_NONE, &difference);
}

static void pair__field(struct pair *pair, uint32_t i)
{
	const struct verify_shape *shape = pair->merge->shape;
	const struct value *expected = pair->row ? &pair->row->values[i] : &null_value;
	enum verify_mark row_mark = pair->row ? (enum verify_mark)pair->row->marks[i] : VERIFY_MARK_NONE;
	enum verify_mark graph_mark = (enum verify_mark)pair->graph->marks[i];
	enum verify_note note = row_mark == VERIFY_MARK_UNREADABLE  ? VERIFY_NOTE_UNREADABLE
	                        : graph_mark == VERIFY_MARK_FOREIGN ? VERIFY_NOTE_FOREIGN
	                                                            : VERIFY_NOTE_NONE;
	struct verify_difference difference = {
	        .property = shape->fields[i].property,
	        .expected = expected,
	        .actual = &pair->graph->values[i],
	};

	if (note == VERIFY_NOTE_NONE && value_equal(expected, difference.actual))
		return;
	pair->differs = true;
	pair__tell(pair, shape->node ? VERIFY_NODE_PROPERTY : VERIFY_EDGE_PROPERTY, note, &difference);
}

/* What is marked is on its way to PostgreSQL; without a row there is nothing to tell of. */
static void pair__element_id(struct pair *pair, uint32_t i)
{
	struct verify_difference difference = {0};

	if (!pair->row || pair->graph->flags[pair->merge->shape->marked_at] ||
	    value_equal(&pair->row->values[i], &pair->graph->values[i]))
		return;
	difference.expected = &pair->row->values[i];
	difference.actual = &pair->graph->values[i];
	pair->differs = true;
	pair__tell(pair, VERIFY_NODE_ELEMENT_ID, VERIFY_NOTE_NONE, &difference);
}

/* A placeholder's row is as good as all null. */
static void pair__fields(struct pair *pair)
{
	const struct verify_shape *shape = pair->merge->shape;
	uint32_t labels_end = shape->marked_at ? shape->marked_at : shape->flags_count;

	for (uint32_t i = shape->identity_count; i < shape->fields_count; i++)
		if (shape->fields[i].element_id)
			pair__element_id(pair, i);
		else if (shape->fields[i].label)
			pair__label(pair, i);
		else
			pair__field(pair, i);
	for (uint32_t i = VERIFY_FLAG_LABELS; shape->node && (pair->row || !shape->table) && i < labels_end; i++) {
		struct verify_difference difference = {.property = shape->node->labels_more[i - VERIFY_FLAG_LABELS]};

		if (pair->graph->flags[i])
			continue;
		pair->differs = true;
		pair__tell(pair, VERIFY_NODE_LABEL, VERIFY_NOTE_NONE, &difference);
	}
	pair->merge->counts->different += pair->differs;
}

static bool pair__is_placeholder(const struct pair *pair)
{
	return pair->merge->shape->node && pair->graph->flags[VERIFY_FLAG_PLACEHOLDER];
}

/* A relationship waits just while an end of it does. */
static bool pair__is_misplaced(const struct pair *pair)
{
	const struct verify_shape *shape = pair->merge->shape;

	return shape->edge && shape->flags_count &&
	       pair->graph->flags[VERIFY_EDGE_FLAG_WAITS] != pair->graph->flags[VERIFY_EDGE_FLAG_SHOULD];
}

/* What is made of a value has no row at all. */
static void pair__value(struct pair *pair)
{
	const struct plan_node *node = pair->merge->shape->node;

	if (pair->graph->flags[VERIFY_FLAG_CONNECTED] || node->keep)
		pair__fields(pair);
	else
		pair__extra(pair, VERIFY_NOTE_UNUSED);
}

/*
 * What the graph has without a row. A placeholder stays as long as anything is attached to it; where every relationship has an
 * enforced foreign key behind it there is no place for one.
 */
static void pair__without_row(struct pair *pair, bool doubled)
{
	if (!pair->merge->shape->table)
		pair__value(pair);
	else if (!pair__is_placeholder(pair))
		pair__extra(pair, doubled ? VERIFY_NOTE_DOUBLED : VERIFY_NOTE_NONE);
	else if (!pair->graph->flags[VERIFY_FLAG_CONNECTED] || !pair->merge->shape->node->may_be_placeholder)
		pair__extra(pair, VERIFY_NOTE_LEFTOVER);
	else if (plan_node_waits(pair->merge->shape->node))
		pair__extra(pair, VERIFY_NOTE_SEEN);
	else
		pair__fields(pair);
}

static void merge__odd_row(void *user, const struct verify_record *record)
{
	struct pair pair = {.merge = user, .row = record};

	pair__missing(&pair, VERIFY_NOTE_UNREADABLE);
}

static void merge__odd_record(void *user, const struct verify_record *record)
{
	struct pair pair = {.merge = user, .graph = record};

	pair__extra(&pair, VERIFY_NOTE_NO_KEY);
}

void verify_merge_init(struct verify_merge *merge, const struct verify_shape *shape, bool sort, struct verify_sink *sink,
                       struct verify_counts *counts)
{
	*merge = (struct verify_merge){.shape = shape, .sink = sink, .counts = counts};
	verify_stream_init(&merge->rows, shape, "PostgreSQL", sort);
	verify_stream_init(&merge->graph, shape, "Neo4j", sort);
	merge->rows.on_odd = merge__odd_row;
	merge->graph.on_odd = merge__odd_record;
	merge->rows.user = merge->graph.user = merge;
	arena_init(&merge->matched_arena, VERIFY_SORT_SIZE_MAX);
}

void verify_merge_free(struct verify_merge *merge)
{
	merge->counts->rows += merge->rows.count;
	merge->counts->records += merge->graph.count;
	verify_stream_free(&merge->rows);
	verify_stream_free(&merge->graph);
	arena_free(&merge->matched_arena);
}

static bool merge__is_doubled(const struct verify_merge *merge, const struct verify_record *record)
{
	return merge->matched && verify_record_order(merge->shape, merge->matched, record) == 0;
}

/* The identity is kept until the next one: what has it again, on either side, is doubled. */
static int merge__remember(struct verify_merge *merge, const struct verify_record *record)
{
	uint32_t count = merge->shape->identity_count;
	struct verify_record *copy;

	arena_reset(&merge->matched_arena);
	merge->matched = NULL;
	copy = arena_calloc(&merge->matched_arena, 1, sizeof(*copy));
	if (!copy)
		return ERR_NOMEM;
	copy->ordinal = record->ordinal;
	copy->values = arena_calloc(&merge->matched_arena, count, sizeof(*copy->values));
	for (uint32_t i = 0; i < count; i++)
		if (!copy->values ||
		    !verify_value_copy(&merge->matched_arena, &record->values[i], UINT32_MAX, &copy->values[i]))
			return ERR_NOMEM;
	merge->matched = copy;
	return 0;
}

/* Both sides have it. */
static int merge__both(struct verify_merge *merge, struct pair *pair)
{
	int rc = merge__remember(merge, pair->row);

	if (pair__is_placeholder(pair))
		pair__missing(pair, VERIFY_NOTE_PLACEHOLDER);
	else if (pair__is_misplaced(pair))
		pair__missing(pair, pair->graph->flags[VERIFY_EDGE_FLAG_WAITS] ? VERIFY_NOTE_HIDDEN : VERIFY_NOTE_NOT_HIDDEN);
	else
		pair__fields(pair);
	verify_stream_pop(&merge->rows);
	verify_stream_pop(&merge->graph);
	return rc;
}

static int merge__next(struct verify_merge *merge, const struct verify_record *row, const struct verify_record *graph)
{
	int order = !row ? 1 : !graph ? -1 : verify_record_order(merge->shape, row, graph);
	struct pair pair = {.merge = merge, .row = order <= 0 ? row : NULL, .graph = order >= 0 ? graph : NULL};

	if (order == 0)
		return merge__both(merge, &pair);
	if (order < 0) {
		pair__missing(&pair, merge__is_doubled(merge, row) ? VERIFY_NOTE_DOUBLED : VERIFY_NOTE_NONE);
		verify_stream_pop(&merge->rows);
		return 0;
	}
	pair__without_row(&pair, merge__is_doubled(merge, graph));
	verify_stream_pop(&merge->graph);
	return 0;
}

static int merge__check(const struct verify_merge *merge, struct error *error)
{
	const struct verify_stream *streams[] = {&merge->rows, &merge->graph};

	for (int i = 0; i < 2; i++) {
		if (streams[i]->error.code) {
			*error = streams[i]->error;
			return error->code;
		}
		if (streams[i]->disordered)
			return error_set(error, ERR_STATE, "%s: %s does not sort its key as was asked for",
			                 verify_shape_name(merge->shape), streams[i]->side);
	}
	return 0;
}

int verify_merge_step(struct verify_merge *merge, struct error *error)
{
	int rc = merge__check(merge, error);

	while (rc == 0 && verify_stream_is_ready(&merge->rows) && verify_stream_is_ready(&merge->graph)) {
		const struct verify_record *row = verify_stream_peek(&merge->rows);
		const struct verify_record *graph = verify_stream_peek(&merge->graph);

		if ((!row && !graph) || merge->sink->stopped)
			return 1;
		if (merge__next(merge, row, graph) < 0)
			rc = error_set(error, ERR_NOMEM, "no memory for a key of %s", verify_shape_name(merge->shape));
	}
	return rc;
}
