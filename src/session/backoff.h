/*
 * session/backoff: how long to wait before the next try: exponential, with jitter, for ever.
 */
#ifndef PGWEAVE_SESSION_BACKOFF_H
#define PGWEAVE_SESSION_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 15000

struct backoff {
	uint32_t attempt; /* tries so far; set it to 0 after a success */
};

/* Milliseconds: between half and all of FIRST * 2^attempt, at most MAX; so that many clients do not come back at once. */
uint64_t backoff_next(struct backoff *backoff);

#endif
