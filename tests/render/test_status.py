"""The table of promises: the form that fits the terminal, the contrast line, the causes."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from telemetry_assets.answers.status import RunLight, StatusAnswer
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State, Window
from telemetry_assets.render import status as render
from telemetry_assets.render.words import age_text, counted

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
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
        "✗ 100 tenants  meta_ads/insights is late, of tenant-0 3d 1h, 6m promised;"
        " with it marts/campaign_performance, snapshots/tenant_dashboard"
    )


@pytest.mark.parametrize("width", [80, 120])
def test_a_narrowed_answer_lists_each_promise_with_its_root(answer, width) -> None:
    whole = answer(dead=("coral-bay",))
    text = drawn(replace(whole, rows=whole.broken, narrowed=True), width)
    assert text.count("✗ late") == 3
    assert text.count("meta_ads/insights") > 3
    assert all(len(line) <= width for line in text.split("3 promises")[0].splitlines())


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
