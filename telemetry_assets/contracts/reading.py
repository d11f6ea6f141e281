"""Strict JSON: how contracts, fixtures and documents of ours are parsed. The meaning: docs/contracts.md, Documents.

What belongs here: bytes → value, or the one thing that is wrong with them and where. What does not: whether the value
is a sound schema (``schema_check.py``) or keeps a contract (``validate.py``).
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from telemetry_assets.contracts.places import Token, line_and_column, pointer_of, tokens, unescaped
from telemetry_assets.errors import ConfigError

LIMIT = 64 * 1024 * 1024
"""How many bytes a document may have."""
DEEPEST = 200
"""How many objects and arrays may stand in one another."""
_BOM = b"\xef\xbb\xbf"
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _FaultError(Exception):
    """Seen while parsing, where no place is known: what is wrong, and how the token that is to blame is known."""

    def __init__(self, said: str, remedy: str, blamed: Callable[[Token], bool]) -> None:
        super().__init__(said)
        self.said, self.remedy, self.blamed = said, remedy, blamed


def read_json_file(path: Path, *, limit: int = LIMIT) -> Any:
    """The JSON value of a file, as :func:`read_json`; one that is not there or cannot be read is a ConfigError too."""
    return read_json(read_file(path, limit=limit), str(path), limit=limit)


def read_file(path: Path, *, limit: int = LIMIT) -> bytes:
    """The bytes of a file, one more than ``limit`` at most. Raises ConfigError where it is not there or unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", "Check the path.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path} cannot be read: {why}.", "Check the path and its permissions.") from None


def read_json(data: bytes, name: str, *, limit: int = LIMIT) -> Any:
    """The JSON value of ``data``. Whole numbers are int whatever their size, others float; objects keep their order.

    Raises ConfigError, and nothing else, naming ``name``, the place and the way out: too large (``limit`` bytes), a
    BOM, not UTF-8, not JSON, a key twice in one object, NaN or Infinity, a number beyond a double, half a surrogate
    pair, deeper than :data:`DEEPEST`.
    """
    text = _decoded(data, name, limit)
    try:
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_once
        )
        if _SURROGATE.search(text):
            _no_half_pair(text)
        if data.count(b"[") + data.count(b"{") > DEEPEST and deeper(value):
            raise _too_deep()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{name} is not JSON: {error.msg} at {where}.", "Correct it there.") from None
    except RecursionError:
        raise _placed(name, text, _too_deep()) from None
    except _FaultError as fault:
        raise _placed(name, text, fault) from None
    return value


def _decoded(data: bytes, name: str, limit: int) -> str:
    if len(data) > limit:
        size = f"{limit / 1024 / 1024:g} MiB"
        raise ConfigError(f"{name} is larger than {size}.", "A document of this size is not read; split it.")
    if data.startswith(_BOM):
        raise ConfigError(f"{name} begins with a byte order mark.", "Save it as UTF-8 without BOM.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        raise ConfigError(f"{name} is not UTF-8: {byte}.", "Save it as UTF-8.") from None
    if not text.strip():
        raise ConfigError(f"{name} is empty.", "Write a JSON value there.")
    return text


def _placed(name: str, text: str, fault: _FaultError) -> ConfigError:
    """The fault with its place: a second walk over the text, which only a faulty one pays for."""
    token = next((token for token in tokens(text) if fault.blamed(token)), None)
    where = ""
    if token is not None:
        line, column = line_and_column(text, token.offset)
        pointer = pointer_of(token.pointer[:DEEPEST])
        inside = f" ({pointer if len(pointer) <= 120 else f'{pointer[:119]}…'})" if pointer else ""
        where = f" at line {line}, column {column}{inside}"
    return ConfigError(f"{name} is refused: {fault.said}{where}.", fault.remedy)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would silently lose its first meaning."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))
    places: set[tuple[str | int, ...]] = set()
    holders: list[int] = []

    def blamed(token: Token) -> bool:
        # An object is known by where it begins: its pointer alone would not tell twins of a doubled key apart.
        del holders[token.depth :]
        holders.extend([token.offset] * (token.depth + 1 - len(holders)))
        if not token.key or unescaped(token.text) != twice:
            return False
        known = len(places)
        places.add((*token.pointer, holders[token.depth - 1]))
        return len(places) == known

    shown = twice if len(twice) <= 60 else f"{twice[:59]}…"
    return _refuse(f"the key {shown!r} stands twice in one object,", "Keep one of the two.", blamed)


def _no_constant(constant: str) -> NoReturn:
    _refuse(f"{constant} is not a number of JSON,", "Write a number or null.", lambda token: token.text in _CONSTANTS)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        _refuse("a number beyond what a double holds", "Write a smaller one.", lambda token: token.text == digits)
    return value


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        return _refuse(
            f"a whole number of {len(digits)} digits", "Write a shorter one.", lambda token: token.text == digits
        )


def _no_half_pair(text: str) -> None:
    def blamed(token: Token) -> bool:
        return token.text[0] == '"' and not unescaped(token.text).isascii() and _half(unescaped(token.text))

    if any(blamed(token) for token in tokens(text)):
        _refuse("half a surrogate pair, which is no character,", "Write the character itself.", blamed)


def _half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _too_deep() -> _FaultError:
    return _FaultError(
        f"more than {DEEPEST} levels of objects and arrays",
        "Flatten it.",
        lambda token: token.text in "[{" and token.depth == DEEPEST,
    )


def deeper(value: Any) -> bool:
    """Whether a value has more than :data:`DEEPEST` levels; level by level, never by recursion: it may hold itself."""
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        # By identity, each once: a value that holds itself twice would double at every level.
        held = {id(item): item for item in level if isinstance(item, dict | list)}
        if not held:
            return False
        level = [inner for item in held.values() for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def _refuse(said: str, remedy: str, blamed: Callable[[Token], bool]) -> NoReturn:
    raise _FaultError(said, remedy, blamed)
