"""What our own checks say of each tenant: one result a tenant, where another's check is one of all.

What belongs here: judgements and the metadata of ``sync_status``, ``contract`` and ``rows`` → results. What does not:
running them (``checking.py``), other people's checks (``check_results.py``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.defs.check_results import evaluated_result, recorded, unknown
from telemetry_assets.defs.check_runs import Evaluated
from telemetry_assets.defs.expected_checks import Expected
from telemetry_assets.defs.per_tenant import FAILING, OF_TENANTS, SAID
from telemetry_assets.freshness.judge import Judgement
from telemetry_assets.model import ANY_TENANT, State


def is_of_tenants(evaluation: dg.AssetCheckEvaluation) -> bool:
    """Whether an evaluation says for which tenants it failed."""
    return any(name in evaluation.metadata for name in FAILING)


def data_age_results(of: Result, judged: Sequence[Judgement]) -> tuple[Result, ...]:
    """A result a judgement; ``of`` is that of the check as a whole, which stands where nobody is owed anything."""
    return tuple(
        replace(
            of,
            tenant=item.tenant,
            state=item.state,
            message=item.reason or item.state.word,
            late=item.state is State.FAIL,
            data_age=item.data_age,
            took=of.took / len(judged) if of.took else None,
        )
        for item in judged
    ) or (replace(of, message="nothing is owed to anybody"),)


def split(of: Result, evaluation: dg.AssetCheckEvaluation, tenants: Iterable[str]) -> Iterator[Result]:
    """The result ``of`` one evaluation as one a tenant; ``tenants`` are those it may be about."""
    failing, said = _failing(evaluation), _said(evaluation)
    whose = list(dict.fromkeys((*tenants, *failing)))
    of = replace(of, took=of.took / len(whose) if of.took and whose else of.took)
    for tenant in whose:
        if tenant in failing:
            yield replace(of, tenant=tenant, message=said.get(tenant, of.message))
        else:
            yield replace(of, tenant=tenant, state=State.PASS, message="passed")


def recorded_results(instance: dg.DagsterInstance, one: Expected, tenants: Sequence[str]) -> tuple[Result, ...]:
    """The newest record of each tenant, of a check that its asset computes: a sync of one tells nothing of others."""
    left, found = dict.fromkeys(tenants), list[Result]()
    for record in recorded(instance, one.key):
        if record.evaluation is None:
            continue
        at = datetime.fromtimestamp(record.create_timestamp, UTC)
        whole = evaluated_result((one.key, None), Evaluated(record.evaluation, record.run_id))
        covered = _listed(record.evaluation, OF_TENANTS) or tuple(left)
        about = [tenant for tenant in covered if tenant in left]
        told = {result.tenant: result for result in split(whole, record.evaluation, about)}
        for tenant in about:
            del left[tenant]
            result = told[tenant]
            found.append(replace(result, message=f"of {at:%Y-%m-%d %H:%M} UTC: {result.message}"))
        if not left:
            break
    never = (unknown(one, None, "never recorded: computed with its asset.", _MATERIALIZE) for _ in left)
    return (*found, *(replace(result, tenant=tenant) for result, tenant in zip(never, left, strict=True)))


_MATERIALIZE = "Materialize it: telemetry refresh."


def step_unknown(check: str, message: str, remedy: str = "") -> Result:
    """The result of something that had to be done beside the checks and could not be."""
    return Result(Kind.STEP, "", check, State.UNKNOWN, message, tenant=ANY_TENANT, remedy=remedy)


def _failing(evaluation: dg.AssetCheckEvaluation) -> tuple[str, ...]:
    return () if evaluation.passed else tuple(tenant for name in FAILING for tenant in _listed(evaluation, name))


def _listed(evaluation: dg.AssetCheckEvaluation, name: str) -> tuple[str, ...]:
    value = evaluation.metadata[name].value if name in evaluation.metadata else None
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _said(evaluation: dg.AssetCheckEvaluation) -> Mapping[str, str]:
    value = evaluation.metadata[SAID].value if SAID in evaluation.metadata else None
    return {str(tenant): str(words) for tenant, words in value.items()} if isinstance(value, dict) else {}
