"""A private PostgreSQL cluster."""
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess
import time

from . import artefacts, process, tls
from .process import SandboxError

USER = "pgweave"
DATABASE = "pgweave"
SOCKET_PATH_MAX = 107


class Postgres:
    """`state` is the part of the sandbox's state that is ours; the sandbox saves it."""

    def __init__(self, folder, state):
        self.folder = pathlib.Path(folder)
        self.state = state
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.run = self.folder / "run"

    @property
    def bin(self):
        return artefacts.postgres_bin(self.state["version"])

    @property
    def url(self):
        return (f"postgresql://{USER}:{self.state['password']}@127.0.0.1:{self.state['port']}/{DATABASE}")

    def running(self):
        return process.alive(self.state.get("process"))

    def create(self, version=15, fsync=True, with_tls=False):
        self.state.update(version=version, fsync=fsync, tls=with_tls, password=secrets.token_hex(12),
                          port=process.free_port())
        self.folder.mkdir(parents=True)
        self.run.mkdir()
        (self.folder / "password").write_text(self.state["password"] + "\n")
        if len(str(self.run)) + len("/.s.PGSQL.65535") > SOCKET_PATH_MAX:
            raise SandboxError(f"{self.run} is too long a path for a Unix socket: choose a shorter --dir")
        self._give_away()
        self._initdb()
        if with_tls:
            self._install_certificate()
        self._configure()

    def start(self, timeout_s=60):
        if self.running():
            return
        owner = self._owner()
        self._disown_locks()
        self.state["process"] = process.spawn(
            [str(self.bin / "postgres"), "-D", str(self.data)], self.log, self.folder, owner, self._environment())
        self._wait_ready(timeout_s)
        self._create_database()

    def stop(self):
        if self.running():
            process.end(self.state["process"], signal.SIGINT, 30)

    def kill(self):
        """As if the machine had gone: the postmaster first, so that it sees none of its children die."""
        if self.running():
            backends = process.children(self.state["process"])
            process.kill([self.state["process"], *backends])

    def psql(self, sql, database=DATABASE, over_tcp=False):
        """The output of one command, unaligned and without a header."""
        host = "127.0.0.1" if over_tcp else str(self.run)
        environment = dict(self._environment(), PGPASSWORD=self.state["password"], PGCONNECT_TIMEOUT="5")
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", str(self.state["port"]),
             "-U", USER, "-d", database, "-c", sql],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        if done.returncode != 0:
            raise SandboxError(done.stderr.strip())
        return done.stdout.strip()

    def _disown_locks(self):
        """Where no init process collects the dead, a killed postmaster's pid still seems to be in use.

        PostgreSQL takes a lock with its parent's pid, which is ours, for a stale one, and clears up what it names.
        """
        for lock in (self.data / "postmaster.pid", self.run / f".s.PGSQL.{self.state['port']}.lock"):
            if lock.exists():
                lines = lock.read_text().splitlines(keepends=True)
                lock.write_text(f"{os.getpid()}\n" + "".join(lines[1:]))

    def _wait_ready(self, timeout_s):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self._check_identity()
                return
            except SandboxError as error:
                if not self.running() or time.monotonic() > deadline:
                    raise SandboxError(
                        f"PostgreSQL does not start ({error}). The end of {self.log}:\n"
                        + process.log_tail(self.log)) from None
            time.sleep(0.1)

    def _check_identity(self):
        """Another server may have taken the port: what answers there must be what owns our socket."""
        query = "SELECT system_identifier FROM pg_control_system()"
        ours = self.psql(query, database="postgres")
        if self.psql(query, database="postgres", over_tcp=True) != ours:
            raise SandboxError(f"port {self.state['port']} belongs to another PostgreSQL")

    def _create_database(self):
        if not self.psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", database="postgres"):
            self.psql(f"CREATE DATABASE {DATABASE}", database="postgres")

    def _owner(self):
        """PostgreSQL refuses to run as root."""
        if os.getuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                pass
        raise SandboxError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")

    def _environment(self):
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}

    def _give_away(self):
        owner = self._owner()
        if owner is None:
            return
        shutil.chown(self.folder, owner.pw_uid, owner.pw_gid)
        for path in self.folder.rglob("*"):
            shutil.chown(path, owner.pw_uid, owner.pw_gid)
        for parent in self.folder.parents:
            if not parent.stat().st_mode & 0o001:
                raise SandboxError(
                    f"PostgreSQL runs as user {owner.pw_name}, who cannot enter {parent}: choose another --dir")

    def _initdb(self):
        owner = self._owner()
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        done = subprocess.run(
            [str(self.bin / "initdb"), "-D", str(self.data), "-U", USER, "-E", "UTF8", "--locale=C.UTF-8",
             "--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}", "--no-sync"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
            env=self._environment(), **as_user)
        if done.returncode != 0:
            raise SandboxError("initdb failed:\n" + done.stdout)

    def _install_certificate(self):
        made = tls.make(self.folder.parent / "tls")
        for name in ("server.pem", "server.key"):
            shutil.copy(made / name, self.data / name)
            (self.data / name).chmod(0o600)
        self._give_away()

    def _configure(self):
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": self.state["port"],
            "unix_socket_directories": f"'{self.run}'",
            "wal_level": "logical",
            "max_replication_slots": 20,
            "max_wal_senders": 20,
            "max_prepared_transactions": 10,
            # What a relationship's history has to say is compared with it.
            "track_commit_timestamp": "on",
            "fsync": "on" if self.state["fsync"] else "off",
            "full_page_writes": "on" if self.state["fsync"] else "off",
            "max_wal_size": "4GB",
            # Inside the data folder, where a killed server leaves nothing behind for good.
            "dynamic_shared_memory_type": "mmap",
            "shared_buffers": "128MB",
            "timezone": "'UTC'",
            "log_line_prefix": "'%m [%p] %a '",
        }
        if self.state["tls"]:
            settings.update(ssl="on", ssl_cert_file="'server.pem'", ssl_key_file="'server.key'")
        with open(self.data / "postgresql.conf", "a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
