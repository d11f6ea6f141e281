"""A message as channel-neutral parts: what every channel formats in its own way.

What belongs here: the parts, and their JSON. What does not: wording them (``wording.py``), formatting (``channels/``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry_assets.incidents.trouble import Severity


@dataclass(frozen=True, slots=True)
class Message:
    """One step of an incident for one channel. Texts are plain: each channel escapes and cuts them.

    ``step`` and ``phase`` are the words of ``incident.Step`` and ``incident.Phase``. ``headline`` is one line,
    ``facts`` are (label, value), ``links`` (label, URL), ``history`` what happened before, oldest first. ``tenants``
    and ``assets`` are the first of however many are counted in ``reach`` (subjects, assets, tenants). ``notes`` say
    what is wrong with the message itself: a template that could not be filled. ``drill`` and ``test`` are marked
    wherever it is shown.
    """

    incident: int
    seq: int
    channel: str
    step: str
    at: datetime
    phase: str
    severity: Severity
    kind: str
    where: str
    headline: str
    says: str
    remedy: str = ""
    quote: str = ""
    owners: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    evidence: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    history: tuple[tuple[datetime, str], ...] = ()
    assets: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    reach: tuple[int, int, int] = (0, 0, 0)
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    notes: tuple[str, ...] = ()
    drill: bool = False
    test: bool = False

    @property
    def key(self) -> str:
        """The same at every try; with the installation's id in front it is the same nowhere else."""
        return f"{self.incident}.{self.seq}.{self.channel}"


def message_json(message: Message) -> dict[str, Any]:
    """The message as JSON values; :func:`message_of` reads it back."""
    return {name: _plain(getattr(message, name)) for name in Message.__dataclass_fields__}


def message_of(values: Mapping[str, Any]) -> Message:
    """The message behind :func:`message_json`. Raises KeyError and ValueError for anything else."""
    held = {name: values[name] for name in Message.__dataclass_fields__ if name in values}
    held["severity"] = Severity(held["severity"])
    held["at"] = datetime.fromisoformat(held["at"])
    for name in ("opened_at", "resolved_at"):
        held[name] = datetime.fromisoformat(held[name]) if held.get(name) else None
    for name in ("owners", "evidence", "assets", "tenants", "notes", "reach"):
        held[name] = tuple(held.get(name, ()))
    for name in ("facts", "links"):
        held[name] = tuple((label, value) for label, value in held.get(name, ()))
    held["history"] = tuple((datetime.fromisoformat(at), words) for at, words in held.get("history", ()))
    return Message(**held)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
