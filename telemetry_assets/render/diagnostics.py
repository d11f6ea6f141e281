"""``diagnostics.json``: versions, what was reachable, how long each step took. Never a secret."""

from typing import Any

from telemetry_assets.answers.ci_files import frame
from telemetry_assets.answers.limits import seconds
from telemetry_assets.answers.results import Verdict

VERSION = "version."
"""What a key of ``Verdict.diagnostics`` begins with where its value is a version."""


def diagnostics_json(verdict: Verdict) -> dict[str, Any]:
    """The document of schemas/api/diagnostics.schema.json."""
    found = dict(sorted(verdict.diagnostics.items()))
    return {
        **frame(verdict),
        "versions": {key.removeprefix(VERSION): value for key, value in found.items() if key.startswith(VERSION)},
        "found": {key: value for key, value in found.items() if not key.startswith(VERSION)},
        "steps": {step: seconds(took) for step, took in verdict.steps.items()},
    }
