/*
 * A Bolt server for tests, to do what a real one will not: a thread per connection with blocking calls that plays a function of
 * the test's. Plain or TLS. Messages are in the notation of hex.h.
 */
#ifndef PGWEAVE_TEST_FAKE_H
#define PGWEAVE_TEST_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_PEERS_MAX 512

struct ssl_ctx_st;
struct ssl_st;
struct fake;

struct fake_peer {
	struct fake *fake;
	pthread_t thread;
	int socket;
	struct ssl_st *ssl;
	unsigned number;          /* 0 for the first connection */
	uint8_t message[1 << 16]; /* the last that arrived, cut to fit */
	size_t message_size;      /* in full */
	size_t received;          /* bytes so far */
};

struct fake {
	int listener;
	uint16_t port;
	pthread_t thread;
	struct ssl_ctx_st *tls;
	/* plays one connection; when it returns, the connection is closed */
	void (*serve)(struct fake_peer *peer);
	void *user;
	atomic_uint peer_count;
	atomic_uint route_count; /* for the test's own use */
	struct fake_peer *peers[FAKE_PEERS_MAX];
	char uri[64]; /* bolt://127.0.0.1:port */
};

void fake_start(struct fake *fake, void (*serve)(struct fake_peer *peer), void *user, struct ssl_ctx_st *tls);
/* Closes everything and joins the threads. */
void fake_stop(struct fake *fake);

/* False when the client is gone. */
bool peer_read(struct fake_peer *peer, void *bytes, size_t size);
bool peer_write(struct fake_peer *peer, const void *bytes, size_t size);
/* Reads one message; its tag, or -1 when the client is gone. */
int peer_message(struct fake_peer *peer);
bool peer_answer(struct fake_peer *peer, const char *hex);
/* Handshake, HELLO, LOGON where the version has it. */
bool peer_login(struct fake_peer *peer, uint8_t major, uint8_t minor);
/* Until the client closes. */
void peer_wait(struct fake_peer *peer);

#endif
