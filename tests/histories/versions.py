"""The versions that relationships with `history` must have, followed from one commit in PostgreSQL to the next.

What is told apart by two nodes is told apart by their rows, since a node keeps its history when its key changes. So the tables at the
ends have an identity of their own (schema.IDENTITY) and no partitions. Where the reference leaves open what there is, less is asked:
- `fuzzy`: a transaction that truncates or moves keys may leave a version that is equal to the one before;
- `unsure`: a row was replaced by another in one transaction, so that its node may be the same one or not, or another row took the key
  that a row refers to. Then the current version counts, and that those before are in order.
"""
import dataclasses

from .column_types import graph_value
from .model import own_key_names

FOREVER = graph_value("timestamp zone", "9999-12-31 00:00:00+00")
NAMES = {"from": "validFrom", "to": "validTo", "version": "version"}


@dataclasses.dataclass
class Version:
    """`since` is None for what the first load opened: the moment of its snapshot is not known."""
    number: int
    since: tuple
    until: tuple
    ends: tuple
    properties: dict


def parts_with_history(mapping):
    """(the part, the labels at its start and end)"""
    for node in mapping["nodes"]:
        for relationship in node["relationships"]:
            if relationship.get("history"):
                other = relationship.get("to") or relationship["from"]
                yield relationship, (node["label"], other) if "to" in relationship else (other, node["label"])
    for join in mapping["relationships"]:
        if join.get("history"):
            yield join, (join["from"][0], join["to"][0])


@dataclasses.dataclass
class _Part:
    """`counted_by`: "start" or "end", the node whose row has the foreign key; "both"; or the names of a key's properties."""
    names: dict
    counted_by: object


def _part(tables, mapping, part):
    names = NAMES if part["history"] is True else part["history"]
    if "columns" in part:
        return _Part(names, "start" if "to" in part else "end")
    return _Part(names, own_key_names(tables, mapping, part) or "both")


class Versions:
    def __init__(self, tables, mapping):
        self.by_shape = {(part["type"], *labels): _part(tables, mapping, part) for part, labels in parts_with_history(mapping)}
        self.begun = False

    def _chain(self, shape, ends, properties):
        """What its versions are counted by."""
        by = self.by_shape[shape].counted_by
        if isinstance(by, list):
            return (*shape, *(properties.get(name) for name in by))
        return (*shape, *{"start": ends[:1], "end": ends[1:], "both": ends}[by])

    def _states(self, expected):
        """By what tells them apart: (rows at the ends, properties, version of the row)."""
        states = {}
        for r in expected.relationships:
            if r.written is not None:
                ends = expected.nodes[r.start].source, expected.nodes[r.end].source
                states[self._chain((r.type, r.start[0], r.end[0]), ends, r.properties)] = ends, r.properties, r.written
        return states

    def __bool__(self):
        return bool(self.by_shape)

    def begin(self, expected):
        """After the first load, with nothing changed since the daemon was started."""
        self.begun = True
        self.states = self._states(expected)
        self.nodes = {node.source for node in expected.nodes.values() if node.source}
        self.chains = {chain: [Version(1, None, FOREVER, ends, properties)] for chain, (ends, properties, _) in self.states.items()}
        self.fuzzy, self.unsure, self.unsure_rows = set(), set(), set()

    def committed(self, expected, time, statements):
        """One transaction more, that was committed at `time`."""
        states, time = self._states(expected), graph_value("timestamp zone", time)
        self._nodes_went({node.source for node in expected.nodes.values() if node.source})
        if any(_may_repeat(statement) for statement in statements):
            self.fuzzy |= states.keys() | self.states.keys()
        for chain in self.states.keys() | states.keys():
            old, new = self.states.get(chain), states.get(chain)
            if old and new and old[:2] == new[:2]:
                continue
            if old and new and old[0] != new[0] and old[2] == new[2]:
                self.unsure.add(chain)
            self._change(chain, new, time)
        self.states = states

    def _change(self, chain, new, time):
        versions = self.chains.setdefault(chain, [])
        if versions and versions[-1].until == FOREVER:
            versions[-1].until = time
        if new:
            number = versions[-1].number + 1 if versions else 1
            versions.append(Version(number, time, FOREVER, new[0], new[1]))
            if self.unsure_rows & {*new[0]}:
                self.unsure.add(chain)

    def _nodes_went(self, nodes):
        """What hangs on a node goes with it."""
        gone, come = self.nodes - nodes, nodes - self.nodes
        replaced = {table for table, _ in gone} & {table for table, _ in come}
        self.unsure_rows |= {source for source in come if source[0] in replaced}
        for chain, versions in self.chains.items():
            left = [version for version in versions if not gone & {*version.ends}]
            if len(left) < len(versions) and any(source[0] in replaced for version in versions for source in version.ends):
                self.unsure.add(chain)
            self.chains[chain] = left
        self.nodes = nodes

    # Comparing

    def split(self, relationships, identities):
        """(those with history, the others) of the actual ones."""
        ours, others = [], []
        for relationship in relationships:
            type, start, end, _, _ = relationship
            shape = (type, identities.of[start][0], identities.of[end][0])
            (ours if shape in self.by_shape else others).append(relationship)
        return ours, others

    def differences(self, expected, actual, identities):
        sources = {identity: node.source for identity, node in expected.nodes.items()}
        found = {}
        for type, start, end, properties, _ in actual:
            names = (identities.of[start], identities.of[end])
            shape = (type, names[0][0], names[1][0])
            ends = tuple(sources.get(name) for name in names)
            version = _read(self.by_shape[shape].names, ends, properties)
            if None in ends or version is None:
                yield f"relationship with history that should not be there: {type} {names} {properties}"
                continue
            found.setdefault(self._chain(shape, ends, version.properties), []).append(version)
        for chain in self.chains.keys() | found.keys():
            versions = sorted(found.get(chain, []), key=lambda version: version.number)
            line = self._different(chain, self.chains.get(chain, []), versions)
            if line:
                yield f"history of {chain}: {line}\n  found {_shown(versions)}\n  should be {_shown(self.chains.get(chain, []))}"

    def _different(self, chain, wanted, found):
        out_of_order = _out_of_order(found)
        if out_of_order:
            return out_of_order
        rows = {source for version in [*wanted, *found] for source in version.ends}
        if chain in self.unsure or rows & self.unsure_rows:
            wanted, found = ([(version.ends, version.properties) for version in versions if version.until == FOREVER]
                             for versions in (wanted, found))
            return wanted != found and "the current version differs"
        if chain in self.fuzzy:
            wanted, found = _without_repeats(wanted), _without_repeats(found)
        elif [version.number for version in wanted] != [version.number for version in found]:
            return "the numbers differ"
        if len(wanted) != len(found):
            return f"there are {len(found)} versions, should be {len(wanted)}"
        for one, other in zip(wanted, found):
            since = one.since or other.since
            if (since, one.until, one.ends, one.properties) != (other.since, other.until, other.ends, other.properties):
                return f"version {other.number} differs"
        return None


def _may_repeat(statement):
    if statement["do"] == "savepoint":
        return any(map(_may_repeat, statement["statements"]))
    return statement["do"] in ("truncate", "shift") or statement.get("moves_key", False)


def _read(names, ends, properties):
    """None where one of the three is missing or of another type."""
    rest = {name: value for name, value in properties.items() if name not in names.values()}
    number, since, until = (properties.get(names[what]) for what in ("version", "from", "to"))
    if not number or number[0] != "INTEGER" or any(not time or time[0] != "ZONED DATETIME" for time in (since, until)):
        return None
    return Version(number[1], since, until, ends, rest)


def _out_of_order(versions):
    for version in versions:
        if version.since > version.until:
            return f"version {version.number} ends before it begins"
    for one, other in zip(versions, versions[1:]):
        if one.number == other.number:
            return f"version {one.number} is there twice"
        if one.until > other.since:
            return f"version {one.number} ends after version {other.number} begins"
    return None


def _without_repeats(versions):
    """Versions that touch and are equal are one."""
    kept = []
    for version in versions:
        last = kept[-1] if kept else None
        if last and last.until == version.since and (last.ends, last.properties) == (version.ends, version.properties):
            kept[-1] = dataclasses.replace(last, until=version.until)
        else:
            kept.append(version)
    return kept


def _shown(versions):
    return "[" + "; ".join(f"{v.number} from {v.since and v.since[1]} to {'now' if v.until == FOREVER else v.until[1]} "
                           f"{v.ends} {str(v.properties)[:200]}" for v in versions) + "]"
