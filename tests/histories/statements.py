"""Operations as SQL."""
import hashlib

from .column_types import TYPES
from .schema import qualified, quote


def text_of(value):
    """PostgreSQL's text of a value of a history; a long one hardly compresses, so that it is stored apart."""
    if not isinstance(value, dict):
        return value
    pieces, number = [], 0
    while 64 * number < value["length"]:
        pieces.append(hashlib.sha256(f"{value['big']} {number}".encode()).hexdigest())
        number += 1
    return "".join(pieces)[:value["length"]]


def literal(value):
    text = text_of(value)
    if text is None:
        return "NULL"
    quoted = "'" + text.replace("'", "''") + "'"
    return quoted if "\\" not in text else "E" + quoted.replace("\\", "\\\\")


class Statements:
    """What a statement of a history is in SQL: a list of messages. COPY is (SQL, rows)."""

    def __init__(self, tables):
        self.tables = {table["id"]: table for table in tables}
        self.types = {table["id"]: {column["name"]: TYPES[column["type"]].sql for column in table["columns"]}
                      for table in tables}
        self._names = 0

    def of(self, statement):
        make = {"insert": self._insert, "update": self._update, "delete": self._delete, "truncate": self._truncate,
                "shift": self._shift}[statement["do"]]
        if not statement.get("prepared"):
            return [make(statement, lambda type, value: literal(value))]
        values = []

        def parameter(type, value):
            values.append(literal(value))
            return f"${len(values)}::{type}"

        self._names += 1
        text = make(statement, parameter)
        arguments = f" ({', '.join(values)})" if values else ""
        return [f"PREPARE p{self._names} AS {text}", f"EXECUTE p{self._names}{arguments}"]

    def copy(self, statement):
        columns = ", ".join(quote(column) for column in statement["columns"])
        return (f"COPY {qualified(self.tables[statement['table']])} ({columns}) FROM STDIN",
                [[text_of(value) for value in row] for row in statement["rows"]])

    def _insert(self, statement, put):
        table, types = self._table(statement)
        columns = statement["columns"]
        rows = ", ".join("(" + ", ".join(put(types[column], value) for column, value in zip(columns, row)) + ")"
                         for row in statement["rows"])
        text = f"INSERT INTO {qualified(table)} ({', '.join(map(quote, columns))}) VALUES {rows}"
        conflict = statement.get("conflict")
        if conflict:
            others = [column for column in columns if column not in table["key"]]
            text += f" ON CONFLICT ({', '.join(map(quote, table['key']))}) DO "
            sets = ", ".join(f"{quote(column)} = EXCLUDED.{quote(column)}" for column in others)
            text += f"UPDATE SET {sets}" if conflict == "update" and others else "NOTHING"
        return text

    def _update(self, statement, put):
        table, types = self._table(statement)
        sets = ", ".join(f"{quote(column)} = {put(types[column], value)}" for column, value in statement["set"].items())
        return f"UPDATE {qualified(table)} SET {sets}" + self._where(types, statement["keys"], put)

    def _delete(self, statement, put):
        table, types = self._table(statement)
        return f"DELETE FROM {qualified(table)}" + self._where(types, statement["keys"], put)

    def _shift(self, statement, put):
        table, types = self._table(statement)

        def case(column):
            whens = " ".join(f"WHEN {self._is(types, key, put)} THEN {put(types[column], to[column])}::{types[column]}"
                             for key, to in zip(statement["keys"], statement["to"]))
            return f"{quote(column)} = CASE {whens} END"

        return (f"UPDATE {qualified(table)} SET {', '.join(map(case, table['key']))}"
                + self._where(types, statement["keys"], put))

    def _truncate(self, statement, put):
        tables = ", ".join(qualified(self.tables[id]) for id in statement["tables"])
        return f"TRUNCATE {tables}" + (" CASCADE" if statement["cascade"] else "")

    def _table(self, statement):
        return self.tables[statement["table"]], self.types[statement["table"]]

    def _where(self, types, keys, put):
        if keys is None:
            return ""
        return " WHERE " + " OR ".join(f"({self._is(types, key, put)})" for key in keys)

    def _is(self, types, key, put):
        return " AND ".join(f"{quote(column)} = {put(types[column], value)}" for column, value in key.items())
