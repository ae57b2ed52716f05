"""Rate limits in real time (`time.monotonic`), never in business time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Monotonic = Callable[[], float]


@dataclass
class SlidingWindow:
    """At most `count_max` in any window of `seconds`, wherever the window begins."""

    count_max: int
    seconds: float
    now: Monotonic = time.monotonic
    _taken: deque[float] = field(default_factory=deque)

    def wait_seconds(self) -> float:
        """Seconds until one more is allowed; 0 when it is allowed now."""
        now = self.now()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) < self.count_max:
            return 0.0
        return self._taken[len(self._taken) - self.count_max] + self.seconds - now

    def take(self) -> None:
        """Count one that was allowed."""
        self._taken.append(self.now())


@dataclass
class Gcra:
    """The generic cell rate algorithm: one per `period_seconds`, `burst` at once from full rest.

    A burst borrows from the future: after 20 at once with a period of 6 s the debt is 2 minutes.
    """

    period_seconds: float
    burst: int
    now: Monotonic = time.monotonic
    _due: float = 0.0

    def wait_seconds(self) -> float:
        """Seconds until one more is allowed; 0 when it is allowed now."""
        debt = max(self._due - self.now(), 0.0)
        return max(debt - (self.burst - 1) * self.period_seconds, 0.0)

    def take(self) -> None:
        """Count one that was allowed."""
        self._due = max(self._due, self.now()) + self.period_seconds
