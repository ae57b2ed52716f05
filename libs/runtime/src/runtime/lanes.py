"""The lanes of a work queue: each hands out one message at a time, and keeps its order.

Not FastStream's loop: it asks the broker anew for every message and builds a task group, a
message of its own and two random ids around it, which costs more than most handlers (ADR 0018).
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts.topology import Consumer

PULL_SECONDS = 1.0
"""How long a pull request waits; also how long a lost one delays recovery (nats.md 1.5), and how
long a process that was stopped may still be handed messages."""
MESSAGES_PER_PULL_MAX = 256
"""One request for many: the next one follows the acknowledgement without being asked for."""
PULL_LOST_SECONDS = PULL_SECONDS + 0.5
"""Without a word for so long, the request or its end got lost with a connection."""
WATCH_SECONDS = 0.25
STOP_POLL_SECONDS = 0.01
STATUS_HEADER = "Status"
REQUEST_ENDED = "408"

Handle = Callable[[Msg], Awaitable[None]]


class Lane:
    """One durable with one message in flight."""

    def __init__(self, client: Client, consumer: Consumer, handle: Handle) -> None:
        self._client = client
        self._handle = handle
        self._ask_at = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}"
        self._request = json.dumps(
            {"batch": MESSAGES_PER_PULL_MAX, "expires": int(PULL_SECONDS * 1_000_000_000)}
        ).encode()
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._left = 0
        self._heard_at = 0.0
        self.stopping = False
        self.busy = False

    async def start(self) -> None:
        """Begin to pull."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._hear)
        await self._ask()

    async def stop(self) -> None:
        """Hear no more."""
        if self._subscription is not None:
            with suppress(nats.errors.Error):
                await self._subscription.unsubscribe()

    async def _ask(self) -> None:
        self._left = MESSAGES_PER_PULL_MAX
        self._heard_at = time.monotonic()
        with suppress(nats.errors.Error):  # not connected: the watch asks again
            await self._client.publish(self._ask_at, self._request, self._inbox)

    async def _hear(self, raw: Msg) -> None:
        self._heard_at = time.monotonic()
        if raw.headers and not raw.data and (status := raw.headers.get(STATUS_HEADER)):
            # Any other end, as of a consumer that is gone, is left to the watch: no busy loop.
            if status == REQUEST_ENDED and not self.stopping:
                await self._ask()
            return
        if self.stopping:
            await raw.nak()  # another replica takes it
            return
        self.busy = True
        try:
            await self._handle(raw)
        finally:
            self.busy = False
            self._heard_at = time.monotonic()
        self._left -= 1
        if not self._left:
            await self._ask()

    async def watch(self) -> None:
        """Ask again where nothing was heard for too long."""
        silent_seconds = time.monotonic() - self._heard_at
        if not self.busy and not self.stopping and silent_seconds > PULL_LOST_SECONDS:
            await self._ask()


class Lanes:
    """All lanes of a process, and the watch over them."""

    def __init__(self) -> None:
        self._lanes: list[Lane] = []
        self._watching: asyncio.Task[None] | None = None
        self._starting: set[asyncio.Task[None]] = set()

    async def start(self, client: Client, handlers: list[tuple[Consumer, Handle]]) -> None:
        """Begin to pull from each consumer."""
        self._lanes = [Lane(client, consumer, handle) for consumer, handle in handlers]
        await asyncio.gather(*(lane.start() for lane in self._lanes))
        self._watching = asyncio.create_task(self._watch())

    def add(self, client: Client, consumer: Consumer, handle: Handle) -> None:
        """Pull from one more, from now on; as soon as it exists, if it does not yet."""
        lane = Lane(client, consumer, handle)
        self._lanes.append(lane)
        starting = asyncio.create_task(lane.start())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for lane in self._lanes:
                await lane.watch()

    async def stop(self, seconds_max: float) -> None:
        """End what is in hand, within the limit, and hand back what still comes."""
        for lane in self._lanes:
            lane.stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                while any(lane.busy for lane in self._lanes):
                    await asyncio.sleep(STOP_POLL_SECONDS)
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(lane.stop() for lane in self._lanes))
