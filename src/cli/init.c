#include "mapping/init.h"

#include "cli/cli.h"

#include <stdio.h>

#define INIT_SIZE_MAX ((size_t)16 * 1024 * 1024)

static int init__write(const struct mapping_init_options *options, struct buffer *yaml, struct error *error)
{
	const struct mapping_settings settings = {.postgres_url = options->postgres_url, .pipeline = "init"};
	struct session_postgres postgres;
	struct session_loop loop;
	struct catalog catalog = {0};
	int rc = session_loop_init(&loop, error);

	if (rc < 0)
		return rc;
	rc = session_postgres_open(&postgres, &loop, &settings, false, error);
	if (rc == 0)
		rc = session_postgres_catalog(&postgres, &catalog, error);
	if (rc == 0)
		rc = mapping_init(&catalog, options, yaml, error);
	arena_free(&catalog.arena);
	session_postgres_close(&postgres);
	session_loop_close(&loop);
	return rc;
}

int cli_init(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	const char *urls[2] = {NULL, NULL}, *pipeline = NULL, *user = NULL, *database = NULL;
	const struct cli_option options[] = {
	        {"pipeline", 'p', "NAME", "the pipeline's name; from the database's name unless said", NULL, &pipeline},
	        {"neo4j-user", 'u', "NAME", "Neo4j's user", NULL, &user},
	        {"neo4j-database", 'd', "NAME", "Neo4j's database", NULL, &database},
	};
	struct buffer yaml;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, sizeof(options) / sizeof(*options), urls, 2, &count);

	if (rc >= 0)
		return rc;
	if (count == 0) {
		error_set(&error, ERR_USAGE, "init needs PostgreSQL's URL");
		error_hint(&error, "pgweave init postgresql://user@host/database bolt://host > " CLI_CONFIG_DEFAULT);
		return cli_fail(cli, &error);
	}
	const struct mapping_init_options init = {
	        .pipeline = pipeline,
	        .postgres_url = urls[0],
	        .neo4j_url = urls[1],
	        .neo4j_user = user,
	        .neo4j_database = database,
	};

	buffer_init(&yaml, INIT_SIZE_MAX);
	rc = init__write(&init, &yaml, &error);
	if (rc == 0 && yaml.failed)
		rc = error_set(&error, ERR_LIMIT, "the mapping file would be larger than %zu bytes", INIT_SIZE_MAX);
	if (rc == 0 && cli->json)
		cli_print_json(json_pack("{s:s}", "yaml", buffer_text(&yaml)));
	else if (rc == 0)
		fwrite(yaml.data, 1, yaml.size, stdout);
	buffer_free(&yaml);
	return rc < 0 ? cli_fail(cli, &error) : 0;
}
