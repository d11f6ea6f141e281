"""How subjects stand now, fresh ones too: the ages an incident tells, and whether it may be closed.

What belongs here: judgements → standings, of a few subjects by name. What does not: who is not fresh (``sweep.py``).
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from telemetry_assets.answers.board import outside_evidence, read_graph
from telemetry_assets.answers.limits import limit_words
from telemetry_assets.freshness.judge import Judgement, judge_all
from telemetry_assets.freshness.lineage import graph_of, read_by
from telemetry_assets.freshness.owed import Owed, groups_owed
from telemetry_assets.incidents.trouble import Standing, Subject
from telemetry_assets.ledger import subjects as facts
from telemetry_assets.settings import Settings

NO_ASSET = ""
"""The asset of what is none: a job, the monitor."""


def standing_of(judgement: Judgement) -> Standing:
    """A judgement as an incident tells it."""
    return Standing(
        state=judgement.state,
        data_age=judgement.data_age,
        run_age=judgement.run_age,
        data_time=judgement.data_time,
        limit=limit_words(judgement.limit),
        past=None if judgement.slack is None else -judgement.slack,
    )


def read_standing(
    conn: Connection[TupleRow], settings: Settings, now: datetime, subjects: Collection[Subject]
) -> dict[Subject, Standing]:
    """How each of these subjects stands at ``now``. One that is promised to nobody (any more) is left out; what is no
    asset is there without a state. Raises CouldNotLookError as ``board.read_board`` does."""
    found = {subject: Standing(None) for subject in subjects if subject[0] == NO_ASSET}
    asked = set(subjects) - set(found)
    if not asked:
        return found
    nodes, everybody = read_graph(conn, settings)
    graph, slugs = graph_of(nodes), [tenant.slug for tenant in everybody]
    assets = {asset for asset, _ in asked}
    owed = [
        Owed(group.asset, tenant, group.terms)
        for group in groups_owed(nodes, settings.promises, everybody)
        if group.asset in assets
        for tenant in group.tenants
        if (group.asset, tenant) in asked
    ]
    known = facts.read_each(conn, list(read_by(((one.asset, one.tenant) for one in owed), graph, slugs)))
    evidence = replace(outside_evidence(conn, settings, now), facts=known)
    judged = judge_all(owed, graph, evidence, slugs, now)
    return {**found, **{(one.asset, one.tenant): standing_of(one) for one in judged}}
