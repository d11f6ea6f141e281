"""``schemas/accepted.yaml``: which breaking changes of contracts a person has accepted, why, and until when.

What belongs here: its text → entries, an entry → its text. What does not: which changes there are (``baseline.py``),
reading or writing the file.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

import yaml

from telemetry_assets.errors import ConfigError

FILE = "accepted.yaml"
"""Its name in the folder of the contracts."""

_REQUIRED = ("id", "contract", "by", "reason")
_KEYS = (*_REQUIRED, "until")
_ID = re.compile(r"[0-9a-f]{8}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FORM = 'Write a list of entries: - {id: 3fa9c0de, contract: NAME, by: NAME, reason: "…", until: 2027-01-31}.'


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One entry: the id of a change of a contract, who accepted it and why. ``until`` is its last day, None: for ever.

    ``line`` is where it stands in the file, from 1.
    """

    id: str
    contract: str
    by: str
    reason: str
    until: date | None = None
    line: int = 0

    def holds(self, today: date) -> bool:
        """Whether it accepts anything still; on its last day it does."""
        return self.until is None or today <= self.until


def read_acceptances(text: str, name: str = FILE) -> tuple[Acceptance, ...]:
    """The entries of ``text`` in the order of the file; a file without any is empty.

    Raises ConfigError with ``name`` and line: not YAML, no list, an unknown, repeated or missing key, an id that is no
    8 hex digits or stands twice, a date that is none, an empty text.
    """
    found: dict[str, Acceptance] = {}
    for node in _items(text, name):
        entry = _entry(node, name)
        if entry.id in found:
            _refuse(
                name, entry.line, f"{entry.id} is accepted twice, first on line {found[entry.id].line}.", "Keep one."
            )
        found[entry.id] = entry
    return tuple(found.values())


def with_acceptance(text: str, entry: Acceptance, name: str = FILE) -> str:
    """``text`` with ``entry`` appended; all that stood there stays byte for byte, and is read back.

    Raises ConfigError as :func:`read_acceptances`, and where the list is written so that nothing can be appended.
    """
    before = read_acceptances(text, name)
    fields = [("id", _scalar(entry.id)), ("contract", _scalar(entry.contract)), ("by", _scalar(entry.by))]
    fields += [("reason", _quoted(entry.reason))]
    fields += [("until", entry.until.isoformat())] if entry.until else []
    line = f"- {{{', '.join(f'{key}: {value}' for key, value in fields)}}}\n"
    kept = "" if text.strip() == "[]" else text
    made = f"{kept}{'' if not kept or kept.endswith(chr(10)) else chr(10)}{_indent(kept)}{line}"
    try:
        after = read_acceptances(made, name)
    except ConfigError:
        after = ()
    if [one.id for one in after] != [*(one.id for one in before), entry.id]:
        raise ConfigError(f"{name} cannot be appended to as it is written.", f"Add this line yourself: {line.strip()}")
    return made


def _indent(text: str) -> str:
    """What stands before the dashes of the list."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return " " * node.start_mark.column if node is not None else ""


def _items(text: str, name: str) -> Iterator[yaml.Node]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(name, mark.line + 1 if mark else 1, f"this is not YAML: {error.problem or error.context}.", _FORM)
    except (yaml.YAMLError, ValueError) as error:
        _refuse(name, 1, f"this is not YAML: {error}.", _FORM)
    if node is None:
        return
    if not isinstance(node, yaml.SequenceNode):
        _refuse(name, node.start_mark.line + 1, "this is no list.", _FORM)
    yield from node.value


def _entry(node: yaml.Node, name: str) -> Acceptance:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        _refuse(name, line, "this entry has no keys.", _FORM)
    given = _fields(node, name)
    missing = next((key for key in _REQUIRED if key not in given), None)
    if missing:
        _refuse(name, line, f"the entry has no {missing}.", _FORM)
    if not _ID.fullmatch(given["id"][0]):
        words = f"{given['id'][0]!r} is no id of a change: 8 hex digits."
        _refuse(name, given["id"][1], words, "See them: telemetry contracts diff.")
    until = _day(*given["until"], name) if "until" in given else None
    identifier, contract, by, reason = (given[key][0] for key in _REQUIRED)
    return Acceptance(identifier, contract, by, reason, until, line)


def _fields(node: yaml.MappingNode, name: str) -> dict[str, tuple[str, int]]:
    """Key → (text as written, line). Text as written: the id 12345678 is no number, nor is 1e100000 infinite."""
    given: dict[str, tuple[str, int]] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        word = str(key.value) if isinstance(key, yaml.ScalarNode) else "this"
        if word not in _KEYS:
            close = difflib.get_close_matches(word, _KEYS, n=1)
            _refuse(name, line, f"{word} is no key of an entry.", f"{_or(close)}There is {', '.join(_KEYS)}.")
        if word in given:
            _refuse(name, line, f"{word} is written twice in one entry.", "Keep one.")
        if not isinstance(value, yaml.ScalarNode) or not value.value.strip() or value.tag.endswith(":null"):
            _refuse(name, line, f"{word} is empty or no text.", _FORM)
        given[word] = (value.value.strip(), line)
    return given


def _day(text: str, line: int, name: str) -> date:
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        _refuse(name, line, f"until: {text!r} is no date.", "Write it as 2027-01-31.")


def _or(close: list[str]) -> str:
    return f"Did you mean {close[0]}? " if close else ""


def _refuse(name: str, line: int, words: str, remedy: str) -> NoReturn:
    raise ConfigError(f"{name}:{line}: {words}", remedy)


def _scalar(text: str) -> str:
    """``text`` as it is where YAML takes it for text, else quoted."""
    if not re.fullmatch(r"\w[\w.-]*", text, re.ASCII):
        return _quoted(text)
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return text if node is not None and node.tag == "tag:yaml.org,2002:str" else _quoted(text)


def _quoted(text: str) -> str:
    # A JSON string is a YAML string, but for characters that no YAML stream may hold unescaped.
    whole = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in whole)
