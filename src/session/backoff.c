#include "session/backoff.h"

#include <sys/random.h>

uint64_t backoff_next(struct backoff *backoff)
{
	uint64_t ms = BACKOFF_MAX_MS;
	uint32_t random = 0;

	if (backoff->attempt < 8)
		ms = (uint64_t)BACKOFF_FIRST_MS << backoff->attempt;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	backoff->attempt++;
	/* without randomness it is still a backoff */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = 0;
	return ms / 2 + random % (ms / 2 + 1);
}
