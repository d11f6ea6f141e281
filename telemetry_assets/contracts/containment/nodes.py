"""The schemas that the prover reasons about: immutable, of few words, equal where their digests are.

What belongs here: the node and its making. What does not: which JSON Schema it comes from (``shaping.py``).

Words of a node, all optional, all to be kept: ``types`` frozenset of kinds; ``enum`` canonical text → value; ``low``,
``high`` (Fraction, open); ``multipleOf`` Fraction; ``min… max…`` of Length, Items, Properties int; ``pattern``,
``format`` str; ``uniqueItems`` True; ``prefixItems`` nodes; ``items`` node; ``contains`` (node, least, most or None);
``properties patternProperties dependentSchemas`` name → node; ``additionalProperties propertyNames`` node;
``required`` names; ``dependentRequired`` name → names; ``unevaluatedItems unevaluatedProperties`` node;
``allOf anyOf oneOf`` nodes; ``not`` node; ``if`` (condition, then, else); ``$ref`` name of a definition (then alone).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One schema. ``digest`` says what it means: nodes of one digest accept the same documents."""

    digest: str
    words: Mapping[str, Any]


def node(words: Mapping[str, Any]) -> Node:
    """The node of these words."""
    text = "\n".join([f"{word}={_text(words[word])}" for word in sorted(words)])
    return Node(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(), words)


def reference(name: str) -> Node:
    """A node that stands for the definition of that name."""
    return Node(f"&{name}", {"$ref": name})


def _text(value: Any) -> str:
    if isinstance(value, Node):
        return value.digest
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{{','.join([f'{key!r}:{_text(inner)}' for key, inner in sorted(value.items())])}}}"
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    if isinstance(value, tuple):
        return f"({','.join([_text(inner) for inner in value])})"
    return str(value)


TRUE = node({})
FALSE = node({"enum": {}})
"""The schema that nothing keeps."""


def type_node(kinds: frozenset[str]) -> Node:
    """The schema that values of these kinds keep."""
    return node({"types": kinds})
