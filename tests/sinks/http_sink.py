"""A real HTTP(S) server whose behaviour is scripted, request by request, and which records what it was sent.

    with HttpSink() as sink:                     # answers 200 "ok"
        sink.answer(Reply(503), Reply(429, {"Retry-After": "2"}))     # the next two; then 200 again
        sink.answer(then=Reply(500))             # from now on
        sink.answer(then=lambda request: …)      # a Reply per request, in the server's thread
        send(sink.url)
        sink.requests[0].json

What belongs here: HTTP, and every way to do it badly. What does not: what Slack says over it (``slack_sink.py``).
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

type Script = Reply | Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was read. ``headers`` by lower-case name, ``at`` in seconds since the epoch."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one request. All times in seconds.

    ``before`` it reads anything, ``after`` it has read (and recorded) all of it; ``drip_headers`` and ``drip_body``
    between two bytes; ``close`` without a reply, ``unread``: even without reading; ``reset`` the connection rudely;
    ``raw`` in place of HTTP; ``length`` in place of the body's true length. ``received`` is called once the request is
    recorded and before the reply, ``replied`` when all of it has gone out: places to kill a sender. ``before`` and
    ``unread`` are for replies that are scripted as they are; a function is asked when the request has been read.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"ok"
    before: float = 0.0
    after: float = 0.0
    drip_headers: float = 0.0
    drip_body: float = 0.0
    close: bool = False
    unread: bool = False
    reset: bool = False
    raw: bytes | None = None
    length: int | None = None
    received: Callable[[Request], None] | None = None
    replied: Callable[[Request], None] | None = None

    @property
    def head(self) -> bytes:
        """Status line and headers as bytes, without the empty line."""
        length = len(self.body) if self.length is None else self.length
        headers = {"Content-Length": str(length), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode("latin-1")


def as_json(value: Any, status: int = 200, **more: Any) -> Reply:
    """A reply of JSON."""
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    return Reply(status, headers, json.dumps(value).encode(), **more)


class HttpSink:
    """The server, in a thread of its own, at ``http(s)://127.0.0.1:PORT``; ``port`` 0 takes any free one.

    ``requests`` holds every request that was read whole, in order; ``connections`` counts those that were opened.
    """

    def __init__(self, then: Script | None = None, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.port = port
        self._then: Script = then or Reply()
        self._queue: deque[Script] = deque()
        self._tls = tls
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="http-sink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def answer(self, *replies: Script, then: Script | None = None) -> None:
        """Script the next requests, each used once; ``then`` answers all that come after them."""
        self._queue.extend(replies)
        self._then = then or self._then

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, ssl=self._tls, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        script = self._queue.popleft() if self._queue else self._then
        try:
            await self._exchange(script, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # The other side went away, spoke no HTTP, or the sink is being closed.
        finally:
            writer.close()

    async def _exchange(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(script, Reply):
            await asyncio.sleep(script.before)
            if script.unread:
                return
        request = await _read(reader)
        self.requests.append(request)
        reply = script if isinstance(script, Reply) else script(request)
        if reply.received:
            reply.received(request)
        await asyncio.sleep(reply.after)
        if reply.reset:
            writer.transport.abort()
        elif not reply.close:
            await _write(writer, reply)
            if reply.replied:
                reply.replied(request)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in _chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(time.time(), method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    while size := int((await reader.readline()).strip() or b"0", 16):
        yield await reader.readexactly(size)
        await reader.readline()


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    if reply.raw is not None:
        await _drip(writer, reply.raw, 0)
        return
    await _drip(writer, reply.head + b"\r\n\r\n", reply.drip_headers)
    await _drip(writer, reply.body, reply.drip_body)


async def _drip(writer: asyncio.StreamWriter, data: bytes, pause: float) -> None:
    pieces = [data[at : at + 1] for at in range(len(data))] if pause else [data]
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)
    with contextlib.suppress(OSError):
        await writer.drain()
