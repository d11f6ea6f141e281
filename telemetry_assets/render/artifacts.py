"""A verdict as the files that a check leaves behind. Pure: the same verdict, the same bytes.

What belongs here: which file is drawn by what. What does not: writing them (``cli/artifacts.py``).
"""

import json
from collections.abc import Mapping
from typing import Any

from telemetry_assets.answers import ci_files
from telemetry_assets.answers.results import Verdict
from telemetry_assets.render.ci_summary import ci_summary_json
from telemetry_assets.render.coverage import coverage_json
from telemetry_assets.render.diagnostics import diagnostics_json
from telemetry_assets.render.junit import junit
from telemetry_assets.render.manifest import manifest_json
from telemetry_assets.render.metrics_csv import metrics_csv
from telemetry_assets.render.summary import summary_json, summary_md


def artifacts_of(verdict: Verdict) -> Mapping[str, bytes]:
    """File name → its bytes: every file of docs/checking.md but the manifest, in the order of the table."""
    files = {
        ci_files.SUMMARY_JSON: as_json(summary_json(verdict)),
        ci_files.SUMMARY_MD: summary_md(verdict).encode("utf-8", "replace"),
        ci_files.CI_SUMMARY: as_json(ci_summary_json(verdict)),
        ci_files.METRICS_CSV: metrics_csv(verdict),
        ci_files.JUNIT_XML: junit(verdict),
        ci_files.COVERAGE: as_json(coverage_json(verdict)),
        ci_files.DIAGNOSTICS: as_json(diagnostics_json(verdict)),
    }
    return {name: files[name] for name in ci_files.PROMISED}


def manifest_of(verdict: Verdict, files: Mapping[str, bytes]) -> bytes:
    """The bytes of ``manifest.json`` over ``files``."""
    return as_json(manifest_json(verdict, files))


def as_json(document: Mapping[str, Any]) -> bytes:
    """A document as its file: indented, one newline at the end, what is no character replaced."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
