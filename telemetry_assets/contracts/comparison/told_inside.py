"""What changed inside of objects and arrays, in words: properties, items, what else may be there.

What belongs here: one function per keyword. What does not: the value itself (``told_values.py``), alternatives
(``told_choices.py``).
"""

from dataclasses import replace
from typing import Any

from telemetry_assets.contracts.comparison import change_words as words
from telemetry_assets.contracts.comparison import relation
from telemetry_assets.contracts.comparison.relation import Relation
from telemetry_assets.contracts.comparison.side_by_side import Place, Walk, Words, differ
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE, Node


def piece(walk: Walk, place: Place, keyword: str, before: Node, after: Node) -> None:
    """A schema of a place of its own, where anything may be said or nothing."""
    if before is TRUE and after is not TRUE:
        text = f"must now be {words.schema(after)}"
    elif after is TRUE and before is not TRUE:
        text = f"may now be anything (was {words.schema(before)})"
    else:
        walk.compare(place, before, after)
        return
    walk.tell(place, keyword, before, after, text, walk.relation(before, after))


def _rest(walk: Walk, place: Place, keyword: str, before: Node, after: Node, what: str) -> None:
    """What is said of all others: allowed, not allowed, or of some schema."""
    if after is FALSE:
        text = f"no {what} allowed any more"
    elif before is FALSE:
        text = f"{what} are allowed now" + ("" if after is TRUE else f": {words.schema(after)}")
    elif before is TRUE:
        text = f"{what} must now be {words.schema(after)}"
    elif after is TRUE:
        text = f"{what} may now be anything (were {words.schema(before)})"
    else:
        walk.compare(place, before, after)
        return
    walk.tell(place, keyword, before, after, text, walk.relation(before, after))


# objects


def required(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """Properties that became required or optional; those that came or went altogether are told as that."""
    before, after = (frozenset(each.get("required", ())) for each in (old, new))
    elsewhere = _new_names(old, new) | _new_names(new, old)
    for name in sorted((before ^ after) - elsewhere):
        now = name in after
        text = "became required" if now else "became optional"
        one = relation.NARROWER if now else relation.WIDER
        walk.tell(place.at(name), "required", not now, now, text, one)


def properties(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """Properties that came, went, or are held to something else."""
    come, gone = _new_names(old, new), _new_names(new, old)
    for name in sorted(old.get("properties", {}).keys() | new.get("properties", {}).keys()):
        before, after = _property(old, name), _property(new, name)
        if name in come | gone:
            there = new if name in come else old
            _came_or_went(walk, place.at(name), before, after, name in come, name in there.get("required", ()))
        else:
            piece(walk, place.at(name), "properties", before or TRUE, after or TRUE)


def _came_or_went(
    walk: Walk, place: Place, before: Node | None, after: Node | None, came: bool, is_required: bool
) -> None:
    one = relation.UNKNOWN if before is None or after is None else walk.relation(before, after)
    if is_required:
        one = Relation(narrower=one.narrower if came else False, wider=False if came else one.wider)
    if came:
        text = f"new {'required' if is_required else 'optional'} property: {words.schema(after or TRUE)}"
    else:
        text = "removed (was required)" if is_required else "removed"
        text += "; it may not be there any more" if after is FALSE else ""
    walk.tell(place, "required" if is_required else "properties", before, after, text, one)


def _new_names(old: Words, new: Words) -> frozenset[str]:
    """Properties that the new version names and the old one knows nothing of."""
    return frozenset(new.get("properties", {})) - frozenset(old.get("properties", {})) - {*old.get("required", ())}


def _property(said: Words, name: str) -> Node | None:
    """What a property is held to; None where patterns may have their say."""
    named = said.get("properties", {})
    if said.get("patternProperties"):
        return named.get(name) if name in named else None
    return named[name] if name in named else said.get("additionalProperties", TRUE)


def patterns(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``patternProperties``."""
    before, after = (each.get("patternProperties", {}) for each in (old, new))
    # A pattern takes its names away from what is said of all others.
    alone = "additionalProperties" not in old and "additionalProperties" not in new
    for pattern in sorted(before.keys() | after.keys()):
        was, now = before.get(pattern), after.get(pattern)
        inner = place.at("*").within(f"properties that match {words.clipped(pattern)}", sure=True)
        if was is not None and now is not None:
            walk.compare(inner, was, now)
        elif now is not None:
            one = relation.NARROWER if alone else relation.UNKNOWN
            walk.tell(inner, "patternProperties", None, now, f"must now be {words.schema(now)}", one)
        else:
            one = relation.WIDER if alone else relation.UNKNOWN
            text = f"need not be {words.schema(was or TRUE)} any more"
            walk.tell(inner, "patternProperties", was, None, text, one)


def others(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``additionalProperties``."""
    before, after = (each.get("additionalProperties", TRUE) for each in (old, new))
    _rest(walk, place.at("*"), "additionalProperties", before, after, "other properties")


def names(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``propertyNames``."""
    before, after = (each.get("propertyNames", TRUE) for each in (old, new))
    piece(walk, place.within("names of properties", sure=True), "propertyNames", before, after)


def dependent(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``dependentRequired``, each name that is asked for."""
    before, after = (each.get("dependentRequired", {}) for each in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = set(before.get(name, ())), set(after.get(name, ()))
        for needed in sorted(was ^ now):
            asked = needed in now
            text = f"{'became required' if asked else 'became optional'} where {words.clipped(name)} is there"
            one = relation.NARROWER if asked else relation.WIDER
            walk.tell(place.at(needed), "dependentRequired", [name, not asked], [name, asked], text, one)


def dependent_schemas(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``dependentSchemas``."""
    before, after = (each.get("dependentSchemas", {}) for each in (old, new))
    for name in sorted(before.keys() | after.keys()):
        inner = place.within(f"where {words.clipped(name)} is there")
        piece(walk, inner, "dependentSchemas", before.get(name, TRUE), after.get(name, TRUE))


def unevaluated_properties(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``unevaluatedProperties``; what it looks at depends on the document."""
    before, after = (each.get("unevaluatedProperties", TRUE) for each in (old, new))
    inner = replace(place.at("*"), sign=0)
    _rest(walk, inner, "unevaluatedProperties", before, after, "other properties")


# arrays


def unique(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``uniqueItems``."""
    now = "uniqueItems" in new
    text = "items must now differ from each other" if now else "items may now be alike"
    walk.tell(place, "uniqueItems", not now, now, text, relation.NARROWER if now else relation.WIDER)


def items(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``prefixItems`` by index, and ``items`` for all after them."""
    first = [len(each.get("prefixItems", ())) for each in (old, new)]
    told = len(walk.found)
    for index in range(max(first)):
        piece(walk, place.at(index), "prefixItems", _item(old, index), _item(new, index))
    before, after = (each.get("items", TRUE) for each in (old, new))
    if differ(before, after):
        _rest(walk, place.at("items"), "items", before, after, "other items" if max(first) else "items")
    elif first[0] != first[1] and len(walk.found) == told:
        text = f"first items of their own: {first[0]} → {first[1]}"
        walk.tell(place, "prefixItems", first[0], first[1], text, relation.UNKNOWN)


def _item(said: Words, index: int) -> Node:
    prefix = said.get("prefixItems", ())
    return prefix[index] if index < len(prefix) else said.get("items", TRUE)


def unevaluated_items(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``unevaluatedItems``; what it looks at depends on the document."""
    before, after = (each.get("unevaluatedItems", TRUE) for each in (old, new))
    _rest(walk, replace(place.at("items"), sign=0), "unevaluatedItems", before, after, "other items")


def contains(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``contains`` with how many there must and may be."""
    before, after = old.get("contains"), new.get("contains")
    if before is None or after is None:
        verb = "must now have" if before is None else "need no longer have"
        there: Any = before or after
        wanted, *many = there
        text = f"{verb} {_many(many)} items that are {words.schema(wanted)}"
        walk.tell(place, "contains", before, after, text, relation.of_presence(before, after))
        return
    if before[1:] != after[1:]:
        text = f"{_many(before[1:])} → {_many(after[1:])} items that are {words.schema(after[0])}"
        walk.tell(place, "contains", list(before[1:]), list(after[1:]), text, _between(before[1:], after[1:]))
    # With an upper bound a wider schema may be met too often.
    bounded = before[2] is not None or after[2] is not None
    inner = place.at("items").within("what some items must be", sign=0 if bounded else 1)
    walk.compare(inner, before[0], after[0])


def _many(bounds: Any) -> str:
    least, most = bounds
    return f"at least {least}" if most is None else f"{least} to {most}"


def _between(old: Any, new: Any) -> Relation:
    tops = [float("inf") if each is None else each for each in (old[1], new[1])]
    return Relation(narrower=new[0] >= old[0] and tops[1] <= tops[0], wider=new[0] <= old[0] and tops[1] >= tops[0])
