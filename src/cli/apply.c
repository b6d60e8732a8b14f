#include "cli/cli.h"
#include "sync/pipeline.h"

#include <stdio.h>

int cli_apply(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	struct cli_work work;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, NULL, 0, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	rc = cli_work_open(cli, &work, true, &error);
	if (rc == 0)
		rc = pipeline__apply(&work.graph, &work.postgres, work.settings, work.plan, &cli->log, &error);
	if (rc == 0 && cli->json)
		cli_print_json(json_pack("{s:s, s:i}", "publication", work.settings->publication, "tables",
		                         (int)work.plan->tables_count));
	else if (rc == 0)
		printf("Publication %s publishes %u tables; the graph's constraints are there.\n", work.settings->publication,
		       work.plan->tables_count);
	cli_work_close(&work);
	return rc < 0 ? cli_fail(cli, &error) : 0;
}
