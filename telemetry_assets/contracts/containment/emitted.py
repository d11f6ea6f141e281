"""Nodes as JSON Schema again, and as text.

What belongs here: writing nodes. What does not: what they mean.
"""

from collections.abc import Callable, Mapping
from typing import Any

from telemetry_assets.contracts.containment.exact import ALL_KINDS, plain
from telemetry_assets.contracts.containment.nodes import FALSE, Node
from telemetry_assets.contracts.dialects import Draft

_SHORT = frozenset({"types", "enum", "low", "high", "minLength", "maxLength", "minItems", "maxItems"})


def emitted(root: Node, defs: Mapping[str, Node]) -> dict[str, Any] | bool:
    """The 2020-12 schema of a node and the definitions that it reaches, each written once."""
    used: dict[str, Any] = {}
    waiting: list[str] = []
    made = _Writer(defs, used, waiting).body(root)
    while waiting:
        name = waiting.pop()
        used[name] = _Writer(defs, used, waiting).body(defs[name])
    if isinstance(made, bool):
        return made
    return {
        "$schema": Draft.V2020.uri,
        **made,
        **({"$defs": {name: used[name] for name in sorted(used)}} if used else {}),
    }


class _Writer:
    def __init__(self, defs: Mapping[str, Node], used: dict[str, Any], waiting: list[str]) -> None:
        self.defs = defs
        self.used = used
        self.waiting = waiting

    def schema(self, node: Node) -> Any:
        """A reference where the node is a definition with something in it, else the node itself."""
        name = node.words.get("$ref", node.digest)
        if name not in self.defs or node.words.keys() <= _SHORT:
            return self.body(node)
        if name not in self.used:
            self.used[name] = True
            self.waiting.append(name)
        return {"$ref": f"#/$defs/{name}"}

    def body(self, node: Node) -> Any:
        if node is FALSE or node.words.get("enum", True) == {}:
            return False
        if not node.words:
            return True
        if "$ref" in node.words:
            return self.schema(node)
        made: dict[str, Any] = {}
        for word, value in node.words.items():
            self._word(made, word, value)
        return made

    def _word(self, made: dict[str, Any], word: str, value: Any) -> None:
        match word:
            case "types":
                self._types(made, value)
            case "enum":
                made["enum"] = list(value.values())
            case "low" | "high":
                bound = "minimum" if word == "low" else "maximum"
                made[f"exclusive{bound.capitalize()}" if value[1] else bound] = plain(value[0])
            case "multipleOf":
                made[word] = plain(value)
            case "contains":
                made["contains"], made["minContains"], most = self.schema(value[0]), value[1], value[2]
                made |= {} if most is None else {"maxContains": most}
            case "if":
                made |= {part: self.schema(each) for part, each in zip(("if", "then", "else"), value, strict=True)}
            case "properties" | "patternProperties" | "dependentSchemas":
                made[word] = {name: self.schema(inner) for name, inner in value.items()}
            case "dependentRequired":
                made[word] = {name: list(names) for name, names in value.items()}
            case _ if isinstance(value, Node):
                made[word] = self.schema(value)
            case _ if isinstance(value, tuple):
                made[word] = [self.schema(each) if isinstance(each, Node) else each for each in value]
            case _:
                made[word] = value

    def _types(self, made: dict[str, Any], kinds: frozenset[str]) -> None:
        if "fraction" in kinds and "integer" not in kinds:
            made["allOf"] = [*made.get("allOf", ()), {"not": {"type": "integer"}}]
        names = (kinds - {"fraction"} - ({"integer"} if "fraction" in kinds else set())) | (
            {"number"} if "fraction" in kinds else set()
        )
        if kinds != ALL_KINDS:
            made["type"] = sorted(names)


def written(node: Node, met: Callable[[str], str]) -> str:
    """One text of a node, whose references are called what ``met`` calls them."""
    if "$ref" in node.words:
        return f"&{met(node.words['$ref'])}"
    return f"{{{';'.join([f'{word}={_text(value, met)}' for word, value in sorted(node.words.items())])}}}"


def _text(value: Any, met: Callable[[str], str]) -> str:
    if isinstance(value, Node):
        return written(value, met)
    if isinstance(value, Mapping):
        return f"{{{','.join([f'{key!r}:{_text(inner, met)}' for key, inner in value.items()])}}}"
    if isinstance(value, tuple):
        return f"({','.join([_text(inner, met) for inner in value])})"
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return repr(value)
