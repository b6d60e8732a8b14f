#include "postgres/copy.h"

#include "postgres/copy_text.h"
#include "postgres/room.h"

struct copy_request {
	struct request request;
	bool copying;
	postgres_row_fn *on_row;
	postgres_done_fn *on_done;
	void *user;
	struct cell cells[POSTGRES_COPY_COLUMNS_MAX];
};

static enum request_step copy_row(struct copy_request *copy, char *row, int size)
{
	uint32_t cells_count;

	/* After a row that cannot be read the rest is only drained. */
	if (copy->request.error.code)
		return REQUEST_MORE;
	if (copy_text_read(row, (size_t)size, copy->cells, POSTGRES_COPY_COLUMNS_MAX, &cells_count, &copy->request.error))
		return REQUEST_MORE;
	copy->on_row(copy->user, copy->cells, cells_count);
	return REQUEST_MORE;
}

static enum request_step copy_step(struct postgres_connection *connection, struct request *request)
{
	struct copy_request *copy = (struct copy_request *)request;
	enum request_step step;
	PGresult *result;
	char *row;
	int size;

	if (copy->copying) {
		size = PQgetCopyData(connection->pg, &row, 1);
		if (size > 0) {
			step = copy_row(copy, row, size);
			PQfreemem(row);
			return step;
		}
		if (size == 0)
			return REQUEST_WAIT;
		copy->copying = false; /* the end, or an error that the next result holds */
	}
	step = request__next_result(connection, &result);
	if (step != REQUEST_MORE)
		return step;
	if (PQresultStatus(result) == PGRES_COPY_IN)
		request__refuse_input(connection);
	if (PQresultStatus(result) == PGRES_COPY_OUT)
		copy->copying = true;
	else if (PQresultStatus(result) != PGRES_COMMAND_OK)
		request__fail(connection, request, result);
	PQclear(result);
	return REQUEST_MORE;
}

static void copy_complete(struct postgres_connection *connection, struct request *request, const struct error *error)
{
	struct copy_request *copy = (struct copy_request *)request;

	(void)connection;
	copy->on_done(copy->user, error);
}

int postgres_copy_out(struct postgres_connection *connection, const char *sql, postgres_row_fn *on_row,
                      postgres_done_fn *on_done, void *user, struct error *error)
{
	struct copy_request *copy = request__new(sizeof(*copy), sql, NULL, 0);

	if (!copy)
		return error_set(error, ERR_NOMEM, "no memory for a statement");
	copy->request.step = copy_step;
	copy->request.complete = copy_complete;
	copy->on_row = on_row;
	copy->on_done = on_done;
	copy->user = user;
	return connection__queue(connection, &copy->request, error);
}

void postgres_copy_pause(struct postgres_connection *connection)
{
	if (connection->state != CONNECTION_STATE_READY || !connection->first || connection->first->step != copy_step ||
	    !connection->first->sent)
		return;
	connection->paused = true;
	if (!connection->pumping)
		connection__poll_update(connection);
}

void postgres_copy_resume(struct postgres_connection *connection)
{
	if (!connection->paused)
		return;
	connection->paused = false;
	connection__kick(connection);
}
