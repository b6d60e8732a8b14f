/*
 * A connection without a network, for tests: the test is the transport and the server, and owns the clock. What the connection
 * calls back is logged as text.
 */
#ifndef PGWEAVE_TEST_PURE_H
#define PGWEAVE_TEST_PURE_H

#include "bolt/connection.h"

struct pure {
	struct bolt_connection connection; /* first */
	struct bolt_config config;
	struct bolt__settings *settings;
	uint64_t now_ms;
	bool defunct;
	bool goodbye;
	bool closed;
	bool byte_by_byte;            /* feed so */
	struct bolt_error error;      /* of on_closed */
	struct bolt_error last_error; /* of the last request that failed */
	char log[4096];
	/* called in on_done, when set */
	void (*on_done)(struct pure *pure, const char *name);
	void (*on_record)(struct pure *pure, const struct bolt_record *record);
	void (*on_summary)(struct pure *pure, const struct bolt_summary *summary);
};

/* bolt://h, user u, password p, agent t; change config before pure_start. */
void pure_init(struct pure *pure);
/* Makes the connection and queues the handshake. */
void pure_start(struct pure *pure);
/* Up to on_ready, in that version; forgets output and log. */
void pure_ready(struct pure *pure, uint8_t major, uint8_t minor);
void pure_free(struct pure *pure);
/* Fails the test unless the output since the last time is these bytes, chunks and all. */
void assert_output(struct pure *pure, const char *hex);
/* Fails the test unless the output is these messages, each given by its own string, the last NULL. */
void assert_messages(struct pure *pure, ...);
/* Bytes from the server. */
void pure_feed(struct pure *pure, const char *hex);
/* One message of the server's, in one chunk. */
void pure_answer(struct pure *pure, const char *hex);
/* DEFUNCT -> CLOSED, when it is time. */
void pure_finish(struct pure *pure);
/* The user pointer of a request; its answer is logged as "name:ok". */
void *pure_request(struct pure *pure, const char *name);
extern const struct bolt_handler pure_handler;

#define PURE(pure, what, name, ...)                                                                                            \
	assert_int_equal(                                                                                                      \
	        bolt_##what(&(pure)->connection, __VA_ARGS__ __VA_OPT__(, ) & pure_handler, pure_request(pure, name)), 0)

#endif
