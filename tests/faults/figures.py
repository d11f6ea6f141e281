"""The whole fault campaign, and its figures into docs/reliability.md. ``python -m tests.faults.report`` runs it.

What belongs here: running all of it, adding up, wording. What does not: the scenes themselves.
"""

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.faults import latency, outage
from tests.faults.campaign import FULL, Episode, Size, episode
from tests.faults.disturbance import Disturbance
from tests.faults.faults_of_sinks import Fault
from tests.faults.stage import CHANNELS, RATE, staged
from tests.faults.stock_sensor import Stock, stock

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGINS, ENDS = "<!-- figures: python -m tests.faults.report -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured; ``seconds`` in all."""

    episodes: Sequence[Episode]
    stocks: Sequence[Stock]
    outages: Sequence[outage.Outage]
    backlog: outage.Backlog
    dispatch: latency.Latency
    sensor: latency.Latency
    seconds: float


def measure(folder: Path, size: Size = FULL) -> Figures:
    """Live through all of it."""
    began = perf_counter()
    with staged(folder / "campaign") as stage:
        episodes = [_told(episode(stage, disturbance, size)) for disturbance in Disturbance]
        return Figures(
            episodes,
            [_stock(fault, folder / f"stock-{fault.name}") for fault in Fault],
            [outage.down(stage, hours) for hours in (1, 24)],
            outage.backlog(stage),
            latency.with_dispatch(stage, folder),
            latency.with_sensor_alone(stage, folder),
            perf_counter() - began,
        )


def text(figures: Figures) -> str:
    """The figures as Markdown."""
    return "\n\n".join(
        [
            _sums(figures),
            _table(_BY_DISTURBANCE, [_by_disturbance(one) for one in figures.episodes]),
            _table(_BY_FAULT, [_by_fault(fault, figures) for fault in Fault]),
            _others(figures),
        ]
    )


def write(figures: Figures, page: Path = PAGE) -> None:
    """Put them between the marks of the page."""
    before, _, rest = page.read_text().partition(BEGINS)
    page.write_text(f"{before}{BEGINS}\n\n{text(figures)}\n\n{ENDS}{rest.partition(ENDS)[2]}")


_BY_DISTURBANCE = (
    "disturbance", "struck, times channels", "transitions", "attempts", "accepted", "lost", "doubles",
    "of them outside the window", "effective", "out of order",
)  # fmt: skip
_BY_FAULT = ("fault of the sink", "transitions", "lost", "doubles", "one run, stock `run_failure_sensor`")


def _sums(figures: Figures) -> str:
    verdicts = [one.verdict for one in figures.episodes]
    transitions, pairs = sum(one.transitions for one in verdicts), len(Fault) * len(Disturbance)
    findings = [f"- {one.disturbance}: {finding}" for one in figures.episodes for finding in one.verdict.findings]
    said = "\n\nWhat was found:\n\n" + "\n".join(findings) if findings else ""
    return (
        f"**{transitions:,} transitions, {pairs} pairs of a fault and a disturbance, "
        f"{sum(one.attempts for one in verdicts):,} attempts: {sum(len(one.lost) for one in verdicts)} lost, "
        f"{sum(len(one.doubles_outside) for one in verdicts)} doubles outside the window, "
        f"{sum(len(one.effective_doubles) for one in verdicts)} for whoever honours the key.** "
        f"Measured on {os.cpu_count()} cores in {figures.seconds / 60:.0f} min.{said}"
    )


def _by_disturbance(one: Episode) -> tuple[object, ...]:
    verdict = one.verdict
    struck = sum(one.strikes.values()) if one.disturbance.strikes else "throughout"
    return (
        one.disturbance, struck, f"{verdict.transitions:,}", f"{verdict.attempts:,}", f"{verdict.accepted:,}",
        len(verdict.lost), verdict.doubles, len(verdict.doubles_outside), len(verdict.effective_doubles),
        len(verdict.disordered),
    )  # fmt: skip


def _by_fault(fault: Fault, figures: Figures) -> tuple[object, ...]:
    (channel,) = (name for name, one in CHANNELS.items() if one is fault)
    verdicts = [one.verdict for one in figures.episodes]
    (theirs,) = (one for one in figures.stocks if one.fault is fault)
    some = f"told {theirs.told} of {theirs.of}" if theirs.told else "lost"
    lost = sum(channel in words for verdict in verdicts for words in verdict.lost)
    transitions = sum(verdict.transitions_of[channel] for verdict in verdicts)
    doubles = sum(verdict.doubles_of[channel] for verdict in verdicts)
    return (fault, f"{transitions:,}", lost, doubles, some if theirs.lost else "told")


def _others(figures: Figures) -> str:
    waited = figures.backlog
    grew = f"grew by {waited.grown / 1e6:.1f} MB, one that sent 100 by {waited.grown_by_hundred / 1e6:.1f} MB"
    took = f"{waited.messages:,} messages that waited for a sink at {RATE} a second: {waited.seconds:.1f} s"
    lines = [
        *(_outage(one) for one in figures.outages),
        f"- {took}; the process {grew}.",
        f"- From a promise that breaks to its message accepted, `telemetry dispatch` running: {figures.dispatch}.",
        f"- The same by the sensor alone (a tick of 30 s, and evaluating and draining as measured): {figures.sensor}.",
    ]
    return "\n".join(lines)


def _outage(one: outage.Outage) -> str:
    return (
        f"- A sink down for {one.hours} h: {one.steps} steps were taken meanwhile; once it was back {one.messages} "
        f"messages told all of them in {one.seconds:.1f} s, {len(one.verdict.findings)} findings, "
        f"{one.verdict.doubles} doubles, at most {one.most_per_second} within a second "
        f"(the channel's rate is {outage.PACE:.0f})."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _told(one: Episode) -> Episode:
    print(f"{one.disturbance}: {one.verdict.transitions} transitions, {len(one.verdict.findings)} findings, "
          f"{one.verdict.doubles} doubles, {one.seconds:.0f} s", flush=True)  # fmt: skip
    for finding in one.verdict.findings:
        print(f"  {finding[:500]}", flush=True)
    return one


def _stock(fault: Fault, folder: Path) -> Stock:
    folder.mkdir()
    return stock(fault, folder)


def main() -> None:
    """Measure and write."""
    for name in ("mail.log", "dagster"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    write(figures)
    print(text(figures))
