"""What ``unevaluatedProperties`` and ``unevaluatedItems`` look past: which names and items something else evaluates.

What belongs here: what a schema evaluates surely, and what perhaps. What does not: proving (``contained.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_assets.contracts.containment.nodes import TRUE, Node, node

Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Names, patterns, the first so many items; ``every_…`` mean all; ``some``: items that ``contains`` looked at."""

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    first: int = 0
    every_name: bool = False
    every_item: bool = False
    some: bool = False

    def joined(self, other: "Evaluated") -> "Evaluated":
        """What one or the other evaluates."""
        return Evaluated(
            self.names | other.names,
            self.patterns | other.patterns,
            max(self.first, other.first),
            self.every_name or other.every_name,
            self.every_item or other.every_item,
            self.some or other.some,
        )


NOTHING = Evaluated()
ANYTHING = Evaluated(every_name=True, every_item=True)
Lookup = Callable[[str], Node | None]


def evaluated(words: Words, lookup: Lookup, *, perhaps: bool) -> Evaluated:
    """What these words evaluate in every document they accept, or ``perhaps`` in some; ``unevaluated…`` too."""
    own = Evaluated(
        frozenset(words.get("properties", ())),
        frozenset(words.get("patternProperties", ())),
        len(words.get("prefixItems", ())),
        "additionalProperties" in words or "unevaluatedProperties" in words,
        "items" in words or "unevaluatedItems" in words,
        perhaps and "contains" in words,
    )
    if "$ref" in words:
        target = lookup(words["$ref"])
        if target is None:
            return ANYTHING if perhaps else NOTHING
        return evaluated(target.words, lookup, perhaps=perhaps)
    inner: list[Node] = list(words.get("allOf", ()))
    if perhaps:
        inner += [*words.get("anyOf", ()), *words.get("oneOf", ()), *words.get("if", ())]
        inner += words.get("dependentSchemas", {}).values()
    for each in inner:
        own = own.joined(evaluated(each.words, lookup, perhaps=perhaps))
    return own


def settle_unevaluated(words: dict[str, Any]) -> None:
    """Says ``unevaluated…`` in plain words wherever what is evaluated does not depend on the document."""
    for keyword, of_objects in (("unevaluatedProperties", True), ("unevaluatedItems", False)):
        if keyword not in words:
            continue
        others = {word: value for word, value in words.items() if word != keyword}
        surely = evaluated(others, _unknown, perhaps=False)
        maybe = evaluated(others, _unknown, perhaps=True)
        if of_objects and _same_names(surely, maybe):
            _add(words, beyond_names(surely, words.pop(keyword)), "additionalProperties")
        elif not of_objects and _same_items(surely, maybe):
            _add(words, beyond_items(surely, words.pop(keyword)), "items")


def _add(words: dict[str, Any], beyond: Node, rest: str) -> None:
    """What goes beyond, as the plain word for the rest where it is about the very same rest."""
    beside = [word for word in ("properties", "patternProperties", "prefixItems") if word in beyond.words]
    alike = [word for word in beside if word in words and len(words[word]) == len(beyond.words[word])]
    if rest in beyond.words and rest not in words and alike == beside:
        words[rest] = beyond.words[rest]
    else:
        words["allOf"] = (*words.get("allOf", ()), beyond)


def _same_names(surely: Evaluated, maybe: Evaluated) -> bool:
    return surely.every_name or (
        not maybe.every_name and surely.names == maybe.names and surely.patterns == maybe.patterns
    )


def _same_items(surely: Evaluated, maybe: Evaluated) -> bool:
    return surely.every_item or not (maybe.every_item or maybe.some or surely.first != maybe.first)


def beyond_names(seen: Evaluated, wanted: Node) -> Node:
    """The schema that says ``wanted`` of every property but those seen."""
    if seen.every_name:
        return TRUE
    said: dict[str, Any] = {"additionalProperties": wanted}
    if seen.names:
        said["properties"] = dict.fromkeys(sorted(seen.names), TRUE)
    if seen.patterns:
        said["patternProperties"] = dict.fromkeys(sorted(seen.patterns), TRUE)
    return node(said)


def beyond_items(seen: Evaluated, wanted: Node) -> Node:
    """The schema that says ``wanted`` of every item but those seen; ``contains`` may have seen any."""
    if seen.every_item or seen.some:
        return TRUE
    return node({"items": wanted} | ({"prefixItems": (TRUE,) * seen.first} if seen.first else {}))


def _unknown(name: str) -> None:
    return None
