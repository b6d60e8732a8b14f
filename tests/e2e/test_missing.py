"""Relationships whose end has no row: with `missing: skip` nobody sees them until the row is there, and none is ever lost."""
import dataclasses
import random
import subprocess

import psycopg
import pytest

from agreement import assert_agreement
from compare_graph import Elements, ForeignKey, Join, Node, compare, same
from graph import PLACEHOLDER, WAITING
from pgweave import BINARY
from waiting import wait_until

SCHEMA = """
    CREATE TABLE teams (id bigint PRIMARY KEY, name text, parent bigint, active boolean DEFAULT true);
    CREATE TABLE sites (code text PRIMARY KEY, name text);
    CREATE TABLE persons (id bigint PRIMARY KEY, name text, team bigint, boss bigint, sites text[], 
                          team2 bigint REFERENCES teams ON UPDATE CASCADE ON DELETE SET NULL,
                          home text REFERENCES sites ON UPDATE CASCADE ON DELETE SET NULL);
    CREATE TABLE members (person bigint, team bigint, role text, PRIMARY KEY (person, team));
    CREATE TABLE visits (id bigint PRIMARY KEY, person bigint, site text, days int);
    INSERT INTO teams VALUES (1, 'one', 2, true), (2, 'two', 9, true), (3, 'three', NULL, true), (4, 'idle', 1, false);
    INSERT INTO sites VALUES ('a', 'A'), ('b', 'B');
    INSERT INTO persons VALUES (1, 'Ada', 1, 2, '{a,x,b}', 1, 'a'), (2, 'Bo', 7, 8, '{x,y}', NULL, 'b'), (3, 'Cy', 4, 3, NULL, 3, NULL),
                               (4, 'Di', NULL, 1, '{}', 2, 'a');
    INSERT INTO members VALUES (1, 1, 'r'), (1, 7, 's'), (8, 7, 't'), (8, 1, 'u'), (2, 4, 'v');
    INSERT INTO visits VALUES (1, 1, 'a', 1), (2, 1, 'x', 2), (3, 8, 'x', 3), (4, 8, 'a', 4), (5, 1, 'x', 5);
"""
YAML = """
nodes:
  Team:
    table: teams
    where: active
    missing: skip
    properties: [id, name]
    relationships: {PART_OF: {to: Team, column: parent}}
  Site: {table: sites, missing: skip}
  Person:
    table: persons
    properties: [id, name]
    PERSONS
    relationships:
      IN: {to: Team, column: team}
      ALSO_IN: {to: Team, column: team2}
      LIVES_AT: {to: Site, column: home}
      REPORTS_TO: {to: Person, column: boss}
      WORKS_AT: {to: Site, column: sites, position: at}
relationships:
  MEMBER_OF: {table: members, from: {Person: person}, to: {Team: team}, properties: [role]}
  VISITED: {table: visits, from: {Person: person}, to: {Site: site}, properties: [id, days], key: id}
"""


def mapping(persons_wait):
    return [
        Node("Team", "teams", ("id",), same("id", "name"), where="active", waits=True),
        Node("Site", "sites", ("code",), same("code", "name"), waits=True),
        Node("Person", "persons", ("id",), same("id", "name"), waits=persons_wait),
        ForeignKey("PART_OF", "Team", ("parent",), "Team"),
        ForeignKey("IN", "Person", ("team",), "Team"),
        ForeignKey("ALSO_IN", "Person", ("team2",), "Team"),
        ForeignKey("LIVES_AT", "Person", ("home",), "Site"),
        ForeignKey("REPORTS_TO", "Person", ("boss",), "Person"),
        Elements("WORKS_AT", "Person", "sites", "Site", position="at"),
        Join("MEMBER_OF", "members", ("Person", ("person",)), ("Team", ("team",)), same("role")),
        Join("VISITED", "visits", ("Person", ("person",)), ("Site", ("site",)), same("id", "days"), key=("id",)),
    ]


def yaml(persons):
    return YAML.replace("PERSONS", f"missing: {persons}")


CHANGES = [
    "INSERT INTO teams VALUES (7, 'seven', 1)",
    "INSERT INTO sites VALUES ('x', 'X'); DELETE FROM sites WHERE code = 'x'; INSERT INTO sites VALUES ('x', 'again')",
    "INSERT INTO persons VALUES (8, 'Hy', 7, 1, '{x,a}')",
    "INSERT INTO persons VALUES (8, 'Hy', 7, 1, '{x,a}'); INSERT INTO teams VALUES (7, 'seven', 7), (9, 'nine', 4)",
    "UPDATE teams SET active = NOT active",
    "UPDATE teams SET active = true; UPDATE teams SET active = false WHERE id = 1; UPDATE teams SET active = true",
    "DELETE FROM teams WHERE id = 1; INSERT INTO teams VALUES (1, 'back', 3)",
    "DELETE FROM sites; INSERT INTO sites VALUES ('y', 'Y'), ('b', 'B2')",
    "DELETE FROM persons WHERE id = 1",
    "DELETE FROM persons; DELETE FROM members; DELETE FROM visits",
    "TRUNCATE sites, persons; INSERT INTO sites VALUES ('x', 'X')",
    "TRUNCATE persons; INSERT INTO persons VALUES (8, 'Hy', 7, 1, '{x,a}')",
    "TRUNCATE members, visits; INSERT INTO sites VALUES ('x', 'X')",
    "UPDATE sites SET code = 'x' WHERE code = 'a'; UPDATE sites SET code = 'a' WHERE code = 'x'",
    "UPDATE sites SET code = 'y' WHERE code = 'a'; UPDATE sites SET code = 'x' WHERE code = 'b'; UPDATE visits SET days = days + 1",
    "UPDATE teams SET id = 7 WHERE id = 2; UPDATE teams SET id = 9 WHERE id = 3",
    "UPDATE persons SET id = 8 WHERE id = 2; UPDATE persons SET boss = 2",
    "UPDATE persons SET team = 7; UPDATE persons SET team = CASE id WHEN 1 THEN 1 ELSE 77 END",
    "UPDATE persons SET team = NULL, boss = NULL, sites = NULL",
    "UPDATE persons SET sites = sites || '{z}'; UPDATE persons SET sites = array_remove(sites, 'x')",
    "UPDATE members SET role = role || '!'; UPDATE members SET team = team + 10; UPDATE members SET team = team - 10",
    "UPDATE members SET person = 6 WHERE person = 8; INSERT INTO persons VALUES (6, 'Fy', 9)",
    "UPDATE visits SET id = id + 10; UPDATE visits SET site = 'y' WHERE site = 'x'; UPDATE visits SET days = 0",
    "UPDATE visits SET id = id + 10, site = CASE site WHEN 'a' THEN 'x' ELSE 'a' END, person = 3",
    "INSERT INTO visits VALUES (9, 8, 'x', 9); UPDATE visits SET person = 1 WHERE id = 9; DELETE FROM visits WHERE id = 2",
    "INSERT INTO persons VALUES (8, 'Hy', 7, 8, '{q}'); DELETE FROM persons WHERE id = 8",
    "UPDATE teams SET parent = id; UPDATE teams SET parent = 9 - id",
    "DELETE FROM teams; INSERT INTO teams SELECT i, 't' || i, i + 1, true FROM generate_series(1, 9) i",
]


@pytest.fixture
def world(database, pgweave, request):
    persons = getattr(request, "param", "placeholder")
    database.execute(SCHEMA)
    pgweave.map(yaml(persons))
    pgweave.start_and_catch_up()
    pgweave.mapping = mapping(persons != "placeholder")
    return pgweave


def hidden(graph):
    """How many nodes and relationships wait."""
    return (graph.value(f"MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '{WAITING}') RETURN count(n)"),
            graph.value(f"MATCH ()-[r]->() WHERE type(r) STARTS WITH '{WAITING}' RETURN count(r)"))


@pytest.mark.sampled(0)
def test_first_load(world, database, graph):
    assert_agreement(world, database, graph, world.mapping)
    assert graph.value("MATCH (:Person {id: 1})-[r:WORKS_AT]->() RETURN count(r)") == 2
    assert graph.pairs("IN") == [(1, 1)]
    assert graph.value(f"MATCH (n:{PLACEHOLDER}) RETURN count(n)") == 1  # person 8
    # teams 4, 7, 9 and sites x, y; IN 7 and 4, PART_OF 9, WORKS_AT x twice and y, MEMBER_OF 7 twice and 4, VISITED x three times
    assert hidden(graph) == (5, 12)


@pytest.mark.sampled(28)
@pytest.mark.parametrize("world", ["placeholder", "skip"], indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_ends_come_and_go(world, database, graph, change):
    statements = change.split("; ")
    with database.connect() as connection:  # all at once
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
    assert_agreement(world, database, graph, world.mapping)
    database.execute("TRUNCATE persons, teams, sites, members, visits", *SCHEMA[SCHEMA.index("INSERT"):].strip().rstrip(";").split(";\n"))
    assert_agreement(world, database, graph, world.mapping)
    for statement in statements:  # and one after the other
        database.execute(statement)
        world.catch_up()
    assert_agreement(world, database, graph, world.mapping)


@pytest.mark.sampled(0)
def test_what_is_graph_only_waits_too(world, database, graph):
    world.catch_up()
    graph.query("MATCH (:Person {id: 1})-[r:IN]->(t) SET r.mine = 1, t.mine = 2 CREATE (:Note {text: 'graph-only'})-[:ABOUT]->(t)")
    graph.query("MATCH ()-[r:VISITED {id: 4}]->() SET r.mine = 3")
    database.execute("DELETE FROM teams WHERE id = 1", "UPDATE persons SET home = NULL", "UPDATE sites SET code = 'q' WHERE code = 'a'")
    assert_agreement(world, database, graph, world.mapping)
    assert graph.count("Team") == 2 and graph.pairs("IN") == [] and graph.value("MATCH (n:Note)-->() RETURN count(n)") == 1
    database.execute("INSERT INTO teams VALUES (1, 'back')", "INSERT INTO sites VALUES ('a', 'A again')")
    assert_agreement(world, database, graph, world.mapping)
    assert graph.query("MATCH (:Person {id: 1})-[r:IN]->(t:Team)<-[:ABOUT]-(:Note) RETURN r.mine AS r, t.mine AS t") == [{"r": 1, "t": 2}]
    assert graph.value("MATCH ()-[r:VISITED {id: 4}]->(:Site) RETURN r.mine") == 3


@pytest.mark.sampled(0)
def test_of_what_many_wait_for_only_those_are_touched_that_change(world, database, graph):
    database.execute("INSERT INTO persons SELECT i, 'p', 7, i FROM generate_series(100, 199) i")
    assert_agreement(world, database, graph, world.mapping)
    ids = f"MATCH (p)-[r:{WAITING}IN]->() RETURN p.id AS person, elementId(r) AS id ORDER BY person"
    before = graph.query(ids)
    assert len(before) == 102
    database.execute("INSERT INTO persons VALUES (200, 'last', 7)", "UPDATE persons SET name = 'other', team = 9 WHERE id = 150")
    assert_agreement(world, database, graph, world.mapping)
    after = graph.query(ids)
    assert len(after) == 103 and sum(row in after for row in before) == 101


def test_verify_tells_what_waits_wrongly(world, database, graph):
    world.catch_up()
    graph.query(f"MATCH (a:Person {{id: 1}})-[r:IN]->(b) CREATE (a)-[:{WAITING}IN]->(b) DELETE r")
    graph.query(f"MATCH (a:Person {{id: 2}})-[r:{WAITING}IN]->(b) CREATE (a)-[:IN]->(b) DELETE r")
    graph.query(f"MATCH (:Person {{id: 8}})-[r:{WAITING}MEMBER_OF]->() DELETE r")
    graph.query(f"MATCH ()-[r:{WAITING}VISITED {{id: 3}}]->() SET r.days = 33")
    graph.query(f"MATCH (n:{WAITING}Site {{code: 'y'}}) SET n:Site:{PLACEHOLDER} REMOVE n:{WAITING}Site")
    graph.query(f"MATCH (a)-[r:{WAITING}VISITED {{id: 5}}]->(b) CREATE (a)-[c:VISITED]->(b) SET c = properties(r) DELETE r")
    result = world.command("verify", "--json")
    assert result.rc == 1
    found = sorted((d["kind"], d["name"].split(" ")[1 if " " in d["name"] else 0], d.get("note") or "") for d in result.json["differences"])
    wait, seen = "it waits for a row that is there", "it should wait, unseen, for a row that is not there"
    assert found == [("edge_missing", "IN", seen), ("edge_missing", "IN", wait), ("edge_missing", "MEMBER_OF", ""),
                     ("edge_missing", "VISITED", seen), ("edge_missing", "WORKS_AT", wait), ("edge_property", "VISITED", ""),
                     ("node_extra", "Site", "a placeholder, where none is to be seen")]
    assert compare(database, graph, world.mapping) != []
    world.terminate()
    world.start("--resnapshot")
    assert_agreement(world, database, graph, world.mapping)


# Statements that may each be refused; a and b are small numbers.
STEPS = [
    "INSERT INTO teams VALUES ({a}, 'new', {b})", "DELETE FROM teams WHERE id = {a}", "UPDATE teams SET id = {a} WHERE id = {b}",
    "UPDATE teams SET active = NOT active WHERE id = {a}", "UPDATE teams SET parent = {a} WHERE id = {b}",
    "INSERT INTO sites VALUES (chr(110 + {a}), 'new')", "DELETE FROM sites WHERE code = chr(110 + {a})",
    "UPDATE sites SET code = chr(110 + {a}) WHERE code = chr(110 + {b})",
    "INSERT INTO persons VALUES ({a}, 'new', {b}, {a} + 1, ARRAY[chr(110 + {b}), 'a'])", "DELETE FROM persons WHERE id = {a}",
    "UPDATE persons SET id = {a} WHERE id = {b}", "UPDATE persons SET team = {b}, boss = {a} WHERE id < {a}",
    "UPDATE persons SET sites = ARRAY[chr(110 + {a}), chr(110 + {b})] WHERE id = {a}", "UPDATE persons SET name = name || {b}",
    "INSERT INTO members VALUES ({a}, {b}, 'new')", "DELETE FROM members WHERE person = {a}", "UPDATE members SET team = {a} WHERE team = {b}",
    "UPDATE members SET role = 'r{b}'", "INSERT INTO visits VALUES ({a} * 10 + {b}, {a}, chr(110 + {b}), 0)",
    "DELETE FROM visits WHERE person = {b}", "UPDATE visits SET id = id + 100, days = days + 1 WHERE id < 100 AND person = {a}",
    "UPDATE visits SET site = chr(110 + {a}) WHERE person < {b}", "TRUNCATE members", "TRUNCATE visits",
]


def run_some(database, dice, count):
    for _ in range(count):
        statements = [dice.choice(STEPS).format(a=dice.randrange(1, 10), b=dice.randrange(1, 10)) for _ in range(dice.randrange(1, 4))]
        try:
            database.execute("; ".join(statements))
        except psycopg.Error:
            pass


@pytest.mark.sampled(0)
@pytest.mark.parametrize("world", ["skip", "placeholder"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_histories(world, database, graph, seed):
    dice = random.Random(seed)
    for _ in range(12):
        run_some(database, dice, 12)
        assert_agreement(world, database, graph, world.mapping)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_a_byte_of_the_bolt_stream(database, neo4j_network, pgweave, graph, seed):
    dice = random.Random(seed)
    database.execute(SCHEMA)
    pgweave.map(yaml("skip"))
    pgweave.start_and_catch_up()
    assert pgweave.terminate() == 0
    for _ in range(3):
        run_some(database, dice, 20)
        pgweave.start()
        process = pgweave.process
        neo4j_network.call_at(neo4j_network.sent + dice.randrange(5000, 60000), process.kill)
        run_some(database, dice, 10)
        wait_until(lambda: not pgweave.running or not neo4j_network._alarm or run_some(database, dice, 1), timeout_s=60)
        pgweave.kill()
        graph.wait_until_quiet()
    pgweave.start()
    assert_agreement(pgweave, database, graph, mapping(True))


@pytest.mark.sampled(0)
def test_a_load_that_is_killed_and_begun_again(database, neo4j_network, pgweave, graph):
    """Also where placeholders are on their way into hiding, and out of it."""
    database.execute(SCHEMA)
    pgweave.map(yaml("error"))
    for arguments, patterns in (((), (b"WORKS_AT", b"USING SCAN", b" REMOVE p:", b"streaming")),
                                (("--resnapshot",), (b"REMOVE m:", b"WORKS_AT", b" REMOVE p:", b"streaming"))):
        for pattern in patterns:
            gate = neo4j_network.gate(pattern)
            pgweave.start(*arguments)
            gate.wait_until_reached()
            pgweave.kill()
            gate.drop()
            neo4j_network.forget_gates()
            graph.wait_until_quiet()
        pgweave.start()
        assert_agreement(pgweave, database, graph, mapping(True))
        assert len(told(graph)) == 5
        assert pgweave.terminate() == 0


def remap(world, persons, *changes):
    """Applies another mapping; returns what `plan` says of it."""
    world.catch_up()
    assert world.terminate() == 0
    text = yaml(persons)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    world.map(text)
    shown = world.command("plan").stdout
    applied = world.command("apply")
    assert applied.rc == 0, applied.stderr
    world.start()
    return shown


def told(graph):
    """What dead letters tell of missing rows."""
    return sorted((d["table"], d["key"], d["message"]) for d in graph.query(
        "MATCH (d:_PgweaveDeadLetter {code: 'missing'}) RETURN d.table AS table, d.key AS key, d.message AS message"))


def test_error_tells_of_each_once(database, pgweave, graph):
    database.execute(SCHEMA)
    pgweave.map(YAML.replace("missing: skip", "missing: error").replace("PERSONS", "missing: skip"))
    pgweave.start()
    assert_agreement(pgweave, database, graph, mapping(True))
    first = told(graph)
    assert ("public.persons", '{"id":"2"}', "Person IN Team by team: there is no row of Team with the key {\"id\":\"7\"}: the relationship waits "
            "for it; insert that row, or mend or delete the one that refers to it") in first
    assert [(table, key) for table, key, _ in first] == [
        ("public.members", '{"person":"1","team":"7"}'), ("public.members", '{"person":"2","team":"4"}'), ("public.members", '{"person":"8","team":"7"}'),
        ("public.persons", '{"id":"1"}'), ("public.persons", '{"id":"2"}'), ("public.persons", '{"id":"2"}'), ("public.persons", '{"id":"2"}'),
        ("public.persons", '{"id":"3"}'), ("public.teams", '{"id":"2"}'), ("public.visits", '{"id":"2"}'), ("public.visits", '{"id":"3"}'),
        ("public.visits", '{"id":"5"}')]
    database.execute("UPDATE persons SET name = 'x'", "UPDATE members SET role = 'x'", "INSERT INTO persons VALUES (8, 'Hy')")  # nothing new
    assert_agreement(pgweave, database, graph, mapping(True))
    assert told(graph) == first
    database.execute("DO $$ BEGIN UPDATE persons SET team = 30 WHERE id = 1; UPDATE persons SET team = 31 WHERE id = 3; "
                     "INSERT INTO teams VALUES (30, 'at once', 30); END $$")  # judged at the end
    assert_agreement(pgweave, database, graph, mapping(True))
    new = [letter for letter in told(graph) if letter not in first]
    assert [(table, key) for table, key, _ in new] == [("public.persons", '{"id":"3"}')] and '{"id":"31"}' in new[0][2]
    database.execute("DELETE FROM teams WHERE id = 30", "INSERT INTO teams VALUES (31, 'late', 1)")  # one begins to wait, one is there
    assert_agreement(pgweave, database, graph, mapping(True))
    assert len(told(graph)) == len(first) + 2 and graph.value("MATCH (:Person {id: 3})-[r:IN]->(:Team {id: 31}) RETURN keys(r)") == []
    assert pgweave.terminate() == 0
    pgweave.start("--resnapshot")
    assert_agreement(pgweave, database, graph, mapping(True))
    assert len(told(graph)) == len(first) + 2
    assert graph.value("MATCH ()-[r]->() WHERE r._pgweave_told AND NOT type(r) STARTS WITH '_PgweaveWaiting_' RETURN count(r)") == 0


def test_a_changed_mapping(world, database, graph):
    before = hidden(graph)
    remap(world, "skip")
    assert_agreement(world, database, graph, mapping(True))
    assert hidden(graph) != before
    shown = remap(world, "placeholder", ("missing: skip", "missing: placeholder"))
    assert "Site: what leads to it without a row: placeholder instead of skip [2 nodes]" in shown
    plain = [dataclasses.replace(part, waits=False) if isinstance(part, Node) else part for part in mapping(False)]
    assert_agreement(world, database, graph, plain)
    assert hidden(graph) == (0, 0)
    assert graph.value("SHOW INDEXES YIELD labelsOrTypes WHERE labelsOrTypes[0] STARTS WITH $name RETURN count(*)", name=WAITING) == 0
    remap(world, "error")
    assert_agreement(world, database, graph, mapping(True))
    assert len(told(graph)) == 5


RENAMED = (("\n  Site:", "\n  Place:"), ("to: Site", "to: Place"), ("{Site:", "{Place:"), ("WORKS_AT", "BUSY_AT"),
           ("VISITED: {table: visits, from: {Person: person}, to: {Place: site}", "SAW: {table: visits, to: {Person: person}, from: {Place: site}"),
           ("MEMBER_OF: {table", "JOINED: {table"), ("\n      IN:", "\n      OF:"), ("properties: [id, name]", "properties: {id: , title: name}"))


def renamed(persons_wait):
    names = {"WORKS_AT": "BUSY_AT", "MEMBER_OF": "JOINED", "IN": "OF"}
    for part in mapping(persons_wait):
        if isinstance(part, Node):
            title = {"id": "id", "title": "name"} if part.label in ("Team", "Person") else part.properties
            yield dataclasses.replace(part, label=part.label.replace("Site", "Place"), properties=title)
        elif isinstance(part, Join) and part.type == "VISITED":
            yield dataclasses.replace(part, type="SAW", start=("Place", part.end[1]), end=part.start)
        elif isinstance(part, Join):
            yield dataclasses.replace(part, type=names[part.type])
        else:
            yield dataclasses.replace(part, type=names.get(part.type, part.type), other=part.other.replace("Site", "Place"))


@pytest.mark.sampled(0)
def test_names_change_while_relationships_wait(world, database, graph):
    remap(world, "skip", *RENAMED)
    assert_agreement(world, database, graph, list(renamed(True)))
    database.execute("INSERT INTO sites VALUES ('x', 'X')", "INSERT INTO teams VALUES (7, 'seven', 1)", "DELETE FROM persons WHERE id = 2")
    assert_agreement(world, database, graph, list(renamed(True)))


@pytest.mark.sampled(0)
@pytest.mark.parametrize("sent", range(6000, 40000, 4000))
def test_a_changed_mapping_that_is_killed(database, neo4j_network, pgweave, graph, sent):
    database.execute(SCHEMA)
    pgweave.map(yaml("placeholder"))
    pgweave.start_and_catch_up()
    assert pgweave.terminate() == 0
    pgweave.map(yaml("skip"))
    text = yaml("skip")
    for before, after in RENAMED:
        text = text.replace(before, after)
    pgweave.map(text)
    run_some(database, random.Random(sent), 10)
    pgweave.start()
    assert pgweave.expect_exit() == 74
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", str(BINARY), "-c", str(pgweave.mapping_file), "apply"], cwd=pgweave.folder,
                               env=pgweave.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    neo4j_network.call_at(neo4j_network.sent + sent, process.kill)
    process.wait(120)
    graph.wait_until_quiet()
    applied = pgweave.command("apply")
    assert applied.rc == 0, applied.stderr
    pgweave.start()
    assert_agreement(pgweave, database, graph, list(renamed(True)))
    run_some(database, random.Random(sent), 20)
    assert_agreement(pgweave, database, graph, list(renamed(True)))


@pytest.mark.sampled(0)
def test_plan_and_check_know(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(yaml("error"))
    shown = pgweave.command("plan").stdout
    assert "skip: relationships that lack its row wait, unseen, until it comes\n" in shown
    assert "error: relationships that lack its row wait, unseen, until it comes, and a dead letter tells of each\n" in shown
    nodes = {node["label"]: node for node in pgweave.command("plan", "--json").json["nodes"]}
    assert [(nodes[label]["missing"], nodes[label]["may_be_placeholder"]) for label in ("Team", "Person")] == [("skip", False), ("error", False)]
    assert pgweave.command("check").rc == 0
