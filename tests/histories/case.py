"""A case: everything that one history needs, from a seed or from a file."""
import json
import random

from .alterations import add_alterations
from .history import add_remappings, random_history
from .mapping import random_mapping
from .remapping import random_remappings
from .schema import random_schema
from .stayed import nodes_that_stay
from .versions import parts_with_history


# So many seeds, one after the other, have one schema and mapping: Neo4j then plans their statements once, which is what a history
# mostly waits for.
HISTORIES_PER_SCHEMA = 10
# Of so many schemas one has a mapping that changes, and another one tables that are altered: each change costs Neo4j all of its plans.
CHANGED_EVERY = 20


def random_case(seed):
    schema = (seed - 1) // HISTORIES_PER_SCHEMA
    rng = random.Random(f"schema {schema}")
    tables = random_schema(rng)
    mapping = random_mapping(rng, tables)
    rng = random.Random(seed)
    quiet_start = any(parts_with_history(mapping)) or bool(nodes_that_stay(mapping))
    # `kill_at`: after which part of the bytes that the daemon sends to Neo4j it is killed.
    case = {"seed": seed, "tables": tables, "mapping": mapping, "history": random_history(rng, tables, quiet_start),
            "kill_at": rng.random()}
    if quiet_start:
        return case
    if schema % CHANGED_EVERY == CHANGED_EVERY // 2:
        add_alterations(rng, case)
    if schema % CHANGED_EVERY == 0:
        first, *others = random_remappings(random.Random(f"mappings {schema}"), tables, mapping)
        case.update(mapping=first, remappings=others)
        add_remappings(rng, case["history"]["steps"], len(others))
    return case


def save(case, path, failure, script):
    """JSON to run again, and beside it the failure, the SQL and the YAML for a person to read. Returns that file's path."""
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    reading = path.with_suffix(".txt")
    reading.write_text("\n".join([failure, "", *script, ""]))
    return reading


def load(path):
    return json.loads(path.read_text())
