/*
 * cli: the command line. One file a command, each thin: it reads its options, calls a room, and prints.
 *
 * What is asked for goes to standard output, as text or, with --json, as one JSON document; everything else goes to standard
 * error. Exit codes: 0, 1 for "looked, and it is not as it should be" (check, verify), else by error (base/error.h).
 */
#ifndef PGWEAVE_CLI_CLI_H
#define PGWEAVE_CLI_CLI_H

#include "base/error.h"
#include "log/log.h"
#include "mapping/mapping.h"
#include "session/session.h"

#include <jansson.h>

#define CLI_EXIT_NOT_WELL 1
#define CLI_CONFIG_DEFAULT "pgweave.yaml"

struct cli {
	const char *config; /* the mapping file */
	bool json;
	bool quiet;
	bool verbose;
	struct log log;
};

struct cli_option {
	const char *name;     /* long: --name */
	char letter;          /* short: -n, or 0 */
	const char *argument; /* what it takes, for the help; NULL: a flag */
	const char *doc;
	bool *flag;         /* set where there is no argument */
	const char **value; /* set where there is one */
};

struct cli_command {
	const char *name;
	const char *arguments; /* for the help: "POSTGRES_URL [NEO4J_URL]" */
	const char *summary;   /* one line */
	const char *doc;       /* paragraphs; what it does, what it needs, exit codes */
	int (*run)(struct cli *cli, const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command cli_commands[];
extern const size_t cli_commands_count;

/* Each command's entry. argv[0] is the command's name; returns the exit code. */
int cli_apply(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_check(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_init(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_plan(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_run(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_status(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_verify(struct cli *cli, const struct cli_command *command, int argc, char **argv);
int cli_version(struct cli *cli, const struct cli_command *command, int argc, char **argv);

/*
 * Reads the options of a command, the general ones (-c, --json, ...) among them. Positional arguments end up in
 * positional[0..*ret_count). Returns -1 to go on, else the exit code: --help was printed, or the usage is wrong and was said.
 */
int cli_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv, const struct cli_option *options,
              size_t options_count, const char **positional, size_t positional_max, size_t *ret_count);

/* Prints the error as text, with --json as {"error": ...} too, and returns its exit code. */
int cli_fail(const struct cli *cli, const struct error *error);
/* Prints a JSON document and frees it. */
void cli_print_json(json_t *document);

/* Checks a mapping's text; `what` begins the error. */
int cli_read_mapping(const struct cli *cli, struct buffer *text, const char *what, struct mapping **ret_mapping,
                     struct error *error) _must_check;
/* Reads and checks the mapping file. */
int cli_load(const struct cli *cli, struct mapping **ret_mapping, struct error *error) _must_check;
/* The same as pipeline_options wants it: user is the struct cli. */
int cli_load_again(void *user, struct mapping **ret_mapping, struct error *error) _must_check;

/* What most commands work with: the mapping, both servers, and the plan. */
struct cli_work {
	struct session_loop loop;
	struct mapping *mapping;
	const struct mapping_settings *settings;
	struct session_postgres postgres;
	struct session_graph graph;
	struct catalog catalog;
	struct plan *plan;
	bool loop_ready;
};

/* Opens all of it, the graph where that is asked for. cli_work_close is due in any case. */
int cli_work_open(const struct cli *cli, struct cli_work *work, bool graph, struct error *error) _must_check;
void cli_work_close(struct cli_work *work);

#endif
