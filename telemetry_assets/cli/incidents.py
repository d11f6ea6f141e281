"""The commands about incidents: list, show, ack, close, export, replay, silence, run.

Each is: parse → one answer or act → render. Heavy imports stand inside the command that needs them.
"""

import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import Json, incidents_app, say
from telemetry_assets.cli.session import open_ledger, operator
from telemetry_assets.cli.watch import interval
from telemetry_assets.errors import UsageError
from telemetry_assets.model import ExitCode

if TYPE_CHECKING:
    from telemetry_assets.answers.incidents_answer import Incident
    from telemetry_assets.answers.incidents_run import Sent
    from telemetry_assets.settings import Settings

DELIVERED_WITHIN = 20.0
"""Seconds that ``run`` sends before it ends."""

Number = Annotated[int, typer.Argument(metavar="N", help="The incident's number, as list shows it.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it; by default the user of this computer.")]


@incidents_app.command("list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also what was resolved more than a day ago.")] = False,
    as_json: Json = False,
) -> int:
    """What is wrong now, and what was in the last day: the cause, how far it reaches, who was told, who was not.

    Exit: 0; how things stand is what `telemetry status` and `telemetry incidents run` end with.
    """
    from telemetry_assets.answers.incidents import read_incidents
    from telemetry_assets.render import incidents as render

    with open_ledger(declared.load()) as conn:
        answer = read_incidents(conn, datetime.now(UTC), everything=everything)
    (render.print_json if as_json else render.print_list)(answer)
    return ExitCode.OK


@incidents_app.command()
def show(number: Number, as_json: Json = False) -> int:
    """Everything of one incident: cause, what to do, whom it hits, what happened when, what became of each message."""
    from telemetry_assets.answers.incidents import read_incident
    from telemetry_assets.render.incident import print_incident
    from telemetry_assets.render.incidents import print_json

    with open_ledger(declared.load()) as conn:
        answer = read_incident(conn, datetime.now(UTC), number)
    (print_json if as_json else print_incident)(answer)
    return ExitCode.OK


@incidents_app.command()
def ack(number: Number, by: By = None, as_json: Json = False) -> int:
    """Say that somebody sees to it: nobody is reminded any more, and it is not escalated. Twice changes nothing.

    Exit: 0; 5 where it is resolved already, or there is no such incident.
    """
    from telemetry_assets.dispatch.by_hand import acknowledge

    settings = declared.load()
    with open_ledger(settings) as conn:
        incident, is_new = acknowledge(conn, settings, number, operator(by), datetime.now(UTC))
    if as_json:
        _print_incident_json(incident, changed=is_new)
        return ExitCode.OK
    who = f"by {incident.acknowledged_by} at {incident.acknowledged_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"Incident {number} {'is' if is_new else 'was already'} acknowledged {who}.")
    return ExitCode.OK


@incidents_app.command()
def close(number: Number, by: By = None, as_json: Json = False) -> int:
    """Look now whether it is over. If it is, it is resolved, with the ages before and after; else it stays open.

    Nobody closes by hand what is broken still. Exit: 0 resolved, 1 broken still, 4 could not look, 5 no such incident.
    """
    from telemetry_assets.dispatch.by_hand import close as look_and_close
    from telemetry_assets.render.incident_changes import closed_text

    settings = declared.load()
    with open_ledger(settings) as conn:
        closed = look_and_close(conn, settings, number, operator(by), datetime.now(UTC))
    if as_json:
        _print_incident_json(closed.after, changed=not closed.already)
    else:
        typer.echo(closed_text(closed.after, already=closed.already))
    return ExitCode.OK


@incidents_app.command()
def export(
    number: Number,
    form: Annotated[str, typer.Option("--format", help="markdown or json.")] = "markdown",
) -> int:
    """The report of one incident for a ticket: timeline, cause, reach, minutes of breach, room for the analysis."""
    from telemetry_assets.answers.incidents import read_incident
    from telemetry_assets.render.incident_export import markdown
    from telemetry_assets.render.incidents import print_json

    if form not in ("markdown", "json"):
        raise UsageError(f"--format {form!r} is not known.", "Take markdown or json.")
    with open_ledger(declared.load()) as conn:
        answer = read_incident(conn, datetime.now(UTC), number)
    if form == "json":
        print_json(answer)
    else:
        typer.echo(markdown(answer), nl=False)
    return ExitCode.OK


@incidents_app.command()
def replay(
    number: Annotated[int | None, typer.Argument(metavar="[N]", help="One incident; all if left away.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only what died on this channel.")] = None,
    by: By = None,
    as_json: Json = False,
) -> int:
    """Send anew what could not be delivered for good, once its channel is mended. Whoever dispatches sends it."""
    import json

    from telemetry_assets.dispatch.by_hand import replay as write_anew
    from telemetry_assets.spoken import counted

    settings = declared.load()
    with open_ledger(settings) as conn:
        written = write_anew(conn, settings, number, channel, operator(by), datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps({"incident": number, "channel": channel, "replayed": written}))
    elif written:
        typer.echo(
            f"{counted(written, 'message')} to be sent anew: telemetry dispatch, telemetry up or the alerts sensor"
        )
    else:
        typer.echo("Nothing died that is to be sent anew.")
    return ExitCode.OK


@incidents_app.command()
def silence(
    asset: Annotated[str | None, typer.Argument(help="An asset or a pattern, e.g. 'marts/*'.")] = None,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", "--tenant-id", help="One tenant alone, by slug or id.")
    ] = None,
    duration: Annotated[str | None, typer.Option("--for", help="How long: 30m, 2h, 1d.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why nobody needs to be told.")] = None,
    by: By = None,
    shown: Annotated[bool, typer.Option("--list", help="Show those in force.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --list: those that are over too.")] = False,
    expire: Annotated[
        int | None, typer.Option("--expire", metavar="ID", help="End the one of this id before its time.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Have nobody told of an asset for a while: incidents open as ever, and are told if they are open when it ends.

    For example: telemetry incidents silence 'marts/*' --tenant northshore --for 2h --reason 'backfill'
    """
    if sum([asset is not None, shown, expire is not None]) != 1:
        raise UsageError("A silence is made for an asset, listed or ended.", "Give ASSET, --list or --expire ID.")
    if tenant and len(tenant) > 1:
        raise UsageError("A silence is for one tenant, or for all.", "Make one for each, or leave --tenant out.")
    settings = declared.load()
    if shown:
        return _list_silences(settings, everything, as_json)
    if expire is not None:
        return _end_silence(settings, expire, operator(by), as_json)
    if duration is None or reason is None:
        raise UsageError("A silence needs an end and a reason.", "Say --for 2h --reason 'what is going on'.")
    return _make_silence(settings, asset or "", tenant[0] if tenant else None, duration, reason, operator(by), as_json)


@incidents_app.command()
def run(
    no_deliver: Annotated[bool, typer.Option("--no-deliver", help="Send nothing; what is to be told waits.")] = False,
    as_json: Json = False,
) -> int:
    """Look at everything now: print what changes, and send it (for up to 20 s) before this ends.

    Exit: of what is broken now, silenced or not, 0 nothing, 1 failing, 2 late, 3 never seen, 4 could not look.
    """
    from telemetry_assets.answers.incidents_run import RunAnswer
    from telemetry_assets.dispatch.evaluate import evaluate
    from telemetry_assets.render import incident_changes as render
    from telemetry_assets.render.incidents import print_json

    settings, now = declared.load(), datetime.now(UTC)
    with open_ledger(settings) as conn:
        found = evaluate(conn, settings, now)
        answer = RunAnswer(now, found.changes, found.situations, found.owed, found.broken)
        if not as_json:
            render.print_changes(answer)
        if not no_deliver:
            answer = replace(answer, sent=_deliver(settings, quietly=as_json))
    if as_json:
        print_json(answer)
    elif answer.sent:
        render.print_sent(answer.sent)
    return answer.exit_code


def _deliver(settings: "Settings", *, quietly: bool) -> "Sent":
    """Send what waits; ``quietly``: what a console channel prints goes beside the answer."""
    from telemetry_assets.answers.incidents_run import Sent
    from telemetry_assets.dispatch.drain import drain

    with redirect_stdout(sys.stderr) if quietly else nullcontext():
        drained = drain(settings, seconds=DELIVERED_WITHIN, say=say)
    return Sent(drained.sent, drained.again, drained.dead)


def _list_silences(settings: "Settings", everything: bool, as_json: bool) -> int:
    from telemetry_assets.answers.incidents import read_silences
    from telemetry_assets.answers.incidents_answer import silence_json
    from telemetry_assets.render.incidents import print_json, print_silences

    now = datetime.now(UTC)
    with open_ledger(settings) as conn:
        found = read_silences(conn, now, everything=everything)
    if as_json:
        print_json([silence_json(one) for one in found])
    else:
        print_silences(found, now)
    return ExitCode.OK


def _end_silence(settings: "Settings", identifier: int, by: str, as_json: bool) -> int:
    from telemetry_assets.answers.incidents_answer import silence_json
    from telemetry_assets.dispatch.by_hand import end_silence
    from telemetry_assets.render.incidents import print_json

    with open_ledger(settings) as conn:
        ended = end_silence(conn, identifier, by, datetime.now(UTC))
    if as_json:
        print_json(silence_json(ended))
    else:
        typer.echo(f"Silence {identifier} of {ended.asset} is over. What is open still is told at the next evaluation.")
    return ExitCode.OK


def _make_silence(
    settings: "Settings", asset: str, tenant: str | None, duration: str, reason: str, by: str, as_json: bool
) -> int:
    from telemetry_assets.answers.incidents_answer import silence_json
    from telemetry_assets.dispatch.by_hand import silence as ask_for_silence
    from telemetry_assets.render.incidents import print_json
    from telemetry_assets.spoken import counted

    now = datetime.now(UTC)
    until = now + interval(duration, "--for")
    with open_ledger(settings) as conn:
        made, covered = ask_for_silence(conn, asset, tenant, until, reason, by, now)
    if as_json:
        print_json({**silence_json(made), "covers": list(covered)})
        return ExitCode.OK
    whose = f" of {made.tenant}" if made.tenant else ""
    typer.echo(
        f"Silence {made.id}: nobody is told of {asset}{whose} ({counted(len(covered), 'asset')}) until "
        f"{until:%Y-%m-%d %H:%M} UTC. End it: telemetry incidents silence --expire {made.id}"
    )
    return ExitCode.OK


def _print_incident_json(incident: "Incident", *, changed: bool) -> None:
    from telemetry_assets.answers.incidents_answer import incident_json
    from telemetry_assets.render.incidents import print_json

    print_json({**incident_json(incident), "changed": changed})
