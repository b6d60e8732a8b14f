#include "base/error.h"

#include <stdio.h>
#include <string.h>

static int error__vset(struct error *error, enum error_code code, enum error_class class, const char *format, va_list args)
{
	if (!error)
		return code;
	error->code = code;
	error->class = class;
	error->origin[0] = '\0';
	error->hint[0] = '\0';
	vsnprintf(error->text, sizeof(error->text), format, args);
	return code;
}

int error_set(struct error *error, enum error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error__vset(error, code, ERROR_FATAL, format, args);
	va_end(args);
	return code;
}

int error_set_class(struct error *error, enum error_code code, enum error_class class, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error__vset(error, code, class, format, args);
	va_end(args);
	return code;
}

void error_hint(struct error *error, const char *format, ...)
{
	va_list args;

	if (!error)
		return;
	va_start(args, format);
	vsnprintf(error->hint, sizeof(error->hint), format, args);
	va_end(args);
}

void error_prefix(struct error *error, const char *format, ...)
{
	char prefix[sizeof(error->text)];
	size_t size;
	va_list args;

	if (!error)
		return;
	va_start(args, format);
	vsnprintf(prefix, sizeof(prefix) - 2, format, args);
	va_end(args);
	size = strlen(prefix);
	prefix[size++] = ':';
	prefix[size++] = ' ';
	/* what no longer fits at the end is cut */
	memmove(error->text + size, error->text, sizeof(error->text) - size);
	memcpy(error->text, prefix, size);
	error->text[sizeof(error->text) - 1] = '\0';
}

static const struct {
	enum error_code code;
	const char *name;
	const char *what;
	int exit_code;
} codes[] = {
#define X(name, value, what, exit_code) {ERR_##name, #name, what, exit_code},
        ERROR_CODES(X)
#undef X
};

#define EXIT_UNKNOWN 70

const char *error_code_name(enum error_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "UNKNOWN";
}

const char *error_code_what(enum error_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == code)
			return codes[i].what;
	return "unknown error";
}

int error_code_exit(enum error_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == code)
			return codes[i].exit_code;
	return EXIT_UNKNOWN;
}
