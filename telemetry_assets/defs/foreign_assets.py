"""What others fill or materialize, as external assets, so that the lineage shows it: tables, other locations' assets.

What belongs here: declarations → specs. What does not: looking at them (``observing.py``), the graph we judge by
(``sources/asset_graph.py``).
"""

from collections.abc import Callable, Iterator

import dagster as dg

from telemetry_assets.settings import Settings


def foreign_assets(settings: Settings, promised: Callable[[dg.AssetSpec], dg.AssetSpec]) -> list[dg.AssetSpec]:
    """A spec per declared table and per declared asset of another code location; ``promised`` adds owner and policy.

    A table has no runs that Dagster could see, so a policy on it would be UNKNOWN for ever: it has none.
    """
    tables = [promised(spec).replace_attributes(freshness_policy=None) for spec in _tables(settings)]
    others = [promised(spec) for spec in _others(settings)]
    return [spec.replace_attributes(group_name=spec.metadata[_SOURCE]) for spec in (*tables, *others)]


_SOURCE = "telemetry/source"


def _tables(settings: Settings) -> Iterator[dg.AssetSpec]:
    for source in settings.tables.values():
        for table in source.tables:
            yield dg.AssetSpec(
                key=table.asset_key.split("/"),
                description="A table that others fill; its data age is read from the table.",
                kinds={"postgres", "table"},
                metadata={
                    "dagster/table_name": f"{table.schema}.{table.name}",
                    "telemetry/clock": str(table.clock),
                    _SOURCE: source.name,
                },
            )


def _others(settings: Settings) -> Iterator[dg.AssetSpec]:
    for source in settings.foreign.values():
        for asset in source.assets:
            yield dg.AssetSpec(
                key=asset.asset_key.split("/"),
                description="Materialized by another code location.",
                kinds={"dagster"},
                metadata={"telemetry/clock": str(asset.clock), _SOURCE: source.name},
            )
