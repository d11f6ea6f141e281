"""A telemetry.yaml with two tenants, to which a test adds its own sections."""

from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry_assets.errors import ConfigError
from telemetry_assets.settings import VARIABLES, Settings, load

HEAD = """\
tenants:
  - {slug: north, id: 11111111-2222-3333-4444-555555555555, name: North, timezone: America/Jamaica}
  - {slug: south, id: 22222222-3333-4444-5555-666666666666, name: South}
"""
"""Three lines: what a test adds starts on line 4."""


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """The settings of HEAD and a text, in an empty environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def declared(text: str) -> Settings:
        path = tmp_path / "telemetry.yaml"
        path.write_text(HEAD + text)
        return load(path)

    return declared


@pytest.fixture
def refused(declare: Callable[[str], Settings], tmp_path: Path) -> Callable[[str], list[str]]:
    """The lines of the message that refuses a text, each as ``LINE: words``."""

    def message(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            declare(text)
        return [line.removeprefix(f"{tmp_path}/telemetry.yaml:") for line in str(caught.value).splitlines()]

    return message
