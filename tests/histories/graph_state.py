"""The graph that is there, read with the official driver, and what differs from the one that must be."""
import dataclasses

from graph import CHECKPOINT, PLACEHOLDER, WAITING
from temporal import read_temporal

from . import additions
from .column_types import number

# Temporal values come as text, since the driver's own years end at 9999.
_VALUES = """[k IN keys({0}) | [k, CASE
    WHEN valueType({0}[k]) =~ '(DATE|LOCAL|ZONED).*' THEN {{type: valueType({0}[k]), text: toString({0}[k])}}
    WHEN valueType({0}[k]) =~ 'LIST<(DATE|LOCAL|ZONED).*' THEN {{type: valueType({0}[k]), texts: toStringList({0}[k])}}
    ELSE {0}[k] END]] AS properties"""
_OURS = f"(NOT n:{CHECKPOINT} AND NOT n:CheckpointMove)"
_DRIVER_KINDS = {bool: "BOOLEAN", int: "INTEGER", str: "STRING"}


@dataclasses.dataclass
class Actual:
    """Without what waits, unseen, for a row. Nodes by element id: (labels, properties); relationships: (type, element ids of start and end, properties, element id)."""
    nodes: dict
    relationships: list


def read(graph):
    nodes = graph.query(f"MATCH (n) WHERE {_OURS} RETURN elementId(n) AS id, labels(n) AS labels, {_VALUES.format('n')}")
    relationships = graph.query(f"MATCH (n)-[r]->(m) WHERE {_OURS} RETURN elementId(r) AS id, type(r) AS type, "
                                f"elementId(n) AS start, elementId(m) AS end, {_VALUES.format('r')}")
    return Actual({n["id"]: (set(n["labels"]), _properties(n["properties"])) for n in nodes
                   if not any(label.startswith(WAITING) for label in n["labels"])},
                  [(r["type"], r["start"], r["end"], _properties(r["properties"]), r["id"]) for r in relationships
                   if not r["type"].startswith(WAITING)])


def _properties(pairs):
    return {name: _value(value) for name, value in pairs}


def _value(value):
    if isinstance(value, list):
        return "LIST", tuple(_value(element) for element in value)
    if isinstance(value, dict):
        return _temporal(value)
    if isinstance(value, float):
        return "FLOAT", number(value)
    if isinstance(value, (bytes, bytearray)):
        return "BYTES", value.hex()
    return _DRIVER_KINDS.get(type(value), type(value).__name__), value


def _temporal(fetched):
    if "texts" in fetched:
        kind = fetched["type"].removeprefix("LIST<").partition(" NOT NULL")[0]
        return "LIST", tuple((kind, read_temporal(kind, text)) for text in fetched["texts"])
    kind = fetched["type"].removesuffix(" NOT NULL")
    return kind, read_temporal(kind, fetched["text"])


class Identities:
    """Which node of the model an actual one is: (label, values of the key)."""

    def __init__(self, actual, key_names):
        self.key_names = key_names
        self.of = {id: self._identity(*node) for id, node in actual.nodes.items()}

    def _identity(self, labels, properties):
        if additions.LABEL in labels:
            return additions.LABEL, (properties.get(additions.NUMBER),)
        mapped = sorted(labels & self.key_names.keys())
        if len(mapped) != 1:
            return "?", (tuple(sorted(labels)), tuple(sorted(properties.items(), key=repr)))
        return mapped[0], tuple(properties.get(name) for name in self.key_names[mapped[0]])


def differences(expected, actual, key_names, loose):
    """As lines. `loose` are the additions that may be there or not."""
    identities = Identities(actual, key_names)
    return [*_nodes(expected, actual, identities, loose), *_relationships(expected, actual, identities, loose)]


def _nodes(expected, actual, identities, loose):
    wanted = dict(expected.nodes)
    seen = set()
    for id, (labels, properties) in actual.nodes.items():
        identity = identities.of[id]
        if identity in seen:
            yield f"node twice: {identity}"
            continue
        seen.add(identity)
        node = wanted.pop(identity, None)
        if node is None:
            # What a test has put on a node may keep it as a placeholder when its row goes.
            if not (PLACEHOLDER in labels and loose) and identity[0] not in expected.kept:
                yield f"node that should not be there: {sorted(labels)} {_shown(properties)}"
            continue
        if node.labels != labels - loose:
            yield f"node {identity}: labels {sorted(labels)}, should be {sorted(node.labels)}"
        yield from (f"node {identity}: {line}" for line in _different(node.properties, _without(properties, loose)))
    yield from (f"node that is missing: {sorted(node.labels)} {_shown(node.properties)}" for node in wanted.values())


def _relationships(expected, actual, identities, loose):
    left = [(r.type, r.start, r.end, r.properties) for r in expected.relationships]
    unmatched = []
    for type, start, end, properties, _ in actual.relationships:
        if type == additions.TYPE and additions.name(properties[additions.NUMBER][1]) in loose:
            continue
        found = (type, identities.of.get(start), identities.of.get(end), _without(properties, loose))
        if found in left:
            left.remove(found)
        else:
            unmatched.append(found)
    yield from (f"relationship that should not be there: {_arrow(found)}" for found in unmatched)
    yield from (f"relationship that is missing: {_arrow(missing)}" for missing in left)


def _different(wanted, found):
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{name!r} is {_short(found.get(name))}, should be {_short(wanted.get(name))}"


def _without(properties, loose):
    return {name: value for name, value in properties.items() if name not in loose}


def _arrow(relationship):
    type, start, end, properties = relationship
    return f"{start}-[{type} {_shown(properties)}]->{end}"


def _shown(properties):
    return "{" + ", ".join(f"{name!r}: {_short(value)}" for name, value in sorted(properties.items())) + "}"


def _short(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:100]}... ({len(text)} characters)"
