"""Names as people and tools give them: most are plain, some need quotes in SQL, in Cypher or in YAML.

The lists are short since Neo4j never forgets a name that it has once seen.
"""

TABLES = ["orders", "Order Lines", "select", 'od"d', "größe", "user", "T.dot", "it's", "a%s", "yes", "_x", "東京"]
COLUMNS = ["name", "select", "Größe €", "with space", 'quo"te', "x'y", "a.b", "end", "CamelCase", "a${b}", "%s", "no", "null",
           "back\\slash", "tick`tick", "n", "r", "id2", "1st", "#hash", "a: b", "labels", "type", "key"]
LABELS = ["Person", "Order", "Größe €", "with space", "tick`tick", "MATCH", "a:b", "Q\"uote'", "\\u0060", "null", "${X}", "日本"]
EXTRA_LABELS = ["Common", "Tag ged", "tick`", "\\u0060b"]
TYPES = ["OWNS", "BELONGS_TO", "REPORTS TO", "tick`tick", "größe", "DELETE", "a|b", "\\u0060", "LIKES", "true", "${X}", "9"]
PROPERTIES = ["title", "the key", "return", "größe €", "tick`tick", "\\u0060", "0", "a.b", "r", "n", "${X}", "p'q\"", "true"]


def some(rng, pool, taken, odd=0.35):
    """A name that is not in `taken`, which gets it: `odd` of them from the pool, the others plain."""
    prefix = pool[0][:1]
    if rng.random() < odd:
        free = [name for name in pool if name not in taken]
        if free:
            name = rng.choice(free)
            taken.add(name)
            return name
    number = 1
    while f"{prefix}{number}" in taken:
        number += 1
    taken.add(f"{prefix}{number}")
    return f"{prefix}{number}"
