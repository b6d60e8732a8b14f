#include "postgres/replication.h"

#include "change/change.h"
#include "mapping/quote.h"
#include "postgres/room.h"

#include <stdlib.h>

#define COMMAND_SIZE_MAX 4096

/* A command's own callback, kept while postgres_query runs it. */
struct command {
	postgres_system_fn *on_system;
	postgres_slot_fn *on_slot;
	postgres_done_fn *on_done;
	void *user;
};

static int command_run(struct postgres_connection *connection, struct buffer *sql, const struct command *command,
                       postgres_result_fn *on_result, struct error *error)
{
	struct command *copy = malloc(sizeof(*copy));
	const char *text = buffer_text(sql);
	int rc;

	if (!copy) {
		rc = error_set(error, ERR_NOMEM, "no memory for a replication command");
		goto out;
	}
	if (sql->failed) {
		rc = error_set(error, ERR_LIMIT, "a replication command longer than %d bytes", COMMAND_SIZE_MAX);
		goto free_copy;
	}
	*copy = *command;
	rc = postgres_query(connection, text, NULL, 0, on_result, copy, error);
	if (!rc)
		goto out;
free_copy:
	free(copy);
out:
	buffer_free(sql);
	return rc;
}

static int refuse_answer(struct error *error, const char *command)
{
	return error_set(error, ERR_PROTOCOL, "the server's answer to %s cannot be read", command);
}

static void on_identified(void *user, const struct postgres_result *result, const struct error *error)
{
	struct command *command = user;
	struct postgres_system system = {0};
	struct error refused;
	const char *identifier = postgres_result_text(result, 0, 0);

	if (!error && !identifier) {
		refuse_answer(&refused, "IDENTIFY_SYSTEM");
		error = &refused;
	}
	if (!error) {
		system.system_identifier = strtoull(identifier, NULL, 10);
		system.timeline = (uint32_t)postgres_result_int(result, 0, 1);
		system.lsn = postgres_result_lsn(result, 0, 2);
	}
	command->on_system(command->user, error ? NULL : &system, error);
	free(command);
}

int postgres_identify_system(struct postgres_connection *connection, postgres_system_fn *on_done, void *user,
                             struct error *error)
{
	const struct command command = {.on_system = on_done, .user = user};
	struct buffer sql;

	buffer_init(&sql, COMMAND_SIZE_MAX);
	buffer_append_text(&sql, "IDENTIFY_SYSTEM");
	return command_run(connection, &sql, &command, on_identified, error);
}

/* slot_name, consistent_point, snapshot_name, output_plugin */
static void on_slot_created(void *user, const struct postgres_result *result, const struct error *error)
{
	struct command *command = user;
	struct error refused;
	struct postgres_slot slot = {
	        .consistent_lsn = postgres_result_lsn(result, 0, 1),
	        .snapshot = postgres_result_text(result, 0, 2),
	};

	if (!error && (!slot.consistent_lsn || !slot.snapshot)) {
		refuse_answer(&refused, "CREATE_REPLICATION_SLOT");
		error = &refused;
	}
	command->on_slot(command->user, error ? NULL : &slot, error);
	free(command);
}

int postgres_slot_create(struct postgres_connection *connection, const char *slot, bool temporary, postgres_slot_fn *on_done,
                         void *user, struct error *error)
{
	const struct command command = {.on_slot = on_done, .user = user};
	struct buffer sql;

	/* The grammar of before 15; newer servers still take it. */
	buffer_init(&sql, COMMAND_SIZE_MAX);
	buffer_append_text(&sql, "CREATE_REPLICATION_SLOT ");
	sql_quote_identifier(&sql, slot);
	buffer_append_text(&sql, temporary ? " TEMPORARY LOGICAL " : " LOGICAL ");
	sql_quote_identifier(&sql, "pgoutput");
	buffer_append_text(&sql, " EXPORT_SNAPSHOT");
	return command_run(connection, &sql, &command, on_slot_created, error);
}

static void on_slot_dropped(void *user, const struct postgres_result *result, const struct error *error)
{
	struct command *command = user;

	(void)result;
	command->on_done(command->user, error);
	free(command);
}

int postgres_slot_drop(struct postgres_connection *connection, const char *slot, postgres_done_fn *on_done, void *user,
                       struct error *error)
{
	const struct command command = {.on_done = on_done, .user = user};
	struct buffer sql;

	buffer_init(&sql, COMMAND_SIZE_MAX);
	buffer_append_text(&sql, "DROP_REPLICATION_SLOT ");
	sql_quote_identifier(&sql, slot);
	return command_run(connection, &sql, &command, on_slot_dropped, error);
}
