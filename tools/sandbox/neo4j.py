"""A private, real Neo4j Community."""
import hashlib
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import time

from . import artefacts, bolt, process, tls
from .process import SandboxError

USER = "neo4j"
MAIN_CLASS = "org.neo4j.server.CommunityEntryPoint"
OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang")
HASH_ITERATIONS = 1024


class Neo4j:
    """`state` is the part of the sandbox's state that is ours; the sandbox saves it."""

    def __init__(self, folder, state):
        self.folder = pathlib.Path(folder)
        self.state = state
        self.log = self.folder / "logs" / "neo4j.log"
        # What the JVM says before and after the server's own logging.
        self.console = self.folder / "logs" / "console.log"

    @property
    def uri(self):
        return f"bolt://127.0.0.1:{self.state['port']}"

    @property
    def auth(self):
        return USER, self.state["password"]

    def running(self):
        return process.alive(self.state.get("process"))

    def create(self, heap="1g", page_cache="512m", apoc=True, with_tls=False, steady_plans=False):
        self.state.update(heap=heap, page_cache=page_cache, apoc=apoc, tls=with_tls, steady_plans=steady_plans, password=secrets.token_hex(12),
                          port=process.free_port())
        for name in ("conf", "data/dbms", "logs", "plugins", "lib", "import", "run"):
            (self.folder / name).mkdir(parents=True)
        self._set_initial_password()
        if apoc:
            for jar in (artefacts.neo4j() / "plugins").iterdir():
                shutil.copy(jar, self.folder / "plugins")
            (self.folder / "conf" / "apoc.conf").write_text("apoc.trigger.enabled=true\napoc.trigger.refresh=500\n")
        self._configure()

    def start(self, timeout_s=180):
        if not self.running():
            self.spawn()
        self.wait_ready(timeout_s)

    def spawn(self):
        """Starts the process; wait_ready() says when it answers. Apart, so that other work can go on meanwhile."""
        self.state["process"] = process.spawn(self._command(), self.console, self.folder)

    def wait_ready(self, timeout_s=180):
        """The password is random, so whoever takes it is our server and not another one on the same port."""
        deadline = time.monotonic() + timeout_s
        refused = "no answer yet"
        while time.monotonic() < deadline and self.running():
            try:
                if bolt.login(self.state["port"], *self.auth):
                    return
                refused = "the login is refused"
            except OSError as error:
                refused = str(error)
            time.sleep(0.2)
        raise SandboxError("\n".join([
            f"Neo4j does not start ({refused}). The end of {self.console}:", process.log_tail(self.console),
            f"The end of {self.log}:", process.log_tail(self.log)]))

    def stop(self):
        if self.running():
            process.end(self.state["process"], signal.SIGTERM, 60)

    def kill(self):
        if self.running():
            process.kill([self.state["process"]])

    def import_full(self, *arguments):
        """Runs the offline importer with these arguments; the server must be down."""
        command = [*self._java(), "org.neo4j.cli.AdminTool", "database", "import", "full", *arguments]
        environment = dict(os.environ, NEO4J_HOME=str(self.folder), NEO4J_CONF=str(self.folder / "conf"))
        subprocess.run(command, env=environment, check=True)

    def _java(self):
        cache = artefacts.neo4j()
        class_path = f"{cache / 'lib'}/*"
        if self.state["apoc"]:
            class_path += f":{self.folder / 'plugins'}/*"
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        return ["java", *opens, "-Dio.netty.tryReflectionSetAccessible=true", f"-Xmx{self.state['heap']}",
                "-cp", class_path]

    def _command(self):
        return [*self._java(), MAIN_CLASS, f"--home-dir={self.folder}", f"--config-dir={self.folder / 'conf'}"]

    def _set_initial_password(self):
        """Writes what `neo4j-admin dbms set-initial-password` would write, without its JVM's start."""
        salt = secrets.token_bytes(32)
        digest = salt + self.state["password"].encode()
        for _ in range(HASH_ITERATIONS):
            digest = hashlib.sha256(digest).digest()
        credential = f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{HASH_ITERATIONS}:\n"
        (self.folder / "data" / "dbms" / "auth.ini").write_text(credential)

    def _configure(self):
        address = f"127.0.0.1:{self.state['port']}"
        settings = {
            "server.bolt.enabled": "true",
            "server.http.enabled": "false",
            "server.bolt.listen_address": address,
            "server.bolt.advertised_address": address,
            "server.memory.pagecache.size": self.state["page_cache"],
            "dbms.security.auth_enabled": "true",
            # A test of a wrong password must not lock out the tests after it.
            "dbms.security.auth_max_failed_attempts": "0",
            "dbms.security.procedures.unrestricted": "apoc.*",
            "dbms.usage_report.enabled": "false",
            "db.tx_log.preallocate": "false",
        }
        if self.state["steady_plans"]:
            # A small graph's statistics change with every row; to plan anew for that is what most of a test would wait for.
            settings["dbms.cypher.min_replan_interval"] = "1h"
        if self.state["tls"]:
            settings.update(self._tls_settings())
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.folder / "conf" / "neo4j.conf").write_text(text)

    def _tls_settings(self):
        folder = tls.make(self.folder.parent / "tls")
        certificates = self.folder / "certificates"
        certificates.mkdir()
        shutil.copy(folder / "server.pem", certificates / "public.crt")
        shutil.copy(folder / "server.key", certificates / "private.key")
        return {
            "server.bolt.tls_level": "OPTIONAL",
            "dbms.ssl.policy.bolt.enabled": "true",
            "dbms.ssl.policy.bolt.base_directory": "certificates",
            "dbms.ssl.policy.bolt.private_key": "private.key",
            "dbms.ssl.policy.bolt.public_certificate": "public.crt",
            "dbms.ssl.policy.bolt.client_auth": "NONE",
        }
