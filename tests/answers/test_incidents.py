"""What the answers about incidents say: how long it was broken, who was not reached, the JSON, what a run ends with."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.answers.incidents import read_incident, read_incidents
from telemetry_assets.answers.incidents_answer import IncidentRow, breach_of, broken_since
from telemetry_assets.answers.incidents_run import RunAnswer
from telemetry_assets.incidents.incident import Entry, Phase, Step
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.reach import reach_of
from telemetry_assets.incidents.reconcile import reconcile
from telemetry_assets.incidents.routing import Route, Routing
from telemetry_assets.incidents.situation import situations_of
from telemetry_assets.incidents.trouble import Severity, Situation, Standing, Trouble, Worst
from telemetry_assets.ledger import incidents
from telemetry_assets.ledger.outbox import Kept
from telemetry_assets.model import CauseKind, ExitCode, State

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROUTING = Routing({"data-eng": Route("data-eng", {Severity.ERROR: ("log",)})})


def trouble(number: int = 1, **more) -> Trouble:
    values = {
        "kind": CauseKind.SYNC_FAILED, "where": f"source{number}", "severity": Severity.ERROR, "asset": "shop/orders",
        "tenant": "acme", "says": "the newest sync failed", "owner": "data-eng",
        "standing": Standing(State.FAIL, timedelta(hours=3), MINUTE, NOW - timedelta(hours=3), "1 h"),
    }  # fmt: skip
    return Trouble(**{**values, **more})


def situation(kind: CauseKind, severity: Severity, state: State | None) -> Situation:
    worst = Worst("a", "t", Standing(state))
    return Situation(kind, "x", severity, "says", "", "a", reach_of([("a", "t")]), worst)


def changed(ledger, troubles: Sequence[Trouble], now: datetime, standing=None) -> None:
    """What an evaluation at ``now`` that sees these troubles writes down."""
    held = [one for one in incidents.unresolved(ledger, now - 30 * MINUTE) if not one.drill]
    found = situations_of(troubles, {})
    incidents.apply(ledger, reconcile(held, found, standing or {}, ROUTING, now, incidents.next_number(ledger)))


def entries(*steps: tuple[Step, int]) -> list[Entry]:
    return [Entry(1, seq, step, NOW + minute * MINUTE, "") for seq, (step, minute) in enumerate(steps, 1)]


@pytest.mark.promise("B21")
@pytest.mark.parametrize(
    ("timeline", "minutes"),
    [
        ([], 0),
        ([(Step.OPENED, 0)], 60),
        ([(Step.OPENED, 0), (Step.ACKNOWLEDGED, 5), (Step.RESOLVED, 20)], 20),
        ([(Step.OPENED, 0), (Step.RESOLVED, 20), (Step.REOPENED, 30)], 50),
        ([(Step.OPENED, 0), (Step.RESOLVED, 20), (Step.REOPENED, 30), (Step.RESOLVED, 31)], 21),
        ([(Step.OPENED, 0), (Step.OPENED, 10), (Step.RESOLVED, 20)], 20),
        ([(Step.OPENED, 90)], 0),
    ],
)
def test_the_minutes_of_breach_leave_out_what_was_between_a_recovery_and_a_reopening(timeline, minutes) -> None:
    assert breach_of(entries(*timeline), NOW + 60 * MINUTE) == minutes * MINUTE


@pytest.mark.promise("B21")
def test_a_promise_broken_before_anybody_looked_was_broken_then(ledger) -> None:
    late = Standing(State.FAIL, timedelta(hours=3), None, NOW - timedelta(hours=3), "1 h", timedelta(hours=2))
    changed(ledger, [trouble(standing=late)], NOW)
    answer = read_incident(ledger, NOW + 5 * MINUTE, 1)
    assert answer.breach == timedelta(hours=2, minutes=5)
    assert broken_since(answer.incident) == NOW - timedelta(hours=2)


@given(st.lists(st.integers(0, 500), min_size=0, max_size=12))
def test_a_breach_is_never_longer_than_the_incident_nor_negative(minutes: list[int]) -> None:
    steps = [Step.OPENED if index % 2 == 0 else Step.RESOLVED for index in range(len(minutes))]
    found = breach_of(entries(*zip(steps, sorted(minutes), strict=True)), NOW + 500 * MINUTE)
    assert timedelta(0) <= found <= 500 * MINUTE


def kept(channel: str, status: str, seq: int = 1, reason: str = "") -> Kept:
    message = Message(1, seq, channel, "opened", NOW, "open", Severity.ERROR, "sync_failed", "x", "h", "s")
    return Kept(message, status, NOW, 1, (), None, reason)


def test_a_channel_is_undelivered_while_its_newest_message_is_dead(ledger) -> None:
    changed(ledger, [trouble()], NOW)
    incident = incidents.find(ledger, 1)
    row = IncidentRow(
        incident, (kept("a", "dead", 1, "gone"), kept("b", "dead", 1, "x"), kept("b", "sent", 2), kept("c", "pending"))
    )
    assert (row.undelivered, row.reached, row.waiting) == ({"a": "gone"}, ("b",), {"c": ""})


def test_open_ones_come_first_and_what_was_resolved_long_ago_is_asked_for(ledger) -> None:
    changed(ledger, [trouble(1)], NOW - timedelta(days=3))
    changed(ledger, [], NOW - timedelta(days=2))
    changed(ledger, [trouble(2)], NOW - 5 * MINUTE)
    changed(ledger, [trouble(2), trouble(3, asset="shop/rates")], NOW - 4 * MINUTE)
    changed(ledger, [trouble(2)], NOW - MINUTE)
    assert [row.incident.number for row in read_incidents(ledger, NOW).rows] == [2, 3]
    answer = read_incidents(ledger, NOW, everything=True)
    assert [row.incident.number for row in answer.rows] == [2, 3, 1]
    assert (answer.count(Phase.OPEN), answer.count(Phase.RESOLVED)) == (1, 2)
    said = json.loads(json.dumps(answer.as_json()))
    assert (said["open"], said["resolved"], [one["number"] for one in said["incidents"]]) == (1, 2, [2, 3, 1])


@pytest.mark.promise("B19")
def test_the_json_of_one_has_ages_reach_dashboards_and_every_message(ledger) -> None:
    changed(ledger, [trouble(), trouble(tenant="globex")], NOW)
    said = json.loads(json.dumps(read_incident(ledger, NOW + MINUTE, 1).as_json()))
    assert said["worst"]["data_age_seconds"] == 10800
    assert (said["age_seconds"], said["breach_seconds"], said["untold"]) == (60, 60, False)
    assert said["reach"] == {
        "subjects": 2, "assets": 1, "tenants": 2, "widest": 2,
        "blocks": [{"assets": ["shop/orders"], "tenants": ["acme", "globex"]}],
    }  # fmt: skip
    assert [(one["channel"], one["status"], one["seq"]) for one in said["messages"]] == [("log", "pending", 1)]
    assert said["told"]["data-eng"]["channels"] == ["log"]


def test_what_nobody_has_a_channel_for_is_said_to_be_untold(ledger) -> None:
    changed(ledger, [trouble(severity=Severity.WARN, standing=Standing(None))], NOW)
    (row,) = read_incidents(ledger, NOW).rows
    assert row.untold


@pytest.mark.promise("B20")
@pytest.mark.parametrize(
    ("situations", "code"),
    [
        ([], ExitCode.OK),
        ([(CauseKind.SYNC_FAILED, Severity.WARN, None)], ExitCode.OK),
        ([(CauseKind.FEED_QUIET, Severity.WARN, State.WARN)], ExitCode.OK),
        ([(CauseKind.FEED_QUIET, Severity.ERROR, State.FAIL)], ExitCode.LATE),
        ([(CauseKind.NEVER_LOADED, Severity.ERROR, State.MISSING)], ExitCode.MISSING),
        ([(CauseKind.WITHHELD, Severity.ERROR, None)], ExitCode.FAILING),
        ([(CauseKind.MONITOR_DOWN, Severity.ERROR, None)], ExitCode.FAILING),
        ([(CauseKind.COULD_NOT_LOOK, Severity.WARN, State.UNKNOWN)], ExitCode.COULD_NOT_LOOK),
        (
            [(CauseKind.COULD_NOT_LOOK, Severity.ERROR, State.FAIL), (CauseKind.WITHHELD, Severity.ERROR, None)],
            ExitCode.COULD_NOT_LOOK,
        ),
        (
            [(CauseKind.FEED_QUIET, Severity.ERROR, State.FAIL), (CauseKind.WITHHELD, Severity.ERROR, None)],
            ExitCode.FAILING,
        ),
        (
            [
                (CauseKind.FEED_QUIET, Severity.ERROR, State.FAIL),
                (CauseKind.NEVER_LOADED, Severity.ERROR, State.MISSING),
            ],
            ExitCode.MISSING,
        ),
    ],
)
def test_a_run_ends_with_the_worst_of_what_is_broken_by_the_one_table(situations, code) -> None:
    found = tuple(situation(*one) for one in situations)
    answer = RunAnswer(NOW, (), found, 3, 0)
    assert (answer.exit_code, answer.as_json()["exit_code"]) == (code, int(code))


def test_listing_and_showing_import_nothing_that_sends_and_nothing_heavy() -> None:
    code = (
        "import sys, telemetry_assets.cli.main, telemetry_assets.answers.incidents, telemetry_assets.render.incident,"
        " telemetry_assets.render.incident_export, telemetry_assets.ledger.schema, telemetry_assets.dispatch.by_hand;"
        "heavy = {'aiohttp', 'slack_sdk', 'aiosmtplib', 'dagster', 'dbt', 'alembic', 'sqlalchemy', 'pandas', 'rich'};"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
