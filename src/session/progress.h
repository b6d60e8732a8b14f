/*
 * session/progress: how far a long piece of work is: a bar on a terminal, else a log line every few seconds.
 */
#ifndef PGWEAVE_SESSION_PROGRESS_H
#define PGWEAVE_SESSION_PROGRESS_H

#include "log/log.h"

#include <stdint.h>

struct progress {
	const struct log *log;
	const char *what;
	bool terminal;
	uint64_t done;  /* rows */
	uint64_t total; /* an estimate; 0 when there is none */
	uint64_t started_ms;
	uint64_t shown_ms;
};

void progress_init(struct progress *progress, const struct log *log, const char *what, bool terminal);
/* Shows it when that is due; last: in any case, and ends the bar. */
void progress_show(struct progress *progress, bool last);

#endif
