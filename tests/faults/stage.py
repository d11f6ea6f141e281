"""The stage of the campaign: a PostgreSQL of its own that may be hurt, one sink per fault, the telemetry.yaml for them.

What belongs here: setting up and taking down. What does not: what is played on it (``campaign.py``).
"""

import itertools
import json
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.schema import migrate
from telemetry_assets.local.postgres import EmbeddedPostgres
from tests.faults.faults_of_sinks import RECIPIENTS, Fault, MailSink, Record, Sink, WebSink
from tests.sinks.tls import Authority

ONCALL = "oncall"
"""Who is told what could not be told to its owner."""
SECRETS = {
    "SINK_PATH": "s3cr3t-in-the-path",
    "SINK_KEY": "s3cr3t-signing-key",
    "SINK_TOKEN": "xoxb-s3cr3t-token",
    "SINK_PASSWORD": "s3cr3t-password",
}
RATE = 1000
"""Messages a second, of every channel."""


_COLLIDE = """
create function telemetry.collide() returns trigger language plpgsql as $$
begin
    if txid_current() % 3 = 0 then
        raise exception using errcode = '40001', message = 'could not serialize access (made up)';
    end if;
    return null;
end $$
"""


def channel_of(fault: Fault) -> str:
    """The channel that fails like this; an owner has the same name."""
    return "healthy" if fault is Fault.NONE else fault.value.lower().replace(" ", "-")


CHANNELS = {channel_of(fault): fault for fault in Fault}


@dataclass(slots=True)
class Server:
    """A PostgreSQL that nobody else uses."""

    embedded: EmbeddedPostgres
    template: str = "campaign_template"
    numbers: Any = field(default_factory=itertools.count)

    @property
    def socket(self) -> str:
        """The path of its Unix socket."""
        asked = parse_qs(urlsplit(self.embedded.url).query)
        return f"{asked['host'][0]}/.s.PGSQL.5432"

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return self.embedded.url.replace("/telemetry?", f"/{database}?")

    def prepare(self) -> None:
        """Start it, and make the database that all others are copies of."""
        self.embedded.start()
        self.execute(f"create database {self.template}")
        migrate(self.url(self.template))

    def restart(self) -> None:
        """Stop it, cutting every session, and start it again."""
        self.embedded.stop()
        self.embedded.start()

    def execute(self, statement: str) -> None:
        """Run one statement on the server."""
        with psycopg.connect(self.embedded.url, autocommit=True) as conn:
            conn.execute(statement.encode())


class Database:
    """One episode's ledger. Every use opens a connection of its own: the server may have been restarted."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.url = server.url(name)

    def rows(self, query: str) -> list[TupleRow]:
        """What it answers."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            return conn.execute(query.encode()).fetchall()

    def execute(self, statement: str) -> None:
        """Change it."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(statement.encode())

    def pending(self) -> int:
        """Messages that wait."""
        return int(self.rows("select count(*) from telemetry.outbox where status = 'pending'")[0][0])

    def receipts(self) -> set[tuple[int, int, str]]:
        """(incident, seq, channel) of every message whose acceptance is on record."""
        query = "select incident, unnest(seqs), channel from telemetry.deliveries where outcome = 'accepted'"
        return {(incident, seq, channel) for incident, seq, channel in self.rows(query)}

    def installation(self) -> UUID:
        """Who sends, in every key."""
        return self.rows("select id from telemetry.installation")[0][0]

    def collide(self) -> None:
        """From now on every third transaction that writes is undone, as PostgreSQL does it where two collide."""
        self.execute(_COLLIDE)
        for table in ("timeline", "outbox", "deliveries", "conversations"):
            self.execute(
                f"create trigger collide before insert or update on telemetry.{table}"
                " execute function telemetry.collide()"
            )

    def forget_leases(self) -> None:
        """What time does to the leases of a dispatcher that is dead: twenty seconds pass for them."""
        self.execute("update telemetry.conversations set leased_until = now() - interval '1 s' where lease is not null")

    def cut(self) -> None:
        """Cut every other session."""
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


class Stage:
    """Sinks by channel, the record of what they accepted, the configuration that leads to them. See :func:`staged`."""

    def __init__(self, server: Server, folder: Path, authority: Authority, record: Record) -> None:
        self.server, self.record = server, record
        self.folder = folder
        tls = (authority.server_context("localhost", "127.0.0.1"), authority.server_context("elsewhere.test"))
        self.sinks: dict[str, Sink] = {}
        for channel, fault in CHANNELS.items():
            self.sinks[channel] = (
                MailSink(channel, record, tls[0])
                if fault.of_mail
                else WebSink(channel, record, tls if fault is Fault.TLS else None, slack=fault is Fault.RETRY_AFTER)
            )
        self.oncall = WebSink(ONCALL, record)
        self.config = folder / "telemetry.yaml"
        self.config.write_text(json.dumps(self._document()))
        self.environment = {**SECRETS, "SSL_CERT_FILE": str(authority.pem), "TELEMETRY_HOME": str(folder / "home")}
        self.recipients: Mapping[str, tuple[str, ...]] = {
            channel: RECIPIENTS for channel, fault in CHANNELS.items() if fault.of_mail
        }
        self.heal()

    def fail(self) -> None:
        """Every sink fails in its way."""
        for channel, fault in CHANNELS.items():
            self.sinks[channel].set(fault)
        self._resolve("sink.invalid")

    def heal(self) -> None:
        """Every sink works."""
        for sink in self.sinks.values():
            sink.set(Fault.NONE)
        self._resolve("localhost")

    def close(self) -> None:
        """Every sink goes away."""
        for sink in (*self.sinks.values(), self.oncall):
            sink.close()

    @contextmanager
    def database(self) -> Generator[Database]:
        """A fresh, migrated database."""
        name = f"campaign_{next(self.server.numbers)}"
        self.server.execute(f"create database {name} template {self.server.template}")
        yield Database(self.server, name)
        self.server.execute(f"drop database {name} with (force)")

    def _resolve(self, host: str) -> None:
        """A name that stops resolving, and resolves again: .invalid never does, so the name is what changes."""
        channel = channel_of(Fault.DNS)
        self.environment[_variable(channel)] = f"http://{host}:{self.sinks[channel].port}/{SECRETS['SINK_PATH']}"

    def _document(self) -> dict[str, Any]:
        channels = {channel: self._channel(channel, fault) for channel, fault in CHANNELS.items()}
        channels[ONCALL] = {"kind": "webhook", "url": f"http://127.0.0.1:{self.oncall.port}/oncall"}
        for one in channels.values():
            one |= {"rate": RATE}
        # A reminder or an escalation by the clock would be a step more than the script asks for.
        patient = {"remind": "30d"}
        owners = {
            name: {"notify": {"ERROR": [name], "WARN": [name]}, "escalate": {"after": "30d", "to": ONCALL}, **patient}
            for name in CHANNELS
        }
        owners[ONCALL] = {"notify": {"ERROR": [ONCALL], "WARN": [ONCALL]}, **patient}
        tenants = [{"slug": "acme", "id": "aaaaaaaa-0000-4000-8000-00000000000a", "name": "Acme"}]
        return {"tenants": tenants, "sources": {}, "promises": [], "owners": owners, "channels": channels}

    def _channel(self, channel: str, fault: Fault) -> dict[str, Any]:
        port = self.sinks[channel].port
        if fault.of_mail:
            login: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": "starttls"}
            return {"kind": "email", **login, "from": "telemetry@sink.test", "to": list(RECIPIENTS)}
        if fault is Fault.RETRY_AFTER:
            api = f"http://127.0.0.1:{port}/api/"
            return {"kind": "slack", "token": {"env": "SINK_TOKEN"}, "channel": "#alerts", "api_url": api}
        if fault is Fault.DNS:
            return {"kind": "webhook", "url": {"env": _variable(channel)}, "secret": {"env": "SINK_KEY"}}
        scheme = "https" if fault is Fault.TLS else "http"
        url = f"{scheme}://localhost:{port}/{SECRETS['SINK_PATH']}"
        return {"kind": "webhook", "url": url, "secret": {"env": "SINK_KEY"}}


@contextmanager
def staged(folder: Path) -> Generator[Stage]:
    """The stage, its server running; all of it is gone afterwards."""
    home = folder / "home"
    home.mkdir(parents=True)
    with ExitStack() as stack:
        embedded = EmbeddedPostgres(home)
        stack.callback(embedded.remove)
        server = Server(embedded)
        server.prepare()
        stage = Stage(server, folder, Authority(folder), Record())
        stack.callback(stage.close)
        yield stage


def _variable(channel: str) -> str:
    return f"URL_{channel.upper().replace('-', '_')}"
