#include "mapping/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP_Y 18.0       /* between two cells of a column */
#define GAP_X_MIN 34.0   /* between two columns */
#define GAP_X_MAX 110.0  /* where arrows climb far */
#define LANE_HEIGHT 10.0 /* of an arrow that only passes */
#define LOOP_HEIGHT 40.0 /* what a loop takes above its box, beside its label */
#define PORT_GAP_MAX 22.0
#define LEAD 14.0 /* the straight way of an arrow before it touches a box */
#define PARTS_GAP 46.0
#define PICTURE_ASPECT 1.7
#define ORDER_SWEEPS 24
#define PLACE_SWEEPS 60
#define LANE_PULL 4.0
#define NONE UINT32_MAX

/* A place in a column: a box, or where an arrow passes. */
struct cell {
	uint32_t box;  /* or NONE */
	uint32_t edge; /* or NONE */
	bool is_label; /* the label of that edge stands here */
	uint32_t column;
	uint32_t place; /* in its column, from the top */
	uint32_t *left; /* cells in the column before */
	uint32_t *right;
	uint32_t left_count;
	uint32_t right_count;
	double width;
	double height;
	double top;  /* how much of the height is above the y that arrows aim at */
	double y;    /* of that middle */
	double wish; /* scratch */
};

/* One connected part. */
struct part {
	struct layout *layout;
	struct arena *arena;
	uint32_t *boxes;
	uint32_t boxes_count;
	uint32_t *edges;
	uint32_t edges_count;
	struct cell *cells;
	uint32_t cells_count;
	uint32_t **columns; /* the cells of each, in order */
	uint32_t *columns_size;
	double *columns_x;
	double *columns_width;
	uint32_t columns_count;
	double width;
	double height;
	double x;
	double y;
};

struct graph {
	struct layout *layout;
	struct arena *arena;
	uint32_t *part_of;  /* by box */
	uint32_t *rank;     /* by box */
	uint32_t *position; /* by box, in the order that cuts cycles */
	uint32_t *cell_of;  /* by box, in its part */
	uint32_t *loops;    /* by box */
	double *loop_width;
	double *loop_height;
};

static uint32_t graph__left(const struct graph *graph, const struct layout_edge *edge)
{
	return graph->position[edge->from] < graph->position[edge->to] ? edge->from : edge->to;
}

static uint32_t graph__right(const struct graph *graph, const struct layout_edge *edge)
{
	return graph->position[edge->from] < graph->position[edge->to] ? edge->to : edge->from;
}

/*
 * An order of the boxes in which few arrows point back (Eades, Lin, Smyth 1993): boxes that nothing points to first, those that
 * point nowhere last, in between the one with the most arrows out beyond those in.
 */
static int graph__order(struct graph *graph)
{
	uint32_t count = graph->layout->boxes_count, head = 0, tail = count;
	int64_t *out = arena_calloc(graph->arena, count, sizeof(*out));
	int64_t *in = arena_calloc(graph->arena, count, sizeof(*in));
	bool *done = arena_calloc(graph->arena, count, sizeof(*done));

	if (!out || !in || !done)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < graph->layout->edges_count; i++)
		if (graph->layout->edges[i].from != graph->layout->edges[i].to) {
			out[graph->layout->edges[i].from]++;
			in[graph->layout->edges[i].to]++;
		}
	while (head < tail) {
		uint32_t best = NONE;
		bool is_sink = false;

		for (uint32_t i = 0; i < count; i++) {
			if (done[i])
				continue;
			if (in[i] == 0 || out[i] == 0) {
				best = i;
				is_sink = in[i] != 0;
				break;
			}
			if (best == NONE || out[i] - in[i] > out[best] - in[best])
				best = i;
		}
		done[best] = true;
		graph->position[best] = is_sink ? --tail : head++;
		for (uint32_t i = 0; i < graph->layout->edges_count; i++) {
			const struct layout_edge *edge = &graph->layout->edges[i];

			if (edge->from == best && edge->to != best)
				in[edge->to]--;
			if (edge->to == best && edge->from != best)
				out[edge->from]--;
		}
	}
	return 0;
}

/* Longest paths first; then boxes with more arrows to the right than to the left move right, as far as they may. */
static int graph__rank(struct graph *graph)
{
	uint32_t count = graph->layout->boxes_count;
	uint32_t *at = arena_calloc(graph->arena, count, sizeof(*at));

	if (!at)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < count; i++)
		at[graph->position[i]] = i;
	for (uint32_t p = 0; p < count; p++)
		for (uint32_t i = 0; i < graph->layout->edges_count; i++) {
			const struct layout_edge *edge = &graph->layout->edges[i];
			uint32_t left = graph__left(graph, edge), right = graph__right(graph, edge);

			if (edge->from != edge->to && left == at[p] && graph->rank[right] < graph->rank[left] + 1)
				graph->rank[right] = graph->rank[left] + 1;
		}
	for (uint32_t p = count; p-- > 0;) {
		uint32_t least = NONE, ins = 0, outs = 0;

		for (uint32_t i = 0; i < graph->layout->edges_count; i++) {
			const struct layout_edge *edge = &graph->layout->edges[i];

			if (edge->from == edge->to)
				continue;
			ins += graph__right(graph, edge) == at[p];
			if (graph__left(graph, edge) != at[p])
				continue;
			outs++;
			if (graph->rank[graph__right(graph, edge)] < least)
				least = graph->rank[graph__right(graph, edge)];
		}
		if (outs > ins && least != NONE)
			graph->rank[at[p]] = least - 1;
	}
	return 0;
}

static uint32_t graph__root(uint32_t *parent, uint32_t box)
{
	while (parent[box] != box) {
		parent[box] = parent[parent[box]];
		box = parent[box];
	}
	return box;
}

/* Numbers the connected parts in the order of their first boxes. */
static uint32_t graph__parts(struct graph *graph)
{
	uint32_t count = graph->layout->boxes_count, parts = 0;
	uint32_t *parent = arena_calloc(graph->arena, count, sizeof(*parent));
	uint32_t *number = arena_calloc(graph->arena, count, sizeof(*number));

	if (!parent || !number)
		return NONE;
	for (uint32_t i = 0; i < count; i++) {
		parent[i] = i;
		number[i] = NONE;
	}
	for (uint32_t i = 0; i < graph->layout->edges_count; i++) {
		uint32_t a = graph__root(parent, graph->layout->edges[i].from);
		uint32_t b = graph__root(parent, graph->layout->edges[i].to);

		parent[a > b ? a : b] = a > b ? b : a;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t root = graph__root(parent, i);

		if (number[root] == NONE)
			number[root] = parts++;
		graph->part_of[i] = number[root];
	}
	return parts;
}

static struct cell *part__cell(struct part *part, uint32_t column, uint32_t box, uint32_t edge)
{
	struct cell *cell = &part->cells[part->cells_count++];

	*cell = (struct cell){.box = box, .edge = edge, .column = column, .height = LANE_HEIGHT, .top = LANE_HEIGHT / 2};
	cell->place = part->columns_size[column]++;
	return cell;
}

static void part__box_cell(struct part *part, struct graph *graph, uint32_t box, uint32_t rank_least)
{
	struct cell *cell = part__cell(part, 2 * (graph->rank[box] - rank_least), box, NONE);
	double above = graph->loop_height[box];

	graph->cell_of[box] = (uint32_t)(cell - part->cells);
	cell->width = fmax(part->layout->boxes[box].width + 2 * LEAD, graph->loop_width[box]);
	cell->height = part->layout->boxes[box].height + above;
	cell->top = above + part->layout->boxes[box].height / 2;
}

/* The cells of an arrow between its two boxes; the label stands in the middle one that is no column of boxes. */
static void part__edge_cells(struct part *part, const struct graph *graph, uint32_t index)
{
	const struct layout_edge *edge = &part->layout->edges[index];
	uint32_t from = part->cells[graph->cell_of[graph__left(graph, edge)]].column;
	uint32_t to = part->cells[graph->cell_of[graph__right(graph, edge)]].column;
	uint32_t middle = (from + to) / 2;

	if (middle % 2 == 0)
		middle--;
	for (uint32_t column = from + 1; column < to; column++) {
		struct cell *cell = part__cell(part, column, NONE, index);

		if (column != middle)
			continue;
		cell->is_label = true;
		cell->width = edge->label_width;
		cell->height = edge->label_height;
		cell->top = edge->label_height / 2;
	}
}

static void part__link(struct part *part, uint32_t left, uint32_t right, bool count_only)
{
	struct cell *a = &part->cells[left], *b = &part->cells[right];

	if (!count_only) {
		a->right[a->right_count] = right;
		b->left[b->left_count] = left;
	}
	a->right_count++;
	b->left_count++;
}

static void part__link_all(struct part *part, const struct graph *graph, uint32_t first_lane, bool count_only)
{
	uint32_t lane = first_lane;

	for (uint32_t i = 0; i < part->edges_count; i++) {
		const struct layout_edge *edge = &part->layout->edges[part->edges[i]];
		uint32_t before = graph->cell_of[graph__left(graph, edge)];
		uint32_t last = graph->cell_of[graph__right(graph, edge)];

		if (edge->from == edge->to)
			continue;
		for (; lane < part->cells_count && part->cells[lane].edge == part->edges[i]; lane++) {
			part__link(part, before, lane, count_only);
			before = lane;
		}
		part__link(part, before, last, count_only);
	}
}

static int part__neighbours(struct part *part, const struct graph *graph, uint32_t first_lane)
{
	part__link_all(part, graph, first_lane, true);
	for (uint32_t i = 0; i < part->cells_count; i++) {
		struct cell *cell = &part->cells[i];

		cell->left = arena_calloc(part->arena, cell->left_count + 1, sizeof(*cell->left));
		cell->right = arena_calloc(part->arena, cell->right_count + 1, sizeof(*cell->right));
		if (!cell->left || !cell->right)
			return ERR_NOMEM;
		cell->left_count = cell->right_count = 0;
	}
	part__link_all(part, graph, first_lane, false);
	return 0;
}

static int part__columns(struct part *part)
{
	part->columns = arena_calloc(part->arena, part->columns_count, sizeof(*part->columns));
	for (uint32_t c = 0; part->columns && c < part->columns_count; c++) {
		part->columns[c] = arena_calloc(part->arena, part->columns_size[c] + 1, sizeof(*part->columns[c]));
		if (!part->columns[c])
			return ERR_NOMEM;
	}
	if (!part->columns)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < part->cells_count; i++)
		part->columns[part->cells[i].column][part->cells[i].place] = i;
	return 0;
}

/* How many cells the part takes: bounded before they are made. */
static uint64_t part__count_cells(const struct part *part, const struct graph *graph)
{
	uint64_t count = part->boxes_count;

	for (uint32_t i = 0; i < part->edges_count; i++) {
		const struct layout_edge *edge = &part->layout->edges[part->edges[i]];

		if (edge->from != edge->to)
			count += 2ull * (graph->rank[graph__right(graph, edge)] - graph->rank[graph__left(graph, edge)]) - 1;
	}
	return count;
}

static int part__build(struct part *part, struct graph *graph)
{
	uint32_t least = NONE, most = 0, first_lane;
	uint64_t cells = part__count_cells(part, graph);

	if (cells > LAYOUT_CELLS_MAX)
		return ERR_LIMIT;
	for (uint32_t i = 0; i < part->boxes_count; i++) {
		uint32_t rank = graph->rank[part->boxes[i]];

		least = rank < least ? rank : least;
		most = rank > most ? rank : most;
	}
	part->columns_count = 2 * (most - least) + 1;
	part->columns_size = arena_calloc(part->arena, part->columns_count, sizeof(*part->columns_size));
	part->columns_x = arena_calloc(part->arena, part->columns_count, sizeof(*part->columns_x));
	part->columns_width = arena_calloc(part->arena, part->columns_count, sizeof(*part->columns_width));
	part->cells = arena_calloc(part->arena, (size_t)cells, sizeof(*part->cells));
	if (!part->columns_size || !part->columns_x || !part->columns_width || !part->cells)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < part->boxes_count; i++)
		part__box_cell(part, graph, part->boxes[i], least);
	first_lane = part->cells_count;
	for (uint32_t i = 0; i < part->edges_count; i++)
		if (part->layout->edges[part->edges[i]].from != part->layout->edges[part->edges[i]].to)
			part__edge_cells(part, graph, part->edges[i]);
	if (part__columns(part) != 0)
		return ERR_NOMEM;
	return part__neighbours(part, graph, first_lane);
}

static int part__compare_wishes(const void *a, const void *b, void *user)
{
	const struct cell *cells = user;
	const struct cell *first = &cells[*(const uint32_t *)a];
	const struct cell *second = &cells[*(const uint32_t *)b];

	if (first->wish != second->wish)
		return first->wish < second->wish ? -1 : 1;
	return first->place < second->place ? -1 : first->place > second->place;
}

/* Orders one column by the mean places of the neighbours on one side; a cell without any keeps its place. */
static void part__order_column(struct part *part, uint32_t column, bool by_left)
{
	uint32_t size = part->columns_size[column];

	for (uint32_t i = 0; i < size; i++) {
		struct cell *cell = &part->cells[part->columns[column][i]];
		const uint32_t *others = by_left ? cell->left : cell->right;
		uint32_t count = by_left ? cell->left_count : cell->right_count;
		double sum = 0;

		for (uint32_t n = 0; n < count; n++) {
			const struct cell *other = &part->cells[others[n]];

			sum += (other->place + 0.5) / part->columns_size[other->column];
		}
		cell->wish = count ? sum / count : (cell->place + 0.5) / size;
	}
	qsort_r(part->columns[column], size, sizeof(uint32_t), part__compare_wishes, part->cells);
	for (uint32_t i = 0; i < size; i++)
		part->cells[part->columns[column][i]].place = i;
}

static int part__compare_places(const void *a, const void *b, void *user)
{
	const struct cell *cells = user;
	uint32_t first = cells[*(const uint32_t *)a].place, second = cells[*(const uint32_t *)b].place;

	return first < second ? -1 : first > second;
}

/* Neighbours sorted from the top: ports and the count of crossings rely on it. */
static void part__sort_neighbours(struct part *part)
{
	for (uint32_t i = 0; i < part->cells_count; i++) {
		struct cell *cell = &part->cells[i];

		qsort_r(cell->left, cell->left_count, sizeof(uint32_t), part__compare_places, part->cells);
		qsort_r(cell->right, cell->right_count, sizeof(uint32_t), part__compare_places, part->cells);
	}
}

/* Crossings between each two columns; tree is a Fenwick tree with room for the largest column. */
static uint64_t part__crossings(struct part *part, uint32_t *tree)
{
	uint64_t crossings = 0;

	part__sort_neighbours(part);
	for (uint32_t c = 0; c + 1 < part->columns_count; c++) {
		uint32_t size = part->columns_size[c + 1], seen = 0;

		memset(tree, 0, (size + 1) * sizeof(*tree));
		for (uint32_t i = 0; i < part->columns_size[c]; i++) {
			const struct cell *cell = &part->cells[part->columns[c][i]];

			for (uint32_t n = 0; n < cell->right_count; n++) {
				uint32_t place = part->cells[cell->right[n]].place, before = 0;

				for (uint32_t at = place + 1; at; at -= at & -at)
					before += tree[at];
				crossings += seen - before;
			}
			for (uint32_t n = 0; n < cell->right_count; n++, seen++)
				for (uint32_t at = part->cells[cell->right[n]].place + 1; at <= size; at += at & -at)
					tree[at]++;
		}
	}
	return crossings;
}

static int part__reduce_crossings(struct part *part)
{
	uint32_t *best = arena_calloc(part->arena, part->cells_count, sizeof(*best));
	uint32_t *tree = arena_calloc(part->arena, part->cells_count + 2, sizeof(*tree));
	uint64_t least = UINT64_MAX;

	if (!best || !tree)
		return ERR_NOMEM;
	for (uint32_t sweep = 0; sweep < ORDER_SWEEPS; sweep++) {
		uint64_t crossings = part__crossings(part, tree);

		if (crossings < least) {
			least = crossings;
			for (uint32_t i = 0; i < part->cells_count; i++)
				best[i] = part->cells[i].place;
		}
		for (uint32_t c = 1; c < part->columns_count; c++)
			part__order_column(part, sweep % 2 ? part->columns_count - 1 - c : c, sweep % 2 == 0);
	}
	for (uint32_t i = 0; i < part->cells_count; i++) {
		part->cells[i].place = best[i];
		part->columns[part->cells[i].column][best[i]] = i;
	}
	part__sort_neighbours(part);
	return 0;
}

/* The y of the n-th of count arrows at one side of a cell. */
static double part__port(const struct part *part, const struct cell *cell, uint32_t n, uint32_t count)
{
	double gap;

	if (cell->box == NONE || count < 2)
		return cell->y;
	gap = fmin(PORT_GAP_MAX, (part->layout->boxes[cell->box].height - 28) / (count - 1));
	return cell->y + gap * (n - (count - 1) / 2.0);
}

static uint32_t part__find(const uint32_t *others, uint32_t count, uint32_t wanted, const struct part *part)
{
	uint32_t from = 0, to = count;
	uint32_t place = part->cells[wanted].place;

	while (from < to) {
		uint32_t middle = (from + to) / 2;

		if (part->cells[others[middle]].place < place)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Long arrows should be straight before anything else. */
static double part__pull(const struct cell *cell, const struct cell *other)
{
	return cell->box == NONE && other->box == NONE ? LANE_PULL : 1;
}

/* Where the cell would like to be: level with its neighbours. */
static double part__wish(const struct part *part, const struct cell *cell, bool left, bool right)
{
	uint32_t self = (uint32_t)(cell - part->cells);
	double sum = 0, pulls = 0;

	for (uint32_t n = 0; left && n < cell->left_count; n++) {
		const struct cell *other = &part->cells[cell->left[n]];
		uint32_t at = part__find(other->right, other->right_count, self, part);
		double own = part__port(part, cell, n, cell->left_count) - cell->y;

		sum += part__pull(cell, other) * (part__port(part, other, at, other->right_count) - own);
		pulls += part__pull(cell, other);
	}
	for (uint32_t n = 0; right && n < cell->right_count; n++) {
		const struct cell *other = &part->cells[cell->right[n]];
		uint32_t at = part__find(other->left, other->left_count, self, part);
		double own = part__port(part, cell, n, cell->right_count) - cell->y;

		sum += part__pull(cell, other) * (part__port(part, other, at, other->left_count) - own);
		pulls += part__pull(cell, other);
	}
	return pulls > 0 ? sum / pulls : cell->y;
}

struct block {
	double sum; /* of weighted wishes less offsets */
	double weight;
	uint32_t size;
};

/* Least squares from the wishes with the distances kept: isotonic regression by pooling neighbours that would overlap. */
static void part__place_column(struct part *part, uint32_t column, struct block *blocks)
{
	uint32_t size = part->columns_size[column], count = 0, at = 0;
	double offset = 0;

	for (uint32_t i = 0; i < size; i++) {
		struct cell *cell = &part->cells[part->columns[column][i]];
		double weight = cell->box == NONE ? 2 : 1 + 0.2 * (cell->left_count + cell->right_count);

		if (i) {
			const struct cell *above = &part->cells[part->columns[column][i - 1]];

			offset += above->height - above->top + GAP_Y + cell->top;
		}
		blocks[count++] = (struct block){(cell->wish - offset) * weight, weight, 1};
		while (count > 1 &&
		       blocks[count - 2].sum / blocks[count - 2].weight > blocks[count - 1].sum / blocks[count - 1].weight) {
			blocks[count - 2].sum += blocks[count - 1].sum;
			blocks[count - 2].weight += blocks[count - 1].weight;
			blocks[count - 2].size += blocks[count - 1].size;
			count--;
		}
	}
	offset = 0;
	for (uint32_t b = 0; b < count; b++)
		for (uint32_t i = 0; i < blocks[b].size; i++, at++) {
			struct cell *cell = &part->cells[part->columns[column][at]];

			if (at) {
				const struct cell *above = &part->cells[part->columns[column][at - 1]];

				offset += above->height - above->top + GAP_Y + cell->top;
			}
			cell->y = blocks[b].sum / blocks[b].weight + offset;
		}
}

static int part__place_rows(struct part *part)
{
	struct block *blocks = arena_calloc(part->arena, part->cells_count, sizeof(*blocks));
	double least = INFINITY, most = -INFINITY;

	if (!blocks)
		return ERR_NOMEM;
	for (uint32_t sweep = 0; sweep < PLACE_SWEEPS; sweep++)
		for (uint32_t c = 0; c < part->columns_count; c++) {
			uint32_t column = sweep % 2 ? part->columns_count - 1 - c : c;
			bool both = sweep > 4;

			for (uint32_t i = 0; i < part->columns_size[column]; i++) {
				struct cell *cell = &part->cells[part->columns[column][i]];

				cell->wish = part__wish(part, cell, both || sweep % 2 == 0, both || sweep % 2 == 1);
			}
			part__place_column(part, column, blocks);
		}
	for (uint32_t i = 0; i < part->cells_count; i++) {
		least = fmin(least, part->cells[i].y - part->cells[i].top);
		most = fmax(most, part->cells[i].y - part->cells[i].top + part->cells[i].height);
	}
	for (uint32_t i = 0; i < part->cells_count; i++)
		part->cells[i].y -= least;
	part->height = most - least;
	return 0;
}

/* Columns as wide as their widest cell; gaps wider where arrows climb far. */
static void part__place_columns(struct part *part)
{
	double x = 0;

	for (uint32_t c = 0; c < part->columns_count; c++) {
		double climb = 0;

		for (uint32_t i = 0; i < part->columns_size[c]; i++) {
			const struct cell *cell = &part->cells[part->columns[c][i]];

			part->columns_width[c] = fmax(part->columns_width[c], cell->width);
			for (uint32_t n = 0; n < cell->right_count; n++)
				climb = fmax(climb, fabs(part->cells[cell->right[n]].y - cell->y));
		}
		part->columns_x[c] = x;
		x += part->columns_width[c];
		if (c + 1 < part->columns_count)
			x += fmin(GAP_X_MAX, GAP_X_MIN + climb * 0.3);
	}
	part->width = x;
}

static void part__place_boxes(struct part *part)
{
	for (uint32_t c = 0; c < part->columns_count; c += 2) {
		double width = 0;

		for (uint32_t i = 0; i < part->columns_size[c]; i++) {
			const struct cell *cell = &part->cells[part->columns[c][i]];

			if (cell->box != NONE)
				width = fmax(width, part->layout->boxes[cell->box].width);
		}
		for (uint32_t i = 0; i < part->columns_size[c]; i++) {
			const struct cell *cell = &part->cells[part->columns[c][i]];
			struct layout_box *box = cell->box == NONE ? NULL : &part->layout->boxes[cell->box];

			if (!box)
				continue;
			box->width = width;
			box->x = part->x + part->columns_x[c] + (part->columns_width[c] - width) / 2;
			box->y = part->y + cell->y - box->height / 2;
		}
	}
}

/* From the left box over the lanes to the right box: the level of each, on both sides of its column. */
static int part__edge_points(struct part *part, const struct graph *graph, uint32_t index, uint32_t *lane)
{
	struct layout_edge *edge = &part->layout->edges[index];
	uint32_t left = graph->cell_of[graph__left(graph, edge)], right = graph->cell_of[graph__right(graph, edge)];
	const struct cell *first = &part->cells[left], *last = &part->cells[right];
	const struct layout_box *first_box = &part->layout->boxes[first->box], *last_box = &part->layout->boxes[last->box];
	uint32_t start = *lane, count = last->column - first->column - 1, at = 0;
	double y;

	edge->points = arena_calloc(part->arena, 2 * (size_t)count + 4, sizeof(*edge->points));
	if (!edge->points)
		return ERR_NOMEM;
	y = part->y + part__port(part, first, part__find(first->right, first->right_count, start, part), first->right_count);
	edge->points[at++] = (struct layout_point){first_box->x + first_box->width, y};
	edge->points[at++] =
	        (struct layout_point){part->x + part->columns_x[first->column] + part->columns_width[first->column], y};
	for (; *lane < start + count; ++*lane) {
		const struct cell *cell = &part->cells[*lane];
		double x = part->x + part->columns_x[cell->column];

		y = part->y + cell->y;
		edge->points[at++] = (struct layout_point){x, y};
		edge->points[at++] = (struct layout_point){x + part->columns_width[cell->column], y};
		if (cell->is_label)
			edge->label = (struct layout_point){x + part->columns_width[cell->column] / 2, y};
	}
	y = part->y + part__port(part, last, part__find(last->left, last->left_count, *lane - 1, part), last->left_count);
	edge->points[at++] = (struct layout_point){part->x + part->columns_x[last->column], y};
	edge->points[at++] = (struct layout_point){last_box->x, y};
	edge->points_count = at;
	if (graph->position[edge->from] < graph->position[edge->to])
		return 0;
	for (uint32_t i = 0; i < at / 2; i++) {
		struct layout_point swapped = edge->points[i];

		edge->points[i] = edge->points[at - 1 - i];
		edge->points[at - 1 - i] = swapped;
	}
	return 0;
}

/* Loops stand above the box, one over the other, each with its label on top. */
static int part__loop_points(struct part *part, struct graph *graph, uint32_t index)
{
	struct layout_edge *edge = &part->layout->edges[index];
	const struct layout_box *box = &part->layout->boxes[edge->from];
	uint32_t level = graph->loops[edge->from]++;
	double middle = box->x + box->width / 2;
	double half = fmin(box->width * 0.42, 46 + 16.0 * level);
	double top = box->y - graph->loop_height[edge->from];

	edge->points = arena_calloc(part->arena, 4, sizeof(*edge->points));
	if (!edge->points)
		return ERR_NOMEM;
	/* The last loop is the outermost; the first one's label hangs lowest. */
	for (uint32_t i = 0; i < part->edges_count; i++) {
		const struct layout_edge *other = &part->layout->edges[part->edges[i]];

		if (part->edges[i] > index && other->from == edge->from && other->to == edge->from)
			top += other->label_height + 6;
	}
	edge->label = (struct layout_point){middle, top + edge->label_height / 2};
	/* A cubic whose controls stand at 4/3 of the height passes through the label's middle. */
	edge->points[0] = (struct layout_point){middle + half, box->y};
	edge->points[1] = (struct layout_point){middle + half, box->y - (box->y - edge->label.y) * 4 / 3};
	edge->points[2] = (struct layout_point){middle - half, edge->points[1].y};
	edge->points[3] = (struct layout_point){middle - half, box->y};
	edge->points_count = 4;
	return 0;
}

static int part__place_edges(struct part *part, struct graph *graph)
{
	uint32_t lane = part->boxes_count;
	int status = 0;

	for (uint32_t i = 0; !status && i < part->edges_count; i++) {
		const struct layout_edge *edge = &part->layout->edges[part->edges[i]];

		status = edge->from == edge->to ? part__loop_points(part, graph, part->edges[i])
		                                : part__edge_points(part, graph, part->edges[i], &lane);
	}
	return status;
}

static int part__compare_sizes(const void *a, const void *b)
{
	const struct part *first = *(const struct part *const *)a;
	const struct part *second = *(const struct part *const *)b;

	if (first->height != second->height)
		return first->height > second->height ? -1 : 1;
	return first < second ? -1 : first > second;
}

/* Shelves, the highest parts first. */
static int graph__pack(struct graph *graph, struct part *parts, uint32_t count)
{
	struct part **sorted = arena_calloc(graph->arena, count, sizeof(*sorted));
	double area = 0, widest = 0, x = 0, y = 0, shelf = 0;

	if (!sorted)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < count; i++) {
		sorted[i] = &parts[i];
		area += (parts[i].width + PARTS_GAP) * (parts[i].height + PARTS_GAP);
		widest = fmax(widest, parts[i].width);
	}
	widest = fmax(widest, sqrt(area * PICTURE_ASPECT));
	qsort(sorted, count, sizeof(*sorted), part__compare_sizes);
	for (uint32_t i = 0; i < count; i++) {
		if (x > 0 && x + sorted[i]->width > widest) {
			x = 0;
			y += shelf + PARTS_GAP;
			shelf = 0;
		}
		sorted[i]->x = x;
		sorted[i]->y = y;
		x += sorted[i]->width + PARTS_GAP;
		shelf = fmax(shelf, sorted[i]->height);
		graph->layout->width = fmax(graph->layout->width, x - PARTS_GAP);
	}
	graph->layout->height = y + shelf;
	return 0;
}

static int graph__split(struct graph *graph, struct part *parts, uint32_t count)
{
	const struct layout *layout = graph->layout;

	for (uint32_t i = 0; i < layout->boxes_count; i++)
		parts[graph->part_of[i]].boxes_count++;
	for (uint32_t i = 0; i < layout->edges_count; i++)
		parts[graph->part_of[layout->edges[i].from]].edges_count++;
	for (uint32_t i = 0; i < count; i++) {
		parts[i].layout = graph->layout;
		parts[i].arena = graph->arena;
		parts[i].boxes = arena_calloc(graph->arena, parts[i].boxes_count, sizeof(*parts[i].boxes));
		parts[i].edges = arena_calloc(graph->arena, parts[i].edges_count + 1, sizeof(*parts[i].edges));
		if (!parts[i].boxes || !parts[i].edges)
			return ERR_NOMEM;
		parts[i].boxes_count = parts[i].edges_count = 0;
	}
	for (uint32_t i = 0; i < layout->boxes_count; i++) {
		struct part *part = &parts[graph->part_of[i]];

		part->boxes[part->boxes_count++] = i;
	}
	for (uint32_t i = 0; i < layout->edges_count; i++) {
		struct part *part = &parts[graph->part_of[layout->edges[i].from]];

		part->edges[part->edges_count++] = i;
	}
	return 0;
}

static int graph__init(struct graph *graph)
{
	uint32_t count = graph->layout->boxes_count;

	graph->part_of = arena_calloc(graph->arena, count, sizeof(*graph->part_of));
	graph->rank = arena_calloc(graph->arena, count, sizeof(*graph->rank));
	graph->position = arena_calloc(graph->arena, count, sizeof(*graph->position));
	graph->cell_of = arena_calloc(graph->arena, count, sizeof(*graph->cell_of));
	graph->loops = arena_calloc(graph->arena, count, sizeof(*graph->loops));
	graph->loop_width = arena_calloc(graph->arena, count, sizeof(*graph->loop_width));
	graph->loop_height = arena_calloc(graph->arena, count, sizeof(*graph->loop_height));
	if (!graph->part_of || !graph->rank || !graph->position || !graph->cell_of || !graph->loops || !graph->loop_width ||
	    !graph->loop_height)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < graph->layout->edges_count; i++) {
		const struct layout_edge *edge = &graph->layout->edges[i];

		if (edge->from != edge->to)
			continue;
		graph->loop_width[edge->from] = fmax(graph->loop_width[edge->from], edge->label_width);
		graph->loop_height[edge->from] +=
		        edge->label_height + (graph->loop_height[edge->from] > 0 ? 6 : LOOP_HEIGHT - 18);
	}
	return 0;
}

int layout_run(struct layout *layout, struct arena *arena)
{
	struct graph graph = {.layout = layout, .arena = arena};
	struct part *parts;
	uint32_t count;
	int status;

	layout->width = layout->height = 0;
	if (!layout->boxes_count)
		return 0;
	status = graph__init(&graph);
	if (!status)
		status = graph__order(&graph);
	if (!status)
		status = graph__rank(&graph);
	count = status ? 0 : graph__parts(&graph);
	parts = count == NONE ? NULL : arena_calloc(arena, count, sizeof(*parts));
	if (status || !parts)
		return status ? status : ERR_NOMEM;
	status = graph__split(&graph, parts, count);
	for (uint32_t i = 0; !status && i < count; i++) {
		status = part__build(&parts[i], &graph);
		if (!status)
			status = part__reduce_crossings(&parts[i]);
		if (!status)
			status = part__place_rows(&parts[i]);
		if (!status)
			part__place_columns(&parts[i]);
	}
	if (!status)
		status = graph__pack(&graph, parts, count);
	for (uint32_t i = 0; !status && i < count; i++) {
		part__place_boxes(&parts[i]);
		status = part__place_edges(&parts[i], &graph);
	}
	return status;
}
