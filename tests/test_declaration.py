"""telemetry.yaml read and checked: every mistake is answered with file, line, key and the way out."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.declaration.consistency import looks_like_a_secret
from telemetry_assets.declaration.forms import duration_text, parse_clock, parse_duration
from telemetry_assets.declaration.parse import parse, read_document
from telemetry_assets.declaration.shapes import Declaration
from telemetry_assets.errors import ConfigError, CouldNotLookError
from telemetry_assets.model import Clock, ClockKind, Window

ROOT = Path(__file__).parent.parent

GOOD = """\
dbt: {project_dir: dbt_project}
tenants:
  - {slug: north, id: 11111111-2222-3333-4444-555555555555, name: North, timezone: America/Jamaica}
  - {slug: south, id: 22222222-3333-4444-5555-666666666666, name: South}
sources:
  shop:
    manifest: shop.yaml
    every: 15m
    streams: {orders: {clock: column updated_at}, products: {}}
    connections:
      - {tenant: north, config: {region: eu, token: {env: SHOP_TOKEN}}}
      - {tenant: south, config: {region: us}}
promises:
  - {asset: shop/*, window: {warn: 45m, fail: 60m}, owner: data-eng, tenants: {south: {fail: 2h}}}
  - {asset: marts/*, grace: 30m, owner: data-eng, tenants: [north]}
snapshots:
  board: {relation: marts.board, every: 30m}
owners:
  data-eng: {notify: {ERROR: [slack]}, escalate: {after: 60m, to: platform}}
  platform: {}
channels:
  slack: {token: {env: SLACK_TOKEN}, channel: "#alerts"}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Declaration]:
    """Parse a text as this folder's telemetry.yaml; the manifest it names is there."""
    (tmp_path / "shop.yaml").touch()

    def read_text(text: str) -> Declaration:
        path = tmp_path / "telemetry.yaml"
        path.write_text(text)
        return parse(read_document(path))

    return read_text


@pytest.fixture
def refused(read: Callable[[str], Declaration], tmp_path: Path) -> Callable[..., list[str]]:
    """The lines of the message for GOOD with ``old`` replaced by ``new``, each as ``LINE: words``."""

    def message(old: str, new: str) -> list[str]:
        assert GOOD.count(old) >= 1, f"{old!r} is not in the good file"
        with pytest.raises(ConfigError) as caught:
            read(GOOD.replace(old, new, 1))
        return [line.removeprefix(f"{tmp_path}/telemetry.yaml:") for line in str(caught.value).splitlines()]

    return message


def test_a_good_file_is_read_whole(read: Callable[[str], Declaration]) -> None:
    declared = read(GOOD)
    promise = declared.promises[0].to_model()
    assert promise.limit == Window(fail=timedelta(minutes=60), warn=timedelta(minutes=45))
    assert promise.overrides["south"] == Window(fail=timedelta(hours=2))
    assert declared.promises[1].to_model().tenants == {"north"}
    assert declared.synced["shop"].streams["orders"].clock == Clock(ClockKind.COLUMN, "updated_at")


def test_an_empty_file_declares_nothing(read: Callable[[str], Declaration]) -> None:
    assert read("# nothing yet\n") == Declaration()


def test_a_misspelt_key_is_named_with_file_line_and_the_nearest_key(refused: Callable[..., list[str]]) -> None:
    assert refused("window: {warn", "windw: {warn") == ["14: promises[0].windw is not a key here; did you mean window?"]


def test_the_file_is_shown_as_seen_from_the_current_folder(
    read: Callable[[str], Declaration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^telemetry\.yaml:1: dbtt is not a key here; did you mean dbt\?$"):
        read(GOOD.replace("dbt:", "dbtt:"))


def test_a_key_like_none_there_is_gets_the_list_of_keys(refused: Callable[..., list[str]]) -> None:
    [line] = refused("grace: 30m", "zzz: 30m")
    keys = "asset, window, by, zone, days, warn, since, grace, owner, tenants"
    assert line == f"15: promises[1].zzz is not a key here; there is {keys}"


def test_all_mistakes_of_a_file_are_in_one_message_in_the_order_of_the_file(
    read: Callable[[str], Declaration], tmp_path: Path
) -> None:
    bad = GOOD.replace("every: 15m", "every: soon").replace("fail: 60m", "fail: 6x").replace("to: platform", "to: plat")
    with pytest.raises(ConfigError) as caught:
        read(bad.replace("slug: south", "slug: north"))
    lines = [int(line.split(":")[1]) for line in str(caught.value).splitlines()]
    assert lines == sorted(lines) == [4, 8, 14, 19]


def test_a_broken_section_is_not_said_to_lack_what_others_name(refused: Callable[..., list[str]]) -> None:
    assert len(refused("slug: north, ", "slugg: north, ")) == 1
    assert len(refused("owners:", "ownerz:")) == 1


REFUSALS = {
    "a bare number is no duration": ("every: 15m", "every: 15", "8: sources.shop.every: 15 is not a duration"),
    "a duration with an unknown unit is refused": ("fail: 60m", "fail: 60x", "14: promises[0].window.fail: '60x'"),
    "a window of zero is refused": ("fail: 60m", "fail: 0m", "14: promises[0].window.fail: '0m' is no time at all"),
    "an endless duration is refused": ("fail: 60m", "fail: 99999999999w", "more than ten years"),
    "a warning at the same age as the failure is refused": (
        "warn: 45m",
        "warn: 60m",
        "14: promises[0].window warns no earlier than it fails",
    ),
    "a promise with window and grace is refused": ("grace: 30m", "grace: 30m, window: {fail: 1h}", "has both"),
    "a window without fail is refused": ("{warn: 45m, fail: 60m}", "{warn: 45m}", "14: promises[0].window.fail is mis"),
    "a promise to no tenant is refused": ("tenants: [north]", "tenants: []", "15: promises[1].tenants is empty"),
    "a promise to an unknown tenant is refused": (
        "tenants: [north]",
        "tenants: [north, nort]",
        "15: promises[1].tenants[1] names tenant 'nort', which is not in tenants; did you mean north?",
    ),
    "an override for an unknown tenant is refused": (
        "south: {fail: 2h}",
        "sout: {fail: 2h}",
        "14: promises[0].tenants.sout names tenant 'sout', which is not in tenants; did you mean south?",
    ),
    "a promise of an unknown owner is refused": (
        "owner: data-eng, tenants: [",
        "owner: data-engg, tenants: [",
        "15: promises[1].owner is 'data-engg', which is not in owners; did you mean data-eng?",
    ),
    "an escalation to an unknown owner is refused": ("to: platform", "to: plattform", "did you mean platform?"),
    "a notification to an unknown channel is refused": (
        "[slack]",
        "[slak]",
        "19: owners.data-eng.notify.ERROR[0] is 'slak', which is not in channels; did you mean slack?",
    ),
    "an unknown severity is refused": ("{ERROR: [", "{ERR: [", "must be 'ERROR' or 'WARN'"),
    "a connection of an unknown tenant is refused": (
        "{tenant: south, config",
        "{tenant: soth, config",
        "12: sources.shop.connections[1].tenant names tenant 'soth', which is not in tenants; did you mean south?",
    ),
    "a second connection of a tenant to a source is refused": (
        "{tenant: south, config",
        "{tenant: north, config",
        "12: sources.shop.connections[1] is the second one of tenant 'north' to shop",
    ),
    "a duplicate slug is refused": ("slug: south", "slug: north", "4: tenants[1].slug is 'north' again"),
    "a duplicate tenant id is refused": (
        "22222222-3333-4444-5555-666666666666",
        "11111111-2222-3333-4444-555555555555",
        "4: tenants[1].id is '11111111-2222-3333-4444-555555555555' again, the id of tenant 'north'",
    ),
    "a duplicate tenant name is refused": ("name: South", "name: North", "4: tenants[1].name is 'North' again"),
    "a slug with a capital is refused": ("slug: south", "slug: South", "4: tenants[1].slug: 'South' is not a slug"),
    "a slug with a space is refused": ("slug: south", "slug: so uth", "is not a slug"),
    "an id that is no UUID is refused": ("22222222-3333-4444-5555-666666666666", "22", "4: tenants[1].id must be a UU"),
    "an unknown time zone is refused": (
        "America/Jamaica",
        "America/Jamaika",
        "3: tenants[0].timezone: 'America/Jamaika' is not a time zone of the IANA list; did you mean America/Jamaica?",
    ),
    "a source that could not name a schema is refused": (
        "  shop:",
        "  web-shop:",
        "6: sources.web-shop: 'web-shop' is n",
    ),
    "a stream that could not name a table is refused": ("products: {}", "pro/ducts: {}", "'pro/ducts' is not a stream"),
    "a source without streams is refused": (
        "{orders: {clock: column updated_at}, products: {}}",
        "{}",
        "9: sources.shop.streams is empty",
    ),
    "an unknown clock is refused": ("column updated_at", "colum updated_at", "is not a clock: write sync, static or"),
    "a source without a connector is refused": ("    manifest: shop.yaml\n", "", "6: sources.shop has no connector"),
    "a source with two connectors is refused": ("shop.yaml", "shop.yaml\n    executable: [x]", "has both manifest and"),
    "a manifest that is not there is refused": (
        "manifest: shop.yaml",
        "manifest: shopp.yaml",
        "shopp.yaml, which is not a file; did you mean shop.yaml?",
    ),
    "a relation without its schema is refused": (
        "marts.board",
        "board",
        "17: snapshots.board.relation: 'board' is not",
    ),
    "a relation with a database is refused": ("marts.board", "db.marts.board", "is not a table with its schema"),
    "a key written twice is refused": (
        "owners:\n",
        "owners: {}\nowners:\n",
        "19: owners is written twice, first on line 18; keep one.",
    ),
    "a secret written out in a connection is refused": (
        "token: {env: SHOP_TOKEN}",
        "token: hunter2",
        "connections[0].config.token is a secret written out. Keep it out of the file: write {env: SHOP_TOKEN} and",
    ),
    "a secret written out in a channel is refused": (
        "{env: SLACK_TOKEN}",
        "hunter2",
        "22: channels.slack.token is a se",
    ),
    "a secret deep inside is refused": (
        "region: eu",
        "auth: {a: [{client_secret: hunter2}]}",
        "auth.a[0].client_secret",
    ),
    "a password inside an address is refused": (
        "region: eu",
        "url: postgres://me:hunter2@h/db",
        "is a secret written out",
    ),
    "a numeric password is refused": ("region: eu", "password: 123456", "is a secret written out"),
    "an env entry that names no variable is refused": ("{env: SHOP_TOKEN}", "{env: 5}", "is not the name of an env"),
    "a list where a mapping belongs is refused": ("snapshots:\n  board", "snapshots:\n  - board", "must be a mapping"),
    "a word where tenants belong is refused": ("[north]", "north", "15: promises[1].tenants must be a mapping"),
    "an unquoted no is refused as text": ("name: South", "name: no", "4: tenants[1].name must be text: put it in quot"),
    "a section left empty is refused": (
        "marts.board, every: 30m}",
        "marts.board}\npromises:",
        "promises must be a list",
    ),
}


@pytest.mark.parametrize(("old", "new", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_bad_entry_is_refused(refused: Callable[..., list[str]], old: str, new: str, words: str) -> None:
    assert any(words in line for line in refused(old, new)), refused(old, new)


@pytest.mark.promise("F16")
def test_a_promise_without_a_number_is_refused(refused: Callable[..., list[str]]) -> None:
    [line] = refused("grace: 30m, ", "")
    assert line == (
        '15: promises[1] has no number: say window: {fail: 60m} (how old), by: "09:00" (by when), or grace: 30m '
        "on top of the roots' own limits."
    )


@pytest.mark.promise("D41")
@pytest.mark.parametrize("where", ["token: {env: SHOP_TOKEN}", "{env: SLACK_TOKEN}", "region: eu"])
def test_no_message_ever_shows_a_secret(refused: Callable[..., list[str]], where: str) -> None:
    new = {"region: eu": "dsn: postgres://me:hunter2@h/db", "{env: SLACK_TOKEN}": "hunter2"}.get(
        where, "token: hunter2"
    )
    assert "hunter2" not in "\n".join(refused(where, new))


def test_a_mistyped_key_beside_a_secret_does_not_show_it(refused: Callable[..., list[str]]) -> None:
    assert "hunter2" not in "\n".join(refused("{tenant: north, config", "{tenant: north, token: hunter2, config"))


def test_a_source_on_a_server_needs_no_connector(read: Callable[[str], Declaration]) -> None:
    text = """
    sources:
      shop:
        every: 15m
        streams: {orders: {}}
        connections: [{connection_id: 11111111-2222-3333-4444-555555555555}]
    """
    assert read(text).synced["shop"].manifest is None


def test_a_connection_id_used_twice_is_refused(read: Callable[[str], Declaration]) -> None:
    same = "connection_id: 11111111-2222-3333-4444-555555555555"
    with pytest.raises(ConfigError, match=r"connections\[1\].connection_id is 1.* again, as in sources.shop"):
        read(
            GOOD.replace("{tenant: north, ", f"{{{same}, tenant: north, ").replace(
                "{tenant: south, ", f"{{{same}, tenant: south, "
            )
        )


def test_tenants_of_a_table_are_not_known_before_it_is_read(read: Callable[[str], Declaration]) -> None:
    inline = GOOD[GOOD.index("tenants:") : GOOD.index("sources:")]
    assert read(GOOD.replace(inline, "tenants: {table: app.tenants}\n")).promises


def test_a_date_in_a_connector_configuration_stays_text(read: Callable[[str], Declaration]) -> None:
    declared = read(GOOD.replace("region: eu", "start_date: 2026-01-31"))
    assert declared.synced["shop"].connections[0].config["start_date"] == "2026-01-31"


def test_anchors_and_merges_keep_their_lines(read: Callable[[str], Declaration]) -> None:
    text = GOOD.replace("{region: us}", "{<<: &shared {region: us}, <<: *shared}")
    assert read(text).synced["shop"].connections[1].config == {"region": "us"}


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere/telemetry\.yaml does not exist.*TELEMETRY_CONFIG"):
        read_document(Path("/nowhere/telemetry.yaml"))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read_document(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"sources: [a", "telemetry.yaml:1: this is not YAML"),
        (b"a: 1\nb: !secret x\n", "telemetry.yaml:2: this is not YAML: could not determine a constructor"),
        (b"a: \xff\xfe", "is not UTF-8"),
        (b"a: \x00", "this is not YAML"),
        (b"a: 1\n---\nb: 2\n", "this is not YAML"),
        (b"- a\n- b\n", "telemetry.yaml:1: The file must be a mapping"),
        (b"just words", "must be a mapping"),
    ],
    ids=["unclosed", "foreign tag", "not UTF-8", "control character", "two documents", "a list", "words"],
)
def test_what_is_not_a_yaml_mapping_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "telemetry.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse(read_document(path))


def test_a_file_that_cannot_be_read_is_could_not_look(tmp_path: Path) -> None:
    with pytest.raises(CouldNotLookError, match="could not be read"):
        read_document(tmp_path / ("x" * 300))


@given(st.integers(min_value=1, max_value=3650 * 86400))
def test_a_duration_written_and_read_again_is_the_same(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(duration_text(duration)) == duration


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text())))
def test_a_duration_is_read_or_refused_in_words(value: Any) -> None:
    try:
        duration = parse_duration(value)
    except ValueError as error:
        words = str(error)
        assert repr(value) in words
    else:
        assert duration > timedelta(0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("45m", 2700), ("1h30m", 5400), ("2d", 172800), ("1w", 604800), (" 5m ", 300)]
)
def test_the_documented_durations_mean_what_they_say(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


def test_the_three_clocks_are_read() -> None:
    assert [str(parse_clock(text)) for text in ("sync", "static", "column  updated_at")] == [
        "sync",
        "static",
        "column updated_at",
    ]


@pytest.mark.parametrize(
    "key",
    ["token", "access_token", "apiKey", "api_key", "key", "client-secret", "PASSWORD", "webhook_url", "privateKey"],
)
def test_a_key_of_a_secret_is_recognised(key: str) -> None:
    assert looks_like_a_secret(key)


@pytest.mark.parametrize(
    "key", ["account_id", "primary_key", "token_url", "max_tokens_per_page", "keys_only", "url", ""]
)
def test_a_key_of_no_secret_is_left_alone(key: str) -> None:
    assert not looks_like_a_secret(key)
