"""Whether every document of one schema is a document of another: shown, or which obligation could not be shown.

What belongs here: the search. Facts (schemas that a value keeps) against a goal (one more); each kind of value has its
own file. What does not: counter-examples (``witness.py``), verdicts (``compare.py``). Sound above all: whatever is not
surely so is not shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_assets.contracts.containment import contained_arrays, contained_objects
from telemetry_assets.contracts.containment.cases import Case
from telemetry_assets.contracts.containment.contained_scalars import no_text, number_missed, string_missed
from telemetry_assets.contracts.containment.judging import accepts
from telemetry_assets.contracts.containment.negated import absent, negated, present, refusing
from telemetry_assets.contracts.containment.nodes import FALSE, Node, node, type_node
from telemetry_assets.contracts.containment.normal import Normal
from telemetry_assets.contracts.containment.obligations import Obligation, Path

STEPS = 2_000
"""How many obligations are looked at before a pair is too large."""
SPLITS = 5
"""How often one value is told apart into cases, at most."""
DEEPEST = 60
_LOOSE = frozenset({"enum", "anyOf", "oneOf", "not", "if"})
Facts = tuple[Node, ...]
Key = tuple[frozenset[str], str]


@dataclass(frozen=True, slots=True)
class Proof:
    """``proven``: no document of one is refused by the other. Else ``obligation`` says what could not be shown."""

    proven: bool
    obligation: str = ""


class TooLarge(Exception):
    """The search took more steps than a pair may."""


def prove(sub: Normal, sup: Normal) -> Proof:
    """Whether ``sup`` accepts every document that ``sub`` accepts, as far as that can be shown in bounded work."""
    if sub.equal(sup):
        return Proof(True)
    if opaque := sub.opaque or sup.opaque:
        return Proof(False, opaque)
    prover = Prover({**sub.defs, **sup.defs})
    try:
        missed = prover.entail((sub.root,), sup.root, ())
    except (TooLarge, RecursionError):
        return Proof(False, "the two schemas are too large to compare within bounded work")
    return Proof(missed is None, "" if missed is None else missed.said())


class Prover:
    """One search. ``defs``: what references lead to, of both sides."""

    def __init__(self, defs: Mapping[str, Node]) -> None:
        self.defs = defs
        self._cases: dict[frozenset[str], Case] = {}
        self._shown: set[Key] = set()
        self._failed: dict[Key, tuple[int, Obligation]] = {}
        # Obligations under way: key → (how deep in the document it was opened, its place in the order of opening).
        self._open: dict[Key, tuple[int, int]] = {}
        self._level = 0
        self._leant_on = STEPS
        self._steps = 0

    def entail(self, facts: Facts, goal: Node, path: Path, splits: int = SPLITS) -> Obligation | None:
        """None if whatever keeps all ``facts`` keeps ``goal``; else what could not be shown, at ``path``."""
        if not goal.words or any(each.digest == goal.digest for each in facts):
            return None
        key = (frozenset([each.digest for each in facts]), goal.digest)
        if key in self._shown:
            return None
        if key in self._open:
            return self._leant(key, path)
        if key in self._failed and self._failed[key][0] >= splits:
            return self._failed[key][1]
        self._steps += 1
        if self._steps > STEPS or self._level > DEEPEST:
            raise TooLarge
        return self._opened(key, facts, goal, path, splits)

    def below(self, facts: Facts, goal: Node, path: Path) -> Obligation | None:
        """The same of a value within the one at hand: strictly smaller, so an obligation under way may be leant on."""
        self._level += 1
        try:
            return self.entail(facts, goal, path)
        finally:
            self._level -= 1

    def impossible_below(self, facts: Facts) -> bool:
        """Whether no value within the one at hand keeps all ``facts``."""
        return any(each is FALSE for each in facts) or (bool(facts) and self.below(facts, FALSE, ()) is None)

    def case(self, facts: Facts) -> Case:
        """What the facts say together."""
        key = frozenset([each.digest for each in facts])
        if key not in self._cases:
            self._cases[key] = Case(facts, self.defs)
        return self._cases[key]

    def _leant(self, key: Key, path: Path) -> Obligation | None:
        """Induction over the size of the document: an obligation holds below if it holds whenever it does below."""
        level, place = self._open[key]
        if self._level <= level:
            return Obligation(path, "$ref", "it leads back to itself")
        self._leant_on = min(self._leant_on, place)
        return None

    def _opened(self, key: Key, facts: Facts, goal: Node, path: Path, splits: int) -> Obligation | None:
        before, place = self._leant_on, len(self._open)
        self._leant_on = STEPS
        self._open[key] = (self._level, place)
        try:
            missed = self._settled(facts, goal, path, splits)
        finally:
            del self._open[key]
        if missed is not None:
            self._failed[key] = (splits, missed)
            self._leant_on = before
        else:
            # What leans on an obligation still under way stands only as long as that one does.
            if self._leant_on >= place:
                self._shown.add(key)
                self._leant_on = STEPS
            self._leant_on = min(before, self._leant_on)
        return missed

    def _settled(self, facts: Facts, goal: Node, path: Path, splits: int) -> Obligation | None:
        if "$ref" in goal.words:
            return self.entail(facts, self.defs[goal.words["$ref"]], path, splits)
        case = self.case(facts)
        if case.impossible or goal.digest in case.digests:
            return None
        constants = case.constants()
        if constants is not None:
            wrong = [each for each in constants if accepts(goal, each, self.defs) is not True]
            if not wrong:
                return None
        missed = self._goal(case, facts, goal, path, splits)
        if missed is None or self._impossible(case, facts, splits):
            return None
        if splits and any(self._split(case, facts, goal, path, splits - 1)):
            return None
        return missed

    # Goals

    def _goal(self, case: Case, facts: Facts, goal: Node, path: Path, splits: int) -> Obligation | None:
        """What of the goal does not follow, word by word."""
        words = goal.words
        if words.get("enum") == {}:
            return Obligation(path, "false", "some value may be there")
        if "types" in words:
            for kind in sorted(case.kinds - words["types"]):
                if not self.kind_impossible(case, kind):
                    return Obligation(path, "type", f"it may be {_named(kind)}")
        if "enum" in words and not (case.kinds == {"string"} and no_text(case, but=words["enum"].values())):
            return Obligation(path, "enum", "it may be another value")
        missed = self._of_kinds(case, goal, path)
        return missed or self._of_choices(facts, goal, path, splits)

    def _of_kinds(self, case: Case, goal: Node, path: Path) -> Obligation | None:
        words = goal.words
        for kind in sorted(case.kinds):
            constants = case.constants_of(kind)
            if constants is not None and all(accepts(goal, each, self.defs) for each in constants):
                continue
            match kind:
                case "integer" | "fraction":
                    missed = number_missed(case, kind, words, path)
                case "string":
                    missed = string_missed(case, words, path)
                case "array":
                    missed = contained_arrays.missed(self, case, words, path)
                case "object":
                    missed = contained_objects.missed(self, case, words, path)
                case _:
                    missed = None
            if missed is not None and not self.kind_impossible(case, kind):
                return missed
        return None

    def _of_choices(self, facts: Facts, goal: Node, path: Path, splits: int) -> Obligation | None:
        words = goal.words
        chosen = [word for word in ("anyOf", "oneOf", "not", "if") if word in words]
        if len(words) == 1 and chosen:
            return self._choice(facts, chosen[0], words[chosen[0]], path, splits)
        for each in (*words.get("allOf", ()), *[node({word: words[word]}) for word in chosen]):
            missed = self.entail(facts, each, path, splits)
            if missed is not None:
                return missed
        return None

    def _choice(self, facts: Facts, word: str, value: Any, path: Path, splits: int) -> Obligation | None:
        match word:
            case "anyOf":
                if any(self.entail(facts, each, path, 0) is None for each in value):
                    return None
                return Obligation(path, "anyOf", "it may be of none of them")
            case "oneOf":
                return self._one(facts, value, path, splits)
            case "not":
                missed = self.entail((*facts, value), FALSE, path, splits)
                return missed and Obligation(path, "not", "it may be what is refused")
            case _:
                condition, then, other = value
                missed = self.entail((*facts, condition), then, path, splits)
                return missed or self.entail((*facts, refusing(condition)), other, path, splits)

    def _one(self, facts: Facts, branches: tuple[Node, ...], path: Path, splits: int) -> Obligation | None:
        """Of some branch, and never of two."""
        missed = self.entail(facts, node({"anyOf": branches}), path, splits)
        if missed is not None:
            return Obligation(path, "oneOf", "it may be of none of them")
        for index, one in enumerate(branches):
            for other in branches[index + 1 :]:
                if self.entail((*facts, one, other), FALSE, path, splits) is not None:
                    return Obligation(path, "oneOf", "it may be of two of them")
        return None

    # Contradictions

    def _impossible(self, case: Case, facts: Facts, splits: int) -> bool:
        """Whether no value keeps all facts, as far as one look without telling cases apart shows."""
        if all(self.kind_impossible(case, kind) for kind in sorted(case.kinds)):
            return True
        refused = [each for each in case.nots if _irreducible(each)]
        return any(self.entail(facts, each, (), 0) is None for each in refused)

    def kind_impossible(self, case: Case, kind: str) -> bool:
        """Whether no value of that kind keeps all facts."""
        match kind:
            case "array":
                return contained_arrays.impossible(self, case)
            case "object":
                return contained_objects.impossible(self, case)
            case "string" if no_text(case):
                return True
            case _:
                return case.constants_of(kind) == []

    # Cases

    def _split(self, case: Case, facts: Facts, goal: Node, path: Path, splits: int) -> Iterator[bool]:
        """Ways to tell the value apart into cases, each: whether the goal follows in every case. One way is tried."""
        for alternatives in _ways(case, goal):
            yield all(self.entail((*facts, *each), goal, path, splits) is None for each in alternatives)
            return
        if set(goal.words) == {"anyOf"}:
            first, *others = goal.words["anyOf"]
            rest = others[0] if len(others) == 1 else node({"anyOf": tuple(others)})
            yield self.entail((*facts, refusing(first)), rest, path, splits) is None


def _ways(case: Case, goal: Node) -> Iterator[list[Facts]]:
    """Exhaustive alternatives: whatever keeps the facts keeps one of each list too."""
    for branches in case.anys:
        yield [(each,) for each in branches]
    for branches in case.ones:
        yield [
            (each, *[refusing(other) for at, other in enumerate(branches) if at != index])
            for index, each in enumerate(branches)
        ]
    for condition, then, other in case.ifs:
        yield [(condition, then), (refusing(condition), other)]
    if len(case.kinds) > 1 and (case.needs or case.schemas or _LOOSE & goal.words.keys()):
        yield [(type_node(frozenset({kind})),) for kind in sorted(case.kinds)]
    for name, _ in (*case.schemas, *case.needs):
        yield [(present(name),), (absent(name),)]


def _irreducible(refused: Node) -> bool:
    return negated(refused).words.get("not") is not None


def _named(kind: str) -> str:
    return {"fraction": "a number that is not whole", "null": "null"}.get(
        kind, f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
    )
