"""telemetry.first_known: since when we have known of each asset and each tenant.

What belongs here: reading it. What does not: noting what is new (``graph.py`` and ``tenants.py`` do, as they meet it).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.ledger.connection import explained

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
"""Since ever: of what was there before we took notes."""


@dataclass(frozen=True, slots=True)
class FirstKnown:
    """asset → since when, tenant → since when."""

    assets: dict[str, datetime]
    tenants: dict[str, datetime]

    def of(self, asset: str, tenant: str) -> datetime:
        """Since when we have known of both; :data:`ALWAYS` where nobody noted it."""
        return max(self.assets.get(asset, ALWAYS), self.tenants.get(tenant, ALWAYS))


@explained
def read(conn: psycopg.Connection[TupleRow]) -> FirstKnown:
    """Everything we ever knew of, what is gone too."""
    found: dict[str, dict[str, datetime]] = {"asset": {}, "tenant": {}}
    for what, name, since in conn.execute(_READ):
        found[what][name] = since or ALWAYS
    return FirstKnown(found["asset"], found["tenant"])


@explained
def since_ever(conn: psycopg.Connection[TupleRow]) -> None:
    """Note that we have known of everything we know of since ever: a ledger made for a look at the past."""
    conn.execute("update telemetry.first_known set since = '-infinity'")


_READ = "select what, name, case when isfinite(since) then since end from telemetry.first_known"
