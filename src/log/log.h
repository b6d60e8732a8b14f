/*
 * log: one line an event, to standard error: time, level, pipeline, text.
 *
 * The core rooms never log (architecture.md); sync/ and cli/ do. Passwords must not be passed in; URLs are printed without them
 * by postgres_address and bolt_connection_address.
 */
#ifndef PGWEAVE_LOG_LOG_H
#define PGWEAVE_LOG_LOG_H

#include "base/error.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};

struct log {
	enum log_level level; /* nothing below it is written */
	const char *pipeline; /* prefix; NULL for none */
	bool json;            /* one JSON object a line */
};

void log_event(const struct log *log, enum log_level level, const char *format, ...) _printf_like(3, 4);
/* "what: text (origin). hint" */
void log_failure(const struct log *log, enum log_level level, const char *what, const struct error *error);

#endif
