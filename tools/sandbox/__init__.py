"""A private PostgreSQL and a private, real Neo4j Community, each in a folder of its own below one directory.

Everything listens on loopback, on free ports, with random passwords. What runs is known from DIR/sandbox.json, so a
sandbox that one process has started can be used, broken and stopped by another one. Standard library only.

    with Sandbox("/tmp/box") as s:
        connect(s.pg_dsn); connect(s.neo4j_uri, s.neo4j_auth); s.kill_neo4j(); s.start_neo4j()
"""
import json
import pathlib
import shutil

from .neo4j import Neo4j
from .postgres import Postgres
from .process import SandboxError

__all__ = ["Sandbox", "SandboxError"]


class Sandbox:
    """Options hold for the first start of a directory; afterwards what was chosen then stays."""

    def __init__(self, directory, *, pg_version=15, fsync=True, pg_tls=False, neo4j_heap="1g",
                 neo4j_page_cache="512m", apoc=True, neo4j_tls=False):
        self.directory = pathlib.Path(directory).resolve()
        self._pg_options = {"version": pg_version, "fsync": fsync, "with_tls": pg_tls}
        self._neo4j_options = {"heap": neo4j_heap, "page_cache": neo4j_page_cache, "apoc": apoc,
                               "with_tls": neo4j_tls, "steady_plans": not fsync}
        self._state_file = self.directory / "sandbox.json"
        state = {"postgres": {}, "neo4j": {}}
        if self._state_file.exists():
            state = json.loads(self._state_file.read_text())
        self.postgres = Postgres(self.directory / "postgres", state["postgres"])
        self.neo4j = Neo4j(self.directory / "neo4j", state["neo4j"])

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.destroy()

    @property
    def exists(self):
        return self._state_file.exists()

    @property
    def pg_dsn(self):
        return self.postgres.url

    @property
    def neo4j_uri(self):
        return self.neo4j.uri

    @property
    def neo4j_auth(self):
        return self.neo4j.auth

    @property
    def ca_file(self):
        return self.directory / "tls" / "ca.pem"

    def start(self):
        if not self.exists:
            self._create()
        try:
            # The JVM takes most of the time, so it goes first and is waited for last.
            if not self.neo4j.running():
                self.neo4j.spawn()
            self.postgres.start()
            self.neo4j.wait_ready()
        except BaseException:
            self.stop()
            raise
        self._save()
        return self

    def stop(self):
        self.postgres.stop()
        self.neo4j.stop()

    def destroy(self):
        """Stops the servers and removes the directory."""
        self.stop()
        shutil.rmtree(self.directory)

    def start_postgres(self):
        self.postgres.start()
        self._save()

    def stop_postgres(self):
        self.postgres.stop()

    def kill_postgres(self):
        self.postgres.kill()

    def start_neo4j(self):
        self.neo4j.start()
        self._save()

    def stop_neo4j(self):
        self.neo4j.stop()

    def kill_neo4j(self):
        self.neo4j.kill()

    def environment(self):
        """The variables that the mapping files, the examples and the tests read."""
        user, password = self.neo4j_auth
        variables = {
            "PGWEAVE_SANDBOX_DIR": str(self.directory),
            "PGWEAVE_PG_URL": self.pg_dsn,
            "NEO4J_URI": self.neo4j_uri,
            "NEO4J_USER": user,
            "NEO4J_PASSWORD": password,
        }
        if self.ca_file.exists():
            variables["PGWEAVE_SANDBOX_CA"] = str(self.ca_file)
        return variables

    def _create(self):
        if self.directory.exists() and any(self.directory.iterdir()):
            raise SandboxError(f"{self.directory} is neither a sandbox nor empty: choose another --dir")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.postgres.create(**self._pg_options)
        self.neo4j.create(**self._neo4j_options)
        self._save()

    def _save(self):
        self._state_file.touch(mode=0o600)
        state = {"postgres": self.postgres.state, "neo4j": self.neo4j.state}
        part = self._state_file.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(state, indent=1))
        part.replace(self._state_file)
