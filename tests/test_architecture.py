"""Keeps the house: who may import whom, where SQL and Dagster live, how many of what.

Walks the ASTs of whatever is in the package; imports only what it must count.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from telemetry_assets.declaration.shapes import Declaration
from telemetry_assets.model import State

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "telemetry_assets"

# One room, several files: from the text of telemetry.yaml to checked declarations.
DECLARATION = {"declaration"}
GROUND = {"model", "errors", "spoken"}
SETTINGS = GROUND | DECLARATION | {"settings", "running"}
PURE = {"freshness", "contracts", "incidents"}
EDGE = PURE | SETTINGS | {"logs", "ledger", "sources", "answers", "channels"}

RINGS: dict[str, set[str]] = {
    "model": set(),
    "errors": {"model"},
    "spoken": set(),
    "declaration": GROUND,
    "settings": GROUND | DECLARATION,
    "running": GROUND | {"settings"},
    "logs": GROUND,
    **dict.fromkeys(PURE, GROUND),
    "ledger": GROUND | {"freshness", "incidents"},
    "sources": SETTINGS | PURE | {"logs", "ledger"},
    "answers": SETTINGS | PURE | {"ledger", "sources"},
    "render": GROUND | {"answers", "contracts", "freshness"},
    "channels": SETTINGS | {"incidents"},
    "dispatch": SETTINGS | PURE | {"answers", "channels", "ledger", "sources", "logs"},
    "defs": EDGE | {"dispatch"},
    "definitions": EDGE | {"defs"},
    "local": SETTINGS | {"ledger", "contracts"},
    "demo": GROUND,
    "cli": EDGE | {"defs", "local", "demo", "render", "dispatch"},
    "__main__": {"cli"},
}
"""Room → the rooms it may import; a room may always import itself. A new room is entered here first."""

RUNNERS = tuple(f"telemetry_assets.defs.{name}" for name in ("runner", "checking", "foreign_checking"))
"""What of the edge a command runs."""

SQL_ROOMS = {"ledger", "sources", "local"}
_SQL = re.compile(
    r"""\s*(select\s+\S|insert\s+into\s|update\s+[\w."{}]+\s+set\s|delete\s+from\s|merge\s+into\s|truncate\s+[\w."{]
    |copy\s+[\w."{}()]+.*\b(from|to)\s|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s+(materialized\s+)?\(
    |(create|alter|drop)\s+(or\s+replace\s+)?(unlogged\s+|temp(orary)?\s+|unique\s+|materialized\s+)*
     (table|schema|view|index|database|role|function|type|extension|trigger|sequence)\s)""",
    re.VERBOSE | re.DOTALL,
)
_ADVERTISING = re.compile(
    r"campaign|creative|impression|parish|advert|\b(meta|google)[ _]ads|\bad_id|\b(roas|ctr|cpc|cpm)\b"
)
_SIGNALS = {0, 130}
"""Exit codes that are no finding: an end that was asked for, and Ctrl-C as shells know it."""


@dataclass(frozen=True)
class Source:
    """One Python file of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(PACKAGE))

    @property
    def room(self) -> str:
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def package() -> tuple[Source, ...]:
    """Every Python file of the package, parsed."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
    return tuple(Source(path, text := path.read_text(), ast.parse(text)) for path in paths)


def _imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, those inside functions too; ``from a import b`` is ``a.b``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ("telemetry_assets", *source.path.relative_to(PACKAGE).parts)
            start = ".".join(here[: len(here) - node.level]) + "." if node.level else ""
            yield from ((node.lineno, f"{start}{node.module or ''}.{alias.name}") for alias in node.names)


def _rooms(source: Source) -> Iterator[tuple[int, str, str]]:
    """(line, room, dotted name) of every import of ours."""
    for line, name in _imports(source):
        head, _, rest = name.partition(".")
        if head == "telemetry_assets" and rest:
            yield line, rest.split(".")[0], name


def _strings(source: Source) -> Iterator[tuple[int, str]]:
    """Every string of the code that is not a docstring; an f-string as one string, its values as ``{}``."""
    silent = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(value) for value in node.values}
            parts = [str(value.value) if isinstance(value, ast.Constant) else "{}" for value in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


class TestRings:
    """Who may import whom."""

    def test_every_room_has_its_ring(self) -> None:
        assert {source.room for source in package()} - {"__init__"} <= RINGS.keys()

    def test_no_room_imports_what_its_ring_does_not_hold(self) -> None:
        strangers = [
            f"{source.name}:{line} imports {name}"
            for source in package()
            for line, room, name in _rooms(source)
            if room != source.room and room not in RINGS.get(source.room, set())
        ]
        assert strangers == []

    def test_the_rings_have_no_circle(self) -> None:
        rings = dict(RINGS)
        while free := {room for room, inner in rings.items() if not inner & rings.keys()}:
            rings = {room: inner for room, inner in rings.items() if room not in free}
        assert rings == {}

    def test_only_the_edge_imports_dagster(self) -> None:
        strangers = [
            f"{source.name}:{line} imports {name}"
            for source in package()
            for line, name in _imports(source)
            if name.startswith("dagster") and source.room not in {"defs", "definitions"}
        ]
        assert strangers == []

    def test_the_stand_ins_are_imported_by_the_command_line_alone(self) -> None:
        strangers = [
            f"{source.name}:{line} imports {name}"
            for source in package()
            for line, room, name in _rooms(source)
            if room in {"local", "demo"} and source.room not in {room, "cli"}
        ]
        assert strangers == []

    def test_the_command_line_imports_the_edge_through_its_runners_and_lazily(self) -> None:
        for source in (one for one in package() if one.room == "cli"):
            edge = [name for _, room, name in _rooms(source) if room in {"defs", "definitions"}]
            assert [name for name in edge if not name.startswith(RUNNERS)] == [], edge
            early = [node.module for node in source.tree.body if isinstance(node, ast.ImportFrom) and node.module]
            rooms = ("telemetry_assets.defs", "telemetry_assets.local", "telemetry_assets.demo")
            assert not [module for module in early if module.startswith(rooms)], source.name

    def test_pydantic_stays_at_the_boundary_and_with_dagsters_own_config(self) -> None:
        strangers = [
            source.name
            for source in package()
            for _, name in _imports(source)
            if name.split(".")[0] in {"pydantic", "pydantic_core"} and source.room not in DECLARATION | {"defs"}
        ]
        assert strangers == []


class TestPlaces:
    """What may be written where."""

    def test_sql_is_written_in_the_rooms_of_tables_only(self) -> None:
        strangers = [
            f"{source.name}:{line} {text.strip()[:60]!r}"
            for source in package()
            if source.room not in SQL_ROOMS
            for line, text in _strings(source)
            if _SQL.match(_lower_keywords(text))
        ]
        strangers += [
            str(path.relative_to(PACKAGE))
            for path in PACKAGE.rglob("*.sql")
            if path.relative_to(PACKAGE).parts[0] not in SQL_ROOMS
        ]
        assert strangers == []

    def test_the_environment_is_read_in_the_settings_only(self) -> None:
        strangers = [
            f"{source.name}:{node.lineno}"
            for source in package()
            if source.name != "settings.py"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
        ]
        assert strangers == []

    def test_advertising_is_spoken_of_in_the_demo_only(self) -> None:
        strangers = [
            f"{source.name}:{number} {match[0]}"
            for source in package()
            if source.room != "demo"
            for number, line in enumerate(source.text.splitlines(), 1)
            if (match := _ADVERTISING.search(line.lower()))
        ]
        assert strangers == []

    def test_packages_are_opened_by_empty_files(self) -> None:
        assert [source.name for source in package() if source.path.name == "__init__.py" and source.text] == []

    def test_annotations_are_never_postponed(self) -> None:
        files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
        postponed = "from __future__ import " + "annotations"
        assert [str(path) for path in files if postponed in path.read_text()] == []

    def test_every_module_says_what_belongs_in_it(self) -> None:
        silent = [source.name for source in package() if source.text and not ast.get_docstring(source.tree)]
        assert silent == []

    def test_no_module_or_class_has_a_name_that_says_nothing(self) -> None:
        empty = re.compile(r"(?i)(^|_)(utils?|helpers?|managers?|base|common|misc)$|(Utils?|Helpers?|Manager)$")
        named = [source.path.stem for source in package()]
        named += [node.name for source in package() for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
        assert [name for name in named if empty.search(name)] == []

    def test_the_core_never_asks_for_the_time(self) -> None:
        asked = [
            f"{source.name}:{node.lineno}"
            for source in package()
            if source.room in PURE
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today", "time", "monotonic"}
            if isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date", "time"}
        ]
        assert asked == []


class TestCounts:
    """How many of what. A newcomer merges with something or evicts something."""

    def test_the_stand_ins_are_at_most_a_third_of_the_package(self) -> None:
        lines = {source.name: len(source.text.splitlines()) for source in package()}
        stand_ins = sum(lines[source.name] for source in package() if source.room in {"local", "demo"})
        assert stand_ins / sum(lines.values()) <= 0.35, f"{stand_ins} of {sum(lines.values())} lines"

    def test_there_are_at_most_sixteen_commands(self) -> None:
        import typer

        import telemetry_assets.cli.main  # noqa: F401  (registers the commands)
        from telemetry_assets.cli.app import app

        commands = getattr(typer.main.get_command(app), "commands", {})
        assert 0 < len(commands) <= 16, sorted(commands)

    def test_telemetry_yaml_has_at_most_eight_keys(self) -> None:
        assert len(Declaration.model_fields) <= 8

    def test_there_is_one_enum_of_states(self) -> None:
        rivals = [
            f"{source.name}: {node.name}"
            for source in package()
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(parent) for parent in node.bases)
            if (source.name, node.name) != ("model.py", "State") and (node.name == "State" or _names_states(node))
        ]
        assert rivals == []

    def test_there_is_one_table_of_exit_codes(self) -> None:
        literal = [
            f"{source.name}:{node.lineno} {ast.unparse(node)}"
            for source in package()
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"sys.exit", "exit", "SystemExit", "typer.Exit", "Exit", "os._exit"}
            and any(
                isinstance(value, ast.Constant) and isinstance(value.value, int) and value.value not in _SIGNALS
                for value in (*node.args, *(keyword.value for keyword in node.keywords))
            )
        ]
        assert literal == []


def _lower_keywords(text: str) -> str:
    """SQL shouted (``SELECT * FROM``) as we would write it; an English sentence (``Select a tenant``) stays one."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text.lower() if first.isupper() and len(first) > 3 else text


def _names_states(node: ast.ClassDef) -> bool:
    """True where an enum names three or more of our five states, by name or by the word people read."""
    members = {member.lower() for member in _members(node)}
    return sum(bool({state.name.lower(), state.word} & members) for state in State) >= 3


def _members(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield statement.targets[0].id
            if isinstance(statement.value, ast.Constant):
                yield str(statement.value.value)


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "\n  select a\nfrom b",
        "SELECT * FROM t",
        "with a as (select 1) select",
        "with recursive up(a) as materialized (select 1)",
        "insert into t values (1)",
        "update {} set a = 1",
        "delete from t",
        "create table t (a int)",
        "create unique index i on t (a)",
        "drop schema x",
        "copy {} (a) from stdin",
    ],
)
def test_sql_is_recognised(text: str) -> None:
    assert _SQL.match(_lower_keywords(text))


@pytest.mark.parametrize(
    "text",
    ["Select a tenant.", "selected", "update the file", "create it: telemetry db start", "with a loop", "Drop it.", ""],
)
def test_a_sentence_is_not_sql(text: str) -> None:
    assert not _SQL.match(_lower_keywords(text))
