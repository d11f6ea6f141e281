"""schemas/accepted.yaml: read strictly, appended to without touching what stands there."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_assets.contracts.acceptance import Acceptance, read_acceptances, with_acceptance
from telemetry_assets.errors import ConfigError

TEXT = """# why we broke whom
- {id: 3fa9c0de, contract: orders, by: ada, reason: "nobody reads it", until: 2027-01-31}

- id: 12345678     # all digits are an id too
  contract: api.orders
  by: Grace H.
  reason: it was wrong
"""


@pytest.mark.promise("A24")
def test_an_entry_says_what_was_accepted_by_whom_why_and_until_when() -> None:
    assert read_acceptances(TEXT) == (
        Acceptance("3fa9c0de", "orders", "ada", "nobody reads it", date(2027, 1, 31), 2),
        Acceptance("12345678", "api.orders", "Grace H.", "it was wrong", None, 4),
    )


@pytest.mark.parametrize("identifier", ["12345678", "3e100000", "00000012", "1_000000"])
def test_an_id_is_read_as_it_is_written(identifier: str) -> None:
    text = f"- {{id: {identifier}, contract: a, by: b, reason: c}}"
    if "_" in identifier:
        with pytest.raises(ConfigError, match="8 hex digits"):
            read_acceptances(text)
    else:
        assert read_acceptances(text)[0].id == identifier


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "[]\n"])
def test_a_file_without_an_entry_accepts_nothing(text: str) -> None:
    assert read_acceptances(text) == ()


def test_an_entry_holds_on_its_last_day_and_not_after() -> None:
    entry = read_acceptances(TEXT)[0]
    assert (entry.holds(date(2027, 1, 31)), entry.holds(date(2027, 2, 1))) == (True, False)
    assert read_acceptances(TEXT)[1].holds(date(2999, 1, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: 3fa9c0de, contract: a, by: b}", r"^accepted.yaml:1: the entry has no reason"),
        ("\n- {id: 3fa9c0de, contract: a, by: b, reason: c, utnil: 2027-01-31}", r":2: utnil is no .* mean until"),
        ("- {id: 3FA9C0DE, contract: a, by: b, reason: c}", r"no id of a change"),
        ("- {id: 3fa9c0d, contract: a, by: b, reason: c}", r"no id of a change"),
        ("- {id: 3fa9c0de, contract: a, by: b, reason: c, until: 2027-02-30}", r"until: '2027-02-30' is no date"),
        ("- {id: 3fa9c0de, contract: a, by: b, reason: c, until: soon}", r"until: 'soon' is no date"),
        ("- {id: 3fa9c0de, contract: a, by: b, reason: c, until: 20270131}", r"is no date"),
        ("- {id: 3fa9c0de, contract: a, by: b, reason: ''}", r"reason is empty"),
        ("- {id: 3fa9c0de, contract: a, by: b, reason: }", r"reason is empty"),
        ("- {id: 3fa9c0de, contract: a, by: ~, reason: x}", r"by is empty"),
        ("- {id: 3fa9c0de, contract: [a], by: b, reason: x}", r"contract is empty or no text"),
        ("- {id: 3fa9c0de, id: 3fa9c0de, contract: a, by: b, reason: x}", r"id is written twice"),
        ("- {[1]: 2}", r"this is no key"),
        ("- 3fa9c0de", r":1: this entry has no keys"),
        ("entries: []", r":1: this is no list"),
        ("- {id: 3fa9c0de", r":1: this is not YAML"),
        ("- a\n---\n- b", r"this is not YAML"),
        ("\x00", r"this is not YAML"),
        (
            "- {id: 3fa9c0de, contract: a, by: b, reason: c}\n" * 2,
            r":2: 3fa9c0de is accepted twice, first on line 1",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_acceptances(text)


@pytest.mark.promise("A24")
def test_an_entry_is_appended_and_the_rest_stays_byte_for_byte() -> None:
    entry = Acceptance("87654321", "orders", "ada", 'a "quote", a: colon', date(2027, 1, 31))
    assert with_acceptance(TEXT, entry) == (
        TEXT + '- {id: "87654321", contract: orders, by: ada, reason: "a \\"quote\\", a: colon", until: 2027-01-31}\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "- {id: 3fa9c0de, contract: a, by: b, reason: \"c\"}\n"),
        ("[]\n", "- {id: 3fa9c0de, contract: a, by: b, reason: \"c\"}\n"),
        ("# why", "- {id: 3fa9c0de, contract: a, by: b, reason: \"c\"}\n"),
        ("  - {id: aaaaaaaa, contract: a, by: b, reason: c}",
         "  - {id: 3fa9c0de, contract: a, by: b, reason: \"c\"}\n"),
    ],
)  # fmt: skip
def test_a_list_is_begun_and_continued_as_it_is_written(before: str, after: str) -> None:
    made = with_acceptance(before, Acceptance("3fa9c0de", "a", "b", "c"))
    assert made == ("" if before == "[]\n" or not before else f"{before}\n") + after


def test_a_list_that_cannot_be_appended_to_says_which_line_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"Add this line yourself: - {id: 3fa9c0de"):
        with_acceptance("[{id: aaaaaaaa, contract: a, by: b, reason: c}]", Acceptance("3fa9c0de", "a", "b", "c"))


words = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)


@given(words, words, words, st.none() | st.dates())
def test_what_was_appended_reads_back(contract: str, by: str, reason: str, until: date | None) -> None:
    entry = Acceptance("3fa9c0de", contract, by, reason, until, 1)
    assert read_acceptances(with_acceptance("", entry)) == (entry,)
