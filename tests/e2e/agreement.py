"""Both judges at once."""
from compare_graph import compare


def assert_agreement(pgweave, database, graph, mapping):
    """After the graph has caught up, pgweave's own verify and the independent comparison both find nothing."""
    pgweave.catch_up()
    assert compare(database, graph, mapping) == []
    pgweave.verify()
