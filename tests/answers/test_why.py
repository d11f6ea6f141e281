"""``telemetry why`` from a real ledger: each cause once, in words without secrets, with what hangs on it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from telemetry_assets import settings as declared
from telemetry_assets.answers.happened import read_happenings, veil_of
from telemetry_assets.answers.why import MOST_ERRORS, MOST_TENANTS, read_why
from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.ledger import dbt_invocations, graph, looks, snapshots, subjects, syncs, tenants
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.ledger.snapshots import WithheldSnapshot
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import (
    AssetKind,
    AssetNode,
    CauseKind,
    Clock,
    ClockKind,
    Deadline,
    ExitCode,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
)
from telemetry_assets.settings import ConnectionSettings, Settings

MINUTE = timedelta(minutes=1)
SLUGS = ("acme", "globex", "initech")
ORDERS, TABLE, STAGED, DAY, BOARD = "shop/orders", "erp/stock", "staging/orders", "marts/day", "snapshots/board"
YAML = "\n".join(
    [
        "dbt: {project_dir: dbt}",
        "tenants:",
        *(f"  - {{slug: {slug}, id: {UUID(int=number)}, name: {slug}}}" for number, slug in enumerate(SLUGS, 1)),
        "sources:",
        "  shop:",
        '    executable: ["true"]',
        "    every: 15m",
        "    streams: {orders: {clock: column updated_at}}",
        "    connections:",
        *(f"      - {{tenant: {slug}, config: {{token: {{env: SHOP_TOKEN}}}}}}" for slug in SLUGS),
        "promises:",
        "  - {asset: shop/*, window: {warn: 45m, fail: 60m}, owner: data-eng}",
        "  - {asset: erp/*, window: {fail: 60m}}",
        "  - {asset: marts/*, window: {fail: 60m}, owner: data-eng}",
        "  - {asset: snapshots/board, window: {fail: 60m}, owner: ops, tenants: [acme, globex]}",
        "snapshots: {board: {relation: marts.day}}",
        "owners: {data-eng: {}, ops: {}}",
    ]
)
COLUMN = Clock(ClockKind.COLUMN, "updated_at")
NODES = (
    AssetNode(ORDERS, AssetKind.STREAM, clock=COLUMN),
    AssetNode(TABLE, AssetKind.TABLE, clock=COLUMN),
    AssetNode(STAGED, AssetKind.VIEW, (ORDERS,)),
    AssetNode(DAY, AssetKind.MODEL, (STAGED,)),
    AssetNode(BOARD, AssetKind.SNAPSHOT, (DAY,)),
)
EXPOSURES = (
    Exposure("report", "Daily report", owner="finance", url="https://bi.example.com/1", parents=(DAY,)),
    Exposure("stock", "Stock list", parents=(TABLE,)),
)
MANIFEST = {
    "sources": {},
    "nodes": {
        "model.p.day": {"resource_type": "model", "name": "day", "config": {"schema": "marts"}},
        "model.p.orders": {"resource_type": "model", "name": "orders", "config": {"schema": "staging"}},
        "test.p.not_null_orders_id.1": {"resource_type": "test", "attached_node": "model.p.orders"},
    },
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "telemetry.yaml").write_text(YAML)
    (tmp_path / "dbt" / "target").mkdir(parents=True)
    (tmp_path / "dbt" / "dbt_project.yml").write_text("name: p\n")
    (tmp_path / "dbt" / "target" / "manifest.json").write_text(json.dumps(MANIFEST))
    return declared.load(tmp_path / "telemetry.yaml")


@pytest.fixture
def world(ledger, settings, now) -> Callable[..., None]:
    """All is well but what is told, in minutes by tenant: the age of orders (``data``), of what was ``built`` of it."""

    def fill(*, data: dict[str, float] | None = None, built: dict[str, float] | None = None, never=()) -> None:
        tenants.write(ledger, [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(SLUGS, 1)])
        graph.replace(ledger, NODES, EXPOSURES)
        facts: list[SubjectFact] = []
        for slug in SLUGS:
            age = (data or {}).get(slug, 6)
            stuck = (built or {}).get(slug, age)
            for key in (ORDERS, DAY, BOARD):
                held = now - (age if key == ORDERS else stuck) * MINUTE
                ran = now - (2 if stuck == age else stuck) * MINUTE
                if (key, slug) not in never:
                    facts.append(SubjectFact(key, slug, ran, "run", "test", {ORDERS: held}))
            facts.append(SubjectFact(TABLE, slug, None, "look", "watched", {TABLE: now - 6 * MINUTE}, looked_at=now))
        facts += [SubjectFact(STAGED, slug, now - 2 * MINUTE, "run", "test") for slug in SLUGS]
        subjects.record(ledger, facts)
        syncs.record(ledger, [job(one, now) for one in settings.connections()])
        result = DbtInvocation("b0", "build", now - 2 * MINUTE, True, False, "", None, ())
        dbt_invocations.record(ledger, result)

    return fill


def job(connection, now: datetime, *, number: int = 1, minutes: float = 5, **more) -> Sync:
    ended = now - minutes * MINUTE
    one = Sync(
        connection.connection_id, number, "shop", connection.tenant, "succeeded", ended - MINUTE, ended, ended, 100
    )
    return replace(one, **more)


def failed(connection, now: datetime, error: str, minutes: float = 1) -> Sync:
    return job(connection, now, number=2, minutes=minutes, status="failed", error=error)


def of(settings: Settings, tenant: str):
    return next(one for one in settings.connections() if one.tenant == tenant)


def build(ledger, now: datetime, *results: NodeResult) -> None:
    dbt_invocations.record(ledger, DbtInvocation("b1", "build", now - MINUTE, True, False, "", None, results))


def test_a_kept_promise_is_told_kindly_with_what_binds_it_and_until_when(ledger, settings, world, now) -> None:
    world(data={"globex": 40})
    answer = read_why(ledger, settings, now, BOARD)
    (told,) = answer.explanations
    assert (told.judgement.tenant, told.cause, told.root) == ("globex", None, ORDERS)
    assert told.late_at == now + 20 * MINUTE
    assert (answer.owed, answer.kept, answer.exit_code) == (2, 2, ExitCode.OK)
    assert [hop.asset for hop in told.hops] == [ORDERS, STAGED, DAY, BOARD]


def test_until_when_is_known_of_a_deadline_too(ledger, settings, world, now) -> None:
    world()
    by_nine = Promise(BOARD, Deadline(time(9), since=time(6), zone="America/Jamaica"))
    answer = read_why(ledger, replace(settings, promises=(by_nine,)), now, BOARD)
    # Data of 06:54 in Jamaica is good for today's deadline at 09:00, and late from tomorrow's on.
    assert answer.explanations[0].late_at == datetime(2026, 5, 2, 14, tzinfo=UTC)


@pytest.mark.promise("B54")
def test_tenants_with_the_same_cause_are_told_once_and_another_cause_apart(ledger, settings, world, now) -> None:
    world(data={"acme": 80, "globex": 90}, built={"initech": 80})
    answer = read_why(ledger, settings, now, DAY)
    told = {(one.cause.identity, one.tenants) for one in answer.explanations if one.cause}
    assert told == {
        ((CauseKind.FEED_QUIET, ORDERS), ("globex", "acme")),
        ((CauseKind.BUILD_NOT_RUN, DAY), ("initech",)),
    }
    assert answer.exit_code is ExitCode.LATE


def test_a_failed_syncs_own_words_are_told_without_secrets(ledger, settings, world, now, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    world(data={"acme": 59})
    said = "401 for token s3cr3t-token at https://user:pa55@shop.example.com/api"
    syncs.record(ledger, [failed(of(settings, "acme"), now, said)])
    answer = read_why(ledger, settings, now + 2 * MINUTE, ORDERS, "acme")
    cause = answer.explanations[0].cause
    assert cause
    assert (cause.kind, cause.quote) == (CauseKind.SYNC_FAILED, "401 for token *** at https://***@shop.example.com/api")
    assert "s3cr3t" not in json.dumps(answer.as_json())
    assert "pa55" not in json.dumps(answer.as_json())


def test_short_values_of_secrets_are_not_hunted_in_every_word(settings, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "a")
    assert veil_of(settings)("a bad day") == "a bad day"


def test_two_different_errors_of_one_source_are_both_told(ledger, settings, world, now) -> None:
    world(data={"acme": 59, "globex": 59})
    syncs.record(ledger, [failed(of(settings, slug), now, f"error {slug}") for slug in ("acme", "globex")])
    answer = read_why(ledger, settings, now + 2 * MINUTE, ORDERS)
    told = {one.cause.quote: one.tenants for one in answer.explanations if one.cause}
    assert told == {"error acme": ("acme",), "error globex": ("globex",)}


def test_of_two_connections_of_a_tenant_the_one_that_fails_is_told(ledger, settings, world, now) -> None:
    world()
    shop = settings.sources["shop"]
    second = ConnectionSettings("shop", "globex", UUID(int=77), {})
    both = replace(settings, sources={"shop": replace(shop, connections=(*shop.connections, second))})
    syncs.record(ledger, [job(second, now), failed(second, now, "no such shop")])
    feeds = read_happenings(ledger, both, [ORDERS], ["globex"]).feeds
    assert [sync.error for sync in feeds["shop", "globex"].ended] == ["no such shop", ""]


def test_a_failed_model_is_named_with_what_dbt_said(ledger, settings, world, now) -> None:
    world(built={"acme": 80})
    build(ledger, now, NodeResult("model.p.day", "error", "division by zero"))
    answer = read_why(ledger, settings, now, BOARD, "acme")
    cause = answer.explanations[0].cause
    assert cause
    assert (cause.kind, cause.root, cause.quote) == (CauseKind.BUILD_FAILED, DAY, "division by zero")


def test_a_test_that_made_dbt_skip_a_model_is_named(ledger, settings, world, now) -> None:
    world(built={"acme": 80})
    failing = NodeResult("test.p.not_null_orders_id.1", "fail", "Got 3 results")
    build(ledger, now, failing, NodeResult("model.p.day", "skipped"))
    cause = read_why(ledger, settings, now, BOARD, "acme").explanations[0].cause
    assert cause
    assert (cause.kind, cause.root) == (CauseKind.BUILD_SKIPPED, STAGED)
    assert "not_null_orders_id of staging/orders failed: Got 3 results" in cause.says


def test_without_a_manifest_dbts_words_have_no_place_and_the_rest_is_told(ledger, settings, world, now) -> None:
    world(built={"acme": 80})
    build(ledger, now, NodeResult("model.p.day", "error", "division by zero"))
    settings.dbt.manifest_path.unlink()
    cause = read_why(ledger, settings, now, BOARD, "acme").explanations[0].cause
    assert cause
    assert (cause.kind, cause.root) == (CauseKind.BUILD_NOT_RUN, DAY)


def test_a_withheld_payload_is_the_cause_of_its_tenant_alone(ledger, settings, world, now) -> None:
    world()
    stale = SubjectFact(BOARD, "acme", now - 80 * MINUTE, "old", "publisher", {ORDERS: now - 85 * MINUTE})
    ledger.execute("delete from telemetry.subjects where asset = %s and tenant = 'acme'", (BOARD,))
    subjects.record(ledger, [stale])
    held = WithheldSnapshot("board", "acme", now - 70 * MINUTE, {}, ("/metrics/sum: found null",), "run")
    snapshots.withhold(ledger, [held])
    answer = read_why(ledger, settings, now, BOARD)
    (told,) = answer.explanations
    assert told.cause
    assert (told.cause.kind, told.tenants, told.cause.quote) == (
        CauseKind.WITHHELD, ("acme",), "/metrics/sum: found null",
    )  # fmt: skip
    assert told.hops[-1].trouble == "its newest payload is withheld: /metrics/sum: found null"


def test_a_table_set_back_is_told_as_such(ledger, settings, world, now) -> None:
    world()
    back = SubjectFact(TABLE, "acme", None, "look", "watched", {TABLE: now - 80 * MINUTE}, looked_at=now + MINUTE)
    subjects.record(ledger, [back])
    cause = read_why(ledger, settings, now + 2 * MINUTE, TABLE, "acme").explanations[0].cause
    assert cause
    assert cause.kind is CauseKind.CORRECTED


def test_a_table_without_tenants_set_back_is_told_to_each_who_is_owed_what_is_made_from_it(
    ledger, settings, world, now
) -> None:
    world()
    rates = AssetNode("erp/rates", AssetKind.TABLE, clock=COLUMN, tenanted=False)
    graph.replace(ledger, [*NODES, rates, AssetNode("marts/priced", AssetKind.MODEL, (rates.key,))])
    for minutes, age in ((0, 5), (1, 80)):
        held = {rates.key: now - age * MINUTE}
        looked_at = now + minutes * MINUTE
        built = [SubjectFact("marts/priced", slug, looked_at, f"r{minutes}", "dbt", held) for slug in SLUGS]
        look = SubjectFact(rates.key, "*", None, "look", "watched", held, looked_at=looked_at)
        subjects.record(ledger, [look, *built])
    for asked in (None, "acme"):
        (told,) = read_why(ledger, settings, now + 2 * MINUTE, "marts/priced", asked).explanations
        assert told.cause
        assert (told.cause.kind, told.cause.root) == (CauseKind.CORRECTED, rates.key)


def test_what_could_not_be_looked_at_is_unknown_and_exits_so(ledger, settings, world, now) -> None:
    world()
    looks.record(ledger, [Look(TABLE, now, "permission denied for schema erp")])
    answer = read_why(ledger, settings, now, TABLE)
    (told,) = answer.explanations
    assert told.cause
    assert (told.cause.kind, len(told.tenants)) == (CauseKind.COULD_NOT_LOOK, 3)
    assert answer.exit_code is ExitCode.COULD_NOT_LOOK


def test_whoever_owns_what_cannot_be_judged_is_named_too(ledger, settings, world, now) -> None:
    world()
    owned = [replace(one, owner="ops") if one.asset == "erp/*" else one for one in settings.promises]
    looks.record(ledger, [Look(TABLE, now, "permission denied for schema erp")])
    (told,) = read_why(ledger, replace(settings, promises=tuple(owned)), now, TABLE).explanations
    assert told.harm
    assert (told.harm.promises, told.harm.owners) == ((), ("ops",))


@pytest.mark.promise("B53")
def test_a_snapshot_that_never_came_is_broken_and_told_like_one_that_is_late(ledger, settings, world, now) -> None:
    world(never={(BOARD, "acme")})
    answer = read_why(ledger, settings, now, BOARD)
    (told,) = answer.explanations
    assert told.cause
    assert (told.judgement.state, told.cause.kind, told.tenants) == (
        State.MISSING, CauseKind.NOT_PUBLISHED, ("acme",),
    )  # fmt: skip
    assert answer.exit_code is ExitCode.MISSING


@pytest.mark.promise("C3")
def test_what_hangs_on_the_cause_is_every_broken_promise_below_and_who_reads_them(ledger, settings, world, now) -> None:
    world(data={"acme": 80})
    (told,) = read_why(ledger, settings, now, ORDERS).explanations
    harm = told.harm
    assert harm
    assert [(one.asset, one.tenants, one.owner) for one in harm.promises] == [
        (ORDERS, ("acme",), "data-eng"), (DAY, ("acme",), "data-eng"), (BOARD, ("acme",), "ops"),
    ]  # fmt: skip
    assert [(one.label, one.url) for one in harm.exposures] == [("Daily report", "https://bi.example.com/1")]
    assert harm.owners == ("data-eng", "ops", "finance")


def test_of_very_many_tenants_the_first_are_counted_and_it_says_so(ledger, tmp_path, now) -> None:
    many = [Tenant(f"t{number:03}", UUID(int=number), f"T{number}") for number in range(1, MOST_TENANTS + 2)]
    listed = [f"  - {{slug: {one.slug}, id: {one.id}, name: {one.name}}}" for one in many]
    promised = ["promises:", "  - {asset: erp/*, window: {fail: 60m}}"]
    (tmp_path / "telemetry.yaml").write_text("\n".join(["tenants:", *listed, *promised]))
    tenants.write(ledger, many)
    graph.replace(ledger, [AssetNode(TABLE, AssetKind.TABLE, clock=COLUMN)])
    old = {TABLE: now - 80 * MINUTE}
    subjects.record(ledger, [SubjectFact(TABLE, one.slug, None, "look", "watched", old, looked_at=now) for one in many])
    (told,) = read_why(ledger, declared.load(tmp_path / "telemetry.yaml"), now, TABLE).explanations
    assert told.harm
    assert (len(told.tenants), told.harm.tenants, told.harm.of_tenants) == (201, 200, 201)


def test_very_many_errors_under_one_cause_are_told_once(ledger, tmp_path, now) -> None:
    many = [Tenant(f"t{number:03}", UUID(int=number), f"T{number}") for number in range(1, MOST_ERRORS + 2)]
    text = YAML.partition("tenants:")[0] + "\n".join(
        [
            "tenants:", *(f"  - {{slug: {one.slug}, id: {one.id}, name: {one.name}}}" for one in many),
            "sources:", "  shop:", '    executable: ["true"]', "    every: 15m", "    streams: {orders: {}}",
            "    connections:", *(f"      - {{tenant: {one.slug}}}" for one in many),
            "promises:", "  - {asset: shop/*, window: {fail: 60m}}",
        ]
    )  # fmt: skip
    (tmp_path / "dbt").mkdir()
    (tmp_path / "dbt" / "dbt_project.yml").write_text("name: p\n")
    (tmp_path / "telemetry.yaml").write_text(text)
    settings = declared.load(tmp_path / "telemetry.yaml")
    tenants.write(ledger, many)
    graph.replace(ledger, NODES)
    old = {ORDERS: now - 80 * MINUTE}
    subjects.record(ledger, [SubjectFact(ORDERS, one.slug, now - 79 * MINUTE, "run", "sync", old) for one in many])
    connections = list(settings.connections())
    syncs.record(ledger, [failed(one, now, f"{one.tenant}: no such account") for one in connections[1:]])
    assert len(read_why(ledger, settings, now, ORDERS).explanations) == MOST_ERRORS + 1
    syncs.record(ledger, [failed(connections[0], now, "another")])
    (told,) = read_why(ledger, settings, now, ORDERS).explanations
    assert len(told.tenants) == MOST_ERRORS + 1


def test_data_without_tenants_is_told_of_the_tenant_that_holds_it_back(ledger, settings, world, now) -> None:
    world(data={"globex": 80})
    stray = SubjectFact(ORDERS, "gone", now - 900 * MINUTE, "run", "test", {ORDERS: now - 900 * MINUTE})
    subjects.record(ledger, [stray, replace(stray, asset=DAY)])
    graph.replace(ledger, [*NODES, AssetNode("marts/all", AssetKind.VIEW, (DAY,), tenanted=False)])
    subjects.record(ledger, [SubjectFact("marts/all", "*", now, "run", "test")])
    for asked in (None, "acme"):
        (told,) = read_why(ledger, settings, now, "marts/all", asked).explanations
        assert told.cause
        assert (told.cause.kind, told.cause.root, told.tenants) == (CauseKind.FEED_QUIET, ORDERS, ("*",))
        assert told.judgement.data_age == 80 * MINUTE
        assert [hop.data_age for hop in told.hops] == [80 * MINUTE] * len(told.hops)


@pytest.mark.parametrize(
    ("asset", "tenant", "offered"),
    [
        ("snapshots/bord", None, "Did you mean snapshots/board"),
        ("zzz", None, "Promised are erp/stock"),
        (STAGED, None, "Promised of what is made from it: marts/day, snapshots/board"),
        (BOARD, "globx", "Did you mean globex"),
        (BOARD, "initech", "It is promised to acme, globex"),
        ("board", None, f"Did you mean {BOARD}"),
        ("orders", None, "Did you mean shop/orders or staging/orders"),
        ("snap*", None, f"Take one, as {BOARD}; patterns are for: telemetry status 'snap"),
    ],
)
@pytest.mark.slow
def test_what_nobody_promised_is_a_usage_error_that_offers_the_nearest(
    ledger, settings, world, now, asset, tenant, offered
) -> None:
    world()
    with pytest.raises(UsageError, match=offered):
        read_why(ledger, settings, now, asset, tenant)


def test_before_the_first_prepare_it_could_not_look(ledger, settings, now) -> None:
    with pytest.raises(CouldNotLookError, match="telemetry prepare"):
        read_why(ledger, settings, now, BOARD)


@pytest.mark.promise("B9")
def test_why_imports_neither_dagster_nor_dbt_nor_rich() -> None:
    code = (
        "import sys, telemetry_assets.cli.main, telemetry_assets.answers.why, telemetry_assets.render.why,"
        " telemetry_assets.ledger.connection, telemetry_assets.ledger.schema;"
        "heavy = {'dagster', 'dagster_dbt', 'dbt', 'alembic', 'sqlalchemy', 'pandas', 'rich', 'jsonschema'};"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
