"""The command ``telemetry``: parse → one answer → render. Heavy imports stand inside the command that needs them.

What belongs here: options, which stand-ins a command needs, exit codes. What does not: deciding or drawing anything.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.errors import TelemetryError
from telemetry_assets.model import ExitCode, worst_exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection
    from psycopg.rows import TupleRow

    from telemetry_assets.answers.refresh import PhaseResult
    from telemetry_assets.demo.upstream import AdsUpstream
    from telemetry_assets.local.children import Service
    from telemetry_assets.render.progress import Display
    from telemetry_assets.settings import Settings

app = typer.Typer(
    name="telemetry",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Is every tenant's data young enough and shaped right? Try: telemetry demo, or telemetry scan --by tenant_id",
)
demo_app = typer.Typer(invoke_without_command=True, help="Run the example end to end; break a feed, heal it.")
config_app = typer.Typer(no_args_is_help=True, help="What is declared, and the schema editors complete with.")
db_app = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL of this home.")
app.add_typer(demo_app, name="demo")
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", "--tenant-id", help="One tenant, by slug or id.")]


def main() -> None:
    """The console script. Maps every end to the one table of exit codes; never a bare traceback."""
    import click

    try:
        code = app(standalone_mode=False)
        sys.exit(int(code) if isinstance(code, int) else 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except TelemetryError as error:
        _say(f"telemetry: {error}")
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_unexpected(error))


@app.command()
def scan(
    by: Annotated[str, typer.Option("--by", help="The column that says whose row it is, e.g. tenant_id.")],
    project_dir: Annotated[Path, typer.Option(help="The dbt project.")] = Path(),
    profiles_dir: Annotated[Path | None, typer.Option(help="Where profiles.yml is, if not where dbt looks.")] = None,
    target: Annotated[str | None, typer.Option(help="The profile's target, if not its default.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="A manifest.json to read instead of the project's files.")
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="Instead of DATABASE_URL or the dbt profile.")] = None,
    select: Annotated[str | None, typer.Option(help="Only sources matching this, e.g. shop or shop.orders.")] = None,
    as_json: Json = False,
) -> int:
    """dbt source freshness per tenant, on any dbt project with PostgreSQL. Read-only, no configuration of ours.

    Reuses the project's own freshness: and loaded_at_field. Exit: 0 fresh, 2 late, 3 never seen, 4 could not look.
    """
    from telemetry_assets.answers.scan import ScanOptions
    from telemetry_assets.answers.scan import scan as look
    from telemetry_assets.render import scan as render

    with nullcontext(database_url) if database_url else _own_database(project_dir) as url:
        options = ScanOptions(by, project_dir, profiles_dir, target, manifest, url, select)
        answer = look(options, now=datetime.now(UTC))
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def prepare() -> int:
    """Bring ledger, tenants, dbt manifest and Dagster home up to date. Safe to repeat; nothing is synced or built."""
    settings = declared.load()
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.postgres import using_database

    with using_database(settings):
        tenants = bring_up_to_date(settings, on_step=lambda step: _say(f"preparing {step}"))
    typer.echo(f"Ready for {len(tenants)} tenants. Next: telemetry refresh, or telemetry up")
    return ExitCode.OK


@app.command()
def refresh(
    phase: Annotated[
        str | None, typer.Argument(help="sync, build, snapshots or checks; all of them if left away.")
    ] = None,
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Sync, build, publish and check once, in this process; the runs are in the Dagster UI as well.

    --tenant narrows sync and snapshots; dbt always builds all tenants.
    Exit: 1 when something failed, 2 when promises are late.
    """
    from telemetry_assets.render import progress

    settings = declared.load()
    with progress.shown(quiet=as_json) as show, _stack(settings, show):
        results = _refresh(settings, phase, tenant, show)
    (progress.print_json if as_json else progress.print_results)(results)
    return worst_exit([result.exit_code for result in results])


@app.command()
def status(
    asset: Annotated[str | None, typer.Argument(help="One asset, e.g. marts/tenant_dashboard.")] = None,
    tenant: TenantOption = None,
    late: Annotated[bool, typer.Option("--late", help="Only broken promises.")] = False,
    as_json: Json = False,
) -> int:
    """Every promise, per tenant: run age, data age, window, state, and the root that binds."""
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render import status as render

    with _ledger(settings := declared.load()) as conn:
        answer = read_status(conn, settings, datetime.now(UTC), asset=asset, tenant=tenant, late=late)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def health(
    component: Annotated[str | None, typer.Argument(help="airbyte, dbt or snapshots; all if left away.")] = None,
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """The health of Airbyte, dbt and the snapshots, as dashboards read it.

    Exit: 0 ok, 1 failing, 2 stale, 3 missing, 4 could not look.
    """
    from telemetry_assets.answers.health import read_health
    from telemetry_assets.render import health as render

    with _ledger(settings := declared.load()) as conn:
        answer = read_health(conn, settings, datetime.now(UTC), tenant=tenant, component=component)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def doctor(as_json: Json = False) -> int:
    """Test each thing we depend on; say what is wrong and what to do about it."""
    from telemetry_assets.answers.doctor import examine
    from telemetry_assets.local.examine import local_findings
    from telemetry_assets.render import doctor as render

    answer = examine(declared.load, local_findings)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def up() -> int:
    """Everything live until Ctrl-C: PostgreSQL, local Airbyte, Dagster UI and daemon, schedules running."""
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.supervisor import run_until_interrupted

    settings = declared.load()
    return run_until_interrupted(
        settings,
        *_upstream(settings),
        prepare=lambda: bring_up_to_date(settings),
        say=lambda text: typer.echo(text),
        report=lambda: _one_line(settings),
    )


@demo_app.callback()
def demo(context: typer.Context) -> int:
    """Run the example once: sync two sources for five tenants, build, publish, check, and show the result."""
    if context.invoked_subcommand:
        return ExitCode.OK
    from telemetry_assets.answers.health import read_health
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render import demo as render
    from telemetry_assets.render import progress

    settings = declared.load()
    began = datetime.now(UTC)
    with progress.shown() as show, _stack(settings, show):
        results = _refresh(settings, None, None, show)
        with _ledger(settings) as conn:
            now = datetime.now(UTC)
            state, condition = read_status(conn, settings, now), read_health(conn, settings, now)
    render.print_tour(settings, results, state, condition, took=datetime.now(UTC) - began)
    return ExitCode.OK


@demo_app.command("break")
def demo_break(
    kind: Annotated[str, typer.Argument(help="stop, lag, silence, lose-field, change-type or error.")],
    source: Annotated[str | None, typer.Option(help="One source of the example; all if left away.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant, by slug.")] = None,
) -> int:
    """Break a feed of the example. The next sync meets it; telemetry demo heal ends it."""
    from telemetry_assets.demo import breakages

    settings = declared.load()
    broken = breakages.break_feed(
        _ads(settings).faults_file, kind, source=source, account=tenant, now=datetime.now(UTC)
    )
    for feed in broken:
        typer.echo(f"broken: {feed}")
    typer.echo("See it: telemetry refresh && telemetry status --late    End it: telemetry demo heal")
    return ExitCode.OK


@demo_app.command("heal")
def demo_heal(
    source: Annotated[str | None, typer.Option(help="One source of the example; all if left away.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant, by slug.")] = None,
) -> int:
    """End breakages of the example, the dead feed it starts with included."""
    from telemetry_assets.demo import breakages

    settings = declared.load()
    healed = breakages.heal(_ads(settings).faults_file, source=source, account=tenant)
    typer.echo(f"healed {len(healed)} feeds; the next sync brings their data: telemetry refresh")
    return ExitCode.OK


@config_app.command("show")
def config_show(as_json: Json = False) -> int:
    """The effective configuration, secrets masked."""
    import json

    from telemetry_assets.answers.config import effective
    from telemetry_assets.render.config import as_text

    answer = effective(declared.load())
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else as_text(answer))
    return ExitCode.OK


@config_app.command("schema")
def config_schema() -> int:
    """The JSON Schema of telemetry.yaml, for editors (committed as schemas/config/telemetry.schema.json)."""
    import json

    from telemetry_assets.declaration.parse import schema

    typer.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
    return ExitCode.OK


@db_app.command("start")
def db_start() -> int:
    """Start the embedded PostgreSQL and leave it running."""
    from telemetry_assets.local.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(declared.load().home)
    typer.echo(f"{'started' if server.start() else 'already up'}: {server.url}")
    return ExitCode.OK


@db_app.command("stop")
def db_stop() -> int:
    """Stop the embedded PostgreSQL of this home."""
    from telemetry_assets.local.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(declared.load().home)
    was_up = server.is_up()
    server.stop()
    typer.echo("stopped" if was_up else "it was not running")
    return ExitCode.OK


@db_app.command("url")
def db_url() -> int:
    """The URL of the embedded PostgreSQL, for other tools; DATABASE_URL, where it is set, is not repeated."""
    from telemetry_assets import running

    settings = declared.load()
    typer.echo("DATABASE_URL is set: that is the one" if settings.database else running.database_dsn(settings))
    return ExitCode.OK


@db_app.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def db_psql(context: typer.Context) -> int:
    """psql on the embedded PostgreSQL; what follows is given to psql."""
    import subprocess

    from telemetry_assets.local.postgres import psql_command, using_database

    settings = declared.load()
    with using_database(settings):
        return subprocess.run([*psql_command(settings.home), *context.args], check=False).returncode


def _ledger(settings: "Settings") -> "AbstractContextManager[Connection[TupleRow]]":
    from contextlib import contextmanager

    from telemetry_assets.ledger.connection import connect
    from telemetry_assets.ledger.schema import require_current
    from telemetry_assets.local.postgres import using_database

    @contextmanager
    def opened():
        with using_database(settings) as dsn, connect(dsn) as conn:
            require_current(conn)
            yield conn

    return opened()


def _stack(settings: "Settings", show: "Display") -> AbstractContextManager[str]:
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.stand_ins import stack

    upstream, environment = _upstream(settings)
    show.note("start PostgreSQL")
    return stack(
        settings,
        upstream,
        environment,
        lambda: bring_up_to_date(settings, on_step=lambda step: show.note(f"prepare {step}")),
    )


def _refresh(settings: "Settings", phase: str | None, tenant: str | None, show: "Display") -> "Sequence[PhaseResult]":
    from telemetry_assets.answers.refresh import phases_named
    from telemetry_assets.answers.tenants import find_tenant
    from telemetry_assets.defs.runner import known_tenants
    from telemetry_assets.defs.runner import refresh as run_phases

    only = [find_tenant(known_tenants(settings), tenant).slug] if tenant else []
    phases = phases_named(phase, one_tenant=bool(tenant))
    return run_phases(settings, phases, only, on_phase=show.phase, on_step=show.step)


def _one_line(settings: "Settings") -> str:
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render.status import one_line

    try:
        with _ledger(settings) as conn:
            return one_line(read_status(conn, settings, datetime.now(UTC)))
    except TelemetryError as error:
        return str(error)


def _own_database(project_dir: Path) -> "AbstractContextManager[str | None]":
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


def _upstream(settings: "Settings") -> "tuple[list[Service], Callable[[], Mapping[str, str]]]":
    """The demo's ads API, where a connection asks for its address and the environment names none."""
    from telemetry_assets.demo.upstream import PORT, URL_VARIABLE
    from telemetry_assets.local.children import Service
    from telemetry_assets.local.ports import answers, free_port

    if URL_VARIABLE not in settings.env_names() or declared.environment(URL_VARIABLE):
        return [], dict
    ads = _ads(settings)
    ads.prepare(datetime.now(UTC))
    service = Service("ads_api", lambda: ads.command(free_port(PORT)), lambda: bool(ads.url) and answers(ads.url or ""))
    return [service], ads.environment


def _ads(settings: "Settings") -> "AdsUpstream":
    from telemetry_assets.demo.upstream import AdsUpstream

    return AdsUpstream(settings.home / "demo")


def _unexpected(error: Exception) -> int:
    """A bug: its traceback goes to a file, a sentence to the terminal."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="telemetry-crash-", suffix=".txt", delete=False) as report:
        report.write("".join(traceback.format_exception(error)))
    _say(f"telemetry: a bug, not your mistake: {type(error).__name__}. Please report it with {report.name}.")
    return ExitCode.UNEXPECTED


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    main()
