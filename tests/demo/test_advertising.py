"""The example's rows: the same for the same instant, and moving as an ads platform's do."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_assets.demo.advertising import ACCOUNTS, DAYS, KEYS, PARISHES, Row, Source, Stream, rows, truth

NOW = datetime(2026, 3, 4, 15, 34, 56, tzinfo=UTC)

instants = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001
accounts = st.sampled_from(sorted(ACCOUNTS))
seeds = st.integers(0, 2**32)


def key(account: str, stream: Stream, row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in KEYS[ACCOUNTS[account].source, stream])


def instant(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["updated_at"]))


def spent(account: str, found: tuple[Row, ...]) -> float:
    meta = ACCOUNTS[account].source is Source.META
    return sum(float(row["spend"]) if meta else int(row["cost_micros"]) / 1e6 for row in found)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, account=accounts, now=instants)
@pytest.mark.slow
def test_whatever_the_seed_and_instant_keys_are_unique_and_nothing_is_from_the_future(
    seed: int, account: str, now: datetime
):
    for stream, found in truth(account, now, seed).items():
        assert len({key(account, stream, row) for row in found}) == len(found) > 0
        assert all(instant(row) <= now for row in found)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, account=accounts, now=instants)
@pytest.mark.slow
def test_whatever_the_seed_and_instant_an_ad_is_clicked_no_more_than_seen_and_no_number_is_negative(
    seed: int, account: str, now: datetime
):
    for row in rows(seed, account, Stream.INSIGHTS, now):
        assert 0 <= float(row["conversions"]) <= int(row["clicks"]) <= int(row["impressions"])
        assert float(row.get("spend", row.get("cost_micros", -1))) >= 0


@settings(max_examples=25, deadline=None)
@given(account=accounts, now=instants, pause=st.timedeltas(timedelta(0), timedelta(days=5)))
@pytest.mark.slow
def test_a_full_read_and_then_only_what_changed_give_the_whole_truth(account: str, now: datetime, pause: timedelta):
    first = {key(account, Stream.INSIGHTS, row): row for row in rows(7, account, Stream.INSIGHTS, now)}
    cursor = max(instant(row) for row in first.values())
    later = rows(7, account, Stream.INSIGHTS, now + pause, since=cursor)
    held = first | {key(account, Stream.INSIGHTS, row): row for row in later}
    for row in truth(account, now + pause)[Stream.INSIGHTS]:
        assert held[key(account, Stream.INSIGHTS, row)] == row


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(account=accounts, now=instants)
def test_spend_of_a_day_never_shrinks_as_time_goes_on(account: str, now: datetime):
    before, after = (truth(account, at)[Stream.INSIGHTS] for at in (now, now + timedelta(hours=1)))
    later = {key(account, Stream.INSIGHTS, row): row for row in after}
    same_keys = [(row, later.get(key(account, Stream.INSIGHTS, row))) for row in before]
    money = "spend" if ACCOUNTS[account].source is Source.META else "cost_micros"
    assert all(float(old[money]) <= float(new[money]) for old, new in same_keys if new)


@pytest.mark.parametrize("account", sorted(ACCOUNTS))
def test_an_account_has_about_eight_thousand_rows_over_ninety_days_and_fourteen_parishes(account: str):
    found = truth(account, NOW)[Stream.INSIGHTS]
    day, parish = ("date", "parish") if ACCOUNTS[account].source is Source.META else ("segments_date", "geo_parish")
    assert 7_500 < len(found) < 8_500
    assert len({row[day] for row in found}) == DAYS
    assert {row[parish] for row in found} == set(PARISHES)
    assert len(PARISHES) == 14
    assert sum(PARISHES.values()) == pytest.approx(1)


@pytest.mark.parametrize("account", sorted(ACCOUNTS))
def test_the_figures_look_like_advertising(account: str):
    found = truth(account, NOW)[Stream.INSIGHTS]
    spend, seen, clicked = (
        spent(account, found),
        *(sum(int(row[name]) for row in found) for name in ("impressions", "clicks")),
    )
    value = sum(float(row.get("conversion_value", row.get("conversions_value", 0))) for row in found)
    assert 0.01 < clicked / seen < 0.03
    assert 0.2 < spend / clicked < 0.6
    assert 2 < value / spend < 9


def test_weekends_cost_more_than_the_start_of_the_week():
    by_weekday = dict.fromkeys(range(7), 0.0)
    for row in truth("101", NOW)[Stream.INSIGHTS]:
        by_weekday[date.fromisoformat(str(row["date"])).weekday()] += float(row["spend"])
    assert by_weekday[5] > 1.1 * by_weekday[1]


def test_today_moves_every_minute_while_an_old_day_stands_still():
    before, after = (truth("102", at)[Stream.INSIGHTS] for at in (NOW, NOW + timedelta(minutes=1)))
    assert {row["updated_at"] for row in before if row["date"] == "2026-03-04"} == {"2026-03-04T15:34:00Z"}
    assert {row["updated_at"] for row in after if row["date"] == "2026-03-04"} == {"2026-03-04T15:35:00Z"}
    old = [row for row in before if str(row["date"]) < "2026-02-20"]
    assert old == [row for row in after if str(row["date"]) < "2026-02-20"]


def test_some_past_days_are_restated_up_to_three_days_later_with_more_conversions():
    then = datetime(2026, 3, 2, 12, tzinfo=UTC)
    early = {key("102", Stream.INSIGHTS, row): row for row in truth("102", then)[Stream.INSIGHTS]}
    late = truth("102", then + timedelta(days=4))[Stream.INSIGHTS]
    pairs = [(early[key("102", Stream.INSIGHTS, row)], row) for row in late if str(row["date"]) < "2026-03-02"]
    restated = [(old, new) for old, new in pairs if old["updated_at"] != new["updated_at"]]
    assert restated
    for old, new in restated:
        assert instant(new) - instant(old) <= timedelta(hours=72)
        assert float(new["conversions"]) >= float(old["conversions"])
        assert {**new, "updated_at": 0, "conversions": 0, "conversion_value": 0} == {
            **old, "updated_at": 0, "conversions": 0, "conversion_value": 0,
        }  # fmt: skip


def test_a_day_is_the_accounts_own_not_utc():
    at = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)  # 21:00 on the 4th in Jamaica, 02:00 on the 5th in London
    assert max(str(row["date"]) for row in truth("101", at)[Stream.INSIGHTS]) == "2026-03-04"
    assert max(str(row["date"]) for row in truth("105", at)[Stream.INSIGHTS]) == "2026-03-05"


def test_campaigns_run_pause_and_end_in_each_platforms_own_words():
    meta, google = ({row["status"] for row in truth(id, NOW)[Stream.CAMPAIGNS]} for id in ("102", "9002"))
    assert meta == {"ACTIVE", "PAUSED", "ARCHIVED"}
    assert google == {"ENABLED", "PAUSED", "REMOVED"}


def test_every_row_belongs_to_a_campaign_and_every_month_of_spend_has_a_budget():
    for account in ACCOUNTS:
        found = truth(account, NOW)
        day = "date" if ACCOUNTS[account].source is Source.META else "segments_date"
        campaigns = {row["id"] for row in found[Stream.CAMPAIGNS]}
        ads = {row["id"] for row in found[Stream.ADS]}
        budgets = {(row["campaign_id"], str(row["month"])[:7]) for row in found[Stream.BUDGETS]}
        assert {row["ad_id"] for row in found[Stream.INSIGHTS]} <= ads
        assert {row["campaign_id"] for row in found[Stream.ADS]} <= campaigns
        assert {(row["campaign_id"], str(row[day])[:7]) for row in found[Stream.INSIGHTS]} <= budgets


def test_another_seed_gives_other_numbers_under_the_same_keys():
    one, other = (truth("103", NOW, seed)[Stream.INSIGHTS] for seed in (7, 8))
    assert [key("103", Stream.INSIGHTS, row) for row in one] == [key("103", Stream.INSIGHTS, row) for row in other]
    assert spent("103", one) != spent("103", other)
