"""The files that a check leaves behind: their schemas, their sums, and what may not stand in them."""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from telemetry_assets.answers.ci_files import PROMISED
from telemetry_assets.answers.results import Coverage, Kind, Place, Provenance, Result, Verdict, ordered
from telemetry_assets.model import ANY_TENANT, State
from telemetry_assets.render.artifacts import artifacts_of, manifest_of
from telemetry_assets.render.github import annotations, step_summary

API = Path(__file__).parents[2] / "schemas" / "api"
SCHEMAS = {
    "backend-telemetry-summary.json": "telemetry_summary",
    "ci-summary.json": "ci_summary",
    "coverage.json": "coverage",
    "diagnostics.json": "diagnostics",
    "manifest.json": "manifest",
}
BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACME, GLOBEX = "acme", "globex"
IDS = {ACME: "11111111-1111-1111-1111-111111111111", GLOBEX: "22222222-2222-2222-2222-222222222222"}


def result(state: State = State.PASS, tenant: str = ACME, check: str = "data_age", **more: Any) -> Result:
    """One of ``marts/sales``."""
    given = {"kind": Kind.CHECK, "asset": "marts/sales", "message": "as it was found", **more}
    return Result(check=check, state=state, tenant=tenant, **given)


def verdict(*results: Result, **more: Any) -> Verdict:
    """Of these results, in their order, with everything else filled in."""
    given = {
        "began": BEGAN,
        "ended": BEGAN + timedelta(seconds=90),
        "correlation_id": "check-1",
        "scope": "the guard",
        "provenance": Provenance("acme/shop", "main", "0123abc", "77"),
        "tenants": IDS,
        "coverage": Coverage(("raw/orders",), (), ("raw/orders",), (), 3, 1),
        "steps": {"hydrate": timedelta(seconds=1.25)},
        "diagnostics": {"version.dagster": "1.13.27", "postgresql": "answers"},
    }
    return Verdict(ordered(results), **{**given, **more})


EVERY = verdict(
    result(State.FAIL, late=True, data_age=timedelta(hours=3), took=timedelta(milliseconds=12), task_id="run-9"),
    result(State.MISSING, GLOBEX),
    result(State.UNKNOWN, check="rows"),
    result(State.WARN, check="volume", message="fewer rows than usual"),
    result(State.FAIL, ANY_TENANT, "compatible", kind=Kind.CONTRACT, place=Place("schemas/assets/x.schema.json", 7)),
    result(kind=Kind.SCENARIO, asset="", check="A dead feed is late", tenant=ANY_TENANT),
)


def files(of: Verdict) -> dict[str, bytes]:
    """All of them, the manifest too."""
    drawn = artifacts_of(of)
    return {**drawn, "manifest.json": manifest_of(of, drawn)}


def document(of: Verdict, name: str) -> Any:
    """One JSON file, read."""
    return json.loads(files(of)[name])


def cases(of: Verdict) -> Mapping[str, ElementTree.Element]:
    """Name of a case → the case."""
    root = ElementTree.fromstring(files(of)["junit.xml"])
    return {f"{case.get('classname')} {case.get('name')}": case for case in root.iter("testcase")}


class TestEveryFile:
    """What all of them share."""

    @pytest.mark.promise("F7")
    def test_every_file_of_the_documentation_is_there_and_no_other(self) -> None:
        page = (API.parents[1] / "docs" / "checking.md").read_text()
        rows = re.findall(r"^\| (`[^|]+) \|", page.partition("\n## Artifacts\n")[2], re.MULTILINE)
        named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
        assert {f"backend-telemetry-summary{name}" if name == ".md" else name for name in named} == set(files(EVERY))
        assert set(artifacts_of(EVERY)) == set(PROMISED)

    @pytest.mark.parametrize("name", SCHEMAS)
    @pytest.mark.parametrize(
        "of",
        [EVERY, verdict(result()), verdict(coverage=None, tenants={}, provenance=Provenance())],
        ids=["full", "ok", "bare"],
    )
    @pytest.mark.promise("A10")
    def test_every_json_file_keeps_its_schema(self, name: str, of: Verdict) -> None:
        schema = json.loads((API / f"{SCHEMAS[name]}.schema.json").read_text())
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document(of, name))

    @pytest.mark.promise("A23")
    def test_the_same_results_in_any_order_give_the_same_bytes(self) -> None:
        again = replace(EVERY, results=tuple(reversed(EVERY.results)), tenants=dict(reversed(IDS.items())))
        assert files(EVERY) == files(again)

    @pytest.mark.promise("D28")
    def test_every_file_says_repository_branch_commit_and_run(self) -> None:
        for name, content in files(EVERY).items():
            text = content.decode().replace("\\", "")
            assert all(word in text for word in ("acme/shop", "main", "0123abc", "77")), name

    @pytest.mark.promise("A15")
    def test_each_record_carries_the_ids_of_tenant_run_and_check(self) -> None:
        records = [
            one for part in document(EVERY, "backend-telemetry-summary.json")["tenants"] for one in part["records"]
        ]
        assert {record["correlation_id"] for record in records} == {"check-1"}
        late = next(record for record in records if record["late"])
        assert (late["tenant_id"], late["task_id"]) == (IDS[ACME], "run-9")
        assert {one["tenant_id"] for one in records if one["tenant"] == "*"} == {None}

    @pytest.mark.promise("D16", "D26")
    def test_every_file_that_says_the_exit_code_says_the_same(self) -> None:
        said = {document(EVERY, name)["exit_code"] for name in SCHEMAS}
        assert said == {int(EVERY.exit_code)} == {4}

    @given(st.text(max_size=60), st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
    def test_no_text_can_break_a_file(self, message: str, check: str, asset: str) -> None:
        of = verdict(result(State.FAIL, ANY_TENANT, check, message=message, asset=asset, remedy=message))
        drawn = files(of)
        ElementTree.fromstring(drawn["junit.xml"])
        for name in SCHEMAS:
            json.loads(drawn[name])
        rows = list(csv.reader(io.StringIO(drawn["ci-metrics.csv"].decode(), newline="")))
        assert [len(row) for row in rows] == [12, 12]


class TestAllowList:
    """Only tenants of the allow-list may be named."""

    AWAY = verdict(
        result(),
        result(State.MISSING, "canary-reef"),
        result(State.FAIL, "canary-dune", message="Dune Tours is late"),
        tenants={ACME: IDS[ACME]},
    )

    @pytest.mark.promise("A16")
    def test_what_is_outside_the_allow_list_is_counted_and_not_named(self) -> None:
        for name, content in files(self.AWAY).items():
            assert not re.search(rb"canary|Dune", content), name
        summary = document(self.AWAY, "ci-summary.json")
        assert (summary["results"], summary["left_out"], set(summary["by_tenant"])) == (3, 2, {ACME, "*"})
        assert b"2 results of tenants outside the allow-list: 1 FAIL, 1 MISSING" in files(self.AWAY)["junit.xml"]
        assert not [line for line in annotations(self.AWAY) if "canary" in line]

    @pytest.mark.promise("F6")
    def test_no_file_is_better_than_the_verdict_because_something_is_left_out(self) -> None:
        assert document(self.AWAY, "ci-summary.json")["exit_code"] == 1
        (stranger,) = [case for name, case in cases(self.AWAY).items() if "outside_the_allow_list" in name]
        assert stranger.find("failure") is not None
        assert "FAIL" in files(self.AWAY)["ci-metrics.csv"].decode()

    def test_without_an_allow_list_a_partition_of_anothers_asset_is_named(self) -> None:
        of = verdict(result(State.FAIL, "2026-06-01"), tenants={})
        assert "marts/sales data_age [2026-06-01]" in cases(of)

    @pytest.mark.promise("A14")
    def test_a_tenant_of_whom_nothing_was_looked_at_is_listed_as_that(self) -> None:
        digest = files(verdict(result()))["backend-telemetry-summary.md"].decode()
        assert re.findall(r"^## (.*)$", digest, re.MULTILINE) == [ACME, GLOBEX]
        assert "## globex\n\nNothing was looked at." in digest


class TestJunit:
    """JUnit as its publishers read it (the rules of Jenkins' junit-10 schema)."""

    @pytest.mark.promise("A12")
    def test_there_is_one_case_per_asset_tenant_and_check(self) -> None:
        assert {name: [child.tag for child in case] for name, case in cases(EVERY).items()} == {
            "marts/sales data_age [acme]": ["failure"],
            "marts/sales data_age [globex]": ["failure"],
            "marts/sales rows [acme]": ["error"],
            "marts/sales volume [acme]": ["system-out"],
            "marts/sales compatible [*]": ["failure"],
            "scenario A dead feed is late [*]": [],
        }

    @pytest.mark.promise("D23")
    def test_it_has_the_elements_attributes_and_sums_that_publishers_ask_for(self) -> None:
        root = ElementTree.fromstring(files(EVERY)["junit.xml"])
        assert root.tag == "testsuites"
        assert set(root.attrib) <= {"name", "time", "tests", "failures", "errors"}
        for suite in root:
            assert suite.tag == "testsuite"
            assert {"name", "tests", "failures", "errors"} <= set(suite.attrib)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
            assert next(child.tag for child in suite) == "properties"
            assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
            assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
            assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
            for case in suite.iter("testcase"):
                assert set(case.attrib) == {"classname", "name", "time"}
                assert re.fullmatch(r"\d{1,3}(,?\d{3})*\.\d{3}", case.attrib["time"])
                assert all({"type", "message"} == set(child.attrib) for child in case if child.tag != "system-out")
        for total in ("tests", "failures", "errors"):
            assert int(root.attrib[total]) == sum(int(suite.attrib[total]) for suite in root)

    def test_characters_that_xml_cannot_hold_are_left_out(self) -> None:
        of = verdict(result(State.FAIL, message="a\x00b\x1b[31mc\ud800\ufffe\U0001f525 <&>\"'"))
        (case,) = cases(of).values()
        assert case[0].text == "ab[31mc\U0001f525 <&>\"'"


class TestMetrics:
    """The CSV."""

    @pytest.mark.promise("A11")
    def test_there_is_a_row_per_result_with_times_in_iso_and_nothing_where_nothing_is_known(self) -> None:
        rows = list(csv.DictReader(io.StringIO(files(EVERY)["ci-metrics.csv"].decode())))
        assert len(rows) == len(EVERY.results)
        late = next(row for row in rows if row["data_age_seconds"])
        assert {key: late[key] for key in list(late)[:8]} == {
            "time": "2026-06-01T12:01:30+00:00",
            "commit": "0123abc",
            "asset": "marts/sales",
            "tenant": ACME,
            "check": "data_age",
            "state": "FAIL",
            "data_age_seconds": "10800.0",
            "duration_ms": "12",
        }
        assert {row["duration_ms"] for row in rows if row is not late} == {""}

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
    def test_a_name_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(self, name: str) -> None:
        of = verdict(result(check=name))
        (row,) = csv.DictReader(io.StringIO(files(of)["ci-metrics.csv"].decode(), newline=""))
        assert row["check"] == f"'{name}"


class TestDigest:
    """The Markdown."""

    @pytest.mark.promise("A14")
    def test_it_tells_tenant_by_tenant_what_is_not_fine_and_what_passed(self) -> None:
        digest = files(EVERY)["backend-telemetry-summary.md"].decode()
        assert digest.startswith("# Telemetry check: failed, exit 4\n")
        acme = digest.partition("## acme")[2].partition("## globex")[0]
        assert "| ✗ | late | marts/sales | data\\_age | 3h |" in acme
        assert "| ◐ | WARN | marts/sales | volume | – | fewer rows than usual |" in acme

    def test_what_the_rest_follows_from_is_said_first(self) -> None:
        sync = {"kind": Kind.STEP, "asset": "", "message": "every sync failed", "remedy": "Mend it."}
        broken = result(State.FAIL, ANY_TENANT, "sync", **sync)
        follows = result(State.UNKNOWN, place=Place("schemas/x.json"))
        of = verdict(broken, follows, first=("", "sync"))
        digest = files(of)["backend-telemetry-summary.md"].decode()
        assert "**First: step sync**: every sync failed → Mend it.\n" in digest.partition("## ")[0]
        assert annotations(of)[0] == "::error title=step%3A sync::every sync failed Mend it."
        away = verdict(replace(broken, tenant="canary-lark"), follows, first=("", "sync"))
        assert "every sync failed" not in "".join(
            [files(away)["backend-telemetry-summary.md"].decode(), *annotations(away)]
        )

    def test_hostile_names_and_words_stay_text(self) -> None:
        bad = "x|y\n## h <img src=x onerror=alert(1)> [a](http://evil) `c`"
        digest = files(verdict(result(State.FAIL, bad, check=bad, message=bad, asset=bad), tenants={}))
        text = digest["backend-telemetry-summary.md"].decode()
        assert not re.search(r"(?<!\\)<img|(?<!\\)\[a\]|\n## h", text)
        table = [line for line in text.splitlines() if line.startswith("| ✗")]
        assert [len(re.findall(r"(?<!\\)\|", line)) for line in table] == [7]


class TestGithub:
    """What GitHub is told."""

    @pytest.mark.promise("D23")
    def test_an_annotation_stands_at_the_line_of_the_file_and_is_escaped(self) -> None:
        place = Place("schemas/a,b.schema.json", 12)
        of = verdict(result(State.FAIL, ANY_TENANT, "compatible", message="50% of\nit: gone, all", place=place))
        assert annotations(of) == (
            "::error file=schemas/a%2Cb.schema.json,line=12,title=marts/sales%3A compatible::50%25 of%0Ait: gone, all",
        )

    def test_ten_of_many_are_said_and_how_many_more_there_are(self) -> None:
        of = verdict(*(result(State.FAIL, check=f"c{number:02}") for number in range(14)), result(State.WARN))
        said = annotations(of)
        assert [line.split()[0] for line in said] == ["::error"] * 10 + ["::notice::and", "::warning"]
        assert "and 4 more errors" in said[10]

    def test_what_passed_is_no_annotation(self) -> None:
        assert annotations(verdict(result())) == ()

    def test_no_message_can_give_github_a_command(self) -> None:
        of = verdict(result(State.FAIL, message="x\n::stop-commands::y\r::set-env name=A::b", check="c::d,e"))
        (line,) = annotations(of)
        assert len(line.splitlines()) == 1
        assert line.count("::", 2) == 5
        assert "title=marts/sales%3A c%3A%3Ad%2Ce [acme]::" in line

    def test_a_summary_too_large_for_github_ends_with_a_whole_tenant_and_says_so(self) -> None:
        slugs = {f"tenant-{number:04}": "id" for number in range(3000)}
        of = verdict(*(result(State.FAIL, slug, message="x" * 290) for slug in slugs), tenants=slugs)
        text = step_summary(of)
        assert 900_000 < len(text.encode()) < 1_048_576
        assert re.search(r"\nAnd [\d,]+ more tenants, in backend-telemetry-summary.md.\n$", text)
