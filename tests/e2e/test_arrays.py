"""Arrays whose elements are keys of other nodes, or values: one relationship for each element."""
import dataclasses

import pytest

from agreement import assert_agreement
from compare_graph import Elements, ForeignKey, Node, Value, same
from graph import PLACEHOLDER
from waiting import wait_until

SCHEMA = """
    CREATE TYPE mood AS ENUM ('sad', 'so so');
    CREATE DOMAIN tags AS text[];
    CREATE TABLE groups (id bigint PRIMARY KEY, name text);
    CREATE TABLE persons (id bigint PRIMARY KEY, name text, tags tags, moods mood[], friends bigint[], groups bigint[], days date[],
                          active boolean DEFAULT true, kind text, notes text);
    INSERT INTO groups SELECT i, 'g' || i FROM generate_series(1, 4) i;
    INSERT INTO persons VALUES
        (1, 'Ada', '{a,b,a}', '{sad}', '{2,3}', '{1,2,2}', '{2000-01-01,infinity}'),
        (2, 'Bo', '{}', NULL, '{1,NULL,77,1}', '{3}', '{NULL}'),
        (3, 'Cy', NULL, '{sad,"so so",NULL,sad}', '{3}', '[5:6]={1,4}', NULL),
        (4, 'Di', '{"",NULL,"NULL","it''s \\"odd\\" {x}, y"}', NULL, NULL, '{{1,2},{3,1}}', '{2000-01-01}'),
        (5, 'Ed', '{b}', '{"so so"}', '{}', '{9}', NULL),
        (8, 'Flo', '{NULL,""}', NULL, NULL, NULL, NULL);
"""
YAML = """
nodes:
  Person:
    table: persons
    properties: [id, name, notes]
    relationships:
      TAGGED: {to: Tag, column: tags}
      FELT: {from: Mood, column: moods, position: nth}
      KNOWS: {to: Person, column: friends, where: active}
      IN: {to: Group, column: groups, position: at, type: {column: kind, values: {boss: LEADS}}}
      FREE_ON: {to: Day, column: days}
  Group: {table: groups}
  Tag: {value: name}
  Mood: {value: name, unused: keep}
  Day: {value: date}
"""
MAPPING = [
    Node("Person", "persons", ("id",), same("id", "name", "notes")),
    Node("Group", "groups", ("id",), same("id", "name")),
    Value("Tag", "name"),
    Value("Mood", "name", keep=True),
    Value("Day", "date", temporal=True),
    Elements("TAGGED", "Person", "tags", "Tag"),
    Elements("FELT", "Person", "moods", "Mood", from_owner=False, position="nth"),
    Elements("KNOWS", "Person", "friends", "Person", where="active"),
    Elements("IN", "Person", "groups", "Group", position="at", where="kind IS DISTINCT FROM 'boss'"),
    Elements("LEADS", "Person", "groups", "Group", position="at", where="kind = 'boss'"),
    Elements("FREE_ON", "Person", "days", "Day"),
]


@pytest.fixture
def people(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def test_first_load(people, database, graph):
    assert_agreement(people, database, graph, MAPPING)
    assert graph.value("MATCH (:Person {id: 1})-[r:TAGGED]->(t) RETURN count(r)") == 2
    assert graph.query("MATCH (:Person {id: 4})-[r:IN]->(g) RETURN r.at AS at, g.id AS id ORDER BY at") == [
        {"at": 1, "id": 1}, {"at": 2, "id": 2}, {"at": 3, "id": 3}, {"at": 4, "id": 1}]
    assert graph.query("MATCH (:Person {id: 3})<-[r:FELT]-(m) RETURN r.nth AS nth, m.name AS name ORDER BY nth") == [
        {"nth": 1, "name": "sad"}, {"nth": 2, "name": "so so"}, {"nth": 4, "name": "sad"}]
    assert graph.value(f"MATCH (n:{PLACEHOLDER}) RETURN count(n)") == 2  # friend 77, group 9
    assert sorted(r["name"] for r in graph.query("MATCH (t:Tag) RETURN t.name AS name")) == ["", "NULL", "a", "b", 'it\'s "odd" {x}, y']


@pytest.mark.sampled(11)
@pytest.mark.parametrize("change", [
    "UPDATE persons SET tags = tags || '{c}'",
    "UPDATE persons SET tags = array_remove(tags, 'a')",
    "UPDATE persons SET tags = '{x,y,z}', moods = NULL, friends = '{}', groups = '{NULL}', days = '{2024-02-29,-infinity}'",
    "UPDATE persons SET moods = '{sad,\"so so\",sad}', groups = '{3,2,1}'",
    "UPDATE persons SET groups = groups[2:] || groups[1] WHERE id < 3",
    "UPDATE persons SET friends = '{5,6}' WHERE id = 1; UPDATE persons SET friends = '{6}' WHERE id = 2",
    "UPDATE persons SET active = NOT active",
    "UPDATE persons SET active = false WHERE id < 3; UPDATE persons SET active = true, friends = '{4}' WHERE id = 1",
    "UPDATE persons SET kind = CASE WHEN kind IS NULL THEN 'boss' END",
    "UPDATE persons SET kind = 'boss', groups = '{4,4}' WHERE id < 3",
    "UPDATE persons SET id = id + 10",
    "UPDATE persons SET id = id + 10, friends = '{11,12}', tags = '{b}' WHERE id IN (1, 2)",
    "UPDATE groups SET id = id + 5",
    "UPDATE groups SET id = CASE id WHEN 1 THEN 9 ELSE id END",
    "DELETE FROM groups WHERE id < 3; INSERT INTO groups VALUES (1, 'again')",
    "DELETE FROM persons WHERE id IN (1, 3)",
    "DELETE FROM persons; DELETE FROM groups",
    "TRUNCATE persons",
    "TRUNCATE groups; INSERT INTO groups VALUES (9, 'nine')",
    "INSERT INTO persons (id, tags, groups) VALUES (77, '{a,q}', '{9,9}'); UPDATE persons SET tags = '{q}' WHERE id = 77",
    "DELETE FROM persons WHERE id = 1; INSERT INTO persons (id, tags, friends) VALUES (1, '{b,b}', '{1}')",
])
def test_elements_come_and_go(people, database, graph, change):
    database.execute(change)
    assert_agreement(people, database, graph, MAPPING)
    for statement in change.split("; "):  # and one at a time, where it can be done again
        if "INSERT" not in statement and "id +" not in statement:
            database.execute(statement)
    assert_agreement(people, database, graph, MAPPING)


@pytest.mark.sampled(0)
def test_plan_shows_what_is_made(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    shown = pgweave.command("plan").stdout
    for words in ("values of   public.persons.tags", "unused      goes when no relationship is left at it", "unused      stays",
                  "Mood FELT Person by each of moods of Person", "makes       one for each element, its place as nth",
                  "(:Person {id: 1})-[:TAGGED]->(:Tag {name: 'b'})", "(:Mood {name: 'sad'})-[:FELT {nth: 1}]->(:Person {id: 1})"):
        assert words in shown
    plan = pgweave.command("plan", "--json").json
    nodes, edges = ({part[name]: part for part in plan[parts]} for parts, name in (("nodes", "label"), ("relationships", "type")))
    assert (nodes["Tag"]["table"], nodes["Tag"]["unused"], nodes["Mood"]["unused"]) == (None, "remove", "keep")
    assert (edges["TAGGED"]["each"], edges["TAGGED"]["position"], edges["FELT"]["position"]) == (True, None, "nth")
    assert "one for each value" in pgweave.command("plan", "--format", "svg").stdout


def test_what_stays_keeps_its_relationship(people, database, graph):
    people.catch_up()
    graph.query("MATCH (:Person {id: 1})-[r:TAGGED]->(:Tag {name: 'b'}) SET r.mine = 1")
    graph.query("MATCH (:Person {id: 1})-[r:IN {at: 2}]->() SET r.mine = 2")
    database.execute("UPDATE persons SET tags = '{z,b}', groups = '{4,2,1}' WHERE id = 1", "UPDATE persons SET name = 'other'")
    assert_agreement(people, database, graph, MAPPING)
    assert graph.value("MATCH (:Person {id: 1})-[r:TAGGED {mine: 1}]->(t) RETURN t.name") == "b"
    assert graph.value("MATCH (:Person {id: 1})-[r:IN {mine: 2}]->(g) RETURN g.id") == 2
    database.execute("UPDATE persons SET id = 21 WHERE id = 1", "UPDATE groups SET name = 'two' WHERE id = 2")
    assert_agreement(people, database, graph, MAPPING)
    assert graph.value("MATCH (:Person {id: 21})-[r:TAGGED {mine: 1}]->(t) RETURN t.name") == "b"


@pytest.mark.sampled(0)
def test_a_large_array_that_was_not_touched(people, database, graph):
    database.execute("ALTER TABLE persons ALTER COLUMN tags SET STORAGE EXTERNAL", "ALTER TABLE persons ALTER COLUMN friends SET STORAGE EXTERNAL",
                     "UPDATE persons SET tags = (SELECT array_agg('t' || i) FROM generate_series(1, 2000) i), "
                     "friends = (SELECT array_agg(i) FROM generate_series(1, 1500) i) WHERE id = 1")
    assert_agreement(people, database, graph, MAPPING)
    database.execute("UPDATE persons SET name = 'other' WHERE id = 1", "UPDATE persons SET id = 31 WHERE id = 1")
    assert_agreement(people, database, graph, MAPPING)
    assert graph.value("MATCH (:Person {id: 31})-[r:TAGGED]->() RETURN count(r)") == 2000
    database.execute("UPDATE persons SET active = false WHERE id = 31")
    assert_agreement(people, database, graph, MAPPING)
    database.execute("UPDATE persons SET active = true WHERE id = 31")  # and friends is not sent
    people.catch_up()
    letters = graph.query("MATCH (d:_PgweaveDeadLetter) RETURN d.message AS message")
    assert len(letters) == 1 and "REPLICA IDENTITY FULL" in letters[0]["message"]
    database.execute("ALTER TABLE persons REPLICA IDENTITY FULL", "UPDATE persons SET name = 'third' WHERE id = 31")
    assert_agreement(people, database, graph, MAPPING)


@pytest.mark.sampled(0)
def test_verify_tells_each_difference(people, database, graph):
    people.catch_up()
    graph.query("MATCH (:Person {id: 1})-[r:TAGGED]->(:Tag {name: 'b'}) DELETE r")
    graph.query("MATCH (p:Person {id: 5}), (t:Tag {name: 'a'}) CREATE (p)-[:TAGGED]->(t)")
    graph.query("MATCH (:Person {id: 1})-[r:IN {at: 3}]->() SET r.at = 4")
    graph.query("MATCH (:Person {id: 2})-[r:IN]->() REMOVE r.at")
    result = people.command("verify", "--json")
    assert result.rc == 1
    found = sorted((difference["kind"], difference["type"], str(difference.get("key"))) for difference in result.json["differences"])
    assert found == [("edge_extra", "IN", "{'at': 4}"), ("edge_extra", "IN", "{'at': None}"), ("edge_extra", "TAGGED", "None"),
                     ("edge_missing", "IN", "{'at': 1}"), ("edge_missing", "IN", "{'at': 3}"), ("edge_missing", "TAGGED", "None")]
    assert "at: 4" in people.command("verify").stdout or "(4)" in people.command("verify").stdout
    database.execute("UPDATE persons SET name = name || '!'")  # every row brings its relationships in line
    assert_agreement(people, database, graph, MAPPING)


@pytest.mark.sampled(0)
def test_a_load_over_a_stale_graph(people, database, graph):
    people.catch_up()
    people.terminate()
    graph.query("MATCH (p:Person {id: 1}), (t:Tag {name: 'b'}) CREATE (p)-[:TAGGED]->(t), (p)-[:TAGGED]->(:Tag {name: 'old'})")
    graph.query("MATCH (p:Person {id: 2}), (g:Group {id: 4}) CREATE (p)-[:IN {at: 9}]->(g), (p)-[:IN]->(g)")
    graph.query("CREATE (:Person {id: 99})-[:TAGGED]->(:Tag {name: 'older'})")
    database.execute("UPDATE persons SET tags = '{n}' WHERE id = 5")
    people.start("--resnapshot")
    wait_until(lambda: "streaming from" in people.log.rpartition("snapshot")[2], 120)
    assert_agreement(people, database, graph, MAPPING)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("old, new, parts", [
    ("TAGGED: {to: Tag, column: tags}", "TAGGED: {to: Tag, column: tags, position: at}", {"TAGGED": {"position": "at"}}),
    ("position: nth", "position: th", {"FELT": {"position": "th"}}),
    (", position: nth", "", {"FELT": {"position": None}}),
    (", where: active", "", {"KNOWS": {"where": "true"}}),
    ("{from: Mood, column: moods, position: nth}", "{to: Mood, column: moods}", {"FELT": {"from_owner": True, "position": None}}),
    ("TAGGED:", "CARRIES:", {"TAGGED": {"type": "CARRIES"}}),
    ("column: days", "column: born", {"FREE_ON": None}),
    ("      TAGGED: {to: Tag, column: tags}\n", "", {"TAGGED": None}),
    ("unused: keep", "unused: remove", {"Mood": {"keep": False}}),
    ("  Tag: {value: name}", "  Tag: {value: word, labels: [Word]}", {"Tag": {"property": "word"}}),
])
def test_a_changed_mapping_is_applied(people, database, graph, old, new, parts):
    database.execute("ALTER TABLE persons ADD COLUMN born date", "UPDATE persons SET born = '1999-09-09', moods = '{sad,sad}' WHERE id = 2")
    people.catch_up()
    people.terminate()
    graph.query("CREATE (:Mood {name: 'unused'})")
    assert old in YAML
    yaml = YAML.replace(old, new)
    if "TAGGED" not in yaml and "CARRIES" not in yaml:
        yaml = yaml.replace("  Tag: {value: name}\n", "")
    people.map(yaml)
    done = people.command("apply")
    assert done.rc == 0, done.stderr
    people.start()
    mapping = []
    for part in MAPPING:
        change = parts.get(getattr(part, "label", None) or part.type, {})
        if change is not None:
            mapping.append(dataclasses.replace(part, **change))
    if "column: born" in new:
        mapping.append(ForeignKey("FREE_ON", "Person", ("born",), "Day"))
    if "TAGGED" not in yaml and "CARRIES" not in yaml:
        mapping = [part for part in mapping if getattr(part, "label", None) != "Tag"]
        assert graph.count("Tag") == 0
    assert_agreement(people, database, graph, mapping)


@pytest.mark.sampled(0)
def test_a_kill_in_between_leaves_no_trace(people, database, graph):
    for turn in range(8):
        for step in range(15):
            database.execute(f"UPDATE persons SET tags = ARRAY['a', 't{turn}', 't{step}', NULL], groups = ARRAY[{step % 5}, id, {turn}, id], "
                             f"friends = ARRAY[id, {step} % 7 + 1]", f"UPDATE groups SET id = CASE id WHEN {step % 4 + 1} THEN 8 WHEN 8 THEN {step % 4 + 1} ELSE id END WHERE id = {step % 4 + 1} AND NOT EXISTS (SELECT FROM groups WHERE id = 8) OR id = 8 AND NOT EXISTS (SELECT FROM groups WHERE id = {step % 4 + 1})")
        people.kill()
        graph.wait_until_quiet()
        people.start()
    assert_agreement(people, database, graph, MAPPING)
