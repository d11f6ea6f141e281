"""Arrays worth trying at one place of a document: of each length that matters, with one item off, with items alike.

What belongs here: which items, how many. What does not: their values (``candidates.py``).
"""

from collections.abc import Iterable, Iterator
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from telemetry_assets.contracts.comparison.boundary_values import LONGEST, constants, kinds_let_through, scalars, sizes
from telemetry_assets.contracts.comparison.sides import NOTHING, Spots

if TYPE_CHECKING:
    from telemetry_assets.contracts.comparison.candidates import Candidates

ABOUT_ARRAYS = frozenset({
    "items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems",
})  # fmt: skip
"""The keywords that say something of arrays."""
Made = list[Any]


class Arrays:
    """One way (``line``) to keep what ``ours`` asks at a place; items are such as ``wish`` asks for where they may be.

    ``theirs`` are all schemas of the refusing side at this place.
    """

    plainest: tuple[Made, ...] = ([], [1], ["a"])

    def __init__(self, search: "Candidates", ours: Spots, line: Spots, wish: Spots, theirs: Spots) -> None:
        self._search = search
        self._line, self._wish, self._theirs = line, wish, theirs
        mine = [search.ours.at(spot) for spot in line]
        self._schemas = [*mine, *(search.theirs.at(spot) for spot in theirs)]
        self._first = max((len(part.get("prefixItems", ())) for part in self._schemas), default=0)
        self._fewest = max((int(part.get("minItems", 0)) for part in mine), default=0)

    def made(self) -> Iterator[Made]:
        """The arrays, most promising first."""
        if self._fewest > LONGEST:
            return
        base = self._of(self._fewest)
        yield base
        yield from self._with_item(base, range(self._first + 1))
        for length in self._lengths():
            made = self._of(length)
            yield made
            yield from ([made[0]] * length, [*made[:-1], made[0]]) if made else ()
        yield from self._containing()
        longer = self._of(max(self._first + 2, self._fewest))
        yield from self._with_item(longer, range(self._first + 2))

    def _lengths(self) -> list[int]:
        wanted = {0, 1, 2, self._first, self._first + 1, *sizes(self._schemas, "minItems", "maxItems")}
        found = {count + self._fewest for count in sizes(self._schemas, "minContains", "maxContains")}
        return sorted(wanted | found)

    def _places(self, index: int) -> tuple[Spots, Spots]:
        return self._search.ours.of_item(self._line, index), self._search.theirs.of_item(self._theirs, index)

    def _of(self, length: int) -> Made:
        """``length`` items, different ones as far as there are; shorter where there is no item."""
        made: Made = []
        rest: tuple[Spots, Iterator[Any]] | None = None
        for index in range(length):
            spots = self._places(index)[0]
            if rest is None or rest[0] != spots:
                rest = (spots, self._different(spots, self._search.theirs.of_item(self._wish, index)))
            value = next(rest[1], NOTHING)
            if value is NOTHING:
                break
            made.append(value)
        return made

    def _different(self, spots: Spots, wished: Spots) -> Iterator[Any]:
        values = list(self._search.values(spots, ()))
        if wished:
            values.sort(key=lambda value: not self._search.theirs.holds(wished, value))
        yield from values
        for more in range(LONGEST if values else 0):
            others = (more + 4, f"a{more}", [more], {"a": more})
            kept = (value for value in others if self._search.ours.holds(spots, value))
            yield next(kept, values[more % len(values)])

    def _with_item(self, base: Made, at: Iterable[int]) -> Iterator[Made]:
        """The array with another item at one index."""
        for index in at:
            start = base if index <= len(base) else self._of(index)
            if index > len(start):
                return
            for value in self._search.values(*self._places(index)):
                yield [*start[:index], value, *start[index + 1 :]]

    def _containing(self) -> Iterator[Made]:
        """Arrays of items that some ``contains`` asks for or not, many and few of them, beside others."""
        others = list(islice(self._search.values(*self._places(0)), 3))
        found = self._looked_for()
        for value in found:
            for length in self._lengths():
                alike = [value] * length
                yield from (alike, [*alike, *others[:1]], [*others[:2], *alike], [value, *self._of(length)[1:]])
        yield from ([one, two] for one, two in combinations(found[:8], 2))

    def _looked_for(self) -> Made:
        """Items that one side's ``contains`` finds, and such as only one side's finds."""
        search = self._search
        asked = tuple(search.theirs.under(self._theirs, "contains"))
        found: Made = []
        for side, spots in ((search.ours, self._line), (search.theirs, self._theirs)):
            for spot in side.under(spots, "contains"):
                words = side.words((spot,))
                tried = (*constants(words, ()), *scalars(words, kinds_let_through([words])))
                found.extend(islice((value for value in tried if side.holds((spot,), value)), 3))
        for spot in search.ours.under(self._line, "contains"):
            found.extend(islice(search.values((spot,), asked), 6))
        for spot in asked:
            found.extend(search.turned_values((spot,), tuple(search.ours.under(self._line, "contains"))))
        if asked:
            found.extend(islice(search.values(self._places(0)[0], asked), 4))
        return found
