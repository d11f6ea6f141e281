"""Airbyte's REST API as we need it: start a sync, watch it to its end, list jobs. Knows no Dagster.

What belongs here: requests, their retries, and what Airbyte's answers mean. What does not: who asked for the sync
(``defs/``) and what its result makes true of a tenant (``ledger/``, ``freshness/``).

Retries: reads and cancels are repeated with back-off and honour ``Retry-After``; the one POST that starts a job is not
repeated blindly: its answer may be lost after the job was created, so we look for the job before giving up.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import requests

from telemetry_assets import running
from telemetry_assets.errors import CouldNotLookError, FailingError
from telemetry_assets.ledger.syncs import Sync
from telemetry_assets.settings import ConnectionSettings, Settings

LOCAL_OUTAGE_SECONDS = 30.0
"""A loopback server that has been silent for so long is dead, or its database is: nobody brings it back but we."""
ACTIVE = frozenset({"pending", "queued", "running", "incomplete"})
"""Not terminal. ``incomplete`` is a failed attempt that Airbyte will repeat; ``queued`` appeared in 2026."""

_TOKEN_LIFE_SECONDS = 150.0
_PERMANENT = frozenset(range(400, 500)) - {401, 408, 425, 429}
_MAX_WAIT_SECONDS = 30.0


class JobType(StrEnum):
    """The job types that load data; ``reset`` and ``clear`` do not."""

    SYNC = "sync"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client id and secret for Airbyte's token endpoint; None where the server asks for none."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, ******)"


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

    def __init__(
        self,
        url: str,
        workspace_id: str,
        credentials: Credentials | None = None,
        *,
        basic_auth: tuple[str, str] | None = None,
        config_url: str | None = None,
        poll_seconds: float = 2.0,
        outage_seconds: float = 900.0,
        timeout_seconds: float = 15.0,
        attempts: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``url`` ends before ``/public/v1``; ``outage_seconds`` is how long polling may fail before we lose sight."""
        self.rest_url = f"{url.rstrip('/')}/public/v1"
        self.config_url = config_url or f"{url.rstrip('/')}/v1"
        self.workspace_id = workspace_id
        self._url = url
        self._credentials = credentials
        self._poll_seconds = poll_seconds
        self._outage_seconds = outage_seconds
        self._timeout_seconds = timeout_seconds
        self._attempts = attempts
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = self._basic_auth = basic_auth
        self._token: str | None = None
        self._token_at = 0.0

    def clone(self) -> "AirbyteClient":
        """The same client with a session of its own."""
        return AirbyteClient(
            self._url,
            self.workspace_id,
            self._credentials,
            basic_auth=self._basic_auth,
            config_url=self.config_url,
            poll_seconds=self._poll_seconds,
            outage_seconds=self._outage_seconds,
            timeout_seconds=self._timeout_seconds,
            attempts=self._attempts,
            sleep=self._sleep,
        )

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
            self._sleep(self._poll_seconds)
            try:
                job = self.job(job.job_id)
                seen_at = time.monotonic()
            except CouldNotLookError as error:
                if time.monotonic() - seen_at > self._outage_seconds:
                    silence = f"Airbyte has not answered for {self._outage_seconds:.0f} s"
                    raise CouldNotLookError(f"{silence}; job {job.job_id} was left running.", error.message) from error
        return job if job.succeeded else self._with_reason(job)

    def job(self, job_id: int) -> Job:
        """One job by id."""
        return _job(self.request("GET", f"{self.rest_url}/jobs/{job_id}", attempts=1))

    def cancel(self, job_id: int) -> None:
        """Ask Airbyte to cancel; a job that has already ended is left as it is."""
        try:
            self.request("DELETE", f"{self.rest_url}/jobs/{job_id}")
        except FailingError:
            return

    def newest_jobs(self, connection_id: UUID, limit: int = 20) -> tuple[Job, ...]:
        """The newest jobs of a connection that load data, newest first (the API's own default is oldest first)."""
        page = self.request(
            "GET",
            f"{self.rest_url}/jobs",
            params={"connectionId": str(connection_id), "orderBy": "createdAt|DESC", "limit": limit},
        )
        return tuple(job for job in map(_job, page.get("data", [])) if job.job_type in JobType)

    def jobs_updated_since(self, since: datetime) -> Iterator[Job]:
        """Every terminal job of the workspace updated at or after ``since``, oldest first."""
        offset, limit = 0, 100
        while True:
            page = self.request(
                "GET",
                f"{self.rest_url}/jobs",
                params={
                    "workspaceIds": self.workspace_id,
                    "updatedAtStart": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "orderBy": "updatedAt|ASC",
                    "limit": limit,
                    "offset": offset,
                },
            )
            rows = page.get("data", [])
            yield from (job for job in map(_job, rows) if job.job_type in JobType and not job.active)
            if len(rows) < limit:
                return
            offset += limit

    def workspace(self) -> Mapping[str, Any]:
        """The workspace, as a proof that address, credentials and workspace id are right."""
        return self.request("GET", f"{self.rest_url}/workspaces/{self.workspace_id}")

    def _start_or_attach(self, connection_id: UUID) -> tuple[Job, bool]:
        known = self.newest_jobs(connection_id)
        running_job = next((job for job in known if job.active), None)
        if running_job:
            return running_job, False
        body = {"connectionId": str(connection_id), "jobType": JobType.SYNC.value}
        try:
            return _job(self.request("POST", f"{self.rest_url}/jobs", body=body, attempts=1)), True
        except (CouldNotLookError, FailingError):
            # The answer may be lost and the job created, or somebody else was faster: a job we did not know is it.
            newest = max((job.job_id for job in known), default=0)
            new = next((job for job in self.newest_jobs(connection_id) if job.job_id > newest), None)
            if new is None:
                raise
            return new, False

    def _with_reason(self, job: Job) -> Job:
        """The failure's own words, which only the internal API tells; without them the status has to do."""
        try:
            details = self.request(
                "POST", f"{self.config_url}/jobs/get_without_logs", body={"id": job.job_id}, attempts=1
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

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        attempts: int | None = None,
        authorized: bool = True,
    ) -> Mapping[str, Any]:
        """One answer as JSON. A refused token is asked for anew once; a 4xx is final, all else is tried again."""
        left = attempts or self._attempts
        wait, renewed = 0.5, False
        while True:
            left -= 1
            try:
                headers = self._headers() if authorized else {}
                answer = self._session.request(
                    method, url, json=body, params=params, headers=headers, timeout=self._timeout_seconds
                )
                if answer.status_code == 401 and authorized and self._credentials and not renewed:
                    self._token, renewed, left = None, True, left + 1
                    continue
                if answer.ok:
                    return answer.json()
                problem, retry_after = _refusal(method, url, answer), _retry_after(answer)
                if answer.status_code in _PERMANENT or answer.status_code == 401:
                    raise FailingError(problem)
            except (requests.RequestException, ValueError) as error:
                problem, retry_after = f"Airbyte at {self._url} does not answer: {type(error).__name__}.", None
            if left <= 0:
                raise CouldNotLookError(problem, "Is it running, and is AIRBYTE_URL right? Try: telemetry doctor")
            self._sleep(min(retry_after if retry_after is not None else wait, _MAX_WAIT_SECONDS))
            wait *= 2

    def _headers(self) -> Mapping[str, str]:
        if self._credentials is None:
            return {}
        if self._token is None or time.monotonic() - self._token_at > _TOKEN_LIFE_SECONDS:
            body = {"client_id": self._credentials.client_id, "client_secret": self._credentials.client_secret}
            answer = self.request("POST", f"{self.rest_url}/applications/token", body=body, authorized=False)
            self._token, self._token_at = str(answer["access_token"]), time.monotonic()
        return {"Authorization": f"Bearer {self._token}"}


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
        return AirbyteClient(
            url, airbyte.workspace_id, credentials, poll_seconds=poll_seconds or 5.0, attempts=attempts
        )
    entry = running.read(settings.home)["airbyte"]
    credentials = Credentials(str(entry["client_id"]), str(entry["client_secret"]))
    return AirbyteClient(
        url,
        str(entry["workspace_id"]),
        credentials,
        poll_seconds=poll_seconds or 0.5,
        outage_seconds=LOCAL_OUTAGE_SECONDS,
        attempts=attempts,
    )


def _job(answer: Mapping[str, Any]) -> Job:
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


def _refusal(method: str, url: str, answer: requests.Response) -> str:
    try:
        content = answer.json()
    except ValueError:
        content = {}
    detail = content.get("detail") or content.get("message") or "" if isinstance(content, dict) else ""
    data = content.get("data") if isinstance(content, dict) else None
    if isinstance(data, dict) and data.get("message"):
        detail = f"{detail} {data['message']}".strip()
    return f"Airbyte answered {answer.status_code} to {method} {url}: {detail or answer.reason}"


def _retry_after(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
