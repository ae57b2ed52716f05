"""A call keeps its permit until the platform has counted it, however slow the way there is.

A permit comes back by itself after the window. Were a call counted late (a stalled network, a busy
platform) and the next one with the same permit at once, both would lie in one second.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from contracts.topology import PERMIT_WINDOW_SECONDS

CALLS_REMEMBERED = 100
"""The quickest of so many last calls is what the way there and back takes at least."""
LATE_SECONDS_MAX = 0.8 * (PERMIT_WINDOW_SECONDS - 1.0)
"""So late a call may be counted: the window is that much, and a little, longer than the second that
the platforms look at."""
KEPT_EVERY_SHARE = 0.5
"""Of the window; said so often, a permit does not come back while its call is under way."""


class Quickest:
    """How long a call takes at least, as far as the last ones show."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=CALLS_REMEMBERED)

    def note(self, seconds: float) -> float:
        """One more call; returns how long the quickest took."""
        self._seconds.append(seconds)
        return min(self._seconds)


class UnderWay:
    """One call, from its beginning to the platform's answer."""

    def __init__(
        self,
        granted_at: float,
        window_seconds: float,
        quickest: Quickest,
        *,
        keep: Callable[[], None],
        postpone: Callable[[float], None],
    ) -> None:
        """The call begins now.

        Args:
            granted_at: when its permit was handed out, by `time.monotonic()`.
            window_seconds: after which the permit comes back by itself.
            quickest: of this account's calls.
            keep: starts the permit's window anew.
            postpone: lets it come back after so many seconds.
        """
        self._granted_at = granted_at
        self._began_at = time.monotonic()
        self._window_seconds = window_seconds
        self._quickest = quickest
        self._keep = keep
        self._postpone = postpone
        self._loop = asyncio.get_running_loop()
        self._kept = False
        self._timer = self._loop.call_later(KEPT_EVERY_SHARE * window_seconds, self._keep_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The platform has counted the call by now, or never will."""
        self._timer.cancel()
        now = time.monotonic()
        quickest_seconds = self._quickest.note(now - self._began_at)
        # It was counted before the answer set out, and the next one arrives later than it is sent:
        # both ways together take the quickest call's time.
        late_seconds = now - quickest_seconds - self._granted_at
        if self._kept or late_seconds > LATE_SECONDS_MAX:
            self._postpone(max(self._window_seconds - quickest_seconds, 0.0))

    def _keep_on(self) -> None:
        self._keep()
        self._kept = True
        self._timer = self._loop.call_later(KEPT_EVERY_SHARE * self._window_seconds, self._keep_on)
