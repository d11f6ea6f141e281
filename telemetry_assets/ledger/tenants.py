"""telemetry.tenants: who is judged apart, for SQL that meets only ids (dbt reads it as a source).

What belongs here: writing and reading the list. What does not: where the list comes from (``settings``, ``sources/``).
"""

from collections.abc import Sequence

import psycopg
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger.connection import explained
from telemetry_assets.model import Tenant


@explained
def write(conn: psycopg.Connection[TupleRow], tenants: Sequence[Tenant]) -> None:
    """Make the table hold exactly these tenants, in this order. What the ledger knows of a gone tenant stays.

    Raises ConfigError where two tenants share a slug or an id.
    """
    _require_distinct("slug", [tenant.slug for tenant in tenants])
    _require_distinct("id", [str(tenant.id) for tenant in tenants])
    columns = {
        "id": [tenant.id for tenant in tenants],
        "slug": [tenant.slug for tenant in tenants],
        "name": [tenant.name for tenant in tenants],
        "timezone": [tenant.timezone for tenant in tenants],
    }
    with conn.transaction():
        # Two launchers at once would otherwise each insert what the other has deleted under it.
        conn.execute("lock table telemetry.tenants in share row exclusive mode")
        conn.execute(_REMOVE, columns)
        conn.execute(_KEEP, columns)
        conn.execute(_KNOWN, columns)


@explained
def read(conn: psycopg.Connection[TupleRow]) -> tuple[Tenant, ...]:
    """The tenants, in the order they were written."""
    rows = conn.execute("select slug, id, name, timezone from telemetry.tenants order by position, slug")
    return tuple(Tenant(slug=slug, id=uuid, name=name, timezone=timezone) for slug, uuid, name, timezone in rows)


# A tenant whose slug or id changed is removed first, so that slugs may also trade places.
_REMOVE = """
delete from telemetry.tenants
where (id, slug) not in (select * from unnest(%(id)s::uuid[], %(slug)s::text[]))
"""

_KEEP = """
insert into telemetry.tenants as held (id, slug, name, timezone, position)
select * from unnest(%(id)s::uuid[], %(slug)s::text[], %(name)s::text[], %(timezone)s::text[]) with ordinality
on conflict (id) do update set name = excluded.name, timezone = excluded.timezone, position = excluded.position
where (held.name, held.timezone, held.position) is distinct from (excluded.name, excluded.timezone, excluded.position)
"""

_KNOWN = """
insert into telemetry.first_known (what, name)
select 'tenant', slug from unnest(%(slug)s::text[]) as slug order by slug on conflict do nothing
"""


def _require_distinct(what: str, values: Sequence[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
    if twice:
        raise ConfigError(f"Two tenants have the {what} {twice[0]!r}.", f"Give each tenant its own {what}.")
