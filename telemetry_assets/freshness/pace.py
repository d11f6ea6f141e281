"""How old data gets on its way up while everything runs as it should: cadences and run times along the slowest path.

What belongs here: steps, routes and their sums. What does not: what is promised (``feasible.py``), where the numbers
come from (``answers/lint.py``).

A step that starts every T takes up data as old as the step before it lets it become, and serves that until its next
one ends: T and its run time later. So the greatest age is the sum of both over the path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from telemetry_assets.freshness.lineage import Graph

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How an asset is made: the step that makes it, how often that starts, how long this asset takes in it.

    ``every`` None: it follows whatever is before it. What is made in one step is waited for once.
    """

    step: str
    every: timedelta | None = None
    run: timedelta = _NOTHING


type Paces = Mapping[str, Pace]
"""asset → its pace; what is not in it (a view, a table that others fill) takes no time that we know of."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a root up to an asset: what is waited for on it, step by step, and how long all of it runs."""

    waits: tuple[tuple[str, timedelta], ...] = ()
    run: timedelta = _NOTHING
    last: str = ""

    @property
    def waited(self) -> timedelta:
        """The age that data can reach where nothing takes any time to run."""
        return sum((every for _, every in self.waits), _NOTHING)

    @property
    def worst_age(self) -> timedelta:
        """The greatest age that data can reach while everything goes well."""
        return self.waited + self.run

    @property
    def arithmetic(self) -> str:
        """``30m sync + 24h dbt + 5m run``; the run times only from a second on."""
        parts = [f"{short(every)} {step}" for step, every in self.waits]
        return " + ".join([*parts, *([f"{short(self.run)} run"] if short(self.run) != "0s" else [])])

    def then(self, pace: Pace | None) -> "Route":
        """The route one asset further."""
        if pace is None:
            return self
        wait = pace.every if pace.step != self.last else None
        return Route((*self.waits, (pace.step, wait)) if wait else self.waits, self.run + pace.run, pace.step)


class Routes:
    """The slowest ways up a graph, each walked once."""

    def __init__(self, graph: Graph, paces: Paces) -> None:
        self._graph = graph
        self._paces = paces
        self._known: dict[tuple[str, str], Route | None] = {}

    def slowest(self, root: str, key: str) -> Route | None:
        """The route from ``root`` to ``key`` on which data grows oldest; None where there is no way between them."""
        if key == root:
            return Route().then(self._paces.get(root))
        if (root, key) not in self._known:
            self._known[root, key] = None  # a cycle ends where it closes
            node = self._graph.get(key)
            below = (self.slowest(root, parent) for parent in (node.parents if node else ()))
            onwards = [route.then(self._paces.get(key)) for route in below if route is not None]
            self._known[root, key] = max(onwards, key=lambda route: (route.worst_age, route.waited), default=None)
        return self._known[root, key]


def short(duration: timedelta) -> str:
    """As telemetry.yaml writes it, rounded to seconds, below two hours in minutes: ``24h``, ``60m``, ``2d12h``."""
    seconds = round(duration.total_seconds())
    text = ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= 2 * length or (text and seconds >= length) or unit in "ms":
            count, seconds = divmod(seconds, length)
            text += f"{count}{unit}" if count else ""
    return text or "0s"
