"""The graph that must be there: docs/mapping.md, applied to the rows that the tables hold.

Nothing here is taken from pgweave's code. Where the reference is silent, the user's reading of it counts.
"""
import dataclasses

from .column_types import TYPES, element_values, graph_value
from .computed import computed
from .conditions import equals
from .schema import IDENTITY
from .table_state import VERSION

PLACEHOLDER = "_PgweavePlaceholder"


@dataclasses.dataclass
class Node:
    labels: set
    properties: dict
    # (table, identity) of the row, for tables that have one and where it is a row of now without a doubt
    source: tuple = None
    # (table, identity) of the row, for tables that have one
    row: tuple = None


@dataclasses.dataclass
class Relationship:
    type: str
    start: tuple
    end: tuple
    properties: dict
    # (which relationship of the mapping, table, identity)
    source: tuple = None
    # With `history`: which version of the row it comes from.
    written: str = None
    # Of a foreign key: the node whose row has it.
    owner: tuple = None


@dataclasses.dataclass
class Graph:
    """Nodes by what tells them apart: (label, values of the key). `kept`: labels of nodes that may be there although nothing
    leads to them any more."""
    nodes: dict
    relationships: list
    kept: set = dataclasses.field(default_factory=set)


def expected_graph(tables, mapping, rows):
    """`rows` are, by table, maps from column to PostgreSQL's text."""
    return _Model(tables, mapping, rows).graph()


def key_names(tables, mapping):
    """By label, the names of the properties that hold the key."""
    model = _Model(tables, mapping, {})
    names = {label: [model.names[label][column] for column in model.keys[label]] for label in model.nodes}
    return {**names, **{label: [value["property"]] for label, value in model.values.items()}}


def own_key_names(tables, mapping, join):
    """The names of the properties that hold a relationship's key of its own, if it has one."""
    return _Model(tables, mapping, {}).own_key(join)


def property_names(tables, mapping):
    """By table: the names of the properties that hold the key's columns, by column, and the names of all."""
    model, found = _Model(tables, mapping, {}), {}
    for label, node in model.nodes.items():
        found[node["table"]] = model.keys[label], model.properties[label]
    for join in mapping["relationships"]:
        found[join["table"]] = model.own_key_columns(join), model.join_properties(join, join["type"])
    return {table: ({column: name for name, column, _ in properties if column in key}, {name for name, _, _ in properties})
            for table, (key, properties) in found.items()}


def _takes(part):
    """Whether the mapping's condition, if there is one, is true for a row."""
    where = part.get("where")
    return lambda row: not where or row["true", where["sql"]]


def _chosen(choosers, row):
    return {name for chooser in choosers for value, name in chooser["values"].items()
            if row["true", equals(chooser["column"], value)]}


def _made(prefixes, row):
    return {made["prefix"] + row[made["column"]] for made in prefixes if row[made["column"]] is not None}


def _type(part, row):
    chosen = _chosen([part["choose"]], row) if part.get("choose") else ()
    return next(iter(chosen), part["type"])


class _Model:
    def __init__(self, tables, mapping, rows):
        self.tables = {table["id"]: table for table in tables}
        self.types = {table["id"]: {column["name"]: column["type"] for column in table["columns"]} for table in tables}
        self.mapping, self.rows = mapping, rows
        self.nodes = {node["label"]: node for node in mapping["nodes"]}
        self.values = {value["label"]: value for value in mapping.get("values", [])}
        self.keys = {label: self._key(node) for label, node in self.nodes.items()}
        self.properties = {label: self._node_properties(node) for label, node in self.nodes.items()}
        # By label and column: the property's name, and how its value is carried.
        self.names = {label: {column: name for name, column, _ in properties}
                      for label, properties in self.properties.items()}
        self.ways = {label: {column: way for _, column, way in properties} for label, properties in self.properties.items()}

    def graph(self):
        graph = Graph({}, [], {label for label, value in self.values.items() if value["keep"]})
        for label, node in self.nodes.items():
            for row in filter(_takes(node), self.rows[node["table"]]):
                graph.nodes[self._identity(label, node["table"], self.keys[label], row)] = Node(
                    {label, *node["labels"], *_chosen(node.get("choose") or [], row), *_made(node.get("prefixes") or [], row)},
                    self._values(node["table"], self.properties[label], row), self._source(node, node["table"], row),
                    (node["table"], row[IDENTITY]) if IDENTITY in row else None)
        relationships = [*self._from_foreign_keys(), *self._from_joins()]
        graph.relationships = [r for r in relationships if not any(self._waits_for(end, graph) for end in (r.start, r.end))]
        for identity in {end for r in relationships for end in (r.start, r.end)}:
            if not self._waits_for(identity, graph):
                graph.nodes.setdefault(identity, self._without_row(identity))
        return graph

    def _waits_for(self, identity, graph):
        """Whether relationships to it are not to be seen, for want of its row."""
        label = identity[0]
        return label in self.nodes and bool(self.nodes[label].get("missing")) and identity not in graph.nodes

    # What the mapping means

    def _key(self, part):
        return part["key"] or self.tables[part["table"]]["primary_key"]

    def _node_properties(self, node):
        """(name, column, how it is carried), the key's columns included."""
        declared = {column for relationship in node["relationships"] for column in relationship["columns"]}
        referred = {column for other in self.nodes.values() for relationship in other["relationships"]
                    if node["label"] in (relationship.get("to"), relationship.get("from")) for column in relationship.get("by", [])}
        return self._carried(node, self._key(node), declared, referred)

    def join_properties(self, join, type):
        ends = {*join["from"][1], *join["to"][1]}
        key = self._key(join)
        by = set(key)
        if join.get("choose") and list(join["choose"]["values"].values()).count(type) == 1:
            # One value has this type, so that the column tells no two of its rows apart.
            by -= {join["choose"]["column"]} - ends
        return self._carried(join, [] if by == ends else key, ends)

    def _carried(self, part, key, not_by_default, referred=frozenset()):
        if part["properties"] is None:
            table = self.tables[part["table"]]
            in_foreign_keys = {column for reference in table["references"] if reference["declared"] != "no"
                               for column in reference["columns"]}
            left_out = ({*not_by_default, *in_foreign_keys} - referred) | {*part["except"]}
            named = [(column["name"], column["name"], None) for column in table["columns"] if column["name"] not in left_out]
        else:
            named = [(p["name"], p["column"], p.get("steps") or p["as"]) for p in part["properties"]]
        there = {column for _, column, _ in named}
        return named + [(column, column, None) for column in key if column not in there]

    # Rows

    def _values(self, table, properties, row):
        values = {name: computed(self.types[table].get(column), row.get(column), how) for name, column, how in properties}
        return {name: value for name, value in values.items() if value is not None}

    def _identity(self, label, table, columns, row):
        """Of the node with that label whose key stands in these columns of the row; None if one of them is NULL."""
        if any(row[column] is None for column in columns):
            return None
        if label in self.values:
            return label, (graph_value(self.types[table][columns[0]], row[columns[0]]),)
        target = self.nodes[label]["table"]
        return label, tuple(
            graph_value(self.types[target][key_column], row[column], self.ways[label][key_column])
            for key_column, column in zip(self.keys[label], columns))

    def _source(self, part, table, row):
        # A row that was out of the condition for a while is another one for the graph.
        return (table, row[IDENTITY]) if IDENTITY in row and not part.get("where") else None

    def _from_foreign_keys(self):
        for label, node in self.nodes.items():
            for number, relationship in enumerate(node["relationships"]):
                for row in filter(_takes(relationship), filter(_takes(node), self.rows[node["table"]])):
                    owner = self._identity(label, node["table"], self.keys[label], row)
                    if self._is_array(node["table"], relationship):
                        yield from self._from_elements(node["table"], relationship, row, owner)
                        continue
                    other = self._other_end(node["table"], relationship, row)
                    if other is not None:
                        ends = (owner, other) if "to" in relationship else (other, owner)
                        made = Relationship(_type(relationship, row), *ends, {},
                                            self._relationship_source(relationship, (label, number), node["table"], row))
                        yield dataclasses.replace(self._with_history(relationship, made, row), owner=owner)

    def _other_end(self, table, relationship, row):
        label = relationship.get("to") or relationship["from"]
        if not relationship.get("by"):
            return self._identity(label, table, relationship["columns"], row)
        values, target = [row[column] for column in relationship["columns"]], self.nodes[label]["table"]
        found = [other for other in self.rows[target] if values == [other[column] for column in relationship["by"]]]
        return self._identity(label, target, self.keys[label], found[0]) if found and None not in values else None

    def _is_array(self, table, relationship):
        return TYPES[self.types[table][relationship["columns"][0]]].is_list

    def _from_elements(self, table, relationship, row, owner):
        """One for each; without a position, for each that is not the same as another."""
        column, position = relationship["columns"][0], relationship.get("position")
        elements = element_values(self.types[table][column], row[column]) if row[column] is not None else []
        for value, place in elements if position else [(value, None) for value in dict(elements)]:
            other = relationship.get("to") or relationship["from"], (value,)
            ends = (owner, other) if "to" in relationship else (other, owner)
            yield Relationship(_type(relationship, row), *ends, {position: ("INTEGER", place)} if position else {}, owner=owner)

    def _from_joins(self):
        for number, join in enumerate(self.mapping["relationships"]):
            for row in filter(_takes(join), self.rows[join["table"]]):
                type = _type(join, row)
                properties = self.join_properties(join, type)
                ends = [self._identity(label, join["table"], columns, row) for label, columns in (join["from"], join["to"])]
                if None not in ends:
                    made = Relationship(type, *ends, self._values(join["table"], properties, row),
                                        self._relationship_source(join, number, join["table"], row))
                    yield self._with_history(join, made, row)

    def _with_history(self, part, made, row):
        if not part.get("history"):
            return made
        # What a test puts on a version is on the next one too: additions do not follow that.
        return dataclasses.replace(made, source=None, written=row[VERSION])

    def own_key(self, join):
        """The names of the properties of a key of its own, or none."""
        names = {column: name for name, column, _ in self.join_properties(join, join["type"])}
        return [names[column] for column in self.own_key_columns(join)]

    def own_key_columns(self, join):
        key = self._key(join)
        return [] if {*key} == {*join["from"][1], *join["to"][1]} else key

    def _relationship_source(self, part, which, table, row):
        source = self._source(part, table, row)
        return (which, *source) if source else None

    def _without_row(self, identity):
        """What is made of a value, or else a placeholder."""
        label, key = identity
        if label in self.values:
            value = self.values[label]
            return Node({label, *value["labels"]}, {value["property"]: key[0]})
        names = [self.names[label][column] for column in self.keys[label]]
        return Node({label, PLACEHOLDER}, dict(zip(names, key)))
