"""Log lines name the tenant they are about; work for a tenant that does not say whose it is, is counted or refused."""

import json
import logging
from collections.abc import Iterator

import pytest

from telemetry_assets.logs import TENANT_NAMED, event_line, tenant_work

TENANT = "aaaaaaaa-0000-4000-8000-00000000000a"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    strict, missing = TENANT_NAMED.strict, TENANT_NAMED.missing
    yield logging.getLogger("tests.tenant_work")
    TENANT_NAMED.strict, TENANT_NAMED.missing = strict, missing


def test_a_line_made_while_working_for_a_tenant_names_it() -> None:
    with tenant_work(TENANT):
        inside = json.loads(event_line("metrics.snapshot.persisted", component="snapshots"))
    outside = json.loads(event_line("location.loaded", component="defs"))
    assert (inside["tenant_id"], outside["tenant_id"]) == (TENANT, None)


@pytest.mark.promise("B45")
def test_a_record_without_a_tenant_fails_a_test_and_is_counted_elsewhere(log: logging.Logger) -> None:
    TENANT_NAMED.strict = False
    before = TENANT_NAMED.missing
    with tenant_work(TENANT, log):
        log.warning(event_line("metrics.snapshot.persisted", component="snapshots"))
        log.warning("persisted", extra={"tenant_id": TENANT})
        assert TENANT_NAMED.missing == before
        log.warning("persisted")
        log.warning('{"tenant_id": null}')
        assert TENANT_NAMED.missing == before + 2
        TENANT_NAMED.strict = True
        with pytest.raises(AssertionError, match="without tenant_id: persisted"):
            log.warning("persisted")
    log.warning("system work has no tenant")
    assert TENANT_NAMED.missing == before + 3


def test_in_tests_it_is_strict() -> None:
    assert TENANT_NAMED.strict
