"""Syncs that somebody else started on Airbyte count as ours do: seen once, told once, and an outage is a look."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from telemetry_assets.declaration.configured import StreamSettings
from telemetry_assets.errors import CouldNotLookError
from telemetry_assets.ledger import looks, subjects, syncs, tenants
from telemetry_assets.ledger.connection import connect
from telemetry_assets.local.airbyte_server import LocalAirbyte
from telemetry_assets.model import Clock, ClockKind, Tenant
from telemetry_assets.settings import AirbyteSettings, SecretRef, Settings
from telemetry_assets.sources.airbyte import AirbyteClient, Job
from telemetry_assets.sources.observing import SEEN, feeds_of, observe_syncs
from telemetry_assets.sources.syncing import Outcome, record_outcomes
from tests.local.airbyte_doubles import CONNECTIONS, client_of, eventually, serving, settings_of
from tests.sources.misbehaving_airbyte import Airbyte

type Ledger = psycopg.Connection[TupleRow]

ACME, GLOBEX = CONNECTIONS["acme"], CONNECTIONS["globex"]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, tenants=("acme", "globex"), streams=("numbers", "notes"))


@pytest.fixture
def server(home: Settings, database: str) -> Iterator[LocalAirbyte]:
    with serving(home, database) as running_server:
        yield running_server


@pytest.fixture
def conn(database: str) -> Iterator[Ledger]:
    with connect(database) as connection:
        yield connection


def start(client: AirbyteClient, connection: UUID) -> int:
    """Start a sync as Airbyte's own schedule would: over its API, and nobody waits for it."""
    body = {"connectionId": str(connection), "jobType": "sync"}
    return int(client.http.request("POST", f"{client.server.rest_url}/jobs", body=body)["jobId"])


def ended(client: AirbyteClient, connection: UUID) -> Job:
    """A sync that Airbyte started by itself, at its end."""
    number = start(client, connection)
    return eventually(lambda: (job := client.job(number)) and not job.active and job)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_sync_nobody_of_us_started_refreshes_every_stream_of_its_tenant(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    job = ended(client_of(server), ACME)
    seen = observe_syncs(conn, home, now())
    assert (seen.feeds, seen.new_jobs, seen.errors, seen.notes, seen.next_feed) == (2, 1, {}, (), None)
    assert [(feed.name, [one.job_id for one in jobs]) for feed, jobs in seen.ended] == [("counter/acme", [job.job_id])]
    assert syncs.newest_succeeded(conn)[0].job_id == job.job_id
    facts = {(fact.asset, fact.tenant): fact for fact in subjects.read(conn)}
    assert set(facts) == {("counter/numbers", "acme"), ("counter/notes", "acme")}
    for (asset, _), fact in facts.items():
        assert (fact.run_time, fact.run_id, fact.data_times) == (job.ended_at, SEEN, {asset: job.started_at})


def test_looking_again_changes_nothing_and_still_says_whose_data_was_seen_so(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    ended(client_of(server), ACME)
    first = observe_syncs(conn, home, now())
    before = (subjects.read(conn), syncs.recent_of_each(conn, ["acme"], 10))
    again = observe_syncs(conn, home, now())
    assert (again.new_jobs, again.ended) == (0, first.ended)
    assert (subjects.read(conn), syncs.recent_of_each(conn, ["acme"], 10)) == before


def test_a_run_of_ours_that_tells_the_same_job_takes_the_fact_over(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    job = ended(client_of(server), ACME)
    observe_syncs(conn, home, now())
    outcome = Outcome("acme", ACME, job, None)
    record_outcomes(conn, home.sources["counter"], [outcome], "0a1b2c3d-run", now())
    assert {fact.run_id for fact in subjects.read(conn)} == {"0a1b2c3d-run"}
    assert observe_syncs(conn, home, now()).ended == ()


def test_a_run_of_ours_that_told_the_job_first_stays_its_teller(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    job = ended(client_of(server), ACME)
    record_outcomes(conn, home.sources["counter"], [Outcome("acme", ACME, job, None)], "run-1", now())
    seen = observe_syncs(conn, home, now())
    assert (seen.new_jobs, seen.ended) == (0, ())


def test_a_job_still_running_is_copied_and_dates_nothing(database: str, conn: Ledger, tmp_path: Path) -> None:
    home = settings_of(tmp_path, behave="hang")
    with serving(home, database) as server:
        client = client_of(server)
        number = start(client, ACME)
        seen = observe_syncs(conn, home, now())
        client.cancel(number)
    (copied,) = syncs.recent_of_each(conn, ["acme"], 10)["acme"]
    assert (copied.job_id, copied.terminal) == (number, False)
    assert (seen.new_jobs, seen.ended, subjects.read(conn)) == (0, (), ())


def test_a_failed_sync_is_copied_with_its_own_words_and_dates_nothing(
    database: str, conn: Ledger, tmp_path: Path
) -> None:
    home = settings_of(tmp_path, behave="exit")
    with serving(home, database) as server:
        ended(client_of(server), ACME)
        observe_syncs(conn, home, now())
    (failed,) = syncs.newest_terminal(conn)
    assert (failed.status, bool(failed.error)) == ("failed", True)
    assert subjects.read(conn) == ()


def test_what_is_known_of_a_failure_is_not_forgotten(server: LocalAirbyte, home: Settings, conn: Ledger) -> None:
    job = ended(client_of(server), ACME)
    connection = home.sources["counter"].connections[0]
    told = replace(job.as_sync(connection, now()), status="failed", error="The token has expired.")
    syncs.record(conn, [told])
    observe_syncs(conn, home, now())
    assert syncs.newest_terminal(conn) == (told,)


def test_a_tenant_of_two_connections_is_synced_when_both_are(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    source = home.sources["counter"]
    both = tuple(replace(one, tenant="acme") for one in source.connections)
    joined = replace(home, sources={"counter": replace(source, connections=both)})
    first = ended(client_of(server), ACME)
    assert observe_syncs(conn, joined, now()).ended == ()
    assert subjects.read(conn) == ()
    second = ended(client_of(server), GLOBEX)
    observe_syncs(conn, joined, now())
    (fact, _) = subjects.read(conn)
    assert (fact.tenant, fact.run_time) == ("acme", second.ended_at)
    assert list(fact.data_times.values()) == [first.started_at]


def test_a_look_that_runs_out_of_time_goes_on_where_it_stopped(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    ended(client_of(server), GLOBEX)
    seen = observe_syncs(conn, home, now(), seconds=-1.0)
    assert (seen.feeds, seen.next_feed) == (0, "counter/acme")
    seen = observe_syncs(conn, home, now(), first="counter/globex")
    assert (seen.feeds, seen.next_feed, len(seen.ended)) == (1, None, 1)
    assert observe_syncs(conn, home, now(), first="gone/tenant").feeds == 2


def on_a_server(home: Settings, url: str) -> Settings:
    secret = SecretRef("AIRBYTE_CLIENT_SECRET", "Airbyte")
    return replace(home, airbyte=AirbyteSettings(url, "w", SecretRef("AIRBYTE_CLIENT_ID", "Airbyte"), secret))


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "the-client-id")
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "the-client-secret")


@pytest.mark.usefixtures("secrets")
def test_an_airbyte_that_cannot_be_reached_is_a_look_with_the_reason_and_no_secret(
    home: Settings, conn: Ledger
) -> None:
    started, looked_at = time.monotonic(), now()
    seen = observe_syncs(conn, on_a_server(home, "http://jane:hunter2@127.0.0.1:9/api"), looked_at)
    assert time.monotonic() - started < 20
    (error,) = seen.errors.values()
    assert "does not answer" in error
    assert "telemetry doctor" in error
    look = looks.read(conn)["counter"]
    assert (look.looked_at, look.error) == (looked_at, error)
    assert not {"jane", "hunter2", "the-client-id", "the-client-secret"} & set(error.replace("/", " ").split())
    assert "hunter2" not in error


@pytest.mark.usefixtures("secrets")
def test_refused_credentials_are_a_look_with_the_reason(home: Settings, conn: Ledger) -> None:
    server = Airbyte()
    try:
        seen = observe_syncs(conn, on_a_server(home, server.url), now())
    finally:
        server.close()
    assert "401" in seen.errors["counter"]
    assert "401" in looks.read(conn)["counter"].error
    assert len(seen.notes) == 2


def trusted(monkeypatch: pytest.MonkeyPatch) -> Airbyte:
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "client")
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "secret")
    return Airbyte()


def test_a_connection_that_airbyte_does_not_answer_for_holds_up_no_other(
    home: Settings, conn: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = trusted(monkeypatch)
    server.broken = ACME
    try:
        seen = observe_syncs(conn, on_a_server(home, server.url), now())
    finally:
        server.close()
    assert (seen.feeds, seen.errors, seen.next_feed) == (1, {}, None)
    assert ["counter/acme: " in note and "500" in note for note in seen.notes] == [True]
    assert looks.read(conn)["counter"].error == ""


def test_a_job_in_words_nobody_knows_is_refused_and_stops_nothing(
    home: Settings, conn: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = trusted(monkeypatch)
    server.jobs[1] = server.job(1, "succeeded") | {"startTime": None}
    try:
        seen = observe_syncs(conn, on_a_server(home, server.url), now())
    finally:
        server.close()
    assert "in a form we do not know" in seen.errors["counter"]


def test_a_table_that_could_not_be_read_after_its_sync_is_read_at_the_next_look(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    source = home.sources["counter"]
    numbers = StreamSettings("numbers", Clock(ClockKind.COLUMN, "seen_at"))
    dated = replace(home, sources={"counter": replace(source, streams=(numbers,))})
    job = ended(client_of(server), ACME)
    record_outcomes(conn, dated.sources["counter"], [Outcome("acme", ACME, job, None)], "0a1b-run", now())
    assert "no column seen_at" in looks.read(conn)["counter/numbers"].error
    conn.execute("alter table raw_counter.numbers add seen_at timestamptz default '2026-11-01'")
    tenants.write(conn, [Tenant("acme", tenant_of(conn), "Acme")])
    observe_syncs(conn, dated, now())
    (fact,) = subjects.read(conn)
    assert (fact.run_id, fact.data_times) == ("0a1b-run", {"counter/numbers": datetime(2026, 11, 1, tzinfo=UTC)})
    assert looks.read(conn) == {}


def tenant_of(conn: Ledger) -> UUID:
    row = conn.execute("select tenant_id from raw_counter.numbers limit 1").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.usefixtures("secrets")
def test_a_look_that_went_well_takes_the_error_back(home: Settings, conn: Ledger, server: LocalAirbyte) -> None:
    before = now() - timedelta(minutes=1)
    observe_syncs(conn, on_a_server(home, "http://127.0.0.1:9/api"), before)
    assert looks.read(conn)["counter"].error
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRBYTE_CLIENT_ID", server.credentials["client_id"])
        patch.setenv("AIRBYTE_CLIENT_SECRET", server.credentials["client_secret"])
        assert observe_syncs(conn, on_a_server(home, server.url), now()).errors == {}
    assert looks.read(conn)["counter"].error == ""


def test_the_local_stand_in_schedules_nothing_so_it_needs_no_looks(
    server: LocalAirbyte, home: Settings, conn: Ledger
) -> None:
    del server
    observe_syncs(conn, home, now())
    assert looks.read(conn) == {}


def test_without_any_airbyte_it_says_how_to_start_one(home: Settings, conn: Ledger) -> None:
    seen = observe_syncs(conn, home, now())
    assert "telemetry up" in seen.errors["counter"]
    assert looks.read(conn) == {}


def test_without_a_ledger_it_raises(server: LocalAirbyte, home: Settings, postgres_url: str) -> None:
    del server
    with connect(postgres_url) as bare, pytest.raises(CouldNotLookError, match="telemetry prepare"):
        observe_syncs(bare, home, now())


def test_feeds_are_grouped_by_tenant_however_many_there_are(home: Settings) -> None:
    source = home.sources["counter"]
    one = source.connections[0]
    many = tuple(replace(one, tenant=f"t{number:05}", connection_id=UUID(int=number)) for number in range(10_000))
    started = time.monotonic()
    feeds = feeds_of(replace(home, sources={"counter": replace(source, connections=many)}))
    assert (len(feeds), feeds[7].name) == (10_000, "counter/t00007")
    assert time.monotonic() - started < 2
