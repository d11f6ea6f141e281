"""Where to look next: the page of the asset, dashboards, runbooks.

What belongs here: filling URLs in. What does not: showing them (``channels/``).
"""

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from urllib.parse import quote, urlsplit

from telemetry_assets.incidents.incident import Incident
from telemetry_assets.incidents.routing import Routing
from telemetry_assets.incidents.texts import one_line

BOARDS_SHOWN = 5
LABEL_LENGTH = 80
URL_LENGTH = 2000

type Link = tuple[str, str]
"""(label, URL)."""


def links_of(incident: Incident, owners: Sequence[str], routing: Routing) -> tuple[tuple[Link, ...], tuple[str, ...]]:
    """The links of a message for these owners, and a note for each that could not be made: it is left out."""
    links = list(_pages(incident, routing.dagster_url))
    notes: list[str] = []
    for board in incident.dashboards[:BOARDS_SHOWN]:
        _take(links, notes, board.label, board.url)
    values = _values(incident)
    for owner in owners:
        route = routing.routes.get(owner)
        for name, template in (("Runbook", route.runbook), ("Dashboard", route.dashboard)) if route else ():
            label = name if len(owners) == 1 else f"{name} of {owner}"
            try:
                _take(links, notes, label, filled(template, values))
            except ValueError as error:
                notes.append(f"The {name.lower()} link of {owner} is left out: {error}")
    labels: dict[str, str] = {}
    for label, url in links:
        labels.setdefault(url, label)
    return tuple((label, url) for url, label in labels.items()), tuple(notes)


def filled(template: str, values: Mapping[str, str]) -> str:
    """A URL template with its names filled in, quoted for URLs. Raises ValueError, saying what it may hold."""
    parts: list[str] = []
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{one_line(template, LABEL_LENGTH)!r} is no template ({error})") from error
    for literal, name, spec, conversion in pieces:
        parts.append(literal)
        if name is None:
            continue
        if name not in values or spec or conversion:
            known = ", ".join(f"{{{known}}}" for known in values)
            raise ValueError(f"{one_line(template, LABEL_LENGTH)!r} may hold {known}, and holds {{{name}}}")
        parts.append(quote(values[name], safe="", errors="replace"))
    return "".join(parts)


def _values(incident: Incident) -> dict[str, str]:
    return {
        "incident": str(incident.number),
        "kind": str(incident.kind),
        "root": incident.root,
        "asset": incident.worst.asset,
        "tenant": incident.worst.tenant,
    }


def _pages(incident: Incident, dagster_url: str) -> Iterator[Link]:
    if not dagster_url:
        return
    assets = [asset for asset in dict.fromkeys((incident.root, incident.worst.asset)) if asset]
    for asset in assets:
        page = quote(asset, safe="/", errors="replace")
        yield f"{one_line(asset, LABEL_LENGTH)} in Dagster", f"{dagster_url}/assets/{page}"
    if not assets:
        yield "Dagster", dagster_url


def _take(links: list[Link], notes: list[str], label: str, url: str) -> None:
    """Only what a browser opens: a link of any other kind is somebody's trick or a slip."""
    if not url:
        return
    shown = one_line(label, LABEL_LENGTH) or "Dashboard"
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https") or len(url) > URL_LENGTH or url != one_line(url, URL_LENGTH):
        notes.append(f"The link {shown} is left out: {one_line(url, LABEL_LENGTH)!r} is no URL of a page")
    else:
        links.append((shown, url))
