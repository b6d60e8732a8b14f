"""Computed properties: each step of docs/mapping.md's chain, in the first load, in the stream, and as verify sees it."""
import datetime
import pathlib
import re

import pytest

from waiting import wait_until

pytestmark = pytest.mark.one_mapping("customers", "people")

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "mapping.md").read_text()
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


# Several columns in one property.

PARTS = """
    CREATE TABLE people (id bigint PRIMARY KEY, first text, last text, bio text, born date, CHECK (id > 0));
    CREATE TABLE friends (a bigint REFERENCES people ON UPDATE CASCADE, b bigint REFERENCES people ON UPDATE CASCADE, since date, via text, PRIMARY KEY (a, b));
    ALTER TABLE people ALTER bio SET STORAGE EXTERNAL;
    INSERT INTO people VALUES (1, 'Ann', 'Clark', 'baker', '2000-01-31'), (2, NULL, 'Bo', NULL, NULL), (3, NULL, NULL, NULL, NULL);
    INSERT INTO friends VALUES (1, 2, '2020-01-01', 'work'), (2, 3, NULL, NULL);
"""
PEOPLE = """
nodes:
  Person:
    table: people
    properties:
      id:
      name: {concat: [first, last], separator: " "}
      card: {concat: [id, last, bio], separator: "/"}
relationships:
  KNOWS: {table: friends, from: {Person: a}, to: {Person: b}, properties: {how: {concat: [via, since], separator: " since "}}}
"""
LARGE = "repeat('x', 100000)"


@pytest.fixture
def people(database, pgweave):
    database.execute(PARTS)
    pgweave.map(PEOPLE)
    return pgweave


def people_of(graph):
    return {record["id"]: (record["name"], record["card"])
            for record in graph.query("MATCH (p:Person) RETURN p.id AS id, p.name AS name, p.card AS card")}


def dead_letters(graph):
    return graph.value("MATCH (d:_PgweaveDeadLetter) RETURN collect(d.message)")


def examples_of_the_page():
    """The properties, the columns, and for each row its values and what is made of them."""
    section = PAGE[PAGE.index("### Several columns in one property"):PAGE.index("## Types\n")]
    properties = section[section.index("```yaml\n") + 8:]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    rows = []
    for cells in lines[2:]:
        made = {}
        for name, many, one in re.findall(r"(\w+): (?:\[(.*?)\]|`(.*?)`)", cells[-1]):
            made[name] = re.findall(r"`(.*?)`", many) if many else one
        rows.append(([None if cell == "NULL" else cell for cell in cells[:-1]], made))
    return properties[:properties.index("```")].splitlines(), lines[0][:-1], rows


def test_the_examples_of_the_page(database, pgweave, graph):
    properties, columns, rows = examples_of_the_page()
    types = {"born": "date", "active": "boolean", "number": "integer"}
    assert len(properties) >= 5 and len(rows) >= 3 and rows[-1][1] == {} and all(made for _, made in rows[:-1])
    database.execute(f"CREATE TABLE t (id serial PRIMARY KEY, {', '.join(f'{column} ' + types.get(column, 'text') for column in columns)})")
    pgweave.map("nodes:\n  T:\n    table: t\n    properties:\n      id:\n" + "".join(f"      {line}\n" for line in properties))

    def insert():
        for values, _ in rows:
            words = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
            database.execute(f"INSERT INTO t ({', '.join(columns)}) VALUES ({words})")

    insert()
    pgweave.start_and_catch_up()
    insert()
    pgweave.catch_up()
    for number in range(2 * len(rows)):
        assert graph.node("T", id=number + 1) == {"id": number + 1, **rows[number % len(rows)][1]}
    pgweave.verify()


def test_several_columns_from_the_first_load_on(people, database, graph):
    people.start_and_catch_up()
    assert people_of(graph) == {1: ("Ann Clark", "1/Clark/baker"), 2: ("Bo", "2/Bo"), 3: (None, "3")}
    database.execute("UPDATE people SET first = 'Eve' WHERE id = 1", "UPDATE people SET last = NULL WHERE id = 2", "UPDATE people SET first = '' WHERE id = 3",
                     "UPDATE people SET born = '1999-01-01', bio = 'x' WHERE id = 1",
                     "UPDATE friends SET via = 'school' WHERE a = 2", "UPDATE friends SET via = NULL WHERE a = 1", "INSERT INTO people VALUES (4, 'D', 'E', 'F')",
                     "INSERT INTO friends VALUES (4, 1, '2024-02-29', 'train')")
    people.catch_up()
    assert people_of(graph) == {1: ("Eve Clark", "1/Clark/x"), 2: (None, "2"), 3: ("", "3"), 4: ("D E", "4/E/F")}
    assert graph.query("MATCH (a)-[k:KNOWS]->() RETURN a.id AS a, k.how AS how ORDER BY a") == [
        {"a": 1, "how": "2020-01-01"}, {"a": 2, "how": "school"}, {"a": 4, "how": "train since 2024-02-29"}]
    database.execute("BEGIN; UPDATE people SET id = 40, first = 'Z' WHERE id = 3; UPDATE people SET last = 'Y' WHERE id = 40; COMMIT")
    people.catch_up()
    assert people_of(graph)[40] == ("Z Y", "40/Y")
    people.verify()
    graph.query("MATCH (p:Person {id: 4}) SET p.name = 'D  E' WITH p MATCH (p)-[k:KNOWS]->() SET k.how = 'train'")
    differences = people.command("--json", "verify").json["differences"]
    assert sorted((difference["property"], difference["expected"], difference["actual"]) for difference in differences) == [
        ("how", "train since 2024-02-29", "train"), ("name", "D E", "D  E")]


def test_a_large_part_that_was_not_sent_makes_a_dead_letter_and_no_wrong_text(people, database, graph):
    database.execute(f"UPDATE people SET bio = {LARGE} WHERE id = 1")
    people.start_and_catch_up()
    before = people_of(graph)[1]
    database.execute("UPDATE people SET last = 'Dee', first = 'Ann' WHERE id = 1")
    people.catch_up()
    assert people_of(graph)[1] == before
    (dead,) = dead_letters(graph)
    assert '"card"' in dead and 'ALTER TABLE "public"."people" REPLICA IDENTITY FULL' in dead and dead in people.log
    # what brings the large value brings the row
    database.execute("UPDATE people SET bio = bio || 'y' WHERE id = 1")
    people.catch_up()
    name, card = people_of(graph)[1]
    assert name == "Ann Dee" and card.startswith("1/Dee/xxx") and card.endswith("xy")
    database.execute("ALTER TABLE people REPLICA IDENTITY FULL")
    people.catch_up()
    database.execute("UPDATE people SET last = 'Eff' WHERE id = 1", "UPDATE people SET id = 5 WHERE id = 1")
    people.catch_up()
    name, card = people_of(graph)[5]
    assert name == "Ann Eff" and card.startswith("5/Eff/xxx") and card.endswith("xy") and len(dead_letters(graph)) == 1
    people.verify()


@pytest.mark.sampled(0)
def test_a_large_part_that_one_transaction_brings_is_known_to_the_next(people, database, graph):
    """They stand in one batch, or the second is a row that nobody can write: never a text of both."""
    people.start_and_catch_up()
    database.execute(f"BEGIN; UPDATE people SET bio = {LARGE} WHERE id = 1; UPDATE people SET last = 'New' WHERE id = 1; COMMIT")
    people.catch_up()
    assert people_of(graph)[1][1].startswith("1/New/xxx") and dead_letters(graph) == []
    people.verify()


@pytest.mark.sampled(0)
def test_large_parts_that_are_all_untouched_stay(database, pgweave, graph):
    database.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b text, n int)", "ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL",
                     f"INSERT INTO t VALUES (1, {LARGE}, {LARGE}, 1)")
    pgweave.map("nodes:\n  T: {table: t, properties: {id: , n: , ab: {concat: [id, a, b], separator: '-'}}}\n")
    pgweave.start_and_catch_up()
    database.execute("UPDATE t SET n = 2")
    pgweave.catch_up()
    assert graph.node("T", id=1)["n"] == 2 and len(graph.node("T", id=1)["ab"]) == 200003 and dead_letters(graph) == []
    pgweave.verify()
    database.execute("UPDATE t SET id = 2, n = 3")  # the key is one of the parts
    pgweave.catch_up()
    assert len(dead_letters(graph)) == 1


def test_check_warns_of_large_parts_beforehand(people, database, graph):
    def warnings():
        return [finding for finding in people.command("check", "--json").json["findings"] if finding["level"] == "warning" and "is made of" in finding["text"]]

    told = warnings()
    assert sorted(finding["object"] for finding in told) == ["table public.friends", "table public.people"]
    assert {finding["mend"] for finding in told} == {'ALTER TABLE "public"."friends" REPLICA IDENTITY FULL', 'ALTER TABLE "public"."people" REPLICA IDENTITY FULL'}
    database.execute("ALTER TABLE people REPLICA IDENTITY FULL", "ALTER TABLE friends DROP via, ADD via int")
    assert warnings() == []


@pytest.mark.sampled(0)
def test_a_changed_mapping_rewrites_that_property_alone(people, database, graph):
    people.start_and_catch_up()
    graph.query("MATCH (p:Person) SET p.mine = p.id")
    people.terminate()
    people.map(PEOPLE.replace("name: {concat", "called: {concat").replace('bio], separator: "/"', 'bio], separator: "+"'))
    steps = [step["words"] for step in people.command("plan", "--json").json["difference"]]
    assert any("property name is renamed to called" in words for words in steps)
    assert any("property card is made anew (from columns id '+' last '+' bio)" in words for words in steps) and len(steps) == 2
    assert people.command("apply").rc == 0
    people.start_and_catch_up()
    assert graph.query("MATCH (p:Person) RETURN p {.*} AS p ORDER BY p.id LIMIT 2") == [
        {"p": {"id": 1, "called": "Ann Clark", "card": "1+Clark+baker", "mine": 1}}, {"p": {"id": 2, "called": "Bo", "card": "2+Bo", "mine": 2}}]
    people.verify()


def test_plan_shows_the_columns(people, database):
    plan = people.command("plan", "--json").json
    (person,) = plan["nodes"]
    assert {"name": "name", "column": None, "columns": ["first", "last"], "separator": " ", "type": "text"} in person["properties"]
    result = people.command("plan")
    assert "name <- first ' ' last" in result.stdout, result.stdout
    assert "name: 'Ann Clark'" in result.stdout and "how: 'work since 2020-01-01'" in result.stdout


@pytest.mark.sampled(0)
def test_parts_that_are_altered(people, database, graph):
    people.start_and_catch_up()
    database.execute("ALTER TABLE people RENAME bio TO about")
    people.expect_exit()
    people.map(PEOPLE.replace("bio]", "about]").replace("nodes:", "stream: {missing_columns: leave_out}\nnodes:", 1))
    people.start_and_catch_up()
    assert people_of(graph)[1] == ("Ann Clark", "1/Clark/baker")
    database.execute("ALTER TABLE people ALTER about TYPE varchar(20) USING upper(about)", "UPDATE people SET last = 'C' WHERE id = 2")
    wait_until(lambda: people_of(graph).get(1) == ("Ann Clark", "1/Clark/BAKER") and people_of(graph).get(2) == ("C", "2/C"), what="the load")
    people.catch_up()
    people.verify()
    database.execute("ALTER TABLE people DROP first", "INSERT INTO people VALUES (9, 'Last', 'about')")
    wait_until(lambda: people_of(graph).get(9) == (None, "9/Last/about") and people_of(graph).get(1) == (None, "1/Clark/BAKER"), what="the removal")
    people.catch_up()
    people.verify()


@pytest.mark.sampled(0)
def test_parts_that_stay_in_postgresql_are_refused(people, database):
    people.map(PEOPLE.replace("    table: people\n", "    table: people\n    relational_only: [bio]\n"))
    result = people.command("plan")
    assert result.rc == 65 and '"bio" is part of the graph' in result.stderr
    people.map(PEOPLE.replace("    table: people\n", "    table: people\n    relational_only: [born]\n"))
    people.start_and_catch_up()
    assert [row[0] for row in database.query("SELECT unnest(attnames) FROM pg_publication_tables WHERE tablename = 'people' ORDER BY 1")] == [
        "bio", "first", "id", "last"]
    database.execute("UPDATE people SET first = 'Q' WHERE id = 1")
    people.catch_up()
    people.verify()


def test_a_text_of_several_columns_is_no_key_to_find_nodes_by(database, pgweave):
    database.execute("CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text)", "CREATE TABLE logins (id int PRIMARY KEY, email text REFERENCES users (email))")
    pgweave.map("nodes:\n  User: {table: users, properties: {email: {concat: [email, name]}}}\n  Login: {table: logins, relationships: {OF: {to: User, column: email}}}\n")
    result = pgweave.command("plan")
    assert result.rc == 65 and "is not a property there as it is" in result.stderr


@pytest.mark.sampled(0)
def test_the_versions_of_a_text_of_several_columns(people, database, graph):
    """A version ends when one of its columns changes, and only then."""
    database.execute("ALTER TABLE friends ADD note text")
    people.map(PEOPLE.replace("KNOWS: {table", "KNOWS: {history: true, table"))
    people.start_and_catch_up()
    for statement in ("note = 'x'", "via = 'school'", "via = 'school', note = 'y'", "since = NULL"):
        database.execute(f"UPDATE friends SET {statement} WHERE a = 1")
        people.catch_up()
    found = graph.query("MATCH (:Person {id: 1})-[k:KNOWS]->() RETURN k.version AS version, k.how AS how ORDER BY version")
    assert [(record["version"], record["how"]) for record in found] == [(1, "work since 2020-01-01"), (2, "school since 2020-01-01"), (3, "school")]
    people.verify()


EACH_TYPE = [("boolean", "true"), ("smallint", "-7"), ("bigint", "9223372036854775807"), ("real", "0.1"), ("double precision", "'-Infinity'"), ("numeric(10, 4)", "1.5"),
             ("money", "12.5"), ("char(5)", "'ab'"), ('"char"', "'c'"), ("varchar(9)", "'ü\t'"), ("name", "'n'"), ("bytea", "'\\x00ff'"), ("date", "'infinity'"),
             ("time", "'23:59:59.5'"), ("timetz", "'01:00+02'"), ("timestamp", "'2000-01-01 00:00:00.25'"), ("timestamptz", "'2000-01-01 12:00+05'"),
             ("interval", "'1 year 2 days 03:00'"), ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"), ("json", "'{\"a\":  1}'"), ("jsonb", "'{\"a\":  1}'"),
             ("int[]", "'{1,NULL}'"), ("text[]", "'{\"a b\",\"\"}'"), ("int4range", "'[1,5]'"), ("point", "'1,2'"), ("inet", "'10.0.0.1/8'"), ("bit(4)", "B'1010'"),
             ("tsvector", "'a b'"), ("pair", "ROW(1, NULL)"), ("mood", "'good'"), ("timestamptz[]", "'{2000-01-01 12:00+05}'"), ("oid", "7"), ("xml", "'<a/>'")]


def test_each_type_as_a_part(database, pgweave, graph):
    """The load, the stream and PostgreSQL's own concat_ws, which verify asks, make one text, whatever the session that made the row."""
    database.execute("CREATE TYPE pair AS (a int, b text)", "CREATE TYPE mood AS ENUM ('good')",
                     f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{i} {type}' for i, (type, _) in enumerate(EACH_TYPE))})")
    pgweave.map("nodes:\n  T:\n    table: t\n    properties: {id: , all: {concat: ["
                + ", ".join(f"c{i}" for i in range(len(EACH_TYPE))) + "], separator: '|'}}\n")
    values = ", ".join(literal for _, literal in EACH_TYPE)
    database.execute(f"INSERT INTO t VALUES (1, {values})")
    pgweave.start_and_catch_up()
    database.execute("SET datestyle = 'SQL, DMY'; SET intervalstyle = sql_standard; SET bytea_output = escape; SET timezone = 'Asia/Tokyo'; SET extra_float_digits = -5; "
                     f"INSERT INTO t VALUES (2, {values}); RESET ALL")
    pgweave.catch_up()
    texts = graph.value("MATCH (t:T) RETURN collect(t.all)")
    assert len(texts) == 2 and texts[0] == texts[1] and len(texts[0].split("|")) == len(EACH_TYPE), texts
    assert texts[0].startswith("t|-7|9223372036854775807|0.1|-Infinity|1.5000|") and "|ab   |" in texts[0]
    pgweave.verify()


# hstore.

def test_values_of_an_hstore(database, pgweave, graph):
    if not database.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'"):
        pytest.skip("this PostgreSQL comes without hstore")
    database.execute("CREATE EXTENSION hstore", "CREATE TABLE things (id int PRIMARY KEY, attributes hstore)")
    pgweave.map("""
nodes:
  Thing:
    table: things
    properties:
      id:
      color: {column: attributes, path: color, case: upper}
      weight: {column: attributes, path: weight, as: float, scale: 1000}
      odd: {column: attributes, path: ['a."b\\c']}
      tags: {column: attributes, path: tags, split: ",", trim: true}
      attributes:
""")
    odd = r"""hstore('a."b\c', 'say "hi" => \, NULL')"""
    database.execute(f"INSERT INTO things VALUES (1, hstore('color', 'red') || hstore('weight', '1.5') || {odd}), (2, NULL), (3, 'color => NULL, tags => \"a, b\"')")
    pgweave.start_and_catch_up()
    database.execute(f"INSERT INTO things SELECT id + 10, attributes FROM things", "INSERT INTO things VALUES (4, 'color => green, weight => heavy')",
                     "UPDATE things SET attributes = attributes || 'color => blue' WHERE id = 3", "UPDATE things SET attributes = delete(attributes, 'weight') WHERE id = 1")
    pgweave.catch_up()
    found = {record["id"]: record["t"] for record in graph.query("MATCH (t:Thing) RETURN t.id AS id, t {.color, .weight, .odd, .tags} AS t")}
    red = {"color": "RED", "weight": 1500.0, "odd": 'say "hi" => \\, NULL', "tags": None}
    nothing = dict.fromkeys(red)
    assert found == {1: {**red, "weight": None}, 2: nothing, 3: {**nothing, "color": "BLUE", "tags": ["a", "b"]}, 11: red, 12: nothing,
                     13: {**nothing, "tags": ["a", "b"]}}
    (dead,) = dead_letters(graph)
    assert "things.attributes" in dead
    database.execute("DELETE FROM things WHERE id = 4")
    pgweave.catch_up()
    pgweave.verify()
