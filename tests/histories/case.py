"""A case: everything that one history needs, from a seed or from a file."""
import json
import random

from .history import random_history
from .mapping import random_mapping
from .schema import random_schema
from .stayed import nodes_that_stay
from .versions import parts_with_history


def random_case(seed):
    rng = random.Random(seed)
    tables = random_schema(rng)
    mapping = random_mapping(rng, tables)
    # `kill_at`: after which part of the bytes that the daemon sends to Neo4j it is killed.
    quiet_start = any(parts_with_history(mapping)) or bool(nodes_that_stay(mapping))
    return {"seed": seed, "tables": tables, "mapping": mapping, "history": random_history(rng, tables, quiet_start),
            "kill_at": rng.random()}


def save(case, path, failure, script):
    """JSON to run again, and beside it the failure, the SQL and the YAML for a person to read. Returns that file's path."""
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    reading = path.with_suffix(".txt")
    reading.write_text("\n".join([failure, "", *script, ""]))
    return reading


def load(path):
    return json.loads(path.read_text())
