"""Documents worth trying against two schemas: small ones that the accepting side takes, each off by one thing.

What belongs here: the walk over both schemas' places, lazily, most promising first. What does not: scalars
(``boundary_values.py``), whether a document is a counter-example (``witness.py``).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, islice
from typing import Any

from telemetry_assets.contracts.boundary_values import LONGEST, constants, numbers, sizes, strings
from telemetry_assets.contracts.exact import kind_of
from telemetry_assets.contracts.sides import Side, Spots

_PLAIN = 6
"""How many values are tried where both sides say the same of a place."""
_POOL = 120
"""How many values of one place are kept."""
_MANY = 60
"""The most optional properties tried one by one around a small object."""
_EXTRAS = ("zz", "another", "Z_1", "0", "é", "x-y", "", "a" * 30)
_KINDS = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
_OF_TYPE = {"number": {"integer", "fraction"}, "integer": {"integer"}}
_ABOUT_OBJECTS = frozenset({
    "properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties",
    "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
})  # fmt: skip
_ABOUT_ARRAYS = frozenset({
    "items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems",
})  # fmt: skip


class SpentError(Exception):
    """As many documents were tried as the search may try."""


class Pool:
    """A lazily filled list: as many may walk over it as like, each value is made once."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self._made: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        at = 0
        while at < _POOL:
            if at == len(self._made):
                made = next(self._source, _END)
                if made is _END:
                    return
                # Whoever made it may have walked on here meanwhile.
                self._made.append(made)
            yield self._made[at]
            at += 1


_END = object()


class Candidates:
    """Both sides of the search. ``ours`` must accept, ``theirs`` should refuse; ``steps`` bounds the work."""

    def __init__(self, ours: Side, theirs: Side, steps: int) -> None:
        self.ours, self.theirs = ours, theirs
        self.left = steps
        self._pools: dict[tuple[Spots, Spots], Pool] = {}
        self._plain: dict[Spots, Any] = {}
        self._open: set[tuple[Spots, Spots]] = set()

    def documents(self) -> Iterator[Any]:
        """Documents that ``ours`` accepts, once each. Raises SpentError."""
        yield from self.values(("",), ("",))

    def values(self, ours: Spots, theirs: Spots) -> Iterable[Any]:
        """Values that ``ours`` accepts at one place; first those that some part of ``theirs`` there refuses."""
        key = (ours, theirs)
        if key in self._open:
            return ()
        if key not in self._pools:
            self._pools[key] = Pool(self._sorted(ours, theirs))
        return self._pools[key]

    def plain(self, ours: Spots) -> Any:
        """One simple value that ``ours`` accepts; the mark of nothing where none was found."""
        if ours not in self._plain:
            self._plain[ours] = _END
            self._plain[ours] = next(iter(self.values(ours, ())), _END)
        return self._plain[ours]

    def _sorted(self, ours: Spots, theirs: Spots) -> Iterator[Any]:
        """Accepted values, refused ones before the others; a few where nothing is refused anyway."""
        alike = not theirs or self.ours.same(ours, self.theirs, theirs)
        seen: set[str] = set()
        others: list[Any] = []
        # What holds a place must not ask for values of the same place: the document would never end.
        self._open.add((ours, theirs))
        try:
            for value in self._raw(ours, () if alike else theirs):
                self._step()
                if not self.ours.holds(ours, value):
                    continue
                text = json.dumps(value, sort_keys=True)
                if text in seen:
                    continue
                seen.add(text)
                self._open.discard((ours, theirs))
                if alike:
                    yield value
                    if len(seen) >= _PLAIN:
                        return
                elif any(not self.theirs.holds((spot,), value) for spot in theirs):
                    yield value
                elif len(others) < 2 * _PLAIN:
                    others.append(value)
                self._open.add((ours, theirs))
        finally:
            self._open.discard((ours, theirs))
        yield from others

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise SpentError

    def _raw(self, ours: Spots, theirs: Spots) -> Iterator[Any]:
        """Whatever may be worth trying at one place, accepted or not."""
        lines = self.ours.lines(ours)
        wishes = [line for line in self.theirs.lines(theirs) if line] if theirs else []
        parts = [self.ours.words(ours), self.theirs.words(theirs)]
        both = [*parts[0], *parts[1]]
        kinds = _kinds([[self.ours.at(spot) for spot in line] for line in lines])
        yield from (value for value in constants(*parts) if kind_of(value) in kinds)
        yield from _scalars(both, kinds)
        if "object" in kinds and (ours or any(_ABOUT_OBJECTS & part.keys() for part in both)):
            yield from self._of_lines(self._objects, lines, wishes, self.theirs.parts(theirs))
        elif "object" in kinds:
            yield from ({}, {"a": 1})
        if "array" in kinds and (ours or any(_ABOUT_ARRAYS & part.keys() for part in both)):
            yield from self._of_lines(self._arrays, lines, wishes, self.theirs.parts(theirs))
        elif "array" in kinds:
            yield from ([], [1], ["a"])

    def _of_lines(
        self,
        made: "Callable[[Spots, Spots, Spots], Iterator[Any]]",
        lines: tuple[Spots, ...],
        wishes: list[Spots],
        theirs: Spots,
    ) -> Iterator[Any]:
        for line in lines:
            yield from made(line, (), theirs)
        for line in lines[:4]:
            for wish in wishes[:8]:
                yield from made(line, wish, theirs)

    # objects

    def _objects(self, line: Spots, wish: Spots, theirs: Spots) -> Iterator[Any]:
        """Objects of one way to keep ``ours``; what else ``wish`` asks for is there too where ``ours`` lets it."""
        known = self._names(self.ours, line)
        required = _listed(self.ours, (*line,), "required") | _listed(self.theirs, wish, "required")
        names = list(known | self._names(self.theirs, theirs))
        least = self._object(line, wish, required)
        yield least
        yield from self._complete(line, least, names)
        whole = self._object(line, wish, dict.fromkeys(names[: 10 * _MANY]))
        yield whole
        for name in _listed(self.theirs, theirs, "required"):
            yield _without(whole, name)
            yield _without(least, name)
        yield from self._with_one(line, least, names, theirs)
        for name in names[:_MANY]:
            yield _without(whole, name)
            if name not in least and (value := self._value(line, wish, name)) is not _END:
                yield {**least, name: value}
        yield from self._with_one(line, least, self._strange(line, theirs), theirs)
        yield from self._counted(line, whole, least, theirs)
        yield from self._with_one(line, whole, names, theirs)
        yield from self._with_two(line, least, names, theirs)

    def _names(self, side: Side, spots: Spots) -> dict[str, None]:
        """Every property that these schemas speak of."""
        found = _listed(side, spots, "required")
        for spot in spots:
            schema = side.at(spot)
            found |= dict.fromkeys(schema.get("properties", ()))
            found |= dict.fromkeys(schema.get("dependentSchemas", ()))
            for name, needed in schema.get("dependentRequired", {}).items():
                found |= dict.fromkeys((name, *needed))
        return found

    def _object(self, line: Spots, wish: Spots, names: Iterable[str]) -> dict[str, Any]:
        made = {name: self._value(line, wish, name) for name in names}
        return {name: value for name, value in made.items() if value is not _END}

    def _value(self, line: Spots, wish: Spots, name: str) -> Any:
        """A simple value of a property, one that the wish takes too where there is one."""
        spots = self.ours.of_property(line, name)
        wished = self.theirs.of_property(wish, name)
        if wished:
            fitting = (value for value in self._wished(spots, wished) if self.theirs.holds(wished, value))
            if (value := next(fitting, _END)) is not _END:
                return value
        return self.plain(spots)

    def _wished(self, spots: Spots, wished: Spots) -> Iterator[Any]:
        yield from (value for value in constants([], self.theirs.words(wished)) if self.ours.holds(spots, value))
        yield from self.values(spots, wished)

    def _complete(self, line: Spots, least: dict[str, Any], names: list[str]) -> Iterator[dict[str, Any]]:
        """With what its own ``dependentRequired`` and ``minProperties`` ask for on top."""
        made = dict(least)
        needed = {name: each for spot in line for name, each in self.ours.at(spot).get("dependentRequired", {}).items()}
        queue = list(made)
        while queue:
            missing = [name for name in needed.get(queue.pop(), ()) if name not in made]
            made |= self._object(line, (), missing)
            queue.extend(name for name in missing if name in made)
        counts = [int(self.ours.at(spot).get("minProperties", 0)) for spot in line]
        if len(made) < min(max(counts, default=0), LONGEST):
            made = self._filled(line, made, names, max(counts))
        if made != least:
            yield made

    def _filled(self, line: Spots, start: dict[str, Any], names: list[str], count: int) -> dict[str, Any]:
        made = dict(start)
        for name in (*names, *_EXTRAS, *(f"p{number}" for number in range(count))):
            if len(made) >= count:
                break
            if name not in made and (value := self.plain(self.ours.of_property(line, name))) is not _END:
                made[name] = value
        return made

    def _counted(
        self, line: Spots, whole: dict[str, Any], least: dict[str, Any], theirs: Spots
    ) -> Iterator[dict[str, Any]]:
        """Objects of as many properties as some bound names, one more, one less."""
        words = [*(self.ours.at(spot) for spot in line), *(self.theirs.at(spot) for spot in theirs)]
        for count in sizes(words, "minProperties", "maxProperties"):
            yield (
                self._filled(line, least, list(whole), count)
                if count > len(least)
                else dict(list(whole.items())[:count])
            )

    def _strange(self, line: Spots, theirs: Spots) -> list[str]:
        """Names that nobody names: of the patterns, of ``propertyNames``, and ordinary ones."""
        found: dict[str, None] = dict.fromkeys(_EXTRAS[:2])
        for side, spots in ((self.ours, line), (self.theirs, theirs)):
            for spot in spots:
                patterns = [{"pattern": each} for each in side.at(spot).get("patternProperties", ())]
                found |= dict.fromkeys(text for each in patterns for text in list(strings([each]))[:12])
        ours = self.ours.under(line, "propertyNames")
        asked = self.theirs.under(theirs, "propertyNames")
        for name in islice(self.values(tuple(ours), tuple(asked)), 24) if ours or asked else ():
            found |= dict.fromkeys([name] if isinstance(name, str) else [])
        return list(found | dict.fromkeys(_EXTRAS))

    def _with_one(
        self, line: Spots, start: dict[str, Any], names: Iterable[str], theirs: Spots
    ) -> Iterator[dict[str, Any]]:
        """The object with another value of one property."""
        for name in names:
            spots, against = self.ours.of_property(line, name), self.theirs.of_property(theirs, name)
            if name in start and (not against or self.ours.same(spots, self.theirs, against)):
                continue
            for value in self.values(spots, against):
                yield {**start, name: value}

    def _with_two(
        self, line: Spots, start: dict[str, Any], names: list[str], theirs: Spots
    ) -> Iterator[dict[str, Any]]:
        """Two properties off at once."""
        few: dict[str, list[Any]] = {}
        for name in names[:12]:
            against = self.theirs.of_property(theirs, name)
            few[name] = list(islice(self.values(self.ours.of_property(line, name), against), 4))
        for one, other in combinations(few, 2):
            yield _without(_without(start, one), other)
            for value in few[one]:
                yield _without({**start, one: value}, other)
                yield from ({**start, one: value, other: another} for another in few[other])

    # arrays

    def _arrays(self, line: Spots, wish: Spots, theirs: Spots) -> Iterator[Any]:
        """Arrays of one way to keep ``ours``."""
        words = [*(self.ours.at(spot) for spot in line), *(self.theirs.at(spot) for spot in theirs)]
        first = max((len(part.get("prefixItems", ())) for part in words), default=0)
        least = max((int(self.ours.at(spot).get("minItems", 0)) for spot in line), default=0)
        base = self._array(line, wish, least) if least <= LONGEST else []
        yield base
        at = range(max(first + 1, 1))
        yield from self._with_item(line, base, at, theirs)
        wanted = {0, 1, 2, first, first + 1, *sizes(words, "minItems", "maxItems")}
        lengths = sorted(wanted | {count + least for count in sizes(words, "minContains", "maxContains")})
        for length in lengths:
            made = self._array(line, wish, length)
            yield made
            yield from ([made[0]] * length, [*made[:-1], made[0]]) if made else ()
        yield from self._containing(line, theirs, lengths)
        if least <= LONGEST:
            longer = self._array(line, wish, max(first + 2, least))
            yield from self._with_item(line, longer, range(first + 2), theirs)

    def _array(self, line: Spots, wish: Spots, length: int) -> list[Any]:
        """``length`` items, different ones as far as there are; shorter where there is no item."""
        made: list[Any] = []
        rest: tuple[Spots, Iterator[Any]] | None = None
        for index in range(length):
            spots = self.ours.of_item(line, index)
            if rest is None or rest[0] != spots:
                wished = self.theirs.of_item(wish, index)
                rest = (spots, self._different(spots, wished))
            value = next(rest[1], _END)
            if value is _END:
                break
            made.append(value)
        return made

    def _different(self, spots: Spots, wished: Spots) -> Iterator[Any]:
        values = list(self.values(spots, ()))
        if wished:
            values.sort(key=lambda value: not self.theirs.holds(wished, value))
        yield from values
        more = 0
        while values and more < LONGEST:
            more += 1
            made = (more + 3, f"a{more}", [more], {"a": more})
            fitting = next((value for value in made if self.ours.holds(spots, value)), values[more % len(values)])
            yield fitting

    def _with_item(self, line: Spots, base: list[Any], at: Iterable[int], theirs: Spots) -> Iterator[list[Any]]:
        for index in at:
            spots, against = self.ours.of_item(line, index), self.theirs.of_item(theirs, index)
            start = base if index <= len(base) else self._array(line, (), index)
            if index > len(start):
                return
            for value in self.values(spots, against):
                yield [*start[:index], value, *start[index + 1 :]]

    def _containing(self, line: Spots, theirs: Spots, lengths: list[int]) -> Iterator[list[Any]]:
        """Arrays of a few items that some ``contains`` asks for, and of others."""
        found: list[Any] = []
        for side, spots in ((self.ours, line), (self.theirs, theirs)):
            for spot in side.under(spots, "contains"):
                words = side.words((spot,))
                kinds = _kinds([words])
                fitting = (
                    value for value in (*constants(words, ()), *_scalars(words, kinds)) if side.holds((spot,), value)
                )
                found.extend(islice(fitting, 3))
                if side is self.ours:
                    against = tuple(self.theirs.under(theirs, "contains"))
                    found.extend(islice(self.values((spot,), against), 6))
        other = list(islice(self.values(self.ours.of_item(line, 0), ()), 3))
        for value in found:
            for length in lengths:
                yield [value] * length
                yield from ([*([value] * length), *other[:1]], [*other[:2], *([value] * length)])
        yield from ([one, two] for one, two in combinations(found[:8], 2))


def _kinds(lines: Iterable[Iterable[Any]]) -> frozenset[str]:
    """The kinds of values that some line lets through."""
    found: frozenset[str] = frozenset()
    for line in lines:
        allowed = _KINDS
        for schema in line:
            said = schema.get("type")
            if said is not None:
                names = [said] if isinstance(said, str) else said
                allowed &= frozenset(kind for name in names for kind in _OF_TYPE.get(name, {name}))
        found |= allowed
    return found


def _scalars(parts: list[Any], kinds: frozenset[str]) -> Iterator[Any]:
    if "string" in kinds:
        yield from strings(parts)
    if kinds & {"integer", "fraction"}:
        yield from (number for number in numbers(parts) if "fraction" in kinds or number == int(number))
    if "null" in kinds:
        yield None
    if "boolean" in kinds:
        yield from (True, False)


def _listed(side: Side, spots: Spots, keyword: str) -> dict[str, None]:
    return {name: None for spot in spots for name in side.at(spot).get(keyword, ())}


def _without(made: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in made.items() if key != name}
