"""Foreign keys that refer to a unique key which is not the one that tells the nodes apart."""
import pytest

from agreement import assert_agreement
from compare_graph import Node, same

pytestmark = pytest.mark.one_mapping("logins")

SCHEMA = """
    CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, site int, badge int, UNIQUE (site, badge));
    CREATE TABLE logins (id bigint PRIMARY KEY, email text REFERENCES users (email) ON UPDATE CASCADE ON DELETE SET NULL,
                         badge int, site int, boss text REFERENCES users (email) ON UPDATE CASCADE,
                         FOREIGN KEY (badge, site) REFERENCES users (badge, site) ON UPDATE CASCADE ON DELETE CASCADE);
    INSERT INTO users VALUES (1, 'a@x', 1, 10), (2, 'b@x', 1, 11), (3, 'c@x', NULL, NULL);
    INSERT INTO logins VALUES (1, 'a@x', 10, 1, NULL), (2, 'b@x', 11, 1, 'a@x'), (3, NULL, NULL, 1, 'c@x'), (4, 'a@x', 11, 1, 'a@x');
"""
YAML = """
nodes:
  User: {table: users}
  Login:
    table: logins
    properties: [id]
    relationships:
      OF: {to: User, column: email}
      BADGED: {from: User, columns: [site, badge]}
      LED_BY: {to: User, column: boss}
"""
EXPECTED = """
    SELECT l.id, 'OF', u.id FROM logins l JOIN users u ON u.email = l.email
    UNION ALL SELECT l.id, 'BADGED', u.id FROM logins l JOIN users u ON u.site = l.site AND u.badge = l.badge
    UNION ALL SELECT l.id, 'LED_BY', u.id FROM logins l JOIN users u ON u.email = l.boss ORDER BY 1, 2, 3
"""


@pytest.fixture
def logins(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    pgweave.start_and_catch_up()
    return pgweave


def assert_all(logins, database, graph):
    assert_agreement(logins, database, graph, [Node("User", "users", ("id",), same("id", "email", "site", "badge")),
                                               Node("Login", "logins", ("id",), same("id"))])
    found = graph.query("MATCH (l:Login)-[r]-(u:User) RETURN l.id AS l, type(r) AS t, u.id AS u, startNode(r) = l AS out ORDER BY l, t, u")
    assert [(record["l"], record["t"], record["u"]) for record in found] == database.query(EXPECTED)
    assert all(record["out"] == (record["t"] != "BADGED") for record in found)
    assert graph.value("MATCH (n:_PgweavePlaceholder) RETURN count(n)") == 0


def test_first_load(logins, database, graph):
    assert_all(logins, database, graph)
    assert graph.value("SHOW INDEXES YIELD labelsOrTypes, properties WHERE labelsOrTypes = ['User'] AND properties = ['email'] RETURN count(*)") == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("change", [
    "UPDATE logins SET email = 'c@x' WHERE id = 1; UPDATE logins SET email = NULL WHERE id = 4",
    "UPDATE users SET email = 'new@x' WHERE id = 1",
    "UPDATE users SET email = 'tmp' WHERE id = 1; UPDATE users SET email = 'a@x' WHERE id = 2; UPDATE users SET email = 'b@x' WHERE id = 1",
    "UPDATE users SET id = id + 10; UPDATE logins SET badge = 10 WHERE id = 2",
    "UPDATE users SET badge = badge + 100; UPDATE users SET site = 7 WHERE id = 1",
    "INSERT INTO users VALUES (4, 'd@x', 2, 1); INSERT INTO logins VALUES (5, 'd@x', 1, 2, 'd@x')",
    "DELETE FROM logins WHERE boss IS NOT NULL; DELETE FROM users WHERE id = 1",
    "DELETE FROM logins; DELETE FROM users WHERE id = 2; INSERT INTO users VALUES (20, 'b@x', 1, 11); INSERT INTO logins VALUES (1, 'b@x', 11, 1, NULL)",
    "TRUNCATE logins",
])
def test_changes_follow(logins, database, graph, change):
    database.execute(change)
    assert_all(logins, database, graph)


@pytest.mark.parametrize("schema, yaml, told", [
    ("CREATE TABLE t (id int PRIMARY KEY, email text REFERENCES users (email) DEFERRABLE)",
     "  User: {table: users}\n  T: {table: t, relationships: {OF: {to: User, column: email}}}\n", "is DEFERRABLE"),
    ("CREATE TABLE t (id int PRIMARY KEY, email text REFERENCES users (email))",
     "  User: {table: users, properties: [id]}\n  T: {table: t, relationships: {OF: {to: User, column: email}}}\n", "not a property there"),
    ("CREATE TABLE t (id int PRIMARY KEY, email text REFERENCES users (email))",
     "  User: {table: users, properties: {id: , email: {case: lower}}}\n  T: {table: t, relationships: {OF: {to: User, column: email}}}\n",
     "not a property there"),
    ("CREATE TABLE t (id int PRIMARY KEY, email text REFERENCES users (email))",
     "  User: {table: users, where: site = 1}\n  T: {table: t, relationships: {OF: {to: User, column: email}}}\n", 'has a "where"'),
    ("CREATE TABLE t (id int PRIMARY KEY, email text REFERENCES users (email))",
     "  User: {table: users, on_delete: keep}\n  T: {table: t, relationships: {OF: {to: User, column: email}}}\n", "nodes stay when their rows go"),
    ("CREATE TABLE t (email text REFERENCES users (email), id bigint REFERENCES users, PRIMARY KEY (email, id))",
     "  User: {table: users}\nrelationships:\n  T: {table: t, from: {User: id}, to: {User: email}}\n", "does not refer to the key"),
])
def test_what_cannot_be_kept_is_refused(database, pgweave, schema, yaml, told):
    database.execute(SCHEMA, schema)
    pgweave.map("nodes:\n" + yaml)
    result = pgweave.command("plan")
    assert result.rc == 65
    assert told in result.stderr
