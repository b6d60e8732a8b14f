"""Computed properties: each step of docs/mapping.md's chain, in the first load, in the stream, and as verify sees it."""
import datetime

import pytest

UTC = datetime.timezone.utc
SCHEMA = """
    CREATE TABLE customers (id bigint PRIMARY KEY, email text, document jsonb, labels_csv text, aliases text[],
                            balance_cents bigint, price numeric, seen_ms bigint, born date, at timestamptz);
    CREATE TABLE visits (customer bigint REFERENCES customers, place bigint, facts json, PRIMARY KEY (customer, place));
    CREATE TABLE places (id bigint PRIMARY KEY);
"""
YAML = """
nodes:
  Customer:
    table: customers
    properties:
      id:
      email: {case: lower, trim: true}
      city: {column: document, path: address.city, case: upper}
      zip: {column: document, path: address.zip, as: text}
      ratings: {column: document, path: ratings}
      first: {column: document, path: "ratings.0"}
      odd: {column: document, path: ["a.b", c]}
      document:
      labels: {column: labels_csv, split: ",", trim: true}
      aliases: {case: upper}
      balance: {column: balance_cents, scale: 0.01}
      price: {scale: 2}
      seen_at: {column: seen_ms, epoch: milliseconds}
      born: {epoch: seconds}
      at_us: {column: at, epoch: microseconds}
      source: {value: crm}
      weight: {value: "1.5", as: float}
  Place: {table: places}
relationships:
  VISITED:
    table: visits
    from: {Customer: customer}
    to: {Place: place}
    properties: {by: {column: facts, path: by, trim: true}, kind: {value: visit}}
"""
ROW = ("'  Ann@Example.COM ', '{\"address\": {\"city\": \"Bonn\", \"zip\": 53111}, \"ratings\": [1, 2.5], \"a.b\": {\"c\": true}}', "
       "' a, b,', '{x,y}', 1999, 1.25, 1700000000123, '2000-01-01', '2023-11-14 22:13:20.000001+00'")
NODE = {"email": "ann@example.com", "city": "BONN", "zip": "53111", "ratings": [1.0, 2.5], "first": 1, "odd": True,
        "document": '{"a.b": {"c": true}, "address": {"zip": 53111, "city": "Bonn"}, "ratings": [1, 2.5]}',
        "labels": ["a", "b", ""], "aliases": ["X", "Y"], "balance": 19.99, "price": 2.5,
        "seen_at": datetime.datetime(2023, 11, 14, 22, 13, 20, 123000, UTC), "born": 946684800, "at_us": 1700000000000001,
        "source": "crm", "weight": 1.5}
CONSTANTS = {"source": "crm", "weight": 1.5}


@pytest.fixture
def customers(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    return pgweave


def node(graph, id):
    """Date-times as Python has them."""
    return {name: value.to_native() if hasattr(value, "to_native") else value
            for name, value in graph.node("Customer", id=id).items()}


def test_each_step_in_the_first_load_and_in_the_stream(customers, database, graph):
    database.execute(f"INSERT INTO customers VALUES (1, {ROW})", "INSERT INTO customers VALUES (2)", "INSERT INTO places VALUES (1)",
                     "INSERT INTO visits VALUES (1, 1, '{\"by\": \" car \"}')")
    customers.start_and_catch_up()
    database.execute(f"INSERT INTO customers VALUES (3, {ROW})", "INSERT INTO customers VALUES (4)",
                     "INSERT INTO visits VALUES (3, 1, '{\"by\": \"foot\"}'), (4, 1, NULL)")
    customers.catch_up()
    for id in (1, 3):
        assert node(graph, id) == {"id": id, **NODE}
    for id in (2, 4):
        assert node(graph, id) == {"id": id, **CONSTANTS}
    assert graph.query("MATCH (c:Customer)-[v:VISITED]->() RETURN c.id AS id, properties(v) AS properties ORDER BY id") == [
        {"id": 1, "properties": {"by": "car", "kind": "visit"}}, {"id": 3, "properties": {"by": "foot", "kind": "visit"}},
        {"id": 4, "properties": {"kind": "visit"}}]
    customers.verify()


def test_updates_and_values_that_vanish_from_a_document(customers, database, graph):
    database.execute(f"INSERT INTO customers VALUES (1, {ROW})")
    customers.start_and_catch_up()
    database.execute("UPDATE customers SET document = document - 'ratings' #- '{address,city}', labels_csv = '', balance_cents = 5")
    customers.catch_up()
    now = node(graph, 1)
    assert "ratings" not in now and "city" not in now and "first" not in now
    assert (now["zip"], now["labels"], now["balance"]) == ("53111", [], 0.05)
    customers.verify()
    graph.query("MATCH (c:Customer) SET c.balance = 0.06, c.source = 'other', c.city = 'BONN'")
    result = customers.command("--json", "verify")
    assert sorted(difference["property"] for difference in result.json["differences"]) == ["balance", "city", "source"]


def test_a_large_document_that_an_update_does_not_touch(customers, database, graph):
    """PostgreSQL does not send it again: what was made of it stays."""
    database.execute("ALTER TABLE customers ALTER document SET STORAGE EXTERNAL",
                     "INSERT INTO customers (id, document) SELECT 1, jsonb_build_object('address', jsonb_build_object('city', 'Bonn'), "
                     "'filler', repeat('x', 100000))")
    customers.start_and_catch_up()
    database.execute("UPDATE customers SET email = 'A'")
    customers.catch_up()
    assert node(graph, 1)["city"] == "BONN" and node(graph, 1)["email"] == "a"
    customers.verify()


def test_a_value_that_cannot_be_converted_is_a_dead_letter(database, pgweave, graph):
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, d json, n double precision)")
    pgweave.map("nodes:\n  T: {table: t, properties: {id: , a: {column: d, path: a, as: integer}, n: {epoch: seconds}}}\n")
    database.execute("INSERT INTO t VALUES (1, '{\"a\": 1}', 0), (2, '{\"a\": 1.5}', 0), (3, '{\"a\": \"\\ud800\"}', 0)")
    pgweave.start_and_catch_up()
    database.execute("INSERT INTO t VALUES (4, '{\"a\": 2}', 'NaN'), (5, '{}', 1)")
    pgweave.catch_up()
    assert sorted(graph.value("MATCH (t:T) RETURN collect(t.id)")) == [1, 5]
    messages = graph.value("MATCH (d:_PgweaveDeadLetter) RETURN collect(d.message)")
    assert len(messages) == 3
    for column, words in (("t.d", "no INTEGER"), ("t.d", "cannot be read"), ("t.n", "out of the range")):
        assert any(column in message and words in message for message in messages), (words, messages)
