"""The example `meetings`: the snapshot makes the expected graph, every kind of change follows, and what people have
added in the graph alone survives all of it."""
import datetime
import json
import pathlib

import pytest

from agreement import assert_agreement
from compare_graph import compare
from mappings import MEETINGS

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "meetings"
FORMAT = "11111111-1111-4111-8111-111111111111"
AGAIN = "22222222-2222-4222-8222-222222222222"
SKETCH = "33333333-3333-4333-8333-333333333333"
PARTY = "44444444-4444-4444-8444-444444444444"


@pytest.fixture
def meetings(pgweave, database):
    database.run_file(EXAMPLE / "schema.sql")
    database.run_file(EXAMPLE / "data.sql")
    pgweave.use(EXAMPLE / "pgweave.yaml", "meetings")
    pgweave.start_and_catch_up()
    return pgweave


@pytest.fixture
def annotated(meetings, graph):
    graph.run_file(EXAMPLE / "graph-only.cypher")
    return meetings


def graph_only(graph):
    """Everything that graph-only.cypher has made, with the identities of the nodes that it hangs on."""
    return {
        "nodes": graph.query("MATCH (n:Agenda|Decision|ActionItem) RETURN elementId(n) AS id, labels(n) AS l, "
                             "properties(n) AS p ORDER BY id"),
        "relationships": graph.query(
            "MATCH (a)-[r:CONTAINS|HAS_DECISION|SUPERSEDES|TRIGGERS|APPROVED|ASSIGNED_TO]->(b) "
            "RETURN elementId(r) AS id, type(r) AS t, elementId(a) AS a, elementId(b) AS b, properties(r) AS p "
            "ORDER BY id"),
        "remarks": graph.query("MATCH (u:User {nickname: 'Countess'}), (m:Meeting {mood: 'heated'}), (t:Team:Favourite) "
                               "RETURN elementId(u) AS u, elementId(m) AS m, elementId(t) AS t"),
    }


def expected_nodes():
    nodes = json.loads((EXAMPLE / "expected.json").read_text())["nodes"]
    for meeting in nodes["Meeting"]:
        meeting["starts_at"] = datetime.datetime.fromisoformat(meeting["starts_at"])
    return nodes


def expected_relationships(relationship_type):
    relationships = json.loads((EXAMPLE / "expected.json").read_text())["relationships"][relationship_type]
    return sorted(
        (*r["from"].items(), *r["to"].items(), sorted(r.get("properties", {}).items())) for r in relationships)


def actual_nodes(graph, label):
    nodes = [row["p"] for row in graph.query(f"MATCH (n:{label}) RETURN properties(n) AS p ORDER BY n.id")]
    for node in nodes:
        if "starts_at" in node:
            node["starts_at"] = node["starts_at"].to_native()
    return nodes


def actual_relationships(graph, relationship_type):
    return sorted(
        ((r["a"], r["a_id"]), (r["b"], r["b_id"]), sorted(r["p"].items())) for r in graph.query(
            f"MATCH (a)-[r:{relationship_type}]->(b) RETURN labels(a)[0] AS a, a.id AS a_id, labels(b)[0] AS b, "
            "b.id AS b_id, properties(r) AS p"))


def test_snapshot_is_the_expected_graph(meetings, database, graph):
    for label, nodes in expected_nodes().items():
        assert actual_nodes(graph, label) == nodes
    for relationship_type in ("HOSTS", "MEMBER_OF", "PARTICIPATED_IN"):
        assert actual_relationships(graph, relationship_type) == expected_relationships(relationship_type)
    assert_agreement(meetings, database, graph, MEETINGS)


def test_streaming_makes_the_same_graph(pgweave, database, graph):
    database.run_file(EXAMPLE / "schema.sql")
    pgweave.use(EXAMPLE / "pgweave.yaml", "meetings")
    pgweave.start_and_catch_up()
    database.run_file(EXAMPLE / "data.sql")
    assert_agreement(pgweave, database, graph, MEETINGS)
    for label, nodes in expected_nodes().items():
        assert actual_nodes(graph, label) == nodes


# What each statement does to the tables; none deletes a node that the graph-only parts hang on.
CHANGES = {
    "a new row": "INSERT INTO users VALUES (5, 'Emil', 'emil@example.org')",
    "a property": "UPDATE users SET name = 'Augusta Ada' WHERE id = 1",
    "a property to NULL": "UPDATE meetings SET minutes = NULL WHERE title = 'Which format'",
    "a property of a relationship": "UPDATE team_members SET role = 'advisor' WHERE user_id = 2 AND team_id = 1",
    "a property of a relationship to NULL": "UPDATE team_members SET role = NULL WHERE user_id = 2 AND team_id = 1",
    "a foreign key": "UPDATE meetings SET team_id = 2 WHERE title = 'Which format'",
    "a foreign key to NULL": "UPDATE meetings SET team_id = NULL WHERE title = 'Which format'",
    "a foreign key from NULL": "UPDATE meetings SET team_id = 1 WHERE title = 'Summer party'",
    "a new relationship": f"INSERT INTO meeting_participants VALUES (4, '{FORMAT}', 'guest')",
    "a relationship deleted": f"DELETE FROM meeting_participants WHERE user_id = 2 AND meeting_id = '{FORMAT}'",
    "an end of a relationship": f"UPDATE meeting_participants SET user_id = 3 WHERE user_id = 2 AND meeting_id = '{FORMAT}'",
    "a row deleted": "DELETE FROM users WHERE id = 4",
    "a join table truncated": "TRUNCATE meeting_participants",
    "several at once": f"""
        BEGIN;
        INSERT INTO teams VALUES (3, 'Events', 'parties');
        UPDATE meetings SET team_id = 3, minutes = 240 WHERE id = '{PARTY}';
        INSERT INTO team_members VALUES (5, 3, 'lead'), (1, 3, NULL);
        DELETE FROM meeting_participants WHERE user_id = 3;
        UPDATE users SET email = 'boris@example.net' WHERE id = 2;
        COMMIT""",
}


def test_every_kind_of_change_leaves_graph_only_parts(annotated, database, graph):
    kept = graph_only(graph)
    assert len(kept["nodes"]) == 4 and len(kept["relationships"]) == 7 and len(kept["remarks"]) == 1
    for what, statement in CHANGES.items():
        database.execute(statement)
        annotated.catch_up()
        assert graph_only(graph) == kept, what
        assert compare(database, graph, MEETINGS) == [], what
    annotated.verify()


def test_a_changed_key_keeps_the_node(annotated, database, graph):
    kept = graph_only(graph)
    database.execute("ALTER TABLE team_members DROP CONSTRAINT team_members_user_id_fkey, "
                     "ADD FOREIGN KEY (user_id) REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE",
                     "ALTER TABLE meeting_participants DROP CONSTRAINT meeting_participants_user_id_fkey, "
                     "ADD FOREIGN KEY (user_id) REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE",
                     "UPDATE users SET id = 100 WHERE id = 1",
                     "UPDATE users SET id = 200 WHERE id = 2")
    assert_agreement(annotated, database, graph, MEETINGS)
    assert graph_only(graph) == kept


def test_remarks_on_a_relationship_stay_when_its_role_changes(annotated, database, graph):
    database.execute("UPDATE team_members SET role = 'advisor' WHERE user_id = 2 AND team_id = 1")
    annotated.catch_up()
    assert graph.value("MATCH (:User {id: 2})-[m:MEMBER_OF]->(:Team {id: 1}) RETURN properties(m)") == {
        "role": "advisor", "note": "on loan"}


def test_a_deleted_row_takes_only_its_own_node(annotated, database, graph):
    database.execute(f"DELETE FROM meetings WHERE id = '{AGAIN}'")
    assert_agreement(annotated, database, graph, MEETINGS)
    assert graph.node("Meeting", id=AGAIN) is None
    assert graph.count("Decision") == 2 and graph.count("ActionItem") == 1
    assert graph.value("MATCH (:Decision)-[r:SUPERSEDES]->(:Decision) RETURN count(r)") == 1


def test_everything_truncated_leaves_the_graph_only_nodes(annotated, database, graph):
    database.execute("TRUNCATE users, teams, meetings CASCADE")
    assert_agreement(annotated, database, graph, MEETINGS)
    assert graph.count("User") == graph.count("Team") == graph.count("Meeting") == 0
    assert graph.count("Agenda") == 1 and graph.count("Decision") == 2 and graph.count("ActionItem") == 1


def test_graph_only_parts_survive_a_restart(annotated, database, graph):
    kept = graph_only(graph)
    assert annotated.terminate() == 0
    database.execute("UPDATE users SET name = name || '!'", f"UPDATE meetings SET team_id = 2 WHERE id = '{AGAIN}'")
    annotated.start_and_catch_up()
    assert_agreement(annotated, database, graph, MEETINGS)
    assert graph_only(graph) == kept
    annotated.kill()
    annotated.start()
    assert_agreement(annotated, database, graph, MEETINGS)
    assert graph_only(graph) == kept
