"""What was written against what the sinks accepted: losses, doubles, order, secrets. Knows nothing of the dispatcher.

What belongs here: reading the tables and the sinks' record, and judging them. What does not: making them. A verdict is
only worth something because it can be bad: ``test_ledger_of_truth.py`` spoils records and expects it to be seen.
"""

import email
import email.policy
import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tests.faults.faults_of_sinks import Heard


@dataclass(frozen=True, slots=True)
class Written:
    """One entry of the timeline, and the identity it is about."""

    incident: int
    seq: int
    step: str
    at: datetime
    words: str
    channels: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Row:
    """One message of the outbox."""

    incident: int
    seq: int
    channel: str
    status: str
    reason: str
    headline: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What the database holds at the end. ``receipts``: (incident, channel, seqs) of each accepted delivery.
    ``late``: the same of each attempt that ended without an answer in time. ``said``: every text in which a secret
    could have been written down."""

    installation: UUID
    entries: tuple[Written, ...]
    rows: tuple[Row, ...]
    receipts: tuple[tuple[int, str, tuple[int, ...]], ...]
    attempts: int
    said: tuple[str, ...]
    late: tuple[tuple[int, str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What one accepted message said: which step, under which key, and all of its text (JSON where it was JSON)."""

    heard: Heard
    key: str
    incident: int
    seq: int
    text: str


@dataclass(slots=True)
class Verdict:
    """The sums, and every finding in words. A campaign is clean where ``findings`` is empty."""

    transitions: int = 0
    accepted: int = 0
    doubles: int = 0
    joined: int = 0
    elsewhere: int = 0
    doubles_of: Counter[str] = field(default_factory=Counter[str])
    transitions_of: Counter[str] = field(default_factory=Counter[str])
    attempts: int = 0
    lost: list[str] = field(default_factory=list[str])
    doubles_outside: list[str] = field(default_factory=list[str])
    effective_doubles: list[str] = field(default_factory=list[str])
    disordered: list[str] = field(default_factory=list[str])
    leaked: list[str] = field(default_factory=list[str])
    unexpected: list[str] = field(default_factory=list[str])

    @property
    def findings(self) -> list[str]:
        """Everything that is wrong."""
        kinds = {
            "lost": self.lost,
            "double outside the window": self.doubles_outside,
            "effective double": self.effective_doubles,
            "out of order": self.disordered,
            "secret": self.leaked,
            "transition": self.unexpected,
        }
        return [f"{kind}: {finding}" for kind, findings in kinds.items() for finding in findings]


def read_books(conn: psycopg.Connection[Any]) -> Books:
    """Everything the judgement needs, straight from the tables."""
    (installation,) = conn.execute("select id from telemetry.installation").fetchone() or (None,)
    assert installation
    entries = conn.execute(
        "select t.incident, t.seq, t.step, t.at, t.words, t.channels, i.place"
        " from telemetry.timeline t join telemetry.incidents i on i.number = t.incident order by 1, 2"
    ).fetchall()
    rows = conn.execute(
        "select incident, seq, channel, status, reason, message ->> 'headline' from telemetry.outbox order by 1, 2, 3"
    ).fetchall()
    tried = conn.execute(
        "select incident, channel, seqs, outcome, reason, receipt from telemetry.deliveries"
    ).fetchall()
    receipts = tuple(
        (number, channel, tuple(seqs)) for number, channel, seqs, outcome, *_ in tried if outcome == "accepted"
    )
    said = [row[4] for row in rows] + [text for row in tried for text in row[4:]] + [row[4] for row in entries]
    return Books(
        installation,
        tuple(
            Written(number, seq, step, at, words, tuple(channels), place)
            for number, seq, step, at, words, channels, place in entries
        ),
        tuple(Row(*row) for row in rows),
        receipts,
        len(tried),
        tuple(said),
        tuple((row[0], row[1], tuple(row[2])) for row in tried if row[3] == "again" and "No answer" in row[4]),
    )


def told_of(heard: Heard, installation: UUID) -> Told:
    """What an accepted message says of itself. Raises AssertionError where it carries no key."""
    text = _text(heard)
    carried = "\n".join((*heard.headers.values(), text))
    key = re.search(rf"{installation}\W(\d+)\.(\d+)\.{re.escape(heard.channel)}\b", carried)
    assert key, f"no key in what {heard.channel} was told: {carried[:2000]}"
    return Told(heard, key[0], int(key[1]), int(key[2]), text)


def judge(
    books: Books,
    record: Sequence[Heard],
    *,
    secrets: Collection[str] = (),
    said: Iterable[str] = (),
    recipients: Mapping[str, Sequence[str]] | None = None,
) -> Verdict:
    """Compare. ``said`` are further texts (what processes printed); ``recipients`` of channels with several."""
    told = [told_of(heard, books.installation) for heard in record]
    verdict = Verdict(transitions=len(books.entries), accepted=len(told), attempts=books.attempts)
    everybody = recipients or {}
    conversations: dict[tuple[int, str, str], list[Told]] = defaultdict(list)
    for one in told:
        conversations[one.incident, one.heard.channel, one.heard.recipient].append(one)
    for (number, channel, to), said_there in conversations.items():
        # An edit beside its message is no message: made twice it is there once.
        messages = [one for one in said_there if not one.heard.edit]
        _order(verdict, f"incident {number} on {channel} {to}".rstrip(), messages)
        _doubles(verdict, books, messages)
    _losses(verdict, books, conversations, everybody)
    for text in (*books.said, *said):
        verdict.leaked += [f"{secret!r} in {text[:200]!r}" for secret in secrets if secret in text]
    return verdict


def steps_of(books: Books) -> dict[str, list[str]]:
    """place → the steps that its incidents took, in order, without those that are about delivery."""
    steps: dict[str, list[str]] = defaultdict(list)
    for entry in books.entries:
        if entry.step not in {"undelivered", "replayed"}:
            steps[entry.where].append(entry.step)
    return steps


def _order(verdict: Verdict, where: str, told: Sequence[Told]) -> None:
    """Once a step was told, none before it is told as news: whoever honours the key has heard them in order."""
    known: set[str] = set()
    newest = 0
    for one in told:
        if one.key not in known and one.seq < newest:
            verdict.disordered.append(f"{where}: step {one.seq} after step {newest}")
        known.add(one.key)
        newest = max(newest, one.seq)
    steps: dict[int, str] = {}
    for one in told:
        if steps.setdefault(one.seq, one.key) != one.key:
            verdict.effective_doubles.append(f"{where}: step {one.seq} under {steps[one.seq]} and {one.key}")


def _doubles(verdict: Verdict, books: Books, told: Sequence[Told]) -> None:
    """The same key twice: allowed only where the sender had not learnt of the first, or could not write it down."""
    by_key: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        by_key[one.key].append(one)
    for key, same in by_key.items():
        first = same[0]
        verdict.doubles += len(same) - 1
        verdict.doubles_of[first.heard.channel] += len(same) - 1
        recorded = _times(books.receipts, first)
        known = sum(one.heard.answered and not one.heard.unmarked for one in same[:-1])
        # Each receipt that was written ends the matter; an answer that came too late did not reach the sender.
        if recorded > 1 or known > _times(books.late, first):
            verdict.doubles_outside.append(f"{key}: {len(same)} times, {recorded} receipts, {known} answers")


def _times(ends: Iterable[tuple[int, str, tuple[int, ...]]], told: Told) -> int:
    there = (told.incident, told.heard.channel, told.seq)
    return sum((number, channel, max(seqs)) == there for number, channel, seqs in ends)


def _losses(
    verdict: Verdict,
    books: Books,
    conversations: Mapping[tuple[int, str, str], Sequence[Told]],
    recipients: Mapping[str, Sequence[str]],
) -> None:
    rows = {(row.incident, row.seq, row.channel): row for row in books.rows}
    for entry in books.entries:
        for channel in entry.channels:
            verdict.transitions_of[channel] += 1
            where = f"incident {entry.incident} ({entry.where}) step {entry.seq} {entry.step} on {channel}"
            row = rows.get((entry.incident, entry.seq, channel))
            if row is None:
                verdict.lost.append(f"{where}: never written to the outbox")
                continue
            missed = [
                to
                for to in recipients.get(channel, ("",))
                if not _heard_of(entry, row, conversations.get((entry.incident, channel, to), ()), verdict)
            ]
            if not missed:
                continue
            if row.status == "dead" and _told_elsewhere(entry, channel, conversations, recipients):
                verdict.elsewhere += 1
            else:
                verdict.lost.append(f"{where} {' '.join(missed)}: {row.status} and not accepted ({row.reason})")


def _heard_of(entry: Written, row: Row, told: Sequence[Told], verdict: Verdict) -> bool:
    if any(one.seq == entry.seq for one in told):
        return True
    covered = any(one.seq > entry.seq and _covers(one, entry, row) for one in told)
    verdict.joined += covered
    return covered


def _told_elsewhere(
    entry: Written,
    channel: str,
    conversations: Mapping[tuple[int, str, str], Sequence[Told]],
    recipients: Mapping[str, Sequence[str]],
) -> bool:
    """That step, or what came of it, was accepted on another channel, by everybody there."""
    others = {other for number, other, _ in conversations if number == entry.incident and other != channel}
    return any(
        all(
            any(one.seq >= entry.seq for one in conversations.get((entry.incident, other, to), ()))
            for to in recipients.get(other, ("",))
        )
        for other in others
    )


def _covers(told: Told, entry: Written, row: Row) -> bool:
    """Whether a later message tells of an earlier step beside its own, in its entry's words or its message's."""
    text = _plain(told.text)
    return any(words and words in text for words in (_plain(entry.words), _plain(row.headline)))


def _plain(text: str) -> str:
    """Without what formats add: escapes, emphasis, white space."""
    return re.sub(r"[\s*_`\\]+", "", html.unescape(text))


def _text(heard: Heard) -> str:
    if heard.recipient:
        mail = email.message_from_bytes(heard.body, policy=email.policy.default)
        bodies = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        return "\n".join([*(f"{name}: {value}" for name, value in mail.items()), *bodies])
    try:
        return "\n".join(_strings(json.loads(heard.body)))
    except ValueError:
        return heard.body.decode("utf-8", "replace")


def _strings(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [str(value)]
