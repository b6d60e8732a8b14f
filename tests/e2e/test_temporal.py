"""Relationships that keep their history: every version that PostgreSQL's transactions made, and no other, whatever is killed."""
import datetime

import pytest

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
                    self.versions[type].setdefault(identity, []).append([*what[:2], time, None, what[2]])
                    self.current[type][identity] = what
            for versions in self.versions[type].values():  # a node takes its history along
                versions[:] = [version for version in versions if version[0] in nodes and version[1] in nodes]

    def loaded(self):
        self.brackets[0] = (self.brackets[0][0], self.clock())

    def expected(self):
        """type -> the versions: start, end, from, to, properties, in the order of their numbers by identity."""
        return {type: sorted(([*version] for versions in by_identity.values() for version in versions), key=repr)
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
                assert isinstance(properties.pop(number), int)
                properties.pop("mine", None)
                if properties.get("relevanceScore") != properties.get("relevanceScore"):
                    del properties["relevanceScore"]
                    properties["nan"] = True
                versions[type].append([record["a"], record["b"], self.time(properties.pop(since).to_native()),
                                       self.time(properties.pop(until).to_native()), properties])
            versions[type].sort(key=repr)
        return versions

    def assert_numbered(self, graph):
        """The versions of an identity are counted from 1, without a gap unless a node has taken some along."""
        identities = {"OWNED_BY": "elementId(a)", "LEADS": "elementId(b)", "INCLUDES": "elementId(a) + elementId(b)",
                      "WATCHED_BY": "e.id"}
        for type in self.rows:
            since, until, number = NAMES[type]
            for record in graph.query(f"MATCH (a)-[e:{type}]->(b) WITH e, {identities[type]} AS i ORDER BY e.{since}, e.{until} "
                                      f"RETURN i, collect(e.{number}) AS numbers, collect(e.{since}) AS since, collect(e.{until}) AS until"):
                assert record["numbers"] == list(range(record["numbers"][0], record["numbers"][0] + len(record["numbers"]))), (type, record)
                assert all(a <= b for a, b in zip(record["until"], record["since"][1:])), (type, record)
                assert all(a < b for a, b in zip(record["since"], record["until"])), (type, record)

    def check(self, pgweave, graph):
        pgweave.catch_up()
        found = self.found(graph)
        for type, versions in self.expected().items():
            assert found[type] == versions, f"{type}\nfound    {found[type]}\nexpected {versions}"
        self.assert_numbered(graph)
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


@pytest.mark.sampled(6)
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
