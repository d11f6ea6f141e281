"""The simulated weeks as a table: healthy ones, then with one fault planted after the other.

Run: python -m tests.simulation.report

What belongs here: which weeks there are, adding up, wording. What does not: living and judging a week.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter

from tests.simulation.faults import Fault, planted
from tests.simulation.score import Judged, hits_of, judged
from tests.simulation.week import DAY, MINUTE, simulate

WEEKS = {
    "Europe/London": datetime(2026, 10, 21, tzinfo=UTC),
    "America/New_York": datetime(2026, 10, 28, tzinfo=UTC),
}
"""Wednesday to Wednesday, the clocks of that zone change on the Sunday."""
SEEDS = (1, 2)


def healthy_weeks(seeds: Iterable[int] = SEEDS) -> Iterator[Judged]:
    """Weeks in which nothing is wrong but one outage of 20 minutes, judged at every minute."""
    for seed in seeds:
        for start in WEEKS.values():
            yield judged(simulate(seed, start, start + 7 * DAY))


def faulty_weeks(seed: int = 1) -> Iterator[Judged]:
    """The same weeks with something planted, judged from the minute in which it is: what was before is the same."""
    starts = list(WEEKS.values())
    for start in starts:
        for number, faults in enumerate(planted(seed, start)):
            if starts[(number + seed) % 2] == start:
                week = simulate(seed, start, start + 7 * DAY, faults)
                since = min(fault.since for fault in faults).replace(second=0, microsecond=0)
                yield judged(week, since)


@dataclass(frozen=True, slots=True)
class Tally:
    """Pages that were right and all pages, faults found and all faults."""

    right: int
    pages: int
    found: int
    faults: int

    @property
    def precision(self) -> float:
        """The share of pages that were right; 1 where there was none."""
        return self.right / self.pages if self.pages else 1.0

    @property
    def recall(self) -> float:
        """The share of faults that were found."""
        return self.found / self.faults if self.faults else 1.0


def ours(weeks: Sequence[Judged]) -> Tally:
    """The engine's pages: one per subject whose promise breaks."""
    return Tally(
        sum(week.right(page) for week in weeks for page in week.pages),
        sum(len(week.pages) for week in weeks),
        sum(week.finds(fault) for week in weeks for fault in week.week.faults),
        sum(len(week.week.faults) for week in weeks),
    )


def by_run_age(weeks: Sequence[Judged], *, fixed: bool) -> Tally:
    """Pages of run age, by 60 minutes for everything or by each asset's own window: one per asset that becomes late."""
    told = [(week, at, asset) for week in weeks for at, asset in (week.by_fixed if fixed else week.by_own_window)]
    right = [(week, at, asset) for week, at, asset in told if hits_of(week.week, at, asset)]
    faults = [(week, fault) for week in weeks for fault in week.week.faults]
    found = sum(any(one is week and fault.hits_somebody(asset) for one, _, asset in right) for week, fault in faults)
    return Tally(len(right), len(told), found, len(faults))


def table(weeks: Sequence[Judged]) -> str:
    """The weeks line by line, and the sums."""
    names = ("our pages", "run age, 60 min for all", "run age, own windows")
    tallies = (ours(weeks), by_run_age(weeks, fixed=True), by_run_age(weeks, fixed=False))
    judgements, minutes = sum(week.judgements for week in weeks), sum(week.minutes for week in weeks)
    lines = [
        _LINE.format(*_HEAD),
        _LINE.format(*("-" * len(name) for name in _HEAD)),
        *(_LINE.format(*_row(week)) for week in weeks),
        "",
        f"{'':24}{'right / pages':>16}{'precision':>11}{'found / faults':>16}{'recall':>8}",
        *(_sum(name, tally) for name, tally in zip(names, tallies, strict=True)),
        "",
        f"{judgements:,} judgements at {minutes:,} minutes",
        f"minutes left of their windows, at worst, in the healthy weeks: {_nearest(weeks)}",
    ]
    return "\n".join(lines)


_HEAD = ("planted", "late", "pages", "right", "after", "before", "run age: 60 min", "own windows")
_LINE = "{:54} {:>4} {:>6} {:>6} {:>6} {:>7} {:>16} {:>12}"


def _row(week: Judged) -> tuple[str, ...]:
    waits = [page.at - late.since for late in week.late if (page := week.found(late))]
    after = _short(max([wait for wait in waits if wait >= timedelta(0)], default=None))
    before = _short(max([-wait for wait in waits if wait < timedelta(0)], default=None))
    right = sum(week.right(page) for page in week.pages)
    rivals = (_rival(by_run_age([week], fixed=fixed)) for fixed in (True, False))
    return (_named(week), str(len(week.late)), str(len(week.pages)), str(right), after, before, *rivals)


def _sum(name: str, tally: Tally) -> str:
    pages, faults = f"{tally.right} / {tally.pages}", f"{tally.found} / {tally.faults}"
    return f"{name:24}{pages:>16}{tally.precision:>11.3f}{faults:>16}{tally.recall:>8.3f}"


def _nearest(weeks: Sequence[Judged]) -> str:
    """Per asset the least that was left of its window while nothing was wrong."""
    left: dict[str, timedelta] = {}
    for week in weeks:
        for asset, slack in week.closest.items() if not week.week.faults else ():
            left[asset] = min(slack, left.get(asset, slack))
    return ", ".join(f"{asset} {int(slack / MINUTE)}" for asset, slack in left.items())


def _rival(tally: Tally) -> str:
    """Right pages of all, or that the fault was not found."""
    return f"{tally.right}/{tally.pages}" if tally.found or not tally.faults else f"no ({tally.pages})"


def _named(week: Judged) -> str:
    zone = next((zone for zone, start in WEEKS.items() if start == week.week.start), "nobody")
    return " + ".join(map(_fault, week.week.faults)) or f"nothing; {zone} changes its clocks"


def _fault(fault: Fault) -> str:
    return f"{fault.kind} ({fault.where})" if fault.where else str(fault.kind)


def _short(duration: timedelta | None) -> str:
    if duration is None:
        return "-"
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def main() -> None:
    """Live through all of them and print."""
    began = perf_counter()
    print(table([*healthy_weeks(), *faulty_weeks()]))
    print(f"{perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
