"""What ``telemetry demo`` shows at its end: the table, the three health lines, where things are, what to try next."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from telemetry_assets.answers.health import HealthAnswer
from telemetry_assets.answers.refresh import PhaseResult
from telemetry_assets.answers.status import StatusAnswer
from telemetry_assets.render import health, progress, status


class Places(Protocol):
    """Where things are: the part of the settings that is printed."""

    @property
    def path(self) -> Path: ...
    @property
    def home(self) -> Path: ...
    @property
    def schemas_dir(self) -> Path: ...


def print_tour(
    settings: Places,
    results: Sequence[PhaseResult],
    state: StatusAnswer,
    condition: HealthAnswer,
    *,
    took: timedelta,
) -> None:
    """Print the whole tour. ``took`` is the time since the command began."""
    print()
    progress.print_results(results)
    print()
    status.print_terminal(state)
    print()
    health.print_terminal(condition)
    print(f"""
Where things are
  {settings.path}   what is promised, to whom
  {settings.home}   database, Dagster home, logs
  {settings.schemas_dir}   the contracts of the payloads

Try next
  telemetry up                                       everything live: Dagster UI, schedules, a sync every two minutes
  telemetry status --late                            only the broken promises
  telemetry demo break error --tenant northshore     break a feed, then: telemetry refresh
  telemetry scan --by tenant_id --project-dir dbt_project     the same question to any dbt project
  telemetry db psql                                  look at the rows

Took {took.total_seconds():.0f} s. Run it again: the second time is incremental.""")
