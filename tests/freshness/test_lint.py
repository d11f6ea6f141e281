"""What lint finds in a declaration, as tables: cadences against windows, promises against each other and the graph."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.freshness.declared import Declared
from telemetry_assets.freshness.finding import Finding, Kind, Severity
from telemetry_assets.freshness.lineage import graph_of
from telemetry_assets.freshness.lint import lint
from telemetry_assets.freshness.pace import Pace, Routes, short
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Deadline, Promise, Tenant, Window
from telemetry_assets.spoken import named

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SYNC = Clock(ClockKind.SYNC)
TENANTS = tuple(Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(("acme", "globex"), 1))
NODES = (
    AssetNode("ads/clicks", AssetKind.STREAM, clock=SYNC),
    AssetNode("staging/clicks", AssetKind.VIEW, ("ads/clicks",)),
    AssetNode("core/daily", AssetKind.MODEL, ("staging/clicks",)),
    AssetNode("marts/board", AssetKind.MODEL, ("core/daily",), exposures=("sales",)),
    AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("marts/board",)),
)
EVERYTHING = (Promise("snapshots/board", Window(60 * MINUTE)), Promise("*", Window(30 * DAY)))


def paces(sync=15 * MINUTE, dbt=None, snapshots=None, *, run=timedelta(0)) -> Mapping[str, Pace]:
    """Every step takes ``run``, each of the two models of the build its half of it."""
    return {
        "ads/clicks": Pace("sync", sync, run),
        "core/daily": Pace("dbt", dbt, run / 2),
        "marts/board": Pace("dbt", dbt, run / 2),
        "snapshots/board": Pace("snapshots", snapshots, run),
    }


def found(promises: Sequence[Promise] = EVERYTHING, nodes=NODES, **more) -> list[Finding]:
    declared = {"tenants": TENANTS, "paces": paces(), **more}
    return list(lint(Declared(nodes, promises, **declared), NOW))


def about(kind: Kind, *given: Sequence, **more) -> list[Finding]:
    return [one for one in found(*given, **more) if one.kind is kind]


def test_what_can_be_kept_has_nothing_to_say() -> None:
    assert [one for one in found() if one.severity is not Severity.NOTE] == []


@pytest.mark.promise("F1")
def test_an_hour_promised_over_a_daily_build_is_an_error_with_its_arithmetic() -> None:
    (one,) = about(Kind.INFEASIBLE, paces=paces(30 * MINUTE, 24 * HOUR, run=2 * MINUTE + 30 * timedelta(seconds=1)))
    assert one.severity is Severity.ERROR
    assert one.place == ("promises", 0, "window")
    assert one.words == "snapshots/board: 30m sync + 24h dbt + 7m30s run > 60m promised; no run can keep it."
    assert one.remedy == "Promise more than 24h37m30s, or run dbt more often than every 24h."


@pytest.mark.parametrize(
    ("sync", "dbt", "snapshots", "run", "severity"),
    [
        (15 * MINUTE, None, 30 * MINUTE, 0 * MINUTE, None),
        (15 * MINUTE, None, 30 * MINUTE, 4 * MINUTE + 59 * timedelta(seconds=1), None),
        (15 * MINUTE, None, 30 * MINUTE, 5 * MINUTE, Severity.WARNING),
        (30 * MINUTE, None, 30 * MINUTE, 0 * MINUTE, Severity.WARNING),
        (30 * MINUTE, None, 30 * MINUTE, 1 * MINUTE, Severity.WARNING),
        (31 * MINUTE, None, 30 * MINUTE, 0 * MINUTE, Severity.ERROR),
        (60 * MINUTE, None, None, 0 * MINUTE, Severity.WARNING),
        (20 * MINUTE, 20 * MINUTE, 20 * MINUTE, 0 * MINUTE, Severity.WARNING),
        (20 * MINUTE, 21 * MINUTE, 20 * MINUTE, 0 * MINUTE, Severity.ERROR),
    ],
)
def test_cadences_alone_make_an_error_and_run_times_a_warning(sync, dbt, snapshots, run, severity) -> None:
    """Two models in one build are waited for once; three steps run, one after the other."""
    told = about(Kind.INFEASIBLE, paces=paces(sync, dbt, snapshots, run=run))
    assert [one.severity for one in told] == ([severity] if severity else [])


def test_a_window_that_healthy_data_turns_due_in_is_a_warning() -> None:
    promise = Promise("snapshots/board", Window(60 * MINUTE, warn=20 * MINUTE))
    (one,) = about(Kind.TIGHT, [promise, EVERYTHING[1]], paces=paces(snapshots=30 * MINUTE))
    assert (one.severity, one.words) == (
        Severity.WARNING,
        "snapshots/board: 15m sync + 30m snapshots > 20m, where it is due; healthy data will be shown as due.",
    )


def test_healthy_data_that_just_reaches_where_it_is_due_is_told_too() -> None:
    (one,) = about(Kind.TIGHT, [Promise("ads/*", Window(HOUR, warn=15 * MINUTE)), EVERYTHING[1]])
    assert one.words.startswith("ads/clicks: 15m sync = 15m, where it is due")


def test_a_tenants_own_window_is_held_against_the_same_way_up_and_only_that_tenant_is_named() -> None:
    promise = Promise("snapshots/board", Window(60 * MINUTE), overrides={"acme": Window(10 * MINUTE)})
    (one,) = about(Kind.INFEASIBLE, [promise, EVERYTHING[1]])
    assert one.words.startswith("snapshots/board for acme: 15m sync > 10m promised")
    assert one.tenants == ("acme",)


def test_a_grace_is_held_against_the_roots_window_and_itself() -> None:
    promises = [Promise("ads/*", Window(20 * MINUTE)), Promise("marts/*", grace=30 * MINUTE), EVERYTHING[1]]
    (one,) = about(Kind.INFEASIBLE, promises, paces=paces(15 * MINUTE, 40 * MINUTE))
    assert (one.place, one.words.split(";")[0]) == (
        ("promises", 1, "grace"), "marts/board: 15m sync + 40m dbt > 50m promised",
    )  # fmt: skip


def test_assets_of_one_promise_with_the_same_arithmetic_are_one_finding() -> None:
    (one,) = about(Kind.INFEASIBLE, [Promise("*", Window(30 * MINUTE))], paces=paces(10 * MINUTE, HOUR, HOUR))[:-1]
    assert one.assets == ("core/daily", "marts/board")


def test_the_slowest_of_several_ways_counts() -> None:
    nodes = (*NODES[:4], AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("ads/clicks", "marts/board")))
    (one,) = about(Kind.INFEASIBLE, EVERYTHING, nodes, paces=paces(dbt=2 * HOUR))
    assert "15m sync + 2h dbt" in one.words


def test_a_circle_in_the_graph_ends() -> None:
    nodes = (*NODES[:2], AssetNode("core/daily", AssetKind.MODEL, ("staging/clicks", "marts/board")), *NODES[3:])
    assert Routes(graph_of(nodes), paces()).slowest("ads/clicks", "snapshots/board") is not None


@pytest.mark.parametrize(
    ("deadline", "sync", "run", "kind", "severity"),
    [
        (Deadline(by=time(9)), 15 * MINUTE, 0 * MINUTE, None, None),
        (Deadline(by=time(9)), 9 * HOUR, 0 * MINUTE, None, None),
        (Deadline(by=time(9)), 10 * HOUR, 0 * MINUTE, Kind.TIGHT, Severity.WARNING),
        (Deadline(by=time(9), grace=HOUR), 10 * HOUR, 0 * MINUTE, None, None),
        (Deadline(by=time(9), since=time(22)), 11 * HOUR, 0 * MINUTE, None, None),
        (Deadline(by=time(9)), 24 * HOUR, 0 * MINUTE, Kind.TIGHT, Severity.WARNING),
        (Deadline(by=time(9)), 15 * MINUTE, 3 * HOUR, Kind.INFEASIBLE, Severity.ERROR),
    ],
)
def test_of_a_deadline_only_what_is_provable_is_an_error(deadline, sync, run, kind, severity) -> None:
    told = found([Promise("snapshots/board", deadline), EVERYTHING[1]], paces=paces(sync, run=run))
    strained = [(one.kind, one.severity) for one in told if one.kind in (Kind.INFEASIBLE, Kind.TIGHT)]
    assert strained == ([(kind, severity)] if kind else [])


def test_a_deadline_without_a_zone_on_data_without_tenants_is_said_to_be_in_utc() -> None:
    nodes = (*NODES, AssetNode("fx/rates", AssetKind.TABLE, clock=SYNC, tenanted=False))
    plain, zoned = (Promise("*", Deadline(time(9), zone=zone)) for zone in (None, "Europe/Berlin"))
    (one,) = about(Kind.NO_ZONE, [plain], nodes)
    assert (one.severity, one.place, one.assets) == (Severity.NOTE, ("promises", 0, "by"), ("fx/rates",))
    assert one.words == "fx/rates: by 09:00 is meant in UTC, there is no tenant to have a zone."
    assert about(Kind.NO_ZONE, [zoned], nodes) == about(Kind.NO_ZONE, [plain]) == []
    (everything,) = about(Kind.NO_ZONE, [plain], tenants=())
    assert len(everything.assets) == len(NODES)


@pytest.mark.parametrize(
    ("promises", "kind", "severity", "words"),
    [
        (["ads/*", "ads/clicks"], Kind.NEVER_USED, Severity.ERROR, "it stands behind promises[0] (ads/*)"),
        (["ads/clicks", "ads/*"], Kind.NEVER_USED, Severity.ERROR, "it stands behind promises[0] (ads/clicks)"),
        (["marts/*", "*"], Kind.OVERLAP, Severity.NOTE, "stands behind promises[0] (marts/*) for 1 of its 5 assets"),
        (["addz/*"], Kind.NO_ASSET, Severity.WARNING, "addz/*: no asset"),
        (["marts/bord"], Kind.NO_ASSET, Severity.ERROR, "marts/bord: there is no such asset"),
    ],
)
def test_promises_that_overlap_or_match_nothing_are_told(promises, kind, severity, words) -> None:
    (one,) = about(kind, [Promise(asset, Window(30 * DAY)) for asset in promises])
    assert one.severity is severity
    assert one.place == ("promises", len(promises) - 1, "asset")
    assert words in one.words


def test_a_promise_that_matches_nothing_offers_the_nearest_of_its_kind() -> None:
    (pattern,) = about(Kind.NO_ASSET, [Promise("martz/*", Window(DAY))])
    (key,) = about(Kind.NO_ASSET, [Promise("marts/bord", Window(DAY))])
    assert (pattern.remedy, key.remedy) == ("Did you mean marts/*?", "Did you mean marts/board?")


def test_tenants_that_an_unused_promise_was_meant_for_are_named() -> None:
    promises = [
        Promise("snapshots/*", Window(DAY), tenants=frozenset({"acme"})),
        Promise("snapshots/board", Window(DAY), tenants=frozenset({"globex"})),
    ]
    (one,) = about(Kind.NEVER_USED, promises)
    assert "nothing is promised to globex there" in one.words


def test_without_the_whole_graph_nothing_is_said_to_be_missing_from_it() -> None:
    assert about(Kind.NO_ASSET, [Promise("marts/bord", Window(DAY))], whole=False) == []


def test_what_people_look_at_and_nobody_is_promised_is_told_by_who_looks() -> None:
    told = about(Kind.UNPROMISED, [Promise("ads/*", Window(DAY))])
    assert [(one.severity, one.words) for one in told] == [
        (Severity.WARNING, "marts/board: read by sales, and promised to nobody."),
        (Severity.WARNING, "snapshots/board: published, and promised to nobody."),
    ]
    (nothing,) = about(Kind.UNPROMISED, [])
    assert nothing.words == "nothing is promised."


@pytest.mark.parametrize(
    ("clock", "kinds"),
    [(SYNC, set()), (None, {Kind.NEVER_JUDGED}), (Clock(ClockKind.STATIC), {Kind.NEVER_JUDGED})],
)
def test_a_promise_that_no_clock_dates_is_unknown_for_ever(clock, kinds) -> None:
    nodes = (AssetNode("ads/clicks", AssetKind.STREAM, clock=clock), *NODES[1:])
    assert {one.kind for one in found(nodes=nodes) if one.severity is not Severity.NOTE} == kinds


def test_an_undated_root_beside_a_dated_one_is_a_note_unless_it_was_meant() -> None:
    more = (
        AssetNode("shop/prices", AssetKind.TABLE),
        AssetNode("shop/codes", AssetKind.SEED),
        AssetNode("shop/zones", AssetKind.TABLE, clock=Clock(ClockKind.STATIC)),
    )
    board = AssetNode("marts/board", AssetKind.MODEL, ("core/daily", *(node.key for node in more)))
    (one,) = about(Kind.UNDATED, [Promise("marts/*", Window(DAY))], (*more, *NODES[:3], board))
    assert one.words == "marts/board: judged without shop/prices, which no clock dates."
    assert one.severity is Severity.NOTE


def test_a_grace_on_a_root_without_a_window_can_never_be_judged() -> None:
    (one,) = about(Kind.NEVER_JUDGED, [Promise("marts/*", grace=HOUR)])
    assert "ads/clicks has no window that a grace could add to" in one.words


def test_a_tenant_whose_roots_are_promised_to_others_can_never_be_judged() -> None:
    promises = [
        Promise("ads/*", Window(DAY), tenants=frozenset({"acme"})),
        Promise("marts/*", Window(DAY), overrides={"globex": Window(2 * DAY)}),
    ]
    (one,) = about(Kind.NEVER_JUDGED, promises)
    assert "what it is made from (ads/clicks) is promised to others only" in one.words
    assert one.tenants == ("globex",)


def test_a_parent_that_is_no_asset_is_told_with_the_nearest() -> None:
    nodes = (*NODES[:4], AssetNode("snapshots/board", AssetKind.SNAPSHOT, ("marts/bord",)))
    (one,) = about(Kind.UNKNOWN_PARENT, EVERYTHING, nodes)
    assert (one.place, one.remedy) == (("snapshots", "board", "relation"), "Did you mean marts/board?")


def test_dbts_sources_that_only_warn_are_noted_unless_promised_otherwise() -> None:
    table = AssetNode(
        "shop/orders", AssetKind.TABLE, clock=Clock(ClockKind.COLUMN, "at"), window=Window(36_500 * DAY, DAY)
    )
    (one,) = about(Kind.ONLY_WARNS, [], (table,))
    assert one.words == "shop/orders: warn_after alone, so due at most, never late."
    assert about(Kind.ONLY_WARNS, [Promise("shop/*", Window(DAY))], (table,)) == []


def test_a_cadence_nobody_declared_is_counted_as_none_and_said() -> None:
    table = AssetNode("shop/orders", AssetKind.TABLE, clock=Clock(ClockKind.COLUMN, "at"))
    (one,) = about(Kind.CADENCE_UNKNOWN, [Promise("shop/*", Window(DAY))], (table,))
    assert one.assets == ("shop/orders",)


def test_a_window_below_what_dagsters_policy_knows_is_noted() -> None:
    (one,) = about(Kind.BELOW_POLICY, [Promise("ads/*", Window(timedelta(seconds=59)))])
    assert (one.severity, one.place) == (Severity.NOTE, ("promises", 0, "window"))
    assert about(Kind.BELOW_POLICY, [Promise("ads/*", Window(MINUTE))]) == []


@pytest.mark.parametrize(
    ("owner", "owners", "words"),
    [
        (None, None, None),
        ("me", {"me"}, None),
        (None, {"me"}, "no owner, so me is told"),
    ],
)
def test_a_promise_nobody_answers_for_is_noted_where_owners_are_declared(owner, owners, words) -> None:
    told = about(Kind.NO_OWNER, [Promise("*", Window(30 * DAY), owner=owner)], owners=owners)
    assert [words in one.words for one in told] == ([True] if words else [])


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (None, set()),
        ({}, set()),
        ({"acme": NOW, "globex": NOW}, set()),
        ({"acme": NOW}, {Kind.NEVER_SEEN}),
        ({"acme": NOW, "globex": NOW, "gone": NOW - 8 * DAY}, set()),
        ({"acme": NOW, "globex": NOW, "new": NOW - DAY}, {Kind.UNKNOWN_TENANT}),
        ({"acme": NOW, "globex": NOW, "*": NOW}, set()),
    ],
)
def test_tenants_never_seen_and_tenants_never_declared_are_warned_of(seen, kinds) -> None:
    told = found(seen=seen)
    assert {one.kind for one in told if one.severity is Severity.WARNING} == kinds


def test_a_tenant_that_nothing_is_promised_is_warned_of_at_its_line() -> None:
    told = about(Kind.UNPROMISED, [Promise("*", Window(30 * DAY), tenants=frozenset({"acme"}))])
    assert [(one.place, one.words) for one in told] == [(("tenants", 1), "globex: promised nothing.")]


def test_rows_of_a_tenant_nobody_declared_are_told_with_their_tables() -> None:
    (one,) = about(Kind.UNKNOWN_TENANT, strangers={"77": ("ads/clicks",)})
    assert one.words == "ads/clicks: rows of tenant 77, whom nobody declared."


def test_errors_come_first() -> None:
    promises = [Promise("martz/*", Window(DAY)), Promise("ads/*", Window(MINUTE)), Promise("x/*", Window(DAY))]
    severities = [one.severity for one in found(promises)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert len(set(severities)) > 1


@given(
    sync=st.integers(1, 2000), dbt=st.none() | st.integers(1, 2000), snapshots=st.none() | st.integers(1, 2000),
    fail=st.integers(1, 6000),
)  # fmt: skip
def test_an_error_is_said_exactly_where_the_cadences_exceed_the_window(sync, dbt, snapshots, fail) -> None:
    def minutes(count: int | None) -> timedelta | None:
        return None if count is None else count * MINUTE

    told = about(
        Kind.INFEASIBLE,
        [Promise("snapshots/board", Window(fail * MINUTE))],
        paces=paces(minutes(sync), minutes(dbt), minutes(snapshots)),
    )
    errors = [one for one in told if one.severity is Severity.ERROR]
    assert bool(errors) == (sync + (dbt or 0) + (snapshots or 0) > fail)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0s"), (59 * timedelta(seconds=1), "59s"), (90 * MINUTE, "90m"), (2 * HOUR, "2h"),
        (24 * HOUR, "24h"), (25 * HOUR + MINUTE, "25h1m"), (2 * DAY, "2d"), (2 * DAY + HOUR, "2d1h"),
        (61 * timedelta(seconds=1), "1m1s"),
    ],
)  # fmt: skip
def test_a_span_is_written_as_in_the_file(span, text) -> None:
    assert short(span) == text


def test_a_few_of_many_are_named() -> None:
    assert [named(list("abcd"[:count])) for count in range(5)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
        "a, b, c and 1 more",
    ]


def test_a_file_that_declares_no_asset_is_told_that_and_nothing_else() -> None:
    (one,) = found(nodes=())
    assert (one.kind, one.severity) == (Kind.NO_ASSET, Severity.WARNING)
    assert found(nodes=(), whole=False) == []
