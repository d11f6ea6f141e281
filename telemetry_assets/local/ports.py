"""Ports on loopback: the wanted one where it is free, else any."""

import socket

LOOPBACK = "127.0.0.1"


def free_port(wanted: int) -> int:
    """``wanted`` if nobody listens there, else a port the system picks. Somebody may still take it before you do."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on loopback")


def answers(url: str, timeout_seconds: float = 2.0) -> bool:
    """True where an HTTP server answers at ``url`` with anything below 500."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=timeout_seconds).status_code < 500
        except requests.RequestException:
            return False


def listens(port: int) -> bool:
    """True where somebody accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
