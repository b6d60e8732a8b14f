"""What becomes of a node when its row goes: the choices of `on_delete`, in the stream and in a load."""
import pytest

from waiting import wait_until

TABLES = """
    CREATE TABLE teams (id int PRIMARY KEY, name text);
    CREATE TABLE people (id int PRIMARY KEY, name text, team_id int REFERENCES teams, active boolean NOT NULL DEFAULT true);
    CREATE TABLE friends (a int REFERENCES people, b int REFERENCES people, since int, PRIMARY KEY (a, b));
    INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
    INSERT INTO people SELECT i, 'p' || i, 1 + i % 2 FROM generate_series(1, 20) i;
    INSERT INTO friends SELECT i, i + 1, i FROM generate_series(1, 19) i;
"""
MAPPING = """
nodes:
  Team: {{table: teams}}
  Person:
    table: people
    {choice}
    relationships: {{IN: {{to: Team, column: team_id}}}}
relationships:
  KNOWS: {{table: friends, from: {{Person: a}}, to: {{Person: b}}}}
"""
STAYING = ("restrict", "tombstone", "keep")


@pytest.fixture
def people(database, graph, pgweave):
    """Maps people with a choice, loads them, and hangs something graph-only on number 1."""
    def start(choice):
        database.execute(TABLES)
        pgweave.map(MAPPING.format(choice=choice))
        pgweave.start_and_catch_up()
        graph.query("MATCH (p:Person {id: 1}) SET p.badge = 'b1' CREATE (p)-[:WROTE]->(:Note {id: 1})")
        return pgweave

    return start


def person(graph, number):
    """Labels, name, and what hangs on it."""
    found = graph.query("MATCH (p:Person {id: $id}) RETURN labels(p) AS labels, p.name AS name, p.badge AS badge, "
                        "[(p)-[r]-() | type(r)] AS hanging", id=number)
    assert len(found) <= 1
    return {**found[0], "labels": sorted(found[0]["labels"]), "hanging": sorted(found[0]["hanging"])} if found else None


def goes(database, number, way="DELETE"):
    database.execute(f"DELETE FROM friends WHERE a = {number} OR b = {number}; " + {
        "DELETE": f"DELETE FROM people WHERE id = {number}",
        "UPDATE": f"UPDATE people SET active = false WHERE id = {number}"}[way])


def assert_equal(pgweave):
    assert pgweave.command("verify").rc == 0


@pytest.mark.parametrize("way, where", [("DELETE", ""), ("UPDATE", "\n    where: active")], ids=["deleted", "out of where"])
@pytest.mark.parametrize("choice, first, second", [
    ("detach", None, None),
    ("restrict", ["WROTE"], None),
    ("tombstone", ["WROTE"], []),
    ("keep", ["IN", "WROTE"], ["IN"]),
])
@pytest.mark.sampled(3)
def test_choices(people, database, graph, choice, first, second, way, where):
    pgweave = people(f"on_delete: {choice}{where}")
    goes(database, 1, way)
    goes(database, 2, way)
    pgweave.catch_up()
    for number, hanging, badge in ((1, first, "b1"), (2, second, None)):
        assert person(graph, number) == (None if hanging is None else {
            "labels": ["Deleted", "Person"], "name": f"p{number}", "badge": badge, "hanging": hanging})
    assert graph.count("Person") == 18 + (first is not None) + (second is not None)
    assert_equal(pgweave)


@pytest.mark.parametrize("choice", STAYING)
def test_a_row_that_comes_back(people, database, graph, choice):
    """Nothing that stayed is left beside what the row says now."""
    pgweave = people(f"on_delete: {choice}\n    deleted_label: Gone")
    before = graph.value("MATCH (p:Person {id: 1}) RETURN elementId(p)")
    goes(database, 1)
    pgweave.catch_up()
    assert person(graph, 1)["labels"] == ["Gone", "Person"]
    database.execute("INSERT INTO people VALUES (1, 'new', 1)")
    pgweave.catch_up()
    assert person(graph, 1) == {"labels": ["Person"], "name": "new", "badge": "b1", "hanging": ["IN", "WROTE"]}
    assert graph.value("MATCH (:Person {id: 1})-[:IN]->(t) RETURN t.id") == 1
    assert graph.value("MATCH (p:Person {id: 1}) RETURN elementId(p)") == before
    assert_equal(pgweave)


@pytest.mark.parametrize("choice", STAYING)
def test_another_row_takes_the_key(people, database, graph, choice):
    pgweave = people(f"on_delete: {choice}")
    goes(database, 1)
    pgweave.catch_up()
    database.execute("DELETE FROM friends WHERE a = 5 OR b = 5; UPDATE people SET id = 1 WHERE id = 5")
    pgweave.catch_up()
    assert person(graph, 1) == {"labels": ["Person"], "name": "p5", "badge": None, "hanging": ["IN"]}
    assert person(graph, 5) is None
    assert_equal(pgweave)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("choice, labels", [("restrict", ["Deleted", "Person"]), ("tombstone", ["Deleted", "Person"])])
def test_truncate(people, database, graph, choice, labels):
    pgweave = people(f"on_delete: {choice}")
    database.execute("TRUNCATE people, friends")
    pgweave.catch_up()
    assert person(graph, 1) == {"labels": labels, "name": "p1", "badge": "b1", "hanging": ["WROTE"]}
    assert graph.count("Person") == {"restrict": 1, "tombstone": 20}[choice]
    assert_equal(pgweave)


def test_many_transactions_at_once(people, database, graph):
    """They meet in one batch: each node stays as the transaction before its end has left it."""
    pgweave = people("on_delete: keep\n    where: active")
    pgweave.kill()
    with database.connect() as connection:
        for number in range(100, 160):
            connection.execute(f"INSERT INTO people VALUES ({number}, 'first', 1)")
            connection.execute(f"UPDATE people SET name = 'last', team_id = 2 WHERE id = {number}")
            if number % 2:
                connection.execute(f"DELETE FROM people WHERE id = {number}")
            else:
                connection.execute(f"UPDATE people SET active = false, name = 'out', team_id = 1 WHERE id = {number}")
    with database.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO people VALUES (200, 'never seen', 1)")
        connection.execute("DELETE FROM people WHERE id = 200")
    pgweave.start_and_catch_up()
    assert graph.query("MATCH (p:Person:Deleted)-[:IN]->(t) WHERE p.id >= 100 RETURN p.name AS name, t.id AS team, count(*) AS n"
                       ) == [{"name": "last", "team": 2, "n": 60}]
    assert_equal(pgweave)


@pytest.mark.parametrize("choice, hanging", [("restrict", ["WROTE"]), ("tombstone", ["WROTE"]), ("keep", ["IN", "WROTE"])])
@pytest.mark.sampled(3)
def test_a_load_marks_what_went_meanwhile(people, database, graph, choice, hanging):
    pgweave = people(f"on_delete: {choice}")
    goes(database, 2)
    pgweave.catch_up()
    pgweave.terminate()
    goes(database, 1)
    pgweave.start("--resnapshot")
    pgweave.catch_up()
    wait_until(lambda: person(graph, 1)["labels"] == ["Deleted", "Person"])
    assert person(graph, 1)["hanging"] == hanging
    assert (person(graph, 2) is None) == (choice == "restrict")
    assert_equal(pgweave)


@pytest.mark.sampled(0)
def test_references_without_a_foreign_key(database, graph, pgweave):
    """What has no row may be a placeholder, or stay: what refers to it finds it either way."""
    database.execute("CREATE TABLE a (id int PRIMARY KEY, name text); CREATE TABLE b (id int PRIMARY KEY, a_id int); "
                     "INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b VALUES (10, 1), (30, 3)")
    pgweave.map("nodes:\n  A: {table: a, on_delete: tombstone}\n"
                "  B: {table: b, relationships: {OF: {to: A, column: a_id}}}\n")
    pgweave.start_and_catch_up()
    database.execute("DELETE FROM a WHERE id IN (1, 2); INSERT INTO b VALUES (20, 2)")
    pgweave.catch_up()
    assert graph.query("MATCH (a:A) RETURN a.id AS id, [l IN labels(a) WHERE l <> 'A'][0] AS label, count { (a)<-[:OF]-() } AS n ORDER BY id") == [
        {"id": 1, "label": "Deleted", "n": 1}, {"id": 2, "label": "Deleted", "n": 1},
        {"id": 3, "label": "_PgweavePlaceholder", "n": 1}]
    assert_equal(pgweave)
    database.execute("DELETE FROM b WHERE id IN (10, 30); UPDATE b SET a_id = 1 WHERE id = 20")
    pgweave.catch_up()
    assert graph.query("MATCH (a:A) RETURN a.id AS id, count { (a)<-[:OF]-() } AS n ORDER BY id") == [
        {"id": 1, "n": 1}, {"id": 2, "n": 0}]
    assert_equal(pgweave)


def test_who_takes_the_key_of_a_node_that_stayed_has_what_refers_to_it(database, graph, pgweave):
    database.execute("CREATE TABLE a (id int PRIMARY KEY, name text); CREATE TABLE b (id int PRIMARY KEY, a_id int); "
                     "CREATE TABLE c (x int, y int, PRIMARY KEY (x, y)); "
                     "INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b VALUES (10, 1), (20, 2); INSERT INTO c VALUES (1, 2), (2, 1)")
    pgweave.map("nodes:\n  A: {table: a, on_delete: tombstone}\n"
                "  B: {table: b, relationships: {OF: {to: A, column: a_id}}}\n"
                "relationships:\n  NEAR: {table: c, from: {A: x}, to: {A: y}}\n")
    pgweave.start_and_catch_up()
    graph.query("MATCH (a:A) SET a.mine = a.id")
    database.execute("DELETE FROM a WHERE id = 1")
    database.execute("UPDATE a SET id = 1 WHERE id = 2")
    pgweave.catch_up()
    assert graph.query("MATCH (a:A) RETURN a.id AS id, a.name AS name, a.mine AS mine, [(a)<-[:OF]-(b) | b.id] AS of, "
                       "[(a)-[:NEAR]->(n) | n.id] AS near ORDER BY id") == [
        {"id": 1, "name": "two", "mine": 2, "of": [10], "near": [2]}, {"id": 2, "name": None, "mine": None, "of": [20], "near": [1]}]
    assert_equal(pgweave)


def test_a_key_changes_stays_and_is_taken_in_one_batch(people, database, graph):
    """Neo4j finds a node by a key that it got in the same transaction also when it is gone."""
    pgweave = people("on_delete: tombstone")
    pgweave.terminate()
    database.execute("DELETE FROM friends")
    for statement in ("UPDATE people SET id = 100 WHERE id = 1", "DELETE FROM people WHERE id = 100", "UPDATE people SET id = 100 WHERE id = 2"):
        database.execute(statement)
    pgweave.start_and_catch_up()
    assert person(graph, 100) == {"labels": ["Person"], "name": "p2", "badge": None, "hanging": ["IN"]}
    assert person(graph, 1) is None and person(graph, 2) is None
    assert_equal(pgweave)


@pytest.mark.sampled(0)
def test_the_choice_is_taken_back(people, database, graph):
    pgweave = people("on_delete: tombstone")
    goes(database, 1)
    pgweave.catch_up()
    pgweave.terminate()
    pgweave.map(MAPPING.format(choice="on_delete: detach"))
    assert pgweave.command("apply").rc == 0
    assert person(graph, 1) is None
    pgweave.start_and_catch_up()
    assert_equal(pgweave)
