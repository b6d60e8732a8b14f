"""A PostgreSQL database of its own for each test."""
import itertools
import os

import psycopg

_numbers = itertools.count(1)


class Database:
    Unreachable = psycopg.OperationalError

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self.name = f"e2e_{os.getpid()}_{next(_numbers)}"
        self.url = sandbox.pg_dsn.rpartition("/")[0] + "/" + self.name
        self._connection = None
        self._administer(f"CREATE DATABASE {self.name} TEMPLATE template0")

    def connect(self, **options):
        return psycopg.connect(self.url, autocommit=True, **options)

    @property
    def connection(self):
        """A standing connection, made anew after the server was killed."""
        if self._connection is None or not self._answers():
            self._connection = self.connect()
        return self._connection

    def _answers(self):
        try:
            self._connection.execute("SELECT 1")
            return True
        except psycopg.OperationalError:
            return False

    def execute(self, *statements):
        """Each argument is one query message, so several statements in one string are one transaction."""
        for statement in statements:
            self.connection.execute(statement)

    def query(self, statement, parameters=None):
        return self.connection.execute(statement, parameters).fetchall()

    def value(self, statement, parameters=None):
        return self.query(statement, parameters)[0][0]

    def run_file(self, path):
        self.execute(path.read_text())

    def drop(self):
        if self._connection is not None:
            self._connection.close()
        with self._administrator() as connection:
            _drop(connection, self.name)

    def _administrator(self):
        return psycopg.connect(self._sandbox.pg_dsn, autocommit=True)

    def _administer(self, statement, parameters=None):
        with self._administrator() as connection:
            connection.execute(statement, parameters)


def drop_leftovers(sandbox):
    """What tests that were killed have left: a slot's name is taken in the whole cluster."""
    with psycopg.connect(sandbox.pg_dsn, autocommit=True) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^e2e_[0-9]+_[0-9]+$'").fetchall()
        for (name,) in names:
            if not os.path.exists(f"/proc/{name.split('_')[1]}"):
                _drop(connection, name)


def _drop(connection, name):
    slots = connection.execute("SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s", [name])
    for slot, walsender in slots.fetchall():
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", [walsender])
        connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
