#include "cli/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

const struct cli_command cli_commands[] = {
        {"init", "POSTGRES_URL [NEO4J_URL] | --update [POSTGRES_URL]", "Writes a mapping file from a database's catalogue",
         "Reads the catalogue and prints YAML: every table with a key becomes a node or, when it is a join table, a "
         "relationship;\n"
         "every foreign key becomes a relationship. Comments say what to decide, and what was left out and why. Neither "
         "database is\n"
         "changed. First contact: pgweave init URL URL > pgweave.yaml, then pgweave plan, then pgweave run.\n\n"
         "With --update it adds to the mapping file what is new in the database since: tables, foreign keys, columns that "
         "cannot "
         "be\n"
         "carried. Each is marked by a comment; all else in the file stays as it is, byte for byte, and what was taken out of "
         "it "
         "stays\n"
         "out. What is gone from the database is told. Do not redirect its output into the file: it writes the file itself.\n\n"
         "Exit codes: 0 when a mapping was written, or is up to date; 1 when it is, but maps what is no longer in the "
         "database.",
         cli_init},
        {"check", "", "Looks at everything that could go wrong, before it does",
         "Servers, permissions, wal_level, slots, replica identities, keys, constraints, versions, clocks, TLS. Each finding "
         "comes\n"
         "with the statement that mends it. Nothing is changed.\n\n"
         "Exit codes: 0 when nothing would stop `run`, 1 when something would.",
         cli_check},
        {"plan", "", "Shows what would be made in both databases",
         "The graph that the mapping makes, in words or as a picture, with estimates, samples from real rows, and warnings; "
         "and "
         "where\n"
         "another mapping made the graph, what `apply` does to it, step by step, with counts. Nothing is changed.\n\n"
         "Exit codes: 0 when the mapping fits the database.",
         cli_plan},
        {"apply", "", "Makes publication and constraints, and carries out a changed mapping",
         "`run` makes both by itself on its first start. Use it to give the work to an administrator, or after the publication "
         "was\n"
         "altered. The slot is made by `run`, together with the snapshot.\n\n"
         "When another mapping made the graph, it is changed to this one, online; see `plan` for what that means. While a "
         "daemon "
         "runs,\n"
         "the change is approved instead, and the daemon carries it out when it reads its mapping file again (SIGHUP). What "
         "was\n"
         "interrupted goes on when `apply` or `run` is started again.\n\n"
         "Exit codes: 0 when all of it is there, or approved; 74 when the change cannot be carried out.",
         cli_apply},
        {"run", "", "Loads the graph, then keeps it in step: the daemon",
         "On the first start it makes the publication, the constraints and the slot, and loads all mapped tables under the "
         "slot's\n"
         "snapshot; then, and on every later start, it streams changes from the graph's checkpoint. It reconnects for ever.\n"
         "SIGTERM and SIGINT end it between two transactions; SIGHUP reads the mapping file again.\n\n"
         "Exit codes: 0 stopped by a signal; 69 only where waiting does not help, such as TLS; 74 the pipeline cannot go on as "
         "it "
         "stands,\n"
         "see the message.",
         cli_run},
        {"status", "", "Shows how far the graph is, and whether all is well",
         "Reads the checkpoint in the graph, the slot and the publication.\n\n"
         "Exit codes: 0 when the pipeline is running and well, 1 when it is not.",
         cli_status},
        {"verify", "[TABLE|LABEL|TYPE]...", "Proves that the graph equals PostgreSQL, while both are in use",
         "Compares every mapped row, property and relationship, both ways. A difference is reported only after the graph has "
         "passed\n"
         "the WAL position at which it was seen. Nothing is changed without --heal, and with it nothing but element ids that\n"
         "PostgreSQL was told wrongly: they are marked for the pipeline, or deleted where no row has their key.\n\n"
         "Exit codes: 0 only when they are equal, 1 when they differ.",
         cli_verify},
        {"version", "", "Prints the version", "And those of the libraries in use.\n\nExit codes: 0.", cli_version},
};
const size_t cli_commands_count = sizeof(cli_commands) / sizeof(*cli_commands);

/* Of all commands; several errors share one. */
static void main__exit_codes(FILE *to)
{
	fprintf(to, "\nExit codes: 0 when all is well, 1 when what was asked about is not, and\n");
	for (int exit_code = 2; exit_code < 128; exit_code++) {
		const char *separator = "";

		for (int code = -1; code >= ERR_USAGE; code--) {
			if (error_code_exit(code) != exit_code)
				continue;
			if (!*separator)
				fprintf(to, "  %d  ", exit_code);
			fprintf(to, "%s%s", separator, error_code_what(code));
			separator = "; ";
		}
		if (*separator)
			fputc('\n', to);
	}
}

static void main__help(FILE *to)
{
	fprintf(to, "Usage: pgweave [-c FILE] COMMAND [OPTION]...\n"
	            "Keeps a Neo4j graph in step with a PostgreSQL database, and proves that they agree.\n\nCommands:\n");
	for (size_t i = 0; i < cli_commands_count; i++)
		fprintf(to, "  %-10s %s\n", cli_commands[i].name, cli_commands[i].summary);
	main__exit_codes(to);
	fprintf(to, "\n'pgweave COMMAND --help' tells more. The mapping file is %s unless -c says otherwise.\n",
	        CLI_CONFIG_DEFAULT);
}

int main(int argc, char **argv)
{
	struct cli cli = {.config = CLI_CONFIG_DEFAULT, .log = {.level = LOG_INFO}};
	int at = 1;

	setvbuf(stderr, NULL, _IOLBF, 0);
	while (at < argc && argv[at][0] == '-') {
		if ((strcmp(argv[at], "-c") == 0 || strcmp(argv[at], "--config") == 0) && at + 1 < argc) {
			cli.config = argv[at + 1];
			at += 2;
		} else if (strcmp(argv[at], "--json") == 0) {
			cli.json = true;
			at++;
		} else if (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0) {
			main__help(stdout);
			return 0;
		} else if (strcmp(argv[at], "--version") == 0) {
			return cli_version(&cli, &cli_commands[cli_commands_count - 1], 1, argv);
		} else {
			break;
		}
	}
	for (size_t i = 0; i < cli_commands_count && at < argc; i++)
		if (strcmp(argv[at], cli_commands[i].name) == 0)
			return cli_commands[i].run(&cli, &cli_commands[i], argc - at, argv + at);
	if (at < argc)
		fprintf(stderr, "pgweave: there is no command %s\n\n", argv[at]);
	main__help(stderr);
	return error_code_exit(ERR_USAGE);
}
