"""Opening a channel: from its settings, with every secret read now, to something that sends.

What belongs here: which kind takes which options, and words for what is missing. What does not: checking
telemetry.yaml (``declaration/``), sending.
"""

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from telemetry_assets.channels.channel import Channel
from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import ChannelSettings, SecretRef

SLACK_API = "https://slack.com/api/"
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def open_channel(
    settings: ChannelSettings, home: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Channel:
    """The channel. Opens no connection. Raises ConfigError naming the option, or the variable, that is missing.

    TLS trusts what the system trusts; ``SSL_CERT_FILE`` names another authority.
    """
    opening = _KINDS.get(settings.kind)
    if not opening:
        raise ConfigError(
            f"The channel {settings.name} is of kind {settings.kind!r}, which there is not.",
            f"Use {', '.join(_KINDS)}.",
        )
    return opening(_Options(settings), home, now)


def is_url(text: str) -> bool:
    """True for an address of http(s) with a host."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return good and not re.search(r"\s", text)


class _Options:
    """The options of one channel, read by name."""

    def __init__(self, settings: ChannelSettings) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        return self.settings.name

    def get(self, key: str) -> str | None:
        """The value in plain, without the blanks around it (a secret often ends with a new line); None without one."""
        value = self._value(key)
        text = str(value.reveal() if isinstance(value, SecretRef) else value).strip() if value is not None else ""
        if re.search(r"[\x00-\x1f\x7f]", text):
            raise self.wrong(key, "has a line break or a control character in it")
        return text or None

    def need(self, key: str) -> str:
        """The value in plain. Raises ConfigError where there is none."""
        value = self.get(key)
        if value is None:
            raise self.wrong(key, "is missing")
        return value

    def url(self, key: str) -> str:
        """An address of http(s). Its value is in no message: it may be a secret itself."""
        value = self.need(key)
        if not is_url(value):
            raise self.wrong(key, "is not an http(s) URL")
        return value

    def address(self, key: str, value: Any) -> str:
        """A mail address, with or without a name before it."""
        text = str(value.reveal() if isinstance(value, SecretRef) else value).strip()
        mailbox = parseaddr(text)[1]
        if not re.fullmatch(r"[!-~]+@[!-~]+", mailbox) or re.search(r"[\x00-\x1f\x7f]", text):
            raise self.wrong(key, f"has {text!r}, which is no mail address of plain letters (name@example.com)")
        return text

    def addresses(self, key: str) -> tuple[str, ...]:
        """One or more mail addresses, each once."""
        value = self._value(key)
        values = value if isinstance(value, list | tuple) else [value] if value else []
        if not values:
            raise self.wrong(key, "is missing")
        return tuple(dict.fromkeys(self.address(key, item) for item in values))

    def wrong(self, key: str, what: str) -> ConfigError:
        """The error for one option, by the name of its variable where it stands in the environment."""
        value = self._value(key)
        if isinstance(value, SecretRef):
            return ConfigError(f"{value.env} (channels.{self.name}.{key}) {what}.", f"Export another {value.env}.")
        return ConfigError(f"channels.{self.name}.{key} {what}.", "Mend it in telemetry.yaml.")

    def _value(self, key: str) -> Any:
        return self.settings.options.get(key)


def _slack(options: _Options, home: Path, now: Callable[[], datetime]) -> Channel:
    from telemetry_assets.channels.slack import SlackBot, SlackWebhook

    end, trust = options.settings.timeout, ssl.create_default_context()
    if "webhook_url" in options.settings.options:
        return SlackWebhook(options.name, options.url("webhook_url"), end, trust)
    api = options.url("api_url") if "api_url" in options.settings.options else SLACK_API
    return SlackBot(options.name, options.need("token"), options.need("channel"), api, end, trust)


def _email(options: _Options, home: Path, now: Callable[[], datetime]) -> Channel:
    from telemetry_assets.channels.smtp import Mail, Server

    tls = options.get("tls") or "starttls"
    if tls not in PORTS:
        raise options.wrong("tls", f"is {tls!r} (starttls, tls or none)")
    server = Server(
        host=options.need("host"),
        port=int(options.get("port") or PORTS[tls]),
        tls=tls,
        user=options.get("user"),
        password=options.need("password") if options.get("user") else None,
        trust=ssl.create_default_context(),
    )
    sender = options.address("from", options.need("from"))
    return Mail(options.name, server, sender, options.addresses("to"), options.settings.timeout, now)


def _webhook(options: _Options, home: Path, now: Callable[[], datetime]) -> Channel:
    from telemetry_assets.channels.webhook import Webhook

    secret = options.need("secret") if "secret" in options.settings.options else None
    trust = ssl.create_default_context()
    return Webhook(options.name, options.url("url"), secret, options.settings.timeout, trust, now)


def _file(options: _Options, home: Path, now: Callable[[], datetime]) -> Channel:
    from telemetry_assets.channels.file import TextFile

    return TextFile(options.name, home / options.need("path"), options.settings.timeout)


def _console(options: _Options, home: Path, now: Callable[[], datetime]) -> Channel:
    from telemetry_assets.channels.console import Console

    return Console(options.name, options.settings.timeout)


_KINDS: dict[str, Callable[[_Options, Path, Callable[[], datetime]], Channel]] = {
    "slack": _slack,
    "email": _email,
    "webhook": _webhook,
    "file": _file,
    "console": _console,
}
