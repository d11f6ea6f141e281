"""What telemetry.yaml may say, key by key: pydantic models, each key described, unknown keys refused.

What belongs here: the shape of one entry, and what is wrong with an entry by itself. What does not: how one value is
written (``forms.py``), and whether entries agree with each other (``consistency.py``).
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from telemetry_assets.declaration.forms import ClockText, Duration, Name, Relation, Slug, StreamName, Text, Timezone
from telemetry_assets.model import Clock, Promise, Tenant, Window


class EntryError(ValueError):
    """What is wrong with an entry by itself; the words go on after its place."""


class UnknownKeysError(EntryError):
    """Keys that a mapping does not have, with the ones it has; worded where the file's lines are known."""

    def __init__(self, unknown: list[str], known: list[str]) -> None:
        super().__init__(", ".join(unknown))
        self.unknown = unknown
        self.known = known


class Strict(BaseModel):
    """A mapping of telemetry.yaml: unknown keys refused, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        """First of all, since a misspelt key makes everything else that is said about its mapping noise."""
        if isinstance(data, dict):
            unknown = [str(key) for key in data if key not in cls.model_fields]
            if unknown:
                raise UnknownKeysError(unknown, list(cls.model_fields))
        return data


class WindowDeclaration(Strict):
    """The oldest age that is allowed. Exactly at `fail` is late."""

    warn: Duration | None = Field(None, description="From this age on it is due: shown, nobody is paged.")
    fail: Duration = Field(description="From this age on it is late, and the promise is broken.")

    @model_validator(mode="after")
    def _warn_first(self) -> Self:
        if self.warn is not None and self.warn >= self.fail:
            raise EntryError("warns no earlier than it fails: make warn the shorter one, or leave it out")
        return self

    def to_model(self) -> Window:
        return Window(fail=self.fail, warn=self.warn)


class TenantDeclaration(Strict):
    """Somebody whose data is judged apart."""

    slug: Slug = Field(description="The tenant's short name, its partition key and label; never changed afterwards.")
    id: UUID = Field(description="The UUID that tables hold in their tenant column.")
    name: Text = Field(description="The name people read.")
    timezone: Timezone = Field("UTC", description="The tenant's IANA time zone; a date ends at its midnight.")

    def to_model(self) -> Tenant:
        return Tenant(slug=self.slug, id=self.id, name=self.name, timezone=self.timezone)


class TenantTableDeclaration(Strict):
    """The table that holds the tenants."""

    table: Relation = Field(description="The table with one row per tenant: schema.table.")
    id: Text = Field("id", description="Its column with the UUID.")
    slug: Text = Field("slug", description="Its column with the slug.")
    name: Text = Field("name", description="Its column with the name people read.")
    timezone: Text | None = Field(None, description="Its column with the IANA time zone; without it every zone is UTC.")
    column: Text = Field("tenant_id", description="The column of every other table that holds the tenant's UUID.")


class StreamDeclaration(Strict):
    """One stream of a source: one table, one asset."""

    clock: ClockText = Field(
        Clock(),
        description="What dates the data: sync (start of the newest succeeded sync), column NAME (its newest value "
        "for the tenant), or static (never late).",
    )


class ConnectionDeclaration(Strict):
    """A source for one tenant."""

    tenant: Text | None = Field(None, description="The tenant's slug; without it the data has no tenants.")
    config: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="The connector's configuration. Secrets only as {env: NAME}, anywhere inside.",
    )
    connection_id: UUID | None = Field(None, description="The connection's id on the Airbyte server.")

    def resolved_id(self, source: str) -> UUID:
        """The server's connection id, else ours: uuid5 of tenant/source, the same on every machine."""
        return self.connection_id or uuid5(NAMESPACE_URL, f"telemetry-assets:{self.tenant}/{source}")


class SourceDeclaration(Strict):
    """An Airbyte source: its connector, its streams, one connection per tenant."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["manifest", "executable"]}})

    manifest: Path | None = Field(None, description="A declarative connector (YAML), relative to this file.")
    executable: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None, description="Any other connector that speaks the Airbyte protocol: the command line, word by word."
    )
    every: Duration = Field(description="How often each connection is synced.")
    streams: Annotated[dict[StreamName, StreamDeclaration], Field(min_length=1)] = Field(
        description="The streams to sync, by name."
    )
    connections: list[ConnectionDeclaration] = Field(description="One entry per tenant.")

    @model_validator(mode="after")
    def _one_connector(self) -> Self:
        if self.manifest and self.executable:
            raise EntryError("has both manifest and executable: one connector reads a source, keep one of the two")
        on_a_server = bool(self.connections) and all(connection.connection_id for connection in self.connections)
        if not self.manifest and not self.executable and not on_a_server:
            raise EntryError(
                "has no connector: add manifest or executable (or the connection_id of every connection, where an "
                "Airbyte server runs it)"
            )
        return self


class DbtDeclaration(Strict):
    """The dbt project that builds on the sources."""

    project_dir: Path = Field(description="The folder of dbt_project.yml, relative to this file.")
    profiles_dir: Path | None = Field(None, description="The folder of profiles.yml; by default the project's own.")
    target: Text | None = Field(None, description="The target of the profile; by default the profile's own.")
    every: Duration | None = Field(None, description="How often it is built; without it, after each sync.")


class PromiseDeclaration(Strict):
    """Who is owed what: assets, tenants, the oldest age allowed, and who answers. The first that matches wins."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["window"]}, {"required": ["grace"]}]})

    asset: Text = Field(description="An asset key or a pattern of keys: snapshots/tenant_dashboard, shop/*.")
    window: WindowDeclaration | None = Field(None, description="The oldest age allowed for every tenant.")
    grace: Duration | None = Field(None, description="Instead of a window: each root's own window plus this long.")
    owner: Text | None = Field(None, description="Who is told when it is broken: a name of owners.")
    tenants: (
        Annotated[
            Annotated[dict[str, WindowDeclaration], Tag("(overrides)")]
            | Annotated[list[str], Field(min_length=1), Tag("(list)")],
            Discriminator(lambda value: "(list)" if isinstance(value, list) else "(overrides)"),
        ]
        | None
    ) = Field(
        None,
        description="A list of slugs: the promise is made to these only. A mapping: these have a window of their own. "
        "Without it every tenant is promised the same.",
    )

    @model_validator(mode="after")
    def _has_a_number(self) -> Self:
        if self.window is None and self.grace is None:
            raise EntryError("has no number: say window: {fail: 60m}, or grace: 30m on top of the roots' windows")
        if self.window is not None and self.grace is not None:
            raise EntryError("has both window and grace: grace adds to the roots' windows, keep one of the two")
        return self

    def to_model(self) -> Promise:
        named = self.tenants if isinstance(self.tenants, dict) else {}
        return Promise(
            asset=self.asset,
            limit=self.window.to_model() if self.window else None,
            grace=self.grace or timedelta(0),
            owner=self.owner,
            tenants=frozenset(self.tenants) if isinstance(self.tenants, list) else None,
            overrides={slug: window.to_model() for slug, window in named.items()},
        )


class SnapshotDeclaration(Strict):
    """A metric snapshot: one payload per tenant, published when it keeps its contract."""

    relation: Relation = Field(description="The table or view with one payload row per tenant: schema.table.")
    every: Duration | None = Field(None, description="How often it is published; without it, after each build.")


class EscalationDeclaration(Strict):
    """Who is told when nobody acted."""

    after: Duration = Field(description="How long an incident may stay open and unacknowledged.")
    to: Text = Field(description="Who is told then: a name of owners.")


class OwnerDeclaration(Strict):
    """Somebody who answers for promises."""

    notify: dict[Literal["ERROR", "WARN"], list[str]] = Field(
        default_factory=dict[Literal["ERROR", "WARN"], list[str]],
        description="Which channels are told, by severity.",
    )
    escalate: EscalationDeclaration | None = Field(None, description="Who is told when nobody acted.")


class Declaration(Strict):
    """The whole of telemetry.yaml."""

    dbt: DbtDeclaration | None = Field(None, description="The dbt project.")
    tenants: (
        Annotated[
            Annotated[list[TenantDeclaration], Tag("(list)")] | Annotated[TenantTableDeclaration, Tag("(table)")],
            Discriminator(lambda value: "(list)" if isinstance(value, list) else "(table)"),
        ]
        | None
    ) = Field(None, description="The tenants: a list, or the table that holds them.")
    sources: dict[Name, SourceDeclaration] = Field(
        default_factory=dict[str, SourceDeclaration],
        description="The Airbyte sources by name; NAME's tables are in the schema raw_NAME.",
    )
    promises: list[PromiseDeclaration] = Field(
        default_factory=list[PromiseDeclaration], description="Who is owed what; the first match wins for an asset."
    )
    snapshots: dict[Name, SnapshotDeclaration] = Field(
        default_factory=dict[str, SnapshotDeclaration], description="The metric snapshots by name."
    )
    owners: dict[Text, OwnerDeclaration] = Field(
        default_factory=dict[str, OwnerDeclaration], description="Those who answer for promises, by name."
    )
    channels: dict[Text, dict[str, Any]] = Field(
        default_factory=dict[str, dict[str, Any]],
        description="Where messages go, by name. Secrets only as {env: NAME}.",
    )
