"""Whether the entries of telemetry.yaml agree with each other: names that must exist, names that must differ, secrets.

What belongs here: what no entry can know by itself, as problems with a place. What does not: the shape of an entry
(``shapes.py``), and anything outside the file except the connector manifests it names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from telemetry_assets.declaration.configured import FALLBACK
from telemetry_assets.declaration.document import Place, Problem, dotted, nearest
from telemetry_assets.declaration.entry import EntryError
from telemetry_assets.declaration.promised import PromiseDeclaration
from telemetry_assets.declaration.shapes import Declaration, TenantDeclaration

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset(
    {"apikey", "authorization", "credential", "credentials", "dsn", "passphrase", "passwd", "password", "pwd", "secret"}
    | {"secrets", "token", "tokens", "webhook"}
)
_KEYS_OF_LOCKS = frozenset({"access", "api", "auth", "encryption", "private", "secret", "shared", "signing"})
_URL_WITH_PASSWORD = re.compile(r"\w+://[^/\s:@]*:[^/\s@]+@")


def problems(declared: Declaration, folder: Path, unread: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """Everything in ``declared`` that does not agree with the rest of it.

    ``folder`` is where relative paths start; ``unread`` names the top-level keys that are broken themselves, so that
    nothing is said to be missing from them.
    """
    yield from _tenants(declared)
    yield from _connections(declared, None if "tenants" in unread else _slugs(declared))
    yield from _manifests(declared, folder)
    yield from _keys(declared)
    yield from _promises(declared, unread)
    yield from _owners(declared, unread)
    for name, channel in declared.channels.items():
        yield from _secrets(channel.options(), ("channels", name))
        if name == FALLBACK:
            yield Problem(("channels", name), "is what MONITOR_ALERT_WEBHOOK_URL is called; choose another name.")


def looks_like_a_secret(key: str) -> bool:
    """True for ``token``, ``client_secret``, ``apiKey``, ``webhook_url``; not for ``primary_key`` nor ``token_url``."""
    words = [word.lower() for word in _WORDS.findall(key)]
    if words[-2:] == ["webhook", "url"]:
        return True
    if not words or words[-1] != "key":
        return bool(words) and words[-1] in _SECRET_WORDS
    return len(words) == 1 or words[-2] in _KEYS_OF_LOCKS


def _slugs(declared: Declaration) -> list[str] | None:
    """The tenants' slugs, or None where a table holds them."""
    if isinstance(declared.tenants, list):
        return [tenant.slug for tenant in declared.tenants]
    return [] if declared.tenants is None else None


def _tenants(declared: Declaration) -> Iterator[Problem]:
    if not isinstance(declared.tenants, list):
        return
    for what in ("slug", "id", "name"):
        first: dict[Any, TenantDeclaration] = {}
        for index, tenant in enumerate(declared.tenants):
            value = getattr(tenant, what)
            if value in first:
                yield Problem(
                    ("tenants", index, what),
                    f"is {str(value)!r} again, the {what} of tenant '{first[value].slug}'; each tenant has its own.",
                )
            first.setdefault(value, tenant)


def _connections(declared: Declaration, slugs: list[str] | None) -> Iterator[Problem]:
    ids: dict[Any, str] = {}
    for name, source in declared.synced.items():
        first: dict[str | None, int] = {}
        for index, connection in enumerate(source.connections):
            place: Place = ("sources", name, "connections", index)
            if connection.tenant is not None:
                yield from _unknown_tenants([connection.tenant], slugs, (*place, "tenant"))
            if connection.tenant in first:
                whose = f"of tenant '{connection.tenant}'" if connection.tenant else "without a tenant"
                yield Problem(place, f"is the second one {whose} to {name}; a tenant has one connection per source.")
            if connection.connection_id in ids:
                taken = ids[connection.connection_id]
                yield Problem((*place, "connection_id"), f"is {connection.connection_id} again, as in {taken}.")
            first.setdefault(connection.tenant, index)
            if connection.connection_id:
                ids[connection.connection_id] = f"sources.{name}.connections[{index}]"
            yield from _secrets(connection.config, (*place, "config"))


def _unknown_tenants(named: Iterable[str], slugs: list[str] | None, place: Place) -> Iterator[Problem]:
    for slug in named:
        if slugs is not None and slug not in slugs:
            yield Problem(place, f"names tenant '{slug}', which is not in tenants; {nearest(slug, slugs)}")


def _manifests(declared: Declaration, folder: Path) -> Iterator[Problem]:
    for name, source in declared.synced.items():
        if source.manifest is not None and not (folder / source.manifest).is_file():
            there = sorted(path.name for path in (folder / source.manifest).parent.glob("*.yaml"))
            yield Problem(
                ("sources", name, "manifest"),
                f"names {folder / source.manifest}, which is not a file; {nearest(source.manifest.name, there)}",
            )


def _keys(declared: Declaration) -> Iterator[Problem]:
    """Two assets of one key; only a key chosen by hand, and a source called snapshots, can bring that about."""
    first: dict[str, Place] = {f"snapshots/{name}": ("snapshots", name) for name in declared.snapshots}
    for key, place in _source_keys(declared):
        if key in first:
            yield Problem(place, f"is the asset {key} again, which {dotted(first[key])} is already; choose another.")
        first.setdefault(key, place)


def _source_keys(declared: Declaration) -> Iterator[tuple[str, Place]]:
    for name, source in declared.synced.items():
        yield from ((f"{name}/{stream}", ("sources", name, "streams", stream)) for stream in source.streams)
    for name, source in declared.watched.items():
        yield from ((f"{name}/{table}", ("sources", name, "tables", table)) for table in source.tables)
    for name, source in declared.foreign.items():
        for asset, spec in source.assets.items():
            yield spec.key or f"{name}/{asset}", ("sources", name, "assets", asset)


def _promises(declared: Declaration, unread: frozenset[str]) -> Iterator[Problem]:
    slugs = None if "tenants" in unread else _slugs(declared)
    for index, promise in enumerate(declared.promises):
        place: Place = ("promises", index)
        yield from _promised_tenants(promise, slugs, place)
        if promise.owner is not None and "owners" not in unread:
            yield from _unknown_owner(promise.owner, declared, (*place, "owner"))


def _promised_tenants(promise: PromiseDeclaration, slugs: list[str] | None, place: Place) -> Iterator[Problem]:
    for slug in promise.own_limits():
        own: Place = (*place, "tenants", slug)
        yield from _unknown_tenants([slug], slugs, own)
        try:
            promise.own_limit(slug)
        except EntryError as error:
            yield Problem(own, f"{error}.")
    if isinstance(promise.tenants, list):
        for position, slug in enumerate(promise.tenants):
            yield from _unknown_tenants([slug], slugs, (*place, "tenants", position))


def _unknown_owner(owner: str, declared: Declaration, place: Place) -> Iterator[Problem]:
    if owner not in declared.owners:
        yield Problem(place, f"is '{owner}', which is not in owners; {nearest(owner, declared.owners)}")


def _owners(declared: Declaration, unread: frozenset[str]) -> Iterator[Problem]:
    for name, owner in declared.owners.items():
        if owner.escalate is not None:
            place: Place = ("owners", name, "escalate", "to")
            yield from _unknown_owner(owner.escalate.to, declared, place)
            if owner.escalate.to == name:
                yield Problem(place, f"is '{name}' itself, who has not acted then; name somebody else.")
        for severity, channels in owner.notify.items():
            for index, channel in enumerate(channels):
                if channel not in declared.channels and "channels" not in unread:
                    yield Problem(
                        ("owners", name, "notify", severity, index),
                        f"is '{channel}', which is not in channels; {nearest(channel, declared.channels)}",
                    )


def _secrets(value: Any, place: Place, under: str = "") -> Iterator[Problem]:
    """Secrets written out, and ``{env: …}`` that names no variable. Never shows the value."""
    if isinstance(value, Mapping):
        if set(value) == {"env"}:
            if not (isinstance(value["env"], str) and _VARIABLE.fullmatch(value["env"])):
                yield Problem((*place, "env"), "is not the name of an environment variable: write {env: META_TOKEN}.")
            return
        for key, item in value.items():
            yield from _secrets(item, (*place, str(key)), str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, (*place, index), under)
    elif _is_written_out(value, under):
        variable = re.sub(r"\W+", "_", "_".join(str(part) for part in (place[1], under or "secret"))).upper()
        yield Problem(
            place,
            f"is a secret written out. Keep it out of the file: write {{env: {variable}}} and export {variable}.",
        )


def _is_written_out(value: Any, key: str) -> bool:
    if isinstance(value, str):
        return bool(value) and (looks_like_a_secret(key) or _URL_WITH_PASSWORD.match(value) is not None)
    return isinstance(value, int | float) and not isinstance(value, bool) and looks_like_a_secret(key)
