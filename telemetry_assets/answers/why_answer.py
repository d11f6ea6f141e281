"""What ``telemetry why`` answers: the causes of an asset's promises that are not kept, each told once.

What belongs here: the values of the answer and their JSON. What does not: finding them (``why.py``, ``why_path.py``),
drawing (``render/why.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telemetry_assets.answers.condition import iso
from telemetry_assets.answers.limits import limit_json, seconds
from telemetry_assets.freshness.cause import Cause
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import AssetKind, ExitCode, State, exit_of, worst_exit


@dataclass(frozen=True, slots=True)
class Hop:
    """One asset on the way from the binding root down: ``data_age`` is that of the root as it holds it, ``state`` of
    its own promise (None: nothing is promised), ``waits_for`` its next sync, build or publication, ``trouble`` what
    last went wrong with it, in its own words."""

    asset: str
    kind: AssetKind | None
    state: State | None
    run_age: timedelta | None
    data_age: timedelta | None
    waits_for: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An asset below the cause with the tenants whose promise on it is broken."""

    asset: str
    state: State
    tenants: tuple[str, ...]
    owner: str | None


@dataclass(frozen=True, slots=True)
class Harm:
    """What hangs on a cause: broken promises, and the dashboards that read any of ``downstream``.

    ``tenants`` of the ``of_tenants`` that the cause hits were looked at. ``blind`` are the owners of promises that
    cannot be judged.
    """

    promises: tuple[Broken, ...]
    exposures: tuple[Exposure, ...]
    downstream: tuple[str, ...]
    tenants: int
    of_tenants: int
    blind: tuple[str, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """Everybody who owns something that is hit, each once."""
        owners = (*(one.owner for one in self.promises), *self.blind, *(one.owner for one in self.exposures))
        return tuple(dict.fromkeys(owner for owner in owners if owner))


@dataclass(frozen=True, slots=True)
class Explanation:
    """One cause, and every subject of the asset that it explains; the first judgement is the worst and is the one told.

    ``cause`` and ``harm`` are None where the promise is kept; ``late_at``: when it would be late if nothing moved.
    """

    judgements: tuple[Judgement, ...]
    root: str
    cause: Cause | None
    hops: tuple[Hop, ...]
    harm: Harm | None = None
    late_at: datetime | None = None

    @property
    def judgement(self) -> Judgement:
        """The one that is told."""
        return self.judgements[0]

    @property
    def tenants(self) -> tuple[str, ...]:
        """Everybody whom this explains."""
        return tuple(one.tenant for one in self.judgements)


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """Why an asset's promises are not kept, the worst cause first. ``entry`` is the promise as it is written down.

    ``owed`` subjects are promised, ``kept`` of them are fresh.
    """

    now: datetime
    asset: str
    tenant: str | None
    entry: str
    owner: str | None
    explanations: tuple[Explanation, ...]
    owed: int
    kept: int

    @property
    def exit_code(self) -> ExitCode:
        """That of the states explained, as ``telemetry status`` has it."""
        return worst_exit([exit_of(judged.state) for one in self.explanations for judged in one.judgements])

    def as_json(self) -> Mapping[str, Any]:
        """The answer for machines. Ages are seconds at ``checked_at``; instants stay what they are."""
        return {
            "checked_at": iso(self.now),
            "exit_code": int(self.exit_code),
            "asset": self.asset,
            "tenant": self.tenant,
            "promise": {"entry": self.entry, "owner": self.owner, "owed": self.owed, "kept": self.kept},
            "explanations": [_explanation_json(one) for one in self.explanations],
        }


def _explanation_json(one: Explanation) -> Mapping[str, Any]:
    told = one.judgement
    return {
        "state": str(told.state),
        "word": told.state.word,
        "tenants": list(one.tenants),
        "told_of": told.tenant,
        "reason": told.reason,
        "limit": limit_json(told.limit),
        "binding_root": told.binding_root,
        "data_time": iso(told.data_time),
        "data_age_seconds": seconds(told.data_age),
        "run_age_seconds": seconds(told.run_age),
        "slack_seconds": seconds(told.slack),
        "late_at": iso(one.late_at),
        "cause": _cause_json(one.cause) if one.cause else None,
        "hops": [_hop_json(hop) for hop in one.hops],
        "breaks": _harm_json(one.harm) if one.harm else None,
    }


def _cause_json(cause: Cause) -> Mapping[str, Any]:
    kind, where = cause.identity
    return {
        "kind": str(kind),
        "root": cause.root,
        "identity": f"{kind} {where}",
        "says": cause.says,
        "remedy": cause.remedy,
        "since": iso(cause.since),
        "ruled_out": list(cause.ruled_out),
    }


def _hop_json(hop: Hop) -> Mapping[str, Any]:
    return {
        "asset": hop.asset,
        "kind": str(hop.kind) if hop.kind else None,
        "state": str(hop.state) if hop.state else None,
        "run_age_seconds": seconds(hop.run_age),
        "data_age_seconds": seconds(hop.data_age),
        "waits_for": hop.waits_for,
        "trouble": hop.trouble,
    }


def _harm_json(harm: Harm) -> Mapping[str, Any]:
    return {
        "promises": [
            {"asset": one.asset, "state": str(one.state), "tenants": list(one.tenants), "owner": one.owner}
            for one in harm.promises
        ],
        "exposures": [
            {"name": one.name, "label": one.label, "type": one.type, "url": one.url, "owner": one.owner}
            for one in harm.exposures
        ],
        "owners": list(harm.owners),
        "downstream": list(harm.downstream),
        "tenants_looked_at": harm.tenants,
        "tenants": harm.of_tenants,
    }
