"""Very many causes at once are those of each by itself, and take hardly longer than a few."""

import time as clock
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from telemetry_assets.freshness.cause import Cause, cause_of
from telemetry_assets.freshness.causes import causes_of
from telemetry_assets.freshness.facts import Correction
from telemetry_assets.freshness.happenings import Feed, Happenings, NodeRun, SyncEnd, Withheld
from telemetry_assets.freshness.judge import Evidence, Judgement, judge_all
from telemetry_assets.freshness.lineage import Graph, facts_of, graph_of
from telemetry_assets.freshness.owed import subjects_owed
from telemetry_assets.model import (
    ANY_TENANT,
    AssetKind,
    AssetNode,
    CauseKind,
    Clock,
    ClockKind,
    Look,
    Promise,
    State,
    SubjectFact,
    Tenant,
    Window,
)
from tests.freshness.random_graphs import random_nodes, random_promise, random_tenants

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATUSES = ("succeeded", "succeeded", "failed", "cancelled")


def ago(random: Random, *minutes: int) -> datetime:
    return NOW - random.choice(minutes or (1, 5, 20, 45, 70, 200, 3000)) * MINUTE


def random_feed(random: Random) -> Feed:
    ended: list[SyncEnd] = []
    at = ago(random, 1, 5, 20, 100)
    for _ in range(random.randrange(6)):
        ended.append(SyncEnd(random.choice(STATUSES), at - MINUTE, at, random.choice((None, 0, 0, 7)), "no"))
        at -= random.choice((5, 15, 60)) * MINUTE
    return Feed(random.choice((None, 15 * MINUTE)), tuple(ended), random.choice((None, None, ago(random, 1, 90))))


def random_happenings(random: Random, nodes: tuple[AssetNode, ...], slugs: list[str]) -> Happenings:
    keys = [node.key for node in nodes]
    runs = ("error", "skipped", "partial success")
    every = random.choice((None, 15 * MINUTE))
    same = ago(random)
    return Happenings(
        feeds={("raw", slug): random_feed(random) for slug in slugs if random.random() < 0.8},
        synced=frozenset({"raw"} if random.random() < 0.7 else ()),
        models={key: NodeRun(random.choice(runs), same, "bad sql") for key in keys if random.random() < 0.2},
        tests={key: [NodeRun("fail", same, "3 rows", "unique")] for key in keys if random.random() < 0.2},
        built_at=random.choice((None, ago(random))),
        build_every=every,
        withheld={(key, slug): Withheld(NOW, "no") for key in keys for slug in slugs if random.random() < 0.1},
        published={key: ago(random) for key in keys if random.random() < 0.3},
        publish_every={key: 15 * MINUTE for key in keys if random.random() < 0.5},
        corrections={
            (key, slug): Correction(key, slug, NOW, ago(random, 70, 200), NOW, "r")
            for key in keys for slug in slugs if random.random() < 0.1
        },
    )  # fmt: skip


def random_world(random: Random) -> tuple[tuple[Judgement, ...], Graph, Evidence, Happenings, list[str]]:
    """Random promises on a random graph, mostly broken, with everything that may have happened to it."""
    people, nodes = random_tenants(random), random_nodes(random)
    slugs = [tenant.slug for tenant in people]
    roots = [node.key for node in nodes if node.clock]
    facts = [
        SubjectFact(
            node.key, slug, ago(random), "run", "test",
            {root: ago(random) for root in roots if random.random() < 0.8}, synthetic=random.random() < 0.05,
        )
        for node in nodes for slug in ((*slugs, ANY_TENANT) if node.tenanted else (ANY_TENANT,))
        if random.random() < 0.85
    ]  # fmt: skip
    looks = {key: Look(key, ago(random), random.choice(("", "", "no such table"))) for key in roots[:1]}
    odd = {(key, slug): "0 rows" for key in roots for slug in slugs if random.random() < 0.2}
    evidence = Evidence(facts_of(facts), looks if random.random() < 0.3 else {}, odd)
    promises = [*(random_promise(random, nodes, people) for _ in range(3)), Promise("*", Window(60 * MINUTE))]
    owed = subjects_owed(nodes, promises, people)
    judged = tuple(one for one in judge_all(owed, nodes, evidence, slugs, NOW) if one.state is not State.PASS)
    happened = random_happenings(random, nodes, [*slugs, ANY_TENANT])
    return judged, graph_of(nodes), evidence, happened, slugs


def told(cause: Cause) -> dict[str, object]:
    return {one.name: getattr(cause, one.name) for one in fields(cause) if one.name != "ruled_out"}


@pytest.mark.promise("B54")
@pytest.mark.parametrize("hundred", range(6))
def test_many_causes_say_what_each_says_by_itself(hundred: int) -> None:
    seen: set[CauseKind] = set()
    for seed in range(100):
        judged, graph, evidence, happened, slugs = random_world(Random(1000 * hundred + seed))
        each = [cause_of(one, graph, evidence, happened, slugs, NOW) for one in judged]
        together = causes_of(judged, graph, evidence, happened, slugs, NOW)
        assert [told(one) for one in together] == [told(one) for one in each]
        assert together == each
        seen |= {one.kind for one in each}
    assert len(seen) >= 14, f"hardly a test where only {sorted(seen)} happen"


def test_a_kept_promise_has_no_cause() -> None:
    kept = Judgement("a", "b", State.PASS, None, None, None, None, None, None, State.PASS, "", None)
    with pytest.raises(ValueError, match="there is no cause"):
        causes_of([kept], graph_of([]), Evidence({}), Happenings(), [], NOW)


def test_subjects_under_one_dead_root_are_explained_once_for_each_tenant_and_limit() -> None:
    slugs = [f"t{number}" for number in range(40)]
    root = AssetNode("raw/orders", AssetKind.STREAM, clock=Clock(ClockKind.COLUMN, "at"))
    models = [AssetNode(f"marts/{number}", AssetKind.MODEL, ("raw/orders",)) for number in range(200)]
    nodes = (root, *models)
    held = {"raw/orders": NOW - 300 * MINUTE}
    evidence = Evidence(
        facts_of([SubjectFact(node.key, slug, NOW, "run", "t", held) for node in nodes for slug in slugs])
    )
    people = [Tenant(slug, UUID(int=number), slug) for number, slug in enumerate(slugs)]
    owed = subjects_owed(nodes, [Promise("*", Window(60 * MINUTE))], people)
    judged = judge_all(owed, nodes, evidence, slugs, NOW)
    failed = Feed(15 * MINUTE, (SyncEnd("failed", NOW - 2 * MINUTE, NOW - MINUTE, error="token expired"),))
    happened = Happenings(feeds={("raw", slug): failed for slug in slugs}, synced=frozenset({"raw"}))
    began = clock.process_time()
    causes = causes_of(judged, graph_of(nodes), evidence, happened, slugs, NOW)
    took = clock.process_time() - began
    assert {one.identity for one in causes} == {(CauseKind.SYNC_FAILED, "raw")}
    assert len({id(one.says) for one in causes}) == len(slugs)
    assert took < 1, f"{len(causes)} causes took {took:.1f} s of a processor"
