"""What a source may say, in its three kinds: synced by Airbyte, tables others fill, another code location's assets.

What belongs here: the shapes of ``sources:``. What does not: whether tenants, files and keys agree
(``consistency.py``), looking at any of them (``sources/`` of the package).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator

from telemetry_assets.declaration.document import nearest
from telemetry_assets.declaration.entry import EntryError, Strict
from telemetry_assets.declaration.forms import (
    AssetName,
    ClockText,
    Duration,
    ForeignClock,
    Relation,
    StreamName,
    TableClock,
    Text,
)
from telemetry_assets.model import Clock

_MARKS = {"airbyte": "streams", "table": "tables", "dagster": "assets"}
"""Kind → the key that only a source of this kind has."""


def _known_kind(kind: Any) -> Any:
    if kind not in _MARKS:
        raise ValueError(f"{kind!r} is not a kind of source; {nearest(str(kind), _MARKS)}")
    return kind


def _need_kind(kind: str, given: frozenset[str]) -> None:
    if "kind" not in given:
        raise EntryError(f"has {_MARKS[kind]} and no kind: say kind: {kind}")


_KIND = BeforeValidator(_known_kind)


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


class AirbyteSourceDeclaration(Strict):
    """What Airbyte syncs: its connector, its streams, one connection per tenant."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["manifest", "executable"]}})

    kind: Annotated[Literal["airbyte"], _KIND] = Field(
        "airbyte", description="Synced by Airbyte; the kind without saying so."
    )
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


class TableDeclaration(Strict):
    """One table that others fill: one asset."""

    table: Relation | None = Field(
        None, description="The table or view: schema.table. Without it, this name in a schema named as the source."
    )
    clock: TableClock = Field(
        description="What dates the data: column NAME (its newest value for the tenant), or static (never late)."
    )
    tenant_column: Annotated[Text | None, WithJsonSchema({"type": ["string", "null"], "minLength": 1})] = Field(
        None, description="Its column with the tenant's UUID; null: data without tenants. Without it, tenants.column."
    )

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if "clock" not in given:
            raise EntryError("has no clock: say clock: column NAME, or clock: static where it need not keep coming")

    def column_of(self, usual: str | None) -> str | None:
        """The tenant column: as declared, ``null`` too, else the ``usual`` one."""
        return self.tenant_column if "tenant_column" in self.model_fields_set else usual


class TableSourceDeclaration(Strict):
    """Tables that others fill: looked at, never built."""

    kind: Annotated[Literal["table"], _KIND] = Field(description="Tables of our database that somebody else fills.")
    tables: Annotated[dict[StreamName, TableDeclaration], Field(min_length=1)] = Field(
        description="The tables to look at, by name; the asset is source/name."
    )

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        _need_kind("table", given)


class ForeignAssetDeclaration(Strict):
    """One asset that another code location materializes."""

    key: AssetName | None = Field(None, description="Its asset key over there, slash-joined; without it source/name.")
    clock: ForeignClock = Field(
        Clock(), description="What dates the data: sync (its newest materialization), or static (never late)."
    )
    tenanted: bool = Field(True, description="false: its data has no tenants.")


class ForeignSourceDeclaration(Strict):
    """Assets that other code locations of the same Dagster instance materialize."""

    kind: Annotated[Literal["dagster"], _KIND] = Field(
        description="Assets of another code location of the same Dagster instance."
    )
    assets: Annotated[dict[AssetName, ForeignAssetDeclaration], Field(min_length=1)] = Field(
        description="The assets, by name; the asset key is source/name."
    )

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        _need_kind("dagster", given)


type AnySource = AirbyteSourceDeclaration | TableSourceDeclaration | ForeignSourceDeclaration


def _kind_of(source: Any) -> str:
    """The kind a source says, else that of the keys it has: a misspelt kind is then the one thing refused."""
    if not isinstance(source, Mapping):
        return f"({getattr(source, 'kind', 'airbyte')})"
    said = source.get("kind")
    by_keys = next((kind for kind, mark in _MARKS.items() if mark in source), "airbyte")
    return f"({said if said in _MARKS else by_keys})"


SourceDeclaration = Annotated[
    Annotated[AirbyteSourceDeclaration, Tag("(airbyte)")]
    | Annotated[TableSourceDeclaration, Tag("(table)")]
    | Annotated[ForeignSourceDeclaration, Tag("(dagster)")],
    Discriminator(_kind_of),
]
