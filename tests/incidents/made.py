"""Troubles in one line, owners to tell them to, and a life that is lived one reconciling at a time.

What belongs here: what several tests of incidents start from. What does not: any expectation but idempotence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from telemetry_assets.incidents.incident import Change, Entry, Incident
from telemetry_assets.incidents.life import acknowledge
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.routing import Escalation, Route, Routing
from telemetry_assets.incidents.silence import Silence, muted
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Dashboard, Severity, Situation, Standing, Subject, Trouble
from telemetry_assets.model import CauseKind, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WARN, ERROR = Severity.WARN, Severity.ERROR
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FRESH = Standing(State.PASS, 4 * MINUTE, limit="60 min")

ROUTING = Routing(
    routes={
        "data-eng": Route("data-eng", {WARN: ("quiet",), ERROR: ("slack",)}, Escalation(HOUR / 2, "on-call")),
        "marketing": Route("marketing", {WARN: ("mail",)}),
        "on-call": Route("on-call", {ERROR: ("pager",)}),
    },
    editing=frozenset({"slack"}),
    hearing=frozenset({"hook"}),
)


def trouble(
    kind: CauseKind = CauseKind.SYNC_FAILED,
    where: str = "shop",
    asset: str = "marts/sales",
    tenant: str = "acme",
    *,
    state: State | None = State.FAIL,
    owner: str = "data-eng",
    age: int = 90,
    says: str = "",
    **more: object,
) -> Trouble:
    """A promise that is broken, unless ``state`` says otherwise; ``age`` in minutes, of 60 that are promised."""
    severity = ERROR if state in (State.FAIL, State.MISSING) else WARN
    known = None if state in (State.MISSING, State.UNKNOWN, None) else age * MINUTE
    values: dict[str, object] = {
        "kind": kind,
        "where": where,
        "severity": severity,
        "asset": asset,
        "tenant": tenant,
        "says": says or f"{kind} of {where}",
        "remedy": "mend it",
        "root": where,
        "owner": owner,
        "standing": Standing(state, known, limit="60 min" if state else "", past=known and known - HOUR),
    }
    return Trouble(**{**values, **more})  # pyright: ignore[reportArgumentType]


def all_of(subjects: Iterable[Subject], kind: CauseKind = CauseKind.SYNC_FAILED, where: str = "shop") -> list[Trouble]:
    """The same trouble of each subject."""
    return [trouble(kind, where, asset, tenant) for asset, tenant in subjects]


def situation(*troubles: Trouble) -> Situation:
    """The one situation that these troubles are."""
    (found,) = situations_of(troubles, {})
    return found


@dataclass
class Life:
    """What happens to incidents from reconciling to reconciling. Each is done twice: the second changes nothing."""

    routing: Routing = ROUTING
    incidents: dict[int, Incident] = field(default_factory=dict[int, Incident])
    entries: list[Entry] = field(default_factory=list[Entry])
    messages: list[Message] = field(default_factory=list[Message])

    def look(
        self,
        minute: float,
        *troubles: Trouble,
        standing: Mapping[Subject, Standing] | None = None,
        silences: Sequence[Silence] = (),
        dashboards: Mapping[str, Sequence[Dashboard]] | None = None,
    ) -> list[str]:
        """Reconcile so many minutes after noon; the steps of all incidents, each ``NUMBER STEP CHANNEL,CHANNEL``."""
        now = NOON + minute * MINUTE
        found = situations_of(muted(troubles, silences, now), dashboards or {})
        healthy = {(one.worst.asset, one.worst.tenant): FRESH for one in self.incidents.values()}
        shown = healthy if standing is None else standing
        changes = reconcile(self.incidents.values(), found, shown, self.routing, now, len(self.incidents) + 1)
        steps = [step for change in changes for step in self.take(change)]
        assert reconcile(self.incidents.values(), found, shown, self.routing, now, len(self.incidents) + 1) == ()
        return steps

    def acknowledge(self, minute: float, number: int = 1, by: str = "kim") -> list[str]:
        """Somebody acknowledges an incident."""
        return self.take(acknowledge(self.incidents[number], by, NOON + minute * MINUTE, self.routing))

    def take(self, change: Change) -> list[str]:
        """Keep what a change says; its steps."""
        assert self.incidents.get(change.after.number) == change.before
        self.incidents[change.after.number] = change.after
        self.entries += change.entries
        self.messages += change.messages
        return [f"{one.incident} {one.step} {','.join(one.channels)}".rstrip() for one in change.entries]

    @property
    def headline(self) -> str:
        """Of the newest message."""
        return self.messages[-1].headline

    @property
    def words(self) -> str:
        """Of the newest entry."""
        return self.entries[-1].words


def cross(assets: Iterable[str], tenants: Iterable[str]) -> list[Subject]:
    """Every asset for every tenant."""
    return [(asset, tenant) for asset in assets for tenant in list(tenants)]
