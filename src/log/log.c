#include "log/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define LOG_LINE_MAX 4096

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void log__time(char *text, size_t size)
{
	struct timeval now;
	struct tm utc;
	size_t used;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + used, size - used, ".%03dZ", (int)(now.tv_usec / 1000));
}

static void log__json(const struct log *log, enum log_level level, const char *time, const char *line)
{
	json_t *event = json_pack("{s:s, s:s, s:s*, s:s%}", "time", time, "level", level_names[level], "pipeline",
	                          log->pipeline, "message", line, strlen(line));
	char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;

	if (text)
		fprintf(stderr, "%s\n", text);
	free(text);
	json_decref(event);
}

void log_event(const struct log *log, enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX], time[40];
	va_list args;

	if (level < log->level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log__time(time, sizeof(time));
	if (log->json) {
		log__json(log, level, time, line);
		return;
	}
	fprintf(stderr, "%s %-5s %s%s%s\n", time, level_names[level], log->pipeline ? log->pipeline : "",
	        log->pipeline ? ": " : "", line);
}

void log_failure(const struct log *log, enum log_level level, const char *what, const struct error *error)
{
	log_event(log, level, "%s: %s%s%s%s%s%s", what, error->text, error->origin[0] ? " (" : "", error->origin,
	          error->origin[0] ? ")" : "", error->hint[0] ? ". " : "", error->hint);
}
