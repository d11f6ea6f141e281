"""``telemetry check`` on our own project: a result a tenant of each of our checks; what it did not see is UNKNOWN."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from telemetry_assets import running
from telemetry_assets.answers.check_selection import Selection
from telemetry_assets.answers.refresh import Phase
from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.defs.checking import check_ours, tell_incidents
from telemetry_assets.errors import UsageError
from telemetry_assets.model import ExitCode, State, worst_exit
from tests.conftest import _execute, named
from tests.integration.small_chain import RELATION, TENANTS, SmallChain, small_chain

pytestmark = pytest.mark.slow

EVERYTHING = Selection()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, _template: str) -> Iterator[SmallChain]:
    """The small chain, synced and published with data of this minute."""
    _execute(postgres_url, f"create database checking template {_template}")
    with small_chain(tmp_path_factory.mktemp("checking"), named(postgres_url, "checking")) as chain:
        for tenant in TENANTS:
            chain.value(tenant, datetime.now(UTC).isoformat(timespec="seconds"))
        chain.refresh(Phase.SYNC)
        chain.execute(RELATION)
        chain.refresh(Phase.SNAPSHOTS)
        yield chain


def by_name(results: tuple[Result, ...]) -> dict[tuple[str, str, str], Result]:
    """(asset, check, tenant) → result; none comes twice."""
    found = {(one.asset, one.check, one.tenant): one for one in results}
    assert len(found) == len(results)
    return found


def exit_of(results: tuple[Result, ...]) -> ExitCode:
    """The exit code of results."""
    return worst_exit([one.exit_code for one in results])


@pytest.mark.promise("C17")
def test_a_fresh_chain_passes_with_a_result_for_each_check_and_tenant(chain: SmallChain):
    results = check_ours(chain.settings, EVERYTHING)
    expected = {
        (asset, check, tenant)
        for asset, checks in {
            "counter/numbers": ("data_age", "sync_status"),
            "counter/notes": ("data_age", "sync_status"),
            "snapshots/board": ("data_age", "contract"),
        }.items()
        for check in checks
        for tenant in TENANTS
    }
    assert by_name(results).keys() == expected
    assert exit_of(results) is ExitCode.OK


def test_only_the_checks_of_the_assets_named_are_run(chain: SmallChain):
    results = check_ours(chain.settings, Selection(("snapshots/*",)))
    assert {one.asset for one in results} == {"snapshots/board"}
    with chain.instance() as instance:
        newest = instance.get_run_records(limit=1)[0].dagster_run
        evaluated = instance.get_records_for_run(newest.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        made = instance.get_records_for_run(newest.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert newest.job_name == "telemetry_check"
    assert (len(evaluated.records), len(made.records)) == (1, 0)


def test_one_tenant_leaves_out_what_is_about_others(chain: SmallChain):
    results = check_ours(chain.settings, EVERYTHING, (TENANTS["globex"],))
    assert {one.tenant for one in results} == {"globex"}


@pytest.mark.parametrize(
    ("selection", "tenants", "offered"),
    [
        (Selection(("counter/nmbers",)), (), "Did you mean counter/numbers?"),
        (Selection(("shelves/*",)), (), "Assets are"),
        (Selection(tags=("nightly",)), (), "Tags are dagster/kind/airbyte"),
        (EVERYTHING, ("glbex",), "Did you mean globex?"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(
    chain: SmallChain, selection: Selection, tenants: tuple[str, ...], offered: str
):
    with pytest.raises(UsageError) as refused:
        check_ours(chain.settings, selection, tenants)
    assert offered in str(refused.value)


@pytest.mark.promise("C17")
def test_a_late_tenant_is_late_and_the_others_are_not(chain: SmallChain):
    with aged(chain, "acme", "3 hours"):
        results = check_ours(chain.settings, Selection(("counter/numbers",)))
    found = by_name(results)
    late = found["counter/numbers", "data_age", "acme"]
    assert (late.state, late.late) == (State.FAIL, True)
    assert late.data_age is not None
    assert late.data_age > timedelta(hours=3)
    assert found["counter/numbers", "data_age", "globex"].state is State.PASS
    assert exit_of(results) is ExitCode.LATE


@pytest.mark.promise("C17")
def test_a_tenant_that_never_came_is_missing(chain: SmallChain):
    with away(chain, "acme"):
        results = check_ours(chain.settings, Selection(("counter/numbers",)))
    assert by_name(results)["counter/numbers", "data_age", "acme"].state is State.MISSING
    assert exit_of(results) is ExitCode.MISSING


@pytest.mark.promise("C17", "D32")
def test_a_database_that_does_not_answer_makes_every_check_unknown(chain: SmallChain):
    running.record(chain.settings.home, "postgres", {"url": "postgresql://nobody@127.0.0.1:1/nothing", "pid": 0})
    try:
        results = check_ours(chain.settings, EVERYTHING)
        told = tell_incidents(chain.settings)
    finally:
        running.record(chain.settings.home, "postgres", {"url": chain.dsn, "pid": 0})
    assert {(one.asset, one.check) for one in results} == {
        ("counter/numbers", "data_age"),
        ("counter/numbers", "sync_status"),
        ("counter/notes", "data_age"),
        ("counter/notes", "sync_status"),
        ("snapshots/board", "data_age"),
        ("snapshots/board", "contract"),
    }
    assert {one.state for one in (*results, *told)} == {State.UNKNOWN}
    assert exit_of(results) is ExitCode.COULD_NOT_LOOK
    assert all("127.0.0.1" in one.message for one in results)


@pytest.mark.promise("C20")
def test_what_failed_is_an_incident_before_the_check_ends(chain: SmallChain):
    with aged(chain, "initech", "3 hours"):
        check_ours(chain.settings, Selection(("counter/numbers",)))
        assert tell_incidents(chain.settings) == ()
        opened = chain.rows("select kind from telemetry.incidents where resolved_at is null")
    assert opened
    assert tell_incidents(chain.settings) == ()


@pytest.mark.promise("D2")
def test_a_deadline_that_is_over_fails_and_names_what_did_not_run(chain: SmallChain):
    with psycopg.connect(chain.dsn) as held:
        held.execute("lock table telemetry.looks in access exclusive mode")
        began = time.monotonic()
        results = check_ours(chain.settings, Selection(("counter/*",)), deadline=timedelta(seconds=1))
        assert time.monotonic() - began < 10
    (over,) = [one for one in results if one.kind is Kind.DEADLINE]
    assert over.state is State.FAIL
    assert "counter/numbers data_age" in over.message
    assert {one.state for one in results if one.check == "data_age"} == {State.UNKNOWN}
    assert {one.state for one in results if one.check == "sync_status"} == {State.PASS}


@pytest.mark.promise("C17")
def test_a_payload_that_broke_its_contract_fails_for_its_tenant_alone(chain: SmallChain):
    chain.execute(f"insert into counter.odd values ('{TENANTS['acme']}', '{{}}')")
    chain.refresh(Phase.SNAPSHOTS)
    results = check_ours(chain.settings, Selection(("snapshots/board",)))
    found = by_name(results)
    broken = found["snapshots/board", "contract", "acme"]
    assert broken.state is State.FAIL
    assert "rows" in broken.message
    assert broken.message.startswith(f"of {datetime.now(UTC):%Y-%m-%d}")
    assert "globex" not in broken.message
    assert found["snapshots/board", "contract", "globex"].state is State.PASS
    assert exit_of(results) is ExitCode.FAILING


def test_a_sync_of_one_tenant_tells_nothing_of_the_others(chain: SmallChain):
    chain.behave("globex", "exit")
    chain.refresh(Phase.SYNC)
    chain.behave("globex", "well")
    chain.refresh(Phase.SYNC, only=["acme"])
    results = check_ours(chain.settings, Selection(("counter/notes",)))
    failed = {one.tenant: one for one in results if one.check == "sync_status"}
    assert {tenant: one.state for tenant, one in failed.items()} == {
        "acme": State.PASS,
        "globex": State.FAIL,
        "initech": State.PASS,
    }
    assert failed["acme"].task_id != failed["globex"].task_id


def test_what_was_never_computed_is_unknown_and_says_what_to_do(chain: SmallChain):
    with chain.instance() as instance:
        instance.wipe_assets([dg.AssetKey(["snapshots", "board"])])
    results = check_ours(chain.settings, Selection(("snapshots/board",)))
    never = [one for one in results if one.check == "contract"]
    assert {one.state for one in never} == {State.UNKNOWN}
    assert "never recorded" in never[0].message
    assert "telemetry refresh" in never[0].remedy or "Materialize" in never[0].remedy


@contextmanager
def aged(chain: SmallChain, tenant: str, by: str) -> Generator[None]:
    """A tenant's data of ``counter/numbers`` older by so much, for a while."""
    _move(chain, tenant, f"- interval '{by}'")
    try:
        yield
    finally:
        _move(chain, tenant, f"+ interval '{by}'")


@contextmanager
def away(chain: SmallChain, tenant: str) -> Generator[None]:
    """A tenant of whom nothing ever came of ``counter/numbers``, for a while."""
    rename = "update telemetry.subjects set tenant = '{}' where asset = 'counter/numbers' and tenant = '{}'"
    chain.execute(rename.format("nobody", tenant))
    try:
        yield
    finally:
        chain.execute(rename.format(tenant, "nobody"))


def _move(chain: SmallChain, tenant: str, by: str) -> None:
    chain.execute(
        f"update telemetry.subjects set data_times = array(select time {by} from unnest(data_times) time)"
        f" where asset = 'counter/numbers' and tenant = '{tenant}'"
    )
