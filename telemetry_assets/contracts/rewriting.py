"""A JSON text changed where its value changes, and nowhere else: formatting, order of keys and the rest stay.

What belongs here: text and value → text. What does not: which value (``proposals.py``, ``fixtures.py``).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from telemetry_assets.contracts.places import Token, tokens

_FLAT_LIST = re.compile(r"\[[^\[\]{}\n]+\]")

Change = tuple[int, int, str]
"""What stands between two offsets becomes another text."""


def rewritten(text: str, value: Any) -> str:
    """``text`` so that it reads as ``value``; what did not change stays byte for byte. ``text`` is sound JSON.

    New keys come last in their object, on lines of their own where the others are.
    """
    if _same(json.loads(text), value):
        return text
    style = _Style.of(text)
    made = text
    for start, end, new in sorted(_changes(text, _tree(text), value, style), reverse=True):
        made = f"{made[:start]}{new}{made[end:]}"
    if _reads_as(made, value):
        return made
    return style.dumped(value, "", broken=True) + text[len(text.rstrip()) :]


@dataclass(slots=True)
class _Node:
    """A value in the text: its offsets, and what is in it; ``keys`` are the offsets where the members begin."""

    start: int
    end: int = 0
    keys: dict[str, int] = field(default_factory=dict[str, int])
    members: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    items: list["_Node"] = field(default_factory=list["_Node"])


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is written: the indent of one level, whether characters beyond ASCII are escaped, and whether each
    item of a list has a line of its own."""

    indent: str
    escaped: bool
    tall: bool

    @classmethod
    def of(cls, text: str) -> "_Style":
        first = re.search(r"\n([ \t]+)\S", text)
        return cls(first[1] if first else "  ", "\\u" in text and text.isascii(), not _FLAT_LIST.search(text))

    def dumped(self, value: Any, margin: str, *, broken: bool) -> str:
        """``value`` as it would stand at ``margin``: on lines of its own where ``broken``, else on one."""
        indent = self.indent if broken else None
        return json.dumps(value, indent=indent, ensure_ascii=self.escaped).replace("\n", f"\n{margin}")


def _changes(text: str, node: _Node, value: Any, style: _Style) -> Iterator[Change]:
    old = json.loads(text[node.start : node.end])
    if _same(old, value):
        return
    if isinstance(old, dict) and isinstance(value, dict) and old and value:
        gone = [key for key in old if key not in value]
        come = [key for key in value if key not in old]
        # Two neighbours cut out at once would share a comma: then the object is written anew.
        if len(gone) < 2 and not (gone and come):
            for key in old.keys() & value.keys():
                yield from _changes(text, node.members[key], value[key], style)
            yield from (_cut(node, key) for key in gone)
            yield from _put(text, node, {key: value[key] for key in come}, style)
            return
    elif isinstance(old, list) and isinstance(value, list) and len(old) == len(value):
        for item, new in zip(node.items, value, strict=True):
            yield from _changes(text, item, new, style)
        return
    was_list = isinstance(old, dict | list)
    broken = "\n" in text[node.start : node.end] if was_list else style.tall or isinstance(value, dict)
    yield node.start, node.end, style.dumped(value, _margin(text, node.start), broken=broken)


def _cut(node: _Node, key: str) -> Change:
    names = list(node.keys)
    at = names.index(key)
    if at + 1 < len(names):
        return node.keys[key], node.keys[names[at + 1]], ""
    start = node.members[names[at - 1]].end if at else node.start + 1
    return start, node.members[key].end, ""


def _put(text: str, node: _Node, new: dict[str, Any], style: _Style) -> Iterator[Change]:
    if not new:
        return
    names = list(node.keys)
    between = text[node.start + 1 : node.keys[names[0]]]
    broken = "\n" in between
    gap = between if broken else " "
    margin = between.rpartition("\n")[2] if broken else ""
    end = node.members[names[-1]].end
    written = (
        f",{gap}{json.dumps(key, ensure_ascii=style.escaped)}: {style.dumped(value, margin, broken=broken)}"
        for key, value in new.items()
    )
    yield end, end, "".join(written)


def _margin(text: str, offset: int) -> str:
    """The white space that the line of ``offset`` begins with."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip())]


def _tree(text: str) -> _Node:
    open_nodes: list[_Node] = []
    root: _Node | None = None
    key_at: list[tuple[str, int]] = []
    for token in tokens(text):
        if token.text in ",:":
            continue
        if token.key:
            key_at.append((str(token.pointer[-1]), token.offset))
        elif token.text in "]}":
            open_nodes.pop().end = token.offset + 1
        else:
            node = _Node(token.offset, token.offset + len(token.text))
            root = root or node
            _placed(open_nodes, node, token, key_at)
            if token.text in "[{":
                open_nodes.append(node)
    assert root is not None
    return root


def _placed(open_nodes: list[_Node], node: _Node, token: Token, key_at: list[tuple[str, int]]) -> None:
    """Hang a value into what holds it, under the key that came last where that is an object."""
    if not open_nodes:
        return
    if token.pointer and isinstance(token.pointer[-1], int):
        open_nodes[-1].items.append(node)
        return
    key, offset = key_at.pop()
    open_nodes[-1].keys[key] = offset
    open_nodes[-1].members[key] = node


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return json.dumps(json.loads(text), sort_keys=True) == json.dumps(value, sort_keys=True)
    except ValueError:
        return False
