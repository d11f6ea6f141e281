"""One incident at one instant: each step becomes an entry of its timeline, a message per channel, and a memory of who
was told.

What belongs here: writing steps down, and to whom they go. What does not: which steps (``life.py``), the words of a
message (``wording.py``).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from telemetry_assets.incidents.headline import cause_text
from telemetry_assets.incidents.incident import Change, Entry, Incident, Step, Telling
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.routing import Routing, channels_of
from telemetry_assets.incidents.texts import one_line
from telemetry_assets.incidents.trouble import NOBODY, Severity, Share
from telemetry_assets.incidents.wording import message_of_step
from telemetry_assets.spoken import named

ENTRY_LENGTH = 1000
_ANEW = frozenset({Step.OPENED, Step.RAISED, Step.REOPENED})
_TO_ALL = _ANEW | {Step.MOVED, Step.SPREAD}
"""Steps of which everybody who is told of the incident hears."""


@dataclass(frozen=True, slots=True)
class Told:
    """An owner who is told something: through which channels, and of how severe a part."""

    channels: tuple[str, ...]
    severity: Severity


@dataclass(slots=True)
class Course:
    """What happens to one incident at ``now``, step by step. ``incident`` is as the steps so far leave it: set on it
    what has changed, then take the step that tells of it. ``count`` is how many unmuted troubles there are, None where
    that is not known now; ``concerned`` the tenants whom the worst of them hit."""

    before: Incident | None
    incident: Incident
    routing: Routing
    now: datetime
    count: int | None = None
    concerned: tuple[str, ...] = ()
    entries: list[Entry] = field(default_factory=list[Entry])
    messages: list[Message] = field(default_factory=list[Message])

    def take(
        self,
        step: Step,
        words: str,
        line: str,
        to: Mapping[str, Told],
        *,
        actor: str = "",
        only: Collection[str] | None = None,
        extra: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Write down a step: ``words`` for the timeline, ``line`` as the headline of its messages, ``to`` by owner.

        Two owners of one channel are told once. ``only``: nothing but these channels.
        """
        listening: defaultdict[str, list[str]] = defaultdict(list)
        for owner in sorted(to):
            for channel in to[owner].channels:
                if only is None or channel in only:
                    listening[channel].append(owner)
        seq = self.incident.steps + 1
        told = {owner for owners in listening.values() for owner in owners}
        self._remember({owner: to[owner] for owner in told}, seq, step)
        self._miss(to)
        self.entries.append(
            Entry(
                incident=self.incident.number,
                seq=seq,
                step=step,
                at=self.now,
                words=one_line(words, ENTRY_LENGTH),
                actor=actor,
                channels=tuple(sorted(listening)),
            )
        )
        for channel, owners in sorted(listening.items()):
            shown = [owner for owner in dict.fromkeys(owners) if owner != NOBODY]
            self.messages.append(
                message_of_step(self.incident, seq, step, channel, shown, line, self.routing, self.now, extra)
            )

    def change(self) -> Change | None:
        """What has become of the incident; None where nothing has."""
        return None if self.before == self.incident and not self.entries else self.done()

    def done(self) -> Change:
        """What has become of the incident, be it nothing."""
        return Change(self.before, self.incident, tuple(self.entries), tuple(self.messages))

    def _remember(self, to: Mapping[str, Told], seq: int, step: Step) -> None:
        told = dict(self.incident.told)
        # Nobody notices that a message was edited: it puts no reminder off.
        for owner, news in to.items() if step is not Step.GREW else ():
            told[owner] = _telling(told.get(owner), news, self.now)
        self.incident = replace(self.incident, told=dict(sorted(told.items())), steps=seq)
        if to and step not in (Step.RESOLVED, Step.GREW):
            cause = cause_text(self.incident.kind, self.incident.where)
            count = self.incident.told_troubles if self.count is None else self.count
            self.incident = replace(self.incident, known_as=cause, known_at=self.now, told_troubles=count)
        if to and step in _TO_ALL:
            heard = () if step in _ANEW else self.incident.told_tenants
            self.incident = replace(self.incident, told_tenants=tuple(sorted({*heard, *self.concerned})))

    def _miss(self, to: Mapping[str, Told]) -> None:
        """Who has an ERROR and no channel counts as told through none: after a while somebody else is told."""
        told = dict(self.incident.told)
        for owner, news in to.items():
            known = told.get(owner)
            if not news.channels and news.severity is Severity.ERROR and not (known and known.error_at):
                told[owner] = _telling(known, news, self.now)
        self.incident = replace(self.incident, told=dict(sorted(told.items())))


def owners_told(incident: Incident, routing: Routing) -> dict[str, Told]:
    """Everybody who was told so far, through the channels that were used; where none of these is declared any more,
    through those of now."""
    to: dict[str, Told] = {}
    for owner, telling in incident.told.items():
        left = tuple(one for one in telling.channels if not routing.declared or one in routing.declared)
        gone = telling.channels and not left
        to[owner] = Told(channels_of(owner, telling.severity, routing) if gone else left, telling.severity)
    return to


def owners_of(shares: Mapping[str, Share], routing: Routing) -> dict[str, Told]:
    """Everybody with something unmuted, through the channels of their own part's severity; those without one too."""
    return {owner: Told(channels_of(owner, share.severity, routing), share.severity) for owner, share in shares.items()}


def unreached(to: Mapping[str, Told]) -> str:
    """``; told to nobody: …`` where somebody should be told and has no channel."""
    missed = [owner or "whoever hears of what nobody owns" for owner, told in sorted(to.items()) if not told.channels]
    if not missed:
        return ""
    if len(missed) == len(to):
        return f"; told to nobody: {named(missed)} {'has' if len(missed) == 1 else 'have'} no channel"
    return f"; {named(missed)} could not be told: no channel"


def _telling(known: Telling | None, news: Told, now: datetime) -> Telling:
    at_error = now if news.severity is Severity.ERROR else None
    if known is None:
        return Telling(news.severity, now, now, tuple(sorted(set(news.channels))), at_error)
    return replace(
        known,
        severity=max(known.severity, news.severity, key=lambda one: one.rank),
        last_at=now,
        channels=tuple(sorted({*known.channels, *news.channels})),
        error_at=known.error_at or at_error,
    )
