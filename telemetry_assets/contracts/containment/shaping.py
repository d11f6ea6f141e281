"""From plain 2020-12 keywords to nodes: what means the same gets the same words, what says nothing goes.

What belongs here: rewriting one schema after those inside it. What does not: drafts and references (``translated.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_assets.contracts.containment.evaluated import settle_unevaluated
from telemetry_assets.contracts.containment.exact import ALL_KINDS, NUMBERS, kind_of
from telemetry_assets.contracts.containment.judging import accepts
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE, Node, node, type_node
from telemetry_assets.contracts.containment.shaping_kinds import arrays, kinds_of, numbers, objects, strings

WORDS_OF_KINDS: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("prefixItems", "items", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"),
    "object": (
        "properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties",
        "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
    ),
}  # fmt: skip
_CHOICES = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
_OF_KINDS = (
    (
        frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
        numbers,
    ),
    (frozenset(WORDS_OF_KINDS["string"]), strings),
    (frozenset({*WORDS_OF_KINDS["array"], "minContains", "maxContains"}), arrays),
    (frozenset(WORDS_OF_KINDS["object"]), objects),
)
Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shaper:
    """``refs``: number of a definition → its node. ``keep``: some schema asks what was evaluated, so what merely
    evaluates is no noise."""

    refs: Mapping[int, Node]
    keep: bool

    def shape(self, raw: Any) -> Node:
        """The node of a schema in the words of :func:`translated.translate`."""
        if isinstance(raw, bool):
            return TRUE if raw else FALSE
        if len(raw) == 1 and "$ref" in raw:
            return self.refs[raw["$ref"]]
        words = self._inner(raw)
        kinds = kinds_of(words)
        for concerned, of_one_kind in _OF_KINDS:
            if not concerned.isdisjoint(words):
                kinds = of_one_kind(words, kinds, self.keep)
        self._choices(words)
        if self.keep:
            settle_unevaluated(words)
        return self._sealed(words, kinds)

    def _inner(self, raw: Mapping[str, Any]) -> Words:
        """The words with the schemas in them shaped."""
        words: Words = {}
        for keyword, value in raw.items():
            match keyword:
                case "properties" | "patternProperties" | "dependentSchemas":
                    words[keyword] = {name: self.shape(value[name]) for name in sorted(value)}
                case "allOf" | "anyOf" | "oneOf" | "prefixItems":
                    words[keyword] = tuple([self.shape(inner) for inner in value])
                case (
                    "items" | "additionalProperties" | "propertyNames" | "not" | "contains" | "if" | "then" | "else"
                    | "unevaluatedItems" | "unevaluatedProperties"
                ):  # fmt: skip
                    words[keyword] = self.shape(value)
                case "$ref":
                    pass
                case _:
                    words[keyword] = value
        if "$ref" in raw:
            words["allOf"] = (*words.get("allOf", ()), self.refs[raw["$ref"]])
        return words

    def _choices(self, words: Words) -> None:
        """``if`` with its two ends, ``anyOf`` and ``oneOf`` of what is left, ``allOf`` of what else must hold."""
        if _CHOICES.isdisjoint(words):
            return
        must = list(words.pop("allOf", ()))
        condition, then, other = words.pop("if", None), words.pop("then", TRUE), words.pop("else", TRUE)
        if condition is TRUE or condition is FALSE:
            must.append(then if condition is TRUE else other)
        elif condition is not None and (self.keep or not (then is TRUE and other is TRUE)):
            words["if"] = (condition, then, other)
        if words.get("not") in (TRUE, FALSE):
            must.append(FALSE if words.pop("not") is TRUE else TRUE)
        for keyword in ("anyOf", "oneOf"):
            branches = _branches(words.pop(keyword, None), keyword, self.keep)
            if branches is not None and len(branches) == 1:
                must.append(branches[0])
            elif branches is not None:
                words[keyword] = branches
        spliced = [
            inner for each in must for inner in (each.words["allOf"] if set(each.words) == {"allOf"} else (each,))
        ]
        unique = {inner.digest: inner for inner in spliced if inner is not TRUE}
        words["allOf"] = tuple([unique[digest] for digest in sorted(unique)])

    def _sealed(self, words: Words, kinds: frozenset[str]) -> Node:
        """Without the words that concern no possible kind, and the types with what says the same otherwise."""
        for kind, concerned in WORDS_OF_KINDS.items():
            if kind not in kinds:
                for word in words.keys() & concerned:
                    del words[word]
        if not kinds & NUMBERS:
            for word in ("low", "high", "multipleOf"):
                words.pop(word, None)
        words = {word: value for word, value in words.items() if word == "enum" or value not in ((), {})}
        if FALSE in words.get("allOf", ()) or not kinds:
            return FALSE
        if "enum" in words:
            words = _enumerated(words, kinds, self.keep)
        elif kinds != ALL_KINDS:
            words["types"] = kinds
        if words.get("enum", True) == {}:
            return FALSE
        if len(words) == 1 and len(words.get("allOf", ())) == 1:
            return words["allOf"][0]
        return node(words) if words else TRUE


def _branches(branches: tuple[Node, ...] | None, keyword: str, keep: bool) -> tuple[Node, ...] | None:
    """The branches of a choice that matter, in one order; None where the choice is none."""
    if branches is None:
        return None
    if keyword == "anyOf":
        spliced = [
            inner for each in branches for inner in (each.words["anyOf"] if set(each.words) == {"anyOf"} else (each,))
        ]
        branches = tuple({inner.digest: inner for inner in spliced}.values())
        if TRUE in branches and not keep:
            return None
    branches = tuple([each for each in branches if each is not FALSE])
    if len(branches) > 1 and all(set(each.words) == {"types"} for each in branches):
        kinds = [kind for each in branches for kind in each.words["types"]]
        if keyword == "anyOf" or len(kinds) == len(set(kinds)):
            return (TRUE if ALL_KINDS.issubset(kinds) else type_node(frozenset(kinds)),)
    return tuple(sorted(branches, key=lambda each: each.digest)) or (FALSE,)


def _enumerated(words: Words, kinds: frozenset[str], keep: bool) -> Words:
    """The constants that the other words let through; without these words where they let all through."""
    enum = {text: value for text, value in words["enum"].items() if kind_of(value) in kinds}
    others = {word: value for word, value in words.items() if word != "enum"}
    rest = node(others)
    judged = {text: accepts(rest, value) for text, value in enum.items()} if others else {}
    enum = {text: enum[text] for text in sorted(enum) if judged.get(text) is not False}
    if not (keep and others) and all(judged.get(text, True) for text in enum):
        left = {kind_of(value) for value in enum.values()}
        if enum and left <= {"null", "boolean"} and len(enum) == len(left) + ("boolean" in left):
            return {"types": frozenset(left)}
        return {"enum": enum}
    return others | {"enum": enum}
