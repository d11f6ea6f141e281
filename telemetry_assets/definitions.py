"""The code location: one ``Definitions``, from the telemetry.yaml that settings find."""

from telemetry_assets.defs.location import build_definitions
from telemetry_assets.settings import load

defs = build_definitions(load())
