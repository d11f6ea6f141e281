"""The demo's ads API: two platforms over HTTP on loopback, with bearer auth, pages, a rate limit and JSON errors.

What belongs here: requests and answers. What does not: the rows (``advertising.py``) and what is broken
(``breakages.py``).
"""

import argparse
import hmac
import json
import re
import signal
import sys
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from telemetry_assets.demo import breakages
from telemetry_assets.demo.advertising import ACCOUNTS, SEED, Account, Source, Stream, rows
from telemetry_assets.errors import CouldNotLookError, TelemetryError, UsageError

PAGE_SIZE = 2000
"""The largest page a caller may ask for, and the default."""
RATE = 50
"""Requests an account may make in a second before it is told to wait for one; a sync makes about ten."""
_PATHS = {
    Source.META: re.compile(r"/meta/v1/accounts/(\d+)/(\w+)"),
    Source.GOOGLE: re.compile(r"/google/v1/customers/(\d+)/(\w+)"),
}


class _Refusal(Exception):
    """An answer that is not 200."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


class AdsApi:
    """Both platforms behind one port. ``faults_file`` says what is broken, read at each request.

    ``updated_until`` asks for the rows as they stood then, so the pages of one pull agree with each other.
    ``clock`` gives the platform's time (tests hold it still), ``rate`` the requests an account may make in a second.
    """

    def __init__(
        self,
        faults_file: Path,
        token: str,
        seed: int = SEED,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rate: int = RATE,
    ) -> None:
        self.faults_file, self.token, self.seed, self.clock, self.rate = faults_file, token, seed, clock, rate
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (0: any free port) and return the base URL. Raises CouldNotLookError for a busy port."""
        try:
            self._server = _Server(("127.0.0.1", port), type("_Bound", (_Handler,), {"api": self}))
        except OSError as error:
            reason = f"Port {port} cannot be listened on: {error.strerror}."
            raise CouldNotLookError(reason, "Name another, or 0 for any.") from None
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="ads-api", daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop listening. Harmless when it never started."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, target: str, authorization: str) -> dict[str, Any]:
        """The body that answers GET ``target``. Raises _Refusal, or CouldNotLookError for a torn faults file."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode()):
            reason = "The access token is missing or wrong."
            raise _Refusal(HTTPStatus.UNAUTHORIZED, reason, {"WWW-Authenticate": "Bearer"})
        parts = urlsplit(target)
        account, stream = _route(parts.path)
        self._admit(account)
        broken = [feed for feed in breakages.read(self.faults_file) if feed.touches(account.id, stream)]
        if any(feed.kind is breakages.Breakage.ERROR for feed in broken):
            raise _Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong. Please try again later.")
        try:
            return self._page(account, stream, dict(parse_qsl(parts.query)), broken)
        except (ValueError, OverflowError) as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"Invalid parameter: {error}.") from None

    def _page(
        self, account: Account, stream: Stream, query: Mapping[str, str], broken: list[breakages.BrokenFeed]
    ) -> dict[str, Any]:
        """One page of what the feed shows. Raises ValueError for a parameter that makes no sense."""
        meta = account.source is Source.META
        size = int(query.get("page_size" if meta else "pageSize", PAGE_SIZE))
        start = (int(query.get("page", 1)) - 1) * size if meta else _offset(query.get("pageToken"))
        if not 1 <= size <= PAGE_SIZE or start < 0:
            raise ValueError(f"a page holds 1 to {PAGE_SIZE} rows, and pages count from 1")
        since, until = _instant(query.get("updated_since")), _instant(query.get("updated_until"))
        shown_at = breakages.as_of(broken, self.clock())
        shown_at = min(shown_at, until) if until else shown_at
        found = breakages.spoil(broken, rows(self.seed, account.id, stream, shown_at, since))
        page, after = found[start : start + size], start + size
        if meta:
            return {"data": page, "paging": {"page": after // size, "page_size": size, "total": len(found)}}
        return {"results": page} | ({"nextPageToken": _token(after)} if after < len(found) else {})

    def _admit(self, account: Account) -> None:
        with self._lock:
            recent, now = self._recent[account.id], time.monotonic()
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= self.rate:
                reason = "Too many requests for this account."
                raise _Refusal(HTTPStatus.TOO_MANY_REQUESTS, reason, {"Retry-After": "1"})
            recent.append(now)


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connector that was killed is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    api: AdsApi
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer one request; whatever is wrong with it is JSON too."""
        try:
            self._send(HTTPStatus.OK, self.api.answer(self.path, self.headers.get("Authorization", "")), {})
        except _Refusal as refusal:
            self._refuse(refusal.status, refusal.message, refusal.headers)
        except TelemetryError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), {})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The base class's own refusals (a bad request line, POST), as JSON."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase, {"Connection": "close"})

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the launcher shows progress itself."""

    def _refuse(self, status: HTTPStatus, message: str, headers: Mapping[str, str]) -> None:
        self._send(status, {"error": {"code": status.value, "status": status.name, "message": message}}, headers)

    def _send(self, status: HTTPStatus, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        content = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _route(path: str) -> tuple[Account, Stream]:
    for source, pattern in _PATHS.items():
        found = pattern.fullmatch(path)
        account = ACCOUNTS.get(found[1]) if found else None
        if found and account and account.source is source and found[2] in list(Stream):
            return account, Stream(found[2])
    raise _Refusal(HTTPStatus.NOT_FOUND, f"There is nothing at {path}.")


def _instant(text: str | None) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    if found and found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return found


def _token(start: int) -> str:
    return urlsafe_b64encode(f"row {start}".encode()).decode()


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(urlsafe_b64decode(token.encode()).removeprefix(b"row "))
    except ValueError:
        raise ValueError("this pageToken was never given out") from None


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; one line with the URL when ready. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="telemetry_assets.demo.ads_api", description="The demo's ads API on loopback."
    )
    parser.add_argument("--faults-file", type=Path, required=True, help="the JSON file of breakages (may be missing)")
    parser.add_argument("--token-file", type=Path, required=True, help="a 0600 file with the bearer token")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes any free port")
    given, ended = parser.parse_args(arguments), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        api = AdsApi(given.faults_file, _read_token(given.token_file))
        print(api.start(given.port), flush=True)
    except TelemetryError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    ended.wait()
    api.stop()
    return 0


def _read_token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise CouldNotLookError(f"The token file {file} cannot be read: {error.strerror}.") from None
    if not token:
        raise UsageError(f"The token file {file} is empty.", "Write the bearer token into it.")
    return token


if __name__ == "__main__":
    sys.exit(main())
