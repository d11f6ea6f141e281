"""One source dies under a thousand assets of five hundred tenants: one message, and one more when it is over.

Through the ledger, the evaluation and a channel of a file, at full size: half a million promises break at once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.dispatch.drain import drain
from telemetry_assets.dispatch.evaluate import Evaluation, evaluate
from telemetry_assets.ledger import graph, incidents, syncs, tenants
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind
from telemetry_assets.settings import Settings, load

MODELS, TENANTS, LAYERS = 1000, 500, 10
EVERY = timedelta(minutes=15)
ROOT = "shop/orders"

Connection = psycopg.Connection[TupleRow]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A source with five hundred connections, everything promised, one owner with one channel."""
    monkeypatch.setenv("TELEMETRY_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    slugs = [f"tenant-{number:03}" for number in range(TENANTS)]
    lines = ["tenants:"]
    lines += [f"  - {{slug: {slug}, id: {uuid5(NAMESPACE_DNS, slug)}, name: {slug}}}" for slug in slugs]
    lines += ["sources:", '  shop: {executable: ["true"], every: 15m, streams: {orders: {}}, connections: [']
    lines += [*(f"    {{tenant: {slug}}}," for slug in slugs), "  ]}"]
    lines += [
        "promises:",
        "  - {asset: shop/*, window: {fail: 60m}, owner: data-eng}",
        "  - {asset: marts/*, grace: 30m, owner: data-eng}",
        "owners: {data-eng: {notify: {ERROR: [log], WARN: [log]}}}",
        "channels: {log: {kind: file, path: messages.log}}",
    ]
    (tmp_path / "telemetry.yaml").write_text("\n".join(lines))
    return load(tmp_path / "telemetry.yaml")


def _nodes() -> Iterator[AssetNode]:
    """The root, and layers of models: each is made from two of the layer above."""
    yield AssetNode(ROOT, AssetKind.STREAM, clock=Clock(ClockKind.SYNC))
    above, width = [ROOT], MODELS // LAYERS
    for layer in range(LAYERS):
        keys = [f"marts/model_{layer}_{place:02}" for place in range(width)]
        for place, key in enumerate(keys):
            parents = (above[place % len(above)], above[(7 * place + 1) % len(above)])
            yield AssetNode(key, AssetKind.MODEL, tuple(dict.fromkeys(parents)))
        above = keys


def _fill(conn: Connection, settings: Settings, now: datetime, died: datetime) -> None:
    """Everything was built a minute ago, from what the last sync that worked had read."""
    tenants.write(conn, settings.tenants.inline or ())
    nodes = tuple(_nodes())
    graph.replace(conn, nodes)
    conn.execute("insert into telemetry.root_sets (roots) values (array['shop/orders'])")
    conn.execute(
        """
        insert into telemetry.subjects (asset, tenant, run_time, run_id, source, root_set, data_times)
        select asset, slug, %s, 'r', 'b', (select id from telemetry.root_sets where roots = array['shop/orders']),
            array[%s]
        from unnest(%s::text[]) as asset cross join telemetry.tenants
        """,
        (now - timedelta(minutes=1), died, [node.key for node in nodes]),
    )
    _sync(conn, settings, died, "succeeded")
    for failed in (now - timedelta(minutes=20), now - timedelta(minutes=5)):
        _sync(conn, settings, failed, "failed")
    conn.execute("analyze telemetry.subjects")


def _sync(conn: Connection, settings: Settings, at: datetime, status: str) -> None:
    error = "403 token expired" if status == "failed" else None
    job, end = int(at.timestamp()), at + timedelta(minutes=1)
    syncs.record(
        conn,
        [
            Sync(one.connection_id, job, "shop", one.tenant, status, at, end, end, 100, None, error)
            for one in settings.connections()
        ],
    )


def _hold(conn: Connection, assets: str, data_time: datetime, run_time: datetime) -> None:
    conn.execute(
        "update telemetry.subjects set data_times = array[%s], run_time = %s where asset like %s",
        (data_time, run_time, assets),
    )
    conn.execute("analyze telemetry.subjects")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.promise("B54", "C26")
def test_a_dead_source_under_half_a_million_promises_is_one_message_and_one_more_when_all_is_rebuilt(
    database: str, ledger: Connection, home: Settings
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    _fill(ledger, home, now, now - timedelta(hours=5))

    def looked(at: datetime) -> Evaluation:
        found = evaluate(ledger, home, at)
        drain(home, seconds=5, dsn=database, clock=lambda: at)
        return found

    assert looked(now).broken == (MODELS + 1) * TENANTS
    (told,) = _messages(home)
    assert "shop" in told.splitlines()[0]
    assert "sync failed" in told.splitlines()[0]

    # The source is mended, and every model waits for its next build.
    _sync(ledger, home, now, "succeeded")
    _hold(ledger, ROOT, now, now + timedelta(minutes=1))
    assert looked(now + timedelta(minutes=2)).broken == MODELS * TENANTS
    assert _messages(home) == [told]
    (waiting,) = incidents.unresolved(ledger, now)
    assert (waiting.number, waiting.kind) == (1, "waiting")

    _hold(ledger, "marts/%", now, now + timedelta(minutes=8))
    assert looked(now + timedelta(minutes=9)).broken == 0
    first, last = _messages(home)
    assert first == told
    assert "resolved" in last.splitlines()[0].lower()


def _messages(settings: Settings) -> list[str]:
    """What the channel received: a block of text each, under a line."""
    return [block.strip() for block in (settings.home / "messages.log").read_text().split("─" * 60) if block.strip()]
