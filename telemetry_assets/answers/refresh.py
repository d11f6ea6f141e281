"""What a refresh is made of and what it says: the phases, a step of one, how one ended.

What belongs here: values that the runner fills and a renderer draws. What does not: running anything (``defs/``).
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from telemetry_assets.errors import UsageError
from telemetry_assets.model import ExitCode, State, exit_of, worst_exit


class Phase(StrEnum):
    """The phases in their order; each is a job of the same name."""

    SYNC = "sync"
    BUILD = "build"
    SNAPSHOTS = "snapshots"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Step:
    """``done`` of ``total`` units of a phase, with the newest one in words; ``failed`` where that one went wrong."""

    done: int
    total: int
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """How one phase ended. ``failures`` are the failed checks and steps in their own words, ``promises`` how the
    promises stand that it judged."""

    phase: Phase
    run_id: str
    succeeded: bool
    seconds: float
    failures: tuple[str, ...]
    promises: tuple[State, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """1 where the phase or one of its checks failed; of the checks phase what ``telemetry status`` says."""
        if self.succeeded and self.phase is Phase.CHECKS:
            return worst_exit([exit_of(state) for state in self.promises])
        return ExitCode.OK if self.succeeded and not self.failures else ExitCode.FAILING


def phases_named(name: str | None, *, one_tenant: bool = False) -> tuple[Phase, ...]:
    """The phases a person asks for by name; all of them without one. Raises UsageError for an unknown name.

    ``one_tenant`` with no name leaves the build in: it is needed between sync and snapshots, and builds all tenants.
    Asked for by name it is refused, since it cannot be narrowed.
    """
    if name is None:
        return tuple(Phase)
    if name not in set(Phase):
        near = get_close_matches(name, [phase.value for phase in Phase], n=1)
        offered = f"Did you mean {near[0]}?" if near else f"The phases are {', '.join(Phase)}."
        raise UsageError(f"There is no phase {name!r}.", offered)
    if one_tenant and name in (Phase.BUILD, Phase.CHECKS):
        raise UsageError(f"The phase {name} always covers every tenant.", "Leave --tenant away.")
    return (Phase(name),)
