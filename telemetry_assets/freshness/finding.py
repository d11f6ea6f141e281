"""What is wrong, doubtful or worth knowing in what was declared, and where it stands.

What belongs here: the shape of a finding. What does not: finding anything.
"""

from dataclasses import dataclass
from enum import StrEnum

Place = tuple[str | int, ...]
"""Where in telemetry.yaml: ``("promises", 1, "window")``."""


class Severity(StrEnum):
    """How bad a finding is: an error cannot be kept, a warning may not be meant, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """What a finding is about."""

    INFEASIBLE = "infeasible"
    TIGHT = "tight"
    CADENCE_UNKNOWN = "cadence_unknown"
    NEVER_USED = "never_used"
    OVERLAP = "overlap"
    NO_ASSET = "no_asset"
    UNPROMISED = "unpromised"
    NEVER_JUDGED = "never_judged"
    UNDATED = "undated"
    ONLY_WARNS = "only_warns"
    BELOW_POLICY = "below_policy"
    NO_ZONE = "no_zone"
    NO_OWNER = "no_owner"
    NO_CHANNEL = "no_channel"
    BAD_LINK = "bad_link"
    UNKNOWN_PARENT = "unknown_parent"
    NEVER_SEEN = "never_seen"
    UNKNOWN_TENANT = "unknown_tenant"
    UNREADABLE = "unreadable"
    NOT_LOOKED = "not_looked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``words`` say what, ``remedy`` what to do; ``assets`` and ``tenants`` are all it is about."""

    kind: Kind
    severity: Severity
    place: Place
    words: str
    remedy: str = ""
    assets: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
