#include "cli/cli.h"
#include "cli/difference.h"
#include "sync/element_ids.h"
#include "sync/lock.h"
#include "sync/pipeline.h"

#include <stdio.h>
#include <unistd.h>

/* What was done about a graph that another mapping has made. */
enum applied {
	APPLIED_NOTHING, /* there is no such graph */
	APPLIED_CHANGE,
	APPLIED_APPROVAL,
};

static const char *const applied_names[] = {
        [APPLIED_NOTHING] = "unchanged",
        [APPLIED_CHANGE] = "changed",
        [APPLIED_APPROVAL] = "approved",
};

static int apply__change(struct cli *cli, const struct pipeline_options *options, struct cli_work *work,
                         const struct cli_difference *difference, enum applied *ret_applied, struct error *error)
{
	const struct difference_step *refused = difference_refused(&difference->change.difference);
	int32_t running;
	int rc = lock_holder(&work->postgres, work->settings->slot, &running, error);

	if (rc < 0)
		return rc;
	if (!cli->json) {
		printf("The graph was made with another mapping:\n");
		cli_difference_print(difference);
		fflush(stdout);
	}
	if (refused)
		return error_set(error, ERR_STATE, "%s", refused->words);
	*ret_applied = running ? APPLIED_APPROVAL : APPLIED_CHANGE;
	/* a daemon is the writer: it is told that it may */
	return running ? pipeline__approve(&work->graph, work->settings->pipeline, work->plan->digest, error)
	               : pipeline_run(options, error);
}

/* There is no graph yet, or one that this very mapping has made. A load that goes on is not to find another publication. */
static int apply__prepare(struct cli *cli, struct cli_work *work, const struct cli_difference *difference, struct error *error)
{
	int32_t running = 0;
	int rc = 0;

	if (difference->state == DIFFERENCE_NO_GRAPH)
		rc = lock_holder(&work->postgres, work->settings->slot, &running, error);
	if (running) {
		error_set(error, ERR_STATE,
		          "the first load of pipeline %s goes on, by the pgweave on PostgreSQL's server process %d",
		          work->settings->pipeline, running);
		error_hint(error, "wait until it is done, or stop it, and apply then");
		rc = ERR_STATE;
	}
	return rc < 0 ? rc : pipeline__apply(&work->graph, &work->postgres, work->settings, work->plan, &cli->log, error);
}

static void apply__print(const struct cli *cli, const struct cli_work *work, const struct cli_difference *difference,
                         enum applied applied)
{
	if (cli->json) {
		cli_print_json(json_pack("{s:s, s:i, s:s, s:o}", "publication", work->settings->publication, "tables",
		                         (int)work->plan->tables_count, "graph", applied_names[applied], "difference",
		                         cli_difference_json(difference)));
	} else if (applied == APPLIED_APPROVAL) {
		puts("Approved. The daemon that runs carries it out when it reads its mapping file again (SIGHUP) or is "
		     "started "
		     "anew.");
	} else if (applied == APPLIED_CHANGE) {
		puts("Done: the graph is as this mapping makes it.");
	} else {
		printf("Publication %s publishes %u tables; the graph's constraints are there.\n", work->settings->publication,
		       work->plan->tables_count);
	}
}

int cli_apply(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	bool adopt = false;
	const struct cli_option options[] = {
	        {"adopt", 0, NULL, "take over nodes and relationships that a changed mapping names and that are there already",
	         &adopt, NULL},
	};
	struct pipeline_options pipeline = {.log = &cli->log, .load = cli_load_again, .user = cli, .apply = true};
	struct cli_difference difference = {0};
	enum applied applied = APPLIED_NOTHING;
	struct cli_work work;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, 1, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	pipeline.adopt = adopt;
	pipeline.progress = isatty(STDERR_FILENO) && !cli->json && !cli->quiet;
	rc = cli_work_open(cli, &work, true, &error);
	if (rc == 0)
		rc = cli_difference_read(&work, &difference, &error);
	if (rc == 0 && difference.state == DIFFERENCE_SHOWN)
		rc = apply__change(cli, &pipeline, &work, &difference, &applied, &error);
	else if (rc == 0)
		rc = apply__prepare(cli, &work, &difference, &error);
	if (rc == 0)
		rc = element_ids_make_tables(&work.postgres, work.plan, &cli->log, &error);
	if (rc == 0)
		apply__print(cli, &work, &difference, applied);
	cli_difference_free(&difference);
	cli_work_close(&work);
	return rc < 0 ? cli_fail(cli, &error) : 0;
}
