"""The door: signed webhooks to JetStream's ack and 200, beside a route that only reads the body,
and batches beside publishing alone.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nats
import psutil

from benchmarks.gateway_payloads import ENVIRONMENT, notification_request, update_request
from benchmarks.load import post
from benchmarks.results import Comparison
from runtime.testing import NatsServer, free_port

ROUNDS = 5
REQUESTS_PER_ROUND = 2000
CONNECTIONS = 32
BATCHES = {10: (640, 32), 100: (64, 8), 1000: (8, 4)}
"""Items of a batch: batches of a round, and how many come at the same time."""
BATCH_ROUNDS = 5
WINDOW_MAX = 256
"""Messages of the yardstick that wait for their ack: as many as the batches have in flight, and no
more than where nats-py was fastest of 16 to 1,024."""
PUBLISHED_PER_ROUND = 8000
MEMORY_MB_MAX = 120.0
START_SECONDS_MAX = 30.0


@contextmanager
def process(*command: str, **environment: str) -> Iterator[int]:
    """The id of a process that ends with the block."""
    child = subprocess.Popen(  # noqa: S603 - our own modules, no outside input
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait(20)


async def said_by(module: str, *arguments: str) -> str:
    """What a module of ours prints."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, f"{module} failed"
    return said.decode()


async def answering(port: int) -> None:
    """Wait until the port is open."""
    async with asyncio.timeout(START_SECONDS_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@dataclass(frozen=True)
class Measured:
    """What one round came to, in items."""

    per_second: float
    p99_ms: float
    per_busy_second: float
    """Per second of the server's processor time: what neighbours on the machine change least."""


async def _measured(
    port: int,
    pid: int,
    request: Callable[[int], bytes],
    requests: int,
    connections: int,
    items: int = 1,
) -> Measured:
    # Made before the clock runs: on two cores, who makes them takes from who is measured.
    made = [request(number) for number in range(requests)]
    before = _busy_seconds(pid)
    load = await post(port, made.__getitem__, requests=requests, connections=connections)
    busy_seconds = max(_busy_seconds(pid) - before, 0.01)  # the kernel counts in steps of 10 ms
    return Measured(
        load.per_second * items, load.p99_seconds * 1000, requests * items / busy_seconds
    )


def _busy_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass
class House:
    """What is measured, and where it is."""

    nats_url: str
    port: int
    pid: int
    bare_port: int
    bare_pid: int
    posted: int = 0
    """Items that the gateway was given and has taken."""

    async def post(
        self, request: Callable[[int], bytes], requests: int, connections: int, items: int = 1
    ) -> Measured:
        """Give the gateway requests of so many items each."""
        self.posted += requests * items
        return await _measured(self.port, self.pid, request, requests, connections, items)

    async def post_bare(self, request: Callable[[int], bytes], requests: int) -> Measured:
        """Give the bare route requests."""
        return await _measured(self.bare_port, self.bare_pid, request, requests, CONNECTIONS)

    async def stored(self) -> int:
        """What is in the stream."""
        client = await nats.connect(self.nats_url)
        info = await client.jetstream().stream_info("INBOUND")
        await client.close()
        return info.state.messages


async def run() -> list[Comparison]:
    """All sides in one run, taking turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = NatsServer(folder)
        broker.start()
        stack.callback(broker.kill)
        environment = {**ENVIRONMENT, "NATS_URL": broker.url, "LOG_LEVEL": "warning"}
        provisioning = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.provision"),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await provisioning.wait() == 0, "the streams could not be made"
        port, bare_port = free_port(), free_port()
        pid = stack.enter_context(process("-m", "gateway", **environment, HTTP_PORT=str(port)))
        bare_pid = stack.enter_context(process("-m", "benchmarks.bare_route", str(bare_port)))
        await asyncio.gather(answering(port), answering(bare_port))
        house = House(broker.url, port, pid, bare_port, bare_pid)
        await _warm(house)
        reading = json.loads(await said_by("benchmarks.gateway_parsing"))
        webhooks = await _webhooks(house, reading)
        # Before the yardstick publishes, too: all that was answered with 200 is there.
        assert await house.stored() == house.posted, "something was shed or lost"
        batches = await _batches(house, reading)
        memory = Comparison("gateway: memory after the load", "MB", "what it may have")
        memory.ours.append(psutil.Process(pid).memory_info().rss / 1e6)
        memory.yardstick.append(MEMORY_MB_MAX)
    return [*webhooks, *batches, memory]


async def _webhooks(house: House, reading: dict[str, float]) -> list[Comparison]:
    name = "gateway: signed webhook → JetStream ack → 200"
    rate = Comparison(name, "webhooks/s", "bare FastAPI route that reads the body", aim=0.6)
    busy = Comparison(f"{name}, per second of its processor", "webhooks", "the same route")
    other = Comparison(f"{busy.name}, read by aiogram's models", "webhooks", "the same route")
    tail = Comparison("gateway: p99 of the same", "ms", "the bare route's p99")
    for _ in range(ROUNDS):
        ours = await house.post(update_request, REQUESTS_PER_ROUND, CONNECTIONS)
        bare = await house.post_bare(update_request, REQUESTS_PER_ROUND)
        rate.ours.append(ours.per_second)
        rate.yardstick.append(bare.per_second)
        busy.ours.append(ours.per_busy_second)
        busy.yardstick.append(bare.per_busy_second)
        tail.ours.append(ours.p99_ms)
        tail.yardstick.append(bare.p99_ms)
    other.ours = _read_by(busy.ours, reading["aiogram"] - reading["telegram"])
    other.yardstick = busy.yardstick
    return [rate, tail, busy, other]


async def _batches(house: House, reading: dict[str, float]) -> list[Comparison]:
    found = []
    for items, (batches, connections) in BATCHES.items():
        name = f"gateway: items of WhatsApp batches of {items:,}"
        window = min(items * connections, WINDOW_MAX)
        alone = f"nats-py publishing alone, {window} in flight"
        rate = Comparison(name, "items/s", alone, aim=0.5)
        busy = Comparison(f"{name}, per second of its processor", "items", "the same")
        # Of a batch pywa reads one item, so this is what it would take if each came alone.
        other = Comparison(f"{busy.name}, read by pywa", "items", "the same")
        request = partial(notification_request, items=items)
        for _ in range(BATCH_ROUNDS):
            ours = await house.post(request, batches, connections, items)
            published = await said_by(
                "benchmarks.bare_publish", house.nats_url, str(PUBLISHED_PER_ROUND), str(window)
            )
            per_second, per_busy_second = map(float, published.split())
            rate.ours.append(ours.per_second)
            rate.yardstick.append(per_second)
            busy.ours.append(ours.per_busy_second)
            busy.yardstick.append(per_busy_second)
        other.ours = _read_by(busy.ours, reading["pywa"] - reading["whatsapp"])
        other.yardstick = busy.yardstick
        found += [rate, busy, other]
    return found


def _read_by(rates: list[float], more_seconds: float) -> list[float]:
    """The rates per second of the processor if reading one item took so much longer."""
    return [1 / (1 / rate + more_seconds) for rate in rates]


async def _warm(house: House) -> None:
    """The first requests pay for imports and connections."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            await house.post(update_request, 200, 4)
        except AssertionError:
            # 503 until the gateway has reached its broker.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            break
    await house.post_bare(update_request, 200)
    await house.post(partial(notification_request, items=100), 4, 2, 100)
    # Some of the first may have been stored, though they were answered with 503.
    house.posted = await house.stored()
