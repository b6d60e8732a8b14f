"""Rows that take keys, and other unique values, from one another: each node stays the row that it is, graph-only parts and all."""
import random

import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, same
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("rooms")

TABLES = """
    CREATE TABLE rooms (code text PRIMARY KEY, seats int UNIQUE);
    CREATE TABLE slots (id bigint PRIMARY KEY DEFERRABLE, name text, label text, room text REFERENCES rooms ON UPDATE CASCADE);
    CREATE TABLE uses (id bigint PRIMARY KEY, slot bigint, seats int REFERENCES rooms (seats), room text REFERENCES rooms ON UPDATE NO ACTION);
    CREATE TABLE trips (id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, a bigint, b text, km int);
    CREATE TABLE pairs (a bigint, b text, note text, PRIMARY KEY (a, b) DEFERRABLE INITIALLY DEFERRED);
    ALTER TABLE slots REPLICA IDENTITY FULL;
    ALTER TABLE trips REPLICA IDENTITY FULL;
    ALTER TABLE pairs REPLICA IDENTITY FULL;
    INSERT INTO rooms SELECT chr(64 + i), i FROM generate_series(1, 5) i;
    INSERT INTO slots SELECT i, 'slot ' || i, 'same', chr(64 + i) FROM generate_series(1, 5) i;
    INSERT INTO uses SELECT i, i % 6 + 1, i % 5 + 1, chr(65 + i % 5) FROM generate_series(1, 10) i;
    INSERT INTO trips SELECT i, i % 6, chr(65 + i % 5), i FROM generate_series(1, 5) i;
    INSERT INTO pairs SELECT i, chr(64 + i), 'pair ' || i FROM generate_series(1, 5) i;
"""
YAML = """
nodes:
  Room: {table: rooms}
  Slot:
    table: slots
    properties: [id, name, label]
    relationships:
      IN: {to: Room, column: room}
  Use:
    table: uses
    properties: [id]
    relationships:
      OF_SLOT: {to: Slot, column: slot}
      OF_SIZE: {to: Room, column: seats}
      OF_ROOM: {to: Room, column: room}
relationships:
  TRIP: {table: trips, from: {Slot: a}, to: {Room: b}}
  PAIR: {table: pairs, from: {Slot: a}, to: {Room: b}}
"""
MAPPING = [
    Node("Room", "rooms", ("code",), same("code", "seats")),
    Node("Slot", "slots", ("id",), same("id", "name", "label")),
    Node("Use", "uses", ("id",), same("id")),
    ForeignKey("IN", "Slot", ("room",), "Room"),
    ForeignKey("OF_SLOT", "Use", ("slot",), "Slot"),
    ForeignKey("OF_ROOM", "Use", ("room",), "Room"),
    Join("TRIP", "trips", ("Slot", ("a",)), ("Room", ("b",)), same("id", "km"), key=("id",)),
    Join("PAIR", "pairs", ("Slot", ("a",)), ("Room", ("b",)), {"note": "note"}),
]


@pytest.fixture
def rooms(database, pgweave, graph):
    load_rooms(database, pgweave, graph)
    return pgweave


def load_rooms(database, pgweave, graph):
    database.execute(TABLES)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    graph.query("MATCH (s:Slot) WHERE s.name IS NOT NULL SET s.mine = s.name")
    graph.query("MATCH (r:Room) WHERE r.seats IS NOT NULL CREATE (:Note {seats: r.seats})-[:ON]->(r)")
    graph.query("MATCH ()-[t:TRIP|PAIR]->() SET t.mine = coalesce(t.note, toString(t.km))")


def assert_all(pgweave, database, graph):
    assert_agreement(pgweave, database, graph, MAPPING)
    sizes = graph.query("MATCH (u:Use)-[:OF_SIZE]->(r:Room) RETURN u.id AS use, r.code AS room ORDER BY use")
    assert [(record["use"], record["room"]) for record in sizes] == database.query(
        "SELECT u.id, r.code FROM uses u JOIN rooms r USING (seats) ORDER BY u.id")
    assert graph.value("MATCH ()-[r]->() WHERE any(k IN keys(r) WHERE k STARTS WITH '_') RETURN count(r)") == 0
    assert graph.value("MATCH (n:_PgweaveDeadLetter) RETURN count(n)") == 0


def assert_identities(graph):
    """What was hung on a node, or written on a relationship, by somebody else is where its row went."""
    assert graph.value("MATCH (s:Slot) WHERE s.mine <> s.name RETURN count(s)") == 0
    assert graph.value("MATCH ()-[t:TRIP|PAIR]->() WHERE t.mine <> coalesce(t.note, toString(t.km)) RETURN count(t)") == 0


DEFERRABLE = [
    "UPDATE slots SET id = 3 - id WHERE id < 3",
    "UPDATE slots SET id = id % 5 + 1",
    "UPDATE slots SET id = 6 - id, label = name",
    "SET CONSTRAINTS ALL DEFERRED; UPDATE slots SET id = 2 WHERE id = 1; UPDATE uses SET slot = 2 WHERE slot = 1; "
    "INSERT INTO uses VALUES (20, 1, NULL, NULL); UPDATE slots SET id = 1 WHERE name = 'slot 2'",
    "SET CONSTRAINTS ALL DEFERRED; INSERT INTO slots VALUES (2, 'new', 'x', NULL); DELETE FROM slots WHERE name = 'slot 2'; "
    "UPDATE slots SET id = 2 WHERE id = 3; UPDATE slots SET id = 7 WHERE name = 'new'",
    "SET CONSTRAINTS ALL DEFERRED; UPDATE slots SET id = 4 WHERE id = 3; UPDATE slots SET label = 'between' WHERE id = 4; "
    "DELETE FROM slots WHERE name = 'slot 4'; UPDATE slots SET name = name, id = id WHERE id = 4",
    "UPDATE trips SET id = id % 5 + 1",
    "UPDATE trips SET id = 6 - id, a = a + 1; UPDATE slots SET id = 3 - id WHERE id < 3; DELETE FROM trips WHERE km = 2",
    "UPDATE trips SET id = 6 - id, a = CASE WHEN id = 2 THEN NULL ELSE a END",
    "UPDATE pairs SET a = 6 - a, b = chr(64 + 6 - ascii(b) + 64)",
    "UPDATE pairs SET a = 6 - a, b = chr(64 + 6 - ascii(b) + 64); UPDATE rooms SET code = lower(code) WHERE code = 'E' AND false; "
    "UPDATE slots SET id = id % 5 + 1",
    "TRUNCATE slots; INSERT INTO slots VALUES (2, 'a', 'b', 'A'), (1, 'b', 'b', 'A'); UPDATE slots SET id = 3 - id",
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("change", DEFERRABLE)
def test_deferrable_keys(rooms, database, graph, change):
    database.execute("UPDATE uses SET room = NULL", change)
    assert_all(rooms, database, graph)
    if "TRUNCATE" not in change:
        assert_identities(graph)


SHIFTED = """
    CREATE TABLE p (id int PRIMARY KEY, u int NOT NULL UNIQUE, note text);
    CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p, u int REFERENCES p (u));
    INSERT INTO p SELECT i, i, 'p' || i FROM generate_series({count}, 1, -1) i;
    INSERT INTO c SELECT i, i, i FROM generate_series(2, {count}) i;
"""
SHIFTED_YAML = """
nodes:
  P: {table: p}
  C:
    table: c
    properties: [id]
    relationships:
      BY_KEY: {to: P, column: p}
      BY_OTHER: {to: P, column: u}
"""


def load_shifted(database, pgweave, graph, count):
    database.execute(SHIFTED.format(count=count))
    pgweave.map(SHIFTED_YAML)
    pgweave.start_and_catch_up()
    graph.query("MATCH (p:P) SET p.mine = p.note")
    graph.query("MATCH (:C)-[r:BY_OTHER]->(:P) SET r.mine = 7")


def assert_shifted(database, pgweave, graph):
    pgweave.catch_up()
    for end, column in (("BY_KEY", "id"), ("BY_OTHER", "u")):
        found = graph.query(f"MATCH (c:C)-[:{end}]->(p:P) RETURN c.id AS c, p.note AS p ORDER BY c")
        assert [tuple(record.values()) for record in found] == database.query(
            f"SELECT c.id, p.note FROM c JOIN p ON p.{column} = c.{'p' if column == 'id' else 'u'} ORDER BY c.id")
    assert graph.value("MATCH ()-[r]->() WHERE any(k IN keys(r) WHERE k STARTS WITH '_') RETURN count(r)") == 0
    assert graph.value("MATCH (p:P) WHERE p.mine <> p.note AND p.note STARTS WITH 'p' RETURN count(p)") == 0
    pgweave.verify()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("changes", [
    ["UPDATE p SET id = id + 1"],
    ["UPDATE p SET note = 'changed' WHERE id = 1; UPDATE p SET id = id + 1"],
    ["UPDATE p SET u = u + 1"],
    ["UPDATE p SET note = 'changed' WHERE id = 1; UPDATE p SET id = id + 1, u = u + 1"],
    ["UPDATE p SET u = u + 1", "UPDATE c SET u = 3 WHERE u = 2; UPDATE p SET u = u + 1 WHERE u > 5", "UPDATE c SET u = NULL WHERE id = 4"],
    ["UPDATE p SET id = id + 1; UPDATE c SET p = p + 1; UPDATE p SET id = id + 1; UPDATE p SET u = -u WHERE id = 3"],
    ["UPDATE c SET p = NULL, u = NULL WHERE id = 5; UPDATE p SET id = 9, u = 9 WHERE id = 5; "
     "UPDATE p SET id = 5, u = 5 WHERE id = 1; UPDATE c SET p = 5, u = 5 WHERE id = 5"],
])
def test_what_refers_to_a_key_stays_with_it(database, pgweave, graph, changes):
    """ON UPDATE NO ACTION: the database wants the key to be there behind the statement, whichever row has it."""
    load_shifted(database, pgweave, graph, 5)
    database.execute(*changes)
    assert_shifted(database, pgweave, graph)
    assert graph.value("MATCH (c:C)-[r:BY_OTHER]->() WHERE NOT c.id IN [2, 4, 5] AND r.mine IS NULL RETURN count(r)") == 0


@pytest.mark.sampled(0)
def test_more_rows_than_a_statement_takes(database, pgweave, graph):
    load_shifted(database, pgweave, graph, 12000)
    database.execute("UPDATE p SET id = id + 1, u = u + 1")
    assert_shifted(database, pgweave, graph)
    database.execute("CREATE TABLE s (id int PRIMARY KEY DEFERRABLE, name text); ALTER TABLE s REPLICA IDENTITY FULL; "
                     "INSERT INTO s SELECT i, i FROM generate_series(1, 12000) i")
    pgweave.terminate()
    pgweave.map(SHIFTED_YAML + "  S: {table: s}\n")
    assert pgweave.command("apply").rc == 0
    pgweave.start_and_catch_up()
    database.execute("UPDATE s SET id = 12001 - id")
    pgweave.catch_up()
    assert graph.value("MATCH (s:S) WHERE s.id <> 12001 - toInteger(s.name) RETURN count(s)") == 0
    pgweave.verify()


@pytest.mark.sampled(0)
@pytest.mark.parametrize("seed", range(4))
def test_killed_while_keys_go_round(database, neo4j_network, pgweave, graph, seed):
    dice = random.Random(seed)
    load_rooms(database, pgweave, graph)
    database.execute("UPDATE uses SET room = NULL")
    pgweave.catch_up()
    assert pgweave.terminate() == 0
    for _ in range(3):
        for _ in range(20):
            database.execute(dice.choice(["UPDATE slots SET id = id % 5 + 1", "UPDATE trips SET id = 6 - id", "UPDATE slots SET id = 6 - id",
                                          "UPDATE pairs SET a = a % 5 + 1, b = chr(65 + (ascii(b) - 64) % 5)"]))
        pgweave.start()
        neo4j_network.call_at(neo4j_network.sent + dice.randrange(2000, 12000), pgweave.process.kill)
        wait_until(lambda: not pgweave.running or database.execute("UPDATE slots SET id = 6 - id") or False, timeout_s=60)
        pgweave.kill()
        graph.wait_until_quiet()
    pgweave.start()
    assert_all(pgweave, database, graph)
    assert_identities(graph)
