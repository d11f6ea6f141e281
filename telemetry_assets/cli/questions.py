"""The commands that look and answer, and change nothing: scan, status, why, health, doctor, config.

Each is: parse → one answer → render. Heavy imports stand inside the command that needs them.
"""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import Json, TenantOption, app, config_app
from telemetry_assets.cli.session import open_ledger, own_database
from telemetry_assets.cli.watch import watch_status
from telemetry_assets.errors import UsageError
from telemetry_assets.model import ExitCode

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from telemetry_assets.answers.status import StatusAnswer


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

    with nullcontext(database_url) if database_url else own_database(project_dir) as url:
        options = ScanOptions(by, project_dir, profiles_dir, target, manifest, url, select)
        answer = look(options)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def status(
    asset: Annotated[str | None, typer.Argument(help="One asset or a pattern, e.g. 'marts/*'.")] = None,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", "--tenant-id", help="A tenant, by slug or id; may be repeated.")
    ] = None,
    late: Annotated[bool, typer.Option("--late", help="Only broken promises.")] = False,
    watching: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[str | None, typer.Option("--every", help="How often with --watch: 2s, 1m. Default 2s.")] = None,
    as_json: Json = False,
) -> int:
    """Every promise, per tenant: run age, data age, limit, state, and the root that binds.

    Exit: 0 fresh, 2 late, 3 never seen, 4 could not look.
    """
    from telemetry_assets.answers.status import read_status
    from telemetry_assets.render import status as render

    def ask(conn: "Connection[TupleRow]") -> "StatusAnswer":
        now, fresh_rows = datetime.now(UTC), as_json
        return read_status(conn, settings, now, asset=asset, tenant=tenant, late=late, fresh_rows=fresh_rows)

    if watching and as_json:
        raise UsageError("--watch shows people what changes, --json answers once.", "Take one of the two.")
    if every is not None and not watching:
        raise UsageError("--every says how often --watch looks.", "Add --watch, or leave it out.")
    settings = declared.load()
    if watching:
        return watch_status(settings, ask, every or "2s")
    with open_ledger(settings) as conn:
        answer = ask(conn)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def why(
    asset: Annotated[str, typer.Argument(help="The asset whose promise is not kept, e.g. marts/tenant_dashboard.")],
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """The one cause of a promise that is not kept: where the data stops, what to do, what hangs on it.

    Exit: as status, for what is explained: 0 fresh, 2 late, 3 never seen, 4 could not look.
    """
    from telemetry_assets.answers.why import read_why
    from telemetry_assets.render import why as render

    with open_ledger(settings := declared.load()) as conn:
        answer = read_why(conn, settings, datetime.now(UTC), asset, tenant)
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

    with open_ledger(settings := declared.load()) as conn:
        answer = read_health(conn, settings, datetime.now(UTC), tenant=tenant, component=component)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@app.command()
def doctor(
    send_test: Annotated[
        str | None,
        typer.Option(
            "--send-test",
            metavar="CHANNEL",
            help="Send a message that is marked as a test to this channel, and do nothing else.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Test each thing we depend on; say what is wrong and what to do about it.

    Exit: 0, 4 could not look, 1 misconfigured.
    With --send-test: 0 accepted, 1 not accepted, 5 no such channel.
    """
    if send_test is not None:
        from telemetry_assets.cli.alerts import test_channel

        return test_channel(declared.load(), send_test, as_json=as_json)
    from telemetry_assets.answers.doctor import examine
    from telemetry_assets.dispatch.testing import require_usable
    from telemetry_assets.local.examine import local_findings
    from telemetry_assets.render import doctor as render

    answer = examine(declared.load, local_findings, require_usable)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@config_app.command("show")
def config_show(as_json: Json = False) -> int:
    """The effective configuration, secrets masked."""
    import json

    from telemetry_assets.answers.config import effective
    from telemetry_assets.render.config import as_text

    answer = effective(declared.load())
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else as_text(answer))
    return ExitCode.OK


@config_app.command("lint")
def config_lint(
    strict: Annotated[bool, typer.Option("--strict", help="A warning counts as an error.")] = False,
    as_json: Json = False,
) -> int:
    """What is wrong with telemetry.yaml: windows no upstream can meet, promises nobody uses, tenants never seen.

    Starts nothing; without a database only what is written is looked at.
    Exit: 0 no error, 1 an error, 4 could not look.
    """
    from telemetry_assets.answers.lint import read_lint
    from telemetry_assets.render import lint as render

    answer = read_lint(declared.load(), datetime.now(UTC), strict=strict)
    (render.print_json if as_json else render.print_terminal)(answer)
    return answer.exit_code


@config_app.command("schema")
def config_schema() -> int:
    """The JSON Schema of telemetry.yaml, for editors (committed as schemas/config/telemetry.schema.json)."""
    import json

    from telemetry_assets.declaration.parse import schema

    typer.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
    return ExitCode.OK
