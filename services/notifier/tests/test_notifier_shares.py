"""Classes of messages under a flood of replies, over two replicas and a real ring."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from notifier_house import BOT
from prometheus_client import REGISTRY

from contracts import Priority
from contracts.topology import Ring
from notifier.permits import AGE_SECONDS_MAX, Permits
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.provision import provision
from runtime.settings import ServiceSettings

RING = Ring(platform="telegram", account=BOT, permits=60)
"""Whole: what is looked at here is who gets a permit, and one at a time is waited for."""
SECONDS = 5.0
WAITERS: dict[Priority, int] = {"reply": 40, "transactional": 20, "reminder": 4, "bulk": 4}
"""A process works on up to 64 chats at a time, but on few reminders and broadcasts."""
CALL_SECONDS = 0.05


@pytest_asyncio.fixture
async def replicas(provisioned: str) -> AsyncIterator[list[Permits]]:
    """Two processes at one ring."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(2):
            broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
            await broker.frame.connect()
            stack.push_async_callback(broker.frame.stop)
            if number == 0:
                await broker.jetstream.delete_stream(RING.stream)
                await provision(broker.jetstream, [RING])
            permits = Permits(broker, Health("notifier", number, Clock()), RING)
            await permits.look()
            stack.push_async_callback(permits.close)
            found.append(permits)
        yield found


async def calls_of(replicas: list[Permits], waiters: dict[Priority, int]) -> Counter[Priority]:
    """How many calls each class made while all had too much to say."""
    made: Counter[Priority] = Counter()

    async def send(permits: Permits, priority: Priority) -> None:
        while True:
            if (await permits.take(priority)).use():
                made[priority] += 1
                await asyncio.sleep(CALL_SECONDS)

    sending = [
        asyncio.create_task(send(permits, priority))
        for permits in replicas
        for priority, count in waiters.items()
        for _ in range(count)
    ]
    await asyncio.wait(sending, timeout=SECONDS)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    return made


async def test_bulk_keeps_a_tenth_under_a_flood_of_replies(replicas: list[Permits]) -> None:
    made = await calls_of(replicas, WAITERS)
    assert made["bulk"] >= made.total() / 10
    assert made["reminder"] >= made.total() / 10
    assert made["transactional"] >= made.total() * 18 / 100
    assert made["reply"] >= made.total() / 2


async def test_reminders_do_not_starve_bulk_nor_bulk_reminders(replicas: list[Permits]) -> None:
    made = await calls_of(replicas, {"reminder": 4, "bulk": 4})
    assert made["bulk"] >= made.total() / 10
    assert made["reminder"] >= made.total() / 2


async def passes(seconds: float) -> None:
    """Let them go on for so long: what they do in that time is what is looked at."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        await asyncio.sleep(0.05)


def dropped_late() -> float:
    """How many permits were too old when they were looked at."""
    name = "turnout_permits_dropped_total"
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and sample.labels["reason"] == "late"
    )


async def test_a_loop_that_lagged_drops_its_permits_instead_of_using_them_late(
    replicas: list[Permits],
) -> None:
    """What lay there while the process was busy may be handed out again before it is used."""
    permits, other = replicas
    late = dropped_late()
    # The other takes what there is, so that this one has to wait for what comes back.
    for _ in range(RING.permits):
        await other.take("bulk")
    waiting = asyncio.create_task(permits.take("reply"))
    # It has asked; now let a permit arrive while nothing in this process runs.
    await passes(0.5)
    busy_until = asyncio.get_running_loop().time() + 0.8
    while asyncio.get_running_loop().time() < busy_until:
        pass
    permit = await waiting
    assert permit.fresh
    assert dropped_late() == late + 1


@pytest.mark.parametrize("age", [0.0, AGE_SECONDS_MAX + 0.01])
async def test_a_permit_is_used_at_once_or_not_at_all(replicas: list[Permits], age: float) -> None:
    permit = await replicas[0].take("reply")
    await asyncio.sleep(age)
    assert permit.use() == (age == 0)


async def test_what_is_given_back_is_used_once_and_the_limit_holds(replicas: list[Permits]) -> None:
    """Half of the messages take too long to get ready, and the limit is used all the same."""
    calls: list[float] = []
    loop = asyncio.get_running_loop()

    async def send(permits: Permits, slow_seconds: float) -> None:
        while True:
            permit = await permits.take("bulk")
            await asyncio.sleep(slow_seconds)
            while not permit.use():
                permit = await permits.take("bulk", prepared=True)
            calls.append(loop.time())

    sending = [
        asyncio.create_task(send(permits, slow_seconds))
        for permits in replicas
        for slow_seconds in (0.0, 2 * AGE_SECONDS_MAX)
        for _ in range(10)
    ]
    await asyncio.wait(sending, timeout=SECONDS)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    assert max(sum(start <= at < start + 1 for at in calls) for start in calls) <= RING.permits
    assert len(calls) / (calls[-1] - calls[0]) > 0.85 * RING.permits
