#include "change/value_room.h"

/*
 * What PostgreSQL prints with IntervalStyle iso_8601; every number may have its own sign:
 *
 *   interval = 'P' [ int 'Y' ] [ int 'M' ] [ int 'D' ] [ 'T' [ int 'H' ] [ int 'M' ] [ int [ '.' digits ] 'S' ] ]
 *            | infinity | -infinity             from PostgreSQL 17 on: refused, a DURATION has no such value
 */
struct interval_scan {
	const char *at;
	const char *end;
	bool failed;
};

/* One number and its unit. */
struct interval_part {
	int64_t whole;
	int64_t nanos; /* of the fraction, with the sign of the number */
	char unit;
};

#define DIGITS_MAX 18
#define MONTHS_PER_YEAR 12
#define S_PER_HOUR 3600
#define S_PER_MINUTE 60

static int64_t scan_digits(struct interval_scan *scan, int digits_max, int *ret_digits)
{
	int64_t sum = 0;
	int digits = 0;

	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && digits < digits_max; digits++)
		sum = sum * 10 + (*scan->at++ - '0');
	*ret_digits = digits;
	return sum;
}

static struct interval_part scan_part(struct interval_scan *scan)
{
	struct interval_part part = {0};
	bool minus = scan->at < scan->end && *scan->at == '-';
	int digits;

	scan->at += minus;
	part.whole = scan_digits(scan, DIGITS_MAX, &digits);
	scan->failed |= !digits;
	if (scan->at < scan->end && *scan->at == '.') {
		scan->at++;
		part.nanos = scan_digits(scan, 9, &digits);
		scan->failed |= !digits;
		for (; digits < 9; digits++)
			part.nanos *= 10;
	}
	if (scan->at == scan->end)
		scan->failed = true;
	else
		part.unit = *scan->at++;
	if (minus) {
		part.whole = -part.whole;
		part.nanos = -part.nanos;
	}
	return part;
}

/* sum += whole * factor */
static void scan_add(struct interval_scan *scan, int64_t *sum, int64_t whole, int64_t factor)
{
	int64_t product;

	if (__builtin_mul_overflow(whole, factor, &product) || __builtin_add_overflow(*sum, product, sum))
		scan->failed = true;
}

static void scan_date_part(struct interval_scan *scan, const struct interval_part *part, struct value_duration *duration)
{
	scan->failed |= part->nanos != 0;
	if (part->unit == 'Y')
		scan_add(scan, &duration->months, part->whole, MONTHS_PER_YEAR);
	else if (part->unit == 'M')
		scan_add(scan, &duration->months, part->whole, 1);
	else if (part->unit == 'D')
		scan_add(scan, &duration->days, part->whole, 1);
	else
		scan->failed = true;
}

static void scan_time_part(struct interval_scan *scan, const struct interval_part *part, struct value_duration *duration,
                           int64_t *nanos)
{
	scan->failed |= part->nanos != 0 && part->unit != 'S';
	if (part->unit == 'H')
		scan_add(scan, &duration->seconds, part->whole, S_PER_HOUR);
	else if (part->unit == 'M')
		scan_add(scan, &duration->seconds, part->whole, S_PER_MINUTE);
	else if (part->unit == 'S')
		scan_add(scan, &duration->seconds, part->whole, 1);
	else
		scan->failed = true;
	*nanos += part->nanos;
}

static void scan_interval(struct interval_scan *scan, struct value_duration *duration)
{
	bool time = false;
	int64_t nanos = 0;

	if (scan->at == scan->end || *scan->at++ != 'P')
		scan->failed = true;
	while (!scan->failed && scan->at < scan->end) {
		struct interval_part part;

		if (!time && *scan->at == 'T') {
			time = true;
			scan->at++;
		}
		part = scan_part(scan);
		if (time)
			scan_time_part(scan, &part, duration, &nanos);
		else
			scan_date_part(scan, &part, duration);
		/* a fraction comes once, so the sum stays within +-1 s */
		scan->failed |= nanos <= -VALUE_NANOS_PER_S || nanos >= VALUE_NANOS_PER_S;
	}
	if (nanos < 0) {
		nanos += VALUE_NANOS_PER_S;
		scan_add(scan, &duration->seconds, -1, 1);
	}
	duration->nanos = (int32_t)nanos;
}

int value__read_interval(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                         struct error *error)
{
	struct interval_scan scan = {.at = text, .end = text + size, .failed = size < 2};
	struct value_duration *duration = arena_calloc(arena, 1, sizeof(*duration));

	if (!duration)
		return error_set(error, ERR_NOMEM, "no memory for a duration");
	scan_interval(&scan, duration);
	if (scan.failed)
		return value__refuse(type, text, size, error);
	*ret_value = (struct value){.kind = VALUE_DURATION, .duration = duration};
	return 0;
}
