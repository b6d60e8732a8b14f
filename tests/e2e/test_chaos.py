"""A workload that nobody here wrote: pgbench with 8 clients, while the daemon is killed twenty times (once in the middle of
the first load), PostgreSQL three times and Neo4j three times.

After each kill of the daemon alone the graph satisfies pgbench's own invariant, since what it holds is whole transactions. At
the end both judges find nothing, and the record of the checkpoint's moves shows that nothing was applied twice or left out.
"""
import os
import random
import subprocess
import threading
import time

import pytest

from agreement import assert_agreement
from checkpoint_moves import assert_one_chain, moves, recorded_moves
from compare_graph import ForeignKey, Node, same
from graph import CHECKPOINT
from waiting import wait_until

SEED = int(os.environ.get("PGWEAVE_CHAOS_SEED", "20"))
CLIENTS = 8
TRANSACTIONS_PER_S = 100
DAEMON_KILLS = 20
# After which kill of the daemon which server is killed.
POSTGRES_KILLS = (4, 10, 16)
NEO4J_KILLS = (7, 13, 18)

YAML = """
nodes:
  Branch:
    table: pgbench_branches
    properties: [bid, bbalance]
  Teller:
    table: pgbench_tellers
    properties: [tid, tbalance]
    relationships:
      WORKS_AT: {to: Branch, column: bid}
  Account:
    table: pgbench_accounts
    properties: [aid, abalance]
    relationships:
      KEPT_AT: {to: Branch, column: bid}
  Booking:
    table: pgbench_history
    properties: [id, delta, mtime]
    relationships:
      BY: {to: Teller, column: tid}
      OF: {to: Account, column: aid}
      IN: {to: Branch, column: bid}
"""
MAPPING = [
    Node("Branch", "pgbench_branches", ("bid",), same("bid", "bbalance")),
    Node("Teller", "pgbench_tellers", ("tid",), same("tid", "tbalance")),
    Node("Account", "pgbench_accounts", ("aid",), same("aid", "abalance")),
    Node("Booking", "pgbench_history", ("id",), same("id", "delta", "mtime")),
    ForeignKey("WORKS_AT", "Teller", ("bid",), "Branch"),
    ForeignKey("KEPT_AT", "Account", ("bid",), "Branch"),
    ForeignKey("BY", "Booking", ("tid",), "Teller"),
    ForeignKey("OF", "Booking", ("aid",), "Account"),
    ForeignKey("IN", "Booking", ("bid",), "Branch"),
]
SUMS = """
CALL () { MATCH (n:Branch) RETURN sum(n.bbalance) AS branches }
CALL () { MATCH (n:Teller) RETURN sum(n.tbalance) AS tellers }
CALL () { MATCH (n:Account) RETURN sum(n.abalance) AS accounts }
CALL () { MATCH (n:Booking) RETURN sum(n.delta) AS bookings }
RETURN branches, tellers, accounts, bookings
"""


class Pgbench:
    """Runs pgbench again and again, since it gives up when PostgreSQL is killed."""

    def __init__(self, database, sandbox):
        self.database = database
        self.binary = sandbox.postgres.bin / "pgbench"
        self._stop = threading.Event()
        self._process = None
        self._thread = threading.Thread(target=self._run)

    def initialise(self):
        subprocess.run([self.binary, "-i", "-q", "-s", "1", "--foreign-keys", self.database.url], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.database.execute("ALTER TABLE pgbench_history ADD id bigserial PRIMARY KEY")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._process = subprocess.Popen(
                [self.binary, "--no-vacuum", "-c", str(CLIENTS), "-R", str(TRANSACTIONS_PER_S), "-T", "3600",
                 self.database.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._process.wait()
            self._stop.wait(0.2)


class Chaos:
    def __init__(self, pgweave, database, graph, sandbox):
        self.pgweave, self.database, self.graph, self.sandbox = pgweave, database, graph, sandbox
        self.random = random.Random(SEED)

    def checkpoint(self):
        (checkpoint,) = self.graph.query(f"MATCH (c:{CHECKPOINT}) RETURN c.phase AS phase, c.position AS position")
        return checkpoint

    def kill_during_the_first_load(self):
        enough = self.random.randrange(1, 60_000)
        self.pgweave.start()
        self._wait(lambda: self.graph.count("Account") >= enough, f"{enough} accounts are loaded")
        self.pgweave.kill()
        self.graph.wait_until_quiet()
        assert self.checkpoint() == {"phase": "snapshot", "position": 0}
        assert 0 < self.graph.count("Account") < 100_000

    def load(self):
        self.pgweave.start()
        self._wait(lambda: self.checkpoint()["phase"] == "streaming", "the load ends")

    def kill_the_daemon(self):
        """At any moment: while it connects or has just begun to stream, or with more or less work done."""
        if self.random.random() < 0.7:
            self.wait_for_bookings(self.random.randrange(1, 100))
        time.sleep(self.random.random())
        self.pgweave.kill()
        self.graph.wait_until_quiet()
        self.assert_invariant()

    def assert_invariant(self):
        (sums,) = self.graph.query(SUMS)
        assert len(set(sums.values())) == 1, sums

    def kill_postgres(self):
        self.sandbox.kill_postgres()
        self.sandbox.start_postgres()
        self.wait_for_bookings(1)

    def kill_neo4j(self):
        self.sandbox.kill_neo4j()
        self.sandbox.start_neo4j()
        self.wait_for_bookings(1)

    def wait_for_bookings(self, count):
        target = self.graph.count("Booking") + count
        self._wait(lambda: self.graph.count("Booking") >= target, f"{count} more bookings arrive")

    def _wait(self, condition, what):
        def still_running_and_true():
            assert self.pgweave.running, self.pgweave.log
            return condition()

        try:
            wait_until(still_running_and_true, timeout_s=180, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}. The log:\n{self.pgweave.log}") from None


@pytest.fixture
def chaos(pgweave, database, graph, sandbox):
    pgweave.map(YAML)
    with recorded_moves(graph):
        yield Chaos(pgweave, database, graph, sandbox)


@pytest.mark.restarts_neo4j
def test_pgbench_while_everything_is_killed(chaos, pgweave, database, graph, sandbox):
    print(f"seed {SEED}: set PGWEAVE_CHAOS_SEED for another one")
    pgbench = Pgbench(database, sandbox)
    pgbench.initialise()
    with pgbench:
        chaos.kill_during_the_first_load()
        chaos.load()
        for kill in range(2, DAEMON_KILLS + 1):
            chaos.kill_the_daemon()
            pgweave.start()
            if kill in POSTGRES_KILLS:
                chaos.kill_postgres()
            if kill in NEO4J_KILLS:
                chaos.kill_neo4j()
        chaos.wait_for_bookings(100)
    assert_agreement(pgweave, database, graph, MAPPING)
    chaos.assert_invariant()
    assert database.value("SELECT count(*) FROM pgbench_history") > 1000
    assert pgweave.terminate() == 0
    record = moves(graph)
    assert len(record) > DAEMON_KILLS
    assert_one_chain(record, chaos.checkpoint()["position"])
