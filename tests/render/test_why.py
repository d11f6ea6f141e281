"""What whoever is on call reads: the cause and what to do first, plain in a pipe, and nobody's control codes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from telemetry_assets.answers.why_answer import Broken, Explanation, Harm, Hop, WhyAnswer
from telemetry_assets.freshness.cause import Cause
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import AssetKind, CauseKind, State, Window
from telemetry_assets.render import why as render
from telemetry_assets.render.terminal import Palette

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOT, MART = "shop/orders", "marts/day"


def judgement(tenant: str = "acme", state: State = State.FAIL, minutes: float = 80) -> Judgement:
    age = minutes * MINUTE
    return Judgement(
        MART, tenant, state, 2 * MINUTE, age, Window(60 * MINUTE), ROOT, NOW - age, NOW - 2 * MINUTE, State.PASS,
        "", "data-eng", slack=60 * MINUTE - age,
    )  # fmt: skip


CAUSE = Cause(
    CauseKind.SYNC_FAILED, ROOT, MART, "acme", "the newest sync of shop failed 5 min ago: 403",
    "Mend what it says, then: telemetry refresh sync --tenant acme", NOW - 20 * MINUTE,
    ("shop/prices is fresh (2 min old)",), "403",
)  # fmt: skip
HOPS = (
    Hop(
        ROOT,
        AssetKind.STREAM,
        State.FAIL,
        80 * MINUTE,
        80 * MINUTE,
        "next sync in 3 min",
        "its newest sync failed: 403",
    ),
    Hop("staging/orders", AssetKind.VIEW, None, 2 * MINUTE, 80 * MINUTE, "a view: as its parents are"),
    Hop(MART, AssetKind.MODEL, State.FAIL, 2 * MINUTE, 80 * MINUTE, "next build in 3 min", "dbt failed: no room"),
)
HARM = Harm(
    (Broken(ROOT, State.FAIL, ("acme",), "data-eng"), Broken(MART, State.FAIL, ("acme",), "data-eng")),
    (Exposure("report", "Daily report", owner="finance", url="https://bi.example.com/1", parents=(MART,)),),
    (ROOT, "staging/orders", MART), 1, 1,
)  # fmt: skip


def answer(*explanations: Explanation, tenant: str | None = "acme", owed: int = 1, kept: int = 0) -> WhyAnswer:
    return WhyAnswer(NOW, MART, tenant, "promise 3 of telemetry.yaml, marts/*", "data-eng", explanations, owed, kept)


BROKEN = Explanation((judgement(),), ROOT, CAUSE, HOPS, HARM)


def lines(told: WhyAnswer, width: int = 120) -> list[str]:
    return list(render.lines(told, Palette(), width))


def test_the_cause_and_what_to_do_stand_before_the_evidence_and_the_harm() -> None:
    said = lines(answer(BROKEN))
    assert said[2] == "✗ marts/day is late for acme: 1h 20m old, promised under 1h"
    assert said[3] == "CAUSE   sync failed: shop/orders, since 2026-05-01 11:40 UTC (20m)"
    titles = [line.split()[0] for line in said if line[:1].isupper()]
    assert titles == ["CAUSE", "DO", "NOT", "PATH", "BREAKS", "READ", "TELL"]
    assert "TELL    data-eng, finance" in said
    assert "READ IN dashboard Daily report, finance, https://bi.example.com/1" in said


def test_the_path_marks_the_cause_and_tells_what_else_went_wrong_but_nothing_twice() -> None:
    said = lines(answer(BROKEN))
    (marked,) = [line for line in said if line.endswith("<- cause")]
    assert marked.startswith(ROOT)
    assert "  ↳ dbt failed: no room" in said
    assert not any("its newest sync failed" in line for line in said)


def test_several_tenants_are_named_and_the_remedy_is_for_all_of_them() -> None:
    both = replace(BROKEN, judgements=(judgement(), judgement("globex")))
    said = "\n".join(lines(answer(both, tenant=None, owed=5, kept=3)))
    assert "is late for acme, globex" in said
    assert "(told of acme)" in said
    assert "telemetry refresh sync\n" in said
    assert "kept for 3 of 5 tenants" in said


def test_a_kept_promise_is_told_in_a_few_kind_lines() -> None:
    fresh = judgement(state=State.PASS, minutes=10)
    kept = Explanation((fresh,), ROOT, None, HOPS[:1], late_at=NOW + 50 * MINUTE)
    said = lines(answer(kept, kept=1))
    assert said[2] == "● marts/day is fresh for acme: 10m old, promised under 1h"
    assert "LATE    in 50m, at 2026-05-01 12:50 UTC, if nothing moved until then" in said
    assert not any(line.startswith(("CAUSE", "BREAKS", "DO")) for line in said)


def test_more_causes_than_fit_are_counted() -> None:
    said = lines(answer(*[BROKEN] * (render.SHOWN + 2), tenant=None))
    assert said[-1] == "and 2 causes more: telemetry why marts/day --json"


def test_a_pipe_gets_ascii_and_no_colours(capsys) -> None:
    render.print_terminal(answer(BROKEN))
    said = capsys.readouterr().out
    assert said.isascii()
    assert "\x1b" not in said


def test_control_codes_in_somebodys_error_never_reach_the_terminal() -> None:
    evil = replace(CAUSE, says="\x1b[2Jgone\x07", ruled_out=("x\x1b]0;title\x07",))
    hop = replace(HOPS[2], trouble="dbt failed: \x1b[31mred\r\n")
    harm = replace(HARM, exposures=(Exposure("x", "label\x1b[0m", owner="o\x1b", url="https://x\x1b"),))
    said = "\n".join(lines(answer(replace(BROKEN, cause=evil, hops=(hop,), harm=harm))))
    assert "\x1b" not in said
    assert "\x07" not in said


def test_no_line_of_prose_is_wider_than_the_terminal() -> None:
    long = replace(CAUSE, says="word " * 60)
    said = lines(answer(replace(BROKEN, cause=long)), width=80)
    assert max(len(line) for line in said if not line.startswith(("CAUSE", "✗", "marts/day: "))) <= 80


def test_the_json_holds_cause_path_and_harm(capsys) -> None:
    render.print_json(answer(BROKEN))
    said = json.loads(capsys.readouterr().out)
    (told,) = said["explanations"]
    assert (said["exit_code"], told["cause"]["kind"], told["cause"]["root"]) == (2, "sync_failed", ROOT)
    assert [hop["asset"] for hop in told["hops"]] == [ROOT, "staging/orders", MART]
    assert told["breaks"]["owners"] == ["data-eng", "finance"]
    assert told["limit"] == {"fail_seconds": 3600.0, "warn_seconds": None}
