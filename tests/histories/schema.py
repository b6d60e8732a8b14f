"""Random tables as plain data, and their DDL.

A table: {id, schema, name, role, columns, key, key_is, deferrable, replica_identity, references, partitions}. `key` are the columns
that the mapping will know a row by; `key_is` is "primary" or "index" (a unique index over NOT NULL columns). A column: {name, type,
not_null, external, generated, serial}. A reference leads to another table's key: {columns, to, declared, deferrable, on_delete,
on_update}, where `declared` is "valid", "not valid" or "no"; with `key`, to another unique key of it, its `unique`.
"""
from . import names
from .column_types import DEFINITIONS, KEY_TYPES, TYPES, USUAL_KEY_TYPES

SECOND_SCHEMA = "Second"
# Not mapped by itself: tells a row that was updated from one that was deleted and inserted again.
IDENTITY = "row"
# How often a primary key is (not deferrable, deferrable, deferred).
DEFERRABLE_KEYS = [17, 2, 1]
MANY_TYPES = [name for name, type in TYPES.items() if type.kind]
NOT_CARRIED = [name for name, type in TYPES.items() if not type.kind]


def random_schema(rng):
    tables, taken = [], set()
    for number in range(rng.randint(1, 6)):
        role = "node" if number == 0 else rng.choices(["node", "join", "plain"], [10, 8, 1])[0]
        tables.append(_table(rng, f"t{number}", role, names.some(rng, names.TABLES, taken)))
        _add_key(rng, tables[-1], tables[:-1])
        if role == "node" and rng.random() < 0.3:
            _add_other_key(rng, tables[-1])
    for table in tables:
        _add_references(rng, table, tables)
        _add_columns(rng, table)
        _add_partitions(rng, table)
        table["replica_identity"] = _replica_identity(rng, table)
    return tables


def _table(rng, id, role, name):
    return {"id": id, "schema": rng.choices(["public", SECOND_SCHEMA], [8, 2])[0], "name": name, "role": role,
            "columns": [], "references": [], "key": [], "key_is": "primary", "deferrable": None, "partitions": 0,
            "primary_key": []}


def _column(rng, table, type, **more):
    taken = {column["name"] for column in table["columns"]} | {IDENTITY}
    column = {"name": names.some(rng, names.COLUMNS, taken), "type": type, **more}
    table["columns"].append(column)
    return column["name"]


def _add_key(rng, table, earlier):
    parents = [parent for parent in earlier if parent["role"] == "node"]
    if table["role"] == "join":
        _add_ends(rng, table, parents)
    elif parents and rng.random() < 0.15:
        # A part of the key refers to another table, as in order lines.
        table["key"] = list(_add_reference(rng, table, rng.choice(parents), nullable=False)["columns"])
    if table["role"] != "join" or table["key"] == []:
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            type = rng.choice(USUAL_KEY_TYPES if rng.random() < 0.6 else KEY_TYPES)
            table["key"].append(_column(rng, table, type, not_null=True))
    table["key_is"] = rng.choices(["primary", "index"], [8, 2])[0]
    if table["key_is"] == "primary":
        table["primary_key"] = table["key"]
        table["deferrable"] = rng.choices([None, "IMMEDIATE", "DEFERRED"], DEFERRABLE_KEYS)[0]
    if table["key_is"] == "index" or rng.random() < 0.6:
        table["columns"].append({"name": IDENTITY, "type": "bigint", "not_null": True, "serial": True})
        if table["key_is"] == "index" and rng.random() < 0.7:
            table["primary_key"] = [IDENTITY]


def _add_other_key(rng, table):
    nullable = rng.random() < 0.5
    table["unique"] = [_column(rng, table, rng.choice(USUAL_KEY_TYPES), not_null=not nullable, small=True)
                       for _ in range(rng.choice([1, 1, 1, 2]))]


def _add_ends(rng, table, parents):
    by_ends = rng.random() < 0.5
    for _ in range(2):
        reference = _add_reference(rng, table, rng.choice(parents), nullable=not by_ends and rng.random() < 0.5)
        if by_ends:
            table["key"] += reference["columns"]


def _add_references(rng, table, tables):
    nodes = [other for other in tables if other["role"] == "node"]
    if table["role"] == "join":
        return
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        target = table if table["role"] == "node" and rng.random() < 0.25 else rng.choice(nodes)
        # The first row of a table that refers to itself or to a later one needs a NULL.
        nullable = target["id"] >= table["id"] or rng.random() < 0.8
        if target.get("unique") and rng.random() < 0.6:
            _add_other_reference(rng, table, target, nullable)
        else:
            _add_reference(rng, table, target, nullable)


def _add_reference(rng, table, target, nullable):
    columns = _referring_columns(rng, table, target, target["key"], nullable)
    declared = rng.choices(["valid", "not valid", "no"], [6, 1, 3])[0]
    deferrable = rng.choices([None, "IMMEDIATE", "DEFERRED"], [5, 1, 2])[0]
    if target["deferrable"]:
        declared = "no"  # PostgreSQL wants a unique key that is not deferrable
    reference = {"columns": columns, "to": target["id"], "declared": declared, "deferrable": deferrable,
                 "on_delete": _action(rng, nullable), "on_update": _action(rng, nullable)}
    table["references"].append(reference)
    return reference


def _add_other_reference(rng, table, target, nullable):
    """To what is not the key that tells the nodes apart: always of a kind that the mapping takes."""
    table["references"].append({
        "columns": _referring_columns(rng, table, target, target["unique"], nullable), "to": target["id"], "key": target["unique"],
        "declared": "valid", "deferrable": None, "on_delete": _action(rng, nullable), "on_update": _action(rng, nullable)})


def _referring_columns(rng, table, target, key, nullable):
    types = {column["name"]: column["type"] for column in target["columns"]}
    return [_column(rng, table, types[column], not_null=not nullable) for column in key]


def _action(rng, nullable):
    return rng.choice(["NO ACTION", "RESTRICT", "CASCADE", "CASCADE", "SET NULL" if nullable else "NO ACTION"])


def _add_columns(rng, table):
    for _ in range(rng.randint(0, 5 if table["role"] == "node" else 3)):
        chance = rng.random()
        if chance < 0.04:
            _column(rng, table, "text", generated=True)
        elif chance < 0.08:
            _column(rng, table, rng.choice(NOT_CARRIED))
        else:
            type = "text" if chance < 0.35 else rng.choice(MANY_TYPES)
            external = type == "text" and rng.random() < 0.4
            _column(rng, table, type, not_null=rng.random() < 0.1, external=external)


def _add_partitions(rng, table):
    # A partitioned table has no deferrable keys, every unique key has what it is partitioned by, and an index of its own takes no
    # replica identity from its root.
    if table["key_is"] == "primary" and not table["deferrable"] and not table.get("unique") and rng.random() < 0.15:
        table["partitions"] = rng.randint(2, 3)


def _replica_identity(rng, table):
    if table["deferrable"]:
        return "full"  # PostgreSQL takes no deferrable key for it
    if table["key_is"] == "index":
        return rng.choices(["index", "full"], [7, 3])[0]
    return rng.choices(["default", "full"], [8, 2])[0]


# DDL

def quote(name):
    return '"' + name.replace('"', '""') + '"'


def qualified(table):
    return quote(table["name"]) if table["schema"] == "public" else f"{quote(table['schema'])}.{quote(table['name'])}"


def ddl(tables):
    """The statements that make the tables, in order."""
    by_id = {table["id"]: table for table in tables}
    statements = [DEFINITIONS.strip(), f"CREATE SCHEMA {quote(SECOND_SCHEMA)}"]
    for table in tables:
        statements += _table_ddl(table)
    for table in tables:
        statements += [_reference_ddl(table, reference, by_id[reference["to"]]) for reference in table["references"]
                       if reference["declared"] != "no"]
    return statements


def _table_ddl(table):
    name, lines = qualified(table), [_column_ddl(table, column) for column in table["columns"]]
    if table["primary_key"]:
        deferrable = f" DEFERRABLE INITIALLY {table['deferrable']}" if table["deferrable"] else ""
        lines.append(f"PRIMARY KEY ({_list(table['primary_key'])}){deferrable}")
    if table.get("unique"):
        lines.append(f"UNIQUE ({_list(table['unique'])})")
    partitioned = f" PARTITION BY HASH ({quote(table['key'][0])})" if table["partitions"] else ""
    yield f"CREATE TABLE {name} (" + ", ".join(lines) + ")" + partitioned
    parts = [name]
    for number in range(table["partitions"]):
        part = dict(table, name=f"{table['name']} part {number}")
        parts.append(qualified(part))
        yield f"CREATE TABLE {parts[-1]} PARTITION OF {name} FOR VALUES WITH (MODULUS {table['partitions']}, REMAINDER {number})"
    for column in table["columns"]:
        if column.get("external"):
            yield f"ALTER TABLE {name} ALTER {quote(column['name'])} SET STORAGE EXTERNAL"
    index = f"{table['id']} key"
    if table["key_is"] == "index":
        yield f"CREATE UNIQUE INDEX {quote(index)} ON {name} ({_list(table['key'])})"
    if table["replica_identity"] == "full":
        yield from (f"ALTER TABLE {part} REPLICA IDENTITY FULL" for part in parts)
    elif table["replica_identity"] == "index":
        yield f"ALTER TABLE {name} REPLICA IDENTITY USING INDEX {quote(index)}"


def _column_ddl(table, column):
    type = TYPES[column["type"]].sql
    if column.get("serial"):
        type = "bigserial"
    if column.get("generated"):
        type += f" GENERATED ALWAYS AS (({quote(table['key'][0])} IS NULL)::text) STORED"
    return f"{quote(column['name'])} {type}" + (" NOT NULL" if column.get("not_null") else "")


def _reference_ddl(table, reference, target):
    text = (f"ALTER TABLE {qualified(table)} ADD FOREIGN KEY ({_list(reference['columns'])}) "
            f"REFERENCES {qualified(target)} ({_list(reference.get('key') or target['key'])}) "
            f"ON DELETE {reference['on_delete']} ON UPDATE {reference['on_update']}")
    if reference["deferrable"]:
        text += f" DEFERRABLE INITIALLY {reference['deferrable']}"
    # A partitioned table takes no NOT VALID.
    if reference["declared"] == "not valid" and not table["partitions"]:
        text += " NOT VALID"
    return text


def _list(columns):
    return ", ".join(quote(column) for column in columns)
