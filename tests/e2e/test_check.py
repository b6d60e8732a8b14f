"""`check` finds what would stop `run`, in databases and graphs of any size."""
import shop


def errors(pgweave):
    result = pgweave.command("check", "--json")
    found = [finding["text"] for finding in result.json["findings"] if finding["level"] == "error"]
    assert (result.rc == 1) == bool(found)
    return found


def test_keys_that_stand_twice_in_the_graph(pgweave, database, graph):
    database.execute(shop.TABLES)
    pgweave.map(shop.YAML)
    assert errors(pgweave) == []
    graph.query("CREATE (:Customer {id: 1}), (:Customer {id: 1}), (:Order {id: 2}), (:Remark {id: 3}), (:Remark {id: 3})")
    (twice,) = errors(pgweave)
    assert "1 keys stand twice" in twice and "Customer(id)" in twice


def test_hundreds_of_tables_that_this_role_may_not_read(pgweave, database, graph):
    """Each is told, and what comes after them too."""
    role = f"{database.name}_reader"
    tables = [f'odd"{number}' for number in range(260)]
    for table in tables:
        name = table.replace('"', '""')
        database.execute(f'CREATE TABLE "{name}" (id bigint PRIMARY KEY)')
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        nodes = "".join(f"  T{number}: {{table: '\"{table.replace(chr(34), chr(34) * 2)}\"'}}\n"
                        for number, table in enumerate(tables))
        pgweave.environment["PGWEAVE_PG_URL"] = f"postgresql://{role}:x@{database.url.rpartition('@')[2]}"
        pgweave.map("nodes:\n" + nodes)
        result = pgweave.command("check", "--json")
        assert result.rc == 1
        findings = result.json["findings"]
        assert len(findings) == result.json["errors"] + result.json["warnings"] + result.json["fine"]
        assert sum("may not read it" in finding["text"] for finding in findings) == len(tables)
        assert f'GRANT SELECT ON "public"."odd""7" TO "{role}"' in [finding.get("mend") for finding in findings]
        assert any(finding["object"] == "Neo4j" and "constraints" in finding["text"] for finding in findings)
    finally:
        database.execute(f"DROP ROLE {role}")
