"""Who would be told, as lint says it beforehand: owners without a channel, promises without an owner, broken links."""

import pytest

from telemetry_assets.freshness.finding import Kind, Severity
from telemetry_assets.model import Promise, Window
from tests.freshness.test_lint import DAY, about

OWNED = [Promise("*", Window(30 * DAY), owner="me")]
UNOWNED = [Promise("*", Window(30 * DAY))]


def test_an_owner_with_a_channel_has_nothing_to_say() -> None:
    assert about(Kind.NO_CHANNEL, OWNED, owners=["me"]) == []


def test_an_owner_no_channel_reaches_is_warned_of_with_what_nobody_would_hear() -> None:
    (one,) = about(Kind.NO_CHANNEL, OWNED, owners=["me", "you"], deaf=["me"])
    assert (one.severity, one.place, len(one.assets)) == (Severity.WARNING, ("owners", "me"), 5)
    assert one.words.startswith(
        "me: no channel, so nobody is told when ads/clicks, staging/clicks, core/daily and 2 more"
    )
    assert "notify: {ERROR: [CHANNEL]}" in one.remedy


def test_an_owner_of_nothing_without_a_channel_is_warned_of_too() -> None:
    (one,) = about(Kind.NO_CHANNEL, OWNED, owners=["me", "you"], deaf=["you"])
    assert one.words == "you: no channel, so nobody is told."


def test_the_fallback_hears_for_an_owner_without_a_channel() -> None:
    (one,) = about(Kind.NO_CHANNEL, OWNED, owners=["me"], deaf=["me"], fallback="HOOK")
    assert (one.severity, one.words) == (Severity.NOTE, "me: no channel of its own, so it is told through HOOK.")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "me and you"),
        ({"escalated_to": {"you"}}, "you"),
        ({"deaf": ["me"]}, "you"),
        ({"deaf": ["me", "you"], "fallback": "HOOK"}, "HOOK"),
        ({"escalated_to": {"you"}, "deaf": ["you"], "fallback": "HOOK"}, "HOOK"),
    ],
)
def test_what_nobody_owns_is_heard_by_those_others_escalate_to_else_by_all(more, told) -> None:
    (one,) = about(Kind.NO_OWNER, UNOWNED, owners=["me", "you"], **more)
    assert f"no owner, so {told} is told" in one.words


@pytest.mark.parametrize("more", [{"deaf": ["me", "you"]}, {"deaf": ["you"], "escalated_to": {"you"}}])
def test_a_promise_whose_error_nobody_would_hear_is_warned_of_at_its_line(more) -> None:
    (one,) = [it for it in about(Kind.NO_CHANNEL, UNOWNED, owners=["me", "you"], **more) if it.place[0] == "promises"]
    assert (one.severity, one.place) == (Severity.WARNING, ("promises", 0))
    assert "no owner, so nobody is told when it is late." in one.words


def test_for_an_owner_that_telemetry_yaml_does_not_know_others_hear_as_for_nobody() -> None:
    (one,) = about(Kind.NO_OWNER, OWNED, owners=["you"])
    assert "the owner 'me' is not in owners, so you is told" in one.words
    deaf = about(Kind.NO_CHANNEL, OWNED, owners=["you"], escalated_to={"you"}, deaf=["you"])
    (one,) = [it for it in deaf if it.place[0] == "promises"]
    assert "the owner 'me' is not in owners, so nobody is told" in one.words


def test_without_owners_it_is_a_note_that_nobody_is_told_unless_the_fallback_is() -> None:
    (one,) = about(Kind.NO_CHANNEL, UNOWNED)
    assert (one.severity, one.place) == (Severity.NOTE, ("promises",))
    assert about(Kind.NO_CHANNEL, UNOWNED, fallback="HOOK") == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("https://b/{tenat}", "nobody knows {tenat}; did you mean {tenant}?"),
        ("https://b/{0}", "nobody knows {0}; there is incident, kind, root, asset, tenant."),
        ("https://b/{asset.__class__}", "nobody knows {asset.__class__}; there is"),
        ("https://b/{asset", "a curly bracket stands alone"),
        ("https://b/}", "a curly bracket stands alone"),
        ("https://b/{}", "nobody knows {}; there is incident"),
        ("https://b/{{x}}/{asset}/{tenant}/{kind}/{root}/{incident}", None),
        ("https://b", None),
        ("https://{tenant}.b/", None),
        ("wiki/page", "is no URL of a page"),
        ("javascript:alert(1)", "is no URL of a page"),
    ],
)
def test_a_link_that_cannot_be_filled_or_leads_to_no_page_is_warned_of(template, words) -> None:
    told = about(Kind.BAD_LINK, OWNED, links={("owners", "me", "dashboard"): template})
    assert [one.severity for one in told] == ([Severity.WARNING] if words else [])
    assert all(words in one.words for one in told)
