"""How asset checks ended, of every code location of the instance and of every partition, as rows of the ledger.

What belongs here: the newest evaluation of each. What does not: our own lights, which only repeat what the ledger
knows already, and what is told of a failure (``answers/troubles.py``).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import batched, product

import dagster as dg

from telemetry_assets.defs.data_age_checks import DATA_AGE
from telemetry_assets.defs.log_reading import Reading
from telemetry_assets.defs.snapshot_assets import CONTRACT
from telemetry_assets.defs.source_assets import SYNC_STATUS
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.model import ANY_TENANT
from telemetry_assets.sources.partition_times import dimensions

OURS = {DATA_AGE: "telemetry/broken", CONTRACT: "telemetry/published", SYNC_STATUS: "telemetry/failed_tenants"}
"""Our own checks, each with a number that only its results carry: another's check of that name has none."""
LONGEST_WORDS = 2_000
"""No sentence of another's is longer: what a person reads of it is less."""

_ASKED = 500
"""So many checks are asked for at a time."""
_PARTS = 5

type CheckKey = tuple[str, str, str]
"""(asset, check, partition); no partition is empty."""


def newest_evaluations(reading: Reading) -> dict[CheckKey, dg.EventLogEntry]:
    """The last evaluation of each check and partition in the reading, without our own lights."""
    newest: dict[CheckKey, dg.EventLogEntry] = {}
    for _, event in reading.events():
        evaluation = _evaluation(event)
        if evaluation and OURS.get(evaluation.check_name, "") not in evaluation.metadata:
            newest[_key(evaluation)] = event
    return newest


def check_result(event: dg.EventLogEntry, tenants: Collection[str], locations: Mapping[str, str]) -> CheckResult:
    """The row of one evaluation; ``locations`` are those of the runs.

    A partition that is a tenant of ours is its tenant. Any other makes the check one of its own: a later good day says
    nothing of a bad one.
    """
    evaluation = _evaluation(event)
    assert evaluation
    parts = list(dimensions(evaluation.partition)) if evaluation.partition else []
    tenant = next((part for part in parts if part in tenants), None)
    rest = ", ".join(part for part in parts if part != tenant)
    return CheckResult(
        asset=evaluation.asset_key.to_user_string(),
        check_name=f"{evaluation.check_name} [{rest}]" if rest else evaluation.check_name,
        tenant=tenant or ANY_TENANT,
        passed=evaluation.passed,
        severity=evaluation.severity.value,
        evaluated_at=datetime.fromtimestamp(event.timestamp, UTC),
        said="" if evaluation.passed else (evaluation.description or "")[:LONGEST_WORDS],
        run_id=event.run_id,
        location=locations.get(event.run_id, ""),
    )


def wiped(instance: dg.DagsterInstance, failed: Iterable[CheckResult]) -> list[tuple[str, str]]:
    """(asset, check name) of the failures of which Dagster keeps no evaluation any more: somebody wiped the asset. So
    the failure of a check that was removed can be ended."""
    candidates = {(one.asset, one.check_name): _keys_called(one) for one in failed}
    wanted = {key for keys in candidates.values() for key in keys}
    kept = {
        key
        for some in batched(wanted, _ASKED)
        for key in instance.event_log_storage.get_latest_asset_check_execution_by_key(list(some))
    }
    return [name for name, keys in candidates.items() if keys and not keys & kept]


def _keys_called(result: CheckResult) -> set[dg.AssetCheckKey]:
    """Every key that is written so: a part of an asset's key may hold a slash. None of a key with too many of them."""
    parts = result.asset.split("/")
    if len(parts) > _PARTS:
        return set()
    found: set[dg.AssetCheckKey] = set()
    for joints in product("/\n", repeat=len(parts) - 1):
        text = parts[0] + "".join(joint + part for joint, part in zip(joints, parts[1:], strict=True))
        found.add(dg.AssetCheckKey(dg.AssetKey(text.split("\n")), result.check_name.partition(" [")[0]))
    return found


def _evaluation(event: dg.EventLogEntry) -> dg.AssetCheckEvaluation | None:
    return event.dagster_event.asset_check_evaluation_data if event.dagster_event else None


def _key(evaluation: dg.AssetCheckEvaluation) -> CheckKey:
    return (evaluation.asset_key.to_user_string(), evaluation.check_name, evaluation.partition or "")
