#include "cli/cli.h"
#include "sync/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void run__record(void *user, const void *bytes, size_t size)
{
	fwrite(bytes, 1, size, user);
}

int cli_run(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	bool resnapshot = false, adopt = false, once = false;
	const char *record = NULL;
	const struct cli_option options[] = {
	        {"resnapshot", 0, NULL, "load everything anew over what is there, with a new slot", &resnapshot, NULL},
	        {"adopt", 0, NULL, "first start: take over nodes that have a mapped label already", &adopt, NULL},
	        {"until-caught-up", 0, NULL, "end when the graph has what was committed at the start", &once, NULL},
	        {"record", 0, "FILE", "write the bytes sent to Neo4j into FILE (for benchmarks)", NULL, &record},
	};
	struct pipeline_options pipeline = {.log = &cli->log, .load = cli_load_again, .user = cli};
	struct mapping *mapping;
	struct error error;
	char name[128];
	FILE *file = NULL;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, sizeof(options) / sizeof(*options), NULL, 0, &count);

	if (rc >= 0)
		return rc;
	/* the name is the prefix of every line; a wrong file is said before anything starts */
	if (cli_load(cli, &mapping, &error) < 0)
		return cli_fail(cli, &error);
	snprintf(name, sizeof(name), "%s", mapping_settings(mapping)->pipeline);
	mapping_free(mapping);
	cli->log.pipeline = name;
	if (record) {
		/* the login is in it */
		mode_t mask = umask(S_IRWXG | S_IRWXO);

		file = fopen(record, "wbe");
		umask(mask);
		if (!file) {
			error_set(&error, ERR_SYSTEM, "%s: %s", record, strerror(errno));
			return cli_fail(cli, &error);
		}
		pipeline.on_send = run__record;
		pipeline.on_send_user = file;
	}
	pipeline.resnapshot = resnapshot;
	pipeline.adopt = adopt;
	pipeline.until_caught_up = once;
	pipeline.progress = isatty(STDERR_FILENO) && !cli->json && !cli->quiet;
	rc = pipeline_run(&pipeline, &error);
	if (file)
		fclose(file);
	return rc < 0 ? cli_fail(cli, &error) : 0;
}
