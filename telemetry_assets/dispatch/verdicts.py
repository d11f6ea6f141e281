"""A verdict of the CI, handed to whom the incidents are told: once, and never what is told already.

What belongs here: what of a verdict is news, and its run in the ledger. What does not: reading a summary
(``answers/ci_summary.py``), who is told (``incidents/``), sending (``drain.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from telemetry_assets.answers.ci_files import CHECK_JOB
from telemetry_assets.answers.ci_summary import Said, failed_jobs, read_summary
from telemetry_assets.answers.results import Provenance, Result
from telemetry_assets.dispatch.changing import Ledger
from telemetry_assets.dispatch.evaluate import Evaluation, evaluate
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.incidents.incident import Incident, Phase
from telemetry_assets.incidents.silence import muted
from telemetry_assets.incidents.trouble import Severity, Trouble
from telemetry_assets.ledger import check_results, incidents, job_runs, silences
from telemetry_assets.ledger.check_results import CheckResult
from telemetry_assets.ledger.job_runs import JobRun
from telemetry_assets.model import ANY_TENANT, BESIDE_PROMISES, CauseKind, ExitCode
from telemetry_assets.settings import Settings
from telemetry_assets.spoken import counted, named

OF_PROMISES = frozenset({"data_age", "sync_status", "contract"})
"""Checks of ours: what they find is told as what breaks the promise, not as a failed check."""


@dataclass(frozen=True, slots=True)
class Notified:
    """What became of a summary: ``news`` is what nobody had told, ``told_already`` the rest of its failures.

    ``problem`` says why there is no verdict; empty where there is one.
    """

    job: str
    said: Said | None
    news: tuple[Result, ...]
    told_already: tuple[Result, ...]
    problem: str
    evaluation: Evaluation

    @property
    def exit_code(self) -> ExitCode:
        """0 where a verdict was handed over, whatever it says; 4 where there was none."""
        return ExitCode.COULD_NOT_LOOK if self.said is None else ExitCode.OK


def notify(
    conn: Ledger, settings: Settings, data: bytes | None, whose: Provenance, now: datetime, jobs: str | None = None
) -> Notified:
    """Record the summary (None: there is none) as the newest run of ``telemetry check`` of its repository and branch,
    and evaluate, so that what is news is in the outbox. ``whose`` stands in for a provenance that is not in it,
    ``jobs`` is how the CI's other jobs ended, as GitHub says it (``toJSON(needs)``): what failed there is told with it.

    The evaluation comes first too: what failed here may be what the promises show as well, and then it is told as
    theirs. The same summary again changes nothing. Raises CouldNotLookError, as ``evaluate`` does.
    """
    evaluate(conn, settings, now)
    try:
        said, problem = read_summary(data), ""
    except CouldNotLookError as error:
        said, problem = None, error.message
    beside = failed_jobs(jobs, said)
    news, known = _news(conn, said, now) if said else ((), ())
    news = (*news, *beside)
    run = _run(said, news, whose, settings, now) if said else _no_verdict(problem, news, whose, settings, now)
    job_runs.record(conn, [run])
    return Notified(f"{run.job} of {run.location}", said, news, known, problem, evaluate(conn, settings, now))


def _run(said: Said, news: Collection[Result], whose: Provenance, settings: Settings, now: datetime) -> JobRun:
    """The run as the incidents see it: it failed where there is news."""
    of = said.provenance
    return JobRun(
        location=_location(of if of.repository else whose, settings),
        job=CHECK_JOB,
        run_id=of.run_id or said.correlation_id,
        succeeded=not news,
        ended_at=min(said.ended, now),
        said=f"{counted(len(news), 'failure')}: {_lines(news)}" if news else "",
        assets=tuple(sorted({one.asset for one in news if one.asset})),
    )


def _no_verdict(
    problem: str, beside: Collection[Result], whose: Provenance, settings: Settings, now: datetime
) -> JobRun:
    return JobRun(
        location=_location(whose, settings),
        job=CHECK_JOB,
        run_id=whose.run_id or "",
        succeeded=False,
        ended_at=now,
        said=f"no verdict: {problem} {_lines(beside)}".strip(),
    )


def _lines(found: Collection[Result]) -> str:
    return named([f"{_name(one)}: {one.message}" for one in found])


def _location(whose: Provenance, settings: Settings) -> str:
    """``owner/name@branch``; the folder's name where nobody knows the repository."""
    return f"{whose.repository or settings.root.name}@{whose.branch or 'unknown'}"


def _name(one: Result) -> str:
    whose = "" if one.tenant == ANY_TENANT else f" [{one.tenant}]"
    return f"{one.asset or one.kind} {one.check}{whose}"


def _news(conn: Ledger, said: Said, now: datetime) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """The failures that nobody was told of yet and that lie under no silence, and the others."""
    open_ones = [one for one in incidents.unresolved(conn, now) if one.phase is not Phase.RESOLVED and one.channels]
    failed = check_results.failed(conn)
    troubles = [_trouble(one) for one in said.failures]
    quiet = [one.muted for one in muted(troubles, silences.in_force(conn, now), now)]
    known = [silent or _told(one, open_ones, failed) for one, silent in zip(said.failures, quiet, strict=True)]
    news = tuple(one for one, told in zip(said.failures, known, strict=True) if not told)
    return news, tuple(one for one, told in zip(said.failures, known, strict=True) if told)


def _trouble(one: Result) -> Trouble:
    return Trouble(CauseKind.CHECK_FAILED, one.asset, Severity.ERROR, one.asset, one.tenant, one.message)


def _told(one: Result, incidents_told: Collection[Incident], failed: Collection[CheckResult]) -> bool:
    """True where an open incident that somebody was told of is about the same asset, check or promise, and tenant."""
    if not one.asset:
        return False
    subjects = {(one.asset, one.tenant), (one.asset, ANY_TENANT)}
    hit = [incident for incident in incidents_told if any(subject in subjects for subject in incident.reach)]
    if one.check in OF_PROMISES:
        return any(incident.kind not in BESIDE_PROMISES for incident in hit)
    recorded = any(each.check_name == one.check and (each.asset, each.tenant) in subjects for each in failed)
    return any(
        incident.kind is CauseKind.CHECK_FAILED
        and (recorded or any(f" {one.check} " in f" {words} " for words in (incident.says, *incident.evidence)))
        for incident in hit
    )
