"""Whatever is stopped or killed, and when: afterwards the graph has every committed change, and none twice."""
import threading
import time

import pytest

from agreement import assert_agreement
from compare_graph import Join, Node, compare, same
from graph import CHECKPOINT, PLACEHOLDER
from pgweave import Pgweave
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("bank")

TABLES = """
    CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                            payer bigint NOT NULL REFERENCES accounts, payee bigint NOT NULL REFERENCES accounts,
                            amount bigint NOT NULL);
    INSERT INTO accounts SELECT i, 1000 FROM generate_series(1, 100) i;
"""
YAML = """
nodes:
  Account: {table: accounts}
relationships:
  PAID: {table: transfers, from: {Account: payer}, to: {Account: payee}, properties: [id, amount]}
"""
MAPPING = [
    Node("Account", "accounts", ("id",), same("id", "balance")),
    Join("PAID", "transfers", ("Account", ("payer",)), ("Account", ("payee",)), same("id", "amount"), key=("id",)),
]
# So that what gathers while a server is away stays small.
PAUSE_S = 0.01
TRANSFER = """
    WITH ends AS (SELECT id FROM accounts ORDER BY random() LIMIT 2),
         a AS (SELECT min(id) AS id FROM ends), b AS (SELECT max(id) AS id FROM ends),
         moved AS (UPDATE accounts SET balance = balance + CASE WHEN id = (SELECT id FROM a) THEN -1 ELSE 1 END
                   WHERE id IN (SELECT id FROM ends) RETURNING id)
    INSERT INTO transfers (payer, payee, amount) SELECT a.id, b.id, 1 FROM a, b WHERE (SELECT count(*) FROM moved) = 2
"""


class Transfers:
    """A writer in the background: transactions that keep the sum of all balances as it is."""

    def __init__(self, database):
        self.database = database
        self.done = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            try:
                with self.database.connect() as connection:
                    while not self._stop.is_set():
                        connection.execute(TRANSFER)
                        self.done += 1
                        time.sleep(PAUSE_S)
            except self.database.Unreachable:
                time.sleep(0.1)  # killed by the test; it comes back

    def wait_for_more(self, count=50):
        target = self.done + count
        wait_until(lambda: self.done >= target, what=f"{count} more transfers")


@pytest.fixture
def bank(pgweave, database):
    database.execute(TABLES)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def assert_whole_transactions(graph):
    assert graph.value("MATCH (a:Account) RETURN sum(a.balance)") == 100_000


def test_stopped_and_started_again(bank, database, graph):
    with Transfers(database) as transfers:
        for _ in range(3):
            transfers.wait_for_more()
            assert bank.terminate() == 0
            assert_whole_transactions(graph)
            transfers.wait_for_more()
            bank.start()
    assert_agreement(bank, database, graph, MAPPING)


def test_killed_many_times(bank, database, graph):
    with Transfers(database) as transfers:
        for _ in range(10):
            transfers.wait_for_more(30)
            bank.kill()
            graph.wait_until_quiet()
            assert_whole_transactions(graph)
            bank.start()
    assert_agreement(bank, database, graph, MAPPING)
    assert_whole_transactions(graph)


# test_chaos and test_complaints 14 and 15 kill Neo4j in each run.
@pytest.mark.sampled(0)
@pytest.mark.restarts_neo4j
def test_neo4j_killed_and_away_for_a_while(bank, database, graph, sandbox):
    with Transfers(database) as transfers:
        transfers.wait_for_more()
        sandbox.kill_neo4j()
        transfers.wait_for_more()
        sandbox.start_neo4j()
        transfers.wait_for_more()
    assert_agreement(bank, database, graph, MAPPING)
    assert_whole_transactions(graph)


def test_postgres_killed(bank, database, graph, sandbox):
    with Transfers(database) as transfers:
        transfers.wait_for_more()
        sandbox.kill_postgres()
        sandbox.start_postgres()
        transfers.wait_for_more()
    assert_agreement(bank, database, graph, MAPPING)
    assert_whole_transactions(graph)


@pytest.mark.restarts_neo4j
def test_everything_killed_at_once(bank, database, graph, sandbox):
    with Transfers(database) as transfers:
        transfers.wait_for_more()
        bank.kill()
        sandbox.kill_neo4j()
        sandbox.kill_postgres()
        sandbox.start_postgres()
        transfers.wait_for_more()
        bank.start()
        sandbox.start_neo4j()
    assert_agreement(bank, database, graph, MAPPING)
    assert_whole_transactions(graph)


@pytest.mark.restarts_neo4j
def test_started_before_the_servers(bank, database, graph, sandbox):
    assert bank.terminate() == 0
    sandbox.stop_neo4j()
    sandbox.stop_postgres()
    bank.start()
    time.sleep(2)
    assert bank.running, bank.log
    sandbox.start_postgres()
    sandbox.start_neo4j()
    database.execute(TRANSFER)
    assert_agreement(bank, database, graph, MAPPING)


def test_a_transaction_larger_than_memory_should_be(bank, database, graph):
    database.execute("INSERT INTO accounts SELECT i, 0 FROM generate_series(101, 200000) i")
    wait_until(lambda: graph.count("Account") > 1000, what="the large transaction has begun to arrive")
    bank.kill()
    bank.start()
    assert_agreement(bank, database, graph, MAPPING)


def test_the_last_transaction_of_a_killed_daemon_arrives_while_the_next_one_starts(bank, database, graph):
    """Its commit was on its way; the checkpoint moves behind the back of the one that has read it already."""
    bank.kill()
    graph.wait_until_quiet()
    wait_until(lambda: database.query("SELECT 1 FROM pg_replication_slots WHERE NOT active"), what="PostgreSQL sees it is gone")
    database.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
    # not a transaction's end, so that no batch of the next daemon ends there by chance
    lsn = database.value("SELECT pg_logical_emit_message(false, 'test', 'between two transactions')")
    with graph.driver.session() as session, session.begin_transaction() as late:
        late.run(f"MATCH (c:{CHECKPOINT}), (a:Account {{id: 1}}) SET c.position = $position, c.lsn = $lsn, "
                 "a.balance = a.balance + 1, a.times = coalesce(a.times, 0) + 1",
                 position=database.value("SELECT (%s::pg_lsn - '0/0')::bigint", [lsn]), lsn=lsn).consume()
        bank.start()
        wait_until(lambda: graph.value("SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*)"),
                   what="the next daemon waits for what the one before has locked")
        late.commit()
    database.execute(TRANSFER)
    assert_agreement(bank, database, graph, MAPPING)
    assert graph.node("Account", id=1)["times"] == 1
    # taken from where it stands, not by another try
    assert "interrupted" not in bank.log, bank.log


def test_a_second_daemon_waits_and_takes_over(bank, database, graph, sandbox, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    second = Pgweave(folder, database, sandbox)
    second.map(YAML)
    try:
        with Transfers(database) as transfers:
            transfers.wait_for_more()
            second.start()
            transfers.wait_for_more(200)
            assert bank.running, bank.log
            bank.kill()
            transfers.wait_for_more()
        assert_agreement(second, database, graph, MAPPING)
        assert_whole_transactions(graph)
    finally:
        second.close()


def test_there_is_one_checkpoint_and_it_moves_on(bank, database, graph):
    before = graph.query(f"MATCH (c:{CHECKPOINT}) RETURN c.pipeline AS pipeline, c.lsn AS lsn")
    assert [row["pipeline"] for row in before] == [bank.pipeline]
    database.execute(TRANSFER)
    bank.catch_up()
    after = graph.query(f"MATCH (c:{CHECKPOINT}) RETURN c.lsn AS lsn")
    assert len(after) == 1 and after[0]["lsn"] != before[0]["lsn"]


def test_nothing_of_pgweave_is_left_on_the_data(bank, graph):
    """Its marks are the checkpoint, and placeholders where a row is missing; here none is."""
    assert graph.count(PLACEHOLDER) == 0
    labels = graph.query("MATCH (n) UNWIND labels(n) AS l RETURN DISTINCT l ORDER BY l")
    assert {row["l"] for row in labels} <= {"Account", CHECKPOINT}
    assert compare(bank.database, graph, MAPPING) == []
