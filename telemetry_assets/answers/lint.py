"""``telemetry config lint``: what is wrong with the declaration, from the file, the dbt project and what is remembered.

What belongs here: reading what the pure rules need, as far as it can be read, and the lines of the file. What does
not: the rules (``freshness/lint.py``), drawing (``render/lint.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets import running
from telemetry_assets.declaration.document import read_document, shown
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.freshness.declared import Declared
from telemetry_assets.freshness.finding import Finding, Kind, Place, Severity
from telemetry_assets.freshness.lint import lint
from telemetry_assets.freshness.pace import Pace
from telemetry_assets.ledger import experience, graph, looks, tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, ExitCode, Tenant
from telemetry_assets.settings import Settings
from telemetry_assets.sources.asset_graph import asset_graph, read_manifest
from telemetry_assets.sources.dbt_manifest import asset_keys
from telemetry_assets.sources.strangers import strangers

_NONE: Mapping[str, timedelta] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LintAnswer:
    """Every finding with its line. ``read`` says from what; ``unreachable``: a database that is named did not answer.

    ``strict``: a warning counts as an error.
    """

    path: Path
    findings: tuple[tuple[int, Finding], ...]
    read: tuple[str, ...]
    unreachable: bool = False
    strict: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """4 where a named database could not be read, 1 with an error (or, strictly, a warning), else 0."""
        if self.unreachable:
            return ExitCode.COULD_NOT_LOOK
        fatal = {Severity.ERROR, Severity.WARNING} if self.strict else {Severity.ERROR}
        return ExitCode.FAILING if any(one.severity in fatal for _, one in self.findings) else ExitCode.OK

    def count(self, severity: Severity) -> int:
        """How many findings are this bad."""
        return sum(one.severity is severity for _, one in self.findings)

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines."""
        return {
            "file": str(self.path),
            "exit_code": int(self.exit_code),
            "read": list(self.read),
            **{f"{severity}s": self.count(severity) for severity in Severity},
            "findings": [
                {
                    "severity": str(one.severity),
                    "kind": str(one.kind),
                    "line": line,
                    "place": list(one.place),
                    "words": one.words,
                    "remedy": one.remedy,
                    "assets": list(one.assets),
                    "tenants": list(one.tenants),
                }
                for line, one in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What a ledger adds to the file; empty without one."""

    nodes: tuple[AssetNode, ...] = ()
    foreign: frozenset[str] = frozenset()
    tenants: tuple[Tenant, ...] = ()
    sync_times: Mapping[str, timedelta] = field(default_factory=lambda: _NONE)
    model_times: Mapping[str, timedelta] = field(default_factory=lambda: _NONE)
    seen: Mapping[str, datetime] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict[str, str])
    strangers: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


def read_lint(settings: Settings, now: datetime, *, strict: bool = False) -> LintAnswer:
    """Lint what ``settings`` declare. Starts nothing: without a database that runs, only what is written is looked at.

    Raises CouldNotLookError where the file itself can no longer be read.
    """
    document = read_document(settings.path)
    read, found = [shown(settings.path)], list[Finding]()
    manifest, unbuilt = _manifest(settings)
    found += unbuilt
    if manifest is not None:
        read.append("the dbt manifest")
    remembered, unread = _remembered(settings, manifest, now)
    declared = _declared(settings, manifest, remembered)
    found += [*unread, *_unreadable(settings, declared, remembered)]
    if remembered.seen is not None:
        read.append("the ledger")
    found += lint(declared, now)
    order = list(Severity)
    located = [(document.line(one.place), one) for one in found]
    located.sort(key=lambda one: (order.index(one[1].severity), one[0]))
    unreachable = bool(unread) and settings.database is not None
    return LintAnswer(settings.path, tuple(located), tuple(read), unreachable, strict)


def _manifest(settings: Settings) -> tuple[Mapping[str, Any] | None, list[Finding]]:
    if settings.dbt is None:
        return None, []
    try:
        return read_manifest(settings.dbt), []
    except TelemetryError as error:
        words = f"the dbt project was not looked at: {error.message}"
        return None, [Finding(Kind.NOT_LOOKED, Severity.NOTE, ("dbt",), words, error.remedy)]


def _remembered(
    settings: Settings, manifest: Mapping[str, Any] | None, now: datetime
) -> tuple[_Remembered, list[Finding]]:
    """What the ledger knows, and whose rows the tables hold. Where it cannot be read: nothing, and why."""
    try:
        with connect(running.database_dsn(settings)) as conn:
            return _recall(conn, settings, manifest, now), []
    except CouldNotLookError as error:
        words = f"only what is written was looked at, not what was seen: {error.message}"
        return _Remembered(), [Finding(Kind.NOT_LOOKED, Severity.NOTE, (), words, error.remedy)]


def _recall(
    conn: Connection[TupleRow], settings: Settings, manifest: Mapping[str, Any] | None, now: datetime
) -> _Remembered:
    return _Remembered(
        nodes=graph.read(conn),
        foreign=experience.foreign_assets(conn),
        tenants=tenants.read(conn),
        sync_times=experience.sync_times(conn, now),
        model_times=experience.model_times(conn),
        seen=experience.tenants_known(conn),
        unreadable={feeder: look.error for feeder, look in looks.read(conn).items() if look.error},
        strangers=strangers(conn, settings, manifest),
    )


def _unreadable(settings: Settings, declared: Declared, remembered: _Remembered) -> list[Finding]:
    """What could not be read at the last look, of the sources and assets that there are still."""
    found: list[Finding] = []
    there = {*settings.sources, *(node.key for node in declared.nodes)}
    for feeder, error in remembered.unreadable.items():
        if feeder not in there:
            continue
        source, _, table = feeder.partition("/")
        what = "tables" if source in settings.tables else "streams"
        ours = source in settings.tables or source in settings.sources
        place = ("sources", source, what, table) if ours else ("dbt",)
        words = f"{feeder}: could not be looked at the last time: {error}."
        found.append(Finding(Kind.UNREADABLE, Severity.WARNING, place, words, assets=(feeder,)))
    return found


def _declared(settings: Settings, manifest: Mapping[str, Any] | None, remembered: _Remembered) -> Declared:
    nodes = _nodes(settings, manifest, remembered)
    return Declared(
        nodes=nodes,
        promises=settings.promises,
        tenants=settings.tenants.inline or remembered.tenants or _named(settings),
        paces=_paces(settings, nodes, manifest, remembered),
        owners=tuple(settings.owners) or None,
        deaf=[
            name
            for name, owner in settings.owners.items()
            if not (owner.notify.get("ERROR") or owner.notify.get("WARN"))
        ],
        escalated_to={owner.escalate_to for owner in settings.owners.values() if owner.escalate_to},
        fallback="MONITOR_ALERT_WEBHOOK_URL" if settings.fallback else "",
        links=_links(settings),
        seen=remembered.seen,
        strangers=remembered.strangers,
        whole=settings.dbt is None or manifest is not None or bool(remembered.nodes),
    )


def _links(settings: Settings) -> dict[Place, str]:
    """Where a template of a link stands → the template."""
    links = {
        (owner.name, key): template
        for owner in settings.owners.values()
        for key, template in (("dashboard", owner.dashboard), ("runbook", owner.runbook))
    }
    return {("owners", *place): template for place, template in links.items() if template}


def _nodes(settings: Settings, manifest: Mapping[str, Any] | None, remembered: _Remembered) -> tuple[AssetNode, ...]:
    """The graph as the files say it now; of the ledger's, what the files cannot say."""
    nodes = {node.key: node for node in asset_graph(settings, manifest)}
    unsaid = settings.dbt is not None and manifest is None
    more = [node for node in remembered.nodes if unsaid or node.key in remembered.foreign]
    return (*nodes.values(), *(node for node in more if node.key not in nodes))


def _named(settings: Settings) -> tuple[Tenant, ...]:
    """The tenants that connections name, where their table has not been read: their ids and zones are not known."""
    from uuid import NAMESPACE_URL, uuid5

    slugs = dict.fromkeys(one.tenant for one in settings.connections() if one.tenant != ANY_TENANT)
    return tuple(Tenant(slug, uuid5(NAMESPACE_URL, slug), slug) for slug in slugs)


def _paces(
    settings: Settings, nodes: tuple[AssetNode, ...], manifest: Mapping[str, Any] | None, remembered: _Remembered
) -> dict[str, Pace]:
    """How often each asset is made, as declared, and how long it takes, as seen (nothing, where never)."""
    paces = {
        key: Pace("sync", source.every, remembered.sync_times.get(source.name, timedelta(0)))
        for source in settings.sources.values()
        for key in source.asset_keys
    }
    if settings.dbt is not None and (settings.dbt.every or settings.sources):
        ids = {key: unique_id for unique_id, key in asset_keys(manifest or {}).items()} if manifest else {}
        for node in nodes:
            if node.kind is AssetKind.MODEL and node.key not in remembered.foreign:
                took = remembered.model_times.get(ids.get(node.key, ""), timedelta(0))
                paces[node.key] = Pace("dbt", settings.dbt.every, took)
    # One schedule publishes all snapshots, at the shortest of their cadences.
    every = min((one.every for one in settings.snapshots.values() if one.every), default=None)
    return {**paces, **{one.asset_key: Pace("snapshots", every) for one in settings.snapshots.values()}}
