"""Each row of docs/types.md, by the snapshot and by the stream: what PostgreSQL has, what arrives, what verify makes of it."""
import dataclasses
import re

import pytest

from pgweave import ROOT

REFERENCE = (ROOT / "docs" / "types.md").read_text()
ROW = re.compile(r"^\| `(?P<type>[^|`]+?)(?: as (?P<as>\w+))?` \| (?P<value>`.*`|NULL) \| (?P<cypher>`.*`|[^`|]+) \|$")
DEAD_LETTER = "dead letter: "
EXTENSIONS = ("citext", "hstore", "ltree", "postgis")
# pgvector is not among Debian's packages: a type that prints like its own, by the input and output of text.
VECTOR = """
    CREATE TYPE vector;
    CREATE FUNCTION vector_in(cstring) RETURNS vector AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_out(vector) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, LIKE = text);
"""
STREAMED = 1000  # added to the id of a row that comes by the stream
CHANGED = "something else"


@dataclasses.dataclass
class Example:
    id: int
    type: str
    carried_as: str | None
    value: str | None
    cypher: str | None  # None: absent, or dead
    reason: str | None  # of the dead letter

    @property
    def column(self):
        return f"c{self.id:03}"

    def __str__(self):
        return f"{self.type}{f' as {self.carried_as}' if self.carried_as else ''} {self.value}"


def code(text):
    return text[1:-1] if text.startswith("`") else None


def examples():
    found = []
    section = REFERENCE[REFERENCE.index("## Value by value"):]
    for line in section.splitlines():
        if not line.startswith("| `"):
            continue
        row = ROW.match(line)
        assert row, f"docs/types.md: no row of the table: {line}"
        said = row["cypher"]
        reason = said.removeprefix(DEAD_LETTER) if said.startswith(DEAD_LETTER) else None
        assert said.startswith("`") or reason or said == "absent", line
        found.append(Example(len(found), row["type"], row["as"], code(row["value"]), code(said), reason))
    return found


EXAMPLES = examples()
GOOD = [example for example in EXAMPLES if not example.reason]
DEAD = [example for example in EXAMPLES if example.reason]


@pytest.fixture
def types(database):
    database.execute(*(f"CREATE EXTENSION {name}" for name in EXTENSIONS), VECTOR,
                     re.search(r"```sql\n(.*?)```", REFERENCE, re.DOTALL)[1])
    return database


def make_table(database, pgweave, chosen):
    columns = ", ".join(f"{example.column} {example.type}" for example in chosen)
    database.execute(f"CREATE TABLE v (id integer PRIMARY KEY, {columns})")
    properties = ", ".join(f"{example.column}: " + (f"{{as: {example.carried_as}}}" if example.carried_as else "")
                           for example in chosen)
    pgweave.map(f"nodes:\n  Value: {{table: v, properties: {{id: , {properties}}}}}\n")


def insert(database, chosen, first_id):
    for example in chosen:
        database.connection.execute(f"INSERT INTO v (id, {example.column}) SELECT %s, %s",
                                    [first_id + example.id, example.value])


def equals(got, want):
    """In Cypher: the same value of the same type, where NaN is itself."""
    return f"({got} = {want} OR ({got} <> {got} AND {want} <> {want}))"


def arrived(example):
    """In Cypher: v's property is what the reference says. The driver could not hold every date."""
    got, want = f"v.{example.column}", example.cypher
    if want is None:
        return f"{got} IS NULL"
    value = equals(got, want)
    if want.startswith("["):
        value = f"size({got}) = size({want}) AND all(i IN range(0, size({want}) - 1) WHERE {equals(got + '[i]', f'({want})[i]')})"
    return f"{value} AND valueType({got}) = valueType({want})"


def test_every_type_of_the_first_table_has_an_example():
    """No family is promised without a value that proves it; by a word of each."""
    for word in ("boolean", "bigint", "real", "numeric", "text", "uuid", "json", "hstore", "mood", "int4range", "bytea as", "date",
                 "time", "timetz", "timestamp", "timestamptz", "interval", "point", "geometry", "geography", "vector", "percent",
                 "integer[]"):
        assert any(str(example).startswith(word) for example in EXAMPLES), word


def test_each_value_arrives_as_the_reference_says(types, pgweave, graph):
    make_table(types, pgweave, GOOD)
    insert(types, GOOD, 0)
    pgweave.start_and_catch_up()
    insert(types, GOOD, STREAMED)
    pgweave.catch_up()
    wrong = []
    for example in GOOD:
        for id in (example.id, STREAMED + example.id):
            found = graph.query(f"MATCH (v:Value {{id: $id}}) RETURN {arrived(example)} AS arrived, "
                                f"toStringOrNull(v.{example.column}) AS got, valueType(v.{example.column}) AS type", id=id)
            if [row["arrived"] for row in found] != [True]:
                wrong.append(f"{example} (id {id}): {found}")
    assert not wrong, "\n".join(wrong)
    pgweave.verify()
    assert_verify_sees_each_change(pgweave, graph)


def assert_verify_sees_each_change(pgweave, graph):
    present = [example for example in GOOD if example.cypher]
    for example in present:
        graph.query(f"MATCH (v:Value {{id: $id}}) SET v.{example.column} = $other", id=example.id, other=CHANGED)
    result = pgweave.command("--json", "verify", "--most", "1000")
    assert result.rc != 0
    found = [(difference["key"]["id"], difference["property"]) for difference in result.json["differences"]]
    assert sorted(found) == [(example.id, example.column) for example in present]


@pytest.mark.parametrize("example", DEAD, ids=str)
def test_each_refused_value_is_a_dead_letter_that_says_why(types, pgweave, graph, example):
    make_table(types, pgweave, [example])
    types.execute("INSERT INTO v (id) VALUES (998)")
    insert(types, [example], 0)
    pgweave.start_and_catch_up()
    insert(types, [example], STREAMED)
    types.execute("INSERT INTO v (id) VALUES (999)")
    pgweave.catch_up()
    assert sorted(graph.value("MATCH (v:Value) RETURN collect(v.id)")) == [998, 999]
    reasons = graph.value("MATCH (d:_PgweaveDeadLetter) RETURN collect(d.message)")
    assert len(reasons) == 2 and all(example.reason in reason and example.column in reason for reason in reasons), reasons


COMPLEX = VECTOR.replace("vector", "complex")


def test_a_type_that_nobody_knows_is_an_error_until_it_is_text_or_left_out(pgweave, database, graph):
    database.execute(COMPLEX, "CREATE TABLE v (id bigint PRIMARY KEY, odd complex, list complex[])",
                     "INSERT INTO v VALUES (1, '1+2i', '{1+2i,NULL}')")
    pgweave.map("nodes:\n  Value: {table: v}\n")
    for command in ("check", "plan", "run"):
        result = pgweave.command(command, timeout_s=60)
        said = result.stdout + result.stderr
        assert result.rc != 0 and "odd" in said and "complex" in said and "as: text" in said, (command, said)
    pgweave.map("nodes:\n  Value: {table: v, except: [odd, list]}\n")
    assert pgweave.command("plan").rc == 0
    pgweave.map("nodes:\n  Value: {table: v, properties: {id: , odd: {as: text}, all: {column: list, as: text}}}\n")
    pgweave.start_and_catch_up()
    assert graph.node("Value", id=1) == {"id": 1, "odd": "1+2i", "all": "{1+2i,NULL}"}
    database.execute("UPDATE v SET odd = '3'")
    pgweave.catch_up()
    assert graph.node("Value", id=1)["odd"] == "3"
    pgweave.verify()
