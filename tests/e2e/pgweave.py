"""The program under test: one-shot commands, and the daemon with its log."""
import dataclasses
import json
import os
import pathlib
import signal
import subprocess

from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PGWEAVE_BIN", ROOT / "build" / "pgweave")).resolve()

HEADER = """\
version: 1
pipeline: {pipeline}
postgres:
  url: ${{PGWEAVE_PG_URL}}
neo4j:
  url: ${{NEO4J_URI}}
  user: ${{NEO4J_USER}}
  password: ${{NEO4J_PASSWORD}}
"""


@dataclasses.dataclass
class Result:
    rc: int
    stdout: str
    stderr: str

    @property
    def json(self):
        return json.loads(self.stdout)


class Pgweave:
    """One pipeline: a mapping file, the database, the graph."""

    def __init__(self, folder, database, sandbox):
        assert BINARY.exists(), f"{BINARY} is not built (PGWEAVE_BIN says otherwise where it is)"
        self.folder = folder
        self.database = database
        self.environment = {**os.environ, **sandbox.environment(), "PGWEAVE_PG_URL": database.url}
        self.pipeline = "e2e"
        self.mapping_file = folder / "pgweave.yaml"
        self.log_file = folder / "pgweave.log"
        self.process = None

    def map(self, body):
        """Writes the mapping: `body` is what follows the connections."""
        self.mapping_file.write_text(HEADER.format(pipeline=self.pipeline) + body)

    def use(self, mapping_file, pipeline):
        """Takes a mapping as it is shipped."""
        self.mapping_file, self.pipeline = mapping_file, pipeline

    @property
    def slot(self):
        return f"pgweave_{self.pipeline}"

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def command(self, *arguments, timeout_s=300, stdin=None, environment=None):
        done = subprocess.run(
            [str(BINARY), "-c", str(self.mapping_file), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", timeout=timeout_s, input=stdin, cwd=self.folder,
            env={**self.environment, **(environment or {})})
        return Result(done.returncode, done.stdout, done.stderr)

    def verify(self):
        """Asserts that pgweave itself finds both sides equal."""
        result = self.command("verify")
        assert result.rc == 0, f"verify found:\n{result.stdout}{result.stderr}"

    def start(self, *arguments):
        self.spawn("run", *arguments)

    def spawn(self, *arguments):
        """A command that goes on meanwhile; what it prints goes to the log."""
        assert not self.running
        with open(self.log_file, "ab") as log:
            # A test session that is killed takes its daemons along.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(BINARY), "-c", str(self.mapping_file), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def terminate(self, timeout_s=60):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.running:
            self.kill()

    def start_and_catch_up(self, timeout_s=300):
        self.start()
        self.catch_up(timeout_s)

    def catch_up(self, timeout_s=300):
        """Waits until the graph has everything that is committed now.

        The slot is confirmed only after Neo4j's commit, and is streamed from only after the snapshot.
        """
        target = self.database.value("SELECT pg_current_wal_lsn()")

        def caught_up():
            assert self.running, f"pgweave ended with {self.process.poll()}. Its log:\n{self.log}"
            return self.database.query(
                "SELECT 1 FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid "
                "WHERE s.slot_name = %s AND r.state = 'streaming' AND s.confirmed_flush_lsn >= %s",
                [self.slot, target])

        try:
            wait_until(caught_up, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; target {target}. The log:\n{self.log}") from None

    def expect_exit(self, timeout_s=60):
        """For a daemon that is to give up by itself: its exit code."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pgweave still runs after {timeout_s} s. Its log:\n{self.log}") from None
