"""Writes docs/promises.md: every promise with the tests that prove it. Run by ``make promises``.

The promises are in promises.toml; a test proves one by ``@pytest.mark.promise("B31")``, on itself or on its class.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "promises.md"
KINDS = {"G": "ours", "G*": "ours", "D": "not ours", "L": "ours"}


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One promise of promises.toml."""

    id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One id in a marker: which test it is on, and where."""

    id: str
    test: str
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(TESTS.parent)}:{self.line} {self.test}"


def read_promises(path: Path = TESTS / "promises.toml") -> dict[str, tuple[PromiseLine, ...]]:
    """Section title → its promises, in the order of the file."""
    sections = tomllib.loads(path.read_text())
    return {
        f"{letter}. {section['title']}": tuple(
            PromiseLine(key, entry["kind"], entry["promise"]) for key, entry in section.items() if key != "title"
        )
        for letter, section in sections.items()
    }


def read_marks(folder: Path = TESTS) -> tuple[Mark, ...]:
    """Every promise marker under ``folder``, by reading the files, not by importing them."""
    paths = sorted(path for path in folder.rglob("test_*.py") if "__pycache__" not in path.parts)
    return tuple(mark for path in paths for mark in _marks(path))


def page(promises: Mapping[str, Sequence[PromiseLine]], marks: Sequence[Mark]) -> str:
    """docs/promises.md as text; the same promises and tests give the same page."""
    tests = {mark.id: [other for other in marks if other.id == mark.id] for mark in marks}
    ours = [promise for section in promises.values() for promise in section if KINDS[promise.kind] == "ours"]
    kept = sum(promise.id in tests for promise in ours)
    lines = [
        "# Promises",
        "",
        "What five runbooks promise, in our words, and the tests that prove it. Written by `make promises` from",
        "`tests/promises.toml` and the `promise` markers of the tests; edit those. `G*`: a number or name of the",
        "runbook is our default. `D`: a detail of another product, not ours. `L`: a lesson of a contradiction in them.",
        "",
        f"{kept} of {len(ours)} have a test; a test may prove a part only, and says which in its name.",
    ]
    for title, section in promises.items():
        lines += ["", f"## {title}", "", "| id | kind | promise | proven by |", "|---|---|---|---|"]
        lines += [f"| {p.id} | {p.kind} | {p.text} | {_proof(p, tests.get(p.id, []))} |" for p in section]
    return "\n".join(lines) + "\n"


def _proof(promise: PromiseLine, marks: Sequence[Mark]) -> str:
    if not marks:
        return "not ours" if promise.kind == "D" else "not yet"
    proven = dict.fromkeys((mark.test, mark.path.relative_to(TESTS.parent).as_posix()) for mark in marks)
    return "<br>".join(f"[{test}](../{path})" for test, path in proven)


def _marks(path: Path) -> Iterator[Mark]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from (Mark(name, node.name, path, node.lineno) for name in _ids(decorator))
        elif isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets):
            calls = [call for call in ast.walk(node.value) if isinstance(call, ast.Call)]
            yield from (Mark(name, path.stem, path, node.lineno) for call in calls for name in _ids(call))


def _ids(node: ast.expr) -> Iterator[str]:
    """The ids of ``pytest.mark.promise(…)``; what is not written out as text is shown as it stands, and refused."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.promise"):
        for value in node.args:
            yield (
                value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ast.unparse(value)
            )


def main() -> None:
    """Write the page and say how far we are."""
    promises, marks = read_promises(), read_marks()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(promises, marks))
    print(f"{PAGE.relative_to(TESTS.parent)}: {len({mark.id for mark in marks})} promises have a test")


if __name__ == "__main__":
    main()
