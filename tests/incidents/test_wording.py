"""What a message says: headlines, facts, links, and what no foreign text can do to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.incidents import wording
from telemetry_assets.incidents.headline import cause_text
from telemetry_assets.incidents.links import filled
from telemetry_assets.incidents.message import Message, message_json, message_of
from telemetry_assets.incidents.routing import Route, Routing
from telemetry_assets.incidents.texts import cut, one_line
from telemetry_assets.incidents.trouble import Dashboard, Trouble
from telemetry_assets.model import CauseKind, State
from telemetry_assets.spoken import counted, named, spoken
from tests.incidents.made import ERROR, HOUR, MINUTE, NOON, ROUTING, Life, all_of, cross, trouble

K = CauseKind


def told(
    *troubles: Trouble, routing: Routing = ROUTING, dashboards: Mapping[str, Sequence[Dashboard]] | None = None
) -> Message:
    """The first message of an incident that opens."""
    life = Life(routing)
    life.look(0, *troubles, dashboards=dashboards)
    return life.messages[0]


class TestHeadline:
    @pytest.mark.promise("B54")
    def test_it_names_the_cause_what_breaks_and_the_worst_of_it(self) -> None:
        late = all_of(cross([f"marts/m{number}" for number in range(4)], ("acme", "birch", "northshore")))
        worst = trouble(asset="marts/x", tenant="northshore", age=190)
        assert told(*late[1:], worst).headline == (
            "shop: sync failed; 12 promises of 3 tenants are late"
            " (worst: marts/x for northshore, 3 h 10 min old, promised under 60 min)"
        )

    @pytest.mark.parametrize(
        ("troubles", "headline"),
        [
            ([trouble()], "shop: sync failed; marts/sales for acme is late (1 h 30 min old, promised under 60 min)"),
            ([trouble(tenant="*")], "shop: sync failed; marts/sales is late (1 h 30 min old, promised under 60 min)"),
            (
                [trouble(state=State.MISSING), trouble(asset="m")],
                (
                    "shop: sync failed; 2 promises of acme are broken"
                    " (worst: marts/sales for acme, never seen, promised under 60 min)"
                ),
            ),
            (
                [trouble(), trouble(asset="m", state=State.WARN), trouble(asset="n", tenant="*")],
                (
                    "shop: sync failed; 2 of 3 promises are late"
                    " (worst: marts/sales for acme, 1 h 30 min old, promised under 60 min)"
                ),
            ),
            (
                [trouble(K.ZERO_ROWS, state=State.WARN, age=50)],
                "shop: syncs succeed and bring 0 rows; marts/sales for acme is due (50 min old, promised under 60 min)",
            ),
            (
                [
                    trouble(K.COULD_NOT_LOOK, "db", state=State.UNKNOWN),
                    trouble(K.COULD_NOT_LOOK, "db", "m", "*", state=State.UNKNOWN),
                ],
                "db: could not be looked at; 2 promises cannot be judged (worst: m, promised under 60 min)",
            ),
            (
                [
                    trouble(K.CHECK_FAILED, "m", "m", tenant, state=None, says="not_null failed: 3 rows")
                    for tenant in "xy"
                ],
                "m: check failed; 2 tenants: not_null failed: 3 rows",
            ),
            (
                [
                    trouble(
                        K.RUN_FAILED, "nightly", "", "*", state=None, says="the newest run of nightly failed 3 min ago"
                    )
                ],
                "nightly: run failed; the newest run of nightly failed 3 min ago",
            ),
        ],
    )
    def test_alone_it_says_what_is_the_matter(self, troubles: list[Trouble], headline: str) -> None:
        assert told(*troubles).headline == headline

    def test_a_deadline_is_promised_by_an_hour(self) -> None:
        late = trouble()
        by = replace(late, standing=replace(late.standing, limit="by 09:00 (Europe/Vienna)"))
        assert told(by).headline.endswith("is late (1 h 30 min old, promised by 09:00 (Europe/Vienna))")

    def test_every_kind_has_its_words(self) -> None:
        assert all(cause_text(kind, "here") for kind in CauseKind)


class TestParts:
    def test_a_message_survives_its_json(self) -> None:
        board = Dashboard("Sales board", "marketing", "https://bi/1")
        late = trouble(quote="401 Unauthorized", since=NOON - 2 * HOUR)
        message = told(late, trouble(asset="m", says="and this"), dashboards={"m": [board, Dashboard("No page")]})
        assert message.links == (("Sales board", "https://bi/1"),)
        assert message_of(message_json(message)) == message

    @pytest.mark.promise("B19")
    def test_links_are_quoted_for_urls(self) -> None:
        route = Route(
            "data-eng",
            {ERROR: ("slack",)},
            dashboard="https://bi/?asset={asset}&tenant={tenant}",
            runbook="https://wiki/{kind}/{root}#{incident}",
        )
        routing = Routing(routes={"data-eng": route}, dagster_url="https://dagster.example")
        late = trouble(asset="marts/sales day", tenant="a&b=c", root="shop/<orders>")
        assert told(late, routing=routing).links == (
            ("shop/<orders> in Dagster", "https://dagster.example/assets/shop/%3Corders%3E"),
            ("marts/sales day in Dagster", "https://dagster.example/assets/marts/sales%20day"),
            ("Runbook", "https://wiki/sync_failed/shop%2F%3Corders%3E#1"),
            ("Dashboard", "https://bi/?asset=marts%2Fsales%20day&tenant=a%26b%3Dc"),
        )

    def test_facts_count_what_is_hit_and_name_some(self) -> None:
        board = Dashboard("Sales board", "marketing", "https://bi/1")
        hit = all_of(cross([f"m{number}" for number in range(12)], ("acme", "birch")))
        late = [replace(one, root="shop/orders", since=NOON - 2 * HOUR) for one in hit]
        message = told(*late, dashboards={"m1": [board]})
        assert message.facts == (
            ("Worst", "m0 for acme: 1 h 30 min old, promised under 60 min"),
            ("Hits", "12 assets: m0, m1, m10 and 9 more, 2 tenants: acme and birch"),
            ("Dashboards", "Sales board"),
            ("Since", "10:00 UTC, 2 h ago"),
            ("Look at", "shop/orders"),
        )
        assert message.reach == (24, 12, 2)
        assert (len(message.assets), message.tenants) == (10, ("acme", "birch"))

    @pytest.mark.parametrize(
        "template",
        ["https://bi/{nope}", "https://bi/{", "https://bi/{asset.__class__}", "https://bi/{0}", "https://bi/{asset!r}",
         "https://bi/{asset:>{tenant}}", "javascript:alert(1)", "https://[bi/", "https://bi/\nx"],
    )  # fmt: skip
    def test_a_template_that_cannot_be_filled_costs_its_link_and_nothing_else(self, template: str) -> None:
        good = Route("data-eng", {ERROR: ("slack",)}, runbook="https://wiki/{kind}")
        message = told(trouble(), routing=Routing(routes={"data-eng": replace(good, dashboard=template)}))
        assert message.links == (("Runbook", "https://wiki/sync_failed"),)
        assert len(message.notes) == 1
        assert "left out" in message.notes[0]

    def test_two_owners_of_one_message_each_have_their_links(self) -> None:
        routes = {name: Route(name, {ERROR: ("slack",)}, runbook=f"https://{name}/{{kind}}") for name in ("a", "b")}
        message = told(trouble(owner="a"), trouble(asset="m", owner="b"), routing=Routing(routes=routes))
        assert message.links == (
            ("Runbook of a", "https://a/sync_failed"),
            ("Runbook of b", "https://b/sync_failed"),
        )

    @given(st.text(st.characters(), max_size=50))
    def test_whatever_is_filled_in_stays_one_piece_of_the_url(self, value: str) -> None:
        made = filled("https://x/{asset}/y", {"asset": value})
        assert made.isascii()
        assert not set("?#&<>\"' \r\n") & set(made)
        assert made.count("/") == 4

    def test_hostile_names_and_endless_texts_stay_short_and_on_their_line(self) -> None:
        nasty = "x\r\nBcc: all@example.com\x1b[31m<!channel>\u2028" + "y" * 10_000_000
        message = told(trouble(where=nasty, asset=nasty, tenant=nasty, says=nasty, quote=nasty, owner="data-eng"))
        sent = message_json(message)
        assert len(str(sent)) < 12_000
        for text in (message.headline, message.where, *message.owners, *message.assets, *message.tenants):
            assert not set("\r\n\x1b\u2028") & set(text)
            assert len(text) <= 600

    def test_what_is_over_says_what_it_was_and_no_more_what_to_do(self) -> None:
        life = Life()
        late = [trouble(asset="m", says="the token has expired"), trouble(says="and this")]
        life.look(0, *late)
        life.look(5)
        over = life.messages[-1]
        assert (over.step, over.says, over.remedy, over.evidence) == (
            "resolved",
            "It was: the token has expired",
            "",
            (),
        )
        assert ("Hit", "2 assets: m and marts/sales, 1 tenant: acme") in over.facts

    def test_what_only_waited_at_its_end_is_told_by_its_cause_and_by_all_that_it_hit(self) -> None:
        life = Life()
        life.look(0, *all_of(cross(["m", "n"], ("acme", "birch"))))
        life.look(5, trouble(K.WAITING, "n", "n", says="the next run takes it in"))
        life.look(6)
        over = life.messages[-1]
        assert (over.step, over.says) == ("resolved", "")
        assert "shop: sync failed" in over.headline
        assert ("Hit", "4 promises at the most") in over.facts

    def test_a_test_is_marked_as_one(self) -> None:
        message = wording.test_message("slack", NOON)
        assert message.test
        assert "Nothing is wrong" in message.headline
        assert message.key != wording.test_message("slack", NOON + timedelta(seconds=1)).key


class TestPieces:
    @pytest.mark.parametrize(
        ("duration", "words"),
        [
            (timedelta(seconds=45.9), "45 s"),
            (6 * MINUTE, "6 min"),
            (3 * HOUR + 10 * MINUTE, "3 h 10 min"),
            (timedelta(days=3, hours=2, minutes=5), "3 d 2 h"),
            (timedelta(days=1, minutes=5), "1 d"),
            (timedelta(0), "0 s"),
            (-MINUTE, "0 s"),
        ],
    )
    def test_durations(self, duration: timedelta, words: str) -> None:
        assert spoken(duration) == words

    def test_counts_and_names(self) -> None:
        assert (counted(1, "promise"), counted(2000, "promise")) == ("1 promise", "2,000 promises")
        assert [named("abcde"[:number]) for number in (0, 1, 2, 3, 5)] == [
            "",
            "a",
            "a and b",
            "a, b and c",
            "a, b, c and 2 more",
        ]

    @given(st.text(), st.integers(2, 30))
    def test_a_cut_is_never_longer_than_asked_for(self, text: str, length: int) -> None:
        assert len(cut(text, length)) <= length
        assert len(one_line(text, length).splitlines()) <= 1
