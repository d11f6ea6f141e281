"""What ``telemetry check`` finds: one list of results, from which verdict, exit code and every artifact are made.

What belongs here: the values, and the verdict over them. What does not: running anything (``defs/checking.py``,
``cli/``), drawing (``render/``). The meaning: docs/checking.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from telemetry_assets.model import ANY_TENANT, ExitCode, State, exit_of, worst_exit


class Kind(StrEnum):
    """What kind of thing was looked at."""

    CHECK = "check"
    STEP = "step"
    SCENARIO = "scenario"
    ISOLATION = "isolation"
    CONTRACT = "contract"
    ARTIFACT = "artifact"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file of the repository: ``path`` relative to its root (``sources/git.py``), ``line`` from 1."""

    path: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was looked at. ``asset`` is slash-joined, empty where it is about none.

    ``tenant`` is a slug, a partition's key, or ``*``. ``late`` marks the FAIL of a promise: exit 2, not 1. ``took`` is
    how long it took, ``task_id`` the Dagster run it was found in.
    """

    kind: Kind
    asset: str
    check: str
    state: State
    message: str
    tenant: str = ANY_TENANT
    remedy: str = ""
    late: bool = False
    data_age: timedelta | None = None
    took: timedelta | None = None
    task_id: str = ""
    place: Place | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this result alone."""
        return ExitCode.FAILING if self.state is State.FAIL and not self.late else exit_of(self.state)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whose verdict it is; None where it is not known."""

    repository: str | None = None
    branch: str | None = None
    commit: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What nobody looks at: keys of assets, and contracts by name."""

    without_promise: tuple[str, ...] = ()
    without_contract: tuple[str, ...] = ()
    without_check: tuple[str, ...] = ()
    contracts_without_fixture: tuple[str, ...] = ()
    assets: int = 0
    contracts: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every result of one run of ``telemetry check``, in the order of docs/checking.md, and what follows from them.

    ``tenants`` maps the slugs that may appear in the artifacts to their ids. ``steps`` is how long each step took.
    ``first`` is asset and check of what went wrong first, where the rest may follow from it.
    """

    results: tuple[Result, ...]
    began: datetime
    ended: datetime
    correlation_id: str
    scope: str
    provenance: Provenance = field(default_factory=Provenance)
    tenants: Mapping[str, str] = field(default_factory=dict[str, str])
    coverage: Coverage | None = None
    steps: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    diagnostics: Mapping[str, str] = field(default_factory=dict[str, str])
    first: tuple[str, str] | None = None

    @property
    def cause(self) -> Result | None:
        """What went wrong first, where the rest may follow from it."""
        return next((one for one in self.results if one.exit_code and (one.asset, one.check) == self.first), None)

    @property
    def exit_code(self) -> ExitCode:
        """The first that applies of 4, 1, 3, 2, 0."""
        return worst_exit([result.exit_code for result in self.results])

    @property
    def counts(self) -> Mapping[State, int]:
        """How many results of each state, zeros too."""
        found = Counter(result.state for result in self.results)
        return {state: found[state] for state in State}

    @property
    def bad(self) -> tuple[Result, ...]:
        """What the exit code comes from: what the rest may follow from, then the gravest first."""
        order = (ExitCode.COULD_NOT_LOOK, ExitCode.FAILING, ExitCode.MISSING, ExitCode.LATE)
        bad = [result for result in self.results if result.exit_code]
        return tuple(sorted(bad, key=lambda one: (one is not self.cause, order.index(one.exit_code))))


def ordered(results: Sequence[Result]) -> tuple[Result, ...]:
    """The order of every artifact: by kind, asset, check and tenant."""
    kinds = list(Kind)
    return tuple(sorted(results, key=lambda one: (kinds.index(one.kind), one.asset, one.check, one.tenant)))
