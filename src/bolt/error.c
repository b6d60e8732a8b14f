#include "bolt/error.h"

#include <stdarg.h>
#include <stdio.h>

struct code_rule {
	enum bolt_code code;
	const char *name;
	const char *what;
};

static const struct code_rule code_rules[] = {{BOLT_OK, "OK", "no error"},
#define X(name, value, what) {BOLT_ERR_##name, #name, what},
                                              BOLT_CODES(X)
#undef X
};

/* The flags of errors that arise on this side; BOLT_ERR_SERVER and BOLT_ERR_IGNORED follow the server's code instead. */
static const struct {
	enum bolt_code code;
	bool retriable;
	bool fatal;
} code_flags[] = {
        {BOLT_ERR_NOMEM, true, true},   {BOLT_ERR_LIMIT, false, true},    {BOLT_ERR_TRANSPORT, true, true},
        {BOLT_ERR_TIMEOUT, true, true}, {BOLT_ERR_TLS, false, true},      {BOLT_ERR_AUTH, false, true},
        {BOLT_ERR_ROUTING, true, true}, {BOLT_ERR_PROTOCOL, false, true}, {BOLT_ERR_CANCELLED, false, true},
};

/* The first row whose code matches decides; a code that ends in '*' is a prefix. */
static const struct {
	const char *code;
	bool transient;
	bool leader_change;
} neo4j_rules[] = {
        /* Somebody terminated it on purpose. */
        {"Neo.TransientError.Transaction.Terminated", false, false},
        {"Neo.TransientError.Transaction.LockClientStopped", false, false},
        {"Neo.TransientError.General.DatabaseUnavailable", true, true},
        {"Neo.TransientError.*", true, false},
        {"Neo.ClientError.Cluster.NotALeader", true, true},
        {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", true, true},
        {"Neo.ClientError.Security.AuthorizationExpired", true, false},
};

static const struct code_rule *code_rule_of(enum bolt_code code)
{
	for (size_t i = 1; i < sizeof(code_rules) / sizeof(code_rules[0]); i++)
		if (code_rules[i].code == code)
			return &code_rules[i];
	return &code_rules[0];
}

const char *bolt_code_name(enum bolt_code code)
{
	return code_rule_of(code)->name;
}

const char *bolt_code_what(enum bolt_code code)
{
	return code_rule_of(code)->what;
}

static bool code_matches(const char *pattern, const char *code)
{
	size_t size = strlen(pattern);

	if (pattern[size - 1] == '*')
		return !strncmp(pattern, code, size - 1);
	return !strcmp(pattern, code);
}

static size_t neo4j_rule_of(const char *code)
{
	size_t i = 0;

	while (i < sizeof(neo4j_rules) / sizeof(neo4j_rules[0]) && !code_matches(neo4j_rules[i].code, code))
		i++;
	return i;
}

bool bolt_neo4j_code_is_transient(const char *neo4j_code)
{
	size_t i = neo4j_rule_of(neo4j_code);

	return i < sizeof(neo4j_rules) / sizeof(neo4j_rules[0]) && neo4j_rules[i].transient;
}

bool bolt_error_is_transient(const struct bolt_error *error)
{
	return error->retriable;
}

bool bolt_error_is_leader_change(const struct bolt_error *error)
{
	size_t i = neo4j_rule_of(error->neo4j_code);

	return i < sizeof(neo4j_rules) / sizeof(neo4j_rules[0]) && neo4j_rules[i].leader_change;
}

int bolt__error_set(struct bolt_error *ret_error, enum bolt_code code, const char *format, ...)
{
	va_list args;

	if (!ret_error)
		return code;
	*ret_error = (struct bolt_error){.code = code};
	for (size_t i = 0; i < sizeof(code_flags) / sizeof(code_flags[0]); i++) {
		if (code_flags[i].code != code)
			continue;
		ret_error->retriable = code_flags[i].retriable;
		ret_error->fatal = code_flags[i].fatal;
	}
	va_start(args, format);
	vsnprintf(ret_error->message, sizeof(ret_error->message), format, args);
	va_end(args);
	return code;
}

static void copy_string(char *to, size_t capacity, const struct bolt_value *value)
{
	size_t size = value ? value->size : 0;

	if (size >= capacity) {
		size = capacity - 1;
		/* not in the middle of a UTF-8 sequence */
		while (size && ((uint8_t)value->string[size] & 0xC0) == 0x80)
			size--;
	}
	if (size)
		memcpy(to, value->string, size);
	to[size] = '\0';
}

void bolt__error_set_server(struct bolt_error *ret_error, const struct bolt_value *neo4j_code,
                            const struct bolt_value *gql_status, const struct bolt_value *message)
{
	*ret_error = (struct bolt_error){.code = BOLT_ERR_SERVER};
	copy_string(ret_error->neo4j_code, sizeof(ret_error->neo4j_code), neo4j_code);
	copy_string(ret_error->gql_status, sizeof(ret_error->gql_status), gql_status);
	copy_string(ret_error->message, sizeof(ret_error->message), message);
	ret_error->retriable = bolt_neo4j_code_is_transient(ret_error->neo4j_code);
}

void bolt__error_prefix(struct bolt_error *error, const char *format, ...)
{
	char text[sizeof(error->message)];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size < 0 || (size_t)size + 3 > sizeof(text))
		return;
	snprintf(text + size, sizeof(text) - (size_t)size, ": %.*s", (int)(sizeof(text) - (size_t)size - 3), error->message);
	memcpy(error->message, text, sizeof(text));
}

bool bolt__error_is_security(const struct bolt_error *error)
{
	return !strncmp(error->neo4j_code, "Neo.ClientError.Security.", 25);
}
