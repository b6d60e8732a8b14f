"""Relationships that keep their history: every version that PostgreSQL's transactions made, and no other, whatever is killed."""
import datetime
import random
import re
import signal
import subprocess

import pytest

from pgweave import BINARY, ROOT
from waiting import wait_until

pytestmark = pytest.mark.one_mapping("threads")

FOREVER = datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.utc)
SCHEMA = """
    CREATE TABLE users (id bigint PRIMARY KEY, uid text NOT NULL, name text);
    CREATE TABLE threads (id bigint PRIMARY KEY, uid text NOT NULL, title text, hidden boolean,
                          owner bigint REFERENCES users ON UPDATE CASCADE ON DELETE SET NULL,
                          lead bigint REFERENCES users);
    CREATE TABLE items (id bigint PRIMARY KEY, uid text NOT NULL);
    CREATE TABLE thread_content (thread_id bigint REFERENCES threads ON UPDATE CASCADE ON DELETE CASCADE,
                                 content_id bigint REFERENCES items ON UPDATE CASCADE,
                                 relevance double precision, position int, note text, PRIMARY KEY (thread_id, content_id));
    CREATE TABLE watches (id bigint PRIMARY KEY, thread_id bigint REFERENCES threads, user_id bigint REFERENCES users, level int);
    CREATE SEQUENCE ids START 1001;
    ALTER TABLE thread_content ALTER note SET STORAGE EXTERNAL;
    INSERT INTO users SELECT i, 'u' || i, 'name' FROM generate_series(1, 5) i;
    INSERT INTO threads SELECT i, 't' || i, 'title', false, i, i % 2 + 1 FROM generate_series(1, 5) i;
    INSERT INTO items SELECT i, 'i' || i FROM generate_series(1, 5) i;
    INSERT INTO thread_content SELECT i, i % 5 + 1, 0.5, i, 'note' FROM generate_series(1, 4) i;
    INSERT INTO watches SELECT i, i % 5 + 1, i, i FROM generate_series(1, 4) i;
"""
YAML = """
nodes:
  User: {table: users}
  Thread:
    table: threads
    properties: [id, uid, title]
    relationships:
      OWNED_BY: {to: User, column: owner, where: NOT hidden, history: true}
      LEADS: {from: User, column: lead, history: {from: since, to: until, version: number}}
  Item: {table: items}
relationships:
  INCLUDES:
    table: thread_content
    from: {Thread: thread_id}
    to: {Item: content_id}
    properties: {relevanceScore: relevance, position: , note: }
    history: true
  WATCHED_BY:
    table: watches
    where: level < 100
    from: {Thread: thread_id}
    to: {User: user_id}
    properties: [level]
    history: {version: revision}
"""
# (identity..., start's uid, end's uid, properties) of each relationship that there has to be. The identity is told by what
# never changes of a row: what its node carries on when its key changes, and the key of WATCHED_BY.
ROWS = {
    "OWNED_BY": "SELECT t.uid, t.uid, u.uid, '{}'::jsonb FROM threads t JOIN users u ON u.id = t.owner WHERE NOT t.hidden",
    "LEADS": "SELECT t.uid, u.uid, t.uid, '{}'::jsonb FROM threads t JOIN users u ON u.id = t.lead",
    "INCLUDES": "SELECT t.uid || i.uid, t.uid, i.uid, jsonb_strip_nulls(jsonb_build_object('relevanceScore', "
                "CASE WHEN relevance = 'NaN' THEN NULL ELSE relevance END, 'nan', CASE WHEN relevance = 'NaN' THEN true END, 'position', position, 'note', note)) "
                "FROM thread_content c JOIN threads t ON t.id = c.thread_id JOIN items i ON i.id = c.content_id",
    "WATCHED_BY": "SELECT w.id::text, t.uid, u.uid, jsonb_strip_nulls(jsonb_build_object('id', w.id, 'level', level)) "
                  "FROM watches w JOIN threads t ON t.id = w.thread_id JOIN users u ON u.id = w.user_id WHERE level < 100",
}
NAMES = {"OWNED_BY": ("validFrom", "validTo", "version"), "LEADS": ("since", "until", "number"),
         "INCLUDES": ("validFrom", "validTo", "version"), "WATCHED_BY": ("validFrom", "validTo", "revision")}
NODES = "SELECT uid FROM users UNION ALL SELECT uid FROM threads UNION ALL SELECT uid FROM items"


def order(version):
    return version[0], version[1], version[2], version[5], sorted(version[4].items())


class Historian:
    """The versions that there have to be: made by running transactions one by one, and looking at the rows after each.

    A time is the number of the transaction; forever is None.
    """

    def __init__(self, database, rows=None):
        self.database = database
        self.rows = rows or ROWS
        self.brackets = []
        self.versions = {type: {} for type in self.rows}
        self.current = {type: {} for type in self.rows}
        self.observe(self.clock(), None)

    def clock(self):
        return self.database.value("SELECT clock_timestamp()")

    def run(self, *transactions):
        for transaction in transactions:
            before = self.clock()
            self.database.execute(transaction)
            self.observe(before, self.clock())

    def observe(self, before, after):
        """After the transaction of that bracket; the first is open until the graph is loaded."""
        self.brackets.append((before, after))
        time = len(self.brackets) - 1
        nodes = {uid for (uid,) in self.database.query(NODES)}
        for type, sql in self.rows.items():
            now = {identity: (start, end, properties) for identity, start, end, properties in self.database.query(sql)}
            for identity, was in list(self.current[type].items()):
                if now.get(identity) != was:
                    self.versions[type][identity][-1][3] = time
                    del self.current[type][identity]
            for identity, what in now.items():
                if identity not in self.current[type]:
                    versions = self.versions[type].setdefault(identity, [])
                    number = 1 + max((version[5] for version in versions), default=0)
                    versions.append([*what[:2], time, None, what[2], number])
                    self.current[type][identity] = what
            for versions in self.versions[type].values():  # a node takes its history along
                versions[:] = [version for version in versions if version[0] in nodes and version[1] in nodes]

    def loaded(self):
        self.brackets[0] = (self.brackets[0][0], self.clock())

    def expected(self):
        """type -> the versions: start, end, from, to, properties, number."""
        return {type: sorted(([*version] for versions in by_identity.values() for version in versions), key=order)
                for type, by_identity in self.versions.items()}

    def time(self, moment):
        if moment == FOREVER:
            return None
        found = [number for number, (before, after) in enumerate(self.brackets) if before <= moment <= after]
        assert len(found) == 1, f"{moment} is of the transactions {found}: {self.brackets}"
        return found[0]

    def found(self, graph):
        versions = {}
        for type in self.rows:
            since, until, number = NAMES[type]
            versions[type] = []
            for record in graph.query(f"MATCH (a)-[e:{type}]->(b) RETURN a.uid AS a, b.uid AS b, properties(e) AS p"):
                properties = record["p"]
                properties.pop("mine", None)
                counted = properties.pop(number)
                if properties.get("relevanceScore") != properties.get("relevanceScore"):
                    del properties["relevanceScore"]
                    properties["nan"] = True
                versions[type].append([record["a"], record["b"], self.time(properties.pop(since).to_native()),
                                       self.time(properties.pop(until).to_native()), properties, counted])
            versions[type].sort(key=order)
        return versions

    def check(self, pgweave, graph):
        pgweave.catch_up()
        found = self.found(graph)
        for type, versions in self.expected().items():
            assert found[type] == versions, f"{type}\nfound    {found[type]}\nexpected {versions}"
        assert graph.value("MATCH (n:_PgweaveDeadLetter) RETURN count(n)") == 0
        assert graph.value("MATCH (n:_PgweavePlaceholder) RETURN count(n)") == 0
        pgweave.verify()


@pytest.fixture
def threads(database, pgweave):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    historian = Historian(database)
    pgweave.start_and_catch_up()
    historian.loaded()
    pgweave.historian = historian
    return pgweave


def test_first_load(threads, graph):
    threads.historian.check(threads, graph)
    assert graph.query("MATCH (:Thread {id: 1})-[e:INCLUDES]->() RETURN keys(e) AS k, e.version AS v")[0]["v"] == 1
    assert graph.value("SHOW CONSTRAINTS YIELD entityType WHERE entityType = 'RELATIONSHIP' RETURN count(*)") == 0
    assert graph.value("SHOW INDEXES YIELD labelsOrTypes, properties WHERE labelsOrTypes = ['WATCHED_BY'] AND properties = ['id'] RETURN count(*)") == 1


# Each a list of transactions.
CHANGES = {
    "nothing mapped": ["UPDATE thread_content SET relevance = 0.5, position = position", "UPDATE threads SET title = 'x'", "UPDATE watches SET level = level"],
    "properties": ["UPDATE thread_content SET relevance = 0.75 WHERE thread_id < 3", "UPDATE thread_content SET position = NULL WHERE thread_id = 1",
                   "UPDATE thread_content SET position = 7 WHERE thread_id = 1", "UPDATE watches SET level = 5 - level"],
    "NaN is NaN": ["UPDATE thread_content SET relevance = 'NaN'", "UPDATE thread_content SET relevance = 'NaN', position = position", "UPDATE thread_content SET relevance = 1"],
    "a large value that is not sent": ["UPDATE thread_content SET note = repeat('x', 5000) WHERE thread_id = 1", "UPDATE thread_content SET position = 50 WHERE thread_id = 1",
                                       "UPDATE thread_content SET position = 51 WHERE thread_id = 1; UPDATE thread_content SET position = 52 WHERE thread_id = 1"],
    "several changes in one transaction": ["UPDATE thread_content SET position = 1; UPDATE thread_content SET position = 2; UPDATE thread_content SET relevance = 9",
                                           "UPDATE watches SET level = 7 WHERE id = 1; UPDATE watches SET level = 1 WHERE id = 1"],
    "comes and goes": ["INSERT INTO thread_content VALUES (1, 5, 1, 1, 'n'); DELETE FROM thread_content WHERE content_id = 5 AND thread_id = 1",
                       "INSERT INTO thread_content VALUES (1, 5, 1, 1, 'n')", "DELETE FROM thread_content WHERE content_id = 5 AND thread_id = 1",
                       "INSERT INTO thread_content VALUES (1, 5, 1, 1, 'n')"],
    "deleted and made again": ["DELETE FROM thread_content WHERE thread_id = 2", "INSERT INTO thread_content VALUES (2, 3, 0.5, 2, 'note')",
                               "DELETE FROM thread_content WHERE thread_id = 2; INSERT INTO thread_content VALUES (2, 3, 0.5, 2, 'note')",
                               "DELETE FROM thread_content WHERE thread_id = 2; INSERT INTO thread_content VALUES (2, 3, 0.5, 3, 'note')",
                               "DELETE FROM watches; INSERT INTO watches VALUES (1, 1, 1, 1)"],
    "TRUNCATE": ["TRUNCATE thread_content", "INSERT INTO thread_content VALUES (1, 2, 1, 1, 'n')", "TRUNCATE watches, thread_content",
                 "INSERT INTO watches VALUES (1, 1, 1, 1), (9, 1, 2, 1)"],
    "TRUNCATE within a transaction": ["INSERT INTO thread_content VALUES (5, 5, 1, 1, 'n'); TRUNCATE thread_content; INSERT INTO thread_content VALUES (1, 2, 0.5, 1, 'note')",
                                      "UPDATE watches SET level = 3; TRUNCATE watches; INSERT INTO watches VALUES (1, 2, 1, 3), (3, 4, 4, 3)"],
    "foreign keys": ["UPDATE threads SET owner = 5 WHERE id = 1", "UPDATE threads SET owner = NULL WHERE id = 1", "UPDATE threads SET owner = 1, lead = NULL",
                     "UPDATE threads SET owner = 2, title = 'y'; UPDATE threads SET owner = 1", "UPDATE threads SET lead = 3, owner = 3 WHERE id = 4",
                     "UPDATE threads SET title = 'z', lead = lead"],
    "title between": ["UPDATE threads SET owner = 5 WHERE id = 1", "UPDATE threads SET title = 'a' WHERE id = 1; UPDATE threads SET owner = 4 WHERE id = 1",
                      "UPDATE threads SET title = 'b' WHERE id = 1", "UPDATE threads SET title = 'c' WHERE id = 1", "UPDATE threads SET owner = 3 WHERE id = 1"],
    "in and out of a condition": ["UPDATE threads SET hidden = true WHERE id < 3", "UPDATE threads SET hidden = false WHERE id = 1", "UPDATE watches SET level = 100 WHERE id = 1",
                                  "UPDATE watches SET level = 1 WHERE id = 1", "UPDATE watches SET level = 100 WHERE id = 1; UPDATE watches SET level = 1 WHERE id = 1"],
    "ends that move": ["UPDATE thread_content SET content_id = 5 WHERE thread_id = 1", "UPDATE thread_content SET content_id = 4, position = 9 WHERE thread_id = 1",
                       "UPDATE thread_content SET content_id = 5 WHERE thread_id = 1", "UPDATE watches SET thread_id = 5 WHERE id = 2",
                       "UPDATE watches SET user_id = 5, level = 3 WHERE id = 2; UPDATE watches SET user_id = 4 WHERE id = 2", "UPDATE watches SET user_id = NULL WHERE id = 2",
                       "UPDATE watches SET user_id = 4 WHERE id = 2"],
    "a key of its own that changes": ["UPDATE watches SET id = 20 WHERE id = 2", "UPDATE watches SET id = 2, level = 9 WHERE id = 20",
                                      "UPDATE watches SET id = id + 100", "UPDATE watches SET level = 0; UPDATE watches SET id = id - 100 WHERE id < 103"],
    "keys of nodes that change": ["UPDATE items SET id = id + 10", "UPDATE thread_content SET position = 3", "UPDATE watches SET thread_id = 1; UPDATE threads SET id = 9 WHERE id = 5",
                                  "UPDATE thread_content SET content_id = 11 WHERE thread_id = 4", "UPDATE users SET id = 50 WHERE id = 5",
                                  "UPDATE items SET id = id - 10; UPDATE thread_content SET relevance = 2"],
    "a key that another row takes": ["UPDATE watches SET user_id = 5 WHERE id < 4", "UPDATE users SET name = 'behind 5' WHERE id = 4; UPDATE watches SET user_id = 5",
                                     "SET enable_indexscan = off; SET enable_bitmapscan = off; UPDATE users SET id = CASE id WHEN 5 THEN 55 ELSE 5 END WHERE id IN (4, 5)", "UPDATE watches SET level = 50"],
    "nodes that go": ["UPDATE thread_content SET position = 77", "DELETE FROM watches", "DELETE FROM threads WHERE id = 1", "UPDATE threads SET owner = 2 WHERE id = 3",
                      "UPDATE threads SET lead = NULL; DELETE FROM users WHERE id = 3", "DELETE FROM threads"],
    "born and moved": ["INSERT INTO users VALUES (6, 'u6'); INSERT INTO threads VALUES (6, 't6', 'n', false, 6, 6); INSERT INTO watches VALUES (6, 6, 6, 6)",
                       "UPDATE threads SET owner = 1 WHERE id = 6", "INSERT INTO threads VALUES (7, 't7', 'n', false, 6, 6); UPDATE threads SET owner = 5 WHERE id = 7",
                       "DELETE FROM watches WHERE id = 6; DELETE FROM threads WHERE id = 6"],
}


@pytest.mark.sampled(18)
@pytest.mark.parametrize("batched", [False, True], ids=["one by one", "in a batch"])
@pytest.mark.parametrize("name", CHANGES)
def test_versions(threads, graph, name, batched):
    if batched:
        threads.terminate()
        threads.historian.run("UPDATE users SET name = 'goes ahead by itself'")
    for transaction in CHANGES[name]:
        threads.historian.run(transaction)
        if not batched:
            threads.historian.check(threads, graph)
    if batched:
        threads.start()
    threads.historian.check(threads, graph)


@pytest.mark.sampled(0)
def test_what_is_graph_only_goes_along(threads, graph):
    graph.query("MATCH (a)-[e:INCLUDES|WATCHED_BY|OWNED_BY]->() SET e.mine = type(e) + a.uid")
    threads.historian.run("UPDATE thread_content SET position = 9", "UPDATE watches SET user_id = 5, level = 9", "UPDATE threads SET owner = 1",
                          "UPDATE thread_content SET content_id = 1 WHERE thread_id = 3", "UPDATE watches SET id = 77 WHERE id = 4")
    threads.historian.check(threads, graph)
    assert graph.value("MATCH (a)-[e:INCLUDES|WATCHED_BY|OWNED_BY]->() RETURN collect(DISTINCT e.mine = type(e) + a.uid)") == [True]
    # what was away is another one when it comes back
    threads.historian.run("DELETE FROM thread_content WHERE thread_id = 1", "INSERT INTO thread_content VALUES (1, 2, 1, 1, 'n')")
    threads.historian.check(threads, graph)
    assert graph.query("MATCH (:Thread {id: 1})-[e:INCLUDES]->() RETURN e.mine AS mine ORDER BY e.version")[-1]["mine"] is None


@pytest.mark.sampled(0)
@pytest.mark.parametrize("batched", [False, True], ids=["one by one", "in a batch"])
@pytest.mark.parametrize("on_delete", ["restrict", "tombstone", "keep"])
def test_nodes_that_stay(database, pgweave, graph, on_delete, batched):
    """A node that stays has its history still, and goes on with it when its row comes back."""
    database.execute("CREATE TABLE teams (id bigint PRIMARY KEY); CREATE TABLE people (id bigint PRIMARY KEY, team bigint REFERENCES teams, gone boolean); "
                     "CREATE TABLE helps (person bigint REFERENCES people, team bigint REFERENCES teams, PRIMARY KEY (person, team)); "
                     "INSERT INTO teams VALUES (1), (2); INSERT INTO people VALUES (1, 1), (2, 1); INSERT INTO helps VALUES (1, 1), (2, 2)")
    pgweave.map(f"nodes:\n  Team: {{table: teams, on_delete: {on_delete}}}\n"
                f"  Person: {{table: people, on_delete: {on_delete}, relationships: {{IN: {{to: Team, column: team, history: true}}}}}}\n"
                "relationships:\n  HELPS: {table: helps, from: {Person: person}, to: {Team: team}, history: true}\n")
    pgweave.start_and_catch_up()
    if batched:
        assert pgweave.terminate() == 0
        database.execute("UPDATE teams SET id = id")
    for transaction in ("UPDATE people SET team = 2", "DELETE FROM helps WHERE person = 1; DELETE FROM people WHERE id = 1", "INSERT INTO people VALUES (1, 2)",
                        "INSERT INTO helps VALUES (1, 1)", "DELETE FROM helps; DELETE FROM people; DELETE FROM teams WHERE id = 1"):
        database.execute(transaction)
        if not batched:
            pgweave.catch_up()
            pgweave.verify()
    if batched:
        pgweave.start()
    pgweave.catch_up()
    pgweave.verify()
    found = graph.query("MATCH (a {id: 1})-[e:IN|HELPS]->(b) RETURN type(e) AS type, b.id AS to, e.version AS version, "
                        "e.validTo = datetime('9999-12-31T00:00:00Z') AS current ORDER BY type, version")
    kept = on_delete == "keep"  # what stays with its row's last values is current still
    assert [tuple(record.values()) for record in found] == [
        ("HELPS", 1, 1, False), ("HELPS", 1, 2, False), ("IN", 1, 1, False), ("IN", 2, 2, kept), *([] if kept else [("IN", 2, 3, False)])]


# type, what follows the column in the mapping, a value, another one
TYPES = [
    ("bool", "", "true", "false"), ("bigint", "", "9007199254740993", "9007199254740992"), ("real", "", "'NaN'", "0.1"),
    ("double precision", "", "'-Infinity'", "'NaN'"), ("numeric", "{as: float}", "'NaN'", "1.5"), ("numeric", "", "1.0", "1.00"), ("text", "", "''", "'x'"),
    ("bytea", "", "'\\x00ff'", "'\\x00fe'"), ("date", "", "'infinity'", "'2024-02-29'"), ("time", "", "'24:00'", "'12:00'"), ("timetz", "", "'12:00+02'", "'10:00+00'"),
    ("timestamp", "", "'2024-02-29 12:00'", "NULL"), ("timestamptz", "", "'2024-02-29 12:00+02'", "'2024-02-29 12:00+00'"), ("interval", "", "'1 month'", "'30 days'"),
    ("jsonb", "", "'{\"a\": [1, 2]}'", "'null'"), ("jsonb", "{path: a}", "'{\"a\": [1, 2.5]}'", "'{\"a\": \"x\"}'"), ("point", "", "'(1,2)'", "'(1,3)'"),
    ("int[]", "", "'{1,2}'", "'{}'"), ("real[]", "", "'{NaN,1}'", "'{NaN,2}'"), ("numeric[]", "{as: float}", "'{NaN,1.0}'", "'{1.0}'"), ("text[]", "", "'{a,b}'", "'{b,a}'"),
    ("timestamptz[]", "", "'{2024-02-29 12:00+02}'", "NULL"), ("bool[]", "", "'{t,f}'", "'{t}'"), ("double precision", "{scale: 0.1}", "'NaN'", "3"),
    ("text", "{split: ','}", "'a,b'", "'b'"), ("int4range", "", "'[1,5)'", "'empty'"), ("bigint", "{epoch: seconds}", "0", "1"),
]


@pytest.mark.sampled(0)
def test_every_type_is_equal_to_itself(database, pgweave, graph):
    """An UPDATE to the same value opens no version, one to another value does."""
    database.execute("CREATE TABLE a (id bigint PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE j (id bigint REFERENCES a, b bigint REFERENCES a, "
                     + ", ".join(f"c{i} {type}" for i, (type, *_) in enumerate(TYPES)) + ", PRIMARY KEY (id, b)); "
                     f"INSERT INTO j VALUES (1, 1, {', '.join(value for _, _, value, _ in TYPES)})")
    listed = ", ".join(f"c{i}: {how}" for i, (_, how, *_) in enumerate(TYPES))
    pgweave.map(f"nodes:\n  A: {{table: a}}\nrelationships:\n  J: {{table: j, from: {{A: id}}, to: {{A: b}}, properties: {{{listed}}}, history: true}}\n")
    pgweave.start_and_catch_up()
    for count in (1, 1 + len(TYPES)):
        for _ in range(2):
            database.execute("UPDATE j SET b = b")
        pgweave.catch_up()
        assert graph.value("MATCH ()-[e:J]->() RETURN count(e)") == count
        if count == 1:
            for i, (*_, other) in enumerate(TYPES):
                database.execute(f"UPDATE j SET c{i} = {other}")
    pgweave.verify()
    pairs = graph.query("MATCH ()-[e:J]->() WITH properties(e) AS p ORDER BY e.version WITH collect(p) AS ps UNWIND range(1, size(ps) - 1) AS i "
                        "RETURN i - 1 AS column, [k IN keys(ps[i - 1]) + keys(ps[i]) WHERE k STARTS WITH 'c' AND coalesce(ps[i - 1][k] <> ps[i][k], "
                        "(ps[i - 1][k] IS NULL) <> (ps[i][k] IS NULL))] AS changed")
    assert all(f"c{pair['column']}" in pair["changed"] for pair in pairs)


# Kills, broken networks, loads over what is there.

STEPS = [
    "INSERT INTO thread_content VALUES ({a}, {b}, {n}, {n}, 'n') ON CONFLICT (thread_id, content_id) DO UPDATE SET position = {n}",
    "UPDATE thread_content SET position = position + {a} WHERE thread_id > {b}",
    "DELETE FROM thread_content WHERE thread_id = {a}",
    "DELETE FROM thread_content WHERE content_id = {a}; INSERT INTO thread_content SELECT {a}, id, 1, 1, 'n' FROM items WHERE id < {b} ON CONFLICT DO NOTHING",
    "UPDATE thread_content c SET content_id = {b} WHERE thread_id = {a} AND content_id = (SELECT min(content_id) FROM thread_content WHERE thread_id = {a}) "
    "AND NOT EXISTS (SELECT FROM thread_content d WHERE d.thread_id = {a} AND d.content_id = {b})",
    "UPDATE threads SET owner = {b}, lead = nullif({a}, 3) WHERE id = {a}",
    "UPDATE threads SET owner = NULL WHERE id = {a}; UPDATE threads SET title = 'x{n}'",
    "UPDATE threads SET hidden = NOT hidden WHERE id = {a} OR id = {b}",
    "INSERT INTO watches VALUES ({a}, {b}, {a}, {n}) ON CONFLICT (id) DO UPDATE SET thread_id = {b}, level = {n}",
    "UPDATE watches SET level = 100 + {n} WHERE id = {a}; UPDATE watches SET user_id = {b} WHERE id <> {a}",
    "UPDATE watches SET id = id + 10 * {b} WHERE id = {a} AND NOT EXISTS (SELECT FROM watches w WHERE w.id = {a} + 10 * {b})",
    "DELETE FROM watches WHERE id = {a} OR id > 20",
    "TRUNCATE watches; INSERT INTO watches VALUES ({a}, {a}, {b}, 1)",
    "INSERT INTO users SELECT nextval('ids'), 'u' || currval('ids'); UPDATE threads SET owner = currval('ids') WHERE id = {a}",
    "DELETE FROM users WHERE id = (SELECT max(id) FROM users WHERE id > 1000) AND NOT EXISTS (SELECT FROM threads WHERE lead = users.id)",
]


def run_some(historian, dice, count):
    for n in range(count):
        for _ in range(dice.randrange(1, 3)):
            historian.run(dice.choice(STEPS).format(a=dice.randrange(1, 6), b=dice.randrange(1, 6), n=n + 1))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again(threads, graph, seed):
    dice = random.Random(seed)
    for _ in range(6):
        run_some(threads.historian, dice, 12)
        threads.kill()
        graph.wait_until_quiet()
        run_some(threads.historian, dice, 4)
        threads.start()
    threads.historian.check(threads, graph)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("seed", range(8))
def test_killed_at_a_byte_of_the_bolt_stream(database, neo4j_network, pgweave, graph, seed):
    """Within a batch that has versions of many transactions: also when the commit is on its way."""
    dice = random.Random(seed)
    database.execute(SCHEMA)
    pgweave.map(YAML)
    historian = Historian(database)
    pgweave.start_and_catch_up()
    historian.loaded()
    assert pgweave.terminate() == 0
    for _ in range(3):
        run_some(historian, dice, 30)
        pgweave.start()
        process = pgweave.process
        neo4j_network.call_at(neo4j_network.sent + dice.randrange(3000, 20000), process.kill)
        run_some(historian, dice, 10)
        wait_until(lambda: not pgweave.running or not neo4j_network._alarm or historian.run("UPDATE users SET name = 'x' || random()"), timeout_s=60)
        pgweave.kill()
        graph.wait_until_quiet()
    pgweave.start()
    historian.check(pgweave, graph)


@pytest.mark.sampled(0)
def test_a_network_that_breaks(database, neo4j_network, pgweave, graph):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    historian = Historian(database)
    pgweave.start_and_catch_up()
    historian.loaded()
    dice = random.Random(1)
    for _ in range(4):
        neo4j_network.cut_after(dice.randrange(1, 2000))
        run_some(historian, dice, 10)
        wait_until(lambda: neo4j_network.is_cut or historian.run("UPDATE users SET name = 'x' || random()"), timeout_s=60)
    historian.check(pgweave, graph)


@pytest.mark.sampled(0)
def test_a_load_that_is_killed_and_begun_again(database, neo4j_network, pgweave, graph):
    database.execute(SCHEMA)
    pgweave.map(YAML)
    historian = Historian(database)
    for pattern in (b"INCLUDES", b"LEADS", b"streaming"):
        gate = neo4j_network.gate(pattern)
        pgweave.start()
        gate.wait_until_reached()
        pgweave.kill()
        gate.drop()
        neo4j_network.forget_gates()
        graph.wait_until_quiet()
    pgweave.start()
    pgweave.catch_up()
    historian.loaded()
    historian.check(pgweave, graph)
    assert graph.value("MATCH ()-[e:INCLUDES]->() RETURN collect(DISTINCT e.version)") == [1]


def test_a_load_over_what_is_there(threads, database, graph):
    """What agrees stays, what differs ends and goes on, what has no row ends: at the moment of the load."""
    threads.historian.run("UPDATE thread_content SET position = 9 WHERE thread_id = 1")
    threads.historian.check(threads, graph)
    assert threads.terminate() == 0
    before = threads.historian.clock()
    database.execute("SELECT pg_drop_replication_slot('pgweave_e2e')")
    database.execute("UPDATE thread_content SET position = 7 WHERE thread_id = 2; DELETE FROM thread_content WHERE thread_id = 3; "
                     "INSERT INTO thread_content VALUES (5, 5, 1, 1, 'n')", "UPDATE watches SET thread_id = 1, level = 8 WHERE id = 2; DELETE FROM watches WHERE id = 3",
                     "UPDATE threads SET owner = 5 WHERE id = 1; UPDATE threads SET lead = NULL WHERE id = 2; UPDATE threads SET hidden = true WHERE id = 3")
    threads.start("--resnapshot")
    threads.catch_up()
    threads.historian.observe(before, threads.historian.clock())
    threads.historian.check(threads, graph)
    threads.historian.run("UPDATE thread_content SET position = 8 WHERE thread_id = 2", "INSERT INTO thread_content VALUES (3, 4, 0.5, 3, 'note')")
    threads.historian.check(threads, graph)


def test_a_second_current_version_is_told_and_closed(threads, database, graph):
    threads.historian.check(threads, graph)
    assert threads.terminate() == 0
    for type in ("INCLUDES", "WATCHED_BY"):
        graph.query(f"MATCH (a)-[e:{type}]->(b) WITH a, e, b LIMIT 1 CREATE (a)-[f:{type}]->(b) SET f = e, f.validFrom = datetime('2001-01-01T00:00Z'), f.version = 0, f.revision = 0")
    graph.query("MATCH (a:Thread {id: 1}), (u:User {id: 5}) CREATE (a)-[:OWNED_BY {validFrom: datetime('2001-01-01T00:00Z'), validTo: datetime('9999-12-31T00:00Z'), version: 7}]->(u)")
    graph.query("MATCH (t:Thread {id: 2}), (i:Item {id: 5}) CREATE (t)-[:INCLUDES {by: 'hand'}]->(i)")
    found = threads.command("verify", "--json")
    assert found.rc == 1
    assert sorted(difference["kind"] for difference in found.json["differences"]) == ["edge_extra"] * 4
    threads.start("--resnapshot")
    threads.catch_up()
    threads.verify()
    assert graph.value("MATCH ()-[e]->() WHERE e.validFrom < datetime('2002-01-01T00:00Z') AND e.validTo < datetime() RETURN count(e)") == 3
    assert graph.value("MATCH ()-[e:INCLUDES {by: 'hand'}]->() RETURN count(e)") == 0


@pytest.mark.sampled(0)
def test_a_row_that_is_refused_leaves_no_version(threads, database, graph):
    """The batch is halved until it is found, and the rest of the batch has its versions once."""
    graph.query("CREATE INDEX long FOR ()-[e:INCLUDES]-() ON (e.note)")
    assert threads.terminate() == 0
    threads.historian.run("UPDATE users SET name = 'goes ahead'", "UPDATE thread_content SET position = 5 WHERE thread_id < 3")
    database.execute("INSERT INTO thread_content VALUES (5, 5, 1, 1, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i))")
    threads.historian.run("UPDATE threads SET owner = 4", "UPDATE thread_content SET position = 6 WHERE thread_id < 5",
                          "DELETE FROM thread_content WHERE thread_id = 5", "UPDATE thread_content SET relevance = 2")
    threads.start()
    threads.catch_up()
    assert graph.value("MATCH (n:_PgweaveDeadLetter) RETURN count(n)") == 1
    graph.query("MATCH (n:_PgweaveDeadLetter) DELETE n")
    for versions in threads.historian.versions["INCLUDES"].values():  # those of the row that Neo4j never had
        versions[:] = [version for version in versions if version[:2] != ["t5", "i5"]]
    threads.historian.check(threads, graph)


@pytest.mark.sampled(0)
def test_a_transaction_that_goes_in_pieces_is_one_version(database, pgweave, graph):
    database.execute("CREATE TABLE a (id bigint PRIMARY KEY, boss bigint REFERENCES a); INSERT INTO a SELECT i, 1 FROM generate_series(1, 3000) i; "
                     "CREATE TABLE j (id bigint REFERENCES a, b bigint REFERENCES a, n int, PRIMARY KEY (id, b)); INSERT INTO j SELECT i, 1, 0 FROM generate_series(1, 3000) i")
    pgweave.map("nodes:\n  A: {table: a, relationships: {OF: {to: A, column: boss, history: true}}}\n"
                "relationships:\n  J: {table: j, from: {A: id}, to: {A: b}, history: true}\nstream: {transaction_size: 64KiB, batch_rows: 100}\n")
    pgweave.start_and_catch_up()
    database.execute("UPDATE a SET boss = 2; UPDATE j SET n = 1; UPDATE j SET n = 2; UPDATE a SET boss = 3; DELETE FROM j WHERE id % 3 = 0; "
                     "INSERT INTO j SELECT i, 1, 3 FROM generate_series(3, 3000, 3) i")
    for _ in range(4):
        wait_until(lambda: graph.value("MATCH (c:_PgweaveCheckpoint) RETURN c.piece_changes") or graph.value("MATCH ()-[e:J {n: 3, version: 2}]->() RETURN count(e)") == 1000)
        pgweave.kill()
        graph.wait_until_quiet()
        pgweave.start()
    pgweave.catch_up()
    for type, values in (("OF", "endNode(e).id"), ("J", "e.n")):
        found = graph.query(f"MATCH ()-[e:{type}]->() RETURN {values} AS value, e.version AS version, e.validTo = datetime('9999-12-31T00:00:00Z') AS current, count(*) AS count "
                            "ORDER BY version, value")
        expected = {"OF": [(1, 1, False, 3000), (3, 2, True, 3000)], "J": [(0, 1, False, 3000), (2, 2, True, 2000), (3, 2, True, 1000)]}[type]
        assert [tuple(record.values()) for record in found] == expected
    assert graph.value("MATCH ()-[e]->() WHERE e.version = 2 RETURN count(DISTINCT e.validFrom)") == 1
    pgweave.verify()


# A changed mapping.

def remap(pgweave, historian, *edits):
    """The moment of it counts as a transaction: what it loads begins or ends then."""
    pgweave.catch_up()
    assert pgweave.terminate() == 0
    text = pgweave.mapping_file.read_text()
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after)
    pgweave.mapping_file.write_text(text)
    before = historian.clock()
    applied = pgweave.command("apply")
    assert applied.rc == 0, applied.stderr
    historian.observe(before, historian.clock())
    pgweave.start()
    return historian


PLAIN = [(", history: true}\n      LEADS", "}\n      LEADS"), (", history: {from: since, to: until, version: number}", ""),
         ("note: }\n    history: true", "note: }"), ("    history: {version: revision}\n", "")]


def test_history_added(database, pgweave, graph):
    """What is there becomes version 1 from then on, with what is graph-only on it."""
    database.execute(SCHEMA)
    pgweave.map(YAML)
    for before, after in PLAIN:
        pgweave.mapping_file.write_text(pgweave.mapping_file.read_text().replace(before, after))
    assert "history" not in pgweave.mapping_file.read_text()
    pgweave.start_and_catch_up()
    graph.query("MATCH ()-[e:INCLUDES|WATCHED_BY]->() SET e.mine = 1")
    database.execute("UPDATE thread_content SET position = 12; DELETE FROM watches WHERE id = 4")
    pgweave.catch_up()
    assert pgweave.terminate() == 0
    database.execute("UPDATE thread_content SET position = 13 WHERE thread_id = 1", "DELETE FROM thread_content WHERE thread_id = 2", "UPDATE threads SET owner = 3 WHERE id = 1")
    historian = Historian(database)
    pgweave.map(YAML)
    planned = pgweave.command("plan")
    assert planned.stdout.count("keeps its history from now on") == 4, planned.stdout
    applied = pgweave.command("apply")
    assert applied.rc == 0, applied.stderr
    historian.brackets[0] = (database.value("SELECT now() - interval '1 hour'"), historian.clock())
    pgweave.start()
    historian.check(pgweave, graph)
    assert graph.value("MATCH ()-[e:INCLUDES|WATCHED_BY]->() RETURN collect(DISTINCT e.mine)") == [1]
    historian.run(*CHANGES["properties"], *CHANGES["ends that move"])
    historian.check(pgweave, graph)


@pytest.mark.sampled(0)
def test_history_renamed(threads, graph):
    historian = threads.historian
    historian.run(*CHANGES["properties"], *CHANGES["foreign keys"])
    historian.check(threads, graph)
    remap(threads, historian, ("since, to: until, version: number", "a, to: b"), ("history: {version: revision}", "history: {from: x, to: y, version: z}"),
          ("history: true\n  WATCHED_BY", "history: {}\n  SEEN_BY"), ("      LEADS: {from: User", "      LED_BY: {to: User"))
    NAMES.update({"SEEN_BY": ("x", "y", "z"), "LED_BY": ("a", "b", "version")})
    for old, new in (("WATCHED_BY", "SEEN_BY"), ("LEADS", "LED_BY")):
        historian.rows = {**historian.rows, new: historian.rows[old]}
        del historian.rows[old]
        for what in (historian.versions, historian.current):
            what[new] = what.pop(old)
    historian.rows["LED_BY"] = "SELECT t.uid, t.uid, u.uid, '{}'::jsonb FROM threads t JOIN users u ON u.id = t.lead"
    for versions in historian.versions["LED_BY"].values():
        for version in versions:
            version[0], version[1] = version[1], version[0]
    historian.current["LED_BY"] = {identity: (end, start, properties) for identity, (start, end, properties) in historian.current["LED_BY"].items()}
    historian.check(threads, graph)
    historian.run("UPDATE watches SET level = 60", "UPDATE threads SET lead = 5")
    historian.check(threads, graph)


@pytest.mark.sampled(0)
def test_properties_come_and_go(threads, graph):
    """Of all versions, the past ones too; what comes begins a version."""
    historian = threads.historian
    historian.run(*CHANGES["properties"])
    remap(threads, historian, ("position: , note: ", "place: position"))
    for type in (historian.versions["INCLUDES"], ):
        for versions in type.values():
            for version in versions:
                version[4] = {{"position": "place"}.get(name, name): value for name, value in version[4].items() if name != "note"}
    historian.rows = {**historian.rows, "INCLUDES": historian.rows["INCLUDES"].replace("'position'", "'place'").replace(", 'note', note", "")}
    historian.current["INCLUDES"] = {identity: (start, end, properties) for identity, start, end, properties in historian.database.query(historian.rows["INCLUDES"])}
    historian.check(threads, graph)
    remap(threads, historian, ("place: position", "place: position, words: note"))
    historian.rows["INCLUDES"] = historian.rows["INCLUDES"].replace("'place', position", "'place', position, 'words', note")
    historian.observe(*historian.brackets.pop())
    historian.check(threads, graph)


@pytest.mark.sampled(0)
def test_history_taken_away(threads, database, graph):
    historian = threads.historian
    historian.run(*CHANGES["properties"], *CHANGES["foreign keys"])
    historian.check(threads, graph)
    assert threads.terminate() == 0
    text = threads.mapping_file.read_text()
    for before, after in PLAIN:
        threads.mapping_file.write_text(threads.mapping_file.read_text().replace(before, after))
    refused = threads.command("apply")
    assert refused.rc == 74 and "take it out of the file, apply that, and put it back" in refused.stderr
    threads.mapping_file.write_text(text)
    threads.start_and_catch_up()
    remap(threads, historian, *PLAIN[:3])
    threads.catch_up()
    assert graph.value("MATCH ()-[e:OWNED_BY|LEADS|INCLUDES]->() RETURN [k IN collect(keys(e)) WHERE size(k) > 3 OR 'validFrom' IN k OR 'version' IN k]") == []
    for type in ("OWNED_BY", "LEADS", "INCLUDES"):
        assert graph.value(f"MATCH ()-[e:{type}]->() RETURN count(e)") == len(database.query(ROWS[type]))
    threads.verify()
    text = threads.mapping_file.read_text()
    remap(threads, historian, (text[text.index("  WATCHED_BY:"):], ""))
    remap(threads, historian, ("note: }\n", "note: }\n" + text[text.index("  WATCHED_BY:"):].replace(PLAIN[3][0], "")))
    threads.catch_up()
    assert graph.query("MATCH ()-[e:WATCHED_BY]->() UNWIND keys(e) AS key RETURN DISTINCT key ORDER BY key") == [{"key": "id"}, {"key": "level"}]
    threads.verify()


@pytest.mark.sampled(0)
@pytest.mark.parametrize("sent", range(4000, 20000, 2000))
def test_a_changed_mapping_that_is_killed(database, neo4j_network, pgweave, graph, sent):
    """Added, with rows that change meanwhile: no version twice, none without a row."""
    database.execute(SCHEMA)
    pgweave.map(YAML)
    for before, after in PLAIN:
        pgweave.mapping_file.write_text(pgweave.mapping_file.read_text().replace(before, after))
    pgweave.start_and_catch_up()
    assert pgweave.terminate() == 0
    pgweave.map(YAML)
    assert pgweave.command("plan").rc == 0
    pgweave.start()
    assert pgweave.expect_exit() == 74
    historian = Historian(database)
    process = start_apply(pgweave)
    neo4j_network.call_at(neo4j_network.sent + sent, process.kill)
    assert process.wait(120) == -signal.SIGKILL
    graph.wait_until_quiet()
    applied = pgweave.command("apply")
    assert applied.rc == 0, applied.stderr
    historian.loaded()
    pgweave.start()
    historian.check(pgweave, graph)
    run_some(historian, random.Random(sent), 10)
    historian.check(pgweave, graph)


def start_apply(pgweave):
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", str(BINARY), "-c", str(pgweave.mapping_file), "apply"], cwd=pgweave.folder,
                            env=pgweave.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# The page.

PAGE = (ROOT / "docs" / "mapping.md").read_text()
RECIPES = re.findall(r"```cypher\n(.*?)```", PAGE[PAGE.index("## History"):PAGE.index("## Computed properties")], re.DOTALL)


def test_the_recipes_of_the_page(database, pgweave, graph):
    """They answer what PostgreSQL answered then."""
    at, now, history, changed = RECIPES
    database.execute("CREATE TABLE threads (id bigint PRIMARY KEY); CREATE TABLE items (id bigint PRIMARY KEY); "
                     "CREATE TABLE thread_content (thread_id bigint REFERENCES threads, content_id bigint REFERENCES items, relevance double precision, position int, "
                     "PRIMARY KEY (thread_id, content_id)); INSERT INTO threads VALUES (1), (2); INSERT INTO items SELECT generate_series(1, 4); "
                     "INSERT INTO thread_content VALUES (1, 1, 0.5, 1), (1, 2, 0.5, 2), (2, 1, 1, 1)")
    example = PAGE[PAGE.index("## History"):]
    example = example[example.index("```yaml\n") + 8:]
    pgweave.map("nodes:\n  Thread: {table: threads}\n  ContentItem: {table: items}\n" + example[:example.index("```")])
    pgweave.start_and_catch_up()
    moments = []
    for statement in (None, "UPDATE thread_content SET position = 3 - position WHERE thread_id = 1", "DELETE FROM thread_content WHERE content_id = 1",
                      "INSERT INTO thread_content VALUES (1, 1, 0.25, 9), (2, 4, 1, 1)", "UPDATE thread_content SET relevance = relevance + 1 WHERE thread_id = 2"):
        if statement:
            database.execute(statement)
        moments.append((database.value("SELECT clock_timestamp()"),
                        database.query("SELECT thread_id, content_id, position, relevance FROM thread_content ORDER BY 1, 2")))
    pgweave.catch_up()
    for thread in (1, 2):
        for moment, rows in moments:
            expected = sorted((position, content, relevance) for t, content, position, relevance in rows if t == thread)
            assert [(r["position"], r["content"], r["relevance"]) for r in graph.query(at, at=moment, thread=thread)] == expected
        assert [(r["position"], r["content"], r["relevance"]) for r in graph.query(now, thread=thread)] == expected
    found = graph.query(history, thread=1, content=1)
    assert [(r["version"], r["position"], r["relevance"]) for r in found] == [(1, 1, 0.5), (2, 2, 0.5), (3, 9, 0.25)]
    assert found[0]["until"] == found[1]["since"] and found[1]["until"] < found[2]["since"] and found[2]["until"].to_native() == FOREVER
    for i, (first, old) in enumerate(moments):
        for second, new in moments[i:]:
            olds, news = {row[:2]: row for row in old}, {row[:2]: row for row in new}
            expected = [(*key, olds.get(key, news.get(key))[2] if key in olds else None, news[key][2] if key in news else None,
                         "added" if key not in olds else "removed" if key not in news else "changed")
                        for key in sorted({*olds, *news}) if olds.get(key) != news.get(key)]
            assert [tuple(r.values()) for r in graph.query(changed, first=first, second=second)] == expected
