#include "change/change.h"
#include "postgres/room.h"

#include <stdlib.h>
#include <string.h>

struct query_request {
	struct request request;
	PGresult *result;
	postgres_result_fn *on_result;
	void *user;
};

/* A COPY that was asked for as a query is ended without harm: the request fails, the connection goes on. */
static enum request_step query_refuse_copy(struct postgres_connection *connection, struct request *request,
                                           ExecStatusType status)
{
	char *row;
	int size;

	if (!request->error.code)
		error_set(&request->error, ERR_USAGE, "PostgreSQL %s: COPY is no query", connection->address);
	if (status == PGRES_COPY_IN) {
		request__refuse_input(connection);
		return REQUEST_MORE;
	}
	while ((size = PQgetCopyData(connection->pg, &row, 1)) > 0)
		PQfreemem(row);
	return size == 0 ? REQUEST_WAIT : REQUEST_MORE;
}

static enum request_step query_step(struct postgres_connection *connection, struct request *request)
{
	struct query_request *query = (struct query_request *)request;
	PGresult *result;
	enum request_step step = request__next_result(connection, &result);
	ExecStatusType status;

	if (step != REQUEST_MORE)
		return step;
	status = PQresultStatus(result);
	switch (status) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		PQclear(query->result);
		query->result = result;
		return REQUEST_MORE;
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
		step = query_refuse_copy(connection, request, status);
		break;
	default:
		request__fail(connection, request, result);
		break;
	}
	PQclear(result);
	return step;
}

static void query_complete(struct postgres_connection *connection, struct request *request, const struct error *error)
{
	struct query_request *query = (struct query_request *)request;

	(void)connection;
	if (query->on_result)
		query->on_result(query->user, error ? NULL : (const struct postgres_result *)query->result, error);
}

static void query_release(struct request *request)
{
	PQclear(((struct query_request *)request)->result);
}

int postgres_query(struct postgres_connection *connection, const char *sql, const char *const *params, uint32_t params_count,
                   postgres_result_fn *on_result, void *user, struct error *error)
{
	struct query_request *query;

	if (params_count > POSTGRES_PARAMS_MAX)
		return error_set(error, ERR_LIMIT, "a statement with more than %d parameters", POSTGRES_PARAMS_MAX);
	query = request__new(sizeof(*query), sql, params, params_count);
	if (!query)
		return error_set(error, ERR_NOMEM, "no memory for a statement");
	query->request.step = query_step;
	query->request.complete = query_complete;
	query->request.release = query_release;
	query->on_result = on_result;
	query->user = user;
	return connection__queue(connection, &query->request, error);
}

static const PGresult *result_pg(const struct postgres_result *result)
{
	return (const PGresult *)result;
}

uint32_t postgres_result_rows(const struct postgres_result *result)
{
	return result ? (uint32_t)PQntuples(result_pg(result)) : 0;
}

uint32_t postgres_result_columns(const struct postgres_result *result)
{
	return result ? (uint32_t)PQnfields(result_pg(result)) : 0;
}

const char *postgres_result_text(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	if (row >= postgres_result_rows(result) || column >= postgres_result_columns(result) ||
	    PQgetisnull(result_pg(result), (int)row, (int)column))
		return NULL;
	return PQgetvalue(result_pg(result), (int)row, (int)column);
}

uint32_t postgres_result_size(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	return postgres_result_text(result, row, column) ? (uint32_t)PQgetlength(result_pg(result), (int)row, (int)column) : 0;
}

int64_t postgres_result_int(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	const char *text = postgres_result_text(result, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool postgres_result_bool(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	const char *text = postgres_result_text(result, row, column);

	return text && *text == 't';
}

uint64_t postgres_result_lsn(const struct postgres_result *result, uint32_t row, uint32_t column)
{
	const char *text = postgres_result_text(result, row, column);
	uint64_t lsn;

	return text && lsn_parse(text, &lsn) == 0 ? lsn : 0;
}

uint64_t postgres_result_affected(const struct postgres_result *result)
{
	return result ? strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10) : 0;
}
