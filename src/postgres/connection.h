/*
 * postgres/connection: a libpq connection on a libuv loop: connect, SQL, one request after the other.
 *
 * What holds for everything in this room:
 * - Nothing blocks, except that libpq resolves host names inside PQconnectPoll. Every callback is called from the loop, never
 *   from inside the function that asked for it.
 * - A request that was taken (0 returned) completes exactly once. When the connection breaks or is closed, the requests still
 *   waiting complete with that error, ERR_CANCELLED when it was postgres_close.
 * - Inside any callback anything may be called, postgres_close of the same connection included.
 * - After an error postgres_is_alive tells whether only the statement failed (SERVER, PERMISSION...), or the connection broke
 *   (IO, TIMEOUT, and SERVER when the server ended the session: 57P01): then close it and make another.
 * - Sessions are set to client_encoding UTF8, DateStyle ISO, IntervalStyle iso_8601, TimeZone UTC, bytea_output hex,
 *   extra_float_digits 3, so that change/value.h can read their text; search_path is left as the role has it.
 * - Error texts name host, port, database and user, never the password. `origin` holds the SQLSTATE.
 *
 * Limits: POSTGRES_QUEUE_MAX requests waiting on a connection. Results are held by libpq whole: for many rows use
 * postgres/copy.h.
 */
#ifndef PGWEAVE_POSTGRES_CONNECTION_H
#define PGWEAVE_POSTGRES_CONNECTION_H

#include "base/error.h"

#include <stdint.h>
#include <uv.h>

#define POSTGRES_QUEUE_MAX 64
#define POSTGRES_PARAMS_MAX 32

struct postgres_connection;
struct postgres_result;

/* error is NULL when all went well. */
typedef void postgres_done_fn(void *user, const struct error *error);
/* The result is valid during the callback only, and NULL when error is not. */
typedef void postgres_result_fn(void *user, const struct postgres_result *result, const struct error *error);

struct postgres_options {
	const char *url;             /* a URL or keyword string of libpq's; copied */
	const char *pipeline;        /* for application_name "pgweave <pipeline>"; may be NULL */
	bool replication;            /* replication=database: a walsender, for postgres/replication.h; takes simple SQL too */
	uint64_t connect_timeout_ms; /* over all hosts and the login together; 0: POSTGRES_CONNECT_TIMEOUT_MS */
	uint64_t lock_timeout_ms;    /* the session's lock_timeout; 0: none */
	/*
	 * The connection broke while no request was under way (they get the error otherwise). Called at most once; may be NULL.
	 */
	postgres_done_fn *on_lost;
	void *user; /* on_lost's */
};

#define POSTGRES_CONNECT_TIMEOUT_MS 10000

/*
 * Starts to connect. on_done is called once: error NULL, and the connection takes requests; or with the reason: ERR_IO
 * (unreachable, RETRY), ERR_TIMEOUT (RETRY), ERR_AUTH (FATAL), ERR_TLS (FATAL), ERR_STATE (no such database, FATAL),
 * ERR_PERMISSION (FATAL), ERR_SERVER (RETRY: starting up, shutting down, too many clients), ERR_CONFIG (the URL cannot be
 * read). After an error the connection still has to be closed. Requests may be queued at once; they wait for the login.
 *
 * Returns 0 with *ret_connection set, or ERR_NOMEM / ERR_CONFIG with error set and on_done never called.
 */
int postgres_connect(uv_loop_t *loop, const struct postgres_options *options, postgres_done_fn *on_done, void *user,
                     struct postgres_connection **ret_connection, struct error *error) _must_check;

/*
 * Ends the connection. Waiting requests complete with ERR_CANCELLED, then on_closed (may be NULL) is called and the memory is
 * gone; all of that from the loop, after this call. The connection must not be used any more. NULL is allowed, and then
 * on_closed is not called. A statement under way is given up by the server when it next writes; PostgreSQL 14 and newer notice
 * within seconds.
 */
void postgres_close(struct postgres_connection *connection, void (*on_closed)(void *user), void *user);

/* False once it has broken; all that is left then is postgres_close. */
bool postgres_is_alive(const struct postgres_connection *connection);
/* 0 while not connected. As PQserverVersion counts: 150004. */
int postgres_server_version(const struct postgres_connection *connection);
/* "sync@db.example:5432/app", for messages. */
const char *postgres_address(const struct postgres_connection *connection);
/* Of the server process, as in pg_stat_activity; 0 while not connected. */
int postgres_backend_pid(const struct postgres_connection *connection);

/*
 * Queues SQL. params are texts, NULL for an SQL NULL; they and sql are copied. Without params several statements may be
 * joined by semicolons: they are one transaction, and the callback gets the last one's result. COPY is refused here.
 *
 * Returns 0, or ERR_LIMIT (queue full, too many params), ERR_NOMEM, ERR_STATE (the connection is dead or closing), and then the
 * callback is not called. The callback's errors: ERR_SERVER, ERR_PERMISSION (42501), ERR_STATE (55000, 58P01), all with the
 * SQLSTATE in origin and the class it calls for; ERR_IO.
 */
int postgres_query(struct postgres_connection *connection, const char *sql, const char *const *params, uint32_t params_count,
                   postgres_result_fn *on_result, void *user, struct error *error) _must_check;

uint32_t postgres_result_rows(const struct postgres_result *result);
uint32_t postgres_result_columns(const struct postgres_result *result);
/* NUL-terminated; NULL for an SQL NULL and for what is outside the result. */
const char *postgres_result_text(const struct postgres_result *result, uint32_t row, uint32_t column);
uint32_t postgres_result_size(const struct postgres_result *result, uint32_t row, uint32_t column);
/* An integer column; 0 for NULL and for what is no integer. */
int64_t postgres_result_int(const struct postgres_result *result, uint32_t row, uint32_t column);
bool postgres_result_bool(const struct postgres_result *result, uint32_t row, uint32_t column);
/* A pg_lsn column; 0 for NULL. */
uint64_t postgres_result_lsn(const struct postgres_result *result, uint32_t row, uint32_t column);
/* Rows that INSERT, UPDATE, DELETE... touched. */
uint64_t postgres_result_affected(const struct postgres_result *result);

/*
 * Checks a URL without connecting, and appends it to text with its password replaced by "***". ERR_CONFIG when libpq cannot
 * read it; the message has no password in it.
 */
struct buffer;
int postgres_url_check(const char *url, struct buffer *text, struct error *error) _must_check;

#endif
