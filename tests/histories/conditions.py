"""Random row conditions, as {sql, columns}: what docs/mapping.md has under "Which rows". PostgreSQL says for the model what they mean."""
from .column_types import TYPES
from .schema import quote
from .statements import literal

# By type: the values of a history that can stand in a condition as they are.
EQUAL = {"boolean": ("true", "false"), "smallint": ("0", "1", "2", "-1"), "integer": ("0", "1", "2", "-1"), "bigint": ("0", "1", "2", "-1"),
          "domain integer": ("0", "1", "100"), "numeric": ("1.50", "0"), "numeric scale": ("1.00", "3.5"), "numeric whole": ("1", "2"),
          "text": ("a", "b", "", "it's", "`x`", "größe", 'q"q'), "varchar": ("a", "b", ""), "char": ("a", "ab", ""), "domain text": ("a@b", "@"),
          "uuid": ("00000000-0000-0000-0000-000000000000", "11111111-1111-4111-8111-111111111111"), "enum": ("happy", "größe"),
          "name": ("a", "b", "pg_class")}
_ORDERED = {"smallint": ("0", "2"), "integer": ("0", "2"), "bigint": ("0", "3"), "numeric": ("1.5", "0", "-1000"), "numeric scale": ("1", "3.49"),
            "numeric whole": ("2", "5"), "real": ("0", "0.5"), "double": ("0", "0.25"), "date": ("1970-01-01", "10000-01-01"),
            "timestamp": ("2000-01-01 00:00:00", "1970-01-01"), "timestamp zone": ("2000-01-01 00:00:00+00", "2024-02-29 10:34:56.789012+00"),
            "time": ("12:34:56.7", "00:00:00")}
_BARE = {"boolean", "smallint", "integer", "bigint", "domain integer", "numeric", "numeric scale", "numeric whole", "real", "double"}


def values(column):
    """Those by which a column can choose labels or types."""
    return EQUAL.get(column["type"], ())


def _literal(type, value):
    return value if type in _BARE else literal(value)


def equals(column, value):
    """In PostgreSQL's words, whatever the column's type."""
    return f"{quote(column)} = {literal(value)}"


def random_condition(rng, table):
    columns = [column for column in table["columns"] if not column.get("generated") and not column.get("serial")
               and TYPES[column["type"]].kind]
    parts = [_comparison(rng, rng.choice(columns)) for _ in range(rng.choice([1, 1, 1, 2, 3]))] if columns else []
    if not parts:
        return None
    sql = parts[0]["sql"]
    for part in parts[1:]:
        sql = f"({sql}) {rng.choice(['AND', 'OR'])} {part['sql']}"
    if rng.random() < 0.15:
        sql = f"NOT ({sql})"
    return {"sql": sql, "columns": sorted({part["column"] for part in parts})}


def _comparison(rng, column):
    name, type = quote(column["name"]), column["type"]
    ways = [f"{name} IS NULL", f"{name} IS NOT NULL"]
    if type in EQUAL:
        some = [_literal(type, value) for value in rng.sample(EQUAL[type], min(2, len(EQUAL[type])))]
        ways = [*ways, f"{name} = {some[0]}", f"{name} <> {some[0]}", f"{name} IN ({', '.join(some)})",
                f"{name} NOT IN ({', '.join(some)})", f"{name} IS DISTINCT FROM {some[0]}", f"{name} IS NOT DISTINCT FROM {some[-1]}"]
    if type in _ORDERED:
        bound = _literal(type, rng.choice(_ORDERED[type]))
        ways += [f"{name} {operator} {bound}" for operator in ("<", "<=", ">", ">=")]
    if type == "boolean":
        ways += [name, f"NOT {name}", f"{name} IS TRUE", f"{name} IS NOT FALSE"]
    return {"sql": rng.choice(ways), "column": column["name"]}


def _parts(nodes, joins):
    for part in [*nodes, *joins]:
        yield part["table"], part
        for relationship in part.get("relationships", []):
            yield part["table"], relationship


def of_table(nodes, joins, table):
    """The conditions that are asked of a table's rows."""
    found = []
    for id, part in _parts(nodes, joins):
        if id != table:
            continue
        if part.get("where"):
            found.append(part["where"]["sql"])
        choosers = part.get("choose") or []
        for chooser in [choosers] if isinstance(choosers, dict) else choosers:
            found += [equals(chooser["column"], value) for value in chooser["values"]]
    return sorted(set(found))


def bring_large_values(table):
    """Rows that come back into a condition need REPLICA IDENTITY FULL where values may be stored apart."""
    if any(TYPES[column["type"]].kind == "STRING" for column in table["columns"]):
        table["replica_identity"] = "full"
