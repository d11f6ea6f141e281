"""How a single value of telemetry.yaml is written: a duration, a clock, a slug, a table; as types that check it.

What belongs here: one value by itself. What does not: the entries these values stand in (``shapes.py``).
"""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from telemetry_assets.declaration.document import nearest
from telemetry_assets.model import Clock, ClockKind

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]+[smhdw])+")
_NO_ZONES = frozenset({"Factory", "localtime", "posix", "posixrules", "right"})
"""What zone files are called beside the zones: this machine's own, and those that count leap seconds."""
_TABLE = r"^[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$"


def parse_duration(text: Any) -> timedelta:
    """``90s``, ``45m``, ``1h30m``, ``2d``, ``1w`` → timedelta. Raises ValueError with the accepted form."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration: write 90s, 45m, 1h30m or 2d")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", text))
    if seconds == 0:
        raise ValueError(f"{text!r} is no time at all: a duration is at least 1s")
    if seconds > 3650 * 86400:
        raise ValueError(f"{text!r} is more than ten years: nobody waits that long")
    return timedelta(seconds=seconds)


def duration_text(duration: timedelta) -> str:
    """The shortest way to write ``duration`` in telemetry.yaml, whole seconds: 90 minutes → ``1h30m``."""
    seconds = int(duration.total_seconds())
    if seconds and seconds % _UNITS["w"] == 0:
        return f"{seconds // _UNITS['w']}w"
    text = ""
    for unit in "dhms":
        number, seconds = divmod(seconds, _UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def parse_clock(text: Any) -> Clock:
    """``sync``, ``static`` or ``column NAME`` → Clock. Raises ValueError with the accepted forms."""
    if isinstance(text, Clock):
        return text
    words = text.split() if isinstance(text, str) else []
    match words:
        case ["sync"]:
            return Clock(ClockKind.SYNC)
        case ["static"]:
            return Clock(ClockKind.STATIC)
        case ["column", name]:
            return Clock(ClockKind.COLUMN, name)
        case _:
            raise ValueError(f"{text!r} is not a clock: write sync, static or 'column NAME'")


def parse_table_clock(text: Any) -> Clock:
    """``column NAME`` or ``static`` → Clock. Raises ValueError: nobody here syncs a table that others fill."""
    if text == "sync":
        raise ValueError("'sync' dates what we sync, and others fill this table: write 'column NAME' or static")
    return parse_clock(text)


def parse_foreign_clock(text: Any) -> Clock:
    """``sync`` or ``static`` → Clock. Raises ValueError: another code location's asset need not be a table."""
    clock = parse_clock(text)
    if clock.kind is ClockKind.COLUMN:
        raise ValueError(f"{text!r} is a table's clock: write sync or static, or declare the table by kind: table")
    return clock


def check_timezone(name: str) -> str:
    """An IANA zone by name, unchanged. Raises ValueError with the nearest zone there is."""
    if name == "UTC":
        return name
    from zoneinfo import ZoneInfo, available_timezones

    try:
        if name.split("/")[0] in _NO_ZONES:
            raise ValueError(name)
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(name, sorted(available_timezones()))
        hint = hint if hint.startswith("did") else "write one like America/Jamaica or UTC"
        raise ValueError(f"{name!r} is not a time zone of the IANA list; {hint}") from None
    return name


def _matching(pattern: str, wanted: str) -> BeforeValidator:
    """Text of one form, refused with what is wanted instead of the pattern."""

    def check(text: Any) -> Any:
        if isinstance(text, str) and not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {wanted}")
        return text

    return BeforeValidator(check)


def _text_schema(pattern: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": description})


def parse_rate(number: Any) -> float:
    """Messages per second. Raises ValueError for what is no number, not above 0, or above 1000."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1000:
        raise ValueError(f"{number!r} is not a rate: write messages per second, like 1 or 0.5")
    return float(number)


_NAME = "^[a-z][a-z0-9_]{0,58}$"
_STREAM = "^[A-Za-z_][A-Za-z0-9_-]{0,62}$"
_ASSET = r"^[^/\s*?\[\]]+(/[^/\s*?\[\]]+)*$"
_CHANNEL = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.\[\]:-]+"
_ADDRESS = rf'^({_MAILBOX}|[^<>@",;:\\\x00-\x1f\x7f]+ <{_MAILBOX}>)$'
_SLUG = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    _text_schema(r"^\s*([0-9]+[smhdw])+\s*$", "A duration: 90s, 45m, 1h30m, 2d, 1w."),
]
ClockText = Annotated[
    Clock,
    BeforeValidator(parse_clock),
    _text_schema(r"^\s*(sync|static|column\s+\S+)\s*$", "A clock: sync, static or 'column NAME'."),
]
TableClock = Annotated[
    Clock,
    BeforeValidator(parse_table_clock),
    _text_schema(r"^\s*(static|column\s+\S+)\s*$", "A clock: 'column NAME' or static."),
]
ForeignClock = Annotated[
    Clock,
    BeforeValidator(parse_foreign_clock),
    _text_schema(r"^\s*(sync|static)\s*$", "A clock: sync or static."),
]
Name = Annotated[
    str,
    _matching(_NAME, "a name here: small letters, digits and _, a letter first (it names a schema of the database)"),
    _text_schema(_NAME, "Small letters, digits and _, a letter first."),
]
StreamName = Annotated[
    str,
    _matching(_STREAM, "a stream here: letters, digits, _ and -, a letter first (it names a table)"),
    _text_schema(_STREAM, "Letters, digits, _ and -, a letter or _ first."),
]
AssetName = Annotated[
    str,
    _matching(_ASSET, "an asset here: its key's parts joined by /, without spaces and without * ? ["),
    _text_schema(_ASSET, "An asset key, its parts joined by slashes."),
]
Slug = Annotated[
    str,
    _matching(_SLUG, "a slug: small letters, digits and hyphens, like blue-mountain"),
    _text_schema(_SLUG, "Small letters, digits and hyphens; never changed afterwards."),
]
Relation = Annotated[
    str,
    _matching(_TABLE, "a table with its schema: write schema.table, like marts.tenant_dashboard"),
    _text_schema(_TABLE, "A table or view with its schema: schema.table."),
]
ChannelName = Annotated[
    str,
    _matching(_CHANNEL, "a channel's name: letters, digits, _ . and -"),
    _text_schema(_CHANNEL, "Letters, digits, _ . and -, a letter or digit first."),
]
Address = Annotated[
    str,
    _matching(_ADDRESS, "an e-mail address: write somebody@example.com, or Some Body <somebody@example.com>"),
    _text_schema(_ADDRESS, "One e-mail address: somebody@example.com, or Some Body <somebody@example.com>."),
]
Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1000}),
]
Timezone = Annotated[str, BeforeValidator(lambda text: check_timezone(text) if isinstance(text, str) else text)]
Text = Annotated[str, Field(min_length=1)]
