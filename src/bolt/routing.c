#include "bolt/routing.h"

#include "bolt/error.h"

#define TTL_MAX_S INT64_C(86400)

static const char *const role_names[BOLT__ROLES] = {
        [BOLT__ROLE_WRITE] = "WRITE",
        [BOLT__ROLE_READ] = "READ",
        [BOLT__ROLE_ROUTE] = "ROUTE",
};

static int servers_add(struct bolt__servers *servers, const struct bolt_value *addresses, struct bolt_error *ret_error)
{
	for (uint32_t i = 0; i < addresses->size && servers->count < BOLT__SERVERS_MAX; i++) {
		const struct bolt_value *address = &addresses->items[i];
		struct bolt__endpoint *endpoint = &servers->endpoints[servers->count];

		if (address->type != BOLT_TYPE_STRING)
			return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL,
			                       "the routing table has an address that is no string");
		if (bolt__endpoint_parse(address->string, address->size, endpoint, ret_error))
			return BOLT_ERR_PROTOCOL;
		servers->count++;
	}
	return 0;
}

static int server_add(struct bolt__routing_table *table, const struct bolt_value *server, struct bolt_error *ret_error)
{
	const struct bolt_value *addresses = bolt_map_get_type(server, "addresses", BOLT_TYPE_LIST);
	const struct bolt_value *role = bolt_map_get_type(server, "role", BOLT_TYPE_STRING);

	if (!addresses || !role)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL,
		                       "the routing table has a server without addresses or role");
	for (size_t i = 0; i < BOLT__ROLES; i++)
		if (bolt_value_is_string(role, role_names[i]))
			return servers_add(&table->roles[i], addresses, ret_error);
	return 0;
}

int bolt__routing_parse(const struct bolt_value *metadata, uint64_t now_ms, struct bolt__routing_table *table,
                        struct bolt_error *ret_error)
{
	const struct bolt_value *rt = bolt_map_get_type(metadata, "rt", BOLT_TYPE_MAP);
	const struct bolt_value *servers = bolt_map_get_type(rt, "servers", BOLT_TYPE_LIST);
	const struct bolt_value *ttl = bolt_map_get_type(rt, "ttl", BOLT_TYPE_INT);
	const struct bolt_value *database = bolt_map_get_type(rt, "db", BOLT_TYPE_STRING);
	struct bolt__routing_table parsed = {0};
	int64_t ttl_s;

	if (!servers || !ttl || ttl->integer < 0)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the routing table lacks servers or ttl");
	for (uint32_t i = 0; i < servers->size; i++) {
		int error = server_add(&parsed, &servers->items[i], ret_error);

		if (error)
			return error;
	}
	ttl_s = ttl->integer < TTL_MAX_S ? ttl->integer : TTL_MAX_S;
	/* +1: a table of no duration is still good for the request that asked for it */
	parsed.expires_ms = now_ms + (uint64_t)ttl_s * 1000 + 1;
	if (database && database->size && database->size < sizeof(parsed.database))
		memcpy(parsed.database, database->string, database->size);
	*table = parsed;
	return 0;
}

bool bolt__routing_is_fresh(const struct bolt__routing_table *table, uint64_t now_ms)
{
	return now_ms < table->expires_ms;
}

void bolt__routing_forget(struct bolt__routing_table *table, enum bolt__role role, const struct bolt__endpoint *endpoint)
{
	struct bolt__servers *servers = &table->roles[role];
	size_t kept = 0;

	for (size_t i = 0; i < servers->count; i++)
		if (!bolt__endpoint_is_same(&servers->endpoints[i], endpoint))
			servers->endpoints[kept++] = servers->endpoints[i];
	servers->count = kept;
	if (!kept)
		table->expires_ms = 0;
}

bool bolt__servers_have(const struct bolt__servers *servers, const struct bolt__endpoint *endpoint)
{
	for (size_t i = 0; i < servers->count; i++)
		if (bolt__endpoint_is_same(&servers->endpoints[i], endpoint))
			return true;
	return false;
}

enum bolt__role bolt__role_of(enum bolt_mode mode)
{
	return mode == BOLT_MODE_READ ? BOLT__ROLE_READ : BOLT__ROLE_WRITE;
}
