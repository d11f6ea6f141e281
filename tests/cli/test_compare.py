"""``telemetry contracts compare``: two files, one verdict, its exit code; every wrong file is named with its fault."""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.cli.main import main
from telemetry_assets.model import ExitCode

Run = Callable[..., tuple[int, str, str]]
DRAFTED = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
OLD = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
WIDER = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Writes what is no text as JSON, runs the command as the console script does: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(old: Any, new: Any, *options: str) -> tuple[int, str, str]:
        for name, content in (("old.json", old), ("new.json", new)):
            if content is not None:
                write(tmp_path / name, content)
        monkeypatch.setattr(sys, "argv", ["telemetry", "contracts", "compare", "old.json", "new.json", *options])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(end.value.code or 0), out, err

    return run


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.promise("A1")
def test_a_break_ends_with_1_and_shows_the_document(compare: Run) -> None:
    code, out, _ = compare(OLD, WIDER)
    assert code == ExitCode.FAILING
    assert out.startswith("BREAKING  forward: do readers made for the old schema")
    assert '"a": 1.5' in out


@pytest.mark.parametrize(
    ("old", "new", "options", "code", "verdict"),
    [
        (OLD, WIDER, ("--direction", "backward"), ExitCode.OK, "non_breaking"),
        (OLD, WIDER, ("--direction", "full"), ExitCode.FAILING, "breaking"),
        (OLD, {**OLD, "title": "T"}, (), ExitCode.OK, "no_change"),
        (DRAFTED, {**DRAFTED, "dependencies": {"a": ["b"]}}, (), ExitCode.COULD_NOT_LOOK, "unknown"),
        (True, False, (), ExitCode.OK, "non_breaking"),
    ],
)
def test_each_verdict_has_its_exit_code(
    compare: Run, old: Any, new: Any, options: tuple[str, ...], code: ExitCode, verdict: str
) -> None:
    ended, out, _ = compare(old, new, "--json", *options)
    answer = json.loads(out)
    assert (ended, answer["verdict"], answer["exit_code"]) == (code, verdict, code)
    assert (answer["old"], answer["new"]) == ("old.json", "new.json")


@pytest.mark.promise("A23")
def test_the_same_two_files_give_the_same_bytes(compare: Run) -> None:
    assert compare(OLD, WIDER, "--json") == compare(OLD, WIDER, "--json")


def test_references_lead_to_files_beside_each_schema(compare: Run, tmp_path: Path) -> None:
    write(tmp_path / "parts" / "money.json", {"$defs": {"amount": {"$ref": "../kinds.json"}}})
    write(tmp_path / "kinds.json", {"type": "integer"})
    schema = {"type": "object", "properties": {"a": {"$ref": "parts/money.json#/$defs/amount"}}, "required": ["a"]}
    code, out, _ = compare(schema, WIDER, "--json")
    assert code == ExitCode.FAILING
    assert json.loads(out)["counterexample"]["document"] == {"a": 1.5}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (b"{", "is not JSON"),
        (b"", "is empty"),
        (b'{"type": "string", "type": "number"}', "stands twice"),
        (b'{"minimum": NaN}', "NaN"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 300 + b"]" * 300, "more than 200 levels"),
        ([1], "is an array of 1 item, not an object"),
        ({"type": "strin"}, "/type"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
        ({"$ref": "https://example.com/shop.json"}, "never on a network"),
        ({"$ref": "../above.json"}, "leaves the folder"),
        ({"$ref": "absent.json"}, "absent.json, which is no schema of the folder"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}}, "only lead back to itself"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
    ],
)
def test_a_file_that_is_no_schema_is_named_with_what_is_wrong_where(
    compare: Run, tmp_path: Path, new: Any, said: str
) -> None:
    write(tmp_path.parent / "above.json", {})
    code, out, err = compare(OLD, new)
    assert (code, out) == (ExitCode.FAILING, "")
    assert "new.json" in err
    assert said in err


def test_a_fault_of_a_file_beside_is_named_as_that_files(compare: Run, tmp_path: Path) -> None:
    write(tmp_path / "money.json", {"type": "strin"})
    code, _, err = compare({"$ref": "money.json"}, OLD)
    assert code == ExitCode.FAILING
    assert "money.json is not a sound JSON Schema" in err


def test_a_link_out_of_the_folder_is_not_followed(compare: Run, tmp_path: Path) -> None:
    write(tmp_path.parent / "secret.json", {"type": "string"})
    (tmp_path / "inside.json").symlink_to(tmp_path.parent / "secret.json")
    code, _, err = compare({"$ref": "inside.json"}, OLD)
    assert code == ExitCode.FAILING
    assert "inside.json, which is no schema of the folder" in err


def test_a_file_that_is_not_there_or_a_folder_is_a_usage_error(compare: Run, tmp_path: Path) -> None:
    code, _, err = compare(OLD, None)
    assert code == ExitCode.USAGE
    assert "new.json does not exist" in err
    (tmp_path / "new.json").mkdir()
    assert compare(OLD, None)[0] == ExitCode.USAGE


def test_an_unknown_direction_is_a_usage_error(compare: Run) -> None:
    code, _, err = compare(OLD, WIDER, "--direction", "sideways")
    assert code == ExitCode.USAGE
    assert "forward" in err


def test_an_unknown_keyword_is_an_annotation_here(compare: Run) -> None:
    assert compare(OLD, {**OLD, "minimun": 3}, "--json")[0] == ExitCode.OK


def test_a_schema_may_come_through_a_pipe(compare: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "old.json"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps(OLD),))
    writer.start()
    assert compare(None, OLD)[0] == ExitCode.OK
    writer.join()
