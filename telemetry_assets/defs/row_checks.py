"""The ``rows`` checks: the rows of a stream, a watched table or a dbt model against the contract of that name.

What belongs here: which tables have a contract; violations → check results with what each tenant broke. What does
not: reading rows (``sources/rows.py``), judging them (``contracts/``). Not blocking: bad rows stop nobody.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from telemetry_assets import running
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.contracts.grouped import Tally
from telemetry_assets.contracts.registry import SUFFIX, load_contract
from telemetry_assets.contracts.validate import Violation
from telemetry_assets.defs.per_tenant import FAILED, SAID
from telemetry_assets.errors import TelemetryError
from telemetry_assets.ledger import tenants as ledger_tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.settings import Settings
from telemetry_assets.sources.rows import RowTable, read_rows, row_tables

ROWS = "rows"
CHECKED = "telemetry/rows"
"""How many rows were looked at."""
BROKEN = "telemetry/broken_rows"
"""How many of them break the contract."""
EVERY = timedelta(hours=1)
"""How often the ``checks`` phase looks at a table that others fill."""
TOLD = 200
"""So many violations are rows of the result's table."""
WORDS = 2_000
"""So long the description is at most."""


@dataclass(frozen=True, slots=True)
class RowsFound:
    """What one look at a table found. ``violations`` are by tenant's slug, alike ones once."""

    rows: int
    broken: int
    violations: tuple[Violation, ...]


def row_checks(settings: Settings, manifest: Mapping[str, Any] | None) -> dg.AssetChecksDefinition | None:
    """One check per table that has a contract; None without any. Reads the names of the contracts, nothing else."""
    tables = row_tables(settings, manifest)
    contracts = sorted((settings.schemas_dir / "assets").glob(f"*{SUFFIX}"))
    named = [path.name.removesuffix(SUFFIX).replace(".", "/") for path in contracts]
    bound = {key: tables[key] for key in named if key in tables}
    if not bound:
        return None
    watched = {key for source in settings.tables.values() for key in source.asset_keys}

    @dg.multi_asset_check(
        name="judge_rows",
        specs=[
            dg.AssetCheckSpec(
                ROWS,
                asset=key.split("/"),
                description=f"Every row keeps the JSON Schema contract {key.replace('/', '.')}",
            )
            for key in bound
        ],
        can_subset=True,
    )
    def judge_rows(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.asset_key.to_user_string() for key in context.selected_asset_check_keys}
        if context.run.job_name == Phase.CHECKS:
            wanted = due(context.instance, sorted(wanted), watched, datetime.now(UTC))
        missed: list[TelemetryError] = []
        for key, table in bound.items():
            if key not in wanted:
                continue
            try:
                found = look_at_rows(settings, table)
            except TelemetryError as error:
                # The others are judged all the same; then this one is what the step ends with.
                missed.append(error)
                continue
            yield check_result(key, found)
        if missed:
            raise missed[0]

    return judge_rows


def due(instance: dg.DagsterInstance, keys: Sequence[str], watched: Collection[str], now: datetime) -> set[str]:
    """Of these tables those with rows that nobody has checked: the ``checks`` phase runs too often to look at all.

    Materialized since the last check; of the ``watched``, which nothing of ours materializes, one an :data:`EVERY` old.
    """
    assets = {key: dg.AssetKey(key.split("/")) for key in keys}
    records = {
        record.asset_entry.asset_key: record.asset_entry for record in instance.get_asset_records([*assets.values()])
    }
    found: set[str] = set()
    for key, asset in assets.items():
        last = _last(instance, dg.AssetCheckKey(asset, ROWS))
        made = records[asset].last_materialization_record if asset in records else None
        if made:
            # By id and not by time: SQLite's instants are whole seconds.
            fresh = made.storage_id != _looked_at(last)
        else:
            fresh = key in watched and (last is None or last.create_timestamp < (now - EVERY).timestamp())
        if fresh:
            found.add(key)
    return found


def _last(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> AssetCheckExecutionRecord | None:
    """The newest evaluation; this very run has planned one already, which is none yet."""
    ended = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    history = instance.event_log_storage.get_asset_check_execution_history(check, limit=1, status=ended)
    return next(iter(history), None)


def _looked_at(last: AssetCheckExecutionRecord | None) -> int | None:
    """The materialization that a check was of; None where it never came to an end."""
    event = last.event.dagster_event if last and last.event else None
    target = event.asset_check_evaluation_data.target_materialization_data if event else None
    return target.storage_id if target else None


def look_at_rows(settings: Settings, table: RowTable) -> RowsFound:
    """Every row of a table against its contract. Raises ConfigError for an unsound contract, CouldNotLookError where
    the table is not there or could not be read."""
    contract = load_contract(settings.schemas_dir / "assets", table.asset)
    tally = Tally(contract)
    with connect(running.database_dsn(settings)) as conn:
        slugs = {str(tenant.id): tenant.slug for tenant in ledger_tenants.read(conn)}
        for batch in read_rows(conn, table):
            tally.add_many(((slugs.get(row.tenant, row.tenant), row.document) for row in batch), parsed=True)
    return RowsFound(tally.seen, tally.broken, tally.violations())


def check_result(key: str, found: RowsFound) -> dg.AssetCheckResult:
    """What the check of one table says: which tenants' rows break the contract, where and how often."""
    said: dict[str, str] = {}
    for violation in sorted(found.violations, key=lambda one: (one.tenant, -one.more)):
        before = said.get(violation.tenant)
        said[violation.tenant] = f"{before}; {violation.message}" if before else violation.message
    told = "; ".join(f"{tenant}: {words}" for tenant, words in said.items())
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(key.split("/")),
        check_name=ROWS,
        passed=not found.violations,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_shortened(told) or f"{found.rows} rows keep the contract",
        metadata={
            FAILED: sorted(said),
            SAID: {tenant: _shortened(words) for tenant, words in said.items()},
            CHECKED: found.rows,
            BROKEN: found.broken,
            "telemetry/violations": dg.TableMetadataValue(
                records=[_record(violation) for violation in found.violations[:TOLD]],
                schema=dg.TableSchema(columns=_COLUMNS),
            ),
        },
    )


_COLUMNS = [
    dg.TableColumn("tenant", "string"),
    dg.TableColumn("column", "string"),
    dg.TableColumn("found", "string"),
    dg.TableColumn("expected", "string"),
    dg.TableColumn("rows", "int"),
]


def _record(violation: Violation) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "tenant": violation.tenant,
            "column": violation.pointer.removeprefix("/"),
            "found": violation.found,
            "expected": violation.expected,
            "rows": violation.more + 1,
        }
    )


def _shortened(words: str) -> str:
    return words if len(words) <= WORDS else f"{words[: WORDS - 1]}…"
