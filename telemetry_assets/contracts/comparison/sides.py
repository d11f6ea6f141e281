"""One schema as the search for a counter-example sees it: its parts by pointer, each judged on its own.

What belongs here: which sub-schemas look at which place of a document. What does not: values (``candidates.py``).
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import product
from typing import Any
from urllib.parse import unquote

from telemetry_assets.contracts.bounded_patterns import UndecidedError, bounded, matches
from telemetry_assets.contracts.dialects import Draft
from telemetry_assets.contracts.formats import formats_in, not_asserted
from telemetry_assets.contracts.places import pointer_of, steps_of

Spots = tuple[str, ...]
"""Pointers of schemas that all look at one place."""
NOTHING: Any = object()
"""No value; None is one."""
_MOST_PARTS = 60
_MOST_LINES = 12
_BRANCHES = ("anyOf", "oneOf")


class Side:
    """A 2020-12 schema that stands on its own. Every sub-schema goes by its JSON Pointer."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self._at: dict[str, Any] = {"": schema}
        self._parts: dict[Spots, Spots] = {}
        self._lines: dict[Spots, tuple[Spots, ...]] = {}
        self._texts: dict[str, str] = {}

    @cached_property
    def _judges(self) -> Any:
        """Every sub-schema compiled at once. Raises ValueError for a schema that is nested too deep for that."""
        from jsonschema_rs import validator_map_for

        return validator_map_for(
            self.schema,
            validate_formats=True,
            formats=not_asserted(Draft.V2020, formats_in(self.schema)),
            pattern_options=bounded(),
            offline=True,
        )

    def holds(self, spots: Spots, value: Any) -> bool:
        """Whether all these sub-schemas accept a value."""
        return all(self._judges[f"#{spot}"].is_valid(value) for spot in spots)

    def at(self, spot: str) -> Any:
        """The sub-schema there. Raises LookupError where there is none."""
        if spot not in self._at:
            here = self.schema
            for key in steps_of(spot):
                here = here[int(key)] if isinstance(here, list) else here[key]
            self._at[spot] = here
        return self._at[spot]

    def text(self, spot: str) -> str:
        """A sub-schema as text: two of one text mean the same, where both have the same definitions."""
        if spot not in self._texts:
            self._texts[spot] = json.dumps(self.at(spot), sort_keys=True)
        return self._texts[spot]

    @cached_property
    def definitions(self) -> Mapping[str, str]:
        """What references by name lead to, as text."""
        found = self.schema.get("$defs", {}) if isinstance(self.schema, dict) else {}
        return {name: self.text(pointer_of(("$defs", name))) for name in found}

    def same(self, ours: Spots, other: "Side", theirs: Spots) -> bool:
        """Whether two places surely are held to the same."""
        texts = sorted({self.text(spot) for spot in ours} - {"true", "{}"})
        if texts != sorted({other.text(spot) for spot in theirs} - {"true", "{}"}):
            return False
        if any('"$dynamicRef"' in text for text in texts):
            return False
        references = sum(text.count('"$ref"') for text in texts)
        return not references or (
            references == sum(text.count('"$ref": "#/$defs/') for text in texts) and self._named_alike(other)
        )

    def _named_alike(self, other: "Side") -> bool:
        """Whether whatever both have a name for is the same to both: then a text with names in it means the same."""
        common = self.definitions.keys() & other.definitions.keys()
        return all(self.definitions[name] == other.definitions[name] for name in common)

    def parts(self, spots: Spots) -> Spots:
        """All schemas that look at this place, those of branches and conditions too, as far as they are objects."""
        if spots not in self._parts:
            found: dict[str, None] = {}
            queue = list(spots)
            while queue and len(found) < _MOST_PARTS:
                spot = queue.pop(0)
                if spot in found or not isinstance(schema := self.at(spot), dict):
                    continue
                found.setdefault(spot)
                queue.extend(_in_place(spot, schema))
            self._parts[spots] = tuple(found)
        return self._parts[spots]

    def words(self, spots: Spots) -> list[Mapping[str, Any]]:
        """The schemas of :meth:`parts`."""
        return [self.at(spot) for spot in self.parts(spots)]

    def lines(self, spots: Spots) -> tuple[Spots, ...]:
        """The ways to keep these schemas: per choice of branches the schemas that must hold together, a few of many."""
        if spots not in self._lines:
            self._lines[spots] = tuple(dict.fromkeys(self._ways(spots, ())))[:_MOST_LINES]
        return self._lines[spots]

    def _ways(self, spots: Spots, seen: Spots) -> Iterator[Spots]:
        must: dict[str, None] = {}
        choices: list[list[Spots]] = []
        queue = list(spots)
        while queue and len(must) < _MOST_PARTS:
            spot = queue.pop(0)
            if spot in must or spot in seen or not isinstance(schema := self.at(spot), dict):
                continue
            must.setdefault(spot)
            queue.extend(_surely(spot, schema))
            choices.extend(_choices(spot, schema))
        if len(seen) > _MOST_PARTS or not choices:
            yield tuple(must)
            return
        known = (*seen, *must)
        for _, chosen in zip(range(_MOST_LINES), product(*choices[:4]), strict=False):
            picked = tuple(spot for each in chosen for spot in each)
            for _, way in zip(range(3), self._ways(picked, known), strict=False):
                yield (*must, *way)

    def of_property(self, spots: Spots, name: str) -> Spots:
        """The schemas that look at the property ``name`` of what these look at (each alone, not through branches)."""
        found: dict[str, None] = {}
        left: dict[str, None] = {}
        for spot in spots:
            schema = self.at(spot)
            inner = [pointer_of(("properties", name))] if name in schema.get("properties", {}) else []
            inner += [
                pointer_of(("patternProperties", each))
                for each in schema.get("patternProperties", {})
                if found_in(each, name)
            ]
            if not inner and "additionalProperties" in schema:
                inner = ["/additionalProperties"]
            if "unevaluatedProperties" in schema:
                left.setdefault(f"{spot}/unevaluatedProperties")
            found |= dict.fromkeys(f"{spot}{each}" for each in inner)
        return tuple(found or left)

    def of_item(self, spots: Spots, index: int) -> Spots:
        """The schemas that look at the item at ``index``."""
        found: dict[str, None] = {}
        left: dict[str, None] = {}
        for spot in spots:
            schema = self.at(spot)
            if index < len(schema.get("prefixItems", ())):
                found.setdefault(f"{spot}/prefixItems/{index}")
            elif "items" in schema:
                found.setdefault(f"{spot}/items")
            elif "unevaluatedItems" in schema:
                left.setdefault(f"{spot}/unevaluatedItems")
        return tuple(found or left)

    def under(self, spots: Spots, keyword: str) -> list[str]:
        """The pointers of that keyword wherever these schemas have it."""
        return [f"{spot}/{keyword}" for spot in spots if keyword in self.at(spot)]


@lru_cache(maxsize=4096)
def found_in(pattern: str, text: str) -> bool:
    """Whether a pattern is surely found in a text."""
    try:
        return matches(pattern, text)
    except (UndecidedError, ValueError):
        return False


def _surely(spot: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """What looks at the same place and must hold."""
    if isinstance(reference := schema.get("$ref"), str) and (reference == "#" or reference.startswith("#/")):
        yield unquote(reference[1:])
    yield from (f"{spot}/allOf/{index}" for index in range(len(schema.get("allOf", ()))))


def _choices(spot: str, schema: Mapping[str, Any]) -> Iterator[list[Spots]]:
    for keyword in _BRANCHES:
        if keyword in schema:
            yield [(f"{spot}/{keyword}/{index}",) for index in range(len(schema[keyword]))]
    if "if" in schema:
        then = (f"{spot}/then",) if "then" in schema else ()
        yield [(f"{spot}/else",) if "else" in schema else (), (f"{spot}/if", *then)]
    for name in schema.get("dependentSchemas", {}):
        yield [(), (f"{spot}{pointer_of(('dependentSchemas', name))}",)]


def _in_place(spot: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """What looks at the same place at all."""
    yield from _surely(spot, schema)
    for choice in _choices(spot, schema):
        for spots in choice:
            yield from spots
    if "not" in schema:
        yield f"{spot}/not"
