"""Whether any text keeps patterns, breaks others and has a length: shown on the automata of the patterns.

What belongs here: texts of several patterns at once. What does not: one pattern and one text (``patterns.py``). Where
engines read a character class unlike (is é a letter?), each reading is a character of its own: what is shown here is
so for every engine. A pattern that only some engine reads, or too large a one, leaves the question undecided.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from typing import Any

from telemetry_assets.contracts.containment.patterns import read_alike

_NODES = 400
"""How large the automaton of one pattern may be."""
_SEEN = 1_500
"""How many states of all automata together are looked at."""
_COUNTED = 66
"""Lengths are counted up to here; a longer bound is forgotten, which only adds texts."""
_UNREAD = re.compile(r"\[\^?\]|\\[aeghijlmoqyz]")
"""What Python reads otherwise than ECMA 262, beside what ``read_alike`` knows."""
_ITEMS = frozenset({"NEGATE", "LITERAL", "RANGE", "CATEGORY"})
_CLASSES = {"CATEGORY_DIGIT": "digit", "CATEGORY_WORD": "word", "CATEGORY_SPACE": "space"}
_SPACES = "\t\n\v\f\r "


@dataclass(frozen=True, slots=True)
class _Character:
    """One character, or (``code`` −1) all others that some engine reads so: digit, letter, blank, anything."""

    code: int
    digit: bool
    word: bool
    space: bool
    dot: bool


def _alphabet() -> Iterator[_Character]:
    codes = [*range(ord("a"), ord("z") + 1), *range(33, 97), *range(123, 127), 32, 10, 9, 13]
    for code in [*codes, *(each for each in range(128) if each not in set(codes))]:
        text = chr(code)
        spaces = (False, True) if 0x1C <= code <= 0x1F else (text in _SPACES,)
        for space in spaces:
            for dot in (True, False) if text == "\r" else (text != "\n",):
                yield _Character(code, text.isdigit(), text.isalnum() or text == "_", space, dot)
    for digit, word, space in ((False, False, False), (False, False, True), (False, True, False), (True, True, False)):
        for dot in (True, False):
            yield _Character(-1, digit, word, space, dot)


_ALPHABET = tuple(_alphabet())
Test = tuple[Any, ...]
State = tuple[frozenset[int], bool]
"""The nodes of an automaton that may be reached, and whether the text matches if it ends here."""
_Place = tuple[tuple[State, ...], int]
"""The state of every automaton, and how long the text is."""
_FOUND: State = frozenset({-1}), True


class _UnreadError(Exception):
    """A pattern that is not read here."""


class _Automaton:
    """What a pattern is found in: nodes with edges that take a character, or nothing, at the start or end alone."""

    def __init__(self, tree: Any) -> None:
        self.free: list[list[tuple[int, str]]] = []
        self.taking: list[list[tuple[Test, int]]] = []
        self._steps: dict[tuple[State, _Character], State] = {}
        self.start = self._node()
        self.end = self._through(tree, self.start)
        self.first = self._state(self._closed({self.start}, "^"), "^")

    @property
    def tests(self) -> set[Test]:
        """Every question it asks of a character."""
        return {test for edges in self.taking for test, _ in edges}

    def step(self, state: State, character: _Character) -> State:
        """The state past one more character."""
        if state == _FOUND:
            return state
        key = state, character
        if key not in self._steps:
            reached = {to for each in state[0] for test, to in self.taking[each] if _passes(test, character)}
            self._steps[key] = self._state(self._closed(reached | {self.start}, ""), "")
        return self._steps[key]

    def _state(self, nodes: frozenset[int], at: str) -> State:
        return _FOUND if self.end in nodes else (nodes, self.end in self._closed(nodes, at + "$"))

    def _closed(self, nodes: Iterable[int], at: str) -> frozenset[int]:
        found, waiting = set(nodes), list(nodes)
        while waiting:
            for to, where in self.free[waiting.pop()]:
                if to not in found and (not where or where in at):
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)

    def _node(self) -> int:
        if len(self.free) >= _NODES:
            raise _UnreadError
        self.free.append([])
        self.taking.append([])
        return len(self.free) - 1

    def _free(self, since: int, where: str = "") -> int:
        to = self._node()
        self.free[since].append((to, where))
        return to

    def _through(self, tree: Any, since: int) -> int:
        for operator, value in tree:
            since = self._one(str(operator), value, since)
        return since

    def _one(self, operator: str, value: Any, since: int) -> int:
        match operator, value:
            case (("LITERAL" | "NOT_LITERAL" | "ANY" | "IN"), _):
                to = self._node()
                self.taking[since].append((_test(operator, value), to))
                return to
            case "BRANCH", (_, branches):
                to = self._node()
                for branch in branches:
                    self.free[self._through(branch, self._free(since))].append((to, ""))
                return to
            case "SUBPATTERN", (_, 0, 0, inner):
                return self._through(inner, since)
            case (("MAX_REPEAT" | "MIN_REPEAT"), (least, most, inner)):
                return self._repeated(int(least), most, inner, since)
            case "AT", where if str(where) in ("AT_BEGINNING", "AT_END"):
                return self._free(since, "^" if str(where) == "AT_BEGINNING" else "$")
            case _:
                raise _UnreadError

    def _repeated(self, least: int, most: Any, inner: Any, since: int) -> int:
        for _ in range(least):
            since = self._through(inner, since)
        if str(most) == "MAXREPEAT":
            loop = self._free(since)
            self.free[self._through(inner, loop)].append((loop, ""))
            return self._free(loop)
        to = self._node()
        for _ in range(int(most) - least):
            self.free[since].append((to, ""))
            since = self._through(inner, since)
        self.free[since].append((to, ""))
        return to


def _test(operator: str, value: Any) -> Test:
    if operator != "IN":
        return operator, value
    items = tuple([(str(each), str(inner) if str(each) == "CATEGORY" else inner) for each, inner in value])
    if any(each not in _ITEMS or (each == "CATEGORY" and inner not in _CLASSES) for each, inner in items):
        raise _UnreadError
    return operator, items


def _passes(test: Test, character: _Character) -> bool:
    operator, value = test
    match operator:
        case "ANY":
            return character.dot
        case "LITERAL":
            return character.code == value
        case "NOT_LITERAL":
            return character.code != value
        case _:
            negated = bool(value) and value[0][0] == "NEGATE"
            return any(_within(item, character) for item in value[negated:]) is not negated


def _within(item: tuple[str, Any], character: _Character) -> bool:
    match item:
        case "LITERAL", code:
            return character.code == code
        case "RANGE", (low, high):
            return low <= character.code <= high
        case _, name:
            return bool(getattr(character, _CLASSES[name]))


@lru_cache(maxsize=512)
def _automaton(pattern: str) -> _Automaton | None:
    if not read_alike(pattern) or _UNREAD.search(pattern):
        return None
    return _built(lambda: parser.parse(pattern))


@lru_cache(maxsize=512)
def _of_text(text: str) -> _Automaton | None:
    """What is found in this text alone."""
    return _built(lambda: parser.parse(f"^{re.escape(text)}$")) if text.isascii() else None


def _built(parsed: Callable[[], Any]) -> _Automaton | None:
    try:
        return _Automaton(parsed())
    except (_UnreadError, re.error, RecursionError, OverflowError):
        return None


def none_such(
    kept: frozenset[str],
    refused: frozenset[str] = frozenset(),
    least: int = 0,
    most: int | None = None,
    *,
    but: frozenset[str] = frozenset(),
) -> bool:
    """Whether surely no text of ``least`` to ``most`` characters matches all ``kept`` and none of ``refused``.

    ``but``: texts that are not asked about. False where there is one, and where it cannot be decided.
    """
    return _searched(kept, refused, least, most, but, typed=False) is False


def example(kept: frozenset[str], refused: frozenset[str], least: int = 0, most: int | None = None) -> str | None:
    """A shortest text that matches all ``kept`` and none of ``refused``; None where none was found."""
    # Without a pattern that is not read the text may be a wrong one: whoever asks tries it.
    found = _searched(kept, refused, least, most, frozenset(), typed=True)
    return found if isinstance(found, str) else None


@lru_cache(maxsize=4096)
def _searched(
    kept: frozenset[str], refused: frozenset[str], least: int, most: int | None, but: frozenset[str], *, typed: bool
) -> str | bool:
    """A text; True where there may be one; False where there surely is none. ``typed``: of known characters alone."""
    if kept & refused:
        return False
    # What cannot be read is left out: that only adds texts.
    wanted = [made for each in sorted(kept) if (made := _automaton(each))]
    others = [_automaton(each) for each in sorted(refused)] + [_of_text(each) for each in sorted(but)]
    unwanted = [made for made in others if made]
    least, most = (0, None) if max(least, most or 0) >= _COUNTED else (least, most)
    if not wanted and not unwanted and (most is None or least <= most):
        return True
    top = least if most is None else max(least, most + 1)
    machines = [*wanted, *unwanted]
    characters = _told_apart(machines, typed)
    first: _Place = tuple([each.first for each in machines]), 0
    seen: set[_Place] = {first}
    waiting: deque[tuple[_Place, str]] = deque([(first, "")])
    found = ""
    while waiting:
        (states, length), text = waiting.popleft()
        if least <= length <= (length if most is None else most) and all(
            state[1] is (at < len(wanted)) for at, state in enumerate(states)
        ):
            # Past a last line's end Python's ``$`` is already at the end: a text that goes on says more.
            if not (typed and text.endswith("\n")):
                return text
            found = found or text
        if found and len(text) > len(found):
            return found
        if len(seen) > _SEEN:
            return True
        for character in characters:
            past = tuple([each.step(state, character) for each, state in zip(machines, states, strict=True)])
            after = past, min(length + 1, top)
            known = after in seen and not (found and text == found)
            if known or _FOUND in past[len(wanted) :] or (most is not None and after[1] > most):
                continue
            seen.add(after)
            waiting.append((after, text + chr(max(character.code, 0))))
    return found or False


def _told_apart(machines: list[_Automaton], typed: bool) -> list[_Character]:
    """One character of each kind that the automata tell apart, the plainest first."""
    tests = sorted({test for each in machines for test in each.tests}, key=repr)
    found: dict[tuple[bool, ...], _Character] = {}
    for character in _ALPHABET:
        if not (typed and character.code < 0):
            found.setdefault(tuple([_passes(test, character) for test in tests]), character)
    return list(found.values())
