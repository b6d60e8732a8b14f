/* Runs one query and prints its records. Usage: hello URI USER PASSWORD */
#include <bolt/bolt.h>
#include <stdio.h>
#include <uv.h>

static void on_record(void *user, const struct bolt_record *record)
{
	(void)user;
	printf("%.*s\n", (int)record->values[0].size, record->values[0].string);
}

static void on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	(void)user, (void)summary;
	fputs(error ? error->message : "", stderr);
}

static const struct bolt_handler print = {.on_record = on_record, .on_done = on_done};

static void on_ready(void *user, struct bolt_connection *connection)
{
	(void)user;
	if (bolt_run(connection, "UNWIND range(1, 3) AS i RETURN 'hello ' + i", NULL, NULL, NULL, NULL) == 0 &&
	    bolt_pull(connection, BOLT_ALL, BOLT_QID_LAST, &print, NULL) == 0)
		bolt_goodbye(connection);
}

static void on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	(void)user, (void)connection;
	fputs(error ? error->message : "", stderr);
}

int main(int argc, char **argv)
{
	static const struct bolt_connection_events events = {.on_ready = on_ready, .on_closed = on_closed};
	struct bolt_connection *connection;
	struct bolt_config config;
	struct bolt_error error;

	bolt_config_init(&config);
	config.uri = argc == 4 ? argv[1] : "bolt://localhost";
	config.auth = (struct bolt_auth_token){.kind = BOLT_AUTH_BASIC, .principal = argv[2], .credentials = argv[3]};
	if (argc != 4 || bolt_connect(uv_default_loop(), &config, &events, NULL, &connection, &error))
		return 1;
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
