"""Webhooks wait here while nothing can be stored: a short outage is then nobody's business.

They wait in memory with their connections open, so the platforms still own every one of them, and
within the bounds of `limits.Room`. Who waits for the broker is let through in the order in which it
came, and not before the stream of what people say has answered (ADR 0020).
"""

import asyncio
import itertools
from contextlib import suppress

from contracts.topology import INBOUND
from runtime.broker import UNREACHABLE
from runtime.failures import Unavailable
from runtime.metrics import gauge
from runtime.service import Service

LOOK_SECONDS = 0.1
"""Between two looks at a broker that is away."""
ANSWER_SECONDS_MAX = 1.0
"""For the stream to answer such a look."""
LET_THROUGH_AT_ONCE = 256
"""Webhooks that go on after one look: as many messages in flight as nats-py is fastest with."""

_held = gauge("turnout_webhooks_held", "Webhooks that wait for the broker at this moment.")


class Hold:
    """Who waits for the broker, by arrival."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._places = itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    def place(self) -> int:
        """A place in the line, for a webhook that arrives now."""
        return next(self._places)

    @property
    def is_on(self) -> bool:
        """Whether who comes now would only fail, or overtake those who wait."""
        return self._looking is not None or not self._is_reached

    @property
    def _is_reached(self) -> bool:
        # The door is open before the broker was reached for the first time.
        return self._service.health.started and self._service.broker.away_since is None

    async def wait(self, place: int, until: float) -> None:
        """Wait until things can be stored again.

        Args:
            place: who came earlier goes on earlier.
            until: the event loop's time at which waiting ends.

        Raises:
            Unavailable: they cannot, until then; or the service stops.
        """
        if self._service.health.stopping:
            raise Unavailable("nats")
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[place] = turn
        _held.labels().set(len(self._waiting))
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            raise Unavailable("nats") from None
        finally:
            del self._waiting[place]
            _held.labels().set(len(self._waiting))

    async def _look(self) -> None:
        # A pause first: who was refused by a broker that answers must not ask it in a circle.
        await asyncio.sleep(LOOK_SECONDS)
        try:
            while not self._service.health.stopping:
                if not await self._can_store():
                    await asyncio.sleep(LOOK_SECONDS)
                elif self._waiting:
                    for place in sorted(self._waiting)[:LET_THROUGH_AT_ONCE]:
                        _go_on(self._waiting[place])
                else:
                    return
        finally:
            self._looking = None
            for turn in self._waiting.values():
                if not turn.done():
                    turn.set_exception(Unavailable("nats"))

    async def _can_store(self) -> bool:
        if not self._is_reached:
            return False
        with suppress(TimeoutError, *UNREACHABLE):
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._service.broker.jetstream.stream_info(INBOUND.name)
            return True
        return False


def _go_on(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)
