"""The ``data_age`` checks: the second light. One op judges every promise over all tenants from the ledger.

What belongs here: judgements → check results with per-tenant metadata. What does not: judging (``freshness/``), and
what others did meanwhile (tables they fill, dbt runs of their own), which the op asks ``sources/`` for first.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets import running
from telemetry_assets.answers.status_rows import judgements
from telemetry_assets.errors import TelemetryError
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.freshness.window import promise_of
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import AssetNode, State
from telemetry_assets.settings import Settings
from telemetry_assets.sources.dbt_outside import import_external
from telemetry_assets.sources.watching import watch

DATA_AGE = "data_age"
OLDEST_AGE = "telemetry/oldest_data_age_seconds"
AGE_OF = "telemetry/data_age_seconds/"
"""A number per tenant under this name and its slug."""
COUNTED = {State.MISSING: "telemetry/never", State.FAIL: "telemetry/late", State.UNKNOWN: "telemetry/unknown"}
"""How many tenants are in these states, as numbers of the check's result."""
LONGEST_IMPORT = timedelta(seconds=15)
"""How long the tables that somebody else's dbt run read may take: a sensor's tick has a minute for all it does."""
PLOTTED, TOLD = 20, 200
"""Of so many tenants at most the age is a plot of its own and the state a row: the worst ones."""


def data_age_checks(
    settings: Settings, manifest: Mapping[str, Any] | None, nodes: Sequence[AssetNode]
) -> dg.AssetChecksDefinition | None:
    """One check per promised asset; None where nothing is promised."""
    promised = [node.key for node in nodes if promise_of(node, settings.promises)]
    if not promised:
        return None

    @dg.multi_asset_check(
        name="judge_data_age",
        specs=[
            dg.AssetCheckSpec(
                DATA_AGE,
                asset=key.split("/"),
                description="Every promised tenant's data, through the lineage, is as young as promised",
            )
            for key in promised
        ],
        can_subset=True,
    )
    def judge_data_age(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with connect(running.database_dsn(settings)) as conn:
            now = datetime.now(UTC)
            watch(conn, settings, manifest, now)
            import_dbt_runs(context, conn, settings, manifest)
            wanted = {key.asset_key.to_user_string() for key in context.selected_asset_check_keys}
            judged = _by_asset(judgements(conn, settings, now, wanted))
        for key in promised:
            if key in wanted:
                yield check_result(key, judged.get(key, ()))
                _plot(context, key, judged.get(key, ()))

    return judge_data_age


def _plot(context: dg.AssetCheckExecutionContext, key: str, judged: Sequence[Judgement]) -> None:
    """Dagster's UI plots the numbers of observations and materializations, and none of a check's."""
    ages = _ages(sorted(judged, key=_badness))
    if ages:
        context.op_execution_context.log_event(dg.AssetObservation(key.split("/"), metadata=ages))


def light_again(
    context: dg.AssetExecutionContext | dg.SensorEvaluationContext, settings: Settings, keys: Collection[str]
) -> None:
    """Judge these assets anew at the end of the op that materialized them.

    A materialization puts the light of an older check out in Dagster's UI; without this a late asset would look green
    from each run until the next ``checks`` phase.
    """
    with connect(running.database_dsn(settings)) as conn:
        judged = _by_asset(judgements(conn, settings, datetime.now(UTC), keys))
    promised = {dg.AssetKey(key.split("/")): key for key in keys if key in judged}
    for record in context.instance.get_asset_records(list(promised)):
        newest, key = record.asset_entry.last_materialization_record, promised[record.asset_entry.asset_key]
        result = check_result(key, judged[key])
        context.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=record.asset_entry.asset_key,
                check_name=DATA_AGE,
                target_materialization_data=_target(newest) if newest else None,
                passed=result.passed,
                severity=result.severity,
                description=result.description,
                metadata=result.metadata,
            )
        )


def _by_asset(judged: Iterable[Judgement]) -> Mapping[str, Sequence[Judgement]]:
    found: dict[str, list[Judgement]] = {}
    for item in judged:
        found.setdefault(item.asset, []).append(item)
    return found


def _target(newest: dg.EventLogRecord) -> AssetCheckEvaluationTargetMaterializationData:
    """Which materialization a light is of: by its id, since SQLite's instants are whole seconds."""
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
    )


def import_dbt_runs(
    context: dg.AssetCheckExecutionContext | dg.SensorEvaluationContext,
    conn: Connection[TupleRow],
    settings: Settings,
    manifest: Mapping[str, Any] | None,
) -> None:
    """Keep what somebody else's dbt left in the project's target folder; a file that is torn, or may not be read, is
    said and stops nothing."""
    try:
        import_external(conn, settings, manifest, timeout=LONGEST_IMPORT)
    except TelemetryError as error:
        context.log.warning(str(error))


def check_result(key: str, judged: Sequence[Judgement]) -> dg.AssetCheckResult:
    """What the check of one asset says of all its tenants: broken is an ERROR; due, or not knowing, is a warning."""
    worst_first = sorted(judged, key=_badness)
    bad = [item for item in worst_first if item.state is not State.PASS]
    broken = sum(item.state.broken for item in judged)
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(key.split("/")),
        check_name=DATA_AGE,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
        description=_said(bad) or f"{len(judged)} of {len(judged)} tenants are fresh",
        metadata={
            **_ages(worst_first),
            "telemetry/broken": broken,
            **{name: sum(item.state is state for item in judged) for state, name in COUNTED.items()},
            "telemetry/tenants": dg.TableMetadataValue(
                records=[_record(item) for item in (judged if len(judged) <= TOLD else worst_first[:TOLD])],
                schema=dg.TableSchema(columns=_COLUMNS),
            ),
        },
    )


def states_of(evaluations: Iterable[dg.AssetCheckEvaluation]) -> tuple[State, ...]:
    """The states that these checks counted, each once: of what is not fresh."""
    checked = [evaluation.metadata for evaluation in evaluations]
    return tuple(
        state
        for state, name in COUNTED.items()
        if any(name in metadata and metadata[name].value for metadata in checked)
    )


def _badness(item: Judgement) -> tuple[int, float]:
    """Sorts the worst first: never, late, unknown, due, fresh; of equals the oldest."""
    age = item.data_age.total_seconds() if item.data_age is not None else 0.0
    return (_WORST_FIRST.index(item.state), -age)


def _said(bad: Sequence[Judgement]) -> str:
    told = [f"{item.tenant}: {item.state.word}, {item.reason}" for item in bad[:PLOTTED]]
    return "; ".join([*told, f"and {len(bad) - PLOTTED} more"] if len(bad) > PLOTTED else told)


def _ages(worst_first: Sequence[Judgement]) -> dict[str, float]:
    """Numbers that Dagster plots over time: the oldest age, and one per tenant, of many tenants the worst."""
    known = [
        (item.tenant, round(item.data_age.total_seconds(), 1)) for item in worst_first if item.data_age is not None
    ]
    plotted = {f"{AGE_OF}{tenant}": age for tenant, age in sorted(known[:PLOTTED])}
    return {OLDEST_AGE: max(age for _, age in known), **plotted} if known else {}


_WORST_FIRST = (State.MISSING, State.FAIL, State.UNKNOWN, State.WARN, State.PASS)

_COLUMNS = [
    dg.TableColumn("tenant", "string"),
    dg.TableColumn("state", "string"),
    dg.TableColumn("data_age_seconds", "float"),
    dg.TableColumn("run_age_seconds", "float"),
    dg.TableColumn("binding_root", "string"),
]


def _record(item: Judgement) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "tenant": item.tenant,
            "state": item.state.value,
            "data_age_seconds": round(item.data_age.total_seconds(), 1) if item.data_age is not None else -1.0,
            "run_age_seconds": round(item.run_age.total_seconds(), 1) if item.run_age is not None else -1.0,
            "binding_root": item.binding_root or "",
        }
    )
