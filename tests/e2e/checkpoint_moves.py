"""The record of every move of the checkpoint, kept in the graph by an APOC trigger in the transactions that make the moves."""
import contextlib

from graph import CHECKPOINT
from waiting import wait_until

NAME = "checkpoint-moves"
# A trigger that fails would fail pgweave's transaction, so it does no more than this.
RECORD = f"""
UNWIND coalesce($assignedNodeProperties.position, []) AS move
WITH move WHERE move.node:{CHECKPOINT} AND move.old <> move.new
CREATE (:CheckpointMove {{old: move.old, new: move.new, epoch: move.node.epoch}})
"""


@contextlib.contextmanager
def recorded_moves(graph):
    with graph.driver.session(database="system") as session:
        session.run("CALL apoc.trigger.install('neo4j', $name, $cypher, {phase: 'before'})", name=NAME,
                    cypher=RECORD).consume()
        _wait_for(graph, 1)
        try:
            yield
        finally:
            session.run("CALL apoc.trigger.drop('neo4j', $name)", name=NAME).consume()
            _wait_for(graph, 0)


def _wait_for(graph, count):
    """APOC takes changes of its triggers over from time to time only."""
    wait_until(lambda: graph.value("CALL apoc.trigger.list() YIELD name WHERE name = $name RETURN count(*)", name=NAME) == count,
               what="the trigger is in force, or gone")


def moves(graph):
    return graph.query("MATCH (m:CheckpointMove) RETURN m.old AS old, m.new AS new, m.epoch AS epoch ORDER BY m.new, m.old")


def assert_one_chain(moves, end):
    """From nothing to `end`, each move from where the one before had led: none back, none twice, none over a gap."""
    assert moves[0]["old"] == 0, moves[0]
    for move in moves:
        assert move["old"] < move["new"], f"the checkpoint went back: {move}"
    for one, other in zip(moves, moves[1:]):
        assert one["new"] == other["old"], f"what lies between was applied twice, or never: {one}, {other}"
        assert one["epoch"] <= other["epoch"], f"an older writer came after a newer one: {one}, {other}"
    assert moves[-1]["new"] == end
