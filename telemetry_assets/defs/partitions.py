"""The one dynamic partition set ``tenants``: what a run touches. Who is owed what comes from the promises alone."""

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from pydantic import Field

TENANTS = dg.DynamicPartitionsDefinition(name="tenants")
_NAME = "tenants"


class TenantSelection(dg.Config):
    """Op config of a run over many tenants: only these of the run's range; empty means all of it."""

    only: list[str] = Field(default_factory=list)


def align(instance: dg.DagsterInstance, slugs: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the partition set equal to ``slugs``; returns what was added and what was removed."""
    present = instance.get_dynamic_partitions(_NAME)
    added = tuple(slug for slug in slugs if slug not in set(present))
    removed = tuple(slug for slug in present if slug not in set(slugs))
    if added:
        instance.add_dynamic_partitions(_NAME, list(added))
    for slug in removed:
        instance.delete_dynamic_partition(_NAME, slug)
    return added, removed


def whole_range_tags(instance: dg.DagsterInstance) -> Mapping[str, str]:
    """The tags of one run over every tenant; empty while there is no tenant.

    A run covers a contiguous range in insertion order; an arbitrary set is the whole range plus ``only``.
    """
    keys = instance.get_dynamic_partitions(_NAME)
    return {ASSET_PARTITION_RANGE_START_TAG: keys[0], ASSET_PARTITION_RANGE_END_TAG: keys[-1]} if keys else {}


def all_tenants(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Every tenant of the set."""
    return tuple(instance.get_dynamic_partitions(_NAME))


def chosen_tenants(context: dg.AssetExecutionContext, selection: TenantSelection) -> tuple[str, ...]:
    """The tenants a partitioned run is for. A name in ``only`` outside the run's range is refused."""
    keys = tuple(context.partition_keys)
    unknown = sorted(set(selection.only) - set(keys))
    if unknown:
        raise dg.Failure(f"The tenants {', '.join(unknown)} are not in this run's range ({', '.join(keys)}).")
    return tuple(key for key in keys if key in set(selection.only)) if selection.only else keys


def covers_range(context: dg.AssetExecutionContext, tenants: Sequence[str]) -> bool:
    """True where ``tenants`` is the whole range of the run, so that one MaterializeResult tells the truth."""
    return set(tenants) == set(context.partition_keys)
