"""The ring of an account is away: its processes go on, and keep the limit together."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from notifier_house import BOT
from notifier_stage import Stage, counted, running, settings

from contracts.topology import PEERS, Ring, ring
from notifier.limits import Allowed, Limits
from notifier.permits import Paused
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.provision import provision
from runtime.settings import ServiceSettings

TELEGRAM_LIMIT_PER_SECOND = 30
RING = ring("telegram", BOT, 20)
WAITERS = 8
OWN_PACE = 'turnout_own_pace_seconds_total{platform="telegram",service="notifier"}'


@dataclass
class Replica:
    """One process's limits, and more messages than they let through."""

    broker: Broker
    limits: Limits
    calls: list[float] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)

    async def send(self) -> None:
        """Call as often as it is allowed."""
        while True:
            try:
                permit = await self.limits.permits.take("reply")
            except Paused:
                await asyncio.sleep(0.01)
                continue
            if permit.use():
                self.calls.append(time.monotonic())
                self.sources.add(permit.source)


@asynccontextmanager
async def replicas(nats_url: str, count: int, replicas_max: int) -> AsyncIterator[list[Replica]]:
    """Several that send as fast as they may."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(count):
            broker = Broker("notifier", ServiceSettings(nats_url=nats_url))
            await broker.frame.connect()
            stack.push_async_callback(broker.frame.stop)
            limits = Limits(
                broker,
                Health("notifier", number, Clock()),
                await broker.bucket(PEERS),
                RING,
                Allowed(replicas_max=replicas_max),
            )
            limits.start()
            stack.push_async_callback(limits.close)
            found.append(Replica(broker, limits))
        sending = [asyncio.create_task(replica.send()) for replica in found for _ in range(WAITERS)]
        try:
            yield found
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)


async def passes(seconds: float) -> None:
    """Let them go on for so long: what they do in that time is what is looked at."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        await asyncio.sleep(0.05)


def most_in_a_second(calls: Sequence[float]) -> int:
    """The fullest window of a second, wherever it begins."""
    return max(sum(start <= at < start + 1 for at in calls) for start in calls)


async def through_an_absence(
    nats_url: str, jetstream_of: Broker, replicas_max: int
) -> tuple[list[float], list[Replica]]:
    """All calls of two processes before, while and after the ring's consumer is gone."""
    async with replicas(nats_url, 2, replicas_max) as found:
        jetstream = jetstream_of.jetstream
        await passes(1.5)
        await jetstream.delete_consumer(RING.stream, RING.consumer)
        await passes(4)
        for replica in found:
            with pytest.raises(LookupError, match="task streams"):
                await replica.limits.check()
        away = max(at for replica in found for at in replica.calls)
        await provision(jetstream, [RING])
        async with asyncio.timeout(10):
            while any(replica.limits.permits.away for replica in found):
                await asyncio.sleep(0.05)
        await passes(1.5)
        assert max(at for replica in found for at in replica.calls) > away + 1
    return sorted(at for replica in found for at in replica.calls), found


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Broker]:
    broker = Broker("notifier", ServiceSettings(nats_url=nats_url))
    await broker.frame.connect()
    await broker.jetstream.delete_stream(RING.stream)
    await provision(broker.jetstream, [RING])
    yield broker
    await broker.frame.stop()


async def test_without_the_ring_two_processes_go_on_within_the_limit(provisioned: str) -> None:
    async with connected(provisioned) as broker:
        calls, found = await through_an_absence(provisioned, broker, replicas_max=2)
    for replica in found:
        assert replica.sources == {"ring", "own-pace"}
    assert most_in_a_second(calls) <= RING.permits


async def test_undivided_they_would_break_it(provisioned: str) -> None:
    """The negative control: each takes the whole limit for its own."""
    async with connected(provisioned) as broker:
        calls, _ = await through_an_absence(provisioned, broker, replicas_max=1)
    assert most_in_a_second(calls) > RING.permits


async def test_one_that_is_cut_off_takes_the_others_along(provisioned: str) -> None:
    """Else the ring's whole limit and its own part would be used in the same second."""
    async with connected(provisioned), replicas(provisioned, 2, replicas_max=2) as found:
        await passes(1)
        cut_off, other = found

        async def no_answer() -> bool:
            return False

        cut_off.limits.permits._grants.probe = no_answer  # type: ignore[method-assign]
        cut_off.limits.permits._fallback.cut("as if its part of the cluster were away")
        async with asyncio.timeout(5):
            while not (cut_off.sources == other.sources == {"ring", "own-pace"}):
                await asyncio.sleep(0.05)
        await passes(1.5)
    calls = sorted(at for replica in found for at in replica.calls)
    assert most_in_a_second(calls) <= RING.permits


async def test_a_pause_holds_without_the_ring(provisioned: str) -> None:
    async with connected(provisioned) as broker, replicas(provisioned, 2, 2) as found:
        await broker.jetstream.delete_stream(RING.stream)
        async with asyncio.timeout(10):
            while not all(replica.sources >= {"own-pace"} for replica in found):
                await asyncio.sleep(0.05)
        await found[0].limits.pauses.pause(2)
        heard_at = time.monotonic() + 0.2
        until = datetime.now(UTC) + timedelta(seconds=2)
        await passes(3.5)
    now, clock = datetime.now(UTC), time.monotonic()
    ends_at = clock - (now - until).total_seconds()
    calls = [at for replica in found for at in replica.calls]
    assert not [at for at in calls if heard_at < at < ends_at - 0.05]
    assert [at for at in calls if at > ends_at]


async def test_messages_go_out_while_the_consumer_of_the_ring_is_gone(stage: Stage) -> None:
    """Two real processes, and the platform's own count of what came in any second."""
    await stage.process(NOTIFIER_REPLICAS_MAX="2")
    people = await asyncio.gather(*(stage.person("telegram") for _ in range(100)))
    async with running(settings(stage, notifier_replicas_max=2)) as http:
        messages = await asyncio.gather(*(stage.send(person) for person in people))
        async with asyncio.timeout(20):
            while (await stage.stats("telegram"))["accepted"] < 30:
                await asyncio.sleep(0.02)
        jetstream = stage.client.jetstream()
        whole: Ring = ring("telegram", BOT)
        await jetstream.delete_consumer(whole.stream, whole.consumer)
        for message in messages:
            assert await stage.outcome(message) == ("accepted", None, False)
        health = (await http.get("/health")).json()
        assert "does not answer" in health["failing"]["permits of telegram"]
        assert await counted(http, OWN_PACE) > 0
    stats = await stage.stats("telegram")
    assert stats["over_limit"] == 0
    assert stats["peak_per_second"] <= TELEGRAM_LIMIT_PER_SECOND
