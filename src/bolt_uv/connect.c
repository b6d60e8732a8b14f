#include "bolt_uv/connect.h"
#include "bolt_uv/link.h"

#include "bolt/error.h"

#include <stdio.h>
#include <stdlib.h>

#define ADDRESSES_MAX 16

/* A name being looked up. It cannot always be called off, so it outlives a connection that does not wait for it. */
struct resolve {
	uv_getaddrinfo_t request;
	struct uv_connection *uvc; /* NULL when nobody waits any more */
};

struct uv_connection {
	struct bolt_connection core; /* first: a bolt_connection is one of these */
	struct bolt__context *context;
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_idle_t idle;          /* active while there is output to send: the loop does not sleep on it */
	struct resolve *resolve; /* NULL when none is under way */
	bool overdue;            /* the timer fired too late once already */
	bool route;              /* a routing table is still to be asked for */
	unsigned open_count;     /* what must close before the end: timer, idle, links */

	struct bolt__servers targets;
	size_t target_next;
	struct sockaddr_storage addresses[ADDRESSES_MAX]; /* of the target before target_next */
	size_t address_count;
	size_t address_next;
	struct bolt__link *link;
	struct bolt_error last_error; /* of the attempt before */
};

static struct uv_connection *uv_of(struct bolt_connection *connection)
{
	return (struct uv_connection *)connection;
}

static void attempt_next(struct uv_connection *uvc);

/* ---- the end ---- */

static void part_closed(struct uv_connection *uvc)
{
	if (--uvc->open_count)
		return;
	bolt__connection_finish(&uvc->core);
	bolt__connection_free(&uvc->core);
	bolt__context_unref(uvc->context);
	free(uvc);
}

static void on_handle_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

static void link_drop(struct uv_connection *uvc)
{
	struct bolt__link *link = uvc->link;

	uvc->link = NULL;
	if (link)
		bolt__link_drop(link);
}

static void say_goodbye(struct uv_connection *uvc)
{
	struct bolt_connection *core = &uvc->core;

	if (!uvc->link || !core->handshake.done || bolt__link_is_writing(uvc->link))
		return;
	/* What was queued and not sent is cancelled, so it must not reach the server either. */
	buffer_reset(&core->output);
	bolt__connection_queue_goodbye(core);
	if (bolt__connection_take(core, bolt__link_buffer(uvc->link)))
		bolt__link_send_last(uvc->link);
}

static void on_defunct(struct bolt_connection *connection, bool goodbye)
{
	struct uv_connection *uvc = uv_of(connection);

	if (goodbye)
		say_goodbye(uvc);
	link_drop(uvc);
	if (uvc->resolve) {
		uvc->resolve->uvc = NULL;
		uv_cancel((uv_req_t *)&uvc->resolve->request);
	}
	uv_close((uv_handle_t *)&uvc->timer, on_handle_closed);
	uv_close((uv_handle_t *)&uvc->idle, on_handle_closed);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer);

/* A deadline that moves away, as with every byte that comes in, is seen when the timer fires; one that comes nearer, here. */
static void timer_arm(struct uv_connection *uvc)
{
	uint64_t deadline_ms = bolt__connection_deadline(&uvc->core), now_ms = uv_now(uvc->loop);
	uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;

	if (deadline_ms == BOLT__NO_DEADLINE || bolt__connection_is_defunct(&uvc->core))
		return;
	if (!uv_is_active((uv_handle_t *)&uvc->timer) || uv_timer_get_due_in(&uvc->timer) > wait_ms)
		uv_timer_start(&uvc->timer, on_timer, wait_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct uv_connection *uvc = timer->data;

	/* The loop may have been held up, with the answer waiting in the socket: let it read once before the verdict. */
	if (!uvc->overdue && uv_now(uvc->loop) >= bolt__connection_deadline(&uvc->core)) {
		uvc->overdue = true;
		uv_timer_start(&uvc->timer, on_timer, 1, 0);
		return;
	}
	uvc->overdue = false;
	bolt__connection_on_time(&uvc->core, uv_now(uvc->loop));
	timer_arm(uvc);
}

static uint64_t now_ms_of(struct bolt_connection *connection)
{
	return uv_now(uv_of(connection)->loop);
}

/* ---- the link ---- */

static void link_on_up(void *user)
{
	struct uv_connection *uvc = user;

	bolt__connection_start(&uvc->core);
	timer_arm(uvc);
}

static void link_on_bytes(void *user, const void *bytes, size_t size)
{
	struct uv_connection *uvc = user;

	bolt__connection_feed(&uvc->core, bytes, size);
	timer_arm(uvc);
}

static void link_on_down(void *user, const struct bolt_error *error)
{
	struct uv_connection *uvc = user;

	uvc->last_error = *error;
	bolt__error_prefix(&uvc->last_error, "%s", uvc->core.address);
	/* Before it was ready, another address may do better. */
	if (uvc->core.announced || error->code != BOLT_ERR_TRANSPORT)
		bolt__connection_fail(&uvc->core, &uvc->last_error);
	else
		attempt_next(uvc);
}

static void connection_flush(struct bolt_connection *connection)
{
	struct uv_connection *uvc = uv_of(connection);
	struct bolt_error error;
	size_t sent;

	if (!uvc->link || bolt__link_is_writing(uvc->link) || !bolt__connection_take(connection, bolt__link_buffer(uvc->link)))
		return;
	if (bolt__link_send(uvc->link, &sent, &error))
		link_on_down(uvc, &error);
	else
		bolt__connection_sent(connection, sent);
}

static void link_on_sent(void *user, size_t size)
{
	struct uv_connection *uvc = user;

	bolt__connection_sent(&uvc->core, size);
	connection_flush(&uvc->core);
	bolt__connection_drain(&uvc->core);
}

static void link_on_dropped(void *user)
{
	part_closed(user);
}

static const struct bolt__link_events link_events = {
        .on_up = link_on_up,
        .on_bytes = link_on_bytes,
        .on_sent = link_on_sent,
        .on_down = link_on_down,
        .on_dropped = link_on_dropped,
};

static void on_idle(uv_idle_t *idle)
{
	struct uv_connection *uvc = idle->data;

	uv_idle_stop(idle);
	connection_flush(&uvc->core);
	bolt__connection_drain(&uvc->core);
}

static void on_output(struct bolt_connection *connection)
{
	struct uv_connection *uvc = uv_of(connection);

	uv_idle_start(&uvc->idle, on_idle);
	timer_arm(uvc);
}

static void on_pause(struct bolt_connection *connection, bool paused)
{
	struct uv_connection *uvc = uv_of(connection);

	if (uvc->link)
		bolt__link_pause(uvc->link, paused);
	timer_arm(uvc);
}

/* ---- routing ---- */

static void targets_shuffle(struct bolt__servers *targets)
{
	for (size_t i = targets->count; i > 1; i--) {
		unsigned random;
		struct bolt__endpoint swap;

		if (uv_random(NULL, NULL, &random, sizeof(random), 0, NULL))
			return;
		swap = targets->endpoints[i - 1];
		targets->endpoints[i - 1] = targets->endpoints[random % i];
		targets->endpoints[random % i] = swap;
	}
}

static void routing_failed(struct uv_connection *uvc, const struct bolt_error *error)
{
	uvc->last_error = *error;
	bolt__error_prefix(&uvc->last_error, "routing table from %s", uvc->core.address);
	attempt_next(uvc);
}

static void on_routed(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	struct uv_connection *uvc = user;
	struct bolt__routing_table table;
	struct bolt__servers *servers = &table.roles[bolt__role_of(uvc->context->settings->config.mode)];
	struct bolt_error wrong;

	if (bolt__connection_is_defunct(&uvc->core))
		return;
	if (error) {
		routing_failed(uvc, error);
		return;
	}
	if (bolt__routing_parse(summary->metadata, uv_now(uvc->loop), &table, &wrong)) {
		routing_failed(uvc, &wrong);
		return;
	}
	if (!servers->count) {
		bolt__error_set(&wrong, BOLT_ERR_ROUTING, "no server takes %s now",
		                uvc->context->settings->config.mode == BOLT_MODE_READ ? "reads" : "writes");
		routing_failed(uvc, &wrong);
		return;
	}
	uvc->route = false;
	if (bolt__servers_have(servers, bolt__connection_endpoint(&uvc->core))) {
		bolt__connection_announce(&uvc->core);
		return;
	}
	uvc->targets = *servers;
	targets_shuffle(&uvc->targets);
	uvc->target_next = uvc->address_count = uvc->address_next = 0;
	attempt_next(uvc);
}

static void on_login(struct bolt_connection *connection)
{
	static const struct bolt_handler handler = {.on_done = on_routed};
	struct uv_connection *uvc = uv_of(connection);
	struct bolt_error error;
	int code;

	if (!uvc->route) {
		bolt__connection_announce(connection);
		return;
	}
	code = bolt__connection_route(connection, NULL, 0, NULL, NULL, &handler, uvc);
	if (!code)
		return;
	bolt__error_set(&error, code, "cannot ask %s for the routing table: %s", connection->address, bolt_code_what(code));
	bolt__connection_fail(connection, &error);
}

static const struct bolt__transport transport = {
        .on_output = on_output,
        .flush = connection_flush,
        .on_login = on_login,
        .on_defunct = on_defunct,
        .on_pause = on_pause,
        .now_ms = now_ms_of,
};

/* ---- addresses ---- */

static void addresses_take(struct uv_connection *uvc, const struct addrinfo *info)
{
	for (; info && uvc->address_count < ADDRESSES_MAX; info = info->ai_next) {
		if (info->ai_addrlen > sizeof(uvc->addresses[0]))
			continue;
		memcpy(&uvc->addresses[uvc->address_count++], info->ai_addr, info->ai_addrlen);
	}
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
	struct resolve *resolve = request->data;
	struct uv_connection *uvc = resolve->uvc;

	free(resolve);
	if (uvc) {
		uvc->resolve = NULL;
		if (status)
			bolt__error_set(&uvc->last_error, BOLT_ERR_TRANSPORT, "%s: cannot resolve the name: %s",
			                uvc->core.address, uv_strerror(status));
		else
			addresses_take(uvc, info);
		attempt_next(uvc);
	}
	uv_freeaddrinfo(info);
}

static int resolve_start(struct uv_connection *uvc, const struct bolt__endpoint *endpoint)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	char port[8];
	int status;

	if (!resolve)
		return UV_ENOMEM;
	resolve->request.data = resolve;
	resolve->uvc = uvc;
	snprintf(port, sizeof(port), "%u", endpoint->port);
	status = uv_getaddrinfo(uvc->loop, &resolve->request, on_resolved, endpoint->host, port, &hints);
	if (status)
		free(resolve);
	else
		uvc->resolve = resolve;
	return status;
}

/* Fills the addresses, now or when the name is resolved; a failure leaves none. */
static void target_resolve(struct uv_connection *uvc, const struct bolt__endpoint *endpoint)
{
	int status;

	uvc->address_count = uvc->address_next = 0;
	bolt__endpoint_format(endpoint, uvc->core.address, sizeof(uvc->core.address));
	if (!uv_ip4_addr(endpoint->host, endpoint->port, (struct sockaddr_in *)&uvc->addresses[0]) ||
	    !uv_ip6_addr(endpoint->host, endpoint->port, (struct sockaddr_in6 *)&uvc->addresses[0])) {
		uvc->address_count = 1;
		return;
	}
	status = resolve_start(uvc, endpoint);
	if (status)
		bolt__error_set(&uvc->last_error, BOLT_ERR_TRANSPORT, "%s: cannot resolve the name: %s", uvc->core.address,
		                uv_strerror(status));
}

static bool address_open(struct uv_connection *uvc, const struct sockaddr_storage *address)
{
	const struct bolt__settings *settings = uvc->context->settings;
	const struct bolt__link_config config = {
	        .loop = uvc->loop,
	        .address = (const struct sockaddr *)address,
	        .tls_context = uvc->context->tls,
	        .host = bolt__connection_endpoint(&uvc->core)->host,
	        .tls_verify = settings->uri.tls == BOLT__TLS_VERIFY,
	        .tcp_keepalive_s = settings->config.tcp_keepalive_s,
	        .output_size_max = settings->config.output_size_max,
	};

	if (bolt__link_open(&config, &link_events, uvc, &uvc->link, &uvc->last_error)) {
		uvc->link = NULL;
		bolt__error_prefix(&uvc->last_error, "%s", uvc->core.address);
		return false;
	}
	uvc->open_count++;
	return true;
}

/* The next address, else the next target, else the end. */
static void attempt_next(struct uv_connection *uvc)
{
	link_drop(uvc);
	bolt__connection_restart(&uvc->core);
	while (!uvc->resolve) {
		if (uvc->address_next < uvc->address_count) {
			if (address_open(uvc, &uvc->addresses[uvc->address_next++]))
				break;
		} else if (uvc->target_next < uvc->targets.count) {
			target_resolve(uvc, &uvc->targets.endpoints[uvc->target_next++]);
		} else {
			bolt__connection_fail(&uvc->core, &uvc->last_error);
			break;
		}
	}
}

const struct bolt__endpoint *bolt__connection_endpoint(const struct bolt_connection *connection)
{
	const struct uv_connection *uvc = (const struct uv_connection *)connection;

	return &uvc->targets.endpoints[uvc->target_next ? uvc->target_next - 1 : 0];
}

/* ---- the door ---- */

int bolt__connect(uv_loop_t *loop, struct bolt__context *context, const struct bolt__servers *targets, bool route,
                  const struct bolt_connection_events *events, void *user, struct bolt_connection **ret_connection,
                  struct bolt_error *ret_error)
{
	const struct bolt__settings *settings = context->settings;
	struct uv_connection *uvc = calloc(1, sizeof(*uvc));

	if (!uvc)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for a connection");
	bolt__connection_init(&uvc->core, settings, &transport, events, user);
	uvc->context = bolt__context_ref(context);
	uvc->loop = loop;
	uvc->targets = *targets;
	uvc->route = route;
	uv_timer_init(loop, &uvc->timer);
	uv_idle_init(loop, &uvc->idle);
	uvc->timer.data = uvc->idle.data = uvc;
	uvc->open_count = 2;
	if (settings->config.connect_timeout_ms) {
		uv_update_time(loop);
		uvc->core.connect_deadline_ms = uv_now(loop) + settings->config.connect_timeout_ms;
	}
	*ret_connection = &uvc->core;
	attempt_next(uvc);
	timer_arm(uvc);
	return 0;
}

int bolt_connect(struct uv_loop_s *loop, const struct bolt_config *config, const struct bolt_connection_events *events,
                 void *user, struct bolt_connection **ret_connection, struct bolt_error *ret_error)
{
	struct bolt__servers targets = {.count = 1};
	struct bolt__context *context;
	int error;

	if (!events || !events->on_closed)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "a connection needs events with on_closed");
	error = bolt__context_create(config, &context, ret_error);
	if (error)
		return error;
	targets.endpoints[0] = context->settings->uri.endpoint;
	error = bolt__connect(loop, context, &targets, context->settings->uri.routing, events, user, ret_connection, ret_error);
	bolt__context_unref(context);
	return error;
}
