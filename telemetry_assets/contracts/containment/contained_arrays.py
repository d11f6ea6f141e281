"""Arrays: what of a goal does not follow from what is known, and whether any array can be.

What belongs here: items, counts, ``contains``, ``uniqueItems``. What does not: the search (``contained.py``).
"""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from telemetry_assets.contracts.containment.cases import Case
from telemetry_assets.contracts.containment.evaluated import beyond_items
from telemetry_assets.contracts.containment.nodes import TRUE, Node
from telemetry_assets.contracts.containment.obligations import Obligation, Path

if TYPE_CHECKING:
    from telemetry_assets.contracts.containment.contained import Facts, Prover

_FEW = 64
_PAIRED = 8
"""Of at most so many items each two are held against one another."""
Counted = tuple[Node, int, int | None]
"""What ``contains`` wants, how many at least, how many at most."""


def missed(prover: "Prover", case: Case, words: Mapping[str, Any], path: Path) -> Obligation | None:
    """What of the goal's array words does not follow."""
    if words.get("minItems", 0) > case.least["array"]:
        return Obligation(path, "minItems", f"it may have fewer than {words['minItems']} items")
    if "maxItems" in words and not _at_most(prover, case, words["maxItems"]):
        return Obligation(path, "maxItems", f"it may have more than {words['maxItems']} items")
    if "uniqueItems" in words and not case.unique and not _all_differ(prover, case):
        return Obligation(path, "uniqueItems", "two items may be equal")
    if "items" in words or "prefixItems" in words:
        unshown = _items(prover, case, words.get("prefixItems", ()), words.get("items", TRUE), path)
        if unshown is not None:
            return unshown
    if "unevaluatedItems" in words:
        # Past less than what is evaluated: that is more than was asked for.
        seen = case.evaluated(words, "unevaluatedItems", perhaps=False)
        beyond = beyond_items(seen, words["unevaluatedItems"]).words
        if beyond and _items(prover, case, beyond.get("prefixItems", ()), beyond["items"], path):
            return Obligation(path, "unevaluatedItems", "something else may be there")
    return _contains(prover, case, words["contains"], path) if "contains" in words else None


def impossible(prover: "Prover", case: Case) -> bool:
    """Whether no array keeps what is known: too few can be, or an item that must be there cannot be."""
    least = case.least["array"]
    if least and least > _longest(prover, case):
        return True
    for wanted, few, most in case.contains:
        if most is not None and few > most:
            return True
        if few and all(prover.impossible_below((*facts, wanted)) for facts in _distinct(case)):
            return True
        if few > _different(prover, case, (wanted,)):
            return True
        if most is not None and least > most and _surely(prover, case, wanted, least) > most:
            return True
    return False


def facts_of(case: Case, index: int) -> "Facts":
    """What is known of the item at ``index``."""
    return tuple([prefix[index] if index < len(prefix) else rest for prefix, rest in case.items])


def _reach(case: Case) -> int:
    """From this index on all items are alike."""
    return max([len(prefix) for prefix, _ in case.items], default=0)


def _distinct(case: Case) -> list["Facts"]:
    """The facts of each item that differs from the others and can be."""
    reach, most = _reach(case), case.most.get("array", _FEW + 1)
    return [facts_of(case, index) for index in range(min(reach + 1, most))]


def _at_most(prover: "Prover", case: Case, most: int) -> bool:
    return case.most.get("array", most + 1) <= most or _longest(prover, case) <= most


def _longest(prover: "Prover", case: Case) -> float:
    """The most items that can be."""
    most = case.most.get("array", float("inf"))
    reach = _reach(case)
    for index in range(reach + 1):
        if index >= most:
            break
        if prover.impossible_below(facts_of(case, index)):
            return index
    return min(most, reach + _different(prover, case, facts_of(case, reach)))


def _different(prover: "Prover", case: Case, facts: "Facts") -> float:
    """The most items that can keep ``facts`` where no two are equal."""
    constants = prover.case(facts).constants() if case.unique and facts else None
    return float("inf") if constants is None else len(constants)


def _all_differ(prover: "Prover", case: Case) -> bool:
    """Whether no two items can be equal: there are not two, or no value could be both."""
    longest = _longest(prover, case)
    if longest > _PAIRED:
        return False
    items = [facts_of(case, index) for index in range(int(longest))]
    return all(prover.impossible_below((*one, *other)) for one, other in combinations(items, 2))


def _items(prover: "Prover", case: Case, prefix: tuple[Node, ...], rest: Node, path: Path) -> Obligation | None:
    most = case.most.get("array", float("inf"))
    reach = max(_reach(case), len(prefix))
    for index in range(reach + 1):
        if index >= most:
            return None
        wanted = prefix[index] if index < len(prefix) else rest
        step = str(index) if index < reach else "items"
        unshown = prover.below(facts_of(case, index), wanted, (*path, step))
        if unshown is not None:
            return unshown if index < _longest(prover, case) else None
    return None


def _contains(prover: "Prover", case: Case, goal: Counted, path: Path) -> Obligation | None:
    wanted, few, most = goal
    if few and not (_kept(prover, case, wanted, few) or _surely(prover, case, wanted, case.least["array"]) >= few):
        return Obligation(path, "contains", f"fewer than {few} of its items may be what is wanted")
    if most is not None and not _bounded(prover, case, wanted, most):
        return Obligation(path, "maxContains", f"more than {most} of its items may be such")
    return None


def _kept(prover: "Prover", case: Case, wanted: Node, few: int) -> bool:
    """Whether it is known to hold as many of something that is always what is wanted."""
    return any(
        known_few >= few and all(prover.below((*facts, known), wanted, ()) is None for facts in _distinct(case))
        for known, known_few, _ in case.contains
    )


def _surely(prover: "Prover", case: Case, wanted: Node, least: int) -> int:
    """How many of the items that must be there are surely what is wanted."""
    reach = _reach(case)
    found = sum(prover.below(facts_of(case, index), wanted, ()) is None for index in range(min(reach, least)))
    rest = least - reach
    return found + (rest if rest > 0 and prover.below(facts_of(case, reach), wanted, ()) is None else 0)


def _bounded(prover: "Prover", case: Case, wanted: Node, most: int) -> bool:
    """Whether no more than ``most`` items can be what is wanted."""
    longest = case.most.get("array")
    if longest is not None and longest <= most:
        return True
    for known, _, known_most in case.contains:
        fewer = known_most is not None and known_most <= most
        if fewer and all(prover.below((*facts, wanted), known, ()) is None for facts in _distinct(case)):
            return True
    *first, rest = _distinct(case)
    more = 0.0
    if longest is None or longest > _reach(case):
        more = 0 if prover.impossible_below((*rest, wanted)) else _different(prover, case, (*rest, wanted))
    else:
        first.append(rest)
    return more <= most and more + sum(not prover.impossible_below((*facts, wanted)) for facts in first) <= most
