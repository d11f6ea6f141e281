"""A ledger of many subjects, filled by SQL, for benchmarks that judge them. Nothing of it outlives the block.

Fifty assets: 20 synced streams, 5 views over them, 25 models made from one to four streams each; a promise on each,
the models' by grace. One tenant's feeds died five hours ago, one in a thousand subjects is late besides, and one tenant
was never loaded into a model. What does not belong here: what is measured.
"""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.ledger import graph, schema
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.model import AssetKind, AssetNode, Clock
from telemetry_assets.settings import Settings, load

ASSETS = 50
STREAMS = [AssetNode(f"source_{n // 5}/stream_{n}", AssetKind.STREAM, clock=Clock()) for n in range(20)]
VIEWS = [AssetNode(f"staging/view_{n}", AssetKind.VIEW, (STREAMS[n].key,)) for n in range(5)]
MODELS = [
    AssetNode(f"marts/model_{n}", AssetKind.MODEL, tuple(STREAMS[(n + 7 * k) % 20].key for k in range(1 + n % 4)))
    for n in range(25)
]
_YAML = """
tenants: {table: app.tenants}
promises:
  - {asset: source_*, window: {warn: 45m, fail: 60m}, owner: data-eng}
  - {asset: staging/*, window: {fail: 90m}, owner: data-eng}
  - {asset: marts/*, grace: 30m, owner: data-eng}
owners: {data-eng: {}}
"""


@dataclass(frozen=True, slots=True)
class BigLedger:
    """Where it is: the folder of its telemetry.yaml, its settings, its database, and how many subjects it holds."""

    folder: Path
    settings: Settings
    dsn: str
    subjects: int


@contextmanager
def big_ledger(tenants: int) -> Generator[BigLedger]:
    """A ledger of 50 × ``tenants`` subjects in an embedded PostgreSQL of its own."""
    with tempfile.TemporaryDirectory(prefix="ledger-benchmark-") as scratch:
        folder = Path(scratch)
        (folder / "telemetry.yaml").write_text(_YAML)
        server = EmbeddedPostgres(folder / "server")
        server.start()
        try:
            schema.migrate(server.url)
            with connect(server.url) as conn:
                fill(conn, tenants)
            yield BigLedger(folder, load(folder / "telemetry.yaml"), server.url, ASSETS * tenants)
        finally:
            server.remove()


def fill(conn: Connection[TupleRow], tenants: int) -> None:
    """The tenants, the graph, a fact per subject; vacuumed, as a server in service is."""
    conn.execute(
        "insert into telemetry.tenants (id, slug, name, position)"
        " select gen_random_uuid(), 'tenant-' || lpad(n::text, 5, '0'), 'Tenant ' || n, n"
        " from generate_series(1, %s) n",
        (tenants,),
    )
    graph.replace(conn, [*STREAMS, *VIEWS, *MODELS])
    for node in (*STREAMS, *VIEWS, *MODELS):
        _fill(conn, node.key, [node.key] if node.clock else [] if node.kind is AssetKind.VIEW else sorted(node.parents))
    conn.execute("vacuum analyze telemetry.subjects")
    conn.execute("vacuum analyze telemetry.tenants")


def _fill(conn: Connection[TupleRow], asset: str, roots: Sequence[str]) -> None:
    conn.execute("insert into telemetry.root_sets (roots) values (%s::text[]) on conflict do nothing", (list(roots),))
    conn.execute(_FACTS, {"asset": asset, "roots": list(roots)})


_FACTS = """
insert into telemetry.subjects (asset, tenant, run_time, run_id, source, root_set, data_times, rows)
select %(asset)s, tenant.slug, now() - interval '1 minute', gen_random_uuid()::text, 'benchmark', sets.id,
    array_fill(
        now() - case when tenant.position = 3 or hashint4(tenant.position + hashtext(%(asset)s)) %% 1000 = 0
            then interval '5 hours' else interval '10 minutes' end,
        array[cardinality(sets.roots)]
    ), 1000
from telemetry.tenants tenant, telemetry.root_sets sets
where sets.roots = %(roots)s::text[] and not (tenant.position = 11 and %(asset)s like 'marts/%%')
order by tenant.slug
"""
