/* hello: connects, runs one query in one write, prints its records. Usage: hello URI USER PASSWORD */
#include <bolt/bolt.h>

#include <signal.h>
#include <stdio.h>
#include <uv.h>

static void on_record(void *user, const struct bolt_record *record)
{
	(void)user;
	printf("%lld: %.*s\n", (long long)record->values[0].integer, (int)record->values[1].size, record->values[1].string);
}

static void on_done(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	if (error)
		fprintf(stderr, "%s: %s\n", error->neo4j_code, error->message);
	if (error || !summary->has_more)
		bolt_goodbye(user);
}

static void on_ready(void *user, struct bolt_connection *connection)
{
	static const struct bolt_handler quiet = {0}, print = {.on_record = on_record, .on_done = on_done};
	struct bolt_writer params;

	(void)user;
	bolt_writer_init(&params, 1024);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "n");
	bolt_writer_int(&params, 3);
	if (bolt_run(connection, "UNWIND range(1, $n) AS i RETURN i, 'hello ' + i", &params, NULL, &quiet, NULL) ||
	    bolt_pull(connection, BOLT_ALL, BOLT_QID_LAST, &print, connection))
		bolt_close(connection);
	bolt_writer_free(&params);
}

static void on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	(void)user, (void)connection;
	if (error)
		fprintf(stderr, "%s: %s\n", bolt_code_name(error->code), error->message);
}

int main(int argc, char **argv)
{
	static const struct bolt_connection_events events = {.on_ready = on_ready, .on_closed = on_closed};
	struct bolt_connection *connection;
	struct bolt_config config;
	struct bolt_error error;

	signal(SIGPIPE, SIG_IGN);
	bolt_config_init(&config);
	config.uri = argc > 1 ? argv[1] : "bolt://localhost";
	config.auth = (struct bolt_auth_token){.kind = argc > 3 ? BOLT_AUTH_BASIC : BOLT_AUTH_NONE,
	                                       .principal = argc > 3 ? argv[2] : NULL,
	                                       .credentials = argc > 3 ? argv[3] : NULL};
	if (bolt_connect(uv_default_loop(), &config, &events, NULL, &connection, &error)) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
