"""Requests to an Airbyte server: tokens, retries with back-off, and its refusals in words.

What belongs here: one answer as JSON, or an error of ours. What does not: what an answer means (``airbyte.py``).

Reads and cancels are repeated with growing pauses and honour ``Retry-After``; a 4xx is final, except those that say
"later". A caller that must not repeat a request asks for one attempt.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from telemetry_assets.errors import CouldNotLookError, FailingError

_TOKEN_LIFE_SECONDS = 150.0
_PERMANENT = frozenset(range(400, 500)) - {401, 408, 425, 429}
_MAX_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client id and secret for Airbyte's token endpoint; None where the server asks for none."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, ******)"


@dataclass(frozen=True, slots=True)
class Server:
    """Where an Airbyte server is and how we may speak to it. ``url`` ends before ``/public/v1``."""

    url: str
    workspace_id: str
    credentials: Credentials | None = None
    basic_auth: tuple[str, str] | None = None
    internal_url: str | None = None
    timeout_seconds: float = 15.0
    attempts: int = 5
    sleep: Callable[[float], None] = time.sleep

    @property
    def rest_url(self) -> str:
        """The base of the public API."""
        return f"{self.url.rstrip('/')}/public/v1"

    @property
    def config_url(self) -> str:
        """The base of the internal API, which alone tells why a job failed."""
        return self.internal_url or f"{self.url.rstrip('/')}/v1"


class AirbyteHttp:
    """A session with one server. Not shared between threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = server.basic_auth
        self._token: str | None = None
        self._token_at = 0.0

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
        left = attempts or self._server.attempts
        wait, renewed = 0.5, False
        while True:
            left -= 1
            try:
                headers = self._headers() if authorized else {}
                answer = self._session.request(
                    method, url, json=body, params=params, headers=headers, timeout=self._server.timeout_seconds
                )
                if answer.status_code == 401 and authorized and self._server.credentials and not renewed:
                    self._token, renewed, left = None, True, left + 1
                    continue
                if answer.ok:
                    return answer.json()
                problem, retry_after = _refusal(method, url, answer), _retry_after(answer)
                if answer.status_code in _PERMANENT or answer.status_code == 401:
                    raise FailingError(problem)
            except (requests.RequestException, ValueError) as error:
                problem, retry_after = f"Airbyte at {self._server.url} does not answer: {type(error).__name__}.", None
            if left <= 0:
                raise CouldNotLookError(problem, "Is it running, and is AIRBYTE_URL right? Try: telemetry doctor")
            self._server.sleep(min(retry_after if retry_after is not None else wait, _MAX_WAIT_SECONDS))
            wait *= 2

    def _headers(self) -> Mapping[str, str]:
        if self._server.credentials is None:
            return {}
        if self._token is None or time.monotonic() - self._token_at > _TOKEN_LIFE_SECONDS:
            body = {
                "client_id": self._server.credentials.client_id,
                "client_secret": self._server.credentials.client_secret,
            }
            answer = self.request("POST", f"{self._server.rest_url}/applications/token", body=body, authorized=False)
            self._token, self._token_at = str(answer["access_token"]), time.monotonic()
        return {"Authorization": f"Bearer {self._token}"}


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
