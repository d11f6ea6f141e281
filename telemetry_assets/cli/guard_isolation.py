"""What the guard searches for foreign tenants: payloads, health, messages, and the artifacts before they are written.

What belongs here: collecting it. What does not: searching (``answers/isolation.py``).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from telemetry_assets.answers.health import read_health
from telemetry_assets.answers.isolation import ISOLATION, Named, isolation_results, leaks, own_texts, texts_of
from telemetry_assets.answers.results import Kind, Result, Verdict
from telemetry_assets.cli.guard_steps import Guard
from telemetry_assets.dispatch.evaluate import evaluate
from telemetry_assets.incidents.message import message_json
from telemetry_assets.ledger import snapshots
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import State

CANARIES = 2
"""So many made-up tenants at least: one alone could not be seen to stay out of another's."""


def isolation(guard: Guard) -> Iterator[Result]:
    """Everything that is one tenant's, searched for what another tenant alone has."""
    from telemetry_assets.local.fixture_rows import CANARY

    found = guard.fixtures.canaries
    if len(found) < CANARIES:
        said = f"{len(found)} of {CANARIES} tenants {CANARY}… are in the fixtures: a leak could not be seen"
        remedy = f"Give {CANARIES} tenants named {CANARY}… rows with texts of their own in schemas/fixtures."
        yield Result(Kind.ISOLATION, "", "canaries", State.UNKNOWN, said, remedy=remedy)
    own, searched = _own(guard), list(_searched(guard))
    yield from isolation_results(own, searched, leaks(own, searched))


def in_artifacts(guard: Guard, verdict: Verdict, files: Mapping[str, bytes]) -> tuple[Result, ...]:
    """A FAIL for each file that holds what belongs to a tenant outside the verdict's allow-list."""
    allowed = frozenset(verdict.tenants)
    own = {slug: texts for slug, texts in _own(guard).items() if slug not in allowed}
    searched = [Named(f"the artifact {name}", allowed, content.decode()) for name, content in files.items()]
    return tuple(
        Result(Kind.ISOLATION, "", ISOLATION, State.FAIL, leak.words, remedy="Name the tenants who may: --tenant.")
        for leak in leaks(own, searched)
    )


def before_isolation(verdict: Verdict) -> Verdict:
    """The verdict without what isolation found, whose words name a foreign tenant on purpose."""
    return replace(verdict, results=tuple(one for one in verdict.results if one.kind is not Kind.ISOLATION))


def hidden(guard: Guard, verdict: Verdict) -> Verdict:
    """The verdict with what is said of everybody, and names a tenant outside the allow-list, told as that tenant's."""
    own = {slug: texts for slug, texts in _own(guard).items() if slug not in verdict.tenants}
    return replace(verdict, results=tuple(_attributed(one, own) for one in verdict.results))


def _attributed(result: Result, own: Mapping[str, frozenset[str]]) -> Result:
    if result.kind is Kind.ISOLATION or result.tenant in own:
        return result
    found = leaks(own, [Named("", frozenset(), f"{result.message}\n{result.remedy}")])
    return replace(result, tenant=found[0].whose) if found else result


def _own(guard: Guard) -> dict[str, frozenset[str]]:
    tenants = guard.fixtures.tenants
    return own_texts(tenants, {one.slug: list(guard.fixtures.rows_of(one.slug)) for one in tenants})


def _searched(guard: Guard) -> Iterator[Named]:
    home = guard.up
    with connect(home.dsn) as conn:
        for snapshot in home.settings.snapshots.values():
            key = snapshot.asset_key
            for one in snapshots.published(conn, snapshot.name):
                what = f"the published {key} of {one.tenant}"
                yield Named(what, frozenset({one.tenant}), texts_of(one.payload), key)
            for one in snapshots.withheld(conn, snapshot.name):
                what = f"the withheld {key} of {one.tenant}"
                yield Named(what, frozenset({one.tenant}), texts_of([one.payload, *one.violations]), key)
        for tenant in guard.fixtures.tenants:
            answer = read_health(conn, home.settings, guard.now, tenant=tenant.slug)
            yield Named(f"the health of {tenant.slug}", frozenset({tenant.slug}), texts_of(answer.as_json()))
        for change in evaluate(conn, home.settings, guard.now).changes:
            for message in change.messages:
                if message.reach[2] == 1 and len(message.tenants) == 1:
                    text = texts_of(json.loads(json.dumps(message_json(message))))
                    yield Named(f"the message {message.headline[:60]!r}", frozenset(message.tenants), text)
