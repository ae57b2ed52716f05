"""Looks at the clock and says what is due."""

from datetime import datetime

import structlog

from contracts import Command
from runtime.failures import Unavailable
from runtime.metrics import counter, gauge
from runtime.service import Service
from scheduler.ticks import Tick

LOOK_SECONDS = 1.0
"""Between two looks at the clock: business time may jump, and then the next look sees it."""
PUBLISH_SECONDS_MAX = 2.0

log = structlog.get_logger()

_said = counter(
    "turnout_ticks_published_total", "Ticks that the stream acknowledged, ours or known.", ("tick",)
)
_lateness = gauge(
    "turnout_tick_lateness_seconds", "From the newest tick that was said until now.", ("tick",)
)


class Ticker:
    """Says one tick whenever it is due; what was missed meanwhile is one tick, not many."""

    def __init__(self, service: Service, tick: Tick) -> None:
        self._service = service
        self._tick = tick
        self._said_at: datetime | None = None
        self._held = False

    async def look(self) -> None:
        """Say the tick of this time, unless it was said; never raises for want of the broker."""
        now = self._service.clock.now()
        due_at = self._tick.due_at(now)
        # Unequal instead of later: the clock of a demo may also be set back.
        if due_at != self._said_at:
            await self._say(due_at)
        if self._said_at is not None:
            _lateness.labels(tick=self._tick.name).set((now - self._said_at).total_seconds())

    async def _say(self, due_at: datetime) -> None:
        try:
            await self._publish(self._tick.command(due_at))
        except Unavailable as error:
            if not self._held:
                log.warning("tick held", tick=self._tick.name, missing=error.what)
            self._held = True
            return
        if self._held:
            log.info("ticks go on", tick=self._tick.name, due_at=due_at.isoformat())
        self._held, self._said_at = False, due_at
        _said.labels(tick=self._tick.name).inc()

    async def _publish(self, command: Command) -> None:
        broker = self._service.broker
        if not broker.nats.is_connected:
            # The client would keep each tick, and pour out all of them when it is back.
            raise Unavailable("nats")
        await broker.publish(command, timeout_seconds=PUBLISH_SECONDS_MAX)
