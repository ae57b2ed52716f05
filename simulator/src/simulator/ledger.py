"""The independent record of every call received and every webhook posted."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Literal

from simulator.clock import Clock

LEDGER_ENTRIES_MAX = 500_000

Direction = Literal["call", "webhook"]


class Ledger:
    """Entries in the order in which the simulator saw them, numbered without gaps.

    The numbers go on after a reset, so a reader's `after` never points at something newer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[dict[str, Any]] = deque(maxlen=LEDGER_ENTRIES_MAX)
        self._last_n = 0

    def write(
        self,
        platform: str,
        direction: Direction,
        method: str,
        person: str | None,
        text: str | None,
        outcome: str,
        **details: Any,
    ) -> None:
        """Add one entry: `at` is business time, `real` is unix seconds of real time."""
        self._last_n += 1
        self._entries.append(
            {
                "n": self._last_n,
                "at": self._clock.now().isoformat(),
                "real": round(time.time(), 4),
                "platform": platform,
                "direction": direction,
                "method": method,
                "person": person,
                "text": text,
                "outcome": outcome,
                **{name: value for name, value in details.items() if value is not None},
            }
        )

    def lines(self, after: int = 0, direction: Direction | None = None) -> Iterator[str]:
        """NDJSON of the entries whose number is above `after`, of one direction or of both."""
        for entry in list(self._entries):
            if entry["n"] > after and direction in (None, entry["direction"]):
                yield json.dumps(entry, ensure_ascii=False) + "\n"

    def clear(self) -> None:
        """Forget the entries, not the numbering."""
        self._entries.clear()
