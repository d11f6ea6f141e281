"""``python -m telemetry_assets``: the same as the command ``telemetry``."""

from telemetry_assets.cli.main import main

main()
