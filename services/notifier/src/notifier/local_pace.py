"""What one process may send when the ring does not answer: its part of the limit, by itself.

Ring and own pace must never be used in the same second, by whichever process: that could be twice
the limit. So between the two lies a window of silence, and all processes change over together, for
whoever is cut off says so to the others (`notifier.fallback`).
"""

from typing import Literal

from contracts import Platform
from contracts.topology import PERMIT_WINDOW_SECONDS

QUIET_SECONDS = 1.0
"""No sign of trouble for so long, from any process, and the ring is trusted again; a process that
is cut off gives one at least every half second."""
WHATSAPP_PART = 0.5
"""What people write counts too (platforms.md B5), and without the ring nobody knows how much: a
dialogue is as much in as out."""

Source = Literal["ring", "silence", "own"]


class Footing:
    """Where permits come from at a moment; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._began_at = self._cut_at = float("-inf")

    def cut(self, now: float) -> None:
        """The ring does not answer, here or elsewhere."""
        if self.at(now) == "ring" or self._cut_at + QUIET_SECONDS <= now:
            self._began_at = now
        self._cut_at = now

    def at(self, now: float) -> Source:
        """The ring, this process's own pace, or nothing: before and after the own pace, until
        what was sent on the other footing is a window ago.
        """
        since_cut_seconds = now - self._cut_at
        if since_cut_seconds >= QUIET_SECONDS + PERMIT_WINDOW_SECONDS:
            return "ring"
        if since_cut_seconds >= QUIET_SECONDS or now - self._began_at < PERMIT_WINDOW_SECONDS:
            return "silence"
        return "own"


class OwnPace:
    """One process's part of a limit, evenly spread."""

    def __init__(self, platform: Platform, replicas_max: int) -> None:
        """Prepare.

        Args:
            platform: WhatsApp's limit is shared with what people write.
            replicas_max: among how many processes the limit is divided.
        """
        self._part = (WHATSAPP_PART if platform == "whatsapp" else 1.0) / replicas_max
        self._next_at = float("-inf")

    def interval_seconds(self, permits: int) -> float:
        """Between two calls.

        A whole number of calls per window, so that no second in which all processes begin at once
        holds more than the limit.

        Args:
            permits: what the ring holds: the calls of all processes in one window.
        """
        share = permits * self._part
        return PERMIT_WINDOW_SECONDS / (int(share) if share >= 1 else share)

    def wait_seconds(self, now: float) -> float:
        """Until the next call; 0.0 when it may be made now."""
        return max(self._next_at - now, 0.0)

    def take(self, now: float, permits: int, factor: int = 1) -> None:
        """A call is made now; `factor`: how many permits it costs."""
        self._next_at = now + factor * self.interval_seconds(permits)
