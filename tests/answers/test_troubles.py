"""What is wrong, from a real ledger: each row of the table in docs/incidents.md, and what makes no trouble."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets import settings as declared
from telemetry_assets.answers.happened import LONGEST_TEXT, veil_of
from telemetry_assets.answers.troubles import read_troubles
from telemetry_assets.incidents.trouble import NOBODY, Dashboard, Severity, Trouble
from telemetry_assets.ledger import (
    check_results,
    dbt_invocations,
    graph,
    job_runs,
    looks,
    snapshots,
    subjects,
    syncs,
    tenants,
)
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.ledger.job_runs import JobRun
from telemetry_assets.ledger.snapshots import PublishedSnapshot, WithheldSnapshot
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import (
    AssetKind,
    AssetNode,
    CauseKind,
    Clock,
    ClockKind,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from telemetry_assets.settings import Settings
from tests.conftest import named

type Ledger = psycopg.Connection[TupleRow]
type Ages = Mapping[str, float]
"""Minutes by tenant."""
type Told = set[tuple[CauseKind, str, Severity, str, str]]

NONE: Ages = MappingProxyType({})
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLUGS = ("acme", "globex", "initech")
ORDERS, TABLE, STAGED, DAY, BOARD, TOTAL = (
    "shop/orders", "erp/stock", "staging/orders", "marts/day", "snapshots/board", "marts/total",
)  # fmt: skip
YAML = "\n".join(
    [
        "dbt: {project_dir: dbt}",
        "tenants:",
        *(f"  - {{slug: {slug}, id: {UUID(int=number)}, name: {slug}}}" for number, slug in enumerate(SLUGS, 1)),
        "sources:",
        "  shop:",
        '    executable: ["true"]',
        "    every: 15m",
        "    streams: {orders: {clock: column updated_at}, carts: {clock: static}}",
        "    connections:",
        *(f"      - {{tenant: {slug}, config: {{token: {{env: SHOP_TOKEN}}}}}}" for slug in SLUGS),
        "promises:",
        "  - {asset: shop/orders, window: {warn: 45m, fail: 60m}, owner: data-eng}",
        "  - {asset: erp/*, window: {fail: 60m}}",
        "  - {asset: marts/day, window: {fail: 60m}, owner: data-eng}",
        "  - {asset: snapshots/board, window: {fail: 60m}, owner: ops, tenants: [acme, globex]}",
        "snapshots: {board: {relation: marts.day}}",
        "owners: {data-eng: {}, ops: {}}",
    ]
)
COLUMN = Clock(ClockKind.COLUMN, "updated_at")
NODES = (
    AssetNode(ORDERS, AssetKind.STREAM, clock=COLUMN),
    AssetNode("shop/carts", AssetKind.STREAM),
    AssetNode(TABLE, AssetKind.TABLE, clock=COLUMN),
    AssetNode(STAGED, AssetKind.VIEW, (ORDERS,)),
    AssetNode(DAY, AssetKind.MODEL, (STAGED,)),
    AssetNode(BOARD, AssetKind.SNAPSHOT, (DAY,)),
    AssetNode(TOTAL, AssetKind.MODEL, (DAY,), tenanted=False),
)
EXPOSURES = (
    Exposure("report", "Daily report", owner="finance", url="https://bi.example.com/1", parents=(DAY,)),
    Exposure("stock", "Stock list", owner="buyers", parents=(TABLE,)),
)
MANIFEST = {
    "sources": {},
    "nodes": {
        "model.p.day": {"resource_type": "model", "name": "day", "config": {"schema": "marts"}},
        "model.p.orders": {"resource_type": "model", "name": "orders", "config": {"schema": "staging"}},
        "test.p.not_null_orders_id.1": {"resource_type": "test", "attached_node": "model.p.orders"},
    },
}
TABLES = (
    "subjects", "corrections", "looks", "syncs", "dbt_invocations", "snapshots", "withheld_snapshots",
    "check_results", "job_runs",
)  # fmt: skip


@pytest.fixture(scope="module")
def held(postgres_url: str, _template: str) -> Iterator[Ledger]:
    """One database for the whole module: each test empties what it fills."""
    name = "troubles_of_the_module"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {name} template {_template}".encode())
        with psycopg.connect(named(postgres_url, name), autocommit=True) as conn:
            tenants.write(conn, [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(SLUGS, 1)])
            graph.replace(conn, NODES, EXPOSURES)
            yield conn
        server.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def ledger(held: Ledger) -> Ledger:
    """All is well: data 6 minutes old, built and published since; syncs every 15 minutes, a build after them."""
    held.execute(f"truncate {', '.join(f'telemetry.{table}' for table in TABLES)}".encode())
    fresh(held)
    for connection in range(1, len(SLUGS) + 1):
        syncs.record(held, [sync(connection, 5), sync(connection, 20), sync(connection, 35)])
    invoke(held, 2)
    return held


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("troubles")
    (folder / "dbt" / "target").mkdir(parents=True)
    (folder / "dbt" / "dbt_project.yml").write_text("name: p\n")
    (folder / "dbt" / "target" / "manifest.json").write_text(json.dumps(MANIFEST))
    (folder / "telemetry.yaml").write_text(YAML)
    loaded = declared.load(folder / "telemetry.yaml")
    shop = loaded.sources["shop"]
    numbered = tuple(replace(one, connection_id=UUID(int=n)) for n, one in enumerate(shop.connections, 1))
    return replace(loaded, sources={"shop": replace(shop, connections=numbered)})


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def fresh(ledger: Ledger, *, data: Ages = NONE, built: Ages = NONE, published: Ages = NONE) -> None:
    """What is known: how old the orders are; since when nothing was built of them, or published."""
    facts: list[SubjectFact] = []
    for slug in SLUGS:
        age = data.get(slug, 6)
        day = max(age, built.get(slug, 0))
        held = {ORDERS: age, DAY: day, BOARD: max(day, published.get(slug, 0))}
        ran = {ORDERS: 5, DAY: 2 if day == age else day, BOARD: 2 if held[BOARD] == age else held[BOARD]}
        facts += [SubjectFact(key, slug, ago(ran[key]), "run", "t", {ORDERS: ago(held[key])}) for key in held]
        facts.append(SubjectFact(TABLE, slug, None, "look", "watched", {TABLE: ago(6)}, looked_at=ago(1)))
        facts.append(SubjectFact(STAGED, slug, ago(2), "run", "t"))
    ledger.execute("truncate telemetry.subjects")
    subjects.record(ledger, facts)


def sync(connection: int, minutes: float, status: str = "succeeded", error: str | None = None) -> Sync:
    ended = ago(minutes)
    rows, slug, number = 100 if status == "succeeded" else None, SLUGS[connection - 1], round(100_000 - minutes)
    return Sync(UUID(int=connection), number, "shop", slug, status, ended - MINUTE, ended, ended, rows, 1, error)


def invoke(ledger: Ledger, minutes: float, *results: NodeResult, which: str = "build") -> None:
    name = f"{which} {minutes}"
    dbt_invocations.record(ledger, DbtInvocation(name, which, ago(minutes), True, False, "", None, results))


def troubles(ledger: Ledger, settings: Settings, now: datetime = NOW) -> tuple[Trouble, ...]:
    return read_troubles(ledger, settings, now).troubles


def told(found: tuple[Trouble, ...]) -> Told:
    return {(one.kind, one.where, one.severity, one.asset, one.tenant) for one in found}


ERROR, WARN = Severity.ERROR, Severity.WARN


def test_a_healthy_ledger_has_no_trouble_and_says_what_is_owed(ledger: Ledger, settings: Settings) -> None:
    found = read_troubles(ledger, settings, NOW)
    assert found.troubles == ()
    assert (found.sweep.promises, found.sweep.judged) == (11, ())
    assert found.dashboards == {
        DAY: (Dashboard("Daily report", "finance", "https://bi.example.com/1"),),
        TABLE: (Dashboard("Stock list", "buyers"),),
    }


@pytest.mark.promise("B34")
@pytest.mark.promise("B53")
def test_a_failed_sync_breaks_every_promise_below_it_for_one_cause(ledger: Ledger, settings: Settings) -> None:
    fresh(ledger, data={"acme": 80})
    syncs.record(
        ledger, [sync(1, 5, "failed", "403: token expired"), *(sync(1, m, "failed") for m in (20, 35, 50, 65))]
    )
    found = troubles(ledger, settings)
    where = (CauseKind.SYNC_FAILED, "shop", ERROR)
    assert told(found) == {(*where, asset, "acme") for asset in (ORDERS, DAY, BOARD)}
    assert {one.asset: one.owner for one in found} == {ORDERS: "data-eng", DAY: "data-eng", BOARD: "ops"}
    board = next(one for one in found if one.asset == BOARD)
    assert board.says.startswith("the newest sync of shop failed 5 min ago, like every one for 1 h")
    assert (board.quote, board.root, board.since) == ("403: token expired", ORDERS, ago(66))
    assert board.remedy == "Mend what it says, then: telemetry refresh sync --tenant acme"
    standing = board.standing
    assert (standing.state, standing.data_age, standing.limit) == (State.FAIL, 80 * MINUTE, "1 h")
    assert (standing.past, standing.data_time, standing.run_age) == (20 * MINUTE, ago(80), 2 * MINUTE)


def test_a_snapshot_that_never_was_is_an_error_and_one_that_is_due_a_warning(
    ledger: Ledger, settings: Settings
) -> None:
    fresh(ledger, data={"globex": 50})
    ledger.execute("delete from telemetry.subjects where asset = %s and tenant = 'acme'", (BOARD,))
    ledger.execute("update telemetry.first_known set since = '-infinity'")
    found = {(one.asset, one.tenant): one for one in troubles(ledger, settings)}
    assert set(found) == {(BOARD, "acme"), (ORDERS, "globex")}
    missing, due = found[BOARD, "acme"], found[ORDERS, "globex"]
    assert (missing.kind, missing.where, missing.severity) == (CauseKind.NOT_PUBLISHED, BOARD, ERROR)
    assert missing.standing.state is State.MISSING
    assert (due.severity, due.standing.state) == (WARN, State.WARN)


@pytest.mark.parametrize("what", ["asset", "tenant"])
def test_what_never_came_is_told_when_it_has_had_time_to_come(ledger: Ledger, settings: Settings, what: str) -> None:
    ledger.execute("delete from telemetry.subjects where asset = %s and tenant = 'acme'", (ORDERS,))
    ledger.execute("update telemetry.first_known set since = '-infinity'")
    known = "update telemetry.first_known set since = %s where what = %s and name in (%s, 'acme')"
    hit = {(one.asset, one.tenant) for one in troubles(ledger, settings)}
    assert (ORDERS, "acme") in hit
    ledger.execute(known, (ago(59), what, ORDERS))
    assert (ORDERS, "acme") not in {(one.asset, one.tenant) for one in troubles(ledger, settings)}
    ledger.execute(known, (ago(60), what, ORDERS))
    assert {(one.asset, one.tenant) for one in troubles(ledger, settings)} == hit


def test_syncs_that_oddly_bring_nothing_are_a_warning(ledger: Ledger, settings: Settings) -> None:
    habit = [sync(1, 15 * number) for number in range(2, 25)]
    syncs.record(ledger, [*habit, *(replace(sync(1, minutes), rows_synced=0) for minutes in (2, 5))])
    (odd,) = [one for one in troubles(ledger, settings) if one.asset == ORDERS]
    assert (odd.kind, odd.where, odd.severity, odd.tenant) == (CauseKind.ZERO_ROWS, "shop", WARN, "acme")


def test_what_nobody_could_look_at_is_a_warning_without_secrets(
    ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    looks.record(ledger, [Look(TABLE, ago(1), "no answer for s3cr3t-token at postgresql://erp:pa55@erp/x")])
    found = troubles(ledger, settings)
    where = (CauseKind.COULD_NOT_LOOK, TABLE, WARN, TABLE)
    assert told(found) == {(*where, slug) for slug in SLUGS}
    assert {one.owner for one in found} == {"buyers"}, "an exposure's owner, where nobody else owns it"
    assert "s3cr3t" not in repr(found)
    assert "pa55" not in repr(found)
    assert found[0].quote == "no answer for *** at postgresql://***@erp/x"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("host=erp password=hunter22 dbname=x", "host=erp password=*** dbname=x"),
        ("PASSWORD = 'two words' failed", "PASSWORD = *** failed"),
        ("the password is wrong", "the password is wrong"),
        ("postgresql://telemetry:pa55@db/x refused", "postgresql://***@db/x refused"),
    ],
)
def test_passwords_are_veiled_wherever_they_stand(settings: Settings, said: str, told: str) -> None:
    assert veil_of(settings)(said) == told


def test_a_text_of_megabytes_is_cut_and_leaves_no_half_a_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    for cut in range(12):
        veiled = veil_of(settings)("x" * (LONGEST_TEXT - cut) + "s3cr3t-token" + "y" * 10_000_000)
        assert LONGEST_TEXT - 50 < len(veiled) <= LONGEST_TEXT
        assert "s3" not in veiled


def test_a_time_that_nobody_can_believe_is_a_warning_about_its_root(ledger: Ledger, settings: Settings) -> None:
    ahead = SubjectFact(TABLE, "acme", None, "x", "watched", {TABLE: NOW + 90 * MINUTE}, looked_at=NOW)
    subjects.record(ledger, [ahead])
    assert told(troubles(ledger, settings)) == {(CauseKind.CLOCK, TABLE, WARN, TABLE, "acme")}


def test_a_withheld_payload_is_an_error_while_the_last_good_one_is_fresh(
    ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    violations = ("totals is missing", "s3cr3t-token is no number", *(f"row {n} is bad" for n in range(1000)))
    snapshots.withhold(ledger, [WithheldSnapshot("board", "acme", ago(3), {"secret": 1}, violations, "run")])
    (found,) = troubles(ledger, settings)
    assert told((found,)) == {(CauseKind.WITHHELD, BOARD, ERROR, BOARD, "acme")}
    assert (found.owner, found.since, found.standing.state) == ("ops", ago(3), None)
    assert found.quote.startswith("totals is missing; *** is no number; row 0 is bad")


def test_a_withheld_payload_whose_promise_is_broken_is_told_once_as_the_promise(
    ledger: Ledger, settings: Settings
) -> None:
    fresh(ledger, published={"acme": 70})
    snapshots.withhold(ledger, [WithheldSnapshot("board", "acme", ago(3), {}, ("bad",), "run")])
    (found,) = troubles(ledger, settings)
    assert told((found,)) == {(CauseKind.WITHHELD, BOARD, ERROR, BOARD, "acme")}
    assert found.standing.state is State.FAIL


def test_a_withheld_payload_is_an_error_while_its_promise_is_only_due(ledger: Ledger, settings: Settings) -> None:
    fresh(ledger, published={"acme": 50})
    snapshots.withhold(ledger, [WithheldSnapshot("board", "acme", ago(3), {}, ("bad",), "run")])
    due = Promise(BOARD, limit=Window(60 * MINUTE, 45 * MINUTE), owner="ops")
    (found,) = troubles(ledger, replace(settings, promises=(due,)))
    assert told((found,)) == {(CauseKind.WITHHELD, BOARD, ERROR, BOARD, "acme")}
    assert found.standing.state is State.WARN


def test_payloads_of_who_is_gone_trouble_nobody(ledger: Ledger, settings: Settings) -> None:
    gone = [
        WithheldSnapshot(name, slug, NOW, {}, ("bad",), "run") for name, slug in (("board", "left"), ("old", "acme"))
    ]
    snapshots.withhold(ledger, gone)
    assert troubles(ledger, settings) == ()
    snapshots.publish(ledger, [PublishedSnapshot("board", "acme", NOW, {}, "run")])
    assert troubles(ledger, settings) == ()


@pytest.mark.promise("B34")
def test_a_sync_that_fails_for_half_an_hour_is_a_warning_before_any_promise_breaks(
    ledger: Ledger, settings: Settings
) -> None:
    bad = [sync(2, minutes, "failed", "503") for minutes in (2, 17, 30)]
    ledger.execute("delete from telemetry.syncs where tenant = 'globex'")
    syncs.record(ledger, [*bad, sync(2, 45)])
    (found,) = troubles(ledger, settings)
    assert told((found,)) == {(CauseKind.SYNC_FAILED, "shop", WARN, ORDERS, "globex")}, "carts have no owner to tell"
    assert (found.owner, found.quote, found.since) == ("data-eng", "503", ago(31))
    assert found.says == "the newest sync of shop failed 2 min ago, like every one for 31 min: 503"
    assert troubles(ledger, settings, NOW - MINUTE / 60) == ()


def test_a_sync_that_fails_for_ten_minutes_or_of_a_connection_that_is_gone_is_no_trouble(
    ledger: Ledger, settings: Settings
) -> None:
    syncs.record(ledger, [sync(1, 1, "failed", "503"), sync(1, 10, "failed", "503")])
    lost = replace(sync(1, 100, "failed", "401"), connection_id=UUID(int=99))
    syncs.record(ledger, [lost])
    assert troubles(ledger, settings) == ()


def test_a_source_nobody_owns_is_told_as_nobodys(ledger: Ledger, settings: Settings) -> None:
    syncs.record(ledger, [sync(1, 1, "failed", "503")])
    ledger.execute("delete from telemetry.syncs where tenant = 'acme' and status = 'succeeded'")
    syncs.record(ledger, [sync(1, 40, "failed", "503")])
    found = troubles(ledger, replace(settings, promises=()))
    assert {(one.asset, one.tenant, one.owner) for one in found} == {
        (ORDERS, "acme", NOBODY), ("shop/carts", "acme", NOBODY),
    }  # fmt: skip


@pytest.mark.promise("B35")
def test_dbts_last_word_that_stands_for_half_an_hour_is_a_warning(ledger: Ledger, settings: Settings) -> None:
    well, bad = NodeResult("model.p.day", "success"), NodeResult("model.p.day", "error", "division by zero")
    test = NodeResult("test.p.not_null_orders_id.1", "fail", "got 3 results")
    invoke(ledger, 60, well)
    invoke(ledger, 40, bad, test)
    invoke(ledger, 25, NodeResult("model.p.day", "skipped"), NodeResult("model.p.orders", "success"))
    invoke(ledger, 10, bad)
    found = troubles(ledger, settings)
    assert told(found) == {
        (CauseKind.BUILD_FAILED, DAY, WARN, DAY, "*"),
        (CauseKind.CHECK_FAILED, STAGED, WARN, STAGED, "*"),
    }
    built = next(one for one in found if one.asset == DAY)
    assert (built.owner, built.quote, built.since) == ("data-eng", "division by zero", ago(40))
    assert built.says == "dbt failed to build marts/day 10 min ago: division by zero"
    assert "not_null_orders_id" in next(one.says for one in found if one.asset == STAGED)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([NodeResult("model.p.day", "success")], id="built since"),
        pytest.param([], id="failed just now"),
    ],
)
def test_what_dbt_built_since_or_failed_just_now_is_no_trouble(
    ledger: Ledger, settings: Settings, later: list[NodeResult]
) -> None:
    invoke(
        ledger, 40 if later else 20, NodeResult("model.p.day", "error", "x"), NodeResult("model.p.gone", "error", "x")
    )
    invoke(ledger, 15, *later)
    assert troubles(ledger, settings) == ()


def test_a_model_that_fails_and_the_promise_it_breaks_are_one_situation(ledger: Ledger, settings: Settings) -> None:
    fresh(ledger, built=dict.fromkeys(SLUGS, 70.0))
    for minutes in (10, 40):
        invoke(ledger, minutes, NodeResult("model.p.day", "error", "x"))
    found = troubles(ledger, replace(settings, promises=(Promise(DAY, Window(60 * MINUTE)),)))
    assert told(found) == {(CauseKind.BUILD_FAILED, DAY, ERROR, DAY, slug) for slug in SLUGS}
    assert {one.owner for one in found} == {"finance"}


def test_failed_checks_of_any_location_and_partition_are_told_with_their_own_severity(
    ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    check_results.record(
        ledger,
        [
            CheckResult(DAY, "no_negative", "acme", False, "ERROR", ago(3), "2 rows of s3cr3t-token", "r1"),
            CheckResult(DAY, "no_negative", "globex", True, "ERROR", ago(3)),
            CheckResult("sales/leads", "volume", "*", False, "WARN", ago(9), "x" * 10_000_000, "r2", "sales"),
        ],
    )
    found = troubles(ledger, settings)
    assert told(found) == {
        (CauseKind.CHECK_FAILED, DAY, ERROR, DAY, "acme"),
        (CauseKind.CHECK_FAILED, "sales/leads", WARN, "sales/leads", "*"),
    }
    own, other = sorted(found, key=lambda one: one.asset)
    assert own.says == "the check no_negative of marts/day failed for acme 3 min ago: 2 rows of ***"
    assert (own.owner, other.owner, own.quote) == ("data-eng", NOBODY, "2 rows of ***")
    assert other.says.startswith("the check volume of sales/leads of code location sales failed 9 min ago: xxx")
    assert len(other.says) < 400


def test_a_failed_job_is_an_error_at_once_and_a_phase_of_ours_a_warning_after_half_an_hour(
    ledger: Ledger, settings: Settings
) -> None:
    runs = [
        JobRun("sales", "nightly", "r1", False, ago(2), "boom"),
        JobRun("sales", "assets marts/day", "r4", False, ago(2), "boom", (DAY,)),
        JobRun("", "sync_every_15m", "r2", False, ago(31), "out of memory"),
        JobRun("", "build", "r3", False, ago(29)),
        JobRun("", "snapshots", "r5", True, ago(29)),
    ]
    job_runs.record(ledger, runs)
    found = troubles(ledger, settings)
    assert told(found) == {
        (CauseKind.RUN_FAILED, "nightly of sales", ERROR, "", "*"),
        (CauseKind.RUN_FAILED, "assets marts/day of sales", ERROR, "", "*"),
        (CauseKind.RUN_FAILED, "sync_every_15m", WARN, "", "*"),
    }
    owners = {one.where: one.owner for one in found}
    assert owners["assets marts/day of sales"] == "data-eng"
    assert owners["nightly of sales"] == NOBODY
    phase = next(one for one in found if one.where == "sync_every_15m")
    assert (phase.says, phase.since) == ("the newest run of sync_every_15m failed 31 min ago: out of memory", ago(31))


@pytest.mark.promise("B54")
def test_a_failed_phase_that_something_else_explains_is_not_told(ledger: Ledger, settings: Settings) -> None:
    job_runs.record(ledger, [JobRun("", phase, phase, False, ago(50)) for phase in ("sync", "build", "snapshots")])
    syncs.record(ledger, [sync(1, 1, "failed", "503")])
    invoke(ledger, 1, NodeResult("model.p.day", "error", "x"))
    assert {one.where for one in troubles(ledger, settings)} == {"snapshots"}
    snapshots.withhold(ledger, [WithheldSnapshot("board", "acme", ago(3), {}, ("bad",), "run")])
    assert {one.identity for one in troubles(ledger, settings)} == {(CauseKind.WITHHELD, BOARD)}


def test_what_nothing_dates_or_nobody_gave_a_window_is_no_trouble(ledger: Ledger, settings: Settings) -> None:
    carts = Promise("shop/carts", limit=Window(60 * MINUTE), owner="data-eng")
    no_window = Promise(DAY, owner="data-eng")
    found = read_troubles(ledger, replace(settings, promises=(carts, no_window)), NOW)
    assert {one.state for one in found.sweep.judged} == {State.UNKNOWN}
    assert found.troubles == ()


def test_lateness_above_a_promise_that_is_kept_is_no_trouble(ledger: Ledger, settings: Settings) -> None:
    fresh(ledger, data={"acme": 50})
    day = Promise(DAY, limit=Window(120 * MINUTE), owner="data-eng")
    assert troubles(ledger, replace(settings, promises=(day,))) == ()


@pytest.mark.promise("B54")
def test_data_without_tenants_is_late_because_of_the_tenant_whose_sync_fails(
    ledger: Ledger, settings: Settings
) -> None:
    fresh(ledger, data={"globex": 80})
    syncs.record(ledger, [sync(2, minutes, "failed", "503") for minutes in (5, 20, 35, 50, 65)])
    subjects.record(ledger, [SubjectFact(TOTAL, "*", ago(2), "run", "t", {ORDERS: ago(80)})])
    found = troubles(ledger, replace(settings, promises=(Promise(TOTAL, limit=Window(60 * MINUTE), owner="ops"),)))
    assert {one.identity for one in found} == {(CauseKind.SYNC_FAILED, "shop")}
    assert (TOTAL, "*") in {one.subject for one in found}


def test_a_manifest_that_cannot_be_read_stops_nothing(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    assert settings.dbt
    invoke(ledger, 40, NodeResult("model.p.day", "error", "x"))
    elsewhere = replace(settings, dbt=replace(settings.dbt, project_dir=tmp_path))
    assert troubles(ledger, elsewhere) == ()


def test_finding_troubles_imports_nothing_heavy() -> None:
    code = (
        "import sys; import telemetry_assets.answers.troubles, telemetry_assets.answers.crossing;"
        "print([m for m in ('dagster','dbt','alembic','pandas','aiohttp','slack_sdk','pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
