"""One real PostgreSQL per test session, and a fresh migrated database per test.

``postgres_url`` is the server, ``database`` the DSN of one test's own empty ledger, ``ledger`` a connection to it.
``server`` is for the tests of the embedded server itself.
"""

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.ledger.schema import migrate
from telemetry_assets.local.postgres import EmbeddedPostgres
from telemetry_assets.logs import TENANT_NAMED

# Run in a script's background we start deaf to SIGINT; Dagster then makes SIGTERM deaf too, for every child of ours.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is logged while working for a tenant, and does not name it, fails the test.
TENANT_NAMED.strict = True

TEMPLATE = "ledger_template"
NUMBERS = itertools.count(1)

# Removes the server when its pipe closes: at the end of the session, however that comes.
_REMOVER = """
import sys
from pathlib import Path
from telemetry_assets.ledger.schema import migrate
from telemetry_assets.local.postgres import EmbeddedPostgres
sys.stdin.read()
EmbeddedPostgres(Path(sys.argv[1])).remove()
"""


LONG = ("tests/test_cli.py", "tests/integration/", "tests/local/", "tests/faults/", "tests/dbt_project/", "tests/defs/")
"""Where the long files are: they come first, so that at the end no core waits for one of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first; otherwise the order stays."""
    items.sort(
        key=lambda item: next((place for place, long in enumerate(LONG) if item.nodeid.startswith(long)), len(LONG))
    )


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """This session's server, up (one per xdist worker). Tests that stop or hurt one use ``server``."""
    home = tmp_path_factory.mktemp("postgres-home")
    remover = subprocess.Popen(
        [sys.executable, "-c", _REMOVER, str(home)], stdin=subprocess.PIPE, start_new_session=True
    )
    embedded = EmbeddedPostgres(home)
    embedded.start()
    try:
        yield embedded
    finally:
        remover.communicate()


@pytest.fixture(scope="session")
def postgres_url(embedded: EmbeddedPostgres) -> str:
    """The URL of this session's server."""
    return embedded.url


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> str:
    """A migrated database that the tests' own are copied from."""
    _execute(postgres_url, f"create database {TEMPLATE}")
    migrate(named(postgres_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(postgres_url: str, _template: str) -> Iterator[str]:
    """The DSN of a fresh, migrated database; dropped afterwards."""
    name = f"test_{next(NUMBERS)}"
    _execute(postgres_url, f"create database {name} template {_template}")
    yield named(postgres_url, name)
    _execute(postgres_url, f"drop database {name} with (force)")


@pytest.fixture
def ledger(database: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """An open autocommit connection to ``database``."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """An embedded server of the test's own home, not started; removed afterwards."""
    embedded = EmbeddedPostgres(tmp_path / "home")
    yield embedded
    embedded.remove()


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return url.replace("/telemetry?", f"/{database}?")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
