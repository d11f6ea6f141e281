"""Airbyte's REST API as we need it: start a sync, watch it to its end, list jobs. Knows no Dagster.

What belongs here: what a sync's life is and what Airbyte's answers mean. What does not: requests and their retries
(``airbyte_http.py``), who asked for the sync (``defs/``), what its result makes true of a tenant (``ledger/``).

The one POST that starts a job is not repeated blindly: its answer may be lost after the job was created, so we look
for the job before giving up.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from telemetry_assets import running
from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.settings import ConnectionSettings, Settings
from telemetry_assets.sources.airbyte_http import AirbyteHttp, Credentials, Server

LOCAL_OUTAGE_SECONDS = 30.0
"""A loopback server that has been silent for so long is dead, or its database is: nobody brings it back but we."""
ACTIVE = frozenset({"pending", "queued", "running", "incomplete"})
"""Not terminal. ``incomplete`` is a failed attempt that Airbyte will repeat; ``queued`` appeared in 2026."""


class JobType(StrEnum):
    """The job types that load data; ``reset`` and ``clear`` do not."""

    SYNC = "sync"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the public API tells it. ``ended_at`` only once it is terminal; rows and bytes only when known."""

    job_id: int
    connection_id: UUID
    status: str
    job_type: str
    started_at: datetime
    ended_at: datetime | None = None
    rows_synced: int | None = None
    bytes_synced: int | None = None
    error: str | None = None

    @property
    def active(self) -> bool:
        """True while Airbyte still works on it."""
        return self.status in ACTIVE

    @property
    def succeeded(self) -> bool:
        """True where Airbyte says so; that rows came is another question."""
        return self.status == "succeeded"

    def as_sync(self, connection: ConnectionSettings, now: datetime) -> Sync:
        """The job as a row of our own copy."""
        return Sync(
            connection_id=self.connection_id,
            job_id=self.job_id,
            source=connection.source,
            tenant=connection.tenant,
            status=self.status,
            started_at=self.started_at,
            updated_at=self.ended_at or now,
            ended_at=self.ended_at,
            rows_synced=self.rows_synced,
            bytes_synced=self.bytes_synced,
            error=self.error,
        )


class AirbyteClient:
    """A client of one workspace. Not shared between threads: give each its own (:meth:`clone`)."""

    def __init__(self, server: Server, *, poll_seconds: float = 2.0, outage_seconds: float = 900.0) -> None:
        """``outage_seconds`` is how long polling may fail before we lose sight of a job."""
        self.http = AirbyteHttp(server)
        self.server = server
        self._poll_seconds = poll_seconds
        self._outage_seconds = outage_seconds

    def clone(self) -> "AirbyteClient":
        """The same client with a session of its own."""
        return AirbyteClient(self.server, poll_seconds=self._poll_seconds, outage_seconds=self._outage_seconds)

    def sync(self, connection_id: UUID, *, cancelled: Callable[[], bool] = lambda: False) -> Job:
        """Start a sync (or attach to the one that runs) and return it at its end, whatever the end is.

        A job we attached to, or lost sight of, is never cancelled by us; one we started is, when ``cancelled`` turns
        true. Raises CouldNotLookError when Airbyte stays silent longer than the outage we tolerate, FailingError when
        no job could be started.
        """
        job, ours = self._start_or_attach(connection_id)
        seen_at = time.monotonic()
        while job.active:
            if cancelled():
                if ours:
                    self.cancel(job.job_id)
                raise FailingError(f"Waiting for Airbyte job {job.job_id} was interrupted.")
            self.server.sleep(self._poll_seconds)
            try:
                job = self.job(job.job_id)
                seen_at = time.monotonic()
            except CouldNotLookError as error:
                if time.monotonic() - seen_at > self._outage_seconds:
                    silence = f"Airbyte has not answered for {self._outage_seconds:.0f} s"
                    raise CouldNotLookError(f"{silence}; job {job.job_id} was left running.", error.message) from error
        return job if job.succeeded else self.with_reason(job)

    def job(self, job_id: int) -> Job:
        """One job by id."""
        return _job(self.http.request("GET", f"{self.server.rest_url}/jobs/{job_id}", attempts=1))

    def cancel(self, job_id: int) -> None:
        """Ask Airbyte to cancel; a job that has already ended is left as it is."""
        try:
            self.http.request("DELETE", f"{self.server.rest_url}/jobs/{job_id}")
        except FailingError:
            return

    def newest_jobs(self, connection_id: UUID, limit: int = 20) -> tuple[Job, ...]:
        """The newest jobs of a connection that load data, newest first (the API's own default is oldest first)."""
        page = self.http.request(
            "GET",
            f"{self.server.rest_url}/jobs",
            params={"connectionId": str(connection_id), "orderBy": "createdAt|DESC", "limit": limit},
        )
        return tuple(job for job in map(_job, page.get("data", [])) if job.job_type in JobType)

    def workspace(self) -> Mapping[str, Any]:
        """The workspace, as a proof that address, credentials and workspace id are right."""
        return self.http.request("GET", f"{self.server.rest_url}/workspaces/{self.server.workspace_id}")

    def _start_or_attach(self, connection_id: UUID) -> tuple[Job, bool]:
        known = self.newest_jobs(connection_id)
        running_job = next((job for job in known if job.active), None)
        if running_job:
            return running_job, False
        body = {"connectionId": str(connection_id), "jobType": JobType.SYNC.value}
        try:
            return _job(self.http.request("POST", f"{self.server.rest_url}/jobs", body=body, attempts=1)), True
        except (CouldNotLookError, FailingError):
            # The answer may be lost and the job created, or somebody else was faster: a job we did not know is it.
            newest = max((job.job_id for job in known), default=0)
            new = next((job for job in self.newest_jobs(connection_id) if job.job_id > newest), None)
            if new is None:
                raise
            return new, False

    def with_reason(self, job: Job) -> Job:
        """The job with its failure's own words, which only the internal API tells; else the status has to do."""
        try:
            details = self.http.request(
                "POST", f"{self.server.config_url}/jobs/get_without_logs", body={"id": job.job_id}, attempts=1
            )
        except (CouldNotLookError, FailingError):
            details = {}
        words = [
            failure.get("externalMessage") or failure.get("internalMessage") or ""
            for attempt in details.get("attempts", [])
            for failure in (attempt.get("attempt", attempt).get("failureSummary") or {}).get("failures", [])
        ]
        error = next((text for text in reversed(words) if text), f"Airbyte job {job.job_id} ended as {job.status}")
        return replace(job, error=error)


def client_for(settings: Settings, *, poll_seconds: float | None = None, attempts: int = 5) -> AirbyteClient:
    """The client of the server in AIRBYTE_URL, else of the local stand-in that runs for this home.

    Raises CouldNotLookError where neither is there, ConfigError for a missing secret.
    """
    url = running.airbyte_url(settings)
    airbyte = settings.airbyte
    if airbyte.url:
        if not airbyte.workspace_id:
            raise CouldNotLookError("AIRBYTE_URL is set but AIRBYTE_WORKSPACE_ID is not.", "Export the workspace's id.")
        credentials = (
            Credentials(airbyte.client_id.reveal(), airbyte.client_secret.reveal())
            if airbyte.client_id and airbyte.client_secret
            else None
        )
        server = Server(url, airbyte.workspace_id, credentials, attempts=attempts)
        return AirbyteClient(server, poll_seconds=poll_seconds or 5.0)
    entry = running.read(settings.home)["airbyte"]
    credentials = Credentials(str(entry["client_id"]), str(entry["client_secret"]))
    server = Server(url, str(entry["workspace_id"]), credentials, attempts=attempts)
    return AirbyteClient(server, poll_seconds=poll_seconds or 0.5, outage_seconds=LOCAL_OUTAGE_SECONDS)


def _job(answer: Mapping[str, Any]) -> Job:
    try:
        return _job_of(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FailingError(
            f"Airbyte tells of a job in a form we do not know ({type(error).__name__}: {error}).",
            "Is AIRBYTE_URL the public API of an Airbyte server? Try: telemetry doctor",
        ) from None


def _job_of(answer: Mapping[str, Any]) -> Job:
    active = answer["status"] in ACTIVE
    updated = answer.get("lastUpdatedAt")
    return Job(
        job_id=int(answer["jobId"]),
        connection_id=UUID(str(answer["connectionId"])),
        status=str(answer["status"]),
        job_type=str(answer["jobType"]),
        started_at=datetime.fromisoformat(answer["startTime"]),
        ended_at=datetime.fromisoformat(updated) if updated and not active else None,
        rows_synced=answer.get("rowsSynced"),
        bytes_synced=answer.get("bytesSynced"),
    )
