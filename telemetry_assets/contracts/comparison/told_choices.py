"""What changed about alternatives, exclusions and conditions, in words.

What belongs here: one function per keyword. What does not: what stands in a branch, which is told as anything else is.
"""

from dataclasses import replace

from telemetry_assets.contracts.comparison import change_words as words
from telemetry_assets.contracts.comparison import relation
from telemetry_assets.contracts.comparison.side_by_side import Place, Walk, Words, leftover
from telemetry_assets.contracts.comparison.told_inside import piece
from telemetry_assets.contracts.containment.nodes import Node


def all_of(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """What else must hold."""
    gone, come = leftover(old.get("allOf", ()), new.get("allOf", ()))
    if len(gone) == len(come) == 1:
        walk.compare(place, gone[0], come[0])
        return
    inside = replace(place, sure=place.sure and not (gone and come))
    for each in come:
        walk.tell(inside, "allOf", None, each, f"must now also be {words.schema(each)}", relation.NARROWER)
    for each in gone:
        text = f"need no longer also be {words.schema(each)}"
        walk.tell(inside, "allOf", each, None, text, relation.WIDER)


def any_of(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """At least one must hold."""
    _alternatives(walk, place, "anyOf", old.get("anyOf"), new.get("anyOf"), 1)


def one_of(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """Exactly one must hold: a wider branch may take from another what only that one took."""
    _alternatives(walk, place, "oneOf", old.get("oneOf"), new.get("oneOf"), 0)


def _alternatives(
    walk: Walk, place: Place, keyword: str, before: tuple[Node, ...] | None, after: tuple[Node, ...] | None, sign: int
) -> None:
    if before is None or after is None:
        branches = before or after or ()
        shown = words.clipped(" | ".join(words.schema(each) for each in branches))
        text = f"{'must now be' if before is None else 'need no longer be'} one of: {shown}"
        walk.tell(place, keyword, before, after, text, relation.of_presence(before, after))
        return
    gone, come = leftover(before, after)
    if len(gone) == len(come) == 1:
        walk.compare(place.within("one alternative", sign=sign), gone[0], come[0])
        return
    inside = replace(place, sure=False, sign=place.sign * sign)
    for each in come:
        walk.tell(inside, keyword, None, each, f"one alternative more: {words.schema(each)}", relation.WIDER)
    for each in gone:
        walk.tell(inside, keyword, each, None, f"one alternative less: {words.schema(each)}", relation.NARROWER)
    if not gone and not come:
        walk.tell(inside, keyword, before, after, "an alternative stands there more or less often", relation.UNKNOWN)


def excluded(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``not``."""
    before, after = old.get("not"), new.get("not")
    if before is not None and after is not None:
        walk.compare(place.within("what it may not be", sign=-1, sure=True), before, after)
    elif after is not None:
        walk.tell(place, "not", None, after, f"may no longer be {words.schema(after)}", relation.NARROWER)
    elif before is not None:
        walk.tell(place, "not", before, None, f"may now also be {words.schema(before)}", relation.WIDER)


def condition(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``if`` with its two ends."""
    before, after = old.get("if"), new.get("if")
    if before is not None and after is not None and before[0].digest == after[0].digest:
        piece(walk, place.within("where the condition holds"), "then", before[1], after[1])
        piece(walk, place.within("where the condition does not hold"), "else", before[2], after[2])
        return
    text = {(True, True): "the condition changed", (False, True): "a condition came", (True, False): "a condition went"}
    said = text[before is not None, after is not None]
    walk.tell(place, "if", before, after, said, relation.of_presence(before, after))


def anything_else(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """What no other function tells."""
    text = "the schema changed, in a way that cannot be told in parts"
    walk.tell(place, "$dynamicRef", old.get("opaque"), new.get("opaque"), text, relation.UNKNOWN)
