"""An Airbyte server that misbehaves the way real ones do: real sockets, scripted answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

CONNECTION = UUID("aaaaaaaa-0000-4000-8000-000000000001")
STARTED = "2026-03-01T10:00Z"


class Airbyte:
    """A scripted server: ``statuses`` are what successive polls see, ``faults`` answer before the routes do."""

    def __init__(self) -> None:
        self.statuses: list[str] = ["running", "succeeded"]
        self.faults: list[tuple[str, str, int, dict[str, str]]] = []
        self.jobs: dict[int, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.lose_post_answer = False
        self.token = "good"
        self.reason: str | None = None
        self.broken: UUID | None = None
        """The connection of which every question ends in a 500."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                del format, args

            def _serve(self, method: str) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                path = self.path.split("?")[0]
                server.log.append((method, path))
                if server.broken and str(server.broken) in self.path:
                    self.send_error(500)
                    return
                status, answer, headers = server.answer(method, path, body, self.headers.get("Authorization"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def do_DELETE(self) -> None:
                self._serve("DELETE")

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/api"
        threading.Thread(target=lambda: self.http.serve_forever(0.01), daemon=True).start()

    def answer(self, method: str, path: str, body: Any, authorization: str | None) -> tuple[int, Any, dict[str, str]]:
        for fault in self.faults:
            if fault[0] == method and fault[1] in path:
                self.faults.remove(fault)
                return fault[2], {"message": "not now"}, fault[3]
        if path.endswith("/connections/get"):
            return 200, self.connection(body["connectionId"]), {}
        if path.endswith("/applications/token"):
            ok = body.get("client_secret") == "secret"
            return (200, {"access_token": self.token}, {}) if ok else (401, {"detail": "bad client"}, {})
        if authorization != f"Bearer {self.token}":
            return 401, {"detail": "expired"}, {}
        if path.endswith("/get_without_logs"):
            if self.reason is None:
                return 404, {"message": "no such route"}, {}
            failure = {"failureSummary": {"failures": [{"externalMessage": self.reason}]}}
            return 200, {"attempts": [{"attempt": failure}]}, {}
        if method == "POST":
            number = len(self.jobs) + 1
            self.jobs[number] = self.job(number, "pending")
            return (504, {}, {}) if self.lose_post_answer else (200, self.jobs[number], {})
        number = path.rsplit("/", 1)[-1]
        if number.isdigit():
            if method == "DELETE":
                self.jobs[int(number)]["status"] = "cancelled"
            elif self.statuses:
                self.jobs[int(number)]["status"] = self.statuses.pop(0)
            return 200, self.jobs[int(number)], {}
        return 200, {"data": sorted(self.jobs.values(), key=lambda job: -job["jobId"])}, {}

    def job(self, number: int, status: str) -> dict[str, Any]:
        return {
            "jobId": number,
            "status": status,
            "jobType": "sync",
            "startTime": STARTED,
            "lastUpdatedAt": "2026-03-01T10:05:07Z",
            "connectionId": str(CONNECTION),
            "rowsSynced": 12,
        }

    def connection(self, connection_id: str) -> dict[str, Any]:
        stream = {"name": "orders", "jsonSchema": {"type": "object", "properties": {"id": {"type": "integer"}}}}
        catalog = {"streams": [{"stream": stream, "config": {"selected": True}}]}
        return {"connectionId": connection_id, "name": "shop", "destinationId": "d", "syncCatalog": catalog}

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def calls(self, method: str, part: str) -> int:
        return sum(1 for seen, path in self.log if seen == method and part in path)
