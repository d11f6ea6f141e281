"""An incident that is open reaches further tenants: everybody who was told hears of them, soon and not one by one."""

import pytest

from telemetry_assets.model import State
from tests.incidents.made import Life, trouble
from tests.incidents.test_steps import silence


@pytest.mark.promise("B53", "C26")
def test_tenants_of_whom_nobody_was_told_are_told_ten_minutes_after_the_last_news() -> None:
    life = Life()
    assert life.look(0, trouble(tenant="acme")) == ["1 opened slack"]
    both = [trouble(tenant="acme"), trouble(tenant="birch")]
    assert life.look(1, *both) == ["1 grew slack"]
    assert life.look(9, *both, trouble(tenant="cedar")) == []
    assert life.look(10, *both, trouble(tenant="cedar"))[:1] == ["1 spread slack"]
    assert "Also hit: birch and cedar. " in life.headline
    assert "Also hit: birch and cedar. " in life.messages[-1].headline
    assert life.look(25, *both, trouble(tenant="cedar")) == []


def test_hours_later_a_further_tenant_is_told_at_once_also_to_who_has_acknowledged() -> None:
    life = Life()
    life.look(0, trouble(owner="marketing", tenant="acme"))
    life.acknowledge(5)
    steps = life.look(200, trouble(owner="marketing", tenant="acme"), trouble(owner="marketing", tenant="birch"))
    assert "1 spread mail" in steps
    assert life.incidents[1].acknowledged_by == "kim"


def test_further_assets_of_tenants_that_were_told_and_tenants_under_a_silence_are_no_news() -> None:
    life = Life()
    life.look(0, trouble(tenant="acme"))
    more = [trouble(tenant="acme"), trouble(asset="marts/costs", tenant="acme")]
    assert "1 spread slack" not in life.look(20, *more)
    assert life.look(21, *more, trouble(tenant="birch"), silences=[silence(tenant="birch", until=100)]) == []


def test_a_tenant_that_is_merely_due_is_told_when_it_is_late() -> None:
    life = Life()
    life.look(0, trouble(tenant="acme"))
    assert life.look(20, trouble(tenant="acme"), trouble(tenant="birch", state=State.WARN)) == ["1 grew slack"]
    assert "1 spread slack" in life.look(21, trouble(tenant="acme"), trouble(tenant="birch"))


def test_what_to_do_names_one_tenant_only_where_one_is_hit() -> None:
    life, remedy = Life(), "Mend it, then: telemetry refresh sync --tenant acme"
    life.look(0, trouble(tenant="acme", remedy=remedy))
    assert life.messages[-1].remedy == remedy
    life = Life()
    life.look(0, trouble(tenant="acme", remedy=remedy, age=100), trouble(tenant="birch"))
    assert life.messages[-1].remedy == "Mend it, then: telemetry refresh sync"
