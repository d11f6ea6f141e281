"""What a channel may say, in its five kinds: slack, email, webhook, file, console.

What belongs here: the shapes of ``channels:``. What does not: who is told through which (``shapes.py``), secrets
written out (``consistency.py``), sending anything (``channels/`` of the package).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from telemetry_assets.declaration.document import nearest
from telemetry_assets.declaration.entry import EntryError, Strict
from telemetry_assets.declaration.forms import Address, ChannelName, Duration, Rate, Text

KINDS = ("slack", "email", "webhook", "file", "console")
"""The kinds of channels; a channel called like one is of that kind without saying so."""
COMMON = frozenset({"kind", "rate", "timeout"})
"""The keys that every kind has."""
LONGEST_ATTEMPT = 300
"""Seconds. A lease on a conversation must outlast an attempt."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variable(name: Any) -> Any:
    if not (isinstance(name, str) and _VARIABLE.fullmatch(name)):
        raise EntryError("is not the name of an environment variable: write {env: META_TOKEN}")
    return name


_ENV_SCHEMA = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "description": "The variable with the value."}


class EnvDeclaration(Strict):
    """A value kept out of the file."""

    env: Annotated[str, BeforeValidator(_variable), WithJsonSchema(_ENV_SCHEMA)] = Field(
        description="The environment variable that holds the value."
    )


def _url(address: str) -> str:
    """Never shows the address: it may hold a secret."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", address)
        port = parts.port
    except ValueError:
        good, port = False, None
    if not good or port == 0:
        raise EntryError("is not a URL: write https://HOST/PATH")
    return address


def _host(name: str) -> str:
    if re.search(r"[\s/@]|^[^:]*:\d*$", name):
        raise EntryError(f"is {name!r}, not the name of a server: write smtp.example.com, and port: beside it")
    return name


_EITHER = Discriminator(lambda value: "(env)" if isinstance(value, Mapping | EnvDeclaration) else "(text)")
_ENV = Annotated[EnvDeclaration, Tag("(env)")]

Secret = Annotated[
    Annotated[Text, Tag("(text)")] | _ENV,
    _EITHER,
    WithJsonSchema(
        {"type": "object", "properties": {"env": _ENV_SCHEMA}, "required": ["env"], "additionalProperties": False}
    ),
]
"""``{env: NAME}``. Text passes here, so that it is refused with the name of a variable (``consistency.py``)."""
TextOrEnv = Annotated[Annotated[Text, Tag("(text)")] | _ENV, _EITHER]
Url = Annotated[Annotated[Text, AfterValidator(_url), Tag("(text)")] | _ENV, _EITHER]
Host = Annotated[Annotated[Text, AfterValidator(_host), Tag("(text)")] | _ENV, _EITHER]


def _short(timeout: Any) -> Any:
    if timeout.total_seconds() > LONGEST_ATTEMPT:
        raise EntryError("is longer than 5m: nobody waits that long for an answer")
    return timeout


class ChannelBase(Strict):
    """What every kind of channel has."""

    rate: Rate | None = Field(
        None, description="The most messages per second, like 0.5; by default 1 for slack, 20 for others."
    )
    timeout: Annotated[Duration, AfterValidator(_short)] | None = Field(
        None, description="The hard end of one attempt to send; 10s by default."
    )

    def options(self) -> dict[str, Any]:
        """The kind's own keys as they were written, without those that have no value."""
        return {
            key: value for key, value in self.model_dump(by_alias=True, exclude_none=True).items() if key not in COMMON
        }


class SlackDeclaration(ChannelBase):
    """Slack: by a bot (edits its first message, answers in its thread), or by an incoming webhook (posts only)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["token", "channel"]}, {"required": ["webhook_url"]}]}
    )

    kind: Literal["slack"] = Field("slack", description="A channel of Slack.")
    token: Secret | None = Field(None, description="The bot's token: {env: NAME}. It needs the scope chat:write.")
    channel: TextOrEnv | None = Field(None, description='With token: which channel, "#data-alerts" (quoted) or its id.')
    webhook_url: Secret | None = Field(None, description="Instead of token and channel: an incoming webhook.")
    api_url: Url | None = Field(None, description="Another address of Slack's API, for GovSlack or a test.")

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if {"token", "webhook_url"} <= given:
            raise EntryError("has both token and webhook_url: keep one of the two")
        if not {"token", "webhook_url"} & given:
            raise EntryError("has no token and no webhook_url: write token: {env: SLACK_TOKEN}, or webhook_url")
        if "token" in given and "channel" not in given:
            raise EntryError('has a token and no channel: write channel: "#data-alerts", in quotes')
        if "webhook_url" in given and {"channel", "api_url"} & given:
            raise EntryError("has a webhook_url, which knows its channel itself: leave out channel and api_url")


class EmailDeclaration(ChannelBase):
    """E-mail by SMTP."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"user": ["password"], "password": ["user"]}})

    kind: Literal["email"] = Field("email", description="E-mail by SMTP.")
    host: Host = Field(description="The SMTP server.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Its port; by default 587 with starttls, 465 with tls, 25 with none."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls (after the greeting), tls (from the first byte), or none."
    )
    user: TextOrEnv | None = Field(None, description="Whom to log in as, with password; without both nobody does.")
    password: Secret | None = Field(None, description="The user's password: {env: NAME}.")
    sender: Address = Field(alias="from", description="The address messages come from.")
    to: Annotated[list[Address], Field(min_length=1)] = Field(description="The addresses messages go to, as a list.")

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if len({"user", "password"} & given) == 1:
            there, missing = ("user", "password") if "user" in given else ("password", "user")
            raise EntryError(f"has a {there} and no {missing}: logging in takes both")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if self.password is not None and self.tls == "none":
            raise EntryError("would send its password in the clear: say tls: starttls or tls: tls")
        return self


class WebhookDeclaration(ChannelBase):
    """A POST of JSON, signed where a secret is given."""

    kind: Literal["webhook"] = Field("webhook", description="A POST of JSON to an address of yours.")
    url: Url = Field(description="Where to: https://…, or {env: NAME} where the address itself is a secret.")
    secret: Secret | None = Field(None, description="What the body is signed with (HMAC-SHA256): {env: NAME}.")

    @model_validator(mode="after")
    def _not_slack(self) -> Self:
        if isinstance(self.url, str) and urlsplit(self.url).hostname == "hooks.slack.com":
            raise EntryError("is a webhook of Slack, and its address a secret: say kind: slack, webhook_url: {env: …}")
        return self


class FileDeclaration(ChannelBase):
    """A block of text per message, appended to a file."""

    kind: Literal["file"] = Field("file", description="Messages appended to a file.")
    path: Text = Field(description="The file; a relative path starts in TELEMETRY_HOME (.telemetry).")


class ConsoleDeclaration(ChannelBase):
    """Messages on the standard output of whoever dispatches them."""

    kind: Literal["console"] = Field("console", description="Messages on standard output.")


type AnyChannel = SlackDeclaration | EmailDeclaration | WebhookDeclaration | FileDeclaration | ConsoleDeclaration


def _known_kind(channel: Any) -> Any:
    if not isinstance(channel, Mapping):
        return channel
    kind = channel.get("kind")
    if kind is None:
        raise EntryError(f"has no kind: say kind: {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if kind not in KINDS:
        raise EntryError(f"is of kind {str(kind)!r}, which there is not; {nearest(str(kind), KINDS)}")
    return channel


def _kind_of(channel: Any) -> str:
    said = channel.get("kind") if isinstance(channel, Mapping) else getattr(channel, "kind", None)
    return f"({said if said in KINDS else 'console'})"


def kinds_by_name(channels: Any) -> Any:
    """The channels, those called like a kind with it said."""
    if not isinstance(channels, Mapping):
        return channels
    return {
        name: {"kind": name, **channel}
        if name in KINDS and isinstance(channel, Mapping) and channel.get("kind") is None
        else channel
        for name, channel in channels.items()
    }


def _schema_by_name(schema: dict[str, Any]) -> None:
    """What a channel may say depends on its name: only one called like a kind need not say it."""
    ((pattern, shapes),) = schema.pop("patternProperties").items()
    said = {**shapes, "required": ["kind"]}
    schema["properties"] = {
        kind: {"description": f"A channel of kind {kind}, unless it says another.", "anyOf": [own, said]}
        for kind, own in zip(KINDS, next(iter(shapes.values())), strict=True)
    }
    schema["propertyNames"] = {"pattern": pattern}
    schema["additionalProperties"] = said


ChannelDeclaration = Annotated[
    Annotated[SlackDeclaration, Tag("(slack)")]
    | Annotated[EmailDeclaration, Tag("(email)")]
    | Annotated[WebhookDeclaration, Tag("(webhook)")]
    | Annotated[FileDeclaration, Tag("(file)")]
    | Annotated[ConsoleDeclaration, Tag("(console)")],
    Discriminator(_kind_of),
    BeforeValidator(_known_kind),
]
Channels = Annotated[dict[ChannelName, ChannelDeclaration], BeforeValidator(kinds_by_name)]
channels_field = Field(
    default_factory=dict[str, AnyChannel],
    description="Where messages go, by name: slack, email, webhook, file, console, or any name with a kind.",
    json_schema_extra=_schema_by_name,
)
