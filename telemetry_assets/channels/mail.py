"""A message as an e-mail: text and HTML, and the headers that make a conversation of several.

What belongs here: the mail itself. What does not: handing it to a server (``smtp.py``).
"""

from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from urllib.parse import quote

from telemetry_assets.channels.fitting import one_line
from telemetry_assets.channels.text import instant, plain, quoted, title, told
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.trouble import Severity

SUBJECT = 200
_COLORS = {"resolved": "#1a7f37", "acknowledged": "#0969da"}


def message_id(event_id: str, sender: str) -> str:
    """``<EVENT@DOMAIN>``: the same at every try, so that a mail taken twice is known to be one."""
    return f"<{quote(one_line(event_id), safe='.-_')}@{sender.rpartition('@')[2]}>"


def mail_of(
    message: Message, event_id: str, attempt: int, sender: str, to: tuple[str, ...], first: str, now: datetime
) -> EmailMessage:
    """The mail. ``sender`` and ``to`` are addresses with or without a name; ``first`` is the Message-ID of the
    conversation's first mail, empty for that itself."""
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["Subject"] = one_line(title(message), SUBJECT)
    mail["From"] = address_of(sender)
    mail["To"] = tuple(address_of(one) for one in to)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(event_id, address_of(sender).addr_spec)
    if first:
        mail["In-Reply-To"] = first
        mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Telemetry-Event-Id"] = one_line(event_id)
    mail["X-Telemetry-Attempt"] = str(attempt)
    mail.set_content(plain(message) + "\n", cte="quoted-printable")
    mail.add_alternative(html_of(message), subtype="html", cte="quoted-printable")
    return mail


def address_of(text: str) -> Address:
    """An address as it is declared, with or without a name before it."""
    name, mailbox = parseaddr(text)
    return Address(display_name=name, addr_spec=mailbox)


def html_of(message: Message) -> str:
    """The message as a page without scripts, pictures or styles of others; everything in it is escaped."""
    color = _COLORS.get(message.phase) or ("#cf222e" if message.severity is Severity.ERROR else "#9a6700")
    body = "\n".join(_parts(message))
    return (
        '<!DOCTYPE html><html><body style="font-family:sans-serif;max-width:44em;overflow-wrap:anywhere">\n'
        f'<h2 style="color:{color};font-size:1.2em">{escape(title(message))}</h2>\n{body}\n</body></html>\n'
    )


def _parts(message: Message) -> Iterator[str]:
    yield f'<p style="color:#57606a">{escape(told(message))}</p>'
    yield from _paragraph(message.says)
    if quote := quoted(message):
        yield f'<pre style="white-space:pre-wrap;background:#f6f8fa;padding:8px">{escape(quote)}</pre>'
    yield from _paragraph(message.remedy, "<b>What to do:</b> ")
    if message.facts:
        rows = "".join(
            f'<tr><th align="left" style="vertical-align:top">{escape(label)}</th><td>{escape(value)}</td></tr>'
            for label, value in message.facts
        )
        yield f'<table cellpadding="4">{rows}</table>'
    yield from _list("Also", (escape(item) for item in message.evidence))
    yield from _list("Before", (f"{instant(at)}&nbsp; {escape(words)}" for at, words in message.history))
    yield from _list("Links", (f'<a href="{escape(url)}">{escape(label)}</a>' for label, url in message.links))
    yield from _list("Of this message", (escape(note) for note in message.notes))


def _paragraph(text: str, before: str = "") -> Iterator[str]:
    if text:
        yield f"<p>{before}{escape(text).replace('\n', '<br>')}</p>"


def _list(heading: str, items: Iterator[str]) -> Iterator[str]:
    listed = "".join(f"<li>{item}</li>" for item in items)
    if listed:
        yield f"<p><b>{heading}</b></p><ul>{listed}</ul>"
