"""Computed properties: what docs/mapping.md says under that title of the steps between a column and its property.

How a property is carried is None, what `as` says, or a map of the steps: {path, as, trim, case, split, scale, epoch} or
{value, as}. Left out is what makes dead letters.
"""
import fractions
import json

from .column_types import TYPES, element_texts, graph_value, number
from temporal import DAY_NANOS

_WHOLE = ("smallint", "integer", "bigint", "domain integer")
_TEXTS = ("text", "varchar")
_BLANKS = " \t\r\n"
_UNITS = {"seconds": 1, "milliseconds": 1000, "microseconds": 1_000_000}
# Found by the values of column_types: texts, numbers, truth values, lists of each, objects, and nothing.
_PATHS = ("b.c", "l", "l.1", "n", "f", "f.0", "t", "z", "b.d.0", ["b", "x.y"])
_NUMBERS = ("numeric", "numeric scale", "numeric whole", *_WHOLE)
_CONSTANTS = ({"value": "crm"}, {"value": " Größe ' "}, {"value": "-7", "as": "integer"}, {"value": "1.5", "as": "float"})


def random_steps(rng, column):
    """None where the column has none."""
    type = column["type"]
    if type in ("json", "jsonb"):
        steps = {"path": rng.choice(_PATHS), **_text_steps(rng)}
        if rng.random() < 0.3:
            steps["as"] = "text"
        return steps
    if type in _TEXTS:
        return _text_steps(rng) or None
    if type == "text list":
        return {step: how for step, how in _text_steps(rng).items() if step != "split"} or None
    units = [unit for unit in _UNITS if type != "bigint" or unit != "seconds"]
    if type in _WHOLE and rng.random() < 0.4:
        return {"epoch": rng.choice(units)}
    return {"scale": rng.choice(["0.01", "3", "-2.5", "1000000.001"])} if type in _NUMBERS else None


def random_constant(rng):
    return dict(rng.choice(_CONSTANTS))


def _text_steps(rng):
    steps = {"trim": True} if rng.random() < 0.5 else {}
    if rng.random() < 0.5:
        steps["case"] = rng.choice(["lower", "upper"])
    if rng.random() < 0.3:
        steps["split"] = rng.choice([",", "b", "t'"])
    return steps


def computed(type_name, text, how):
    """The value that the graph should have."""
    if how is None or isinstance(how, str):
        return graph_value(type_name, text, how)
    if "value" in how:
        return _constant(how)
    if text is None:
        return None
    value = _at_path(json.loads(text, parse_float=_Decimal), how) if "path" in how else _plain(type_name, text, how)
    if value is None:
        return None
    return _steps(value, how)


def _constant(how):
    return {"integer": lambda text: ("INTEGER", int(text)), "float": lambda text: ("FLOAT", number(float(text))),
            None: lambda text: ("STRING", text)}[how.get("as")](how["value"])


def _plain(type_name, text, how):
    if "scale" in how:
        return "FLOAT", number(_times(text, how["scale"]))
    if "epoch" in how:
        return "ZONED DATETIME", _instant(int(text), _UNITS[how["epoch"]])
    if TYPES[type_name].is_list:
        return "LIST", tuple(("STRING", element) for element in element_texts(text))
    return "STRING", text


def _times(text, scale):
    """Rounded once: from the exact product."""
    if text in ("NaN", "Infinity", "-Infinity"):
        return float(text) * float(scale)
    return float(fractions.Fraction(text) * fractions.Fraction(scale))


def _instant(count, unit):
    seconds, fraction = divmod(count, unit)
    days, of_day = divmod(seconds, 86_400)
    return (*_civil(days), of_day * (DAY_NANOS // 86_400) + fraction * (10**9 // unit), 0)


def _civil(days):
    """Year, month and day of a day since 1970-01-01, for every year: the proleptic Gregorian calendar repeats after 146,097 days."""
    eras, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return (eras * 400 + year + (month >= 10), month + 3 if month < 10 else month - 9, day - (153 * month + 2) // 5 + 1)


class _Decimal(float):
    """A number with a fraction, with its text."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made


def _at_path(document, how):
    for step in how["path"] if isinstance(how["path"], list) else how["path"].split("."):
        if isinstance(document, list) and step.isdigit():
            document = document[int(step)] if int(step) < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    if isinstance(document, list):
        elements = [_scalar(element, how.get("as")) for element in document]
        if any(kind == "FLOAT" for kind, _ in elements):
            elements = [_as_float(element) for element in document]
        return "LIST", tuple(elements)
    return _scalar(document, how.get("as")) if document is not None else None


def _scalar(value, way):
    if way == "text" and not isinstance(value, str):
        return "STRING", json.dumps(value) if isinstance(value, bool) else getattr(value, "text", str(value))
    if isinstance(value, float):
        return "FLOAT", number(value)
    return {bool: "BOOLEAN", int: "INTEGER", str: "STRING"}[type(value)], value


def _as_float(value):
    return "FLOAT", number(float(value))


def _steps(value, how):
    kind, content = value
    if kind == "LIST":
        return "LIST", tuple(_steps(element, {**how, "split": None}) for element in content)
    if kind != "STRING":
        return value
    if how.get("trim"):
        content = content.strip(_BLANKS)
    if how.get("case"):
        content = content.lower() if how["case"] == "lower" else content.upper()
    if not how.get("split"):
        return "STRING", content
    parts = content.split(how["split"]) if content else []
    return "LIST", tuple(("STRING", part.strip(_BLANKS) if how.get("trim") else part) for part in parts)
