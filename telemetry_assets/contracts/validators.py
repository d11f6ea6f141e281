"""The two validators of one schema: jsonschema-rs, which judges, and jsonschema, which words.

What belongs here: making both mean the same: drafts, files, formats, bounded patterns, no network. What does not: what
a document's violation is (``validate.py``).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from telemetry_assets.contracts.bounded_patterns import UndecidedError, bounded, matches
from telemetry_assets.contracts.choices import any_of, one_of
from telemetry_assets.contracts.counted_work import count
from telemetry_assets.contracts.dialects import Draft, draft_of
from telemetry_assets.contracts.formats import formats_in, not_asserted, reference_checker
from telemetry_assets.contracts.reading import DEEPEST
from telemetry_assets.contracts.references import needed_files

TOOK_TOO_LONG = "the match took too long"
"""The message of an error that stands for a pattern nobody could decide."""
_FOLDER = "file:///telemetry-schemas/"
_LEAF = ["null", "boolean", "number", "string"]


def judging(
    schema: Any, draft: Draft, *, name: str = "", files: Mapping[str, Any] | None = None, every_format: bool = False
) -> Any:
    """The jsonschema-rs validator. Raises its ValidationError, a ValueError, for a schema that is none.

    ``every_format``: it asserts all that it knows, not only what both validators know.
    """
    import jsonschema_rs as rs

    known = {**(files or {}), name: schema}
    needed = needed_files(name, known)
    options: dict[str, Any] = {"pattern_options": bounded(), "validate_formats": True, "offline": True}
    # Only those that are used: a function of Python's, even one never called, makes every judgement slower.
    idle = not_asserted(draft, {name for inner in needed.values() for name in formats_in(inner)})
    if idle and not every_format:
        options["formats"] = idle
    if len(needed) > 1:
        resources = [(_address(path), _unnamed(inner)) for path, inner in needed.items()]
        options["registry"] = rs.Registry(resources, draft=rs.Draft202012)
        schema = {"$schema": draft.uri, "$ref": _address(name)}
    validator = rs.Draft202012Validator if draft is Draft.V2020 else rs.Draft7Validator
    return validator(schema, **options)


def wording(
    schema: Any, draft: Draft, *, name: str = "", files: Mapping[str, Any] | None = None, brief: bool = False
) -> Any:
    """The jsonschema validator, with the same formats, the same patterns, and no way to a network.

    Its work is counted (``counted_work.py``). ``brief``: it is only asked whether a document is valid, says nothing of
    the branches of a choice, and raises UndecidedError for a pattern that nobody could decide, which else is an error.
    """
    from jsonschema_specifications import REGISTRY
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    known = {**(files or {}), name: schema}
    needed = needed_files(name, known)
    registry: Registry[Any] = Registry().combine(REGISTRY)
    if len(needed) > 1:
        resources = [
            (_address(path), Resource.from_contents(_unnamed(inner), default_specification=DRAFT202012))
            for path, inner in needed.items()
        ]
        registry = registry.with_resources(resources)
        schema = {"$schema": draft.uri, "$ref": _address(name)}
    return _reference_class(draft, brief)(schema, registry=registry, format_checker=reference_checker(draft))


@cache
def carrier() -> Any:
    """A validator that holds of what JSON can carry at most DEEPEST levels deep; it raises or refuses the rest."""
    import jsonschema_rs as rs

    levels: dict[str, Any] = {"0": {"type": _LEAF}}
    for level in range(1, DEEPEST + 1):
        inner = {"$ref": f"#/$defs/{level - 1}"}
        levels[str(level)] = {"type": [*_LEAF, "object", "array"], "items": inner, "additionalProperties": inner}
    return rs.Draft202012Validator({"$defs": levels, "$ref": f"#/$defs/{DEEPEST}"})


def _address(path: str) -> str:
    return f"{_FOLDER}{quote(path)}"


def _unnamed(schema: Any) -> Any:
    """A file goes by its path: what it calls itself would move the base of its references."""
    if isinstance(schema, dict) and "$id" in schema and draft_of(schema):
        return {key: value for key, value in schema.items() if key != "$id"}
    return schema


@cache
def _reference_class(draft: Draft, brief: bool) -> Any:
    """jsonschema's class of the draft; where it would hand a pattern to Python's ``re``, the bounded engine decides."""
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.validators import extend

    changed = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "anyOf": any_of,
        "oneOf": one_of,
    }
    if draft is Draft.V7:
        return _evolving(extend(Draft7Validator, {**changed, "additionalItems": _additional_items}), brief)
    evaluating = {"unevaluatedProperties": _unevaluated_properties}
    return _evolving(extend(Draft202012Validator, {**changed, **evaluating}), brief)


def _evolving(made: Any, brief: bool) -> Any:
    """Whoever evolves into a schema that names its draft would get the library's class of it, patterns unbounded."""
    from attrs import fields

    kept = [(each.name, each.alias) for each in fields(made) if each.init]

    def evolve(self: Any, **changes: Any) -> Any:
        count()
        schema = changes.get("schema", self.schema)
        named = draft_of(schema) if isinstance(schema, dict) and "$schema" in schema else None
        judged_by = type(self) if named is None else _reference_class(named, brief)
        return judged_by(**({alias: getattr(self, name) for name, alias in kept} | changes))

    made.evolve, made.brief = evolve, brief
    return made


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "string"):
        return
    try:
        if not matches(pattern, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except UndecidedError:
        if validator.brief:
            raise
        yield ValidationError(TOOK_TOO_LONG)


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    for pattern, inner in patterns.items():
        for key, value in instance.items():
            try:
                if matches(pattern, key):
                    yield from validator.descend(value, inner, path=key, schema_path=pattern)
            except UndecidedError:
                if validator.brief:
                    raise
                yield ValidationError(TOOK_TOO_LONG)


def _additional_items(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """It counts only beside a list of items; jsonschema's own raises where ``items`` is a boolean."""
    from jsonschema import Draft7Validator

    if isinstance(schema.get("items"), list):
        yield from Draft7Validator.VALIDATORS["additionalItems"](validator, allowed, instance, schema) or ()


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    extras = [key for key in instance if key not in schema.get("properties", {}) and not _named(key, schema)]
    if validator.is_type(allowed, "object"):
        for key in extras:
            yield from validator.descend(instance[key], allowed, path=key)
    elif not allowed and extras:
        yield ValidationError(f"Additional properties are not allowed: {', '.join(map(repr, extras[:3]))}")


def _named(key: str, schema: Any) -> bool:
    """Whether a key is one of ``patternProperties``; what cannot be decided is told by that keyword itself."""
    for pattern in schema.get("patternProperties", {}):
        try:
            if matches(pattern, key):
                return True
        except UndecidedError:
            return True
    return False


def _unevaluated_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    beside = {keyword: value for keyword, value in schema.items() if keyword != "unevaluatedProperties"}
    evaluated = _evaluated(validator, instance, beside)
    extras = [key for key in instance if key not in evaluated]
    refused = [key for key in extras if next(validator.descend(instance[key], allowed, path=key), None) is not None]
    if refused:
        yield ValidationError(f"Unevaluated properties are not allowed: {', '.join(map(repr, refused[:3]))}")


def _evaluated(validator: Any, instance: Mapping[str, Any], schema: Any) -> set[str]:
    """The keys that a schema looked at and held good, by whichever of its keywords."""
    if not isinstance(schema, dict):
        return set()
    found = {key for key in instance if key in schema.get("properties", {}) or _named(key, schema)}
    if schema.keys() & {"additionalProperties", "unevaluatedProperties"}:
        found = set(instance)
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            # jsonschema offers no other way to what a reference means from here.
            there = validator._resolver.lookup(schema[keyword])
            following = validator.evolve(schema=there.contents, _resolver=there.resolver)
            found |= _evaluated(following, instance, there.contents)
    for inner in _holding(validator, instance, schema):
        found |= _evaluated(validator, instance, inner)
    return found


def _holding(validator: Any, instance: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas in place that hold of the instance."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (inner for inner in schema.get(keyword, ()) if validator.evolve(schema=inner).is_valid(instance))
    yield from (inner for key, inner in schema.get("dependentSchemas", {}).items() if key in instance)
    if "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(instance)
        yield from ([schema["if"]] if holds else [])
        yield schema.get("then" if holds else "else", True)
