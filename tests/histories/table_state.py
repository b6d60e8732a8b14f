"""The rows that the tables hold, as PostgreSQL's text."""
from .conditions import of_table
from .schema import qualified, quote

SETTINGS = ("SET datestyle TO ISO; SET timezone TO 'UTC'; SET extra_float_digits TO 3; SET bytea_output TO hex; "
            "SET intervalstyle TO postgres; SET xmloption TO content")
# The transaction that wrote the row's present version.
VERSION = "xmin"


def read_rows(connection, tables, mapping):
    """By table's id: maps from column to text, all as of one moment; and from ("true", condition) to whether it is."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return {table["id"]: list(_rows(cursor, table, of_table(mapping["nodes"], mapping["relationships"], table["id"])))
                for table in tables}


def _rows(cursor, table, conditions):
    names = [column["name"] for column in table["columns"]]
    listed = ", ".join([*map(quote, names), VERSION, *(f"({condition}) IS TRUE" for condition in conditions)])
    # COPY gives what the types' output functions say; a cast to text would strip the blanks of char(n).
    with cursor.copy(f"COPY (SELECT {listed} FROM {qualified(table)}) TO STDOUT") as copy:
        for row in copy.rows():
            read = dict(zip([*names, VERSION], row))
            read.update({("true", condition): value == "t" for condition, value in zip(conditions, row[len(names) + 1:])})
            yield read
