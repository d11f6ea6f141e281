"""Objects: what of a goal does not follow from what is known, and whether any object can be.

What belongs here: properties by name, by pattern, any other; presence; counts; names. What does not: the search
(``contained.py``). What is known of patterns is what ``languages.py`` shows.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from telemetry_assets.contracts.containment.cases import Case, Shape
from telemetry_assets.contracts.containment.evaluated import beyond_names
from telemetry_assets.contracts.containment.judging import Answer, accepts, any_of
from telemetry_assets.contracts.containment.languages import none_such
from telemetry_assets.contracts.containment.negated import absent, present
from telemetry_assets.contracts.containment.nodes import FALSE, TRUE, Node, node, type_node
from telemetry_assets.contracts.containment.obligations import Obligation, Path
from telemetry_assets.contracts.containment.patterns import matches

if TYPE_CHECKING:
    from telemetry_assets.contracts.containment.contained import Facts, Prover

_STRING = type_node(frozenset({"string"}))
_OBJECT = type_node(frozenset({"object"}))
_NONE: Mapping[str, Any] = {}


def missed(prover: "Prover", case: Case, words: Mapping[str, Any], path: Path) -> Obligation | None:
    """What of the goal's object words does not follow."""
    for name in words.get("required", ()):
        if not _there(prover, case, name):
            return Obligation((*path, name), "required", "it may be absent")
    unshown = _counted(prover, case, words, path)
    if unshown is not None:
        return unshown
    shape = words.get("properties", _NONE), words.get("patternProperties", _NONE), words.get("additionalProperties")
    if shape != (_NONE, _NONE, None):
        unshown = _shaped(prover, case, shape, path)
        if unshown is not None:
            return unshown
    if "unevaluatedProperties" in words and not _evaluated(prover, case, words, path):
        return Obligation(path, "unevaluatedProperties", "something else may be there")
    if "propertyNames" in words and not _named(prover, case, words["propertyNames"]):
        return Obligation(path, "propertyNames", "a property may have another name")
    return _dependent(prover, case, words, path)


def impossible(prover: "Prover", case: Case) -> bool:
    """Whether no object keeps what is known: something must be there that cannot, or too few can be."""
    least = max(case.least["object"], len(case.required))
    if least > case.most.get("object", least):
        return True
    if any(_never(prover, case, name) for name in sorted(case.required)):
        return True
    possible = _possible(prover, case) if least else None
    return possible is not None and least > len(possible)


# Names


def _value(case: Case, name: str) -> "Facts":
    """What is known of the property's value, if it is there."""
    return tuple([each for shape in case.shapes for each, sure in _applied(shape, name) if sure])


def _applied(shape: Shape, name: str) -> Iterable[tuple[Node, bool]]:
    """(schema, whether surely) of each schema of a shape that is about a property of that name."""
    known, patterns, rest = shape
    matched: Answer = name in known
    if matched:
        yield known[name], True
    for pattern, each in patterns.items():
        found = matches(pattern, name)
        matched = any_of([matched, found])
        if found is not False:
            yield each, found is True
    if rest is not None and matched is not True:
        yield rest, matched is False


def _refused(case: Case, name: str) -> bool:
    """Whether no property may be called that."""
    return any(accepts(each, name, case.defs) is False for each in case.names)


def _never(prover: "Prover", case: Case, name: str) -> bool:
    """Whether a property of that name cannot be there."""
    if _refused(case, name) or (name not in case.required and len(case.required) >= case.most.get("object", 1 << 62)):
        return True
    value = _value(case, name)
    return bool(value) and prover.impossible_below(value)


def _possible(prover: "Prover", case: Case) -> list[str] | None:
    """The names of all properties that can be, where they are known."""
    names = _closed(prover, case)
    return None if names is None else [name for name in names if not _never(prover, case, name)]


def _closed(prover: "Prover", case: Case) -> list[str] | None:
    """Names that all properties are among, where some schema lets no other be."""
    for known, patterns, rest in case.shapes:
        if rest is FALSE and all(each is FALSE for each in patterns.values()):
            return list(known)
    if case.names:
        return prover.case((_STRING, *case.names)).constants()
    if len(case.required) >= case.most.get("object", 1 << 62):
        return sorted(case.required)
    return None


def _there(prover: "Prover", case: Case, name: str) -> bool:
    """Whether a property of that name must be there: objects without it contradict what is known."""
    if name in case.required:
        return True
    if not (case.open or case.least["object"] or case.nots):
        return False
    facts = (*case.facts, _OBJECT, absent(name))
    return prover.entail(facts, FALSE, (), 2) is None


# Goals


def _shaped(prover: "Prover", case: Case, goal: Shape, path: Path) -> Obligation | None:
    known, patterns, rest = goal
    names = dict.fromkeys(known)
    closed = _closed(prover, case) if patterns or rest is not None else None
    if patterns or rest is not None:
        names |= dict.fromkeys(name for facts in case.shapes for name in facts[0])
        names |= dict.fromkeys(closed or ())
    for name in names:
        value = _value(case, name)
        for each, _ in _applied(goal, name):
            unshown = prover.below(value, each, (*path, name))
            if unshown is not None and not _never(prover, case, name):
                return unshown
    if closed is not None:
        return None
    surely = _name_patterns(prover, case)
    for pattern, each in patterns.items():
        if none_such(frozenset({pattern, *surely}), but=frozenset(names)):
            continue
        unshown = prover.below(_others(case, pattern, surely, {}), each, (*path, "*"))
        if unshown is not None:
            return unshown
    if rest is None or surely & patterns.keys() or none_such(frozenset(surely), frozenset(patterns)):
        return None
    return prover.below(_others(case, None, surely, patterns), rest, (*path, "*"))


def _name_patterns(prover: "Prover", case: Case) -> set[str]:
    """Patterns that every property's name matches."""
    return prover.case((_STRING, *case.names)).patterns if case.names else set()


def _others(case: Case, pattern: str | None, surely: set[str], but: Mapping[str, Node]) -> "Facts":
    """What is known of a property that no schema names and that matches ``pattern`` and ``surely``, none of ``but``."""
    facts: list[Node] = []
    kept, refused = frozenset(surely if pattern is None else {pattern, *surely}), frozenset(but)
    for _, patterns, rest in case.shapes:
        hit = [each for other, each in patterns.items() if other in kept or none_such(kept, refused | {other})]
        perhaps = [each for other, each in patterns.items() if not none_such(kept | {other}, refused)]
        if hit:
            facts += hit
        elif none_such(kept, refused.union(patterns)):
            facts.append(_either(perhaps))
        elif rest is not None:
            # It matches one of them, or none and is any other.
            facts.append(_either([*perhaps, rest]))
    return tuple(facts)


def _either(choices: list[Node]) -> Node:
    unlike = {each.digest: each for each in choices if each is not FALSE}
    if len(unlike) > 1:
        return TRUE if TRUE.digest in unlike else node({"anyOf": tuple(unlike.values())})
    return next(iter(unlike.values()), FALSE)


def _counted(prover: "Prover", case: Case, words: Mapping[str, Any], path: Path) -> Obligation | None:
    least, most = words.get("minProperties", 0), words.get("maxProperties")
    if least > max(case.least["object"], len(case.required)):
        return Obligation(path, "minProperties", f"it may have fewer than {least} properties")
    if most is not None and case.most.get("object", most + 1) > most:
        possible = _possible(prover, case)
        if possible is None or len(possible) > most:
            return Obligation(path, "maxProperties", f"it may have more than {most} properties")
    return None


def _evaluated(prover: "Prover", case: Case, words: Mapping[str, Any], path: Path) -> bool:
    """Past less than what is evaluated: that is more than was asked for."""
    beyond = beyond_names(case.evaluated(words, "unevaluatedProperties", perhaps=False), words["unevaluatedProperties"])
    if not beyond.words:
        return True
    seen = beyond.words
    shape = seen.get("properties", _NONE), seen.get("patternProperties", _NONE), seen["additionalProperties"]
    return _shaped(prover, case, shape, path) is None


def _named(prover: "Prover", case: Case, wanted: Node) -> bool:
    closed = _closed(prover, case)
    if closed is not None:
        return all(accepts(wanted, name, case.defs) is True or _never(prover, case, name) for name in closed)
    if prover.below((_STRING, *case.names), wanted, ()) is None:
        return True
    for known, patterns, rest in case.shapes:
        if rest is not FALSE:
            continue
        matching = [node({"pattern": pattern}) for pattern, each in patterns.items() if each is not FALSE]
        if all(accepts(wanted, name, case.defs) is True or _never(prover, case, name) for name in known) and all(
            prover.below((_STRING, each, *case.names), wanted, ()) is None for each in matching
        ):
            return True
    return False


def _dependent(prover: "Prover", case: Case, words: Mapping[str, Any], path: Path) -> Obligation | None:
    if "dependentRequired" not in words and "dependentSchemas" not in words:
        return None
    facts = (*case.facts, _OBJECT)
    for name, needed in words.get("dependentRequired", _NONE).items():
        if prover.entail((*facts, present(name)), node({"required": needed}), path) is not None:
            return Obligation(path, "dependentRequired", f"{name!r} may be there without {', '.join(needed)}")
    for name, each in words.get("dependentSchemas", _NONE).items():
        if prover.entail((*facts, present(name)), each, path) is not None:
            return Obligation(path, "dependentSchemas", f"{name!r} may be there, and what it asks for not")
    return None
