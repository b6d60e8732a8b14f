/*
 * bolt/uri: "neo4j+s://host:7687?region=x" -> its parts. Internal; no names are resolved here.
 *
 * Limits: BOLT__HOST_MAX bytes of host, BOLT__CONTEXT_MAX pairs in the query. The strings are copied into the caller's arena.
 */
#ifndef PGWEAVE_BOLT_URI_H
#define PGWEAVE_BOLT_URI_H

#include "base/arena.h"
#include "bolt/bolt.h"

#define BOLT__HOST_MAX 255
#define BOLT__CONTEXT_MAX 16

enum bolt__tls_mode {
	BOLT__TLS_NONE,
	BOLT__TLS_VERIFY,
	BOLT__TLS_TRUST_ANY,
};

struct bolt__endpoint {
	char host[BOLT__HOST_MAX + 1]; /* an IPv6 address without its brackets */
	uint16_t port;
};

struct bolt__uri {
	enum bolt__tls_mode tls;
	bool routing;
	struct bolt__endpoint endpoint;
	struct {
		const char *key;
		const char *value;
	} context[BOLT__CONTEXT_MAX];
	size_t context_count;
};

int bolt__uri_parse(const char *text, struct arena *arena, struct bolt__uri *ret_uri, struct bolt_error *ret_error) _must_check;
/* "host", "host:port", "[::1]:port"; without a port 7687. */
int bolt__endpoint_parse(const char *text, size_t size, struct bolt__endpoint *ret_endpoint,
                         struct bolt_error *ret_error) _must_check;
bool bolt__endpoint_is_same(const struct bolt__endpoint *a, const struct bolt__endpoint *b);
/* The other way, with brackets where needed. */
void bolt__endpoint_format(const struct bolt__endpoint *endpoint, char *text, size_t capacity);

#endif
