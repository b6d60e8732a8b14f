#include "session/progress.h"

#include <stdio.h>
#include <time.h>

#define BAR_WIDTH 40
#define BAR_INTERVAL_MS 100
#define LINE_INTERVAL_MS 2000

static uint64_t progress__now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_init(struct progress *progress, const struct log *log, const char *what, bool terminal)
{
	*progress = (struct progress){.log = log, .what = what, .terminal = terminal};
	progress->started_ms = progress__now_ms();
	progress->shown_ms = progress->started_ms;
}

static void progress__bar(const struct progress *progress, unsigned percent, uint64_t rate, bool last)
{
	char bar[BAR_WIDTH + 1];
	unsigned filled = percent * BAR_WIDTH / 100;

	for (unsigned i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3u%% %llu rows, %llu/s %s", progress->what, bar, percent,
	        (unsigned long long)progress->done, (unsigned long long)rate, last ? "\n" : "");
	fflush(stderr);
}

void progress_show(struct progress *progress, bool last)
{
	uint64_t now = progress__now_ms(), elapsed = now - progress->started_ms;
	uint64_t rate = progress->done * 1000 / (elapsed ? elapsed : 1);
	unsigned percent = 0;

	if (!last && now - progress->shown_ms < (progress->terminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS))
		return;
	progress->shown_ms = now;
	/* the total is the planner's estimate, so it may be passed before the end */
	if (progress->total)
		percent = progress->done >= progress->total ? 99 : (unsigned)(progress->done * 100 / progress->total);
	if (last)
		percent = 100;
	if (progress->terminal)
		progress__bar(progress, percent, rate, last);
	else
		log_event(progress->log, LOG_INFO, "%s: %llu rows, %u%%, %llu rows/s", progress->what,
		          (unsigned long long)progress->done, percent, (unsigned long long)rate);
}
