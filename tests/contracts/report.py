"""The figures of the comparison: labelled pairs beside two rivals, and random pairs; into docs/contracts_figures.md.

Run: ``python -m tests.contracts.report`` writes and prints; ``--soak MINUTES [--seed N]`` tries random pairs so
long and prints every wrong one made small; ``--fingerprints EVERY`` prints one line per answer, for another process.

What belongs here: starting, adding up, wording. What does not: asking and judging.
"""

import argparse
import hashlib
import itertools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.contracts.judged import Answer, Tally, answers, canonical, jsoncompat, ours, tally
from tests.contracts.labelled import questions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts_figures.md"
BOUNDS = {"unknown": 0.045, "shown": 0.99}
"""At most so many of all answers are unknown; at least so many of the breaking questions come with a document."""
HUNTED = 3_000


def main() -> int:
    """Exit 1 where a break is missed or something compatible is called breaking."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.report", description=__doc__)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--seed", type=int, help="the first seed of the random pairs")
    parser.add_argument("--fingerprints", type=int, metavar="EVERY", help="of every so manieth question")
    options = parser.parse_args()
    if options.fingerprints:
        told = answers(ours, questions()[:: options.fingerprints])
        print("\n".join(f"{name}\t{digest}" for name, digest in fingerprints(told).items()))
        return 0
    if options.soak is not None:
        return soak(options.soak, options.seed)
    return written()


def fingerprints(told: Iterable[Answer]) -> dict[str, str]:
    """A digest of each whole comparison by the question's name: the same in every process."""
    return {answer.question.id: hashlib.sha256(answer.text.encode()).hexdigest() for answer in told}


def soak(minutes: float, seed: int | None) -> int:
    """Random pairs for so long, from a seed that is printed. Exit 1 where one was wrong."""
    from tests.contracts.hunt import hunt, say

    first = seed if seed is not None else time.time_ns() % 10**9 * 1_000
    print(f"seeds from {first}", flush=True)
    started = time.monotonic()
    seen = hunt(itertools.count(first), lambda: time.monotonic() - started > minutes * 60)
    say(seen, time.monotonic() - started)
    return 1 if seen.wrong else 0


def written() -> int:
    """The page, printed and written."""
    every = {"ours": answers(ours, questions()), "jsoncompat 0.5 alone": answers(jsoncompat, questions())}
    every["jsonschema-rs canonicalize().covers() alone"] = answers(canonical, questions())
    counted = tally(every["ours"])
    page = _page(every, _random_pairs())
    PAGE.write_text(page)
    print(page)
    return 1 if counted.missed or counted.false_alarms else 0


def _page(every: dict[str, Sequence[Answer]], random_pairs: str) -> str:
    lines = [
        "# Comparing two schemas: figures",
        "",
        "Written by `python -m tests.contracts.report`. A question is one direction of a labelled pair of",
        "tests/contracts/pairs/; its label is proven by a document that both validators judge so, or held against",
        "thousands of documents. *missed*: called compatible what breaks. *false*: called breaking what does not.",
        "*shown*: breaking questions answered with a document that proves it (of all breaking ones).",
        "",
        f"{len(questions()) // 2} pairs, {len(questions())} questions.",
        "",
        "| who | questions | right | missed | false | unknown | shown |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {name} {_cells(tally(told))}" for name, told in every.items()),
        "",
        "Ours by family of keywords:",
        "",
        "| family | questions | right | missed | false | unknown | shown |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    told = every["ours"]
    for family in sorted({answer.question.family for answer in told}):
        lines.append(f"| {family} {_cells(tally(answer for answer in told if answer.question.family == family))}")
    return "\n".join([*lines, "", "## Random pairs", "", random_pairs]) + "\n"


def _cells(counted: Tally) -> str:
    shown = f"{counted.shown} of {counted.incompatible} ({counted.shown_rate:.1%})"
    unknown = f"{counted.unknown} ({counted.unknown_rate:.1%})"
    return f"| {counted.asked} | {counted.right} | {counted.missed} | {counted.false_alarms} | {unknown} | {shown} |"


def _random_pairs() -> str:
    from tests.contracts.hunt import hunt

    seen = hunt(iter(range(HUNTED)), lambda: False)
    asked = sum(seen.verdicts[name] for name in ("no_change", "non_breaking", "breaking", "unknown"))
    unknown = seen.verdicts["unknown"]
    return (
        f"{seen.pairs:,} pairs (seeds 0 to {HUNTED - 1:,}), both directions, up to 150 documents against each\n"
        f"answer that says compatible: {len(seen.wrong)} wrong. {seen.verdicts['no_change']:,} no_change,"
        f" {seen.verdicts['non_breaking']:,} non_breaking,\n{seen.verdicts['breaking']:,} breaking (each with a proven"
        f" document), {unknown:,} unknown ({unknown / max(asked, 1):.1%}), of which"
        f" {seen.broken_unknown:,} were seen to break."
    )


if __name__ == "__main__":
    raise SystemExit(main())
