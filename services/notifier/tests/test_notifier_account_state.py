"""When an account stops, is tried again, and what is told of it: functions of a document."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.account_state import AccountState
from notifier.verdicts import Stopped

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LOST = Stopped(reason="whatsapp-190", cause="token")
SPAM = Stopped(reason="whatsapp-131048", cause="limit", trial_after_seconds=3600)


def stopped(verdict: Stopped = LOST, at: datetime = NOON) -> AccountState:
    return AccountState().stop("whatsapp", "1065", verdict, at)


def test_a_stop_is_one_episode_however_many_replicas_meet_it() -> None:
    state = stopped()
    assert state.state == "stopped"
    assert state.stop("whatsapp", "1065", LOST, NOON + SECOND) == state
    assert stopped(at=NOON + HOUR).episode != state.episode


def test_the_platform_is_asked_every_thirty_seconds_by_one_replica() -> None:
    state = stopped()
    assert not state.may_probe(NOON + 29 * SECOND)
    assert state.may_probe(NOON + 30 * SECOND)
    assert not state.probing(NOON + 30 * SECOND).may_probe(NOON + 59 * SECOND)
    assert not AccountState().may_probe(NOON)


def test_a_good_token_ends_the_stop() -> None:
    state = stopped().resume("b", NOON + MINUTE, conclusive=True)
    assert (state.state, state.resumed_at, state.proven) == ("working", NOON + MINUTE, "b")
    assert state.resume("c", NOON + HOUR, conclusive=True) == state


def test_what_only_a_message_can_show_is_tried_later_each_time() -> None:
    state, now = stopped(SPAM), NOON
    assert not state.may_probe(NOON + 59 * MINUTE)
    waits = []
    for _ in range(5):
        assert state.trial_at is not None
        waits.append(state.trial_at - now)
        now = state.trial_at
        state = state.resume("a", now, conclusive=True)
        assert state.state == "trying"
        state = state.stop("whatsapp", "1065", SPAM, now)
        assert state.told == stopped(SPAM).told
        assert state.episode == stopped(SPAM).episode
    assert waits == [HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 6 * HOUR]


def test_a_message_that_is_taken_ends_the_trial() -> None:
    trying = stopped(SPAM).resume("a", NOON + HOUR, conclusive=True)
    taken = trying.took(NOON + HOUR + SECOND)
    assert (taken.state, taken.resumed_at) == ("working", NOON + HOUR + SECOND)
    assert stopped().took(NOON) == stopped()


def test_without_an_answer_a_message_must_try() -> None:
    assert stopped().resume("a", NOON + MINUTE, conclusive=False).state == "trying"


def test_the_admin_hears_of_the_stop_and_of_its_end_once_each() -> None:
    state = stopped()
    assert state.untold(NOON) == "stopped"
    state = state.and_told("stopped")
    assert state.untold(NOON + HOUR) is None
    state = state.resume("b", NOON + HOUR, conclusive=True)
    over = NOON + HOUR
    # What had waited is sent first, so that it can be counted.
    assert state.untold(over + 9 * SECOND) is None
    counted = state.count(late=3, expired=1, now=over + 9 * SECOND)
    assert counted.untold(over + 23 * SECOND) is None
    assert counted.untold(over + 24 * SECOND) == "resumed"
    still = counted.count(late=1, expired=0, now=over + 10 * MINUTE)
    assert still.untold(over + 10 * MINUTE) == "resumed"
    assert (still.late, still.expired) == (4, 1)
    told = still.and_told("resumed")
    assert told.untold(over + HOUR) is None
    assert told.count(late=1, expired=1, now=over) == told


def test_a_stop_right_after_the_end_goes_on_with_the_episode() -> None:
    state = stopped().and_told("stopped").resume("b", NOON + MINUTE, conclusive=True)
    again = state.stop("whatsapp", "1065", LOST, NOON + MINUTE + SECOND)
    assert (again.episode, again.untold(NOON + MINUTE + SECOND)) == (state.episode, None)
    # After it was told that all is well, it is another one.
    other = state.and_told("resumed").stop("whatsapp", "1065", LOST, NOON + HOUR)
    assert other.episode != state.episode
    assert other.untold(NOON + HOUR) == "stopped"


def test_a_replica_that_has_the_old_token_still_stops_alone() -> None:
    state = stopped().resume("new", NOON + MINUTE, conclusive=True)
    assert state.knows_better_than("old", NOON + MINUTE + SECOND)
    assert not state.knows_better_than("new", NOON + MINUTE + SECOND)
    # Every replica has had the time to get the new one.
    assert not state.knows_better_than("old", NOON + HOUR)
    assert not AccountState().knows_better_than("old", NOON)


@pytest.mark.parametrize(("days", "warned"), [(8, False), (7, True), (1, True), (-1, True)])
def test_a_tokens_end_is_told_once_a_day_from_a_week_before(days: int, *, warned: bool) -> None:
    ends = NOON + timedelta(days=days)
    state = AccountState().warning(ends, NOON)
    assert (state.warned_on is not None) is warned
    assert state.warning(ends, NOON + HOUR) == state
    assert AccountState().warning(None, NOON) == AccountState()
    if warned:
        assert state.warning(ends, NOON + timedelta(days=1)) != state
