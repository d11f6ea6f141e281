"""`telemetry scan` as a whole: a real project, a real PostgreSQL, and what dbt itself says of the same tables."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml

from telemetry_assets.answers.scan import ScanOptions, scan
from telemetry_assets.answers.scan_answer import FindingKind, ScanAnswer
from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.model import ExitCode, State
from telemetry_assets.render.scan import document, lines, sentence
from telemetry_assets.render.terminal import Palette
from tests.answers.scan_projects import HALF_DAY, DbtProject, output

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "api" / "scan.schema.json").read_text())


def look(project: DbtProject, by: str = "tenant_id", **options: Any) -> ScanAnswer:
    """A scan in this process, with an empty environment."""
    answer = scan(ScanOptions(by, project_dir=project.folder, **options), environment={}.get)
    jsonschema.validate(document(answer), SCHEMA)
    assert lines(answer, Palette(enabled=True))[-1]
    return answer


def kinds(answer: ScanAnswer) -> list[FindingKind]:
    return [finding.kind for finding in answer.findings]


class TestWhatPeopleMeet:
    """The answer, its sentence and its exit code."""

    def test_a_dead_tenant_under_a_green_light_is_named(self, project: DbtProject) -> None:
        project.table("orders", acme="5 minutes", globex="1 minute", coral_bay="3 days 4 hours")
        project.table("items", acme="5 minutes", globex="1 minute", coral_bay="1 minute")
        project.shop("orders", "items")
        done = project.scan()
        assert done.returncode == ExitCode.LATE
        assert "coral_bay" in done.stdout
        assert "3d 4h" in done.stdout
        assert done.stdout.endswith("1 of 6 promises is broken and every light is green.\n")
        assert "\x1b" not in done.stdout

    def test_json_follows_its_schema_and_says_the_same(self, project: DbtProject) -> None:
        project.table("orders", acme="5 minutes", coral_bay="3 days")
        project.shop("orders", "gone")
        done = project.scan("--json")
        answer = json.loads(done.stdout)
        jsonschema.validate(answer, SCHEMA)
        assert answer["exit_code"] == done.returncode == ExitCode.MISSING
        assert (answer["promises"], answer["broken"], answer["broken_under_pass"]) == (3, 2, 1)
        assert [one["tenant"] for one in answer["not_fresh"]] == ["coral_bay", "*"]

    def test_all_fresh_ends_with_zero(self, project: DbtProject) -> None:
        project.table("orders", acme="5 minutes", globex="7 hours")
        project.shop("orders")
        answer = look(project)
        assert answer.exit_code is ExitCode.OK
        assert sentence(answer) == "All 2 promises are kept, 1 of them due."

    def test_a_tenant_absent_from_one_table_of_its_source_is_missing(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute", globex="1 minute")
        project.table("refunds", acme="1 minute")
        project.shop("orders", "refunds")
        answer = look(project)
        assert [(one.key, one.tenant, one.state) for one in answer.broken] == [
            ("shop/refunds", "globex", State.MISSING)
        ]
        assert answer.exit_code is ExitCode.MISSING

    def test_a_tenant_absent_from_a_whole_source_is_noted_once_and_not_counted(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute", globex="1 minute")
        project.table("clicks", acme="1 minute")
        config = {"freshness": HALF_DAY, "loaded_at_field": "loaded_at"}
        project.sources(
            {"name": "shop", "schema": "raw", "config": config, "tables": [{"name": "orders"}]},
            {"name": "web", "schema": "raw", "config": config, "tables": [{"name": "clicks"}]},
        )
        answer = look(project)
        assert (answer.promises, answer.broken, answer.exit_code) == (3, (), ExitCode.OK)
        assert [finding.message for finding in answer.findings if finding.kind is FindingKind.ABSENT] == [
            "1 tenant has nothing at all in web, and no promise there is counted: globex."
        ]

    def test_a_table_without_the_tenant_column_is_judged_whole(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.execute("create table raw.rates (loaded_at timestamptz)")
        project.shop("orders", "rates")
        answer = look(project)
        assert [(one.key, one.tenant, one.state) for one in answer.judged] == [("shop/rates", "*", State.MISSING)]
        assert FindingKind.WHOLE_TABLE in kinds(answer)

    def test_rows_without_a_tenant_are_noted_and_times_in_the_future_ignored(self, project: DbtProject) -> None:
        project.table("orders", acme="3 days", globex="1 minute")
        project.execute(
            "insert into raw.orders values (null, now()), ('acme', now() + interval '1 day'), ('new', 'infinity')"
        )
        project.shop("orders")
        answer = look(project)
        assert {one.tenant: one.state for one in answer.judged} == {"acme": State.FAIL, "new": State.UNKNOWN}
        assert {FindingKind.NO_TENANT, FindingKind.AHEAD} <= set(kinds(answer))
        assert answer.exit_code is ExitCode.COULD_NOT_LOOK

    def test_a_selection_narrows_and_a_wrong_one_is_a_usage_error(self, project: DbtProject) -> None:
        project.table("orders", acme="3 days")
        project.table("items", acme="1 minute")
        project.shop("orders", "items")
        assert look(project, select="source:shop.items").exit_code is ExitCode.OK
        assert len(look(project, select="shop").tables) == 2
        with pytest.raises(UsageError, match=r"--select shops names no source.*There are: shop"):
            look(project, select="shops")

    def test_tenant_names_cannot_write_to_the_terminal(self, project: DbtProject) -> None:
        project.table("orders", acme="3 days")
        project.execute(r"update raw.orders set tenant_id = E'\x1b[2Jevil\nline'")
        project.shop("orders")
        output_ = project.scan().stdout
        assert "\x1b" not in output_
        assert r"\x1b[2Jevil\nline" in output_

    def test_a_scan_imports_neither_dagster_nor_dbt(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.shop("orders")
        code = (
            "import sys; from pathlib import Path\n"
            "from telemetry_assets.answers.scan import ScanOptions, scan\n"
            "from telemetry_assets.render.scan import print_terminal\n"
            f"print_terminal(scan(ScanOptions('tenant_id', Path({str(project.folder)!r}))))\n"
            "heavy = ('dagster', 'dbt', 'alembic', 'pandas', 'psycopg', 'jinja2')\n"
            "print([name for name in heavy if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("kept.\n[]\n")

    def test_the_look_is_one_statement_read_only(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.execute("create sequence raw.touched")
        project.shop(
            {"name": "orders", "config": {"loaded_at_field": "loaded_at + nextval('raw.touched') * '0 s'::interval"}}
        )
        answer = look(project)
        assert answer.findings[0].kind is FindingKind.BROKEN_SQL
        assert "read-only" in answer.findings[0].message


class TestBesideDbt:
    """What dbt source freshness says, by real dbt, is what we say it says."""

    @pytest.mark.slow
    def test_our_light_is_dbts_own(self, project: DbtProject) -> None:
        project.table("green", acme="1 minute", dead="9 days")
        project.table("yellow", acme="7 hours")
        project.table("red", acme="2 days")
        project.table("empty")
        project.table("nothing", acme=None)
        for name, value in {
            "forever": "infinity",
            "never": "-infinity",
            "old": "4000-01-01 BC",
            "far": "12000-01-01",
        }.items():
            project.table(name, acme="1 minute" if name in ("never", "old") else "2 days")
            project.execute(f"insert into raw.{name} values ('odd', '{value}')")
        project.table("ancient")
        project.table("abyss")
        project.execute("insert into raw.abyss values ('odd', '-infinity')")
        project.execute(
            "insert into raw.ancient values ('odd', '4000-01-01 BC')",
            "create table raw.days (tenant_id text, loaded_at date)",
            "insert into raw.days values ('acme', current_date)",
            "create table raw.words (tenant_id text, loaded_at text)",
            "insert into raw.words values ('acme', now()::text)",
            "create table raw.naive (tenant_id text, loaded_at timestamp)",
            "insert into raw.naive values ('acme', now() at time zone 'UTC')",
            "insert into raw.red values ('other', now() + interval '1 hour')",
        )
        filtered = {
            "name": "filtered",
            "identifier": "green",
            "config": {"freshness": {**HALF_DAY, "filter": "tenant_id = 'dead'"}},
        }
        cast = {"name": "cast_days", "identifier": "days", "config": {"loaded_at_field": "loaded_at::timestamp"}}
        asked = {
            "name": "asked",
            "identifier": "red",
            "config": {"loaded_at_query": "select min(loaded_at) from {{ this }}"},
        }
        names = (
            "green",
            "yellow",
            "red",
            "empty",
            "nothing",
            "forever",
            "never",
            "old",
            "far",
            "ancient",
            "abyss",
            "days",
            "words",
            "naive",
        )
        project.shop(*names, "gone", filtered, cast, asked)
        project.dbt("source", "freshness")
        said = json.loads((project.folder / "target" / "sources.json").read_text())["results"]
        theirs = {one["unique_id"].split(".")[-1]: one["status"] for one in said}
        ours = {table["asset"].split("/")[1]: table["dbt"] for table in document(look(project))["tables"]}
        # dbt leaves those it could not compute out of its sources.json.
        assert ours == {name: theirs.get(name, "runtime error") for name in ours}


class TestBadInputs:
    """Each names the culprit, the value and the way out, and no secret."""

    def test_no_project(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"No dbt_project.yml in .*--project-dir"):
            scan(ScanOptions("tenant_id", project_dir=tmp_path), environment={}.get)

    def test_no_manifest_and_yaml_that_cannot_be_read(self, project: DbtProject) -> None:
        file = project.write("models/sources.yml", "sources: [{name: shop, tables: [")
        with pytest.raises(ConfigError, match=f"{file} is not YAML"):
            look(project)

    def test_no_freshness_block_anywhere(self, project: DbtProject) -> None:
        project.sources({"name": "shop", "tables": [{"name": "orders"}, {"name": "items"}]})
        with pytest.raises(ConfigError, match=r"No source in .* has a `freshness:` block \(2 without\)"):
            look(project)

    def test_a_missing_table_is_a_finding_that_spoils_no_other(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.shop("gone", "orders")
        answer = look(project)
        assert answer.counts[State.PASS] == 1
        assert (answer.findings[0].kind, answer.exit_code) == (FindingKind.NO_TABLE, ExitCode.MISSING)

    def test_a_column_that_is_not_there(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.shop({"name": "orders", "config": {"loaded_at_field": "loadedat"}})
        answer = look(project)
        assert answer.findings[0].message == "raw.orders has no column loadedat."
        assert answer.exit_code is ExitCode.FAILING

    @pytest.mark.parametrize("field", ["tenant_id", "tenant_id || 'x'", "length(tenant_id)"])
    def test_a_column_or_expression_that_is_no_time(self, project: DbtProject, field: str) -> None:
        project.table("orders", acme="1 minute")
        project.shop({"name": "orders", "config": {"loaded_at_field": field}})
        answer = look(project)
        assert answer.findings[0].kind is FindingKind.NOT_A_TIME
        assert answer.exit_code is ExitCode.FAILING

    def test_a_window_without_a_clock(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.sources(
            {"name": "shop", "schema": "raw", "config": {"freshness": HALF_DAY}, "tables": [{"name": "orders"}]}
        )
        answer = look(project)
        assert (answer.findings[0].kind, answer.exit_code) == (FindingKind.NO_CLOCK, ExitCode.FAILING)

    def test_a_tenant_column_that_no_table_has(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.shop("orders")
        with pytest.raises(UsageError, match=r"has a column 'tenat_id'.*tenant_id, loaded_at"):
            look(project, by="tenat_id")

    def test_an_unknown_target(self, project: DbtProject) -> None:
        project.shop("orders")
        done = project.scan("--target", "prod")
        assert done.returncode == ExitCode.USAGE
        assert "has no target 'prod' (it has: dev)" in done.stderr

    def test_an_unsupported_adapter_is_named(self, project: DbtProject) -> None:
        project.write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: snowflake, password: s3cret}}}")
        project.shop("orders")
        with pytest.raises(ConfigError, match="is of type 'snowflake'") as caught:
            look(project)
        assert "s3cret" not in str(caught.value)

    def test_an_unreachable_database_is_exit_4_and_its_password_unseen(self, project: DbtProject) -> None:
        project.shop("orders")
        done = project.scan("--database-url", "postgresql://me:s3cret@127.0.0.1:1/shop")
        assert done.returncode == ExitCode.COULD_NOT_LOOK
        assert "cannot be reached" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr

    @pytest.mark.parametrize(
        "url", ["postgresql://me:s3cret@h:port/x", "s3cret", "postgresql://me:s3cret%zz@h/x", "s3cret=1"]
    )
    def test_a_url_that_cannot_be_read_is_not_repeated(self, project: DbtProject, url: str) -> None:
        project.shop("orders")
        with pytest.raises((ConfigError, CouldNotLookError)) as caught:
            look(project, database_url=url)
        assert "s3cret" not in str(caught.value)

    def test_a_wrong_password_is_not_printed(self, project: DbtProject, passworded: dict[str, Any]) -> None:
        project.write("profiles.yml", yaml.safe_dump({"shop": {"target": "dev", "outputs": {"dev": passworded}}}))
        project.shop("orders")
        done = project.scan()
        assert done.returncode == ExitCode.COULD_NOT_LOOK
        assert "authentication failed" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr

    def test_a_torn_manifest_that_was_named_is_an_error(self, project: DbtProject) -> None:
        manifest = project.write("target/manifest.json", '{"sources": {"source.shop')
        with pytest.raises(CouldNotLookError, match=f"{manifest} is torn"):
            look(project, manifest=manifest)

    def test_a_torn_manifest_of_the_project_gives_way_to_its_yaml(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.shop("orders")
        project.write("target/manifest.json", '{"sources": {"source.shop')
        assert look(project).read_from == "the project's YAML (target/manifest.json is torn)"

    def test_a_table_of_another_database_is_a_finding(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        config = {"freshness": HALF_DAY, "loaded_at_field": "loaded_at"}
        project.sources(
            {"name": "shop", "schema": "raw", "config": config, "tables": [{"name": "orders"}]},
            {"name": "else", "database": "other", "schema": "raw", "config": config, "tables": [{"name": "orders"}]},
        )
        answer = look(project)
        assert (answer.findings[0].kind, answer.exit_code) == (FindingKind.OTHER_DATABASE, ExitCode.COULD_NOT_LOOK)

    def test_a_table_that_may_not_be_read_is_could_not_look(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.table("secret", acme="1 minute")
        project.execute(
            "do $$ begin create role scan_reader; exception when duplicate_object then null; end $$",
            "grant usage on schema raw to scan_reader",
            "grant select on raw.orders to scan_reader",
        )
        settings = {**output(project.dsn), "role": "scan_reader"}
        project.write("profiles.yml", yaml.safe_dump({"shop": {"target": "dev", "outputs": {"dev": settings}}}))
        project.shop("orders", "secret")
        answer = look(project)
        assert answer.counts[State.PASS] == 1
        assert (answer.findings[0].kind, answer.exit_code) == (FindingKind.NOT_ALLOWED, ExitCode.COULD_NOT_LOOK)

    def test_a_locked_table_is_could_not_look_and_the_others_are_seen(self, project: DbtProject) -> None:
        project.table("orders", acme="1 minute")
        project.table("busy", acme="1 minute")
        project.shop("busy", "orders")
        with psycopg.connect(project.dsn) as migration:
            migration.execute("lock table raw.busy")
            answer = look(project, timeout=timedelta(seconds=1))
        assert answer.findings[0].kind in (FindingKind.LOCKED, FindingKind.TIMED_OUT)
        assert answer.exit_code is ExitCode.COULD_NOT_LOOK


@pytest.fixture
def passworded() -> Mapping[str, Any]:
    """A profile output for a server that asks for a password and refuses ours: the first bytes of one, on loopback."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                _refuse(client)

    threading.Thread(target=refuse, daemon=True).start()
    port = listener.getsockname()[1]
    return {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": port,
        "user": "me",
        "password": "s3cret",
        "dbname": "d",
        "schema": "s",
    }


def _refuse(client: Any) -> None:
    """PostgreSQL's start: no TLS, ask for the password in clear, refuse it."""
    import struct

    while True:
        (length,) = struct.unpack("!i", client.recv(4))
        body = client.recv(length - 4)
        (code,) = struct.unpack("!i", body[:4])
        if code not in (80877103, 80877104):
            break
        client.sendall(b"N")
    client.sendall(b"R" + struct.pack("!ii", 8, 3))
    client.recv(1024)
    said = b'SFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0'
    client.sendall(b"E" + struct.pack("!i", 4 + len(said)) + said)
