"""One evaluation: which instant it is of, and what it does where others are at it."""

from datetime import datetime, timedelta

import pytest

from telemetry_assets.dispatch.changing import changing_incidents
from telemetry_assets.incidents.incident import Phase, Step
from telemetry_assets.ledger import incidents
from tests.dispatch.conftest import MINUTE, Stage, webhook


def _steps(stage: Stage, now: datetime) -> list[Step]:
    return [entry.step for change in stage.evaluate(now).changes for entry in change.entries]


class TestWhichInstant:
    """Hosts differ in their clocks, and whoever waits for the lock comes late with an instant of before."""

    @pytest.mark.promise("B4")
    def test_what_broke_a_moment_ago_has_not_recovered_by_a_clock_that_is_behind(
        self, stage: Stage, now: datetime
    ) -> None:
        stage.told(webhook("hook", "http://127.0.0.1:1/")).synced(now)
        assert _steps(stage, now + 60 * MINUTE + timedelta(seconds=1)) == [Step.OPENED]
        assert _steps(stage, now + 60 * MINUTE - timedelta(seconds=1)) == []
        assert _steps(stage, now + 57 * MINUTE) == []

    def test_a_clock_that_somebody_set_back_is_believed(self, stage: Stage, now: datetime) -> None:
        stage.told(webhook("hook", "http://127.0.0.1:1/")).synced(now)
        assert _steps(stage, now + 61 * MINUTE) == [Step.OPENED]
        assert _steps(stage, now + 50 * MINUTE) == [Step.RESOLVED]
        assert _steps(stage, now + 51 * MINUTE) == []


def test_whoever_changes_incidents_is_bounded_and_free_again_after_an_error(stage: Stage) -> None:
    def fail() -> None:
        assert stage.rows("show idle_session_timeout") == [("1min",)]
        assert stage.rows("show lock_timeout") == [("30s",)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), changing_incidents(stage.conn):
        fail()
    assert stage.rows("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]


def test_an_owner_who_is_removed_while_it_is_open_hears_of_the_end(stage: Stage, now: datetime) -> None:
    hook = webhook("hook", "http://127.0.0.1:1/")
    stage.told(hook).synced(now)
    stage.evaluate(now + 61 * MINUTE)
    stage.told(hook)
    stage.settings.owners.pop("data-eng")  # type: ignore[attr-defined]
    stage.synced(now + 61 * MINUTE)
    (change,) = stage.evaluate(now + 62 * MINUTE).changes
    assert [message.channel for message in change.messages] == ["hook"]
    assert [one.phase for one in incidents.read(stage.conn)] == [Phase.RESOLVED]
