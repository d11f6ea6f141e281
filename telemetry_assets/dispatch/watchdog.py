"""Who has not been heard of for too long: heartbeats → what is wrong with the monitor itself.

What belongs here: which silence is too long, said as troubles of kind ``monitor_down``. What does not: beating (each
does it for itself), the table (``ledger/heartbeats.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry_assets.dispatch.changing import Ledger
from telemetry_assets.incidents.trouble import Severity, Trouble
from telemetry_assets.ledger import heartbeats, incidents
from telemetry_assets.ledger.heartbeats import Heartbeat
from telemetry_assets.model import ANY_TENANT, CauseKind
from telemetry_assets.settings import Settings

SENSOR = "sensor:"
"""What the components of our sensors start with."""
ALERTS = "alerts"
"""The sensor without which Dagster tells nobody: its silence counts even where it never beat."""
INSTIGATORS = "dagster:instigators"
"""The component whose note names our schedules and sensors that are switched off."""
EVALUATION = "evaluation"
WATCHING = "watching"
DISPATCH = "dispatch"

DAEMON_SILENCE = timedelta(seconds=45)
LEAST_SILENCE = timedelta(seconds=90)
LONGEST_GAP = timedelta(minutes=2)
"""Evaluations further apart: nobody has watched in between, so no silence can be blamed on who was silent."""
MOST_BEHIND = timedelta(minutes=5)
"""A clock that is further behind another is believed: somebody has set it."""
UNEXPECTED = timedelta(0)
"""``expected`` of a beat that none need follow."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Somebody of the monitor who is not as they should be, in a sentence, and for how long where that is known."""

    says: str
    age: timedelta | None = None


def troubles_of(conn: Ledger, settings: Settings, now: datetime) -> tuple[Trouble, ...]:
    """What is wrong with the monitor by its heartbeats. Raises CouldNotLookError."""
    found = quiet(heartbeats.read(conn))
    return tuple(trouble(one.says, None if one.age is None else _minute(now - one.age)) for one in found)


def trouble(says: str, since: datetime | None = None) -> Trouble:
    """A trouble of the monitor: whatever it is, all of them are one situation that nobody's data is in."""
    return Trouble(
        kind=CauseKind.MONITOR_DOWN,
        where="monitor",
        severity=Severity.ERROR,
        asset="",
        tenant=ANY_TENANT,
        says=says,
        remedy="See `telemetry doctor`, and the logs of whatever is named.",
        since=since,
    )


def quiet(beats: Iterable[Heartbeat]) -> tuple[Quiet, ...]:
    """Who is silent for too long, or switched off; nothing where all is well. A dead daemon explains its sensors.

    Ages are by the clock of the database's server. Nobody is blamed for the time before the ledger was watched.
    """
    by_name = {beat.component: beat for beat in beats}
    watched = by_name[WATCHING].age if WATCHING in by_name else timedelta(0)
    return (*_of_dagster(by_name, watched), *_of_dispatcher(by_name.get(DISPATCH), watched))


def next_quiet(beats: Iterable[Heartbeat]) -> timedelta | None:
    """How long it is until the next of them is silent for too long, if nobody beats; None where nobody need."""
    by_name = {beat.component: beat for beat in beats}
    watched = by_name[WATCHING].age if WATCHING in by_name else timedelta(0)
    limits = {name: (beat.age, _limit(beat)) for name, beat in by_name.items() if name.startswith(SENSOR)}
    ages = [age for age, _ in limits.values()]
    daemon = [(min(ages), DAEMON_SILENCE)] if ages else []
    left = (limit - min(age, watched) for age, limit in (*limits.values(), *daemon))
    return min((span for span in left if span >= timedelta(0)), default=None)


def begin(conn: Ledger, now: datetime) -> datetime:
    """Before an evaluation: the instant to evaluate, and where the last one is long ago, the ledger is watched from now
    on. While the monitor is said to be down nothing is forgiven: a restart must not look like a recovery.
    """
    beats = {beat.component: beat for beat in heartbeats.read(conn)}
    last = beats.get(EVALUATION)
    if WATCHING not in beats or last is None or last.age > LONGEST_GAP:
        known = incidents.unresolved(conn, now)
        if not any(one.kind is CauseKind.MONITOR_DOWN and not one.resolved_at for one in known):
            heartbeats.beat(conn, WATCHING, UNEXPECTED)
    return _no_earlier(last, now)


def evaluated(conn: Ledger, now: datetime) -> None:
    """After an evaluation of ``now``: it was done."""
    heartbeats.beat(conn, EVALUATION, timedelta(seconds=30), now.isoformat())


def _no_earlier(last: Heartbeat | None, now: datetime) -> datetime:
    """What broke a moment ago was whole a moment before: by a clock that is behind it would seem to have recovered."""
    try:
        known = datetime.fromisoformat(last.note) if last else now
    except ValueError:
        return now
    return known if now < known <= now + MOST_BEHIND else now


def _of_dagster(beats: Mapping[str, Heartbeat], watched: timedelta) -> tuple[Quiet, ...]:
    sensors = {name.removeprefix(SENSOR): beat for name, beat in sorted(beats.items()) if name.startswith(SENSOR)}
    if not sensors:
        return ()
    newest = min(beat.age for beat in sensors.values())
    if min(newest, watched) > DAEMON_SILENCE:
        return (Quiet("The Dagster daemon is down: none of our sensors ticks any more.", newest),)
    note = beats[INSTIGATORS].note if INSTIGATORS in beats else ""
    off = [Quiet(f"Switched off in Dagster: {note}.")] if note else []
    late = [
        Quiet(f"The Dagster sensor {name} ticks no more.", beat.age)
        for name, beat in sensors.items()
        if _too_long(beat, watched)
    ]
    never = ALERTS not in sensors and watched > LEAST_SILENCE
    return (*off, *([Quiet(f"The Dagster sensor {ALERTS} was never seen to tick.")] if never else []), *late)


def _of_dispatcher(beat: Heartbeat | None, watched: timedelta) -> tuple[Quiet, ...]:
    if beat is None or beat.expected == UNEXPECTED or not _too_long(beat, watched):
        return ()
    return (Quiet("`telemetry dispatch` is down: it is not heard of any more.", beat.age),)


def _minute(at: datetime) -> datetime:
    """The minute of an instant: two clocks never agree on it to the microsecond, and what changes must be news."""
    return at.replace(second=0, microsecond=0)


def _too_long(beat: Heartbeat, watched: timedelta) -> bool:
    return min(beat.age, watched) > _limit(beat)


def _limit(beat: Heartbeat) -> timedelta:
    return max(LEAST_SILENCE, 3 * beat.expected)


def dispatching(conn: Ledger) -> None:
    """The loop of `telemetry dispatch` goes round."""
    heartbeats.beat(conn, DISPATCH, timedelta(seconds=15))


def no_longer_dispatching(conn: Ledger) -> None:
    """`telemetry dispatch` ended because it was asked to: its silence is no trouble."""
    heartbeats.beat(conn, DISPATCH, UNEXPECTED, "ended")


def unevaluated(conn: Ledger) -> bool:
    """True where nobody has evaluated for two minutes."""
    ages = [beat.age for beat in heartbeats.read(conn) if beat.component == EVALUATION]
    return not ages or ages[0] > LONGEST_GAP
