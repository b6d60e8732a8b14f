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
from graph import PLACEHOLDER
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
    Followed("a column is renamed", T,
             "UPDATE t SET note = 'then', id = 1000 WHERE id = 10; ALTER TABLE t RENAME id TO number; "
             "UPDATE t SET number = 1001 WHERE number = 11; DELETE FROM t WHERE number = 12",
             before="UPDATE t SET id = 1002 WHERE id = 1; DELETE FROM t WHERE id = 2",
             after="UPDATE t SET number = 1003 WHERE number = 30; INSERT INTO t VALUES (101, 'new', 1)", key=("number",)),
    Followed("a column is added", T, "ALTER TABLE t ADD added int", before="UPDATE t SET other = 0 WHERE id = 1",
             after="UPDATE t SET added = 4 WHERE id = 30"),
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
    Followed("a partition is detached, written to and attached again", PARTED,
             "ALTER TABLE t DETACH PARTITION t2; UPDATE t2 SET note = 'away' WHERE id <= 10; DELETE FROM t2 WHERE id = 11; "
             "INSERT INTO t2 VALUES (500, 2, 'away'); ALTER TABLE t ATTACH PARTITION t2 FOR VALUES IN (2)",
             before="UPDATE t SET note = 'before' WHERE id = 7; UPDATE t SET kind = 2, id = 300 WHERE id = 10 AND kind = 1",
             after="DELETE FROM t WHERE id = 8; INSERT INTO t VALUES (400, 2, 'new')", key=("kind", "id")),
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


def node_now(database, case, label="T", table="t"):
    """Every column that the table has by now, since the mapping lists none."""
    columns = [name for (name,) in database.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table])]
    return Node(label, table, case.key, same(*columns))


@pytest.fixture
def role(database):
    """The name of a role that a test may make, or the beginning of several."""
    name = f"{database.name}_role"
    yield name
    for (made,) in database.query("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{name}%"]):
        database.execute(f"REASSIGN OWNED BY {made} TO current_user; DROP OWNED BY {made}; DROP ROLE {made}")


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


def dead_letters(graph):
    return graph.query("MATCH (d:_PgweaveDeadLetter) RETURN d.table AS t, d.message AS m")


@pytest.mark.sampled(7)
@pytest.mark.parametrize("case", FOLLOWED, ids=lambda case: case.row)
def test_followed_from_behind(pgweave, database, graph, role, case):
    """Everything happened while pgweave was down."""
    database.execute(case.made.replace("{role}", role))
    pgweave.map("nodes: {T: {table: t}}\n")
    pgweave.start_and_catch_up()
    pgweave.kill()
    for statements in (case.before, case.altered.replace("{role}", role), case.after):
        if statements:
            database.execute(statements)
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: [node_now(database, case)])
    assert dead_letters(graph) == []
    assert pgweave.terminate() == 0


def test_followed_live(pgweave, database, graph, role):
    """All of it, one after the other, each with a table of its own and none waiting for pgweave."""
    def execute(number, statements):
        database.execute(f"SET search_path TO s{number}", statements.replace("{role}", f"{role}{number}"))

    for number, case in enumerate(FOLLOWED):
        database.execute(f"CREATE SCHEMA s{number}")
        execute(number, case.made)
    pgweave.map("nodes:\n" + "".join(f"  L{number}: {{table: s{number}.t}}\n" for number in range(len(FOLLOWED))))
    pgweave.start_and_catch_up()
    for number, case in enumerate(FOLLOWED):
        for statements in (case.before, case.altered, case.after):
            if statements:
                execute(number, statements)
    agree_soon(pgweave, database, graph,
               lambda: [node_now(database, case, f"L{number}", f"s{number}.t") for number, case in enumerate(FOLLOWED)])
    assert dead_letters(graph) == []
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
    Stopped("a column that the mapping names is renamed",
            "ALTER TABLE orders DROP unmapped; ALTER TABLE orders RENAME total TO amount", 65,
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
    Stopped("the publication leaves out rows or columns",
            "ALTER PUBLICATION pgweave_e2e SET TABLE customers, orders (id, customer_id); UPDATE orders SET total = 1", 74,
            ("leaves out of table public.orders mapped columns, by a column list", "pgweave apply"),
            commands=(("apply",),), start=ANEW),
]


@pytest.mark.sampled(11)
@pytest.mark.parametrize("when", ["live", "down"])
@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case.row)
def test_stopped(pgweave, database, graph, case, when):
    """It says what happened and what to do; what it says mends it, with all that was written meanwhile."""
    database.execute(shop.TABLES, "ALTER TABLE orders ADD unmapped int")
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


def test_the_page_has_these_rows_and_no_others():
    page = (ROOT / "docs" / "operations.md").read_text()
    page = page[page.index("## When the schema changes"):page.index("## Rows that cannot be written")]
    rows = [row for row in re.findall(r"^\| (.+?) \|", page, re.MULTILINE) if row != "what happens"]
    tested = {case.row for case in (*FOLLOWED, *STOPPED)} | {"a foreign key is dropped or added"}
    assert sorted(rows) == sorted(tested)


# By choice.

@pytest.fixture
def shop_tables(database, pgweave):
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML)


def last_words(pgweave):
    return pgweave.log[pgweave.log.rindex("pgweave: "):]


@pytest.mark.sampled(0)
@pytest.mark.parametrize("when", ["live", "down"])
def test_a_property_that_has_lost_its_column_is_left_out(shop_tables, pgweave, database, graph, when):
    pgweave.map(shop.YAML + "stream: {missing_columns: leave_out}\n")
    pgweave.start_and_catch_up()
    graph.query("MATCH (o:Order {id: 1}) SET o.mine = 'graph-only'")
    if when == "down":
        pgweave.kill()
    database.execute("UPDATE orders SET total = 3 WHERE id < 10; ALTER TABLE orders DROP total; "
                     "UPDATE orders SET customer_id = 5 WHERE id < 5")
    if when == "down":
        pgweave.start()
    without = [CUSTOMER, order("id"), PLACED_BY]
    agree_soon(pgweave, database, graph, lambda: without)
    assert graph.value("MATCH (o:Order) WHERE o.total IS NOT NULL RETURN count(o)") == 0
    assert graph.node("Order", id=1)["mine"] == "graph-only"
    words = "property total: table public.orders has no column total"
    assert "warn" in pgweave.log[:pgweave.log.index(f"left out: {words}")].splitlines()[-1]
    status = pgweave.command("--json", "status")
    assert (status.rc, status.json["left_out"]) == (0, [words])
    assert words in pgweave.command("status").stdout
    assert words in pgweave.command("check").stdout
    # It comes back by itself.
    database.execute("ALTER TABLE orders ADD total bigint DEFAULT 11; UPDATE orders SET total = 12 WHERE id = 3")
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)
    assert pgweave.command("--json", "status").json["left_out"] == []
    # Columns of keys and relationships are not left out.
    database.execute("ALTER TABLE orders DROP customer_id")
    assert pgweave.expect_exit() == 65
    assert "column customer_id was dropped" in last_words(pgweave)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("when", ["live", "down"])
@pytest.mark.parametrize("altered, words, mended", [
    ("ALTER TABLE customers ADD note text DEFAULT 'new'", "public.customers: column note was added", "apply"),
    ("ALTER TABLE orders ALTER total TYPE bigint USING -total", "public.orders: its rows were rewritten", "follow"),
], ids=["another plan", "other rows"])
def test_stop_at_any_change(shop_tables, pgweave, database, graph, when, altered, words, mended):
    pgweave.map(shop.YAML + "stream: {schema_changes: stop}\n")
    pgweave.start_and_catch_up()
    if when == "down":
        pgweave.kill()
    # What the graph does not depend on stops nothing.
    database.execute("ALTER TABLE orders ADD unmapped text; CREATE INDEX ON orders (total)")
    if when == "down":
        pgweave.start()
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)
    database.execute(f"UPDATE customers SET name = 'then'; {altered}; UPDATE orders SET total = 5 WHERE id < 10")
    assert pgweave.expect_exit() == 74
    for word in (words, "the mapping says to stop then", "schema_changes: follow"):
        assert word in last_words(pgweave)
    before = graph.dump()
    pgweave.start()
    assert pgweave.expect_exit() == 74
    assert graph.dump() == before
    if mended == "apply":
        assert "pgweave apply" in last_words(pgweave)
        done = pgweave.command("apply")
        assert done.rc == 0, done.stderr
    else:
        pgweave.map(shop.YAML + "stream: {schema_changes: follow}\n")
    pgweave.start()
    columns = ("id", "name", "note") if mended == "apply" else ("id", "name")
    agree_soon(pgweave, database, graph,
               lambda: [Node("Customer", "customers", ("id",), same(*columns)), *shop.MAPPING[1:]])


# What stays as it was.

@pytest.mark.sampled(0)
def test_a_renamed_table_is_not_loaded_anew(shop_tables, pgweave, database, graph):
    pgweave.start_and_catch_up()
    graph.query("MATCH (o:Order) SET o.mine = 'graph-only'")
    database.execute("ALTER TABLE orders RENAME TO purchases; UPDATE purchases SET total = 5 WHERE id < 10")
    assert pgweave.expect_exit() == 65
    before = graph.dump()
    pgweave.map(shop.YAML.replace("table: orders", "table: purchases"))
    said = len(pgweave.log)
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: [CUSTOMER, order("id", "total", table="purchases"), PLACED_BY])
    assert "loading" not in pgweave.log[said:]
    assert [node[0] for node in graph.dump()["nodes"]] == [node[0] for node in before["nodes"]]
    assert graph.value("MATCH (o:Order {mine: 'graph-only'}) RETURN count(o)") == 2000


@pytest.mark.sampled(0)
@pytest.mark.parametrize("old, new, key", [("name", "title", "id"), ("id", "number", "number")])
def test_a_renamed_column_is_renamed_in_the_graph(shop_tables, pgweave, database, graph, old, new, key):
    pgweave.start_and_catch_up()
    nodes = [node[0] for node in graph.dump()["nodes"]]
    columns = [new if name == old else name for name in ("id", "name")]
    database.execute(f"ALTER TABLE customers RENAME {old} TO {new}")
    agree_soon(pgweave, database, graph, lambda: [Node("Customer", "customers", (key,), same(*columns)), *shop.MAPPING[1:]])
    assert f"public.customers: column {old} is named {new} now" in pgweave.log
    assert "loading" not in pgweave.log
    assert graph.value(f"MATCH (c:Customer) WHERE c.{old} IS NOT NULL RETURN count(c)") == 0
    assert [node[0] for node in graph.dump()["nodes"]] == nodes


# Relationships whose ends may be missing from now on, or may not.

@pytest.mark.sampled(0)
@pytest.mark.parametrize("when", ["live", "down"])
def test_a_foreign_key_is_dropped_or_added(shop_tables, pgweave, database, graph, when):
    def alter(*statements):
        if when == "down":
            pgweave.kill()
        database.execute(*statements)
        if when == "down":
            pgweave.start()
        # The judge knows from the tables which customers are missing.
        agree_soon(pgweave, database, graph, lambda: shop.MAPPING)

    pgweave.start_and_catch_up()
    alter("ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey; DELETE FROM customers WHERE id <= 3; "
          "INSERT INTO orders VALUES (5001, 777777, 1)")
    assert graph.value(f"MATCH (c:Customer:{PLACEHOLDER}) RETURN count(c)") == 4
    alter("DELETE FROM orders WHERE id = 5001; INSERT INTO customers SELECT i, 'back' FROM generate_series(1, 3) i; "
          "ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (customer_id) REFERENCES customers NOT VALID; "
          "DELETE FROM orders WHERE id = 1",
          "ALTER TABLE orders VALIDATE CONSTRAINT again; UPDATE orders SET customer_id = 1 WHERE id = 4")
    assert graph.value(f"MATCH (c:{PLACEHOLDER}) RETURN count(c)") == 0


# Rights.

@pytest.fixture
def as_a_role(shop_tables, pgweave, database, role):
    """pgweave logs in as a role with just the rights that it needs."""
    database.execute(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'secret'; GRANT CREATE ON DATABASE {database.name} TO {role}; "
                     f"ALTER TABLE customers OWNER TO {role}; ALTER TABLE orders OWNER TO {role}; "
                     f"GRANT ALL ON SCHEMA public TO {role}")
    owner = psycopg.conninfo.conninfo_to_dict(database.url)
    pgweave.environment["PGWEAVE_PG_URL"] = psycopg.conninfo.make_conninfo(**{**owner, "user": role, "password": "secret"})
    pgweave.start_and_catch_up()
    return role


@pytest.mark.sampled(0)
def test_select_is_revoked(as_a_role, pgweave, database, graph):
    """Changes need no SELECT, so they go on; a load and verify do."""
    database.execute("ALTER TABLE orders OWNER TO current_user; UPDATE orders SET total = 5 WHERE id < 10")
    wait_until(lambda: "may not read public.orders any more" in pgweave.log, what="it is said")
    assert f'GRANT SELECT ON "public"."orders" TO "{as_a_role}"' in pgweave.log
    pgweave.catch_up()
    assert compare(database, graph, shop.MAPPING) == []
    verified = pgweave.command("verify")
    assert verified.rc == 77 and "orders" in verified.stderr
    database.execute("ALTER TABLE orders ALTER total TYPE bigint USING -total")
    assert pgweave.expect_exit() == 77
    assert "permission denied for table orders" in last_words(pgweave)
    database.execute(f"GRANT SELECT ON orders TO {as_a_role}")
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)


@pytest.mark.sampled(0)
def test_replication_is_revoked(as_a_role, pgweave, database, graph):
    """PostgreSQL asks for it when a connection is made."""
    database.execute(f"ALTER ROLE {as_a_role} NOREPLICATION; UPDATE orders SET total = 5 WHERE id < 10")
    wait_until(lambda: f"role {as_a_role} has lost REPLICATION" in pgweave.log, what="it is said")
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)
    pgweave.kill()
    database.execute("UPDATE orders SET total = 6 WHERE id < 20")
    pgweave.start()
    assert pgweave.expect_exit() == 77
    checked = pgweave.command("check")
    assert checked.rc == 1 and "REPLICATION" in checked.stdout
    database.execute(f"ALTER ROLE {as_a_role} REPLICATION")
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)


# Killed on the way: what has to be loaded anew is known until it is loaded, whatever the tables look like by then.

@pytest.mark.sampled(6)
@pytest.mark.parametrize("side, pattern", [
    ("neo4j", rb"SET c\.reload = \$reload"),
    ("neo4j", rb"c\.mappings = coalesce"),
    ("postgres", rb"COPY \(SELECT"),
    ("neo4j", rb"SET c\.tables = \$tables"),
], ids=["before it is noted", "before it begins", "before the load", "before it is over"])
@pytest.mark.parametrize("case", [case for case in FOLLOWED if case.row in (
    "a column is renamed, and renamed back", "a column is retyped", "a partition is detached or dropped")],
    ids=lambda case: case.row)
def test_killed_on_the_way(pgweave, database, graph, postgres_network, neo4j_network, case, side, pattern):
    database.execute(case.made)
    pgweave.map("nodes: {T: {table: t}}\n")
    pgweave.start_and_catch_up()
    pgweave.kill()
    database.execute(case.before, case.altered)
    gate = {"postgres": postgres_network, "neo4j": neo4j_network}[side].gate(pattern)
    pgweave.start()
    gate.wait_until_reached()
    pgweave.kill()
    gate.drop()
    database.execute(case.after)
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: [node_now(database, case)])


@pytest.mark.sampled(0)
def test_undone_while_it_was_down(pgweave, database, graph, postgres_network):
    """Rows of the partition were streamed while it was there, and it is gone before they are loaded."""
    case = next(case for case in FOLLOWED if case.row == "a partition is attached")
    database.execute(case.made)
    pgweave.map("nodes: {T: {table: t}}\n")
    pgweave.start_and_catch_up()
    pgweave.kill()
    database.execute(case.altered)
    gate = postgres_network.gate(rb"COPY \(SELECT")
    pgweave.start()
    gate.wait_until_reached()
    pgweave.kill()
    gate.drop()
    assert graph.node("T", kind=3, id=200)
    database.execute("ALTER TABLE t DETACH PARTITION t3")
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: [node_now(database, case)])


def test_only_the_new_partition_is_loaded(pgweave, database, graph):
    """However deep it is; and where one went, nothing is loaded."""
    database.execute("CREATE TABLE t (id bigint, kind int, note text, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind); "
                     "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE deep PARTITION OF t FOR VALUES IN (2, 3) "
                     "PARTITION BY RANGE (id); CREATE TABLE deep1 PARTITION OF deep FOR VALUES FROM (0) TO (1000); "
                     "INSERT INTO t SELECT i, 1, 'one' FROM generate_series(1, 500) i; "
                     "INSERT INTO t SELECT i, 2, 'two' FROM generate_series(1, 500) i; "
                     "CREATE TABLE deep2 (LIKE deep); INSERT INTO deep2 SELECT i, 3, 'new' FROM generate_series(1001, 1030) i")
    pgweave.map("nodes: {T: {table: t}}\n")
    pgweave.start_and_catch_up()
    database.execute("ALTER TABLE deep ATTACH PARTITION deep2 FOR VALUES FROM (1000) TO (2000); "
                     "UPDATE t SET note = 'now' WHERE id = 1001")
    node = Node("T", "t", ("kind", "id"), same("id", "kind", "note"))
    agree_soon(pgweave, database, graph, lambda: [node])
    assert "snapshot: 30 rows" in pgweave.log
    database.execute("DROP TABLE deep1")
    agree_soon(pgweave, database, graph, lambda: [node])
    assert "snapshot: 0 rows" in pgweave.log


@pytest.mark.sampled(0)
def test_row_security_hides_rows(as_a_role, pgweave, database, graph):
    """What a load does not see it would delete."""
    database.execute("ALTER TABLE orders OWNER TO current_user; "
                     f"GRANT SELECT ON orders TO {as_a_role}; ALTER TABLE orders ENABLE ROW LEVEL SECURITY; "
                     f"CREATE POLICY few ON orders FOR SELECT TO {as_a_role} USING (id < 10); "
                     "ALTER TABLE orders ALTER total TYPE bigint USING -total")
    assert pgweave.expect_exit() == 77
    assert "row-level security" in last_words(pgweave)
    assert graph.count("Order") == 2000
    database.execute(f"ALTER ROLE {as_a_role} BYPASSRLS")
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: shop.MAPPING)


# While tables are being loaded.

@pytest.mark.sampled(0)
@pytest.mark.parametrize("altered", [
    "ALTER TABLE orders RENAME total TO amount; ALTER TABLE orders ADD total bigint DEFAULT 5",
    "ALTER TABLE orders ALTER total TYPE bigint USING total * 2",
    "ALTER TABLE customers DROP name; ALTER TABLE customers ADD title text DEFAULT 'new'",
], ids=["another column of that name", "rows rewritten", "a column dropped"])
@pytest.mark.parametrize("load", ["first", "later"])
def test_altered_while_it_is_loaded(shop_tables, pgweave, database, graph, postgres_network, altered, load):
    """The snapshot was taken, and the COPY comes when the table is another one: after a rewrite it even looks empty."""
    if load == "later":
        pgweave.start_and_catch_up()
        pgweave.kill()
        database.execute("ALTER TABLE orders ALTER total TYPE bigint USING total + 1; "
                         "ALTER TABLE customers ALTER name TYPE text USING name || '!'")
    gate = postgres_network.gate(rb'COPY \(SELECT')
    pgweave.start()
    gate.wait_until_reached()
    database.execute(altered)
    gate.open()
    node = dataclasses.replace(CUSTOMER, properties=same("id", "title" if "title" in altered else "name"))
    agree_soon(pgweave, database, graph, lambda: [node, *shop.MAPPING[1:]])
    assert dead_letters(graph) == []


@pytest.mark.sampled(0)
def test_apply_meets_rows_that_the_plan_cannot_read(shop_tables, pgweave, database, graph):
    """It begins again with their table among those that are loaded, as the daemon does."""
    pgweave.start_and_catch_up()
    pgweave.kill()
    database.execute("ALTER TABLE customers RENAME name TO x; UPDATE customers SET x = 'between'; "
                     "ALTER TABLE customers RENAME x TO name; ALTER TABLE orders ADD note text DEFAULT 'new'")
    pgweave.map(shop.YAML.replace("[id, total]", "[id, total, note]"))
    done = pgweave.command("apply")
    assert done.rc == 0, done.stderr
    assert "there was no column name" in done.stderr
    mapping = [CUSTOMER, order("id", "total", "note"), PLACED_BY]
    assert compare(database, graph, mapping) == []
    pgweave.start()
    agree_soon(pgweave, database, graph, lambda: mapping)
