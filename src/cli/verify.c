#include "verify/verify.h"

#include "cli/cli.h"
#include "session/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUTPUT_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define NAMES_MAX 64

static void verify__on_progress(void *user, uint64_t rows)
{
	struct progress *progress = user;

	progress->done = rows;
	progress_show(progress, false);
}

static int verify__print(const struct cli *cli, const struct verify_report *report, struct error *error)
{
	struct buffer text;
	int rc = 0;

	if (cli->json) {
		cli_print_json(verify_report_json(report));
		return 0;
	}
	buffer_init(&text, OUTPUT_SIZE_MAX);
	verify_report_text(report, &text);
	if (text.failed)
		rc = error_set(error, ERR_NOMEM, "no memory for the report");
	else
		fwrite(text.data, 1, text.size, stdout);
	buffer_free(&text);
	return rc;
}

/* The tables that the arguments name; all when there is none. */
static int verify__tables(const struct plan *plan, const char *const *names, size_t count, bool **ret_tables,
                          struct error *error)
{
	*ret_tables = NULL;
	if (!count)
		return 0;
	*ret_tables = calloc(plan->tables_count, sizeof(**ret_tables));
	if (!*ret_tables)
		return error_set(error, ERR_NOMEM, "no memory");
	for (size_t i = 0; i < count; i++)
		if (!verify_tables_add(plan, names[i], *ret_tables))
			return error_set(error, ERR_USAGE, "the mapping has no table, label or relationship type %s", names[i]);
	return 0;
}

static int verify__run(struct cli *cli, struct cli_work *work, const char *const *names, size_t names_count, uint32_t most,
                       bool heal, bool *ret_equal, struct error *error)
{
	struct verify_report report = {0};
	struct progress progress;
	bool *tables = NULL;
	int rc = verify__tables(work->plan, names, names_count, &tables, error);

	if (rc == 0) {
		struct verify_request request = {
		        .tables = tables,
		        .differences_max = most,
		        .heal = heal,
		        .on_progress = verify__on_progress,
		        .user = &progress,
		};

		progress_init(&progress, &cli->log, "verify", isatty(STDERR_FILENO) && !cli->json && !cli->quiet);
		for (uint32_t i = 0; i < work->plan->tables_count; i++)
			if (work->plan->tables[i].rows_estimate > 0 && (!tables || tables[i]))
				progress.total += (uint64_t)work->plan->tables[i].rows_estimate;
		rc = verify_run(&work->loop, work->settings, work->plan, &request, &report, error);
		if (rc == 0)
			rc = verify__print(cli, &report, error);
		*ret_equal = rc == 0 && verify_report_is_equal(&report);
		verify_report_free(&report);
	}
	free(tables);
	return rc;
}

int cli_verify(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	const char *names[NAMES_MAX], *most = NULL;
	bool equal = false, heal = false;
	const struct cli_option options[] = {
	        {"heal", 0, NULL, "have element ids that PostgreSQL was told wrongly written again, by the pipeline that runs",
	         &heal, NULL},
	        {"most", 'm', "N", "tell at most N differences in full; 100 unless said", NULL, &most},
	};
	struct cli_work work;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, 2, names, NAMES_MAX, &count);

	if (rc >= 0)
		return rc;
	rc = cli_work_open(cli, &work, false, &error);
	if (rc == 0)
		rc = verify__run(cli, &work, names, count, most ? (uint32_t)strtoul(most, NULL, 10) : 0, heal, &equal, &error);
	cli_work_close(&work);
	return rc < 0 ? cli_fail(cli, &error) : equal ? 0 : CLI_EXIT_NOT_WELL;
}
