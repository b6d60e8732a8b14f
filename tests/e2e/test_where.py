"""Which rows the mapping takes: conditions decided by PostgreSQL for the first load, by pgweave for the stream."""
import dataclasses

import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, same
from graph import PLACEHOLDER
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("office")

# One column of each type that has comparisons, and what is put into it. NULL comes by itself.
VALUES = {
    "flag boolean": ["true", "false"],
    "small smallint": ["-1", "0", "7"],
    "big bigint": ["-9223372036854775808", "41", "42", "9223372036854775807"],
    "amount numeric": ["'NaN'", "'Infinity'", "'-Infinity'", "0.50", "'-0.5'", "12345678901234567890.1", "100", "99.999"],
    "ratio real": ["0.1", "0.5", "'NaN'", "'-Infinity'", "1e30"],
    "wide double precision": ["0.1", "0.5", "'NaN'", "'Infinity'", "-2.5"],
    "word text": ["''", "'a'", "'A'", "'a '", "'it''s'", "'ß'"],
    "short varchar(3)": ["'abc'", "'a'"],
    "fixed char(4)": ["'ab'", "'abcd'", "''"],
    "id2 uuid": ["'6f9619ff-8b86-d011-b42d-00cf4fc964ff'", "'00000000-0000-0000-0000-000000000000'"],
    "mood feeling": ["'sad'", "'so so'", "'happy'"],
    "born date": ["'2000-01-01'", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'1999-12-31'"],
    "starts time": ["'00:00:00'", "'12:00:00.5'", "'24:00:00'"],
    "seen timestamp": ["'2024-02-29 12:00:00'", "'2024-02-29 00:00:00'", "'infinity'"],
    "moved timestamptz": ["'2024-02-29 12:00:00+02'", "'-infinity'", "'2024-03-01 00:00:00+00'"],
    "document jsonb": ["'{}'", "'null'"],
    "nick citext_like": ["'x'", "'X'"],
}
CONDITIONS = [
    "flag", "NOT flag", "flag IS TRUE", "flag IS NOT FALSE", "flag = false", "flag IS NOT DISTINCT FROM TRUE", "flag <> TRUE",
    "small = 7", "small <> 70000", "small BETWEEN -1 AND 0", "small NOT BETWEEN -1 AND 0", "small NOT IN (0, 7)",
    "big > 41", "big >= 9223372036854775807", "big < -9223372036854775807", "big IN (41, 42)",
    "amount > 100", "amount >= 100.000", "amount < 0", "amount = 0.5", "amount <= 12345678901234567890.10",
    "amount IS DISTINCT FROM 0.5", "amount > 12345678901234567890.09",
    "ratio < 0.5", "ratio > 0.125", "ratio = 0.5", "ratio <> 0.5", "wide >= 0.5", "wide < 0", "wide = -2.5",
    "word = 'a'", "word <> 'a'", "word IN ('A', 'it''s', 'ß')", "word = ''", "word IS NULL OR word = 'a '",
    "short = 'abcdef'", "short = 'a'", "fixed = 'ab'", "fixed = 'ab  '", "fixed <> 'abcd'", "fixed = ''",
    "id2 = '6f9619ff-8b86-d011-b42d-00cf4fc964ff'", "id2 <> '00000000-0000-0000-0000-000000000000'",
    "mood = 'so so'", "mood NOT IN ('sad')", "mood IS DISTINCT FROM 'happy'",
    "born < '2000-01-01'", "born >= '1999-12-31'", "born = '0044-03-15 BC'", "born IS NULL",
    "starts > '12:00:00'", "starts = '00:00:00'", "seen <= '2024-02-29'", "seen > '2024-02-29 11:59:59.999999'",
    "moved = '2024-02-29 10:00:00+00'", "moved < '2024-03-01'", "document IS NOT NULL", "nick IS NULL",
    "small = 7 AND flag OR word = 'a'", "small = 7 AND (flag OR word = 'a')", "NOT (small = 7 OR flag)",
    "NOT (flag AND word <> 'a') AND NOT big > 41", '"small" = 0 OR SMALL = 7',
]


def label(number):
    return f"C{number}"


@pytest.fixture
def table(database, pgweave):
    database.execute("CREATE TYPE feeling AS ENUM ('sad', 'so so', 'happy')")
    database.execute("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    columns = ", ".join(VALUES).replace("citext_like", 'text COLLATE loose')
    # Each condition's node needs a table of its own: a partition tree would be one table, so plain copies.
    for number in range(len(CONDITIONS)):
        database.execute(f"CREATE TABLE t{number} (id bigint PRIMARY KEY, {columns})")
    pgweave.map("nodes:\n" + "".join(
        f"  {label(number)}: {{table: t{number}, properties: [id], where: {yaml(condition)}}}\n"
        for number, condition in enumerate(CONDITIONS)))
    return pgweave


def yaml(text):
    return "'" + text.replace("'", "''") + "'"


def rows():
    """One row for each value of each column, the others NULL; one all NULL; some with a value in all columns."""
    width = len(VALUES)
    yield ["NULL"] * width
    for at, values in enumerate(VALUES.values()):
        for value in values:
            yield ["NULL"] * at + [value] + ["NULL"] * (width - at - 1)
    for turn in range(8):
        yield [values[turn % len(values)] for values in VALUES.values()]


def insert(database, first_id):
    lines = ", ".join(f"({first_id + at}, {', '.join(row)})" for at, row in enumerate(rows()))
    for number in range(len(CONDITIONS)):
        database.execute(f"INSERT INTO t{number} VALUES {lines}")


def expected(database, number):
    return {id for (id,) in database.query(f"SELECT id FROM t{number} WHERE {CONDITIONS[number]}")}


def found(graph, number):
    return {record["id"] for record in graph.query(f"MATCH (n:{label(number)}) RETURN n.id AS id")}


def assert_all(database, graph):
    wrong = [CONDITIONS[number] for number in range(len(CONDITIONS)) if expected(database, number) != found(graph, number)]
    assert wrong == []


def test_conditions_mean_the_same_to_both(table, database, graph):
    """PostgreSQL decides the first rows, pgweave those that come in the stream, and those that an UPDATE moves in and out."""
    insert(database, 1000)
    table.start_and_catch_up()
    assert_all(database, graph)
    insert(database, 2000)
    table.catch_up()
    assert_all(database, graph)
    for number in range(len(CONDITIONS)):
        database.execute(f"ALTER TABLE t{number} ADD COLUMN turn int")  # not mapped: no property, no condition
        names = [column.split()[0] for column in VALUES]
        database.execute(f"UPDATE t{number} a SET ({', '.join(names)}) = (SELECT {', '.join(names)} FROM t{number} b "
                         f"WHERE b.id = 1000 + (a.id * 7 + 3) % {len(list(rows()))})")
    table.catch_up()
    assert_all(database, graph)
    table.verify()


@pytest.mark.parametrize("condition, told", [
    ("colour = 'red'", "needs a column that the table does not have"),
    ("word < 'b'", "the order of texts depends on the database's collation"),
    ("nick = 'x'", "only PostgreSQL knows"),
    ("small = 1.5", "a whole number"),
    ("ratio = 0.1", "a number that a real holds exactly"),
    ("mood = 'angry'", "one of the enum's values"),
    ("born = 'today'", "a date such as"),
    ("word = 'a", "cannot be read"),
    ("word = 'a'; DROP TABLE t0", "cannot be read"),
    ("lower(word) = 'a'", "needs a column that the table does not have"),
    ("word = 'a' word = 'b'", "AND, OR, or the end"),
    ("(" * 40 + "flag" + ")" * 40, "nested too deep"),
    ("flag OR " * 500 + "flag", "too long"),
])
def test_a_condition_that_cannot_be_kept_is_refused(database, pgweave, condition, told):
    database.execute("CREATE TYPE feeling AS ENUM ('sad', 'so so', 'happy')")
    database.execute("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    columns = ", ".join(VALUES).replace("citext_like", 'text COLLATE loose')
    database.execute(f"CREATE TABLE t0 (id bigint PRIMARY KEY, {columns})")
    pgweave.map(f"nodes:\n  A: {{table: t0, properties: [id], where: {yaml(condition)}}}\n")
    result = pgweave.command("plan")
    assert result.rc == 65
    assert told in result.stderr
    assert "pgweave.yaml:10:" in result.stderr


SCHEMA = """
    CREATE TABLE roles (id bigint PRIMARY KEY, name text, notes text, deleted_at timestamptz, boss bigint REFERENCES roles);
    CREATE TABLE staff (id bigint PRIMARY KEY, role bigint REFERENCES roles, active boolean NOT NULL);
    CREATE TABLE grants (role bigint REFERENCES roles, staff bigint REFERENCES staff, level int, PRIMARY KEY (role, staff));
    CREATE TABLE reviews (id bigint PRIMARY KEY, role bigint REFERENCES roles, staff bigint REFERENCES staff, state text);
    CREATE TABLE pictures (id bigint PRIMARY KEY, of_type text, of_id bigint);
    INSERT INTO roles VALUES (1, 'one', 'n', NULL, NULL), (2, 'two', 'n', NULL, 1), (3, 'three', 'n', now(), 1), (4, 'four', 'n', NULL, 3);
    INSERT INTO staff VALUES (1, 1, true), (2, 3, true), (3, 2, false), (4, NULL, true);
    INSERT INTO grants VALUES (1, 1, 5), (2, 1, 0), (3, 2, 7), (4, 4, 1);
    INSERT INTO reviews VALUES (1, 1, 1, 'open'), (2, 1, 1, 'open'), (3, 3, 2, 'open'), (4, 2, 1, 'closed');
    INSERT INTO pictures VALUES (1, 'Role', 1), (2, 'Staff', 1), (3, 'Role', 3), (4, NULL, 1), (5, 'Dog', 1);
"""
YAML = """
nodes:
  Role:
    table: roles
    where: deleted_at IS NULL
    properties: [id, name, notes]
    relationships: {REPORTS_TO: {to: Role, column: boss}}
  Staff:
    table: staff
    relationships: {HAS_ROLE: {to: Role, column: role, where: active}}
  Picture:
    table: pictures
    relationships:
      OF: [{to: Role, column: of_id, where: of_type = 'Role'}, {to: Staff, column: of_id, where: of_type = 'Staff'}]
relationships:
  GRANTED: {table: grants, where: level > 0, from: {Role: role}, to: {Staff: staff}}
  REVIEWED: {table: reviews, where: state = 'open', from: {Role: role}, to: {Staff: staff}, properties: [id, state]}
"""
MAPPING = [
    Node("Role", "roles", ("id",), same("id", "name", "notes"), where="deleted_at IS NULL"),
    Node("Staff", "staff", ("id",), same("id", "active")),
    Node("Picture", "pictures", ("id",), same("id", "of_type")),
    ForeignKey("REPORTS_TO", "Role", ("boss",), "Role"),
    ForeignKey("HAS_ROLE", "Staff", ("role",), "Role", where="active"),
    ForeignKey("OF", "Picture", ("of_id",), "Role", where="of_type = 'Role'"),
    ForeignKey("OF", "Picture", ("of_id",), "Staff", where="of_type = 'Staff'"),
    Join("GRANTED", "grants", ("Role", ("role",)), ("Staff", ("staff",)), same("level"), where="level > 0"),
    Join("REVIEWED", "reviews", ("Role", ("role",)), ("Staff", ("staff",)), same("id", "state"), key=("id",), where="state = 'open'"),
]


@pytest.fixture
def office(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def test_first_load(office, database, graph):
    assert_agreement(office, database, graph, MAPPING)
    assert graph.value(f"MATCH (n:Role {{id: 3}}) RETURN n:{PLACEHOLDER}")  # what refers to a row that is left out
    assert graph.value("MATCH (:Staff {id: 3})-[r:HAS_ROLE]->() RETURN count(r)") == 0


@pytest.mark.sampled(6)
@pytest.mark.parametrize("change", [
    "UPDATE roles SET deleted_at = now() WHERE id = 1",
    "UPDATE roles SET deleted_at = NULL WHERE id = 3",
    "UPDATE roles SET deleted_at = now()",
    "UPDATE roles SET deleted_at = now(); UPDATE roles SET deleted_at = NULL, name = 'back'",
    "INSERT INTO roles VALUES (5, 'five', 'n', now(), 4); UPDATE roles SET deleted_at = NULL WHERE id = 5",
    "INSERT INTO roles VALUES (5, 'five', 'n', NULL, 4); UPDATE roles SET deleted_at = now() WHERE id = 5; "
    "INSERT INTO staff VALUES (9, 5, true)",
    "UPDATE staff SET active = NOT active",
    "UPDATE staff SET active = false, role = 4 WHERE id = 1; UPDATE staff SET active = true WHERE id = 1",
    "UPDATE staff SET active = NOT active, role = role % 4 + 1",
    "UPDATE grants SET level = 3 - level",
    "UPDATE grants SET role = 4, level = 9 WHERE staff = 2",
    "UPDATE grants SET role = 4, level = 0 WHERE staff = 2; UPDATE grants SET level = 1 WHERE staff = 2",
    "UPDATE reviews SET state = 'closed' WHERE id < 3; UPDATE reviews SET state = 'open', staff = 4 WHERE id = 4",
    "UPDATE reviews SET id = id + 10, state = CASE state WHEN 'open' THEN 'closed' ELSE 'open' END",
    "UPDATE pictures SET of_type = CASE of_type WHEN 'Role' THEN 'Staff' ELSE 'Role' END",
    "DELETE FROM pictures WHERE id = 3; DELETE FROM grants; DELETE FROM reviews WHERE role = 3; DELETE FROM staff WHERE id = 2; "
    "UPDATE roles SET boss = NULL WHERE boss = 3; DELETE FROM roles WHERE id = 3",
    "TRUNCATE grants, reviews, pictures",
])
def test_rows_move_in_and_out(office, database, graph, change):
    database.execute(change)
    assert_agreement(office, database, graph, MAPPING)
    # and one statement at a time, each in a transaction of its own, there and back
    for statement in change.split("; "):
        database.execute(statement) if "INSERT" not in statement and "id + 10" not in statement else None
    assert_agreement(office, database, graph, MAPPING)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("before", [None, "now()"])
@pytest.mark.parametrize("after", [None, "now()"])
@pytest.mark.parametrize("referred", [False, True])
def test_keys_change_in_and_out_of_the_condition(office, database, graph, before, after, referred):
    """The row's key changes while it is, becomes, or ceases to be a node; other rows refer to the old and the new key or not."""
    database.execute("ALTER TABLE pictures ADD CONSTRAINT of_something CHECK (true)",
                     f"INSERT INTO roles VALUES (10, 'ten', 'n', {before or 'NULL'}, 1)")
    if referred:
        database.execute("INSERT INTO pictures VALUES (10, 'Role', 10), (11, 'Role', 11)")
    office.catch_up()
    graph.query("MATCH (n:Role {id: 10}) SET n.mine = 'kept'")
    database.execute(f"UPDATE roles SET id = 11, deleted_at = {after or 'NULL'} WHERE id = 10")
    assert_agreement(office, database, graph, MAPPING)
    database.execute(f"UPDATE roles SET id = 10, deleted_at = {before or 'NULL'} WHERE id = 11")
    assert_agreement(office, database, graph, MAPPING)
    if not before and not after:
        assert graph.value("MATCH (n:Role {id: 10}) RETURN n.mine") == "kept"


def test_what_is_graph_only_goes_with_a_row_that_leaves(office, database, graph):
    """As for a DELETE: in one transaction the row has never left, in two it has."""
    graph.query("MATCH (n:Role {id: 1}) SET n.mine = 1")
    database.execute("UPDATE roles SET deleted_at = now() WHERE id = 1; UPDATE roles SET deleted_at = NULL WHERE id = 1")
    office.catch_up()
    assert graph.value("MATCH (n:Role {id: 1}) RETURN n.mine") == 1
    with database.connect() as connection:
        for value in ("now()", "NULL"):
            connection.execute(f"UPDATE roles SET deleted_at = {value} WHERE id = 2")
    office.catch_up()
    graph.query("MATCH (n:Role {id: 2}) SET n.mine = 1")
    office.terminate()
    for value in ("now()", "NULL"):  # both wait in the slot, and come in one batch
        database.execute(f"UPDATE roles SET deleted_at = {value} WHERE id = 2")
    office.start_and_catch_up()
    assert graph.value("MATCH (n:Role {id: 2}) RETURN n.mine") is None
    assert_agreement(office, database, graph, MAPPING)


def test_large_values_of_a_row_that_comes_back(office, database, graph):
    """Without them the node would be silently poorer: the row is set aside until its identity is FULL."""
    database.execute("ALTER TABLE roles ALTER COLUMN notes SET STORAGE EXTERNAL",
                     "UPDATE roles SET notes = repeat('x', 100000), deleted_at = NULL WHERE id = 4",
                     "UPDATE roles SET name = 'quatre' WHERE id = 4")
    assert_agreement(office, database, graph, MAPPING)
    database.execute("UPDATE roles SET deleted_at = now() WHERE id = 4")
    office.catch_up()
    database.execute("UPDATE roles SET deleted_at = NULL WHERE id = 4")
    office.catch_up()
    letters = graph.query("MATCH (d:_PgweaveDeadLetter) RETURN d.message AS message, d.key AS key")
    assert len(letters) == 1 and "REPLICA IDENTITY FULL" in letters[0]["message"]
    assert "REPLICA IDENTITY FULL" in office.command("check").stdout
    database.execute("ALTER TABLE roles REPLICA IDENTITY FULL", "UPDATE roles SET name = 'vier' WHERE id = 4")
    assert_agreement(office, database, graph, MAPPING)
    database.execute("UPDATE roles SET deleted_at = now() WHERE id = 4")
    office.catch_up()
    database.execute("UPDATE roles SET deleted_at = NULL WHERE id = 4")
    assert_agreement(office, database, graph, MAPPING)


def test_resnapshot_takes_away_what_the_condition_does_not_take(office, database, graph):
    office.terminate()
    office.map(YAML.replace("deleted_at IS NULL", "deleted_at IS NOT NULL"))
    office.start("--resnapshot")
    wait_until(lambda: "streaming from" in office.log.rpartition("snapshot")[2], 120)
    mapping = [Node("Role", "roles", ("id",), same("id", "name", "notes"), where="deleted_at IS NOT NULL"), *MAPPING[1:]]
    assert_agreement(office, database, graph, mapping)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("old, new, wheres", [
    ("deleted_at IS NULL", "deleted_at IS NOT NULL", {"Role": "deleted_at IS NOT NULL"}),
    ("    where: deleted_at IS NULL\n", "", {"Role": "true"}),
    ("level > 0", "level = 0", {"GRANTED": "level = 0"}),
    (", where: active", ", where: NOT active", {"HAS_ROLE": "NOT active"}),
    ("    table: staff\n", "    table: staff\n    where: active\n", {"Staff": "active"}),
])
def test_a_changed_condition_is_applied(office, database, graph, old, new, wheres):
    office.catch_up()
    office.terminate()
    graph.query("MATCH (n:Role {id: 2}) SET n.mine = 1")
    database.execute("UPDATE staff SET active = NOT active WHERE id = 4")
    assert old in YAML
    office.map(YAML.replace(old, new))
    assert "takes " in office.command("plan").stdout
    office.start()
    assert office.expect_exit() == 74  # nobody has approved it
    done = office.command("apply")
    assert done.rc == 0, done.stderr
    office.start()
    mapping = [dataclasses.replace(part, where=wheres.get(getattr(part, "label", None) or part.type, part.where)) for part in MAPPING]
    assert_agreement(office, database, graph, mapping)
    if "deleted_at" not in old:
        assert graph.value("MATCH (n:Role {id: 2}) RETURN n.mine") == 1


@pytest.mark.parametrize("killed", [False, True])
def test_a_condition_on_the_key_is_the_publications_filter(database, pgweave, graph, killed):
    """Rows that fail it do not leave the server, and UPDATEs of the key still move rows in and out."""
    database.execute("CREATE TABLE things (tenant int, id int, name text, PRIMARY KEY (tenant, id))",
                     "CREATE TABLE parts (id int PRIMARY KEY, tenant int)",
                     "INSERT INTO things SELECT t, i, 'n' FROM generate_series(1, 3) t, generate_series(1, 3) i")
    yaml_text = "nodes:\n  Thing: {table: things, where: 'tenant IN (1, 2)'}\n  Part: {table: parts, where: tenant = 1}\n"
    pgweave.map(yaml_text)
    pgweave.start_and_catch_up()
    filters = dict(database.query("SELECT tablename, rowfilter FROM pg_publication_tables"))
    assert "tenant" in filters["things"] and filters["parts"] is None
    mapping = [Node("Thing", "things", ("tenant", "id"), same("tenant", "id", "name"), where="tenant IN (1, 2)"),
               Node("Part", "parts", ("id",), same("id", "tenant"), where="tenant = 1")]
    database.execute("UPDATE things SET tenant = 3, id = id + 10 WHERE tenant = 1 AND id < 3", "INSERT INTO parts VALUES (1, 1), (2, 2)",
                     "UPDATE things SET tenant = 2, id = id + 20 WHERE tenant = 3", "UPDATE things SET name = 'other'",
                     "DELETE FROM things WHERE id = 22", "UPDATE parts SET tenant = 3 - tenant")
    assert_agreement(pgweave, database, graph, mapping)
    assert "row filter" not in pgweave.command("check").stdout
    pgweave.terminate()
    pgweave.map(yaml_text.replace("IN (1, 2)", "> 1"))
    if killed:  # so far it had come: the publication altered, nothing said of it in the checkpoint
        database.execute(f"ALTER PUBLICATION {pgweave.slot} SET TABLE ONLY things WHERE (tenant > 1), ONLY parts",
                         "INSERT INTO parts VALUES (3, 1)", "UPDATE things SET name = 'late'")
    done = pgweave.command("apply")
    assert done.rc == 0, done.stderr
    assert "> 1" in dict(database.query("SELECT tablename, rowfilter FROM pg_publication_tables"))["things"]
    pgweave.start()
    database.execute("INSERT INTO things VALUES (1, 99, 'x'), (5, 99, 'x')")
    assert_agreement(pgweave, database, graph, [Node("Thing", "things", ("tenant", "id"), same("tenant", "id", "name"), where="tenant > 1"), mapping[1]])
