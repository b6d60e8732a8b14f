"""Tenants in one graph: a label for each, made of a column's value."""
import pytest

from waiting import wait_until

TABLES = """
    CREATE TABLE docs (id int PRIMARY KEY, tenant text, region int, body text);
    CREATE TABLE notes (id int PRIMARY KEY, doc_id int);
    INSERT INTO docs SELECT i, (ARRAY['acme', 'it''s \\ `odd`', 'ü', '', NULL])[1 + i % 5], i % 3, 'b' FROM generate_series(1, 30) i;
    INSERT INTO notes VALUES (1, 1), (2, 100);
"""
LABELS = "[{column: tenant, prefix: Tenant_}, {column: region, prefix: Region_}]"
MAPPING = """
nodes:
  Doc: {{table: docs, labels: {labels}}}
  Note: {{table: notes, relationships: {{ON: {{to: Doc, column: doc_id}}}}}}
"""


@pytest.fixture
def docs(database, pgweave):
    database.execute(TABLES)
    pgweave.map(MAPPING.format(labels=LABELS))
    pgweave.start_and_catch_up()
    return pgweave


def labels_by_id(graph):
    """Of nodes with a row; what was put on them by hand too."""
    return {record["id"]: sorted(record["labels"]) for record in graph.query(
        "MATCH (d:Doc) WHERE NOT d:_PgweavePlaceholder RETURN d.id AS id, labels(d) AS labels")}


def expected(database, more=None):
    return {id: sorted(["Doc", *([] if tenant is None else [f"Tenant_{tenant}"]), *([] if region is None else [f"Region_{region}"]),
                        *(more or {}).get(id, [])])
            for id, tenant, region in database.query("SELECT id, tenant, region FROM docs")}


def verified(pgweave):
    return pgweave.command("verify").rc == 0


def test_labels_follow_their_column(docs, database, graph):
    assert labels_by_id(graph) == expected(database)
    graph.query("MATCH (d:Doc {id: 1}) SET d:ByHand")
    database.execute("UPDATE docs SET tenant = 'new one' WHERE id <= 10; UPDATE docs SET tenant = NULL WHERE id = 11; "
                     "UPDATE docs SET region = region + 1, tenant = 'acme' WHERE id = 12; INSERT INTO docs VALUES (100, 'late', 7); "
                     "UPDATE docs SET id = 200 WHERE id = 20; DELETE FROM docs WHERE id = 1; INSERT INTO docs VALUES (1, 'back')")
    docs.catch_up()
    assert labels_by_id(graph) == expected(database, {1: ["ByHand"]})
    assert verified(docs)


def test_verify_and_a_load_mend_them(docs, database, graph):
    graph.query("MATCH (d:Doc {id: 1}) SET d:Tenant_wrong:ByHand WITH d MATCH (e:Doc {id: 2}) REMOVE e:Region_2 SET e:Region_0")
    assert docs.command("verify").rc == 1
    docs.kill()
    docs.start("--resnapshot")
    docs.catch_up()
    wait_until(lambda: labels_by_id(graph) == expected(database, {1: ["ByHand"]}))
    assert verified(docs)


def test_a_placeholder_has_none(docs, database, graph):
    database.execute("DELETE FROM docs WHERE id = 1")
    docs.catch_up()
    assert graph.query("MATCH (d:Doc {id: 1}) UNWIND labels(d) AS l RETURN l ORDER BY l") == [
        {"l": "Doc"}, {"l": "_PgweavePlaceholder"}]
    assert verified(docs)


@pytest.mark.sampled(0)
def test_taken_out_of_the_mapping(docs, database, graph):
    graph.query("MATCH (d:Doc {id: 1}) SET d:ByHand")
    docs.terminate()
    docs.map(MAPPING.format(labels="{column: region, prefix: Tenant_}"))
    assert docs.command("apply").rc == 0
    assert labels_by_id(graph) == {id: sorted(["Doc", f"Tenant_{region}", *(["ByHand"] if id == 1 else [])])
                                   for id, region in database.query("SELECT id, region FROM docs")}
    docs.start_and_catch_up()
    assert verified(docs)
