"""Dagster's own ``run_failure_sensor`` against the same sinks: a run fails while the sink does, and is told or lost.

A real instance, a real failed run, the sensor's own evaluation tick by tick; between ticks its cursor goes on as the
daemon carries it (``dagster/_daemon/sensor.py``: after an error too, "side effects that we don't want to repeat"). What
does not belong here: ours (``campaign.py``). Kills and the ledger's faults have no counterpart: there is no outbox.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import dagster as dg
import requests
from dagster._core.definitions.sensor_definition import SensorExecutionData

from tests.faults.faults_of_sinks import RECIPIENTS, Fault, MailSink, Record, Sink, WebSink
from tests.sinks.tls import Authority

TIMEOUT = 0.2
TICKS = 4
"""One to begin with, one in which the sink fails, two in which it works again."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What became of one failed run: by how many recipients it was accepted, of how many; how often in all."""

    fault: Fault
    told: int
    of: int
    accepted: int

    @property
    def lost(self) -> bool:
        """Whether somebody was never told."""
        return self.told < self.of


@dg.op
def fails() -> None:
    """What somebody wants to hear of."""
    raise dg.Failure("broken")


@dg.job(executor_def=dg.in_process_executor)
def broken() -> None:
    """A job that fails."""
    fails()


def stock(fault: Fault, folder: Path) -> Stock:
    """One failed run, with the sink failing for one tick."""
    record = Record()
    authority = Authority(folder)
    good, bad = authority.server_context("localhost", "127.0.0.1"), authority.server_context("elsewhere.test")
    sink: Sink = (
        MailSink("stock", record, good)
        if fault.of_mail
        else WebSink("stock", record, (good, bad) if _tls(fault) else None)
    )
    try:
        _ticks(sink, fault, authority)
    finally:
        sink.close()
    heard = {one.recipient for one in record.heard}
    return Stock(fault, len(heard), len(RECIPIENTS) if fault.of_mail else 1, len(record.heard))


def _ticks(sink: Sink, fault: Fault, authority: Authority) -> None:
    host = {"name": "localhost"}

    @dg.run_failure_sensor(monitored_jobs=[broken])
    def alert(context: dg.RunFailureSensorContext) -> None:
        if fault.of_mail:
            _mail(sink.port, context.dagster_run.run_id, authority)
        else:
            _post(f"{'https' if _tls(fault) else 'http'}://{host['name']}:{sink.port}/", context, authority)

    definitions = dg.Definitions(jobs=[broken], sensors=[alert])
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _tick(alert, definitions, instance, None)
        definitions.resolve_job_def("broken").execute_in_process(instance=instance, raise_on_error=False)
        for number in range(TICKS - 1):
            sink.set(fault if number == 0 else Fault.NONE)
            host["name"] = "sink.invalid" if fault is Fault.DNS and number == 0 else "localhost"
            cursor = _tick(alert, definitions, instance, cursor)


def _tick(
    sensor: dg.SensorDefinition, definitions: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None
) -> str | None:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
    done: SensorExecutionData = sensor.evaluate_tick(context)
    return done.cursor


def _post(url: str, context: dg.RunFailureSensorContext, authority: Authority) -> None:
    said = {"text": f"{context.dagster_run.job_name} failed", "run": context.dagster_run.run_id}
    requests.post(url, json=said, timeout=TIMEOUT, verify=str(authority.pem), allow_redirects=False).raise_for_status()


def _mail(port: int, run_id: str, authority: Authority) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "broken failed", "dagster@sink.test", ", ".join(RECIPIENTS)
    message.set_content(run_id)
    with smtplib.SMTP("localhost", port, timeout=TIMEOUT * 10) as server:
        server.starttls(context=ssl.create_default_context(cafile=str(authority.pem)))
        server.send_message(message)


def _tls(fault: Fault) -> bool:
    return fault is Fault.TLS
