"""A contract of choices that come again deeper, as filters and layouts have them, and documents of it."""

from typing import Any


def tree(kinds: int, branches: int, texts: frozenset[int] = frozenset()) -> dict[str, Any]:
    """One of ``kinds`` objects, each with that many places for another; the value of kinds in ``texts`` is a text."""

    def node(kind: int) -> dict[str, Any]:
        inner = {f"p{each}": {"$ref": "#/$defs/any"} for each in range(branches)}
        value = {"type": "string" if kind in texts else "integer"}
        return {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"const": f"k{kind}"}, **inner, "v": value},
        }

    nodes = {f"t{kind}": node(kind) for kind in range(kinds)}
    return {
        "$ref": "#/$defs/any",
        "$defs": {**nodes, "any": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in nodes]}},
    }


def grown(leaf: Any, levels: int) -> Any:
    """A document that holds ``leaf`` at its ends."""
    for _ in range(levels):
        leaf = {"kind": "k1", "p0": leaf, "p1": leaf}
    return leaf
