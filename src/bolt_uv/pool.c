#include "bolt_uv/connect.h"

#include "bolt/error.h"

#include <stdlib.h>

/*
 * Who waits is served by pool_serve alone, which runs once at the end of a turn in which anything changed: a waiter came, a
 * connection became ready, came back or was lost, a routing table arrived. So nothing is called back inside a call, and there
 * is one place that decides.
 */

#define ATTEMPTS_MAX 3 /* connections tried for one waiter */
#define TABLES_MAX 1024

enum use {
	USE_CONNECTING,
	USE_IDLE,
	USE_LENT,
	USE_RESETTING,
	USE_ROUTING,
};

/* The routing table of one database. */
struct pool_table {
	struct pool_table *next;
	struct bolt__routing_table table;
	uint64_t fetch_count;
	bool refreshing;
	bool seed_only;     /* the routers that it names failed */
	char database[256]; /* empty: the user's home database */
};

struct pool_waiter {
	struct pool_waiter *next;
	enum bolt__role role;
	struct pool_table *table; /* NULL without routing */
	uint64_t fetch_count;     /* of the table when it came */
	const struct bolt_pool_handler *handler;
	void *user;
	uint64_t deadline_ms;
	unsigned attempts;
	bool connecting; /* a connection is being made for it */
	bool failed;
	struct bolt_error error; /* when failed, or of the attempt before */
};

struct pool_connection {
	struct pool_connection *next;
	struct bolt_pool *pool;
	struct bolt_connection *connection;
	struct bolt__endpoint endpoint;
	enum use use;
	uint64_t idle_since_ms;
	struct pool_waiter *waiter;              /* while CONNECTING; NULL when it has gone */
	struct pool_table *table;                /* while ROUTING */
	const struct bolt_pool_handler *handler; /* while LENT */
	void *user;
};

struct bolt_pool {
	uv_loop_t *loop;
	struct bolt__context *context;
	struct bolt_pool_config config;
	struct pool_connection *connections;
	struct pool_waiter *waiters;
	struct pool_table *tables;
	uv_timer_t timer;
	uv_idle_t idle;
	unsigned open_count;
	bool closing;
	bool closed;
	void (*on_closed)(void *user);
	void *user;
};

static void on_idle(uv_idle_t *idle);

static void pool_wake(struct bolt_pool *pool)
{
	if (!pool->closed)
		uv_idle_start(&pool->idle, on_idle);
}

/* ---- routing tables ---- */

static void table_fail(struct bolt_pool *pool, struct pool_table *table, const struct bolt_error *error)
{
	table->refreshing = false;
	pool_wake(pool);
	/* The routers of an old table may all be gone while the host of the URI still answers. */
	if (!table->seed_only && table->table.roles[BOLT__ROLE_ROUTE].count) {
		table->seed_only = true;
		return;
	}
	table->seed_only = false;
	for (struct pool_waiter *waiter = pool->waiters; waiter; waiter = waiter->next) {
		if (waiter->table != table || waiter->connecting)
			continue;
		waiter->error = *error;
		waiter->failed = true;
	}
}

static void on_routed(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct pool_connection *pc = user;
	struct pool_table *table = pc->table;
	struct bolt_error wrong;

	if (pc->use != USE_ROUTING)
		return;
	if (error && error->fatal)
		return; /* on_lost follows */
	if (!error && bolt__routing_parse(summary->metadata, uv_now(pc->pool->loop), &table->table, &wrong))
		error = &wrong;
	pc->table = NULL;
	if (error)
		table_fail(pc->pool, table, error);
	else
		table->fetch_count++;
	table->refreshing = false;
	table->seed_only = table->seed_only && error;
	pc->use = USE_LENT;
	bolt_pool_release(pc->pool, pc->connection);
}

static const struct bolt_handler route_handler = {.on_done = on_routed};

static void table_ask(struct pool_connection *pc)
{
	struct bolt_error error;
	int code;

	pc->use = USE_ROUTING;
	code = bolt_route(pc->connection, NULL, 0, pc->table->database, NULL, &route_handler, pc);
	if (!code)
		return;
	bolt__error_set(&error, code, "cannot ask %s for the routing table: %s", bolt_connection_address(pc->connection),
	                bolt_code_what(code));
	table_fail(pc->pool, pc->table, &error);
	pc->table = NULL;
	pc->use = USE_LENT;
	bolt_pool_release(pc->pool, pc->connection);
}

static void endpoint_forget(struct bolt_pool *pool, const struct bolt__endpoint *endpoint, bool writes_only)
{
	for (struct pool_table *table = pool->tables; table; table = table->next) {
		bolt__routing_forget(&table->table, BOLT__ROLE_WRITE, endpoint);
		if (writes_only) {
			table->table.expires_ms = 0;
			continue;
		}
		bolt__routing_forget(&table->table, BOLT__ROLE_READ, endpoint);
		bolt__routing_forget(&table->table, BOLT__ROLE_ROUTE, endpoint);
	}
}

static struct pool_table *table_of(struct bolt_pool *pool, const char *database)
{
	struct pool_table *table = pool->tables;
	size_t count = 0;

	while (table && strcmp(table->database, database) != 0) {
		table = table->next;
		count++;
	}
	if (table || count >= TABLES_MAX || strlen(database) >= sizeof(table->database))
		return table;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	memcpy(table->database, database, strlen(database));
	table->next = pool->tables;
	pool->tables = table;
	return table;
}

/* ---- connections ---- */

static struct pool_connection *pc_of(struct bolt_pool *pool, const struct bolt_connection *connection)
{
	struct pool_connection *pc = pool->connections;

	while (pc && pc->connection != connection)
		pc = pc->next;
	return pc;
}

static void pc_remove(struct pool_connection *pc)
{
	struct pool_connection **at = &pc->pool->connections;

	while (*at != pc)
		at = &(*at)->next;
	*at = pc->next;
	free(pc);
}

static void pc_on_ready(void *user, struct bolt_connection *connection)
{
	struct pool_connection *pc = user;

	pc->endpoint = *bolt__connection_endpoint(connection);
	if (pc->waiter)
		pc->waiter->connecting = false;
	pc->waiter = NULL;
	if (pc->table) {
		table_ask(pc);
		return;
	}
	pc->use = USE_IDLE;
	pc->idle_since_ms = uv_now(pc->pool->loop);
	pool_wake(pc->pool);
}

/* What the loss of a connection means for those that counted on it. */
static void pc_lost(struct pool_connection *pc, const struct bolt_error *error)
{
	struct pool_waiter *waiter = pc->waiter;

	if (pc->table)
		table_fail(pc->pool, pc->table, error);
	if (waiter) {
		waiter->connecting = false;
		waiter->error = *error;
		waiter->failed = !waiter->table || !error->retriable || ++waiter->attempts >= ATTEMPTS_MAX;
	}
	if (error->retriable)
		endpoint_forget(pc->pool, &pc->endpoint, false);
}

static void pc_on_closed(void *user, struct bolt_connection *connection, const struct bolt_error *error)
{
	struct pool_connection *pc = user;
	struct bolt_pool *pool = pc->pool;
	const struct bolt_pool_handler *handler = pc->use == USE_LENT ? pc->handler : NULL;
	void *handler_user = pc->user;
	struct bolt_error cancelled;

	bolt__error_set(&cancelled, BOLT_ERR_CANCELLED, "the connection was closed by this side");
	if (!error)
		error = &cancelled;
	pc_lost(pc, error);
	pc_remove(pc);
	pool_wake(pool);
	if (handler && handler->on_lost)
		handler->on_lost(handler_user, connection, error);
}

static const struct bolt_connection_events pc_events = {.on_ready = pc_on_ready, .on_closed = pc_on_closed};

/* A new connection to the first of the targets that takes it; NULL with the reason when there is none. */
static struct pool_connection *pc_open(struct bolt_pool *pool, const struct bolt__servers *targets,
                                       struct bolt_error *ret_error)
{
	struct pool_connection *pc = calloc(1, sizeof(*pc));

	if (!pc) {
		bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for a connection");
		return NULL;
	}
	pc->pool = pool;
	pc->use = USE_CONNECTING;
	pc->endpoint = targets->endpoints[0];
	if (bolt__connect(pool->loop, pool->context, targets, false, &pc_events, pc, &pc->connection, ret_error)) {
		free(pc);
		return NULL;
	}
	pc->next = pool->connections;
	pool->connections = pc;
	return pc;
}

/* ---- serving ---- */

/* Who may know the table: the routers that the last one named, then the host of the URI. */
static struct bolt__servers table_routers(const struct bolt_pool *pool, const struct pool_table *table)
{
	const struct bolt__endpoint *seed = &pool->context->settings->uri.endpoint;
	struct bolt__servers routers = table->table.roles[BOLT__ROLE_ROUTE];

	if (table->seed_only)
		routers.count = 0;
	if (routers.count == BOLT__SERVERS_MAX)
		routers.count--;
	if (!bolt__servers_have(&routers, seed))
		routers.endpoints[routers.count++] = *seed;
	return routers;
}

static void table_refresh(struct bolt_pool *pool, struct pool_table *table)
{
	struct bolt__servers targets = table_routers(pool, table);
	struct pool_connection *pc, *idle = NULL;
	struct bolt_error error;

	if (table->refreshing)
		return;
	for (pc = pool->connections; pc; pc = pc->next) {
		if (!bolt__servers_have(&targets, &pc->endpoint))
			continue;
		if (pc->use == USE_RESETTING)
			return; /* it will be idle in a moment, and this is tried again */
		if (pc->use == USE_IDLE && bolt_connection_is_ready(pc->connection))
			idle = pc;
	}
	table->refreshing = true;
	if (idle) {
		idle->table = table;
		table_ask(idle);
		return;
	}
	pc = pc_open(pool, &targets, &error);
	if (pc)
		pc->table = table;
	else
		table_fail(pool, table, &error);
}

static size_t endpoint_count(const struct bolt_pool *pool, const struct bolt__endpoint *endpoint)
{
	size_t count = 0;

	for (const struct pool_connection *pc = pool->connections; pc; pc = pc->next)
		count += bolt__endpoint_is_same(&pc->endpoint, endpoint);
	return count;
}

/* The idle connection to one of the servers that was used last; those idle for too long are closed on the way. */
static struct pool_connection *idle_find(struct bolt_pool *pool, const struct bolt__servers *servers)
{
	uint64_t now_ms = uv_now(pool->loop);
	struct pool_connection *best = NULL;

	for (struct pool_connection *pc = pool->connections; pc; pc = pc->next) {
		if (pc->use != USE_IDLE)
			continue;
		if (now_ms - pc->idle_since_ms > pool->config.idle_max_ms || !bolt_connection_is_ready(pc->connection))
			bolt_close(pc->connection);
		else if (bolt__servers_have(servers, &pc->endpoint) && (!best || pc->idle_since_ms >= best->idle_since_ms))
			best = pc;
	}
	return best;
}

static void waiter_connect(struct bolt_pool *pool, struct pool_waiter *waiter, const struct bolt__servers *servers)
{
	struct bolt__servers target = {.count = 1};
	size_t least = pool->config.connection_count_max;
	struct pool_connection *pc;

	for (size_t i = 0; i < servers->count; i++) {
		size_t count = endpoint_count(pool, &servers->endpoints[i]);

		if (count >= least)
			continue;
		least = count;
		target.endpoints[0] = servers->endpoints[i];
	}
	if (least == pool->config.connection_count_max)
		return; /* wait until one comes back */
	pc = pc_open(pool, &target, &waiter->error);
	if (!pc) {
		waiter->failed = true;
		return;
	}
	pc->waiter = waiter;
	waiter->connecting = true;
}

/* A table that was fetched since the waiter came is good for it, however short its time; but not once it is known to be wrong.
 */
static bool table_serves(const struct bolt_pool *pool, const struct pool_waiter *waiter)
{
	const struct pool_table *table = waiter->table;

	return bolt__routing_is_fresh(&table->table, uv_now(pool->loop)) ||
	       (table->table.expires_ms && table->fetch_count > waiter->fetch_count);
}

/* Moves one waiter on; the connection to lend, or NULL when it has to wait or has failed. */
static struct pool_connection *waiter_step(struct bolt_pool *pool, struct pool_waiter *waiter)
{
	struct bolt__servers direct = {.endpoints = {pool->context->settings->uri.endpoint}, .count = 1};
	const struct bolt__servers *servers = &direct;
	struct pool_connection *pc;

	if (waiter->failed)
		return NULL;
	if (waiter->table) {
		if (!table_serves(pool, waiter)) {
			table_refresh(pool, waiter->table);
			return NULL;
		}
		servers = &waiter->table->table.roles[waiter->role];
		if (!servers->count) {
			waiter->table->table.expires_ms = 0;
			bolt__error_set(&waiter->error, BOLT_ERR_ROUTING, "no server takes %s now",
			                waiter->role == BOLT__ROLE_READ ? "reads" : "writes");
			waiter->failed = true;
			return NULL;
		}
	}
	pc = idle_find(pool, servers);
	if (!pc && !waiter->connecting)
		waiter_connect(pool, waiter, servers);
	return pc;
}

static void waiter_time(struct bolt_pool *pool, struct pool_waiter *waiter)
{
	if (waiter->failed || uv_now(pool->loop) < waiter->deadline_ms)
		return;
	waiter->failed = true;
	bolt__error_set(&waiter->error, BOLT_ERR_TIMEOUT, "no connection was free within %u ms",
	                pool->config.acquire_timeout_ms);
}

/* Takes it out of the queue, and out of the connection that is being made for it. */
static void waiter_remove(struct bolt_pool *pool, struct pool_waiter *waiter)
{
	struct pool_waiter **at = &pool->waiters;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	for (struct pool_connection *pc = pool->connections; pc; pc = pc->next)
		if (pc->waiter == waiter)
			pc->waiter = NULL;
}

static void waiter_end(struct bolt_pool *pool, struct pool_waiter *waiter, struct pool_connection *pc)
{
	waiter_remove(pool, waiter);
	if (pc) {
		pc->use = USE_LENT;
		pc->handler = waiter->handler;
		pc->user = waiter->user;
		waiter->handler->on_acquired(waiter->user, pc->connection, NULL);
	} else {
		waiter->handler->on_acquired(waiter->user, NULL, &waiter->error);
	}
	free(waiter);
}

/* One waiter that is through, or NULL. A callback may change everything, so the search begins anew after each. */
static bool pool_serve_one(struct bolt_pool *pool)
{
	for (struct pool_waiter *waiter = pool->waiters; waiter; waiter = waiter->next) {
		struct pool_connection *pc = NULL;

		if (pool->closing && !waiter->failed) {
			bolt__error_set(&waiter->error, BOLT_ERR_CANCELLED, "the pool was closed");
			waiter->failed = true;
		}
		pc = waiter_step(pool, waiter);
		if (!pc)
			waiter_time(pool, waiter);
		if (!pc && !waiter->failed)
			continue;
		waiter_end(pool, waiter, pc);
		return true;
	}
	return false;
}

static void on_timer(uv_timer_t *timer)
{
	pool_wake(timer->data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct bolt_pool *pool = handle->data;

	if (--pool->open_count)
		return;
	while (pool->tables) {
		struct pool_table *table = pool->tables;

		pool->tables = table->next;
		free(table);
	}
	bolt__context_unref(pool->context);
	if (pool->on_closed)
		pool->on_closed(pool->user);
	free(pool);
}

static void on_idle(uv_idle_t *idle)
{
	struct bolt_pool *pool = idle->data;
	uint64_t deadline_ms = UINT64_MAX, now_ms = uv_now(pool->loop);

	uv_idle_stop(idle);
	while (pool_serve_one(pool))
		;
	if (pool->closing && !pool->connections && !pool->closed) {
		pool->closed = true;
		uv_close((uv_handle_t *)&pool->idle, on_handle_closed);
		uv_close((uv_handle_t *)&pool->timer, on_handle_closed);
		return;
	}
	for (const struct pool_waiter *waiter = pool->waiters; waiter; waiter = waiter->next)
		if (waiter->deadline_ms < deadline_ms)
			deadline_ms = waiter->deadline_ms;
	if (deadline_ms == UINT64_MAX)
		uv_timer_stop(&pool->timer);
	else
		uv_timer_start(&pool->timer, on_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

/* ---- the door ---- */

void bolt_pool_config_init(struct bolt_pool_config *pool_config)
{
	*pool_config = (struct bolt_pool_config){
	        .connection_count_max = 16,
	        .acquire_timeout_ms = 60000,
	        .idle_max_ms = 600000,
	};
}

int bolt_pool_create(struct uv_loop_s *loop, const struct bolt_config *config, const struct bolt_pool_config *pool_config,
                     struct bolt_pool **ret_pool, struct bolt_error *ret_error)
{
	struct bolt_pool *pool = calloc(1, sizeof(*pool));
	int error;

	if (!pool)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for a pool");
	error = bolt__context_create(config, &pool->context, ret_error);
	if (error) {
		free(pool);
		return error;
	}
	pool->loop = loop;
	if (pool_config)
		pool->config = *pool_config;
	else
		bolt_pool_config_init(&pool->config);
	uv_timer_init(loop, &pool->timer);
	uv_idle_init(loop, &pool->idle);
	pool->timer.data = pool->idle.data = pool;
	pool->open_count = 2;
	*ret_pool = pool;
	return 0;
}

int bolt_pool_acquire(struct bolt_pool *pool, enum bolt_mode mode, const char *database,
                      const struct bolt_pool_handler *handler, void *user)
{
	const struct bolt__settings *settings = pool->context->settings;
	struct pool_waiter **at = &pool->waiters;
	struct pool_waiter *waiter;

	if (pool->closing)
		return BOLT_ERR_STATE;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return BOLT_ERR_NOMEM;
	if (!database)
		database = settings->config.database ? settings->config.database : "";
	if (settings->uri.routing) {
		waiter->table = table_of(pool, database);
		if (!waiter->table) {
			free(waiter);
			return BOLT_ERR_LIMIT;
		}
		waiter->fetch_count = waiter->table->fetch_count;
	}
	waiter->role = bolt__role_of(mode);
	waiter->handler = handler;
	waiter->user = user;
	waiter->deadline_ms =
	        pool->config.acquire_timeout_ms ? uv_now(pool->loop) + pool->config.acquire_timeout_ms : UINT64_MAX;
	while (*at)
		at = &(*at)->next;
	*at = waiter;
	pool_wake(pool);
	return 0;
}

static void on_reset(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct pool_connection *pc = user;

	(void)summary;
	if (error)
		return; /* the connection closes: a failed RESET takes it down */
	pc->use = USE_IDLE;
	pc->idle_since_ms = uv_now(pc->pool->loop);
	pool_wake(pc->pool);
}

void bolt_pool_release(struct bolt_pool *pool, struct bolt_connection *connection)
{
	static const struct bolt_handler reset_handler = {.on_done = on_reset};
	struct pool_connection *pc = pc_of(pool, connection);

	if (!pc || pc->use != USE_LENT)
		return;
	pc->handler = NULL;
	pc->use = USE_RESETTING;
	if (connection->leader_changed) {
		connection->leader_changed = false;
		endpoint_forget(pool, &pc->endpoint, true);
	}
	if (connection->fifo.count || connection->in_transaction || bolt_connection_is_failed(connection)) {
		if (bolt_reset(connection, &reset_handler, pc))
			bolt_close(connection);
		return;
	}
	pc->use = USE_IDLE;
	pc->idle_since_ms = uv_now(pool->loop);
	pool_wake(pool);
}

void bolt_pool_close(struct bolt_pool *pool, void (*on_closed)(void *user), void *user)
{
	if (pool->closing)
		return;
	pool->closing = true;
	pool->on_closed = on_closed;
	pool->user = user;
	for (struct pool_connection *pc = pool->connections; pc; pc = pc->next)
		bolt_close(pc->connection);
	pool_wake(pool);
}
