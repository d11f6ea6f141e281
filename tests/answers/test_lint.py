"""Lint of a real file: its lines, with and without a ledger, and what the ledger adds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from telemetry_assets import settings as declared
from telemetry_assets.answers.lint import read_lint
from telemetry_assets.errors import ConfigError
from telemetry_assets.freshness.finding import Kind, Severity
from telemetry_assets.ledger import dbt_invocations, looks, subjects, syncs, tenants
from telemetry_assets.ledger.dbt_invocations import DbtInvocation, NodeResult
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.model import ExitCode, Look, SubjectFact, Tenant
from telemetry_assets.render.lint import lines
from telemetry_assets.render.terminal import Palette
from telemetry_assets.settings import Settings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
YAML = """
tenants:
  - {slug: acme, id: 00000000-0000-0000-0000-000000000001, name: Acme}
  - {slug: globex, id: 00000000-0000-0000-0000-000000000002, name: Globex}
sources:
  ads:
    executable: [run-me]
    every: 15m
    streams: {clicks: {}}
    connections: [{tenant: acme}, {tenant: globex}]
promises:
  - {asset: ads/*, window: {fail: 20m}, owner: data-eng}
  - {asset: snapshots/board, window: {fail: 60m}, owner: data-eng}
snapshots: {board: {relation: ads.clicks, every: 30m}}
owners: {data-eng: {notify: {ERROR: [console]}}}
channels: {console: {}}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """The settings of the file, on a database or on none."""

    def load(text: str = YAML, url: str | None = None) -> Settings:
        (tmp_path / "telemetry.yaml").write_text(text)
        monkeypatch.setenv("TELEMETRY_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("DATABASE_URL", url or "")
        return declared.load(tmp_path / "telemetry.yaml")

    return load


def kinds(answer) -> set[Kind]:
    return {finding.kind for _, finding in answer.findings}


def remember(ledger, *seen: str) -> None:
    tenants.write(ledger, [Tenant("acme", UUID(int=1), "Acme"), Tenant("globex", UUID(int=2), "Globex")])
    subjects.record(ledger, [SubjectFact("ads/clicks", slug, NOW, "r", "sync") for slug in seen])


def synced(ledger, minutes: float, number: int = 1, status: str = "succeeded") -> None:
    start = NOW - timedelta(days=1, minutes=number)
    end = start + minutes * MINUTE
    syncs.record(ledger, [Sync(UUID(int=9), number, "ads", "acme", status, start, end, end)])


def test_without_a_database_what_is_written_is_linted_and_the_rest_is_said_to_be_unseen(settings) -> None:
    answer = read_lint(settings(), NOW)
    assert kinds(answer) == {Kind.NOT_LOOKED}
    assert (answer.exit_code, answer.read[-1].endswith("telemetry.yaml")) == (ExitCode.OK, True)


def test_a_named_database_that_does_not_answer_is_could_not_look_after_all_that_is_written(settings) -> None:
    answer = read_lint(settings(YAML.replace("20m", "10m"), "postgresql://u:hunter2@127.0.0.1:1/x"), NOW)
    assert answer.exit_code is ExitCode.COULD_NOT_LOOK
    assert kinds(answer) == {Kind.NOT_LOOKED, Kind.INFEASIBLE}
    assert "hunter2" not in "".join(lines(answer, Palette()))


@pytest.mark.promise("F1")
def test_an_infeasible_window_is_said_at_its_line_and_fails(settings) -> None:
    answer = read_lint(settings(YAML.replace("every: 30m", "every: 24h")), NOW)
    (line, finding) = answer.findings[0]
    assert YAML.splitlines()[line - 1].strip().startswith("- {asset: snapshots/board")
    assert finding.words == "snapshots/board: 15m sync + 24h snapshots > 60m promised; no run can keep it."
    assert answer.exit_code is ExitCode.FAILING


def test_measured_syncs_turn_a_tight_window_into_a_warning(settings, ledger, database) -> None:
    remember(ledger, "acme", "globex")
    for number in range(100):
        synced(ledger, 6 if number % 10 == 0 else 1, number)
    synced(ledger, 500, 200, status="failed")
    answer = read_lint(settings(url=database), NOW)
    ((_, finding),) = answer.findings
    assert finding.words == "ads/clicks: 15m sync + 6m run > 20m promised; it breaks although all goes well."
    assert answer.exit_code is ExitCode.OK
    assert read_lint(settings(url=database), NOW, strict=True).exit_code is ExitCode.FAILING


def test_a_tenant_never_seen_and_one_never_declared_come_from_the_ledger(settings, ledger, database) -> None:
    remember(ledger, "acme", "initech")
    answer = read_lint(settings(url=database), NOW)
    assert {(finding.kind, finding.tenants) for _, finding in answer.findings} == {
        (Kind.NEVER_SEEN, ("globex",)), (Kind.UNKNOWN_TENANT, ("initech",)),
    }  # fmt: skip
    assert answer.read[-1] == "the ledger"


def test_a_missing_dbt_manifest_is_a_note_and_no_asset_is_said_to_be_missing(settings, tmp_path) -> None:
    (tmp_path / "shop").mkdir()
    answer = read_lint(settings(YAML.replace("ads.clicks", "marts.board") + "dbt: {project_dir: shop}\n"), NOW)
    assert kinds(answer) == {Kind.NOT_LOOKED}
    assert any("telemetry prepare" in finding.remedy for _, finding in answer.findings)


def test_tenants_of_a_table_nobody_can_read_are_those_that_connections_name(settings) -> None:
    text = YAML.replace(YAML[YAML.index("tenants:") : YAML.index("sources:")], "tenants: {table: app.tenants}\n")
    answer = read_lint(settings(text.replace("20m", "10m")), NOW)
    assert Kind.INFEASIBLE in kinds(answer)


def test_a_file_gone_since_it_was_loaded_is_no_empty_answer(settings, tmp_path) -> None:
    loaded = settings()
    (tmp_path / "telemetry.yaml").unlink()
    with pytest.raises(ConfigError, match="does not exist"):
        read_lint(loaded, NOW)


def test_how_long_models_take_is_read_from_the_newest_runs_of_dbt(ledger) -> None:
    from telemetry_assets.ledger.experience import model_times

    for number in range(20):
        results = (NodeResult("model.shop.a", "success", None, number), NodeResult("model.shop.b", "error", None, 99.0))
        which = "run" if number else "test"
        dbt_invocations.record(
            ledger, DbtInvocation(f"i{number}", which, NOW + number * MINUTE, True, False, "x", None, results)
        )
    assert model_times(ledger) == {"model.shop.a": timedelta(seconds=19)}


def test_what_is_printed_reads_as_a_compilers_words(settings) -> None:
    text = lines(read_lint(settings(YAML.replace("every: 30m", "every: 24h")), NOW), Palette())
    assert text[0].endswith(
        "telemetry.yaml:13: error: snapshots/board: 15m sync + 24h snapshots > 60m promised; no run can keep it."
    )
    assert text[1] == "  → Promise more than 24h15m, or run snapshots more often than every 24h."
    assert text[-1].startswith("1 error, 1 note. Looked at ")


def test_the_json_has_every_finding_with_line_and_place(settings) -> None:
    said = read_lint(settings(YAML.replace("every: 30m", "every: 24h")), NOW).as_json()
    assert (said["errors"], said["notes"], said["exit_code"]) == (1, 1, 1)
    assert said["findings"][0] | {"words": "", "remedy": ""} == {
        "severity": str(Severity.ERROR), "kind": "infeasible", "line": 13, "place": ["promises", 1, "window"],
        "words": "", "remedy": "", "assets": ["snapshots/board"], "tenants": [],
    }  # fmt: skip


@pytest.mark.promise("B57")
def test_an_owner_nobody_reaches_and_a_link_nobody_fills_are_warned_of_at_their_lines(settings) -> None:
    text = YAML.replace("{notify: {ERROR: [console]}}", '{\n    dashboard: "https://b/{tenat}"}')
    answer = read_lint(settings(text), NOW)
    told = {finding.kind: (line, finding.severity) for line, finding in answer.findings}
    owner = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("owners:"))
    assert told[Kind.NO_CHANNEL] == (owner, Severity.WARNING)
    assert told[Kind.BAD_LINK] == (owner + 1, Severity.WARNING)
    assert read_lint(settings(text), NOW, strict=True).exit_code is ExitCode.FAILING


@pytest.mark.promise("C8")
def test_the_webhook_of_the_environment_hears_for_whoever_has_no_channel(settings, monkeypatch) -> None:
    monkeypatch.setenv("MONITOR_ALERT_WEBHOOK_URL", "https://hooks.example.com/T/hunter2")
    answer = read_lint(settings(YAML.replace("{notify: {ERROR: [console]}}", "{}")), NOW)
    ((_, finding),) = [one for one in answer.findings if one[1].kind is Kind.NO_CHANNEL]
    assert finding.severity is Severity.NOTE
    assert "through MONITOR_ALERT_WEBHOOK_URL" in finding.words
    assert "hunter2" not in "".join(lines(answer, Palette()))


def test_a_ledger_never_prepared_is_said_and_ends_nothing(settings, postgres_url) -> None:
    answer = read_lint(settings(url=postgres_url), NOW)
    (note,) = [finding for _, finding in answer.findings if finding.kind is Kind.NOT_LOOKED]
    assert "telemetry prepare" in note.remedy
    assert answer.exit_code is ExitCode.COULD_NOT_LOOK


TABLES = """
tenants:
  - {slug: acme, id: 00000000-0000-0000-0000-000000000001, name: Acme}
sources:
  shop: {kind: table, tables: {orders: {table: public.orders, clock: column at}}}
promises:
  - {asset: shop/*, window: {fail: 1d}}
"""


def test_rows_of_a_tenant_nobody_declared_are_found_in_the_tables(settings, ledger, database) -> None:
    tenants.write(ledger, [Tenant("acme", UUID(int=1), "Acme")])
    ledger.execute("create table public.orders (tenant_id uuid, at timestamptz)")
    ledger.execute("insert into public.orders values (%s, now()), (%s, now())", (UUID(int=1), UUID(int=7)))
    answer = read_lint(settings(TABLES, database), NOW)
    ((_, finding),) = [one for one in answer.findings if one[1].severity is Severity.WARNING]
    assert finding.kind is Kind.UNKNOWN_TENANT
    assert finding.words == f"shop/orders: rows of tenant {UUID(int=7)}, whom nobody declared."


def test_a_table_that_could_not_be_read_the_last_time_is_told_at_its_line(settings, ledger, database) -> None:
    gone = Look("shop/gone", NOW, "public.gone is not there")
    looks.record(ledger, [Look("shop/orders", NOW, "public.orders is not there; load it"), gone])
    answer = read_lint(settings(TABLES, database), NOW)
    ((line, finding),) = [one for one in answer.findings if one[1].kind is Kind.UNREADABLE]
    assert (line, finding.severity) == (5, Severity.WARNING)
    assert "public.orders is not there; load it" in finding.words
