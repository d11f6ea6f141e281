"""Numbers and texts: what of a goal does not follow from what is known.

What belongs here: bounds, steps, lengths, patterns, formats. What does not: the search (``contained.py``).
"""

from collections.abc import Iterable, Mapping
from math import ceil, floor
from typing import Any

from telemetry_assets.contracts.containment.cases import Bound, Case
from telemetry_assets.contracts.containment.languages import none_such
from telemetry_assets.contracts.containment.obligations import Obligation, Path


def number_missed(case: Case, kind: str, words: Mapping[str, Any], path: Path) -> Obligation | None:
    """What of the goal's bounds and steps does not follow of numbers, ``integer`` or ``fraction``."""
    for word in ("low", "high", "multipleOf"):
        if word not in words:
            continue
        wanted = words[word]
        if word == "multipleOf":
            step = case.stepped(kind)
            if step is None or (step / wanted).denominator != 1:
                return Obligation(path, word, f"it may be no multiple of {wanted}")
        elif not _bounded(case, kind, word, wanted):
            keyword, side = ("minimum", "below") if word == "low" else ("maximum", "above")
            return Obligation(path, keyword, f"it may be {side} {wanted[0]}")
    return None


def string_missed(case: Case, words: Mapping[str, Any], path: Path) -> Obligation | None:
    """What of the goal's lengths, pattern and format does not follow of texts."""
    fewest = words.get("minLength", 0)
    if fewest > case.least["string"] and not no_text(case, most=fewest - 1):
        return Obligation(path, "minLength", f"it may be shorter than {fewest}")
    most = words.get("maxLength")
    if most is not None and case.most.get("string", most + 1) > most and not no_text(case, least=most + 1):
        return Obligation(path, "maxLength", f"it may be longer than {most}")
    pattern = words.get("pattern")
    if pattern is not None and pattern not in case.patterns and not no_text(case, refused=pattern):
        return Obligation(path, "pattern", f"it may not match {pattern}")
    if "format" in words and words["format"] not in case.formats:
        return Obligation(path, "format", f"it may be no {words['format']}")
    return None


def no_text(
    case: Case, *, least: int = 0, most: int | None = None, refused: str | None = None, but: Iterable[Any] = ()
) -> bool:
    """Whether surely no text of that length, none of ``but``, that does not match ``refused`` keeps what is known."""
    few = max(least, case.least["string"])
    many = min([each for each in (most, case.most.get("string")) if each is not None], default=None)
    if many is not None and few > many:
        return True
    patterns, texts = _excluded(case)
    if refused is not None:
        patterns |= {refused}
    return none_such(
        frozenset(case.patterns),
        frozenset(patterns),
        few,
        many,
        but=frozenset(texts.union(each for each in but if isinstance(each, str))),
    )


def _excluded(case: Case) -> tuple[set[str], set[str]]:
    """The patterns that no text may match, and the texts that may not be."""
    patterns: set[str] = set()
    texts: set[str] = set()
    for words in (each.words for each in case.nots):
        if set(words) == {"enum"}:
            texts.update(each for each in words["enum"].values() if isinstance(each, str))
        elif "pattern" in words and words.keys() <= {"pattern", "types"}:
            patterns.update([words["pattern"]] if "string" in words.get("types", ("string",)) else ())
    return patterns, texts


def _bounded(case: Case, kind: str, word: str, wanted: Bound) -> bool:
    """Whether a bound follows: the known one, moved inward to the next number that can be."""
    known = case.low if word == "low" else case.high
    if known is None:
        return False
    at, open_ = known
    step = case.stepped(kind)
    # What is not whole is never at a whole bound.
    open_ = open_ or (kind == "fraction" and at.denominator == 1)
    if step is not None:
        count = at / step
        inward = ceil(count) if word == "low" else floor(count)
        if open_ and inward == count:
            inward += 1 if word == "low" else -1
        at, open_ = inward * step, False
    if at == wanted[0]:
        return open_ or not wanted[1]
    return at > wanted[0] if word == "low" else at < wanted[0]
