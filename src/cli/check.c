#include "check/check.h"

#include "cli/cli.h"

#include <stdio.h>

static const char *const level_names[] = {"ok", "warning", "error"};

static void check__print_text(const struct check *check)
{
	for (uint32_t i = 0; i < check->count; i++) {
		const struct check_finding *finding = &check->findings[i];

		printf("%-8s %s: %s\n", level_names[finding->level], finding->object, finding->text);
		if (finding->mend)
			printf("         mend: %s\n", finding->mend);
	}
	printf("%u errors, %u warnings, %u fine\n", check->counts[CHECK_ERROR], check->counts[CHECK_WARNING],
	       check->counts[CHECK_OK]);
}

static void check__print_json(const struct check *check)
{
	json_t *findings = json_array();

	for (uint32_t i = 0; i < check->count; i++) {
		const struct check_finding *finding = &check->findings[i];

		json_array_append_new(findings,
		                      json_pack("{s:s, s:s, s:s, s:s?}", "level", level_names[finding->level], "object",
		                                finding->object, "text", finding->text, "mend", finding->mend));
	}
	cli_print_json(json_pack("{s:i, s:i, s:i, s:o}", "errors", (int)check->counts[CHECK_ERROR], "warnings",
	                         (int)check->counts[CHECK_WARNING], "fine", (int)check->counts[CHECK_OK], "findings",
	                         findings));
}

int cli_check(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	struct session_postgres postgres = {0};
	struct session_graph graph = {0};
	struct session_loop loop;
	struct mapping *mapping;
	struct plan *plan = NULL;
	struct check check;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, NULL, 0, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	if (cli_load(cli, &mapping, &error) < 0)
		return cli_fail(cli, &error);
	rc = session_loop_init(&loop, &error);
	if (rc < 0)
		goto out;
	rc = check_pipeline(mapping, &loop, &postgres, &graph, &plan, &check, &error);
	if (rc == 0 && cli->json)
		check__print_json(&check);
	else if (rc == 0)
		check__print_text(&check);
	session_graph_close(&graph);
	session_postgres_close(&postgres);
	session_loop_close(&loop);
	if (rc == 0)
		rc = check.counts[CHECK_ERROR] ? CLI_EXIT_NOT_WELL : 0;
	check_free(&check);
	if (plan)
		plan_free(plan);
out:
	mapping_free(mapping);
	return rc < 0 ? cli_fail(cli, &error) : rc;
}
