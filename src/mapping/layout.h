/*
 * mapping/layout: where boxes, arrows and their labels go in a picture. Layered, left to right, deterministic. Private to the
 * room.
 *
 * Boxes stand in columns; between two columns of boxes is a column for labels. An arrow passes each column that it crosses in a
 * cell of its own, and its label is such a cell, so neither text nor arrow ever lies over a box or another text (Sugiyama's
 * method: cycles are cut, ranks given, crossings reduced by barycentres, positions found by least squares with distances
 * kept). Parts that are not connected are laid out apart and packed. An arrow from a box to itself is a loop above it.
 */
#ifndef PGWEAVE_MAPPING_LAYOUT_H
#define PGWEAVE_MAPPING_LAYOUT_H

#include "base/arena.h"

#include <stdint.h>

/* Cells: boxes, and one for each column that an arrow crosses. */
#define LAYOUT_CELLS_MAX 60000

struct layout_point {
	double x;
	double y;
};

struct layout_box {
	double width; /* in; widened to that of its column */
	double height;
	double x; /* out: the left top corner */
	double y;
};

struct layout_edge {
	uint32_t from;
	uint32_t to;
	double label_width; /* in */
	double label_height;
	struct layout_point label;   /* out: its centre */
	struct layout_point *points; /* out: a straight line from 0 to 1, a curve from 1 to 2, a line from 2 to 3 ... */
	uint32_t points_count;       /* a loop: four, the ends and the controls of one curve */
};

struct layout {
	struct layout_box *boxes;
	uint32_t boxes_count;
	struct layout_edge *edges;
	uint32_t edges_count;
	double width; /* out */
	double height;
};

/* 0, ERR_LIMIT when it would take too many cells, ERR_NOMEM. Points live in the arena. */
int layout_run(struct layout *layout, struct arena *arena) _must_check;

#endif
