"""A changed mapping is carried out in the graph that the old one made: every kind of change, while writes go on, killed
anywhere and begun again. Afterwards both judges find nothing, what is graph-only is still there, and what the change does
not touch was not written again.
"""
import contextlib
import dataclasses

import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, compare, same
from graph import CHECKPOINT, PLACEHOLDER
from load import Load
from waiting import wait_until

TABLES = """
    CREATE TABLE teams (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE people (id bigint PRIMARY KEY, code text NOT NULL UNIQUE, name text, email text,
                         team_id bigint REFERENCES teams, old_team_id bigint REFERENCES teams,
                         boss_id bigint REFERENCES people ON DELETE SET NULL);
    CREATE TABLE skills (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE person_skills (person_id bigint REFERENCES people ON DELETE CASCADE, skill_id bigint REFERENCES skills,
                                level integer, since date, PRIMARY KEY (person_id, skill_id));
    CREATE TABLE reviews (id bigint PRIMARY KEY, number bigint NOT NULL UNIQUE, team_id bigint NOT NULL REFERENCES teams,
                          person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE, score integer);
    ALTER TABLE people REPLICA IDENTITY FULL;
    ALTER TABLE reviews REPLICA IDENTITY FULL;
    INSERT INTO teams SELECT i, 'team ' || i FROM generate_series(1, 20) i;
    INSERT INTO people SELECT i, 'P' || i, 'name ' || i, 'Mail' || i || '@x', 1 + i % 20, 1 + i % 7, nullif(i / 10, 0)
        FROM generate_series(1, 300) i;
    INSERT INTO skills SELECT i, 'untouched ' || i FROM generate_series(1, 30) i;
    INSERT INTO person_skills SELECT i, 1 + (i * j) % 30, j, '2020-01-01'::date + i
        FROM generate_series(1, 300) i, generate_series(1, 3) j ON CONFLICT DO NOTHING;
    INSERT INTO reviews SELECT i, 1000 + i, 1 + i % 20, 1 + i % 300, i % 6 FROM generate_series(1, 400) i;
"""
# Each transaction touches every table, and leaves as many reviews as people of its own.
WRITE = """
    INSERT INTO people VALUES (10000 + {n}, 'P' || 10000 + {n}, 'new', 'New{n}@x', 1 + {n} % 20, 2, 1 + {n} % 300);
    INSERT INTO person_skills VALUES (10000 + {n}, 1 + {n} % 30, {n}, '2024-02-29');
    INSERT INTO reviews VALUES (10000 + {n}, 20000 + {n}, 1 + {n} % 20, 10000 + {n}, 1);
    UPDATE people SET team_id = 1 + {n} % 19, name = CASE WHEN {n} % 3 = 0 THEN NULL ELSE 'changed {n}' END
        WHERE id = 1 + {n} % 300;
    UPDATE people SET id = id + 100000 WHERE id = 10000 + {n} - 10 AND {n} % 5 = 0
        AND NOT EXISTS (SELECT FROM person_skills WHERE person_id = people.id);
    UPDATE reviews SET person_id = 1 + ({n} * 7) % 300, score = score + 1 WHERE id = 1 + {n} % 400;
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
    SET n:Starred, n.note = 'by hand ' + labels(n)[0] + n.id
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
         (HAS, ""), (REVIEWED, "")],
        [TEAM_NODE, Node("Person", "people", ("code",), same("code", "name")), SKILL_NODE, MEMBER_EDGE],
        ["Person: its key is (code) instead of (id)"], kept=("MEMBER_OF",)),
    "everything at once": Case(
        [("  Person:", "  Employee:"), ("{Person: ", "{Employee: "), ("table: people", "table: people\n    labels: [Human]"),
         ("[id, name]", "{pgId: id, title: name, email: {case: lower}}"), ("MEMBER_OF: {to: Team", "EMPLOYS: {from: Team"),
         ("REVIEWED", "RATED"), ("[id, score]", "{id: , points: score}"), (SKILL, ""), (HAS, "")],
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
    after = graph_only(graph)
    assert after["nodes"] == expected["nodes"]
    assert after["relationships"] == expected["relationships"]
    # writers delete and move some relationships of their own accord: of those made by hand on rows that none touches, all stay
    assert expected["remarks"] >= set(after["remarks"]) or not expected["remarks"]


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
    assert_agreement(pgweave, database, graph, case.mapping)
    assert_graph_only(graph, expected_graph_only(before, case))
    assert_nothing_is_left_over(graph, database, case)
