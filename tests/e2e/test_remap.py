"""A changed mapping is carried out in the graph that the old one made: every kind of change, while writes go on, killed
anywhere and begun again. Afterwards both judges find nothing, what is graph-only is still there, and what the change does
not touch was not written again.
"""
import contextlib
import dataclasses
import json
import signal
import subprocess

import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, same
from graph import CHECKPOINT
from load import Load
from pgweave import BINARY
from waiting import wait_until

TABLES = """
    CREATE TABLE teams (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE people (id bigint PRIMARY KEY, code text NOT NULL UNIQUE, name text, email text,
                         team_id bigint REFERENCES teams, old_team_id bigint REFERENCES teams,
                         boss_id bigint REFERENCES people ON DELETE SET NULL);
    CREATE TABLE skills (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE person_skills (person_id bigint REFERENCES people ON DELETE CASCADE, skill_id bigint REFERENCES skills,
                                level integer, since date, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
                                PRIMARY KEY (person_id, skill_id));
    CREATE TABLE reviews (id bigint PRIMARY KEY, number bigint NOT NULL UNIQUE, team_id bigint NOT NULL REFERENCES teams,
                          person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE, score integer,
                          person_code text NOT NULL REFERENCES people (code) ON DELETE CASCADE);
    ALTER TABLE person_skills REPLICA IDENTITY FULL;
    ALTER TABLE people REPLICA IDENTITY FULL;
    ALTER TABLE reviews REPLICA IDENTITY FULL;
    INSERT INTO teams SELECT i, 'team ' || i FROM generate_series(1, 20) i;
    INSERT INTO people SELECT i, 'P' || i, 'name ' || i, 'Mail' || i || '@x', 1 + i % 20, 1 + (i + 3) % 7, nullif(i / 10, 0)
        FROM generate_series(1, 300) i;
    INSERT INTO skills SELECT i, 'untouched ' || i FROM generate_series(1, 30) i;
    INSERT INTO person_skills SELECT i, 1 + (i * j) % 30, j, '2020-01-01'::date + i
        FROM generate_series(1, 300) i, generate_series(1, 3) j ON CONFLICT DO NOTHING;
    INSERT INTO reviews SELECT i, 1000 + i, 1 + i % 20, 1 + i % 300, i % 6, 'P' || 1 + i % 300 FROM generate_series(1, 400) i;
"""
# Each transaction touches every table. What is graph-only hangs on rows that none of them moves: an id up to 20.
WRITE = """
    INSERT INTO people VALUES (10000 + {n}, 'P' || 10000 + {n}, 'new', 'New{n}@x', 1 + {n} % 20, 2, 1 + {n} % 300);
    INSERT INTO person_skills VALUES (10000 + {n}, 1 + {n} % 30, {n}, '2024-02-29');
    INSERT INTO reviews VALUES (10000 + {n}, 20000 + {n}, 1 + {n} % 20, 10000 + {n}, 1, 'P' || 10000 + {n});
    UPDATE people SET team_id = 1 + {n} % 19, name = CASE WHEN {n} % 3 = 0 THEN NULL ELSE 'changed {n}' END
        WHERE id = 21 + {n} % 280;
    UPDATE people SET id = id + 100000 WHERE id = 10000 + {n} - 10 AND {n} % 5 = 0
        AND NOT EXISTS (SELECT FROM person_skills WHERE person_id = people.id);
    UPDATE reviews SET person_id = 1 + ({n} * 7) % 300, person_code = 'P' || 1 + ({n} * 7) % 300, score = score + 1 WHERE id = 1 + {n} % 400;
    DELETE FROM people WHERE id = 10000 + {n} - 5 AND {n} % 2 = 0;
"""

TEAM = "  Team: {table: teams}\n"
SKILL = "  Skill: {table: skills}\n"
PERSON = """\
  Person:
    table: people
    properties: [id, name]
    relationships:
      MEMBER_OF: {to: Team, column: team_id}
"""
HAS = "  HAS: {table: person_skills, from: {Person: person_id}, to: {Skill: skill_id}, properties: [level]}\n"
REVIEWED = "  REVIEWED: {table: reviews, from: {Team: team_id}, to: {Person: person_id}, properties: [id, score]}\n"
YAML = f"nodes:\n{TEAM}{PERSON}{SKILL}relationships:\n{HAS}{REVIEWED}"

TEAM_NODE = Node("Team", "teams", ("id",), same("id", "name"))
SKILL_NODE = Node("Skill", "skills", ("id",), same("id", "name"))
PERSON_NODE = Node("Person", "people", ("id",), same("id", "name"))
MEMBER_EDGE = ForeignKey("MEMBER_OF", "Person", ("team_id",), "Team")
HAS_EDGE = Join("HAS", "person_skills", ("Person", ("person_id",)), ("Skill", ("skill_id",)), same("level"))
REVIEWED_EDGE = Join("REVIEWED", "reviews", ("Team", ("team_id",)), ("Person", ("person_id",)), same("id", "score"), key=("id",))
MAPPING = [TEAM_NODE, PERSON_NODE, SKILL_NODE, MEMBER_EDGE, HAS_EDGE, REVIEWED_EDGE]

# By hand, on what no writer deletes: labels, properties and relationships of nodes, and properties of relationships.
GRAPH_ONLY = """
    MATCH (n) WHERE n.id <= 20 AND (n:Team OR n:Person OR n:Skill)
    SET n:Starred, n.note = 'by hand ' + [l IN labels(n) WHERE l IN ['Team', 'Person', 'Skill']][0] + n.id
    CREATE (:Note {about: n.note})-[:ABOUT {since: 1}]->(n)
"""
GRAPH_ONLY_ON_RELATIONSHIPS = """
    MATCH (a:Starred)-[r:MEMBER_OF|HAS|REVIEWED]->(b) SET r.remark = type(r) + ' ' + a.note + coalesce(b.note, '')
"""


@dataclasses.dataclass
class Case:
    """One change of the mapping: `edits` are made to the YAML; `mapping` is what the graph has to be then."""
    edits: list
    mapping: list
    words: list
    # Of the three types of relationships, those whose graph-only properties are to be there still.
    kept: tuple = ("MEMBER_OF", "HAS", "REVIEWED")
    labels_gone: tuple = ()
    old: list = dataclasses.field(default_factory=list)

    def yaml(self, text, edits=None):
        for before, after in self.edits if edits is None else edits:
            assert before in text, before
            text = text.replace(before, after)
        return text


def changed(mapping, **replaced):
    """The mapping with some of its items replaced by their name; None takes one out."""
    names = {"team": TEAM_NODE, "person": PERSON_NODE, "skill": SKILL_NODE, "member": MEMBER_EDGE, "has": HAS_EDGE,
             "reviewed": REVIEWED_EDGE}
    result = [replaced.get(name, item) for name, item in names.items() if item in mapping]
    return [item for item in result if item is not None] + replaced.get("more", [])


def relabelled(item, before="Person", after="Employee"):
    fields = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    for name, value in fields.items():
        if value == before:
            fields[name] = after
        elif isinstance(value, tuple) and value and value[0] == before:
            fields[name] = (after, value[1])
    return type(item)(**fields)


CASES = {
    "label renamed": Case(
        [("  Person:", "  Employee:"), ("{Person: ", "{Employee: ")], [relabelled(item) for item in MAPPING],
        ["Person is renamed to Employee"]),
    "further label added": Case(
        [("table: people", "table: people\n    labels: [Human]")], MAPPING, ["Person: label Human is added"]),
    "property added": Case(
        [("[id, name]", "[id, name, email]")],
        changed(MAPPING, person=Node("Person", "people", ("id",), same("id", "name", "email"))),
        ["Person: property email is added (from column email)"]),
    "property renamed": Case(
        [("[id, name]", "{id: , title: name}")],
        changed(MAPPING, person=Node("Person", "people", ("id",), {"id": "id", "title": "name"})),
        ["Person: property name is renamed to title"]),
    "key's property renamed": Case(
        [("[id, name]", "{pgId: id, name: }")],
        changed(MAPPING, person=Node("Person", "people", ("id",), {"pgId": "id", "name": "name"})),
        ["Person: property id is renamed to pgId"]),
    "property removed": Case(
        [("[id, name]", "[id]")], changed(MAPPING, person=Node("Person", "people", ("id",), same("id"))),
        ["Person: property name is removed"]),
    "property from another column": Case(
        [("[id, name]", "{id: , name: email}")],
        changed(MAPPING, person=Node("Person", "people", ("id",), {"id": "id", "name": "email"})),
        ["Person: property name is made anew (from column email)"]),
    "property moves to another name, and its name to another column": Case(
        [("[id, name]", "{id: , name: email, email: name}")],
        changed(MAPPING, person=Node("Person", "people", ("id",), {"id": "id", "name": "email", "email": "name"})),
        ["Person: property name is made anew (from column email)", "Person: property email is added (from column name)"]),
    "relationship renamed": Case(
        [("MEMBER_OF", "BELONGS_TO")], changed(MAPPING, member=ForeignKey("BELONGS_TO", "Person", ("team_id",), "Team")),
        ["(Person)-[MEMBER_OF]->(Team) is renamed to BELONGS_TO"]),
    "relationship turned round": Case(
        [("{to: Team", "{from: Team")],
        changed(MAPPING, member=ForeignKey("MEMBER_OF", "Person", ("team_id",), "Team", from_owner=False)),
        ["(Person)-[MEMBER_OF]->(Team) is turned round"]),
    "keyed relationship renamed and turned round": Case(
        [("REVIEWED: {table: reviews, from: {Team: team_id}, to: {Person: person_id}",
          "REVIEWED_BY: {table: reviews, from: {Person: person_id}, to: {Team: team_id}")],
        changed(MAPPING, reviewed=Join("REVIEWED_BY", "reviews", ("Person", ("person_id",)), ("Team", ("team_id",)),
                                       same("id", "score"), key=("id",))),
        ["(Team)-[REVIEWED]->(Person) is renamed to REVIEWED_BY and turned round"]),
    "relationship added": Case(
        [("      MEMBER_OF", "      REPORTS_TO: {to: Person, column: boss_id}\n      MEMBER_OF")],
        changed(MAPPING, more=[ForeignKey("REPORTS_TO", "Person", ("boss_id",), "Person")]),
        ["(Person)-[REPORTS_TO]->(Person) is added (table public.people)"]),
    "relationship by another column": Case(
        [("column: team_id}", "column: old_team_id}")],
        changed(MAPPING, member=ForeignKey("MEMBER_OF", "Person", ("old_team_id",), "Team")),
        ["(Person)-[MEMBER_OF]->(Team): its ends are found by other columns"], kept=("HAS", "REVIEWED")),
    "relationship removed": Case(
        [("  HAS: {table: person_skills, from: {Person: person_id}, to: {Skill: skill_id}, properties: [level]}\n", "")],
        changed(MAPPING, has=None), ["(Person)-[HAS]->(Skill) leaves the mapping: such relationships are deleted"],
        kept=("MEMBER_OF", "REVIEWED")),
    "relationship's property added and renamed": Case(
        [("properties: [level]", "properties: {grade: level, since: }")],
        changed(MAPPING, has=Join("HAS", "person_skills", ("Person", ("person_id",)), ("Skill", ("skill_id",)),
                                  {"grade": "level", "since": "since"})),
        ["(Person)-[HAS]->(Skill): property level is renamed to grade",
         "(Person)-[HAS]->(Skill): property since is added (from column since)"]),
    "node and its relationships removed": Case(
        [(SKILL, ""), (HAS, "")], changed(MAPPING, skill=None, has=None), ["Skill leaves the mapping: its nodes are deleted"],
        kept=("MEMBER_OF", "REVIEWED"), labels_gone=("Skill",)),
    "node and its relationships added": Case(
        [], MAPPING, ["Skill is added (table public.skills)", "(Person)-[HAS]->(Skill) is added (table public.person_skills)"],
        old=[(SKILL, ""), (HAS, "")], kept=("MEMBER_OF", "REVIEWED"), labels_gone=("Skill",)),
    "key changed": Case(
        [("properties: [id, name]\n", "key: code\n    properties: [code, name]\n"),
         (HAS, ""), ("person_id}", "person_code}")],
        [TEAM_NODE, Node("Person", "people", ("code",), same("code", "name")), SKILL_NODE, MEMBER_EDGE,
         Join("REVIEWED", "reviews", ("Team", ("team_id",)), ("Person", ("person_code",)), same("id", "score"), key=("id",))],
        ["Person: its key is (code) instead of (id)", "(Team)-[REVIEWED]->(Person): its ends are found by other columns"],
        kept=("MEMBER_OF", "REVIEWED")),
    "relationship's key changed": Case(
        [("properties: [id, score]", "key: number, properties: [number, score]")],
        changed(MAPPING, reviewed=Join("REVIEWED", "reviews", ("Team", ("team_id",)), ("Person", ("person_id",)),
                                       same("number", "score"), key=("number",))),
        ["(Team)-[REVIEWED]->(Person): is told apart by (number)"]),
    "relationship gets a key": Case(
        [("properties: [level]", "key: number, properties: [level]"), (REVIEWED, "")],
        changed(MAPPING, reviewed=None, has=Join("HAS", "person_skills", ("Person", ("person_id",)), ("Skill", ("skill_id",)),
                                                 same("number", "level"), key=("number",))),
        ["(Person)-[HAS]->(Skill): is told apart by (number)"], kept=("MEMBER_OF", "HAS")),
    "relationship loses its key": Case(
        [], MAPPING, ["(Person)-[HAS]->(Skill): is told apart by its ends"],
        old=[("properties: [level]", "key: number, properties: [level]")]),
    "everything at once": Case(
        [("  Person:", "  Employee:"), ("{Person: ", "{Employee: "), ("table: people", "table: people\n    labels: [Human]"),
         ("[id, name]", "{pgId: id, title: name, email: {case: lower}}"), ("MEMBER_OF: {to: Team", "EMPLOYS: {from: Team"),
         ("REVIEWED", "RATED"), ("[id, score]", "{id: , points: score}"), (SKILL, ""),
         (HAS.replace("{Person: ", "{Employee: "), "")],
        [TEAM_NODE, Node("Employee", "people", ("id",), {"pgId": "id", "title": "name"}),
         ForeignKey("EMPLOYS", "Employee", ("team_id",), "Team", from_owner=False),
         Join("RATED", "reviews", ("Team", ("team_id",)), ("Employee", ("person_id",)), {"id": "id", "points": "score"},
              key=("id",))],
        ["Person is renamed to Employee", "Skill leaves the mapping: its nodes are deleted"], kept=("MEMBER_OF", "REVIEWED"),
        labels_gone=("Skill",)),
}


@pytest.fixture
def tables(pgweave, database):
    database.execute(TABLES)
    return database


@contextlib.contextmanager
def writes(database):
    with Load(database, WRITE, pause_s=0.01) as load:
        yield load


def make_old_graph(pgweave, graph, case):
    pgweave.map(case.yaml(YAML, case.old))
    pgweave.start_and_catch_up()
    graph.query(GRAPH_ONLY)
    graph.query(GRAPH_ONLY_ON_RELATIONSHIPS)


def graph_only(graph):
    """What was made by hand, whatever the mapping calls what it hangs on."""
    return {
        "nodes": graph.query("MATCH (n:Starred) RETURN elementId(n) AS id, n.note AS note ORDER BY note"),
        "relationships": graph.query("MATCH (m:Note)-[r:ABOUT]->(n) RETURN elementId(r) AS id, m.about AS about, "
                                     "n.note = m.about AS right, r.since AS since ORDER BY about"),
        "remarks": sorted(remark["r"] for remark in graph.query(
            "MATCH ()-[r]->() WHERE r.remark IS NOT NULL RETURN DISTINCT r.remark AS r")),
    }


def expected_graph_only(before, case):
    """Whatever hung on nodes that leave the mapping goes with them; all else stays, the very same nodes."""
    gone = tuple(f"by hand {label}" for label in case.labels_gone)
    return {
        "nodes": [node for node in before["nodes"] if not node["note"].startswith(gone or "-")],
        "relationships": [one for one in before["relationships"] if not one["about"].startswith(gone or "-")],
        "remarks": {remark for remark in before["remarks"] if remark.startswith(case.kept)},
    }


def assert_graph_only(graph, expected):
    assert expected["nodes"] and expected["remarks"]
    after = graph_only(graph)
    assert after["nodes"] == expected["nodes"]
    assert after["relationships"] == expected["relationships"]
    assert set(after["remarks"]) == expected["remarks"]


def checkpoint(graph):
    (node,) = graph.query(f"MATCH (c:{CHECKPOINT}) RETURN properties(c) AS p")
    return node["p"]


def assert_nothing_is_left_over(graph, database, case):
    """No second slot, no marks of ours, no description but one, and only the constraints of now."""
    assert database.value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == 1
    assert checkpoint(graph)["phase"] == "streaming"
    assert graph.value("SHOW INDEXES YIELD name WHERE name STARTS WITH '_pgweave' RETURN count(*)") == 0
    labels = {item.label for item in case.mapping if isinstance(item, Node)}
    constrained = {row["l"] for row in graph.query(
        "SHOW CONSTRAINTS YIELD labelsOrTypes, entityType WHERE entityType = 'NODE' RETURN labelsOrTypes[0] AS l")}
    assert constrained == labels | {CHECKPOINT}
    published = {row[0] for row in database.query("SELECT tablename FROM pg_publication_tables WHERE pubname = 'pgweave_e2e'")}
    assert published == {item.table for item in case.mapping if not isinstance(item, ForeignKey)}


def agree(pgweave, database, graph, mapping):
    """Once the change is done: the stream is also followed on the way there."""
    wait_until(lambda: not pgweave.running or checkpoint(graph)["phase"] == "streaming", timeout_s=120, what="it streams")
    assert_agreement(pgweave, database, graph, mapping)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", CASES)
def test_a_change_while_writes_go_on(tables, pgweave, database, graph, name):
    case = CASES[name]
    with writes(database) as load:
        make_old_graph(pgweave, graph, case)
        load.wait_for_more(20)
        before = graph_only(graph)
        assert pgweave.terminate() == 0
        load.wait_for_more(20)
        pgweave.map(case.yaml(YAML))
        planned = pgweave.command("plan")
        assert planned.rc == 0, planned.stderr
        applied = pgweave.command("apply")
        assert applied.rc == 0, applied.stderr
        for words in case.words:
            assert words in planned.stdout and words in applied.stdout
        load.wait_for_more(20)
        pgweave.start()
        load.wait_for_more(20)
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)


# How it is asked for.

def apply(pgweave, *arguments):
    applied = pgweave.command("apply", *arguments)
    assert applied.rc == 0, applied.stderr
    return applied


def wait_for_mapping(graph, digest):
    wait_until(lambda: checkpoint(graph)["phase"] == "streaming" and checkpoint(graph)["mapping_digest"] == digest,
               timeout_s=120, what="the graph is as the new mapping makes it")


def digest(pgweave):
    return pgweave.command("plan", "--json").json["digest"]


def test_the_daemon_carries_it_out_when_it_was_approved(tables, pgweave, database, graph):
    """Approved while it runs; on SIGHUP it goes over to the new mapping without an end."""
    case = CASES["everything at once"]
    with writes(database) as load:
        make_old_graph(pgweave, graph, case)
        before = graph_only(graph)
        pgweave.map(case.yaml(YAML))
        applied = apply(pgweave)
        assert "Approved" in applied.stdout and "SIGHUP" in applied.stdout
        assert checkpoint(graph)["approved_digest"] == digest(pgweave)
        load.wait_for_more(10)
        assert graph.count("Person") > 0 and graph.count("Employee") == 0
        process = pgweave.process
        process.send_signal(signal.SIGHUP)
        wait_for_mapping(graph, digest(pgweave))
        load.wait_for_more(20)
    agree(pgweave, database, graph, case.mapping)
    assert pgweave.process is process and pgweave.running
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)
    assert "approved_digest" not in checkpoint(graph)


def test_a_daemon_that_starts_is_left_its_pipeline(tables, pgweave, database, graph, neo4j_network, sandbox):
    """Neither while it loads nor before it streams does `apply` do the work in its place."""
    direct = {"NEO4J_URI": sandbox.environment()["NEO4J_URI"]}
    loads, plans_a_delete = neo4j_network.gate(b"team 1[0-9]"), neo4j_network.gate(b"`Person`.*DETACH DELETE")
    pgweave.map(YAML)
    pgweave.start()
    loads.wait_until_reached()
    assert pgweave.command("--json", "status", environment=direct).json["state"] == "loading"
    case = CASES["label renamed"]
    pgweave.map(case.yaml(YAML))
    refused = pgweave.command("apply", environment=direct)
    assert refused.rc == 74 and "the first load of pipeline e2e goes on" in refused.stderr
    loads.open()
    plans_a_delete.wait_until_reached()
    pgweave.map(YAML)
    assert pgweave.command("--json", "status", environment=direct).json["state"] == "starting"
    pgweave.map(case.yaml(YAML))
    approved = pgweave.command("apply", environment=direct)
    assert approved.rc == 0 and "Approved" in approved.stdout
    plans_a_delete.open()
    wait_until(lambda: "streaming from" in pgweave.log, what="it streams")
    assert graph.count("Person") > 0 and graph.count("Employee") == 0
    pgweave.process.send_signal(signal.SIGHUP)
    wait_for_mapping(graph, digest(pgweave))
    agree(pgweave, database, graph, case.mapping)


def test_the_daemon_does_not_carry_out_what_nobody_approved(tables, pgweave, database, graph):
    case = CASES["property added"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.terminate() == 0
    before = graph.dump()
    pgweave.map(case.yaml(YAML))
    pgweave.start()
    assert pgweave.expect_exit() == 74
    assert "pgweave apply" in pgweave.log
    assert graph.dump() == before
    # and one that was approved is not one that is not: the approval is of that very mapping
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    pgweave.map(case.yaml(YAML))
    apply(pgweave)
    assert pgweave.terminate() == 0
    other = CASES["label renamed"]
    pgweave.map(other.yaml(YAML))
    pgweave.start()
    assert pgweave.expect_exit() == 74
    assert graph.dump() == before


@pytest.mark.sampled(0)
def test_a_mapping_that_makes_the_same_graph_needs_no_approval(tables, pgweave, database, graph):
    """A table and a column get other names in the database, and the mapping follows."""
    make_old_graph(pgweave, graph, CASES["property added"])
    assert pgweave.terminate() == 0
    before = graph.dump()
    database.execute("ALTER TABLE skills RENAME TO abilities; ALTER TABLE abilities RENAME COLUMN name TO title")
    pgweave.map(YAML.replace("{table: skills}", "{table: abilities, properties: {id: , name: title}}"))
    planned = pgweave.command("plan", "--json").json
    assert planned["difference"] == []
    pgweave.start()
    ability = Node("Skill", "abilities", ("id",), {"id": "id", "name": "title"})
    agree(pgweave, database, graph, changed(MAPPING, skill=ability))
    assert graph.dump() == before


def test_plan_as_json_and_without_neo4j(tables, pgweave, database, graph):
    case = CASES["node and its relationships removed"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.command("plan", "--json").json["difference"] == []
    assert "there is no difference" in pgweave.command("plan").stdout
    pgweave.map(case.yaml(YAML))
    steps = pgweave.command("plan", "--json").json["difference"]
    assert steps == [{"step": "node_removed", "words": "Skill leaves the mapping: its nodes are deleted",
                      "how": "in the graph", "count": 30, "graph_only_relationships": 20}]
    assert "[30 nodes] [with 20 graph-only relationships]" in pgweave.command("plan").stdout
    away = {"NEO4J_URI": "bolt://127.0.0.1:1"}
    planned = pgweave.command("plan", environment=away)
    assert planned.rc == 0 and "is not known" in planned.stdout
    planned = pgweave.command("plan", "--json", environment=away)
    assert planned.rc == 0 and planned.json["difference"] is None


@pytest.mark.sampled(0)
def test_a_graph_from_before_descriptions_were_kept(tables, pgweave, database, graph):
    """It is loaded anew, as it was then; but the same mapping adds what is missing."""
    case = CASES["property added"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.terminate() == 0
    graph.query(f"MATCH (c:{CHECKPOINT}) REMOVE c.mappings")
    pgweave.map(case.yaml(YAML))
    assert "--resnapshot" in pgweave.command("plan").stdout
    pgweave.start()
    assert pgweave.expect_exit() == 74
    assert "--resnapshot" in pgweave.log
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    assert pgweave.terminate() == 0
    pgweave.map(case.yaml(YAML))
    apply(pgweave)
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)


@pytest.mark.parametrize("nonsense", ["[", "{}", "[{\"nodes\": 1}]", "x" * 1000])
def test_a_description_that_is_none(tables, pgweave, database, graph, nonsense):
    case = CASES["property added"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.terminate() == 0
    graph.query(f"MATCH (c:{CHECKPOINT}) SET c.mappings = $text", text=nonsense)
    before = graph.dump()
    pgweave.map(case.yaml(YAML))
    applied = pgweave.command("apply")
    assert applied.rc == 76 and "--resnapshot" in applied.stderr, applied
    assert graph.dump() == before


# What a change leaves alone.

def test_what_needs_an_interim_name_is_refused(tables, pgweave, database, graph):
    make_old_graph(pgweave, graph, CASES["property added"])
    assert pgweave.terminate() == 0
    before = graph.dump()
    pgweave.map(YAML.replace("  Team: {table: teams}", "  Skill: {table: teams}").replace("  Skill: {table: skills}",
                "  Team: {table: skills}").replace("{Team: team_id}", "{Skill: team_id}").replace("{Skill: skill_id}",
                "{Team: skill_id}").replace("to: Team", "to: Skill"))
    assert "cannot be renamed to Skill in one go" in pgweave.command("plan").stdout
    applied = pgweave.command("apply")
    assert applied.rc == 74 and "in one go" in applied.stderr
    assert graph.dump() == before and checkpoint(graph)["phase"] == "streaming"


@pytest.mark.sampled(0)
@pytest.mark.parametrize("made, edit, words", [
    ("CREATE (:Human {id: 1, by: 'hand'})", [("  Person:", "  Human:"), ("{Person: ", "{Human: ")],
     "nodes with the mapped label Human"),
    ("MATCH (p:Person {id: 1}), (t:Team {id: 2}) CREATE (p)-[:BELONGS_TO {by: 'hand'}]->(t)", [("MEMBER_OF", "BELONGS_TO")],
     "relationships (Person)-[BELONGS_TO]->(Team)"),
    ("CREATE (:Review {id: 1, by: 'hand'})", [(SKILL, SKILL + "  Review: {table: reviews}\n"), (REVIEWED, "")],
     "nodes with the mapped label Review"),
    ("MATCH (p:Person {id: 1}), (t:Team {id: 2}) CREATE (p)-[:LEADS {by: 'hand'}]->(t)",
     [("      MEMBER_OF", "      LEADS: {to: Team, column: old_team_id}\n      MEMBER_OF")],
     "relationships (Person)-[LEADS]->(Team)"),
])
def test_what_is_graph_only_is_not_taken_over_unasked(tables, pgweave, database, graph, made, edit, words):
    """With --adopt what is added may be; what is renamed cannot become one with what is there."""
    make_old_graph(pgweave, graph, CASES["property added"])
    graph.query(made)
    assert pgweave.terminate() == 0
    before = graph.dump()
    yaml = YAML
    for one in edit:
        yaml = yaml.replace(*one)
    pgweave.map(yaml)
    applied = pgweave.command("apply")
    assert applied.rc == 74 and words in applied.stderr, applied
    assert graph.dump() == before
    adopted = pgweave.command("apply", "--adopt")
    if "--adopt" not in applied.stderr:
        assert adopted.rc == 74 and graph.dump() == before
        return
    assert adopted.rc == 0
    pgweave.start()
    pgweave.catch_up()
    pgweave.verify()


def test_what_the_change_does_not_touch_is_not_written_again(tables, pgweave, database, graph, neo4j_network):
    """Of the tables that need no rows nothing is sent to Neo4j, and of names that change in the graph no rows either."""
    case = CASES["everything at once"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.terminate() == 0
    database.execute("UPDATE people SET email = 'Wanted@x' WHERE id = 7")
    pgweave.map(case.yaml(YAML))
    # text of a row that no step needs, and of one that a step does need: what waits at a gate would never end
    team, email = neo4j_network.gate(b"team 1[0-9]"), neo4j_network.gate(b"wanted@x")
    email.open()
    apply(pgweave)
    assert team.waiting == 0
    team.open()
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)
    assert graph.node("Employee", pgId=7)["email"] == "wanted@x"


# Killed.

# Bytes that a change has sent to Neo4j when it is killed; the last of them is shortly before its end.
KILLED = [(name, sent) for name, all_sent in {
    "everything at once": (3000, 8000, 14000, 20000, 25000, 29000, 33000),
    "key changed": (3000, 8000, 13000, 17000, 21000, 23500),
    "node and its relationships added": (3000, 8000, 12000, 15000),
}.items() for sent in all_sent]


def old_graph_behind(pgweave, database, graph, case):
    """The old mapping's graph, some transactions behind."""
    make_old_graph(pgweave, graph, case)
    before = graph_only(graph)
    assert pgweave.terminate() == 0
    for n in range(30):
        database.execute(WRITE.format(n=n))
    return before


def start_apply(pgweave):
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", str(BINARY), "-c", str(pgweave.mapping_file), "apply"], cwd=pgweave.folder,
        env=pgweave.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name, sent", KILLED)
def test_killed_at_a_byte_of_the_bolt_stream(tables, pgweave, database, graph, neo4j_network, name, sent):
    """Then begun again, by hand or by the daemon, which needs no approval to end what was begun."""
    case = CASES[name]
    before = old_graph_behind(pgweave, database, graph, case)
    pgweave.map(case.yaml(YAML))
    process = start_apply(pgweave)
    network = neo4j_network.sent
    neo4j_network.call_at(network + sent, process.kill)
    assert process.wait(120) == -signal.SIGKILL, f"a change sends only {neo4j_network.sent - network} bytes"
    graph.wait_until_quiet()
    if checkpoint(graph)["phase"] != "remapping" or sent % 3:
        apply(pgweave)
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)


def kill_apply_before(pgweave, graph, network, pattern):
    """When what fits the pattern is about to be sent."""
    gate = network.gate(pattern)
    process = start_apply(pgweave)
    gate.wait_until_reached()
    process.kill()
    process.wait()
    gate.drop()
    network.forget_gates()
    graph.wait_until_quiet()


# What the killed one was about to send.
STEPS = [b"remapping", b"SET n:`Employee`", b"CREATE \\(.\\)-\\[f:`RATED`", b"SET n.`title`", b"UNWIND", b"REMOVE n.`none`|DETACH DELETE n",
         b"DROP CONSTRAINT [a-z0-9_]+ IF", b"streaming"]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_killed_before_a_step(tables, pgweave, database, graph, neo4j_network, step):
    """And once more at the same place, before it is let through."""
    case = CASES["everything at once"]
    before = old_graph_behind(pgweave, database, graph, case)
    pgweave.map(case.yaml(YAML))
    for _ in range(2):
        kill_apply_before(pgweave, graph, neo4j_network, STEPS[step])
        assert checkpoint(graph)["phase"] == ("remapping" if step else "streaming")
    apply(pgweave)
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)


def test_killed_when_the_publication_was_altered(tables, pgweave, database, graph, neo4j_network):
    """A row filter goes: its table is published anew, which looks as if changes had been missed."""
    case = Case([], MAPPING, [], old=[("table: people", "table: people\n    where: id < 200")])
    before = old_graph_behind(pgweave, database, graph, case)
    pgweave.map(case.yaml(YAML))
    filters = "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'pgweave_e2e' AND rowfilter IS NOT NULL"
    assert database.value(filters) == 1
    kill_apply_before(pgweave, graph, neo4j_network, b"remapping")
    assert database.value(filters) == 0 and checkpoint(graph)["phase"] == "streaming"
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("second", ["label renamed", "property renamed", "back again"])
def test_another_mapping_on_top_of_one_that_was_killed(tables, pgweave, database, graph, neo4j_network, second):
    """Nobody knows which of its steps were taken: everything is brought in line."""
    first = CASES["everything at once"]
    old_graph_behind(pgweave, database, graph, first)
    pgweave.map(first.yaml(YAML))
    kill_apply_before(pgweave, graph, neo4j_network, b"UNWIND")
    assert checkpoint(graph)["phase"] == "remapping"
    assert graph.count("Employee") > 0
    case = CASES.get(second)
    pgweave.map(case.yaml(YAML) if case else YAML)
    if case:
        pgweave.start()
        assert pgweave.expect_exit() == 74
        kill_apply_before(pgweave, graph, neo4j_network, b"UNWIND")
        apply(pgweave)
    pgweave.start()  # back to the file that the graph was made with needs nobody's approval
    agree(pgweave, database, graph, case.mapping if case else MAPPING)
    assert (graph.count("Employee") > 0) == (second == "label renamed")
    assert checkpoint(graph)["phase"] == "streaming" and len(json.loads(checkpoint(graph)["mappings"])) == 1


@pytest.mark.sampled(0)
def test_tables_that_are_gone_from_the_database(tables, pgweave, database, graph):
    """Whether changes of the others were missed cannot be told then, so these are all loaded: nobody has to load by hand."""
    case = CASES["node and its relationships removed"]
    before = old_graph_behind(pgweave, database, graph, case)
    database.execute("DROP TABLE skills, person_skills")
    pgweave.map(case.yaml(YAML))
    graph.query("MATCH (p:Person {id: 11}) SET p.name = 'wrong'")
    apply(pgweave)
    assert graph.node("Person", id=11)["name"] == database.value("SELECT name FROM people WHERE id = 11")
    pgweave.start()
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))


@pytest.mark.sampled(0)
def test_a_publication_that_missed_something(tables, pgweave, database, graph):
    """A table that is mapped before and after was taken out for a while: the new mapping mends nothing of that."""
    case = CASES["property removed"]
    make_old_graph(pgweave, graph, case)
    assert pgweave.terminate() == 0
    database.execute("ALTER PUBLICATION pgweave_e2e DROP TABLE people", "ALTER PUBLICATION pgweave_e2e ADD TABLE ONLY people")
    pgweave.map(case.yaml(YAML))
    applied = pgweave.command("apply")
    assert applied.rc == 74 and "--resnapshot" in applied.stderr
    assert checkpoint(graph)["phase"] == "broken"


@pytest.mark.restarts_neo4j
@pytest.mark.sampled(0)
def test_neo4j_killed_on_the_way(tables, pgweave, database, graph, sandbox):
    case = CASES["everything at once"]
    make_old_graph(pgweave, graph, case)
    before = graph_only(graph)
    database.execute("INSERT INTO people SELECT i, 'P' || i, 'more', 'x@y', 1, 2 FROM generate_series(1000001, 1020000) i")
    pgweave.catch_up()
    pgweave.map(case.yaml(YAML))
    apply(pgweave)
    with writes(database) as load:
        pgweave.process.send_signal(signal.SIGHUP)
        wait_until(lambda: checkpoint(graph)["phase"] == "remapping", what="the change begins")
        sandbox.kill_neo4j()
        load.wait_for_more(20)
        sandbox.start_neo4j()
        load.wait_for_more(20)
    agree(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)
