"""The demo's ads API as a process: where it keeps its token, its breakages and its address.

What belongs here: the files in one folder of the home, and the command line. What does not: starting it (``cli.py``).
"""

import secrets
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from telemetry_assets.demo.breakages import ensure_default

PORT = 8710
URL_VARIABLE = "DEMO_ADS_URL"
TOKEN_VARIABLE = "DEMO_ADS_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True, slots=True)
class AdsUpstream:
    """The folder of one home's ads API."""

    folder: Path

    @property
    def faults_file(self) -> Path:
        """What ``telemetry demo break`` writes and the API reads at each request."""
        return self.folder / "faults.json"

    @property
    def token_file(self) -> Path:
        """The bearer token, made once per home, readable by its owner alone."""
        return self.folder / "token"

    @property
    def url(self) -> str | None:
        """Where it was last started; None before the first start."""
        try:
            return (self.folder / "url").read_text().strip()
        except FileNotFoundError:
            return None

    def prepare(self, now: datetime) -> None:
        """Make folder, token and the dead feed that the example starts with; what is there stays as it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.token_file.exists():
            self.token_file.touch(mode=0o600)
            self.token_file.write_text(secrets.token_hex(16))
        ensure_default(self.faults_file, now)

    def command(self, port: int) -> list[str]:
        """The process that serves on ``port``; remembers the address."""
        (self.folder / "url").write_text(f"http://127.0.0.1:{port}")
        return [
            sys.executable,
            "-m",
            "telemetry_assets.demo.ads_api",
            "--faults-file",
            str(self.faults_file),
            "--token-file",
            str(self.token_file),
            "--port",
            str(port),
        ]

    def environment(self) -> dict[str, str]:
        """What the example's connections ask for by ``{env: …}``."""
        return {URL_VARIABLE: self.url or "", TOKEN_VARIABLE: self.token_file.read_text().strip()}
