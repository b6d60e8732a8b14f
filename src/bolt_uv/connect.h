/*
 * bolt_uv/connect: struct bolt_connection on a libuv loop: names, addresses, the link, the timer, the first routing table.
 * Internal; the public door is bolt_connect.
 *
 * A connection tries the addresses of its targets one after the other until one logs it in. With `route` it first asks a target
 * for the routing table, and then becomes a connection to a server of the wanted mode.
 */
#ifndef PGWEAVE_BOLT_UV_CONNECT_H
#define PGWEAVE_BOLT_UV_CONNECT_H

#include "bolt/connection.h"
#include "bolt/routing.h"

#include <uv.h>

struct ssl_ctx_st;

/* The settings and the TLS context that all connections of one pool share. */
struct bolt__context {
	struct bolt__settings *settings;
	struct ssl_ctx_st *tls;
	size_t reference_count;
};

int bolt__context_create(const struct bolt_config *config, struct bolt__context **ret_context,
                         struct bolt_error *ret_error) _must_check;
struct bolt__context *bolt__context_ref(struct bolt__context *context);
void bolt__context_unref(struct bolt__context *context);

/* Takes a reference of the context. targets are copied. */
int bolt__connect(uv_loop_t *loop, struct bolt__context *context, const struct bolt__servers *targets, bool route,
                  const struct bolt_connection_events *events, void *user, struct bolt_connection **ret_connection,
                  struct bolt_error *ret_error) _must_check;
/* Where it is connected to. */
const struct bolt__endpoint *bolt__connection_endpoint(const struct bolt_connection *connection);

#endif
