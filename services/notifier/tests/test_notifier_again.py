"""What failed together does not come again together; what a platform asks for is kept to."""

import asyncio
import random
from datetime import timedelta

import httpx
import pytest
from notifier_house import NOON
from notifier_stage import Stage

from notifier import real_time
from notifier.again import JITTER_SHARE_MAX, Again
from notifier.decisions import backoff_seconds
from notifier.pace import Paces
from notifier.peers import Peer
from notifier.waiting import PARK_AFTER_SECONDS, TooSoon, wait_after
from runtime.failures import Retry

DRAWS = 4000
PARTS = 8
"""Of the time that may be added, each gets about as many."""


@pytest.mark.parametrize("chosen", [backoff_seconds(0), backoff_seconds(2), 600.0])
def test_a_time_of_our_own_is_kept_and_spread_evenly_over_a_fifth_more(chosen: float) -> None:
    random.seed(20261123)
    added = [Again("telegram-500", chosen).after_seconds / chosen - 1 for _ in range(DRAWS)]
    assert 0 <= min(added) <= max(added) <= JITTER_SHARE_MAX
    counts = [0] * PARTS
    for share in added:
        counts[min(int(share / JITTER_SHARE_MAX * PARTS), PARTS - 1)] += 1
    assert all(0.8 < count / (DRAWS / PARTS) < 1.2 for count in counts), counts


def test_what_was_a_short_wait_stays_one_whatever_is_added() -> None:
    """It waits in its lane; its jitter alone parks nobody."""
    assert all(wait_after(Again("answer-lost", PARK_AFTER_SECONDS)) is None for _ in range(200))
    wait = wait_after(Again("whatsapp-131053", 4.0))
    assert wait is not None
    assert wait.until is not None
    assert 3.9 < (wait.until - real_time.now()).total_seconds() <= 4.8


@pytest.mark.parametrize("error", [Retry("telegram-429", 30.0), TooSoon(30.0)])
def test_what_a_platform_asks_for_and_the_pace_of_a_chat_get_nothing_added(error: Retry) -> None:
    for _ in range(200):
        wait = wait_after(error)
        assert wait is not None
        assert wait.until is not None
        assert (wait.until - real_time.now()).total_seconds() <= 30


def test_a_pair_is_left_alone_a_little_longer_only_where_no_time_is_named() -> None:
    pair = Paces().whatsapp_pair
    named = Peer().throttle(pair, NOON, 30.0, stretch=1.2)
    assert named.paused_until == NOON + timedelta(seconds=30)
    ours = Peer(refusals=2, paused_until=NOON).throttle(pair, NOON, None, stretch=1.2)
    assert ours.paused_until == NOON + timedelta(seconds=16 * 1.2)


async def test_messages_that_were_refused_at_once_come_again_one_by_one(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    """Over the real way, as the platform sees it: none before its time, and not all in a row."""
    people = [await stage.person("whatsapp") for _ in range(8)]
    for person in people:
        chat = person.address.chat_id
        await stage.fault("error", "whatsapp", code=131053, person=chat, count=1)
    messages = await asyncio.gather(*(stage.send(person) for person in people))
    for message in messages:
        assert await stage.outcome(message) == ("accepted", None, False)
    waits = []
    for person in people:
        chat = person.address.chat_id
        (refused,) = await stage.calls(person=chat, outcome="refused")
        (taken,) = await stage.calls(person=chat, outcome="accepted")
        waits.append(taken["real"] - refused["real"])
    assert min(waits) >= backoff_seconds(0)
    assert max(waits) - min(waits) > JITTER_SHARE_MAX / 4
