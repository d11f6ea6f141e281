"""A folder of contracts against an earlier version of it: what became of each contract, and what a person accepted."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from telemetry_assets.contracts.acceptance import Acceptance
from telemetry_assets.contracts.baseline import ContractDrift, Move, folder_drift
from telemetry_assets.contracts.drift import Direction, Drift

TODAY = date(2026, 6, 1)
ORDERS = "assets/shop.orders.schema.json"
OLD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "total"],
    "additionalProperties": False,
    "properties": {"id": {"type": "string"}, "total": {"type": "number"}},
}
LOOSE = {**OLD, "required": ["id"]}
TIGHT = {**OLD, "properties": {**OLD["properties"], "id": {"type": "string", "minLength": 1}}}


def files(**schemas: Any) -> dict[str, bytes]:
    """``assets__a`` → ``assets/a.schema.json``; bytes as they are, anything else as JSON."""
    return {
        f"{name.replace('__', '/').replace('_', '.')}.schema.json": schema
        if isinstance(schema, bytes)
        else json.dumps(schema, indent=2).encode()
        for name, schema in schemas.items()
    }


def drifts(
    old: Mapping[str, bytes], new: Mapping[str, bytes], accepted: list[Acceptance] | None = None, today: date = TODAY
) -> dict[str, ContractDrift]:
    return {drift.name: drift for drift in folder_drift(old, new, accepted or [], today)}


def orders(old: Any, new: Any, *accepted: Acceptance, today: date = TODAY) -> ContractDrift:
    return drifts(files(assets__shop_orders=old), files(assets__shop_orders=new), list(accepted), today)["shop.orders"]


def accepting(*ids: str, until: date | None = None, contract: str = "shop.orders") -> list[Acceptance]:
    return [Acceptance(each, contract, "ada", "nobody reads it", until, line) for line, each in enumerate(ids, 1)]


class TestVerdicts:
    """What became of each contract."""

    def test_a_contract_as_it_was_is_unchanged(self) -> None:
        drift = orders(OLD, OLD)
        assert (drift.comparison.verdict, drift.holds_up, drift.move) == (Drift.NO_CHANGE, False, Move.KEPT)

    def test_one_written_differently_is_unchanged(self) -> None:
        other = json.dumps({**dict(reversed(OLD.items())), "required": ["total", "id"], "title": "x"}).encode()
        assert orders(OLD, other).comparison.verdict is Drift.NO_CHANGE

    @pytest.mark.promise("A24")
    def test_a_field_that_may_go_missing_breaks_and_the_document_that_shows_it_is_there(self) -> None:
        drift = orders(OLD, LOOSE)
        assert (drift.comparison.verdict, drift.holds_up, drift.accepted) == (Drift.BREAKING, True, False)
        assert drift.comparison.counterexample is not None
        assert "total" not in drift.comparison.counterexample.document
        assert drift.missing == tuple(change.id for change in drift.comparison.changes)

    def test_a_field_held_tighter_breaks_nobody(self) -> None:
        assert orders(OLD, TIGHT).comparison.verdict is Drift.NON_BREAKING

    def test_the_line_is_that_of_the_change(self) -> None:
        drift = orders(OLD, {**OLD, "properties": {**OLD["properties"], "total": {"type": ["number", "null"]}}})
        text = files(a={**OLD, "properties": {**OLD["properties"], "total": {"type": ["number", "null"]}}})
        line = text["a.schema.json"].decode().splitlines()[drift.lines[drift.missing[0]] - 1]
        assert '"type"' in line or '"total"' in line

    def test_a_contract_may_ask_for_both_directions(self) -> None:
        full = {"x-direction": "full"}
        drift = orders({**OLD, **full}, {**TIGHT, **full})
        assert (drift.comparison.verdict, drift.comparison.direction) == (Drift.BREAKING, Direction.FULL)

    def test_whoever_loosens_the_direction_is_held_to_the_stricter_one_once(self) -> None:
        assert orders({**OLD, "x-direction": "full"}, TIGHT).comparison.verdict is Drift.BREAKING
        assert orders({**OLD, "x-direction": "backward"}, LOOSE).comparison.verdict is Drift.BREAKING

    def test_a_direction_that_is_none_is_a_fault(self) -> None:
        drift = orders(OLD, {**OLD, "x-direction": "sideways"})
        assert (drift.comparison.verdict, "x-direction is 'sideways'" in drift.fault) == (Drift.BREAKING, True)

    @pytest.mark.promise("A27", "D34", "F14")
    def test_a_new_contract_breaks_nobody_and_needs_no_list(self) -> None:
        drift = drifts({}, files(assets__shop_orders=OLD, api__health=OLD))
        assert {one.comparison.verdict for one in drift.values()} == {Drift.NON_BREAKING}
        assert [one.asset for one in drift.values()] == ["api/health", "shop/orders"]
        assert {one.move for one in drift.values()} == {Move.ADDED}

    def test_a_contract_that_is_gone_breaks_its_readers(self) -> None:
        drift = drifts(files(assets__shop_orders=OLD), {})["shop.orders"]
        assert (drift.comparison.verdict, drift.move, len(drift.missing)) == (Drift.BREAKING, Move.REMOVED, 1)

    def test_a_renamed_contract_is_told_as_renamed_and_breaks(self) -> None:
        retitled = {**OLD, "title": "Orders"}
        found = drifts(files(assets__shop_orders=OLD), files(assets__shop_sales=retitled))
        old, new = found["shop.orders"], found["shop.sales"]
        assert (old.move, old.became, old.comparison.verdict) == (Move.RENAMED, "shop.sales", Drift.BREAKING)
        assert "renamed to shop.sales" in old.comparison.changes[0].text
        assert (new.comparison.verdict, new.comparison.reason) == (Drift.NON_BREAKING, "was shop.orders")

    def test_two_equal_ones_that_were_renamed_are_paired_once_each(self) -> None:
        found = drifts(files(assets__a=OLD, assets__b=OLD), files(assets__c=OLD, assets__d=OLD))
        assert [found[name].became for name in "ab"] == ["c", "d"]

    def test_a_shared_file_changes_every_contract_that_refers_to_it(self) -> None:
        referring = {"$ref": "../shared/money.schema.json#/$defs/amount"}
        money = {"$defs": {"amount": {"type": "number"}}}
        wider = {"$defs": {"amount": {"type": ["number", "null"]}}}
        found = drifts(
            files(assets__a=referring, assets__b=referring, assets__c=OLD, shared__money=money),
            files(assets__a=referring, assets__b=referring, assets__c=OLD, shared__money=wider),
        )
        verdicts = {name: drift.comparison.verdict for name, drift in found.items()}
        assert verdicts == {"a": Drift.BREAKING, "b": Drift.BREAKING, "c": Drift.NO_CHANGE}
        assert found["a"].missing != found["b"].missing, "each is accepted for itself"
        assert found["a"].missing

    def test_a_shared_file_that_is_gone_is_the_fault_of_who_refers_to_it(self) -> None:
        referring = {"$ref": "../shared/money.schema.json"}
        drift = drifts(files(assets__a=referring, shared__money=True), files(assets__a=referring))["a"]
        assert "shared/money.schema.json" in drift.fault

    def test_fixtures_and_schemas_of_our_own_files_are_no_contracts(self) -> None:
        others = {
            "fixtures/a.json": b"x",
            "config/telemetry.schema.json": b"x",
            "README.md": b"x",
            "assets/x.json": b"x",
        }
        assert drifts({}, others) == {}

    @pytest.mark.parametrize(
        "broken",
        [b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a": 1, "a": 2}', b'{"type": "strin"}', b'{"typ": "string"}', b"3"],
    )
    def test_a_new_version_that_is_no_schema_is_a_breaking_fault_of_its_own(self, broken: bytes) -> None:
        found = drifts(
            files(assets__a=OLD, assets__b=OLD),
            files(assets__a=broken, assets__b=LOOSE),
            accepting("00000000", contract="a"),
        )
        assert (found["a"].comparison.verdict, found["a"].accepted, bool(found["a"].fault)) == (
            Drift.BREAKING,
            False,
            True,
        )
        assert found["b"].comparison.verdict is Drift.BREAKING, "the others are looked at all the same"

    def test_an_old_version_that_was_no_schema_is_unknown_until_a_person_accepts_it(self) -> None:
        drift = orders(b"{", OLD)
        assert (drift.comparison.verdict, "no sound schema" in drift.comparison.reason) == (Drift.UNKNOWN, True)
        assert orders(b"{", OLD, *accepting(*drift.missing)).accepted

    def test_a_broken_new_contract_is_a_fault_too(self) -> None:
        drift = drifts({}, files(assets__a=b"{"))["a"]
        assert (drift.move, drift.comparison.verdict, bool(drift.fault)) == (Move.ADDED, Drift.BREAKING, True)


@pytest.mark.promise("A24")
class TestAccepting:
    """What a person accepted, for which changes, until when."""

    def test_it_holds_when_every_change_is_named(self) -> None:
        needed = orders(OLD, LOOSE).missing
        drift = orders(OLD, LOOSE, *accepting(*needed, until=TODAY))
        assert (drift.accepted, drift.holds_up, drift.missing) == (True, False, ())
        assert [entry.by for entry in drift.accepted_by] == ["ada"]

    def test_one_of_two_changes_is_not_enough(self) -> None:
        both = {**OLD, "required": []}
        needed = orders(OLD, both).missing
        assert len(needed) == 2
        drift = orders(OLD, both, *accepting(needed[0]))
        assert (drift.accepted, drift.missing) == (False, needed[1:])

    def test_after_its_last_day_it_accepts_nothing_any_more(self) -> None:
        needed = orders(OLD, LOOSE).missing
        drift = orders(OLD, LOOSE, *accepting(*needed, until=TODAY), today=date(2026, 6, 2))
        assert (drift.accepted, drift.missing, len(drift.expired)) == (False, needed, 1)

    def test_an_entry_of_another_contract_accepts_nothing_here(self) -> None:
        needed = orders(OLD, LOOSE).missing
        assert not orders(OLD, LOOSE, *accepting(*needed, contract="shop.sales")).accepted

    def test_another_change_of_the_same_place_needs_another_entry(self) -> None:
        needed = orders(OLD, LOOSE).missing
        other = {**OLD, "properties": {**OLD["properties"], "total": {"type": ["number", "null"]}}}
        assert not orders(OLD, other, *accepting(*needed)).accepted

    def test_harmless_changes_beside_a_breaking_one_need_no_entry(self) -> None:
        both = {**TIGHT, "required": ["id"]}
        alone = orders(OLD, LOOSE).missing
        assert orders(OLD, both).missing == alone

    def test_an_entry_that_names_no_change_any_more_is_done_with(self) -> None:
        drift = orders(OLD, OLD, *accepting("0badc0de"))
        assert [entry.id for entry in drift.left_over] == ["0badc0de"]

    def test_an_entry_of_a_contract_that_is_nowhere_is_told_for_itself(self) -> None:
        found = drifts({}, files(assets__a=OLD), accepting("0badc0de", contract="gone"))
        assert (found["gone"].move, found["gone"].holds_up, len(found["gone"].left_over)) == (Move.ABSENT, False, 1)

    def test_a_removal_and_a_renaming_are_accepted_by_id(self) -> None:
        old = files(assets__a=OLD)
        for new in ({}, files(assets__b=OLD)):
            needed = drifts(old, new)["a"].missing
            assert drifts(old, new, accepting(*needed, contract="a"))["a"].accepted

    def test_the_ids_are_the_same_every_time(self) -> None:
        assert orders(OLD, LOOSE).missing == orders(OLD, LOOSE).missing
        assert drifts(files(assets__a=OLD), {})["a"].missing == drifts(files(assets__a=OLD), {})["a"].missing
