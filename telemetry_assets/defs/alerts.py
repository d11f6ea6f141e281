"""The sensor ``alerts``: what Dagster alone knows is taken, everything is evaluated, what is to be told is sent.

What belongs here: one tick and the sentence it leaves. What does not: deciding (``incidents/``), putting the parts
together (``dispatch/``). A tick that fails has lost nothing: the next one does it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy.exc import SQLAlchemyError

from telemetry_assets import running
from telemetry_assets.defs.heartbeats import switched_off
from telemetry_assets.defs.outcomes import Cursor, Taken, take_outcomes
from telemetry_assets.dispatch.declared import Declared
from telemetry_assets.dispatch.drain import Drained, drain
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.dispatch.watchdog import INSTIGATORS
from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.incidents.incident import Change, Step
from telemetry_assets.ledger import heartbeats
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import Settings
from telemetry_assets.spoken import counted

ALERT_SECONDS = 30
"""How often everything is evaluated; `telemetry dispatch` beside it is quicker."""
DRAIN_SECONDS = 10.0
"""How long a tick may begin to send; Dagster ends one that takes a minute."""


def alerts(settings: Settings) -> Callable[[dg.SensorEvaluationContext], dg.SensorResult]:
    """Take how checks and jobs ended, evaluate, send. Raises CouldNotLookError where something could not be read."""

    known = Declared(settings, lambda text: dg.get_dagster_logger().warning(text))

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = known.now()
        unread: CouldNotLookError | None = None
        taken: Taken | None = None
        with connect(running.database_dsn(settings)) as conn:
            try:
                taken = _take(context, conn)
            except CouldNotLookError as error:
                unread = error
            evaluation = evaluate(conn, settings, datetime.now(UTC))
        sent = _send(context, settings)
        if taken is None:
            assert unread
            raise unread
        said = (
            f"{counted(evaluation.owed, 'promise')}, {evaluation.broken} broken; {_changed(evaluation.changes)};"
            f" {counted(taken.checks, 'check result')} and {counted(taken.runs, 'run')} read"
            f"{'' if taken.caught_up else ', more to come'};"
            f" {sent}."
        )
        return dg.SensorResult(skip_reason=said, cursor=str(taken.cursor))

    return tick


def _take(context: dg.SensorEvaluationContext, conn: Connection[TupleRow]) -> Taken:
    """What Dagster knows → the ledger. Where it cannot be read, what the ledger knows is evaluated all the same."""
    origin = context.code_location_origin
    try:
        heartbeats.beat(conn, INSTIGATORS, timedelta(seconds=ALERT_SECONDS), note=switched_off(context))
        cursor = Cursor.of(context.cursor, context.instance)
        return take_outcomes(conn, context.instance, cursor, datetime.now(UTC), origin.location_name if origin else "")
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        raise CouldNotLookError(
            f"Dagster's storage could not be read: {said}.", "How checks and jobs ended is not known until it can be."
        ) from error


def _send(context: dg.SensorEvaluationContext, settings: Settings) -> str:
    """Send for a while; what could not be sent waits in the outbox, for the next tick and for every dispatcher."""
    try:
        drained = drain(settings, seconds=DRAIN_SECONDS, say=context.log.warning)
    except TelemetryError as error:
        context.log.warning(f"Nothing more could be sent in this tick: {error}")
        return "sending was cut short"
    return _sent(drained)


def _sent(drained: Drained) -> str:
    if drained == Drained():
        return "nothing to send"
    failed = f", {counted(drained.again, 'attempt')} failed" if drained.again else ""
    return f"{counted(drained.sent, 'message')} sent{failed}" + (
        f", {drained.dead} undeliverable" if drained.dead else ""
    )


def _changed(changes: Iterable[Change]) -> str:
    steps = Counter(entry.step for change in changes for entry in change.entries)
    told = [f"{steps[step]} {step.value}" for step in Step if steps[step]]
    return f"incidents: {', '.join(told)}" if told else "no incident changed"
