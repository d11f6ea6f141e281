"""Signs of life: each sensor of ours beats at every tick, so that somebody outside Dagster sees when none does.

What belongs here: beating, and which of our schedules and sensors are switched off. What does not: judging a silence
(``dispatch/watchdog.py``).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus

from telemetry_assets import running
from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger import heartbeats
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import Settings

type Evaluate = Callable[[dg.SensorEvaluationContext], Any]


def beating(settings: Settings, name: str, seconds: int, evaluate: Evaluate) -> Evaluate:
    """``evaluate``, with a beat of ``sensor:NAME`` before it. A ledger that cannot be reached fails nothing here."""

    def tick(context: dg.SensorEvaluationContext) -> Any:
        try:
            with connect(running.database_dsn(settings)) as conn:
                heartbeats.beat(conn, f"sensor:{name}", timedelta(seconds=seconds))
        except TelemetryError as error:
            context.log.warning(f"This tick could not be told to the watchdog: {error}")
        return evaluate(context)

    return tick


def switched_off(context: dg.SensorEvaluationContext) -> str:
    """Our schedules and sensors that are off though they are declared to be on, in words; empty where none is."""
    repository, origin = context.repository_def, context.code_location_origin
    if repository is None:
        return ""
    running_by_default = {
        *(one.name for one in repository.schedule_defs if one.default_status is dg.DefaultScheduleStatus.RUNNING),
        *(one.name for one in repository.sensor_defs if one.default_status is dg.DefaultSensorStatus.RUNNING),
    }
    off = [
        f"{state.instigator_type.value.lower()} {state.instigator_name}"
        for state in context.instance.all_instigator_state(instigator_statuses={InstigatorStatus.STOPPED})
        if state.instigator_name in running_by_default
        and origin in (None, state.origin.repository_origin.code_location_origin)
    ]
    return ", ".join(sorted(off))
