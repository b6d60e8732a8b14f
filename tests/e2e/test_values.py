"""Nodes made of values: a column's values as nodes that rows share, made and removed with what leads to them."""
import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, Value, same
from waiting import wait_until

SCHEMA = """
    CREATE TABLE persons (id bigint PRIMARY KEY, name text, country text, born date, color text);
    CREATE TABLE firms (id bigint PRIMARY KEY, country varchar(20), boss bigint REFERENCES persons ON DELETE CASCADE);
    CREATE TABLE visits (person bigint REFERENCES persons ON DELETE CASCADE, country text, times int, PRIMARY KEY (person, country));
    CREATE TABLE flights (id bigint PRIMARY KEY, start text, goal text);
    INSERT INTO persons VALUES (1, 'Ada', 'UK', '1815-12-10', 'red'), (2, 'Bo', 'SE', NULL, 'blue'), (3, 'Cy', NULL, '1900-01-01', NULL),
                               (4, 'Di', 'UK', '1815-12-10', 'red'), (5, 'Ed', '', NULL, 'it''s `odd`');
    INSERT INTO firms VALUES (1, 'UK', 1), (2, 'DE', NULL), (3, NULL, 2);
    INSERT INTO visits VALUES (1, 'FR', 2), (1, 'UK', 1), (2, 'FR', 3), (3, 'IT', 1);
    INSERT INTO flights VALUES (1, 'UK', 'FR'), (2, 'UK', 'FR'), (3, NULL, 'FR'), (4, 'PT', 'PT');
"""
YAML = """
nodes:
  Person:
    table: persons
    properties: [id, name]
    relationships:
      LIVES_IN: {to: Country, column: country}
      BORN_ON: {to: Day, column: born}
      LIKES: {from: Color, column: color}
  Firm:
    table: firms
    relationships: {SITS_IN: {to: Country, column: country}, LED_BY: {to: Person, column: boss}}
  Country: {value: code, labels: [Place]}
  Day: {value: date}
  Color: {value: name, unused: keep}
relationships:
  VISITED: {table: visits, from: {Person: person}, to: {Country: country}, properties: [times]}
  FLIES: {table: flights, from: {Country: start}, to: {Country: goal}, properties: [id]}
"""
MAPPING = [
    Node("Person", "persons", ("id",), same("id", "name")),
    Node("Firm", "firms", ("id",), same("id")),
    Value("Country", "code"),
    Value("Day", "date", temporal=True),
    Value("Color", "name", keep=True),
    ForeignKey("LIVES_IN", "Person", ("country",), "Country"),
    ForeignKey("BORN_ON", "Person", ("born",), "Day"),
    ForeignKey("LIKES", "Person", ("color",), "Color", from_owner=False),
    ForeignKey("SITS_IN", "Firm", ("country",), "Country"),
    ForeignKey("LED_BY", "Firm", ("boss",), "Person"),
    Join("VISITED", "visits", ("Person", ("person",)), ("Country", ("country",)), same("times")),
    Join("FLIES", "flights", ("Country", ("start",)), ("Country", ("goal",)), same("id"), key=("id",)),
]


@pytest.fixture
def world(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def countries(graph):
    return sorted(record["code"] for record in graph.query("MATCH (n:Country) RETURN n.code AS code"))


def test_first_load(world, database, graph):
    assert_agreement(world, database, graph, MAPPING)
    assert countries(graph) == ["", "DE", "FR", "IT", "PT", "SE", "UK"]
    assert graph.value("MATCH (n:Country) WHERE NOT n:Place RETURN count(n)") == 0
    assert graph.value("MATCH (n) WHERE n:_PgweavePlaceholder RETURN count(n)") == 0


@pytest.mark.sampled(18)
@pytest.mark.parametrize("change", [
    "UPDATE persons SET country = 'NO'",
    "UPDATE persons SET country = 'UK' WHERE id = 2",
    "UPDATE persons SET country = NULL, born = NULL, color = NULL",
    "UPDATE persons SET country = CASE id WHEN 1 THEN 'SE' WHEN 2 THEN 'UK' ELSE 'PL' END",
    "UPDATE persons SET color = 'green', born = born + 1",
    "DELETE FROM persons WHERE id IN (2, 5)",
    "DELETE FROM persons",
    "DELETE FROM visits; DELETE FROM flights; DELETE FROM persons; DELETE FROM firms",
    "TRUNCATE persons, firms, visits, flights",
    "TRUNCATE flights; INSERT INTO flights VALUES (9, 'XX', 'UK')",
    "UPDATE firms SET country = 'AT' WHERE id = 2; UPDATE firms SET country = 'UK' WHERE id = 3",
    "UPDATE visits SET country = 'ES' WHERE country = 'IT'",
    "UPDATE visits SET person = 4 WHERE person = 2",
    "UPDATE flights SET start = goal, goal = start",
    "UPDATE flights SET id = id + 10, goal = 'UK' WHERE id > 2",
    "UPDATE persons SET id = id + 10 WHERE id > 3; UPDATE persons SET country = 'CH' WHERE id = 15",
    "INSERT INTO persons VALUES (8, 'Hy', 'CZ', '2000-01-01', 'black'); DELETE FROM persons WHERE id = 8",
    "DELETE FROM persons WHERE id = 2; INSERT INTO persons VALUES (2, 'Bo', 'SE', NULL, 'blue')",
])
def test_values_move_with_their_rows(world, database, graph, change):
    database.execute(change)
    assert_agreement(world, database, graph, MAPPING)
    for statement in change.split("; "):  # and one at a time, where it can be done again
        if "INSERT" not in statement and "+ 10" not in statement:
            database.execute(statement)
    assert_agreement(world, database, graph, MAPPING)


def test_unused_ones_go_unless_they_are_kept(world, database, graph):
    world.catch_up()
    graph.query("MATCH (n:Country {code: 'DE'}) CREATE (:Note {text: 'graph-only'})-[:ABOUT]->(n)")
    graph.query("MATCH (n:Color {name: 'blue'}) SET n.mine = 1")
    graph.query("MATCH (n:Country {code: 'SE'}) SET n.mine = 1")
    database.execute("UPDATE firms SET country = NULL", "UPDATE persons SET country = 'PT', color = NULL WHERE id = 2")
    assert_agreement(world, database, graph, MAPPING)
    assert "DE" in countries(graph) and "SE" not in countries(graph)
    assert graph.value("MATCH (n:Color {name: 'blue'}) RETURN n.mine") == 1
    database.execute("UPDATE firms SET country = 'DE' WHERE id = 1")  # the one that is there is used again
    assert_agreement(world, database, graph, MAPPING)
    assert graph.value("MATCH (:Firm {id: 1})-[:SITS_IN]->(n)<-[:ABOUT]-() RETURN n.code") == "DE"


@pytest.mark.sampled(0)
def test_what_leaves_and_comes_in_one_statement_keeps_its_node(world, database, graph):
    """The only one of Sweden moves away while another moves there: the node has always been in use."""
    world.catch_up()
    graph.query("MATCH (n:Country {code: 'SE'}) SET n.mine = 1")
    database.execute("UPDATE persons SET country = CASE id WHEN 2 THEN 'UK' ELSE 'SE' END WHERE id IN (1, 2)")
    assert_agreement(world, database, graph, MAPPING)
    assert graph.value("MATCH (n:Country {code: 'SE'}) RETURN n.mine") == 1


def test_verify_tells_what_is_unused_and_what_is_missing(world, database, graph):
    world.catch_up()
    graph.query("CREATE (:Country:Place {code: 'XX'}), (:Country:Place {code: 7}), (:Color {name: 'unused, and kept'})")
    graph.query("MATCH (n:Country {code: 'IT'}) DETACH DELETE n")
    graph.query("MATCH (n:Country {code: 'PT'}) REMOVE n:Place")
    result = world.command("verify", "--json")
    assert result.rc == 1
    found = {(difference["kind"], difference["name"], difference.get("note")) for difference in result.json["differences"]}
    assert found == {("node_extra", "Country", "made of a value that nothing leads to"), ("node_label", "Country", None),
                     ("node_extra", "Country", "its key is none that a row can have"),
                     ("edge_missing", "Person VISITED Country by visits (person -> country)", None)}
    assert world.command("verify").rc == 1
    named = {line["name"] for line in world.command("verify", "--json", "Color").json["entities"]}
    assert "Color" in named and "Firm" not in named


@pytest.mark.sampled(0)
def test_a_load_over_a_stale_graph_removes_what_is_unused(world, database, graph):
    world.catch_up()
    world.terminate()
    graph.query("CREATE (:Country {code: 'XX'})<-[:LIVES_IN]-(:Person {id: 99}), (:Country {code: 'YY'}), (:Color {name: 'old'})")
    graph.query("MATCH (p:Person {id: 1}), (n:Country {code: 'FR'}) CREATE (p)-[:LIVES_IN]->(n)")
    graph.query("MATCH (n:Country {code: 'SE'}) DETACH DELETE n")
    database.execute("UPDATE persons SET country = 'NO' WHERE id = 5")
    world.start("--resnapshot")
    wait_until(lambda: "streaming from" in world.log.rpartition("snapshot")[2], 120)
    assert_agreement(world, database, graph, MAPPING)
    assert not {"XX", "YY", ""} & set(countries(graph))
    assert graph.value("MATCH (n:Color {name: 'old'}) RETURN count(n)") == 1


@pytest.mark.sampled(0)
def test_values_of_another_type(world, database, graph):
    """The column is altered while pgweave runs: none of the old nodes is one of the new ones."""
    world.catch_up()
    graph.query("CREATE (:Day {date: date('1999-01-01')})")
    database.execute("ALTER TABLE persons ALTER born TYPE text USING 'on ' || born", "UPDATE persons SET born = 'never' WHERE id = 2")
    mapping = [Value("Day", "date") if part == Value("Day", "date", temporal=True) else part for part in MAPPING]
    wait_until(lambda: graph.value("MATCH (n:Day {date: 'never'}) RETURN count(n)") == 1, 120)
    assert_agreement(world, database, graph, mapping)
    assert sorted(record["date"] for record in graph.query("MATCH (n:Day) RETURN n.date AS date")) == ["never", "on 1815-12-10", "on 1900-01-01"]


@pytest.mark.sampled(0)
@pytest.mark.parametrize("old, new, remaining", [
    ("Country: {value: code, labels: [Place]}", "Country: {value: name, labels: [Land], unused: keep}", None),
    ("      BORN_ON: {to: Day, column: born}\n", "", "Day"),
    ("{to: Day, column: born}", "{to: Date, column: born}", "Day"),
])
def test_a_changed_mapping_is_applied(world, database, graph, old, new, remaining):
    world.catch_up()
    world.terminate()
    graph.query("MATCH (n:Country {code: 'UK'}) SET n.mine = 1")
    assert old in YAML
    yaml = YAML.replace(old, new)
    if remaining:
        yaml = yaml.replace("  Day: {value: date}\n", "  Date: {value: date}\n" if "Date" in new else "")
    world.map(yaml)
    done = world.command("apply")
    assert done.rc == 0, done.stderr
    world.start()
    changes = {"Country": Value("Country", "name", keep=True)} if not remaining else {}
    mapping = [changes.get(getattr(part, "label", None), part) for part in MAPPING
               if not remaining or part.__dict__.get("label") != "Day" and part.__dict__.get("type") != "BORN_ON"]
    if "Date" in new:
        mapping += [Value("Date", "date", temporal=True), ForeignKey("BORN_ON", "Person", ("born",), "Date")]
    elif remaining:
        mapping[0] = Node("Person", "persons", ("id",), same("id", "name"))
    assert_agreement(world, database, graph, mapping)
    assert not remaining or graph.count(remaining) == 0
    assert graph.value("MATCH (n:Country) WHERE n.mine = 1 RETURN count(n)") == 1
    if not remaining:
        assert graph.value("MATCH (n:Place) RETURN count(n)") == 0 and graph.value("MATCH (n:Land) RETURN count(n)") == 7


@pytest.mark.sampled(0)
def test_rows_into_values_in_one_go_are_refused(world, database, graph):
    world.catch_up()
    world.terminate()
    world.map(YAML.replace("  Firm:\n    table: firms\n    relationships: {SITS_IN: {to: Country, column: country}, LED_BY: {to: Person, column: boss}}\n",
                           "  Firm: {value: name}\n").replace("LIVES_IN: {to: Country, column: country}", "LIVES_IN: {to: Firm, column: country}"))
    refused = world.command("apply")
    assert refused.rc == 74 and "Firm cannot be made of values instead of rows in one go" in refused.stderr + refused.stdout


@pytest.mark.sampled(0)
def test_a_kill_in_between_leaves_no_trace(world, database, graph):
    """Values come and go all the time; the process is killed again and again, and the graph is right to the last node."""
    for turn in range(8):
        for step in range(20):
            database.execute(f"UPDATE persons SET country = 'C{turn}-{step}-' || id % 2, color = 'c{step % 3}'",
                             f"UPDATE flights SET start = 'C{turn}-{step}-1', goal = NULL WHERE id = {step % 4 + 1}")
        world.kill()
        graph.wait_until_quiet()
        world.start()
    assert_agreement(world, database, graph, MAPPING)
