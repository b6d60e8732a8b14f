#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 24
#define GENERAL_OPTIONS 5
#define SECRET_SIZE_MAX ((size_t)64 * 1024)

/* ---- options ---- */

static size_t cli__general(struct cli *cli, bool *help, struct cli_option general[GENERAL_OPTIONS])
{
	const struct cli_option options[GENERAL_OPTIONS] = {
	        {"config", 'c', "FILE", "the mapping file; " CLI_CONFIG_DEFAULT " unless said", NULL, &cli->config},
	        {"json", 'j', NULL, "print one JSON document (run: log lines as JSON)", &cli->json, NULL},
	        {"quiet", 'q', NULL, "log warnings and errors only", &cli->quiet, NULL},
	        {"verbose", 'v', NULL, "log more", &cli->verbose, NULL},
	        {"help", 'h', NULL, "print this", help, NULL},
	};

	memcpy(general, options, sizeof(options));
	return GENERAL_OPTIONS;
}

static void cli__print_option(const struct cli_option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->letter ? '-' : ' ', option->letter ? option->letter : ' ',
	         option->letter ? ", " : "  ", option->name, option->argument ? " " : "",
	         option->argument ? option->argument : "");
	printf("  %-26s %s\n", left, option->doc);
}

static void cli__print_help(const struct cli_command *command, const struct cli_option *options, size_t count)
{
	printf("Usage: pgweave %s [OPTION]...%s%s\n%s.\n\n%s\n\nOptions:\n", command->name, command->arguments[0] ? " " : "",
	       command->arguments, command->summary, command->doc);
	for (size_t i = 0; i < count; i++)
		cli__print_option(&options[i]);
	printf("\n'pgweave --help' has all exit codes.\n");
}

static int cli__usage(const struct cli_command *command, const char *what)
{
	fprintf(stderr, "pgweave %s: %s\nTry 'pgweave %s --help'.\n", command->name, what, command->name);
	return error_code_exit(ERR_USAGE);
}

static void cli__set_log(struct cli *cli)
{
	cli->log.json = cli->json;
	cli->log.level = cli->quiet ? LOG_WARN : cli->verbose ? LOG_DEBUG : LOG_INFO;
}

int cli_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv, const struct cli_option *options,
              size_t options_count, const char **positional, size_t positional_max, size_t *ret_count)
{
	struct cli_option all[OPTIONS_MAX + GENERAL_OPTIONS];
	struct option longs[OPTIONS_MAX + GENERAL_OPTIONS + 1] = {0};
	char shorts[2 * (OPTIONS_MAX + GENERAL_OPTIONS) + 2] = ":";
	bool help = false;
	size_t count = options_count, used = 1;
	int letter, index;

	memcpy(all, options, options_count * sizeof(*options));
	count += cli__general(cli, &help, all + options_count);
	for (size_t i = 0; i < count; i++) {
		longs[i] = (struct option){all[i].name, all[i].argument ? required_argument : no_argument, NULL, 256 + (int)i};
		if (!all[i].letter)
			continue;
		shorts[used++] = all[i].letter;
		if (all[i].argument)
			shorts[used++] = ':';
	}
	optind = 1;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == '?' || letter == ':') {
			char what[256];

			snprintf(what, sizeof(what), letter == ':' ? "option %s needs an argument" : "there is no option %s",
			         argv[optind - 1]);
			return cli__usage(command, what);
		}
		for (index = letter - 256; index < 0;)
			for (size_t i = 0; i < count; i++)
				if (all[i].letter == letter)
					index = (int)i;
		if (all[index].flag)
			*all[index].flag = true;
		else
			*all[index].value = optarg;
	}
	if (help) {
		cli__print_help(command, all, count);
		return 0;
	}
	cli__set_log(cli);
	*ret_count = (size_t)(argc - optind);
	if (*ret_count > positional_max)
		return cli__usage(command, "too many arguments");
	for (size_t i = 0; i < *ret_count; i++)
		positional[i] = argv[optind + (int)i];
	return -1;
}

/* ---- output ---- */

void cli_print_json(json_t *document)
{
	char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;

	puts(text ? text : "null");
	free(text);
	json_decref(document);
}

int cli_fail(const struct cli *cli, const struct error *error)
{
	fprintf(stderr, "pgweave: %s%s%s%s\n", error->text, error->origin[0] ? " (" : "", error->origin,
	        error->origin[0] ? ")" : "");
	if (error->hint[0])
		fprintf(stderr, "  what to do: %s\n", error->hint);
	if (cli->json)
		cli_print_json(json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", error_code_name(error->code), "origin",
		                         error->origin, "text", error->text, "hint", error->hint));
	return error_code_exit(error->code);
}

/* ---- the mapping file ---- */

static int cli__read_file(const char *path, size_t size_max, struct buffer *text, struct error *error)
{
	FILE *file = fopen(path, "rbe");
	int rc = 0;

	if (!file)
		return error_set(error, ERR_CONFIG, "%s: %s", path, strerror(errno));
	for (;;) {
		char *to = buffer_reserve(text, 16384);
		size_t got = to ? fread(to, 1, 16384, file) : 0;

		text->size += got;
		if (got == 0)
			break;
	}
	if (text->failed)
		rc = error_set(error, ERR_CONFIG, "%s: larger than %zu bytes, the most that it may have", path, size_max);
	else if (ferror(file))
		rc = error_set(error, ERR_CONFIG, "%s: %s", path, strerror(errno));
	fclose(file);
	return rc;
}

static const char *cli__variable(void *user, const char *name)
{
	(void)user;
	return getenv(name);
}

static int cli__secret(void *user, const char *path, struct buffer *text, struct error *error)
{
	int rc = cli__read_file(path, SECRET_SIZE_MAX, text, error);

	(void)user;
	if (rc == 0 && text->size && text->data[text->size - 1] == '\n')
		text->size--;
	return rc;
}

int cli_read_mapping(const struct cli *cli, struct buffer *text, const char *what, struct mapping **ret_mapping,
                     struct error *error)
{
	const struct mapping_environment environment = {.variable = cli__variable, .file = cli__secret};
	struct diagnostics diagnostics;
	int rc;

	diagnostics_init(&diagnostics);
	rc = mapping_parse(cli->config, buffer_text(text), text->size, &environment, ret_mapping, &diagnostics);
	if (rc < 0)
		session_error_from_diagnostics(rc, &diagnostics, what, error);
	diagnostics_free(&diagnostics);
	return rc;
}

int cli_load(const struct cli *cli, struct mapping **ret_mapping, struct error *error)
{
	struct buffer text;
	int rc;

	buffer_init(&text, MAPPING_SIZE_MAX + 32768);
	rc = cli__read_file(cli->config, MAPPING_SIZE_MAX, &text, error);
	if (rc == 0)
		rc = cli_read_mapping(cli, &text, "the mapping file is wrong; nothing was touched", ret_mapping, error);
	else if (!cli->json && access(cli->config, F_OK) != 0)
		error_hint(error, "pgweave init POSTGRES_URL NEO4J_URL > %s writes one from the database", cli->config);
	buffer_free(&text);
	return rc;
}

int cli_load_again(void *user, struct mapping **ret_mapping, struct error *error)
{
	return cli_load(user, ret_mapping, error);
}

/* ---- both servers ---- */

int cli_work_open(const struct cli *cli, struct cli_work *work, bool graph, struct error *error)
{
	int rc;

	*work = (struct cli_work){0};
	rc = cli_load(cli, &work->mapping, error);
	if (rc < 0)
		return rc;
	work->settings = mapping_settings(work->mapping);
	rc = session_loop_init(&work->loop, error);
	if (rc < 0)
		return rc;
	work->loop_ready = true;
	rc = session_postgres_open(&work->postgres, &work->loop, work->settings, false, error);
	if (rc == 0)
		rc = session_postgres_catalog(&work->postgres, &work->catalog, error);
	if (rc == 0)
		rc = session_compile(work->mapping, &work->catalog, &work->plan, error);
	if (rc == 0 && graph)
		rc = session_graph_open(&work->graph, &work->loop, work->settings, NULL, error);
	return rc;
}

void cli_work_close(struct cli_work *work)
{
	if (work->loop_ready) {
		session_graph_close(&work->graph);
		session_postgres_close(&work->postgres);
		session_loop_close(&work->loop);
	}
	if (work->plan)
		plan_free(work->plan);
	arena_free(&work->catalog.arena);
	if (work->mapping)
		mapping_free(work->mapping);
}
