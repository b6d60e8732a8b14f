/*
 * base/error: one error per failed operation, owned by the caller.
 *
 * A function that can fail returns 0 or a negative enum error_code and, where it takes a `struct error *`, fills it with the
 * detail: what failed, on which object, why, and what mends it. The struct holds no pointers, so it is copied freely.
 * Nothing here logs or allocates.
 */
#ifndef PGWEAVE_BASE_ERROR_H
#define PGWEAVE_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define _must_check __attribute__((warn_unused_result))
#define _printf_like(format_at, first) __attribute__((format(printf, format_at, first)))

/* name, value, what it is, exit code of the program (documented in docs/operations.md) */
#define ERROR_CODES(X)                                                                                                         \
	X(OK, 0, "no error", 0)                                                                                                \
	X(NOMEM, -1, "out of memory", 70)                                                                                      \
	X(LIMIT, -2, "a configured or built-in maximum is exceeded", 70)                                                       \
	X(PROTOCOL, -3, "the peer broke its protocol", 76)                                                                     \
	X(IO, -4, "the connection failed", 69)                                                                                 \
	X(TIMEOUT, -5, "no answer in time", 69)                                                                                \
	X(AUTH, -6, "the server refused the login", 77)                                                                        \
	X(TLS, -7, "TLS failed", 69)                                                                                           \
	X(SERVER, -8, "the server refused the statement", 70)                                                                  \
	X(CONFIG, -9, "the mapping file is wrong", 78)                                                                         \
	X(CATALOG, -10, "the mapping does not fit the database", 65)                                                           \
	X(VALUE, -11, "a value cannot be carried over", 65)                                                                    \
	X(FENCED, -12, "another writer owns the pipeline", 75)                                                                 \
	X(STATE, -13, "the pipeline cannot go on as it stands", 74)                                                            \
	X(CANCELLED, -14, "cancelled", 70)                                                                                     \
	X(PERMISSION, -15, "a permission is missing", 77)                                                                      \
	X(SYSTEM, -16, "the operating system refused", 71)                                                                     \
	X(USAGE, -17, "the command line is wrong", 64)

enum error_code {
#define X(name, value, what, exit_code) ERR_##name = value,
	ERROR_CODES(X)
#undef X
};

/* What to do about it: try again, set the row aside, or stop. */
enum error_class {
	ERROR_FATAL,
	ERROR_RETRY,
	ERROR_POISON,
};

struct error {
	enum error_code code;
	enum error_class class;
	char origin[64]; /* the server's own code: an SQLSTATE or Neo.ClientError...; empty when it is ours */
	char text[4096]; /* what failed, on which object, why */
	char hint[512];  /* what mends it; empty when nothing does */
};

/* Sets code and text; class becomes FATAL, origin and hint empty. Returns code, so that `return error_set(...)` reads well. */
int error_set(struct error *error, enum error_code code, const char *format, ...) _printf_like(3, 4);
int error_set_class(struct error *error, enum error_code code, enum error_class class, const char *format, ...)
        _printf_like(4, 5);
/* Adds what to do. */
void error_hint(struct error *error, const char *format, ...) _printf_like(2, 3);
/* Puts "prefix: " before the text already there. */
void error_prefix(struct error *error, const char *format, ...) _printf_like(2, 3);

const char *error_code_name(enum error_code code);
const char *error_code_what(enum error_code code);
/* The program's exit status for this code; see docs/operations.md. */
int error_code_exit(enum error_code code);

#endif
