"""Who would be told of a broken promise, as far as lint can say beforehand: owners, their channels, their links.

What belongs here: promises nobody hears of, owners no channel reaches, links that cannot be filled. What does not:
telling anybody (``incidents/``).
"""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from string import Formatter

from telemetry_assets.freshness.declared import PROMISES, Book
from telemetry_assets.freshness.finding import Finding, Kind, Place, Severity
from telemetry_assets.spoken import named

PLACEHOLDERS = ("incident", "kind", "root", "asset", "tenant")
"""What a link may name in curly brackets."""

_PAGE = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_TELL = "Give it notify: {ERROR: [CHANNEL]}, or export MONITOR_ALERT_WEBHOOK_URL."


def untold(book: Book) -> Iterator[Finding]:
    """Owners that no channel reaches, and promises without an owner: who hears of them, or that nobody does."""
    owners = book.declared.owners
    if owners:
        yield from _deaf(book)
        yield from _unowned(book, owners)
    elif book.groups and not book.declared.fallback:
        words = "nobody is told when one is broken: there are no owners."
        remedy = "Add owners: and channels:, or export MONITOR_ALERT_WEBHOOK_URL."
        yield Finding(Kind.NO_CHANNEL, Severity.NOTE, PROMISES, words, remedy)


def _deaf(book: Book) -> Iterator[Finding]:
    for owner in book.declared.deaf:
        assets = tuple(dict.fromkeys(group.asset for group in book.groups if group.terms.owner == owner))
        place: Place = ("owners", owner)
        if book.declared.fallback:
            words = f"{owner}: no channel of its own, so it is told through {book.declared.fallback}."
            yield Finding(Kind.NO_CHANNEL, Severity.NOTE, place, words, "", assets)
        else:
            late = f" when {named(assets)} {'is' if len(assets) == 1 else 'are'} late" if assets else ""
            words = f"{owner}: no channel, so nobody is told{late}."
            yield Finding(Kind.NO_CHANNEL, Severity.WARNING, place, words, _TELL, assets)


def _unowned(book: Book, owners: Collection[str]) -> Iterator[Finding]:
    """Promises that nobody answers for, or only somebody whom a dbt exposure names and telemetry.yaml does not: they go
    to those whom others escalate to, else to everybody."""
    alike: dict[tuple[Place, str | None], dict[str, None]] = {}
    for group in book.groups:
        if group.terms.owner is None or group.terms.owner not in owners:
            alike.setdefault((book.places[group.asset][:2], group.terms.owner), {})[group.asset] = None
    for (place, owner), assets in alike.items():
        why = "no owner" if owner is None else f"the owner {owner!r} is not in owners"
        told = _heard_by(book, owners)
        words = f"{named(list(assets))}: {why}, so {told or 'nobody'} is told when it is late."
        kind, severity = (Kind.NO_OWNER, Severity.NOTE) if told else (Kind.NO_CHANNEL, Severity.WARNING)
        remedy = f"Owners are {named(sorted(owners))}; name one in the promise, or give one notify:."
        yield Finding(kind, severity, place, words, remedy, tuple(assets))


def _heard_by(book: Book, owners: Collection[str]) -> str:
    """Whom what nobody owns reaches, in words; empty for nobody."""
    whose = sorted(book.declared.escalated_to) or sorted(owners)
    return named([one for one in whose if one not in book.declared.deaf]) or book.declared.fallback


def bad_links(book: Book) -> Iterator[Finding]:
    """Templates of links with a bracket too many, with what nobody fills in, or of no page."""
    for place, template in book.declared.links.items():
        trouble = _unfillable(template)
        if trouble or not _PAGE.match(template):
            what = f"cannot be filled: {trouble}" if trouble else "is no URL of a page: write https://…"
            words = f"the link {template!r} {what}"
            remedy = "Messages go out without it until then."
            yield Finding(Kind.BAD_LINK, Severity.WARNING, place, words, remedy)


def _unfillable(template: str) -> str:
    """What is wrong with a template, empty for nothing."""
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError:
        return "a curly bracket stands alone; write it twice where it is meant."
    for field in fields:
        if field not in PLACEHOLDERS:
            near = get_close_matches(field, PLACEHOLDERS, n=1)
            return f"nobody knows {{{field}}}; " + (
                f"did you mean {{{near[0]}}}?" if near else f"there is {', '.join(PLACEHOLDERS)}."
            )
    return ""
