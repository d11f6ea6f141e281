"""The local Airbyte as a service of ours, and the stack a command needs: a database, and servers where none is named.

What belongs here: which stand-ins the settings call for. What does not: the demo's own upstream (``cli.py`` adds it).
"""

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from telemetry_assets import running
from telemetry_assets.local.children import Service, running_services
from telemetry_assets.local.ports import answers, free_port
from telemetry_assets.local.postgres import using_database
from telemetry_assets.settings import Settings

AIRBYTE_PORT = 8700


def airbyte_service(settings: Settings, environment: Callable[[], Mapping[str, str]] = dict) -> Service:
    """The local Airbyte; ``environment`` gives the secrets its connectors may ask for."""

    def argv() -> Sequence[str]:
        port = free_port(AIRBYTE_PORT)
        return [sys.executable, "-m", "telemetry_assets.local.airbyte_server", "--port", str(port)]

    def is_up() -> bool:
        entry = running.read(settings.home).get("airbyte")
        return bool(entry) and answers(f"{entry['url']}/public/v1/health")

    return Service("airbyte", argv, is_up, lambda: {**own_environment(settings), **environment()})


def own_environment(settings: Settings) -> dict[str, str]:
    """What every process we start must know to find the same declaration and the same home."""
    return {
        "TELEMETRY_CONFIG": str(settings.path),
        "TELEMETRY_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
    }


@contextmanager
def stack(
    settings: Settings,
    upstream: Sequence[Service] = (),
    environment: Callable[[], Mapping[str, str]] = dict,
    after_database: Callable[[], object] = lambda: None,
    *,
    servers: bool = True,
) -> Generator[str]:
    """A database, ``upstream``, and a local Airbyte where AIRBYTE_URL is unset; what was not up is stopped at the end.

    ``after_database`` runs once the database answers, before the servers start; without ``servers`` none does.
    Yields the DSN.
    """
    with using_database(settings) as dsn:
        after_database()
        airbyte = [] if settings.airbyte.url or not settings.sources else [airbyte_service(settings, environment)]
        with running_services([*upstream, *airbyte] if servers else [], settings.home / "logs"):
            yield dsn
