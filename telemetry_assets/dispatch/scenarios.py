"""Scenarios played: each in an empty ledger of its own, its clock held still, and what is then so held to what it says.

What belongs here: what a scenario gives as rows of the ledger, the look at it, the comparison. What does not: what a
file may say (``declaration/scenarios.py``), judging and telling, which are the product's own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from telemetry_assets.answers.results import Kind, Place, Result
from telemetry_assets.answers.status_rows import judgements
from telemetry_assets.declaration.document import nearest
from telemetry_assets.declaration.scenarios import Expected, Given, Scenario, Told, read_scenarios
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.dispatch.given import Stage, staged
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.incidents.message import Message
from telemetry_assets.ledger.scratch import Ledger, scratch_ledgers
from telemetry_assets.model import State, Window
from telemetry_assets.settings import Settings
from telemetry_assets.sources.git import in_repository

type Opened = Callable[[], AbstractContextManager[Ledger]]


def run_scenarios(
    dsn: str, settings: Settings, folder: Path, manifest: Mapping[str, Any] | None = None
) -> tuple[Result, ...]:
    """Every scenario of the folder's ``*.yaml``, on scratch databases of the server behind ``dsn``.

    ``settings`` are those of telemetry.yaml, with its promises and tenants; ``manifest`` is dbt's. A file that is wrong
    is a result and stops no other; a folder without any scenario is UNKNOWN. Raises CouldNotLookError: no server.
    """
    files = sorted(folder.glob("*.y*ml")) if folder.is_dir() else []
    if not files:
        return (_none(folder, "scenarios"),)
    with scratch_ledgers(dsn) as opened:
        play = _Play(opened, settings, manifest, folder)
        return tuple(result for path in files for result in play.file(path))


def _none(where: Path, name: str) -> Result:
    nothing = f"There is no scenario in {where}."
    return Result(Kind.SCENARIO, "", name, State.UNKNOWN, nothing, remedy="Write one: docs/checking.md.")


@dataclass(frozen=True, slots=True)
class _Play:
    opened: Opened
    settings: Settings
    manifest: Mapping[str, Any] | None
    folder: Path

    def file(self, path: Path) -> Iterator[Result]:
        place = Place(in_repository(path, self.settings.root))
        try:
            scenarios = read_scenarios(path)
        except TelemetryError as error:
            unread = isinstance(error, CouldNotLookError)
            state = State.UNKNOWN if unread else State.FAIL
            yield Result(Kind.SCENARIO, "", path.stem, state, str(error), place=place)
            return
        if not scenarios:
            yield replace(_none(path, path.stem), place=place)
        for scenario, line in scenarios:
            for named, one in self._derived(scenario):
                yield self._judged(named, one, replace(place, line=line))

    def _judged(self, name: str, scenario: Scenario | str, place: Place) -> Result:
        if isinstance(scenario, str):
            return Result(Kind.SCENARIO, "", name, State.FAIL, scenario, place=place)
        with self.opened() as conn:
            differences = list(self._differences(conn, scenario))
        if differences:
            return Result(Kind.SCENARIO, "", name, State.FAIL, "; ".join(differences), place=place)
        return Result(
            Kind.SCENARIO, "", name, State.PASS, f"as written, at {scenario.when:%Y-%m-%d %H:%M} UTC", place=place
        )

    def _differences(self, conn: Ledger, scenario: Scenario) -> Iterator[str]:
        stage = staged(conn, self.settings, self.manifest)
        when, steps = scenario.when, [(timedelta(0), scenario.given, scenario.expect or Expected())]
        steps += [(one.after, one.given, one.expect) for one in scenario.then]
        for number, (after, given, expected) in enumerate(steps):
            when += after
            stage.take(given, when)
            changes = evaluate(conn, self.settings, when).changes
            prefix = f"after {after}: " if number else ""
            for words in (
                *_wrong_names(given, stage),
                *_states(conn, self.settings, expected, when, stage),
                *_messages(expected, [message for change in changes for message in change.messages]),
            ):
                yield f"{prefix}{words}"

    def _derived(self, scenario: Scenario) -> Iterator[tuple[str, Scenario | str]]:
        """The scenario itself, or the five at the boundaries of an asset's window; in words why there are none."""
        if scenario.boundaries is None:
            yield scenario.scenario, scenario
            return
        with self.opened() as conn:
            stage = staged(conn, self.settings, self.manifest)
        windows, roots = _windows(scenario.boundaries, stage, self.settings), stage.roots_of(scenario.boundaries)
        if isinstance(windows, str):
            yield scenario.scenario, windows
            return
        for name, age_of, state_of in _AT_THE_BOUNDARY:
            ages = {tenant: age_of(window) for tenant, window in windows.items()}
            given = Given.model_validate({"data": dict.fromkeys(roots, ages), "synced": stage.synced(roots, ages)})
            states = {tenant: state_of(window) for tenant, window in windows.items()}
            expected = Expected.model_validate({"states": {scenario.boundaries: states}})
            changed = {"given": given, "expect": expected, "boundaries": None}
            yield f"{scenario.scenario}: {name}", scenario.model_copy(update=changed)


_SECOND = timedelta(seconds=1)


def _due(window: Window, age: timedelta) -> str:
    return State.WARN.word if window.warn is not None and age >= window.warn else State.PASS.word


_AT_THE_BOUNDARY: tuple[tuple[str, Callable[[Window], Any], Callable[[Window], str]], ...] = (
    ("fresh", lambda window: (window.warn or window.fail) / 2, lambda _: State.PASS.word),
    ("just fresh", lambda window: window.fail - _SECOND, lambda window: _due(window, window.fail - _SECOND)),
    ("just late", lambda window: window.fail, lambda _: State.FAIL.word),
    ("late", lambda window: 2 * window.fail, lambda _: State.FAIL.word),
    ("never", lambda _: "never", lambda _: State.MISSING.word),
)
"""Name, the age of the data, the state that must be found (docs/freshness.md: exactly at the window is late)."""


def _windows(asset: str, stage: Stage, settings: Settings) -> dict[str, Window] | str:
    """tenant → the window its data is held to; in words where there is none that five ages could try."""
    owed = [one for one in subjects_owed(stage.nodes, settings.promises, stage.tenants) if one.asset == asset]
    if not owed:
        return f"nothing is promised of {asset!r}; {nearest(asset, stage.promised(settings))}"
    windows: dict[str, Window] = {}
    for one in owed:
        limits = set(one.terms.limits.values())
        window = next(iter(limits)) if len(limits) == 1 else None
        if not isinstance(window, Window):
            return f"{asset} is held to more than one window: write its scenarios out"
        windows[one.tenant] = window
    return windows


def _wrong_names(given: Given, stage: Stage) -> Iterator[str]:
    for name in given.synced.keys() - stage.sources:
        yield f"given.synced: no source {name!r}; {nearest(name, stage.sources)}"
    for name in given.data.keys() - stage.dated:
        yield f"given.data: no dated root {name!r}; {nearest(name, stage.dated)}"
    model = given.built.at if given.built else None
    if model is not None and model not in stage.graph:
        yield f"given.built.at: no model {model!r}; {nearest(model, stage.graph)}"
    named = [*given.synced.values(), *given.data.values(), given.published]
    for slug in sorted({tenant for each in named for tenant in each} - {"*", *stage.slugs}):
        yield f"given: no tenant {slug!r}; {nearest(slug, stage.slugs)}"


def _states(conn: Ledger, settings: Settings, expected: Expected, now: datetime, stage: Stage) -> Iterator[str]:
    found = {(one.asset, one.tenant): one for one in judgements(conn, settings, now, expected.states)}
    for asset, wanted in expected.states.items():
        tenants = {tenant: one for (key, tenant), one in found.items() if key == asset}
        if not tenants:
            yield f"nothing is promised of {asset!r}; {nearest(asset, stage.promised(settings))}"
        for slug in wanted.keys() - tenants.keys() - {"*"}:
            yield f"{asset} is not promised to {slug!r}; {nearest(slug, tenants)}"
        for tenant, one in tenants.items():
            word = wanted.get(tenant, wanted.get("*"))
            if word is not None and one.state.word != word:
                yield f"{asset} is {one.state.word} for {tenant}, not {word} ({one.reason})"


def _messages(expected: Expected, sent: Sequence[Message]) -> Iterator[str]:
    """One message per incident and step, through however many channels it goes."""
    if expected.messages is None:
        return
    left = {(message.incident, message.seq): message for message in sent}
    for wanted in expected.messages:
        match = next((key for key, message in left.items() if _fits(wanted, message)), None)
        if match is None:
            yield f"nobody was told: {_wanted(wanted)}"
        else:
            del left[match]
    for message in left.values():
        whom = ", ".join(message.tenants)
        yield f"told and not expected: {message.step} {message.kind} at {message.where} for {whom}"


def _fits(wanted: Told, message: Message) -> bool:
    pairs = (
        (wanted.step, message.step),
        (wanted.cause, message.kind),
        (wanted.where, message.where),
        (wanted.tenants and sorted(wanted.tenants), sorted(message.tenants)),
        (wanted.owners and sorted(wanted.owners), sorted(message.owners)),
    )
    return all(expected is None or expected == found for expected, found in pairs)


def _wanted(wanted: Told) -> str:
    tenants = f" for {', '.join(wanted.tenants)}" if wanted.tenants else ""
    where = f" at {wanted.where}" if wanted.where else ""
    return f"{wanted.step} {wanted.cause or 'anything'}{where}{tenants}"
