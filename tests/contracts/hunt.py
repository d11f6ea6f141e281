"""Looks for pairs of schemas about which the comparison is wrong, with validation as the oracle.

A pair is wrong where it is called compatible and a document says otherwise, where it is called breaking and the
document shown proves nothing, and where the comparison raises. What belongs here: trying pairs, making a wrong one
small. What does not: making pairs (``schema_generator.py``).
"""

import copy
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from referencing.exceptions import Unresolvable as ReferencingError

from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import Direction, Drift
from tests.contracts.document_generator import Documents, Root
from tests.contracts.labelled import questions
from tests.contracts.oracle import Oracle, breaks
from tests.contracts.schema_generator import Pair, edited_pair, pair

DOCUMENTS = 150
SLOW = 2.0
"""Seconds after which a single comparison is told of."""
Compare = Callable[..., Any]


@dataclass(frozen=True)
class Wrong:
    """A comparison that is wrong. ``kind``: missed, unproven or raised; ``document`` shows it where it is missed."""

    kind: str
    direction: str
    old: Any
    new: Any
    document: Any
    said: str

    def line(self) -> str:
        """One line of JSON, to be kept."""
        return json.dumps(
            {"kind": self.kind, "direction": self.direction, "old": self.old, "new": self.new,
             "document": self.document, "said": self.said}, ensure_ascii=False, default=str,
        )  # fmt: skip


@dataclass
class Hunted:
    """What a hunt has seen. ``verdicts`` counts directions, ``breaking_unknown`` those unknown ones that do break."""

    pairs: int = 0
    verdicts: Counter[str] = field(default_factory=lambda: Counter[str]())
    wrong: list[Wrong] = field(default_factory=lambda: list[Wrong]())
    broken_unknown: int = 0
    unknown_reasons: Counter[str] = field(default_factory=lambda: Counter[str]())
    slowest: float = 0.0
    slow: list[Pair] = field(default_factory=lambda: list[Pair]())


def judged(asked: Pair, documents: Random, seen: Hunted, many: int = DOCUMENTS) -> list[Wrong]:
    """What is wrong about this pair, in both directions. Pairs that a validator takes for no schema are passed over."""
    old, new = Oracle(asked.old), Oracle(asked.new)
    if not (old.built() and new.built()):
        seen.verdicts["no schema"] += 1
        return []
    seen.pairs += 1
    found: list[Wrong] = []
    for direction, sub, sup in (("forward", new, old), ("backward", old, new)):
        wrong = _judged_one(asked, direction, sub, sup, documents, seen, many)
        found += [wrong] if wrong else []
    seen.wrong += found
    return found


def _judged_one(
    asked: Pair, direction: str, sub: Oracle, sup: Oracle, documents: Random, seen: Hunted, many: int
) -> Wrong | None:
    started = time.perf_counter()
    try:
        comparison = compare(asked.old, asked.new, Direction(direction))
    except BaseException as error:
        # A panic of a Rust library is no Exception, and the worst of all.
        if isinstance(error, KeyboardInterrupt):
            raise
        seen.verdicts["raised"] += 1
        return Wrong("raised", direction, asked.old, asked.new, None, f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - started
    seen.slowest = max(seen.slowest, seconds)
    seen.slow += [asked] if seconds > SLOW else []
    seen.verdicts[comparison.verdict] += 1
    said = f"{comparison.verdict}: {comparison.reason}"
    if comparison.verdict is Drift.BREAKING:
        shown = comparison.counterexample
        if shown is not None and breaks(shown.document, sub, sup):
            return None
        return Wrong("unproven", direction, asked.old, asked.new, shown and shown.document, said)
    if comparison.verdict is Drift.UNKNOWN:
        seen.unknown_reasons[comparison.reason[:70]] += 1
        found, _ = contradiction(sub, sup, documents, many)
        seen.broken_unknown += found
        return None
    found, document = contradiction(sub, sup, documents, many)
    return Wrong("missed", direction, asked.old, asked.new, document, said) if found else None


def asked_of(seed: int) -> Pair:
    """The pair of a seed: of three one is a labelled pair, edited; for those are richer than what chance makes."""
    random = Random(seed)
    if random.random() < 2 / 3:
        return pair(random)
    given = random.choice([question for question in questions() if not question.old_files])
    return edited_pair(Pair(given.old, given.new), random)


def contradiction(sub: Oracle, sup: Oracle, random: Random, many: int) -> tuple[bool, Any]:
    """Whether a document was found that ``sub`` accepts and ``sup`` refuses, and it."""
    made = Documents(Root(sub.schema), Root(sup.schema), random)
    for document in itertools.islice(made.made(), many):
        if sub.fast.is_valid(document):
            made.keep(document)
            if breaks(document, sub, sup):
                return True, document
    return False, None


def hunt(seeds: Iterator[int], until: Callable[[], bool], many: int = DOCUMENTS) -> Hunted:
    """Pairs of these seeds until ``until`` says so; a wrong one is printed with its seed, made small."""
    seen = Hunted()
    for seed in seeds:
        for wrong in judged(asked_of(seed), Random(seed), seen, many):
            print(f"seed {seed}: {smaller(wrong).line()}", flush=True)
        if until():
            break
    return seen


def smaller(wrong: Wrong) -> Wrong:
    """The same fault with as little left of both schemas as shows it."""
    current, shrinking = wrong, True
    deadline = time.monotonic() + 20
    while shrinking and time.monotonic() < deadline:
        shrinking = False
        for old, new in _less(current.old, current.new):
            if (again := _still(current, old, new)) is not None:
                current, shrinking = again, True
                break
    return current


def _still(wrong: Wrong, old: Any, new: Any) -> Wrong | None:
    first, second = Oracle(old), Oracle(new)
    if not (first.built() and second.built()):
        return None
    sub, sup = (second, first) if wrong.direction == "forward" else (first, second)
    try:
        again = _judged_one(Pair(old, new), wrong.direction, sub, sup, Random(0), Hunted(), 400)
    except (ReferencingError, RecursionError):
        # With a definition gone a reference names nothing.
        return None
    return again if again is not None and again.kind == wrong.kind else None


def _less(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """Both with the same thing taken away, then each alone."""
    ways = list(dict.fromkeys([*_paths(old), *_paths(new)]))
    for path in ways:
        yield _without(old, path), _without(new, path)
    for path in ways:
        yield _without(old, path), new
        yield old, _without(new, path)


def _paths(schema: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from _paths(part, (*path, key))


def _without(schema: Any, path: tuple[Any, ...]) -> Any:
    schema = copy.deepcopy(schema)
    place = schema
    try:
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
    except (KeyError, IndexError, TypeError):
        pass
    return schema


def say(seen: Hunted, seconds: float) -> None:
    """The figures of a hunt, for a person."""
    print(f"{seen.pairs:,} pairs in {seconds:.0f} s; {dict(seen.verdicts)}; wrong: {len(seen.wrong)}; "
          f"unknown that break: {seen.broken_unknown}; slowest {seen.slowest:.2f} s")  # fmt: skip
    for reason, times in seen.unknown_reasons.most_common(15):
        print(f"  {times:6} unknown: {reason}")
    for slow in seen.slow[:5]:
        print("  slow:", json.dumps([slow.old, slow.new]), file=sys.stderr)
