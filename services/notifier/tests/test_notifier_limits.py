"""The platforms' limits hold over all replicas, and a flood stops every one of them."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest_asyncio
from notifier_house import BOT
from notifier_stage import Stage, running, settings

from contracts import Priority
from contracts.topology import PEERS, TELEGRAM_PERMITS_PER_SECOND, ring
from notifier.pauses import Pauses
from notifier.permits import Permits
from notifier.turns import URGENCY
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.settings import ServiceSettings

TELEGRAM_LIMIT_PER_SECOND = 30
PEOPLE = 3 * TELEGRAM_PERMITS_PER_SECOND
RING = ring("telegram", BOT)


async def crowd(stage: Stage, count: int = PEOPLE) -> dict[str, int]:
    """Messages to many people at once; the platform's counts when all have their results."""
    people = await asyncio.gather(*(stage.person("telegram") for _ in range(count)))
    messages = await asyncio.gather(*(stage.send(person) for person in people))
    for message in messages:
        assert (await stage.outcome(message))[0] == "accepted"
    return await stage.stats("telegram")


async def test_two_notifiers_share_one_limit(stage: Stage) -> None:
    await stage.process()
    async with running(settings(stage)):
        stats = await crowd(stage)
    assert stats["accepted"] == PEOPLE
    assert stats["over_limit"] == 0
    # What is limited is the handing out; the permits leave room for calls that arrive late.
    assert stats["peak_per_second"] <= TELEGRAM_LIMIT_PER_SECOND
    calls = await stage.calls(method="sendMessage")
    assert calls[-1]["real"] - calls[0]["real"] >= 2, "three windows' permits took two windows"


async def test_without_permits_they_would_break_it(stage: Stage) -> None:
    """The negative control of the test before."""
    async with running(settings(stage, turnout_break="permits")):
        stats = await crowd(stage)
    assert stats["over_limit"] > 0


async def test_a_flood_of_one_chat_lets_the_others_pass(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann, bob = await stage.person("telegram"), await stage.person("telegram")
    await stage.fault("429", person=ann.address.chat_id, count=1, retry_after=2)
    slow = await stage.send(ann)
    await stage.send(bob)
    await bob.hears()
    assert await ann.heard() == []
    assert await stage.outcome(slow) == ("accepted", None, False)
    refused, accepted = await stage.calls(person=ann.address.chat_id, method="sendMessage")
    assert accepted["real"] - refused["real"] >= 2


async def test_a_flood_of_the_bot_stops_everybody_for_as_long_as_it_was_told(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    people = [await stage.person("telegram") for _ in range(8)]
    await stage.fault("429", count=3, retry_after=2)
    messages = await asyncio.gather(*(stage.send(person) for person in people[:3]))
    async with asyncio.timeout(10):
        while len(await stage.calls(outcome="refused")) < 3:
            await asyncio.sleep(0.01)
    messages += await asyncio.gather(*(stage.send(person) for person in people[3:]))
    for message in messages:
        assert await stage.outcome(message) == ("accepted", None, False)
    refused = await stage.calls(method="sendMessage", outcome="refused")
    accepted = await stage.calls(method="sendMessage", outcome="accepted")
    assert len(refused) == 3
    assert min(call["real"] for call in accepted) - refused[-1]["real"] >= 1.95


@pytest_asyncio.fixture
async def broker(provisioned: str) -> AsyncIterator[Broker]:
    broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    yield broker
    await broker.frame.stop()


async def test_the_most_urgent_gets_the_next_permit(broker: Broker) -> None:
    permits = Permits(broker, Health("notifier", 1, Clock()), RING)
    order: list[Priority] = []

    async def take(priority: Priority) -> None:
        await permits.take(priority)
        order.append(priority)

    await asyncio.gather(*(take(priority) for priority in reversed(URGENCY) for _ in range(2)))
    await permits.close()
    assert order == [priority for priority in URGENCY for _ in range(2)]


async def test_of_many_pauses_the_longest_wins_whatever_comes_last(broker: Broker) -> None:
    pauses = [Pauses(broker, await broker.bucket(PEERS), RING) for _ in range(4)]
    seconds = [30.0, *(random.uniform(1, 20) for _ in range(11))]
    random.shuffle(seconds)
    before = datetime.now().astimezone()
    await asyncio.gather(*(pauses[number % 4].pause(each) for number, each in enumerate(seconds)))
    assert await paused_until(broker) >= before + timedelta(seconds=30)
    await pauses[0].pause(5)
    assert await paused_until(broker) >= before + timedelta(seconds=30)


async def paused_until(broker: Broker) -> datetime:
    info = await broker.jetstream.consumer_info(RING.stream, RING.consumer)
    assert info.config.pause_until is not None
    return datetime.fromisoformat(info.config.pause_until)
