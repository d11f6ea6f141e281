"""What is wrong with checks and runs, in any code location of the Dagster instance.

What belongs here: failed evaluations and runs as the ledger holds them → troubles. What does not: reading Dagster's log
(``defs/``), what breaks a promise (``troubles.py``), payloads, syncs and dbt (``troubles_beside.py``).
"""

from collections.abc import Collection, Iterator

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.ci_files import CHECK_JOB
from telemetry_assets.answers.happened import Veil, veil_of
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.answers.troubles_beside import FAILS_FOR, Around
from telemetry_assets.freshness.case import quoted, time_since
from telemetry_assets.incidents.trouble import NOBODY, Severity, Trouble
from telemetry_assets.ledger import check_results, job_runs
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.ledger.job_runs import JobRun
from telemetry_assets.model import ANY_TENANT, AssetKind, CauseKind

OURS = ""
"""The code location of what is our own."""
_PHASE_OF = {AssetKind.STREAM: Phase.SYNC, AssetKind.SNAPSHOT: Phase.SNAPSHOTS}


def read_failed_checks(conn: Connection[TupleRow], around: Around) -> tuple[Trouble, ...]:
    """One of each check, and partition of it, whose newest evaluation failed."""
    veil = veil_of(around.settings)
    return tuple(_of_check(one, around, veil) for one in check_results.failed(conn))


def read_failed_runs(conn: Connection[TupleRow], around: Around, explained: Collection[Phase]) -> Iterator[Trouble]:
    """One of each job and owner whose newest ended run failed. Of our own phases, after half an hour, those that are
    not among the ``explained``: what fails in them is told already, or will be."""
    veil = veil_of(around.settings)
    for run in job_runs.failed(conn):
        phases = _phases(run, around)
        stands = around.now - (run.failing_since or run.ended_at) >= FAILS_FOR
        if not phases or (stands and not phases & set(explained)):
            owners = sorted({around.owner(asset) for asset in run.assets} - {NOBODY})
            for owner in owners or [NOBODY]:
                yield _of_run(run, owner, Severity.WARN if phases else Severity.ERROR, around, veil)


def _of_check(result: CheckResult, around: Around, veil: Veil) -> Trouble:
    said = quoted(veil(result.said))
    where = f" of code location {result.location}" if result.location else ""
    of = f" for {result.tenant}" if result.tenant != ANY_TENANT else ""
    ago = time_since(result.evaluated_at, around.now)
    says = f"the check {result.check_name} of {result.asset}{where} failed{of} {ago} ago"
    return Trouble(
        kind=CauseKind.CHECK_FAILED,
        where=result.asset,
        severity=Severity.WARN if result.severity == Severity.WARN else Severity.ERROR,
        asset=result.asset,
        tenant=result.tenant,
        says=f"{says}: {said}" if said else says,
        remedy=f"Mend the data of {result.asset} or the check; the next evaluation that passes ends this",
        root=result.asset,
        quote=said,
        since=result.evaluated_at,
        owner=around.owner(result.asset),
    )


def _phases(run: JobRun, around: Around) -> set[Phase]:
    """The phases of ours that a run belongs to; empty for everybody else's."""
    if run.location != OURS:
        return set()
    if run.job in set(Phase):
        return {Phase(run.job)}
    if run.job.startswith(f"{Phase.SYNC}_every_"):
        return {Phase.SYNC}
    known = [around.graph[asset].kind for asset in run.assets if asset in around.graph]
    return {_PHASE_OF.get(kind, Phase.BUILD) for kind in known}


def _of_run(run: JobRun, owner: str, severity: Severity, around: Around, veil: Veil) -> Trouble:
    job = run.job if run.location == OURS else f"{run.job} of {run.location}"
    said = quoted(veil(run.said))
    says = f"the newest run of {job} failed {time_since(run.ended_at, around.now)} ago"
    return Trouble(
        kind=CauseKind.RUN_FAILED,
        where=job,
        severity=severity,
        asset="",
        tenant=ANY_TENANT,
        says=f"{says}: {said}" if said else says,
        remedy=_remedy(run),
        quote=said,
        since=run.failing_since or run.ended_at,
        owner=owner,
    )


def _remedy(run: JobRun) -> str:
    if run.job == CHECK_JOB:
        which = f"run {run.run_id} of the CI" if run.run_id else "the CI's newest run"
        return f"Look at the artifacts of {which}, mend what they say, and run it again"
    return f"Look at run {run.run_id} in Dagster, mend what it says, and start it again"
