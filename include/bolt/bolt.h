/*
 * bolt: an asynchronous client of the Bolt protocol, versions 4.4 and 5.0 to 5.8, for programs with a libuv loop.
 *
 * It connects (bolt://, neo4j://, and their +s and +ssc forms), logs in, sends requests and calls back with records and
 * summaries. It does not retry, log, print, read the environment or start threads; it builds no Cypher. It depends on libc,
 * libuv and OpenSSL; this header needs libc only.
 *
 * Requests are queued and pipelined: a caller sends BEGIN, RUN, PULL, RUN, PULL, COMMIT, BEGIN, ... without waiting. What is
 * queued in one turn of the loop goes out in one write at the end of that turn. Answers come in the order of the requests.
 *
 * Callbacks run on the loop's thread, and never inside a call of this header: a function called here returns before anything
 * that follows from it is called back. Every request that was accepted (the function returned 0) completes exactly once, by
 * on_done: with a summary, or with an error when it failed, was ignored, or the connection went away. One that was refused
 * (negative enum bolt_code) is never called back. Any function here may be called inside any callback, bolt_close too.
 *
 * Ownership: strings and writers passed in are copied before the function returns. What a callback receives lasts until it
 * returns. A connection lives from bolt_connect until on_closed has returned, then it is freed; on_closed comes exactly once.
 *
 * SIGPIPE must be ignored in the program, as with all of libuv: a server that vanishes would end it otherwise.
 *
 * Failure: after a server's FAILURE everything sent before the next RESET is completed as BOLT_ERR_IGNORED; bolt_reset makes
 * the connection usable again. Any other error takes the connection down.
 *
 * Limits: incoming message size, nesting depth, queued output: all in struct bolt_config. All times in milliseconds unless
 * named otherwise. One connection belongs to one loop; nothing is shared between connections.
 */
#ifndef BOLT_BOLT_H
#define BOLT_BOLT_H

#include "bolt/packstream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
struct bolt_connection;
struct bolt_pool;

#define BOLT_MUST_CHECK __attribute__((warn_unused_result))
#define BOLT_PORT 7687

/* ---- errors ---- */

/* name, value, what it is */
#define BOLT_CODES(X)                                                                                                          \
	X(OK, 0, "no error")                                                                                                   \
	X(NOMEM, -1, "out of memory")                                                                                          \
	X(LIMIT, -2, "a maximum is exceeded")                                                                                  \
	X(ARGUMENT, -3, "a bad argument or setting")                                                                           \
	X(STATE, -4, "the connection cannot take this request now")                                                            \
	X(TRANSPORT, -5, "the connection could not be made or was lost")                                                       \
	X(TIMEOUT, -6, "no answer in time")                                                                                    \
	X(TLS, -7, "TLS failed")                                                                                               \
	X(AUTH, -8, "the server refused the login")                                                                            \
	X(PROTOCOL, -9, "the peer broke the protocol, or speaks no version in common")                                         \
	X(ROUTING, -10, "no server of the cluster takes this kind of work")                                                    \
	X(SERVER, -11, "the server refused the request")                                                                       \
	X(IGNORED, -12, "not executed, since an earlier request failed")                                                       \
	X(CANCELLED, -13, "given up, since the connection was closed here")

enum bolt_code {
	BOLT_OK = 0,
#define X(name, value, what) BOLT_ERR_##name = value,
	BOLT_CODES(X)
#undef X
};

struct bolt_error {
	enum bolt_code code;
	bool retriable;      /* the same work may succeed later, on this or on a new connection */
	bool fatal;          /* this connection is gone; false: bolt_reset recovers it */
	char neo4j_code[96]; /* "Neo.ClientError.Schema.ConstraintValidationFailed"; empty when the error is not the server's */
	char gql_status[8];  /* "22N41", from Bolt 5.7 on, else empty */
	char message[1024];  /* what failed, on which host, why; the server's own words for BOLT_ERR_SERVER and BOLT_ERR_AUTH */
};

/* "TRANSPORT" and the like; what it is in words. */
const char *bolt_code_name(enum bolt_code code);
const char *bolt_code_what(enum bolt_code code);
/* True for errors after which the same work may succeed: = error->retriable. */
bool bolt_error_is_transient(const struct bolt_error *error);
/* The rule for a server's code: Neo.TransientError.* (two exceptions) and the client errors known to pass, NotALeader among
 * them. */
bool bolt_neo4j_code_is_transient(const char *neo4j_code);
/* True when the server is no longer the one to write to: refresh the routing table. */
bool bolt_error_is_leader_change(const struct bolt_error *error);

/* ---- settings ---- */

struct bolt_version {
	uint8_t major;
	uint8_t minor;
};

enum bolt_auth {
	BOLT_AUTH_NONE,
	BOLT_AUTH_BASIC,    /* principal, credentials, realm */
	BOLT_AUTH_BEARER,   /* credentials: the token */
	BOLT_AUTH_KERBEROS, /* credentials: the ticket, base64 */
	BOLT_AUTH_CUSTOM,   /* scheme, principal, credentials, realm, parameters */
};

struct bolt_auth_token {
	enum bolt_auth kind;
	const char *scheme; /* of BOLT_AUTH_CUSTOM */
	const char *principal;
	const char *credentials;
	const char *realm;                    /* NULL or empty: none */
	const struct bolt_writer *parameters; /* of BOLT_AUTH_CUSTOM: one packed map, or NULL */
};

enum bolt_mode {
	BOLT_MODE_WRITE,
	BOLT_MODE_READ,
};

/* What happens to a connection as such. Any member but on_closed may be NULL. */
struct bolt_connection_events {
	/* Logged in and usable. */
	void (*on_ready)(void *user, struct bolt_connection *connection);
	/*
	 * The end, after all its requests were completed; freed when this returns. error is NULL after bolt_close and
	 * bolt_goodbye. A connection that could not be made ends here too, without on_ready.
	 */
	void (*on_closed)(void *user, struct bolt_connection *connection, const struct bolt_error *error);
	/* bolt_output_size fell to half of output_size_high or less, after having been above it. */
	void (*on_drain)(void *user, struct bolt_connection *connection);
};

/* Made by bolt_config_init, then changed. Everything is copied by bolt_connect and bolt_pool_create. */
struct bolt_config {
	/*
	 * scheme://host[:port][?key=value&...], scheme one of bolt, bolt+s, bolt+ssc, neo4j, neo4j+s, neo4j+ssc. +s: TLS, the
	 * server's certificate must be signed by ca_file or the system's authorities and name the host. +ssc: TLS, any
	 * certificate. An IPv6 address stands in brackets. The query is the routing context of the neo4j schemes.
	 */
	const char *uri;
	struct bolt_auth_token auth;
	const char *user_agent;              /* NULL: "pgweave-bolt/VERSION" */
	const char *ca_file;                 /* PEM; NULL: the system's */
	const char *client_certificate_file; /* PEM, with its chain; NULL: none */
	const char *client_key_file;         /* PEM; NULL: in client_certificate_file */
	const char *client_key_password;     /* NULL: none */
	/* For routing and, when a request names none, for BEGIN, RUN and ROUTE. NULL: the user's home database. */
	const char *database;
	enum bolt_mode mode;         /* neo4j schemes: connect to a writer or to a reader */
	uint32_t connect_timeout_ms; /* from bolt_connect to on_ready, all addresses together; default 30,000; 0: none */
	/*
	 * Longest silence while an answer is due; 0 (default): none but what the server announces in
	 * connection.recv_timeout_seconds. With both, the smaller counts.
	 */
	uint32_t receive_timeout_ms;
	uint32_t tcp_keepalive_s;  /* idle seconds before probes; default 30; 0: off */
	size_t message_size_max;   /* of one incoming message; default 64 MiB */
	size_t message_memory_max; /* of its decoded tree; default 256 MiB */
	unsigned depth_max;        /* nesting of a value; default 64 */
	size_t output_size_max; /* queued and unsent bytes; past it requests are refused with BOLT_ERR_LIMIT; default 256 MiB */
	size_t output_size_high;  /* see on_drain; default 1 MiB */
	size_t request_count_max; /* in flight; default 100,000 */
	/* The versions to offer; default 4.4 to 5.8. */
	struct bolt_version version_min;
	struct bolt_version version_max;
	bool legacy_handshake;  /* do not offer the manifest */
	bool notifications_off; /* ask the server (5.2 and later) for no notifications: less to compute and to send */
	/* Sees every byte before it is sent, below the encryption, as often as something is sent: handshake, then chunks;
	 * the login with its secret among them. */
	void (*on_send)(void *user, const void *bytes, size_t size);
	void *on_send_user;
	/* Sees every change of a connection's state, IDLE, HANDSHAKE, LOGIN, READY, FAILED, DEFUNCT, CLOSED; for traces. */
	void (*on_state)(void *user, const struct bolt_connection *connection, const char *from, const char *to);
	void *on_state_user;
};

void bolt_config_init(struct bolt_config *config);

/* ---- connections ---- */

/*
 * Starts to connect and returns at once; on_ready or on_closed follow. With a neo4j scheme the routing table is fetched first
 * from the host of the URI, and the connection made to a server of the wanted mode. Returns 0, BOLT_ERR_ARGUMENT (URI, file,
 * settings), BOLT_ERR_TLS (a certificate file) or BOLT_ERR_NOMEM, with the detail in ret_error; then nothing is called back.
 * events must outlive the connection.
 */
int bolt_connect(struct uv_loop_s *loop, const struct bolt_config *config, const struct bolt_connection_events *events,
                 void *user, struct bolt_connection **ret_connection, struct bolt_error *ret_error) BOLT_MUST_CHECK;
/* Ends it now: says GOODBYE if that can be sent at once, completes what is in flight as BOLT_ERR_CANCELLED. Again: nothing. */
void bolt_close(struct bolt_connection *connection);
/* Ends it when all that is queued has completed; takes no requests from now on. */
void bolt_goodbye(struct bolt_connection *connection);

bool bolt_connection_is_ready(const struct bolt_connection *connection);
/* True between a FAILURE and the SUCCESS of a RESET. */
bool bolt_connection_is_failed(const struct bolt_connection *connection);
/* How date-times are to be packed, see struct bolt_writer; valid from on_ready on. */
bool bolt_connection_utc(const struct bolt_connection *connection);
struct bolt_version bolt_connection_version(const struct bolt_connection *connection);
/* "Neo4j/5.26.0", "bolt-17", "host:port"; empty before on_ready. */
const char *bolt_connection_server(const struct bolt_connection *connection);
const char *bolt_connection_id(const struct bolt_connection *connection);
const char *bolt_connection_address(const struct bolt_connection *connection);

/* Bytes queued and not yet taken by the operating system. */
size_t bolt_output_size(const struct bolt_connection *connection);
/* Requests accepted and not completed. */
size_t bolt_requests_in_flight(const struct bolt_connection *connection);
/* Sends now what is queued, without waiting for the end of the turn. */
void bolt_flush(struct bolt_connection *connection);
/*
 * Stops and restarts the reading of records, so that a slow consumer bounds its memory: the data stays with the server. Replies
 * that are already here may still be called back. The receive timeout rests meanwhile.
 */
void bolt_pause(struct bolt_connection *connection);
void bolt_resume(struct bolt_connection *connection);

/* ---- requests ---- */

/* What SUCCESS brought; fields that the server did not send are as said. */
struct bolt_summary {
	const struct bolt_value *metadata; /* the whole map, never NULL */
	const struct bolt_value *fields;   /* of RUN: list of strings; else NULL */
	const struct bolt_value *stats;    /* of PULL and DISCARD: map ("nodes-created" and the like), or NULL */
	const char *bookmark;              /* of COMMIT and of the last PULL of an autocommit RUN; NUL-terminated, or NULL */
	const char *database;              /* NUL-terminated, or NULL */
	const char *type;                  /* of the last PULL: "r", "rw", "w", "s"; or NULL */
	bool has_more;                     /* of PULL and DISCARD: records remain, send another */
	int64_t qid;                       /* of RUN inside a transaction; else -1 */
	int64_t t_first_ms;                /* of RUN; -1 when absent */
	int64_t t_last_ms;                 /* of the last PULL; -1 when absent */
};

struct bolt_record {
	const struct bolt_value *values;
	size_t count;
};

/* How a request is answered; usually a static const. Either member may be NULL. */
struct bolt_handler {
	/* Of PULL: once per record, in order, before on_done. */
	void (*on_record)(void *user, const struct bolt_record *record);
	/* Exactly once. Exactly one of summary and error is not NULL. */
	void (*on_done)(void *user, const struct bolt_summary *summary, const struct bolt_error *error);
};

#define BOLT_TX_TIMEOUT_NONE (-1)

/* For BEGIN, and for RUN outside a transaction. All zero: a write transaction with the server's defaults. */
struct bolt_tx_options {
	const struct bolt_writer
	        *metadata; /* one packed map: the transaction's metadata, as SHOW TRANSACTIONS has it; or NULL */
	const char *const *bookmarks;
	size_t bookmark_count;
	int64_t timeout_ms; /* 0: the server's default; BOLT_TX_TIMEOUT_NONE: none */
	enum bolt_mode mode;
	const char *database;          /* NULL: that of the configuration */
	const char *impersonated_user; /* NULL: none */
};

/*
 * The requests. Each returns 0 when it was queued, else BOLT_ERR_STATE (not ready, closing, lost), BOLT_ERR_LIMIT (output or
 * requests), BOLT_ERR_ARGUMENT (a writer that failed or is no map, a request that this version lacks) or BOLT_ERR_NOMEM, and
 * then nothing was queued. handler and what it points to must outlive the request; NULL: nobody wants to know.
 */

/* options may be NULL. Messages: https://neo4j.com/docs/bolt/current/bolt/message/ */
int bolt_begin(struct bolt_connection *connection, const struct bolt_tx_options *options, const struct bolt_handler *handler,
               void *user) BOLT_MUST_CHECK;
/*
 * params: one packed map, or NULL for none; copied once, into the queue of output. autocommit: NULL inside a transaction;
 * outside, the options of the statement's own (NULL: the defaults).
 */
int bolt_run(struct bolt_connection *connection, const char *query, const struct bolt_writer *params,
             const struct bolt_tx_options *autocommit, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
#define BOLT_ALL (-1)
#define BOLT_QID_LAST (-1)
/* n records of the statement qid; n > 0 or BOLT_ALL; qid from the RUN's summary or BOLT_QID_LAST. */
int bolt_pull(struct bolt_connection *connection, int64_t n, int64_t qid, const struct bolt_handler *handler,
              void *user) BOLT_MUST_CHECK;
int bolt_discard(struct bolt_connection *connection, int64_t n, int64_t qid, const struct bolt_handler *handler,
                 void *user) BOLT_MUST_CHECK;
int bolt_commit(struct bolt_connection *connection, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
int bolt_rollback(struct bolt_connection *connection, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
/*
 * Ends what is open, also a running statement, and clears a failure. The server sees it as soon as it arrives: what was sent
 * before it and is not done yet is interrupted, then BOLT_ERR_IGNORED or a failure. So it is sent after a failure, or to give
 * up; never behind work that is wanted.
 */
int bolt_reset(struct bolt_connection *connection, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
/* The summary's metadata has "rt", the routing table. */
int bolt_route(struct bolt_connection *connection, const char *const *bookmarks, size_t bookmark_count, const char *database,
               const char *impersonated_user, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
/* Log out and in as somebody else; Bolt 5.1 and later. */
int bolt_logoff(struct bolt_connection *connection, const struct bolt_handler *handler, void *user) BOLT_MUST_CHECK;
int bolt_logon(struct bolt_connection *connection, const struct bolt_auth_token *auth, const struct bolt_handler *handler,
               void *user) BOLT_MUST_CHECK;
/* Tells the server which API is in use (0 managed transaction .. 3 driver-level); Bolt 5.4 and later. */
int bolt_telemetry(struct bolt_connection *connection, int64_t api, const struct bolt_handler *handler,
                   void *user) BOLT_MUST_CHECK;

/* ---- pool and router ---- */

/*
 * Keeps connections for reuse, and with a neo4j scheme the routing table of each database: fetched from the URI's host or any
 * known router, kept for the time the server says, and fetched anew when it is over, when a writer answers that it does not
 * lead, or when a connection is lost. Connections from a pool belong to it: they are given back with bolt_pool_release, never
 * closed.
 */
struct bolt_pool_config {
	size_t connection_count_max; /* per server; default 16 */
	uint32_t acquire_timeout_ms; /* default 60,000 */
	uint32_t idle_max_ms;        /* an idle connection older than this is closed rather than lent; default 600,000 */
};

void bolt_pool_config_init(struct bolt_pool_config *pool_config);

/* pool_config may be NULL for the defaults. Connects to nothing yet. */
int bolt_pool_create(struct uv_loop_s *loop, const struct bolt_config *config, const struct bolt_pool_config *pool_config,
                     struct bolt_pool **ret_pool, struct bolt_error *ret_error) BOLT_MUST_CHECK;

struct bolt_pool_handler {
	/*
	 * Exactly once per acquire: connection or error is not NULL. The connection is ready. The user gives it back by
	 * bolt_pool_release when nothing of his is open on it.
	 */
	void (*on_acquired)(void *user, struct bolt_connection *connection, const struct bolt_error *error);
	/* The connection was lost while lent; all its requests were completed; it must not be released any more. May be NULL.
	 */
	void (*on_lost)(void *user, struct bolt_connection *connection, const struct bolt_error *error);
};

/* database NULL: that of the configuration. handler must live until on_acquired with an error, release, or on_lost. */
int bolt_pool_acquire(struct bolt_pool *pool, enum bolt_mode mode, const char *database,
                      const struct bolt_pool_handler *handler, void *user) BOLT_MUST_CHECK;
/* What is still in flight on it is reset first. */
void bolt_pool_release(struct bolt_pool *pool, struct bolt_connection *connection);
/* Closes all of it, lent connections too (on_lost with BOLT_ERR_CANCELLED); then on_closed, after which the pool is freed. */
void bolt_pool_close(struct bolt_pool *pool, void (*on_closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
