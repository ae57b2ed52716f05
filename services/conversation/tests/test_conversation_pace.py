"""Everybody is answered, and nobody can flood the others."""

from datetime import datetime, timedelta
from uuid import uuid5

import pytest
from conversation_talk import ANN, ANN_SENDS, NOW, SPACE, Talk, World, take
from hypothesis import given
from hypothesis import strategies as st

from contracts import ClaimSeat, InboundMessage, OutboundMessage, TextSaid
from conversation.dialogue import State, Step
from conversation.dialogue.pace import BURST, CALM, INTERVAL, paced

EN_ROUTE = timedelta(seconds=2)
"""From the platform to us."""


def heard(state: State, sent_at: datetime, now: datetime | None = None) -> State | None:
    """The state once it was read, or None."""
    within = paced(state, sent_at, now or sent_at + EN_ROUTE)
    return None if within is None else within.heard(sent_at)


def read(times: list[datetime], now: datetime | None = None) -> list[datetime]:
    """Which of the things said at these times are read."""
    state = State()
    accepted: list[datetime] = []
    for sent_at in times:
        if (within := heard(state, sent_at, now)) is not None:
            state = within
            accepted.append(sent_at)
    return accepted


gaps = st.lists(st.integers(0, 90), max_size=200)


@given(gaps)
def test_nothing_is_lost_of_what_comes_within_the_pace(gaps: list[int]) -> None:
    at = NOW
    times: list[datetime] = []
    for gap in gaps:
        at += timedelta(seconds=gap)
        # Within the pace is: never more in any window than its seconds and the burst allow.
        if all(
            len(times) - number + 1 <= BURST + (at - earlier) // INTERVAL
            for number, earlier in enumerate(times)
        ):
            times.append(at)
    assert read(times) == times


@given(gaps)
def test_never_more_is_read_than_the_pace_and_one_burst(gaps: list[int]) -> None:
    at = NOW
    times: list[datetime] = []
    for gap in gaps:
        at += timedelta(milliseconds=gap * 20)
        times.append(at)
    accepted = read(times)
    for number, first in enumerate(accepted):
        within_ten_seconds = [one for one in accepted[number:] if one - first < INTERVAL * 10]
        assert len(within_ten_seconds) <= BURST + 10


def test_an_impatient_person_and_a_backlog_after_an_outage_are_read() -> None:
    assert len(read([NOW] * 20)) == 20
    # An hour of talk, one word in ten seconds, worked on in one moment.
    hour = [NOW + INTERVAL * 10 * number for number in range(360)]
    assert read(hour, now=NOW + timedelta(hours=2)) == hour


def test_what_was_overtaken_on_its_way_is_no_flood() -> None:
    late = [NOW - timedelta(minutes=10) + INTERVAL * number for number in range(20)]
    assert len(read([NOW, *late], now=NOW + EN_ROUTE)) == 21


def test_a_time_in_the_future_silences_nobody() -> None:
    ahead = heard(State(), NOW + timedelta(days=365), now=NOW)
    assert ahead is not None
    for number in range(BURST * 2):
        now = NOW + INTERVAL * (number + 1)
        ahead = heard(ahead, now, now=now)
        assert ahead is not None


def say(state: State, number: int, sent_at: datetime) -> Step:
    item = InboundMessage(
        id=uuid5(SPACE, f"flood {number}"),
        occurred_at=sent_at,
        correlation_id=uuid5(SPACE, f"flood {number}"),
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text="help"),
        sent_at=sent_at,
    )
    return take(state, item, World(), sent_at + EN_ROUTE)


def test_a_flood_is_answered_up_to_the_burst_and_one_word_is_said_about_the_rest() -> None:
    state = State()
    steps = []
    for number in range(1000):
        steps.append(taken := say(state, number, NOW))
        state = taken.state
    assert [bool(taken.owed) for taken in steps] == [True] * (BURST + 1) + [False] * (999 - BURST)
    assert [taken.shed for taken in steps] == [False] * BURST + [True] * (1000 - BURST)
    (word,) = steps[BURST].owed
    assert isinstance(word, OutboundMessage)
    assert "a lot at once" in word.text
    assert steps[BURST + 1].state == steps[BURST].state

    # Who has calmed down is heard again, and told again in the next flood.
    calm_at = NOW + INTERVAL * BURST
    taken = say(state, 1000, calm_at)
    assert taken.owed
    assert not taken.state.flooded


def test_a_flood_that_goes_on_is_mentioned_once() -> None:
    """Five in a second for two minutes: one in a second is read, and one word said of the rest."""
    state, words, answers = State(), 0, 0
    for number in range(600):
        taken = say(state, number, NOW + INTERVAL * number / 5)
        state = taken.state
        words += taken.shed and bool(taken.owed)
        answers += not taken.shed
    assert words == 1
    assert BURST + 115 <= answers <= BURST + 120
    assert CALM < INTERVAL * BURST


@pytest.mark.parametrize("waits", [False, True])
def test_the_outcome_of_a_wish_is_told_in_the_middle_of_a_flood(waits: bool) -> None:
    talk = Talk()
    for text in ("/start", "1", "yes", "Ann Lee", "ann@example.com"):
        talk.says(text)
    talk.taps("Confirm")
    (claim,) = talk.commands
    assert isinstance(claim, ClaimSeat)
    if not waits:
        talk.gets_a_seat()
    assert talk.state is not None
    flooded = talk.state
    for number in range(60):
        flooded = say(flooded, number, talk.now).state
    assert flooded.flooded
    talk.state = flooded
    assert "PyCon" in talk.gets_a_seat()
