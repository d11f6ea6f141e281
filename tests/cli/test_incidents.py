"""The commands about incidents, against a real ledger: what they print, change, refuse, and end with."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.cli.main import main
from telemetry_assets.ledger import audit, check_results, incidents, looks, silences, subjects
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.model import ExitCode, Look, SubjectFact
from tests.cli.shop import HOOK, YAML, declare, write_home
from tests.integration.example import Place
from tests.sinks.http_sink import HttpSink, Reply

type Ledger = psycopg.Connection[TupleRow]
type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared home with two tenants of one source, nothing of which is known yet; commands run there."""
    write_home(tmp_path, database, monkeypatch)
    with psycopg.connect(database, autocommit=True) as conn:
        declare(conn)
    return tmp_path


@pytest.fixture
def telemetry(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as the console script does: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["telemetry", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def synced(conn: Ledger, ago: timedelta, slugs: Sequence[str] = ("acme", "globex")) -> None:
    """These tenants' data is so old."""
    at = datetime.now(UTC) - ago
    facts = [SubjectFact("shop/orders", slug, at, f"r{at}", "sync", {"shop/orders": at}) for slug in slugs]
    subjects.record(conn, facts)


def parsed(out: str) -> Any:
    return json.loads(out)


@pytest.fixture
def broken(telemetry: Run, ledger: Ledger) -> Run:
    """Incident 1 is open: both tenants' data is three hours old; its message is in the file."""
    synced(ledger, timedelta(hours=3))
    code, out, _ = telemetry("incidents", "run")
    assert (code, "incident 1" in out) == (ExitCode.LATE, True)
    return telemetry


class TestRun:
    """`incidents run`: look now, tell, end with what is broken."""

    @pytest.mark.promise("B20", "C20")
    def test_it_prints_what_changed_delivers_it_and_ends_with_what_is_broken(
        self, telemetry: Run, ledger: Ledger, home: Path
    ) -> None:
        synced(ledger, timedelta(hours=3))
        code, out, _ = telemetry("incidents", "run")
        assert code == ExitCode.LATE
        assert "incident 1  opened" in out
        assert "2 of 2 promises broken, 1 cause of trouble." in out
        assert "Messages: 1 sent." in out
        assert "shop" in (home / "home" / "messages.log").read_text()

    @pytest.mark.promise("B20")
    def test_a_second_run_changes_nothing_and_still_ends_with_what_is_broken(self, broken: Run) -> None:
        code, out, _ = broken("incidents", "run")
        assert (code, "Nothing changed." in out, "Messages" in out) == (ExitCode.LATE, True, False)

    @pytest.mark.promise("C12")
    def test_where_all_is_well_nothing_is_told_and_it_ends_with_0(
        self, telemetry: Run, ledger: Ledger, home: Path
    ) -> None:
        synced(ledger, timedelta(0))
        code, out, _ = telemetry("incidents", "run")
        assert (code, "0 of 2 promises broken, nothing is wrong." in out) == (ExitCode.OK, True)
        assert not (home / "home" / "messages.log").exists()

    @pytest.mark.promise("C25", "F4")
    def test_everything_is_looked_at_before_it_fails_once_with_the_whole_list(
        self, telemetry: Run, ledger: Ledger
    ) -> None:
        synced(ledger, timedelta(hours=3))
        failed = CheckResult("shop/orders", "no_negative_sums", "acme", False, "ERROR", datetime.now(UTC), "3 rows")
        check_results.record(ledger, [failed])
        looks.record(ledger, [Look("shop/orders", datetime.now(UTC), "permission denied")])
        code, out, _ = telemetry("incidents", "run", "--no-deliver", "--json")
        answer = parsed(out)
        kinds = {one["kind"] for one in answer["situations"]}
        assert {"check_failed", "could_not_look"} <= kinds, "one that could not be looked at hides no other"
        assert len(answer["transitions"]) == len(kinds)
        assert code == answer["exit_code"] == ExitCode.COULD_NOT_LOOK

    def test_what_never_came_ends_with_3(self, telemetry: Run) -> None:
        assert telemetry("incidents", "run", "--no-deliver")[0] == ExitCode.MISSING

    def test_without_delivery_what_is_to_be_told_waits(self, telemetry: Run, ledger: Ledger, home: Path) -> None:
        synced(ledger, timedelta(hours=3))
        telemetry("incidents", "run", "--no-deliver")
        assert not (home / "home" / "messages.log").exists()
        _, out, _ = telemetry("dispatch", "--once")
        assert "1 sent, 0 to be tried again, 0 not delivered" in out
        assert (home / "home" / "messages.log").exists()

    def test_the_json_has_transitions_and_exit_code(self, telemetry: Run, ledger: Ledger) -> None:
        synced(ledger, timedelta(hours=3))
        code, out, _ = telemetry("incidents", "run", "--json")
        said = parsed(out)
        assert (code, said["exit_code"], said["promises"], said["broken"]) == (2, 2, 2, 2)
        assert [one["step"] for one in said["transitions"]] == ["opened"]
        assert said["sent"] == {"sent": 1, "again": 0, "dead": 0}


class TestReading:
    """`incidents list`, `show` and `export`."""

    def test_a_list_of_nothing_says_so(self, telemetry: Run) -> None:
        assert telemetry("incidents", "list") == (0, "No incident.\n", "")
        assert parsed(telemetry("incidents", "list", "--json")[1])["incidents"] == []

    def test_the_list_names_cause_reach_and_who_was_told(self, broken: Run) -> None:
        _, out, _ = broken("incidents", "list")
        assert out.startswith("1 open.\n")
        assert "2 promises of 2 tenants" in out
        assert "log" in out
        assert "telemetry incidents show 1" in out
        assert "\x1b" not in out
        said = parsed(broken("incidents", "list", "--json")[1])
        (one,) = said["incidents"]
        assert (said["open"], one["number"], one["reached"], one["undelivered"]) == (1, 1, ["log"], {})

    @pytest.mark.promise("B19")
    def test_show_has_the_cause_the_remedy_the_worst_and_what_became_of_each_message(self, broken: Run) -> None:
        _, out, _ = broken("incidents", "show", "1")
        for part in (
            "Incident 1, open, ERROR",
            "CAUSE",
            "DO",
            "WORST",
            "shop/orders",
            "late, data 3h",
            "log sent",
            "Next:",
        ):
            assert part in out
        said = parsed(broken("incidents", "show", "1", "--json")[1])
        assert said["reach"]["blocks"] == [{"assets": ["shop/orders"], "tenants": ["acme", "globex"]}]
        assert said["worst"]["state"] == "FAIL"
        assert [one["status"] for one in said["messages"]] == ["sent"]
        assert [one["outcome"] for one in said["deliveries"]] == ["accepted"]
        assert [one["step"] for one in said["timeline"]] == ["opened"]

    def test_an_unknown_number_is_wrong_usage(self, telemetry: Run) -> None:
        for command in ("show", "ack", "close", "export", "replay"):
            code, _, err = telemetry("incidents", command, "7")
            assert (command, code) == (command, ExitCode.USAGE)
            assert "There is no incident 7. There was none yet." in err
        assert telemetry("incidents", "show", "one")[0] == ExitCode.USAGE

    def test_a_number_of_no_incident_names_the_newest(self, broken: Run) -> None:
        for number in ("0", "-1", "99999999999999999999"):
            code, _, err = broken("incidents", "show", "--", number)
            assert code == ExitCode.USAGE
            assert f"There is no incident {number}. The newest is 1" in err

    @pytest.mark.promise("B21")
    def test_the_report_has_everything_a_ticket_needs(self, broken: Run, ledger: Ledger) -> None:
        broken("incidents", "ack", "1", "--by", "ada | lovelace")
        synced(ledger, timedelta(0))
        broken("incidents", "run")
        _, out, _ = broken("incidents", "export", "1")
        for part in (
            "# Incident 1:",
            "| State | resolved, ERROR |",
            "| Acknowledged | ",
            "by ada \\| lovelace |",
            "| In breach | 120 minutes |",
            "## Cause",
            "What to do, as it was told:",
            "## Blast radius",
            "shop/orders for acme, globex",
            "## Timeline",
            "**opened**",
            "**acknowledged**",
            "**resolved**",
            "## Root cause",
            "## What changes",
        ):
            assert part in out
        assert parsed(broken("incidents", "export", "1", "--format", "json")[1])["phase"] == "resolved"

    def test_an_unknown_format_is_wrong_usage(self, broken: Run) -> None:
        code, _, err = broken("incidents", "export", "1", "--format", "pdf")
        assert (code, "markdown or json" in err) == (ExitCode.USAGE, True)


class TestActing:
    """`ack`, `close` and `replay`."""

    @pytest.mark.promise("B18")
    def test_an_acknowledgement_is_remembered_with_who_did_it_and_twice_changes_nothing(
        self, broken: Run, ledger: Ledger
    ) -> None:
        code, out, _ = broken("incidents", "ack", "1", "--by", "ada")
        assert (code, out.startswith("Incident 1 is acknowledged by ada at ")) == (0, True)
        assert broken("incidents", "ack", "1", "--by", "bob")[1].startswith(
            "Incident 1 was already acknowledged by ada"
        )
        assert [one.step for one in incidents.timeline(ledger, 1)] == ["opened", "acknowledged"]
        assert [(one.actor, one.action, one.resource) for one in audit.read(ledger)] == [
            ("ada", "acknowledge", "incident 1")
        ]
        assert broken("incidents", "list")[1].startswith("1 acknowledged.")

    def test_without_a_name_it_is_the_user_of_the_computer(self, broken: Run) -> None:
        said = parsed(broken("incidents", "ack", "1", "--json")[1])
        assert said["changed"] is True
        assert said["acknowledged_by"]

    def test_an_empty_name_is_wrong_usage(self, broken: Run) -> None:
        assert broken("incidents", "ack", "1", "--by", " ")[0] == ExitCode.USAGE

    @pytest.mark.promise("B18")
    def test_what_is_resolved_cannot_be_acknowledged(self, broken: Run, ledger: Ledger) -> None:
        synced(ledger, timedelta(0))
        broken("incidents", "run")
        code, _, err = broken("incidents", "ack", "1")
        assert (code, "Incident 1 is resolved" in err) == (ExitCode.USAGE, True)

    @pytest.mark.promise("B56")
    def test_nobody_closes_what_is_broken_still(self, broken: Run, ledger: Ledger) -> None:
        code, out, err = broken("incidents", "close", "1", "--by", "ada")
        assert (code, out) == (ExitCode.FAILING, "")
        assert "Incident 1 stays open: " in err
        assert [(one.action, one.detail) for one in audit.read(ledger)] == [("close", "refused")]
        assert incidents.find(ledger, 1).phase == "open"  # pyright: ignore

    @pytest.mark.promise("B56")
    def test_what_has_recovered_is_closed_with_the_age_before_and_after(self, broken: Run, ledger: Ledger) -> None:
        synced(ledger, timedelta(minutes=5))
        code, out, _ = broken("incidents", "close", "1", "--by", "ada")
        assert code == ExitCode.OK
        assert "Incident 1 is resolved: " in out
        assert "5 min old again (was 3 h" in out
        assert [(one.action, one.detail) for one in audit.read(ledger)] == [("close", "recovered")]
        assert broken("incidents", "close", "1")[1].startswith("Incident 1 was resolved already, ")

    def test_what_died_is_marked_in_the_list_and_sent_anew_by_replay(
        self, broken: Run, ledger: Ledger, home: Path
    ) -> None:
        ledger.execute("update telemetry.outbox set status = 'dead', ended_at = now(), reason = 'no such channel'")
        assert (
            "1: not delivered to log: no such channel (telemetry incidents replay 1)" in broken("incidents", "list")[1]
        )
        assert "log not delivered: no such channel" in broken("incidents", "show", "1")[1]
        code, out, _ = broken("incidents", "replay", "1", "--by", "ada")
        assert (code, out.startswith("1 message to be sent anew")) == (0, True)
        assert audit.read(ledger)[0].action == "replay"
        before = (home / "home" / "messages.log").read_text()
        assert "1 sent" in broken("dispatch", "--once")[1]
        assert len((home / "home" / "messages.log").read_text()) > len(before)

    def test_a_replay_of_nothing_says_so(self, broken: Run) -> None:
        assert broken("incidents", "replay")[1] == "Nothing died that is to be sent anew.\n"
        assert parsed(broken("incidents", "replay", "1", "--json")[1])["replayed"] == 0

    def test_a_replay_to_an_unknown_channel_offers_the_nearest(self, broken: Run) -> None:
        code, _, err = broken("incidents", "replay", "--channel", "logg")
        assert (code, "Did you mean log?" in err) == (ExitCode.USAGE, True)


class TestSilence:
    """`incidents silence`."""

    MADE = ("incidents", "silence", "shop/*", "--tenant", "acme", "--for", "2h", "--reason", "backfill", "--by", "ada")

    def test_it_is_made_listed_and_ended(self, telemetry: Run, ledger: Ledger) -> None:
        code, out, _ = telemetry(*self.MADE)
        assert (code, out.startswith("Silence 1: nobody is told of shop/* of acme (1 asset) until ")) == (0, True)
        listed = telemetry("incidents", "silence", "--list")[1]
        assert all(part in listed for part in ("shop/*", "acme", "ada", "backfill", "1h 59m"))
        (one,) = parsed(telemetry("incidents", "silence", "--list", "--json")[1])
        assert (one["asset"], one["tenant"], one["author"]) == ("shop/*", "acme", "ada")
        assert telemetry("incidents", "silence", "--expire", "1")[0] == ExitCode.OK
        assert telemetry("incidents", "silence", "--list")[1] == "No silence is in force.\n"
        assert "over" in telemetry("incidents", "silence", "--list", "--all")[1]
        assert [one.action for one in audit.read(ledger)] == ["end silence", "silence"]

    def test_what_is_silenced_is_still_broken_and_nobody_is_told(
        self, telemetry: Run, ledger: Ledger, home: Path
    ) -> None:
        telemetry("incidents", "silence", "shop/orders", "--for", "2h", "--reason", "backfill")
        synced(ledger, timedelta(hours=3))
        assert telemetry("incidents", "run")[0] == ExitCode.LATE
        assert not (home / "home" / "messages.log").exists()
        assert "(silenced)" in telemetry("incidents", "list")[1]
        assert "SILENCE" in telemetry("incidents", "show", "1")[1]

    @pytest.mark.parametrize("when", ["ended", "expired"])
    def test_one_that_is_over_cannot_be_ended(self, telemetry: Run, ledger: Ledger, when: str) -> None:
        telemetry(*self.MADE)
        if when == "ended":
            telemetry("incidents", "silence", "--expire", "1")
        else:
            ledger.execute("update telemetry.silences set until = now() - interval '1 minute'")
        code, _, err = telemetry("incidents", "silence", "--expire", "1")
        assert (code, "Silence 1 is over since 20" in err) == (ExitCode.USAGE, True)

    def test_one_that_never_was_cannot_be_ended(self, telemetry: Run) -> None:
        code, _, err = telemetry("incidents", "silence", "--expire", "5")
        assert (code, "There is no silence 5. None is in force." in err) == (ExitCode.USAGE, True)

    BAD = (
        (("shop/order", "--for", "2h", "--reason", "x"), "Did you mean shop/orders?"),
        (("shopp/*", "--for", "2h", "--reason", "x"), "Did you mean shop/*?"),
        (("shop/*", "--for", "2 hours", "--reason", "x"), "--for: '2 hours' is not a duration"),
        (("shop/*", "--for", "2h"), "needs an end and a reason"),
        (("shop/*", "--reason", "x"), "needs an end and a reason"),
        (("shop/*", "--for", "2h", "--reason", " "), "needs a reason"),
        (("shop/*", "--for", "2h", "--reason", "x", "--tenant", "acm"), "Did you mean acme?"),
        (
            ("shop/*", "--for", "2h", "--reason", "x", "--tenant", "acme", "--tenant", "globex"),
            "one tenant, or for all",
        ),
        ((), "Give ASSET, --list or --expire ID."),
        (("shop/*", "--list"), "Give ASSET, --list or --expire ID."),
    )

    def test_bad_input_is_wrong_usage_with_the_way_out_and_makes_none(self, telemetry: Run, ledger: Ledger) -> None:
        for arguments, words in self.BAD:
            code, _, err = telemetry("incidents", "silence", *arguments)
            assert (code, words in err) == (ExitCode.USAGE, True), err
        assert silences.read(ledger) == ()


class TestDispatch:
    """`dispatch` where it is done once, and the test message of `doctor`."""

    @pytest.mark.promise("C4")
    def test_a_drill_goes_to_every_channel_and_says_who_received_it(self, telemetry: Run, home: Path) -> None:
        with HttpSink() as sink:
            sink.answer(then=Reply(404))
            (home / "telemetry.yaml").write_text(YAML.replace(HOOK, sink.url))
            code, out, _ = telemetry("dispatch", "--drill")
        assert "log: received" in out
        assert "hook: not received: It answered 404" in out
        assert code == ExitCode.FAILING
        assert "drill" in (home / "home" / "messages.log").read_text().lower()

    @pytest.mark.slow
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_tells_within_seconds_until_a_signal_and_then_ends_well(
        self, home: Path, ledger: Ledger, number: signal.Signals
    ) -> None:
        synced(ledger, timedelta(0))
        place = Place(home, {"DATABASE_URL": os.environ["DATABASE_URL"], "TELEMETRY_HOME": str(home / "home")})
        running = place.start("dispatch")
        try:
            assert running.stdout is not None
            assert running.stdout.readline().startswith("Dispatching to log, hook; Ctrl-C ends it.")
            ledger.execute("update telemetry.first_known set since = '-infinity'")
            ledger.execute("delete from telemetry.subjects")
            until = time.monotonic() + 40
            while not (home / "home" / "messages.log").exists() and time.monotonic() < until:
                time.sleep(0.1)
            assert "never" in (home / "home" / "messages.log").read_text()
            running.send_signal(number)
            rest, _ = running.communicate(timeout=20)
        finally:
            running.kill()
        assert (running.returncode, "Ended; what waits is sent" in rest) == (0, True)

    @pytest.mark.promise("C12")
    def test_a_test_message_is_marked_and_leaves_nothing_in_the_ledger(
        self, telemetry: Run, ledger: Ledger, home: Path
    ) -> None:
        code, out, _ = telemetry("doctor", "--send-test", "log")
        assert (code, out.startswith("log accepted the test in ")) == (0, True)
        assert "test" in (home / "home" / "messages.log").read_text().lower()
        assert incidents.read(ledger) == ()

    def test_a_test_that_does_not_arrive_fails_with_the_reason(self, telemetry: Run) -> None:
        code, _, err = telemetry("doctor", "--send-test", "hook")
        assert (code, "The test did not reach hook: " in err) == (ExitCode.FAILING, True)

    def test_a_test_answers_machines_as_well(self, telemetry: Run) -> None:
        code, out, _ = telemetry("doctor", "--send-test", "log", "--json")
        assert (code, parsed(out)["channel"], parsed(out)["outcome"]) == (0, "log", "accepted")
        code, out, _ = telemetry("doctor", "--send-test", "hook", "--json")
        assert (code, parsed(out)["outcome"]) == (ExitCode.FAILING, "again")

    def test_once_and_a_drill_are_two_things(self, telemetry: Run) -> None:
        code, _, err = telemetry("dispatch", "--once", "--drill")
        assert (code, "Take one of them" in err) == (ExitCode.USAGE, True)

    def test_an_unknown_channel_names_the_nearest(self, telemetry: Run) -> None:
        code, _, err = telemetry("doctor", "--send-test", "logs")
        assert (code, "log" in err) == (ExitCode.USAGE, True)
