"""What a check comes to whose deadline is over: a failure that names what did not run.

What belongs here: those results. What does not: watching the time (``defs/overrun.py``, ``cli/live_check.py``).
"""

from collections.abc import Sequence
from datetime import timedelta

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.model import State
from telemetry_assets.spoken import counted, named, spoken


def overrun_results(limit: timedelta, found: Sequence[Result], besides: str = "") -> tuple[Result, ...]:
    """A failure of kind ``deadline`` that names what is unknown for it. Where nothing was ``found``, that is unknown:
    what there is to run was not even known by then."""
    without = [f"{one.asset} {one.check}" for one in found if one.state is State.UNKNOWN and not one.task_id]
    said = f"; {counted(len(without), 'check')} did not run: {named(list(dict.fromkeys(without)), 5)}"
    message = f"not done within {spoken(limit)}{besides}{said if without else ''}"
    over = Result(Kind.DEADLINE, "", "deadline", State.FAIL, message, remedy="Give it longer: --deadline.")
    none = Result(Kind.STEP, "", "checks", State.UNKNOWN, "none was run: which there are was not known by then")
    return (over,) if found else (none, over)
