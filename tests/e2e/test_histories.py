"""Random schemas, mappings and histories, each run undisturbed and with a kill at a byte of the Bolt stream: the graph is the one
that a model computes which was written from docs/mapping.md alone, and verify agrees. `tools/histories` runs thousands, and shrinks
what fails."""
import os
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from histories import case as cases  # noqa: E402
from histories.case import random_case  # noqa: E402
from histories.runner import Run, Workplace, run_case  # noqa: E402
from histories.shrink import shrink  # noqa: E402

from checkpoint_moves import recorded_moves  # noqa: E402

FIRST_SEED = int(os.environ.get("PGWEAVE_HISTORIES_SEED", "1"))
# Two schemas, of which mapping or tables change, take long; of the others there are three histories.
SCHEMAS, OF_EACH = 14, {cases.CHANGED_EVERY // 2: 2, 0: 2}


@pytest.fixture(scope="module")
def workplace(sandbox, graph_driver, tmp_path_factory):
    sandbox.start()
    graph_driver.clean()
    workplace = Workplace(sandbox, graph_driver, tmp_path_factory.mktemp("histories"))
    with recorded_moves(graph_driver):
        yield workplace
    workplace.close()


@pytest.mark.parametrize("seed", [FIRST_SEED + number * cases.HISTORIES_PER_SCHEMA + more
                                  for number in range(SCHEMAS) for more in range(OF_EACH.get(number, 3))])
def test_history(workplace, seed):
    print(f"shrink it with: tools/histories --count 1 --seed {seed}")
    run_case(workplace, random_case(seed))


FOUND = pathlib.Path(cases.__file__).parent / "found"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOUND.glob("*.json")))
def test_what_was_found_before(workplace, name):
    run_case(workplace, cases.load(FOUND / f"{name}.json"))


# The proof is as good as its judge and its shrinking, so these are tested too.

TAMPERINGS = [
    "MATCH (n:P1) WITH n LIMIT 1 SET n.n1 = 'other'",
    "MATCH (n:P1) WITH n LIMIT 1 SET n.more = 1",
    "MATCH (n:P1) WITH n LIMIT 1 SET n:More",
    "MATCH (n:P1) WITH n LIMIT 1 DETACH DELETE n",
    "MATCH (a:P1) WITH a LIMIT 1 CREATE (a)-[:O1]->(a)",
    "CREATE (:P1 {n1: 4711})",
    "CREATE (:Stranger)",
]


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_differs_is_found(workplace, tampering):
    tables = [{"id": "t0", "schema": "public", "name": "t", "role": "node", "key": ["id"], "key_is": "primary", "deferrable": None,
               "partitions": 0, "primary_key": ["id"], "replica_identity": "default", "references": [],
               "columns": [{"name": "id", "type": "bigint", "not_null": True}, {"name": "n1", "type": "bigint"}]}]
    mapping = {"options": {}, "relationships": [], "nodes": [
        {"label": "P1", "table": "t0", "labels": [], "key": None, "properties": None, "except": [], "relationships": []}]}
    insert = {"do": "insert", "table": "t0", "columns": ["id", "n1"], "rows": [["1", "1"], ["2", None]]}
    history = {"load": [], "steps": [
        {"do": "transaction", "statements": [insert], "end": "commit", "guarded": True, "deferred": False}]}
    run = Run(workplace, {"tables": tables, "mapping": mapping, "history": history})

    def tamper(run):
        workplace.graph.query(tampering)
        *_, found = run.look()
        assert found

    run.inspect = tamper
    run.run()


HISTORY_TAMPERINGS = [
    "MATCH ()-[r:O1]->() WHERE r.version = 1 DELETE r",
    "MATCH ()-[r:O1]->() WHERE r.version = 2 SET r.version = 3",
    "MATCH ()-[r:O1]->() WHERE r.version = 1 SET r.validTo = r.validTo + duration('PT0.000001S')",
    "MATCH ()-[r:O1]->() WHERE r.version = 2 SET r.validFrom = r.validFrom + duration('PT0.000001S')",
    "MATCH ()-[r:O1]->() WHERE r.version = 1 SET r.n1 = 7",
    "MATCH (a)-[r:O1]->(b) WHERE r.version = 2 CREATE (a)-[s:O1]->(b) SET s = r, s.version = 3",
    "MATCH (a)-[r:O1]->(b) WHERE r.version = 1 CREATE (b)-[s:O1]->(a) SET s = r DELETE r",
]


@pytest.mark.parametrize("tampering", HISTORY_TAMPERINGS)
def test_what_differs_in_a_history_is_found(workplace, tampering):
    person = {"id": "t0", "schema": "public", "name": "t", "role": "node", "key": ["id"], "key_is": "primary", "deferrable": None,
              "partitions": 0, "primary_key": ["id"], "replica_identity": "default", "references": [],
              "columns": [{"name": "id", "type": "bigint", "not_null": True}, {"name": "row", "type": "bigint", "serial": True}]}
    ends = [{"columns": [name], "to": "t0", "declared": "valid", "deferrable": None, "on_delete": "CASCADE", "on_update": "CASCADE"}
            for name in ("a", "b")]
    knows = {**person, "id": "t1", "name": "j", "role": "join", "key": ["a", "b"], "primary_key": ["a", "b"], "references": ends,
             "columns": [{"name": name, "type": "bigint", "not_null": True} for name in ("a", "b", "n1")]}
    mapping = {"options": {}, "nodes": [
        {"label": "P1", "table": "t0", "labels": [], "key": None, "properties": None, "except": [], "relationships": []}],
        "relationships": [{"type": "O1", "table": "t1", "from": ["P1", ["a"]], "to": ["P1", ["b"]], "key": None, "properties": None,
                           "except": [], "history": True}]}
    plain = {"do": "transaction", "end": "commit", "guarded": True, "deferred": False}
    load = [{**plain, "statements": [
        {"do": "insert", "table": "t0", "columns": ["id"], "rows": [["1"], ["2"]]},
        {"do": "insert", "table": "t1", "columns": ["a", "b", "n1"], "rows": [["1", "2", "1"]]}]}]
    change = {**plain, "statements": [{"do": "update", "table": "t1", "set": {"n1": "2"}, "keys": [{"a": "1", "b": "2"}]}]}
    run = Run(workplace, {"tables": [person, knows], "mapping": mapping, "history": {"load": load, "steps": [{"do": "start"}, change]}})

    def tamper(run):
        *_, found = run.look()
        assert not found
        workplace.graph.query(tampering)
        *_, found = run.look()
        assert found

    run.inspect = tamper
    run.run()


def test_shrinking_leaves_what_is_needed():
    case = next(case for case in map(random_case, range(1000)) if "truncate" in str(case["history"]["steps"]))
    small = shrink(case, lambda smaller: "truncate" in str(smaller["history"]["steps"]), runs_max=2000)
    assert len(small["tables"]) <= 2  # the truncated one, and one that the mapping needs
    (step,) = small["history"]["steps"]
    assert [statement["do"] for statement in step["statements"]] == ["truncate"]
