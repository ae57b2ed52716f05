"""Schedulers as processes in front of a real broker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import nats
import pytest_asyncio
from nats.aio.client import Client

from runtime.testing import NatsServer, free_port

WAIT_SECONDS_MAX = 20.0
PERIOD = timedelta(seconds=5)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not await is_so():
            await asyncio.sleep(0.05)


REMINDERS = "send-due-reminders"


@dataclass
class World:
    """A broker, a clock to turn, and a look at what was said."""

    nats_url: str
    client: Client
    clock_file: Path
    offset_seconds: float = 0.0

    def advance(self, by: timedelta) -> None:
        self.offset_seconds += by.total_seconds()
        new = self.clock_file.with_suffix(".new")
        new.write_text(json.dumps({"offset_seconds": self.offset_seconds}))
        new.replace(self.clock_file)

    async def dues(self) -> list[datetime]:
        """The due times of the reminders' ticks in the stream, in its order."""
        jetstream = self.client.jetstream()
        state = (await jetstream.stream_info("COMMANDS")).state
        found = []
        for sequence in range(1, state.last_seq + 1):
            message = await jetstream.get_msg("COMMANDS", sequence)
            assert message.subject is not None
            assert message.data is not None
            _, name, _, key = message.subject.split(".")
            assert key == "tick"
            if name != REMINDERS:
                continue
            found.append(datetime.fromisoformat(json.loads(message.data)["due_at"]))
        return found

    async def more_than(self, count: int) -> None:
        """Wait until the stream holds more than so many."""

        async def is_so() -> bool:
            return len(await self.dues()) > count

        await until(is_so)

    @asynccontextmanager
    async def scheduler(self) -> AsyncIterator[httpx.AsyncClient]:
        """A scheduler process and its HTTP door; ended at the end."""
        port = free_port()
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "NATS_URL": self.nats_url,
            "HTTP_PORT": str(port),
            "TURNOUT_TEST": "1",
            "TURNOUT_CLOCK_FILE": str(self.clock_file),
        }
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "scheduler", env=env)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                await until(lambda: _answers(http, "/health/live"))
                yield http
        finally:
            child.terminate()
            assert await asyncio.wait_for(child.wait(), WAIT_SECONDS_MAX) == 0


async def _answers(http: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await http.get(path)).status_code == 200
    except httpx.TransportError:
        return False


async def metric(http: httpx.AsyncClient, name: str) -> float:
    """A metric's value for the reminders' tick in this process."""
    lines = (await http.get("/metrics")).text.splitlines()
    return sum(
        float(line.split()[-1])
        for line in lines
        if line.startswith(name + "{") and f'tick="{REMINDERS}"' in line
    )


async def published(http: httpx.AsyncClient) -> float:
    """How many ticks this process published, known ones included."""
    return await metric(http, "turnout_ticks_published_total")


@pytest_asyncio.fixture
async def world(provisioned: str, tmp_path: Path) -> AsyncIterator[World]:
    client = await nats.connect(provisioned, max_reconnect_attempts=-1, reconnect_time_wait=0)
    yield World(provisioned, client, tmp_path / "clock.json")
    await client.close()


async def test_two_schedulers_say_each_tick_once(world: World) -> None:
    async with world.scheduler() as one, world.scheduler() as other:
        await until(lambda: _answers(one, "/health/ready"))
        await until(lambda: _answers(other, "/health/ready"))
        for _ in range(4):
            count = len(await world.dues())
            before = await published(one), await published(other)
            world.advance(PERIOD)
            await world.more_than(count)

            async def both_said_it(before: tuple[float, float] = before) -> bool:
                return await published(one) > before[0] and await published(other) > before[1]

            await until(both_said_it)

        dues = await world.dues()
        both = await published(one) + await published(other)

    assert len(dues) == len(set(dues))
    assert dues == sorted(dues)
    # Without the derived id there would be as many as were published.
    assert both >= 2 * 4
    assert len(dues) < both


async def test_a_jump_of_the_clock_is_one_tick_with_the_new_time(world: World) -> None:
    async with world.scheduler():
        await world.more_than(0)
        before = await world.dues()
        world.advance(timedelta(hours=23))
        await world.more_than(len(before))
        after = (await world.dues())[len(before) :]

    jumped = [due for due in after if due - before[-1] > timedelta(hours=22)]
    assert len(jumped) >= 1
    assert len(after) <= 2, "the hours in between are not said one by one"


async def test_after_an_outage_of_the_broker_there_is_no_burst(
    world: World, nats_server: NatsServer
) -> None:
    async with world.scheduler() as http:
        await world.more_than(0)
        before = await world.dues()
        nats_server.kill()
        try:
            await until(lambda: _not(_answers(http, "/health/ready")))
            for _ in range(4):
                at = await metric(http, "turnout_tick_lateness_seconds")
                world.advance(10 * PERIOD)

                async def looked_again(at: float = at) -> bool:
                    return await metric(http, "turnout_tick_lateness_seconds") > at + 30

                await until(looked_again)
        finally:
            nats_server.start()
        await world.more_than(len(before))
        await until(lambda: _answers(http, "/health/ready"))
        after = (await world.dues())[len(before) :]

    assert max(after) - before[-1] >= 40 * PERIOD
    assert len(after) <= 3, "what was missed is one tick"


async def _not(answer: Awaitable[bool]) -> bool:
    return not await answer


async def test_without_a_broker_it_is_alive_but_not_ready(world: World) -> None:
    world.nats_url = "nats://127.0.0.1:1"
    async with world.scheduler() as http:
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.get("/health/live")).status_code == 200
