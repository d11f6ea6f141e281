"""The guard where all is well: one run on the small project, looked at from every side; and what it reads before it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.answers.check_selection import GuardOptions, Selection
from telemetry_assets.answers.results import Kind, Verdict
from telemetry_assets.cli.guard_reach import reached
from telemetry_assets.cli.guard_steps import Guard, scenarios
from telemetry_assets.errors import ConfigError, UsageError
from telemetry_assets.local.fixture_rows import read_fixture, read_fixtures
from telemetry_assets.local.guard_home import GuardHome, settings_in
from telemetry_assets.model import ExitCode, State
from telemetry_assets.render.progress import Silent
from telemetry_assets.settings import Settings, load
from tests.guard.small_project import ACME, TENANTS, Project, found, project

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FAILED_BUILD = """
scenario: a model fails
when: 2026-06-01T12:00:00Z
given: {built: {synced: 2h, failed: 1m, at: total}}
expect: {states: {boards/numbers: fresh, total: late}, messages: [{step: opened, cause: build_failed, where: total}]}
"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A project and its verdict."""

    project: Project
    verdict: Verdict


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One run in a repository, with addresses in the environment that must not be touched."""
    with project(tmp_path_factory.mktemp("guarded")) as made:
        commit(made.folder)
        made.patch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/production")
        made.patch.setenv("AIRBYTE_URL", "http://127.0.0.1:9/api")
        yield Guarded(made, made.guard())


def commit(folder: Path) -> None:
    """A repository on branch main with everything of the folder in it."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-qm", "all")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


@pytest.mark.promise("A8", "D26")
def test_where_all_is_well_it_passes(guarded: Guarded) -> None:
    assert guarded.verdict.bad == ()
    assert guarded.verdict.exit_code is ExitCode.OK
    assert {one.kind for one in guarded.verdict.results} == {
        Kind.CHECK, Kind.STEP, Kind.SCENARIO, Kind.ISOLATION, Kind.CONTRACT,
    }  # fmt: skip


@pytest.mark.promise("A31", "D27", "D33")
def test_it_leaves_no_home_and_no_server(guarded: Guarded) -> None:
    assert [path.name for path in guarded.project.folder.parent.iterdir()] == ["a project"]
    assert not (guarded.project.folder / ".telemetry").exists()


def test_every_check_has_a_result_for_every_tenant(guarded: Guarded) -> None:
    checks = {(one.asset, one.check, one.tenant) for one in guarded.verdict.results if one.kind is Kind.CHECK}
    expected = {
        (asset, check, tenant)
        for asset, check in (
            ("shop/orders", "sync_status"),
            ("shop/orders", "data_age"),
            ("boards/numbers", "data_age"),
            ("snapshots/board", "contract"),
            ("snapshots/board", "data_age"),
        )
        for tenant in TENANTS
    }
    assert checks == expected


def test_each_step_is_timed_in_its_order(guarded: Guarded) -> None:
    assert list(guarded.verdict.steps) == [
        "hydrate", "build", "check", "documents", "scenarios", "isolation", "contracts",
    ]  # fmt: skip


@pytest.mark.promise("D20")
def test_what_could_be_reached_is_told(guarded: Guarded) -> None:
    reached = {name: guarded.verdict.diagnostics[name] for name in ("database", "local Airbyte", "git")}
    assert reached == dict.fromkeys(reached, "reachable")


@pytest.mark.promise("D20")
def test_what_could_not_be_reached_is_told_with_why(small: Project) -> None:
    here = settings(small)
    guard = Guard(here, GuardOptions(Selection()), NOW, Silent(), ExitStack(), read_fixtures(here, NOW))
    assert reached(guard)["git"].startswith("not reachable: ")
    assert reached(guard)["database"] == "not reachable: the temporary home is not up"
    guard.home = GuardHome(replace(here, home=small.folder), "postgresql://nobody@127.0.0.1:9/none")
    assert reached(guard)["database"].startswith("not reachable: The database 127.0.0.1:9/none")
    assert reached(guard)["local Airbyte"].startswith("not reachable: ")


@pytest.mark.promise("F11")
def test_scenarios_follow_the_manifest_of_the_home_and_not_what_dbt_left_behind_elsewhere(
    small: Project, postgres_url: str
) -> None:
    shared = {"package_name": "x", "columns": {"tenant_id": {"name": "tenant_id"}}, "schema": "boards"}
    source = shared | {"resource_type": "source", "source_name": "boards", "name": "numbers", "identifier": "numbers"}
    model = shared | {"resource_type": "model", "name": "total", "alias": "total", "original_file_path": "m.sql"}
    model |= {"config": {"materialized": "table"}, "depends_on": {"nodes": ["source.x.boards.numbers"]}}
    manifest = {
        "metadata": {},
        "nodes": {"model.x.total": model | {"unique_id": "model.x.total", "fqn": ["x", "total"]}},
        "sources": {"source.x.boards.numbers": source | {"fqn": ["x", "boards", "numbers"]}},
    }
    small.write("home/target/manifest.json", json.dumps(manifest))
    small.write("dbt/dbt_project.yml", "name: x")
    small.change(
        "telemetry.yaml",
        lambda document: {
            **document,
            "dbt": {"project_dir": "dbt"},
            "owners": {"data-eng": {"notify": {"ERROR": ["log"]}}},
            "channels": {"log": {"kind": "file", "path": "messages.log"}},
            "promises": [*document["promises"], {"asset": "total", "window": {"fail": "60m"}, "owner": "data-eng"}],
        },
    )
    small.write("tests/scenarios/freshness.yaml", FAILED_BUILD)
    here = settings(small)
    assert here.dbt is not None
    guard = Guard(here, GuardOptions(Selection()), NOW, Silent(), ExitStack(), read_fixtures(here, NOW))
    guard.home = GuardHome(replace(here, dbt=replace(here.dbt, project_dir=small.folder / "home")), postgres_url)
    assert [one.message for one in scenarios(guard)] == ["as written, at 2026-06-01 12:00 UTC"]


@pytest.mark.promise("B43", "A16")
def test_canaries_are_looked_for_and_are_not_of_the_artifacts(guarded: Guarded) -> None:
    assert {one.tenant for one in found(guarded.verdict, Kind.ISOLATION, State.PASS)} == set(TENANTS)
    assert guarded.verdict.tenants == {"acme": ACME}


@pytest.mark.promise("A13")
def test_what_nobody_looks_at_is_counted(guarded: Guarded) -> None:
    coverage = guarded.verdict.coverage
    assert coverage is not None
    assert coverage.without_promise == ()
    assert coverage.without_contract == ("boards/numbers", "shop/orders")
    assert coverage.contracts_without_fixture == ("snapshots.board",)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Project]:
    """The small project, in which nothing is run."""
    with project(tmp_path) as made:
        yield made


def settings(small: Project) -> Settings:
    return load(small.folder / "telemetry.yaml")


def test_an_unknown_tenant_among_those_allowed_is_refused_before_anything_runs(small: Project) -> None:
    with pytest.raises(UsageError, match="Did you mean acme"):
        small.guard(tenants=("acmee",))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([1], "is a list, no object"),
        ("x", "is a text, no object"),
        ({"acmee": []}, "names the tenant 'acmee', which telemetry.yaml has not. Did you mean acme? There are acme;"),
        ({"*": []}, "names the tenant '*'"),
        ({"acme": {"id": 1}}, "what acme has is no list of objects"),
        ({"acme": [1]}, "what acme has is no list of objects"),
        ({"acme": [{"at": "$soon"}]}, "'$soon' is no time"),
        ({"$primary_key": "id"}, "is no list of column names"),
    ],
)
def test_a_fixture_that_cannot_be_used_says_why(small: Project, document: Any, words: str) -> None:
    path = small.folder / "schemas" / "fixtures" / "shop.orders.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError) as caught:
        read_fixture(settings(small), path, NOW, tenanted=True)
    assert "shop.orders.json" in str(caught.value)
    assert words in str(caught.value)
    assert list(read_fixtures(settings(small), NOW).faults) == ["shop/orders"]


def test_a_fixture_with_absolute_times_has_an_age(small: Project) -> None:
    small.change("schemas/fixtures/shop.orders.json", lambda _: {"acme": [{"at": "2026-05-01T12:00:00Z"}]})
    assert read_fixtures(settings(small), NOW).found["shop/orders"].age == timedelta(days=31)


@pytest.mark.promise("A31")
def test_the_home_leads_nowhere_but_into_itself(small: Project, tmp_path: Path) -> None:
    small.patch.setenv("DATABASE_URL", "postgresql://production/x")
    small.patch.setenv("AIRBYTE_URL", "https://airbyte.example.invalid")
    small.patch.setenv("TELEMETRY_DEADMAN_URL", "https://deadman.example.invalid")
    small.patch.setenv("MONITOR_ALERT_WEBHOOK_URL", "https://hooks.example.invalid")
    theirs = settings(small)
    ours = settings_in(theirs, read_fixtures(theirs, NOW), NOW, tmp_path)
    assert (ours.home, ours.database, ours.airbyte.url) == (tmp_path, None, None)
    assert (ours.deadman, ours.fallback) == (None, None)
    assert [one.tenant for one in ours.connections()] == list(TENANTS)
    assert all(one.config["now"] == NOW.isoformat() for one in ours.connections())
    assert [one.slug for one in ours.tenants.inline or ()] == list(TENANTS)


def test_a_table_of_tenants_takes_every_tenant_of_the_fixtures(small: Project) -> None:
    small.change("telemetry.yaml", lambda document: document | {"tenants": {"table": "app.tenants"}})
    fixtures = read_fixtures(settings(small), NOW)
    assert [one.slug for one in fixtures.tenants] == list(TENANTS)
    again = read_fixtures(settings(small), NOW)
    assert [one.id for one in fixtures.tenants] == [one.id for one in again.tenants]


def test_a_dbt_project_is_taken_over_by_links_with_a_profile_of_its_own(small: Project, tmp_path: Path) -> None:
    small.write("dbt/dbt_project.yml", "name: x\nprofile: shop\n")
    small.write("dbt/profiles.yml", "shop: {target: prod, outputs: {prod: {type: postgres, host: x, schema: marts}}}")
    small.write("dbt/models/m.sql", "select 1")
    small.write("dbt/target/manifest.json", "{}")
    small.change("telemetry.yaml", lambda document: document | {"dbt": {"project_dir": "dbt"}})
    theirs = settings(small)
    ours = settings_in(theirs, read_fixtures(theirs, NOW), NOW, tmp_path).dbt
    assert ours is not None
    assert ours.project_dir == tmp_path / "dbt_project"
    assert (ours.project_dir / "models" / "m.sql").read_text() == "select 1"
    assert not ours.manifest_path.exists()
    output = json.loads((ours.project_dir / "profiles.yml").read_text())["shop"]["outputs"]["prod"]
    assert (output["schema"], output["host"]) == ("marts", "{{ env_var('TELEMETRY_DBT_HOST') }}")
