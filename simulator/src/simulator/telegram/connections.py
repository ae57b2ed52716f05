"""How many posts to a bot may run at once (telegram-bot-api WebhookActor.cpp)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

SUCCESS_SILENCE_SECONDS = 10.0
"""Without a success for so long, a bot counts as gone."""


@dataclass
class _Pace:
    """At most `count` openings in any `seconds`."""

    count: int
    seconds: float
    _opened_at: deque[float] = field(default_factory=deque)

    def wait_seconds(self, now: float) -> float:
        """How long until one more may be opened; 0 is now."""
        if len(self._opened_at) < self.count:
            return 0.0
        return max(0.0, self._opened_at[0] + self.seconds - now)

    def opened(self, now: float) -> None:
        """One was opened."""
        if len(self._opened_at) == self.count:
            self._opened_at.popleft()
        self._opened_at.append(now)


class Connections:
    """The connections to one bot: each carries one post at a time, and is kept while both sides
    keep it, also through refusals.

    To a bot that counts as gone a connection is opened only if there is none, one in 2 s. Once
    something was taken, further ones are opened as they are needed, 10 in half a second. So a bot
    that refuses is soon at its old pace, and one that was away is a moment later.
    """

    def __init__(self, connections_max: int, needed: Callable[[], int]) -> None:
        """`needed` tells how many the loaded queues could use."""
        self.connections_max = connections_max
        self._needed = needed
        self._open = 0
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_success = float("-inf")
        self._pace_to_the_gone = _Pace(1, 2.0)
        self._pace = _Pace(10, 0.5)
        self._opening: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Wait for a connection; who waited longest is first."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(taken)
        self._hand_out()
        try:
            await taken
        except asyncio.CancelledError:
            if taken.done() and not taken.cancelled():
                self.give_back()
            raise

    def give_back(self, *, succeeded: bool = False, kept: bool = True) -> None:
        """A post ended; not `kept` if the other side closed the connection."""
        if succeeded:
            self._last_success = time.monotonic()
        self._busy -= 1
        if not kept:
            self._open -= 1
        self._hand_out()

    def refused(self) -> None:
        """Nobody listens there: the idle connections are gone as well."""
        self._open = self._busy

    def _hand_out(self) -> None:
        while self._waiting:
            if self._waiting[0].done():  # who asked is gone
                self._waiting.popleft()
                continue
            if self._busy >= self._open and not self._open_another():
                return
            self._busy += 1
            self._waiting.popleft().set_result(None)

    def _open_another(self) -> bool:
        now = time.monotonic()
        if now - self._last_success > SUCCESS_SILENCE_SECONDS:
            pace, needed = self._pace_to_the_gone, 1
        else:
            pace, needed = self._pace, min(self._needed(), self.connections_max)
        if self._open >= max(needed, 1):
            return False
        if (wait_seconds := pace.wait_seconds(now)) > 0:
            if self._opening is None:
                loop = asyncio.get_running_loop()
                self._opening = loop.call_later(wait_seconds, self._open_later)
            return False
        pace.opened(now)
        self._open += 1
        return True

    def _open_later(self) -> None:
        self._opening = None
        self._hand_out()
