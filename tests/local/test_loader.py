"""Records and states of a read land in a real table, together or not at all."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_assets.errors import FailingError
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local import protocol
from telemetry_assets.local.loader import Limits, Loader
from telemetry_assets.local.raw_columns import TypeChanged
from telemetry_assets.local.raw_table import RawTable

ACME, GLOBEX = UUID(int=0xA), UUID(int=0xB)
WHOLE, TEXT, NUMBER = {"type": "integer"}, {"type": "string"}, {"type": "number"}
COLUMNS = {"id": WHOLE, "name": TEXT, "amount": NUMBER}

Load = Callable[..., Loader]


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database) as connection:
        connection.execute("create table saved (stream text primary key, state text)")
        yield connection


@pytest.fixture
def load(conn: psycopg.Connection[Any]) -> Load:
    """A loader of ``streams``: {name: (columns, key)}, each call as a sync of its own."""

    def make(
        tenant: UUID | None = ACME, limits: Limits | None = None, **streams: tuple[dict[str, Any], list[str]]
    ) -> Loader:
        conn.execute("discard temp")
        wanted = streams or {"numbers": (COLUMNS, ["id"])}
        documents = [
            {"name": name, "json_schema": {"properties": columns}, "source_defined_primary_key": [[k] for k in key]}
            for name, (columns, key) in wanted.items()
        ]
        found = protocol.streams_of({"streams": documents})
        tables = {name: RawTable(conn, "raw_test", stream, tenant) for name, stream in found.items()}
        return Loader(conn, tables, lambda stream, state: save(conn, stream, state), limits or Limits())

    return make


def save(conn: psycopg.Connection[Any], stream: str, state: dict[str, Any]) -> None:
    conn.execute(
        "insert into saved values (%s, %s) on conflict (stream) do update set state = excluded.state",
        [stream, str(state["stream"]["stream_state"] if "stream" in state else state)],
    )


def put(loader: Loader, *rows: dict[str, Any], stream: str = "numbers", at: float = 1_790_000_000_123) -> None:
    for row in rows:
        loader.record({"stream": stream, "data": row, "emitted_at": at}, 50)


def mark(loader: Loader, value: Any, stream: str = "numbers") -> None:
    loader.state({"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": value}})


def table(conn: psycopg.Connection[Any], columns: str = "id, name, amount", name: str = "numbers") -> list[Any]:
    return conn.execute(f'select {columns} from raw_test."{name}" order by 1, 2'.encode()).fetchall()


def saved(conn: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(conn.execute("select stream, state from saved").fetchall())


def test_a_row_carries_its_tenant_its_own_id_and_the_time_it_was_emitted(conn: Any, load: Load):
    loader = load()
    put(loader, {"id": 1, "name": "a", "amount": 1.5})
    loader.finish(["numbers"])
    ((tenant, raw_id, at),) = table(conn, "tenant_id, _airbyte_raw_id, _airbyte_extracted_at")
    assert tenant == ACME
    assert raw_id.version == 4
    assert at.isoformat() == "2026-09-21T14:13:20.123000+00:00"
    types = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = 'raw_test.numbers'::regclass and attnum > 0 order by attnum"
    ).fetchall()
    assert types == [
        ("tenant_id", "uuid"),
        ("id", "bigint"),
        ("name", "text"),
        ("amount", "numeric"),
        ("_airbyte_raw_id", "uuid"),
        ("_airbyte_extracted_at", "timestamp with time zone"),
    ]


def test_a_second_sync_updates_by_key_and_tenants_do_not_meet(conn: Any, load: Load):
    for tenant, name in ((ACME, "old"), (GLOBEX, "theirs"), (ACME, "new")):
        loader = load(tenant)
        put(loader, {"id": 1, "name": name, "amount": 1})
        loader.finish(["numbers"])
    assert table(conn, "tenant_id, name") == [(ACME, "new"), (GLOBEX, "theirs")]


def test_the_last_record_of_a_key_wins_inside_a_batch(conn: Any, load: Load):
    loader = load()
    put(loader, *({"id": number % 3, "name": f"v{number}", "amount": 0} for number in range(300)))
    loader.finish(["numbers"])
    assert table(conn, "id, name") == [(0, "v297"), (1, "v298"), (2, "v299")]
    assert loader.rows == {"numbers": 300}


def test_a_stream_without_a_key_is_appended(conn: Any, load: Load):
    for _ in range(2):
        loader = load(numbers=(COLUMNS, []))
        put(loader, {"id": 1, "name": "a", "amount": 1})
        loader.finish(["numbers"])
    assert table(conn, "id, name") == [(1, "a"), (1, "a")]


def test_data_without_tenants_has_a_null_tenant_and_its_own_key(conn: Any, load: Load):
    for name in ("a", "b"):
        loader = load(None)
        put(loader, {"id": 1, "name": name, "amount": 1})
        loader.finish(["numbers"])
    assert table(conn, "tenant_id, name") == [(None, "b")]
    with pytest.raises(FailingError, match=r"its table's key is \(id\)"):
        load(ACME)


def test_a_state_commits_with_the_rows_before_it_and_with_no_later_ones(conn: Any, load: Load):
    loader = load()
    put(loader, {"id": 1, "name": "a", "amount": 1})
    mark(loader, 1)
    put(loader, {"id": 2, "name": "b", "amount": 2})
    loader.finish([])  # the read failed: nothing covers the second row
    assert table(conn, "id, name") == [(1, "a")]
    assert saved(conn) == {"numbers": "1"}


def test_streams_that_alternate_are_covered_by_their_own_states(conn: Any, load: Load):
    loader = load(a=(COLUMNS, ["id"]), b=(COLUMNS, ["id"]))
    put(loader, {"id": 1, "name": "a", "amount": 1}, stream="a")
    put(loader, {"id": 1, "name": "b", "amount": 1}, stream="b")
    mark(loader, "mine", stream="a")
    loader.finish([])
    assert (loader.rows, saved(conn)) == ({"a": 1, "b": 0}, {"a": "mine"})


def test_a_global_state_covers_every_stream(conn: Any, load: Load):
    loader = load(a=(COLUMNS, ["id"]), b=(COLUMNS, ["id"]))
    for stream in ("a", "b"):
        put(loader, {"id": 1, "name": stream, "amount": 1}, stream=stream)
    loader.state({"type": "GLOBAL", "global": {"shared_state": {"at": 1}}})
    loader.finish([])
    assert loader.rows == {"a": 1, "b": 1}
    assert "" in saved(conn)


def test_a_long_stretch_without_a_state_waits_outside_the_table(conn: Any, load: Load):
    loader = load(limits=Limits(spill_rows=10))
    put(loader, *({"id": number, "name": "x", "amount": 0} for number in range(35)))
    assert table(conn, "count(*), 1") == [(0, 1)]
    mark(loader, "all")
    assert table(conn, "count(*), 1") == [(0, 1)]
    loader.commit()
    assert table(conn, "count(*), 1") == [(35, 1)]
    put(loader, *({"id": number, "name": "y", "amount": 0} for number in range(100, 135)))
    loader.finish([])
    assert table(conn, "count(*), 1") == [(35, 1)]
    assert saved(conn) == {"numbers": "all"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4) | st.just("state")), max_size=40))
@pytest.mark.slow
def test_the_table_holds_exactly_what_the_last_state_says(conn: Any, load: Load, steps: list[tuple[str, Any]]):
    """Any interleaving of two streams, spilled and committed at odd moments, then a read that dies."""
    conn.execute("drop schema if exists raw_test cascade")
    loader = load(limits=Limits(spill_rows=3, commit_rows=4), a=(COLUMNS, ["id"]), b=(COLUMNS, ["id"]))
    expected, seen = {"a": dict[int, str](), "b": dict[int, str]()}, {"a": dict[int, str](), "b": dict[int, str]()}
    for place, (stream, step) in enumerate(steps):
        if step == "state":
            expected[stream] = dict(seen[stream])
            mark(loader, place, stream)
        else:
            seen[stream][step] = f"v{place}"
            put(loader, {"id": step, "name": f"v{place}", "amount": 0}, stream=stream)
    loader.finish([])
    assert {name: dict(table(conn, "id, name", name)) for name in "ab"} == expected


def test_a_new_declared_column_is_added_and_old_rows_stay(conn: Any, load: Load):
    put(loader := load(), {"id": 1, "name": "a", "amount": 1})
    loader.finish(["numbers"])
    wider = {**COLUMNS, "seen": {"type": "string", "format": "date"}}
    put(loader := load(numbers=(wider, ["id"])), {"id": 2, "name": "b", "amount": 1, "seen": "2026-01-02"})
    loader.finish(["numbers"])
    assert [(number, str(seen)) for number, seen in table(conn, "id, seen")] == [(1, "None"), (2, "2026-01-02")]


def test_a_field_no_schema_declares_becomes_a_column_once_it_holds_something(conn: Any, load: Load):
    loader = load()
    put(loader, {"id": 1, "name": "a", "amount": 1, "colour": None})
    mark(loader, 1)
    loader.commit()
    put(loader, {"id": 2, "name": "b", "amount": 1, "colour": "red", "size": 3, "tags": ["x"]})
    loader.finish(["numbers"])
    assert table(conn, "id, colour, size, tags") == [(1, None, None, None), (2, "red", Decimal(3), ["x"])]
    put(loader := load(), {"id": 3, "name": "c", "amount": 1, "colour": "blue"})
    loader.finish(["numbers"])
    assert (3, "blue") in table(conn, "id, colour")


def test_a_removed_field_leaves_its_column_and_nulls(conn: Any, load: Load):
    put(loader := load(), {"id": 1, "name": "a", "amount": 1})
    loader.finish(["numbers"])
    put(loader := load(numbers=({"id": WHOLE}, ["id"])), {"id": 2})
    loader.finish(["numbers"])
    assert table(conn) == [(1, "a", Decimal(1)), (2, None, None)]


def test_a_type_change_fails_clearly_and_what_was_committed_stays(conn: Any, load: Load):
    loader = load(numbers=(COLUMNS, ["id"]), other=(COLUMNS, ["id"]))
    put(loader, {"id": 1, "name": "a", "amount": 1})
    mark(loader, 1)
    loader.commit()
    put(loader, {"id": 2, "name": "b", "amount": 2}, {"id": 3, "name": "c", "amount": "three"})
    mark(loader, 3)
    put(loader, {"id": 9, "name": "z", "amount": 9}, stream="other")
    mark(loader, 9, stream="other")
    with pytest.raises(TypeChanged, match=r"raw_test.numbers: column amount is numeric .* sends 'three'"):
        loader.finish([])
    assert table(conn, "id, name") == [(1, "a")]
    assert table(conn, "id, name", "other") == [(9, "z")]
    assert saved(conn) == {"numbers": "1", "other": "9"}


def test_a_type_change_found_while_spilling_commits_what_was_covered(conn: Any, load: Load):
    loader = load(limits=Limits(spill_rows=2))
    put(loader, {"id": 1, "name": "a", "amount": 1})
    mark(loader, 1)
    with pytest.raises(TypeChanged):
        put(loader, {"id": 2, "name": "b", "amount": 2}, {"id": 3, "name": "c", "amount": "three"})
    assert (table(conn, "id, name"), saved(conn)) == ([(1, "a")], {"numbers": "1"})


def test_a_type_change_with_a_global_state_commits_nothing(conn: Any, load: Load):
    loader = load(a=(COLUMNS, ["id"]), b=(COLUMNS, ["id"]))
    put(loader, {"id": 1, "name": "a", "amount": 1}, stream="a")
    put(loader, {"id": 1, "name": "b", "amount": "x"}, stream="b")
    loader.state({"type": "GLOBAL", "global": {"shared_state": {}}})
    with pytest.raises(TypeChanged):
        loader.finish([])
    assert (table(conn, "id, name", "a"), saved(conn)) == ([], {})


def test_a_column_declared_with_another_type_is_refused_before_a_row_is_read(load: Load):
    load()
    with pytest.raises(FailingError, match=r"column amount is numeric and the connector now declares text"):
        load(numbers=({**COLUMNS, "amount": TEXT}, ["id"]))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": None, "name": "a", "amount": 1}, 'column "id"'),
        ({"name": "a", "amount": 1}, 'column "id"'),
        ({"id": 2**63, "name": "a", "amount": 1}, "column id is bigint .* sends '9223372036854775808'"),
        ({"id": 1, "name": "a", "amount": 1, "tenant_id": "x"}, "tenant_id"),
        ({"id": 1, "name": "a", "amount": 1, "x" * 64: "x"}, "1 to 63 bytes"),
    ],
)
@pytest.mark.slow
def test_a_row_that_cannot_be_stored_fails_with_its_stream_and_reason(load: Load, row: dict[str, Any], words: str):
    loader = load()
    put(loader, row)
    with pytest.raises(FailingError, match=words) as refusal:
        loader.finish(["numbers"])
    assert "raw_test.numbers" in str(refusal.value)


def test_a_date_that_is_none_fails_with_column_and_value(load: Load):
    loader = load(numbers=({"id": WHOLE, "day": {"type": "string", "format": "date"}}, ["id"]))
    put(loader, {"id": 1, "day": "2026-13-45"})
    with pytest.raises(TypeChanged, match=r"column day is date .* sends '2026-13-45'"):
        loader.finish(["numbers"])


def test_a_key_too_long_for_an_index_fails_clearly(load: Load):
    loader = load(numbers=({"id": TEXT}, ["id"]))
    put(loader, {"id": random.Random(1).randbytes(50_000).hex()})
    with pytest.raises(FailingError, match=r"raw_test.numbers: PostgreSQL refuses its rows: index row"):
        loader.finish(["numbers"])


@pytest.mark.parametrize("broken", [{"stream": "numbers"}, {"stream": "numbers", "data": [], "emitted_at": 1}])
def test_a_record_without_data_or_time_is_refused(load: Load, broken: dict[str, Any]):
    with pytest.raises(FailingError, match="without data or emitted_at"):
        load().record(broken, 10)


def test_a_record_of_a_stream_nobody_selected_is_passed_over(load: Load):
    loader = load()
    put(loader, {"id": 1}, stream="strange")
    loader.record({}, 10)
    loader.finish(["strange", "numbers"])
    assert loader.rows == {"numbers": 0}


HOSTILE = [
    "",
    "\\",
    "\\N",
    "\\.",
    '"',
    "a,b",
    "a\nb",
    "a\rb",
    "a\tb",
    "null",
    "NULL",
    "'",
    "x\0y",
    "é✓🙂",
    "\x1f",
    " ",
    "{}",
]


def test_hostile_strings_arrive_as_they_were_sent(conn: Any, load: Load):
    loader = load()
    put(loader, *({"id": number, "name": text, "amount": 0} for number, text in enumerate(HOSTILE)))
    put(loader, {"id": 99, "name": None, "amount": 0})
    loader.finish(["numbers"])
    found = [name for _, name in table(conn, "id, name")]
    assert found == [*(text.replace("\0", "") for text in HOSTILE), None]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_any_string_survives_the_way_into_the_table(conn: Any, load: Load, texts: list[str | None]):
    conn.execute("drop schema if exists raw_test cascade")
    loader = load()
    put(loader, *({"id": number, "name": text, "amount": 0} for number, text in enumerate(texts)))
    loader.finish(["numbers"])
    assert [name for _, name in table(conn, "id, name")] == [text and text.replace("\0", "") for text in texts]


def test_a_very_long_string_is_kept(conn: Any, load: Load):
    loader = load()
    put(loader, {"id": 1, "name": "x" * 20_000_000, "amount": 0})
    loader.finish(["numbers"])
    assert table(conn, "id, length(name)") == [(1, 20_000_000)]


def test_nan_is_null_and_a_number_keeps_its_digits(conn: Any, load: Load):
    loader = load()
    put(loader, {"id": 1, "name": "a", "amount": float("nan")}, {"id": 2, "name": "b", "amount": 0.1})
    put(loader, {"id": 3, "name": "c", "amount": 2**80})
    loader.finish(["numbers"])
    assert table(conn, "id, amount") == [(1, None), (2, Decimal("0.1")), (3, Decimal(2**80))]


def test_hostile_column_and_stream_names_are_quoted(conn: Any, load: Load):
    names = ['a"b', "a;drop table saved", "a%s", "{x}", "Select", "x" * 63]
    loader = load(**{'we"ird %s': ({"id": WHOLE, **dict.fromkeys(names, TEXT)}, ["id"])})
    put(loader, {"id": 1, **{name: name for name in names}}, stream='we"ird %s')
    loader.finish(['we"ird %s'])
    (row,) = conn.execute(b'select * from raw_test."we""ird %s"').fetchall()
    assert list(row[2:8]) == names


def test_a_table_that_is_not_ours_is_left_alone(conn: Any, load: Load):
    conn.execute("create schema raw_test")
    conn.execute("create table raw_test.numbers (id bigint primary key)")
    with pytest.raises(FailingError, match="is not ours"):
        load()


def test_two_tenants_that_find_a_new_column_at_once_both_load_it(database: str, conn: Any, load: Load):
    first = load()
    with connect(database) as second_conn:
        stream = protocol.streams_of(
            {
                "streams": [
                    {"name": "numbers", "json_schema": {"properties": COLUMNS}, "source_defined_primary_key": [["id"]]}
                ]
            }
        )["numbers"]
        second = Loader(second_conn, {"numbers": RawTable(second_conn, "raw_test", stream, GLOBEX)}, lambda *_: None)
        for loader in (first, second):
            put(loader, {"id": 1, "name": "a", "amount": 1, "colour": "red"})
            loader.finish(["numbers"])
    assert table(conn, "tenant_id, colour") == [(ACME, "red"), (GLOBEX, "red")]
