/*
 * session/session: the loop of one pipeline, and its connections used step by step.
 *
 * Everything below is asynchronous; setting up, recovering and the commands are sequences, and read best as such. These
 * functions run the loop until their one request has completed, while all other callbacks go on. They are called from the main
 * flow only, never inside a callback. A stop signal closes the connection that is waited for, so that every wait ends.
 */
#ifndef PGWEAVE_SESSION_SESSION_H
#define PGWEAVE_SESSION_SESSION_H

#include "base/buffer.h"
#include "log/log.h"
#include "mapping/mapping.h"
#include "postgres/connection.h"
#include "postgres/facts.h"
#include "postgres/replication.h"

#include <bolt/bolt.h>
#include <uv.h>

struct session_loop {
	uv_loop_t uv;
	uv_signal_t signals[3];
	uv_timer_t timer; /* of session_sleep */
	bool stop;        /* SIGTERM or SIGINT came */
	bool reload;      /* SIGHUP came */
	/* While this is set and says so, every wait ends as after a stop signal: the main flow is needed elsewhere. */
	bool (*give_up)(void *user);
	void *give_up_user;
};

int session_loop_init(struct session_loop *loop, struct error *error) _must_check;
void session_loop_close(struct session_loop *loop);
/* Waits that long, less when a stop signal comes or, where that is asked for, SIGHUP. */
void session_sleep(struct session_loop *loop, uint64_t ms, bool until_reload);
/* One turn of the loop; blocks until something happens. */
void session_turn(struct session_loop *loop);

/* ---- Neo4j ---- */

struct session_graph {
	struct session_loop *loop;
	struct bolt_connection *connection; /* NULL when there is none (any more) */
	bool ready;
	struct error error; /* why it is gone */
	void (*on_drain)(void *user);
	void *on_drain_user;
};

struct session_graph_options {
	void (*on_send)(void *user, const void *bytes, size_t size); /* see struct bolt_config */
	void *on_send_user;
};

int session_graph_open(struct session_graph *graph, struct session_loop *loop, const struct mapping_settings *settings,
                       const struct session_graph_options *options, struct error *error) _must_check;
void session_graph_close(struct session_graph *graph);

typedef void session_record_fn(void *user, const struct bolt_record *record);
/* Runs one autocommit statement to its end; params may be NULL. on_record may be NULL. After a failure the connection is reset.
 */
int session_graph_run(struct session_graph *graph, const char *text, const struct bolt_writer *params,
                      session_record_fn *on_record, void *user, struct error *error) _must_check;
/* Completes when everything sent before has; recovers a failed connection. */
int session_graph_reset(struct session_graph *graph, struct error *error) _must_check;

/* Class RETRY for what may pass, POISON for what a single row may have caused, FATAL for the rest. */
void session_error_from_bolt(const struct bolt_error *bolt, struct error *error);

/* ---- the mapping ---- */

/* Makes the diagnostics the text of an error; returns rc. */
int session_error_from_diagnostics(int rc, const struct diagnostics *diagnostics, const char *what, struct error *error);
/* mapping_compile, with its diagnostics as the error. */
int session_compile(const struct mapping *mapping, const struct catalog *catalog, struct plan **ret_plan,
                    struct error *error) _must_check;

/* ---- PostgreSQL ---- */

struct session_postgres {
	struct session_loop *loop;
	struct postgres_connection *connection;
	bool lost;
	struct error error; /* why it is gone */
};

int session_postgres_open(struct session_postgres *postgres, struct session_loop *loop, const struct mapping_settings *settings,
                          bool replication, struct error *error) _must_check;
/* What is under way completes before it returns: its callbacks may refer to the caller's stack. */
void session_postgres_close(struct session_postgres *postgres);
/* on_result may be NULL. */
int session_postgres_query(struct session_postgres *postgres, const char *sql, const char *const *params, uint32_t params_count,
                           postgres_result_fn *on_result, void *user, struct error *error) _must_check;
/* The caller frees catalog->arena, after an error too. */
int session_postgres_catalog(struct session_postgres *postgres, struct catalog *catalog, struct error *error) _must_check;
int session_postgres_facts(struct session_postgres *postgres, const struct mapping_settings *settings,
                           struct postgres_facts *facts, struct error *error) _must_check;
/* temporary: it goes with the connection. snapshot: room for the exported snapshot's name. */
int session_postgres_slot_create(struct session_postgres *postgres, const char *slot, bool temporary, uint64_t *ret_lsn,
                                 char *snapshot, size_t snapshot_size, struct error *error) _must_check;
int session_postgres_slot_drop(struct session_postgres *postgres, const char *slot, struct error *error) _must_check;

#endif
