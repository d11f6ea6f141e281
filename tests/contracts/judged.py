"""What each comparer answers to a labelled question, put into one shape, and whether it is right.

What belongs here: asking, and counting the answers. What does not: the labels, wording a page.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.contracts.labelled import Question
from tests.contracts.oracle import BASE, Oracle, breaks

COMPATIBLE, INCOMPATIBLE, UNKNOWN = "compatible", "incompatible", "unknown"


@dataclass(frozen=True)
class Answer:
    """Compatible, incompatible or unknown; ``shown`` where a document came with it that both validators judge so."""

    question: Question
    said: str
    shown: bool = False
    text: str = ""

    @property
    def missed(self) -> bool:
        """Called compatible what is not."""
        return self.said == COMPATIBLE and not self.question.compatible

    @property
    def false_alarm(self) -> bool:
        """Called incompatible what is compatible."""
        return self.said == INCOMPATIBLE and self.question.compatible

    @property
    def right(self) -> bool:
        """Said what is true; unknown is not right."""
        return self.said == (COMPATIBLE if self.question.compatible else INCOMPATIBLE)


@dataclass(frozen=True)
class Tally:
    """Answers counted. ``shown`` of the incompatible ones came with a document that proves them."""

    asked: int
    right: int
    missed: int
    false_alarms: int
    unknown: int
    incompatible: int
    shown: int

    @property
    def unknown_rate(self) -> float:
        """The share of unknown answers."""
        return self.unknown / self.asked if self.asked else 0.0

    @property
    def shown_rate(self) -> float:
        """The share of all breaking questions that were answered with a document that shows it."""
        return self.shown / self.incompatible if self.incompatible else 1.0


def tally(answers: Iterable[Answer]) -> Tally:
    """Count them."""
    every = list(answers)
    return Tally(
        asked=len(every),
        right=sum(answer.right for answer in every),
        missed=sum(answer.missed for answer in every),
        false_alarms=sum(answer.false_alarm for answer in every),
        unknown=sum(answer.said == UNKNOWN for answer in every),
        incompatible=sum(not answer.question.compatible for answer in every),
        shown=sum(answer.shown and not answer.question.compatible for answer in every),
    )


def ours(question: Question) -> Answer:
    """The product's ``compare``; ``text`` is the whole comparison, to be held against another run's."""
    from telemetry_assets.contracts.compare import compare
    from telemetry_assets.contracts.drift import Direction, Drift

    comparison = compare(
        question.old,
        question.new,
        Direction(question.direction),
        name="pair",
        old_files=question.old_files,
        new_files=question.new_files,
    )
    said = {Drift.BREAKING: INCOMPATIBLE, Drift.UNKNOWN: UNKNOWN}.get(comparison.verdict, COMPATIBLE)
    found = comparison.counterexample
    shown = found is not None and _shows(question, found.document)
    return Answer(question, said, shown, json.dumps(asdict(comparison), default=str, ensure_ascii=False))


def jsoncompat(question: Question) -> Answer:
    """jsoncompat alone."""
    import jsoncompat

    role: Any = "serializer" if question.direction == "forward" else "deserializer"
    files = {**question.old_files, **question.new_files}
    options: Any = {"resources": {BASE + path: content for path, content in files.items()}}
    try:
        answer: Any = jsoncompat.analyze_compat(
            json.dumps(question.old), json.dumps(question.new), role, options=options if files else None
        )
    except ValueError as error:
        return Answer(question, UNKNOWN, text=str(error))
    shown = answer["status"] == "incompatible" and _shows(question, answer["counterexample"])
    return Answer(question, answer["status"], shown, answer.get("reason", ""))


def canonical(question: Question) -> Answer:
    """jsonschema-rs's own canonical check alone. It gives no documents."""
    import jsonschema_rs

    try:
        sub, sup = (_canonical(jsonschema_rs, *side) for side in (question.sub, question.sup))
        containment = str(sup.covers(sub)).rpartition(".")[2].upper()
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return Answer(question, UNKNOWN, text=str(error))
    return Answer(question, {"YES": COMPATIBLE, "NO": INCOMPATIBLE}.get(containment, UNKNOWN))


def _canonical(jsonschema_rs: Any, schema: Any, files: dict[str, Any]) -> Any:
    more: dict[str, Any] = {}
    if files:
        registry = jsonschema_rs.Registry([(BASE + path, content) for path, content in files.items()])
        more = {"registry": registry, "base_uri": BASE}
    return jsonschema_rs.canonicalize(schema, validate_formats=True, offline=True, **more)


def _shows(question: Question, document: Any) -> bool:
    return breaks(document, Oracle(*question.sub), Oracle(*question.sup))


def answers(ask: Callable[[Question], Answer], asked: Sequence[Question]) -> tuple[Answer, ...]:
    """One comparer's answers to all."""
    return tuple(ask(question) for question in asked)
