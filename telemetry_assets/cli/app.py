"""The application ``telemetry``, its groups, the options that several commands share."""

from typing import Annotated

import typer

app = typer.Typer(
    name="telemetry",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Is every tenant's data young enough and shaped right? Try: telemetry demo, or telemetry scan --by tenant_id",
)
demo_app = typer.Typer(invoke_without_command=True, help="Run the example end to end; break a feed, heal it.")
config_app = typer.Typer(
    no_args_is_help=True, help="What is declared, what is wrong with it, and the schema editors complete with."
)
db_app = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL of this home.")
incidents_app = typer.Typer(
    no_args_is_help=True,
    help="What is wrong, why, and who was told: list, show, ack, close, export, replay, silence; run looks now.",
)
contracts_app = typer.Typer(
    no_args_is_help=True,
    help="The JSON Schemas of what we publish: list, validate, compare two versions, diff the folder, update it.",
)
app.add_typer(demo_app, name="demo")
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")
app.add_typer(incidents_app, name="incidents")
app.add_typer(contracts_app, name="contracts")

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", "--tenant-id", help="One tenant, by slug or id.")]


def say(text: str) -> None:
    """A word beside the answer, on stderr."""
    typer.echo(text, err=True)
