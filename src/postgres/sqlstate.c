#include "postgres/room.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; the first row whose prefix fits. */
static const struct {
	const char *prefix;
	enum error_code code;
	enum error_class class;
	const char *hint; /* where the server's own would not do */
} sqlstates[] = {
        {"28P01", ERR_AUTH, ERROR_FATAL, "check user and password in postgres.url"},
        {"28", ERR_AUTH, ERROR_FATAL, "check the user in postgres.url, and its lines in the server's pg_hba.conf"},
        {"3D000", ERR_STATE, ERROR_FATAL, "check the database's name in postgres.url"},
        {"42501", ERR_PERMISSION, ERROR_FATAL, "`pgweave check` lists the permissions that are missing, with the statements"},
        {"42704", ERR_STATE, ERROR_FATAL, NULL},
        {"08", ERR_IO, ERROR_RETRY, NULL},
        {"40", ERR_SERVER, ERROR_RETRY, NULL},
        {"25006", ERR_SERVER, ERROR_FATAL, "the server is a standby or read-only: point postgres.url at the primary"},
        {"53400", ERR_STATE, ERROR_FATAL, "raise max_replication_slots (needs a restart), or drop a slot that nobody uses"},
        {"53300", ERR_SERVER, ERROR_RETRY, "raise max_connections (or max_wal_senders), or close other connections"},
        {"53", ERR_SERVER, ERROR_RETRY, NULL},
        {"55006", ERR_SERVER, ERROR_RETRY, NULL},
        {"55P03", ERR_SERVER, ERROR_RETRY, NULL},
        {"55000", ERR_STATE, ERROR_FATAL, NULL},
        {"57014", ERR_SERVER, ERROR_RETRY, NULL},
        {"57P", ERR_SERVER, ERROR_RETRY, NULL},
        {"58P01", ERR_STATE, ERROR_FATAL, NULL},
        {"58", ERR_SERVER, ERROR_RETRY, NULL},
        {"", ERR_SERVER, ERROR_FATAL, NULL},
};

/* One line, with what it has too much of white space taken out. */
static void append_line(char *text, size_t text_size, const char *more, size_t more_size)
{
	size_t size = strlen(text);
	size_t i;

	for (i = 0; i < more_size && size + 1 < text_size; i++) {
		char c = isspace((unsigned char)more[i]) ? ' ' : more[i];

		if (c != ' ' || (size && text[size - 1] != ' '))
			text[size++] = c;
	}
	while (size && text[size - 1] == ' ')
		size--;
	text[size] = '\0';
}

void sqlstate__error(struct error *ret_error, const char *address, const char *sqlstate, const char *message,
                     const char *detail, const char *hint)
{
	char line[768] = "";
	size_t i = 0;

	while (strncmp(sqlstates[i].prefix, sqlstate, strlen(sqlstates[i].prefix)) != 0)
		i++;
	append_line(line, sizeof(line), message, strlen(message));
	if (detail) {
		append_line(line, sizeof(line), " (", 2);
		append_line(line, sizeof(line), detail, strlen(detail));
		append_line(line, sizeof(line), ")", 1);
	}
	error_set_class(ret_error, sqlstates[i].code, sqlstates[i].class, "PostgreSQL %s: %s", address, line);
	snprintf(ret_error->origin, sizeof(ret_error->origin), "%s", sqlstate);
	if (hint || sqlstates[i].hint)
		error_hint(ret_error, "%s", sqlstates[i].hint ? sqlstates[i].hint : hint);
}

void sqlstate__error_of_connection(struct error *ret_error, const char *address, const char *message)
{
	char line[768] = "";

	/* The lines after the first are guesses of libpq's about the reason. */
	append_line(line, sizeof(line), message, strcspn(message, "\n"));
	sqlstate__error(ret_error, address, "08006", *line ? line : "the connection broke", NULL, NULL);
}

void sqlstate__error_of_result(struct error *ret_error, const char *address, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	/* Without a code it is libpq that speaks, and of the connection. */
	if (!sqlstate || !message)
		sqlstate__error_of_connection(ret_error, address, PQresultErrorMessage(result));
	else
		sqlstate__error(ret_error, address, sqlstate, message, PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
		                PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
}

/*
 * With verbose errors libpq writes "...: FATAL:  28P01: password authentication failed...\nLOCATION:  ...". Finds the last such
 * code: several addresses may have been tried.
 */
static const char *find_sqlstate(const char *message, char ret_sqlstate[6])
{
	const char *found = NULL;
	const char *at = message;

	while ((at = strstr(at, ":  "))) {
		size_t i;

		at += 3;
		for (i = 0; i < 5 && (isdigit((unsigned char)at[i]) || isupper((unsigned char)at[i])); i++)
			;
		if (i < 5 || at[5] != ':' || at[6] != ' ')
			continue;
		memcpy(ret_sqlstate, at, 5);
		ret_sqlstate[5] = '\0';
		found = at + 7;
	}
	return found;
}

/* What libpq says itself has no code. First fit; the words are those of its sources, untranslated. */
static const struct {
	const char *word;
	enum error_code code;
	enum error_class class;
	const char *hint;
} login_words[] = {
        {"no password supplied", ERR_AUTH, ERROR_FATAL, "the server wants a password: add one to postgres.url"},
        {"invalid response to SSL negotiation", ERR_PROTOCOL, ERROR_FATAL,
         "that is no PostgreSQL server: check host and port in postgres.url"},
        {"expected authentication request", ERR_PROTOCOL, ERROR_FATAL,
         "that is no PostgreSQL server: check host and port in postgres.url"},
        {"SYSCALL", ERR_IO, ERROR_RETRY, NULL},
        {"closed the connection unexpectedly", ERR_IO, ERROR_RETRY, NULL},
        /* a server that is starting, stopping or full answers so, before any encryption */
        {"error response during SSL exchange", ERR_IO, ERROR_RETRY, NULL},
        {"does not support SSL", ERR_TLS, ERROR_FATAL,
         "turn ssl on in the server, or ask for less with sslmode in postgres.url"},
        {"certificate", ERR_TLS, ERROR_FATAL, "check sslmode, sslrootcert and the host's name in postgres.url"},
        {"SSL", ERR_TLS, ERROR_FATAL, "check sslmode and the sslrootcert, sslcert and sslkey files in postgres.url"},
        {"authentication", ERR_AUTH, ERROR_FATAL, "check user and password in postgres.url"},
        {"could not translate host name", ERR_IO, ERROR_RETRY, "check the host's name in postgres.url"},
        {"", ERR_IO, ERROR_RETRY, "check host and port in postgres.url, and that the server runs"},
};

/* The last address's reason, without the preamble that names the address again. */
static const char *last_reason(const char *message)
{
	const char *reason = message;
	const char *at = message;

	while ((at = strstr(at, " failed: "))) {
		at += strlen(" failed: ");
		reason = at;
	}
	return reason;
}

void sqlstate__error_of_login(struct error *ret_error, const char *address, const PGconn *pg)
{
	const char *message = PQerrorMessage(pg);
	char sqlstate[6];
	char line[768] = "";
	const char *text = find_sqlstate(message, sqlstate);
	size_t i = 0;

	if (text) {
		append_line(line, sizeof(line), text, strcspn(text, "\n"));
		sqlstate__error(ret_error, address, sqlstate, line, NULL, NULL);
		return;
	}
	while (!strstr(message, login_words[i].word))
		i++;
	text = last_reason(message);
	append_line(line, sizeof(line), text, strcspn(text, "\n"));
	error_set_class(ret_error, login_words[i].code, login_words[i].class, "cannot connect to PostgreSQL %s: %s", address,
	                line);
	error_hint(ret_error, "%s", login_words[i].hint ? login_words[i].hint : "");
}
