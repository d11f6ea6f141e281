"""What telemetry.yaml may say, key by key: pydantic models, each key described, unknown keys refused.

What belongs here: the shape of the whole and of its small entries. What does not: sources (``sources.py``), promises
(``promised.py``), how one value is written (``forms.py``), whether entries agree (``consistency.py``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Discriminator, Field, Tag

from telemetry_assets.declaration.channels import Channels, channels_field
from telemetry_assets.declaration.entry import Strict
from telemetry_assets.declaration.forms import Duration, Name, Relation, Slug, Text, Timezone
from telemetry_assets.declaration.promised import PromiseDeclaration
from telemetry_assets.declaration.sources import (
    AirbyteSourceDeclaration,
    ForeignSourceDeclaration,
    SourceDeclaration,
    TableSourceDeclaration,
)
from telemetry_assets.model import Tenant


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


class DbtDeclaration(Strict):
    """The dbt project that builds on the sources."""

    project_dir: Path = Field(description="The folder of dbt_project.yml, relative to this file.")
    profiles_dir: Path | None = Field(None, description="The folder of profiles.yml; by default the project's own.")
    target: Text | None = Field(None, description="The target of the profile; by default the profile's own.")
    every: Duration | None = Field(None, description="How often it is built; without it, after each sync.")


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
    remind: Duration | None = Field(None, description="How often it is told again while nobody acts; 4h by default.")
    dashboard: Text | None = Field(
        None, description="A link for messages, with {asset}, {tenant}, {kind}, {root} or {incident} in it."
    )
    runbook: Text | None = Field(None, description="A link to what to do, with the same in it.")


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
        description="Where data comes from, by name: synced by Airbyte (NAME's tables are in the schema raw_NAME), "
        "tables that others fill (kind: table), assets of another code location (kind: dagster).",
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
    channels: Channels = channels_field

    @property
    def synced(self) -> Mapping[str, AirbyteSourceDeclaration]:
        """The sources that Airbyte syncs."""
        return {name: source for name, source in self.sources.items() if isinstance(source, AirbyteSourceDeclaration)}

    @property
    def watched(self) -> Mapping[str, TableSourceDeclaration]:
        """The sources that are tables others fill."""
        return {name: source for name, source in self.sources.items() if isinstance(source, TableSourceDeclaration)}

    @property
    def foreign(self) -> Mapping[str, ForeignSourceDeclaration]:
        """The sources that other code locations materialize."""
        return {name: source for name, source in self.sources.items() if isinstance(source, ForeignSourceDeclaration)}
