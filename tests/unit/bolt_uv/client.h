/*
 * A client for tests: one connection on a loop of its own, and a log of everything that it was called back with, as text:
 * "ready run:ok record[1] pull:ok closed". Each request writes one word, errors as "commit:SERVER".
 */
#ifndef PGWEAVE_TEST_CLIENT_H
#define PGWEAVE_TEST_CLIENT_H

#include "bolt/bolt.h"

#include <uv.h>

#define CLIENT_LOG_SIZE 16384
#define CLIENT_PENDING_MAX 4096

struct client;

struct client_request {
	struct client *client;
	const char *name;
};

struct client {
	uv_loop_t loop;
	uv_timer_t guard; /* no test may hang */
	struct bolt_config config;
	struct bolt_connection *connection;
	bool ready;
	bool closed;
	bool guard_fired;
	struct bolt_error error;      /* of the end */
	struct bolt_error last_error; /* of the last request that failed, not counting the ignored */
	char bookmark[256];
	int64_t qid;
	bool has_more;
	size_t done_count;
	size_t record_count;
	bool log_off;
	void (*on_record)(struct client *client, const struct bolt_record *record);
	void (*on_ready)(struct client *client);
	void (*on_done)(struct client *client, const char *name);
	void *user;
	char log[CLIENT_LOG_SIZE];
	struct client_request requests[CLIENT_PENDING_MAX];
	size_t request_count;
};

extern const struct bolt_handler client_handler;
extern const struct bolt_connection_events client_events;

/* Loop and configuration for that URI; user and password may be NULL. */
void client_init(struct client *client, const char *uri, const char *user, const char *password);
int client_connect(struct client *client);
/* A request's user pointer, whose answer is logged under that name. */
void *client_request(struct client *client, const char *name);
/* Runs the loop until nothing is in flight, or the connection closed. */
void client_wait(struct client *client);
void client_wait_ready(struct client *client);
void client_wait_closed(struct client *client);
/* Closes, runs the loop dry, checks that it is empty. */
void client_end(struct client *client);
void client_log(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
