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
COUNT = 40


@pytest.fixture(scope="module")
def workplace(sandbox, graph_driver, tmp_path_factory):
    sandbox.start()
    graph_driver.clean()
    workplace = Workplace(sandbox, graph_driver, tmp_path_factory.mktemp("histories"))
    with recorded_moves(graph_driver):
        yield workplace
    workplace.close()


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + COUNT))
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


def test_shrinking_leaves_what_is_needed():
    case = next(case for case in map(random_case, range(1000)) if "truncate" in str(case["history"]["steps"]))
    small = shrink(case, lambda smaller: "truncate" in str(smaller["history"]["steps"]), runs_max=2000)
    assert len(small["tables"]) <= 2  # the truncated one, and one that the mapping needs
    (step,) = small["history"]["steps"]
    assert [statement["do"] for statement in step["statements"]] == ["truncate"]
