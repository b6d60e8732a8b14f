"""Nodes that stay when their rows go (`on_delete`), followed from one commit in PostgreSQL to the next.

The tables have an identity of their own (schema.IDENTITY), no partitions and no condition. Where a transaction writes a row before it
deletes it, the rows that the tables hold do not tell what the node had last: from then on nothing is asked of the nodes of that label
that have no row. The same goes for `restrict`: what hangs on a node when it is deleted depends on which transactions share a batch, so
it is only given to nodes that nothing leads to but valid foreign keys; what a test has put there may keep them.
"""
import dataclasses

DELETED = "Deleted"
_WRITES = ("update", "shift")


def nodes_that_stay(mapping):
    return [node for node in mapping["nodes"] if node.get("on_delete")]


def deleted_label(node):
    return node.get("deleted_label") or DELETED


class Stayed:
    def __init__(self, tables, mapping):
        self.nodes = {node["label"]: node for node in nodes_that_stay(mapping)}
        self.tables = {table["id"]: table for table in tables}
        self.begun = False
        # By identity; relationships of rows that are gone, by what owned them; labels of which nothing is asked.
        self.stayed, self.kept, self.loose = {}, {}, set()

    def __bool__(self):
        return bool(self.nodes)

    def begin(self, expected):
        """After the first load, with nothing changed since the daemon was started."""
        self.begun = True
        self._remember(expected)

    def _remember(self, expected):
        self.last = expected
        self.rows = {node.row: identity for identity, node in expected.nodes.items() if node.row}

    def committed(self, expected, statements):
        """One transaction more; `expected` is what the rows alone make."""
        last, before = self.last, self.rows
        self._remember(expected)
        moved = {identity: self.rows[row] for row, identity in before.items() if self.rows.get(row, identity) != identity}
        gone = [identity for row, identity in before.items() if row not in self.rows]
        came = {identity for row, identity in self.rows.items() if row not in before}
        for identity in [identity for identity in self.stayed if identity in self.rows.values()]:
            self._forget(identity, by_update=identity not in came)
        # An end that was replaced by another row in one transaction may be the same node or not.
        self.loose |= {owner[0] for owner, kept in self.kept.items() for r in kept if {r.start, r.end} & came & {*gone}}
        self.kept = {owner: [self._moved(r, moved) for r in kept if self._has_ends(r, gone)] for owner, kept in self.kept.items()}
        for identity in gone:
            node = self.nodes.get(identity[0])
            if node and self._written_too(node["table"], statements):
                self.loose.add(identity[0])
            if node and node["on_delete"] != "restrict" and identity not in self.rows.values():
                self._stay(node, identity, last, moved, gone)

    def _stay(self, node, identity, last, moved, gone):
        was = last.nodes[identity]
        self.stayed[identity] = dataclasses.replace(was, labels=was.labels | {deleted_label(node)}, source=None, row=None)
        if node["on_delete"] == "keep":
            self.kept[identity] = [self._moved(r, moved) for r in last.relationships if r.owner == identity and self._has_ends(r, gone)]

    def _forget(self, identity, by_update):
        """A row has its key: where it comes by an UPDATE with a node of its own, this one goes with all that hangs on it."""
        del self.stayed[identity]
        self.kept.pop(identity, None)
        if by_update:
            self.kept = {owner: [r for r in kept if identity not in (r.start, r.end)] for owner, kept in self.kept.items()}

    def _moved(self, relationship, moved):
        return dataclasses.replace(relationship, start=moved.get(relationship.start, relationship.start),
                                   end=moved.get(relationship.end, relationship.end), source=None)

    def _has_ends(self, relationship, gone):
        """Whether both its ends are still there: those of rows that went have to be ones that stay."""
        return all(end not in gone or self._stays(end) for end in (relationship.start, relationship.end))

    def _stays(self, identity):
        return identity[0] in self.nodes and self.nodes[identity[0]]["on_delete"] != "restrict"

    def _written_too(self, table, statements):
        """Whether the transaction may have written rows of the table, itself or by a foreign key's action."""
        near = {table} | {reference["to"] for reference in self.tables[table]["references"]}
        return any(_writes(statement, near) for statement in statements)

    # Comparing

    def apply(self, expected):
        """Puts them where a placeholder would be."""
        for identity, node in self.stayed.items():
            expected.nodes[identity] = dataclasses.replace(node)
        expected.relationships += [relationship for kept in self.kept.values() for relationship in kept]

    def leave_out(self, expected, actual, identities, additions):
        """What nothing is asked of."""
        unknown = {identity for identity, node in expected.nodes.items() if identity[0] in self.loose and not node.row}
        for id, (labels, _) in list(actual.nodes.items()):
            label = identities.of[id][0]
            node = self.nodes.get(label)
            marked = node and deleted_label(node) in labels
            kept_by_test = node and node["on_delete"] == "restrict" and additions
            if marked and (label in self.loose or kept_by_test) and identities.of[id] not in self.rows.values():
                unknown.add(identities.of[id])
        actual.nodes = {id: node for id, node in actual.nodes.items() if identities.of[id] not in unknown}
        actual.relationships = [r for r in actual.relationships if not {identities.of[r[1]], identities.of[r[2]]} & unknown]
        expected.nodes = {identity: node for identity, node in expected.nodes.items() if identity not in unknown}
        expected.relationships = [r for r in expected.relationships if not {r.start, r.end} & unknown]


def _writes(statement, tables):
    if statement["do"] == "savepoint":
        return any(_writes(inner, tables) for inner in statement["statements"])
    writes = statement["do"] in _WRITES or statement.get("conflict") == "update"
    return writes and statement["table"] in tables
