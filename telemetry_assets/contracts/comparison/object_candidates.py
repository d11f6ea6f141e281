"""Objects worth trying at one place of a document: the smallest, the fullest, and each with one thing changed.

What belongs here: which properties, which names, how many. What does not: their values (``candidates.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, combinations, islice
from typing import TYPE_CHECKING, Any

from telemetry_assets.contracts.comparison.boundary_values import LONGEST, constants, sizes, strings, telling
from telemetry_assets.contracts.comparison.sides import NOTHING, Side, Spots

if TYPE_CHECKING:
    from telemetry_assets.contracts.comparison.candidates import Candidates

ABOUT_OBJECTS = frozenset({
    "properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties",
    "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
})  # fmt: skip
"""The keywords that say something of objects."""
_EXTRAS = ("zz", "another", "Z_1", "0", "é", "x-y", "", "a" * 30)
_MANY = 60
"""The most optional properties tried one by one around a small object."""
_REPAIRS = 150
"""How many objects are tried to find one that is accepted."""
Made = dict[str, Any]


class Objects:
    """One way (``line``) to keep what ``ours`` asks at a place; what ``wish`` asks for is there where it may be.

    ``theirs`` are all schemas of the refusing side at this place.
    """

    plainest: tuple[Made, ...] = ({}, {"a": 1})

    def __init__(self, search: "Candidates", ours: Spots, line: Spots, wish: Spots, theirs: Spots) -> None:
        self._search = search
        self._ours, self._line, self._wish, self._theirs = ours, line, wish, theirs
        self._known = self._named(search.ours, line)
        about = self._named(search.ours, search.ours.parts(ours)) | self._named(search.theirs, theirs)
        self._names = list(self._known | about)

    def made(self) -> Iterator[Made]:
        """The objects, most promising first."""
        search = self._search
        required = _listed(search.ours, self._line, "required") | _listed(search.theirs, self._wish, "required")
        bare = self._of(required)
        yield bare
        least = self._settled(self._completed(bare, self._known), self._completed(bare, ()))
        yield least
        whole = self._of(self._names[: 10 * _MANY])
        yield whole
        for name in _listed(search.theirs, self._theirs, "required"):
            yield _without(whole, name)
            yield _without(least, name)
        yield from self._with_one(least, self._names)
        for name in self._names[:_MANY]:
            yield _without(whole, name)
            if name not in least and (value := self._value(name)) is not NOTHING:
                yield {**least, name: value}
        yield from self._with_one(least, self._strange)
        yield from self._counted(whole, least)
        yield from self._with_one(whole, self._names)
        yield from self._with_two(least)
        for name in list(least)[:_MANY]:
            # Nothing of theirs speaks of this property alone; a constant or a "not" may speak of the whole.
            yield from ({**least, name: value} for value in self._search.values(self._places(name)[0], ()))

    def _named(self, side: Side, spots: Spots) -> dict[str, None]:
        """Every property that these schemas speak of."""
        found = _listed(side, spots, "required")
        for spot in spots:
            schema = side.at(spot)
            found |= dict.fromkeys(schema.get("properties", ()))
            found |= dict.fromkeys(schema.get("dependentSchemas", ()))
            for name, needed in schema.get("dependentRequired", {}).items():
                found |= dict.fromkeys((name, *needed))
        return found

    def _places(self, name: str) -> tuple[Spots, Spots]:
        return self._search.ours.of_property(self._line, name), self._search.theirs.of_property(self._theirs, name)

    def _of(self, names: Iterable[str]) -> Made:
        made = {name: self._value(name) for name in names}
        return {name: value for name, value in made.items() if value is not NOTHING}

    def _value(self, name: str) -> Any:
        """A simple value of a property, one that the wish takes too where there is one."""
        spots = self._search.ours.of_property(self._line, name)
        wished = self._search.theirs.of_property(self._wish, name)
        if wished:
            theirs = self._search.theirs
            fitting = (value for value in self._wished(spots, wished) if theirs.holds(wished, value))
            if (value := next(fitting, NOTHING)) is not NOTHING:
                return value
        return self._search.plain(spots)

    def _wished(self, spots: Spots, wished: Spots) -> Iterator[Any]:
        named = constants([], self._search.theirs.words(wished))
        yield from (value for value in named if self._search.ours.holds(spots, value))
        yield from self._search.values(spots, wished)

    def _completed(self, bare: Made, names: Iterable[str]) -> Made:
        """With what ``dependentRequired`` and ``minProperties`` ask for on top, ``names`` before strange ones."""
        made = dict(bare)
        schemas: list[Mapping[str, Any]] = [self._search.ours.at(spot) for spot in self._line]
        needed = {name: each for schema in schemas for name, each in schema.get("dependentRequired", {}).items()}
        queue = list(made)
        while queue:
            missing = [name for name in needed.get(queue.pop(), ()) if name not in made]
            made |= self._of(missing)
            queue.extend(name for name in missing if name in made)
        fewest = max((int(schema.get("minProperties", 0)) for schema in schemas), default=0)
        return self._filled(made, names, fewest) if len(made) < fewest <= LONGEST else made

    def _settled(self, made: Made, other: Made) -> Made:
        """One of the two, perhaps with a property or two otherwise, that ``ours`` accepts; else the first as it is."""
        for attempt in islice(chain((made, other), self._repaired(made)), _REPAIRS):
            if self._search.accepted(self._ours, attempt):
                return attempt
        return made

    def _repaired(self, made: Made) -> Iterator[Made]:
        ways = [
            (name, value)
            for name in dict.fromkeys((*made, *self._names[:_MANY]))
            for value in islice(self._search.values(self._places(name)[0], ()), 4)
            if name not in made or value != made[name]
        ]
        yield from ({**made, name: value} for name, value in ways)
        for (name, value), (other, another) in combinations(ways, 2):
            if name != other:
                yield {**made, name: value, other: another}

    def _filled(self, start: Made, names: Iterable[str], count: int) -> Made:
        made = dict(start)
        asked = tuple(self._search.ours.under(self._line, "propertyNames"))
        for name in (*names, *self._strange, *(f"p{number}" for number in range(count))):
            if len(made) >= count:
                break
            if (
                name not in made
                and self._search.ours.holds(asked, name)
                and (value := self._search.plain(self._places(name)[0])) is not NOTHING
            ):
                made[name] = value
        return made

    def _counted(self, whole: Made, least: Made) -> Iterator[Made]:
        """Objects of as many properties as some bound names, one more, one less."""
        ours, theirs = self._search.ours, self._search.theirs
        schemas = [*(ours.at(spot) for spot in self._line), *(theirs.at(spot) for spot in self._theirs)]
        for count in sizes(schemas, "minProperties", "maxProperties"):
            yield self._filled(least, whole, count) if count > len(least) else dict(list(whole.items())[:count])

    @cached_property
    def _strange(self) -> list[str]:
        """Names that nobody names: of the patterns, of ``propertyNames``, and ordinary ones."""
        search = self._search
        sides = ((search.ours, search.ours.parts(self._ours)), (search.theirs, self._theirs))
        patterns = [
            each for side, spots in sides for spot in spots for each in side.at(spot).get("patternProperties", ())
        ]
        found: dict[str, None] = dict.fromkeys((*_EXTRAS[:2], *telling([{"pattern": each} for each in patterns])))
        for side, spots in sides:
            for spot in spots:
                for pattern in side.at(spot).get("patternProperties", ()):
                    found |= dict.fromkeys(islice(strings([{"pattern": pattern}]), 12))
            for spot in side.under(spots, "propertyNames"):
                named = (*constants(side.words((spot,)), ()), *islice(strings(side.words((spot,))), 24))
                found |= dict.fromkeys(name for name in named if isinstance(name, str))
        ours = tuple(search.ours.under(self._line, "propertyNames"))
        asked = tuple(search.theirs.under(self._theirs, "propertyNames"))
        names = islice(search.values(ours, asked), 24) if ours or asked else ()
        found |= dict.fromkeys(name for name in names if isinstance(name, str))
        return list(found | dict.fromkeys(_EXTRAS))

    def _with_one(self, start: Made, names: Iterable[str]) -> Iterator[Made]:
        """The object with another value of one property."""
        for name in names:
            spots, against = self._places(name)
            if name in start and (not against or self._search.ours.same(spots, self._search.theirs, against)):
                continue
            yield from ({**start, name: value} for value in self._search.values(spots, against))

    def _with_two(self, start: Made) -> Iterator[Made]:
        """Two properties off at once."""
        few = {name: list(islice(self._search.values(*self._places(name)), 4)) for name in self._names[:12]}
        for one, other in combinations(few, 2):
            yield _without(_without(start, one), other)
            for value in few[one]:
                yield _without({**start, one: value}, other)
                yield from ({**start, one: value, other: another} for another in few[other])


def _listed(side: Side, spots: Spots, keyword: str) -> dict[str, None]:
    return {name: None for spot in spots for name in side.at(spot).get(keyword, ())}


def _without(made: Made, name: str) -> Made:
    return {key: value for key, value in made.items() if key != name}
