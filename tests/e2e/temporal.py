"""Dates and times as texts, of PostgreSQL or of Neo4j, read to the nanosecond and over every year."""
import re

NANOS_PER_S = 10**9
DAY_NANOS = 86_400 * NANOS_PER_S
YEAR_MAX = 999_999_999

DATE = r"(?P<year>[+-]?\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)"
TIME = r"(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?"
OFFSET = r"(?P<offset>Z|[+-]\d\d(:\d\d){0,2})"
PATTERNS = {
    "DATE": re.compile(DATE),
    "LOCAL TIME": re.compile(TIME),
    "ZONED TIME": re.compile(TIME + OFFSET),
    "LOCAL DATETIME": re.compile(f"{DATE}[T ]{TIME}"),
    "ZONED DATETIME": re.compile(f"{DATE}[T ]{TIME}{OFFSET}"),
}
INFINITE = {
    "DATE": ((YEAR_MAX, 12, 31), (-YEAR_MAX, 1, 1)),
    "LOCAL DATETIME": ((YEAR_MAX, 12, 31, DAY_NANOS - 1), (-YEAR_MAX, 1, 1, 0)),
    "ZONED DATETIME": ((YEAR_MAX, 12, 31, DAY_NANOS - 1, 0), (-YEAR_MAX, 1, 1, 0, 0)),
}


def read_temporal(kind, text):
    """(year, month, day) and (nanosecond of the day) and (offset in seconds), as far as the kind has them."""
    match = PATTERNS[kind].fullmatch(text)
    assert match, f"{text!r} is no {kind}"
    parts = match.groupdict()
    value = ()
    if "year" in parts:
        value += (int(parts["year"]), int(parts["month"]), int(parts["day"]))
    if "hour" in parts:
        seconds = int(parts["hour"]) * 3600 + int(parts["minute"]) * 60 + int(parts["second"] or 0)
        value += (seconds * NANOS_PER_S + int((parts["fraction"] or "").ljust(9, "0")),)
    if "offset" in parts:
        value += (_offset(parts["offset"]),)
    return value


def _offset(text):
    if text == "Z":
        return 0
    hours, minutes, seconds = [int(part) for part in (text[1:] + ":00:00").split(":")[:3]]
    return (-1 if text[0] == "-" else 1) * (hours * 3600 + minutes * 60 + seconds)
