"""The judge itself: it finds nothing when both sides agree, and each planted difference when they do not.

Needs no pgweave: the graph is written by hand.
"""
import json
import pathlib

import pytest

from compare_graph import Join, Node, compare, same
from graph import PLACEHOLDER
from mappings import MEETINGS

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "meetings"


@pytest.fixture
def agreeing(database, graph):
    database.run_file(EXAMPLE / "schema.sql")
    database.run_file(EXAMPLE / "data.sql")
    expected = json.loads((EXAMPLE / "expected.json").read_text())
    for label, nodes in expected["nodes"].items():
        graph.query(f"UNWIND $nodes AS p CREATE (n:{label}) SET n = p", nodes=nodes)
    graph.query("MATCH (m:Meeting) SET m.starts_at = datetime(m.starts_at)")
    for kind, relationships in expected["relationships"].items():
        for r in relationships:
            (start, start_id), (end, end_id) = *r["from"].items(), *r["to"].items()
            graph.query(f"MATCH (a:{start} {{id: $a}}), (b:{end} {{id: $b}}) CREATE (a)-[r:{kind}]->(b) SET r = $p",
                        a=start_id, b=end_id, p=r.get("properties", {}))
    return graph


def test_agreement_also_with_graph_only_parts(agreeing, database):
    assert compare(database, agreeing, MEETINGS) == []
    agreeing.run_file(EXAMPLE / "graph-only.cypher")
    assert compare(database, agreeing, MEETINGS) == []


@pytest.mark.parametrize("cypher", [
    "MATCH (n:User {id: 4}) DETACH DELETE n",
    "CREATE (:User {id: 5, name: 'Eve'})",
    "CREATE (:User {id: 1, name: 'Ada', email: 'ada@example.org'})",
    "MATCH (n:User {id: 1}) SET n.name = 'Adam'",
    "MATCH (n:User {id: 1}) REMOVE n.name",
    "MATCH (n:User {id: 1}) SET n.id = 1.0",
    "MATCH (n:Team {id: 2}) SET n.purpose = ''",
    "MATCH (n:Meeting {title: 'First sketch'}) SET n.starts_at = n.starts_at + duration('PT0.000001S')",
    "MATCH (n:Meeting {title: 'First sketch'}) SET n.starts_at = localdatetime(n.starts_at)",
    "MATCH (:Team {id: 1})-[r:HOSTS]->() DELETE r",
    "MATCH (t:Team {id: 1})-[:HOSTS]->(m) CREATE (t)-[:HOSTS]->(m)",
    "MATCH (t:Team {id: 2}), (m:Meeting {title: 'Which format'}) CREATE (t)-[:HOSTS]->(m)",
    "MATCH (:User {id: 1})-[r:MEMBER_OF]->() SET r.role = 'guest'",
    "MATCH (:User {id: 1})-[r:MEMBER_OF]->() REMOVE r.role",
    f"MATCH (n:Team {{id: 1}}) REMOVE n.name, n.purpose SET n:{PLACEHOLDER}",
])
def test_each_difference_is_found(agreeing, database, cypher):
    agreeing.query(cypher)
    assert compare(database, agreeing, MEETINGS) != []


def test_placeholders(database, graph):
    database.execute("CREATE TABLE p (name text PRIMARY KEY)",
                     "CREATE TABLE d (id bigint PRIMARY KEY, a text, b text)",
                     "INSERT INTO p VALUES ('x')", "INSERT INTO d VALUES (1, 'x', 'virtual'), (2, 'x', NULL)")
    mapping = [Node("P", "p", ("name",), same("name")),
               Join("NEEDS", "d", ("P", ("a",)), ("P", ("b",)), same("id"), key=("id",))]
    graph.query(f"CREATE (:P {{name: 'x'}})-[:NEEDS {{id: 1}}]->(:P:{PLACEHOLDER} {{name: 'virtual'}})")
    assert compare(database, graph, mapping) == []
    graph.query(f"MATCH (n:{PLACEHOLDER}) REMOVE n:{PLACEHOLDER}")
    assert compare(database, graph, mapping) != []
    graph.query(f"MATCH (n:P) SET n:{PLACEHOLDER}")
    assert compare(database, graph, mapping) != []
