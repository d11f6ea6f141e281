"""Messages to send, and how the tests of channels send them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from telemetry_assets.channels.channel import Channel
from telemetry_assets.channels.opening import open_channel
from telemetry_assets.incidents.delivery import Receipt
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Severity
from telemetry_assets.settings import ChannelSettings

AT = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
EVENT = "6f0d.12.1.ops"
END = timedelta(seconds=5)
SHORT = timedelta(milliseconds=300)
NOTHING: Mapping[str, str] = MappingProxyType({})

OPENED = Message(
    incident=12,
    seq=1,
    channel="ops",
    step="opened",
    at=AT,
    phase="open",
    severity=Severity.ERROR,
    kind="sync_failed",
    where="orders",
    headline="orders: sync failed; 12 promises of 3 tenants are late",
    says="The newest sync failed.\nIt has for 40 min.",
    remedy="Look into its log, then: telemetry refresh",
    quote="HTTP 401: token expired",
    owners=("data-eng",),
    facts=(("Worst", "marts/x for north: 3 h old, promised under 60 min"),),
    evidence=("check rows of marts/x failed",),
    links=(("Dagster", "https://dagster.test/assets/orders"), ("Dashboard", "https://bi.test/d?tenant=north")),
    assets=("marts/x", "orders"),
    tenants=("north", "south"),
    reach=(12, 4, 3),
    opened_at=AT,
)
RESOLVED = replace(
    OPENED,
    seq=2,
    step="resolved",
    at=AT + timedelta(hours=1),
    phase="resolved",
    headline="orders: fresh again, 4 min old (was 3 h)",
    history=((AT, "opened"), (AT + timedelta(minutes=20), "acknowledged by Ann")),
    resolved_at=AT + timedelta(hours=1),
)

HOSTILE = (
    "<!channel> <@U123|ann> <https://evil.test|here> @everyone #general",
    "*bold* _it_ ~no~ `code` ```block``` :fire: :+1: &lt;!here&gt;",
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'</pre></td>",
    "north\r\nBcc: all@evil.test\r\n\r\nhello",
    "x\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b1m\b\x00\x7f",
    "\u202egnp.exe \u2066\u200b\ufeffok \ud800",
    "=?utf-8?q?Bcc=3A_all?= .\r\n.\r\nQUIT",
    "{{ 7*7 }} ${PATH} %s %(x)s {0}",
)


def hostile(text: str) -> Message:
    """A message with ``text`` wherever others have a say."""
    return replace(
        OPENED,
        where=text,
        headline=text,
        says=f"first\n{text}\nlast",
        remedy=text,
        quote=text,
        owners=(text,),
        facts=((text, text),),
        evidence=(text,),
        links=((text, f"https://bi.test/{text}"), (text, "javascript:alert(1)"), ("label", text)),
        history=((AT, text),),
        assets=(text,),
        tenants=(text,),
        notes=(text,),
    )


def channel(kind: str, options: Mapping[str, Any], end: timedelta = END, home: Path = Path("/nowhere")) -> Channel:
    """An open channel called ops."""
    return open_channel(ChannelSettings("ops", kind, options, timeout=end), home)


def sent(
    to: Channel,
    message: Message = OPENED,
    refs: Mapping[str, str] = NOTHING,
    *,
    event_id: str = EVENT,
    attempt: int = 1,
    accepted: tuple[str, ...] = (),
) -> Receipt:
    """One attempt, waited for."""
    return asyncio.run(to.send(message, refs, event_id=event_id, attempt=attempt, accepted=accepted))
