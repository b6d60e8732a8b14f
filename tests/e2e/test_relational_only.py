"""Columns that never leave PostgreSQL."""
import pytest

from waiting import wait_until

TABLES = """
    CREATE TABLE people (id int PRIMARY KEY, name text, salary int, "pass ""word" text, "mail,box" text);
    CREATE TABLE friends (a int REFERENCES people, b int REFERENCES people, secret text, since int, PRIMARY KEY (a, b));
    INSERT INTO people SELECT i, 'p' || i, i, 'top', 'x' FROM generate_series(1, 10) i;
    INSERT INTO friends SELECT i, i + 1, 'why', i FROM generate_series(1, 9) i;
"""
MAPPING = """
nodes:
  Person: {{table: people{people}}}
relationships:
  KNOWS: {{table: friends, from: {{Person: a}}, to: {{Person: b}}{friends}}}
"""
STAY = {"people": """, relational_only: [salary, 'pass "word']""", "friends": ", relational_only: secret"}
OPEN = {"people": ", properties: [name, 'mail,box']", "friends": ", properties: [since]"}


def published(database):
    return {table: columns for table, columns in database.query(
        "SELECT tablename, attnames::text[] FROM pg_publication_tables WHERE pubname LIKE 'pgweave%%'")}


def write(database):
    database.execute("UPDATE people SET salary = 0, name = 'new' WHERE id < 5; INSERT INTO people VALUES (11, 'p11', 1, 'top', 'y'); "
                     "DELETE FROM friends WHERE a = 9; INSERT INTO friends VALUES (10, 11, 'why', 5); UPDATE friends SET since = 7 WHERE a = 1")


def assert_graph(database, graph):
    people = {record["id"]: record["p"] for record in graph.query("MATCH (p:Person) RETURN p.id AS id, properties(p) AS p")}
    assert people == {id: {"id": id, "name": name, "mail,box": box}
                      for id, name, box in database.query('SELECT id, name, "mail,box" FROM people')}
    assert {(r["a"], r["b"], *r["p"].items()) for r in graph.query(
        "MATCH (a)-[r:KNOWS]->(b) RETURN a.id AS a, b.id AS b, properties(r) AS p")} == {
            (a, b, ("since", since)) for a, b, since in database.query("SELECT a, b, since FROM friends")}


LISTED = {"people": ["id", "name", "mail,box"], "friends": ["a", "b", "since"]}


def test_they_are_not_published(database, graph, pgweave):
    database.execute(TABLES)
    pgweave.map(MAPPING.format(**STAY))
    pgweave.start_and_catch_up()
    assert published(database) == LISTED
    write(database)
    pgweave.catch_up()
    assert_graph(database, graph)
    assert pgweave.command("verify").rc == 0
    assert pgweave.command("check").rc == 0
    # the price: a column that is listed cannot be dropped, one that is not can
    database.execute("ALTER TABLE people DROP salary")
    with pytest.raises(Exception, match="publication"):
        database.execute("ALTER TABLE friends DROP since")


@pytest.mark.sampled(0)
@pytest.mark.parametrize("first, then, listed", [(OPEN, STAY, LISTED), (STAY, OPEN, None)], ids=["kept back", "let go"])
def test_by_a_changed_mapping(database, graph, pgweave, first, then, listed):
    database.execute(TABLES)
    pgweave.map(MAPPING.format(**first))
    pgweave.start_and_catch_up()
    pgweave.map(MAPPING.format(**then))
    pgweave.terminate()
    write(database)
    assert pgweave.command("apply").rc == 0
    pgweave.start_and_catch_up()
    if listed:
        assert published(database) == listed
    else:
        assert all(len(columns) > 3 for columns in published(database).values())
    assert_graph(database, graph)
    database.execute("UPDATE people SET salary = 5, name = 'newer' WHERE id = 1; DELETE FROM friends WHERE a = 2")
    pgweave.catch_up()
    assert_graph(database, graph)
    assert pgweave.log.count("snapshot:") == 1


@pytest.mark.sampled(0)
def test_the_whole_row_as_replica_identity_is_refused(database, graph, pgweave):
    database.execute(TABLES, "ALTER TABLE people REPLICA IDENTITY FULL")
    pgweave.map(MAPPING.format(**STAY))
    plan = pgweave.command("plan")
    assert plan.rc == 65
    assert "part of the replica identity" in plan.stderr
    database.execute("ALTER TABLE people REPLICA IDENTITY DEFAULT")
    pgweave.start_and_catch_up()
    database.execute("ALTER TABLE people REPLICA IDENTITY FULL")
    wait_until(lambda: not pgweave.running)
    assert "part of the replica identity" in pgweave.log
