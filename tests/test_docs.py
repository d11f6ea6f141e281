"""What the pages about CI say is what the code does: commands, options, files, states, exit codes, names."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

import telemetry_assets.cli.main  # noqa: F401  (registers the commands)
from telemetry_assets.answers.ci_files import MANIFEST, PROMISED
from telemetry_assets.answers.ci_setup import FIXED_SECRETS, LOCKS, WORKFLOW
from telemetry_assets.answers.results import Kind
from telemetry_assets.cli.app import app
from telemetry_assets.model import ExitCode, State
from telemetry_assets.settings import SET_BY_OTHERS, VARIABLES

ROOT = Path(__file__).parent.parent
PAGES = ("docs/ci.md", "docs/checking.md", "docs/contracts.md")
MADE = {"telemetry-artifacts", "coverage", "runbooks"}
"""Folders that are written, or that a user may have."""


def text_of(page: str) -> str:
    """A page as it is."""
    return (ROOT / page).read_text()


def spans(page: str) -> list[str]:
    """What stands between backticks, and every line of a fenced block."""
    text = text_of(page)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [*inline, *(line for block in fenced for line in block.splitlines())]


@cache
def command_tree() -> Any:
    """The command ``telemetry`` as click sees it."""
    return typer.main.get_command(app)


def commands(page: str) -> Iterator[tuple[str, click.Command, list[str]]]:
    """(what stands there, the command, the options that are named) of every command line of the page."""
    for span in spans(page):
        said = re.match(r"(?:python -m telemetry_assets\.cli|telemetry) ([a-z].*)", span)
        if not said:
            continue
        words = said[1].split()
        node: Any = command_tree()
        while words and words[0] in getattr(node, "commands", {}):
            node = node.commands[words.pop(0)]
        yield span, node, re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(words))


@pytest.mark.promise("A33")
@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_names_a_command_and_options_that_there_are(page: str) -> None:
    wrong: list[str] = []
    found = list(commands(page))
    for span, command, options in found:
        known = {"--help"} | {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        if getattr(command, "commands", None) and "--help" not in options:
            wrong.append(f"{span}: no such command")
        wrong += [f"{span}: no option {option}" for option in options if option not in known]
    assert wrong == []
    assert len(found) > 3


@pytest.mark.promise("A33")
@pytest.mark.parametrize("page", ["docs/ci.md", "docs/checking.md"])
def test_every_file_and_folder_that_is_named_is_there(page: str) -> None:
    named = {span for span in spans(page) if re.fullmatch(r"\.?[\w.-]+(/[\w.*-]*)+|[\w-]+\.(py|ya?ml|lock|toml)", span)}
    places = {name for name in named if not re.match(r"marts/|--", name)}
    missing = [
        name
        for name in places
        if not (ROOT / name.rstrip("/").removesuffix("/*.yaml")).exists()
        and name.strip("/").split("/")[0] not in MADE
        and not any((ROOT / room / name).exists() for room in ("telemetry_assets",))
        and name not in LOCKS
    ]
    assert missing == []


@pytest.mark.promise("A33")
@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.promise("A33")
def test_every_artifact_is_named_on_both_pages() -> None:
    for page in ("docs/ci.md", "docs/checking.md"):
        names = {f"backend-telemetry-summary{span}" if span in (".json", ".md") else span for span in spans(page)}
        assert {*PROMISED, MANIFEST} <= names, page


@pytest.mark.promise("D39")
def test_the_catalogue_of_failures_has_every_kind_with_a_cause_a_remedy_and_where_to_read_more() -> None:
    table = text_of("docs/ci.md").partition("## When it is red")[2]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in table.splitlines()
        if re.match(r"\| [`|]", line)
    ]
    judged = [row for row in rows if row[0].startswith("`")]
    assert {row[0].strip("`") for row in judged} == set(Kind)
    for row in judged:
        kind, state, code, happened, remedy, more = row
        assert happened, row
        assert remedy, row
        assert re.fullmatch(r"\[[a-z]+\.md\]\([a-z]+\.md\)", more), row
        late = state.endswith("`late`")
        found = _exit(Kind(kind.strip("`")), State(state.partition(",")[0]), late=late)
        assert found is ExitCode(int(code)), row
    assert {int(row[2]) for row in judged} == {0, 1, 2, 3, 4}


def _exit(kind: Kind, state: State, *, late: bool) -> ExitCode:
    from telemetry_assets.answers.results import Result

    return Result(kind, "", "x", state, "", late=late).exit_code


@pytest.mark.promise("A33", "C17")
def test_the_table_of_states_is_the_one_of_the_code() -> None:
    table = text_of("docs/checking.md").partition("## Results")[2].partition("\n\nThe exit code")[0]
    rows = re.findall(r"^\| (\w+)(, `late`)? \|.*\| (\d) \|$", table, re.MULTILINE)
    assert {State(state) for state, _, _ in rows} == set(State)
    for state, late, code in rows:
        assert _exit(Kind.CHECK, State(state), late=bool(late)) is ExitCode(int(code))
    kinds = re.findall(r"`(\w+)`", table.partition("Kinds:")[2].partition("\n\n")[0].partition("`tenant`")[0])
    assert kinds == [str(kind) for kind in Kind]


@pytest.mark.promise("D37", "A33")
def test_jobs_limits_and_the_schedule_are_those_of_the_workflow() -> None:
    page, workflow = text_of("docs/ci.md"), yaml.safe_load((ROOT / WORKFLOW).read_text())
    for job in workflow["jobs"].values():
        assert f"`{job['name']}`" in page
    for name, minutes in re.findall(r"^\| `(Telemetry [^`]+)` \|.*\| (\d+) min", page, re.MULTILINE):
        (job,) = [one for one in workflow["jobs"].values() if one["name"] == name]
        assert job["timeout-minutes"] == int(minutes)
    assert f"`{workflow[True]['schedule'][0]['cron']}` UTC" in page
    assert "(kept 30 days" in page


@pytest.mark.promise("A33")
@pytest.mark.parametrize("page", PAGES)
def test_every_variable_that_is_named_is_read(page: str) -> None:
    named = {span for span in spans(page) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", span)}
    assert named - {*VARIABLES, *FIXED_SECRETS} - {*SET_BY_OTHERS} == set()
