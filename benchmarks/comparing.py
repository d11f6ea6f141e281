"""Comparing two schemas, 200 of our labelled pairs in one direction each, in process and warm.

Ours is the whole answer: verdict, proof or document shown, changes in words. It is held against the second we promise
and, generously, against `jsoncompat.analyze_compat` alone on the same pairs, which answers a third of them with unknown
and some wrongly (docs/contracts_figures.md). The pairs: every family of tests/contracts/pairs in
turn, forward and backward.
Run: python -m benchmarks.comparing [--json] [--rounds N]
"""

import argparse
import itertools
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.measure import report
from telemetry_assets.contracts.compare import compare
from telemetry_assets.contracts.drift import Direction
from tests.contracts.judged import jsoncompat as ask_jsoncompat
from tests.contracts.labelled import Question, questions

PAIRS = 200
BUDGET = 1.0
TIMES = 10


def main() -> int:
    """Both in turn. Exit 0 where both hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    asked = chosen()
    seconds = timed(lambda: [ours(question) for question in asked], options.rounds)
    alone = timed(lambda: [ask_jsoncompat(question) for question in asked], options.rounds)
    name = f"comparing {PAIRS} pairs of schemas, against "
    holds = report(name + "the second promised", seconds, BUDGET, 1, False, options.json)
    holds &= report(f"{name}jsoncompat {version('jsoncompat')} alone", seconds, alone, TIMES, False, options.json)
    return 0 if holds else 1


def chosen() -> list[Question]:
    """200 questions: one direction of a pair, the families in turn until there are enough."""
    by_family: dict[str, list[Question]] = {}
    for number, question in enumerate(questions()):
        # The two directions of a pair follow one another; every other pair is asked the other way.
        if number % 4 in (0, 3):
            by_family.setdefault(question.family, []).append(question)
    mixed = itertools.chain.from_iterable(itertools.zip_longest(*by_family.values()))
    return [question for question in mixed if question is not None][:PAIRS]


def ours(question: Question) -> Any:
    """The whole comparison."""
    files = {"old_files": question.old_files, "new_files": question.new_files}
    return compare(question.old, question.new, Direction(question.direction), **files)


def timed(work: Callable[[], Any], rounds: int) -> float:
    """The median seconds of a round; the first is not counted."""
    seconds: list[float] = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


if __name__ == "__main__":
    raise SystemExit(main())
