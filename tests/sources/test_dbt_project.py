"""Any dbt project's sources and profile, read without dbt, and held against what real dbt makes of the same files."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry_assets.errors import ConfigError, CouldNotLookError, UsageError
from telemetry_assets.sources.dbt_jinja import Context, render
from telemetry_assets.sources.dbt_profile import DatabaseAddress, find_profiles, read_profile
from telemetry_assets.sources.dbt_project import (
    Sources,
    find_project,
    profile_name,
    read_manifest,
    read_sources,
    select,
)
from tests.answers.scan_projects import DbtProject, make, output

DAY = "{error_after: {count: 1, period: day}}"
EVERY_WAY = """
version: 2
x-window: &window {warn_after: {count: 6, period: hour}, error_after: {count: 12, period: hour}}
sources:
  - name: top                       # everything at the top level, as projects of dbt 1.0 have it
    schema: raw
    freshness: *window
    loaded_at_field: loaded_at
    tables:
      - name: inherits
      - {name: narrows, freshness: {error_after: {count: 1, period: day}}}
      - {name: filters, freshness: {filter: "loaded_at > '2020-01-01'"}}
      - {name: only_errors, freshness: {warn_after: null}}
      - {name: switched_off, freshness: null}
      - {name: off_by_config, config: {freshness: null}}
      - {name: off_and_on, freshness: null, config: {freshness: {error_after: {count: 2, period: minute}}}}
      - {name: counts, freshness: {warn_after: {count: 3}}}
      - {name: other_clock, loaded_at_field: other_at}
      - {name: renamed, identifier: "Renamed Table"}
      - {name: disabled, config: {enabled: false}}
      - {name: disabled_by_var, config: {enabled: "{{ var('wanted') }}"}}
      - {name: asked, loaded_at_query: "select max(at) from {{ this }}"}
      - {name: no_clock, loaded_at_field: null}
  - name: under_config
    database: "{{ env_var('SCAN_DATABASE', 'elsewhere') }}"
    schema: "{{ var('raw_schema') }}"
    config:
      freshness: *window
      loaded_at_field: "{{ 'loaded' ~ '_at' }}"
    tables:
      - name: inherits
      - {name: clock, config: {loaded_at_field: updated_at::timestamp}}
      - {name: asks, config: {loaded_at_query: "select max(at) from {{ this }}"}}
  - name: Loose
    quoting: {schema: false, identifier: false}
    freshness: *window
    loaded_at_field: at
    tables:
      - name: Folded
      - {name: Kept, quoting: {identifier: true}}
  - name: silent
    tables: [{name: undated}, {name: dated, freshness: {error_after: {count: 1, period: day}}, loaded_at_field: at}]
  - name: gone
    config: {enabled: false}
    freshness: *window
    tables: [{name: never, loaded_at_field: at}, {name: kept, loaded_at_field: at, config: {enabled: true}}]
"""
SETTINGS: Mapping[str, Any] = {
    "name": "shop",
    "version": "1.0",
    "profile": "shop",
    "flags": {"require_generic_test_arguments_property": True},
    "vars": {"raw_schema": "globally", "wanted": False, "shop": {"raw_schema": "raw_shop"}},
    "sources": {
        "shop": {
            "deep": {
                "+freshness": {"warn_after": {"count": 2, "period": "day"}},
                "+loaded_at_field": "project_at",
                "switched": {"+enabled": False},
            },
        }
    },
}
DEEP = """
sources:
  - {name: deep, tables: [{name: from_project}, {name: own, loaded_at_field: at}]}
  - {name: switched, loaded_at_field: at, tables: [{name: never}]}
"""


@pytest.fixture
def project(tmp_path: Path) -> DbtProject:
    """A project on a database that nobody connects to."""
    return make(tmp_path / "shop", "postgresql://me@localhost/warehouse")


def sources(project: DbtProject, *, fresh: bool = False, **environment: str) -> Sources:
    """What is read without dbt."""
    return read_sources(find_project(project.folder), environment.get, None, fresh)


class TestBesideDbt:
    @pytest.mark.slow
    def test_the_yaml_says_what_dbts_manifest_says(self, project: DbtProject) -> None:
        project.write("dbt_project.yml", yaml.safe_dump(dict(SETTINGS)))
        project.write("models/sources.yml", EVERY_WAY)
        project.write("models/deep/sources.yml", DEEP)
        assert project.dbt("parse")
        manifest = read_manifest(project.folder / "target" / "manifest.json")
        ours = sources(project, fresh=True)
        assert {table.key: table for table in ours.tables} == {table.key: table for table in manifest.tables}
        assert ours.undated == manifest.undated
        assert len(manifest.tables) > 15

    @pytest.mark.slow
    def test_the_sources_of_installed_packages_are_read_with_the_roots_variables(self, project: DbtProject) -> None:
        source = {
            "name": "fivetran",
            "schema": "{{ var('fivetran_schema', 'fivetran') }}",
            "loaded_at_field": "_synced",
            "freshness": {"error_after": {"count": 1, "period": "day"}},
            "tables": [{"name": "account"}],
        }
        project.write(
            "packages/fivetran/dbt_project.yml", "name: fivetran\nversion: '1.0'\nvars: {fivetran_schema: own}\n"
        )
        project.write("packages/fivetran/models/sources.yml", yaml.safe_dump({"sources": [source]}))
        project.write("packages.yml", "packages: [{local: packages/fivetran}]")
        settings = {**SETTINGS, "vars": {"fivetran": {"fivetran_schema": "roots"}}}
        project.write("dbt_project.yml", yaml.safe_dump(settings))
        assert project.dbt("deps")
        assert project.dbt("parse")
        ours = sources(project, fresh=True).tables
        assert ours == read_manifest(project.folder / "target" / "manifest.json").tables
        assert [table.schema for table in ours] == ["roots"]


class TestManifestOrYaml:
    MANIFEST = '{"sources": {"source.shop.shop.a": {"source_name": "shop", "name": "manifest", "schema": "raw",\
 "identifier": "manifest", "database": "d", "freshness": {"error_after": {"count": 1, "period": "day"}},\
 "loaded_at_field": "at"}}}'

    def test_a_manifest_newer_than_every_yaml_file_speaks(self, project: DbtProject) -> None:
        self._aged(project, 100)
        assert [table.table for table in sources(project).tables] == ["manifest"]
        assert sources(project).origin == "manifest.json"

    @pytest.mark.parametrize("touched", ["models/sources.yml", "dbt_project.yml", "models", "models/deep"])
    def test_a_file_or_a_deletion_newer_than_the_manifest_makes_the_yaml_speak(
        self, project: DbtProject, touched: str
    ) -> None:
        self._aged(project, 100)
        made = (project.folder / "target" / "manifest.json").stat().st_mtime_ns
        os.utime(project.folder / touched, ns=(made, made))
        assert [table.table for table in sources(project).tables] == ["orders"]

    def test_another_target_than_the_default_makes_the_yaml_speak(self, project: DbtProject) -> None:
        self._aged(project, 100)
        assert [table.table for table in sources(project, fresh=True).tables] == ["orders"]

    @pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sources": {"a": 1}}', '{"sources": {"a": {}}}', "\0"])
    def test_a_torn_or_foreign_manifest_is_said_to_be_one(self, project: DbtProject, content: str) -> None:
        path = project.write("target/manifest.json", content)
        with pytest.raises(CouldNotLookError, match="is torn, or no dbt manifest"):
            read_manifest(path)

    def test_a_manifest_that_is_not_there_says_how_to_make_it(self, project: DbtProject) -> None:
        with pytest.raises(CouldNotLookError, match="dbt parse"):
            read_manifest(project.folder / "nowhere.json")

    def _aged(self, project: DbtProject, seconds: int) -> None:
        project.shop("orders")
        (project.folder / "models" / "deep").mkdir()
        manifest = project.write("target/manifest.json", self.MANIFEST)
        made = manifest.stat().st_mtime
        for path in ("models/sources.yml", "models/deep", "models", "dbt_project.yml"):
            os.utime(project.folder / path, (made - seconds, made - seconds))


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("sources: [{name: shop, tables: [", "is not YAML"),
            ("sources: {shop: 1}", "sources is not a list"),
            ("sources: [{tables: []}]", "an entry without a name"),
            ("sources: [{name: s, overrides: p, tables: []}]", "only dbt can resolve.*dbt parse"),
            (
                "sources: [{name: s, freshness: {error_after: {count: soon, period: day}}, tables: [{name: t}]}]",
                "'soon' 'day': a window is a whole count",
            ),
            (
                "sources: [{name: s, schema: '{{ target.schema }}', tables: [{name: t, freshness: *f}]}]".replace(
                    "*f", DAY
                ),
                "jinja that only dbt can resolve.*dbt parse",
            ),
        ],
    )
    def test_what_cannot_be_read_names_file_and_way_out(self, project: DbtProject, text: str, said: str) -> None:
        file = project.write("models/sources.yml", text)
        with pytest.raises(ConfigError, match=f"(?s){file}.*{said}"):
            sources(project)

    def test_a_project_without_models_has_no_sources(self, project: DbtProject) -> None:
        assert sources(project) == Sources((), 0, "the project's YAML")

    def test_it_is_found_at_or_above_the_current_folder(
        self, project: DbtProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = project.folder / "models" / "deep"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        assert find_project(None).folder == project.folder.resolve()

    def test_a_selection_takes_names_globs_and_dbts_own_form(self, project: DbtProject) -> None:
        project.shop("orders", "items", "order_lines")
        tables = sources(project).tables

        def chosen(*patterns: str) -> list[str]:
            return [table.table for table in select(tables, patterns)]

        assert chosen() == ["orders", "items", "order_lines"]
        assert chosen("shop.order*") == chosen("source:shop.orders,shop/order_lines") == ["orders", "order_lines"]
        with pytest.raises(UsageError, match="--select nobody"):
            chosen("shop", "nobody")


class TestJinja:
    def context(self, **environment: str) -> Context:
        return Context(environment.get, {"a": "va", "n": 3}, {"schema": "dev"})

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain", "plain"),
            ("{{ env_var('A') }}", "va!"),
            ('{{env_var("B","b")}}', "b"),
            ("x_{{ env_var('B', 7) | int }}_y", "x_7_y"),
            ("{{ var('n') }}", "3"),
            ("{{ var('a') | upper }}", "VA"),
            ("{% if target.schema == 'dev' %}d{% else %}p{% endif %}", "d"),
        ],
    )
    def test_the_simple_things_are_resolved(self, text: str, expected: str) -> None:
        assert render(text, self.context(A="va!"), "here") == expected

    @pytest.mark.parametrize(
        "text",
        [
            "{{ env_var('NONE') }}",
            "{{ var('none') }}",
            "{{ ref('x') }}",
            "{{ ''.__class__.__mro__ }}",
            "{% if %}",
            "{{ 1/0 }}",
        ],
    )
    def test_the_rest_is_refused_and_says_where(self, text: str) -> None:
        with pytest.raises(ConfigError, match=r"^here"):
            render(text, self.context(), "here")


class TestProfile:
    def address(self, project: DbtProject, outputs: Mapping[str, Any], target: str | None = None) -> DatabaseAddress:
        profile = {"shop": {"target": "{{ env_var('DBT_TARGET', 'dev') }}", "outputs": outputs}}
        path = project.write("profiles.yml", yaml.safe_dump(profile))
        return read_profile(path, "shop", target, Context({"PG_PASSWORD": "s3cret"}.get))

    def test_the_target_is_the_options_else_the_profiles(self, project: DbtProject) -> None:
        outputs = {"dev": output(project.dsn), "prod": {**output(project.dsn), "dbname": "production"}}
        assert self.address(project, outputs).parameters["dbname"] == "warehouse"
        assert self.address(project, outputs, "prod").parameters["dbname"] == "production"
        with pytest.raises(UsageError, match=r"no target 'test' \(it has: dev, prod\)"):
            self.address(project, outputs, "test")

    def test_everything_libpq_needs_is_handed_on_and_no_secret_shown(self, project: DbtProject) -> None:
        settings = {
            **output(project.dsn), "pass": "{{ env_var('PG_PASSWORD') }}", "sslmode": "require", "role": "reader",
            "search_path": "a, b", "keepalives_idle": 0, "connect_timeout": 3, "threads": 8,
        }  # fmt: skip
        del settings["password"]
        found = self.address(project, {"dev": settings})
        assert found.parameters == {
            "host": "localhost", "port": "5432", "user": "me", "dbname": "warehouse",
            "password": "s3cret", "sslmode": "require", "connect_timeout": "3",
        }  # fmt: skip
        assert (found.role, found.search_path) == ("reader", "a, b")
        assert "s3cret" not in repr(found)
        assert "password" not in (found.target or {})

    def test_another_adapter_is_named(self, project: DbtProject) -> None:
        with pytest.raises(ConfigError, match="is of type 'bigquery'; scan reads PostgreSQL alone"):
            self.address(project, {"dev": {"type": "bigquery"}})

    @pytest.mark.parametrize("content", ["", "[]", "shop: 1", "other: {outputs: {}}", "shop: {target: dev}"])
    def test_a_profile_that_is_not_there_is_named(self, project: DbtProject, content: str) -> None:
        path = project.write("profiles.yml", content)
        with pytest.raises(ConfigError, match="has no profile 'shop' with outputs"):
            read_profile(path, "shop", None, Context({}.get))

    def test_it_is_looked_for_where_dbt_looks(self, project: DbtProject, tmp_path: Path) -> None:
        other = tmp_path / "profiles"
        other.mkdir()
        (other / "profiles.yml").write_text("{}")
        named = {"DBT_PROFILES_DIR": str(other)}
        assert find_profiles(None, project.folder, {}.get) == project.folder / "profiles.yml"
        assert find_profiles(None, project.folder, named.get) == other / "profiles.yml"
        assert find_profiles(project.folder, other, named.get) == project.folder / "profiles.yml"
        with pytest.raises(ConfigError, match=f"No profiles.yml in {tmp_path}.*--database-url"):
            find_profiles(tmp_path, project.folder, {}.get)

    def test_a_project_that_names_no_profile_says_so(self, project: DbtProject) -> None:
        project.write("dbt_project.yml", "name: shop\n")
        with pytest.raises(ConfigError, match="names no profile"):
            profile_name(find_project(project.folder), {}.get)

    def test_windows_are_dbts_own_periods(self, project: DbtProject) -> None:
        project.shop("orders")
        (table,) = sources(project).tables
        assert (table.warn_after, table.error_after) == (timedelta(hours=6), timedelta(hours=12))
