"""An independent judge: do the tables and the graph agree, in both directions?

Written from the description of the mapping and from both servers' manuals, with the official drivers, so that it shares
neither code nor mistakes with pgweave. What the mapping does not name (graph-only labels, properties, relationships) is
not looked at.
"""
import collections
import dataclasses
import functools
import re

from graph import PLACEHOLDER, WAITING
from temporal import DAY_NANOS, INFINITE, PATTERNS, read_temporal


@dataclasses.dataclass(frozen=True)
class Node:
    """`properties` maps names to columns, the key's ones included; `key` names columns.

    `waits`: while a row is not there, neither a placeholder nor a relationship that leads to it is to be seen.
    """
    label: str
    table: str
    key: tuple
    properties: dict
    where: str = "true"
    waits: bool = False


@dataclasses.dataclass(frozen=True)
class Value:
    """A node for each value that a relationship leads to; `keep`: also for values of old."""
    label: str
    property: str
    keep: bool = False
    temporal: bool = False


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    """A relationship from the row's node to the node that `columns` name, or the other way round."""
    type: str
    owner: str
    columns: tuple
    other: str
    from_owner: bool = True
    where: str = "true"


@dataclasses.dataclass(frozen=True)
class Elements:
    """A relationship from the row's node to each node that an element of the array `column` names; with `position`, its place."""
    type: str
    owner: str
    column: str
    other: str
    from_owner: bool = True
    position: str = None
    where: str = "true"


@dataclasses.dataclass(frozen=True)
class Join:
    """`start` and `end` are (label, columns). With `key`, one relationship a row, known by these columns."""
    type: str
    table: str
    start: tuple
    end: tuple
    properties: dict = dataclasses.field(default_factory=dict)
    key: tuple = ()
    where: str = "true"


def same(*names):
    """Properties that have their column's name."""
    return {name: name for name in names}


def compare(database, graph, mapping, differences_max=20):
    """What differs, as lines; an empty list when nothing does."""
    with database.connect() as connection, graph.driver.session() as session:
        # One snapshot, so that tables are compared with each other as of one moment.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL datestyle TO ISO; SET LOCAL timezone TO 'UTC'; SET LOCAL extra_float_digits TO 3; "
                           "SET LOCAL bytea_output TO hex")
        judge = _Judge(Tables(connection), session, mapping)
        judge.run()
    return judge.differences[:differences_max]


class _Judge:
    def __init__(self, tables, session, mapping):
        self.tables = tables
        self.session = session
        self.nodes = {part.label: part for part in mapping if isinstance(part, (Node, Value))}
        self.links = [part for part in mapping if not isinstance(part, (Node, Value))]
        self.differences = []

    def run(self):
        expected = {node.label: self._expected_nodes(node) for node in self.nodes.values()}
        keys = {label: {key for key, _ in nodes} for label, nodes in expected.items()}
        waiting = {node.label: set(keys[node.label]) for node in self.nodes.values() if isinstance(node, Node) and node.waits}
        for shape, links in self._link_shapes().items():
            wanted = collections.Counter()
            for link in links:
                for start, end, key, properties in self._expected_links(link):
                    ends = ((shape[1], start), (shape[2], end))
                    if all(node_key in waiting.get(label, (node_key,)) for label, node_key in ends):
                        wanted[start, end, key, properties] += 1
                    for label, node_key in ends:
                        if node_key not in keys[label] and label not in waiting:
                            keys[label].add(node_key)
                            expected[label][node_key, self._without_row(label, node_key)] += 1
            self._settle(f"relationship {shape[0]}", wanted, self._actual_links(shape, links[0]))
        for node in self.nodes.values():
            actual = self._actual_values(node, keys[node.label]) if isinstance(node, Value) else self._actual_nodes(node)
            self._settle(f"node {node.label}", expected[node.label], actual)
        self._look_for_what_is_seen_of_the_hidden()

    def _look_for_what_is_seen_of_the_hidden(self):
        """What waits has no mapped label, and no mapped type leads to it."""
        for label, relationship_type in self.session.run(
                f"MATCH (n) UNWIND labels(n) AS w WITH n, w WHERE w STARTS WITH '{WAITING}' OPTIONAL MATCH (n)-[r]-() WITH n, w, r "
                f"WHERE n:{PLACEHOLDER} OR any(l IN labels(n) WHERE l IN $labels) OR type(r) IN $types RETURN w, type(r)",
                labels=list(self.nodes), types=[shape[0] for shape in self._link_shapes()]):
            self.differences.append(f"node {label}: waits, and can be seen (relationship {relationship_type})")

    def _without_row(self, label, key):
        node = self.nodes[label]
        return _known([(node.property, *key)]) if isinstance(node, Value) else PLACEHOLDER

    def _settle(self, what, wanted, actual):
        """Takes what is there from what should be; what remains on either side is a difference."""
        for item in actual:
            if wanted[item] > 0:
                wanted[item] -= 1
            else:
                self.differences.append(f"{what}: only in the graph, or different there: {item}")
        for item, count in wanted.items():
            if count > 0:
                self.differences.append(f"{what}: only in the tables, or different there: {item}")

    def _link_shapes(self):
        """Relationships by (type, label of the start, label of the end)."""
        shapes = collections.defaultdict(list)
        for link in self.links:
            if isinstance(link, Join):
                shapes[link.type, link.start[0], link.end[0]].append(link)
            elif link.from_owner:
                shapes[link.type, link.owner, link.other].append(link)
            else:
                shapes[link.type, link.other, link.owner].append(link)
        return shapes

    def _expected_nodes(self, node):
        nodes = collections.Counter()
        if isinstance(node, Value):  # they come with the relationships
            return nodes
        columns = [*node.key, *node.properties.values()]
        for row in self.tables.rows(node.table, columns, node.where):
            key, values = row[:len(node.key)], row[len(node.key):]
            nodes[key, _known(zip(node.properties, values))] += 1
        return nodes

    def _expected_links(self, link):
        if isinstance(link, ForeignKey):
            yield from self._expected_foreign_key(link)
        elif isinstance(link, Elements):
            yield from self._expected_elements(link)
        else:
            yield from self._expected_join(link)

    def _expected_foreign_key(self, link):
        owner = self.nodes[link.owner]
        for row in self.tables.rows(owner.table, [*owner.key, *link.columns], f"({owner.where}) AND ({link.where})"):
            mine, theirs = row[:len(owner.key)], row[len(owner.key):]
            if None not in theirs:
                yield (*((mine, theirs) if link.from_owner else (theirs, mine)), (), frozenset())

    def _expected_elements(self, link):
        owner = self.nodes[link.owner]
        for *mine, array in self.tables.rows(owner.table, [*owner.key, link.column], f"({owner.where}) AND ({link.where})"):
            elements = [] if array is None else [(value, place) for place, value in enumerate(array[1], 1) if value is not None]
            if not link.position:
                elements = {value: None for value, _ in elements}.items()
            for value, place in elements:
                ends = (tuple(mine), (value,)) if link.from_owner else ((value,), tuple(mine))
                yield (*ends, (), _known([(link.position, place and ("INTEGER", place))]))

    def _expected_join(self, link):
        starts, ends = link.start[1], link.end[1]
        columns = [*starts, *ends, *link.key, *link.properties.values()]
        for row in self.tables.rows(link.table, columns, link.where):
            row = list(row)
            start, end, key = (tuple(row.pop(0) for _ in part) for part in (starts, ends, link.key))
            if None not in start and None not in end:
                yield start, end, key, _known(zip(link.properties, row))

    def _actual_nodes(self, node):
        keys, names = self._key_properties(node), sorted(node.properties)
        temporal = self._temporal(node.table, node.properties)
        records = self.session.run(
            f"MATCH (n:{_quote(node.label)}) WHERE {_present('n', keys)} "
            f"RETURN {_fetch('n', keys, temporal)} AS key, {_fetch('n', names, temporal)} AS properties, "
            f"n:{PLACEHOLDER} AS placeholder")
        for key, properties, placeholder in records:
            key, properties = _canonical(key), _known(zip(names, _canonical(properties)))
            if placeholder and properties <= set(zip(keys, key)):
                yield key, PLACEHOLDER
            else:
                yield key, properties

    def _actual_values(self, node, wanted):
        temporal = {node.property} if node.temporal else set()
        records = self.session.run(
            f"MATCH (n:{_quote(node.label)}) RETURN {_fetch('n', [node.property], temporal)} AS key, n:{PLACEHOLDER} AS placeholder, "
            "EXISTS {(n)--()} AS led_to")
        for key, placeholder, led_to in records:
            key = _canonical(key)
            if placeholder:
                yield key, PLACEHOLDER
            elif key in wanted or not (led_to or node.keep):  # what is graph-only keeps it too
                yield key, _known([(node.property, *key)])

    def _actual_links(self, shape, link):
        relationship_type, start, end = shape
        properties, own_keys, temporal = {}, (), set()
        if isinstance(link, Join):
            properties, temporal = link.properties, self._temporal(link.table, link.properties)
            own_keys = [name for column in link.key for name in properties if properties[name] == column]
        elif isinstance(link, Elements) and link.position:
            properties = {link.position: None}
        names = sorted(properties)
        records = self.session.run(
            f"MATCH (a:{_quote(start)})-[r:{_quote(relationship_type)}]->(b:{_quote(end)}) "
            f"WHERE {_present('a', self._key_properties(self.nodes[start]))} "
            f"AND {_present('b', self._key_properties(self.nodes[end]))} "
            f"RETURN {self._fetch_key('a', start)} AS a, {self._fetch_key('b', end)} AS b, "
            f"{_fetch('r', own_keys, temporal)} AS key, {_fetch('r', names, temporal)} AS properties")
        for a, b, key, properties in records:
            yield _canonical(a), _canonical(b), _canonical(key), _known(zip(names, _canonical(properties)))

    def _fetch_key(self, variable, label):
        node = self.nodes[label]
        if isinstance(node, Value):
            return _fetch(variable, [node.property], {node.property} if node.temporal else set())
        return _fetch(variable, self._key_properties(node), self._temporal(node.table, node.properties))

    def _temporal(self, table, properties):
        """The properties that should hold a date or a time."""
        types = self.tables.types(table)
        return {name for name, column in properties.items() if types[column][0] in PATTERNS}

    def _key_properties(self, node):
        if isinstance(node, Value):
            return [node.property]
        columns = {column: name for name, column in node.properties.items()}
        return [columns[column] for column in node.key]


def _quote(name):
    assert "`" not in name and "\\" not in name
    return f"`{name}`"


def _present(variable, names):
    return " AND ".join(f"{variable}.{_quote(name)} IS NOT NULL" for name in names)


def _fetch(variable, names, temporal):
    """A list of values. What should be temporal comes as [type, text], since the driver's own years end at 9999."""
    return "[" + ", ".join(
        _fetch_temporal(f"{variable}.{_quote(name)}") if name in temporal else f"{variable}.{_quote(name)}"
        for name in names) + "]"


def _fetch_temporal(value):
    return (f"CASE WHEN {value} IS NULL THEN NULL WHEN valueType({value}) STARTS WITH 'LIST' "
            f"THEN {{type: valueType({value}), texts: toStringList({value})}} "
            f"ELSE {{type: valueType({value}), text: toString({value})}} END")


def _known(items):
    """Without the NULLs, which a graph does not have."""
    return frozenset((name, value) for name, value in items if value is not None)


def _canonical(values):
    return tuple(_graph_value(value) for value in values)


def _graph_value(value):
    if value is None:
        return None
    if isinstance(value, list):
        return "LIST", tuple(_graph_value(element) for element in value)
    if isinstance(value, dict):
        return _graph_temporal(value)
    if isinstance(value, float):
        return "FLOAT", _number(value)
    kind = DRIVER_TYPES.get(type(value))
    return (kind, value) if kind else (type(value).__name__, str(value))


def _graph_temporal(fetched):
    if "texts" in fetched:
        kind = fetched["type"].removeprefix("LIST<").partition(" NOT NULL")[0]
        return "LIST", tuple((kind, read_temporal(kind, text)) for text in fetched["texts"])
    kind = fetched["type"].removesuffix(" NOT NULL")
    # Another type than expected is a difference, whatever its text.
    return kind, read_temporal(kind, fetched["text"]) if kind in PATTERNS else fetched["text"]


def _number(value):
    # NaN is not equal to itself, and -0.0 is equal to 0.0.
    return "NaN" if value != value else value


DRIVER_TYPES = {bool: "BOOLEAN", int: "INTEGER", str: "STRING", bytes: "BYTES"}
GRAPH_TYPES = {
    "bool": "BOOLEAN", "int2": "INTEGER", "int4": "INTEGER", "int8": "INTEGER", "float4": "FLOAT", "float8": "FLOAT",
    "numeric": "STRING", "text": "STRING", "varchar": "STRING", "bpchar": "STRING", "char": "STRING",
    "name": "STRING", "uuid": "STRING", "json": "STRING", "jsonb": "STRING", "bytea": "BYTES", "date": "DATE",
    "time": "LOCAL TIME", "timetz": "ZONED TIME", "timestamp": "LOCAL DATETIME", "timestamptz": "ZONED DATETIME",
}


class Tables:
    """Rows as the values that the graph should have for them."""

    def __init__(self, connection):
        self.connection = connection

    def rows(self, table, columns, where="true"):
        types = self.types(table)
        kinds = [types[column] for column in columns]
        names = ", ".join(f'"{column}"' for column in columns)
        with self.connection.cursor() as cursor:
            # COPY gives what the types' output functions say; a cast to text would strip the blanks of char(n).
            with cursor.copy(f"COPY (SELECT {names} FROM {table} WHERE {where}) TO STDOUT") as copy:
                for row in copy.rows():
                    yield tuple(_table_value(kind, text) for kind, text in zip(kinds, row))

    @functools.cache
    def types(self, table):
        """Column to (graph type, is a list): domains resolved, enums as text."""
        found = self.connection.execute("""
            WITH RECURSIVE resolved AS (
                SELECT a.attname, t.oid, t.typname, t.typtype, t.typbasetype, t.typelem, t.typcategory, false AS list
                FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
              UNION ALL
                SELECT r.attname, t.oid, t.typname, t.typtype, t.typbasetype, t.typelem, t.typcategory,
                       r.list OR r.typcategory = 'A' AND r.typtype <> 'd'
                FROM resolved r JOIN pg_type t
                  ON t.oid = CASE WHEN r.typtype = 'd' THEN r.typbasetype WHEN r.typcategory = 'A' THEN r.typelem END
            )
            SELECT attname, CASE WHEN typtype = 'e' THEN 'text' ELSE typname END, list FROM resolved
            WHERE typtype <> 'd' AND typcategory <> 'A'""", [table]).fetchall()
        return {column: (GRAPH_TYPES.get(name), is_list) for column, name, is_list in found}


def _table_value(kind, text):
    graph_type, is_list = kind
    if text is None:
        return None
    if is_list:
        return "LIST", tuple(None if element is None else _table_scalar(graph_type, element) for element in _elements(text))
    return _table_scalar(graph_type, text)


def _table_scalar(graph_type, text):
    if graph_type in INFINITE and text in ("infinity", "-infinity"):
        return graph_type, INFINITE[graph_type][text[0] == "-"]
    if graph_type in PATTERNS:
        return graph_type, _table_temporal(graph_type, text)
    return graph_type, READ_SCALAR[graph_type](text)


def _table_temporal(graph_type, text):
    before_christ = text.endswith(" BC")
    value = read_temporal(graph_type, text.removesuffix(" BC"))
    if graph_type in ("LOCAL TIME", "ZONED TIME"):
        # The end of the day is a time in PostgreSQL, but not in Neo4j.
        return (min(value[0], DAY_NANOS - 1), *value[1:])
    return (1 - value[0], *value[1:]) if before_christ else value


READ_SCALAR = {
    "BOOLEAN": lambda text: text in ("t", "true"),
    "INTEGER": int,
    "FLOAT": lambda text: _number(float(text)),
    "STRING": str,
    "BYTES": lambda text: bytes.fromhex(text.removeprefix("\\x")),
}


def _elements(text):
    """The elements of an array in PostgreSQL's notation, None where it is NULL, those of several dimensions one after the other."""
    text = text.partition("=")[2] if text[0] == "[" else text
    assert text[0] == "{" and text[-1] == "}", f"{text!r} is no array"
    quoted_or_bare = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)', text[1:-1], re.DOTALL)
    return [None if bare == "NULL" else bare if bare else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) for quoted, bare in quoted_or_bare]
