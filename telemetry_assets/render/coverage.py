"""``coverage.json``: what nobody looks at."""

from typing import Any

from telemetry_assets.answers.ci_files import frame
from telemetry_assets.answers.results import Verdict


def coverage_json(verdict: Verdict) -> dict[str, Any]:
    """The document of schemas/api/coverage.schema.json. Where it was not looked at, everything is null: not nothing."""
    found = verdict.coverage
    names = ("without_promise", "without_contract", "without_check", "contracts_without_fixture")
    return {
        **frame(verdict),
        "assets": found.assets if found else None,
        "contracts": found.contracts if found else None,
        **{name: sorted(getattr(found, name)) if found else None for name in names},
    }
