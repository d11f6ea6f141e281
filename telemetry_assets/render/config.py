"""The effective configuration for people: a telemetry.yaml, the rest in comments above it. ``--json`` is the dict."""

from collections.abc import Mapping
from typing import Any

import yaml

from telemetry_assets.answers.config import DECLARED


def as_text(effective: Mapping[str, Any]) -> str:
    """An answer of ``answers.config.effective`` as YAML text that reads back as what was declared."""
    around = _yaml({part: value for part, value in effective.items() if part not in DECLARED})
    declared = _yaml({part: effective[part] for part in DECLARED})
    return "".join(f"# {line}\n" for line in around.splitlines()) + declared


def _yaml(part: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(part), sort_keys=False, allow_unicode=True, width=120)
