"""Other mappings of the same tables: each is the whole one with some of its parts taken out, renamed, turned round or made of other
columns. What docs/operations.md says is refused is not among them (what needs an interim name), nor is what the model follows from
commit to commit (`history`, `on_delete`).
"""
import copy

from . import names
from .mapping import choose_properties
from .model import property_names

_TRIALS = 20


def random_remappings(rng, tables, mapping):
    """The mapping to begin with, and one or two to go over to."""
    by_id = {table["id"]: table for table in tables}
    made = []
    for _ in range(rng.choice([2, 2, 3])):
        made.append(_some_other(rng, by_id, mapping, made[-1] if made else None))
    return made


def _some_other(rng, by_id, mapping, before):
    for _ in range(_TRIALS):
        other = copy.deepcopy(mapping)
        _take_out(rng, other)
        _turn_round(rng, other)
        _rename(rng, other)
        _vary(rng, by_id, other)
        _without_unused_values(other)
        if _is_sound(by_id, other) and (before is None or _goes_over(by_id, before, other)):
            return other
    return before or mapping


def _other_label(relationship):
    return relationship.get("to") or relationship["from"]


def _relationships(mapping):
    """(labels at start and end, the part), whatever it is made from."""
    for node in mapping["nodes"]:
        for part in node["relationships"]:
            ends = [node["label"], _other_label(part)]
            yield ends if "to" in part else ends[::-1], part
    for join in mapping["relationships"]:
        yield [join["from"][0], join["to"][0]], join


def _take_out(rng, mapping):
    for node in list(mapping["nodes"]):
        if rng.random() < 0.12 and len(mapping["nodes"]) > 1:
            mapping["nodes"].remove(node)
            for other in mapping["nodes"]:
                other["relationships"] = [r for r in other["relationships"] if _other_label(r) != node["label"]]
            mapping["relationships"] = [join for join in mapping["relationships"]
                                        if node["label"] not in (join["from"][0], join["to"][0])]
    for node in mapping["nodes"]:
        node["relationships"] = [r for r in node["relationships"] if rng.random() < 0.85]
        node["labels"] = [label for label in node["labels"] if rng.random() < 0.7]
        for made in ("choose", "prefixes"):
            node[made] = [one for one in node[made] if rng.random() < 0.7]
        if rng.random() < 0.4:
            node["missing"] = rng.choice([None, "skip"])
    mapping["relationships"] = [join for join in mapping["relationships"] if rng.random() < 0.85]
    for part in [*mapping["nodes"], *(part for _, part in _relationships(mapping))]:
        if part.get("where") and rng.random() < 0.4:
            part["where"] = None
        if isinstance(part.get("choose"), dict) and rng.random() < 0.4:
            part["choose"] = None
        if part.get("position") and rng.random() < 0.4:
            part["position"] = None
    for value in mapping["values"]:
        value["keep"] = value["keep"] and rng.random() < 0.6
        value["labels"] = [label for label in value["labels"] if rng.random() < 0.6]


def _turn_round(rng, mapping):
    for (start, end), part in _relationships(mapping):
        # from a label to itself is refused
        if start == end or rng.random() < 0.85:
            continue
        if "table" in part:
            part["from"], part["to"] = part["to"], part["from"]
        else:
            old, new = ("to", "from") if "to" in part else ("from", "to")
            part[new] = part.pop(old)


def _rename(rng, mapping):
    labels = {part["label"]: _renamed(rng, part["label"]) for part in mapping["nodes"] + mapping["values"]}
    for part in mapping["nodes"] + mapping["values"]:
        part["label"] = labels[part["label"]]
    for join in mapping["relationships"]:
        for end in (join["from"], join["to"]):
            end[0] = labels[end[0]]
    for node in mapping["nodes"]:
        for part in node["relationships"]:
            part["to" if "to" in part else "from"] = labels[_other_label(part)]
    types = {}
    for _, part in _relationships(mapping):
        part["type"] = types.setdefault(part["type"], _renamed(rng, part["type"]))
    for value in mapping["values"]:
        value["property"] = _renamed(rng, value["property"])


def _renamed(rng, name):
    return f"{name} too" if rng.random() < 0.15 else name


def _vary(rng, by_id, mapping):
    for part in mapping["nodes"] + mapping["relationships"]:
        if rng.random() < 0.3:
            choose_properties(rng, part, by_id[part["table"]], mapping["nodes"])
        for one in part["properties"] or []:
            if rng.random() < 0.1:
                one["name"] = names.some(rng, ["q"], {p["name"] for p in part["properties"]}, odd=0)


def _without_unused_values(mapping):
    led_to = {label for ends, _ in _relationships(mapping) for label in ends}
    mapping["values"] = [value for value in mapping["values"] if value["label"] in led_to]


def _is_sound(by_id, mapping):
    """Whether nobody could mistake one relationship for another, and the tenant, if there is one, has a node."""
    shapes = [(type, *ends) for ends, part in _relationships(mapping) for type in {part["type"], *_chosen(part)}]
    tenant = mapping["options"].get("tenant")
    having = not tenant or any(column["name"] == tenant["column"] for node in mapping["nodes"]
                               for column in by_id[node["table"]]["columns"])
    return len(shapes) == len({*shapes}) and having


def _goes_over(by_id, before, after):
    """No key's property takes a name that something else has, or gives it to something else."""
    tables = list(by_id.values())
    old, new = property_names(tables, before), property_names(tables, after)
    for table in old.keys() & new.keys():
        (old_key, old_names), (new_key, new_names) = old[table], new[table]
        for column in old_key.keys() & new_key.keys():
            if old_key[column] != new_key[column] and (new_key[column] in old_names or old_key[column] in new_names):
                return False
    return True


def _chosen(part):
    return part["choose"]["values"].values() if isinstance(part.get("choose"), dict) else ()
