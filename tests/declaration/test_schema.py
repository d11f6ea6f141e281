"""The JSON Schema that editors complete telemetry.yaml with: current, described, and of our opinion."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from telemetry_assets.declaration.parse import SCHEMA_PATH, schema
from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import Settings
from tests.test_declaration import GOOD

ROOT = Path(__file__).parent.parent.parent
Declare = Callable[[str], Settings]


class TestSchema:
    """The JSON Schema that editors complete with."""

    def test_the_committed_schema_is_current(self) -> None:
        committed = json.loads((ROOT / SCHEMA_PATH).read_text())
        assert committed == json.loads(json.dumps(schema())), f"write it anew: telemetry config schema > {SCHEMA_PATH}"

    def test_it_is_a_schema_of_draft_2020_12(self) -> None:
        jsonschema.Draft202012Validator.check_schema(schema())

    def test_every_key_is_described_in_words(self) -> None:
        silent = [place for place, node in _properties(schema(), "") if len(node.get("description", "")) < 15]
        assert silent == []

    def test_it_has_at_most_eight_top_level_keys(self) -> None:
        assert len(schema()["properties"]) <= 8

    @pytest.mark.parametrize("path", ["telemetry.yaml", "deploy/telemetry.production.yaml"])
    def test_our_own_files_are_valid_and_name_it_in_their_modeline(self, path: str) -> None:
        text = (ROOT / path).read_text()
        jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(text))
        named = re.match(r"# yaml-language-server: \$schema=(\S+)", text)
        assert named is not None
        assert ((ROOT / path).parent / named[1]).resolve() == ROOT / SCHEMA_PATH

    def test_the_good_file_of_these_tests_is_valid(self) -> None:
        jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(GOOD))

    @pytest.mark.parametrize(
        "old_and_new",
        [
            ("window", "windw"),
            ("every: 15m", "every: 15"),
            ("slug: south", "slug: So"),
            ("grace: 30m, ", ""),
            ("marts.", ""),
        ],
    )
    def test_it_refuses_what_we_refuse(self, old_and_new: tuple[str, str]) -> None:
        document = yaml.safe_load(GOOD.replace(*old_and_new, 1))
        assert not jsonschema.Draft202012Validator(schema()).is_valid(document)

    LIMITS = (
        ('by: "09:00", zone: UTC, days: [mon], warn: "08:30", since: "00:00"', True),
        ('by: "09:00", days: mon-fri', True),
        ('by: "09:00", days: weekdays', True),
        ('by: "09:00", tenants: {south: {by: "10:00"}, north: {fail: 2h}}', True),
        ('by: "9:00"', False),
        ('by: "09:00", days: []', False),
        ('by: "09:00", days: 1', False),
        ('by: "09:00", grace: 1h', False),
        ("grace: 30m, zone: UTC", False),
        ('by: "09:00", tenants: {south: {}}', False),
        ('by: "09:00", tenants: {south: {by: "10:00", fail: 1h}}', False),
    )

    @pytest.mark.parametrize(("keys", "good"), LIMITS)
    def test_it_says_of_a_limit_what_we_say(self, declare: Declare, keys: str, good: bool) -> None:
        text = f"promises: [{{asset: a, {keys}}}]\n"
        assert jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(text)) is good
        with nullcontext() if good else pytest.raises(ConfigError):
            declare(text)

    TABLES = (
        ("kind: table, tables: {t: {clock: column at, tenant_column: null}}", True),
        ("kind: dagster, assets: {eu/a: {key: b, tenanted: false}}", True),
        ("kind: table, tables: {t: {clock: sync}}", False),
        ("kind: table, tables: {t: {}}", False),
        ("kind: table, streams: {t: {}}", False),
        ("tables: {t: {clock: static}}", False),
        ("kind: dagster, assets: {a: {clock: column at}}", False),
    )

    @pytest.mark.parametrize(("keys", "good"), TABLES)
    def test_it_says_of_a_source_what_we_say(self, declare: Declare, keys: str, good: bool) -> None:
        text = f"sources: {{other: {{{keys}}}}}\n"
        assert jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(text)) is good
        with nullcontext() if good else pytest.raises(ConfigError):
            declare(text)


def _properties(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for name, child in node.get("properties", {}).items():
            yield f"{place}.{name}", child
        for key, child in node.items():
            yield from _properties(child, f"{place}.{key}")
    elif isinstance(node, list):
        for child in node:
            yield from _properties(child, place)
