"""``telemetry config init --ci github`` in somebody's repository."""

import subprocess
from pathlib import Path

import pytest
import yaml

from telemetry_assets.answers.ci_setup import ACTION, WORKFLOW
from telemetry_assets.cli.ci_init import config_init
from telemetry_assets.errors import FailingError, UsageError

DECLARED = """
tenants: [{slug: acme, id: 11111111-1111-1111-1111-111111111111, name: Acme}]
dbt: {project_dir: warehouse/dbt}
sources: {shop: {manifest: feeds/shop.yaml, every: 15m, streams: {orders: {}}, connections: [{tenant: acme}]}}
owners: {eng: {notify: {ERROR: [chat]}}}
channels: {chat: {kind: slack, webhook_url: {env: ENG_HOOK}}}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository whose telemetry.yaml is in a folder of it."""
    root = tmp_path / "repo"
    place = root / "data"
    for folder in ("warehouse/dbt", "schemas/assets", "feeds", "shop_assets", "runbooks"):
        (place / folder).mkdir(parents=True)
    (place / "shop_assets" / "__init__.py").touch()
    (place / "telemetry.yaml").write_text(DECLARED)
    (place / "feeds" / "shop.yaml").write_text("version: 7.0.0\n")
    (root / "uv.lock").touch()
    (root / "pyproject.toml").touch()
    subprocess.run(["git", "init", "-q", "-b", "trunk"], cwd=root, check=True)
    monkeypatch.delenv("TELEMETRY_CONFIG", raising=False)
    monkeypatch.chdir(place)
    return root


def init(**more: object) -> int:
    """The command."""
    return config_init(**{"ci": "github", "install": None, "force": False, "printed": False, **more})  # type: ignore[arg-type]


@pytest.mark.promise("A2", "A3")
def test_it_writes_a_workflow_that_looks_at_what_telemetry_yaml_names(repository: Path) -> None:
    assert init() == 0
    document = yaml.safe_load((repository / WORKFLOW).read_text())
    assert document[True]["pull_request"]["paths"] == [
        "data/telemetry.yaml",
        "data/warehouse/dbt/**",
        "data/schemas/**",
        "data/feeds/**",
        "data/tests/scenarios/**",
        "data/runbooks/**",
        "data/shop_assets/**",
        "uv.lock",
        "pyproject.toml",
        WORKFLOW,
        f"{ACTION}/**",
    ]
    jobs = document["jobs"]
    assert set(jobs) == {"guard", "gate", "notify"}
    assert jobs["guard"]["env"] == {"TELEMETRY_CONFIG": "data/telemetry.yaml"}
    secrets = {name for name, value in jobs["notify"]["steps"][-1]["env"].items() if "secrets." in value}
    assert secrets == {"DATABASE_URL", "MONITOR_ALERT_WEBHOOK_URL", "ENG_HOOK"}
    action = yaml.safe_load((repository / ACTION / "action.yml").read_text())
    install = next(step for step in action["runs"]["steps"] if step.get("name") == "Install")
    assert "uv sync --locked" in install["run"]
    assert "@" not in "".join(
        line.replace("@v", "") for line in (repository / WORKFLOW).read_text().splitlines() if "uses" not in line
    )


def test_again_nothing_is_written(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init()
    written = (repository / WORKFLOW).stat().st_mtime_ns
    capsys.readouterr()
    assert init() == 0
    assert "Everything is there already" in capsys.readouterr().out
    assert (repository / WORKFLOW).stat().st_mtime_ns == written


def test_what_somebody_changed_is_overwritten_by_force_alone(repository: Path) -> None:
    init()
    (repository / WORKFLOW).write_text("mine\n")
    with pytest.raises(UsageError, match=r"backend-telemetry\.yml is there and different"):
        init()
    assert (repository / WORKFLOW).read_text() == "mine\n"
    assert init(force=True) == 0
    assert (repository / WORKFLOW).read_text() != "mine\n"


def test_printing_writes_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(printed=True, install="make 'it' \"so\"") == 0
    out = capsys.readouterr().out
    assert not (repository / ".github").exists()
    action = yaml.safe_load(out.partition(f"# {ACTION}/action.yml\n")[2])
    assert action["runs"]["steps"][2]["run"] == "make 'it' \"so\""


def test_a_folder_in_the_way_is_an_error_that_names_it(repository: Path) -> None:
    (repository / ".github").write_text("a file")
    with pytest.raises(FailingError, match="github"):
        init()


@pytest.mark.parametrize("ci", [None, "gitlab"])
def test_another_ci_is_refused(repository: Path, ci: str | None) -> None:
    with pytest.raises(UsageError, match="--ci github"):
        init(ci=ci)


def test_without_git_the_folder_of_telemetry_yaml_is_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "telemetry.yaml").write_text(DECLARED.partition("dbt:")[0])
    monkeypatch.chdir(alone)
    assert init() == 0
    assert (alone / WORKFLOW).is_file()
