"""A random mapping over the tables of a schema, as plain data, and the YAML that says it.

{options, nodes, relationships, values}. A node: {label, table, labels, key, properties, except, relationships}, one of its relationships:
{type, to or from, columns}, with `by` where they refer to another key of that node. A join table's relationship: {type, table, from: [label, columns], to, key, properties, except}.
`properties` is None, or a list of {name, column, as, steps}, with `steps` as in computed.py. Tables go by their ids. Each of the three may have a `where`, as in conditions.py;
a node a list `choose` of further labels, the others a `choose` of types: {column, values: {value: name}}. A node may have `prefixes`, for
labels that are made of a column's values: {column, prefix}. A value is a node made of values: {label, property, keep, labels}; a node's
relationship over an array may have a `position`.
"""
import json

from . import conditions, names
from .computed import random_constant, random_steps
from .column_types import ELEMENTS, TYPES, VALUE_KINDS
from .schema import IDENTITY


# Beside the names of columns.
TENANT = "tenant's id"
_TENANT_TYPES = ["smallint", "bigint", "text", "varchar", "uuid", "enum"]


def random_mapping(rng, tables):
    nodes, labels = [], set()
    for table in tables:
        if table["role"] == "node" and (not nodes or rng.random() < 0.92):
            nodes.append(_node(rng, table, names.some(rng, names.LABELS, labels)))
    by_table = {node["table"]: node["label"] for node in nodes}
    used = _Types(rng)
    values = _Values(rng, labels)
    joins = [_join(rng, table, by_table, used, values) for table in tables
             if table["role"] == "join" and all(reference["to"] in by_table for reference in table["references"])]
    for node in nodes:
        table = next(table for table in tables if table["id"] == node["table"])
        node["relationships"] = _relationships(rng, table, node, by_table, used)
        node["relationships"] += _value_relationships(rng, table, node, nodes, tables, used, values)
    tenant = _tenant(rng, nodes, joins, tables)
    if tenant:
        for node in nodes:
            # A tenant is a condition of the node, and such a node has none.
            node["relationships"] = [relationship for relationship in node["relationships"] if not relationship.get("by")]
    for part, table in ((part, table) for part in nodes + joins for table in tables if table["id"] == part["table"]):
        choose_properties(rng, part, table, nodes)
        if rng.random() < 0.25 and not _referred(nodes, part):
            part["where"] = conditions.random_condition(rng, table)
        for relationship in part.get("relationships", []):
            if rng.random() < 0.2:
                relationship["where"] = conditions.random_condition(rng, table)
    for node in nodes:
        table = next(table for table in tables if table["id"] == node["table"])
        node["choose"] = [chooser for chooser in (_chooser(rng, table, lambda: names.some(rng, names.LABELS, labels)) for _ in range(2))
                          if chooser]
        node["prefixes"] = _prefixes(rng, table)
        for relationship in node["relationships"]:
            shape = _shape(node["label"], relationship)
            relationship["choose"] = _chooser(rng, table, lambda: used.choose(*shape))
    for join in joins:
        table = next(table for table in tables if table["id"] == join["table"])
        keyed = {*table["key"]} != {*join["from"][1], *join["to"][1]}
        join["choose"] = _chooser(rng, table, lambda: used.choose(join["from"][0], join["to"][0], keyed))
    options = _options(rng)
    if any(table["deferrable"] for table in tables):
        # Rows that exchange such keys in different pieces are known to become dead letters.
        options["stream"].pop("transaction_size", None)
    if tenant:
        options["tenant"] = tenant
    else:
        _choose_on_delete(rng, nodes, joins, tables)
        _choose_history(rng, nodes, joins, tables, options)
    for table in tables:
        if conditions.of_table(nodes, joins, table["id"]) or tenant:
            conditions.bring_large_values(table)
    for node in nodes:
        if not node.get("on_delete"):
            node["missing"] = "skip" if rng.random() < 0.2 else None
    return {"options": options, "nodes": nodes, "relationships": joins, "values": values.made}


def _tenant(rng, nodes, joins, tables):
    """None, or {column, value}: every mapped table gets the column, but for some that lead to none that has it."""
    if rng.random() < 0.85:
        return None
    everybodys = set()
    for node in nodes:
        leads_to = {relationship.get("to") or relationship["from"] for relationship in node["relationships"]}
        # at least one node's table has to have it
        if leads_to <= everybodys and len(everybodys) + 1 < len(nodes) and rng.random() < 0.3:
            everybodys.add(node["label"])
    type = rng.choice(_TENANT_TYPES)
    known = conditions.EQUAL[type]
    mapped = {part["table"] for part in nodes + joins if part.get("label") not in everybodys}
    for table in tables:
        if table["id"] in mapped:
            table["columns"].append({"name": TENANT, "type": type, "not_null": rng.random() < 0.5, "among": known[:2]})
    return {"column": TENANT, "value": known[0]}


def with_tenant(mapping, tables):
    """The same mapping with the tenant's condition in each part that has the column."""
    tenant = mapping["options"].get("tenant")
    if not tenant:
        return mapping
    having = {table["id"] for table in tables if any(column["name"] == tenant["column"] for column in table["columns"])}
    only = conditions.equals(tenant["column"], tenant["value"])

    def limited(part):
        if part["table"] not in having:
            return part
        where = part.get("where")
        return {**part, "where": {"sql": f"({where['sql']}) AND {only}" if where else only, "columns": [tenant["column"]]}}

    return {**mapping, "nodes": [limited(node) for node in mapping["nodes"]],
            "relationships": [limited(join) for join in mapping["relationships"]]}


def _choose_on_delete(rng, nodes, joins, tables):
    by_id = {table["id"]: table for table in tables}
    for node in nodes:
        if not _steady(node, by_id) or _referred(nodes, node) or rng.random() < 0.7:
            continue
        leading = [(by_id[other["table"]], r["columns"]) for other in nodes for r in other["relationships"] if node["label"] in (
            r.get("to"), r.get("from"))]
        leading += [(by_id[join["table"]], end[1]) for join in joins for end in (join["from"], join["to"]) if end[0] == node["label"]]
        ways = ["tombstone"]
        if all(_enforced(by_id[node["table"]], r["columns"]) for r in node["relationships"]):
            ways.append("keep")
        if all(_enforced(table, columns) for table, columns in leading):
            ways.append("restrict")
        node["on_delete"] = rng.choice(ways)
        if rng.random() < 0.4:
            node["deleted_label"] = rng.choice(["Archived", "Gone `away`"])


def _choose_history(rng, nodes, joins, tables, options):
    """For some of those that can have one, where the model can follow the nodes at the ends (versions.py)."""
    by_id = {table["id"]: table for table in tables}
    by_label = {node["label"]: node for node in nodes}
    used = [part["type"] for part in joins] + [part["type"] for node in nodes for part in node["relationships"]]
    parts = [(join, join["table"], [(join["from"][0], join["from"][1]), (join["to"][0], join["to"][1])]) for join in joins]
    parts += [(part, node["table"], [(node["label"], None), (part.get("to") or part["from"], part["columns"])])
              for node in nodes for part in node["relationships"]]
    for part, table, ends in parts:
        steady = all(label in by_label and _steady(by_label[label], by_id) and not by_label[label].get("on_delete") for label, _ in ends)
        enforced = all(columns is None or _enforced(by_id[table], columns) for _, columns in ends)
        # A type that is shared would need to tell whose relationship one is.
        if steady and enforced and not part.get("choose") and used.count(part["type"]) == 1 and rng.random() < 0.7:
            part["history"] = _history(rng, part)
            # Larger transactions go in pieces, and leave what lies between.
            options["stream"].pop("transaction_size", None)


def _steady(node, by_id):
    table = by_id[node["table"]]
    return not node.get("where") and not table["partitions"] and any(column["name"] == IDENTITY for column in table["columns"])


def _enforced(table, columns):
    return any(reference["columns"] == columns and reference["declared"] == "valid" and not reference["deferrable"]
               and not reference.get("key") for reference in table["references"])


def _history(rng, part):
    if rng.random() < 0.6:
        return True
    taken = {p["name"] for p in part.get("properties") or []} | {*names.COLUMNS, *_numbered("n")}
    return {what: names.some(rng, names.PROPERTIES, taken) for what in ("from", "to", "version")}


def _numbered(prefix):
    return (f"{prefix}{number}" for number in range(100))


def _shape(label, relationship):
    return (label, relationship["to"]) if "to" in relationship else (relationship["from"], label)


def _chooser(rng, table, name):
    """None, or the names that a column's values choose; now and then two choose the same."""
    columns = [column for column in table["columns"] if conditions.values(column) and not column.get("generated")]
    if not columns or rng.random() < 0.8:
        return None
    column = rng.choice(columns)
    known = conditions.values(column)
    chosen = rng.sample(known, min(len(known), rng.randint(1, 3)))
    values = {value: name() for value in chosen}
    if len(chosen) > 1 and rng.random() < 0.2:
        values[chosen[-1]] = values[chosen[0]]
    return {"column": column["name"], "values": values}


# Short values: Neo4j never forgets a label either.
_PREFIXED = ("smallint", "integer", "domain integer", "varchar", "char", "single char", "name", "uuid", "enum", "citext", "domain text")


def _prefixes(rng, table):
    columns = [column["name"] for column in table["columns"] if column["type"] in _PREFIXED and not column.get("generated")]
    chosen = rng.sample(columns, min(len(columns), rng.choice([0, 0, 0, 0, 0, 1, 2])))
    return [{"column": column, "prefix": prefix} for column, prefix in zip(chosen, ("V_", "Very_Own_"))]


def _options(rng):
    options = {"snapshot": {}, "stream": {}}
    if rng.random() < 0.3:
        options["snapshot"]["workers"] = rng.choice([1, 3])
    if rng.random() < 0.4:
        options["stream"]["batch_rows"] = rng.choice([1, 2, 3, 10])
    if rng.random() < 0.4:
        options["stream"]["transaction_size"] = rng.choice(["64KiB", "100kB", "1MB"])
    return options


def _node(rng, table, label):
    extra = [rng.choice(names.EXTRA_LABELS) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    return {"label": label, "table": table["id"], "labels": sorted(set(extra)), "key": _key(rng, table), "relationships": []}


def _key(rng, table):
    # Said although it is the primary key, now and then; in any order.
    if table["key_is"] == "index":
        return table["key"]
    return table["key"] if rng.random() < 0.1 else None


class _Types:
    """The types of relationships: often new, sometimes shared between other labels."""

    def __init__(self, rng):
        self.rng, self.names, self.shapes, self.keyed = rng, set(), set(), set()

    def choose(self, start, end, keyed=False):
        shared = [name for name in sorted(self.names - self.keyed) if (name, start, end) not in self.shapes]
        if shared and not keyed and self.rng.random() < 0.3:
            name = self.rng.choice(shared)
        else:
            name = names.some(self.rng, names.TYPES, self.names)
        if keyed:
            self.keyed.add(name)
        self.shapes.add((name, start, end))
        return name


class _Values:
    """Nodes made of values: each label of one kind of values, often shared."""

    def __init__(self, rng, labels):
        self.rng, self.labels, self.kinds, self.made = rng, labels, {}, []

    def label(self, kind):
        known = self.kinds.setdefault(kind, [])
        if not known or self.rng.random() < 0.4:
            extra = [self.rng.choice(names.EXTRA_LABELS)] if self.rng.random() < 0.2 else []
            known.append(names.some(self.rng, names.LABELS, self.labels))
            self.made.append({"label": known[-1], "property": names.some(self.rng, names.PROPERTIES, set()),
                              "keep": self.rng.random() < 0.25, "labels": extra})
            return known[-1]
        return self.rng.choice(known)

    def scalars(self, table):
        return [column for column in table["columns"] if column["type"] in VALUE_KINDS and not column.get("generated")
                and not column.get("serial")]


def _small(column):
    """Values that an index can hold."""
    column.pop("external", None)
    column["small"] = True


def _join(rng, table, by_table, used, values):
    start, end = table["references"]
    if rng.random() < 0.5:
        start, end = end, start
    ends = [[by_table[start["to"]], start["columns"]], [by_table[end["to"]], end["columns"]]]
    scalars = values.scalars(table)
    if scalars and rng.random() < 0.2:
        column = rng.choice(scalars)
        _small(column)
        ends[rng.randrange(2)] = [values.label(VALUE_KINDS[column["type"]]), [column["name"]]]
    keyed = set(table["key"]) != set(ends[0][1] + ends[1][1])
    return {"type": used.choose(ends[0][0], ends[1][0], keyed), "table": table["id"], "from": ends[0], "to": ends[1],
            "key": _key(rng, table)}


def _value_relationships(rng, table, node, nodes, tables, used, values):
    """From columns to nodes made of their values, and from arrays to those of their elements or to nodes that have such keys."""
    relationships = []
    arrays = [column for column in table["columns"] if column["type"] in ELEMENTS]
    scalars = values.scalars(table)
    for array, columns, most in ((True, arrays, rng.choice([0, 1, 1, 2])), (False, scalars, rng.choice([0, 0, 0, 0, 1, 2]))):
        for column in rng.sample(columns, min(len(columns), most)):
            kind = VALUE_KINDS[ELEMENTS[column["type"]] if array else column["type"]]
            targets = _single_keys(nodes, tables, kind) if array and kind in ("integer", "text") else []
            other = rng.choice(targets) if targets and rng.random() < 0.6 else values.label(kind)
            if array:
                column["elements"] = True
            else:
                _small(column)
            outwards = rng.random() < 0.7
            shape = (node["label"], other) if outwards else (other, node["label"])
            relationships.append({"type": used.choose(*shape), "to" if outwards else "from": other, "columns": [column["name"]]})
            if array and rng.random() < 0.5:
                relationships[-1]["position"] = names.some(rng, names.PROPERTIES, set())
    return relationships


def _single_keys(nodes, tables, kind):
    by_id = {table["id"]: table for table in tables}
    for_key = {node["label"]: (by_id[node["table"]], node["key"] or by_id[node["table"]]["primary_key"]) for node in nodes}
    return [label for label, (table, key) in for_key.items() if len(key) == 1 and
            VALUE_KINDS.get(next(column["type"] for column in table["columns"] if column["name"] == key[0])) == kind]


def _relationships(rng, table, node, by_table, used):
    relationships = []
    for reference in table["references"]:
        if reference["to"] in by_table and rng.random() < 0.85:
            other, outwards = by_table[reference["to"]], rng.random() < 0.7
            shape = (node["label"], other) if outwards else (other, node["label"])
            relationships.append({"type": used.choose(*shape), "to" if outwards else "from": other,
                                  "columns": reference["columns"]})
            if reference.get("key"):
                relationships[-1]["by"] = reference["key"]
    return relationships


def _referred(nodes, part):
    """The columns of the node by which relationships find it that do not know its key."""
    return {column for node in nodes for relationship in node["relationships"] for column in relationship.get("by", [])
            if part.get("label") in (relationship.get("to", ""), relationship.get("from", ""))}


def choose_properties(rng, part, table, nodes):
    """Of a part of the mapping: which properties it has, and of which columns they are made."""
    referred = _referred(nodes, part)
    ends = part["from"][1] + part["to"][1] if "from" in part else []
    key = [] if set(table["key"]) == set(ends) else table["key"]
    free = [column for column in table["columns"] if column["name"] not in key and column["name"] not in ends]
    # An array whose elements are keys may have NULLs and dimensions, which no list in the graph has.
    carried = [column for column in free if TYPES[column["type"]].kind and not column.get("generated") and not column.get("elements")]
    part["properties"], part["except"] = None, []
    in_keys = {column for reference in table["references"] for column in reference["columns"]}
    if rng.random() < 0.4:
        part["except"] = [column["name"] for column in free if column not in carried
                          or column["name"] not in in_keys | referred and rng.random() < 0.1]
        return
    chosen = [column for column in carried if column["name"] in referred or
              rng.random() < (0.1 if column["name"] in in_keys else 0.7)]
    chosen += [column for column in table["columns"] if column["name"] in key and rng.random() < 0.6]
    rng.shuffle(chosen)
    # What is not named keeps its column's name, so nobody else may have it.
    taken, properties = set(key) | {column["name"] for column in chosen}, []
    for column in chosen:
        name = names.some(rng, names.PROPERTIES, taken) if rng.random() < 0.35 else column["name"]
        ways = TYPES[column["type"]].ways
        if column["name"] in referred:
            ways = []
        if column["name"] in key:
            ways = [way for way in ways if way != "float"]
        way = rng.choice(ways) if ways and rng.random() < 0.6 else None
        properties.append({"name": name, "column": column["name"], "as": way})
        if column["name"] not in key and column["name"] not in referred and rng.random() < 0.3:
            properties[-1].update(_computed(rng, column))
    if rng.random() < 0.15:
        properties.append({"name": names.some(rng, names.PROPERTIES, taken), "column": None, "as": None, "steps": random_constant(rng)})
    part["properties"] = properties


def _computed(rng, column):
    steps = random_steps(rng, column)
    return {"as": None, "steps": steps} if steps else {}


# YAML

def yaml(mapping, tables):
    """What follows the connections."""
    by_id = {table["id"]: table for table in tables}
    document = {section: options for section, options in mapping["options"].items() if options}
    if "tenant" in document:
        document["tenant"] = {what: _value(text) for what, text in document["tenant"].items()}
    document["nodes"] = {node["label"]: _node_words(node, by_id) for node in mapping["nodes"]}
    document["nodes"].update({value["label"]: _value_words(value) for value in mapping.get("values", [])})
    if mapping["relationships"]:
        document["relationships"] = _by_type(mapping["relationships"], lambda join: _join_words(join, by_id))
    return "\n".join(_lines(document, 0)) + "\n"


def _node_words(node, by_id):
    words = {"table": _table_name(by_id[node["table"]])}
    chosen = [_chooser_words(chooser) for chooser in node.get("choose") or []]
    chosen += [{"column": _value(made["column"]), "prefix": made["prefix"]} for made in node.get("prefixes") or []]
    if node["labels"] or chosen:
        words["labels"] = [*(_value(label) for label in node["labels"]), *chosen]
    words.update(_common_words(node))
    words.update({what: _value(node[what]) for what in ("on_delete", "deleted_label") if node.get(what)})
    if node["relationships"]:
        words["relationships"] = _by_type(node["relationships"], _relationship_words)
    return words


def _value_words(value):
    words = {"value": _value(value["property"])}
    if value["keep"]:
        words["unused"] = "keep"
    if value["labels"]:
        words["labels"] = _values(value["labels"])
    return words


def _relationship_words(relationship):
    direction = "to" if "to" in relationship else "from"
    words = {direction: _value(relationship[direction]), **_columns_words(relationship["columns"])}
    if relationship.get("position"):
        words["position"] = _value(relationship["position"])
    return {**words, **_row_words(relationship)}


def _row_words(part):
    words = {}
    if part.get("missing"):
        words["missing"] = part["missing"]
    if part.get("where"):
        words["where"] = _value(part["where"]["sql"])
    if isinstance(part.get("choose"), dict):
        words["type"] = _chooser_words(part["choose"])
    if part.get("history"):
        history = part["history"]
        words["history"] = True if history is True else {what: _value(name) for what, name in history.items()}
    return words


def _chooser_words(chooser):
    return {"column": _value(chooser["column"]), "values": {value: _value(name) for value, name in chooser["values"].items()}}


def _columns_words(columns):
    return {"column": _value(columns[0])} if len(columns) == 1 else {"columns": _values(columns)}


def _join_words(join, by_id):
    words = {"table": _table_name(by_id[join["table"]])}
    for end in ("from", "to"):
        label, columns = join[end]
        words[end] = {label: _value(columns[0]) if len(columns) == 1 else _values(columns)}
    words.update(_common_words(join))
    return words


def _common_words(part):
    words = _row_words(part)
    if part["key"] is not None:
        words["key"] = _values(part["key"])
    if part["properties"] is not None:
        words["properties"] = _property_words(part["properties"])
    if part["except"]:
        words["except"] = _values(part["except"])
    return words


def _property_words(properties):
    if all(p["name"] == p["column"] and not p["as"] and not p.get("steps") for p in properties):
        return [_value(p["column"]) for p in properties]
    words = {}
    for p in properties:
        same = p["name"] == p["column"]
        if p.get("steps"):
            column = {} if same or "value" in p["steps"] else {"column": _value(p["column"])}
            words[p["name"]] = {**column, **{step: _step_value(how) for step, how in sorted(p["steps"].items(), reverse=True)}}
        elif p["as"]:
            words[p["name"]] = {"as": p["as"]} if same else {"column": _value(p["column"]), "as": p["as"]}
        else:
            words[p["name"]] = None if same else _value(p["column"])
    return words


def _step_value(how):
    if isinstance(how, list):
        return _values(how)
    return _value(how) if isinstance(how, str) else how


def _by_type(parts, words):
    by_type = {}
    for part in parts:
        by_type.setdefault(part["type"], []).append(words(part))
    return {type: sources[0] if len(sources) == 1 else sources for type, sources in by_type.items()}


def _table_name(table):
    parts = [table["name"]] if table["schema"] == "public" else [table["schema"], table["name"]]
    return _value(".".join(f'"{part}"' if "." in part else part for part in parts))


def _value(text):
    """Values are searched for ${NAME}, keys are not."""
    return text.replace("${", "$${")


def _values(texts):
    return [_value(text) for text in texts]


def _lines(value, depth):
    for key, inner in value.items():
        start = "  " * depth + _scalar(key) + ":"
        if isinstance(inner, dict) and inner:
            yield start
            yield from _lines(inner, depth + 1)
        elif isinstance(inner, list) and any(isinstance(item, dict) for item in inner):
            yield start
            for item in inner:
                if not isinstance(item, dict):
                    yield "  " * (depth + 1) + "- " + _scalar(item)
                    continue
                first, *rest = _lines(item, depth + 2)
                yield "  " * (depth + 1) + "- " + first.lstrip()
                yield from rest
        else:
            yield start + " " + _flow(inner)


def _flow(value):
    if value is None:
        return ""
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value):
    if isinstance(value, int):
        return str(value).lower()
    # A JSON string is a YAML string.
    plain = value.isascii() and value.replace("_", "a").isalnum() and not value[0].isdigit() and value.lower() not in (
        "null", "true", "false", "yes", "no", "on", "off")
    return value if plain else json.dumps(value, ensure_ascii=False)
