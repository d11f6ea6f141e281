"""The doctor finds each thing that is wrong, says what to do, and never stops at the first."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets import settings
from telemetry_assets.answers.doctor import examine
from telemetry_assets.dispatch.testing import require_usable
from telemetry_assets.local.examine import local_findings
from telemetry_assets.model import ExitCode

EXAMPLE = f"""
tenants:
  - {{slug: acme, id: {uuid.UUID(int=1)}, name: Acme}}
sources:
  shop:
    executable: [python, connector.py]
    every: 15m
    streams: {{orders: {{}}}}
    connections:
      - {{tenant: acme, config: {{token: {{env: SHOP_TOKEN}}}}}}
promises:
  - {{asset: shop/*, window: {{fail: 60m}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "telemetry.yaml").write_text(EXAMPLE)
    (tmp_path / "connector.py").write_text("")
    monkeypatch.setenv("TELEMETRY_CONFIG", str(tmp_path / "telemetry.yaml"))
    monkeypatch.setenv("TELEMETRY_HOME", str(tmp_path / "home"))
    for name in ("DATABASE_URL", "AIRBYTE_URL", "SHOP_TOKEN", "MONITOR_ALERT_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def findings() -> dict[str, Any]:
    answer = examine(settings.load, local_findings, require_usable)
    return {item.subject: item for item in answer.findings} | {"exit": answer.exit_code}


@pytest.mark.promise("B39", "D12")
def test_with_everything_in_place_all_is_well(folder: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    found = findings()
    assert found["exit"] is ExitCode.OK
    assert found["database"].found.startswith("PostgreSQL ")
    assert found["ledger"].well


def test_a_misspelt_declaration_is_the_finding(folder: Path) -> None:
    (folder / "telemetry.yaml").write_text("promisses: []\n")
    found = findings()
    assert not found["telemetry.yaml"].well
    assert "promises" in found["telemetry.yaml"].found
    assert found["exit"] is ExitCode.FAILING


@pytest.mark.promise("C10")
def test_a_missing_secret_is_named_and_no_value_is_shown(
    folder: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    found = findings()
    assert not found["secrets"].well
    assert "SHOP_TOKEN" in found["secrets"].found


def test_an_unreachable_database_is_told_without_its_password_and_the_rest_is_still_examined(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/shop")
    monkeypatch.setenv("SHOP_TOKEN", "t")
    found = findings()
    assert not found["database"].well
    assert "hunter2" not in str(found)
    assert found["secrets"].well
    assert found["exit"] is ExitCode.COULD_NOT_LOOK


def test_a_database_without_our_tables_says_what_to_run(
    folder: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    assert "telemetry prepare" in findings()["ledger"].remedy


def test_an_airbyte_that_does_not_answer_is_found(folder: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    monkeypatch.setenv("AIRBYTE_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("AIRBYTE_WORKSPACE_ID", "w")
    found = findings()
    assert not found["Airbyte"].well
    assert "AIRBYTE_URL" in found["Airbyte"].remedy


TOLD = """
owners: {me: {notify: {WARN: [team]}}, you: {}}
channels: {team: {kind: slack, webhook_url: {env: TEAM_HOOK}}}
"""


@pytest.mark.promise("C8", "B57")
def test_an_owner_no_channel_reaches_is_found_unless_the_fallback_does(
    folder: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    monkeypatch.setenv("TEAM_HOOK", "https://hooks.example.com/hunter2")
    assert findings()["channels"].found == "none declared; nobody is told of anything"
    (folder / "telemetry.yaml").write_text(EXAMPLE + TOLD)
    found = findings()
    assert (found["channels"].well, found["channels"].found) == (False, "No channel reaches you.")
    assert found["exit"] is ExitCode.FAILING
    monkeypatch.setenv("MONITOR_ALERT_WEBHOOK_URL", "https://hooks.example.com/hunter2")
    found = findings()
    assert found["channels"].found == "team, monitor_alert; try one: telemetry doctor --send-test team"
    assert "hunter2" not in str(found)


def test_the_missing_secret_of_a_channel_is_named_with_its_place(
    folder: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    monkeypatch.delenv("TEAM_HOOK", raising=False)
    (folder / "telemetry.yaml").write_text(EXAMPLE + TOLD)
    found = findings()["secrets"]
    assert not found.well
    assert "TEAM_HOOK (channels.team.webhook_url)" in found.found


@pytest.mark.promise("B57")
@pytest.mark.parametrize(
    ("variable", "value", "channels", "said"),
    [
        ("MONITOR_ALERT_WEBHOOK_URL", "hooks/hunter2", "", "MONITOR_ALERT_WEBHOOK_URL (channels.monitor_alert.webhook"),
        ("TELEMETRY_DEADMAN_URL", "hunter2", "", "TELEMETRY_DEADMAN_URL is not an http(s) URL."),
        (
            "TEAM_HOOK",
            "hunter2",
            "channels: {team: {kind: slack, webhook_url: {env: TEAM_HOOK}}}",
            "TEAM_HOOK (channels.",
        ),
        ("TEAM", "", "channels: {log: {kind: file, path: nowhere/a.log}}", "channels.log.path has no folder "),
        ("TEAM", "", "channels: {log: {kind: file, path: .}}", "channels.log.path is a folder: "),
    ],
)
def test_a_channel_that_cannot_be_used_is_found_and_no_address_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, channels: str, said: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:9/shop")
    monkeypatch.setenv(variable, value)
    (folder / "telemetry.yaml").write_text(EXAMPLE + channels)
    found = findings()["channels"]
    assert (found.well, said in found.found) == (False, True), found.found
    assert "hunter2" not in str(found)
