/*
 * bolt/connection: one connection as a pure machine: bytes in, bytes out, a clock that the caller brings. Internal.
 *
 * It agrees on the version, logs in, keeps the FIFO of requests and pairs them with the answers. It does no I/O: a transport
 * (in bolt_uv, or a test) embeds struct bolt_connection, feeds it what arrived and sends what bolt__connection_take yields. The
 * states:
 *
 *   IDLE -> HANDSHAKE -> LOGIN -> READY <-> FAILED
 *     any -> DEFUNCT (by an error, or by bolt_close) -> CLOSED
 *
 * FAILED is after a server's FAILURE and until a RESET succeeds: only IGNORED is legal then. DEFUNCT takes and gives no bytes;
 * the transport stops and calls bolt__connection_finish on a fresh stack, which completes what is left and says on_closed.
 *
 * Ownership: the transport owns the struct; the connection owns its buffers and borrows settings, events and transport.
 */
#ifndef PGWEAVE_BOLT_CONNECTION_H
#define PGWEAVE_BOLT_CONNECTION_H

#include "base/arena.h"
#include "base/buffer.h"
#include "bolt/handshake.h"
#include "bolt/message.h"
#include "bolt/output.h"
#include "bolt/settings.h"

#define BOLT_STATES(X)                                                                                                         \
	X(IDLE)                                                                                                                \
	X(HANDSHAKE)                                                                                                           \
	X(LOGIN)                                                                                                               \
	X(READY)                                                                                                               \
	X(FAILED)                                                                                                              \
	X(DEFUNCT)                                                                                                             \
	X(CLOSED)

enum bolt__state {
#define X(name) BOLT__STATE_##name,
	BOLT_STATES(X)
#undef X
};

#define BOLT__NO_DEADLINE UINT64_MAX

/* What the machine asks of its transport. None of them may call back into the user's callbacks before it returns. */
struct bolt__transport {
	/* There is output: take it at the end of this turn. */
	void (*on_output)(struct bolt_connection *connection);
	/* Take it now. */
	void (*flush)(struct bolt_connection *connection);
	/* Logged in; the transport says on_ready, or does something else first. */
	void (*on_login)(struct bolt_connection *connection);
	/* It became DEFUNCT: stop, then finish. goodbye: there may be last bytes, worth one attempt to send. */
	void (*on_defunct)(struct bolt_connection *connection, bool goodbye);
	void (*on_pause)(struct bolt_connection *connection, bool paused);
	uint64_t (*now_ms)(struct bolt_connection *connection);
};

struct bolt__request {
	const struct bolt_handler *handler; /* never NULL */
	void *user;
	enum bolt__message message;
};

/* A ring; its capacity is a power of two. */
struct bolt__fifo {
	struct bolt__request *requests;
	size_t capacity;
	size_t head;
	size_t count;
	size_t reset_count; /* RESETs among them */
};

/* Chunks -> messages. */
struct bolt__input {
	uint8_t header[2];
	size_t header_size;
	size_t chunk_left;
	struct buffer message; /* what of the message came in earlier chunks or reads */
};

struct bolt_connection {
	const struct bolt__settings *settings;
	const struct bolt__transport *transport;
	const struct bolt_connection_events *events;
	void *user;

	enum bolt__state state; /* set by connection_set_state only */
	bool announced;         /* on_ready was said: requests are the user's from now on */
	bool going;             /* bolt_goodbye was called */
	bool closed_by_user;
	bool paused;
	bool in_transaction; /* as of what is queued */
	bool drain_wanted;   /* output was above the high mark */
	bool utc;
	bool failure_retriable; /* of the failure that made it FAILED */
	bool leader_changed;    /* some failure said so: the routing table is stale */

	struct bolt_version version;
	struct bolt__handshake handshake;
	struct bolt__input input;
	struct bolt__fifo fifo;
	struct arena arena;      /* of the message in hand */
	struct buffer output;    /* whole messages in chunks */
	size_t unsent;           /* bytes that the transport took and has not sent */
	struct bolt_writer head; /* scratch of the request being packed */
	struct bolt_writer tail;

	uint64_t activity_ms;        /* the last byte in, or when the first request went out */
	uint64_t receive_timeout_ms; /* 0: none */
	uint64_t connect_deadline_ms;

	struct bolt_error error; /* why it is DEFUNCT */
	char address[BOLT__HOST_MAX + 16];
	char server[64];
	char id[64];
};

/* settings, transport and events are borrowed. */
void bolt__connection_init(struct bolt_connection *connection, const struct bolt__settings *settings,
                           const struct bolt__transport *transport, const struct bolt_connection_events *events, void *user);
void bolt__connection_free(struct bolt_connection *connection);
/* The bytes can flow: queues the handshake. From IDLE only. */
void bolt__connection_start(struct bolt_connection *connection);
/* Back to IDLE before READY was announced, for another server; forgets what is queued, which must be the library's own. */
void bolt__connection_restart(struct bolt_connection *connection);
/* Ends the connect timeout and says on_ready. */
void bolt__connection_announce(struct bolt_connection *connection);
void bolt__connection_feed(struct bolt_connection *connection, const void *bytes, size_t size);
/* Moves the output into an empty buffer and counts it as unsent; returns whether there was any. */
bool bolt__connection_take(struct bolt_connection *connection, struct buffer *into);
/* The transport sent so many of the bytes that it took. Calls nothing back. */
void bolt__connection_sent(struct bolt_connection *connection, size_t size);
/* Says on_drain when it is due. */
void bolt__connection_drain(struct bolt_connection *connection);
/* When bolt__connection_on_time has something to do; BOLT__NO_DEADLINE: never as things are. */
uint64_t bolt__connection_deadline(const struct bolt_connection *connection);
void bolt__connection_on_time(struct bolt_connection *connection, uint64_t now_ms);
/* Takes it down with that error. Again: nothing; the first error counts. */
void bolt__connection_fail(struct bolt_connection *connection, const struct bolt_error *error);
/* Completes what is in flight, then says on_closed. From DEFUNCT, on a stack without the connection. */
void bolt__connection_finish(struct bolt_connection *connection);

bool bolt__connection_is_defunct(const struct bolt_connection *connection);

/* request.c: queues HELLO, and LOGON where it is one of its own; on_done as for any request. */
int bolt__connection_login(struct bolt_connection *connection, const struct bolt_handler *hello,
                           const struct bolt_handler *logon, void *user) _must_check;
/* ROUTE before on_ready. */
int bolt__connection_route(struct bolt_connection *connection, const char *const *bookmarks, size_t bookmark_count,
                           const char *database, const char *impersonated_user, const struct bolt_handler *handler,
                           void *user) _must_check;
/* Queues one packed message and its request. */
int bolt__connection_queue(struct bolt_connection *connection, enum bolt__message message, const struct bolt__slice *slices,
                           size_t count, const struct bolt_handler *handler, void *user) _must_check;
/* GOODBYE has no answer, so no request. */
void bolt__connection_queue_goodbye(struct bolt_connection *connection);

#endif
