#include "bolt_uv/link.h"

#include "bolt/error.h"

#include <stdlib.h>

#define READ_SIZE 65536
/* TLS records add a little to every 16 KiB; the handshake comes on top. */
#define WIRE_SLACK ((size_t)1 << 20)

struct bolt__link {
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	const struct bolt__link_events *events;
	void *user;
	struct bolt__tls tls; /* .ssl is NULL without TLS */
	bool tls_up;
	bool writing;
	bool dropped;
	bool paused;
	uint32_t tcp_keepalive_s;
	struct buffer plain; /* to encrypt; unused without TLS */
	struct buffer wire;  /* being sent */
	size_t wire_plain;   /* bytes of plaintext in it */
	char received[READ_SIZE];
	char decrypted[READ_SIZE];
};

static void link_down_uv(struct bolt__link *link, const char *what, int status)
{
	struct bolt_error error;

	bolt__error_set(&error, BOLT_ERR_TRANSPORT, "%s: %s", what, uv_strerror(status));
	link->events->on_down(link->user, &error);
}

/* ---- out ---- */

static void on_written(uv_write_t *write, int status)
{
	struct bolt__link *link = write->data;
	size_t plain = link->wire_plain;

	link->writing = false;
	link->wire_plain = 0;
	buffer_reset(&link->wire);
	if (link->dropped)
		return;
	if (status)
		link_down_uv(link, "writing failed", status);
	else
		link->events->on_sent(link->user, plain);
}

/* Sends link->wire. */
static int wire_send(struct bolt__link *link, size_t *ret_sent, struct bolt_error *ret_error)
{
	uv_buf_t part = {.base = link->wire.data, .len = link->wire.size};
	int status;

	*ret_sent = 0;
	if (!link->wire.size)
		return 0;
	status = uv_try_write((uv_stream_t *)&link->tcp, &part, 1);
	if (status < 0 && status != UV_EAGAIN)
		return bolt__error_set(ret_error, BOLT_ERR_TRANSPORT, "writing failed: %s", uv_strerror(status));
	if (status > 0) {
		part.base += status;
		part.len -= (size_t)status;
	}
	if (!part.len) {
		*ret_sent = link->wire_plain;
		link->wire_plain = 0;
		buffer_reset(&link->wire);
		return 0;
	}
	link->write.data = link;
	status = uv_write(&link->write, (uv_stream_t *)&link->tcp, &part, 1, on_written);
	if (status)
		return bolt__error_set(ret_error, BOLT_ERR_TRANSPORT, "writing failed: %s", uv_strerror(status));
	link->writing = true;
	return 0;
}

bool bolt__link_is_writing(const struct bolt__link *link)
{
	return link->writing;
}

struct buffer *bolt__link_buffer(struct bolt__link *link)
{
	return link->tls.ssl ? &link->plain : &link->wire;
}

/* Plaintext -> wire. */
static int plain_encrypt(struct bolt__link *link, struct bolt_error *ret_error)
{
	int error;

	if (!link->tls.ssl) {
		link->wire_plain = link->wire.size;
		return 0;
	}
	error = bolt__tls_write(&link->tls, link->plain.data, link->plain.size, ret_error);
	link->wire_plain += link->plain.size;
	buffer_reset(&link->plain);
	return error ? error : bolt__tls_take(&link->tls, &link->wire, ret_error);
}

int bolt__link_send(struct bolt__link *link, size_t *ret_sent, struct bolt_error *ret_error)
{
	int error = plain_encrypt(link, ret_error);

	*ret_sent = 0;
	return error ? error : wire_send(link, ret_sent, ret_error);
}

void bolt__link_send_last(struct bolt__link *link)
{
	uv_buf_t part;

	if (plain_encrypt(link, NULL))
		return;
	if (link->tls.ssl) {
		bolt__tls_end(&link->tls);
		if (bolt__tls_take(&link->tls, &link->wire, NULL))
			return;
	}
	part = (uv_buf_t){.base = link->wire.data, .len = link->wire.size};
	if (part.len)
		uv_try_write((uv_stream_t *)&link->tcp, &part, 1);
}

/* What TLS itself has to say: its handshake, an update of keys. Behind a write under way it waits for the next. */
static int tls_flush(struct bolt__link *link, struct bolt_error *ret_error)
{
	size_t sent;
	int error;

	if (link->writing)
		return 0;
	error = bolt__tls_take(&link->tls, &link->wire, ret_error);
	return error ? error : wire_send(link, &sent, ret_error);
}

/* ---- in ---- */

static int tls_advance(struct bolt__link *link, struct bolt_error *ret_error)
{
	int error = bolt__tls_handshake(&link->tls, &link->tls_up, ret_error);
	struct bolt_error ignored;

	/* Also after a failure: the alert that tells the server why. */
	if (tls_flush(link, error ? &ignored : ret_error) && !error)
		return BOLT_ERR_TLS;
	if (!error && link->tls_up)
		link->events->on_up(link->user);
	return error;
}

static int tls_deliver(struct bolt__link *link, struct bolt_error *ret_error)
{
	while (!link->dropped) {
		size_t size;
		bool closed;
		int error = bolt__tls_read(&link->tls, link->decrypted, sizeof(link->decrypted), &size, &closed, ret_error);

		if (error)
			return error;
		if (closed)
			return bolt__error_set(ret_error, BOLT_ERR_TRANSPORT, "the server closed the connection");
		if (!size)
			return tls_flush(link, ret_error);
		link->events->on_bytes(link->user, link->decrypted, size);
	}
	return 0;
}

static void tls_on_bytes(struct bolt__link *link, const void *bytes, size_t size)
{
	struct bolt_error error;
	int code = bolt__tls_feed(&link->tls, bytes, size, &error);

	if (!code && !link->tls_up)
		code = tls_advance(link, &error);
	if (!code && link->tls_up && !link->dropped)
		code = tls_deliver(link, &error);
	if (code && !link->dropped)
		link->events->on_down(link->user, &error);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct bolt__link *link = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(link->received, sizeof(link->received));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct bolt__link *link = stream->data;
	struct bolt_error error;

	if (link->dropped || !size)
		return;
	if (size == UV_EOF) {
		bolt__error_set(&error, BOLT_ERR_TRANSPORT, "the server closed the connection%s",
		                link->tls.ssl && !link->tls_up ? " in the TLS handshake: perhaps it offers none" : "");
		link->events->on_down(link->user, &error);
	} else if (size < 0) {
		link_down_uv(link, "reading failed", (int)size);
	} else if (link->tls.ssl) {
		tls_on_bytes(link, buffer->base, (size_t)size);
	} else {
		link->events->on_bytes(link->user, buffer->base, (size_t)size);
	}
}

/* ---- up and down ---- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct bolt__link *link = connect->data;
	struct bolt_error error;

	if (link->dropped)
		return;
	if (!status)
		status = uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
	if (status) {
		link_down_uv(link, "cannot connect", status);
		return;
	}
	/* Neither is worth giving up for. */
	uv_tcp_nodelay(&link->tcp, 1);
	if (link->tcp_keepalive_s)
		uv_tcp_keepalive(&link->tcp, 1, link->tcp_keepalive_s);
	if (!link->tls.ssl)
		link->events->on_up(link->user);
	else if (tls_advance(link, &error))
		link->events->on_down(link->user, &error);
}

static void on_link_closed(uv_handle_t *handle)
{
	struct bolt__link *link = handle->data;

	link->events->on_dropped(link->user);
	bolt__tls_free(&link->tls);
	buffer_free(&link->plain);
	buffer_free(&link->wire);
	free(link);
}

static void on_stillborn_closed(uv_handle_t *handle)
{
	struct bolt__link *link = handle->data;

	bolt__tls_free(&link->tls);
	free(link);
}

int bolt__link_open(const struct bolt__link_config *config, const struct bolt__link_events *events, void *user,
                    struct bolt__link **ret_link, struct bolt_error *ret_error)
{
	struct bolt__link *link = calloc(1, sizeof(*link));
	int status, error = 0;

	if (!link)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for a connection");
	link->events = events;
	link->user = user;
	link->tcp_keepalive_s = config->tcp_keepalive_s;
	link->tcp.data = link->connect.data = link;
	buffer_init(&link->plain, config->output_size_max + WIRE_SLACK);
	buffer_init(&link->wire, config->output_size_max + config->output_size_max / 64 + WIRE_SLACK);
	status = uv_tcp_init(config->loop, &link->tcp);
	if (status) {
		free(link);
		return bolt__error_set(ret_error, BOLT_ERR_TRANSPORT, "cannot connect: %s", uv_strerror(status));
	}
	if (config->tls_context)
		error = bolt__tls_init(&link->tls, config->tls_context, config->host, config->tls_verify, ret_error);
	if (!error) {
		status = uv_tcp_connect(&link->connect, &link->tcp, config->address, on_connected);
		if (status)
			error = bolt__error_set(ret_error, BOLT_ERR_TRANSPORT, "cannot connect: %s", uv_strerror(status));
	}
	if (error) {
		uv_close((uv_handle_t *)&link->tcp, on_stillborn_closed);
		return error;
	}
	*ret_link = link;
	return 0;
}

void bolt__link_pause(struct bolt__link *link, bool paused)
{
	if (link->dropped || link->paused == paused)
		return;
	link->paused = paused;
	if (paused)
		uv_read_stop((uv_stream_t *)&link->tcp);
	else
		uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
}

void bolt__link_drop(struct bolt__link *link)
{
	if (link->dropped)
		return;
	link->dropped = true;
	uv_close((uv_handle_t *)&link->tcp, on_link_closed);
}
