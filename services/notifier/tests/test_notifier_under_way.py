"""What a platform counts is a call's arrival there; a permit waits for that, however long."""

import asyncio
import time
from collections.abc import AsyncIterator

import nats
import pytest
import pytest_asyncio

from contracts.topology import PERMIT_WINDOW_SECONDS, ring
from notifier.permits import Permits
from notifier.under_way import LATE_SECONDS_MAX
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.provision import provision
from runtime.settings import ServiceSettings

ONE = ring("telegram", "slow", 1)
"""Its one permit is handed out, comes back, and is handed out again."""
SLOW_SECONDS = 0.5
OVERLONG_SECONDS = 1.5 * PERMIT_WINDOW_SECONDS
TIMERS_SECONDS = 0.5
"""The server's and a busy machine's."""


@pytest_asyncio.fixture
async def replicas(nats_url: str) -> AsyncIterator[tuple[Permits, Permits]]:
    client = await nats.connect(nats_url)
    await provision(client.jetstream(), [ONE])
    await client.close()
    broker = Broker("notifier", ServiceSettings(nats_url=nats_url))
    await broker.frame.connect()
    first, second = (Permits(broker, Health("notifier", 1, Clock()), ONE) for _ in range(2))
    yield first, second
    await first.close()
    await second.close()
    await broker.frame.stop()


async def quick_call(permits: Permits) -> None:
    """So that it is known how long a call takes that is not late."""
    permit = await permits.take("reply")
    with permit.call():
        pass


async def next_after(
    replicas: tuple[Permits, Permits], seconds: float
) -> tuple[float, float, float]:
    """When one replica had its permit, when its call was over, and when another one had it."""
    mine, others = replicas
    await quick_call(mine)
    permit = await mine.take("reply")
    with permit.call():
        await asyncio.sleep(seconds)
    over_at = time.monotonic()
    await others.take("reply")
    # Not when the server says that it was handed out: that is put early where the loop was late.
    return permit.granted_at, over_at, time.monotonic()


async def test_after_a_quick_call_it_comes_back_a_window_after_it_was_handed_out(
    replicas: tuple[Permits, Permits],
) -> None:
    granted_at, _, next_at = await next_after(replicas, LATE_SECONDS_MAX / 4)
    assert 1.0 <= next_at - granted_at <= PERMIT_WINDOW_SECONDS + TIMERS_SECONDS


@pytest.mark.parametrize("seconds", [SLOW_SECONDS, OVERLONG_SECONDS])
async def test_after_a_slow_call_it_comes_back_a_window_after_the_answer(
    replicas: tuple[Permits, Permits], seconds: float
) -> None:
    _, over_at, next_at = await next_after(replicas, seconds)
    assert 1.0 <= next_at - over_at <= PERMIT_WINDOW_SECONDS + TIMERS_SECONDS, "counted just now"
