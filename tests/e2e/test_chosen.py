"""Labels and relationship types that a column chooses, and that move when it changes."""
import pytest

from agreement import assert_agreement
from compare_graph import ForeignKey, Join, Node, same
from graph import PLACEHOLDER

pytestmark = pytest.mark.one_mapping("items")

SCHEMA = """
    CREATE TYPE tier AS ENUM ('gold', 'in stock', 'A`B');
    CREATE TABLE items (id bigint PRIMARY KEY, kind text, tier tier, hot boolean, notes text, owner bigint, owner_kind text);
    CREATE TABLE owners (id bigint PRIMARY KEY);
    CREATE TABLE ties (source bigint, target bigint, kind text, weight int, PRIMARY KEY (source, target, kind));
    CREATE TABLE events (id bigint PRIMARY KEY, item bigint REFERENCES items, owner bigint REFERENCES owners, kind tier);
    INSERT INTO items VALUES (1, 'srv', 'gold', true, 'n', 1, 'boss'), (2, 'db', 'in stock', false, 'n', 2, 'crew'),
                             (3, 'mysql', 'A`B', NULL, 'n', 3, NULL), (4, 'toaster', NULL, true, 'n', NULL, 'boss'), (5, NULL, 'gold', false, 'n', 1, 'else');
    INSERT INTO owners VALUES (1), (2), (3);
    INSERT INTO ties VALUES (1, 2, 'runs', 1), (1, 2, 'needs', 2), (1, 2, 'odd', 3), (1, 2, 'other', 4), (2, 3, 'runs', 5), (3, 9, 'odd', 6);
    INSERT INTO events VALUES (1, 1, 1, 'gold'), (2, 1, 1, 'gold'), (3, 2, 1, 'in stock'), (4, 3, 2, NULL);
"""
YAML = """
nodes:
  Item:
    table: items
    labels:
      - Asset
      - {column: kind, values: {srv: Server, db: Database, mysql: Database}}
      - {column: tier}
      - {column: hot, values: {true: Hot}}
    properties: [id, notes]
    relationships:
      OWNED_BY: {to: Owner, column: owner, type: {column: owner_kind, values: {boss: LED_BY, crew: KEPT_BY}}}
  Owner: {table: owners}
relationships:
  TIED_TO:
    table: ties
    from: {Item: source}
    to: {Item: target}
    properties: [weight]
    type: {column: kind, values: {runs: RUNS_ON, needs: NEEDS}}
  HAPPENED:
    table: events
    from: {Item: item}
    to: {Owner: owner}
    properties: [id]
    type: {column: kind}
"""
OTHER_OWNER = "(owner_kind IS NULL OR owner_kind NOT IN ('boss', 'crew'))"
MAPPING = [
    Node("Item", "items", ("id",), same("id", "notes")),
    Node("Owner", "owners", ("id",), same("id")),
    ForeignKey("LED_BY", "Item", ("owner",), "Owner", where="owner_kind = 'boss'"),
    ForeignKey("KEPT_BY", "Item", ("owner",), "Owner", where="owner_kind = 'crew'"),
    ForeignKey("OWNED_BY", "Item", ("owner",), "Owner", where=OTHER_OWNER),
    Join("RUNS_ON", "ties", ("Item", ("source",)), ("Item", ("target",)), same("weight"), where="kind = 'runs'"),
    Join("NEEDS", "ties", ("Item", ("source",)), ("Item", ("target",)), same("weight"), where="kind = 'needs'"),
    Join("TIED_TO", "ties", ("Item", ("source",)), ("Item", ("target",)), same("source", "target", "kind", "weight"),
         key=("source", "target", "kind"), where="kind NOT IN ('runs', 'needs')"),
    *(Join(name, "events", ("Item", ("item",)), ("Owner", ("owner",)), same("id"), key=("id",), where=where)
      for name, where in [("gold", "kind = 'gold'"), ("in stock", "kind = 'in stock'"), ("HAPPENED", "kind IS NULL")]),
]
LABELS = """
    SELECT id, array_remove(ARRAY['Item', 'Asset', CASE kind WHEN 'srv' THEN 'Server' WHEN 'db' THEN 'Database' WHEN 'mysql' THEN 'Database' END,
                                  tier::text, CASE WHEN hot THEN 'Hot' END], NULL) FROM items
"""


@pytest.fixture
def items(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def assert_labels(database, graph):
    there = {record["id"]: sorted(record["labels"]) for record in graph.query(
        f"MATCH (n:Item) WHERE NOT n:{PLACEHOLDER} RETURN n.id AS id, [l IN labels(n) WHERE l <> 'Mine'] AS labels")}
    assert there == {id: sorted(labels) for id, labels in database.query(LABELS)}
    assert graph.value(f"MATCH (n:Item:{PLACEHOLDER}) WHERE size([l IN labels(n) WHERE l <> 'Mine']) > 2 RETURN count(n)") == 0


def assert_all(items, database, graph):
    assert_agreement(items, database, graph, MAPPING)
    assert_labels(database, graph)


def test_first_load(items, database, graph):
    assert_all(items, database, graph)
    # a relationship by its two ends has no key to carry; one for each row has
    assert graph.value("MATCH (:Item {id: 1})-[r:RUNS_ON]->(:Item {id: 2}) RETURN properties(r)") == {"weight": 1}
    assert graph.value("MATCH ()-[r:`A``B`]->() RETURN count(r)") == 0


@pytest.mark.sampled(7)
@pytest.mark.parametrize("change", [
    "UPDATE items SET kind = 'db' WHERE id IN (1, 3)",
    "UPDATE items SET kind = NULL, tier = 'A`B', hot = NOT hot",
    "UPDATE items SET tier = CASE tier WHEN 'gold' THEN NULL ELSE 'gold'::tier END, kind = 'srv'",
    "UPDATE items SET id = id + 10 WHERE id > 3; UPDATE items SET kind = 'mysql' WHERE id = 14",
    "INSERT INTO items VALUES (9, 'srv', 'gold', true, 'n', 9, 'crew'); UPDATE items SET kind = 'db' WHERE id = 9",
    "UPDATE items SET owner_kind = CASE owner_kind WHEN 'boss' THEN 'crew' WHEN 'crew' THEN NULL ELSE 'boss' END",
    "UPDATE items SET owner_kind = 'crew', owner = owner % 3 + 1",
    "UPDATE items SET owner = NULL WHERE id = 1; UPDATE items SET owner = 2, owner_kind = 'x' WHERE id = 1",
    "UPDATE ties SET weight = weight + 1",
    "UPDATE ties SET kind = 'stray' WHERE kind = 'runs'",
    "UPDATE ties SET kind = 'runs' WHERE kind = 'odd' AND source = 3",
    "UPDATE ties SET kind = 'needs', target = 3 WHERE source = 1 AND kind = 'runs'",
    "UPDATE ties SET target = 5 WHERE source = 1",
    "DELETE FROM ties WHERE kind IN ('runs', 'odd')",
    "DELETE FROM ties WHERE kind = 'needs'; INSERT INTO ties VALUES (1, 2, 'needs', 70)",
    "UPDATE ties SET kind = CASE kind WHEN 'runs' THEN 'a' ELSE 'b' || kind END; UPDATE ties SET kind = 'runs' WHERE kind = 'bneeds'; "
    "UPDATE ties SET kind = 'needs' WHERE kind = 'a' AND source = 1",
    "UPDATE events SET kind = CASE kind WHEN 'gold' THEN 'in stock'::tier ELSE 'gold' END",
    "UPDATE events SET kind = NULL, id = id + 10; UPDATE events SET kind = 'gold', owner = 3 WHERE id = 11",
    "DELETE FROM events WHERE id < 3; UPDATE events SET kind = 'A`B'",
    "TRUNCATE ties; INSERT INTO ties VALUES (5, 4, 'needs', 1)",
    "DELETE FROM events; DELETE FROM items WHERE id IN (2, 3)",
])
def test_what_is_chosen_moves(items, database, graph, change):
    graph.query("MATCH (n:Item) SET n:Mine")
    database.execute(change)
    assert_all(items, database, graph)
    assert graph.value(f"MATCH (n:Item) WHERE NOT n:Mine AND NOT n.id IN [9, 5, 3, 2] RETURN count(n)") == 0


def test_a_label_that_nobody_knows_is_left_alone(items, database, graph):
    database.execute("ALTER TABLE items ALTER COLUMN kind SET STORAGE EXTERNAL",
                     "UPDATE items SET kind = repeat('x', 100000) WHERE id = 1")
    assert_all(items, database, graph)
    database.execute("UPDATE items SET notes = 'other' WHERE id = 1")
    assert_all(items, database, graph)


def test_verify_tells_a_wrong_label(items, database, graph):
    items.catch_up()
    graph.query("MATCH (n:Item {id: 1}) REMOVE n:Server SET n:Database")
    result = items.command("verify", "--json")
    assert result.rc == 1
    found = {(difference["kind"], difference["label"]) for difference in result.json["differences"]}
    assert found == {("node_label", "Server"), ("node_label_extra", "Database")}


def test_a_reload_takes_labels_and_types_of_old_away(items, database, graph):
    items.catch_up()
    items.terminate()
    graph.query("MATCH (n:Item {id: 1}) SET n:Database, n:`in stock`")
    graph.query("MATCH (a:Item {id: 1})-[r:RUNS_ON]->(b) CREATE (a)-[:NEEDS {weight: 99}]->(:Owner {id: 77}) CREATE (b)-[:RUNS_ON]->(a)")
    items.start("--resnapshot")
    items.catch_up()
    graph.query("MATCH (n:Owner {id: 77}) DETACH DELETE n")
    assert_all(items, database, graph)


@pytest.mark.parametrize("labels, told", [
    ("{column: kind}", "only an enum needs none"),
    ("{column: colour, values: {a: A}}", 'has no column "colour"'),
    ("{column: kind, values: {a: Owner}}", "a node's own label already"),
    ("[A, {column: kind, values: {a: A}}]", "a label of this node already"),
    ("{column: tier, values: {silver: S}}", "one of the enum's values"),
    ("{column: hot, values: {1 OR 1: S}}", "TRUE or FALSE"),
    ("{column: id, values: {1 OR 1: S}}", "one value"),
])
def test_choices_that_do_not_fit_are_refused(database, pgweave, labels, told):
    database.execute(SCHEMA)
    pgweave.map(f"nodes:\n  Owner: {{table: owners}}\n  Item: {{table: items, properties: [id], labels: {labels}}}\n")
    result = pgweave.command("plan")
    assert result.rc == 65
    assert told in result.stderr


def test_other_choices_are_applied(items, database, graph):
    items.catch_up()
    items.terminate()
    graph.query("MATCH (n:Item) SET n:Mine")
    items.map(YAML.replace("{srv: Server, db: Database, mysql: Database}", "{srv: Database, toaster: Kitchen}")
              .replace("boss: LED_BY, crew: KEPT_BY", "crew: LED_BY, else: HAS").replace("{runs: RUNS_ON, needs: NEEDS}", "{runs: NEEDS, odd: ODD}"))
    done = items.command("apply")
    assert done.rc == 0, done.stderr
    items.start_and_catch_up()
    items.verify()
    labels = {record["id"]: set(record["labels"]) for record in graph.query("MATCH (n:Item:Mine) RETURN n.id AS id, labels(n) AS labels")}
    assert [sorted(labels[id] & {"Server", "Database", "Kitchen"}) for id in (1, 2, 3, 4, 5)] == [["Database"], [], [], ["Kitchen"], []]
    types = {record["type"]: record["n"] for record in graph.query("MATCH (:Item)-[r]->() RETURN type(r) AS type, count(r) AS n")}
    assert types == {"LED_BY": 1, "HAS": 1, "OWNED_BY": 2, "NEEDS": 2, "ODD": 2, "TIED_TO": 2, "gold": 2, "in stock": 1, "HAPPENED": 1}
