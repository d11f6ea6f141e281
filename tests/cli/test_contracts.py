"""telemetry contracts list, validate, diff and update, in a real repository: what they print, write, and end with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.cli.main import main
from telemetry_assets.model import ExitCode

type Run = Callable[..., tuple[int, str, str]]

YAML = """
tenants:
  - {slug: acme, id: 00000000-0000-0000-0000-000000000001, name: Acme}
sources:
  shop: {executable: [run-me], every: 15m, streams: {orders: {}}, connections: [{tenant: acme}]}
snapshots: {sales: {relation: marts.sales, every: 30m}}
"""
SALES = """{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["at", "rows"],
  "properties": {
    "at": {"type": "string", "format": "date-time"},
    "rows": {
      "type": "array",
      "minItems": 1,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "spend"],
        "properties": {"name": {"type": "string"}, "spend": {"type": "number"}}
      }
    }
  }
}
"""
FIXTURE = """{"at": "$now-15m",
 "rows": [{"name": "a", "spend": 1}, {"name": "b", "spend": 2.5}]}
"""
ORDERS = '{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}\n'
ROWS = '{\n  "acme": [\n    {"id": "1", "day": "$today"}\n  ]\n}\n'
NULLABLE = ('"spend": {"type": "number"}', '"spend": {"type": ["number", "null"]}')


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two contracts and their fixtures on main; the branch ``topic`` is checked out."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    schemas = tmp_path / "schemas"
    for folder in ("assets", "fixtures"):
        (schemas / folder).mkdir(parents=True)
    (tmp_path / "telemetry.yaml").write_text(YAML)
    (schemas / "assets" / "snapshots.sales.schema.json").write_text(SALES)
    (schemas / "assets" / "shop.orders.schema.json").write_text(ORDERS)
    (schemas / "fixtures" / "snapshots.sales.json").write_text(FIXTURE)
    (schemas / "fixtures" / "shop.orders.json").write_text(ROWS)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "checkout", "-q", "-b", "topic")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TELEMETRY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TELEMETRY_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def contracts(repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``telemetry contracts …`` as the console script does: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["telemetry", "contracts", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def sales(repo: Path) -> Path:
    return repo / "schemas" / "assets" / "snapshots.sales.schema.json"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def tree(repo: Path) -> dict[str, bytes]:
    """Every file of the schemas folder."""
    return {str(path.relative_to(repo)): path.read_bytes() for path in repo.rglob("schemas/**/*") if path.is_file()}


def answered(run: tuple[int, str, str]) -> tuple[int, Any]:
    return run[0], json.loads(run[1])


class TestList:
    """Every contract, and what does not fit."""

    @pytest.mark.promise("A27", "D34")
    def test_it_says_what_each_is_for_and_what_may_be_empty(self, contracts: Run) -> None:
        code, out, _ = contracts("list")
        assert code == ExitCode.OK
        assert "snapshots.sales  → snapshots/sales  2020-12 · forward · fixtures/snapshots.sales.json" in out
        assert "/rows" in out
        assert "2 contracts in" in out
        assert "\x1b" not in out

    @pytest.mark.promise("A27", "D34", "F14")
    def test_a_contract_is_added_by_adding_a_file(self, repo: Path, contracts: Run) -> None:
        (repo / "schemas" / "api").mkdir()
        (repo / "schemas" / "api" / "health.schema.json").write_text(ORDERS)
        (repo / "schemas" / "fixtures" / "health.json").write_text('{"id": "x"}')
        code, answer = answered(contracts("list", "--json"))
        assert (code, [one["name"] for one in answer["contracts"]][-1]) == (ExitCode.OK, "health")
        assert answer["contracts"][-1]["fixture"] == "fixtures/health.json"

    @pytest.mark.promise("A27")
    def test_what_fits_nowhere_is_an_error(self, repo: Path, contracts: Run) -> None:
        sales(repo).rename(sales(repo).with_name("snapshots.revenue.schema.json"))
        code, out, _ = contracts("list")
        assert code == ExitCode.FAILING
        assert "was it renamed" in out

    def test_an_unsound_schema_is_named_with_its_keyword(self, repo: Path, contracts: Run) -> None:
        change(sales(repo), '"minItems"', '"minItem"')
        code, _, err = contracts("list")
        assert (code, "minItem" in err, "did you mean" in err) == (ExitCode.FAILING, True, True)


class TestValidate:
    """Documents held to a contract."""

    def test_documents_that_keep_it_are_counted(self, repo: Path, contracts: Run) -> None:
        (repo / "one.json").write_text('{"id": "1"}')
        assert contracts("validate", "one.json", "--contract", "shop.orders")[:2] == (
            ExitCode.OK,
            "1 document keeps shop.orders.\n",
        )

    def test_no_document_is_not_fine(self, repo: Path, contracts: Run) -> None:
        (repo / "none.json").write_text("[]")
        assert contracts("validate", "none.json", "--contract", "shop.orders")[:2] == (
            ExitCode.COULD_NOT_LOOK,
            "There is no document to hold to shop.orders.\n",
        )

    def test_violations_that_are_alike_are_told_once(self, repo: Path, contracts: Run) -> None:
        (repo / "rows.ndjson").write_text('{"id": "1"}\n{"id": 2}\n\n{"id": 3}\n{}\n')
        code, answer = answered(contracts("validate", "rows.ndjson", "--contract", "shop/orders", "--json"))
        assert (code, answer["documents"], answer["broken"]) == (ExitCode.FAILING, 4, 3)
        told = [(one["document"], one["pointer"], one["more"]) for one in answer["violations"]]
        assert told == [(2, "/id", 1), (4, "", 0)]

    def test_a_list_is_its_documents_and_lines_are_recognised(self, repo: Path, contracts: Run) -> None:
        (repo / "list.json").write_text('[{"id": "1"}, {"id": "2"}]')
        (repo / "lines.txt").write_text('{"id": "1"}\n{"id": "2"}\n')
        for name in ("list.json", "lines.txt"):
            assert contracts("validate", name, "--contract", "shop.orders")[1].startswith("2 documents keep")

    @pytest.mark.promise("A22")
    def test_a_fixture_is_held_as_the_guard_makes_it_and_a_payload_as_it_is(self, repo: Path, contracts: Run) -> None:
        asked = ("--contract", "snapshots.sales")
        assert contracts("validate", "schemas/fixtures/snapshots.sales.json", *asked)[:2] == (
            ExitCode.OK,
            "1 document keeps snapshots.sales.\n",
        )
        (repo / "payload.json").write_text(FIXTURE)
        assert contracts("validate", "payload.json", *asked)[0] == ExitCode.FAILING
        rows = contracts("validate", "schemas/fixtures/shop.orders.json", "--contract", "shop.orders")
        assert rows[:2] == (ExitCode.OK, "1 document keeps shop.orders.\n")
        assert contracts("validate", "schemas/fixtures/gone.json", "--contract", "shop.orders")[0] == ExitCode.USAGE

    def test_standard_input_is_a_dash(self, contracts: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "in.json").write_text('{"id": 1}')
        with (tmp_path / "in.json").open() as given:
            monkeypatch.setattr(sys, "stdin", given)
            code, out, _ = contracts("validate", "-", "--contract", "shop.orders")
        assert (code, "/id: found 1, expected a string" in out) == (ExitCode.FAILING, True)

    @pytest.mark.parametrize(
        ("data", "code", "said"),
        [
            (b'{"id": "1", "id": "2"}', ExitCode.FAILING, "stands twice"),
            (b'{"id": NaN}', ExitCode.FAILING, "NaN is not a number of JSON"),
            (b"\xef\xbb\xbf{}", ExitCode.FAILING, "byte order mark"),
            (b"", ExitCode.FAILING, "is empty"),
            (b"nonsense", ExitCode.FAILING, "is not JSON"),
            (b'{"id": "1"}\n{"id": \n', ExitCode.FAILING, "document on line 2"),
        ],
    )
    def test_what_is_no_strict_json_is_refused(
        self, repo: Path, contracts: Run, data: bytes, code: int, said: str
    ) -> None:
        (repo / "bad.json").write_bytes(data)
        found, _, err = contracts("validate", "bad.json", "--contract", "shop.orders")
        assert (found, said in err) == (code, True), err

    def test_an_unknown_contract_or_file_is_a_usage_error(self, contracts: Run) -> None:
        code, _, err = contracts("validate", "x.json", "--contract", "shop.order")
        assert (code, "Did you mean shop.orders?" in err) == (ExitCode.USAGE, True)
        code, _, err = contracts("validate", "x.json", "--contract", "shop.orders")
        assert (code, "x.json does not exist" in err) == (ExitCode.USAGE, True)


class TestDiff:
    """The working tree against the merge base."""

    def test_nothing_changed(self, contracts: Run) -> None:
        code, out, _ = contracts("diff")
        assert (code, out.startswith("2 unchanged. Compared with main at ")) == (ExitCode.OK, True)

    @pytest.mark.promise("A24")
    def test_a_breaking_change_is_shown_with_its_id_a_document_and_the_way_out(
        self, repo: Path, contracts: Run
    ) -> None:
        change(sales(repo), *NULLABLE)
        code, answer = answered(contracts("diff", "--json"))
        (drift,) = [one for one in answer["contracts"] if one["verdict"] != "no_change"]
        assert (code, drift["verdict"], drift["missing"]) == (ExitCode.FAILING, "breaking", [drift["changes"][0]["id"]])
        assert drift["changes"][0]["pointer"] == "/rows/items/spend"
        assert drift["changes"][0]["line"] == 15
        assert drift["counterexample"]["accepted_by"] == "new"
        _, out, _ = contracts("diff")
        assert f"telemetry contracts update --accept {drift['missing'][0]} --reason" in out

    def test_the_answer_is_the_same_bytes_every_time(self, repo: Path, contracts: Run) -> None:
        change(sales(repo), *NULLABLE)
        assert contracts("diff", "--json") == contracts("diff", "--json")

    @pytest.mark.promise("D3")
    def test_without_a_merge_base_it_could_not_look(self, repo: Path, contracts: Run) -> None:
        code, _, err = contracts("diff", "--base", "origin/gone")
        assert (code, "git knows no 'origin/gone' here" in err) == (ExitCode.COULD_NOT_LOOK, True)
        assert contracts("diff", "--base", "--help-me")[0] == ExitCode.USAGE

    def test_a_broken_accepted_yaml_is_said_with_its_line(self, repo: Path, contracts: Run) -> None:
        (repo / "schemas" / "accepted.yaml").write_text("# x\n- {id: 1}\n")
        code, _, err = contracts("diff")
        assert (code, "schemas/accepted.yaml:2: the entry has no contract" in err) == (ExitCode.FAILING, True)


@pytest.mark.promise("A24")
class TestUpdate:
    """What documents are, against what contracts say; nothing is accepted but by id."""

    def test_with_nothing_to_do_nothing_is_written(self, repo: Path, contracts: Run) -> None:
        before = tree(repo)
        code, out, _ = contracts("update")
        assert (code, out.startswith("Nothing to do")) == (ExitCode.OK, True)
        assert tree(repo) == before

    @pytest.mark.promise("A22")
    def test_absolute_times_become_relative_and_all_else_stays(self, repo: Path, contracts: Run) -> None:
        fixture = repo / "schemas" / "fixtures" / "snapshots.sales.json"
        from datetime import UTC, datetime

        fixture.write_text(FIXTURE.replace("$now-15m", f"{datetime.now(UTC):%Y-%m-%dT%H:%M}:00Z"))
        code, out, _ = contracts("update")
        assert (code, "snapshots.sales.json: 1 time made relative" in out) == (ExitCode.OK, True)
        assert fixture.read_text() == FIXTURE.replace("$now-15m", "$now")
        assert "Nothing to do" in contracts("update")[1]

    def test_an_edit_is_proposed_and_not_made(self, repo: Path, contracts: Run) -> None:
        before = tree(repo)
        (repo / "snapshots.sales.json").write_text(
            FIXTURE.replace("2.5", "null").replace("$now-15m", "2026-01-01T00:00:00Z")
        )
        code, out, _ = contracts("update", "--from", "snapshots.sales.json")
        assert code == ExitCode.LATE
        assert "type: number → number or null" in out
        assert "breaking" in out
        assert tree(repo) == before

    def test_accepting_makes_that_edit_alone_and_notes_who_and_why(self, repo: Path, contracts: Run) -> None:
        payload = '{"at": "2026-01-01T00:00:00Z", "note": "x", "rows": [{"name": "a", "spend": null}]}'
        (repo / "p.json").write_text(payload)
        given = ("--from", "p.json", "--contract", "snapshots.sales")
        _, answer = answered(contracts("update", *given, "--json"))
        spend = next(one for one in answer["proposals"] if one["pointer"] == "/rows/items/spend")
        accept = ("--accept", spend["id"], "--by", "Ada", "--until", "2999-01-31")
        code, _, err = contracts("update", *given, *accept)
        assert (code, "needs a reason" in err) == (ExitCode.USAGE, True)
        assert sales(repo).read_text() == SALES, "without a reason nothing is written"

        code, out, _ = contracts("update", *given, *accept, "--reason", "they read: null")
        assert code == ExitCode.LATE, "the other edit is still proposed"
        assert f"accepted  {spend['id']}" in out
        assert sales(repo).read_text() == SALES.replace(*NULLABLE)
        noted = 'contract: snapshots.sales, by: Ada, reason: "they read: null", until: 2999-01-31'
        accepted = (repo / "schemas" / "accepted.yaml").read_text()
        assert accepted == f"- {{id: {_plain(spend['id'])}, {noted}}}\n"
        code, out, _ = contracts("diff")
        assert (code, "accepted by Ada until 2999-01-31 (they read: null)" in out) == (ExitCode.OK, True)

        before = tree(repo)
        code, out, _ = contracts("update", *given, *accept, "--reason", "they read: null")
        assert (code, "is accepted already by Ada" in out) == (ExitCode.LATE, True)
        assert tree(repo) == before, "run twice, the second changes nothing"

    def test_a_change_that_stands_in_the_schema_is_accepted_by_its_id(self, repo: Path, contracts: Run) -> None:
        change(sales(repo), *NULLABLE)
        _, answer = answered(contracts("diff", "--json"))
        (needed,) = [each for one in answer["contracts"] for each in one["missing"]]
        code, _, _ = contracts("update", "--accept", needed, "--reason", "agreed with all readers")
        assert code == ExitCode.OK
        assert contracts("diff")[0] == ExitCode.OK
        assert sales(repo).read_text() == SALES.replace(*NULLABLE)

    def test_an_unknown_id_names_the_nearest(self, repo: Path, contracts: Run) -> None:
        change(sales(repo), *NULLABLE)
        _, answer = answered(contracts("diff", "--json"))
        (needed,) = [each for one in answer["contracts"] for each in one["missing"]]
        near = needed[:-1] + ("0" if needed[-1] != "0" else "1")
        code, _, err = contracts("update", "--accept", near, "--reason", "x")
        assert (code, f"Did you mean {needed}?" in err) == (ExitCode.USAGE, True)

    def test_a_row_of_a_streams_fixture_that_breaks_its_contract_is_proposed_for(
        self, repo: Path, contracts: Run
    ) -> None:
        change(repo / "schemas" / "fixtures" / "shop.orders.json", '"id": "1"', '"id": 1')
        code, answer = answered(contracts("update", "--json"))
        assert (code, [one["pointer"] for one in answer["proposals"]]) == (ExitCode.LATE, ["/id"])

    def test_a_document_that_no_edit_helps_is_failing(self, repo: Path, contracts: Run) -> None:
        change(repo / "schemas" / "fixtures" / "snapshots.sales.json", "$now-15m", "soon")
        code, out, _ = contracts("update")
        assert (code, "no edit to propose: snapshots.sales" in out) == (ExitCode.FAILING, True)

    @pytest.mark.promise("A21")
    def test_an_edit_needs_no_git_but_says_its_own_changes(self, repo: Path, contracts: Run, tmp_path: Path) -> None:
        (repo / ".git").rename(tmp_path / "away")
        change(repo / "schemas" / "fixtures" / "shop.orders.json", '"id": "1"', '"id": 1')
        _, answer = answered(contracts("update", "--json"))
        identifier = answer["proposals"][0]["id"]
        code, out, _ = contracts("update", "--accept", identifier, "--reason", "ids are numbers now")
        assert (code, f"noted in accepted.yaml as {identifier}" in out) == (ExitCode.OK, True)
        code, _, err = contracts("update", "--accept", "00000000", "--reason", "x")
        assert (code, "no working tree of git" in err) == (ExitCode.COULD_NOT_LOOK, True)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--reason", "x"), "--reason is about what is accepted"),
            (("--until", "2999-01-01"), "--until is about what is accepted"),
            (("--accept", "x", "--until", "soon"), "is no date"),
            (("--accept", "x", "--until", "2001-01-01"), "is over already"),
            (("--accept", "x", "--by", " "), "--by is empty"),
            (("--contract", "shop.orders"), "Add --from FILE"),
            (("--from", "telemetry.yaml"), "is named as no contract"),
            (("--from", "gone.json", "--contract", "shop.orders"), "gone.json does not exist"),
        ],
    )
    def test_a_bad_option_is_a_usage_error(self, contracts: Run, options: tuple[str, ...], said: str) -> None:
        code, _, err = contracts("update", *options)
        assert (code, said in err) == (ExitCode.USAGE, True), err

    def test_a_fixture_with_a_bad_time_is_named(self, repo: Path, contracts: Run) -> None:
        change(repo / "schemas" / "fixtures" / "snapshots.sales.json", "$now-15m", "$nowish")
        code, _, err = contracts("update")
        assert (code, "fixtures/snapshots.sales.json, /at: '$nowish' is no time" in err) == (ExitCode.FAILING, True)


def _plain(identifier: str) -> str:
    """An id as YAML takes it for text: quoted where it looks like a number."""
    from telemetry_assets.contracts.acceptance import Acceptance, with_acceptance

    return with_acceptance("", Acceptance(identifier, "a", "b", "c")).split("id: ")[1].split(",")[0]


def test_a_folder_in_place_of_a_contract_is_told(repo: Path, contracts: Run) -> None:
    sales(repo).unlink()
    sales(repo).mkdir()
    code, _, err = contracts("list")
    assert code == ExitCode.FAILING
    assert f"{sales(repo)} is no file" in err


def test_a_new_schema_that_is_none_is_said_once(repo: Path, contracts: Run) -> None:
    (repo / "schemas" / "assets" / "shop.gone.schema.json").write_text('{"$ref": "https://example.com/x"}')
    code, out, _ = contracts("diff")
    assert (code, out.count("leaves the folder")) == (ExitCode.FAILING, 1)
    assert "shop.gone  no sound schema  " in out


def test_a_counter_example_says_where_it_is_refused(repo: Path, contracts: Run) -> None:
    change(sales(repo), *NULLABLE)
    _, answer = answered(contracts("diff", "--json"))
    (example,) = [one["counterexample"] for one in answer["contracts"] if one["counterexample"]]
    assert f"    {example['pointer']}: {example['message']}" in contracts("diff")[1]


def test_a_folder_in_place_of_a_fixture_is_told(repo: Path, contracts: Run) -> None:
    fixture = repo / "schemas" / "fixtures" / "snapshots.sales.json"
    fixture.unlink()
    fixture.mkdir()
    code, _, err = contracts("update")
    assert code == ExitCode.FAILING
    assert f"{fixture} cannot be read: Is a directory. Check" in err


def test_a_reason_that_was_copied_and_not_written_is_none(repo: Path, contracts: Run) -> None:
    change(sales(repo), '"required": ', '"x-was-required": ')
    _, out, _ = contracts("diff", "--json")
    identifier = next(one["missing"][0] for one in json.loads(out)["contracts"] if one["missing"])
    code, _, err = contracts("update", "--accept", identifier, "--reason", "…")
    assert (code, "needs a reason" in err) == (ExitCode.USAGE, True)
    assert not (repo / "schemas" / "accepted.yaml").exists()

    contracts("update", "--accept", identifier, "--reason", "nobody reads it", "--by", "Ada")
    code, out, _ = contracts("update", "--accept", identifier, "--reason", "nobody", "--by", "Bob")
    assert "is accepted already by Ada (nobody reads it)" in out
