"""Neo4j's element ids are written back to PostgreSQL: exactly those of now, whatever is killed, locked or refused, and never as
changes that come back for ever."""
import time

import psycopg
import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Node, same
from waiting import wait_until

MARKS = "MATCH (n) WHERE n:_PgweaveElementId OR n:_PgweaveElementIdTaken RETURN count(n)"
NAMES = "MATCH (n:Role) WHERE NOT n:_PgweavePlaceholder RETURN DISTINCT n.name AS name"
GONE = "MATCH (n:`_PgweaveElementIdGone.Team`) RETURN count(n)"

SCHEMA = """
    CREATE TABLE roles (id bigint PRIMARY KEY, name text, manager bigint, neo4j_node_id text);
    CREATE TABLE teams (tenant text, no int, name text, PRIMARY KEY (tenant, no));
    INSERT INTO roles VALUES (1, 'a', NULL, NULL), (2, 'b', 1, NULL), (3, 'c', 9, 'stale');
    INSERT INTO teams VALUES ('x', 1, 'a'), ('x', 2, 'b'), ('y"\\', 1, 'c');
"""
ROLE = """
  Role:
    table: roles
    element_id: neo4j_node_id
    relationships: {REPORTS_TO: {to: Role, column: manager}}
"""
TEAM = "  Team: {table: teams, element_id: {table: pgweave.element_ids}}\n"
MAPPING = [
    Node("Role", "roles", ("id",), same("id", "name")),
    Node("Team", "teams", ("tenant", "no"), same("tenant", "no", "name")),
    ForeignKey("REPORTS_TO", "Role", ("manager",), "Role"),
]


def in_graph(graph, label, *key):
    names = ", ".join(f"n.`{name}`" for name in key)
    return {tuple(record["key"]): record["id"] for record in graph.query(
        f"MATCH (n:`{label}`) WHERE NOT n:_PgweavePlaceholder RETURN [{names}] AS key, elementId(n) AS id")}


def roles_told(database, column="neo4j_node_id"):
    return {(id,): told for id, told in database.query(f"SELECT id, {column} FROM roles")}


def teams_told(database):
    return {(tenant, no): told for tenant, no, told in database.query(
        "SELECT key->>0, (key->>1)::int, element_id FROM pgweave.element_ids WHERE pipeline = 'e2e' AND label = 'Team'")}


def wait_until_quiet(pgweave, graph, marks=0):
    pgweave.catch_up()
    wait_until(lambda: graph.value(MARKS) == marks and graph.value(GONE) == 0, what=f"{marks} marks are left")


def assert_told(pgweave, database, graph):
    """All that is committed is in the graph, no mark is left, and PostgreSQL knows of just the nodes that there are."""
    wait_until_quiet(pgweave, graph)
    assert roles_told(database) == in_graph(graph, "Role", "id")
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no")


def prepare(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map("nodes:" + ROLE + TEAM)


@pytest.fixture
def told(database, pgweave, graph):
    prepare(database, pgweave)
    pgweave.start_and_catch_up()
    assert_told(pgweave, database, graph)
    return pgweave


def test_they_follow_the_rows(told, database, graph):
    assert sorted(graph.value("MATCH (n:Role {id: 1}) RETURN keys(n)")) == ["id", "name"]
    assert_agreement(told, database, graph, MAPPING)
    for change in [
        "INSERT INTO roles SELECT i, 'n' || i, i - 1 FROM generate_series(100, 1600) i; INSERT INTO teams SELECT 'z', i FROM generate_series(1, 1200) i",
        "UPDATE roles SET id = id + 10000 WHERE id > 1300; UPDATE teams SET no = no + 1 WHERE (tenant, no) = ('x', 2)",
        "INSERT INTO roles VALUES (50, 'x'); UPDATE roles SET id = 51 WHERE id = 50",
        # the node stays, the row is another: it has to be told anew
        "DELETE FROM roles WHERE id = 1; INSERT INTO roles VALUES (1, 'again'); DELETE FROM teams WHERE no = 1; INSERT INTO teams VALUES ('x', 1)",
        "DELETE FROM roles WHERE id = 2; DELETE FROM teams WHERE tenant = 'z' AND no > 100",
        "INSERT INTO roles VALUES (2, 'back'), (9, 'filled'); INSERT INTO teams VALUES ('z', 101, 'back')",
        "DELETE FROM roles WHERE id = 9; UPDATE teams SET tenant = 'w' WHERE tenant = 'z'",
        "TRUNCATE teams; INSERT INTO teams VALUES ('x', 1), ('new', 7); TRUNCATE roles; INSERT INTO roles VALUES (1), (3)",
    ]:
        database.execute(change)
        assert_told(told, database, graph)
    assert_agreement(told, database, graph, MAPPING)
    assert told.command("status").stdout.count("element ids  0 on their way") == 1


def retell(pgweave, database, graph):
    """Has the column of every role written again; the graph's names are by hand meanwhile."""
    database.execute("UPDATE roles SET neo4j_node_id = NULL")
    pgweave.catch_up()
    graph.query("MATCH (n:Role) WHERE NOT n:_PgweavePlaceholder SET n.name = 'by hand' SET n:_PgweaveElementId")
    assert_told(pgweave, database, graph)
    pgweave.catch_up()


def test_nothing_of_it_comes_back(told, database, graph):
    retell(told, database, graph)
    assert graph.query(NAMES) == [{"name": "by hand"}]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("what", ["trigger", "rule"])
def test_what_else_changes_with_it_does_come_back(database, pgweave, graph, what):
    database.execute(SCHEMA, "ALTER TABLE roles ADD COLUMN touched int NOT NULL DEFAULT 0", """
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END';
    """)
    pgweave.map("nodes:" + ROLE + TEAM)
    pgweave.start_and_catch_up()
    assert_told(pgweave, database, graph)
    if what == "trigger":
        database.execute("CREATE TRIGGER touch BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION touch()")
    else:
        database.execute("CREATE RULE also AS ON UPDATE TO roles DO ALSO INSERT INTO teams VALUES ('rule', NEW.id) ON CONFLICT DO NOTHING")
    retell(pgweave, database, graph)
    assert_agreement(pgweave, database, graph, MAPPING)
    touched = dict(database.query("SELECT id, touched FROM roles"))
    assert dict((record["id"], record["touched"]) for record in graph.query("MATCH (n:Role) WHERE n.touched IS NOT NULL RETURN n.id AS id, n.touched AS touched")) == touched
    # once for the person's UPDATE, once for ours: it is not answered for ever
    assert set(touched.values()) == {2 if what == "trigger" else 0}
    time.sleep(1)
    assert dict(database.query("SELECT id, touched FROM roles")) == touched


def is_told(database, graph, id):
    return roles_told(database).get((id,)) == in_graph(graph, "Role", "id").get((id,), "not there")


def test_a_locked_row_waits_alone(told, database, graph):
    database.execute("INSERT INTO roles VALUES (20, 'free'), (21, 'locked')")
    assert_told(told, database, graph)
    database.execute("UPDATE roles SET neo4j_node_id = 'wrong' WHERE id > 19")
    told.catch_up()
    with database.connect() as other:
        other.execute("BEGIN; SELECT FROM roles WHERE id = 21 FOR UPDATE")
        graph.query("MATCH (n:Role) WHERE n.id > 19 SET n:_PgweaveElementId")
        wait_until(lambda: is_told(database, graph, 20))
        database.execute("INSERT INTO roles VALUES (22, 'later')")
        wait_until(lambda: is_told(database, graph, 22))
        wait_until(lambda: graph.value(MARKS) == 1)
        assert roles_told(database)[(21,)] == "wrong"
        assert "1 on their way" in told.command("status").stdout
        other.execute("ROLLBACK")
    assert_told(told, database, graph)


@pytest.mark.sampled(0)
def test_what_one_row_refuses_holds_up_no_other(told, database, graph):
    database.execute("ALTER TABLE roles ADD CONSTRAINT stubborn CHECK (id <> 300 OR neo4j_node_id IS NULL)")
    database.execute("INSERT INTO roles SELECT i FROM generate_series(200, 400) i")
    wait_until_quiet(told, graph, marks=1)
    expected = {**in_graph(graph, "Role", "id"), (300,): None}
    assert roles_told(database) == expected
    status = wait_until(lambda: (lambda text: text if "stubborn" in text else None)(told.command("status").stdout))
    assert "element ids of Role cannot be written to public.roles" in status
    assert told.log.count("stubborn") == 1
    database.execute("ALTER TABLE roles DROP CONSTRAINT stubborn")
    assert_told(told, database, graph)
    assert "stubborn" not in told.command("status").stdout
    assert "are written again" in told.log


@pytest.fixture
def as_a_role(database, pgweave, graph):
    role = f"{database.name}_sync"
    prepare(database, pgweave)
    database.execute(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'secret'; GRANT CREATE ON DATABASE {database.name} TO {role}; "
                     f"GRANT SELECT ON roles, teams TO {role}; CREATE PUBLICATION pgweave_e2e FOR TABLE ONLY roles, ONLY teams")
    pgweave.environment["PGWEAVE_PG_URL"] = f"postgresql://{role}:secret@{database.url.rpartition('@')[2]}"
    pgweave.mapping_file.write_text(pgweave.mapping_file.read_text() + "stream: {managed: false}\n")
    yield role
    pgweave.close()
    database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.sampled(0)
def test_rights_that_come_later(as_a_role, database, pgweave, graph):
    found = {finding["object"]: finding for finding in pgweave.command("check", "--json").json["findings"] if finding.get("mend")}
    mend = found["table public.roles"]["mend"]
    assert mend == f'GRANT UPDATE ("neo4j_node_id") ON "public"."roles" TO "{as_a_role}"'
    assert found["replication origin"]["level"] == "warning"
    pgweave.start()
    wait_until_quiet(pgweave, graph, marks=3)
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no")
    assert mend in wait_until(lambda: (lambda text: text if "GRANT" in text else None)(pgweave.log))
    assert "permission denied" in wait_until(lambda: (lambda text: text if "permission" in text else None)(pgweave.command("status").stdout))
    database.execute("INSERT INTO roles VALUES (77, 'the stream goes on')")
    pgweave.catch_up()
    assert graph.node("Role", id=77)
    database.execute(mend)
    assert_told(pgweave, database, graph)
    # without an origin it comes back, once, as what is there
    retell_names = pgweave.command("check", "--json").json["findings"]
    database.execute([finding for finding in retell_names if finding["object"] == "replication origin"][0]["mend"])
    assert not [finding for finding in pgweave.command("check", "--json").json["findings"] if finding["level"] == "error"]
    pgweave.terminate()
    pgweave.start_and_catch_up()
    retell(pgweave, database, graph)
    assert graph.query(NAMES) == [{"name": "by hand"}]


def test_killed_between_its_commit_and_the_end_of_the_marks(told, database, graph):
    """PostgreSQL is held up inside the UPDATE until the checkpoint is locked, so that the marks cannot go when it has committed."""
    database.execute("INSERT INTO roles VALUES (30, 'x')")
    assert_told(told, database, graph)
    database.execute("UPDATE roles SET neo4j_node_id = NULL", """
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
        CREATE TRIGGER dawdle BEFORE UPDATE OF neo4j_node_id ON roles FOR EACH ROW EXECUTE FUNCTION dawdle()
    """)
    told.catch_up()
    graph.query("MATCH (n:Role) WHERE n.id IN [1, 2, 3, 30] SET n:_PgweaveElementId")
    wait_until(lambda: graph.value("MATCH (n:_PgweaveElementIdTaken) RETURN count(n)") == 4, interval_s=0.01)
    with graph.driver.session() as session:
        transaction = session.begin_transaction()
        transaction.run("MATCH (c:_PgweaveCheckpoint) SET c.by_a_test = true").consume()
        wait_until(lambda: roles_told(database) == in_graph(graph, "Role", "id"), what="PostgreSQL has committed")
        told.kill()
        transaction.rollback()
    graph.wait_until_quiet()
    assert graph.value("MATCH (n:_PgweaveElementIdTaken) RETURN count(n)") == 4
    database.execute("DROP TRIGGER dawdle ON roles")
    before = database.query("SELECT id, xmin FROM roles ORDER BY id")
    told.start_and_catch_up()
    assert_told(told, database, graph)
    # what is there already is not written again
    assert database.query("SELECT id, xmin FROM roles ORDER BY id") == before


@pytest.mark.sampled(0)
@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.3, 0.5, 0.8, 1.2])
def test_killed_at_any_moment(told, database, graph, after_s):
    for i in range(4):
        database.execute(f"INSERT INTO roles SELECT 1000 * {i} + 100 + g FROM generate_series(1, 900) g",
                         f"INSERT INTO teams SELECT 'k{i}', g FROM generate_series(1, 900) g", f"DELETE FROM teams WHERE tenant = 'k{i - 2}'",
                         f"UPDATE roles SET id = -id WHERE id BETWEEN 1000 * {i} + 100 AND 1000 * {i} + 400")
        time.sleep(after_s)
        told.kill()
        told.start()
    assert_told(told, database, graph)
    assert_agreement(told, database, graph, MAPPING)


def test_verify_tells_and_heals(told, database, graph):
    database.execute("INSERT INTO roles SELECT i FROM generate_series(200, 900) i")
    assert_told(told, database, graph)
    database.execute("UPDATE roles SET neo4j_node_id = NULL WHERE id BETWEEN 200 AND 899; UPDATE roles SET neo4j_node_id = 'x' WHERE id = 1",
                     "UPDATE pgweave.element_ids SET element_id = 'y' WHERE key = '[\"x\", 1]'; DELETE FROM pgweave.element_ids WHERE key = '[\"x\", 2]'")
    result = told.command("verify", "--json", "-m", "1000")
    assert result.rc == 1
    assert {difference["kind"] for difference in result.json["differences"]} == {"node_element_id"}
    assert result.json["differences_total"] == 703 and result.json["element_ids_marked"] == 0
    (one,) = [difference for difference in result.json["differences"] if difference["key"] == {"id": 1}]
    assert (one["expected"], one["actual"]) == ("x", in_graph(graph, "Role", "id")[(1,)])
    told.terminate()
    database.execute("INSERT INTO pgweave.element_ids VALUES ('e2e', 'Team', '[\"nobody\", 1]', 'z'), ('other', 'Team', '[]', 'z')")
    result = told.command("verify", "--heal")
    assert "1 element ids of keys that no row has are deleted" in result.stdout
    assert database.value("SELECT count(*) FROM pgweave.element_ids WHERE pipeline = 'other'") == 1
    assert result.rc == 1 and "703 element ids are marked to be written again, which the pipeline does when it runs" in result.stdout
    assert graph.value(MARKS) == 703
    # what is marked is on its way
    result = told.command("verify")
    assert result.rc == 0 and "703 element ids are on their way" in result.stdout
    told.start_and_catch_up()
    assert_told(told, database, graph)
    told.verify()


def apply(pgweave):
    applied = pgweave.command("apply")
    assert applied.rc == 0, applied.stdout + applied.stderr
    return applied.stdout


@pytest.mark.sampled(0)
def test_the_mapping_changes(told, database, graph):
    assert told.terminate() == 0
    ids = in_graph(graph, "Role", "id")
    database.execute("ALTER TABLE roles ADD COLUMN graph_id varchar(64), ADD COLUMN other int")
    told.map("nodes:" + ROLE.replace("neo4j_node_id", "graph_id").replace("relationships", "except: [other, neo4j_node_id]\n    relationships") + TEAM)
    assert "its element ids are written to its column graph_id" in apply(told)
    told.start_and_catch_up()
    wait_until_quiet(told, graph)
    assert roles_told(database, "graph_id") == in_graph(graph, "Role", "id") == ids
    assert told.terminate() == 0
    graph.query("MATCH (n:Role) SET n:_PgweaveElementId")
    told.map("nodes:" + ROLE.replace("element_id: neo4j_node_id", "except: [other, graph_id, neo4j_node_id]") +
             TEAM.replace("Team", "Gang"))
    assert "not written to PostgreSQL any more" in apply(told)
    told.start_and_catch_up()
    wait_until_quiet(told, graph)
    told_of = dict(database.query("SELECT key::text, element_id FROM pgweave.element_ids"))
    assert sorted(told_of.values()) == sorted(in_graph(graph, "Gang", "tenant", "no").values())
    told.verify()


@pytest.mark.sampled(0)
def test_loaded_anew_into_an_empty_graph(told, database, graph):
    assert told.terminate() == 0
    graph.clean()
    told.start("--resnapshot")
    told.catch_up()
    assert_told(told, database, graph)


@pytest.mark.sampled(0)
def test_until_caught_up_tells_all(database, pgweave, graph):
    prepare(database, pgweave)
    database.execute("INSERT INTO roles SELECT i FROM generate_series(100, 2600) i")
    result = pgweave.command("run", "--until-caught-up")
    assert result.rc == 0, result.stderr
    assert graph.value(MARKS) == 0
    assert roles_told(database) == in_graph(graph, "Role", "id")
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no")


@pytest.mark.sampled(0)
def test_rows_that_the_mapping_leaves(database, pgweave, graph):
    """A row that is no node any more has no entry; one that comes back is told of another node."""
    database.execute(SCHEMA)
    pgweave.map("nodes:\n  Role: {table: roles, element_id: neo4j_node_id, where: name <> 'c', relationships: {}}\n"
                "  Team: {table: teams, where: name <> 'c', element_id: {table: pgweave.element_ids}}\n")
    pgweave.start_and_catch_up()
    wait_until_quiet(pgweave, graph)
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no") and len(teams_told(database)) == 2
    database.execute("UPDATE teams SET name = CASE name WHEN 'c' THEN 'a' ELSE 'c' END; UPDATE roles SET name = CASE name WHEN 'c' THEN 'a' ELSE 'c' END")
    wait_until_quiet(pgweave, graph)
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no") and len(teams_told(database)) == 1
    assert roles_told(database)[(3,)] == in_graph(graph, "Role", "id")[(3,)]
    pgweave.verify()


@pytest.mark.sampled(0)
@pytest.mark.parametrize("on_delete", ["restrict", "tombstone", "keep"])
def test_nodes_that_stay(database, pgweave, graph, on_delete):
    """What PostgreSQL knows goes with the row, and comes back with it: of the same node, where that has stayed."""
    database.execute(SCHEMA)
    pgweave.map("nodes:\n  Role: {table: roles, where: name <> 'away', element_id: neo4j_node_id, on_delete: %s}\n" % on_delete +
                "  Team: {table: teams, where: name <> 'away', on_delete: %s, element_id: {table: pgweave.element_ids}}\n" % on_delete)
    pgweave.start_and_catch_up()
    wait_until_quiet(pgweave, graph)
    graph.query("MATCH (n) WHERE n:Role OR n:Team CREATE (n)-[:MINE]->(:Mine)")
    ids = in_graph(graph, "Team", "tenant", "no")
    assert teams_told(database) == ids and len(ids) == 3
    database.execute("UPDATE teams SET name = 'away' WHERE no = 2; DELETE FROM teams WHERE tenant = 'x' AND no = 1; DELETE FROM roles WHERE id = 1")
    wait_until_quiet(pgweave, graph)
    assert set(teams_told(database)) == {('y"\\', 1)}
    database.execute("UPDATE teams SET name = 'b' WHERE no = 2; INSERT INTO teams VALUES ('x', 1, 'back'); INSERT INTO roles VALUES (1, 'back')")
    wait_until_quiet(pgweave, graph)
    assert teams_told(database) == in_graph(graph, "Team", "tenant", "no") == ids
    assert roles_told(database) == in_graph(graph, "Role", "id")
    pgweave.verify()


@pytest.mark.sampled(0)
def test_the_column_goes(told, database, graph):
    """As with a property's column: the pipeline says what is missing, or goes on without it."""
    assert told.terminate() == 0
    told.mapping_file.write_text(told.mapping_file.read_text() + "stream: {missing_columns: leave_out}\n")
    told.start_and_catch_up()
    database.execute("ALTER TABLE roles DROP COLUMN neo4j_node_id", "INSERT INTO roles VALUES (60, 'x')")
    told.catch_up()
    assert "has no column neo4j_node_id" in told.command("status").stdout
    assert graph.node("Role", id=60) == {"id": 60, "name": "x"} and told.running


@pytest.mark.sampled(0)
def test_through_a_partitioned_table(database, pgweave, graph):
    database.execute("""
        CREATE TABLE roles (id bigint, name text, manager bigint, neo4j_node_id varchar(80), PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE TABLE roles_low PARTITION OF roles FOR VALUES FROM (0) TO (100);
        CREATE TABLE roles_high PARTITION OF roles FOR VALUES FROM (100) TO (1000) PARTITION BY LIST (id);
        CREATE TABLE roles_rest PARTITION OF roles_high DEFAULT;
        CREATE TABLE teams (tenant text, no int, name text, PRIMARY KEY (tenant, no));
        INSERT INTO roles SELECT i, 'n' FROM generate_series(95, 105) i;
    """)
    pgweave.map("nodes:" + ROLE + TEAM)
    pgweave.start_and_catch_up()
    assert_told(pgweave, database, graph)
    retell(pgweave, database, graph)
    assert graph.query(NAMES) == [{"name": "by hand"}]
    # a trigger of one partition is one as well
    database.execute("CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
                     "CREATE TRIGGER noop BEFORE UPDATE ON roles_rest FOR EACH ROW EXECUTE FUNCTION noop()")
    retell(pgweave, database, graph)
    wait_until(lambda: graph.query(NAMES) == [{"name": "n"}])


@pytest.mark.sampled(0)
def test_a_database_that_goes_and_comes_back(told, database, graph, sandbox):
    database.execute("INSERT INTO roles SELECT i FROM generate_series(100, 400) i")
    with psycopg.connect(sandbox.pg_dsn, autocommit=True) as administrator:
        administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgweave e2e' "
                              "AND backend_type = 'client backend'")
    database.execute("INSERT INTO roles SELECT i FROM generate_series(500, 600) i")
    assert_told(told, database, graph)
