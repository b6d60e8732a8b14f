"""The demo: what ./demo runs once everything is installed and built."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import neo4j
import psycopg

from sandbox import Sandbox

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "packages"
OUTPUT = ROOT / "build" / "demo"
BINARY = ROOT / "build" / "pgweave"
SLOT = "pgweave_packages"
PATH_FROM, PATH_TO = "gimp", "libsystemd0"
GONE = "libgtk-3-0"
BAR_WIDTH = 40
# Of a package's relationships, those without which it cannot be installed.
HARD = ["depends", "pre_depends"]

SHORTEST_PATH = """
MATCH (a:Package {name: $start}), (b:Package {name: $end})
MATCH path = shortestPath((a)-[:DEPENDS_ON*..30]->(b))
WHERE all(d IN relationships(path) WHERE d.kind IN $hard)
RETURN [p IN nodes(path) | p.name] AS names
"""
# A choice `a | b` breaks only when each of its targets is gone and nothing that is left provides it.
BREAKS_NEXT = """
UNWIND $fresh AS name
MATCH (f:Package {name: name})
OPTIONAL MATCH (f)-[:DEPENDS_ON {kind: 'provides'}]->(v:Package)
WITH collect(DISTINCT f) + collect(DISTINCT v) AS lost
UNWIND lost AS l
MATCH (l)<-[d:DEPENDS_ON]-(p:Package)
WHERE d.kind IN $hard AND NOT p.name IN $gone
WITH DISTINCT p, d.kind AS kind, d.group_no AS choice
MATCH (p)-[d:DEPENDS_ON]->(t:Package)
WHERE d.kind = kind AND d.group_no = choice
WITH p, kind, choice, collect(t) AS targets
WHERE all(t IN targets WHERE (t:_PgweavePlaceholder OR t.name IN $gone) AND NOT EXISTS {
    MATCH (t)<-[:DEPENDS_ON {kind: 'provides'}]-(q:Package) WHERE NOT q.name IN $gone })
RETURN DISTINCT p.name AS name
"""


class DemoError(Exception):
    pass


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def run(*arguments, environment, quiet=False):
    done = subprocess.run(arguments, env=environment, cwd=EXAMPLE, text=True, stdout=subprocess.PIPE)
    if not quiet:
        print(done.stdout, end="")
    if done.returncode != 0:
        raise DemoError(f"{' '.join(map(str, arguments))} ended with {done.returncode}")
    return done.stdout


class Demo:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.environment = {**os.environ, **sandbox.environment()}
        self.log = OUTPUT / "pgweave.log"
        self.daemon = None
        self.graph = neo4j.GraphDatabase.driver(sandbox.neo4j_uri, auth=sandbox.neo4j_auth,
                                                notifications_min_severity="OFF")
        self.tables = psycopg.connect(sandbox.pg_dsn, autocommit=True)

    def close(self):
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            self.daemon.wait(60)
        self.graph.close()
        self.tables.close()

    def query(self, cypher, **parameters):
        return [record.data() for record in self.graph.execute_query(cypher, parameters).records]

    def pgweave(self, *arguments, quiet=False):
        return run(BINARY, *arguments, environment=self.environment, quiet=quiet)

    def start_daemon(self):
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen([BINARY, "run"], cwd=EXAMPLE, env=self.environment, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=subprocess.STDOUT)

    def check_daemon(self):
        if self.daemon.poll() is not None:
            raise DemoError(f"pgweave ended with {self.daemon.returncode}. The end of {self.log}:\n"
                            + "\n".join(self.log.read_text().splitlines()[-20:]))

    def load(self):
        run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", self.sandbox.pg_dsn, "-f", "schema.sql",
            environment=self.environment)
        run("./load", environment=self.environment)

    def show_plan(self):
        self.pgweave("plan")
        picture = OUTPUT / "packages.svg"
        picture.write_text(self.pgweave("plan", "--format", "svg", quiet=True))
        print(f"The same as a picture: {picture}")

    def expected_rows(self):
        """The relationships that the tables make."""
        return self.tables.execute(
            "SELECT (SELECT count(*) FROM dependencies) + (SELECT count(*) FROM package_tags) "
            "+ (SELECT count(section) + count(maintainer_id) FROM packages)").fetchone()[0]

    def counts(self):
        nodes = self.query("MATCH (n) RETURN count(n) AS n")[0]["n"]
        return nodes, self.query("MATCH ()-[r]->() RETURN count(r) AS n")[0]["n"]

    def take_snapshot(self):
        total, started = self.expected_rows(), time.monotonic()
        self.start_daemon()
        while not self.caught_up(self.position()):
            self.check_daemon()
            # Where nobody watches, it would only fill a log.
            if sys.stdout.isatty():
                print("\r" + self.bar(total, started), end="", flush=True)
            time.sleep(0.5)
        print("\r" * sys.stdout.isatty() + self.bar(total, started))
        if self.counts()[1] != total:
            raise DemoError(f"{total} relationships were expected, not {self.counts()[1]}")

    def bar(self, total, started):
        nodes, relationships = self.counts()
        done = min(relationships / total, 1)
        return (f"[{'#' * int(done * BAR_WIDTH):{BAR_WIDTH}}] {done:4.0%}  {nodes:,} nodes, "
                f"{relationships:,} relationships, {time.monotonic() - started:.0f} s")

    def position(self):
        return self.tables.execute("SELECT pg_current_wal_lsn()").fetchone()[0]

    def caught_up(self, position):
        """The slot is confirmed after Neo4j's commit, and is streamed from only after the snapshot."""
        return self.tables.execute(
            "SELECT 1 FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid "
            "WHERE s.slot_name = %s AND r.state = 'streaming' AND s.confirmed_flush_lsn >= %s",
            [SLOT, position]).fetchone() is not None

    def wait_until_caught_up(self, timeout_s=120):
        position, deadline = self.position(), time.monotonic() + timeout_s
        while not self.caught_up(position):
            self.check_daemon()
            if time.monotonic() > deadline:
                raise DemoError(f"the graph has not reached {position} within {timeout_s} s")
            time.sleep(0.1)

    def writer(self, rate, count):
        return subprocess.Popen(["./writer", "--rate", str(rate), "--count", str(count)], cwd=EXAMPLE,
                                env=self.environment, stdout=subprocess.PIPE, text=True)

    def show_live_changes(self, count):
        latencies_ms = []
        with self.writer(rate=5, count=count) as writer, self.graph.session() as session:
            for line in writer.stdout:
                change = json.loads(line)
                latencies_ms.append(self.wait_visible(session, change))
                print(f"  {change['package']} {change['version']}: -{len(change['dropped'])} "
                      f"+{len(change['added'])} dependencies, in the graph after {latencies_ms[-1]:.1f} ms")
        if writer.returncode != 0 or len(latencies_ms) != count:
            raise DemoError("the writer has not done its work")
        print(f"  from commit to visible: median {statistics.median(latencies_ms):.1f} ms, "
              f"slowest {max(latencies_ms):.1f} ms")

    def wait_visible(self, session, change, timeout_s=30):
        """Milliseconds from the commit until a reader sees it, the reader's own asking included."""
        while True:
            found = session.run("MATCH (p:Package {name: $package}) WHERE p.version = $version RETURN 1",
                                change).single()
            elapsed_s = time.time() - change["committed_at"]
            if found:
                return elapsed_s * 1000
            if elapsed_s > timeout_s:
                raise DemoError(f"{change['package']} {change['version']} has not arrived within {timeout_s} s")

    def kill_in_the_middle(self, count):
        with self.writer(rate=100, count=count) as writer:
            for number, _ in enumerate(writer.stdout, 1):
                if number == count // 2:
                    print(f"  kill -9 {self.daemon.pid}")
                    self.daemon.kill()
                    self.daemon.wait()
        if writer.returncode != 0:
            raise DemoError("the writer has not done its work")
        print(f"  {count} upgrades were committed, half of them while nobody listened; starting again")
        self.start_daemon()
        self.wait_until_caught_up()

    def ask_path(self):
        found = self.query(SHORTEST_PATH, start=PATH_FROM, end=PATH_TO, hard=HARD)
        if not found:
            raise DemoError(f"no path from {PATH_FROM} to {PATH_TO}")
        names = found[0]["names"]
        for package, target in zip(names, names[1:]):
            if not self.tables.execute("SELECT 1 FROM dependencies WHERE package = %s AND target = %s",
                                       [package, target]).fetchone():
                raise DemoError(f"the path has {package} -> {target}, the tables have not")
        print("  " + " -> ".join(names))

    def ask_what_breaks(self):
        gone, fresh, steps = {GONE}, {GONE}, 0
        while fresh:
            found = self.query(BREAKS_NEXT, fresh=sorted(fresh), gone=sorted(gone), hard=HARD)
            fresh = {row["name"] for row in found} - gone
            gone |= fresh
            steps += 1
        broken = sorted(gone - {GONE})
        if not broken:
            raise DemoError(f"nothing depends on {GONE}")
        print(f"  {len(broken):,} packages, over {steps - 1} steps; among them {', '.join(broken[::len(broken) // 5][:5])}")


def play(demo, once):
    say("Loading the package index that `apt-cache dumpavail` prints")
    demo.load()
    say("The mapping")
    demo.show_plan()
    say("The snapshot")
    demo.take_snapshot()
    say("The first package upgrades, which wait until Neo4j has planned the statements")
    demo.show_live_changes(5)
    say("Package upgrades, five a second")
    demo.show_live_changes(25)
    say("Killing the daemon in the middle of 200 upgrades")
    demo.kill_in_the_middle(200)
    say("Do both sides agree?")
    demo.pgweave("verify")
    say(f"How does {PATH_FROM} come to need {PATH_TO}?")
    demo.ask_path()
    say(f"What could no longer be installed without {GONE}?")
    demo.ask_what_breaks()
    if not once:
        say("Everything is still running. Press Enter to end it.")
        for name, value in demo.sandbox.environment().items():
            print(f"  {name}={value}")
        input()


def main():
    parser = argparse.ArgumentParser(prog="demo", description="Debian's package index as a live graph, from nothing.")
    parser.add_argument("--once", action="store_true", help="end by itself; exit code 0 only when all of it held")
    options = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    started = time.monotonic()
    try:
        say("Starting a private PostgreSQL and a private Neo4j")
        with Sandbox(tempfile.mkdtemp(prefix="pgweave-demo-"), neo4j_heap="2g") as sandbox:
            demo = Demo(sandbox)
            try:
                play(demo, options.once)
            finally:
                demo.close()
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # whatever went wrong, the demo did not hold
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    print(f"\nAll of it held, in {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
