"""What a command needs around it: its database, its stand-ins, the demo's upstream, the phases run.

What belongs here: putting ``local/``, ``demo/`` and the runner together for a command. What does not: options, drawing.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_assets import settings as declared
from telemetry_assets.errors import TelemetryError, UsageError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from telemetry_assets.answers.refresh import Phase, PhaseResult
    from telemetry_assets.demo.upstream import AdsUpstream
    from telemetry_assets.local.children import Service
    from telemetry_assets.render.progress import Display
    from telemetry_assets.settings import Settings


@contextmanager
def open_ledger(settings: "Settings") -> "Generator[Connection[TupleRow]]":
    """A connection to the ledger of the settings; the embedded server is started for it where it is down."""
    from telemetry_assets.ledger.connection import connect
    from telemetry_assets.ledger.schema import require_current
    from telemetry_assets.local.postgres import using_database

    with using_database(settings) as dsn, connect(dsn) as conn:
        require_current(conn)
        yield conn


def whole_stack(
    settings: "Settings", show: "Display", *, tenant: str | None = None, servers: bool = True
) -> AbstractContextManager[str]:
    """Prepared, with a database, the demo's upstream and a local Airbyte where the environment names none.

    Raises UsageError for an unknown ``tenant`` before any server is started; without ``servers`` none is.
    """
    from telemetry_assets.answers.tenants import find_tenant
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.stand_ins import stack

    def bring_up() -> None:
        known = bring_up_to_date(settings, on_step=lambda step: show.note(f"prepare {step}"))
        if tenant:
            find_tenant(known, tenant)

    upstream, environment = demo_upstream(settings)
    show.note("start PostgreSQL")
    return stack(settings, upstream, environment, bring_up, servers=servers)


def run_phases(
    settings: "Settings", phases: "Sequence[Phase]", tenant: str | None, show: "Display"
) -> "Sequence[PhaseResult]":
    """Run the phases for all tenants or one (slug or id); ``show`` hears how far it is."""
    from telemetry_assets.answers.tenants import find_tenant
    from telemetry_assets.defs.runner import known_tenants
    from telemetry_assets.defs.runner import refresh as run

    only = [find_tenant(known_tenants(settings), tenant).slug] if tenant else []
    return run(settings, phases, only, on_phase=show.phase, on_step=show.step)


def operator(named: str | None) -> str:
    """Who does it: as they say, else the user this process runs as. Raises UsageError for a name of nothing."""
    import os
    import pwd

    if named is not None:
        if not named.strip():
            raise UsageError("--by is empty.", "Name who does it, or leave --by out.")
        return named.strip()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def state_in_a_line(settings: "Settings") -> str:
    """How everything promised stands, in a line; a problem of looking is told instead."""
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render.status import one_line

    try:
        with open_ledger(settings) as conn:
            return one_line(read_status(conn, settings, datetime.now(UTC)))
    except TelemetryError as error:
        return str(error)


def own_database(project_dir: Path) -> "AbstractContextManager[str | None]":
    """The embedded PostgreSQL, where the project is that of the telemetry.yaml here and nothing else is named."""
    if declared.environment("DATABASE_URL"):
        return nullcontext()
    try:
        settings = declared.load()
    except TelemetryError:
        return nullcontext()
    ours = settings.dbt is not None and settings.dbt.project_dir == project_dir.resolve()
    if not ours:
        return nullcontext()
    from telemetry_assets.local.postgres import using_database

    return using_database(settings)


def demo_upstream(settings: "Settings") -> "tuple[list[Service], Callable[[], Mapping[str, str]]]":
    """The demo's ads API, where a connection asks for its address and the environment names none."""
    from telemetry_assets.demo.upstream import PORT, URL_VARIABLE
    from telemetry_assets.local.children import Service
    from telemetry_assets.local.ports import answers, free_port

    if URL_VARIABLE not in settings.env_names() or declared.environment(URL_VARIABLE):
        return [], dict
    ads = ads_of(settings)
    ads.prepare(datetime.now(UTC))
    service = Service("ads_api", lambda: ads.command(free_port(PORT)), lambda: bool(ads.url) and answers(ads.url or ""))
    return [service], ads.environment


def ads_of(settings: "Settings") -> "AdsUpstream":
    """The demo's ads API of this home."""
    from telemetry_assets.demo.upstream import AdsUpstream

    return AdsUpstream(settings.home / "demo")
