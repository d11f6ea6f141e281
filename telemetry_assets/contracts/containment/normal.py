"""The one form of a schema of either draft: what accepts the same documents visibly is equal.

What belongs here: the way from a schema to its normal form, and back to a schema. What does not: proving
(``contained.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urljoin

from telemetry_assets.contracts.containment.emitted import emitted, written
from telemetry_assets.contracts.containment.exact import canonical
from telemetry_assets.contracts.containment.nodes import Node, node, reference
from telemetry_assets.contracts.containment.shaping import Shaper
from telemetry_assets.contracts.containment.spots import FOLDER
from telemetry_assets.contracts.containment.translated import Translation, translate

NO_FILES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Normal:
    """A schema as a graph of nodes. ``defs``: what references lead to; ``opaque``: why nobody can reason about it."""

    root: Node
    defs: Mapping[str, Node]
    opaque: str = ""
    source: Any = None

    def equal(self, other: "Normal") -> bool:
        """Whether both visibly accept the same documents: annotations, orders, drafts, names of definitions aside."""
        return self.root.digest == other.root.digest

    def to_schema(self) -> dict[str, Any] | bool:
        """A 2020-12 schema that stands on its own and accepts the same documents."""
        return self.source if self.opaque else emitted(self.root, self.defs)


def normalise(schema: Any, files: Mapping[str, Any] = NO_FILES, name: str = "") -> Normal:
    """The normal form of a schema (2020-12, draft 7 by its ``$schema``, or a boolean).

    ``files``: path in the schemas folder → schema, for its references; ``name``: its own path there. Raises ConfigError
    naming file, pointer and keyword for what is no schema, leads nowhere or only back to itself.
    """
    translation = translate(schema, files, name)
    if translation.opaque:
        # The whole text stands for what it means: equal to itself and to nothing else.
        whole = canonical([schema, dict(files), name])
        return Normal(node({"opaque": whole}), {}, translation.opaque, _bundle(schema, files, name))
    return _Graph(translation).normal()


class _Graph:
    """Definitions in the order in which they can be shaped: what leads to nothing first, circles together."""

    def __init__(self, translation: Translation) -> None:
        self.words = [each.words for each in translation.definitions]
        self.leads_to = [sorted(each.leads_to) for each in translation.definitions]
        self.keep = translation.unevaluated
        self.refs: dict[int, Node] = {}
        self.defs: dict[str, Node] = {}

    def normal(self) -> Normal:
        for members in circles(self.leads_to):
            if len(members) == 1 and members[0] not in self.leads_to[members[0]]:
                self._plain(members[0])
            else:
                self._circle(members)
        return Normal(self.refs[0], self.defs)

    def _plain(self, number: int) -> None:
        made = Shaper(self.refs, self.keep).shape(self.words[number])
        self.refs[number] = made
        self.defs[made.digest] = made

    def _circle(self, members: list[int]) -> None:
        """Members are named after all that is reachable from them, so that equal circles get equal names."""
        unnamed = {number: Node("&", {"$ref": str(number)}) for number in members}
        drafts = {str(number): self._shaped(number, unnamed) for number in members}
        names = {number: _name_of(str(number), drafts) for number in members}
        named = {number: reference(names[number]) for number in members}
        for number in members:
            self.defs[names[number]] = self._shaped(number, named)
        self.refs.update(named)

    def _shaped(self, number: int, circle: Mapping[int, Node]) -> Node:
        return Shaper({**self.refs, **circle}, self.keep).shape(self.words[number])


def _name_of(start: str, drafts: Mapping[str, Node]) -> str:
    """A name made of the whole circle as it looks from ``start``, references in it by the order they are met."""
    order = [start]
    texts: list[str] = []

    def met(name: str) -> str:
        if name not in drafts:
            return name
        if name not in order:
            order.append(name)
        return f"#{order.index(name)}"

    while len(texts) < len(order):
        texts.append(written(drafts[order[len(texts)]], met))
    return blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def circles(leads_to: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected parts of a graph, each after all that it leads to (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    found: list[list[int]] = []
    for start in range(len(leads_to)):
        work = [(start, iter(leads_to[start]))] if start not in index else []
        while work:
            number, following = work[-1]
            if number not in index:
                index[number] = low[number] = len(index)
                path.append(number)
            after = next((each for each in following if each not in index or each in path), None)
            if after is not None and after not in index:
                work.append((after, iter(leads_to[after])))
                continue
            if after is not None:
                low[number] = min(low[number], index[after])
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[number])
            if low[number] == index[number]:
                at = path.index(number)
                found.append(sorted(path[at:]))
                del path[at:]
    return found


def _bundle(schema: Any, files: Mapping[str, Any], name: str) -> Any:
    """The schema as it stands, with the files beside it under their addresses."""
    beside = {path: {"$id": urljoin(FOLDER, path), "allOf": [raw]} for path, raw in files.items() if path != name}
    return {"$id": urljoin(FOLDER, name), "$defs": beside} | schema if beside else schema
