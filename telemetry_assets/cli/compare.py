"""``telemetry contracts compare``: two versions of a schema held against each other.

What belongs here: the option and exit of that one command, reading the files and those they refer to. What does not:
comparing (``contracts/compare.py``), drawing (``render/comparison.py``).
"""

import posixpath
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from telemetry_assets.cli.app import Json, contracts_app
from telemetry_assets.contracts.drift import Direction
from telemetry_assets.errors import ConfigError, UsageError


@contracts_app.command("compare")
def contracts_compare(
    old: Annotated[Path, typer.Argument(help="The schema as it was, a JSON file.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The schema as it is to be.", show_default=False)],
    direction: Annotated[
        Direction,
        typer.Option(
            "--direction", help="forward: old readers, new documents. backward: new readers, old ones. full: both."
        ),
    ] = Direction.FORWARD,
    as_json: Json = False,
) -> int:
    """Does a change of a JSON Schema break whoever reads the documents? Proved, or shown by a document, never guessed.

    forward (a producer's question): do readers made for OLD accept every document that NEW allows?
    backward (a reader's question): does NEW accept every document that OLD allowed?
    A breaking verdict shows a document that one accepts and the other refuses. $ref may lead to files beside each.
    Exit: 0 unchanged or not breaking, 1 breaking or no schema, 4 unknown (counts as breaking), 5 usage.
    """
    from telemetry_assets.contracts.compare import compare
    from telemetry_assets.render import comparison as render

    before, after = _read(old), _read(new)
    found = compare(before[old.name], after[new.name], direction, name=new.name, old_files=before, new_files=after)
    names = (str(old), str(new))
    (render.print_json if as_json else render.print_terminal)(found, *names)
    return found.verdict.exit_code


def _read(path: Path) -> dict[str, Any]:
    """A file and those of its folder that it refers to, by path there. Raises ConfigError for an unsound schema."""
    from telemetry_assets.contracts.reading import read_json_file
    from telemetry_assets.contracts.references import references_in
    from telemetry_assets.contracts.schema_check import schema_fault
    from telemetry_assets.contracts.spelling import with_draft

    if not path.exists() or path.is_dir():
        there = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {there}.", "Name two JSON files: telemetry contracts compare OLD.json NEW.json")
    files: dict[str, Any] = {path.name: with_draft(read_json_file(path))}
    ahead = [path.name]
    while ahead:
        here = ahead.pop()
        for _, reference in references_in(files[here]):
            beside = _beside(path.parent, here, reference)
            if beside is not None and beside not in files:
                files[beside] = read_json_file(path.parent / beside)
                ahead.append(beside)
    for name, schema in files.items():
        # In two files that somebody hands us an unknown keyword is an annotation, as the standard says.
        if fault := schema_fault(schema, name=name, files=files, strict=False):
            raise ConfigError(f"{path.parent / name} is not a sound JSON Schema: {fault}.", "Correct it there.")
    return files


def _beside(folder: Path, here: str, reference: Any) -> str | None:
    """The path in ``folder`` of the file that a reference of ``here`` leads to; None for one that leads elsewhere."""
    try:
        parts = urlsplit(reference) if isinstance(reference, str) else None
    except ValueError:
        return None
    if parts is None or parts.scheme or parts.netloc or not parts.path:
        return None
    name = posixpath.normpath(posixpath.join(posixpath.dirname(here), unquote(parts.path)))
    file = (folder / name).resolve()
    return name if file.is_relative_to(folder.resolve()) and file.is_file() else None
