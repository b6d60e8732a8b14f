"""The graph as the official driver sees it."""
import neo4j

from waiting import wait_until

CHECKPOINT = "_PgweaveCheckpoint"
PLACEHOLDER = "_PgweavePlaceholder"
WAITING = "_PgweaveWaiting_"  # begins the labels and types of what waits for a row


class Graph:
    def __init__(self, sandbox):
        self.driver = neo4j.GraphDatabase.driver(sandbox.neo4j_uri, auth=sandbox.neo4j_auth,
                                                 notifications_min_severity="OFF")
        self._shape = None

    def close(self):
        self.driver.close()

    def query(self, cypher, **parameters):
        """The records, as dictionaries."""
        return [record.data() for record in self.driver.execute_query(cypher, parameters).records]

    def value(self, cypher, **parameters):
        """The only field of the only record."""
        (record,) = self.driver.execute_query(cypher, parameters).records
        (value,) = record.values()
        return value

    def run_file(self, path):
        """Runs a file of statements that end with a semicolon at the end of a line."""
        for statement in path.read_text().split(";\n"):
            if statement.strip():
                self.query(statement)

    def prepare(self, shape):
        """An empty graph. Where `shape` is the one of before, constraints and indexes stay, and with them Neo4j's plans: to make a plan
        takes it longer than all the rest."""
        with self.driver.session() as session:
            session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS").consume()
            if shape is None or shape != self._shape:
                for kind, shown in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES")):
                    for record in list(session.run(f"SHOW {shown} YIELD name, type WHERE type <> 'LOOKUP'")):
                        session.run(f"DROP {kind} `{record['name']}` IF EXISTS").consume()
        self._shape = shape

    def clean(self):
        self.prepare(None)

    def wait_until_quiet(self):
        """Until no transaction but the asking one is open: what a killed client has sent may still be committed."""
        wait_until(lambda: self.value("SHOW TRANSACTIONS YIELD transactionId RETURN count(*)") == 1,
                   what="the other transactions end")

    def node(self, label, **key):
        """The properties of the only node with that label and key, or None."""
        nodes = self.query(f"MATCH (n:`{label}`) WHERE all(k IN keys($key) WHERE n[k] = $key[k]) "
                           "RETURN properties(n) AS p, labels(n) AS l", key=key)
        assert len(nodes) <= 1, f"{len(nodes)} nodes {label} {key}"
        return nodes[0]["p"] if nodes else None

    def count(self, label):
        return self.value(f"MATCH (n:`{label}`) RETURN count(n)")

    def pairs(self, relationship_type, key="id"):
        """The keys of start and end of every relationship of the type, sorted."""
        found = self.query(f"MATCH (a)-[:`{relationship_type}`]->(b) RETURN a[$key] AS a, b[$key] AS b", key=key)
        return sorted((pair["a"], pair["b"]) for pair in found)

    def dump(self):
        """Everything but pgweave's own nodes, in an order of its own: equal dumps are equal graphs.

        Element ids are part of it, so a node that was deleted and made again shows.
        """
        nodes = self.driver.execute_query(
            f"MATCH (n) WHERE NOT n:{CHECKPOINT} RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS p")
        relationships = self.driver.execute_query(
            "MATCH (a)-[r]->(b) RETURN elementId(r) AS id, elementId(a) AS start, type(r) AS type, "
            "elementId(b) AS end, properties(r) AS p")
        return {
            "nodes": sorted((n["id"], sorted(n["labels"]), _properties(n["p"])) for n in nodes.records),
            "relationships": sorted((r["id"], r["start"], r["type"], r["end"], _properties(r["p"]))
                                    for r in relationships.records),
        }


def _properties(properties):
    # The type is named since 1, 1.0 and True are equal in Python, but not in a graph.
    return sorted((name, type(value).__name__, repr(value)) for name, value in properties.items())
