#include "change/value_room.h"

#include <string.h>

/*
 * What PostgreSQL prints with DateStyle ISO:
 *
 *   date         YYYY-MM-DD[ BC]                    years have four digits or more; 0001 BC is the year 0
 *   time         HH:MM:SS[.ffffff]                  24:00:00 is the end of the day
 *   timetz       time (+|-)HH[:MM[:SS]]
 *   timestamp    date' 'time[ BC]
 *   timestamptz  date' 'time(+|-)HH[:MM[:SS]][ BC]
 *   all with a date: infinity, -infinity
 */
struct scan {
	const char *at;
	const char *end;
	bool failed;
};

struct civil {
	int64_t year;
	uint32_t month;
	uint32_t day;
	int64_t nanos; /* of the day; a whole day for 24:00:00 */
	int32_t offset_s;
};

#define YEAR_DIGITS_MAX 9
#define NANOS_PER_DAY ((int64_t)VALUE_S_PER_DAY * VALUE_NANOS_PER_S)
#define OFFSET_S_MAX (18 * 3600) /* Neo4j's */

/* Algorithms of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years, years from March. */
int64_t value__days_of_civil(int64_t year, uint32_t month, uint32_t day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

void value__civil_of_days(int64_t days, int64_t *ret_year, uint32_t *ret_month, uint32_t *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;

	*ret_day = (uint32_t)(day_of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (uint32_t)(month < 10 ? month + 3 : month - 9);
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static uint32_t scan_two(struct scan *scan)
{
	uint32_t tens, ones;

	if (scan->end - scan->at < 2) {
		scan->failed = true;
		return 0;
	}
	tens = (uint32_t)(uint8_t)scan->at[0] - '0';
	ones = (uint32_t)(uint8_t)scan->at[1] - '0';
	if (tens > 9 || ones > 9)
		scan->failed = true;
	scan->at += 2;
	return tens * 10 + ones;
}

static bool scan_is(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void scan_expect(struct scan *scan, char c)
{
	if (!scan_is(scan, c))
		scan->failed = true;
}

/* Called with a month that is one. */
static uint32_t days_in_month(int64_t year, uint32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static void scan_date(struct scan *scan, struct civil *civil)
{
	int digits = 0;

	civil->year = 0;
	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && digits < YEAR_DIGITS_MAX; digits++)
		civil->year = civil->year * 10 + (*scan->at++ - '0');
	if (digits < 4)
		scan->failed = true;
	scan_expect(scan, '-');
	civil->month = scan_two(scan);
	scan_expect(scan, '-');
	civil->day = scan_two(scan);
	if (civil->month < 1 || civil->month > 12 || civil->day < 1)
		scan->failed = true;
}

static int64_t scan_fraction(struct scan *scan)
{
	int64_t nanos = 0;
	int64_t weight = VALUE_NANOS_PER_S / 10;

	if (!scan_is(scan, '.'))
		return 0;
	if (scan->at == scan->end)
		scan->failed = true;
	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; weight /= 10) {
		nanos += weight * (*scan->at++ - '0');
		if (!weight)
			scan->failed = true;
	}
	return nanos;
}

static void scan_time(struct scan *scan, struct civil *civil)
{
	uint32_t hours, minutes, seconds;

	hours = scan_two(scan);
	scan_expect(scan, ':');
	minutes = scan_two(scan);
	scan_expect(scan, ':');
	seconds = scan_two(scan);
	civil->nanos = (int64_t)(hours * 3600 + minutes * 60 + seconds) * VALUE_NANOS_PER_S + scan_fraction(scan);
	if (hours > 24 || minutes > 59 || seconds > 59 || civil->nanos > NANOS_PER_DAY)
		scan->failed = true;
}

static void scan_offset(struct scan *scan, struct civil *civil)
{
	bool minus = scan_is(scan, '-');
	uint32_t offset_s;

	if (!minus)
		scan_expect(scan, '+');
	offset_s = scan_two(scan) * 3600;
	if (scan_is(scan, ':'))
		offset_s += scan_two(scan) * 60;
	if (scan_is(scan, ':'))
		offset_s += scan_two(scan);
	if (offset_s > OFFSET_S_MAX)
		scan->failed = true;
	civil->offset_s = minus ? -(int32_t)offset_s : (int32_t)offset_s;
}

static void scan_era(struct scan *scan, struct civil *civil)
{
	if (scan->end - scan->at == 3 && memcmp(scan->at, " BC", 3) == 0) {
		scan->at += 3;
		civil->year = 1 - civil->year;
	}
}

/* 24:00:00 becomes the last nanosecond: Neo4j's day has no end of its own. Only for times without a date. */
static int64_t time_of_day(const struct civil *civil)
{
	return civil->nanos == NANOS_PER_DAY ? NANOS_PER_DAY - 1 : civil->nanos;
}

static bool read_infinity(enum type_kind kind, const char *text, size_t size, struct value *ret_value)
{
	bool plus = size == 8 && memcmp(text, "infinity", 8) == 0;
	bool minus = size == 9 && memcmp(text, "-infinity", 9) == 0;

	if (!plus && !minus)
		return false;
	if (kind == TYPE_DATE) {
		*ret_value = (struct value){.kind = VALUE_DATE, .integer = plus ? VALUE_DAYS_MAX : VALUE_DAYS_MIN};
		return true;
	}
	ret_value->kind = kind == TYPE_TIMESTAMP ? VALUE_LOCAL_DATETIME : VALUE_DATETIME;
	if (plus) {
		ret_value->integer = VALUE_DAYS_MAX * VALUE_S_PER_DAY + VALUE_S_PER_DAY - 1;
		ret_value->nanos = VALUE_NANOS_PER_S - 1;
	} else {
		ret_value->integer = VALUE_DAYS_MIN * VALUE_S_PER_DAY;
	}
	return true;
}

static void civil_to_seconds(const struct civil *civil, struct value *ret_value)
{
	int64_t days = value__days_of_civil(civil->year, civil->month, civil->day);

	ret_value->integer = days * VALUE_S_PER_DAY + civil->nanos / VALUE_NANOS_PER_S - civil->offset_s;
	ret_value->nanos = (int32_t)(civil->nanos % VALUE_NANOS_PER_S);
}

static void scan_kind(struct scan *scan, enum type_kind kind, struct value *ret_value)
{
	bool dated = kind != TYPE_TIME && kind != TYPE_TIMETZ;
	struct civil civil = {0};

	if (dated)
		scan_date(scan, &civil);
	if (dated && kind != TYPE_DATE)
		scan_expect(scan, ' ');
	if (kind != TYPE_DATE)
		scan_time(scan, &civil);
	if (kind == TYPE_TIMETZ || kind == TYPE_TIMESTAMPTZ)
		scan_offset(scan, &civil);
	if (dated)
		scan_era(scan, &civil);
	if (scan->failed)
		return;
	if (dated && civil.day > days_in_month(civil.year, civil.month)) {
		scan->failed = true;
		return;
	}
	switch (kind) {
	case TYPE_DATE:
		ret_value->kind = VALUE_DATE;
		ret_value->integer = value__days_of_civil(civil.year, civil.month, civil.day);
		break;
	case TYPE_TIME:
	case TYPE_TIMETZ:
		ret_value->kind = kind == TYPE_TIME ? VALUE_LOCAL_TIME : VALUE_TIME;
		ret_value->integer = time_of_day(&civil);
		ret_value->offset_s = civil.offset_s;
		break;
	default:
		ret_value->kind = kind == TYPE_TIMESTAMP ? VALUE_LOCAL_DATETIME : VALUE_DATETIME;
		civil_to_seconds(&civil, ret_value);
		break;
	}
}

int value__read_time(const struct type *type, const char *text, size_t size, struct value *ret_value, struct error *error)
{
	struct scan scan = {.at = text, .end = text + size};

	*ret_value = (struct value){0};
	if (type->kind != TYPE_TIME && type->kind != TYPE_TIMETZ && read_infinity(type->kind, text, size, ret_value))
		return 0;
	scan_kind(&scan, type->kind, ret_value);
	if (scan.failed || scan.at != scan.end)
		return value__refuse(type, text, size, error);
	return 0;
}
