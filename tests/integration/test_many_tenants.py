"""Above two hundred tenants a run: Dagster gets the changes and a summary, the ledger gets everybody."""

from pathlib import Path
from uuid import UUID

import pytest

from telemetry_assets.answers.refresh import Phase
from telemetry_assets.defs.events import EVENTS_LIMIT
from telemetry_assets.ledger import subjects
from telemetry_assets.ledger.connection import connect
from tests.integration.small_chain import small_chain

MANY = {f"t{number:03}": str(UUID(int=number + 1)) for number in range(EVENTS_LIMIT + 1)}


@pytest.mark.slow
def test_only_tenants_whose_state_changed_get_an_event_and_the_ledger_has_them_all(
    tmp_path: Path, database: str
) -> None:
    with small_chain(tmp_path / "many", database, MANY) as chain:
        chain.behave("t007", "exit")
        first = chain.refresh(Phase.SYNC)[Phase.SYNC]
        assert set(chain.materialized("counter/numbers", first.run_id)) == set(MANY) - {"t007"}
        chain.behave("t007", "well")
        second = chain.refresh(Phase.SYNC)[Phase.SYNC]
        assert set(chain.materialized("counter/numbers", second.run_id)) == {"t007"}
        with connect(chain.dsn) as conn:
            facts = subjects.read(conn, assets=["counter/numbers"])
    assert {fact.tenant for fact in facts if fact.run_id == second.run_id} == set(MANY)
