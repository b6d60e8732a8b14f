"""From the return of a commit in PostgreSQL until a reader of Neo4j sees it.

The reader is a process of its own. It is told what to look for just before the commit, asks for it in a tight loop until it
sees it, and rests until the next one: asking all the time would take one of the machine's cores from the servers.
"""
import multiprocessing
import random
import time

import neo4j

VERSION = "MATCH (p:Package {name: $name}) RETURN p.version"
UPGRADE = (
    "UPDATE packages SET version = %(version)s WHERE name = %(name)s",
    "DELETE FROM dependencies WHERE id IN (SELECT id FROM dependencies WHERE package = %(name)s ORDER BY id LIMIT 2)",
    "INSERT INTO dependencies (package, kind, group_no, alternative_no, target) "
    "SELECT %(name)s, 'depends', 1000, row_number() OVER (), t FROM unnest(%(targets)s::text[]) AS t",
)
SEEN_TIMEOUT_S = 10


def measure(connection, uri, auth, count, rate=None):
    """One (latency_s, poll_s) for each transaction; poll_s is how long the reader's last question took.

    rate: transactions a second; None: each as soon as the one before has been seen.
    """
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    reader = multiprocessing.get_context("spawn").Process(target=read, args=(theirs, uri, auth))
    reader.start()
    theirs.close()  # so that a reader that has died shows
    names = [name for name, in connection.execute("SELECT name FROM packages ORDER BY name")]
    chance = random.Random(1)
    run = time.time_ns()  # a version that an earlier run has left must not be taken for this one's
    try:
        ours.recv()  # it is connected, and has asked often enough to be warm
        started = time.monotonic()
        found = []
        for number in range(count):
            if rate:
                time.sleep(max(0, started + number / rate - time.monotonic()))
            found.append(upgrade(connection, ours, chance.sample(names, 3), f"{run}-{number}"))
        return found
    finally:
        ours.close()
        reader.join()


def upgrade(connection, reader, names, version):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        for statement in UPGRADE:
            cursor.execute(statement, {"name": names[0], "version": version, "targets": names[1:]})
        reader.send((names[0], version))
        cursor.execute("COMMIT")
        committed = time.monotonic()
    seen, poll_s = reader.recv()
    return seen - committed, poll_s


def read(pipe, uri, auth):
    with neo4j.GraphDatabase.driver(uri, auth=auth) as driver, driver.session() as session:
        for _ in range(500):
            session.run(VERSION, name="").consume()
        pipe.send(None)
        while True:
            try:
                name, version = pipe.recv()
            except EOFError:
                return
            pipe.send(wait_for(session, name, version))


def wait_for(session, name, version):
    deadline = time.monotonic() + SEEN_TIMEOUT_S
    while True:
        asked = time.monotonic()
        record = session.run(VERSION, name=name).single()
        answered = time.monotonic()
        if record is not None and record[0] == version:
            return answered, answered - asked
        if answered > deadline:
            raise TimeoutError(f"version {version} of {name} does not arrive")
