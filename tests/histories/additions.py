"""What a test puts into the graph by itself, and what must become of it.

"What the mapping does not name, in the database or in the graph, is never touched": labels, properties and relationships of one's
own stay with a node for as long as its row lives, also when its key changes; nodes of one's own stay for ever. When the row is gone,
or was replaced by another with the same key, they may be gone or not: such additions are `loose`. What is put on a relationship
has to stay for as long as neither its row nor those of its ends were written.
"""
from .model import Node, Relationship
from .table_state import VERSION

LABEL = "Added"
TYPE = "ADDED"
NUMBER = "number"
_VALUES = [("INTEGER", 7), ("STRING", "mine"), ("BOOLEAN", True), ("LIST", (("INTEGER", 1), ("INTEGER", 2)))]


def name(number):
    """The label or property that addition `number` is."""
    return f"added {number}"


class Additions:
    def __init__(self, graph, tables, mapping):
        self.graph, self.mapping = graph, mapping
        # A row that changes its partition is deleted and inserted, for PostgreSQL too.
        self.steady = {table["id"] for table in tables if not table["partitions"]}
        self.made = []

    def add(self, step, expected, identities, actual):
        """Puts something on a part of the graph that has a row; says whether there was one."""
        makers = {"label": self._on_node, "property": self._on_node, "node": self._nodes, "relationship": self._on_node,
                  "between": self._between, "relationship property": self._on_relationship}
        ids = {identity: id for id, identity in identities.of.items()}
        return makers[step["what"]](step, expected, ids, actual, identities)

    def _made(self, step, **more):
        self.made.append({"what": step["what"], "number": step["number"], **more})
        return True

    def _candidates(self, expected):
        return [(identity, node) for identity, node in sorted(expected.nodes.items(), key=lambda item: repr(item[0]))
                if node.source and node.source[0] in self.steady]

    def _on_node(self, step, expected, ids, actual, identities):
        candidates = self._candidates(expected)
        if not candidates:
            return False
        identity, node = candidates[step["pick"] % len(candidates)]
        number = step["number"]
        change = {"label": f"SET n:`{name(number)}`", "property": f"SET n.`{name(number)}` = $value",
                  "relationship": f"CREATE (n)-[:{TYPE} {{{NUMBER}: $number}}]->(:{LABEL} {{{NUMBER}: $number}})"}
        self.graph.query(f"MATCH (n) WHERE elementId(n) = $id {change[step['what']]}", id=ids[identity], number=number,
                         value=_plain(_VALUES[number % len(_VALUES)]))
        return self._made(step, source=node.source)

    def _nodes(self, step, expected, ids, actual, identities):
        """Two nodes of one's own, with a relationship between them of a type that the mapping names."""
        type = self._mapped_type()
        self.graph.query(f"CREATE (:{LABEL} {{{NUMBER}: $number}})-[:{_quote(type)}]->(:{LABEL} {{{NUMBER}: -$number}})",
                         number=step["number"])
        return self._made(step, type=type)

    def _mapped_type(self):
        types = [relationship["type"] for relationship in self.mapping["relationships"]]
        types += [relationship["type"] for node in self.mapping["nodes"] for relationship in node["relationships"]]
        return types[0] if types else "KNOWS"

    def _between(self, step, expected, ids, actual, identities):
        candidates = self._candidates(expected)
        if not candidates:
            return False
        ends = [candidates[pick % len(candidates)] for pick in (step["pick"], step["pick"] * 7 + 3)]
        self.graph.query("MATCH (a), (b) WHERE elementId(a) = $a AND elementId(b) = $b "
                         f"CREATE (a)-[:{TYPE} {{{NUMBER}: $number}}]->(b)", a=ids[ends[0][0]], b=ids[ends[1][0]], number=step["number"])
        return self._made(step, sources=[node.source for _, node in ends])

    def _on_relationship(self, step, expected, ids, actual, identities):
        candidates = [r for r in sorted(expected.relationships, key=repr) if r.source and self._end_sources(expected, r)]
        if not candidates:
            return False
        chosen = candidates[step["pick"] % len(candidates)]
        found = [id for type, start, end, properties, id in actual.relationships
                 if (type, identities.of.get(start), identities.of.get(end)) == (chosen.type, chosen.start, chosen.end)
                 and {key: value for key, value in properties.items() if not key.startswith(LABEL.lower())}
                 == {key: value for key, value in chosen.properties.items() if not key.startswith(LABEL.lower())}]
        if len(found) != 1:
            return False
        self.graph.query(f"MATCH ()-[r]->() WHERE elementId(r) = $id SET r.`{name(step['number'])}` = $number", id=found[0],
                         number=step["number"])
        return self._made(step, source=chosen.source, versions=self._versions(expected, chosen))

    def _end_sources(self, expected, relationship):
        sources = [expected.nodes[end].source for end in (relationship.start, relationship.end)]
        return sources if all(sources) else None

    def _versions(self, expected, relationship):
        """Which versions of the rows of the relationship and its ends these are."""
        sources = self._end_sources(expected, relationship)
        return sources and [self.versions[source] for source in (relationship.source[1:], *sources)]

    def remap(self, mapping, expected, rows):
        """From now on `mapping` makes the graph, of these rows `expected`. What is on a part that is not sure to be the one of before is
        not asked for any more: of relationships another one may come of the same row."""
        self.mapping = mapping
        lost = self.apply(expected, rows)
        for made in self.made:
            made["lost"] = made.get("lost") or name(made["number"]) in lost or made["what"] == "relationship property"

    def apply(self, expected, rows):
        """Puts what must be there into the model's graph; returns the names of those that may be there."""
        self.versions = {(table, row["row"]): row[VERSION] for table, found in rows.items() for row in found if "row" in row}
        sources = {node.source: identity for identity, node in expected.nodes.items() if node.source}
        return {name(made["number"]) for made in self.made if not self._apply(made, expected, sources)}

    def _apply(self, made, expected, sources):
        number = made["number"]
        if made["what"] == "node":
            ends = [_own_node(expected, number), _own_node(expected, -number)]
            expected.relationships.append(Relationship(made["type"], *ends, {}))
            return True
        if made["what"] == "relationship":
            own = _own_node(expected, number)
        if made.get("lost"):
            return False
        if made["what"] == "relationship property":
            return self._apply_to_relationship(made, expected)
        ends = [sources.get(tuple(source)) for source in made.get("sources") or [made["source"]]]
        if None in ends:
            return False
        if made["what"] == "label":
            expected.nodes[ends[0]].labels.add(name(number))
        elif made["what"] == "property":
            expected.nodes[ends[0]].properties[name(number)] = _VALUES[number % len(_VALUES)]
        else:
            ends = ends if made["what"] == "between" else [ends[0], own]
            expected.relationships.append(Relationship(TYPE, *ends, {NUMBER: ("INTEGER", number)}))
        return True

    def _apply_to_relationship(self, made, expected):
        for relationship in expected.relationships:
            if relationship.source == made["source"] and self._versions(expected, relationship) == made["versions"]:
                relationship.properties[name(made["number"])] = "INTEGER", made["number"]
                return True
        return False


def _own_node(expected, number):
    identity = LABEL, (("INTEGER", number),)
    expected.nodes[identity] = Node({LABEL}, {NUMBER: ("INTEGER", number)})
    return identity


def _plain(value):
    kind, content = value
    return [_plain(element) for element in content] if kind == "LIST" else content


def _quote(type):
    # As Cypher reads it: \u0060 would close the name.
    return "`" + type.replace("\\", "\\u005c").replace("`", "``") + "`"
