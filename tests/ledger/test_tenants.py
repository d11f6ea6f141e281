"""The list of tenants is what was written last, whole."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger import tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.model import Tenant

ONE = Tenant("one", UUID(int=1), "One & Söhne", "America/Jamaica")
TWO = Tenant("two", UUID(int=2), "Two")


def test_tenants_come_back_in_the_order_of_the_file(conn: psycopg.Connection[TupleRow]) -> None:
    tenants.write(conn, [TWO, ONE])
    assert tenants.read(conn) == (TWO, ONE)


def test_a_tenant_no_longer_declared_is_gone_and_a_changed_name_is_kept(conn: psycopg.Connection[TupleRow]) -> None:
    tenants.write(conn, [ONE, TWO])
    renamed = Tenant("two", TWO.id, "Two again", "Asia/Tokyo")
    tenants.write(conn, [renamed])
    assert tenants.read(conn) == (renamed,)


def test_two_tenants_may_trade_their_slugs(conn: psycopg.Connection[TupleRow]) -> None:
    tenants.write(conn, [ONE, TWO])
    traded = [Tenant("two", ONE.id, "One"), Tenant("one", TWO.id, "Two")]
    tenants.write(conn, traded)
    assert tenants.read(conn) == tuple(traded)


def test_no_tenants_is_a_list_too(conn: psycopg.Connection[TupleRow]) -> None:
    tenants.write(conn, [ONE])
    tenants.write(conn, [])
    assert tenants.read(conn) == ()


@pytest.mark.parametrize(("twin", "what"), [(Tenant("one", TWO.id, ""), "slug"), (Tenant("two", ONE.id, ""), "id")])
def test_a_slug_or_an_id_given_twice_is_refused_and_nothing_changes(
    conn: psycopg.Connection[TupleRow], twin: Tenant, what: str
) -> None:
    tenants.write(conn, [TWO])
    with pytest.raises(ConfigError, match=f"Two tenants have the {what}"):
        tenants.write(conn, [ONE, twin])
    assert tenants.read(conn) == (TWO,)


def test_two_launchers_writing_different_lists_leave_one_of_them(database: str) -> None:
    lists = [[ONE, TWO], [Tenant("two", UUID(int=9), "Other")]]

    def write(turn: int) -> None:
        with connect(database) as conn:
            tenants.write(conn, lists[turn % 2])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    with connect(database) as conn:
        assert list(tenants.read(conn)) in lists
