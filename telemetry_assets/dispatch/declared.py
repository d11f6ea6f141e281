"""telemetry.yaml as it is by now, for who goes on for days: two who evaluate by different ones would each resolve what
the other has opened, and tell it every time.

What belongs here: reading it anew when it has changed. What does not: what it may hold (``declaration/``).
"""

from collections.abc import Callable

from telemetry_assets import settings as declared
from telemetry_assets.errors import TelemetryError
from telemetry_assets.settings import Settings


class Declared:
    """Settings that follow their file; one that cannot be used is said, and what was declared before holds on."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._seen = _mark(settings)

    def now(self) -> Settings:
        """The settings of the newest file that could be used; the same object where nothing has changed."""
        mark = _mark(self._settings)
        if mark != self._seen:
            self._seen = mark
            try:
                self._settings = declared.load(self._settings.path)
                self._say(f"{self._settings.path.name} has changed and was read anew.")
            except (TelemetryError, OSError) as error:
                self._say(
                    f"{self._settings.path.name} has changed and cannot be used, so what it said before holds: {error}"
                )
        return self._settings


def _mark(settings: Settings) -> tuple[int, int, int] | None:
    """Differs where the file does; None where there is none."""
    try:
        found = settings.path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
