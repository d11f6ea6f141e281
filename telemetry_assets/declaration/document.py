"""One YAML file as plain data that still knows its lines, and the sentences that say what is wrong in it.

What belongs here: reading, places (``promises[1].window``) and their lines, the nearest word. What does not: what a
file may say (``parse.py``), or anything about telemetry.yaml in particular.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from telemetry_assets.errors import ConfigError, CouldNotLookError

Place = tuple[str | int, ...]
"""Where in a document: mapping keys and list positions. A part in round brackets is no key and is passed over."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its place, and the words that follow it (``is missing.`` or ``: '5x' is not …``)."""

    place: Place
    words: str

    def __str__(self) -> str:
        between = "" if self.words.startswith(":") else " "
        return f"{dotted(self.place)}{between}{self.words}".lstrip(": ")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: plain ``data``, and where each part of it stands."""

    path: Path
    data: Any
    node: yaml.Node | None
    repeated: tuple[tuple[Problem, int], ...] = ()

    def line(self, place: Place) -> int:
        """The line (from 1) of the last part of ``place`` that the file has."""
        node, line = self.node, 1 if self.node is None else self.node.start_mark.line + 1
        for part in place:
            found = _child(node, part)
            if found is not None:
                node, line = found
        return line

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Raise ConfigError with every problem on a line of its own, in the order of the file; none: do nothing."""
        located = {(self.line(problem.place), str(problem)) for problem in problems}
        located |= {(line, str(problem)) for problem, line in self.repeated}
        if located:
            name = shown(self.path)
            raise ConfigError("\n".join(f"{name}:{line}: {words}" for line, words in sorted(located)))


def read_document(path: Path) -> Document:
    """The YAML file at ``path``. A date and a time of day stay the text that was written, as in JSON: ``10:30`` is
    not the number 630 that YAML 1.1 makes of it.

    Raises ConfigError for a missing or broken file, CouldNotLookError for one that may not be read.
    """
    text = _text(path)
    try:
        return Document(path, *_composed(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.rstrip().count("\n") + 1) if mark else 1
        raise ConfigError(f"{shown(path)}:{line}: this is not YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{shown(path)}: this is not YAML: {error}.") from None


def shown(path: Path) -> str:
    """A path as people like to read it: relative to the current folder where it is inside."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def dotted(place: Place) -> str:
    """``("promises", 1, "window")`` → ``promises[1].window``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith("("):
            text += f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """How a message goes on after a wrong word: ``did you mean window?``, else what there is to choose from."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    shortened = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"there is {shortened}" if names else "there is none"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", "Name the file in TELEMETRY_CONFIG.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown(path)} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a file.", "Name the file in TELEMETRY_CONFIG.") from None
    except OSError as error:
        raise CouldNotLookError(f"{path} could not be read: {error.strerror}.") from None


def _composed(text: str) -> tuple[Any, yaml.Node | None, tuple[tuple[Problem, int], ...]]:
    """Plain data, its nodes, and the keys written twice (looked for before merges are flattened)."""
    kind = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    loader = kind(text)
    loader.yaml_implicit_resolvers = {
        first: [
            (tag, _WithoutColons(pattern) if tag in _NUMBERS else pattern)
            for tag, pattern in resolvers
            if tag != _TIMESTAMP
        ]
        for first, resolvers in kind.yaml_implicit_resolvers.items()
    }
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None, ()
        repeated = tuple(_repeated_keys(node, (), set()))
        return loader.construct_document(node), node, repeated
    finally:
        loader.dispose()


class _WithoutColons:
    """A pattern of PyYAML's that no longer matches base 60."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def match(self, text: str) -> re.Match[str] | None:
        return None if ":" in text else self._pattern.match(text)


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    """What ``part`` leads to, and the line of the key or list item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None


def _repeated_keys(node: yaml.Node, place: Place, seen: set[int]) -> Iterator[tuple[Problem, int]]:
    """YAML takes the last of two equal keys and says nothing: here both are shown. Aliases are walked once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, (*place, index), seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and name in first and name != "<<":
                yield Problem((*place, name), f"is written twice, first on line {first[name]}; keep one."), line
            first.setdefault(name, line)
            yield from _repeated_keys(value, (*place, name), seen)
