"""Exact counts of what each platform received and posted."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

PEAK_WINDOW_SECONDS = 1.0


@dataclass
class Peak:
    """The largest number that ever fell into one window of a second, wherever it begins."""

    highest: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def count(self, at: float) -> None:
        """Count one at monotonic time `at`; times never go back."""
        while self._recent and self._recent[0] <= at - PEAK_WINDOW_SECONDS:
            self._recent.popleft()
        self._recent.append(at)
        self.highest = max(self.highest, len(self._recent))


@dataclass
class WebhookStats:
    """Of webhook posts. `posted` counts first attempts, `retried` further ones, `refused`
    attempts that were not answered 2xx, `pending` updates not yet delivered.
    """

    posted: int = 0
    retried: int = 0
    refused: int = 0
    pending: int = 0
    delivered: int = 0
    duplicated: int = 0
    dropped: int = 0


@dataclass
class PlatformStats:
    """Of one platform since the last reset."""

    accepted: int = 0
    edited: int = 0
    over_limit: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    webhooks: WebhookStats = field(default_factory=WebhookStats)
    _peak: Peak = field(default_factory=Peak)
    _person_peaks: dict[str, Peak] = field(default_factory=dict)

    def message_accepted(self, person: str) -> None:
        """A message to a person was taken for delivery."""
        now = time.monotonic()
        self.accepted += 1
        self._peak.count(now)
        self._person_peaks.setdefault(person, Peak()).count(now)

    def call_refused(self, code: int, *, over_limit: bool = False) -> None:
        """A call was answered with an error; `over_limit` when a rate limit was the reason."""
        self.refused[str(code)] += 1
        self.over_limit += over_limit

    def as_json(self) -> dict[str, Any]:
        """What `/sim/stats` answers for this platform."""
        return {
            "accepted": self.accepted,
            "edited": self.edited,
            "refused": dict(self.refused),
            "refused_total": sum(self.refused.values()),
            "over_limit": self.over_limit,
            "peak_per_second": self._peak.highest,
            "per_person_peak": max(
                (peak.highest for peak in self._person_peaks.values()), default=0
            ),
            "calls": dict(self.calls),
            "webhooks": vars(self.webhooks).copy(),
        }
