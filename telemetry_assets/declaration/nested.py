"""Mappings and lists of plain data, however deep: their leaves, and the same shape with other leaves.

What belongs here: walking. What does not: what a leaf means.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def leaves(value: Any) -> Iterator[Any]:
    """Everything inside that is neither mapping nor list, in order."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def rebuilt(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """The same mappings and lists (tuples become lists) with ``leaf`` of each leaf."""
    if isinstance(value, Mapping):
        return {key: rebuilt(item, leaf) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rebuilt(item, leaf) for item in value]
    return leaf(value)


def with_refs(value: Any, where: str, secret: Callable[[str, str], Any]) -> Any:
    """``{env: NAME}`` anywhere inside becomes ``secret(NAME, its place)``."""
    if isinstance(value, Mapping):
        if set(value) == {"env"}:
            return secret(value["env"], where)
        return {key: with_refs(item, f"{where}.{key}", secret) for key, item in value.items()}
    if isinstance(value, list):
        return [with_refs(item, f"{where}[{index}]", secret) for index, item in enumerate(value)]
    return value
