"""`telemetry config show`: what it prints is a telemetry.yaml that says the same."""

import json
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_assets.answers.config import DECLARED, effective
from telemetry_assets.declaration.parse import schema
from telemetry_assets.model import Deadline, Limit, Promise, Window
from telemetry_assets.render.config import as_text
from telemetry_assets.settings import Settings, load

ROOT = Path(__file__).parent.parent.parent
EVERYTHING = """\
dbt: {project_dir: p, profiles_dir: q, target: prod, every: 1h}
tenants:
  - {slug: a, id: 11111111-2222-3333-4444-555555555555, name: A, timezone: America/Jamaica}
  - {slug: b, id: 22222222-3333-4444-5555-666666666666, name: "no"}
sources:
  shop:
    executable: [run, it]
    every: 90m
    streams: {orders: {clock: column at}, codes: {clock: static}}
    connections: [{config: {start_at: 10:30, token: {env: SHOP_TOKEN}}}, {tenant: a}]
  erp: {every: 1h, streams: {o: {}}, connections: [{connection_id: 33333333-2222-3333-4444-555555555555}]}
  warehouse: {kind: table, tables: {o: {clock: column at}, rates: {table: x.r, clock: static, tenant_column: null}}}
  billing: {kind: dagster, assets: {invoices: {}, y: {key: z}, z: {key: y, clock: static, tenanted: false}}}
promises:
  - {asset: shop/*, window: {warn: 1h, fail: 90m}, owner: me, tenants: [b, a]}
  - {asset: marts/*, by: 10:00, zone: Europe/London, days: fri-mon, warn: "23:00", since: "22:00", tenants:
      {a: {by: "09:00"}, b: {fail: 2h}}}
  - {asset: x, by: "00:00"}
  - {asset: "*", grace: 30m}
snapshots: {board: {relation: m.b, every: 2m}, other: {relation: m.c}}
owners:
  me: {notify: {ERROR: [slack, post], WARN: []}, escalate: {after: 1h, to: you}, remind: 90m, dashboard: "https://b/{tenant}"}
  you: {runbook: "https://r/{kind}"}
channels:
  slack: {token: {env: SLACK_TOKEN}, channel: "#a", api_url: https://slack.example.com/api, timeout: 5s}
  hook: {kind: slack, webhook_url: {env: HOOK}, rate: 0.5}
  email: {host: {env: SMTP}, port: 2525, tls: tls, user: me, password: {env: P}, from: a@b.c, to: [d@e.f]}
  post: {kind: webhook, url: {env: POST_URL}, secret: {env: POST_SECRET}}
  out: {kind: webhook, url: https://out.example.com/x}
  log: {kind: file, path: messages.log}
  console: {}
"""


def _read_back(shown: Settings, folder: Path) -> Settings:
    path = folder / "shown.yaml"
    path.write_text(as_text(effective(shown)))
    return replace(load(path), path=shown.path, home=shown.home)


@pytest.mark.parametrize("path", ["telemetry.yaml", "deploy/telemetry.production.yaml"])
def test_our_own_files_read_back(path: str, tmp_path: Path) -> None:
    assert _read_back(load(ROOT / path), tmp_path) == load(ROOT / path)


@pytest.mark.parametrize("text", [EVERYTHING, "{}", "tenants: {table: app.t, timezone: tz}\nsources: {}\n"])
def test_whatever_is_declared_reads_back(text: str, tmp_path: Path) -> None:
    (tmp_path / "telemetry.yaml").write_text(text)
    declared = load(tmp_path / "telemetry.yaml")
    assert _read_back(declared, tmp_path) == declared


def test_the_json_is_what_the_text_is(tmp_path: Path) -> None:
    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    shown = effective(load(tmp_path / "telemetry.yaml"))
    read: dict[str, Any] = yaml.safe_load(as_text(shown))
    assert read == {part: shown[part] for part in DECLARED} == json.loads(json.dumps(read))


def test_what_the_environment_adds_stands_in_comments(tmp_path: Path) -> None:
    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    lines = as_text(effective(load(tmp_path / "telemetry.yaml"))).splitlines()
    assert f"# file: {tmp_path}/telemetry.yaml" in lines
    assert "#   SHOP_TOKEN: unset" in lines


def test_what_the_environment_adds_to_the_channels_is_shown_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    assert not {"fallback", "deadman", "dagster_url"} & effective(load(tmp_path / "telemetry.yaml")).keys()
    monkeypatch.setenv("MONITOR_ALERT_WEBHOOK_URL", "https://hooks.example.com/hunter2")
    monkeypatch.setenv("TELEMETRY_DEADMAN_URL", "https://ping.example.com/hunter2")
    monkeypatch.setenv("TELEMETRY_DAGSTER_URL", "https://me:hunter2@dagster.example.com/")
    shown = effective(load(tmp_path / "telemetry.yaml"))
    assert shown["fallback"] == "monitor_alert, {env: MONITOR_ALERT_WEBHOOK_URL} (set)"
    assert (shown["deadman"], shown["dagster_url"]) == (
        "{env: TELEMETRY_DEADMAN_URL} (set)",
        "https://dagster.example.com",
    )
    assert "hunter2" not in as_text(shown)


def test_a_deadline_is_spelt_out(tmp_path: Path) -> None:
    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    shown = effective(load(tmp_path / "telemetry.yaml"))["promises"][1]
    assert shown == {
        "asset": "marts/*",
        "by": "10:00",
        "zone": "Europe/London",
        "days": ["mon", "fri", "sat", "sun"],
        "warn": "23:00",
        "since": "22:00",
        "tenants": {
            "a": {"by": "09:00", "zone": "Europe/London", "days": ["mon", "fri", "sat", "sun"], "since": "22:00"},
            "b": {"fail": "2h"},
        },
    }


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


@st.composite
def deadlines(draw: st.DrawFn) -> Deadline:
    """Any deadline that can be declared: its warning on the way from since to by."""
    since, length = draw(st.integers(0, 1439)), draw(st.integers(1, 1440))
    warn = draw(st.none() | st.integers(0, length - 1))
    by = _clock(since + length)
    clock = None if warn is None or _clock(since + warn) == by else _clock(since + warn)
    days = draw(st.frozensets(st.integers(0, 6), min_size=1))
    return Deadline(by, clock, _clock(since), days, draw(st.sampled_from(["UTC", "Asia/Kathmandu"])))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window that can be declared."""
    fail = draw(st.integers(2, 10**8))
    warn = draw(st.none() | st.integers(1, fail - 1))
    return Window(timedelta(seconds=fail), None if warn is None else timedelta(seconds=warn))


LIMITS: st.SearchStrategy[Limit] = deadlines() | windows()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(limit=LIMITS | st.none(), own=st.dictionaries(st.sampled_from("ab"), LIMITS))
def test_every_limit_reads_back(limit: Limit | None, own: dict[str, Limit], tmp_path: Path) -> None:
    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    promise = Promise("m/*", limit, timedelta(0) if limit else timedelta(minutes=7), overrides=own)
    declared = replace(load(tmp_path / "telemetry.yaml"), promises=(promise,))
    assert _read_back(declared, tmp_path).promises == (promise,)


def test_what_is_shown_is_valid_by_the_schema(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    (tmp_path / "telemetry.yaml").write_text(EVERYTHING)
    shown = effective(load(tmp_path / "telemetry.yaml"))
    Draft202012Validator(schema()).validate({part: shown[part] for part in DECLARED if shown[part] is not None})
