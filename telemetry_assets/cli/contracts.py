"""The commands about the folder of contracts: list, validate, diff, update. Comparing two files is ``compare.py``.

What belongs here: options, reading the files that are named, writing what a person accepted. What does not: what is
found (``answers/contracts_answer.py``, ``contracts_update.py``), drawing.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry_assets import settings as declared
from telemetry_assets.cli.app import Json, contracts_app
from telemetry_assets.errors import ConfigError, CouldNotLookError, TelemetryError, UsageError

if TYPE_CHECKING:
    from telemetry_assets.settings import Settings

_LINES = (".ndjson", ".jsonl")
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REV", help="The branch this one goes back to; found by itself if left away."),
]


@contracts_app.command("list")
def contracts_list(as_json: Json = False) -> int:
    """Every contract of schemas/: what it binds to, what its documents must have, and what does not fit.

    A contract is a file: schemas/assets/KEY.JOINED.BY.DOTS.schema.json binds itself to the asset KEY/JOINED/BY/DOTS.
    Exit: 0, 1 something does not fit or is no sound schema.
    """
    from telemetry_assets.answers.contracts_answer import read_list
    from telemetry_assets.render import contracts as render

    answer = read_list(declared.load())
    (render.print_json if as_json else render.print_list)(answer)
    return answer.exit_code


@contracts_app.command("validate")
def contracts_validate(
    file: Annotated[str, typer.Argument(help="A JSON file, one document or a list of them; NDJSON; - for stdin.")],
    contract: Annotated[str, typer.Option("--contract", help="The contract's name, as contracts list gives it.")],
    as_json: Json = False,
) -> int:
    """Hold documents to a contract: what breaks it, where, what was found and expected.

    Alike violations are told once, with how many more. JSON is read strictly: no key twice, no NaN, UTF-8.
    A fixture of schemas/fixtures/ is what the guard makes of it: $now-15m is that instant, of a table its rows count.
    Exit: 0 all keep it, 1 one breaks it or is no JSON, 4 there is no document.
    """
    from telemetry_assets.answers.contracts_answer import find_contract, validated
    from telemetry_assets.contracts.registry import FIXTURES, load_folder
    from telemetry_assets.render import contracts as render

    settings, now = declared.load(), datetime.now(UTC)
    found = find_contract(load_folder(settings.schemas_dir), contract)
    fixture = settings.schemas_dir / FIXTURES in Path(file).absolute().parents
    answer = validated(found, _fixture(file, found, settings, now) if fixture else _documents(file, found))
    (render.print_json if as_json else render.print_validate)(answer)
    return answer.exit_code


@contracts_app.command("diff")
def contracts_diff(base: Base = None, as_json: Json = False) -> int:
    """The working tree's contracts against the merge base: what changed, whom it breaks, with a document that shows it.

    A breaking or unknown change merges only with an entry in schemas/accepted.yaml, which update --accept ID writes.
    Exit: 0, 1 breaking, 4 unknown, or no merge base to compare with.
    """
    from telemetry_assets.answers.contracts_answer import read_diff
    from telemetry_assets.render import contracts as render

    answer = read_diff(declared.load().schemas_dir, base, datetime.now(UTC).date())
    (render.print_json if as_json else render.print_diff)(answer)
    return answer.exit_code


@contracts_app.command("update")
def contracts_update(
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="ID", help="Make this edit, or accept this change; repeatable."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why nobody is hurt; asked for where one may be.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who accepts; the user this runs as if left away.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Accept until that day, 2027-01-31.")
    ] = None,
    payloads: Annotated[
        list[Path] | None, typer.Option("--from", metavar="FILE", help="Real documents, as validate takes; repeatable.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="Whose documents --from holds; by its file's name if left away.")
    ] = None,
    base: Base = None,
    as_json: Json = False,
) -> int:
    """Hold the fixtures (and real payloads) to their contracts, and propose the edits that would let them through.

    Absolute times in fixtures are rewritten as relative ones ($now-15m), so that they never age. A schema is only ever
    written for an --accept ID; what may break readers is noted in schemas/accepted.yaml with who and why.
    Exit: 0 nothing to propose, 2 edits are proposed, 1 a document that no edit is proposed for.
    """
    from telemetry_assets.answers.contracts_update import Accepting, read_update
    from telemetry_assets.cli.session import operator
    from telemetry_assets.render import contracts as render

    settings = declared.load()
    _only_with(accept, "--accept ID", {"--reason": reason, "--by": by, "--until": until})
    now = datetime.now(UTC)
    accepting = Accepting(tuple(accept or ()), operator(by), reason or "", _day(until, now), base)
    answer = read_update(settings, now, _payloads(settings.schemas_dir, payloads or [], contract), accepting)
    for path, text in answer.writes.items():
        _write(path, text)
    (render.print_json if as_json else render.print_update)(answer)
    return answer.exit_code


def _only_with(given: object, needed: str, options: Mapping[str, str | None]) -> None:
    alone = next((name for name, value in options.items() if value is not None and not given), None)
    if alone:
        raise UsageError(f"{alone} is about what is accepted, and nothing is.", f"Add {needed}, or leave it out.")


def _day(text: str | None, now: datetime) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until {text!r} is no date.", "Write it as 2027-01-31.") from None
    if day < now.date():
        raise UsageError(f"--until {text} is over already.", "Name a day to come.")
    return day


def _payloads(schemas_dir: Path, files: Iterable[Path], named: str | None) -> dict[str, list[Any]]:
    """Contract's name → the documents of ``--from``."""
    from telemetry_assets.answers.contracts_answer import find_contract, name_of
    from telemetry_assets.contracts.registry import load_folder

    files = list(files)
    if not files:
        _only_with(files, "--from FILE", {"--contract": named})
        return {}
    folder = load_folder(schemas_dir)
    found: dict[str, list[Any]] = {}
    for path in files:
        try:
            contract = find_contract(folder, named or path.name.removesuffix(path.suffix))
        except UsageError as error:
            if named:
                raise
            raise UsageError(f"{path.name} is named as no contract.", f"Add --contract NAME. {error.remedy}") from None
        found.setdefault(name_of(contract), []).extend(_documents(str(path), contract))
    return found


def _fixture(file: str, contract: Any, settings: "Settings", now: datetime) -> list[Any]:
    """The documents of a fixture as the guard takes them: its times are absolute, of a table they are all rows."""
    from telemetry_assets.answers.contracts_answer import tables_of
    from telemetry_assets.answers.contracts_update import documents_in, rows_in
    from telemetry_assets.contracts.fixtures import hydrated
    from telemetry_assets.contracts.reading import read_json_file

    if not Path(file).is_file():
        raise UsageError(f"{file} does not exist.", "Check the path; - is standard input.")
    whole = hydrated(read_json_file(Path(file)), now, file)
    return rows_in(whole) if contract.asset in tables_of(settings) else documents_in(whole, contract)


def _documents(file: str, contract: Any) -> Iterator[Any]:
    """The documents of a file, of lines of JSON, or (``-``) of standard input, read strictly."""
    from telemetry_assets.answers.contracts_update import documents_in
    from telemetry_assets.contracts.reading import LIMIT, read_json

    name = "standard input" if file == "-" else file
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            if file.endswith(_LINES):
                yield from _of_lines(stream, name)
                return
            data = stream.read(LIMIT + 1)
    except FileNotFoundError:
        raise UsageError(f"{file} does not exist.", "Check the path; - is standard input.") from None
    except OSError as error:
        raise CouldNotLookError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        whole = read_json(data, name)
    except ConfigError:
        if not _looks_like_lines(data):
            raise
        yield from _of_lines(data.splitlines(keepends=True), name)
        return
    yield from documents_in(whole, contract)


def _of_lines(lines: Iterable[bytes], name: str) -> Iterator[Any]:
    from telemetry_assets.contracts.reading import read_json

    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield read_json(line, f"{name}, document on line {number}")
    if empty:
        raise ConfigError(f"{name} is empty.", "Write a JSON document on each line.")


def _looks_like_lines(data: bytes) -> bool:
    """Whether what is no JSON as a whole begins with a line that is."""
    from telemetry_assets.contracts.reading import read_json

    first, _, rest = data.lstrip().partition(b"\n")
    try:
        read_json(first, "")
    except TelemetryError:
        return False
    return bool(rest.strip())


def _write(path: Path, text: str) -> None:
    """Atomically, with the rights the file has, through a link to what it leads to."""
    path = path.resolve()
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        scratch.write_bytes(text.encode("utf-8"))
        if path.exists():
            scratch.chmod(path.stat().st_mode & 0o7777)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise CouldNotLookError(
            f"{path} cannot be written: {error.strerror}.", "Give the right to write there."
        ) from None
