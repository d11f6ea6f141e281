"""Running checks alone, in this process: one run for those without partitions, one for each partition.

What belongs here: runs, and what each step left: evaluations, errors, how long it took. What does not: which checks
(``expected_checks.py``), what that means (``check_results.py``).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.job_definition import default_job_io_manager
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterExecutionLoadInputError
from dagster._core.events import JobFailureData
from dagster_shared.error import SerializableErrorInfo

from telemetry_assets.defs import interrupts
from telemetry_assets.defs.expected_checks import Asked, Expected, partition_tags

CHECK_JOB = "telemetry_check"
"""The job that runs of ``telemetry check`` are recorded under."""

INTERRUPTED = "was interrupted"

type StepAt = tuple[str, str | None]
"""(op, partition)."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a check reported, in which run, and its share of what its step took."""

    evaluation: dg.AssetCheckEvaluation
    run_id: str
    took: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended: ``said`` is empty where that was well, else the error's class and words.

    ``raised`` is the error itself where it is at hand; ``begun`` is False where something kept the step from running;
    ``loading`` is True where it raised while an input was loaded.
    """

    run_id: str = ""
    said: str = ""
    raised: BaseException | None = None
    begun: bool = True
    loading: bool = False
    took: timedelta | None = None


@dataclass(slots=True)
class Heard:
    """Everything that the runs left; ``recorded``: of those that do not run alone, what is on record, and of when.

    ``interrupted``: Ctrl-C, or the deadline.
    """

    evaluations: dict[Asked, Evaluated] = field(default_factory=dict[Asked, Evaluated])
    ends: dict[StepAt, Ended] = field(default_factory=dict[StepAt, Ended])
    recorded: dict[Asked, tuple[Evaluated, datetime]] = field(default_factory=dict[Asked, tuple[Evaluated, datetime]])
    run_ids: list[str] = field(default_factory=list[str])
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What a code location runs with."""

    graph: AssetGraph
    resources: Mapping[str, dg.ResourceDefinition]

    @staticmethod
    def of(repository: dg.RepositoryDefinition) -> "Code":
        """Of a repository as Dagster loads it."""
        return Code(repository.asset_graph, repository.get_top_level_resources())


def run_checks(
    code: Code, instance: dg.DagsterInstance, expected: Sequence[Expected], heard: Heard, on_step: Callable[[str], None]
) -> None:
    """Run those that run alone; ``heard`` has what they left, also where something interrupts. Whatever one does, the
    others run."""
    for partition, some in _runs(expected).items():
        if heard.interrupted:
            return
        _run(code, instance, some, partition, heard, on_step)


def _runs(expected: Iterable[Expected]) -> dict[str | None, list[Expected]]:
    """partition → the checks to run for it."""
    found: dict[str | None, list[Expected]] = {}
    for one in expected:
        if one.alone:
            for _, partition in one.asked:
                found.setdefault(partition, []).append(one)
    return found


def _run(
    code: Code,
    instance: dg.DagsterInstance,
    some: Sequence[Expected],
    partition: str | None,
    heard: Heard,
    on_step: Callable[[str], None],
) -> None:
    """One run. One that cannot begin, for a resource or for config of one of its steps, is tried step by step."""
    watch, ops = _Watch(on_step, partition), sorted({one.op for one in some})
    with interrupts.heard() as ending:
        try:
            result = _execute(code, instance, some, partition, watch)
        except dg.DagsterError as error:
            result = error
    heard.interrupted = ending.any
    if isinstance(result, dg.DagsterError):
        refused = Ended(said=config_words(result), raised=result, begun=False)
    else:
        heard.run_ids.append(result.run_id)
        heard.interrupted |= _take(result, partition, watch, heard)
        if heard.interrupted or any(event.is_step_start for event in result.all_events):
            return
        refused = Ended(result.run_id, said=_why_not_begun(result), begun=False)
    if len(ops) == 1:
        heard.ends[ops[0], partition] = refused
        return
    for op in ops:
        if not heard.interrupted:
            _run(code, instance, [one for one in some if one.op == op], partition, heard, on_step)


def _execute(
    code: Code, instance: dg.DagsterInstance, some: Sequence[Expected], partition: str | None, watch: "_Watch"
) -> dg.ExecuteInProcessResult:
    selection = dg.AssetSelection.checks(*(one.key for one in some))
    job = dg.define_asset_job(
        CHECK_JOB, selection=selection, executor_def=dg.in_process_executor, hooks=watch.hooks()
    ).resolve(asset_graph=code.graph, resource_defs=code.resources)
    # In process, Dagster would keep values in memory: what was materialized before could not be loaded.
    stored = job.resource_defs.get("io_manager") is default_job_io_manager
    return job.execute_in_process(
        instance=instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        resources={"io_manager": dg.IOManagerDefinition(default_job_io_manager.resource_fn)} if stored else {},
        tags=dict(partition_tags(code.graph, some[0].key, partition)) if partition is not None else {},
        raise_on_error=False,
    )


def _take(result: dg.ExecuteInProcessResult, partition: str | None, watch: "_Watch", heard: Heard) -> bool:
    """Take over what a run left; True where it was interrupted."""
    interrupted = any(_is(error, DagsterExecutionInterruptedError) for error in _errors(result))
    shares = _shares(result, watch)
    for event in result.all_events:
        # The steps of a graph stand behind its name.
        step = (event.step_key or "").partition(".")[0]
        took, raised = watch.took.get(step), watch.raised.get(step)
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            heard.evaluations[evaluation.asset_check_key, partition] = Evaluated(
                evaluation, result.run_id, shares.get(step)
            )
        elif event.is_step_success:
            heard.ends.setdefault((step, partition), Ended(result.run_id, took=took))
        elif event.is_step_failure:
            error = event.step_failure_data.error
            if _is(error, DagsterExecutionInterruptedError):
                heard.ends[step, partition] = Ended(result.run_id, INTERRUPTED, begun=False)
            else:
                said = error_words(raised) if raised else _info_words(error)
                loading = _is(error, DagsterExecutionLoadInputError)
                heard.ends[step, partition] = Ended(result.run_id, said, raised, loading=loading, took=took)
    return interrupted


def _shares(result: dg.ExecuteInProcessResult, watch: "_Watch") -> dict[str, timedelta]:
    """Step → what each of its checks took of its time."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    checks = Counter(
        (event.step_key or "").partition(".")[0] for event in result.all_events if event.event_type is kind
    )
    return {step: took / checks[step] for step, took in watch.took.items() if checks[step]}


class _Watch:
    """Hears each step of a run as it ends: how long it took, and the error itself, of which the log keeps the words."""

    def __init__(self, on_step: Callable[[str], None], partition: str | None) -> None:
        self.took: dict[str, timedelta] = {}
        self.raised: dict[str, BaseException] = {}
        self._on_step, self._partition, self._last = on_step, partition, time.monotonic()

    def hooks(self) -> frozenset[dg.HookDefinition]:
        """The hooks of a job that is watched."""

        @dg.success_hook(name="telemetry_check_ended")
        def ended(context: dg.HookContext) -> None:
            self._hear(context.step_key.partition(".")[0])

        @dg.failure_hook(name="telemetry_check_raised")
        def raised(context: dg.HookContext) -> None:
            step = context.step_key.partition(".")[0]
            if context.op_exception is not None:
                self.raised[step] = context.op_exception
            self._hear(step)

        return frozenset({ended, raised})

    def _hear(self, step: str) -> None:
        now = time.monotonic()
        self.took[step], self._last = timedelta(seconds=now - self._last), now
        self._on_step(step if self._partition is None else f"{step} {self._partition}")


def error_words(error: BaseException) -> str:
    """``ValueError: no``: an error's class and the first line of what it says."""
    said = (error.description if isinstance(error, dg.Failure) else None) or str(error)
    return _named(type(error).__name__, said)


def config_words(error: BaseException) -> str:
    """What Dagster says of a run that it would not begin, without its heading."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[1:3] if lines[0].startswith("Error in config") else lines[:1])


def _why_not_begun(result: dg.ExecuteInProcessResult) -> str:
    return next((_info_words(error) for error in _errors(result) if error), "the run did not begin")


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[SerializableErrorInfo | None]:
    for event in result.all_events:
        if event.is_step_failure:
            yield event.step_failure_data.error
        elif event.event_type is dg.DagsterEventType.RUN_FAILURE:
            failure: JobFailureData | None = event.job_failure_data
            yield failure.error if failure else None


def _info_words(error: SerializableErrorInfo | None) -> str:
    """The words of the innermost error: around one of somebody's code there is one of Dagster's."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "failed"
    said = error.message.strip()
    return _named(error.cls_name or "Error", said.partition(": ")[2] or said)


def _named(kind: str, said: str) -> str:
    first = said.strip().splitlines()[0] if said.strip() else ""
    return f"{kind}: {first}" if first else kind


def _is(error: SerializableErrorInfo | None, kind: type[BaseException]) -> bool:
    return error is not None and error.cls_name == kind.__name__
