"""Everything promised and how it stands now: the one reading of the ledger that status, health and checks share.

What belongs here: ledger rows → judgements, narrowed to a tenant. What does not: judging (``freshness/``), and what an
answer makes of the judgements.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.tenants import find_tenant
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all
from telemetry_assets.freshness.lineage import facts_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.ledger import graph, looks, subjects, syncs, tenants
from telemetry_assets.model import ANY_TENANT, AssetKind, AssetNode, Look, SubjectFact, Tenant
from telemetry_assets.settings import Settings

_UPWARDS = (
    (AssetKind.STREAM, AssetKind.TABLE),
    (AssetKind.SEED,),
    (AssetKind.VIEW,),
    (AssetKind.MODEL,),
    (AssetKind.SNAPSHOT,),
)

_LAYERS = {kind: layer for layer, kinds in enumerate(_UPWARDS) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Board:
    """The ledger at ``now``, the graph from the roots up to the snapshots.

    ``judged`` holds every promise, or those of one tenant and of the data without tenants. ``facts`` are everybody's,
    since a run-age light looks at the newest run of any tenant.
    """

    now: datetime
    tenants: tuple[Tenant, ...]
    nodes: tuple[AssetNode, ...]
    facts: tuple[SubjectFact, ...]
    evidence: Evidence
    judged: tuple[Judgement, ...]
    only: Tenant | None = None

    def of(self, tenant: str | None, assets: Collection[str]) -> list[Judgement]:
        """The judgements of these assets, of one tenant or with None of all that the board holds."""
        return [one for one in self.judged if one.asset in assets and tenant in (None, one.tenant)]

    def subjects(self) -> tuple[tuple[str, Tenant | None], ...]:
        """Slug and tenant of everybody the board is about, last ``*`` with none."""
        chosen = (self.only,) if self.only else self.tenants
        return (*((tenant.slug, tenant) for tenant in chosen), (ANY_TENANT, None))


def read_board(conn: Connection[TupleRow], settings: Settings, now: datetime, *, tenant: str | None = None) -> Board:
    """The board of every tenant, or of one by slug or id.

    Raises UsageError for an unknown tenant, CouldNotLookError where the ledger cannot be read or was never prepared:
    an empty graph would owe nothing to nobody, and look well.
    """
    nodes, everybody = read_graph(conn, settings)
    only = find_tenant(everybody, tenant) if tenant is not None else None
    facts = subjects.read(conn)
    evidence = replace(outside_evidence(conn, settings, now), facts=facts_of(facts))
    owed = subjects_owed(nodes, settings.promises, everybody)
    if only is not None:
        owed = tuple(one for one in owed if one.tenant in (only.slug, ANY_TENANT))
    judged = judge_all(owed, nodes, evidence, [one.slug for one in everybody], now)
    return Board(now, everybody, nodes, facts, evidence, judged, only)


def read_graph(conn: Connection[TupleRow], settings: Settings) -> tuple[tuple[AssetNode, ...], tuple[Tenant, ...]]:
    """The graph from the roots up, and the tenants. Raises CouldNotLookError where neither was ever prepared."""
    everybody = tenants.read(conn)
    nodes = tuple(sorted(graph.read(conn), key=lambda node: (_LAYERS[node.kind], node.key)))
    if (not nodes and settings.promises) or (not everybody and settings.tenants.inline):
        raise CouldNotLookError("The ledger knows neither assets nor tenants yet.", "Run: telemetry prepare")
    return nodes, everybody


def outside_evidence(conn: Connection[TupleRow], settings: Settings, now: datetime) -> Evidence:
    """The last looks from outside, and what is odd about the newest syncs; of facts none."""
    odd = syncs.zero_row_oddities(conn, now)
    oddities = {
        (key, tenant): words
        for (source, tenant), words in odd.items()
        if source in settings.sources
        for key in settings.sources[source].asset_keys
    }
    return Evidence({}, read_looks(conn, settings), oddities)


def read_looks(conn: Connection[TupleRow], settings: Settings) -> dict[str, Look]:
    """asset → the last look at it, else at the Airbyte source that feeds it: the local stand-in is not looked at."""
    found = looks.read(conn)
    if settings.airbyte.url is not None:
        for source in settings.sources.values():
            if source.name in found:
                found = {**dict.fromkeys(source.asset_keys, found[source.name]), **found}
    return found
