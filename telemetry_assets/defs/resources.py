"""The resources of the code location, made without touching a network, a secret or a process."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version as installed_version
from typing import Any

from dagster_dbt import DbtCliResource
from packaging import version

from telemetry_assets.settings import DbtSettings
from telemetry_assets.sources.dbt_command import dbt_executable


class InstalledDbtResource(DbtCliResource):
    """dagster-dbt's resource for the dbt of this environment.

    The stock one asks ``dbt --version`` (seconds, and a network call) and builds an adapter in the Dagster process,
    which only row counts need; we know the version from the installed package and count no rows there.
    """

    @cached_property
    def _cli_version(self) -> version.Version:
        return version.parse(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        del args


def dbt_resource(dbt: DbtSettings) -> InstalledDbtResource:
    """The dbt resource of one project."""
    return InstalledDbtResource(
        project_dir=str(dbt.project_dir),
        profiles_dir=str(dbt.profiles_dir) if dbt.profiles_dir else None,
        target=dbt.target,
        dbt_executable=str(dbt_executable()),
    )
