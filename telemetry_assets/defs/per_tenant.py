"""What our checks write into their results so that each tenant can be told apart.

What belongs here: the names of that metadata. What does not: reading it (``tenant_results.py``).
"""

from collections.abc import Mapping, Sequence

FAILED, WITHHELD, ABSENT = "telemetry/failed_tenants", "telemetry/withheld_tenants", "telemetry/absent_tenants"
FAILING = (FAILED, WITHHELD, ABSENT)
"""Where our checks list the tenants that they failed for."""
SAID = "telemetry/said"
"""Tenant → what the check says of it, where it failed."""
OF_TENANTS = "telemetry/of_tenants"
"""The tenants that a check was about, where it was not about all."""


def narrowed(tenants: Sequence[str], everybody: Sequence[str]) -> Mapping[str, list[str]]:
    """The metadata of a check that was about some of all tenants; none where it was about all."""
    return {} if set(tenants) >= set(everybody) else {OF_TENANTS: sorted(tenants)}
