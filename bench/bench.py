"""The benchmark: what bench/run runs once everything is built. README.md says what each figure means."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import neo4j
import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from sandbox import Sandbox  # noqa: E402
from sandbox.neo4j import Neo4j  # noqa: E402

import latency  # noqa: E402
import resources  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PGWEAVE_BENCH_BUILD", ROOT / "build-bench")).resolve()
EXAMPLE = ROOT / "examples" / "packages"
SLOT = "pgweave_packages"
CHANGES_PER_TRANSACTION = 10
TABLES = ("packages", "maintainers", "sections", "tags", "package_tags", "dependencies")
COLD = 100  # transactions by which a server that has just started is judged


class BenchError(Exception):
    pass


def say(text):
    print(text, file=sys.stderr, flush=True)


class Server:
    """One of the two Neo4j: now the daemon's, now the replay's."""

    def __init__(self, neo4j_server):
        self.uri, self.auth = neo4j_server.uri, neo4j_server.auth
        self.port, self.pid = neo4j_server.state["port"], neo4j_server.state["process"]["pid"]
        self.driver = neo4j.GraphDatabase.driver(self.uri, auth=self.auth, notifications_min_severity="OFF")

    def query(self, text):
        with self.driver.session() as session:
            return [record.values() for record in session.run(text)]

    def wipe(self):
        """Back to nothing, but with its code compiled."""
        self.query("MATCH ()-[r]->() CALL { WITH r DELETE r } IN TRANSACTIONS OF 20000 ROWS")
        self.query("MATCH (n) CALL { WITH n DELETE n } IN TRANSACTIONS OF 20000 ROWS")
        for name, in self.query("SHOW CONSTRAINTS YIELD name RETURN name"):
            self.query(f"DROP CONSTRAINT `{name}`")
        self.query("CALL db.clearQueryCaches()")

    def counts(self):
        return self.query("MATCH (n) RETURN count(n)")[0][0], self.query("MATCH ()-[r]->() RETURN count(r)")[0][0]

    def cpu_s(self):
        return resources.cpu_s(self.pid)


class Bench:
    def __init__(self, options, sandbox, servers, folder):
        self.options = options
        self.sandbox = sandbox
        self.servers = servers
        self.folder = folder
        self.tables = psycopg.connect(sandbox.pg_dsn, autocommit=True)
        self.log = folder / "pgweave.log"

    def close(self):
        self.tables.close()
        for server in self.servers:
            server.driver.close()

    def load(self):
        self.tables.execute((EXAMPLE / "schema.sql").read_text())
        index = ["--from", self.options.index] if self.options.index else []
        done = subprocess.run([EXAMPLE / "load", self.sandbox.pg_dsn, *index], text=True, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise BenchError("the package index could not be loaded")
        say(done.stdout.strip())
        self.tables.execute(pathlib.Path(__file__).with_name("upgrades.sql").read_text())
        # Fewer flushes while changes are made, which is not what is measured.
        self.tables.execute("SET synchronous_commit = off")

    def rows(self):
        return sum(self.tables.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES)

    def make_changes(self):
        transactions = self.options.changes // CHANGES_PER_TRANSACTION
        return self.tables.execute("CALL bench_upgrades(%s, 0)", [transactions]).fetchone()[0]

    def wipe(self, *servers):
        if self.tables.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).fetchone():
            self.tables.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])
        for server in servers:
            server.wipe()

    def environment(self, server):
        user, password = server.auth
        return {**os.environ, **self.sandbox.environment(), "NEO4J_URI": server.uri, "NEO4J_USER": user,
                "NEO4J_PASSWORD": password}

    def daemon_argv(self, recording, *arguments):
        return [BUILD / "pgweave", "-c", EXAMPLE / "pgweave.yaml", "run", "--record", recording, *arguments]

    def measure_daemon(self, server, recording, work):
        """The daemon from its start until it has caught up."""
        self.tables.execute("CHECKPOINT")
        before = server.cpu_s()
        with open(self.log, "ab") as log:
            usage = resources.run(self.daemon_argv(recording, "--until-caught-up"), stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, env=self.environment(server))
        return figures(usage, server.cpu_s() - before, work)

    def replay(self, server, recording, in_flight, last=None):
        before = server.cpu_s()
        user, password = server.auth
        done = subprocess.run(
            [BUILD / "bench" / "replay", "--port", str(server.port), "--user", user, "--in-flight", str(in_flight),
             *(["--last", str(last)] if last else []), recording],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "REPLAY_PASSWORD": password})
        if done.returncode != 0:
            raise BenchError(f"the replay of {recording.name} failed")
        return {**json.loads(done.stdout), "in_flight": in_flight, "neo4j_cpu_s": server.cpu_s() - before}

    def measure_round(self, number, in_flight):
        """Both phases, the daemon against one server and the recordings against the other; roles change from round to round."""
        daemon_server, replay_server = self.servers[number % 2], self.servers[(number + 1) % 2]
        recordings = {phase: self.folder / f"{phase}.bolt" for phase in ("snapshot", "catching up")}
        in_flight, *others = in_flight
        self.wipe(daemon_server, replay_server)
        found = {}
        for phase, recording in recordings.items():
            work = self.rows() if phase == "snapshot" else self.make_changes()
            daemon = self.measure_daemon(daemon_server, recording, work)
            found[phase] = {"daemon": daemon, "replays": [self.replay(replay_server, recording, in_flight)]}
        if daemon_server.counts() != replay_server.counts():
            raise BenchError(f"daemon and replay made different graphs: {daemon_server.counts()}, {replay_server.counts()}")
        for more in others:
            replay_server.wipe()
            for phase, recording in recordings.items():
                found[phase]["replays"].append(self.replay(replay_server, recording, more))
        return found

    def wait_until_streaming(self, deadline_s=60):
        position = self.tables.execute("SELECT pg_current_wal_lsn()").fetchone()[0]
        deadline = time.monotonic() + deadline_s
        while not self.tables.execute(
                "SELECT 1 FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid "
                "WHERE s.slot_name = %s AND r.state = 'streaming' AND s.confirmed_flush_lsn >= %s", [SLOT, position]).fetchone():
            if time.monotonic() > deadline:
                raise BenchError(f"the daemon does not catch up; its log is {self.log}")
            time.sleep(0.1)

    def measure_latency(self, number):
        """Both servers hold the same graph, of the round before."""
        server, replay_server = self.servers[number % 2], self.servers[(number + 1) % 2]
        recording = self.folder / "latency.bolt"
        self.tables.execute("SET synchronous_commit = on")
        with open(self.log, "ab") as log:
            daemon = subprocess.Popen(self.daemon_argv(recording), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env=self.environment(server))
        try:
            self.wait_until_streaming()
            cold = latency.measure(self.tables, server.uri, server.auth, self.options.warm_up)
            before = server.cpu_s(), resources.cpu_s(daemon.pid), time.monotonic()
            found = latency.measure(self.tables, server.uri, server.auth, int(self.options.rate * self.options.seconds),
                                    self.options.rate)
            usage = resources.Usage(time.monotonic() - before[2], resources.cpu_s(daemon.pid) - before[1],
                                    resources.memory_peak(daemon.pid))
            neo4j_cpu_s = server.cpu_s() - before[0]
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
        latencies, polls = ([1000 * value for value in column] for column in zip(*found))
        return {
            "daemon": figures(usage, neo4j_cpu_s, len(found)),
            "p50_ms": percentile(latencies, 50), "p99_ms": percentile(latencies, 99),
            "poll_p50_ms": percentile(polls, 50), "poll_p99_ms": percentile(polls, 99),
            "cold_p50_ms": 1000 * statistics.median(value for value, _ in cold[:COLD]),
            "replay": self.replay(replay_server, recording, 1, len(found)),
        }


def percentile(values, part):
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]


def figures(usage, neo4j_cpu_s, work):
    return {"work": work, "wall_s": usage.wall_s, "per_s": work / usage.wall_s, "cpu_s": usage.cpu_s,
            "cpu_core_share": usage.cpu_s / usage.wall_s, "neo4j_cpu_s": neo4j_cpu_s, "cpu_share": usage.cpu_s / neo4j_cpu_s,
            "memory_peak": usage.memory_peak}


def summarize(rounds, latency_found):
    """The ratios are of sums over all rounds, so that both servers have played both parts equally often."""
    summary = {}
    for phase in ("snapshot", "catching up"):
        daemons = [found[phase]["daemon"] for found in rounds]
        total = {name: sum(daemon[name] for daemon in daemons) for name in ("work", "wall_s", "cpu_s", "neo4j_cpu_s")}
        usage = resources.Usage(total["wall_s"], total["cpu_s"], max(daemon["memory_peak"] for daemon in daemons))
        replays = {}
        for position, first in enumerate(rounds[0][phase]["replays"]):
            runs = [found[phase]["replays"][position] for found in rounds]
            wall_s = sum(run["wall_s"] for run in runs)
            replays[first["in_flight"]] = {
                "wall_s": wall_s, "per_s": total["work"] / wall_s, "ratio": total["wall_s"] / wall_s,
                "neo4j_cpu_s": sum(run["neo4j_cpu_s"] for run in runs), "cpu_core_share": sum(run["cpu_s"] for run in runs) / wall_s,
                "transactions": sum(run["transactions"] for run in runs)}
        summary[phase] = {**figures(usage, total["neo4j_cpu_s"], total["work"]), "replays": replays}
    if latency_found:
        summary["latency"] = latency_found
    return summary


def print_table(summary):
    lines = []

    def line(name, value, aim=""):
        lines.append((name, value, aim))

    def resources_of(found):
        line("  daemon's peak resident memory", f"{found['memory_peak'] / 2**20:.1f} MiB", "under 64 MiB")
        line("  daemon's CPU", f"{found['cpu_s']:.2f} s = {found['cpu_core_share']:.0%} of a core")
        line("  Neo4j's CPU", f"{found['neo4j_cpu_s']:.2f} s")
        line("  daemon's CPU / Neo4j's", f"{found['cpu_share']:.1%}", "under 10 %")

    for phase, unit in (("snapshot", "rows"), ("catching up", "changes")):
        found = summary[phase]
        line(phase, f"{found['per_s']:,.0f} {unit}/s", "")
        line("  work and time", f"{found['work']:,} {unit} in {found['wall_s']:.2f} s")
        resources_of(found)
        for in_flight, replay in found["replays"].items():
            line(f"  replay, {in_flight} in flight", f"{replay['per_s']:,.0f} {unit}/s, {replay['wall_s']:.2f} s, "
                 f"{replay['transactions']:,} transactions, {replay['cpu_core_share']:.0%} of a core")
            line("  daemon's time / replay's", f"{replay['ratio']:.2f}", "at most 1.3")
    found = summary.get("latency")
    if found:
        line("commit to visible", f"p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms", "p50 under 8 ms")
        line("  of which the reader's poll", f"p50 {found['poll_p50_ms']:.1f} ms, p99 {found['poll_p99_ms']:.1f} ms")
        line("  Neo4j's transaction alone", f"p50 {found['replay']['transaction_p50_ms']:.1f} ms, "
             f"p99 {found['replay']['transaction_p99_ms']:.1f} ms")
        line(f"  the first {COLD} of the warm-up", f"p50 {found['cold_p50_ms']:.1f} ms")
        line("  transactions", f"{found['daemon']['work']} at {found['daemon']['per_s']:.0f}/s")
        resources_of(found["daemon"])
    widths = [max(len(row[column]) for row in lines) for column in range(2)]
    for name, value, aim in lines:
        print(f"{name:{widths[0]}}  {value:{widths[1]}}  {aim}".rstrip())


def parse():
    parser = argparse.ArgumentParser(prog="bench/run", description="pgweave beside Neo4j's own ceiling, on the package index.")
    parser.add_argument("--rounds", type=int, default=2, help="measured rounds, after one that only warms up (2)")
    parser.add_argument("--changes", type=int, default=150000, help="row changes to catch up with (150000)")
    parser.add_argument("--rate", type=float, default=20, help="transactions a second for the latency (20)")
    parser.add_argument("--seconds", type=float, default=15, help="how long for the latency; 0 leaves it out (15)")
    parser.add_argument("--warm-up", type=int, default=4000, help="transactions before that, one after the other (4000)")
    parser.add_argument("--in-flight", type=int, action="append", help="transactions the replay keeps in flight (2); more than once: "
                        "ratios for each")
    parser.add_argument("--heap", default="3g", help="heap of each of the two Neo4j (3g)")
    parser.add_argument("--index", metavar="FILE", help="a saved `apt-cache dumpavail` instead of this machine's")
    parser.add_argument("--json", metavar="FILE", help="write the figures, each round's among them, as JSON; - for stdout")
    options = parser.parse_args()
    options.in_flight = options.in_flight or [2]
    if options.rounds < 1 or options.changes < CHANGES_PER_TRANSACTION or options.warm_up < 1:
        parser.error("at least one round, one transaction of changes, and one to warm up")
    return options


def measure(bench, options):
    bench.load()
    say("warming up")
    for number in range(2):
        bench.measure_round(number, options.in_flight[:1])
    rounds = []
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        rounds.append(bench.measure_round(number, options.in_flight))
    found = None
    if options.seconds:
        say("latency")
        found = bench.measure_latency(options.rounds - 1)
    return {"summary": summarize(rounds, found), "rounds": rounds}


def write(options, found):
    if options.json == "-":
        print(json.dumps(found, indent=1))
        return
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=1) + "\n")
    print_table(found["summary"])


def main():
    options = parse()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pgweave-bench-"))
    folder.chmod(0o755)  # PostgreSQL's user has to enter it
    second = Neo4j(folder / "second", {})
    try:
        with Sandbox(folder / "first", neo4j_heap=options.heap, apoc=False) as sandbox:
            second.create(heap=options.heap, apoc=False)
            second.start()
            bench = Bench(options, sandbox, [Server(sandbox.neo4j), Server(second)], folder)
            try:
                write(options, measure(bench, options))
            finally:
                bench.close()
    except KeyboardInterrupt:
        return 130
    except (BenchError, subprocess.SubprocessError, OSError, psycopg.Error) as error:
        print(f"bench: {error}", file=sys.stderr)
        log = folder / "pgweave.log"
        print("\n".join(log.read_text().splitlines()[-20:]) if log.exists() else "", file=sys.stderr)
        return 1
    finally:
        second.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
