"""`init` on the schemas that real databases have: what it writes passes `check` as it stands, makes a graph that agrees, and
is brought up to date without losing what a person has written."""
import urllib.parse

import pytest

LONG = "a_name_of_sixty_three_bytes_which_is_the_most_that_there_can_be"
ODD_NAMES = ["select", "Order", "order", "orders", "a b", "a.b", 'with "quotes"', "it's", "back`tick", "\\u0060", "${HOME}",
             "null", "true", "- dash", "# hash", "key: value", "[x]", "{y}", "é", "e\u0301", "漢字", "😀", "\u202eright", "%", LONG,
             "Ünïcödé_" + "é" * 27, "tab\tand\nline", " blanks ", "1", "~", "_Pgweave", "_PgweavePlaceholder", "$1", ";--"]
SCHEMAS = ["public", "sales", "Odd \"Schema\"", "odd.schema", "übung"]


def quoted(*names):
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def init(pgweave, sandbox):
    """Writes the file as a person would, then lets all other commands use it."""
    result = pgweave.command("init", pgweave.database.url, sandbox.neo4j_uri, "--neo4j-user", sandbox.neo4j_auth[0])
    assert result.rc == 0, result.stderr
    pgweave.mapping_file.write_text(result.stdout)
    pgweave.environment["NEO4J_PASSWORD"] = sandbox.neo4j_auth[1]
    pgweave.environment["PGWEAVE_PG_PASSWORD"] = urllib.parse.urlsplit(pgweave.database.url).password
    pgweave.pipeline = pgweave.database.name
    return result.stdout


def assert_check_is_well(pgweave):
    """Nothing that would stop `run`, and nothing to say about the mapping but estimates."""
    result = pgweave.command("check", "--json")
    assert result.rc == 0, result.stdout + result.stderr
    about_tables = [f for f in result.json["findings"] if f["level"] != "ok" and f["object"].startswith(("table", "mapping"))]
    assert [f for f in about_tables if "analysed" not in f["text"]] == []


def assert_graph_agrees(pgweave):
    result = pgweave.command("apply")
    assert result.rc == 0, result.stderr
    result = pgweave.command("run", "--until-caught-up", timeout_s=600)
    assert result.rc == 0, result.stderr
    pgweave.verify()


def make_odd_schemas(database, schemas):
    """Every odd name as a table, as a column, and as what a foreign key refers to, in each of the schemas."""
    reference = quoted(LONG[:60] + "_id")
    for schema in schemas:
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for number, name in enumerate(ODD_NAMES):
            refers = quoted(schema, ODD_NAMES[number - 1])
            columns = ["id bigint PRIMARY KEY"] + [f"{quoted(column)} text" for column in ODD_NAMES[number % 7:number]]
            if number:
                columns.append(f"{reference} bigint REFERENCES {refers}")
            database.execute(f"CREATE TABLE {quoted(schema, name)} ({', '.join(columns)})")


def test_odd_names_in_several_schemas(pgweave, database, sandbox):
    make_odd_schemas(database, SCHEMAS)
    text = init(pgweave, sandbox)
    assert text.count("\n    table: ") == len(SCHEMAS) * len(ODD_NAMES)
    assert_check_is_well(pgweave)
    assert pgweave.command("plan").rc == 0
    update = pgweave.command("init", "--update")
    assert update.rc == 0 and "up to date" in update.stdout, update.stdout + update.stderr


def test_odd_names_from_init_to_verify(pgweave, database, sandbox, graph):
    make_odd_schemas(database, ["public"])
    reference = quoted(LONG[:60] + "_id")
    for number, name in enumerate(ODD_NAMES):
        filled = [reference] * (number > 0) + [quoted(column) for column in ODD_NAMES[number % 7:number]]
        values = ["id"] * (number > 0) + [f"'{number}'"] * (len(filled) - (number > 0))
        database.execute(f"INSERT INTO {quoted(name)} ({', '.join(['id', *filled])}) "
                         f"SELECT {', '.join(['id', *values])} FROM generate_series(1, 2) id")
    init(pgweave, sandbox)
    assert_graph_agrees(pgweave)
    assert graph.value("MATCH (n) WHERE NOT n:_PgweaveCheckpoint RETURN count(DISTINCT labels(n))") == len(ODD_NAMES)
    assert graph.value("MATCH ()-[r]->() RETURN count(r)") == 2 * (len(ODD_NAMES) - 1)


def test_hundreds_of_tables(pgweave, database, sandbox):
    """450 tables in five schemas with equal names, each with a foreign key within and one to a neighbour."""
    schemas = ["public"] + [f"part{number}" for number in range(1, 5)]
    for number, schema in enumerate(schemas):
        statements = [f"CREATE SCHEMA IF NOT EXISTS {schema}"]
        for table in range(90):
            columns = ["id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "name text", "created timestamptz DEFAULT now()"]
            if table:
                columns.append(f"parent_id bigint REFERENCES {schema}.entities_{table - 1}")
            if number:
                columns.append(f"origin_id bigint REFERENCES {schemas[number - 1]}.entities_{table}")
            statements.append(f"CREATE TABLE {schema}.entities_{table} ({', '.join(columns)})")
        database.execute("; ".join(statements))
    text = init(pgweave, sandbox)
    assert text.count("\n    table: ") == 450
    assert_check_is_well(pgweave)
    update = pgweave.command("init", "--update")
    assert update.rc == 0 and "up to date" in update.stdout, update.stdout + update.stderr
    assert pgweave.mapping_file.read_text() == text


HARD = """
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwd (line text) SERVER files OPTIONS (filename '/etc/hostname');
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);

CREATE TABLE users (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, mood mood,
    manager_id bigint REFERENCES users, full_name text GENERATED ALWAYS AS (upper(email)) STORED, place point,
    span int4range[], level positive, note "char");
CREATE TABLE user_profiles (user_id bigint PRIMARY KEY REFERENCES users, backup_id bigint NOT NULL REFERENCES users, bio text);
CREATE TABLE logins (id serial PRIMARY KEY, email text REFERENCES users (email), at timestamptz);
CREATE TABLE mentors (id bigint PRIMARY KEY, user_id bigint UNIQUE REFERENCES users, site int, badge int, UNIQUE (site, badge));
CREATE TABLE pupils (id bigint PRIMARY KEY, mentor_user bigint REFERENCES mentors (user_id), late text REFERENCES users (email) DEFERRABLE,
    badge int, site int, FOREIGN KEY (badge, site) REFERENCES mentors (badge, site) ON UPDATE CASCADE);
CREATE TABLE log (at timestamptz, what text);
CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, value text);
CREATE TEMPORARY TABLE gone (id bigint PRIMARY KEY);
CREATE VIEW user_names AS SELECT id, email FROM users;
CREATE MATERIALIZED VIEW user_counts AS SELECT count(*) FROM users;
CREATE TABLE floats (id double precision PRIMARY KEY);
CREATE TABLE later (id bigint PRIMARY KEY DEFERRABLE);

CREATE TABLE tenants (id int PRIMARY KEY);
CREATE TABLE orders (tenant_id int REFERENCES tenants, id int, parent_tenant int, parent_id int, copy_of int,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, parent_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (tenant_id, copy_of) REFERENCES orders);
CREATE TABLE addresses (id uuid PRIMARY KEY, street text);
CREATE TABLE shipments (id bigint PRIMARY KEY, from_id uuid REFERENCES addresses, to_id uuid REFERENCES addresses,
    tenant_id int, order_id int, FOREIGN KEY (tenant_id, order_id) REFERENCES orders);
CREATE TABLE order_addresses (tenant_id int, order_id int, address_id uuid REFERENCES addresses, kind text,
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders, PRIMARY KEY (tenant_id, order_id, address_id));
CREATE TABLE bookings (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users,
    address_id uuid NOT NULL REFERENCES addresses, starts date, price numeric(10, 2), remark text);

CREATE TABLE vehicles (id bigint PRIMARY KEY, wheels int);
CREATE TABLE cars (doors int) INHERITS (vehicles);
CREATE TABLE trucks (PRIMARY KEY (id), load int) INHERITS (vehicles);

CREATE TABLE events (id bigint, region text, day date, user_id bigint REFERENCES users, PRIMARY KEY (id, region, day))
    PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu') PARTITION BY RANGE (day);
CREATE TABLE events_eu_2024 PARTITION OF events_eu FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_eu_rest PARTITION OF events_eu DEFAULT;
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE event_notes (id bigint PRIMARY KEY, event_id bigint, event_region text, event_day date,
    FOREIGN KEY (event_id, event_region, event_day) REFERENCES events);
CREATE TABLE half (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE UNLOGGED TABLE half_1 PARTITION OF half FOR VALUES FROM (1) TO (10);
CREATE TABLE outside (id bigint, line text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE outside_1 PARTITION OF outside FOR VALUES FROM (1) TO (10) SERVER files
    OPTIONS (filename '/etc/hostname');
CREATE TABLE blind (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE blind_1 PARTITION OF blind FOR VALUES FROM (1) TO (10);
ALTER TABLE blind_1 REPLICA IDENTITY NOTHING;

CREATE TABLE products (id bigint PRIMARY KEY, name text);
CREATE TABLE images (id bigint PRIMARY KEY, imageable_type varchar(40), imageable_id bigint, url text);
CREATE SCHEMA blog;
CREATE TABLE blog.posts (id bigint PRIMARY KEY, title text);
CREATE TABLE blog.users (id bigint PRIMARY KEY, user_id bigint);
ALTER TABLE blog.users ADD FOREIGN KEY (user_id) REFERENCES public.users NOT VALID;
"""
ROWS = """
INSERT INTO users (id, email, mood, manager_id) VALUES (1, 'a@b', 'ok', NULL), (2, 'c@d', 'sad', 1);
INSERT INTO user_profiles VALUES (1, 2, 'one'), (2, 1, 'two');
INSERT INTO logins (email, at) VALUES ('a@b', now());
INSERT INTO mentors VALUES (1, 2, 7, 70), (2, 1, 7, 71), (3, NULL, NULL, NULL);
INSERT INTO pupils VALUES (1, 2, 'a@b', 70, 7), (2, 1, NULL, 70, 7), (3, NULL, NULL, NULL, NULL);
INSERT INTO log VALUES (now(), 'x');
INSERT INTO tenants VALUES (1);
INSERT INTO orders (tenant_id, id, parent_id, copy_of) VALUES (1, 1, NULL, NULL), (1, 2, 1, 1);
INSERT INTO addresses VALUES ('11111111-1111-4111-8111-111111111111', 'here'), ('22222222-2222-4222-8222-222222222222', 'there');
INSERT INTO shipments VALUES (1, '11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', 1, 2);
INSERT INTO order_addresses VALUES (1, 2, '22222222-2222-4222-8222-222222222222', 'billing');
INSERT INTO bookings VALUES (1, 1, '11111111-1111-4111-8111-111111111111', '2024-05-05', 10.50, 'none');
INSERT INTO vehicles VALUES (1, 2);
INSERT INTO cars VALUES (1, 4, 5), (2, 4, 3);
INSERT INTO trucks VALUES (1, 6, 100);
INSERT INTO events VALUES (1, 'eu', '2024-02-02', 1), (2, 'eu', '2030-01-01', 2), (3, 'us', '2024-02-02', NULL);
INSERT INTO event_notes VALUES (1, 1, 'eu', '2024-02-02'), (2, 3, 'us', '2024-02-02');
INSERT INTO products VALUES (1, 'p'), (2, 'q');
INSERT INTO blog.posts VALUES (1, 't');
INSERT INTO images VALUES (1, 'Product', 1, 'a'), (2, 'Blog::Post', 1, 'b'), (3, 'Legacy', 9, 'c');
INSERT INTO blog.users VALUES (1, 1), (2, NULL);
"""
CHANGES = """
UPDATE users SET manager_id = 2 WHERE id = 1;
UPDATE orders SET copy_of = NULL WHERE id = 2;
DELETE FROM event_notes WHERE id = 1;
UPDATE pupils SET mentor_user = 1 WHERE id IN (1, 3);
UPDATE mentors SET badge = 72 WHERE id = 1;
UPDATE logins SET email = 'c@d';
UPDATE events SET region = 'us' WHERE id = 1;
UPDATE vehicles SET wheels = 3;
UPDATE cars SET doors = 7;
DELETE FROM ONLY vehicles;
UPDATE trucks SET id = 9;
DELETE FROM cars WHERE id = 2;
UPDATE shipments SET to_id = from_id;
INSERT INTO images VALUES (4, 'Product', 2, 'd');
"""


@pytest.fixture
def hard(pgweave, database, sandbox):
    database.execute(HARD, ROWS)
    return init(pgweave, sandbox)


def left_out(text):
    """Table to reason, out of the notes."""
    lines = text.split("# Left out:\n")[1].split("# Seen:")[0].splitlines()
    return dict(line[4:].split(": ", 1) for line in lines if line.startswith("#   ") and not line.startswith("#     "))


def test_what_is_left_out_and_why(hard):
    reasons = left_out(hard)
    assert set(reasons) == {f"public.{name}" for name in (
        "log", "passwd", "cache", "user_names", "user_counts", "floats", "later", "cars", "half", "outside", "blind")}
    assert "foreign table" in reasons["public.passwd"]
    assert "not inherited" in reasons["public.cars"]
    assert "unlogged" in reasons["public.half"]
    assert 'ALTER TABLE "public"."later" REPLICA IDENTITY FULL;' in hard
    assert "gone" not in reasons  # a temporary table is nobody else's
    assert "the foreign key pupils_late_fkey to users: it refers to another key" in hard
    assert "is NOT VALID or DEFERRABLE; only where `properties` lists it is this a property: late" in hard
    assert "full_name" in hard.split("except:")[1]


def test_polymorphic_association_is_offered(hard):
    offer = hard.split("  Image:\n")[1].split("\n  Log")[0]
    assert "imageable_type and imageable_id are a polymorphic association" in offer
    assert """#       - {to: Product, column: imageable_id, where: "imageable_type = 'Product'"}""" in offer
    assert """#       - {to: Post, column: imageable_id, where: "imageable_type = 'Blog::Post'"}""" in offer
    assert "# no node is known for: Legacy" in offer


def test_a_hard_schema_from_init_to_verify(pgweave, hard, database, graph):
    assert_check_is_well(pgweave)
    assert_graph_agrees(pgweave)
    assert graph.count("Vehicle") == 1 and graph.count("Truck") == 1 and graph.count("Event") == 3
    assert graph.pairs("ORDER_ADDRESSES") == [(2, "22222222-2222-4222-8222-222222222222")]
    assert graph.count("UserProfile") == 2
    assert graph.query("MATCH (p:Pupil)-[r]->(m:Mentor) RETURN p.id AS p, type(r) AS t, m.id AS m ORDER BY p, t") == [
        {"p": 1, "t": "BADGE_SITE", "m": 1}, {"p": 1, "t": "MENTOR_USER", "m": 1},
        {"p": 2, "t": "BADGE_SITE", "m": 1}, {"p": 2, "t": "MENTOR_USER", "m": 2}]
    assert graph.pairs("EMAIL") == [(1, 1)] and graph.node("Mentor", id=2) == {"id": 2, "user_id": 1, "site": 7, "badge": 71}
    # Each is committed by itself: with a table that nobody can identify rows of in the publication, they would be refused.
    for statement in CHANGES.strip().split(";\n"):
        database.execute(statement)
    result = pgweave.command("run", "--until-caught-up", timeout_s=600)
    assert result.rc == 0, result.stderr
    pgweave.verify()
    assert graph.pairs("EMAIL") == [(1, 2)] and graph.pairs("MENTOR_USER") == [(1, 2), (2, 2), (3, 2)]
    assert graph.pairs("BADGE_SITE") == [(1, 1), (2, 1)]
    assert graph.count("Vehicle") == 0 and graph.node("Truck", id=9) is not None


ENROLMENTS = """
    CREATE TABLE students (id bigint PRIMARY KEY);
    CREATE TABLE courses (id bigint PRIMARY KEY);
    CREATE TABLE terms (id bigint PRIMARY KEY);
    CREATE TABLE enrolments (student_id bigint REFERENCES students, course_id bigint REFERENCES courses, term_id bigint REFERENCES terms,
                             grade integer, PRIMARY KEY (student_id, course_id, term_id));
    INSERT INTO students VALUES (1), (2);
    INSERT INTO courses VALUES (10), (20);
    INSERT INTO terms VALUES (100), (200);
    INSERT INTO enrolments VALUES (1, 10, 100, 3), (1, 10, 200, 2), (2, 20, 100, NULL);
"""
# One relationship a student, a course and a term.
ENROLLED = """\
nodes:
  Student: {table: students}
  Course: {table: courses}
relationships:
  ENROLLED: {table: enrolments, from: {Student: student_id}, to: {Course: course_id}, properties: [term_id, grade]}
"""


def test_a_join_table_with_three_foreign_keys(pgweave, database, graph, sandbox):
    """A node of its own, unless told otherwise."""
    database.execute(ENROLMENTS)
    init(pgweave, sandbox)
    assert_check_is_well(pgweave)
    assert_graph_agrees(pgweave)
    assert graph.query("MATCH (e:Enrolment)-[r]->() RETURN type(r) AS type, count(*) AS count ORDER BY type") == [
        {"type": "COURSE", "count": 3}, {"type": "STUDENT", "count": 3}, {"type": "TERM", "count": 3}]
    connections = pgweave.mapping_file.read_text().partition("nodes:")[0]
    pgweave.mapping_file.write_text(connections + ENROLLED)
    assert_graph_agrees(pgweave)
    database.execute("UPDATE enrolments SET term_id = 200 WHERE student_id = 2", "DELETE FROM enrolments WHERE grade = 3")
    assert_graph_agrees(pgweave)
    assert graph.count("Enrolment") == 0
    assert graph.query("MATCH (s:Student)-[e:ENROLLED]->(c:Course) RETURN s.id AS s, c.id AS c, properties(e) AS p ORDER BY s") == [
        {"s": 1, "c": 10, "p": {"student_id": 1, "course_id": 10, "term_id": 200, "grade": 2}},
        {"s": 2, "c": 20, "p": {"student_id": 2, "course_id": 20, "term_id": 200}}]


def test_update_keeps_what_a_person_has_written(pgweave, hard, database):
    text = hard.replace("  Product:\n    table: products\n", "  Ware:   # our word for it\n    table: products\n"
                        "    properties: {id: , title: name}\n")
    # The person wants no bookings, and no relationship to the manager.
    lines = [line for line in text.splitlines(keepends=True) if "MANAGER:" not in line]
    start = next(number for number, line in enumerate(lines) if line == "  Booking:\n")
    end = next(number for number in range(start + 1, len(lines)) if lines[number].startswith("  ") and lines[number][2] != " ")
    edited = "".join(lines[:start] + lines[end:])
    pgweave.mapping_file.write_text(edited)
    assert_check_is_well(pgweave)

    same = pgweave.command("init", "--update")
    assert same.rc == 0 and "is up to date" in same.stdout, same.stdout + same.stderr
    assert pgweave.mapping_file.read_text() == edited

    database.execute("CREATE TABLE invoices (id bigint PRIMARY KEY, user_id bigint REFERENCES users, product_id bigint "
                     "REFERENCES products)",
                     "ALTER TABLE users ADD shape box, ADD team_id bigint, ADD nickname text",
                     "CREATE TABLE teams (id bigint PRIMARY KEY)",
                     "ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams",
                     "ALTER TABLE images ADD owner text, ADD FOREIGN KEY (owner) REFERENCES users (email)",
                     "ALTER TABLE products ADD colour text",
                     "ALTER TABLE log ADD id bigserial PRIMARY KEY")
    # The file may be a link, and be for some eyes only.
    real = pgweave.mapping_file.rename(pgweave.folder / "real.yaml")
    real.chmod(0o640)
    pgweave.mapping_file.symlink_to(real)
    dry = pgweave.command("init", "--update", "--dry-run")
    assert dry.rc == 0 and pgweave.mapping_file.read_text() == edited
    updated = pgweave.command("init", "--update", "--json")
    assert updated.rc == 0, updated.stdout + updated.stderr
    changes = {(change["kind"], change["text"].split(":")[0]) for change in updated.json["changes"]}
    assert ("added", "node Invoice for public.invoices") in changes
    assert ("added", "node Log for public.log") in changes
    assert ("offered", "column colour of public.products") in changes
    assert ("carried", "column nickname of public.users") in changes
    new = pgweave.mapping_file.read_text()
    assert new == dry.stdout
    assert pgweave.mapping_file.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in pgweave.folder.glob("*.yaml*")) == ["pgweave.yaml", "real.yaml"]
    assert "      OWNER: {to: User, column: owner}" in new
    assert "Booking" not in new and "MANAGER" not in new
    assert "PRODUCT: {to: Ware, column: product_id}" in new
    assert "  Ware:   # our word for it\n    table: products\n" in new
    old_lines, new_lines = edited.split("# -- init's notes")[0].splitlines(), iter(new.splitlines())
    assert all(line in new_lines for line in old_lines), "a line was lost, or moved"
    assert_check_is_well(pgweave)
    assert_graph_agrees(pgweave)


def test_update_tells_what_is_gone(pgweave, hard, database):
    database.execute("DROP TABLE user_profiles", "ALTER TABLE products DROP name")
    updated = pgweave.command("init", "--update", "--json")
    assert updated.rc == 1
    gone = [change["text"] for change in updated.json["changes"] if change["kind"] == "gone"]
    assert any("public.user_profiles" in text for text in gone) and "column name of public.products" in gone
    assert 'there is no table "public.user_profiles"' in updated.json["misfit"]


def test_tables_out_of_reach_are_left_out(pgweave, database, sandbox):
    """A role that may read only some tables gets a file for those."""
    role = f"{database.name}_reader"
    database.execute("CREATE TABLE mine (id bigint PRIMARY KEY)", "CREATE TABLE secret (id bigint PRIMARY KEY)",
                     "CREATE TABLE secured (id bigint PRIMARY KEY)", "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
                     f"CREATE ROLE {role} LOGIN PASSWORD 'x'", f"GRANT SELECT ON mine, secured TO {role}")
    try:
        url = f"postgresql://{role}:x@{database.url.rpartition('@')[2]}"
        result = pgweave.command("init", url, sandbox.neo4j_uri)
        assert result.rc == 0, result.stderr
        reasons = left_out(result.stdout)
        assert "may not read" in reasons["public.secret"] and "row security" in reasons["public.secured"]
        assert f'GRANT SELECT ON "public"."secret" TO "{role}";' in result.stdout
        assert f'ALTER ROLE "{role}" BYPASSRLS;' in result.stdout
    finally:
        database.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
