"""What the tests of the read side share: ``project``, a dbt project of its own per test; a clock, a tenant,
judgements, and the schemas of the health payloads."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import State, Tenant, Window
from tests.answers.scan_projects import DbtProject, make

SCHEMAS = Path(__file__).parents[2] / "schemas" / "api"
NAMES = {"airbyte": "airbyte_health", "dbt": "dbt_health", "snapshots": "snapshot_health"}


@pytest.fixture
def project(tmp_path: Path, database: str) -> DbtProject:
    """An empty dbt project named shop on a fresh database."""
    return make(tmp_path / "shop", database)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def acme() -> Tenant:
    return Tenant("acme", UUID("11111111-2222-3333-4444-555555555555"), "Acme")


@pytest.fixture
def valid() -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Asserts that a payload is what its schema promises and JSON through and through; returns it."""

    def check(payload: Mapping[str, Any]) -> Mapping[str, Any]:
        schema = json.loads((SCHEMAS / f"{NAMES[payload['component']]}.schema.json").read_text())
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(
            json.loads(json.dumps(payload, allow_nan=False))
        )
        return payload

    return check


@pytest.fixture
def judged(now: datetime) -> Callable[..., Judgement]:
    """A judgement of one promise; ``minutes`` is the data age, ``window`` what was promised, in minutes."""

    def judgement(
        asset: str = "meta_ads/insights",
        tenant: str = "acme",
        *,
        state: State = State.PASS,
        minutes: float | None = 5,
        window: float | None = 60,
        root: str | None = "meta_ads/insights",
        reason: str = "",
        undated: bool = False,
    ) -> Judgement:
        age = None if minutes is None else timedelta(minutes=minutes)
        return Judgement(
            asset=asset,
            tenant=tenant,
            state=state,
            run_age=timedelta(minutes=1),
            data_age=age,
            limit=None if window is None else Window(timedelta(minutes=window)),
            binding_root=root,
            data_time=None if age is None else now - age,
            run_time=now - timedelta(minutes=1),
            run_state=State.PASS,
            reason=reason,
            owner="data-eng",
            run_window=None if window is None else timedelta(minutes=window),
            undated=undated,
        )

    return judgement
