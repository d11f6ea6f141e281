"""The one cause of a promise that is not kept: a small chain, one thing wrong with it at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from telemetry_assets.freshness.case import LONGEST_QUOTE
from telemetry_assets.freshness.cause import Cause, Happenings, cause_of
from telemetry_assets.freshness.facts import Correction
from telemetry_assets.freshness.happenings import Feed, NodeRun, SyncEnd, Withheld
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all
from telemetry_assets.freshness.lineage import facts_of, graph_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.model import (
    BESIDE_PROMISES,
    AssetKind,
    AssetNode,
    CauseKind,
    Clock,
    ClockKind,
    Deadline,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACME = Tenant("acme", UUID(int=1), "Acme")
ORDERS, PRICES, TABLE, STAGED, DAY, BOARD = (
    "shop/orders", "shop/prices", "erp/stock", "staging/orders", "marts/day", "snapshots/board",
)  # fmt: skip
COLUMN = Clock(ClockKind.COLUMN, "updated_at")
NODES = (
    AssetNode(ORDERS, AssetKind.STREAM, clock=COLUMN),
    AssetNode(PRICES, AssetKind.STREAM, clock=Clock()),
    AssetNode(TABLE, AssetKind.TABLE, clock=COLUMN),
    AssetNode(STAGED, AssetKind.VIEW, (ORDERS,)),
    AssetNode(DAY, AssetKind.MODEL, (STAGED, PRICES, TABLE)),
    AssetNode(BOARD, AssetKind.SNAPSHOT, (DAY,)),
)
PROMISES = (Promise("*", Window(60 * MINUTE, 45 * MINUTE), owner="data-eng"),)


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def sync(minutes: float, *, rows: int | None = 100, status: str = "succeeded", error: str = "") -> SyncEnd:
    return SyncEnd(status, ago(minutes + 1), ago(minutes), rows, error)


@dataclass
class World:
    """Everything is well: syncs every 15 minutes, builds after them, data a few minutes old."""

    held: dict[str, dict[str, datetime]] = field(default_factory=dict)
    ran: dict[str, datetime] = field(default_factory=dict)
    feed: Feed | None = field(default_factory=lambda: Feed(15 * MINUTE, (sync(5), sync(20), sync(35))))
    nodes: tuple[AssetNode, ...] = NODES
    promises: tuple[Promise, ...] = PROMISES
    looks: dict[str, Look] = field(default_factory=dict)
    oddities: dict[tuple[str, str], str] = field(default_factory=dict)
    synthetic: frozenset[str] = frozenset()
    happened: Happenings = field(
        default_factory=lambda: Happenings(built_at=ago(3), build_every=15 * MINUTE, publish_every={BOARD: 15 * MINUTE})
    )

    def __post_init__(self) -> None:
        fresh = {ORDERS: ago(6), PRICES: ago(6), TABLE: ago(4)}
        self.held = {ORDERS: {ORDERS: ago(6)}, PRICES: {PRICES: ago(6)}, TABLE: {TABLE: ago(4)}, STAGED: {}}
        self.held |= {DAY: dict(fresh), BOARD: dict(fresh)}
        self.ran = {key: ago(5) for key in self.held} | {DAY: ago(3), BOARD: ago(2)}

    def everywhere(self, root: str, data_time: datetime) -> None:
        """What is made from the root was built well since: it holds that too."""
        for key in (root, DAY, BOARD):
            self.held[key][root] = data_time

    def stuck(self, key: str, ran: datetime, held: datetime) -> None:
        """Neither ``key`` nor what is made from it has got anything since: they hold ``held`` of every root."""
        for late in (DAY, BOARD)[(DAY, BOARD).index(key) :]:
            self.held[late] = dict.fromkeys((ORDERS, PRICES, TABLE), held)
        self.ran[key] = ran

    def never(self, *keys: str) -> None:
        for key in keys:
            del self.held[key]

    def judged(self, asset: str) -> tuple[Judgement, Evidence]:
        facts = [
            SubjectFact(key, ACME.slug, self.ran[key], "run", "test", times, synthetic=key in self.synthetic)
            for key, times in self.held.items()
        ]
        evidence = Evidence(facts_of(facts), self.looks, self.oddities)
        owed = [one for one in subjects_owed(self.nodes, self.promises, [ACME]) if one.asset == asset]
        (judgement,) = judge_all(owed, self.nodes, evidence, [ACME.slug], NOW)
        return judgement, evidence

    def cause(self, asset: str = BOARD) -> Cause:
        judgement, evidence = self.judged(asset)
        feeds: Mapping[tuple[str, str], Feed] = {("shop", ACME.slug): self.feed} if self.feed else {}
        happened = replace(self.happened, feeds=feeds)
        return cause_of(judgement, graph_of(self.nodes), evidence, happened, [ACME.slug], NOW)


def sync_failed(world: World) -> None:
    world.everywhere(ORDERS, ago(80))
    world.feed = Feed(
        15 * MINUTE,
        (sync(5, status="failed", error="403: token expired\nat line 1"), sync(20, status="failed"), sync(79)),
    )


def sync_not_run(world: World) -> None:
    world.everywhere(ORDERS, ago(80))
    world.feed = Feed(15 * MINUTE, (sync(79), sync(94)))


def sync_hangs(world: World) -> None:
    world.everywhere(ORDERS, ago(80))
    world.feed = Feed(15 * MINUTE, (sync(79),), running_since=ago(70))


def feed_quiet(world: World) -> None:
    world.everywhere(ORDERS, ago(3 * 1440))


def quiet_long_before_the_syncs_stopped(world: World) -> None:
    world.everywhere(ORDERS, ago(3 * 1440))
    world.feed = Feed(15 * MINUTE, (sync(79), sync(94)))


def quiet_long_before_the_newest_sync_failed(world: World) -> None:
    world.everywhere(ORDERS, ago(3 * 1440))
    world.feed = Feed(15 * MINUTE, (sync(5, status="failed", error="503"), sync(20)))


def zero_rows(world: World) -> None:
    world.everywhere(ORDERS, ago(80))
    world.feed = Feed(15 * MINUTE, (sync(5, rows=0), sync(20, rows=0), sync(79, rows=50)))


def zero_rows_is_odd_before_it_is_late(world: World) -> None:
    world.oddities = {(ORDERS, ACME.slug): "0 rows"}
    world.feed = Feed(15 * MINUTE, (sync(5, rows=0), sync(20, rows=50)))


def never_connected(world: World) -> None:
    world.never(ORDERS, STAGED, DAY, BOARD)
    world.feed = None


def never_brought_rows(world: World) -> None:
    for key in (ORDERS, DAY, BOARD):
        del world.held[key][ORDERS]


def only_synthetic(world: World) -> None:
    world.synthetic = frozenset({ORDERS})
    for key in (DAY, BOARD):
        del world.held[key][ORDERS]


def build_failed(world: World) -> None:
    world.stuck(DAY, ago(80), ago(85))
    world.happened = replace(world.happened, models={DAY: NodeRun("error", ago(3), "division by zero")})


def build_skipped(world: World) -> None:
    world.stuck(DAY, ago(80), ago(85))
    world.happened = replace(world.happened, models={DAY: NodeRun("skipped", ago(3))})


def build_skipped_by_a_test(world: World) -> None:
    build_skipped(world)
    world.happened = replace(world.happened, tests={STAGED: [NodeRun("fail", ago(3), "Got 3 results", "not_null_id")]})


def build_skipped_by_a_model(world: World) -> None:
    build_skipped(world)
    failed = {STAGED: NodeRun("error", ago(3), "no such column")}
    world.happened = replace(world.happened, models={**world.happened.models, **failed})


def build_not_run(world: World) -> None:
    world.stuck(DAY, ago(80), ago(85))
    world.happened = replace(world.happened, built_at=ago(80))


def one_model_left_out(world: World) -> None:
    world.stuck(DAY, ago(80), ago(85))


def never_built(world: World) -> None:
    world.never(DAY, BOARD)


def withheld(world: World) -> None:
    world.stuck(BOARD, ago(80), ago(85))
    world.happened = replace(world.happened, withheld={(BOARD, ACME.slug): Withheld(ago(70), "/metrics/sum: null")})


def not_published(world: World) -> None:
    world.stuck(BOARD, ago(80), ago(85))


def no_row_to_publish(world: World) -> None:
    world.stuck(BOARD, ago(80), ago(85))
    world.happened = replace(world.happened, published={BOARD: ago(1)})


def clock(world: World) -> None:
    world.everywhere(ORDERS, ago(-30))


def look_failed(world: World) -> None:
    world.looks = {TABLE: Look(TABLE, ago(1), "permission denied")}
    world.everywhere(TABLE, ago(80))


def nobody_looked(world: World) -> None:
    world.looks = {TABLE: Look(TABLE, ago(75))}
    world.everywhere(TABLE, ago(80))


def table_quiet(world: World) -> None:
    world.looks = {TABLE: Look(TABLE, ago(1))}
    world.everywhere(TABLE, ago(80))


def corrected(world: World) -> None:
    world.everywhere(TABLE, ago(80))
    found = Correction(TABLE, ACME.slug, ago(10), ago(80), ago(5), "run")
    world.happened = replace(world.happened, corrections={(TABLE, ACME.slug): found})


def undated(world: World) -> None:
    world.nodes = (AssetNode(ORDERS, AssetKind.STREAM),)


def not_in_the_graph(world: World) -> None:
    world.promises = (Promise("shop/ordrs", Window(60 * MINUTE)),)


def no_window(world: World) -> None:
    world.promises = (Promise(DAY, grace=5 * MINUTE),)


def the_next_build_carries_it(world: World) -> None:
    world.stuck(DAY, ago(10), ago(65))


def the_window_is_tighter_than_the_cadence(world: World) -> None:
    world.promises = (Promise(PRICES, Window(5 * MINUTE)),)


def a_sync_runs_after_a_pause(world: World) -> None:
    world.everywhere(ORDERS, ago(80))
    world.feed = Feed(15 * MINUTE, (sync(79),), running_since=ago(1))


def everything_stopped(world: World) -> None:
    world.stuck(DAY, ago(58), ago(59))
    world.everywhere(ORDERS, ago(61))
    world.held[ORDERS] = {ORDERS: ago(50)}
    world.feed = Feed(15 * MINUTE, (sync(49),))


def a_daily_sync_is_missed_and_its_deadline_passes(world: World) -> None:
    world.promises = (Promise(ORDERS, Deadline(time(11))),)
    world.everywhere(ORDERS, ago(24 * 60 + 30))
    world.feed = Feed(24 * 60 * MINUTE, (sync(24 * 60 + 20),))


TABLE_OF_CAUSES: list[tuple[Callable[[World], None], str, CauseKind, str]] = [
    (sync_failed, BOARD, CauseKind.SYNC_FAILED, ORDERS),
    (sync_failed, ORDERS, CauseKind.SYNC_FAILED, ORDERS),
    (sync_not_run, BOARD, CauseKind.SYNC_NOT_RUN, ORDERS),
    (a_daily_sync_is_missed_and_its_deadline_passes, ORDERS, CauseKind.SYNC_NOT_RUN, ORDERS),
    (sync_hangs, BOARD, CauseKind.SYNC_RUNNING_LONG, ORDERS),
    (a_sync_runs_after_a_pause, BOARD, CauseKind.WAITING, ORDERS),
    (feed_quiet, BOARD, CauseKind.FEED_QUIET, ORDERS),
    (quiet_long_before_the_syncs_stopped, BOARD, CauseKind.FEED_QUIET, ORDERS),
    (quiet_long_before_the_newest_sync_failed, BOARD, CauseKind.FEED_QUIET, ORDERS),
    (table_quiet, BOARD, CauseKind.FEED_QUIET, TABLE),
    (zero_rows, BOARD, CauseKind.ZERO_ROWS, ORDERS),
    (zero_rows_is_odd_before_it_is_late, ORDERS, CauseKind.ZERO_ROWS, ORDERS),
    (never_connected, ORDERS, CauseKind.NEVER_LOADED, ORDERS),
    (never_brought_rows, BOARD, CauseKind.NEVER_LOADED, ORDERS),
    (only_synthetic, BOARD, CauseKind.NEVER_LOADED, ORDERS),
    (build_failed, BOARD, CauseKind.BUILD_FAILED, DAY),
    (build_failed, DAY, CauseKind.BUILD_FAILED, DAY),
    (build_skipped, BOARD, CauseKind.BUILD_SKIPPED, DAY),
    (build_skipped_by_a_test, BOARD, CauseKind.BUILD_SKIPPED, STAGED),
    (build_skipped_by_a_model, BOARD, CauseKind.BUILD_FAILED, STAGED),
    (build_not_run, BOARD, CauseKind.BUILD_NOT_RUN, DAY),
    (one_model_left_out, BOARD, CauseKind.BUILD_NOT_RUN, DAY),
    (never_built, BOARD, CauseKind.BUILD_NOT_RUN, DAY),
    (withheld, BOARD, CauseKind.WITHHELD, BOARD),
    (not_published, BOARD, CauseKind.NOT_PUBLISHED, BOARD),
    (no_row_to_publish, BOARD, CauseKind.NOT_PUBLISHED, BOARD),
    (clock, ORDERS, CauseKind.CLOCK, ORDERS),
    (clock, BOARD, CauseKind.CLOCK, ORDERS),
    (look_failed, TABLE, CauseKind.COULD_NOT_LOOK, TABLE),
    (look_failed, BOARD, CauseKind.COULD_NOT_LOOK, TABLE),
    (nobody_looked, TABLE, CauseKind.COULD_NOT_LOOK, TABLE),
    (nobody_looked, BOARD, CauseKind.COULD_NOT_LOOK, TABLE),
    (corrected, BOARD, CauseKind.CORRECTED, TABLE),
    (undated, ORDERS, CauseKind.UNDATED, ORDERS),
    (not_in_the_graph, "shop/ordrs", CauseKind.UNDATED, "shop/ordrs"),
    (no_window, DAY, CauseKind.NO_WINDOW, TABLE),
    (the_next_build_carries_it, BOARD, CauseKind.WAITING, DAY),
    (the_window_is_tighter_than_the_cadence, PRICES, CauseKind.WAITING, PRICES),
    (everything_stopped, BOARD, CauseKind.SYNC_NOT_RUN, ORDERS),
]  # fmt: skip


@pytest.mark.promise("B54")
@pytest.mark.parametrize(
    ("wrong", "asset", "kind", "root"),
    TABLE_OF_CAUSES,
    ids=[f"{wrong.__name__}-{asset}" for wrong, asset, *_ in TABLE_OF_CAUSES],
)
def test_the_one_cause_is_named(wrong: Callable[[World], None], asset: str, kind: CauseKind, root: str) -> None:
    world = World()
    wrong(world)
    cause = world.cause(asset)
    assert (cause.kind, cause.root, cause.asset, cause.tenant) == (kind, root, asset, ACME.slug)
    assert cause.says
    assert cause.remedy


def test_every_kind_of_cause_is_in_the_table() -> None:
    assert {kind for _, _, kind, _ in TABLE_OF_CAUSES} == set(CauseKind) - BESIDE_PROMISES


def test_a_kept_promise_has_no_cause() -> None:
    world = World()
    assert world.judged(BOARD)[0].state is State.PASS
    with pytest.raises(ValueError, match="keeps its promise"):
        world.cause()


def test_the_failures_own_text_is_told_on_one_line_and_bounded() -> None:
    world = World()
    sync_failed(world)
    assert "403: token expired at line 1" in world.cause().says
    assert "5 min ago, like every one for 21 min" in world.cause().says
    world.feed = Feed(15 * MINUTE, (sync(5, status="failed", error="x" * 10_000), sync(79)))
    assert len(world.cause().says) < LONGEST_QUOTE + 100


def test_what_it_is_not_is_said_too() -> None:
    world = World()
    feed_quiet(world)
    ruled_out = " | ".join(world.cause().ruled_out)
    assert f"{TABLE}, {PRICES} are fresh (the oldest 6 min old)" in ruled_out
    assert "the newest sync of shop succeeded 5 min ago" in ruled_out
    assert f"{BOARD} was published 2 min ago and holds all there is of {ORDERS}" in ruled_out


def test_a_failing_sync_is_one_cause_for_all_streams_of_its_source() -> None:
    world = World()
    sync_failed(world)
    world.held[PRICES] = {PRICES: ago(80)}
    one, other = world.cause(ORDERS), world.cause(PRICES)
    assert one != other
    assert one.identity == other.identity == (CauseKind.SYNC_FAILED, "shop")


def test_dbt_that_stands_still_is_one_cause_for_all_it_builds_and_a_model_left_out_is_its_own() -> None:
    world = World()
    build_not_run(world)
    assert world.cause().identity == (CauseKind.BUILD_NOT_RUN, "dbt")
    assert "dbt has built nothing for 1 h 20 min" in world.cause().says
    world = World()
    one_model_left_out(world)
    assert world.cause().identity == (CauseKind.BUILD_NOT_RUN, DAY)
    assert "though dbt as a whole ran 3 min ago" in world.cause().says


def test_the_same_cause_a_minute_later_is_equal_and_hashes_alike() -> None:
    world = World()
    build_failed(world)
    first = world.cause()
    later = replace(first, says="dbt failed 4 min ago", ruled_out=())
    assert first == later
    assert len({first, later}) == 1


def test_when_it_began_is_the_first_failure_since_all_was_well() -> None:
    world = World()
    sync_failed(world)
    assert world.cause().since == ago(21)
