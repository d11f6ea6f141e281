"""Two normal forms walked side by side: where one is, what is told there, what it does to documents.

What belongs here: the place, the walk, one change. What does not: which keyword is told how (``told_*.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from telemetry_assets.contracts.comparison import relation
from telemetry_assets.contracts.comparison.relation import Relation
from telemetry_assets.contracts.containment.emitted import emitted
from telemetry_assets.contracts.containment.exact import canonical
from telemetry_assets.contracts.containment.nodes import FALSE, Node
from telemetry_assets.contracts.drift import Change, Direction
from telemetry_assets.contracts.places import pointer_of

MOST = 500
"""More changes than this are told as one."""
_ROOM = 20_000
_APART = frozenset({"additionalProperties", "unevaluatedProperties", "unevaluatedItems", "items", "prefixItems"})
Words = Mapping[str, Any]


class TooManyError(Exception):
    """There is so much to tell that nobody would read it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk is. ``sign`` is -1 below a ``not`` and 0 where neither way can be said.

    ``sure``: nothing else can make up for a change; ``said`` stands before the words there; ``above`` are the pairs of
    schemas on the way.
    """

    pointer: str
    sign: int = 1
    sure: bool = True
    said: str = ""
    above: frozenset[tuple[str, str]] = frozenset()

    def at(self, *steps: str | int) -> "Place":
        """A place further inside the documents."""
        return replace(self, pointer=self.pointer + pointer_of(steps))

    def within(self, said: str, *, sign: int = 1, sure: bool = False) -> "Place":
        """The same place of the documents, inside of what ``said`` names."""
        return replace(self, said=f"{self.said}{said}: ", sign=self.sign * sign, sure=self.sure and sure)

    def meant(self, one: Relation) -> Relation:
        """What the relation of a piece means for whole documents."""
        seen = one if self.sign > 0 else one.turned() if self.sign < 0 else relation.UNKNOWN
        return seen if self.sure else seen.unsure()


@dataclass(slots=True)
class Walk:
    """What was found so far. ``tellers``: the keywords that are told together → who tells them."""

    old_defs: Mapping[str, Node]
    new_defs: Mapping[str, Node]
    direction: Direction
    name: str
    tellers: "Sequence[tuple[tuple[str, ...], Teller]]"
    found: dict[str, Change] = field(default_factory=dict[str, Change])
    room: int = _ROOM

    def compare(self, place: Place, old: Node, new: Node) -> None:
        """Tells every change between two schemas of one place. Raises TooManyError."""
        old, new = _resolved(old, self.old_defs), _resolved(new, self.new_defs)
        pair = (old.digest, new.digest)
        if old.digest == new.digest or pair in place.above:
            return
        self.room -= 1
        if self.room < 0:
            raise TooManyError
        inside = replace(place, above=place.above | {pair})
        if FALSE.digest in pair:
            one = relation.NARROWER if new.digest == FALSE.digest else relation.WIDER
            text = "nothing is allowed here any more" if one is relation.NARROWER else "is allowed here now"
            self.tell(inside, "not", old, new, text, one)
            return
        before, after = _flat(old, self.old_defs), _flat(new, self.new_defs)
        for keywords, teller in self.tellers:
            if any(differ(before.get(keyword), after.get(keyword)) for keyword in keywords):
                teller(self, inside, before, after)

    def tell(self, place: Place, keyword: str, old: Any, new: Any, text: str, one: Relation) -> None:
        """Adds one change. ``old`` and ``new`` are what was said and is said now, None for nothing."""
        said = [self.name, place.pointer, place.said + keyword, _plain(old, self.old_defs), _plain(new, self.new_defs)]
        digest = sha256(canonical(said).encode("utf-8", "surrogatepass")).hexdigest()[:8]
        drift = place.meant(one).drift(self.direction)
        self.found.setdefault(digest, Change(digest, place.pointer, keyword, f"{place.said}{text}", drift))
        if len(self.found) > MOST:
            raise TooManyError

    def relation(self, old: Node, new: Node) -> Relation:
        """How two schemas of one place stand to each other."""
        return relation.of_nodes(old, new, self.old_defs, self.new_defs)


Teller = Callable[[Walk, Place, Words, Words], None]


def differ(old: Any, new: Any) -> bool:
    """Whether two values of one word mean something else."""
    return _identity(old) != _identity(new)


def leftover(old: Sequence[Node], new: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """(gone, come): the schemas of a list that only one version has."""
    known = [[each.digest for each in side] for side in (old, new)]
    return [each for each in old if each.digest not in known[1]], [each for each in new if each.digest not in known[0]]


def _identity(value: Any) -> Any:
    if isinstance(value, Node):
        return value.digest
    if isinstance(value, Mapping):
        return {key: _identity(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_identity(inner) for inner in value)
    return canonical(value) if isinstance(value, bool | list | str) else value


def _plain(value: Any, defs: Mapping[str, Node]) -> Any:
    if isinstance(value, Node):
        return emitted(value, defs)
    if isinstance(value, tuple | list):
        return [_plain(inner, defs) for inner in value]
    return value


def _resolved(node: Node, defs: Mapping[str, Node]) -> Node:
    while "$ref" in node.words and node.words["$ref"] in defs:
        node = defs[node.words["$ref"]]
    return node


def _flat(node: Node, defs: Mapping[str, Node]) -> Words:
    """The words of a node with those of its ``allOf`` among them, where they mean the same beside each other."""
    made = {word: value for word, value in node.words.items() if word != "allOf"}
    apart: list[Node] = []
    for each in node.words.get("allOf", ()):
        inner = _resolved(each, defs).words
        if "allOf" in inner or "$ref" in inner or not _mergeable(made, inner):
            apart.append(each)
            continue
        for word, value in inner.items():
            made[word] = _merged(made.get(word), value)
    return made | ({"allOf": tuple(apart)} if apart else {})


def _mergeable(made: Words, inner: Words) -> bool:
    if inner.keys() & _APART or (made.keys() & _APART and inner.keys() & {"properties", "patternProperties"}):
        return False
    if made.get("properties", {}).keys() & inner.get("properties", {}).keys():
        return False
    return not (made.keys() & inner.keys()) - {"types", "required", "properties"}


def _merged(one: Any, other: Any) -> Any:
    if one is None:
        return other
    if isinstance(one, frozenset):
        return one & other
    if isinstance(one, Mapping):
        return {**one, **other}
    return tuple(sorted({*one, *other}))
