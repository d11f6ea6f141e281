"""``ci-summary.json``: counts, verdict and exit code, for dashboards and for ``telemetry check --notify``."""

from collections.abc import Callable
from typing import Any

from telemetry_assets.answers.ci_files import by_tenant, counts_of, frame, left_out, shown
from telemetry_assets.answers.results import Result, Verdict
from telemetry_assets.model import ExitCode

_ORDER = (ExitCode.COULD_NOT_LOOK, ExitCode.FAILING, ExitCode.MISSING, ExitCode.LATE)


def ci_summary_json(verdict: Verdict) -> dict[str, Any]:
    """The document of schemas/api/ci_summary.schema.json. All results are counted by state, asset, kind and check;
    by tenant those that may be named. ``failures`` are what the exit code comes from, the gravest first."""
    everything = verdict.results
    return {
        **frame(verdict),
        "results": len(everything),
        "counts": counts_of(everything),
        "by_kind": _by(everything, lambda one: str(one.kind)),
        "by_asset": _by(everything, lambda one: one.asset),
        "by_check": _by(everything, lambda one: one.check),
        "by_tenant": {tenant: counts_of(results) for tenant, results in by_tenant(verdict).items()},
        "left_out": left_out(verdict),
        "failures": [_failure(one) for code in _ORDER for one in shown(verdict) if one.exit_code is code],
    }


def _by(results: tuple[Result, ...], key: Callable[[Result], str]) -> dict[str, dict[str, int]]:
    groups: dict[str, list[Result]] = {}
    for one in results:
        groups.setdefault(key(one), []).append(one)
    return {name: counts_of(groups[name]) for name in sorted(groups) if name}


def _failure(one: Result) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "asset": one.asset,
        "tenant": one.tenant,
        "check": one.check,
        "state": str(one.state),
        "late": one.late,
        "message": one.message,
        "remedy": one.remedy,
    }
