"""Values on and beside the bounds that schemas name for one place: numbers, texts, constants, one of each type.

What belongs here: the keywords of one place → scalars to try there. What does not: objects and arrays
(``candidates.py``), whether a value is accepted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil, floor, lcm
from typing import Any

from telemetry_assets.contracts.comparison.matching_text import near, texts
from telemetry_assets.contracts.containment.exact import ALL_KINDS, canonical, exact, plain
from telemetry_assets.contracts.containment.languages import example

Part = Mapping[str, Any]
_OF_TYPE = {"number": frozenset({"integer", "fraction"})}
LONGEST = 5_000
"""Longer texts and arrays are not built: a difference beyond that stays unknown."""
_CONSTANTS = 400
_PATTERNS = 4
"""How many patterns of one place are told apart."""
_NUMBERS: tuple[Any, ...] = (1, 0, -1, 1.5, 0.5, -2.5, 2, 3, 100, 10**12)
_TEXTS = (
    "a",
    "",
    "b",
    "A",
    "0",
    "1",
    "é",
    " ",
    "a b",
    "true",
    "zz-top",
    "2024-02-29T12:00:00Z",
    "a@b.co",
    "-1",
    "x" * 40,
)
_FORMATS = {
    "date": ("2024-02-29",), "date-time": ("2024-02-29T12:00:00Z",), "time": ("12:00:00Z",), "email": ("a@b.co",),
    "idn-email": ("a@b.co",), "ipv4": ("127.0.0.1",), "ipv6": ("::1",), "regex": ("a+",),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000",), "uri": ("https://example.com/a",), "hostname": ("example.com",),
    "uri-reference": ("/a",), "duration": ("P1D",), "json-pointer": ("/a",), "iri": ("https://example.com/a",),
}  # fmt: skip


def constants(ours: Sequence[Part], theirs: Sequence[Part]) -> Iterator[Any]:
    """What ``enum``, ``const`` and the examples of either side name; of long lists first what only one side names."""
    named = [list(_named(parts)) for parts in (ours, theirs)]
    if sum(map(len, named)) > _CONSTANTS:
        known = [{canonical(value) for value in side} for side in named]
        only = [[value for value in side if canonical(value) not in known[1 - at]] for at, side in enumerate(named)]
        named = [only[0][:_CONSTANTS], only[1][:20], named[0][:20], named[1][:20]]
    for side in named:
        yield from side


def _named(parts: Iterable[Part]) -> Iterator[Any]:
    for part in parts:
        if "const" in part:
            yield part["const"]
        for keyword in ("enum", "examples"):
            if isinstance(part.get(keyword), list):
                yield from part[keyword]
        if "default" in part:
            yield part["default"]


def numbers(parts: Sequence[Part]) -> Iterator[int | float]:
    """The bounds of all parts, what lies beside them, and multiples there."""
    bounds = sorted({
        exact(part[keyword])
        for part in parts
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if keyword in part
    })  # fmt: skip
    steps = sorted({exact(part["multipleOf"]) for part in parts if "multipleOf" in part})
    half, one = Fraction(1, 2), Fraction(1)
    found: dict[Fraction, None] = {}
    for bound in bounds:
        found |= dict.fromkeys((bound, bound - one, bound + one, bound - half, bound + half))
        found |= dict.fromkeys((bound + Fraction(1, 1000), bound - Fraction(1, 1000)))
    found |= dict.fromkeys((low + high) / 2 for low, high in pairwise(bounds))
    for step in [*steps, *_common(steps)]:
        found |= dict.fromkeys((step, Fraction(0), 2 * step, 3 * step, -step, step / 2, step / 3, step + one))
        for bound in bounds:
            below, above = floor(bound / step) * step, ceil(bound / step) * step
            found |= dict.fromkeys((below, above, below - step, above + step))
    for number in found:
        value = plain(number)
        if isinstance(value, int | float):
            yield value
    yield from _NUMBERS


def _common(steps: Sequence[Fraction]) -> list[Fraction]:
    """The least common multiple of two steps."""
    pairs = [(one, other) for at, one in enumerate(steps[:4]) for other in steps[at + 1 : 4]]
    return [
        Fraction(lcm(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)
        for a, b in pairs
    ]


def strings(parts: Sequence[Part]) -> Iterator[str]:
    """Texts of each pattern and format, of the lengths on and beside each bound, and ordinary ones."""
    lengths = sizes(parts, "minLength", "maxLength")
    yield from telling(parts)
    for part in parts:
        if isinstance(pattern := part.get("pattern"), str):
            matching = texts(pattern, tuple(lengths))
            yield from matching
            for text in matching[:2]:
                yield from near(text)
            # What a negated class excludes stands in the pattern itself.
            yield from list(dict.fromkeys(each for each in pattern if each.isalnum()))[:12]
        if isinstance(name := part.get("format"), str):
            yield from _FORMATS.get(name, ())
            yield from (_stretched(name, length) for length in lengths)
    yield from _TEXTS
    for length in lengths:
        yield from (character * length for character in ("a", "0", "é"))


def telling(parts: Sequence[Part]) -> Iterator[str]:
    """Texts that tell the patterns and lengths of the parts apart: each kept where another is broken."""
    patterns = list(dict.fromkeys(part["pattern"] for part in parts if isinstance(part.get("pattern"), str)))[
        :_PATTERNS
    ]
    if not patterns:
        return
    shortest = {0, 1, *(int(part["minLength"]) for part in parts if "minLength" in part)}
    longest = {int(part["maxLength"]) for part in parts if "maxLength" in part}
    found: dict[str | None, None] = {}
    for broken in patterns:
        others = frozenset(patterns) - {broken}
        for kept in (others, *([each] for each in sorted(others) if len(others) > 1), ()):
            found |= {example(frozenset(kept), frozenset({broken}), least): None for least in sorted(shortest)}
            found |= {example(frozenset(kept), frozenset({broken}), 0, most): None for most in sorted(longest)}
    for kept in patterns:
        found |= {example(frozenset({kept}), frozenset(), 0, least - 1): None for least in sorted(shortest - {0, 1})}
        found |= {example(frozenset({kept}), frozenset(), most + 1): None for most in sorted(longest)}
    yield from (text for text in found if text is not None)


def _stretched(name: str, length: int) -> str:
    """A text of a format that can be of many lengths."""
    match name:
        case "date-time":
            return f"2024-02-29T12:00:00.{'0' * (length - 21)}Z"
        case "time":
            return f"12:00:00.{'0' * (length - 10)}Z"
        case "email" | "idn-email":
            return f"{'a' * (length - 5)}@b.co"
        case _:
            return "a" * length


def sizes(parts: Sequence[Part], *keywords: str) -> list[int]:
    """The counts on and beside each bound, as far as something of that size is built; ascending."""
    bounds = {int(part[keyword]) for part in parts for keyword in keywords if keyword in part}
    return sorted({near for bound in bounds for near in (bound - 1, bound, bound + 1) if 0 <= near <= LONGEST})


def scalars(parts: Sequence[Part], kinds: frozenset[str]) -> Iterator[Any]:
    """Texts, numbers, null, true and false, of those kinds that are asked for."""
    if "string" in kinds:
        yield from strings(parts)
    if kinds & {"integer", "fraction"}:
        yield from (number for number in numbers(parts) if "fraction" in kinds or number == int(number))
    if "null" in kinds:
        yield None
    if "boolean" in kinds:
        yield from (True, False)


def varied(parts: Sequence[Part], kinds: frozenset[str]) -> Iterator[Any]:
    """The same with one or two of each kind first: where only a few are looked at, none of them is left out."""
    of_each = [scalars(parts, frozenset({kind})) for kind in ("string", "integer", "null", "boolean") if kind in kinds]
    for made in of_each:
        yield from islice(made, 2)
    yield from scalars(parts, kinds)


def kinds_let_through(ways: Iterable[Iterable[Part]]) -> frozenset[str]:
    """The kinds of values that all ``type`` keywords of some way let through."""
    found: frozenset[str] = frozenset()
    for schemas in ways:
        allowed = ALL_KINDS
        for said in (schema["type"] for schema in schemas if "type" in schema):
            names: list[str] = [said] if isinstance(said, str) else said
            allowed &= frozenset(kind for name in names for kind in _OF_TYPE.get(name, {name}))
        found |= allowed
    return found
