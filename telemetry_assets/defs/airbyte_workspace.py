"""dagster-airbyte's workspace with our manners: a queued job or a second of 502s never cancels a healthy sync.

Credentials and resource shape are dagster-airbyte's; every request and the polling go through ``sources/airbyte``.
Without an address it finds the server of AIRBYTE_URL, or the local stand-in, when it is first used.
"""

import warnings
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
from dagster._utils.cached_method import cached_method
from dagster_airbyte import AirbyteWorkspace
from dagster_airbyte.resources import AirbyteClient as DagsterAirbyteClient
from dagster_airbyte.types import AirbyteOutput
from dagster_shared.utils.warnings import BetaWarning

from telemetry_assets import settings as declared
from telemetry_assets.errors import TelemetryError
from telemetry_assets.sources.airbyte import AirbyteClient, Job, client_for
from telemetry_assets.sources.airbyte_http import Credentials, Server

# We pin dagster-airbyte and test what we override: its beta notice at every load would only hide real warnings.
warnings.filterwarnings("ignore", message=r".*Airbyte\w*.* is currently in beta", category=BetaWarning)


class PatientAirbyteClient(DagsterAirbyteClient):
    """dagster-airbyte's client whose requests are ours. For those who use ``@airbyte_assets`` with our workspace."""

    def patient(self) -> AirbyteClient:
        """Our client of the same server."""
        server = Server(
            self.rest_api_base_url.removesuffix("/public/v1"),
            self.workspace_id,
            Credentials(self.client_id, self.client_secret) if self.client_id and self.client_secret else None,
            basic_auth=(self.username, self.password) if self.username and self.password else None,
            internal_url=self.configuration_api_base_url,
            timeout_seconds=self.request_timeout,
        )
        return AirbyteClient(server, poll_seconds=self.poll_interval)

    def _single_request(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        include_additional_request_headers: bool = True,
    ) -> Mapping[str, Any]:
        return self.patient().http.request(
            method, url, body=data, params=params, authorized=include_additional_request_headers
        )

    def sync_and_poll(self, connection_id: str) -> AirbyteOutput:
        """Sync one connection to its end. Raises dagster's Failure with Airbyte's own reason."""
        details = self.get_connection_details(connection_id)
        try:
            job = self.patient().sync(UUID(connection_id))
        except TelemetryError as error:
            raise dg.Failure(str(error)) from error
        if not job.succeeded:
            raise dg.Failure(job.error or f"Airbyte job {job.job_id} ended as {job.status}", metadata=job_metadata(job))
        return AirbyteOutput(job_details=self.get_job_details(job.job_id), connection_details=details)


class TenantAirbyteWorkspace(AirbyteWorkspace):
    """An Airbyte workspace whose connections belong to tenants. All fields may stay unset."""

    rest_api_base_url: str = ""
    configuration_api_base_url: str = ""
    workspace_id: str = ""

    @cached_method
    def get_client(self) -> DagsterAirbyteClient:
        """dagster-airbyte's client, with our requests inside."""
        stock = super().get_client()
        return PatientAirbyteClient(**{name: getattr(stock, name) for name in type(stock).model_fields})

    def patient(self, settings: declared.Settings) -> AirbyteClient:
        """Our client: of the address in the resource's fields, else of the server the settings lead to."""
        if self.rest_api_base_url:
            client = self.get_client()
            assert isinstance(client, PatientAirbyteClient)
            return client.patient()
        return client_for(settings)


def job_metadata(job: Job) -> dict[str, Any]:
    """What a materialization says of its job: id, start, end, rows, bytes."""
    known = {
        "airbyte/job_id": job.job_id,
        "airbyte/started_at": dg.MetadataValue.timestamp(job.started_at),
        "airbyte/ended_at": dg.MetadataValue.timestamp(job.ended_at) if job.ended_at else None,
        "airbyte/rows_synced": job.rows_synced,
        "airbyte/bytes_synced": job.bytes_synced,
    }
    return {name: value for name, value in known.items() if value is not None}
