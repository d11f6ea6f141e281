"""Stock Dagster's own freshness evaluator and data-time resolver, on an instance in memory, at any moment.

What belongs here: telling Dagster what happened, asking what it thinks. What does not: what we think of it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import dagster as dg
import time_machine
from dagster._core.definitions.data_time import CachingDataTimeResolver
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.events import (
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.instance import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.loader import LoadingContextForTest
from dagster._utils.caching_instance_queryer import CachingInstanceQueryer


class StockDagster:
    """Assets in an instance of their own; ``close`` it. What is told is stored in that order, whatever its time."""

    def __init__(self, assets: Sequence[dg.AssetSpec | dg.AssetsDefinition]) -> None:
        self._graph = dg.Definitions(assets=assets).resolve_asset_graph()
        self._instance = dg.DagsterInstance.ephemeral()

    def close(self) -> None:
        """Give the instance's threads and memory back."""
        self._instance.dispose()

    def materialized(
        self, key: str, at: datetime, partition: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """A run of the asset (or of one partition) ended."""
        event = dg.AssetMaterialization(dg.AssetKey(key.split("/")), partition=partition, tags=tags)
        self._store(DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(event), at)

    def observed(self, key: str, at: datetime, metadata: Mapping[str, float]) -> None:
        """Somebody looked at the asset from outside."""
        event = dg.AssetObservation(dg.AssetKey(key.split("/")), metadata=metadata)
        self._store(DagsterEventType.ASSET_OBSERVATION, AssetObservationData(event), at)

    def state(self, key: str, now: datetime) -> FreshnessState:
        """What the freshness daemon would find now."""
        node = self._graph.get(dg.AssetKey(key.split("/")))
        policy = node.freshness_policy_or_from_metadata
        evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(policy)]()
        with time_machine.travel(now, tick=False):
            return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(self._instance), node))

    def data_times(self, key: str, now: datetime) -> dict[str, datetime | None]:
        """Root → the data time of it that the asset's newest materialization incorporated, by the old resolver."""
        queryer = CachingInstanceQueryer(self._instance, self._graph, LoadingContextForTest(self._instance), now)
        records = self._instance.fetch_materializations(dg.AssetKey(key.split("/")), limit=1).records
        found = CachingDataTimeResolver(queryer).get_data_time_by_key_for_record(records[0], now)
        return {root.to_user_string(): time for root, time in found.items()}

    def _store(
        self, kind: DagsterEventType, data: StepMaterializationData | AssetObservationData, at: datetime
    ) -> None:
        event = DagsterEvent(kind.value, RUNLESS_JOB_NAME, event_specific_data=data)
        self._instance.report_dagster_event(event, RUNLESS_RUN_ID, timestamp=at.timestamp())


def asset(key: str, parents: Iterable[str] = (), policy: dg.FreshnessPolicy | None = None) -> dg.AssetsDefinition:
    """An asset that can be materialized: the old resolver passes over those that cannot."""
    spec = dg.AssetSpec(dg.AssetKey(key.split("/")), deps=[p.split("/") for p in parents], freshness_policy=policy)

    @dg.multi_asset(specs=[spec], name=key.replace("/", "__"))
    def nothing() -> None: ...

    return nothing
