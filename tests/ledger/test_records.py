"""Dataclasses as JSON and back: by their types alone, whatever version wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import pytest

from telemetry_assets.ledger.records import plain, record_of
from telemetry_assets.model import State

type Pair = tuple[State, str]


@dataclass(frozen=True, slots=True)
class Inner:
    at: datetime
    took: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outer:
    pair: Pair
    inner: Inner | None
    many: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = field(default_factory=lambda: MappingProxyType({}))
    score: float = 0.0
    on: bool = False


NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
WHOLE = Outer(
    (State.FAIL, "x"), Inner(NOON, timedelta(days=-3, microseconds=1)), (Inner(NOON),), {"a": Inner(NOON)}, 0.5, True
)


def test_every_kind_of_value_comes_back() -> None:
    assert record_of(Outer, plain(WHOLE)) == WHOLE
    assert record_of(Outer, plain(Outer((State.PASS, ""), None))) == Outer((State.PASS, ""), None)


def test_instants_of_any_zone_come_back_as_the_same_instant() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert plain(Inner(there)) == {"at": "2026-09-01T12:00:00.000000+00:00", "took": None}
    assert record_of(Inner, plain(Inner(there))) == Inner(NOON)


def test_what_is_missing_has_its_default_and_what_is_unknown_is_passed_over() -> None:
    assert record_of(Inner, {"at": "2026-09-01T12:00:00+00:00", "newer": [1]}) == Inner(NOON)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(TypeError):
        record_of(Inner, {})
    with pytest.raises(ValueError, match="LOUD"):
        record_of(Outer, {**plain(WHOLE), "pair": ["LOUD", "x"]})
    with pytest.raises(ValueError, match="argument"):
        record_of(Outer, {**plain(WHOLE), "pair": ["PASS"]})
    with pytest.raises(ValueError, match="timezone"):
        plain(Inner(datetime(2026, 9, 1)))  # noqa: DTZ001
    with pytest.raises(TypeError, match="object has no form"):
        plain(object())
