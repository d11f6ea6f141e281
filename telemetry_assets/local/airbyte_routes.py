"""The local Airbyte's endpoints: ``/api/public/v1`` as documented, ``/api/v1`` for the internal calls clients make.

What belongs here: routes, tokens, refusals. What does not: the shapes of answers (``airbyte_api.py``), running syncs.
"""

import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from telemetry_assets.errors import CouldNotLookError, TelemetryError
from telemetry_assets.local import airbyte_api as api
from telemetry_assets.local.airbyte_api import WORKSPACE_ID, Problem
from telemetry_assets.local.airbyte_jobs import AlreadyRunning, Job, JobStore
from telemetry_assets.local.airbyte_sync import Syncs
from telemetry_assets.settings import ConnectionSettings, Settings


class Routes:
    """The endpoints, each a plain function of the request."""

    def __init__(
        self,
        settings: Settings,
        dsn: str,
        store: JobStore,
        syncs: Syncs,
        credentials: Mapping[str, str],
        token_seconds: float,
    ) -> None:
        self._settings = settings
        self._dsn = dsn
        self._store = store
        self._syncs = syncs
        self._credentials = credentials
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}

    def app(self) -> Starlette:
        """The application: ``/api/public/v1`` as documented, ``/api/v1`` for the internal calls that clients make."""
        rest = {
            ("GET", "/workspaces"): self._workspaces,
            ("GET", "/workspaces/{id}"): self._workspace,
            ("GET", "/connections"): self._connections,
            ("GET", "/connections/{id}"): self._connection,
            ("GET", "/destinations"): self._destinations,
            ("GET", "/destinations/{id}"): self._destination,
            ("GET", "/jobs"): self._jobs,
            ("POST", "/jobs"): self._create_job,
            ("GET", "/jobs/{id:int}"): self._job,
            ("DELETE", "/jobs/{id:int}"): self._cancel_job,
        }
        internal = {
            ("POST", "/connections/get"): self._connection_details,
            ("POST", "/jobs/get_without_logs"): self._job_details,
        }
        routes = [
            Route("/api/public/v1/health", lambda _: Response("Successful operation"), methods=["GET"]),
            self._route("/api/public/v1", "POST", "/applications/token", self._token, guarded=False),
            *(self._route("/api/public/v1", *where, endpoint) for where, endpoint in rest.items()),
            *(self._route("/api/v1", *where, endpoint) for where, endpoint in internal.items()),
        ]
        return Starlette(routes=routes)

    def _route(
        self, base: str, method: str, path: str, endpoint: Callable[["_Call"], Any], *, guarded: bool = True
    ) -> Route:
        async def answer(request: Request) -> Response:
            call = _Call(request, await request.body())
            return await run_in_threadpool(self._answer, endpoint, call, guarded)

        return Route(base + path, answer, methods=[method])

    def _answer(self, endpoint: Callable[["_Call"], Any], call: "_Call", guarded: bool) -> Response:
        try:
            if guarded:
                self._require_token(call.authorization)
            return JSONResponse(endpoint(call))
        except Problem as problem:
            return JSONResponse(problem.document, problem.status, media_type="application/problem+json")
        except CouldNotLookError as error:
            document = Problem(503, "service-unavailable", error.message).document
            return JSONResponse(document, 503, media_type="application/problem+json")

    def _require_token(self, authorization: str) -> None:
        expires = self._tokens.get(authorization.removeprefix("Bearer "), 0.0)
        if not authorization.startswith("Bearer ") or time.monotonic() >= expires:
            raise Problem(401, "invalid-api-key", "The API key in the Authorization header is invalid.")

    def _token(self, call: "_Call") -> Any:
        for name in ("client_id", "client_secret"):
            if not hmac.compare_digest(str(call.body.get(name, "")).encode(), self._credentials[name].encode()):
                raise Problem(401, "invalid-client", "The client id or secret is wrong.")
        now = time.monotonic()
        self._tokens = {token: expires for token, expires in self._tokens.items() if expires > now}
        token = secrets.token_urlsafe(32)
        self._tokens[token] = now + self._token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self._token_seconds)}

    def _workspaces(self, call: "_Call") -> Any:
        return self._page([api.workspace()], "/workspaces", call)

    def _workspace(self, call: "_Call") -> Any:
        if call.name != str(WORKSPACE_ID):
            raise Problem(403, "forbidden", "The request is forbidden.")
        return api.workspace()

    def _connections(self, call: "_Call") -> Any:
        held = self._settings.connections() if self._in_workspace(call) else ()
        return self._page([self._shown(connection) for connection in held], "/connections", call)

    def _connection(self, call: "_Call") -> Any:
        return self._shown(self._held(call.name))

    def _connection_details(self, call: "_Call") -> Any:
        held = self._held(str(call.body.get("connectionId")))
        try:
            catalog = self._syncs.catalog(held)
        except CouldNotLookError:
            raise
        except TelemetryError as error:  # Airbyte remembers a catalog; a source that is down now hides nothing
            logging.getLogger("telemetry.airbyte").warning("discover: %s", error)
            catalog = {}
        return api.connection_details(self._settings.sources[held.source], held, catalog)

    def _destinations(self, call: "_Call") -> Any:
        found = [api.destination(source, self._dsn) for source in self._settings.sources.values()]
        return self._page(found, "/destinations", call)

    def _destination(self, call: "_Call") -> Any:
        for source in self._settings.sources.values():
            if str(api.destination_id(source)) == call.name:
                return api.destination(source, self._dsn)
        raise api.not_found(call.name)

    def _jobs(self, call: "_Call") -> Any:
        named = call.query.get("connectionId")
        if named:
            connections, keep = [self._held(named).connection_id], {"connectionId": named}
        else:
            # The database may be shared with another home, whose jobs are not ours to show.
            connections = list(self._syncs.connections) if self._in_workspace(call) else []
            keep = _kept(call, "workspaceIds")
        wanted = api.job_filter(call.query, connections)
        of_type = call.query.get("jobType", "sync") == "sync"
        rows = self._store.find(wanted) if of_type else []
        return api.page([api.job(row) for row in rows], "/jobs", keep, wanted.limit, wanted.offset)

    def _create_job(self, call: "_Call") -> Any:
        if call.body.get("jobType", "sync") != "sync":
            raise Problem(422, "unprocessable-entity", "The local Airbyte runs sync jobs only.")
        held = self._held(str(call.body.get("connectionId")))
        try:
            return api.job(self._syncs.submit(held.connection_id))
        except AlreadyRunning:
            words = f"A sync is already running for: {held.connection_id}"
            raise Problem(409, "try-again-later", "Please try again later.", words) from None

    def _job(self, call: "_Call") -> Any:
        return api.job(self._row(int(call.name)))

    def _cancel_job(self, call: "_Call") -> Any:
        job = self._row(int(call.name))
        if job.terminal:
            raise api.state_conflict()
        self._syncs.cancel(job.job_id)
        return api.job(self._row(job.job_id))

    def _job_details(self, call: "_Call") -> Any:
        try:
            return api.job_details(self._row(int(call.body.get("id", ""))))
        except ValueError:
            raise Problem(422, "unprocessable-entity", "id is the number of a job.") from None

    def _row(self, job_id: int) -> Job:
        row = self._store.get(job_id)
        if row is None:
            raise api.state_conflict()
        return row

    def _held(self, text: str) -> ConnectionSettings:
        with suppress(ValueError, KeyError):
            return self._syncs.connections[UUID(text)]
        raise api.not_found(text[:80])

    def _shown(self, held: ConnectionSettings) -> dict[str, Any]:
        return api.connection(self._settings.sources[held.source], held)

    def _in_workspace(self, call: "_Call") -> bool:
        asked = call.query.get("workspaceIds", "")
        return not asked or str(WORKSPACE_ID) in asked.split(",")

    def _page(self, items: list[dict[str, Any]], path: str, call: "_Call") -> dict[str, Any]:
        limit, offset = api.limits(call.query)
        return api.page(items[offset : offset + limit], path, _kept(call, "workspaceIds"), limit, offset)


class _Call:
    """What an endpoint may know of its request; a body is JSON or a form."""

    def __init__(self, request: Request, raw: bytes) -> None:
        self.query = dict(request.query_params)
        self.name = str(request.path_params.get("id", ""))
        self.authorization = request.headers.get("Authorization", "")
        self.body: dict[str, Any] = {}
        try:
            content = json.loads(raw) if raw else {}
        except ValueError:
            content = dict(parse_qsl(raw.decode("utf-8", "replace")))
        if isinstance(content, dict):
            self.body = content


def _kept(call: _Call, name: str) -> dict[str, str]:
    return {name: call.query[name]} if name in call.query else {}
