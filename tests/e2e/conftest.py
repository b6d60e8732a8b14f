"""Fixtures: the sandbox of the session, and for each test an empty database, an empty graph, and pgweave between them.

PGWEAVE_SANDBOX_DIR names a sandbox that runs already; without it the session starts one and removes it at its end. With
pytest -n each lane has one of its own, since tests stop and kill servers.
PGWEAVE_BIN names the program, else build/pgweave.
"""
import os
import pathlib
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
pytest.register_assert_rewrite("agreement", "checkpoint_moves", "graph", "pgweave", "waiting")

from sandbox import Sandbox  # noqa: E402

from database import Database, drop_leftovers  # noqa: E402
from graph import Graph  # noqa: E402
from pgweave import Pgweave  # noqa: E402
from proxy import Proxy  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--battery", action="store_true", help="all cases of the tests of which ./test takes a sample")


def pytest_collection_modifyitems(config, items):
    """What is left out is counted as deselected in the closing line."""
    # The server that comes back is cold: what runs on it takes twice the time until its compilers have seen enough.
    items.sort(key=lambda item: item.get_closest_marker("restarts_neo4j") is None)
    if config.getoption("--battery") or "::" in "".join(config.args):
        return
    seen, left_out = {}, []
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled:
            name = item.nodeid.partition("[")[0]
            seen[name] = seen.get(name, -1) + 1
            if not sampled.args[0] or seen[name] % sampled.args[0]:
                left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    away = set(left_out)
    items[:] = [item for item in items if item not in away]


@pytest.fixture(scope="session")
def sandbox():
    given = os.environ.get("PGWEAVE_SANDBOX_DIR") if "PYTEST_XDIST_WORKER" not in os.environ else None
    if given:
        running = Sandbox(given).start()
        drop_leftovers(running)
        yield running
        return
    # Not below pytest's own folders, which PostgreSQL's user may not enter.
    with Sandbox(tempfile.mkdtemp(prefix="pgweave-e2e-"), fsync=False) as started:
        yield started


@pytest.fixture(scope="session")
def graph_driver(sandbox):
    graph = Graph(sandbox)
    yield graph
    graph.close()


@pytest.fixture
def database(sandbox):
    sandbox.start()  # after a test that has killed a server and failed
    database = Database(sandbox)
    yield database
    database.drop()


@pytest.fixture
def graph(request, database, graph_driver):
    marked = request.node.get_closest_marker("one_mapping")
    used = [name for name in marked.args if name in request.fixturenames] if marked else []
    graph_driver.prepare((request.module.__name__, used[0]) if used else None)
    return graph_driver


@pytest.fixture
def pgweave(tmp_path, database, graph, sandbox):
    pgweave = Pgweave(tmp_path, database, sandbox)
    yield pgweave
    pgweave.close()
    print(f"--- pgweave's log\n{pgweave.log}")


@pytest.fixture
def postgres_network(pgweave, sandbox):
    """Between pgweave and PostgreSQL, to be held up or broken."""
    with Proxy(sandbox.postgres.state["port"]) as proxy:
        pgweave.environment["PGWEAVE_PG_URL"] = proxy.url(pgweave.environment["PGWEAVE_PG_URL"])
        yield proxy


@pytest.fixture
def neo4j_network(pgweave, sandbox):
    """Between pgweave and Neo4j."""
    with Proxy(sandbox.neo4j.state["port"]) as proxy:
        pgweave.environment["NEO4J_URI"] = proxy.url(pgweave.environment["NEO4J_URI"])
        yield proxy
