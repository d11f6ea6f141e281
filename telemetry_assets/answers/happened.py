"""What last happened on the way to some assets, read from the ledger: what their cause is told from.

What belongs here: ledger rows and settings → ``Happenings``, with no secret in anybody's words. What does not: telling
the cause (``freshness/cause.py``).
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.errors import TelemetryError
from telemetry_assets.freshness.happenings import Feed, Happenings, NodeRun, SyncEnd, Withheld
from telemetry_assets.ledger import dbt_invocations, snapshots, subjects, syncs
from telemetry_assets.ledger.dbt_invocations import LastWord
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.settings import DbtSettings, Settings
from telemetry_assets.sources.asset_graph import read_manifest
from telemetry_assets.sources.dbt_artifacts import tested_assets
from telemetry_assets.sources.dbt_manifest import Manifest, asset_keys

RECENT_SYNCS = 5
RECENT_INVOCATIONS = 25
LEAST_SECRET = 4
"""Shorter values of secrets are not looked for in texts: they would be found in any word."""

LONGEST_TEXT = 20_000

_PASSWORD = re.compile(r"(\bpassword\s*=\s*)('[^']*'|[^\s'&;,)]+)", re.IGNORECASE)
_WITH_PASSWORD = re.compile(r"//[^/@\s:]*:[^/@\s]+@")
type Veil = Callable[[str], str]


def read_happenings(
    conn: Connection[TupleRow], settings: Settings, assets: Collection[str], tenants: Collection[str]
) -> Happenings:
    """What last happened to ``assets`` (those asked about and all they are made from), for these tenants.

    The dbt manifest is read only where dbt has something to say. Raises CouldNotLookError.
    """
    veil = veil_of(settings)
    models, tests = _dbt_words(conn, settings.dbt, veil) if settings.dbt else ({}, {})
    complete = dbt_invocations.newest_complete_at(conn) if settings.dbt else None
    chosen = [snapshot for snapshot in settings.snapshots.values() if snapshot.asset_key in assets]
    published = {one.asset_key: max(snapshots.published_at(conn, one.name).values(), default=None) for one in chosen}
    build_every = _build_every(settings)
    publish_every = min((one.every for one in settings.snapshots.values() if one.every), default=build_every)
    return Happenings(
        feeds=_feeds(conn, settings, assets, tenants, veil),
        synced=frozenset(settings.sources),
        models=models,
        tests=tests,
        built_at=complete,
        build_every=build_every,
        withheld={
            (settings.snapshots[held.name].asset_key, held.tenant): Withheld(
                held.withheld_at, veil("; ".join(held.violations))
            )
            for held in snapshots.held_back(conn, [one.name for one in chosen])
        },
        published={key: at for key, at in published.items() if at is not None},
        publish_every={one.asset_key: publish_every for one in chosen} if publish_every else {},
        corrections=subjects.newest_corrections(
            conn, list(assets), None if ANY_TENANT in tenants else [*tenants, ANY_TENANT]
        ),
    )


def veil_of(settings: Settings) -> Veil:
    """What puts ``***`` in the place of every secret of the settings, of every URL's user and password, and of a DSN's
    password. Of a text of megabytes only the beginning is kept: nobody reads more, and each secret is looked for."""
    refs = [*settings.secrets(), *filter(None, (settings.airbyte.client_secret, settings.database))]
    return veil_over({secret.reveal() for secret in refs if secret.is_set})


def veil_over(secrets: Collection[str]) -> Veil:
    """As :func:`veil_of`, for secrets that are at hand."""
    longest_first = sorted((secret for secret in secrets if len(secret) >= LEAST_SECRET), key=len, reverse=True)

    def veil(text: str) -> str:
        kept = text[:LONGEST_TEXT]
        for secret in longest_first:
            kept = kept.replace(secret, "***")
        kept = _PASSWORD.sub(r"\1***", _WITH_PASSWORD.sub("//***@", kept))
        # The cut may have left half a secret, which is no longer found.
        whole = len(text) <= LONGEST_TEXT
        return kept if whole else kept[: -max(map(len, longest_first), default=1)]

    return veil


def read_dbt_manifest(dbt: DbtSettings) -> Manifest | None:
    """The manifest that says which node is which asset; without it dbt's words have no place to stand."""
    try:
        return read_manifest(dbt)
    except TelemetryError:
        return None


def _build_every(settings: Settings) -> timedelta | None:
    """How often dbt should build: its own cadence, else after each sync of anything."""
    if settings.dbt and settings.dbt.every:
        return settings.dbt.every
    return min((source.every for source in settings.sources.values()), default=None)


def _feeds(
    conn: Connection[TupleRow], settings: Settings, assets: Collection[str], tenants: Collection[str], veil: Veil
) -> Mapping[tuple[str, str], Feed]:
    """Of several connections of one source for one tenant the worst: one that fails, else the furthest behind."""
    sources = {asset.partition("/")[0] for asset in assets}
    # Data without tenants may be made from any of them: the one that is furthest behind is its cause.
    everybodys, wanted = ANY_TENANT in tenants, {*tenants, ANY_TENANT}
    asked = [one for one in settings.connections() if one.source in sources and (everybodys or one.tenant in wanted)]
    jobs = syncs.newest_of(conn, [one.connection_id for one in asked], RECENT_SYNCS)
    feeds: dict[tuple[str, str], Feed] = {}
    for one in asked:
        key = (one.source, one.tenant)
        feed = _feed(settings.sources[one.source].every, jobs.get(one.connection_id, ()), veil)
        feeds[key] = max(feeds.get(key, feed), feed, key=_badness)
    return feeds


def _feed(every: timedelta, jobs: Sequence[Sync], veil: Veil) -> Feed:
    ended = tuple(
        SyncEnd(job.status, job.started_at, job.ended_at, job.rows_synced, veil(job.error or ""))
        for job in jobs
        if job.ended_at is not None
    )
    running = next((job.started_at for job in jobs if not job.terminal), None)
    still = running is not None and (not ended or running > ended[0].started_at)
    return Feed(every, ended, running if still else None)


def _badness(feed: Feed) -> tuple[bool, bool, float]:
    fails = bool(feed.ended) and not feed.ended[0].succeeded
    started = feed.last_start
    return (started is None, fails, -started.timestamp() if started else 0.0)


def _dbt_words(
    conn: Connection[TupleRow], dbt: DbtSettings, veil: Veil
) -> tuple[dict[str, NodeRun], dict[str, list[NodeRun]]]:
    """dbt's last words on models by asset, and the failed tests of each asset."""
    words = dbt_invocations.last_words(conn, RECENT_INVOCATIONS)
    manifest = read_dbt_manifest(dbt) if words else None
    if manifest is None:
        return {}, {}
    keys = asset_keys(manifest)
    models = {keys[node]: _run(node, word, veil) for node, word in words.items() if node in keys}
    tests: dict[str, list[NodeRun]] = {}
    for node, about in tested_assets(manifest).items():
        if node in words and words[node].status != "skipped":
            for key in about:
                tests.setdefault(key, []).append(_run(node, words[node], veil))
    return models, tests


def _run(node: str, word: LastWord, veil: Veil) -> NodeRun:
    return NodeRun(word.status, word.said_at, veil(word.message), node.split(".")[2] if node.count(".") > 1 else node)
