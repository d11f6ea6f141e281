"""Schemas of either draft as plain 2020-12 keywords, and every reference as the number of what it leads to.

What belongs here: what draft 7 calls otherwise, reachability, references that consume nothing. What does not: which
forms mean the same (``nodes.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry_assets.contracts.containment.keyword_shapes import misshapen
from telemetry_assets.contracts.containment.spots import Library, Spot
from telemetry_assets.contracts.dialects import IN_PLACE, SHAPES, SHELVES, Draft, subschemas
from telemetry_assets.errors import ConfigError

DEEPEST = 150
"""How deep schemas may stand in each other within one file."""
_SAYS_NOTHING = frozenset({"$id", "$anchor", "$dynamicAnchor", "contentSchema"})
"""Of documents: names, and an annotation."""


@dataclass(slots=True)
class Definition:
    """What one reference leads to, in 2020-12 keywords; ``{"$ref": number}`` stands for each further one."""

    spot: Spot
    words: Any = None
    leads_to: set[int] = field(default_factory=set[int])
    in_place: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class Translation:
    """All that is reachable from a schema; number 0 is the schema itself. ``opaque``: what nobody can say exactly."""

    definitions: list[Definition] = field(default_factory=list[Definition])
    unevaluated: bool = False
    opaque: str = ""


def translate(schema: Any, files: Mapping[str, Any], name: str) -> Translation:
    """A schema (either draft) and all it refers to. Raises ConfigError for what is none: file, pointer, keyword."""
    return _Translator(Library(files)).run(schema, name)


@dataclass(slots=True)
class _Translator:
    library: Library
    made: Translation = field(default_factory=Translation)
    numbers: dict[tuple[int, str, Draft], int] = field(default_factory=dict[tuple[int, str, Draft], int])
    led: dict[tuple[str, str, str], int] = field(default_factory=dict[tuple[str, str, str], int])
    dynamic: list[tuple[Spot, str, str]] = field(default_factory=list[tuple[Spot, str, str]])

    def run(self, schema: Any, name: str) -> Translation:
        root = self.library.open(schema, name)
        self._number(root)
        for definition in self._growing():
            definition.words = self._words(definition, definition.spot, 0, in_place=True)
        self._check_dynamic()
        self._check_unreached(root)
        _refuse_loops(self.made.definitions)
        return self.made

    def _growing(self) -> Iterator[Definition]:
        done = 0
        while done < len(self.made.definitions):
            yield self.made.definitions[done]
            done += 1

    def _number(self, spot: Spot) -> int:
        key = self._key(spot)
        if key not in self.numbers:
            self.numbers[key] = len(self.made.definitions)
            self.made.definitions.append(Definition(spot))
        return self.numbers[key]

    def _key(self, spot: Spot) -> tuple[int, str, Draft]:
        return id(spot.raw) if isinstance(spot.raw, dict) else -int(bool(spot.raw)), spot.base, spot.draft

    def _check_unreached(self, root: Spot) -> None:
        """What no reference applies must be sound too: it stands in the file, and somebody will refer to it."""
        raw = root.raw if isinstance(root.raw, dict) else {}
        for step, inner in subschemas({shelf: raw[shelf] for shelf in SHELVES if shelf in raw}, root.draft):
            spot = self.library.inside(root, step, inner)
            if self._key(spot) not in self.numbers:
                for each in self.library.walk(spot):
                    _check(each)

    def _words(self, owner: Definition, spot: Spot, depth: int, *, in_place: bool) -> Any:
        """One schema with everything that stands in it."""
        raw = spot.raw
        if isinstance(raw, bool):
            return raw
        if depth > DEEPEST:
            raise spot.fault("", f"schemas stand in each other more than {DEEPEST} deep")
        _check(spot)
        here = {"$ref": raw["$ref"]} if "$ref" in raw and spot.draft is Draft.V7 else raw
        shapes = SHAPES[spot.draft]
        here = {keyword: value for keyword, value in here.items() if keyword in shapes and keyword not in _SAYS_NOTHING}
        for step, inner in subschemas(here, spot.draft):
            below = in_place and step[0] in IN_PLACE
            made = self._words(owner, self.library.inside(spot, step, inner), depth + 1, in_place=below)
            if len(step) == 1:
                here[step[0]] = made
            else:
                here[step[0]] = _replaced(here[step[0]], raw[step[0]], step[1], made)
        return self._finished(owner, spot, here, in_place=in_place)

    def _finished(self, owner: Definition, spot: Spot, here: dict[str, Any], *, in_place: bool) -> dict[str, Any]:
        if "unevaluatedItems" in here or "unevaluatedProperties" in here:
            self.made.unevaluated = True
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in here:
                asked = (spot.base, spot.file, keyword + spot.raw[keyword])
                if asked not in self.led:
                    self.led[asked] = self._number(self._target(spot, keyword))
                number = self.led[asked]
                owner.leads_to.add(number)
                if in_place:
                    owner.in_place.add(number)
                here[keyword] = number
        if "$dynamicRef" in here:
            here["allOf"] = [*here.get("allOf", ()), {"$ref": here.pop("$dynamicRef")}]
        return _from_draft_7(here) if spot.draft is Draft.V7 else here

    def _target(self, spot: Spot, keyword: str) -> Spot:
        found = self.library.lookup(spot, keyword)
        if not isinstance(found.raw, dict | bool):
            raise spot.fault(keyword, f"{spot.raw[keyword]!r} leads to what is no schema")
        if keyword == "$dynamicRef":
            self.dynamic.append((spot, found.base, spot.raw[keyword].rpartition("#")[2]))
        return found

    def _check_dynamic(self) -> None:
        """A dynamic reference is a plain one wherever its anchor stands but once in all that is reachable."""
        for definition in self.made.definitions if self.dynamic else ():
            for _ in self.library.walk(self.library.open(None, definition.spot.file)):
                pass
        for spot, base, anchor in self.dynamic:
            if (base, anchor) in self.library.dynamic and sum(name == anchor for _, name in self.library.dynamic) > 1:
                self.made.opaque = f"what $dynamicRef at {spot.pointer or '/'} leads to depends on who refers"


def _check(spot: Spot) -> None:
    if not isinstance(spot.raw, dict | bool):
        raise spot.fault("", f"{spot.raw!r} is no schema")
    if isinstance(spot.raw, bool):
        return
    for keyword, value in spot.raw.items():
        shape = misshapen(keyword, value, spot.draft)
        if shape and not ("$ref" in spot.raw and keyword != "$ref" and spot.draft is Draft.V7):
            raise spot.fault(keyword, f"{value!r} is not {shape}")


def _replaced(copy: Any, original: Any, step: str | int, made: Any) -> Any:
    """The keyword's list or object with one schema in it translated; copied once, the original stays as it is."""
    if copy is original:
        copy = list(original) if isinstance(original, list) else dict(original)
    copy[step] = made
    return copy


def _from_draft_7(here: dict[str, Any]) -> dict[str, Any]:
    rest = here.pop("additionalItems", True)
    if isinstance(items := here.get("items"), list):
        here["items"] = rest
        if items:
            here["prefixItems"] = items
    for name, value in here.pop("dependencies", {}).items():
        keyword = "dependentRequired" if isinstance(value, list) else "dependentSchemas"
        here.setdefault(keyword, {})[name] = value
    return here


def _refuse_loops(definitions: list[Definition]) -> None:
    """A reference that comes back to itself within one value never ends."""
    done: set[int] = set()
    path: dict[int, None] = {}
    for start in range(len(definitions)):
        stack = [(start, False)]
        while stack:
            number, leaving = stack.pop()
            if leaving:
                path.pop(number)
                done.add(number)
            elif number in path:
                spot = definitions[number].spot
                raise ConfigError(f"{spot.file or 'the schema'}: {spot.pointer}/$ref: it only leads back to itself.")
            elif number not in done:
                path[number] = None
                stack.append((number, True))
                stack.extend((each, False) for each in sorted(definitions[number].in_place))
