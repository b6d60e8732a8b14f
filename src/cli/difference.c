#include "cli/difference.h"

#include "graph/remap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE_MAX ((size_t)1024 * 1024)

static void difference__on_count(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(int64_t *)user = record->values[0].integer;
}

static int difference__ask(struct cli_work *work, struct buffer *cypher, int64_t *ret_count, struct error *error)
{
	return cypher->failed
	               ? error_set(error, ERR_LIMIT, "a statement is too long")
	               : session_graph_run(&work->graph, buffer_text(cypher), NULL, difference__on_count, ret_count, error);
}

static int difference__count(struct cli_work *work, struct cli_difference *difference, uint32_t at, struct error *error)
{
	struct difference *steps = &difference->change.difference;
	const struct difference_step *step = steps->steps[at];
	enum difference_when when = difference_when(step->kind);
	struct difference_step before;
	struct buffer text;
	int rc;

	difference->counts[at] = -1;
	if (when == DIFFERENCE_ROWS && step->table >= 0)
		difference->counts[at] = work->plan->tables[step->table].rows_estimate;
	if (!step->words || (when != DIFFERENCE_FIRST && when != DIFFERENCE_LAST))
		return 0;
	if (difference_step_before(steps, step, &before) < 0)
		return error_set(error, ERR_NOMEM, "no memory for the difference of two mappings");
	buffer_init(&text, TEXT_SIZE_MAX);
	graph_remap_count(&before, &text);
	rc = difference__ask(work, &text, &difference->counts[at], error);
	if (rc == 0 && step->kind == DIFFERENCE_NODE_REMOVED) {
		buffer_reset(&text);
		graph_remap_hanging(&before, &difference->change.from, &text);
		rc = difference__ask(work, &text, &difference->hanging[at], error);
	}
	buffer_free(&text);
	return rc;
}

static int difference__counts(struct cli_work *work, struct cli_difference *difference, struct error *error)
{
	uint32_t count = difference->change.difference.count;
	int rc = 0;

	difference->counts = calloc((size_t)count + 1, sizeof(*difference->counts));
	difference->hanging = calloc((size_t)count + 1, sizeof(*difference->hanging));
	if (!difference->counts || !difference->hanging)
		return error_set(error, ERR_NOMEM, "no memory for the difference of two mappings");
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = difference__count(work, difference, i, error);
	return rc;
}

int cli_difference_read(struct cli_work *work, struct cli_difference *difference, struct error *error)
{
	const struct graph_checkpoint *checkpoint = &difference->checkpoint;
	int rc;

	*difference = (struct cli_difference){0};
	rc = pipeline__read_checkpoint(&work->graph, work->settings->pipeline, &difference->checkpoint, error);
	if (rc < 0 || checkpoint->phase == GRAPH_PHASE_NONE || checkpoint->phase == GRAPH_PHASE_SNAPSHOT)
		return rc;
	difference->state = DIFFERENCE_NONE;
	if (checkpoint->phase != GRAPH_PHASE_REMAPPING && strcmp(checkpoint->mapping_digest, work->plan->digest) == 0)
		return 0;
	difference->state = checkpoint->described ? DIFFERENCE_SHOWN : DIFFERENCE_UNKNOWN;
	if (!checkpoint->described)
		return 0;
	difference->ready = true;
	rc = pipeline__change_read(&work->graph, work->plan, &difference->change, error);
	return rc < 0 ? rc : difference__counts(work, difference, error);
}

void cli_difference_free(struct cli_difference *difference)
{
	if (difference->ready)
		pipeline__change_free(&difference->change);
	free(difference->counts);
	free(difference->hanging);
}

static void difference__print_step(const struct cli_difference *difference, uint32_t at)
{
	const struct difference_step *step = difference->change.difference.steps[at];
	const char *unit = difference_when(step->kind) == DIFFERENCE_ROWS ? "rows, estimated"
	                   : step->type                                   ? "relationships"
	                                                                  : "nodes";

	printf("  %s", step->words);
	if (difference->counts[at] >= 0)
		printf(" [%lld %s]", (long long)difference->counts[at], unit);
	if (difference->hanging[at])
		printf(" [with %lld graph-only relationships]", (long long)difference->hanging[at]);
	puts("");
}

void cli_difference_print(const struct cli_difference *difference)
{
	for (uint32_t i = 0; difference->counts && i < difference->change.difference.count; i++)
		if (difference->change.difference.steps[i]->words)
			difference__print_step(difference, i);
}

json_t *cli_difference_json(const struct cli_difference *difference)
{
	static const char *const how[] = {
	        [DIFFERENCE_NEVER] = "refused",
	        [DIFFERENCE_FIRST] = "in the graph",
	        [DIFFERENCE_ROWS] = "by loading the table",
	        [DIFFERENCE_LAST] = "in the graph",
	};
	json_t *array = json_array();

	for (uint32_t i = 0; difference->counts && i < difference->change.difference.count; i++) {
		const struct difference_step *step = difference->change.difference.steps[i];

		if (!step->words)
			continue;
		json_array_append_new(array,
		                      json_pack("{s:s, s:s, s:s, s:o, s:I}", "step", difference_kind_name(step->kind), "words",
		                                step->words, "how", how[difference_when(step->kind)], "count",
		                                difference->counts[i] < 0 ? json_null() : json_integer(difference->counts[i]),
		                                "graph_only_relationships", (json_int_t)difference->hanging[i]));
	}
	return array;
}
