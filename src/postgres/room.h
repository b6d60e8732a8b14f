/*
 * postgres, inside the room: the connection's state and the requests that take turns on it.
 *
 * A request is a statement with a step function that is called whenever libpq may have more: it takes what is there, without
 * blocking, and says whether to wait, or that it is done. The first of the queue is the one under way.
 */
#ifndef PGWEAVE_POSTGRES_ROOM_H
#define PGWEAVE_POSTGRES_ROOM_H

#include "postgres/connection.h"

#include <libpq-fe.h>

enum connection_state {
	CONNECTION_STATE_CONNECTING,
	CONNECTION_STATE_READY,
	CONNECTION_STATE_DEAD,    /* broken: requests fail, only close is left */
	CONNECTION_STATE_CLOSING, /* postgres_close was called */
};

enum request_step {
	REQUEST_WAIT, /* for the socket */
	REQUEST_MORE, /* call again */
	REQUEST_DONE, /* the server has finished; complete it with request->error */
};

struct request {
	struct request *next;
	bool sent;
	struct error error; /* code OK: none */
	/* Takes what libpq has. */
	enum request_step (*step)(struct postgres_connection *connection, struct request *request);
	/* Calls the callback, once; error as callbacks get it. The request is no longer in the queue. */
	void (*complete)(struct postgres_connection *connection, struct request *request, const struct error *error);
	/* Frees what is inside the request beside sql and params; may be NULL. */
	void (*release)(struct request *request);
	char *sql;
	char *params[POSTGRES_PARAMS_MAX];
	uint32_t params_count;
};

struct poll_handle {
	uv_poll_t poll;
	struct postgres_connection *connection;
	int fd;
};

struct stream_request;

struct postgres_connection {
	uv_loop_t *loop;
	PGconn *pg;
	struct poll_handle *poll; /* NULL while there is no socket */
	uv_timer_t timer;         /* the connect timeout */
	uv_timer_t kick;          /* pumps once more from the loop */
	uv_timer_t status_timer;  /* the stream's */
	int handles_open;         /* uv_close calls whose callback is still to come, and handles in use */
	enum connection_state state;
	bool pumping;
	bool paused;
	bool flush_wanted;       /* libpq has bytes that the socket did not take */
	size_t message_size;     /* of libpq's message, before the socket was last read */
	struct error dead_error; /* why it is DEAD */
	struct error farewell;   /* the FATAL that the server sent unasked, if any */
	struct request *first;
	struct request **last;
	uint32_t requests_count;
	uint64_t connect_timeout_ms;
	postgres_done_fn *on_connected;
	void *on_connected_user;
	postgres_done_fn *on_lost;
	void *on_lost_user;
	void (*on_closed)(void *user);
	void *on_closed_user;
	struct stream_request *stream; /* the one in the queue, if any */
	char *address;
};

/*
 * Makes a request of size bytes, which begins with a struct request, with copies of sql and params. NULL without memory. Either
 * it is queued, or freed with request__free.
 */
void *request__new(size_t size, const char *sql, const char *const *params, uint32_t params_count) _must_check;
void request__free(struct request *request);
/* 0, or ERR_LIMIT, ERR_STATE with error set and the request freed. */
int connection__queue(struct postgres_connection *connection, struct request *request, struct error *error) _must_check;

/* Calls the requests' steps from the loop, soon. */
void connection__kick(struct postgres_connection *connection);
/* Asks the loop for what is wanted of the socket now. */
void connection__poll_update(struct postgres_connection *connection);
/* Writes out what libpq has buffered. */
void connection__flush(struct postgres_connection *connection);
/* The connection is broken: all requests complete with this error. */
void connection__lost(struct postgres_connection *connection, const struct error *error);
/* The error for a connection that libpq says is broken. */
void connection__lost_error(const struct postgres_connection *connection, struct error *ret_error);
/* Puts a failed result, or a surprising one, into the request's error, unless it has one. */
void request__fail(struct postgres_connection *connection, struct request *request, const PGresult *result);
/*
 * What all requests do while the server answers with results: takes the next one. WAIT or DONE (the request has ended), or MORE
 * with *ret_result, which the caller clears.
 */
enum request_step request__next_result(struct postgres_connection *connection, PGresult **ret_result);
/* Ends a COPY FROM STDIN that nobody has data for. */
void request__refuse_input(struct postgres_connection *connection);

/* postgres/session.c: the keywords for libpq. */
#define SESSION_KEYWORDS_MAX 64
struct session {
	PQconninfoOption *parsed;
	char options[1024];
	char application_name[128];
	const char *keywords[SESSION_KEYWORDS_MAX];
	const char *values[SESSION_KEYWORDS_MAX];
	uint32_t count;
	uint64_t connect_timeout_ms;
};
int session__init(struct session *session, const struct postgres_options *options, struct error *error) _must_check;
void session__free(struct session *session);
/* What is set once the server's version is known; NULL when nothing. */
const char *session__statement(int server_version);

/* postgres/sqlstate.c */
void sqlstate__error(struct error *ret_error, const char *address, const char *sqlstate, const char *message,
                     const char *detail, const char *hint);
void sqlstate__error_of_result(struct error *ret_error, const char *address, const PGresult *result);
/* The connection broke, and this is what libpq says of it. */
void sqlstate__error_of_connection(struct error *ret_error, const char *address, const char *message);
/* A login that failed: reads libpq's message, which has the SQLSTATE only in its text. */
void sqlstate__error_of_login(struct error *ret_error, const char *address, const PGconn *pg);

#endif
