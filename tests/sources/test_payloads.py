"""Payload rows are read as the warehouse holds them, and a relation that is not as named says so."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError, CouldNotLookError, FailingError
from telemetry_assets.sources.payloads import read_payloads

FIRST, SECOND, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def relation(ledger: psycopg.Connection[TupleRow]) -> psycopg.Connection[TupleRow]:
    """``shop."daily totals"``: two tenants and a row that is nobody's."""
    ledger.execute("create schema shop")
    ledger.execute('create table shop."daily totals" ("Tenant" uuid, payload jsonb)')
    ledger.execute(
        """insert into shop."daily totals" values (%s, '{"a": 1.5}'), (%s, '[]'), (null, '{}')""", [SECOND, FIRST]
    )
    return ledger


def read(conn: psycopg.Connection[TupleRow], wanted: list[UUID] | None = None) -> list[tuple[UUID, Any]]:
    return list(read_payloads(conn, "shop.daily totals", "Tenant", wanted))


def test_every_tenants_payload_is_read_in_the_order_of_the_ids(relation: psycopg.Connection[TupleRow]) -> None:
    assert read(relation) == [(FIRST, []), (SECOND, {"a": 1.5})]


def test_only_the_wanted_tenants_are_read(relation: psycopg.Connection[TupleRow]) -> None:
    assert read(relation, [SECOND, THIRD]) == [(SECOND, {"a": 1.5})]
    assert read(relation, []) == []


def test_a_relation_of_text_columns_is_read_too(ledger: psycopg.Connection[TupleRow]) -> None:
    ledger.execute("create table documents (tenant_id text, payload text)")
    ledger.execute("insert into documents values (%s, '{\"b\": 2}')", [str(FIRST)])
    assert list(read_payloads(ledger, "documents", "tenant_id", [FIRST])) == [(FIRST, {"b": 2})]


def test_a_tenant_with_two_rows_is_refused_by_name(relation: psycopg.Connection[TupleRow]) -> None:
    relation.execute("""insert into shop."daily totals" values (%s, '{}')""", [SECOND])
    with pytest.raises(FailingError, match=f"shop.daily totals has more than one row for tenant {SECOND}"):
        read(relation)


@pytest.mark.parametrize("name", ["marts.nowhere", "nowhere.tenant_dashboard"])
def test_a_relation_that_is_not_there_says_how_to_build_it(ledger: psycopg.Connection[TupleRow], name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} does not exist. Build it"):
        list(read_payloads(ledger, name, "tenant_id", None))


def test_a_column_that_is_not_there_is_named(relation: psycopg.Connection[TupleRow]) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read as \(tenant_id uuid, payload jsonb\): .*tenant_id"):
        list(read_payloads(relation, "shop.daily totals", "tenant_id", None))


def test_a_tenant_that_is_no_uuid_is_told(ledger: psycopg.Connection[TupleRow]) -> None:
    ledger.execute("create view documents as select 'northshore' as tenant_id, '{}'::jsonb as payload")
    with pytest.raises(ConfigError, match="northshore"):
        list(read_payloads(ledger, "documents", "tenant_id", None))


def test_a_database_that_went_away_is_not_an_empty_relation(relation: psycopg.Connection[TupleRow]) -> None:
    relation.close()
    with pytest.raises(CouldNotLookError, match="did not answer"):
        read(relation)
