"""Transactions of a history in PostgreSQL: each in a session, statement by statement, so that several can be open at once."""
import psycopg

from .table_state import SETTINGS

# What another session has locked stays locked until the history goes on, so waiting for it is of no use.
LOCK_TIMEOUT_MS = 100


class Session:
    """`script` gets what was run, as a person would read it; `counts` how much of it PostgreSQL took."""

    def __init__(self, name, connection, statements, script, counts):
        self.name, self.connection, self.statements = name, connection, statements
        self.script, self.counts = script, counts
        # Called with (time of the commit, statements) after each transaction that has changed something.
        self.on_commit = None
        connection.execute(f"{SETTINGS}; SET lock_timeout = {LOCK_TIMEOUT_MS}")

    def execute(self, sql, rows=None):
        shown = f"{sql if len(sql) < 2000 else sql[:2000] + ' ...'};  -- {self.name}"
        try:
            if rows is None:
                self.connection.execute(sql)
            else:
                self._copy(sql, rows)
        except psycopg.Error as error:
            self.script.append(f"{shown}: {str(error).splitlines()[0]}")
            if self.connection.closed:
                raise
            raise Refused(str(error)) from None
        self.script.append(shown)

    def transaction_id(self):
        return self.connection.execute("SELECT pg_current_xact_id_if_assigned()::xid").fetchone()[0]

    def commit_time(self, transaction):
        return self.connection.execute("SELECT pg_xact_commit_timestamp(%s::text::xid)::text", [transaction]).fetchone()[0]

    def _copy(self, sql, rows):
        with self.connection.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)


class Refused(Exception):
    """PostgreSQL did not take a statement: an expected event in the life of a random history."""


class Transaction:
    _prepared = 0

    def __init__(self, session, plan):
        self.session, self.plan = session, plan
        self.open = True
        self._left = list(plan["statements"])
        session.execute("BEGIN")
        if plan["deferred"]:
            session.execute("SET CONSTRAINTS ALL DEFERRED")

    def next(self):
        if self.open and self._left:
            self._do(self._left.pop(0))

    def finish(self):
        while self.open and self._left:
            self.next()
        if self.open:
            self._end()

    def _do(self, statement):
        if not self.plan["guarded"]:
            self._run(statement)
            return
        self.session.execute("SAVEPOINT guard")
        if self._run(statement):
            self.session.execute("RELEASE guard")
        elif self.open:
            self.session.execute("ROLLBACK TO guard")

    def _run(self, statement, depth=1):
        """Says whether it succeeded. A transaction that is not guarded ends with its first failure."""
        try:
            if statement["do"] == "savepoint":
                return self._savepoint(statement, depth)
            if statement["do"] == "copy":
                self.session.execute(*self.session.statements.copy(statement))
            else:
                for message in self.session.statements.of(statement):
                    self.session.execute(message)
        except Refused:
            self.session.counts["refused"] += 1
            if not self.plan["guarded"]:
                self.session.execute("ROLLBACK")
                self.open = False
            return False
        self.session.counts["statements"] += 1
        return True

    def _savepoint(self, statement, depth):
        name = f"s{depth}"
        self.session.execute(f"SAVEPOINT {name}")
        for inner in statement["statements"]:
            if not self._run(inner, depth + 1):
                return False
        self.session.execute(f"ROLLBACK TO {name}" if statement["end"] == "rollback" else f"RELEASE {name}")
        return True

    def _end(self):
        self.open = False
        transaction = self.session.transaction_id() if self.session.on_commit else None
        try:
            if self.plan["end"] == "two-phase":
                self._two_phase()
            else:
                self.session.execute(self.plan["end"].upper())
        except Refused:  # by a deferred constraint: it is rolled back
            self.session.counts["refused transactions"] += 1
            return
        if self.plan["end"] != "rollback":
            self.session.counts["transactions"] += 1
            if transaction is not None:
                self.session.on_commit(self.session.commit_time(transaction), self.plan["statements"])

    def _two_phase(self):
        Transaction._prepared += 1
        name = f"history {Transaction._prepared}"
        self.session.execute(f"PREPARE TRANSACTION '{name}'")
        self.session.execute(f"COMMIT PREPARED '{name}'")
