"""The example `packages`: Debian's package index, snapshot and upgrades, with the daemon killed in between, agrees in full."""
import pathlib
import subprocess

from compare_graph import compare
from graph import PLACEHOLDER
from mappings import PACKAGES

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "packages"


def test_the_index_and_its_upgrades(pgweave, database, graph):
    database.run_file(EXAMPLE / "schema.sql")
    subprocess.run([EXAMPLE / "load", database.url], check=True)
    pgweave.use(EXAMPLE / "pgweave.yaml", "packages")
    pgweave.start_and_catch_up(timeout_s=600)
    assert graph.count("Package") - graph.count(PLACEHOLDER) > 60_000
    assert graph.value("MATCH ()-[r]->() RETURN count(r)") > 280_000

    with subprocess.Popen([EXAMPLE / "writer", database.url, "--rate", "200", "--count", "1000"],
                          stdout=subprocess.PIPE, text=True) as writer:
        for number, _ in enumerate(writer.stdout, 1):
            if number % 300 == 0:
                pgweave.kill()
                pgweave.start()
    assert writer.returncode == 0
    pgweave.catch_up()
    assert graph.value("MATCH (p:Package) WHERE p.version CONTAINS '+up' RETURN count(p)") > 500
    assert compare(database, graph, PACKAGES) == []
    pgweave.verify()
