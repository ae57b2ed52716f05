"""How long an offered seat is kept: in every zone, through nights, and never beyond the start."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.offers import (
    OFFER_HOURS_MAX,
    OFFER_MINUTES_MIN,
    OFFER_SHARE,
    QUIET_FROM,
    QUIET_TO,
    offer_expires_at,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHORTEST = OFFER_MINUTES_MIN * MINUTE
QUIET_HOURS = 10
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "starts_at", "until"),
    [
        # Far away: twelve hours, of which nobody has to be awake for.
        ("2026-06-01T09:00", "2026-09-01T19:00", "2026-06-01T21:00"),
        ("2026-06-01T10:00", "2026-09-01T19:00", "2026-06-01T22:00"),
        ("2026-06-01T11:00", "2026-09-01T19:00", "2026-06-02T09:00"),
        ("2026-06-01T22:00", "2026-09-01T19:00", "2026-06-02T20:00"),
        ("2026-06-01T23:30", "2026-09-01T19:00", "2026-06-02T20:00"),
        ("2026-06-01T03:00", "2026-09-01T19:00", "2026-06-01T20:00"),
        # Three days before it is nine hours, one day before three.
        ("2026-06-01T10:00", "2026-06-04T10:00", "2026-06-01T19:00"),
        ("2026-06-01T10:00", "2026-06-02T10:00", "2026-06-01T13:00"),
        # Two hours before it is a quarter of an hour, and so it stays.
        ("2026-06-01T10:00", "2026-06-01T12:00", "2026-06-01T10:15"),
        ("2026-06-01T10:00", "2026-06-01T10:20", "2026-06-01T10:15"),
        ("2026-06-01T10:00", "2026-06-01T10:05", "2026-06-01T10:05"),
        # In the night before, the sleeper gets half of the time that is left, and no more.
        ("2026-06-01T23:00", "2026-06-02T09:00", "2026-06-02T04:00"),
        ("2026-06-02T07:00", "2026-06-02T08:00", "2026-06-02T07:30"),
        # The night in which the clocks are turned, forth and back: waking up is at eight.
        ("2026-03-28T20:00", "2026-06-01T19:00", "2026-03-29T18:00"),
        ("2026-10-24T20:00", "2026-12-01T19:00", "2026-10-25T18:00"),
    ],
)
def test_an_offer_lasts_as_long_as_people_need(now: str, starts_at: str, until: str) -> None:
    assert offer_expires_at(at(now), at(starts_at), BERLIN) == at(until)


def test_a_day_that_a_zone_left_out_is_slept_through() -> None:
    """Samoa went from Thursday to Saturday at the end of 2011."""
    zone = "Pacific/Apia"
    now = at("2011-12-29T20:00", zone)
    until = offer_expires_at(now, now + 90 * 24 * HOUR, zone)
    assert until == at("2011-12-31T18:00", zone)
    assert until - now == (2 + QUIET_HOURS + 10) * HOUR


ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
NOWS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2037, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
LEFT = st.one_of(
    st.timedeltas(min_value=timedelta(microseconds=1), max_value=2 * HOUR),
    st.timedeltas(min_value=HOUR, max_value=timedelta(days=10)),
    st.timedeltas(min_value=timedelta(days=4), max_value=timedelta(days=400)),
)
TURNED = [
    ("Australia/Lord_Howe", "2026-10-03T22:00"),
    ("Australia/Lord_Howe", "2026-04-04T23:50"),
    ("Africa/Casablanca", "2026-02-14T22:30"),
    ("Africa/Casablanca", "2026-03-21T23:00"),
    ("America/Nuuk", "2026-03-28T21:59"),
    ("America/Nuuk", "2026-10-24T22:30"),
    ("America/Havana", "2026-11-01T00:30"),
    ("Antarctica/Troll", "2026-03-29T00:59"),
    ("Asia/Kathmandu", "2026-06-01T21:59"),
    ("Pacific/Apia", "2011-12-29T23:59"),
    ("Pacific/Kwajalein", "1993-08-20T21:00"),
    ("America/Asuncion", "2023-03-25T23:30"),
]


def awake(start: datetime, end: datetime, zone: str) -> timedelta:
    """Time outside quiet hours, looked up on the wall of each minute."""
    step, total, moment = MINUTE, timedelta(0), start
    while moment < end:
        wall = moment.astimezone(ZoneInfo(zone)).time()
        if QUIET_TO <= wall < QUIET_FROM:
            total += min(step, end - moment)
        moment += step
    return total


def wanted(left: timedelta) -> timedelta:
    return max(SHORTEST, min(OFFER_HOURS_MAX * HOUR, left / OFFER_SHARE))


@given(NOWS, LEFT, ZONES)
def test_an_offer_ends_between_a_quarter_of_an_hour_from_now_and_the_start(
    now: datetime, left: timedelta, zone: str
) -> None:
    starts_at = now + left
    until = offer_expires_at(now, starts_at, zone)
    assert now < until <= starts_at
    assert until - now >= min(SHORTEST, left)
    # Somebody else gets a chance, too: nobody sleeps the time away.
    assert until - now <= max(SHORTEST, left / 2)
    assert until - now <= wanted(left) + 3 * QUIET_HOURS * HOUR


@pytest.mark.parametrize(("zone", "wall"), TURNED)
@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("days_left", [0.05, 0.5, 2, 9, 100])
def test_an_offer_in_a_night_with_turned_clocks_ends_in_time(
    zone: str, wall: str, fold: int, days_left: float
) -> None:
    local = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold)
    now = local.astimezone(UTC)
    left = timedelta(days=days_left)
    until = offer_expires_at(now, now + left, zone)
    assert now + SHORTEST <= until <= now + left
    if until < now + left / 2:
        assert abs(awake(now, until, zone) - wanted(left)) <= 3 * MINUTE


@given(NOWS, st.timedeltas(min_value=timedelta(days=4), max_value=timedelta(days=60)), ZONES)
@example(datetime(2026, 3, 28, 22, 0, tzinfo=UTC), timedelta(days=9), "Africa/Casablanca")
def test_far_from_the_event_only_waking_hours_count(
    now: datetime, left: timedelta, zone: str
) -> None:
    until = offer_expires_at(now, now + left, zone)
    # Sampled by the minute, so each evening and morning may be a minute off.
    assert abs(awake(now, until, zone) - wanted(left)) <= 4 * MINUTE
    wall = until.astimezone(ZoneInfo(zone)).time()
    assert QUIET_TO < wall <= QUIET_FROM, "an offer ends when people are awake to see it"


@given(NOWS, LEFT, LEFT, ZONES)
def test_the_nearer_the_event_the_sooner_an_offer_ends(
    now: datetime, one: timedelta, other: timedelta, zone: str
) -> None:
    nearer, farther = sorted((one, other))
    assert offer_expires_at(now, now + nearer, zone) <= offer_expires_at(now, now + farther, zone)


@given(NOWS, LEFT, ZONES, ZONES)
def test_the_clock_of_whoever_asks_makes_no_difference(
    now: datetime, left: timedelta, zone: str, elsewhere: str
) -> None:
    there = ZoneInfo(elsewhere)
    as_seen_there = offer_expires_at(now.astimezone(there), (now + left).astimezone(there), zone)
    assert as_seen_there.astimezone(UTC) == offer_expires_at(now, now + left, zone)
