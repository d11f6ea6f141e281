"""dagster-airbyte's own assets on our workspace: the stock bugs must not exist there either."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster_airbyte import DagsterAirbyteTranslator
from dagster_airbyte.translator import AirbyteMetadataSet

from telemetry_assets.defs.airbyte_workspace import TenantAirbyteWorkspace
from tests.sources.misbehaving_airbyte import CONNECTION, Airbyte


@pytest.fixture
def airbyte() -> Iterator[Airbyte]:
    server = Airbyte()
    yield server
    server.close()


def materialize(server: Airbyte) -> dg.ExecuteInProcessResult:
    """A user's multi-asset as dagster-airbyte documents it, run on our workspace."""
    workspace = TenantAirbyteWorkspace(
        rest_api_base_url=f"{server.url}/public/v1",
        configuration_api_base_url=f"{server.url}/v1",
        workspace_id="w",
        client_id="id",
        client_secret="secret",
        poll_interval=0.01,
    )
    metadata = {
        **AirbyteMetadataSet(connection_id=str(CONNECTION), connection_name="shop", stream_prefix=None),
        "dagster-airbyte/dagster_airbyte_translator": DagsterAirbyteTranslator(),
    }

    @dg.multi_asset(specs=[dg.AssetSpec("orders", metadata=metadata)])
    def shop(context: dg.AssetExecutionContext, airbyte: TenantAirbyteWorkspace):
        yield from airbyte.sync_and_poll(context=context)

    return dg.materialize([shop], resources={"airbyte": workspace}, raise_on_error=False)


def test_a_queued_sync_is_waited_for_and_materializes(airbyte: Airbyte) -> None:
    airbyte.statuses = ["queued", "running", "succeeded"]
    result = materialize(airbyte)
    assert result.success
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [dg.AssetKey("orders")]
    assert airbyte.calls("DELETE", "/jobs/") == 0


def test_a_second_of_bad_gateways_cancels_nothing(airbyte: Airbyte) -> None:
    airbyte.statuses = ["running", "succeeded"]
    airbyte.faults = [("GET", "/jobs/1", 502, {})] * 8
    assert materialize(airbyte).success
    assert airbyte.calls("DELETE", "/jobs/") == 0


def test_a_failed_sync_fails_the_step_with_airbytes_own_words(airbyte: Airbyte) -> None:
    airbyte.statuses, airbyte.reason = ["failed"], "The token has expired."
    result = materialize(airbyte)
    assert not result.success
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    assert "The token has expired." in failure.step_failure_data.error_display_string
