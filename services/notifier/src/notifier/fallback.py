"""While the ring of an account does not answer: its processes agree on that, and on its return."""

import asyncio
import time
from contextlib import suppress
from uuid import uuid4

import nats.errors
import structlog

from contracts.topology import Ring
from notifier.local_pace import Footing, Source
from notifier.ring_grants import RingGrants
from runtime.broker import Broker
from runtime.metrics import counter, gauge

PROBE_SECONDS = 0.25
"""Between two questions to a ring that does not answer."""

_own_pace = counter(
    "turnout_own_pace_seconds_total",
    "Time for which this process sent at its own part of the limit, because the ring was away.",
    ("platform",),
)
_is_away = gauge(
    "turnout_ring_away", "1 while the account's ring does not answer.", ("platform", "account")
)

log = structlog.get_logger()


class Fallback:
    """One account's, in this process."""

    def __init__(self, broker: Broker, ring: Ring, grants: RingGrants) -> None:
        self._broker = broker
        self._ring = ring
        self._grants = grants
        self._footing = Footing()
        self._subject = f"limits.{ring.platform}.{ring.account}.ring-away"
        self._name = uuid4().hex.encode()
        self._listening: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def source(self) -> Source:
        """Where permits come from now."""
        return self._footing.at(time.monotonic())

    def start(self) -> None:
        """Hear of what other processes find."""
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Hear and ask no more."""
        for task in (self._listening, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def cut(self, how: str) -> None:
        """The ring does not answer: leave it, and look when it does again."""
        if self.source == "ring":
            log.warning(
                "ring away: limit divided among processes",
                stream=self._ring.stream,
                how=how,
                remedy="task streams",
            )
        self._footing.cut(time.monotonic())
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _listen(self) -> None:
        subscription = await self._broker.nats.subscribe(self._subject)
        try:
            async for message in subscription.messages:
                if message.data != self._name:
                    self.cut("another process says so")
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _watch(self) -> None:
        away = _is_away.labels(platform=self._ring.platform, account=self._ring.account)
        own_pace = _own_pace.labels(platform=self._ring.platform)
        away.set(1)
        seen_at = time.monotonic()
        while self.source != "ring":
            # While the broker itself is away nothing is sent, and nobody can be told.
            if self._broker.away_since is None and not await self._grants.probe():
                self.cut("no answer to a probe")
                with suppress(nats.errors.Error, OSError):
                    await self._broker.nats.publish(self._subject, self._name)
            await asyncio.sleep(PROBE_SECONDS)
            now = time.monotonic()
            if self.source == "own":
                own_pace.inc(now - seen_at)
            seen_at = now
        away.set(0)
        log.info("ring answers again", stream=self._ring.stream)
