"""Whether a node accepts one value: yes, no, or nobody can surely say (a format, a pattern that engines read unlike).

What belongs here: constants against nodes, exact. What does not: documents against contracts (``validate.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from telemetry_assets.contracts.containment.exact import canonical, exact, kind_of
from telemetry_assets.contracts.containment.nodes import Node
from telemetry_assets.contracts.containment.patterns import matches

Answer = bool | None
"""None: nobody can surely say."""
NO_DEFINITIONS: Mapping[str, Node] = {}


def accepts(node: Node, value: Any, defs: Mapping[str, Node] = NO_DEFINITIONS) -> Answer:
    """Whether ``node`` accepts a JSON value; None where that is not sure. Ends, for each step goes into the value."""
    words = node.words
    if not words:
        return True
    if "$ref" in words:
        target = defs.get(words["$ref"])
        return None if target is None else accepts(target, value, defs)
    kind = kind_of(value)
    if "types" in words and kind not in words["types"]:
        return False
    if "enum" in words and canonical(value) not in words["enum"]:
        return False
    return all_of([_OF_KIND[kind](words, value, defs), _chosen(words, value, defs)])


def all_of(answers: Iterable[Answer]) -> Answer:
    """False if any is, else None if any is, else True."""
    unsure = False
    for answer in answers:
        if answer is False:
            return False
        unsure = unsure or answer is None
    return None if unsure else True


def any_of(answers: Iterable[Answer]) -> Answer:
    """True if any is, else None if any is, else False."""
    return _not(all_of(_not(answer) for answer in answers))


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _chosen(words: Mapping[str, Any], value: Any, defs: Mapping[str, Node]) -> Answer:
    """What ``allOf``, ``anyOf``, ``oneOf``, ``not`` and ``if`` say together."""
    answers: list[Answer] = [accepts(each, value, defs) for each in words.get("allOf", ())]
    if "anyOf" in words:
        answers.append(any_of(accepts(each, value, defs) for each in words["anyOf"]))
    if "oneOf" in words:
        answers.append(_exactly_one([accepts(each, value, defs) for each in words["oneOf"]]))
    if "not" in words:
        answers.append(_not(accepts(words["not"], value, defs)))
    if "if" in words:
        condition, then, other = words["if"]
        held = accepts(condition, value, defs)
        ends = [accepts(end, value, defs) for end, wanted in ((then, True), (other, False)) if held in (wanted, None)]
        answers.append(ends[0] if len(ends) == 1 or ends[0] is ends[1] else None)
    return all_of(answers)


def _exactly_one(answers: list[Answer]) -> Answer:
    if answers.count(True) > 1:
        return False
    if None in answers:
        return None
    return answers.count(True) == 1


def _nothing(words: Mapping[str, Any], value: Any, defs: Mapping[str, Node]) -> Answer:
    return True


def _number(words: Mapping[str, Any], value: Any, defs: Mapping[str, Node]) -> Answer:
    number = exact(value)
    if "low" in words and (number < words["low"][0] or (words["low"][1] and number == words["low"][0])):
        return False
    if "high" in words and (number > words["high"][0] or (words["high"][1] and number == words["high"][0])):
        return False
    return "multipleOf" not in words or (number / words["multipleOf"]).denominator == 1


def _text(words: Mapping[str, Any], value: str, defs: Mapping[str, Node]) -> Answer:
    if not words.get("minLength", 0) <= len(value) <= words.get("maxLength", len(value)):
        return False
    found = matches(words["pattern"], value) if "pattern" in words else True
    return all_of([found, None if "format" in words else True])


def _array(words: Mapping[str, Any], value: list[Any], defs: Mapping[str, Node]) -> Answer:
    if not words.get("minItems", 0) <= len(value) <= words.get("maxItems", len(value)):
        return False
    if words.get("uniqueItems") and len({canonical(item) for item in value}) < len(value):
        return False
    prefix, rest = words.get("prefixItems", ()), words.get("items")
    answers: list[Answer] = [accepts(each, item, defs) for each, item in zip(prefix, value, strict=False)]
    if rest is not None:
        answers += [accepts(rest, item, defs) for item in value[len(prefix) :]]
    if "contains" in words:
        wanted, least, most = words["contains"]
        found = [accepts(wanted, item, defs) for item in value]
        sure, perhaps = found.count(True), found.count(None)
        if sure + perhaps < least or (most is not None and sure > most):
            return False
        answers.append(True if sure >= least and (most is None or sure + perhaps <= most) else None)
    return all_of([*answers, None if "unevaluatedItems" in words else True])


def _object(words: Mapping[str, Any], value: Mapping[str, Any], defs: Mapping[str, Node]) -> Answer:
    if any(name not in value for name in words.get("required", ())):
        return False
    if not words.get("minProperties", 0) <= len(value) <= words.get("maxProperties", len(value)):
        return False
    for name, needed in words.get("dependentRequired", {}).items():
        if name in value and any(each not in value for each in needed):
            return False
    answers: list[Answer] = [
        accepts(each, value, defs) for name, each in words.get("dependentSchemas", {}).items() if name in value
    ]
    if "propertyNames" in words:
        answers += [accepts(words["propertyNames"], name, defs) for name in value]
    answers += [_property(words, name, inner, defs) for name, inner in value.items()]
    return all_of([*answers, None if "unevaluatedProperties" in words else True])


def _property(words: Mapping[str, Any], name: str, inner: Any, defs: Mapping[str, Node]) -> Answer:
    answers: list[Answer] = []
    matched: Answer = name in words.get("properties", {})
    if matched:
        answers.append(accepts(words["properties"][name], inner, defs))
    for pattern, each in words.get("patternProperties", {}).items():
        found = matches(pattern, name)
        matched = any_of([matched, found])
        if found is not False:
            verdict = accepts(each, inner, defs)
            answers.append(verdict if found or verdict else None)
    if "additionalProperties" in words and not matched:
        verdict = accepts(words["additionalProperties"], inner, defs)
        answers.append(verdict if matched is False or verdict else None)
    return all_of(answers)


_OF_KIND: Mapping[str, Callable[[Mapping[str, Any], Any, Mapping[str, Node]], Answer]] = {
    "null": _nothing,
    "boolean": _nothing,
    "integer": _number,
    "fraction": _number,
    "string": _text,
    "array": _array,
    "object": _object,
}
