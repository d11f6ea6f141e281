"""What the tests of dispatching share: a ledger with two promised assets, settings made by hand, sinks that are real.

``stage`` is one test's own; build its channels with :func:`webhook`, and let time go by by saying what time it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import OwnerSettings
from telemetry_assets.dispatch.changing import changing_incidents
from telemetry_assets.dispatch.drain import Drained, drain
from telemetry_assets.dispatch.evaluate import Evaluation, evaluate
from telemetry_assets.dispatch.routing import routing_of
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Severity, Trouble
from telemetry_assets.ledger import graph, heartbeats, incidents, subjects, tenants
from telemetry_assets.model import AssetKind, AssetNode, CauseKind, Clock, Promise, SubjectFact, Tenant, Window
from telemetry_assets.settings import AirbyteSettings, ChannelSettings, Settings, TenantSettings

type Ledger = psycopg.Connection[TupleRow]

MINUTE = timedelta(minutes=1)
ORDERS = "shop/orders"
SALES = "marts/sales"
PEOPLE = [Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug.title()) for slug in ("acme", "globex")]
NODES = (
    AssetNode(ORDERS, AssetKind.STREAM, clock=Clock()),
    AssetNode(SALES, AssetKind.MODEL, (ORDERS,)),
)


def webhook(name: str, url: str, **more: object) -> ChannelSettings:
    """A channel of kind webhook; ``more`` are ``rate`` and ``timeout``."""
    return replace(ChannelSettings(name, "webhook", {"url": url}, rate=1000.0), **more)  # type: ignore[arg-type]


@dataclass
class Stage:
    """A ledger, its settings, and what is done with them."""

    dsn: str
    conn: Ledger
    settings: Settings

    def told(self, *channels: ChannelSettings, owners: Mapping[str, OwnerSettings] | None = None) -> "Stage":
        """Owner data-eng is told through all of these, and whatever other owners are named."""
        named = tuple(channel.name for channel in channels)
        everybody = {"data-eng": OwnerSettings("data-eng", {"ERROR": named}), **(owners or {})}
        self.settings = replace(self.settings, channels={one.name: one for one in channels}, owners=everybody)
        return self

    def synced(self, at: datetime, *slugs: str) -> None:
        """The orders and sales of these tenants (of all without any) are as of ``at``."""
        facts = [
            SubjectFact(asset, slug, at, f"run {at}", "airbyte", {ORDERS: at})
            for asset in (ORDERS, SALES)
            for slug in slugs or [one.slug for one in PEOPLE]
        ]
        subjects.record(self.conn, facts)

    def evaluate(self, now: datetime) -> Evaluation:
        """As every driver does it."""
        return evaluate(self.conn, self.settings, now)

    def drain(self, seconds: float = 30.0, **more: object) -> Drained:
        """As the sensor does it; it ends as soon as nothing is to be sent within ``seconds``."""
        return drain(self.settings, seconds=seconds, dsn=self.dsn, **more)  # type: ignore[arg-type]

    def fail_jobs(self, count: int, now: datetime, first: int = 0) -> None:
        """As many incidents, of a job each, open and are to be told; the jobs are numbered from ``first``."""
        broken = [
            Trouble(CauseKind.RUN_FAILED, f"job {number}", Severity.ERROR, "", "*", "it failed", owner="data-eng")
            for number in range(first, first + count)
        ]
        with changing_incidents(self.conn):
            number = incidents.next_number(self.conn)
            situations = situations_of(broken, {})
            incidents.apply(self.conn, reconcile([], situations, {}, routing_of(self.settings), now, number))

    def statuses(self) -> dict[str, int]:
        """How many messages of the outbox are pending, sent and dead."""
        return dict(self.rows("select status, count(*) from telemetry.outbox group by 1"))

    def rows(self, query: str) -> list[TupleRow]:
        """What the ledger answers."""
        return self.conn.execute(query.encode()).fetchall()

    def beat(self, component: str, ago: timedelta, expected: timedelta = timedelta(seconds=30), note: str = "") -> None:
        """A heartbeat of some time ago."""
        heartbeats.beat(self.conn, component, expected, note)
        self.conn.execute(
            "update telemetry.heartbeats set beat_at = clock_timestamp() - %s where component = %s", (ago, component)
        )


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def stage(database: str, ledger: Ledger, tmp_path: Path) -> Stage:
    """Two tenants, orders and sales promised within the hour, nobody to tell yet."""
    tenants.write(ledger, PEOPLE)
    graph.replace(ledger, NODES)
    settings = Settings(
        path=tmp_path / "telemetry.yaml",
        home=tmp_path / "home",
        tenants=TenantSettings(),
        dbt=None,
        sources={},
        promises=(Promise("*", limit=Window(60 * MINUTE), owner="data-eng"),),
        snapshots={},
        database=None,
        airbyte=AirbyteSettings(),
    )
    return Stage(database, ledger, settings)


@pytest.fixture
def said() -> list[str]:
    """Lines that were said; hand over ``said.append``."""
    return []


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns when ``true()`` is; fails after so long."""
    import time

    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
