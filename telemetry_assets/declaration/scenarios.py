"""A scenario: given times, when, then states and messages; as YAML under tests/scenarios/. Meaning: docs/checking.md.

What belongs here: what a file of scenarios may say, and its errors by line. What does not: playing one
(``dispatch/scenarios.py``).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from telemetry_assets.declaration.document import Document, Problem, read_document
from telemetry_assets.declaration.entry import EntryError, Strict
from telemetry_assets.declaration.forms import Duration, Text
from telemetry_assets.declaration.parse import worded
from telemetry_assets.model import ANY_TENANT, State

NEVER = "never"
_WORDS = tuple(state.word for state in State)


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{text!r} is not an instant: write 2026-06-01T12:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no zone: write {text}Z for UTC")
    return at.astimezone(UTC)


def _each(value: Any) -> Any:
    """What stands alone is everybody's."""
    named = isinstance(value, dict) and not value.keys() <= {"synced", "failed"}
    return value if named else {ANY_TENANT: value}


def _told(value: Any) -> Any:
    """An age alone is that of a success."""
    return value if isinstance(value, dict) else {"synced": value}


def _one_of(words: tuple[str, ...]) -> BeforeValidator:
    def check(word: Any) -> Any:
        if word not in words:
            raise ValueError(f"{word!r} is not one of {', '.join(words)}")
        return word

    return BeforeValidator(check)


Age = Duration | Literal["never"]
"""How long before ``when``; or not at all."""


class Ran(Strict):
    """The newest runs of something: the one that succeeded, and one that failed after it."""

    synced: Age = Field("never", description="How long ago it last succeeded, or never.")
    failed: Duration | None = Field(None, description="How long ago it failed since.")


class Built(Ran):
    """dbt's newest builds; ``at`` is the model that failed in the newer one, what is made from it was skipped."""

    at: Text | None = Field(None, description="The model that failed; without it all of them.")

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if "at" in given and "failed" not in given:
            raise EntryError("says what failed and not when: add failed:")


Runs = Annotated[Ran, BeforeValidator(_told)]
EachRan = Annotated[dict[str, Runs], BeforeValidator(_each)]
EachAge = Annotated[dict[str, Age], BeforeValidator(_each)]
EachState = Annotated[dict[str, Annotated[str, _one_of(_WORDS)]], BeforeValidator(_each)]


class Given(Strict):
    """How things stand at ``when``, in ages. What is not given is well: synced a minute ago, built, published now."""

    synced: dict[str, EachRan] = Field(default_factory=dict[str, EachRan])
    data: dict[str, EachAge] = Field(default_factory=dict[str, EachAge])
    built: Annotated[Built, BeforeValidator(_told)] | None = None
    published: EachAge = Field(default_factory=dict[str, Age])


class Told(Strict):
    """One message: what is left out is not looked at."""

    step: Text = "opened"
    cause: Text | None = None
    where: Text | None = None
    tenants: list[str] | None = None
    owners: list[str] | None = None


class Expected(Strict):
    """What is then so. ``messages``: all of them, and no other; left out, nobody looks."""

    states: dict[str, EachState] = Field(default_factory=dict[str, EachState])
    messages: list[Told] | None = None


class Next(Strict):
    """What is so some time later, in the same life."""

    after: Duration
    given: Given = Given()
    expect: Expected


class Scenario(Strict):
    """One scenario: ``given`` and ``expect``, or ``boundaries`` of an asset, which derives five of them."""

    scenario: Text
    when: Annotated[datetime, BeforeValidator(_instant)]
    given: Given = Given()
    expect: Expected | None = None
    then: list[Next] = Field(default_factory=list[Next])
    boundaries: Text | None = None

    @property
    def looks_at_nothing(self) -> bool:
        """Neither a state nor a message is expected of it, at any time."""
        expected = [self.expect or Expected(), *(one.expect for one in self.then)]
        return self.boundaries is None and not any(one.states or one.messages is not None for one in expected)

    @classmethod
    def check_keys(cls, given: frozenset[str]) -> None:
        if ("boundaries" in given) == ("expect" in given):
            raise EntryError("has either expect: or boundaries:")
        if "boundaries" in given and given & {"given", "then"}:
            raise EntryError("has boundaries:, which derives what is given")


def read_scenarios(path: Path) -> tuple[tuple[Scenario, int], ...]:
    """The scenarios of a file, one or a list of them, each with its line. Raises ConfigError with all that is wrong."""
    document = read_document(path)
    if document.data is None:
        return ()
    entries = document.data if isinstance(document.data, list) else [document.data]
    found: list[tuple[Scenario, int]] = []
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        place = (index,) if isinstance(document.data, list) else ()
        if not isinstance(entry, Mapping):
            problems.append(Problem(place, "must be a mapping: scenario: …, when: …, given: …, expect: …"))
            continue
        try:
            scenario = Scenario.model_validate(entry)
        except ValidationError as error:
            problems += _problems(error, place)
            continue
        if scenario.looks_at_nothing:
            problems.append(
                Problem((*place, "expect"), "expects nothing, so it always passes: give states: or messages:")
            )
        found.append((scenario, _line(document, place)))
    document.refuse(problems)
    return tuple(found)


def _line(document: Document, place: tuple[int, ...]) -> int:
    return document.line((*place, "scenario"))


def _problems(error: ValidationError, place: tuple[int, ...]) -> Iterator[Problem]:
    """Every alternative of an age says that it is not that one: the first of a place says enough."""
    seen: set[tuple[str | int, ...]] = set()
    for entry in error.errors(include_url=False):
        for problem in worded(entry):
            where = tuple(part for part in problem.place if part not in _ALTERNATIVES and "[" not in str(part))
            if where not in seen:
                seen.add(where)
                yield Problem((*place, *where), problem.words)


_ALTERNATIVES = ("literal['never']", "function-before", "timedelta")


def per_tenant[V](given: Mapping[str, V], tenant: str, default: V) -> V:
    """What is given of a tenant: its own, else everybody's, else the default."""
    return given.get(tenant, given.get(ANY_TENANT, default))


MOMENT = timedelta(minutes=1)
"""How long ago what is well was synced."""
