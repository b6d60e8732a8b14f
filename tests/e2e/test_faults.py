"""What may go wrong around the daemon: signals, other writers, restored servers, broken networks, wrong logins. Afterwards the
graph is exact, or the daemon has stopped with the exit code and the words that docs/operations.md promises.
"""
import os
import random
import re
import signal
import socket
import ssl
import threading
import time

import psycopg
import pytest

import shop
from agreement import assert_agreement
from compare_graph import compare
from graph import CHECKPOINT
from load import Load
from pgweave import Pgweave
from sandbox import process as processes
from sandbox import tls
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("streaming")

SEED = int(os.environ.get("PGWEAVE_CHAOS_SEED", "20"))


@pytest.fixture
def tables(database, pgweave):
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML)


@pytest.fixture
def streaming(tables, pgweave):
    pgweave.start_and_catch_up()
    return pgweave


@pytest.fixture
def dice():
    print(f"seed {SEED}: set PGWEAVE_CHAOS_SEED for another one")
    return random.Random(SEED)


def agree(pgweave, database, graph):
    assert_agreement(pgweave, database, graph, shop.MAPPING)


def wait_for_log(pgweave, words, after=0):
    def said():
        assert pgweave.running or words in pgweave.log[after:], pgweave.log
        return words in pgweave.log[after:]

    wait_until(said, timeout_s=120, what=f"{words!r} is logged")


def new_customers(graph):
    return graph.value("MATCH (c:Customer) WHERE c.id >= 1000000 RETURN count(c)")


def assert_whole_transactions(graph):
    """Every new customer comes with one order."""
    assert graph.value("MATCH (c:Customer) WHERE c.id >= 1000000 AND count { (:Order)-[:PLACED_BY]->(c) } <> 1 "
                       "RETURN count(c)") == 0
    assert graph.value("MATCH (o:Order) WHERE o.id >= 1000000 RETURN count(o)") == new_customers(graph)


def assert_last_words(pgweave, *words):
    last_words = pgweave.log[pgweave.log.rindex("pgweave: "):]
    for word in words:
        assert word in last_words


# Signals.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_between_transactions(streaming, database, graph, number):
    with Load(database, shop.NEW_CUSTOMER, pause_s=0.005) as load:
        for _ in range(2):
            load.wait_for_more(100)
            wait_until(lambda: new_customers(graph) > 0)
            streaming.process.send_signal(number)
            assert streaming.process.wait(60) == 0
            assert_whole_transactions(graph)
            streaming.start()
    agree(streaming, database, graph)


def test_a_signal_ends_it_while_postgres_does_not_answer(tables, pgweave, postgres_network, database, graph):
    for waiting_for in (rb"COPY ", rb"START_REPLICATION"):
        gate = postgres_network.gate(waiting_for)
        pgweave.start()
        gate.wait_until_reached()
        assert pgweave.terminate() == 0
        gate.drop()
    pgweave.start()
    agree(pgweave, database, graph)


def test_reload(streaming, database, graph):
    streaming.map(shop.YAML + "stream: {batch_rows: 10}\n")
    streaming.process.send_signal(signal.SIGHUP)
    wait_for_log(streaming, "the mapping file was reloaded")
    database.execute("UPDATE customers SET name = 'after the reload'")
    agree(streaming, database, graph)
    streaming.map(shop.YAML.replace("table: orders", "tabel: orders"))
    streaming.process.send_signal(signal.SIGHUP)
    wait_for_log(streaming, "was not reloaded, the old one stays in force")
    assert "tabel" in streaming.log
    database.execute("UPDATE customers SET name = 'after the mistake'")
    streaming.catch_up()
    assert compare(database, graph, shop.MAPPING) == []
    streaming.map(shop.YAML.replace("[id, total]", "[id]"))
    streaming.process.send_signal(signal.SIGHUP)
    assert streaming.expect_exit() == 74
    assert_last_words(streaming, "mapping", "pgweave run --resnapshot")


# Other writers.

@pytest.fixture
def second(tmp_path, streaming, database, sandbox):
    """Another process for the same pipeline."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = Pgweave(folder, database, sandbox)
    second.map(shop.YAML)
    yield second
    second.close()
    print(f"--- the second's log\n{second.log}")


def test_a_second_daemon_waits_and_takes_over(streaming, second, database, graph):
    second.start()
    wait_for_log(second, "another pgweave runs this pipeline")
    database.execute("UPDATE customers SET name = 'written by the first'")
    agree(streaming, database, graph)
    assert second.running
    epoch = graph.value(f"MATCH (c:{CHECKPOINT}) RETURN c.epoch")
    assert "streaming" not in second.log
    streaming.kill()
    database.execute("UPDATE customers SET name = 'written by the second'")
    agree(second, database, graph)
    assert graph.value(f"MATCH (c:{CHECKPOINT}) RETURN c.epoch") == epoch + 1


def test_a_writer_whose_epoch_is_over_stops(streaming, database, graph):
    graph.query(f"MATCH (c:{CHECKPOINT}) SET c.epoch = c.epoch + 1")
    database.execute("UPDATE customers SET name = 'not for this writer'")
    assert streaming.expect_exit() == 75
    assert_last_words(streaming, "another writer has taken over")
    assert graph.value("MATCH (c:Customer {name: 'not for this writer'}) RETURN count(c)") == 0
    streaming.start()
    agree(streaming, database, graph)


def test_a_paused_writer_comes_back_to_a_graph_that_is_no_longer_its_own(tables, postgres_network, pgweave, second, database,
                                                                         graph):
    """What it had read before the pause must not be written over what its successor has written since."""
    pgweave.process.send_signal(signal.SIGSTOP)
    database.execute("UPDATE customers SET name = 'old'; UPDATE orders SET total = 0")
    written = database.value("SELECT pg_current_wal_lsn()")
    wait_until(lambda: database.value("SELECT sent_lsn >= %s FROM pg_stat_replication JOIN pg_replication_slots "
                                      "ON pid = active_pid WHERE slot_name = %s", [written, pgweave.slot]),
               what="the changes are sent")
    database.query("SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = %s",
                   [pgweave.slot])
    second.start_and_catch_up()
    database.execute("UPDATE customers SET name = 'new'; UPDATE orders SET total = 1")
    agree(second, database, graph)
    pgweave.process.send_signal(signal.SIGCONT)
    assert pgweave.expect_exit() == 75
    agree(second, database, graph)
    assert graph.value("MATCH (c:Customer) WHERE c.name <> 'new' RETURN count(c)") == 0


# States that waiting cannot mend.

def test_a_graph_that_was_restored_from_a_backup(streaming, database, graph):
    old = graph.query(f"MATCH (c:{CHECKPOINT}) RETURN properties(c) AS c")[0]["c"]
    database.execute("UPDATE customers SET name = 'after the backup'")
    streaming.catch_up()
    assert streaming.terminate() == 0
    graph.query(f"MATCH (c:{CHECKPOINT}) SET c = $old", old=old)
    graph.query("MATCH (c:Customer) SET c.name = 'from the backup'")
    streaming.start()
    assert streaming.expect_exit() == 74
    assert_last_words(streaming, "older than it was", "pgweave run --resnapshot")
    assert streaming.command("status").rc == 1
    streaming.start("--resnapshot")
    agree(streaming, database, graph)


def test_a_graph_that_was_emptied(streaming, database, graph):
    assert streaming.terminate() == 0
    graph.query("MATCH (n) DETACH DELETE n")
    streaming.start()
    assert streaming.expect_exit() == 74
    assert_last_words(streaming, "the graph was emptied", "pgweave run --resnapshot")
    streaming.start("--resnapshot")
    agree(streaming, database, graph)


@pytest.mark.parametrize("while_it_runs", [True, False])
def test_the_slot_is_dropped(streaming, database, graph, while_it_runs):
    if not while_it_runs:
        assert streaming.terminate() == 0
    with database.connect() as connection:
        connection.execute("""
            DO $$ BEGIN
                PERFORM pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = 'pgweave_e2e';
                PERFORM pg_drop_replication_slot('pgweave_e2e');
            END $$""")
    if not while_it_runs:
        streaming.start()
    assert streaming.expect_exit() == 74
    assert_last_words(streaming, "slot pgweave_e2e is gone", "pgweave run --resnapshot")
    assert streaming.command("status").rc == 1
    database.execute("DELETE FROM orders WHERE id <= 10")
    streaming.start("--resnapshot")
    agree(streaming, database, graph)


# Kills and broken networks.

def test_killed_again_and_again(streaming, database, graph, dice):
    """Also while it starts, and while what it has sent is on its way."""
    with Load(database, shop.NEW_CUSTOMER, pause_s=0.005):
        for _ in range(10):
            time.sleep(dice.random())
            streaming.kill()
            graph.wait_until_quiet()
            assert_whole_transactions(graph)
            streaming.start()
    agree(streaming, database, graph)
    assert new_customers(graph) > 100


def test_a_large_transaction_goes_in_pieces_and_is_killed_between_them(pgweave, database, graph, dice):
    """Of everything that a transaction can do, so that a piece that came twice, or never, would show."""
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML + "stream: {transaction_size: 64KiB, batch_rows: 100}\n")
    pgweave.start_and_catch_up()
    database.execute("""
        BEGIN;
        INSERT INTO customers SELECT i, 'v0' FROM generate_series(10001, 14000) i;
        INSERT INTO orders SELECT i, i, 0 FROM generate_series(10001, 14000) i;
        UPDATE customers SET name = 'v1';
        UPDATE orders SET customer_id = 1 + id % 1000;
        UPDATE customers SET id = id + 10000 WHERE id > 10000;
        UPDATE orders SET customer_id = id + 10000 WHERE id BETWEEN 10001 AND 12000;
        DELETE FROM orders WHERE id % 5 = 0;
        INSERT INTO orders SELECT i, 2, 2 FROM generate_series(10005, 14000, 5) i;
        UPDATE customers SET name = 'v2' WHERE id % 2 = 0;
        COMMIT""")
    killed_within = 0
    for _ in range(8):
        wait_until(lambda: piece(graph) or graph.value("MATCH (c:Customer {name: 'v2'}) RETURN count(c)"))
        time.sleep(dice.random() / 4)
        pgweave.kill()
        graph.wait_until_quiet()
        killed_within += piece(graph) > 0
        pgweave.start()
    agree(pgweave, database, graph)
    assert killed_within > 0 and piece(graph) == 0
    assert "is applied in pieces" in pgweave.log


def piece(graph):
    return graph.value(f"MATCH (c:{CHECKPOINT}) RETURN c.piece_changes")


@pytest.mark.parametrize("side", ["postgres", "neo4j"])
def test_a_network_that_breaks_anywhere(tables, request, pgweave, database, graph, dice, side):
    """At any byte: inside a row, or between a commit and its answer."""
    network = request.getfixturevalue(f"{side}_network")
    pgweave.start_and_catch_up()
    process = pgweave.process
    with Load(database, shop.NEW_CUSTOMER, pause_s=0.01) as load:
        for _ in range(8):
            network.cut_after(dice.randrange(1, 5000))
            load.wait_for_more(10)
            wait_until(lambda: network.is_cut, timeout_s=120, what="the connections break")
    agree(pgweave, database, graph)
    assert pgweave.process is process
    assert graph.count("_PgweaveDeadLetter") == 0


def test_a_network_that_breaks_during_the_first_load(tables, postgres_network, neo4j_network, pgweave, database, graph):
    database.execute("INSERT INTO customers SELECT i, 'one of many' FROM generate_series(10001, 40000) i")
    pgweave.start()
    process = pgweave.process
    for network in (neo4j_network, postgres_network, neo4j_network):
        loads = pgweave.log.count("slot pgweave_e2e made")
        wait_until(lambda: graph.count("Customer") > 0 and pgweave.log.count("slot pgweave_e2e made") > 0, what="rows arrive")
        network.break_all()
        wait_until(lambda: pgweave.log.count("slot pgweave_e2e made") > loads, timeout_s=120, what="the load begins anew")
    agree(pgweave, database, graph)
    assert pgweave.process is process


# 7 of the complaints: quiet tables, and a slot that holds back what a busy neighbour writes.

def test_the_slot_follows_while_only_unmapped_tables_change(streaming, database, graph):
    database.execute("CREATE TABLE unmapped (id bigint, filling text)")
    for _ in range(3):
        database.execute("INSERT INTO unmapped SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i")
        target = database.value("SELECT pg_current_wal_lsn()")
        wait_until(lambda: database.value("SELECT confirmed_flush_lsn >= %s FROM pg_replication_slots WHERE slot_name = %s",
                                          [target, streaming.slot]), what="the slot follows the WAL")
        assert streaming.running
    agree(streaming, database, graph)


# Wrong input: nothing is touched, and one line says what and why.

def assert_refused(result, rc, *words):
    assert result.rc == rc, result
    lines = [line for line in result.stderr.splitlines() if line.startswith("pgweave: ")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]


def assert_nothing_was_touched(database, graph):
    assert graph.value("MATCH (n) RETURN count(n)") == 0
    assert database.query("SELECT pubname FROM pg_publication") == []
    assert database.query("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()") == []


def with_part(url, **parts):
    """The PostgreSQL URL with another user, password, port or database."""
    has = psycopg.conninfo.conninfo_to_dict(url)
    has.update(parts)
    return psycopg.conninfo.make_conninfo(**has)


@pytest.fixture
def closed_port():
    return processes.free_port()


@pytest.fixture
def stranger(tmp_path):
    """A server with a certificate that nobody has vouched for; it takes PostgreSQL's request for TLS as well."""
    folder = tls.make(tmp_path / "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                if client.recv(8, socket.MSG_PEEK)[:2] == b"\0\0":
                    client.recv(8)
                    client.sendall(b"S")
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_postgres_refuses_the_login(tables, pgweave, database, graph):
    for command in ("run", "status", "apply", "verify"):
        result = pgweave.command(command, environment={"PGWEAVE_PG_URL": with_part(database.url, password="wrong")})
        assert_refused(result, 77, "password authentication failed", "28P01")
        assert "wrong" not in result.stdout + result.stderr
    assert_nothing_was_touched(database, graph)


def test_neo4j_refuses_the_login(tables, pgweave, database, graph):
    for command in ("run", "status", "apply", "verify"):
        result = pgweave.command(command, environment={"NEO4J_PASSWORD": "wrong-secret"})
        assert_refused(result, 77, "Neo.ClientError.Security.Unauthorized")
        assert "wrong-secret" not in result.stdout + result.stderr
    assert_nothing_was_touched(database, graph)


def test_postgres_cannot_be_reached(tables, pgweave, database, graph, closed_port):
    for host in ({"port": closed_port}, {"host": "nowhere.invalid"}):
        result = pgweave.command("status", environment={"PGWEAVE_PG_URL": with_part(database.url, **host)})
        assert_refused(result, 69, "cannot connect to PostgreSQL", str(*host.values()))


def test_neo4j_cannot_be_reached(tables, pgweave, database, graph, closed_port):
    for url in (f"bolt://127.0.0.1:{closed_port}", "bolt://nowhere.invalid:7687"):
        result = pgweave.command("status", environment={"NEO4J_URI": url})
        assert_refused(result, 69, url.removeprefix("bolt://"))


def test_run_waits_for_a_server_that_cannot_be_reached(tables, pgweave, database, graph, closed_port):
    url = pgweave.environment["NEO4J_URI"]
    pgweave.environment["NEO4J_URI"] = f"bolt://127.0.0.1:{closed_port}"
    pgweave.start()
    wait_until(lambda: pgweave.log.count("next try in") >= 2, what="it tries again")
    assert pgweave.terminate() == 0
    pgweave.environment["NEO4J_URI"] = url
    pgweave.start()
    agree(pgweave, database, graph)


def test_wrong_database(tables, pgweave, database, graph):
    result = pgweave.command("run", environment={"PGWEAVE_PG_URL": with_part(database.url, dbname="no_such_database")})
    assert_refused(result, 74, "no_such_database")
    pgweave.mapping_file.write_text(pgweave.mapping_file.read_text().replace("neo4j:", "neo4j:\n  database: nosuchgraph"))
    result = pgweave.command("run")
    assert_refused(result, 74, "nosuchgraph")
    assert_nothing_was_touched(database, graph)


def test_missing_permissions(tables, pgweave, database, graph):
    role = f"{database.name}_reader"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    environment = {"PGWEAVE_PG_URL": with_part(database.url, user=role, password="secret")}
    try:
        assert_refused(pgweave.command("run", environment=environment), 77, "42501")
        assert_nothing_was_touched(database, graph)
        checked = pgweave.command("check", environment=environment)
        assert checked.rc == 1
        for statement in (f'ALTER ROLE "{role}" REPLICATION', "GRANT SELECT ON"):
            assert statement.replace('"', "") in checked.stdout.replace('"', ""), checked.stdout
        database.execute(f"ALTER ROLE {role} REPLICATION", "CREATE PUBLICATION pgweave_e2e FOR TABLE customers, orders")
        # two tables are read at once, and either may be the first that is refused
        refused = pgweave.command("run", environment=environment)
        assert_refused(refused, 77, "42501")
        assert re.search(r"permission denied for table (customers|orders)\b", refused.stderr), refused.stderr
    finally:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_graph_user_who_may_only_change_his_password(tables, pgweave, database, graph):
    graph.driver.execute_query("CREATE USER newcomer SET PASSWORD 'first-secret' CHANGE REQUIRED", database_="system")
    try:
        result = pgweave.command("run", environment={"NEO4J_USER": "newcomer", "NEO4J_PASSWORD": "first-secret"})
        assert_refused(result, 77, "is not allowed")
    finally:
        graph.driver.execute_query("DROP USER newcomer", database_="system")
    assert_nothing_was_touched(database, graph)


def test_postgres_without_the_tls_that_is_wanted(tables, pgweave, database, stranger, tmp_path):
    result = pgweave.command("run", environment={"PGWEAVE_PG_URL": with_part(database.url, sslmode="require")})
    assert_refused(result, 69, "SSL")
    result = pgweave.command("run", environment={"PGWEAVE_PG_URL": with_part(
        database.url, port=stranger, sslmode="verify-full", sslrootcert=other_authority(tmp_path))})
    assert_refused(result, 69, "certificate")


def test_neo4j_without_the_tls_that_is_wanted(tables, pgweave, stranger, sandbox):
    plain = sandbox.neo4j_uri.replace("bolt://", "bolt+s://")
    assert_refused(pgweave.command("status", environment={"NEO4J_URI": plain}), 69, "TLS")
    url = f"bolt+s://127.0.0.1:{stranger}"
    assert_refused(pgweave.command("run", environment={"NEO4J_URI": url}), 69, "certificate")


def other_authority(tmp_path):
    return tls.make(tmp_path / "other") / "ca.pem"


@pytest.mark.parametrize("wrong, right, words", [
    ("table: orders", "table: ordres", ["ordres"]),
    ("[id, total]", "[id, totla]", ["totla"]),
    ("to: Customer", "to: Customre", ["Customre"]),
    ("column: customer_id", "column: customer", ["customer"]),
    ("nodes:", "nods:", ["nods"]),
    ("table: orders", "table: orders\n    table: orders", ["table"]),
    ("[id, total]", "17", ["17"]),
    ("[id, total]", "[id, 'tot\xff']", []),
])
def test_mistakes_in_the_mapping(pgweave, database, graph, wrong, right, words):
    """File, line, column and the text; and nothing is touched."""
    database.execute(shop.TABLES)
    pgweave.map("")
    header = pgweave.mapping_file.read_bytes()
    body = shop.YAML.replace(wrong, right, 1)
    pgweave.mapping_file.write_bytes(header + body.encode("latin-1"))
    line = header.count(b"\n") + next(i for i, (a, b) in enumerate(zip(body.split("\n"), shop.YAML.split("\n")), 1) if a != b)
    for command in ("run", "plan", "apply"):
        result = pgweave.command(command)
        assert result.rc in (65, 78), result
        said = result.stdout + result.stderr
        assert f"pgweave.yaml:{line}:" in said
        for word in words:
            assert word in said
    assert_nothing_was_touched(database, graph)


@pytest.mark.parametrize("bracket, size", [
    ("[", 100_000_000), ("[", 1_000_000), ("{", 1_000_000), ("- ", 1_000_000), ("a: {b: [", 1_000_000)])
def test_a_file_of_brackets(pgweave, bracket, size):
    pgweave.mapping_file.write_text(bracket * (size // len(bracket)))
    result = pgweave.command("run", timeout_s=60)
    assert result.rc == 78, result.stderr[-500:]
    assert "pgweave.yaml" in result.stderr and len(result.stderr) < 4096
