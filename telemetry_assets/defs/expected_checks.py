"""Which checks a code location has for the assets asked for, before any is run: what is expected to report.

What belongs here: enumerating, from definitions and the instance's partitions. What does not: running
(``check_runs.py``), what a check said (``checking.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from telemetry_assets.answers.check_selection import Selection, Tags
from telemetry_assets.errors import UsageError
from telemetry_assets.sources.partition_times import dimensions
from telemetry_assets.spoken import named

NEWEST = 50
"""Of a time partition's keys only so many are looked at where none is named: the newest."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One check that has to report: ``op`` is the step that runs it, ``alone`` whether it runs without its asset.

    ``partitions`` are the keys to run it for, None where it has none; ``left_out`` counts older ones.
    """

    key: dg.AssetCheckKey
    op: str
    alone: bool
    partitions: tuple[str, ...] | None = None
    left_out: int = 0

    @property
    def asset(self) -> str:
        """The asset's key, slash-joined."""
        return self.key.asset_key.to_user_string()

    @property
    def asked(self) -> "tuple[Asked, ...]":
        """(check, partition) of everything that has to report."""
        return tuple((self.key, partition) for partition in ((None,) if self.partitions is None else self.partitions))


type Asked = tuple[dg.AssetCheckKey, str | None]
"""(check, partition); None where it has none."""


def expected_checks(
    graphs: Mapping[str, AssetGraph],
    instance: dg.DagsterInstance,
    selection: Selection,
    partitions: Sequence[str] = (),
) -> dict[str, tuple[Expected, ...]]:
    """Code location → the checks of the assets chosen, by asset and name; of ``partitions``, where some are named, only
    those.

    Raises UsageError for an unknown asset, tag or partition, and where something that was named has no check.
    """
    found = {
        name: {key: _keys(graphs[name].get(key).partitions_def, instance) for key in checks}
        for name, checks in named_checks(graphs, selection).items()
    }
    known = list(dict.fromkeys(key for checks in found.values() for keys in checks.values() for key in keys or ()))
    for name in partitions:
        if not any(name in (key, *dimensions(key)) for key in known):
            near = get_close_matches(name, known, n=1)
            offered = f"Did you mean {near[0]}?" if near else f"Partitions are {', '.join(known[-10:]) or 'none'}."
            raise UsageError(f"No check has a partition {name!r}.", offered)
    return {
        name: tuple(_expected(graphs[name], key, keys, frozenset(partitions)) for key, keys in checks.items())
        for name, checks in found.items()
    }


def named_checks(graphs: Mapping[str, AssetGraph], selection: Selection) -> dict[str, list[dg.AssetCheckKey]]:
    """Code location → the keys of the checks of the assets chosen, sorted. Raises like :func:`expected_checks`."""
    assets: dict[str, Tags] = {
        key.to_user_string(): graph.get(key).tags
        for graph in graphs.values()
        for key in sorted(graph.get_all_asset_keys())
    }
    checked = {key.asset_key.to_user_string() for graph in graphs.values() for key in graph.asset_check_keys}
    # A check may be of an asset that only another code location knows.
    assets |= {asset: {} for asset in sorted(checked - assets.keys())}
    chosen = set(selection.chosen(assets))
    for pattern in selection.patterns:
        if not checked & set(Selection((pattern,)).chosen(assets)):
            raise UsageError(f"No asset {pattern!r} has a check.", _with_checks(checked))
    if not checked & chosen:
        raise UsageError(f"No asset with a check is {selection}.", _with_checks(checked))
    return {
        name: sorted(key for key in graph.asset_check_keys if key.asset_key.to_user_string() in chosen)
        for name, graph in graphs.items()
    }


def partition_tags(graph: AssetGraph, key: dg.AssetCheckKey, partition: str) -> Mapping[str, str]:
    """The tags of a run for one partition of a check."""
    partitions = graph.get(key).partitions_def
    assert partitions
    return partitions.get_tags_for_partition_key(partition)


def _expected(graph: AssetGraph, key: dg.AssetCheckKey, keys: Sequence[str] | None, wanted: frozenset[str]) -> Expected:
    owner = graph.assets_def_for_key(key)
    alone = owner.is_executable and (not owner.keys or owner.can_subset)
    if keys is None:
        return Expected(key, owner.node_def.name, alone)
    if wanted:
        chosen = [name for name in keys if wanted & {name, *dimensions(name)}]
        return Expected(key, owner.node_def.name, alone, tuple(chosen))
    newest = _newest(graph.get(key).partitions_def, keys)
    return Expected(key, owner.node_def.name, alone, tuple(newest), len(keys) - len(newest))


def _keys(partitions: dg.PartitionsDefinition[Any] | None, instance: dg.DagsterInstance) -> Sequence[str] | None:
    return None if partitions is None else partitions.get_partition_keys(dynamic_partitions_store=instance)


def _newest(partitions: dg.PartitionsDefinition[Any] | None, keys: Sequence[str]) -> Sequence[str]:
    """The keys without those of old times; keys of a time come in its order."""
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return keys[-NEWEST:]
    if not isinstance(partitions, dg.MultiPartitionsDefinition):
        return keys
    times = [
        one for one in partitions.partitions_defs if isinstance(one.partitions_def, dg.TimeWindowPartitionsDefinition)
    ]
    kept = {one.name: frozenset(one.partitions_def.get_partition_keys()[-NEWEST:]) for one in times}
    split = {key: partitions.get_partition_key_from_str(key).keys_by_dimension for key in keys}
    return [key for key in keys if all(split[key][name] in newest for name, newest in kept.items())]


def _with_checks(checked: Collection[str]) -> str:
    return f"Assets with checks are {named(sorted(checked), 10)}." if checked else "No asset there has a check."
