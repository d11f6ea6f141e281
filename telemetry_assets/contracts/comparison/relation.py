"""How one piece of a schema stands to what became of it: which side accepts everything that the other does.

What belongs here: the relation, and the drift it means in a direction. What does not: words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_assets.contracts.containment.contained import prove
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE, Node
from telemetry_assets.contracts.containment.normal import Normal
from telemetry_assets.contracts.drift import WORST_FIRST, Direction, Drift

Answer = bool | None
"""None: nobody can surely say."""


@dataclass(frozen=True, slots=True)
class Relation:
    """``narrower``: the new accepts nothing that the old refuses. ``wider``: the other way round."""

    narrower: Answer
    wider: Answer

    def turned(self) -> "Relation":
        """The same below a ``not``."""
        return Relation(self.wider, self.narrower)

    def unsure(self) -> "Relation":
        """The same where what else is there may make up for it: only what holds for sure is left."""
        return Relation(self.narrower or None, self.wider or None)

    def drift(self, direction: Direction) -> Drift:
        """What it does to documents in the direction asked for."""
        asked = {
            Direction.FORWARD: (self.narrower,),
            Direction.BACKWARD: (self.wider,),
            Direction.FULL: (self.narrower, self.wider),
        }[direction]
        return min((_DRIFTS[answer] for answer in asked), key=WORST_FIRST.index)


_DRIFTS = {True: Drift.NON_BREAKING, False: Drift.BREAKING, None: Drift.UNKNOWN}
NARROWER = Relation(narrower=True, wider=False)
WIDER = Relation(narrower=False, wider=True)
OTHER = Relation(narrower=False, wider=False)
UNKNOWN = Relation(narrower=None, wider=None)


def of_sets(old: frozenset[Any], new: frozenset[Any]) -> Relation:
    """Of what may be: fewer is narrower."""
    return Relation(narrower=new <= old, wider=old <= new)


def of_lower(old: Any, new: Any) -> Relation:
    """Of a lower bound that is a number, or (number, open); None is none."""
    if old is None or new is None:
        return NARROWER if old is None else WIDER
    return NARROWER if new > old else WIDER


def of_upper(old: Any, new: Any) -> Relation:
    """Of an upper bound."""
    if old is None or new is None:
        return NARROWER if old is None else WIDER
    return NARROWER if _ceiling(new) < _ceiling(old) else WIDER


def _ceiling(bound: Any) -> Any:
    return (bound[0], not bound[1]) if isinstance(bound, tuple) else bound


def of_presence(old: Any, new: Any) -> Relation:
    """Of something that is asked for, or not; neither where both ask, and for something else."""
    if old is None or new is None:
        return NARROWER if old is None else WIDER
    return UNKNOWN


def of_nodes(old: Node, new: Node, old_defs: Mapping[str, Node], new_defs: Mapping[str, Node]) -> Relation:
    """Of two schemas, as far as it can be proved; what accepts something is no part of what accepts nothing."""
    before, after = Normal(old, old_defs), Normal(new, new_defs)
    narrower = new is FALSE or old is TRUE or prove(after, before).proven
    wider = old is FALSE or new is TRUE or prove(before, after).proven
    return Relation(
        narrower=narrower or (False if old is FALSE or new is TRUE else None),
        wider=wider or (False if new is FALSE or old is TRUE else None),
    )
