"""Texts of several patterns at once: none where the automata say so, and an example that the engines confirm."""

import itertools
import re
from random import Random

import pytest

from telemetry_assets.contracts.bounded_patterns import matches
from telemetry_assets.contracts.containment.languages import example, none_such

TEXTS = ["".join(each) for length in range(5) for each in itertools.product("ab0\n", repeat=length)]


@pytest.mark.parametrize(
    ("kept", "refused", "least", "most"),
    [
        (["^ab$"], ["^a"], 0, None),
        (["b.*b"], ["b"], 0, None),
        (["^ba+b$"], ["b.*b"], 0, None),
        (["^(ab)*$"], ["^(ab){0,3}$"], 0, 7),
        ([".+"], [], 0, 0),
        ([], ["[^a]", "a"], 1, None),
        (["a", "^[^a]*$"], [], 0, None),
        (["^[0-9]+$"], ["^\\d+$"], 0, None),
        (["^\\d+$"], ["^\\w+$"], 0, None),
        (["^a|b$"], ["^a", "b$"], 0, None),
        (["^(x|yy)$"], [], 3, None),
        (["(?=a)", "^b$"], ["^b$"], 0, None),
    ],
)
def test_patterns_that_no_text_keeps_and_breaks_together_are_known(
    kept: list[str], refused: list[str], least: int, most: int | None
) -> None:
    assert none_such(frozenset(kept), frozenset(refused), least, most)


@pytest.mark.parametrize(
    ("kept", "refused", "least", "most", "text"),
    [
        ([], [".+"], 1, None, "\n"),
        (["b.*b"], ["^ba+b$"], 0, None, "bb"),
        (["^(ab)*$"], ["^(ab){0,1}$"], 0, None, "abab"),
        (["^a{3}|b$"], ["b"], 0, None, "aaa"),
        (["a"], [], 3, 3, "aaa"),
        (["^$"], [], 0, None, ""),
    ],
)
def test_a_shortest_text_that_tells_patterns_apart_is_given(
    kept: list[str], refused: list[str], least: int, most: int | None, text: str
) -> None:
    assert example(frozenset(kept), frozenset(refused), least, most) == text


@pytest.mark.parametrize("pattern", ["^\\d$", "^\\w$", "^\\s$", "^.$"])
def test_what_engines_read_alike_is_proved_and_what_they_read_unlike_is_not(pattern: str) -> None:
    ascii_alone = {"^\\d$": "^[0-9]$", "^\\w$": "^[A-Za-z0-9_]$", "^\\s$": "^[\t\n\v\f\r ]$", "^.$": "^[^\n]$"}[pattern]
    assert none_such(frozenset({pattern}), frozenset({pattern}))
    assert not none_such(frozenset({pattern}), frozenset({ascii_alone}))


@pytest.mark.parametrize("pattern", ["(?=a)b", "\\bword", "(a)\\1", "[]", "(?i)a", "a++", "^(a{20}){30}$"])
def test_a_pattern_that_is_not_read_leaves_the_question_open(pattern: str) -> None:
    assert not none_such(frozenset({pattern}))
    assert not none_such(frozenset({"^a"}), frozenset({pattern}))


def test_texts_that_are_not_asked_about_do_not_count() -> None:
    assert none_such(frozenset({"^emai(l|k)$"}), but=frozenset({"email", "emaik"}))
    assert not none_such(frozenset({"^emai(l|k)$"}), but=frozenset({"email"}))
    assert none_such(frozenset(), most=0, but=frozenset({""}))


def test_random_patterns_are_never_said_to_have_no_text_that_an_engine_finds() -> None:
    random, decided = Random(7), 0
    for _ in range(100):
        kept, refused = (frozenset(_pattern(random) for _ in range(random.randrange(3))) for _ in range(2))
        least, most = random.randrange(3), random.choice([None, 1, 3])
        seen = [
            text
            for text in TEXTS
            if least <= len(text) <= (4 if most is None else most)
            and all(matches(each, text) for each in kept)
            and not any(matches(each, text) for each in refused)
        ]
        assert not (seen and none_such(kept, refused, least, most)), (kept, refused, least, most, seen[0])
        shown = example(kept, refused, least, most)
        if shown is not None:
            decided += 1
            assert all(matches(each, shown) for each in kept)
            assert not any(matches(each, shown) for each in refused)
        elif kept | refused:
            decided += 1
            assert none_such(kept, refused, least, most), (kept, refused, least, most)
    assert decided > 75


def _pattern(random: Random) -> str:
    made = "".join(_piece(random, 2) for _ in range(random.randrange(1, 4)))
    made = random.choice(["", "^"]) + made + random.choice(["", "$"])
    return made if _compiles(made) else "a"


def _piece(random: Random, deep: int) -> str:
    one = random.choice(
        ["a", "b", "0", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "(", "(", "^", "$"] if deep else ["a", "b", "."]
    )
    if one == "(":
        inside = "|".join(_piece(random, deep - 1) + _piece(random, deep - 1) for _ in range(random.randrange(1, 3)))
        one = f"({inside})"
    return one if one in "^$" else one + random.choice(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}"])


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
