#include "cli/cli.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>

int cli_version(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, NULL, 0, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:s, s:i, s:s}", "pgweave", PGWEAVE_VERSION, "libuv", uv_version_string(),
		                         "libpq", PQlibVersion(), "jansson", JANSSON_VERSION));
	else
		printf("pgweave %s\nlibuv %s, libpq %d, jansson %s\n", PGWEAVE_VERSION, uv_version_string(), PQlibVersion(),
		       JANSSON_VERSION);
	return 0;
}
