#include "change/change.h"
#include "cli/cli.h"
#include "graph/element_id.h"
#include "sync/lock.h"
#include "sync/pipeline.h"
#include "verify/verify.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define POSTGRES_EPOCH_S 946684800

/* What the command shows. */
struct status {
	struct graph_checkpoint checkpoint;
	struct postgres_facts facts;
	struct error problem; /* code OK: none */
	const char *state;
	int32_t running;  /* the server process that the pgweave which runs this pipeline holds; 0: none runs */
	bool element_ids; /* PostgreSQL is told of some */
	uint64_t element_ids_waiting;
	char element_ids_problem[1024]; /* empty: none */
	int64_t lag_bytes;
	int64_t lag_ms; /* since the last applied transaction was committed, while there is a lag; else 0 */
};

static void status__judge(struct status *status, const struct cli_work *work)
{
	const struct graph_checkpoint *checkpoint = &status->checkpoint;
	const struct postgres_facts *facts = &status->facts;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	status->lag_bytes = (int64_t)(facts->server.wal_lsn - checkpoint->position.lsn);
	if (status->lag_bytes < 0 || checkpoint->phase != GRAPH_PHASE_STREAMING)
		status->lag_bytes = 0;
	if (checkpoint->position.commit_time_us && status->lag_bytes)
		status->lag_ms = ((int64_t)now.tv_sec - POSTGRES_EPOCH_S) * 1000 + now.tv_nsec / 1000000 -
		                 checkpoint->position.commit_time_us / 1000;
	if (checkpoint->phase == GRAPH_PHASE_NONE) {
		status->state = "not loaded";
	} else if (checkpoint->phase == GRAPH_PHASE_SNAPSHOT) {
		status->state = status->running ? "loading" : "interrupted while loading";
	} else if (checkpoint->phase == GRAPH_PHASE_BROKEN) {
		status->state = "broken";
		error_set(&status->problem, ERR_STATE, "%s", checkpoint->problem);
		error_hint(&status->problem, "pgweave run --resnapshot");
	} else if (checkpoint->system_identifier != facts->server.system_identifier ||
	           checkpoint->timeline != facts->server.timeline) {
		status->state = "broken";
		error_set(&status->problem, ERR_STATE, "the graph was made from another PostgreSQL cluster or timeline");
		error_hint(&status->problem, "pgweave run --resnapshot");
	} else if (checkpoint->phase == GRAPH_PHASE_REMAPPING) {
		status->state =
		        status->running ? "changing to another mapping" : "interrupted while changing to another mapping";
	} else if (strcmp(checkpoint->mapping_digest, work->plan->digest) != 0) {
		status->state = "made with another mapping";
		error_set(&status->problem, ERR_STATE,
		          "the mapping, or a mapped table, is not the one that the graph was made with");
		error_hint(&status->problem, "pgweave plan; pgweave apply");
	} else if (pipeline__check_sources(facts, work->plan, work->settings, checkpoint, &status->problem) < 0) {
		status->state = "broken";
	} else {
		status->problem = (struct error){0};
		status->state = facts->slot.active ? "streaming" : status->running ? "starting" : "stopped";
	}
}

static void status__on_problem(void *user, const struct bolt_record *record)
{
	struct status *status = user;
	const struct bolt_value *value = record->count ? &record->values[0] : NULL;

	if (value && value->type == BOLT_TYPE_STRING)
		snprintf(status->element_ids_problem, sizeof(status->element_ids_problem), "%.*s", (int)value->size,
		         value->string);
}

static int status__element_ids(struct status *status, struct cli_work *work, struct error *error)
{
	struct bolt_writer params;
	int rc;

	for (uint32_t i = 0; i < work->plan->nodes_count; i++)
		status->element_ids |= work->plan->nodes[i].element_id != NULL;
	if (!status->element_ids)
		return 0;
	bolt_writer_init(&params, 4096);
	graph_checkpoint_pack_pipeline(&params, work->settings->pipeline);
	rc = session_graph_run(&work->graph, graph_element_id_problem, &params, status__on_problem, status, error);
	bolt_writer_free(&params);
	return rc < 0 ? rc : verify_element_ids_waiting(&work->graph, work->plan, NULL, &status->element_ids_waiting, error);
}

static void status__print_text(const struct status *status, const struct cli_work *work)
{
	char graph[LSN_TEXT_SIZE], server[LSN_TEXT_SIZE];

	printf("pipeline     %s: %s\n", work->settings->pipeline, status->state);
	if (status->problem.code) {
		printf("problem      %s\n", status->problem.text);
		printf("what to do   %s\n", status->problem.hint);
	}
	printf("graph        %s, epoch %lld, %s\n", lsn_print(status->checkpoint.position.lsn, graph),
	       (long long)status->checkpoint.epoch, graph_phase_name(status->checkpoint.phase));
	if (status->checkpoint.position.piece_lsn)
		printf("             inside a large transaction: %llu of its changes are applied\n",
		       (unsigned long long)status->checkpoint.position.piece_changes);
	printf("PostgreSQL   %s; the graph is %lld bytes behind", lsn_print(status->facts.server.wal_lsn, server),
	       (long long)status->lag_bytes);
	if (status->lag_ms > 0)
		printf(", its last transaction is %.1f s old", (double)status->lag_ms / 1000);
	puts("");
	printf("slot         %s: %s, holds back %lld KiB of WAL\n", work->settings->slot,
	       status->facts.slot.exists ? (status->facts.slot.active ? "in use" : "not in use") : "does not exist",
	       (long long)(status->facts.slot.retained_bytes >> 10));
	printf("dead letters %lld\n", (long long)status->checkpoint.dead_letters);
	if (status->element_ids)
		printf("element ids  %llu on their way to PostgreSQL\n", (unsigned long long)status->element_ids_waiting);
	if (status->element_ids_problem[0])
		printf("             %s\n", status->element_ids_problem);
	for (uint32_t i = 0; i < work->plan->left_out_count; i++)
		printf("left out     %s\n", work->plan->left_out[i]);
}

static void status__print_json(const struct status *status, const struct cli_work *work)
{
	char graph[LSN_TEXT_SIZE], server[LSN_TEXT_SIZE];
	json_t *left_out = json_array();

	for (uint32_t i = 0; i < work->plan->left_out_count; i++)
		json_array_append_new(left_out, json_string(work->plan->left_out[i]));
	cli_print_json(json_pack(
	        "{s:s, s:s, s:s*, s:s*, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:s*, s:o}", "pipeline",
	        work->settings->pipeline, "state", status->state, "problem", status->problem.code ? status->problem.text : NULL,
	        "what_to_do", status->problem.code ? status->problem.hint : NULL, "phase",
	        graph_phase_name(status->checkpoint.phase), "epoch", (json_int_t)status->checkpoint.epoch, "graph_lsn",
	        lsn_print(status->checkpoint.position.lsn, graph), "server_lsn",
	        lsn_print(status->facts.server.wal_lsn, server), "lag_bytes", (json_int_t)status->lag_bytes, "lag_ms",
	        (json_int_t)status->lag_ms, "retained_bytes", (json_int_t)status->facts.slot.retained_bytes, "slot_exists",
	        status->facts.slot.exists, "slot_active", status->facts.slot.active, "dead_letters",
	        (json_int_t)status->checkpoint.dead_letters, "element_ids_waiting", (json_int_t)status->element_ids_waiting,
	        "element_ids_problem", status->element_ids_problem[0] ? status->element_ids_problem : NULL, "left_out",
	        left_out));
}

int cli_status(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	struct status status = {0};
	struct cli_work work;
	struct error error;
	size_t count;
	bool well = false;
	int rc = cli_parse(cli, command, argc, argv, NULL, 0, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	rc = cli_work_open(cli, &work, true, &error);
	if (rc == 0)
		rc = session_postgres_facts(&work.postgres, work.settings, &status.facts, &error);
	if (rc == 0)
		rc = lock_holder(&work.postgres, work.settings->slot, &status.running, &error);
	if (rc == 0)
		rc = pipeline__read_checkpoint(&work.graph, work.settings->pipeline, &status.checkpoint, &error);
	if (rc == 0)
		rc = status__element_ids(&status, &work, &error);
	if (rc == 0) {
		status__judge(&status, &work);
		well = strcmp(status.state, "streaming") == 0;
		if (cli->json)
			status__print_json(&status, &work);
		else
			status__print_text(&status, &work);
	}
	arena_free(&status.facts.arena);
	cli_work_close(&work);
	return rc < 0 ? cli_fail(cli, &error) : well ? 0 : CLI_EXIT_NOT_WELL;
}
