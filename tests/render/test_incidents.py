"""Incidents on a terminal and in a report: a line each, nothing of others' text that could harm, what to type next."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_assets.answers.incidents_answer import IncidentAnswer, IncidentRow, IncidentsAnswer
from telemetry_assets.answers.incidents_run import RunAnswer, Sent
from telemetry_assets.incidents.delivery import Outcome
from telemetry_assets.incidents.incident import Change, Entry, Incident, Phase, Step, Telling
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.reach import reach_of
from telemetry_assets.incidents.silence import Silence
from telemetry_assets.incidents.trouble import Dashboard, Severity, Standing, Worst
from telemetry_assets.ledger.outbox import Delivery, Kept
from telemetry_assets.model import CauseKind, State
from telemetry_assets.render.incident import lines
from telemetry_assets.render.incident_changes import change_lines, closed_text, sent_lines
from telemetry_assets.render.incident_export import markdown, plain
from telemetry_assets.render.incidents import list_lines, silence_lines
from telemetry_assets.render.terminal import Palette

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLAIN = Palette()
EVIL = "</b>\x1b[31mred\r\n| # `rm -rf` [x](http://evil) <script>\u202e"

INCIDENT = Incident(
    number=7,
    kind=CauseKind.SYNC_FAILED,
    where="shop",
    phase=Phase.OPEN,
    severity=Severity.ERROR,
    opened_at=NOW - 90 * MINUTE,
    says="the newest sync of shop failed",
    remedy="Mend the token, then telemetry refresh sync",
    root="shop/orders",
    reach=reach_of([("marts/day", "acme"), ("marts/day", "globex"), ("shop/orders", "acme")]),
    worst=Worst("marts/day", "acme", Standing(State.FAIL, 3 * 60 * MINUTE, MINUTE, NOW, "1 h")),
    quote="401 unauthorized",
    since=NOW - 100 * MINUTE,
    widest=5,
    broken=3,
    owners=("data-eng",),
    dashboards=(Dashboard("Daily", "sales", "https://bi.example.com/1"),),
    told={"data-eng": Telling(Severity.ERROR, NOW - 90 * MINUTE, NOW - 80 * MINUTE, ("slack",), NOW, escalated=True)},
    steps=1,
)


def kept(status: str = "sent", reason: str = "", channel: str = "slack", tries: int = 1) -> Kept:
    message = Message(7, 1, channel, "opened", NOW, "open", Severity.ERROR, "sync_failed", "shop", "h", "s")
    return Kept(message, status, NOW, tries, (), NOW, reason)


def answer(incident: Incident = INCIDENT, *messages: Kept, **more) -> IncidentAnswer:
    entry = Entry(7, 1, Step.OPENED, NOW - 90 * MINUTE, "opened words", "", ("slack",))
    return IncidentAnswer(NOW, IncidentRow(incident, messages or (kept(),)), (entry,), more.pop("tries", ()), **more)


def text_of(shown) -> str:
    return "\n".join(shown)


def test_the_list_has_a_row_per_incident_and_what_was_not_delivered_under_it() -> None:
    rows = (
        IncidentRow(INCIDENT, (kept("dead", "invalid_auth"), kept("pending", "no connection", "mail"))),
        IncidentRow(replace(INCIDENT, number=8, where="erp", muted=True), ()),
        IncidentRow(replace(INCIDENT, number=9, where="crm"), ()),
        IncidentRow(replace(INCIDENT, number=6, drill=True, kind=CauseKind.FIRE_DRILL, where="", reopened=2,
                            phase=Phase.RESOLVED, resolved_at=NOW - 80 * MINUTE), (kept(),)),
    )  # fmt: skip
    shown = list(list_lines(IncidentsAnswer(NOW, rows, 4), PLAIN))
    assert shown[0] == "3 open, 1 resolved. 4 more with --all."
    assert re.search(r"7  open +ERROR +1h 30m  shop: sync failed +3 promises of 2 tenants  nobody yet", shown[2])
    assert "erp: sync failed (silenced)" in shown[3]
    assert re.search(r"6  resolved  drill +10m  fire drill \(reopened 2×\)", shown[5])
    assert "✗ 7: not delivered to slack: invalid_auth (telemetry incidents replay 7)" in shown
    assert "◐ 7: waits for mail: no connection" in shown
    assert "○ 9: told to nobody: no owner of it has a channel for ERROR (notify: in telemetry.yaml)" in shown
    assert not any("8: told to nobody" in line for line in shown)
    assert shown[-1] == "Everything of one: telemetry incidents show 7"


def test_one_is_told_from_the_cause_to_what_to_type_next() -> None:
    silence = Silence(3, "marts/*", "acme", NOW + 60 * MINUTE, "backfill", "ada", NOW)
    failed = Delivery(7, "slack", (1,), NOW, timedelta(seconds=2), Outcome.AGAIN, "503", "")
    shown = text_of(lines(answer(INCIDENT, kept("dead", "gone"), silences=(silence,), tries=(failed,)), PLAIN))
    for part in (
        "Incident 7, open, ERROR: shop: sync failed",
        "CAUSE    the newest sync of shop failed",
        "“401 unauthorized”",
        "DO       Mend the token",
        "SINCE    2026-05-01 10:20 UTC, opened 2026-05-01 10:30 UTC, in breach for 1h 30m",
        "WORST    marts/day for acme: late, data 3h old, promised under 1 h, ran 1m ago",
        "HITS     3 promises of 2 tenants, 5 at the most",
        "READ IN  Daily, sales, https://bi.example.com/1",
        "OWNERS   data-eng: told 1h 20m ago through slack, escalated",
        "SILENCE  3: marts/* of acme until 2026-05-01 13:00 UTC: backfill (ada)",
        "2026-05-01 10:30 UTC  opened        opened words",
        "→ slack not delivered: gone",
        "1 attempt to send, 1 failed, the slowest took 2.00 s",
        "slack: again: 503",
        "Next: telemetry incidents ack 7, telemetry incidents close 7, telemetry incidents replay 7",
    ):
        assert part in shown


def test_what_waited_for_its_next_run_is_told_by_the_cause_that_people_were_told_of() -> None:
    cause = replace(
        kept().message, says="the token has expired", quote="401", reach=(14, 3, 5), assets=("m/x",), tenants=("acme",)
    )
    healing = replace(
        INCIDENT, kind=CauseKind.WAITING, where="m/x", known_as="shop: sync failed", says="m/x takes it in soon",
        remedy="Wait", quote="", widest=14,
    )  # fmt: skip
    over = replace(healing, phase=Phase.RESOLVED, resolved_at=NOW, resolution="m/x is 1 min old again (was 3 h)")
    for incident, said in ((healing, True), (over, False)):
        found = answer(incident, replace(kept(), message=cause))
        shown, report = text_of(lines(found, PLAIN)), markdown(found)
        assert f"{incident.phase}, ERROR: shop: sync failed" in shown
        assert "# Incident 7: shop: sync failed" in report
        assert "CAUSE    the token has expired" in shown
        assert "As it was seen at 2026-05-01 12:00:00 UTC: the token has expired" in report
        assert ("NOW      m/x takes it in soon" in shown) == said == ("DO       Wait" in shown)
        assert ("Now: m/x takes it in soon" in report) == said == ("What to do, as it was told: Wait" in report)
        assert "as it was told at 2026-05-01 12:00:00 UTC: m/x and 2 more for acme and 4 more" in report
        assert "3 promises of 2 tenants, 14 at the most" in shown


def test_the_report_names_everybody_who_was_told() -> None:
    other = Telling(Severity.ERROR, NOW, NOW, ("mail",))
    report = markdown(
        answer(replace(INCIDENT, owners=("data-eng",), told={**INCIDENT.told, "sales": other, "": other}))
    )
    assert "| Owners | data-eng, sales |" in report


def test_a_drill_shows_no_breach() -> None:
    drill = replace(INCIDENT, drill=True, kind=CauseKind.FIRE_DRILL, phase=Phase.RESOLVED, resolved_at=NOW,
                    reach=reach_of([]), owners=(), told={"": INCIDENT.told["data-eng"]}, since=None)  # fmt: skip
    shown = text_of(lines(answer(drill), PLAIN))
    assert shown.startswith("Incident 7, resolved: fire drill (a drill: nothing is wrong)\nWHAT     ")
    assert "OWNERS   everybody: told" in shown
    assert "breach" not in shown
    assert "HITS" not in shown


@pytest.mark.parametrize("field", ["says", "remedy", "quote", "where", "resolution", "acknowledged_by"])
def test_nothing_that_others_said_can_harm_a_terminal_or_break_a_report(field: str) -> None:
    evil = answer(replace(INCIDENT, acknowledged_at=NOW, **{field: EVIL}), kept("dead", EVIL))
    shown = text_of(lines(evil, PLAIN))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "\u202e" not in shown
    report = markdown(evil)
    assert "\x1b" not in report
    assert "\u202e" not in report
    assert re.search(r"(?<!\\)<script>", re.sub(r"(?s)```.*?```", "", report)) is None
    assert all(line.count("|") - line.count(r"\|") == 5 for line in report.splitlines() if line.startswith("| 2026"))


def test_a_quote_of_backticks_stays_in_its_fence() -> None:
    report = markdown(answer(replace(INCIDENT, quote="a ```` b\nc")))
    assert "`````\na ```` b\nc\n`````" in report


def test_ten_megabytes_of_error_are_shown_shortly() -> None:
    huge = answer(replace(INCIDENT, says="x " * 5_000_000, quote="y" * 10_000_000), kept("dead", "z" * 1_000_000))
    assert len(text_of(lines(huge, PLAIN))) < 10_000
    assert len(markdown(huge)) < 20_000


def test_markdown_of_a_name_is_that_name() -> None:
    assert plain("a_b*c|d") == r"a\_b\*c\|d"


def test_a_silence_that_is_over_says_so() -> None:
    shown = text_of(silence_lines([Silence(1, "a", None, NOW - MINUTE, "r", "ada", NOW - 9 * MINUTE)], NOW, PLAIN))
    assert "over" in shown
    assert "all tenants" in shown


def test_changes_are_a_line_each_with_whom_they_are_told() -> None:
    entry = Entry(7, 1, Step.OPENED, NOW, "shop is late", "", ("slack", "mail"))
    run = RunAnswer(NOW, (Change(None, INCIDENT, (entry,)),), (), 10, 3)
    assert list(change_lines(run, PLAIN)) == [
        "incident 7  opened        shop is late → slack, mail",
        "3 of 10 promises broken, nothing to tell; 3 never came and still may.",
    ]
    assert list(sent_lines(Sent(2, 1, 1), PLAIN)) == [
        "Messages: 2 sent, 1 to be tried again, 1 not delivered (telemetry incidents list)."
    ]
    assert list(sent_lines(Sent(0, 0, 0), PLAIN)) == []


@pytest.mark.promise("B56")
def test_what_is_closed_shows_its_resolution() -> None:
    over = replace(INCIDENT, phase=Phase.RESOLVED, resolved_at=NOW, resolution="marts/day is 5 min old again (was 3 h)")
    assert closed_text(over, already=False) == (
        "Incident 7 is resolved: shop: sync failed\n  marts/day is 5 min old again (was 3 h)"
    )
    assert "was resolved already, 2026-05-01 12:00 UTC" in closed_text(over, already=True)


def test_colours_are_for_terminals_alone() -> None:
    rows = (IncidentRow(INCIDENT, (kept(),)),)
    assert "\x1b[" in text_of(list_lines(IncidentsAnswer(NOW, rows), Palette(True)))
    assert "\x1b[" not in text_of(list_lines(IncidentsAnswer(NOW, rows), PLAIN))
