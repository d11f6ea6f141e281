"""The table of promises: the form that fits the terminal, the contrast line, the causes."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from rich.console import Console

from telemetry_assets.answers.status import RunLight, StatusAnswer
from telemetry_assets.freshness.facts import Correction
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import Deadline, Look, State, Window
from telemetry_assets.render import status as render
from telemetry_assets.render.words import age_text
from telemetry_assets.spoken import counted

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIVE = ("telemetry-tenant", "northshore", "blue-mountain", "harbour-foods", "coral-bay")
ASSETS = (
    "meta_ads/insights", "google_ads/insights", "marts/campaign_performance", "snapshots/tenant_dashboard",
)  # fmt: skip


def judgement(asset: str, tenant: str, state: State = State.PASS, minutes: float | None = 2, **more) -> Judgement:
    age = None if minutes is None else timedelta(minutes=minutes)
    return Judgement(
        **{
            "asset": asset, "tenant": tenant, "state": state, "run_age": timedelta(minutes=1), "data_age": age,
            "limit": Window(timedelta(minutes=6)), "binding_root": "meta_ads/insights", "data_time": None,
            "run_time": None,
            "run_state": State.PASS, "reason": "", "owner": None, "run_window": timedelta(minutes=6), **more,
        }
    )  # fmt: skip


@pytest.fixture
def answer() -> Callable[..., StatusAnswer]:
    def build(tenants=FIVE, *, dead=(), never=(), light=State.PASS) -> StatusAnswer:
        rows = []
        for asset in ASSETS:
            for tenant in tenants:
                if tenant in never:
                    nothing = {"run_age": None, "binding_root": None, "limit": None, "reason": "no run ever loaded it"}
                    rows.append(judgement(asset, tenant, State.MISSING, None, run_state=State.MISSING, **nothing))
                elif tenant in dead and asset != "google_ads/insights":
                    rows.append(judgement(asset, tenant, State.FAIL, 4380))
                else:
                    rows.append(judgement(asset, tenant))
        lights = {asset: RunLight(light, timedelta(minutes=1), Window(timedelta(minutes=6))) for asset in ASSETS}
        return StatusAnswer(NOW, tuple(rows), lights, promises=len(rows))

    return build


def drawn(answer: StatusAnswer, width: int) -> str:
    out = io.StringIO()
    render.draw(answer, Console(file=out, width=width, highlight=False, markup=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_five_tenants_fit_a_terminal_with_every_name_whole(answer, width) -> None:
    text = drawn(answer(dead=("coral-bay",)), width)
    table = text.split("● fresh")[0]
    assert max(len(line) for line in table.splitlines()) <= width
    assert "…" not in table
    for name in ("campaign_performance", "northshore", "telemetry-", "coral-", "within 6m", "✗ 3d 1h", "● 2m"):
        assert name in table


def test_a_wide_terminal_has_the_run_age_beside_the_data_age(answer) -> None:
    assert "✗ 3d 1h · 1m" in drawn(answer(dead=("coral-bay",)), 120)
    assert "✗ 3d 1h · 1m" not in drawn(answer(dead=("coral-bay",)), 80)


def test_the_contrast_is_said_in_one_line_and_the_cause_in_another(answer) -> None:
    lines = drawn(answer(dead=("coral-bay",)), 120).splitlines()
    assert "3 promises of 20 are broken under assets that a run-age light calls fresh." in lines
    assert (
        "✗ coral-bay  meta_ads/insights is 3d 1h old, 6m promised, though it ran 1m ago;"
        " with it marts/campaign_performance, snapshots/tenant_dashboard"
    ) in lines


def test_the_way_to_the_one_cause_is_a_command_to_copy(answer) -> None:
    assert "  why: telemetry why snapshots/tenant_dashboard --tenant coral-bay" in drawn(
        answer(dead=("coral-bay",)), 120
    )
    assert "telemetry why" not in drawn(answer(), 120)


def test_where_the_run_age_light_is_red_too_no_contrast_is_claimed(answer) -> None:
    text = drawn(answer(dead=("coral-bay",), light=State.FAIL), 120)
    assert "3 promises of 20 broken." in text
    assert "run-age light" not in text


def test_a_healthy_world_says_that_all_promises_are_kept(answer) -> None:
    assert "All 20 promises are kept." in drawn(answer(), 120)


def test_promises_that_cannot_be_judged_are_not_called_kept(answer) -> None:
    good = answer()
    rows = (replace(good.rows[0], state=State.UNKNOWN, reason="clock"), *good.rows[1:])
    assert "No promise is broken; 1 cannot be judged." in drawn(replace(good, rows=rows), 120)


def test_what_never_came_is_never_and_gives_its_reason(answer) -> None:
    text = drawn(answer(never=("northshore",)), 120)
    assert "○ never" in text
    assert "○ northshore  meta_ads/insights never came: no run ever loaded it" in text


def test_many_tenants_are_counted_per_state_with_the_worst_by_name(answer) -> None:
    text = drawn(answer(tuple(f"tenant-{number}" for number in range(40)), dead=("tenant-7",)), 100)
    line = next(line for line in text.splitlines() if line.startswith("meta_ads/insights"))
    assert line.split() == ["meta_ads/insights", "6m", "39", "1", "tenant-7", "3d", "1h", "●", "1m"]


def test_a_hundred_tenants_of_one_dead_root_are_one_line_with_the_worst(answer) -> None:
    many = tuple(f"tenant-{number}" for number in range(100))
    text = drawn(answer(many, dead=many), 120)
    (line,) = [line for line in text.splitlines() if "tenants  " in line]
    assert line == (
        "✗ 100 tenants  meta_ads/insights is late, worst tenant-0 (3d 1h old, 6m promised);"
        " with it marts/campaign_performance, snapshots/tenant_dashboard"
    )


@pytest.mark.parametrize("width", [80, 120])
def test_a_narrowed_answer_lists_each_promise_with_its_root(answer, width) -> None:
    whole = answer(dead=("coral-bay",))
    text = drawn(replace(whole, rows=whole.broken, narrowed=True), width)
    assert text.count("✗ late") == 3
    assert text.count("meta_ads/insights") > 3
    assert all(len(line) <= width for line in text.split("3 promises")[0].splitlines())


WEEKDAYS = Deadline(by=time(9), days=frozenset(range(5)), zone="America/Jamaica")


@pytest.mark.parametrize("width", [80, 120])
def test_a_deadline_reads_as_it_was_promised_in_every_form(answer, width) -> None:
    good = answer(("acme", "globex"))
    rows = tuple(replace(row, limit=WEEKDAYS) for row in good.rows)
    promised = "by 09:00 mon–fri America/Jamaica"
    assert f"meta_ads  {promised}" in drawn(replace(good, rows=rows), width)
    listed = drawn(replace(good, rows=rows, narrowed=True), width)
    assert all(word in listed for word in promised.split())
    assert max(len(line) for line in listed.split("All 8")[0].splitlines()) <= width
    late = (replace(rows[0], state=State.FAIL), *rows[1:])
    assert f"is 2m old, promised {promised}" in drawn(replace(good, rows=late), width)


def test_deadlines_in_each_tenants_zone_are_one_heading(answer) -> None:
    good = answer(("acme", "globex"))
    zones = {"acme": "America/Jamaica", "globex": "Europe/London"}
    rows = tuple(replace(row, limit=replace(WEEKDAYS, zone=zones[row.tenant])) for row in good.rows)
    assert "by 09:00 mon–fri each tenant's zone" in drawn(replace(good, rows=rows), 120)


def test_what_is_unknown_says_why_once_for_all_it_is_the_same_for(answer) -> None:
    good = answer()
    rows = tuple(replace(row, state=State.UNKNOWN, reason="could not look: no table") for row in good.rows)
    text = drawn(replace(good, rows=rows), 120)
    assert (
        "? 5 tenants  meta_ads/insights: could not look: no table;"
        " with it google_ads/insights, marts/campaign_performance, snapshots/tenant_dashboard"
    ) in text


def test_a_load_that_came_in_time_and_is_odd_says_what_is_odd(answer) -> None:
    good = answer()
    odd = replace(good.rows[0], state=State.WARN, reason="0 rows, and never so in 30 days", data_time=NOW)
    window, old = Window(HOUR, warn=MINUTE), NOW - HOUR / 2
    due = replace(good.rows[1], state=State.WARN, reason="it is due", limit=window, data_time=old)
    text = drawn(replace(good, rows=(odd, due, *good.rows[2:])), 120)
    assert "◐ telemetry-tenant  meta_ads/insights: 0 rows, and never so in 30 days" in text
    assert "it is due" not in text


def test_what_a_look_left_out_is_told(answer) -> None:
    look = Look("shop/orders", NOW, note="rows of acme say times yet to come")
    assert "◐ shop/orders  rows of acme say times yet to come" in drawn(replace(answer(), noted=(look,)), 120)


def test_a_data_time_that_moved_back_is_told(answer) -> None:
    back = Correction("meta_ads/insights", "northshore", NOW - HOUR, NOW - 3 * HOUR, NOW - 5 * MINUTE, "run")
    text = drawn(replace(answer(), corrections=(back,) * 6), 120)
    line = "↶ northshore  meta_ads/insights moved back 5m ago: 2026-05-01 11:00 UTC became 2026-05-01 09:00 UTC"
    assert text.count(line) == 4
    assert "and 2 corrections more" in text


def test_a_table_that_others_fill_has_a_dash_for_its_runs(answer) -> None:
    good = answer(("acme",))
    rows = tuple(replace(row, run_age=None) for row in good.rows)
    lights = {asset: RunLight(State.UNKNOWN) for asset in ASSETS}
    table = drawn(replace(good, rows=rows, lights=lights), 120).split("● fresh")[0]
    assert "never" not in table
    assert table.count("–") == len(ASSETS)


def test_what_is_left_of_a_window_stands_beside_it_where_there_is_room(answer) -> None:
    whole = answer(("acme", "globex"), dead=("globex",))
    rows = tuple(replace(row, slack=6 * MINUTE - row.data_age) for row in whole.rows)
    text = drawn(replace(whole, rows=rows, narrowed=True), 120)
    assert "  4m    " in text
    assert "−3d  " in text
    assert "left" not in drawn(replace(whole, rows=rows, narrowed=True), 80)


def test_a_wall_of_broken_promises_is_summed_up_and_says_how_to_see_each(answer) -> None:
    many = tuple(f"tenant-{number}" for number in range(100))
    whole = answer(many, dead=many)
    text = drawn(replace(whole, rows=whole.broken, narrowed=True), 120)
    assert len(text.splitlines()) < 20
    assert "telemetry status --late ASSET" in text


def test_one_asset_or_one_tenant_is_listed_however_long_it_is(answer) -> None:
    many = tuple(f"tenant-{number}" for number in range(100))
    whole = answer(many, dead=many)
    rows = tuple(row for row in whole.broken if row.asset == ASSETS[0])
    assert drawn(replace(whole, rows=rows, narrowed=True), 120).count("✗ late") == 100


def test_of_very_many_assets_the_wholly_fresh_ones_share_a_line_per_folder() -> None:
    assets = [f"shop/table_{number}" for number in range(200)] + ["erp/a", "erp/b"]
    rows = [judgement(asset, tenant) for asset in assets for tenant in ("acme", "globex")]
    rows[0] = replace(rows[0], state=State.FAIL)
    lights = {asset: RunLight(State.PASS, MINUTE) for asset in assets}
    text = drawn(StatusAnswer(NOW, tuple(rows), lights, promises=404), 120)
    assert len(text.splitlines()) < 12
    assert [line.split() for line in text.splitlines()[2:5]] == [
        ["shop/table_0", "6m", "1", "1", "acme", "2m", "●", "1m"], ["erp:", "2", "assets", "4"],
        ["shop:", "199", "assets", "398"],
    ]  # fmt: skip


def test_fresh_promises_without_a_row_are_counted(answer) -> None:
    whole = answer(dead=("coral-bay",))
    owed = dict.fromkeys(ASSETS, 1000)
    text = drawn(replace(whole, rows=whole.broken, owed=owed, promises=4000), 120)
    assert [line.split()[:4] for line in text.splitlines()[2:4]] == [
        ["meta_ads/insights", "6m", "999", "1"], ["google_ads/insights", "1,000", "●", "1m"],
    ]  # fmt: skip


def test_brackets_in_a_name_are_printed_and_not_taken_for_markup() -> None:
    odd = judgement("marts/[red]", "acme", State.FAIL, 100, binding_root="ads/[x]")
    answer = StatusAnswer(NOW, (odd,), {odd.asset: RunLight(State.PASS)}, promises=1, narrowed=True)
    assert "marts/[red]" in drawn(answer, 120)


def test_nothing_promised_and_nothing_broken_are_told_apart(answer) -> None:
    nothing = StatusAnswer(NOW, (), {}, promises=0)
    assert "Nothing is promised yet" in drawn(nothing, 80)
    assert "No promise is broken." in drawn(replace(nothing, promises=20, narrowed=True), 80)


def test_the_json_is_the_answer(answer, capsys) -> None:
    render.print_json(answer(dead=("coral-bay",)))
    assert json.loads(capsys.readouterr().out)["broken"] == 3


def test_a_pipe_gets_plain_text_of_a_fixed_width(answer, capsys) -> None:
    render.print_terminal(answer(dead=("coral-bay",)))
    out = capsys.readouterr().out
    assert "\x1b[" not in out
    assert "✗ 3d 1h · 1m" in out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (3660, "1h 1m"),
        (86399, "23h 59m"), (86400, "1d"), (86400 + 3599, "1d"), (3 * 86400 + 3600, "3d 1h"),
    ],
)  # fmt: skip
def test_an_age_is_written_in_two_units_rounded_down(seconds, text) -> None:
    assert age_text(timedelta(seconds=seconds)) == text


def test_no_age_is_a_dash_and_numbers_take_their_plural() -> None:
    assert age_text(None) == "–"
    assert (counted(1, "promise"), counted(1200, "promise")) == ("1 promise", "1,200 promises")
