"""What a column can be: its SQL type, edge values, and what docs/mapping.md says that becomes of a value in the graph.

A graph value is (its Neo4j type, something comparable), e.g. ("INTEGER", 7), so that 1, 1.0 and true stay three things.
"""
import dataclasses
import re
import struct

from temporal import DAY_NANOS, INFINITE, PATTERNS, read_temporal

DEFINITIONS = """
    CREATE TYPE "Mood's" AS ENUM ('happy', 'it''s "so" so', 'größe');
    CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
    CREATE DOMAIN "e mail" AS text CHECK (VALUE LIKE '%@%');
    CREATE DOMAIN emails AS "e mail"[];
"""


@dataclasses.dataclass(frozen=True)
class ColumnType:
    """`kind` is the Neo4j type, or None for what cannot be carried. `keys` are values for a key, if it can be one."""
    sql: str
    kind: str
    values: tuple
    keys: tuple = ()
    is_list: bool = False
    # numeric only: what `as:` may say for its values
    ways: tuple = ()


def _lists(sql, kind, *values):
    return ColumnType(sql, kind, values, is_list=True)


_INTS = ("1", "2", "3", "4", "5", "6", "7", "8", "0", "-1")
_TEXTS = ("a", "b", "c", "d e", "", "größe", "it's", 'q"q', "\\N", "`x`", "\\u0060", "NULL")
_DATES = ("2024-02-29", "1970-01-01", "0001-12-31 BC", "9999-12-31", "10000-01-01", "infinity", "-infinity", "2000-01-01")
_TIMESTAMPS = ("2024-02-29 12:34:56.789012", "0044-03-15 12:00:00 BC", "1969-12-31 23:59:59.999999", "infinity", "-infinity",
               "2000-01-01 00:00:00", "294276-12-31 23:59:59.999999")
_ZONED = ("2024-02-29 12:34:56.789012+02", "0044-03-15 12:00:00+00 BC", "1969-12-31 23:59:59.999999+00", "infinity",
          "-infinity", "2000-01-01 00:00:00-11", "294276-12-31 23:59:59.999999+00")
_TIMES = ("00:00:00", "23:59:59.999999", "12:34:56.7", "24:00:00", "01:00:00", "02:00:00")
_ZONED_TIMES = ("00:00:00+00", "12:34:56.789+05:45", "23:59:59.999999-15:59", "24:00:00+01", "01:00:00+00:00:30",
                "11:00:00-01")
_UUIDS = ("00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
          "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222",
          "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444")
_BYTES = ("", "\\x00ff10", "\\x00", "\\x5c", "\\xdeadbeef", "\\x61")
_DOCUMENTS = ('{"b": {"c": " Größe, b ", "d": ["  x", 1], "x.y": false}, "l": ["a b", "B,c"], "n": [1, 2], "f": [1, 2.50], "t": true, "z": null}',
              '{"b": "Straße,b", "l": [true, false], "n": [], "f": ["u"], "t": -1.25}')
_MOODS = ("happy", 'it\'s "so" so', "größe")

TYPES = {
    "boolean": ColumnType("boolean", "BOOLEAN", ("true", "false"), ("true", "false")),
    "smallint": ColumnType("smallint", "INTEGER", ("0", "-32768", "32767"), (*_INTS, "-32768", "32767")),
    "integer": ColumnType("integer", "INTEGER", ("0", "-2147483648", "2147483647"), (*_INTS, "-2147483648", "2147483647")),
    "bigint": ColumnType("bigint", "INTEGER", ("0", "-9223372036854775808", "9223372036854775807"),
                         (*_INTS, "-9223372036854775808", "9223372036854775807")),
    "oid": ColumnType("oid", "INTEGER", ("0", "4294967295"), ("1", "2", "3", "4", "5", "4294967295")),
    "real": ColumnType("real", "FLOAT", ("1.1", "0", "-0", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity")),
    "double": ColumnType("double precision", "FLOAT",
                         ("0.1", "0", "-0", "1.7976931348623157e308", "5e-324", "NaN", "Infinity", "-Infinity")),
    "numeric": ColumnType("numeric", "STRING", ("0", "-0.000", "1.50", "123456789012345678901234567890.123456789", "1e-100",
                                                "NaN", "Infinity", "-Infinity"), ways=("text", "float")),
    "numeric scale": ColumnType("numeric(10,2)", "STRING", ("12345678.90", "-0.01", "NaN"),
                                ("1.00", "2.00", "3.50", "-4.25", "0", "12345678.90"), ways=("text", "float")),
    "numeric whole": ColumnType("numeric(19,0)", "STRING", ("0", "-9223372036854775808", "9223372036854775807"),
                                (*_INTS, "9223372036854775807"), ways=("text", "float", "integer")),
    "text": ColumnType("text", "STRING", (*_TEXTS, " ", "a\tb\nc\r\\d", "東京 🐘", "{}"), _TEXTS),
    "varchar": ColumnType("varchar(20)", "STRING", ("", "abc  "), _TEXTS),
    "char": ColumnType("char(5)", "STRING", ("ab", "abcde", ""), ("a", "b", "c", "abcde", "", "größe")),
    "name": ColumnType("name", "STRING", ("pg_class", ""), ("a", "b", "c", "d", "E f")),
    "single char": ColumnType('"char"', "STRING", ("x", "'"), ("a", "b", "c", "d", "'", '"')),
    "citext": ColumnType("extensions.citext", "STRING", ("Abc", "aBC", ""), ("a", "B", "c", "Größe", "")),
    "xml": ColumnType("xml", "STRING", ("<a b='c'>d</a>", "text &amp; more")),
    "uuid": ColumnType("uuid", "STRING", _UUIDS[:2], _UUIDS),
    "json": ColumnType("json", "STRING", (*_DOCUMENTS, '{"b": 1, "a": [1, 2.50, null],  "a": "\\u00e9"}', "null", '"x"')),
    "jsonb": ColumnType("jsonb", "STRING", (*_DOCUMENTS, '{"b": 1, "a": [1, 2.50, null]}', "null", "[]")),
    "enum": ColumnType('"Mood\'s"', "STRING", _MOODS, _MOODS),
    "bytea": ColumnType("bytea", "BYTES", (*_BYTES, "\\x" + "5c00" * 3000), _BYTES),
    "date": ColumnType("date", "DATE", (*_DATES, "4713-01-01 BC", "5874897-12-31"), _DATES),
    "time": ColumnType("time", "LOCAL TIME", _TIMES, _TIMES),
    "time zone": ColumnType("timetz", "ZONED TIME", _ZONED_TIMES, _ZONED_TIMES),
    "timestamp": ColumnType("timestamp", "LOCAL DATETIME", (*_TIMESTAMPS, "4713-01-01 00:00:00 BC"), _TIMESTAMPS),
    "timestamp zone": ColumnType("timestamptz", "ZONED DATETIME", _ZONED, _ZONED),
    "domain integer": ColumnType("percent", "INTEGER", ("0", "100"), ("0", "1", "2", "3", "4", "100")),
    "domain text": ColumnType('"e mail"', "STRING", ("a@b", "@"), ("a@b", "c@d", "@", "e@f", "ü@ö")),
    "boolean list": _lists("boolean[]", "BOOLEAN", "{}", "{t,f}"),
    "integer list": _lists("integer[]", "INTEGER", "{}", "{1,-2147483648,2147483647}", "[3:4]={7,8}"),
    "bigint list": _lists("bigint[]", "INTEGER", "{9223372036854775807}", "{}"),
    "double list": _lists("double precision[]", "FLOAT", "{0.1,NaN,-Infinity}", "{-0}"),
    "numeric list": _lists("numeric[]", "STRING", "{1.50,NaN,123456789012345678901234567890}"),
    "text list": _lists("text[]", "STRING", "{}", '{"",a,"b c","d,e","{f}","g\\"h","i\\\\j","null","NULL","grüße"}',
                        '{"line\nend"}'),
    "char list": _lists("char(3)[]", "STRING", "{a,abc}"),
    "uuid list": _lists("uuid[]", "STRING", "{00000000-0000-0000-0000-000000000000}"),
    "date list": _lists("date[]", "DATE", "{2024-02-29,0044-03-15 BC,infinity}"),
    "time list": _lists("time[]", "LOCAL TIME", "{12:34:56.7,24:00:00}"),
    "timestamp list": _lists("timestamp[]", "LOCAL DATETIME", "{2024-02-29 12:34:56.789012,-infinity}"),
    "timestamp zone list": _lists("timestamptz[]", "ZONED DATETIME", "{2024-02-29 12:34:56.789012+02}"),
    "enum list": _lists('"Mood\'s"[]', "STRING", "{happy}"),
    "jsonb list": _lists("jsonb[]", "STRING", '{"{\\"a\\": 1}","[]"}'),
    "domain list": _lists("emails", "STRING", "{a@b,c@d}"),
    # These cannot be carried, so a mapping has to leave them out.
    "interval": ColumnType("interval", None, ("1 day", "-3 months")),
    "point": ColumnType("point", None, ("(1,2)",)),
    "range": ColumnType("int4range", None, ("[1,5)", "empty")),
}
KEY_TYPES = [name for name, type in TYPES.items() if type.keys]
# What can be a node of its own, by the kind of value that it is for a label: all the columns that lead to one are of one kind.
VALUE_KINDS = {
    "boolean": "boolean", "smallint": "integer", "integer": "integer", "bigint": "integer", "oid": "integer", "domain integer": "integer",
    "numeric scale": "numeric", "numeric whole": "numeric", "text": "text", "varchar": "text", "char": "text", "name": "text",
    "single char": "text", "citext": "text", "uuid": "text", "enum": "text", "domain text": "text", "bytea": "bytea", "date": "date",
    "time": "time", "time zone": "time zone", "timestamp": "timestamp", "timestamp zone": "timestamp zone",
}
# Arrays whose elements can be keys or values, and the type that has such values.
ELEMENTS = {
    "boolean list": "boolean", "integer list": "integer", "bigint list": "bigint", "numeric list": "numeric scale", "text list": "text",
    "uuid list": "uuid", "date list": "date", "time list": "time", "timestamp list": "timestamp", "timestamp zone list": "timestamp zone",
    "enum list": "enum", "domain list": "domain text",
}
# Most keys are of these, in the world as here.
USUAL_KEY_TYPES = ["bigint", "integer", "text", "uuid"]
AS_KIND = {"text": "STRING", "float": "FLOAT", "integer": "INTEGER"}


def graph_value(type_name, text, way=None):
    """The value that the graph should have for PostgreSQL's text of it; None stays None."""
    if text is None:
        return None
    type = TYPES[type_name]
    if type.is_list:
        return "LIST", tuple(_scalar(type.kind, element) for element in _elements(text))
    return _scalar(AS_KIND[way] if way else type.kind, text)


def element_values(type_name, text):
    """Of an array: (value in the graph, place from 1) for each element that is not NULL."""
    return [(_scalar(TYPES[type_name].kind, element), place) for place, element in enumerate(_elements(text), 1) if element is not None]


def element_texts(text):
    return _elements(text)


def array_text(elements, rng):
    """Elements as an array, sometimes of two dimensions or with bounds of its own; None is a NULL."""
    quoted = ["NULL" if element is None else '"' + re.sub(r'(["\\])', r"\\\1", element) + '"' for element in elements]
    chance = rng.random()
    if quoted and chance < 0.1:
        return f"[0:{len(quoted) - 1}]={{{','.join(quoted)}}}"
    if len(quoted) % 2 == 0 and quoted and chance < 0.25:
        half = len(quoted) // 2
        return f"{{{{{','.join(quoted[:half])}}},{{{','.join(quoted[half:])}}}}}"
    return f"{{{','.join(quoted)}}}"


def _scalar(kind, text):
    if kind in INFINITE and text in ("infinity", "-infinity"):
        return kind, INFINITE[kind][text[0] == "-"]
    if kind in PATTERNS:
        return kind, _postgres_temporal(kind, text)
    return kind, READ[kind](text)


def number(value):
    """All bits count, but one NaN is as good as another, and a zero as another: Neo4j keeps the one that is there."""
    return "NaN" if value != value else struct.pack(">d", value + 0.0).hex()


READ = {
    "BOOLEAN": lambda text: text == "t",
    "INTEGER": int,
    "FLOAT": lambda text: number(float(text)),
    "STRING": str,
    "BYTES": lambda text: text.removeprefix("\\x"),
}


def _postgres_temporal(kind, text):
    value = read_temporal(kind, text.removesuffix(" BC"))
    if kind in ("LOCAL TIME", "ZONED TIME"):
        return (min(value[0], DAY_NANOS - 1), *value[1:])  # 24:00:00
    return (1 - value[0], *value[1:]) if text.endswith(" BC") else value


def _elements(text):
    """The elements of an array in PostgreSQL's notation, None where it is NULL, those of several dimensions one after the other."""
    text = re.sub(r"^(\[[^]]*\])+=", "", text)
    assert text[0] == "{" and text[-1] == "}", f"{text!r} is no array"
    quoted_or_bare = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)', text[1:-1], re.DOTALL)
    return [None if bare == "NULL" else bare if bare else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
            for quoted, bare in quoted_or_bare]
