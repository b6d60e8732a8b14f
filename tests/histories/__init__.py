"""Random histories: a schema, a mapping and a list of operations are made from one seed, run against the real servers, and the
graph must be what a model says that was written from docs/mapping.md alone.

    column_types  what a column can be, with edge values, and what docs/mapping.md makes of a value
    computed      the steps between a column and its property
    names         names that need quotes
    schema        random tables, and their DDL
    mapping       a random mapping over them, and its YAML
    remapping     other mappings of the same tables, to go over to
    history       random operations
    alterations   tables that are altered on the way
    statements    operations as SQL
    case          the three together, from a seed, to and from a file
    model         the graph that must be there
    versions      the versions of relationships with history
    stayed        the nodes that stay when their rows go
    graph_state   the graph that is there, and the differences
    additions     what a test puts into the graph by itself
    runner        one history on the real servers, with and without a kill
    shrink        a smaller case that still fails
    battery       the command: tools/histories

A feature of the mapping is added where it belongs: a type as a line of `column_types.TYPES`, a key of the mapping in `mapping`
(made, written as YAML) and `model` (what it means), an operation in `history` and `statements`.
"""
