"""The graph is stored whole and read back as it was."""

from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from telemetry_assets.errors import ConfigError
from telemetry_assets.ledger import graph
from telemetry_assets.ledger.graph import Exposure
from telemetry_assets.model import AssetKind, AssetNode, Clock, ClockKind, Window

type Ledger = psycopg.Connection[TupleRow]

ROOT = AssetNode(
    "meta_ads/insights",
    AssetKind.STREAM,
    clock=Clock(ClockKind.COLUMN, "updated_at"),
    window=Window(timedelta(hours=1), timedelta(minutes=45)),
)
MART = AssetNode("marts/parish_daily", AssetKind.MODEL, (ROOT.key,), owner="data-eng", exposures=("Dashboard", "Board"))
PLAIN = AssetNode("raw/zones", AssetKind.SEED, tenanted=False)


def test_a_graph_comes_back_by_key(conn: Ledger) -> None:
    graph.replace(conn, [ROOT, PLAIN, MART])
    assert graph.read(conn) == (MART, ROOT, PLAIN)


def test_replacing_drops_what_is_gone_and_changes_what_changed(conn: Ledger) -> None:
    graph.replace(conn, [ROOT, MART])
    changed = AssetNode(MART.key, AssetKind.VIEW, (PLAIN.key, ROOT.key))
    graph.replace(conn, [changed, PLAIN])
    assert graph.read(conn) == (changed, PLAIN)


def test_replacing_by_the_same_graph_writes_no_row(conn: Ledger) -> None:
    graph.replace(conn, [ROOT, MART])
    before = conn.execute("select key, xmin::text from telemetry.assets order by key").fetchall()
    graph.replace(conn, [MART, ROOT])
    assert conn.execute("select key, xmin::text from telemetry.assets order by key").fetchall() == before


def test_no_graph_at_all_is_refused_and_the_old_one_stays(conn: Ledger) -> None:
    graph.replace(conn, [ROOT])
    with pytest.raises(ConfigError, match="holds no asset"):
        graph.replace(conn, [])
    assert graph.read(conn) == (ROOT,)


def test_five_thousand_nodes_go_in_by_one_statement(conn: Ledger) -> None:
    graph.replace(conn, [AssetNode(f"marts/m{number:05}", AssetKind.MODEL, (ROOT.key,)) for number in range(5_000)])
    assert len(graph.read(conn)) == 5_000


WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=8)
DURATIONS = st.timedeltas(timedelta(microseconds=1), timedelta(days=9000))
NODES = st.builds(
    AssetNode,
    key=WORDS,
    kind=st.sampled_from(AssetKind),
    parents=st.lists(WORDS, max_size=3).map(tuple),
    clock=st.sampled_from([None, Clock(), Clock(ClockKind.STATIC)])
    | WORDS.map(lambda column: Clock(ClockKind.COLUMN, column)),
    window=st.none() | st.builds(Window, DURATIONS, st.none() | DURATIONS),
    owner=st.none() | WORDS,
    exposures=st.lists(WORDS, max_size=2).map(tuple),
    tenanted=st.booleans(),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=st.lists(NODES, min_size=1, max_size=6, unique_by=lambda node: node.key))
def test_any_graph_survives_the_round_trip(conn: Ledger, nodes: list[AssetNode]) -> None:
    graph.replace(conn, nodes)
    assert graph.read(conn) == tuple(sorted(nodes, key=lambda node: node.key))


BOARD = Exposure("board", "The board's report", owner="finance", url="https://bi.example.com/7", parents=(MART.key,))


def test_exposures_come_back_by_name_and_go_with_the_manifest_that_lost_them(conn: Ledger) -> None:
    graph.replace(conn, [ROOT, MART], [Exposure("zebra", "zebra", "notebook"), BOARD])
    assert graph.read_exposures(conn) == (BOARD, Exposure("zebra", "zebra", "notebook"))
    graph.replace(conn, [ROOT, MART], [BOARD])
    assert graph.read_exposures(conn) == (BOARD,)
    graph.replace(conn, [ROOT])
    assert graph.read_exposures(conn) == ()


def test_what_another_location_brought_stays_when_ours_is_replaced(conn: Ledger) -> None:
    graph.replace(conn, [ROOT, MART])
    assert graph.add_foreign(conn, [PLAIN]) == 1
    assert graph.add_foreign(conn, [PLAIN]) == 0
    graph.replace(conn, [ROOT])
    assert graph.read(conn) == (ROOT, PLAIN)


def test_of_one_key_our_own_node_counts_whoever_came_first(conn: Ledger) -> None:
    other = AssetNode(MART.key, AssetKind.TABLE)
    graph.replace(conn, [ROOT, MART])
    assert graph.add_foreign(conn, [other]) == 0
    assert graph.read(conn) == (MART, ROOT)
    graph.replace(conn, [ROOT])
    graph.add_foreign(conn, [other])
    graph.replace(conn, [ROOT, MART])
    graph.replace(conn, [ROOT])
    assert graph.read(conn) == (ROOT,)
