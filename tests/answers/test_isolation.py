"""Whether what one tenant is shown holds anything of another's."""

import json
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.answers.isolation import Named, isolation_results, leaks, own_texts, texts_of
from telemetry_assets.model import State, Tenant

ACME = Tenant("acme", UUID(int=10**30), "Acme Corporation")
GLOBEX = Tenant("globex", UUID(int=2 * 10**30), "Globex Limited")
ROWS = {
    "acme": [{"title": "Anvils of spring", "kind": "SHARED", "at": "2026-06-01T12:00:00Z", "n": 1}],
    "globex": [{"title": 'Doomsday "device"', "kind": "SHARED", "inner": [{"note": "über & out"}]}],
}
OWN = own_texts([ACME, GLOBEX], ROWS)


def of(slug: str, text: str) -> Named:
    return Named(f"the payload of {slug}", frozenset({slug}), text)


def test_a_tenants_own_are_its_id_slug_name_and_the_texts_that_nobody_else_has() -> None:
    assert OWN["acme"] == {str(ACME.id), "acme", "Acme Corporation", "Anvils of spring"}
    assert OWN["globex"] == {str(GLOBEX.id), "globex", "Globex Limited", 'Doomsday "device"', "über & out"}


def test_what_stands_inside_anothers_text_is_not_ones_own() -> None:
    one = Tenant("canary", UUID(int=1), "Canary")
    two = Tenant("canary-two", UUID(int=2), "Canary Two")
    rows = {"canary": [{"name": "Spring sale"}], "canary-two": [{"name": "The Spring sale of two"}]}
    assert own_texts([one, two], rows) == {
        "canary": {str(one.id)},
        "canary-two": {str(two.id), "canary-two", "Canary Two", "The Spring sale of two"},
    }


def test_what_two_have_in_other_capitals_is_neithers_own() -> None:
    rows = {"acme": [{"name": "Spring sale"}], "globex": [{"name": "SPRING SALE"}]}
    own = own_texts([ACME, GLOBEX], rows)
    assert not {"Spring sale", "SPRING SALE"} & (own["acme"] | own["globex"])


def test_a_slug_in_anothers_rows_is_still_its_owners() -> None:
    own = own_texts([ACME, GLOBEX], {**ROWS, "globex": [{"note": "moved here from acme"}]})
    assert "acme" in own["acme"]


@pytest.mark.promise("B43", "A16")
def test_what_belongs_to_another_is_found_and_told_without_repeating_it() -> None:
    (leak,) = leaks(OWN, [of("acme", texts_of({"rows": [{"name": 'x Doomsday "device" y'}]}))])
    assert leak.whose == "globex"
    assert leak.words == "the payload of acme holds what belongs to globex: 1 text, such as 'Doomsday \"de…'"
    (result,) = [one for one in isolation_results(OWN, [leak.where], [leak]) if one.state is State.FAIL]
    assert (result.tenant, result.check) == ("acme", "isolation")


def test_a_text_may_speak_of_whom_it_is_of() -> None:
    both = Named("the report", frozenset({"acme", "globex"}), "acme and globex, Anvils of spring")
    assert leaks(OWN, [of("acme", "acme: Anvils of spring, SHARED"), both]) == ()


@pytest.mark.parametrize(
    "written",
    [
        json.dumps({"a": 'Doomsday "device"'}),
        json.dumps({"a": "über & out"}),
        json.dumps({"a": "über & out"}, ensure_ascii=False),
        "<case name='über &amp; out'/>",
        'id,name\n1,"Doomsday ""device"""\n',
        "| über & out |",
        f"id: {GLOBEX.id}",
        "tenant: globex",
        'DOOMSDAY "DEVICE"',
        str(GLOBEX.id).upper(),
        "xÜBER & OUTx",
        "https://x.example/?q=Doomsday%20%22device%22",
        "https://x.example/?q=%C3%BCber+%26+out",
        "gl%6Fbex",
        "&#252;ber &#38; out",
    ],
)
def test_no_way_of_writing_hides_it(written: str) -> None:
    assert [leak.whose for leak in leaks(OWN, [of("acme", written)])] == ["globex"]


def test_a_short_slug_counts_where_it_stands_alone() -> None:
    own = {"acme": {"acme"}, "globex": {"globex"}}
    assert leaks(own, [of("globex", "tacmedom acmes")]) == ()
    assert [leak.whose for leak in leaks(own, [of("globex", '{"tenant":"acme"}')])] == ["acme"]


def test_who_is_told_apart_by_nothing_is_unknown_and_everybody_else_passes() -> None:
    results = isolation_results({"acme": {"acme", "Acme"}, "globex": OWN["globex"]}, [of("acme", "")], [])
    assert [(one.tenant, one.state) for one in results] == [("acme", State.UNKNOWN), ("globex", State.PASS)]
    assert results[0].remedy
    assert results[1].message == "none of its 5 texts is in the 1 text of others"


@given(st.text(min_size=6, max_size=12), st.text(max_size=30), st.text(max_size=30))
def test_any_part_of_a_text_counts(needle: str, before: str, after: str) -> None:
    found = leaks({"globex": {needle}}, [of("acme", before + needle + after)])
    assert [(leak.whose, leak.texts, leak.example) for leak in found] == [("globex", 1, needle)]


@given(st.lists(st.text("abcdef", min_size=6, max_size=8), min_size=1, max_size=20), st.text("abcdef", max_size=200))
def test_nothing_else_is_found(needles: list[str], text: str) -> None:
    found = leaks({"globex": set(needles)}, [of("acme", text)])
    expected = {needle for needle in needles if needle in text}
    assert (found[0].texts if found else 0) == len(expected)


def test_many_tenants_with_much_text_are_searched_at_once() -> None:
    own = {f"tenant-{n}": {f"tenant-{n}", *(f"campaign {n}/{k} of many" for k in range(50))} for n in range(200)}
    texts = [of(slug, "\n".join(sorted(held)) * 4) for slug, held in own.items()]
    began = time.monotonic()
    found = leaks({slug: {text for text in held if len(text) > 9} for slug, held in own.items()}, texts)
    assert time.monotonic() - began < 3
    assert {leak.whose for leak in found} <= {f"tenant-{n}" for n in range(20)}
