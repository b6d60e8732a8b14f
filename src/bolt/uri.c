#include "bolt/uri.h"

#include "bolt/error.h"

#include <stdio.h>
#include <strings.h>

static const struct {
	const char *scheme;
	bool routing;
	enum bolt__tls_mode tls;
} schemes[] = {
        {"bolt", false, BOLT__TLS_NONE}, {"bolt+s", false, BOLT__TLS_VERIFY}, {"bolt+ssc", false, BOLT__TLS_TRUST_ANY},
        {"neo4j", true, BOLT__TLS_NONE}, {"neo4j+s", true, BOLT__TLS_VERIFY}, {"neo4j+ssc", true, BOLT__TLS_TRUST_ANY},
};

static bool port_parse(const char *text, size_t size, uint16_t *ret_port)
{
	unsigned port = 0;

	if (!size || size > 5)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (!port || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/* Splits off the port; returns false when what stands around the host is wrong. */
static bool endpoint_split(const char *text, size_t size, size_t *ret_host_at, size_t *ret_host_size, uint16_t *ret_port)
{
	const char *colon = memchr(text, ':', size), *end = text + size;
	const char *host_end = colon ? colon : end;

	*ret_port = BOLT_PORT;
	*ret_host_at = 0;
	if (size && text[0] == '[') {
		host_end = memchr(text, ']', size);
		if (!host_end)
			return false;
		*ret_host_at = 1;
		colon = host_end + 1 < end ? host_end + 1 : NULL;
		if (colon && *colon != ':')
			return false;
	} else if (colon && memchr(colon + 1, ':', (size_t)(end - colon) - 1)) {
		/* an IPv6 address without brackets, as servers put it into routing tables at times: no port then */
		host_end = end;
		colon = NULL;
	}
	*ret_host_size = (size_t)(host_end - text) - *ret_host_at;
	return *ret_host_size && (!colon || port_parse(colon + 1, (size_t)(end - colon) - 1, ret_port));
}

int bolt__endpoint_parse(const char *text, size_t size, struct bolt__endpoint *ret_endpoint, struct bolt_error *ret_error)
{
	size_t at, host_size;
	int cut = size > BOLT__HOST_MAX ? BOLT__HOST_MAX : (int)size;

	if (!endpoint_split(text, size, &at, &host_size, &ret_endpoint->port) || host_size > BOLT__HOST_MAX ||
	    memchr(text, '@', size) || memchr(text, '/', size) || memchr(text, '\0', size))
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT,
		                       "\"%.*s\" is no host[:port]; an IPv6 address stands in brackets", cut, text);
	memcpy(ret_endpoint->host, text + at, host_size);
	ret_endpoint->host[host_size] = '\0';
	return 0;
}

bool bolt__endpoint_is_same(const struct bolt__endpoint *a, const struct bolt__endpoint *b)
{
	return a->port == b->port && !strcasecmp(a->host, b->host);
}

void bolt__endpoint_format(const struct bolt__endpoint *endpoint, char *text, size_t capacity)
{
	const char *format = strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u";

	snprintf(text, capacity, format, endpoint->host, endpoint->port);
}

static int hex_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 0x20);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* %41 -> A, in place; false when the two digits are none. */
static bool percent_decode(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (*at != '%') {
			*to++ = *at;
			continue;
		}
		if (hex_of(at[1]) < 0 || hex_of(at[2]) < 0)
			return false;
		*to++ = (char)(hex_of(at[1]) * 16 + hex_of(at[2]));
		at += 2;
	}
	*to = '\0';
	return true;
}

static int context_parse(char *query, struct bolt__uri *uri, struct bolt_error *ret_error)
{
	char *rest = query, *pair;

	while ((pair = strsep(&rest, "&"))) {
		char *value = strchr(pair, '=');

		if (!value || value == pair || !value[1])
			return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "\"%s\" in the URI's query is no key=value", pair);
		if (uri->context_count == BOLT__CONTEXT_MAX)
			return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "the URI's query has more than %d pairs",
			                       BOLT__CONTEXT_MAX);
		*value++ = '\0';
		if (!percent_decode(pair) || !percent_decode(value))
			return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "bad percent sign in the URI's query");
		uri->context[uri->context_count].key = pair;
		uri->context[uri->context_count++].value = value;
	}
	return 0;
}

int bolt__uri_parse(const char *text, struct arena *arena, struct bolt__uri *ret_uri, struct bolt_error *ret_error)
{
	const char *host = strstr(text, "://");
	size_t scheme_size = host ? (size_t)(host - text) : 0, i = 0, size;
	char *query;
	int error;

	*ret_uri = (struct bolt__uri){0};
	while (i < sizeof(schemes) / sizeof(schemes[0]) &&
	       (strlen(schemes[i].scheme) != scheme_size || strncasecmp(schemes[i].scheme, text, scheme_size) != 0))
		i++;
	if (!host || i == sizeof(schemes) / sizeof(schemes[0]))
		return bolt__error_set(
		        ret_error, BOLT_ERR_ARGUMENT,
		        "the URI must begin with bolt://, bolt+s://, bolt+ssc://, neo4j://, neo4j+s:// or neo4j+ssc://");
	ret_uri->routing = schemes[i].routing;
	ret_uri->tls = schemes[i].tls;
	host += 3;
	size = strcspn(host, "?");
	query = host[size] && host[size + 1] ? arena_strdup(arena, host + size + 1) : NULL;
	if (host[size] && host[size + 1] && !query)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for the URI");
	if (size && host[size - 1] == '/')
		size--;
	error = bolt__endpoint_parse(host, size, &ret_uri->endpoint, ret_error);
	if (error || !query)
		return error;
	if (!ret_uri->routing)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "only the neo4j schemes take a routing context (?%s)",
		                       query);
	return context_parse(query, ret_uri, ret_error);
}
