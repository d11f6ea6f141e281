"""Scenarios: what they find, what they say of a wrong one, and that they leave nothing behind."""

from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.answers.results import Result
from telemetry_assets.dispatch.scenarios import run_scenarios
from telemetry_assets.model import ExitCode, State
from telemetry_assets.settings import load

TELEMETRY = """
tenants:
  - {slug: acme, id: aaaaaaaa-0000-4000-8000-00000000000a, name: Acme}
  - {slug: globex, id: bbbbbbbb-0000-4000-8000-00000000000b, name: Globex}
sources:
  shop:
    executable: [nothing]
    every: 15m
    streams: {orders: {clock: column updated_at}, prices: {}}
    connections: [{tenant: acme, config: {}}, {tenant: globex, config: {}}]
promises:
  - {asset: shop/orders, window: {warn: 45m, fail: 60m}, owner: data-eng, tenants: {globex: {fail: 20m}}}
  - {asset: shop/prices, window: {fail: 2h}, owner: data-eng}
  - {asset: snapshots/board, grace: 5m, owner: data-eng}
snapshots: {board: {relation: shop.orders}}
owners: {data-eng: {notify: {ERROR: [log]}}}
channels: {log: {kind: file, path: messages.log}}
"""
Play = Callable[[str], Sequence[Result]]


@pytest.fixture
def play(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays one file of scenarios on the small declaration above."""
    for name in ("DATABASE_URL", "TELEMETRY_HOME", "TELEMETRY_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "telemetry.yaml").write_text(TELEMETRY)
    folder = tmp_path / "tests" / "scenarios"
    folder.mkdir(parents=True)

    def play(text: str) -> Sequence[Result]:
        (folder / "one.yaml").write_text(text)
        return run_scenarios(postgres_url, load(tmp_path / "telemetry.yaml"), folder)

    return play


@pytest.mark.slow
@pytest.mark.promise("F11")
def test_the_five_ages_at_the_boundaries_of_a_window_are_tried_by_each_tenants_own_limit(play: Play) -> None:
    results = play("{scenario: orders, when: 2026-06-01T12:00:00Z, boundaries: shop/orders}")

    assert [(one.check, one.state) for one in results] == [
        ("orders: fresh", State.PASS),
        ("orders: just fresh", State.PASS),
        ("orders: just late", State.PASS),
        ("orders: late", State.PASS),
        ("orders: never", State.PASS),
    ]


@pytest.mark.promise("F11")
def test_a_state_that_is_not_as_expected_fails_with_what_it_is_and_why(play: Play) -> None:
    (result,) = play("""
- scenario: fifty-nine minutes
  when: 2026-06-01T12:00:00Z
  given: {data: {shop/orders: {acme: 59m, globex: 59m}}}
  expect: {states: {shop/orders: {acme: fresh, globex: late}}}
""")

    assert result.exit_code is ExitCode.FAILING
    assert "shop/orders is due for acme, not fresh" in result.message
    assert "globex" not in result.message
    assert result.place is not None
    assert (result.place.path, result.place.line) == ("tests/scenarios/one.yaml", 2)


def test_a_feed_that_dies_is_told_once_and_its_end_is_told_later_in_the_same_life(play: Play) -> None:
    (result,) = play("""
scenario: a feed dies and comes back
when: 2026-06-01T12:00:00Z
given: {data: {shop/orders: {acme: 3d}}}
expect:
  states: {shop/orders: {acme: late, globex: fresh}, snapshots/board: {acme: late, globex: fresh}}
  messages: [{cause: feed_quiet, where: shop/orders, tenants: [acme], owners: [data-eng]}]
then:
  - {after: 5m, given: {data: {shop/orders: {acme: 3d}}}, expect: {messages: []}}
  - {after: 30m, expect: {states: {shop/orders: fresh}, messages: [{step: resolved, cause: feed_quiet}]}}
""")

    assert result.message == "as written, at 2026-06-01 12:00 UTC"
    assert result.state is State.PASS


def test_a_message_too_many_and_one_too_few_are_both_said(play: Play) -> None:
    (result,) = play("""
scenario: wrong messages
when: 2026-06-01T12:00:00Z
given: {synced: {shop: {globex: {synced: 4h, failed: 1m}}}}
expect: {messages: [{cause: feed_quiet, where: shop/orders}]}
""")

    assert "nobody was told: opened feed_quiet at shop/orders" in result.message
    assert "told and not expected: opened sync_failed" in result.message


def test_what_never_came_is_never_and_not_late(play: Play) -> None:
    (result,) = play("""
scenario: never
when: 2026-06-01T12:00:00Z
given: {synced: {shop: {acme: never}}, published: {acme: never}}
expect: {states: {shop/prices: {acme: never, globex: fresh}, snapshots/board: {acme: never, globex: fresh}}}
""")

    assert result.state is State.PASS, result.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenario: a\nwhen: noon\nexpect: {}\n", "one.yaml:2: when: 'noon' is not an instant"),
        ("scenario: a\nwhen: 2026-06-01T12:00:00\nexpect: {}\n", "names no zone"),
        ("scenario: a\nwhen: 2026-06-01T12:00:00Z\n", "has either expect: or boundaries:"),
        ("scenario: a\nwhen: 2026-06-01T12:00:00Z\nexpekt: {}\n", "one.yaml:3: expekt is not a key here; did you mean"),
        (
            "scenario: a\nwhen: 2026-06-01T12:00:00Z\nexpect: {states: {}}\n",
            "one.yaml:3: expect expects nothing, so it always passes",
        ),
        ("- 7\n", "[0] must be a mapping"),
        ("scenario: [\n", "this is not YAML"),
        (
            "scenario: a\nwhen: 2026-06-01T12:00:00Z\nexpect: {states: {shop/orders: stale}}\n",
            "'stale' is not one of fresh, due, late, never, unknown",
        ),
        (
            "scenario: a\nwhen: 2026-06-01T12:00:00Z\ngiven: {synced: {shop: 5 minutes}}\nexpect: {messages: []}\n",
            "'5 minutes' is not a duration",
        ),
        (
            "scenario: a\nwhen: 2026-06-01T12:00:00Z\ngiven: {synced: {shopp: 5m}}\nexpect: {messages: []}\n",
            "no source 'shopp'; did you mean shop?",
        ),
        (
            "{scenario: a, when: 2026-06-01T12:00Z, expect: {messages: []}, given: {data: {shop/orders: {acmee: 5m}}}}",
            "no tenant 'acmee'; did you mean acme?",
        ),
        (
            "scenario: a\nwhen: 2026-06-01T12:00:00Z\nexpect: {states: {shop/order: fresh}}\n",
            "nothing is promised of 'shop/order'; did you mean shop/orders?",
        ),
        ("{scenario: a, when: 2026-06-01T12:00:00Z, boundaries: shop/order}", "did you mean shop/orders?"),
    ],
)
@pytest.mark.slow
def test_a_wrong_scenario_says_where_and_what(play: Play, text: str, said: str) -> None:
    results = play(text)

    assert all(one.state is State.FAIL for one in results)
    assert said in results[0].message


@pytest.mark.slow
def test_what_is_promised_by_grace_has_boundaries_too(play: Play) -> None:
    results = play("{scenario: a, when: 2026-06-01T12:00:00Z, boundaries: snapshots/board}")

    assert [one.state for one in results] == [State.PASS] * 5


def test_a_folder_without_a_scenario_is_not_fine(tmp_path: Path, play: Play, postgres_url: str) -> None:
    (result,) = run_scenarios(postgres_url, load(tmp_path / "telemetry.yaml"), tmp_path / "nowhere")

    assert result.exit_code is ExitCode.COULD_NOT_LOOK
    assert "There is no scenario in" in result.message


@pytest.mark.parametrize("text", ["", "# to be written\n", "[]\n"])
def test_a_file_without_a_scenario_is_not_fine(tmp_path: Path, play: Play, text: str) -> None:
    (result,) = play(text)

    assert result.exit_code is ExitCode.COULD_NOT_LOOK
    assert "There is no scenario in" in result.message


@pytest.mark.slow
def test_nothing_is_left_on_the_server(play: Play, postgres_url: str) -> None:
    play("{scenario: orders, when: 2026-06-01T12:00:00Z, boundaries: shop/orders}")

    with psycopg.connect(postgres_url) as conn:
        left = conn.execute("select datname from pg_database where datname like 'telemetry_scratch%'").fetchall()
    assert left == []
