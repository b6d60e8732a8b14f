/*
 * bolt_uv/link: one TCP connection, with or without TLS, on a libuv loop. Internal.
 *
 * It connects to one address, hands over plaintext that arrived, and sends the buffers that it is given. It knows nothing of
 * Bolt. A link frees itself after bolt__link_drop; from that call on it calls nothing but on_dropped.
 */
#ifndef PGWEAVE_BOLT_UV_LINK_H
#define PGWEAVE_BOLT_UV_LINK_H

#include "bolt_uv/tls.h"

#include <uv.h>

struct bolt__link;

struct bolt__link_events {
	void (*on_up)(void *user);
	void (*on_bytes)(void *user, const void *bytes, size_t size);
	/* A write went out: so many bytes of plaintext. */
	void (*on_sent)(void *user, size_t size);
	/* It did not come up, or went down; drop it. */
	void (*on_down)(void *user, const struct bolt_error *error);
	void (*on_dropped)(void *user);
};

struct bolt__link_config {
	uv_loop_t *loop;
	const struct sockaddr *address;
	struct ssl_ctx_st *tls_context; /* NULL: no TLS */
	const char *host;               /* that the certificate must name */
	bool tls_verify;
	uint32_t tcp_keepalive_s;
	size_t output_size_max;
};

/* On an error nothing is left behind and nothing called back. */
int bolt__link_open(const struct bolt__link_config *config, const struct bolt__link_events *events, void *user,
                    struct bolt__link **ret_link, struct bolt_error *ret_error) _must_check;
/* True while a write is under way: then it takes no buffer. */
bool bolt__link_is_writing(const struct bolt__link *link);
/* An empty buffer to fill with plaintext before bolt__link_send. */
struct buffer *bolt__link_buffer(struct bolt__link *link);
/* Sends that buffer: what the system takes at once, the rest when it can. ret_sent: plaintext that is gone already (all or 0).
 */
int bolt__link_send(struct bolt__link *link, size_t *ret_sent, struct bolt_error *ret_error) _must_check;
/* Sends what goes at once and forgets the rest. */
void bolt__link_send_last(struct bolt__link *link);
void bolt__link_pause(struct bolt__link *link, bool paused);
void bolt__link_drop(struct bolt__link *link);

#endif
