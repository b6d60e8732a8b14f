"""A smaller case that still fails: parts are left out for as long as it does.

What a reduction breaks (a statement whose column is gone, a row without a value it needs) PostgreSQL refuses, and the history goes
on without it; so reductions need not be clever. They go from large to small, and each that succeeds is kept.
"""
import copy

from .alterations import drop_from_statement
from .history import nested_lists
from .schema import IDENTITY
from .stayed import nodes_that_stay
from .versions import parts_with_history


def shrink(case, fails, runs_max=150):
    """The smallest case found for which fails(case) is true, with at most so many runs."""
    runs, progress = 0, True
    while progress:
        progress = False
        for reduction in _REDUCTIONS:
            position = 0
            while True:
                smaller = copy.deepcopy(case)
                if not reduction(smaller, position):
                    break
                if smaller == case:
                    position += 1
                    continue
                if runs == runs_max:
                    return case
                runs += 1
                if fails(smaller):
                    case, progress = smaller, True
                else:
                    position += 1
    return case


# Each takes away the part with a number and says whether there was one.

def _halves_of_steps(case, position):
    """First halves, then quarters and eighths."""
    steps = case["history"]["steps"]
    for parts in (2, 4, 8):
        if position < parts:
            size = -(-len(steps) // parts)
            case["history"]["steps"] = steps[:position * size] + steps[(position + 1) * size:]
            return True
        position -= parts
    return False


def _lists(case):
    """Every list of steps or statements, outer ones first."""
    return nested_lists([case["history"]["steps"], case["history"]["load"]])


def _mappings(case):
    return [case["mapping"], *case.get("remappings", [])]


def _mapped_parts(case):
    return [part for mapping in _mappings(case) for part in mapping["nodes"] + mapping["relationships"]]


def _step_or_statement(case, position):
    for list_ in _lists(case):
        if position < len(list_):
            del list_[position]
            return True
        position -= len(list_)
    return False


def _statements(case):
    return [item for list_ in _lists(case) for item in list_]


def _simpler_step(case, position):
    """What is inside of another thing comes out of it, in order."""
    for list_ in _lists(case):
        for number, item in enumerate(list_):
            inside = _inside(item)
            if inside is None:
                continue
            if position == 0:
                list_[number:number + 1] = inside
                return True
            position -= 1
    return False


def _inside(item):
    if item["do"] == "savepoint":
        return item["statements"] if item["end"] == "release" else []
    if item["do"] == "interleaved":
        return item["transactions"]
    if item["do"] == "around":
        return [*item["steps"], item["transaction"]]
    return None


def _row(case, position):
    for statement in _statements(case):
        for name in ("rows", "keys", "tables"):
            parts = statement.get(name) or []
            if len(parts) > 1 and statement["do"] != "shift":
                if position < len(parts):
                    del parts[position]
                    return True
                position -= len(parts)
    return False


def _assignment(case, position):
    for statement in _statements(case):
        sets = statement.get("set", {})
        if len(sets) > 1:
            if position < len(sets):
                del sets[list(sets)[position]]
                return True
            position -= len(sets)
    return False


def _mapped_part(case, position):
    """A relationship, or a node with all that refers to it."""
    for mapping in _mappings(case):
        parts = len(mapping["nodes"]) + len(mapping["relationships"]) + sum(len(node["relationships"]) for node in mapping["nodes"])
        if position < parts:
            return _part_of(mapping, position)
        position -= parts
    return False


def _part_of(mapping, position):
    lists = [mapping["relationships"], *(node["relationships"] for node in mapping["nodes"])]
    for list_ in lists:
        if position < len(list_):
            del list_[position]
            return True
        position -= len(list_)
    if len(mapping["nodes"]) > 1:
        label = mapping["nodes"].pop(position)["label"]
        for node in mapping["nodes"]:
            node["relationships"] = [r for r in node["relationships"] if label not in (r.get("to"), r.get("from"))]
        mapping["relationships"] = [r for r in mapping["relationships"] if label not in (r["from"][0], r["to"][0])]
    return True


def _table(case, position):
    """One that the mapping does not name."""
    if position >= len(case["tables"]):
        return False
    id = case["tables"][position]["id"]
    if id not in {part["table"] for part in _mapped_parts(case)}:
        del case["tables"][position]
        for table in case["tables"]:
            table["references"] = [reference for reference in table["references"] if reference["to"] != id]
        for list_ in _lists(case):
            list_[:] = [item for item in list_ if item.get("table") != id]
            for item in list_:
                if "tables" in item:
                    item["tables"] = [other for other in item["tables"] if other != id]
            list_[:] = [item for item in list_ if item.get("tables") != []]
    return True


def _reference(case, position):
    """One that the mapping does not use: first its constraint, then its columns."""
    for table in case["tables"]:
        if position < len(table["references"]):
            used = {tuple(columns) for mapping in _mappings(case) for columns in _used_references(mapping)}
            reference = table["references"][position]
            if reference["declared"] != "no":
                reference["declared"] = "no"
            elif tuple(reference["columns"]) not in used and not set(reference["columns"]) & set(table["key"]):
                del table["references"][position]
                _drop_columns(case, table, reference["columns"])
            return True
        position -= len(table["references"])
    return False


def _used_references(mapping):
    for join in mapping["relationships"]:
        yield from (join["from"][1], join["to"][1])
    for node in mapping["nodes"]:
        yield from (relationship["columns"] for relationship in node["relationships"])


def _column(case, position):
    # What is followed from commit to commit is followed by its identity.
    followed = any(parts_with_history(case["mapping"])) or nodes_that_stay(case["mapping"])
    for table in case["tables"]:
        needed = {IDENTITY} if followed else set()
        needed |= {*table["key"], *table["primary_key"], *(c for r in table["references"] for c in r["columns"])}
        free = [column["name"] for column in table["columns"] if column["name"] not in needed]
        if position < len(free):
            _drop_columns(case, table, [free[position]])
            return True
        position -= len(free)
    return False


def _drop_columns(case, table, names):
    table["columns"] = [column for column in table["columns"] if column["name"] not in names]
    if {*table.get("unique", [])} & {*names}:
        table["unique"] = []
    for part in _mapped_parts(case):
        if part["table"] == table["id"]:
            part["except"] = [name for name in part["except"] if name not in names]
            if part["properties"] is not None:
                part["properties"] = [p for p in part["properties"] if p["column"] not in names]
            for one in (part, *part.get("relationships", [])):
                _drop_from_rows(one, names)
    for list_ in _lists(case):
        for item in list_:
            if item.get("table") == table["id"]:
                drop_from_statement(item, names)
        list_[:] = [item for item in list_ if item.get("set") != {}]


def _drop_from_rows(part, names):
    if part.get("where") and {*part["where"]["columns"]} & {*names}:
        part["where"] = None
    if isinstance(part.get("choose"), dict) and part["choose"]["column"] in names:
        part["choose"] = None
    if isinstance(part.get("choose"), list):
        part["choose"] = [chooser for chooser in part["choose"] if chooser["column"] not in names]
    if part.get("prefixes"):
        part["prefixes"] = [made for made in part["prefixes"] if made["column"] not in names]


def _property(case, position):
    for part in _mapped_parts(case):
        for name in ("properties", "labels", "except"):
            values = part.get(name) or []
            if position < len(values):
                if name != "except":
                    del values[position]
                return True
            position -= len(values)
    return False


def _plainer(case, position):
    """Flags and options to their defaults."""
    changes = []
    for table in case["tables"]:
        changes += [(table, "partitions", 0), (table, "schema", "public")]
        if table["replica_identity"] == "full" and not table["deferrable"] and table["key_is"] == "primary":
            changes.append((table, "replica_identity", "default"))
        for reference in table["references"]:
            changes += [(reference, "deferrable", None), (reference, "on_delete", "NO ACTION"),
                        (reference, "on_update", "NO ACTION")]
    for part in _mapped_parts(case):
        for one in (part, *part.get("relationships", [])):
            changes += [(one, name, None) for name in ("where", "choose", "prefixes", "missing", "history", "on_delete", "deleted_label")
                        if one.get(name)]
    changes += [(case["mapping"]["options"], "snapshot", {}), (case["mapping"]["options"], "stream", {})]
    for item in _statements(case):
        changes += [(item, name, False) for name in ("prepared", "conflict", "cascade") if item.get(name)]
        changes += [(item, "do", "insert")] if item["do"] == "copy" else []
        changes += [(item, "end", "release")] if item["do"] == "savepoint" else []
        if item["do"] in ("transaction", "around"):
            plan = item.get("transaction", item)
            changes += [(plan, "end", "commit"), (plan, "guarded", True), (plan, "deferred", False)]
    if position >= len(changes):
        return False
    part, name, value = changes[position]
    part[name] = value
    return True


_REDUCTIONS = [_halves_of_steps, _mapped_part, _table, _step_or_statement, _simpler_step, _row, _assignment, _reference, _column,
               _property, _plainer]
