"""A verdict without secrets, and with what the installation is: what may be shown and kept.

What belongs here: what is taken out of a verdict, and put into it, before anything is drawn. What does not: drawing.
"""

import platform
import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from telemetry_assets.answers.happened import Veil, veil_of, veil_over
from telemetry_assets.answers.results import Verdict
from telemetry_assets.settings import Settings, child_environment

PACKAGES = ("telemetry-assets", "dagster", "dagster-dbt", "dagster-airbyte", "dbt-core", "psycopg", "jsonschema-rs")
"""Whose versions explain most."""
LEAST_GUESSED = 8
"""Shorter values of variables that sound secret are taken for words: ``true``, ``none``."""

_SOUNDS_SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|CREDENTIAL|(API|ACCESS|PRIVATE|AUTH)_?KEY|WEBHOOK|(DATABASE|DEADMAN)_URL|(^|_)DSN$",
    re.IGNORECASE,
)


def veiled(verdict: Verdict, settings: Settings | None = None) -> Verdict:
    """The verdict with ``***`` for every secret of the settings, every variable of the environment that sounds like
    one, and every password in a URL or a DSN, in all that anybody said. Twice changes nothing."""
    veil = _veil(settings)
    results = tuple(replace(one, message=veil(one.message), remedy=veil(one.remedy)) for one in verdict.results)
    return replace(
        verdict,
        results=results,
        scope=veil(verdict.scope),
        diagnostics={key: veil(value) for key, value in verdict.diagnostics.items()},
    )


def with_versions(verdict: Verdict) -> Verdict:
    """The verdict with the versions of Python, the system and the packages that explain most."""
    here = {
        "version.python": platform.python_version(),
        "version.os": platform.platform(),
        **{f"version.{name}": _version(name) for name in PACKAGES},
    }
    return replace(verdict, diagnostics={**here, **verdict.diagnostics})


def _veil(settings: Settings | None) -> Veil:
    declared = veil_of(settings) if settings else str
    guessed = veil_over(
        {
            value
            for name, value in child_environment({}).items()
            if _SOUNDS_SECRET.search(name) and len(value) >= LEAST_GUESSED
        }
    )
    return lambda text: guessed(declared(text))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
