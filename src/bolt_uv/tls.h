/*
 * bolt_uv/tls: TLS for one connection over memory: ciphertext in and out, plaintext in and out. Internal; OpenSSL, no sockets.
 *
 * bolt__tls_context is made once from the settings and shared (reference counted by OpenSSL); a bolt__tls belongs to one link.
 * The certificate must name the host or the address, unless the scheme says +ssc.
 */
#ifndef PGWEAVE_BOLT_UV_TLS_H
#define PGWEAVE_BOLT_UV_TLS_H

#include "base/buffer.h"
#include "bolt/settings.h"

/* OpenSSL's own headers stay in tls.c: they take names that base has too. */
struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

struct bolt__tls {
	struct ssl_st *ssl;
	struct bio_st *incoming; /* owned by ssl, like the next */
	struct bio_st *outgoing;
};

/* NULL in ret_context when the scheme wants no TLS. */
int bolt__tls_context_create(const struct bolt__settings *settings, struct ssl_ctx_st **ret_context,
                             struct bolt_error *ret_error) _must_check;
void bolt__tls_context_free(struct ssl_ctx_st *context);

int bolt__tls_init(struct bolt__tls *tls, struct ssl_ctx_st *context, const char *host, bool verify,
                   struct bolt_error *ret_error) _must_check;
void bolt__tls_free(struct bolt__tls *tls);
/* Ciphertext that arrived. */
int bolt__tls_feed(struct bolt__tls *tls, const void *bytes, size_t size, struct bolt_error *ret_error) _must_check;
/* One step of the handshake; ret_done when it is through. */
int bolt__tls_handshake(struct bolt__tls *tls, bool *ret_done, struct bolt_error *ret_error) _must_check;
/* Plaintext out of what was fed; ret_size 0: no more for now. ret_closed: the peer said that it ends. */
int bolt__tls_read(struct bolt__tls *tls, void *bytes, size_t capacity, size_t *ret_size, bool *ret_closed,
                   struct bolt_error *ret_error) _must_check;
int bolt__tls_write(struct bolt__tls *tls, const void *bytes, size_t size, struct bolt_error *ret_error) _must_check;
/* Says that nothing more comes, as ciphertext to take. */
void bolt__tls_end(struct bolt__tls *tls);
/* Moves the ciphertext to send behind the buffer's content. */
int bolt__tls_take(struct bolt__tls *tls, struct buffer *into, struct bolt_error *ret_error) _must_check;

#endif
