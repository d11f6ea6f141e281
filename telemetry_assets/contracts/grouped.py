"""Alike violations told once: per tenant, and per place (indexes as ``*``) and expectation, with how many more.

What belongs here: judging many documents or rows of each tenant without wording the same thing a million times. What
does not: judging one (``validate.py``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from telemetry_assets.contracts.validate import COUNTED, Contract, Violation, carried, judged_alone, worded

KINDS = 100
"""So many kinds of violations are told of one tenant; further kinds only count among the broken documents."""
_UNSAID = {"$ref", "$dynamicRef", "if"}
"""Steps of jsonschema-rs's path through a schema that jsonschema's does not have."""

_Kind = tuple[tuple[str | int, ...], tuple[str | int, ...]]
_Alike = tuple[str, str]


@dataclass(slots=True)
class Tally:
    """The kinds of violations of many documents of one contract. Memory is bounded by tenants × :data:`KINDS`."""

    contract: Contract
    seen: int = 0
    broken: int = 0
    _kinds: dict[str, dict[_Kind, _Alike]] = field(default_factory=dict[str, dict[_Kind, _Alike]])
    _told: dict[str, dict[_Alike, Violation]] = field(default_factory=dict[str, dict[_Alike, Violation]])

    def add(self, tenant: str, document: Any, *, parsed: bool = False) -> None:
        """Judge one document (or row) of a tenant; ``parsed`` as for ``Contract.validate_many``."""
        self.add_many([(tenant, document)], parsed=parsed)

    def add_many(self, documents: Iterable[tuple[str, Any]], *, parsed: bool = False) -> None:
        """Judge many; those that keep the contract cost little more than the judging itself."""
        accepts = self.contract.judge.is_valid if parsed else self.contract.accepts
        for tenant, document in documents:
            self.seen += 1
            if not accepts(document):
                self._broken(tenant, document, parsed=parsed)

    def _broken(self, tenant: str, document: Any, *, parsed: bool) -> None:
        self.broken += 1
        kinds = self._kinds.setdefault(tenant, {})
        errors: list[Any] = []
        if self.contract.enumerable and (parsed or carried(document)):
            # One of each place and way: a validator may say one thing twice, as for two keys that are both absent.
            found = islice(self.contract.judge.iter_errors(document), COUNTED)
            errors = list({(tuple(one.instance_path), tuple(one.evaluation_path)): one for one in found}.values())
        if not errors:
            self._more(tenant, self.contract.violation(tenant, document))
            return
        fresh = any(_kind(error) not in kinds for error in errors) and len(kinds) < KINDS
        candidates = self.contract.reference_errors(document) if fresh else []
        for error in errors:
            kind = _kind(error)
            if kind in kinds:
                self._again(tenant, kinds[kind])
            elif len(kinds) < KINDS:
                kinds[kind] = self._more(tenant, _worded(tenant, error, candidates))

    def violations(self) -> tuple[Violation, ...]:
        """One per tenant and kind, tenants in the order first seen; ``more`` counts the others that are alike."""
        return tuple(said_again(violation) for told in self._told.values() for violation in told.values())

    def _more(self, tenant: str, violation: Violation) -> _Alike:
        told = self._told.setdefault(tenant, {})
        alike = (starred(violation.pointer), violation.expected)
        if alike in told:
            self._again(tenant, alike)
        else:
            told[alike] = replace(violation, more=0)
        return alike

    def _again(self, tenant: str, alike: _Alike) -> None:
        told = self._told[tenant]
        told[alike] = replace(told[alike], more=told[alike].more + 1)


def grouped(contract: Contract, documents: Iterable[tuple[str, Any]], *, parsed: bool = False) -> tuple[Violation, ...]:
    """Every kind of violation of each tenant's documents, once, with how many more are alike."""
    tally = Tally(contract)
    tally.add_many(documents, parsed=parsed)
    return tally.violations()


def starred(pointer: str) -> str:
    """A pointer with ``*`` for each index, under which alike places are one."""
    return "/".join("*" if step.isdecimal() else step for step in pointer.split("/"))


def said_again(violation: Violation) -> Violation:
    """The violation with its count in its sentence."""
    pointer = violation.pointer or "the document"
    others = f" (and {violation.more} more like it)" if violation.more else ""
    message = f"{pointer}: found {violation.found}, expected {violation.expected}{others}"
    return replace(violation, message=message)


def _kind(error: Any) -> _Kind:
    place = tuple("*" if isinstance(step, int) else step for step in error.instance_path)
    return place, tuple(error.evaluation_path)


def _worded(tenant: str, error: Any, candidates: list[Any]) -> Violation:
    """jsonschema's words for the same violation; jsonschema-rs's own where it has none."""
    place = list(error.instance_path)
    way = [step for step in error.evaluation_path if step not in _UNSAID]
    same = [each for each in candidates if list(each.absolute_path) == place and each.validator == error.kind.name]
    exact = [each for each in same if [step for step in each.absolute_schema_path if step not in _UNSAID] == way]
    if exact or same:
        return worded(tenant, (exact or same)[:1])
    return judged_alone(tenant, error)
