"""What ``telemetry check`` leaves behind: the files by name, and which results may stand in them.

What belongs here: names, the allow-list of tenants, and the frame that every file shares. What does not: drawing a file
(``render/artifacts.py``), writing it (``cli/artifacts.py``). The table: docs/checking.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from telemetry_assets.answers.results import Kind, Result, Verdict, ordered
from telemetry_assets.model import ANY_TENANT, ExitCode, State, worst_exit
from telemetry_assets.spoken import counted

SUMMARY_JSON = "backend-telemetry-summary.json"
SUMMARY_MD = "backend-telemetry-summary.md"
CI_SUMMARY = "ci-summary.json"
METRICS_CSV = "ci-metrics.csv"
JUNIT_XML = "junit.xml"
COVERAGE = "coverage.json"
DIAGNOSTICS = "diagnostics.json"
MANIFEST = "manifest.json"

PROMISED: Mapping[str, str] = {
    SUMMARY_JSON: "per tenant what was found, for alert rules",
    SUMMARY_MD: "per tenant what was found, for people",
    CI_SUMMARY: "counts, verdict and exit code",
    METRICS_CSV: "a row per result, for time series",
    JUNIT_XML: "a case per asset, tenant and check",
    COVERAGE: "what nobody looks at",
    DIAGNOSTICS: "versions, what was reachable, how long each step took",
}
"""Every file that a check leaves behind but the manifest → what it is for."""

CHECK_JOB = "telemetry check"
"""The job that a verdict is a run of, where it is handed to the incidents."""

PASSED, FAILED = "passed", "failed"


def verdict_word(verdict: Verdict) -> str:
    """``passed`` where the exit code is 0, else ``failed``."""
    return PASSED if verdict.exit_code is ExitCode.OK else FAILED


def shown(verdict: Verdict) -> tuple[Result, ...]:
    """The results that may stand in the files: of tenants on the allow-list and of ``*``, ordered.

    The others are one result of their own that names none of them and is as bad as the worst of them, so that no file
    is better than the verdict. Without an allow-list (another's code location, where a tenant is a partition) all are.
    """
    kept = [one for one in verdict.results if _may_stand(verdict, one)]
    away = _away(verdict)
    return ordered([*kept, *([_stranger(away)] if away else [])])


def left_out(verdict: Verdict) -> int:
    """How many results are of tenants outside the allow-list."""
    return len(_away(verdict))


def tenant_id(verdict: Verdict, tenant: str) -> str | None:
    """The id of a tenant by slug; None of ``*`` and of a partition that is no tenant."""
    return verdict.tenants.get(tenant)


def frame(verdict: Verdict) -> dict[str, Any]:
    """What every JSON file begins with: version, verdict, exit code, whose it is and of when."""
    return {
        "version": 1,
        "verdict": verdict_word(verdict),
        "exit_code": int(verdict.exit_code),
        "scope": verdict.scope,
        "correlation_id": verdict.correlation_id,
        "began": verdict.began.isoformat(),
        "ended": verdict.ended.isoformat(),
        "provenance": provenance_json(verdict),
    }


def provenance_json(verdict: Verdict) -> dict[str, str | None]:
    """Repository, branch, commit and run, None where unknown."""
    one = verdict.provenance
    return {"repository": one.repository, "branch": one.branch, "commit": one.commit, "run_id": one.run_id}


def counts_of(results: Sequence[Result]) -> dict[str, int]:
    """State → how many, zeros too."""
    found = Counter(one.state for one in results)
    return {str(state): found[state] for state in State}


def by_tenant(verdict: Verdict) -> dict[str, list[Result]]:
    """Tenant → what was found of it, a tenant of whom nothing was too; what is of no tenant (``*``) last."""
    found: dict[str, list[Result]] = {tenant: [] for tenant in sorted(verdict.tenants)}
    for one in shown(verdict):
        found.setdefault(one.tenant, []).append(one)
    everybody = found.pop(ANY_TENANT, [])
    return {**dict(sorted(found.items())), **({ANY_TENANT: everybody} if everybody else {})}


def _away(verdict: Verdict) -> tuple[Result, ...]:
    return tuple(one for one in verdict.results if not _may_stand(verdict, one))


def _may_stand(verdict: Verdict, result: Result) -> bool:
    return not verdict.tenants or result.tenant == ANY_TENANT or result.tenant in verdict.tenants


def _stranger(away: Sequence[Result]) -> Result:
    code = worst_exit([one.exit_code for one in away])
    worst = next(one for one in away if one.exit_code is code)
    states = ", ".join(f"{number} {state}" for state, number in counts_of(away).items() if number)
    return Result(
        Kind.ISOLATION,
        "",
        "outside_the_allow_list",
        worst.state,
        f"{counted(len(away), 'result')} of tenants outside the allow-list: {states}",
        remedy="" if code is ExitCode.OK else "Run telemetry check for those tenants to see what it is",
        late=worst.late,
    )
