/*
 * bolt/routing: the routing table of one database: who takes reads, who takes writes, who knows the table, and for how long.
 * Internal; no I/O, the clock is the caller's.
 *
 * Limits: BOLT__SERVERS_MAX servers per role, more are left out. The table owns copies of the addresses.
 */
#ifndef PGWEAVE_BOLT_ROUTING_H
#define PGWEAVE_BOLT_ROUTING_H

#include "bolt/uri.h"

#define BOLT__SERVERS_MAX 32

enum bolt__role {
	BOLT__ROLE_WRITE,
	BOLT__ROLE_READ,
	BOLT__ROLE_ROUTE,
	BOLT__ROLES,
};

struct bolt__servers {
	struct bolt__endpoint endpoints[BOLT__SERVERS_MAX];
	size_t count;
};

struct bolt__routing_table {
	struct bolt__servers roles[BOLT__ROLES];
	uint64_t expires_ms; /* 0: never filled, or known to be stale */
	char database[256];  /* the name that the server gave it; empty when it gave none */
};

/* From the metadata of a ROUTE's SUCCESS. Returns 0 or BOLT_ERR_PROTOCOL; the table changes only when it is right. */
int bolt__routing_parse(const struct bolt_value *metadata, uint64_t now_ms, struct bolt__routing_table *table,
                        struct bolt_error *ret_error) _must_check;
bool bolt__routing_is_fresh(const struct bolt__routing_table *table, uint64_t now_ms);
/* That server is not to be used in that role until the next table; the table is stale once nobody is left. */
void bolt__routing_forget(struct bolt__routing_table *table, enum bolt__role role, const struct bolt__endpoint *endpoint);
bool bolt__servers_have(const struct bolt__servers *servers, const struct bolt__endpoint *endpoint);
enum bolt__role bolt__role_of(enum bolt_mode mode);

#endif
