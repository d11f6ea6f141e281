"""The example with its dbt manifest made, and nothing else running."""

from pathlib import Path

import pytest

from telemetry_assets.sources.dbt_command import parse_project
from tests.integration.example import Place, copy_example


@pytest.fixture(scope="session")
def parsed_example(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the example after ``dbt parse``. Tests leave it as it is."""
    folder: Path = tmp_path_factory.mktemp("parsed") / "example"
    copy_example(folder)
    place = Place(folder)
    dbt = place.settings().dbt
    assert dbt is not None
    parse_project(dbt, "postgresql://nobody@localhost:1/nothing")
    return place
