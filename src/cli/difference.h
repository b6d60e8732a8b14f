/*
 * cli/difference: what stands between the mapping that made the graph and the one of now, for `plan` and `apply` to show.
 */
#ifndef PGWEAVE_CLI_DIFFERENCE_H
#define PGWEAVE_CLI_DIFFERENCE_H

#include "cli/cli.h"
#include "sync/pipeline.h"

enum difference_state {
	DIFFERENCE_NO_GRAPH, /* nothing was loaded yet, or not to the end */
	DIFFERENCE_NONE,
	DIFFERENCE_UNKNOWN, /* the checkpoint does not say what made the graph */
	DIFFERENCE_SHOWN,
};

struct cli_difference {
	enum difference_state state;
	struct graph_checkpoint checkpoint;
	struct pipeline_change change; /* DIFFERENCE_SHOWN */
	int64_t *counts;               /* for each step: nodes or relationships touched, rows loaded; -1: not known */
	int64_t *hanging;              /* for each step: graph-only relationships that go along */
	bool ready;                    /* change is to be freed */
};

/* Reads and counts; needs work->graph. cli_difference_free is due in any case. */
int cli_difference_read(struct cli_work *work, struct cli_difference *difference, struct error *error) _must_check;
void cli_difference_free(struct cli_difference *difference);
/* A line for each step; nothing but for DIFFERENCE_SHOWN. */
void cli_difference_print(const struct cli_difference *difference);
/* An array with an object for each step; empty but for DIFFERENCE_SHOWN. */
json_t *cli_difference_json(const struct cli_difference *difference);

#endif
