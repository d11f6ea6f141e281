"""``manifest.json``: every file of a check with its size and sha256, so that a missing one is noticed."""

import hashlib
from collections.abc import Mapping
from typing import Any

from telemetry_assets.answers.ci_files import PROMISED, frame
from telemetry_assets.answers.results import Verdict


def manifest_json(verdict: Verdict, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The document of schemas/api/manifest.schema.json: the files as they should be, in the order of the table."""
    return {
        **frame(verdict),
        "files": [
            {
                "name": name,
                "for": PROMISED.get(name, ""),
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in files.items()
        ],
    }
