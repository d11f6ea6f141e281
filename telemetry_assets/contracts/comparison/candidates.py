"""Documents worth trying against two schemas: small ones that the accepting side takes, each off by one thing.

What belongs here: the walk over both schemas' places, lazily, most promising first. What does not: scalars
(``boundary_values.py``), objects and arrays (``object_candidates.py``, ``array_candidates.py``), whether a document is
a counter-example (``witness.py``).
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from telemetry_assets.contracts.comparison.array_candidates import ABOUT_ARRAYS, Arrays
from telemetry_assets.contracts.comparison.boundary_values import constants, kinds_let_through, scalars, varied
from telemetry_assets.contracts.comparison.object_candidates import ABOUT_OBJECTS, Objects
from telemetry_assets.contracts.comparison.sides import NOTHING, Side, Spots
from telemetry_assets.contracts.containment.exact import kind_of

_PLAIN = 6
"""How many values are tried where both sides say the same of a place."""
_SMALL = 100
"""Values of as many parts are one step."""
_LARGEST = 20_000
"""How many values a document may be made of."""
_POOL = 120
"""How many values of one place are kept."""
_WISHES = 8
"""How many ways to keep the refusing side are tried with a way to keep the accepting one."""


class SpentError(Exception):
    """As many values were looked at as the search may look at."""


class Pool:
    """A lazily filled list: as many may walk over it as like, each value is made once."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self._made: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        at = 0
        while at < _POOL:
            if at == len(self._made):
                made = next(self._source, NOTHING)
                if made is NOTHING:
                    return
                self._made.append(made)
            yield self._made[at]
            at += 1


class Candidates:
    """Both sides of a search. ``ours`` must accept, ``theirs`` should refuse; ``steps`` bounds the work."""

    def __init__(self, ours: Side, theirs: Side, steps: int, turned: "Candidates | None" = None) -> None:
        self.ours, self.theirs = ours, theirs
        self._left = steps
        self._pools: dict[tuple[Spots, Spots], Pool] = {}
        self._plain: dict[Spots, Any] = {}
        self._sizes: dict[int, tuple[int, Any]] = {}
        self._open: set[tuple[Spots, Spots]] = set()
        self._turned = turned

    def turned(self) -> "Candidates":
        """The search for what ``theirs`` accepts and ``ours`` refuses: below a ``not`` the sides change places."""
        if self._turned is None:
            self._turned = Candidates(self.theirs, self.ours, self._left // 4, self)
        return self._turned

    def documents(self) -> Iterator[Any]:
        """Documents that ``ours`` accepts, once each. Raises SpentError."""
        yield from self._sorted(("",), ("",))

    def values(self, ours: Spots, theirs: Spots) -> Iterable[Any]:
        """Values that ``ours`` accepts at one place; first those that some part of ``theirs`` there refuses."""
        key = (ours, theirs)
        if key in self._open:
            return ()
        if key not in self._pools:
            self._pools[key] = Pool(self._sorted(ours, theirs))
        return self._pools[key]

    def plain(self, ours: Spots) -> Any:
        """One simple value that ``ours`` accepts, ``NOTHING`` where none was found."""
        if ours not in self._plain:
            self._plain[ours] = NOTHING
            self._plain[ours] = next(iter(self.values(ours, ())), NOTHING)
        return self._plain[ours]

    def accepted(self, ours: Spots, value: Any) -> bool:
        """Whether ``ours`` accepts a value that is not too large to ask about. Raises SpentError."""
        size = self._size(value)
        self._left -= 1 + min(size, _LARGEST) // _SMALL
        if self._left < 0:
            raise SpentError
        return size <= _LARGEST and self.ours.holds(ours, value)

    def _size(self, value: Any) -> int:
        """How many values stand in one. Parts are shared between documents, so each is measured once."""
        if not isinstance(value, dict | list):
            return 1
        if id(value) not in self._sizes:
            inner = value.values() if isinstance(value, dict) else value
            self._sizes[id(value)] = (1 + sum(self._size(each) for each in inner), value)
        return self._sizes[id(value)][0]

    def _sorted(self, ours: Spots, theirs: Spots) -> Iterator[Any]:
        """Accepted values, refused ones before the others; a few where nothing is refused anyway."""
        key = (ours, theirs)
        alike = not theirs or self.ours.same(ours, self.theirs, theirs)
        seen: set[str] = set()
        others: list[Any] = []
        made = self._raw(ours, () if alike else theirs)
        while True:
            # Whoever makes a value of this place must not ask for others of it: a document would never end.
            self._open.add(key)
            try:
                value = next(made, NOTHING)
            finally:
                self._open.discard(key)
            if value is NOTHING:
                break
            if not self.accepted(ours, value) or (text := json.dumps(value, sort_keys=True)) in seen:
                continue
            seen.add(text)
            if alike or any(not self.theirs.holds((spot,), value) for spot in theirs):
                yield value
            elif len(others) < 2 * _PLAIN:
                others.append(value)
            if alike and len(seen) >= _PLAIN:
                return
        yield from others

    def _raw(self, ours: Spots, theirs: Spots) -> Iterator[Any]:
        """Whatever may be worth trying at one place, accepted or not."""
        lines = self.ours.lines(ours)
        parts = [self.ours.words(ours), self.theirs.words(theirs)]
        both = [*parts[0], *parts[1]]
        kinds = kinds_let_through([self.ours.at(spot) for spot in line] for line in lines)
        yield from (value for value in constants(*parts) if kind_of(value) in kinds)
        yield from scalars(both, kinds) if theirs else varied(both, kinds)
        against = self.theirs.parts(theirs)
        ways = [(line, ()) for line in lines]
        ways += [(line, wish) for line in lines[:4] for wish in self.theirs.lines(theirs)[:_WISHES] if wish]
        for kind, about, maker in (("object", ABOUT_OBJECTS, Objects), ("array", ABOUT_ARRAYS, Arrays)):
            if kind not in kinds:
                continue
            if not ours and not any(about & part.keys() for part in both):
                yield from maker.plainest
                continue
            for line, wish in ways:
                yield from maker(self, ours, line, wish, against).made()
        yield from self._refused(ours, theirs)

    def _refused(self, ours: Spots, theirs: Spots) -> Iterator[Any]:
        """What ``theirs`` refuses by a ``not`` whose schema takes more than that of some ``not`` of ours."""
        mine = tuple(self.ours.under(self.ours.parts(ours), "not"))
        for spot in self.theirs.under(self.theirs.parts(theirs), "not"):
            yield from self.turned_values((spot,), mine)

    def turned_values(self, theirs: Spots, ours: Spots) -> Iterator[Any]:
        """Values that ``theirs`` accepts at one place, first those that some part of ``ours`` refuses; a few."""
        try:
            yield from islice(self.turned().values(theirs, ours), _PLAIN)
        except SpentError:
            return
