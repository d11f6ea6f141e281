"""A certificate authority of one's own, for sinks that speak TLS.

What belongs here: certificates, good ones and bad ones. What does not: the servers that show them.

A process trusts the authority when ``SSL_CERT_FILE`` names :attr:`Authority.pem` where that process starts (or, within
the tests, before the channel is opened).
"""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """One authority; its certificate lies at ``pem``."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.pem = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.pem))

    def server_context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a server shows: a certificate for ``names`` (127.0.0.1 and localhost), in force or expired."""
        until = datetime.now(UTC) - timedelta(days=1) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*(names or ("127.0.0.1", "localhost")), not_after=until).configure_cert(context)
        return context
