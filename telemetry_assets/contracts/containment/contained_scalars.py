"""Numbers and texts: what of a goal does not follow from what is known.

What belongs here: bounds, steps, lengths, patterns, formats. What does not: the search (``contained.py``).
"""

from collections.abc import Mapping
from math import ceil, floor
from typing import Any

from telemetry_assets.contracts.containment.cases import Bound, Case
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
    if words.get("minLength", 0) > case.least["string"]:
        return Obligation(path, "minLength", f"it may be shorter than {words['minLength']}")
    if "maxLength" in words and case.most.get("string", words["maxLength"] + 1) > words["maxLength"]:
        return Obligation(path, "maxLength", f"it may be longer than {words['maxLength']}")
    if "pattern" in words and words["pattern"] not in case.patterns:
        return Obligation(path, "pattern", f"it may not match {words['pattern']}")
    if "format" in words and words["format"] not in case.formats:
        return Obligation(path, "format", f"it may be no {words['format']}")
    return None


def _bounded(case: Case, kind: str, word: str, wanted: Bound) -> bool:
    """Whether a bound follows: the known one, moved inward to the next number that can be."""
    known = case.low if word == "low" else case.high
    if known is None:
        return False
    at, open_ = known
    step = case.stepped(kind)
    if step is not None:
        count = at / step
        inward = ceil(count) if word == "low" else floor(count)
        if open_ and inward == count:
            inward += 1 if word == "low" else -1
        at, open_ = inward * step, False
    if at == wanted[0]:
        return open_ or not wanted[1]
    return at > wanted[0] if word == "low" else at < wanted[0]
