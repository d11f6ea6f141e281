"""A GitHub workflow for a repository: the two files of ``github_files/`` with what the repository has.

What belongs here: filling them in. What does not: finding out what the repository has (``answers/ci_setup.py``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from telemetry_assets.answers.ci_setup import ACTION, WORKFLOW, CiSetup

_FILES = Path(__file__).parent / "github_files"


def workflow_files(setup: CiSetup) -> Mapping[str, str]:
    """Path relative to the repository → text: the workflow, and the set-up that all of its jobs share."""
    filled = {
        "paths": [f"- {_quoted(path)}" for path in setup.paths],
        "branch": [setup.branch],
        "config": [_quoted(setup.config)],
        "secrets": [f"{name}: ${{{{ secrets.{name} }}}}" for name in setup.secrets],
        "locks": [", ".join(f"'{name}'" for name in setup.locks)],
        "install": [_quoted(setup.install)],
    }
    return {
        WORKFLOW: _filled((_FILES / "backend-telemetry.yml").read_text(encoding="utf-8"), filled),
        f"{ACTION}/action.yml": _filled((_FILES / "setup-action.yml").read_text(encoding="utf-8"), filled),
    }


def _filled(template: str, values: Mapping[str, Sequence[str]]) -> str:
    """Every ``@name@`` replaced; one that stands alone in its line becomes as many lines, indented as it is."""
    lines: list[str] = []
    for line in template.splitlines():
        name = line.strip().strip("@")
        if line.strip() == f"@{name}@" and name in values:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}{value}" for value in values[name]]
        else:
            for key, value in values.items():
                line = line.replace(f"@{key}@", value[0] if value else "")
            lines.append(line)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text that YAML reads as it is."""
    return json.dumps(text, ensure_ascii=False)
