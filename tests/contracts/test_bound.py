"""This repository's own folder fits: each contract is bound, each fixture belongs to something, none is misnamed."""

from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.contracts.reading import read_json_file
from telemetry_assets.contracts.registry import folder_faults, load_folder
from telemetry_assets.contracts.sections import sections
from telemetry_assets.settings import load
from telemetry_assets.sources.asset_graph import asset_graph

EXAMPLE = Path(__file__).parents[2] / "telemetry.yaml"
SETTINGS = load(EXAMPLE)
FOLDER = load_folder(SETTINGS.schemas_dir)
MODELS = {f"marts/{path.stem}" for path in (EXAMPLE.parent / "dbt_project" / "models" / "marts").glob("*.sql")}
"""The keys of the marts, without asking dbt."""


@pytest.mark.promise("A17", "A18", "A27", "D34", "F14")
def test_everything_in_the_folder_is_bound() -> None:
    assets = {*(node.key for node in asset_graph(SETTINGS, None)), *MODELS}
    streams = [key for source in SETTINGS.sources.values() for key in source.asset_keys]
    assert {"snapshots.tenant_dashboard", "meta_ads.campaigns", "marts.campaign_performance"} <= FOLDER.contracts.keys()
    published = [snapshot.asset_key for snapshot in SETTINGS.snapshots.values()]
    assert folder_faults(FOLDER, assets, published, streams) == ()


@pytest.mark.promise("A25")
def test_the_dashboard_demands_its_four_sections_and_none_may_be_empty() -> None:
    dashboard = {section.pointer: section for section in sections(FOLDER.contracts["snapshots.tenant_dashboard"])}
    for name in ("campaign", "creative", "budget", "parish"):
        assert not dashboard[f"/metrics/{name}_metrics"].may_be_empty


@pytest.mark.promise("A26")
@pytest.mark.parametrize(
    ("name", "summaries"),
    [
        ("airbyte_health", ("/recent_jobs", "/job_summary", "/job_summary/latest_job", "/last_sync")),
        ("dbt_health", ("/failing_models", "/failing_models_detail", "/run_results_path", "/generated_at")),
    ],
)
def test_health_payloads_demand_their_job_summaries(name: str, summaries: tuple[str, ...]) -> None:
    contract = FOLDER.api[name]
    assert set(summaries) <= {section.pointer for section in sections(contract)}
    for pointer in summaries:
        outer, _, missing = pointer.rpartition("/")
        document: Any = {outer.removeprefix("/"): {}} if outer else {}
        refused = [error.message for error in contract.judge.iter_errors(document)]
        assert f'"{missing}" is a required property' in refused


def test_every_fixture_of_the_folder_is_strict_json() -> None:
    assert all(read_json_file(path) for path in FOLDER.fixtures.values())
