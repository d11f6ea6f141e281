"""What goes wrong on purpose in the demo's feeds: a JSON file that the ads API reads at each request.

What belongs here: the kinds of breakage, the file, and what a breakage does to an instant or to rows. What does not:
HTTP, and any fault of our own parts (those are tests).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from telemetry_assets.demo.advertising import ACCOUNTS, Account, Row, Source, Stream
from telemetry_assets.errors import CouldNotLookError, UsageError

EVERY_STREAM = "*"
FIELD = "clicks"
"""The field that ``lose-field`` takes away and ``change-type`` turns into text."""


class Breakage(StrEnum):
    """The kinds: each is something a real platform has done to somebody."""

    STOP = "stop"
    LAG = "lag"
    SILENCE = "silence"
    LOSE_FIELD = "lose-field"
    CHANGE_TYPE = "change-type"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class BrokenFeed:
    """One breakage of one account's stream (``*``: all its streams). ``since`` matters to stop, ``minutes`` to lag."""

    kind: Breakage
    account: str
    stream: str
    since: datetime
    minutes: int = 30

    def touches(self, account: str, stream: str) -> bool:
        """Whether a request for this stream meets this breakage."""
        return self.account == account and self.stream in (EVERY_STREAM, stream)


def read(file: Path) -> tuple[BrokenFeed, ...]:
    """The breakages in force; none where the file is missing. Raises CouldNotLookError for a file that is not ours."""
    try:
        entries = json.loads(file.read_text())["broken"]
        return tuple(_parse(entry) for entry in entries)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CouldNotLookError(
            f"{file} does not hold breakages: {error!r}.", "Delete it: nothing is broken then."
        ) from None


def break_feed(
    file: Path,
    kind: str,
    *,
    now: datetime,
    source: str | None = None,
    account: str | None = None,
    stream: str = EVERY_STREAM,
    since: datetime | None = None,
    minutes: int = 30,
) -> tuple[BrokenFeed, ...]:
    """Break the chosen feeds from ``since`` (else ``now``); returns what was added. Nothing else in the file changes.

    ``account`` is an account id or a tenant's slug; without ``source`` or ``account`` all are meant.
    Raises UsageError naming the valid kinds, sources, accounts or streams.
    """
    known = _one_of(kind, Breakage, "kind of breakage")
    if stream != EVERY_STREAM:
        _one_of(stream, Stream, "stream")
    added = tuple(BrokenFeed(known, chosen.id, stream, since or now, minutes) for chosen in _choose(source, account))
    same = {(feed.kind, feed.account, feed.stream) for feed in added}
    _write(file, [feed for feed in read(file) if (feed.kind, feed.account, feed.stream) not in same] + list(added))
    return added


def heal(file: Path, source: str | None = None, account: str | None = None) -> tuple[BrokenFeed, ...]:
    """Mend the chosen feeds (all without arguments); returns what was mended. Raises UsageError like break_feed."""
    chosen = {account.id for account in _choose(source, account)}
    broken = read(file)
    _write(file, [feed for feed in broken if feed.account not in chosen])
    return tuple(feed for feed in broken if feed.account in chosen)


def dead_feed_default(now: datetime) -> BrokenFeed:
    """The demo's dead feed: Coral Bay's Meta insights stopped three days ago, while its syncs go on succeeding."""
    return BrokenFeed(Breakage.STOP, "105", Stream.INSIGHTS, now - timedelta(days=3))


def ensure_default(file: Path, now: datetime) -> None:
    """Write the demo's dead feed where no file is yet; a file that was healed stays healed."""
    if not file.exists():
        _write(file, [dead_feed_default(now)])


def as_of(broken: Iterable[BrokenFeed], now: datetime) -> datetime:
    """The instant whose rows a feed still shows: ``now``, held back by stop and lag."""
    held = [now]
    for feed in broken:
        if feed.kind is Breakage.STOP:
            held.append(feed.since)
        if feed.kind is Breakage.LAG:
            held.append(now - timedelta(minutes=feed.minutes))
    return min(held)


def spoil(broken: Iterable[BrokenFeed], rows: Sequence[Row]) -> list[Row]:
    """The rows as a feed with these breakages sends them."""
    kinds = {feed.kind for feed in broken}
    spoilt = [] if Breakage.SILENCE in kinds else list(rows)
    if Breakage.LOSE_FIELD in kinds:
        spoilt = [{name: value for name, value in row.items() if name != FIELD} for row in spoilt]
    if Breakage.CHANGE_TYPE in kinds:
        spoilt = [row | {FIELD: f"about {row[FIELD]}"} if FIELD in row else row for row in spoilt]
    return spoilt


def _choose(source: str | None, account: str | None) -> tuple[Account, ...]:
    if source is not None:
        _one_of(source, Source, "source")
    named = tuple(found for found in ACCOUNTS.values() if account in (None, found.id, found.tenant))
    if not named:
        valid = sorted({found.tenant for found in ACCOUNTS.values()} | set(ACCOUNTS))
        raise UsageError(f"{account!r} is no tenant or account of the demo.", f"Choose one of {', '.join(valid)}.")
    chosen = tuple(found for found in named if source in (None, found.source))
    if not chosen:
        raise UsageError(
            f"Account {account!r} is not on {source}.", f"Leave out the source, or choose {named[0].source}."
        )
    return chosen


def _one_of[Choice: StrEnum](value: str, choices: type[Choice], what: str) -> Choice:
    try:
        return choices(value)
    except ValueError:
        raise UsageError(f"{value!r} is not a {what}.", f"Choose one of {', '.join(choices)}.") from None


def _parse(entry: dict[str, Any]) -> BrokenFeed:
    since = datetime.fromisoformat(entry["since"]).astimezone(UTC)
    return BrokenFeed(Breakage(entry["kind"]), entry["account"], entry["stream"], since, int(entry["minutes"]))


def _write(file: Path, broken: Iterable[BrokenFeed]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f"{file.name}.new")
    entries = [asdict(feed) | {"since": feed.since.astimezone(UTC).isoformat()} for feed in broken]
    scratch.write_text(json.dumps({"broken": entries}, indent=2) + "\n")
    scratch.replace(file)
