#include "base/buffer.h"
#include "postgres/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One text for one value (change/value.h), and no time limits of the role's that were meant for people: a snapshot is read for
 * as long as it takes. The server, too, is to notice within a minute when this machine is gone, with what it had locked.
 */
#define SESSION_OPTIONS                                                                                                        \
	"-c DateStyle=ISO -c IntervalStyle=iso_8601 -c TimeZone=UTC -c bytea_output=hex -c extra_float_digits=3 "              \
	"-c standard_conforming_strings=on -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 "                   \
	"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"

/* keyword, value, whether the URL's own goes before it */
static const struct {
	const char *keyword;
	const char *value;
	bool url_first;
} defaults[] = {
        {"client_encoding", "UTF8", false},  {"keepalives", "1", true},       {"keepalives_idle", "30", true},
        {"keepalives_interval", "10", true}, {"keepalives_count", "3", true}, {"tcp_user_timeout", "30000", true},
};

static const char *url_value(const PQconninfoOption *parsed, const char *keyword)
{
	for (; parsed->keyword; parsed++) {
		if (strcmp(parsed->keyword, keyword) == 0)
			return parsed->val;
	}
	return NULL;
}

/* libpq's messages about a URL may quote it, password and all. */
static int refuse_url(char *message, struct error *error)
{
	bool nomem = !message;

	PQfreemem(message);
	if (nomem)
		return error_set(error, ERR_NOMEM, "no memory for postgres.url");
	error_set(error, ERR_CONFIG, "postgres.url cannot be read");
	error_hint(error,
	           "it looks like postgresql://user:password@host:5432/database?sslmode=verify-full; special characters of "
	           "a password are written as %%40 and the like");
	return ERR_CONFIG;
}

static void session_add(struct session *session, const char *keyword, const char *value)
{
	if (session->count + 1 >= SESSION_KEYWORDS_MAX)
		return;
	session->keywords[session->count] = keyword;
	session->values[session->count] = value;
	session->count++;
}

static void session_add_own(struct session *session, const struct postgres_options *options)
{
	const char *url_options = url_value(session->parsed, "options");
	char lock_timeout[64] = "";
	size_t i;

	if (options->lock_timeout_ms)
		snprintf(lock_timeout, sizeof(lock_timeout), " -c lock_timeout=%llu",
		         (unsigned long long)options->lock_timeout_ms);
	snprintf(session->options, sizeof(session->options), "%s %s%s", url_options ? url_options : "", SESSION_OPTIONS,
	         lock_timeout);
	snprintf(session->application_name, sizeof(session->application_name), "pgweave%s%s", options->pipeline ? " " : "",
	         options->pipeline ? options->pipeline : "");
	session_add(session, "options", session->options);
	session_add(session, "application_name", session->application_name);
	if (options->replication)
		session_add(session, "replication", "database");
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (!defaults[i].url_first || !url_value(session->parsed, defaults[i].keyword))
			session_add(session, defaults[i].keyword, defaults[i].value);
	}
}

int session__init(struct session *session, const struct postgres_options *options, struct error *error)
{
	const PQconninfoOption *at;
	const char *timeout;
	char *message = NULL;

	*session = (struct session){.connect_timeout_ms = options->connect_timeout_ms};
	session->parsed = PQconninfoParse(options->url, &message);
	if (!session->parsed)
		return refuse_url(message, error);
	for (at = session->parsed; at->keyword; at++) {
		if (at->val)
			session_add(session, at->keyword, at->val);
	}
	/* Of a keyword that comes twice libpq takes the later one. */
	session_add_own(session, options);
	if (url_value(session->parsed, "options") && strlen(url_value(session->parsed, "options")) > 512)
		return error_set(error, ERR_CONFIG, "postgres.url: `options` is longer than 512 bytes");
	timeout = url_value(session->parsed, "connect_timeout");
	if (timeout && !session->connect_timeout_ms && atoi(timeout) > 0)
		session->connect_timeout_ms = (uint64_t)atoi(timeout) * 1000;
	if (!session->connect_timeout_ms)
		session->connect_timeout_ms = POSTGRES_CONNECT_TIMEOUT_MS;
	return 0;
}

void session__free(struct session *session)
{
	PQconninfoFree(session->parsed);
	session->parsed = NULL;
}

const char *session__statement(int server_version)
{
	return server_version >= 140000 ? "SET idle_session_timeout = 0; SET client_connection_check_interval = '5s'" : NULL;
}

int postgres_url_check(const char *url, struct buffer *text, struct error *error)
{
	PQconninfoOption *parsed, *at;
	char *message = NULL;
	const char *separator = "";

	parsed = PQconninfoParse(url, &message);
	if (!parsed)
		return refuse_url(message, error);
	for (at = parsed; at->keyword; at++) {
		bool secret = strchr(at->dispchar, '*') != NULL;

		if (!at->val)
			continue;
		buffer_printf(text, "%s%s=%s", separator, at->keyword, secret ? "***" : at->val);
		separator = " ";
	}
	PQconninfoFree(parsed);
	return 0;
}
