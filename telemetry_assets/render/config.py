"""The effective configuration for people: YAML in the order of the file. The dict itself is what ``--json`` prints."""

from collections.abc import Mapping
from typing import Any

import yaml


def as_text(effective: Mapping[str, Any]) -> str:
    """An answer of ``answers.config.effective`` as YAML text."""
    return yaml.safe_dump(dict(effective), sort_keys=False, allow_unicode=True, width=120)
