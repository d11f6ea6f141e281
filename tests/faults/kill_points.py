"""A gate in front of PostgreSQL that does something terrible at a named point of somebody's transaction.

The process behind it is the product as it is: it connects to the gate as to any server. A trap says at which point of
which transaction (by what its statements and their values hold) to strike: just before the server hears of the commit,
or when it has committed and nobody knows yet. What does not belong here: what to strike for (``campaign.py``).
"""

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

EVALUATED = ("telemetry.timeline",)
"""What the transaction that writes steps and their messages touches, and no other."""
MARKED = ("telemetry.deliveries",)
"""What the transaction that records a receipt touches, and no other."""
_SSL, _GSS = 80877103, 80877104


class Point(StrEnum):
    """Where in a transaction."""

    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"


@dataclass(slots=True)
class Trap:
    """Strikes once: at ``point`` of the first writing transaction whose statements or values hold all of ``holds``."""

    point: Point
    holds: tuple[str, ...]
    strike: Callable[[], None]
    sprung: threading.Event = field(default_factory=threading.Event)


class Gate:
    """Listens on a port of its own and hands everything on to the server's socket. Use it as a context manager."""

    def __init__(self, server_socket: str) -> None:
        self._server = server_socket
        self._traps: list[Trap] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Closing alone does not wake a thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def dsn(self, database: str) -> str:
        """The URL of a database through the gate."""
        port = self._listener.getsockname()[1]
        return f"postgresql://telemetry@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"

    def arm(self, point: Point, holds: tuple[str, ...], strike: Callable[[], None]) -> Trap:
        """Lay a trap; the connection in which it springs is cut too."""
        trap = Trap(point, holds, strike)
        with self._lock:
            self._traps.append(trap)
        return trap

    def disarm(self) -> None:
        """Take up every trap that has not sprung."""
        with self._lock:
            self._traps.clear()

    def cut(self) -> None:
        """Cut every connection that is open."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def sprung(self, point: Point, said: str) -> bool:
        """Whether a trap springs here; it strikes before this returns."""
        with self._lock:
            found = next((t for t in self._traps if t.point is point and all(word in said for word in t.holds)), None)
            if found:
                self._traps.remove(found)
        if found:
            found.strike()
            found.sprung.set()
        return found is not None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._server)
            with self._lock:
                self._open |= {client, server}
            _Session(self, client, server).run()
        except (OSError, EOFError):
            pass
        finally:
            with self._lock:
                self._open -= {client, server}
            client.close()
            server.close()


class _Session:
    """One connection: both ways, message by message."""

    def __init__(self, gate: Gate, client: socket.socket, server: socket.socket) -> None:
        self._gate, self._client, self._server = gate, client, server
        self._statements: dict[bytes, str] = {}
        self._said: list[str] = []
        self._idle = True

    def run(self) -> None:
        """Until either side is gone."""
        back = threading.Thread(target=self._hand, args=(self._backward,), daemon=True)
        self._server.sendall(self._hello())
        back.start()
        self._hand(self._forward)
        back.join()

    def _hand(self, way: Callable[[], None]) -> None:
        with suppress(OSError, EOFError):
            way()
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _hello(self) -> bytes:
        while True:
            size = _exactly(self._client, 4)
            body = _exactly(self._client, struct.unpack("!I", size)[0] - 4)
            if struct.unpack("!I", body[:4])[0] not in (_SSL, _GSS):
                return size + body
            self._client.sendall(b"N")

    def _forward(self) -> None:
        while True:
            kind, size, body = _message(self._client)
            commits = self._hears(kind, body)
            if commits and self._gate.sprung(Point.BEFORE_COMMIT, "\n".join(self._said)):
                raise EOFError
            self._server.sendall(kind + size + body)

    def _backward(self) -> None:
        while True:
            kind, size, body = _message(self._server)
            if kind == b"Z":
                self._idle = body == b"I"
                if self._idle:
                    said, self._said = "\n".join(self._said), []
                    if _writes(said) and self._gate.sprung(Point.AFTER_COMMIT, said):
                        raise EOFError
            self._client.sendall(kind + size + body)

    def _hears(self, kind: bytes, body: bytes) -> bool:
        """Take note of a statement and its values; whether the server commits what writes when it gets this."""
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._statements[name] = text.decode()
            return False
        if kind not in (b"Q", b"B"):
            return False
        name = body.split(b"\0", 2)[1] if kind == b"B" else b""
        text = self._statements.get(name, "") if kind == b"B" else body.rstrip(b"\0").decode()
        self._said.append(text + (body.decode("utf-8", "replace") if kind == b"B" else ""))
        ends = text.strip().upper() == "COMMIT" or (self._idle and text.strip().upper() != "BEGIN")
        return ends and _writes("\n".join(self._said))


def _writes(said: str) -> bool:
    return re.search(r"\b(insert|update|delete)\b", said, re.IGNORECASE) is not None


def _message(source: socket.socket) -> tuple[bytes, bytes, bytes]:
    kind = _exactly(source, 1)
    size = _exactly(source, 4)
    return kind, size, _exactly(source, struct.unpack("!I", size)[0] - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = source.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
