#include "fake.h"

#include "hex.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/ssl.h>

bool peer_read(struct fake_peer *peer, void *bytes, size_t size)
{
	char *at = bytes;

	while (size) {
		ssize_t part = peer->ssl ? SSL_read(peer->ssl, at, (int)size) : recv(peer->socket, at, size, 0);

		if (part <= 0)
			return false;
		at += part;
		size -= (size_t)part;
		peer->received += (size_t)part;
	}
	return true;
}

bool peer_write(struct fake_peer *peer, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t part = peer->ssl ? SSL_write(peer->ssl, at, (int)size) : send(peer->socket, at, size, MSG_NOSIGNAL);

		if (part <= 0)
			return false;
		at += part;
		size -= (size_t)part;
	}
	return true;
}

int peer_message(struct fake_peer *peer)
{
	peer->message_size = 0;
	for (;;) {
		uint8_t header[2];
		size_t left;

		if (!peer_read(peer, header, 2))
			return -1;
		left = (size_t)header[0] << 8 | header[1];
		if (!left && peer->message_size)
			return peer->message[1];
		while (left) {
			uint8_t byte[4096];
			size_t part = left < sizeof(byte) ? left : sizeof(byte);

			if (!peer_read(peer, byte, part))
				return -1;
			if (peer->message_size + part <= sizeof(peer->message))
				memcpy(peer->message + peer->message_size, byte, part);
			peer->message_size += part;
			left -= part;
		}
	}
}

bool peer_answer(struct fake_peer *peer, const char *hex)
{
	uint8_t bytes[4096];
	size_t size = hex_parse(hex, bytes + 2, sizeof(bytes) - 4);

	bytes[0] = (uint8_t)(size >> 8);
	bytes[1] = (uint8_t)size;
	bytes[size + 2] = bytes[size + 3] = 0;
	return peer_write(peer, bytes, size + 4);
}

bool peer_login(struct fake_peer *peer, uint8_t major, uint8_t minor)
{
	const uint8_t version[4] = {0, 0, minor, major};
	uint8_t proposals[20];

	if (!peer_read(peer, proposals, sizeof(proposals)) || !peer_write(peer, version, sizeof(version)))
		return false;
	if (peer_message(peer) != 0x01 || !peer_answer(peer, "B1 70 A2 'server' 'Fake/1' 'connection_id' 'f-1'"))
		return false;
	if (major < 5 || !minor)
		return true;
	return peer_message(peer) == 0x6A && peer_answer(peer, "B1 70 A0");
}

void peer_wait(struct fake_peer *peer)
{
	char byte;

	while (peer_read(peer, &byte, 1))
		;
}

static void *peer_main(void *user)
{
	struct fake_peer *peer = user;

	if (peer->fake->tls) {
		peer->ssl = SSL_new(peer->fake->tls);
		SSL_set_fd(peer->ssl, peer->socket);
		signal(SIGPIPE, SIG_IGN);
		if (SSL_accept(peer->ssl) == 1)
			peer->fake->serve(peer);
		SSL_free(peer->ssl);
	} else {
		peer->fake->serve(peer);
	}
	shutdown(peer->socket, SHUT_RDWR);
	return NULL;
}

static void *fake_main(void *user)
{
	struct fake *fake = user;

	for (;;) {
		int client = accept(fake->listener, NULL, NULL);
		struct fake_peer *peer;

		if (client < 0)
			return NULL;
		peer = calloc(1, sizeof(*peer));
		peer->fake = fake;
		peer->socket = client;
		peer->number = fake->peer_count;
		fake->peers[peer->number] = peer;
		if (peer->number + 1 >= FAKE_PEERS_MAX || pthread_create(&peer->thread, NULL, peer_main, peer))
			abort();
		fake->peer_count++;
	}
}

void fake_start(struct fake *fake, void (*serve)(struct fake_peer *peer), void *user, struct ssl_ctx_st *tls)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	memset(fake, 0, sizeof(*fake));
	fake->serve = serve;
	fake->user = user;
	fake->tls = tls;
	fake->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fake->listener, (struct sockaddr *)&address, size) || listen(fake->listener, 64) ||
	    getsockname(fake->listener, (struct sockaddr *)&address, &size))
		abort();
	fake->port = ntohs(address.sin_port);
	snprintf(fake->uri, sizeof(fake->uri), "bolt://127.0.0.1:%u", fake->port);
	if (pthread_create(&fake->thread, NULL, fake_main, fake))
		abort();
}

void fake_stop(struct fake *fake)
{
	shutdown(fake->listener, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->listener);
	for (unsigned i = 0; i < fake->peer_count; i++) {
		shutdown(fake->peers[i]->socket, SHUT_RDWR);
		pthread_join(fake->peers[i]->thread, NULL);
		close(fake->peers[i]->socket);
		free(fake->peers[i]);
	}
}
