"""Every promise per tenant, read from a real ledger, beside the light that sees runs only."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from uuid import UUID

import pytest

from telemetry_assets import settings as declared
from telemetry_assets.answers import status_rows
from telemetry_assets.answers.board import read_board
from telemetry_assets.answers.status import read_status
from telemetry_assets.answers.status_rows import judgements
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.ledger import graph, looks, subjects, tenants
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, ExitCode, Look, State, SubjectFact, Tenant
from telemetry_assets.settings import Settings

MINUTE = timedelta(minutes=1)
SLUGS = ("acme", "globex", "initech")
YAML = "\n".join(
    [
        "tenants:",
        *(f"  - {{slug: {slug}, id: {UUID(int=number)}, name: {slug}}}" for number, slug in enumerate(SLUGS, 1)),
        "promises:",
        "  - {asset: ads/*, window: {warn: 45m, fail: 60m}}",
        "  - {asset: marts/*, window: {fail: 60m}}",
    ]
)
NODES = (
    AssetNode("ads/clicks", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "updated_at")),
    AssetNode("marts/board", AssetKind.MODEL, ("ads/clicks",)),
    AssetNode("staging/clicks", AssetKind.VIEW, ("ads/clicks",)),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "telemetry.yaml").write_text(YAML)
    return declared.load(tmp_path / "telemetry.yaml")


@pytest.fixture
def world(ledger, now: datetime) -> Callable[..., None]:
    """Every subject as told: ``runs`` and ``data`` are ages in minutes by tenant, else 2 and 5; ``never``: no fact."""

    def fill(*, runs: dict[str, float] | None = None, data: dict[str, float] | None = None, never=()) -> None:
        tenants.write(ledger, [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(SLUGS, 1)])
        graph.replace(ledger, NODES)
        facts = [
            SubjectFact(
                asset=node.key,
                tenant=slug,
                run_time=now - (runs or {}).get(slug, 2) * MINUTE,
                run_id="run",
                source="test",
                data_times={"ads/clicks": now - (data or {}).get(slug, 5) * MINUTE},
            )
            for node in NODES
            for slug in SLUGS
            if slug not in never
        ]
        subjects.record(ledger, facts)

    return fill


def test_every_promise_has_a_row_whether_or_not_anything_ever_arrived(ledger, settings, world, now) -> None:
    world(never=("initech",))
    answer = read_status(ledger, settings, now)
    assert {(row.asset, row.tenant) for row in answer.rows} == {
        (asset, slug) for asset in ("ads/clicks", "marts/board") for slug in SLUGS
    }
    assert {row.tenant: row.state for row in answer.rows if row.asset == "marts/board"} == {
        "acme": State.PASS, "globex": State.PASS, "initech": State.MISSING,
    }  # fmt: skip
    assert answer.exit_code is ExitCode.MISSING


@pytest.mark.promise("F12")
def test_a_dead_tenant_under_a_fresh_run_is_broken_under_a_green_light_by_one_cause(
    ledger, settings, world, now
) -> None:
    world(data={"globex": 4320})
    answer = read_status(ledger, settings, now)
    assert {asset: light.state for asset, light in answer.lights.items()} == {
        "ads/clicks": State.PASS, "marts/board": State.PASS,
    }  # fmt: skip
    assert [(row.asset, row.tenant) for row in answer.broken_under_green] == [
        ("ads/clicks", "globex"), ("marts/board", "globex"),
    ]  # fmt: skip
    (cause,) = answer.causes
    assert (cause.tenant, cause.root, len(cause.judgements)) == ("globex", "ads/clicks", 2)
    assert answer.exit_code is ExitCode.LATE


@pytest.mark.parametrize(
    ("newest", "light"),
    [(44.99, State.PASS), (45, State.WARN), (59.99, State.WARN), (60, State.FAIL), (60.01, State.FAIL)],
)
def test_the_run_age_light_looks_at_the_newest_run_of_any_tenant(ledger, settings, world, now, newest, light) -> None:
    world(runs={"acme": newest, "globex": 600, "initech": 600})
    assert read_status(ledger, settings, now).lights["ads/clicks"].state is light


def test_an_asset_that_never_ran_is_unknown_to_the_run_age_light_and_missing_to_us(
    ledger, settings, world, now
) -> None:
    world(never=SLUGS)
    answer = read_status(ledger, settings, now)
    assert {light.state for light in answer.lights.values()} == {State.UNKNOWN}
    assert {row.state for row in answer.rows} == {State.MISSING}
    assert answer.broken_under_green == ()


@pytest.mark.parametrize(
    ("minutes", "state", "code"),
    [
        (44.99, State.PASS, ExitCode.OK),
        (45, State.WARN, ExitCode.OK),
        (59.99, State.WARN, ExitCode.OK),
        (60, State.FAIL, ExitCode.LATE),
        (60.01, State.FAIL, ExitCode.LATE),
    ],
)
def test_data_is_late_exactly_at_its_window_and_due_is_no_failure(
    ledger, settings, world, now, minutes, state, code
) -> None:
    world(data={"acme": minutes})
    answer = read_status(ledger, settings, now, asset="ads/clicks", tenant="acme")
    assert ([row.state for row in answer.rows], answer.exit_code) == ([state], code)


def test_it_narrows_to_an_asset_a_tenant_and_the_broken_ones(ledger, settings, world, now) -> None:
    world(data={"globex": 4320})
    assert {row.asset for row in read_status(ledger, settings, now, asset="marts/board").rows} == {"marts/board"}
    assert {row.tenant for row in read_status(ledger, settings, now, tenant=str(UUID(int=1))).rows} == {"acme"}
    late = read_status(ledger, settings, now, late=True)
    assert {row.tenant for row in late.rows} == {"globex"}
    assert (late.promises, late.narrowed) == (6, True)


def test_the_light_of_one_tenants_view_still_sees_every_tenants_runs(ledger, settings, world, now) -> None:
    world(runs={"globex": 600})
    answer = read_status(ledger, settings, now, tenant="globex")
    assert answer.lights["ads/clicks"].state is State.PASS


def test_an_asset_nobody_promised_is_a_usage_error_with_the_nearest(ledger, settings, world, now) -> None:
    world()
    with pytest.raises(UsageError, match="Did you mean marts/board"):
        read_status(ledger, settings, now, asset="marts/bord")
    with pytest.raises(UsageError, match="Nothing is promised"):
        read_status(ledger, settings, now, asset="staging/clicks")


def test_before_the_first_prepare_it_could_not_look_and_never_says_that_all_is_well(ledger, settings, now) -> None:
    with pytest.raises(CouldNotLookError, match="telemetry prepare"):
        read_status(ledger, settings, now)


def test_where_nothing_is_promised_nothing_fails(ledger, tmp_path, now) -> None:
    (tmp_path / "telemetry.yaml").write_text("promises: []\n")
    answer = read_status(ledger, declared.load(tmp_path / "telemetry.yaml"), now)
    assert (answer.rows, answer.promises, answer.exit_code) == ((), 0, ExitCode.OK)


def test_rows_go_from_the_roots_up_to_the_snapshots(ledger, settings, world, now) -> None:
    world()
    graph.replace(ledger, [*NODES, AssetNode("ads/zeta", AssetKind.STREAM)])
    assert read_status(ledger, settings, now).assets == ("ads/clicks", "ads/zeta", "marts/board")


def test_the_json_carries_both_ages_the_window_and_the_root_of_every_row(ledger, settings, world, now) -> None:
    world(data={"globex": 4320}, never=("initech",))
    said = json.loads(json.dumps(read_status(ledger, settings, now).as_json(), allow_nan=False))
    rows = {(row["asset"], row["tenant"]): row for row in said["rows"]}
    late = rows[("marts/board", "globex")]
    assert (late["state"], late["word"], late["binding_root"]) == ("FAIL", "late", "ads/clicks")
    assert (late["run_age_seconds"], late["data_age_seconds"], late["window_seconds"]) == (120, 4320 * 60, 3600)
    assert rows[("marts/board", "initech")]["data_age_seconds"] is None
    assert (said["broken"], said["broken_under_green_run_light"]) == (4, 4)
    assert said["assets"]["marts/board"]["run_light"] == "PASS"


def test_the_checks_judge_by_the_same_rows(ledger, settings, world, now) -> None:
    world(data={"globex": 4320})
    rows = read_status(ledger, settings, now).rows
    assert judgements(ledger, settings, now, {"ads/clicks", "marts/board", "nothing/promised"}) == rows
    assert judgements(ledger, settings, now, ["marts/board"]) == tuple(
        row for row in rows if row.asset == "marts/board"
    )


def test_a_pattern_takes_every_promised_asset_it_matches(ledger, settings, world, now) -> None:
    world()
    assert read_status(ledger, settings, now, asset="*ar*").assets == ("marts/board",)
    assert read_status(ledger, settings, now, asset="*").assets == ("ads/clicks", "marts/board")
    with pytest.raises(UsageError, match="Nothing is promised of an asset 'sta"):
        read_status(ledger, settings, now, asset="sta*")


def test_several_tenants_are_shown_in_the_order_of_all(ledger, settings, world, now) -> None:
    world()
    answer = read_status(ledger, settings, now, tenant=["globex", str(UUID(int=1))])
    assert (answer.tenants, answer.promises, answer.narrowed) == (("acme", "globex"), 4, True)
    with pytest.raises(UsageError, match="Did you mean initech"):
        read_status(ledger, settings, now, tenant=["acme", "inittech"])


@pytest.mark.parametrize("asset", [None, "ads/clicks", "marts/*", "staging/*"])
@pytest.mark.parametrize("tenant", [None, "globex", ["acme", "initech"]])
@pytest.mark.slow
def test_what_is_narrowed_is_judged_as_in_the_whole(ledger, tmp_path, world, now, asset, tenant) -> None:
    """Views and data without tenants included, whose facts are other assets' and other tenants'."""
    (tmp_path / "telemetry.yaml").write_text(YAML + "\n  - {asset: staging/*, window: {fail: 60m}}\n")
    settings = declared.load(tmp_path / "telemetry.yaml")
    world(data={"globex": 4320}, never=("initech",))
    whole_view = AssetNode("staging/all", AssetKind.VIEW, ("ads/clicks",), tenanted=False)
    graph.replace(ledger, [*NODES, whole_view])
    fact = SubjectFact("staging/all", "*", now - MINUTE, "run", "test")
    subjects.record(ledger, [fact])
    narrowed = read_status(ledger, settings, now, asset=asset, tenant=tenant)
    slugs = SLUGS if tenant is None else (tenant,) if isinstance(tenant, str) else tenant
    kept = [row for row in read_board(ledger, settings, now).judged if row.tenant in (*slugs, "*")]
    assert list(narrowed.rows) == [row for row in kept if asset is None or fnmatchcase(row.asset, asset)]


def test_where_fresh_rows_may_be_left_out_all_others_are_the_same(ledger, settings, world, now) -> None:
    world(data={"globex": 4320, "acme": 50})
    short = status_rows.read_rows(ledger, settings, now, status_rows.Asked(fresh_rows=False), many=5)
    whole = status_rows.read_rows(ledger, settings, now, status_rows.Asked(fresh_rows=False), many=6)
    assert short.rows == tuple(row for row in whole.rows if row.state is not State.PASS)
    assert (len(short.rows), len(whole.rows)) == (3, 6)
    assert (short.owed, short.roots, short.nodes) == (whole.owed, whole.roots, whole.nodes)


def test_a_table_that_others_fill_has_no_run_age_and_no_run_light(ledger, settings, world, now) -> None:
    world()
    looked = SubjectFact("ads/clicks", "acme", None, "look", "watched", {"ads/clicks": now}, looked_at=now + MINUTE)
    subjects.record(ledger, [looked])
    answer = read_status(ledger, settings, now, asset="ads/clicks", tenant="acme")
    assert (answer.rows[0].run_age, answer.rows[0].state, answer.rows[0].run_state) == (None, State.PASS, State.UNKNOWN)
    assert answer.lights["ads/clicks"].run_age == 2 * MINUTE


def test_corrections_of_the_last_day_are_told_of_what_was_asked_for(ledger, settings, world, now) -> None:
    world()
    back = [
        SubjectFact("ads/clicks", slug, at, "later", "test", {"ads/clicks": now - timedelta(hours=30)})
        for slug, at in (("acme", now - MINUTE), ("globex", now - 2 * MINUTE + timedelta(seconds=1)))
    ]
    subjects.record(ledger, back)
    board = read_status(ledger, settings, now, asset="marts/board")
    assert [one.tenant for one in board.corrections] == ["globex", "acme"]
    assert [one.tenant for one in read_status(ledger, settings, now, tenant="acme").corrections] == ["acme"]
    assert read_status(ledger, settings, now + timedelta(days=1)).corrections == ()
    said = read_status(ledger, settings, now, tenant="acme").as_json()["corrections"]
    assert [one["asset"] for one in said] == ["ads/clicks"]


def test_a_promise_is_shown_with_what_was_never_loaded(ledger, settings, world, now) -> None:
    world(never=("globex",))
    (row,) = (row for row in read_status(ledger, settings, now, asset="ads/clicks").rows if row.tenant == "globex")
    assert (row.state, row.window) == (State.MISSING, timedelta(hours=1))


def test_a_root_that_is_fresh_is_not_blamed_for_what_stopped_behind_it(ledger, settings, world, now) -> None:
    world()
    subjects.record(
        ledger, [SubjectFact("marts/board", "acme", now, "r", "dbt", {"ads/clicks": now - timedelta(days=3)})]
    )
    whole, narrow = (
        read_status(ledger, settings, now, late=True),
        read_status(ledger, settings, now, asset="marts/board"),
    )
    assert [(cause.tenant, cause.root) for cause in whole.causes] == [("acme", "marts/board")]
    assert [(cause.tenant, cause.root) for cause in narrow.causes] == [("acme", "ads/clicks")]


def test_values_from_the_future_that_were_left_out_are_told(ledger, settings, world, now) -> None:
    world()
    looks.record(ledger, [Look("ads/clicks", now, note="rows of acme say times yet to come")])
    assert read_status(ledger, settings, now).as_json()["notes"] == {"ads/clicks": "rows of acme say times yet to come"}
    assert read_status(ledger, settings, now, tenant="globex").noted == ()


@pytest.mark.parametrize(("clock", "state", "slack"), [("11:00", "FAIL", -3600), ("12:30", "PASS", 82_800)])
def test_a_deadline_is_in_the_json_as_it_was_promised(ledger, tmp_path, world, now, clock, state, slack) -> None:
    """``now`` is Friday noon UTC; the data is of one o'clock this night, an hour before what is asked for."""
    promise = f'  - {{asset: ads/*, by: "{clock}", zone: UTC, days: weekdays, since: "02:00"}}'
    text = YAML.replace("  - {asset: ads/*, window: {warn: 45m, fail: 60m}}", promise)
    (tmp_path / "telemetry.yaml").write_text(text)
    world(data=dict.fromkeys(SLUGS, 660))
    answer = read_status(ledger, declared.load(tmp_path / "telemetry.yaml"), now, asset="ads/clicks", tenant="acme")
    (row,) = json.loads(json.dumps(answer.as_json()))["rows"]
    assert row["limit"] == {
        "by": clock, "warn": None, "since": "02:00", "days": ["mon", "tue", "wed", "thu", "fri"], "zone": "UTC",
        "grace_seconds": 0.0,
    }  # fmt: skip
    assert (row["state"], row["window_seconds"], row["slack_seconds"]) == (state, None, slack)


def test_a_windows_slack_is_what_is_left_of_it(ledger, settings, world, now) -> None:
    world(data={"acme": 50, "globex": 70})
    rows = read_status(ledger, settings, now, asset="ads/clicks").as_json()["rows"]
    assert [row["slack_seconds"] for row in rows] == [600, -600, 3300]
    assert rows[0]["limit"] == {"fail_seconds": 3600, "warn_seconds": 2700}
