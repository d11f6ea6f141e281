"""Finding the tenant a person means, by slug or by id."""

from collections.abc import Sequence
from difflib import get_close_matches

from telemetry_assets.errors import UsageError
from telemetry_assets.model import Tenant


def find_tenant(tenants: Sequence[Tenant], text: str) -> Tenant:
    """The tenant whose slug or id is ``text``. Raises UsageError offering the nearest."""
    wanted = text.strip().lower()
    for tenant in tenants:
        if wanted in (tenant.slug, str(tenant.id)):
            return tenant
    slugs = [tenant.slug for tenant in tenants]
    near = get_close_matches(wanted, slugs, n=1)
    offered = (
        f"Did you mean {near[0]}?" if near else f"Known: {', '.join(slugs[:10]) or 'none yet; run telemetry prepare'}."
    )
    raise UsageError(f"There is no tenant {text!r}.", offered)
