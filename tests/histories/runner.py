"""One history on the real servers; twice, if it is also to be killed.

The first run counts the bytes that the daemon sends to Neo4j. In the second, the daemon is killed when the server has got exactly
so many of them as the case says (a part of them all); it is started again, straight to the server.
"""
import collections
import contextlib
import copy
import signal

from checkpoint_moves import assert_one_chain, moves
from database import Database
from graph import CHECKPOINT
from pgweave import Pgweave
from proxy import Proxy
from waiting import wait_until

from . import graph_state
from .additions import Additions
from .alterations import alter
from .mapping import with_tenant, yaml
from .model import PLACEHOLDER, expected_graph, key_names
from .schema import SECOND_SCHEMA, ddl, quote
from .session import Session, Transaction
from .statements import Statements
from .table_state import SETTINGS, read_rows
from .stayed import Stayed
from .versions import Versions

CATCH_UP_S = 60
# One more table in every case: what is written to it last arrives last, so that nothing has to wait for a heartbeat.
BEACON = {"id": "beacon", "schema": "public", "name": "beacon", "role": "node", "references": [], "key": ["id"], "key_is": "primary",
          "primary_key": ["id"], "deferrable": None, "partitions": 0, "replica_identity": "default",
          "columns": [{"name": "id", "type": "bigint"}, {"name": "beat", "type": "bigint"}]}
BEACON_NODE = {"label": "Beacon", "table": "beacon", "labels": [], "key": None, "properties": None, "except": [],
               "relationships": []}


class Failure(Exception):
    """`kind` says in one word what went wrong, so that a smaller case is known to fail in the same way."""

    def __init__(self, kind, detail, script=(), log=""):
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.script, self.log = kind, detail, list(script), log

    def __str__(self):
        log = "\n".join(self.log.splitlines()[-30:])
        return f"{self.kind}: {self.detail}\n--- the end of the daemon's log\n{log}"


class Workplace:
    """A database, a graph and a folder, which all histories use in turn."""

    def __init__(self, sandbox, graph, folder):
        self.sandbox, self.graph = sandbox, graph
        self.database = Database(sandbox)
        # Where extensions are in a schema of their own, it is in the search path: DROP SCHEMA public would take them along.
        self.database.execute("CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions",
                              f"ALTER DATABASE {self.database.name} SET search_path TO public, extensions")
        self.pgweave = Pgweave(folder, self.database, sandbox)
        self.counts = collections.Counter()

    def close(self):
        self.pgweave.close()
        self.database.drop()

    def wipe(self, shape):
        self.pgweave.close()
        self.pgweave.log_file.unlink(missing_ok=True)
        for (walsender,) in self.database.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s",
                                                [self.pgweave.slot]):
            self.database.query("SELECT pg_terminate_backend(%s, 10000)", [walsender])
            self.database.query("SELECT pg_drop_replication_slot(%s)", [self.pgweave.slot])
        for (name,) in self.database.query("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            self.database.execute(f"ROLLBACK PREPARED '{name}'")
        self.database.execute(f"DROP PUBLICATION IF EXISTS {self.pgweave.slot}; DROP SCHEMA public CASCADE; "
                              f"DROP SCHEMA IF EXISTS {quote(SECOND_SCHEMA)} CASCADE; CREATE SCHEMA public")
        self.graph.wait_until_quiet()
        self.graph.prepare(shape)


def run_case(workplace, case, with_kill=True):
    """Raises Failure where the graph is not what it must be."""
    sent = Run(workplace, case).run()
    if with_kill:
        run_killed(workplace, case, sent)


def run_killed(workplace, case, sent):
    Run(workplace, case, kill_at=1 + int(case["kill_at"] * (sent - 1))).run()


class Run:
    def __init__(self, workplace, case, kill_at=None):
        self.workplace, self.case, self.kill_at = workplace, case, kill_at
        self.database, self.graph, self.pgweave = workplace.database, workplace.graph, workplace.pgweave
        # They may be altered on the way.
        self.tables = copy.deepcopy([*case["tables"], BEACON])
        self._take(case["mapping"])
        # Of the mapping of now, once it was changed.
        self.digest = None
        self.beats = 0
        self.counts, self.script = workplace.counts, []
        self.additions = Additions(self.graph, self.tables, self.mapping)
        self.versions = Versions(self.tables, self.mapping)
        self.stayed = Stayed(self.tables, self.mapping)
        self.trackers = [tracker for tracker in (self.versions, self.stayed) if tracker]
        self.daemon = None
        # Called with the run when the history is over and both sides still stand.
        self.inspect = None

    def _take(self, mapping):
        self.written = {**mapping, "nodes": [*mapping["nodes"], BEACON_NODE]}
        # What the file says of a tenant is a condition of each part.
        self.mapping = with_tenant(self.written, self.tables)

    def run(self):
        """The number of bytes that the daemon has sent to Neo4j before it was killed, if it was."""
        try:
            # Constraints of another mapping may be in the way of the first one.
            self.workplace.wipe(None if self.case.get("remappings") else (self.tables, self.written))
            with Proxy(self.workplace.sandbox.neo4j.state["port"]) as proxy, contextlib.ExitStack() as connections:
                self.daemon = Daemon(self.pgweave, proxy, self.kill_at, self.script)
                self._sessions(connections)
                self._prepare()
                self._steps(self.case["history"]["steps"])
                self._finish()
                if self.inspect:
                    self.inspect(self)
                return proxy.sent
        except Failure as failure:
            failure.script, failure.log = self.script, self.pgweave.log
            raise
        finally:
            self.pgweave.close()

    def _sessions(self, connections):
        opened = [connections.enter_context(self.database.connect()) for _ in range(4)]
        self.reader = opened[0]
        self.reader.execute(f"{SETTINGS}; SET lock_timeout = '10s'")
        statements = Statements(self.tables)
        self.sessions = [Session(f"session {number}", connection, statements, self.script, self.counts)
                         for number, connection in enumerate(opened[1:])]
        for session in self.sessions if self.trackers else []:
            session.on_commit = self._committed

    def _prepare(self):
        self.script += ["-- Tables", *(f"{statement};" for statement in ddl(self.tables)), "-- Mapping",
                        yaml(self.written, self.tables), "-- What ran"]
        self.database.execute(*ddl(self.tables), "INSERT INTO beacon VALUES (1, 0)")
        self.pgweave.map(yaml(self.written, self.tables))
        self._steps(self.case["history"]["load"])

    # Steps

    def _steps(self, steps, depth=0):
        """`depth` is the number of transactions that are open around them, each in a session of its own."""
        for step in steps:
            self.daemon.look_after()
            getattr(self, "_" + step["do"])(step, depth)

    def _transaction(self, step, depth):
        Transaction(self.sessions[depth], step).finish()

    def _interleaved(self, step, depth):
        transactions = [Transaction(session, plan) for session, plan in zip(self.sessions[depth:], step["transactions"])]
        for number in step["order"]:
            transactions[number].next()
        for transaction in transactions:
            transaction.finish()

    def _around(self, step, depth):
        transaction = Transaction(self.sessions[depth], step["transaction"])
        for _ in range(step["split"]):
            transaction.next()
        self._steps(step["steps"], depth + 1)
        transaction.finish()

    def _committed(self, time, statements):
        if self.versions and self.versions.begun:
            self.versions.committed(self._expected(), time, statements)
        if self.stayed and self.stayed.begun:
            self.stayed.committed(self._expected(), statements)

    def _start(self, step, depth):
        self.daemon.start()
        # Which transactions a load that goes on meanwhile has seen nobody could tell.
        waiting = [tracker for tracker in self.trackers if not tracker.begun]
        if waiting:
            self._catch_up()
        for tracker in waiting:
            tracker.begin(self._expected())

    def _stop(self, step, depth):
        self.daemon.stop()

    def _kill(self, step, depth):
        self.daemon.kill()

    def _check(self, step, depth):
        self._compare()

    def _add(self, step, depth):
        if self.daemon.started:
            expected, actual, identities = self._compare()
            if self.additions.add(step, expected, identities, actual):
                self.script.append(f"-- added to the graph: {self.additions.made[-1]}")
                self.counts["additions"] += 1

    def _remap(self, step, depth):
        """Graph-only parts stay through it where the model is sure of them: on nodes that have a row before and after."""
        if self.daemon.started:
            self._compare()
        self._take(self.case["remappings"][step["to"]])
        self.pgweave.map(yaml(self.written, self.tables))
        self.script += [f"-- mapping {step['to']}, {'by the daemon' if step['running'] else 'by apply'}", yaml(self.written, self.tables)]
        rows = read_rows(self.reader, self.tables, self.mapping)
        self.additions.remap(self.mapping, expected_graph(self.tables, self.mapping, rows), rows)
        plan = self._command("plan", "--json").json
        self.script += [f"-- {one['words']}" for one in plan["difference"] or []]
        if step["running"] and self.daemon.started:
            self._command("apply")
            self.daemon.reload()
        else:
            self.daemon.apply()
        self.digest = plan["digest"]
        self.counts["remappings"] += 1

    def _command(self, *words):
        result = self.pgweave.command(*words)
        if result.rc != 0:
            raise Failure(words[0], f"it ends with {result.rc}:\n{result.stdout}{result.stderr}")
        return result

    def _alter(self, step, depth):
        statement = alter(self.tables, step)
        self.script.append(f"{statement};")
        self.database.execute(statement)
        for session in self.sessions:
            session.statements = Statements(self.tables)
        # By then the graph is of the tables as they are now.
        self.digest = self._command("plan", "--json").json["digest"]
        self.counts["alterations"] += 1

    # Comparing

    def _compare(self):
        self._catch_up()
        expected, actual, identities, found = self.look()
        if found:
            raise Failure("differences", "\n".join(found))
        return expected, actual, identities

    def _catch_up(self):
        """Waits until the graph has everything that is committed now."""
        self.daemon.start()
        self.beats += 1
        self.database.execute(f"UPDATE beacon SET beat = {self.beats}")

        def arrived():
            self.daemon.look_after()
            # A snapshot loads the tables in any order; and the history goes on while the daemon changes the graph to another mapping.
            return self.graph.query(f"MATCH (n:Beacon {{beat: $beat}}), (c:{CHECKPOINT} {{phase: 'streaming'}}) "
                                    "WHERE c.mapping_digest = coalesce($digest, c.mapping_digest) RETURN 1",
                                    beat=self.beats, digest=self.digest)

        try:
            wait_until(arrived, CATCH_UP_S, interval_s=0.02)
        except AssertionError:
            raise Failure("late", f"beat {self.beats} does not arrive within {CATCH_UP_S} s") from None

    def look(self):
        """What must be there, what is there, and the differences."""
        rows = read_rows(self.reader, self.tables, self.mapping)
        expected = expected_graph(self.tables, self.mapping, rows)
        self.stayed.apply(expected)
        loose = self.additions.apply(expected, rows)
        actual = graph_state.read(self.graph)
        names = key_names(self.tables, self.mapping)
        identities = graph_state.Identities(actual, names)
        self.script.append("-- compared")
        found = []
        if self.stayed:
            self.stayed.leave_out(expected, actual, identities, self.additions.made)
            self.counts["nodes that stayed"] += len(self.stayed.stayed)
        if self.versions:
            versioned, actual.relationships = self.versions.split(actual.relationships, identities)
            expected.relationships = [r for r in expected.relationships if r.written is None]
            found = list(self.versions.differences(expected, versioned, identities))
            self.counts["versions"] += len(versioned)
        return expected, actual, identities, found + list(graph_state.differences(expected, actual, names, loose))

    def _expected(self):
        return expected_graph(self.tables, self.mapping, read_rows(self.reader, self.tables, self.mapping))

    def _finish(self):
        expected, _, _ = self._compare()
        if self.kill_at is not None:
            self.counts["killed at a byte" if self.daemon.killed else "killed at the end"] += 1
            if not self.daemon.killed:
                self.daemon.kill_now()
                self._compare()
        self._count(expected)
        self._command("verify")
        self.daemon.stop()
        self._one_chain()

    def _count(self, expected):
        self.counts["nodes"] += len(expected.nodes)
        self.counts["relationships"] += len(expected.relationships)
        self.counts["placeholders"] += sum(PLACEHOLDER in node.labels for node in expected.nodes.values())

    def _one_chain(self):
        """What is recorded of the checkpoint's moves shows that nothing was applied twice."""
        position = self.graph.value(f"MATCH (c:{CHECKPOINT}) RETURN c.position")
        made = moves(self.graph)
        # Nothing has moved yet when there was only a snapshot.
        if made or position:
            try:
                assert_one_chain(made, position)
            except (AssertionError, IndexError) as error:
                raise Failure("checkpoint", f"{error}; position {position}, moves {made}") from None


class Daemon:
    """The daemon of one run, by way of the proxy until that has killed it."""

    def __init__(self, pgweave, proxy, kill_at, script):
        self.pgweave, self.script = pgweave, script
        self.direct = pgweave.environment["NEO4J_URI"]
        self.proxied = proxy.url(self.direct)
        self.started = self.killed = self._revived = False
        if kill_at is not None:
            proxy.call_at(kill_at, self._kill_at_byte)

    def _kill_at_byte(self):
        self.killed = True
        self.pgweave.process.kill()

    def start(self):
        if not self.started:
            self.started = True
            self._revived = self.killed
            self._spawn()

    def _spawn(self, command="run"):
        self.script.append(f"-- pgweave {command}")
        self._log_before = self.pgweave.log
        self.pgweave.environment["NEO4J_URI"] = self.direct if self.killed else self.proxied
        try:
            self.pgweave.spawn(command)
        finally:
            self.pgweave.environment["NEO4J_URI"] = self.direct

    def reload(self):
        self.script.append("-- kill -HUP")
        if self.pgweave.running:
            self.pgweave.process.send_signal(signal.SIGHUP)

    def apply(self):
        """Stops it for as long as `apply` does the work; again, if that was killed on the way."""
        started = self.started
        self.stop()
        unharmed = self.killed
        self._spawn("apply")
        rc = self.pgweave.process.wait()
        if rc == -signal.SIGKILL and self.killed and not unharmed:
            self.script.append("-- killed at the chosen byte")
            self._spawn("apply")
            rc = self.pgweave.process.wait()
        if rc != 0:
            raise Failure("apply", f"it ended with {rc}")
        if started:
            self.start()

    def stop(self):
        if not self.started:
            return
        self.script.append("-- kill -TERM")
        self.started = False
        rc = self.pgweave.terminate()
        too_early = rc == -signal.SIGTERM and self.pgweave.log == self._log_before
        if rc != 0 and not too_early and not (self.killed and rc == -signal.SIGKILL):
            raise Failure("exit", f"pgweave ended with {rc} after SIGTERM")

    def kill(self):
        if self.started:
            self.script.append("-- kill -KILL")
            self.started = False
            self.pgweave.kill()

    def kill_now(self):
        """For a run that sent fewer bytes than the one before."""
        self.killed = True
        self.kill()

    def look_after(self):
        """Starts it again when the proxy has killed it; nothing else may end it."""
        if not self.started or self.pgweave.running:
            return
        if not self.killed or self._revived:
            raise Failure("ended", f"pgweave ended by itself with {self.pgweave.process.poll()}")
        self.script.append("-- killed at the chosen byte")
        self._revived = True
        self._spawn()
