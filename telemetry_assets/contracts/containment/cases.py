"""What is known of one value: the schemas that it keeps, gathered into bounds, shapes and open choices.

What belongs here: gathering, which only ever forgets (a fact less is a weaker premise, never a wrong one). What does
not: drawing conclusions that need a search (``contained.py``).
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

from telemetry_assets.contracts.containment.evaluated import Evaluated, beyond_items, beyond_names, evaluated
from telemetry_assets.contracts.containment.exact import ALL_KINDS, NUMBERS, kind_of, plain
from telemetry_assets.contracts.containment.judging import accepts
from telemetry_assets.contracts.containment.negated import negated, refusing
from telemetry_assets.contracts.containment.nodes import TRUE, Node, node
from telemetry_assets.contracts.containment.patterns import lengths

MOST_CONSTANTS = 64
Bound = tuple[Fraction, bool]
Shape = tuple[Mapping[str, Node], Mapping[str, Node], Node | None]
"""Properties, pattern properties, any other property."""
_NONE: Mapping[str, Any] = {}
_CHOICES = ("anyOf", "oneOf", "not", "if")


class Case:
    """A conjunction of schemas. Words of a kind (bounds, shapes …) hold of a value only *if* it is of that kind."""

    __slots__ = (
        "anys", "contains", "defs", "digests", "enum", "facts", "formats", "high", "ifs", "items", "kinds", "least",
        "low", "most", "names", "needs", "nots", "ones", "patterns", "required", "schemas", "shapes", "step", "unique",
    )  # fmt: skip

    def __init__(self, facts: Iterable[Node], defs: Mapping[str, Node]) -> None:
        self.defs = defs
        self.facts: list[Node] = []
        self.digests: set[str] = set()
        self.kinds = ALL_KINDS
        self.enum: dict[str, Any] | None = None
        self.low: Bound | None = None
        self.high: Bound | None = None
        self.step: Fraction | None = None
        self.least: dict[str, int] = {"string": 0, "array": 0, "object": 0}
        self.most: dict[str, int] = {}
        self.patterns: set[str] = set()
        self.formats: set[str] = set()
        self.items: list[tuple[tuple[Node, ...], Node]] = []
        self.contains: list[tuple[Node, int, int | None]] = []
        self.unique = False
        self.shapes: list[Shape] = []
        self.required: set[str] = set()
        self.names: list[Node] = []
        self.needs: list[tuple[str, tuple[str, ...]]] = []
        self.schemas: list[tuple[str, Node]] = []
        self.nots: list[Node] = []
        self.anys: list[tuple[Node, ...]] = []
        self.ones: list[tuple[Node, ...]] = []
        self.ifs: list[tuple[Node, Node, Node]] = []
        self._take(facts)
        self._settle()

    @property
    def impossible(self) -> bool:
        """Whether it is plain that no value keeps all of it."""
        return not self.kinds or self.enum == {} or any(each.digest in self.digests for each in self.nots)

    @property
    def open(self) -> bool:
        """Whether something is left that could be told apart into cases."""
        return bool(self.anys or self.ones or self.ifs or self.needs or self.schemas)

    def _take(self, facts: Iterable[Node]) -> None:
        waiting = list(facts)
        while waiting:
            each = waiting.pop()
            if each.digest in self.digests or not each.words:
                continue
            self.digests.add(each.digest)
            words = each.words
            if "$ref" in words:
                waiting.append(self.defs[words["$ref"]])
                continue
            self.facts.append(each)
            self._plain(words)
            if "array" in self.kinds:
                self._arrays(words)
            if "object" in self.kinds:
                self._objects(words)
            waiting.extend(words.get("allOf", ()))
            self._choices(words, waiting)

    def _plain(self, words: Mapping[str, Any]) -> None:
        if "types" in words:
            self.kinds &= words["types"]
        if "enum" in words:
            known = self.enum
            self.enum = {text: value for text, value in words["enum"].items() if known is None or text in known}
        if "low" in words:
            self.low = max(self.low or words["low"], words["low"])
        if "high" in words:
            value, open_ = words["high"]
            self.high = words["high"] if self.high is None else min(self.high, (value, open_), key=_tighter)
        if "multipleOf" in words:
            step: Fraction = words["multipleOf"]
            self.step = step if self.step is None else common_multiple(self.step, step)
        if "pattern" in words:
            self.patterns.add(words["pattern"])
            fewest, most = lengths(words["pattern"])
            self.least["string"] = max(self.least["string"], fewest)
            if most is not None:
                self.most["string"] = min(self.most.get("string", most), most)
        if "format" in words:
            self.formats.add(words["format"])
        for kind, ending in (("string", "Length"), ("array", "Items"), ("object", "Properties")):
            self.least[kind] = max(self.least[kind], words.get(f"min{ending}", 0))
            if f"max{ending}" in words:
                self.most[kind] = min(self.most.get(kind, words[f"max{ending}"]), words[f"max{ending}"])

    def _arrays(self, words: Mapping[str, Any]) -> None:
        if "items" in words or "prefixItems" in words:
            self.items.append((words.get("prefixItems", ()), words.get("items", TRUE)))
        if "unevaluatedItems" in words:
            beyond = beyond_items(self.evaluated(words, "unevaluatedItems", perhaps=True), words["unevaluatedItems"])
            if beyond is not TRUE:
                self.items.append((beyond.words.get("prefixItems", ()), beyond.words["items"]))
        if "contains" in words:
            self.contains.append(words["contains"])
            self.least["array"] = max(self.least["array"], words["contains"][1])
        self.unique = self.unique or "uniqueItems" in words

    def _objects(self, words: Mapping[str, Any]) -> None:
        rest: Node | None = words.get("additionalProperties")
        if rest is not None or "properties" in words or "patternProperties" in words:
            self.shapes.append((words.get("properties", _NONE), words.get("patternProperties", _NONE), rest))
        if "unevaluatedProperties" in words:
            seen = self.evaluated(words, "unevaluatedProperties", perhaps=True)
            beyond = beyond_names(seen, words["unevaluatedProperties"]).words
            if beyond:
                known = beyond.get("properties", _NONE), beyond.get("patternProperties", _NONE)
                self.shapes.append((*known, beyond["additionalProperties"]))
        self.required.update(words.get("required", ()))
        if "propertyNames" in words:
            self.names.append(words["propertyNames"])
        self.needs.extend(words.get("dependentRequired", _NONE).items())
        self.schemas.extend(words.get("dependentSchemas", _NONE).items())

    def _choices(self, words: Mapping[str, Any], waiting: list[Node]) -> None:
        chosen = [word for word in _CHOICES if word in words]
        if len(words) > 1:
            self.digests.update(node({word: words[word]}).digest for word in chosen)
        if "anyOf" in words:
            self.anys.append(words["anyOf"])
        if "oneOf" in words:
            self.ones.append(words["oneOf"])
        if "if" in words:
            self.ifs.append(words["if"])
        if "not" in words and words["not"] not in self.nots:
            refused: Node = words["not"]
            self.nots.append(refused)
            if "$ref" in refused.words:
                refused = self.defs[refused.words["$ref"]]
            waiting.append(negated(refused))

    def evaluated(self, words: Mapping[str, Any], but: str, *, perhaps: bool) -> Evaluated:
        """What the words other than ``but`` evaluate, surely or ``perhaps``."""
        others = {word: value for word, value in words.items() if word != but}
        return evaluated(others, self.defs.get, perhaps=perhaps)

    def _settle(self) -> None:
        """What follows at once: names that are required by required ones, choices that are decided already."""
        while True:
            before = len(self.digests), len(self.required), self.kinds
            for name, needed in self.needs:
                if name in self.required:
                    self.required.update(needed)
            follows: list[Node] = []
            if self.kinds == {"object"}:
                follows += [each for name, each in self.schemas if name in self.required]
            for condition, then, other in self.ifs:
                if condition.digest in self.digests:
                    follows.append(then)
                elif refusing(condition).digest in self.digests:
                    follows.append(other)
            for branches in self.anys:
                left = [each for each in branches if self.kinds & each.words.get("types", ALL_KINDS)]
                if len(left) < 2:
                    follows += left or branches
            for branches in self.ones:
                held = [not each.words or each.digest in self.digests for each in branches]
                if any(held):
                    follows += [refusing(each) for at, each in enumerate(branches) if at != held.index(True)]
            self._take(follows)
            self._narrow()
            if before == (len(self.digests), len(self.required), self.kinds):
                break
        self._close()

    def _narrow(self) -> None:
        """Kinds whose bounds contradict each other cannot be."""
        for kind in ("string", "array", "object"):
            if kind in self.most and self.least[kind] > self.most[kind]:
                self.kinds -= {kind}
        if self.step is not None and self.step.denominator == 1:
            self.kinds -= {"fraction"}
        if (
            self.low
            and self.high
            and (self.low[0] > self.high[0] or (self.low[0] == self.high[0] and (self.low[1] or self.high[1])))
        ):
            self.kinds -= NUMBERS
        if self.enum is not None:
            self.enum = {
                text: value
                for text, value in self.enum.items()
                if kind_of(value) in self.kinds and not self.refuses(value)
            }
            self.kinds &= {kind_of(value) for value in self.enum.values()}

    def _close(self) -> None:
        """Choices that are decided are no longer open."""
        self.anys = [each for each in self.anys if not any(branch.digest in self.digests for branch in each)]
        self.ones = [each for each in self.ones if not any(branch.digest in self.digests for branch in each)]
        self.ifs = [
            each
            for each in self.ifs
            if each[0].digest not in self.digests and refusing(each[0]).digest not in self.digests
        ]
        if "object" not in self.kinds:
            self.needs, self.schemas = [], []
        else:
            self.needs = [each for each in self.needs if not self.decided(each[0])]
            self.schemas = [each for each in self.schemas if not self.decided(each[0])]

    def decided(self, name: str) -> bool:
        """Whether it is plain that the property is there, or that it is not."""
        if name in self.required:
            return self.kinds == {"object"}
        return any(name in known and known[name].words.get("enum") == {} for known, _, _ in self.shapes)

    def constants(self) -> list[Any] | None:
        """The values that can be, where they are few and known; None where they are not."""
        if self.enum is not None:
            return list(self.enum.values())
        found: list[Any] = []
        for kind in sorted(self.kinds):
            values = self.constants_of(kind)
            if values is None:
                return None
            found += values
        return found

    def constants_of(self, kind: str) -> list[Any] | None:
        """The same of one kind."""
        if self.enum is not None:
            return [value for value in self.enum.values() if kind_of(value) == kind]
        values = self._of_kind(kind)
        return None if values is None else [value for value in values if not self.refuses(value)]

    def refuses(self, value: Any) -> bool:
        """Whether some fact surely refuses a value."""
        return any(accepts(each, value, self.defs) is False for each in self.facts)

    def stepped(self, kind: str) -> Fraction | None:
        """What every number of that kind is a multiple of."""
        if kind == "integer":
            return Fraction(1) if self.step is None else common_multiple(self.step, Fraction(1))
        return self.step

    def _of_kind(self, kind: str) -> list[Any] | None:
        if kind in NUMBERS:
            return self._numbers(kind)
        if kind in ("null", "boolean"):
            return [None] if kind == "null" else [False, True]
        return [{"string": "", "array": [], "object": {}}[kind]] if self.most.get(kind) == 0 else None

    def _numbers(self, kind: str) -> list[Any] | None:
        """The numbers within the bounds; of those that are not whole only where they are multiples of something."""
        step = self.stepped(kind)
        if self.low is None or self.high is None:
            return None
        if self.low[0] == self.high[0]:
            return [] if (self.low[0].denominator == 1) is (kind == "fraction") else [plain(self.low[0])]
        if step is None:
            return None
        first, last = ceil(self.low[0] / step), floor(self.high[0] / step)
        if last - first >= MOST_CONSTANTS:
            return None
        return [plain(step * count) for count in range(first, last + 1)]


def _tighter(bound: Bound) -> tuple[Fraction, bool]:
    return bound[0], not bound[1]


def common_multiple(one: Fraction, other: Fraction) -> Fraction:
    """The least number that is a multiple of both."""
    bottom = lcm(one.denominator, other.denominator)
    return Fraction(lcm(int(one * bottom), int(other * bottom)), bottom)
