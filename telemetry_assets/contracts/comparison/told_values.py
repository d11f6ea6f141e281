"""What changed about the value of a place itself, in words: its type, its constants, its bounds.

What belongs here: one function per keyword. What does not: what is inside of objects and arrays (``told_inside.py``).
"""

from collections.abc import Mapping
from typing import Any

from telemetry_assets.contracts.comparison import change_words as words
from telemetry_assets.contracts.comparison import relation
from telemetry_assets.contracts.comparison.relation import Relation
from telemetry_assets.contracts.comparison.side_by_side import Place, Walk, Words
from telemetry_assets.contracts.containment.exact import ALL_KINDS, kind_of, plain


def kinds(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``types`` and ``enum``, which say the same thing with more or less detail."""
    if "enum" in old or "enum" in new:
        _constants(walk, place, old, new)
        return
    before: frozenset[str] = old.get("types", ALL_KINDS)
    after: frozenset[str] = new.get("types", ALL_KINDS)
    if after == before | {"null"}:
        text = "may now be null"
    elif before == after | {"null"}:
        text = "may no longer be null"
    else:
        text = f"type: {words.types(before)} → {words.types(after)}"
    walk.tell(place, "type", sorted(before), sorted(after), text, relation.of_sets(before, after))


def _constants(walk: Walk, place: Place, old: Words, new: Words) -> None:
    before, after = old.get("enum"), new.get("enum")
    if before is not None and after is not None:
        gone = [before[text] for text in before if text not in after]
        come = [after[text] for text in after if text not in before]
        named = [f"{verb} {words.values(each)}" for verb, each in (("added", come), ("removed", gone)) if each]
        text = f"one of {words.values(before.values())} → {words.values(after.values())} ({', '.join(named)})"
        one = relation.of_sets(frozenset(before), frozenset(after))
    elif after is not None:
        was: frozenset[str] = old.get("types", ALL_KINDS)
        text = f"{words.types(was)} → one of {words.values(after.values())}"
        one = relation.NARROWER if _kinds_in(after) <= was else relation.OTHER
    else:
        now: frozenset[str] = new.get("types", ALL_KINDS)
        text = f"one of {words.values((before or {}).values())} → {words.types(now)}"
        one = relation.WIDER if _kinds_in(before or {}) <= now else relation.OTHER
    walk.tell(place, "enum", _listed(old), _listed(new), text, one)


def _kinds_in(constants: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(kind_of(value) for value in constants.values())


def _listed(said: Words) -> Any:
    return sorted(said["enum"]) if "enum" in said else {"type": sorted(said.get("types", ALL_KINDS))}


def lower(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``minimum`` and ``exclusiveMinimum``."""
    one = relation.of_lower(old.get("low"), new.get("low"))
    _bound(walk, place, "minimum", "low", old.get("low"), new.get("low"), one)


def upper(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``maximum`` and ``exclusiveMaximum``."""
    one = relation.of_upper(old.get("high"), new.get("high"))
    _bound(walk, place, "maximum", "high", old.get("high"), new.get("high"), one)


def _bound(walk: Walk, place: Place, keyword: str, word: str, before: Any, after: Any, one: Relation) -> None:
    if before is None:
        text = f"must now be {words.bound(word, after)}"
    elif after is None:
        text = f"need not be {words.bound(word, before)} any more"
    else:
        text = f"{words.bound(word, before)} → {words.bound(word, after)}"
    walk.tell(place, keyword, _limit(before), _limit(after), text, one)


def _limit(bound: Any) -> Any:
    return None if bound is None else [plain(bound[0]), bound[1]]


def multiple(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``multipleOf``."""
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before is not None and after is not None:
        one = Relation(narrower=(after / before).denominator == 1, wider=(before / after).denominator == 1)
    else:
        one = relation.of_presence(before, after)
    was, now = (None if each is None else plain(each) for each in (before, after))
    text = _changed("be a multiple of", *(None if each is None else words.number(each) for each in (was, now)))
    walk.tell(place, "multipleOf", was, now, text, one)


def counts(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """The bounds of lengths and sizes."""
    for keyword in words.COUNTED:
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            one = (relation.of_lower if keyword.startswith("min") else relation.of_upper)(before, after)
            walk.tell(place, keyword, before, after, words.counts(keyword, before, after), one)


def pattern(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``pattern``."""
    before, after = old.get("pattern"), new.get("pattern")
    text = _changed("match", before, after)
    walk.tell(place, "pattern", before, after, text, relation.of_presence(before, after))


def formats(walk: Walk, place: Place, old: Words, new: Words) -> None:
    """``format``. One that nobody asserts accepts everything, so only what holds for sure is said of what it does."""
    before, after = old.get("format"), new.get("format")
    text = (
        f"format {words.clipped(before)} dropped" if before and not after else _changed("be of format", before, after)
    )
    walk.tell(place, "format", before, after, text, relation.of_presence(before, after).unsure())


def _changed(verb: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"must now {verb} {words.clipped(after or '')}"
    if after is None:
        return f"need not {verb} {words.clipped(before)} any more"
    return f"must {verb} {words.clipped(before)} → {words.clipped(after)}"
