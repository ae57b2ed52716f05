"""How fast a message to many is fed, and when it stops: arithmetic on what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.topology import PERMITS_PER_SECOND
from registry.messages.feeding import (
    CANARY_PEOPLE_MIN,
    CANARY_SETTLING,
    CANARY_WAIT,
    OUTSTANDING_SECONDS_MAX,
    RATE_WINDOW,
    RECENT_RESULTS_MIN,
    RECIPIENTS_PER_TICK_MAX,
    Lane,
    Results,
    canary_size,
    plan,
    rate_per_second,
    seconds_left,
)

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=10)
MINUTE = OUTSTANDING_SECONDS_MAX * PERMITS_PER_SECOND["telegram"]


def lane(message: int = 1, **values: Any) -> Lane:
    usual: dict[str, Any] = {
        "message_id": UUID(int=message),
        "platform": "telegram",
        "total": 10_000,
        "handed_over": 0,
        "cleared": True,
        "outstanding": 0,
    }
    return Lane(**usual | values)


def canary(settled: int, errors: int = 0, at: datetime = NOW - CANARY_SETTLING) -> Lane:
    """A lane whose first hundred were handed over just now."""
    return lane(
        cleared=False,
        handed_over=100,
        outstanding=100 - settled,
        newest_handed_over_at=NOW,
        canary=Results(settled=settled, errors=errors, newest_at=at if settled else None),
    )


@pytest.mark.parametrize(("total", "first"), [(0, 0), (3, 3), (5, 5), (499, 5), (10_000, 100)])
def test_one_in_a_hundred_goes_first_and_never_fewer_than_say_something(
    total: int, first: int
) -> None:
    assert canary_size(total) == first
    assert CANARY_PEOPLE_MIN == 5


def test_only_the_first_part_is_handed_over_until_it_went_well() -> None:
    beginning = lane(cleared=False)
    assert plan([beginning], NOW).pages == [(beginning, 100)]
    for waiting in (canary(0), canary(99), canary(100, at=NOW)):
        decided = plan([waiting], NOW)
        assert (decided.pages, decided.stops, decided.cleared) == ([], {}, set())
    decided = plan([well := canary(100, errors=20)], NOW)
    assert decided.cleared == {(well.message_id, "telegram")}
    assert decided.pages == [(well, RECIPIENTS_PER_TICK_MAX)]


def test_a_first_part_with_too_many_errors_stops_the_message_and_says_of_how_many() -> None:
    decided = plan([canary(100, errors=21)], NOW)
    (stop,) = decided.stops.values()
    assert (stop.because, stop.platform, stop.errors, stop.of) == ("canary", "telegram", 21, 100)
    assert (decided.pages, decided.cleared) == ([], set())


def test_one_chat_that_must_wait_for_hours_does_not_hold_up_everybody() -> None:
    waits = replace(canary(99), newest_handed_over_at=NOW - CANARY_WAIT)
    assert plan([waits], NOW).cleared
    too_few = replace(canary(79), newest_handed_over_at=NOW - CANARY_WAIT)
    assert not plan([too_few], NOW).cleared


def test_later_errors_stop_it_too_once_there_are_enough_results_to_tell() -> None:
    few = Results(settled=RECENT_RESULTS_MIN - 1, errors=RECENT_RESULTS_MIN - 1)
    assert not plan([lane(handed_over=5_000, recent=few)], NOW).stops
    enough = Results(settled=200, errors=41)
    (stop,) = plan([lane(handed_over=5_000, recent=enough)], NOW).stops.values()
    assert stop.because == "errors"
    nothing_left = lane(handed_over=10_000, recent=enough)
    assert not plan([nothing_left], NOW).stops


def test_one_broken_platform_stops_the_message_and_not_others() -> None:
    broken = replace(canary(100, errors=100), platform="whatsapp")
    sound, other = lane(handed_over=100), lane(2)
    decided = plan([broken, sound, other], NOW)
    assert set(decided.stops) == {broken.message_id}
    assert [one for one, _ in decided.pages] == [other]


def test_no_more_than_a_minute_of_sending_waits() -> None:
    assert plan([lane(outstanding=MINUTE)], NOW).pages == []
    assert plan([lane(outstanding=MINUTE - 7)], NOW).pages[0][1] == 7
    assert plan([lane(outstanding=100)], NOW, {"telegram": MINUTE - 100}).pages == []


def test_a_slow_platform_is_fed_slowly_and_begins_again_when_it_is_back() -> None:
    waits_long: dict[str, Any] = {"outstanding": 600, "oldest_outstanding_at": NOW - RATE_WINDOW}
    slow = lane(settled_in_window=300, **waits_long)
    assert rate_per_second("telegram", [slow], NOW) == 10.0
    assert plan([slow], NOW).pages == []
    stands = lane(outstanding=0, oldest_outstanding_at=LONG_AGO)
    assert plan([stands], NOW).pages[0][1] == MINUTE // 10


def test_a_faster_account_is_fed_faster() -> None:
    fast = lane(settled_in_window=3_000, outstanding=MINUTE)
    assert rate_per_second("telegram", [fast], NOW) == 100.0
    assert plan([fast], NOW).pages == [(fast, RECIPIENTS_PER_TICK_MAX)]


def test_two_messages_share_the_minute_whoever_has_least_waiting_first() -> None:
    one, two = lane(1, outstanding=1_300), lane(2)
    assert plan([one, two], NOW).pages == [(two, 100), (one, 100)]


def test_it_is_done_when_everybody_has_a_result() -> None:
    sent, waits = lane(handed_over=10_000), lane(2, handed_over=10_000, outstanding=1)
    assert plan([sent, waits], NOW).done == {sent.message_id}


def test_the_time_left_is_that_of_the_slowest_platform() -> None:
    some = lane(handed_over=9_000)
    many = lane(platform="whatsapp", handed_over=4_000, outstanding=6_000)
    everything = [some, many]
    assert seconds_left(everything, everything, NOW) == pytest.approx(
        12_000 / PERMITS_PER_SECOND["whatsapp"]
    )
    assert seconds_left(everything, [], NOW) == 0.0


counts = st.integers(0, 3_000)


@given(
    lanes=st.lists(
        st.builds(
            lane,
            message=st.integers(1, 4),
            platform=st.sampled_from(["telegram", "whatsapp", "email"]),
            total=st.just(3_000),
            handed_over=counts,
            cleared=st.booleans(),
            outstanding=counts,
            oldest_outstanding_at=st.sampled_from([None, NOW, LONG_AGO]),
            settled_in_window=counts,
        ),
        max_size=6,
        unique_by=lambda one: (one.message_id, one.platform),
    )
)
def test_whatever_there_is_a_tick_stays_within_its_limits(lanes: list[Lane]) -> None:
    pages = plan(lanes, NOW).pages
    assert sum(count for _, count in pages) <= RECIPIENTS_PER_TICK_MAX
    for platform in {one.platform for one, _ in pages}:
        rate = rate_per_second(platform, lanes, NOW)
        waiting = sum(one.outstanding for one in lanes if one.platform == platform)
        added = sum(count for one, count in pages if one.platform == platform)
        assert waiting + added <= OUTSTANDING_SECONDS_MAX * rate
    for one, count in pages:
        assert one.handed_over + count <= (one.total if one.cleared else one.canary_size)
