"""Artifacts on the disk: written whatever happens, read back, verified later, and without a secret."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry_assets.answers.ci_files import MANIFEST, PROMISED
from telemetry_assets.answers.provenance import provenance
from telemetry_assets.answers.results import Kind, Provenance, Result, Verdict
from telemetry_assets.cli.artifacts import clear, leave_behind, verify, write
from telemetry_assets.cli.verdicts import verify_folder
from telemetry_assets.model import ExitCode, State

BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVERYTHING = {*PROMISED, MANIFEST}
GITHUB = ("REPOSITORY", "HEAD_REF", "REF_NAME", "SHA", "RUN_ID", "ACTIONS", "STEP_SUMMARY")


@pytest.fixture(autouse=True)
def _not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GITHUB:
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)


def made(*results: Result) -> Verdict:
    """A verdict over these; over one that passed where none is given."""
    given = results or (Result(Kind.CHECK, "marts/sales", "data_age", State.PASS, "fresh", tenant="acme"),)
    ids = {"acme": "11111111-1111-1111-1111-111111111111"}
    return Verdict(given, BEGAN, BEGAN + timedelta(seconds=1), "check-1", "all", tenants=ids)


def exit_codes(out: Path) -> set[int]:
    """Of every JSON file that is there and is no folder."""
    return {json.loads(path.read_text())["exit_code"] for path in out.glob("*.json") if path.is_file()}


class TestWriting:
    """Every file, and what becomes of a file that cannot be written."""

    @pytest.mark.promise("D22")
    def test_every_file_arrives_in_a_folder_that_was_not_there_and_the_manifest_is_right(self, tmp_path: Path) -> None:
        out = tmp_path / "deep" / "out"
        assert write(made(), out) == ()
        assert {path.name for path in out.iterdir()} == EVERYTHING
        assert {one.state for one in verify(out)} == {State.PASS}
        assert exit_codes(out) == {0}

    @pytest.mark.promise("D16")
    def test_they_are_written_when_checks_fail_and_say_so(self, tmp_path: Path) -> None:
        failed = Result(Kind.CHECK, "marts/sales", "rows", State.FAIL, "raised ValueError: x")
        assert write(made(failed), tmp_path) == ()
        assert exit_codes(tmp_path) == {1}

    @pytest.mark.parametrize("name", sorted(EVERYTHING))
    @pytest.mark.promise("F7")
    def test_a_file_that_cannot_be_written_fails_the_verdict_and_stops_no_other(
        self, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / name).mkdir()
        (found,) = write(made(), tmp_path)
        assert (found.kind, found.check, found.state, found.exit_code) == (Kind.ARTIFACT, name, State.FAIL, 1)
        assert str(tmp_path / name) in found.message
        assert "Is a directory" in found.message
        assert {path.name for path in tmp_path.iterdir() if path.is_file()} == EVERYTHING - {name}
        assert exit_codes(tmp_path) == {1}
        if name != MANIFEST:
            assert [one.check for one in verify(tmp_path) if one.state is State.FAIL] == [name]

    def test_two_files_that_cannot_be_written_are_both_named(self, tmp_path: Path) -> None:
        for name in ("junit.xml", "ci-metrics.csv"):
            (tmp_path / name).mkdir()
        assert {one.check for one in write(made(), tmp_path)} == {"junit.xml", "ci-metrics.csv"}

    def test_a_folder_that_cannot_be_made_is_one_failure(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("in the way")
        (found,) = write(made(), tmp_path / "out")
        assert found.exit_code is ExitCode.FAILING
        assert "the folder" in found.message

    @pytest.mark.promise("D26")
    def test_the_exit_code_in_the_files_is_that_of_the_verdict_whatever_could_not_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "single.xml").mkdir()
        (tmp_path / "summary").mkdir()
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
        final = leave_behind(made(), out=tmp_path / "out", junit=tmp_path / "single.xml")
        assert [one.check for one in final.results if one.kind is Kind.ARTIFACT] == [
            "GITHUB_STEP_SUMMARY",
            "single.xml",
        ]
        assert exit_codes(tmp_path / "out") == {int(final.exit_code)} == {1}
        assert {one.state for one in verify(tmp_path / "out")} == {State.PASS}

    @pytest.mark.promise("A23")
    def test_the_same_verdict_leaves_the_same_bytes(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            leave_behind(made(), out=tmp_path / folder)
        for name in EVERYTHING:
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    def test_nothing_of_an_earlier_check_can_pass_for_this_ones(self, tmp_path: Path) -> None:
        write(made(), tmp_path)
        (tmp_path / "notes.txt").write_text("somebody else's")
        clear(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
        assert [one.state for one in verify(tmp_path)] == [State.FAIL]


class TestVerifying:
    """A folder against its manifest, later and elsewhere."""

    @pytest.mark.parametrize(
        ("spoil", "name", "words"),
        [
            (lambda out: (out / "junit.xml").unlink(), "junit.xml", "is not there"),
            (lambda out: (out / "coverage.json").write_bytes(b""), "coverage.json", "has 0 bytes"),
            (lambda out: _turn(out / "ci-metrics.csv"), "ci-metrics.csv", "another sha256"),
            (lambda out: (out / MANIFEST).unlink(), MANIFEST, "is not there"),
            (lambda out: (out / MANIFEST).write_bytes((out / MANIFEST).read_bytes()[:-40]), MANIFEST, "cut short"),
            (lambda out: (out / MANIFEST).write_text("[]"), MANIFEST, "no manifest"),
            (lambda out: (out / MANIFEST).write_text('{"files": [{"name": "junit.xml"}]}'), MANIFEST, "no manifest"),
            (lambda out: _list(out, lambda files: files[:-1]), "diagnostics.json", "does not list"),
            (lambda out: _list(out, lambda files: [*files, {**files[0], "name": "../x"}]), "../x", "no file of"),
            (
                lambda out: _list(out, lambda files: [*files, {**files[0], "name": "coverage.xml"}]),
                "coverage.xml",
                "not there",
            ),
            (lambda out: _list(out, lambda files: [*files, files[0]]), MANIFEST, "stands twice"),
        ],
    )
    @pytest.mark.promise("F7")
    def test_what_is_absent_short_or_different_is_named_and_fails(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], name: str, words: str
    ) -> None:
        write(made(), tmp_path)
        spoil(tmp_path)
        (found,) = (one for one in verify(tmp_path) if one.state is not State.PASS)
        assert (found.check, found.state, found.kind) == (name, State.FAIL, Kind.ARTIFACT)
        assert words in found.message
        assert verify_folder(tmp_path) is ExitCode.FAILING
        assert words in capsys.readouterr().out

    def test_all_well_is_zero_and_counts_the_files(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(made(), tmp_path)
        assert verify_folder(tmp_path) is ExitCode.OK
        assert capsys.readouterr().out.startswith("7 files")
        assert verify_folder(tmp_path, as_json=True) is ExitCode.OK
        assert {row["state"] for row in json.loads(capsys.readouterr().out)["files"]} == {"PASS"}

    @pytest.mark.promise("F5")
    def test_an_empty_or_absent_folder_is_not_fine(self, tmp_path: Path) -> None:
        assert verify_folder(tmp_path) is ExitCode.FAILING
        assert verify_folder(tmp_path / "nowhere") is ExitCode.FAILING


class TestSecrets:
    """D41."""

    @pytest.mark.promise("D41")
    def test_no_secret_of_the_environment_is_in_any_file_nor_told_to_github(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        planted = {
            "SHOP_API_TOKEN": 'tok-"7f3a',
            "GITHUB_TOKEN": "ghs_planted",
            "DATABASE_URL": "postgresql://u:hunter2hunter2@db/x",
            "MONITOR_ALERT_WEBHOOK_URL": "https://hooks.example/T0/B0/planted",
            "AWS_SECRET_ACCESS_KEY": "AKIAplantedplanted",
            "SMTP_PASSWORD": "correct horse\nbattery",
        }
        for name, value in planted.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
        words = " and ".join([*planted.values(), "password=opensesame", "https://me:opensesame@host/"])
        bad = Result(Kind.CHECK, "marts/sales", "rows", State.FAIL, f"raised: {words}", remedy=f"Try {words}")
        final = leave_behind(
            replace(made(bad), diagnostics={"postgresql": f"no: {words}"}, scope=words),
            out=tmp_path / "out",
            junit=tmp_path / "single.xml",
        )
        everything = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(everything) == len(EVERYTHING) + 2
        texts = [path.read_text() for path in everything] + [capsys.readouterr().err, repr(final)]
        for part in ("7f3a", "planted", "hunter2", "horse", "opensesame"):
            assert [text for text in texts if part in text] == []
        assert "***" in texts[0]

    @pytest.mark.promise("D41")
    def test_no_credential_of_a_remote_is_in_the_provenance(self, tmp_path: Path) -> None:
        for command in (
            "init -q -b main",
            "remote add origin https://me:s3cret@example.invalid/acme/shop.git",
            "-c user.name=a -c user.email=a@b commit -q --allow-empty -m x",
        ):
            subprocess.run(
                ["git", *command.split()], cwd=tmp_path, check=True, env={**os.environ, "HOME": str(tmp_path)}
            )
        found = provenance(tmp_path)
        assert (found.repository, found.branch, found.run_id) == ("acme/shop", "main", None)
        assert found.commit
        assert "s3cret" not in repr(found)


class TestProvenance:
    """Whose verdict it is."""

    @pytest.mark.promise("D28")
    def test_what_github_says_counts_and_of_a_pull_request_the_branch_it_comes_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = {"REPOSITORY": "acme/shop", "REF_NAME": "7/merge", "HEAD_REF": "fix", "SHA": "abc", "RUN_ID": "42"}
        for name, value in said.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        assert provenance(tmp_path) == Provenance("acme/shop", "fix", "abc", "42")
        monkeypatch.delenv("GITHUB_HEAD_REF")
        assert provenance(tmp_path).branch == "7/merge"

    def test_outside_of_both_nothing_is_known(self, tmp_path: Path) -> None:
        assert provenance(tmp_path) == Provenance()


class TestDiagnostics:
    """D20, D21."""

    @pytest.mark.promise("D20", "D21")
    def test_a_failed_check_leaves_the_versions_and_what_was_reachable(self, tmp_path: Path) -> None:
        bad = Result(Kind.STEP, "", "sync", State.UNKNOWN, "the database went away")
        seen = replace(made(bad), diagnostics={"postgresql": "no answer"}, steps={"hydrate": timedelta(seconds=2)})
        leave_behind(seen, out=tmp_path)
        document = json.loads((tmp_path / "diagnostics.json").read_text())
        assert {"python", "os", "dagster", "dbt-core", "psycopg"} <= set(document["versions"])
        assert "not installed" not in document["versions"].values()
        assert (document["found"], document["steps"]) == ({"postgresql": "no answer"}, {"hydrate": 2.0})


class TestGithub:
    """Only there."""

    def test_annotations_are_said_on_github_alone_and_beside_the_answer(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = made(Result(Kind.CHECK, "marts/sales", "rows", State.FAIL, "two rows"))
        leave_behind(bad)
        assert capsys.readouterr() == ("", "")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        leave_behind(bad)
        assert capsys.readouterr() == ("", "::error title=marts/sales%3A rows::two rows\n")

    @pytest.mark.promise("A14")
    def test_the_digest_is_appended_to_the_summary_of_the_step(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        step = tmp_path / "step.md"
        step.write_text("before\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
        leave_behind(made())
        assert step.read_text().startswith("before\n# Telemetry check: passed, exit 0\n")


def _turn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def _list(out: Path, change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> None:
    document = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps({**document, "files": change(document["files"])}))
