"""Adding troubles up: everything that is wrong for one cause is one situation.

What belongs here: the sums, the worst, what stands for many. What does not: finding troubles (``answers/``), what
becomes of incidents (``reconcile.py``).
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from telemetry_assets.incidents.reach import reach_of
from telemetry_assets.incidents.texts import cut
from telemetry_assets.incidents.trouble import (
    Dashboard,
    Identity,
    Reach,
    Severity,
    Share,
    Situation,
    Trouble,
    Worst,
)
from telemetry_assets.model import State

SAYS_LENGTH = 1500
REMEDY_LENGTH = 500
QUOTE_LENGTH = 2000
EVIDENCE_KEPT = 5
EVIDENCE_LENGTH = 300
"""What is kept of a text that somebody else's error may have made: megabytes of it help nobody."""

_STATE_RANK = {state: rank for rank, state in enumerate((State.MISSING, State.FAIL, State.UNKNOWN, State.WARN))}
_LAST = len(_STATE_RANK)
_BROKEN = frozenset({State.FAIL, State.MISSING})
_NOT_KNOWN = float("inf")

type _Badness = tuple[int, int, float, str, str]


def situations_of(troubles: Iterable[Trouble], dashboards: Mapping[str, Sequence[Dashboard]]) -> tuple[Situation, ...]:
    """The troubles of each identity as one situation, in the order of their identities; ``dashboards`` by asset.

    The result does not depend on the order of the troubles. Half a million take a few seconds.
    """
    together: defaultdict[Identity, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        together[(trouble.kind, trouble.where)].append(trouble)
    return tuple(_situation(together[identity], dashboards) for identity in sorted(together))


def _situation(troubles: Sequence[Trouble], dashboards: Mapping[str, Sequence[Dashboard]]) -> Situation:
    told = [trouble for trouble in troubles if not trouble.muted]
    ranked = [(_worst_first(trouble), trouble) for trouble in told or troubles]
    worst = _worst(ranked)
    reach = reach_of((trouble.asset, trouble.tenant) for trouble in troubles)
    return Situation(
        kind=worst.kind,
        where=worst.where,
        severity=_worst_severity(troubles),
        says=cut(worst.says, SAYS_LENGTH),
        remedy=cut(_for_all(worst, reach), REMEDY_LENGTH),
        root=worst.root,
        reach=reach,
        worst=Worst(worst.asset, worst.tenant, worst.standing),
        quote=cut(worst.quote, QUOTE_LENGTH),
        since=min((trouble.since for trouble in troubles if trouble.since), default=None),
        shares=_shares(told),
        dashboards=_dashboards(reach, dashboards),
        evidence=_evidence(worst, ranked),
        broken=_broken(troubles),
        concerned=_concerned(told),
    )


def with_tails(situation: Situation, tails: Sequence[Situation]) -> Situation:
    """The situation with what is late in the tails of it (rule 3): an ERROR there is its own, and its owners' too.

    Whose part of a tail is a WARN need not hear of it: what they are told of recovers.
    """
    late = [one for one in tails if any(share.severity is Severity.ERROR for share in one.shares.values())]
    if not late:
        return situation
    shares = dict(situation.shares)
    for one in late:
        for owner, share in one.shares.items():
            if share.severity is Severity.ERROR:
                shares[owner] = _both(shares.get(owner), share)
    said = [cut(one.says, EVIDENCE_LENGTH) for one in late if one.says != situation.says]
    known = {share.severity for share in situation.shares.values()}
    return replace(
        situation,
        severity=Severity.ERROR,
        shares=dict(sorted(shares.items())),
        worst=situation.worst if Severity.ERROR in known else late[0].worst,
        evidence=tuple(dict.fromkeys((*said, *situation.evidence)))[:EVIDENCE_KEPT],
        broken=situation.broken + sum(one.broken for one in late),
        concerned=_together(situation if Severity.ERROR in known else None, late),
    )


def _for_all(worst: Trouble, reach: Reach) -> str:
    """What to do about all of it: a command for the one tenant that is told would leave the others as they are."""
    alone = len(reach.tenants) == 1
    return worst.remedy if alone else worst.remedy.replace(f" --tenant {worst.tenant}", "")


def _concerned(told: Sequence[Trouble]) -> tuple[str, ...]:
    """The tenants whom the worst of what is not muted hits."""
    worst = _worst_severity(told) if told else None
    return tuple(sorted({trouble.tenant for trouble in told if trouble.severity is worst}))


def _together(situation: Situation | None, late: Sequence[Situation]) -> tuple[str, ...]:
    everything = (*late, situation) if situation else late
    return tuple(sorted({tenant for one in everything for tenant in one.concerned}))


def _both(known: Share | None, late: Share) -> Share:
    if known is None:
        return late
    return Share(Severity.ERROR, known.troubles + late.troubles, max(known.tenants, late.tenants))


def _worst_first(trouble: Trouble) -> _Badness:
    """The worst sorts first."""
    standing = trouble.standing
    past = standing.past if standing.past is not None else standing.data_age
    return (
        -trouble.severity.rank,
        _LAST if standing.state is None else _STATE_RANK.get(standing.state, _LAST),
        _NOT_KNOWN if past is None else -past.total_seconds(),
        trouble.asset,
        trouble.tenant,
    )


def _by_words(trouble: Trouble) -> tuple[str, ...]:
    """Asked where two are equally bad: no two troubles that differ may change places."""
    return (trouble.says, trouble.remedy, trouble.quote, trouble.root, str(trouble.since), repr(trouble.standing))


def _worst(ranked: Iterable[tuple[_Badness, Trouble]]) -> Trouble:
    """The one that sorts first."""
    least: _Badness | None = None
    equal: list[Trouble] = []
    for badness, trouble in ranked:
        if least is None or badness < least:
            least, equal = badness, [trouble]
        elif badness == least:
            equal.append(trouble)
    return min(equal, key=_by_words)


def _worst_severity(troubles: Iterable[Trouble]) -> Severity:
    return Severity.ERROR if any(trouble.severity is Severity.ERROR for trouble in troubles) else Severity.WARN


def _shares(told: Sequence[Trouble]) -> dict[str, Share]:
    parts: defaultdict[str, list[Trouble]] = defaultdict(list)
    for trouble in told:
        parts[trouble.owner].append(trouble)
    return {
        owner: Share(_worst_severity(part), len(part), len({trouble.tenant for trouble in part}))
        for owner, part in sorted(parts.items())
    }


def _broken(troubles: Sequence[Trouble]) -> int:
    return len({trouble.subject for trouble in troubles if trouble.standing.state in _BROKEN})


def _dashboards(reach: Reach, dashboards: Mapping[str, Sequence[Dashboard]]) -> tuple[Dashboard, ...]:
    if not dashboards:
        return ()
    found = {board for asset in reach.assets for board in dashboards.get(asset, ())}
    return tuple(sorted(found, key=lambda board: (board.label, board.owner, board.url)))


def _evidence(worst: Trouble, ranked: Iterable[tuple[_Badness, Trouble]]) -> tuple[str, ...]:
    """What else is said of it, that of the worst first."""
    speaking: dict[str, _Badness] = {}
    for badness, trouble in ranked:
        known = speaking.get(trouble.says)
        if known is None or badness < known:
            speaking[trouble.says] = badness
    speaking.pop(worst.says, None)
    first = heapq.nsmallest(EVIDENCE_KEPT, ((badness, says) for says, badness in speaking.items()))
    return tuple(dict.fromkeys(cut(says, EVIDENCE_LENGTH) for _, says in first))
