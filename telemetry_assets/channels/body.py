"""A message as the JSON of the webhook: schemas/api/message.schema.json, version 1.

What belongs here: the published names. What does not: how we keep a message ourselves (``incidents/message.py``).
"""

from datetime import datetime
from typing import Any

from telemetry_assets.channels.text import title
from telemetry_assets.incidents.message import Message

VERSION = 1
"""Rises when a consumer could break. A new property is no new version."""


def body_of(message: Message, event_id: str, attempt: int) -> dict[str, Any]:
    """The body. ``event_id`` is the same at every attempt: whoever keeps it sees each message once."""
    subjects, assets, tenants = message.reach
    return {
        "version": VERSION,
        "event_id": event_id,
        "attempt": attempt,
        "test": message.test,
        "drill": message.drill,
        "step": message.step,
        "at": _instant(message.at),
        "title": title(message),
        "incident": {
            "number": message.incident,
            "phase": message.phase,
            "severity": message.severity.value,
            "kind": message.kind,
            "where": message.where,
            "opened_at": _instant(message.opened_at),
            "resolved_at": _instant(message.resolved_at),
        },
        "headline": message.headline,
        "says": message.says,
        "remedy": message.remedy,
        "quote": message.quote,
        "owners": list(message.owners),
        "facts": [{"label": label, "value": value} for label, value in message.facts],
        "evidence": list(message.evidence),
        "links": [{"label": label, "url": url} for label, url in message.links],
        "history": [{"at": _instant(at), "words": words} for at, words in message.history],
        "reach": {
            "subjects": subjects,
            "assets": assets,
            "tenants": tenants,
            "first_assets": list(message.assets),
            "first_tenants": list(message.tenants),
        },
        "notes": list(message.notes),
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
