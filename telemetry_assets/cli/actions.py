"""The commands that do something: prepare, refresh, up, demo, db. Heavy imports stand inside the command."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import Json, TenantOption, app, db_app, demo_app, say
from telemetry_assets.cli.session import ads_of, demo_upstream, open_ledger, run_phases, state_in_a_line, whole_stack
from telemetry_assets.model import ExitCode, worst_exit


@app.command()
def prepare() -> int:
    """Bring ledger, tenants, dbt manifest and Dagster home up to date. Safe to repeat; nothing is synced or built."""
    settings = declared.load()
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.postgres import using_database

    with using_database(settings):
        tenants = bring_up_to_date(settings, on_step=lambda step: say(f"preparing {step}"))
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
    from telemetry_assets.answers.refresh import Phase, phases_named
    from telemetry_assets.render import progress

    settings = declared.load()
    phases = phases_named(phase, one_tenant=bool(tenant))
    with (
        progress.shown(quiet=as_json) as show,
        whole_stack(settings, show, tenant=tenant, servers=Phase.SYNC in phases),
    ):
        results = run_phases(settings, phases, tenant, show)
    (progress.print_json if as_json else progress.print_results)(results)
    return worst_exit([result.exit_code for result in results])


@app.command()
def up() -> int:
    """Everything live until Ctrl-C: PostgreSQL, local Airbyte, Dagster UI and daemon, schedules running."""
    from telemetry_assets.defs.runner import prepare as bring_up_to_date
    from telemetry_assets.local.supervisor import run_until_interrupted

    settings = declared.load()
    return run_until_interrupted(
        settings,
        *demo_upstream(settings),
        prepare=lambda: bring_up_to_date(settings),
        say=lambda text: typer.echo(text),
        report=lambda: state_in_a_line(settings),
    )


@demo_app.callback()
def demo(context: typer.Context) -> int:
    """Run the example once: sync two sources for five tenants, build, publish, check, and show the result."""
    if context.invoked_subcommand:
        return ExitCode.OK
    from telemetry_assets.answers.health import read_health
    from telemetry_assets.answers.refresh import Phase
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render import demo as render
    from telemetry_assets.render import progress

    settings = declared.load()
    began = datetime.now(UTC)
    with progress.shown() as show, whole_stack(settings, show):
        results = run_phases(settings, tuple(Phase), None, show)
        with open_ledger(settings) as conn:
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
    """Break a feed of the example: stop, lag, silence, lose-field, change-type or error.

    The next sync meets it; telemetry demo heal ends it.
    """
    from telemetry_assets.demo import breakages

    settings = declared.load()
    broken = breakages.break_feed(
        ads_of(settings).faults_file, kind, source=source, account=tenant, now=datetime.now(UTC)
    )
    for feed in broken:
        typer.echo(
            f"broken: {feed.kind} of account {feed.account}, streams {feed.stream}, since {feed.since:%H:%M:%S} UTC"
        )
    typer.echo("See it: telemetry refresh && telemetry status --late    End it: telemetry demo heal")
    return ExitCode.OK


@demo_app.command("heal")
def demo_heal(
    source: Annotated[str | None, typer.Option(help="One source of the example; all if left away.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant, by slug.")] = None,
) -> int:
    """End breakages of the example, the dead feed it starts with included."""
    from telemetry_assets.demo import breakages
    from telemetry_assets.spoken import counted

    settings = declared.load()
    healed = breakages.heal(ads_of(settings).faults_file, source=source, account=tenant)
    typer.echo(f"healed {counted(len(healed), 'feed')}; the next sync brings their data: telemetry refresh")
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
