"""What users of other tools complain about, a test each (or a few), by the number that the complaint has in our list:
lost rows, silent gaps, placeholders in the data, one bad row that stops everything, and outages that are taken for bad rows.
"""
import pytest

import shop
from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, compare, same
from graph import PLACEHOLDER
from load import Load
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("streaming")

DEAD_LETTER = "_PgweaveDeadLetter"
COPY_CUSTOMERS = rb'COPY .*"customers"'
COPY_ORDERS = rb'COPY .*"orders"'
START_STREAM = rb"START_REPLICATION"


@pytest.fixture
def tables(database, pgweave):
    """The shop, mapped, and nothing running yet."""
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML)


@pytest.fixture
def streaming(tables, pgweave):
    pgweave.start_and_catch_up()
    return pgweave


def agree(pgweave, database, graph):
    assert_agreement(pgweave, database, graph, shop.MAPPING)


def assert_stopped_with_74(pgweave, *words):
    assert pgweave.expect_exit() == 74, pgweave.log
    last_words = pgweave.log[pgweave.log.rindex("pgweave: "):]
    for word in (*words, "pgweave run --resnapshot"):
        assert word in last_words


def assert_not_green(pgweave):
    result = pgweave.command("--json", "status")
    assert result.rc == 1
    assert result.json["state"] not in ("streaming", "stopped")


def load_anew(pgweave, database, graph):
    """What every such message says that one should do."""
    assert pgweave.command("apply").rc == 0
    pgweave.start("--resnapshot")
    agree(pgweave, database, graph)
    assert pgweave.terminate() == 0


# 1: silent loss on restart with transactions in progress at the snapshot.

@pytest.mark.parametrize("killed_while", [None, "copying", "streaming"])
def test_complaint_01_transactions_in_progress_at_the_snapshot(tables, postgres_network, pgweave, database, graph, killed_while):
    copy = postgres_network.gate(COPY_ORDERS)
    with database.connect() as before, database.connect() as meanwhile, database.connect() as during, \
            database.connect() as late:
        before.execute("BEGIN; UPDATE customers SET name = 'before' WHERE id = 1")
        pgweave.start()
        # To be consistent the slot has to see the end of what is in progress, and then of what has begun since.
        wait_until(lambda: database.query("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [pgweave.slot]))
        meanwhile.execute("BEGIN; UPDATE customers SET name = 'meanwhile' WHERE id = 2")
        before.execute("COMMIT")
        meanwhile.execute("COMMIT")
        copy.wait_until_reached()
        during.execute("BEGIN; UPDATE customers SET name = 'during' WHERE id = 3; INSERT INTO orders VALUES (9001, 3, 1)")
        late.execute("BEGIN; UPDATE customers SET name = 'late' WHERE id = 4; INSERT INTO orders VALUES (9002, 4, 1)")
        during.execute("COMMIT")
        if killed_while == "copying":
            pgweave.kill()
            copy.drop()
            pgweave.start()
        copy.open()
        if killed_while == "copying":
            # The new slot waits for what is in progress, too.
            wait_until(lambda: "begins anew" in pgweave.log, what="the second load begins")
        else:
            pgweave.catch_up()
        if killed_while == "streaming":
            pgweave.kill()
        late.execute("COMMIT")
        if killed_while == "streaming":
            pgweave.start()
    agree(pgweave, database, graph)
    for number, name in enumerate(("before", "meanwhile", "during", "late"), 1):
        assert graph.node("Customer", id=number)["name"] == name


# 2: rows that share one LSN (COPY, multi-row INSERT) lost on restart.

def copy_rows(database, first, count):
    with database.connection.cursor() as cursor, cursor.copy("COPY customers FROM STDIN") as copy:
        for number in range(first, first + count):
            copy.write_row((number, "copied"))


def insert_rows(database, first, count):
    database.execute(f"INSERT INTO customers SELECT i, 'inserted' FROM generate_series({first}, {first + count - 1}) i")


@pytest.mark.parametrize("write", [copy_rows, insert_rows])
@pytest.mark.parametrize("transaction_size", ["64MiB", "128KiB"])
def test_complaint_02_rows_that_share_one_lsn(database, pgweave, graph, write, transaction_size):
    """Whole, and in pieces: then the kill is seen to come in between."""
    count = 20_000
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML + f"stream: {{transaction_size: {transaction_size}, batch_rows: 500}}\n")
    pgweave.start_and_catch_up()
    killed_within = 0
    for first in (100_000, 200_000):
        write(database, first, count)
        wait_until(lambda: transaction_size == "64MiB" or arrived(graph, first) > 0, what="the first piece")
        pgweave.kill()
        graph.wait_until_quiet()
        killed_within += 0 < arrived(graph, first) < count
        if transaction_size == "64MiB":
            assert arrived(graph, first) in (0, count)
        pgweave.start()
        wait_until(lambda: arrived(graph, first) > 0, what="the first piece")
        pgweave.kill()
        pgweave.start()
    agree(pgweave, database, graph)
    assert graph.count("Customer") == 1000 + 2 * count
    assert killed_within > 0 or transaction_size == "64MiB"


def arrived(graph, first):
    return graph.value("MATCH (n:Customer) WHERE $first <= n.id < $first + 100000 RETURN count(n)", first=first)


# 3: parallel snapshot connections not pinned to the exported snapshot.

def test_complaint_03_all_tables_are_copied_as_of_one_moment(tables, postgres_network, pgweave, database, graph):
    customers, orders, stream = (postgres_network.gate(pattern) for pattern in (COPY_CUSTOMERS, COPY_ORDERS, START_STREAM))
    pgweave.start()
    customers.wait_until_reached()
    orders.wait_until_reached()
    # Each connection would see one of these transactions, or a part of it, if it read for itself.
    database.execute("INSERT INTO customers VALUES (5001, 'new'); INSERT INTO orders VALUES (5001, 5001, 1); "
                     "UPDATE customers SET name = 'changed' WHERE id = 1")
    customers.open()
    wait_until(lambda: graph.count("Customer") == 1000, what="the customers are copied")
    database.execute("INSERT INTO customers VALUES (5002, 'new'); INSERT INTO orders VALUES (5002, 5002, 1); "
                     "DELETE FROM orders WHERE customer_id = 7; DELETE FROM customers WHERE id = 7")
    orders.open()
    stream.wait_until_reached()
    assert graph.count("Customer") == 1000
    assert graph.count("Order") == 2000
    assert len(graph.pairs("PLACED_BY")) == 2000
    assert graph.count(PLACEHOLDER) == 0
    assert graph.node("Customer", id=1)["name"] == "customer 1"
    assert graph.node("Customer", id=7) is not None
    stream.open()
    agree(pgweave, database, graph)


# 4: a crash loses snapshot rows before the slot is promoted.

@pytest.mark.parametrize("killed_at", [rb"CREATE_REPLICATION_SLOT", rb"SET TRANSACTION SNAPSHOT", COPY_ORDERS, START_STREAM],
                         ids=["slot", "snapshot", "copy", "stream"])
def test_complaint_04_killed_during_the_first_load(tables, postgres_network, pgweave, database, graph, killed_at):
    gate = postgres_network.gate(killed_at)
    pgweave.start()
    gate.wait_until_reached()
    if killed_at == COPY_ORDERS:
        wait_until(lambda: graph.count("Customer") == 1000, what="the customers are copied")
    pgweave.kill()
    gate.drop()
    database.execute("DELETE FROM orders WHERE customer_id <= 100; DELETE FROM customers WHERE id <= 100; "
                     "UPDATE customers SET name = 'changed' WHERE id = 500; UPDATE orders SET customer_id = 500 WHERE id = 600; "
                     "INSERT INTO customers VALUES (5001, 'new'); INSERT INTO orders VALUES (5001, 5001, 1)")
    pgweave.start()
    agree(pgweave, database, graph)
    assert graph.count("Customer") == 901


# 5: widening a publication silently skips the backlog.

def test_complaint_05_a_widened_mapping_does_not_skip_the_backlog(streaming, database, graph):
    database.execute("CREATE TABLE items (id bigint PRIMARY KEY, name text); "
                     "INSERT INTO items SELECT i, 'backlog' FROM generate_series(1, 100) i")
    agree(streaming, database, graph)
    assert streaming.terminate() == 0
    streaming.map(shop.YAML.replace("nodes:", "nodes:\n  Item: {table: items}"))
    mapping = [*shop.MAPPING, Node("Item", "items", ("id",), same("id", "name"))]
    for published in (False, True):
        # Not even when the publication has the table already.
        if published:
            database.execute("ALTER PUBLICATION pgweave_e2e ADD TABLE ONLY items")
        streaming.start()
        assert_stopped_with_74(streaming, "mapping")
        assert_not_green(streaming)
    assert streaming.command("apply").rc == 0
    assert compare(database, graph, mapping) == []
    streaming.start()
    database.execute("INSERT INTO items VALUES (101, 'live')")
    assert_agreement(streaming, database, graph, mapping)


# 6: a schema reset empties the publication: slot, console and API stay green, zero events.

def test_complaint_06_a_table_leaves_the_publication(streaming, database, graph):
    database.execute("ALTER PUBLICATION pgweave_e2e DROP TABLE orders")
    assert_stopped_with_74(streaming, "public.orders", "pgweave apply")
    assert_not_green(streaming)
    database.execute("INSERT INTO orders VALUES (9001, 1, 1)", "ALTER PUBLICATION pgweave_e2e ADD TABLE orders")
    streaming.start()
    assert_stopped_with_74(streaming, "public.orders")
    assert_not_green(streaming)
    load_anew(streaming, database, graph)


def test_complaint_06_a_table_leaves_the_publication_and_is_back_before_anybody_looks(streaming, database, graph):
    assert streaming.terminate() == 0
    database.execute("ALTER PUBLICATION pgweave_e2e DROP TABLE orders", "INSERT INTO orders VALUES (9001, 1, 1)",
                     "ALTER PUBLICATION pgweave_e2e ADD TABLE orders")
    assert_not_green(streaming)
    streaming.start()
    assert_stopped_with_74(streaming, "pgweave_e2e")
    load_anew(streaming, database, graph)


def test_complaint_06_a_schema_is_dropped_and_made_again(pgweave, database, graph):
    def make():
        database.execute("BEGIN; CREATE SCHEMA app; SET LOCAL search_path TO app; " + shop.TABLES + "COMMIT")

    make()
    pgweave.map(shop.YAML.replace("table: ", "table: app."))
    mapping = [Node("Customer", "app.customers", ("id",), same("id", "name")),
               Node("Order", "app.orders", ("id",), same("id", "total")), shop.MAPPING[2]]
    pgweave.start()
    assert_agreement(pgweave, database, graph, mapping)
    database.execute("DROP SCHEMA app CASCADE")
    make()
    assert_stopped_with_74(pgweave, "app.customers", "pgweave apply")
    assert_not_green(pgweave)
    pgweave.start()
    assert_stopped_with_74(pgweave)
    database.execute("DELETE FROM app.orders WHERE id = 1")
    assert pgweave.command("apply").rc == 0
    pgweave.start("--resnapshot")
    assert_agreement(pgweave, database, graph, mapping)


def test_complaint_06_an_administrators_publication(pgweave, database, graph):
    """Of the tables that are not mapped it may publish more today and less tomorrow."""
    database.execute(shop.TABLES, "CREATE TABLE other (id int PRIMARY KEY)", "CREATE PUBLICATION everything FOR ALL TABLES")
    pgweave.map(shop.YAML + "stream: {publication: everything, managed: false}\n")
    pgweave.start_and_catch_up()
    database.execute("DROP TABLE other", "CREATE TABLE another (id int PRIMARY KEY)", "INSERT INTO another VALUES (1)")
    pgweave.kill()
    pgweave.start()
    agree(pgweave, database, graph)
    database.execute("ALTER PUBLICATION everything SET (publish = 'insert')")
    assert_stopped_with_74(pgweave, "everything")
    assert_not_green(pgweave)


# 10: the TOAST placeholder string littered through the data. 11: unchanged values missing with REPLICA IDENTITY FULL.

LONG_TABLES = """
    CREATE TABLE papers (id bigint PRIMARY KEY, title text, body text, note text);
    ALTER TABLE papers ALTER body SET STORAGE EXTERNAL, ALTER note SET STORAGE EXTERNAL;
    INSERT INTO papers SELECT i, 'title ' || i, repeat('body ' || i, 3000), repeat('note ' || i, 3000) FROM generate_series(1, 20) i;
"""
LONG_MAPPING = [Node("Paper", "papers", ("id",), same("id", "title", "body", "note"))]


@pytest.fixture
def papers(database, pgweave, graph):
    database.execute(LONG_TABLES)
    pgweave.map("nodes:\n  Paper: {table: papers}\n")
    pgweave.start()
    return lambda: assert_agreement(pgweave, database, graph, LONG_MAPPING)


def bodies(graph):
    return {row["id"]: row["body"] for row in graph.query("MATCH (n:Paper) RETURN n.id AS id, n.body AS body")}


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_complaint_10_an_unchanged_long_value_stays(papers, pgweave, database, graph, identity):
    database.execute(f"ALTER TABLE papers REPLICA IDENTITY {identity}")
    papers()
    database.execute("UPDATE papers SET title = 'changed'")
    papers()
    database.execute("UPDATE papers SET id = id + 100 WHERE id <= 5")
    papers()
    pgweave.kill()
    database.execute("UPDATE papers SET note = repeat('new note', 3000) WHERE id > 15",
                     "BEGIN; UPDATE papers SET title = 'a'; UPDATE papers SET note = NULL WHERE id = 10; "
                     "UPDATE papers SET title = 'b'; COMMIT")
    pgweave.start()
    papers()
    assert bodies(graph) == {i + 100 if i <= 5 else i: f"body {i}" * 3000 for i in range(1, 21)}


def test_complaint_11_with_replica_identity_full_nothing_is_missing(papers, pgweave, database, graph):
    """A node that somebody has emptied or deleted shows which values came along."""
    database.execute("ALTER TABLE papers REPLICA IDENTITY FULL")
    papers()
    graph.query("MATCH (n:Paper) WHERE n.id <= 10 DELETE n")
    graph.query("MATCH (n:Paper) WHERE n.id > 10 SET n = {id: n.id}")
    database.execute("UPDATE papers SET title = 'changed'")
    papers()
    assert graph.node("Paper", id=1) == {
        "id": 1, "title": "changed", "body": "body 1" * 3000, "note": "note 1" * 3000}


# 13: one bad record stops the sink.

BAD_TABLES = "CREATE TABLE things (id text PRIMARY KEY, code text, tags text[]);"
BAD_YAML = "nodes:\n  Thing: {table: things}\n"
BAD_MAPPING = [Node("Thing", "things", ("id",), same("id", "code", "tags"))]
GOOD = "('good {0} 1', 'good {0} 1', '{{a}}'), {1}, ('good {0} 2', 'good {0} 2', '{{b}}')"


@pytest.mark.parametrize("bad_id, bad_row, mended", [
    ("x" * 40_000, "(repeat('x', 40000), 'long', '{a}')", "id = 'short'"),
    ("with null", "('with null', 'with null', '{a,NULL}')", "tags = '{a,b}'"),
    ("taken", "('taken', 'mine', '{a}')", "code = 'free'"),
], ids=["too long for the index", "array with NULL", "constraint of the user"])
def test_complaint_13_one_bad_record_does_not_stop_the_pipeline(pgweave, database, graph, bad_id, bad_row, mended):
    """Neither in the first load nor in the stream, and it is set aside once, whatever is killed."""
    graph.query("CREATE CONSTRAINT users_own FOR (n:Thing) REQUIRE n.code IS UNIQUE")
    database.execute(BAD_TABLES, "INSERT INTO things VALUES ('theirs', 'mine', '{a}')",
                     "INSERT INTO things VALUES " + GOOD.format("first", bad_row))
    pgweave.map(BAD_YAML)
    pgweave.start_and_catch_up()
    assert_only_bad_row_is_missing(graph, ["first"], bad_id, 1)
    database.execute("DELETE FROM things WHERE code NOT LIKE 'good%' AND id <> 'theirs'")
    database.execute("INSERT INTO things VALUES " + GOOD.format("second", bad_row))
    pgweave.catch_up()
    pgweave.kill()
    pgweave.start()
    database.execute("INSERT INTO things VALUES ('after', 'good after', '{}')")
    pgweave.catch_up()
    assert graph.node("Thing", id="after") is not None
    assert_only_bad_row_is_missing(graph, ["first", "second"], bad_id, 2)
    assert pgweave.command("--json", "status").json["dead_letters"] == 2
    database.execute(f"UPDATE things SET {mended} WHERE code NOT LIKE 'good%' AND id <> 'theirs'")
    assert_agreement(pgweave, database, graph, BAD_MAPPING)


def assert_only_bad_row_is_missing(graph, rounds, bad_id, dead_letters):
    assert graph.node("Thing", id=bad_id) is None
    for round_name in rounds:
        for number in (1, 2):
            assert graph.node("Thing", id=f"good {round_name} {number}") is not None
    letters = graph.query(f"MATCH (d:{DEAD_LETTER}) RETURN properties(d) AS d")
    assert len(letters) == dead_letters, letters
    for letter in letters:
        letter = letter["d"]
        assert (letter["pipeline"], letter["table"]) == ("e2e", "public.things")
        assert bad_id in letter["key"] and '"tags"' in letter["row"]
        assert letter["code"] and letter["message"] and letter["lsn"] > "0/0"


def test_complaint_13_bad_records_among_many_transactions(pgweave, database, graph):
    """What waits behind a batch that fails is neither lost nor a reason to stop."""
    graph.query("CREATE CONSTRAINT users_own FOR (n:Thing) REQUIRE n.code IS UNIQUE")
    database.execute(BAD_TABLES, "INSERT INTO things VALUES ('theirs', 'mine', '{}')")
    pgweave.map(BAD_YAML + "stream: {batch_rows: 5}\n")
    pgweave.start_and_catch_up()
    assert pgweave.terminate() == 0
    for number in range(200):
        database.execute("INSERT INTO things VALUES " + GOOD.format(
            number, f"('bad {number}', 'mine', '{{}}')" if number % 20 == 10 else f"('{number}', '{number}', '{{}}')"))
    pgweave.start_and_catch_up()
    assert graph.count("Thing") == 1 + 200 * 2 + 190
    assert graph.value(f"MATCH (d:{DEAD_LETTER}) RETURN count(DISTINCT d.key)") == 10
    assert graph.count(DEAD_LETTER) == 10
    database.execute("DELETE FROM things WHERE id LIKE 'bad %'")
    assert_agreement(pgweave, database, graph, BAD_MAPPING)


# 14: outages of Neo4j quietly filed as dead letters. 15: the sink dies when Neo4j restarts.

@pytest.mark.restarts_neo4j
def test_complaint_14_an_outage_makes_no_dead_letters(streaming, database, graph, sandbox):
    process = streaming.process
    with Load(database, shop.NEW_CUSTOMER, pause_s=0.01) as load:
        load.wait_for_more(100)
        sandbox.kill_neo4j()
        load.wait_for_more(500)
        sandbox.start_neo4j()
        load.wait_for_more(100)
    agree(streaming, database, graph)
    assert graph.count(DEAD_LETTER) == 0
    assert streaming.process is process


def test_complaint_14_terminated_transactions_make_no_dead_letters(streaming, database, graph):
    """As by an administrator, or by a server that is short of memory."""
    terminated = 0
    with Load(database, "UPDATE customers SET name = 'name {n}'", pause_s=0.3):
        while terminated < 3:
            assert streaming.running
            shown = graph.query("SHOW TRANSACTIONS YIELD transactionId AS id, metaData WHERE metaData.app = 'pgweave' RETURN id")
            if shown:
                ended = graph.query("TERMINATE TRANSACTIONS $ids YIELD message", ids=[row["id"] for row in shown])
                terminated += sum(row["message"] == "Transaction terminated." for row in ended)
    agree(streaming, database, graph)
    assert graph.count(DEAD_LETTER) == 0


@pytest.mark.restarts_neo4j
def test_complaint_15_neo4j_restarts(streaming, database, graph, sandbox):
    process = streaming.process
    sandbox.stop_neo4j()
    database.execute("INSERT INTO customers VALUES (5001, 'while it is away')")
    sandbox.start_neo4j()
    agree(streaming, database, graph)
    assert streaming.process is process and graph.count("Customer") == 1001
    assert graph.count(DEAD_LETTER) == 0


# 20: composite keys fail; relationships missing. 21: two foreign keys to one table.

def test_complaint_20_composite_keys_and_complete_relationships(pgweave, database, graph):
    database.execute("""
        CREATE TABLE shelves (hall text, number int, name text, PRIMARY KEY (hall, number));
        CREATE TABLE boxes (hall text, number int, label text, shelf_hall text, shelf_number int, PRIMARY KEY (number, hall),
                            FOREIGN KEY (shelf_hall, shelf_number) REFERENCES shelves);
        CREATE TABLE routes (box_number int, box_hall text, to_hall text, to_number int, step int,
                             PRIMARY KEY (box_number, box_hall, to_hall, to_number),
                             FOREIGN KEY (box_number, box_hall) REFERENCES boxes,
                             FOREIGN KEY (to_hall, to_number) REFERENCES shelves);
        INSERT INTO shelves SELECT hall, i, hall || i FROM unnest(ARRAY['a', 'b', 'c']) hall, generate_series(1, 40) i;
        INSERT INTO boxes SELECT hall, number, 'box', hall, number FROM shelves;
        INSERT INTO boxes SELECT hall, number + 100, 'loose', hall, NULL FROM shelves;
        INSERT INTO routes SELECT b.number, b.hall, s.hall, s.number, s.number
                           FROM boxes b JOIN shelves s ON s.number % 10 = b.number % 10 WHERE b.number <= 40;
    """)
    pgweave.map("""
nodes:
  Shelf: {table: shelves}
  Box:
    table: boxes
    properties: [hall, number, label]
    relationships:
      ON: {to: Shelf, columns: [shelf_hall, shelf_number]}
relationships:
  MOVES_TO:
    table: routes
    from: {Box: [box_number, box_hall]}
    to: {Shelf: [to_hall, to_number]}
    properties: [step]
""")
    mapping = [
        Node("Shelf", "shelves", ("hall", "number"), same("hall", "number", "name")),
        Node("Box", "boxes", ("number", "hall"), same("hall", "number", "label")),
        ForeignKey("ON", "Box", ("shelf_hall", "shelf_number"), "Shelf"),
        Join("MOVES_TO", "routes", ("Box", ("box_number", "box_hall")), ("Shelf", ("to_hall", "to_number")), same("step")),
    ]
    pgweave.start()
    assert_agreement(pgweave, database, graph, mapping)
    assert graph.value("MATCH (:Box)-[r:ON]->(:Shelf) RETURN count(r)") == 120
    assert graph.value("MATCH (:Box)-[r:MOVES_TO]->(:Shelf) RETURN count(r)") == database.value("SELECT count(*) FROM routes")
    database.execute("UPDATE boxes SET shelf_number = shelf_number % 40 + 1 WHERE number <= 20",
                     "UPDATE boxes SET shelf_number = 1 WHERE label = 'loose' AND hall = 'b'",
                     "UPDATE boxes SET shelf_hall = NULL WHERE number BETWEEN 21 AND 30",
                     "UPDATE routes SET to_hall = 'c' WHERE to_hall = 'a' AND box_hall = 'a' AND to_number = 1 "
                     "AND box_number = 1 AND NOT EXISTS (SELECT 1 FROM routes r WHERE r.to_hall = 'c' AND r.box_hall = 'a' "
                     "AND r.to_number = 1 AND r.box_number = 1)",
                     "DELETE FROM routes WHERE step > 30; UPDATE routes SET step = -step WHERE box_hall = 'b'",
                     "DELETE FROM boxes WHERE label = 'loose' AND hall = 'c'; "
                     "UPDATE boxes SET hall = 'd' WHERE label = 'loose' AND hall = 'a'")
    assert_agreement(pgweave, database, graph, mapping)


def test_complaint_21_two_foreign_keys_to_one_table(pgweave, database, graph):
    database.execute("""
        CREATE TABLE accounts (id bigint PRIMARY KEY);
        CREATE TABLE transfers (id bigint PRIMARY KEY, payer bigint REFERENCES accounts, payee bigint REFERENCES accounts);
        INSERT INTO accounts SELECT generate_series(1, 10);
        INSERT INTO transfers VALUES (1, 1, 2), (2, 2, 1), (3, 3, 3), (4, 4, NULL), (5, NULL, 5);
    """)
    pgweave.map("""
nodes:
  Account: {table: accounts}
  Transfer:
    table: transfers
    relationships:
      FROM: {to: Account, column: payer}
      TO: {to: Account, column: payee}
""")
    mapping = [
        Node("Account", "accounts", ("id",), same("id")), Node("Transfer", "transfers", ("id",), same("id")),
        ForeignKey("FROM", "Transfer", ("payer",), "Account"), ForeignKey("TO", "Transfer", ("payee",), "Account"),
    ]
    pgweave.start()
    assert_agreement(pgweave, database, graph, mapping)
    assert graph.pairs("FROM") == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert graph.pairs("TO") == [(1, 2), (2, 1), (3, 3), (5, 5)]
    database.execute("UPDATE transfers SET payer = payee, payee = payer", "UPDATE transfers SET payee = 7 WHERE id = 3",
                     "UPDATE transfers SET payer = NULL, payee = 8 WHERE id = 1")
    assert_agreement(pgweave, database, graph, mapping)
    assert graph.pairs("FROM") == [(2, 1), (3, 3), (5, 5)]
    assert graph.pairs("TO") == [(1, 8), (2, 2), (3, 7), (4, 4)]
