"""Whose verdict it is: repository, branch, commit and run, from what GitHub says, else from git.

What belongs here: which of both answers. What does not: asking git (``sources/git.py``).
"""

from pathlib import Path

from telemetry_assets.answers.results import Provenance
from telemetry_assets.errors import TelemetryError
from telemetry_assets.settings import environment
from telemetry_assets.sources.git import Standing, standing


def provenance(root: Path) -> Provenance:
    """What ``root`` lies in, None for what nobody knows; never a credential. A pull request's branch is its head's."""
    repository, commit = environment("GITHUB_REPOSITORY"), environment("GITHUB_SHA")
    branch = environment("GITHUB_HEAD_REF") or environment("GITHUB_REF_NAME")
    known = _standing(root) if None in (repository, commit, branch) else _UNKNOWN
    return Provenance(
        repository=repository or known.repository,
        branch=branch or known.branch,
        commit=commit or known.commit,
        run_id=environment("GITHUB_RUN_ID"),
    )


_UNKNOWN = Standing(None, None, None, dirty=False)


def _standing(root: Path) -> Standing:
    """What git knows; nothing where there is no git or no repository, which is no fault of a check."""
    try:
        return standing(root)
    except TelemetryError:
        return _UNKNOWN
