"""Interrupts: Dagster forgets those that come between two bodies of steps; we do not."""

import logging
import os
import signal
import threading
from collections.abc import Callable

import dagster as dg
import pytest

from telemetry_assets.defs.interrupts import heard


def run(ending: Callable[[], object]) -> dg.ExecuteInProcessResult:
    """A run in this process, in which ``ending`` happens once the last body of a step is over and Dagster writes so."""

    class Writes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "Finished steps in process" in record.getMessage():
                ending()

    @dg.logger
    def writes(_: object) -> logging.Logger:
        logger = logging.Logger("test of interrupts")
        logger.addHandler(Writes())
        return logger

    @dg.op
    def counts() -> int:
        return 1

    @dg.job(logger_defs={"writes": writes}, executor_def=dg.in_process_executor)
    def one():
        counts()

    return one.execute_in_process(raise_on_error=False, run_config={"loggers": {"writes": {}}})


@pytest.mark.promise("D27")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_between_two_bodies_is_heard_although_the_run_goes_on(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with heard() as interrupts:
        assert run(lambda: os.kill(os.getpid(), number)).success
    assert interrupts.any
    assert signal.getsignal(number) is before


def test_without_an_interrupt_there_is_none_and_handlers_and_descriptor_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with heard() as interrupts:
        run(lambda: os.kill(os.getpid(), signal.SIGCHLD))
    assert not interrupts.any
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_what_was_interrupted_itself_stays_so() -> None:
    with pytest.raises(KeyboardInterrupt), heard():
        signal.raise_signal(signal.SIGINT)


def test_in_another_thread_nothing_is_heard_and_nothing_breaks() -> None:
    seen: list[bool] = []

    def work() -> None:
        with heard() as interrupts:
            run(lambda: None)
        seen.append(interrupts.any)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
