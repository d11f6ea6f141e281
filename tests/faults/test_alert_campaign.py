"""A sample of the fault campaign that covers every pair of fault and disturbance.

All of it, with the figures in docs/reliability.md: python -m tests.faults.report.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from telemetry_assets.incidents.trouble import Severity
from tests.faults import latency, outage
from tests.faults.campaign import SAMPLE, episode
from tests.faults.disturbance import Disturbance
from tests.faults.faults_of_sinks import Fault
from tests.faults.ledger_of_truth import judge, read_books
from tests.faults.script import ROUND, START, Course, courses, standings
from tests.faults.stage import CHANNELS, ONCALL, Stage, channel_of, staged
from tests.faults.stock_sensor import stock
from tests.faults.worker import Drain, Evaluate, MarkFirst, Worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage, for all of them in turn."""
    # A sender that hangs up in the middle of STARTTLS is an error to aiosmtpd, which prints it all.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    with staged(tmp_path_factory.mktemp("campaign")) as stage:
        yield stage


@pytest.mark.promise("C4")
@pytest.mark.parametrize("disturbance", list(Disturbance))
def test_no_transition_is_lost_and_doubles_are_excused_under_every_fault(
    stage: Stage, disturbance: Disturbance
) -> None:
    lived = episode(stage, disturbance, SAMPLE)
    assert lived.verdict.findings == []
    assert set(CHANNELS) <= set(lived.verdict.transitions_of)
    if disturbance.strikes:
        assert set(CHANNELS) <= set(lived.strikes)


def test_a_dispatcher_that_marks_before_it_sends_is_caught(stage: Stage) -> None:
    stage.record.clear()
    stage.heal()
    them = courses(["healthy"], 3, 1, seed=1)
    troubles = [trouble for course in them if (trouble := course.trouble(0))]
    with stage.database() as database:
        worker = Worker(database.url, stage.config, stage.environment)
        worker.ask(Evaluate(START, troubles, standings(them, 0)))
        # Killed as soon as the sink has the first message; the others are marked and nobody has them.
        stage.record.strike = lambda channel, accepted: worker.kill() or True
        with pytest.raises(EOFError):
            worker.ask(MarkFirst(START))
        stage.record.strike = lambda channel, accepted: False
        worker.close()
        database.forget_leases()
        worker = Worker(database.url, stage.config, stage.environment)
        worker.ask(Drain(START, 1.0))
        worker.close()
        with psycopg.connect(database.url) as conn:
            verdict = judge(read_books(conn), stage.record.heard)
    assert len(verdict.lost) == 2


def test_a_rise_that_is_refused_for_good_is_told_to_whoever_was_told_of_the_opening_instead(stage: Stage) -> None:
    """Found by the campaign: on-call had been told once of the incident, and was not told that it became worse."""
    stage.record.clear()
    stage.heal()
    channel = channel_of(Fault.PERMANENT)
    stage.sinks[channel].set(Fault.PERMANENT)
    (course,) = them = [Course(f"{channel}-0", channel, (Severity.WARN, Severity.ERROR, None))]
    with stage.database() as database:
        worker = Worker(database.url, stage.config, stage.environment)
        for number in range(3):
            at = START + number * ROUND
            troubles = [trouble for trouble in [course.trouble(number)] if trouble]
            assert not worker.ask(Evaluate(at, troubles, standings(them, number))).error
            worker.ask(Drain(at, 0.5))
        worker.close()
        with psycopg.connect(database.url) as conn:
            books = read_books(conn)
    stage.heal()
    verdict = judge(books, stage.record.heard)
    assert verdict.findings == []
    raised = next(entry.seq for entry in books.entries if entry.step == "raised")
    assert {heard.channel for heard in stage.record.heard} == {ONCALL}
    assert any(
        entry.seq > raised and ONCALL in entry.channels for entry in books.entries if entry.step == "undelivered"
    )


@pytest.mark.parametrize("hours", [1, 24])
def test_what_came_and_went_while_the_sink_was_down_is_told_once_it_is_back(stage: Stage, hours: int) -> None:
    told = outage.down(stage, hours)
    assert told.verdict.findings == []
    assert told.verdict.doubles == 0
    assert 0 < told.messages < told.steps
    assert told.most_per_second <= outage.PACE * 1.25 + 1


def test_a_thousand_messages_go_to_a_fast_sink_in_flat_memory(stage: Stage) -> None:
    drained = outage.backlog(stage)
    assert drained.verdict.findings == []
    assert drained.grown < drained.grown_by_hundred + 16_000_000


@pytest.mark.promise("C4")
def test_a_broken_promise_is_accepted_by_the_sink_within_two_seconds(stage: Stage, tmp_path: Path) -> None:
    measured = latency.with_dispatch(stage, tmp_path)
    assert measured.at(0.99) < 2.0


def test_the_sensor_alone_tells_within_its_tick_and_a_drain(stage: Stage, tmp_path: Path) -> None:
    measured = latency.with_sensor_alone(stage, tmp_path)
    assert measured.at(0.99) < latency.TICK + 2.0


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.BURST, Fault.RETRY_AFTER, Fault.SMTP_421])
def test_the_stock_sensor_loses_what_meets_a_sink_that_fails_for_one_tick(fault: Fault, tmp_path: Path) -> None:
    assert stock(fault, tmp_path).lost
