"""The judgement as a table: boundaries to the second, absence, disbelief, and which root decides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import NAMESPACE_DNS, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.freshness.cutoff import cutoffs_of
from telemetry_assets.freshness.judge import Judgement, judge, judge_all, known, state_of, worst
from telemetry_assets.freshness.owed import Owed, Terms, subjects_owed
from telemetry_assets.model import (
    AssetKind,
    AssetNode,
    Clock,
    Deadline,
    Limit,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from telemetry_assets.spoken import spoken

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WINDOW = Window(fail=60 * MINUTE, warn=45 * MINUTE)
ASSET, ROOT, OTHER = "marts/daily", "meta/insights", "google/insights"


def _tenants(slugs: Sequence[str]) -> list[Tenant]:
    return [Tenant(slug, uuid5(NAMESPACE_DNS, slug), slug) for slug in slugs]


def _owed(window: Limit | None = WINDOW, **windows: Limit | None) -> Owed:
    by_root = {ROOT: window, **{key.replace("__", "/"): value for key, value in windows.items()}}
    run_window = window if isinstance(window, Window) else None
    return Owed(ASSET, "one", Terms(by_root, run_window, (), "data-eng"))


def _fact(data_age: timedelta = MINUTE, run_age: timedelta = MINUTE, **others: timedelta) -> SubjectFact:
    data_times = {ROOT: NOW - data_age, **{key.replace("__", "/"): NOW - age for key, age in others.items()}}
    return SubjectFact(ASSET, "one", NOW - run_age, "run-1", "dbt", data_times)


@pytest.mark.promise("B31", "B48", "B13", "F2")
@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(0), State.PASS),
        (45 * MINUTE - SECOND, State.PASS),
        (45 * MINUTE, State.WARN),
        (45 * MINUTE + SECOND, State.WARN),
        (60 * MINUTE - SECOND, State.WARN),
        (60 * MINUTE - timedelta(microseconds=1), State.WARN),
        (60 * MINUTE, State.FAIL),
        (60 * MINUTE + SECOND, State.FAIL),
        (72 * HOUR, State.FAIL),
    ],
)
def test_fresh_is_younger_than_the_window_and_exactly_at_it_is_late(age: timedelta, state: State) -> None:
    judged = judge(_owed(), _fact(data_age=age), NOW)
    assert (judged.state, judged.data_age, judged.data_time) == (state, age, NOW - age)
    assert judged.run_state is State.PASS
    patient = Owed(ASSET, "one", Terms({ROOT: Window(999 * HOUR)}, WINDOW, (), None))
    by_run = judge(patient, _fact(age, age), NOW)
    assert (by_run.run_state, by_run.run_age, by_run.state) == (state, age, State.PASS)


@pytest.mark.parametrize(("age", "state"), [(60 * MINUTE - SECOND, State.PASS), (60 * MINUTE, State.FAIL)])
def test_a_window_without_a_warning_goes_from_fresh_to_late(age: timedelta, state: State) -> None:
    assert judge(_owed(Window(60 * MINUTE)), _fact(data_age=age), NOW).state is state


def test_a_fresh_run_over_old_data_is_late_and_says_by_what() -> None:
    judged = judge(_owed(), _fact(data_age=73 * HOUR), NOW)
    assert judged == Judgement(
        asset=ASSET,
        tenant="one",
        state=State.FAIL,
        run_age=MINUTE,
        data_age=73 * HOUR,
        limit=WINDOW,
        binding_root=ROOT,
        data_time=NOW - 73 * HOUR,
        run_time=NOW - MINUTE,
        run_state=State.PASS,
        reason="meta/insights is 3 d 1 h old, promised under 1 h",
        owner="data-eng",
        run_window=60 * MINUTE,
        slack=-72 * HOUR,
    )


@pytest.mark.promise("C17")
def test_what_no_run_ever_loaded_is_missing_in_both_lights() -> None:
    judged = judge(_owed(), None, NOW)
    assert (judged.state, judged.run_state) == (State.MISSING, State.MISSING)
    assert (judged.data_age, judged.run_age, judged.binding_root) == (None, None, None)
    assert judged.reason == "no run has ever loaded it"


def test_synthetic_rows_count_as_never_seen() -> None:
    judged = judge(_owed(), replace(_fact(), synthetic=True), NOW)
    assert (judged.state, judged.run_state, judged.run_age) == (State.MISSING, State.MISSING, None)
    assert "synthetic" in judged.reason


def test_a_promised_root_that_the_run_did_not_hold_is_missing_and_named() -> None:
    judged = judge(_owed(google__insights=WINDOW), _fact(data_age=99 * HOUR), NOW)
    assert (judged.state, judged.binding_root, judged.data_age) == (State.MISSING, OTHER, None)
    assert OTHER in judged.reason
    assert judged.run_state is State.PASS


def test_a_root_that_loaded_without_any_dated_row_says_so() -> None:
    owed = Owed(ROOT, "one", Terms({ROOT: WINDOW}, WINDOW, (), None))
    judged = judge(owed, replace(_fact(), asset=ROOT, data_times={}), NOW)
    assert (judged.state, judged.binding_root, judged.reason) == (
        State.MISSING,
        ROOT,
        "it was never loaded with dated rows",
    )


def test_without_a_dated_root_the_data_age_is_unknown_and_the_run_age_is_not() -> None:
    owed = Owed(ASSET, "one", Terms({}, WINDOW, ("zones", "raw/fixed"), None))
    judged = judge(owed, _fact(run_age=2 * HOUR), NOW)
    assert (judged.state, judged.undated, judged.run_state) == (State.UNKNOWN, True, State.FAIL)
    assert judged.reason == "nothing dates it: no clock on zones, raw/fixed"


def test_a_root_without_any_window_cannot_be_judged() -> None:
    judged = judge(_owed(None), _fact(), NOW)
    assert (judged.state, judged.run_state, judged.data_age) == (State.UNKNOWN, State.UNKNOWN, MINUTE)
    assert "no window" in judged.reason


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        (SECOND, State.PASS),
        (5 * MINUTE, State.PASS),
        (5 * MINUTE + SECOND, State.UNKNOWN),
        (9999 * HOUR, State.UNKNOWN),
    ],
)
def test_an_instant_more_than_five_minutes_ahead_is_not_believed(ahead: timedelta, state: State) -> None:
    judged = judge(_owed(), _fact(-ahead, timedelta(0)), NOW)
    assert judged.state is state
    assert judged.reason.startswith("clock") == (state is State.UNKNOWN)
    assert judged.data_age == (timedelta(0) if state is State.PASS else None)
    assert judge(_owed(), _fact(run_age=-ahead), NOW).run_state is state


@pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_judged_like_any_instant(instant: datetime) -> None:
    judged = judge(_owed(), replace(_fact(), data_times={ROOT: instant}, run_time=instant), NOW)
    assert judged.state is (State.FAIL if instant < NOW else State.UNKNOWN)


def test_the_root_with_the_least_slack_binds_not_the_oldest() -> None:
    owed = _owed(Window(24 * HOUR), google__insights=WINDOW)
    judged = judge(owed, _fact(data_age=20 * HOUR, google__insights=2 * HOUR), NOW)
    assert (judged.state, judged.binding_root, judged.data_age, judged.window) == (State.FAIL, OTHER, 2 * HOUR, HOUR)
    fresh = judge(owed, _fact(data_age=20 * HOUR, google__insights=44 * MINUTE), NOW)
    assert (fresh.state, fresh.binding_root) == (State.PASS, OTHER)


def test_a_late_root_outranks_one_whose_clock_nobody_believes() -> None:
    owed = _owed(google__insights=WINDOW)
    assert judge(owed, _fact(data_age=2 * HOUR, google__insights=-HOUR), NOW).binding_root == ROOT
    unsure = judge(owed, _fact(data_age=MINUTE, google__insights=-HOUR), NOW)
    assert (unsure.state, unsure.binding_root) == (State.UNKNOWN, OTHER)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], State.PASS),
        ([State.PASS, State.WARN], State.WARN),
        ([State.UNKNOWN, State.WARN], State.UNKNOWN),
        ([State.UNKNOWN, State.FAIL, State.PASS], State.FAIL),
        ([State.FAIL, State.MISSING], State.MISSING),
    ],
)
def test_the_worst_state_is_a_broken_promise_before_not_knowing(states: list[State], expected: State) -> None:
    assert worst(states) is expected


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=999), "0 s"),
        (59 * SECOND, "59 s"),
        (6 * MINUTE, "6 min"),
        (90 * SECOND, "1 min 30 s"),
        (HOUR + SECOND, "1 h"),
        (26 * HOUR + 59 * MINUTE, "1 d 2 h"),
    ],
)
def test_a_duration_is_spoken_in_its_two_greatest_units(duration: timedelta, words: str) -> None:
    assert spoken(duration) == words


META = AssetNode(ROOT, AssetKind.STREAM, clock=Clock())
GOOGLE = AssetNode(OTHER, AssetKind.STREAM, clock=Clock())
STAGING = AssetNode("stg/meta", AssetKind.VIEW, (ROOT,))
MART = AssetNode(ASSET, AssetKind.MODEL, ("stg/meta", OTHER))


def test_without_a_dated_root_what_never_ran_is_unknown_too_and_not_missing() -> None:
    owed = Owed(ASSET, "one", Terms({}, WINDOW, ("zones",), None))
    judged = judge(owed, None, NOW)
    assert (judged.state, judged.run_state) == (State.UNKNOWN, State.MISSING)


def test_a_value_nobody_could_know_when_it_was_seen_stays_disbelieved_when_its_time_has_come() -> None:
    seen = replace(_fact(data_age=-HOUR), run_time=NOW)
    for later in (timedelta(0), 54 * MINUTE, HOUR, 2 * HOUR):
        judged = judge(_owed(), seen, NOW + later)
        assert (judged.state, judged.reason[:6]) == (State.UNKNOWN, "clock:")


SEEN = SubjectFact(ROOT, "one", None, "watched", "watched", {ROOT: NOW - 2 * HOUR}, looked_at=NOW - MINUTE)
WATCHED = Owed(ROOT, "one", Terms({ROOT: WINDOW}, WINDOW, (), None))


@pytest.mark.parametrize(
    ("look", "state", "words"),
    [
        (None, State.FAIL, "2 h old"),
        (Look(ROOT, NOW - MINUTE), State.FAIL, "2 h old"),
        (Look(ROOT, NOW - 10 * MINUTE), State.FAIL, "2 h old"),
        (Look(ROOT, NOW - 10 * MINUTE - SECOND), State.UNKNOWN, "nobody looked for 10 min 1 s"),
        (Look(ROOT, NOW - MINUTE, "there is no table shop.orders"), State.UNKNOWN, "could not look: there is no table"),
    ],
)
def test_what_is_seen_from_outside_is_not_late_where_nobody_looked(look: Look | None, state: State, words: str) -> None:
    judged = judge(WATCHED, SEEN, NOW, look)
    assert (judged.state, judged.run_state, judged.run_age) == (state, State.UNKNOWN, None)
    assert words in judged.reason


def test_an_old_look_at_young_data_is_still_fresh() -> None:
    young = replace(SEEN, data_times={ROOT: NOW - 20 * MINUTE}, looked_at=NOW - 15 * MINUTE)
    assert judge(WATCHED, young, NOW, Look(ROOT, NOW - 15 * MINUTE)).state is State.PASS


def test_an_odd_load_is_a_warning_on_what_is_fresh_and_no_excuse_for_what_is_late() -> None:
    odd = "the sync of 11:59 brought 0 rows"
    assert [
        (one.state, one.reason == odd) for one in (judge(_owed(), _fact(age), NOW, None, odd) for age in (MINUTE, HOUR))
    ] == [
        (State.WARN, True),
        (State.FAIL, False),
    ]


def test_a_deadline_is_late_from_its_instant_on_and_says_by_when() -> None:
    owed = _owed(Deadline(time(9), warn=time(8, 30), zone="UTC"))
    yesterday = replace(_fact(), data_times={ROOT: NOW - 24 * HOUR})
    at = {minute: judge(owed, yesterday, NOW.replace(hour=8) + minute * MINUTE) for minute in (29, 30, 59, 60)}
    assert [at[minute].state for minute in at] == [State.PASS, State.WARN, State.WARN, State.FAIL]
    assert at[60].reason == "meta/insights is 21 h old, promised by 09:00 (UTC) to reach 00:00"
    assert at[60].window is None


def test_of_equally_bad_roots_the_one_with_the_least_slack_binds() -> None:
    judged = judge(
        _owed(Window(2 * HOUR), google__insights=Window(10 * MINUTE)), _fact(3 * HOUR, google__insights=2 * HOUR), NOW
    )
    assert (judged.binding_root, judged.slack) == (OTHER, -110 * MINUTE)


def test_one_dead_feed_is_late_all_the_way_down_and_for_its_tenant_alone() -> None:
    nodes, tenants = (META, GOOGLE, STAGING, MART), ["alive", "dead"]
    facts = [
        SubjectFact(asset, tenant, NOW - MINUTE, "run", "dbt", data_times)
        for tenant, age in (("alive", MINUTE), ("dead", 72 * HOUR))
        for asset, data_times in (
            (ROOT, {ROOT: NOW - age}),
            (OTHER, {OTHER: NOW - MINUTE}),
            ("stg/meta", {}),
            (ASSET, {ROOT: NOW - age, OTHER: NOW - MINUTE}),
        )
    ]
    judged = judge_all(
        subjects_owed(nodes, [Promise("*", limit=WINDOW)], _tenants(tenants)), nodes, known(facts), tenants, NOW
    )
    assert {(one.asset, one.tenant) for one in judged if one.state is State.FAIL} == {
        (asset, "dead") for asset in (ROOT, "stg/meta", ASSET)
    }
    assert {one.binding_root for one in judged if one.state is State.FAIL} == {ROOT}
    assert {one.run_state for one in judged} == {State.PASS}
    assert len(judged) == 8


def test_tenants_that_never_arrived_are_judged_beside_those_that_did() -> None:
    facts = [SubjectFact(ROOT, "alive", NOW, "run", "airbyte", {ROOT: NOW})]
    tenants = ["alive", "absent"]
    judged = judge_all(
        subjects_owed([META], [Promise(ROOT, limit=WINDOW)], _tenants(tenants)), [META], known(facts), tenants, NOW
    )
    assert [(one.tenant, one.state) for one in judged] == [("alive", State.PASS), ("absent", State.MISSING)]


AGES = st.timedeltas(timedelta(0), timedelta(days=3))
WINDOWS = st.builds(
    lambda fail, share: Window(fail, fail * share if share else None),
    st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.sampled_from([None, 0.5, 0.75]),
)


@given(window=WINDOWS, other=WINDOWS, age=AGES, other_age=AGES)
def test_late_is_exactly_what_is_not_after_its_cutoff(
    window: Window, other: Window, age: timedelta, other_age: timedelta
) -> None:
    owed, fact = _owed(window, google__insights=other), _fact(age, google__insights=other_age)
    limits = {root: limit for root, limit in owed.terms.limits.items() if limit is not None}
    late = any(fact.data_times[root] <= cutoffs_of(limit, NOW).fail for root, limit in limits.items())
    assert (judge(owed, fact, NOW).state is State.FAIL) == late


@given(window=WINDOWS, age=AGES, more=AGES)
def test_growing_older_never_makes_a_subject_fresher(window: Window, age: timedelta, more: timedelta) -> None:
    now, later = state_of(age, window), state_of(age + more, window)
    assert worst([now, later]) is later


@given(window=WINDOWS, age=AGES)
def test_the_window_of_a_verdict_explains_it(window: Window, age: timedelta) -> None:
    judged = judge(_owed(window), _fact(age), NOW)
    assert judged.data_age is not None
    assert judged.window is not None
    assert (judged.state is State.FAIL) == (judged.data_age >= judged.window)
    assert bool(judged.reason) == (judged.state is not State.PASS)


def test_a_source_that_could_not_be_asked_makes_unknown_what_is_not_fresh_and_nothing_else() -> None:
    refused = Look("shop", NOW - MINUTE, "Airbyte refused the connection")
    fresh = replace(SEEN, data_times={ROOT: NOW - MINUTE})
    assert judge(WATCHED, fresh, NOW, refused).state is State.PASS
    assert judge(WATCHED, SEEN, NOW, refused).reason == "could not look: Airbyte refused the connection"
