"""The examples `ontology`, `cmdb` and `content`: the first load and the stream make the graph that each ships, and changes follow."""
import json
import pathlib

import pytest

from agreement import assert_agreement
from graph import PLACEHOLDER
from mappings import CMDB, CONTENT, ONTOLOGY
from waiting import wait_until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
MAPPINGS = {"ontology": ONTOLOGY, "cmdb": CMDB, "content": CONTENT}
KEYED = [(name, change) for name, changes in {
    "ontology": [
        "UPDATE org_departments SET function_id = 2 WHERE name = 'Medical Information'",
        "UPDATE org_roles SET deleted_at = now() WHERE name = 'Information Officer'",
        "UPDATE org_roles SET deleted_at = NULL WHERE name = 'Archivist'",
        "UPDATE org_roles SET manager_id = 2 WHERE id = 3; UPDATE org_roles SET manager_id = NULL WHERE id = 2",
        "UPDATE org_functions SET deleted_at = now() WHERE id = 1; UPDATE org_functions SET deleted_at = NULL WHERE id = 4",
        "UPDATE jtbd_roles SET role_id = 3 WHERE id = 4; DELETE FROM jtbd_roles WHERE id = 1",
        "DELETE FROM jtbd WHERE code = 'MA-1'",
        "UPDATE value_drivers SET weight = weight * 2, category_id = NULL WHERE id = 1",
    ],
    "cmdb": [
        "UPDATE configuration_items SET type = 'database' WHERE name = 'borea'",
        "UPDATE configuration_items SET type = 'router' WHERE name = 'atlas'; UPDATE configuration_items SET type = 'server' WHERE name = 'core-1'",
        "UPDATE configuration_items SET attributes = attributes || '{\"cpu\": 64}' WHERE type = 'server'",
        "UPDATE configuration_items SET retired_at = now() WHERE name = 'atlas'; UPDATE configuration_items SET retired_at = NULL WHERE name = 'old-mail'",
        "UPDATE relationships SET type = 'RUNS_ON' WHERE id = 3; UPDATE relationships SET type = 'DEPENDS_ON' WHERE id < 3",
        "DELETE FROM users WHERE id = 1",
        "DELETE FROM configuration_items WHERE name = 'orders'",
    ],
}.items() for change in changes]


@pytest.fixture
def example(pgweave, database):
    def use(name):
        database.run_file(EXAMPLES / name / "schema.sql")
        pgweave.use(EXAMPLES / name / "pgweave.yaml", name)
        return EXAMPLES / name
    return use


def shown(value):
    """As expected.json has it."""
    return value.iso_format() if hasattr(value, "iso_format") else value


def read(graph):
    """The whole graph but pgweave's own node, sorted; and but for when it was made."""
    wait_until(lambda: graph.value("MATCH (n) WHERE n:_PgweaveElementId OR n:_PgweaveElementIdTaken RETURN count(n)") == 0)
    nodes = graph.query("MATCH (n) WHERE NOT n:_PgweaveCheckpoint RETURN labels(n) AS labels, properties(n) AS properties")
    relationships = graph.query("MATCH (a)-[r]->(b) RETURN type(r) AS type, labels(a) AS from_labels, a.id AS from_id, "
                                "labels(b) AS to_labels, coalesce(b.id, b.name) AS to_id, properties(r) AS properties")
    for found in [*nodes, *relationships]:
        found["properties"] = {name: shown(value) for name, value in sorted(found["properties"].items()) if name != "validFrom"}
        for name in ("labels", "from_labels", "to_labels"):
            if name in found:
                found[name] = sorted(found[name])
    order = lambda found: json.dumps(found, sort_keys=True)  # noqa: E731
    return {"nodes": sorted(nodes, key=order), "relationships": sorted(relationships, key=order)}


@pytest.mark.parametrize("name", MAPPINGS)
def test_first_load_is_the_expected_graph(pgweave, database, graph, example, name):
    folder = example(name)
    database.run_file(folder / "data.sql")
    assert pgweave.command("check").rc == 0
    pgweave.start_and_catch_up()
    assert_agreement(pgweave, database, graph, MAPPINGS[name])
    assert read(graph) == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_stream_makes_the_same_graph(pgweave, database, graph, example, name):
    folder = example(name)
    pgweave.start_and_catch_up()
    database.run_file(folder / "data.sql")
    assert_agreement(pgweave, database, graph, MAPPINGS[name])
    assert read(graph) == json.loads((folder / "expected.json").read_text())


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name, change", KEYED)
def test_changes_follow(pgweave, database, graph, example, name, change):
    folder = example(name)
    database.run_file(folder / "data.sql")
    pgweave.start_and_catch_up()
    database.execute(change)
    assert_agreement(pgweave, database, graph, MAPPINGS[name])


def test_a_kind_gets_its_label_online(pgweave, database, graph, example, tmp_path):
    """As examples/cmdb/README.md says."""
    folder = example("cmdb")
    database.run_file(folder / "data.sql")
    pgweave.start_and_catch_up()
    pgweave.terminate()
    file = tmp_path / "pgweave.yaml"
    file.write_text((folder / "pgweave.yaml").read_text().replace("server: Server,", "server: Server, switch: Switch,"))
    pgweave.use(file, "cmdb")
    assert pgweave.command("apply").rc == 0
    pgweave.start()
    assert_agreement(pgweave, database, graph, CMDB)
    assert graph.value("MATCH (n:ConfigurationItem:Switch) RETURN n.name") == "core-1"
    assert graph.value(f"MATCH (n:{PLACEHOLDER}) RETURN count(n)") == 0


def blocks(page, language):
    """The statements of a README, in its order."""
    return [block.split("```")[0] for block in page.read_text().split(f"```{language}\n")[1:]]


def test_content_remembers(pgweave, database, graph, example):
    """As examples/content/README.md says."""
    folder = example("content")
    database.run_file(folder / "data.sql")
    pgweave.start_and_catch_up()
    before = graph.value("RETURN datetime()")
    changes, element_ids = blocks(folder / "README.md", "sql")
    now, then, by_tenant = blocks(folder / "README.md", "cypher")
    for change in changes.split(";\n"):
        if change.strip():
            database.execute(change)
    pgweave.catch_up()
    assert graph.query(now.rstrip().rstrip(";")) == [{"title": "Launch plan", "position": 2, "version": 2}]
    assert graph.query(then.rstrip().rstrip(";"), at=before) == [
        {"title": "Launch plan", "position": 1, "version": 1}, {"title": "Press release", "position": 2, "version": 1},
        {"title": "Style guide", "position": 3, "version": 1}]
    assert graph.query(by_tenant.rstrip().rstrip(";")) == [{"project": "launch", "items": 1}]
    assert graph.value("MATCH (c:ContentItem:Deleted) RETURN c.title") == "Press release"
    assert pgweave.command("verify").rc == 0

    def told():
        return all(graph.value("MATCH (c:ContentItem {title: $title}) RETURN elementId(c) = $id", title=title, id=id)
                   for title, id in database.query(element_ids))

    wait_until(told)
