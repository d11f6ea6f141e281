"""What ``telemetry demo`` shows at its end: the table, the three health lines, where things are, what to try next."""

import os
import shutil
import sys
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
    name = _program()
    print()
    progress.print_results(results, promises_follow=True)
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
  {name} up                                       everything live: Dagster UI, schedules, a sync every two minutes
  {name} status --late                            only the broken promises
  {name} incidents run                            what is wrong, one cause each, and who is told of it
  {name} demo break error --tenant northshore     break a feed, then: {name} refresh
  {name} scan --by tenant_id --project-dir dbt_project
                                            {" " * len(name)}the same question to any dbt project
  {name} db psql                                  look at the rows

Nothing syncs now: in six minutes everything is late, and says so. `{name} up` keeps it fresh.
Took {took.total_seconds():.0f} s. Run it again: the second time is incremental.""")


def _program() -> str:
    """How to call us from here: by name where the shell finds it, else by the path that was called."""
    called = sys.argv[0]
    found = shutil.which("telemetry")
    if found and os.path.realpath(found) == os.path.realpath(called):
        return "telemetry"
    return os.path.relpath(called) if os.path.basename(called) == "telemetry" else "telemetry"
