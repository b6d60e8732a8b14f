"""Mapped tables that are altered, live and while pgweave is down: the rows of "When the schema changes" in docs/operations.md,
one by one. With writes before, in the same transaction, and after, the graph becomes equal to the tables as they are, or the
pipeline stops with the exit code and the words that the page promises, and what those say mends it.
"""
import dataclasses
import pathlib
import re

import psycopg
import pytest

import shop
from agreement import assert_agreement
from compare_graph import ForeignKey, Node, compare, same
from graph import CHECKPOINT, PLACEHOLDER
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Followed:
    """What pgweave follows by itself. `made` is tables of the row's own, `altered` the DDL with writes around it."""
    row: str
    made: str
    altered: str
    before: str = ""
    after: str = ""
    table: str = "t"
    key: tuple = ("id",)  # afterwards


FILL = "INSERT INTO t SELECT i, 'note ' || i, i FROM generate_series(1, 100) i;"
T = f"CREATE TABLE t (id int PRIMARY KEY, note text, other int NOT NULL); {FILL}"
PARTED = """
    CREATE TABLE t (id int NOT NULL, kind int NOT NULL, note text, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind);
    CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
    CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);
    INSERT INTO t SELECT i, 1 + i % 2, 'note ' || i FROM generate_series(1, 100) i;
"""
MOODS = f"CREATE TYPE mood AS ENUM ('sad', 'glad'); {T} ALTER TABLE t ADD mood mood DEFAULT 'sad';"

FOLLOWED = [
    Followed("a column is added", T,
             "UPDATE t SET note = 'then' WHERE id <= 10; ALTER TABLE t ADD added int DEFAULT 7, ADD rolled float8 "
             "DEFAULT random(); UPDATE t SET added = id WHERE id BETWEEN 5 AND 20; INSERT INTO t VALUES (101, 'new', 1, 8, 9)",
             before="UPDATE t SET other = 0 WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET added = NULL WHERE id = 30; DELETE FROM t WHERE id = 3"),
    Followed("a column is dropped", T,
             "UPDATE t SET note = 'then' WHERE id <= 10; ALTER TABLE t DROP note; UPDATE t SET other = 1 WHERE id < 20",
             before="UPDATE t SET note = 'before' WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET other = 5 WHERE id = 30; DELETE FROM t WHERE id = 3"),
    Followed("a column is renamed", T,
             "UPDATE t SET note = 'then' WHERE id <= 10; ALTER TABLE t RENAME note TO text; "
             "UPDATE t SET text = 'now' WHERE id BETWEEN 5 AND 20",
             before="UPDATE t SET note = NULL WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET text = 'after' WHERE id = 30; INSERT INTO t VALUES (101, 'new', 1)"),
    Followed("two columns exchange their names", f"{T} ALTER TABLE t ADD more text DEFAULT 'more';",
             "ALTER TABLE t RENAME note TO x; ALTER TABLE t RENAME more TO note; ALTER TABLE t RENAME x TO more; "
             "UPDATE t SET note = 'now' WHERE id BETWEEN 5 AND 20",
             before="UPDATE t SET note = 'before' WHERE id = 1",
             after="UPDATE t SET more = 'after' WHERE id = 30"),
    Followed("a column is retyped", T,
             "UPDATE t SET note = '1' WHERE id <= 10; ALTER TABLE t ALTER note TYPE int USING length(note), "
             "ALTER other TYPE text; UPDATE t SET note = 77, other = 'x' WHERE id BETWEEN 5 AND 20",
             before="UPDATE t SET note = 'before' WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET note = 1 WHERE id = 30; INSERT INTO t VALUES (101, 5, 'y')"),
    Followed("rows are rewritten by `ALTER TYPE ... USING`", T,
             "ALTER TABLE t ALTER other TYPE int USING other * 2; UPDATE t SET note = 'now' WHERE id < 20",
             before="UPDATE t SET other = 1000 WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="INSERT INTO t VALUES (101, 'new', 3)"),
    Followed("a column may be NULL, or no longer", T,
             "ALTER TABLE t ALTER other DROP NOT NULL; UPDATE t SET other = NULL WHERE id < 20; "
             "ALTER TABLE t ALTER note SET NOT NULL",
             before="UPDATE t SET other = 5 WHERE id = 1",
             after="UPDATE t SET other = 6 WHERE id = 2"),
    Followed("a column is dropped and added again", T,
             "UPDATE t SET note = 'then' WHERE id <= 10; ALTER TABLE t DROP note; ALTER TABLE t ADD note text; "
             "UPDATE t SET note = 'now' WHERE id BETWEEN 5 AND 20",
             before="UPDATE t SET note = 'before' WHERE id = 1",
             after="UPDATE t SET note = 'after' WHERE id = 30; INSERT INTO t VALUES (101, 1, 'new')"),
    Followed("a column is renamed, and renamed back", T,
             "ALTER TABLE t RENAME note TO text; UPDATE t SET text = 'between' WHERE id <= 10; "
             "ALTER TABLE t RENAME text TO note; UPDATE t SET note = 'now' WHERE id BETWEEN 5 AND 20",
             before="ALTER TABLE t RENAME note TO text; UPDATE t SET text = 'old' WHERE id > 90; "
                    "ALTER TABLE t RENAME text TO note",
             after="UPDATE t SET note = 'after' WHERE id = 30"),
    Followed("the primary key is another one", f"{T} ALTER TABLE t ADD code text; UPDATE t SET code = 'c' || id;",
             "ALTER TABLE t ALTER code SET NOT NULL; ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (code); "
             "UPDATE t SET code = 'd' || id WHERE id BETWEEN 5 AND 20; DELETE FROM t WHERE id = 21",
             before="UPDATE t SET id = 1000 WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET code = 'e', id = 1001 WHERE id = 30; INSERT INTO t VALUES (101, 'new', 1, 'f')",
             key=("code",)),
    Followed("a partition is attached", f"{PARTED} CREATE TABLE t3 (LIKE t); "
             "INSERT INTO t3 SELECT i, 3, 'three' FROM generate_series(1, 50) i;",
             "ALTER TABLE t ATTACH PARTITION t3 FOR VALUES IN (3); UPDATE t SET note = 'now' WHERE id <= 5; "
             "INSERT INTO t VALUES (200, 3, 'new')",
             before="UPDATE t SET note = 'before' WHERE id = 7; DELETE FROM t3 WHERE id = 9",
             after="DELETE FROM t WHERE id = 8; UPDATE t SET kind = 3, id = 300 WHERE id = 10 AND kind = 1", key=("kind", "id")),
    Followed("a partition is detached or dropped", f"{PARTED} CREATE TABLE t3 PARTITION OF t FOR VALUES IN (3); "
             "INSERT INTO t3 SELECT i, 3, 'three' FROM generate_series(1, 50) i;",
             "ALTER TABLE t DETACH PARTITION t2; UPDATE t2 SET note = 'not ours'; DROP TABLE t3; "
             "UPDATE t SET note = 'now' WHERE id <= 5",
             before="UPDATE t SET note = 'before' WHERE id = 7; UPDATE t SET kind = 2, id = 300 WHERE id = 10 AND kind = 1",
             after="DELETE FROM t WHERE id = 8; INSERT INTO t2 VALUES (400, 2, 'not ours')", key=("kind", "id")),
    Followed("a partition is made and filled", PARTED,
             "CREATE TABLE t3 PARTITION OF t FOR VALUES IN (3); INSERT INTO t SELECT i, 3, 'three' FROM generate_series(1, 50) i",
             after="UPDATE t SET note = 'after' WHERE id <= 5", key=("kind", "id")),
    Followed("a label is added to an enum", MOODS,
             "ALTER TYPE mood ADD VALUE 'calm'",
             before="UPDATE t SET mood = 'glad' WHERE id < 10",
             after="UPDATE t SET mood = 'calm' WHERE id BETWEEN 5 AND 20"),
    Followed("a label of an enum is renamed", MOODS,
             "UPDATE t SET mood = 'glad' WHERE id BETWEEN 10 AND 20; ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; "
             "UPDATE t SET mood = 'blue' WHERE id = 30",
             before="UPDATE t SET mood = 'glad' WHERE id < 10",
             after="UPDATE t SET mood = 'blue' WHERE id = 5"),
    Followed("the replica identity is FULL, or another index with the key", T,
             "ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET id = 1000 WHERE id = 10; "
             "CREATE UNIQUE INDEX both_columns ON t (id, other); ALTER TABLE t REPLICA IDENTITY USING INDEX both_columns; "
             "UPDATE t SET id = 1001 WHERE id = 11; UPDATE t SET other = 5 WHERE id = 12; DELETE FROM t WHERE id = 13",
             before="UPDATE t SET note = 'before' WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET id = 1002, other = 3 WHERE id = 14; DELETE FROM t WHERE id = 15"),
    Followed("the replica identity was an index without the key", T + "CREATE UNIQUE INDEX others ON t (other);",
             "UPDATE t SET note = 'now' WHERE id < 20; DELETE FROM t WHERE id = 3",
             before="ALTER TABLE t REPLICA IDENTITY USING INDEX others; UPDATE t SET id = 1000 WHERE id = 10; "
                    "UPDATE t SET other = 1000 WHERE id = 11; DELETE FROM t WHERE id = 12; "
                    "ALTER TABLE t REPLICA IDENTITY DEFAULT",
             after="UPDATE t SET id = 1002 WHERE id = 14"),
    Followed("the table has another owner", T + "CREATE ROLE {role};",
             "ALTER TABLE t OWNER TO {role}; UPDATE t SET note = 'now' WHERE id < 20",
             before="DELETE FROM t WHERE id = 3",
             after="UPDATE t SET id = 1002 WHERE id = 14"),
    Followed("the publication has another owner", T + "CREATE ROLE {role} SUPERUSER;",
             "ALTER PUBLICATION pgweave_e2e OWNER TO {role}; UPDATE t SET note = 'now' WHERE id < 20",
             before="DELETE FROM t WHERE id = 3",
             after="UPDATE t SET id = 1002 WHERE id = 14"),
]


def mapping_now(database, case):
    """Every column that the table has by now, since the mapping lists none."""
    columns = [name for (name,) in database.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [case.table])]
    return [Node("T", case.table, case.key, same(*columns))]


@pytest.fixture
def role(database):
    """The name of a role that a test may make."""
    name = f"{database.name}_role"
    yield name
    database.execute(f"DO $$ BEGIN IF to_regrole('{name}') IS NOT NULL THEN "
                     f"REASSIGN OWNED BY {name} TO current_user; DROP OWNED BY {name}; DROP ROLE {name}; END IF; END $$")


def agree_soon(pgweave, database, graph, mapping):
    """Some of it is seen only when the tables are looked at again, which is not when the WAL has been applied."""
    pgweave.catch_up()

    def agreed():
        assert pgweave.running, f"pgweave ended with {pgweave.process.poll()}. Its log:\n{pgweave.log}"
        return not compare(database, graph, mapping())

    try:
        wait_until(agreed, timeout_s=120, what="both sides agree")
    except AssertionError as error:
        raise AssertionError(f"{error}: {compare(database, graph, mapping())}. The log:\n{pgweave.log}") from None
    assert_agreement(pgweave, database, graph, mapping())


@pytest.mark.parametrize("when", ["live", "down"])
@pytest.mark.parametrize("case", FOLLOWED, ids=lambda case: case.row)
def test_followed(pgweave, database, graph, role, case, when):
    database.execute(case.made.replace("{role}", role))
    pgweave.map("nodes: {T: {table: t}}\n")
    pgweave.start_and_catch_up()
    if when == "down":
        pgweave.kill()
    for statements in (case.before, case.altered.replace("{role}", role), case.after):
        if statements:
            database.execute(statements)
    if when == "down":
        pgweave.start()
    agree_soon(pgweave, database, graph, lambda: mapping_now(database, case))
    assert graph.value("MATCH (d:_PgweaveDeadLetter) RETURN count(d)") == 0
    assert pgweave.terminate() == 0


# What stops it, since a person has to say what is meant.

@dataclasses.dataclass(frozen=True)
class Stopped:
    """`words` are in its last words. `mended` is SQL, `mapping` a change of the mapping (from, to), `commands` what else
    the words say, in this order."""
    row: str
    altered: str
    exit_code: int
    words: tuple
    mended: str = ""
    mapping: tuple = ()
    commands: tuple = ()
    start: tuple = ()
    after: tuple = tuple(shop.MAPPING)


def order(*names, table="orders"):
    return Node("Order", table, ("id",), same(*names))


PLACED_BY = ForeignKey("PLACED_BY", "Order", ("customer_id",), "Customer")
CUSTOMER = Node("Customer", "customers", ("id",), same("id", "name"))
ANEW = ("--resnapshot",)

STOPPED = [
    Stopped("a column that the mapping names is dropped", "ALTER TABLE orders DROP total", 65,
            ("column total was dropped", "take column total out of the mapping", "missing_columns: leave_out", "[id, total]"),
            mapping=("[id, total]", "[id]"), commands=(("apply",),), after=(CUSTOMER, order("id"), PLACED_BY)),
    Stopped("a column that the mapping names is dropped, and added again", "ALTER TABLE orders DROP total", 65,
            ("column total was dropped", "add it to the table again"),
            mended="ALTER TABLE orders ADD total bigint DEFAULT 5"),
    Stopped("a column that the mapping names is renamed", "ALTER TABLE orders RENAME total TO amount", 65,
            ("column total is named amount now", "write amount instead of total"),
            mapping=("[id, total]", "{id: , total: amount}"), commands=(("apply",),),
            after=(CUSTOMER, Node("Order", "orders", ("id",), {"id": "id", "total": "amount"}), PLACED_BY)),
    Stopped("a column of a relationship is dropped", "ALTER TABLE orders DROP customer_id", 65,
            ("column customer_id was dropped", 'no column "customer_id"'),
            mapping=("      PLACED_BY: {to: Customer, column: customer_id}", "      {}"), commands=(("apply",),),
            after=(CUSTOMER, order("id", "total"))),
    Stopped("the primary key is dropped", "ALTER TABLE orders DROP CONSTRAINT orders_pkey", 65,
            ("its primary key is another one", "has no primary key", "PostgreSQL refuses every UPDATE and DELETE of it",
             'ALTER TABLE "public"."orders" ADD PRIMARY KEY'),
            mended="ALTER TABLE orders ADD PRIMARY KEY (id)"),
    Stopped("the replica identity is NOTHING", "ALTER TABLE orders REPLICA IDENTITY NOTHING", 65,
            ("its replica identity is NOTHING now", "PostgreSQL refuses every UPDATE and DELETE of it",
             'ALTER TABLE "public"."orders" REPLICA IDENTITY DEFAULT;'),
            mended="ALTER TABLE orders REPLICA IDENTITY DEFAULT"),
    Stopped("a table is renamed", "ALTER TABLE orders RENAME TO purchases", 65,
            ("public.orders: the table is public.purchases now", "write `table: public.purchases` in the mapping"),
            mapping=("table: orders", "table: public.purchases"),
            after=(CUSTOMER, order("id", "total", table="purchases"), PLACED_BY)),
    Stopped("a table is moved to another schema", "CREATE SCHEMA sales; ALTER TABLE orders SET SCHEMA sales", 65,
            ("public.orders: the table is sales.orders now", "write `table: sales.orders` in the mapping"),
            mapping=("table: orders", "table: sales.orders"),
            after=(CUSTOMER, order("id", "total", table="sales.orders"), PLACED_BY)),
    Stopped("a table is dropped", "DROP TABLE orders", 65,
            ("public.orders: the table was dropped", "take it out of the mapping", 'there is no table "public.orders"'),
            mapping=(shop.YAML[shop.YAML.index("  Order:"):], ""), commands=(("apply",),), after=(CUSTOMER,)),
    Stopped("a table is dropped and made again",
            "DROP TABLE orders; CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, "
            "total bigint NOT NULL); INSERT INTO orders VALUES (1, 1, 1), (9001, 2, 2)", 74,
            ("dropped and made again", "pgweave apply", "pgweave run --resnapshot"),
            commands=(("apply",),), start=ANEW),
    Stopped("a table becomes a partition of another one",
            "CREATE TABLE all_orders (LIKE orders) PARTITION BY RANGE (id); "
            "ALTER TABLE all_orders ADD FOREIGN KEY (customer_id) REFERENCES customers; "
            "ALTER TABLE all_orders ATTACH PARTITION orders DEFAULT", 65,
            ("public.orders: the table was dropped, or made a partition",),
            mended="ALTER TABLE all_orders DETACH PARTITION orders"),
    Stopped("a table is taken out of the publication",
            "ALTER PUBLICATION pgweave_e2e DROP TABLE orders; UPDATE orders SET total = 1", 74,
            ("does not publish table public.orders", "pgweave apply", "pgweave run --resnapshot"),
            commands=(("apply",),), start=ANEW),
    Stopped("the publication is dropped", "DROP PUBLICATION pgweave_e2e; UPDATE orders SET total = 1", 74,
            ("pgweave_e2e", "pgweave apply", "pgweave run --resnapshot"), commands=(("apply",),), start=ANEW),
    Stopped("the publication leaves out operations",
            "ALTER PUBLICATION pgweave_e2e SET (publish = 'insert, update'); DELETE FROM orders WHERE id > 1900", 74,
            ("does not publish all of insert, update, delete, truncate", "pgweave run --resnapshot"),
            mended="ALTER PUBLICATION pgweave_e2e SET (publish = 'insert, update, delete, truncate')", start=ANEW),
    Stopped("the publication leaves out rows or columns",
            "ALTER PUBLICATION pgweave_e2e SET TABLE customers, orders WHERE (id > 5); UPDATE orders SET total = 1", 74,
            ("leaves out of table public.orders rows, by a row filter", "pgweave apply", "pgweave run --resnapshot"),
            commands=(("apply",),), start=ANEW),
    Stopped("the publication leaves out columns",
            "ALTER PUBLICATION pgweave_e2e SET TABLE customers, orders (id, customer_id); UPDATE orders SET total = 1", 74,
            ("leaves out of table public.orders mapped columns, by a column list", "pgweave apply"),
            commands=(("apply",),), start=ANEW),
]


@pytest.mark.parametrize("when", ["live", "down"])
@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case.row)
def test_stopped(pgweave, database, graph, case, when):
    """It says what happened and what to do; what it says mends it, with all that was written meanwhile."""
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML)
    pgweave.start_and_catch_up()
    if when == "down":
        pgweave.kill()
    database.execute("UPDATE customers SET name = 'before' WHERE id < 10; UPDATE orders SET total = 7 WHERE id < 10",
                     "UPDATE customers SET name = 'then' WHERE id < 5; " + case.altered,
                     "UPDATE customers SET name = 'after' WHERE id < 3; INSERT INTO customers VALUES (5000, 'new')")
    if when == "down":
        pgweave.start()
    assert pgweave.expect_exit() == case.exit_code, pgweave.log
    last_words = pgweave.log[pgweave.log.rindex("pgweave: "):]
    for word in case.words:
        assert word in last_words
    assert_not_well(pgweave)
    # It stays so until somebody has done something.
    pgweave.start()
    assert pgweave.expect_exit() == case.exit_code, pgweave.log
    if case.mended:
        database.execute(case.mended)
    if case.mapping:
        assert case.mapping[0] in pgweave.mapping_file.read_text()
        pgweave.mapping_file.write_text(pgweave.mapping_file.read_text().replace(*case.mapping))
    for command in case.commands:
        done = pgweave.command(*command)
        assert done.rc == 0, done.stderr
    pgweave.start(*case.start)
    agree_soon(pgweave, database, graph, lambda: case.after)
    database.execute("UPDATE customers SET name = 'at last' WHERE id = 1")
    agree_soon(pgweave, database, graph, lambda: case.after)
    assert pgweave.terminate() == 0


def assert_not_well(pgweave):
    result = pgweave.command("--json", "status")
    assert result.rc != 0
    assert result.rc != 1 or result.json["state"] not in ("streaming", "stopped")
