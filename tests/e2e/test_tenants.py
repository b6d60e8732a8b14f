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


# A graph for each tenant.

SHARED = """
    CREATE TABLE countries (code text PRIMARY KEY);
    CREATE TABLE users (id int PRIMARY KEY, tenant_id int, country text REFERENCES countries, active boolean DEFAULT true);
    CREATE TABLE teams (id int PRIMARY KEY, tenant_id int NOT NULL);
    CREATE TABLE members (team_id int REFERENCES teams, user_id int REFERENCES users, tenant_id int, PRIMARY KEY (team_id, user_id));
    INSERT INTO countries VALUES ('de'), ('fr');
    INSERT INTO users SELECT i, i % 3, CASE WHEN i % 2 = 0 THEN 'de' ELSE 'fr' END, i % 4 > 0 FROM generate_series(1, 30) i;
    INSERT INTO teams SELECT i, i % 3 FROM generate_series(1, 6) i;
    INSERT INTO members SELECT 1 + i % 6, i, (1 + i % 6) % 3 FROM generate_series(1, 30) i WHERE i % 3 = (1 + i % 6) % 3;
    INSERT INTO members SELECT 1, i, 1 FROM generate_series(1, 30) i WHERE i % 3 = 1;
"""


def of_tenant(database, tenant):
    """What the graph of one tenant holds: users and teams of it, every country, and what leads from the one to the other."""
    return [
        {("Country", code) for (code,) in database.query("SELECT code FROM countries")}
        | {("User", id) for (id,) in database.query("SELECT id FROM users WHERE active AND tenant_id = %s", [tenant])}
        | {("Team", id) for (id,) in database.query("SELECT id FROM teams WHERE tenant_id = %s", [tenant])},
        {("LIVES_IN", *row) for row in database.query("SELECT id, country FROM users WHERE active AND tenant_id = %s", [tenant])}
        | {("HAS", *row) for row in database.query("SELECT team_id, user_id FROM members WHERE tenant_id = %s", [tenant])},
    ]


def in_graph(graph):
    return [
        {(record["label"], record["key"]) for record in graph.query(
            "MATCH (n:Country|User|Team) WHERE NOT n:_PgweavePlaceholder "
            "RETURN labels(n)[0] AS label, coalesce(n.id, n.code) AS key")},
        {(record["type"], record["a"], record["b"]) for record in graph.query(
            "MATCH (a)-[r]->(b) RETURN type(r) AS type, a.id AS a, coalesce(b.id, b.code) AS b")},
    ]


def test_a_graph_of_one_tenant(database, graph, pgweave):
    database.execute(SHARED)
    pgweave.map("tenant: {column: tenant_id, value: 1}\nnodes:\n  Country: {table: countries}\n  Team: {table: teams}\n"
                "  User: {table: users, where: active, relationships: {LIVES_IN: {to: Country, column: country}}}\n"
                "relationships:\n  HAS: {table: members, from: {Team: team_id}, to: {User: user_id}}\n")
    pgweave.start_and_catch_up()
    assert in_graph(graph) == of_tenant(database, 1)
    database.execute("UPDATE users SET tenant_id = 2 WHERE id = 1; UPDATE users SET tenant_id = 1, active = true WHERE id = 2; "
                     "UPDATE users SET tenant_id = NULL WHERE id = 7; DELETE FROM members WHERE user_id IN (1, 7); "
                     "INSERT INTO teams VALUES (10, 1), (11, 2); INSERT INTO members VALUES (10, 2, 1), (11, 1, 2); "
                     "INSERT INTO countries VALUES ('it'); UPDATE users SET country = 'it' WHERE id IN (4, 5)")
    pgweave.catch_up()
    assert in_graph(graph) == of_tenant(database, 1)
    assert verified(pgweave)
