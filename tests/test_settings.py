"""telemetry.yaml and the environment as settings: found, absolute, with secrets read when used and never shown."""

import json
import re
import subprocess
import sys
from datetime import time, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from telemetry_assets import settings
from telemetry_assets.answers.config import effective
from telemetry_assets.errors import ConfigError
from telemetry_assets.model import Deadline, Window
from telemetry_assets.render.config import as_text
from telemetry_assets.settings import SET_BY_OTHERS, VARIABLES, ChannelSettings, SecretRef, load

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "telemetry.yaml"
PRODUCTION = ROOT / "deploy" / "telemetry.production.yaml"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours is set, whatever the shell of the person who runs the tests has."""
    for name in (*VARIABLES, "DEMO_ADS_URL", "DEMO_ADS_TOKEN", "SLACK_TOKEN", "SMTP_USER", "SMTP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


class TestFinding:
    """Which telemetry.yaml is meant."""

    def test_the_nearest_file_above_the_current_folder_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "telemetry.yaml").write_text("dbt: {project_dir: dbt}\n")
        (tmp_path / "a" / "b").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "a" / "b")
        assert load().path == (tmp_path / "telemetry.yaml").resolve()

    def test_the_environment_names_another(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "other.yaml").write_text("{}")
        monkeypatch.setenv("TELEMETRY_CONFIG", str(tmp_path / "other.yaml"))
        assert load().path.name == "other.yaml"

    def test_no_file_at_all_says_where_it_was_looked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(
            ConfigError, match=rf"No telemetry.yaml in {re.escape(str(tmp_path))} or above.*TELEMETRY_CONFIG"
        ):
            load()

    def test_a_named_file_that_is_not_there_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TELEMETRY_CONFIG", str(tmp_path / "gone.yaml"))
        with pytest.raises(ConfigError, match=r"gone\.yaml does not exist"):
            load()


class TestPlaces:
    """Paths are absolute and start at the folder of the file, never at the current one."""

    def test_the_home_is_beside_the_file(self) -> None:
        assert load(EXAMPLE).home == ROOT / ".telemetry"

    def test_the_home_can_be_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TELEMETRY_HOME", str(tmp_path / "state"))
        assert load(EXAMPLE).home == tmp_path / "state"
        assert load(EXAMPLE).dagster_home == tmp_path / "state" / "dagster"

    def test_the_connectors_and_the_project_are_found_from_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        loaded = load(EXAMPLE)
        assert loaded.sources["meta_ads"].manifest == ROOT / "connectors" / "meta_ads.yaml"
        assert loaded.dbt is not None
        assert loaded.dbt.manifest_path == ROOT / "dbt_project" / "target" / "manifest.json"

    def test_a_file_in_a_subfolder_uses_the_contracts_above_it(self) -> None:
        assert load(PRODUCTION).schemas_dir == ROOT / "schemas"

    def test_contracts_that_are_nowhere_would_be_beside_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "telemetry.yaml").write_text("{}")
        assert load(tmp_path / "telemetry.yaml").schemas_dir == tmp_path / "schemas"


class TestExample:
    """What the example and the production file say."""

    def test_the_example_has_five_tenants_and_the_first_is_the_seeded_one(self) -> None:
        tenants = load(EXAMPLE).tenants.inline
        assert tenants is not None
        assert len(tenants) == 5
        assert (tenants[0].name, str(tenants[0].id)) == ("Telemetry Tenant", "11111111-2222-3333-4444-555555555555")

    def test_a_connection_without_an_id_has_the_same_one_on_every_machine(self) -> None:
        connection = next(load(EXAMPLE).connections())
        assert connection.connection_id == uuid5(NAMESPACE_URL, "telemetry-assets:telemetry-tenant/meta_ads")

    @pytest.mark.promise("B3")
    def test_production_syncs_every_fifteen_minutes_and_dbt_follows(self) -> None:
        production = load(PRODUCTION)
        assert {source.every.total_seconds() for source in production.sources.values()} == {900}
        assert production.dbt is not None
        assert production.dbt.every is None

    def test_production_publishes_every_half_hour_and_is_late_after_an_hour(self) -> None:
        production = load(PRODUCTION)
        every = production.snapshots["tenant_dashboard"].every
        assert every is not None
        assert every.total_seconds() == 1800
        assert {
            promise.limit.fail.total_seconds() for promise in production.promises if isinstance(promise.limit, Window)
        } == {3600}

    def test_production_takes_its_tenants_from_a_table_and_its_connections_from_the_server(self) -> None:
        production = load(PRODUCTION)
        assert production.tenants.table == "app.tenants"
        ours = {uuid5(NAMESPACE_URL, f"telemetry-assets:{c.tenant}/{c.source}") for c in production.connections()}
        assert not ours & {connection.connection_id for connection in production.connections()}

    def test_the_examples_in_productions_comments_are_good(self, tmp_path: Path) -> None:
        path = tmp_path / "deploy" / "telemetry.yaml"
        path.parent.mkdir()
        path.write_text(re.sub(r"(?m)^# (?=  )", "", PRODUCTION.read_text()))
        (tmp_path / "connectors").symlink_to(ROOT / "connectors")
        examples = load(path)
        assert set(examples.tables["warehouse"].asset_keys) == {"warehouse/orders", "warehouse/rates"}
        assert examples.foreign["billing"].asset_keys == ("billing/invoices", "finance/books")
        own = examples.promises[-1].overrides["northshore"]
        assert own == Deadline(time(10), None, time(22), frozenset(range(5)), "America/Jamaica")

    def test_the_owners_of_the_runbook_answer_for_the_promises(self) -> None:
        assert set(load(PRODUCTION).owners) == {"data-eng", "marketing-ops", "platform-eng"}

    def test_production_escalates_after_an_hour(self) -> None:
        owner = load(PRODUCTION).owners["data-eng"]
        assert (owner.escalate_after, owner.escalate_to) == (timedelta(hours=1), "platform-eng")

    @pytest.mark.promise("B4", "B57")
    def test_production_tells_by_slack_and_email_and_everybody_has_an_address(self) -> None:
        production = load(PRODUCTION)
        assert {channel.kind for channel in production.channels.values()} == {"slack", "email"}
        told = {
            name: [production.channels[one] for one in owner.notify["ERROR"]]
            for name, owner in production.owners.items()
        }
        assert {
            name
            for name, channels in told.items()
            for one in channels
            if f"{name}@example.com" in one.options.get("to", ())
        } == set(told)

    @pytest.mark.promise("B41")
    def test_production_tells_data_engineering_of_what_marketing_did_not_act_upon_for_an_hour(self) -> None:
        owner = load(PRODUCTION).owners["marketing-ops"]
        assert (owner.escalate_after, owner.escalate_to) == (timedelta(minutes=60), "data-eng")

    def test_the_example_writes_errors_to_a_file_of_its_home(self) -> None:
        example = load(EXAMPLE)
        assert example.channels == {"log": ChannelSettings("log", "file", {"path": "messages.log"})}
        assert {owner.notify["ERROR"] for owner in example.owners.values()} == {("log",)}

    @pytest.mark.promise("C8")
    def test_a_webhook_in_the_environment_is_the_channel_of_whoever_has_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert load(EXAMPLE).fallback is None
        monkeypatch.setenv("MONITOR_ALERT_WEBHOOK_URL", "https://hooks.example.com/T/B/s3cret")
        fallback = load(EXAMPLE).fallback
        assert fallback is not None
        assert (fallback.name, fallback.kind) == ("monitor_alert", "slack")
        assert fallback.options["webhook_url"].reveal().endswith("s3cret")
        assert "s3cret" not in repr(load(EXAMPLE))


class TestSecrets:
    """Secrets are named in the file, read when used, and never shown."""

    def test_a_secret_is_read_when_it_is_used_and_not_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = next(load(EXAMPLE).connections())
        monkeypatch.setenv("DEMO_ADS_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("DEMO_ADS_TOKEN", "s3cret")
        assert connection.revealed_config() == {
            "account_id": "101",
            "base_url": "http://127.0.0.1:1",
            "token": "s3cret",
        }

    def test_a_missing_secret_is_named_with_its_place_and_the_way_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEMO_ADS_URL", "http://127.0.0.1:1")
        with pytest.raises(
            ConfigError, match=r"DEMO_ADS_TOKEN \(sources.meta_ads.connections\[0\].config.token\).*Export"
        ):
            next(load(EXAMPLE).connections()).revealed_config()

    def test_an_empty_secret_counts_as_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOME_TOKEN", "")
        assert not SecretRef("SOME_TOKEN").is_set
        with pytest.raises(ConfigError, match="SOME_TOKEN"):
            SecretRef("SOME_TOKEN").reveal()

    @pytest.mark.promise("C6")
    def test_the_database_is_named_by_database_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://me@host/db")
        database = load(EXAMPLE).database
        assert database is not None
        assert database.reveal() == "postgresql://me@host/db"

    def test_settings_never_hold_a_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEMO_ADS_TOKEN", "s3cret")
        monkeypatch.setenv("DATABASE_URL", "postgresql://me:s3cret@host/db")
        monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "s3cret")
        assert "s3cret" not in repr(load(EXAMPLE))


class TestEffective:
    """`telemetry config show`."""

    @pytest.mark.promise("D41")
    def test_no_secret_is_shown_in_text_or_json(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEMO_ADS_TOKEN", "s3cret")
        monkeypatch.setenv("DATABASE_URL", "postgresql://me:s3cret@host/db")
        monkeypatch.setenv("AIRBYTE_URL", "https://me:s3cret@airbyte.example.com/api?token=s3cret")
        monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "s3cret")
        shown = effective(load(EXAMPLE))
        assert "s3cret" not in as_text(shown)
        assert "s3cret" not in json.dumps(shown)
        assert shown["database"] == "{env: DATABASE_URL} (set)"
        assert shown["airbyte"]["url"] == "https://airbyte.example.com/api"
        assert shown["airbyte"]["client_id"] == "{env: AIRBYTE_CLIENT_ID} (unset)"

    def test_a_secret_is_said_to_be_set_or_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEMO_ADS_TOKEN", "s3cret")
        shown = effective(load(EXAMPLE))
        config = shown["sources"]["meta_ads"]["connections"][0]["config"]
        assert config["token"] == {"env": "DEMO_ADS_TOKEN"}
        assert shown["secrets"] == {"DEMO_ADS_TOKEN": "set", "DEMO_ADS_URL": "unset"}

    def test_what_is_unset_says_what_stands_in(self) -> None:
        shown = effective(load(EXAMPLE))
        assert shown["database"] == "embedded PostgreSQL (DATABASE_URL is unset)"
        assert shown["airbyte"] == "local stand-in (AIRBYTE_URL is unset)"

    def test_durations_read_as_they_are_written(self) -> None:
        shown = effective(load(PRODUCTION))
        assert shown["promises"][0]["window"] == {"warn": "45m", "fail": "1h"}
        assert shown["snapshots"]["tenant_dashboard"]["every"] == "30m"
        assert shown["owners"]["data-eng"]["escalate"] == {"after": "1h", "to": "platform-eng"}

    def test_a_grace_an_override_and_a_connection_without_tenant_are_shown(self, tmp_path: Path) -> None:
        (tmp_path / "telemetry.yaml").write_text(
            """
tenants: [{slug: a, id: 11111111-2222-3333-4444-555555555555, name: A}]
sources: {shop: {executable: [run, it], every: 1h, streams: {orders: {}}, connections: [{}]}}
promises:
  - {asset: marts/*, grace: 90m, tenants: [a]}
  - {asset: shop/*, window: {fail: 1d}, tenants: {a: {warn: 1h, fail: 2h}}}
"""
        )
        shown = effective(load(tmp_path / "telemetry.yaml"))
        assert shown["sources"]["shop"]["executable"] == ["run", "it"]
        assert shown["sources"]["shop"]["connections"][0].keys() == {"connection_id", "config"}
        assert shown["promises"][0] == {"asset": "marts/*", "grace": "1h30m", "tenants": ["a"]}
        assert shown["promises"][1]["tenants"] == {"a": {"warn": "1h", "fail": "2h"}}
        assert shown["dbt"] is None


@pytest.mark.promise("D5")
class TestEnvironmentFile:
    """`.env.example` lists what is read, no more and no less."""

    def test_it_names_every_variable_of_the_settings_and_the_example(self) -> None:
        listed = re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        assert listed == [*VARIABLES, *sorted(load(EXAMPLE).env_names(), reverse=True)]

    def test_it_holds_no_value(self) -> None:
        lines = (ROOT / ".env.example").read_text().splitlines()
        assert all(line == "" or line.startswith("#") or line.endswith("=") for line in lines)

    def test_every_variable_the_package_reads_by_name_is_listed(self) -> None:
        sources = "\n".join(path.read_text() for path in (ROOT / "telemetry_assets").rglob("*.py"))
        read = set(re.findall(r"\b(?:environment|SecretRef)\(\s*\"([A-Z_]+)\"", sources))
        assert read <= {*VARIABLES, *SET_BY_OTHERS, *load(EXAMPLE).env_names()}


def test_loading_settings_imports_no_heavy_library() -> None:
    code = "import sys; from telemetry_assets.settings import load; load(); print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    heavy = {"dagster", "dbt", "alembic", "pandas", "sqlalchemy", "psycopg", "rich", "requests", "jsonschema"}
    assert not heavy & set(loaded.split())


def test_a_variable_set_to_nothing_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert settings.environment("DATABASE_URL", "fallback") == "fallback"
    assert load(EXAMPLE).database is None
