"""Tables that are altered while a history goes on: columns come, go, get other names and other types.

{do: alter, table, what: add | drop | rename | retype, column, ...}. What the mapping names stays, so that only what it says of columns
that nobody names has to be followed; docs/operations.md has what becomes of the others. The statements behind are made to fit.
"""
import copy

from . import names
from .column_types import TYPES
from .history import nested_lists
from .schema import IDENTITY, qualified, quote

_ADDED = {"bigint": "7", "text": "it's new", "boolean": "true", "date": "2024-02-29", "numeric": "1.50", "text list": "{a,\"b c\"}"}
_RETYPED = {"smallint": "integer", "integer": "bigint", "real": "double", "numeric scale": "numeric", "numeric whole": "numeric", "varchar": "text",
            "char": "text", "uuid": "text", "enum": "text", "date": "text", "json": "jsonb"}


def add_alterations(rng, case):
    """Puts a few into the history, each at any time after the first start."""
    tables, steps = copy.deepcopy(case["tables"]), case["history"]["steps"]
    places = sorted(rng.choices(range(1, len(steps) + 1), k=rng.choice([1, 2, 2, 3])))
    for number, place in enumerate(places):
        step = _alteration(rng, case["mapping"], rng.choice(tables))
        for list_ in nested_lists([steps[place + number:]]):
            _fit(list_, step)
        steps.insert(place + number, step)
        alter(tables, step)


def _alteration(rng, mapping, table):
    free = _free_columns(mapping, table)
    ways = ["add"] + ["drop", "rename"] * bool(free) + ["retype"] * any(column["type"] in _RETYPED for column in free)
    step = {"do": "alter", "table": table["id"], "what": rng.choice(ways)}
    taken = {column["name"] for column in table["columns"]}
    if step["what"] == "add":
        type = rng.choice(list(_ADDED))
        return {**step, "column": names.some(rng, names.COLUMNS, taken), "type": type, "default": rng.choice([None, _ADDED[type]])}
    if step["what"] == "retype":
        column = rng.choice([column for column in free if column["type"] in _RETYPED])
        return {**step, "column": column["name"], "type": _RETYPED[column["type"]]}
    step["column"] = rng.choice(free)["name"]
    return {**step, "to": names.some(rng, names.COLUMNS, taken)} if step["what"] == "rename" else step


def _free_columns(mapping, table):
    """Those that neither the database nor the mapping needs under their names."""
    needed = {IDENTITY, *table["key"], *table["primary_key"], *table.get("unique", [])}
    needed |= {column for reference in table["references"] for column in reference["columns"]}
    if mapping["options"].get("tenant"):
        needed.add(mapping["options"]["tenant"]["column"])
    for part in mapping["nodes"] + mapping["relationships"]:
        if part["table"] == table["id"]:
            needed |= set(_named(part))
    return [column for column in table["columns"]
            if column["name"] not in needed and not column.get("generated") and TYPES[column["type"]].kind]


def _named(part):
    yield from part["except"]
    yield from (one["column"] for one in part["properties"] or [] if one["column"])
    yield from (column for end in (part.get("from"), part.get("to")) if isinstance(end, list) for column in end[1])
    yield from (made["column"] for made in part.get("prefixes") or [])
    for one in (part, *part.get("relationships", [])):
        yield from one.get("columns", [])
        yield from (one.get("where") or {"columns": []})["columns"]
        choosers = one.get("choose") or []
        yield from (chooser["column"] for chooser in ([choosers] if isinstance(choosers, dict) else choosers))


def _fit(list_, step):
    """The statements of one list, to the table as it is behind the step."""
    for item in list_:
        if item.get("table") == step["table"]:
            if step["what"] == "rename":
                _rename(item, step["column"], step["to"])
            elif step["what"] == "drop":
                drop_from_statement(item, [step["column"]])
    list_[:] = [item for item in list_ if item.get("set") != {}]


def _rename(statement, old, new):
    if "columns" in statement:
        statement["columns"] = [new if name == old else name for name in statement["columns"]]
    if "set" in statement:
        statement["set"] = {new if name == old else name: value for name, value in statement["set"].items()}


def drop_from_statement(statement, columns):
    if "columns" in statement:
        kept = [number for number, name in enumerate(statement["columns"]) if name not in columns]
        statement["columns"] = [statement["columns"][number] for number in kept]
        statement["rows"] = [[row[number] for number in kept] for row in statement["rows"]]
    if "set" in statement:
        statement["set"] = {name: value for name, value in statement["set"].items() if name not in columns}


def alter(tables, step):
    """The statement that does it; `tables` are as they are then."""
    table = next(table for table in tables if table["id"] == step["table"])
    column = next((column for column in table["columns"] if column["name"] == step["column"]), None)
    start = f"ALTER TABLE {qualified(table)}"
    if step["what"] == "add":
        table["columns"].append({"name": step["column"], "type": step["type"]})
        default = "" if step["default"] is None else " DEFAULT '" + step["default"].replace("'", "''") + "'"
        return f"{start} ADD COLUMN {quote(step['column'])} {TYPES[step['type']].sql}{default}"
    if step["what"] == "drop":
        table["columns"].remove(column)
        return f"{start} DROP COLUMN {quote(step['column'])}"
    if step["what"] == "rename":
        column["name"] = step["to"]
        return f"{start} RENAME COLUMN {quote(step['column'])} TO {quote(step['to'])}"
    column["type"] = step["type"]
    return f"{start} ALTER COLUMN {quote(step['column'])} TYPE {TYPES[step['type']].sql}"
