"""The health lines: three where all is well, and under each component who is not, why, and what to do."""

import json
from datetime import UTC, datetime, timedelta

from telemetry_assets.answers.condition import Condition, Status
from telemetry_assets.answers.health import COMPONENTS, HealthAnswer
from telemetry_assets.model import ExitCode
from telemetry_assets.render import health as render

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def condition(component: str, subject: str, status: Status = Status.OK, detail: str = "") -> Condition:
    payload = {"component": component, "status": str(status)}
    return Condition(component, subject, status, detail, payload, status.exit_code, 2 * MINUTE, 5 * MINUTE)


def answer(*conditions: Condition, **more) -> HealthAnswer:
    return HealthAnswer(NOW, COMPONENTS, conditions, **more)


def test_a_healthy_world_is_three_lines() -> None:
    found = [condition(name, slug) for name in ("airbyte", "snapshots") for slug in ("acme", "globex")]
    assert list(render.lines(answer(*found, condition("dbt", "*")))) == [
        "airbyte    ok  2 of 2 tenants ok, ran 2m ago, oldest data 5m",
        "dbt        ok  ran 2m ago, oldest data 5m",
        "snapshots  ok  2 of 2 tenants ok, ran 2m ago, oldest data 5m",
    ]


def test_who_is_not_well_stands_under_the_component_with_the_worst_reason() -> None:
    late = condition("airbyte", "globex", Status.STALE, "data is old; look at the feed")
    lines = list(render.lines(answer(condition("airbyte", "acme"), late, condition("dbt", "*"))))
    assert lines[0] == "airbyte    stale  1 of 2 tenants ok, ran 2m ago, oldest data 5m"
    assert lines[1].split(maxsplit=1) == ["stale", "data is old"]
    assert lines[2].startswith("dbt")


def test_one_tenant_asked_for_is_told_every_reason_and_the_way_out() -> None:
    late = condition("airbyte", "globex", Status.STALE, "data is old; look at the feed")
    lines = list(render.lines(answer(late, one_tenant=True)))
    assert [line.strip() for line in lines[1:3]] == ["data is old", "look at the feed"]


def test_many_in_trouble_are_counted_after_the_first_few() -> None:
    bad = [condition("airbyte", f"t{number}", Status.FAILING, f"t{number} is bad") for number in range(40)]
    lines = list(render.lines(answer(*bad)))
    assert "and 35 tenants more: telemetry health airbyte --json" in lines[render.SHOWN + 1]


def test_a_component_that_is_not_used_says_so() -> None:
    assert list(render.lines(answer()))[1] == "dbt        not used"


def test_one_tenant_is_named_instead_of_counted() -> None:
    lines = list(render.lines(answer(condition("airbyte", "acme"), one_tenant=True)))
    assert lines[0] == "airbyte    ok  acme, ran 2m ago, data 5m"


def test_what_never_ran_has_no_age() -> None:
    never = Condition("dbt", "*", Status.MISSING_RUN_RESULTS, "run it", {}, ExitCode.MISSING)
    assert "never ran" in next(iter(render.lines(HealthAnswer(NOW, ("dbt",), (never,)))))


def test_the_json_has_the_exit_code_and_every_payload(capsys) -> None:
    render.print_json(answer(condition("airbyte", "acme", Status.STALE, "old"), condition("dbt", "*")))
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["exit_code"], said["snapshots"]) == ("stale", 2, None)
    assert said["airbyte"]["payloads"] == [{"component": "airbyte", "status": "stale"}]


def test_a_pipe_gets_no_colours(capsys) -> None:
    render.print_terminal(answer(condition("airbyte", "acme")))
    assert "\x1b[" not in capsys.readouterr().out
